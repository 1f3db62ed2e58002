package scim2_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// FuzzRequest sends what may come to the three doors: it is answered, never
// with a fault of the server but the one that RSA calls so, and errors have
// their form.
func FuzzRequest(f *testing.F) {
	for _, m := range malformed {
		if len(m.body) < 1000 {
			f.Add("POST", "Users", "attributes=userName", m.body, "application/json", "*/*", `W/"1"`)
		}
	}
	f.Add("POST", "Users", "", `{"userName":"ada","emails":[{"type":"work","value":"a@x.example"}]}`, "", "application/json;q=0", "")
	f.Add("POST", "Groups", "excludedAttributes=members", `{"displayName":"g","members":[{"$ref":"Users/1"}]}`, "application/scim+json; charset=utf-8", ",;", "")
	f.Add("GET", "Users", "filter=emails[type eq \"work\"].value co \"x\"&count=-1&startIndex=99999999999", "", "", "", `*,,W/"`)
	f.Add("GET", "Users/1", "attributes=a.b,[,urn:x:y&&=&filter=%zz", "", "", "", "")
	f.Add("DELETE", "Users/%00", "", "", "", "", `"1", W/, *`)
	f.Add("GET", "Schemas/urn:ietf:params:scim:schemas:core:2.0:User", "FILTER=x", "", "", "", "")
	var doors []*door
	for _, open := range profiles {
		doors = append(doors, open(f, scim2.Options{}))
	}
	f.Fuzz(func(t *testing.T, method, path, query, body, contentType, accept, match string) {
		for _, d := range doors {
			d.fuzzed(t, method, path, query, body, http.Header{"Content-Type": {contentType}, "Accept": {accept}, "If-Match": {match}, "If-None-Match": {match}})
		}
	})
}

