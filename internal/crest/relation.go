package crest

import (
	"slices"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// reference returns what refers to an object: its parts are those of a
// reference that is read (AIC-121), less the relationship's own.
func (v *view) reference(k *kind, id string) *scim.Object {
	in := v.c.naming.of(k)
	return scim.NewObject(
		scim.Member{Name: "_ref", Value: scim.StringValue(in + "/" + id)},
		scim.Member{Name: "_refResourceCollection", Value: scim.StringValue(in)},
		scim.Member{Name: "_refResourceId", Value: scim.StringValue(id)},
	)
}

// relationRev is the revision of every relationship: there is nothing to change in one.
const relationRev = "0"

// A target is the other end of a relationship.
type target struct {
	kind *kind
	id   string // the _id, as references show it
	key  string // the resource's id
}

func newTarget(ref scim.Reference) target {
	t := target{kind: kindOf(ref.Type), id: ref.ID, key: ref.ID}
	if t.kind.named {
		t.id = nameOrID(ref.Name, ref.ID)
	}
	return t
}

// relation returns the value of a relationship: null for none. fields, if not
// nil, are shown of the targets beside the references (AIC-184).
func (v *view) relation(r *scim.Resource, p *property, fields *selection) (scim.Value, error) {
	if p.name == "_meta" {
		return v.meta(r, fields), nil
	}
	targets := p.targets(r)
	if fields != nil && len(targets) > maxTargets {
		return scim.Value{}, badRequest(&scim.Error{Rule: scim.RuleTooMany, Path: p.name},
			"The field '%s' refers to more than %d objects: ask for the references only", p.name, maxTargets)
	}
	list := make([]scim.Value, 0, len(targets))
	for _, t := range targets {
		ref, err := v.related(t, fields)
		if err != nil {
			return scim.Value{}, err
		}
		list = append(list, scim.ObjectValue(ref))
	}
	switch {
	case p.form == references:
		return scim.ListValue(list...), nil
	case len(list) == 0:
		return scim.Value{}, nil
	}
	return list[0], nil
}

// maxTargets bounds the reads that one relationship with fields of its targets
// takes.
const maxTargets = 1_000

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

// related returns the reference to a target, with the fields asked of it. A
// target that is gone meanwhile is shown as the reference.
func (v *view) related(t target, fields *selection) (*scim.Object, error) {
	ref := v.reference(t.kind, t.id)
	// The target identifies the relationship: an object is related to another once.
	ref.Set("_refProperties", scim.ObjectValue(scim.NewObject(
		scim.Member{Name: "_id", Value: scim.StringValue(t.key)},
		scim.Member{Name: "_rev", Value: scim.StringValue(relationRev)},
	)))
	if fields == nil || v.nested {
		return ref, nil
	}
	r, err := v.c.d.Read(v.ctx, v.caller, v.caller.Home(), t.kind.typ, t.key, t.kind.include(fields))
	if isRule(err, scim.RuleNotFound) {
		return ref, nil
	}
	if err != nil {
		return nil, err
	}
	of := *v.c
	of.kind = t.kind
	shown, err := (&view{c: &of, ctx: v.ctx, caller: v.caller, nested: true}).object(r, fields)
	if err != nil {
		return nil, err
	}
	ref.Set("_refResourceRev", scim.StringValue(revision(r)))
	ref.Members = append(ref.Members, shown.Members...)
	return ref, nil
}

// meta returns the reference to what is known of the object itself.
func (v *view) meta(r *scim.Resource, fields *selection) scim.Value {
	in := v.c.naming.of(v.c.kind) + "meta"
	out := scim.NewObject(
		scim.Member{Name: "_ref", Value: scim.StringValue(in + "/" + r.ID)},
		scim.Member{Name: "_refResourceCollection", Value: scim.StringValue(in)},
		scim.Member{Name: "_refResourceId", Value: scim.StringValue(r.ID)},
	)
	if fields == nil {
		return scim.ObjectValue(out)
	}
	created := scim.Member{Name: "createDate", Value: scim.StringValue(stamp(r.Created))}
	changed := scim.Member{Name: "lastChanged", Value: scim.ObjectValue(scim.NewObject(
		scim.Member{Name: "date", Value: scim.StringValue(stamp(r.Modified))}))}
	out.Members = append(out.Members,
		scim.Member{Name: "_refResourceRev", Value: scim.StringValue(revision(r))},
		scim.Member{Name: "_id", Value: scim.StringValue(r.ID)},
		scim.Member{Name: "_rev", Value: scim.StringValue(revision(r))},
	)
	for _, m := range []scim.Member{created, changed} {
		named := slices.ContainsFunc(fields.pointers, func(at pointer) bool { return at[0] == m.Name })
		if named || fields.defaults {
			out.Members = append(out.Members, m)
		}
	}
	return scim.ObjectValue(out)
}

// relations reads the relationships that m has: it returns m with the id for
// the reference of a manager and hashed answers, and what is to become of the
// other relations by op (AIC-120). old is what m replaces, nil for none: relationships that m
// does not mention are left alone (AIC-078).
func (q *request) relations(m *scim.Object, old *scim.Resource, op directory.MemberOp) (*scim.Object, []directory.MemberChange, error) {
	m = m.Clone()
	if v := m.Get("kbaInfo"); !v.IsNull() {
		var stored scim.Value
		if old != nil {
			stored = old.Attributes().Get(q.c.kind.extension).Object().Get("kbaInfo")
		}
		m.Set("kbaInfo", hashAnswers(stored, v))
	}
	var changes []directory.MemberChange
	for i := range q.c.kind.properties {
		p := &q.c.kind.properties[i]
		v, sent := m.Lookup(p.name)
		if !p.form.isRelation() || !sent || p.is(readOnly) {
			continue
		}
		ends, err := q.ends(p, v)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case p.relation == 0:
		case p.relation != scim.Manager:
			changes = append(changes, directory.MemberChange{Relation: p.relation, Op: op, Members: ends})
		case len(ends) == 0:
			m.Set(p.name, scim.Value{})
		default:
			m.Set(p.name, scim.StringValue(ends[0].ID))
		}
	}
	return m, changes, nil
}

