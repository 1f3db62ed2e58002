package scim2_test

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// escape makes a query parameter's value of text.
func escape(text string) string { return url.QueryEscape(text) }

// fault lets every door of the profile word an error that is no fault of the request.
func (d *door) fault(t testing.TB, p scim2.Profile, method string, status int, detail string) {
	t.Helper()
	for _, door := range scim2.New(d.dir, p, publicURL) {
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
