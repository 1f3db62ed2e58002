package directory_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// set returns an Apply that gives an attribute a value.
func set(name string, v scim.Value) func(*scim.Resource) (directory.Change, error) {
	return func(old *scim.Resource) (directory.Change, error) {
		return directory.Change{Attributes: old.Attributes().Clone().Set(name, v)}, nil
	}
}

func TestModify(t *testing.T) {
	w := open(t)
	ada := w.create(t, user(t, `{"userName":"ada","password":"2Federate"}`))
	modify := func(apply func(*scim.Resource) (directory.Change, error), change func(*directory.Modification)) (*scim.Resource, directory.Outcome, error) {
		m := directory.Modification{Type: "User", ID: ada.ID, Apply: apply}
		if change != nil {
			change(&m)
		}
		return w.Modify(ctx, w.dev, w.home, m)
	}
	w.clock.Advance(time.Second)
	r, outcome, err := modify(set("title", scim.StringValue("x")), nil)
	if err != nil || outcome != directory.Replaced || r.Version != 2 || !r.Modified.Equal(ada.Modified.Add(time.Second)) {
		t.Fatal(r, outcome, err)
	}
	if got := string(w.read(t, "User", ada.ID).Doc()); got != `{"userName":"ada","title":"x","active":true}` {
		t.Errorf("document is %s", got)
	}
	w.clock.Advance(time.Second)
	r, outcome, err = modify(set("title", scim.StringValue("x")), nil)
	if err != nil || outcome != directory.Unchanged || r.Version != 2 {
		t.Errorf("%+v, %v, %v", r, outcome, err)
	}
	t.Run("the result is validated as a whole", func(t *testing.T) {
		_, _, err := modify(set("userName", scim.Value{}), nil)
		fault(t, err, scim.RuleRequired)
		w.create(t, user(t, `{"userName":"bob"}`))
		_, _, err = modify(set("userName", scim.StringValue("BOB")), nil)
		fault(t, err, scim.RuleUnique)
		_, _, err = modify(set("title", scim.StringValue("y")), func(m *directory.Modification) { m.Precondition.Version = []int64{1} })
		fault(t, err, scim.RuleVersion)
		_, _, err = modify(set("title", scim.StringValue("y")), func(m *directory.Modification) { m.ID = "nobody" })
		fault(t, err, scim.RuleNotFound)
		if r := w.read(t, "User", ada.ID); r.Version != 2 {
			t.Errorf("a refused change was kept: %s", r.Doc())
		}
	})
	t.Run("a password is hashed and is a change", func(t *testing.T) {
		r, outcome, err := modify(set("password", scim.StringValue("Another1x")), func(m *directory.Modification) { m.Password = true })
		if err != nil || outcome != directory.Replaced || r.Version != 3 || !r.PasswordChanged.Equal(r.Modified) {
			t.Errorf("%+v, %v, %v", r, outcome, err)
		}
		if !r.Attributes().Get("password").IsNull() {
			t.Errorf("the password is in the document: %s", r.Doc())
		}
		_, _, err = modify(set("password", scim.StringValue("weak")), func(m *directory.Modification) { m.Password = true })
		fault(t, err, scim.RulePassword)
	})
	t.Run("scim:PAT-56 concurrent changes of different attributes all survive", func(t *testing.T) {
		var wg sync.WaitGroup
		for _, name := range []string{"title", "nickName", "displayName", "userType", "locale"} {
			wg.Go(func() {
				if _, _, err := modify(set(name, scim.StringValue("en")), nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := string(w.read(t, "User", ada.ID).Doc()); got != `{"userName":"ada","displayName":"en","nickName":"en","title":"en","userType":"en","locale":"en","active":true}` {
			t.Errorf("document is %s", got)
		}
	})
}

func TestModifyMembers(t *testing.T) {
	w := open(t)
	var users []directory.Member
	for i := range 5 {
		u := w.create(t, user(t, fmt.Sprintf(`{"userName":"u%d"}`, i)))
		users = append(users, directory.Member{ID: u.ID, Path: "members"})
	}
	g := w.create(t, group(t, `{"displayName":"g"}`))
	version := int64(1)
	for _, tt := range []struct {
		name    string
		changes []directory.MemberChange
		want    []string
		same    bool
	}{
		{"add two", []directory.MemberChange{{Op: directory.AddMembers, Members: users[:2]}}, []string{"u0", "u1"}, false},
		{"add one that is there", []directory.MemberChange{{Op: directory.AddMembers, Members: users[:1]}}, []string{"u0", "u1"}, true},
		{"remove one and a stranger", []directory.MemberChange{{Op: directory.RemoveMembers, Members: []directory.Member{users[0], {ID: "nobody"}}}}, []string{"u1"}, false},
		{"remove nobody", []directory.MemberChange{{Op: directory.RemoveMembers}}, []string{"u1"}, true},
		{"set", []directory.MemberChange{{Op: directory.SetMembers, Members: users[2:]}}, []string{"u2", "u3", "u4"}, false},
		{"set the same", []directory.MemberChange{{Op: directory.SetMembers, Members: users[2:]}}, []string{"u2", "u3", "u4"}, true},
		{"in order", []directory.MemberChange{{Op: directory.AddMembers, Members: users[:1]}, {Op: directory.RemoveMatching,
			Match: func(r scim.Reference) bool { return r.Name > "u2" }}}, []string{"u0", "u2"}, false},
		{"clear", []directory.MemberChange{{Op: directory.SetMembers}}, []string{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, outcome, err := w.Modify(ctx, w.dev, w.home, directory.Modification{Type: "Group", ID: g.ID, Include: directory.Include{Members: true},
				Apply: func(*scim.Resource) (directory.Change, error) { return directory.Change{Members: tt.changes}, nil }})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, names(r.Members)); diff != "" {
				t.Error(diff)
			}
			if !tt.same {
				version++
			}
			if (outcome == directory.Unchanged) != tt.same || r.Version != version {
				t.Errorf("outcome %v, version %d, want %d", outcome, r.Version, version)
			}
		})
	}
	t.Run("an unknown member fails the whole change", func(t *testing.T) {
		_, _, err := w.Modify(ctx, w.dev, w.home, directory.Modification{Type: "Group", ID: g.ID, Apply: func(*scim.Resource) (directory.Change, error) {
			return directory.Change{Members: []directory.MemberChange{{Op: directory.AddMembers, Members: append(users[:1:1], directory.Member{ID: "nobody", Path: "members[1].value"})}}}, nil
		}})
		if e := fault(t, err, scim.RuleDangling); e.Value != "nobody" || e.Path != "members[1].value" {
			t.Errorf("got %+v", e)
		}
		if got := w.read(t, "Group", g.ID); got.Version != version || len(got.Members) != 0 {
			t.Errorf("group is %+v", got)
		}
	})
}

func TestModifyNoCycles(t *testing.T) {
	w := open(t)
	a, b, c := w.create(t, group(t, `{"displayName":"a"}`)), w.create(t, group(t, `{"displayName":"b"}`)), w.create(t, group(t, `{"displayName":"c"}`))
	change := func(g *scim.Resource, op directory.MemberOp, noCycles bool, members ...*scim.Resource) error {
		var list []directory.Member
		for i, m := range members {
			list = append(list, directory.Member{ID: m.ID, Path: fmt.Sprintf("members[%d].value", i)})
		}
		_, _, err := w.Modify(ctx, w.dev, w.home, directory.Modification{Type: "Group", ID: g.ID, NoCycles: noCycles, Apply: func(*scim.Resource) (directory.Change, error) {
			return directory.Change{Members: []directory.MemberChange{{Op: op, Members: list}}}, nil
		}})
		return err
	}
	cycle := func(t *testing.T, err error, of *scim.Resource, path string) {
		t.Helper()
		if e := fault(t, err, scim.RuleCycle); e.Value != of.ID || e.Path != path {
			t.Errorf("got %+v", e)
		}
	}
	cycle(t, change(a, directory.AddMembers, true, a), a, "members[0].value")
	for _, err := range []error{change(a, directory.AddMembers, true, b), change(b, directory.SetMembers, true, c)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cycle(t, change(c, directory.AddMembers, true, b), b, "members[0].value")
	u := w.create(t, user(t, `{"userName":"u"}`))
	cycle(t, change(c, directory.SetMembers, true, u, a), a, "members[1].value")
	if got := w.read(t, "Group", c.ID); len(got.Members) != 0 || got.Version != 1 {
		t.Errorf("a refused change was kept: %+v", got)
	}
	draft := group(t, `{"displayName":"c","members":[{"value":"`+a.ID+`"}]}`)
	draft.ID, draft.NoCycles = c.ID, true
	_, _, err := w.Put(ctx, w.dev, w.home, draft, directory.Precondition{Present: true})
	cycle(t, err, a, "members[0].value")
	// Who allows cycles makes them; who does not is not asked to mend them.
	if err := change(c, directory.AddMembers, false, a); err != nil {
		t.Fatal(err)
	}
	if err := change(c, directory.AddMembers, true, a, u); err != nil {
		t.Errorf("what is a member already is no new cycle: %v", err)
	}
}

func TestCountMembers(t *testing.T) {
	w := open(t)
	u := w.create(t, user(t, `{"userName":"u"}`))
	inner := w.create(t, group(t, `{"displayName":"inner","members":[{"value":"`+u.ID+`"}]}`))
	outer := w.create(t, group(t, `{"displayName":"outer","members":[{"value":"`+inner.ID+`"}]}`))
	for _, row := range []struct {
		group *scim.Resource
		typ   string
		want  int
	}{{inner, "User", 1}, {inner, "Group", 0}, {outer, "User", 0}, {outer, "Group", 1}} {
		if n, err := w.CountMembers(ctx, w.dev, w.home, row.group.ID, row.typ); n != row.want || err != nil {
			t.Errorf("%s has %d of type %s, %v, want %d", row.group.Doc(), n, row.typ, err, row.want)
		}
	}
	_, err := w.CountMembers(ctx, w.dev, w.home, u.ID, "User")
	fault(t, err, scim.RuleNotFound)
}
