package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/server"
)

// tooMany is how each door words 429.
var tooMany = map[string]string{
	"p14e":    `{"Errors":[{"description":"Too many requests","code":"429"}]}`,
	"scim1":   `{"Errors":[{"description":"Too many requests","code":"429"}],"detail":"Too many requests"}`,
	"pingone": `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"429","detail":"Too many requests"}`,
	"rsa":     `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"429","detail":"Too Many Requests"}`,
	"scim2":   `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"429","detail":"Too many requests; try again after 1 s"}`,
	"aic":     `{"code":429,"reason":"Too Many Requests","message":"Too many requests, try again later"}`,
}

// busyDoors is a server whose clients may send as many requests a second as is
// allowed to demand, and the clock that says what a second is.
func busyDoors(t *testing.T) (*server.Server, *directorytest.Clock) {
	return limitedDoors(t, auth.Config{Rate: leastRate})
}

func limitedDoors(t *testing.T, cfg auth.Config) (*server.Server, *directorytest.Clock) {
	t.Helper()
	d, clock := directorytest.Open(t)
	cfg.Now = clock.Now
	all, a := allDoors(t, d, cfg)
	s, err := server.New(server.Config{Doors: all, Gate: a})
	if err != nil {
		t.Fatal(err)
	}
	return s, clock
}

// list is a request that each door answers.
var list = map[string]string{
	"p14e": "/api/directory/user", "scim1": "/scim/v1/Users", "pingone": "/environments/" + directorytest.Environment + "/v2/Users",
	"rsa": "/rsa/v2/Users", "scim2": "/scim/v2/Users", "aic": "/users?_queryFilter=true",
}

