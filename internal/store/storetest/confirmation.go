package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/store"
)

func testConfirmations(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	ada := mustInsert(t, db)(NewUser(tid, "u-1", "Ada"))
	bob := mustInsert(t, db)(NewUser(tid, "u-2", "Bob"))
	check := func(p store.Purpose, want *store.Confirmation) {
		t.Helper()
		MustView(t, db, func(tx *store.Tx) error {
			got, err := tx.Confirmation(ada.TID, ada.RID, p)
			if want == nil {
				if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%+v, %v, want none", got, err)
				}
				return nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("confirmation (-want +got):\n%s", diff)
			}
			return err
		})
	}
	confirming := func(want ...string) {
		t.Helper()
		MustView(t, db, func(tx *store.Tx) error {
			got, err := tx.Confirming(tid, store.Register, []string{"u-1", "u-2", "u-3"})
			if !slices.Equal(got, want) {
				t.Errorf("%v are to register, want %v", got, want)
			}
			return err
		})
	}
	check(store.Register, nil)
	confirming()
	first := &store.Confirmation{TID: ada.TID, RID: ada.RID, Purpose: store.Register, Hash: []byte{1}, Created: now, Expires: now.Add(time.Hour)}
	second := &store.Confirmation{TID: ada.TID, RID: ada.RID, Purpose: store.Register, Hash: []byte{2}, Created: now.Add(time.Minute), Expires: now.Add(2 * time.Hour), Redirect: "https://x.example/"}
	reset := &store.Confirmation{TID: ada.TID, RID: ada.RID, Purpose: store.ResetPassword, Hash: []byte{3}, Created: now, Expires: now}
	for _, c := range []*store.Confirmation{first, second, reset} {
		MustUpdate(t, db, func(tx *store.Tx) error { return tx.SetConfirmation(c) })
		check(c.Purpose, c)
	}
	check(store.Register, second)
	confirming("u-1")
	MustUpdate(t, db, func(tx *store.Tx) error {
		of := *first
		of.RID = bob.RID
		return tx.SetConfirmation(&of)
	})
	confirming("u-1", "u-2")
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.DeleteConfirmation(ada.TID, ada.RID, store.Register) })
	check(store.Register, nil)
	check(store.ResetPassword, reset)
	confirming("u-2")
	MustUpdate(t, db, func(tx *store.Tx) error { return errors.Join(tx.Delete(ada), tx.Delete(bob)) })
	check(store.ResetPassword, nil)
	confirming()
}

func testEntitlements(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	ada := mustInsert(t, db)(NewUser(tid, "u-1", "Ada"))
	inner := mustInsert(t, db)(NewGroup(tid, "g-1", "Inner"))
	outer := mustInsert(t, db)(NewGroup(tid, "g-2", "Outer"))
	entitle := func(g *store.Row, role, want int64) {
		t.Helper()
		MustUpdate(t, db, func(tx *store.Tx) error { return tx.SetEntitlement(g.TID, g.RID, role) })
		MustView(t, db, func(tx *store.Tx) error {
			got, err1 := tx.Entitled(ada.TID, ada.RID)
			of, err2 := tx.Entitlement(g.TID, g.RID)
			if got != want || of != role {
				t.Errorf("ada is entitled to %d, want %d; the group to %d, want %d", got, want, of, role)
			}
			return errors.Join(err1, err2)
		})
	}
	entitle(inner, 1, 0)
	MustUpdate(t, db, func(tx *store.Tx) error {
		_, err1 := tx.AddMembers(inner.TID, inner.RID, ada.RID)
		_, err2 := tx.AddMembers(outer.TID, outer.RID, inner.RID)
		_, err3 := tx.AddMembers(inner.TID, inner.RID, outer.RID) // groups that contain each other
		return errors.Join(err1, err2, err3)
	})
	entitle(inner, 1, 1)
	entitle(outer, 3, 3)
	entitle(inner, 2, 3)
	entitle(outer, 0, 2)
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.Delete(inner) })
	entitle(outer, 3, 0)
}
