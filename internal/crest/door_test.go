package crest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/crest"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/server"
)

// publicURL is what the servers of these tests are known as.
const publicURL = "https://dir.example.com"

// The collections.
const (
	seedUsers  = "/users"
	alphaUsers = "/openidm/managed/alpha_user"
	plainUsers = "/openidm/managed/user"
	groups     = "/openidm/managed/alpha_group"
)

// A door is a server with the doors of a profile on a directory of its own.
type door struct {
	http.Handler
	testing.TB
	token string
	dir   *directory.Directory
	clock *directorytest.Clock
}

func open(t testing.TB, p crest.Profile) *door {
	t.Helper()
	return openUnder(t, p, nil)
}

// openUnder opens a door to a directory with a password policy, the default one
// if it is nil.
func openUnder(t testing.TB, p crest.Profile, policy *directory.Policy) *door {
	t.Helper()
	d, files := &door{TB: t, token: directorytest.DevToken}, t.TempDir()
	d.dir, d.clock = directorytest.OpenAt(t, files)
	if policy != nil {
		if err := d.dir.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		cfg := directorytest.Config(t, files)
		cfg.Now, cfg.Policy = d.clock.Now, policy
		if d.dir, err = directory.Open(context.Background(), cfg); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.dir.Close() })
	}
	gate, err := auth.New(context.Background(), d.dir, auth.Config{PublicURL: publicURL, Now: d.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	doors := append(crest.New(d.dir, p, publicURL), gate.Doors()...)
	d.Handler, err = server.New(server.Config{Doors: doors, Gate: gate})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// configure gives the door's client settings.
func (d *door) configure(s directory.ClientSettings) {
	d.Helper()
	if _, err := d.dir.ConfigureClient(context.Background(), directorytest.DevClient, func(c *directory.Client) { c.Settings = s }); err != nil {
		d.Fatal(err)
	}
}

// in returns the door for a subtest.
func (d *door) in(t testing.TB) *door {
	e := *d
	e.TB = t
	return &e
}

// as returns the door as the client with the token sees it.
func (d *door) as(token string) *door {
	e := *d
	e.token = token
	return &e
}

// An answer is a response that was read.
type answer struct {
	testing.TB
	request string
	status  int
	header  http.Header
	body    string
}

// do sends a request, such as "GET /users/1". Headers are "Name: value"; one
// without a value is not sent. A blank in the target is sent as +.
func (d *door) do(request, body string, header ...string) *answer {
	d.Helper()
	method, target, _ := strings.Cut(request, " ")
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, publicURL+strings.ReplaceAll(target, " ", "+"), reader)
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ":")
		if r.Header.Del(name); value != "" {
			r.Header.Set(name, strings.TrimPrefix(value, " "))
		}
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return &answer{TB: d.TB, request: request, status: w.Code, header: w.Header(), body: w.Body.String()}
}

// must fails the test unless the answer has the status.
func (a *answer) must(status int) *answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("%s: %d, want %d\n%s", a.request, a.status, status, a.body)
	}
	return a
}

// object returns the body, which must be a JSON object.
func (a *answer) object() map[string]any {
	a.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		a.Fatalf("%s: %v in %q", a.request, err, a.body)
	}
	return o
}

func (a *answer) text(name string) string {
	s, _ := a.object()[name].(string)
	return s
}

func (a *answer) id() string { return a.text("_id") }

func (a *answer) rev() string { return a.text("_rev") }

// is fails the test unless the body is the JSON value.
func (a *answer) is(want string) *answer {
	a.Helper()
	if diff := cmp.Diff(value(a, want), value(a, a.body)); diff != "" {
		a.Errorf("%s:\n%s", a.request, diff)
	}
	return a
}

// has fails the test unless the body has the members of the JSON object.
func (a *answer) has(want string) *answer {
	a.Helper()
	got := a.object()
	for name, v := range value(a, want).(map[string]any) {
		if w, ok := got[name]; !ok || !cmp.Equal(v, w) {
			a.Errorf("%s: %s is %v, want %v", a.request, name, w, v)
		}
	}
	return a
}

// lacks fails the test if the body has one of the members.
func (a *answer) lacks(names ...string) *answer {
	a.Helper()
	got := a.object()
	for _, name := range names {
		if v, ok := got[name]; ok {
			a.Errorf("%s: there is %s: %v", a.request, name, v)
		}
	}
	return a
}

// reasons are the vendor's phrases.
var reasons = map[int]string{400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
	409: "Conflict", 412: "Precondition Failed", 413: "Request Entity Too Large", 501: "Not Implemented"}

// refused fails the test unless the answer is an error of the status in the
// vendor's shape, with the message unless that is empty.
func (a *answer) refused(status int, message string) *answer {
	a.Helper()
	a.must(status)
	o := a.object()
	if o["code"] != float64(status) || o["reason"] != reasons[status] || o["message"] == "" || o["message"] == nil {
		a.Errorf("%s: not the vendor's shape: %s", a.request, a.body)
	}
	if message != "" && o["message"] != message {
		a.Errorf("%s: the message is\n%s\nwant\n%s", a.request, o["message"], message)
	}
	for name := range o {
		if name != "code" && name != "reason" && name != "message" && name != "detail" {
			a.Errorf("%s: there is %s", a.request, name)
		}
	}
	if a.header.Get("Content-Type") != "application/json;charset=UTF-8" || a.header.Get("Cache-Control") != "no-cache" {
		a.Errorf("%s: headers are %v", a.request, a.header)
	}
	return a
}

