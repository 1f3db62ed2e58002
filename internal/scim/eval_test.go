package scim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// ada is a user with something in every corner.
func ada() *scim.Resource {
	r := scim.NewResource([]byte(`{
		"externalId": "HR-007",
		"userName": "Ada@Example.com",
		"name": {"givenName": "Ada", "familyName": "Lovelace-\u00c5ngstr\u00f6m"},
		"displayName": "Ada L.",
		"title": "",
		"active": true,
		"profileUrl": "https://example.com/Ada",
		"emails": [
			{"type": "work", "value": "Ada@Work.example", "primary": true},
			{"type": "home", "value": "ada@home.example", "display": "at home"}
		],
		"phoneNumbers": [{"value": "+44 1"}],
		"addresses": [{"type": "work", "locality": "London"}],
		"x509Certificates": [{"value": "TUlJQw=="}],
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
			"employeeNumber": "701984", "department": "Engines", "manager": {"value": "Boss-1"}
		},
		"urn:rollcall:schemas:extension:2.0:ManagedUser": {
			"preferences": {"marketing": true, "updates": false, "deep": {"er": "Yes"}},
			"custom_number": 9007199254740993, "custom_list": ["Red", "green"], "custom_text": "Tea"
		}
	}`))
	r.Type, r.ID, r.Version = "User", "A1b2", 7
	r.Created = time.Date(2024, 2, 29, 10, 0, 0, 0, time.UTC)
	r.Modified = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	r.Population = "pop-1"
	r.Groups = []scim.Reference{
		{ID: "g1", Type: "Group", Name: "Users", Display: "Users"},
		{ID: "g2", Type: "Group", Name: "Everybody", Display: "Everybody", Indirect: true},
	}
	return r
}

// engines is a group.
func engines() *scim.Resource {
	r := scim.NewResource([]byte(`{"displayName": "Engines", "externalId": "x"}`))
	r.Type, r.ID, r.Version = "Group", "g9", 1
	r.Created = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	r.Modified = r.Created
	r.Members = []scim.Reference{
		{ID: "A1b2", Type: "User", Name: "Ada@Example.com", Display: "Ada L."},
		{ID: "g1", Type: "Group", Name: "Users", Display: "Users"},
	}
	return r
}

func typeOf(r *scim.Resource) *scim.ResourceType {
	if r.Type == "Group" {
		return scim.GroupType()
	}
	return pingType()
}

// pingType is the user with the extensions of the PingOne products.
func pingType() *scim.ResourceType {
	t := *scim.UserType()
	t.Extensions = append(t.Extensions[:len(t.Extensions):len(t.Extensions)],
		scim.LookupSchema(scim.PingOneSchema), scim.LookupSchema(scim.PingOneEnterpriseSchema))
	return &t
}

func mustResolve(t testing.TB, rt *scim.ResourceType, text string, o scim.FilterOptions) *scim.Filter {
	t.Helper()
	f, err := rt.Resolve(mustParse(t, text, o), o)
	if err != nil {
		t.Fatalf("Resolve(%s): %v", text, err)
	}
	return f
}

const (
	enterprise = scim.EnterpriseSchema + ":"
	managed    = scim.ManagedSchema + ":"
)

