package scim2_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// profiles are the doors under their defaults.
var profiles = map[string]func(testing.TB, scim2.Options) *door{
	"standard": openStandard, "pingone": openPingOne, "rsa": openRSA,
}

// malformed are bodies that every profile refuses, and a part of what is said of them.
var malformed = []struct{ name, body, said string }{
	{"empty", "", ""},
	{"blanks", " \r\n\t", ""},
	{"cut off", `{"userName":"ada"`, "1, column 18"},
	{"cut off in a string", `{"userName":"ada`, "line"},
	{"cut off in a name", `{"user`, "line"},
	{"no colon", "{\n\"userName\" \"ada\"}", "2, column 12"},
	{"no comma", "{\"userName\":\"ada\"\n\n \"title\":\"x\"}", "3, column 2"},
	{"two commas", `{"userName":"ada",,"title":"x"}`, "1, column 19"},
	{"comment", `{"userName":"ada"/* x */}`, "1, column 18"},
	{"single quotes", `{'userName':'ada'}`, "1, column 2"},
	{"name without quotes", `{userName:"ada"}`, "1, column 2"},
	{"quote missing", "{\n\"userName: \"ada\"}", "2, column"},
	{"line break in a string", "{\"userName\":\"a\nda\"}", "1, column"},
	{"bad escape", `{"userName":"a\qda"}`, "1, column"},
	{"bad literal", `{"userName":"ada","active":True}`, "1, column 28"},
	{"NaN", `{"userName":"ada","x":NaN}`, "1, column 23"},
	{"leading zero", `{"userName":"ada","x":01}`, "1, column 24"},
	{"plus sign", `{"userName":"ada","x":+1}`, "1, column 23"},
	{"number without end", `{"userName":"ada","x":1.}`, "1, column"},
	{"number out of range", `{"userName":"ada","x":1e999}`, "1, column 23"},
	{"digits without end", `{"userName":"ada","x":` + strings.Repeat("9", 5000) + `}`, "1, column 23"},
	{"member twice", "{\"userName\":\"ada\",\n\"userName\":\"bob\"}", "2, column 1"},
	{"member twice in another case", "{\"userName\":\"ada\",\n \"USERNAME\":\"bob\"}", "2, column 2"},
	{"member twice further down", `{"userName":"ada","name":{"givenName":"a","givenName":"b"}}`, "1, column 43"},
	{"more after the value", "{\"userName\":\"ada\"}\n{\"userName\":\"bob\"}", "2, column 1"},
	{"bracket too many", `{"userName":"ada"}}`, "1, column 19"},
	{"invalid UTF-8", "{\"userName\":\"\xff\"}", "1, column"},
	{"overlong UTF-8", "{\"userName\":\"\xc0\xaf\"}", "1, column"},
	{"UTF-16", "\xff\xfe{\x00}\x00", "1, column"},
	{"half of a pair", `{"userName":"\ud800x"}`, "1, column"},
	{"NUL", `{"userName":"a\u0000"}`, "1, column"},
	{"bare NUL", "{\"userName\":\"a\x00\"}", "1, column"},
	{"array", `[{"userName":"ada"}]`, ""},
	{"string", `"ada"`, ""},
	{"number", `7`, ""},
	{"null", `null`, ""},
	{"deep arrays", `{"userName":"ada","x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, "32"},
	{"deep objects", strings.Repeat(`{"x":`, 100_000) + `1` + strings.Repeat(`}`, 100_000), "32"},
	{"open brackets", strings.Repeat(`[`, 1_000_000), "32"},
	{"many members", `{"userName":"ada"` + members(1001) + `}`, "1000"},
	{"long name", `{"userName":"ada","` + strings.Repeat("x", 2000) + `":1}`, "1024"},
	{"long string", `{"userName":"ada","x":"` + strings.Repeat("x", 300_000) + `"}`, ""},
	{"userName is a number", `{"userName":7}`, "userName"},
	{"userName is an object", `{"userName":{"a":1}}`, "userName"},
	{"userName is a list", `{"userName":["a","b"]}`, "userName"},
	{"userName is true", `{"userName":true}`, "userName"},
	{"active is a number", `{"userName":"ada","active":1}`, "active"},
	{"name is a number", `{"userName":"ada","name":1}`, "name"},
	{"emails of numbers", `{"userName":"ada","emails":[1]}`, "emails[0]"},
	{"e-mail value is a list", `{"userName":"ada","emails":[{"value":["a","b"]}]}`, "emails[0].value"},
	{"schemas is an object", `{"schemas":{"a":1},"userName":"ada"}`, "schemas"},
	{"schemas of numbers", `{"schemas":["` + userURN + `",7],"userName":"ada"}`, "schemas[1]"},
	{"hidden character", `{"userName":"a\u200bda"}`, "userName"},
	{"right to left", `{"userName":"a\u202eda"}`, "userName"},
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	return b.String()
}

// TestMalformed sends bodies that cannot be read: each is a 400 in the door's
// shape, says where or which, and nothing is stored.
func TestMalformed(t *testing.T) {
	for dialect, openDoor := range profiles {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			d := openDoor(t, scim2.Options{})
			for _, m := range malformed {
				t.Run(m.name, func(t *testing.T) {
					a := d.do("POST /Users", m.body, "Content-Type: application/scim+json")
					scimType, _ := a.get("scimType").(string)
					a.wantError(t, 400, scimType, "")
					if scimType != "invalidSyntax" && scimType != "invalidValue" {
						t.Errorf("scimType %q", scimType)
					}
					if detail := strings.NewReplacer("line: ", "line ", "column: ", "column ").Replace(fmt.Sprint(a.get("detail"))); !strings.Contains(detail, m.said) {
						t.Errorf("detail %q lacks %q", detail, m.said)
					}
					if len(a.body) > 2000 {
						t.Errorf("an answer of %d bytes", len(a.body))
					}
					want(t, "users", d.users(t), 0)
				})
			}
		})
	}
}

// TestMalformedRequest does the same with paths, queries and headers.
func TestMalformedRequest(t *testing.T) {
	for dialect, openDoor := range profiles {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			d := openDoor(t, scim2.Options{})
			id := d.user(t, `{"userName":"ada"}`)
			for _, request := range []string{
				"GET /Users?filter=" + strings.Repeat("(", 5000), "GET /Users?filter=" + escape(strings.Repeat("userName pr or ", 60)+"userName pr"),
				"GET /Users?filter=" + escape(strings.Repeat("not (", 30)+"userName pr"+strings.Repeat(")", 30)), "GET /Users?filter=" + escape("userName eq \"\x00\""),
				"GET /Users?filter=%ff", "GET /Users?filter=" + escape(`emails[emails[value pr]]`), "GET /Users?filter=" + escape(`userName eq "`), "GET /Users?filter=" + escape(`nothing pr`),
				"GET /Users?filter=" + escape(`meta.created gt "yesterday"`), "GET /Users?count=%00", "GET /Users?startIndex=1;2",
				"GET /Users/%00", "GET /Users/%ff", "GET /Users/..%2f..%2fetc", "GET /Users/" + strings.Repeat("x", 4000), "GET /Users/" + id + "/emails", "GET /Users/%2e%2e",
				"DELETE /Users/%00", "GET /Schemas/%00", "GET /ResourceTypes/%ff", "POST /Users/" + id, "BREW /Users", "GET /%zz",
			} {
				a := d.do(strings.ReplaceAll(request, "%zz", "%25zz"), "")
				if a.status < 400 || a.status >= 500 {
					t.Errorf("%.80s: status %d, body %s", request, a.status, a.body)
					continue
				}
				scimType, _ := a.get("scimType").(string)
				a.wantError(t, a.status, scimType, "")
			}
			want(t, "users", d.users(t), 1)
		})
	}
}

