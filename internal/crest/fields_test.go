package crest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestParsePointer(t *testing.T) {
	for _, tt := range []struct {
		text string
		want pointer // nil: refused
	}{
		{"mail", pointer{"mail"}},
		{"/mail", pointer{"mail"}},
		{"/mail/", pointer{"mail"}},
		{"preferences/marketing", pointer{"preferences", "marketing"}},
		{"a%2Fb/c%20d", pointer{"a/b", "c d"}},
		{"a~1b", pointer{"a~1b"}},
		{"*_ref/*", pointer{"*_ref", "*"}},
		{"Größe", pointer{"Größe"}},
		{"", nil},
		{"/", nil},
		{"a//b", nil},
		{"a%", nil},
		{"a%zz", nil},
		{"a%ff", nil},
		{"a%00", nil},
		{strings.Repeat("a/", maxPointer) + "a", nil},
	} {
		got, ok := parsePointer(tt.text)
		if diff := cmp.Diff(tt.want, got); diff != "" || ok != (tt.want != nil) {
			t.Errorf("%q: %v, %v, want %v", tt.text, got, ok, tt.want)
		}
	}
}

// A user as other doors may have made it, too.
const mina = `{"externalId":"7","userName":"mlee","name":{"formatted":"Mina Lee","familyName":"Lee","givenName":"Mina"},"nickName":"Mi","active":true,` +
	`"emails":[{"value":"home@example.com","type":"home"},{"value":"mina@example.com","type":"work","primary":true}],` +
	`"phoneNumbers":[{"value":"tel:+1-555-0100;ext=5","type":"mobile"},{"value":"555-0100","type":"work"}],` +
	`"addresses":[{"formatted":"1 Main St\nBerlin","streetAddress":"1 Main St","locality":"Berlin","type":"home"}],` +
	`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D","manager":{"value":"boss"}},` +
	`"urn:rollcall:schemas:extension:2.0:ManagedUser":{"description":"d","preferences":{"updates":true},"custom_x":[1,2],` +
	`"kbaInfo":[{"questionId":"1","answer":"$pbkdf2-sha256$i=10000$salt$hash"}],"deviceProfiles":["p"]}}`

// nested is a request that shows users without a directory.
func nested() *request {
	return &request{c: &collection{p: AIC, kind: users, naming: "managed/alpha_"}, password: func(string) error { return nil }, nested: true}
}

// show returns what _fields shows of the resource, less _id and _rev.
func show(t testing.TB, doc, fields string) string {
	t.Helper()
	s, err := parseFields([]string{fields})
	if err != nil {
		t.Fatal(err)
	}
	o, err := nested().show(scim.NewResource([]byte(doc)), &s)
	if err != nil {
		t.Fatal(err)
	}
	return scim.ObjectValue(scim.NewObject(o.Members[2:]...)).String()
}

func TestFields(t *testing.T) {
	for _, tt := range []struct{ fields, want string }{
		{"userName", `{"userName":"mlee"}`},
		{"/mail,sn, givenName ,", `{"mail":"mina@example.com","sn":"Lee","givenName":"Mina"}`},
		{"telephoneNumber,city,postalAddress", `{"telephoneNumber":"555-0100","city":"Berlin","postalAddress":"1 Main St"}`},
		{"_id,_rev", `{}`},
		{"custom_x,custom_y", `{"custom_x":[1,2]}`},
		{"custom_x/1", `{"1":2}`},
		{"country,aliasList", `{"country":null,"aliasList":[]}`},
		{"preferences/updates,preferences/marketing,preferences/x", `{"updates":true,"marketing":null}`},
		{"password,cn,kbaInfo/0/answer,kbaInfo/answer,lastSync", `{}`},
		{"kbaInfo", `{"kbaInfo":[{"questionId":"1"}]}`},
		{"deviceProfiles", `{"deviceProfiles":["p"]}`},
		{"roles", `{"roles":[]}`},
		{"externalId,nickName", `{}`},
	} {
		if got := show(t, mina, tt.fields); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.fields, got, tt.want)
		}
	}
	t.Run("aic:AIC-185 the leaf of a plain object is shown at the top", func(t *testing.T) {
		if got := show(t, mina, "preferences/updates"); got != `{"updates":true}` {
			t.Error(got)
		}
	})
}

func TestParseFieldsRefuses(t *testing.T) {
	for _, text := range []string{"a,b%", "a//b", strings.Repeat("a,", maxFields+1)} {
		if _, err := parseFields([]string{text}); worded(err).status != 400 {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// FuzzFields holds that whatever is asked for, the private stays private and
// the answer is an object.
func FuzzFields(f *testing.F) {
	for _, text := range []string{"userName", "*", "*,*_ref", "preferences/updates", "kbaInfo/0/answer", "kbaInfo/answer", "%6bbaInfo/0/%61nswer", "custom_x/0,custom_x/-1", "_meta/*", "_meta/createDate", "/", "a~0b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseFields([]string{text})
		if err != nil {
			if worded(err).status != 400 {
				t.Fatal(err)
			}
			return
		}
		for _, p := range s.pointers {
			if p[0] == "reports" || p[0] == "manager" {
				return // these read the directory
			}
		}
		if s.refs {
			return
		}
		o, err := nested().show(scim.NewResource([]byte(mina)), &s)
		if err != nil {
			t.Fatal(err)
		}
		out := scim.ObjectValue(o).String()
		if strings.Contains(out, "pbkdf2") {
			t.Fatalf("%q shows an answer: %s", text, out)
		}
		if _, err := scim.ReadObject([]byte(out), scim.Limits{}); err != nil {
			t.Fatalf("%q gives %s: %v", text, out, err)
		}
	})
}
