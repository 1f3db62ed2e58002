package scim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// assetURI is the schema of these tests.
const assetURI = "urn:example:schemas:2.0:Asset"

// mustSchema reads the definition of a schema with these attributes, which are JSON.
func mustSchema(t testing.TB, uri string, attributes ...string) *scim.Schema {
	t.Helper()
	s, faults := scim.ParseSchema(schemaDocument(t, uri, attributes...))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return s
}

func schemaDocument(t testing.TB, uri string, attributes ...string) *scim.Object {
	t.Helper()
	return mustRead(t, fmt.Sprintf(`{"id":%q,"attributes":[%s]}`, uri, strings.Join(attributes, ","))).Object()
}

// mustType reads the definition of a resource type with these extensions; one
// that ends with ! is required.
func mustType(t testing.TB, name, core string, extensions ...string) *scim.TypeDefinition {
	t.Helper()
	d := &scim.TypeDefinition{Name: name, Endpoint: "/" + name + "s", Description: name, Schema: core}
	for _, uri := range extensions {
		plain, required := strings.CutSuffix(uri, "!")
		d.Extensions = append(d.Extensions, scim.ExtensionDefinition{Schema: plain, Required: required})
	}
	again, faults := scim.ParseType(d.Object())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if diff := cmp.Diff(d, again); diff != "" {
		t.Fatal(diff)
	}
	return again
}

func mustCompile(t testing.TB, schemas []*scim.Schema, types ...*scim.TypeDefinition) *scim.Types {
	t.Helper()
	compiled, faults := scim.Compile(schemas, types)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return compiled
}

// said lists faults as rule, path, value, what is allowed and why.
func said(faults scim.Errors) []string {
	list := []string{}
	for _, e := range faults {
		list = append(list, strings.TrimRight(fmt.Sprintf("%d %s %s %s %s", e.Rule, e.Path, e.Value, strings.Join(e.Allowed, ","), e.Detail), " "))
	}
	return list
}

