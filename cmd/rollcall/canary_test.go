package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/server"
	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// The marks in the texts below, and how what is put in their places starts.
// A canary is data of a person; a secret opens something.
const (
	canaryMark, canaryStart = "CANARY", "cnry"
	secretMark, secretStart = "SECRET", "Scrt9"
)

// A flock puts canaries and secrets into requests, no two the same.
type flock struct {
	n      int      // planted so far
	sent   int      // requests so far
	coded  []string // secrets in the form in which they were sent, if that is another
	answer []string // answers that hold a secret
}

// plant replaces each mark.
func (f *flock) plant(text string) string {
	for _, mark := range []struct{ from, start string }{{canaryMark, canaryStart}, {secretMark, secretStart}} {
		var b strings.Builder
		for {
			before, after, found := strings.Cut(text, mark.from)
			b.WriteString(before)
			if !found {
				break
			}
			f.n++
			fmt.Fprintf(&b, "%s%06d", mark.start, f.n)
			text = after
		}
		text = b.String()
	}
	return text
}

// What people are, at every door in its own names.
var people = map[string]string{
	"scim": `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
		"id":"CANARY","externalId":"CANARY","userName":"CANARY","password":"SECRET","displayName":"CANARY","nickName":"CANARY","title":"CANARY","userType":"CANARY",
		"profileUrl":"https://CANARY.example/","name":{"formatted":"CANARY","familyName":"CANARY","givenName":"CANARY","middleName":"CANARY","honorificPrefix":"CANARY","honorificSuffix":"CANARY"},
		"emails":[{"value":"CANARY@example.com","type":"work","display":"CANARY","primary":true}],"phoneNumbers":[{"value":"CANARY","type":"work"}],
		"ims":[{"value":"CANARY","type":"aim"}],"photos":[{"value":"https://CANARY.example/p","type":"photo"}],
		"addresses":[{"formatted":"CANARY","streetAddress":"CANARY","locality":"CANARY","region":"CANARY","postalCode":"CANARY","type":"work"}],
		"entitlements":[{"value":"CANARY"}],"roles":[{"value":"CANARY"}],"meta":{"location":"CANARY"},
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"CANARY","costCenter":"CANARY","organization":"CANARY","division":"CANARY","department":"CANARY"}}`,
	"rsa":    `{"userName":"CANARY","password":"SECRET","name":{"givenName":"CANARY"},"emails":[{"value":"CANARY@example.com","type":"work"}]}`,
	"scim1":  `{"schemas":["urn:scim:schemas:core:1.0"],"externalId":"CANARY","userName":"CANARY","password":"SECRET","name":{"familyName":"CANARY","givenName":"CANARY"},"emails":[{"value":"CANARY@example.com","type":"work"}],"title":"CANARY"}`,
	"crest":  `{"userName":"CANARY","password":"SECRET","givenName":"CANARY","sn":"CANARY","mail":"CANARY@example.com","telephoneNumber":"CANARY","description":"CANARY","CANARY":"CANARY"}`,
	"group":  `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"CANARY","externalId":"CANARY","members":[{"value":"CANARY"}]}`,
	"group1": `{"schemas":["urn:scim:schemas:core:1.0"],"displayName":"CANARY","members":[{"value":"CANARY"}]}`,
	"team":   `{"name":"CANARY","description":"CANARY"}`,
}

