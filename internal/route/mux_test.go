package route_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// gate lets in who sends the header Who: a reader, or a writer.
type gate struct{}

func (gate) Authenticate(r *http.Request, d *route.Door) (directory.Caller, error) {
	who := r.Header.Get("Who")
	if who == "" {
		return directory.Caller{}, &scim.Error{Rule: scim.RuleUnauthenticated}
	}
	return directory.Caller{Client: who, Role: directory.Role(who)}, nil
}

func (gate) Anonymous(r *http.Request) error {
	if r.Header.Get("Who") == "flood" {
		return &scim.Error{Rule: scim.RuleRate, Allowed: []string{"7", "9"}}
	}
	return nil
}

func (gate) Authorise(_ context.Context, c directory.Caller, s directory.Scope, p directory.Permission) (directory.Caller, error) {
	if s.Environment != c.Environment {
		return c, &scim.Error{Rule: scim.RuleNotFound, Value: s.Environment}
	}
	if p == directory.ReadDirectory || c.Role == directory.Writer {
		return c, nil
	}
	return c, &scim.Error{Rule: scim.RuleForbidden}
}

// echo answers with the door, the method and the variables it was called with.
func echo(door string, names ...string) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
		text := door + " " + r.Method
		for _, name := range names {
			text += fmt.Sprintf(" %s=%q", name, r.PathValue(name))
		}
		if c.Client != "" {
			text += " by " + c.Client + " at " + c.Door
		}
		_, err := io.WriteString(w, text)
		return err
	}
}

func drain(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	_, err = fmt.Fprintf(w, "%d bytes", len(b))
	return err
}

// word answers with what the error carries, for the tests to compare.
func word(name string) func(http.ResponseWriter, *http.Request, error) {
	status := map[scim.Rule]int{
		scim.RuleUnauthenticated: 401, scim.RuleForbidden: 403, scim.RuleNoEndpoint: 404,
		scim.RuleMethod: 405, scim.RuleNotFound: 404, scim.RuleTooLarge: 413, scim.RuleMediaType: 415, scim.RuleJSON: 400, scim.RuleRate: 429,
	}
	return func(w http.ResponseWriter, _ *http.Request, err error) {
		code, detail := 500, err.Error()
		if faults := scim.Faults(err); faults != nil {
			e := faults[0]
			code, detail = status[e.Rule], strings.Join([]string{e.Path, e.Value, e.Detail, strings.Join(e.Allowed, ",")}, "|")
		}
		w.WriteHeader(code)
		fmt.Fprintf(w, "%s: %s", name, detail)
	}
}

func row(method, path string, p directory.Permission, h route.Handler) route.Route {
	return route.Route{Method: method, Path: path, Permission: p, Handle: h}
}

func doors() []route.Door {
	const (
		read  = directory.ReadDirectory
		write = directory.WriteUsers
	)
	both := []string{"Basic", "Bearer"}
	return []route.Door{
		{Name: "scim2", Prefix: "/scim/v2", Schemes: both, AnyCase: true, MaxBody: 64, Error: word("scim2"), Routes: []route.Route{
			row("GET", "/Users/{id}", read, echo("scim2", "id")),
			row("DELETE", "/Users/{id}", write, echo("scim2", "id")),
			row("POST", "/Users", write, drain),
			row("POST", "/Users/.search", read, echo("search")),
			row("GET", "/Schemas", directory.Public, echo("schemas")),
			{Method: "GET", Path: "/Who", Permission: directory.Public, Handle: echo("who"), Identify: true},
			row("GET", "/forgotten", 0, echo("forgotten")),
			row("GET", "/fault", read, func(http.ResponseWriter, *http.Request, directory.Caller) error { return errors.New("disk") }),
		}},
		{Name: "pingone", Prefix: "/environments/{env}/v2", Schemes: both, Error: word("pingone"), Routes: []route.Route{
			row("GET", "/Users/{id}", read, echo("pingone", "env", "id")),
		}},
		{Name: "token", Prefix: "/{env}/as", Error: word("token"), Routes: []route.Route{
			row("POST", "/token", directory.Public, echo("token", "env")),
		}},
		{Name: "aic", Prefix: "/users", Schemes: both, Error: word("aic"), MethodOverride: true, Routes: []route.Route{
			row("GET", "", read, echo("aic")),
			row("GET", "/{id}", read, echo("aic", "id")),
			row("PUT", "/{id}", write, echo("aic", "id")),
		}},
		{Name: "aic", Prefix: "/openidm/managed", Schemes: both, Error: word("aic"), Routes: []route.Route{
			row("GET", "/{realm}_user/{id}", read, echo("realm", "realm", "id")),
			row("GET", "/{realm}_group/{id}", read, echo("group", "realm", "id")),
			row("GET", "/user/{id}", read, echo("managed", "id")),
		}},
	}
}

