package scim2

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// errorSchema is the URN of an error message (RFC 7644 3.12).
const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"

// A wording is what faults become on the wire.
type wording struct {
	status   int
	scimType string // of RFC 7644 3.12; empty for none
	detail   string
}

// verdicts are status and scimType of each rule as RFC 7644 3.12 and scim ERR
// have them, and our own words, for dialects that have none: see [scim.Error.Fill].
// Values are repeated only where they cannot be secret. Profiles change some.
var verdicts = [...]wording{
	scim.RuleJSON:            {400, "invalidSyntax", "The body is not valid JSON: {detail}{place}"},
	scim.RuleDuplicateMember: {400, "invalidSyntax", "The body has two members of the name {path}, letter case aside{place}"},
	scim.RuleTrailingData:    {400, "invalidSyntax", "The body goes on after the JSON value{place}"},
	scim.RuleEmptyBody:       {400, "invalidSyntax", "The request needs a body of JSON"},
	scim.RuleNotObject:       {400, "invalidSyntax", "The body must be a JSON object"},
	scim.RuleMessage:         {400, "invalidSyntax", "{path}: {detail}"},
	scim.RuleLimit:           {400, "invalidSyntax", "The body is beyond a limit: more than {first} {detail}{place}"},
	scim.RuleTooLarge:        {413, "", "The body is larger than {first} bytes"},
	scim.RuleLongURL:         {414, "", "The URL is longer than {first} bytes"},
	scim.RuleMediaType:       {415, "", `The media type or coding {"value"} is not supported; possible: {allowed}`},
	scim.RuleParameter:       {400, "invalidValue", "{path}: {detail}"},

	scim.RuleCoreSchemaMissing:    {400, "invalidSyntax", "schemas must contain {schema}"},
	scim.RuleUnknownSchema:        {400, "invalidValue", "{path}: the resource type has no schema {value}"},
	scim.RuleExtensionNotDeclared: {400, "invalidSyntax", "schemas must contain {schema}, because the body has attributes of it"},
	scim.RuleUnknownAttribute:     {400, "invalidSyntax", "{path} is not an attribute of {schema}"},
	scim.RuleUnknownSubAttribute:  {400, "invalidSyntax", "{path} is not a sub-attribute of {value}"},
	scim.RuleRequired:             {400, "invalidValue", "{path} is required"},
	scim.RuleType:                 {400, "invalidValue", "{path} must be of the JSON type {first}"},
	scim.RuleMultiValued:          {400, "invalidValue", "{path} must be a JSON array"},
	scim.RuleSingleValued:         {400, "invalidValue", "{path} must not be a JSON array"},
	scim.RuleDateTime:             {400, "invalidValue", "{path} is not a date and time such as 2026-01-31T12:00:00Z"},
	scim.RuleBinary:               {400, "invalidValue", "{path} is not base64"},
	scim.RuleURI:                  {400, "invalidValue", "{path} is not a URI"},
	scim.RuleCanonical:            {400, "invalidValue", "{path} must be one of {allowed}"},
	scim.RuleLength:               {400, "invalidValue", "{path} has more than {first} characters"},
	scim.RulePattern:              {400, "invalidValue", "{path}: {detail}"},
	scim.RulePrimary:              {400, "invalidValue", "{path} has more than one primary value"},
	scim.RuleReadOnly:             {400, "mutability", "{path} is read-only"},
	scim.RuleImmutable:            {400, "mutability", "{path} is immutable"},
	scim.RuleDangling:             {400, "invalidValue", "{path}: there is nothing with the id {value}"},
	scim.RuleCycle:                {400, "invalidValue", "{path}: the group would be a member of itself through {value}"},
	scim.RulePassword:             {400, "invalidValue", "{path}: {detail}"},

	scim.RuleFilter:          {400, "invalidFilter", "Invalid filter: {detail}"},
	scim.RuleFilterAttribute: {400, "invalidFilter", "Invalid filter: {path} is not an attribute to filter on"},
	scim.RulePath:            {400, "invalidPath", "{path}: {detail}"},
	scim.RuleNoTarget:        {400, "noTarget", "{path} has no value for which {value} holds"},
	scim.RuleTooMany:         {400, "tooMany", "The filter would have to read too many resources; an index of {path} would help"},

	scim.RuleUnauthenticated: {401, "", "A valid credential is needed"},
	scim.RuleForbidden:       {403, "", "The credential does not allow this"},
	scim.RuleNotFound:        {404, "", "{schema} {value} not found"},
	scim.RuleNoEndpoint:      {404, "", "There is no endpoint {path}"},
	scim.RuleMethod:          {405, "", "{value} is not possible here; possible: {allowed}"},
	scim.RuleUnique:          {409, "uniqueness", "{path} is already in use"}, // scim CRE-11: nothing of the other resource
	scim.RuleExists:          {409, "uniqueness", "{path} is already in use"},
	scim.RuleVersion:         {412, "", "The resource has another version than If-Match says"},
	scim.RuleBusy:            {503, "", "The server has too much to do; try again after {first} s"},
	scim.RuleRate:            {429, "", "Too many requests; try again after {first} s"},
	scim.RuleProtected:       {403, "", "{schema} {value} is built in and stays"},
	scim.RuleUnsupported:     {501, "", "{path} is not supported"},
	scim.RuleInUse:           {400, "mutability", "{path} {detail}: {schema}"}, // "or current state" (RFC 7644 3.12)
}

