package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

func TestGeneration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	db, other := open(t, Config{Path: path}), open(t, Config{Path: path})
	last := func() Generation {
		t.Helper()
		g, ok := db.Generation()
		if !ok {
			t.Fatal("there is none")
		}
		return g
	}
	at := last()
	for _, step := range []struct {
		name    string
		do      func()
		changes bool
	}{
		{"a look", func() { has(t, db, "a") }, false},
		{"a look by another", func() { has(t, other, "a") }, false},
		{"a commit", func() { mustSet(t, db, "a") }, true},
		{"a commit by another", func() { mustSet(t, other, "b") }, true},
		{"a refusal", func() {
			oops := errors.New("oops")
			if err := db.Update(context.Background(), func(*Tx) error { return oops }); !errors.Is(err, oops) {
				t.Error(err)
			}
		}, false},
		{"a look after it", func() { has(t, db, "b") }, false},
	} {
		step.do()
		if now := last(); (now != at) != step.changes {
			t.Errorf("%s: another generation: %v, want %v", step.name, now != at, step.changes)
		}
		at = last()
	}
	// After a restart of the log its frames are numbered from 1 again.
	seen := map[Generation]bool{}
	for i := range 5 {
		mustSet(t, db, fmt.Sprint("c", i))
		if at = last(); seen[at] {
			t.Fatal("a generation has come again")
		}
		seen[at] = true
		db.engine.(*sqliteEngine).writer.restart.Store(true)
		mustSet(t, db, fmt.Sprint("d", i))
	}
}

func mustSet(t *testing.T, db *DB, name string) {
	t.Helper()
	if err := db.Update(context.Background(), set(name)); err != nil {
		t.Fatal(err)
	}
}
