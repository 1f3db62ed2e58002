package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

func testRelations(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	make := func(typ store.Type, name string) *store.Row {
		attrs := scim.NewObject(scim.Member{Name: "displayName", Value: scim.StringValue(name)})
		return mustInsert(t, db)(NewRow(tid, typ, name, "", attrs), attrs)
	}
	ada := mustInsert(t, db)(NewUser(tid, "ada", "Ada"))
	bob := mustInsert(t, db)(NewUser(tid, "bob", "Bob"))
	role, other := make(store.Role, "role"), make(store.Role, "other")
	whole, part := make(store.Organization, "whole"), make(store.Organization, "part")
	MustUpdate(t, db, func(tx *store.Tx) error {
		n1, err1 := tx.Relate(role.TID, scim.RoleMembers, role.RID, ada.RID, bob.RID, ada.RID)
		n2, err2 := tx.Relate(ada.TID, scim.Roles, ada.RID, role.RID, other.RID)
		n3, err3 := tx.Relate(whole.TID, scim.Children, whole.RID, part.RID)
		n4, err4 := tx.Relate(ada.TID, scim.MemberOf, ada.RID, part.RID)
		n5, err5 := tx.Relate(part.TID, scim.Admins, part.RID, bob.RID)
		n6, err6 := tx.Relate(bob.TID, scim.OwnerOf, bob.RID)
		if got := []int{n1, n2, n3, n4, n5, n6}; !slices.Equal(got, []int{2, 1, 1, 1, 1, 0}) {
			t.Errorf("made %v", got)
		}
		return errors.Join(err1, err2, err3, err4, err5, err6)
	})
	// ids returns the ids of the other ends, those that are indirect with a mark.
	ids := func(read func(*store.Tx) ([]scim.Reference, error)) (got []string) {
		MustView(t, db, func(tx *store.Tx) error {
			list, err := read(tx)
			for _, ref := range list {
				if ref.Indirect {
					ref.ID = "(" + ref.ID + ")"
				}
				got = append(got, ref.Type+" "+ref.ID)
			}
			return err
		})
		return got
	}
	for _, tt := range []struct {
		relation scim.Relation
		of       *store.Row
		want     []string
	}{
		{scim.RoleMembers, role, []string{"User ada", "User bob"}},
		{scim.Roles, ada, []string{"ManagedRole role", "ManagedRole other"}},
		{scim.Roles, bob, []string{"ManagedRole role"}},
		{scim.Parent, part, []string{"ManagedOrganization whole"}},
		{scim.OrganizationMembers, part, []string{"User ada"}},
		{scim.OrganizationMembers, whole, nil},
		{scim.AdminOf, bob, []string{"ManagedOrganization part"}},
		{scim.Owners, part, nil},
		{scim.Members, role, nil},
	} {
		if got := ids(func(tx *store.Tx) ([]scim.Reference, error) { return tx.Ends(tt.of.TID, tt.relation, tt.of.RID, nil) }); !slices.Equal(got, tt.want) {
			t.Errorf("relation %d of %s: %v, want %v", tt.relation, tt.of.ID, got, tt.want)
		}
	}
	for _, of := range []*store.Row{ada, part} {
		want := []string{"ManagedOrganization (whole)", "ManagedOrganization part"}
		if of == part {
			want = []string{"ManagedOrganization whole"}
		}
		if got := ids(func(tx *store.Tx) ([]scim.Reference, error) { return tx.Organizations(of.TID, of.RID) }); !slices.Equal(got, want) {
			t.Errorf("organizations of %s: %v", of.ID, got)
		}
	}
	MustUpdate(t, db, func(tx *store.Tx) error {
		n, err := tx.Unrelate(bob.TID, scim.Roles, bob.RID, role.RID, other.RID)
		granted, err1 := tx.Related(role.TID, scim.RoleMembers, role.RID)
		if n != 1 || !granted {
			t.Errorf("%d ended, the role is granted: %v", n, granted)
		}
		return errors.Join(err, err1, tx.Delete(ada), tx.Delete(whole))
	})
	MustView(t, db, func(tx *store.Tx) error {
		granted, err := tx.Related(role.TID, scim.RoleMembers, role.RID)
		above, err1 := tx.EndRIDs(part.TID, scim.Parent, part.RID)
		if granted || len(above) > 0 {
			t.Errorf("the role is granted: %v; the part is in %v", granted, above)
		}
		return errors.Join(err, err1)
	})
}