func TestParseSchema(t *testing.T) {
	t.Run("scim:SCH-04 what is unsaid", func(t *testing.T) {
		s := mustSchema(t, assetURI, `{"name":"tag"}`)
		const want = `{"id":"urn:example:schemas:2.0:Asset","name":"Asset","description":"Asset","attributes":[{"name":"tag","type":"string","multiValued":false,` +
			`"description":"tag","required":false,"caseExact":false,"mutability":"readWrite","returned":"default","uniqueness":"none"}]}`

		if diff := cmp.Diff(want, scim.ObjectValue(s.Object()).String()); diff != "" || s.Attribute("TAG") == nil {
			t.Error(diff)
		}
		if s.Name != "Asset" || s.ID != assetURI {
			t.Errorf("name %q, id %q", s.Name, s.ID)
		}
	})
	t.Run("all that can be said, in any letter case, comes back", func(t *testing.T) {
		s, faults := scim.ParseSchema(mustRead(t, `{"SCHEMAS":["urn:ietf:params:scim:schemas:core:2.0:schema"],"ID":"`+assetURI+`","meta":{"x":1},
			"Name":"Assets","description":"What people have","ATTRIBUTES":[
			{"NAME":"tag","Type":"string","multivalued":true,"description":"d","required":true,"canonicalvalues":["a","B"],"caseexact":true,
			 "mutability":"immutable","returned":"always","uniqueness":"global","indexed":true},
			{"name":"place","type":"complex","subattributes":[
				{"name":"$ref","type":"reference","referencetypes":["external","User"]},{"name":"floor","type":"integer","indexed":true}]}]}`).Object())
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		const want = `{"id":"urn:example:schemas:2.0:Asset","name":"Assets","description":"What people have","attributes":[` +
			`{"name":"tag","type":"string","multiValued":true,"description":"d","required":true,"canonicalValues":["a","B"],"caseExact":true,"mutability":"immutable","returned":"always","uniqueness":"global","indexed":true},` +
			`{"name":"place","type":"complex","multiValued":false,"description":"place","required":false,"caseExact":false,"mutability":"readWrite","returned":"default","uniqueness":"none","subAttributes":[` +
			`{"name":"$ref","type":"reference","multiValued":false,"description":"$ref","required":false,"caseExact":true,"mutability":"readWrite","returned":"default","uniqueness":"none","referenceTypes":["external","User"]},` +
			`{"name":"floor","type":"integer","multiValued":false,"description":"floor","required":false,"caseExact":false,"mutability":"readWrite","returned":"default","uniqueness":"none","indexed":true}]}]}`
		if diff := cmp.Diff(want, scim.ObjectValue(s.Object()).String()); diff != "" {
			t.Error(diff)
		}
		if s.Attribute("PLACE").Sub("FLOOR") == nil {
			t.Error("names are not found in any letter case")
		}
		stored, err := scim.StoredSchema(s.Object().AppendJSON(nil))
		if err != nil || !equalObjects(stored.Object(), s.Object()) || stored.Attribute("tAg") == nil {
			t.Errorf("stored and read again: %v, %v", stored, err)
		}
	})
	t.Run("scim:SCH-05 the types, and no others", func(t *testing.T) {
		for _, typ := range []string{"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference"} {
			s := mustSchema(t, assetURI, `{"name":"a","type":"`+typ+`"}`, `{"name":"b","type":"complex","subAttributes":[{"name":"c","type":"`+typ+`"}]}`)
			if string(s.Attribute("a").Type) != typ || s.Attribute("b").Type != scim.TypeComplex || string(s.Attribute("b").Sub("c").Type) != typ {
				t.Errorf("%s: %v", typ, s.Object())
			}
		}
		for _, typ := range []string{"any", "String", "DATETIME", "number", "object", ""} {
			_, faults := scim.ParseSchema(schemaDocument(t, assetURI, `{"name":"a","type":"`+typ+`"}`))
			if len(faults) != 1 || faults[0].Rule != scim.RuleCanonical || faults[0].Path != "attributes[0].type" || len(faults[0].Allowed) != 8 {
				t.Errorf("%q: %v", typ, said(faults))
			}
		}
	})
	t.Run("scim:SCH-15 no complex attribute in a complex attribute", func(t *testing.T) {
		for _, sub := range []string{
			`{"name":"b","type":"complex"}`, `{"name":"b","subAttributes":[{"name":"c"}]}`, `{"name":"b","type":"complex","subAttributes":[{"name":"c"}]}`,
		} {
			_, faults := scim.ParseSchema(schemaDocument(t, assetURI, `{"name":"a","type":"complex","subAttributes":[`+sub+`]}`))
			for _, e := range faults {
				if e.Rule != scim.RuleCanonical && e.Rule != scim.RuleUnknownSubAttribute {
					t.Errorf("%s: %v", sub, said(faults))
				}
			}
			if len(faults) == 0 {
				t.Errorf("%s is taken", sub)
			}
		}
	})
}

func equalObjects(a, b *scim.Object) bool {
	return scim.Equal(scim.ObjectValue(a), scim.ObjectValue(b))
}