func ask(s *server.Server, remote, path, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = remote
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// shown returns a credential that the door takes.
func shown(door string) string {
	if door == "p14e" {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(directorytest.DevClient, directorytest.DevSecret)
		return r.Header.Get("Authorization")
	}
	return "Bearer " + directorytest.DevToken
}

func checkTooMany(t *testing.T, door string, w *httptest.ResponseRecorder, wait string) {
	t.Helper()
	words := strings.ReplaceAll(tooMany[door], "after 1 s", "after "+wait+" s")
	if w.Code != 429 || w.Header().Get("Retry-After") != wait || strings.TrimSpace(w.Body.String()) != words {
		t.Errorf("%s: %d, Retry-After %q, %s", door, w.Code, w.Header().Get("Retry-After"), w.Body)
	}
}

func TestRateAtEveryDoor(t *testing.T) {
	const at = "192.0.2.1:99"
	t.Run("scim:HTTP-19, p14e:A11 over the limit is 429 with Retry-After in whole seconds and the door's error; 25 a second are never over it", func(t *testing.T) {
		for _, door := range doorNames {
			s, clock := busyDoors(t)
			for second := range 3 {
				for i := range leastRate {
					if w := ask(s, at, list[door], shown(door)); w.Code != 200 {
						t.Fatalf("%s, second %d, request %d: %d %s", door, second, i+1, w.Code, w.Body)
					}
				}
				w := ask(s, at, list[door], shown(door))
				checkTooMany(t, door, w, "1")
				if w.Header().Get("RateLimit") != `"client";r=0;t=1` || w.Header().Get("RateLimit-Policy") != `"client";q=25;w=1` {
					t.Errorf("%s: RateLimit headers %v", door, w.Header())
				}
				clock.Advance(time.Second)
			}
		}
	})
	t.Run("one limit for all doors, one for each client", func(t *testing.T) {
		s, _ := busyDoors(t)
		for i := range leastRate {
			door := doorNames[i%len(doorNames)]
			if w := ask(s, at, list[door], shown(door)); w.Code != 200 {
				t.Fatalf("%s, request %d: %d %s", door, i+1, w.Code, w.Body)
			}
		}
		for _, door := range doorNames {
			checkTooMany(t, door, ask(s, at, list[door], shown(door)), "1")
		}
		if w := ask(s, at, list["scim2"], "Bearer "+directorytest.OtherToken); w.Code != 200 {
			t.Errorf("another client: %d %s", w.Code, w.Body)
		}
	})
	t.Run("pingone:B55 a door has a rate for all environments together, of which one address may use 35 %", func(t *testing.T) {
		s, clock := limitedDoors(t, auth.Config{DoorRates: map[string]float64{"pingone": 100}})
		here, there := list["pingone"], strings.Replace(list["pingone"], directorytest.Environment, directorytest.Other, 1)
		send := func(n int, from, path, token string) {
			t.Helper()
			for i := range n {
				if w := ask(s, from, path, "Bearer "+token); w.Code != 200 {
					t.Fatalf("%s, request %d: %d %s", from, i+1, w.Code, w.Body)
				}
			}
		}
		for range 2 {
			send(35, "192.0.2.1:99", here, directorytest.DevToken)
			checkTooMany(t, "pingone", ask(s, "192.0.2.1:98", here, shown("pingone")), "1")
			checkTooMany(t, "pingone", ask(s, "192.0.2.1:98", there, "Bearer "+directorytest.OtherToken), "1")
			send(35, "192.0.2.2:99", there, directorytest.OtherToken)
			send(30, "192.0.2.3:99", here, directorytest.DevToken)
			for path, token := range map[string]string{here: directorytest.DevToken, there: directorytest.OtherToken} {
				checkTooMany(t, "pingone", ask(s, "192.0.2.4:99", path, "Bearer "+token), "1")
			}
			send(100, "192.0.2.1:99", list["scim2"], directorytest.DevToken)
			clock.Advance(time.Second)
		}
	})
	t.Run("pingone:B55 no door has a rate unless it is given one", func(t *testing.T) {
		s, _ := limitedDoors(t, auth.Config{})
		for i := range 2000 {
			if w := ask(s, at, list["pingone"], shown("pingone")); w.Code != 200 {
				t.Fatalf("request %d: %d %s", i+1, w.Code, w.Body)
			}
		}
	})
	t.Run("health is for everybody", func(t *testing.T) {
		s, _ := busyDoors(t)
		for range 1000 {
			if w := ask(s, at, "/livez", ""); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
	})
}

func TestGuessesAtEveryDoor(t *testing.T) {
	t.Run("scim:SEC-10 who guesses credentials is refused for a while, at every door and by all doors", func(t *testing.T) {
		for _, door := range doorNames {
			s, clock := busyDoors(t)
			const here, there = "192.0.2.1:99", "192.0.2.2:99"
			wrong := func(i int) string {
				r := http.Request{Header: http.Header{}}
				if r.SetBasicAuth("client", fmt.Sprint("guess-", i)); door != "p14e" {
					r.Header.Set("Authorization", fmt.Sprint("Bearer guess-", i))
				}
				return r.Header.Get("Authorization")
			}
			for i := range auth.DefaultGuesses {
				if w := ask(s, here, list[door], wrong(i)); w.Code != 401 {
					t.Fatalf("%s: guess %d: %d %s", door, i+1, w.Code, w.Body)
				}
			}
			for _, other := range doorNames {
				checkTooMany(t, other, ask(s, here, list[other], shown(other)), "60")
			}
			if w := ask(s, there, list[door], shown(door)); w.Code != 200 {
				t.Errorf("%s: from elsewhere: %d %s", door, w.Code, w.Body)
			}
			clock.Advance(time.Minute)
			if w := ask(s, here, list[door], shown(door)); w.Code != 200 {
				t.Errorf("%s: a minute later: %d %s", door, w.Code, w.Body)
			}
		}
	})
	t.Run("scim:SEC-10 who guesses a user's password finds the user locked after ten, for a quarter of an hour", func(t *testing.T) {
		d, clock := directorytest.Open(t)
		c := directorytest.Caller(t, d, directorytest.DevToken)
		ctx := t.Context()
		draft := directory.Draft{Type: "User", Attributes: scim.NewObject(
			scim.Member{Name: "userName", Value: scim.StringValue("ada")}, scim.Member{Name: "password", Value: scim.StringValue("Secret123")})}
		if _, err := d.Create(ctx, c, c.Home(), draft); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if _, err := d.SignIn(ctx, c, c.Home(), "ada", "Guess123"); !scim.Is(err, scim.RuleUnauthenticated) {
				t.Fatalf("guess %d: %v", i+1, err)
			}
		}
		if _, err := d.SignIn(ctx, c, c.Home(), "ada", "Secret123"); !scim.Is(err, scim.RuleUnauthenticated) {
			t.Errorf("the right password of a locked user: %v", err)
		}
		clock.Advance(15*time.Minute + time.Second)
		if _, err := d.SignIn(ctx, c, c.Home(), "ada", "Secret123"); err != nil {
			t.Errorf("after the lock: %v", err)
		}
	})
}

// TestNobodyAnonymous: no door serves who shows no credential.
func TestNobodyAnonymous(t *testing.T) {
	m := newMatrix(t)
	t.Run("scim:SEC-14 what needs no credential is health, the token endpoint, discovery and the keys of events: it makes no users and is limited", func(t *testing.T) {
		before := m.everything()
		for _, d := range m.server.Doors() {
			for _, rt := range d.Routes {
				w, _ := m.send(rt, fill(d, rt, directorytest.Environment, missingID), "-", `{"userName":"eve","emails":[{"value":"e@example.com"}]}`)
				switch {
				case rt.Permission != directory.Public:
					if w.Code != 401 {
						t.Errorf("%s %s%s: %d %s", rt.Method, d.Prefix, rt.Path, w.Code, w.Body)
					}
				case d.Prefix == "/idp/directory" && (w.Code == 404 || w.Code == 400): // the links in mail, whose token is the proof
				case d.Name == "token" && w.Code == 400, d.Name == "health" && w.Code == 200, d.Name == "keys" && w.Code == 200:
				case d.Name == "scim2" && rt.Method == "GET" && (w.Code == 200 || w.Code == 404):
				default:
					t.Errorf("public: %s %s%s: %d %s", rt.Method, d.Prefix, rt.Path, w.Code, w.Body)
				}
			}
		}
		if fmt.Sprint(before) != fmt.Sprint(m.everything()) {
			t.Error("something has changed")
		}
		m.clock.Advance(time.Minute)
		for path, method := range map[string]string{"/scim/v2/Schemas": "GET", "/am/oauth2/access_token": "POST"} {
			codes := map[int]int{}
			for range 101 {
				w, _ := m.send(route.Route{Method: method}, path, "-", "")
				codes[w.Code]++
				if w.Code == 429 && w.Header().Get("Retry-After") != "1" {
					t.Errorf("%s: Retry-After %q", path, w.Header().Get("Retry-After"))
				}
			}
			if codes[429] != 1 {
				t.Errorf("%s: answers %v", path, codes)
			}
			m.clock.Advance(time.Second)
		}
	})
	t.Run("scim:SEC-03 a client is what its role says: with none that is known it may nothing", func(t *testing.T) {
		for _, role := range []directory.Role{"", "owner"} {
			s, err := server.New(server.Config{Doors: doors(m.dir, m.gate, matrixFeed(t, m.dir), matrixURL, newDialects()), Gate: roleGate{m.gate, role}})
			if err != nil {
				t.Fatal(err)
			}
			m.each(func(d route.Door, rt route.Route) {
				r := httptest.NewRequest(rt.Method, fill(d, rt, directorytest.Environment, missingID), nil)
				r.Header.Set("Authorization", shown(d.Name))
				w := httptest.NewRecorder()
				if s.ServeHTTP(w, r); w.Code != 403 {
					t.Errorf("role %q, %s %s%s: %d %s", role, rt.Method, d.Prefix, rt.Path, w.Code, w.Body)
				}
			})
		}
	})
}

// A roleGate takes everybody for a client of the role.
type roleGate struct {
	*auth.Authenticator
	role directory.Role
}

func (g roleGate) Authenticate(r *http.Request, d *route.Door) (directory.Caller, error) {
	c, err := g.Authenticator.Authenticate(r, d)
	c.Role = g.role
	return c, err
}
