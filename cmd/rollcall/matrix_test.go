package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/feed"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/server"
)

const (
	matrixURL = "https://id.example"
	missingID = "00000000-0000-4000-8000-000000000000"
)

// A matrix is the server with all doors, and what its doors were last told to word.
type matrix struct {
	t      *testing.T
	dir    *directory.Directory
	clock  *directorytest.Clock
	server *server.Server
	gate   *auth.Authenticator
	last   error // of the request that is being served
	key    []byte
}

// allDoors returns everything that is mounted on the directory, and its gate.
func allDoors(t *testing.T, d *directory.Directory, cfg auth.Config) ([]route.Door, *auth.Authenticator) {
	t.Helper()
	cfg.PublicURL = matrixURL
	a, err := auth.New(t.Context(), d, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return doors(d, a, matrixFeed(t, d), matrixURL, newDialects()), a
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	d, clock := directorytest.Open(t)
	all, a := allDoors(t, d, auth.Config{Now: clock.Now, Guesses: 1 << 30})
	key, err := d.SigningKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &matrix{t: t, dir: d, clock: clock, gate: a, key: key}
	for i := range all {
		word := all[i].Error
		all[i].Error = func(w http.ResponseWriter, r *http.Request, err error) {
			m.last = err
			word(w, r, err)
		}
	}
	if m.server, err = server.New(server.Config{Doors: all, Gate: a}); err != nil {
		t.Fatal(err)
	}
	return m
}

// client makes one and returns its secret.
func (m *matrix) client(dr directory.ClientDraft) string {
	m.t.Helper()
	_, secret, err := m.dir.CreateClient(m.t.Context(), dr)
	if err != nil {
		m.t.Fatal(err)
	}
	return secret
}

// send sends a request, with the body where the method has one, and returns
// the answer and the rule that it broke.
func (m *matrix) send(rt route.Route, path, authorization, body string) (*httptest.ResponseRecorder, scim.Rule) {
	if rt.Method == "GET" || rt.Method == "DELETE" {
		body = ""
	}
	r := httptest.NewRequest(rt.Method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if authorization != "-" {
		r.Header.Set("Authorization", authorization)
	}
	m.last = nil
	w := httptest.NewRecorder()
	m.server.ServeHTTP(w, r)
	if faults := scim.Faults(m.last); faults != nil {
		return w, faults[0].Rule
	}
	return w, 0
}

// fill puts values for the variables of a route.
func fill(d route.Door, rt route.Route, environment, id string) string {
	return strings.NewReplacer(
		"{environment}", environment, "{env}", environment, "{realm}", "alpha", "{id}", id, "{name}", "x",
	).Replace(d.Prefix + rt.Path)
}

// A holder is a client with what it can show.
type holder struct {
	id, secret, token string
	environment       string
	// may says which rule keeps the holder from a route of the door; 0 is none.
	may func(d route.Door, rt route.Route) scim.Rule
}

// shows returns the Authorization headers by which the holder can show itself
// with the scheme.
func (h holder) shows(scheme string) []string {
	if scheme == "Basic" && h.secret == "" {
		return nil
	}
	if scheme == "Basic" {
		return []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(h.id+":"+h.secret))}
	}
	var headers []string
	if h.secret != "" {
		headers = append(headers, "Bearer "+h.secret)
	}
	if h.token != "" {
		headers = append(headers, "Bearer "+h.token)
	}
	return headers
}

// token asks the endpoint for an access token.
func (m *matrix) token(id, secret string) string {
	m.t.Helper()
	return m.grant("grant_type=client_credentials&client_id=" + id + "&client_secret=" + secret)
}