// verdict returns status and scimType of a fault, 500 for a rule that is not
// known, and what we say of it.
func verdict(e *scim.Error) wording {
	if int(e.Rule) >= len(verdicts) || verdicts[e.Rule].status == 0 {
		return wording{status: http.StatusInternalServerError}
	}
	said := verdicts[e.Rule]
	said.detail = e.Fill(words(e))
	return said
}

// describe returns our own words for a fault.
func describe(e *scim.Error) string { return verdict(e).detail }

// words returns our own words for a fault: those of its rule, unless more is
// known than usual, or less.
func words(e *scim.Error) string {
	switch rule := e.Rule; {
	case rule == scim.RuleMessage && len(e.Allowed) > 0:
		return "{path} must be one of {allowed}"
	case rule == scim.RuleLimit && e.Path != "":
		return "The body is beyond a limit: {path}: more than {first} {detail}{place}"
	case rule == scim.RuleTooLarge && e.Detail != "":
		return "The request has more than {first} {detail}"
	case rule == scim.RuleImmutable && e.Detail == removed:
		return "{path} is required and cannot be removed"
	case rule == scim.RuleFilter:
		return filterWords(e)
	case rule == scim.RuleNoTarget && e.Path == "":
		return "{detail}"
	case rule == scim.RuleNoTarget && e.Value == "":
		return "{path} has no values"
	case rule == scim.RuleForbidden && e.Detail != "":
		return "Not allowed: {detail}"
	case (rule == scim.RuleUnique || rule == scim.RuleExists) && e.Path == "":
		return "The id is already in use"
	case rule == scim.RuleProtected && e.Detail != "":
		return "{schema} {value}: {detail}"
	case rule == scim.RuleInUse && e.Path == "":
		return "{schema} {detail}"
	case rule == scim.RuleInUse && e.Value != "":
		return "{path} {detail}: {schema} {value}"
	}
	return verdicts[e.Rule].detail
}

// filterWords says why and where a filter is refused.
func filterWords(e *scim.Error) string {
	text := "Invalid filter: "
	if e.Path != "" {
		text += "{path}: "
	}
	text += "{detail}"
	if e.Column > 0 {
		text += " at character {column}"
	}
	return text
}

// join words each of the faults and puts the separator between.
func join(faults scim.Errors, word func(*scim.Error) string, separator string) string {
	texts := make([]string, len(faults))
	for i, e := range faults {
		texts[i] = word(e)
	}
	return strings.Join(texts, separator)
}

