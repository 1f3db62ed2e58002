package crest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/crest"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

const alreadyExists = "Create rejected as Object with same ID already exists and was detected."

// TestConformanceCreate is section 5.2.
func TestConformanceCreate(t *testing.T) {
	w := open(t, crest.AIC)

	t.Run("aic:AIC-030 POST with _action=create answers 201 and the object", func(t *testing.T) {
		d := w.in(t)
		for i, c := range []string{seedUsers, alphaUsers, plainUsers} {
			name := fmt.Sprintf("post%d", i)
			a := d.do("POST "+c+"?_action=create", full(t, name, `{}`)).must(201)
			a.whole(`{"userName":"` + name + `","givenName":"Mina","sn":"Lee","mail":"` + name + `@example.com"}`)
			d.do("GET "+c+"/"+a.id(), "").must(200).is(a.body)
		}
	})
	t.Run("aic:AIC-031 Location is absolute, below the path used, and on 201 only", func(t *testing.T) {
		d := w.in(t)
		for i, c := range []string{seedUsers, alphaUsers, plainUsers} {
			name := fmt.Sprintf("located%d", i)
			a := d.do("POST "+c+"?_action=create", full(t, name, `{}`), "Host: evil.example").must(201)
			if got := a.header.Get("Location"); got != publicURL+c+"/"+a.id() {
				t.Errorf("Location is %q", got)
			}
			one := c + "/" + a.id()
			for _, b := range []*answer{d.do("GET "+one, ""), d.do("PUT "+one, full(t, name, `{}`)), d.do("DELETE "+one, ""), d.do("POST "+c, "{")} {
				if got := b.header.Get("Location"); got != "" {
					t.Errorf("%s: Location is %q", b.request, got)
				}
			}
		}
		a := d.do("PUT /users/a%20b%23%C3%A9", `{"userName":"odd"}`, "If-None-Match: *").must(201)
		if got := a.header.Get("Location"); got != publicURL+"/users/a%20b%23%C3%A9" || a.id() != "a b#é" {
			t.Errorf("Location is %q, _id %q", got, a.id())
		}
		d.do("GET "+strings.TrimPrefix(a.header.Get("Location"), publicURL), "").must(200).is(a.body)
		put := d.do("PUT "+alphaUsers+"/put-location", full(t, "put-location", `{}`)).must(201)
		if got := put.header.Get("Location"); got != publicURL+alphaUsers+"/put-location" {
			t.Errorf("Location is %q", got)
		}
	})
	t.Run("aic:AIC-032 ETag is the _rev in double quotes", func(t *testing.T) {
		d := w.in(t)
		for _, a := range []*answer{d.create("tagged", `{}`), d.do("PUT /users/tagged2", `{"userName":"tagged2"}`)} {
			if got := a.header.Get("ETag"); a.rev() == "" || got != `"`+a.rev()+`"` {
				t.Errorf("%s: ETag is %s, _rev %s", a.request, got, a.rev())
			}
		}
	})
	t.Run("aic:AIC-033 without an _id the server makes a UUID", func(t *testing.T) {
		d := w.in(t)
		for i, more := range []string{`{}`, `{"_id":null}`} {
			if a := d.create(fmt.Sprintf("made%d", i), more); !uuid.MatchString(a.id()) {
				t.Errorf("_id is %q", a.id())
			}
		}
	})
	t.Run("aic:AIC-034 an _id in the body of a POST is used", func(t *testing.T) {
		d := w.in(t)
		d.create("chosen", `{"_id":"Chosen-Id"}`).has(`{"_id":"Chosen-Id"}`)
		d.do("GET /users/Chosen-Id", "").must(200).has(`{"userName":"chosen"}`)
		d.do("POST /users?_action=create&_id=by-parameter", `{"userName":"by-parameter"}`).must(201).has(`{"_id":"by-parameter"}`)
	})
	t.Run("aic:AIC-035 POST with an _id that exists is 412 and changes nothing", func(t *testing.T) {
		d := w.in(t)
		first := d.create("held", `{"_id":"held"}`)
		for _, body := range []string{full(t, "held", `{"_id":"held"}`), full(t, "other", `{"_id":"held"}`)} {
			d.do("POST "+alphaUsers+"?_action=create", body).refused(412, alreadyExists)
			d.do("POST "+alphaUsers, body).refused(412, alreadyExists)
		}
		d.do("GET "+alphaUsers+"/held", "").must(200).is(first.body)
		d.create("other", `{}`)
	})
	t.Run("aic:AIC-036 POST without _action creates, from protocol 2.1 on", func(t *testing.T) {
		d := w.in(t)
		d.do("POST /users", `{"userName":"plain"}`).must(201).has(`{"userName":"plain"}`)
		d.do("POST /users", `{"userName":"plain22"}`, "Accept-API-Version: protocol=2.2").must(201)
		d.do("POST /users", `{"userName":"plain20"}`, "Accept-API-Version: protocol=2.0").refused(400, "No values provided for the request parameter '_action'")
		d.do("POST /users?_action=create", `{"userName":"plain20"}`, "Accept-API-Version: protocol=2.0,resource=1.0").must(201)
	})
	t.Run("aic:AIC-037 create is compared in any letter case", func(t *testing.T) {
		d := w.in(t)
		for i, action := range []string{"CREATE", "Create", "cReAtE"} {
			d.do("POST /users?_action="+action, fmt.Sprintf(`{"userName":"case%d"}`, i)).must(201)
		}
	})
	t.Run("aic:AIC-038 POST create with If-Match or If-None-Match is 412", func(t *testing.T) {
		d := w.in(t)
		before := d.total("User")
		for _, request := range []string{"POST /users?_action=create", "POST " + alphaUsers} {
			d.do(request, full(t, "matched", `{}`), "If-Match: *").refused(412, "If-Match not supported for POST requests")
			d.do(request, full(t, "matched", `{}`), "If-None-Match: *").refused(412, "If-None-Match not supported for POST requests")
		}
		if after := d.total("User"); after != before {
			t.Errorf("%d users, were %d", after, before)
		}
	})
	t.Run("aic:AIC-039 PUT with If-None-Match: * creates, and is 412 where something is", func(t *testing.T) {
		d := w.in(t)
		for i, c := range []string{seedUsers, alphaUsers} {
			one, body := fmt.Sprintf("%s/some-id%d", c, i), full(t, fmt.Sprintf("somebody%d", i), `{}`)
			first := d.do("PUT "+one, body, "If-None-Match: *").must(201)
			d.do("PUT "+one, body, "If-None-Match: *").refused(412, alreadyExists)
			d.do("PUT "+one, full(t, "else", `{}`), "If-None-Match: *").refused(412, alreadyExists)
			d.do("GET "+one, "").must(200).is(first.body)
		}
	})
	t.Run("aic:AIC-040 of N parallel PUTs with If-None-Match: * exactly one creates", func(t *testing.T) {
		d := w.in(t)
		const n = 32
		var created, refused atomic.Int32
		var group sync.WaitGroup
		for i := range n {
			group.Go(func() {
				switch a := d.do("PUT /users/contended", fmt.Sprintf(`{"userName":"contender","description":"%d"}`, i), "If-None-Match: *"); a.status {
				case 201:
					created.Add(1)
				case 412:
					refused.Add(1)
				default:
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
		group.Wait()
		if created.Load() != 1 || refused.Load() != n-1 {
			t.Errorf("%d created, %d refused", created.Load(), refused.Load())
		}
	})
	t.Run("aic:AIC-041 PUT with another If-None-Match is 400", func(t *testing.T) {
		d := w.in(t)
		for _, sent := range []string{"revision", `"revision"`, `W/"revision"`, "**"} {
			d.do("PUT /users/conditional", `{"userName":"conditional"}`, "If-None-Match: "+sent).refused(400,
				`"`+strings.Trim(strings.TrimPrefix(sent, "W/"), `"`)+`" is not a supported value for If-None-Match on PUT`)
		}
		d.do("PUT /users/conditional", `{"userName":"conditional"}`, `If-None-Match: W/"*"`).refused(400, "")
		d.do("GET /users/conditional", "").must(404)
	})
	t.Run("aic:AIC-042 PUT with neither header creates, then replaces", func(t *testing.T) {
		d := w.in(t)
		for i, c := range []string{seedUsers, alphaUsers} {
			one, name := fmt.Sprintf("%s/upsert%d", c, i), fmt.Sprintf("upsert%d", i)
			first := d.do("PUT "+one, full(t, name, `{"description":"first","city":"Berlin"}`)).must(201)
			second := d.do("PUT "+one, full(t, name, `{"description":"second"}`)).must(200)
			second.whole(`{"userName":"` + name + `","givenName":"Mina","sn":"Lee","mail":"` + name + `@example.com","description":"second"}`)
			if second.id() != first.id() || second.rev() == first.rev() {
				t.Errorf("%s %s, then %s %s", first.id(), first.rev(), second.id(), second.rev())
			}
			d.do("GET "+one, "").must(200).is(second.body)
		}
	})
	t.Run("aic:AIC-043 PUT with both headers is 412", func(t *testing.T) {
		d := w.in(t)
		const message = "Simultaneous use of If-Match and If-None-Match not supported for PUT requests"
		d.do("PUT /users/both", `{"userName":"both"}`, "If-Match: *", "If-None-Match: *").refused(412, message)
		d.do("PUT /users/both", `{"userName":"both"}`, `If-Match: "1-1"`, "If-None-Match: *").refused(412, message)
		d.do("GET /users/both", "").must(404)
	})
	t.Run("aic:AIC-044 ids in the path are case-sensitive and percent-decoded", func(t *testing.T) {
		d := w.in(t)
		for _, c := range []string{seedUsers, alphaUsers} {
			lower := d.do("PUT "+c+"/case", full(t, "lower", `{}`), "If-None-Match: *").must(201)
			upper := d.do("PUT "+c+"/CASE", full(t, "upper", `{}`), "If-None-Match: *").must(201)
			d.do("GET "+c+"/%63ase", "").must(200).is(lower.body)
			d.do("GET "+c+"/CASE", "").must(200).is(upper.body)
			d.do("GET "+c+"/Case", "").must(404)
			d.do("PUT "+c+"/a%2Bb%2541", full(t, "percent", `{}`)).must(201).has(`{"_id":"a+b%41"}`)
			for _, id := range []string{"case", "CASE", "a+b%2541"} {
				d.do("DELETE "+c+"/"+id, "").must(200)
			}
		}
	})
	t.Run("aic:AIC-045 an id is 1 to 255 characters without slash and controls, or with the switch a UUID", func(t *testing.T) {
		d := w.in(t)
		longest := strings.Repeat("é", 255)
		for i, id := range []string{"some-id", "1", "a b", "user@example.com", "Größe", "x'\"<>&?#%", longest} {
			body := strings.ReplaceAll(full(t, fmt.Sprintf("id%d", i), `{"_id":"ID"}`), `"ID"`, fmt.Sprintf("%q", id))
			if a := d.do("POST "+alphaUsers+"?_action=create", body).must(201); a.id() != id {
				t.Errorf("%q became %q", id, a.id())
			}
		}
		for _, id := range []string{"", "a/b", "a\x7fb", "a\tb", "a\u0085b", longest + "x"} {
			body := strings.ReplaceAll(full(t, "refused", `{"_id":"ID"}`), `"ID"`, strings.ReplaceAll(fmt.Sprintf("%q", id), `\x7f`, `\u007f`))
			d.do("POST "+alphaUsers+"?_action=create", body).refused(400, "")
		}
		d.do("PUT "+alphaUsers+"/a%2Fb", full(t, "refused", `{}`)).refused(400, "")
		d.do("PUT "+alphaUsers+"/a%01b", full(t, "refused", `{}`)).refused(400, "")

		s := open(t, crest.AIC)
		s.configure(directory.ClientSettings{Mode: directory.Strict})
		s.do("PUT /users/some-id", `{"userName":"a"}`, "If-None-Match: *").refused(400, "")
		s.do("PUT /users/some-id", `{"userName":"a"}`).refused(400, "")
		s.do("POST /users?_action=create", `{"_id":"some-id","userName":"a"}`).refused(400, "")
		s.do("PUT /users/4cf65bb9-baa4-4488-aa73-216adf0787a1", full(t, "a", `{}`), "If-None-Match: *").must(201)
		s.do("POST /users?_action=create", full(t, "b", `{}`)).must(201)
	})
	t.Run("aic:AIC-046 PUT whose body holds another _id than the path is 400", func(t *testing.T) {
		d := w.in(t)
		for _, header := range []string{"If-None-Match: *", "X: y"} {
			for _, id := range []string{`"other"`, `"SELF"`, `7`, `""`} {
				d.do("PUT /users/self", `{"_id":`+id+`,"userName":"self"}`, header).refused(400, "")
			}
		}
		d.do("GET /users/self", "").must(404)
		d.do("GET /users/other", "").must(404)
		d.do("PUT /users/self", `{"_id":"self","userName":"self"}`, "If-None-Match: *").must(201)
		d.do("PUT /users/self", `{"_id":"self","userName":"self"}`).must(200)
	})
	t.Run("aic:AIC-047 _rev in a create body is ignored", func(t *testing.T) {
		d := w.in(t)
		for i, rev := range []string{`"8f0c1f0e-11"`, `7`, `null`, `{}`} {
			a := d.do("POST /users?_action=create", fmt.Sprintf(`{"userName":"rev%d","_rev":%s}`, i, rev)).must(201)
			if a.rev() == "" || a.rev() == "8f0c1f0e-11" {
				t.Errorf("_rev is %s", a.rev())
			}
		}
	})
	t.Run("aic:AIC-048 accountStatus and cn have defaults on create", func(t *testing.T) {
		d := w.in(t)
		a := d.create("defaults", `{}`).has(`{"accountStatus":"active"}`)
		if got := d.stored(a.id()).Attributes().Get("name").Object().Get("formatted").Text(); got != "Mina Lee" {
			t.Errorf("cn is %q", got)
		}
		b := d.create("given", `{"accountStatus":"inactive","cn":"The Mina"}`).has(`{"accountStatus":"inactive"}`)
		stored := d.stored(b.id()).Attributes()
		if got := stored.Get("name").Object().Get("formatted").Text(); got != "The Mina" || stored.Get("active").Bool() {
			t.Errorf("cn is %q, active %v", got, stored.Get("active"))
		}
		d.create("nulls", `{"accountStatus":null,"cn":null}`).has(`{"accountStatus":"active"}`)
		d.create("locked", `{"accountStatus":"locked"}`).has(`{"accountStatus":"locked"}`)
	})
	t.Run("aic:AIC-049 a missing required property is REQUIRED", func(t *testing.T) {
		d := w.in(t)
		for _, c := range []string{alphaUsers, plainUsers} {
			for _, name := range []string{"userName", "givenName", "sn", "mail"} {
				want := `[{"property":"` + name + `","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]`
				d.do("POST "+c+"?_action=create", full(t, "required", `{"`+name+`":null}`)).unmet(want)
				d.do("PUT "+c+"/required", strings.Replace(full(t, "required", `{}`), `"`+name+`":`, `"x`+name+`":`, 1), "If-None-Match: *").unmet(want)
			}
			d.do("POST "+c, `{}`).unmet(`[
				{"property":"userName","policyRequirements":[{"policyRequirement":"REQUIRED"}]},
				{"property":"givenName","policyRequirements":[{"policyRequirement":"REQUIRED"}]},
				{"property":"sn","policyRequirements":[{"policyRequirement":"REQUIRED"}]},
				{"property":"mail","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]`)
		}
	})
	t.Run("aic:AIC-050 a taken userName is a policy failure, not a conflict", func(t *testing.T) {
		d := w.in(t)
		d.create("taken", `{}`)
		const want = `[{"property":"userName","policyRequirements":[{"policyRequirement":"VALID_USERNAME"}]}]`
		d.do("POST "+alphaUsers+"?_action=create", full(t, "taken", `{}`)).unmet(want)
		d.do("POST "+alphaUsers+"?_action=create", full(t, "TAKEN", `{"password":"Corr3ct-Horse"}`)).unmet(want)
		d.do("POST /users", `{"userName":"Taken"}`).unmet(want)
		d.do("PUT /users/taker", `{"userName":"taken"}`, "If-None-Match: *").unmet(want)
		d.do("PUT /users/taker", `{"userName":"taken"}`).unmet(want)
		d.do("POST "+plainUsers+"?_action=create", full(t, "taken", `{}`)).unmet(strings.Replace(want, "VALID_USERNAME", "UNIQUE", 1))
		d.as(directorytest.OtherToken).create("taken", `{}`)
	})
	t.Run("aic:AIC-051 a password that the policy refuses is a policy failure", func(t *testing.T) {
		d := w.in(t)
		before := d.total("User")
		for password, want := range map[string]string{
			"Sh0rt":                          `{"policyRequirement":"LENGTH_BASED","params":{"min-password-length":8}}`,
			"A1" + strings.Repeat("x", 1023): `{"policyRequirement":"LENGTH_BASED","params":{"max-password-length":1024}}`,
			"no-capital-1":                   `{"policyRequirement":"AT_LEAST_X_CAPITAL_LETTERS","params":{"numCaps":1}}`,
			"No-Number":                      `{"policyRequirement":"AT_LEAST_X_NUMBERS","params":{"numNums":1}}`,
			"short": `{"policyRequirement":"LENGTH_BASED","params":{"min-password-length":8}},
				{"policyRequirement":"AT_LEAST_X_CAPITAL_LETTERS","params":{"numCaps":1}},{"policyRequirement":"AT_LEAST_X_NUMBERS","params":{"numNums":1}}`,
		} {
			d.do("POST "+alphaUsers+"?_action=create", full(t, "weak", `{"password":"`+password+`"}`)).
				unmet(`[{"property":"password","policyRequirements":[` + want + `]}]`)
		}
		if after := d.total("User"); after != before {
			t.Errorf("%d users, were %d", after, before)
		}
		d.create("strong", `{"password":"Corr3ct-Horse"}`).lacks("password")
		if !d.signsIn("strong", "Corr3ct-Horse") || d.signsIn("strong", "wrong") {
			t.Error("the password is not the one that was sent")
		}
	})
	t.Run("aic:AIC-052 all failed requirements are reported together and nothing is stored", func(t *testing.T) {
		d := w.in(t)
		d.create("together", `{}`)
		before := d.total("User")
		d.do("POST "+alphaUsers+"?_action=create", `{"userName":"together","sn":7,"mail":"nobody","telephoneNumber":"call","accountStatus":true,"preferences":{"updates":1},"aliasList":["a",2],"password":"Sh0rt"}`).unmet(`[
			{"property":"givenName","policyRequirements":[{"policyRequirement":"REQUIRED"}]},
			{"property":"sn","policyRequirements":[{"policyRequirement":"VALID_TYPE","params":{"invalidType":"number","validTypes":["string"]}}]},
			{"property":"mail","policyRequirements":[{"policyRequirement":"VALID_EMAIL_ADDRESS_FORMAT"}]},
			{"property":"password","policyRequirements":[{"policyRequirement":"LENGTH_BASED","params":{"min-password-length":8}}]},
			{"property":"accountStatus","policyRequirements":[{"policyRequirement":"VALID_TYPE","params":{"invalidType":"boolean","validTypes":["string","null"]}}]},
			{"property":"telephoneNumber","policyRequirements":[{"policyRequirement":"VALID_PHONE_FORMAT"}]},
			{"property":"preferences/updates","policyRequirements":[{"policyRequirement":"VALID_TYPE","params":{"invalidType":"number","validTypes":["boolean","null"]}}]},
			{"property":"aliasList/1","policyRequirements":[{"policyRequirement":"VALID_TYPE","params":{"invalidType":"number","validTypes":["string"]}}]},
			{"property":"userName","policyRequirements":[{"policyRequirement":"VALID_USERNAME"}]}]`)
		d.do("POST "+alphaUsers+"?_action=create", `{"userName":"`+strings.Repeat("a/", 128)+`","givenName":"","sn":"Lee","mail":"a@b.c"}`).unmet(`[
			{"property":"userName","policyRequirements":[{"policyRequirement":"MAX_LENGTH","params":{"maxLength":255}},{"policyRequirement":"CANNOT_CONTAIN_CHARACTERS","params":{"forbiddenChars":"/"}}]},
			{"property":"givenName","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]`)
		d.do("POST /users", `{"userName":""}`).unmet(`[{"property":"userName","policyRequirements":[{"policyRequirement":"MIN_LENGTH","params":{"minLength":1}}]}]`)
		d.do("POST "+alphaUsers+"?_action=create", full(t, "together", `{"password":"Sh0rt"}`)).unmet(`[
			{"property":"password","policyRequirements":[{"policyRequirement":"LENGTH_BASED","params":{"min-password-length":8}}]},
			{"property":"userName","policyRequirements":[{"policyRequirement":"VALID_USERNAME"}]}]`)
		if after := d.total("User"); after != before {
			t.Errorf("%d users, were %d", after, before)
		}
	})
	t.Run("aic:AIC-053 at the seed's path only userName is required, unless the switch is on", func(t *testing.T) {
		d := w.in(t)
		d.do("POST /users?_action=create", `{"userName":"lonely"}`).must(201).whole(`{"userName":"lonely"}`)
		d.do("PUT /users/lonely", `{"userName":"lonely2"}`).must(201)
		d.do("POST /users?_action=create", `{}`).unmet(`[{"property":"userName","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]`)
		d.do("POST /users?_action=create", `{"userName":"lonely3","mail":"nobody"}`).unmet(`[{"property":"mail","policyRequirements":[{"policyRequirement":"VALID_EMAIL_ADDRESS_FORMAT"}]}]`)

		s := open(t, crest.AIC)
		s.configure(directory.ClientSettings{Mode: directory.Strict})
		s.do("POST /users?_action=create", `{"userName":"lonely","sn":"L","mail":"a@b.c"}`).unmet(`[{"property":"givenName","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]`)
		s.do("POST /users?_action=create", full(t, "complete", `{}`)).must(201)
	})
	t.Run("aic:AIC-054 unknown properties are stored and returned as given, or refused with the switch", func(t *testing.T) {
		d := w.in(t)
		const more = `{"parent":{"child":"value","deep":[1,{"null":null}]},"custom_Level":7,"Number":1.50,"flag":false,"empty":[],"urn:x:y":"z","a.b":1}`
		for _, c := range []string{seedUsers, alphaUsers} {
			a := d.do("POST "+c+"?_action=create", full(t, "unknown"+c[1:4], more)).must(201).has(more)
			if !strings.Contains(a.body, `"Number":1.50`) {
				t.Errorf("the digits are lost: %s", a.body)
			}
			d.do("GET "+c+"/"+a.id(), "").must(200).is(a.body)
		}
		s := open(t, crest.AIC)
		s.configure(directory.ClientSettings{UnknownAttributes: directory.UnknownReject})
		s.do("POST /users?_action=create", `{"userName":"unknown","parent":{}}`).refused(400, "")
		s.do("PUT /users/unknown", `{"userName":"unknown","parent":{}}`).refused(400, "")
		s.do("GET /users/unknown", "").must(404)
		s.do("POST /users?_action=create", `{"userName":"known","custom_Level":7,"_rev":"x","description":"d"}`).must(201).has(`{"custom_Level":7}`)
	})
	t.Run("aic:AIC-055 what a client may not set is ignored", func(t *testing.T) {
		d := w.in(t)
		const more = `{"effectiveRoles":[{"_ref":"x"}],"effectiveAssignments":"x","effectiveGroups":["x"],"effectiveApplications":[1],"memberOfOrgIDs":["o"],
			"_meta":{"createDate":"1970-01-01T00:00:00Z"},"passwordLastChangedTime":"1970-01-01T00:00:00Z","passwordExpirationTime":7,"assignedDashboard":["d"],"isMemberOf":"x","lastSync":{"a":1}}`
		a := d.create("readonly", more).whole(`{"userName":"readonly","givenName":"Mina","sn":"Lee","mail":"readonly@example.com"}`)
		d.do("PUT "+alphaUsers+"/"+a.id(), full(t, "readonly", more)).must(200).is(a.body)
		if doc := string(d.stored(a.id()).Doc()); strings.Contains(doc, "effective") || strings.Contains(doc, "1970") {
			t.Errorf("stored is %s", doc)
		}
	})
	t.Run("aic:AIC-056 the answer honours _fields", func(t *testing.T) {
		d := w.in(t)
		a := d.do("POST "+alphaUsers+"?_action=create&_fields=userName,/mail,password", full(t, "chosen-fields", `{"password":"Corr3ct-Horse"}`)).must(201)
		a.is(`{"_id":"` + a.id() + `","_rev":"` + a.rev() + `","userName":"chosen-fields","mail":"chosen-fields@example.com"}`)
		b := d.do("PUT /users/chosen-fields?_fields=userName", `{"userName":"chosen-fields2"}`, "If-None-Match: *").must(201)
		b.is(`{"_id":"chosen-fields","_rev":"` + b.rev() + `","userName":"chosen-fields2"}`)
		d.do("POST /users?_fields=", `{"userName":"blank-fields"}`).must(201).whole(`{"userName":"blank-fields"}`)
		d.do("POST /users?_fields=%zz", `{"userName":"bad-fields"}`).refused(400, "")
		d.do("GET /users?_queryFilter=userName+eq+%22bad-fields%22", "").must(200).has(`{"resultCount":0}`)
	})
}

func TestGroups(t *testing.T) {
	w := open(t, crest.AIC)
	mina, noor := w.create("mina", `{"_id":"mina"}`), w.create("noor", `{"_id":"noor"}`)
	ref := func(kind, id string) string {
		return fmt.Sprintf(`{"_ref":"managed/alpha_%[1]s/%[2]s","_refResourceCollection":"managed/alpha_%[1]s","_refResourceId":"%[2]s"`, kind, id)
	}
	t.Run("a group is created under its name", func(t *testing.T) {
		d := w.in(t)
		a := d.do("POST "+groups+"?_action=create", `{"name":"Staff","description":"d","condition":null,"x":1,"members":[{"_ref":"managed/alpha_user/mina"}]}`).must(201)
		a.is(`{"_id":"Staff","_rev":"` + a.rev() + `","name":"Staff","description":"d","condition":null,"x":1}`)
		if got := a.header.Get("Location"); got != publicURL+groups+"/Staff" {
			t.Errorf("Location is %s", got)
		}
		d.do("GET "+groups+"/Staff", "").must(200).is(a.body)
		d.do("GET "+groups+"/staff", "").refused(404, "Object managed/alpha_group/staff not found in managed/alpha_group")
		d.do("GET /openidm/managed/group/Staff", "").must(200).is(a.body)
	})
	t.Run("its members and the groups of a user are two sides of one thing", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+groups+"/Staff?_fields=members", "").must(200).has(`{"members":[` + ref("user", "mina") + `,"_refProperties":{"_id":"mina","_rev":"0"}}]}`)
		id := d.stored("mina").Groups[0].ID
		d.do("GET "+alphaUsers+"/mina?_fields=groups,effectiveGroups", "").must(200).
			has(`{"groups":[` + ref("group", "Staff") + `,"_refProperties":{"_id":"` + id + `","_rev":"0"}}],"effectiveGroups":[` + ref("group", "Staff") + `}]}`)
		d.do("GET "+alphaUsers+"/noor?_fields=groups", "").must(200).has(`{"groups":[]}`)
		d.do("GET "+groups+"/"+id, "").must(200).has(`{"_id":"Staff"}`)
	})
	t.Run("a user is created as a member", func(t *testing.T) {
		d := w.in(t)
		a := d.do("POST "+alphaUsers+"?_action=create&_fields=*,groups/name", full(t, "omar", `{"groups":[{"_ref":"managed/alpha_group/Staff"}],"manager":{"_ref":"managed/alpha_user/mina"}}`)).must(201)
		group := a.object()["groups"].([]any)[0].(map[string]any)
		if group["name"] != "Staff" || group["_refResourceId"] != "Staff" || group["_id"] != "Staff" || group["_refResourceRev"] != group["_rev"] {
			t.Errorf("groups is %v", group)
		}
		if got := a.object()["effectiveGroups"].([]any); len(got) != 1 {
			t.Errorf("effectiveGroups is %v", got)
		}
	})
	t.Run("PUT replaces and keeps members that it does not mention", func(t *testing.T) {
		d := w.in(t)
		before := d.do("GET "+groups+"/Staff", "").must(200)
		a := d.do("PUT "+groups+"/Staff", `{"name":"Staff","description":"e"}`, "If-Match: "+before.rev()).must(200).has(`{"description":"e"}`).lacks("x")
		d.do("PUT "+groups+"/Staff", `{"name":"Staff"}`, "If-Match: "+before.rev()).refused(412, "")
		members := func() int { return len(d.do("GET "+groups+"/Staff?_fields=members", "").object()["members"].([]any)) }
		if got := members(); got != 2 {
			t.Errorf("%d members", got)
		}
		d.do("PUT "+groups+"/Staff", `{"_id":"Staff","name":"Staff","members":[{"_ref":"managed/alpha_user/noor"}]}`, "If-Match: "+a.rev()).must(200)
		if got := members(); got != 1 {
			t.Errorf("%d members", got)
		}
		d.do("GET "+alphaUsers+"/mina?_fields=groups", "").must(200).has(`{"groups":[]}`)
		d.do("GET "+alphaUsers+"/noor?_fields=groups/*", "").must(200)
	})
	t.Run("PUT at a name creates, and not another name", func(t *testing.T) {
		d := w.in(t)
		d.do("PUT "+groups+"/Guests", `{"name":"Guests"}`, "If-None-Match: *").must(201).has(`{"_id":"Guests"}`)
		d.do("PUT "+groups+"/Guests", `{"name":"Guests"}`, "If-None-Match: *").refused(412, alreadyExists)
		d.do("PUT "+groups+"/Others", `{"name":"Others"}`).must(201)
		d.do("PUT "+groups+"/Others", `{"name":"Others"}`).must(200)
		d.do("PUT "+groups+"/Third", `{"name":"Fourth"}`).refused(400, "")
		d.do("PUT "+groups+"/others", `{"name":"others"}`).refused(412, alreadyExists)
		d.do("POST "+groups, `{"name":"GUESTS"}`).refused(412, alreadyExists)
		d.do("PUT "+groups+"/None", `{"name":"None"}`, "If-Match: *").refused(404, "")
		d.do("POST "+groups, `{}`).unmet(`[{"property":"name","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]`)
	})
	t.Run("groups in groups, and names that no path can hold", func(t *testing.T) {
		d := w.in(t)
		d.do("POST "+groups, `{"name":"Outer","members":[{"_ref":"managed/alpha_group/Guests"},{"_ref":"managed/alpha_user/mina"}]}`).must(201)
		d.do("GET "+groups+"/Outer?_fields=members", "").must(200).has(`{"members":[` + ref("user", "mina") + `,"_refProperties":{"_id":"mina","_rev":"0"}},` +
			ref("group", "Guests") + `,"_refProperties":{"_id":"` + d.group("Guests") + `","_rev":"0"}}]}`)
		c := d.caller()
		r, err := d.dir.Create(context.Background(), c, c.Home(), directory.Draft{Type: "Group", Attributes: scim.NewObject(scim.Member{Name: "displayName", Value: scim.StringValue("A/B")})})
		if err != nil {
			t.Fatal(err)
		}
		d.do("GET "+groups+"/"+r.ID, "").must(200).has(`{"_id":"` + r.ID + `","name":"A/B"}`)
		d.do("GET "+groups+"/A%2FB", "").refused(404, "")
		d.do("GET "+groups+"?_queryFilter=_id sw %22"+r.ID[:30]+"%22&_fields=name", "").must(200).has(`{"resultCount":1}`)
		d.do("GET "+groups+"?_queryFilter=_id pr and _id co %22%2F%22", "").must(200).has(`{"resultCount":0}`)
		d.do("PUT "+groups+"/"+r.ID, `{"name":"A/B","description":"kept"}`).must(200).has(`{"description":"kept"}`)
		d.do("DELETE "+groups+"/"+r.ID, "").must(200)
		d.do("PUT "+groups+"/"+d.group("Guests"), `{"name":"Visitors"}`).must(200).has(`{"_id":"Visitors","name":"Visitors"}`)
		d.do("PUT "+groups+"/Visitors", `{"_id":"Visitors","name":"Guests"}`).must(200)
		d.do("PUT "+groups+"/Guests", `{"_id":"Visitors","name":"Guests"}`).refused(400, "")
		d.do("PUT "+groups+"/Guests", `{"name":"staff"}`).refused(412, "")
	})
	t.Run("query", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+groups+"?_queryFilter=_id eq %22Guests%22&_fields=name", "").must(200).has(`{"resultCount":1}`)
		d.do("GET "+groups+"?_queryFilter=name sw %22g%22&_fields=name", "").must(200).has(`{"resultCount":1}`)
		d.do("GET "+groups+"?_queryId=query-all-ids", "").must(200).has(`{"resultCount":5}`)
		d.do("GET "+groups+"?_queryId=for-userName&uid=x", "").refused(400, "")
	})
	t.Run("delete", func(t *testing.T) {
		d := w.in(t)
		d.do("DELETE "+groups+"/Guests", "").must(200).has(`{"_id":"Guests","name":"Guests"}`)
		d.do("DELETE "+groups+"/Guests", "").refused(404, "")
		d.do("DELETE "+groups+"/Users", "").refused(409, "")
	})
	_, _ = mina, noor
}