// grant sends a token request.
func (m *matrix) grant(form string) string {
	m.t.Helper()
	r := httptest.NewRequest("POST", "/am/oauth2/access_token", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	m.server.ServeHTTP(w, r)
	_, rest, _ := strings.Cut(w.Body.String(), `"access_token":"`)
	token, _, ok := strings.Cut(rest, `"`)
	if w.Code != 200 || !ok {
		m.t.Fatalf("token: %d %s", w.Code, w.Body)
	}
	return token
}

// holders makes clients in every state that a client can be in.
func (m *matrix) holders() map[string]holder {
	m.t.Helper()
	ctx, all := m.t.Context(), map[string]holder{}
	add := func(name string, dr directory.ClientDraft, may func(route.Door, route.Route) scim.Rule) {
		if dr.Environment == "" {
			dr.Environment = directorytest.Environment
		}
		dr.ID = name
		secret := m.client(dr)
		all[name] = holder{name, secret, m.token(name, secret), dr.Environment, may}
	}
	is := func(rule scim.Rule) func(route.Door, route.Route) scim.Rule {
		return func(route.Door, route.Route) scim.Rule { return rule }
	}
	add("writer", directory.ClientDraft{}, is(0))
	add("admin", directory.ClientDraft{Role: directory.Admin}, is(0))
	add("foreign", directory.ClientDraft{Environment: directorytest.Other}, is(0))
	add("reader", directory.ClientDraft{Role: directory.Reader}, func(_ route.Door, rt route.Route) scim.Rule {
		if rt.Permission == directory.WriteUsers || rt.Permission == directory.WriteGroups || rt.Permission == directory.WriteResources {
			return scim.RuleForbidden
		}
		return 0
	})
	for _, name := range doorNames {
		add("only-"+name, directory.ClientDraft{Doors: []string{name}}, func(d route.Door, _ route.Route) scim.Rule {
			if d.Name != name {
				return scim.RuleForbidden
			}
			return 0
		})
	}
	jwk, assertion := m.signer()
	all["signer"] = holder{id: "signer", token: m.grant("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=" + assertion),
		environment: directorytest.Environment, may: is(0)}
	// Neither what was signed nor the public key opens anything.
	all["assertion"] = holder{id: "signer", secret: assertion, environment: directorytest.Environment, may: is(scim.RuleUnauthenticated)}
	all["public key"] = holder{id: "signer", secret: jwk, environment: directorytest.Environment, may: is(scim.RuleUnauthenticated)}
	add("revoked", directory.ClientDraft{}, is(scim.RuleUnauthenticated))
	if err := m.dir.RevokeClient(ctx, "revoked"); err != nil {
		m.t.Fatal(err)
	}
	add("rotated", directory.ClientDraft{}, is(scim.RuleUnauthenticated))
	for range 2 {
		if _, err := m.dir.RotateClient(ctx, "rotated", 0); err != nil {
			m.t.Fatal(err)
		}
	}
	return all
}

// signer makes a client that signs, and returns its public key and an assertion.
func (m *matrix) signer() (jwk, assertion string) {
	m.t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	text, err := (jose.JSONWebKey{Key: private}).MarshalJSON()
	if err != nil {
		m.t.Fatal(err)
	}
	if jwk, err = auth.ParseKey(text); err != nil {
		m.t.Fatal(err)
	}
	m.client(directory.ClientDraft{Environment: directorytest.Environment, ID: "signer", Key: jwk})
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: private}, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	assertion, err = jwt.Signed(s).Claims(jwt.Claims{Issuer: "signer", Subject: "signer", Audience: jwt.Audience{matrixURL + "/am/oauth2/access_token"},
		Expiry: jwt.NewNumericDate(m.clock.Now().Add(time.Minute)), ID: "1"}).Serialize()
	if err != nil {
		m.t.Fatal(err)
	}
	return jwk, assertion
}

// strangers returns Authorization headers that nobody may come in with.
func (m *matrix) strangers(h holder) map[string]string {
	m.t.Helper()
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	all := map[string]string{
		"none": "-", "empty": "", "an unknown scheme": "Digest " + h.secret, "a word": "non-token",
		"an empty bearer": "Bearer ", "an empty Basic": "Basic ", "a colon": basic(":"), "no secret": basic(h.id + ":"),
		"no id": basic(":" + h.secret), "an unknown secret": "Bearer unknown", "an unknown client": basic("nobody:" + h.secret),
		"a wrong secret": basic(h.id + ":wrong"), "another's secret": basic("admin:" + h.secret),
		"a token as a secret": basic(h.id + ":" + h.token), "a secret and more": "Bearer " + h.secret + " x",
		"a token without a signature": "Bearer " + h.token[:strings.LastIndex(h.token, ".")+1],
	}
	forge := func(key []byte, typ string, change func(map[string]any)) string {
		parsed, err := jwt.ParseSigned(h.token, []jose.SignatureAlgorithm{jose.HS256})
		claims := map[string]any{}
		if err == nil {
			err = parsed.UnsafeClaimsWithoutVerification(&claims)
		}
		if err != nil {
			m.t.Fatal(err)
		}
		change(claims)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
		if err != nil {
			m.t.Fatal(err)
		}
		text, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			m.t.Fatal(err)
		}
		return "Bearer " + text
	}
	with := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) { c[name] = value }
	}
	all["a token of another key"] = forge(make([]byte, 32), "at+jwt", with("x", 1))
	all["a token of another type"] = forge(m.key, "JWT", with("x", 1))
	all["an expired token"] = forge(m.key, "at+jwt", with("exp", m.clock.Now().Add(-time.Second).Unix()))
	all["a token for another server"] = forge(m.key, "at+jwt", with("aud", "https://other.example"))
	all["a token of another server"] = forge(m.key, "at+jwt", with("iss", "https://other.example"))
	all["a token of another client"] = forge(m.key, "at+jwt", with("client_id", "admin"))
	return all
}

