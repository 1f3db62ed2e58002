package scim_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The modes of the requirements.
var (
	strict   = scim.Checks{}
	tolerant = scim.Checks{
		Schemas: scim.SchemasAssumed, IgnoreSchemas: true, InferExtensions: true,
		AnyType: true, AnyFormat: true, AnyUserName: true, Coerce: true,
	}
	interop = scim.Checks{Unknown: scim.RejectUnknown}
)

// A normalizeTest is a body and what becomes of it: an object or faults.
type normalizeTest struct {
	name   string
	typ    *scim.ResourceType // users if nil
	checks scim.Checks
	body   string // without schemas, ada's userName and the core URI are added
	want   string // the object; userName is left out where it was added
	faults scim.Errors
	fired  []string
}

func (c normalizeTest) run(t *testing.T) {
	t.Helper()
	t.Run(c.name, func(t *testing.T) {
		t.Helper()
		typ, checks := c.typ, c.checks
		if typ == nil {
			typ = scim.UserType()
		}
		in := mustRead(t, c.body).Object()
		_, whole := in.Find("schemas")
		if !whole {
			in.Set("schemas", scim.Strings(typ.Schema.ID, scim.EnterpriseSchema, scim.ManagedSchema, scim.ManagedGroupSchema))
			checks.IgnoreSchemas = true
			if _, named := in.Find("userName"); !named && typ == scim.UserType() {
				in.Set("userName", scim.StringValue("ada"))
			}
			if _, named := in.Find("displayName"); !named && typ == scim.GroupType() {
				in.Set("displayName", scim.StringValue("Crew"))
			}
		}
		before := scim.ObjectValue(in).String()
		var fired []string
		checks.Fired = func(rewrite string) {
			if rewrite != "schemas-ignore" || whole {
				fired = append(fired, rewrite)
			}
		}
		got, faults := typ.Normalize(in, checks)
		if diff := cmp.Diff(c.faults, faults, cmpopts.IgnoreFields(scim.Error{}, "Offset"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(c.fired, fired, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("rewrites (-want +got):\n%s", diff)
		}
		if after := scim.ObjectValue(in).String(); after != before {
			t.Errorf("the input became %s", after)
		}
		if len(c.faults) > 0 || len(faults) > 0 {
			return
		}
		if !whole {
			got.Delete("userName")
			if typ == scim.GroupType() {
				got.Delete("displayName")
			}
		}
		if text := scim.ObjectValue(got).String(); text != c.want {
			t.Errorf("got  %s\nwant %s", text, c.want)
		}
	})
}

func fault(rule scim.Rule, path string, allowed ...string) scim.Errors {
	return scim.Errors{{Rule: rule, Path: path, Allowed: allowed}}
}

func TestNormalizeNames(t *testing.T) {
	for _, c := range []normalizeTest{
		{name: "names in any letter case, of attributes, sub-attributes and extensions",
			body: `{"USERNAME":"ada","Name":{"GIVENNAME":"Ada","familyname":"L"},"EXTERNALID":"x","SCHEMAS":["` + scim.UserSchema + `","` + scim.EnterpriseSchema + `"],
				"URN:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:user":{"Department":"d"},"emails":[{"VALUE":"a@b","Primary":true}]}`,
			want: `{"externalId":"x","userName":"ada","name":{"familyName":"L","givenName":"Ada"},"emails":[{"value":"a@b","primary":true}],"` + scim.EnterpriseSchema + `":{"department":"d"}}`},
		{name: "scim:SCH-17 letter case of values is kept", body: `{"displayName":"ADA","profileUrl":"HTTP://X/Y","emails":[{"type":"WORK","value":"ADA@X"}]}`,
			want: `{"displayName":"ADA","profileUrl":"HTTP://X/Y","emails":[{"value":"ADA@X","type":"WORK"}]}`},
		{name: "scim:COM-06 id is ignored, whatever it is", body: `{"id":"1","title":"t"}`, want: `{"title":"t"}`},
		{name: "scim:COM-06 id of another type is ignored", body: `{"ID":{"x":1}}`, want: `{}`, checks: interop},
		{name: "scim:COM-10 meta is ignored whole", body: `{"META":{"resourceType":"Group","created":"never","x":1},"title":"t"}`, want: `{"title":"t"}`, checks: interop},
		{name: "scim:COM-10 meta of another type is ignored", body: `{"meta":"x"}`, want: `{}`, checks: interop},
		{name: "read-only attributes are ignored, right or wrong", body: `{"groups":[{"value":"1"}],"` + scim.EnterpriseSchema + `":{"manager":{"value":"7","displayName":"Boss"}}}`,
			want: `{"` + scim.EnterpriseSchema + `":{"manager":{"value":"7"}}}`},
		{name: "read-only attributes are not checked", body: `{"groups":"none"}`, want: `{}`, checks: interop},
		{name: "scim:SCH-27 unknown attributes are ignored in strict mode", body: `{"shoeSize":44,"__proto__":{"a":1},"name":{"nick":"A","givenName":"Ada"},"urn:x:y":{"a":1},"` + scim.EnterpriseSchema + `":{"badge":1}}`,
			checks: scim.Checks{InferExtensions: true}, want: `{"name":{"givenName":"Ada"}}`,
			fired: []string{"unknown-ignore", "unknown-ignore", "unknown-ignore", "unknown-ignore", "unknown-ignore"}},
		{name: "scim:SCH-27 unknown attributes are faults in interop mode",
			body: `{"shoeSize":44,"__proto__":{"a":1},"name":{"nick":"A","givenName":"Ada"},"emails":[{"value":"a@b","x":null}],"` + scim.EnterpriseSchema + `":{"badge":1,"manager":{"boss":1}}}`, checks: interop,
			faults: scim.Errors{
				{Rule: scim.RuleUnknownSubAttribute, Path: "boss", Schema: scim.EnterpriseSchema, Value: scim.EnterpriseSchema + ":manager"},
				{Rule: scim.RuleUnknownAttribute, Path: "badge", Schema: scim.EnterpriseSchema},
				{Rule: scim.RuleUnknownSubAttribute, Path: "nick", Schema: scim.UserSchema, Value: "name"},
				{Rule: scim.RuleUnknownSubAttribute, Path: "x", Schema: scim.UserSchema, Value: "emails[0]"},
				{Rule: scim.RuleUnknownAttribute, Path: "shoeSize", Schema: scim.UserSchema},
				{Rule: scim.RuleUnknownAttribute, Path: "__proto__", Schema: scim.UserSchema},
			}},
		{name: "unknown attributes are kept when asked for", checks: scim.Checks{Unknown: scim.KeepUnknown, InferExtensions: true},
			body: `{"shoeSize":44,"none":null,"urn:x:y":{"a":[1]},"name":{"nick":"A"},"title":"t","` + scim.EnterpriseSchema + `":{"badge":[],"department":"d"}}`,
			want: `{"name":{"nick":"A"},"title":"t","shoeSize":44,"` + scim.EnterpriseSchema + `":{"department":"d","badge":[]},"urn:x:y":{"a":[1]}}`},
		{name: "open schemas keep what they do not define",
			body: `{"` + scim.ManagedSchema + `":{"custom_x":[1,{"a":null}],"DESCRIPTION":"d","none":null,"frIndexedInteger1":5,"preferences":{"updates":true,"x":[]},"frIndexedMultivalued2":["b","a","b"],"kbaInfo":[{"questionId":"1"}]}}`, checks: interop,
			want: `{"` + scim.ManagedSchema + `":{"description":"d","preferences":{"updates":true,"x":[]},"kbaInfo":[{"questionId":"1"}],"frIndexedMultivalued2":["b","a"],"frIndexedInteger1":5,"custom_x":[1,{"a":null}]}}`},
		{name: "open schemas check what they define", body: `{"` + scim.ManagedSchema + `":{"description":1,"frIndexedInteger1":"5","aliasList":"a"}}`, faults: scim.Errors{
			{Rule: scim.RuleType, Path: scim.ManagedSchema + ":description", Allowed: []string{"string"}},
			{Rule: scim.RuleMultiValued, Path: scim.ManagedSchema + ":aliasList"},
			{Rule: scim.RuleType, Path: scim.ManagedSchema + ":frIndexedInteger1", Allowed: []string{"number"}},
		}},
	} {
		c.run(t)
	}
	t.Run("scim:SCH-16 the order of members makes no difference", func(t *testing.T) {
		members := mustRead(t, user).Object().Members
		want, _ := scim.UserType().Normalize(scim.NewObject(members...), strict)
		rapid.Check(t, func(t *rapid.T) {
			got, faults := scim.UserType().Normalize(scim.NewObject(rapid.Permutation(members).Draw(t, "members")...), strict)
			if a, b := scim.ObjectValue(got).String(), scim.ObjectValue(want).String(); faults != nil || a != b {
				t.Errorf("got %s, %v; want %s", a, faults, b)
			}
		})
	})
	t.Run("a nil object lacks what is required", func(t *testing.T) {
		_, faults := scim.UserType().Normalize(nil, tolerant)
		if diff := cmp.Diff(fault(scim.RuleRequired, "userName"), faults); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestNormalizeTypes(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	for _, c := range []normalizeTest{
		{name: "scim:SCH-06 boolean literals", body: `{"active":false,"emails":[{"value":"a@b","primary":true}]}`, want: `{"active":false,"emails":[{"value":"a@b","primary":true}]}`},
		{name: "scim:SCH-06 strings for booleans in strict mode", body: `{"active":"true","emails":[{"value":"a@b","primary":"False"}]}`, faults: scim.Errors{
			{Rule: scim.RuleType, Path: "active", Allowed: []string{"boolean"}}, {Rule: scim.RuleType, Path: "emails[0].primary", Allowed: []string{"boolean"}}}},
		{name: "scim:SCH-06 strings for booleans in tolerant mode", checks: tolerant, body: `{"active":"False","emails":[{"value":"a@b","primary":"TRUE"}]}`,
			want: `{"active":false,"emails":[{"value":"a@b","primary":true}]}`, fired: []string{"bool-strings", "bool-strings"}},
		{name: "other values are no booleans in any mode", checks: tolerant, body: `{"active":1}`, faults: fault(scim.RuleType, "active", "boolean")},
		{name: "yes is no boolean in any mode", checks: tolerant, body: `{"active":"yes"}`, faults: fault(scim.RuleType, "active", "boolean")},
		{name: "a text of true stays a text where the attribute is a string", checks: tolerant, body: `{"title":"true"}`, want: `{"title":"true"}`},

		{name: "scim:SCH-07 64-bit integers are kept exactly", body: `{"` + scim.ManagedSchema + `":{"frIndexedInteger1":9223372036854775807,"frIndexedInteger2":-9223372036854775808,"frIndexedInteger3":0}}`,
			want: `{"` + scim.ManagedSchema + `":{"frIndexedInteger1":9223372036854775807,"frIndexedInteger2":-9223372036854775808,"frIndexedInteger3":0}}`},
		{name: "scim:SCH-07 fraction", body: `{"` + scim.ManagedSchema + `":{"frIndexedInteger1":1.0}}`, faults: fault(scim.RuleType, scim.ManagedSchema+":frIndexedInteger1", "integer")},
		{name: "scim:SCH-07 exponent", body: `{"` + scim.ManagedSchema + `":{"frIndexedInteger1":1e3}}`, faults: fault(scim.RuleType, scim.ManagedSchema+":frIndexedInteger1", "integer")},
		{name: "scim:SCH-07 more than 64 bits", body: `{"` + scim.ManagedSchema + `":{"frIndexedInteger1":9223372036854775808}}`, faults: fault(scim.RuleType, scim.ManagedSchema+":frIndexedInteger1", "integer")},

		{name: "scim:SCH-25 string for a complex attribute", body: `{"name":"Ada"}`, faults: fault(scim.RuleType, "name", "object")},
		{name: "scim:SCH-25 string for an element", body: `{"emails":[{"value":"a@b"},"b@c"]}`, faults: fault(scim.RuleType, "emails[1]", "object")},
		{name: "scim:SCH-25 object for a string", body: `{"title":{"value":"x"}}`, faults: fault(scim.RuleType, "title", "string")},
		{name: "scim:SCH-25 number for a string", body: `{"emails":[{"value":1}]}`, faults: fault(scim.RuleType, "emails[0].value", "string")},
		{name: "scim:SCH-25 boolean for a string", body: `{"name":{"givenName":true}}`, faults: fault(scim.RuleType, "name.givenName", "string")},
		{name: "scim:SCH-25 array for a singular attribute", body: `{"displayName":["a","b"]}`, faults: fault(scim.RuleSingleValued, "displayName")},
		{name: "scim:SCH-25 array in an element", body: `{"emails":[{"value":["a@b"]}]}`, faults: fault(scim.RuleSingleValued, "emails[0].value")},
		{name: "scim:SCH-25 number for an object", body: `{"` + scim.EnterpriseSchema + `":{"manager":7}}`, faults: fault(scim.RuleType, scim.EnterpriseSchema+":manager", "object")},
		{name: "scim:SCH-25 array for an element", body: `{"emails":[[]]}`, faults: fault(scim.RuleType, "emails[0]", "object")},
		{name: "an extension that is no object", body: `{"` + scim.EnterpriseSchema + `":"x"}`,
			faults: scim.Errors{{Rule: scim.RuleType, Path: scim.EnterpriseSchema, Schema: scim.EnterpriseSchema, Allowed: []string{"object"}}}},
		{name: "a password of another type is not repeated", body: `{"password":12345}`, faults: fault(scim.RuleType, "password", "string")},

		{name: "scim:SCH-26 an object for a list in strict mode", body: `{"emails":{"value":"a@b"}}`, faults: fault(scim.RuleMultiValued, "emails")},
		{name: "scim:SCH-26 an object for a list in tolerant mode", checks: tolerant, body: `{"emails":{"value":"a@b"}}`, want: `{"emails":[{"value":"a@b"}]}`, fired: []string{"one-or-many"}},
		{name: "scim:SCH-26 a primitive for a list in strict mode", body: `{"emails":"a@b"}`, faults: fault(scim.RuleMultiValued, "emails")},
		{name: "scim:SCH-26 a primitive for a list in tolerant mode", checks: tolerant, body: `{"emails":"a@b"}`, want: `{"emails":[{"value":"a@b"}]}`, fired: []string{"one-or-many", "scalar-ref"}},
		{name: "scim:SCH-26 a list of one for a singular in strict mode", body: `{"name":[{"givenName":"A"}]}`, faults: fault(scim.RuleSingleValued, "name")},
		{name: "scim:SCH-26 a list of one for a singular in tolerant mode", checks: tolerant, body: `{"name":[{"givenName":"A"}]}`, want: `{"name":{"givenName":"A"}}`, fired: []string{"one-or-many"}},
		{name: "a list of two for a singular is refused in every mode", checks: tolerant, body: `{"title":["a","b"]}`, faults: fault(scim.RuleSingleValued, "title")},

		{name: "scim:ENT-04 a string for the manager in tolerant mode", checks: tolerant, body: `{"` + scim.EnterpriseSchema + `":{"manager":"2e4c"}}`,
			want: `{"` + scim.EnterpriseSchema + `":{"manager":{"value":"2e4c"}}}`, fired: []string{"scalar-ref"}},
		{name: "a string for the manager in strict mode", body: `{"` + scim.EnterpriseSchema + `":{"manager":"2e4c"}}`, faults: fault(scim.RuleType, scim.EnterpriseSchema+":manager", "object")},
		{name: "an empty string for the manager in tolerant mode", checks: tolerant, body: `{"` + scim.EnterpriseSchema + `":{"manager":""}}`, want: `{}`, fired: []string{"scalar-ref"}},
		{name: "a manager in a list in tolerant mode", checks: tolerant, body: `{"` + scim.EnterpriseSchema + `":{"manager":[{"$ref":"http://x/Users/2e4c","value":"2e4c"}]}}`,
			want: `{"` + scim.EnterpriseSchema + `":{"manager":{"value":"2e4c","$ref":"http://x/Users/2e4c"}}}`, fired: []string{"one-or-many"}},
		{name: "members as strings in tolerant mode", typ: scim.GroupType(), checks: tolerant, body: `{"members":["1","2"]}`, want: `{"members":[{"value":"1"},{"value":"2"}]}`, fired: []string{"scalar-ref", "scalar-ref"}},
		{name: "a string for an object without value in every mode", checks: tolerant, body: `{"name":"Ada"}`, faults: fault(scim.RuleType, "name", "object")},

		{name: "the longest string", body: `{"title":"` + long + `"}`, want: `{"title":"` + long + `"}`},
		{name: "a longer string", body: `{"title":"` + long + `x"}`, faults: scim.Errors{{Rule: scim.RuleLimit, Path: "title", Detail: "bytes of a string", Allowed: []string{"65536"}}}},
		{name: "a longer string in an open schema", body: `{"` + scim.ManagedSchema + `":{"x":[{"y":"` + long + `x"}]}}`,
			faults: scim.Errors{{Rule: scim.RuleLimit, Path: scim.ManagedSchema + ":x[0].y", Detail: "bytes of a string", Allowed: []string{"65536"}}}},
		{name: "photos may be longer", body: `{"photos":[{"value":"data:,` + long + long + `"}]}`, want: `{"photos":[{"value":"data:,` + long + long + `"}]}`},
	} {
		c.run(t)
	}
}

// Each rewrite can be had without the others.
func TestNormalizeRewrites(t *testing.T) {
	for rewrite, body := range map[scim.Rewrites]string{
		scim.RewriteBoolStrings: `{"active":"true"}`,
		scim.RewriteOneOrMany:   `{"title":["x"]}`,
		scim.RewriteScalarRef:   `{"emails":["a@b"]}`,
		scim.RewritePrimaryLast: `{"emails":[{"value":"a@b","primary":true},{"value":"b@c","primary":true}]}`,
		scim.RewriteURNDot:      `{"schemas":["urn:scim:schemas:core:2.0"]}`,
	} {
		for _, given := range []scim.Rewrites{rewrite, scim.RewritesTolerant &^ rewrite} {
			in := mustRead(t, body).Object().Set("userName", scim.StringValue("ada"))
			if rewrite != scim.RewriteURNDot {
				in.Set("schemas", scim.Strings(scim.UserSchema))
			}
			var fired []string
			_, faults := scim.UserType().Normalize(in, scim.Checks{Rewrites: given, Fired: func(name string) { fired = append(fired, name) }})
			if used := faults == nil; used != (given == rewrite) || used != (len(fired) == 1 && fired[0] == rewrite.String()) {
				t.Errorf("%s with %s: %v, fired %v", body, given, faults, fired)
			}
		}
	}
}

// What the product's schemas do not use is proved on one of its own.
func TestNormalizeOtherTypes(t *testing.T) {
	typ := &scim.ResourceType{Name: "Thing", Schema: &scim.Schema{ID: "urn:x:Thing", Attributes: []*scim.Attribute{
		{Name: "when", Type: scim.TypeDateTime},
		{Name: "ratio", Type: scim.TypeDecimal},
		{Name: "blob", Type: scim.TypeBinary},
		{Name: "link", Type: scim.TypeReference},
		{Name: "links", Type: scim.TypeReference, MultiValued: true},
		{Name: "short", Type: scim.TypeString, MaxLength: 3},
		{Name: "secret", Type: scim.TypeString, Mutability: "writeOnly", CanonicalValues: []string{"a"}},
		{Name: "pair", Type: scim.TypeComplex, SubAttributes: []*scim.Attribute{{Name: "left", Type: scim.TypeString, Required: true}, {Name: "right", Type: scim.TypeString}}},
	}}}
	body := func(s string) string { return `{"schemas":["urn:x:Thing"],` + s[1:] }
	for _, c := range []normalizeTest{
		{name: "scim:SCH-08 decimals have digits on both sides", body: `{"ratio":5}`, want: `{"ratio":5.0}`},
		{name: "scim:SCH-08 decimals with an exponent", body: `{"ratio":-5e3}`, want: `{"ratio":-5.0e3}`},
		{name: "scim:SCH-08 decimals that have them", body: `{"ratio":0.50}`, want: `{"ratio":0.50}`},
		{name: "string for a decimal", body: `{"ratio":"5"}`, faults: fault(scim.RuleType, "ratio", "number")},
		{name: "scim:SCH-10 dates are kept in UTC with milliseconds", body: `{"when":"2022-12-17T09:03:39-05:00"}`, want: `{"when":"2022-12-17T14:03:39.000Z"}`},
		{name: "scim:SCH-09 a bare date", body: `{"when":"2022-12-17"}`, faults: scim.Errors{{Rule: scim.RuleDateTime, Path: "when", Value: "2022-12-17"}}},
		{name: "number for a date", body: `{"when":1}`, faults: fault(scim.RuleType, "when", "string")},
		{name: "scim:SCH-11 base64", body: `{"blob":"+/8="}`, want: `{"blob":"+/8="}`},
		{name: "scim:SCH-11 without padding", body: `{"blob":"+/8"}`, want: `{"blob":"+/8"}`},
		{name: "scim:SCH-11 empty", body: `{"blob":""}`, want: `{"blob":""}`},
		{name: "scim:SCH-11 URL-safe alphabet", body: `{"blob":"-_8="}`, faults: scim.Errors{{Rule: scim.RuleBinary, Path: "blob", Value: "-_8="}}},
		{name: "scim:SCH-11 wrong padding", body: `{"blob":"+/8=="}`, faults: scim.Errors{{Rule: scim.RuleBinary, Path: "blob", Value: "+/8=="}}},
		{name: "scim:SCH-11 padding too long", body: `{"blob":"Q==="}`, faults: scim.Errors{{Rule: scim.RuleBinary, Path: "blob", Value: "Q==="}}},
		{name: "scim:SCH-11 line break", body: `{"blob":"QUJD\nREVG"}`, faults: scim.Errors{{Rule: scim.RuleBinary, Path: "blob", Value: "QUJD\nREVG"}}},
		{name: "scim:SCH-11 length", body: `{"blob":"Q"}`, faults: scim.Errors{{Rule: scim.RuleBinary, Path: "blob", Value: "Q"}}},
		{name: "scim:SCH-11 bits left over", body: `{"blob":"QR=="}`, faults: scim.Errors{{Rule: scim.RuleBinary, Path: "blob", Value: "QR=="}}},
		{name: "references", body: `{"link":"Users/abc","links":["https://x.example/é?a=b#c","urn:x:y","../Users/1","/v2/Users/1","data:,x"]}`,
			want: `{"link":"Users/abc","links":["https://x.example/é?a=b#c","urn:x:y","../Users/1","/v2/Users/1","data:,x"]}`},
		{name: "no references", body: `{"link":"a b","links":["http://[x",":","http://x/%zz","<x>"]}`, faults: scim.Errors{
			{Rule: scim.RuleURI, Path: "link", Value: "a b"}, {Rule: scim.RuleURI, Path: "links[0]", Value: "http://[x"}, {Rule: scim.RuleURI, Path: "links[1]", Value: ":"},
			{Rule: scim.RuleURI, Path: "links[2]", Value: "http://x/%zz"}, {Rule: scim.RuleURI, Path: "links[3]", Value: "<x>"}}},
		{name: "longest in characters", body: `{"short":"éöü"}`, want: `{"short":"éöü"}`},
		{name: "longer", body: `{"short":"éöüx"}`, faults: fault(scim.RuleLength, "short", "3")},
		{name: "secrets are in no fault", body: `{"secret":"hunter2"}`, faults: fault(scim.RuleCanonical, "secret", "a")},
		{name: "a required sub-attribute", body: `{"pair":{"right":"r"}}`, faults: fault(scim.RuleRequired, "pair.left")},
		{name: "a required sub-attribute that is empty", body: `{"pair":{"left":"","right":"r"}}`, faults: fault(scim.RuleRequired, "pair.left")},
		{name: "not required in an unassigned value", body: `{"pair":{"right":null}}`, want: `{}`},
		{name: "not required in a part", checks: scim.Checks{Partial: true}, body: `{"pair":{"right":"r"}}`, want: `{"pair":{"right":"r"}}`},
	} {
		c.typ, c.body = typ, body(c.body)
		c.run(t)
	}
}

func TestNormalizeMultiValued(t *testing.T) {
	var many, once strings.Builder
	for i := range 100 {
		many.WriteString(`,{"value":"` + itoa(i%60) + `"}`)
		if i < 60 {
			once.WriteString(`,{"value":"` + itoa(i) + `"}`)
		}
	}
	for _, c := range []normalizeTest{
		{name: "scim:MV-02 one primary value, absent stays absent", body: `{"emails":[{"value":"a@b"},{"value":"b@c","primary":true},{"value":"c@d","primary":false}]}`,
			want: `{"emails":[{"value":"a@b"},{"value":"b@c","primary":true},{"value":"c@d","primary":false}]}`},
		{name: "scim:MV-02 at most one in each attribute", body: `{"emails":[{"value":"a@b","primary":true}],"phoneNumbers":[{"value":"1","primary":true}]}`,
			want: `{"emails":[{"value":"a@b","primary":true}],"phoneNumbers":[{"value":"1","primary":true}]}`},
		{name: "scim:MV-03,scim:MV-02 two primary values in strict mode", body: `{"emails":[{"value":"a@b","primary":true},{"value":"b@c","primary":true},{"value":"c@d","primary":true}]}`, faults: fault(scim.RulePrimary, "emails")},
		{name: "scim:MV-03 two primary values in tolerant mode", checks: tolerant, body: `{"emails":[{"value":"a@b","primary":true},{"value":"b@c","primary":true},{"value":"c@d","primary":true},{"value":"d@e"}]}`,
			want: `{"emails":[{"value":"a@b","primary":false},{"value":"b@c","primary":false},{"value":"c@d","primary":true},{"value":"d@e"}]}`, fired: []string{"primary-last", "primary-last"}},
		{name: "scim:MV-05 exact duplicates are dropped", body: `{"emails":[{"value":"a@b","type":"work"},{"type":"work","value":"a@b"},{"value":"a@b","type":"home"},{"VALUE":"a@b","TYPE":"work","display":null}]}`,
			want: `{"emails":[{"value":"a@b","type":"work"},{"value":"a@b","type":"home"}]}`},
		{name: "scim:MV-05 exact duplicates among many are dropped", body: `{"phoneNumbers":[` + many.String()[1:] + `]}`, want: `{"phoneNumbers":[` + once.String()[1:] + `]}`},
		{name: "scim:MV-08 null, an empty list and absent are one state", body: `{"title":null,"emails":[],"phoneNumbers":null,"name":null,"displayName":[],"` + scim.EnterpriseSchema + `":null,"` + scim.ManagedSchema + `":{"frIndexedMultivalued1":[]}}`, want: `{}`},
		{name: "scim:MV-10 complex values without data are dropped", body: `{"name":{"givenName":null},"emails":[{},{"value":null,"type":[]},null,{"value":"a@b"}],"` + scim.EnterpriseSchema + `":{"manager":{"value":null}}}`,
			want: `{"emails":[{"value":"a@b"}]}`},
		{name: "scim:MV-10 a list of dropped elements is unassigned", body: `{"emails":[{},{"value":null}]}`, want: `{}`},
		{name: "places count dropped elements", body: `{"emails":[null,{},{"value":1}]}`, faults: fault(scim.RuleType, "emails[2].value", "string")},
		{name: "an empty string is a value", body: `{"title":"","emails":[{"value":""}]}`, want: `{"title":"","emails":[{"value":""}]}`},
		{name: "scim:MV-12 display may be anything", body: `{"emails":[{"value":"a@b","display":"A"}],"phoneNumbers":[{"value":"1","display":"B"}]}`, want: `{"emails":[{"value":"a@b","display":"A"}],"phoneNumbers":[{"value":"1","display":"B"}]}`},
	} {
		c.run(t)
	}
}

func TestNormalizeSchemas(t *testing.T) {
	ext := `"` + scim.EnterpriseSchema + `":{"department":"d"}`
	core := `"` + scim.UserSchema + `"`
	missing := scim.Error{Rule: scim.RuleCoreSchemaMissing, Path: "schemas", Schema: scim.UserSchema}
	body := func(schemas, more string) string {
		return `{"schemas":` + schemas + `,"userName":"ada"` + more + `}`
	}
	optional := scim.Checks{Schemas: scim.SchemasOptional}
	rsa := scim.Checks{Schemas: scim.SchemasOptional, Unknown: scim.RejectUnknown}
	for _, c := range []normalizeTest{
		{name: "the core schema", body: body(`[`+core+`]`, ``), want: `{"userName":"ada"}`},
		{name: "scim:COM-14 schemas null in strict mode", body: body(`null`, ``), faults: scim.Errors{&missing}},
		{name: "scim:COM-14 schemas empty in strict mode", body: body(`[]`, ``), faults: scim.Errors{&missing}},
		{name: "scim:COM-14 schemas null in tolerant mode", checks: tolerant, body: body(`null`, ``), want: `{"userName":"ada"}`, fired: []string{"schemas-assume"}},
		{name: "scim:COM-14 schemas empty in tolerant mode, the extension inferred", checks: tolerant, body: body(`[]`, `,`+ext), want: `{"userName":"ada",` + ext + `}`, fired: []string{"schemas-assume", "schemas-assume"}},
		{name: "scim:COM-02 schemas without the core schema", body: body(`["`+scim.EnterpriseSchema+`"]`, `,`+ext), faults: scim.Errors{&missing}},
		{name: "rsa RSA-020 schemas absent", checks: optional, body: body(`null`, ``), want: `{"userName":"ada"}`, fired: []string{"schemas-assume"}},
		{name: "rsa RSA-026 schemas empty", checks: rsa, body: body(`[]`, ``), faults: scim.Errors{&missing}},
		{name: "scim:COM-15 extension not in schemas in strict mode", body: body(`[`+core+`]`, `,`+ext), faults: scim.Errors{{Rule: scim.RuleExtensionNotDeclared, Path: scim.EnterpriseSchema, Schema: scim.EnterpriseSchema}}},
		{name: "scim:COM-15 extension not in schemas in tolerant mode", checks: tolerant, body: body(`[`+core+`]`, `,`+ext), want: `{"userName":"ada",` + ext + `}`, fired: []string{"schemas-assume"}},
		{name: "rsa RSA-024 extension without schemas", checks: rsa, body: body(`null`, `,`+ext), faults: scim.Errors{{Rule: scim.RuleExtensionNotDeclared, Path: scim.EnterpriseSchema, Schema: scim.EnterpriseSchema}}, fired: []string{"schemas-assume"}},
		{name: "rsa RSA-025 schema without its extension", checks: rsa, body: body(`[`+core+`,"`+scim.EnterpriseSchema+`"]`, ``), want: `{"userName":"ada"}`},
		{name: "a schema that is null needs no URI", body: body(`[`+core+`]`, `,"`+scim.EnterpriseSchema+`":null`), want: `{"userName":"ada"}`},
		{name: "scim:COM-16 undeclared URI in strict mode", body: body(`["urn:x:y",`+core+`]`, ``), faults: scim.Errors{{Rule: scim.RuleUnknownSchema, Path: "schemas[0]", Value: "urn:x:y", Schema: scim.UserSchema}}},
		{name: "scim:COM-16 undeclared URI in tolerant mode", checks: tolerant, body: body(`[`+core+`,"http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"]`, ``), want: `{"userName":"ada"}`, fired: []string{"schemas-ignore"}},
		{name: "scim:COM-17 URIs in other letter case", body: body(`["URN:IETF:params:scim:schemas:core:2.0:USER","`+strings.ToUpper(scim.EnterpriseSchema)+`"]`, `,"`+strings.ToLower(scim.EnterpriseSchema)+`":{"department":"d"}`), want: `{"userName":"ada",` + ext + `}`},
		{name: "rsa RSA-023 the core schema first, then the unknown one", checks: rsa, body: body(`["`+scim.UserSchema+`s"]`, ``), faults: scim.Errors{&missing, {Rule: scim.RuleUnknownSchema, Path: "schemas[0]", Value: scim.UserSchema + "s", Schema: scim.UserSchema}}},
		{name: "misspelt URIs in tolerant mode", checks: scim.Checks{Rewrites: scim.RewriteURNDot}, body: body(`["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"]`, `,"urn:ietf:params:scim:schemas:extension:enterprise:2.0User":{"department":"d"}`),
			want: `{"userName":"ada",` + ext + `}`, fired: []string{"urn-dot", "urn-dot", "urn-dot"}},
		{name: "misspelt URIs in strict mode", body: body(`["urn:scim:schemas:core:2.0"]`, ``), faults: scim.Errors{&missing, {Rule: scim.RuleUnknownSchema, Path: "schemas[0]", Value: "urn:scim:schemas:core:2.0", Schema: scim.UserSchema}}},
		{name: "a misspelt extension beside the right one", checks: tolerant, body: body(`[`+core+`]`, `,"urn:scim:schemas:extension:enterprise:2.0":{"department":"x"},`+ext), want: `{"userName":"ada",` + ext + `}`, fired: []string{"schemas-assume", "unknown-ignore"}},
		{name: "schemas that is no list", body: body(`"`+scim.UserSchema+`"`, ``), faults: fault(scim.RuleMultiValued, "schemas")},
		{name: "schemas that is no list in tolerant mode", checks: tolerant, body: body(core, ``), want: `{"userName":"ada"}`, fired: []string{"one-or-many"}},
		{name: "schemas that is an object in tolerant mode", checks: tolerant, body: body(`{}`, ``), faults: fault(scim.RuleMultiValued, "schemas")},
		{name: "schemas with another value", body: body(`[`+core+`,1]`, ``), faults: fault(scim.RuleType, "schemas[1]", "string")},
		{name: "object under an unknown URI that is not in schemas", body: body(`[`+core+`]`, `,"urn:x:y":{}`), faults: scim.Errors{{Rule: scim.RuleExtensionNotDeclared, Path: "urn:x:y", Schema: "urn:x:y"}}, fired: []string{"unknown-ignore"}},
		{name: "object under an unknown URI that is in schemas is one fault", checks: rsa, body: body(`[`+core+`,"urn:x:y"]`, `,"urn:x:y":{}`), faults: scim.Errors{{Rule: scim.RuleUnknownSchema, Path: "schemas[1]", Value: "urn:x:y", Schema: scim.UserSchema}}},
		{name: "object under an unknown URI that nobody declares", checks: scim.Checks{InferExtensions: true, Unknown: scim.RejectUnknown}, body: body(`[`+core+`]`, `,"urn:x:y":{}`),
			faults: scim.Errors{{Rule: scim.RuleUnknownAttribute, Path: "urn:x:y", Schema: scim.UserSchema}}},
		{name: "rsa RSA-037 faults in the order of the schema", checks: rsa,
			body: `{"zzz":1,"addresses":[{"type":"moon"}],"emails":[{"type":"test","value":"a@b"}],"userName":"","externalId":7,"urn:x:y":{},"schemas":["urn:a:b"],"` + scim.EnterpriseSchema + `":{},"name":{"x":1}}`,
			faults: scim.Errors{
				&missing,
				{Rule: scim.RuleExtensionNotDeclared, Path: "urn:x:y", Schema: "urn:x:y"},
				{Rule: scim.RuleExtensionNotDeclared, Path: scim.EnterpriseSchema, Schema: scim.EnterpriseSchema},
				{Rule: scim.RuleUnknownSchema, Path: "schemas[0]", Value: "urn:a:b", Schema: scim.UserSchema},
				{Rule: scim.RuleType, Path: "externalId", Allowed: []string{"string"}},
				{Rule: scim.RuleRequired, Path: "userName"},
				{Rule: scim.RuleUnknownSubAttribute, Path: "x", Schema: scim.UserSchema, Value: "name"},
				{Rule: scim.RuleCanonical, Path: "emails[0].type", Value: "test", Allowed: []string{"work", "home", "other"}},
				{Rule: scim.RuleCanonical, Path: "addresses[0].type", Value: "moon", Allowed: []string{"work", "home", "other"}},
				{Rule: scim.RuleUnknownAttribute, Path: "zzz", Schema: scim.UserSchema},
			}},
	} {
		c.run(t)
	}
	for mode, c := range map[string]struct {
		checks scim.Checks
		want   scim.Errors
	}{"strict": {strict, scim.Errors{&missing}}, "tolerant": {tolerant, nil}, "optional": {optional, nil}} {
		t.Run("scim:COM-14 schemas absent in mode "+mode, func(t *testing.T) {
			_, faults := scim.UserType().Normalize(mustRead(t, `{"userName":"ada"}`).Object(), c.checks)
			if diff := cmp.Diff(c.want, faults, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("scim:COM-04 URIs are those of the extensions that hold data", func(t *testing.T) {
		for body, want := range map[string][]string{
			`{"title":"t"}`: {scim.UserSchema},
			`{` + ext + `}`: {scim.UserSchema, scim.EnterpriseSchema},
			`{"` + scim.EnterpriseSchema + `":{"department":null}}`: {scim.UserSchema},
			`{"` + scim.EnterpriseSchema + `":{}}`:                  {scim.UserSchema},
			`{"` + scim.ManagedSchema + `":{"x":1},` + ext + `}`:    {scim.UserSchema, scim.EnterpriseSchema, scim.ManagedSchema},
		} {
			in := mustRead(t, body).Object().Set("userName", scim.StringValue("ada"))
			o, faults := scim.UserType().Normalize(in, tolerant)
			if got := scim.UserType().Declared(o); faults != nil || !cmp.Equal(got, want) {
				t.Errorf("%s declares %v, %v; want %v", body, got, faults, want)
			}
		}
	})
}

func TestNormalizeUser(t *testing.T) {
	der := base64.StdEncoding.EncodeToString([]byte{0x30, 3, 2, 1, 5})
	two := base64.StdEncoding.EncodeToString([]byte{0x30, 3, 2, 1, 5, 0x30, 3, 2, 1, 5})
	pattern := func(path, value, words string) scim.Errors {
		return scim.Errors{{Rule: scim.RulePattern, Path: path, Value: value, Detail: words}}
	}
	const (
		country   = "a country code of ISO 3166-1 in two letters"
		email     = "an e-mail address"
		languages = "languages as in Accept-Language"
		locale    = "a language tag"
		timezone  = "the IANA name of a time zone"
		cert      = "one certificate in DER"
		visible   = "no control, zero-width or bidirectional characters"
		prepared  = "only characters that user names may have (RFC 8265 3.3)"
	)
	whole := func(members string) string { return `{"schemas":["` + scim.UserSchema + `"]` + members + `}` }
	for _, c := range []normalizeTest{
		{name: "scim:USR-03 userName missing", body: whole(``), faults: fault(scim.RuleRequired, "userName")},
		{name: "scim:USR-03 userName missing in tolerant mode", checks: tolerant, body: whole(``), faults: fault(scim.RuleRequired, "userName")},
		{name: "scim:USR-03 userName null", body: whole(`,"userName":null`), faults: fault(scim.RuleRequired, "userName")},
		{name: "scim:USR-03 userName empty", body: whole(`,"userName":""`), faults: fault(scim.RuleRequired, "userName")},
		{name: "scim:USR-03 userName of blanks", checks: tolerant, body: whole(`,"userName":"  "`), faults: fault(scim.RuleRequired, "userName")},
		{name: "a part needs no userName", checks: scim.Checks{Partial: true}, body: whole(`,"title":"t"`), want: `{"title":"t"}`},
		{name: "a part takes no empty userName", checks: scim.Checks{Partial: true}, body: whole(`,"userName":""`), faults: fault(scim.RuleRequired, "userName")},
		{name: "scim:GRP-01 displayName missing", typ: scim.GroupType(), body: `{"schemas":["` + scim.GroupSchema + `"]}`, faults: fault(scim.RuleRequired, "displayName")},
		{name: "scim:GRP-01 displayName empty", typ: scim.GroupType(), body: `{"schemas":["` + scim.GroupSchema + `"],"displayName":""}`, faults: fault(scim.RuleRequired, "displayName")},
		{name: "members", typ: scim.GroupType(), body: `{"members":[{"value":"1","$ref":null,"type":"user"},{"value":"2","display":"D"}]}`, want: `{"members":[{"value":"1","type":"user"},{"value":"2","display":"D"}]}`},

		{name: "scim:SCH-23 values outside the canonical ones in strict mode", body: `{"emails":[{"value":"a@b","type":"office"},{"value":"c@d","type":"HOME"}],"phoneNumbers":[{"value":"1","type":"primary"}]}`, faults: scim.Errors{
			{Rule: scim.RuleCanonical, Path: "emails[0].type", Value: "office", Allowed: []string{"work", "home", "other"}},
			{Rule: scim.RuleCanonical, Path: "phoneNumbers[0].type", Value: "primary", Allowed: []string{"work", "home", "mobile", "fax", "pager", "other"}}}},
		{name: "scim:SCH-23 values outside the canonical ones in tolerant mode", checks: tolerant, body: `{"emails":[{"value":"a@b","type":"office"}]}`, want: `{"emails":[{"value":"a@b","type":"office"}]}`},
		{name: "rsa RSA-035 and RSA-036 types in another letter case, and none", checks: scim.Checks{Schemas: scim.SchemasOptional, Unknown: scim.RejectUnknown}, body: `{"emails":[{"value":"a@b","type":"Work"},{"value":"b@c"}]}`, want: `{"emails":[{"value":"a@b","type":"Work"},{"value":"b@c"}]}`},

		{name: "scim:USR-10 countries in strict mode", body: `{"addresses":[{"country":"DE"},{"country":"US"}]}`, want: `{"addresses":[{"country":"DE"},{"country":"US"}]}`},
		{name: "scim:USR-10 no country in strict mode", body: `{"addresses":[{"country":"Germany"}]}`, faults: pattern("addresses[0].country", "Germany", country)},
		{name: "scim:USR-10 code that is not assigned in strict mode", body: `{"addresses":[{"country":"UK"}]}`, faults: pattern("addresses[0].country", "UK", country)},
		{name: "scim:USR-10 two codes in strict mode", body: `{"addresses":[{"country":"E "}]}`, faults: pattern("addresses[0].country", "E ", country)},
		{name: "scim:USR-10 free text in tolerant mode", checks: tolerant, body: `{"addresses":[{"country":"changedcountry"}]}`, want: `{"addresses":[{"country":"changedcountry"}]}`},
		{name: "scim:USR-11 locale with a low line", body: `{"locale":"en_US"}`, want: `{"locale":"en_US"}`},
		{name: "scim:USR-12 locale, time zone, language, addresses", body: `{"profileUrl":"https://x.example/ada","preferredLanguage":"da, en-gb;q=0.8, *;q=0.1","locale":"zh-Hant-TW","timezone":"America/Argentina/Ushuaia","photos":[{"value":"https://x/y.png"}]}`,
			want: `{"profileUrl":"https://x.example/ada","preferredLanguage":"da, en-gb;q=0.8, *;q=0.1","locale":"zh-Hant-TW","timezone":"America/Argentina/Ushuaia","photos":[{"value":"https://x/y.png"}]}`},
		{name: "scim:USR-12 others in strict mode", body: `{"profileUrl":"my page","preferredLanguage":"<en>","locale":"somewhere else","timezone":"GMT: London","photos":[{"value":"a b"}]}`, faults: scim.Errors{
			{Rule: scim.RuleURI, Path: "profileUrl", Value: "my page"},
			pattern("preferredLanguage", "<en>", languages)[0], pattern("locale", "somewhere else", locale)[0], pattern("timezone", "GMT: London", timezone)[0],
			{Rule: scim.RuleURI, Path: "photos[0].value", Value: "a b"}}},
		{name: "scim:USR-12 others in tolerant mode", checks: tolerant, body: `{"preferredLanguage":"<en>","locale":"somewhere else","timezone":"GMT: London"}`, want: `{"preferredLanguage":"<en>","locale":"somewhere else","timezone":"GMT: London"}`},
		{name: "scim:USR-13 e-mail addresses in strict mode, phone numbers of any form", body: `{"emails":[{"value":"\"a b\"@x.example"},{"value":"é@localhost"}],"phoneNumbers":[{"value":"call me"}]}`, want: `{"emails":[{"value":"\"a b\"@x.example"},{"value":"é@localhost"}],"phoneNumbers":[{"value":"call me"}]}`},
		{name: "scim:USR-13 no e-mail addresses in strict mode", body: `{"emails":[{"value":"ada"},{"value":"@x"},{"value":"a@"},{"value":"a@b c"},{"value":"a\n@b"}]}`, faults: scim.Errors{
			pattern("emails[0].value", "ada", email)[0], pattern("emails[1].value", "@x", email)[0], pattern("emails[2].value", "a@", email)[0],
			pattern("emails[3].value", "a@b c", email)[0], pattern("emails[4].value", "a\n@b", email)[0]}},
		{name: "scim:USR-13 no e-mail address in tolerant mode", checks: tolerant, body: `{"emails":[{"value":"ada"}]}`, want: `{"emails":[{"value":"ada"}]}`},
		{name: "scim:USR-14 one certificate", checks: tolerant, body: `{"x509Certificates":[{"value":"` + der + `"}]}`, want: `{"x509Certificates":[{"value":"` + der + `"}]}`},
		{name: "scim:USR-14 several certificates", checks: tolerant, body: `{"x509Certificates":[{"value":"` + two + `"}]}`, faults: pattern("x509Certificates[0].value", two, cert)},
		{name: "scim:USR-14 something else", checks: tolerant, body: `{"x509Certificates":[{"value":"QUJD"}]}`, faults: pattern("x509Certificates[0].value", "QUJD", cert)},
		{name: "scim:USR-14 no base64", checks: tolerant, body: `{"x509Certificates":[{"value":"-----BEGIN"}]}`, faults: scim.Errors{{Rule: scim.RuleBinary, Path: "x509Certificates[0].value", Value: "-----BEGIN"}}},
		{name: "scim:USR-20 roles and entitlements are free", body: `{"entitlements":[{"value":"x","type":"anything"}],"roles":[{"value":"{\"id\":1}","display":"R","type":"y"}]}`, want: `{"entitlements":[{"value":"x","type":"anything"}],"roles":[{"value":"{\"id\":1}","display":"R","type":"y"}]}`},
		{name: "password passes as it is", body: `{"password":" 1mz050nq "}`, want: `{"password":" 1mz050nq "}`},

		{name: "userName that PRECIS refuses in strict mode", body: whole(`,"userName":"ada😀"`), faults: pattern("userName", "ada😀", prepared)},
		{name: "userName that PRECIS refuses in tolerant mode", checks: tolerant, body: whole(`,"userName":"ada😀"`), want: `{"userName":"ada😀"}`},
		{name: "scim:PRE-06 userName with blanks", body: whole(`,"userName":"User One"`), want: `{"userName":"User One"}`},
		{name: "userName is kept as given", body: whole(`,"userName":"ＡＤＡ Émile"`), want: `{"userName":"ＡＤＡ Émile"}`},
	} {
		c.run(t)
	}
	for _, invisible := range []string{"\t", "\n", "\x7f", "\u0085", "\u00ad", "\u034f", "\u061c", "\u115f", "\u180e", "\u200b", "\u200d", "\u200e", "\u202e", "\u2028", "\u2029", "\u2060", "\u2066", "\u2069", "\u3164", "\ufe0f", "\ufeff", "\U000e0041", "\U000e0100"} {
		value := "a" + invisible + "da"
		body := scim.ObjectValue(scim.NewObject(scim.Member{Name: "schemas", Value: scim.Strings(scim.UserSchema)}, scim.Member{Name: "userName", Value: scim.StringValue(value)})).String()
		for mode, checks := range map[string]scim.Checks{"strict": strict, "tolerant": tolerant} {
			normalizeTest{name: "invisible in userName, " + mode, checks: checks, body: body, faults: pattern("userName", value, visible)}.run(t)
		}
	}
}

func TestNormalizeOffsets(t *testing.T) {
	body := "{\"schemas\":[\"" + scim.UserSchema + "\"],\n \"userName\":\"ada\",\n \"emails\":[{\"value\":\"a@b\",\n  \"type\": \"test\"}],\n \"zzz\": 1}"
	_, faults := scim.UserType().Normalize(mustRead(t, body).Object(), interop)
	faults.Locate([]byte(body))
	var got [][2]int
	for _, f := range faults {
		got = append(got, [2]int{f.Line, f.Column})
	}
	if want := [][2]int{{4, 11}, {5, 9}}; !cmp.Equal(got, want) {
		t.Errorf("faults at %v, want %v: %v", got, want, faults)
	}
}

// What was normalized once stays as it is, and is a document that reads back.
func TestNormalizeIsStable(t *testing.T) {
	values := rapid.Custom(func(t *rapid.T) scim.Value { return drawValue(t, 3) })
	names := []string{"userName", "USERNAME", "externalId", "name", "emails", "Emails", "phoneNumbers", "active", "password", "addresses", "groups", "roles",
		"x509Certificates", "photos", "shoeSize", "schemas", "id", "meta", scim.EnterpriseSchema, scim.ManagedSchema, "urn:x:y"}
	modes := []scim.Checks{strict, tolerant, interop, {Schemas: scim.SchemasAssumed, Unknown: scim.KeepUnknown, Partial: true, InferExtensions: true, IgnoreSchemas: true, AnyType: true, AnyFormat: true, AnyUserName: true, Coerce: true}}
	typ := scim.UserType()
	rapid.Check(t, func(t *rapid.T) {
		in := scim.NewObject()
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), strings.ToLower).Draw(t, "names") {
			in.Set(name, values.Draw(t, name))
		}
		checks := rapid.SampledFrom(modes).Draw(t, "mode")
		once, faults := typ.Normalize(in, checks)
		if len(faults) > 0 {
			return
		}
		text := scim.ObjectValue(once).AppendJSON(nil)
		checks.Schemas, checks.InferExtensions, checks.Coerce = scim.SchemasAssumed, true, false
		twice, faults := typ.Normalize(scim.NewResource(text).Attributes(), checks)
		if again := scim.ObjectValue(twice).String(); len(faults) > 0 || again != string(text) {
			t.Errorf("%s becomes %s, %v", text, again, faults)
		}
	})
}

// drawValue draws a value of any kind, in names that attributes have.
func drawValue(t *rapid.T, depth int) scim.Value {
	kinds := 4
	if depth > 0 {
		kinds = 6
	}
	switch rapid.IntRange(0, kinds).Draw(t, "kind") {
	case 0:
		return scim.Value{}
	case 1:
		return scim.BoolValue(rapid.Bool().Draw(t, "bool"))
	case 2:
		return scim.IntValue(rapid.Int64().Draw(t, "int"))
	case 3, 4:
		return scim.StringValue(rapid.OneOf(rapid.SampledFrom([]string{"", "work", "a@b", "True", "QUJD", "DE", "User One"}), rapid.String()).Draw(t, "text"))
	case 5:
		var items []scim.Value
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			items = append(items, drawValue(t, depth-1))
		}
		return scim.ListValue(items...)
	}
	o := scim.NewObject()
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"value", "TYPE", "primary", "display", "givenName", "department", "manager", "x", "$ref", "country"}), 0, 4, strings.ToLower).Draw(t, "names") {
		o.Set(name, drawValue(t, depth-1))
	}
	return scim.ObjectValue(o)
}

func BenchmarkNormalize(b *testing.B) {
	b.ReportAllocs()
	in := mustRead(b, user).Object()
	for b.Loop() {
		if _, faults := scim.UserType().Normalize(in, strict); faults != nil {
			b.Fatal(faults)
		}
	}
}
