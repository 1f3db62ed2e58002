package scim1

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// FuzzDecode maps bodies to canonical attributes and back: what was understood
// is shown as it was understood, and understood the same way again.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		`{"userName": "ada", "externalId": "a", "active": false, "password": "2Federate"}`,
		`{"USERNAME": "ada", "name": {"givenName": "Ada", "x": 1}, "emails": [{"value": "a@example.com", "primary": true}, {}]}`,
		`{"userName": "ada", "urn:scim:schemas:com_pingone:1.0": {"state": "ACTIVE", "passwordExpired": true, "accountId": 7}}`,
		`{"userName": "ada", "urn:scim:schemas:extension:enterprise:1.0": {"department": "R", "manager": {"managerId": "m", "displayName": "M", "value": "x"}}}`,
		`{"displayName": "G", "members": [{"value": "1", "type": "USER"}, {"value": "2", "type": "group", "display": "x"}]}`,
		`{"schemas": ["urn:scim:schemas:core:1.0"], "userName": "ada", "meta": 1, "id": {}, "groups": "x"}`,
	} {
		f.Add([]byte(body))
	}
	d := pingOneDoor()
	v := &view{door: d, env: &directory.Environment{ID: "e", DefaultPopulation: "p"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := scim.ReadObject(data, scim.Limits{})
		if err != nil {
			return
		}
		for _, k := range []*kind{d.user, d.group} {
			draft, err := d.decode(k, body)
			if err != nil {
				if scim.Faults(err) == nil {
					t.Fatalf("not a fault of the request: %v", err)
				}
				continue
			}
			shown := v.encode(k, stored(k, draft))
			again, err := d.decode(k, shown)
			if err != nil {
				t.Fatalf("%s is refused: %v", scim.ObjectValue(shown), err)
			}
			if first, second := stored(k, draft), stored(k, again); string(first.Doc()) != string(second.Doc()) {
				t.Fatalf("%s\nbecomes\n%s", first.Doc(), second.Doc())
			}
		}
	})
}

// FuzzHeaders reads headers and queries. A condition that was sent is never
// taken for none.
func FuzzHeaders(f *testing.F) {
	for _, text := range []string{`W/"1"`, `"1", W/"x"`, `*`, `application/json;q=0.5, */*`, `a=1&b=%20+&;`, ``, `,`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := checkAccept([]string{text}); err != nil && scim.Faults(err) == nil {
			t.Errorf("Accept %q: %v", text, err)
		}
		if err := checkContentType(text); err != nil && scim.Faults(err) == nil {
			t.Errorf("Content-Type %q: %v", text, err)
		}
		if _, err := readQuery(text); err != nil && scim.Faults(err) == nil {
			t.Errorf("query %q: %v", text, err)
		}
		p := precondition([]string{text})
		if !p.Present && len(p.Version) == 0 && text != "" {
			t.Errorf("If-Match %q is no condition", text)
		}
		for _, version := range p.Version {
			if version != 0 && !matches([]string{text}, version) {
				t.Errorf("If-Match %q has version %d, If-None-Match has not", text, version)
			}
		}
	})
}

// stored returns the resource that a directory would make of the draft.
func stored(k *kind, draft directory.Draft) *scim.Resource {
	attributes := draft.Attributes.Clone()
	for _, name := range []string{"password", "members"} {
		attributes.Delete(name)
	}
	if _, given := attributes.Lookup("active"); !given && k.Name == "User" {
		attributes.Set("active", scim.BoolValue(true))
	}
	ordered, _ := k.canonical.Normalize(attributes, lenient)
	r := scim.NewResource(ordered.AppendJSON(nil))
	r.Type, r.ID = k.Name, "7"
	r.MustChange = draft.MustChange != nil && *draft.MustChange
	return r
}

// FuzzActions reads the bodies and forms of what is not SCIM. What is refused is
// refused as a fault of the request, and a link that is taken is one of the web.
func FuzzActions(f *testing.F) {
	for _, text := range []string{
		`{"email": "ada@example.com", "link": "https://x.example/${userId}", "skipSend": "enabled"}`,
		`{"id": "7", "newPassword": "2Federate", "oldPassword": null, "confirmationToken": 7}`,
		`{"operations": [{"op": "replace", "path": "/invite/preferences/link", "value": "javascript:x"}, {"op": "remove", "path": "/invite/preferences/bodyText"}, null]}`,
		"grant_type=password&username=a%20b&password=%zz",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest("POST", "/api/oauth/token", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		var refused *oauthError
		if _, err := (&call{r: r}).form(); err != nil && !errors.As(err, &refused) {
			t.Fatalf("form: %v", err)
		}
		body, err := scim.ReadObject([]byte(text), scim.Limits{})
		if err != nil {
			return
		}
		a := fields{body: body}
		email, link := a.email("email"), a.url("link")
		if len(a.faults) == 0 && (strings.ContainsAny(email, "\r\n<> ") || link != "" && !strings.HasPrefix(strings.ToLower(link), "http")) {
			t.Fatalf("taken: email %q, link %q", email, link)
		}
		changes, err := readPreferenceChanges(body)
		if err != nil && scim.Faults(err) == nil {
			t.Fatalf("preferences: %v", err)
		}
		for _, ch := range changes {
			if n, ok := lookupNotice(ch.notice); err == nil && (!ok || !n.has(ch.part)) {
				t.Fatalf("preferences: %+v", ch)
			}
		}
	})
}
