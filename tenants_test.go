package rollcall_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// A tenantDoor is how a door makes, finds, reads and deletes users, and counts
// those that it lists. %s is the environment, the user's id or its name.
type tenantDoor struct {
	name               string
	basic              bool
	create, list, read string
	filter             string // added to list, with a query for the name
	body               string
	total              string // member of a list that says how many there are
}

var tenantDoors = []tenantDoor{
	{"p14e", true, "/api/directory/user", "/api/directory/user", "/api/directory/user/%s", `?filter=userName+eq+"%s"`, `{"userName":%q,"externalId":%q}`, "totalResults"},
	{"scim1", true, "/scim/v1/Users", "/scim/v1/Users", "/scim/v1/Users/%s", `?filter=userName+eq+"%s"`, `{"userName":%q,"externalId":%q}`, "totalResults"},
	{"pingone", false, "/environments/$ENV/v2/Users", "/environments/$ENV/v2/Users", "/environments/$ENV/v2/Users/%s", `?filter=userName+eq+"%s"`, `{"userName":%q,"externalId":%q}`, "totalResults"},
	{"aic", false, "/users?_action=create", "/users", "/users/%s", `?_queryFilter=userName+eq+"%s"`, `{"userName":%q,"description":%q}`, "resultCount"},
	{"rsa", false, "/rsa/v2/Users", "/rsa/v2/Users", "/rsa/v2/Users/%s", `?filter=userName+eq+"%s"`, `{"userName":%q,"externalId":%q}`, "totalResults"},
	{"scim2", false, "/scim/v2/Users", "/scim/v2/Users", "/scim/v2/Users/%s", `?filter=userName+eq+"%s"`, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q,"externalId":%q}`, "totalResults"},
}

// A tenant is a client of one environment at a server with all doors.
type tenant struct {
	t           *testing.T
	handler     http.Handler
	environment string
	id, secret  string
}

func (c tenant) send(basic bool, method, path, body string, header ...string) *httptest.ResponseRecorder {
	path, query, _ := strings.Cut(path, "?")
	r := httptest.NewRequest(method, strings.ReplaceAll(path, "$ENV", c.environment), strings.NewReader(body))
	r.URL.RawQuery = strings.ReplaceAll(query, `"`, "%22")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	credential := "Bearer " + c.secret
	if basic {
		credential = "Basic " + base64.StdEncoding.EncodeToString([]byte(c.id+":"+c.secret))
	}
	r.Header.Set("Authorization", credential)
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w
}

// member returns a member of the answer as text.
func (c tenant) member(w *httptest.ResponseRecorder, name string) string {
	c.t.Helper()
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		c.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return fmt.Sprint(body[name])
}

// id of a user that the door has made.
func (c tenant) made(w *httptest.ResponseRecorder) string {
	c.t.Helper()
	if w.Code/100 != 2 {
		c.t.Fatalf("%d %s", w.Code, w.Body)
	}
	if id := c.member(w, "id"); id != "<nil>" {
		return id
	}
	return c.member(w, "_id")
}

