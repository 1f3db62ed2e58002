package scim1

import (
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// pingOneDoor is a door without a directory.
func pingOneDoor() *door {
	p := PingOneEnterprise()
	d := &door{Profile: p}
	d.user, d.group = p.userKind(), p.groupKind()
	return d
}

func mustRead(t testing.TB, text string) *scim.Object {
	t.Helper()
	o, err := scim.ReadObject([]byte(text), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestApply(t *testing.T) {
	d := pingOneDoor()
	for _, row := range []struct{ name, stored, body, want string }{
		{"nothing", `{"userName":"a","title":"t"}`, `{}`, `{"userName":"a","title":"t"}`},
		{"set", `{"userName":"a"}`, `{"title":"t","ACTIVE":false}`, `{"userName":"a","title":"t","active":false}`},
		{"an empty text is a value", `{"userName":"a","title":"t"}`, `{"title":""}`, `{"userName":"a","title":""}`},
		{"null says nothing", `{"userName":"a","title":"t"}`, `{"title":null,"name":null,"emails":null}`, `{"userName":"a","title":"t"}`},
		{"unknown is ignored", `{"userName":"a"}`, `{"x":1,"name":{"x":1},"emails":[{"x":1}],"urn:x:y":{"z":1}}`, `{"userName":"a"}`},
		{"read-only is ignored", `{"userName":"a"}`, `{"id":"7","groups":[{"value":"g"}],"meta":{"created":7}}`, `{"userName":"a"}`},
		{"a name is merged", `{"name":{"givenName":"A","familyName":"B"}}`, `{"name":{"familyName":"C"}}`, `{"name":{"givenName":"A","familyName":"C"}}`},
		{"a name is made", `{"userName":"a"}`, `{"name":{"familyName":"C"}}`, `{"userName":"a","name":{"familyName":"C"}}`},
		{"an extension is merged", `{"urn:scim:schemas:extension:enterprise:1.0":{"division":"W","manager":{"managerId":"7"}}}`,
			`{"urn:scim:schemas:extension:enterprise:1.0":{"department":"R","manager":{"managerId":"8"}}}`,
			`{"urn:scim:schemas:extension:enterprise:1.0":{"division":"W","manager":{"managerId":"8"},"department":"R"}}`},
		{"an unknown extension stays", `{"urn:x:y":{"z":1},"userName":"a"}`, `{"title":"t","meta":{"attributes":["userName"]}}`, `{"urn:x:y":{"z":1},"title":"t"}`},

		{"a value is added", `{"emails":[{"value":"a"}]}`, `{"emails":[{"value":"b","type":"work"}]}`, `{"emails":[{"value":"a"},{"value":"b","type":"work"}]}`},
		{"a value is merged", `{"emails":[{"value":"a","type":"work"},{"value":"b"}]}`, `{"emails":[{"value":"A","display":"x"}]}`, `{"emails":[{"value":"A","type":"work","display":"x"},{"value":"b"}]}`},
		{"certificates compare exactly", `{"x509Certificates":[{"value":"MAUCAwEEAQ=="}]}`, `{"x509Certificates":[{"value":"MAUCAwEeAQ=="}]}`, `{"x509Certificates":[{"value":"MAUCAwEEAQ=="},{"value":"MAUCAwEeAQ=="}]}`},
		{"of several, that of the same type", `{"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]}`, `{"emails":[{"value":"a","type":"HOME","display":"x"}]}`,
			`{"emails":[{"value":"a","type":"HOME","display":"x"},{"value":"a","type":"home"}]}`},
		{"of several, that which agrees", `{"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]}`, `{"emails":[{"value":"a","type":"home"}]}`,
			`{"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]}`},
		{"two of one value are two", `{}`, `{"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]}`, `{"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]}`},
		{"without a value all must agree", `{"addresses":[{"type":"work","locality":"L"}]}`, `{"addresses":[{"type":"work","region":"R"}]}`,
			`{"addresses":[{"type":"work","locality":"L"},{"region":"R","type":"work"}]}`},
		{"one primary value", `{"emails":[{"value":"a","primary":true},{"value":"b","primary":false}]}`, `{"emails":[{"value":"b","primary":true}]}`,
			`{"emails":[{"value":"a","primary":false},{"value":"b","primary":true}]}`},
		{"a new primary value", `{"emails":[{"value":"a","primary":true}]}`, `{"emails":[{"value":"b","primary":true}]}`, `{"emails":[{"value":"a","primary":false},{"value":"b","primary":true}]}`},
		{"no primary value", `{"emails":[{"value":"a","primary":true}]}`, `{"emails":[{"value":"a","primary":false},{"value":"b"}]}`, `{"emails":[{"value":"a","primary":false},{"value":"b"}]}`},

		{"delete", `{"emails":[{"value":"a","type":"work"},{"value":"b"}]}`, `{"emails":[{"value":"A","operation":"delete"}]}`, `{"emails":[{"value":"b"}]}`},
		{"delete the last", `{"userName":"a","emails":[{"value":"a"}]}`, `{"emails":[{"value":"a","operation":"delete"}]}`, `{"userName":"a"}`},
		{"delete what is not there", `{"emails":[{"value":"a"}]}`, `{"emails":[{"value":"b","operation":"delete"}],"ims":[{"value":"x","operation":"delete"}]}`, `{"emails":[{"value":"a"}]}`},
		{"delete all of a value", `{"emails":[{"value":"a","type":"work"},{"value":"b"},{"value":"a","type":"home"}]}`, `{"emails":[{"value":"a","operation":"delete"}]}`, `{"emails":[{"value":"b"}]}`},
		{"delete one of a value", `{"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]}`, `{"emails":[{"value":"a","type":"work","operation":"delete"}]}`, `{"emails":[{"value":"a","type":"home"}]}`},
		{"delete goes by value", `{"emails":[{"value":"a","type":"work"}]}`, `{"emails":[{"value":"a","type":"home","operation":"delete"}]}`, `{}`},
		{"delete and add", `{"emails":[{"value":"a","primary":true}]}`, `{"emails":[{"value":"b","primary":true},{"value":"a","primary":true,"operation":"delete"}]}`, `{"emails":[{"value":"b","primary":true}]}`},
		{"delete by all that is given", `{"addresses":[{"type":"work","locality":"L"},{"type":"home","locality":"L"}]}`, `{"addresses":[{"type":"home","operation":"delete"}]}`, `{"addresses":[{"type":"work","locality":"L"}]}`},

		{"clear", `{"userName":"a","title":"t","nickName":"n"}`, `{"meta":{"attributes":["TITLE"]}}`, `{"userName":"a","nickName":"n"}`},
		{"clear what is not there", `{"userName":"a"}`, `{"meta":{"attributes":["title","name.givenName","emails.type","urn:scim:schemas:extension:enterprise:1.0:department"]}}`, `{"userName":"a"}`},
		{"clear a part", `{"name":{"givenName":"A","familyName":"B"}}`, `{"meta":{"attributes":["name.givenname"]}}`, `{"name":{"familyName":"B"}}`},
		{"clear the last part", `{"userName":"a","name":{"givenName":"A"}}`, `{"meta":{"attributes":["name.givenName"]}}`, `{"userName":"a"}`},
		{"clear a complex attribute", `{"userName":"a","name":{"givenName":"A","familyName":"B"}}`, `{"meta":{"attributes":["name"]}}`, `{"userName":"a"}`},
		{"clear a list", `{"userName":"a","emails":[{"value":"a"}]}`, `{"meta":{"attributes":["emails"]}}`, `{"userName":"a"}`},
		{"clear a part of a list", `{"emails":[{"value":"a","type":"work"},{"type":"home"}]}`, `{"meta":{"attributes":["emails.type"]}}`, `{"emails":[{"value":"a"}]}`},
		{"clear a part of an extension's attribute", `{"userName":"a","urn:scim:schemas:extension:enterprise:1.0":{"manager":{"managerId":"7"}}}`,
			`{"meta":{"attributes":["urn:scim:schemas:extension:enterprise:1.0:manager.managerId"]}}`, `{"userName":"a"}`},
		{"replace a list", `{"emails":[{"value":"a","type":"work"}]}`, `{"meta":{"attributes":["emails"]},"emails":[{"value":"a"},{"value":"b"},{"value":"b","operation":"delete"}]}`, `{"emails":[{"value":"a"},{"value":"b"}]}`},
		{"replace a name", `{"name":{"givenName":"A","familyName":"B"}}`, `{"meta":{"attributes":["name"]},"name":{"familyName":"C"}}`, `{"name":{"familyName":"C"}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			stored := mustRead(t, row.stored)
			p, err := d.readPatch(d.user, mustRead(t, row.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(p.apply(stored).AppendJSON(nil)); got != row.want {
				t.Errorf("%s\nand %s\nmake %s\nwant %s", row.stored, row.body, got, row.want)
			}
			if got := string(stored.AppendJSON(nil)); got != row.stored {
				t.Errorf("what is stored became %s", got)
			}
		})
	}
}

// What the profile disables it does not know, and so it stays.
func TestApplyKeepsWhatTheDoorDoesNotKnow(t *testing.T) {
	p := PingOneEnterprise()
	p.Options.DisabledAttributes = []string{"title", "name.middleName", "emails.display", "urn:scim:schemas:extension:enterprise:1.0:division"}
	d := &door{Profile: p}
	d.user = p.userKind()
	patch, err := d.readPatch(d.user, mustRead(t, `{"title":"x","name":{"middleName":"x"},"emails":[{"value":"a","display":"x","type":"work"}],
		"meta":{"attributes":["title","name","name.middleName","urn:scim:schemas:extension:enterprise:1.0"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := patch.apply(mustRead(t, `{"title":"t","name":{"givenName":"A","middleName":"M"},"emails":[{"value":"a","display":"d"}],
		"urn:scim:schemas:extension:enterprise:1.0":{"department":"R","division":"W"}}`))
	const want = `{"title":"t","name":{"middleName":"M"},"emails":[{"value":"a","display":"d","type":"work"}],"urn:scim:schemas:extension:enterprise:1.0":{"division":"W"}}`
	if string(got.AppendJSON(nil)) != want {
		t.Errorf("%s\nwant %s", scim.ObjectValue(got), want)
	}
}

// FuzzPatch applies bodies to what is stored. Whatever they say, what is stored
// stays as it was, and the result is one that could be stored, but for what is
// required.
func FuzzPatch(f *testing.F) {
	const example = `{"userName":"a","active":true,"name":{"givenName":"A"},"emails":[{"value":"a","type":"work","primary":true},{"value":"b"}],` +
		`"addresses":[{"type":"work"}],"urn:scim:schemas:extension:enterprise:1.0":{"department":"R","manager":{"managerId":"7"}}}`
	for _, body := range []string{
		`{"meta":{"attributes":["title","name.givenName","emails","urn:scim:schemas:extension:enterprise:1.0:department"]},"title":"t"}`,
		`{"emails":[{"value":"A","operation":"delete"},{"value":"c","primary":true},{"value":"b","type":"home"}],"addresses":[{"type":"work","operation":"delete"}]}`,
		`{"name":{"familyName":"B"},"urn:scim:schemas:extension:enterprise:1.0":{"manager":{"managerId":"8"}},"urn:scim:schemas:com_pingone:1.0":{"passwordExpired":true}}`,
		`{"emails":[{"operation":"DELETE"},{"value":null},7,null],"meta":{"attributes":[7,"","a.b.c","urn:x"]}}`,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[]}`,
		`{"displayName":"G","members":[{"value":"1","type":"USER"},{"value":"2","operation":"delete"}],"meta":{"attributes":["members"]}}`,
	} {
		f.Add([]byte(example), []byte(body))
	}
	d := pingOneDoor()
	f.Fuzz(func(t *testing.T, storedBody, patchBody []byte) {
		before, err := scim.ReadObject(storedBody, scim.Limits{})
		if err != nil {
			return
		}
		body, err := scim.ReadObject(patchBody, scim.Limits{})
		if err != nil {
			return
		}
		for _, k := range []*kind{d.user, d.group} {
			draft, err := d.decode(k, before)
			if err != nil {
				continue
			}
			old := stored(k, draft)
			p, err := d.readPatch(k, body)
			if err != nil {
				if scim.Faults(err) == nil {
					t.Fatalf("not a fault of the request: %v", err)
				}
				continue
			}
			doc := string(old.Doc())
			ch, err := p.change(old)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(old.Attributes().AppendJSON(nil)); got != doc {
				t.Fatalf("what is stored became %s, was %s", got, doc)
			}
			if ch.Attributes == nil {
				continue
			}
			_, faults := k.canonical.Normalize(ch.Attributes, strict)
			for _, fault := range faults {
				if fault.Rule != scim.RuleRequired {
					t.Fatalf("%s and %s make %s: %v", doc, patchBody, scim.ObjectValue(ch.Attributes), fault)
				}
			}
		}
	})
}

// strict is how the directory reads what a door proposes.
var strict = scim.Checks{Schemas: scim.SchemasAssumed, InferExtensions: true, Unknown: scim.RejectUnknown, AnyType: true, AnyFormat: true, AnyUserName: true}