// fuzzed sends a request of any text. The answer is none of a fault of the
// server, but the one that RSA calls so, and has the form of the protocol.
func (d *door) fuzzed(t *testing.T, method, path, query, body string, h http.Header) *answer {
	t.Helper()
	r := httptest.NewRequest("GET", publicURL, strings.NewReader(body))
	r.Method, r.URL = method, &url.URL{Path: d.base + "/" + path, RawQuery: query}
	r.Header = h
	r.Header.Set("Authorization", "Bearer "+d.token)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code >= 500 && w.Code != 501 && !strings.Contains(w.Body.String(), "Unable to set password") {
		t.Errorf("%s %s?%s %s: %d %s", method, path, query, body, w.Code, w.Body)
	}
	if w.Code >= 400 && !strings.HasPrefix(w.Body.String(), `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"`) {
		t.Errorf("%s %s?%s %s: %d %s", method, path, query, body, w.Code, w.Body)
	}
	return &answer{request: method + " " + path, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
}

// FuzzPatchRequest patches a user and a group with any operations: those that
// are refused have changed nothing, the others leave a resource that PUT takes.
func FuzzPatchRequest(f *testing.F) {
	for _, seed := range []string{
		`[{"op":"add","path":"emails[type eq \"work\"].value","value":"a@x.example"}]`, `[{"op":"Replace","value":{"name.givenName":"A","active":"False","id":"x"}}]`,
		`[{"op":"remove","path":"members","value":[{"value":"x"}]},{"op":"add","path":"members","value":[]}]`, `[{"op":"add","path":"members[value eq \"x\"]","value":{}}]`,
		`[{"op":"replace","path":"` + enterpriseURN + `:manager[value eq \"x\"]","value":""}]`, `[{"op":"add","path":"` + enterpriseURN + `","value":{"department":null}}]`,
		`[{"op":"remove","path":"schemas"},{"op":"replace","path":"password","value":null}]`, `[{"op":"add","path":"x509Certificates","value":[{"value":"AA=="}]}]`, `[[]]`, `{}`,
	} {
		f.Add(seed)
	}
	d := openStandard(f, none)
	user, group := d.user(f, `{"userName":"ada","emails":[{"value":"a@x.example","type":"home"}]}`), d.create(f, "/Groups", `{"displayName":"g"}`).id()
	f.Fuzz(func(t *testing.T, operations string) {
		for _, path := range []string{"Users/" + user, "Groups/" + group} {
			before := d.do("GET /"+path, "")
			a := d.fuzzed(t, "PATCH", path, "", `{"schemas":["`+scim.PatchSchema+`"],"Operations":`+operations+`}`, http.Header{"Content-Type": {"application/json"}})
			after := d.do("GET /"+path, "")
			after.wantStatus(t, 200)
			if a.status >= 400 {
				if string(before.body) != string(after.body) {
					t.Errorf("%s: refused, and changed from %s to %s", operations, before.body, after.body)
				}
				continue
			}
			put := d.do("PUT /"+path, string(after.body))
			if put.wantStatus(t, 200); put.header.Get("ETag") != after.header.Get("ETag") {
				t.Errorf("%s: what was read is changed by PUT from %s to %s", operations, after.body, put.body)
			}
		}
	})
}

// FuzzBulk sends bulk requests of any operations: each has its result, or the
// whole is refused.
func FuzzBulk(f *testing.F) {
	for _, seed := range []string{
		`[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a"}},{"method":"POST","path":"/Groups","bulkId":"b","data":{"displayName":"b","members":[{"value":"bulkId:a"},{"value":"bulkId:b"}]}}]`,
		`[{"method":"POST","path":"/Groups","bulkId":"a","data":{"displayName":"a","members":[{"value":"bulkId:b"}]}},{"method":"POST","path":"/Groups","bulkId":"b","data":{"displayName":"b","members":[{"value":"bulkId:a"}]}}]`,
		`[{"method":"PATCH","path":"/Users/bulkId:a","version":"W/\"1\"","data":[{"op":"add","path":"members[value eq \"bulkId:a\"]","value":"bulkId:"}]}]`,
		`[{"method":"delete","path":"/Groups/%zz"},{"method":"PUT","path":"//","data":{}},{"method":"POST","path":"/Me","data":1}]`,
		`[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"q","` + enterpriseURN + `":{"manager":{"value":"bulkId:a"}}}}]`,
	} {
		f.Add(seed)
	}
	d := openStandard(f, none)
	f.Fuzz(func(t *testing.T, operations string) {
		a := d.fuzzed(t, "POST", "Bulk", "", `{"Operations":`+operations+`}`, http.Header{"Content-Type": {"application/json"}})
		if a.status != 200 {
			return
		}
		results, _ := a.get("Operations").([]any)
		for _, r := range results {
			if status, _ := r.(map[string]any)["status"].(string); len(status) != 3 || status >= "5" && status != "501" {
				t.Errorf("%s: %v", operations, r)
			}
		}
	})
}

// FuzzCursor walks by any cursor: only those that the server has made lead anywhere.
func FuzzCursor(f *testing.F) {
	d := openStandard(f, none)
	for _, name := range []string{"a", "b", "c", "d"} {
		d.user(f, `{"userName":"`+name+`"}`)
	}
	made := map[string]bool{"": true}
	for _, query := range []string{"", "&sortBy=userName", "&sortBy=userName&sortOrder=descending"} {
		for _, path := range []string{"", "/Users"} {
			cursor := fmt.Sprint(d.do("GET "+path+"?count=2&cursor="+query, "").get("nextCursor"))
			made[cursor] = true
			f.Add(cursor, "count=2"+query)
			f.Add(cursor[:len(cursor)-1], "count=2"+query)
		}
	}
	f.Add("AAAA", "startIndex=1&filter=userName+pr")
	f.Fuzz(func(t *testing.T, cursor, query string) {
		for _, path := range []string{"Users", ""} {
			a := d.fuzzed(t, "GET", path, query+"&cursor="+url.QueryEscape(cursor), "", http.Header{})
			if a.status == 200 && !made[cursor] {
				t.Errorf("the cursor %q leads to %s", cursor, a.body)
			}
		}
	})
}
