package directory_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

func managed(t testing.TB, typ, name string) directory.Draft {
	return directory.Draft{Type: typ, Attributes: object(t, `{"displayName":"`+name+`"}`)}
}

// relate changes a relation of a resource.
func (w world) relate(typ, id string, r scim.Relation, op directory.MemberOp, ends ...string) (*scim.Resource, directory.Outcome, error) {
	ch := directory.MemberChange{Relation: r, Op: op}
	for _, id := range ends {
		ch.Members = append(ch.Members, directory.Member{ID: id})
	}
	return w.Modify(ctx, w.dev, w.home, directory.Modification{Type: typ, ID: id, Include: directory.Include{Relations: []scim.Relation{r}},
		Apply: func(*scim.Resource) (directory.Change, error) {
			return directory.Change{Members: []directory.MemberChange{ch}}, nil
		}})
}

// ends returns the names of the other ends of a relation.
func (w world) ends(t testing.TB, typ, id string, r scim.Relation) []string {
	t.Helper()
	got, err := w.Read(ctx, w.dev, w.home, typ, id, directory.Include{Relations: []scim.Relation{r}})
	if err != nil {
		t.Fatal(err)
	}
	return names(got.Related[r])
}

// TestRelations: whichever side is written, both show it and have new versions,
// and a change that comes to nothing changes nothing.
func TestRelations(t *testing.T) {
	w := open(t)
	ada, bob := w.create(t, user(t, `{"userName":"ada"}`)), w.create(t, user(t, `{"userName":"bob"}`))
	for _, tt := range []struct {
		held, holder scim.Relation
		typ          string
	}{
		{scim.Groups, scim.Members, "Group"}, {scim.Roles, scim.RoleMembers, "ManagedRole"},
		{scim.MemberOf, scim.OrganizationMembers, "ManagedOrganization"}, {scim.AdminOf, scim.Admins, "ManagedOrganization"}, {scim.OwnerOf, scim.Owners, "ManagedOrganization"},
	} {
		t.Run(tt.typ+" "+tt.held.String(), func(t *testing.T) {
			one, two := w.create(t, managed(t, tt.typ, "one "+tt.held.String())), w.create(t, managed(t, tt.typ, "two "+tt.held.String()))
			version := func(typ, id string) int64 { return w.read(t, typ, id).Version }
			before := version("User", ada.ID)
			r, outcome, err := w.relate("User", ada.ID, tt.held, directory.AddMembers, one.ID, two.ID, one.ID)
			if err != nil || outcome != directory.Replaced || len(r.Related[tt.held]) != 2 || r.Version != before+1 || version(tt.typ, one.ID) != 2 {
				t.Fatalf("%+v, %v, %v", r, outcome, err)
			}
			if _, outcome, err := w.relate("User", ada.ID, tt.held, directory.AddMembers, one.ID); err != nil || outcome != directory.Unchanged || version(tt.typ, one.ID) != 2 {
				t.Errorf("once more: %v, %v", outcome, err)
			}
			if _, _, err := w.relate(tt.typ, one.ID, tt.holder, directory.AddMembers, bob.ID); err != nil || version(tt.typ, one.ID) != 3 {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{"ada", "bob"}, w.ends(t, tt.typ, one.ID, tt.holder)); diff != "" {
				t.Error(diff)
			}
			if _, outcome, err := w.relate("User", ada.ID, tt.held, directory.SetMembers, one.ID); err != nil || outcome != directory.Replaced || version(tt.typ, two.ID) != 3 {
				t.Errorf("%v, %v", outcome, err)
			}
			if got := w.ends(t, tt.typ, two.ID, tt.holder); len(got) > 0 {
				t.Errorf("two has %v", got)
			}
			if _, outcome, err := w.relate("User", ada.ID, tt.held, directory.RemoveMembers, one.ID, "nothing"); err != nil || outcome != directory.Replaced {
				t.Errorf("%v, %v", outcome, err)
			}
			if diff := cmp.Diff([]string{"bob"}, w.ends(t, tt.typ, one.ID, tt.holder)); diff != "" {
				t.Error(diff)
			}
			_, _, err = w.relate("User", ada.ID, tt.held, directory.AddMembers, two.ID, "nothing")
			fault(t, err, scim.RuleDangling)
			_, _, err = w.relate("User", ada.ID, tt.held, directory.AddMembers, bob.ID)
			fault(t, err, scim.RuleDangling)
			if got := w.ends(t, "User", ada.ID, tt.held); len(got) > 0 {
				t.Errorf("a refused change is kept: %v", got)
			}
		})
	}
	t.Run("reports are the reverse of manager", func(t *testing.T) {
		r, _, err := w.relate("User", ada.ID, scim.Reports, directory.AddMembers, bob.ID)
		if err != nil || !slices.Equal(names(r.Related[scim.Reports]), []string{"bob"}) {
			t.Fatal(r, err)
		}
		managed := w.read(t, "User", bob.ID)
		if managed.Manager == nil || managed.Manager.ID != ada.ID || managed.Version != 2 ||
			string(managed.Doc()) != `{"userName":"bob","active":true,"`+scim.EnterpriseSchema+`":{"manager":{"value":"`+ada.ID+`"}}}` {
			t.Errorf("%+v %s", managed, managed.Doc())
		}
		if _, outcome, err := w.relate("User", ada.ID, scim.Reports, directory.AddMembers, bob.ID); err != nil || outcome != directory.Unchanged {
			t.Errorf("%v, %v", outcome, err)
		}
		_, _, err = w.relate("User", ada.ID, scim.Reports, directory.AddMembers, ada.ID)
		fault(t, err, scim.RuleCycle)
		if _, _, err := w.relate("User", ada.ID, scim.Reports, directory.SetMembers); err != nil {
			t.Fatal(err)
		}
		if managed := w.read(t, "User", bob.ID); managed.Manager != nil || string(managed.Doc()) != `{"userName":"bob","active":true}` {
			t.Errorf("%+v %s", managed, managed.Doc())
		}
	})
	t.Run("an organization has one parent, and is no part of itself", func(t *testing.T) {
		a, b, c := w.create(t, managed(t, "ManagedOrganization", "a")), w.create(t, managed(t, "ManagedOrganization", "b")), w.create(t, managed(t, "ManagedOrganization", "c"))
		for _, step := range []struct {
			of  *scim.Resource
			r   scim.Relation
			end *scim.Resource
		}{{a, scim.Children, b}, {c, scim.Parent, a}, {c, scim.Parent, b}} {
			if _, _, err := w.relate("ManagedOrganization", step.of.ID, step.r, directory.AddMembers, step.end.ID); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.ends(t, "ManagedOrganization", a.ID, scim.Children); !slices.Equal(got, []string{"b"}) {
			t.Errorf("a has %v", got)
		}
		if got := w.ends(t, "ManagedOrganization", c.ID, scim.Parent); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("c is in %v", got)
		}
		for _, id := range []string{a.ID, b.ID, c.ID} {
			_, _, err := w.relate("ManagedOrganization", c.ID, scim.Children, directory.AddMembers, id)
			fault(t, err, scim.RuleCycle)
		}
	})
	t.Run("the name of a role is unique, that of an organization is not, and both are needed", func(t *testing.T) {
		w.create(t, managed(t, "ManagedRole", "Name"))
		_, err := w.Create(ctx, w.dev, w.home, managed(t, "ManagedRole", "NAME"))
		if e := fault(t, err, scim.RuleUnique); e.Path != "displayName" || e.Schema != "ManagedRole" {
			t.Errorf("%+v", e)
		}
		w.create(t, managed(t, "ManagedOrganization", "Name"))
		w.create(t, managed(t, "ManagedOrganization", "Name"))
		_, err = w.Create(ctx, w.dev, w.home, managed(t, "ManagedRole", ""))
		fault(t, err, scim.RuleRequired)
	})
	t.Run("a role that users have cannot be deleted", func(t *testing.T) {
		role := w.create(t, managed(t, "ManagedRole", "granted"))
		if _, _, err := w.relate("ManagedRole", role.ID, scim.RoleMembers, directory.AddMembers, bob.ID); err != nil {
			t.Fatal(err)
		}
		_, err := w.Delete(ctx, w.dev, w.home, "ManagedRole", role.ID, directory.Precondition{})
		fault(t, err, scim.RuleProtected)
		if _, err := w.Delete(ctx, w.dev, w.home, "User", bob.ID, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Delete(ctx, w.dev, w.home, "ManagedRole", role.ID, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a new resource comes with relations or not at all", func(t *testing.T) {
		role := w.create(t, managed(t, "ManagedRole", "initial"))
		dr := user(t, `{"userName":"cyd"}`)
		dr.Include.Relations = []scim.Relation{scim.Roles}
		dr.Relations = []directory.MemberChange{{Relation: scim.Roles, Op: directory.AddMembers, Members: []directory.Member{{ID: role.ID}, {ID: "nothing", Path: "roles[1]"}}}}
		_, err := w.Create(ctx, w.dev, w.home, dr)
		if e := fault(t, err, scim.RuleDangling); e.Path != "roles[1]" || e.Value != "nothing" {
			t.Errorf("%+v", e)
		}
		dr.Relations[0].Members = dr.Relations[0].Members[:1]
		if r := w.create(t, dr); !slices.Equal(names(r.Related[scim.Roles]), []string{"initial"}) {
			t.Errorf("%+v", r.Related)
		}
	})
}
