package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// migrations are files NNNN_name.sql, numbered from 1 without gaps, the same
// numbers for every engine. One that has been released is never edited.
//
//go:embed migrations/sqlite/*.sql
var migrations embed.FS

// migrate brings the schema up to date: one transaction for each migration, so
// that one that fails leaves the schema that it found. Two programs that start
// at once take turns.
func migrate(ctx context.Context, c *conn, files fs.FS) error {
	names, err := fs.Glob(files, "*.sql") // in order
	if err != nil {
		return err
	}
	for {
		more, err := migrateOnce(ctx, c, files, names)
		if err != nil || !more {
			return err
		}
	}
}

func migrateOnce(ctx context.Context, c *conn, files fs.FS, names []string) (more bool, err error) {
	if err := c.script(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.script(context.WithoutCancel(ctx), "ROLLBACK"))
		}
	}()
	v, err := schemaVersion(ctx, c)
	if err != nil {
		return false, err
	}
	switch {
	case v > len(names):
		return false, fmt.Errorf("the database has schema version %d and this program knows versions up to %d: start the newer rollcall that wrote it, or restore a backup", v, len(names))
	case v < len(names):
		if err := apply(ctx, c, files, names[v], v+1); err != nil {
			return false, fmt.Errorf("migration %s: %w", names[v], err)
		}
	}
	return v+1 < len(names), c.script(ctx, "COMMIT")
}

// schemaVersion returns the version of the schema, 0 for an empty file.
func schemaVersion(ctx context.Context, c *conn) (int, error) {
	var tables, ours int
	err := c.read(ctx, "SELECT count(*), coalesce(sum(name = 'schema_version'), 0) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
		&tables, &ours)
	if err != nil || tables == 0 {
		return 0, err
	}
	if ours == 0 {
		return 0, errors.New("the file is a database of some other program: name another file")
	}
	var v int
	err = c.read(ctx, "SELECT coalesce(max(v), 0) FROM schema_version", &v)
	return v, err
}

func apply(ctx context.Context, c *conn, files fs.FS, name string, v int) error {
	if !strings.HasPrefix(name, fmt.Sprintf("%04d_", v)) {
		return fmt.Errorf("the file should be numbered %04d", v)
	}
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if err := c.script(ctx, string(text)); err != nil {
		return err
	}
	_, err = c.exec("INSERT INTO schema_version(v, applied) VALUES ($1, CAST(unixepoch('subsec') * 1000 AS INTEGER))", v)
	return err
}
