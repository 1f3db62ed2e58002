package crest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A refusal is a fault in the vendor's words.
type refusal struct {
	status  int
	message string
	detail  scim.Value
	fault   error // what the words stand for, with its data
}

func (r *refusal) Error() string { return r.message }

// Unwrap shows the data of the fault to who does not speak to the client.
func (r *refusal) Unwrap() error { return r.fault }

func badRequest(fault *scim.Error, format string, args ...any) error {
	return &refusal{status: http.StatusBadRequest, message: fmt.Sprintf(format, args...), fault: fault}
}

func preconditionFailed(fault *scim.Error, format string, args ...any) error {
	return &refusal{status: http.StatusPreconditionFailed, message: fmt.Sprintf(format, args...), fault: fault}
}

// unparsable words a parameter whose value cannot be read.
func unparsable(parameter, value, what string) error {
	return badRequest(&scim.Error{Rule: scim.RuleParameter, Path: spelled(parameter), Value: value},
		"The value '%s' for parameter '%s' could not be parsed as %s", value, spelled(parameter), what)
}

func (c *collection) notFound(id string) error {
	name := c.naming.of(c.kind)
	return &refusal{status: http.StatusNotFound, message: fmt.Sprintf("Object %s/%s not found in %s", name, id, name),
		fault: &scim.Error{Rule: scim.RuleNotFound, Schema: c.kind.typ, Value: id}}
}

func exists(id string) error {
	return preconditionFailed(&scim.Error{Rule: scim.RuleExists, Value: id},
		"Create rejected as Object with same ID already exists and was detected.")
}

// stale words a revision that is not the one sent.
func stale(method, current, sent string) error {
	fault := &scim.Error{Rule: scim.RuleVersion, Value: sent, Allowed: []string{current}}
	if method == http.MethodDelete {
		return preconditionFailed(fault, "Delete rejected as current Object revision %s is different than the expected by caller %s, "+
			"the object has changed since retrieval.", current, sent)
	}
	return preconditionFailed(fault, "Update rejected as current Object revision %s is different than expected by caller (%s), "+
		"the object has changed since retrieval.", current, sent)
}

// noCollection refuses what is done to one object only.
func noCollection(done string) handler {
	return func(_ http.ResponseWriter, q *request) error {
		return badRequest(&scim.Error{Rule: scim.RuleMethod, Value: q.Method},
			"The resource collection %s cannot be %s", q.c.path, done)
	}
}

// noInstance refuses what is done to a whole collection only.
func (q *request) noInstance(done string) error {
	return badRequest(&scim.Error{Rule: scim.RuleMethod, Value: q.Method},
		"The resource instance %s/%s cannot be %s", q.c.path, q.PathValue("id"), done)
}

// writeError answers with the error in the vendor's shape.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	f := worded(err)
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", jsonType)
	if f.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	body := scim.NewObject(
		scim.Member{Name: "code", Value: scim.IntValue(int64(f.status))},
		scim.Member{Name: "reason", Value: scim.StringValue(http.StatusText(f.status))},
		scim.Member{Name: "message", Value: scim.StringValue(f.message)},
	)
	if !f.detail.IsNull() {
		body.Set("detail", f.detail)
	}
	if (f.status == http.StatusServiceUnavailable || f.status == http.StatusTooManyRequests) && h.Get("Retry-After") == "" {
		h.Set("Retry-After", retryAfter(err))
	}
	w.WriteHeader(f.status)
	_, _ = w.Write(encode(scim.ObjectValue(body), pretty(r.URL.RawQuery)))
}

// worded returns the error in the vendor's words. What is no fault of the
// request is told to nobody.
func worded(err error) *refusal {
	var f *refusal
	if errors.As(err, &f) {
		return f
	}
	if faults := scim.Faults(err); len(faults) > 0 {
		return word(faults[0])
	}
	return &refusal{status: http.StatusInternalServerError, message: "Internal Server Error"}
}

// word words a fault that needs no more than its data.
func word(e *scim.Error) *refusal {
	const unprocessable = "The request could not be processed because "
	f := &refusal{status: http.StatusBadRequest, fault: e}
	switch e.Rule {
	case scim.RuleEmptyBody:
		f.message = unprocessable + "it did not contain any JSON content"
	case scim.RuleJSON, scim.RuleDuplicateMember, scim.RuleLimit:
		f.message = unprocessable + "the provided content is not valid JSON"
		f.detail = scim.StringValue(readerDetail(e))
	case scim.RuleTrailingData:
		f.message = unprocessable + "there is trailing data after the JSON content"
		f.detail = scim.StringValue(readerDetail(e))
	case scim.RuleNotObject:
		f.message = unprocessable + "the provided content is not a JSON object"
	case scim.RuleTooLarge:
		f.status, f.message = http.StatusRequestEntityTooLarge, unprocessable+"it is larger than "+strings.Join(e.Allowed, "")+" bytes"
	case scim.RuleMediaType:
		f.message = unprocessable + "its " + firstOf(e.Path, "Content-Type") + " is not supported: " + e.Value
	case scim.RuleUnauthenticated:
		f.status, f.message = http.StatusUnauthorized, "Access Denied"
	case scim.RuleForbidden:
		f.status, f.message = http.StatusForbidden, "Access denied"
	case scim.RuleNoEndpoint:
		f.status, f.message = http.StatusNotFound, "Resource '"+e.Path+"' not found"
	case scim.RuleNotFound:
		f.status, f.message = http.StatusNotFound, "Object "+e.Value+" not found"
	case scim.RuleMethod:
		f.status, f.message = http.StatusNotImplemented, "Method "+e.Value+" not supported" // AIC-013
		if slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, e.Value) {
			f.status = http.StatusMethodNotAllowed
		}
	case scim.RuleUnsupported:
		f.status, f.message = http.StatusNotImplemented, firstOf(e.Path, e.Detail)+" is not supported"
	case scim.RuleExists:
		return worded(exists(e.Value))
	case scim.RuleVersion:
		f.status, f.message = http.StatusPreconditionFailed, "The object has changed since retrieval."
	case scim.RuleUnique:
		f.status, f.message = http.StatusConflict, "The value of "+e.Path+" is in use"
	case scim.RuleProtected:
		f.status, f.message = http.StatusConflict, "Object "+e.Value+" is built in and cannot be changed so"
	case scim.RuleBusy:
		f.status, f.message = http.StatusServiceUnavailable, "The server is busy, try again later"
	case scim.RuleRate:
		f.status, f.message = http.StatusTooManyRequests, "Too many requests, try again later"
	case scim.RuleTooMany:
		f.message = "The query would look at too many objects: filter on " + firstOf(e.Path, "an indexed property") + " with eq or sw"
	case scim.RuleDangling:
		f.message = "The value of " + e.Path + " refers to an object that does not exist: " + e.Value
	default:
		f.message = strings.TrimSpace("The value of " + firstOf(e.Path, "the object") + " is not valid " + inParentheses(e.Detail))
	}
	return f
}

// readerDetail says what the reader of JSON did not take, and where.
func readerDetail(e *scim.Error) string {
	text := e.Detail
	switch e.Rule {
	case scim.RuleDuplicateMember:
		text = "two members named " + strconv.Quote(e.Path)
	case scim.RuleLimit:
		text = "limit exceeded: " + e.Detail + ", at most " + strings.Join(e.Allowed, "")
	case scim.RuleTrailingData:
		text = "trailing data"
	}
	if e.Line > 0 {
		text += fmt.Sprintf(" at line %d, column %d", e.Line, e.Column)
	}
	return text
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

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func inParentheses(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}
