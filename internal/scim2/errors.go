package scim2

import (
	"context"
	"errors"
	"fmt"
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
// have them. Profiles change some.
var verdicts = [...]wording{
	scim.RuleJSON:            {status: 400, scimType: "invalidSyntax"},
	scim.RuleDuplicateMember: {status: 400, scimType: "invalidSyntax"},
	scim.RuleTrailingData:    {status: 400, scimType: "invalidSyntax"},
	scim.RuleEmptyBody:       {status: 400, scimType: "invalidSyntax"},
	scim.RuleNotObject:       {status: 400, scimType: "invalidSyntax"},
	scim.RuleMessage:         {status: 400, scimType: "invalidSyntax"},
	scim.RuleLimit:           {status: 400, scimType: "invalidSyntax"},
	scim.RuleTooLarge:        {status: 413},
	scim.RuleLongURL:         {status: 414},
	scim.RuleMediaType:       {status: 415},
	scim.RuleParameter:       {status: 400, scimType: "invalidValue"},

	scim.RuleCoreSchemaMissing:    {status: 400, scimType: "invalidSyntax"},
	scim.RuleUnknownSchema:        {status: 400, scimType: "invalidValue"},
	scim.RuleExtensionNotDeclared: {status: 400, scimType: "invalidSyntax"},
	scim.RuleUnknownAttribute:     {status: 400, scimType: "invalidSyntax"},
	scim.RuleUnknownSubAttribute:  {status: 400, scimType: "invalidSyntax"},
	scim.RuleRequired:             {status: 400, scimType: "invalidValue"},
	scim.RuleType:                 {status: 400, scimType: "invalidValue"},
	scim.RuleMultiValued:          {status: 400, scimType: "invalidValue"},
	scim.RuleSingleValued:         {status: 400, scimType: "invalidValue"},
	scim.RuleDateTime:             {status: 400, scimType: "invalidValue"},
	scim.RuleBinary:               {status: 400, scimType: "invalidValue"},
	scim.RuleURI:                  {status: 400, scimType: "invalidValue"},
	scim.RuleCanonical:            {status: 400, scimType: "invalidValue"},
	scim.RuleLength:               {status: 400, scimType: "invalidValue"},
	scim.RulePattern:              {status: 400, scimType: "invalidValue"},
	scim.RulePrimary:              {status: 400, scimType: "invalidValue"},
	scim.RuleReadOnly:             {status: 400, scimType: "mutability"},
	scim.RuleImmutable:            {status: 400, scimType: "mutability"},
	scim.RuleDangling:             {status: 400, scimType: "invalidValue"},
	scim.RuleCycle:                {status: 400, scimType: "invalidValue"},
	scim.RulePassword:             {status: 400, scimType: "invalidValue"},

	scim.RuleFilter:          {status: 400, scimType: "invalidFilter"},
	scim.RuleFilterAttribute: {status: 400, scimType: "invalidFilter"},
	scim.RulePath:            {status: 400, scimType: "invalidPath"},
	scim.RuleNoTarget:        {status: 400, scimType: "noTarget"},
	scim.RuleTooMany:         {status: 400, scimType: "tooMany"},

	scim.RuleUnauthenticated: {status: 401},
	scim.RuleForbidden:       {status: 403},
	scim.RuleNotFound:        {status: 404},
	scim.RuleNoEndpoint:      {status: 404},
	scim.RuleMethod:          {status: 405},
	scim.RuleUnique:          {status: 409, scimType: "uniqueness"},
	scim.RuleExists:          {status: 409, scimType: "uniqueness"},
	scim.RuleVersion:         {status: 412},
	scim.RuleBusy:            {status: 503},
	scim.RuleRate:            {status: 429},
	scim.RuleProtected:       {status: 403},
	scim.RuleUnsupported:     {status: 501},
	scim.RuleInUse:           {status: 400, scimType: "mutability"}, // "or current state" (RFC 7644 3.12)
}

// verdict returns status and scimType of a rule, 500 for one that is not known.
func verdict(r scim.Rule) wording {
	if int(r) < len(verdicts) && verdicts[r].status != 0 {
		return verdicts[r]
	}
	return wording{status: http.StatusInternalServerError}
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
	var patch *scim.PatchError
	if said.status == http.StatusBadRequest && errors.As(err, &patch) {
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
	if said.scimType != "" {
		o.Set("scimType", scim.StringValue(said.scimType))
	}
	if said.detail != "" {
		o.Set("detail", scim.StringValue(said.detail))
	}
	return o
}

// place says where in the body a fault is, "" if that is not known.
func place(e *scim.Error) string {
	if e.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" at line %d, column %d", e.Line, e.Column)
}

// first returns the first of the values that a fault says would have been
// taken, "" if there is none.
func first(e *scim.Error) string {
	if len(e.Allowed) == 0 {
		return ""
	}
	return e.Allowed[0]
}
