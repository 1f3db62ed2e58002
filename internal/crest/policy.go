package crest

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A requirement is one that a property has failed, by the vendor's code.
type requirement struct {
	property string
	code     string
	params   *scim.Object
}

// unmet is the requirements that an object fails, before they are worded.
type unmet []requirement

func (u unmet) Error() string { return "crest: requirements are not met" }

// A policy is what the vendor's schema asks of the text of a property.
type policy func(value string) (code string, params *scim.Object)

func minLength(n int) policy {
	return func(value string) (string, *scim.Object) {
		if utf8.RuneCountInString(value) >= n {
			return "", nil
		}
		return "MIN_LENGTH", param("minLength", scim.IntValue(int64(n)))
	}
}

func maxLength(n int) policy {
	return func(value string) (string, *scim.Object) {
		if utf8.RuneCountInString(value) <= n {
			return "", nil
		}
		return "MAX_LENGTH", param("maxLength", scim.IntValue(int64(n)))
	}
}

func without(chars string) policy {
	return func(value string) (string, *scim.Object) {
		if !strings.ContainsAny(value, chars) {
			return "", nil
		}
		return "CANNOT_CONTAIN_CHARACTERS", param("forbiddenChars", scim.StringValue(chars))
	}
}

var (
	emailPattern = regexp.MustCompile(`(?s).+@.+\..+`)
	phonePattern = regexp.MustCompile(`^\+?[0-9\- ()]*$`)
)

func emailAddress(value string) (string, *scim.Object) {
	if emailPattern.MatchString(value) {
		return "", nil
	}
	return "VALID_EMAIL_ADDRESS_FORMAT", nil
}

func phoneNumber(value string) (string, *scim.Object) {
	if phonePattern.MatchString(value) {
		return "", nil
	}
	return "VALID_PHONE_FORMAT", nil
}

func param(name string, v scim.Value) *scim.Object {
	return scim.NewObject(scim.Member{Name: name, Value: v})
}

// check returns what m fails of the vendor's schema (AIC-049, AIC-052). old is
// the object that m replaces, nil for none: a value that m only repeats is not
// judged again, because other doors take values that this one would refuse and
// what was read can be written back (AIC-076). password returns what is wrong
// with a new one: RulePassword.
func (c *collection) check(m, old *scim.Object, password func(string) error) []requirement {
	var failed []requirement
	for i := range c.kind.properties {
		p := &c.kind.properties[i]
		v := m.Get(p.name)
		needed := p.is(required) && (c.full || !p.is(full))
		switch {
		case p.is(readOnly):
		case v.IsNull():
			if needed {
				failed = append(failed, requirement{p.name, "REQUIRED", nil})
			}
		case old != nil && scim.Equal(v, c.kind.stored(p, old)):
		default:
			failed = append(failed, p.check(p.name, v, needed)...)
			if p.is(credential) && p.form.takes(v) {
				for _, e := range scim.Faults(password(v.Text())) {
					failed = append(failed, passwordRequirement(e))
				}
			}
		}
	}
	return failed
}

// check returns what a value that is not null fails. name is the property's
// with its place: preferences/updates.
func (p *property) check(name string, v scim.Value, needed bool) []requirement {
	if !p.form.takes(v) {
		return []requirement{wrongType(name, p.form, v, needed)}
	}
	var failed []requirement
	if v.Kind() == scim.String {
		if v.Text() == "" && needed && len(p.rules) == 0 {
			failed = append(failed, requirement{name, "REQUIRED", nil})
		}
		for _, rule := range p.rules {
			// An empty optional text has no format that it could break.
			if v.Text() == "" && !needed {
				break
			}
			if code, params := rule(v.Text()); code != "" {
				failed = append(failed, requirement{name, code, params})
			}
		}
	}
	for i, item := range v.List() {
		at := name + "/" + strconv.Itoa(i)
		if f := p.form.item(); !f.takes(item) {
			failed = append(failed, wrongType(at, f, item, true))
			continue
		}
		failed = append(failed, p.checkMembers(at, item.Object())...)
	}
	return append(failed, p.checkMembers(name, v.Object())...)
}

func (p *property) checkMembers(name string, o *scim.Object) []requirement {
	var failed []requirement
	for i := range p.members {
		m := &p.members[i]
		if v := o.Get(m.name); !v.IsNull() {
			failed = append(failed, m.check(name+"/"+m.name, v, false)...)
		}
	}
	return failed
}

// jsonKinds are the kinds of JSON values that a form takes, besides null.
var jsonKinds = map[form]scim.Kind{
	text: scim.String, number: scim.Number, boolean: scim.Bool, object: scim.ObjectKind, objects: scim.Array,
	texts: scim.Array, list: scim.Array, reference: scim.ObjectKind, references: scim.Array,
}

func (f form) takes(v scim.Value) bool { return f == anything || v.Kind() == jsonKinds[f] }

// item returns the form of an array's items.
func (f form) item() form {
	switch f {
	case objects, references:
		return object
	case texts:
		return text
	}
	return anything
}

// typeNames are the vendor's names for the kinds of JSON values.
var typeNames = map[scim.Kind]string{
	scim.Null: "null", scim.Bool: "boolean", scim.Number: "number", scim.String: "string",
	scim.Array: "array", scim.ObjectKind: "object",
}

