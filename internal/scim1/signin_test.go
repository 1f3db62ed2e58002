package scim1_test

import (
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim1"
)

// signIn asks whether the password of ada is 2Federate.
const signIn = `
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=2Federate
`

const (
	granted = `200 {"access_token": "$ANY", "token_type": "Bearer", "expires_in": 3600}
`
	denied = `400 {"error": "invalid_grant"}
`
)

// pingOneSignIn are rows of TestConformance: passwords are checked and changed.
var pingOneSignIn = []struct{ name, text string }{
	{"p14e:R64,p14e:R65 the token endpoint says whether a password is right, as RFC 6749 does", `
POST /api/directory/user {"userName": "ada", "password": "2Federate"}
200 {...}
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=2Federate
200
Cache-Control: no-store
Pragma: no-cache
{"access_token": "$TOKEN1", "token_type": "Bearer", "expires_in": 3600}
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded; charset=UTF-8
grant_type=password&username=ADA&password=2Federate&scope=
200 {"access_token": "$TOKEN2", "token_type": "Bearer", "expires_in": 3600}
# $TOKEN1 != $TOKEN2
POST /api/oauth/token
Authorization: ` + reader + `
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=2Federate
` + granted + `
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=3Federate
` + denied + `
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=nobody&password=2Federate
` + denied + `
POST /api/oauth/token
Authorization: ` + other + `
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=2Federate
` + denied + `
POST /api/oauth/token
Authorization: Basic MTIzNC1hYWFhLWJiYmItNTY3ODp3cm9uZw==
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=2Federate
401
WWW-Authenticate: Basic realm="directory"
{"error": "invalid_client"}
POST /api/oauth/token
!Authorization
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=2Federate
401 {"error": "invalid_client"}
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=client_credentials
400 {"error": "unsupported_grant_type"}`},

	{"malformed requests for a token", `
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
username=ada&password=2Federate
400 {"error": "invalid_request", "error_description": "grant_type is missing"}
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada
400 {"error": "invalid_request", "error_description": "username and password are needed"}
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&username=bob&password=2Federate
400 {"error": "invalid_request", "error_description": "a parameter is repeated"}
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=%zz&password=2Federate
400 {"error": "invalid_request", "error_description": "the form cannot be read"}
POST /api/oauth/token
Content-Type: application/json
{"grant_type": "password", "username": "ada", "password": "2Federate"}
400 {"error": "invalid_request", "error_description": "the body must be application/x-www-form-urlencoded"}
POST /api/oauth/token?grant_type=password&username=ada&password=2Federate
Content-Type: application/x-www-form-urlencoded
400 {"error": "invalid_request", "error_description": "grant_type is missing"}
GET /api/oauth/token
405
Allow: OPTIONS, POST
{"error": "invalid_request", "error_description": "Method not allowed"}
GET /api/oauth/authorize
404 {"error": "invalid_request", "error_description": "No such endpoint"}
POST /api/oauth/token
Accept: text/html
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=2Federate
406 {"error": "invalid_request", "error_description": "Not acceptable"}`},

	{"p14e:R66 who is not active, is locked or has to change the password fails; success is the last login", `
POST /api/directory/user {"userName": "ada", "password": "2Federate", "active": false}
200 {"id": "$UUID1", ...}` + signIn + denied + `
PATCH /api/directory/user/$UUID1 {"active": true, "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true}}
200 {...}` + signIn + denied + `
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": ["urn:scim:schemas:com_pingone:1.0:passwordExpired"]}}
200
{"urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2", "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"}, ...}` +
		strings.Repeat(strings.ReplaceAll(signIn, "2Federate", "wrong")+denied, 10) + signIn + denied + `
PATCH /api/directory/user/$UUID1 {"password": "2Federate"}
200 {...}` + signIn + granted + `
GET /api/directory/user/$UUID1
200 {"urn:scim:schemas:com_pingone:1.0": {"lastLoginTime": "$MS3", "lastModifiedTimeStamp": "$MS4", ...}, ...}
# $MS4 < $MS3`},

	{"PingFederate checks a password by subject", `
POST /api/directory/user {"userName": "ada", "password": "2Federate", "name": {"givenName": "Ada"}}
200 {"id": "$UUID1", ...}
POST /api/directory/users/authenticate?by=subject {"subject": "Ada", "password": "2Federate"}
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "name": {"givenName": "Ada"}, "active": true,
 "urn:scim:schemas:com_pingone:1.0": {"lastLoginTime": "$MS1", ...}, "meta": "$ANY", "groups": [{"value": "$USERS", "display": "Users"}]}
POST /api/directory/users/authenticate?by=subject {"subject": "ada", "password": "3Federate"}
401
WWW-Authenticate: Basic realm="directory"
{"Errors": [{"description": "Authentication failed", "code": "401"}]}
POST /api/directory/users/authenticate?by=id {"subject": "ada", "password": "2Federate"}
400 Invalid value for parameter by
POST /api/directory/users/authenticate {"subject": "ada", "password": "2Federate"}
400 Invalid value for parameter by
POST /api/directory/users/authenticate?by=subject {"subject": 7}
400
{"Errors": [{"description": "Attribute subject must be a string", "code": "400"}, {"description": "Attribute password is required", "code": "400"}]}`},
}

func TestLockedUserSignsInLater(t *testing.T) {
	s := open(t, scim1.PingOneEnterprise())
	s.play(t, `
POST /api/directory/user {"userName": "ada", "password": "2Federate"}
200 {...}`+strings.Repeat(strings.ReplaceAll(signIn, "2Federate", "wrong")+denied, 10)+signIn+denied)
	s.clock.Advance(15 * 60e9)
	s.play(t, signIn+granted)
}