func TestParseSchemaRefuses(t *testing.T) {
	pattern, required, typ := int(scim.RulePattern), int(scim.RuleRequired), int(scim.RuleType)
	const one = `{"name":"a"}`
	name := func(path, value string) string {
		return fmt.Sprintf("%d %s %s  a letter, then letters, digits, -, _ or $, 60 at most, are expected", pattern, path, value)
	}
	long := strings.Repeat("x", 61)
	for _, test := range []struct{ name, body, want string }{
		{"nothing", `{}`, fmt.Sprintf("%d attributes|%d id", required, required)},
		{"no id", `{"attributes":[` + one + `]}`, fmt.Sprintf("%d id", required)},
		{"an id that is no string", `{"id":7,"attributes":[` + one + `]}`, fmt.Sprintf("%d id  string", typ)},
		{"no attributes", `{"id":"` + assetURI + `","attributes":[]}`, fmt.Sprintf("%d attributes", required)},
		{"attributes that are no list", `{"id":"` + assetURI + `","attributes":` + one + `}`, fmt.Sprintf("%d attributes", int(scim.RuleMultiValued))},
		{"an attribute that is no object", `{"id":"` + assetURI + `","attributes":["a"]}`, fmt.Sprintf("%d attributes[0]  object", typ)},
		{"a flag that is a string", attribute(`"required":"true"`), fmt.Sprintf("%d attributes[0].required  boolean", typ)},
		{"schemas of something else", `{"schemas":["urn:x:y"],"id":"` + assetURI + `","attributes":[` + one + `]}`,
			fmt.Sprintf("%d schemas|%d schemas[0] urn:x:y", int(scim.RuleCoreSchemaMissing), int(scim.RuleUnknownSchema))},
		{"a misspelt member", `{"id":"` + assetURI + `","atributes":[],"attributes":[` + one + `]}`, fmt.Sprintf("%d atributes", int(scim.RuleUnknownAttribute))},
		{"a misspelt characteristic", attribute(`"uniquenes":"server"`), fmt.Sprintf("%d uniquenes attributes[0]", int(scim.RuleUnknownSubAttribute))},
		{"a keyword of its own", attribute(`"mutability":"constant"`), fmt.Sprintf("%d attributes[0].mutability constant readOnly,readWrite,immutable,writeOnly", int(scim.RuleCanonical))},
		{"no name", `{"id":"` + assetURI + `","attributes":[{"type":"string"}]}`, fmt.Sprintf("%d attributes[0].name", required)},
		{"a name that starts with a digit", attributeNamed("1a"), name("attributes[0].name", "1a")},
		{"a name that starts with $", attributeNamed("$ref"), name("attributes[0].name", "$ref")},
		{"a name with a dot", attributeNamed("a.b"), name("attributes[0].name", "a.b")},
		{"a name with a colon", attributeNamed("a:b"), name("attributes[0].name", "a:b")},
		{"a name with an umlaut", attributeNamed("größe"), name("attributes[0].name", "größe")},
		{"a name with a bracket", attributeNamed("a[b"), name("attributes[0].name", "a[b")},
		{"a long name", attributeNamed(long), name("attributes[0].name", long)},
		{"a common attribute", attributeNamed("externalID"), fmt.Sprintf("%d attributes[0].name externalID  every resource has an attribute of this name already", pattern)},
		{"the name of a part", attribute(`"type":"complex","subAttributes":[{"name":"a b"}]`), name("attributes[0].subAttributes[0].name", "a b")},
		{"one name twice", `{"id":"` + assetURI + `","attributes":[` + one + `,{"name":"A","type":"integer"}]}`,
			fmt.Sprintf("%d attributes[1].name A  another attribute has this name, letter case aside", pattern)},
		{"one part twice", attribute(`"type":"complex","subAttributes":[{"name":"x"},{"name":"X"}]`),
			fmt.Sprintf("%d attributes[0].subAttributes[1].name X  another attribute has this name, letter case aside", pattern)},
		{"a complex attribute without parts", attribute(`"type":"complex"`), fmt.Sprintf("%d attributes[0].subAttributes", required)},
		{"a plain attribute with parts", attribute(`"subAttributes":[{"name":"x"}]`),
			fmt.Sprintf("%d attributes[0].subAttributes   only an attribute of the type complex has parts", pattern)},
		{"references of a string", attribute(`"referenceTypes":["User"]`),
			fmt.Sprintf("%d attributes[0].referenceTypes   only an attribute of the type reference refers to something", pattern)},
		{"canonical values of a number", attribute(`"type":"integer","canonicalValues":["1"]`),
			fmt.Sprintf("%d attributes[0].canonicalValues   only strings and references have canonical values", pattern)},
		{"what nobody can write is required", attribute(`"mutability":"readOnly","required":true`),
			fmt.Sprintf("%d attributes[0].required   what nobody can write cannot be required", pattern)},
		{"a secret that is returned", attribute(`"mutability":"writeOnly","returned":"request"`),
			fmt.Sprintf("%d attributes[0].returned request  what is writeOnly is never returned", pattern)},
		{"a unique boolean", attribute(`"type":"boolean","uniqueness":"server"`), fmt.Sprintf("%d attributes[0].uniqueness server  values of this type have no uniqueness", pattern)},
		{"a unique date", attribute(`"type":"dateTime","uniqueness":"global"`), fmt.Sprintf("%d attributes[0].uniqueness global  values of this type have no uniqueness", pattern)},
		{"a unique binary", attribute(`"type":"binary","uniqueness":"server"`), fmt.Sprintf("%d attributes[0].uniqueness server  values of this type have no uniqueness", pattern)},
		{"a unique complex attribute", attribute(`"type":"complex","uniqueness":"server","subAttributes":[{"name":"x"}]`),
			fmt.Sprintf("%d attributes[0].uniqueness server  values of this type have no uniqueness", pattern)},
		{"an index of a complex attribute", attribute(`"type":"complex","indexed":true,"subAttributes":[{"name":"x"}]`),
			fmt.Sprintf("%d attributes[0].indexed   values of this type have no index", pattern)},
		{"an index of a secret", attribute(`"returned":"never","indexed":true`), fmt.Sprintf("%d attributes[0].indexed   what is never returned is not found by filters either", pattern)},
		{"a list within a list that is unique", attribute(`"type":"complex","multiValued":true,"subAttributes":[{"name":"x","multiValued":true,"uniqueness":"server"}]`),
			fmt.Sprintf("%d attributes[0].subAttributes[0].multiValued   a part that has several values itself has neither uniqueness nor index", pattern)},
		{"a primary that is a string", attribute(`"type":"complex","multiValued":true,"subAttributes":[{"name":"primary"}]`),
			fmt.Sprintf("%d attributes[0].subAttributes[0].type   the part primary of a multi-valued attribute is one boolean", pattern)},
		{"a $ref that is a string", attribute(`"type":"complex","multiValued":true,"subAttributes":[{"name":"$ref"}]`),
			fmt.Sprintf("%d attributes[0].subAttributes[0].type   the part $ref of a multi-valued attribute is one reference", pattern)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, faults := scim.ParseSchema(mustRead(t, test.body).Object())
			if diff := cmp.Diff(strings.Split(test.want, "|"), said(faults)); diff != "" || s != nil {
				t.Errorf("schema %v, faults (-want +got)\n%s", s, diff)
			}
		})
	}
}

