package crest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func read(t testing.TB, text string) *scim.Object {
	t.Helper()
	o, err := scim.ReadObject([]byte(text), scim.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

// TestCanonical is the merge rule: what becomes of a canonical user when a
// managed one is put in its place.
func TestCanonical(t *testing.T) {
	const ext = `"urn:rollcall:schemas:extension:2.0:ManagedUser"`
	for _, tt := range []struct{ name, old, m, want string }{
		{"of nothing", `{}`,
			`{"userName":"a","givenName":"G","sn":"S","mail":"a@b.c","telephoneNumber":"1","city":"B","country":"DE","profileImage":"http://x/y","accountStatus":"inactive","description":"d","x":{"y":null}}`,
			`{"userName":"a","name":{"givenName":"G","familyName":"S","formatted":"G S"},"emails":[{"value":"a@b.c","type":"work","primary":true}],"active":false,` +
				`"phoneNumbers":[{"value":"1","type":"work"}],"addresses":[{"locality":"B","type":"work","country":"DE"}],"photos":[{"value":"http://x/y","type":"photo"}],` +
				ext + `:{"description":"d","x":{"y":null}}}`},
		{"defaults", `{}`, `{"userName":"a"}`, `{"userName":"a","active":true}`},
		{"a status of the client's own", `{}`, `{"userName":"a","accountStatus":"locked"}`, `{"userName":"a","active":false,` + ext + `:{"accountStatus":"locked"}}`},
		{"a status of the client's own ends", `{"userName":"a","active":false,` + ext + `:{"accountStatus":"locked"}}`, `{"userName":"a","accountStatus":"active"}`, `{"userName":"a","active":true}`},
		{"what is left out is removed", `{"userName":"a","active":true,"displayName":"A","emails":[{"value":"a@b.c"}],` + ext + `:{"description":"d","custom_x":1}}`,
			`{"userName":"a"}`, `{"userName":"a","active":true}`},
		{"what no property shows is kept", `{"externalId":"1","userName":"a","nickName":"n","active":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"d","manager":{"value":"m"}}}`,
			`{"userName":"b"}`, `{"externalId":"1","userName":"b","nickName":"n","active":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"d","manager":{"value":"m"}}}`},
		{"a manager is cleared", `{"userName":"a","active":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"m"}}}`,
			`{"userName":"a","manager":null}`, `{"userName":"a","active":true}`},
		{"a manager is replaced", `{"userName":"a","active":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"m","$ref":"../m"}}}`,
			`{"userName":"a","manager":"n"}`, `{"userName":"a","active":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"n"}}}`},
		{"the other e-mails are kept", `{"userName":"a","active":true,"emails":[{"value":"h@x.y","type":"home"},{"value":"p@x.y","type":"other","primary":true,"display":"P"}]}`,
			`{"userName":"a","mail":"q@x.y"}`, `{"userName":"a","active":true,"emails":[{"value":"h@x.y","type":"home"},{"value":"q@x.y","type":"other","primary":true}]}`},
		{"the same e-mail stays as it is", `{"userName":"a","active":true,"emails":[{"value":"h@x.y","type":"home","display":"H"}]}`,
			`{"userName":"a","mail":"h@x.y"}`, `{"userName":"a","active":true,"emails":[{"value":"h@x.y","type":"home","display":"H"}]}`},
		{"an e-mail that is there already takes over", `{"userName":"a","active":true,"emails":[{"value":"p@x.y","type":"work","primary":true},{"value":"h@x.y","type":"home"}]}`,
			`{"userName":"a","mail":"h@x.y"}`, `{"userName":"a","active":true,"emails":[{"value":"h@x.y","type":"home","primary":true}]}`},
		{"the e-mail that was shown is removed", `{"userName":"a","active":true,"emails":[{"value":"p@x.y","primary":true},{"value":"h@x.y","type":"home"}]}`,
			`{"userName":"a"}`, `{"userName":"a","active":true,"emails":[{"value":"h@x.y","type":"home"}]}`},
		{"part of an address changes", `{"userName":"a","active":true,"addresses":[{"formatted":"f","streetAddress":"s","locality":"l","type":"home"},{"locality":"w","type":"work"}]}`,
			`{"userName":"a","postalAddress":"t","city":"w"}`, `{"userName":"a","active":true,"addresses":[{"formatted":"f","streetAddress":"s","locality":"l","type":"home"},{"locality":"w","type":"work","streetAddress":"t"}]}`},
		{"an address with nothing left goes", `{"userName":"a","active":true,"addresses":[{"formatted":"f","streetAddress":"s","locality":"l","type":"work","primary":true}]}`,
			`{"userName":"a"}`, `{"userName":"a","active":true}`},
		{"cn follows the names", `{"userName":"a","active":true,"name":{"formatted":"G S","givenName":"G","familyName":"S","middleName":"M"}}`,
			`{"userName":"a","givenName":"H","sn":"S"}`, `{"userName":"a","active":true,"name":{"formatted":"H S","givenName":"H","familyName":"S","middleName":"M"}}`},
		{"cn of the client's own is kept", `{"userName":"a","active":true,"name":{"formatted":"The G","givenName":"G","familyName":"S"}}`,
			`{"userName":"a","givenName":"H","sn":"S"}`, `{"userName":"a","active":true,"name":{"formatted":"The G","givenName":"H","familyName":"S"}}`},
		{"what is read-only or the server's is ignored", `{"userName":"a","active":true}`,
			`{"userName":"a","_id":"x","_rev":"1","_meta":{},"effectiveRoles":[1],"passwordLastChangedTime":"t","isMemberOf":["y"],"groups":[]}`, `{"userName":"a","active":true}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old := read(t, tt.old)
			got := users.canonical(old, read(t, tt.m))
			if !scim.Equal(scim.ObjectValue(got), scim.ObjectValue(read(t, tt.want))) {
				t.Errorf("got  %s\nwant %s", scim.ObjectValue(got), tt.want)
			}
			if !scim.Equal(scim.ObjectValue(old), scim.ObjectValue(read(t, tt.old))) {
				t.Errorf("the old object was changed: %s", scim.ObjectValue(old))
			}
		})
	}
	t.Run("what was read can be written back", func(t *testing.T) {
		shown := read(t, show(t, mina, "*,deviceProfiles"))
		shown.Members = append(shown.Members[20:], shown.Members[:20]...)
		old := read(t, mina)
		shown.Set("kbaInfo", hashAnswers(old.Get(users.extension).Object().Get("kbaInfo"), shown.Get("kbaInfo")))
		got := scim.ObjectValue(users.canonical(old, shown))
		if diff := cmp.Diff(scim.ObjectValue(read(t, mina)).String(), got.String()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a group", func(t *testing.T) {
		got := scim.ObjectValue(groups.canonical(nil, read(t, `{"_id":"g","name":"g","description":"d","condition":null,"members":[{}]}`))).String()
		if want := `{"displayName":"g","urn:rollcall:schemas:extension:2.0:ManagedGroup":{"description":"d"}}`; got != want {
			t.Error(got)
		}
	})
}

func TestShown(t *testing.T) {
	for _, tt := range []struct{ list, mail, phone string }{
		{`[]`, `null`, `null`},
		{`[{"value":"1","type":"home"}]`, `"1"`, `"1"`},
		{`[{"value":"1","type":"home"},{"value":"2","type":"work"}]`, `"1"`, `"2"`},
		{`[{"value":"1","type":"home"},{"value":"2","type":"work"},{"value":"3","primary":true}]`, `"3"`, `"3"`},
		{`[{"value":"1","primary":false},{"value":"2"}]`, `"1"`, `"1"`},
		{`[{"type":"home"}]`, `null`, `null`},
	} {
		attrs := read(t, `{"emails":`+tt.list+`,"phoneNumbers":`+tt.list+`}`)
		mail, phone := users.stored(users.property("mail"), attrs).String(), users.stored(users.property("telephoneNumber"), attrs).String()
		if mail != tt.mail || phone != tt.phone {
			t.Errorf("%s: mail %s, telephoneNumber %s", tt.list, mail, phone)
		}
	}
}

func TestQuestions(t *testing.T) {
	list := func(text string) scim.Value { return read(t, `{"l":`+text+`}`).Get("l") }
	none := scim.Value{}
	first := hashAnswers(none, list(`[{"questionId":"1","answer":"Rex"},{"customQuestion":{"en":"?"},"answer":"42"}]`))
	hash := first.List()[0].Object().Get("answer").Text()
	if strings.Contains(first.String(), "Rex") || !answers(hash, " rex") || answers(hash, "Max") {
		t.Errorf("the answer is kept as %s", hash)
	}
	if again := hashAnswers(first, list(`[{"questionId":"1","answer":"Rex"},{"customQuestion":{"en":"?"}}]`)); !scim.Equal(first, again) {
		t.Errorf("the same answers change what is kept: %s, %s", first, again)
	}
	other := hashAnswers(first, list(`[{"questionId":"1","answer":"Max"}]`)).List()[0].Object().Get("answer").Text()
	if answers(other, "Rex") || !answers(other, "Max") {
		t.Errorf("a new answer is kept as %s", other)
	}
	if salted := hashAnswers(none, list(`[{"questionId":"1","answer":"Rex"}]`)); scim.Equal(salted, scim.ListValue(first.List()[0])) {
		t.Error("two hashes of an answer are the same")
	}
}
