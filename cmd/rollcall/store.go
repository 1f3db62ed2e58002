package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// dataFlag names the data that a command of administration works on. The
// server may run meanwhile.
type dataFlag struct {
	Data     string `placeholder:"DIR" default:"${data}" env:"ROLLCALL_DATA" help:"The server's data directory (${default})."`
	Database string `placeholder:"URL" env:"ROLLCALL_DATABASE" help:"The server's PostgreSQL database, instead of a directory. Its password is better given in the environment."`
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
