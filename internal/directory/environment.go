package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// An Environment is a tenant: nothing crosses it.
type Environment struct {
	ID                string
	Name              string // unique, in any letter case
	DefaultPopulation string // id
	DefaultGroup      string // id of the group Users
	Created           time.Time
}

// An EnvironmentDraft is an environment as an administrator proposes it. Empty
// ids are made up.
type EnvironmentDraft struct {
	ID         string
	Name       string
	Population string // id of the default population
}

// defaultGroupName is the group that new users of PingOne for Enterprise join (p14e R4).
const defaultGroupName = "Users"

// CreateEnvironment stores an environment with its default population and its
// group Users. Errors: RuleRequired without a name, RuleUnique for a taken
// name or id.
func (d *Directory) CreateEnvironment(ctx context.Context, dr EnvironmentDraft) (*Environment, error) {
	if dr.Name == "" {
		return nil, &scim.Error{Rule: scim.RuleRequired, Path: "name"}
	}
	if dr.ID == "" {
		dr.ID = uuid.NewString()
	}
	if dr.Population == "" {
		dr.Population = uuid.NewString()
	}
	e := &Environment{ID: dr.ID, Name: dr.Name, DefaultPopulation: dr.Population, DefaultGroup: uuid.NewString()}
	err := d.update(ctx, func(tx *store.Tx) error {
		now := d.stamp()
		e.Created = now
		t := store.Tenant{ID: dr.ID, Name: dr.Name, NameKey: scim.Fold(dr.Name), Version: 1, Created: now, Modified: now}
		if err := tx.InsertTenant(&t); err != nil {
			return taken(err, "Environment", "name", dr.Name, dr.ID)
		}
		population := named(t.TID, store.Population, e.DefaultPopulation, "name", "Default", now)
		if err := tx.Insert(population, population.Resource().Attributes()); err != nil {
			return err
		}
		group := named(t.TID, store.Group, e.DefaultGroup, "displayName", defaultGroupName, now)
		if err := tx.Insert(group, group.Resource().Attributes()); err != nil {
			return err
		}
		t.DefaultPop, t.DefaultGroup = population.RID, group.RID
		if err := tx.UpdateTenant(&t); err != nil {
			return err
		}
		return d.record(tx, Caller{tenant: t.TID}, "create", "Environment", dr.ID)
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Environments returns all environments in order of creation.
func (d *Directory) Environments(ctx context.Context) ([]*Environment, error) {
	var out []*Environment
	err := d.db.View(ctx, func(tx *store.Tx) error {
		all, err := tx.Tenants()
		for _, t := range all {
			out = append(out, environment(t))
		}
		return err
	})
	return out, err
}

// FindEnvironment returns the environment of this id, or of this name in any
// letter case. RuleNotFound if there is none.
func (d *Directory) FindEnvironment(ctx context.Context, idOrName string) (*Environment, error) {
	all, err := d.Environments(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if e.ID == idOrName || scim.Fold(e.Name) == scim.Fold(idOrName) {
			return e, nil
		}
	}
	return nil, &scim.Error{Rule: scim.RuleNotFound, Schema: "Environment", Value: idOrName}
}

// DeleteEnvironment removes an environment with everything in it.
func (d *Directory) DeleteEnvironment(ctx context.Context, id string) error {
	return d.update(ctx, func(tx *store.Tx) error {
		t, err := tx.LockedTenant(id)
		if err != nil {
			return notFound(err, "Environment", id)
		}
		if err := tx.DeleteTenant(t.TID); err != nil {
			return err
		}
		return d.record(tx, Caller{}, "delete", "Environment", id)
	})
}

// Environment returns the environment of the scope. Errors: as Read.
func (d *Directory) Environment(ctx context.Context, c Caller, s Scope) (*Environment, error) {
	if _, err := d.authorise(ctx, c, s, ReadDirectory); err != nil {
		return nil, err
	}
	var out *Environment
	err := d.view(ctx, func(tx *store.Tx) error {
		t, err := tx.Tenant(s.Environment)
		if err != nil {
			return notFound(err, "Environment", s.Environment)
		}
		out = environment(t)
		return nil
	})
	return out, err
}

// named returns a new row whose only attribute is its unique name.
func named(tid int64, typ store.Type, id, attribute, name string, now time.Time) *store.Row {
	doc := scim.ObjectValue(scim.NewObject(scim.Member{Name: attribute, Value: scim.StringValue(name)}))
	return &store.Row{TID: tid, Type: typ, ID: id, Key: scim.Fold(name), Version: 1, Created: now, Modified: now, Doc: doc.AppendJSON(nil)}
}

func environment(t *store.Tenant) *Environment {
	return &Environment{ID: t.ID, Name: t.Name, DefaultPopulation: t.DefaultPopulationID, DefaultGroup: t.DefaultGroupID, Created: t.Created}
}

// authorise is the one gate of every call: it compares the caller with the
// scope, asks for the permission, and writes a refusal down. It returns the
// environment's key in the store.
//
// An environment that is not there is RuleNotFound; one that the credential
// does not cover is RuleForbidden (pingone A11, TEN-02).
func (d *Directory) authorise(ctx context.Context, c Caller, s Scope, p Permission) (int64, error) {
	if c.tenant == 0 || s.Environment == "" {
		return 0, errUnauthenticated
	}
	if s.Environment != c.Environment {
		err := d.view(ctx, func(tx *store.Tx) error {
			_, err := tx.Tenant(s.Environment)
			return notFound(err, "Environment", s.Environment)
		})
		if err != nil {
			return 0, err
		}
		return 0, d.refuse(ctx, c, "Environment", s.Environment)
	}
	if !c.Role.May(p) {
		return 0, d.refuse(ctx, c, "Permission", "")
	}
	return c.tenant, nil
}

// Authorise returns the caller as it acts in the scope, if it may do there what
// needs the permission. Errors: RuleForbidden, which is also written to the
// audit log; RuleNotFound for an environment that is not there.
func (d *Directory) Authorise(ctx context.Context, c Caller, s Scope, p Permission) (Caller, error) {
	if s.Environment != c.Environment && slices.Contains(c.elsewhere, s.Environment) {
		there, err := d.operator(ctx, s.Environment)
		if err != nil {
			return c, err
		}
		c.Environment, c.tenant, c.version = there.Environment, there.tenant, there.version
	}
	_, err := d.authorise(ctx, c, s, p)
	return c, err
}

// refuse writes the refusal down and returns RuleForbidden. A refusal that
// cannot be written down is still a refusal.
func (d *Directory) refuse(ctx context.Context, c Caller, typ, id string) error {
	return d.refused(ctx, c, &scim.Error{Rule: scim.RuleForbidden, Schema: typ, Value: id})
}

func (d *Directory) refused(ctx context.Context, c Caller, fault *scim.Error) error {
	err := d.update(ctx, func(tx *store.Tx) error {
		return tx.AppendAudit(d.audit(c, "refuse", fault.Schema, fault.Value, "forbidden"))
	})
	return errors.Join(fault, err)
}

// change is update for a write of the caller: what the transaction refuses is
// written down after it.
func (d *Directory) change(ctx context.Context, c Caller, fn func(*store.Tx) error) error {
	err := d.update(ctx, fn)
	if faults := scim.Faults(err); len(faults) == 1 && faults[0].Rule == scim.RuleForbidden {
		return d.refused(ctx, c, faults[0])
	}
	return err
}
