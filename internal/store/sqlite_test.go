package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestDurability(t *testing.T) {
	db := open(t, Config{})
	pragma := func(tx *Tx, name string) string {
		value, err := first(tx, func(s scan) (v string, err error) { return v, s(&v) }, "PRAGMA "+name)
		if err != nil {
			t.Error(err)
		}
		return value
	}
	err := db.Update(context.Background(), func(tx *Tx) error {
		for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "wal_autocheckpoint": "0",
			"busy_timeout": "5000", "cache_size": "-65536", "query_only": "0"} {
			if got := pragma(tx, name); got != want {
				t.Errorf("writer: %s is %s, want %s", name, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	err = db.View(context.Background(), func(tx *Tx) error {
		for name, want := range map[string]string{"journal_mode": "wal", "foreign_keys": "1", "wal_autocheckpoint": "0", "cache_size": "-2048", "query_only": "1"} {
			if got := pragma(tx, name); got != want {
				t.Errorf("reader: %s is %s, want %s", name, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestFileModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data ?#%41") // a name that a URI would misread
	db := open(t, Config{Path: filepath.Join(dir, "rollcall.db")})
	if err := db.Update(context.Background(), set("a")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{".": fs.ModeDir | 0o700, "rollcall.db": 0o600, "rollcall.db-wal": 0o600, "rollcall.db-shm": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	db := open(t, Config{Path: path})
	if err := db.Update(context.Background(), set("a")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a log is left after close: %v", err)
	}
	if !has(t, open(t, Config{Path: path}), "a") {
		t.Error("what was stored is gone")
	}
}

func TestRefusedFiles(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"a newer schema", func(t *testing.T, path string) {
			db := open(t, Config{Path: path})
			if err := db.Update(context.Background(), func(tx *Tx) error {
				_, err := tx.exec("INSERT INTO schema_version(v, applied) VALUES (99, 0)")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}, "schema version 99 and this program knows versions up to"},
		{"another program's database", func(t *testing.T, path string) {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec("CREATE TABLE photos(id INTEGER)"); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}, "a database of some other program"},
		{"no database", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a database"},
		{"a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rollcall.db")
			test.make(t, path)
			_, err := Open(context.Background(), Config{Path: path})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want %q and the path", err, test.want)
			}
		})
	}
}

func TestMigrate(t *testing.T) {
	const table = "CREATE TABLE schema_version(v INTEGER NOT NULL, applied INTEGER NOT NULL);"
	connect := func(t *testing.T) *conn {
		path := filepath.Join(t.TempDir(), "rollcall.db")
		engine := sqliteEngine{cfg: Config{Path: path}}
		if err := engine.create(); err != nil {
			t.Fatal(err)
		}
		c, err := engine.openWriter(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.close() })
		return c
	}
	state := func(t *testing.T, c *conn) (version, tables int) {
		v, err := schemaVersion(context.Background(), sqliteSchema{c})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.read(context.Background(), "SELECT count(*) FROM sqlite_schema", &tables); err != nil {
			t.Fatal(err)
		}
		return v, tables
	}
	for _, test := range []struct {
		name    string
		files   map[string]string
		want    string // in the error
		version int
		tables  int
	}{
		{"all are applied in order", map[string]string{"0001_a.sql": table, "0002_b.sql": "CREATE TABLE b(x); CREATE TABLE c(x)", "0003_c.sql": "DROP TABLE c"}, "", 3, 2},
		{"one that fails leaves nothing of itself", map[string]string{"0001_a.sql": table, "0002_b.sql": "CREATE TABLE b(x); CREATE TABLE b(x)"}, "0002_b.sql", 1, 1},
		{"a gap", map[string]string{"0001_a.sql": table, "0003_b.sql": "CREATE TABLE b(x)"}, "numbered 0002", 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := connect(t)
			files := fstest.MapFS{}
			for name, text := range test.files {
				files[name] = &fstest.MapFile{Data: []byte(text)}
			}
			err := migrateFiles(context.Background(), sqliteSchema{c}, files)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
			version, tables := state(t, c)
			if version != test.version || tables != test.tables {
				t.Errorf("version %d with %d tables, want %d with %d", version, tables, test.version, test.tables)
			}
		})
	}
}
