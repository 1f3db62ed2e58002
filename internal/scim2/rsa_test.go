package scim2_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// rsaView is the whole view of a user without enterprise data, but for the attributes given.
func rsaView(attributes string) string {
	return `{"schemas": ["` + userURN + `"], "id": "$ID",
		"meta": {"resourceType": "User", "created": "$T", "lastModified": "$T", "location": "$BASE/Users/$ID"},
		` + attributes + `}`
}

func TestConformanceRSA(t *testing.T) {
	runChecks(t, openRSA, rsaRequest)
	runChecks(t, openRSA, rsaCreate)
	runChecks(t, openRSA, rsaValidate)
	runChecks(t, openRSA, rsaRead)
	runChecks(t, openRSA, rsaRest)
}

// rsaRequest is sections 3 and 5.1 of the sheet.
var rsaRequest = []check{
	{name: "section 3: the client secret is a bearer token, in whatever case the word Bearer is", run: func(t *testing.T, d *door) {
		d.as(directorytest.RSASecret).do("GET /Users", "").wantStatus(t, 200)
		for _, scheme := range []string{"bearer", "BEARER"} {
			d.do("GET /Users", "", "Authorization: "+scheme+" "+directorytest.RSASecret).wantStatus(t, 200)
		}
		for _, authorization := range []string{"", "Basic ZGV2LWNsaWVudDpkZXYtc2VjcmV0", directorytest.RSASecret, "Bearer"} {
			for _, request := range []string{"GET /Users", "POST /Users", "PUT /Users/1", "PATCH /Users/1", "DELETE /Users/1"} {
				a := d.as("").refused(t, request, "{}", 401, "", "Unauthorized", "Authorization: "+authorization)
				a.wantHeader(t, "WWW-Authenticate", "Bearer")
			}
		}
		d.as("0f5c").refused(t, "GET /Users", "", 401, "", "Unauthorized").wantHeader(t, "WWW-Authenticate", `Bearer error="invalid_token"`)
	}},
	{name: "rsa:RSA-001 answers with a body are application/scim+json", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, accept := range []string{"", "application/json", "*/*", "text/html"} {
			for _, request := range []string{"GET /Users", "GET /Users/" + id, "GET /Users/none", "GET /Schemas", "GET /Nothing", "PUT /Users"} {
				a := d.do(request, "", "Accept: "+accept)
				a.wantHeader(t, "Content-Type", "application/scim+json")
				a.wantHeader(t, "Cache-Control", "no-store")
			}
		}
		d.do("DELETE /Users/"+id, "").wantHeader(t, "Content-Type", "")
	}},
	{name: "rsa:RSA-002,rsa:RSA-004 media types of requests", run: func(t *testing.T, d *door) {
		for i, sent := range []string{"application/scim+json", "application/json", "application/scim+json; charset=utf-8", "application/json;charset=ISO-8859-1"} {
			d.do("POST /Users", fmt.Sprintf(`{"userName":"u%d"}`, i), "Content-Type: "+sent).wantStatus(t, 201)
		}
		for _, sent := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", "json"} {
			d.refused(t, "POST /Users", `{"userName":"ada"}`, 415, "", "Unsupported Media Type", "Content-Type: "+sent)
		}
	}},
	{name: "rsa:RSA-003 the content type of a GET does not matter", run: func(t *testing.T, d *door) {
		d.do("GET /Users", "", "Content-Type: application/scim + json").wantStatus(t, 200)
		d.do("GET /Users?filter="+escape(`userName eq "x"`), "", "Content-Type: text/plain").wantStatus(t, 200)
	}},
	{name: "attribute names in any case in bodies and filters", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"USERNAME":"ada","nickname":"A","Emails":[{"TYPE":"work","Value":"a@x.example"}]}`)
		d.do("GET /Users/"+id, "").wantJSON(t, d, rsaView(`"userName":"ada","nickName":"A","active":true,"emails":[{"value":"a@x.example","type":"work"}]`))
		want(t, "found", d.names(t, "/Users?filter="+escape(`username eq "ada"`)), []string{"ada"})
	}},
	{name: "rsa:RSA-006 times are UTC with milliseconds, and every RFC 3339 form is read", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada"}`)
		for _, name := range []string{"created", "lastModified"} {
			want(t, name, a.get("meta/"+name), any(stamp))
		}
		for _, sent := range []string{"2026-03-01T08:15:30.120Z", "2026-03-01T03:15:30.120-05:00", "2026-03-01T08:15:30.1200000Z"} {
			want(t, sent, d.names(t, "/Users?filter="+escape(`meta.created eq "`+sent+`"`)), []string{"ada"})
		}
		for _, sent := range []string{"2022-12-17T09:03:39-05:00", "2026-03-01T08:15:30Z"} {
			want(t, sent, d.names(t, "/Users?filter="+escape(`meta.created gt "`+sent+`"`)), []string{"ada"})
		}
	}},
	{name: "rsa:RSA-007 meta.location is the base, /Users/ and the id", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada"}`)
		want(t, "location", a.get("meta/location"), any(publicURL+"/rsa/v2/Users/"+a.id()))
		want(t, "location", d.do("GET /Users/"+a.id(), "").get("meta/location"), any(publicURL+"/rsa/v2/Users/"+a.id()))
		want(t, "location", d.do("GET /Users", "").get("Resources/0/meta/location"), any(publicURL+"/rsa/v2/Users/"+a.id()))
	}},
	{name: "rsa:RSA-008,rsa:RSA-009 members come in the order of the sheet, values as they are stored", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"emails":[{"primary":false,"type":"home","value":"h@x.example"},{"type":"work","value":"w@x.example"}],
			"locale":"EN_US","addresses":[{"type":"work"}],"active":true,"phoneNumbers":[{"value":"1"}],"userType":"x","title":"t","preferredLanguage":"English",
			"nickName":"n","displayName":"d","name":{"givenName":"g"},"externalId":"e","userName":"ada"}`)
		pattern := regexp.MustCompile(`^\{"schemas":.*,"id":.*,"externalId":.*,"meta":\{.*"userName":.*"name":.*"displayName":.*"nickName":.*"title":.*` +
			`"userType":.*"preferredLanguage":.*"emails":.*"phoneNumbers":.*"addresses":`)
		if !pattern.Match(a.body) {
			t.Errorf("body %s", a.body)
		}
		want(t, "e-mails", a.get("emails"), any([]any{
			map[string]any{"value": "h@x.example", "type": "home", "primary": false}, map[string]any{"value": "w@x.example", "type": "work"}}))
	}},
}

// rsaFull is the body of the sheet's full example, trailing commas included.
const rsaFull = `{
"userName": "clouduser5", "displayName": "clouduser5-dn", "nickName": "clouduser5-nn", "password": "SamplePassword@123",
"title": "clouduser5-title", "active": true,
"emails": [{"type": "work", "value": "clouduser5@example.com", "primary": true}, {"type": "home", "value": "clouduser5home@example.com", "primary": false}],
"schemas": ["` + userURN + `", "` + enterpriseURN + `"],
"name": {"givenName": "clouduser5-givenName", "familyName": "clouduser5-familyName", "formatted": "clouduser5-formatted",},
"phoneNumbers": [{"type": "work", "value": "+31 65 7777777", "primary": true}, {"type": "mobile", "value": "+31 65 8888888", "primary": false}],
"addresses": [{"type": "work", "formatted": "f", "streetAddress": "s", "locality": "l", "region": "r", "postalCode": "p", "country": "changedcountry", "primary": true}],
"locale": "EN_US", "preferredLanguage": "English", "userType": "Employee",
}`

const rsaFullView = `"userName":"clouduser5","displayName":"clouduser5-dn","nickName":"clouduser5-nn","title":"clouduser5-title","active":true,
"emails":[{"type":"work","value":"clouduser5@example.com","primary":true},{"type":"home","value":"clouduser5home@example.com","primary":false}],
"name":{"givenName":"clouduser5-givenName","familyName":"clouduser5-familyName","formatted":"clouduser5-formatted"},
"phoneNumbers":[{"type":"work","value":"+31 65 7777777","primary":true},{"type":"mobile","value":"+31 65 8888888","primary":false}],
"addresses":[{"type":"work","formatted":"f","streetAddress":"s","locality":"l","region":"r","postalCode":"p","country":"changedcountry","primary":true}],
"locale":"EN_US","preferredLanguage":"English","userType":"Employee"`

// rsaCreate is section 5.2.
var rsaCreate = []check{
	{name: "rsa:RSA-010,rsa:RSA-011,rsa:RSA-013,rsa:RSA-014 the minimal user", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName": "User One", "emails": [{"type": "work", "value": "user.one@example.com"}]}`)
		a.wantJSON(t, d, rsaView(`"userName":"User One","active":true,"emails":[{"value":"user.one@example.com","type":"work"}]`))
		location, _ := a.get("meta/location").(string)
		a.wantHeader(t, "Location", location)
		d.do("GET /Users/"+a.id(), "").wantJSON(t, d, rsaView(`"userName":"User One","active":true,"emails":[{"value":"user.one@example.com","type":"work"}]`))
	}},
	{name: "rsa:RSA-012 userName is needed, a work e-mail only if the switch says so", run: func(t *testing.T, d *door) {
		for _, body := range []string{`{}`, `{"userName":null}`, `{"userName":""}`} {
			d.refused(t, "POST /Users", body, 400, "invalidSyntax", "Attribute userName is required and must have a value.")
		}
		d.user(t, `{"userName":"ada"}`)
		strict := openRSA(t, scim2.Options{RequireWorkEmail: true})
		for _, emails := range []string{``, `,"emails":[]`, `,"emails":[{"type":"home","value":"h@x.example"}]`} {
			strict.refused(t, "POST /Users", `{"userName":"ada"`+emails+`}`, 400, "invalidSyntax", "Attribute emails is required and must have a value.")
		}
		strict.user(t, `{"userName":"ada","emails":[{"type":"Work","value":"w@x.example"}]}`)
	}},
	{name: "rsa:RSA-015 schemas names the enterprise URI only where there is enterprise data", run: func(t *testing.T, d *door) {
		both := `"schemas":["` + userURN + `","` + enterpriseURN + `"]`
		d.create(t, "/Users", `{`+both+`,"userName":"a"}`).wantJSON(t, d, rsaView(`"userName":"a","active":true`))
		d.create(t, "/Users", `{`+both+`,"userName":"b","`+enterpriseURN+`":{}}`).wantJSON(t, d, rsaView(`"userName":"b","active":true`))
		a := d.create(t, "/Users", `{`+both+`,"userName":"c","`+enterpriseURN+`":{"department":"Sales"}}`)
		want(t, "schemas", a.get("schemas"), any([]any{userURN, enterpriseURN}))
		want(t, "extension", a.get(enterpriseURN), any(map[string]any{"department": "Sales"}))
	}},
	{name: "rsa:RSA-016 the password is in no answer, filter, log or record", run: func(t *testing.T, d *door) {
		const password = "SamplePassword@123"
		a := d.create(t, "/Users", `{"userName":"ada","password":"`+password+`"}`)
		answers := []*answer{a, d.do("GET /Users/"+a.id(), ""), d.do("GET /Users", ""), d.do("GET /Users?attributes=password,userName", ""),
			d.refused(t, "POST /Users", `{"userName":"bob","password":"`+strings.Repeat(password, 10)+`"}`, 400, "invalidValue", ""),
			d.refused(t, "GET /Users?filter="+escape(`password eq "`+password+`"`), "", 400, "invalidFilter", "Unsupported Search Filter"),
			d.refused(t, "GET /Users?filter="+escape(`password pr`), "", 400, "invalidFilter", "Unsupported Search Filter")}
		for _, a := range answers {
			if body := string(a.body); strings.Contains(body, password) || strings.Contains(body, `"password"`) {
				t.Errorf("%s: %s", a.request, body)
			}
		}
		if strings.Contains(d.log.String(), password) {
			t.Errorf("the log has it: %s", d.log)
		}
		if d.contains(t, password) || !d.contains(t, "ada") {
			t.Error("the directory's files hold it, or not even the user")
		}
	}},
	{name: "rsa:RSA-017 read-only attributes are ignored", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"id":"mine","meta":{"created":"1999-01-01T00:00:00Z"},"groups":[{"value":"1"}],"userName":"ada"}`)
		a.wantJSON(t, d, rsaView(`"userName":"ada","active":true`))
		if a.id() == "mine" {
			t.Error("the client's id was taken")
		}
	}},
	{name: "rsa:RSA-018 taken userName is 409", run: func(t *testing.T, d *door) {
		d.user(t, `{"userName":"User One"}`)
		for _, name := range []string{"User One", "user one"} {
			d.refused(t, "POST /Users", `{"userName":"`+name+`"}`, 409, "uniqueness", "User with userName "+name+" already exists.")
		}
		want(t, "answers to a race", d.race(`{"userName":"two"}`), map[int]int{201: 1, 409: 15})
	}},
	{name: "rsa:RSA-019 a password that is refused is 500 and leaves no user, unless the switch makes it 400", run: func(t *testing.T, d *door) {
		d.refused(t, "POST /Users", `{"userName":"ada","password":"short"}`, 500, "", "Unable to set password for user.")
		d.user(t, `{"userName":"ada","password":"SamplePassword@123"}`)
		openRSA(t, scim2.Options{PasswordRefusal: true}).refused(t, "POST /Users", `{"userName":"ada","password":"short"}`, 400, "invalidValue", "password: ...")
	}},
	{name: "rsa:RSA-047 values come back as they were sent", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", rsaFull)
		a.wantJSON(t, d, rsaView(rsaFullView))
		d.do("GET /Users/"+a.id(), "").wantJSON(t, d, rsaView(rsaFullView))
	}},
}

const (
	missingCore  = "Value for attribute schemas must contain schema URI " + userURN + " because it is the core schema for this resource type"
	mustIncluded = "Extended attributes namespace " + enterpriseURN + " must be included in the schemas attribute"
)

func undefinedURI(uri string, i int) string {
	return fmt.Sprintf("Schema URI %s is not a valid value for attribute schemas[%d] because it is undefined as a core or schema extension for this resource type", uri, i)
}

// A fault is a member of a body and what is said of it, without the full stop.
type fault struct{ sent, scimType, detail string }

func (d *door) faults(t *testing.T, faults []fault) {
	t.Helper()
	for _, f := range faults {
		scimType := f.scimType
		if scimType == "" {
			scimType = "invalidSyntax"
		}
		d.refused(t, "POST /Users", `{"userName":"ada",`+f.sent+`}`, 400, scimType, f.detail+".")
	}
}

// rsaValidate is sections 5.3 to 5.5.
var rsaValidate = []check{
	{name: "rsa:RSA-020 without schemas the core URI is understood", run: func(t *testing.T, d *door) {
		for i, schemas := range []string{``, `,"schemas":null`} {
			d.create(t, "/Users", fmt.Sprintf(`{"userName":"u%d"%s}`, i, schemas)).wantJSON(t, d, rsaView(fmt.Sprintf(`"userName":"u%d","active":true`, i)))
		}
	}},
	{name: "rsa:RSA-021,rsa:RSA-022,rsa:RSA-023,rsa:RSA-026 schemas without the core URI, with an unknown one, with both faults, empty", run: func(t *testing.T, d *door) {
		d.faults(t, []fault{
			{sent: `"schemas":["` + enterpriseURN + `"]`, detail: missingCore},
			{sent: `"schemas":["` + userURN + `","urn:ietf:params:scim:schemas:extension:enterpriser:2.0:User"]`,
				detail: undefinedURI("urn:ietf:params:scim:schemas:extension:enterpriser:2.0:User", 1)},
			{sent: `"schemas":["` + userURN + `ss"]`, detail: missingCore + ", " + undefinedURI(userURN+"ss", 0)},
			{sent: `"schemas":["urn:a","urn:b"]`, detail: missingCore + ", " + undefinedURI("urn:a", 0) + ", " + undefinedURI("urn:b", 1)},
			{sent: `"schemas":[]`, detail: missingCore},
		})
	}},
	{name: "rsa:RSA-024 an extension that schemas does not name", run: func(t *testing.T, d *door) {
		for _, schemas := range []string{``, `"schemas":["` + userURN + `"],`} {
			d.faults(t, []fault{
				{sent: schemas + `"` + enterpriseURN + `":{"department":"x"}`, detail: mustIncluded},
				{sent: schemas + `"urn:example:x":{}`, detail: "Extended attributes namespace urn:example:x must be included in the schemas attribute"},
			})
		}
	}},
	{name: "rsa:RSA-025 a URI in schemas needs no object", run: func(t *testing.T, d *door) {
		d.create(t, "/Users", `{"schemas":["`+userURN+`","`+enterpriseURN+`"],"userName":"ada"}`).wantJSON(t, d, rsaView(`"userName":"ada","active":true`))
	}},
	{name: "rsa:RSA-027 URIs in another letter case are taken, misspelt ones are not", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"schemas":["`+strings.ToLower(userURN)+`","`+strings.ToUpper(enterpriseURN)+`"],"userName":"ada","`+
			strings.ToLower(enterpriseURN)+`":{"department":"x"}}`)
		want(t, "schemas", a.get("schemas"), any([]any{userURN, enterpriseURN}))
		want(t, "extension", a.get(enterpriseURN), any(map[string]any{"department": "x"}))
		d.faults(t, []fault{{sent: `"schemas":["` + userURN + ` "]`, detail: missingCore + ", " + undefinedURI(userURN+" ", 0)}})
	}},
	{name: "rsa:RSA-030,rsa:RSA-031,rsa:RSA-032,rsa:RSA-033,rsa:RSA-034 types that are not canonical", run: func(t *testing.T, d *door) {
		const few, phones = "other, work, home", "other, pager, work, mobile, fax, home"
		said := func(value, path, list string) string {
			return "Value " + value + " is not valid for attribute " + path + ".type because it is not one of the canonical types: " + list
		}
		d.faults(t, []fault{
			{sent: `"emails":[{"type":"test","value":"a@example.com"}]`, detail: said("test", "emails[0]", few)},
			{sent: `"emails":[{"type":"work"},{"type":"Te st\"","value":"a@example.com"}]`, detail: said(`Te st"`, "emails[1]", few)},
			{sent: `"emails":[{"type":"mobile","value":"a@example.com"}]`, detail: said("mobile", "emails[0]", few)},
			{sent: `"phoneNumbers":[{"type":"help","value":"1"}]`, detail: said("help", "phoneNumbers[0]", phones)},
			{sent: `"phoneNumbers":[{"type":"work","value":"1"},{"type":"home","value":"2"},{"type":"cell","value":"3"}]`, detail: said("cell", "phoneNumbers[2]", phones)},
			{sent: `"addresses":[{"type":"billing","region":"MI"}]`, detail: said("billing", "addresses[0]", few)},
		})
	}},
	{name: "rsa:RSA-035,rsa:RSA-036 types in any letter case, and no type", run: func(t *testing.T, d *door) {
		d.create(t, "/Users", `{"userName":"ada","emails":[{"type":"Work","value":"a@x.example"},{"value":"b@x.example"}],"phoneNumbers":[{"type":"MOBILE","value":"1"}],"addresses":[{"region":"MI"}]}`).
			wantJSON(t, d, rsaView(`"userName":"ada","active":true,"emails":[{"type":"Work","value":"a@x.example"},{"value":"b@x.example"}],
				"phoneNumbers":[{"type":"MOBILE","value":"1"}],"addresses":[{"region":"MI"}]`))
	}},
	{name: "rsa:RSA-037 all faults in one detail, in the order of the sheet", run: func(t *testing.T, d *door) {
		const canonical = "Value %s is not valid for attribute %s[0].type because it is not one of the canonical types: other, work, home"
		d.faults(t, []fault{{
			sent: `"shoeSize":1,"addresses":[{"type":"b"}],"emails":[{"type":"a"}],"active":"x","externalId":7,"schemas":["urn:x"],"` + enterpriseURN + `":{"department":"x"},"hat":2`,
			detail: strings.Join([]string{
				missingCore, mustIncluded, undefinedURI("urn:x", 0),
				"Value for attribute externalId must be a JSON string",
				"Value for attribute active must be a JSON boolean",
				fmt.Sprintf(canonical, "a", "emails"), fmt.Sprintf(canonical, "b", "addresses"),
				"Core attribute shoeSize is undefined for schema " + userURN, "Core attribute hat is undefined for schema " + userURN,
			}, ", "),
		}})
	}},
	{name: "rsa:RSA-040 values of the wrong JSON type", run: func(t *testing.T, d *door) {
		d.faults(t, []fault{
			{sent: `"emails":{"value":"a@x.example"}`, detail: "Value for multi-valued attribute emails must be a JSON array"},
			{sent: `"emails":"a@x.example"`, detail: "Value for multi-valued attribute emails must be a JSON array"},
			{sent: `"title":["a","b"]`, detail: "Value for single-valued attribute title must not be a JSON array"},
			{sent: `"name":[{"givenName":"a"}]`, detail: "Value for single-valued attribute name must not be a JSON array"},
			{sent: `"title":1`, detail: "Value for attribute title must be a JSON string"},
			{sent: `"active":"true"`, detail: "Value for attribute active must be a JSON boolean"},
			{sent: `"active":1`, detail: "Value for attribute active must be a JSON boolean"},
			{sent: `"name":"Ada"`, detail: "Value for attribute name must be a JSON object"},
			{sent: `"name":{"givenName":{"a":1}}`, detail: "Value for attribute name.givenName must be a JSON string"},
			{sent: `"emails":["a@x.example"]`, detail: "Value for attribute emails[0] must be a JSON object"},
			{sent: `"emails":[{"value":"a@x.example"},{"primary":"yes"}]`, detail: "Value for attribute emails[1].primary must be a JSON boolean"},
			{sent: `"x509Certificates":[{"value":"%"}]`, detail: "Value for attribute x509Certificates[0].value is not a valid base64 encoded string"},
			{sent: `"profileUrl":"http://a b"`, detail: "Value for attribute profileUrl is not a valid URI string"},
			{sent: `"schemas":["` + userURN + `","` + enterpriseURN + `"],"` + enterpriseURN + `":"x"`, detail: "Extended attributes namespace " + enterpriseURN + " must be a JSON object"},
			{sent: `"schemas":["` + userURN + `","` + enterpriseURN + `"],"` + enterpriseURN + `":{"department":1}`, detail: "Value for attribute " + enterpriseURN + ":department must be a JSON string"},
		})
		d.refused(t, "POST /Users", `{"userName":7}`, 400, "invalidSyntax", "Value for attribute userName must be a JSON string.")
		d.refused(t, "POST /Users", `{"userName":["ada"]}`, 400, "invalidSyntax", "Value for single-valued attribute userName must not be a JSON array.")
	}},
	{name: "rsa:RSA-041 what no schema defines, refused or dropped", run: func(t *testing.T, d *door) {
		extension := `"schemas":["` + userURN + `","` + enterpriseURN + `"],"` + enterpriseURN + `":{"desk":1}`
		d.faults(t, []fault{
			{sent: `"shoeSize":38`, detail: "Core attribute shoeSize is undefined for schema " + userURN},
			{sent: `"name":{"short":"A"}`, detail: "Sub-attribute short is undefined for attribute name"},
			{sent: `"emails":[{"verified":true}]`, detail: "Sub-attribute verified is undefined for attribute emails[0]"},
			{sent: extension, detail: "Extended attribute desk is undefined for schema " + enterpriseURN},
		})
		lax := openRSA(t, scim2.Options{IgnoreUnknown: true})
		lax.create(t, "/Users", `{"userName":"ada","shoeSize":38,"name":{"short":"A","givenName":"Ada"},`+extension+`}`).
			wantJSON(t, lax, rsaView(`"userName":"ada","active":true,"name":{"givenName":"Ada"}`))
	}},
	{name: "rsa:RSA-042 null and an empty array mean no value", run: func(t *testing.T, d *door) {
		d.create(t, "/Users", `{"userName":"ada","title":null,"emails":[],"name":{"givenName":null},"phoneNumbers":null,"addresses":[null],"active":null}`).
			wantJSON(t, d, rsaView(`"userName":"ada","active":true`))
	}},
	{name: "rsa:RSA-043 more than one primary value", run: func(t *testing.T, d *door) {
		for _, name := range []string{"emails", "phoneNumbers", "addresses"} {
			d.faults(t, []fault{{sent: `"` + name + `":[{"type":"work","primary":true},{"type":"home","primary":true}]`, scimType: "invalidValue",
				detail: "Attribute " + name + " must not have more than one primary value"}})
		}
	}},
	{name: "rsa:RSA-044 invalid JSON", run: func(t *testing.T, d *door) {
		for _, body := range []string{`{`, `{"userName"}`, `{"userName":"ada"}}`, `[]`, `nonsense`, `"x"`, `{"userName":"ada","userName":"bob"}`, "{\"userName\":\"\xff\"}"} {
			d.refused(t, "POST /Users", body, 400, "invalidSyntax", "Unable to parse request: ...")
		}
		d.refused(t, "POST /Users", "{\n  \"userName\": ?}", 400, "invalidSyntax", "Unable to parse request: unexpected character '?' at line: 2, column: 15.")
		d.refused(t, "POST /Users", "", 400, "invalidSyntax", "Unable to parse request: ...")
	}},
	{name: "rsa:RSA-045 a comma before a closing bracket is taken, nothing else, and with the switch not even that", run: func(t *testing.T, d *door) {
		for i, body := range []string{`{"userName":"u%d",}`, "{\"userName\":\"u%d\" , \n\t}", `{"userName":"u%d","name":{"givenName":"a",},"emails":[{"type":"work",},],}`} {
			d.user(t, fmt.Sprintf(body, i))
		}
		a := d.create(t, "/Users", `{"userName":"a,}","title":",]",}`)
		want(t, "userName", a.get("userName"), any("a,}"))
		want(t, "title", a.get("title"), any(",]"))
		for _, body := range []string{
			`{"userName":"x",,}`, `{,"userName":"x"}`, `{,}`, `{"userName":"x","emails":[,]}`, `{"userName":"x"} ,`, `{"userName":"x","title":,}`,
			`{'userName':'x'}`, `{userName:"x"}`, `{"userName":"x"/* c */}`, "{\"userName\":\"x\" // c\n}",
		} {
			d.refused(t, "POST /Users", body, 400, "invalidSyntax", "Unable to parse request: ...")
		}
		openRSA(t, scim2.Options{StrictJSON: true}).refused(t, "POST /Users", `{"userName":"x",}`, 400, "invalidSyntax", "Unable to parse request: ...")
	}},
	{name: "rsa:RSA-046 names with blanks and texts with a blank before the quotation mark are what they are", run: func(t *testing.T, d *door) {
		d.faults(t, []fault{{sent: `"nick name":"x"`, detail: "Core attribute nick name is undefined for schema " + userURN}})
		a := d.create(t, "/Users", `{"userName":"ada","emails":[{"type":"work","value":"user.one @ example.com "}]}`)
		want(t, "e-mail", a.get("emails/0/value"), any("user.one @ example.com "))
	}},
	{name: "lengths of section 4", run: func(t *testing.T, d *door) {
		x := func(n int) string { return strings.Repeat("x", n) }
		for i, f := range []struct {
			body string
			path string
			most int
		}{
			{`"title":"%s"`, "title", 255}, {`"name":{"formatted":"%s"}`, "name.formatted", 1024},
			{`"addresses":[{"streetAddress":"%s"}]`, "addresses[0].streetAddress", 1024}, {`"addresses":[{"country":"%s"}]`, "addresses[0].country", 255},
			{`"emails":[{"value":"%s"}]`, "emails[0].value", 255}, {`"password":"A1%s"`, "password", 128},
		} {
			prefix := 0
			if f.path == "password" {
				prefix = 2
			}
			d.faults(t, []fault{{sent: fmt.Sprintf(f.body, x(f.most+1-prefix)), scimType: "invalidValue",
				detail: fmt.Sprintf("Value for attribute %s must not be longer than %d characters", f.path, f.most)}})
			d.user(t, fmt.Sprintf(`{"userName":"u%d",`+f.body+`}`, i, x(f.most-prefix)))
		}
		d.refused(t, "POST /Users", `{"userName":"`+x(256)+`"}`, 400, "invalidValue", "Value for attribute userName must not be longer than 255 characters.")
	}},
}

