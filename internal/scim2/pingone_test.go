package scim2_test

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	pingOneURN    = "urn:pingidentity:schemas:extension:2.0:PingOneUser"
)

// pingOneView is the whole view of a user, but for the attributes given.
func pingOneView(attributes string) string {
	return `{"schemas": ["` + userURN + `", "` + pingOneURN + `"], "id": "$ID",
		"meta": {"resourceType": "User", "created": "$T", "lastModified": "$T", "location": "$BASE/Users/$ID"},
		` + attributes + `,
		"` + pingOneURN + `": {"population": {"id": "` + directorytest.Population + `"}}}`
}

const noAccess = "The request could not be completed. You do not have access to this resource."

func TestConformancePingOne(t *testing.T) {
	runChecks(t, openPingOne, pingOneAccess)
	runChecks(t, openPingOne, pingOneCreate)
	runChecks(t, openPingOne, pingOneRead)
	runChecks(t, openPingOne, pingOneRest)
}

// pingOneAccess is section 4 of the sheet.
var pingOneAccess = []check{
	{name: "pingone:A1 the access token is a bearer token in the header Authorization", run: func(t *testing.T, d *door) {
		d.do("GET /Users", "").wantStatus(t, 200)
		d.as("").refused(t, "GET /Users", "", 401, "", noAccess)
		d.as("").refused(t, "GET /Users?access_token="+d.token, "", 401, "", noAccess)
		d.refused(t, "GET /Users", "", 401, "", noAccess, "Authorization: Basic ZGV2LWNsaWVudDpkZXYtc2VjcmV0")
	}},
	{name: "pingone:A8 a token that is missing, wrong or expired is 401", run: func(t *testing.T, d *door) {
		d.as("").refused(t, "GET /Users", "", 401, "", noAccess).wantHeader(t, "WWW-Authenticate", "Bearer")
		d.as("wrong").refused(t, "GET /Users", "", 401, "", noAccess).wantHeader(t, "WWW-Authenticate", `Bearer error="invalid_token"`)
		d.as("").refused(t, "POST /Users", `{"userName":"ada"}`, 401, "", noAccess)

		token := d.accessToken(t)
		d.as(token).do("GET /Users", "").wantStatus(t, 200)
		d.clock.Advance(2 * 3600e9)
		d.as(token).refused(t, "GET /Users", "", 401, "", noAccess).wantHeader(t, "WWW-Authenticate", `Bearer error="invalid_token"`)
	}},
	{name: "pingone:A9 a token without the role is 403", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		reader := d.as(directorytest.ReaderToken)
		reader.refused(t, "POST /Users", `{"userName":"bob"}`, 403, "", noAccess)
		reader.refused(t, "DELETE /Users/"+id, "", 403, "", noAccess)
		reader.do("GET /Users/"+id, "").wantStatus(t, 200)
	}},
	{name: "pingone:A7 a client needs the role of a writer, for the environment or for the population of each user", run: func(t *testing.T, d *door) {
		ctx := context.Background()
		staff := d.population(t, "staff")
		in := func(name, population string) string {
			return `{"userName":"` + name + `","` + pingOneURN + `":{"population":{"id":"` + population + `"}}}`
		}
		client := func(role directory.Role, populations ...string) *door {
			_, secret, err := d.dir.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, Role: role, Limits: directory.ClientLimits{Populations: populations}})
			if err != nil {
				t.Fatal(err)
			}
			return d.as(secret)
		}
		ada, bob := d.user(t, in("ada", directorytest.Population)), d.user(t, in("bob", staff))
		for _, role := range []directory.Role{directory.Writer, directory.Admin} {
			c := client(role)
			for i, population := range []string{directorytest.Population, staff} {
				id := c.user(t, in(fmt.Sprint(role, i), population))
				c.do("PUT /Users/"+id, `{"userName":"x"}`).wantStatus(t, 200)
				c.do("PATCH /Users/"+id, `{"Operations":[{"op":"replace","path":"title","value":"t"}]}`).wantStatus(t, 200)
				c.do("DELETE /Users/"+id, "").wantStatus(t, 204)
			}
		}
		reader := client(directory.Reader)
		for _, request := range []string{"POST /Users", "PUT /Users/" + ada, "PATCH /Users/" + ada, "DELETE /Users/" + ada, "POST /DirectMappedUsers"} {
			reader.refused(t, request, `{"userName":"x"}`, 403, "", noAccess)
		}
		narrow := client(directory.Writer, staff)
		want(t, "users", narrow.names(t, "/Users"), []string{"bob"})
		narrow.do("PATCH /Users/"+bob, `{"Operations":[{"op":"replace","path":"title","value":"t"}]}`).wantStatus(t, 200)
		for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
			narrow.refused(t, method+" /Users/"+ada, `{"userName":"x","Operations":[{"op":"replace","path":"title","value":"t"}]}`, 404, "", "Resource "+ada+" not found")
		}
		narrow.refused(t, "POST /Users", in("eve", directorytest.Population), 403, "", noAccess)
		narrow.refused(t, "PUT /Users/"+bob, in("bob", directorytest.Population), 403, "", noAccess)
		narrow.user(t, in("eve", staff))
	}},
	{name: "pingone:A10 a client acts in another environment that its role covers, with a token of its own", run: func(t *testing.T, d *door) {
		_, secret, err := d.dir.CreateClient(context.Background(), directory.ClientDraft{Environment: directorytest.Environment, ID: "both", Environments: []string{directorytest.Other}})
		if err != nil {
			t.Fatal(err)
		}
		ask := d.as("").at("").do("POST /"+directorytest.Environment+"/as/token", "grant_type=client_credentials&client_id=both&client_secret="+secret,
			"Content-Type: application/x-www-form-urlencoded")
		ask.wantStatus(t, 200)
		token, _ := ask.get("access_token").(string)
		theirs := d.at("/environments/" + directorytest.Other + "/v2").as(directorytest.OtherToken)
		for i, credential := range []string{secret, token} {
			here, there := d.as(credential), theirs.as(credential)
			name := fmt.Sprint("u", i)
			here.user(t, `{"userName":"`+name+`"}`)
			a := there.create(t, "/Users", `{"userName":"`+name+`"}`)
			want(t, "location", a.header.Get("Location"), publicURL+"/environments/"+directorytest.Other+"/v2/Users/"+a.id())
			theirs.do("GET /Users/"+a.id(), "").wantStatus(t, 200)
			here.refused(t, "GET /Users/"+a.id(), "", 404, "", "Resource "+a.id()+" not found")
			there.do("PATCH /Users/"+a.id(), `{"Operations":[{"op":"replace","path":"title","value":"t"}]}`).wantStatus(t, 200)
			want(t, "users there", there.names(t, "/Users"), []string{name})
			there.do("GET /Schemas", "").wantStatus(t, 200)
			there.at("/v1/environments/"+directorytest.Other).do("GET /populations", "").wantStatus(t, 200)
			there.do("DELETE /Users/"+a.id(), "").wantStatus(t, 204)
		}
		rows, err := d.dir.Audit(context.Background(), directorytest.Other, 0, 1000)
		if err != nil || rows[len(rows)-1].Client != "both" || rows[len(rows)-1].Action != "delete" {
			t.Errorf("audited there: %+v, %v", rows[len(rows)-1], err)
		}
		d.at("/environments/"+directorytest.Other+"/v2").refused(t, "GET /Users", "", 403, "", noAccess)
		theirs.at(pingOneBase).refused(t, "GET /Users", "", 403, "", noAccess)
		_, err = d.dir.ConfigureClient(context.Background(), "both", func(c *directory.Client) { c.Environments = nil })
		if err != nil {
			t.Fatal(err)
		}
		theirs.as(token).refused(t, "GET /Users", "", 403, "", noAccess)
	}},
	{name: "pingone:A11 an unknown environment is 404, one that is not covered 403", run: func(t *testing.T, d *door) {
		for _, id := range []string{"7f6a1c52-6df5-4b7b-9d53-5d0c2a1d8f10", "nowhere"} {
			for _, request := range []string{"GET /Users", "GET /Users/1", "DELETE /Users/1"} {
				d.at("/environments/"+id+"/v2").refused(t, request, "", 404, "", "Resource "+id+" not found")
			}
			d.at("/environments/"+id+"/v2").refused(t, "POST /Users", `{"userName":"ada"}`, 404, "", "Resource "+id+" not found")
		}
		other := d.at("/environments/" + directorytest.Other + "/v2")
		for _, request := range []string{"GET /Users", "GET /Users/1", "DELETE /Users/1"} {
			other.refused(t, request, "", 403, "", noAccess)
		}
		other.refused(t, "POST /Users", `{"userName":"ada"}`, 403, "", noAccess)
	}},
	{name: "pingone:A12 media types", run: func(t *testing.T, d *door) {
		for i, sent := range []string{"application/json", "application/scim+json", "application/json; charset=UTF-8"} {
			a := d.do("POST /Users", fmt.Sprintf(`{"userName":"u%d"}`, i), "Content-Type: "+sent)
			a.wantStatus(t, 201)
			a.wantHeader(t, "Content-Type", "application/scim+json;charset=utf-8")
		}
		for accept, sent := range map[string]string{
			"":                            "application/scim+json;charset=utf-8",
			"*/*":                         "application/scim+json;charset=utf-8",
			"application/json":            "application/json",
			"Application/JSON":            "application/json",
			"application/json, */*;q=0.1": "application/scim+json;charset=utf-8",
			"application/json, */*;q=0":   "application/json",
			"application/json, application/scim+json": "application/scim+json;charset=utf-8",
			"application/scim+json;charset=utf-8":     "application/scim+json;charset=utf-8",
			"text/html":                               "application/scim+json;charset=utf-8",
		} {
			d.do("GET /Users", "", "Accept: "+accept).wantHeader(t, "Content-Type", sent)
			d.do("GET /Users/none", "", "Accept: "+accept).wantHeader(t, "Content-Type", sent)
		}
	}},
	{name: "pingone:A13 external ids are in the audit log, and an answer has a Correlation-Id that the log has too", run: func(t *testing.T, d *door) {
		uuid := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
		for _, a := range []*answer{
			d.do("GET /Users", ""), d.do("POST /Users", `{"userName":"ada"}`), d.do("GET /Users/none", ""), d.as("").do("GET /Users", ""),
		} {
			id := a.header.Get("Correlation-Id")
			if !uuid.MatchString(id) || !strings.Contains(d.log.String(), id) {
				t.Errorf("%s: Correlation-Id %q", a.request, id)
			}
			a.wantHeader(t, "Cache-Control", "no-store")
		}

		const kept = "Äb\u03019._-/@=#+"
		long := strings.Repeat("é", 101)
		for i, e := range []struct{ transaction, session, wantTransaction, wantSession string }{
			{"tx-1", "sess/2", "tx-1", "sess/2"},
			{kept, "a b\tc;d,e\"<f>", kept, "a_b_c_d_e__f_"},
			{long, "", long[:len(long)-len("é")], ""},
			{"", "s", "", "s"},
		} {
			d.do("POST /Users", fmt.Sprintf(`{"userName":"u%d"}`, i), "X-Ping-External-Transaction-ID: "+e.transaction, "X-Ping-External-Session-ID: "+e.session).wantStatus(t, 201)
			last := d.audited(t)
			want(t, "audited", [3]string{last.Action, last.Transaction, last.Session}, [3]string{"create", e.wantTransaction, e.wantSession})
		}
		d.as(directorytest.ReaderToken).do("DELETE /Users/1", "", "X-Ping-External-Transaction-ID: tx-9").wantStatus(t, 403)
		last := d.audited(t)
		want(t, "audited", [3]string{last.Action, last.Transaction, last.Session}, [3]string{"refuse", "tx-9", ""})
	}},
}