func TestMatch(t *testing.T) {
	base := scim.FilterOptions{Base: "https://dir.example/scim/v2"}
	tests := []struct {
		name     string
		resource *scim.Resource
		o        scim.FilterOptions
		yes, no  []string
	}{
		{"scim:FLT-09 terms in brackets are about one element", ada(), base, []string{
			`emails.type eq "home" and emails.value co "work"`,
			`emails[type eq "work" and value co "work"]`,
			`emails[type eq "home" and not (value co "work")]`,
			`emails[type eq "nope" or display pr]`,
			`not (emails[type eq "nope"])`,
		}, []string{
			`emails[type eq "home" and value co "work"]`,
			`emails[type eq "home" and primary eq true]`,
			`ims[not (type eq "x")]`,
		}},
		{"scim:FLT-16 comparison follows caseExact with every operator", ada(), base, []string{
			`userName eq "ADA@EXAMPLE.COM"`, `displayName eq "ADA l."`, `displayName co "A L"`, `displayName sw "aDA"`, `displayName ew "L."`,
			`displayName gt "ada k."`, `displayName ge "ADA L."`, `displayName lt "ADA M."`, `displayName le "ada l."`,
			`not (displayName ne "ADA L.")`, `name.familyName ew "\u00e5NGSTR\u00d6M"`,
			`externalId eq "HR-007"`, `externalId co "R-0"`, `externalId sw "HR"`, `externalId ew "007"`, `externalId ne "hr-007"`,
			`externalId lt "hr-007"`, `externalId le "HR-007"`, `externalId ge "HR-007"`, `externalId gt "GR-007"`,
		}, []string{
			`userName ne "ada@example.com"`, `displayName lt "ADA L."`, `displayName gt "ada l."`,
			`externalId eq "hr-007"`, `externalId co "r-0"`, `externalId sw "hr"`, `externalId gt "hr-007"`, `externalId ge "hr-007"`,
		}},
		{"scim:FLT-17 what is case-exact", ada(), base, []string{
			`id eq "A1b2"`, `externalId eq "HR-007"`, `meta.version eq "W/\"7\""`, `meta.resourceType eq "User"`,
			`x509Certificates.value eq "TUlJQw=="`, `profileUrl eq "https://example.com/Ada"`, enterprise + `manager.value eq "Boss-1"`,
			`userName eq "ada@example.com"`, `name.givenName eq "ADA"`, `emails.type eq "WORK"`, enterprise + `department eq "engines"`,
		}, []string{
			`id eq "a1b2"`, `externalId eq "hr-007"`, `meta.version eq "w/\"7\""`, `meta.resourceType eq "user"`,
			`x509Certificates.value eq "tuljqw=="`, `profileUrl eq "https://example.com/ada"`, enterprise + `manager.value eq "boss-1"`,
		}},
		{"scim:FLT-18 order of strings, dates and numbers", ada(), base, []string{
			`externalId gt "HR-0"`, `name.familyName gt "Lovelace-A"`, `name.familyName gt "lovelace-z"`,
			`meta.created lt "2024-02-29T10:00:00.001Z"`, `meta.created ge "2024-02-29T11:00:00+01:00"`, `meta.lastModified gt "2026-01-02T03:04:05Z"`,
			managed + `custom_number gt 9007199254740992`, managed + `custom_number lt 9007199254740994`, managed + `custom_number ge 9.007199254740993e15`,
			managed + `custom_number gt -1`, managed + `custom_number gt 0.5`,
		}, []string{
			`meta.created gt "2024-02-29T10:00:00Z"`, `meta.lastModified lt "2026-01-02T03:04:05.678Z"`, `meta.lastModified le "2026-01-02T04:04:05.677+01:00"`,
			managed + `custom_number eq 9007199254740992`, managed + `custom_number le 9007199254740992`,
		}},
		{"scim:FLT-20 any element of several", ada(), base, []string{
			`emails.value eq "ada@home.example"`, `emails.value sw "ada@work"`, `emails.type ne "work"`, `emails.primary eq true`,
			managed + `custom_list eq "red"`, managed + `custom_list eq "GREEN"`, managed + `custom_list ne "red"`,
		}, []string{
			`emails.value eq "ada@other.example"`, `not (emails.type eq "home")`, managed + `custom_list eq "blue"`,
		}},
		{"scim:FLT-21 a complex attribute stands for its value", ada(), base, []string{
			`emails co "work.example"`, `emails eq "ADA@HOME.example"`, `phoneNumbers sw "+44"`, enterprise + `manager eq "Boss-1"`, `groups eq "g2"`,
		}, []string{
			`emails eq "work"`, enterprise + `manager eq "boss"`, `groups eq "g3"`,
		}},
		{"scim:FLT-21 members stand for their value", engines(), base, []string{
			`members eq "A1b2"`, `members.value eq "g1"`, `members[value eq "g1" and type eq "Group"]`,
		}, []string{
			`members eq "nobody"`, `members eq "a1b2"`, `members[value eq "A1b2" and type eq "Group"]`,
		}},
		{"scim:FLT-22 presence", ada(), base, []string{
			`userName pr`, `name pr`, `name.givenName pr`, `emails pr`, `emails.display pr`, `active pr`, `id pr`, `meta pr`, `meta.version pr`, `schemas pr`,
			`groups pr`, `groups.display pr`, enterprise + `manager pr`, managed + `preferences pr`, managed + `preferences.updates pr`, managed + `custom_number pr`,
			`emails[display pr]`, scim.PingOneSchema + `:population pr`,
		}, []string{
			`title pr`, `nickName pr`, `name.middleName pr`, `ims pr`, `phoneNumbers.type pr`, `phoneNumbers[type pr]`, enterprise + `division pr`, managed + `none pr`,
		}},
		{"scim:FLT-22 false and 0 are present, empty text and lists are not", resource("User", `{"active": false, "emails": [{"value": ""}], "roles": [],
			"urn:rollcall:schemas:extension:2.0:ManagedUser": {"zero": 0, "no": false, "empty": "", "list": [], "blank": [""]}}`), base, []string{
			`active pr`, managed + `zero pr`, managed + `no pr`,
		}, []string{
			`emails pr`, `emails.value pr`, `roles pr`, `groups pr`, managed + `empty pr`, managed + `list pr`, managed + `blank pr`,
		}},
		{"scim:FLT-23 null", ada(), base, []string{
			`nickName eq null`, `userName ne null`, `title eq null`, `emails[display eq null]`, `name ne null`, `ims eq null`, `emails ne null`, `emails.display ne null`,
		}, []string{
			`nickName ne null`, `userName eq null`, `emails.display eq null`, `name eq null`, `phoneNumbers[type ne null]`,
		}},
		{"scim:FLT-24 an unassigned attribute", ada(), base, []string{
			`nickName ne "v"`, `not (nickName eq "v")`, `ims.value ne "v"`, `emails.type ne "work"`, `phoneNumbers.type ne "work"`, `emails[display ne "at home"]`,
			`userType ne ""`,
		}, []string{
			`nickName eq "v"`, `nickName eq ""`, `nickName co ""`, `nickName sw ""`, `nickName ew ""`,
			`nickName gt ""`, `nickName ge ""`, `nickName lt "z"`, `nickName le "z"`, `addresses.type ne "work"`, `ims.value co ""`,
		}},
		{"scim:FLT-26 schemas and meta", ada(), base, []string{
			`schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"`, `schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`,
			`schemas co "enterprise"`, `schemas[value ew ":User"]`, `schemas eq "urn:pingidentity:schemas:extension:2.0:PingOneUser"`,
			`meta.created eq "2024-02-29T10:00:00Z"`, `meta.lastModified eq "2026-01-02T03:04:05.678Z"`, `meta.resourceType eq "User"`,
			`meta.location eq "https://dir.example/scim/v2/Users/A1b2"`, `meta.location sw "https://dir.example/"`, `meta.location ew "/Users/A1b2"`,
			`meta.version eq "W/\"7\""`, `meta[created lt "2025-01-01T00:00:00Z" and version pr]`,
		}, []string{
			`schemas eq "urn:ietf:params:scim:schemas:core:2.0:Group"`, `meta.created ne "2024-02-29T10:00:00Z"`, `meta.resourceType eq "Group"`,
			`meta.location eq "https://dir.example/scim/v2/Users/A1b3"`, `meta.version eq "W/\"8\""`,
		}},
		{"scim:FLT-32 dates in every form", ada(), base, []string{
			`meta.created gt "0001-01-03T00:00:00.0000000Z"`, `meta.lastModified le "2026-11-01T09:00:00.0000000Z"`, `meta.lastModified eq "2026-01-02T03:04:05.6780000Z"`,
			`meta.created eq "2024-02-29T10:00:00"`, `meta.created eq "2024-02-29T15:30:00.000000000+05:30"`, `meta.created eq "2024-02-28T22:00:00-12:00"`,
		}, []string{
			`meta.created lt "0001-01-01T00:00:00.0000000Z"`, `meta.lastModified eq "2026-01-02T03:04:05.6780001Z"`,
		}},
		{"primary that is absent is false", ada(), base, []string{
			`emails[primary eq false and type eq "home"]`, `emails.primary eq false`, `phoneNumbers[primary eq false]`, `phoneNumbers.primary ne true`,
		}, []string{
			`phoneNumbers[primary eq true]`, `emails[type eq "home" and primary pr]`, `ims.primary eq false`,
		}},
		{"scim:MV-07 references to resources with and without base", ada(), base, []string{
			`meta.location eq "/Users/A1b2"`, `meta.location eq "Users/A1b2"`, `meta.location eq "https://dir.example/scim/Users/A1b2"`,
			`groups.$ref eq "https://dir.example/scim/v2/Groups/g1"`, `groups[$ref eq "Groups/g2" and type eq "indirect"]`,
			enterprise + `manager.$ref eq "Users/Boss-1"`, enterprise + `manager.$ref eq "https://dir.example/scim/v2/Users/Boss-1"`,
		}, []string{
			`meta.location eq "A1b2"`, `groups.$ref eq "Users/g1"`, `meta.location ne "Users/A1b2"`, enterprise + `manager.$ref eq "Users/boss-1"`,
		}},
		{"groups with value, $ref, display and type", ada(), base, []string{
			`groups[value eq "g1" and $ref ew "/Groups/g1" and display eq "users" and type eq "direct"]`, `groups.type eq "indirect"`,
		}, []string{`groups[value eq "g1" and type eq "indirect"]`}},
		{"members with value, $ref, display and type", engines(), base, []string{
			`members[value eq "A1b2" and $ref ew "/Users/A1b2" and type eq "User" and display eq "ada l."]`, `members.$ref eq "Groups/g1"`,
		}, []string{`members.$ref eq "Groups/A1b2"`, `members[value eq "g1" and type eq "User"]`}},
		{"population.id", ada(), base, []string{
			scim.PingOneSchema + `:population.id eq "pop-1"`, scim.PingOneSchema + `:population[id eq "pop-1"]`, `userName pr`, `meta.created pr`, `id eq "A1b2"`, `externalId sw "HR"`,
		}, []string{scim.PingOneSchema + `:population.id eq "pop-2"`}},
		{"values of any type", ada(), base, []string{
			managed + `preferences.marketing eq true`, managed + `preferences.updates eq false`, managed + `preferences[marketing eq true and updates eq false]`,
			managed + `custom_number eq 9007199254740993`, managed + `custom_number co 9007199254740993`, managed + `custom_text co "EA"`, managed + `custom_text gt "sugar"`,
			managed + `preferences[deep pr]`,
		}, []string{
			managed + `custom_number eq "9007199254740993"`, managed + `custom_text eq true`, managed + `custom_text eq 1`, managed + `preferences eq "x"`, managed + `preferences.marketing gt false`,
		}},
		{"p14e:R59 SCIM 1.1 ignores case but of externalId and binary values", ada(), scim.FilterOptions{SCIM11: true}, []string{
			`id eq "a1B2"`, `userName eq "ada@example.com"`, `externalId eq "HR-007"`, `meta.version eq "w/\"7\""`, `x509Certificates eq "TUlJQw=="`,
			`meta.created eq "2024-02-29T12:00:00+02:00"`, `groups eq "G1"`,
		}, []string{
			`externalId eq "hr-007"`, `x509Certificates.value eq "tuljqw=="`, `id eq "a1B3"`,
		}},
		{"p14e:R57 operators of SCIM 1.1, and binds tighter, case is ignored", ada(), scim.FilterOptions{SCIM11: true}, []string{
			`username eq "ADA@example.com"`, `userName CO "ada" AND displayName Sw "ada"`, `USERNAME pr`, `meta.created gt "2024-01-01T00:00:00Z"`, `meta.created ge "2024-02-29T10:00:00Z"`,
			`meta.created lt "2025-01-01T00:00:00Z"`, `meta.created le "2024-02-29T10:00:00Z"`, `userName pr or title pr and nickName pr`, `title pr and nickName pr Or userName pr`,
			`displayName eq "x" or (userName pr and active eq true)`, `displayName ne "x"`, `userName ew "example.com"`, `not (title pr)`,
		}, []string{
			`(userName pr or title pr) and nickName pr`, `userName eq "x"`, `userName co "x@y"`, `userName sw "x"`, `nickName pr`, `meta.created gt "2024-02-29T10:00:00Z"`, `meta.created lt "2024-02-29T10:00:00Z"`,
		}},
		{"p14e:R58 paths of SCIM 1.1", ada(), scim.FilterOptions{SCIM11: true}, []string{
			`name.familyName sw "love"`, `emails.value eq "ada@work.example"`, `emails eq "ada@work.example"`, `meta.lastModified gt "2026-01-01T00:00:00Z"`,
			`urn:scim:schemas:com_pingone:1.0:createTimeStamp gt 1420084800000`, `urn:scim:schemas:com_pingone:1.0:createTimeStamp eq 1709200800000`,
			`urn:scim:schemas:com_pingone:1.0:lastModifiedTimeStamp eq 1767323045678`, `urn:scim:schemas:com_pingone:1.0:state eq "ACTIVE"`,
			`urn:scim:schemas:com_pingone:1.0:passwordExpired eq false`, `urn:scim:schemas:core:1.0:userName pr`,
			`(name.familyName sw "L") and (urn:scim:schemas:com_pingone:1.0:createTimeStamp gt 1420084800000)`,
		}, []string{
			`urn:scim:schemas:com_pingone:1.0:createTimeStamp gt 1709200800000`, `urn:scim:schemas:com_pingone:1.0:lastLoginTime pr`, `emails eq "work"`,
		}},
		{"p14e:R58 members.value", engines(), scim.FilterOptions{SCIM11: true}, []string{`members.value eq "a1b2"`, `members eq "G1"`}, []string{`members.value eq "x"`}},
		{"parts of user names with blanks", resource("User", `{"userName": "User  One"}`), base, []string{
			`userName eq "user one"`, `userName sw "USER "`, `userName co "r o"`, `userName ew " One"`, `userName co " "`, `userName sw "user o"`, `userName co ""`, `userName co " o"`, `userName co "r "`,
		}, []string{`userName sw "use "`, `userName ew " ne"`, `userName co "e "`, `userName co " n"`}},
		{"schema URIs in any letter case", ada(), base, []string{
			`schemas eq "URN:ietf:params:scim:schemas:core:2.0:user"`, `schemas co "ENTERPRISE"`,
		}, []string{`schemas eq "urn:ietf:params:scim:schemas:core:2.0:Group"`}},
		{"scim:FLT-27 unknown attributes have no value where there are several types", ada(), scim.FilterOptions{Unknown: true}, []string{
			`members ne "x"`, `not (members eq "x")`, `urn:x:y:z eq null`, `name.nope ne "x"`, `not (emails[nope eq "x"])`, `userName eq "ada@example.com" or members pr`,
		}, []string{
			`members eq "x"`, `members pr`, `urn:x:y:z co ""`, `members[value eq "x"]`, `emails[nope pr]`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check := func(texts []string, want bool) {
				for _, text := range texts {
					f := mustResolve(t, typeOf(test.resource), text, test.o)
					if f.Match(test.resource) != want {
						t.Errorf("%s is %t", text, !want)
					}
				}
			}
			check(test.yes, true)
			check(test.no, false)
		})
	}
	t.Run("true and false", func(t *testing.T) {
		for op, want := range map[scim.Op]bool{scim.OpTrue: true, scim.OpFalse: false} {
			f, err := scim.UserType().Resolve(&scim.Filter{Op: op}, scim.FilterOptions{})
			if err != nil || f.Match(ada()) != want {
				t.Errorf("%s: %v", op, err)
			}
		}
	})
}

