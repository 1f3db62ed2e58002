package scim2_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

func TestConformanceReplace(t *testing.T) {
	runChecks(t, openStandard, standardReplace)
	runChecks(t, openStandard, standardVersions)
	runChecks(t, openPingOne, pingOneReplace)
	runChecks(t, openRSA, rsaReplace)
}

// client makes a client with these settings and returns its secret.
func (d *door) client(t testing.TB, change func(*directory.ClientSettings)) string {
	t.Helper()
	var s directory.ClientSettings
	change(&s)
	_, secret, err := d.dir.CreateClient(t.Context(), directory.ClientDraft{Environment: directorytest.Environment, Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// stored makes a user with what only other doors can write, and returns its id.
func (d *door) stored(t testing.TB, attributes string) string {
	t.Helper()
	caller := directorytest.Caller(t, d.dir, directorytest.DevToken)
	r, err := d.dir.Create(t.Context(), caller, caller.Home(), directory.Draft{Type: "User", Attributes: parse(t, attributes)})
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// kept returns what the directory has of a user.
func (d *door) kept(t testing.TB, id string) string {
	t.Helper()
	caller := directorytest.Caller(t, d.dir, directorytest.DevToken)
	r, err := d.dir.Read(t.Context(), caller, caller.Home(), "User", id, directory.Include{})
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Doc())
}

const managedURN = scim.ManagedSchema

// standardReplace is section 15 of the requirements.
var standardReplace = []check{
	{name: "scim:PUT-01,scim:PUT-03,scim:PUT-04,scim:PUT-05,scim:PUT-15 a body takes the place of what is there", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","title":"x","name":{"givenName":"A","familyName":"B"},"emails":[{"value":"a@x.example"},{"value":"b@x.example"}],
			"password":"Correct horse 1","externalId":"e1","`+enterpriseURN+`":{"department":"D"}}`)
		d.clock.Advance(time.Second)
		a := d.do("PUT /Users/"+id, `{"userName":"bea","name":{"givenName":"C"},"emails":[{"value":"c@x.example"}],"nickName":"b"}`)
		a.wantStatus(t, 200)
		want := `{"schemas":["` + userURN + `"],"id":"$ID","meta":{"resourceType":"User","created":"` + stamp + `","lastModified":"2026-03-01T08:15:31.120Z",
			"location":"$BASE/Users/$ID","version":"W/\"2\""},"userName":"bea","name":{"givenName":"C"},"nickName":"b","active":true,"emails":[{"value":"c@x.example"}]}`
		a.wantJSON(t, d, want)
		d.do("GET /Users/"+id, "").wantJSON(t, d, want)
		if !d.signIn(t, "bea", "Correct horse 1") {
			t.Error("the password is gone")
		}
		d.do("PUT /Users/"+id+"?attributes=nickName", `{"userName":"bea","nickName":"c"}`).wantJSON(t, d, `{"schemas":["`+userURN+`"],"id":"$ID","nickName":"c"}`)
		keep := d.as(d.client(t, func(s *directory.ClientSettings) { s.Rewrites = map[string]bool{"put-keep": true} }))
		keep.do("PUT /Users/"+id, `{"userName":"bea","title":"y","`+enterpriseURN+`":{"department":"D"}}`).wantStatus(t, 200)
		keep.do("PUT /Users/"+id, `{"userName":"bea","title":null,"`+enterpriseURN+`":{"division":"V"}}`).wantStatus(t, 200)
		a = d.do("GET /Users/"+id, "")
		for path, value := range map[string]any{"nickName": "c", "title": nil, enterpriseURN: map[string]any{"department": "D", "division": "V"}} {
			if diff := cmp.Diff(value, a.get(path)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", path, diff)
			}
		}
	}},
	{name: "scim:USR-09,scim:USR-22,scim:USR-05 a password stays in a PUT without one, is set by one, and taken away by PATCH", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","password":"Correct horse 1"}`)
		signIn := func(password string, may bool) {
			t.Helper()
			if d.signIn(t, "ada", password) != may {
				t.Errorf("%s: sign-in %v", password, !may)
			}
		}
		answers := []*answer{
			d.do("PUT /Users/"+id, `{"userName":"ada","title":"x"}`),
			d.do("PUT /Users/"+id, `{"userName":"ada","password":null}`),
		}
		signIn("Correct horse 1", true)
		answers = append(answers, d.do("PUT /Users/"+id+"?attributes=password,userName", `{"userName":"ada","password":"Correct horse 2"}`))
		signIn("Correct horse 2", true)
		signIn("Correct horse 1", false)
		answers = append(answers, d.do("PATCH /Users/"+id, `{"Operations":[{"op":"replace","path":"password","value":"Correct horse 3"}]}`))
		signIn("Correct horse 3", true)
		answers = append(answers, d.do("PATCH /Users/"+id, `{"Operations":[{"op":"replace","value":{"password":"Correct horse 4"}}]}`))
		signIn("Correct horse 4", true)
		answers = append(answers, d.do("PATCH /Users/"+id, `{"Operations":[{"op":"remove","path":"password"}]}`))
		signIn("Correct horse 4", false)
		answers = append(answers, d.do("PATCH /Users/"+id, `{"Operations":[{"op":"remove","path":"password"}]}`))
		want(t, "version of a removal of nothing", answers[6].get("meta/version"), answers[5].get("meta/version"))
		answers = append(answers, d.do("POST /Bulk", `{"Operations":[{"method":"PATCH","path":"/Users/`+id+`","data":{"Operations":[{"op":"add","path":"password","value":"Correct horse 5"}]}}]}`), d.do("GET /Users", ""))
		signIn("Correct horse 5", true)
		d.do("PATCH /Users/"+id, `{"Operations":[{"op":"replace","path":"password","value":null}]}`).wantStatus(t, 200)
		signIn("Correct horse 5", false)
		answers = append(answers, d.refused(t, "PUT /Users/"+id, `{"userName":"ada","password":"Correct horse 6\u0000"}`, 400, "invalidSyntax", ""), d.refused(t, "PUT /Users/"+id, `{"userName":"ada","password":"short"}`, 400, "invalidValue", ""))
		for _, a := range answers {
			for _, secret := range []string{"horse", "argon2", `"password"`, `"short"`} {
				if strings.Contains(string(a.body), secret) {
					t.Errorf("%s: %s in %s", a.request, secret, a.body)
				}
			}
		}
		if strings.Contains(d.log.String(), "horse") || d.contains(t, "orrect horse") {
			t.Error("a password is in the log or in the files")
		}
	}},
	{name: "scim:PUT-09 an immutable value is given while there is none, and then stays", run: func(t *testing.T, d *door) {
		d.devices(t)
		d.define(t, "PUT /Schemas/"+badgeURN, badge(`{"name":"number","uniqueness":"server"}`, `{"name":"color","mutability":"immutable"}`,
			`{"name":"maker","type":"complex","subAttributes":[{"name":"country","mutability":"immutable"},{"name":"city"}]}`))
		id := d.create(t, "/Devices", `{"serial":"1","`+badgeURN+`":{"number":"1"}}`).id()
		put := func(core, extension string) *answer {
			return d.do("PUT /Devices/"+id, `{"serial":"1"`+core+`,"`+badgeURN+`":{"number":"1"`+extension+`}}`)
		}
		holds := func(a *answer, city any) {
			t.Helper()
			a.wantStatus(t, 200)
			for path, value := range map[string]any{"site": "Berlin", badgeURN + "/color": "red", badgeURN + "/maker/country": "DE", badgeURN + "/maker/city": city} {
				want(t, path, a.get(path), value)
			}
		}
		holds(put(`,"site":"Berlin"`, `,"color":"red","maker":{"country":"DE"}`), nil)
		holds(put(`,"site":"Berlin"`, `,"color":"red","maker":{"country":"DE","city":"Ulm"}`), "Ulm")
		holds(put("", ""), nil)
		holds(put(`,"site":null`, `,"maker":{"city":"Bonn"}`), "Bonn")
		for _, other := range [][2]string{{`,"site":"Paris"`, ""}, {"", `,"color":"Red"`}, {"", `,"maker":{"country":"FR"}`}} {
			put(other[0], other[1]).wantError(t, 400, "mutability", "")
		}
		holds(d.do("GET /Devices/"+id, ""), "Bonn")
	}},
	{name: "scim:PUT-02,scim:PUT-08,scim:PUT-10,scim:PUT-11,scim:COM-06 what a PUT does not do", run: func(t *testing.T, d *door) {
		id, other := d.user(t, `{"userName":"ada"}`), d.user(t, `{"userName":"bob"}`)
		d.refused(t, "PUT /Users/none", `{"userName":"new"}`, 404, "", "User none not found")
		g := d.create(t, "/Groups", `{"displayName":"G","members":[{"value":"`+id+`"}]}`).id()
		a := d.do("PUT /Users/"+id, `{"userName":"ada","id":"`+other+`","groups":[],"meta":{"created":"2001-01-01T00:00:00Z","version":"x","resourceType":"Group"}}`)
		a.wantStatus(t, 200)
		want(t, "id", a.id(), id)
		want(t, "groups", a.get("groups/0/value"), any(g))
		want(t, "created", a.get("meta/created"), any(stamp))
		want(t, "version", a.get("meta/version"), any(`W/"1"`))
		for _, body := range []string{`{}`, `{"userName":null}`, `{"userName":""}`, `{"userName":" "}`} {
			d.refused(t, "PUT /Users/"+id, body, 400, "invalidValue", "userName is required")
		}
		for _, body := range []string{`{"userName":"bob"}`, `{"userName":"BOB"}`} {
			d.refused(t, "PUT /Users/"+id, body, 409, "uniqueness", "userName is already in use")
		}
		d.do("PUT /Users/"+id, `{"userName":"ADA"}`).wantStatus(t, 200)
		d.refused(t, "PUT /Groups/"+g, `{"displayName":""}`, 400, "invalidValue", "displayName is required")
	}},
	{name: "scim:USR-19 userName can be changed, the id stays", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.user(t, `{"userName":"bob"}`)
		want(t, "PUT", d.do("PUT /Users/"+id, `{"userName":"ann"}`).id(), id)
		a := d.do("PATCH /Users/"+id, `{"Operations":[{"op":"replace","path":"userName","value":"amy"}]}`)
		want(t, "PATCH", a.id(), id)
		want(t, "found", d.names(t, "/Users?filter="+escape(`userName eq "amy"`)), []string{"amy"})
		want(t, "found", d.names(t, "/Users?filter="+escape(`userName eq "ada"`)), []string{})
		d.refused(t, "PATCH /Users/"+id, `{"Operations":[{"op":"replace","path":"userName","value":"BOB"}]}`, 409, "uniqueness", "userName is already in use")
		d.refused(t, "PUT /Users/"+id, `{"userName":"Bob"}`, 409, "uniqueness", "userName is already in use")
		d.user(t, `{"userName":"ada"}`)
	}},
	{name: "scim:PUT-06 without active it stays as it is", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","active":false}`)
		want(t, "omitted", d.do("PUT /Users/"+id, `{"userName":"ada","title":"x"}`).get("active"), any(false))
		want(t, "null", d.do("PUT /Users/"+id, `{"userName":"ada","active":null}`).get("active"), any(false))
		want(t, "true", d.do("PUT /Users/"+id, `{"userName":"ada","active":true}`).get("active"), any(true))
		want(t, "omitted", d.do("PUT /Users/"+id, `{"userName":"ada"}`).get("active"), any(true))
	}},
	{name: "scim:PUT-07,scim:PUT-14,scim:GRP-05,scim:GRP-10 members are a set", run: func(t *testing.T, d *door) {
		a, b, c := d.user(t, `{"userName":"a"}`), d.user(t, `{"userName":"b"}`), d.user(t, `{"userName":"c"}`)
		g := d.create(t, "/Groups", `{"displayName":"G","members":[{"value":"`+a+`"},{"value":"`+b+`"}]}`).id()
		put := func(d *door, body string) *answer {
			t.Helper()
			a := d.do("PUT /Groups/"+g, body)
			a.wantStatus(t, 200)
			return a
		}
		members := func(a *answer) int { list, _ := a.get("members").([]any); return len(list) }
		body := `{"displayName":"G","members":[{"value":"` + b + `"},{"value":"` + a + `"},{"value":"` + b + `"}]}`
		same := put(d, body)
		want(t, "version", same.get("meta/version"), any(`W/"1"`))
		want(t, "lastModified", same.get("meta/lastModified"), any(stamp))
		changed := put(d, `{"displayName":"G","members":[{"value":"`+b+`","type":"User","display":"zz"},{"value":"`+c+`"}]}`)
		want(t, "members", members(changed), 2)
		want(t, "version", changed.get("meta/version"), any(`W/"2"`))
		keep := d.as(d.client(t, func(s *directory.ClientSettings) { s.Rewrites = map[string]bool{"put-keep": true} }))
		want(t, "kept", members(put(keep, `{"displayName":"H"}`)), 2)
		want(t, "cleared", members(put(keep, `{"displayName":"H","members":[]}`)), 0)
		put(d, body)
		want(t, "cleared by []", members(put(d, `{"displayName":"G","members":[]}`)), 0)
		put(d, body)
		want(t, "cleared", members(put(d, `{"displayName":"G"}`)), 0)
		s := openStandard(t, strict)
		u := s.user(t, `{`+declared+`"userName":"a"}`)
		sg := s.create(t, "/Groups", `{"schemas":["`+groupURN+`"],"displayName":"G","members":[{"value":"`+u+`"}]}`).id()
		want(t, "strict", members(s.do("PUT /Groups/"+sg, `{"schemas":["`+groupURN+`"],"displayName":"G"}`)), 0)
		d.refused(t, "PUT /Groups/"+g, `{"displayName":"G","members":[{"value":"none"}]}`, 400, "invalidValue", "members[0].value: there is nothing with the id none")
		for range 2 { // adding one that is there changes nothing
			d.do("PATCH /Groups/"+g, `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+a+`"},{"value":"`+a+`"}]}]}`).wantStatus(t, 204)
		}
		one := d.do("GET /Groups/"+g, "")
		want(t, "members", members(one), 1)
		d.do("PATCH /Groups/"+g, `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+a+`"}]}]}`).wantStatus(t, 204)
		want(t, "version", d.do("GET /Groups/"+g, "").get("meta/version"), one.get("meta/version"))
	}},
	{name: "scim:PUT-12,scim:PUT-13 a PUT of what was read changes nothing; preconditions hold", run: func(t *testing.T, d *door) {
		boss := d.user(t, `{"userName":"boss"}`)
		id := d.user(t, `{"userName":"ada","emails":[{"value":"a@x.example","type":"work","primary":true},{"value":"b"}],"roles":[{"value":"r"}],
			"`+enterpriseURN+`":{"manager":{"value":"`+boss+`"},"department":"D"},"externalId":"7"}`)
		d.create(t, "/Groups", `{"displayName":"G","members":[{"value":"`+id+`"}]}`)
		d.clock.Advance(time.Minute)
		read := d.do("GET /Users/"+id, "")
		put := d.do("PUT /Users/"+id, string(read.body), `If-Match: `+read.header.Get("ETag"))
		put.wantStatus(t, 200)
		want(t, "body", string(put.body), string(read.body))
		d.refused(t, "PUT /Users/"+id, `{"userName":"bea"}`, 412, "", "", `If-Match: W/"9"`)
		want(t, "body", string(d.do("GET /Users/"+id, "").body), string(read.body))
	}},
	{name: "what the door cannot show stays", run: func(t *testing.T, d *door) {
		id := d.stored(t, `{"userName":"ada","title":"x","`+managedURN+`":{"custom":{"a":[1]}}}`)
		d.do("PUT /Users/"+id, `{"userName":"ada"}`).wantStatus(t, 200)
		want(t, "kept", d.kept(t, id), `{"userName":"ada","active":true,"`+managedURN+`":{"custom":{"a":[1]}}}`)
		d.do("PATCH /Users/"+id, `{"Operations":[{"op":"add","path":"title","value":"y"}]}`).wantStatus(t, 200)
		want(t, "kept", d.kept(t, id), `{"userName":"ada","title":"y","active":true,"`+managedURN+`":{"custom":{"a":[1]}}}`)
	}},
}

// standardVersions is section 20.
var standardVersions = []check{
	{name: "scim:ETG-04,scim:ETG-11 If-Match, on all that changes; without it nothing is asked", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		patch := `{"Operations":[{"op":"add","path":"title","value":"x"}]}`
		for request, body := range map[string]string{"PUT": `{"userName":"bea"}`, "PATCH": patch, "DELETE": ""} {
			for _, tag := range []string{`W/"7"`, `"7"`, `W/"7", W/"8"`, `"x"`} {
				d.refused(t, request+" /Users/"+id, body, 412, "", "The resource has another version than If-Match says", "If-Match: "+tag)
			}
		}
		want(t, "version", d.do("GET /Users/"+id, "").get("meta/version"), any(`W/"1"`))
		d.do("PATCH /Users/"+id, patch, `If-Match: W/"1"`).wantHeader(t, "ETag", `W/"2"`)
		d.do("PUT /Users/"+id, `{"userName":"bea"}`, `If-Match: W/"9", "2"`).wantHeader(t, "ETag", `W/"3"`)
		d.do("PUT /Users/"+id, `{"userName":"bee"}`).wantHeader(t, "ETag", `W/"4"`)
		d.do("DELETE /Users/"+id, "", `If-Match: W/"4"`).wantStatus(t, 204)
	}},
	{name: "scim:ETG-09 every change has a version of its own", run: func(t *testing.T, d *door) {
		a, b := d.user(t, `{"userName":"a"}`), d.user(t, `{"userName":"b"}`)
		g := d.create(t, "/Groups", `{"displayName":"G"}`)
		seen := map[any]bool{g.get("meta/version"): true}
		last := g.get("meta/version")
		for _, op := range []struct {
			body    string
			changes bool
		}{
			{`{"op":"add","path":"members","value":[{"value":"` + a + `"}]}`, true}, {`{"op":"add","path":"members","value":[{"value":"` + a + `"}]}`, false},
			{`{"op":"add","path":"members","value":[{"value":"` + b + `"}]}`, true}, {`{"op":"remove","path":"members[value eq \"` + a + `\"]"}`, true},
			{`{"op":"remove","path":"members[value eq \"` + a + `\"]"}`, false}, {`{"op":"replace","path":"displayName","value":"H"}`, true},
			{`{"op":"replace","path":"displayName","value":"H"}`, false}, {`{"op":"replace","path":"displayName","value":"G"}`, true},
			{`{"op":"remove","path":"members"}`, true}, {`{"op":"remove","path":"members"}`, false},
		} {
			d.do("PATCH /Groups/"+g.id(), `{"Operations":[`+op.body+`]}`).wantStatus(t, 204)
			version := d.do("GET /Groups/"+g.id(), "").get("meta/version")
			if op.changes == (version == last) || op.changes && seen[version] {
				t.Errorf("%s: version %v after %v", op.body, version, last)
			}
			last, seen[version] = version, true
		}
	}},
	{name: "scim:ETG-10 of two updates of one version one is refused", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		statuses := make([]int, 2)
		var wait sync.WaitGroup
		for i := range statuses {
			wait.Go(func() {
				statuses[i] = d.do("PUT /Users/"+id, fmt.Sprintf(`{"userName":"ada","title":"%d"}`, i), `If-Match: W/"1"`).status
			})
		}
		wait.Wait()
		if statuses[0]+statuses[1] != 200+412 || statuses[0] != 200 && statuses[1] != 200 {
			t.Errorf("statuses %v", statuses)
		}
	}},
	{name: "If-Match: * asks that there is one, and malformed tags are refused strictly", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.do("PUT /Users/"+id, `{"userName":"ada","title":"x"}`, "If-Match: *").wantStatus(t, 200)
		d.do("PATCH /Users/"+id, `{"Operations":[{"op":"remove","path":"title"}]}`, "If-Match: 2").wantStatus(t, 200)
		d.refused(t, "PUT /Users/none", `{"userName":"ada"}`, 404, "", "", "If-Match: *")
		s := openStandard(t, strict)
		sid := s.user(t, `{`+declared+`"userName":"ada"}`)
		s.refused(t, "PUT /Users/"+sid, `{`+declared+`"userName":"ada"}`, 400, "invalidValue", "If-Match: not an entity tag", "If-Match: 1")
	}},
	{name: "scim:ERR-06 the first error in order wins", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.user(t, `{"userName":"bob"}`)
		reader, nobody := d.as(directorytest.ReaderToken), d.as("")
		text, stale := "Content-Type: text/plain", `If-Match: W/"9"`
		broken, unread, taken := "{", `{"userName":"bob","active":7}`, `{"userName":"bob"}`
		nobody.refused(t, "PUT /Nothing", broken, 401, "", "", text)
		d.refused(t, "PUT /Nothing", broken, 404, "", "", text)
		d.refused(t, "PUT /Users", broken, 405, "", "", text)
		reader.refused(t, "PUT /Users/none", broken, 403, "", "", text)
		d.refused(t, "PUT /Users/none", broken, 415, "", "", text)
		d.refused(t, "PUT /Users/none", broken, 400, "invalidSyntax", "", stale)
		d.refused(t, "PATCH /Users/none", `{"Operations":[{"op":"add"}],"schemas":["x"]}`, 400, "invalidSyntax", "", stale)
		d.refused(t, "PUT /Users/none", unread, 404, "", "", stale)
		d.refused(t, "PUT /Users/"+id, unread, 412, "", "", stale)
		d.refused(t, "PUT /Users/"+id, unread, 400, "invalidValue", "")
		d.refused(t, "PUT /Users/"+id, taken, 409, "uniqueness", "")
		d.refused(t, "PATCH /Users/none", `{"Operations":[{"op":"add","path":"nothing","value":1}]}`, 404, "", "")
		d.refused(t, "PATCH /Users/"+id, `{"Operations":[{"op":"add","path":"nothing","value":1}]}`, 412, "", "", stale)
		d.refused(t, "PATCH /Users/"+id, `{"Operations":[{"op":"replace","value":{"userName":"bob","nothing":1}}]}`, 400, "invalidPath", "")
	}},
}

