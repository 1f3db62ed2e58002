package scim2_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

func TestConformanceMapped(t *testing.T) {
	runChecks(t, openPingOne, pingOneMapped)
	runChecks(t, openPingOne, pingOnePopulations)
}

const mappedURN = "urn:pingidentity:schemas:2.0:DirectMappedUser"

// native is the whole view of a user under native names, but for the attributes given.
func native(attributes string) string {
	return `{"schemas":["` + mappedURN + `"],"id":"$ID","meta":{"created":"$T","lastModified":"$T","resourceType":"User","location":"$BASE/DirectMappedUsers/$ID"},
		"environment":{"id":"` + directorytest.Environment + `"},"account":{"canAuthenticate":true,"status":"OK"},"identityProvider":{"type":"PING_ONE"},"lifecycle":{"status":"ACCOUNT_OK"},
		"mfaEnabled":false,"verifyStatus":"NOT_INITIATED","enabled":true,"population":{"id":"` + directorytest.Population + `"},` + attributes + `}`
}

// pingOneMapped is what the sheet says of DirectMappedUsers.
var pingOneMapped = []check{
	{name: "pingone:F9,pingone:B48,pingone:B49 two views of the same users", run: func(t *testing.T, d *door) {
		sent := `"username":"tmp-dm-user-1","email":"directmapped@example.com","nickname":"Ronnie","preferredLanguage":"en","primaryPhone":"1234567890","mobilePhone":"5",
			"name":{"formatted":"Rawnald Gregory Erickson II","given":"Rawnald","family":"Erickson","middle":"G","honorificPrefix":"Mr.","honorificSuffix":"II"},
			"address":{"streetAddress":"221 Baker St.","region":"London","countryCode":"UK"},"title":"T","locale":"en-GB","timezone":"Europe/London","photo":{"href":"https://x.example/p"},"externalId":"e"`
		a := d.create(t, "/DirectMappedUsers", `{`+sent+`,"population":{"id":"`+directorytest.Population+`"},"password":"Correct horse 1"}`)
		a.wantJSON(t, d, native(sent))
		a.wantHeader(t, "Location", publicURL+d.base+"/DirectMappedUsers/"+a.id())
		user := d.do("GET /Users/"+a.id(), "")
		user.wantJSON(t, d, `{"schemas":["`+userURN+`","`+pingOneURN+`"],"id":"$ID","externalId":"e","meta":{"resourceType":"User","created":"$T","lastModified":"$T","location":"$BASE/Users/$ID"},
			"userName":"tmp-dm-user-1","name":{"formatted":"Rawnald Gregory Erickson II","givenName":"Rawnald","familyName":"Erickson","middleName":"G","honorificPrefix":"Mr.","honorificSuffix":"II"},
			"nickName":"Ronnie","title":"T","preferredLanguage":"en","locale":"en-GB","timezone":"Europe/London","active":true,"emails":[{"value":"directmapped@example.com"}],
			"phoneNumbers":[{"value":"1234567890","type":"primary"},{"value":"5","type":"mobile"}],"photos":[{"value":"https://x.example/p"}],
			"addresses":[{"streetAddress":"221 Baker St.","region":"London","country":"UK"}],"`+pingOneURN+`":{"population":{"id":"`+directorytest.Population+`"}}}`)
		want(t, "sign-in", d.signIn(t, "tmp-dm-user-1", "Correct horse 1"), true)
		changed := d.do("PATCH /DirectMappedUsers/"+a.id(), patch(`{"op":"replace","path":"email","value":"b@x.example"}`, `{"op":"replace","path":"enabled","value":false}`, `{"op":"remove","path":"address.region"}`))
		changed.wantStatus(t, 200)
		want(t, "canAuthenticate", changed.get("account/canAuthenticate"), any(false))
		user = d.do("GET /Users/"+a.id(), "")
		want(t, "emails", user.get("emails"), any([]any{map[string]any{"value": "b@x.example"}}))
		want(t, "active", user.get("active"), any(false))
		want(t, "addresses", user.get("addresses"), any([]any{map[string]any{"streetAddress": "221 Baker St.", "country": "UK"}}))
		want(t, "one change time", user.get("meta/lastModified"), changed.get("meta/lastModified"))
		other := d.user(t, `{"userName":"ada","emails":[{"value":"a@x.example","primary":true,"type":"work"}],"phoneNumbers":[{"value":"7"}]}`)
		d.do("GET /DirectMappedUsers/"+other, "").wantJSON(t, d, native(`"username":"ada","email":"a@x.example","primaryPhone":"7"`))
		put := d.do("PUT /DirectMappedUsers/"+other, `{"username":"ada","email":"b@x.example","primaryPhone":"8"}`)
		put.wantJSON(t, d, native(`"username":"ada","email":"b@x.example","primaryPhone":"8"`))
		user = d.do("GET /Users/"+other, "")
		want(t, "emails", user.get("emails"), any([]any{map[string]any{"value": "b@x.example", "primary": true, "type": "work"}}))
		want(t, "phoneNumbers", user.get("phoneNumbers"), any([]any{map[string]any{"value": "8"}}))
		d.do("DELETE /DirectMappedUsers/"+other, "").wantStatus(t, 204)
		d.refused(t, "GET /Users/"+other, "", 404, "", "Resource "+other+" not found")
	}},
	{name: "pingone:B50 the rules of users hold with the names exchanged", run: func(t *testing.T, d *door) {
		d.refused(t, "POST /DirectMappedUsers", `{}`, 400, "invalidValue", "Attribute username is required and must have a value")
		for body, said := range map[string]string{
			`{"username":"x","email":"nobody"}`:                                "email: must be a well-formed email address",
			`{"username":"x","primaryPhone":"abc"}`:                            "primaryPhone: must have at least one digit",
			`{"username":"x","mobilePhone":"` + strings.Repeat("1", 33) + `"}`: "mobilePhone: must have at most 32 characters",
			`{"username":"x","address":{"countryCode":"uk"}}`:                  "address.countryCode: must be two capital letters",
			`{"username":"x","photo":{"href":"x"}}`:                            "photo.href: must be an http or https URL",
			`{"username":"x","timezone":"UTC"}`:                                "timezone: must be the name of a time zone such as America/Los_Angeles",
			`{"username":"` + strings.Repeat("x", 129) + `"}`:                  "username: must have at most 128 characters",
			`{"username":"x","population":{"id":"none"}}`:                      "population.id: does not exist",
			`{"username":"x","password":"short"}`:                              "User password did not satisfy password policy requirements",
		} {
			d.refused(t, "POST /DirectMappedUsers", body, 400, "invalidValue", said)
		}
		d.refused(t, "POST /DirectMappedUsers", `{"username":["x"]}`, 400, "invalidSyntax", "Value for single-valued attribute username must not be a JSON array")
		id := d.create(t, "/DirectMappedUsers", `{"username":"ada","password":"Correct horse 1","id":"7","displayName":"ignored","emails":"ignored"}`).id()
		d.refused(t, "POST /DirectMappedUsers", `{"username":"ADA"}`, 409, "uniqueness", "")
		d.refused(t, "PUT /DirectMappedUsers/"+id, `{"username":"ada","id":"7"}`, 400, "mutability", "Attribute id is read-only")
		d.refused(t, "PUT /DirectMappedUsers/none", `{"username":"ada"}`, 404, "", "Resource none not found")
		p := d.population(t, "Other")
		put := d.do("PUT /DirectMappedUsers/"+id, `{"username":"bea","password":"Correct horse 2","population":{"id":"`+p+`"},"mfaEnabled":true}`)
		want(t, "population", put.get("population/id"), any(p))
		want(t, "mfaEnabled", put.get("mfaEnabled"), any(false))
		for _, op := range []string{`{"op":"Replace","path":"enabled","value":"False"}`, `{"op":"add","value":{"nickname":"n","nothing":1}}`, `{"op":"replace","path":"population.id","value":"` + directorytest.Population + `"}`,
			`{"op":"replace","path":"password","value":"x"}`, `{"op":"add","path":"` + mappedURN + `:name.given","value":"B"}`} {
			d.do("PATCH /DirectMappedUsers/"+id, patch(op)).wantStatus(t, 200)
		}
		want(t, "sign-in", d.signIn(t, "bea", "Correct horse 2"), false)
		a := d.do("GET /DirectMappedUsers/"+id, "")
		for path, value := range map[string]any{"enabled": false, "nickname": "n", "population/id": directorytest.Population, "name/given": "B", "nothing": nil} {
			want(t, path, a.get(path), value)
		}
		for op, scimType := range map[string]string{`{"op":"remove","path":"username"}`: "invalidValue", `{"op":"remove","path":"population"}`: "invalidValue", `{"op":"replace","path":"mfaEnabled","value":true}`: "mutability",
			`{"op":"add","path":"account.status","value":"x"}`: "mutability", `{"op":"add","path":"userName","value":"x"}`: "", `{"op":"add","path":"emails","value":[]}`: "invalidPath", `{"op":"remove"}`: "noTarget",
			`{"op":"add","path":"email","value":"nobody"}`: "invalidValue"} {
			if scimType == "" { // names are taken in any letter case
				d.do("PATCH /DirectMappedUsers/"+id, patch(op)).wantStatus(t, 200)
				continue
			}
			d.refused(t, "PATCH /DirectMappedUsers/"+id, patch(op), 400, scimType, "")
		}
	}},
	{name: "pingone:B28 what can be filtered by", run: func(t *testing.T, d *door) {
		p := d.population(t, "Other")
		d.create(t, "/DirectMappedUsers", `{"username":"cicerone","email":"c@x.example","name":{"given":"C","family":"Fam"},"primaryPhone":"1","mobilePhone":"2","address":{"region":"R","countryCode":"UK"},
			"photo":{"href":"https://x.example/p"},"nickname":"n","title":"t","preferredLanguage":"en","locale":"en-GB","timezone":"Europe/London","externalId":"e","enabled":false,"population":{"id":"`+p+`"}}`)
		d.create(t, "/DirectMappedUsers", `{"username":"other"}`)
		d.user(t, `{"userName":"untyped","phoneNumbers":[{"value":"1"}]}`)
		created := escape(`meta.created ge "2026-03-01T00:00:00Z" and username sw "cic"`)
		for filter, names := range map[string][]string{
			`username sw "cic"`: {"cicerone"}, `USERNAME eq "CICERONE"`: {"cicerone"}, `population.id eq "` + p + `"`: {"cicerone"}, `name.family eq "fam"`: {"cicerone"}, `name.given co "c"`: {"cicerone"},
			`email eq "C@x.example"`: {"cicerone"}, `enabled eq false`: {"cicerone"}, `primaryPhone eq "1"`: {"cicerone", "untyped"}, `mobilePhone eq "2"`: {"cicerone"}, `mobilePhone eq "1"`: {},
			`mobilePhone pr`: {"cicerone"}, `not (mobilePhone pr)`: {"other", "untyped"}, `email ne "c@x.example"`: {"other", "untyped"}, `address.countryCode eq "UK"`: {"cicerone"}, `address pr`: {"cicerone"},
			`photo.href ew "/p"`: {"cicerone"}, `nickname eq "N" and title eq "T"`: {"cicerone"}, `preferredLanguage eq "en" or timezone eq "x"`: {"cicerone"}, `locale eq "en-gb"`: {"cicerone"}, `externalId eq "e"`: {"cicerone"},
			`externalId eq "E"`: {}, `id pr`: {"cicerone", "other", "untyped"}, mappedURN + `:username eq "other"`: {"other"},
		} {
			names2 := []string{}
			for _, r := range d.do("GET /DirectMappedUsers?filter="+escape(filter), "").list() {
				names2 = append(names2, fmt.Sprint(r["username"]))
			}
			want(t, filter, names2, names)
		}
		want(t, "meta", len(d.do("GET /DirectMappedUsers?filter="+created, "").list()), 1)
		want(t, "search", len(d.do("POST /DirectMappedUsers/.search", `{"filter":"username sw \"cic\"","count":5}`).list()), 1)
		for _, filter := range []string{`password eq "x"`, `nothing pr`, `nickName eq "n"x`, `emails pr`, `name eq "x"`, `mfaEnabled eq false`, `address[region eq "R"]`, `enabled gt true`} {
			d.refused(t, "GET /DirectMappedUsers?filter="+escape(filter), "", 400, "invalidFilter", "")
		}
		for filter, names := range map[string][]string{`userName eq "cicerone"`: {"cicerone"}, `emails.value eq "c@x.example"`: {"cicerone"}, `phoneNumbers[type eq "mobile" and value eq "2"]`: {"cicerone"},
			`name.familyName eq "fam"`: {"cicerone"}, `addresses.country eq "UK"`: {"cicerone"}, `photos pr`: {"cicerone"}, `nickName eq "n"`: {"cicerone"}, `title eq "t"`: {"cicerone"}, `active eq false`: {"cicerone"},
			`preferredLanguage eq "en"`: {"cicerone"}, `locale eq "en-GB"`: {"cicerone"}, `timezone eq "europe/london"`: {"cicerone"}, `externalId eq "e"`: {"cicerone"}, `meta.lastModified lt "2000-01-01T00:00:00Z"`: {},
			pingOneURN + `:population.id eq "` + p + `"`: {"cicerone"}, `id eq "none"`: {}} {
			want(t, filter, d.names(t, "/Users?filter="+escape(filter)), names)
		}
		for _, filter := range []string{`password eq "x"`, `nothing pr`, `displayName pr`} {
			d.refused(t, "GET /Users?filter="+escape(filter), "", 400, "invalidFilter", "")
		}
	}},
	{name: "pingone:B52 three schemas, without members of paging", run: func(t *testing.T, d *door) {
		a := d.do("GET /Schemas", "")
		want(t, "members", len(a.json()), 3)
		want(t, "totalResults", fmt.Sprint(a.get("totalResults")), "3")
		var ids []any
		for _, s := range a.list() {
			ids = append(ids, s["id"])
			want(t, "one", d.do("GET /Schemas/"+fmt.Sprint(s["id"]), "").json(), s)
			attributes, _ := s["attributes"].([]any)
			if len(attributes) == 0 {
				t.Errorf("%v has no attributes", s["id"])
			}
			for _, attribute := range attributes {
				for _, name := range []string{"name", "type", "multiValued", "description", "required", "caseExact", "mutability", "returned", "uniqueness"} {
					if _, ok := attribute.(map[string]any)[name]; !ok {
						t.Errorf("%v lacks %s", attribute, name)
					}
				}
			}
		}
		want(t, "ids", ids, []any{userURN, pingOneURN, mappedURN})
	}},
	{name: "a user of other doors keeps what native names cannot say", run: func(t *testing.T, d *door) {
		id := d.stored(t, `{"userName":"ada","displayName":"D","emails":[{"value":"a","type":"home"},{"value":"b@x.example","type":"work","primary":true}],
			"phoneNumbers":[{"value":"1","type":"fax"},{"value":"2","type":"mobile","primary":true}],"addresses":[{"locality":"L","type":"work"}],"`+managedURN+`":{"custom":1}}`)
		read := d.do("GET /DirectMappedUsers/"+id, "")
		before := d.kept(t, id)
		d.do("PUT /DirectMappedUsers/"+id, string(read.body)).wantStatus(t, 200)
		want(t, "kept", d.kept(t, id), before)
		d.do("PATCH /DirectMappedUsers/"+id, patch(`{"op":"replace","path":"email","value":"c@x.example"}`, `{"op":"add","path":"mobilePhone","value":"3"}`, `{"op":"add","path":"address.region","value":"R"}`)).wantStatus(t, 200)
		want(t, "kept", d.kept(t, id), strings.NewReplacer("b@x.example", "c@x.example", `"2"`, `"3"`, `"locality":"L"`, `"locality":"L","region":"R"`).Replace(before))
	}},
}

