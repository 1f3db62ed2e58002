package crest

import (
	"slices"
	"strconv"

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

// A target is the other end of a relationship.
type target struct {
	kind *kind
	id   string         // the _id, as references show it
	key  string         // the resource's id
	read *scim.Resource // if it was
}

// relation returns the value of a relationship: null for none. fields, if not
// nil, are shown of the targets beside the references (AIC-184).
func (v *view) relation(r *scim.Resource, p *property, fields *selection) (scim.Value, error) {
	if p.name == "_meta" {
		return v.meta(r, fields), nil
	}
	targets, err := v.targets(r, p, fields)
	if err != nil {
		return scim.Value{}, err
	}
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

// targets returns the other ends. Roles, assignments, applications and
// organizations are not served: nobody has any.
func (v *view) targets(r *scim.Resource, p *property, fields *selection) ([]target, error) {
	var list []target
	switch p.name {
	case "manager":
		return v.manager(v.c.kind.stored(p, r.Attributes()).Text(), fields)
	case "groups":
		for _, g := range r.Groups {
			if !g.Indirect {
				list = append(list, target{kind: groups, id: nameOrID(g.Name, g.ID), key: g.ID})
			}
		}
	case "members":
		for _, m := range r.Members {
			t := target{kind: users, id: m.ID, key: m.ID}
			if m.Type == groups.typ {
				t = target{kind: groups, id: nameOrID(m.Name, m.ID), key: m.ID}
			}
			list = append(list, t)
		}
	case "reports":
		return v.reports(r)
	}
	return list, nil
}

// manager returns the user of this id, none if it is empty or the user is gone:
// a reference does not outlive what it refers to (AIC-084).
func (v *view) manager(id string, fields *selection) ([]target, error) {
	if id == "" {
		return nil, nil
	}
	var inc directory.Include
	if fields != nil {
		inc = users.include(fields)
	}
	r, err := v.c.d.Read(v.ctx, v.caller, v.caller.Home(), users.typ, id, inc)
	if isRule(err, scim.RuleNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []target{{users, id, id, r}}, nil
}

// reports returns the users whose manager is r.
func (v *view) reports(r *scim.Resource) ([]target, error) {
	var list []target
	query := directory.Query{Start: 1, Filter: users.equal("manager", r.ID)}
	err := users.each(v.ctx, v.c.d, v.caller, query, func(r *scim.Resource) error {
		list = append(list, target{kind: users, id: r.ID, key: r.ID})
		return nil
	})
	return list, err
}

// related returns the reference to a target, with the fields asked of it. A
// target that is gone meanwhile is shown as the reference.
func (v *view) related(t target, fields *selection) (*scim.Object, error) {
	ref := v.reference(t.kind, t.id)
	// The target identifies the relationship: an object is related to another once.
	ref.Set("_refProperties", scim.ObjectValue(scim.NewObject(
		scim.Member{Name: "_id", Value: scim.StringValue(t.key)},
		scim.Member{Name: "_rev", Value: scim.StringValue("0")},
	)))
	if fields == nil || v.nested {
		return ref, nil
	}
	r := t.read
	if r == nil {
		var err error
		r, err = v.c.d.Read(v.ctx, v.caller, v.caller.Home(), t.kind.typ, t.key, t.kind.include(fields))
		if isRule(err, scim.RuleNotFound) {
			return ref, nil
		}
		if err != nil {
			return nil, err
		}
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

// relations is what the relationships of a managed object say in canonical terms.
type relations struct {
	object  *scim.Object // with the id for the reference of a manager, and hashed answers
	groups  []string     // ids of the groups to join
	members []directory.Member
	regroup bool // members are given
}

// relations reads the relationships that m has and checks that their targets
// are there (AIC-120, AIC-125). old is what m replaces, nil for none:
// relationships that m does not mention are left alone (AIC-078).
func (q *request) relations(m *scim.Object, old *scim.Resource) (*relations, error) {
	rel := &relations{object: m.Clone()}
	if v := m.Get("kbaInfo"); !v.IsNull() {
		var stored scim.Value
		if old != nil {
			stored = old.Attributes().Get(q.c.kind.extension).Object().Get("kbaInfo")
		}
		rel.object.Set("kbaInfo", hashAnswers(stored, v))
	}
	for i := range q.c.kind.properties {
		p := &q.c.kind.properties[i]
		v, sent := m.Lookup(p.name)
		if !p.form.isRelation() || !sent || p.is(readOnly) {
			continue
		}
		ends, err := q.ends(p, v)
		if err != nil {
			return nil, err
		}
		switch p.name {
		case "manager":
			rel.object.Set(p.name, scim.Value{})
			if len(ends) > 0 {
				rel.object.Set(p.name, scim.StringValue(ends[0].key))
			}
		case "members":
			rel.regroup = true
			for i, t := range ends {
				rel.members = append(rel.members, directory.Member{ID: t.key, Type: t.kind.typ, Path: "members[" + strconv.Itoa(i) + "].value"})
			}
		case "groups":
			if rel.groups, err = joins(ends, old); err != nil {
				return nil, err
			}
		default:
			// reports is the other side of manager; nobody can have the others.
			if len(ends) > 0 {
				return nil, notYet("Writing the relationship " + p.name)
			}
		}
	}
	return rel, nil
}

// memberList returns members as the attribute of a new group.
func memberList(members []directory.Member) scim.Value {
	list := make([]scim.Value, len(members))
	for i, m := range members {
		list[i] = scim.ObjectValue(scim.NewObject(
			scim.Member{Name: "value", Value: scim.StringValue(m.ID)},
			scim.Member{Name: "type", Value: scim.StringValue(m.Type)},
		))
	}
	return scim.ListValue(list...)
}

// joins returns the groups that a new user joins. Those of a user that is
// replaced must be what they are.
func joins(ends []target, old *scim.Resource) ([]string, error) {
	var ids, had []string
	for _, t := range ends {
		ids = append(ids, t.key)
	}
	if old == nil {
		return ids, nil
	}
	for _, g := range old.Groups {
		if !g.Indirect {
			had = append(had, g.ID)
		}
	}
	slices.Sort(ids)
	slices.Sort(had)
	if !slices.Equal(ids, had) {
		return nil, notYet("Replacing the relationship groups of a user")
	}
	return nil, nil
}

// ends returns the targets that the value of a relationship refers to.
func (q *request) ends(p *property, v scim.Value) ([]target, error) {
	refs := v.List()
	if p.form == reference && !v.IsNull() {
		refs = []scim.Value{v}
	}
	ends := make([]target, 0, len(refs))
	seen := map[target]bool{}
	for _, ref := range refs {
		t, err := q.end(p, ref.Object().Get("_ref"))
		if err != nil {
			return nil, err
		}
		if seen[t] { // AIC-126
			return nil, preconditionFailed(&scim.Error{Rule: scim.RuleDuplicateMember, Path: p.name},
				"Duplicate relationship specified in relationship collection.")
		}
		seen[t] = true
		ends = append(ends, t)
	}
	return ends, nil
}

// end returns the target of one reference. Groups are looked up because their
// _id may be a name, managers because nobody else looks whether they are there;
// the members of a group are looked at in the transaction.
func (q *request) end(p *property, ref scim.Value) (target, error) {
	k, id, ok := q.c.p.parse(ref.Text())
	wanted := users
	if p.name == "groups" {
		wanted = groups
	}
	switch {
	case !ok || !possible(id) || k != wanted && p.name != "members":
		return target{}, dangling(p.name, ref.Text())
	case p.name == "members" && k == users:
		return target{kind: k, id: id, key: id}, nil
	}
	of := *q
	c := *q.c
	c.kind, of.c = k, &c
	r, err := of.find(id, directory.Include{})
	if isRule(err, scim.RuleNotFound) {
		return target{}, dangling(p.name, ref.Text())
	}
	if err != nil {
		return target{}, err
	}
	return target{kind: k, id: k.id(r), key: r.ID}, nil
}

func dangling(property, ref string) error {
	return badRequest(&scim.Error{Rule: scim.RuleDangling, Path: property, Value: ref},
		"The reference '%s' in '%s' is not to an object that exists", ref, property)
}