func mux(t *testing.T) *route.Mux {
	t.Helper()
	m, err := route.New(doors(), gate{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestServe(t *testing.T) {
	m := mux(t)
	for _, tt := range []struct {
		name, who, request string
		header             string
		want               string
	}{
		{"a route", "reader", "GET /scim/v2/Users/7", "", `200 scim2 GET id="7" by reader at scim2`},
		{"an id is decoded once", "reader", "GET /scim/v2/Users/a%2Fb%252F%20c+d", "", `200 scim2 GET id="a/b%2F c+d" by reader at scim2`},
		{"other letter cases of an endpoint", "reader", "GET /SCIM/v2/users/A", "", `200 scim2 GET id="A" by reader at scim2`},
		{"exact case where the door asks for it", "reader", "GET /Users/a", "", `404 {"error":"not found"}`},
		{"a trailing slash", "reader", "GET /scim/v2/Schemas/", "", `200 schemas GET`},
		{"trailing slash after a resource", "reader", "GET /users/a/", "", `200 aic GET id="a" by reader at aic`},
		{"doubled slashes", "reader", "GET //scim//v2///Users//7", "", `200 scim2 GET id="7" by reader at scim2`},
		{"a door by its prefix alone", "reader", "GET /users", "", `200 aic GET by reader at aic`},
		{"variables of the prefix", "reader", "GET /environments/e%2F1/v2/Users/7", "", `200 pingone GET env="e/1" id="7" by reader at pingone`},
		{"a variable with text after it", "reader", "GET /openidm/managed/al_pha_user/7", "", `200 realm GET realm="al_pha" id="7" by reader at aic`},
		{"another text after it", "reader", "GET /openidm/managed/alpha_group/7", "", `200 group GET realm="alpha" id="7" by reader at aic`},
		{"a variable is not empty", "reader", "GET /openidm/managed/_user/7", "", `404 aic: /openidm/managed/_user/7|||`},
		{"a literal before a variable", "reader", "GET /openidm/managed/user/7", "", `200 managed GET id="7" by reader at aic`},
		{"a literal prefix before a variable one", "reader", "GET /users/as", "", `200 aic GET id="as" by reader at aic`},
		{"a literal decides the path before the method", "reader", "GET /scim/v2/Users/.search", "", `405 scim2: |GET||OPTIONS,POST`},
		{"public needs no credential", "", "GET /scim/v2/Schemas", "", `200 schemas GET`},
		{"a door without schemes", "", "POST /e1/as/token", "", `200 token POST env="e1"`},
		{"its unknown path", "", "POST /e1/as/tokens", "", `404 token: /e1/as/tokens|||`},

		{"HEAD where GET is", "reader", "HEAD /scim/v2/Users/7", "", `200 scim2 GET id="7" by reader at scim2`},
		{"HEAD where GET does not", "writer", "HEAD /scim/v2/Users", "", `405 scim2: |HEAD||OPTIONS,POST`},
		{"a wrong method", "reader", "PUT /scim/v2/Users/7", "", `405 scim2: |PUT||DELETE,GET,HEAD,OPTIONS`},
		{"TRACE", "writer", "TRACE /scim/v2/Users/7", "", `405 scim2: |TRACE||DELETE,GET,HEAD,OPTIONS`},
		{"a wrong method of a public path", "", "POST /scim/v2/Schemas", "", `405 scim2: |POST||GET,HEAD,OPTIONS`},
		{"OPTIONS", "", "OPTIONS /scim/v2/Users/7", "", `204 `},
		{"OPTIONS of an unknown path", "", "OPTIONS /scim/v2/Nothing", "", `401 scim2: |||`},
		{"override", "writer", "POST /users/7", "X-HTTP-Method-Override: PUT", `200 aic PUT id="7" by writer at aic`},
		{"override takes the right of its method", "reader", "POST /users/7", "X-HTTP-Method-Override: PUT", `403 aic: |||`},
		{"override only of POST", "writer", "GET /users/7", "X-HTTP-Method-Override: PUT", `200 aic GET id="7" by writer at aic`},
		{"override to what the path has not", "writer", "POST /users/7", "X-HTTP-Method-Override: DELETE", `405 aic: |DELETE||GET,HEAD,OPTIONS,PUT`},
		{"no override where the door has none", "writer", "POST /scim/v2/Users/7", "X-HTTP-Method-Override: DELETE", `405 scim2: |POST||DELETE,GET,HEAD,OPTIONS`},

		{"no door", "writer", "GET /nothing", "", `404 {"error":"not found"}`},
		{"no door at the root", "writer", "GET /", "", `404 {"error":"not found"}`},
		{"half a prefix is no door", "writer", "GET /scim", "", `404 {"error":"not found"}`},
		{"an unknown path of a door", "writer", "GET /scim/v2/Nothing/7", "", `404 scim2: /scim/v2/Nothing/7|||`},
		{"no credential comes before an unknown path", "", "GET /scim/v2/Nothing", "", `401 scim2: |||`},
		{"no credential comes before a wrong method", "", "PUT /scim/v2/Users/7", "", `401 scim2: |||`},
		{"no credential at a route", "", "GET /scim/v2/Users/7", "", `401 scim2: |||`},
		{"the right is missing", "reader", "DELETE /scim/v2/Users/7", "", `403 scim2: |||`},
		{"no permission in the table", "writer", "GET /scim/v2/forgotten", "", `403 scim2: ||the route names no permission|`},
		{"an error that is the server's", "reader", "GET /scim/v2/fault", "", `500 scim2: disk`},

		{"dot segments are not resolved", "writer", "GET /users/../scim/v2/Users/7", "", `404 aic: /users/../scim/v2/Users/7|||`},
		{"escaped dot segments", "writer", "GET /users/%2e%2E", "", `404 aic: /users/%2e%2E|||`},
		{"a single dot", "writer", "GET /users/.", "", `404 aic: /users/.|||`},
		{"dots before any door", "writer", "GET /../users/7", "", `404 {"error":"not found"}`},
		{"an escaped slash does not make a door", "writer", "GET /scim%2Fv2/Users/7", "", `404 {"error":"not found"}`},
		{"NUL", "writer", "GET /users/a%00b", "", `404 aic: /users/a%00b|||`},
		{"invalid UTF-8", "writer", "GET /users/%ff", "", `404 aic: /users/%ff|||`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, target, _ := strings.Cut(tt.request, " ")
			r := httptest.NewRequest(method, "http://127.0.0.1"+target, nil)
			if tt.who != "" {
				r.Header.Set("Who", tt.who)
			}
			if name, value, ok := strings.Cut(tt.header, ": "); ok {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			m.ServeHTTP(w, r)
			got := fmt.Sprintf("%d %s", w.Code, strings.TrimSpace(w.Body.String()))
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if hasAllow := w.Header().Get("Allow") != ""; hasAllow != (w.Code == 405 || w.Code == 204) {
				t.Errorf("Allow is %q with status %d", w.Header().Get("Allow"), w.Code)
			}
		})
	}
}

func TestIdentify(t *testing.T) {
	for _, tt := range []struct{ authorization, who, want string }{
		{"", "", "200 who GET"},
		{"", "reader", "200 who GET"}, // no credential, whatever the gate would say
		{"Bearer x", "reader", "200 who GET by reader at scim2"},
		{"Bearer x", "", "401 scim2: |||"},
	} {
		r := httptest.NewRequest("GET", "/scim/v2/Who", nil)
		r.Header.Set("Authorization", tt.authorization)
		r.Header.Set("Who", tt.who)
		w := httptest.NewRecorder()
		mux(t).ServeHTTP(w, r)
		if got := fmt.Sprintf("%d %s", w.Code, w.Body); got != tt.want {
			t.Errorf("%q of %q: %s, want %s", tt.authorization, tt.who, got, tt.want)
		}
	}
}

// TestEdition: a caller has doors of its own in the place of those of the same
// prefix, with routes that the others lack, and with their words.
func TestEdition(t *testing.T) {
	own, err := route.New([]route.Door{{Name: "pingone", Prefix: "/environments/{env}/v2", Schemes: []string{"Bearer"}, Error: word("own"), Routes: []route.Route{
		row("GET", "/Users/{id}", directory.ReadDirectory, echo("own", "env", "id")),
		row("GET", "/Groups", directory.ReadDirectory, echo("own")),
	}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := mux(t)
	m.Edition = func(c directory.Caller) *route.Mux {
		if c.Role == directory.Writer {
			return own
		}
		return nil
	}
	for _, tt := range []struct{ who, path, want string }{
		{"reader", "/environments/e/v2/Users/1", `200 pingone GET env="e" id="1" by reader at pingone`},
		{"writer", "/environments/e/v2/Users/1", `200 own GET env="e" id="1" by writer at pingone`},
		{"reader", "/environments/e/v2/Groups", "404 pingone: /environments/e/v2/Groups|||"},
		{"writer", "/environments/e/v2/Groups", "200 own GET by writer at pingone"},
		{"writer", "/environments/e/v2/Roles", "404 own: /environments/e/v2/Roles|||"},
		{"writer", "/scim/v2/Users/1", `200 scim2 GET id="1" by writer at scim2`}, // there is no other edition of that door
		{"", "/environments/e/v2/Users/1", "401 pingone: |||"},
	} {
		r := httptest.NewRequest("GET", tt.path, nil)
		r.Header.Set("Who", tt.who)
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if got := fmt.Sprintf("%d %s", w.Code, w.Body); got != tt.want {
			t.Errorf("%s by %q: %s, want %s", tt.path, tt.who, got, tt.want)
		}
	}
}

// TestEndpointNames: trailing slashes and letter cases.
func TestEndpointNames(t *testing.T) {
	t.Run("scim:HTTP-13 a trailing slash is the endpoint, its name in any case where the door is tolerant", func(t *testing.T) {
		tolerant := mux(t)
		exact := doors()
		exact[0].AnyCase = false
		strict, err := route.New(exact, gate{})
		if err != nil {
			t.Fatal(err)
		}
		for target, want := range map[string][2]int{ // tolerant, strict
			"/scim/v2/Users/7":                             {200, 200},
			"/scim/v2/Users/7/":                            {200, 200},
			"/scim/v2/Schemas/?filter=userName+eq+%22a%22": {200, 200},
			"/scim/v2/users/7":                             {200, 404},
			"/scim/v2/SCHEMAS/":                            {200, 404},
		} {
			for i, m := range []*route.Mux{tolerant, strict} {
				r := httptest.NewRequest("GET", target, nil)
				r.Header.Set("Who", "reader")
				w := httptest.NewRecorder()
				m.ServeHTTP(w, r)
				if w.Code != want[i] {
					t.Errorf("%s, strict %t: status %d, want %d", target, i == 1, w.Code, want[i])
				}
			}
		}
	})
}

func TestServed(t *testing.T) {
	m := mux(t)
	r := httptest.NewRequest("GET", "/openidm/managed/alpha_user/7", nil)
	r.Header.Set("Who", "reader")
	r = r.WithContext(route.WithRequestID(r.Context(), "r-1"))
	var got route.Served
	m.Serve(httptest.NewRecorder(), r, &got)
	want := route.Served{
		Door: "aic", Route: "/openidm/managed/{realm}_user/{id}",
		Caller: directory.Caller{Client: "reader", Role: "reader", Door: "aic", RequestID: "r-1"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(directory.Caller{}), cmpopts.IgnoreFields(directory.Caller{}, "Trace")); diff != "" {
		t.Errorf("served (-want +got):\n%s", diff)
	}
	t.Run("what the handler put right", func(t *testing.T) {
		lenient := func(_ http.ResponseWriter, _ *http.Request, c directory.Caller) error {
			c.Trace.Fire("op-case")
			return nil
		}
		m, err := route.New([]route.Door{{Name: "x", Prefix: "/x", Schemes: []string{"Bearer"}, Error: word("x"),
			Routes: []route.Route{row("GET", "", directory.ReadDirectory, lenient), row("POST", "", directory.ReadDirectory, echo("x"))}}}, gate{})
		if err != nil {
			t.Fatal(err)
		}
		for method, want := range map[string][]string{"GET": {"op-case"}, "POST": nil} {
			r := httptest.NewRequest(method, "/x", nil)
			r.Header.Set("Who", "reader")
			var served route.Served
			m.Serve(httptest.NewRecorder(), r, &served)
			if got := served.Caller.Trace.Fired(); !cmp.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", method, got, want)
			}
		}
	})
}

func TestError(t *testing.T) {
	m := mux(t)
	for path, want := range map[string]string{
		"/users/%ff/x": "413 aic: |||9",
		"/nothing":     `404 {"error":"not found"}`,
	} {
		w := httptest.NewRecorder()
		m.Error(w, httptest.NewRequest("GET", path, nil), &scim.Error{Rule: scim.RuleTooLarge, Allowed: []string{"9"}})
		if got := fmt.Sprintf("%d %s", w.Code, strings.TrimSpace(w.Body.String())); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func pack(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

func TestBody(t *testing.T) {
	m := mux(t)
	for _, tt := range []struct {
		name, coding, body string
		chunked            bool
		want               string
	}{
		{"none", "", "", false, "200 0 bytes"},
		{"none, though said to be packed", "gzip", "", false, "200 0 bytes"},
		{"at the limit", "", strings.Repeat("a", 64), false, "200 64 bytes"},
		{"over the limit", "", strings.Repeat("a", 65), false, "413 scim2: |||64"},
		{"at the limit, of unknown length", "", strings.Repeat("a", 64), true, "200 64 bytes"},
		{"over the limit, of unknown length", "", strings.Repeat("a", 65), true, "413 scim2: |||64"},
		{"gzip", "gzip", pack(strings.Repeat("a", 64)), false, "200 64 bytes"},
		{"gzip over the limit when unpacked", "GZIP", pack(strings.Repeat("a", 65)), true, "413 scim2: |||64"},
		{"a bomb", "gzip", pack(strings.Repeat("a", 1<<14)), false, "413 scim2: |||64"},
		{"not gzip", "gzip", "{}", false, "400 scim2: ||the body is not gzip|"},
		{"gzip cut off", "gzip", pack("abc")[:20], false, "400 scim2: ||the body is not gzip|"},
		{"gzip twice", "gzip, gzip", pack("abc"), false, "415 scim2: Content-Encoding|gzip, gzip||gzip,identity"},
		{"identity", "identity", "abc", false, "200 3 bytes"},
		{"unknown coding", "br", "abc", false, "415 scim2: Content-Encoding|br||gzip,identity"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/scim/v2/Users", strings.NewReader(tt.body))
			if tt.chunked {
				r.ContentLength = -1
			}
			r.Header.Set("Who", "writer")
			if tt.coding != "" {
				r.Header.Set("Content-Encoding", tt.coding)
			}
			w := httptest.NewRecorder()
			m.ServeHTTP(w, r)
			if got := fmt.Sprintf("%d %s", w.Code, w.Body.String()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("a body that breaks off", func(t *testing.T) {
		r := httptest.NewRequest("POST", "/scim/v2/Users", io.MultiReader(strings.NewReader("{"), broken{}))
		r.Header.Set("Who", "writer")
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if got, want := fmt.Sprintf("%d %s", w.Code, w.Body.String()), "400 scim2: ||the body is cut off|"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestBodyOfARoute(t *testing.T) {
	bulk := row("POST", "/Bulk", directory.WriteUsers, drain)
	bulk.MaxBody = 128
	m, err := route.New([]route.Door{{Name: "x", Prefix: "/x", Schemes: []string{"Bearer"}, MaxBody: 64, Error: word("x"),
		Routes: []route.Route{bulk, row("POST", "/Users", directory.WriteUsers, drain)}}}, gate{})
	if err != nil {
		t.Fatal(err)
	}
	for path, limit := range map[string]int{"/x/Bulk": 128, "/x/Users": 64} {
		for over, want := range map[int]int{0: 200, 1: 413} {
			r := httptest.NewRequest("POST", path, strings.NewReader(strings.Repeat("a", limit+over)))
			r.Header.Set("Who", "writer")
			w := httptest.NewRecorder()
			if m.ServeHTTP(w, r); w.Code != want {
				t.Errorf("%s, %d over the limit: status %d, want %d", path, over, w.Code, want)
			}
		}
	}
}

// TestTimeout: a handler has the time of its route, else that of the Mux.
func TestTimeout(t *testing.T) {
	left := func(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
		at, ok := r.Context().Deadline()
		_, err := fmt.Fprint(w, ok, " ", time.Until(at).Round(time.Minute))
		return err
	}
	slow := row("GET", "/slow", directory.ReadDirectory, left)
	slow.Timeout = 2 * time.Hour
	for timeout, want := range map[time.Duration]map[string]string{
		time.Hour: {"/x/slow": "true 2h0m0s", "/x/quick": "true 1h0m0s"},
		0:         {"/x/slow": "true 2h0m0s", "/x/quick": "false"},
	} {
		m, err := route.New([]route.Door{{Name: "x", Prefix: "/x", Schemes: []string{"Bearer"}, Error: word("x"),
			Routes: []route.Route{slow, row("GET", "/quick", directory.ReadDirectory, left)}}}, gate{})
		if err != nil {
			t.Fatal(err)
		}
		m.Timeout = timeout
		for path, want := range want {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Who", "reader")
			w := httptest.NewRecorder()
			m.ServeHTTP(w, r)
			if got := w.Body.String(); !strings.HasPrefix(got, want) {
				t.Errorf("%s of %s: got %s, want %s", path, timeout, got, want)
			}
		}
	}
}

// TestEnvironment: who belongs elsewhere is refused before the request is read,
// and is told of schemas only.
func TestEnvironment(t *testing.T) {
	m, err := route.New([]route.Door{{Name: "x", Prefix: "/{environment}/x", Schemes: []string{"Bearer"}, MaxBody: 1, Error: word("x"), Routes: []route.Route{
		row("POST", "/Users", directory.WriteUsers, drain), row("GET", "/Schemas", directory.ReadSchemas, echo("x", "environment")),
		row("GET", "/About", directory.Public, echo("x", "environment")),
	}}}, gate{})
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]string{
		"POST /e/x/Users": "404 x: |e||", "PUT /e/x/Users": "405 x: |PUT||OPTIONS,POST",
		"GET /e/x/Schemas": `200 x GET environment="e" by writer at x`, "GET /e/x/About": `200 x GET environment="e"`,
	} {
		method, path, _ := strings.Cut(request, " ")
		var body io.Reader
		if method == "POST" {
			body = strings.NewReader("too large")
		}
		r := httptest.NewRequest(method, path, body)
		r.Header.Set("Who", "writer")
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if got := fmt.Sprintf("%d %s", w.Code, w.Body); got != want {
			t.Errorf("%s: got %s, want %s", request, got, want)
		}
	}
}

// TestRate: who asks too often is told what it may.
func TestRate(t *testing.T) {
	m := mux(t)
	for path, want := range map[string]string{"/scim/v2/Schemas": `429 "client";r=0;t=7 "client";q=9;w=1`, "/e/as/token": "200  "} {
		method := map[bool]string{true: "GET", false: "POST"}[strings.HasPrefix(path, "/scim")]
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Who", "flood")
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if got := fmt.Sprint(w.Code, " ", w.Header().Get("RateLimit"), " ", w.Header().Get("RateLimit-Policy")); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestNewRefuses(t *testing.T) {
	handle := echo("x")
	fine := func(change func(*route.Door)) []route.Door {
		d := route.Door{Name: "x", Prefix: "/x", Schemes: []string{"Bearer"}, Error: word("x"), Routes: []route.Route{row("GET", "/a/{b}", directory.ReadDirectory, handle)}}
		change(&d)
		return []route.Door{d}
	}
	if _, err := route.New(fine(func(*route.Door) {}), gate{}); err != nil {
		t.Fatal(err)
	}
	for name, doors := range map[string][]route.Door{
		"prefix without a slash": fine(func(d *route.Door) { d.Prefix = "x" }),
		"two variables":          fine(func(d *route.Door) { d.Routes[0].Path = "/{a}{b}" }),
		"an open brace":          fine(func(d *route.Door) { d.Routes[0].Path = "/{a" }),
		"a variable unnamed":     fine(func(d *route.Door) { d.Routes[0].Path = "/{}" }),
		"no method":              fine(func(d *route.Door) { d.Routes[0].Method = "" }),
		"no handler":             fine(func(d *route.Door) { d.Routes[0].Handle = nil }),
		"no error":               fine(func(d *route.Door) { d.Error = nil }),
		"no schemes":             fine(func(d *route.Door) { d.Schemes = nil }),
		"the same route twice": fine(func(d *route.Door) {
			d.Routes = append(d.Routes, row("GET", "/a/{c}", directory.ReadDirectory, handle))
		}),
		"the same prefix twice": append(fine(func(*route.Door) {}), fine(func(*route.Door) {})...),
	} {
		if _, err := route.New(doors, gate{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzServe leads any path to an answer, without a panic and never to a redirect.
func FuzzServe(f *testing.F) {
	for _, path := range []string{"/", "//", "/scim/v2/Users/7", "/users/%2e%2e", "/openidm/managed/_user/%00", "/%zz", "/users/%ff"} {
		f.Add(path)
	}
	m, err := route.New(doors(), gate{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawPath = path, path
		r.Header.Set("Who", "writer")
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if w.Code >= 300 && w.Code < 400 || w.Code > 500 {
			t.Errorf("%q: status %d", path, w.Code)
		}
	})
}