// each calls fn for every route of every door that asks for a credential.
func (m *matrix) each(fn func(d route.Door, rt route.Route)) {
	for _, d := range m.server.Doors() {
		for _, rt := range d.Routes {
			if rt.Permission != directory.Public {
				fn(d, rt)
			}
		}
	}
}

// refused checks that a cell ended with the rule, in the way of its door.
func (m *matrix) refused(d route.Door, name string, w *httptest.ResponseRecorder, got, want scim.Rule) {
	m.t.Helper()
	status := map[scim.Rule]int{scim.RuleUnauthenticated: 401, scim.RuleForbidden: 403, scim.RuleNotFound: 404}[want]
	if got != want || w.Code != status {
		m.t.Errorf("%s: rule %d, status %d, want rule %d, status %d: %.200s", name, got, w.Code, want, status, w.Body)
	}
	if want == scim.RuleUnauthenticated {
		for _, scheme := range d.Schemes {
			if !strings.Contains(strings.Join(w.Header().Values("WWW-Authenticate"), ", "), scheme) {
				m.t.Errorf("%s: WWW-Authenticate %q does not name %s", name, w.Header().Values("WWW-Authenticate"), scheme)
			}
		}
	}
}

// TestMatrix tries every route with every state of credential: only those
// succeed that should, and those refused change nothing.
func TestMatrix(t *testing.T) {
	m := newMatrix(t)
	holders := m.holders()
	before := m.everything()
	cells := 0
	cell := func(d route.Door, rt route.Route, environment, who, authorization string, want scim.Rule) {
		cells++
		w, got := m.send(rt, fill(d, rt, environment, missingID), authorization, "{}")
		name := fmt.Sprintf("%s %s%s by %s", rt.Method, d.Prefix, rt.Path, who)
		switch {
		case want != 0:
			m.refused(d, name, w, got, want)
		case got == scim.RuleUnauthenticated || got == scim.RuleForbidden || w.Code == 401:
			t.Errorf("%s: refused with rule %d, status %d: %.200s", name, got, w.Code, w.Body)
		}
	}
	m.each(func(d route.Door, rt route.Route) {
		if rt.Permission == 0 {
			t.Errorf("%s %s%s names no permission", rt.Method, d.Prefix, rt.Path)
		}
		for who, authorization := range m.strangers(holders["writer"]) {
			cell(d, rt, directorytest.Environment, who, authorization, scim.RuleUnauthenticated)
		}
		for name, h := range holders {
			for _, scheme := range []string{"Basic", "Bearer"} {
				want := h.may(d, rt)
				if !slices.Contains(d.Schemes, scheme) {
					want = scim.RuleUnauthenticated
				}
				for i, header := range h.shows(scheme) {
					cell(d, rt, h.environment, fmt.Sprintf("%s, %s %d", name, scheme, i), header, want)
				}
			}
		}
	})
	t.Logf("%d cells", cells)
	if diff := cmp.Diff(before, m.everything()); diff != "" {
		t.Errorf("something has changed (-before +after):\n%s", diff)
	}
}

// everything returns what the environments hold, of every type.
func (m *matrix) everything() map[string][]string {
	m.t.Helper()
	all := map[string][]string{}
	for _, secret := range []string{directorytest.DevToken, directorytest.OtherToken} {
		c := directorytest.Caller(m.t, m.dir, secret)
		for _, typ := range []string{"User", "Group"} {
			page, err := m.dir.List(m.t.Context(), c, c.Home(), directory.Query{Type: typ, Start: 1, Count: 1000})
			if err != nil {
				m.t.Fatal(err)
			}
			for _, r := range page.Resources {
				all[c.Environment] = append(all[c.Environment], fmt.Sprintf("%s %s %d %s", r.Type, r.ID, r.Version, r.Doc()))
			}
		}
	}
	return all
}

