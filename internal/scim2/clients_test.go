package scim2_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// TestFieldDefects are the defects that were reported of other servers when
// real clients met them, by their numbers in the sheet on clients, and the
// forms of requests behind them: put right for tolerant clients, refused for
// strict ones.
func TestFieldDefects(t *testing.T) { runChecks(t, openStandard, fieldDefects) }

// strictly returns the door as a strict client sees it.
func (d *door) strictly(t testing.TB) *door {
	t.Helper()
	return d.as(d.client(t, func(s *directory.ClientSettings) { s.Mode = directory.Strict }))
}

// group makes a group of users of these names and returns its id and theirs.
func (d *door) group(t testing.TB, name string, users ...string) (string, []string) {
	t.Helper()
	ids, members := make([]string, len(users)), make([]string, len(users))
	for i, user := range users {
		ids[i] = d.user(t, `{"userName":"`+user+`"}`)
		members[i] = `{"value":"` + ids[i] + `"}`
	}
	return d.create(t, "/Groups", `{"displayName":"`+name+`","members":[`+strings.Join(members, ",")+`]}`).id(), ids
}

// members returns the displays of a group's members.
func (d *door) members(t testing.TB, group string) []string {
	t.Helper()
	list, _ := d.do("GET /Groups/"+group, "").get("members").([]any)
	names := []string{}
	for _, m := range list {
		names = append(names, fmt.Sprint(m.(map[string]any)["display"]))
	}
	return names
}

