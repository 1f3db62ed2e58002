package directory

import (
	"slices"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// farTypes says of which types the other ends of a relation are.
var farTypes = map[scim.Relation][]store.Type{
	scim.Members: {store.User, store.Group}, scim.Groups: {store.Group},
	scim.Reports:     {store.User},
	scim.RoleMembers: {store.User}, scim.Roles: {store.Role},
	scim.OrganizationMembers: {store.User}, scim.MemberOf: {store.Organization},
	scim.Admins: {store.User}, scim.AdminOf: {store.Organization},
	scim.Owners: {store.User}, scim.OwnerOf: {store.Organization},
	scim.Children: {store.Organization}, scim.Parent: {store.Organization},
}

// holders are the relations whose other ends have the list that a change of it
// is a change of: the group of a user, the role, the organization.
var holders = []scim.Relation{scim.Groups, scim.Roles, scim.MemberOf, scim.AdminOf, scim.OwnerOf, scim.Parent}

// relate makes the resources of the keys other ends of the relation, and returns
// how many were not before. A change from the side of a member gives a new
// version to the group, role or organization, too.
//
// Errors: RuleCycle for an organization that would be a part of itself, and for
// a user among its own reports.
func (w *write) relate(tx *store.Tx, row *store.Row, r scim.Relation, ends []int64) (int, error) {
	switch {
	case r == scim.Reports:
		return w.appointAll(tx, row, row, ends)
	case r == scim.Parent || r == scim.Children:
		for _, end := range ends {
			if err := w.adopt(tx, row, r, end); err != nil {
				return 0, err
			}
		}
	}
	if !slices.Contains(holders, r) {
		return tx.Relate(row.TID, r, row.RID, ends...)
	}
	return w.touchAll(tx, r, ends, func(end int64) (int, error) { return tx.Relate(row.TID, r, row.RID, end) })
}

// unrelate takes the resources of the keys out of the relation, and returns how
// many were in it.
func (w *write) unrelate(tx *store.Tx, row *store.Row, r scim.Relation, ends []int64) (int, error) {
	if r == scim.Reports {
		present, err := tx.EndRIDs(row.TID, r, row.RID)
		if err != nil {
			return 0, err
		}
		ends = slices.DeleteFunc(ends, func(end int64) bool { return !slices.Contains(present, end) })
		return w.appointAll(tx, row, nil, ends)
	}
	if !slices.Contains(holders, r) {
		return tx.Unrelate(row.TID, r, row.RID, ends...)
	}
	return w.touchAll(tx, r, ends, func(end int64) (int, error) { return tx.Unrelate(row.TID, r, row.RID, end) })
}

// touchAll gives each of the holders a new version that change changes.
func (w *write) touchAll(tx *store.Tx, r scim.Relation, ends []int64, change func(end int64) (int, error)) (int, error) {
	total := 0
	for _, end := range ends {
		holder, err := tx.ByRID(w.tenant, end)
		if err == nil && r == scim.Groups {
			err = w.entitles(tx, holder)
		}
		if err != nil {
			return 0, err
		}
		n, err := change(end)
		if err == nil && n > 0 {
			err = w.d.touch(tx, w.caller, w.tenant, end)
		}
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// adopt makes sure that the organization at the lower end of the relation gets a
// parent that it can have, and loses the one that it has.
func (w *write) adopt(tx *store.Tx, row *store.Row, r scim.Relation, end int64) error {
	if err := tx.LockKey("organizations of " + w.caller.Environment); err != nil { // one at a time, so that no two make a cycle
		return err
	}
	child, parent := row.RID, end
	if r == scim.Children {
		child, parent = end, row.RID
	}
	for above := []int64{parent}; len(above) > 0; {
		if above[0] == child {
			return &scim.Error{Rule: scim.RuleCycle, Path: r.String(), Schema: w.draft.Type, Value: row.ID}
		}
		var err error
		if above, err = tx.EndRIDs(row.TID, scim.Parent, above[0]); err != nil {
			return err
		}
	}
	had, err := tx.EndRIDs(row.TID, scim.Parent, child)
	if err != nil || slices.Contains(had, parent) {
		return err
	}
	_, err = tx.Unrelate(row.TID, scim.Parent, child, had...)
	return err
}

// appointAll makes manager, nil for none, the manager of the users of the keys.
func (w *write) appointAll(tx *store.Tx, row, manager *store.Row, users []int64) (int, error) {
	total := 0
	for _, user := range users {
		if user == row.RID {
			return 0, &scim.Error{Rule: scim.RuleCycle, Path: scim.Reports.String(), Schema: w.draft.Type, Value: row.ID}
		}
		changed, err := w.d.appoint(tx, w.caller, row.TID, user, manager, w.d.stamp())
		if err != nil {
			return 0, err
		}
		if changed {
			total++
		}
	}
	return total, nil
}
