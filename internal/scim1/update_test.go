package scim1_test

import "strings"

// pingOneUpdates are rows of TestConformance: how stored resources change.
var pingOneUpdates = []struct{ name, text string }{
	// Replace.
	{"p14e:R20,p14e:R21,p14e:R22 PUT replaces all but what is not mentioned of password, active and passwordExpired", `
POST /api/directory/user
{"userName": "ada", "externalId": "hr-17", "title": "Engineer", "nickName": "A", "active": false, "password": "2Federate",
 "name": {"givenName": "Ada", "middleName": "King"}, "emails": [{"value": "ada@example.com", "type": "work"}],
 "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true},
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research"}}
200 {"id": "$UUID1", ...}
PUT /api/directory/user/$UUID1 {"userName": "ada", "nickName": "B", "name": {"givenName": "Augusta"}, "emails": [{"value": "augusta@example.com"}]}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"],
 "userName": "ada", "nickName": "B", "name": {"givenName": "Augusta"}, "active": false, "emails": [{"value": "augusta@example.com"}],
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2",
  "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "DISABLED", "passwordExpired": true},
 "meta": {"created": "$TO1", "lastModified": "$TO2", "location": "$BASE/api/directory/user/$UUID1"},
 "groups": [{"value": "$USERS", "display": "Users"}]}
PUT /v1/user/$UUID1 {"userName": "ada", "active": true, "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": false}}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"], "userName": "ada", "active": true,
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS3",
  "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"},
 "meta": {"created": "$TO1", "lastModified": "$TO3", "location": "$BASE/api/directory/user/$UUID1"},
 "groups": [{"value": "$USERS", "display": "Users"}]}
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=2Federate
200 {...}`},

	{"a group is replaced with its members", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/user {"userName": "bob"}
200 {"id": "$UUID2", ...}
POST /api/directory/group {"displayName": "Developers", "externalId": "g", "members": [{"value": "$UUID1"}]}
200 {"id": "$UUID3", ...}
PUT /api/directory/group/$UUID3 {"displayName": "Engineers", "externalId": "h", "members": [{"value": "$UUID2", "type": "user"}]}
200
{"id": "$UUID3", "displayName": "Engineers", "externalId": "h", "members": [{"value": "$UUID2", "type": "user", "display": "bob"}], "schemas": "$ANY", "meta": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}
PUT /api/directory/group/$UUID3 {"displayName": "Engineers"}
200 {"id": "$UUID3", "displayName": "Engineers", "schemas": "$ANY", "meta": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}
PUT /api/directory/group/$UUID3 {"members": []}
400 Attribute displayName is required
PUT /api/directory/group/$UUID3 {"displayName": "users"}
409 Group with displayName users already exists`},

	{"p14e:R23 userName is needed, may change and must be free", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/user {"userName": "bob"}
200 {...}
PUT /api/directory/user/$UUID1 {"title": "Engineer"}
400 Attribute userName is required
PUT /api/directory/user/$UUID1 {"userName": "Bob"}
409 User with userName Bob already exists
PUT /api/directory/user/$UUID1 {"userName": "augusta"}
200 {"id": "$UUID1", "userName": "augusta", ...}
GET /api/directory/user?filter=userName%20eq%20%22augusta%22
200 {"totalResults": 1, "resources": [{"id": "$UUID1", ...}], ...}` + nobody},

	{"p14e:R24 a password in PUT is the new one and needs no change unless the body says so", `
POST /api/directory/user {"userName": "ada", "password": "2Federate", "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true}}
200 {"id": "$UUID1", ...}
PUT /api/directory/user/$UUID1 {"userName": "ada", "password": "2short"}
400 Password does not satisfy the password policy: $REASON
PUT /api/directory/user/$UUID1 {"userName": "ada", "password": "3Federate"}
200
{"id": "$UUID1", "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2", "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"}, ...}
# $MS1 < $MS2
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=2Federate
400 {"error": "invalid_grant"}
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=3Federate
200 {...}
PUT /api/directory/user/$UUID1 {"userName": "ada", "password": "4Federate", "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true}}
200 {"id": "$UUID1", "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true, ...}, ...}`},

	{"p14e:R25 an id in the body is that of the path", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
PUT /api/directory/user/$UUID1 {"userName": "ada", "id": "$UUID1", "title": "Engineer"}
200 {"id": "$UUID1", "title": "Engineer", ...}
PUT /api/directory/user/$UUID1 {"userName": "ada", "ID": "$USERS", "title": "Thief"}
400 Attribute id cannot be changed
PUT /api/directory/user/$UUID1 {"userName": "ada", "id": 7, "title": "Thief"}
400 Attribute id cannot be changed
GET /api/directory/user/$UUID1
200 {"title": "Engineer", ...}`},

	{"p14e:R26 PUT creates nothing", `
PUT /api/directory/user/7c513a7e-55d4-441c-858c-7329e6268084 {"userName": "ada"}
404 Resource 7c513a7e-55d4-441c-858c-7329e6268084 not found
PUT /api/directory/user/bulkId%07 {"userName": "ada"}
404 Resource $ANY not found
PUT /api/directory/group/7c513a7e-55d4-441c-858c-7329e6268084 {"displayName": "ada"}
404 Resource 7c513a7e-55d4-441c-858c-7329e6268084 not found` + nobody},

	{"p14e:R27 a change moves both stamps and never id and creation; what changes nothing moves nothing", `
POST /api/directory/user {"userName": "ada"}
200
{"id": "$UUID1", "meta": {"created": "$TO1", "lastModified": "$TO1", ...}, "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1", ...}, ...}
PUT /api/directory/user/$UUID1 {"userName": "ada", "title": "Engineer"}
200
{"id": "$UUID1", "meta": {"created": "$TO1", "lastModified": "$TO2", ...}, "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2", ...}, ...}
# $TO1 < $TO2
# $TO2 == $MS2
PUT /api/directory/user/$UUID1 {"userName": "ada", "title": "Engineer"}
200
{"id": "$UUID1", "meta": {"created": "$TO1", "lastModified": "$TO2", ...}, "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2", ...}, ...}
PATCH /api/directory/user/$UUID1 {"title": "Head"}
200
{"id": "$UUID1", "meta": {"created": "$TO1", "lastModified": "$TO3", ...}, "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS3", ...}, ...}
# $TO2 < $TO3
# $TO3 == $MS3`},

	{"what was read can be put back", `
POST /api/directory/user
{"userName": "ada", "name": {"givenName": "Ada"}, "emails": [{"value": "ada@example.com", "primary": true}], "urn:scim:schemas:extension:enterprise:1.0": {"manager": {"managerId": "7"}}}
200
ETag: W/"$VERSION"
{"id": "$UUID1", "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$LOCATION"}, "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", ...}, ...}
PUT /api/directory/user/$UUID1
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0", "urn:scim:schemas:extension:enterprise:1.0"],
 "userName": "ada", "name": {"givenName": "Ada"}, "active": true, "emails": [{"value": "ada@example.com", "primary": true}],
 "urn:scim:schemas:extension:enterprise:1.0": {"manager": {"managerId": "7"}},
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": 1, "lastModifiedTimeStamp": 1, "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"},
 "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$LOCATION"}, "groups": [{"value": "$USERS", "display": "Users"}]}
200
ETag: W/"$VERSION"
{"id": "$UUID1", "userName": "ada", ...}`},

	// Partial update.
	{"p14e:R28,p14e:R33 first goes what meta.attributes names, then the rest is applied", `
POST /api/directory/user
{"userName": "ada", "title": "Engineer", "nickName": "A", "emails": [{"value": "a@example.com", "type": "work"}, {"value": "b@example.com"}]}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": ["title", "nickName"]}, "title": "Head"}
200
{"id": "$UUID1", "userName": "ada", "active": true, "title": "Head", "emails": [{"value": "a@example.com", "type": "work"}, {"value": "b@example.com"}], "schemas": "$ANY", "meta": "$ANY", "groups": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}
PATCH /api/directory/user/$UUID1
{"emails": [{"value": "c@example.com", "type": "home"}, {"value": "a@example.com"}, {"value": "b@example.com", "operation": "delete"}, {"value": "c@example.com", "type": "home", "operation": "delete"}], "meta": {"attributes": ["EMAILS"]}}
200 {"id": "$UUID1", "emails": [{"value": "c@example.com", "type": "home"}, {"value": "a@example.com"}], ...}`},

	{"p14e:R29 single values are set, complex ones are merged member by member", `
POST /api/directory/user
{"userName": "ada", "title": "Engineer", "nickName": "A", "name": {"givenName": "Ada", "familyName": "Byron"},
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research", "division": "West", "manager": {"managerId": "7"}}}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1
{"userName": "augusta", "externalId": "hr-17", "title": "Head", "active": false, "name": {"familyName": "Lovelace", "middleName": "King"},
 "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true},
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Mathematics", "costCenter": "1", "manager": {"managerId": "8"}}}
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "augusta", "externalId": "hr-17", "title": "Head", "nickName": "A", "active": false,
 "name": {"givenName": "Ada", "familyName": "Lovelace", "middleName": "King"},
 "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true, "state": "DISABLED", ...},
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Mathematics", "division": "West", "costCenter": "1", "manager": {"managerId": "8"}},
 "meta": "$ANY", "groups": "$ANY"}
PATCH /api/directory/user/$UUID1 {"urn:scim:schemas:com_pingone:1.0": {"state": "ACTIVE"}}
200 {"active": true, "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true, "state": "ACTIVE", ...}, ...}`},

	{"p14e:R30 values of a list are merged by their value or added, the others stay", `
POST /api/directory/user
{"userName": "ada", "emails": [{"value": "a@example.com", "type": "work", "primary": true}, {"value": "b@example.com"}],
 "addresses": [{"type": "work", "locality": "London"}]}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1
{"emails": [{"value": "c@example.com", "type": "other"}, {"value": "B@example.com", "type": "home"}], "addresses": [{"type": "work"}, {"type": "home", "locality": "Paris"}]}
200
{"emails": [{"value": "a@example.com", "type": "work", "primary": true}, {"value": "B@example.com", "type": "home"}, {"value": "c@example.com", "type": "other"}],
 "addresses": [{"type": "work", "locality": "London"}, {"type": "home", "locality": "Paris"}], ...}
PATCH /api/directory/user/$UUID1 {"emails": [{"value": "c@example.com", "primary": true}]}
200
{"emails": [{"value": "a@example.com", "type": "work", "primary": false}, {"value": "B@example.com", "type": "home"}, {"value": "c@example.com", "type": "other", "primary": true}], ...}
PATCH /api/directory/user/$UUID1 {"emails": []}
200 {"emails": [{"value": "a@example.com", ...}, {"value": "B@example.com", ...}, {"value": "c@example.com", ...}], ...}`},

	{"p14e:R31 a value with the operation delete goes", `
POST /api/directory/user
{"userName": "ada", "emails": [{"value": "a@example.com", "type": "work", "primary": true}, {"value": "b@example.com"}, {"value": "c@example.com"}],
 "addresses": [{"type": "work", "locality": "London"}, {"type": "home", "locality": "London"}, {"type": "home", "locality": "Paris"}]}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1
{"emails": [{"value": "A@example.com", "Operation": "Delete"}, {"value": "c@example.com", "primary": true}, {"value": "x@example.com", "operation": "delete"}],
 "addresses": [{"type": "home", "locality": "London", "operation": "DELETE"}]}
200
{"emails": [{"value": "b@example.com"}, {"value": "c@example.com", "primary": true}],
 "addresses": [{"type": "work", "locality": "London"}, {"type": "home", "locality": "Paris"}], ...}
PATCH /api/directory/user/$UUID1
{"emails": [{"value": "b@example.com", "operation": "delete"}, {"value": "c@example.com", "operation": "delete"}], "addresses": [{"locality": "Paris", "operation": "delete"}, {"locality": "London", "operation": "delete"}]}
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "active": true, "meta": "$ANY", "groups": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}
PATCH /api/directory/user/$UUID1 {"emails": [{"value": "b@example.com"}, {"value": "c@example.com", "operation": "add"}]}
400 Attribute emails[1].operation must be a value of delete
PATCH /api/directory/user/$UUID1 {"emails": [{"value": "b@example.com", "operation": null}]}
200 {"emails": [{"value": "b@example.com"}], ...}`},

	{"p14e:R32 meta.attributes clears attributes, parts of them, lists and those of extensions", `
POST /api/directory/user
{"userName": "ada", "externalId": "hr-17", "title": "Engineer", "nickName": "A", "name": {"givenName": "Ada", "middleName": "King"},
 "emails": [{"value": "a@example.com", "type": "work"}], "phoneNumbers": [{"value": "1", "type": "work"}, {"type": "home"}],
 "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true},
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research", "division": "West", "manager": {"managerId": "7"}}}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1
{"meta": {"attributes": ["title", "name.middleName", "emails", "phoneNumbers.type", "shoeSize", "urn:example:x:y",
  "urn:scim:schemas:core:1.0:nickName", "URN:scim:schemas:extension:enterprise:1.0:Department", "urn:scim:schemas:com_pingone:1.0:passwordExpired"]}}
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "externalId": "hr-17", "name": {"givenName": "Ada"}, "active": true, "phoneNumbers": [{"value": "1"}],
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2", "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"},
 "urn:scim:schemas:extension:enterprise:1.0": {"division": "West", "manager": {"managerId": "7"}}, "meta": "$ANY", "groups": "$ANY"}
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": ["name", "externalId", "urn:scim:schemas:extension:enterprise:1.0"]}}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"], "userName": "ada", "active": true, "phoneNumbers": [{"value": "1"}],
 "urn:scim:schemas:com_pingone:1.0": "$ANY", "meta": "$ANY", "groups": "$ANY"}`},

	{"a password can be taken away", `
POST /api/directory/user {"userName": "ada", "password": "2Federate"}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": ["password"]}, "password": "3Federate"}
200 {...}` + strings.ReplaceAll(signIn, "2Federate", "3Federate") + granted + `
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": ["password"]}}
200 {...}` + strings.ReplaceAll(signIn, "2Federate", "3Federate") + denied},

	{"p14e:R34 what is required or read-only cannot be cleared", `
POST /api/directory/user {"userName": "ada", "title": "Engineer", "password": "2Federate"}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": ["title", "userName"]}}
400 Attribute userName is required
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": ["title", "id", "meta.created", "groups", "urn:scim:schemas:com_pingone:1.0:accountId"]}}
400
{"Errors": [{"description": "Attribute id is read-only", "code": "400"}, {"description": "Attribute meta.created is read-only", "code": "400"},
 {"description": "Attribute groups is read-only", "code": "400"}, {"description": "Attribute urn:scim:schemas:com_pingone:1.0:accountId is read-only", "code": "400"}]}
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": ["schemas"]}}
400 Attribute schemas is read-only
PATCH /api/directory/group/$USERS {"meta": {"attributes": ["displayName"]}}
400 Attribute displayName is required
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": ["userName"]}, "userName": "augusta"}
200 {"userName": "augusta", "title": "Engineer", ...}`},

	{"p14e:R35 a partial update answers with the whole resource", `
POST /api/directory/user {"userName": "ada", "nickName": "A"}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1 {"title": "Engineer"}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"], "userName": "ada", "nickName": "A", "title": "Engineer", "active": true,
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2", "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"},
 "meta": {"created": "$TO1", "lastModified": "$TO2", "location": "$BASE/api/directory/user/$UUID1"}, "groups": [{"value": "$USERS", "display": "Users"}]}
PATCH /api/directory/group/$USERS {"externalId": "g"}
200
{"id": "$USERS", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"], "displayName": "Users", "externalId": "g", "members": [{"value": "$UUID1", "type": "user", "display": "ada"}],
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS3", "lastModifiedTimeStamp": "$MS4", "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION"},
 "meta": {"created": "$TO3", "lastModified": "$TO4", "location": "$BASE/api/directory/group/$USERS"}}
PATCH /api/directory/group/$USERS?attributes=displayName {"members": [{"value": "$UUID1", "operation": "delete"}]}
200 {"id": "$USERS", "schemas": "$ANY", "displayName": "Users"}`},

	{"p14e:R36 the form of SCIM 2.0 is refused", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1
{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "title", "value": "Engineer"}]}
400 PATCH bodies must use the SCIM 1.1 form
PATCH /api/directory/user/$UUID1 {"schemas": ["urn:scim:schemas:core:1.0", "URN:ietf:params:scim:api:messages:2.0:PatchOp"], "title": "Engineer"}
400 PATCH bodies must use the SCIM 1.1 form
PATCH /api/directory/user/$UUID1 {"operations": [{"op": "replace", "value": {"title": "Engineer"}}], "title": "Engineer"}
400 PATCH bodies must use the SCIM 1.1 form
GET /api/directory/user/$UUID1
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "active": true, "meta": "$ANY", "groups": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}`},

	{"p14e:R37 a password in PATCH is the new one", `
