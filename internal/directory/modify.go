package directory

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"slices"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A Modification changes part of a stored resource (PATCH, in whatever dialect).
type Modification struct {
	Type, ID     string
	Precondition Precondition
	// Apply makes the change of what is stored. It must be pure and quick: it
	// runs inside the transaction, and may run once before it.
	Apply func(old *scim.Resource) (Change, error)
	// Password says that Apply may set a password, which is then hashed before
	// the transaction.
	Password bool
	// Replaces says that it is a replacement (PUT), which passes over what the
	// caller's limits do not let it write, instead of being refused.
	Replaces bool
	// AnyManager is that of Draft.
	AnyManager bool
	NoCycles   bool    // refuses members by which a group would contain itself
	Include    Include // of the result

	// within, if not nil, is called in the transaction before Apply; an error
	// ends it.
	within func(tx *store.Tx, old *store.Row) error
}

// A Change is what Apply makes of a resource.
type Change struct {
	Attributes *scim.Object // all attributes after the change, password included if it is new; nil leaves them
	Population string       // empty leaves it
	MustChange *bool        // nil leaves it
	// DropPassword takes the user's password away, unless Attributes has a new one.
	DropPassword bool
	Members      []MemberChange
}

// A MemberChange adds or removes members of a group, or the other ends of
// another relation. Its cost is that of those that it names, not of those that
// there are.
type MemberChange struct {
	// Relation is that of the resource which is written to; 0 is scim.Members.
	// scim.Manager is not among them: it is an attribute.
	Relation scim.Relation

	Op      MemberOp
	Members []Member
	// Match chooses the members that RemoveMatching removes.
	Match func(scim.Reference) bool
}

// A Member names a resource by id.
type Member struct {
	ID   string
	Type string // User, Group; empty for whichever the relation has and has the id
	Path string // where the request names it, for errors
}

// A MemberOp is what a MemberChange does.
type MemberOp uint8

// The operations on members. Adding one that is there, and removing one that
// is not, changes nothing.
const (
	AddMembers     MemberOp = iota + 1 // those of Members
	RemoveMembers                      // those of Members, known or not
	RemoveMatching                     // those that Match chooses: reads all members
	SetMembers                         // Members and no others
)

// Modify changes part of a resource. A change that comes to nothing leaves
// version and times as they are (RFC 7644 3.5.2.1).
//
// Errors: RuleForbidden, RuleNotFound, RuleVersion; Apply's own; RuleCycle; and
// of the result those of Create.
func (d *Directory) Modify(ctx context.Context, c Caller, s Scope, m Modification) (*scim.Resource, Outcome, error) {
	tenant, err := d.authorise(ctx, c, s, writePermission(m.Type))
	if err != nil {
		return nil, 0, err
	}
	return d.modify(ctx, c, tenant, m)
}

// modify is Modify for a caller who may.
func (d *Directory) modify(ctx context.Context, c Caller, tenant int64, m Modification) (*scim.Resource, Outcome, error) {
	w := &write{d: d, caller: c, tenant: tenant, modifies: true, draft: Draft{Type: m.Type, ID: m.ID, NoCycles: m.NoCycles, AnyManager: m.AnyManager}}
	if err := w.prepare(ctx); err != nil {
		return nil, 0, err
	}
	var hashed string // the password that w.hash is of
	for {
		if m.Password {
			err := d.view(ctx, func(tx *store.Tx) error {
				old, err := c.find(tx.ByID, tenant, w.typ, m.Type, m.ID)
				if err != nil {
					return err
				}
				if err := m.Precondition.check(old); err != nil {
					return err
				}
				return w.apply(m, old)
			})
			if err != nil {
				return nil, 0, err
			}
			if hashed = w.body.password; hashed != "" {
				if err := d.hash(ctx, w, func(tx *store.Tx) (*store.Row, error) { return tx.ByID(tenant, w.typ, m.ID) }); err != nil {
					return nil, 0, err
				}
			}
		}
		err := w.commit(ctx, func(tx *store.Tx) error { return w.modify(tx, m, hashed) })
		if !errors.Is(err, errOtherPassword) {
			return w.result, w.outcome, err
		}
	}
}

// errOtherPassword: another write came between, and Apply now sets a password
// that is not the one hashed.
var errOtherPassword = errors.New("directory: the change sets another password")

