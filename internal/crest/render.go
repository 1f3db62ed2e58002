package crest

import (
	"encoding/binary"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// revision returns the _rev of a resource: opaque to clients, another one after
// every effective write, and neither that of another object nor of one that had
// the id before.
func revision(r *scim.Resource) string {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64([]byte(r.ID), uint64(r.Created.UnixMilli())))
	return strconv.FormatUint(h.Sum64(), 16) + "-" + strconv.FormatInt(r.Version, 16)
}

// jsonType is the type of all answers but raw values (AIC-005).
const jsonType = "application/json;charset=UTF-8"

// send answers with an object.
func send(w http.ResponseWriter, r *http.Request, status int, o *scim.Object) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(encode(o, pretty(r.URL.RawQuery)))
}

// encode returns the object as JSON.
func encode(o *scim.Object, pretty bool) []byte {
	if pretty {
		return append(scim.ObjectValue(o).AppendIndent(nil, ""), '\n')
	}
	return o.AppendJSON(nil)
}

func member(name string, v scim.Value) scim.Member { return scim.Member{Name: name, Value: v} }

func textMember(name, text string) scim.Member { return member(name, scim.StringValue(text)) }

// include says what of a resource must be read to show what the client wants.
func (q *request) include() directory.Include { return q.c.kind.include(&q.fields) }

func (k *kind) include(s *selection) (inc directory.Include) {
	for _, p := range k.properties {
		if p.relation != 0 && p.relation != scim.Manager && s.wants(p) && !slices.Contains(inc.Relations, p.relation) {
			inc.Relations = append(inc.Relations, p.relation)
		}
	}
	return inc
}

// show returns what the selection shows of the resource: a managed object in
// the names of the mount.
func (q *request) show(r *scim.Resource, s *selection) (*scim.Object, error) {
	k := q.c.kind
	out := scim.NewObject(textMember("_id", k.id(r)), textMember("_rev", revision(r)))
	if !s.named || s.defaults {
		// All of the schema but what is private and relationships (AIC-064,
		// AIC-180), and what the schema does not know (AIC-054).
		for _, p := range k.properties {
			if p.byDefault() {
				out.Members = append(out.Members, member(p.name, q.value(r, p)))
			}
		}
		k.unknown(out, r.Attributes())
	}
	for _, p := range k.properties {
		if !p.form.isRelation() || !s.wants(p) {
			continue
		}
		related, err := q.relation(r, p, s.of(p.name))
		if err != nil {
			return nil, err
		}
		if s.names(p) || !related.IsNull() { // AIC-183: null if it is named, else absent (AIC-064)
			out.Set(p.name, related)
		}
	}
	for _, at := range s.pointers {
		if p := k.property(at[0]); p == nil || !p.form.isRelation() {
			q.named(out, r, at)
		}
	}
	return out, nil
}

// named adds the value at a pointer under the pointer's last part (AIC-185).
// The schema's properties are there also without a value (AIC-183).
func (q *request) named(out *scim.Object, r *scim.Resource, at pointer) {
	p := q.c.kind.property(at[0])
	var leaf scim.Value
	switch {
	case at[0] == "_id", at[0] == "_rev", p != nil && p.is(private):
		return
	case p != nil:
		leaf = q.value(r, p)
	default:
		leaf = r.Attributes().Get(q.c.kind.extension).Object().Get(at[0])
	}
	known := p != nil
	for _, name := range at[1:] {
		if p != nil {
			if p = find(p.members, name); p != nil && p.is(private) {
				return
			}
			known = p != nil
		}
		leaf = inner(leaf, name)
	}
	if !leaf.IsNull() || known {
		out.Set(at[len(at)-1], leaf)
	}
}

// inner returns the member of an object or the item of an array.
func inner(v scim.Value, name string) scim.Value {
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v.List()) {
		return v.List()[i]
	}
	return v.Object().Get(name)
}

// value returns a property that is no relationship: null without a value, or
// [] (AIC-064).
func (q *request) value(r *scim.Resource, p *property) scim.Value {
	value := q.c.kind.stored(p, r.Attributes())
	switch {
	case p.name == "passwordLastChangedTime" && !r.PasswordChanged.IsZero():
		value = stamp(r.PasswordChanged)
	case p.name == "kbaInfo":
		value = withoutAnswers(value)
	case p.relation != 0: // what is computed of its other ends
		list := make([]scim.Value, len(r.Related[p.relation]))
		for i, ref := range r.Related[p.relation] {
			if t := newTarget(ref); p.is(idsOf) {
				list[i] = scim.StringValue(t.id)
			} else {
				list[i] = scim.ObjectValue(q.reference(t.kind.noun, t.id))
			}
		}
		value = scim.ListValue(list...)
	}
	if value.IsNull() && p.form.isList() {
		return scim.ListValue()
	}
	return value
}

