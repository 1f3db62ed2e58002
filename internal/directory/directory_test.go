package directory_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

var ctx = context.Background()

// object reads a JSON object.
func object(t testing.TB, text string) *scim.Object {
	t.Helper()
	v, err := scim.Read([]byte(text), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return v.Object()
}

func user(t testing.TB, text string) directory.Draft {
	return directory.Draft{Type: "User", Attributes: object(t, text)}
}

func group(t testing.TB, text string) directory.Draft {
	return directory.Draft{Type: "Group", Attributes: object(t, text)}
}

// fault checks that err carries exactly one fault of the rule and returns it.
func fault(t testing.TB, err error, rule scim.Rule) *scim.Error {
	t.Helper()
	faults := scim.Faults(err)
	if len(faults) != 1 || faults[0].Rule != rule {
		t.Fatalf("got error %v, want one of rule %d", err, rule)
	}
	return faults[0]
}

// world is a directory with the caller and scope of most tests.
type world struct {
	*directory.Directory
	clock *directorytest.Clock
	dev   directory.Caller
	home  directory.Scope
}

func open(t testing.TB) world {
	d, clock := directorytest.Open(t)
	c := directorytest.Caller(t, d, directorytest.DevToken)
	return world{d, clock, c, c.Home()}
}

func (w world) create(t testing.TB, dr directory.Draft) *scim.Resource {
	t.Helper()
	r, err := w.Create(ctx, w.dev, w.home, dr)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w world) read(t testing.TB, typ, id string) *scim.Resource {
	t.Helper()
	r, err := w.Read(ctx, w.dev, w.home, typ, id, directory.Include{Groups: true, Members: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w world) total(t testing.TB, typ string) int {
	t.Helper()
	p, err := w.List(ctx, w.dev, w.home, directory.Query{Type: typ})
	if err != nil {
		t.Fatal(err)
	}
	return p.Total
}

func names(refs []scim.Reference) []string {
	out := []string{}
	for _, r := range refs {
		out = append(out, r.Name)
	}
	return out
}

func TestCreate(t *testing.T) {
	w := open(t)
	r := w.create(t, user(t, `{"userName":"Ada","externalId":"hr-1","password":"2Federate","emails":[{"value":"ada@example.com","type":"work"}]}`))
	if got, want := string(r.Doc()), `{"externalId":"hr-1","userName":"Ada","active":true,"emails":[{"value":"ada@example.com","type":"work"}]}`; got != want {
		t.Errorf("document is %s, want %s", got, want)
	}
	if r.Version != 1 || !r.Created.Equal(directorytest.Start) || !r.Modified.Equal(r.Created) || r.Population != directorytest.Population || !r.HasPassword || r.MustChange {
		t.Errorf("header is %+v", r)
	}
	again := w.read(t, "User", r.ID)
	if diff := cmp.Diff(string(r.Doc()), string(again.Doc())); diff != "" || !again.HasPassword || !again.Created.Equal(r.Created) || again.Population != r.Population {
		t.Errorf("read after create: %+v %s", again, diff)
	}

	t.Run("scim:CRE-09 a taken userName in any letter case conflicts", func(t *testing.T) {
		before := w.total(t, "User")
		_, err := w.Create(ctx, w.dev, w.home, user(t, `{"userName":"aDA"}`))
		if e := fault(t, err, scim.RuleUnique); e.Path != "userName" || e.Value != "aDA" || e.Schema != "User" {
			t.Errorf("got %+v", e)
		}
		if after := w.total(t, "User"); after != before {
			t.Errorf("%d users, were %d", after, before)
		}
	})
	t.Run("the same name is free in another environment", func(t *testing.T) {
		other := directorytest.Caller(t, w.Directory, directorytest.OtherToken)
		if _, err := w.Create(ctx, other, other.Home(), user(t, `{"userName":"Ada"}`)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("an externalId may stand on several users", func(t *testing.T) {
		w.create(t, user(t, `{"userName":"ada2","externalId":"hr-1"}`))
	})
	t.Run("a chosen id is kept and can be taken once", func(t *testing.T) {
		dr := user(t, `{"userName":"chosen"}`)
		dr.ID = "some-id"
		if got := w.create(t, dr).ID; got != "some-id" {
			t.Errorf("id is %q", got)
		}
		dr = user(t, `{"userName":"chosen2"}`)
		dr.ID = "some-id"
		_, err := w.Create(ctx, w.dev, w.home, dr)
		if e := fault(t, err, scim.RuleExists); e.Value != "some-id" {
			t.Errorf("got %+v", e)
		}
	})
	for name, tt := range map[string]struct {
		draft func(*directory.Draft)
		text  string
		rule  scim.Rule
	}{
		"no userName":          {nil, `{"displayName":"x"}`, scim.RuleRequired},
		"short password":       {nil, `{"userName":"bad","password":"Ab1"}`, scim.RulePassword},
		"no digit":             {nil, `{"userName":"bad","password":"Abcdefghi"}`, scim.RulePassword},
		"no capital":           {nil, `{"userName":"bad","password":"abcdefgh1"}`, scim.RulePassword},
		"unknown attribute":    {nil, `{"userName":"bad","nonsense":1}`, scim.RuleUnknownAttribute},
		"unknown population":   {func(d *directory.Draft) { d.Population = "nowhere" }, `{"userName":"bad"}`, scim.RuleDangling},
		"unknown group":        {func(d *directory.Draft) { d.Groups = []string{"nowhere"} }, `{"userName":"bad"}`, scim.RuleDangling},
		"id with a slash":      {func(d *directory.Draft) { d.ID = "a/b" }, `{"userName":"bad"}`, scim.RulePattern},
		"id with a control":    {func(d *directory.Draft) { d.ID = "a\x01b" }, `{"userName":"bad"}`, scim.RulePattern},
		"id of 256 characters": {func(d *directory.Draft) { d.ID = strings.Repeat("é", 256) }, `{"userName":"bad"}`, scim.RuleLength},
		"id with bulkId":       {func(d *directory.Draft) { d.ID = "bulkId:1" }, `{"userName":"bad"}`, scim.RulePattern},
	} {
		t.Run(name+" is refused and leaves nothing", func(t *testing.T) {
			before := w.total(t, "User")
			dr := user(t, tt.text)
			if tt.draft != nil {
				tt.draft(&dr)
			}
			_, err := w.Create(ctx, w.dev, w.home, dr)
			fault(t, err, tt.rule)
			if after := w.total(t, "User"); after != before {
				t.Errorf("%d users, were %d", after, before)
			}
			if _, err := w.Create(ctx, w.dev, w.home, user(t, `{"userName":"bad"}`)); err != nil {
				t.Errorf("the name is not free: %v", err)
			}
			p, err := w.List(ctx, w.dev, w.home, directory.Query{Type: "User", Count: 1, Filter: equal(t, "userName", "bad")})
			if err != nil || len(p.Resources) != 1 {
				t.Fatalf("list: %v", err)
			}
			if _, err := w.Delete(ctx, w.dev, w.home, "User", p.Resources[0].ID, directory.Precondition{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func equal(t testing.TB, attribute, value string) *scim.Filter {
	t.Helper()
	f, err := scim.UserType().Resolve(&scim.Filter{Op: scim.OpEq, Path: scim.Path{Attr: attribute}, Value: scim.StringValue(value)}, scim.FilterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestConcurrentCreate(t *testing.T) {
	w := open(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	won, lost := 0, 0
	for i := range 64 {
		wg.Go(func() {
			_, err := w.Create(ctx, w.dev, w.home, user(t, fmt.Sprintf(`{"userName":"one","displayName":"%d"}`, i)))
			mu.Lock()
			defer mu.Unlock()
			switch faults := scim.Faults(err); {
			case err == nil:
				won++
			case len(faults) == 1 && faults[0].Rule == scim.RuleUnique:
				lost++
			default:
				t.Errorf("creator %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if won != 1 || lost != 63 || w.total(t, "User") != 1 {
		t.Errorf("%d won, %d lost, %d users", won, lost, w.total(t, "User"))
	}
}

func TestUpsert(t *testing.T) {
	w := open(t)
	upsert := func(t *testing.T, text string, change func(*directory.Draft)) (*scim.Resource, directory.Outcome, error) {
		dr := user(t, text)
		if change != nil {
			change(&dr)
		}
		return w.Upsert(ctx, w.dev, w.home, dr)
	}
	yes := true
	first, outcome, err := upsert(t, `{"userName":"ada","externalId":"hr-17","password":"2Federate"}`,
		func(d *directory.Draft) { d.DefaultGroup = true; d.MustChange = &yes })
	if err != nil || outcome != directory.Created {
		t.Fatal(outcome, err)
	}
	if diff := cmp.Diff([]string{"Users"}, names(first.Groups)); diff != "" || !first.MustChange {
		t.Errorf("%s must change %v", diff, first.MustChange)
	}
	w.clock.Advance(time.Second)
	second, outcome, err := upsert(t, `{"userName":"ada","externalId":"hr-17","title":"Engineer"}`, nil)
	if err != nil || outcome != directory.Replaced {
		t.Fatal(outcome, err)
	}
	if second.ID != first.ID || !second.Created.Equal(first.Created) || !second.Modified.Equal(first.Modified.Add(time.Second)) || second.Version != 2 || !second.HasPassword || !second.MustChange {
		t.Errorf("second is %+v", second)
	}
	if diff := cmp.Diff([]string{"Users"}, names(second.Groups)); diff != "" {
		t.Error(diff)
	}
	third, outcome, err := upsert(t, `{"userName":"ada","externalId":"hr-17","title":"Engineer"}`, nil)
	if err != nil || outcome != directory.Unchanged || third.Version != 2 || !third.Modified.Equal(second.Modified) {
		t.Errorf("third is %+v, %v, %v", third, outcome, err)
	}
	t.Run("a new password clears the mark to change it", func(t *testing.T) {
		r, _, err := upsert(t, `{"userName":"ada","externalId":"hr-17","password":"An0therOne"}`, nil)
		if err != nil || r.MustChange {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("active stays when it is not given", func(t *testing.T) {
		if _, _, err := upsert(t, `{"userName":"ada","externalId":"hr-17","active":false}`, nil); err != nil {
			t.Fatal(err)
		}
		r, _, err := upsert(t, `{"userName":"ada","externalId":"hr-17","title":"x"}`, nil)
		if err != nil || r.Attributes().Get("active").Bool() {
			t.Errorf("%s, %v", r.Doc(), err)
		}
	})
	t.Run("externalId is compared exactly", func(t *testing.T) {
		_, outcome, err := upsert(t, `{"userName":"upper","externalId":"HR-17"}`, nil)
		if err != nil || outcome != directory.Created {
			t.Errorf("%v, %v", outcome, err)
		}
	})
	t.Run("a userName of somebody else conflicts", func(t *testing.T) {
		_, _, err := upsert(t, `{"userName":"Upper","externalId":"hr-17"}`, nil)
		fault(t, err, scim.RuleUnique)
	})
	t.Run("an externalId of several users conflicts", func(t *testing.T) {
		w.create(t, user(t, `{"userName":"twin","externalId":"hr-17"}`))
		_, _, err := upsert(t, `{"userName":"ada","externalId":"hr-17"}`, nil)
		if e := fault(t, err, scim.RuleUnique); e.Path != "externalId" {
			t.Errorf("got %+v", e)
		}
	})
}

func TestPut(t *testing.T) {
	w := open(t)
	put := func(text string, p directory.Precondition) (*scim.Resource, directory.Outcome, error) {
		dr := user(t, text)
		dr.ID = "some-id"
		return w.Put(ctx, w.dev, w.home, dr, p)
	}
	_, _, err := put(`{"userName":"ada"}`, directory.Precondition{Present: true})
	fault(t, err, scim.RuleNotFound)
	_, outcome, err := put(`{"userName":"ada","title":"x"}`, directory.Precondition{Absent: true})
	if err != nil || outcome != directory.Created {
		t.Fatal(outcome, err)
	}
	_, _, err = put(`{"userName":"ada"}`, directory.Precondition{Absent: true})
	fault(t, err, scim.RuleExists)
	_, _, err = put(`{"userName":"ada"}`, directory.Precondition{Version: []int64{7}})
	fault(t, err, scim.RuleVersion)
	r, outcome, err := put(`{"userName":"ada"}`, directory.Precondition{Version: []int64{1}})
	if err != nil || outcome != directory.Replaced || r.Version != 2 || !r.Attributes().Get("title").IsNull() {
		t.Errorf("%+v, %v, %v", r, outcome, err)
	}
	t.Run("Merge keeps what a dialect cannot express", func(t *testing.T) {
		dr := user(t, `{"userName":"ada","nickName":"A"}`)
		dr.ID = "some-id"
		dr.Merge = func(old *scim.Object) *scim.Object { return old.Clone().Set("nickName", scim.StringValue("A")) }
		if _, _, err := put(`{"userName":"ada","title":"kept"}`, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
		r, _, err := w.Put(ctx, w.dev, w.home, dr, directory.Precondition{})
		if err != nil || string(r.Doc()) != `{"userName":"ada","nickName":"A","title":"kept","active":true}` {
			t.Errorf("%s, %v", r.Doc(), err)
		}
	})
	t.Run("the clock going back does not take lastModified along", func(t *testing.T) {
		w.clock.Advance(-time.Hour)
		r, _, err := put(`{"userName":"ada","title":"later"}`, directory.Precondition{})
		if err != nil || r.Modified.Before(r.Created) {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestGroups(t *testing.T) {
	w := open(t)
	ada := w.create(t, user(t, `{"userName":"ada","displayName":"Ada L"}`))
	bob := w.create(t, user(t, `{"userName":"bob"}`))
	inner := w.create(t, group(t, `{"displayName":"Inner","members":[{"value":"`+ada.ID+`"}]}`))
	outer := w.create(t, group(t, `{"displayName":"Outer","members":[{"value":"`+inner.ID+`"},{"value":"`+bob.ID+`","type":"User"}]}`))
	if strings.Contains(string(outer.Doc()), "members") {
		t.Errorf("members are kept in the document: %s", outer.Doc())
	}
	want := []scim.Reference{
		{ID: bob.ID, Type: "User", Name: "bob", Display: "bob"},
		{ID: inner.ID, Type: "Group", Name: "Inner", Display: "Inner"},
	}
	if diff := cmp.Diff(want, outer.Members); diff != "" {
		t.Error(diff)
	}
	want = []scim.Reference{
		{ID: inner.ID, Type: "Group", Name: "Inner", Display: "Inner"},
		{ID: outer.ID, Type: "Group", Name: "Outer", Display: "Outer", Indirect: true},
	}
	if diff := cmp.Diff(want, w.read(t, "User", ada.ID).Groups); diff != "" {
		t.Error(diff)
	}
	for name, text := range map[string]string{
		"unknown member":           `{"displayName":"x","members":[{"value":"nobody"}]}`,
		"member of another type":   `{"displayName":"x","members":[{"value":"` + ada.ID + `","type":"Group"}]}`,
		"group that is not a user": `{"displayName":"x","members":[{"value":"` + inner.ID + `","type":"User"}]}`,
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := w.Create(ctx, w.dev, w.home, group(t, text))
			if e := fault(t, err, scim.RuleDangling); e.Path != "members[0].value" {
				t.Errorf("got %+v", e)
			}
		})
	}
	t.Run("scim:GRP-02 displayName is unique in any letter case", func(t *testing.T) {
		_, err := w.Create(ctx, w.dev, w.home, group(t, `{"displayName":"inner"}`))
		if e := fault(t, err, scim.RuleUnique); e.Path != "displayName" || e.Schema != "Group" {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("replacing applies the difference", func(t *testing.T) {
		dr := group(t, `{"displayName":"Outer","members":[{"value":"`+ada.ID+`"},{"value":"`+bob.ID+`"}]}`)
		dr.ID = outer.ID
		r, outcome, err := w.Put(ctx, w.dev, w.home, dr, directory.Precondition{})
		if err != nil || outcome != directory.Replaced || r.Version != 2 {
			t.Fatal(r, outcome, err)
		}
		if diff := cmp.Diff([]string{"ada", "bob"}, names(r.Members)); diff != "" {
			t.Error(diff)
		}
		if _, outcome, err = w.Put(ctx, w.dev, w.home, dr, directory.Precondition{}); err != nil || outcome != directory.Unchanged {
			t.Errorf("%v, %v", outcome, err)
		}
	})
	t.Run("joining moves the group's version and not the user's", func(t *testing.T) {
		dr := user(t, `{"userName":"eve"}`)
		dr.Groups = []string{inner.ID}
		eve := w.create(t, dr)
		if got := w.read(t, "Group", inner.ID); got.Version != 2 || len(got.Members) != 2 {
			t.Errorf("group is %+v", got)
		}
		if eve.Version != 1 || len(eve.Groups) != 1 {
			t.Errorf("user is %+v", eve)
		}
	})
	t.Run("deleting ends memberships on both sides", func(t *testing.T) {
		if _, err := w.Delete(ctx, w.dev, w.home, "User", ada.ID, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"bob"}, names(w.read(t, "Group", outer.ID).Members)); diff != "" {
			t.Error(diff)
		}
		if _, err := w.Delete(ctx, w.dev, w.home, "Group", outer.ID, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
		if got := w.read(t, "User", bob.ID).Groups; len(got) != 0 {
			t.Errorf("groups are %v", got)
		}
	})
	t.Run("the group Users is protected", func(t *testing.T) {
		e, err := w.Environment(ctx, w.dev, w.home)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Delete(ctx, w.dev, w.home, "Group", e.DefaultGroup, directory.Precondition{})
		fault(t, err, scim.RuleProtected)
	})
}

func TestDelete(t *testing.T) {
	w := open(t)
	r := w.create(t, user(t, `{"userName":"ada","externalId":"1"}`))
	_, err := w.Delete(ctx, w.dev, w.home, "User", r.ID, directory.Precondition{Version: []int64{2}})
	fault(t, err, scim.RuleVersion)
	gone, err := w.Delete(ctx, w.dev, w.home, "User", r.ID, directory.Precondition{Version: []int64{1}})
	if err != nil || string(gone.Doc()) != string(r.Doc()) {
		t.Fatal(gone, err)
	}
	_, err = w.Delete(ctx, w.dev, w.home, "User", r.ID, directory.Precondition{})
	fault(t, err, scim.RuleNotFound)
	_, err = w.Read(ctx, w.dev, w.home, "User", r.ID, directory.Include{})
	fault(t, err, scim.RuleNotFound)
	if again := w.create(t, user(t, `{"userName":"ada","externalId":"1"}`)); again.ID == r.ID {
		t.Error("the id came back")
	}
}

func TestList(t *testing.T) {
	w := open(t)
	for i := range 25 {
		w.create(t, user(t, fmt.Sprintf(`{"userName":"user%02d","externalId":"x%d","emails":[{"value":"U%d@example.com"}],"displayName":"%s"}`,
			i, i, i, []string{"Even", "Odd"}[i%2])))
	}
	list := func(f *scim.Filter, start, count int) *directory.Page {
		t.Helper()
		p, err := w.List(ctx, w.dev, w.home, directory.Query{Type: "User", Filter: f, Start: start, Count: count})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var seen []string
	for start := 1; start <= 25; start += 7 {
		p := list(nil, start, 7)
		if p.Total != 25 || p.Start != start {
			t.Fatalf("page at %d: total %d, start %d", start, p.Total, p.Start)
		}
		for _, r := range p.Resources {
			seen = append(seen, r.Attributes().Get("userName").Text())
		}
	}
	if len(seen) != 25 || seen[0] != "user00" || seen[24] != "user24" {
		t.Errorf("seen %v", seen)
	}
	if p := list(nil, 26, 7); p.Total != 25 || len(p.Resources) != 0 {
		t.Errorf("past the end: %+v", p)
	}
	if p := list(nil, 1, 0); p.Total != 25 || len(p.Resources) != 0 {
		t.Errorf("count 0: %+v", p)
	}
	for attribute, value := range map[string]string{"userName": "USER07", "externalId": "x7", "emails": "u7@EXAMPLE.com"} {
		if p := list(equal(t, attribute, value), 1, 10); p.Total != 1 || len(p.Resources) != 1 || p.Resources[0].Attributes().Get("userName").Text() != "user07" {
			t.Errorf("%s eq %q: %+v", attribute, value, p)
		}
	}
	if p := list(equal(t, "externalId", "X7"), 1, 10); p.Total != 0 {
		t.Errorf("externalId in another case: %+v", p)
	}
	if p := list(equal(t, "displayName", "odd"), 3, 5); p.Total != 12 || len(p.Resources) != 5 || p.Resources[0].Attributes().Get("userName").Text() != "user05" {
		t.Errorf("displayName eq odd: %+v", p)
	}
	if p := list(equal(t, "title", "none"), 1, 5); p.Total != 0 {
		t.Errorf("title eq none: %+v", p)
	}
}

func TestSealedEnvironments(t *testing.T) {
	w := open(t)
	ada := w.create(t, user(t, `{"userName":"ada","externalId":"1"}`))
	other := directorytest.Caller(t, w.Directory, directorytest.OtherToken)
	foreign := func(t *testing.T, c directory.Caller, s directory.Scope, id string) error {
		_, err := w.Read(ctx, c, s, "User", id, directory.Include{})
		return err
	}
	t.Run("scim:GET-06 a foreign id is like a missing one", func(t *testing.T) {
		a, b := fault(t, foreign(t, other, other.Home(), ada.ID), scim.RuleNotFound), fault(t, foreign(t, other, other.Home(), "missing"), scim.RuleNotFound)
		a.Value, b.Value = "", ""
		if diff := cmp.Diff(a, b); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("scim:TEN-02 the environment of the path must be the credential's", func(t *testing.T) {
		fault(t, foreign(t, other, w.home, ada.ID), scim.RuleForbidden)
		fault(t, foreign(t, other, directory.Scope{Environment: "4b0d6d7e-0000-0000-0000-000000000000"}, ada.ID), scim.RuleNotFound)
		fault(t, foreign(t, directory.Caller{}, w.home, ada.ID), scim.RuleUnauthenticated)
		fault(t, foreign(t, other, directory.Scope{}, ada.ID), scim.RuleUnauthenticated)
		_, err := w.Create(ctx, other, w.home, user(t, `{"userName":"spy"}`))
		fault(t, err, scim.RuleForbidden)
		_, err = w.Delete(ctx, other, w.home, "User", ada.ID, directory.Precondition{})
		fault(t, err, scim.RuleForbidden)
	})
	t.Run("references cannot cross", func(t *testing.T) {
		_, err := w.Create(ctx, other, other.Home(), group(t, `{"displayName":"g","members":[{"value":"`+ada.ID+`"}]}`))
		fault(t, err, scim.RuleDangling)
		dr := user(t, `{"userName":"x"}`)
		dr.Population = directorytest.Population
		_, err = w.Create(ctx, other, other.Home(), dr)
		fault(t, err, scim.RuleDangling)
		_, outcome, err := w.Upsert(ctx, other, other.Home(), user(t, `{"userName":"x","externalId":"1"}`))
		if err != nil || outcome != directory.Created {
			t.Errorf("%v, %v", outcome, err)
		}
	})
	t.Run("a reader writes nothing", func(t *testing.T) {
		reader := directorytest.Caller(t, w.Directory, directorytest.ReaderToken)
		if err := foreign(t, reader, reader.Home(), ada.ID); err != nil {
			t.Error(err)
		}
		_, err := w.Create(ctx, reader, reader.Home(), user(t, `{"userName":"y"}`))
		fault(t, err, scim.RuleForbidden)
		_, _, err = w.Upsert(ctx, reader, reader.Home(), user(t, `{"userName":"y"}`))
		fault(t, err, scim.RuleForbidden)
		dr := user(t, `{"userName":"y"}`)
		dr.ID = "y"
		_, _, err = w.Put(ctx, reader, reader.Home(), dr, directory.Precondition{})
		fault(t, err, scim.RuleForbidden)
		_, err = w.Delete(ctx, reader, reader.Home(), "User", ada.ID, directory.Precondition{})
		fault(t, err, scim.RuleForbidden)
	})
}

func TestClients(t *testing.T) {
	w := open(t)
	c, secret, err := w.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, Name: "Okta", Doors: []string{"scim2"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(secret) < 3+52 || c.Role != directory.Writer || c.Secrets != 1 {
		t.Errorf("client %+v, secret of %d characters", c, len(secret))
	}
	caller, err := w.AuthenticateClient(ctx, c.ID, secret)
	if err != nil || caller.Client != c.ID || caller.Environment != directorytest.Environment {
		t.Fatal(caller, err)
	}
	refused := func(t *testing.T, err error) { t.Helper(); fault(t, err, scim.RuleUnauthenticated) }
	for name, pair := range map[string][2]string{
		"wrong secret": {c.ID, secret + "x"}, "empty secret": {c.ID, ""}, "other id": {directorytest.DevClient, secret},
		"empty id": {"", secret}, "both empty": {"", ""}, "secret of another": {c.ID, directorytest.DevSecret},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := w.AuthenticateClient(ctx, pair[0], pair[1])
			refused(t, err)
		})
	}
	second, err := w.RotateClient(ctx, c.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret, second} {
		if _, err := w.AuthenticateSecret(ctx, s); err != nil {
			t.Errorf("after one rotation: %v", err)
		}
	}
	token := caller.TokenSubject()
	if _, err := w.AuthenticateToken(ctx, token); err != nil {
		t.Error(err)
	}
	third, err := w.RotateClient(ctx, c.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.AuthenticateSecret(ctx, secret)
	refused(t, err)
	_, err = w.AuthenticateToken(ctx, token)
	refused(t, err)
	for _, s := range []string{second, third} {
		if _, err := w.AuthenticateSecret(ctx, s); err != nil {
			t.Errorf("after two rotations: %v", err)
		}
	}
	if err := w.RevokeClient(ctx, c.ID); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{second, third} {
		_, err = w.AuthenticateSecret(ctx, s)
		refused(t, err)
	}
	if _, err = w.RotateClient(ctx, c.ID, 0); err == nil {
		t.Error("a revoked client was given a secret")
	}
	list, err := w.Clients(ctx, directorytest.Environment)
	if err != nil {
		t.Fatal(err)
	}
	if last := list[len(list)-1]; last.ID != c.ID || !last.Revoked {
		t.Errorf("last client is %+v", last)
	}
	key, err := w.SigningKey(ctx)
	if again, err2 := w.SigningKey(ctx); err != nil || err2 != nil || len(key) != 32 || string(again) != string(key) {
		t.Errorf("signing keys differ or are short: %v, %v", err, err2)
	}
}

// TestOtherNode: what another process on the same data does to a client is felt by
// the next request, although callers are remembered.
func TestOtherNode(t *testing.T) {
	path := t.TempDir()
	first, clock := directorytest.OpenAt(t, path)
	cfg := directorytest.Config(t, path)
	cfg.Now = clock.Now
	other, err := directory.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c, secret, err := other.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, ID: "c", Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	caller := func(want error) directory.Caller {
		t.Helper()
		var out directory.Caller
		for range 2 { // looked up, then remembered
			var err error
			out, err = first.AuthenticateSecret(ctx, secret)
			if fmt.Sprint(err) != fmt.Sprint(want) {
				t.Fatalf("error %v, want %v", err, want)
			}
		}
		return out
	}
	refusal := error(&scim.Error{Rule: scim.RuleUnauthenticated})
	token := caller(nil).TokenSubject()
	if _, err := other.ConfigureClient(ctx, "c", func(c *directory.Client) { c.Settings.Mode = directory.Strict }); err != nil {
		t.Fatal(err)
	}
	if got := caller(nil).Settings.Mode; got != directory.Strict {
		t.Errorf("mode %s after it was set elsewhere", got)
	}
	clock.Advance(time.Hour)
	caller(refusal) // it has expired, and nothing was written
	if secret, err = other.RotateClient(ctx, c.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	caller(nil)
	if _, err := first.AuthenticateToken(ctx, token); fmt.Sprint(err) != fmt.Sprint(refusal) {
		t.Errorf("a token of the expired secret: %v", err)
	}
	if err := other.RevokeClient(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	caller(refusal)
}

func TestEnvironments(t *testing.T) {
	w := open(t)
	_, err := w.CreateEnvironment(ctx, directory.EnvironmentDraft{Name: "DEFAULT"})
	fault(t, err, scim.RuleUnique)
	_, err = w.CreateEnvironment(ctx, directory.EnvironmentDraft{})
	fault(t, err, scim.RuleRequired)
	other := directorytest.Caller(t, w.Directory, directorytest.OtherToken)
	if _, err := w.Create(ctx, other, other.Home(), user(t, `{"userName":"ada","password":"2Federate"}`)); err != nil {
		t.Fatal(err)
	}
	ada := w.create(t, user(t, `{"userName":"ada"}`))
	if err := w.DeleteEnvironment(ctx, directorytest.Other); err != nil {
		t.Fatal(err)
	}
	_, err = w.AuthenticateSecret(ctx, directorytest.OtherToken)
	fault(t, err, scim.RuleUnauthenticated)
	fault(t, w.DeleteEnvironment(ctx, directorytest.Other), scim.RuleNotFound)
	if all, err := w.Environments(ctx); err != nil || len(all) != 1 || all[0].DefaultPopulation != directorytest.Population {
		t.Errorf("%+v, %v", all, err)
	}
	w.read(t, "User", ada.ID)
}

func TestManager(t *testing.T) {
	w := open(t)
	boss := w.create(t, user(t, `{"userName":"boss","displayName":"The Boss"}`))
	managed := func(name, manager string) directory.Draft {
		return user(t, `{"userName":"`+name+`","`+scim.EnterpriseSchema+`":{"manager":{"value":"`+manager+`"}}}`)
	}
	t.Run("scim:SCH-14 a manager who is not there is refused", func(t *testing.T) {
		for _, id := range []string{"nobody", "7"} {
			_, err := w.Create(ctx, w.dev, w.home, managed("x", id))
			if e := fault(t, err, scim.RuleDangling); e.Path != scim.EnterpriseSchema+":manager.value" || e.Value != id {
				t.Errorf("got %+v", e)
			}
		}
		_, err := w.Create(ctx, w.dev, w.home, group(t, `{"displayName":"x","members":[{"value":"nobody"}]}`))
		if e := fault(t, err, scim.RuleDangling); e.Path != "members[0].value" || e.Value != "nobody" {
			t.Errorf("got %+v", e)
		}
	})
	ada := w.create(t, managed("ada", boss.ID))
	want := &scim.Reference{ID: boss.ID, Type: "User", Name: "boss", Display: "The Boss"}
	if diff := cmp.Diff(want, ada.Manager); diff != "" {
		t.Error(diff)
	}
	t.Run("a draft may keep any manager as text", func(t *testing.T) {
		dr := managed("bob", "7")
		dr.AnyManager = true
		if r := w.create(t, dr); r.Manager != nil || !strings.Contains(string(r.Doc()), `{"value":"7"}`) {
			t.Errorf("%+v %s", r.Manager, r.Doc())
		}
	})
	t.Run("scim:USR-21 deleting the manager or a group takes the reference out", func(t *testing.T) {
		other := w.create(t, user(t, `{"userName":"other"}`))
		g := w.create(t, group(t, `{"displayName":"g","members":[{"value":"`+ada.ID+`"}]}`))
		w.clock.Advance(time.Second)
		if _, err := w.Delete(ctx, w.dev, w.home, "User", boss.ID, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
		r := w.read(t, "User", ada.ID)
		if string(r.Doc()) != `{"userName":"ada","active":true}` || r.Manager != nil || r.Version != 2 || !r.Modified.After(ada.Modified) {
			t.Errorf("%s %+v", r.Doc(), r)
		}
		if _, err := w.Delete(ctx, w.dev, w.home, "Group", g.ID, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
		if r := w.read(t, "User", ada.ID); len(r.Groups) != 0 || r.Version != 2 {
			t.Errorf("after the group is gone: %+v", r)
		}
		if r := w.read(t, "User", other.ID); r.Version != 1 {
			t.Errorf("a stranger changed: %+v", r)
		}
	})
	t.Run("who is his own manager can be deleted", func(t *testing.T) {
		self := w.create(t, user(t, `{"userName":"self"}`))
		dr := managed("self", self.ID)
		dr.ID = self.ID
		if _, _, err := w.Put(ctx, w.dev, w.home, dr, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Delete(ctx, w.dev, w.home, "User", self.ID, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCheckPassword(t *testing.T) {
	w := open(t)
	if err := w.CheckPassword(ctx, w.dev, "2Federate"); err != nil {
		t.Error(err)
	}
	broken := []string{}
	for _, e := range scim.Faults(w.CheckPassword(ctx, w.dev, "short")) {
		broken = append(broken, e.Allowed[0])
	}
	if diff := cmp.Diff([]string{"minLength", "capitals", "digits"}, broken); diff != "" {
		t.Error(diff)
	}
}

func TestPopulations(t *testing.T) {
	w := open(t)
	second, err := w.CreatePopulation(ctx, directorytest.Environment, "", "Contractors")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.CreatePopulation(ctx, directorytest.Environment, "", "contractors")
	fault(t, err, scim.RuleUnique)
	_, err = w.CreatePopulation(ctx, "nowhere", "", "x")
	fault(t, err, scim.RuleNotFound)
	dr := user(t, `{"userName":"ada"}`)
	dr.Population = second.ID
	ada := w.create(t, dr)
	list := func() []directory.Population {
		all, err := w.Populations(ctx, w.dev, w.home)
		if err != nil {
			t.Fatal(err)
		}
		var out []directory.Population
		for _, p := range all {
			out = append(out, *p)
		}
		return out
	}
	want := []directory.Population{{ID: directorytest.Population, Name: "Default", Default: true}, {ID: second.ID, Name: "Contractors", Users: 1}}
	if diff := cmp.Diff(want, list()); diff != "" {
		t.Error(diff)
	}
	fault(t, w.DeletePopulation(ctx, directorytest.Environment, second.ID), scim.RuleProtected)
	fault(t, w.DeletePopulation(ctx, directorytest.Environment, directorytest.Population), scim.RuleProtected)
	fault(t, w.DeletePopulation(ctx, directorytest.Other, second.ID), scim.RuleNotFound)
	t.Run("without a default population a user must name one", func(t *testing.T) {
		if err := w.SetDefaultPopulation(ctx, directorytest.Environment, ""); err != nil {
			t.Fatal(err)
		}
		_, err := w.Create(ctx, w.dev, w.home, user(t, `{"userName":"bob"}`))
		if e := fault(t, err, scim.RuleRequired); e.Path != "population.id" {
			t.Errorf("got %+v", e)
		}
		if err := w.SetDefaultPopulation(ctx, directorytest.Environment, second.ID); err != nil {
			t.Fatal(err)
		}
		if bob := w.create(t, user(t, `{"userName":"bob"}`)); bob.Population != second.ID {
			t.Errorf("population is %s", bob.Population)
		}
	})
	t.Run("replacing leaves the population", func(t *testing.T) {
		dr := user(t, `{"userName":"ada","title":"x"}`)
		dr.ID = ada.ID
		r, _, err := w.Put(ctx, w.dev, w.home, dr, directory.Precondition{})
		if err != nil || r.Population != second.ID {
			t.Errorf("%+v, %v", r, err)
		}
	})
	if err := w.DeletePopulation(ctx, directorytest.Environment, directorytest.Population); err != nil {
		t.Error(err)
	}
}