// pingOnePopulations is the list of populations (section 10).
var pingOnePopulations = []check{
	{name: "populations in the native shape", run: func(t *testing.T, d *door) {
		d.named(t, "a", "b")
		p := d.population(t, "Other")
		base := "/v1/environments/" + directorytest.Environment
		n := d.at(base)
		item := func(id, name, more string) string {
			return `{"_links":{"self":{"href":"$BASE/populations/` + id + `"}},"id":"` + id + `","environment":{"id":"` + directorytest.Environment + `"},"name":"` + name + `",` + more + `}`
		}
		a := n.do("GET /populations", "")
		a.wantJSON(t, n, `{"_links":{"self":{"href":"$BASE/populations"}},"count":2,"size":2,"_embedded":{"populations":[`+
			item(directorytest.Population, "Default", `"userCount":2,"default":true`)+`,`+item(p, "Other", `"userCount":0,"default":false`)+`]}}`)
		a.wantHeader(t, "Content-Type", "application/hal+json;charset=utf-8")
		for _, refusal := range []struct {
			d       *door
			request string
			status  int
			code    string
		}{
			{n.as(""), "GET /populations", 401, "ACCESS_FAILED"}, {d.at("/v1/environments/" + directorytest.Other), "GET /populations", 403, "ACCESS_FAILED"},
			{d.at("/v1/environments/none"), "GET /populations", 404, "NOT_FOUND"}, {n, "GET /users", 404, "NOT_FOUND"}, {n, "POST /populations", 405, "METHOD_NOT_ALLOWED"},
		} {
			a := refusal.d.do(refusal.request, "")
			a.wantStatus(t, refusal.status)
			want(t, refusal.request, a.get("code"), any(refusal.code))
			for _, member := range []string{"id", "message"} {
				if text, _ := a.get(member).(string); text == "" {
					t.Errorf("%s: %s", refusal.request, a.body)
				}
			}
		}
	}},
	{name: "unknown attributes are refused where that is switched on", options: scim2.Options{Unknown: scim2.RejectUnknown}, run: func(t *testing.T, d *door) {
		d.refused(t, "POST /DirectMappedUsers", `{"username":"x","userName2":"y"}`, 400, "invalidSyntax", "Core attribute userName2 is undefined for schema "+mappedURN)
		id := d.create(t, "/DirectMappedUsers", `{"username":"x"}`).id()
		d.refused(t, "PATCH /DirectMappedUsers/"+id, patch(`{"op":"add","value":{"nothing":1}}`), 400, "invalidPath", "")
	}},
}