func stamp(t time.Time) scim.Value {
	return scim.StringValue(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

func withoutAnswers(v scim.Value) scim.Value {
	list := make([]scim.Value, len(v.List()))
	for i, item := range v.List() {
		q := item.Object().Clone()
		q.Delete("answer")
		list[i] = scim.ObjectValue(q)
	}
	return scim.ListValue(list...)
}

// reference returns what refers to an object: the parts of a reference that is
// read (AIC-121), less the relationship's own.
func (q *request) reference(noun, id string) *scim.Object {
	in := string(q.c.naming) + noun
	return scim.NewObject(textMember("_ref", in+"/"+id), textMember("_refResourceCollection", in), textMember("_refResourceId", id))
}

// relationRev is the revision of every relationship: there is nothing to change in one.
const relationRev = "0"

// A target is the other end of a relationship.
type target struct {
	kind *kind
	id   string // the _id, as references show it
	key  string // the resource's id, which also identifies the relationship: an object is related to another once
}

func newTarget(ref scim.Reference) target {
	t := target{kind: kindOf(ref.Type), id: ref.ID, key: ref.ID}
	if t.kind.named {
		t.id = nameOrID(ref.Name, ref.ID)
	}
	return t
}

// targets returns the other ends that the resource itself has.
func (p *property) targets(r *scim.Resource) (list []target) {
	if p.relation == scim.Manager && r.Manager != nil {
		return []target{newTarget(*r.Manager)}
	}
	for _, ref := range r.Related[p.relation] {
		if !ref.Indirect {
			list = append(list, newTarget(ref))
		}
	}
	return list
}

// maxTargets bounds the reads that one relationship with fields of its targets
// takes.
const maxTargets = 1_000

// relation returns the value of a relationship: null for none. fields, if not
// nil, are shown of the targets beside the references (AIC-184).
func (q *request) relation(r *scim.Resource, p *property, fields *selection) (scim.Value, error) {
	if p.name == "_meta" {
		return q.meta(r, fields), nil
	}
	targets := p.targets(r)
	if fields != nil && len(targets) > maxTargets {
		return scim.Value{}, badRequest(scim.RuleTooMany, "The field '%s' refers to more than %d objects: ask for the references only", p.name, maxTargets)
	}
	list := make([]scim.Value, len(targets))
	for i, t := range targets {
		ref, err := q.related(t, fields)
		if err != nil {
			return scim.Value{}, err
		}
		list[i] = scim.ObjectValue(ref)
	}
	switch {
	case p.form == references:
		return scim.ListValue(list...), nil
	case len(list) == 0:
		return scim.Value{}, nil
	}
	return list[0], nil
}

// related returns the reference to a target, with the fields asked of it. A
// target that is gone meanwhile is shown as the reference.
func (q *request) related(t target, fields *selection) (*scim.Object, error) {
	ref := q.reference(t.kind.noun, t.id)
	ref.Set("_refProperties", scim.ObjectValue(scim.NewObject(textMember("_id", t.key), textMember("_rev", relationRev))))
	if fields == nil || q.nested {
		return ref, nil
	}
	r, err := q.c.d.Read(q.Context(), q.caller, q.caller.Home(), t.kind.typ, t.key, t.kind.include(fields))
	if scim.Is(err, scim.RuleNotFound) {
		return ref, nil
	}
	if err != nil {
		return nil, err
	}
	of := q.of(t.kind)
	of.nested = true
	shown, err := of.show(r, fields)
	if err != nil {
		return nil, err
	}
	ref.Members = append(append(ref.Members, textMember("_refResourceRev", revision(r))), shown.Members...)
	return ref, nil
}

// meta returns the reference to what is known of the object itself.
func (q *request) meta(r *scim.Resource, fields *selection) scim.Value {
	out := q.reference(q.c.kind.noun+"meta", r.ID)
	if fields == nil {
		return scim.ObjectValue(out)
	}
	out.Members = append(out.Members, textMember("_refResourceRev", revision(r)), textMember("_id", r.ID), textMember("_rev", revision(r)))
	for _, m := range []scim.Member{
		member("createDate", stamp(r.Created)),
		member("lastChanged", scim.ObjectValue(scim.NewObject(member("date", stamp(r.Modified))))),
	} {
		if fields.defaults || slices.ContainsFunc(fields.pointers, func(at pointer) bool { return at[0] == m.Name }) {
			out.Members = append(out.Members, m)
		}
	}
	return scim.ObjectValue(out)
}
