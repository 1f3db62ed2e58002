package crest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A refusal is a fault in the vendor's words.
type refusal struct {
	status  int
	rule    scim.Rule // that was broken, for the log and for who handles it
	message string
	detail  scim.Value
}

func (r *refusal) Error() string { return r.message }

// Unwrap shows the rule to who does not speak to the client.
func (r *refusal) Unwrap() error { return &scim.Error{Rule: r.rule} }

func refuse(status int, rule scim.Rule, format string, args ...any) *refusal {
	return &refusal{status: status, rule: rule, message: fmt.Sprintf(format, args...)}
}

func badRequest(rule scim.Rule, format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, rule, format, args...)
}

func preconditionFailed(rule scim.Rule, format string, args ...any) *refusal {
	return refuse(http.StatusPreconditionFailed, rule, format, args...)
}

// because adds what the vendor's words do not say.
func (r *refusal) because(detail string) *refusal {
	r.detail = scim.StringValue(detail)
	return r
}

// unparsable words a parameter whose value cannot be read.
func unparsable(parameter, value, what string) error {
	return badRequest(scim.RuleParameter, "The value '%s' for parameter '%s' could not be parsed as %s", value, parameter, what)
}

func (c *collection) notFound(id string) error {
	name := c.naming.of(c.kind)
	return refuse(http.StatusNotFound, scim.RuleNotFound, "Object %s/%s not found in %s", name, id, name)
}

func exists() error {
	return preconditionFailed(scim.RuleExists, "Create rejected as Object with same ID already exists and was detected.")
}

// stale words a revision that is not the one sent.
func stale(method, current, sent string) error {
	format := "Update rejected as current Object revision %s is different than expected by caller (%s), the object has changed since retrieval."
	if method == http.MethodDelete {
		format = "Delete rejected as current Object revision %s is different than the expected by caller %s, the object has changed since retrieval."
	}
	return preconditionFailed(scim.RuleVersion, format, current, sent)
}

// noCollection refuses what is done to one object only.
func noCollection(done string) handler {
	return func(_ http.ResponseWriter, q *request) error {
		return badRequest(scim.RuleMethod, "The resource collection %s cannot be %s", q.URL.Path, done)
	}
}

// noInstance refuses what is done to a whole collection only.
func (q *request) noInstance(done string) error {
	return badRequest(scim.RuleMethod, "The resource instance %s/%s cannot be %s", q.c.path, q.PathValue("id"), done)
}

// writeError answers with the error in the vendor's shape.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	f := worded(err)
	body := scim.NewObject(
		member("code", scim.IntValue(int64(f.status))),
		member("reason", scim.StringValue(http.StatusText(f.status))),
		member("message", scim.StringValue(f.message)),
	)
	if !f.detail.IsNull() {
		body.Set("detail", f.detail)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	switch f.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", cmp.Or(h.Get("Retry-After"), retryAfter(err)))
	}
	send(w, r, f.status, body)
}

// worded returns the error in the vendor's words. What is no fault of the
// request is told to nobody.
func worded(err error) *refusal {
	if f, ok := errors.AsType[*refusal](err); ok {
		return f
	}
	if faults := scim.Faults(err); len(faults) > 0 {
		return word(faults[0])
	}
	return refuse(http.StatusInternalServerError, 0, "Internal Server Error")
}

const unprocessable = "The request could not be processed because "

// words are the vendor's for faults that need no more than their data.
var words = map[scim.Rule]struct {
	status  int
	message string // see [scim.Error.Fill]
	noPath  string // stands for a path that is not known
}{
	scim.RuleEmptyBody:       {400, unprocessable + "it did not contain any JSON content", ""},
	scim.RuleJSON:            {400, unprocessable + "the provided content is not valid JSON", ""},
	scim.RuleDuplicateMember: {400, unprocessable + "the provided content is not valid JSON", ""},
	scim.RuleLimit:           {400, unprocessable + "the provided content is not valid JSON", ""},
	scim.RuleTrailingData:    {400, unprocessable + "there is trailing data after the JSON content", ""},
	scim.RuleNotObject:       {400, unprocessable + "the provided content is not a JSON object", ""},
	scim.RuleTooLarge:        {413, unprocessable + "it is larger than {first} bytes", ""},
	scim.RuleLongURL:         {414, unprocessable + "its URL is longer than {first} bytes", ""},
	scim.RuleMediaType:       {400, unprocessable + "its {path} is not supported: {value}", "Content-Type"},
	scim.RuleUnauthenticated: {401, "Access Denied", ""},
	scim.RuleForbidden:       {403, "Access denied", ""},
	scim.RuleNoEndpoint:      {404, "Resource '{path}' not found", ""},
	scim.RuleNotFound:        {404, "Object {value} not found", ""},
	scim.RuleMethod:          {501, "Method {value} not supported", ""}, // AIC-013
	scim.RuleUnsupported:     {501, "{path} is not supported", "This"},
	scim.RuleExists:          {412, exists().Error(), ""},
	scim.RuleVersion:         {412, "The object has changed since retrieval.", ""},
	scim.RuleUnique:          {409, "The value of {path} is in use", ""},
	scim.RuleProtected:       {409, "Object {value} is built in and cannot be changed so", ""},
	scim.RuleBusy:            {503, "The server is busy, try again later", ""},
	scim.RuleRate:            {429, "Too many requests, try again later", ""},
	scim.RuleTooMany:         {400, "The query would look at too many objects: filter on {path} with eq or sw", "an indexed property"},
	scim.RuleDangling:        {400, "The value of {path} refers to an object that does not exist: {value}", ""},
}

// served are the methods that an object or a collection may have.
var served = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// word words a fault that needs no more than its data.
func word(e *scim.Error) *refusal {
	in, ok := words[e.Rule]
	if !ok {
		f := badRequest(e.Rule, "The value of %s is not valid", cmp.Or(e.Path, "the object"))
		if e.Detail != "" {
			f.message += " (" + e.Detail + ")"
		}
		return f
	}
	if e.Rule == scim.RuleMethod && slices.Contains(served, e.Value) {
		in.status = http.StatusMethodNotAllowed
	}
	told := *e
	told.Path = cmp.Or(e.Path, in.noPath)
	f := refuse(in.status, e.Rule, "%s", told.Fill(in.message))
	if words, ok := readerWords[e.Rule]; ok {
		return f.because(e.Fill(words + "{place}"))
	}
	return f
}

// readerWords say what the reader of JSON did not take.
var readerWords = map[scim.Rule]string{
	scim.RuleJSON:            "{detail}",
	scim.RuleDuplicateMember: `two members named {"path"}`,
	scim.RuleLimit:           "limit exceeded: {detail}, at most {first}",
	scim.RuleTrailingData:    "trailing data",
}

// retryAfter returns the seconds to wait for a server that is busy, or for a
// client that has asked too often.
func retryAfter(err error) string {
	for _, f := range scim.Faults(err) {
		if (f.Rule == scim.RuleBusy || f.Rule == scim.RuleRate) && len(f.Allowed) > 0 {
			return f.Allowed[0]
		}
	}
	return "1"
}
