package scim2_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// pieces notes the largest of the writes that an answer is made of.
type pieces struct {
	*httptest.ResponseRecorder
	n, largest int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.n, p.largest = p.n+1, max(p.largest, len(b))
	return p.ResponseRecorder.Write(b)
}

// TestLargeList: a large list is sent in pieces while it is made, by page, by cursor
// and at the root; a small one has its length.
func TestLargeList(t *testing.T) {
	const users, title = 20, 30_000
	d := openStandard(t, scim2.Options{})
	for n := range users {
		d.user(t, fmt.Sprintf(`{"userName":"user%d","title":%q}`, n, strings.Repeat("x", title)))
	}
	for _, path := range []string{"/Users", "/Users?cursor", "?filter=userName%20pr", "/Users?attributes=userName"} {
		t.Run(path, func(t *testing.T) {
			r := httptest.NewRequest("GET", publicURL+d.base+path, nil)
			r.Header.Set("Authorization", "Bearer "+directorytest.DevToken)
			w := &pieces{ResponseRecorder: httptest.NewRecorder()}
			d.ServeHTTP(w, r)
			var list struct {
				TotalResults, ItemsPerPage int
				Resources                  []struct{ UserName, Title string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != http.StatusOK {
				t.Fatalf("status %d: %v", w.Code, err)
			}
			if list.TotalResults != users || list.ItemsPerPage != users || len(list.Resources) != users {
				t.Errorf("%d of %d users of %d", len(list.Resources), list.ItemsPerPage, list.TotalResults)
			}
			for n, u := range list.Resources {
				if u.UserName != fmt.Sprint("user", n) {
					t.Errorf("user %d is %s", n, u.UserName)
				}
			}
			small := w.Body.Len() < 256<<10
			if length := w.Header().Get("Content-Length"); (length != "") != small {
				t.Errorf("%d bytes have Content-Length %q", w.Body.Len(), length)
			}
			if small != (w.n == 1) || w.largest > 256<<10+title+1000 {
				t.Errorf("%d bytes in %d pieces of up to %d", w.Body.Len(), w.n, w.largest)
			}
		})
	}
}
