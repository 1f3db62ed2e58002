package scim1_test

import (
	"slices"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/exchange"
	"github.com/rollcall-directory/rollcall/internal/scim1"
)

// Each row is a conversation with a server of its own, in the form that
// conversation reads. $ENVIRONMENT, $POPULATION and $USERS are the ids of the
// environment, of its default population and of its group Users.

// nobody asserts that no user is called ada.
const nobody = `
GET /api/directory/user?filter=userName%20eq%20%22ada%22
200 {"totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "count": 0, "schemas": ["urn:scim:schemas:core:1.0"], "resources": []}
`

var pingOneConformance = []struct{ name, text string }{
	// Create a user.
	{"p14e:R1,p14e:R2 creation answers 200 with the whole user and its Location", `
POST /api/directory/user
Content-Type: application/json
{"userName": "ada", "title": "Engineer", "name": {"givenName": "Ada", "familyName": "Byron"}}
200
Location: $BASE/api/directory/user/$UUID1
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"],
 "userName": "ada", "title": "Engineer", "name": {"givenName": "Ada", "familyName": "Byron"}, "active": true,
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1",
  "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"},
 "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$BASE/api/directory/user/$UUID1"},
 "groups": [{"value": "$USERS", "display": "Users"}]}
# $MS1 == $TO1`},

	{"p14e:R3 userName is needed and may not be empty", `
POST /api/directory/user {"displayName": "Ada"}
400 Attribute userName is required
POST /api/directory/user {"userName": ""}
400 Attribute userName is required
POST /api/directory/user {"userName": null}
400 Attribute userName is required
GET /api/directory/user
200 {"totalResults": 0, ...}`},

	{"p14e:R4 the option DEFAULT_USER_GROUP joins Users", `
POST /api/directory/user?option=DEFAULT_USER_GROUP {"userName": "ada"}
200 {"id": "$UUID1", "groups": [{"value": "$USERS", "display": "Users"}], ...}
GET /api/directory/group/$USERS
200 {"members": [{"value": "$UUID1", "type": "user", "display": "ada"}], ...}`},

	{"p14e:R5 the option may name one group instead of Users", `
POST /api/directory/group {"displayName": "Developers"}
200 {"id": "$UUID1", ...}
POST /api/directory/user?option=$UUID1 {"userName": "bob"}
200 {"groups": [{"value": "$UUID1", "display": "Developers"}], ...}
POST /api/directory/user?option=developers {"userName": "ada"}
400 Invalid value for parameter option
POST /api/directory/user?option= {"userName": "ada"}
400 Invalid value for parameter option
POST /api/directory/user?option=default_user_group {"userName": "ada"}
400 Invalid value for parameter option
POST /api/directory/user?option=$UUID1&option=$UUID1 {"userName": "ada"}
400 Invalid value for parameter option
POST /api/directory/user?option=7c513a7e-55d4-441c-858c-7329e6268084 {"userName": "ada"}
400 Invalid value for parameter option` + nobody},

	{"p14e:R7 a known externalId makes the creation an update", `
POST /api/directory/user {"userName": "ada", "externalId": "hr-17"}
200
{"id": "$UUID1", "externalId": "hr-17", "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1", ...}, ...}
POST /api/directory/user {"userName": "ada", "externalId": "hr-17", "title": "Engineer"}
200
Location: $BASE/api/directory/user/$UUID1
{"id": "$UUID1", "title": "Engineer", "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2", ...}, ...}
# $MS1 < $MS2
GET /api/directory/user
200 {"totalResults": 1, ...}`},

	{"p14e:R8 such an update replaces the user as PUT does", `
POST /api/directory/user
{"userName": "ada", "externalId": "hr-17", "title": "Engineer", "nickName": "A", "active": false, "password": "2Federate",
 "name": {"givenName": "Ada", "middleName": "King"}, "emails": [{"value": "ada@example.com", "type": "work"}],
 "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true},
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research"}}
200 {"id": "$UUID1", "active": false, ...}
POST /api/directory/user {"userName": "ada.king", "externalId": "hr-17", "name": {"givenName": "Augusta"}}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"],
 "userName": "ada.king", "externalId": "hr-17", "name": {"givenName": "Augusta"}, "active": false,
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2",
  "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "DISABLED", "passwordExpired": true},
 "meta": {"created": "$TO1", "lastModified": "$TO2", "location": "$BASE/api/directory/user/$UUID1"},
 "groups": [{"value": "$USERS", "display": "Users"}]}
POST /api/directory/user
{"userName": "ada.king", "externalId": "hr-17", "active": true, "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": false}}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"],
 "userName": "ada.king", "externalId": "hr-17", "active": true,
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS3",
  "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"},
 "meta": {"created": "$TO1", "lastModified": "$TO3", "location": "$BASE/api/directory/user/$UUID1"},
 "groups": [{"value": "$USERS", "display": "Users"}]}
POST /api/directory/user {"externalId": "hr-17"}
400 Attribute userName is required`},

	{"p14e:R9 such an update joins the group that the option names and leaves none", `
POST /api/directory/group {"displayName": "Developers"}
200 {"id": "$UUID1", ...}
POST /api/directory/user?option=$UUID1 {"userName": "ada", "externalId": "hr-17"}
200 {"groups": [{"value": "$UUID1", "display": "Developers"}], ...}
POST /api/directory/user {"userName": "ada", "externalId": "hr-17", "title": "Engineer"}
200 {"groups": [{"value": "$UUID1", "display": "Developers"}], ...}
POST /api/directory/user?option=DEFAULT_USER_GROUP {"userName": "ada", "externalId": "hr-17", "title": "Engineer"}
200 {"id": "$UUID2", "groups": [{"value": "$USERS", "display": "Users"}, {"value": "$UUID1", "display": "Developers"}], ...}
POST /api/directory/user?option=$UUID1 {"userName": "ada", "externalId": "hr-17", "title": "Engineer"}
200 {"groups": [{"value": "$USERS", "display": "Users"}, {"value": "$UUID1", "display": "Developers"}], ...}
POST /api/directory/user?option=7c513a7e-55d4-441c-858c-7329e6268084 {"userName": "ada", "externalId": "hr-17", "title": "Head"}
400 Invalid value for parameter option
GET /api/directory/user/$UUID2
200 {"title": "Engineer", "groups": [{"value": "$USERS", "display": "Users"}, {"value": "$UUID1", "display": "Developers"}], ...}`},

	{"p14e:R10 externalId is compared exactly, an empty one is none", `
POST /api/directory/user {"userName": "ada", "externalId": "hr-a"}
200 {"id": "$UUID1", ...}
POST /api/directory/user {"userName": "bob", "externalId": "HR-A"}
200 {"id": "$UUID2", "externalId": "HR-A", ...}
# $UUID1 != $UUID2
POST /api/directory/user {"userName": "cyd", "externalId": ""}
200
{"id": "$UUID3", "schemas": "$ANY", "userName": "cyd", "active": true, "meta": "$ANY", "groups": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}
POST /api/directory/user {"userName": "dan", "externalId": ""}
200 {"id": "$UUID4", ...}
# $UUID3 != $UUID4
POST /api/directory/user {"userName": "BOB", "externalId": "hr-a", "title": "Thief"}
409 User with userName BOB already exists
GET /api/directory/user/$UUID1
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "externalId": "hr-a", "active": true, "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$ANY"}, "groups": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}
GET /api/directory/user/$UUID2
200
{"id": "$UUID2", "schemas": "$ANY", "userName": "bob", "externalId": "HR-A", "active": true, "meta": {"created": "$TO2", "lastModified": "$TO2", "location": "$ANY"}, "groups": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}`},

	{"p14e:R11 a userName in use, in any letter case, is a conflict", `
POST /api/directory/user {"userName": "ada"}
200 {...}
POST /api/directory/user {"userName": "ada"}
409 User with userName ada already exists
POST /api/directory/user {"userName": "ADA", "externalId": "hr-18"}
409 User with userName ADA already exists
GET /api/directory/user
200 {"totalResults": 1, ...}`},

	{"p14e:R14 a password against the policy is refused, that of the vendor's page is not", `
POST /api/directory/user {"userName": "ada", "password": "2Federat"}
200 {...}
POST /api/directory/user {"userName": "bob", "password": "2Federate"}
200 {...}
POST /api/directory/user {"userName": "cyd", "password": "2Short"}
400 Password does not satisfy the password policy: $REASON_CHARACTERS
POST /api/directory/user {"userName": "cyd", "password": "2federate"}
400 Password does not satisfy the password policy: $REASON_CAPITAL
POST /api/directory/user {"userName": "cyd", "password": "Federates"}
400 Password does not satisfy the password policy: $REASON_DIGITS
GET /api/directory/user?filter=userName%20eq%20%22cyd%22
200 {"totalResults": 0, ...}`},

	{"p14e:R15,p14e:F6 passwordExpired asks for a new password and is shown only while it does", `
POST /api/directory/user {"userName": "ada", "password": "2Federate", "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true}}
200
{"id": "$UUID1", "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true, "createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1",
  "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"}, ...}
GET /api/directory/user/$UUID1
200 {"urn:scim:schemas:com_pingone:1.0": {"passwordExpired": true, ...}, ...}
POST /api/directory/user {"userName": "bob", "password": "2Federate", "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": false}}
200
{"urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS2", "lastModifiedTimeStamp": "$MS2",
  "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"}, ...}`},

	{"p14e:R16 what is read-only is ignored", `
POST /api/directory/user
{"userName": "ada", "id": "a7d67610-ceb5-4350-ba5a-746472c4f1f7",
 "meta": {"created": "2015-04-15T12:44:14.227-06:00", "lastModified": 7, "location": "https://example.com/7"},
 "groups": [{"value": "0b854f8d-a291-4e95-ad4b-68474a666e55", "display": "Domain Administrators"}],
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": 1429123454227, "lastModifiedTimeStamp": "never",
  "accountId": "a6538050-412a-4bca-a44d-07deb4b073a8", "directoryId": "90b3dfe3-f8d0-45ad-8c04-047c88b03137", "lastLoginTime": 1429123454227}}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"], "userName": "ada", "active": true,
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1",
  "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"},
 "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$BASE/api/directory/user/$UUID1"},
 "groups": [{"value": "$USERS", "display": "Users"}]}
GET /api/directory/user/a7d67610-ceb5-4350-ba5a-746472c4f1f7
404 Resource a7d67610-ceb5-4350-ba5a-746472c4f1f7 not found`},

	{"p14e:R17 state ACTIVE means active, active wins over state, other states mean nothing", `
POST /api/directory/user {"userName": "ada", "externalId": "a", "active": false}
200 {"active": false, ...}
POST /api/directory/user {"userName": "ada", "externalId": "a", "urn:scim:schemas:com_pingone:1.0": {"state": "ACTIVE"}}
200 {"active": true, ...}
POST /api/directory/user {"userName": "ada", "externalId": "a", "active": false, "urn:scim:schemas:com_pingone:1.0": {"state": "ACTIVE"}}
200 {"active": false, ...}
POST /api/directory/user {"userName": "ada", "externalId": "a", "urn:scim:schemas:com_pingone:1.0": {"state": "SLEEPING"}}
200 {"active": false, ...}
POST /api/directory/user {"userName": "bob", "urn:scim:schemas:com_pingone:1.0": {"state": "DISABLED"}}
200 {"active": true, ...}`},

	{"p14e:R18 users are active unless the request says otherwise", `
POST /api/directory/user {"userName": "ada"}
200 {"active": true, "urn:scim:schemas:com_pingone:1.0": {"state": "ACTIVE", ...}, ...}
POST /api/directory/user {"userName": "bob", "active": false}
200 {"active": false, "urn:scim:schemas:com_pingone:1.0": {"state": "DISABLED", ...}, ...}`},

	// Groups.
	{"a group is created with its members", `
POST /api/directory/user {"userName": "ada", "displayName": "Ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/group {"displayName": "Admins", "externalId": "g-1", "members": [{"value": "$UUID1", "type": "User", "display": "nobody"}]}
200
Location: $BASE/api/directory/group/$UUID2
{"id": "$UUID2", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"], "displayName": "Admins", "externalId": "g-1",
 "members": [{"value": "$UUID1", "type": "user", "display": "ada"}],
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1", "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION"},
 "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$BASE/api/directory/group/$UUID2"}}
POST /api/directory/group {"displayName": "ADMINS"}
409 Group with displayName ADMINS already exists
POST /api/directory/group {"displayName": ""}
400 Attribute displayName is required
POST /api/directory/group {"displayName": "Others", "externalId": "g-1"}
200 {"id": "$UUID3", ...}
# $UUID2 != $UUID3`},

	{"p14e:R41 members are what their id says, unknown and contradicting ones are refused", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/group {"displayName": "All", "members": [{"value": "$UUID1"}, {"value": "$USERS"}]}
200 {"members": [{"value": "$UUID1", "type": "user", "display": "ada"}, {"value": "$USERS", "type": "group", "display": "Users"}], ...}
POST /api/directory/group {"displayName": "None", "members": [{"value": "7c513a7e-55d4-441c-858c-7329e6268084"}]}
400 Member 7c513a7e-55d4-441c-858c-7329e6268084 not found
POST /api/directory/group {"displayName": "None", "members": [{"value": "$UUID1", "type": "Group"}]}
400 Member $UUID1 not found
POST /api/directory/group {"displayName": "None", "members": [{"value": "$USERS", "type": "USER"}]}
400 Member $USERS not found
GET /api/directory/group?filter=displayName%20eq%20%22None%22
200 {"totalResults": 0, ...}`},

	{"p14e:R42 a change of membership shows at once and moves the time of the group alone", `
GET /api/directory/group/$USERS
200 {"meta": {"lastModified": "$TO1", ...}, ...}
POST /api/directory/group {"displayName": "Developers"}
200 {"id": "$UUID2", ...}
POST /api/directory/user?option=$UUID2 {"userName": "ada", "externalId": "a"}
200 {"id": "$UUID1", "meta": {"lastModified": "$TO2", ...}, ...}
POST /api/directory/user?option=DEFAULT_USER_GROUP {"userName": "ada", "externalId": "a"}
200
{"id": "$UUID1", "groups": [{"value": "$USERS", "display": "Users"}, {"value": "$UUID2", "display": "Developers"}], "meta": {"lastModified": "$TO2", ...}, ...}
GET /api/directory/group/$USERS
200
{"members": [{"value": "$UUID1", "type": "user", "display": "ada"}],
 "meta": {"lastModified": "$TO3", ...}, "urn:scim:schemas:com_pingone:1.0": {"lastModifiedTimeStamp": "$MS3", ...}, ...}
# $TO2 < $TO3
# $TO3 == $MS3`},

	{"p14e:R42,p14e:R45 so does the deletion of a member, and its new name does not", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/group {"displayName": "Developers", "members": [{"value": "$UUID1"}]}
200 {"id": "$UUID2", "meta": {"lastModified": "$TO1", ...}, ...}
PATCH /api/directory/user/$UUID1 {"displayName": "Ada"}
200 {"id": "$UUID1", ...}
GET /api/directory/group/$UUID2
200 {"members": "$ANY", "meta": {"lastModified": "$TO1", ...}, ...}
DELETE /api/directory/user/$UUID1
200
GET /api/directory/group/$UUID2
200
{"id": "$UUID2", "displayName": "Developers", "schemas": "$ANY", "meta": {"lastModified": "$TO2", ...}, "urn:scim:schemas:com_pingone:1.0": "$ANY"}
# $TO1 < $TO2`},

	{"p14e:R44 the count is that of users who belong directly", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/group {"displayName": "All", "members": [{"value": "$USERS"}]}
200 {"id": "$UUID2", ...}
GET /api/directory/group/$UUID2/users/count
200 {"users": 0}
GET /v1/group/$USERS/users/count
200 {"users": 1}
GET /api/directory/group/$UUID1/users/count
404 Resource $UUID1 not found`},

	{"p14e:R45 deletion ends memberships and deletes no member", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/group {"displayName": "Inner", "members": [{"value": "$UUID1"}]}
200 {"id": "$UUID2", ...}
POST /api/directory/group {"displayName": "Outer", "members": [{"value": "$UUID2"}]}
200 {"id": "$UUID3", ...}
DELETE /api/directory/group/$UUID2
200
GET /api/directory/group/$UUID3
200 {"id": "$UUID3", "displayName": "Outer", "schemas": "$ANY", "meta": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}
GET /api/directory/user/$UUID1
200 {"userName": "ada", "groups": [{"value": "$USERS", "display": "Users"}], ...}
DELETE /api/directory/user/$UUID1
200
GET /api/directory/group/$USERS
200 {"id": "$USERS", "displayName": "Users", "schemas": "$ANY", "meta": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}`},

	{"groups of a user are those it belongs to directly", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/group {"displayName": "All", "members": [{"value": "$USERS"}]}
200 {...}
GET /api/directory/user/$UUID1
200 {"groups": [{"value": "$USERS", "display": "Users"}], ...}`},

	{"the group Users cannot be deleted", `
DELETE /api/directory/group/$USERS
403 Operation not permitted
GET /api/directory/group/$USERS
200 {"displayName": "Users", ...}`},

	// Read and list.
	{"p14e:R46 a user is read by its id", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
GET /api/directory/user/$UUID1
200 {"id": "$UUID1", "userName": "ada", ...}
GET /api/directory/user/$UUID1/
200 {"id": "$UUID1", ...}
GET /api/directory/user/7c513a7e-55d4-441c-858c-7329e6268084
404 Resource 7c513a7e-55d4-441c-858c-7329e6268084 not found
GET /api/directory/user/$USERS
404 Resource $USERS not found`},

	{"p14e:R47,p14e:R48,p14e:R50,p14e:R51 a list is an object, whatever it holds", `
GET /api/directory/user
200 {"totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "count": 0, "schemas": ["urn:scim:schemas:core:1.0"], "resources": []}
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/user {"userName": "bob"}
200 {"id": "$UUID2", ...}
GET /api/directory/user?filter=userName%20eq%20%22bob%22
200
{"totalResults": 1, "itemsPerPage": 1, "startIndex": 1, "count": 1, "schemas": ["urn:scim:schemas:core:1.0"], "resources": [{"id": "$UUID2", "userName": "bob", ...}]}
GET /api/directory/user?startIndex=2
200
{"totalResults": 2, "itemsPerPage": 1, "startIndex": 2, "count": 1, "schemas": ["urn:scim:schemas:core:1.0"], "resources": [{"id": "$UUID2", ...}]}
GET /v1/group/
200
{"totalResults": 1, "itemsPerPage": 1, "startIndex": 1, "count": 1, "schemas": ["urn:scim:schemas:core:1.0"], "resources": [{"id": "$USERS", "displayName": "Users", ...}]}
GET /api/directory/user?filter=userName%20eq%20%22cyd%22
200 {"totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "count": 0, "schemas": ["urn:scim:schemas:core:1.0"], "resources": []}`},

	{"p14e:R52 startIndex counts from 1", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/user {"userName": "bob"}
200 {"id": "$UUID2", ...}
GET /api/directory/user?startIndex=1&count=1
200 {"totalResults": 2, "startIndex": 1, "resources": [{"id": "$UUID1", ...}], ...}
GET /api/directory/user?startIndex=0&count=1
200 {"totalResults": 2, "startIndex": 1, "resources": [{"id": "$UUID1", ...}], ...}
GET /api/directory/user?startIndex=-99999999999999999999&count=1
200 {"totalResults": 2, "startIndex": 1, "resources": [{"id": "$UUID1", ...}], ...}
GET /api/directory/user?startIndex=2&count=1
200 {"totalResults": 2, "startIndex": 2, "resources": [{"id": "$UUID2", ...}], ...}
GET /api/directory/user?startIndex=2147483647
200 {"totalResults": 2, "startIndex": 2147483647, "resources": [], ...}
GET /api/directory/user?startIndex=one
400 Invalid value for parameter startIndex
GET /api/directory/user?startIndex=1&startIndex=2
400 Invalid value for parameter startIndex`},

	{"p14e:R56 attributes limits the answer", `
POST /api/directory/user?attributes=userName
{"userName": "ada", "title": "Engineer", "name": {"givenName": "Ada", "familyName": "Byron"}, "emails": [{"value": "ada@example.com", "type": "work"}],
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research", "division": "West"}}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0", "urn:scim:schemas:extension:enterprise:1.0"], "userName": "ada"}
GET /api/directory/user/$UUID1?attributes=TITLE,name.givenName,%20emails.value,shoeSize
200 {"id": "$UUID1", "schemas": "$ANY", "title": "Engineer", "name": {"givenName": "Ada"}, "emails": [{"value": "ada@example.com"}]}
GET /api/directory/user?attributes=meta.created,urn:scim:schemas:extension:enterprise:1.0:department,urn:scim:schemas:com_pingone:1.0:state
200
{"totalResults": 1, "resources": [{"id": "$UUID1", "schemas": "$ANY", "meta": {"created": "$TO1"},
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research"}, "urn:scim:schemas:com_pingone:1.0": {"state": "ACTIVE"}}], ...}
GET /api/directory/user/$UUID1?attributes=shoeSize
200 {"id": "$UUID1", "schemas": "$ANY"}`},

	{"p14e:R55 lists are sorted by an attribute, in any letter case, else by creation", `
POST /api/directory/user
{"userName": "cyd", "name": {"familyName": "Archer"}, "nickName": "Z", "urn:scim:schemas:extension:enterprise:1.0": {"department": "b"}}
200 {"id": "$UUID1", ...}
POST /api/directory/user
{"userName": "Bob", "name": {"familyName": "byron"}, "nickName": "y", "urn:scim:schemas:extension:enterprise:1.0": {"department": "C"}}
200 {"id": "$UUID2", ...}
POST /api/directory/user
{"userName": "ada", "name": {"familyName": "Curie"}, "nickName": "z", "urn:scim:schemas:extension:enterprise:1.0": {"department": "A"}}
200 {"id": "$UUID3", ...}
GET /api/directory/user
200 {"resources": [{"id": "$UUID1", ...}, {"id": "$UUID2", ...}, {"id": "$UUID3", ...}], ...}
GET /api/directory/user?sortBy=userName
200 {"resources": [{"id": "$UUID3", ...}, {"id": "$UUID2", ...}, {"id": "$UUID1", ...}], ...}
GET /api/directory/user?sortBy=USERNAME&sortOrder=ascending&startIndex=2&count=1
200 {"totalResults": 3, "startIndex": 2, "resources": [{"id": "$UUID2", ...}], ...}
GET /api/directory/user?sortBy=name.familyName&sortOrder=descending
200 {"resources": [{"id": "$UUID3", ...}, {"id": "$UUID2", ...}, {"id": "$UUID1", ...}], ...}
GET /api/directory/user?sortBy=nickName
200 {"resources": [{"id": "$UUID2", ...}, {"id": "$UUID1", ...}, {"id": "$UUID3", ...}], ...}
GET /api/directory/user?sortBy=urn:scim:schemas:extension:enterprise:1.0:department
200 {"resources": [{"id": "$UUID3", ...}, {"id": "$UUID1", ...}, {"id": "$UUID2", ...}], ...}
GET /api/directory/user?sortBy=urn:scim:schemas:com_pingone:1.0:createTimeStamp&sortOrder=descending
200 {"resources": [{"id": "$UUID3", ...}, {"id": "$UUID2", ...}, {"id": "$UUID1", ...}], ...}
GET /api/directory/user?sortBy=meta.lastModified&filter=userName%20gt%20%22ada%22
200 {"resources": [{"id": "$UUID1", ...}, {"id": "$UUID2", ...}], ...}
GET /api/directory/group?sortBy=displayName&sortOrder=descending
200 {"resources": [{"displayName": "Users", ...}], ...}
GET /api/directory/user?sortBy=shoeSize
400 Invalid value for parameter sortBy
GET /api/directory/user?sortBy=name.shoeSize
400 Invalid value for parameter sortBy
GET /api/directory/user?sortBy=name
400 Invalid value for parameter sortBy
GET /api/directory/user?sortBy=password
400 Invalid value for parameter sortBy
GET /api/directory/user?sortBy=urn:scim:schemas:com_pingone:1.0:mood
400 Invalid value for parameter sortBy
GET /api/directory/user?sortBy=userName&sortOrder=upwards
400 Invalid value for parameter sortOrder
GET /api/directory/user?sortBy=userName&sortBy=title
400 Invalid value for parameter sortBy`},

	{"p14e:R60 filters that cannot be answered are refused", `
GET /api/directory/user?filter=
400 Invalid filter: $REASON0
GET /api/directory/user?filter=userName%20eq
400 Invalid filter: $REASON1
GET /api/directory/user?filter=userName%20like%20%22ada%22
400 Invalid filter: $REASON2
GET /api/directory/user?filter=shoeSize%20eq%20%2238%22
400 Invalid filter: attribute shoeSize cannot be filtered on$ANY
GET /api/directory/user?filter=password%20eq%20%222Federate%22
400 Invalid filter: attribute password cannot be filtered on$ANY
GET /api/directory/user?filter=urn:scim:schemas:com_pingone:1.0:mood%20eq%20%22good%22
400 Invalid filter: attribute urn:scim:schemas:com_pingone:1.0:mood cannot be filtered on$ANY
GET /api/directory/group?filter=userName%20eq%20%22ada%22
400 Invalid filter: attribute userName cannot be filtered on$ANY
GET /api/directory/user?filter=emails%5Btype%20eq%20%22work%22%5D
400 Invalid filter: $REASON3`},

	// Delete.
	{"p14e:R61,p14e:R62 deletion answers 200 with nothing, and the user is gone", `
POST /api/directory/user {"userName": "ada", "externalId": "hr-17"}
200 {"id": "$UUID1", ...}
DELETE /api/directory/user/$UUID1
200
GET /api/directory/user/$UUID1
404 Resource $UUID1 not found
DELETE /api/directory/user/$UUID1
404 Resource $UUID1 not found
PUT /api/directory/user/$UUID1 {"userName": "ada"}
404 Resource $UUID1 not found
PATCH /api/directory/user/$UUID1 {"title": "Engineer"}
404 Resource $UUID1 not found
POST /api/directory/user {"userName": "ada", "externalId": "hr-17"}
200 {"id": "$UUID2", ...}
# $UUID1 != $UUID2`},

	// Versions.
	{"p14e:R63 entity tags guard reads and writes", `
POST /api/directory/user {"userName": "ada", "externalId": "a"}
200
ETag: W/"$VERSION1"
{"id": "$UUID1", ...}
GET /api/directory/user/$UUID1
200
ETag: W/"$VERSION1"
{"id": "$UUID1", ...}
GET /api/directory/user/$UUID1
If-None-Match: W/"$VERSION1"
304
!Content-Type
ETag: W/"$VERSION1"
GET /api/directory/user/$UUID1
If-None-Match: "x", "$VERSION1"
304
!Content-Type
GET /api/directory/user/$UUID1
If-None-Match: *
304
!Content-Type
PUT /api/directory/user/$UUID1
If-Match: W/"$VERSION1"
{"userName": "ada", "title": "Engineer"}
200
ETag: W/"$VERSION2"
{"title": "Engineer", ...}
# $VERSION1 != $VERSION2
GET /api/directory/user/$UUID1
If-None-Match: W/"$VERSION1"
200
ETag: W/"$VERSION2"
{"id": "$UUID1", ...}
PUT /api/directory/user/$UUID1
If-Match: W/"$VERSION1"
{"userName": "ada", "title": "Thief"}
412 Resource version does not match
PATCH /api/directory/user/$UUID1
If-Match: W/"$VERSION1"
{"title": "Thief"}
412 Resource version does not match
DELETE /api/directory/user/$UUID1
If-Match: W/"$VERSION1"
412 Resource version does not match
DELETE /api/directory/user/$UUID1
If-Match: "nonsense"
412 Resource version does not match
GET /api/directory/user/$UUID1
200
ETag: W/"$VERSION2"
{"title": "Engineer", ...}
PATCH /api/directory/user/$UUID1
If-Match: "x", W/"$VERSION2"
{"title": "Head"}
200
ETag: W/"$VERSION3"
{"title": "Head", ...}
# $VERSION2 != $VERSION3
PATCH /api/directory/user/$UUID1
If-Match: *
{"nickName": "A"}
200 {"title": "Head", "nickName": "A", ...}
PUT /api/directory/user/$UUID1 {"userName": "ada"}
200
ETag: W/"$VERSION4"
{"id": "$UUID1", ...}
DELETE /api/directory/user/$UUID1
If-Match: W/"$VERSION1", W/"$VERSION4"
200
DELETE /api/directory/user/$UUID1
If-Match: *
404 Resource $UUID1 not found`},

	// Headers and authentication.
	{"p14e:A1 the client's id and key make the Basic header", `
GET /api/directory/user
Authorization: Basic MTIzNC1hYWFhLWJiYmItNTY3ODplWEp6Ym1WaGEza2g=
200 {"totalResults": 0, ...}`},

	{"p14e:A4 media types with a charset, and on requests without a body", `
POST /api/directory/user
Content-Type: application/json; charset=utf-8
Accept: application/json; charset=UTF-8
{"userName": "ada"}
200 {"id": "$UUID1", ...}
GET /api/directory/user/$UUID1
Content-Type: application/json
Accept: application/json
200 {"id": "$UUID1", ...}
DELETE /api/directory/user/$UUID1
Content-Type: application/json
Accept: application/json
200
POST /api/directory/user {"userName": "bob"}
200 {...}`},

	{"p14e:A5,p14e:X2 answers and errors have the exact media type", `
POST /api/directory/user {"userName": "ada"}
200
Content-Type: application/json;charset=UTF-8
{"id": "$UUID1", ...}
GET /api/directory/user
200
Content-Type: application/json;charset=UTF-8
{...}
DELETE /api/directory/user/$UUID1
200
Content-Type: application/json;charset=UTF-8
GET /api/directory/user/$UUID1
404
Content-Type: application/json;charset=UTF-8
{...}
GET /api/directory/nothing
404
Content-Type: application/json;charset=UTF-8
{...}
PUT /api/directory/user
405
Content-Type: application/json;charset=UTF-8
{...}
GET /api/directory/user
!Authorization
401
Content-Type: application/json;charset=UTF-8
{...}
POST /api/directory/user {"userName"
400
Content-Type: application/json;charset=UTF-8
{...}`},

	{"p14e:A6 missing, malformed and wrong credentials", `
GET /api/directory/user
!Authorization
401
WWW-Authenticate: Basic realm="directory"
{"Errors": [{"description": "Authentication failed", "code": "401"}]}
GET /api/directory/user
Authorization: Basic !!!
401
WWW-Authenticate: Basic realm="directory"
{"Errors": [{"description": "Authentication failed", "code": "401"}]}
GET /api/directory/user
Authorization: Basic MTIzNC1hYWFhLWJiYmItNTY3ODp3cm9uZw==
401
WWW-Authenticate: Basic realm="directory"
{"Errors": [{"description": "Authentication failed", "code": "401"}]}
GET /v1/user/7c513a7e-55d4-441c-858c-7329e6268084
Authorization: Bearer eXJzbmVha3kh
401
WWW-Authenticate: Basic realm="directory"
{"Errors": [{"description": "Authentication failed", "code": "401"}]}
POST /api/directory/user
!Authorization
{"userName": "ada"}
401
WWW-Authenticate: Basic realm="directory"
{"Errors": [{"description": "Authentication failed", "code": "401"}]}` + nobody},

	{"p14e:A10 a POST may be sent for another method", `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
POST /api/directory/user/$UUID1
X-HTTP-Method-Override: PUT
{"userName": "ada", "title": "Engineer"}
200
!Location
{"id": "$UUID1", "title": "Engineer", ...}
POST /api/directory/user/$UUID1
X-HTTP-Method-Override: PATCH
{"nickName": "A"}
200 {"id": "$UUID1", "title": "Engineer", "nickName": "A", ...}
POST /api/directory/user/$UUID1
X-HTTP-Method-Override: DELETE
200
GET /api/directory/user/$UUID1
404 {...}`},

	{"p14e:A12 bodies and answers are JSON", `
POST /api/directory/user
Content-Type: application/xml
<User/>
415 Unsupported media type
POST /api/directory/user
Content-Type: application/x-www-form-urlencoded
{"userName": "ada"}
415 Unsupported media type
POST /api/directory/user
Content-Type: json
{"userName": "ada"}
415 Unsupported media type
POST /api/directory/user
Accept: application/xml
{"userName": "ada"}
406 Not acceptable
POST /api/directory/user
Accept: application/json;q=0, */*
{"userName": "ada"}
406 Not acceptable` + nobody + `
POST /api/directory/user
Accept: application/xml, application/json;q=0.5
{"userName": "ada"}
200 {"id": "$UUID1", ...}
GET /api/directory/user/$UUID1
Accept: text/html, */*;q=0.1
200 {...}
GET /api/directory/user/$UUID1.json
404 Resource $UUID1.json not found
GET /api/directory/user.xml
404 No such endpoint`},

	// Representation.
	{"p14e:F1,p14e:F3 dates have milliseconds and an offset, and both stamps are their instants", `
POST /api/directory/user {"userName": "ada", "externalId": "a"}
200
{"id": "$UUID1", "meta": {"created": "$TO1", "lastModified": "$TO1", ...}, "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1", ...}, ...}
# $TO1 == $MS1
POST /api/directory/user {"userName": "ada", "externalId": "a", "title": "Engineer"}
200
{"id": "$UUID1", "meta": {"created": "$TO1", "lastModified": "$TO2", ...}, "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS2", ...}, ...}
# $TO2 == $MS2
# $TO1 < $TO2`},

	{"p14e:F5 the extension stands once, with all it has", `
POST /api/directory/user {"userName": "ada", "URN:scim:schemas:com_pingone:1.0": {"passwordExpired": true}}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"], "userName": "ada", "active": true,
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1",
  "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE", "passwordExpired": true},
 "meta": "$ANY", "groups": "$ANY"}`},

	{"p14e:F7 names of attributes are compared without letter case", `
POST /api/directory/user
{"SCHEMAS": ["urn:scim:schemas:core:1.0"], "USERNAME": "ada", "Name": {"GIVENNAME": "Ada"}, "eMails": [{"VALUE": "ada@example.com", "Type": "work"}],
 "urn:scim:schemas:EXTENSION:enterprise:1.0": {"Department": "Research", "MANAGER": {"managerID": "7"}}}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0", "urn:scim:schemas:extension:enterprise:1.0"],
 "userName": "ada", "active": true, "name": {"givenName": "Ada"}, "emails": [{"value": "ada@example.com", "type": "work"}],
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research", "manager": {"managerId": "7"}},
 "urn:scim:schemas:com_pingone:1.0": "$ANY", "meta": "$ANY", "groups": "$ANY"}`},

	{"scim:ENT-02 the manager's name is that of the user, whatever is sent", `
POST /api/directory/user {"userName": "boss", "displayName": "Grace Hopper"}
200 {"id": "$UUID1", ...}
POST /api/directory/user
{"userName": "ada", "urn:scim:schemas:extension:enterprise:1.0": {"manager": {"managerId": "$UUID1", "displayName": "Somebody"}}}
200 {"id": "$UUID2", "urn:scim:schemas:extension:enterprise:1.0": {"manager": {"managerId": "$UUID1", "displayName": "Grace Hopper"}}, ...}
PATCH /api/directory/user/$UUID1 {"displayName": "Rear Admiral Hopper"}
200 {"id": "$UUID1", ...}
GET /api/directory/user/$UUID2?attributes=urn:scim:schemas:extension:enterprise:1.0
200 {"id": "$UUID2", "urn:scim:schemas:extension:enterprise:1.0": {"manager": {"managerId": "$UUID1", "displayName": "Rear Admiral Hopper"}}, ...}`},

	{"p14e:F8 what has no value is left out", `
POST /api/directory/group {"displayName": "Empty", "members": [], "externalId": null}
200
{"id": "$UUID1", "schemas": "$ANY", "displayName": "Empty", "meta": {"created": "$TO1", "lastModified": "$TO1", "location": "$ANY"},
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1", "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION"}}
POST /api/directory/user?option=$UUID1
{"userName": "ada", "title": null, "name": {"givenName": null}, "emails": [], "phoneNumbers": [{"value": null}], "active": null, "password": null,
 "urn:scim:schemas:extension:enterprise:1.0": {"manager": {}}, "urn:scim:schemas:com_pingone:1.0": {"passwordExpired": null}}
200
{"id": "$UUID2", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"], "userName": "ada", "active": true,
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS2", "lastModifiedTimeStamp": "$MS2", "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"},
 "meta": {"created": "$TO2", "lastModified": "$TO2", "location": "$ANY"}, "groups": [{"value": "$UUID1", "display": "Empty"}]}
DELETE /api/directory/group/$UUID1
200
GET /api/directory/user/$UUID2
200
{"id": "$UUID2", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"], "userName": "ada", "active": true,
 "urn:scim:schemas:com_pingone:1.0": "$ANY", "meta": "$ANY"}`},

	// Errors.
	{"p14e:X1 one element for each attribute that is wrong, code is the status", `
POST /api/directory/user {"userName": 7}
400 Attribute userName must be a string
POST /api/directory/user {"userName": "ada", "active": "yes", "emails": [{"value": 1}]}
400
{"Errors": [{"description": "Attribute active must be a boolean", "code": "400"}, {"description": "Attribute emails[0].value must be a string", "code": "400"}]}
GET /api/directory/user/x
404 Resource x not found`},

	{"paths and methods that there are not", `
GET /api/directory
404 No such endpoint
GET /v1/users
404 No such endpoint
GET /api/directory/ResourceTypes
404 No such endpoint
PUT /api/directory/group
405
Allow: GET, HEAD, OPTIONS, POST
{"Errors": [{"description": "Method not allowed", "code": "405"}]}
POST /api/directory/group/$USERS
405
Allow: DELETE, GET, HEAD, OPTIONS, PATCH, PUT
{"Errors": [{"description": "Method not allowed", "code": "405"}]}
GET /api/directory/user?filter=%zz
400 Invalid value for parameter filter`},

	{"what is not built yet", `
POST /api/directory/Bulk {}
501 Not implemented`},

	{"the configuration says what is offered", `
GET /api/directory/ServiceProviderConfigs
200
{"schemas": ["urn:scim:schemas:core:1.0"], "patch": {"supported": true}, "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
 "filter": {"supported": true, "maxResults": 1000}, "changePassword": {"supported": true}, "sort": {"supported": true}, "etag": {"supported": true},
 "xmlDataFormat": {"supported": false},
 "authenticationSchemes": [{"type": "httpbasic", "name": "HTTP Basic", "description": "$ANY", "primary": true}]}
GET /v1/Schemas
200
{"totalResults": 2, "resources": [{"id": "urn:scim:schemas:core:1.0:User", "endpoint": "/user", ...}, {"id": "urn:scim:schemas:core:1.0:Group", "endpoint": "/group", ...}], ...}
GET /api/directory/Schemas/urn:scim:schemas:core:1.0:Group
200 {"id": "urn:scim:schemas:core:1.0:Group", "name": "Group", "schema": "urn:scim:schemas:core:1.0", ...}
GET /api/directory/Schemas/urn:scim:schemas:core:1.0:Car
404 Resource urn:scim:schemas:core:1.0:Car not found`},
}

func TestConformance(t *testing.T) {
	for _, row := range slices.Concat(pingOneConformance, pingOneUpdates, pingOneSignIn) {
		t.Run(row.name, func(t *testing.T) {
			open(t, scim1.PingOneEnterprise()).play(t, row.text)
		})
	}
}

func TestExchanges(t *testing.T) {
	for _, row := range []struct {
		pattern string
		profile scim1.Profile
	}{
		{"testdata/p14e/*.txtar", scim1.PingOneEnterprise()},
		{"testdata/scim1/*.txtar", scim1.Standard()},
	} {
		exchange.Run(t, row.pattern, func(t testing.TB) exchange.Target {
			return exchange.Target{Handler: open(t, row.profile), Vars: map[string]string{"BASE": publicURL}}
		})
	}
}
