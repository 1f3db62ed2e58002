package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/server"
)

func TestSecrets(t *testing.T) {
	t.Run("scim:SEC-05 secrets cross networks by TLS alone, are taken from no URL, kept as hashes and compared in constant time", func(t *testing.T) {
		for _, listen := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
			if l, _, err := (&serveCommand{Listen: listen}).listen(t.Context()); err == nil {
				l.Close()
				t.Errorf("plain HTTP on %s", listen)
			}
		}
		path := t.TempDir()
		d, _ := directorytest.OpenAt(t, path)
		all, a := allDoors(t, d, auth.Config{})
		s, err := server.New(server.Config{Doors: all, Gate: a})
		if err != nil {
			t.Fatal(err)
		}
		for _, door := range doorNames {
			for _, name := range []string{"access_token", "token", "bearer", "client_secret", "key", "Authorization"} {
				target := list[door] + map[bool]string{true: "&", false: "?"}[strings.Contains(list[door], "?")] + name + "=" + directorytest.DevToken
				if w := ask(s, "192.0.2.1:99", target, ""); w.Code != 401 {
					t.Errorf("%s takes %s from the URL: %d", door, name, w.Code)
				}
			}
		}
		_, secret, err := d.CreateClient(t.Context(), directory.ClientDraft{Environment: directorytest.Environment, ID: "kept"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.AuthenticateClient(t.Context(), "kept", secret); err != nil {
			t.Fatal(err)
		}
		err = filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(name)
			if bytes.Contains(b, []byte(secret)) || bytes.Contains(b, []byte(directorytest.DevToken)) {
				t.Errorf("%s holds a secret", filepath.Base(name))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range comparisons(t, "../../internal/auth", "../../internal/directory") {
			if strings.HasPrefix(found, "current.Hash and ") {
				continue // both are stored: has the password changed meanwhile?
			}
			t.Errorf("a comparison that ends at the first difference: %s", found)
		}
	})
	t.Run("scim:SEC-13 tokens are issued for a client's secret and for nothing weaker, and those of others are not taken", func(t *testing.T) {
		m := newMatrix(t)
		h := m.holders()["writer"]
		for _, form := range []string{
			"grant_type=password&username=writer&password=" + h.secret, "grant_type=client_credentials&client_id=writer",
			"grant_type=client_credentials&client_id=writer&client_secret=", "grant_type=client_credentials&client_id=writer&client_secret=wrong",
			"grant_type=refresh_token&refresh_token=" + h.token, "grant_type=authorization_code&code=x",
			"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=" + h.token, "grant_type=client_credentials&client_id=writer&client_assertion=" + h.token,
		} {
			for _, path := range []string{"/am/oauth2/access_token", "/" + directorytest.Environment + "/as/token"} {
				r := httptest.NewRequest("POST", path, strings.NewReader(form))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := httptest.NewRecorder()
				m.server.ServeHTTP(w, r)
				if w.Code != 400 && w.Code != 401 || strings.Contains(w.Body.String(), "access_token\"") {
					t.Errorf("%s with %s: %d %s", path, form, w.Code, w.Body)
				}
			}
		}
		for name, header := range m.strangers(h) {
			if w, _ := m.send(route.Route{Method: "GET"}, "/scim/v2/Users", header, ""); w.Code != 401 {
				t.Errorf("%s: %d", name, w.Code)
			}
		}
	})
}

// secretive matches what should not be compared with == or bytes.Equal.
var secretive = regexp.MustCompile(`(?i)(secret|password|hash|token|credential)s?\b`)

// comparisons returns the comparisons of secrets in the directories' files,
// tests aside, that are not those of crypto/subtle. Comparing with a literal,
// as with "", tells nothing of the secret.
func comparisons(t *testing.T, dirs ...string) []string {
	t.Helper()
	var found []string
	for _, dir := range dirs {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			text := func(e ast.Expr) string {
				var b strings.Builder
				_ = printer.Fprint(&b, files, e)
				return b.String()
			}
			ast.Inspect(file, func(n ast.Node) bool {
				var sides []ast.Expr
				switch n := n.(type) {
				case *ast.BinaryExpr:
					if n.Op == token.EQL || n.Op == token.NEQ {
						sides = []ast.Expr{n.X, n.Y}
					}
				case *ast.CallExpr:
					if fn := text(n.Fun); fn == "bytes.Equal" || fn == "strings.EqualFold" || fn == "bytes.Compare" {
						sides = n.Args
					}
				}
				harmless := slices.ContainsFunc(sides, func(e ast.Expr) bool {
					_, literal := e.(*ast.BasicLit)
					_, call := e.(*ast.CallExpr) // len, subtle.ConstantTimeCompare
					return literal || call || text(e) == "nil"
				})
				if !harmless && slices.ContainsFunc(sides, func(e ast.Expr) bool { return secretive.MatchString(text(e)) }) {
					found = append(found, text(sides[0])+" and "+text(sides[1])+" at "+files.Position(n.Pos()).String())
				}
				return true
			})
		}
	}
	return found
}

// quote returns the text as a literal of JSON and of filters.
func quote(text string) string {
	b, _ := json.Marshal(text) // a string can be marshalled
	return string(b)
}

func query(name, value string) string { return name + "=" + url.QueryEscape(value) }

// TestInjection: what means something to SQL, to a shell, to LDAP, to a template or to a log is text like any other.
func TestInjection(t *testing.T) {
	m := newMatrix(t)
	token := m.holders()["writer"].secret
	send := func(method, path, query, media, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+token)
		if body != "" {
			r.Header.Set("Content-Type", media)
		}
		w := httptest.NewRecorder()
		m.server.ServeHTTP(w, r)
		return w
	}
	t.Run("scim:SEC-09 filters, sort keys, paths and attributes are data: nothing in them is run, matched as a pattern or widens an answer", func(t *testing.T) {
		const scim = "application/scim+json"
		texts := []string{
			`'; DROP TABLE resource; --`, `" OR 1=1 --`, `' OR 'a'='a`, `%`, `_`, `*`, `a%' ESCAPE '\`, `\`, `\"`, `$1`, `?1`, `:tid`, `*)(uid=*`, `${jndi:ldap://x}`, `{{7*7}}`,
			"$(id)", "`id`", `<script>`, "a\r\nX-Injected: 1", `../../etc/passwd`, `__proto__`, `constructor`, `x") or (userName pr`,
		}
		want := map[string]bool{"ada": true}
		if w := send("POST", "/scim/v2/Users", "", scim, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}`); w.Code != 201 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for _, text := range texts {
			quoted := quote(text)
			for _, op := range []string{"eq", "co", "sw", "ew", "ne"} {
				w := send("GET", "/scim/v2/Users", query("filter", "userName "+op+" "+quoted), "", "")
				found := strings.Contains(w.Body.String(), `"userName":"ada"`)
				if w.Code != 200 || found != (op == "ne") {
					t.Errorf("filter %s %q: %d, finds ada: %t", op, text, w.Code, found)
				}
				w = send("GET", "/users", query("_queryFilter", "userName "+op+" "+quoted), "", "")
				if w.Code >= 500 || op != "ne" && strings.Contains(w.Body.String(), `"userName":"ada"`) {
					t.Errorf("_queryFilter %s %q: %d %s", op, text, w.Code, w.Body)
				}
			}
			for _, q := range []string{query("filter", text), query("filter", text+" eq 1"), query("sortBy", text), query("attributes", text), query("excludedAttributes", text),
				query("cursor", text), query("_queryFilter", text), query("_sortKeys", text), query("_fields", text), query("filter", "userName eq "+quoted+" or 1 eq 1")} {
				for _, path := range []string{"/scim/v2/Users", "/rsa/v2/Users", "/scim/v1/Users", "/users"} {
					if w := send("GET", path, q, "", ""); w.Code >= 500 || w.Header().Get("X-Injected") != "" {
						t.Errorf("%s?%s: %d %s", path, q, w.Code, w.Body)
					}
				}
			}
			patch := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":` + quoted + `,"value":"x"}]}`
			if w := send("PATCH", "/scim/v2/Users/"+missingID, "", scim, patch); w.Code != 400 && w.Code != 404 {
				t.Errorf("path %q: %d %s", text, w.Code, w.Body)
			}
			// What is stored comes back as it was.
			name := quote("x " + text)
			w := send("POST", "/scim/v2/Users", "", scim, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u`+hex.EncodeToString([]byte(text))+`","nickName":`+name+`}`)
			if w.Code == 201 {
				want["u"+hex.EncodeToString([]byte(text))] = true
				w = send("GET", "/scim/v2/Users", query("filter", "nickName eq "+name), "", "")
				if !strings.Contains(w.Body.String(), `"totalResults":1`) || !strings.Contains(w.Body.String(), "u"+hex.EncodeToString([]byte(text))) {
					t.Errorf("%q is not found again: %s", text, w.Body)
				}
			} else if w.Code != 400 {
				t.Errorf("%q: %d %s", text, w.Code, w.Body)
			}
		}
		if len(want) < 20 {
			t.Errorf("only %d users were stored", len(want))
		}
		all := send("GET", "/scim/v2/Users", query("attributes", "userName")+"&count=200", "", "")
		for name := range want {
			if !strings.Contains(all.Body.String(), `"`+name+`"`) {
				t.Errorf("%s is gone", name)
			}
		}
	})
}

