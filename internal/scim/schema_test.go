package scim_test

import (
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

var allSchemas = []string{
	scim.UserSchema, scim.GroupSchema, scim.EnterpriseSchema, scim.PingOneSchema, scim.PingOneEnterpriseSchema,
	scim.ManagedSchema, scim.ManagedGroupSchema,
}

// eachAttribute calls f with every attribute and sub-attribute of the product's schemas.
func eachAttribute(tb testing.TB, f func(path string, a *scim.Attribute, parent *scim.Attribute)) {
	tb.Helper()
	for _, uri := range allSchemas {
		s := scim.LookupSchema(uri)
		if s == nil {
			tb.Fatalf("no schema %s", uri)
		}
		for _, a := range s.Attributes {
			path := s.Name + ":" + a.Name
			f(path, a, nil)
			for _, sub := range a.SubAttributes {
				f(path+"."+sub.Name, sub, a)
			}
		}
	}
}

// The core schemas have, line by line, what RFC 7643 8.7.1 publishes with the
// errata that change it. What is unsaid is the RFC's default.
func TestCoreSchemas(t *testing.T) {
	got := map[string]string{}
	for _, uri := range []string{scim.UserSchema, scim.GroupSchema, scim.EnterpriseSchema} {
		s := scim.LookupSchema(uri)
		for _, a := range s.Attributes {
			got[s.Name+":"+a.Name] = differences(a)
			for _, sub := range a.SubAttributes {
				got[s.Name+":"+a.Name+"."+sub.Name] = differences(sub)
			}
		}
	}
	want := map[string]string{}
	for line := range strings.Lines(`
		User:userName required server
		User:name complex
		User:name.formatted
		User:name.familyName
		User:name.givenName
		User:name.middleName
		User:name.honorificPrefix
		User:name.honorificSuffix
		User:displayName
		User:nickName
		User:profileUrl reference caseExact to external
		User:title
		User:userType
		User:preferredLanguage
		User:locale
		User:timezone
		User:active boolean
		User:password writeOnly never
		User:emails complex multiValued
		User:emails.value
		User:emails.display
		User:emails.type in work,home,other
		User:emails.primary boolean
		User:phoneNumbers complex multiValued
		User:phoneNumbers.value
		User:phoneNumbers.display
		User:phoneNumbers.type in work,home,mobile,fax,pager,other
		User:phoneNumbers.primary boolean
		User:ims complex multiValued
		User:ims.value
		User:ims.display
		User:ims.type in aim,gtalk,icq,xmpp,msn,skype,qq,yahoo,other
		User:ims.primary boolean
		User:photos complex multiValued
		User:photos.value reference caseExact to external
		User:photos.display
		User:photos.type in photo,thumbnail
		User:photos.primary boolean
		User:addresses complex multiValued
		User:addresses.formatted
		User:addresses.streetAddress
		User:addresses.locality
		User:addresses.region
		User:addresses.postalCode
		User:addresses.country
		User:addresses.type in work,home,other
		User:addresses.primary boolean
		User:groups complex multiValued readOnly
		User:groups.value readOnly
		User:groups.$ref reference caseExact readOnly to Group
		User:groups.display readOnly
		User:groups.type readOnly in direct,indirect
		User:entitlements complex multiValued
		User:entitlements.value
		User:entitlements.display
		User:entitlements.type
		User:entitlements.primary boolean
		User:roles complex multiValued
		User:roles.value
		User:roles.display
		User:roles.type
		User:roles.primary boolean
		User:x509Certificates complex multiValued
		User:x509Certificates.value binary caseExact
		User:x509Certificates.display
		User:x509Certificates.type
		User:x509Certificates.primary boolean
		Group:displayName required
		Group:members complex multiValued
		Group:members.value immutable
		Group:members.$ref reference caseExact immutable to User,Group
		Group:members.display immutable
		Group:members.type immutable in User,Group
		EnterpriseUser:employeeNumber
		EnterpriseUser:costCenter
		EnterpriseUser:organization
		EnterpriseUser:division
		EnterpriseUser:department
		EnterpriseUser:manager complex
		EnterpriseUser:manager.value caseExact
		EnterpriseUser:manager.$ref reference caseExact to User
		EnterpriseUser:manager.displayName readOnly
	`) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" {
			want[name] = rest
		}
	}
	for _, c := range []struct{ rule, prefix string }{
		{"scim:SCH-04 User has the characteristics of RFC 7643", "User:"},
		{"Group has the characteristics of RFC 7643", "Group:"},
		{"scim:ENT-01 EnterpriseUser has the characteristics of RFC 7643", "EnterpriseUser:"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if diff := cmp.Diff(only(want, c.prefix), only(got, c.prefix)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func only(m map[string]string, prefix string) map[string]string {
	part := map[string]string{}
	for k, v := range m {
		if strings.HasPrefix(k, prefix) {
			part[k] = v
		}
	}
	return part
}

// differences names the characteristics in which a differs from the defaults of RFC 7643 2.2.
func differences(a *scim.Attribute) string {
	var d []string
	add := func(differs bool, what string) {
		if differs {
			d = append(d, what)
		}
	}
	add(a.Type != scim.TypeString, string(a.Type))
	add(a.MultiValued, "multiValued")
	add(a.Required, "required")
	add(a.CaseExact, "caseExact")
	add(a.Mutability != "readWrite", a.Mutability)
	add(a.Returned != "default", a.Returned)
	add(a.Uniqueness != "none", a.Uniqueness)
	add(a.ReferenceTypes != nil, "to "+strings.Join(a.ReferenceTypes, ","))
	add(a.CanonicalValues != nil, "in "+strings.Join(a.CanonicalValues, ","))
	return strings.Join(d, " ")
}

func TestSchemaRules(t *testing.T) {
	check := func(rule string, f func(t *testing.T, path string, a, parent *scim.Attribute)) {
		t.Run(rule, func(t *testing.T) {
			n := 0
			eachAttribute(t, func(path string, a, parent *scim.Attribute) { n++; f(t, path, a, parent) })
			if n < 100 {
				t.Errorf("only %d attributes were looked at", n)
			}
		})
	}
	check("scim:SCH-05 the types are those of RFC 7643, beside any in our open schemas", func(t *testing.T, path string, a, _ *scim.Attribute) {
		switch a.Type {
		case scim.TypeString, scim.TypeBoolean, scim.TypeDecimal, scim.TypeInteger, scim.TypeDateTime, scim.TypeBinary, scim.TypeReference, scim.TypeComplex:
		case scim.TypeAny:
			if !strings.HasPrefix(path, "Managed") {
				t.Errorf("%s is of any type", path)
			}
		default:
			t.Errorf("%s has type %s", path, a.Type)
		}
	})
	check("scim:SCH-12 case and uniqueness by type", func(t *testing.T, path string, a, _ *scim.Attribute) {
		switch a.Type {
		case scim.TypeBinary, scim.TypeReference:
			if !a.CaseExact {
				t.Errorf("%s is not case-exact", path)
			}
		case scim.TypeBoolean, scim.TypeDateTime, scim.TypeInteger, scim.TypeDecimal, scim.TypeComplex:
			if a.CaseExact {
				t.Errorf("%s is case-exact", path)
			}
		}
		if a.Uniqueness != "none" && a.Type != scim.TypeString {
			t.Errorf("%s has uniqueness %s", path, a.Uniqueness)
		}
	})
	check("scim:SCH-15 no complex attribute in a complex attribute", func(t *testing.T, path string, a, parent *scim.Attribute) {
		if parent != nil && (a.Type == scim.TypeComplex || a.MultiValued || len(a.SubAttributes) > 0) {
			t.Errorf("%s is complex or multi-valued", path)
		}
		if (a.Type == scim.TypeComplex) != (len(a.SubAttributes) > 0) {
			t.Errorf("%s has type %s and %d sub-attributes", path, a.Type, len(a.SubAttributes))
		}
	})
	check("scim:MV-12 display can be written, except where it is computed", func(t *testing.T, path string, a, parent *scim.Attribute) {
		if a.Name == "display" && a.Mutability != "readWrite" && parent.Name != "groups" && parent.Name != "members" {
			t.Errorf("%s is %s", path, a.Mutability)
		}
	})
	check("every attribute is described and in words of the RFC", func(t *testing.T, path string, a, _ *scim.Attribute) {
		if a.Description == "" {
			t.Errorf("%s has no description", path)
		}
		for _, c := range []struct{ value, words string }{
			{a.Mutability, "readOnly readWrite immutable writeOnly"}, {a.Returned, "always never default request"}, {a.Uniqueness, "none server global"},
		} {
			if i := sort.SearchStrings(sorted(c.words), c.value); i == len(sorted(c.words)) || sorted(c.words)[i] != c.value {
				t.Errorf("%s has %q, want one of %s", path, c.value, c.words)
			}
		}
	})
}

func sorted(words string) []string {
	list := strings.Fields(words)
	sort.Strings(list)
	return list
}

func TestResourceTypes(t *testing.T) {
	user, group := scim.UserType(), scim.GroupType()
	if user != scim.UserType() || group != scim.GroupType() {
		t.Error("the types are loaded more than once")
	}
	uris := func(list []*scim.Schema) (ids []string) {
		for _, s := range list {
			ids = append(ids, s.ID)
		}
		return ids
	}
	if user.Name != "User" || user.Endpoint != "/Users" || user.Schema.ID != scim.UserSchema ||
		!cmp.Equal(uris(user.Extensions), []string{scim.EnterpriseSchema, scim.ManagedSchema}) {
		t.Errorf("user type %+v with %v", user, uris(user.Extensions))
	}
	if group.Name != "Group" || group.Endpoint != "/Groups" || group.Schema.ID != scim.GroupSchema ||
		!cmp.Equal(uris(group.Extensions), []string{scim.ManagedGroupSchema}) {
		t.Errorf("group type %+v with %v", group, uris(group.Extensions))
	}
}

func TestLookup(t *testing.T) {
	t.Run("scim:COM-17 schema URIs compare without regard to case", func(t *testing.T) {
		for _, uri := range allSchemas {
			for _, form := range []string{uri, strings.ToLower(uri), strings.ToUpper(uri)} {
				if s := scim.LookupSchema(form); s == nil || s.ID != uri {
					t.Errorf("LookupSchema(%q) = %v", form, s)
				}
			}
		}
		if s := scim.UserType().Extension(strings.ToUpper(scim.EnterpriseSchema)); s == nil || s.ID != scim.EnterpriseSchema {
			t.Errorf("Extension = %v", s)
		}
		for _, uri := range []string{"", "urn:x", scim.UserSchema + "s"} {
			if scim.LookupSchema(uri) != nil || scim.UserType().Extension(uri) != nil {
				t.Errorf("%q was found", uri)
			}
		}
		if scim.UserType().Extension(scim.UserSchema) != nil {
			t.Error("the core schema is an extension")
		}
	})
	t.Run("names are found in any letter case", func(t *testing.T) {
		eachAttribute(t, func(path string, a, parent *scim.Attribute) {
			lookup := func(name string) *scim.Attribute { return parent.Sub(name) }
			if parent == nil {
				schema, _, _ := strings.Cut(path, ":")
				lookup = func(name string) *scim.Attribute { return schemaNamed(schema).Attribute(name) }
			}
			for _, name := range []string{a.Name, strings.ToLower(a.Name), strings.ToUpper(a.Name)} {
				if lookup(name) != a {
					t.Errorf("%s is not found as %s", path, name)
				}
			}
			if lookup(a.Name+"x") != nil || lookup("") != nil || lookup("__proto__") != nil {
				t.Errorf("beside %s an unknown name is found", path)
			}
		})
	})
	t.Run("attributes made by hand are found too", func(t *testing.T) {
		s := &scim.Schema{Attributes: []*scim.Attribute{{Name: "userName", SubAttributes: []*scim.Attribute{{Name: "value"}}}}}
		if a := s.Attribute("USERNAME"); a == nil || a.Sub("Value") == nil || a.Sub("x") != nil || s.Attribute("x") != nil {
			t.Errorf("got %v", a)
		}
	})
}

func schemaNamed(name string) *scim.Schema {
	for _, uri := range allSchemas {
		if s := scim.LookupSchema(uri); s.Name == name {
			return s
		}
	}
	return nil
}
