package scim1_test

import (
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim1"
)

func TestStandardConformance(t *testing.T) {
	for _, row := range []struct{ name, text string }{
		{"creation answers 201 with the user, its Location and its version", `
POST /scim/v1/Users
{"schemas": ["urn:scim:schemas:core:1.0"], "userName": "ada", "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research"}}
201
Location: $BASE/scim/v1/Users/$UUID1
ETag: W/"$VERSION"
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:extension:enterprise:1.0"], "userName": "ada", "active": true,
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research"},
 "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$BASE/scim/v1/Users/$UUID1", "version": "W/\"$VERSION\""}}`},

		{"a known externalId or option changes nothing", `
POST /scim/v1/Users {"userName": "ada", "externalId": "a"}
201 {"id": "$UUID1", ...}
POST /scim/v1/Users?option=DEFAULT_USER_GROUP {"userName": "bob", "externalId": "a"}
201 {"id": "$UUID2", "schemas": "$ANY", "userName": "bob", "externalId": "a", "active": true, "meta": "$ANY"}
# $UUID1 != $UUID2
POST /scim/v1/Users {"userName": "ADA", "externalId": "a"}
409 {"Errors": [{"description": "User with userName ADA already exists", "code": "409"}], "detail": "User with userName ADA already exists"}`},

		{"the vendor's extension is unknown", `
POST /scim/v1/Users {"userName": "ada", "active": false, "urn:scim:schemas:com_pingone:1.0": {"state": "ACTIVE", "passwordExpired": true}}
201 {"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0"], "userName": "ada", "active": false, "meta": "$ANY"}
GET /scim/v1/Users?filter=urn:scim:schemas:com_pingone:1.0:createTimeStamp%20gt%201
400 {"Errors": [{"description": "Invalid filter: $ANY", "code": "400"}], "detail": "Invalid filter: $ANY"}`},

		{"groups, lists and deletion", `
POST /scim/v1/Users {"userName": "ada"}
201 {"id": "$UUID1", ...}
POST /scim/v1/Groups {"displayName": "Developers", "members": [{"value": "$UUID1"}]}
201
Location: $BASE/scim/v1/Groups/$UUID2
{"id": "$UUID2", "schemas": ["urn:scim:schemas:core:1.0"], "displayName": "Developers", "members": [{"value": "$UUID1", "type": "user", "display": "ada"}],
 "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$BASE/scim/v1/Groups/$UUID2", "version": "$ANY"}}
GET /scim/v1/Users?filter=userName%20eq%20%22ada%22&startIndex=1&count=2
200
{"totalResults": 1, "itemsPerPage": 1, "startIndex": 1, "schemas": ["urn:scim:schemas:core:1.0"], "Resources": [{"id": "$UUID1", "groups": [{"value": "$UUID2", "display": "Developers"}], ...}]}
DELETE /scim/v1/Groups/$UUID2
200
GET /scim/v1/Users/$UUID1
200 {"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0"], "userName": "ada", "active": true, "meta": "$ANY"}`},

		{"Basic and bearer are taken", `
GET /scim/v1/Users
Authorization: Bearer dev-token
200 {"totalResults": 0, ...}
GET /scim/v1/Users
!Authorization
401
WWW-Authenticate: Basic realm="directory", Bearer realm="directory"
{"Errors": [{"description": "Authentication failed", "code": "401"}], "detail": "Authentication failed"}`},

		{"discovery", `
GET /scim/v1/ServiceProviderConfigs
200
{"schemas": ["urn:scim:schemas:core:1.0"], "patch": {"supported": true}, "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
 "filter": {"supported": true, "maxResults": 1000}, "changePassword": {"supported": true}, "sort": {"supported": true}, "etag": {"supported": true},
 "xmlDataFormat": {"supported": false},
 "authenticationSchemes": [{"type": "httpbasic", "name": "HTTP Basic", "description": "$ANY", "primary": true},
  {"type": "oauthbearertoken", "name": "OAuth Bearer Token", "description": "$ANY", "primary": false}]}
GET /scim/v1/Schemas
200
{"totalResults": 2, "Resources": [{"id": "urn:scim:schemas:core:1.0:User", "endpoint": "/Users", ...}, {"id": "urn:scim:schemas:core:1.0:Group", "endpoint": "/Groups", ...}],
 "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:core:1.0:ListResponse"], ...}
GET /scim/v1/ResourceTypes
200
{"totalResults": 2, "itemsPerPage": 2, "startIndex": 1, "schemas": ["urn:scim:schemas:core:1.0"], "Resources": [
 {"schemas": ["urn:scim:schemas:core:1.0"], "id": "User", "name": "User", "description": "$ANY", "endpoint": "/Users", "schema": "urn:scim:schemas:core:1.0"},
 {"schemas": ["urn:scim:schemas:core:1.0"], "id": "Group", "name": "Group", "description": "$ANY", "endpoint": "/Groups", "schema": "urn:scim:schemas:core:1.0"}]}
POST /scim/v1/ResourceTypes {}
405
Allow: GET, HEAD, OPTIONS
{"Errors": [{"description": "Method not allowed", "code": "405"}], "detail": "Method not allowed"}`},

		{"a group is described", `
GET /scim/v1/Schemas/urn:scim:schemas:core:1.0:group
200
{"id": "urn:scim:schemas:core:1.0:Group", "name": "Group", "description": "$ANY", "schema": "urn:scim:schemas:core:1.0", "endpoint": "/Groups", "attributes": [
 {"name": "id", "type": "string", "multiValued": false, "description": "$ANY", "readOnly": true, "required": true, "caseExact": false, "schema": "urn:scim:schemas:core:1.0"},
 {"name": "externalId", "type": "string", "multiValued": false, "description": "$ANY", "readOnly": false, "required": false, "caseExact": true, "schema": "urn:scim:schemas:core:1.0"},
 {"name": "meta", "type": "complex", "multiValued": false, "description": "$ANY", "readOnly": true, "required": false, "caseExact": false, "schema": "urn:scim:schemas:core:1.0", "subAttributes": [
  {"name": "created", "type": "dateTime", "multiValued": false, "description": "$ANY", "readOnly": true, "required": false, "caseExact": false},
  {"name": "lastModified", "type": "dateTime", "multiValued": false, "description": "$ANY", "readOnly": true, "required": false, "caseExact": false},
  {"name": "location", "type": "string", "multiValued": false, "description": "$ANY", "readOnly": true, "required": false, "caseExact": false}]},
 {"name": "displayName", "type": "string", "multiValued": false, "description": "$ANY", "readOnly": false, "required": true, "caseExact": false, "schema": "urn:scim:schemas:core:1.0"},
 {"name": "members", "type": "complex", "multiValued": true, "multiValuedAttributeChildName": "member", "description": "$ANY", "readOnly": false, "required": false, "caseExact": false, "schema": "urn:scim:schemas:core:1.0", "subAttributes": [
  {"name": "value", "type": "string", "multiValued": false, "description": "$ANY", "readOnly": false, "required": false, "caseExact": false},
  {"name": "display", "type": "string", "multiValued": false, "description": "$ANY", "readOnly": true, "required": false, "caseExact": false},
  {"name": "type", "type": "string", "multiValued": false, "description": "$ANY", "readOnly": false, "required": false, "caseExact": false, "canonicalValues": ["user", "group"]}]}]}`},

		{"several faults are one detail", `
POST /scim/v1/Users {"userName": "ada", "active": 7, "title": 8}
400
{"Errors": [{"description": "Attribute title must be a string", "code": "400"}, {"description": "Attribute active must be a boolean", "code": "400"}],
 "detail": "Attribute title must be a string; Attribute active must be a boolean"}`},

		{"what is not built yet", `
POST /scim/v1/Bulk {}
501 {"Errors": [{"description": "Not implemented", "code": "501"}], "detail": "Not implemented"}
GET /scim/v1/Groups/7/users/count
404 {"Errors": [{"description": "No such endpoint", "code": "404"}], "detail": "No such endpoint"}`},
	} {
		t.Run(row.name, func(t *testing.T) { open(t, scim1.Standard()).play(t, row.text) })
	}
}