// TestPathEnvironment: a path may name only the environment that the
// credential belongs to. Another one is forbidden, one that is not there is
// not found (pingone A11). Discovery documents are the same for all.
func TestPathEnvironment(t *testing.T) {
	m := newMatrix(t)
	holders := m.holders()
	before := m.everything()
	seen := 0
	m.each(func(d route.Door, rt route.Route) {
		if !strings.Contains(d.Prefix, "{environment}") || rt.Permission == directory.ReadSchemas {
			return
		}
		schema, name := scim.UserSchema, "userName"
		if strings.HasPrefix(rt.Path, "/Groups") {
			schema, name = scim.GroupSchema, "displayName"
		}
		body := fmt.Sprintf(`{"schemas":[%q],%q:"intruder"}`, schema, name)
		for _, cell := range []struct {
			who         string
			environment string
			want        scim.Rule
		}{
			{"writer", directorytest.Other, scim.RuleForbidden},
			{"foreign", directorytest.Environment, scim.RuleForbidden},
			{"writer", missingID, scim.RuleNotFound},
			{"writer", "nonsense", scim.RuleNotFound},
		} {
			for _, header := range holders[cell.who].shows("Bearer") {
				w, got := m.send(rt, fill(d, rt, cell.environment, missingID), header, body)
				if got == scim.RuleUnsupported {
					continue // offered in no environment
				}
				seen++
				m.refused(d, fmt.Sprintf("%s %s%s by %s in %s", rt.Method, d.Prefix, rt.Path, cell.who, cell.environment), w, got, cell.want)
			}
		}
	})
	if seen < 8*4 {
		t.Errorf("only %d cells", seen)
	}
	if diff := cmp.Diff(before, m.everything()); diff != "" {
		t.Errorf("something has changed (-before +after):\n%s", diff)
	}
}

// TestForeignID: an id of another environment answers exactly as one that is not there.
func TestForeignID(t *testing.T) {
	m := newMatrix(t)
	holders := m.holders()
	owner := directorytest.Caller(t, m.dir, directorytest.DevToken)
	ids := map[string]string{}
	for typ, name := range map[string]string{"User": "userName", "Group": "displayName"} {
		r, err := m.dir.Create(t.Context(), owner, owner.Home(), directory.Draft{Type: typ,
			Attributes: scim.NewObject(scim.Member{Name: name, Value: scim.StringValue("theirs")})})
		if err != nil {
			t.Fatal(err)
		}
		ids[typ] = r.ID
	}
	before := m.everything()
	foreign := holders["foreign"]
	m.each(func(d route.Door, rt route.Route) {
		if !strings.Contains(rt.Path, "{id}") {
			return
		}
		header := foreign.shows(d.Schemes[0])[0]
		for typ, id := range ids {
			theirs, theirRule := m.send(rt, fill(d, rt, foreign.environment, id), header, "{}")
			missing, missingRule := m.send(rt, fill(d, rt, foreign.environment, missingID), header, "{}")
			name := fmt.Sprintf("%s %s%s of a %s", rt.Method, d.Prefix, rt.Path, typ)
			if theirRule != missingRule || theirs.Code != missing.Code {
				t.Errorf("%s: rule %d, status %d, but rule %d, status %d where it is missing", name, theirRule, theirs.Code, missingRule, missing.Code)
			}
			if theirs.Code < 300 && rt.Permission == directory.ReadDirectory {
				t.Errorf("%s: status %d", name, theirs.Code)
			}
			body := func(w *httptest.ResponseRecorder, id string) string {
				return strings.NewReplacer(id, "ID", w.Header().Get("X-Request-ID"), "REQUEST").Replace(w.Body.String())
			}
			if diff := cmp.Diff(body(missing, missingID), body(theirs, id)); diff != "" {
				t.Errorf("%s: the bodies differ (-missing +theirs):\n%s", name, diff)
			}
			headers := func(w *httptest.ResponseRecorder, id string) http.Header {
				h := w.Header().Clone()
				for _, name := range []string{"X-Request-Id", "Correlation-Id"} {
					h.Del(name)
				}
				for name, values := range h {
					h.Set(name, strings.ReplaceAll(strings.Join(values, "\n"), id, "ID"))
				}
				return h
			}
			if diff := cmp.Diff(headers(missing, missingID), headers(theirs, id)); diff != "" {
				t.Errorf("%s: the headers differ (-missing +theirs):\n%s", name, diff)
			}
		}
	})
	if diff := cmp.Diff(before, m.everything()); diff != "" {
		t.Errorf("something has changed (-before +after):\n%s", diff)
	}
}

// matrixFeed returns the feed of a directory, which does not run.
func matrixFeed(t *testing.T, d *directory.Directory) *feed.Feed {
	t.Helper()
	f, err := feed.New(t.Context(), feed.Config{Directory: d, PublicURL: matrixURL, Base: matrixURL + "/scim/v2"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