// unmet fails the test unless the answer refuses the requirements: the JSON
// array of failedPolicyRequirements.
func (a *answer) unmet(want string) *answer {
	a.Helper()
	a.refused(403, "Policy validation failed")
	a.has(fmt.Sprintf(`{"detail":{"result":false,"failedPolicyRequirements":%s}}`, want))
	return a
}

func encode(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func value(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return v
}

// full returns an object that the vendor's schema takes, with the members of
// more in place of its own.
func full(t testing.TB, name, more string) string {
	t.Helper()
	o := map[string]json.RawMessage{
		"userName": json.RawMessage(strconv.Quote(name)), "givenName": json.RawMessage(`"Mina"`), "sn": json.RawMessage(`"Lee"`),
		"mail": json.RawMessage(strconv.Quote(name + "@example.com")),
	}
	if err := json.Unmarshal([]byte(more), &o); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// create makes a user at the vendor's path.
func (d *door) create(name, more string) *answer {
	d.Helper()
	return d.do("POST "+alphaUsers+"?_action=create", full(d, name, more)).must(201)
}

// caller is who the door's token proves.
func (d *door) caller() directory.Caller {
	d.Helper()
	return directorytest.Caller(d, d.dir, d.token)
}

// total returns the number of resources of a type.
func (d *door) total(typ string) int {
	d.Helper()
	c := d.caller()
	page, err := d.dir.List(context.Background(), c, c.Home(), directory.Query{Type: typ})
	if err != nil {
		d.Fatal(err)
	}
	return page.Total
}

// stored returns the canonical attributes of a user.
func (d *door) stored(id string) *scim.Resource {
	d.Helper()
	c := d.caller()
	r, err := d.dir.Read(context.Background(), c, c.Home(), "User", id, directory.Include{Groups: true})
	if err != nil {
		d.Fatal(err)
	}
	return r
}

// elsewhere makes a user as another door would, of canonical attributes.
func (d *door) elsewhere(attributes string) string {
	d.Helper()
	o, err := scim.ReadObject([]byte(attributes), scim.Limits{})
	if err != nil {
		d.Fatal(err)
	}
	c := d.caller()
	r, err := d.dir.Create(context.Background(), c, c.Home(), directory.Draft{Type: "User", Attributes: o})
	if err != nil {
		d.Fatal(err)
	}
	return r.ID
}

// group returns the canonical id of the group of this name.
func (d *door) group(name string) string {
	d.Helper()
	f, err := scim.GroupType().Resolve(&scim.Filter{Op: scim.OpEq, Path: scim.Path{Attr: "displayName"}, Value: scim.StringValue(name)}, scim.FilterOptions{})
	if err != nil {
		d.Fatal(err)
	}
	c := d.caller()
	page, err := d.dir.List(context.Background(), c, c.Home(), directory.Query{Type: "Group", Filter: f, Count: 1})
	if err != nil || len(page.Resources) != 1 {
		d.Fatal(err, page)
	}
	return page.Resources[0].ID
}

// signsIn reports whether the user can sign in with the password.
func (d *door) signsIn(userName, password string) bool {
	d.Helper()
	c := d.caller()
	_, err := d.dir.SignIn(context.Background(), c, c.Home(), userName, password)
	return err == nil
}

// unset is a managed user with nothing but the name and what the server says:
// the default fields (AIC-064).
func unset(t testing.TB) map[string]any {
	t.Helper()
	o := map[string]any{"accountStatus": "active"}
	for _, name := range []string{"givenName", "sn", "mail", "displayName", "telephoneNumber", "postalAddress", "city", "stateProvince",
		"postalCode", "country", "description", "profileImage", "preferences", "passwordLastChangedTime", "passwordExpirationTime", "isMemberOf"} {
		o[name] = nil
	}
	for _, name := range []string{"kbaInfo", "aliasList", "consentedMappings", "effectiveRoles", "effectiveAssignments", "effectiveGroups",
		"effectiveApplications", "memberOfOrgIDs", "assignedDashboard"} {
		o[name] = []any{}
	}
	for i := range 20 {
		o[fmt.Sprintf("frIndexedString%d", i+1)] = nil
	}
	for i := range 5 {
		for _, name := range []string{"frUnindexedString", "frIndexedDate", "frUnindexedDate", "frIndexedInteger", "frUnindexedInteger"} {
			o[fmt.Sprintf("%s%d", name, i+1)] = nil
		}
		o[fmt.Sprintf("frIndexedMultivalued%d", i+1)] = []any{}
		o[fmt.Sprintf("frUnindexedMultivalued%d", i+1)] = []any{}
	}
	return o
}

// whole fails the test unless the body is unset with the members of more, and
// _id and _rev.
func (a *answer) whole(more string) *answer {
	a.Helper()
	want := unset(a)
	maps.Copy(want, value(a, more).(map[string]any))
	got := a.object()
	for _, name := range []string{"_id", "_rev"} {
		if s, _ := got[name].(string); s == "" {
			a.Errorf("%s: %s is %v", a.request, name, got[name])
		}
		delete(got, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		a.Errorf("%s:\n%s", a.request, diff)
	}
	return a
}
