package directory

import (
	"context"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// CountMembers returns how many resources of a type belong to the group
// directly. Errors: RuleForbidden, RuleNotFound.
func (d *Directory) CountMembers(ctx context.Context, c Caller, s Scope, group, typ string) (int, error) {
	tenant, err := d.authorise(ctx, c, s, ReadDirectory)
	if err != nil {
		return 0, err
	}
	n := 0
	err = d.view(ctx, func(tx *store.Tx) error {
		row, err := tx.ByID(tenant, store.Group, group)
		if err != nil {
			return notFound(err, "Group", group)
		}
		switch {
		case c.limits.hides(ownMembers):
			return nil
		case c.limits.within() == nil:
			n, err = tx.MemberCount(row.TID, row.RID, storeType(typ))
			return err
		}
		members, err := tx.Ends(row.TID, scim.Members, row.RID, c.limits.within())
		for _, m := range members {
			if m.Type == typ {
				n++
			}
		}
		return err
	})
	return n, err
}