func resource(typ, doc string) *scim.Resource {
	r := scim.NewResource([]byte(doc))
	r.Type = typ
	return r
}

func TestResolve(t *testing.T) {
	tests := []struct {
		name  string
		rt    *scim.ResourceType
		o     scim.FilterOptions
		texts map[string]string // filter: canonical filter
	}{
		{"names in any letter case come out as in the schema", scim.UserType(), scim.FilterOptions{}, map[string]string{
			`USERNAME eq "a"`:                        `userName eq "a"`,
			`Name.GIVENname pr`:                      `name.givenName pr`,
			`EMAILS[TYPE eq "a" and Primary pr]`:     `emails[type eq "a" and primary pr]`,
			`META.LASTMODIFIED pr and EXTERNALID pr`: `meta.lastModified pr and externalId pr`,
			`groups.$REF pr`:                         `groups.$ref pr`,
		}},
		{"scim:FLT-10 the longest known URI ignoring case", pingType(), scim.FilterOptions{}, map[string]string{
			`urn:ietf:params:scim:schemas:core:2.0:User:name.familyName pr`:               `name.familyName pr`,
			`URN:IETF:params:scim:schemas:core:2.0:USER:USERNAME eq "a"`:                  `userName eq "a"`,
			`urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq "work"]`:           `emails[type eq "work"]`,
			`urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:DEPARTMENT pr`:    enterprise + `department pr`,
			`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr`: enterprise + `manager.value pr`,
			`urn:pingidentity:schemas:extension:2.0:pingoneuser:population.ID pr`:         scim.PingOneSchema + `:population.id pr`,
			managed + `anything.at_all pr`:                                                managed + `anything.at_all pr`,
		}},
		{"scim:FLT-11 bare extension names", scim.UserType(), scim.FilterOptions{Loose: true}, map[string]string{
			`manager eq "x"`:          enterprise + `manager.value eq "x"`,
			`DEPARTMENT eq "x"`:       enterprise + `department eq "x"`,
			`employeeNumber sw "7"`:   enterprise + `employeeNumber sw "7"`,
			`manager[value eq "x"]`:   enterprise + `manager[value eq "x"]`,
			enterprise + `manager pr`: enterprise + `manager pr`,
		}},
		{"scim:COM-19 common attributes under any URI of the type", scim.UserType(), scim.FilterOptions{}, map[string]string{
			`urn:ietf:params:scim:schemas:core:2.0:User:id eq "x"`:            `id eq "x"`,
			`urn:ietf:params:scim:schemas:core:2.0:User:externalId pr`:        `externalId pr`,
			`urn:ietf:params:scim:schemas:core:2.0:User:meta.lastModified pr`: `meta.lastModified pr`,
			enterprise + `ID pr`:                                    `id pr`,
			enterprise + `meta.created pr`:                          `meta.created pr`,
			`urn:ietf:params:scim:schemas:core:2.0:User:schemas pr`: `schemas pr`,
		}},
		{"scim:FLT-21 value is spelled out", scim.GroupType(), scim.FilterOptions{}, map[string]string{
			`members eq "x"`: `members.value eq "x"`, `members pr`: `members pr`,
		}},
		{"scim:FLT-23 null is spelled out", scim.UserType(), scim.FilterOptions{}, map[string]string{
			`title eq null`:        `not (title pr)`,
			`title ne null`:        `title pr`,
			`name eq null`:         `not (name pr)`,
			`emails[type eq null]`: `emails[not (type pr)]`,
			`meta.created ne null`: `meta.created pr`,
		}},
		{"URIs that clients get wrong", scim.UserType(), scim.FilterOptions{Loose: true}, map[string]string{
			`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager eq "x"`: enterprise + `manager.value eq "x"`,
			`urn:ietf:params:scim:schemas:extension:enterprise:2.0User:department pr`:   enterprise + `department pr`,
			`urn:scim:schemas:core:2.0:userName pr`:                                     `userName pr`,
			`urn:scim:schemas:extension:enterprise:2.0:department pr`:                   enterprise + `department pr`,
			`urn:ietf:params:scim:schemas:core:2.0:User.name.givenName pr`:              `name.givenName pr`,
		}},
		{"scim:FLT-19 operands are coerced when loose", scim.UserType(), scim.FilterOptions{Loose: true}, map[string]string{
			`active eq "true"`:           `active eq true`,
			`active ne "FALSE"`:          `active ne false`,
			`roles[primary eq "True"]`:   `roles[primary eq true]`,
			`userName eq 4711`:           `userName eq "4711"`,
			`displayName eq true`:        `displayName eq "true"`,
			managed + `custom eq "4711"`: managed + `custom eq "4711"`,
			managed + `custom eq "true"`: managed + `custom eq "true"`,
		}},
		{"SCIM 1.1 URIs", scim.UserType(), scim.FilterOptions{SCIM11: true}, map[string]string{
			`urn:scim:schemas:core:1.0:userName eq "x"`:               `userName eq "x"`,
			`urn:scim:schemas:extension:enterprise:1.0:department pr`: enterprise + `department pr`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for text, want := range test.texts {
				if got := mustResolve(t, test.rt, text, test.o).String(); got != want {
					t.Errorf("%s\n got %s\nwant %s", text, got, want)
				}
			}
		})
	}
}