// What is sent beside them, most of it wrong.
var oddBodies = []string{
	`{"userName":"CANARY"`, `{"userName":"CANARY"} CANARY`, `{"userName":"CANARY","userName":"CANARY"}`, `{"userName":"CANARY","USERNAME":"CANARY"}`,
	`{"userName":{"CANARY":"CANARY"}}`, `{"userName":["CANARY"]}`, `["CANARY"]`, `"CANARY"`, `CANARY`, `{"CANARY":"CANARY"}`, `{"userName":"CANARY\u0000CANARY"}`, `{"userName":"CANARY\ud800"}`,
	`{"userName":"` + "\U0001F600" + `CANARY"}`, `{"password":{"value":"SECRET"}}`, `{"password":["SECRET"]}`, `{"userName":"CANARY","password":"SECRET","emails":"CANARY"}`,
	`{"schemas":["urn:CANARY"],"userName":"CANARY","urn:CANARY":{"CANARY":"CANARY"}}`,
	`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"nickName","value":"CANARY"},{"op":"add","value":{"title":"CANARY","password":"SECRET"}}]}`,
	`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"emails[value eq \"CANARY\"].display","value":"CANARY"}]}`,
	`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"CANARY","path":"CANARY","value":"CANARY"}]}`,
	`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"password","value":"SECRET"},{"op":"add","path":"password.SECRET","value":"SECRET"}]}`,
	`[{"operation":"replace","field":"/givenName","value":"CANARY"},{"operation":"replace","field":"/password","value":"SECRET"}]`, `[{"operation":"CANARY","field":"/CANARY","value":"CANARY"}]`,
	`{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"CANARY\"","sortBy":"CANARY","attributes":["CANARY"]}`,
	`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"POST","path":"/Users","bulkId":"CANARY","data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"CANARY","password":"SECRET"}},{"method":"PUT","path":"/Users/CANARY","data":{"CANARY":"CANARY"}}]}`,
	`grant_type=password&username=CANARY&password=SECRET`, `grant_type=client_credentials&client_id=CANARY&client_secret=SECRET`, `grant_type=CANARY&CANARY=CANARY`, `userName=CANARY&password=SECRET`,
}

var queries = []string{
	``, `filter=userName+eq+"CANARY"`, `filter=CANARY+eq+"CANARY"`, `filter=userName+eq+CANARY`, `filter=userName+CANARY+"CANARY"`, `filter=((("CANARY`, `filter=displayName+sw+"CANARY"`,
	`filter=emails[type+eq+"CANARY"+and+value+co+"CANARY"]`, `filter=name.familyName+co+"CANARY"+or+not+(title+eq+"CANARY")`, `filter=urn:CANARY:x+pr`, `filter=password+eq+"SECRET"`,
	`attributes=CANARY`, `excludedAttributes=CANARY`, `sortBy=CANARY`, `sortBy=userName&sortOrder=CANARY`, `startIndex=CANARY`, `count=CANARY`, `cursor=CANARY`, `CANARY=CANARY`, `filter=%ZZCANARY`, `access_token=SECRET`,
	`_queryFilter=userName+eq+"CANARY"`, `_queryFilter=/CANARY/CANARY+co+'CANARY'`, `_queryFilter=CANARY`, `_queryFilter=true&_sortKeys=CANARY&_fields=CANARY`, `_queryId=CANARY`, `_queryExpression=CANARY`,
	`_queryFilter=true&_pageSize=CANARY`, `_queryFilter=true&_pageSize=1&_pagedResultsCookie=CANARY`, `_action=CANARY`, `_prettyPrint=CANARY`, `option=CANARY`, `_action=create&CANARY`,
}

// bodies returns what is sent with a method at a route.
func bodies(d route.Door, rt route.Route) []string {
	if rt.Method == "GET" || rt.Method == "DELETE" {
		return []string{""}
	}
	groups := strings.Contains(strings.ToLower(rt.Path), "group")
	kind := "scim"
	switch {
	case d.Name == "aic" && groups:
		kind = "team"
	case d.Name == "aic":
		kind = "crest"
	case (d.Name == "p14e" || d.Name == "scim1") && groups:
		kind = "group1"
	case d.Name == "p14e" || d.Name == "scim1":
		kind = "scim1"
	case groups:
		kind = "group"
	case d.Name == "rsa" || d.Name == "pingone":
		kind = "rsa"
	}
	return append([]string{people[kind]}, oddBodies...)
}

