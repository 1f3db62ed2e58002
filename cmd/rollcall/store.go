package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// dataFlag names the data that a command of administration works on. The
// server may run meanwhile.
type dataFlag struct {
	Data     string `placeholder:"DIR" default:"${data}" env:"ROLLCALL_DATA" help:"The server's data directory (${default})."`
	Database string `placeholder:"URL" env:"ROLLCALL_DATABASE" help:"The server's PostgreSQL database, instead of a directory. Its password is better given in the environment."`
}

// AfterApply lets what the command line names win over the environment.
func (f *dataFlag) AfterApply(line *kong.Context) error { return oneStore(line, &f.Data, &f.Database) }

// oneStore empties the one of --data and --database that only the environment
// names, if the command line names the other.
func oneStore(line *kong.Context, data, database *string) error {
	given := func(name string) bool {
		return slices.ContainsFunc(line.Path, func(p *kong.Path) bool { return p.Flag != nil && p.Flag.Name == name })
	}
	switch {
	case given("data") && given("database"):
		return usageError("--data and --database are both given: the data can only be in one of them")
	case given("data"):
		*database = ""
	case given("database"):
		*data = ""
	}
	return nil
}

// use calls fn with the directory. It makes no new data: a mistaken name is an error.
func (f dataFlag) use(fn func(context.Context, *directory.Directory) error) error {
	return f.useAs(directory.Config{}, fn)
}

// useAs does the same with a configuration.
func (f dataFlag) useAs(cfg directory.Config, fn func(context.Context, *directory.Directory) error) (err error) {
	ctx := context.Background()
	cfg.Path, cfg.Database, cfg.Existing = f.Data, f.Database, true
	d, err := directory.Open(ctx, cfg)
	switch {
	case errors.Is(err, store.ErrNoData) && f.Database != "":
		return fmt.Errorf("%w; name the database with --database, or make the data with rollcall serve", err)
	case errors.Is(err, store.ErrNoData):
		return fmt.Errorf("there is no data in %s; name the directory with --data, or make it with rollcall serve", f.Data)
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return fn(ctx, d)
}

// environmentFlags name the data and an environment in it.
type environmentFlags struct {
	dataFlag
	Environment string `short:"e" default:"default" help:"Id or name of the environment (${default})."`
}

// within calls fn with the directory and the environment.
func (f environmentFlags) within(fn func(context.Context, *directory.Directory, *directory.Environment) error) error {
	return f.use(func(ctx context.Context, d *directory.Directory) error {
		e, err := d.FindEnvironment(ctx, f.Environment)
		if err != nil {
			return err
		}
		return fn(ctx, d, e)
	})
}

// publicURLFlag tells where clients reach the server.
type publicURLFlag struct {
	PublicURL string `name:"public-url" placeholder:"URL" default:"http://${listen}" env:"ROLLCALL_PUBLIC_URL" help:"The URL under which clients reach the server (${default})."`
}

func (f publicURLFlag) url() string { return strings.TrimRight(f.PublicURL, "/") }