// TestFirstFault: of several faults of a request the first one in a fixed order is answered.
func TestFirstFault(t *testing.T) {
	m := newMatrix(t)
	holders := m.holders()
	const core = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]`
	ids := map[string]string{}
	for _, name := range []string{"ada", "eve"} {
		w, _ := m.send(route.Route{Method: "POST"}, "/scim/v2/Users", "Bearer "+holders["writer"].secret, `{`+core+`,"userName":"`+name+`"}`)
		_, rest, _ := strings.Cut(w.Body.String(), `"id":"`)
		ids[name], _, _ = strings.Cut(rest, `"`)
		if w.Code != 201 || ids[name] == "" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	const json, text = "application/scim+json", "text/plain"
	large := `{` + core + `,"userName":"` + strings.Repeat("a", route.DefaultMaxBody)
	t.Run("scim:ERR-06 the first error wins: 401, 404 of the path, 405, 403, 415 or 413, 400 of syntax, 404 of the resource, 412, 400 of values, 409", func(t *testing.T) {
		for _, tt := range []struct {
			who, request, media, match, body string
			want                             int
		}{
			{"", "BREW /scim/v2/nothing/at/all", text, "", `{`, 401},
			{"", "PUT /scim/v2/Users", text, "", `{`, 401},
			{"reader", "BREW /scim/v2/nothing/at/all", text, "", `{`, 404},
			{"reader", "PUT /scim/v2/Users", text, "", `{`, 405},
			{"reader", "POST /scim/v2/Users", text, "", `{`, 403},
			{"reader", "PUT /scim/v2/Users/" + missingID, text, "", large, 403},
			{"writer", "POST /scim/v2/Users", text, "", large, 413},
			{"writer", "PUT /scim/v2/Users/" + missingID, text, "", `{`, 415},
			{"writer", "PUT /scim/v2/Users/" + missingID, json, `W/"99"`, `{`, 400},
			{"writer", "PATCH /scim/v2/Users/" + missingID, json, `W/"99"`, `{`, 400},
			{"writer", "PUT /scim/v2/Users/" + missingID, json, `W/"99"`, `{` + core + `,"userName":"ada","active":7}`, 404},
			{"writer", "DELETE /scim/v2/Users/" + missingID, "", `W/"99"`, "", 404},
			{"writer", "PUT /scim/v2/Users/" + ids["eve"], json, `W/"99"`, `{` + core + `,"userName":"ada","active":7}`, 412},
			{"writer", "PUT /scim/v2/Users/" + ids["eve"], json, "", `{` + core + `,"userName":"ada","active":7}`, 400},
			{"writer", "PUT /scim/v2/Users/" + ids["eve"], json, "", `{` + core + `,"userName":"ada"}`, 409},
			{"writer", "POST /scim/v2/Users", json, "", `{` + core + `,"userName":"ada","active":7}`, 400},
			{"writer", "POST /scim/v2/Users", json, "", `{` + core + `,"userName":"ada"}`, 409},
		} {
			method, path, _ := strings.Cut(tt.request, " ")
			r := httptest.NewRequest(method, path, strings.NewReader(tt.body))
			for name, value := range map[string]string{"Content-Type": tt.media, "If-Match": tt.match} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			if tt.who != "" {
				r.Header.Set("Authorization", "Bearer "+holders[tt.who].secret)
			}
			w := httptest.NewRecorder()
			if m.server.ServeHTTP(w, r); w.Code != tt.want {
				t.Errorf("%s by %q, %s, If-Match %s, %.60s: %d, want %d: %.200s", tt.request, tt.who, tt.media, tt.match, tt.body, w.Code, tt.want, w.Body)
			}
		}
	})
}
