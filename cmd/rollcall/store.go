package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

// dataFlag names the data that a command of administration works on. The
// server may run meanwhile.
type dataFlag struct {
	Data string `placeholder:"DIR" default:"${data}" env:"ROLLCALL_DATA" help:"The server's data directory (${default})."`
}

// use calls fn with the directory. It makes no new data: a mistaken name is an error.
func (f dataFlag) use(fn func(context.Context, *directory.Directory) error) error {
	return f.useAs(directory.Config{}, fn)
}

// useAs does the same with a configuration.
func (f dataFlag) useAs(cfg directory.Config, fn func(context.Context, *directory.Directory) error) (err error) {
	if _, err := os.Stat(filepath.Join(f.Data, "rollcall.db")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no data in %s; name the directory with --data, or make it with rollcall serve", f.Data)
	}
	ctx := context.Background()
	cfg.Path = f.Data
	d, err := directory.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return fn(ctx, d)
}
