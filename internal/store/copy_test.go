package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// openFor opens the file as the target of a copy.
func openFor(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), store.Config{Path: path, Unfinished: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func quiet(done, total int64) {}

// TestCopy copies what each test of the suite leaves, and copies the copy.
func TestCopy(t *testing.T) {
	t.Parallel()
	rows := int64(0)
	storetest.Run(t, func(tb testing.TB) *store.DB {
		db := storetest.Open(tb)
		tb.Cleanup(func() {
			first, second := storetest.Open(tb), storetest.Open(tb)
			once, err := store.Copy(context.Background(), db, first, quiet)
			if err != nil {
				tb.Error(err)
				return
			}
			twice, err := store.Copy(context.Background(), first, second, quiet)
			if err != nil {
				tb.Error(err)
				return
			}
			if d := cmp.Diff(once, twice); d != "" {
				tb.Error(d)
			}
			rows += once.Rows
			storetest.MustCheck(tb, first)
		})
		return db
	})
	if rows < 1000 {
		t.Errorf("%d rows only", rows)
	}
}

// TestCopyTables: every column of every table is copied but what can be made anew.
func TestCopyTables(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	want, got := store.Schema(t, db), store.CopiedColumns()
	for _, derived := range []string{"counter", "schema_version", "sqlite_sequence"} {
		delete(want, derived)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// source returns a database with users and what an administrator makes.
func source(t *testing.T, users int) (db *store.DB, tid int64) {
	t.Helper()
	db = storetest.Open(t)
	tid = storetest.MustTenant(t, db, "env")
	addUsers(t, db, tid, 0, users)
	return db, tid
}

func addUsers(t *testing.T, db *store.DB, tid int64, from, to int) {
	t.Helper()
	storetest.MustUpdate(t, db, func(tx *store.Tx) error {
		for i := from; i < to; i++ {
			row, attrs := storetest.NewUser(tid, fmt.Sprint("u-", i), fmt.Sprint("user", i))
			if err := tx.Insert(row, attrs); err != nil {
				return err
			}
			if err := tx.AppendChange(&store.Change{TID: tid, Op: store.OpCreate, Type: store.User, ID: row.ID, Version: 1, At: time.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
}

func userCount(t *testing.T, db *store.DB, tid int64) (n int) {
	t.Helper()
	storetest.MustView(t, db, func(tx *store.Tx) error {
		page, err := tx.Select(store.Query{TID: tid, Type: store.User})
		if err == nil {
			n = page.Total
		}
		return err
	})
	return n
}

// interrupt copies until so many rows are done and then gives up.
func interrupt(t *testing.T, from, to *store.DB, rows int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := store.Copy(ctx, from, to, func(done, total int64) {
		if done >= rows {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
}

func TestCopyResumes(t *testing.T) {
	t.Parallel()
	const users = 2000
	from, tid := source(t, users)
	for _, test := range []struct {
		name      string
		meanwhile func(from, to *store.DB)
		resumes   bool
	}{
		{"where it was interrupted", func(from, to *store.DB) {}, true},
		{"anew when the source has changed", func(from, to *store.DB) { addUsers(t, from, tid, users, users+1) }, false},
		{"anew when the copy has changed", func(from, to *store.DB) {
			storetest.MustUpdate(t, to, func(tx *store.Tx) error { return tx.SetSetting("other", []byte("x")) })
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rollcall.db")
			to := openFor(t, path)
			interrupt(t, from, to, 6000)
			if _, err := store.Open(context.Background(), store.Config{Path: path}); err == nil || !strings.Contains(err.Error(), "not finished") {
				t.Errorf("half a copy can be opened: %v", err)
			}
			test.meanwhile(from, to)
			done, err := store.Copy(context.Background(), from, to, quiet)
			if err != nil {
				t.Fatal(err)
			}
			if (done.Resumed > 0) != test.resumes {
				t.Errorf("it had %d of %d rows", done.Resumed, done.Rows)
			}
			if got, want := userCount(t, to, tid), userCount(t, from, tid); got != want {
				t.Errorf("%d users, not %d", got, want)
			}
			storetest.MustCheck(t, to)
			if _, err := store.Copy(context.Background(), from, to, quiet); err == nil || !strings.Contains(err.Error(), "not empty") {
				t.Errorf("a second copy: %v", err)
			}
			if err := to.Close(); err != nil {
				t.Fatal(err)
			}
			db, err := store.Open(context.Background(), store.Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			db.Close()
		})
	}
}

// TestCopyOfWhatIsWritten: what is written while it is copied is not lost unnoticed.
func TestCopyOfWhatIsWritten(t *testing.T) {
	t.Parallel()
	from, tid := source(t, 10)
	to := openFor(t, filepath.Join(t.TempDir(), "rollcall.db"))
	late := 10
	_, err := store.Copy(context.Background(), from, to, func(done, total int64) {
		if done == total {
			addUsers(t, from, tid, late, late+1)
			late++
		}
	})
	if !errors.Is(err, store.ErrCopyMissed) {
		t.Fatalf("%v", err)
	}
	if _, err := store.Copy(context.Background(), from, to, quiet); err != nil {
		t.Fatal(err)
	}
	if n := userCount(t, to, tid); n != late {
		t.Errorf("%d users, not %d", n, late)
	}
}

// TestCopyKeepsKeys: a key that was given out and is gone is not given out by the copy.
func TestCopyKeepsKeys(t *testing.T) {
	t.Parallel()
	from, tid := source(t, 3)
	var last *store.Row
	storetest.MustUpdate(t, from, func(tx *store.Tx) (err error) {
		if last, err = tx.ByID(tid, store.User, "u-2"); err != nil {
			return err
		}
		return tx.Delete(last)
	})
	to := storetest.Open(t)
	if _, err := store.Copy(context.Background(), from, to, quiet); err != nil {
		t.Fatal(err)
	}
	row, attrs := storetest.NewUser(tid, "u-9", "user9")
	storetest.MustUpdate(t, to, func(tx *store.Tx) error { return tx.Insert(row, attrs) })
	if row.RID <= last.RID {
		t.Errorf("key %d is given out again: %d", last.RID, row.RID)
	}
}