// ends returns the other ends that the value of a relationship refers to: one
// reference, or an array of them.
func (q *request) ends(p *property, v scim.Value) ([]directory.Member, error) {
	refs := v.List()
	if v.Kind() != scim.Array && !v.IsNull() {
		refs = []scim.Value{v}
	}
	ends := make([]directory.Member, 0, len(refs))
	seen := map[string]bool{}
	for _, ref := range refs {
		end, err := q.end(p, ref)
		if err != nil {
			return nil, err
		}
		if seen[end.ID] { // AIC-126
			return nil, preconditionFailed(&scim.Error{Rule: scim.RuleDuplicateMember, Path: p.name},
				"Duplicate relationship specified in relationship collection.")
		}
		seen[end.ID] = true
		ends = append(ends, end)
	}
	return ends, nil
}

// end returns the other end of one reference. Groups are looked up because their
// _id may be a name; whether the others are there is seen in the transaction.
func (q *request) end(p *property, ref scim.Value) (directory.Member, error) {
	text := ref.Object().Get("_ref").Text()
	k, id, ok := q.c.p.parse(text)
	if !ok || !possible(id) || !slices.Contains(p.to, k.noun) {
		return directory.Member{}, dangling(p.name, text)
	}
	if k.named {
		r, err := q.of(k).find(id, directory.Include{})
		if isRule(err, scim.RuleNotFound) {
			return directory.Member{}, dangling(p.name, text)
		}
		if err != nil {
			return directory.Member{}, err
		}
		id = r.ID
	}
	return directory.Member{ID: id, Type: k.typ, Path: p.name}, nil
}

// of returns the request as one for objects of the kind.
func (q *request) of(k *kind) *request {
	other, c := *q, *q.c
	c.kind, other.c = k, &c
	return &other
}

func dangling(property, ref string) error {
	return badRequest(&scim.Error{Rule: scim.RuleDangling, Path: property, Value: ref},
		"The reference '%s' in '%s' is not to an object that exists", ref, property)
}

// change returns what an operation of a patch on a relationship comes to (AIC-122
// to AIC-124); ok is false if to nothing.
func (q *request) change(p *property, op operation) (ch directory.MemberChange, ok bool, err error) {
	ch = directory.MemberChange{Relation: p.relation, Op: directory.AddMembers}
	switch whole := op.value.IsNull(); {
	case len(op.field) > 1 && isIndex(op.field[1]):
		return ch, false, positionBased(op.field)
	case len(op.field) > 1, op.verb != "add" && op.verb != "replace" && op.verb != "remove", op.end && op.verb == "remove":
		return ch, false, badRequest(&scim.Error{Rule: scim.RulePath, Path: op.field.String()},
			"The operation '%s' on the relationship '%s' is not supported", op.verb, op.field)
	case op.verb == "remove" && whole && p.form == references:
		return ch, false, badRequest(&scim.Error{Rule: scim.RulePath, Path: op.field.String()}, "Cannot delete collection: %s", op.field)
	case op.verb == "remove" && !whole:
		ch.Op = directory.RemoveMembers
	case whole, op.verb == "replace" && !op.end, p.form == reference:
		ch.Op = directory.SetMembers
	}
	ch.Members, err = q.ends(p, op.value)
	if ch.Op == directory.RemoveMembers && isRule(err, scim.RuleDangling) {
		return ch, false, nil
	}
	return ch, err == nil && p.relation != 0, err
}

// manager returns the change of the manager as an operation on the attribute
// that it is, with the user's id as its value.
func manager(ch directory.MemberChange, op operation) operation {
	op.verb, op.value = "remove", scim.Value{}
	if len(ch.Members) > 0 {
		op.value = scim.StringValue(ch.Members[0].ID)
	}
	if ch.Op == directory.SetMembers && len(ch.Members) > 0 {
		op.verb = "replace"
	}
	op.end = false
	return op
}
