package scim1_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim1"
)

func TestTenants(t *testing.T) {
	t.Run("p14e:A7 the credential decides the directory, and nothing else", func(t *testing.T) {
		s := open(t, scim1.PingOneEnterprise())
		s.play(t, `
POST /api/directory/user {"userName": "ada", "externalId": "a"}
200 {"id": "$UUID1", "urn:scim:schemas:com_pingone:1.0": {"accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", ...}, ...}
GET /api/directory/user/$UUID1
Authorization: `+other+`
404 Resource $UUID1 not found
DELETE /api/directory/user/$UUID1
Authorization: `+other+`
404 Resource $UUID1 not found
GET /api/directory/group/$USERS
Authorization: `+other+`
404 Resource $USERS not found
POST /api/directory/user?option=$USERS
Authorization: `+other+`
{"userName": "bob"}
400 Invalid value for parameter option
POST /api/directory/group
Authorization: `+other+`
{"displayName": "Thieves", "members": [{"value": "$UUID1"}]}
400 Member $UUID1 not found
GET /api/directory/user
Authorization: `+other+`
200 {"totalResults": 0, ...}
POST /api/directory/user
Authorization: `+other+`
{"userName": "ada", "externalId": "a", "urn:scim:schemas:com_pingone:1.0": {"accountId": "$ENVIRONMENT", "directoryId": "$POPULATION"}}
200 {"id": "$UUID2", "urn:scim:schemas:com_pingone:1.0": {"accountId": "$UUID3", "directoryId": "$UUID4", ...}, ...}
# $UUID1 != $UUID2
# $UUID3 != $ENVIRONMENT
# $UUID4 != $POPULATION
GET /api/directory/user
200 {"totalResults": 1, "resources": [{"id": "$UUID1", ...}], ...}`)
	})
}

