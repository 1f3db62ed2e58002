package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// wrong returns what Examine finds wrong: "what: is".
func wrong(found []store.Finding) []string {
	var out []string
	for _, f := range found {
		if f.Cure != "" {
			out = append(out, f.What+": "+f.Is)
		}
	}
	return out
}

func TestExamine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, path string)
		want  string // part of what is found wrong; empty: nothing is
	}{
		{"nothing is wrong", func(*testing.T, string) {}, ""},
		{"no file", func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, "store: there is no "},
		{"anybody may read it", func(t *testing.T, path string) {
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "permissions: the file has mode 0644"},
		{"not a database", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("x", 8192)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "file is not a database"},
		{"a page is damaged", func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for page := int64(3); page < 20; page++ {
				if _, err := f.WriteAt([]byte(strings.Repeat("\xff", 400)), page*4096); err != nil {
					t.Fatal(err)
				}
			}
		}, "integrity: "},
		{"a migration is pending", func(t *testing.T, path string) {
			store.Script(t, path, "DELETE FROM schema_version WHERE v = (SELECT max(v) FROM schema_version)")
		}, "schema: version "},
		{"a newer program wrote it", func(t *testing.T, path string) {
			store.Script(t, path, "INSERT INTO schema_version(v, applied) VALUES (999, 0)")
		}, "schema: version 999, and this program knows"},
		{"another program's", func(t *testing.T, path string) {
			store.Script(t, path, "ALTER TABLE schema_version RENAME TO other")
		}, "schema: it is a database of some other program"},
		{"the clock was ahead", func(t *testing.T, path string) {
			store.Script(t, path, "UPDATE change SET at = at + 3600000")
		}, "clock: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rollcall.db")
			db, err := store.Open(context.Background(), store.Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			tid := storetest.MustTenant(t, db, "env")
			storetest.MustUpdate(t, db, func(tx *store.Tx) error {
				return tx.AppendChange(&store.Change{TID: tid, At: time.Now(), Op: store.OpCreate, Type: store.User, ID: "u", Version: 1})
			})
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			test.spoil(t, path)
			found := store.Examine(context.Background(), store.Config{Path: path})
			got := strings.Join(wrong(found), "\n")
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if test.want == "" && (len(found) < 5 || found[0].What != "store" || !strings.HasPrefix(found[0].Is, "SQLite 3.")) {
				t.Errorf("%+v", found)
			}
		})
	}
}