// audited returns the last row of the audit log.
func (d *door) audited(t testing.TB) directory.AuditRow {
	t.Helper()
	rows, err := d.dir.Audit(context.Background(), directorytest.Environment, 0, 1000)
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d rows of the audit log, %v", len(rows), err)
	}
	return rows[len(rows)-1]
}

// accessToken asks the token endpoint for an access token.
func (d *door) accessToken(t testing.TB) string {
	t.Helper()
	a := d.as("").at("").do("POST /"+directorytest.Environment+"/as/token", "grant_type=client_credentials",
		"Content-Type: application/x-www-form-urlencoded", "Authorization: Basic ZGV2LWNsaWVudDpkZXYtc2VjcmV0")
	a.wantStatus(t, 200)
	token, _ := a.get("access_token").(string)
	return token
}

// pingOneCreate is what sections 6 to 8 say of creation.
var pingOneCreate = []check{
	{name: "pingone:B1,pingone:B2,pingone:F1,pingone:F2,pingone:F3,pingone:F4,pingone:F8 the sample without schemas is created and comes back as it was sent", run: func(t *testing.T, d *door) {
		const sample = `"userName":"tmp-IsabellaI-12",
			"name":{"formatted":"Isabella","familyName":"Castile","givenName":"Isabella","middleName":"of","honorificPrefix":"Ms."},
			"nickName":"Isa","title":"Principal Engineer","preferredLanguage":"en",
			"emails":[{"value":"IsabellaOfCastile@example.com","primary":true}],
			"phoneNumbers":[{"value":"+1.215-987-6543","type":"primary","primary":true}],
			"addresses":[{"streetAddress":"8 Mile Rd.","locality":"Detroit","region":"MI","postalCode":"48203","country":"US","primary":true}]`
		a := d.create(t, "/Users", `{`+sample+`,"`+pingOneURN+`":{"population":{"id":"`+directorytest.Population+`"}}}`)
		a.wantJSON(t, d, pingOneView(`"active":true,`+sample))
		a.wantHeader(t, "Location", publicURL+d.base+"/Users/"+a.id())
		a.wantHeader(t, "ETag", "")
		d.do("GET /Users/"+a.id(), "").wantJSON(t, d, pingOneView(`"active":true,`+sample))
		if want := `{"schemas":["` + userURN + `","` + pingOneURN + `"]`; !strings.HasPrefix(string(a.body), want) {
			t.Errorf("body begins %.150s, want %s", a.body, want)
		}
	}},
	{name: "pingone:B3 schemas must have the core URN and may lack or have others", run: func(t *testing.T, d *door) {
		const missing = "Value for attribute schemas must contain schema URI " + userURN + " because it is the core schema for this resource type"
		for _, schemas := range []string{`[]`, `["` + pingOneURN + `"]`, `["urn:example:x"]`} {
			d.refused(t, "POST /Users", `{"schemas":`+schemas+`,"userName":"ada"}`, 400, "invalidSyntax", missing)
		}
		for i, schemas := range []string{
			`["` + userURN + `"]`, `["` + userURN + `","` + pingOneURN + `"]`, `["` + userURN + `","` + enterpriseURN + `"]`,
			`["` + userURN + `","urn:example:x"]`,
		} {
			d.create(t, "/Users", fmt.Sprintf(`{"schemas":%s,"userName":"u%d","%s":{"population":{"id":"%s"}}}`,
				schemas, i, pingOneURN, directorytest.Population)).wantJSON(t, d, pingOneView(fmt.Sprintf(`"userName":"u%d","active":true`, i)))
		}
		reject := openPingOne(t, scim2.Options{Unknown: scim2.RejectUnknown})
		reject.refused(t, "POST /Users", `{"schemas":["`+userURN+`","urn:example:x"],"userName":"ada"}`, 400, "invalidSyntax",
			"Schema URI urn:example:x is not a valid value for attribute schemas[1] because it is undefined as a core or schema extension for this resource type")
		reject.create(t, "/Users", `{"schemas":["`+userURN+`","`+enterpriseURN+`"],"userName":"ada"}`)
	}},
	{name: "pingone:B4 userName is needed", run: func(t *testing.T, d *door) {
		for _, body := range []string{`{}`, `{"userName":null}`, `{"userName":""}`, `{"nickName":"x"}`} {
			d.refused(t, "POST /Users", body, 400, "invalidValue", "Attribute userName is required and must have a value")
		}
	}},
	{name: "pingone:B5 a taken userName is 409, in whatever case and population, and free in another environment", run: func(t *testing.T, d *door) {
		d.user(t, `{"userName":"Ada"}`)
		elsewhere := d.population(t, "elsewhere")
		for _, name := range []string{"Ada", "ada", "ADA"} {
			for _, id := range []string{directorytest.Population, elsewhere} {
				d.refused(t, "POST /Users", `{"userName":"`+name+`","`+pingOneURN+`":{"population":{"id":"`+id+`"}}}`,
					409, "uniqueness", "userName is unique but a non-unique value is provided")
			}
		}
		d.at("/environments/"+directorytest.Other+"/v2").as(directorytest.OtherToken).user(t, `{"userName":"ada"}`)
	}},
	{name: "pingone:B6 of two simultaneous creates of one userName one succeeds", run: func(t *testing.T, d *door) {
		want(t, "answers", d.race(`{"userName":"ada"}`), map[int]int{201: 1, 409: 15})
		want(t, "users", d.users(t), 1)
	}},
	{name: "pingone:B7 the population must be one of the environment", run: func(t *testing.T, d *door) {
		with := func(id string) string {
			return `{"userName":"ada","` + pingOneURN + `":{"population":{"id":` + id + `}}}`
		}
		other, err := d.dir.FindEnvironment(context.Background(), directorytest.Other)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"0353b962-cf0b-4149-8d1b-084e33814924", other.DefaultPopulation, "staff"} {
			d.refused(t, "POST /Users", with(`"`+id+`"`), 400, "invalidValue", "population.id: ...")
		}
		d.create(t, "/Users", with(`"`+directorytest.Population+`"`)).wantJSON(t, d, pingOneView(`"userName":"ada","active":true`))
		elsewhere := d.population(t, "elsewhere")
		id := d.user(t, strings.Replace(with(`"`+elsewhere+`"`), "ada", "bob", 1))
		want(t, "population", d.do("GET /Users/"+id, "").get(pingOneURN), any(map[string]any{"population": map[string]any{"id": elsewhere}}))
		want(t, "users of it", d.names(t, "/Users?filter="+escape(pingOneURN+`:population.id eq "`+elsewhere+`"`)), []string{"bob"})
	}},
	{name: "pingone:F5,pingone:F6 without a population it is the default one, and the user is active", run: func(t *testing.T, d *door) {
		for i, more := range []string{``, `,"` + pingOneURN + `":null`, `,"` + pingOneURN + `":{}`, `,"` + pingOneURN + `":{"population":{}}`} {
			a := d.create(t, "/Users", fmt.Sprintf(`{"userName":"u%d"%s}`, i, more))
			a.wantJSON(t, d, pingOneView(fmt.Sprintf(`"userName":"u%d","active":true`, i)))
			d.do("GET /Users/"+a.id(), "").wantJSON(t, d, pingOneView(fmt.Sprintf(`"userName":"u%d","active":true`, i)))
		}
	}},
	{name: "pingone:B9,pingone:F7 a password is optional, checked and never shown", run: func(t *testing.T, d *door) {
		caller := directorytest.Caller(t, d.dir, d.token)
		has := func(id string) bool {
			r, err := d.dir.Read(context.Background(), caller, caller.Home(), "User", id, directory.Include{})
			if err != nil {
				t.Fatal(err)
			}
			return r.HasPassword
		}
		want(t, "password of a user made without", has(d.user(t, `{"userName":"a"}`)), false)
		a := d.create(t, "/Users", `{"userName":"b","password":"2Federate"}`)
		want(t, "password of a user made with one", has(a.id()), true)
		a.wantJSON(t, d, pingOneView(`"userName":"b","active":true`))
		d.refused(t, "POST /Users", `{"userName":"c","password":"short"}`, 400, "invalidValue", "User password did not satisfy password policy requirements")
		for _, path := range []string{"/Users/" + a.id(), "/Users", "/Users?attributes=password"} {
			if body := string(d.do("GET "+path, "").body); strings.Contains(body, "password") || strings.Contains(body, "null") {
				t.Errorf("GET %s: %s", path, body)
			}
		}
	}},
	{name: "pingone:B8 without a population it is the default one, and without that 400", run: func(t *testing.T, d *door) {
		ctx := context.Background()
		elsewhere := d.population(t, "elsewhere")
		if err := d.dir.SetDefaultPopulation(ctx, directorytest.Environment, elsewhere); err != nil {
			t.Fatal(err)
		}
		want(t, "population", d.create(t, "/Users", `{"userName":"ada"}`).get(pingOneURN), any(map[string]any{"population": map[string]any{"id": elsewhere}}))
		if err := d.dir.SetDefaultPopulation(ctx, directorytest.Environment, ""); err != nil {
			t.Fatal(err)
		}
		for _, more := range []string{``, `,"` + pingOneURN + `":null`, `,"` + pingOneURN + `":{"population":{}}`} {
			d.refused(t, "POST /Users", `{"userName":"bob"`+more+`}`, 400, "invalidValue", "Attribute population.id is required and must have a value")
		}
		d.refused(t, "POST /DirectMappedUsers", `{"username":"bob"}`, 400, "invalidValue", "Attribute population.id is required and must have a value")
		d.create(t, "/Users", `{"userName":"bob","`+pingOneURN+`":{"population":{"id":"`+elsewhere+`"}}}`)
	}},
	{name: "pingone:B10 an encoded password is taken as clear text, unless the switch is on", run: func(t *testing.T, d *door) {
		// Of "plain", which no policy takes: SHA-512 of it and of a salt of eight bytes.
		digest := sha512.Sum512([]byte("plain" + "saltsalt"))
		encoded := "{SSHA512}" + base64.StdEncoding.EncodeToString(append(digest[:], "saltsalt"...))
		d.user(t, `{"userName":"ada","password":"`+encoded+`"}`)
		want(t, "sign-in", d.signIn(t, "ada", encoded), true)
		want(t, "sign-in", d.signIn(t, "ada", "plain"), false)
		d.refused(t, "POST /Users", `{"userName":"bob","password":"{SSHA}"}`, 400, "invalidValue", "User password did not satisfy password policy requirements")

		on := openPingOne(t, scim2.Options{EncodedPasswords: true})
		on.user(t, `{"userName":"ada","password":"`+encoded+`"}`)
		on.create(t, "/DirectMappedUsers", `{"username":"bob","password":"`+encoded+`"}`)
		crypted, err := bcrypt.GenerateFromPassword([]byte("plain"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		on.user(t, `{"userName":"eve","password":"{BCRYPT}`+string(crypted)+`"}`)
		for _, name := range []string{"ada", "bob", "eve"} {
			for range 2 { // the second time it is a hash of our own
				want(t, "sign-in", on.signIn(t, name, "plain"), true)
				want(t, "sign-in", on.signIn(t, name, encoded), false)
			}
		}
		on.user(t, `{"userName":"cyd","password":"2Federate"}`)
		want(t, "sign-in", on.signIn(t, "cyd", "2Federate"), true)
		for _, bad := range []string{"short", "{SSHA512}", "{SSHA512}2Federate", "{SSHA512}AAAA", "{BCRYPT}2Federate", "{BCRYPT}$2a$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", "{PBKDF2}AAAAAAAA1", "{MD5}x"} {
			on.refused(t, "POST /Users", `{"userName":"dan","password":"`+bad+`"}`, 400, "invalidValue", "User password did not satisfy password policy requirements")
		}
	}},
	{name: "pingone:B11 without active the user is active, with false it cannot sign in", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada","password":"2Federate"}`)
		want(t, "active", a.get("active"), any(true))
		want(t, "sign-in of an active user", d.signIn(t, "ada", "2Federate"), true)
		b := d.create(t, "/Users", `{"userName":"bob","password":"2Federate","active":false}`)
		want(t, "active", b.get("active"), any(false))
		want(t, "sign-in of a disabled user", d.signIn(t, "bob", "2Federate"), false)
	}},
	{name: "pingone:B12 unknown attributes are ignored, refused or kept", run: func(t *testing.T, d *door) {
		const body = `{"userName":"ada","displayName":"Ada","shoeSize":38,"addresses":[{"region":"MI","floor":3}],"` +
			enterpriseURN + `":{"department":"Sales"}}`
		a := d.create(t, "/Users", body)
		a.wantJSON(t, d, pingOneView(`"userName":"ada","active":true,"addresses":[{"region":"MI"}]`))
		caller := directorytest.Caller(t, d.dir, d.token)
		r, err := d.dir.Read(context.Background(), caller, caller.Home(), "User", a.id(), directory.Include{})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "stored attributes", r.Attributes().Len(), 3)

		reject := openPingOne(t, scim2.Options{Unknown: scim2.RejectUnknown})
		for sent, detail := range map[string]string{
			`"shoeSize":38`:                              "Core attribute shoeSize is undefined for schema " + userURN,
			`"displayName":"Ada"`:                        "Core attribute displayName is undefined for schema " + userURN,
			`"addresses":[{"floor":3}]`:                  "Sub-attribute floor is undefined for attribute addresses[0]",
			`"` + pingOneURN + `":{"theme":"dark"}`:      "Extended attribute theme is undefined for schema " + pingOneURN,
			`"` + enterpriseURN + `":{"department":"x"}`: "",
		} {
			reject.refused(t, "POST /Users", `{"userName":"ada",`+sent+`}`, 400, "invalidSyntax", detail)
		}

		store := openPingOne(t, scim2.Options{Unknown: scim2.StoreUnknown})
		b := store.create(t, "/Users", body)
		want(t, "displayName", b.get("displayName"), any("Ada"))
		want(t, "department", b.get(enterpriseURN+"/department"), any("Sales"))
		want(t, "shoeSize", b.get("shoeSize"), nil)
		want(t, "schemas", b.get("schemas"), any([]any{userURN, enterpriseURN, pingOneURN}))
	}},
	{name: "pingone:B13 attributes with room for fewer values than were sent", run: func(t *testing.T, d *door) {
		d.refused(t, "POST /Users", `{"userName":"ada","addresses":[{"region":"MI"},{"region":"NY"}]}`, 400, "invalidValue", "addresses: ...")
		d.refused(t, "POST /Users", `{"userName":"ada","photos":[{"value":"https://a.example/1"},{"value":"https://a.example/2"}]}`, 400, "invalidValue", "photos: ...")
		for _, name := range []string{"emails", "phoneNumbers"} {
			d.refused(t, "POST /Users", `{"userName":"ada","`+name+`":[{"value":"a1@x.example","primary":true},{"value":"b2@x.example","primary":true}]}`,
				400, "invalidValue", name+": ...")
		}
		id := d.user(t, `{"userName":"ada",
			"emails":[{"value":"a@x.example","type":"work"},{"value":"b@x.example","primary":true}],
			"phoneNumbers":[{"value":"1","type":"work"},{"value":"2","type":"mobile"},{"value":"3","type":"Primary"},{"value":"4","type":"mobile"}]}`)
		d.do("GET /Users/"+id, "").wantJSON(t, d, pingOneView(`"userName":"ada","active":true,
			"emails":[{"value":"b@x.example","primary":true}],
			"phoneNumbers":[{"value":"2","type":"mobile"},{"value":"3","type":"Primary"}]`))
		a := d.create(t, "/Users", `{"userName":"bob","emails":[{"value":"a@x.example"},{"value":"b@x.example"}],"phoneNumbers":[{"value":"1","type":"work"}]}`)
		a.wantJSON(t, d, pingOneView(`"userName":"bob","active":true,"emails":[{"value":"a@x.example"}]`))

		caller := directorytest.Caller(t, d.dir, d.token)
		r, err := d.dir.Read(context.Background(), caller, caller.Home(), "User", id, directory.Include{})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "e-mails kept", len(r.Attributes().Get("emails").List()), 2)
		want(t, "phone numbers kept", len(r.Attributes().Get("phoneNumbers").List()), 4)
	}},
	{name: "pingone:B14 types of phone numbers are free, and without one a number is the primary one", run: func(t *testing.T, d *door) {
		d.create(t, "/Users", `{"userName":"ada","phoneNumbers":[{"value":"1","type":"satellite"},{"value":"2"},{"value":"3","type":"primary"}]}`).
			wantJSON(t, d, pingOneView(`"userName":"ada","active":true,"phoneNumbers":[{"value":"2"}]`))
	}},
	{name: "pingone:B15 limits and patterns name the attribute", run: func(t *testing.T, d *door) {
		x := func(n int) string { return strings.Repeat("x", n) }
		for _, l := range []struct {
			path string
			most int
			body string
		}{
			{"userName", 128, `{"userName":"%s"}`},
			{"name.formatted", 256, `{"userName":"$","name":{"formatted":"%s"}}`},
			{"name.familyName", 256, `{"userName":"$","name":{"familyName":"%s"}}`},
			{"name.givenName", 256, `{"userName":"$","name":{"givenName":"%s"}}`},
			{"name.middleName", 256, `{"userName":"$","name":{"middleName":"%s"}}`},
			{"name.honorificPrefix", 256, `{"userName":"$","name":{"honorificPrefix":"%s"}}`},
			{"name.honorificSuffix", 256, `{"userName":"$","name":{"honorificSuffix":"%s"}}`},
			{"nickName", 256, `{"userName":"$","nickName":"%s"}`},
			{"title", 256, `{"userName":"$","title":"%s"}`},
			{"addresses[0].streetAddress", 256, `{"userName":"$","addresses":[{"streetAddress":"%s"}]}`},
			{"addresses[0].locality", 256, `{"userName":"$","addresses":[{"locality":"%s"}]}`},
			{"addresses[0].region", 256, `{"userName":"$","addresses":[{"region":"%s"}]}`},
			{"addresses[0].postalCode", 40, `{"userName":"$","addresses":[{"postalCode":"%s"}]}`},
			{"externalId", 1024, `{"userName":"$","externalId":"%s"}`},
		} {
			body := strings.Replace(l.body, "$", l.path, 1)
			d.refused(t, "POST /Users", fmt.Sprintf(body, x(l.most+1)), 400, "invalidValue", l.path+": ...")
			d.user(t, fmt.Sprintf(body, x(l.most)))
		}
		d.refused(t, "POST /Users", `{"userName":"p","phoneNumbers":[{"value":"1`+x(32)+`"}]}`, 400, "invalidValue", "phoneNumbers[0].value: ...")
		d.user(t, `{"userName":"p","phoneNumbers":[{"value":"1`+x(31)+`"}]}`)
		d.refused(t, "POST /Users", `{"userName":"l","locale":"en`+strings.Repeat("-abcdefg", 32)+`"}`, 400, "invalidValue", "locale: ...")

		for _, p := range []struct{ path, good, bad, body string }{
			{"preferredLanguage", "en-gb;q=0.8, en;q=0.7", "in English", `"preferredLanguage":"%s"`},
			{"locale", "de-CH-1996", "German (CH)", `"locale":"%s"`},
			{"timezone", "America/Los_Angeles", "PST", `"timezone":"%s"`},
			{"emails[0].value", "a@x.example", "a at x", `"emails":[{"value":"%s"}]`},
			{"emails[0].value", "A.B+c@x.example", "Ada <a@x.example>", `"emails":[{"value":"%s"}]`},
			{"phoneNumbers[0].value", "ext. 7", "none", `"phoneNumbers":[{"value":"%s"}]`},
			{"addresses[0].country", "UK", "uk", `"addresses":[{"country":"%s"}]`},
			{"photos[0].value", "https://a.example/1.png", "ftp://a.example/1.png", `"photos":[{"value":"%s"}]`},
			{"externalId", "1", "", `"externalId":"%s"`},
		} {
			d.refused(t, "POST /Users", `{"userName":"x",`+fmt.Sprintf(p.body, p.bad)+`}`, 400, "invalidValue", p.path+": ...")
			d.user(t, `{"userName":"`+p.path+p.good+`",`+fmt.Sprintf(p.body, p.good)+`}`)
		}
		d.refused(t, "POST /Users", `{"userName":"tab\there"}`, 400, "invalidValue", "userName: ...")
		d.user(t, `{"userName":"spaces, symbols & Ünïcode #1 (ok)"}`)
		d.user(t, `{"userName":"breaks","addresses":[{"streetAddress":"8 Mile Rd.\nDetroit"}]}`)
	}},
	{name: "pingone:B16 id and meta of a client are ignored, primary of an address is kept", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"id":"mine","meta":{"created":"1999-01-01T00:00:00Z","resourceType":"Device"},"userName":"ada","addresses":[{"region":"MI","primary":true}]}`)
		a.wantJSON(t, d, pingOneView(`"userName":"ada","active":true,"addresses":[{"region":"MI","primary":true}]`))
		if a.id() == "mine" {
			t.Error("the client's id was taken")
		}
	}},
}

// race sends the same creation 16 times at once and counts the statuses.
func (d *door) race(body string) map[int]int {
	statuses := make(chan int, 16)
	var all sync.WaitGroup
	for range cap(statuses) {
		all.Go(func() { statuses <- d.do("POST /Users", body).status })
	}
	all.Wait()
	close(statuses)
	count := map[int]int{}
	for s := range statuses {
		count[s]++
	}
	return count
}

// pingOneRead is what section 7 says of reading and searching.
var pingOneRead = []check{
	{name: "pingone:B17 an id that is unknown or of another environment is 404", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.do("GET /Users/"+id, "").wantJSON(t, d, pingOneView(`"userName":"ada","active":true`))
		foreign := d.at("/environments/"+directorytest.Other+"/v2").as(directorytest.OtherToken).user(t, `{"userName":"bob"}`)
		for _, id := range []string{"14c9726d-861b-45c0-b464-92f546003d26", "none", foreign, strings.ToUpper(id)} {
			d.refused(t, "GET /Users/"+id, "", 404, "", "Resource "+id+" not found")
			d.refused(t, "DELETE /Users/"+id, "", 404, "", "Resource "+id+" not found")
		}
	}},
	{name: "pingone:B18,pingone:B22,pingone:B26 the members of a list", run: func(t *testing.T, d *door) {
		d.do("GET /Users", "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
			"totalResults":0,"itemsPerPage":0,"Resources":[]}`)
		id := d.user(t, `{"userName":"ada"}`)
		d.user(t, `{"userName":"bob"}`)
		d.do("GET /Users?count=1", "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
			"totalResults":2,"itemsPerPage":1,"Resources":[`+strings.ReplaceAll(pingOneView(`"userName":"ada","active":true`), "$ID", id)+`]}`)
	}},
	{name: "pingone:B19,pingone:B20 count", run: func(t *testing.T, d *door) {
		for i := range 205 {
			d.user(t, fmt.Sprintf(`{"userName":"u%03d"}`, i))
		}
		for query, n := range map[string]int{
			"": 200, "?count=200": 200, "?count=201": 200, "?count=100000000000000000000": 200, "?count=5": 5,
			"?count=0": 0, "?count=-1": 0, "?count=-100000000000000000000": 0,
		} {
			a := d.do("GET /Users"+query, "")
			a.wantStatus(t, 200)
			want(t, "users of "+query, len(a.list()), n)
			want(t, "itemsPerPage of "+query, fmt.Sprint(a.get("itemsPerPage")), fmt.Sprint(n))
			want(t, "totalResults of "+query, fmt.Sprint(a.get("totalResults")), "205")
		}
		for _, bad := range []string{"ten", "1.5", "", "0x10", "1e2", "+1"} {
			d.refused(t, "GET /Users?count="+bad, "", 400, "invalidValue", "count: ...")
		}
	}},
	{name: "pingone:B21 startIndex works and shows when it was sent, unless paging is off", run: func(t *testing.T, d *door) {
		for _, name := range []string{"a", "b", "c"} {
			d.user(t, `{"userName":"`+name+`"}`)
		}
		for query, names := range map[string][]string{
			"?startIndex=1": {"a", "b", "c"}, "?startIndex=2": {"b", "c"}, "?startIndex=2&count=1": {"b"},
			"?startIndex=4": {}, "?startIndex=0": {"a", "b", "c"}, "?startIndex=-7": {"a", "b", "c"},
		} {
			want(t, query, d.names(t, "/Users"+query), names)
		}
		want(t, "startIndex", fmt.Sprint(d.do("GET /Users?startIndex=2", "").get("startIndex")), "2")
		want(t, "startIndex", d.do("GET /Users", "").get("startIndex"), nil)
		d.refused(t, "GET /Users?startIndex=x", "", 400, "invalidValue", "startIndex: ...")

		off := openPingOne(t, scim2.Options{NoPaging: true})
		off.user(t, `{"userName":"a"}`)
		off.user(t, `{"userName":"b"}`)
		want(t, "users without paging", off.names(t, "/Users?startIndex=2"), []string{"a", "b"})
		want(t, "startIndex without paging", off.do("GET /Users?startIndex=2", "").get("startIndex"), nil)
	}},
	{name: "pingone:B23 sorting is ignored: the order is that of creation", run: func(t *testing.T, d *door) {
		for _, name := range []string{"b", "c", "a"} {
			d.user(t, `{"userName":"`+name+`"}`)
		}
		for _, query := range []string{"", "?sortBy=userName", "?sortBy=userName&sortOrder=descending", "?sortBy=nothing", "?sortOrder=sideways"} {
			want(t, query, d.names(t, "/Users"+query), []string{"b", "c", "a"})
		}
		want(t, "sort in the configuration", d.do("GET /ServiceProviderConfig", "").get("sort/supported"), any(false))
	}},
	{name: "pingone:B27 filters", run: func(t *testing.T, d *door) {
		d.user(t, `{"userName":"ada","title":"Countess","active":false,"emails":[{"value":"ada@x.example","type":"work"}]}`)
		d.user(t, `{"userName":"bob","title":"Builder","emails":[{"value":"bob@x.example","type":"home"}]}`)
		d.user(t, `{"userName":"cyd"}`)
		for filter, names := range map[string][]string{
			`userName eq "ADA"`:                                {"ada"},
			`USERNAME Eq "bob"`:                                {"bob"},
			`userName ne "bob"`:                                {"ada", "cyd"},
			`title co "u"`:                                     {"ada", "bob"},
			`userName sw "c"`:                                  {"cyd"},
			`emails.value ew "x.example"`:                      {"ada", "bob"},
			`title pr`:                                         {"ada", "bob"},
			`userName gt "ada"`:                                {"bob", "cyd"},
			`userName ge "bob"`:                                {"bob", "cyd"},
			`userName lt "bob"`:                                {"ada"},
			`userName le "bob"`:                                {"ada", "bob"},
			`userName eq "ada" or userName eq "cyd"`:           {"ada", "cyd"},
			`title pr and not (active eq false)`:               {"bob"},
			`(title pr or userName sw "c") AND active eq true`: {"bob", "cyd"},
			`emails[type eq "work" and value co "ada"]`:        {"ada"},
			`userName eq "nobody"`:                             {},
		} {
			want(t, filter, d.names(t, "/Users?filter="+escape(filter)), names)
		}
		for _, filter := range []string{``, `userName`, `userName eq`, `userName is "x"`, `(userName eq "x"`, `userName eq "x" and`, `active gt true`, `userName eq ada`} {
			d.refused(t, "GET /Users?filter="+escape(filter), "", 400, "invalidFilter", "Invalid filter: ...")
		}
	}},
	{name: "pingone:B29 attributes and excludedAttributes", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","title":"x","name":{"givenName":"Ada","familyName":"L"}}`)
		schemas := `"schemas":["` + userURN + `","` + pingOneURN + `"],"id":"$ID"`
		d.do("GET /Users/"+id+"?attributes=name.givenName,TITLE", "").wantJSON(t, d, `{`+schemas+`,"title":"x","name":{"givenName":"Ada"}}`)
		d.do("GET /Users/"+id+"?excludedAttributes=id,schemas,meta,name,active,"+pingOneURN, "").
			wantJSON(t, d, `{`+schemas+`,"userName":"ada","title":"x"}`)
		a := d.do("GET /Users?attributes=title", "")
		want(t, "listed", a.list(), []map[string]any{{"schemas": []any{userURN, pingOneURN}, "id": id, "title": "x"}})
		b := d.create(t, "/Users?attributes=userName", `{"userName":"bob","title":"y"}`)
		b.wantJSON(t, d, `{`+schemas+`,"userName":"bob"}`)
	}},
}

