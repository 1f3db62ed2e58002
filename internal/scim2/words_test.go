package scim2_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// A said is what the three profiles make of a fault.
type said struct {
	fault                  *scim.Error
	status                 int
	standard, pingOne, rsa string // "scimType: detail", or the detail alone where there is no scimType
}

// TestWords hands faults to the doors that no request of these tests can make
// yet, or that every dialect words its own way.
func TestWords(t *testing.T) {
	for _, s := range []said{
		{&scim.Error{Rule: scim.RuleDateTime, Path: "x"}, 400,
			"invalidValue: x is not a date and time such as 2026-01-31T12:00:00Z", "invalidSyntax: Value for attribute x is not a valid xsd:dateTime formatted string",
			"invalidSyntax: Value for attribute x is not a valid xsd:dateTime formatted string."},
		{&scim.Error{Rule: scim.RuleType, Path: "x", Allowed: []string{"number"}}, 400,
			"invalidValue: x must be of the JSON type number", "invalidSyntax: Value for attribute x must be a JSON number", "invalidSyntax: Value for attribute x must be a JSON number."},
		{&scim.Error{Rule: scim.RuleType, Path: "x", Allowed: []string{"integer"}}, 400,
			"invalidValue: x must be of the JSON type integer", "invalidSyntax: Value for attribute x is not an integral number", "invalidSyntax: Value for attribute x is not an integral number."},
		{&scim.Error{Rule: scim.RuleBinary, Path: "x"}, 400, "invalidValue: x is not base64", "invalidValue: x: is not base64", "invalidSyntax: Value for attribute x is not a valid base64 encoded string."},
		{&scim.Error{Rule: scim.RuleURI, Path: "x"}, 400, "invalidValue: x is not a URI", "invalidValue: x: is not a URI", "invalidSyntax: Value for attribute x is not a valid URI string."},
		{&scim.Error{Rule: scim.RuleCanonical, Path: "x", Value: "v", Allowed: []string{"a", "b"}}, 400,
			"invalidValue: x must be one of a, b", "invalidValue: x: must be one of a, b", "invalidSyntax: Value v is not valid for attribute x because it is not one of the canonical types: a, b."},
		{&scim.Error{Rule: scim.RuleReadOnly, Path: "x"}, 400, "mutability: x is read-only", "mutability: Attribute x is read-only", "mutability: Attribute x is read-only."},
		{&scim.Error{Rule: scim.RuleImmutable, Path: "x"}, 400, "mutability: x is immutable", "mutability: Attribute x is immutable and value(s) may not be replaced",
			"mutability: Attribute x is immutable and value(s) may not be replaced."},
		{&scim.Error{Rule: scim.RuleDangling, Path: "x", Value: "7"}, 400,
			"invalidValue: x: there is nothing with the id 7", "invalidValue: x: does not exist", "invalidValue: x: there is nothing with the id 7."},
		{&scim.Error{Rule: scim.RulePath, Path: "x", Detail: "no"}, 400, "invalidPath: x: no", "invalidPath: x: no", "invalidPath: x: no."},
		{&scim.Error{Rule: scim.RuleNoTarget, Path: "x", Value: "y eq 1"}, 400,
			"noTarget: x has no value for which y eq 1 holds", "noTarget: Attribute x does not have a value matching the filter y eq 1",
			"noTarget: Attribute x does not have a value matching the filter y eq 1."},
		{&scim.Error{Rule: scim.RuleTooMany, Path: "title"}, 400,
			"tooMany: The filter would have to read too many resources; an index of title would help",
			"tooMany: The filter would have to read too many resources; an index of title would help",
			"tooMany: The filter would have to read too many resources; an index of title would help."},
		{&scim.Error{Rule: scim.RuleFilter, Path: "x", Detail: "no", Column: 3}, 400,
			"invalidFilter: Invalid filter: x: no at character 3", "invalidFilter: Invalid filter: x: no at character 3", "invalidFilter: Unsupported Search Filter"},
		{&scim.Error{Rule: scim.RuleFilterAttribute, Path: "x"}, 400,
			"invalidFilter: Invalid filter: x is not an attribute to filter on", "invalidFilter: Invalid filter: x is not an attribute to filter on", "invalidFilter: Unsupported Search Filter"},
		{&scim.Error{Rule: scim.RuleParameter, Path: "count", Detail: "not an integer"}, 400,
			"invalidValue: count: not an integer", "invalidValue: count: not an integer", "invalidValue: count: not an integer."},
		{&scim.Error{Rule: scim.RuleExists, Value: "7"}, 409, "uniqueness: The id is already in use", "uniqueness: id is unique but a non-unique value is provided", "uniqueness: Conflict"},
		{&scim.Error{Rule: scim.RuleUnique, Schema: "Group", Path: "displayName", Value: "g"}, 409,
			"uniqueness: displayName is already in use", "uniqueness: displayName is unique but a non-unique value is provided", "uniqueness: Group with displayName g already exists."},
		{&scim.Error{Rule: scim.RuleForbidden}, 403, "The credential does not allow this", noAccess, "Forbidden"},
		{&scim.Error{Rule: scim.RuleProtected, Schema: "Group", Value: "7"}, 403, "Group 7 is built in and stays", noAccess, "Forbidden"},
		{&scim.Error{Rule: scim.RuleVersion}, 412, "The resource has another version than If-Match says", "The resource has another version than If-Match says", "Precondition Failed"},
		{&scim.Error{Rule: scim.RuleTooLarge, Allowed: []string{"9"}}, 413, "The body is larger than 9 bytes", "The body is larger than 9 bytes", "Request Entity Too Large"},
		{&scim.Error{Rule: scim.RuleLongURL, Allowed: []string{"9"}}, 414, "The URL is longer than 9 bytes", "The URL is longer than 9 bytes", "Request URI Too Long"},
		{&scim.Error{Rule: scim.RuleMediaType, Value: "text/x", Allowed: []string{"a", "b"}}, 415,
			`The media type or coding "text/x" is not supported; possible: a, b`, `The media type or coding "text/x" is not supported; possible: a, b`, "Unsupported Media Type"},
		{&scim.Error{Rule: scim.RuleUnsupported, Path: "Bulk"}, 501, "Bulk is not supported", "Not implemented", "Not Implemented"},
		{&scim.Error{Rule: scim.RuleBusy, Allowed: []string{"3"}}, 503, "The server has too much to do; try again after 3 s", "The server has too much to do; try again after 3 s", "Service Unavailable"},
		{&scim.Error{Rule: scim.RuleRate, Allowed: []string{"3"}}, 429, "Too many requests; try again after 3 s", "Too many requests", "Too Many Requests"},
		{&scim.Error{Rule: scim.RuleMessage, Path: "Operations", Detail: "a list of operations is needed"}, 400,
			"invalidSyntax: Operations: a list of operations is needed", "invalidSyntax: Operations: a list of operations is needed", "invalidSyntax: Operations: a list of operations is needed."},
		{&scim.Error{Rule: scim.RuleMessage, Path: "op", Allowed: []string{"add", "remove"}}, 400,
			"invalidSyntax: op must be one of add, remove", "invalidSyntax: op must be one of add, remove", "invalidSyntax: op must be one of add, remove."},
		{&scim.Error{Rule: scim.RuleLimit, Path: "title", Allowed: []string{"9"}, Detail: "bytes of a string"}, 400,
			"invalidSyntax: The body is beyond a limit: title: more than 9 bytes of a string", "invalidSyntax: The request body could not be parsed: more than 9 bytes of a string",
			"invalidSyntax: Unable to parse request: more than 9 bytes of a string."},
		{&scim.Error{Rule: scim.RuleCycle, Path: "members[0].value", Value: "7"}, 400, "invalidValue: members[0].value: the group would be a member of itself through 7",
			"invalidValue: members[0].value: the group would be a member of itself through 7", "invalidValue: members[0].value: the group would be a member of itself through 7."},
	} {
		t.Run(s.fault.Error(), func(t *testing.T) {
			for dialect, detail := range map[string]string{"standard": s.standard, "pingone": s.pingOne, "rsa": s.rsa} {
				p := map[string]scim2.Profile{"standard": scim2.Standard(scim2.Options{}), "pingone": scim2.PingOne(scim2.Options{}), "rsa": scim2.RSA(scim2.Options{})}[dialect]
				a := wordError(p, s.fault)
				a.request = dialect
				scimType, _ := a.get("scimType").(string)
				a.wantError(t, s.status, scimType, fmt.Sprint(a.get("detail")))
				got := fmt.Sprint(a.get("detail"))
				if scimType != "" {
					got = scimType + ": " + got
				}
				want(t, dialect, got, detail)
				if s.fault.Rule == scim.RuleBusy || s.fault.Rule == scim.RuleRate {
					a.wantHeader(t, "Retry-After", "3")
				}
			}
		})
	}
}

// TestEveryRule: no rule is left without a status of its own at any door.
func TestEveryRule(t *testing.T) {
	for rule := scim.RuleJSON; rule <= scim.RuleInUse; rule++ {
		for _, p := range []scim2.Profile{scim2.Standard(scim2.Options{}), scim2.PingOne(scim2.Options{}), scim2.RSA(scim2.Options{PasswordRefusal: true})} {
			a := wordError(p, &scim.Error{Rule: rule, Path: "x", Value: "v", Schema: "User", Detail: "d", Allowed: []string{"1"}})
			scimType, _ := a.get("scimType").(string)
			if a.status < 400 || a.status == 500 || (scimType != "") != (a.status == 400 || a.status == 409) {
				t.Errorf("rule %d: status %d, scimType %q, body %s", rule, a.status, scimType, a.body)
			}
			a.wantError(t, a.status, scimType, "")
		}
	}
}

func wordError(p scim2.Profile, err error) *answer {
	w := httptest.NewRecorder()
	scim2.New(nil, p, publicURL)[0].Error(w, httptest.NewRequest("POST", publicURL+"/", nil), err)
	return &answer{request: err.Error(), status: w.Code, header: w.Header(), body: w.Body.Bytes()}
}
