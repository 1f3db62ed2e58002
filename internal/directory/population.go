package directory

import (
	"context"

	"github.com/google/uuid"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A Population is a subset of an environment's users; every user is in exactly one.
type Population struct {
	ID      string
	Name    string // unique in the environment, in any letter case
	Default bool   // users without another population belong to it
	Users   int
	Policy  string // name of its password policy; empty for the environment's
}

// CreatePopulation stores a population; an empty id is made up. Errors:
// RuleNotFound for an unknown environment, RuleRequired without a name,
// RuleUnique, RuleExists.
func (d *Directory) CreatePopulation(ctx context.Context, environment, id, name string) (*Population, error) {
	if name == "" {
		return nil, &scim.Error{Rule: scim.RuleRequired, Path: "name"}
	}
	if id == "" {
		id = uuid.NewString()
	}
	err := d.update(ctx, func(tx *store.Tx) error {
		t, err := tx.Tenant(environment)
		if err != nil {
			return notFound(err, "Environment", environment)
		}
		row := named(t.TID, store.Population, id, "name", name, d.stamp())
		if err := tx.Insert(row, row.Resource().Attributes()); err != nil {
			return taken(err, "Population", "name", name, id)
		}
		return d.record(tx, Caller{tenant: t.TID}, "create", "Population", id)
	})
	if err != nil {
		return nil, err
	}
	return &Population{ID: id, Name: name}, nil
}

// Populations returns the populations of the scope that the caller sees users
// of, in order of creation.
// Errors: as Read.
func (d *Directory) Populations(ctx context.Context, c Caller, s Scope) ([]*Population, error) {
	if _, err := d.authorise(ctx, c, s, ReadDirectory); err != nil {
		return nil, err
	}
	return d.populations(ctx, s.Environment, c.limits)
}

// AllPopulations returns the populations of the environment in order of
// creation. Errors: RuleNotFound.
func (d *Directory) AllPopulations(ctx context.Context, environment string) ([]*Population, error) {
	return d.populations(ctx, environment, nil)
}

func (d *Directory) populations(ctx context.Context, environment string, l *limits) (out []*Population, err error) {
	err = d.view(ctx, func(tx *store.Tx) error {
		t, err := tx.Tenant(environment)
		if err != nil {
			return notFound(err, "Environment", environment)
		}
		policies, err := readAssigned(t)
		if err != nil {
			return err
		}
		page, err := tx.Select(store.Query{TID: t.TID, Type: store.Population, Count: maxPopulations})
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			if !l.reaches(row.RID) {
				continue
			}
			users, err := tx.PopulationCount(row.TID, row.RID)
			if err != nil {
				return err
			}
			out = append(out, &Population{ID: row.ID, Name: row.Resource().Attributes().Get("name").Text(),
				Default: row.RID == t.DefaultPop, Users: users, Policy: policies[row.ID]})
		}
		return nil
	})
	return out, err
}

// maxPopulations bounds a list that has no pages.
const maxPopulations = 1000

// DeletePopulation removes a population. RuleProtected for the default one and
// for one that has users.
func (d *Directory) DeletePopulation(ctx context.Context, environment, id string) error {
	return d.update(ctx, func(tx *store.Tx) error {
		t, err := tx.LockedTenant(environment)
		if err != nil {
			return notFound(err, "Environment", environment)
		}
		row, err := tx.ByID(t.TID, store.Population, id)
		if err != nil {
			return notFound(err, "Population", id)
		}
		users, err := tx.PopulationCount(row.TID, row.RID)
		if err != nil {
			return err
		}
		if row.RID == t.DefaultPop || users > 0 {
			return &scim.Error{Rule: scim.RuleProtected, Schema: "Population", Value: id}
		}
		if err := tx.Delete(row); err != nil {
			return err
		}
		if err := d.assign(tx, t, id, ""); err != nil {
			return err
		}
		return d.record(tx, Caller{tenant: t.TID}, "delete", "Population", id)
	})
}

// SetDefaultPopulation lets users without a population go to this one, or,
// with an empty id, refuses them (pingone B8).
func (d *Directory) SetDefaultPopulation(ctx context.Context, environment, id string) error {
	return d.update(ctx, func(tx *store.Tx) error {
		t, err := tx.LockedTenant(environment)
		if err != nil {
			return notFound(err, "Environment", environment)
		}
		t.DefaultPop = 0
		if id != "" {
			row, err := tx.ByID(t.TID, store.Population, id)
			if err != nil {
				return notFound(err, "Population", id)
			}
			t.DefaultPop = row.RID
		}
		t.Version++ // see typeCache
		t.Modified = d.stamp()
		if err := tx.UpdateTenant(t); err != nil {
			return err
		}
		return d.record(tx, Caller{tenant: t.TID}, "set default", "Population", id)
	})
}
