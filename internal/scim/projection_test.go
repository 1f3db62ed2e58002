package scim_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// rendered is a user as a door renders it, before projection.
const rendered = `{
	"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
	"id": "1",
	"externalId": "x",
	"meta": {"resourceType": "User", "created": "2024-02-29T10:00:00.000Z", "location": "https://dir.example/Users/1"},
	"userName": "ada",
	"name": {"givenName": "Ada", "familyName": "L"},
	"active": true,
	"password": "secret",
	"emails": [{"value": "a@b", "type": "work", "primary": true}, {"value": "c@d"}],
	"groups": [{"value": "g", "display": "G"}],
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "E", "manager": {"value": "2", "displayName": "M"}}
}`

const schemasAndID = `"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "id": "1"`

func mustReadObject(t testing.TB, text string) *scim.Object {
	t.Helper()
	o, err := scim.ReadObject([]byte(text), scim.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

func jsonOf(o *scim.Object) string { return string(o.AppendJSON(nil)) }

func TestProjection(t *testing.T) {
	strict, loose := scim.FilterOptions{}, scim.FilterOptions{Loose: true}
	const enterpriseURI = scim.EnterpriseSchema
	all := strings.Replace(rendered, `"password": "secret",`, "", 1)
	tests := []struct {
		name                 string
		attributes, excluded []string
		o                    scim.FilterOptions
		want                 string
	}{
		{"scim:GET-02 always and default attributes", nil, nil, strict, all},
		{"scim:ATT-02 names between commas, with blanks", []string{" userName , active,,"}, nil, strict, `{` + schemasAndID + `, "userName": "ada", "active": true}`},
		{"scim:ATT-02 names in a list", []string{"userName", "active"}, nil, strict, `{` + schemasAndID + `, "userName": "ada", "active": true}`},
		{"scim:ATT-03 only what is named and what is always returned", []string{"emails"}, nil, strict, `{` + schemasAndID + `,
			"emails": [{"value": "a@b", "type": "work", "primary": true}, {"value": "c@d"}]}`},
		{"scim:ATT-04 all but what is named", nil, []string{"emails,name,groups,meta," + enterpriseURI}, strict, `{` + schemasAndID + `, "externalId": "x", "userName": "ada", "active": true}`},
		{"scim:ATT-04,scim:ATT-09 no effect on what is always returned", nil, []string{"id", "schemas", "emails", "name", "groups", "meta", enterpriseURI, "externalId", "active", "userName"}, strict,
			`{` + schemasAndID + `}`},
		{"scim:ATT-05 sub-attributes and extensions in any letter case", []string{"NAME.givenname", "Emails.VALUE", strings.ToUpper(enterpriseURI) + ":DEPARTMENT", "urn:ietf:params:scim:schemas:core:2.0:User:USERNAME"}, nil, strict,
			`{` + schemasAndID + `, "userName": "ada", "name": {"givenName": "Ada"}, "emails": [{"value": "a@b"}, {"value": "c@d"}], "` + enterpriseURI + `": {"department": "E"}}`},
		{"scim:ATT-05 sub-attribute of an extension", []string{enterpriseURI + ":manager.value"}, nil, strict, `{` + schemasAndID + `, "` + enterpriseURI + `": {"manager": {"value": "2"}}}`},
		{"scim:ATT-05 a URI alone is the whole extension", []string{enterpriseURI}, nil, strict, `{` + schemasAndID + `, "` + enterpriseURI + `": {"department": "E", "manager": {"value": "2", "displayName": "M"}}}`},
		{"scim:ATT-05 excluded sub-attributes", nil, []string{"emails.value,emails.type", "emails.primary", "name.familyName", "meta.created,meta.location", "groups", "externalId", enterpriseURI + ":manager.value", enterpriseURI + ":department"}, strict,
			`{` + schemasAndID + `, "meta": {"resourceType": "User"}, "userName": "ada", "name": {"givenName": "Ada"}, "active": true, "` + enterpriseURI + `": {"manager": {"displayName": "M"}}}`},
		{"the core URI is all of the core schema", []string{scim.UserSchema}, nil, strict, `{` + schemasAndID + `, "userName": "ada", "name": {"givenName": "Ada", "familyName": "L"}, "active": true,
			"emails": [{"value": "a@b", "type": "work", "primary": true}, {"value": "c@d"}], "groups": [{"value": "g", "display": "G"}]}`},
		{"an attribute and a part of it", []string{"name", "name.givenName"}, nil, strict, `{` + schemasAndID + `, "name": {"givenName": "Ada", "familyName": "L"}}`},
		{"an element without the part is not shown", []string{"emails.type"}, nil, strict, `{` + schemasAndID + `, "emails": [{"type": "work"}]}`},
		{"scim:ATT-06 tolerant: attributes wins", []string{"userName"}, []string{"userName", "active"}, loose, `{` + schemasAndID + `, "userName": "ada"}`},
		{"scim:ATT-07 never is never", []string{"password", "userName"}, nil, strict, `{` + schemasAndID + `, "userName": "ada"}`},
		{"scim:ATT-09 meta can be left out", nil, []string{"meta"}, strict, strings.Replace(all, `"meta": {"resourceType": "User", "created": "2024-02-29T10:00:00.000Z", "location": "https://dir.example/Users/1"},`, "", 1)},
		{"scim:ATT-09 meta is not always there", []string{"active"}, nil, strict, `{` + schemasAndID + `, "active": true}`},
		{"scim:ATT-10 unknown names are ignored", []string{"nope", "name.nope", "urn:x:y", "a b", "active"}, nil, strict, `{` + schemasAndID + `, "active": true}`},
		{"scim:ATT-10 only unknown names", []string{"nope"}, nil, strict, `{` + schemasAndID + `}`},
		{"scim:ATT-10 an empty value is no parameter", []string{""}, []string{" , "}, strict, all},
		{"scim:ATT-10 an empty value beside the other parameter", []string{""}, []string{"name,emails,groups,meta,externalId,active," + enterpriseURI}, strict, `{` + schemasAndID + `, "userName": "ada"}`},
		{"scim:ATT-12 tolerant: a value path is its attribute", []string{`emails[type eq "a,b"].value,active`}, nil, loose, `{` + schemasAndID + `, "active": true, "emails": [{"value": "a@b", "type": "work", "primary": true}, {"value": "c@d"}]}`},
		{"bare extension names when loose", []string{"department"}, nil, loose, `{` + schemasAndID + `, "` + enterpriseURI + `": {"department": "E"}}`},
		{"bare extension names are unknown when strict", []string{"department"}, nil, strict, `{` + schemasAndID + `}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := scim.ParseProjection(scim.UserType(), test.attributes, test.excluded, test.o)
			if err != nil {
				t.Fatal(err)
			}
			o := mustReadObject(t, rendered)
			before := jsonOf(o)
			if diff := cmp.Diff(jsonOf(mustReadObject(t, test.want)), jsonOf(p.Apply(o))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if jsonOf(o) != before {
				t.Error("the resource changed")
			}
		})
	}
}

func TestProjectionErrors(t *testing.T) {
	t.Run("scim:ATT-06 strict: both are a fault", func(t *testing.T) {
		_, err := scim.ParseProjection(scim.UserType(), []string{"userName"}, []string{"emails"}, scim.FilterOptions{})
		if e := oneFault(t, err); e.Rule != scim.RuleParameter || e.Path != "excludedAttributes" || e.Value != "emails" || e.Detail == "" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("scim:ATT-12 strict: a value path is a fault", func(t *testing.T) {
		for parameter, args := range map[string][2][]string{
			"attributes": {{`userName,emails[type eq "work"]`}, nil}, "excludedAttributes": {nil, {`emails[type eq "work"]`}},
		} {
			_, err := scim.ParseProjection(scim.UserType(), args[0], args[1], scim.FilterOptions{})
			if e := oneFault(t, err); e.Rule != scim.RuleParameter || e.Path != parameter || e.Value != `emails[type eq "work"]` {
				t.Errorf("%+v", e)
			}
		}
	})
	t.Run("what loose takes fires query-loose", func(t *testing.T) {
		var fired []string
		o := scim.FilterOptions{Loose: true, Fired: func(rewrite string) { fired = append(fired, rewrite) }}
		if _, err := scim.ParseProjection(scim.UserType(), []string{`emails[type eq "work"]`}, []string{"userName"}, o); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"query-loose", "query-loose"}, fired); diff != "" {
			t.Error(diff)
		}
	})
}

func TestProjectionWants(t *testing.T) {
	for _, test := range []struct {
		attributes, excluded string
		wants, not           []string
	}{
		{"", "", []string{"id", "meta", "groups", "userName", scim.EnterpriseSchema, "unheard"}, []string{"password"}},
		{"userName", "", []string{"id", "schemas", "userName"}, []string{"meta", "groups", scim.EnterpriseSchema}},
		{"groups.display,meta.created", "", []string{"groups", "meta"}, []string{"userName"}},
		{"", "groups,meta.created", []string{"meta", "userName"}, []string{"groups"}},
		{"", "groups.display,id," + scim.EnterpriseSchema, []string{"groups", "id"}, []string{scim.EnterpriseSchema}},
		{"manager," + scim.EnterpriseSchema + ":department", "", []string{scim.EnterpriseSchema}, []string{"groups"}},
	} {
		p, err := scim.ParseProjection(scim.UserType(), []string{test.attributes}, []string{test.excluded}, scim.FilterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range test.wants {
			if !p.Wants(name) {
				t.Errorf("attributes=%s excludedAttributes=%s does not want %s", test.attributes, test.excluded, name)
			}
		}
		for _, name := range test.not {
			if p.Wants(name) {
				t.Errorf("attributes=%s excludedAttributes=%s wants %s", test.attributes, test.excluded, name)
			}
		}
	}
	t.Run("a group without members", func(t *testing.T) {
		p, err := scim.ParseProjection(scim.GroupType(), nil, []string{"Members"}, scim.FilterOptions{})
		if err != nil || p.Wants("members") || !p.Wants("displayName") {
			t.Errorf("wants members: %t, %v", p.Wants("members"), err)
		}
	})
}

func TestProjectionOnRequest(t *testing.T) {
	rt := &scim.ResourceType{
		Name: "Thing", Endpoint: "/Things",
		Schema: &scim.Schema{ID: "urn:x:thing", Attributes: []*scim.Attribute{
			{Name: "name", Type: scim.TypeString, Returned: "default"},
			{Name: "rare", Type: scim.TypeString, Returned: "request"},
			{Name: "firm", Type: scim.TypeString, Returned: "always"},
			{Name: "parts", Type: scim.TypeComplex, MultiValued: true, Returned: "default", SubAttributes: []*scim.Attribute{
				{Name: "a", Type: scim.TypeString, Returned: "default"},
				{Name: "b", Type: scim.TypeString, Returned: "request"},
				{Name: "c", Type: scim.TypeString, Returned: "always"},
			}},
		}},
		Extensions: []*scim.Schema{{ID: "urn:x:more", Attributes: []*scim.Attribute{
			{Name: "d", Type: scim.TypeString, Returned: "default"},
			{Name: "e", Type: scim.TypeString, Returned: "always"},
			{Name: "f", Type: scim.TypeString, Returned: "request"},
			{Name: "g", Type: scim.TypeString, Returned: "never"},
		}}},
	}
	const whole = `{"name": "n", "rare": "r", "firm": "f", "parts": [{"a": "1", "b": "2", "c": "3"}], "urn:x:more": {"d": "4", "e": "5", "f": "6", "g": "7"}}`
	for _, test := range []struct {
		name, attributes, excluded, written, want string
	}{
		{"scim:ATT-08 not without a name", "", "", `{}`, `{"name": "n", "firm": "f", "parts": [{"a": "1", "c": "3"}], "urn:x:more": {"d": "4", "e": "5"}}`},
		{"scim:ATT-08 by name", "rare,parts.b,urn:x:more:f", "", `{}`, `{"rare": "r", "firm": "f", "parts": [{"b": "2", "c": "3"}], "urn:x:more": {"e": "5", "f": "6"}}`},
		{"scim:ATT-08 after the client wrote it", "", "", `{"rare": "x", "parts": [{"a": "1"}, {"b": "x"}], "urn:x:more": {"f": "x", "g": "x"}}`, `{"name": "n", "rare": "r", "firm": "f", "parts": [{"a": "1", "b": "2", "c": "3"}], "urn:x:more": {"d": "4", "e": "5", "f": "6"}}`},
		{"always beside a name", "name", "", `{}`, `{"name": "n", "firm": "f", "urn:x:more": {"e": "5"}}`},
		{"always in spite of exclusion", "", "firm,name,parts,urn:x:more", `{}`, `{"firm": "f", "urn:x:more": {"e": "5"}}`},
		{"always within what is shown", "parts.a", "", `{}`, `{"firm": "f", "parts": [{"a": "1", "c": "3"}], "urn:x:more": {"e": "5"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := scim.ParseProjection(rt, []string{test.attributes}, []string{test.excluded}, scim.FilterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			p = p.Wrote(mustReadObject(t, test.written))
			if diff := cmp.Diff(jsonOf(mustReadObject(t, test.want)), jsonOf(p.Apply(mustReadObject(t, whole)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