func TestResolveErrors(t *testing.T) {
	type texts []string
	tests := []struct {
		name string
		rt   *scim.ResourceType
		o    scim.FilterOptions
		rule scim.Rule
		texts
	}{
		{"scim:FLT-18 no order of booleans and binaries", scim.UserType(), scim.FilterOptions{Loose: true}, scim.RuleFilter, texts{
			`active gt true`, `active ge true`, `active lt true`, `active le "true"`,
			`x509Certificates.value gt "TUlJ"`, `x509Certificates ge "TUlJ"`, `x509Certificates[value lt "TUlJ"]`, `x509Certificates.value le "TUlJ"`,
		}},
		{"scim:FLT-19 parts only of strings and references, operands of the type", scim.UserType(), scim.FilterOptions{}, scim.RuleFilter, texts{
			`active co true`, `active sw true`, `active ew "true"`, `meta.created co "2024"`, `meta.created sw "2024"`, `x509Certificates.value ew "TUlJ"`,
			`active eq "true"`, `userName eq 1`, `userName co true`, `meta.created eq 1`, `meta.created gt "yesterday"`, `meta.created gt "2024-01-01"`, `emails[primary eq "True"]`,
		}},
		{"loose has its limits", scim.UserType(), scim.FilterOptions{Loose: true}, scim.RuleFilter, texts{
			`active eq "yes"`, `active eq 1`, `active eq ""`, `meta.created gt 2024`, `meta.created gt true`,
		}},
		{"scim:FLT-21 a complex attribute without value", scim.UserType(), scim.FilterOptions{}, scim.RuleFilter, texts{
			`name eq "x"`, `name co "x"`, `addresses eq "x"`, `meta gt "x"`,
		}},
		{"scim:FLT-23 null with another operator", scim.UserType(), scim.FilterOptions{Loose: true}, scim.RuleFilter, texts{
			`userName co null`, `userName sw null`, `userName ew null`, `userName gt null`, `userName ge null`, `userName lt null`, `userName le null`, `emails[type co null]`,
		}},
		{"scim:FLT-27 an unknown attribute", scim.UserType(), scim.FilterOptions{Loose: true}, scim.RuleFilterAttribute, texts{
			`nope eq "x"`, `name.nope eq "x"`, `userName.nope eq "x"`, `emails[nope eq "x"]`, `emails[type eq "x" and nope pr]`, `members eq "x"`,
			`urn:x:y:userName eq "x"`, enterprise + `nope pr`, enterprise + `userName pr`, enterprise[:len(enterprise)-1] + ` pr`, `emails[emails.type pr]`, `urn:x:y pr`,
			`emails[` + enterprise + `type pr]`, `schemas[type pr]`,
		}},
		{"strict has no bare extension names and no wrong URIs", scim.UserType(), scim.FilterOptions{}, scim.RuleFilterAttribute, texts{
			`manager eq "x"`, `department pr`, `population.id pr`, `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager pr`,
			`urn:ietf:params:scim:schemas:extension:enterprise:2.0User:department pr`, `urn:scim:schemas:core:2.0:userName pr`, `urn:scim:schemas:core:1.0:userName pr`,
		}},
		{"scim:FLT-28,scim:USR-08 what is never returned cannot be asked for", scim.UserType(), scim.FilterOptions{Loose: true}, scim.RuleFilterAttribute, texts{
			`password eq "x"`, `password pr`, `PASSWORD sw "x"`, `urn:ietf:params:scim:schemas:core:2.0:User:password ne "x"`, `not (password eq null)`, `password[value eq "x"]`,
		}},
		{"value paths into what has no parts", scim.UserType(), scim.FilterOptions{}, scim.RuleFilter, texts{
			`userName[value eq "x"]`, `name.givenName[value eq "x"]`, `emails.value[value eq "x"]`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, text := range test.texts {
				for _, before := range []string{"", `userName pr and `} {
					f, err := test.rt.Resolve(mustParse(t, before+text, test.o), test.o)
					if err == nil {
						t.Errorf("%s: resolved to %s", text, f)
						continue
					}
					e := oneFault(t, err)
					if e.Rule != test.rule || e.Path == "" || e.Column <= len(before) || e.Rule == scim.RuleFilter && e.Detail == "" {
						t.Errorf("%s: %+v", text, e)
					}
				}
			}
		})
	}
	t.Run("a value path within a value path that no grammar made", func(t *testing.T) {
		inner := &scim.Filter{Op: scim.OpHas, Path: scim.Path{Attr: "type"}, Args: []*scim.Filter{{Op: scim.OpPr, Path: scim.Path{Attr: "value"}}}}
		f, err := scim.UserType().Resolve(&scim.Filter{Op: scim.OpHas, Path: scim.Path{Attr: "emails"}, Args: []*scim.Filter{inner}}, scim.FilterOptions{})
		if err == nil {
			t.Fatalf("resolved to %s", f)
		}
		if e := oneFault(t, err); e.Rule != scim.RuleFilter {
			t.Errorf("%+v", e)
		}
	})
}