// breaking makes a handler of a route break down where a header asks for it, as
// a mistake in it would: with what it read in the hand.
func breaking(handle route.Handler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
		switch r.Header.Get("Break") {
		case "error":
			b, _ := io.ReadAll(r.Body)
			panic(fmt.Errorf("cannot handle %s of %s", b, r.URL.RawQuery))
		case "index":
			b, _ := io.ReadAll(r.Body)
			b[len(b)] = 0
		}
		return handle(w, r, c)
	}
}

// TestCanaries sends what nobody but the directory itself may know in every
// place that a request has, and looks for it wherever else it could have come to.
func TestCanaries(t *testing.T) {
	path := t.TempDir()
	d, clock := directorytest.OpenAt(t, path)
	all, a := allDoors(t, d, auth.Config{Now: clock.Now, Guesses: 1 << 30})
	for _, door := range all {
		for i := range door.Routes {
			door.Routes[i].Handle = breaking(door.Routes[i].Handle)
		}
	}
	var log bytes.Buffer
	s, err := server.New(server.Config{Doors: all, Gate: a, Ready: d.Ready, Load: d.Load,
		Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	f := &flock{}
	statuses := f.fly(t, s)

	var lines []map[string]any
	for line := range strings.Lines(log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("the log has a line %q", line)
		}
		lines = append(lines, m)
	}
	places := map[string]string{"log": log.String(), "metrics": metricsOf(t, s)}
	places["audit log"], places["change log"] = trails(t, path)
	find := func(t *testing.T, place string, starts ...string) {
		t.Helper()
		text := strings.ToLower(places[place])
		if len(text) < 1000 {
			t.Fatalf("the %s is only %q", place, text)
		}
		for _, start := range starts {
			if at := strings.Index(text, strings.ToLower(start)); at >= 0 {
				t.Errorf("the %s tells: ...%s...", place, text[max(0, at-300):min(len(text), at+60)])
			}
		}
	}

	t.Run("scim:SEC-11 of data in queries and filters the log has the shape alone", func(t *testing.T) {
		find(t, "log", canaryStart, secretStart)
		shapes := map[string]bool{}
		for _, line := range lines {
			filters, _ := line["filters"].([]any)
			for _, shape := range filters {
				shapes[fmt.Sprint(shape)] = true
			}
		}
		for _, want := range []string{"userName eq ?", "emails[type eq ? and value co ?]", "name.familyName co ? or not (title eq ?)", "? eq ?"} {
			if !shapes[want] {
				t.Errorf("no filter of the shape %s among %v", want, shapes)
			}
		}
	})
	t.Run("scim:SEC-12 no secret in audit records, events, metrics, errors and logs", func(t *testing.T) {
		for place := range places {
			find(t, place, append(f.coded, secretStart)...)
		}
		for _, answer := range f.answer {
			t.Errorf("an answer holds a secret: %.300s", answer)
		}
	})
	t.Run("nothing that a client chose in metrics and audit records", func(t *testing.T) {
		find(t, "metrics", canaryStart)
		find(t, "audit log", canaryStart)
	})
	t.Run("the requests came far enough", func(t *testing.T) {
		for _, door := range doorNames {
			for _, status := range []int{200, 400, 401, 404, 500} {
				if statuses[door][status] == 0 {
					t.Errorf("%s: no answer has the status %d: %v", door, status, statuses[door])
				}
			}
		}
		panics := 0
		for _, line := range lines {
			if line["msg"] == "panic" {
				panics++
			}
		}
		if panics < 100 || f.n < 20_000 {
			t.Errorf("%d panics, %d canaries and secrets", panics, f.n)
		}
	})
}

// fly sends everything to every route and returns how often each door answered with which status.
func (f *flock) fly(t *testing.T, s *server.Server) map[string]map[int]int {
	t.Helper()
	statuses := map[string]map[int]int{}
	for _, d := range s.Doors() {
		if statuses[d.Name] == nil {
			statuses[d.Name] = map[int]int{}
		}
		for _, rt := range d.Routes {
			target := fill(d, rt, directorytest.Environment, missingID)
			texts := bodies(d, rt)
			for i := range max(len(texts), len(queries)) {
				body, query := texts[i%len(texts)], queries[i%len(queries)]
				if rt.Method != "GET" && i < len(texts) && i > 0 {
					query = "" // so that the body is looked at
				}
				r := f.request(d, rt.Method, target, query, body)
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				statuses[d.Name][w.Code]++
				if text := fmt.Sprint(w.Header()) + w.Body.String(); strings.Contains(text, secretStart) {
					f.answer = append(f.answer, fmt.Sprintf("%s %s: %s", rt.Method, target, text))
				}
			}
		}
	}
	return statuses
}

// request returns the next request, with something in every header.
func (f *flock) request(d route.Door, method, target, query, body string) *http.Request {
	f.sent++
	body = f.plant(body)
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.URL.RawQuery = f.plant(query)
	r.RequestURI = r.URL.RequestURI()
	r.Host = f.plant("CANARY.example")
	for _, name := range []string{"User-Agent", "Cookie", "Referer", "Origin", "From", "Accept-Language", "X-Forwarded-For", "X-Api-Key", "Forwarded"} {
		r.Header.Set(name, f.plant("CANARY"))
	}
	switch {
	case body == "":
	case strings.Contains(body, "="):
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	default:
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	authorization := "Bearer " + directorytest.DevToken
	if !slices.Contains(d.Schemes, "Bearer") {
		authorization = shown("p14e")
	}
	switch f.sent % 13 { // no divisor of how many bodies or queries there are
	case 2:
		r.Header.Set("If-None-Match", f.plant(`"CANARY"`))
	case 3:
		authorization = f.plant("Bearer SECRET")
	case 5:
		secret := base64.StdEncoding.EncodeToString([]byte(f.plant("CANARY:SECRET")))
		f.coded = append(f.coded, secret)
		authorization = "Basic " + secret
	case 7:
		r.Header.Set("Break", "error")
	case 8:
		r.Header.Set("If-Match", f.plant(`"CANARY"`))
	case 9:
		r.Header.Set("Break", "index")
	case 10:
		r.Header.Set("Accept", f.plant("application/CANARY"))
		r.Header.Set("Accept-API-Version", f.plant("CANARY"))
		r.Header.Set("X-HTTP-Method-Override", f.plant("CANARY"))
	case 11:
		r.Header.Set("Content-Type", f.plant("application/CANARY; CANARY=CANARY"))
		r.Header.Set("Content-Encoding", f.plant("CANARY"))
	}
	r.Header.Set("Authorization", authorization)
	return r
}

// metricsOf returns what Prometheus is told.
func metricsOf(t *testing.T, s *server.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.ServeMetrics(ctx, l) }()
	res, err := http.Get("http://" + l.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// trails returns all rows of the audit log and of the change log.
func trails(t *testing.T, path string) (audit, change string) {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.At(t, path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var audited, changed strings.Builder
	err = db.View(t.Context(), func(tx *store.Tx) error {
		tenants, err := tx.Tenants()
		if err != nil {
			return err
		}
		for _, tenant := range append(tenants, &store.Tenant{}) {
			audits, err := tx.Audits(tenant.TID, 0, 1<<20)
			if err != nil {
				return err
			}
			changes, err := tx.Changes(tenant.TID, 0, 1<<20)
			if err != nil {
				return err
			}
			for _, row := range audits {
				fmt.Fprintf(&audited, "%+v %s\n", *row, row.Detail)
			}
			for _, row := range changes {
				fmt.Fprintf(&changed, "%+v %s\n", *row, row.Detail)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return audited.String(), changed.String()
}