// pingOneReplace is PUT of the sheet's section 7.
var pingOneReplace = []check{
	{name: "pingone:B30,pingone:B31,pingone:B35 a body takes the place of what is there, but for active and the population", run: func(t *testing.T, d *door) {
		p := d.population(t, "Other")
		id := d.user(t, `{"userName":"ada","active":false,"title":"x","nickName":"n","name":{"givenName":"A","familyName":"B"},"emails":[{"value":"a@x.example"}],
			"addresses":[{"locality":"L"}],"`+pingOneURN+`":{"population":{"id":"`+p+`"}}}`)
		a := d.do("PUT /Users/"+id, `{"userName":"bea","name":{"givenName":"C"},"nickName":null}`)
		a.wantStatus(t, 200)
		a.wantJSON(t, d, `{"schemas":["`+userURN+`","`+pingOneURN+`"],"id":"$ID","meta":{"resourceType":"User","created":"$T","lastModified":"$T","location":"$BASE/Users/$ID"},
			"userName":"bea","name":{"givenName":"C"},"active":false,"`+pingOneURN+`":{"population":{"id":"`+p+`"}}}`)
		for _, body := range []string{`{}`, `{"userName":null}`, `{"userName":""}`, `{"title":"y"}`} {
			d.refused(t, "PUT /Users/"+id, body, 400, "invalidValue", "Attribute userName is required and must have a value")
		}
	}},
	{name: "pingone:B32 a password in a PUT is ignored", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","password":"Correct horse 1"}`)
		d.do("PUT /Users/"+id, `{"userName":"ada","password":"Correct horse 2"}`).wantStatus(t, 200)
		d.do("PUT /Users/"+id, `{"userName":"ada","password":"x"}`).wantStatus(t, 200)
		want(t, "the old one", d.signIn(t, "ada", "Correct horse 1"), true)
		want(t, "the new one", d.signIn(t, "ada", "Correct horse 2"), false)
	}},
	{name: "pingone:B33 a PUT moves a user to another population", run: func(t *testing.T, d *door) {
		p := d.population(t, "Other")
		id := d.user(t, `{"userName":"ada"}`)
		a := d.do("PUT /Users/"+id, `{"userName":"ada","`+pingOneURN+`":{"population":{"id":"`+p+`"}}}`)
		want(t, "population", a.get(pingOneURN+"/population/id"), any(p))
		for _, bad := range []string{"none", "0353b962-cf0b-4149-8d1b-084e33814924"} {
			d.refused(t, "PUT /Users/"+id, `{"userName":"ada","`+pingOneURN+`":{"population":{"id":"`+bad+`"}}}`, 400, "invalidValue", "population.id: does not exist")
		}
		want(t, "population", d.do("GET /Users/"+id, "").get(pingOneURN+"/population/id"), any(p))
	}},
	{name: "pingone:B34 the id of the body is that of the path", run: func(t *testing.T, d *door) {
		id, other := d.user(t, `{"userName":"ada"}`), d.user(t, `{"userName":"bob"}`)
		d.refused(t, "PUT /Users/"+id, `{"userName":"ada","id":"`+other+`"}`, 400, "mutability", "Attribute id is read-only")
		d.do("PUT /Users/"+id, `{"userName":"ada","id":"`+id+`"}`).wantStatus(t, 200)
		d.refused(t, "PUT /Users/none", `{"userName":"new"}`, 404, "", "Resource none not found")
	}},
	{name: "limits and patterns hold in a PUT", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.refused(t, "PUT /Users/"+id, `{"userName":"ada","addresses":[{"country":"us"}]}`, 400, "invalidValue", "addresses[0].country: must be two capital letters")
		d.refused(t, "PUT /Users/"+id, `{"userName":"ada","addresses":[{"country":"US"},{"country":"DE"}]}`, 400, "invalidValue", "addresses: must not have more than one value")
	}},
}