// TestBombs sends what is small and could cost much: it is refused, or done,
// in time and memory that grow with the request alone, and said back in short.
func TestBombs(t *testing.T) {
	d := openStandard(t, none)
	user := "/Users/" + d.user(t, `{"userName":"ada","emails":[{"value":"a@x.example"}]}`)
	group := "/Groups/" + d.create(t, "/Groups", `{"displayName":"g"}`).id()
	many := func(n int, sep, format string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = strings.ReplaceAll(format, "%", fmt.Sprint(i))
		}
		return strings.Join(list, sep)
	}
	filter := func(text string) string { return `{"filter":` + quoted(text) + `}` }
	remove := func(path string) string { return patch(`{"op":"remove","path":` + quoted(path) + `}`) }
	bulk := func(operations string) string { return `{"Operations":[` + operations + `]}` }
	const add, maker = `{"op":"add","path":"emails","value":{"value":"v%"}}`, `{"method":"POST","path":"/Groups","bulkId":"b%","data":{"displayName":"b%"}}`
	for _, b := range []struct {
		name, request, body string
		status              int
		scimType            string
	}{
		{"10^6 parentheses", "POST /Users/.search", filter(strings.Repeat("(", 1_000_000)), 400, "invalidSyntax"},
		{"200,000 parentheses", "POST /Users/.search", filter(strings.Repeat("(", 200_000)), 400, "invalidFilter"},
		{"parentheses", "POST /Users/.search", filter(strings.Repeat("(", 8000)), 400, "invalidFilter"},
		{"negations", "POST /Users/.search", filter(strings.Repeat("not (", 1000) + "title pr" + strings.Repeat(")", 1000)), 400, "invalidFilter"},
		{"comparisons", "POST /Users/.search", filter(many(51, " or ", "title eq %")), 400, "invalidFilter"},
		{"value paths", "POST /Users/.search", filter(strings.Repeat("emails[", 500)), 400, "invalidFilter"},
		{"a long name", "POST /Users/.search", filter(strings.Repeat("x", 8000) + " pr"), 400, "invalidFilter"},
		{"a path of parentheses", "PATCH " + user, remove("emails[" + strings.Repeat("(", 200_000)), 400, "invalidPath"},
		{"a path of 10^6 parentheses", "PATCH " + user, remove("emails[" + strings.Repeat("(", 1_000_000)), 400, "invalidSyntax"},
		{"a path with a deep filter", "PATCH " + user, remove("emails[" + strings.Repeat("(", 100)), 400, "invalidFilter"},
		{"a long path", "PATCH " + user, remove(strings.Repeat("x", 200_000)), 400, "invalidPath"},
		{"many operations", "PATCH " + user, patch(many(1001, ",", add)), 413, ""},
		{"operations on all that there is", "PATCH " + user, patch(many(500, ",", add), many(500, ",", `{"op":"replace","path":"emails[value ne \"%\"].display","value":"%"}`)), 413, ""},
		{"many members", "PATCH " + group, patch(`{"op":"add","path":"members","value":[` + many(10_001, ",", `{"value":"%"}`) + `]}`), 413, ""},
		{"many faults", "POST /Users", `{"userName":"x","emails":[` + many(10_000, ",", `%`) + `]}`, 400, "invalidValue"},
		{"many bulk operations", "POST /Bulk", bulk(many(1001, ",", maker)), 413, ""},
		{"a large bulk request", "POST /Bulk", bulk(strings.Repeat(" ", 10<<20)), 413, ""},
		{"many references", "POST /Bulk", bulk(`{"method":"PATCH","path":"/Groups/x","data":{"Operations":[{"op":"add","path":"members","value":[` + many(100_000, ",", `{"value":"bulkId:%"}`) + `]}]}}`), 200, ""},
		{"many references in a text", "POST /Bulk", bulk(`{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a","title":` + quoted(strings.Repeat(`"bulkId:a" `, 20_000)) + `}}`), 200, ""},
		{"a circle of references", "POST /Bulk", bulk(many(300, ",", `{"method":"POST","path":"/Groups","bulkId":"c%","data":{"displayName":"c%","members":[{"value":"bulkId:c1%"},{"value":"bulkId:c%"}]}}`)), 200, ""},
	} {
		t.Run(b.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			a := d.do(b.request, b.body)
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			if b.status == 200 {
				a.wantStatus(t, 200)
			} else {
				a.wantError(t, b.status, b.scimType, "")
				if len(a.body) > 2000 {
					t.Errorf("an answer of %d bytes: %.100s", len(a.body), a.body)
				}
			}
			if used, most := int(after.TotalAlloc-before.TotalAlloc), 256<<20+100*len(b.body); used > most {
				t.Errorf("%d MB of memory for %d KB", used>>20, len(b.body)>>10)
			}
			if took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	want(t, "emails", d.do("GET "+user, "").get("emails"), any([]any{map[string]any{"value": "a@x.example"}}))
}

// TestViews compares the two ways in which a user is rendered: copied from the
// stored document, and built as a tree for a projection that hides nothing.
func TestViews(t *testing.T) {
	for _, dialect := range []string{"standard", "rsa"} {
		t.Run(dialect, func(t *testing.T) {
			d := profiles[dialect](t, scim2.Options{})
			caller := directorytest.Caller(t, d.dir, d.token)
			random := rand.New(rand.NewPCG(1, 2))
			for i := range 200 {
				body := fmt.Sprintf(`{"userName":"u%d"`, i)
				for _, more := range []string{
					`"externalId":"a\\\"b\u00e9,"`, `"title":"\"urn:rollcall:schemas:extension:2.0:ManagedUser\":{"`, `"displayName":"\\"`, `"name":{"givenName":"A","familyName":"}"}`,
					`"emails":[{"value":"a@x.example","type":"work","primary":true}]`, `"` + enterpriseURN + `":{"department":"\"manager\":"}`,
					`"urn:rollcall:schemas:extension:2.0:ManagedUser":{"custom":{"` + enterpriseURN + `":1,"manager":2}}`, `"roles":[{"value":"r"}]`, `"active":false`,
				} {
					if random.IntN(2) == 0 {
						body += "," + more
					}
				}
				if random.IntN(4) == 0 {
					body = strings.Replace(body, `{"department"`, `{"manager":{"value":"7"},"department"`, 1)
				}
				r, err := d.dir.Create(t.Context(), caller, caller.Home(), directory.Draft{Type: "User", AnyManager: true, Attributes: parse(t, body+"}")})
				if err != nil {
					t.Fatalf("%s: %v", body, err)
				}
				copied, built := d.do("GET /Users/"+r.ID, ""), d.do("GET /Users/"+r.ID+"?excludedAttributes=nothing", "")
				copied.wantStatus(t, 200)
				want(t, body, string(copied.body), string(built.body))
				if strings.Contains(string(copied.body), "custom") {
					t.Errorf("%s", copied.body)
				}
			}
		})
	}
}
