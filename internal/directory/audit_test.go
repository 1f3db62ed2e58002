package directory_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// trail returns the audit rows that fn causes.
func (w world) trail(t testing.TB, fn func()) []directory.AuditRow {
	t.Helper()
	before, err := w.Audit(ctx, directorytest.Environment, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	fn()
	rows, err := w.Audit(ctx, directorytest.Environment, before[len(before)-1].Seq, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if last := before[len(before)-1].Seq; row.Seq <= last {
			t.Errorf("row %d has the number %d after %d", i, row.Seq, last)
		}
		rows[i].Seq = 0
	}
	return rows
}

func TestAudit(t *testing.T) {
	w := open(t)
	w.dev.Door, w.dev.RequestID = "scim2", "r-1"
	row := func(action, typ, id, outcome string, change func(*directory.AuditRow)) directory.AuditRow {
		r := directory.AuditRow{At: directorytest.Start, Client: directorytest.DevClient, Door: "scim2", Action: action, Type: typ, ID: id,
			Outcome: outcome, Request: "r-1"}
		if change != nil {
			change(&r)
		}
		return r
	}
	var ada, staff *scim.Resource
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Run("scim:SEC-15 who did what to which resource in which request, how it ended, and the names of what changed", func(t *testing.T) {
		got := w.trail(t, func() {
			var err error
			ada, err = w.Create(ctx, w.dev, w.home, user(t, `{"userName":"ada","name":{"givenName":"Ada"},"password":"Secret123"}`))
			must(t, err)
			staff, err = w.Create(ctx, w.dev, w.home, group(t, `{"displayName":"Staff","members":[{"value":"`+ada.ID+`"}]}`))
			must(t, err)
			dr := user(t, `{"userName":"ada","nickName":"A"}`)
			dr.ID = ada.ID
			_, _, err = w.Put(ctx, w.dev, w.home, dr, directory.Precondition{})
			must(t, err)
			_, err = w.Delete(ctx, w.dev, w.home, "Group", staff.ID, directory.Precondition{})
			must(t, err)
			reader := directorytest.Caller(t, w.Directory, directorytest.ReaderToken)
			reader.Door, reader.RequestID = "scim2", "r-1"
			_, err = w.Create(ctx, reader, reader.Home(), user(t, `{"userName":"eve"}`))
			fault(t, err, scim.RuleForbidden)
		})
		want := []directory.AuditRow{
			row("create", "User", ada.ID, "done", func(r *directory.AuditRow) { r.Attributes = []string{"userName", "name", "active", "password"} }),
			row("create", "Group", staff.ID, "done", func(r *directory.AuditRow) { r.Attributes = []string{"displayName", "members"} }),
			row("update", "User", ada.ID, "done", func(r *directory.AuditRow) { r.Attributes = []string{"nickName", "name"} }),
			row("delete", "Group", staff.ID, "done", nil),
			row("refuse", "Permission", "", "forbidden", func(r *directory.AuditRow) { r.Client = "reader-client" }),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		// The tenant is which log it is: the other environment's has none of this.
		other, err := w.Audit(ctx, directorytest.Other, 0, 1<<20)
		must(t, err)
		for _, r := range other {
			if r.Type == "User" || r.Type == "Group" {
				t.Errorf("the other environment's log has %+v", r)
			}
		}
	})
	t.Run("what was put right is named, once, and only where something changed", func(t *testing.T) {
		c := w.dev
		c.Trace = &directory.Trace{}
		for _, name := range []string{"media-type", "op-case", "media-type"} {
			c.Trace.Fire(name)
		}
		got := w.trail(t, func() {
			m := directory.Modification{Type: "User", ID: ada.ID, Apply: func(old *scim.Resource) (directory.Change, error) {
				c.Trace.Fire("create-on-absent")
				return directory.Change{Attributes: old.Attributes().Clone().Set("nickName", scim.StringValue("B"))}, nil
			}}
			for range 2 {
				_, _, err := w.Modify(ctx, c, w.home, m)
				must(t, err)
			}
		})
		want := []directory.AuditRow{row("update", "User", ada.ID, "done", func(r *directory.AuditRow) {
			r.Attributes, r.Rewrites = []string{"nickName"}, []string{"media-type", "op-case", "create-on-absent"}
		})}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
	t.Run("an environment that is not there", func(t *testing.T) {
		_, err := w.Audit(ctx, "nowhere", 0, 1)
		fault(t, err, scim.RuleNotFound)
	})
	t.Run("at most so many", func(t *testing.T) {
		rows, err := w.Audit(ctx, directorytest.Environment, 0, 2)
		must(t, err)
		if len(rows) != 2 || rows[0].Seq >= rows[1].Seq {
			t.Errorf("rows %+v", rows)
		}
	})
}

func TestUnpreparedUserName(t *testing.T) {
	const smile = "smile \U0001F600 Ada"
	w := open(t)
	strict := w.dev
	strict.Settings = directory.ClientSettings{Mode: directory.Strict}
	tolerant := w.dev
	tolerant.Trace = &directory.Trace{}
	t.Run("scim:PRE-08 a user name that PRECIS refuses is refused in strict mode, and stored, flagged and unique in lower case in tolerant mode", func(t *testing.T) {
		_, err := w.Create(ctx, strict, w.home, user(t, `{"userName":"`+smile+`"}`))
		if f := fault(t, err, scim.RulePattern); f.Path != "userName" || f.Value != smile {
			t.Errorf("fault %+v", f)
		}
		var made *scim.Resource
		rows := w.trail(t, func() {
			if made, err = w.Create(ctx, tolerant, w.home, user(t, `{"userName":"`+smile+`"}`)); err != nil {
				t.Fatal(err)
			}
		})
		if len(rows) != 1 || rows[0].ID != made.ID || !cmp.Equal(rows[0].Rewrites, []string{"username-unprepared"}) {
			t.Errorf("audit rows %+v", rows)
		}
		if got := made.Attributes().Get("userName").Text(); got != smile {
			t.Errorf("stored as %q", got)
		}
		_, err = w.Create(ctx, w.dev, w.home, user(t, `{"userName":"SMILE \uD83D\uDE00 aDA"}`))
		fault(t, err, scim.RuleUnique)
		// What is there can still be changed by whom it would not have been made.
		dr := user(t, `{"userName":"`+smile+`","nickName":"A"}`)
		dr.ID = made.ID
		if _, _, err := w.Put(ctx, strict, w.home, dr, directory.Precondition{}); err != nil {
			t.Error(err)
		}
		dr = user(t, `{"userName":"`+smile+` again"}`)
		dr.ID = made.ID
		_, _, err = w.Put(ctx, strict, w.home, dr, directory.Precondition{})
		fault(t, err, scim.RulePattern)
	})
	t.Run("a name that is prepared is not flagged", func(t *testing.T) {
		c := w.dev
		c.Trace = &directory.Trace{}
		for _, name := range []string{"Stra\u00dfe", "User One", "\u00c9va"} {
			if _, err := w.Create(ctx, c, w.home, user(t, `{"userName":"`+name+`"}`)); err != nil {
				t.Fatal(err)
			}
		}
		if names := c.Trace.Fired(); names != nil {
			t.Errorf("flagged: %s", strings.Join(names, ", "))
		}
	})
}

func TestTrace(t *testing.T) {
	var none *directory.Trace
	none.Fire("x")
	if none.Fired() != nil || none.Filters() != nil {
		t.Error("a nil Trace collects")
	}
	f := &directory.Trace{}
	f.Fire("a")
	first, second := f.Part(), f.Part()
	first.Fire("b")
	second.Fire("a")
	second.Fire("c")
	if diff := cmp.Diff([][]string{{"a", "b", "c"}, {"a", "b"}, {"a", "c"}}, [][]string{f.Fired(), first.Fired(), second.Fired()}); diff != "" {
		t.Errorf("names of the request, of its first and second operation (-want +got):\n%s", diff)
	}
	part := none.Part()
	part.Fire("x")
	if !cmp.Equal(part.Fired(), []string{"x"}) {
		t.Error("the part of a nil Trace collects nothing")
	}
	t.Run("many at once", func(t *testing.T) {
		var wg sync.WaitGroup
		shared := &directory.Trace{}
		for range 8 {
			wg.Go(func() {
				for _, name := range []string{"a", "b", "c"} {
					shared.Fire(name)
				}
			})
		}
		wg.Wait()
		if len(shared.Fired()) != 3 {
			t.Errorf("names %v", shared.Fired())
		}
	})
	t.Run("the shapes of the filters that were asked, also those of parts, four at most", func(t *testing.T) {
		w := open(t)
		c := w.dev
		whole := &directory.Trace{}
		c.Trace = whole.Part()
		for _, text := range []string{`userName eq "ada"`, `userName eq "eve"`, `userName sw "e"`, `not (active eq false)`, `title pr`, `nickName pr`} {
			f, err := scim.ParseFilter(text, scim.FilterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if f, err = scim.UserType().Resolve(f, scim.FilterOptions{}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.List(ctx, c, w.home, directory.Query{Type: "User", Filter: f, Count: 1}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.List(ctx, c, w.home, directory.Query{Type: "User", Count: 1}); err != nil {
			t.Fatal(err)
		}
		want := []string{"userName eq ?", "userName sw ?", "not (active eq ?)", "title pr"}
		for name, got := range map[string][]string{"part": c.Trace.Filters(), "request": whole.Filters()} {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}