// writeError words err as the profile does. It is the one place of the door
// that writes error bodies (RFC 7644 3.12).
func (m *mount) writeError(w http.ResponseWriter, r *http.Request, err error) {
	said, fault := m.wording(r, err)
	if fault != nil {
		m.explain(w, r, fault)
	}
	body := errorObject(said).AppendJSON(nil)
	m.head(w, r)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(said.status)
	_, _ = w.Write(body) // who has gone away need not be told
}

// maxDetail is how long, in bytes, a detail may be: it may repeat what the client sent.
const maxDetail = 1500

// short cuts a text between two characters.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// said words the faults that err carries; those of a PATCH say of which operation they are.
func (m *mount) said(err error, faults scim.Errors) wording {
	said := m.profile.word(discreet(faults))
	if patch, ok := errors.AsType[*scim.PatchError](err); ok && said.status == http.StatusBadRequest {
		said.detail = m.profile.patchPrefix(patch.Operation) + said.detail
	}
	said.detail = short(said.detail, maxDetail)
	return said
}

// wording words what went wrong. The first fault is nil if it is the server's.
func (m *mount) wording(r *http.Request, err error) (wording, *scim.Error) {
	faults := scim.Faults(err)
	if len(faults) == 0 && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		// Nothing was stored: the request waited too long for its turn.
		faults = scim.Errors{{Rule: scim.RuleBusy, Allowed: []string{"1"}}}
	}
	if len(faults) == 0 {
		return wording{status: http.StatusInternalServerError, detail: m.profile.internal(r)}, nil
	}
	said := m.said(err, faults)
	if said.status == http.StatusInternalServerError && said.detail == "" {
		said.detail = m.profile.internal(r)
	}
	return said, faults[0]
}

// discreet returns the faults without what stands in the brackets of a path on
// passwords: it may be one (scim USR-05).
func discreet(faults scim.Errors) scim.Errors {
	out := slices.Clone(faults)
	for i, e := range out {
		if at := strings.IndexByte(e.Path, '['); at >= 0 && strings.Contains(strings.ToLower(e.Path[:at]), "password") {
			told := *e
			told.Path = e.Path[:at]
			out[i] = &told
		}
	}
	return out
}

// explain sets the headers that go with a fault.
func (m *mount) explain(w http.ResponseWriter, r *http.Request, fault *scim.Error) {
	switch fault.Rule {
	case scim.RuleUnauthenticated:
		for _, scheme := range m.profile.schemes {
			w.Header().Add("WWW-Authenticate", challenge(scheme, r.Header.Get("Authorization")))
		}
	case scim.RuleMethod:
		if w.Header().Get("Allow") == "" {
			w.Header().Set("Allow", strings.Join(fault.Allowed, ", "))
		}
	case scim.RuleBusy, scim.RuleRate:
		if len(fault.Allowed) > 0 {
			w.Header().Set("Retry-After", fault.Allowed[0])
		}
	}
}

// challenge names a scheme that is taken. A bearer token that was sent and not
// taken is called invalid (RFC 6750 3.1).
func challenge(scheme, authorization string) string {
	sent, token, _ := strings.Cut(authorization, " ")
	switch {
	case scheme != "Bearer":
		return scheme + ` realm="rollcall"`
	case strings.EqualFold(sent, scheme) && token != "":
		return `Bearer error="invalid_token"`
	}
	return scheme
}

// errorObject is the body of an error (RFC 7644 3.12).
func errorObject(said wording) *scim.Object {
	o := scim.NewObject(
		scim.Member{Name: "schemas", Value: scim.Strings(errorSchema)},
		scim.Member{Name: "status", Value: scim.StringValue(strconv.Itoa(said.status))},
	)
	o.Assign("scimType", scim.TextOrNull(said.scimType))
	o.Assign("detail", scim.TextOrNull(said.detail))
	return o
}
