package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// target opens the database as the target of a copy.
func target(t *testing.T, cfg store.Config) *store.DB {
	t.Helper()
	cfg.Unfinished = true
	return storetest.MustOpen(t, cfg)
}

// ways are from where to where copies are made.
var ways = []struct {
	name     string
	from, to func(testing.TB) store.Config
}{
	{"SQLite to PostgreSQL", storetest.SQLite, storetest.Postgres},
	{"PostgreSQL to SQLite", storetest.Postgres, storetest.SQLite},
}

func quiet(done, total int64) {}

// TestCopy copies what each test of the suite leaves to the other engine, and back.
func TestCopy(t *testing.T) {
	t.Parallel()
	rows := int64(0)
	storetest.Run(t, func(tb testing.TB) *store.DB {
		db := storetest.MustOpen(tb, storetest.SQLite(tb))
		tb.Cleanup(func() {
			other, back := storetest.MustOpen(tb, storetest.Postgres(tb)), storetest.MustOpen(tb, storetest.SQLite(tb))
			there, err := store.Copy(context.Background(), db, other, quiet)
			if err != nil {
				tb.Error(err)
				return
			}
			again, err := store.Copy(context.Background(), other, back, quiet)
			if err != nil {
				tb.Error(err)
				return
			}
			if d := cmp.Diff(there, again); d != "" {
				tb.Error(d)
			}
			rows += there.Rows
			storetest.MustCheck(tb, other)
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
	for _, cfg := range []store.Config{storetest.SQLite(t), storetest.Postgres(t)} {
		want, got := store.Schema(t, storetest.MustOpen(t, cfg)), store.CopiedColumns()
		for _, derived := range []string{"counter", "schema_version", "sqlite_sequence"} {
			delete(want, derived)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(cfg.URL, d)
		}
	}
}

// source returns a database with users and what an administrator makes.
func source(t *testing.T, cfg store.Config, users int) (db *store.DB, tid int64) {
	t.Helper()
	db = storetest.MustOpen(t, cfg)
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
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			testCopyResumes(t, way.from, way.to)
		})
	}
}

func testCopyResumes(t *testing.T, newSource, newTarget func(testing.TB) store.Config) {
	const users = 2000
	from, tid := source(t, newSource(t), users)
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
			cfg := newTarget(t)
			to := target(t, cfg)
			interrupt(t, from, to, 6000)
			if _, err := store.Open(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "not finished") {
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
			storetest.MustOpen(t, cfg)
		})
	}
}

// TestCopyOfWhatIsWritten: what is written while it is copied is not lost unnoticed;
// a snapshot is of what was there before.
func TestCopyOfWhatIsWritten(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			from, tid := source(t, way.from(t), 10)
			to, backup := target(t, way.to(t)), target(t, way.to(t))
			late := 10
			write := func(done, total int64) {
				addUsers(t, from, tid, late, late+1)
				late++
			}
			if _, err := store.Copy(context.Background(), from, to, write); !errors.Is(err, store.ErrCopyMissed) {
				t.Fatalf("%v", err)
			}
			if _, err := store.Copy(context.Background(), from, to, quiet); err != nil {
				t.Fatal(err)
			}
			before := late
			done, err := store.Snapshot(context.Background(), from, backup, write)
			if err != nil || late == before {
				t.Fatalf("%v with %d users written meanwhile", err, late-before)
			}
			for _, db := range []*store.DB{to, backup} {
				if n := userCount(t, db, tid); n != before {
					t.Errorf("%d users, not %d", n, before)
				}
				storetest.MustCheck(t, db)
			}
			again, err := store.Copy(context.Background(), backup, target(t, way.from(t)), quiet)
			if err != nil || again.Digest != done.Digest {
				t.Errorf("the backup is restored as %+v, it was %+v: %v", again, done, err)
			}
		})
	}
}

// TestCopyKeepsKeys: a key that was given out and is gone is not given out by the
// copy, and its next change is behind those that it has.
func TestCopyKeepsKeys(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			from, tid := source(t, way.from(t), 3)
			var last *store.Row
			storetest.MustUpdate(t, from, func(tx *store.Tx) (err error) {
				if last, err = tx.ByID(tid, store.User, "u-2"); err != nil {
					return err
				}
				return tx.Delete(last)
			})
			cfg := way.to(t)
			if _, err := store.Copy(context.Background(), from, target(t, cfg), quiet); err != nil {
				t.Fatal(err)
			}
			to := storetest.MustOpen(t, cfg)
			before := int64(0)
			storetest.MustView(t, to, func(tx *store.Tx) (err error) {
				before, err = tx.LastChange(tid)
				return err
			})
			row, attrs := storetest.NewUser(tid, "u-9", "user9")
			change := &store.Change{TID: tid, Op: store.OpCreate, Type: store.User, ID: row.ID, Version: 1, At: time.Now()}
			storetest.MustUpdate(t, to, func(tx *store.Tx) error {
				if err := tx.Insert(row, attrs); err != nil {
					return err
				}
				return tx.AppendAnswer(change)
			})
			if row.RID <= last.RID {
				t.Errorf("key %d is given out again: %d", last.RID, row.RID)
			}
			if before == 0 || change.Seq <= before {
				t.Errorf("change %d comes after %d", change.Seq, before)
			}
		})
	}
}
