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

// words are status and text of the rules: the table of p14e section 9. Rules
// that the table lacks are a 400 in its manner.
var words = map[scim.Rule]struct {
	status int
	text   string // see [scim.Error.Fill]
}{
	scim.RuleUnauthenticated: {401, "Authentication failed"},
	scim.RuleForbidden:       {403, "Operation not permitted"},
	scim.RuleProtected:       {403, "Operation not permitted"},
	scim.RuleNotFound:        {404, "Resource {value} not found"},
	scim.RuleNoEndpoint:      {404, "No such endpoint"},
	scim.RuleMethod:          {405, "Method not allowed"},
	scim.RuleMediaType:       {415, "Unsupported media type"},
	scim.RuleUnique:          {409, "{schema} with {path} {value} already exists"},
	scim.RuleExists:          {409, "Resource {value} already exists"},
	scim.RuleVersion:         {412, "Resource version does not match"},
	scim.RuleTooLarge:        {413, "Request body is too large"},
	scim.RuleLongURL:         {414, "URL is too long"},
	scim.RuleRate:            {429, "Too many requests"},
	scim.RuleUnsupported:     {501, "Not implemented"},
	scim.RuleBusy:            {503, "Service unavailable"},

	scim.RuleUnknownSchema:   {400, "PATCH bodies must use the SCIM 1.1 form"},
	scim.RuleJSON:            {400, "Request body is not valid JSON: {detail}{place}"},
	scim.RuleLimit:           {400, "Request body is not valid JSON: {detail}{place}"},
	scim.RuleEmptyBody:       {400, "Request body is not valid JSON: the body is empty{place}"},
	scim.RuleTrailingData:    {400, "Request body is not valid JSON: more follows the value{place}"},
	scim.RuleNotObject:       {400, "Request body is not valid JSON: an object is needed{place}"},
	scim.RuleDuplicateMember: {400, "Duplicate attribute {path}"},
	scim.RuleParameter:       {400, "Invalid value for parameter {path}"},
	scim.RuleFilter:          {400, "Invalid filter: {detail}"},
	scim.RuleFilterAttribute: {400, "Invalid filter: attribute {path} cannot be filtered on"},
	scim.RuleTooMany:         {400, "Invalid filter: a condition on {path} alone is too costly"},

	scim.RulePassword:     {400, "Password does not satisfy the password policy: {detail}"},
	scim.RuleDangling:     {400, "Attribute {path} refers to no resource: {value}"},
	scim.RuleCycle:        {400, "Member {value} contains the group"},
	scim.RuleImmutable:    {400, "Attribute {path} cannot be changed"},
	scim.RuleReadOnly:     {400, "Attribute {path} is read-only"},
	scim.RuleRequired:     {400, "Attribute {path} is required"},
	scim.RuleType:         {400, "Attribute {path} must be a {first}"},
	scim.RuleMultiValued:  {400, "Attribute {path} must be a list"},
	scim.RuleSingleValued: {400, "Attribute {path} must be a single value"},
	scim.RuleDateTime:     {400, "Attribute {path} must be a dateTime"},
	scim.RuleBinary:       {400, "Attribute {path} must be a base64 value"},
	scim.RuleURI:          {400, "Attribute {path} must be a URI"},
	scim.RuleLength:       {400, "Attribute {path} must be a string of at most {first} characters"},
	scim.RuleCanonical:    {400, "Attribute {path} must be a value of {allowed}"},
}

// word chooses status and text of a fault.
func word(e *scim.Error) (status int, text string) {
	said, known := words[e.Rule]
	switch {
	case e.Rule == scim.RuleMediaType && e.Path == "Accept":
		said.status, said.text = 406, "Not acceptable"
	case e.Rule == scim.RuleDangling && strings.HasPrefix(e.Path, "members"):
		said.text = "Member {value} not found"
	case e.Rule == scim.RuleFilter && e.Detail == "":
		said.text = "Invalid filter: not understood"
	case !known:
		said.status, said.text = 400, "Attribute {path} is not valid"
		if e.Detail != "" {
			said.text += ": {detail}"
		}
	}
	if said.status == 400 && strings.HasPrefix(said.text, "Invalid filter") && e.Column > 0 {
		said.text += " at column {column}"
	}
	told := *e
	told.Path = publicPath(e.Path)
	return said.status, told.Fill(said.text)
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
