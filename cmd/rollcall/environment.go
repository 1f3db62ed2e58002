package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

type environmentCommand struct {
	Create environmentCreate `cmd:"" help:"Make an environment, with its default population and its group Users."`
	List   environmentList   `cmd:"" help:"List the environments."`
	Show   environmentShow   `cmd:"" help:"Show one environment."`
	Delete environmentDelete `cmd:"" help:"Delete an environment with everything in it."`
}

// environmentView is an environment as --json prints it.
type environmentView struct {
	ID         string    `json:"environment_id"`
	Name       string    `json:"name"`
	Population string    `json:"default_population_id"`
	Group      string    `json:"default_group_id"`
	Created    time.Time `json:"created"`
}

func viewEnvironment(e *directory.Environment) environmentView {
	return environmentView{e.ID, e.Name, e.DefaultPopulation, e.DefaultGroup, e.Created}
}

func (v environmentView) write(w io.Writer) {
	fmt.Fprintf(w, "environment         %s\nname                %s\ndefault population  %s\ngroup Users         %s\ncreated             %s\n",
		v.ID, v.Name, v.Population, v.Group, v.Created.Format(time.RFC3339))
}

type environmentCreate struct {
	dataFlag
	Name string `arg:"" help:"A name that no other environment has."`
}

func (c *environmentCreate) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		e, err := d.CreateEnvironment(ctx, directory.EnvironmentDraft{Name: c.Name})
		if err != nil {
			return err
		}
		v := viewEnvironment(e)
		return t.print(v, v.write)
	})
}

type environmentList struct{ dataFlag }

func (c *environmentList) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		all, err := d.Environments(ctx)
		if err != nil {
			return err
		}
		return printTable(t, all, viewEnvironment, "ID\tNAME\tCREATED", func(v environmentView) string {
			return fmt.Sprintf("%s\t%s\t%s", v.ID, v.Name, v.Created.Format(time.RFC3339))
		})
	})
}

type environmentShow struct {
	dataFlag
	Environment string `arg:"" help:"Its id or name."`
}

func (c *environmentShow) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		e, err := d.FindEnvironment(ctx, c.Environment)
		if err != nil {
			return err
		}
		v := viewEnvironment(e)
		return t.print(v, v.write)
	})
}

type environmentDelete struct {
	dataFlag
	Environment string `arg:"" help:"Its id or name."`
	Yes         bool   `help:"Delete it: nothing of it can be brought back."`
}

func (c *environmentDelete) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		e, err := d.FindEnvironment(ctx, c.Environment)
		if err != nil {
			return err
		}
		if !c.Yes {
			return usageError(fmt.Sprintf("this deletes environment %s (%s) with all its users, groups and clients; add --yes to do it", e.Name, e.ID))
		}
		if err := d.DeleteEnvironment(ctx, e.ID); err != nil {
			return err
		}
		return t.say(map[string]string{"deleted": e.ID}, "deleted environment %s (%s)\n", e.Name, e.ID)
	})
}
