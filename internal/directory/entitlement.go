package directory

import (
	"context"
	"errors"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// An Entitlement is a role of people, not of clients: what the members of a
// group may do with the directory when they work with it in person. Each
// includes those before it (p14e A8).
type Entitlement uint8

// The entitlements. Numbers are stored: they are never reused.
const (
	NoEntitlement Entitlement = iota
	UserReader                // reads users and groups
	UserManager               // also invites, creates and changes users, but for their memberships
	GroupManager              // also creates groups, entitles them and changes memberships
)

// May reports whether the entitlement includes the permission.
func (e Entitlement) May(p Permission) bool {
	switch p {
	case Public:
		return true
	case ReadDirectory, ReadSchemas:
		return e >= UserReader
	case WriteUsers:
		return e >= UserManager
	case WriteGroups:
		return e >= GroupManager
	}
	return false
}

// Entitle gives the members of a group the entitlement, in the place of the
// one that the group has. Errors: RuleForbidden, for every client that has limits,
// RuleNotFound, RuleCanonical for
// an entitlement that there is not, RuleProtected for the group Users, whose
// members are everybody.
func (d *Directory) Entitle(ctx context.Context, c Caller, s Scope, group string, e Entitlement) error {
	tenant, err := d.authorise(ctx, c, s, WriteGroups)
	if err != nil {
		return err
	}
	if c.limits != nil {
		return d.refuse(ctx, c, "Group", group)
	}
	return d.entitle(ctx, c, tenant, group, e)
}

// EntitleGroup is Entitle for who runs the server. The group is named by its id
// or its displayName.
func (d *Directory) EntitleGroup(ctx context.Context, environment, group string, e Entitlement) error {
	c, err := d.operator(ctx, environment)
	if err != nil {
		return err
	}
	return d.entitle(ctx, c, c.tenant, group, e)
}

func (d *Directory) entitle(ctx context.Context, c Caller, tenant int64, group string, e Entitlement) error {
	if e > GroupManager {
		return &scim.Error{Rule: scim.RuleCanonical, Path: "entitlement"}
	}
	return d.update(ctx, func(tx *store.Tx) error {
		row, err := tx.ByID(tenant, store.Group, group)
		if errors.Is(err, store.ErrNotFound) && c.Client == "" {
			row, err = tx.ByKey(tenant, store.Group, scim.Fold(group))
		}
		if err != nil {
			return notFound(err, "Group", group)
		}
		t, err := tx.Tenant(c.Environment)
		if err != nil {
			return err
		}
		if row.RID == t.DefaultGroup {
			return &scim.Error{Rule: scim.RuleProtected, Schema: "Group", Value: group}
		}
		if err := tx.SetEntitlement(row.TID, row.RID, int64(e)); err != nil {
			return err
		}
		return d.record(tx, c, "entitle", "Group", row.ID)
	})
}

// Entitled returns the highest entitlement that a user has from the groups
// that it belongs to, directly or through other groups. Errors: RuleForbidden,
// RuleNotFound.
func (d *Directory) Entitled(ctx context.Context, c Caller, s Scope, user string) (Entitlement, error) {
	tenant, err := d.authorise(ctx, c, s, ReadDirectory)
	if err != nil {
		return 0, err
	}
	var role int64
	err = d.view(ctx, func(tx *store.Tx) error {
		row, err := c.find(tx.ByID, tenant, store.User, "User", user)
		if err != nil {
			return err
		}
		role, err = tx.Entitled(row.TID, row.RID)
		return err
	})
	return Entitlement(role), err
}
