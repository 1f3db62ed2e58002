// Package storetest gives tests a database, and holds the suite that every
// engine must pass.
package storetest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/postgrestest"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// Engine names the variable of the environment that says on which engine tests
// run: postgres for a server that is started for them; empty for SQLite.
const Engine = "ROLLCALL_TEST_ENGINE"

// Config returns where a test has its data: in a database of its own of the
// engine that Engine names.
func Config(t testing.TB) store.Config {
	t.Helper()
	if os.Getenv(Engine) == "postgres" {
		return Postgres(t)
	}
	return SQLite(t)
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
