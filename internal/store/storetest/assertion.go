package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// testAssertions: a key is no secret, and what is signed with it is used once.
func testAssertions(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	one, two := &store.Client{TID: tid, ID: "one", Created: now}, &store.Client{TID: tid, ID: "two", Created: now}
	key := &store.Secret{Hash: []byte{7}, Key: `{"kty":"OKP"}`, Created: now}
	MustUpdate(t, db, func(tx *store.Tx) error {
		if err := errors.Join(tx.InsertClient(one), tx.InsertClient(two)); err != nil {
			return err
		}
		key.TID, key.CID = tid, one.CID
		return tx.InsertSecret(key)
	})
	MustView(t, db, func(tx *store.Tx) error {
		if _, err := tx.SecretByHash([]byte{7}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the key is found as a secret: %v", err)
		}
		found, err := tx.SecretByID(key.TID, key.SID)
		if err == nil && found.Secret.Key != key.Key {
			t.Errorf("the key is %q", found.Secret.Key)
		}
		return err
	})
	for i, step := range []struct {
		client *store.Client
		jti    byte
		at     time.Duration // after now; each is good for a minute
		want   error
	}{
		{one, 1, 0, nil}, {one, 1, 0, store.ErrKeyTaken}, {two, 1, 0, nil}, {one, 2, 0, nil},
		{one, 1, time.Minute, store.ErrKeyTaken}, {one, 1, time.Minute + time.Millisecond, nil}, {one, 1, time.Minute + time.Millisecond, store.ErrKeyTaken},
	} {
		at := now.Add(step.at)
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			return tx.InsertAssertion(step.client.TID, step.client.CID, []byte{step.jti}, at, at.Add(time.Minute))
		})
		if !errors.Is(err, step.want) {
			t.Errorf("step %d: %v, want %v", i, err, step.want)
		}
	}
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.DeleteTenant(tid) })
}

// testTouch: versions and times of those who hold a resource move, and of nobody else.
func testTouch(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	insert := mustInsert(t, db)
	ada, boss := insert(NewUser(tid, "u-1", "Ada")), insert(NewUser(tid, "u-2", "Boss"))
	group, idle := insert(NewGroup(tid, "g-1", "Staff")), insert(NewGroup(tid, "g-2", "Idle"))
	MustUpdate(t, db, func(tx *store.Tx) error {
		_, err1 := tx.AddMembers(group.TID, group.RID, ada.RID, group.RID)
		err2 := tx.SetManager(ada.TID, ada.RID, boss.RID)
		holders, err3 := tx.Holders(ada.TID, ada.RID)
		if !slices.Equal(holders, []int64{group.RID}) {
			t.Errorf("holders are %v", holders)
		}
		if self, err := tx.Holders(group.TID, group.RID); err != nil || len(self) > 0 {
			t.Errorf("the group holds itself: %v, %v", self, err)
		}
		later, err4 := tx.Touch(group.TID, group.Modified.Add(time.Hour), holders...)
		again, err5 := tx.Touch(group.TID, group.Modified, holders...) // the clock went back
		none, err6 := tx.Touch(group.TID, now)
		if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
			return err
		}
		if len(later) != 1 || later[0].Version != group.Version+1 || len(again) != 1 || again[0].Version != group.Version+2 ||
			!again[0].Modified.Equal(group.Modified.Add(time.Hour)) || len(none) > 0 {
			t.Errorf("touched are %+v, %+v, %+v", later, again, none)
		}
		for _, r := range []*store.Row{idle, ada, boss} {
			if now, err := tx.ByRID(r.TID, r.RID); err != nil || now.Version != r.Version {
				t.Errorf("%s: %+v, %v", r.ID, now, err)
			}
		}
		if ends, err := tx.EndRIDs(group.TID, scim.Members, group.RID); err != nil || len(ends) != 2 {
			t.Errorf("members are %v, %v", ends, err)
		}
		return nil
	})
}