var fieldDefects = []check{
	{name: "clients 9.1 remove with a list removes what it lists", run: func(t *testing.T, d *door) {
		g, ids := d.group(t, "G", "a", "b", "c")
		remove := func(value string) string { return patch(`{"op":"Remove","path":"members","value":` + value + `}`) }
		strict := d.strictly(t)
		strict.refused(t, "PATCH /Groups/"+g, strings.ToLower(remove(`[{"value":"`+ids[0]+`"}]`)), 400, "invalidSyntax", "")
		d.do("PATCH /Groups/"+g, remove(`[]`)).wantStatus(t, 204)
		d.do("PATCH /Groups/"+g, remove(`[{"$ref":null,"value":"none"}]`)).wantStatus(t, 204)
		want(t, "members", d.members(t, g), []string{"a", "b", "c"})
		d.do("PATCH /Groups/"+g, remove(`[{"$ref":null,"value":"`+ids[0]+`"}]`)).wantStatus(t, 204)
		want(t, "members", d.members(t, g), []string{"b", "c"})
		d.refused(t, "PATCH /Groups/"+g, remove(`[{"display":"b"}]`), 400, "invalidValue", "")
		d.do("PATCH /Groups/"+g, remove(`"`+ids[1]+`"`)).wantStatus(t, 204)
		want(t, "members", d.members(t, g), []string{"c"})
		strict.do("PATCH /Groups/"+g, patch(`{"op":"remove","path":"members"}`)).wantStatus(t, 204)
		want(t, "members", d.members(t, g), []string{})
	}},
	{name: "clients 9.2 active as a string", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada","active":"False"}`)
		want(t, "active", a.get("active"), any(false))
		for _, s := range []struct {
			sent string
			want bool
		}{{"True", true}, {"FALSE", false}, {"true", true}, {"False", false}} {
			want(t, s.sent, d.do("PATCH /Users/"+a.id(), patch(`{"op":"replace","path":"active","value":"`+s.sent+`"}`)).get("active"), any(s.want))
			want(t, s.sent, d.do("PUT /Users/"+a.id(), `{"userName":"ada","active":"`+s.sent+`"}`).get("active"), any(s.want))
		}
		for _, sent := range []string{`0`, `1`, `"yes"`, `""`, `"1"`} {
			d.refused(t, "PATCH /Users/"+a.id(), patch(`{"op":"replace","path":"active","value":`+sent+`}`), 400, "invalidValue", "")
		}
		d.strictly(t).refused(t, "PATCH /Users/"+a.id(), patch(`{"op":"replace","path":"active","value":"True"}`), 400, "invalidValue", "")
		d.strictly(t).refused(t, "POST /Users", `{`+declared+`"userName":"bob","active":"True"}`, 400, "invalidValue", "")
		want(t, "active", d.do("GET /Users/"+a.id(), "").get("active"), any(false))
	}},
	{name: "clients 9.3 operations with a capital", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, op := range []string{"Add", "Replace", "REMOVE"} {
			d.do("PATCH /Users/"+id, patch(`{"op":"`+op+`","path":"title","value":"x"}`)).wantStatus(t, 200)
			d.strictly(t).refused(t, "PATCH /Users/"+id, patch(`{"op":"`+op+`","path":"title","value":"x"}`), 400, "invalidSyntax", "")
		}
		for _, op := range []string{`"update"`, `"set"`, `""`, `null`} {
			d.refused(t, "PATCH /Users/"+id, patch(`{"op":`+op+`,"path":"title","value":"x"}`), 400, "invalidSyntax", "")
		}
	}},
	{name: "clients 9.4 read-only members in a value without a path", run: func(t *testing.T, d *door) {
		g, _ := d.group(t, "Sales", "a")
		d.do("PATCH /Groups/"+g, patch(`{"op":"replace","value":{"id":"`+g+`","schemas":["`+groupURN+`"],"meta":{},"displayName":"Sales EMEA"}}`)).wantStatus(t, 204)
		a := d.do("GET /Groups/"+g, "")
		want(t, "displayName", a.get("displayName"), any("Sales EMEA"))
		want(t, "members", d.members(t, g), []string{"a"})
		d.strictly(t).refused(t, "PATCH /Groups/"+g, patch(`{"op":"replace","value":{"id":"`+g+`","displayName":"x"}}`), 400, "mutability", "")
	}},
	{name: "clients 9.5 names with dots as members", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		op := patch(`{"op":"replace","value":{"active":false,"name.givenName":"Ana","emails[type eq \"work\"].value":"a@x.example"}}`)
		a := d.do("PATCH /Users/"+id, op)
		a.wantStatus(t, 200)
		want(t, "name", a.get("name"), any(map[string]any{"givenName": "Ana"}))
		want(t, "emails", a.get("emails"), any([]any{map[string]any{"type": "work", "value": "a@x.example"}}))
		d.strictly(t).refused(t, "PATCH /Users/"+id, op, 400, "invalidPath", "")
	}},
	{name: "clients 9.6 URNs as paths and as members", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		a := d.strictly(t).do("PATCH /Users/"+id, patch(`{"op":"replace","path":"`+enterpriseURN+`:department","value":"Sales"}`))
		want(t, "department", a.get(enterpriseURN), any(map[string]any{"department": "Sales"}))
		key := patch(`{"op":"add","value":{"` + enterpriseURN + `:costCenter":"7"}}`)
		a = d.do("PATCH /Users/"+id, key)
		want(t, "enterprise", a.get(enterpriseURN), any(map[string]any{"costCenter": "7", "department": "Sales"}))
		want(t, "members", a.get(enterpriseURN+":costCenter"), nil)
		d.strictly(t).refused(t, "PATCH /Users/"+id, key, 400, "invalidPath", "")
	}},
	{name: "clients 9.7 an extension that is not there yet", run: func(t *testing.T, d *door) {
		for i, d := range []*door{d, d.strictly(t)} {
			id := d.user(t, fmt.Sprintf(`{%s"userName":"u%d"}`, declared, i))
			a := d.do("PATCH /Users/"+id, patch(`{"op":"add","path":"`+enterpriseURN+`:department","value":"D"}`))
			a.wantStatus(t, 200)
			want(t, "schemas", a.get("schemas"), any([]any{userURN, enterpriseURN}))
			a = d.do("PATCH /Users/"+id, patch(`{"op":"remove","path":"`+enterpriseURN+`:department"}`))
			want(t, "schemas", a.get("schemas"), any([]any{userURN}))
		}
	}},
	{name: "clients 9.8 a part of an element that is not there", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, op := range []string{"add", "replace"} {
			o := patch(`{"op":"` + op + `","path":"phoneNumbers[type eq \"mobile\"].value","value":"+49"}`)
			d.strictly(t).refused(t, "PATCH /Users/"+id, o, 400, "noTarget", "")
			want(t, op, d.do("PATCH /Users/"+id, o).get("phoneNumbers"), any([]any{map[string]any{"type": "mobile", "value": "+49"}}))
			d.do("PATCH /Users/"+id, patch(`{"op":"remove","path":"phoneNumbers"}`)).wantStatus(t, 200)
			for _, filter := range []string{`type ne \"work\"`, `type co \"w\"`, `type eq \"work\" or type eq \"home\"`, `not (type eq \"work\")`} {
				d.refused(t, "PATCH /Users/"+id, patch(`{"op":"`+op+`","path":"phoneNumbers[`+filter+`].value","value":"1"}`), 400, "noTarget", "")
			}
		}
		g, _ := d.group(t, "G")
		d.refused(t, "PATCH /Groups/"+g, patch(`{"op":"replace","path":"members[value eq \"`+id+`\"]","value":{"value":"`+id+`"}}`), 400, "noTarget", "")
	}},
	{name: "clients 9.9 manager in every shape", run: func(t *testing.T, d *door) {
		boss, id := d.user(t, `{"userName":"boss"}`), d.user(t, `{"userName":"ada"}`)
		manager := any(map[string]any{"value": boss, "$ref": publicURL + d.base + "/Users/" + boss, "displayName": "boss"})
		for _, value := range []string{`"` + boss + `"`, `{"value":"` + boss + `"}`, `[{"$ref":"http://x.example/Users/` + boss + `","value":"` + boss + `"}]`, `["` + boss + `"]`} {
			for _, path := range []string{enterpriseURN + ":manager", "manager", enterpriseURN + ".manager"} {
				a := d.do("PATCH /Users/"+id, patch(`{"op":"Add","path":"`+path+`","value":`+value+`}`))
				a.wantStatus(t, 200)
				want(t, path+" "+value, a.get(enterpriseURN+"/manager"), manager)
			}
			for _, clear := range []string{`{"op":"Replace","path":"` + enterpriseURN + `:manager","value":""}`, `{"op":"Remove","path":"` + enterpriseURN + `:manager"}`} {
				want(t, clear, d.do("PATCH /Users/"+id, patch(clear)).get(enterpriseURN), nil)
				d.do("PATCH /Users/"+id, patch(`{"op":"Add","path":"manager","value":"`+boss+`"}`)).wantStatus(t, 200)
			}
		}
		want(t, "another filter", d.do("PATCH /Users/"+id, patch(`{"op":"Remove","path":"`+enterpriseURN+`:manager[value eq \"x\"]"}`)).get(enterpriseURN+"/manager"), manager)
		want(t, "the filter", d.do("PATCH /Users/"+id, patch(`{"op":"Remove","path":"`+enterpriseURN+`:manager[value eq \"`+boss+`\"]"}`)).get(enterpriseURN), nil)
		strict := d.strictly(t)
		strict.refused(t, "PATCH /Users/"+id, patch(`{"op":"add","path":"`+enterpriseURN+`:manager","value":"`+boss+`"}`), 400, "invalidValue", "")
		strict.refused(t, "PATCH /Users/"+id, patch(`{"op":"remove","path":"`+enterpriseURN+`:manager[value eq \"x\"]"}`), 400, "invalidPath", "")
	}},
	{name: "clients 9.10 a quoted boolean in the filter of a path", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","roles":[{"value":"a","primary":true},{"value":"b"}]}`)
		op := patch(`{"op":"replace","path":"roles[primary eq \"True\"].value","value":"{\"id\":\"c\"}"}`)
		d.strictly(t).refused(t, "PATCH /Users/"+id, op, 400, "invalidFilter", "")
		want(t, "roles", d.do("PATCH /Users/"+id, op).get("roles"), any([]any{map[string]any{"value": `{"id":"c"}`, "primary": true}, map[string]any{"value": "b"}}))
	}},
	{name: "clients 9.11 media types of bodies", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		strict := d.strictly(t)
		for _, sent := range []string{"Content-Type: application/scim+json; charset=utf-8", "Content-Type: application/json", "Content-Type: application/json;charset=UTF-8"} {
			d.do("PUT /Users/"+id, `{"userName":"ada"}`, sent).wantStatus(t, 200)
			strict.do("PUT /Users/"+id, `{`+declared+`"userName":"ada"}`, sent).wantStatus(t, 200)
		}
		for _, sent := range []string{"-Content-Type", "Content-Type: text/json"} {
			d.do("PATCH /Users/"+id, patch(`{"op":"remove","path":"title"}`), sent).wantStatus(t, 200)
			strict.refused(t, "PATCH /Users/"+id, patch(`{"op":"remove","path":"title"}`), 415, "", "", sent)
		}
		for _, sent := range []string{"Content-Type: text/plain", "Content-Type: application/xml"} {
			d.refused(t, "PUT /Users/"+id, `{"userName":"ada"}`, 415, "", "", sent)
		}
	}},
	{name: "clients 9.12 no header but the credential", run: func(t *testing.T, d *door) {
		d.do("GET /Users", "", "-User-Agent", "-Accept").wantStatus(t, 200)
		d.do("POST /Users", `{"userName":"ada"}`, "-User-Agent", "-Accept", "-Content-Type").wantStatus(t, 201)
	}},
	{name: "clients 9.13 externalId is written by all and found exactly", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","externalId":"Ab1"}`)
		d.user(t, `{"userName":"bob","externalId":"aB1"}`)
		found := func(value string, names ...string) {
			t.Helper()
			want(t, value, d.names(t, "/Users?filter="+escape(`externalId eq "`+value+`"`)), names)
		}
		found("Ab1", "ada")
		d.do("PUT /Users/"+id, `{"userName":"ada","externalId":"put"}`).wantStatus(t, 200)
		found("put", "ada")
		d.do("PATCH /Users/"+id, patch(`{"op":"Replace","path":"externalId","value":"patched"}`)).wantStatus(t, 200)
		found("patched", "ada")
		d.do("PATCH /Users/"+id, patch(`{"op":"Replace","value":{"externalId":"again"}}`)).wantStatus(t, 200)
		found("again", "ada")
	}},
	{name: "clients 9.14 members in POST and PUT count, and are no immutable value", run: func(t *testing.T, d *door) {
		g, ids := d.group(t, "G", "a", "b")
		want(t, "POST", d.members(t, g), []string{"a", "b"})
		c := d.user(t, `{"userName":"c"}`)
		for _, d := range []*door{d, d.strictly(t)} {
			d.do("PUT /Groups/"+g, `{"schemas":["`+groupURN+`"],"displayName":"G","members":[{"value":"`+c+`"},{"value":"`+ids[0]+`"}]}`).wantStatus(t, 200)
			want(t, "PUT", len(d.members(t, g)), 2)
		}
	}},
	{name: "clients 9.15 who is inactive is seen, who is deleted is not in the way", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","externalId":"7"}`)
		d.do("PATCH /Users/"+id, patch(`{"op":"Replace","path":"active","value":"False"}`)).wantStatus(t, 200)
		want(t, "by id", d.do("GET /Users/"+id, "").get("active"), any(false))
		want(t, "by name", d.names(t, "/Users?filter="+escape(`userName eq "ADA"`)), []string{"ada"})
		want(t, "again", d.do("PATCH /Users/"+id, patch(`{"op":"Replace","path":"active","value":"True"}`)).get("active"), any(true))
		d.do("DELETE /Users/"+id, "").wantStatus(t, 204)
		if again := d.user(t, `{"userName":"ada","externalId":"7"}`); again == id {
			t.Error("the id is used again")
		}
	}},
	{name: "clients 9.16 concurrent and large changes of members all arrive", run: func(t *testing.T, d *door) {
		const n = 250
		ids, values := make([]string, n), make([]string, n)
		for i := range ids {
			ids[i] = d.user(t, fmt.Sprintf(`{"userName":"u%d"}`, i))
			values[i] = `{"value":"` + ids[i] + `"}`
		}
		g, _ := d.group(t, "One request")
		d.do("PATCH /Groups/"+g, patch(`{"op":"add","path":"members","value":[`+strings.Join(values, ",")+`]}`)).wantStatus(t, 204)
		want(t, "members", len(d.members(t, g)), n)
		h, _ := d.group(t, "Many at once")
		var wait sync.WaitGroup
		for i := range 16 {
			wait.Go(func() {
				d.do("PATCH /Groups/"+h, patch(`{"op":"add","path":"members","value":[`+values[i]+`]}`))
				if i%2 == 1 {
					d.do("PATCH /Groups/"+h, patch(`{"op":"remove","path":"members[value eq \"`+ids[i]+`\"]"}`))
				}
			})
		}
		wait.Wait()
		want(t, "members", len(d.members(t, h)), 8)
	}},
	{name: "clients 9.17 a group without its members", run: func(t *testing.T, d *door) {
		g, _ := d.group(t, "G", "a")
		for _, query := range []string{"/Groups/" + g + "?excludedAttributes=members", "/Groups/" + g + "?attributes=displayName"} {
			a := d.do("GET "+query, "")
			a.wantStatus(t, 200)
			want(t, query, a.get("members"), nil)
		}
		a := d.do("GET /Groups?excludedAttributes=members&filter="+escape(`displayName eq "g"`), "")
		want(t, "found", len(a.list()), 1)
		want(t, "members", a.get("Resources/0/members"), nil)
	}},
	{name: "clients 9.18 filters are decoded once", run: func(t *testing.T, d *door) {
		for _, name := range []string{`a+b@x.example`, `100%25`, `a&b`, `a\"b`, `a\\b`, `guest_x.example#EXT#@y`, `jürgen`, `a%2Bb`} {
			d.user(t, `{"userName":"`+name+`"}`)
			want(t, name, len(d.do("GET /Users?filter="+escape(`userName eq "`+name+`"`), "").list()), 1)
		}
		d.named(t, "josegomezr")
		want(t, "unquoted", d.names(t, "/Users?filter=userName+eq+josegomezr"), []string{"josegomezr"})
		want(t, "operators", d.names(t, "/Users?filter="+escape(`UserName Eq "JOSEGOMEZR" AND not(active eq False)`)), []string{"josegomezr"})
		d.strictly(t).refused(t, "GET /Users?filter=userName+eq+josegomezr", "", 400, "invalidFilter", "")
		d.refused(t, "GET /Users?filter="+escape(`userName eq "a`), "", 400, "invalidFilter", "")
	}},
	{name: "clients 9.19 pages from 1, with right totals and no repeats", run: func(t *testing.T, d *door) {
		seen := map[string]bool{}
		for i := range 25 {
			d.user(t, fmt.Sprintf(`{"userName":"u%d"}`, i))
		}
		want(t, "0 is 1", d.names(t, "/Users?startindex=0&count=2"), d.names(t, "/Users?startIndex=1&count=2"))
		for start := 1; start <= 25; start += 10 {
			a := d.do(fmt.Sprintf("GET /Users?startIndex=%d&count=10", start), "")
			want(t, "totalResults", fmt.Sprint(a.get("totalResults")), "25")
			for _, name := range a.listed(t) {
				if seen[name] {
					t.Errorf("%s twice", name)
				}
				seen[name] = true
			}
		}
		want(t, "seen", len(seen), 25)
	}},
	{name: "clients 9.20 schemas in answers always, in requests if need be", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada"}`)
		for _, a := range []*answer{a, d.do("GET /Users/"+a.id()+"?attributes=userName", ""), d.do("PUT /Users/"+a.id(), `{"userName":"ada","schemas":null}`), d.do("PATCH /Users/"+a.id(), `{"Operations":[{"op":"remove","path":"title"}]}`)} {
			want(t, "schemas", a.get("schemas"), any([]any{userURN}))
		}
		want(t, "schemas", d.do("GET /Users", "").get("Resources/0/schemas"), any([]any{userURN}))
		d.strictly(t).refused(t, "PUT /Users/"+a.id(), `{"userName":"ada"}`, 400, "invalidSyntax", "")
	}},
	{name: "clients 9.21 what a PATCH does not know is refused", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, op := range []string{`{"op":"replace","path":"nothing","value":1}`, `{"op":"add","path":"name.nothing","value":"x"}`, `{"op":"add","path":"urn:x:y:z","value":"x"}`, `{"op":"replace","value":{"nothing":1}}`} {
			d.refused(t, "PATCH /Users/"+id, patch(op), 400, "invalidPath", "")
			d.strictly(t).refused(t, "PATCH /Users/"+id, patch(op), 400, "invalidPath", "")
		}
	}},
	{name: "clients 9.22 what a replace does not mention stays, what it empties goes", run: func(t *testing.T, d *door) {
		g, _ := d.group(t, "G", "a", "b")
		for _, d := range []*door{d, d.strictly(t)} {
			d.do("PATCH /Groups/"+g, patch(`{"op":"replace","value":{"displayName":"H"}}`)).wantStatus(t, 204)
			d.do("PATCH /Groups/"+g, patch(`{"op":"replace","path":"externalId","value":"e"}`)).wantStatus(t, 204)
			want(t, "members", d.members(t, g), []string{"a", "b"})
		}
		d.do("PATCH /Groups/"+g, patch(`{"op":"replace","value":{"id":"`+g+`","displayName":"G","members":[]}}`)).wantStatus(t, 204)
		want(t, "members", d.members(t, g), []string{})
		d.do("PATCH /Groups/"+g, patch(`{"op":"replace","path":"members","value":[]}`)).wantStatus(t, 204)
	}},
	{name: "clients 9.23 read-only attributes are not patched", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, d := range []*door{d, d.strictly(t)} {
			for _, path := range []string{"id", "meta.created", "groups"} {
				d.refused(t, "PATCH /Users/"+id, patch(`{"op":"replace","path":"`+path+`","value":"2001-01-01T00:00:00Z"}`), 400, "mutability", "")
			}
		}
	}},
	{name: "clients 9.24 an add that is repeated changes nothing", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		op := patch(`{"op":"add","path":"emails","value":[{"value":"a@x.example","type":"work"}]}`, `{"op":"add","path":"roles","value":{"value":"r"}}`)
		first := d.do("PATCH /Users/"+id, op)
		want(t, "second", string(d.do("PATCH /Users/"+id, op).body), string(first.body))
	}},
	{name: "clients 9.25 base URLs with a query or a slash, and the configuration", run: func(t *testing.T, d *door) {
		for _, path := range []string{"/Users?aadOptscim062020", "/Users/?aadOptscim062020&filter=userName+eq+%22x%22", "/Users/", "/Users/?", "/ServiceProviderConfig/", "/Users?filter=userName+eq+%22x%22&"} {
			d.do("GET "+path, "").wantStatus(t, 200)
		}
		id := d.user(t, `{"userName":"ada"}`)
		d.do("PUT /Users/"+id+"?", `{"userName":"ada"}`).wantStatus(t, 200)
		d.do("PATCH /Users/"+id+"/?", patch(`{"op":"remove","path":"title"}`)).wantStatus(t, 200)
	}},
	{name: "clients 9.26 a simple attribute as a list of objects", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		op := patch(`{"op":"replace","path":"displayName","value":[{"value":"Ada"}]}`)
		d.strictly(t).refused(t, "PATCH /Users/"+id, op, 400, "invalidValue", "")
		want(t, "displayName", d.do("PATCH /Users/"+id, op).get("displayName"), any("Ada"))
	}},
	{name: "clients 9.27 discovery is in lists, with the enterprise schema", run: func(t *testing.T, d *door) {
		for _, path := range []string{"/Schemas", "/ResourceTypes"} {
			want(t, path, d.do("GET "+path, "").get("schemas"), any([]any{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}))
		}
		d.do("GET /Schemas/"+enterpriseURN, "").wantStatus(t, 200)
	}},
	{name: "clients 9.28 what is advertised works, what is not does not", run: func(t *testing.T, d *door) {
		for _, d := range []*door{d, openRSA(t, none), openRSA(t, scim2.Options{Local: true}), openPingOne(t, none)} {
			id := d.user(t, `{"userName":"ada"}`)
			config := d.do("GET /ServiceProviderConfig", "")
			for part, a := range map[string]*answer{"patch": d.do("PATCH /Users/"+id, patch(`{"op":"add","path":"title","value":"x"}`)), "bulk": d.do("POST /Bulk", `{"Operations":[]}`)} {
				want(t, d.base+" "+part, any(a.status == 200), config.get(part+"/supported"))
			}
		}
	}},
	{name: "clients 9.29 a group is deleted", run: func(t *testing.T, d *door) {
		g, ids := d.group(t, "G", "a")
		d.do("DELETE /Groups/"+g, "").wantStatus(t, 204)
		d.refused(t, "DELETE /Groups/"+g, "", 404, "", "")
		want(t, "groups of the member", d.do("GET /Users/"+ids[0], "").get("groups"), nil)
	}},
	{name: "clients 9.30 a wrong verb is 405, never 404", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, request := range []string{"POST /Users/" + id, "PUT /Users", "DELETE /Groups", "PATCH /Schemas", "PUT /Bulk", "DELETE /.search"} {
			d.refused(t, request, "{}", 405, "", "")
		}
	}},
	{name: "clients 9.31 both forms of Entra ID work side by side", run: func(t *testing.T, d *door) {
		g, ids := d.group(t, "G", "a", "b")
		d.do("PATCH /Groups/"+g, patch(`{"op":"Remove","path":"members","value":[{"$ref":null,"value":"`+ids[0]+`"}]}`)).wantStatus(t, 204)
		d.do("PATCH /Groups/"+g+"?aadOptscim062020", patch(`{"op":"remove","path":"members[value eq \"`+ids[1]+`\"]"}`)).wantStatus(t, 204)
		want(t, "members", d.members(t, g), []string{})
		a := d.do("PATCH /Users/"+ids[0], patch(`{"op":"Replace","path":"active","value":"False"}`))
		want(t, "active", a.get("active"), any(false))
		a = d.do("PATCH /Users/"+ids[0]+"?aadOptscim062020", patch(`{"op":"add","value":{"emails[type eq \"work\"].value":"a@x.example","`+enterpriseURN+`:department":"M"}}`, `{"op":"replace","value":{"active":true,"name.givenName":"A"}}`))
		for path, value := range map[string]any{"active": true, "name/givenName": "A", "emails/0/value": "a@x.example", enterpriseURN + "/department": "M"} {
			want(t, path, a.get(path), value)
		}
	}},
	{name: "clients 9.32 values come back as they were sent", run: func(t *testing.T, d *door) {
		sent := []any{map[string]any{"value": "Ana.Osei@Contoso.EXAMPLE", "type": "work"}}
		id := d.user(t, `{"userName":"Ana@X.example","emails":[{"value":"Ana.Osei@Contoso.EXAMPLE","type":"work"}],"phoneNumbers":[{"value":"(030) 12-34","type":"Mobile"}]}`)
		a := d.do("PATCH /Users/"+id, patch(`{"op":"add","path":"phoneNumbers[type eq \"work\"].value","value":"tel:+49 30"}`))
		want(t, "userName", a.get("userName"), any("Ana@X.example"))
		want(t, "emails", a.get("emails"), any(sent))
		want(t, "phoneNumbers", a.get("phoneNumbers"), any([]any{map[string]any{"value": "(030) 12-34", "type": "Mobile"}, map[string]any{"value": "tel:+49 30", "type": "work"}}))
	}},
	{name: "clients 9.33 the PATCH of SCIM 1.1 is refused, and the message named", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, d := range []*door{d, d.strictly(t)} {
			d.refused(t, "PATCH /Users/"+id, `{"schemas":["urn:scim:schemas:core:1.0"],"active":false}`, 400, "invalidSyntax", "schemas must contain urn:ietf:params:scim:api:messages:2.0:PatchOp")
		}
		want(t, "active", d.do("GET /Users/"+id, "").get("active"), any(true))
	}},
	{name: "clients 9.34 what is required is asked of the result", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.do("PATCH /Users/"+id, patch(`{"op":"replace","value":{"name":{"givenName":"A"}}}`, `{"op":"replace","value":{"title":"t"}}`)).wantStatus(t, 200)
		d.do("PATCH /Users/"+id, patch(`{"op":"replace","path":"userName","value":"bea"}`)).wantStatus(t, 200)
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"remove","path":"userName"}`), 400, "mutability", "")
	}},
	{name: "clients 9.35 members with their display and $ref", run: func(t *testing.T, d *door) {
		g, ids := d.group(t, "G", "a")
		want(t, "members", d.do("GET /Groups/"+g, "").get("members"), any([]any{map[string]any{"value": ids[0], "display": "a", "$ref": publicURL + d.base + "/Users/" + ids[0], "type": "User"}}))
	}},
}

// TestRewrites uses each rewrite once: it is named in the audit row of what it
// let through and in the log, and without it the request is refused, or means
// something else.
func TestRewrites(t *testing.T) {
	d := openStandard(t, none)
	boss := d.user(t, `{`+declared+`"userName":"boss"}`)
	tests := map[string]struct {
		request, body string // of the user %s
		header        string
		without       int // status
	}{
		"op-case":          {"PATCH /Users/%s", patch(`{"op":"Replace","path":"title","value":"y"}`), "", 400},
		"bool-strings":     {"PATCH /Users/%s", patch(`{"op":"replace","path":"active","value":"False"}`), "", 400},
		"path-keys":        {"PATCH /Users/%s", patch(`{"op":"replace","value":{"name.givenName":"A"}}`), "", 400},
		"readonly-strip":   {"PATCH /Users/%s", patch(`{"op":"replace","value":{"id":"x","title":"y"}}`), "", 400},
		"create-on-absent": {"PATCH /Users/%s", patch(`{"op":"add","path":"emails[type eq \"home\"].value","value":"h@x.example"}`), "", 400},
		"remove-values":    {"PATCH /Users/%s", patch(`{"op":"remove","path":"roles","value":[{"value":"r"}]}`), "", 400},
		"scalar-ref":       {"PATCH /Users/%s", patch(`{"op":"add","path":"` + enterpriseURN + `:manager","value":""}`), "", 400},
		"one-or-many":      {"PUT /Users/%s", `{` + declared + `"userName":"u","emails":{"value":"a@x.example"}}`, "", 400},
		"singular-filter":  {"PATCH /Users/%s", patch(`{"op":"remove","path":"` + enterpriseURN + `:manager[value eq \"` + boss + `\"]"}`), "", 400},
		"ext-bare":         {"PATCH /Users/%s", patch(`{"op":"add","path":"department","value":"D"}`), "", 400},
		"urn-dot":          {"PATCH /Users/%s", patch(`{"op":"add","path":"` + enterpriseURN + `.division","value":"D"}`), "", 400},
		"schemas-assume":   {"PUT /Users/%s", `{"userName":"u","title":"y"}`, "", 400},
		"schemas-ignore":   {"PUT /Users/%s", `{"schemas":["` + userURN + `","http://x.example/unknown"],"userName":"u","title":"y"}`, "", 400},
		"media-type":       {"PATCH /Users/%s", patch(`{"op":"add","path":"title","value":"y"}`), "Content-Type: text/json", 415},
		"filter-loose":     {"PATCH /Users/%s", patch(`{"op":"replace","path":"roles[value eq 'r'].display","value":"R"}`), "", 400},
		"query-loose":      {"PATCH /Users/%s?ATTRIBUTES=userName", patch(`{"op":"add","path":"title","value":"y"}`), "", 200},
		"put-keep":         {"PUT /Users/%s", `{` + declared + `"userName":"u","title":"y"}`, "", 200},
		"primary-last":     {"PUT /Users/%s", `{` + declared + `"userName":"u","roles":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, "", 400},
	}
	for _, name := range directory.RewriteNames() {
		t.Run(name, func(t *testing.T) {
			test, known := tests[name]
			if !known {
				t.Fatal("no request")
			}
			id := d.user(t, `{"schemas":["`+userURN+`","`+enterpriseURN+`"],"userName":"u","title":"x","roles":[{"value":"r"}],"`+enterpriseURN+`":{"manager":{"value":"`+boss+`"}}}`)
			defer d.do("DELETE /Users/"+id, "")
			request := strings.Replace(test.request, "%s", id, 1)
			send := func(d *door) *answer {
				if test.header != "" {
					return d.do(request, test.body, test.header)
				}
				return d.do(request, test.body)
			}
			named := func(rewrites map[string]bool) *door {
				return d.as(d.client(t, func(s *directory.ClientSettings) { s.Mode, s.Rewrites = directory.Strict, rewrites }))
			}
			d.log.Reset()
			without := send(named(nil))
			without.wantStatus(t, test.without)
			if log := d.log.String(); strings.Contains(log, "rewrites") {
				t.Errorf("without it the log has %s", log)
			}
			d.do("PUT /Users/"+id, `{"schemas":["`+userURN+`","`+enterpriseURN+`"],"userName":"u","title":"x","roles":[{"value":"r"}],"`+enterpriseURN+`":{"manager":{"value":"`+boss+`"}}}`).wantStatus(t, 200)
			d.log.Reset()
			with := send(named(map[string]bool{name: true}))
			with.wantStatus(t, 200)
			if log := d.log.String(); !strings.Contains(log, `"rewrites":["`+name+`"]`) {
				t.Errorf("the log has %s", log)
			}
			if with.status == without.status && string(with.body) == string(without.body) {
				t.Errorf("it makes no difference: %s", with.body)
			}
			rows, err := d.dir.Audit(t.Context(), directorytest.Environment, 0, 10_000)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "audit row", rows[len(rows)-1].ID, id)
			want(t, "in the audit row", rows[len(rows)-1].Rewrites, []string{name})
		})
	}
}
