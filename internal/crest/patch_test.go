package crest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/crest"
	"github.com/rollcall-directory/rollcall/internal/directory"
)

// invalidPatch begins what is said of an operation that is not well formed.
const invalidPatch = "The request could not be processed because the provided content is not a valid JSON patch: "

// TestConformancePatch is section 5.6.
func TestConformancePatch(t *testing.T) {
	w := open(t, crest.AIC)
	n := 0
	// user makes a user and returns it with its path.
	user := func(d *door, more string) (*answer, string) {
		n++
		a := d.create(fmt.Sprintf("user%d", n), more)
		return a, alphaUsers + "/" + a.id()
	}
	// steps sends the patches one after the other: each makes the members of the
	// JSON object behind it.
	steps := func(d *door, one string, patches ...string) {
		d.Helper()
		for i := 0; i < len(patches); i += 2 {
			a := d.do("PATCH "+one, patches[i]).must(200).has(patches[i+1])
			d.do("GET "+one, "").must(200).is(a.body)
		}
	}
	// refused sends the patches, each of which has to be refused and to change nothing.
	refused := func(d *door, one string, status int, message string, patches ...string) {
		d.Helper()
		before := d.do("GET "+one, "").must(200).body
		for _, patch := range patches {
			d.do("PATCH "+one, patch).refused(status, message)
		}
		d.do("GET "+one, "").must(200).is(before)
	}

	t.Run("aic:AIC-090 a body that is no array of operations is 400", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{}`)
		refused(d, one, 400, "The request could not be processed because the provided content is not a JSON array of patch operations",
			`{}`, `{"operation":"replace","field":"/sn","value":"X"}`, `"x"`, `1`, `null`)
		refused(d, one, 400, "", `[1]`, `["x"]`, `[null]`, `[[]]`, `[{"operation":"replace","field":"/sn","value":"X"},7]`, `[`, ``)
		refused(d, one, 400, invalidPatch+"Invalid patch operation type test", `[{"operation":"test","field":"/sn","value":"X"}]`,
			`[{"operation":"replace","field":"/sn","value":"X"},{"operation":"test","field":"/sn","value":"X"}]`)
		refused(d, one, 400, invalidPatch+"Invalid patch operation type ", `[{"field":"/sn","value":"X"}]`, `[{"operation":["add"],"field":"/sn","value":"X"}]`, `[{}]`)
		refused(d, one, 400, "", `[{"operation":"add","value":"X"}]`, `[{"operation":"add","field":1,"value":"X"}]`, `[{"operation":"add","field":"/","value":"X"}]`)
	})
	t.Run("aic:AIC-091 operation in any letter case", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{}`)
		steps(d, one, `[{"operation":"REPLACE","field":"/city","value":"Rome"}]`, `{"city":"Rome"}`,
			`[{"operation":"Add","field":"/city","value":"Oslo"}]`, `{"city":"Oslo"}`, `[{"operation":"reMove","field":"/city"}]`, `{"city":null}`)
	})
	t.Run("aic:AIC-092 the slashes around a pointer may be left out", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{}`)
		for i, field := range []string{"/city", "city", "/city/", "city/"} {
			steps(d, one, fmt.Sprintf(`[{"operation":"replace","field":%q,"value":"%d"}]`, field, i), fmt.Sprintf(`{"city":"%d"}`, i),
				fmt.Sprintf(`[{"operation":"copy","field":"description","from":%q}]`, field), fmt.Sprintf(`{"description":"%d"}`, i))
		}
		steps(d, one, `[{"operation":"add","field":"preferences/updates/","value":true}]`, `{"preferences":{"updates":true}}`)
	})
	t.Run("aic:AIC-093 pointers are percent-decoded, and ~ is itself", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{}`)
		steps(d, one, `[{"operation":"add","field":"/custom_%61%2Fb","value":1}]`, `{"custom_a/b":1}`,
			`[{"operation":"add","field":"/custom~1x~0","value":2}]`, `{"custom~1x~0":2,"custom_a/b":1}`,
			`[{"operation":"copy","field":"/custom_copy","from":"custom_a%2fb"}]`, `{"custom_copy":1}`,
			`[{"operation":"remove","field":"/custom_a%2Fb"}]`, `{"custom_copy":1}`)
		d.do("GET "+one, "").lacks("custom_a/b", "custom/x~", "custom")
		refused(d, one, 400, "", `[{"operation":"add","field":"/custom_%zz","value":1}]`, `[{"operation":"add","field":"/custom_%ff","value":1}]`)
	})
	t.Run("aic:AIC-094 operations that need a value are 400 without one", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"city":"Rome"}`)
		for _, verb := range []string{"add", "replace", "increment", "transform"} {
			refused(d, one, 400, invalidPatch+"No value field provided for '"+verb+"' operation",
				`[{"operation":"`+verb+`","field":"/city"}]`, `[{"operation":"`+verb+`","field":"/city","value":null}]`)
		}
	})
	t.Run("aic:AIC-095 from belongs to copy and move only", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"city":"Rome"}`)
		for _, verb := range []string{"add", "replace", "increment", "transform", "remove"} {
			refused(d, one, 400, invalidPatch+"'"+verb+"' does not accept from field", `[{"operation":"`+verb+`","field":"/city","value":1,"from":"/sn"}]`)
		}
	})
	t.Run("aic:AIC-096 copy and move need from and take no value", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"city":"Rome"}`)
		for _, verb := range []string{"copy", "move"} {
			refused(d, one, 400, invalidPatch+"No from field provided for '"+verb+"' operation",
				`[{"operation":"`+verb+`","field":"/city"}]`, `[{"operation":"`+verb+`","field":"/city","from":null}]`)
			refused(d, one, 400, invalidPatch+"'"+verb+"' does not accept value field", `[{"operation":"`+verb+`","field":"/city","from":"/sn","value":"x"}]`)
			refused(d, one, 400, "", `[{"operation":"`+verb+`","field":"/city","from":7}]`, `[{"operation":"`+verb+`","field":"/city","from":"//"}]`)
		}
	})
	t.Run("aic:AIC-097 add sets a single value and makes missing parents", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{}`)
		steps(d, one, `[{"operation":"add","field":"/city","value":"Rome"}]`, `{"city":"Rome"}`,
			`[{"operation":"add","field":"/city","value":"Oslo"}]`, `{"city":"Oslo"}`,
			`[{"operation":"add","field":"/preferences/updates","value":true}]`, `{"preferences":{"updates":true}}`,
			`[{"operation":"add","field":"/preferences/marketing","value":false}]`, `{"preferences":{"updates":true,"marketing":false}}`,
			`[{"operation":"add","field":"/custom_a/b/c","value":[1]}]`, `{"custom_a":{"b":{"c":[1]}}}`,
			`[{"operation":"add","field":"/frIndexedInteger1","value":4}]`, `{"frIndexedInteger1":4}`,
			`[{"operation":"add","field":"/mail","value":"new@example.com"}]`, `{"mail":"new@example.com"}`)
		refused(d, one, 400, "", `[{"operation":"add","field":"/city/part","value":"x"}]`, `[{"operation":"add","field":"/custom_a/B","value":"x"}]`)
	})
	t.Run("aic:AIC-098 add at the end of an array appends one value", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{}`)
		steps(d, one, `[{"operation":"add","field":"/aliasList/-","value":"a"}]`, `{"aliasList":["a"]}`,
			`[{"operation":"add","field":"/aliasList/-","value":"b"},{"operation":"add","field":"aliasList/-/","value":"c"}]`, `{"aliasList":["a","b","c"]}`,
			`[{"operation":"add","field":"/custom_list/-","value":{"x":1}}]`, `{"custom_list":[{"x":1}]}`,
			`[{"operation":"add","field":"/custom_list/-","value":[2]}]`, `{"custom_list":[{"x":1},[2]]}`)
		refused(d, one, 400, "", `[{"operation":"add","field":"/sn/-","value":"x"}]`)
	})
	t.Run("aic:AIC-099 add of an array merges it, without what is there", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"aliasList":["a","b"],"custom_list":[{"x":1,"y":2}]}`)
		steps(d, one, `[{"operation":"add","field":"/aliasList","value":["b","c","c","a"]}]`, `{"aliasList":["a","b","c"]}`,
			`[{"operation":"add","field":"/custom_list","value":[{"y":2,"x":1},7,7,"7"]}]`, `{"custom_list":[{"x":1,"y":2},7,"7"]}`,
			`[{"operation":"add","field":"/frIndexedMultivalued1","value":["x","x"]}]`, `{"frIndexedMultivalued1":["x"]}`,
			`[{"operation":"add","field":"/aliasList/-","value":"a"}]`, `{"aliasList":["a","b","c"]}`)
	})
	t.Run("aic:AIC-100 add of a scalar to an array appends it", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"custom_list":["x"]}`)
		steps(d, one, `[{"operation":"add","field":"/aliasList","value":"a"}]`, `{"aliasList":["a"]}`,
			`[{"operation":"add","field":"/aliasList","value":"b"}]`, `{"aliasList":["a","b"]}`,
			`[{"operation":"add","field":"/custom_list","value":"y"}]`, `{"custom_list":["x","y"]}`)
	})
	t.Run("aic:AIC-101 remove without a value removes the field, if it is there", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{"city":"Rome","cn":"The Mina","aliasList":["a"],"preferences":{"updates":true,"marketing":true},"custom_x":{"y":{"z":1}},"accountStatus":"locked","telephoneNumber":"1"}`)
		steps(d, one, `[{"operation":"remove","field":"/city"},{"operation":"remove","field":"/aliasList"},{"operation":"remove","field":"/preferences/updates"},{"operation":"remove","field":"/custom_x/y"}]`,
			`{"city":null,"aliasList":[],"preferences":{"marketing":true},"custom_x":{}}`,
			`[{"operation":"remove","field":"/accountStatus"},{"operation":"remove","field":"/telephoneNumber","value":null},{"operation":"remove","field":"/cn"},{"operation":"remove","field":"/custom_x"}]`,
			`{"accountStatus":"active","telephoneNumber":null}`)
		if d.do("GET "+one, "").lacks("custom_x"); !d.stored(a.id()).Attributes().Get("name").Object().Get("formatted").IsNull() {
			t.Error("cn is still there")
		}
		rev := d.do("GET "+one, "").rev()
		for _, field := range []string{"/city", "/custom_x/y/z", "/custom_none", "/aliasList", "/sn/part", "/preferences/none"} {
			if b := d.do("PATCH "+one, `[{"operation":"remove","field":"`+field+`"}]`).must(200); b.rev() != rev {
				t.Errorf("%s: _rev was %s, is %s", field, rev, b.rev())
			}
		}
	})
	t.Run("aic:AIC-102 remove with a value removes what is equal", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"city":"Rome","aliasList":["a","b"],"custom_list":[1,"1",{"x":1,"y":2},1,[1]],"kbaInfo":[{"questionId":"1","answer":"Rex"},{"questionId":"2","answer":"Max"}]}`)
		steps(d, one, `[{"operation":"remove","field":"/aliasList","value":"b"}]`, `{"aliasList":["a"]}`,
			`[{"operation":"remove","field":"/aliasList","value":"c"}]`, `{"aliasList":["a"]}`,
			`[{"operation":"remove","field":"/custom_list","value":1}]`, `{"custom_list":["1",{"x":1,"y":2},[1]]}`,
			`[{"operation":"remove","field":"/custom_list","value":{"y":2,"x":1}}]`, `{"custom_list":["1",[1]]}`,
			`[{"operation":"remove","field":"/city","value":"Oslo"}]`, `{"city":"Rome"}`,
			`[{"operation":"remove","field":"/city","value":"Rome"}]`, `{"city":null}`,
			`[{"operation":"remove","field":"/city","value":"Rome"}]`, `{"city":null}`,
			`[{"operation":"remove","field":"/kbaInfo","value":{"questionId":"1"}}]`, `{"kbaInfo":[{"questionId":"2"}]}`)
	})
	t.Run("aic:AIC-103 replace sets the field, and an array as a whole", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"aliasList":["a","b"]}`)
		steps(d, one, `[{"operation":"replace","field":"/city","value":"Rome"}]`, `{"city":"Rome"}`,
			`[{"operation":"replace","field":"/city","value":"Oslo"}]`, `{"city":"Oslo"}`,
			`[{"operation":"replace","field":"/aliasList","value":["c"]}]`, `{"aliasList":["c"]}`,
			`[{"operation":"replace","field":"/preferences/marketing","value":true}]`, `{"preferences":{"marketing":true}}`,
			`[{"operation":"replace","field":"/custom_x/y","value":{"z":[]}}]`, `{"custom_x":{"y":{"z":[]}}}`,
			`[{"operation":"replace","field":"/accountStatus","value":"inactive"}]`, `{"accountStatus":"inactive"}`)
	})
	t.Run("aic:AIC-104 a place in an array is 400", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"frIndexedMultivalued1":["a"],"custom_list":["x"],"custom_object":{"0":"x"},"kbaInfo":[{"questionId":"1"}]}`)
		for _, field := range []string{"/frIndexedMultivalued1/0", "/frIndexedMultivalued2/0", "/custom_list/0", "/custom_list/7", "/kbaInfo/0/questionId"} {
			refused(d, one, 400, "Position-based operation is not allowed: "+field,
				`[{"operation":"replace","field":"`+field+`","value":"x"}]`, `[{"operation":"add","field":"`+field+`","value":"x"}]`, `[{"operation":"remove","field":"`+field+`"}]`,
				`[{"operation":"move","field":"/city","from":"`+field+`"}]`, `[{"operation":"increment","field":"`+field+`","value":1}]`)
		}
		refused(d, one, 400, "Position-based operation is not allowed: /custom_list/-", `[{"operation":"remove","field":"/custom_list/-"}]`)
		steps(d, one, `[{"operation":"replace","field":"/custom_object/0","value":"y"}]`, `{"custom_object":{"0":"y"}}`)
	})
	t.Run("aic:AIC-105 increment adds to a number and to each of an array", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"frIndexedInteger1":5,"custom_list":[1,2.5,-3],"custom_n":{"x":0.25},"custom_big":9007199254740993}`)
		steps(d, one, `[{"operation":"increment","field":"/frIndexedInteger1","value":3}]`, `{"frIndexedInteger1":8}`,
			`[{"operation":"increment","field":"/frIndexedInteger1","value":-10}]`, `{"frIndexedInteger1":-2}`,
			`[{"operation":"increment","field":"/custom_list","value":1}]`, `{"custom_list":[2,3.5,-2]}`,
			`[{"operation":"increment","field":"/custom_n/x","value":0.5}]`, `{"custom_n":{"x":0.75}}`)
		if a := d.do("PATCH "+one, `[{"operation":"increment","field":"/custom_big","value":2}]`).must(200); !strings.Contains(a.body, `"custom_big":9007199254740995`) {
			t.Error("an integer is rounded")
		}
		d.do("PATCH "+one, `[{"operation":"increment","field":"/frIndexedInteger1","value":0.5}]`).refused(403, "Failed policy validation")
		refused(d, one, 400, "The field '/custom_big' would be out of range", `[{"operation":"increment","field":"/custom_big","value":9223372036854775807}]`,
			`[{"operation":"replace","field":"/custom_big","value":1e308},{"operation":"increment","field":"/custom_big","value":1e308}]`)
	})
	t.Run("aic:AIC-106 increment of what is missing or no number is 400", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"custom_list":[1,"2"],"custom_text":"5","password":"Corr3ct-Horse"}`)
		for _, field := range []string{"/frIndexedInteger1", "/custom_none", "/custom_none/x", "/custom_text/x"} {
			refused(d, one, 400, "The field '"+field+"' does not exist", `[{"operation":"increment","field":"`+field+`","value":1}]`)
		}
		for _, field := range []string{"/sn", "/custom_list", "/custom_text", "/accountStatus"} {
			refused(d, one, 400, "The field '"+field+"' is not a number", `[{"operation":"increment","field":"`+field+`","value":1}]`)
		}
	})
	t.Run("aic:AIC-107 the value of increment is a number, or a string that holds one", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"frIndexedInteger1":5}`)
		steps(d, one, `[{"operation":"increment","field":"/frIndexedInteger1","value":"2"}]`, `{"frIndexedInteger1":7}`,
			`[{"operation":"increment","field":"/frIndexedInteger1","value":"-3"}]`, `{"frIndexedInteger1":4}`)
		for _, v := range []string{`"x"`, `""`, `"1 "`, `"0x1"`, `true`, `[1]`, `{}`, `"NaN"`} {
			refused(d, one, 400, invalidPatch+"Non-numeric value provided for increment operation", `[{"operation":"increment","field":"/frIndexedInteger1","value":`+v+`}]`)
		}
	})
	t.Run("aic:AIC-108 move and copy", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"city":"Rome","aliasList":["a"],"custom_x":{"y":1},"kbaInfo":[{"questionId":"1","answer":"Rex"}],"password":"Corr3ct-Horse"}`)
		steps(d, one, `[{"operation":"copy","field":"/description","from":"/city"}]`, `{"description":"Rome","city":"Rome"}`,
			`[{"operation":"move","field":"/country","from":"/city"}]`, `{"country":"Rome","city":null}`,
			`[{"operation":"move","field":"/custom_a/b","from":"/custom_x/y"}]`, `{"custom_a":{"b":1},"custom_x":{}}`,
			`[{"operation":"move","field":"/country","from":"/country"}]`, `{"country":"Rome"}`,
			`[{"operation":"copy","field":"/frIndexedMultivalued1","from":"/aliasList"}]`, `{"frIndexedMultivalued1":["a"]}`,
			`[{"operation":"move","field":"/aliasList/-","from":"/description"}]`, `{"aliasList":["a","Rome"],"description":null}`,
			`[{"operation":"move","field":"/custom_a/c","from":"/custom_a"}]`, `{"custom_a":{"c":{"b":1}}}`,
			// What is not there, or not for reading.
			`[{"operation":"copy","field":"/country","from":"/city"},{"operation":"move","field":"/country","from":"/custom_none/x"},
				{"operation":"copy","field":"/country","from":"/password"},{"operation":"copy","field":"/country","from":"/effectiveRoles"}]`, `{"country":"Rome"}`,
			`[{"operation":"copy","field":"/custom_secret","from":"/kbaInfo"}]`, `{"custom_secret":[{"questionId":"1"}]}`)
		refused(d, one, 400, "", `[{"operation":"copy","field":"/kbaInfo","from":"/custom_secret"}]`)
	})
	t.Run("aic:AIC-109 transform is 400", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{}`)
		refused(d, one, 400, "", `[{"operation":"transform","field":"/sn","value":{"script":{"type":"text/javascript","source":"1"}}}]`)
	})
	t.Run("aic:AIC-110 If-Match as in PUT, none and * always apply, If-None-Match is 412", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{}`)
		patch := func(city string) string { return `[{"operation":"replace","field":"/city","value":"` + city + `"}]` }
		b := d.do("PATCH "+one, patch("Rome"), `If-Match: "`+a.rev()+`"`).must(200).has(`{"city":"Rome"}`)
		if b.rev() == a.rev() || b.header.Get("ETag") != `"`+b.rev()+`"` {
			t.Errorf("_rev was %s, is %s, ETag %s", a.rev(), b.rev(), b.header.Get("ETag"))
		}
		for _, rev := range []string{a.rev(), "x"} {
			d.do("PATCH "+one, patch("Oslo"), "If-Match: "+rev).refused(412,
				"Update rejected as current Object revision "+b.rev()+" is different than expected by caller ("+rev+"), the object has changed since retrieval.")
		}
		for _, sent := range []string{"*", b.rev(), `"x"`} {
			d.do("PATCH "+one, patch("Oslo"), "If-None-Match: "+sent).refused(412, "Use of If-None-Match not supported for PATCH requests")
		}
		d.do("GET "+one, "").is(b.body)
		d.do("PATCH "+one, patch("Oslo"), "If-Match: *").must(200)
		d.do("PATCH "+alphaUsers+"/none", `[]`).refused(404, "Object managed/alpha_user/none not found in managed/alpha_user")
		d.do("PATCH "+alphaUsers+"/none", `[]`, "If-Match: *").refused(404, "")
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				d.do("PATCH "+one, fmt.Sprintf(`[{"operation":"add","field":"/aliasList/-","value":"%d"}]`, i)).must(200)
			})
		}
		group.Wait()
		if got := d.do("GET "+one, "").object()["aliasList"].([]any); len(got) != 16 {
			t.Errorf("of 16 concurrent changes %d are left: %v", len(got), got)
		}
	})
	t.Run("aic:AIC-111 a patch that changes nothing keeps the _rev", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"city":"Rome","aliasList":["a"],"kbaInfo":[{"questionId":"1","answer":"Rex"}],"accountStatus":"locked","custom_x":{"y":[1]},"frIndexedInteger1":5,"preferences":{"updates":true}}`)
		d.clock.Advance(1e9)
		before := d.do("GET "+one, "").body
		for _, patch := range []string{
			`[]`, `[{"operation":"replace","field":"/city","value":"Rome"},{"operation":"add","field":"/aliasList/-","value":"a"}]`,
			`[{"operation":"replace","field":"/city","value":"Oslo"},{"operation":"replace","field":"/city","value":"Rome"}]`,
			`[{"operation":"replace","field":"/kbaInfo","value":[{"questionId":"1","answer":"rex"}]},{"operation":"add","field":"/kbaInfo/-","value":{"questionId":"1"}}]`,
			`[{"operation":"increment","field":"/frIndexedInteger1","value":0},{"operation":"replace","field":"/accountStatus","value":"locked"},{"operation":"replace","field":"/preferences","value":{"updates":true}}]`,
			`[{"operation":"replace","field":"/effectiveRoles","value":[1]},{"operation":"remove","field":"/_meta"},{"operation":"add","field":"/passwordLastChangedTime","value":"x"}]`,
			`[{"operation":"remove","field":"/custom_none"},{"operation":"remove","field":"/city","value":"Oslo"},{"operation":"copy","field":"/sn","from":"/custom_none"}]`,
		} {
			if a := d.do("PATCH "+one, patch).must(200); a.body != before {
				t.Errorf("%s:\n%s", patch, cmp.Diff(before, a.body))
			}
		}
	})
	t.Run("aic:AIC-112 only what is touched is checked, and a failure says Failed policy validation", func(t *testing.T) {
		d := w.in(t)
		id := d.elsewhere(`{"userName":"elsewhere","emails":[{"value":"no address"}],"phoneNumbers":[{"value":"(201) x7"}]}`)
		one := alphaUsers + "/" + id
		steps(d, one, `[{"operation":"replace","field":"/city","value":"Rome"}]`, `{"city":"Rome","mail":"no address","sn":null}`)
		fails := func(patch, want string) {
			d.Helper()
			before := d.do("GET "+one, "").body
			d.do("PATCH "+one, patch).refused(403, "Failed policy validation").has(`{"detail":{"result":false,"failedPolicyRequirements":` + want + `}}`)
			d.do("GET "+one, "").is(before)
		}
		fails(`[{"operation":"replace","field":"/city","value":"Oslo"},{"operation":"replace","field":"/mail","value":"x"},{"operation":"replace","field":"/telephoneNumber","value":"x"}]`,
			`[{"property":"mail","policyRequirements":[{"policyRequirement":"VALID_EMAIL_ADDRESS_FORMAT"}]},{"property":"telephoneNumber","policyRequirements":[{"policyRequirement":"VALID_PHONE_FORMAT"}]}]`)
		fails(`[{"operation":"replace","field":"/city","value":7}]`,
			`[{"property":"city","policyRequirements":[{"policyRequirement":"VALID_TYPE","params":{"invalidType":"number","validTypes":["string","null"]}}]}]`)
		taken, _ := user(d, `{}`)
		fails(`[{"operation":"replace","field":"/userName","value":"`+strings.ToUpper(taken.text("userName"))+`"}]`,
			`[{"property":"userName","policyRequirements":[{"policyRequirement":"VALID_USERNAME"}]}]`)
		fails(`[{"operation":"replace","field":"/password","value":"Short-1"}]`,
			`[{"property":"password","policyRequirements":[{"policyRequirement":"LENGTH_BASED","params":{"min-password-length":8}}]}]`)
		fails(`[{"operation":"add","field":"/kbaInfo","value":["x"]}]`,
			`[{"property":"kbaInfo/0","policyRequirements":[{"policyRequirement":"VALID_TYPE","params":{"invalidType":"string","validTypes":["object"]}}]}]`)
	})
	t.Run("aic:AIC-113 remove of a required property is REQUIRED", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{}`)
		for _, name := range []string{"userName", "givenName", "sn", "mail"} {
			for _, patch := range []string{`[{"operation":"remove","field":"/` + name + `"}]`, `[{"operation":"move","field":"/description","from":"/` + name + `"}]`} {
				d.do("PATCH "+one, patch).refused(403, "Failed policy validation").has(`{"detail":{"result":false,"failedPolicyRequirements":[{"property":"` + name +
					`","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]}}`)
			}
		}
		d.do("GET "+one, "").is(a.body)
		d.do("PATCH "+seedUsers+"/"+a.id(), `[{"operation":"remove","field":"/userName"}]`).refused(403, "Failed policy validation")
		d.do("PATCH "+seedUsers+"/"+a.id(), `[{"operation":"remove","field":"/sn"}]`).must(200).has(`{"sn":null}`)
	})
	t.Run("aic:AIC-114 patching _id or _rev is 400", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{}`)
		for _, field := range []string{"/_id", "_rev"} {
			refused(d, one, 400, "", `[{"operation":"replace","field":"`+field+`","value":"x"}]`, `[{"operation":"add","field":"`+field+`","value":"x"}]`,
				`[{"operation":"remove","field":"`+field+`"}]`, `[{"operation":"copy","field":"`+field+`","from":"/sn"}]`, `[{"operation":"move","field":"/city","from":"`+field+`"}]`)
		}
	})
	t.Run("aic:AIC-115 replace of password changes the password, but not to one of the history", func(t *testing.T) {
		policy := directory.DefaultPolicy
		policy.History = 3
		d := openUnder(t, crest.AIC, &policy)
		mina := d.create("mina", `{"password":"Corr3ct-Horse1"}`)
		one := alphaUsers + "/" + mina.id()
		to := func(password string) *answer {
			return d.do("PATCH "+one, `[{"operation":"replace","field":"/password","value":"`+password+`"}]`)
		}
		for _, password := range []string{"Corr3ct-Horse2", "Corr3ct-Horse3"} {
			d.clock.Advance(1e9)
			to(password).must(200).has(`{"passwordLastChangedTime":"` + d.clock.Now().Format("2006-01-02T15:04:05.000Z") + `"}`).lacks("password")
			if !d.signsIn("mina", password) || d.signsIn("mina", "Corr3ct-Horse1") {
				t.Errorf("the password is not %s", password)
			}
		}
		rev := d.do("GET "+one, "").rev()
		for _, password := range []string{"Corr3ct-Horse1", "Corr3ct-Horse2", "Corr3ct-Horse3"} {
			if a := to(password).refused(400, ""); !strings.HasPrefix(a.text("message"), "Constraint Violation:") {
				t.Errorf("%s", a.body)
			}
		}
		if a := d.do("PUT "+one, full(t, "mina", `{"password":"Corr3ct-Horse2"}`)).refused(400, ""); !strings.HasPrefix(a.text("message"), "Constraint Violation:") {
			t.Errorf("%s", a.body)
		}
		if got := d.do("GET "+one, "").rev(); got != rev || !d.signsIn("mina", "Corr3ct-Horse3") {
			t.Errorf("a refused password has changed the user")
		}
		to("Corr3ct-Horse4").must(200)
		to("Corr3ct-Horse1").must(200)
		d.do("PATCH "+one, `[{"operation":"remove","field":"/password"}]`).must(200).has(`{"passwordLastChangedTime":null}`)
		if d.signsIn("mina", "Corr3ct-Horse1") {
			t.Error("the removed password still works")
		}
		for _, patch := range []string{`[{"operation":"remove","field":"/password","value":"x"}]`, `[{"operation":"add","field":"/password/x","value":"x"}]`, `[{"operation":"add","field":"/password/-","value":"x"}]`} {
			d.do("PATCH "+one, patch).refused(400, "")
		}
	})
	t.Run("aic:AIC-116 no operations change nothing", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{}`)
		d.do("PATCH "+one, `[]`).must(200).is(a.body)
		d.do("PATCH "+one, `[]`, "If-Match: x").refused(412, "")
	})
	t.Run("aic:AIC-117 PATCH of a collection is 400", func(t *testing.T) {
		d := w.in(t)
		for _, c := range []string{alphaUsers, seedUsers, plainUsers, groups} {
			d.do("PATCH "+c, `[]`).refused(400, "The resource collection "+c+" cannot be patched")
		}
		d.do("PUT "+alphaUsers, `{}`).refused(400, "The resource collection "+alphaUsers+" cannot be updated")
	})
	t.Run("a group is patched and renamed", func(t *testing.T) {
		d := w.in(t)
		d.do("POST "+groups, `{"name":"patched","description":"d"}`).must(201)
		d.do("PATCH "+groups+"/patched", `[{"operation":"replace","field":"/name","value":"renamed"},{"operation":"remove","field":"/description"}]`).must(200).
			has(`{"_id":"renamed","name":"renamed","description":null}`)
		d.do("PATCH "+groups+"/patched", `[]`).refused(404, "")
		d.do("PATCH "+groups+"/renamed", `[{"operation":"replace","field":"/name","value":"USERS"}]`).refused(412, "")
	})
	t.Run("limits", func(t *testing.T) {
		d := w.in(t)
		_, one := user(d, `{"custom_a":{"b":1}}`)
		refused(d, one, 400, "", `[`+strings.Repeat(`{"operation":"copy","field":"/custom_a/c","from":"/custom_a"},`, 100)+`{"operation":"remove","field":"/city"}]`,
			`[`+strings.Repeat(`{"operation":"copy","field":"/custom_x/-","from":"/custom_a"},{"operation":"copy","field":"/custom_a/d","from":"/custom_x"},`, 100)+`{"operation":"remove","field":"/city"}]`,
			`[`+strings.Repeat(`{"operation":"remove","field":"/city"},`, 1000)+`{"operation":"remove","field":"/city"}]`,
			`[{"operation":"add","field":"`+strings.Repeat("/x", 31)+`","value":[[[]]]}]`)
	})
}