// rsaReplace is section 5.7 of the sheet.
var rsaReplace = []check{
	{name: "rsa:RSA-070,rsa:RSA-071,rsa:RSA-072 a body takes the place of what is there, but for the password and active", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","active":false,"title":"x","externalId":"7","emails":[{"type":"work","value":"a@x.example"}],"password":"Correct horse 1",
			"schemas":["`+userURN+`","`+enterpriseURN+`"],"`+enterpriseURN+`":{"department":"D"}}`)
		a := d.do("PUT /Users/"+id, `{"userName":"bea","nickName":"b"}`)
		a.wantStatus(t, 200)
		a.wantJSON(t, d, `{"schemas":["`+userURN+`"],"id":"$ID","meta":{"resourceType":"User","created":"$T","lastModified":"$T","location":"$BASE/Users/$ID"},
			"userName":"bea","nickName":"b","active":false}`)
		d.do("PUT /Users/"+id, `{"userName":"bea","active":true}`).wantStatus(t, 200)
		want(t, "the password", d.signIn(t, "bea", "Correct horse 1"), true)
		d.do("PUT /Users/"+id, `{"userName":"bea","password":"Correct horse 2"}`).wantStatus(t, 200)
		want(t, "the new password", d.signIn(t, "bea", "Correct horse 2"), true)
	}},
	{name: "rsa:RSA-073,rsa:RSA-074,rsa:RSA-075 userName, id, and a user that is not there", run: func(t *testing.T, d *door) {
		id, other := d.user(t, `{"userName":"ada"}`), d.user(t, `{"userName":"bob"}`)
		d.refused(t, "PUT /Users/"+id, `{"title":"x"}`, 400, "invalidSyntax", "Attribute userName is required and must have a value.")
		d.refused(t, "PUT /Users/"+id, `{"userName":"BOB"}`, 409, "uniqueness", "User with userName BOB already exists.")
		want(t, "id", d.do("PUT /Users/"+id, `{"userName":"ann","id":"`+other+`"}`).id(), id)
		d.refused(t, "PUT /Users/none", `{"userName":"new"}`, 404, "", "User none not found.")
	}},
	{name: "rsa:RSA-038 the checks of a create run on PUT and on the values of a PATCH", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for sent, said := range map[string]string{
			`"emails":[{"type":"test","value":"a"}]`:     "Value test is not valid for attribute emails[0].type because it is not one of the canonical types: other, work, home.",
			`"phoneNumbers":[{"type":"help"}]`:           "Value help is not valid for attribute phoneNumbers[0].type because it is not one of the canonical types: other, pager, work, mobile, fax, home.",
			`"nothing":1`:                                "Core attribute nothing is undefined for schema " + userURN + ".",
			`"title":7`:                                  "Value for attribute title must be a JSON string.",
			`"emails":{"value":"a"}`:                     "Value for multi-valued attribute emails must be a JSON array.",
			`"schemas":["` + enterpriseURN + `"]`:        "Value for attribute schemas must contain schema URI " + userURN + " because it is the core schema for this resource type.",
			`"` + enterpriseURN + `":{"division":"V"}`:   "Extended attributes namespace " + enterpriseURN + " must be included in the schemas attribute.",
			`"title":"` + strings.Repeat("x", 256) + `"`: "Value for attribute title must not be longer than 255 characters.",
		} {
			d.refused(t, "PUT /Users/"+id, `{"userName":"ada",`+sent+`}`, 400, anyType, said)
		}
		for op, said := range map[string]string{
			`{"op":"add","path":"emails","value":[{"type":"test","value":"a"}]}`:     "Patch op[0]: Value test is not valid for attribute emails[0].type because it is not one of the canonical types: other, work, home.",
			`{"op":"replace","path":"phoneNumbers","value":[{"type":"help"}]}`:       "Patch op[0]: Value help is not valid for attribute phoneNumbers[0].type because it is not one of the canonical types: other, pager, work, mobile, fax, home.",
			`{"op":"add","value":{"title":7}}`:                                       "Patch op[0]: Value for attribute title must be a JSON string.",
			`{"op":"add","path":"title","value":"` + strings.Repeat("x", 256) + `"}`: "Patch op[0]: Value for attribute title must not be longer than 255 characters.",
			`{"op":"add","path":"name","value":{"nothing":"x"}}`:                     "Patch op[0]: Sub-attribute nothing is undefined for attribute name.",
		} {
			d.refused(t, "PATCH /Users/"+id, `{"schemas":["`+scim.PatchSchema+`"],"Operations":[`+op+`]}`, 400, anyType, said)
		}
	}},
	{name: "what RSA cannot show stays", run: func(t *testing.T, d *door) {
		id := d.stored(t, `{"userName":"ada","title":"x","`+managedURN+`":{"custom":{"a":[1]}}}`)
		d.do("PUT /Users/"+id, `{"userName":"ada"}`).wantStatus(t, 200)
		want(t, "kept", d.kept(t, id), `{"userName":"ada","active":true,"`+managedURN+`":{"custom":{"a":[1]}}}`)
	}},
	{name: "rsa:RSA-111 a deleted user is not found by anything, and the userName is free", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.do("DELETE /Users/"+id, "").wantStatus(t, 204)
		for request, body := range map[string]string{"GET": "", "DELETE": "", "PUT": `{"userName":"ada"}`, "PATCH": `{"Operations":[{"op":"add","path":"title","value":"x"}]}`} {
			d.refused(t, request+" /Users/"+id, body, 404, "", "User "+id+" not found.")
		}
		want(t, "found", d.names(t, "/Users?filter="+escape(`userName eq "ada"`)), []string{})
		d.user(t, `{"userName":"ada"}`)
	}},
	{name: "rsa:RSA-121 the configuration", run: func(t *testing.T, d *door) {
		a := d.do("GET /ServiceProviderConfig", "")
		for path, value := range map[string]any{"patch/supported": true, "bulk/supported": false, "filter/supported": true, "filter/maxResults": "200", "changePassword/supported": true,
			"sort/supported": false, "etag/supported": false, "authenticationSchemes/0/type": "oauthbearertoken", "authenticationSchemes/1": nil, "pagination": nil} {
			want(t, path, fmt.Sprint(a.get(path)), fmt.Sprint(value))
		}
	}},
}

// TestMergePingOne: what becomes of a user's values when PingOne, which shows
// few of them, replaces the user.
func TestMergePingOne(t *testing.T) {
	for _, m := range []struct{ name, stored, sent, kept string }{
		{"attributes without a name here", `"displayName":"D","roles":[{"value":"r"}]`, `"title":"t"`, `"displayName":"D","title":"t","active":true,"roles":[{"value":"r"}]`},
		{"extensions", `"` + enterpriseURN + `":{"department":"D"}`, ``, `"active":true,"` + enterpriseURN + `":{"department":"D"}`},
		{"the primary e-mail is replaced, the others stay", `"emails":[{"value":"a"},{"value":"b@x.example","primary":true},{"value":"c"}]`, `"emails":[{"value":"n@x.example","primary":true}]`,
			`"active":true,"emails":[{"value":"a"},{"value":"n@x.example","primary":true},{"value":"c"}]`},
		{"one that is no longer primary comes first", `"emails":[{"value":"a"},{"value":"b@x.example","primary":true}]`, `"emails":[{"value":"n@x.example"}]`,
			`"active":true,"emails":[{"value":"n@x.example"},{"value":"a"}]`},
		{"without an e-mail none is left to be shown", `"emails":[{"value":"a"},{"value":"b@x.example","primary":true}]`, ``, `"active":true`},
		{"without a mobile number no other one is shown", `"phoneNumbers":[{"value":"1","type":"mobile"},{"value":"2","type":"mobile"},{"value":"3","type":"fax"}]`, ``, `"active":true,"phoneNumbers":[{"value":"3","type":"fax"}]`},
		{"one that was hidden is not doubled", `"emails":[{"value":"a@x.example"},{"value":"b@x.example"}]`, `"emails":[{"value":"B@x.example"}]`, `"active":true,"emails":[{"value":"B@x.example"}]`},
		{"several e-mails are all kept", `"emails":[{"value":"a@x.example"},{"value":"b@x.example"}]`, `"emails":[{"value":"c@x.example"},{"value":"d@x.example"}]`,
			`"active":true,"emails":[{"value":"c@x.example"},{"value":"b@x.example"},{"value":"d@x.example"}]`},
		{"parts without a name here stay", `"emails":[{"value":"a@x.example","display":"A"}],"addresses":[{"locality":"L","type":"work"}]`, `"emails":[{"value":"b@x.example"}],"addresses":[{"region":"R"}]`,
			`"active":true,"emails":[{"value":"b@x.example","display":"A"}],"addresses":[{"region":"R","type":"work"}]`},
		{"telephone numbers of other types stay", `"phoneNumbers":[{"value":"1","type":"work","primary":true},{"value":"2","type":"mobile"},{"value":"3","type":"fax"},{"value":"4"}]`,
			`"phoneNumbers":[{"value":"5","type":"mobile","primary":true},{"value":"6","type":"primary"}]`,
			`"active":true,"phoneNumbers":[{"value":"1","type":"work","primary":false},{"value":"5","type":"mobile","primary":true},{"value":"3","type":"fax"},{"value":"6","type":"primary"}]`},
		{"an address that is hidden stays", `"addresses":[{"locality":"A"},{"locality":"B","primary":true}]`, `"addresses":[{"locality":"C","primary":true}]`,
			`"active":true,"addresses":[{"locality":"A"},{"locality":"C","primary":true}]`},
	} {
		t.Run("pingone:B13 "+m.name, func(t *testing.T) {
			d := openPingOne(t, scim2.Options{})
			comma := func(s string) string {
				if s != "" {
					s = "," + s
				}
				return s
			}
			id := d.stored(t, `{"userName":"ada"`+comma(m.stored)+`}`)
			before := d.kept(t, id)
			read := d.do("GET /Users/"+id, "")
			d.do("PUT /Users/"+id, string(read.body)).wantStatus(t, 200)
			want(t, "a PUT of what was read", d.kept(t, id), before)
			put := d.do("PUT /Users/"+id, `{"userName":"ada"`+comma(m.sent)+`}`)
			put.wantStatus(t, 200)
			want(t, "kept", d.kept(t, id), `{"userName":"ada",`+m.kept+`}`)
			want(t, "once more", string(d.do("PUT /Users/"+id, `{"userName":"ada"`+comma(m.sent)+`}`).body), string(put.body))
		})
	}
}
