package directory_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

const (
	department = scim.EnterpriseSchema + ":department"
	manager    = scim.EnterpriseSchema + ":manager"
)

// limited returns the caller of a new client with these limits.
func (w world) limited(t testing.TB, l directory.ClientLimits) directory.Caller {
	t.Helper()
	made, secret, err := w.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l.Populations, made.Limits.Populations); diff != "" {
		t.Errorf("populations (-want +got)\n%s", diff)
	}
	return directorytest.Caller(t, w.Directory, secret)
}

// population makes a population and returns its id.
func (w world) population(t testing.TB, name string) string {
	t.Helper()
	p, err := w.CreatePopulation(ctx, directorytest.Environment, "", name)
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// in returns the draft in another population.
func in(population string, dr directory.Draft) directory.Draft {
	dr.Population = population
	return dr
}

// found returns the names that the caller finds by the filter, and how many the total says.
func (w world) found(t testing.TB, c directory.Caller, typ, filter string) string {
	t.Helper()
	q := directory.Query{Type: typ, Count: 100, Include: directory.Include{Groups: true, Members: true}}
	if filter != "" {
		rt := scim.UserType()
		if typ == "Group" {
			rt = scim.GroupType()
		}
		f, err := scim.ParseFilter(filter, scim.FilterOptions{})
		if err == nil {
			f, err = rt.Resolve(f, scim.FilterOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		q.Filter = f
	}
	page, err := w.List(ctx, c, c.Home(), q)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range page.Resources {
		name := r.Attributes().Get("userName").Text()
		if typ == "Group" {
			name = r.Attributes().Get("displayName").Text()
		}
		list = append(list, name)
	}
	return fmt.Sprint(page.Total, " ", strings.Join(list, " "))
}

func TestHiddenAttributes(t *testing.T) {
	w := open(t)
	boss := w.create(t, user(t, `{"userName":"boss"}`))
	ada := w.create(t, user(t, `{"userName":"ada","title":"T","displayName":"Ada","nickName":"A","emails":[{"value":"a@x.example"}],
		"`+scim.EnterpriseSchema+`":{"department":"D","costCenter":"C","manager":{"value":"`+boss.ID+`"}}}`))
	bob := w.create(t, user(t, `{"userName":"bob","title":"T","`+scim.EnterpriseSchema+`":{"department":"D"}}`))
	g := w.create(t, group(t, `{"displayName":"G","members":[{"value":"`+ada.ID+`"}]}`))
	c := w.limited(t, directory.ClientLimits{Hidden: []string{"title", "EMAILS", "urn:ietf:params:scim:schemas:core:2.0:User:displayName", department, manager, "groups", "members"}, ReadOnly: []string{"nickName"}})

	t.Run("are in nothing that is read", func(t *testing.T) {
		r, err := w.Read(ctx, c, w.home, "User", ada.ID, directory.Include{Groups: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(r.Doc()), `{"userName":"ada","nickName":"A","active":true,"`+scim.EnterpriseSchema+`":{"costCenter":"C"}}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if r.Groups != nil || r.Manager != nil || r.ID != ada.ID || r.Version != ada.Version {
			t.Errorf("header %+v", r)
		}
		if r, err = w.Read(ctx, c, w.home, "User", bob.ID, directory.Include{}); err != nil || string(r.Doc()) != `{"userName":"bob","active":true}` {
			t.Errorf("an extension of which nothing is seen: %s, %v", r.Doc(), err)
		}
		if r, err = w.Read(ctx, c, w.home, "Group", g.ID, directory.Include{Members: true}); err != nil || r.Members != nil || string(r.Doc()) != `{"displayName":"G"}` {
			t.Errorf("group %s with %v, %v", r.Doc(), r.Members, err)
		}
		if n, err := w.CountMembers(ctx, c, w.home, g.ID, "User"); n != 0 || err != nil {
			t.Errorf("%d members, %v", n, err)
		}
	})
	t.Run("scim:FLT-29 have no value in filters and sorts", func(t *testing.T) {
		for filter, want := range map[string]string{
			`title pr`: "0 ", `title eq "T"`: "0 ", `title ne "T"`: "3 boss ada bob", `not (title eq "T")`: "3 boss ada bob", `not (title ne "x")`: "0 ",
			`title eq "T" or userName eq "bob"`: "1 bob", `title eq "T" and userName eq "bob"`: "0 ", `title ne "T" and userName eq "bob"`: "1 bob",
			`title ne "T" or userName eq "bob"`: "3 boss ada bob", `emails[value co "a"]`: "0 ", `emails.value pr or nickName eq "A"`: "1 ada", `displayName sw "A"`: "0 ",
			department + ` eq "D"`: "0 ", scim.EnterpriseSchema + `:costCenter eq "C"`: "1 ada", manager + `.value eq "` + boss.ID + `"`: "0 ",
			`groups.value eq "` + g.ID + `"`: "0 ", `groups pr`: "0 ", `userName pr and not (title pr)`: "3 boss ada bob", `(userName eq "ada" or userName eq "bob") and title ne "T"`: "2 ada bob",
		} {
			if got := w.found(t, c, "User", filter); got != want {
				t.Errorf("%s: got %q, want %q", filter, got, want)
			}
		}
		for filter, want := range map[string]string{`members.value eq "` + ada.ID + `"`: "0 ", `members pr`: "0 ", `displayName eq "G"`: "1 G"} {
			if got := w.found(t, c, "Group", filter); got != want {
				t.Errorf("%s: got %q, want %q", filter, got, want)
			}
		}
		if got := w.found(t, w.dev, "User", `title eq "T"`); got != "2 ada bob" {
			t.Errorf("a client without limits finds %q", got)
		}
		for by, want := range map[string]string{"title": "boss ada bob", "nickName": "bob boss ada"} {
			key, err := scim.UserType().ResolveSort(scim.SortKey{Path: scim.Path{Attr: by}, Descending: true}, scim.FilterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			page, err := w.List(ctx, c, w.home, directory.Query{Type: "User", Sort: []scim.SortKey{key}, Count: 10})
			if err != nil {
				t.Fatal(err)
			}
			var order []string
			for _, r := range page.Resources {
				order = append(order, r.Attributes().Get("userName").Text())
			}
			if got := strings.Join(order, " "); got != want {
				t.Errorf("sorted by %s: %s, want %s", by, got, want)
			}
		}
	})
	t.Run("stay when the client creates, replaces and changes", func(t *testing.T) {
		made, err := w.Create(ctx, c, w.home, user(t, `{"userName":"eve","title":"mine","nickName":"E"}`))
		if err != nil || string(w.read(t, "User", made.ID).Doc()) != `{"userName":"eve","active":true}` {
			t.Errorf("created %s, %v", w.read(t, "User", made.ID).Doc(), err)
		}
		dr := user(t, `{"userName":"ada2","nickName":"other","emails":[],"`+scim.EnterpriseSchema+`":{"costCenter":"C2","department":"mine"}}`)
		dr.ID = ada.ID
		r, outcome, err := w.Put(ctx, c, w.home, dr, directory.Precondition{})
		if err != nil || outcome != directory.Replaced {
			t.Fatal(outcome, err)
		}
		if got, want := string(r.Doc()), `{"userName":"ada2","nickName":"A","active":true,"`+scim.EnterpriseSchema+`":{"costCenter":"C2"}}`; got != want {
			t.Errorf("replaced: got %s, want %s", got, want)
		}
		whole := w.read(t, "User", ada.ID)
		for _, kept := range []string{`"title":"T"`, `"displayName":"Ada"`, `"nickName":"A"`, `"a@x.example"`, `"department":"D"`, `"manager":{"value":"` + boss.ID} {
			if !strings.Contains(string(whole.Doc()), kept) {
				t.Errorf("%s is gone: %s", kept, whole.Doc())
			}
		}
		if whole.Manager == nil || w.found(t, w.dev, "User", `emails.value eq "a@x.example"`) != "1 ada2" {
			t.Errorf("manager %v", whole.Manager)
		}
		if _, outcome, err = w.Put(ctx, c, w.home, dr, directory.Precondition{}); outcome != directory.Unchanged || err != nil {
			t.Errorf("the same again: %d, %v", outcome, err)
		}
		same := func(old *scim.Resource) (directory.Change, error) {
			if strings.Contains(string(old.Doc()), "title") {
				t.Errorf("the change sees %s", old.Doc())
			}
			return directory.Change{Attributes: old.Attributes().Clone().Set("preferredLanguage", scim.StringValue("de"))}, nil
		}
		if _, _, err = w.Modify(ctx, c, w.home, directory.Modification{Type: "User", ID: ada.ID, Apply: same}); err != nil {
			t.Error(err)
		}
		if doc := string(w.read(t, "User", ada.ID).Doc()); !strings.Contains(doc, `"title":"T"`) || !strings.Contains(doc, `"de"`) {
			t.Errorf("changed: %s", doc)
		}
		for _, name := range []string{"title", "nickName"} {
			_, _, err = w.Modify(ctx, c, w.home, directory.Modification{Type: "User", ID: ada.ID, Apply: set(name, scim.StringValue("x"))})
			if e := fault(t, err, scim.RuleReadOnly); e.Path != name {
				t.Errorf("path %q", e.Path)
			}
		}
	})
	t.Run("members stay, and joining is refused", func(t *testing.T) {
		dr := group(t, `{"displayName":"G2","members":[]}`)
		dr.ID = g.ID
		if _, _, err := w.Put(ctx, c, w.home, dr, directory.Precondition{}); err != nil {
			t.Error(err)
		}
		if got := w.read(t, "Group", g.ID); len(got.Members) != 1 || string(got.Doc()) != `{"displayName":"G2"}` {
			t.Errorf("%s with %v", got.Doc(), got.Members)
		}
		_, _, err := w.Modify(ctx, c, w.home, directory.Modification{Type: "Group", ID: g.ID, Apply: func(*scim.Resource) (directory.Change, error) {
			return directory.Change{Members: []directory.MemberChange{{Op: directory.AddMembers, Members: []directory.Member{{ID: bob.ID}}}}}, nil
		}})
		fault(t, err, scim.RuleReadOnly)
		joining := user(t, `{"userName":"joins"}`)
		joining.Groups = []string{g.ID}
		_, err = w.Create(ctx, c, w.home, joining)
		fault(t, err, scim.RuleForbidden)
		if got := w.read(t, "Group", g.ID); len(got.Members) != 1 {
			t.Errorf("members %v", got.Members)
		}
	})
}

func TestReadOnlyPassword(t *testing.T) {
	w := open(t)
	c := w.limited(t, directory.ClientLimits{ReadOnly: []string{"password", "active", "population"}})
	must := true
	dr := user(t, `{"userName":"ada","password":"Secret12345","active":false}`)
	dr.MustChange, dr.Population = &must, w.population(t, "p")
	r, err := w.Create(ctx, c, w.home, dr)
	if err != nil || r.HasPassword || r.MustChange || r.Population != directorytest.Population || string(r.Doc()) != `{"userName":"ada","active":true}` {
		t.Fatalf("%+v %s, %v", r, r.Doc(), err)
	}
	for path, ch := range map[string]directory.Change{
		"password":                         {MustChange: &must},
		scim.PingOneSchema + ":population": {Population: dr.Population},
		"active":                           {Attributes: object(t, `{"userName":"ada","active":false}`)},
	} {
		_, _, err := w.Modify(ctx, c, w.home, directory.Modification{Type: "User", ID: r.ID, Apply: func(*scim.Resource) (directory.Change, error) { return ch, nil }})
		if e := fault(t, err, scim.RuleReadOnly); e.Path != path {
			t.Errorf("path %q, want %q", e.Path, path)
		}
	}
	_, _, err = w.Modify(ctx, c, w.home, directory.Modification{Type: "User", ID: r.ID, Password: true, Apply: set("password", scim.StringValue("Secret12345"))})
	fault(t, err, scim.RuleReadOnly)
}

func TestPopulationsOfAClient(t *testing.T) {
	w := open(t)
	p := w.population(t, "p")
	theirs := w.create(t, user(t, `{"userName":"theirs","externalId":"x"}`))
	mine := w.create(t, in(p, user(t, `{"userName":"mine","externalId":"x","`+scim.EnterpriseSchema+`":{"manager":{"value":"`+theirs.ID+`"}}}`)))
	g := w.create(t, group(t, `{"displayName":"G","members":[{"value":"`+mine.ID+`"},{"value":"`+theirs.ID+`"}]}`))
	c := w.limited(t, directory.ClientLimits{Populations: []string{p}})

	t.Run("scim:TEN-05 users of others are not there, but for their userNames", func(t *testing.T) {
		_, err := w.Read(ctx, c, w.home, "User", theirs.ID, directory.Include{})
		fault(t, err, scim.RuleNotFound)
		_, err = w.Delete(ctx, c, w.home, "User", theirs.ID, directory.Precondition{})
		fault(t, err, scim.RuleNotFound)
		_, _, err = w.Modify(ctx, c, w.home, directory.Modification{Type: "User", ID: theirs.ID, Password: true, Apply: set("title", scim.StringValue("x"))})
		fault(t, err, scim.RuleNotFound)
		_, _, err = w.Modify(ctx, c, w.home, directory.Modification{Type: "User", ID: theirs.ID, Apply: set("title", scim.StringValue("x"))})
		fault(t, err, scim.RuleNotFound)
		dr := user(t, `{"userName":"other"}`)
		dr.ID = theirs.ID
		_, _, err = w.Put(ctx, c, w.home, dr, directory.Precondition{Present: true})
		fault(t, err, scim.RuleNotFound)
		_, _, err = w.Put(ctx, c, w.home, dr, directory.Precondition{})
		fault(t, err, scim.RuleExists)
		_, err = w.Create(ctx, c, w.home, user(t, `{"userName":"THEIRS"}`))
		fault(t, err, scim.RuleUnique)
		_, err = w.Entitled(ctx, c, w.home, theirs.ID)
		fault(t, err, scim.RuleNotFound)
		for filter, want := range map[string]string{"": "1 mine", `externalId eq "x"`: "1 mine", `userName eq "theirs"`: "0 ", `userName pr`: "1 mine", `groups.value eq "` + g.ID + `"`: "1 mine", `id eq "` + theirs.ID + `"`: "0 ", `userName ne "theirs"`: "1 mine"} {
			if got := w.found(t, c, "User", filter); got != want {
				t.Errorf("%q: got %q, want %q", filter, got, want)
			}
		}
		for filter, want := range map[string]string{"": "2 Users G", `members.value eq "` + theirs.ID + `"`: "0 ", `members[value eq "` + mine.ID + `"]`: "1 G", `members.display eq "theirs"`: "0 "} {
			if got := w.found(t, c, "Group", filter); got != want {
				t.Errorf("%q: got %q, want %q", filter, got, want)
			}
		}
		r, err := w.Read(ctx, c, w.home, "User", mine.ID, directory.Include{Groups: true})
		if err != nil || r.Manager != nil || len(r.Groups) != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		all, err := w.Populations(ctx, c, w.home)
		if err != nil || len(all) != 1 || all[0].ID != p {
			t.Errorf("populations %v, %v", all, err)
		}
		if w.found(t, w.dev, "User", "") != "2 theirs mine" {
			t.Error("something has changed")
		}
	})
	t.Run("creates in its own only", func(t *testing.T) {
		r, err := w.Create(ctx, c, w.home, user(t, `{"userName":"new"}`))
		if err != nil || r.Population != p {
			t.Fatalf("%+v, %v", r, err)
		}
		before := w.trail(t, func() {
			_, err = w.Create(ctx, c, w.home, in(directorytest.Population, user(t, `{"userName":"new2"}`)))
		})
		fault(t, err, scim.RuleForbidden)
		if len(before) != 1 || before[0].Action != "refuse" || before[0].Type != "Population" || before[0].ID != directorytest.Population {
			t.Errorf("audit %+v", before)
		}
		_, _, err = w.Modify(ctx, c, w.home, directory.Modification{Type: "User", ID: r.ID, Apply: func(*scim.Resource) (directory.Change, error) {
			return directory.Change{Population: directorytest.Population}, nil
		}})
		fault(t, err, scim.RuleForbidden)
		again, outcome, err := w.Upsert(ctx, c, w.home, user(t, `{"userName":"mine","externalId":"x","title":"by upsert"}`))
		if err != nil || outcome != directory.Replaced || again.ID != mine.ID {
			t.Errorf("upsert: %v %d %v", again, outcome, err)
		}
		_, err = w.Create(ctx, c, w.home, user(t, `{"userName":"new3","`+scim.EnterpriseSchema+`":{"manager":{"value":"`+theirs.ID+`"}}}`))
		fault(t, err, scim.RuleDangling)
		if _, err = w.Delete(ctx, c, w.home, "User", r.ID, directory.Precondition{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("members of others stay and cannot be named", func(t *testing.T) {
		r, err := w.Read(ctx, c, w.home, "Group", g.ID, directory.Include{Members: true})
		if err != nil || fmt.Sprint(names(r.Members)) != "[mine]" {
			t.Errorf("%v, %v", r.Members, err)
		}
		if n, err := w.CountMembers(ctx, c, w.home, g.ID, "User"); n != 1 || err != nil {
			t.Errorf("%d members, %v", n, err)
		}
		for _, op := range []directory.MemberChange{
			{Op: directory.SetMembers},
			{Op: directory.AddMembers, Members: []directory.Member{{ID: mine.ID}}},
			{Op: directory.RemoveMatching, Match: func(ref scim.Reference) bool { return ref.Name == "theirs" }},
			{Op: directory.RemoveMembers, Members: []directory.Member{{ID: theirs.ID}}},
		} {
			if _, _, err = w.Modify(ctx, c, w.home, directory.Modification{Type: "Group", ID: g.ID, Apply: func(*scim.Resource) (directory.Change, error) {
				return directory.Change{Members: []directory.MemberChange{op}}, nil
			}}); err != nil {
				t.Error(err)
			}
			if got := names(w.read(t, "Group", g.ID).Members); !slices.Contains(got, "theirs") || slices.Contains(got, "mine") == (op.Op == directory.SetMembers) {
				t.Errorf("after %d: %v", op.Op, got)
			}
		}
		dr := group(t, `{"displayName":"G","members":[{"value":"`+theirs.ID+`"}]}`)
		_, err = w.Create(ctx, c, w.home, directory.Draft{Type: "Group", Attributes: object(t, `{"displayName":"H","members":[{"value":"`+theirs.ID+`"}]}`)})
		fault(t, err, scim.RuleDangling)
		dr.ID = g.ID
		_, _, err = w.Put(ctx, c, w.home, dr, directory.Precondition{})
		fault(t, err, scim.RuleDangling)
		_, err = w.Delete(ctx, c, w.home, "Group", g.ID, directory.Precondition{})
		fault(t, err, scim.RuleForbidden)
	})
	t.Run("gets no rights by membership", func(t *testing.T) {
		h := w.create(t, group(t, `{"displayName":"Readers"}`))
		inner := w.create(t, group(t, `{"displayName":"Inner"}`))
		for _, ch := range []struct{ group, member string }{{h.ID, inner.ID}} {
			if _, _, err := w.Modify(ctx, w.dev, w.home, directory.Modification{Type: "Group", ID: ch.group, Apply: func(*scim.Resource) (directory.Change, error) {
				return directory.Change{Members: []directory.MemberChange{{Op: directory.AddMembers, Members: []directory.Member{{ID: ch.member}}}}}, nil
			}}); err != nil {
				t.Fatal(err)
			}
		}
		fault(t, w.Entitle(ctx, c, w.home, h.ID, directory.UserReader), scim.RuleForbidden)
		if err := w.Entitle(ctx, w.dev, w.home, h.ID, directory.UserReader); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{h.ID, inner.ID} {
			_, _, err := w.Modify(ctx, c, w.home, directory.Modification{Type: "Group", ID: id, Apply: func(*scim.Resource) (directory.Change, error) {
				return directory.Change{Members: []directory.MemberChange{{Op: directory.AddMembers, Members: []directory.Member{{ID: mine.ID}}}}}, nil
			}})
			fault(t, err, scim.RuleForbidden)
			joining := user(t, `{"userName":"joins"}`)
			joining.Groups = []string{id}
			_, err = w.Create(ctx, c, w.home, joining)
			fault(t, err, scim.RuleForbidden)
		}
	})
	t.Run("signs nobody else in", func(t *testing.T) {
		for name, population := range map[string]string{"in": p, "out": directorytest.Population} {
			w.create(t, in(population, user(t, `{"userName":"`+name+`","password":"Secret12345"}`)))
			_, err := w.SignIn(ctx, c, w.home, name, "Secret12345")
			if (err == nil) != (name == "in") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestLimitsOfAClient(t *testing.T) {
	w := open(t)
	if w.dev.Limited() || !w.limited(t, directory.ClientLimits{Hidden: []string{"title"}}).Limited() {
		t.Error("Limited")
	}
	for _, tt := range []struct {
		limits directory.ClientLimits
		rule   scim.Rule
	}{
		{directory.ClientLimits{Populations: []string{"none"}}, scim.RuleDangling},
		{directory.ClientLimits{Hidden: []string{"nothing"}}, scim.RulePath},
		{directory.ClientLimits{Hidden: []string{"a b"}}, scim.RulePath},
		{directory.ClientLimits{Hidden: []string{"name.givenName"}}, scim.RulePath},
		{directory.ClientLimits{Hidden: []string{"userName"}}, scim.RulePath},
		{directory.ClientLimits{Hidden: []string{"displayName"}}, scim.RulePath},
		{directory.ClientLimits{Hidden: []string{"id"}}, scim.RulePath},
		{directory.ClientLimits{ReadOnly: []string{"meta"}}, scim.RulePath},
		{directory.ClientLimits{ReadOnly: []string{"urn:x:y:z"}}, scim.RulePath},
	} {
		_, _, err := w.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, Limits: tt.limits})
		fault(t, err, tt.rule)
	}
	t.Run("they outlive a change of the settings", func(t *testing.T) {
		l := directory.ClientLimits{Hidden: []string{scim.UserSchema + ":title"}}
		made, _, err := w.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, Limits: directory.ClientLimits{Hidden: []string{"TITLE"}}})
		if err != nil {
			t.Fatal(err)
		}
		changed, err := w.ConfigureClient(ctx, made.ID, func(c *directory.Client) { c.Settings.Mode = directory.Strict })
		if err != nil || changed.Settings.Mode != directory.Strict {
			t.Fatal(changed, err)
		}
		if diff := cmp.Diff(l, changed.Limits); diff != "" {
			t.Error(diff)
		}
		text, err := json.Marshal(changed.Limits)
		if err != nil || string(text) != `{"populations":null,"hidden":["`+scim.UserSchema+`:title"],"read_only":null}` {
			t.Errorf("%s, %v", text, err)
		}
	})
	t.Run("a name that may not be written leaves nothing to create", func(t *testing.T) {
		c := w.limited(t, directory.ClientLimits{ReadOnly: []string{"userName"}})
		_, err := w.Create(ctx, c, w.home, user(t, `{"userName":"ada"}`))
		if e := fault(t, err, scim.RuleRequired); e.Path != "userName" {
			t.Errorf("%v", e)
		}
	})
}
