package feed_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/feed"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// told returns what a new stream of this kind is told of what do does.
func told(t *testing.T, dr directory.StreamDraft, do func(*system)) (*system, []event) {
	t.Helper()
	s := newSystem(t, nil)
	st := s.stream(dr)
	do(s)
	return s, s.poll(st, atOnce).events
}

func lines(events []event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.uris())
	}
	return out
}

func TestSubject(t *testing.T) {
	t.Run("scim:EVT-01 the subject is sub_id at the top: format scim, uri, externalId and id; no sub", func(t *testing.T) {
		var ids []string
		_, events := told(t, directory.StreamDraft{}, func(s *system) {
			ada := s.create("User", `{"userName":"ada","externalId":"a/1"}`)
			bob := s.user("bob")
			crew := s.create("Group", `{"displayName":"Crew","externalId":"crew"}`)
			s.delete(ada)
			ids = []string{ada.ID, bob.ID, crew.ID}
		})
		want := []string{
			`{"format":"scim","uri":"/Users/` + ids[0] + `","externalId":"a/1","id":"` + ids[0] + `"}`,
			`{"format":"scim","uri":"/Users/` + ids[1] + `","id":"` + ids[1] + `"}`,
			`{"format":"scim","uri":"/Groups/` + ids[2] + `","externalId":"crew","id":"` + ids[2] + `"}`,
			`{"format":"scim","uri":"/Users/` + ids[0] + `","externalId":"a/1","id":"` + ids[0] + `"}`,
		}
		var got []string
		for _, e := range events {
			claims := read(t, e.text)
			got = append(got, claims.Get("sub_id").String())
			if _, ok := claims.Lookup("sub"); ok || strings.Count(e.text, `"sub_id"`) != 1 {
				t.Errorf("a subject elsewhere: %s", e.text)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("subjects (-want +got):\n%s", diff)
		}
	})
}

func TestEvents(t *testing.T) {
	const all = "urn:ietf:params:scim:event:"
	t.Run("scim:EVT-02 the URIs of what happens to resources and to feeds", func(t *testing.T) {
		s := newSystem(t, nil)
		crowd, err := s.dir.CreatePopulation(t.Context(), directorytest.Environment, "", "Crowd")
		if err != nil {
			t.Fatal(err)
		}
		everything, some := s.stream(directory.StreamDraft{}), s.stream(directory.StreamDraft{Population: crowd.ID})
		full := s.stream(directory.StreamDraft{Full: true})
		ada := s.user("ada")
		want := func(what, inAll, inSome, inFull string) {
			t.Helper()
			for st, want := range map[*directory.Stream]string{everything: inAll, some: inSome, full: inFull} {
				a := s.poll(st, atOnce)
				if got := strings.Join(lines(a.events), ", "); got != want {
					t.Errorf("%s: got %q, want %q", what, got, want)
				}
				for _, e := range a.events {
					for uri := range e.Events {
						if !strings.HasPrefix(uri, all) || !slices.Contains(feed.URIs(), uri) {
							t.Errorf("%s is not offered", uri)
						}
					}
				}
				s.poll(st, acks(a.events...))
			}
		}
		want("create", "prov:create:notice", "", "prov:create:full")
		ada = s.patch(ada, `{"title":"Countess"}`)
		want("patch", "prov:patch:notice", "", "prov:put:full")
		ada = s.put(ada, `{"userName":"ada","title":"Lady"}`)
		want("put", "prov:put:notice", "", "prov:put:full")
		ada = s.patch(ada, `{"active":false}`)
		want("deactivate", "prov:deactivate prov:patch:notice", "", "prov:deactivate prov:put:full")
		ada = s.put(ada, `{"userName":"ada","active":true}`)
		want("activate", "prov:activate prov:put:notice", "", "prov:activate prov:put:full")
		move := func(to string) {
			s.modify(ada, func(*scim.Resource) (directory.Change, error) { return directory.Change{Population: to}, nil })
		}
		move(crowd.ID)
		want("enter", "prov:patch:notice", "feed:add", "prov:put:full")
		s.patch(ada, `{"title":"Dame"}`)
		want("patch of a member", "prov:patch:notice", "prov:patch:notice", "prov:put:full")
		move(directorytest.Population)
		want("leave", "prov:patch:notice", "feed:remove", "prov:put:full")
		s.delete(ada)
		want("delete", "prov:delete", "", "prov:delete")
		if len(feed.URIs()) != 11 {
			t.Errorf("%d URIs are offered", len(feed.URIs()))
		}
	})

	t.Run("scim:EVT-03 full carries data, notice carries attributes, exactly one of them", func(t *testing.T) {
		s := newSystem(t, nil)
		notices, full := s.stream(directory.StreamDraft{}), s.stream(directory.StreamDraft{Full: true})
		ada := s.create("User", `{"userName":"ada","externalId":"1","emails":[{"value":"ada@example.com","type":"work"}],
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Mills"}}`)
		told := s.poll(full, atOnce).events[0]
		s.patch(ada, `{"title":"Countess","name":{"familyName":"Lovelace"}}`)
		for _, e := range append(append(s.poll(notices, atOnce).events, told), s.poll(full, acks(told)).events...) {
			for uri, payload := range e.Events {
				isFull, isNotice := strings.HasSuffix(uri, ":full"), strings.HasSuffix(uri, ":notice")
				if isFull == isNotice || isFull != (payload.Data != nil) || isNotice != (payload.Attributes != nil) {
					t.Errorf("%s: %s", uri, e.text)
				}
			}
		}
		first := s.poll(notices, atOnce).events
		want := [][]string{{"externalId", "userName", "emails", "active", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"}, {"name", "title"}}
		for i, uri := range []string{"prov:create:notice", "prov:patch:notice"} {
			got := slices.Clone(first[i].Events["urn:ietf:params:scim:event:"+uri].Attributes)
			slices.Sort(got)
			slices.Sort(want[i])
			if diff := cmp.Diff(want[i], got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", uri, diff)
			}
		}
		payload := told.Events["urn:ietf:params:scim:event:prov:create:full"]
		meta := payload.Data["meta"].(map[string]any)
		for _, name := range []string{"created", "lastModified"} {
			if meta[name] == "" {
				t.Errorf("no %s", name)
			}
			delete(meta, name)
		}
		if diff := cmp.Diff(map[string]any{
			"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"},
			"id":      ada.ID, "externalId": "1", "userName": "ada", "active": true,
			"emails": []any{map[string]any{"value": "ada@example.com", "type": "work"}},
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{"department": "Mills"},
			"meta": map[string]any{"resourceType": "User", "version": `W/"1"`, "location": publicURL + "/scim/v2/Users/" + ada.ID},
		}, payload.Data); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
		if payload.Version != `W/"1"` {
			t.Errorf("version %s", payload.Version)
		}
	})

	t.Run("what is not any more as the event left it is only named", func(t *testing.T) {
		_, events := told(t, directory.StreamDraft{Full: true}, func(s *system) {
			ada := s.user("ada")
			s.patch(ada, `{"title":"Countess"}`)
			s.delete(s.user("bob"))
		})
		if diff := cmp.Diff([]string{"prov:create:notice", "prov:put:full", "prov:create:notice", "prov:delete"}, lines(events)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})

	t.Run("scim:EVT-04 a deletion is prov:delete, without full, notice or anything more, and no feed:remove comes after it", func(t *testing.T) {
		for _, dr := range []directory.StreamDraft{{}, {Full: true}, {Population: directorytest.Population}, {Types: []string{"User"}}} {
			s, events := told(t, dr, func(s *system) { s.delete(s.user("ada")) })
			if len(events) != 2 || events[1].uris() != "prov:delete" {
				t.Fatalf("%+v: %v", dr, lines(events))
			}
			if got := read(t, events[1].text).Get("events").String(); got != `{"urn:ietf:params:scim:event:prov:delete":{}}` {
				t.Errorf("payload %s", got)
			}
			for _, uri := range feed.URIs() {
				if strings.HasPrefix(uri, all+"prov:delete:") {
					t.Errorf("%s is offered", uri)
				}
			}
			s.user("bob")
		}
	})

	t.Run("scim:EVT-05 txn is the same for all events of a transaction and for no others", func(t *testing.T) {
		s := newSystem(t, nil)
		st, again := s.stream(directory.StreamDraft{}), s.stream(directory.StreamDraft{})
		boss := s.as("one").user("boss")
		s.as("two").create("User", `{"userName":"ada","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"`+boss.ID+`"}}}`)
		s.as("three").delete(boss) // and out of ada
		want := []string{"one prov:create:notice", "two prov:create:notice", "three prov:patch:notice", "three prov:delete"}
		for _, st := range []*directory.Stream{st, again} {
			var got []string
			for _, e := range s.poll(st, atOnce).events {
				got = append(got, e.Txn+" "+e.uris())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("transactions (-want +got):\n%s", diff)
			}
		}
	})

	t.Run("scim:EVT-06 a token is about one resource; several URIs are of one transaction", func(t *testing.T) {
		var ids []string
		_, events := told(t, directory.StreamDraft{}, func(s *system) {
			ada := s.as("one").user("ada")
			s.as("two").put(ada, `{"userName":"ada","active":false,"title":"Countess"}`)
			crew := s.as("three").create("Group", `{"displayName":"Crew","members":[{"value":"`+ada.ID+`"}]}`)
			ids = []string{ada.ID, ada.ID, crew.ID}
		})
		for i, e := range events {
			if e.About.ID != ids[i] {
				t.Errorf("event %d is about %s", i, e.About.URI)
			}
			if len(e.Events) > 1 && (i != 1 || e.Txn != "two" || e.uris() != "prov:deactivate prov:put:notice") {
				t.Errorf("event %d: %s %s", i, e.Txn, e.uris())
			}
		}
		if len(events) != 3 || len(events[1].Events) != 2 {
			t.Errorf("events %v", lines(events))
		}
	})

	t.Run("scim:EVT-13 members of a group are told by one patch notice for each transaction, however many and in full streams too", func(t *testing.T) {
		for _, full := range []bool{false, true} {
			_, events := told(t, directory.StreamDraft{Full: full, Types: []string{"Group"}}, func(s *system) {
				crew := s.create("Group", `{"displayName":"Crew"}`)
				var members []directory.Member
				for i := range 50 {
					members = append(members, directory.Member{ID: s.user(fmt.Sprint("u", i)).ID})
				}
				s.as("join").modify(crew, func(*scim.Resource) (directory.Change, error) {
					return directory.Change{Members: []directory.MemberChange{
						{Op: directory.AddMembers, Members: members[:30]}, {Op: directory.AddMembers, Members: members[30:]},
						{Op: directory.RemoveMembers, Members: members[:1]},
					}}, nil
				})
			})
			if diff := cmp.Diff([]string{"prov:create:notice", "prov:patch:notice"}, lines(events)); diff != "" {
				t.Fatalf("events (-want +got):\n%s", diff)
			}
			if got := read(t, events[1].text).Get("events").String(); got !=
				`{"urn:ietf:params:scim:event:prov:patch:notice":{"version":"W/\"2\"","attributes":["members"]}}` {
				t.Errorf("payload %s", got)
			}
		}
	})

	t.Run("what a stream is not about it does not tell", func(t *testing.T) {
		do := func(s *system) {
			s.user("ada")
			s.create("Group", `{"displayName":"Crew"}`)
			if _, err := s.dir.CreatePopulation(s.t.Context(), directorytest.Environment, "", "Crowd"); err != nil {
				s.t.Fatal(err)
			}
			c := directorytest.Caller(s.t, s.dir, directorytest.OtherToken)
			if _, err := s.dir.Create(s.t.Context(), c, c.Home(), directory.Draft{Type: "User", Attributes: read(s.t, `{"userName":"eve"}`)}); err != nil {
				s.t.Fatal(err)
			}
		}
		for want, dr := range map[string]directory.StreamDraft{
			"/Users/ /Groups/": {}, "/Users/": {Types: []string{"User"}}, "/Groups/": {Types: []string{"Group"}},
			"/Users/ ": {Population: directorytest.Population},
		} {
			_, events := told(t, dr, do)
			var got []string
			for _, e := range events {
				got = append(got, strings.TrimSuffix(e.About.URI, e.About.ID))
			}
			if strings.Join(got, " ") != strings.TrimSpace(want) {
				t.Errorf("%+v: %v", dr, got)
			}
		}
	})

	t.Run("a change that clients do not see by its attributes names meta", func(t *testing.T) {
		_, events := told(t, directory.StreamDraft{}, func(s *system) {
			yes := true
			s.modify(s.user("ada"), func(*scim.Resource) (directory.Change, error) { return directory.Change{MustChange: &yes}, nil })
		})
		if got := events[1].Events[all+"prov:patch:notice"].Attributes; !slices.Equal(got, []string{"meta"}) {
			t.Errorf("attributes %v", got)
		}
	})
}

func TestTokens(t *testing.T) {
	s := newSystem(t, nil)
	st, other := s.stream(directory.StreamDraft{}), s.stream(directory.StreamDraft{Client: "receiver", Audience: []string{"https://a.example", "b"}})
	s.user("ada")
	s.user("bob")
	events, others := s.poll(st, atOnce).events, s.poll(other, atOnce).events
	t.Run("they are security event tokens for the stream's audience", func(t *testing.T) {
		for _, e := range events {
			if e.header.ExtraHeaders["typ"] != "secevent+jwt" || e.header.Algorithm != "ES256" || e.Issuer != publicURL || e.At == 0 || e.JTI == "" {
				t.Errorf("%+v %s", e.header, e.text)
			}
		}
		if !slices.Equal(events[0].For, []string{"receiver"}) || !slices.Equal(others[0].For, []string{"https://a.example", "b"}) {
			t.Errorf("audiences %v, %v", events[0].For, others[0].For)
		}
	})
	t.Run("one jti is one token, told again it says the same", func(t *testing.T) {
		again := s.poll(st, atOnce).events
		seen := map[string]bool{}
		for i, e := range append(slices.Clone(events), others...) {
			if seen[e.JTI] {
				t.Errorf("%s twice", e.JTI)
			}
			seen[e.JTI] = true
			if i < len(again) && again[i].text != e.text {
				t.Errorf("first %s, then %s", e.text, again[i].text)
			}
		}
	})
	t.Run("the published key is public only", func(t *testing.T) {
		w := s.ask("GET", "/.well-known/jwks.json", "", "")
		var keys struct{ Keys []map[string]any }
		if err := json.Unmarshal(w.Body.Bytes(), &keys); err != nil || len(keys.Keys) != 1 {
			t.Fatalf("%v in %s", err, w.Body)
		}
		names := []string{}
		for name := range keys.Keys[0] {
			names = append(names, name)
		}
		slices.Sort(names)
		if diff := cmp.Diff([]string{"alg", "crv", "kid", "kty", "use", "x", "y"}, names); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
	})
}
