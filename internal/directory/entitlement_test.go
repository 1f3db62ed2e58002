package directory_test

import (
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestEntitlement(t *testing.T) {
	w := open(t)
	ada := w.create(t, user(t, `{"userName":"ada"}`))
	inner := w.create(t, group(t, `{"displayName":"inner","members":[{"value":"`+ada.ID+`"}]}`))
	outer := w.create(t, group(t, `{"displayName":"outer","members":[{"value":"`+inner.ID+`"}]}`))
	entitle := func(g *scim.Resource, e directory.Entitlement) {
		t.Helper()
		if err := w.Entitle(ctx, w.dev, w.home, g.ID, e); err != nil {
			t.Fatal(err)
		}
	}
	entitled := func(want directory.Entitlement) {
		t.Helper()
		if got, err := w.Entitled(ctx, w.dev, w.home, ada.ID); got != want || err != nil {
			t.Errorf("ada is entitled to %d, %v, want %d", got, err, want)
		}
	}
	t.Run("p14e:A8 roles ascend, a group has one, a user the highest of its groups, Users none", func(t *testing.T) {
		for _, row := range []struct {
			e                   directory.Entitlement
			read, users, groups bool
		}{
			{directory.NoEntitlement, false, false, false},
			{directory.UserReader, true, false, false},
			{directory.UserManager, true, true, false},
			{directory.GroupManager, true, true, true},
		} {
			read, users, groups := row.e.May(directory.ReadDirectory), row.e.May(directory.WriteUsers), row.e.May(directory.WriteGroups)
			if read != row.read || users != row.users || groups != row.groups || row.e.May(directory.Administer) {
				t.Errorf("entitlement %d: read %v, users %v, groups %v", row.e, read, users, groups)
			}
		}
		entitled(directory.NoEntitlement)
		entitle(inner, directory.UserManager)
		entitled(directory.UserManager)
		entitle(outer, directory.GroupManager)
		entitled(directory.GroupManager)
		entitle(outer, directory.UserReader) // in the place of the other
		entitled(directory.UserManager)
		entitle(inner, directory.NoEntitlement)
		entitled(directory.UserReader)
		env, err := w.FindEnvironment(ctx, directorytest.Environment)
		if err != nil {
			t.Fatal(err)
		}
		fault(t, w.Entitle(ctx, w.dev, w.home, env.DefaultGroup, directory.UserReader), scim.RuleProtected)
	})
	t.Run("who may not write groups entitles nobody", func(t *testing.T) {
		reader := directorytest.Caller(t, w.Directory, directorytest.ReaderToken)
		fault(t, w.Entitle(ctx, reader, w.home, inner.ID, directory.UserReader), scim.RuleForbidden)
		other := directorytest.Caller(t, w.Directory, directorytest.OtherToken)
		fault(t, w.Entitle(ctx, other, other.Home(), inner.ID, directory.UserReader), scim.RuleNotFound)
		_, err := w.Entitled(ctx, other, other.Home(), ada.ID)
		fault(t, err, scim.RuleNotFound)
		fault(t, w.Entitle(ctx, w.dev, w.home, inner.ID, 4), scim.RuleCanonical)
		entitled(directory.UserReader)
	})
}
