package scim2_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

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
			r := httptest.NewRequest("GET", publicURL, strings.NewReader(body))
			r.Method, r.URL = method, &url.URL{Path: d.base + "/" + path, RawQuery: query}
			r.Header = http.Header{"Authorization": {"Bearer " + d.token}, "Content-Type": {contentType}, "Accept": {accept}, "If-Match": {match}, "If-None-Match": {match}}
			w := httptest.NewRecorder()
			d.ServeHTTP(w, r)
			if w.Code >= 500 && w.Code != 501 && !strings.Contains(w.Body.String(), "Unable to set password") {
				t.Errorf("%s %s?%s: %d %s", method, path, query, w.Code, w.Body)
			}
			if w.Code >= 400 && !strings.HasPrefix(w.Body.String(), `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"`) {
				t.Errorf("%s %s?%s: %d %s", method, path, query, w.Code, w.Body)
			}
		}
	})
}
