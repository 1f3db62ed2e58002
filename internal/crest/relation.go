package crest

import (
	"slices"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// relations reads the relationships that m has: it returns m with the id for
// the reference of a manager and hashed answers, and what is to become of the
// other relations by op (AIC-120). old is what m replaces, nil for none:
// relationships that m does not mention are left alone (AIC-078).
func (q *request) relations(m *scim.Object, old *scim.Resource, op directory.MemberOp) (*scim.Object, []directory.MemberChange, error) {
	k := q.c.kind
	m = m.Clone()
	if v := m.Get("kbaInfo"); !v.IsNull() {
		var stored scim.Value
		if old != nil {
			stored = old.Attributes().Get(k.extension).Object().Get("kbaInfo")
		}
		m.Set("kbaInfo", hashAnswers(stored, v))
	}
	var changes []directory.MemberChange
	for _, p := range k.properties {
		v, sent := m.Lookup(p.name)
		if !p.form.isRelation() || !sent || p.is(readOnly) {
			continue
		}
		ends, err := q.ends(p, v)
		switch {
		case err != nil:
			return nil, nil, err
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
		end, err := q.end(p, ref.Object().Get("_ref").Text())
		if err != nil {
			return nil, err
		}
		if seen[end.ID] { // AIC-126
			return nil, duplicateRelationship()
		}
		seen[end.ID] = true
		ends = append(ends, end)
	}
	return ends, nil
}

func duplicateRelationship() error {
	return preconditionFailed(scim.RuleDuplicateMember, "Duplicate relationship specified in relationship collection.")
}

// end returns the other end of one reference. Groups are looked up because their
// _id may be a name; whether the others are there is seen in the transaction.
func (q *request) end(p *property, ref string) (directory.Member, error) {
	k, id, ok := q.c.p.parse(ref)
	dangling := badRequest(scim.RuleDangling, "The reference '%s' in '%s' is not to an object that exists", ref, p.name)
	if !ok || !possible(id) || !slices.Contains(p.to, k.noun) {
		return directory.Member{}, dangling
	}
	if k.named {
		r, err := q.of(k).find(id, directory.Include{})
		if scim.Is(err, scim.RuleNotFound) {
			return directory.Member{}, dangling
		}
		if err != nil {
			return directory.Member{}, err
		}
		id = r.ID
	}
	return directory.Member{ID: id, Type: k.typ, Path: p.name}, nil
}

// change returns what an operation of a patch on a relationship comes to (AIC-122
// to AIC-124); ok is false if to nothing.
func (q *request) change(p *property, op operation) (ch directory.MemberChange, ok bool, err error) {
	ch = directory.MemberChange{Relation: p.relation, Op: directory.AddMembers}
	switch whole := op.value.IsNull(); {
	case len(op.field) > 1 && isIndex(op.field[1]):
		return ch, false, positionBased(op.field)
	case len(op.field) > 1, op.verb != "add" && op.verb != "replace" && op.verb != "remove", op.end && op.verb == "remove":
		return ch, false, badRequest(scim.RulePath, "The operation '%s' on the relationship '%s' is not supported", op.verb, op.field)
	case op.verb == "remove" && whole && p.form == references:
		return ch, false, badRequest(scim.RulePath, "Cannot delete collection: %s", op.field)
	case op.verb == "remove" && !whole:
		ch.Op = directory.RemoveMembers
	case whole, op.verb == "replace" && !op.end, p.form == reference:
		ch.Op = directory.SetMembers
	}
	ch.Members, err = q.ends(p, op.value)
	if ch.Op == directory.RemoveMembers && scim.Is(err, scim.RuleDangling) {
		return ch, false, nil
	}
	return ch, err == nil && p.relation != 0, err
}

// manager returns the change of the manager as an operation on the attribute
// that it is, with the user's id as its value.
func manager(ch directory.MemberChange, op operation) operation {
	op.verb, op.value, op.end = "remove", scim.Value{}, false
	if len(ch.Members) > 0 {
		op.value = scim.StringValue(ch.Members[0].ID)
		if ch.Op == directory.SetMembers {
			op.verb = "replace"
		}
	}
	return op
}