func wrongType(name string, f form, v scim.Value, needed bool) requirement {
	valid := []string{typeNames[jsonKinds[f]]}
	if !needed {
		valid = append(valid, typeNames[scim.Null])
	}
	params := param("invalidType", scim.StringValue(typeNames[v.Kind()])).Set("validTypes", scim.Strings(valid...))
	return requirement{name, "VALID_TYPE", params}
}

// policyFailure words failed requirements (AIC-052).
func policyFailure(message string, failed []requirement) error {
	var faults scim.Errors
	for _, f := range failed {
		faults = append(faults, &scim.Error{Rule: scim.RulePattern, Path: f.property, Detail: f.code})
	}
	return &refusal{status: http.StatusForbidden, message: message, detail: scim.ObjectValue(verdict(failed)), fault: faults}
}

// verdict returns the answer of the policies, with failed requirements collected
// by property.
func verdict(failed []requirement) *scim.Object {
	var names []string
	byName := map[string][]scim.Value{}
	for _, f := range failed {
		one := param("policyRequirement", scim.StringValue(f.code))
		if f.params != nil {
			one.Set("params", scim.ObjectValue(f.params))
		}
		if !slices.Contains(names, f.property) {
			names = append(names, f.property)
		}
		byName[f.property] = append(byName[f.property], scim.ObjectValue(one))
	}
	list := make([]scim.Value, len(names))
	for i, name := range names {
		list[i] = scim.ObjectValue(scim.NewObject(
			scim.Member{Name: "property", Value: scim.StringValue(name)},
			scim.Member{Name: "policyRequirements", Value: scim.ListValue(byName[name]...)},
		))
	}
	return scim.NewObject(
		scim.Member{Name: "result", Value: scim.BoolValue(len(failed) == 0)},
		scim.Member{Name: "failedPolicyRequirements", Value: scim.ListValue(list...)},
	)
}

// requirements translates the faults that directory found into the
// vendor's. ok is false if one of them is no matter of policy.
func (c *collection) requirements(faults scim.Errors) (failed []requirement, ok bool) {
	for _, e := range faults {
		if e.Path == "id" { // no property, and no policy about it
			return nil, false
		}
		name := c.propertyAt(e.Path)
		switch e.Rule {
		case scim.RulePassword:
			failed = append(failed, passwordRequirement(e))
		case scim.RuleUnique:
			failed = append(failed, requirement{name, c.taken(name), nil})
		case scim.RuleRequired:
			failed = append(failed, requirement{name, "REQUIRED", nil})
		case scim.RuleLength, scim.RuleLimit:
			var most scim.Value
			if len(e.Allowed) > 0 {
				most = scim.NumberValue(e.Allowed[0])
			}
			failed = append(failed, requirement{name, "MAX_LENGTH", param("maxLength", most)})
		case scim.RuleType, scim.RuleMultiValued, scim.RuleSingleValued:
			failed = append(failed, requirement{name, "VALID_TYPE", param("validTypes", scim.Strings(e.Allowed...))})
		case scim.RulePattern, scim.RuleURI, scim.RuleBinary, scim.RuleDateTime:
			failed = append(failed, requirement{name, "MATCH_REGEXP", nil})
		case scim.RuleCanonical:
			failed = append(failed, requirement{name, "VALID_ENUM_VALUE", param("enumValues", scim.Strings(e.Allowed...))})
		default:
			return nil, false
		}
	}
	return failed, len(failed) > 0
}

// passwordRequirement translates what a password lacks. Clients read the codes;
// their parameters are our own.
func passwordRequirement(e *scim.Error) requirement {
	f := requirement{"password", "LENGTH_BASED", nil}
	if len(e.Allowed) < 2 {
		return f
	}
	limit := scim.NumberValue(e.Allowed[1])
	switch e.Allowed[0] {
	case "minLength":
		f.params = param("min-password-length", limit)
	case "maxLength":
		f.params = param("max-password-length", limit)
	case "capitals":
		f.code, f.params = "AT_LEAST_X_CAPITAL_LETTERS", param("numCaps", limit)
	case "digits":
		f.code, f.params = "AT_LEAST_X_NUMBERS", param("numNums", limit)
	case "special":
		f.code, f.params = "AT_LEAST_X_SPECIAL_CHARACTERS", param("numSpecials", limit)
	case "words":
		f.code = "DICTIONARY_BASED"
	}
	return f
}

// taken returns the requirement that a taken value fails.
func (c *collection) taken(property string) string {
	if property == "userName" && c.unique == "" {
		return "VALID_USERNAME"
	}
	return "UNIQUE"
}

var index = regexp.MustCompile(`\[[0-9]+\]`)

// propertyAt returns the name of the property that shows a canonical attribute,
// and the attribute's own path where none does.
func (c *collection) propertyAt(path string) string {
	var at scim.Path
	rest := index.ReplaceAllString(path, "")
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		at.Schema, rest = rest[:i], rest[i+1:]
	}
	at.Attr, at.Sub, _ = strings.Cut(rest, ".")
	if p := c.kind.at(at); p != nil {
		return p.name
	}
	return path
}
