package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/store"
)

func testStreams(t *testing.T, db *store.DB) {
	tid, other := MustTenant(t, db, "env"), MustTenant(t, db, "other")
	a := &store.Stream{TID: tid, ID: "a", CID: 7, Config: []byte(`{"full":true}`), Created: now, Position: 3, State: []byte(`{}`)}
	b := &store.Stream{TID: other, ID: "b", Config: []byte(`{}`), Created: now, State: []byte(`{}`)}
	for _, s := range []*store.Stream{a, b} {
		MustUpdate(t, db, func(tx *store.Tx) error { return tx.InsertStream(s) })
	}
	taken := *b
	if err := db.Update(context.Background(), func(tx *store.Tx) error { return tx.InsertStream(&taken) }); !errors.Is(err, store.ErrIDTaken) {
		t.Errorf("an id twice: %v", err)
	}
	a.Position, a.State = 12, []byte(`{"refused":1}`)
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.MoveStream(a) })
	a.Tenant, b.Tenant = "env", "other"
	MustView(t, db, func(tx *store.Tx) error {
		one, err1 := tx.Stream("a")
		mine, err2 := tx.Streams(tid)
		all, err3 := tx.AllStreams()
		if diff := cmp.Diff([]any{a, []*store.Stream{a}, []*store.Stream{a, b}}, []any{one, mine, all}); diff != "" {
			t.Errorf("streams (-want +got):\n%s", diff)
		}
		return errors.Join(err1, err2, err3)
	})
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.DeleteStream(a.TID, a.SID) })
	for what, fn := range map[string]func(*store.Tx) error{
		"read":   func(tx *store.Tx) error { _, err := tx.Stream("a"); return err },
		"move":   func(tx *store.Tx) error { return tx.MoveStream(a) },
		"delete": func(tx *store.Tx) error { return tx.DeleteStream(a.TID, a.SID) },
	} {
		if err := db.Update(context.Background(), fn); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s what is deleted: %v", what, err)
		}
	}
}

func testPromises(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	var made []*store.Promise
	for n := range int64(3) {
		made = append(made, &store.Promise{Txn: "t", N: n, TID: tid, CID: 7, At: now, Asked: []byte(`{"method":"PUT"}`)})
	}
	MustUpdate(t, db, func(tx *store.Tx) error {
		for _, p := range made {
			if err := tx.InsertPromise(p); err != nil {
				return err
			}
		}
		return nil
	})
	if err := db.Update(context.Background(), func(tx *store.Tx) error { return tx.InsertPromise(made[0]) }); !errors.Is(err, store.ErrKeyTaken) {
		t.Errorf("a promise twice: %v", err)
	}
	made[1].Seq = 9
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.KeepPromise(made[1]) })
	again := *made[1]
	again.Seq = 10
	if err := db.Update(context.Background(), func(tx *store.Tx) error { return tx.KeepPromise(&again) }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("kept twice: %v", err)
	}
	MustView(t, db, func(tx *store.Tx) error {
		all, err1 := tx.Promises(tid, "t")
		open, err2 := tx.OpenPromises()
		none, err3 := tx.Promises(tid, "u")
		if diff := cmp.Diff([][]*store.Promise{made, {made[0], made[2]}, nil}, [][]*store.Promise{all, open, none}); diff != "" {
			t.Errorf("promises (-want +got):\n%s", diff)
		}
		return errors.Join(err1, err2, err3)
	})
}
