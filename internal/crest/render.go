package crest

import (
	"context"
	"encoding/binary"
	"hash/fnv"
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

// include says what of a resource must be read to show the selection.
func (k *kind) include(s *selection) directory.Include {
	var inc directory.Include
	for i := range k.properties {
		p := &k.properties[i]
		if p.relation != 0 && p.relation != scim.Manager && s.wants(p) && !slices.Contains(inc.Relations, p.relation) {
			inc.Relations = append(inc.Relations, p.relation)
		}
	}
	return inc
}

// A view shows resources to a caller: managed objects in the names of a mount.
type view struct {
	c      *collection
	ctx    context.Context
	caller directory.Caller
	nested bool // shown within another object: its own relationships stay references
}

func (q *request) view() *view { return &view{c: q.c, ctx: q.Context(), caller: q.caller} }

// object returns what the selection shows of the resource.
func (v *view) object(r *scim.Resource, s *selection) (*scim.Object, error) {
	out := scim.NewObject(
		scim.Member{Name: "_id", Value: scim.StringValue(v.c.kind.id(r))},
		scim.Member{Name: "_rev", Value: scim.StringValue(revision(r))},
	)
	if !s.named || s.defaults {
		v.defaults(out, r)
	}
	for i := range v.c.kind.properties {
		p := &v.c.kind.properties[i]
		if !p.form.isRelation() || !s.wants(p) {
			continue
		}
		related, err := v.relation(r, p, s.of(p.name))
		if err != nil {
			return nil, err
		}
		named := slices.ContainsFunc(s.pointers, func(at pointer) bool { return at[0] == p.name })
		if named || !related.IsNull() { // AIC-183: null if it is named, else absent (AIC-064)
			out.Set(p.name, related)
		}
	}
	for _, at := range s.pointers {
		if p := v.c.kind.property(at[0]); p == nil || !p.form.isRelation() {
			v.named(out, r, at)
		}
	}
	return out, nil
}

// defaults adds the fields of an answer that names none: all of the schema but
// private ones and relationships (AIC-064, AIC-180), and what the schema does
// not know (AIC-054).
func (v *view) defaults(out *scim.Object, r *scim.Resource) {
	k := v.c.kind
	for i := range k.properties {
		if p := &k.properties[i]; p.byDefault() {
			out.Members = append(out.Members, scim.Member{Name: p.name, Value: v.value(r, p)})
		}
	}
	k.unknown(out, r.Attributes())
}

// named adds the value at a pointer under the pointer's last part (AIC-185).
// The schema's properties are there also without a value (AIC-183).
func (v *view) named(out *scim.Object, r *scim.Resource, at pointer) {
	k := v.c.kind
	p := k.property(at[0])
	var value scim.Value
	switch {
	case at[0] == "_id", at[0] == "_rev", p != nil && p.is(private):
		return
	case p != nil:
		value = v.value(r, p)
	default:
		value = r.Attributes().Get(k.extension).Object().Get(at[0])
	}
	leaf, known := value, p != nil
	for _, name := range at[1:] {
		if p != nil {
			p = find(p.members, name)
			known = p != nil
			if known && p.is(private) {
				return
			}
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
func (v *view) value(r *scim.Resource, p *property) scim.Value {
	value := v.c.kind.stored(p, r.Attributes())
	switch {
	case p.name == "passwordLastChangedTime":
		if !r.PasswordChanged.IsZero() {
			value = scim.StringValue(stamp(r.PasswordChanged))
		}
	case p.name == "kbaInfo":
		value = withoutAnswers(value)
	case p.relation != 0:
		value = v.effective(r.Related[p.relation], p)
	}
	if value.IsNull() && p.form.isList() {
		return scim.ListValue()
	}
	return value
}

// effective returns what is computed of the other ends of a relation: references
// to them, or their ids.
func (v *view) effective(ends []scim.Reference, p *property) scim.Value {
	list := make([]scim.Value, len(ends))
	for i, ref := range ends {
		if t := newTarget(ref); p.is(idsOf) {
			list[i] = scim.StringValue(t.id)
		} else {
			list[i] = scim.ObjectValue(v.reference(t.kind, t.id))
		}
	}
	return scim.ListValue(list...)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func withoutAnswers(v scim.Value) scim.Value {
	list := make([]scim.Value, len(v.List()))
	for i, item := range v.List() {
		q := item.Object().Clone()
		q.Delete("answer")
		list[i] = scim.ObjectValue(q)
	}
	return scim.ListValue(list...)
}