func TestResolveFires(t *testing.T) {
	for text, want := range map[string][]string{
		`userName eq "x" and emails[type eq "x"] and id pr`:                         nil,
		`manager eq "x" and department pr`:                                          {"ext-bare", "ext-bare"},
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager eq "x"`: {"urn-dot"},
		`active eq "True"`: {"bool-strings"},
		`active eq True`:   {"filter-loose"},
		`userName eq 1`:    {"filter-loose"},
		`userName eq x`:    {"filter-loose"},
		`nope eq 1`:        nil,
	} {
		var got []string
		o := scim.FilterOptions{Loose: true, Fired: func(rewrite string) { got = append(got, rewrite) }}
		scim.UserType().Resolve(mustParse(t, text, o), o) // some fail; what fired is the point
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestResolveLeavesItsFilterAlone(t *testing.T) {
	text := `EMAILS[TYPE eq "x"] and active eq "true" and title eq null and emails eq "x"`
	o := scim.FilterOptions{Loose: true}
	f := mustParse(t, text, o)
	if _, err := scim.UserType().Resolve(f, o); err != nil {
		t.Fatal(err)
	}
	if got := f.String(); got != text {
		t.Errorf("became %s", got)
	}
}

func TestFilterUses(t *testing.T) {
	for text, want := range map[string]string{
		`userName eq "x"`: "", `groups eq "x"`: "groups", `not (groups[value eq "x"] or id pr)`: "groups", `emails.value pr`: "",
		enterprise + `manager pr`: "",
	} {
		f := mustResolve(t, scim.UserType(), text, scim.FilterOptions{})
		var got []string
		for _, name := range []string{"groups", "members"} {
			if f.Uses(name) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s uses %v", text, got)
		}
	}
	if !mustResolve(t, scim.GroupType(), `members[value eq "x"]`, scim.FilterOptions{}).Uses("members") {
		t.Error("members[...] does not use members")
	}
}

// comparisons returns what the terms of a filter ask of indexes, as path op key.
func comparisons(f, within *scim.Filter) (list []string) {
	if f.Op == scim.OpHas {
		within = f
	}
	for _, arg := range f.Args {
		list = append(list, comparisons(arg, within)...)
	}
	if c, ok := f.Comparison(within); ok {
		list = append(list, c.Path+" "+c.Op.String()+" "+c.Key)
	}
	return list
}

func TestComparison(t *testing.T) {
	user, group := pingType(), scim.GroupType()
	tests := []struct {
		rt   *scim.ResourceType
		text string
		o    scim.FilterOptions
		want []string
	}{
		{user, `userName eq "Ada@Example.COM"`, scim.FilterOptions{}, []string{"userName eq ada@example.com"}},
		{user, `userName co "Ada "`, scim.FilterOptions{}, []string{"userName co ada "}},
		{user, `externalId gt "HR-007"`, scim.FilterOptions{}, []string{"externalId gt HR-007"}},
		{user, `id ne "X" and (displayName pr and title sw "X")`, scim.FilterOptions{}, []string{"id ne X", "displayName pr ", "title sw x"}},
		{user, `emails eq "A@B"`, scim.FilterOptions{}, []string{"emails.value eq a@b"}},
		{user, `emails[value ew "@B"]`, scim.FilterOptions{}, []string{"emails.value ew @b"}},
		{user, `emails[type eq "Work" and value eq "A@B" and primary eq true]`, scim.FilterOptions{}, []string{"emails.type eq work", "emails.value eq a@b"}},
		{user, `manager eq "X"`, scim.FilterOptions{Loose: true}, []string{enterprise + "manager.value eq X"}},
		{user, enterprise + `manager[value eq "X"]`, scim.FilterOptions{}, []string{enterprise + "manager.value eq X"}},
		{user, scim.PingOneSchema + `:population.id eq "X"`, scim.FilterOptions{}, []string{scim.PingOneSchema + ":population.id eq X"}},
		{group, `members eq "X" or not (displayName eq "Y")`, scim.FilterOptions{}, []string{"members.value eq X", "displayName eq y"}},
		{user, `meta.location eq "Users/x" and emails.primary eq false and nope eq "x"`, scim.FilterOptions{Unknown: true}, nil},
		{user, `emails pr and name pr`, scim.FilterOptions{}, nil},
		{user, `meta.created ge "2024-02-29T12:00:00+02:00"`, scim.FilterOptions{}, []string{"meta.created ge 2024-02-29T10:00:00.000000000Z"}},
		{user, managed + `custom eq "x"`, scim.FilterOptions{}, nil},
		{user, `id eq "X" and userName eq "Y"`, scim.FilterOptions{SCIM11: true}, []string{"userName eq y"}},
		{user, `id eq "14C9726D-861B-45C0-B464-92F546003D26" or id co "14C9726D-861B-45C0-B464-92F546003D26"`, scim.FilterOptions{SCIM11: true}, []string{"id eq 14c9726d-861b-45c0-b464-92f546003d26"}},
		{group, `members.value eq "14c9726d-861b-45c0-b464-92f546003D26"`, scim.FilterOptions{SCIM11: true}, []string{"members.value eq 14c9726d-861b-45c0-b464-92f546003d26"}},
		{user, `schemas[value eq "urn:x"]`, scim.FilterOptions{}, []string{"schemas eq urn:x"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, comparisons(mustResolve(t, test.rt, test.text, test.o), nil)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
	}
}

// TestMatchWithoutTree: what a filter finds in a document that nobody has read yet is
// what it finds in the tree.
func TestMatchWithoutTree(t *testing.T) {
	names := []string{"userName", "title", "nickName", "emails", "name", "active", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"}
	terms := []string{`userName sw "a"`, `title pr`, `title co "\\"`, `nickName co "\""`, `emails.value co "}"`, `emails[type eq "work" and value co ","]`, `name.familyName pr`,
		`active eq true`, `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department co "{"`,
		`title pr and nickName pr and active eq true and name.givenName co "]" and userName pr`}
	filters := make([]*scim.Filter, len(terms))
	for i, text := range terms {
		filters[i] = mustResolve(t, scim.UserType(), text, scim.FilterOptions{})
	}
	met := make([]int, len(terms))
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("aé\\\"{}[],: \n😀")))
		doc := scim.NewObject()
		for _, name := range names {
			if !rapid.Bool().Draw(rt, name) {
				continue
			}
			v := scim.StringValue(text.Draw(rt, "text"))
			part := func(name string) scim.Value {
				return scim.ObjectValue(scim.NewObject(scim.Member{Name: name, Value: v}))
			}
			switch name {
			case "emails":
				v = scim.ListValue(scim.ObjectValue(scim.NewObject(scim.Member{Name: "value", Value: v}, scim.Member{Name: "type", Value: scim.StringValue("work")})))
			case "name":
				v = scim.ObjectValue(scim.NewObject(scim.Member{Name: rapid.SampledFrom([]string{"familyName", "givenName"}).Draw(rt, "part"), Value: v}))
			case "active":
				v = scim.BoolValue(true)
			case names[len(names)-1]:
				v = part("department")
			}
			doc.Set(name, v)
		}
		read := scim.NewResource(scim.ObjectValue(doc).AppendJSON(nil))
		read.Attributes()
		for i, f := range filters {
			want := f.Match(read)
			if want {
				met[i]++
			}
			if got := f.Match(scim.NewResource(read.Doc())); got != want {
				rt.Fatalf("%s of %s: %t, want %t", terms[i], read.Doc(), got, want)
			}
		}
	})
	for i, n := range met {
		if n == 0 && i < len(met)-1 {
			t.Errorf("%s met nothing: it proves nothing", terms[i])
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	r := ada()
	for _, text := range []string{
		`userName eq "ada@example.com"`, `emails[type eq "home" and value co "home"]`, `meta.lastModified gt "2020-01-01T00:00:00Z" and active eq true`,
	} {
		b.Run(text, func(b *testing.B) {
			f := mustResolve(b, scim.UserType(), text, scim.FilterOptions{})
			b.ReportAllocs()
			for b.Loop() {
				if !f.Match(r) {
					b.Fatal(fmt.Errorf("no match"))
				}
			}
		})
	}
}

func TestIndexKey(t *testing.T) {
	attribute := func(typ scim.Type) *scim.Attribute { return &scim.Attribute{Name: "a", Type: typ} }
	t.Run("keys are in the order of the numbers", func(t *testing.T) {
		ascending := []string{"-1e30", "-1234.5", "-1234", "-12", "-1.5", "-1", "-0.01", "0", "1e-7", "0.5", "1", "1.25", "9", "10", "9007199254740992", "9007199254740993", "1e300"}
		last := ""
		for _, digits := range ascending {
			key, ok := attribute(scim.TypeDecimal).IndexKey(scim.NumberValue(digits))
			if !ok || key <= last {
				t.Errorf("%s: key %q, %t, after %q", digits, key, ok, last)
			}
			last = key
		}
	})
	t.Run("equal values have one key", func(t *testing.T) {
		for typ, groups := range map[scim.Type][][]scim.Value{
			scim.TypeInteger: {
				{scim.NumberValue("100"), scim.NumberValue("1e2"), scim.NumberValue("100.0"), scim.NumberValue("0.1E+3")},
				{scim.NumberValue("0"), scim.NumberValue("-0"), scim.NumberValue("0.00e9")},
			},
			scim.TypeDateTime: {{scim.StringValue("2024-02-29T10:00:00Z"), scim.StringValue("2024-02-29T12:00:00.000+02:00")}},
			scim.TypeString:   {{scim.StringValue("STRASSE \u00c5"), scim.StringValue("strasse A\u030a")}},
			scim.TypeBoolean:  {{scim.BoolValue(true)}, {scim.BoolValue(false)}},
		} {
			seen := map[string]int{}
			for i, group := range groups {
				for _, v := range group {
					key, ok := attribute(typ).IndexKey(v)
					if first, found := seen[key]; !ok || found && first != i {
						t.Errorf("%s %s: key %q, %t", typ, v, key, ok)
					}
					seen[key] = i
				}
			}
			if len(seen) != len(groups) {
				t.Errorf("%s: keys %v", typ, seen)
			}
		}
	})
	t.Run("values of other types have none", func(t *testing.T) {
		for typ, v := range map[scim.Type]scim.Value{
			scim.TypeString: scim.BoolValue(true), scim.TypeBoolean: scim.StringValue("true"), scim.TypeInteger: scim.StringValue("1"),
			scim.TypeDateTime: scim.StringValue("x"), scim.TypeComplex: scim.ObjectValue(scim.NewObject()), scim.TypeAny: scim.StringValue("x"), scim.TypeBinary: {},
		} {
			if key, ok := attribute(typ).IndexKey(v); ok {
				t.Errorf("%s %s: key %q", typ, v, key)
			}
		}
	})
}

// TestExactPaths: names of an extension that no SCIM path could have.
func TestExactPaths(t *testing.T) {
	o := scim.FilterOptions{Exact: true, Unknown: true}
	r := scim.NewResource([]byte(`{"userName":"u","` + scim.ManagedSchema + `":{"a.b":{"c":{"d.e":[1,"x"]}},"id":"mine","urn:x:1.0":true}}`))
	r.ID = "theirs"
	for _, test := range []struct {
		path  scim.Path
		value scim.Value
		want  bool
	}{
		{scim.Path{Schema: scim.ManagedSchema, Attr: "a.b", Sub: "c\x00d.e"}, scim.StringValue("X"), true},
		{scim.Path{Schema: scim.ManagedSchema, Attr: "a.b", Sub: "c\x00d.e"}, scim.IntValue(1), true},
		{scim.Path{Schema: scim.ManagedSchema, Attr: "a.b", Sub: "c\x00d"}, scim.IntValue(1), false},
		{scim.Path{Schema: scim.ManagedSchema, Attr: "a", Sub: "b"}, scim.StringValue("X"), false},
		{scim.Path{Schema: scim.ManagedSchema, Attr: "id"}, scim.StringValue("mine"), true},
		{scim.Path{Schema: scim.ManagedSchema, Attr: "id"}, scim.StringValue("theirs"), false},
		{scim.Path{Attr: "id"}, scim.StringValue("theirs"), true},
		{scim.Path{Schema: scim.ManagedSchema, Attr: "urn:x:1.0"}, scim.BoolValue(true), true},
		{scim.Path{Schema: "urn:unknown", Attr: "id"}, scim.StringValue("mine"), false},
	} {
		f, err := scim.UserType().Resolve(&scim.Filter{Op: scim.OpEq, Path: test.path, Value: test.value}, o)
		if err != nil {
			t.Errorf("%v: %v", test.path, err)
		} else if got := f.Match(r); got != test.want {
			t.Errorf("%v eq %s: %v", test.path, test.value, got)
		}
	}
}