// rsaRead is section 5.6.
var rsaRead = []check{
	{name: "rsa:RSA-050,rsa:RSA-057 the members of a list", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"x"}`)
		d.user(t, `{"userName":"y"}`)
		d.do("GET /Users?filter="+escape(`userName eq "x"`), "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
			"totalResults":1,"startIndex":1,"itemsPerPage":1,"Resources":[`+strings.ReplaceAll(rsaView(`"userName":"x","active":true`), "$ID", id)+`]}`)
	}},
	{name: "rsa:RSA-051,rsa:RSA-052,rsa:RSA-056 only eq on userName, emails and id with the switch, every filter without", run: func(t *testing.T, d *door) {
		strict := openRSA(t, scim2.Options{StrictFilters: true})
		strictID := strict.user(t, `{"userName":"ada","title":"t","emails":[{"value":"a@x.example"}]}`)
		d.user(t, `{"userName":"ada","title":"t","emails":[{"value":"a@x.example"}]}`)
		for _, filter := range []string{`userName eq "ada"`, `username EQ "ADA"`, `emails eq "a@x.example"`, `id eq "` + strictID + `"`} {
			want(t, filter, strict.names(t, "/Users?filter="+escape(filter)), []string{"ada"})
		}
		for _, filter := range []string{`userName ne "x"`, `userName co "a"`, `userName sw "a"`, `userName ew "a"`, `userName pr`, `userName gt "A"`, `userName ge "ada"`,
			`userName lt "b"`, `userName le "ada"`, `title eq "t"`, `active eq true`, `userName eq "ada" and title eq "t"`, `userName eq "ada" or title eq "x"`,
			`not (userName eq "x")`, `emails[value sw "a"]`} {
			strict.refused(t, "GET /Users?filter="+escape(filter), "", 400, "invalidFilter", "Unsupported Search Filter")
			want(t, filter, d.names(t, "/Users?filter="+escape(filter)), []string{"ada"})
		}
		for _, filter := range []string{``, `userName like "a"`, `userName eq`, `shoeSize eq 3`, `(userName eq "a"`} {
			for _, d := range []*door{d, strict} {
				d.refused(t, "GET /Users?filter="+escape(filter), "", 400, "invalidFilter", "Unsupported Search Filter")
			}
		}
	}},
	{name: "rsa:RSA-053 three forms of a filter on e-mails", run: func(t *testing.T, d *door) {
		for _, d := range []*door{d, openRSA(t, scim2.Options{StrictFilters: true})} {
			d.user(t, `{"userName":"ada","emails":[{"type":"work","value":"w@x.example"},{"type":"home","value":"a@b"}]}`)
			d.user(t, `{"userName":"bob","emails":[{"type":"work","value":"b@x.example"}]}`)
			for _, filter := range []string{`emails eq "a@b"`, `emails.value eq "a@b"`, `emails[value eq "a@b"]`} {
				want(t, filter, d.names(t, "/Users?filter="+escape(filter)), []string{"ada"})
			}
		}
	}},
	{name: "rsa:RSA-054 letter case in filters", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"Ada","emails":[{"value":"Ada@X.example"}]}`)
		for filter, names := range map[string][]string{
			`userName eq "aDA"`: {"Ada"}, `emails eq "ada@x.EXAMPLE"`: {"Ada"}, `id eq "` + id + `"`: {"Ada"}, `id eq "` + strings.ToUpper(id) + `"`: {},
		} {
			want(t, filter, d.names(t, "/Users?filter="+escape(filter)), names)
		}
	}},
	{name: "rsa:RSA-055 no match is an empty list", run: func(t *testing.T, d *door) {
		d.user(t, `{"userName":"ada"}`)
		d.do("GET /Users?filter="+escape(`userName eq "bob"`), "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
			"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`)
	}},
	{name: "rsa:RSA-058 a blank before a filter is trimmed", run: func(t *testing.T, d *door) {
		d.user(t, `{"userName":"ada"}`)
		for _, filter := range []string{"%20username+eq+%22ada%22", "+username+eq+%22ada%22", "+username+eq+%22ada%22+"} {
			want(t, filter, d.names(t, "/Users?filter="+filter), []string{"ada"})
		}
	}},
	{name: "rsa:RSA-059,rsa:RSA-060 startIndex and count", run: func(t *testing.T, d *door) {
		for i := range 202 {
			d.user(t, fmt.Sprintf(`{"userName":"u%03d"}`, i))
		}
		for query, w := range map[string]struct {
			start, n int
			first    any
		}{
			"": {1, 100, "u000"}, "?count=500": {1, 200, "u000"}, "?count=200": {1, 200, "u000"}, "?count=1": {1, 1, "u000"}, "?count=-1": {1, 0, nil},
			"?count=0": {1, 0, nil}, "?startIndex=0&count=1": {1, 1, "u000"}, "?startIndex=-3&count=1": {1, 1, "u000"}, "?startIndex=202": {202, 1, "u201"},
			"?startIndex=203": {203, 0, nil}, "?startIndex=3&count=2": {3, 2, "u002"},
		} {
			a := d.do("GET /Users"+query, "")
			a.wantStatus(t, 200)
			want(t, "startIndex of "+query, fmt.Sprint(a.get("startIndex")), fmt.Sprint(w.start))
			want(t, "itemsPerPage of "+query, fmt.Sprint(a.get("itemsPerPage")), fmt.Sprint(w.n))
			want(t, "totalResults of "+query, fmt.Sprint(a.get("totalResults")), "202")
			want(t, "users of "+query, len(a.list()), w.n)
			want(t, "first user of "+query, a.get("Resources/0/userName"), w.first)
		}
		for _, query := range []string{"?count=x", "?startIndex=1.5"} {
			d.refused(t, "GET /Users"+query, "", 400, "invalidValue", "")
		}
	}},
	{name: "rsa:RSA-061 reading one user gives the bare user", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		a := d.do("GET /Users/"+id, "")
		a.wantStatus(t, 200)
		a.wantJSON(t, d, rsaView(`"userName":"ada","active":true`))
	}},
	{name: "rsa:RSA-062 an unknown or malformed id is 404", run: func(t *testing.T, d *door) {
		for _, id := range []string{"400e299e-3b99-4cb7-9f17-c315290ffeb9", "x", "%22", "0"} {
			d.refused(t, "GET /Users/"+id, "", 404, "", "User "+strings.ReplaceAll(id, "%22", `"`)+" not found.")
		}
	}},
	{name: "rsa:RSA-063 attributes and excludedAttributes", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","title":"x","name":{"givenName":"Ada","familyName":"L"}}`)
		always := `"schemas":["` + userURN + `"],"id":"` + id + `"`
		for query, rest := range map[string]string{
			"?attributes=title":                              `,"title":"x"`,
			"?attributes=name.givenName":                     `,"name":{"givenName":"Ada"}`,
			"?attributes=nothing":                            ``,
			"?excludedAttributes=meta,name,active":           `,"userName":"ada","title":"x"`,
			"?excludedAttributes=id,schemas,meta,name,title": `,"userName":"ada","active":true`,
		} {
			d.do("GET /Users/"+id+query, "").wantJSON(t, d, `{`+always+rest+`}`)
			d.do("GET /Users"+query, "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
				"totalResults":1,"startIndex":1,"itemsPerPage":1,"Resources":[{`+always+rest+`}]}`)
		}
		d.create(t, "/Users?attributes=title", `{"userName":"bob","title":"y"}`).wantJSON(t, d, `{"schemas":["`+userURN+`"],"id":"$ID","title":"y"}`)
	}},
}

// rsaRest is sections 5.9 and 5.10.
var rsaRest = []check{
	{name: "rsa:RSA-110 a deletion is 204 without a body", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		a := d.do("DELETE /Users/"+id, "")
		a.wantStatus(t, 204)
		want(t, "body", string(a.body), "")
		want(t, "users", d.users(t), 0)
	}},
	{name: "a deleted user is not found, and the userName is free", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.do("DELETE /Users/"+id, "").wantStatus(t, 204)
		for _, method := range []string{"GET", "DELETE"} {
			d.refused(t, method+" /Users/"+id, "", 404, "", "User "+id+" not found.")
		}
		want(t, "found", d.names(t, "/Users?filter="+escape(`userName eq "ada"`)), []string{})
		d.user(t, `{"userName":"ada"}`)
	}},
	{name: "rsa:RSA-076,rsa:RSA-112 in a source of type Local users are not changed", options: scim2.Options{Local: true}, run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for _, method := range []string{"PUT", "PATCH", "DELETE"} {
			d.refused(t, method+" /Users/"+id, `{"userName":"ada"}`, 405, "", "Method Not Allowed").wantHeader(t, "Allow", "GET, POST")
		}
		d.do("GET /Users/"+id, "").wantStatus(t, 200)
	}},
	{name: "rsa:RSA-113 an internal failure of a deletion", run: func(t *testing.T, d *door) {
		d.fault(t, scim2.RSA(scim2.Options{}), http.MethodDelete, 500, "Unable to delete user due to unexpected error.")
		d.fault(t, scim2.RSA(scim2.Options{}), http.MethodPost, 500, "Internal Server Error")
	}},
	{name: "rsa:RSA-120 groups are 404 unless switched on", run: func(t *testing.T, d *door) {
		for _, request := range []string{"GET /Groups", "POST /Groups", "GET /Groups/1"} {
			d.refused(t, request, "{}", 404, "", "Not Found")
		}
		on := openRSA(t, scim2.Options{Groups: true})
		id := on.user(t, `{"userName":"ada"}`)
		g := on.create(t, "/Groups", `{"displayName":"G","members":[{"value":"`+id+`"}]}`)
		on.do("GET /Groups/"+g.id(), "").wantJSON(t, on, `{"schemas":["`+groupURN+`"],"id":"$ID","displayName":"G",
			"meta":{"resourceType":"Group","created":"$T","lastModified":"$T","location":"$BASE/Groups/$ID"},
			"members":[{"value":"`+id+`","$ref":"$BASE/Users/`+id+`","display":"ada","type":"User"}]}`)
		want(t, "groups of the user", on.do("GET /Users/"+id, "").get("groups/0"), any(map[string]any{
			"value": g.id(), "$ref": publicURL + "/rsa/v2/Groups/" + g.id(), "display": "G", "type": "direct"}))
	}},
	{name: "a group that is not served has no URL", run: func(t *testing.T, d *door) {
		caller := directorytest.Caller(t, d.dir, d.token)
		id := d.user(t, `{"userName":"ada"}`)
		g, err := d.dir.Create(t.Context(), caller, caller.Home(), directory.Draft{Type: "Group", Attributes: scim.NewObject(
			scim.Member{Name: "displayName", Value: scim.StringValue("G")},
			scim.Member{Name: "members", Value: scim.ListValue(scim.ObjectValue(scim.NewObject(scim.Member{Name: "value", Value: scim.StringValue(id)})))})})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "groups of the user", d.do("GET /Users/"+id, "").get("groups/0"), any(map[string]any{"value": g.ID, "display": "G", "type": "direct"}))
	}},
	{name: "rsa:RSA-122 resource types and schemas", run: func(t *testing.T, d *door) {
		ids := func(d *door, path string) (list []string) {
			for _, r := range d.do("GET "+path, "").list() {
				list = append(list, fmt.Sprint(r["id"]))
			}
			return list
		}
		want(t, "types", ids(d, "/ResourceTypes"), []string{"User"})
		want(t, "schemas", ids(d, "/Schemas"), []string{userURN, enterpriseURN})
		want(t, "schemas with groups", ids(openRSA(t, scim2.Options{Groups: true}), "/Schemas"), []string{userURN, enterpriseURN, groupURN})
	}},
	{name: "rsa:RSA-123 bulk and me are 501", run: func(t *testing.T, d *door) {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			d.refused(t, method+" /Me", "{}", 501, "", "Not Implemented")
			d.refused(t, method+" /Bulk", "{}", 501, "", "Not Implemented")
		}
	}},
	{name: "rsa:RSA-124 no versions, and If-Match is ignored", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada"}`)
		for _, a := range []*answer{a, d.do("GET /Users/"+a.id(), "", `If-None-Match: W/"1"`)} {
			a.wantHeader(t, "ETag", "")
			want(t, "version", a.get("meta/version"), nil)
			want(t, "userName", a.get("userName"), any("ada"))
		}
		d.do("DELETE /Users/"+a.id(), "", `If-Match: W/"99"`).wantStatus(t, 204)
	}},
	{name: "a user of the other doors is shown with all that RSA has", run: func(t *testing.T, d *door) {
		caller := directorytest.Caller(t, d.dir, d.token)
		r, err := d.dir.Create(context.Background(), caller, caller.Home(), directory.Draft{Type: "User", AnyManager: true, Attributes: parse(t,
			`{"userName":"ada","title":"x","`+enterpriseURN+`":{"manager":{"value":"7","displayName":"M"}},"urn:rollcall:schemas:extension:2.0:ManagedUser":{"custom":{"a":[1]}}}`)})
		if err != nil {
			t.Fatal(err)
		}
		d.do("GET /Users/"+r.ID, "").wantJSON(t, d, `{"schemas":["`+userURN+`","`+enterpriseURN+`"],"id":"$ID",
			"meta":{"resourceType":"User","created":"$T","lastModified":"$T","location":"$BASE/Users/$ID"},
			"userName":"ada","title":"x","active":true,"`+enterpriseURN+`":{"manager":{"value":"7","$ref":"$BASE/Users/7"}}}`)
	}},
}
