// Package storetest gives tests a database, and holds the suite that every
// engine must pass.
package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/postgrestest"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// Database names the variable of the environment that says on which engine
// tests run: postgres, for a server that is started for them; empty is SQLite.
const Database = "ROLLCALL_TEST_DATABASE"

// Config returns where a test has its data: in a database of its own of the
// engine that Database names.
func Config(t testing.TB) store.Config {
	t.Helper()
	return At(t, t.TempDir())
}

// At is Config for data that belong to a folder: for one folder it is always the same.
func At(t testing.TB, path string) store.Config {
	t.Helper()
	if os.Getenv(Database) != "postgres" {
		return store.Config{Path: filepath.Join(path, "rollcall.db")}
	}
	note := filepath.Join(path, "database")
	url, err := os.ReadFile(note)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(path, 0o700); err == nil {
			url = []byte(Postgres(t).URL)
			err = os.WriteFile(note, url, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return store.Config{URL: string(url)}
}

// Holds reports whether the text is anywhere in the data that belong to the folder.
func Holds(t testing.TB, path, text string) bool {
	t.Helper()
	if cfg := At(t, path); cfg.URL != "" {
		return strings.Contains(postgrestest.Dump(t, cfg.URL), text)
	}
	found := false
	err := filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		found = found || bytes.Contains(data, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Spoil runs SQL in the data that belong to the folder, behind the back of who serves them.
func Spoil(t testing.TB, path, text string) {
	t.Helper()
	if cfg := At(t, path); cfg.URL != "" {
		postgrestest.Exec(t, cfg.URL, text)
		return
	}
	db, err := sql.Open("sqlite", filepath.Join(path, "rollcall.db"))
	if err == nil {
		defer db.Close()
		_, err = db.Exec(text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// SQLite returns a file of the test.
func SQLite(t testing.TB) store.Config {
	return store.Config{Path: filepath.Join(t.TempDir(), "rollcall.db")}
}

// Postgres returns a database of the test, with the newest schema.
func Postgres(t testing.TB) store.Config {
	t.Helper()
	return store.Config{URL: postgrestest.Copy(t, "store", func(url string) error {
		db, err := store.Open(context.Background(), store.Config{URL: url})
		if err != nil {
			return err
		}
		return db.Close()
	})}
}

// Open returns a fresh database of the test, closed when the test ends.
func Open(t testing.TB) *store.DB {
	t.Helper()
	return MustOpen(t, Config(t))
}

// MustOpen opens a database, and closes it when the test ends.
func MustOpen(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
