package scim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

var (
	strictPatch   = scim.PatchOptions{}
	tolerantPatch = scim.PatchOptions{
		Rewrites: scim.RewritesTolerant,
		Checks:   scim.Checks{Coerce: true, IgnoreSchemas: true, AnyType: true, AnyFormat: true, AnyUserName: true},
	}
	interopPatch = scim.PatchOptions{ReplaceComplex: true}
)

// patchUser is what most patches below start from.
const patchUser = `{
	"externalId": "x",
	"userName": "ada",
	"name": {"familyName": "L", "givenName": "Ada"},
	"active": true,
	"emails": [{"value": "a@work.example", "type": "work", "primary": true}, {"value": "a@home.example", "type": "home"}],
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "E", "manager": {"value": "m1"}}
}`

func patchOps(t testing.TB, ops string, o scim.PatchOptions) []scim.PatchOperation {
	t.Helper()
	body := mustReadObject(t, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [`+ops+`]}`)
	list, err := scim.ParsePatch(body, o)
	if err != nil {
		t.Fatalf("%s: %v", ops, err)
	}
	return list
}

// A patchCase is one PATCH: what it makes of a resource, or its fault.
type patchCase struct {
	name string
	o    scim.PatchOptions
	from string // JSON; patchUser if empty
	ops  string // the items of Operations

	// want changes from: "name=JSON" gives a member a value, "name=" removes it.
	want  []string
	fires string // rewrites, with blanks between

	rule  scim.Rule // of a fault
	path  string
	index int
}

func (c patchCase) expected(t *testing.T) string {
	o := mustReadObject(t, c.from)
	for _, change := range c.want {
		name, text, _ := strings.Cut(change, "=")
		if o.Delete(name); text != "" {
			o.Set(name, mustRead(t, text))
		}
	}
	return canonical(t, o)
}

// canonical brings an object into the order of the schema.
func canonical(t testing.TB, o *scim.Object) string {
	t.Helper()
	n, faults := scim.UserType().Normalize(o, scim.Checks{
		Schemas: scim.SchemasAssumed, InferExtensions: true, Unknown: scim.RejectUnknown, Partial: true, AnyType: true, AnyFormat: true, AnyUserName: true,
	})
	if len(faults) > 0 {
		t.Fatalf("%s: %v", jsonOf(o), faults)
	}
	return jsonOf(n)
}

func (c patchCase) run(t *testing.T) {
	if c.from == "" {
		c.from = patchUser
	}
	o := mustReadObject(t, canonical(t, mustReadObject(t, c.from)))
	before := jsonOf(o)
	var fired []string
	c.o.Fired = func(rewrite string) { fired = append(fired, rewrite) }
	got, err := scim.UserType().Patch(o, patchOps(t, c.ops, c.o), c.o)
	if jsonOf(o) != before {
		t.Errorf("the resource became %s", jsonOf(o))
	}
	if c.rule != 0 {
		if err == nil {
			t.Fatalf("made %s", jsonOf(got.Attributes))
		}
		var patch *scim.PatchError
		if !errors.As(err, &patch) || patch.Operation != c.index {
			t.Errorf("error %v, want it at operation %d", err, c.index)
		}
		if e := oneFault(t, err); e.Rule != c.rule || e.Path != c.path {
			t.Errorf("rule %d, path %q, want %d, %q (%v)", e.Rule, e.Path, c.rule, c.path, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.expected(t), jsonOf(got.Attributes)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(c.want) == 0 && got.Attributes != o {
		t.Error("nothing changed, but it is not the same object")
	}
	if got := strings.Join(fired, " "); got != c.fires {
		t.Errorf("fired %q, want %q", got, c.fires)
	}
	again, err := scim.UserType().Patch(got.Attributes, patchOps(t, c.ops, c.o), c.o)
	if err != nil {
		t.Logf("a second time: %v", err) // what it was made for may have gone
	} else if again.Attributes != got.Attributes {
		t.Errorf("a second time it made %s", jsonOf(again.Attributes))
	}
}

const ent = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User`

func TestPatch(t *testing.T) {
	const (
		workPrimary = `{"value": "a@work.example", "type": "work", "primary": true}`
		home        = `{"value": "a@home.example", "type": "home"}`
		entURI      = scim.EnterpriseSchema
	)
	tests := []patchCase{
		// Paths.
		{name: "scim:PAT-17 names in any letter case", ops: `{"op": "replace", "path": "USERNAME", "value": "b"}, {"op": "replace", "path": "Name.GIVENname", "value": "B"}`,
			want: []string{`userName="b"`, `name={"familyName": "L", "givenName": "B"}`}},
		{name: "scim:PAT-17 with the core URI", ops: `{"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:userName", "value": "b"}`, want: []string{`userName="b"`}},
		{name: "scim:PAT-18 malformed path", ops: `{"op": "replace", "path": "name..x", "value": "b"}`, rule: scim.RulePath, path: "name..x"},
		{name: "scim:PAT-18 malformed filter", ops: `{"op": "replace", "path": "emails[type eq]", "value": {}}`, rule: scim.RuleFilter, path: "emails[type eq]"},
		{name: "scim:PAT-16 no array index", ops: `{"op": "remove", "path": "emails[0]"}`, rule: scim.RuleFilter, path: "emails[0]"},
		{name: "scim:PAT-19 undefined attribute", o: tolerantPatch, ops: `{"op": "add", "path": "active", "value": true}, {"op": "add", "path": "nope", "value": 1}`, rule: scim.RulePath, path: "nope", index: 1},
		{name: "scim:PAT-19 undefined sub-attribute", ops: `{"op": "add", "path": "name.nope", "value": 1}`, rule: scim.RulePath, path: "name.nope"},
		{name: "scim:PAT-19 undefined attribute in a value", o: tolerantPatch, ops: `{"op": "add", "value": {"active": false, "nope": 1}}`, rule: scim.RulePath, path: "nope"},
		{name: "scim:PAT-19 undefined attributes can be ignored", o: scim.PatchOptions{IgnoreUnknown: true}, ops: `{"op": "add", "path": "nope", "value": 1}, {"op": "replace", "value": {"active": false, "nope": 1}}`,
			want: []string{"active=false"}, fires: "unknown-ignore unknown-ignore"},
		{name: "scim:PAT-20 an extension path makes the extension", from: `{"userName": "ada"}`, ops: `{"op": "add", "path": ` + ent + `:department", "value": "E"}`,
			want: []string{entURI + `={"department": "E"}`}},
		{name: "scim:PAT-20 replace makes it, too", from: `{"userName": "ada"}`, ops: `{"op": "replace", "path": ` + ent + `:manager.value", "value": "m"}`,
			want: []string{entURI + `={"manager": {"value": "m"}}`}},
		{name: "scim:PAT-21 a URI alone is the whole extension: add merges", ops: `{"op": "add", "path": ` + ent + `", "value": {"costCenter": "7"}}`,
			want: []string{entURI + `={"costCenter": "7", "department": "E", "manager": {"value": "m1"}}`}},
		{name: "scim:PAT-21 a URI alone is the whole extension: replace merges", ops: `{"op": "replace", "path": ` + strings.ToUpper(ent) + `", "value": {"DEPARTMENT": "F"}}`,
			want: []string{entURI + `={"department": "F", "manager": {"value": "m1"}}`}},
		{name: "scim:PAT-21 a URI alone is the whole extension: remove drops", ops: `{"op": "remove", "path": ` + ent + `"}`, want: []string{entURI + "="}},
		{name: "scim:PAT-21 an extension takes an object", ops: `{"op": "add", "path": ` + ent + `", "value": "x"}`, rule: scim.RuleType, path: entURI},
		{name: "scim:PAT-22 a part of every element", ops: `{"op": "replace", "path": "emails.display", "value": "D"}`,
			want: []string{`emails=[{"value": "a@work.example", "display": "D", "type": "work", "primary": true}, {"value": "a@home.example", "display": "D", "type": "home"}]`}},
		{name: "scim:PAT-22 a part of no element", ops: `{"op": "replace", "path": "ims.value", "value": "D"}`, rule: scim.RuleNoTarget, path: "ims.value"},
		{name: "scim:PAT-22 a part of no element when tolerant", o: tolerantPatch, ops: `{"op": "add", "path": "addresses.locality", "value": "D"}`, rule: scim.RuleNoTarget, path: "addresses.locality"},
		{name: "scim:PAT-23 strict: a filter on a singular attribute", ops: `{"op": "replace", "path": ` + ent + `:manager[value eq \"m1\"]", "value": {"value": "m2"}}`, rule: scim.RulePath, path: entURI + `:manager[value eq "m1"]`},
		{name: "scim:PAT-23 tolerant: a filter that holds", o: tolerantPatch, ops: `{"op": "remove", "path": ` + ent + `:manager[value eq \"m1\"]"}`,
			want: []string{entURI + `={"department": "E"}`}, fires: "singular-filter"},
		{name: "scim:PAT-23 tolerant: a filter that does not hold", o: tolerantPatch, ops: `{"op": "replace", "path": ` + ent + `:manager[value eq \"M1\"]", "value": "m2"}`, fires: "singular-filter"},
		{name: "scim:PAT-24 elements of a list of plain values are its value", from: `{"userName": "ada", "urn:rollcall:schemas:extension:2.0:ManagedUser": {"aliasList": ["a", "b"]}}`,
			ops:  `{"op": "remove", "path": "urn:rollcall:schemas:extension:2.0:ManagedUser:aliasList[value eq \"a\"]"}`,
			want: []string{scim.ManagedSchema + `={"aliasList": ["b"]}`}},

		// add
		{name: "scim:PAT-25 add needs a value", ops: `{"op": "add", "path": "title"}`, rule: scim.RuleRequired, path: "value"},
		{name: "scim:PAT-25 add without path needs a value", ops: `{"op": "add"}`, rule: scim.RuleRequired, path: "value"},
		{name: "scim:PAT-26 without path each attribute by its kind", ops: `{"op": "add", "value": {"title": "T", "name": {"middleName": "M"}, "emails": [{"value": "n@x.example"}], ` + ent + `": {"division": "D"}}}`,
			want: []string{`title="T"`, `name={"familyName": "L", "givenName": "Ada", "middleName": "M"}`, `emails=[` + workPrimary + `,` + home + `,{"value": "n@x.example"}]`,
				entURI + `={"division": "D", "department": "E", "manager": {"value": "m1"}}`}},
		{name: "scim:PAT-26 without path the value is an object", ops: `{"op": "add", "value": [{"title": "T"}]}`, rule: scim.RuleType, path: "value"},
		{name: "scim:PAT-27 singular is set", ops: `{"op": "add", "path": "title", "value": "T"}`, want: []string{`title="T"`}},
		{name: "scim:PAT-27 singular is overwritten", ops: `{"op": "add", "path": "userName", "value": "T"}`, want: []string{`userName="T"`}},
		{name: "scim:PAT-28 complex keeps other parts", ops: `{"op": "add", "path": "name", "value": {"givenName": "B"}}`, want: []string{`name={"familyName": "L", "givenName": "B"}`}},
		{name: "scim:PAT-29 a list is appended", ops: `{"op": "add", "path": "emails", "value": [{"value": "n@x.example"}, {"value": "o@x.example", "type": "other"}]}`,
			want: []string{`emails=[` + workPrimary + `,` + home + `,{"value": "n@x.example"},{"value": "o@x.example", "type": "other"}]`}},
		{name: "scim:PAT-29 a single object is appended", ops: `{"op": "add", "path": "emails", "value": {"value": "n@x.example"}}`, want: []string{`emails=[` + workPrimary + `,` + home + `,{"value": "n@x.example"}]`}},
		{name: "scim:PAT-29 what is there is not repeated", ops: `{"op": "add", "path": "emails", "value": [` + home + `,` + workPrimary + `]}`},
		{name: "scim:PAT-30 equal value and type are merged", ops: `{"op": "add", "path": "emails", "value": {"value": "A@home.example", "type": "HOME", "display": "D"}}`,
			want: []string{`emails=[` + workPrimary + `,{"value": "A@home.example", "display": "D", "type": "HOME"}]`}, o: tolerantPatch},
		{name: "scim:PAT-30 another type is another element", ops: `{"op": "add", "path": "emails", "value": {"value": "a@home.example", "type": "other"}}`,
			want: []string{`emails=[` + workPrimary + `,` + home + `,{"value": "a@home.example", "type": "other"}]`}},
		{name: "elements without value are the same only if all is", from: `{"userName": "ada", "addresses": [{"type": "work", "locality": "A"}]}`,
			ops:  `{"op": "add", "path": "addresses", "value": [{"type": "work", "locality": "B"}, {"type": "work", "locality": "A"}]}`,
			want: []string{`addresses=[{"type": "work", "locality": "A"}, {"type": "work", "locality": "B"}]`}},
		{name: "scim:PAT-31 a filter that matches: merged into each", ops: `{"op": "add", "path": "emails[value ew \".example\"]", "value": {"display": "D"}}`,
			want: []string{`emails=[{"value": "a@work.example", "display": "D", "type": "work", "primary": true}, {"value": "a@home.example", "display": "D", "type": "home"}]`}},
		{name: "scim:PAT-31 strict: a filter without match", ops: `{"op": "add", "path": "emails[type eq \"other\"].value", "value": "o@x.example"}`, rule: scim.RuleNoTarget, path: `emails[type eq "other"].value`},
		{name: "scim:PAT-31 tolerant: the element is made", o: tolerantPatch, ops: `{"op": "add", "path": "emails[type eq \"other\"].value", "value": "o@x.example"}`,
			want: []string{`emails=[` + workPrimary + `,` + home + `,{"value": "o@x.example", "type": "other"}]`}, fires: "create-on-absent"},
		{name: "scim:PAT-31 tolerant: the element is made of several terms and an object", o: tolerantPatch, from: `{"userName": "ada"}`,
			ops:  `{"op": "add", "path": "emails[type eq \"work\" and primary eq true]", "value": {"VALUE": "o@x.example"}}`,
			want: []string{`emails=[{"value": "o@x.example", "type": "work", "primary": true}]`}, fires: "create-on-absent"},
		{name: "scim:PAT-31 tolerant: a quoted boolean in the filter", o: tolerantPatch, from: `{"userName": "ada"}`, ops: `{"op": "add", "path": "roles[primary eq \"True\"].value", "value": "R"}`,
			want: []string{`roles=[{"value": "R", "primary": true}]`}, fires: "bool-strings create-on-absent"},
		{name: "scim:PAT-31 tolerant: not from another operator", o: tolerantPatch, ops: `{"op": "add", "path": "emails[type co \"other\"].value", "value": "x@x.example"}`, rule: scim.RuleNoTarget, path: `emails[type co "other"].value`},
		{name: "scim:PAT-31 tolerant: not from or", o: tolerantPatch, ops: `{"op": "add", "path": "emails[type eq \"x\" or type eq \"y\"].value", "value": "x@x.example"}`, rule: scim.RuleNoTarget, path: `emails[type eq "x" or type eq "y"].value`},
		{name: "scim:PAT-31 tolerant: not from not", o: tolerantPatch, ops: `{"op": "add", "path": "ims[not (type eq \"x\")].value", "value": "x"}`, rule: scim.RuleNoTarget, path: `ims[not (type eq "x")].value`},
		{name: "scim:PAT-31 tolerant: not against the filter", o: tolerantPatch, ops: `{"op": "add", "path": "emails[type eq \"other\"].type", "value": "home"}`, rule: scim.RuleNoTarget, path: `emails[type eq "other"].type`},

		// remove
		{name: "scim:PAT-33 remove needs a path", ops: `{"op": "remove"}`, rule: scim.RuleNoTarget},
		{name: "scim:PAT-33 remove needs a path, also with a value and tolerant", o: tolerantPatch, ops: `{"op": "remove", "value": {"title": "T"}}`, rule: scim.RuleNoTarget},
		{name: "scim:PAT-34 singular", ops: `{"op": "remove", "path": "active"}`, want: []string{"active="}},
		{name: "scim:PAT-34 complex", ops: `{"op": "remove", "path": "name"}`, want: []string{"name="}},
		{name: "scim:PAT-34 multi-valued", ops: `{"op": "remove", "path": "emails"}`, want: []string{"emails="}},
		{name: "scim:PAT-34 part of a complex one", ops: `{"op": "remove", "path": "name.givenName"}`, want: []string{`name={"familyName": "L"}`}},
		{name: "scim:PAT-34 the last part takes the parent along", ops: `{"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"}`, want: []string{"name="}},
		{name: "scim:PAT-34 the last attribute takes the extension along", ops: `{"op": "remove", "path": ` + ent + `:department"}, {"op": "remove", "path": ` + ent + `:manager"}`, want: []string{entURI + "="}},
		{name: "scim:PAT-35 filtered", ops: `{"op": "remove", "path": "emails[type eq \"home\"]"}`, want: []string{`emails=[` + workPrimary + `]`}},
		{name: "scim:PAT-35 filtered, none remains", ops: `{"op": "remove", "path": "emails[value pr]"}`, want: []string{"emails="}},
		{name: "scim:PAT-35 filtered part", ops: `{"op": "remove", "path": "emails[type eq \"work\"].primary"}`, want: []string{`emails=[{"value": "a@work.example", "type": "work"},` + home + `]`}},
		{name: "scim:PAT-36 a required attribute", ops: `{"op": "remove", "path": "userName"}`, rule: scim.RuleImmutable, path: "userName", index: -1},
		{name: "scim:PAT-36 a read-only attribute", ops: `{"op": "remove", "path": "groups"}`, rule: scim.RuleReadOnly, path: "groups"},
		{name: "scim:PAT-37 a filter without match", ops: `{"op": "remove", "path": "emails[type eq \"other\"]"}`},
		{name: "scim:PAT-37 a part of no match", ops: `{"op": "remove", "path": "emails[type eq \"other\"].display"}`},
		{name: "scim:PAT-38 strict: remove takes no value", ops: `{"op": "remove", "path": "emails", "value": [{"value": "a@home.example"}]}`, rule: scim.RuleMessage, path: "value"},
		{name: "scim:PAT-38 tolerant: only what is listed", o: tolerantPatch, ops: `{"op": "remove", "path": "emails", "value": [{"value": "A@home.example"}]}`, want: []string{`emails=[` + workPrimary + `]`}, fires: "remove-values"},
		{name: "scim:PAT-38 tolerant: with the type it is listed with", o: tolerantPatch, ops: `{"op": "remove", "path": "emails", "value": [{"value": "a@home.example", "type": "work"}, {"value": "a@work.example", "type": "WORK", "display": "?"}]}`,
			want: []string{`emails=[` + home + `]`}, fires: "remove-values"},
		{name: "scim:PAT-38 tolerant: listed as text or alone", o: tolerantPatch, ops: `{"op": "remove", "path": "emails", "value": "a@home.example"}, {"op": "remove", "path": "emails", "value": ["a@work.example"]}`,
			want: []string{`emails=`}, fires: "remove-values remove-values"},
		{name: "scim:PAT-38 tolerant: an empty list removes nothing", o: tolerantPatch, ops: `{"op": "remove", "path": "emails", "value": []}`, fires: "remove-values"},
		{name: "scim:PAT-38 tolerant: what is not there removes nothing", o: tolerantPatch, ops: `{"op": "remove", "path": "emails", "value": [{"value": "z"}]}`, fires: "remove-values"},
		{name: "scim:PAT-38 tolerant: not without saying which", o: tolerantPatch, ops: `{"op": "remove", "path": "emails", "value": [{"type": "work"}]}`, rule: scim.RuleRequired, path: "emails[0].value"},
		{name: "scim:PAT-38 tolerant: a singular value that is another stays", o: tolerantPatch, ops: `{"op": "remove", "path": ` + ent + `:manager", "value": "m2"}`, fires: "remove-values"},
		{name: "scim:PAT-38 tolerant: a singular value goes if it is it", o: tolerantPatch, ops: `{"op": "remove", "path": ` + ent + `:manager", "value": {"value": "m1"}}`, want: []string{entURI + `={"department": "E"}`}, fires: "remove-values"},
		{name: "scim:PAT-39 what is not there", ops: `{"op": "remove", "path": "title"}, {"op": "remove", "path": "name.middleName"}, {"op": "remove", "path": "ims"}, {"op": "remove", "path": "ims.value"}, {"op": "remove", "path": "urn:rollcall:schemas:extension:2.0:ManagedUser"}`},

		// mutability
		{name: "scim:PAT-40 add to a read-only attribute", ops: `{"op": "add", "path": "id", "value": "x"}`, rule: scim.RuleReadOnly, path: "id"},
		{name: "scim:PAT-40 replace a read-only attribute", ops: `{"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"}`, rule: scim.RuleReadOnly, path: "meta.created"},
		{name: "scim:PAT-40 remove a read-only attribute", ops: `{"op": "remove", "path": "meta"}`, rule: scim.RuleReadOnly, path: "meta"},
		{name: "scim:PAT-40 groups", ops: `{"op": "add", "path": "groups", "value": [{"value": "g"}]}`, rule: scim.RuleReadOnly, path: "groups"},
		{name: "scim:PAT-40 a read-only part", ops: `{"op": "replace", "path": ` + ent + `:manager.displayName", "value": "M"}`, rule: scim.RuleReadOnly, path: entURI + ":manager.displayName"},
		{name: "scim:PAT-40 strict: a read-only attribute in a value without path", ops: `{"op": "replace", "value": {"displayName": "D", "id": "x"}}`, rule: scim.RuleReadOnly, path: "id"},
		{name: "scim:PAT-40 strict: schemas in a value without path", ops: `{"op": "replace", "value": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}}`, rule: scim.RuleReadOnly, path: "schemas"},
		{name: "scim:PAT-40 tolerant: they are stripped", o: tolerantPatch, ops: `{"op": "replace", "value": {"displayName": "D", "id": "x", "Schemas": [], "meta": {}, "groups": []}}`,
			want: []string{`displayName="D"`}, fires: "readonly-strip readonly-strip readonly-strip readonly-strip"},
		{name: "scim:PAT-42 naming an extension changes nothing", ops: `{"op": "add", "path": "schemas", "value": ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:USER"]}`},
		{name: "scim:PAT-42 strict: an undeclared URI", ops: `{"op": "add", "path": "schemas", "value": ["urn:x"]}`, rule: scim.RuleUnknownSchema, path: "schemas[0]"},
		{name: "scim:PAT-42 tolerant: an undeclared URI", o: tolerantPatch, ops: `{"op": "add", "path": "schemas", "value": ["urn:x"]}`, fires: "schemas-ignore"},
		{name: "scim:PAT-42 removing an extension's URI drops it", ops: `{"op": "remove", "path": "schemas[value eq \"` + entURI + `\"]"}`, want: []string{entURI + "="}},
		{name: "scim:PAT-42 tolerant: listing an extension's URI drops it", o: tolerantPatch, ops: `{"op": "remove", "path": "schemas", "value": ["` + entURI + `"]}`, want: []string{entURI + "="}, fires: "remove-values"},
		{name: "scim:PAT-42 replacing without an extension's URI drops it", ops: `{"op": "replace", "path": "schemas", "value": ["urn:ietf:params:scim:schemas:core:2.0:User"]}`, want: []string{entURI + "="}},
		{name: "scim:PAT-42 the core URI stays: remove", ops: `{"op": "remove", "path": "schemas"}`, rule: scim.RuleImmutable, path: "schemas"},
		{name: "scim:PAT-42 the core URI stays: filter", ops: `{"op": "remove", "path": "schemas[value sw \"urn:\"]"}`, rule: scim.RuleImmutable, path: "schemas"},
		{name: "scim:PAT-42 the core URI stays: replace", ops: `{"op": "replace", "path": "schemas", "value": ["` + entURI + `"]}`, rule: scim.RuleImmutable, path: "schemas"},

		// replace
		{name: "scim:PAT-43 without path other attributes stay", ops: `{"op": "replace", "value": {"active": false, "emails": [{"value": "n@x.example"}]}}`, want: []string{"active=false", `emails=[{"value": "n@x.example"}]`}},
		{name: "scim:PAT-44 singular", ops: `{"op": "replace", "path": "active", "value": false}`, want: []string{"active=false"}},
		{name: "scim:PAT-44 list", ops: `{"op": "replace", "path": "emails", "value": [{"value": "n@x.example"}]}`, want: []string{`emails=[{"value": "n@x.example"}]`}},
		{name: "scim:PAT-45 what has no value is added", ops: `{"op": "replace", "path": "title", "value": "T"}, {"op": "replace", "path": "ims", "value": [{"value": "i"}]}, {"op": "replace", "path": "name.middleName", "value": "M"}`,
			want: []string{`title="T"`, `ims=[{"value": "i"}]`, `name={"familyName": "L", "givenName": "Ada", "middleName": "M"}`}},
		{name: "scim:PAT-46 a complex attribute is merged", ops: `{"op": "replace", "path": "name", "value": {"givenName": "B", "familyName": null}}`, want: []string{`name={"givenName": "B"}`}},
		{name: "scim:PAT-46 interop: a complex attribute is replaced", o: interopPatch, ops: `{"op": "replace", "path": "name", "value": {"middleName": "M"}}`, want: []string{`name={"middleName": "M"}`}},
		{name: "scim:PAT-46 interop: add merges", o: interopPatch, ops: `{"op": "add", "path": "name", "value": {"middleName": "M"}}`, want: []string{`name={"familyName": "L", "givenName": "Ada", "middleName": "M"}`}},
		{name: "scim:PAT-47 all matches", ops: `{"op": "replace", "path": "emails[value co \"@\"].display", "value": "D"}`,
			want: []string{`emails=[{"value": "a@work.example", "display": "D", "type": "work", "primary": true}, {"value": "a@home.example", "display": "D", "type": "home"}]`}},
		{name: "scim:PAT-48 the element is replaced, what the filter pins is kept", ops: `{"op": "replace", "path": "emails[type eq \"work\" and primary eq true]", "value": {"value": "n@x.example"}}`,
			want: []string{`emails=[{"value": "n@x.example", "type": "work", "primary": true},` + home + `]`}},
		{name: "scim:PAT-48 the element is replaced, what the filter does not pin goes", ops: `{"op": "replace", "path": "emails[value sw \"a@work\"]", "value": {"value": "n@x.example", "type": "other"}}`,
			want: []string{`emails=[{"value": "n@x.example", "type": "other"},` + home + `]`}},
		{name: "scim:PAT-49 strict: no match", ops: `{"op": "replace", "path": "emails[type eq \"other\"].value", "value": "x@x.example"}`, rule: scim.RuleNoTarget, path: `emails[type eq "other"].value`},
		{name: "scim:PAT-49 tolerant: it is made", o: tolerantPatch, ops: `{"op": "replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+49 30 1234"}`,
			want: []string{`phoneNumbers=[{"value": "+49 30 1234", "type": "mobile"}]`}, fires: "create-on-absent"},
		{name: "scim:PAT-50 null and empty lists unassign", ops: `{"op": "replace", "path": "active", "value": null}, {"op": "replace", "path": "emails", "value": []}, {"op": "replace", "value": {"name": null}}`,
			want: []string{"active=", "emails=", "name="}},
		{name: "scim:PAT-50 null for a required attribute", ops: `{"op": "replace", "path": "userName", "value": null}`, rule: scim.RuleImmutable, path: "userName", index: -1},
		{name: "scim:PAT-50 no value", ops: `{"op": "replace", "path": "title"}`, rule: scim.RuleRequired, path: "value"},
		{name: "scim:PAT-50 null for what a filter selects", ops: `{"op": "replace", "path": "emails[type eq \"home\"]", "value": null}, {"op": "replace", "path": "emails[type eq \"work\"].primary", "value": null}`,
			want: []string{`emails=[{"value": "a@work.example", "type": "work"}]`}},
		{name: "scim:PAT-51 an empty string is a value", ops: `{"op": "replace", "path": "title", "value": ""}`, want: []string{`title=""`}},
		{name: "scim:PAT-51 tolerant: an empty reference is none", o: tolerantPatch, ops: `{"op": "replace", "path": ` + ent + `:manager", "value": ""}`, want: []string{entURI + `={"department": "E"}`}, fires: "scalar-ref"},
		{name: "tolerant: an empty value of a reference is none", o: tolerantPatch, ops: `{"op": "add", "path": ` + ent + `:manager", "value": {"value": ""}}`, want: []string{entURI + `={"department": "E"}`}, fires: "scalar-ref"},
		{name: "an empty required string", ops: `{"op": "replace", "path": "userName", "value": ""}`, rule: scim.RuleRequired, path: "userName"},
		{name: "scim:PAT-52,scim:MV-04 one primary: part", ops: `{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}`,
			want: []string{`emails=[{"value": "a@work.example", "type": "work", "primary": false}, {"value": "a@home.example", "type": "home", "primary": true}]`}},
		{name: "scim:MV-04 one primary: appended", ops: `{"op": "add", "path": "emails", "value": {"value": "n@x.example", "primary": true}}`,
			want: []string{`emails=[{"value": "a@work.example", "type": "work", "primary": false},` + home + `,{"value": "n@x.example", "primary": true}]`}},
		{name: "scim:MV-04 one primary: made", o: tolerantPatch, ops: `{"op": "add", "path": "emails[primary eq true and type eq \"other\"].value", "value": "n@x.example"}`,
			want: []string{`emails=[{"value": "a@work.example", "type": "work", "primary": false},` + home + `,{"value": "n@x.example", "type": "other", "primary": true}]`}, fires: "create-on-absent"},
		{name: "strict: two primaries in one value", ops: `{"op": "add", "path": "emails", "value": [{"value": "n@x.example", "primary": true}, {"value": "o@x.example", "primary": true}]}`, rule: scim.RulePrimary, path: "emails"},
		{name: "strict: all primary", ops: `{"op": "replace", "path": "emails.primary", "value": true}`, rule: scim.RulePrimary, path: "emails.primary"},
		{name: "tolerant: the last of two primaries", o: tolerantPatch, ops: `{"op": "replace", "path": "emails", "value": [{"value": "n@x.example", "primary": true}, {"value": "o@x.example", "primary": true}]}`,
			want: []string{`emails=[{"value": "n@x.example", "primary": false}, {"value": "o@x.example", "primary": true}]`}, fires: "primary-last"},
		{name: "scim:PAT-53 strict: a path as a key", ops: `{"op": "replace", "value": {"name.givenName": "B"}}`, rule: scim.RulePath, path: "name.givenName"},
		{name: "scim:PAT-53 strict: a URN path as a key", ops: `{"op": "replace", "value": {` + ent + `:department": "B"}}`, rule: scim.RulePath, path: entURI + ":department"},
		{name: "scim:PAT-53 tolerant: paths as keys in document order", o: tolerantPatch,
			ops: `{"op": "replace", "value": {"name.givenName": "B", ` + ent + `:department": "F", "emails[type eq \"work\"].value": "n@x.example", "emails[value eq \"n@x.example\"].display": "D"}}`,
			want: []string{`name={"familyName": "L", "givenName": "B"}`, entURI + `={"department": "F", "manager": {"value": "m1"}}`,
				`emails=[{"value": "n@x.example", "display": "D", "type": "work", "primary": true},` + home + `]`}, fires: "path-keys path-keys path-keys path-keys"},
		{name: "scim:PAT-54 an extension URI as a key merges", ops: `{"op": "replace", "value": {` + ent + `": {"division": "D"}}}`, want: []string{entURI + `={"division": "D", "department": "E", "manager": {"value": "m1"}}`}},
		{name: "scim:PAT-55 tolerant: a list of one for a singular string", o: tolerantPatch, ops: `{"op": "replace", "path": "displayName", "value": [{"value": "D"}]}, {"op": "add", "path": "name.givenName", "value": [{"value": "B"}]}`,
			want: []string{`displayName="D"`, `name={"familyName": "L", "givenName": "B"}`}, fires: "one-or-many one-or-many"},
		{name: "scim:PAT-55 strict: a list of one for a singular string", ops: `{"op": "replace", "path": "displayName", "value": [{"value": "D"}]}`, rule: scim.RuleSingleValued, path: "displayName"},

		// values
		{name: "strict: a boolean is no string", ops: `{"op": "replace", "path": "active", "value": "False"}`, rule: scim.RuleType, path: "active"},
		{name: "the faulty part is named", ops: `{"op": "replace", "path": "emails[type eq \"work\"].value", "value": 1}`, rule: scim.RuleType, path: "emails.value"},
		{name: "the faulty item is named", ops: `{"op": "add", "path": "emails", "value": [{"value": "x@x.example"}, {"value": 1}]}`, rule: scim.RuleType, path: "emails[1].value"},
		{name: "tolerant: a boolean as a string", o: tolerantPatch, ops: `{"op": "Replace", "path": "active", "value": "False"}`, want: []string{"active=false"}, fires: "op-case bool-strings"},
		{name: "tolerant: active is no number", o: tolerantPatch, ops: `{"op": "replace", "path": "active", "value": 0}`, rule: scim.RuleType, path: "active"},
		{name: "tolerant: active is no other word", o: tolerantPatch, ops: `{"op": "replace", "path": "active", "value": "yes"}`, rule: scim.RuleType, path: "active"},
		{name: "tolerant: manager as a string", o: tolerantPatch, ops: `{"op": "Add", "path": ` + ent + `:manager", "value": "m2"}`, want: []string{entURI + `={"department": "E", "manager": {"value": "m2"}}`}, fires: "op-case scalar-ref"},
		{name: "tolerant: manager as a list of one", o: tolerantPatch, ops: `{"op": "add", "path": ` + ent + `:manager", "value": [{"$ref": "https://x.example/Users/m2", "value": "m2"}]}`,
			want: []string{entURI + `={"department": "E", "manager": {"value": "m2", "$ref": "https://x.example/Users/m2"}}`}, fires: "one-or-many"},
		{name: "tolerant: bare extension name", o: tolerantPatch, ops: `{"op": "replace", "path": "department", "value": "F"}`, want: []string{entURI + `={"department": "F", "manager": {"value": "m1"}}`}, fires: "ext-bare"},
		{name: "tolerant: a dot after the URI", o: tolerantPatch, ops: `{"op": "replace", "path": ` + ent + `.manager.value", "value": "m2"}`, want: []string{entURI + `={"department": "E", "manager": {"value": "m2"}}`}, fires: "urn-dot"},
		{name: "scim:PAT-06 each on the result of the one before", ops: `{"op": "add", "path": "title", "value": "T"}, {"op": "replace", "path": "emails[type eq \"home\"].type", "value": "other"}, {"op": "remove", "path": "emails[type eq \"other\"]"}, {"op": "remove", "path": "title"}`,
			want: []string{`emails=[` + workPrimary + `]`}},
		{name: "scim:PAT-07 one failure undoes all", ops: `{"op": "add", "path": "title", "value": "T"}, {"op": "remove", "path": "emails"}, {"op": "add", "path": "nope", "value": 1}`, rule: scim.RulePath, path: "nope", index: 2},
		{name: "scim:PAT-08 required is judged at the end", ops: `{"op": "remove", "path": "userName"}, {"op": "add", "path": "userName", "value": "b"}`, want: []string{`userName="b"`}},
		{name: "scim:PAT-12 an effect that is there already", ops: `{"op": "replace", "path": "active", "value": true}, {"op": "add", "path": "emails", "value": [` + home + `]}, {"op": "replace", "path": "name", "value": {"givenName": "Ada"}}, {"op": "replace", "path": ` + ent + `:manager.value", "value": "m1"}`},
		{name: "interop: an operation has a path", o: scim.PatchOptions{NeedPath: true}, ops: `{"op": "add", "value": {"title": "T"}}`, rule: scim.RuleMessage, path: "path"},
		{name: "scim:PAT-04 op in another case when strict", ops: `{"op": "Replace", "path": "active", "value": false}`, rule: scim.RuleMessage, path: "op"},
		{name: "scim:PAT-04 an unknown op when tolerant", o: tolerantPatch, ops: `{"op": "update", "path": "active", "value": false}`, rule: scim.RuleMessage, path: "op"},
		{name: "open schemas take what they do not define", ops: `{"op": "add", "path": "urn:rollcall:schemas:extension:2.0:ManagedUser:custom_x", "value": {"a": 1}}, {"op": "replace", "path": "urn:rollcall:schemas:extension:2.0:ManagedUser:custom_x.b", "value": [2]}`,
			want: []string{scim.ManagedSchema + `={"custom_x": {"a": 1, "b": [2]}}`}},
	}
	for _, test := range tests {
		t.Run(test.name, test.run)
	}
}

func TestPatchImmutable(t *testing.T) {
	rt := &scim.ResourceType{Name: "Thing", Endpoint: "/Things", Schema: &scim.Schema{ID: "urn:x:thing", Attributes: []*scim.Attribute{
		{Name: "code", Type: scim.TypeString, Mutability: "immutable"},
		{Name: "box", Type: scim.TypeComplex, Mutability: "readWrite", SubAttributes: []*scim.Attribute{
			{Name: "a", Type: scim.TypeString, Mutability: "immutable"}, {Name: "b", Type: scim.TypeString, Mutability: "readWrite"},
		}},
		{Name: "parts", Type: scim.TypeComplex, MultiValued: true, Mutability: "readWrite", SubAttributes: []*scim.Attribute{
			{Name: "value", Type: scim.TypeString, Mutability: "immutable"}, {Name: "note", Type: scim.TypeString, Mutability: "readWrite"},
		}},
	}}}
	const from = `{"code": "c", "box": {"a": "1", "b": "2"}, "parts": [{"value": "x", "note": "n"}]}`
	for _, test := range []struct{ name, from, ops, want, fault string }{
		{"scim:PAT-32 an immutable attribute without value takes one", `{}`, `{"op": "add", "path": "code", "value": "c"}, {"op": "add", "path": "box.a", "value": "1"}`, `{"code": "c", "box": {"a": "1"}}`, ""},
		{"scim:PAT-40 another value", from, `{"op": "replace", "path": "code", "value": "d"}`, "", "code"},
		{"scim:PAT-40 no value", from, `{"op": "remove", "path": "code"}`, "", "code"},
		{"the same value", from, `{"op": "add", "path": "code", "value": "c"}, {"op": "replace", "path": "box", "value": {"a": "1"}}`, from, ""},
		{"a part", from, `{"op": "replace", "path": "box", "value": {"a": "9"}}`, "", "box.a"},
		{"a part removed", from, `{"op": "remove", "path": "box.a"}`, "", "box.a"},
		{"a part of an element", from, `{"op": "replace", "path": "parts[value eq \"x\"].value", "value": "y"}`, "", "parts.value"},
		{"a part of an element replaced", from, `{"op": "replace", "path": "parts[note eq \"n\"]", "value": {"value": "y"}}`, "", "parts.value"},
		{"elements come and go", from, `{"op": "add", "path": "parts", "value": {"value": "y"}}, {"op": "remove", "path": "parts[value eq \"x\"]"}`, `{"code": "c", "box": {"a": "1", "b": "2"}, "parts": [{"value": "y"}]}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := rt.Patch(mustReadObject(t, test.from), patchOps(t, test.ops, strictPatch), strictPatch)
			if test.fault != "" {
				if err == nil {
					t.Fatalf("made %s", jsonOf(got.Attributes))
				}
				if e := oneFault(t, err); e.Rule != scim.RuleImmutable || e.Path != test.fault {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := jsonOf(mustReadObject(t, test.want)); jsonOf(got.Attributes) != want {
				t.Errorf("made %s, want %s", jsonOf(got.Attributes), want)
			}
		})
	}
}

func TestPatchPassword(t *testing.T) {
	text := func(v *scim.Value) string {
		if v == nil {
			return "unchanged"
		}
		return v.String()
	}
	for ops, want := range map[string]string{
		`{"op": "replace", "path": "password", "value": "p"}`:                                   `"p"`,
		`{"op": "add", "value": {"password": "p", "active": true}}`:                             `"p"`,
		`{"op": "remove", "path": "password"}`:                                                  `null`,
		`{"op": "replace", "path": "password", "value": null}`:                                  `null`,
		`{"op": "replace", "path": "active", "value": true}`:                                    `unchanged`,
		`{"op": "add", "path": "password", "value": "p"}, {"op": "remove", "path": "password"}`: `null`,
		`{"op": "remove", "path": "password"}, {"op": "add", "path": "password", "value": "p"}`: `"p"`,
	} {
		o := mustReadObject(t, canonical(t, mustReadObject(t, patchUser)))
		got, err := scim.UserType().Patch(o, patchOps(t, ops, strictPatch), strictPatch)
		if err != nil {
			t.Errorf("%s: %v", ops, err)
			continue
		}
		if text(got.Password) != want || got.Attributes != o {
			t.Errorf("%s: password %s, attributes %s", ops, text(got.Password), jsonOf(got.Attributes))
		}
	}
	if _, err := scim.UserType().Patch(mustReadObject(t, patchUser), patchOps(t, `{"op": "remove", "path": "password[value eq \"p\"]"}`, tolerantPatch), tolerantPatch); err == nil || oneFault(t, err).Rule != scim.RulePath {
		t.Errorf("a filter on password: %v", err)
	}
}

// changes writes member changes for comparison.
func changes(list []scim.MemberChange) string {
	var texts []string
	for _, c := range list {
		var ids []string
		for _, r := range c.Members {
			ids = append(ids, strings.TrimSuffix(r.ID+":"+r.Type, ":"))
		}
		if c.Matching != nil {
			ids = append(ids, "["+c.Matching.String()+"]")
		}
		texts = append(texts, fmt.Sprintf("%s %s @%d", map[scim.MemberOp]string{scim.AddMembers: "add", scim.RemoveMembers: "remove", scim.ReplaceMembers: "replace"}[c.Op], strings.Join(ids, " "), c.Operation))
	}
	return strings.Join(texts, "; ")
}

func TestPatchMembers(t *testing.T) {
	const from = `{"displayName": "G"}`
	for _, test := range []struct {
		name string
		o    scim.PatchOptions
		ops  string
		want string
		attr string
		rule scim.Rule
		path string
	}{
		{name: "scim:PAT-29 add a list", ops: `{"op": "add", "path": "members", "value": [{"value": "a", "type": "User"}, {"value": "b", "display": "B", "$ref": "https://x.example/Users/b"}]}`, want: "add a:User b @0"},
		{name: "scim:PAT-29 add one", ops: `{"op": "add", "path": "MEMBERS", "value": {"value": "a"}}`, want: "add a @0"},
		{name: "scim:PAT-26 add without path", ops: `{"op": "add", "value": {"members": [{"value": "a"}], "displayName": "H"}}`, want: "add a @0", attr: `{"displayName": "H"}`},
		{name: "scim:PAT-34 remove all", ops: `{"op": "remove", "path": "members"}`, want: "replace  @0"},
		{name: "scim:PAT-35 remove one by filter", ops: `{"op": "remove", "path": "members[value eq \"a\"]"}, {"op": "remove", "path": "members[VALUE eq \"A\"]"}`, want: "remove a @0; remove A @1"},
		{name: "scim:PAT-35 remove by another filter", ops: `{"op": "remove", "path": "members[type eq \"Group\" and value sw \"x\"]"}`, want: `remove [type eq "Group" and value sw "x"] @0`},
		{name: "scim:PAT-38 tolerant: remove those listed", o: tolerantPatch, ops: `{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "a"}, {"value": "b"}]}`, want: "remove a b @0"},
		{name: "scim:PAT-38 tolerant: remove one", o: tolerantPatch, ops: `{"op": "remove", "path": "members", "value": {"value": "a"}}`, want: "remove a @0"},
		{name: "scim:PAT-38 tolerant: an empty list removes nothing", o: tolerantPatch, ops: `{"op": "remove", "path": "members", "value": []}`, want: ""},
		{name: "scim:PAT-38 tolerant: those listed that the filter selects", o: tolerantPatch, ops: `{"op": "remove", "path": "members[value eq \"a\"]", "value": [{"value": "a"}, {"value": "b"}]}`, want: "remove a @0"},
		{name: "scim:PAT-38 strict: remove takes no value", ops: `{"op": "remove", "path": "members", "value": [{"value": "a"}]}`, rule: scim.RuleMessage, path: "value"},
		{name: "tolerant: an entry without value is not all", o: tolerantPatch, ops: `{"op": "remove", "path": "members", "value": [{"display": "a"}]}`, rule: scim.RuleRequired, path: "members[0].value"},
		{name: "tolerant: an empty entry is not all", o: tolerantPatch, ops: `{"op": "remove", "path": "members", "value": [{}]}`, rule: scim.RuleRequired, path: "members[0].value"},
		{name: "tolerant: a null entry is not all", o: tolerantPatch, ops: `{"op": "add", "path": "members", "value": [null]}`, rule: scim.RuleRequired, path: "members[0].value"},
		{name: "tolerant: plain strings", o: tolerantPatch, ops: `{"op": "add", "path": "members", "value": ["a", "b"]}`, want: "add a b @0"},
		{name: "$ref without value", ops: `{"op": "add", "path": "members", "value": [{"$ref": "https://x.example/scim/v2/Users/a"}, {"$ref": "Users/b/"}]}`, want: "add a b @0"},
		{name: "scim:PAT-44 replace the list", ops: `{"op": "replace", "path": "members", "value": [{"value": "a"}]}`, want: "replace a @0"},
		{name: "scim:PAT-50 replace by nothing", ops: `{"op": "replace", "path": "members", "value": []}, {"op": "replace", "path": "members", "value": null}`, want: "replace  @0; replace  @1"},
		{name: "scim:PAT-43 replace without path", o: tolerantPatch, ops: `{"op": "replace", "value": {"id": "g", "displayName": "H", "members": []}}`, want: "replace  @0", attr: `{"displayName": "H"}`},
		{name: "scim:PAT-06 in order", ops: `{"op": "remove", "path": "members[value eq \"a\"]"}, {"op": "add", "path": "members", "value": [{"value": "b"}]}, {"op": "replace", "path": "members", "value": [{"value": "c"}]}`, want: "remove a @0; add b @1; replace c @2"},
		{name: "scim:PAT-41 the value of a member", ops: `{"op": "replace", "path": "members[value eq \"a\"].value", "value": "b"}`, rule: scim.RuleImmutable, path: "members.value"},
		{name: "scim:PAT-41 the type of a member", ops: `{"op": "replace", "path": "members[value eq \"a\"].type", "value": "Group"}`, rule: scim.RuleImmutable, path: "members.type"},
		{name: "scim:PAT-41 the display of a member", ops: `{"op": "replace", "path": "members[value eq \"a\"].display", "value": "b"}`, rule: scim.RuleImmutable, path: "members.display"},
		{name: "tolerant: members are not made from a filter", o: tolerantPatch, ops: `{"op": "add", "path": "members[value eq \"a\"]", "value": {"display": "b"}}`, rule: scim.RuleNoTarget, path: `members[value eq "a"]`},
		{name: "scim:PAT-36 the name of a group is required", ops: `{"op": "remove", "path": "displayName"}`, rule: scim.RuleImmutable, path: "displayName"},
		{name: "a member of the wrong type", ops: `{"op": "add", "path": "members", "value": [{"value": 1}]}`, rule: scim.RuleType, path: "members[0].value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := mustReadObject(t, from)
			got, err := scim.GroupType().Patch(o, patchOps(t, test.ops, test.o), test.o)
			if test.rule != 0 {
				if err == nil {
					t.Fatalf("made %s", changes(got.Members))
				}
				if e := scim.Faults(err)[0]; e.Rule != test.rule || e.Path != test.path {
					t.Errorf("rule %d, path %q: %v", e.Rule, e.Path, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, changes(got.Members)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			switch {
			case test.attr == "" && got.Attributes != o:
				t.Errorf("attributes %s", jsonOf(got.Attributes))
			case test.attr != "" && jsonOf(got.Attributes) != jsonOf(mustReadObject(t, test.attr)):
				t.Errorf("attributes %s", jsonOf(got.Attributes))
			}
		})
	}
	t.Run("a filter selects members by what they are", func(t *testing.T) {
		got, err := scim.GroupType().Patch(mustReadObject(t, from), patchOps(t, `{"op": "remove", "path": "members[type eq \"Group\" or value eq \"A\"]"}`, strictPatch), strictPatch)
		if err != nil {
			t.Fatal(err)
		}
		for r, want := range map[scim.Reference]bool{
			{ID: "x", Type: "Group"}: true, {ID: "A", Type: "User"}: true, {ID: "a", Type: "User"}: false, {ID: "x", Type: "User"}: false,
		} {
			if got.Members[0].Selects(r) != want {
				t.Errorf("%+v: %t", r, !want)
			}
		}
	})
}

func TestParsePatch(t *testing.T) {
	const urn = `"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]`
	for _, test := range []struct {
		name string
		body string
		o    scim.PatchOptions
		want int // operations
		rule scim.Rule
		path string
	}{
		{name: "scim:PAT-02 the URI in another case", body: `{"schemas": ["URN:ietf:params:scim:api:messages:2.0:patchop"], "Operations": [{"op": "remove", "path": "title"}]}`, want: 1},
		{name: "scim:PAT-02 strict: no schemas", body: `{"Operations": [{"op": "remove", "path": "title"}]}`, rule: scim.RuleCoreSchemaMissing, path: "schemas"},
		{name: "scim:PAT-02 tolerant: no schemas", o: tolerantPatch, body: `{"Operations": [{"op": "remove", "path": "title"}]}`, want: 1},
		{name: "scim:PAT-02 tolerant: another URI", o: tolerantPatch, body: `{"schemas": ["urn:scim:schemas:core:1.0"], "active": false}`, rule: scim.RuleCoreSchemaMissing, path: "schemas"},
		{name: "scim:PAT-03 no operations", body: `{` + urn + `}`, rule: scim.RuleMessage, path: "Operations"},
		{name: "scim:PAT-03 empty operations", body: `{` + urn + `, "Operations": []}`, rule: scim.RuleMessage, path: "Operations"},
		{name: "scim:PAT-03 operations are no list", body: `{` + urn + `, "Operations": {"op": "remove"}}`, rule: scim.RuleMessage, path: "Operations"},
		{name: "scim:PAT-03 strict: names in another case", body: `{` + urn + `, "operations": [{"op": "remove", "path": "title"}]}`, rule: scim.RuleMessage, path: "Operations"},
		{name: "scim:PAT-03 tolerant: names in another case", o: tolerantPatch, body: `{` + urn + `, "operations": [{"Op": "remove", "PATH": "title", "Value": 1}]}`, want: 1},
		{name: "scim:PAT-04 no op", body: `{` + urn + `, "Operations": [{"op": "remove", "path": "title"}, {"path": "title"}]}`, rule: scim.RuleMessage, path: "op"},
		{name: "scim:PAT-04 op is no string", body: `{` + urn + `, "Operations": [{"op": 1}]}`, rule: scim.RuleMessage, path: "op"},
		{name: "an operation is no object", body: `{` + urn + `, "Operations": ["remove"]}`, rule: scim.RuleMessage, path: "Operations[0]"},
		{name: "path is no string", body: `{` + urn + `, "Operations": [{"op": "remove", "path": ["title"]}]}`, rule: scim.RuleMessage, path: "path"},
		{name: "scim:PAT-05 other members are ignored", body: `{` + urn + `, "id": "x", "Operations": [{"name": "n", "op": "remove", "path": "title", "id": "x"}]}`, want: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			ops, err := scim.ParsePatch(mustReadObject(t, test.body), test.o)
			if test.rule != 0 {
				if err == nil {
					t.Fatalf("read %v", ops)
				}
				if e := oneFault(t, err); e.Rule != test.rule || e.Path != test.path {
					t.Errorf("%+v", e)
				}
				return
			}
			if err != nil || len(ops) != test.want {
				t.Errorf("%v, %v", ops, err)
			}
		})
	}
	t.Run("scim:PAT-15 1000 operations and 10000 member values", func(t *testing.T) {
		repeat := func(text string, n int) string { return strings.TrimSuffix(strings.Repeat(text+",", n), ",") }
		read := func(ops string) ([]scim.PatchOperation, error) {
			o, err := scim.ReadObject([]byte(`{`+urn+`, "Operations": [`+ops+`]}`), scim.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			return scim.ParsePatch(o, strictPatch)
		}
		add := func(n int) string {
			return `{"op": "add", "path": "members", "value": [` + repeat(`{"value": "x"}`, n) + `]}`
		}
		for ops, fits := range map[string]bool{
			repeat(`{"op": "remove", "path": "externalId"}`, 1000): true, repeat(`{"op": "remove", "path": "externalId"}`, 1001): false,
			add(10_000): true, add(10_001): false, add(6000) + "," + add(4001): false,
		} {
			list, err := read(ops)
			if err == nil {
				_, err = scim.GroupType().Patch(mustReadObject(t, `{"displayName": "G"}`), list, strictPatch)
			}
			switch {
			case fits && err != nil:
				t.Errorf("%.60s: %v", ops, err)
			case !fits && err == nil:
				t.Errorf("%.60s: taken", ops)
			case !fits:
				if e := oneFault(t, err); e.Rule != scim.RuleTooLarge || e.Allowed[0] != "1000" && e.Allowed[0] != "10000" {
					t.Errorf("%.60s: %v", ops, err)
				}
			}
		}
	})
}

func TestParsePatchPath(t *testing.T) {
	for _, text := range []string{
		"userName", "name.givenName", `emails[type eq "work"]`, `emails[type eq "work" and (value co "x" or not (primary eq true))].value`,
		scim.EnterpriseSchema, scim.EnterpriseSchema + ":manager.value", scim.EnterpriseSchema + `:manager[value eq "x"].displayName`, `members[$ref eq "x"]`,
	} {
		p, err := scim.ParsePatchPath(text, scim.FilterOptions{})
		if err != nil || p.String() != text {
			t.Errorf("%s: %s, %v", text, p, err)
		}
	}
	t.Run("scim:PAT-18 malformed", func(t *testing.T) {
		for text, rule := range map[string]scim.Rule{
			"": scim.RulePath, " ": scim.RulePath, "a b": scim.RulePath, "name.": scim.RulePath, ".x": scim.RulePath, "a.b.c": scim.RulePath, "/name/givenName": scim.RulePath,
			`emails[type eq "x"]value`: scim.RulePath, `emails[type eq "x"].`: scim.RulePath, `emails[type eq "x"].a.b`: scim.RulePath, `emails[type eq "x"] `: scim.RulePath,
			`emails.value[type eq "x"]`: scim.RulePath, `emails[type eq "x"].value[x eq 1]`: scim.RulePath, `emails(type eq "x")`: scim.RulePath, `"emails"`: scim.RulePath,
			`[type eq "x"]`: scim.RulePath, "emails]": scim.RulePath, strings.Repeat("a", 9000): scim.RulePath,
			"emails[]": scim.RuleFilter, "emails[": scim.RuleFilter, `emails[type eq "x"`: scim.RuleFilter, "emails[type xx 1]": scim.RuleFilter, `emails[a[b eq 1]]`: scim.RuleFilter,
			"emails[" + strings.Repeat("(", 1000) + "a pr" + strings.Repeat(")", 1000) + "]": scim.RuleFilter,
		} {
			p, err := scim.ParsePatchPath(text, scim.FilterOptions{})
			if err == nil {
				t.Errorf("%q: parsed as %s", text, p)
				continue
			}
			if e := oneFault(t, err); e.Rule != rule || e.Path != text {
				t.Errorf("%q: %v", text, e)
			}
		}
	})
}

// The cost of a change does not depend on how many members there are, because
// they are not read, and patches of long lists do not take quadratic time.
func TestPatchBombs(t *testing.T) {
	list := func(n int) string {
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprintf(`{"value": "v%d@x.example"}`, i)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	for name, ops := range map[string]string{
		"long lists":       `{"op": "add", "path": "emails", "value": ` + list(10_000) + `}, {"op": "add", "path": "emails", "value": ` + list(10_000) + `}`,
		"many operations":  strings.TrimSuffix(strings.Repeat(`{"op": "add", "path": "emails[type eq \"x\"].value", "value": "a@x.example"},`, 1000), ","),
		"long list listed": `{"op": "add", "path": "emails", "value": ` + list(10_000) + `}, {"op": "remove", "path": "emails", "value": ` + list(10_000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if _, err := scim.UserType().Patch(mustReadObject(t, `{"userName": "ada"}`), patchOps(t, ops, tolerantPatch), tolerantPatch); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestPatchWork(t *testing.T) {
	long := make([]scim.Value, 10_000)
	for i := range long {
		long[i] = scim.ObjectValue(scim.NewObject(scim.Member{Name: "value", Value: scim.StringValue(fmt.Sprint(i))}))
	}
	o := mustReadObject(t, `{"userName": "ada"}`).Set("ims", scim.ListValue(long...))
	ops := strings.TrimSuffix(strings.Repeat(`{"op": "replace", "path": "ims[value eq \"7\"].type", "value": "x"},`, 1000), ",")
	start := time.Now()
	_, err := scim.UserType().Patch(o, patchOps(t, ops, tolerantPatch), tolerantPatch)
	if err == nil || oneFault(t, err).Rule != scim.RuleTooLarge {
		t.Errorf("1000 looks at 10000 elements: %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func FuzzParsePatchPath(f *testing.F) {
	for _, seed := range []string{"name.givenName", `emails[type eq "work"].value`, scim.EnterpriseSchema + `.manager[value eq 'x']`, "a[b", "urn:x:y[a pr].c"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, loose bool) {
		p, err := scim.ParsePatchPath(text, scim.FilterOptions{Loose: loose})
		if err != nil {
			if e := oneFault(t, err); e.Rule != scim.RulePath && e.Rule != scim.RuleFilter || e.Path != text {
				t.Fatalf("%q: error %+v", text, e)
			}
			return
		}
		again, err := scim.ParsePatchPath(p.String(), scim.FilterOptions{MaxLength: 1 << 20, MaxDepth: 40})
		if err != nil || again.String() != p.String() {
			t.Fatalf("%q printed as %q, and that as %q, %v", text, p, again, err)
		}
	})
}

func FuzzPatch(f *testing.F) {
	for _, seed := range []string{
		`[{"op": "add", "path": "emails[type eq \"work\"].value", "value": "x"}, {"op": "replace", "value": {"name.givenName": "x", "active": "False"}}]`,
		`[{"op": "Remove", "path": "emails", "value": [{"value": "x"}]}, {"op": "remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"}]`,
		`[{"op": "replace", "path": "manager", "value": ""}, {"op": "add", "path": "schemas", "value": ["x"]}, {"op": "add", "value": {"urn:rollcall:schemas:extension:2.0:ManagedUser": {"x": {"y": []}}}}]`,
		`[{"op": "add", "path": "members", "value": ["a", {"$ref": "Users/b"}]}, {"op": "remove", "path": "members[type eq \"User\"]"}]`,
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, ops string, tolerant bool) {
		body, err := scim.ReadObject([]byte(`{"Operations": `+ops+`}`), scim.Limits{})
		if err != nil {
			return
		}
		o := strictPatch
		if tolerant {
			o = tolerantPatch
		}
		o.Rewrites |= scim.RewriteSchemasAssume
		list, err := scim.ParsePatch(body, o)
		if err != nil {
			return
		}
		for _, rt := range []*scim.ResourceType{scim.UserType(), scim.GroupType()} {
			from := `{"displayName": "G"}`
			if rt.Name == "User" {
				from = patchUser
			}
			before := mustReadObject(t, from)
			text := jsonOf(before)
			got, err := rt.Patch(before, list, o)
			if jsonOf(before) != text {
				t.Fatalf("%s changed the resource to %s", ops, jsonOf(before))
			}
			if err != nil {
				if len(scim.Faults(err)) == 0 {
					t.Fatalf("%s: %v", ops, err)
				}
				continue
			}
			checks := scim.Checks{Schemas: scim.SchemasAssumed, InferExtensions: true, Unknown: scim.RejectUnknown, AnyType: true, AnyFormat: true, AnyUserName: true}
			again, faults := rt.Normalize(got.Attributes, checks)
			if len(faults) > 0 {
				t.Fatalf("%s made %s: %v", ops, jsonOf(got.Attributes), faults)
			}
			if !scim.Equal(scim.ObjectValue(again), scim.ObjectValue(got.Attributes)) {
				t.Fatalf("%s made %s, which is not %s", ops, jsonOf(got.Attributes), jsonOf(again))
			}
			if !json.Valid([]byte(jsonOf(got.Attributes))) {
				t.Fatalf("%s made %s", ops, jsonOf(got.Attributes))
			}
		}
	})
}