// TestTenants: what one environment has, the other neither sees nor feels, at
// any door.
func TestTenants(t *testing.T) {
	handler := allDoors(t, scim2.Options{}).Handler
	here := tenant{t, handler, directorytest.Environment, directorytest.DevClient, directorytest.DevSecret}
	there := tenant{t, handler, directorytest.Other, "other-client", directorytest.OtherToken}

	t.Run("scim:TEN-03 uniqueness, externalId, filters, totals, ETags, cursors and bulkIds stay within an environment", func(t *testing.T) {
		for i, d := range tenantDoors {
			name := "user-" + d.name
			for _, c := range []tenant{here, there} { // the same name in both, once
				id := c.made(c.send(d.basic, "POST", d.create, fmt.Sprintf(d.body, name, "same")))
				other := there
				if c.environment == there.environment {
					other = here
				}
				missing, foreign := other.send(d.basic, "GET", fmt.Sprintf(d.read, "00000000-0000-4000-8000-000000000000"), ""), other.send(d.basic, "GET", fmt.Sprintf(d.read, id), "")
				if missing.Code != 404 || foreign.Code != 404 || strings.ReplaceAll(foreign.Body.String(), id, "") != strings.ReplaceAll(missing.Body.String(), "00000000-0000-4000-8000-000000000000", "") {
					t.Errorf("%s: a foreign id is %d %s, a missing one %d %s", d.name, foreign.Code, foreign.Body, missing.Code, missing.Body)
				}
				for _, tag := range []string{"*", `W/"1"`} {
					if w := other.send(d.basic, "DELETE", fmt.Sprintf(d.read, id), "", "If-Match", tag); w.Code == 204 || w.Code == 200 {
						t.Errorf("%s: deleted from outside: %d", d.name, w.Code)
					}
				}
				if w := c.send(d.basic, "GET", fmt.Sprintf(d.read, id), ""); w.Code != 200 {
					t.Errorf("%s: afterwards: %d", d.name, w.Code)
				}
			}
			for _, c := range []tenant{here, there} {
				list := d.list
				if d.name == "aic" {
					list += "?_queryFilter=true"
				}
				if got := c.member(c.send(d.basic, "GET", list, ""), d.total); got != fmt.Sprint(i+1) {
					t.Errorf("%s: total %s, want %d", d.name, got, i+1)
				}
				if got := c.member(c.send(d.basic, "GET", d.list+fmt.Sprintf(d.filter, name), ""), d.total); got != "1" {
					t.Errorf("%s: found by name: %s", d.name, got)
				}
			}
		}
		for _, c := range []tenant{here, there} { // every door but one has given this externalId
			if got := c.member(c.send(false, "GET", `/scim/v2/Users?filter=externalId+eq+"same"`, ""), "totalResults"); got != fmt.Sprint(len(tenantDoors)-1) {
				t.Errorf("found by externalId: %s", got)
			}
			if w := c.send(false, "POST", "/scim/v2/Users", fmt.Sprintf(tenantDoors[5].body, "USER-rsa", "x")); w.Code != 409 {
				t.Errorf("a taken name: %d %s", w.Code, w.Body)
			}
		}
		cursor := here.member(here.send(false, "GET", "/scim/v2/Users?cursor&count=2", ""), "nextCursor")
		if w := here.send(false, "GET", "/scim/v2/Users?count=2&cursor="+url.QueryEscape(cursor), ""); w.Code != 200 || cursor == "<nil>" {
			t.Errorf("cursor %s: %d %s", cursor, w.Code, w.Body)
		}
		if w := there.send(false, "GET", "/scim/v2/Users?count=2&cursor="+url.QueryEscape(cursor), ""); w.Code != 400 {
			t.Errorf("a foreign cursor: %d %s", w.Code, w.Body)
		}
		bulk := func(c tenant, operations string) *httptest.ResponseRecorder {
			return c.send(false, "POST", "/scim/v2/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+operations+`]}`)
		}
		const user = `{"method":"POST","path":"/Users","bulkId":"one","data":{"userName":"bulk"}}`
		const group = `{"method":"POST","path":"/Groups","bulkId":"two","data":{"displayName":"bulk","members":[{"value":"bulkId:one"}]}}`
		for _, c := range []tenant{here, there} { // the same bulkIds in both, each with its own meaning
			if w := bulk(c, user+","+group); w.Code != 200 || strings.Count(w.Body.String(), `"201"`) != 2 {
				t.Errorf("bulk: %d %s", w.Code, w.Body)
			}
			w := c.send(false, "GET", `/scim/v2/Users?filter=groups.display+eq+"bulk"`, "")
			if c.member(w, "totalResults") != "1" {
				t.Errorf("the group of a bulk request: %s", w.Body)
			}
		}
		if w := bulk(there, strings.Replace(group, `"bulk"`, `"bulk 2"`, 1)); strings.Contains(w.Body.String(), `"201"`) {
			t.Errorf("a bulkId of another request: %s", w.Body)
		}
	})
}