func TestAccount(t *testing.T) {
	t.Run("p14e:A2,p14e:A3 the client's id is that of the account, and stays when the key is renewed", func(t *testing.T) {
		ctx := context.Background()
		s := open(t, scim1.PingOneEnterprise())
		env, err := s.dir.CreateEnvironment(ctx, directory.EnvironmentDraft{Name: "account"})
		if err != nil {
			t.Fatal(err)
		}
		client, old, err := s.dir.CreateClient(ctx, directory.ClientDraft{Environment: env.ID})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := uuid.Parse(client.ID); err != nil {
			t.Errorf("the client's id %s is no UUID", client.ID)
		}
		create := func(secret, name, answer string) {
			t.Helper()
			key := base64.StdEncoding.EncodeToString([]byte(client.ID + ":" + secret))
			s.play(t, `
POST /api/directory/user
Authorization: Basic `+key+`
{"userName": "`+name+`"}
`+answer)
		}
		taken := `200 {"urn:scim:schemas:com_pingone:1.0": {"accountId": "` + client.ID + `", ...}, ...}`
		create(old, "ada", taken)
		key, err := s.dir.RenewClient(ctx, client.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		create(old, "bob", `401 Authentication failed`)
		create(key, "bob", taken)
		second, _, err := s.dir.CreateClient(ctx, directory.ClientDraft{Environment: env.ID})
		if err != nil || second.ID == client.ID {
			t.Errorf("a second client: %+v, %v", second, err)
		}
	})
}

func TestRoles(t *testing.T) {
	t.Run("p14e:A9 a credential of a lower role reads, and is refused what is above it", func(t *testing.T) {
		const refused = `
403 Operation not permitted
`
		open(t, scim1.PingOneEnterprise()).play(t, `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/group {"displayName": "Developers"}
200 {"id": "$UUID2", ...}
GET /api/directory/user/$UUID1
Authorization: `+reader+`
200 {"userName": "ada", ...}
GET /api/directory/group
Authorization: `+reader+`
200 {"totalResults": 2, ...}
GET /api/directory/group/$USERS/users/count
Authorization: `+reader+`
200 {"users": 1}
GET /api/directory/Schemas
Authorization: `+reader+`
200 {...}
POST /api/directory/user
Authorization: `+reader+`
{"userName": "bob"}`+refused+`
DELETE /api/directory/user/$UUID1
Authorization: `+reader+refused+`
POST /api/directory/user/$UUID1
Authorization: `+reader+`
X-HTTP-Method-Override: DELETE`+refused+`
PUT /api/directory/user/$UUID1
Authorization: `+reader+`
{"userName": "bob"}`+refused+`
POST /v1/group
Authorization: `+reader+`
{"displayName": "Others"}`+refused+`
DELETE /v1/group/$UUID2
Authorization: `+reader+refused+`
GET /api/directory/user
200 {"totalResults": 1, "resources": [{"userName": "ada", ...}], ...}
GET /api/directory/group
200 {"totalResults": 2, ...}`)
	})
}

func TestLocation(t *testing.T) {
	t.Run("p14e:F4 locations are absolute and do not depend on the prefix of the request", func(t *testing.T) {
		conversation := func(prefix string) string {
			return `
POST /api/directory/user {"userName": "ada"}
200
Location: $BASE` + prefix + `/user/$UUID1
{"id": "$UUID1", "meta": {"location": "$BASE` + prefix + `/user/$UUID1", ...}, ...}
POST /v1/user {"userName": "bob"}
200
Location: $BASE` + prefix + `/user/$UUID2
{"id": "$UUID2", "meta": {"location": "$BASE` + prefix + `/user/$UUID2", ...}, ...}
POST /v1/group {"displayName": "Developers"}
200
Location: $BASE` + prefix + `/group/$UUID3
{"id": "$UUID3", "meta": {"location": "$BASE` + prefix + `/group/$UUID3", ...}, ...}
GET /v1/user/$UUID1
200 {"meta": {"location": "$BASE` + prefix + `/user/$UUID1", ...}, ...}
GET /api/directory/user/$UUID2
200 {"meta": {"location": "$BASE` + prefix + `/user/$UUID2", ...}, ...}`
		}
		p := scim1.PingOneEnterprise()
		open(t, p).play(t, conversation("/api/directory"))
		openAt(t, p, publicURL+"/").play(t, conversation("/api/directory"))
		p.Options.LocationPrefix = "/v1"
		open(t, p).play(t, conversation("/v1"))

		// Without a public URL, scheme and host are the request's.
		s := openAt(t, scim1.PingOneEnterprise(), "")
		for _, start := range []func(http.Handler) *httptest.Server{httptest.NewServer, httptest.NewTLSServer} {
			srv := start(s)
			req, err := http.NewRequest("GET", srv.URL+"/v1/group/"+s.users, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", writer)
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			var group struct{ Meta struct{ Location string } }
			err = json.NewDecoder(resp.Body).Decode(&group)
			resp.Body.Close()
			srv.Close()
			if want := srv.URL + "/api/directory/group/" + s.users; err != nil || group.Meta.Location != want {
				t.Errorf("location %q, %v, want %q", group.Meta.Location, err, want)
			}
		}
	})
}

func TestTimeZone(t *testing.T) {
	t.Run("p14e:F2 dates are in UTC, or in the zone of the switch", func(t *testing.T) {
		for zone, want := range map[string]string{
			"":               "2026-03-01T08:15:31.120+00:00",
			"America/Denver": "2026-03-01T01:15:31.120-07:00",
			"Asia/Kolkata":   "2026-03-01T13:45:31.120+05:30",
		} {
			p := scim1.PingOneEnterprise()
			if zone != "" {
				location, err := time.LoadLocation(zone)
				if err != nil {
					t.Fatal(err)
				}
				p.Options.TimeZone = location
			}
			open(t, p).play(t, `
POST /api/directory/user {"userName": "ada"}
200 {"meta": {"created": "`+want+`", "lastModified": "`+want+`", "location": "$ANY"},
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": 1772352931120, "lastModifiedTimeStamp": 1772352931120, ...}, ...}`)
		}
	})
}

func TestErrors(t *testing.T) {
	doors := scim1.New(nil, scim1.PingOneEnterprise(), publicURL)
	answer := func(err error) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		doors[0].Error(w, httptest.NewRequest("GET", "/api/directory/user", nil), err)
		return w
	}
	t.Run("p14e:A11 who asks too often is told 429 with Retry-After in seconds", func(t *testing.T) {
		w := answer(&scim.Error{Rule: scim.RuleRate, Allowed: []string{"7"}})
		want := `{"Errors":[{"description":"Too many requests","code":"429"}]}`
		if w.Code != 429 || w.Header().Get("Retry-After") != "7" || w.Body.String() != want {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	})
	t.Run("a busy server says when to try again", func(t *testing.T) {
		w := answer(&scim.Error{Rule: scim.RuleBusy, Allowed: []string{"1"}})
		want := `{"Errors":[{"description":"Service unavailable","code":"503"}]}`
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || w.Body.String() != want {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	})
	t.Run("p14e:X3 what is not the request's fault is a plain 500", func(t *testing.T) {
		w := answer(errors.New("disk on fire"))
		want := `{"Errors":[{"description":"Internal error","code":"500"}]}`
		if w.Code != 500 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json;charset=UTF-8" {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		s := open(t, scim1.PingOneEnterprise())
		for rule := scim.RuleJSON; rule <= scim.RuleUnsupported; rule++ {
			w := answer(&scim.Error{Rule: rule})
			if internal := w.Code >= 500; internal != (rule == scim.RuleUnsupported || rule == scim.RuleBusy) {
				t.Errorf("rule %d: %d %s", rule, w.Code, w.Body)
			}
		}
		s.play(t, `
GET /api/directory/user/%00
404 {...}
GET /api/directory/user/%2e%2e
404 {...}`)
	})
	t.Run("words of the faults", func(t *testing.T) {
		for _, row := range []struct {
			err  *scim.Error
			want string
		}{
			{&scim.Error{Rule: scim.RuleJSON, Detail: "a comma is missing", Line: 3, Column: 9}, "Request body is not valid JSON: a comma is missing at line 3, column 9"},
			{&scim.Error{Rule: scim.RuleEmptyBody}, "Request body is not valid JSON: the body is empty"},
			{&scim.Error{Rule: scim.RuleTrailingData, Line: 1, Column: 4}, "Request body is not valid JSON: more follows the value at line 1, column 4"},
			{&scim.Error{Rule: scim.RuleNotObject, Line: 1, Column: 1}, "Request body is not valid JSON: an object is needed at line 1, column 1"},
			{&scim.Error{Rule: scim.RuleDuplicateMember, Path: "name.givenName"}, "Duplicate attribute name.givenName"},
			{&scim.Error{Rule: scim.RuleType, Path: scim.EnterpriseSchema + ":manager.value", Allowed: []string{"string"}}, "Attribute urn:scim:schemas:extension:enterprise:1.0:manager.managerId must be a string"},
			{&scim.Error{Rule: scim.RuleMultiValued, Path: "emails"}, "Attribute emails must be a list"},
			{&scim.Error{Rule: scim.RuleSingleValued, Path: "title"}, "Attribute title must be a single value"},
			{&scim.Error{Rule: scim.RuleDateTime, Path: "x"}, "Attribute x must be a dateTime"},
			{&scim.Error{Rule: scim.RuleBinary, Path: "x"}, "Attribute x must be a base64 value"},
			{&scim.Error{Rule: scim.RuleURI, Path: "x"}, "Attribute x must be a URI"},
			{&scim.Error{Rule: scim.RuleLength, Path: "x", Allowed: []string{"1024"}}, "Attribute x must be a string of at most 1024 characters"},
			{&scim.Error{Rule: scim.RuleCanonical, Path: "x", Allowed: []string{"a", "b"}}, "Attribute x must be a value of a, b"},
			{&scim.Error{Rule: scim.RulePattern, Path: "x", Detail: "a time zone is needed"}, "Attribute x is not valid: a time zone is needed"},
			{&scim.Error{Rule: scim.RulePrimary, Path: "emails"}, "Attribute emails is not valid"},
			{&scim.Error{Rule: scim.RuleDangling, Path: scim.EnterpriseSchema + ":manager.value", Value: "7"}, "Attribute urn:scim:schemas:extension:enterprise:1.0:manager.managerId refers to no resource: 7"},
			{&scim.Error{Rule: scim.RuleTooMany, Path: "title"}, "Invalid filter: a condition on title alone is too costly"},
			{&scim.Error{Rule: scim.RuleFilter, Detail: "and is needed", Column: 5}, "Invalid filter: and is needed at column 5"},
		} {
			w := answer(row.err)
			text, err := json.Marshal(row.want)
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"Errors":[{"description":` + string(text) + `,"code":"400"}]}`; w.Code != 400 || w.Body.String() != want {
				t.Errorf("%d %s, want %s", w.Code, w.Body, want)
			}
		}
	})
}
