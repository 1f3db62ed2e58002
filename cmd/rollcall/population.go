package main

import (
	"context"
	"fmt"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

type populationCommand struct {
	Create  populationCreate  `cmd:"" help:"Make a population: a subset of an environment's users."`
	List    populationList    `cmd:"" help:"List the populations of an environment."`
	Default populationDefault `cmd:"" help:"Say which population users go to who name none."`
	Policy  populationPolicy  `cmd:"" help:"Give a population, or the environment, a password policy."`
	Delete  populationDelete  `cmd:"" help:"Delete a population that has no users and is not the default one."`
}

// populationView is a population as --json prints it.
type populationView struct {
	ID      string `json:"population_id"`
	Name    string `json:"name"`
	Default bool   `json:"default"`
	Users   int    `json:"users"`
	Policy  string `json:"policy,omitempty"` // empty: the environment's
}

type populationCreate struct {
	environmentFlags
	Name   string `arg:"" help:"A name that no other population of the environment has."`
	Policy string `enum:",${policies}" default:"" help:"The password policy of its users: ${policies} (the environment's)."`
}

func (c *populationCreate) Run(t *terminal) error {
	return c.within(func(ctx context.Context, d *directory.Directory, e *directory.Environment) error {
		p, err := d.CreatePopulation(ctx, e.ID, "", c.Name)
		if err != nil {
			return err
		}
		if c.Policy != "" {
			if err := d.SetPolicy(ctx, e.ID, p.ID, c.Policy); err != nil {
				return err
			}
		}
		return t.say(populationView{ID: p.ID, Name: p.Name, Policy: c.Policy},
			"population   %s\nname         %s\nenvironment  %s (%s)\n", p.ID, p.Name, e.ID, e.Name)
	})
}

type populationList struct{ environmentFlags }

func (c *populationList) Run(t *terminal) error {
	return c.within(func(ctx context.Context, d *directory.Directory, e *directory.Environment) error {
		all, err := d.AllPopulations(ctx, e.ID)
		if err != nil {
			return err
		}
		view := func(p *directory.Population) populationView { return populationView(*p) }
		return printTable(t, all, view, "ID\tNAME\tUSERS\tPOLICY\t", func(v populationView) string {
			mark := ""
			if v.Default {
				mark = "default"
			}
			return fmt.Sprintf("%s\t%s\t%d\t%s\t%s", v.ID, v.Name, v.Users, v.Policy, mark)
		})
	})
}

type populationDefault struct {
	environmentFlags
	Population string `arg:"" help:"Its id; none, and users must name theirs."`
}

func (c *populationDefault) Run(t *terminal) error {
	return c.within(func(ctx context.Context, d *directory.Directory, e *directory.Environment) error {
		id := c.Population
		if id == "none" {
			id = ""
		}
		if err := d.SetDefaultPopulation(ctx, e.ID, id); err != nil {
			return err
		}
		return t.say(map[string]string{"default_population_id": id}, "the default population of %s is %s\n", e.Name, c.Population)
	})
}

type populationPolicy struct {
	environmentFlags
	Policy     string `arg:"" enum:"${policies},none" help:"${policies}, or none."`
	Population string `arg:"" optional:"" help:"Its id; the environment's own policy is set if it is left out."`
}

func (c *populationPolicy) Run(t *terminal) error {
	return c.within(func(ctx context.Context, d *directory.Directory, e *directory.Environment) error {
		name, of := c.Policy, "population "+c.Population
		if name == "none" {
			name = ""
		}
		if c.Population == "" {
			of = "environment " + e.Name
		}
		if err := d.SetPolicy(ctx, e.ID, c.Population, name); err != nil {
			return err
		}
		return t.say(map[string]string{"population_id": c.Population, "policy": name}, "the password policy of %s is %s\n", of, c.Policy)
	})
}

type populationDelete struct {
	environmentFlags
	Population string `arg:"" help:"Its id."`
}

func (c *populationDelete) Run(t *terminal) error {
	return c.within(func(ctx context.Context, d *directory.Directory, e *directory.Environment) error {
		if err := d.DeletePopulation(ctx, e.ID, c.Population); err != nil {
			return err
		}
		return t.say(map[string]string{"deleted": c.Population}, "deleted population %s\n", c.Population)
	})
}
