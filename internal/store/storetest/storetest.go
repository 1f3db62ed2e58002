// Package storetest gives tests a database, and holds the suite that every
// engine must pass.
package storetest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/store"
)

// Open returns a fresh database in a file of the test, closed when the test ends.
func Open(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), store.Config{Path: filepath.Join(t.TempDir(), "rollcall.db")})
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