// TestConformanceRelations is section 5.7 as far as it is served: manager,
// groups and members.
func TestConformanceRelations(t *testing.T) {
	w := open(t, crest.AIC)
	w.create("boss", `{"_id":"boss"}`)
	t.Run("aic:AIC-120 a relationship is written as _ref, with or without _refProperties", func(t *testing.T) {
		d := w.in(t)
		for i, ref := range []string{`{"_ref":"managed/alpha_user/boss"}`, `{"_ref":"managed/alpha_user/boss","_refProperties":{"_id":"x","_rev":"y"}}`,
			`{"_ref":"managed/alpha_user/boss","_refResourceCollection":"managed/alpha_user","_refResourceId":"boss","_refProperties":{}}`} {
			a := d.do("POST "+alphaUsers+"?_action=create&_fields=manager", full(t, fmt.Sprintf("written%d", i), `{"manager":`+ref+`}`)).must(201)
			if m := a.object()["manager"].(map[string]any); m["_refResourceId"] != "boss" {
				t.Errorf("manager is %v", m)
			}
		}
	})
	t.Run("aic:AIC-121 a relationship is read with its parts", func(t *testing.T) {
		d := w.in(t)
		a := d.do("POST "+alphaUsers+"?_action=create&_fields=manager,groups", full(t, "parts", `{"manager":{"_ref":"managed/alpha_user/boss"},"groups":[{"_ref":"managed/alpha_group/Users"}]}`)).must(201)
		for _, ref := range []any{a.object()["manager"], a.object()["groups"].([]any)[0]} {
			o := ref.(map[string]any)
			p, _ := o["_refProperties"].(map[string]any)
			if len(o) != 4 || o["_ref"] != fmt.Sprint(o["_refResourceCollection"], "/", o["_refResourceId"]) || len(p) != 2 || p["_id"] == "" || p["_rev"] == "" {
				t.Errorf("got %v", o)
			}
		}
	})
	t.Run("aic:AIC-125 a _ref to a missing object is 400 and nothing is stored", func(t *testing.T) {
		d := w.in(t)
		before := d.total("User")
		for _, more := range []string{`{"manager":{"_ref":"managed/alpha_user/nobody"}}`, `{"groups":[{"_ref":"managed/alpha_group/nothing"}]}`,
			`{"roles":[{"_ref":"managed/alpha_role/nothing"}]}`, `{"manager":{"_ref":"managed/alpha_role/boss"}}`, `{"authzRoles":[{"_ref":"internal/role/openidm-authorized"}]}`,
			`{"memberOfOrg":[{"_ref":"managed/alpha_organization/nothing"}]}`, `{"reports":[{"_ref":"managed/alpha_user/nobody"}]}`} {
			d.do("POST "+alphaUsers+"?_action=create", full(t, "dangling", more)).refused(400, "")
		}
		d.do("POST "+groups, `{"name":"dangling","members":[{"_ref":"managed/alpha_user/nobody"}]}`).refused(400, "")
		if after := d.total("User"); after != before {
			t.Errorf("%d users, were %d", after, before)
		}
		d.do("GET "+groups+"/dangling", "").must(404)
	})
	t.Run("aic:AIC-126 the same _ref twice in one array is 412", func(t *testing.T) {
		d := w.in(t)
		const message = "Duplicate relationship specified in relationship collection."
		d.do("POST "+alphaUsers+"?_action=create", full(t, "double", `{"groups":[{"_ref":"managed/alpha_group/Users"},{"_ref":"managed/alpha_group/Users"}]}`)).refused(412, message)
		d.do("POST "+groups, `{"name":"double","members":[{"_ref":"managed/alpha_user/boss"},{"_ref":"managed/user/boss"}]}`).refused(412, message)
		d.do("GET "+groups+"/double", "").must(404)
		mina := d.create("single", `{}`)
		d.do("PATCH "+alphaUsers+"/"+mina.id(), `[{"operation":"add","field":"/groups","value":[{"_ref":"managed/alpha_group/Users"},{"_ref":"managed/group/Users"}]}]`).refused(412, message)
		d.do("PUT "+alphaUsers+"/"+mina.id(), full(t, "single", `{"groups":[{"_ref":"managed/alpha_group/Users"},{"_ref":"managed/alpha_group/Users"}]}`)).refused(412, message)
		d.do("GET "+alphaUsers+"/"+mina.id(), "").is(mina.body)
	})
}
