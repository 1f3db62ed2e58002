package scim2_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/exchange"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim2"
	"github.com/rollcall-directory/rollcall/internal/server"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// publicURL is what the servers of these tests are known as.
const publicURL = "https://id.example"

// stamp is the time of everything that a test does without moving the clock.
const stamp = "2026-03-01T08:15:30.120Z"

// A door is a server with one profile on a directory of its own. Paths are
// relative to the base, the prefix of the profile.
type door struct {
	http.Handler
	base  string
	token string
	dir   *directory.Directory
	clock *directorytest.Clock
	files string        // where the directory keeps its data
	log   *bytes.Buffer // of the server
}

// open returns a server of the profile. base is the path that requests begin with.
func open(t testing.TB, p scim2.Profile, base string) *door {
	t.Helper()
	d := &door{base: base, token: directorytest.DevToken, files: t.TempDir(), log: new(bytes.Buffer)}
	d.dir, d.clock = directorytest.OpenAt(t, d.files)
	d.serve(t, p)
	return d
}

// serve makes the door a server of the profile.
func (d *door) serve(t testing.TB, p scim2.Profile) {
	t.Helper()
	gate, err := auth.New(context.Background(), d.dir, auth.Config{PublicURL: publicURL, Now: d.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	doors := append(scim2.New(d.dir, p, publicURL), gate.Doors()...)
	d.Handler, err = server.New(server.Config{Doors: doors, Gate: gate, Log: slog.New(slog.NewJSONHandler(d.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
}

const pingOneBase = "/environments/" + directorytest.Environment + "/v2"

func openStandard(t testing.TB, o scim2.Options) *door {
	t.Helper()
	return open(t, scim2.Standard(o), "/scim/v2")
}

func openPingOne(t testing.TB, o scim2.Options) *door {
	t.Helper()
	return open(t, scim2.PingOne(o), pingOneBase)
}

func openRSA(t testing.TB, o scim2.Options) *door {
	t.Helper()
	return open(t, scim2.RSA(o), "/rsa/v2")
}

// as returns the door as the client with the token sees it.
func (d *door) as(token string) *door {
	e := *d
	e.token = token
	return &e
}

// at returns the door with another base.
func (d *door) at(base string) *door {
	e := *d
	e.base = base
	return &e
}

// do sends a request: the method and the path below the base, a body, and
// headers as "Name: value". A header "-Name" is left out.
func (d *door) do(request, body string, header ...string) *answer {
	method, path, _ := strings.Cut(request, " ")
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, publicURL+d.base+strings.ReplaceAll(path, " ", "%20"), reader)
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if omitted, ok := strings.CutPrefix(name, "-"); ok {
			r.Header.Del(omitted)
		} else {
			r.Header.Add(name, value)
		}
	}
	for _, once := range []string{"Authorization", "Content-Type"} {
		if sent := r.Header.Values(once); len(sent) > 1 {
			r.Header.Set(once, sent[len(sent)-1])
		}
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return &answer{request: request, status: w.Code, header: w.Result().Header, body: w.Body.Bytes()}
}

// create makes a resource, which must succeed.
func (d *door) create(t testing.TB, path, body string) *answer {
	t.Helper()
	a := d.do("POST "+path, body)
	a.wantStatus(t, http.StatusCreated)
	return a
}

// user makes a user, which must succeed, and returns its id.
func (d *door) user(t testing.TB, body string) string {
	t.Helper()
	return d.create(t, "/Users", body).id()
}

// names returns the userNames or displayNames that a list answers with.
func (d *door) names(t testing.TB, path string) []string {
	t.Helper()
	a := d.do("GET "+path, "")
	a.wantStatus(t, http.StatusOK)
	names := []string{}
	for _, r := range a.list() {
		name, ok := r["userName"]
		if !ok {
			name = r["displayName"]
		}
		names = append(names, fmt.Sprint(name))
	}
	return names
}

// users returns how many users there are.
func (d *door) users(t testing.TB) int {
	t.Helper()
	caller := directorytest.Caller(t, d.dir, directorytest.DevToken)
	page, err := d.dir.List(context.Background(), caller, caller.Home(), directory.Query{Type: "User"})
	if err != nil {
		t.Fatal(err)
	}
	return page.Total
}

// refused sends a request that must fail with this error and change nothing:
// the status, the scimType, the detail. A detail that ends with ... is a prefix,
// an empty one is any.
func (d *door) refused(t testing.TB, request, body string, status int, scimType, detail string, header ...string) *answer {
	t.Helper()
	before := d.users(t)
	a := d.do(request, body, header...)
	a.wantError(t, status, scimType, detail)
	if after := d.users(t); after != before {
		t.Errorf("%s: there are %d users after it, %d before", request, after, before)
	}
	return a
}

// population makes another population and returns its id.
func (d *door) population(t testing.TB, name string) string {
	t.Helper()
	p, err := d.dir.CreatePopulation(t.Context(), directorytest.Environment, "", name)
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// signIn reports whether the user can sign in with the password.
func (d *door) signIn(t testing.TB, userName, password string) bool {
	t.Helper()
	caller := directorytest.Caller(t, d.dir, directorytest.DevToken)
	_, err := d.dir.SignIn(context.Background(), caller, caller.Home(), userName, password)
	if faults := scim.Faults(err); err != nil && (len(faults) != 1 || faults[0].Rule != scim.RuleUnauthenticated) {
		t.Fatal(err)
	}
	return err == nil
}

// contains reports whether the text is anywhere in the directory's data.
func (d *door) contains(t testing.TB, text string) bool {
	t.Helper()
	return storetest.Holds(t, d.files, text)
}

// An answer is what a door sent.
type answer struct {
	request string
	status  int
	header  http.Header
	body    []byte
}

func (a *answer) json() map[string]any {
	var tree map[string]any
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return map[string]any{"not JSON": string(a.body)}
	}
	return tree
}

func (a *answer) id() string {
	id, _ := a.json()["id"].(string)
	return id
}

// list returns the resources of a list.
func (a *answer) list() []map[string]any {
	items, _ := a.json()["Resources"].([]any)
	out := make([]map[string]any, len(items))
	for i, item := range items {
		out[i], _ = item.(map[string]any)
	}
	return out
}

// get returns the value at a path of members and indexes, as emails.0.value.
func (a *answer) get(path string) any {
	var v any = a.json()
	for name := range strings.SplitSeq(path, "/") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

func (a *answer) wantStatus(t testing.TB, status int) {
	t.Helper()
	if a.status != status {
		t.Fatalf("%s: status %d, want %d; body %s", a.request, a.status, status, a.body)
	}
}

// wantJSON compares the whole body. In want, $ID is the answer's id, $T the
// time of the test and $BASE the URL of the door.
func (a *answer) wantJSON(t testing.TB, d *door, want string) {
	t.Helper()
	want = strings.NewReplacer("$ID", a.id(), "$T", stamp, "$BASE", publicURL+d.base).Replace(want)
	var tree any
	if err := json.Unmarshal([]byte(want), &tree); err != nil {
		t.Fatalf("the test's own JSON: %v in %s", err, want)
	}
	var got any
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatalf("%s: %v in %s", a.request, err, a.body)
	}
	if diff := cmp.Diff(tree, got); diff != "" {
		t.Errorf("%s: body (-want +got)\n%s", a.request, diff)
	}
}

// anyType is any scimType that there is.
const anyType = "any"

// wantError compares the error's status, scimType and detail, and its form
// (RFC 7644 3.12).
func (a *answer) wantError(t testing.TB, status int, scimType, detail string) {
	t.Helper()
	a.wantStatus(t, status)
	got := a.json()
	want := map[string]any{
		"schemas": []any{"urn:ietf:params:scim:api:messages:2.0:Error"},
		"status":  fmt.Sprint(status),
		"detail":  detail,
	}
	switch scimType {
	case "":
	case anyType:
		want["scimType"] = got["scimType"]
	default:
		want["scimType"] = scimType
	}
	said, _ := got["detail"].(string)
	if prefix, ok := strings.CutSuffix(detail, "..."); ok && strings.HasPrefix(said, prefix) || detail == "" && said != "" {
		want["detail"] = said
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: error (-want +got)\n%s", a.request, diff)
	}
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "application/scim+json") && got != "application/json" {
		t.Errorf("%s: Content-Type %q", a.request, got)
	}
}

// want fails the test unless the values are equal.
func want[V any](t testing.TB, what string, got, want V) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

// wantHeader compares a header.
func (a *answer) wantHeader(t testing.TB, name, value string) {
	t.Helper()
	if got := a.header.Get(name); got != value {
		t.Errorf("%s: %s %q, want %q", a.request, name, got, value)
	}
}

// escape makes a query parameter's value of text.
func escape(text string) string { return url.QueryEscape(text) }

// fault lets every door of the profile word an error that is no fault of the request.
func (d *door) fault(t testing.TB, p scim2.Profile, method string, status int, detail string) {
	t.Helper()
	for _, door := range scim2.New(d.dir, p, publicURL) {
		if strings.HasPrefix(door.Prefix, "/v1") { // words of another interface
			continue
		}
		w := httptest.NewRecorder()
		door.Error(w, httptest.NewRequest(method, publicURL+"/", nil), errors.New("disk on fire: SELECT secret"))
		a := &answer{request: method, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
		a.wantError(t, status, "", detail)
		if strings.Contains(string(a.body), "disk") {
			t.Errorf("the cause is told: %s", a.body)
		}
	}
}

// parse reads a JSON object.
func parse(t testing.TB, text string) *scim.Object {
	t.Helper()
	o, err := scim.ReadObject([]byte(text), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// A check proves rules: its name holds their tokens.
type check struct {
	name    string
	options scim2.Options
	run     func(t *testing.T, d *door)
}

func runChecks(t *testing.T, openDoor func(testing.TB, scim2.Options) *door, checks []check) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, openDoor(t, c.options))
		})
	}
}

// TestExchanges replays the recordings of each profile.
func TestExchanges(t *testing.T) {
	for folder, openDoor := range map[string]func(testing.TB, scim2.Options) *door{
		"standard": openStandard, "pingone": openPingOne, "pingone/auth": openPingOne, "pingone/groups": openPingOne, "rsa": openRSA, "rsa/groups": openRSA,
	} {
		t.Run(folder, func(t *testing.T) {
			exchange.Run(t, filepath.Join("testdata", folder, "*.txtar"), func(t testing.TB) exchange.Target {
				return exchange.Target{Handler: openDoor(t, scim2.Options{Groups: filepath.Base(folder) == "groups"}), Vars: map[string]string{"BASE": publicURL}}
			})
		})
	}
}
