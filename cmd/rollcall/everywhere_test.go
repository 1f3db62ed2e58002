package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/server"
)

// TestEverywhere holds what is the same at all doors and is done once for them.
func TestEverywhere(t *testing.T) {
	m := newMatrix(t)
	writer := m.holders()["writer"]

	t.Run("scim:SEC-02 a 401 names each scheme that the door takes", func(t *testing.T) {
		m.each(func(d route.Door, rt route.Route) {
			for _, header := range []string{"-", "Bearer unknown"} {
				w, got := m.send(rt, fill(d, rt, directorytest.Environment, missingID), header, "{}")
				m.refused(d, rt.Method+" "+d.Prefix+rt.Path, w, got, scim.RuleUnauthenticated)
			}
		})
	})

	t.Run("scim:SEC-07 the scheme in any letter case; others and malformed ones are 401 with a SCIM error", func(t *testing.T) {
		list := route.Route{Method: "GET"}
		for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
			if w, _ := m.send(list, "/scim/v2/Users", scheme+" "+writer.secret, ""); w.Code != 200 {
				t.Errorf("%s: status %d", scheme, w.Code)
			}
		}
		for _, header := range []string{"non-token", "Digest x", "Bearer", "Bearer a b", ""} {
			w, _ := m.send(list, "/scim/v2/Users", header, "")
			if w.Code != 401 || !strings.Contains(w.Body.String(), `"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"401"`) {
				t.Errorf("%q: %d %s", header, w.Code, w.Body)
			}
		}
	})

	t.Run("a URL that is too long is 414 in the words of its door", func(t *testing.T) {
		for _, d := range m.server.Doors() {
			for _, rt := range d.Routes {
				path := fill(d, rt, directorytest.Environment, missingID)
				w, got := m.send(rt, path+"?x="+strings.Repeat("x", server.DefaultLimits().URL), "-", "{}")
				if w.Code != 414 || got != scim.RuleLongURL && d.Name != "health" || w.Header().Get("X-Request-ID") == "" {
					t.Errorf("%s %s: status %d, rule %d: %s", rt.Method, path, w.Code, got, w.Body)
				}
			}
		}
	})

	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	t.Run("scim:HTTP-16 a method that the path has not is 405 with Allow, a feature that is off 501", func(t *testing.T) {
		cells := 0
		for _, d := range m.server.Doors() {
			paths := map[string][]string{}
			for _, rt := range d.Routes {
				paths[rt.Path] = append(paths[rt.Path], rt.Method)
			}
			for path, offered := range paths {
				for _, method := range methods {
					if slices.Contains(offered, method) {
						continue
					}
					cells++
					authorization := "-"
					if len(d.Schemes) > 0 {
						authorization = writer.shows(d.Schemes[0])[0]
					}
					rt := route.Route{Method: method, Path: path}
					w, _ := m.send(rt, fill(d, rt, directorytest.Environment, missingID), authorization, "{}")
					allow := strings.Split(w.Header().Get("Allow"), ", ")
					if w.Code != 405 || slices.Contains(allow, method) {
						t.Errorf("%s %s%s: status %d, Allow %q", method, d.Prefix, path, w.Code, allow)
					}
					for _, other := range offered {
						if !slices.Contains(allow, other) {
							t.Errorf("%s %s%s: Allow %q lacks %s", method, d.Prefix, path, allow, other)
						}
					}
				}
			}
		}
		if cells < 50 {
			t.Errorf("only %d cells", cells)
		}
		if w, _ := m.send(route.Route{Method: "POST"}, "/rsa/v2/Bulk", "Bearer "+writer.secret, "{}"); w.Code != 501 {
			t.Errorf("Bulk: status %d", w.Code)
		}
	})

	t.Run("scim:HTTP-15 HEAD works wherever GET does, without a body", func(t *testing.T) {
		at := httptest.NewServer(m.server)
		defer at.Close()
		for _, d := range m.server.Doors() {
			for _, rt := range d.Routes {
				if rt.Method != "GET" {
					continue
				}
				ask := func(method string) (int, string) {
					r, err := http.NewRequest(method, at.URL+fill(d, rt, directorytest.Environment, missingID), nil)
					if err != nil {
						t.Fatal(err)
					}
					if len(d.Schemes) > 0 {
						r.Header.Set("Authorization", writer.shows(d.Schemes[0])[0])
					}
					res, err := at.Client().Do(r)
					if err != nil {
						t.Fatal(err)
					}
					defer res.Body.Close()
					b, err := io.ReadAll(res.Body)
					if err != nil {
						t.Fatal(err)
					}
					return res.StatusCode, string(b)
				}
				get, _ := ask("GET")
				head, body := ask("HEAD")
				if get != head || body != "" {
					t.Errorf("%s%s: GET %d, HEAD %d with %q", d.Prefix, rt.Path, get, head, body)
				}
			}
		}
	})
}

// TestRequestID: what the client is told leads to the audit record, and to what the log has of a fault.
func TestRequestID(t *testing.T) {
	t.Run("scim:HTTP-21 every answer has a request id, that of the audit record and of the words of a 500", func(t *testing.T) {
		dir, _ := directorytest.Open(t)
		all, a := allDoors(t, dir, auth.Config{})
		broken := func(http.ResponseWriter, *http.Request, directory.Caller) error { return errors.New("a fault") }
		for _, d := range all {
			for i := range d.Routes {
				if d.Routes[i].Path == "/ServiceProviderConfig" {
					d.Routes[i].Handle = broken
				}
			}
		}
		s, err := server.New(server.Config{Doors: all, Gate: a})
		if err != nil {
			t.Fatal(err)
		}
		send := func(method, path, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+directorytest.DevToken)
			r.Header.Set("Content-Type", "application/scim+json")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Header().Get("X-Request-ID") == "" {
				t.Errorf("%s %s: no id", method, path)
			}
			return w
		}
		created := send("POST", "/scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}`)
		if created.Code != 201 {
			t.Fatalf("%d %s", created.Code, created.Body)
		}
		send("GET", "/scim/v2/Users", "")
		send("GET", "/scim/v2/nothing", "")
		send("PUT", "/scim/v2/Users", "{}")
		send("GET", "/nothing", "")
		send("GET", "/livez", "")

		rows, err := dir.Audit(t.Context(), directorytest.Environment, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		last := rows[len(rows)-1]
		if id := created.Header().Get("X-Request-ID"); last.Request != id || last.Action != "create" || last.Door != "scim2" || last.Client != directorytest.DevClient {
			t.Errorf("the answer has the id %s, the last audit record is %+v", id, last)
		}

		fault := send("GET", "/scim/v2/ServiceProviderConfig", "")
		if id := fault.Header().Get("X-Request-ID"); fault.Code != 500 || !strings.Contains(fault.Body.String(), id) {
			t.Errorf("a fault: %d %s, id %s", fault.Code, fault.Body, id)
		}
	})
}