// pingOneRest is deletion, the parts that are not offered, and discovery.
var pingOneRest = []check{
	{name: "pingone:B46 a deleted user is gone and the userName free", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		a := d.do("DELETE /Users/"+id, "")
		a.wantStatus(t, 204)
		want(t, "body", string(a.body), "")
		for _, method := range []string{"GET", "DELETE"} {
			d.refused(t, method+" /Users/"+id, "", 404, "", "Resource "+id+" not found")
		}
		want(t, "users", d.names(t, "/Users"), []string{})
		if again := d.user(t, `{"userName":"ada"}`); again == id {
			t.Error("the id is used again")
		}
	}},
	{name: "pingone:B47 groups are 501 unless switched on", run: func(t *testing.T, d *door) {
		for _, request := range []string{"GET /Groups", "POST /Groups", "GET /Groups/1", "PUT /Groups/1", "PATCH /Groups/1", "DELETE /Groups/1"} {
			d.refused(t, request, "{}", 501, "", "Not implemented")
		}
		on := openPingOne(t, scim2.Options{Groups: true})
		id := on.user(t, `{"userName":"ada"}`)
		g := on.create(t, "/Groups", `{"displayName":"G","members":[{"value":"`+id+`"}]}`)
		g.wantJSON(t, on, `{"schemas":["`+groupURN+`"],"id":"$ID","displayName":"G",
			"meta":{"resourceType":"Group","created":"$T","lastModified":"$T","location":"$BASE/Groups/$ID"},
			"members":[{"value":"`+id+`","$ref":"$BASE/Users/`+id+`","display":"ada","type":"User"}]}`)
		want(t, "types", len(on.do("GET /ResourceTypes", "").list()), 3)
		want(t, "schemas", len(on.do("GET /Schemas", "").list()), 4)
		want(t, "types", len(d.do("GET /ResourceTypes", "").list()), 2)
	}},
	{name: "bulk and me are not offered", run: func(t *testing.T, d *door) {
		for _, request := range []string{"POST /Bulk", "GET /Me", "PATCH /Me", "POST /Me"} {
			d.refused(t, request, "{}", 501, "", "Not implemented")
		}
	}},
	{name: "pingone:B54 discovery needs a token, ignores queries and takes GET alone", run: func(t *testing.T, d *door) {
		for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes"} {
			d.as("").refused(t, "GET "+path, "", 401, "", noAccess)
			plain := d.do("GET "+path, "")
			plain.wantStatus(t, 200)
			queried := d.do("GET "+path+"?filter=nonsense&count=0&startIndex=99&count=x", "")
			queried.wantStatus(t, 200)
			want(t, path, string(queried.body), string(plain.body))
			for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
				a := d.refused(t, method+" "+path, "{}", 405, "", "")
				if allow := a.header.Get("Allow"); !strings.Contains(allow, "GET") {
					t.Errorf("%s: Allow %q", a.request, allow)
				}
			}
		}
	}},
	{name: "pingone:B51,pingone:B53 the configuration says what is there", run: func(t *testing.T, d *door) {
		d.do("GET /ServiceProviderConfig", "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
			"meta":{"resourceType":"ServiceProviderConfig","created":"2022-10-24T00:00:00.000Z","lastModified":"2022-10-24T00:00:00.000Z",
				"location":"$BASE/ServiceProviderConfig"},
			"patch":{"supported":true},"bulk":{"supported":false,"maxOperations":0,"maxPayloadSize":0},
			"filter":{"supported":true,"maxResults":200},"changePassword":{"supported":false},"sort":{"supported":false},"etag":{"supported":false},
			"authenticationSchemes":[{"name":"OAuth 2.0 Bearer Token","description":"Access with an OAuth 2.0 bearer token (RFC 6750).",
				"specUri":"https://tools.ietf.org/html/rfc6750","documentationUri":"https://tools.ietf.org/html/rfc6750",
				"type":"oauthbearertoken","primary":true}]}`)
		d.do("GET /ResourceTypes", "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":2,
			"Resources":[{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"id":"User",
				"meta":{"resourceType":"ResourceType","location":"$BASE/ResourceTypes/User"},"name":"User","description":"User Account",
				"endpoint":"/Users","schema":"`+userURN+`","schemaExtensions":[{"schema":"`+pingOneURN+`","required":false}]},
				{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"id":"DirectMappedUser",
				"meta":{"resourceType":"ResourceType","location":"$BASE/ResourceTypes/DirectMappedUser"},"name":"DirectMappedUser",
				"description":"A user account under the names of the platform's own model","endpoint":"/DirectMappedUsers","schema":"urn:pingidentity:schemas:2.0:DirectMappedUser"}]}`)
	}},
	{name: "a method that is not possible, a body that is too large, a media type that is not taken", run: func(t *testing.T, d *door) {
		d.refused(t, "DELETE /Users", "", 405, "", "...")
		d.refused(t, "POST /Users", `{"userName":"`+strings.Repeat("x", 1<<20)+`"}`, 413, "", "...")
		d.refused(t, "POST /Users", `{"userName":"ada"}`, 415, "", "...", "Content-Type: text/plain")
		d.refused(t, "GET /Nothing", "", 404, "", "Not found")
	}},
	{name: "a fault of the server says nothing of itself", run: func(t *testing.T, d *door) {
		d.fault(t, scim2.PingOne(scim2.Options{}), http.MethodPost, 500, "Internal error")
	}},
}
