package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// migrations are files NNNN_name.sql, numbered from 1 without gaps, the same
// numbers for every engine. One that has been released is never edited.
//
//go:embed migrations
var migrations embed.FS

// A schemaSession is the connection on which a schema is migrated.
type schemaSession interface {
	// begin starts a transaction that waits for those of other programs, end
	// ends it.
	begin(ctx context.Context) error
	end(ctx context.Context, keep bool) error
	// tables returns how many tables there are, and whether ours are.
	tables(ctx context.Context) (all int, ours bool, err error)
	// read reads the first row of a query, script runs statements.
	read(ctx context.Context, text string, dest ...any) error
	script(ctx context.Context, text string) error
}

// migrate brings the schema up to date, with the migrations of an engine: see
// migrateFiles.
func migrate(ctx context.Context, s schemaSession, engine string) error {
	files, err := fs.Sub(migrations, "migrations/"+engine)
	if err != nil {
		return err
	}
	return migrateFiles(ctx, s, files)
}

// migrateFiles runs one transaction for each migration, so that one that fails
// leaves the schema that it found. Two programs that start at once take turns.
func migrateFiles(ctx context.Context, s schemaSession, files fs.FS) error {
	names, err := fs.Glob(files, "*.sql") // in order
	if err != nil {
		return err
	}
	for {
		more, err := migrateOnce(ctx, s, files, names)
		if err != nil || !more {
			return err
		}
	}
}

func migrateOnce(ctx context.Context, s schemaSession, files fs.FS, names []string) (more bool, err error) {
	if err := s.begin(ctx); err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.end(context.WithoutCancel(ctx), false))
		}
	}()
	v, err := schemaVersion(ctx, s)
	if err != nil {
		return false, err
	}
	switch {
	case v > len(names):
		return false, fmt.Errorf("the database has schema version %d and this program knows versions up to %d: start the newer rollcall that wrote it, or restore a backup", v, len(names))
	case v < len(names):
		if err := apply(ctx, s, files, names[v], v+1); err != nil {
			return false, fmt.Errorf("migration %s: %w", names[v], err)
		}
	}
	return v+1 < len(names), s.end(ctx, true)
}

// schemaVersion returns the version of the schema, 0 for an empty database.
func schemaVersion(ctx context.Context, s schemaSession) (int, error) {
	tables, ours, err := s.tables(ctx)
	if err != nil || tables == 0 {
		return 0, err
	}
	if !ours {
		return 0, errors.New("it is a database of some other program: name another one")
	}
	var v int
	err = s.read(ctx, "SELECT coalesce(max(v), 0) FROM schema_version", &v)
	return v, err
}

func apply(ctx context.Context, s schemaSession, files fs.FS, name string, v int) error {
	if !strings.HasPrefix(name, fmt.Sprintf("%04d_", v)) {
		return fmt.Errorf("the file should be numbered %04d", v)
	}
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if err := s.script(ctx, string(text)); err != nil {
		return err
	}
	return s.script(ctx, fmt.Sprintf("INSERT INTO schema_version(v, applied) VALUES (%d, %d)", v, time.Now().UnixMilli()))
}
