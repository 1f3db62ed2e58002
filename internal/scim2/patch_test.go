package scim2_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

func TestConformancePatch(t *testing.T) {
	runChecks(t, openStandard, standardPatch)
	runChecks(t, openPingOne, pingOnePatch)
	runChecks(t, openRSA, rsaPatch)
}

// patch makes a PATCH message of operations.
func patch(operations ...string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + strings.Join(operations, ",") + `]}`
}

// standardPatch is section 16 of the requirements, as far as it is of HTTP and
// of what is stored: the algebra of operations is proven where it is defined.
var standardPatch = []check{
	{name: "scim:PAT-01,scim:PAT-13,scim:PAT-14 PATCH is there, 404 for a resource that is not, 412 for another version", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		g := d.create(t, "/Groups", `{"displayName":"G"}`).id()
		want(t, "patch", d.do("GET /ServiceProviderConfig", "").get("patch/supported"), any(true))
		d.do("PATCH /Users/"+id, patch(`{"op":"add","path":"title","value":"x"}`)).wantStatus(t, 200)
		d.do("PATCH /Groups/"+g, patch(`{"op":"add","path":"displayName","value":"H"}`)).wantStatus(t, 204)
		for _, path := range []string{"/Users/none", "/Groups/none", "/Groups/" + id, "/Users/" + g} {
			d.refused(t, "PATCH "+path, patch(`{"op":"add","path":"externalId","value":"x"}`), 404, "", "")
		}
		before := string(d.do("GET /Users/"+id, "").body)
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"remove","path":"title"}`), 412, "", "", `If-Match: W/"1"`)
		want(t, "user", string(d.do("GET /Users/"+id, "").body), before)
		d.do("PATCH /Users/"+id, patch(`{"op":"remove","path":"title"}`), `If-Match: W/"2"`).wantStatus(t, 200)
	}},
	{name: "scim:PAT-09,scim:PAT-10,scim:PAT-11,scim:ATT-11 the answer of a PATCH", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		g := d.create(t, "/Groups", `{"displayName":"G"}`).id()
		op := patch(`{"op":"add","path":"externalId","value":"x"}`)
		body := d.as(d.client(t, func(s *directory.ClientSettings) { s.PatchResponse = directory.PatchBody }))
		none := d.as(d.client(t, func(s *directory.ClientSettings) { s.PatchResponse = directory.PatchNone }))
		for _, r := range []struct {
			d      *door
			path   string
			status int
		}{
			{d, "/Users/" + id, 200}, {d, "/Users/" + id + "?attributes=userName", 200}, {d, "/Groups/" + g, 204}, {d, "/Groups/" + g + "?attributes=displayName", 200},
			{d, "/Groups/" + g + "?excludedAttributes=members", 200}, {body, "/Users/" + id, 200}, {body, "/Groups/" + g, 200},
			{none, "/Users/" + id, 204}, {none, "/Groups/" + g, 204}, {none, "/Users/" + id + "?attributes=userName", 200},
		} {
			a := r.d.do("PATCH "+r.path, op)
			a.wantStatus(t, r.status)
			path, _, _ := strings.Cut(r.path, "?")
			read := d.do("GET "+path, "")
			for _, name := range []string{"ETag", "Location", "Content-Location"} {
				a.wantHeader(t, name, read.header.Get(name))
			}
			if read.header.Get("ETag") == "" || read.header.Get("Location") != publicURL+d.base+path {
				t.Errorf("%s: ETag %q, Location %q", path, read.header.Get("ETag"), read.header.Get("Location"))
			}
			switch {
			case r.status == 204:
				want(t, r.path, string(a.body), "")
			case strings.Contains(r.path, "?attributes"):
				want(t, r.path, len(a.json()), 3)
			default:
				want(t, r.path, string(a.body), string(read.body))
			}
		}
	}},
	{name: "scim:SCH-18,scim:USR-16 what is read-only is ignored in POST and PUT and refused in PATCH", run: func(t *testing.T, d *door) {
		sent := `"id":"7","meta":{"created":"2001-01-01T00:00:00Z"},"groups":[{"value":"7"}]`
		a := d.create(t, "/Users", `{"userName":"ada",`+sent+`}`)
		d.create(t, "/Users", `{"userName":"bob","groups":[]}`)
		g := d.create(t, "/Groups", `{"displayName":"G","members":[{"value":"`+a.id()+`"}]}`).id()
		put := d.do("PUT /Users/"+a.id(), `{"userName":"ada",`+sent+`}`)
		put.wantStatus(t, 200)
		want(t, "id", put.id(), a.id())
		want(t, "created", put.get("meta/created"), any(stamp))
		want(t, "groups", put.get("groups/0/value"), any(g))
		for _, op := range []string{`{"op":"replace","path":"id","value":"7"}`, `{"op":"add","path":"meta.created","value":"2001-01-01T00:00:00Z"}`, `{"op":"remove","path":"groups"}`,
			`{"op":"add","path":"groups","value":[{"value":"7"}]}`, `{"op":"remove","path":"groups[value eq \"` + g + `\"]"}`, `{"op":"replace","path":"groups","value":[]}`} {
			d.refused(t, "PATCH /Users/"+a.id(), patch(op), 400, "mutability", "Operations[0]: ...")
		}
		want(t, "user", string(d.do("GET /Users/"+a.id(), "").body), string(put.body))
	}},
	{name: "scim:USR-18 both the whole name and its parts are as they were written", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada","name":{"formatted":"Ada King","givenName":"Ada","familyName":"King"}}`)
		want(t, "name", a.get("name"), any(map[string]any{"formatted": "Ada King", "givenName": "Ada", "familyName": "King"}))
		a = d.do("PATCH /Users/"+a.id(), patch(`{"op":"replace","value":{"name":{"formatted":"Ada Lovelace","familyName":"Lovelace"}}}`))
		want(t, "name", a.get("name"), any(map[string]any{"formatted": "Ada Lovelace", "givenName": "Ada", "familyName": "Lovelace"}))
	}},
	{name: "scim:GRP-03,scim:GRP-06 members are users and groups that exist, and are all or none", run: func(t *testing.T, d *door) {
		ada, bob := d.user(t, `{"userName":"ada"}`), d.user(t, `{"userName":"bob"}`)
		inner := d.create(t, "/Groups", `{"displayName":"Inner"}`).id()
		g := d.create(t, "/Groups", `{"displayName":"G","members":[{"value":"`+ada+`"}]}`).id()
		foreign := d.as(directorytest.OtherToken).user(t, `{"userName":"eve"}`)
		before := string(d.do("GET /Groups/"+g, "").body)
		for _, id := range []string{"none", foreign} {
			d.refused(t, "PATCH /Groups/"+g, patch(`{"op":"add","path":"members","value":[{"value":"`+bob+`"},{"value":"`+id+`"}]}`), 400, "invalidValue",
				"Operations[0].value[1]: there is nothing with the id "+id)
			d.refused(t, "PATCH /Groups/"+g, patch(`{"op":"remove","path":"members"}`, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`), 400, "invalidValue",
				"Operations[1].value[0]: there is nothing with the id "+id)
		}
		want(t, "group", string(d.do("GET /Groups/"+g, "").body), before)
		for _, op := range []string{`{"op":"replace","path":"members[value eq \"` + ada + `\"].value","value":"` + bob + `"}`, `{"op":"replace","path":"members[value eq \"` + ada + `\"].display","value":"x"}`,
			`{"op":"replace","path":"members[value eq \"` + ada + `\"].type","value":"Group"}`} {
			d.refused(t, "PATCH /Groups/"+g, patch(op), 400, "mutability", "")
		}
		a := d.do("PATCH /Groups/"+g+"?attributes=members", patch(`{"op":"add","path":"members","value":[{"value":"`+inner+`"}]}`))
		want(t, "members", a.get("members"), any([]any{
			map[string]any{"value": ada, "$ref": publicURL + "/scim/v2/Users/" + ada, "display": "ada", "type": "User"},
			map[string]any{"value": inner, "$ref": publicURL + "/scim/v2/Groups/" + inner, "display": "Inner", "type": "Group"}}))
	}},
	{name: "scim:GRP-07,scim:GRP-08 groups may contain each other, and a new name is no change of the group", run: func(t *testing.T, d *door) {
		ada := d.user(t, `{"userName":"ada"}`)
		a := d.create(t, "/Groups", `{"displayName":"A","members":[{"value":"`+ada+`"}]}`).id()
		b := d.create(t, "/Groups", `{"displayName":"B","members":[{"value":"`+a+`"}]}`).id()
		d.do("PATCH /Groups/"+a, patch(`{"op":"add","path":"members","value":[{"value":"`+b+`"},{"value":"`+a+`"}]}`)).wantStatus(t, 204)
		user := d.do("GET /Users/"+ada, "")
		groups, _ := user.get("groups").([]any)
		want(t, "groups of the user", len(groups), 2)
		before := d.do("GET /Groups/"+a, "")
		d.do("PATCH /Users/"+ada, patch(`{"op":"add","path":"displayName","value":"Ada King"}`)).wantStatus(t, 200)
		after := d.do("GET /Groups/"+a, "")
		want(t, "version", after.get("meta"), before.get("meta"))
		if !strings.Contains(string(after.body), `"display":"Ada King"`) {
			t.Errorf("%s", after.body)
		}
	}},
	{name: "scim:PAT-56 members added at the same time all survive", run: func(t *testing.T, d *door) {
		g := d.create(t, "/Groups", `{"displayName":"G"}`).id()
		const n = 20
		ids := make([]string, n)
		for i := range ids {
			ids[i] = d.user(t, fmt.Sprintf(`{"userName":"u%d"}`, i))
		}
		var wait sync.WaitGroup
		for _, id := range ids {
			wait.Go(func() {
				if a := d.do("PATCH /Groups/"+g, patch(`{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)); a.status != 204 {
					t.Errorf("%s", a.body)
				}
			})
		}
		wait.Wait()
		members, _ := d.do("GET /Groups/"+g, "").get("members").([]any)
		want(t, "members", len(members), n)
	}},
	{name: "scim:ERR-05 a fault says which operation and which attribute, and no secret", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		ok := `{"op":"add","path":"title","value":"x"}`
		d.refused(t, "PATCH /Users/"+id, patch(ok, `{"op":"add","path":"nothing","value":1}`), 400, "invalidPath", "Operations[1]: nothing: attribute nothing in path nothing is undefined")
		d.refused(t, "PATCH /Users/"+id, patch(ok, ok, `{"op":"add","path":"active","value":7}`), 400, "invalidValue", "Operations[2]: active must be of the JSON type boolean")
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"remove","path":"userName"}`), 400, "mutability", "The result of the operations: userName is required and cannot be removed")
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"remove"}`), 400, "noTarget", "Operations[0]: remove needs a path")
		a := d.refused(t, "PATCH /Users/"+id, patch(`{"op":"add","path":"password","value":"hunter2"}`), 400, "invalidValue", "")
		if strings.Contains(string(a.body), "hunter2") {
			t.Errorf("%s", a.body)
		}
		want(t, "title", d.do("GET /Users/"+id, "").get("title"), nil)
	}},
	{name: "limits of a PATCH", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		ops := strings.TrimSuffix(strings.Repeat(`{"op":"add","path":"title","value":"x"},`, 1001), ",")
		d.refused(t, "PATCH /Users/"+id, patch(ops), 413, "", "The request has more than 1000 operations")
		g := d.create(t, "/Groups", `{"displayName":"G"}`).id()
		members := strings.TrimSuffix(strings.Repeat(`{"value":"`+id+`"},`, 10_001), ",")
		d.refused(t, "PATCH /Groups/"+g, patch(`{"op":"add","path":"members","value":[`+members+`]}`), 413, "", "The request has more than 10000 member values")
	}},
	{name: "an unknown attribute is left out for clients that have it so", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		op := patch(`{"op":"add","path":"nothing","value":1}`, `{"op":"add","path":"title","value":"x"}`)
		d.refused(t, "PATCH /Users/"+id, op, 400, "invalidPath", "")
		ignoring := d.as(d.client(t, func(s *directory.ClientSettings) { s.UnknownAttributes = directory.UnknownIgnore }))
		a := ignoring.do("PATCH /Users/"+id, op)
		want(t, "title", a.get("title"), any("x"))
	}},
	{name: "the modes are the client's", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, m := range []directory.Mode{directory.Strict, directory.Interop} {
			c := d.as(d.client(t, func(s *directory.ClientSettings) { s.Mode = m }))
			c.refused(t, "PATCH /Users/"+id, patch(`{"op":"Add","path":"title","value":"x"}`), 400, "invalidSyntax", "")
			c.refused(t, "PATCH /Users/"+id, `{"Operations":[{"op":"add","path":"title","value":"x"}]}`, 400, "invalidSyntax", "")
			c.refused(t, "POST /Users", `{"userName":"bob"}`, 400, "invalidSyntax", "")
			c.refused(t, "GET /users", "", 404, "", "")
			c.do("PATCH /Users/"+id, patch(`{"op":"add","path":"title","value":"`+string(m)+`"}`)).wantStatus(t, 200)
			one := d.as(d.client(t, func(s *directory.ClientSettings) { s.Mode, s.Rewrites = m, map[string]bool{"op-case": true} }))
			one.do("PATCH /Users/"+id, patch(`{"op":"Replace","path":"title","value":"y"}`)).wantStatus(t, 200)
			one.refused(t, "PATCH /Users/"+id, patch(`{"op":"Replace","path":"active","value":"False"}`), 400, "invalidValue", "")
		}
		less := d.as(d.client(t, func(s *directory.ClientSettings) { s.Rewrites = map[string]bool{"op-case": false} }))
		less.refused(t, "PATCH /Users/"+id, patch(`{"op":"Add","path":"title","value":"x"}`), 400, "invalidSyntax", "")
		less.do("PATCH /Users/"+id, patch(`{"op":"add","path":"active","value":"False"}`)).wantStatus(t, 200)
		rows, err := d.dir.Audit(t.Context(), directorytest.Environment, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "rewrites of the last row", rows[len(rows)-1].Rewrites, []string{"bool-strings"})
	}},
}

