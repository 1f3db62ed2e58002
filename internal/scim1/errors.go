package scim1

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// writeError words an error: the status of the first fault and one
// description for each (p14e section 9, X1-X3). What carries no fault of the
// request is ours, and says nothing but that.
func (d *door) writeError(w http.ResponseWriter, r *http.Request, err error) {
	faults := scim.Faults(err)
	if len(faults) == 0 {
		d.writeErrors(w, http.StatusInternalServerError, "Internal error")
		return
	}
	status, texts := 0, make([]string, len(faults))
	for i, e := range faults {
		s, text := word(e)
		if i == 0 {
			status = s
		}
		texts[i] = text
	}
	d.explain(w, faults[0])
	d.writeErrors(w, status, texts...)
}

// explain sets the headers that go with a fault.
func (d *door) explain(w http.ResponseWriter, e *scim.Error) {
	switch e.Rule {
	case scim.RuleUnauthenticated:
		for _, challenge := range d.Challenge {
			w.Header().Add("WWW-Authenticate", challenge)
		}
	case scim.RuleBusy, scim.RuleRate:
		if seconds := first(e.Allowed); seconds != "" {
			w.Header().Set("Retry-After", seconds) // p14e A11
		}
	}
}

func (d *door) writeErrors(w http.ResponseWriter, status int, texts ...string) {
	list := make([]scim.Value, len(texts))
	for i, text := range texts {
		list[i] = scim.ObjectValue(scim.NewObject(
			scim.Member{Name: "description", Value: scim.StringValue(text)},
			scim.Member{Name: "code", Value: scim.StringValue(strconv.Itoa(status))}))
	}
	body := scim.NewObject(scim.Member{Name: "Errors", Value: scim.ListValue(list...)})
	if d.newer {
		body.Set("detail", scim.StringValue(strings.Join(texts, "; ")))
	}
	write(w, status, body)
}

// word chooses status and text of a fault: the table of p14e section 9. Rules
// that the table lacks are a 400 in its manner.
func word(e *scim.Error) (status int, text string) {
	path := publicPath(e.Path)
	switch e.Rule {
	case scim.RuleUnauthenticated:
		return 401, "Authentication failed"
	case scim.RuleForbidden, scim.RuleProtected:
		return 403, "Operation not permitted"
	case scim.RuleNotFound:
		return 404, "Resource " + e.Value + " not found"
	case scim.RuleNoEndpoint:
		return 404, "No such endpoint"
	case scim.RuleMethod:
		return 405, "Method not allowed"
	case scim.RuleMediaType:
		if e.Path == "Accept" {
			return 406, "Not acceptable"
		}
		return 415, "Unsupported media type"
	case scim.RuleUnique:
		return 409, e.Schema + " with " + path + " " + e.Value + " already exists"
	case scim.RuleExists:
		return 409, "Resource " + e.Value + " already exists"
	case scim.RuleVersion:
		return 412, "Resource version does not match"
	case scim.RuleTooLarge:
		return 413, "Request body is too large"
	case scim.RuleLongURL:
		return 414, "URL is too long"
	case scim.RuleRate:
		return 429, "Too many requests"
	case scim.RuleUnknownSchema:
		return 400, "PATCH bodies must use the SCIM 1.1 form"
	case scim.RuleUnsupported:
		return 501, "Not implemented"
	case scim.RuleBusy:
		return 503, "Service unavailable"
	case scim.RuleJSON, scim.RuleEmptyBody, scim.RuleTrailingData, scim.RuleNotObject, scim.RuleLimit:
		return 400, "Request body is not valid JSON: " + jsonReason(e)
	case scim.RuleDuplicateMember:
		return 400, "Duplicate attribute " + path
	case scim.RuleParameter:
		return 400, "Invalid value for parameter " + e.Path
	case scim.RuleFilter, scim.RuleFilterAttribute, scim.RuleTooMany:
		return 400, "Invalid filter: " + filterReason(e)
	case scim.RulePassword:
		return 400, "Password does not satisfy the password policy: " + e.Detail
	case scim.RuleDangling:
		if strings.HasPrefix(e.Path, "members") {
			return 400, "Member " + e.Value + " not found"
		}
		return 400, "Attribute " + path + " refers to no resource: " + e.Value
	case scim.RuleCycle:
		return 400, "Member " + e.Value + " contains the group"
	case scim.RuleImmutable:
		return 400, "Attribute " + path + " cannot be changed"
	case scim.RuleReadOnly:
		return 400, "Attribute " + path + " is read-only"
	case scim.RuleRequired:
		return 400, "Attribute " + path + " is required"
	}
	if typ := wantedType(e); typ != "" {
		return 400, "Attribute " + path + " must be a " + typ
	}
	text = "Attribute " + path + " is not valid"
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return 400, text
}

// wantedType names what the value of an attribute has to be.
func wantedType(e *scim.Error) string {
	switch e.Rule {
	case scim.RuleType:
		return first(e.Allowed)
	case scim.RuleMultiValued:
		return "list"
	case scim.RuleSingleValued:
		return "single value"
	case scim.RuleDateTime:
		return "dateTime"
	case scim.RuleBinary:
		return "base64 value"
	case scim.RuleURI:
		return "URI"
	case scim.RuleLength:
		return "string of at most " + first(e.Allowed) + " characters"
	case scim.RuleCanonical:
		return "value of " + strings.Join(e.Allowed, ", ")
	}
	return ""
}

// jsonReason says what is wrong with the text of a body, and where.
func jsonReason(e *scim.Error) string {
	reason := e.Detail
	switch e.Rule {
	case scim.RuleEmptyBody:
		reason = "the body is empty"
	case scim.RuleTrailingData:
		reason = "more follows the value"
	case scim.RuleNotObject:
		reason = "an object is needed"
	}
	if e.Line > 0 {
		reason += " at line " + strconv.Itoa(e.Line) + ", column " + strconv.Itoa(e.Column)
	}
	return reason
}

// filterReason says what is wrong with a filter.
func filterReason(e *scim.Error) string {
	reason := e.Detail
	switch {
	case e.Rule == scim.RuleFilterAttribute:
		reason = "attribute " + publicPath(e.Path) + " cannot be filtered on"
	case e.Rule == scim.RuleTooMany:
		reason = "a condition on " + publicPath(e.Path) + " alone is too costly"
	case reason == "":
		reason = "not understood"
	}
	if e.Column > 0 {
		reason += " at column " + strconv.Itoa(e.Column)
	}
	return reason
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// contentType is what every answer with a body carries (p14e A5, X2).
const contentType = "application/json;charset=UTF-8"

// write sends a JSON object.
func write(w http.ResponseWriter, status int, o *scim.Object) {
	writeValue(w, status, scim.ObjectValue(o))
}

// writeValue sends JSON.
func writeValue(w http.ResponseWriter, status int, v scim.Value) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(v.AppendJSON(nil)) // a client that has gone hears nothing either way
}
