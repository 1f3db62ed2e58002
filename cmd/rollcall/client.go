package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

type clientCommand struct {
	Create clientCreate `cmd:"" help:"Make a client and show its secret, once."`
	List   clientList   `cmd:"" help:"List clients."`
	Rotate clientRotate `cmd:"" help:"Give a client a new secret; the one before stays good until the next rotation."`
	Revoke clientRevoke `cmd:"" help:"End a client: its secrets and tokens are refused from the next request on."`
}

type clientCreate struct {
	dataFlag
	Environment string   `short:"e" default:"default" help:"Id or name of the environment that the client belongs to (${default})."`
	ID          string   `name:"id" help:"Its id; made up if not given."`
	Name        string   `help:"A name for people."`
	Role        string   `enum:"reader,writer,admin" default:"writer" help:"What it may do with the environment's data: reader, writer or admin (${default})."`
	Door        []string `enum:"p14e,pingone,aic,rsa,scim2,scim1" help:"A door that it may use; repeat for more. All if none is named."`
	PublicURL   string   `name:"public-url" placeholder:"URL" default:"http://${listen}" env:"ROLLCALL_PUBLIC_URL" help:"The URL under which clients reach the server (${default})."`
}

func (c *clientCreate) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		e, err := d.FindEnvironment(ctx, c.Environment)
		if err != nil {
			return err
		}
		made, secret, err := d.CreateClient(ctx, directory.ClientDraft{
			Environment: e.ID, ID: c.ID, Name: c.Name, Role: directory.Role(c.Role), Doors: c.Door,
		})
		if err != nil {
			return err
		}
		urls := baseURLs(strings.TrimRight(c.PublicURL, "/"), e.ID, c.Door)
		return t.print(struct {
			Environment string            `json:"environment_id"`
			Client      string            `json:"client_id"`
			Secret      string            `json:"secret"`
			URLs        map[string]string `json:"base_urls"`
		}{e.ID, made.ID, secret, urls}, func(w io.Writer) {
			fmt.Fprintf(w, "environment  %s (%s)\nclient       %s\nsecret       %s\n\nThe secret is shown this once. Base URLs:\n", e.ID, e.Name, made.ID, secret)
			for _, name := range doorNames {
				if urls[name] != "" {
					fmt.Fprintf(w, "  %-8s %s\n", name, urls[name])
				}
			}
		})
	})
}

// clientView is a client as --json prints it.
type clientView struct {
	ID          string    `json:"client_id"`
	Environment string    `json:"environment_id"`
	Name        string    `json:"name"`
	Role        string    `json:"role"`
	Doors       []string  `json:"doors"` // empty: all
	Secrets     int       `json:"live_secrets"`
	Revoked     bool      `json:"revoked"`
	Created     time.Time `json:"created"`
}

type clientList struct {
	dataFlag
	Environment string `short:"e" help:"Only of this environment: its id or name."`
}

func (c *clientList) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		environments, err := c.environments(ctx, d)
		if err != nil {
			return err
		}
		views := []clientView{}
		for _, e := range environments {
			clients, err := d.Clients(ctx, e.ID)
			if err != nil {
				return err
			}
			for _, k := range clients {
				doors := append([]string{}, k.Doors...)
				views = append(views, clientView{k.ID, k.Environment, k.Name, string(k.Role), doors, k.Secrets, k.Revoked, k.Created})
			}
		}
		return t.print(views, func(w io.Writer) {
			table(w, "ID\tNAME\tROLE\tDOORS\tSTATE\tENVIRONMENT", views, func(v clientView) string {
				doors, state := "all", fmt.Sprintf("%d secrets", v.Secrets)
				if len(v.Doors) > 0 {
					doors = strings.Join(v.Doors, ",")
				}
				switch {
				case v.Revoked:
					state = "revoked"
				case v.Secrets == 1:
					state = "1 secret"
				}
				return strings.Join([]string{v.ID, v.Name, v.Role, doors, state, v.Environment}, "\t")
			})
		})
	})
}

func (c *clientList) environments(ctx context.Context, d *directory.Directory) ([]*directory.Environment, error) {
	if c.Environment == "" {
		return d.Environments(ctx)
	}
	e, err := d.FindEnvironment(ctx, c.Environment)
	return []*directory.Environment{e}, err
}

type clientRotate struct {
	dataFlag
	Client string `arg:"" help:"Its id."`
}

func (c *clientRotate) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		secret, err := d.RotateClient(ctx, c.Client)
		if err != nil {
			return err
		}
		return t.print(map[string]string{"client_id": c.Client, "secret": secret}, func(w io.Writer) {
			fmt.Fprintf(w, "client  %s\nsecret  %s\n\nThe secret is shown this once. The one before stays good until the next rotation.\n", c.Client, secret)
		})
	})
}

type clientRevoke struct {
	dataFlag
	Client string `arg:"" help:"Its id."`
}

func (c *clientRevoke) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		if err := d.RevokeClient(ctx, c.Client); err != nil {
			return err
		}
		return t.print(map[string]string{"revoked": c.Client}, func(w io.Writer) {
			fmt.Fprintf(w, "revoked client %s\n", c.Client)
		})
	})
}