// pingOnePatch is PATCH of the sheet's section 7.
var pingOnePatch = []check{
	{name: "pingone:B36 the message", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, op := range []string{"add", "Add", "REPLACE", "replace"} {
			d.do("PATCH /Users/"+id, patch(`{"op":"`+op+`","path":"title","value":"`+op+`"}`)).wantStatus(t, 200)
		}
		d.do("PATCH /Users/"+id, `{"Operations":[{"op":"Remove","path":"title"}]}`).wantStatus(t, 200)
		for _, body := range []string{`{}`, patch(), `{"schemas":["x"],"Operations":[{"op":"remove","path":"title"}]}`, patch(`{"op":"set","path":"title","value":"x"}`), patch(`{"path":"title"}`), patch(`7`), `{"Operations":{}}`} {
			d.refused(t, "PATCH /Users/"+id, body, 400, "invalidSyntax", "")
		}
	}},
	{name: "pingone:B37,pingone:B38,pingone:B45 all or nothing, in order, and the whole user after it", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","nickName":"n","name":{"givenName":"A"}}`)
		read := func() string { return string(d.do("GET /Users/"+id, "").body) }
		ops := []string{`{"op":"replace","path":"userName","value":"Isabella_Patched"}`, `{"op":"remove","path":"nickName"}`, `{"op":"add","path":"name.middleName","value":"midN"}`}
		before := read()
		d.clock.Advance(time.Second)
		d.refused(t, "PATCH /Users/"+id, patch(append(ops, `{"op":"replace","path":"meta.created","value":"2020-01-01T00:00:00.000Z"}`)...), 400, "mutability", "Attribute meta.created is read-only")
		want(t, "user", read(), before)
		a := d.do("PATCH /Users/"+id, patch(ops...))
		a.wantStatus(t, 200)
		want(t, "user", string(a.body), read())
		want(t, "userName", a.get("userName"), any("Isabella_Patched"))
		want(t, "nickName", a.get("nickName"), nil)
		want(t, "name", a.get("name"), any(map[string]any{"givenName": "A", "middleName": "midN"}))
		want(t, "lastModified", a.get("meta/lastModified"), any("2026-03-01T08:15:31.120Z"))
		d.clock.Advance(time.Second)
		empty := d.do("PATCH /Users/"+id, patch(`{"op":"remove","path":"nickName"}`))
		empty.wantStatus(t, 200)
		want(t, "user", string(empty.body), string(a.body))
		last := d.do("PATCH /Users/"+id, patch(`{"op":"add","path":"title","value":"a"}`, `{"op":"replace","path":"title","value":"b"}`))
		want(t, "title", last.get("title"), any("b"))
		want(t, "lastModified", last.get("meta/lastModified"), any("2026-03-01T08:15:32.120Z"))
	}},
	{name: "pingone:B39 paths", run: func(t *testing.T, d *door) {
		p := d.population(t, "Other")
		id := d.user(t, `{"userName":"ada","emails":[{"value":"a@x.example","primary":true}],"phoneNumbers":[{"value":"1","type":"mobile"}],"addresses":[{"locality":"L"}]}`)
		a := d.do("PATCH /Users/"+id, patch(
			`{"op":"replace","path":"userName","value":"bea"}`, `{"op":"replace","path":"name.middleName","value":"M"}`,
			`{"op":"replace","path":"emails[primary eq true].value","value":"b@x.example"}`, `{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":"2"}`,
			`{"op":"replace","path":"addresses.locality","value":"K"}`, `{"op":"replace","path":"active","value":false}`,
			`{"op":"replace","path":"urn:pingidentity:schemas:extension:2.0:PingOneUser:population.id","value":"`+p+`"}`))
		a.wantJSON(t, d, `{"schemas":["`+userURN+`","`+pingOneURN+`"],"id":"$ID","meta":{"resourceType":"User","created":"$T","lastModified":"$T","location":"$BASE/Users/$ID"},
			"userName":"bea","name":{"middleName":"M"},"active":false,"emails":[{"value":"b@x.example","primary":true}],"phoneNumbers":[{"value":"2","type":"mobile"}],"addresses":[{"locality":"K"}],
			"`+pingOneURN+`":{"population":{"id":"`+p+`"}}}`)
		a = d.do("PATCH /Users/"+id, patch(`{"op":"replace","path":"emails","value":[{"value":"c@x.example"}]}`))
		want(t, "emails", a.get("emails"), any([]any{map[string]any{"value": "c@x.example"}}))
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"replace","path":"`+pingOneURN+`:population.id","value":"none"}`), 400, "invalidValue", "population.id: does not exist")
	}},
	{name: "pingone:B40,pingone:B41 without a path, and what is not there", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","name":{"givenName":"A"}}`)
		for _, op := range []string{"add", "replace"} {
			a := d.do("PATCH /Users/"+id, patch(`{"op":"`+op+`","value":{"title":"`+op+`","name":{"familyName":"B"},"displayName":"not here"}}`))
			want(t, "title", a.get("title"), any(op))
			want(t, "name", a.get("name"), any(map[string]any{"givenName": "A", "familyName": "B"}))
		}
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"remove"}`), 400, "noTarget", "path field must not be null for remove operations")
		d.do("PATCH /Users/"+id, patch(`{"op":"remove","path":"nickName"}`)).wantStatus(t, 200)
		d.do("PATCH /Users/"+id, patch(`{"op":"remove","path":"emails[value eq \"x\"]"}`)).wantStatus(t, 200)
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"replace","path":"emails[value eq \"x\"].value","value":"y@x.example"}`), 400, "noTarget", `Attribute emails does not have a value matching the filter value eq "x"`)
	}},
	{name: "pingone:B42 what cannot be taken away or written, and unknown paths", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, op := range []string{`{"op":"remove","path":"userName"}`, `{"op":"replace","path":"userName","value":null}`, `{"op":"replace","path":"userName","value":""}`, `{"op":"replace","value":{"userName":""}}`,
			`{"op":"remove","path":"` + pingOneURN + `:population"}`, `{"op":"remove","path":"` + pingOneURN + `:population.id"}`, `{"op":"remove","path":"` + pingOneURN + `"}`, `{"op":"replace","path":"` + pingOneURN + `:population.id","value":null}`} {
			d.refused(t, "PATCH /Users/"+id, patch(op), 400, "invalidValue", "Attribute ...")
		}
		for _, op := range []string{`{"op":"replace","path":"id","value":"7"}`, `{"op":"remove","path":"meta"}`, `{"op":"add","path":"meta.location","value":"x"}`, `{"op":"replace","value":{"id":"7"}}`} {
			d.refused(t, "PATCH /Users/"+id, patch(op), 400, "mutability", "Attribute ...")
		}
		for path, said := range map[string]string{"nothing": "Attribute nothing in path nothing is undefined", "displayName": "Attribute displayName in path displayName is undefined", "name.nothing": "Sub-attribute nothing in path name.nothing is undefined"} {
			d.refused(t, "PATCH /Users/"+id, patch(`{"op":"add","path":"`+path+`","value":"x"}`), 400, "invalidPath", said)
		}
	}},
	{name: "pingone:B43 passwords are passed over", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","password":"Correct horse 1"}`)
		for i, op := range []string{`{"op":"replace","path":"password","value":"Correct horse 2"}`, `{"op":"add","path":"` + userURN + `:PASSWORD","value":7}`, `{"op":"remove","path":"password"}`, `{"op":"replace","value":{"password":"x","nickName":"n"}}`} {
			a := d.do("PATCH /Users/"+id, patch(op, fmt.Sprintf(`{"op":"add","path":"title","value":"%d"}`, i)))
			a.wantStatus(t, 200)
			want(t, "title", a.get("title"), any(fmt.Sprint(i)))
		}
		want(t, "nickName", d.do("GET /Users/"+id, "").get("nickName"), any("n"))
		want(t, "sign-in", d.signIn(t, "ada", "Correct horse 1"), true)
	}},
	{name: "pingone:B44 the forms of Entra ID", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, s := range []struct {
			value string
			want  bool
		}{{"False", false}, {"True", true}, {"false", false}} {
			a := d.do("PATCH /Users/"+id, patch(`{"op":"Replace","path":"active","value":"`+s.value+`"}`, `{"op":"Add","path":"title","value":"x"}`, `{"op":"Remove","path":"title"}`))
			want(t, s.value, a.get("active"), any(s.want))
		}
	}},
	{name: "a PATCH changes what is shown and keeps what is not", run: func(t *testing.T, d *door) {
		id := d.stored(t, `{"userName":"ada","displayName":"D","locale":"EN_US","emails":[{"value":"a","type":"work"},{"value":"b@x.example","primary":true}],"`+managedURN+`":{"custom":1}}`)
		d.do("PATCH /Users/"+id, patch(`{"op":"replace","path":"emails[primary eq true].value","value":"c@x.example"}`, `{"op":"add","path":"nickName","value":"n"}`)).wantStatus(t, 200)
		want(t, "kept", d.kept(t, id), `{"userName":"ada","displayName":"D","nickName":"n","locale":"EN_US","active":true,"emails":[{"value":"a","type":"work"},{"value":"c@x.example","primary":true}],"`+managedURN+`":{"custom":1}}`)
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"replace","path":"locale","value":"E_U"}`), 400, "invalidValue", "locale: must be a language tag such as en-US")
	}},
}

// rsaPatch is section 5.8 of the sheet.
var rsaPatch = []check{
	{name: "rsa:RSA-080,rsa:RSA-081,rsa:RSA-082,rsa:RSA-083,rsa:RSA-084,rsa:RSA-005 the whole user, in any letter case", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"USERNAME":"ada"}`)
		path := "/Users/" + id
		for i, op := range []string{"add", "Replace", "ADD", "replace"} {
			d.clock.Advance(time.Second)
			a := d.do("PATCH "+path, patch(fmt.Sprintf(`{"op":"%s","path":"nickname","value":"Uno%d"}`, op, i)))
			a.wantJSON(t, d, fmt.Sprintf(`{"schemas":["`+userURN+`"],"id":"$ID","meta":{"resourceType":"User","created":"$T","lastModified":"2026-03-01T08:15:%d.120Z","location":"$BASE/Users/$ID"},
				"userName":"ada","nickName":"Uno%d","active":true}`, 31+i, i))
			a.wantStatus(t, 200)
		}
		a := d.do("PATCH "+path, patch(`{"op":"Remove","path":"nickname"}`))
		a.wantStatus(t, 200)
		want(t, "nickName", a.get("nickName"), nil)
		want(t, "found", d.names(t, "/Users?filter="+escape(`username eq "ada"`)), []string{"ada"})
		d.refused(t, "PATCH "+path, patch(`{"op":"set","path":"nickname","value":"x"}`), 400, "invalidSyntax", "Patch op[0]: op must be one of add, remove, replace.")
	}},
	{name: "rsa:RSA-085,rsa:RSA-086 paths, and values without one", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","emails":[{"type":"work","value":"w@x.example"},{"type":"home","value":"h@x.example"}]}`)
		for _, prefix := range []string{"", userURN + ":"} {
			escaped := strings.ReplaceAll(prefix, `"`, `\"`)
			a := d.do("PATCH /Users/"+id, patch(`{"op":"add","path":"`+escaped+`title","value":"t"}`, `{"op":"add","path":"`+escaped+`name.givenName","value":"A"}`,
				`{"op":"replace","path":"`+escaped+`emails[type eq \"work\"]","value":{"value":"v@x.example"}}`, `{"op":"replace","path":"`+escaped+`emails[type eq \"home\"].value","value":"i@x.example"}`))
			a.wantStatus(t, 200)
			want(t, "title", a.get("title"), any("t"))
			want(t, "name", a.get("name"), any(map[string]any{"givenName": "A"}))
			want(t, "emails", a.get("emails"), any([]any{map[string]any{"type": "work", "value": "v@x.example"}, map[string]any{"type": "home", "value": "i@x.example"}}))
			d.do("PATCH /Users/"+id, patch(`{"op":"remove","path":"`+escaped+`title"}`, `{"op":"remove","path":"`+escaped+`name.givenName"}`)).wantStatus(t, 200)
		}
		for _, op := range []string{"add", "replace"} {
			a := d.do("PATCH /Users/"+id, patch(`{"op":"`+op+`","value":{"title":"`+op+`","`+enterpriseURN+`":{"department":"`+op+`"}}}`))
			want(t, "title", a.get("title"), any(op))
			want(t, "department", a.get(enterpriseURN), any(map[string]any{"department": op}))
		}
	}},
	{name: "rsa:RSA-087,rsa:RSA-088,rsa:RSA-093 messages of operations", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		ok := `{"op":"add","path":"title","value":"x"}`
		d.refused(t, "PATCH /Users/"+id, patch(ok, `{"op":"remove"}`), 400, "noTarget", "Patch op[1]: path field must not be null for remove operations.")
		for i, value := range []string{`,"value":null`, `,"value":[]`, `,"value":{}`, ``} {
			op := []string{"add", "Replace"}[i%2]
			d.refused(t, "PATCH /Users/"+id, patch(`{"op":"`+op+`","path":"emails"`+value+`}`), 400, "invalidSyntax", "Patch op[0]: value field must not be null or an empty container.")
			d.refused(t, "PATCH /Users/"+id, patch(ok, `{"op":"`+op+`"`+value+`}`), 400, "invalidSyntax", "Patch op[1]: value field must not be null or an empty container.")
		}
		d.refused(t, "PATCH /Users/"+id, patch(ok, `{"op":"remove","path":"userName"}`), 400, "invalidSyntax", "Applying patch ops results in an invalid resource: Attribute userName is required and must have a value.")
		want(t, "title", d.do("GET /Users/"+id, "").get("title"), nil)
	}},
	{name: "rsa:RSA-089,rsa:RSA-090 filters that match nothing", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"w@x.example"}}`), 400, "noTarget", `Patch op[0]: Attribute emails does not have a value matching the filter type eq "work".`)
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"replace","path":"emails[value co \"x\"].value","value":"w@x.example"}`), 400, "noTarget", `Patch op[0]: Attribute emails does not have a value matching the filter value co "x".`)
		before := string(d.do("GET /Users/"+id, "").body)
		a := d.do("PATCH /Users/"+id, patch(`{"op":"remove","path":"emails[type eq \"work\"]"}`))
		a.wantStatus(t, 200)
		want(t, "user", string(a.body), before)
		for i, op := range []string{"add", "Replace"} {
			kind := []string{"work", "home"}[i]
			a := d.do("PATCH /Users/"+id, patch(`{"op":"`+op+`","path":"emails[type eq \"`+kind+`\"].value","value":"`+kind+`@x.example"}`))
			a.wantStatus(t, 200)
			want(t, kind, a.get(fmt.Sprintf("emails/%d", i)), any(map[string]any{"type": kind, "value": kind + "@x.example"}))
		}
	}},
	{name: "rsa:RSA-091,rsa:RSA-092,rsa:RSA-094 what cannot be taken away, written or found", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, op := range []string{`{"op":"remove","path":"userName"}`, `{"op":"replace","path":"userName","value":""}`, `{"op":"replace","path":"userName","value":null}`, `{"op":"add","value":{"userName":""}}`} {
			d.refused(t, "PATCH /Users/"+id, patch(op), 400, "invalidSyntax", "")
		}
		for path, value := range map[string]string{"id": `"7"`, "meta": `{"created":"2001-01-01T00:00:00Z"}`, "meta.created": `"2001-01-01T00:00:00Z"`, "groups": `[{"value":"7"}]`} {
			d.refused(t, "PATCH /Users/"+id, patch(`{"op":"replace","path":"`+path+`","value":`+value+`}`), 400, "mutability", "Patch op[0]: Attribute "+path+" is read-only.")
		}
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"replace","value":{"id":"7"}}`), 400, "mutability", "Patch op[0]: Attribute id is read-only.")
		for path, said := range map[string]string{"nothing": "Attribute nothing in path nothing is undefined.", "name.nothing": "Sub-attribute nothing in path name.nothing is undefined.",
			`title[value eq \"x\"]`: `Attribute title in path title[value eq "x"] must not have a value selection filter because it is not multi-valued.`} {
			d.refused(t, "PATCH /Users/"+id, patch(`{"op":"add","path":"`+path+`","value":"x"}`), 400, "invalidPath", "Patch op[0]: "+said)
		}
	}},
	{name: "rsa:RSA-095,rsa:RSA-096,rsa:RSA-098 all or none; nothing is no change; a taken userName", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","title":"x"}`)
		d.user(t, `{"userName":"bob"}`)
		d.clock.Advance(time.Second)
		before := string(d.do("GET /Users/"+id, "").body)
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"add","path":"title","value":"y"}`, `{"op":"add","path":"nothing","value":"x"}`), 400, "invalidPath", "Patch op[1]: ...")
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"add","path":"title","value":"y"}`, `{"op":"replace","path":"userName","value":"BOB"}`), 409, "uniqueness", "User with userName BOB already exists.")
		for _, op := range []string{`{"op":"replace","path":"title","value":"x"}`, `{"op":"remove","path":"nickName"}`, `{"op":"add","value":{"userName":"ada"}}`} {
			a := d.do("PATCH /Users/"+id, patch(op))
			a.wantStatus(t, 200)
			want(t, op, string(a.body), before)
		}
	}},
	{name: "rsa:RSA-097 active by a boolean or its name", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, s := range []struct {
			sent string
			want bool
		}{{`false`, false}, {`true`, true}, {`"False"`, false}, {`"True"`, true}} {
			want(t, s.sent, d.do("PATCH /Users/"+id, patch(`{"op":"replace","path":"active","value":`+s.sent+`}`)).get("active"), any(s.want))
		}
		d.refused(t, "PATCH /Users/"+id, patch(`{"op":"replace","path":"active","value":"no"}`), 400, "invalidSyntax", "Patch op[0]: Value for attribute active must be a JSON boolean.")
	}},
	{name: "rsa:RSA-099 a password is replaced, or refused as in a create", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","password":"Correct horse 1"}`)
		a := d.do("PATCH /Users/"+id, patch(`{"op":"replace","path":"password","value":"Correct horse 2"}`))
		a.wantStatus(t, 200)
		want(t, "password", a.get("password"), nil)
		want(t, "sign-in", d.signIn(t, "ada", "Correct horse 2"), true)
		before := string(d.do("GET /Users/"+id, "").body)
		refuse := patch(`{"op":"add","path":"title","value":"y"}`, `{"op":"replace","path":"password","value":"x"}`)
		d.refused(t, "PATCH /Users/"+id, refuse, 500, "", "Unable to set password for user.")
		want(t, "user", string(d.do("GET /Users/"+id, "").body), before)
		want(t, "sign-in", d.signIn(t, "ada", "Correct horse 2"), true)
		on := openRSA(t, scim2.Options{PasswordRefusal: true})
		on.refused(t, "PATCH /Users/"+on.user(t, `{"userName":"ada"}`), refuse, 400, "invalidValue", "")
	}},
	{name: "rsa:RSA-100 a source of type Local, and a user that is not there", run: func(t *testing.T, d *door) {
		op := patch(`{"op":"add","path":"title","value":"y"}`)
		d.refused(t, "PATCH /Users/none", op, 404, "", "User none not found.")
		local := openRSA(t, scim2.Options{Local: true})
		local.refused(t, "PATCH /Users/"+local.user(t, `{"userName":"ada"}`), op, 405, "", "Method Not Allowed").wantHeader(t, "Allow", "GET, POST")
	}},
	{name: "rsa:RSA-064 a search by body is that of the URL", run: func(t *testing.T, d *door) {
		for i := range 5 {
			d.user(t, fmt.Sprintf(`{"userName":"u%d"}`, i))
		}
		get := d.do("GET /Users?startIndex=2&count=2&attributes=userName&filter="+escape(`userName sw "u"`), "")
		post := d.do("POST /Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"startIndex":2,"count":2,"attributes":["userName"],"filter":"userName sw \"u\""}`)
		post.wantStatus(t, 200)
		want(t, "answer", string(post.body), string(get.body))
		want(t, "n", len(post.list()), 2)
	}},
}