// attribute is a definition of one attribute of these characteristics.
func attribute(members string) string {
	return `{"id":"` + assetURI + `","attributes":[{"name":"a",` + members + `}]}`
}

func attributeNamed(name string) string {
	return `{"id":"` + assetURI + `","attributes":[{"name":"` + name + `"}]}`
}

func TestSchemaURIs(t *testing.T) {
	for _, uri := range []string{
		assetURI, "URN:Example:a", "urn:ietf:params:scim:schemas:core:2.0:Device", "urn:scim:schemas:extension:acme:1.0", "urn:x-1:a_b.c-d:1",
	} {
		if _, faults := scim.ParseSchema(schemaDocument(t, uri, `{"name":"a"}`)); len(faults) > 0 {
			t.Errorf("%s: %v", uri, said(faults))
		}
	}
	t.Run("no URN", func(t *testing.T) {
		for _, uri := range []string{"", "asset", "https://example.com/asset", "urn:example", "urn:example:", "urn::a", "urn:example:a b", `urn:example:a"`,
			"urn:example:a[b", "urn:example:a/b", "urn:example:a:", "urn:example:ä", "urn:example:a.", "urn:" + strings.Repeat("x", 33) + ":a"} {
			_, faults := scim.ParseSchema(schemaDocument(t, uri, `{"name":"a"}`))
			if len(faults) != 1 || faults[0].Rule != scim.RulePattern || faults[0].Path != "id" || !strings.HasPrefix(faults[0].Detail, "a URN of letters") {
				t.Errorf("%q: %v", uri, said(faults))
			}
		}
		_, faults := scim.ParseSchema(schemaDocument(t, "urn:example:"+strings.Repeat("x", 200), `{"name":"a"}`))
		if len(faults) != 1 || faults[0].Rule != scim.RuleLength || faults[0].Allowed[0] != "200" {
			t.Errorf("a long one: %v", said(faults))
		}
	})
	t.Run("the product's own", func(t *testing.T) {
		uris := append(slices.Clone(allSchemas), scim.SchemaSchema, scim.ResourceTypeSchema, scim.ConfigSchema, strings.ToUpper(scim.UserSchema),
			"urn:ietf:params:scim:api:messages:2.0:ListResponse", "urn:ietf:params:scim:api:messages:2.0:Mine", "urn:ietf:params:scim:event:feed:add",
			"urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:1.0", "urn:scim:schemas:extension:enterprise:2.0",
			"urn:ietf:params:scim:schemas:core:2.0User", scim.UserSchema+":name", "urn:ietf:params:scim:schemas:core:2.0", "urn:ietf:params:scim:schemas:core",
			"urn:rollcall:anything")
		for _, uri := range uris {
			_, faults := scim.ParseSchema(schemaDocument(t, uri, `{"name":"a"}`))
			if len(faults) != 1 || faults[0].Rule != scim.RulePattern || faults[0].Path != "id" || faults[0].Detail != "this URI is kept for the product's own schemas and messages" {
				t.Errorf("%q: %v", uri, said(faults))
			}
		}
	})
}