POST /api/directory/user {"userName": "ada", "password": "2Federate", "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true}}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1 {"password": "3federate"}
400 Password does not satisfy the password policy: $REASON
PATCH /api/directory/user/$UUID1 {"password": "3Federate"}
200
{"id": "$UUID1", "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2", "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"}, ...}
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada&password=3Federate
200 {...}
PATCH /api/directory/user/$UUID1 {"password": "4Federate", "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true}}
200 {"id": "$UUID1", "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true, ...}, ...}`},

	{"p14e:R38 all of a PATCH is applied or nothing", `
POST /api/directory/user {"userName": "bob"}
200 {"id": "$UUID2", ...}
POST /api/directory/user {"userName": "ada", "emails": [{"value": "a@example.com"}]}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1 {"userName": "bob", "title": "Thief", "emails": [{"value": "a@example.com", "operation": "delete"}]}
409 User with userName bob already exists
PATCH /api/directory/user/$UUID1 {"title": "Thief", "password": "weak"}
400 {...}
PATCH /api/directory/group/$USERS
{"displayName": "Thieves", "members": [{"value": "$UUID1", "operation": "delete"}, {"value": "7c513a7e-55d4-441c-858c-7329e6268084"}]}
400 Member 7c513a7e-55d4-441c-858c-7329e6268084 not found
GET /api/directory/user/$UUID1
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "active": true, "emails": [{"value": "a@example.com"}], "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$ANY"}, "groups": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}
GET /api/directory/group/$USERS
200 {"displayName": "Users", "members": [{"value": "$UUID1", ...}, {"value": "$UUID2", ...}], ...}`},

	{"what is wrong with the body of a PATCH", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
PATCH /api/directory/user/$UUID1 {"meta": 7}
400 Attribute meta must be a object
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": "title"}}
400 Attribute meta.attributes must be a list
PATCH /api/directory/user/$UUID1 {"meta": {"attributes": ["title", 7]}, "title": 7, "emails": [{"value": "a"}, {"value": 7, "operation": "delete"}]}
400
{"Errors": [{"description": "Attribute meta.attributes[1] must be a string", "code": "400"}, {"description": "Attribute title must be a string", "code": "400"}, {"description": "Attribute emails[1].value must be a string", "code": "400"}]}
PATCH /api/directory/user/$UUID1 {"emails": {"value": "a", "operation": "delete"}}
400 Attribute emails must be a list
PATCH /api/directory/user/$UUID1 {"emails": ["a"]}
400 Attribute emails[0] must be a object
PATCH /api/directory/user/$UUID1 {"userName": ""}
400 Attribute userName is required
PATCH /api/directory/group/$USERS {"members": [{"type": "user"}]}
400 Attribute members[0].value is required
PATCH /api/directory/group/$USERS {"members": [{"value": "$UUID1", "type": "car"}]}
400 Attribute members[0].type must be a value of user, group
PATCH /api/directory/user/$UUID1 {"emails": [{"value": "a", , "operation": "delete"}]}
400 Request body is not valid JSON: $REASON
PATCH /api/directory/user/$UUID1 {"shoeSize": 38, "title": null, "externalId": "", "id": "other", "meta": {"attributes": []}}
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "active": true, "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$ANY"}, "groups": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}`},

	// Membership.
	{"p14e:R39 a member is added to the others, and again changes nothing", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/user {"userName": "bob"}
200 {"id": "$UUID2", ...}
POST /api/directory/group {"displayName": "Developers", "members": [{"value": "$UUID1"}]}
200 {"id": "$UUID3", ...}
PATCH /api/directory/group/$UUID3 {"members": [{"value": "$UUID2", "type": "User"}]}
200
{"members": [{"value": "$UUID1", "type": "user", "display": "ada"}, {"value": "$UUID2", "type": "user", "display": "bob"}], "meta": {"lastModified": "$TO1", ...}, ...}
PATCH /api/directory/group/$UUID3 {"members": [{"value": "$UUID2", "type": "User"}]}
200
{"members": [{"value": "$UUID1", "type": "user", "display": "ada"}, {"value": "$UUID2", "type": "user", "display": "bob"}], "meta": {"lastModified": "$TO1", ...}, ...}`},

	{"p14e:R40 a member is removed, and again changes nothing", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/user {"userName": "bob"}
200 {"id": "$UUID2", ...}
PATCH /api/directory/group/$USERS {"members": [{"value": "$UUID2", "type": "User", "operation": "delete"}]}
200 {"members": [{"value": "$UUID1", "type": "user", "display": "ada"}], "meta": {"lastModified": "$TO1", ...}, ...}
PATCH /api/directory/group/$USERS
{"members": [{"value": "$UUID2", "type": "User", "operation": "delete"}, {"value": "7c513a7e-55d4-441c-858c-7329e6268084", "operation": "delete"}]}
200 {"members": [{"value": "$UUID1", "type": "user", "display": "ada"}], "meta": {"lastModified": "$TO1", ...}, ...}`},

	{"p14e:R41 a PATCH too adds no unknown member and none of another kind", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/group {"displayName": "All"}
200 {"id": "$UUID2", ...}
PATCH /api/directory/group/$UUID2 {"members": [{"value": "$UUID1"}, {"value": "7c513a7e-55d4-441c-858c-7329e6268084"}]}
400 Member 7c513a7e-55d4-441c-858c-7329e6268084 not found
PATCH /api/directory/group/$UUID2 {"members": [{"value": "$UUID1", "type": "group"}]}
400 Member $UUID1 not found
GET /api/directory/group/$UUID2
200
{"id": "$UUID2", "displayName": "All", "schemas": "$ANY", "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$ANY"}, "urn:scim:schemas:com_pingone:1.0": "$ANY"}
PATCH /api/directory/group/$UUID2 {"members": [{"value": "$UUID1"}, {"value": "$USERS"}]}
200 {"members": [{"value": "$UUID1", "type": "user", "display": "ada"}, {"value": "$USERS", "type": "group", "display": "Users"}], ...}`},

	{"p14e:R43 groups nest and never contain themselves, users show those they are in directly", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/group {"displayName": "Middle", "members": [{"value": "$USERS", "type": "group"}]}
200 {"id": "$UUID2", ...}
POST /api/directory/group {"displayName": "Outer"}
200 {"id": "$UUID3", ...}
PATCH /api/directory/group/$UUID3 {"members": [{"value": "$UUID2"}]}
200 {"members": [{"value": "$UUID2", "type": "group", "display": "Middle"}], ...}
GET /api/directory/user/$UUID1
200 {"groups": [{"value": "$USERS", "display": "Users"}], ...}
PATCH /api/directory/group/$USERS {"members": [{"value": "$UUID3"}]}
400 Member $UUID3 contains the group
PATCH /api/directory/group/$UUID2 {"members": [{"value": "$UUID2"}]}
400 Member $UUID2 contains the group
PUT /api/directory/group/$UUID2 {"displayName": "Middle", "members": [{"value": "$UUID3"}]}
400 Member $UUID3 contains the group
GET /api/directory/group/$UUID2
200 {"members": [{"value": "$USERS", "type": "group", "display": "Users"}], "meta": {"created": "$TO1", "lastModified": "$TO1", ...}, ...}`},
}
