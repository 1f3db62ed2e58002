package crest

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
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
type policy struct {
	code   string
	params *scim.Object
	holds  func(text string) bool
}

func minLength(n int) policy {
	return policy{"MIN_LENGTH", param("minLength", scim.IntValue(int64(n))), func(text string) bool { return utf8.RuneCountInString(text) >= n }}
}

func maxLength(n int) policy {
	return policy{"MAX_LENGTH", param("maxLength", scim.IntValue(int64(n))), func(text string) bool { return utf8.RuneCountInString(text) <= n }}
}

var (
	noSlash      = policy{"CANNOT_CONTAIN_CHARACTERS", param("forbiddenChars", scim.StringValue("/")), regexp.MustCompile(`^[^/]*$`).MatchString}
	emailAddress = policy{"VALID_EMAIL_ADDRESS_FORMAT", nil, regexp.MustCompile(`(?s).+@.+\..+`).MatchString}
	phoneNumber  = policy{"VALID_PHONE_FORMAT", nil, regexp.MustCompile(`^\+?[0-9\- ()]*$`).MatchString}
)

func param(name string, v scim.Value) *scim.Object {
	return scim.NewObject(member(name, v))
}

// check returns what m fails of the vendor's schema (AIC-049, AIC-052). old is
// the object that m replaces, nil for none: a value that m only repeats is not
// judged again, because other doors take values that this one would refuse and
// what was read can be written back (AIC-076).
func (q *request) check(m, old *scim.Object) (failed []requirement) {
	k := q.c.kind
	for _, p := range k.properties {
		v := m.Get(p.name)
		needed := p.is(required) && (q.c.full || q.strict() || !p.is(full))
		switch {
		case p.is(readOnly):
		case v.IsNull():
			if needed {
				failed = append(failed, requirement{p.name, "REQUIRED", nil})
			}
		case old != nil && scim.Equal(v, k.stored(p, old)):
		default:
			failed = append(failed, p.check(p.name, v, needed)...)
			if p.is(credential) && p.form.takes(v) {
				for _, e := range scim.Faults(q.password(v.Text())) {
					failed = append(failed, passwordRequirement(e))
				}
			}
		}
	}
	return failed
}

// check returns what a value that is not null fails. name is the property's
// with its place: preferences/updates.
func (p *property) check(name string, v scim.Value, needed bool) (failed []requirement) {
	if !p.form.takes(v) {
		return []requirement{wrongType(name, p.form, v, needed)}
	}
	// An empty optional text has no format that it could break.
	if v.Kind() == scim.String && (needed || v.Text() != "") {
		if v.Text() == "" && len(p.rules) == 0 {
			failed = append(failed, requirement{name, "REQUIRED", nil})
		}
		for _, rule := range p.rules {
			if !rule.holds(v.Text()) {
				failed = append(failed, requirement{name, rule.code, rule.params})
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

func (p *property) checkMembers(name string, o *scim.Object) (failed []requirement) {
	for _, m := range p.members {
		if v := o.Get(m.name); !v.IsNull() {
			failed = append(failed, m.check(name+"/"+m.name, v, false)...)
		}
	}
	return failed
}

func (f form) takes(v scim.Value) bool { return f == anything || v.Kind() == jsonKinds[f] }

// item returns the form of an array's items.
func (f form) item() form {
	return map[form]form{objects: object, references: object, texts: text}[f]
}

// jsonKinds are the kinds of JSON values that a form takes, besides null.
var jsonKinds = map[form]scim.Kind{
	text: scim.String, number: scim.Number, boolean: scim.Bool, object: scim.ObjectKind, objects: scim.Array,
	texts: scim.Array, list: scim.Array, reference: scim.ObjectKind, references: scim.Array,
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
		list[i] = scim.ObjectValue(scim.NewObject(textMember("property", name), member("policyRequirements", scim.ListValue(byName[name]...))))
	}
	return scim.NewObject(member("result", scim.BoolValue(len(failed) == 0)), member("failedPolicyRequirements", scim.ListValue(list...)))
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

// passwordCodes are the vendor's for what a password lacks, by the policy's name
// for it. Clients read the codes; the names of their parameters are our own.
var passwordCodes = map[string]struct{ code, param string }{
	"minLength": {"LENGTH_BASED", "min-password-length"},
	"maxLength": {"LENGTH_BASED", "max-password-length"},
	"capitals":  {"AT_LEAST_X_CAPITAL_LETTERS", "numCaps"},
	"digits":    {"AT_LEAST_X_NUMBERS", "numNums"},
	"special":   {"AT_LEAST_X_SPECIAL_CHARACTERS", "numSpecials"},
	"words":     {"DICTIONARY_BASED", ""},
}

// passwordRequirement translates what a password lacks.
func passwordRequirement(e *scim.Error) requirement {
	f := requirement{"password", "LENGTH_BASED", nil}
	if len(e.Allowed) < 2 {
		return f
	}
	in := passwordCodes[e.Allowed[0]]
	if in.param != "" {
		f.params = param(in.param, scim.NumberValue(e.Allowed[1]))
	}
	f.code = cmp.Or(in.code, f.code)
	return f
}

// taken returns the requirement that a taken value fails.
func (c *collection) taken(property string) string {
	if property == "userName" {
		return cmp.Or(c.takenName, "VALID_USERNAME")
	}
	return "UNIQUE"
}

var index = regexp.MustCompile(`\[[0-9]+\]`)

// propertyAt returns the name of the property that shows a canonical attribute,
// and the attribute's own path where none does.
func (c *collection) propertyAt(path string) string {
	at, err := scim.ParsePath(index.ReplaceAllString(path, ""))
	if p := c.kind.at(at); err == nil && p != nil {
		return p.name
	}
	return path
}