func TestDefinitionLimits(t *testing.T) {
	many := func(n int, part string) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(part, i)
		}
		return list
	}
	mustSchema(t, assetURI, many(scim.MaxAttributes, `{"name":"a%d"}`)...)
	parts := `{"name":"c","type":"complex","subAttributes":[` + strings.Join(many(scim.MaxAttributes, `{"name":"a%d"}`), ",") + `]}`
	values := `{"name":"v","canonicalValues":["` + strings.Join(many(scim.MaxCanonicalValues+1, "%d"), `","`) + `"]}`
	for name, test := range map[string]struct {
		attributes []string
		want       string
	}{
		"attributes":              {many(scim.MaxAttributes+1, `{"name":"a%d"}`), "attributes  200 attributes of a schema"},
		"attributes of one":       {[]string{parts}, "attributes[0].subAttributes  200 attributes of a schema"},
		"canonical values of one": {[]string{values}, "attributes[0].canonicalValues  500 canonical values"},
	} {
		_, faults := scim.ParseSchema(schemaDocument(t, assetURI, test.attributes...))
		if diff := cmp.Diff([]string{fmt.Sprintf("%d %s", scim.RuleLimit, test.want)}, said(faults)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	limit := func(faults scim.Errors, most, what string) {
		t.Helper()
		if len(faults) != 1 || faults[0].Rule != scim.RuleLimit || faults[0].Allowed[0] != most || faults[0].Detail != what {
			t.Errorf("%s: %v", what, said(faults))
		}
	}
	var schemas []*scim.Schema
	for i := range scim.MaxSchemas + 1 {
		schemas = append(schemas, mustSchema(t, fmt.Sprintf("urn:example:s%d", i), `{"name":"a"}`))
	}
	mustCompile(t, schemas[:scim.MaxSchemas])
	_, faults := scim.Compile(schemas, nil)
	limit(faults, "50", "schemas of an environment")
	types := []*scim.TypeDefinition{mustType(t, "User", scim.UserSchema)}
	types[0].Endpoint = "/Users"
	for i := range scim.MaxTypes + 1 {
		types = append(types, mustType(t, fmt.Sprintf("T%d", i), schemas[0].ID))
	}
	mustCompile(t, schemas[:1], types[:scim.MaxTypes+1]...)
	_, faults = scim.Compile(schemas[:1], types)
	limit(faults, "20", "resource types of an environment")
	indexed := mustSchema(t, assetURI, append(many(scim.MaxIndexed, `{"name":"a%d","indexed":true}`), `{"name":"b","type":"complex","subAttributes":[{"name":"c","uniqueness":"server"}]}`)...)
	_, faults = scim.Compile([]*scim.Schema{indexed}, []*scim.TypeDefinition{mustType(t, "T", assetURI)})
	limit(faults, "20", "indexed attributes of T")
}

func TestParseType(t *testing.T) {
	d, faults := scim.ParseType(mustRead(t, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"id":"x","meta":{},"NAME":"Device","endpoint":"/Devices",
		"description":"A thing","schema":"urn:x:Device","schemaExtensions":[{"schema":"urn:x:a","required":true},{"schema":"urn:x:b"}]}`).Object())
	want := &scim.TypeDefinition{Name: "Device", Endpoint: "/Devices", Description: "A thing", Schema: "urn:x:Device",
		Extensions: []scim.ExtensionDefinition{{"urn:x:a", true}, {"urn:x:b", false}}}
	if diff := cmp.Diff(want, d); diff != "" || len(faults) > 0 {
		t.Errorf("%s %v", diff, faults)
	}
	stored, err := scim.StoredType(d.Object().AppendJSON(nil))
	if diff := cmp.Diff(d, stored); diff != "" || err != nil {
		t.Errorf("stored and read again: %s %v", diff, err)
	}
	typeName := "a letter, then letters, digits, - or _, 60 at most, are expected"
	endpoint := "a slash, a letter, then letters, digits, - or _, 60 at most, are expected, as /Devices"
	for _, test := range []struct{ name, endpoint, path, detail string }{
		{"1", "/Devices", "name", typeName},
		{"a b", "/Devices", "name", typeName},
		{"a$", "/Devices", "name", typeName},
		{strings.Repeat("x", 61), "/Devices", "name", typeName},
		{"schema", "/Devices", "name", "this name is kept for the product"},
		{"Population", "/Devices", "name", "this name is kept for the product"},
		{"Bulk", "/Devices", "name", "this name is kept for the product"},
		{"Device", "Devices", "endpoint", endpoint},
		{"Device", "/a/b", "endpoint", endpoint},
		{"Device", "/%61", "endpoint", endpoint},
		{"Device", "/{id}", "endpoint", ""},
		{"Device", "/.search", "endpoint", endpoint},
		{"Device", "/", "endpoint", endpoint},
		{"Device", "/SCHEMAS", "endpoint", "this endpoint is kept for the product"},
		{"Device", "/me", "endpoint", "this endpoint is kept for the product"},
		{"Device", "/v2", "endpoint", "this endpoint is kept for the product"},
	} {
		_, faults := scim.ParseType((&scim.TypeDefinition{Name: test.name, Endpoint: test.endpoint, Schema: assetURI}).Object())
		if len(faults) != 1 || faults[0].Path != test.path || faults[0].Detail != test.detail {
			t.Errorf("%s at %s: %v", test.name, test.endpoint, said(faults))
		}
	}
	_, faults = scim.ParseType(mustRead(t, `{}`).Object())
	if diff := cmp.Diff([]string{"name", "endpoint", "schema"}, paths(faults)); diff != "" {
		t.Error(diff)
	}
}

func paths(faults scim.Errors) []string {
	var list []string
	for _, e := range faults {
		list = append(list, e.Path)
	}
	return list
}

func TestCompile(t *testing.T) {
	asset := mustSchema(t, assetURI, `{"name":"tag","required":true}`)
	device := mustSchema(t, "urn:example:Device", `{"name":"serial","required":true}`, `{"name":"displayName"}`)
	badge := mustSchema(t, "urn:example:Badge", `{"name":"number"}`)
	schemas := []*scim.Schema{asset, device, badge}
	users := func(extensions ...string) *scim.TypeDefinition {
		d := mustType(t, "user", strings.ToUpper(scim.UserSchema), extensions...)
		d.Endpoint = "/users"
		return d
	}

	zero := new(scim.Types)
	if zero.User() != scim.UserType() || zero.Group() != scim.GroupType() || len(zero.All()) != 2 || zero.Type("Device") != nil || zero.Schemas() != nil ||
		zero.Schema(strings.ToUpper(scim.UserSchema)) != scim.UserType().Schema || zero.Schema(assetURI) != nil || (*scim.Types)(nil).User() != scim.UserType() {
		t.Error("the zero Types are not the built-in ones")
	}

	types := mustCompile(t, schemas, users(scim.EnterpriseSchema, strings.ToUpper(assetURI)), mustType(t, "Device", device.ID, badge.ID+"!"))
	if len(types.All()) != 3 || types.Type("User") != types.User() || types.Type("device") != nil || types.Schema(strings.ToUpper(badge.ID)) != badge {
		t.Errorf("types %v", types.All())
	}
	if got := types.User(); got.Extension(assetURI) != asset || got.Extension(scim.EnterpriseSchema) == nil || got.Extension(scim.ManagedSchema) == nil ||
		got.Schema != scim.UserType().Schema || len(got.Extensions) != len(scim.UserType().Extensions)+1 {
		t.Errorf("users %+v", got)
	}
	if scim.UserType().Extension(assetURI) != nil {
		t.Error("the built-in type has changed")
	}
	if diff := cmp.Diff([]*scim.TypeDefinition{
		{Name: "User", Endpoint: "/Users", Description: scim.UserType().Description, Schema: scim.UserSchema, Extensions: []scim.ExtensionDefinition{{assetURI, false}}},
		{Name: "Device", Endpoint: "/Devices", Description: "Device", Schema: device.ID, Extensions: []scim.ExtensionDefinition{{badge.ID, true}}},
	}, []*scim.TypeDefinition{types.User().Define(), types.Type("Device").Define()}); diff != "" {
		t.Error(diff)
	}

	t.Run("a resource of an own type", func(t *testing.T) {
		got, faults := types.Type("Device").Normalize(mustRead(t, `{"SERIAL":"1","displayname":"Router","externalId":"x","URN:example:badge":{"Number":"7"}}`).Object(), tolerant)
		const want = `{"externalId":"x","serial":"1","displayName":"Router","urn:example:Badge":{"number":"7"}}`
		if scim.ObjectValue(got).String() != want || len(faults) > 0 {
			t.Errorf("%s %v", scim.ObjectValue(got), faults)
		}
		_, faults = types.Type("Device").Normalize(mustRead(t, `{}`).Object(), tolerant)
		if diff := cmp.Diff([]string{badge.ID, "serial"}, paths(faults)); diff != "" {
			t.Error(diff)
		}
		if _, faults := types.Type("Device").Normalize(mustRead(t, `{"serial":"1","urn:example:Badge":{}}`).Object(), tolerant); len(faults) != 1 || faults[0].Rule != scim.RuleRequired {
			t.Errorf("an empty extension: %v", said(faults))
		}
		partial := tolerant
		partial.Partial = true
		if _, faults := types.Type("Device").Normalize(mustRead(t, `{}`).Object(), partial); len(faults) > 0 {
			t.Errorf("a part: %v", said(faults))
		}
	})

	for _, test := range []struct {
		name    string
		schemas []*scim.Schema
		types   []*scim.TypeDefinition
		want    string
	}{
		{"one URI twice", []*scim.Schema{asset, mustSchema(t, strings.ToUpper(assetURI), `{"name":"b"}`)}, nil,
			fmt.Sprintf("%d id %s", scim.RuleUnique, strings.ToUpper(assetURI))},
		{"a URI that another one starts with", []*scim.Schema{asset, mustSchema(t, assetURI+":more", `{"name":"b"}`)}, nil,
			fmt.Sprintf("%d id %s:more  with an attribute after it, the URI could be taken for %s", scim.RulePattern, assetURI, assetURI)},
		{"a core schema that is not there", schemas, []*scim.TypeDefinition{mustType(t, "T", "urn:example:none")}, fmt.Sprintf("%d schema urn:example:none", scim.RuleDangling)},
		{"an extension that is not there", schemas, []*scim.TypeDefinition{mustType(t, "T", assetURI, badge.ID, "urn:example:none")},
			fmt.Sprintf("%d schemaExtensions[1].schema urn:example:none", scim.RuleDangling)},
		{"a built-in core schema", schemas, []*scim.TypeDefinition{mustType(t, "T", scim.UserSchema)},
			fmt.Sprintf("%d schema %s  a built-in schema belongs to its own type; define a schema", scim.RulePattern, scim.UserSchema)},
		{"a built-in extension", schemas, []*scim.TypeDefinition{mustType(t, "T", assetURI, scim.EnterpriseSchema)},
			fmt.Sprintf("%d schemaExtensions[0].schema %s  a built-in schema belongs to its own type; define a schema", scim.RulePattern, scim.EnterpriseSchema)},
		{"one extension twice", schemas, []*scim.TypeDefinition{mustType(t, "T", assetURI, badge.ID, strings.ToUpper(badge.ID))},
			fmt.Sprintf("%d schemaExtensions[1].schema %s  the type has this schema already", scim.RulePattern, strings.ToUpper(badge.ID))},
		{"the core schema as an extension", schemas, []*scim.TypeDefinition{mustType(t, "T", assetURI, assetURI)},
			fmt.Sprintf("%d schemaExtensions[0].schema %s  the type has this schema already", scim.RulePattern, assetURI)},
		{"one name twice", schemas, []*scim.TypeDefinition{mustType(t, "T", assetURI), {Name: "t", Endpoint: "/Other", Schema: assetURI}}, fmt.Sprintf("%d name t", scim.RuleUnique)},
		{"the name of a type of Common REST", schemas, []*scim.TypeDefinition{mustType(t, "ManagedRole", assetURI)}, fmt.Sprintf("%d name ManagedRole", scim.RuleUnique)},
		{"one endpoint twice", schemas, []*scim.TypeDefinition{mustType(t, "T", assetURI), {Name: "Other", Endpoint: "/ts", Schema: assetURI}}, fmt.Sprintf("%d endpoint /ts", scim.RuleUnique)},
		{"a built-in endpoint", schemas, []*scim.TypeDefinition{{Name: "Other", Endpoint: "/users", Schema: assetURI}}, fmt.Sprintf("%d endpoint /users", scim.RuleUnique)},
		{"another core schema for users", schemas, []*scim.TypeDefinition{{Name: "User", Endpoint: "/Users", Schema: assetURI}},
			fmt.Sprintf("%d schema User  only its schemaExtensions can be changed", scim.RuleProtected)},
		{"another endpoint for groups", schemas, []*scim.TypeDefinition{{Name: "Group", Endpoint: "/Teams", Schema: scim.GroupSchema}},
			fmt.Sprintf("%d endpoint Group  only its schemaExtensions can be changed", scim.RuleProtected)},
		{"an extension that users must have", schemas, []*scim.TypeDefinition{users(assetURI + "!")},
			fmt.Sprintf("%d schemaExtensions User  an extension of it cannot be required, because other doors do not have it", scim.RuleProtected)},
		{"a built-in extension that users must have", schemas, []*scim.TypeDefinition{users(scim.EnterpriseSchema + "!")},
			fmt.Sprintf("%d schemaExtensions User  its own extensions are not required", scim.RuleProtected)},
		{"an attribute that users have already", []*scim.Schema{mustSchema(t, assetURI, `{"name":"tag"}`, `{"name":"displayname"}`)}, []*scim.TypeDefinition{users(assetURI)},
			fmt.Sprintf("%d "+assetURI+":displayname   an attribute of an extension cannot have the name of one of the core schema of User", scim.RulePattern)},
	} {
		t.Run(test.name, func(t *testing.T) {
			types, faults := scim.Compile(test.schemas, test.types)
			if diff := cmp.Diff([]string{test.want}, said(faults)); diff != "" || types != nil {
				t.Errorf("types %v, faults (-want +got)\n%s", types, diff)
			}
		})
	}
}

// FuzzParseSchema reads any definition. What it takes comes back from its
// published form, and resources of it can be read.
func FuzzParseSchema(f *testing.F) {
	for _, seed := range []string{
		`{"id":"urn:example:a","attributes":[{"name":"tag","uniqueness":"server"}]}`,
		`{"id":"urn:example:a","name":"A","description":"d","attributes":[{"name":"b","type":"complex","multiValued":true,"subAttributes":[{"name":"value","type":"decimal","indexed":true},{"name":"primary","type":"boolean"},{"name":"$ref","type":"reference","referenceTypes":["User"]}]}]}`,
		`{"id":"urn:example:a","attributes":[{"name":"tag","mutability":"writeOnly","canonicalValues":["x"]},{"name":"x","required":true,"type":"dateTime"}]}`,
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:example:a","attributes":[{"name":"a","subAttributes":null},null,7]}`,
	} {
		f.Add([]byte(seed), []byte(`{"tag":"x","b":[{"value":1.5}],"x":"2026-01-01T00:00:00Z"}`))
	}
	f.Fuzz(func(t *testing.T, definition, resource []byte) {
		o, err := scim.ReadObject(definition, scim.Limits{})
		if err != nil {
			return
		}
		s, faults := scim.ParseSchema(o)
		if (s == nil) == (len(faults) == 0) {
			t.Fatalf("schema %v, faults %v", s, faults)
		}
		if s == nil {
			return
		}
		again, faults := scim.ParseSchema(s.Object())
		if len(faults) > 0 || !equalObjects(s.Object(), again.Object()) {
			t.Fatalf("%s read again is %v, %v", scim.ObjectValue(s.Object()), again, faults)
		}
		if stored, err := scim.StoredSchema(s.Object().AppendJSON(nil)); err != nil || !equalObjects(s.Object(), stored.Object()) {
			t.Fatalf("%s stored is %v, %v", scim.ObjectValue(s.Object()), stored, err)
		}
		types, faults := scim.Compile([]*scim.Schema{s}, []*scim.TypeDefinition{{Name: "Fuzzed", Endpoint: "/Fuzzed", Schema: s.ID}})
		if len(faults) > 0 {
			return
		}
		r, err := scim.ReadObject(resource, scim.Limits{})
		if err != nil {
			return
		}
		kept, faults := types.Type("Fuzzed").Normalize(r, tolerant)
		if len(faults) > 0 {
			return
		}
		if twice, faults := types.Type("Fuzzed").Normalize(kept, tolerant); len(faults) > 0 || !equalObjects(kept, twice) {
			t.Fatalf("%s normalized again is %s, %v", scim.ObjectValue(kept), scim.ObjectValue(twice), faults)
		}
	})
}