// TestPatchSwitches is what the settings of a client do to a patch.
func TestPatchSwitches(t *testing.T) {
	d := open(t, crest.AIC)
	d.configure(directory.ClientSettings{UnknownAttributes: directory.UnknownReject})
	one := alphaUsers + "/" + d.create("mina", `{}`).id()
	d.do("PATCH "+one, `[{"operation":"add","field":"/shoeSize","value":1}]`).refused(400, "The property 'shoeSize' is not part of the schema")
	d.do("PATCH "+one, `[{"operation":"add","field":"/custom_shoeSize","value":1}]`).must(200).has(`{"custom_shoeSize":1}`)
}

// TestConformanceActions is section 5.10.
func TestConformanceActions(t *testing.T) {
	w := open(t, crest.AIC)
	mina := w.create("mina", `{}`)
	one := alphaUsers + "/" + mina.id()
	t.Run("aic:AIC-190 an action that is not known is 400", func(t *testing.T) {
		d := w.in(t)
		for _, path := range []string{alphaUsers, one, seedUsers} {
			d.do("POST "+path+"?_action=nonsense", `{}`).refused(400, "Action nonsense is not supported.")
			d.do("POST "+path+"?_action=", `{}`).refused(400, "")
		}
		d.do("POST "+one, `{}`).refused(400, "The resource instance "+one+" cannot be created")
		d.do("POST "+one+"?_action=create", `{}`).refused(400, "The resource instance "+one+" cannot be created")
	})
	t.Run("aic:AIC-191 an action without content is 204, with content 200", func(t *testing.T) {
		d := w.in(t)
		if a := d.do("POST "+one+"?_action=triggerSyncCheck", "").must(204); a.body != "" {
			t.Errorf("there is a body: %s", a.body)
		}
		d.do("POST "+alphaUsers+"/none?_action=triggerSyncCheck", "").refused(404, "")
		d.do("POST "+one+"?_action=patch", `[]`).must(200).is(mina.body)
	})
	t.Run("aic:AIC-192 actions with If-Match or If-None-Match are 412", func(t *testing.T) {
		d := w.in(t)
		for _, path := range []string{alphaUsers, one} {
			for _, action := range []string{"nonsense", "patch", "triggerSyncCheck"} {
				d.do("POST "+path+"?_action="+action, `[]`, "If-Match: *").refused(412, "If-Match not supported for POST requests")
				d.do("POST "+path+"?_action="+action, `[]`, "If-None-Match: *").refused(412, "If-None-Match not supported for POST requests")
			}
		}
	})
	t.Run("aic:AIC-193 patch as an action: one object, by id or by a query", func(t *testing.T) {
		d := w.in(t)
		ann := d.create("ann", `{}`)
		patch := `[{"operation":"replace","field":"/city","value":"Rome"}]`
		a := d.do("POST "+alphaUsers+"?_action=patch&_queryId=for-userName&uid=ANN", patch).must(200).has(`{"_id":"` + ann.id() + `","city":"Rome"}`)
		d.do("GET "+alphaUsers+"/"+ann.id(), "").is(a.body)
		d.do("POST "+alphaUsers+`?_action=PATCH&_queryFilter=userName eq "ann"&_fields=sn`, patch).must(200).is(`{"_id":"` + ann.id() + `","_rev":"` + a.rev() + `","sn":"Lee"}`)
		d.do("POST "+alphaUsers+"?_action=patch&_queryId=for-userName&uid=nobody", patch).refused(404, "Query returned no results")
		d.do("POST "+alphaUsers+"?_action=patch&_queryFilter=true", patch).refused(400, "")
		d.do("POST "+alphaUsers+"?_action=patch", patch).refused(400, "")
		d.do("POST "+alphaUsers+"?_action=patch&_queryId=for-userName&uid=ann", `{}`).refused(400, "")
		if d.do("GET "+one, "").must(200).is(mina.body); d.do("GET "+alphaUsers+"/"+ann.id(), "").rev() != a.rev() {
			t.Error("a refused patch changed something")
		}
	})
}