// apply calls Apply and takes its attributes apart.
func (w *write) apply(m Modification, old *store.Row) error {
	l := w.caller.limits
	seen := l.show(old.Resource())
	ch, err := m.Apply(seen)
	if err == nil && m.Replaces {
		ch = l.pass(ch)
	} else if err == nil {
		err = l.refuse(m.Type, seen, ch)
	}
	if err != nil {
		return err
	}
	w.draft.Population, w.draft.MustChange, w.changes = ch.Population, ch.MustChange, ch.Members
	w.dropPassword = ch.DropPassword && old.HasPassword
	attributes := ch.Attributes
	if attributes == nil {
		attributes = seen.Attributes()
	}
	if l.keepsAny() {
		attributes = l.keep(m.Type, attributes, old.Resource().Attributes())
	}
	if w.body, err = w.d.takeApart(w.schema, attributes); err != nil {
		return err
	}
	return w.checkPassword(old.Population)
}

func (w *write) modify(tx *store.Tx, m Modification, hashed string) error {
	old, err := w.caller.find(tx.ForChange, w.tenant, w.typ, m.Type, m.ID)
	if err != nil {
		return err
	}
	if err := m.Precondition.check(old); err != nil {
		return err
	}
	if m.within != nil {
		if err := m.within(tx, old); err != nil {
			return err
		}
	}
	if err := w.apply(m, old); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(w.body.password), []byte(hashed)) != 1 {
		return errOtherPassword
	}
	related, err := w.changeMembers(tx, old)
	if err != nil {
		return err
	}
	return w.over(tx, old, related, m.Include)
}

// changeMembers applies the member changes in order and returns the names of
// the relations that have changed.
func (w *write) changeMembers(tx *store.Tx, row *store.Row) (names []string, err error) {
	for _, ch := range w.changes {
		ch.Relation = cmp.Or(ch.Relation, scim.Members)
		n, err := w.changeMember(tx, row, ch)
		if err != nil {
			return nil, err
		}
		if name := ch.Relation.String(); n > 0 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (w *write) changeMember(tx *store.Tx, row *store.Row, ch MemberChange) (int, error) {
	switch ch.Op {
	case AddMembers:
		wanted, err := w.resolveMembers(tx, ch)
		if err != nil {
			return 0, err
		}
		return w.addMembers(tx, row, wanted, ch)
	case SetMembers:
		return w.setMembers(tx, row, ch)
	case RemoveMatching:
		present, err := tx.Ends(row.TID, ch.Relation, row.RID, w.caller.limits.within())
		if err != nil {
			return 0, err
		}
		for _, ref := range present {
			if ch.Match(ref) {
				ch.Members = append(ch.Members, Member{ID: ref.ID, Type: ref.Type})
			}
		}
	}
	found, _, err := w.findMembers(tx, ch)
	if err != nil {
		return 0, err
	}
	return w.unrelate(tx, row, ch.Relation, keys(found))
}

// addMembers makes the resources of the keys members of the group, as the
// change names them, or other ends of its relation, and returns how many were
// not before.
//
// Errors: RuleCycle with NoCycles; RuleForbidden for a caller with limits if the
// group entitles its members to more than that. What costs is how many groups the group is in.
func (w *write) addMembers(tx *store.Tx, g *store.Row, wanted map[int64]bool, ch MemberChange) (int, error) {
	if ch.Relation != scim.Members {
		return w.relate(tx, g, ch.Relation, keys(wanted))
	}
	if len(wanted) > 0 {
		if err := w.entitles(tx, g); err != nil {
			return 0, err
		}
	}
	if w.draft.NoCycles {
		above, err := tx.Containing(g.TID, g.RID)
		if err != nil {
			return 0, err
		}
		for _, rid := range append(above, g.RID) {
			if !wanted[rid] {
				continue
			}
			if err := w.cycle(tx, g, rid, ch.Members); err != nil {
				return 0, err
			}
		}
	}
	return tx.AddMembers(g.TID, g.RID, keys(wanted)...)
}

// cycle returns RuleCycle for the group of this key, which contains g, unless
// it is a member of g already.
func (w *write) cycle(tx *store.Tx, g *store.Row, rid int64, members []Member) error {
	present, err := tx.MemberRIDs(g.TID, g.RID)
	if err != nil || slices.Contains(present, rid) {
		return err
	}
	outer, err := tx.ByRID(g.TID, rid)
	if err != nil {
		return err
	}
	fault := &scim.Error{Rule: scim.RuleCycle, Path: "members", Value: outer.ID, Schema: w.draft.Type}
	if i := slices.IndexFunc(members, func(m Member) bool { return m.ID == outer.ID }); i >= 0 {
		fault.Path = members[i].Path
	}
	return fault
}

func keys(set map[int64]bool) []int64 {
	out := make([]int64, 0, len(set))
	for rid := range set {
		out = append(out, rid)
	}
	slices.Sort(out)
	return out
}
