package crest

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A request is what all requests have in common, read and checked.
type request struct {
	*http.Request
	c        *collection
	caller   directory.Caller
	protocol version
	params   url.Values // reserved names, which start with _, as the vendor spells them
	fields   selection
	password func(string) error // returns what is wrong with a new password: RulePassword
	partial  bool               // a patch: its refusals say so
	nested   bool               // for what is shown within another object: its own relationships stay references
}

// of returns the request as one for objects of the kind.
func (q *request) of(k *kind) *request {
	other, c := *q, *q.c
	c.kind, other.c = k, &c
	return &other
}

// A handler serves one operation.
type handler func(w http.ResponseWriter, q *request) error

// handle reads what all requests have in common and calls h.
func (c *collection) handle(h handler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, caller directory.Caller) error {
		w.Header().Set("Cache-Control", "no-cache") // AIC-006
		q := &request{Request: r, c: c, caller: caller}
		q.password = func(text string) error { return c.d.CheckPassword(r.Context(), q.caller, text) }
		q.caller.External.Transaction = transactionID(r.Header)
		if err := q.read(); err != nil {
			return err
		}
		w.Header().Set("Content-API-Version", "protocol="+q.protocol.String()+",resource="+resource.String()) // AIC-019
		return h(w, q)
	}
}

// read checks the headers before the parameters, as the vendor does.
func (q *request) read() (err error) {
	if q.protocol, err = acceptedVersions(q.Header.Values("Accept-API-Version")); err != nil {
		return err
	}
	if q.Method != http.MethodGet {
		if err := checkMediaType(q.Header); err != nil {
			return err
		}
	}
	for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
		if q.Header.Get(name) != "" {
			return refuse(http.StatusConflict, scim.RuleParameter, "Header %s not supported", name) // AIC-012
		}
	}
	if q.params, err = parseParameters(q.URL.RawQuery); err != nil {
		return err
	}
	q.fields, err = parseFields(q.params["_fields"])
	return err
}

// transactionID returns the header X-ForgeRock-TransactionId, which goes to the
// audit log beside the request's own id (AIC-014); empty if there is none. It is
// never refused: what does not belong in a log is left out of it.
func transactionID(h http.Header) string {
	const most = 128
	id := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, h.Get("X-ForgeRock-TransactionId"))
	return id[:min(len(id), most)]
}

// checkMediaType refuses other types of content than JSON (AIC-001, AIC-002).
func checkMediaType(h http.Header) error {
	sent := h.Get("Content-Type")
	if sent == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(sent)
	charset := params["charset"]
	if err == nil && (kind == "multipart/form-data" || kind == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8"))) {
		return nil
	}
	return badRequest(scim.RuleMediaType, unprocessable+"it specified the content-type '%s' when only the content-type "+
		"'application/json' and 'multipart/form-data' are supported", sent)
}

// reserved are the names of the parameters; repeatable ones may be given more than once.
var (
	reserved = []string{"_action", "_countOnly", "_fields", "_id", "_mimeType", "_pagedResultsCookie", "_pagedResultsOffset", "_pageSize",
		"_prettyPrint", "_queryExpression", "_queryFilter", "_queryId", "_sortKeys", "_totalPagedResultsPolicy"}
	repeatable = []string{"_fields", "_sortKeys"}
)

// parseParameters reads the query string. Reserved names are matched in any
// letter case (AIC-007); a parameter of one value is given once (AIC-008).
func parseParameters(raw string) (url.Values, error) {
	sent, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest(scim.RuleParameter, "The query string could not be parsed")
	}
	params := make(url.Values, len(sent))
	for name, values := range sent {
		if i := slices.IndexFunc(reserved, func(r string) bool { return strings.EqualFold(r, name) }); i >= 0 {
			name = reserved[i]
		}
		params[name] = append(params[name], values...)
	}
	for name, values := range params {
		if len(values) > 1 && (strings.HasPrefix(name, "_") || name == "uid") && !slices.Contains(repeatable, name) {
			return nil, badRequest(scim.RuleParameter, "Multiple values provided for the single-valued request parameter '%s'", name)
		}
		for _, v := range values {
			if !utf8.ValidString(v) || strings.Contains(v, "\x00") {
				return nil, badRequest(scim.RuleParameter, "The value for parameter '%s' could not be parsed as text", name)
			}
		}
	}
	return params, nil
}

// has reports whether the parameter was sent, be it empty.
func (q *request) has(name string) bool { return len(q.params[name]) > 0 }

// integer returns a parameter that is a number from 0 on; 0 if it was not sent (AIC-161).
func (q *request) integer(name string) (int, error) {
	if !q.has(name) {
		return 0, nil
	}
	text := q.params.Get(name)
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, unparsable(name, text, "a valid integer")
	}
	return int(n), nil
}

// pretty reports whether the answer is to be indented. It takes any query
// string, because errors in one are indented too (AIC-010).
func pretty(raw string) bool {
	values, _ := url.ParseQuery(raw)
	for name, v := range values {
		if strings.EqualFold(name, "_prettyPrint") && strings.EqualFold(v[0], "true") {
			return true
		}
	}
	return false
}

// object reads the body, which must be a JSON object (AIC-003, AIC-004).
func (q *request) object() (*scim.Object, error) {
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	return scim.ReadObject(body, scim.Limits{})
}

// body returns the text of the JSON body: of the whole one, or of the first
// part of that type if it has parts.
func (q *request) body() ([]byte, error) {
	from, err := io.Reader(q.Body), error(nil)
	if kind, params, _ := mime.ParseMediaType(q.Header.Get("Content-Type")); kind == "multipart/form-data" {
		if from, err = jsonPart(multipart.NewReader(q.Body, params["boundary"])); err != nil {
			return nil, err
		}
	}
	body, err := io.ReadAll(from)
	if err != nil {
		return nil, unreadable(err)
	}
	if len(body) > 0 && q.Header.Get("Content-Type") == "" {
		return nil, badRequest(scim.RuleMediaType, unprocessable+"the  content-type was not specified and is required")
	}
	return body, nil
}

func jsonPart(parts *multipart.Reader) (io.Reader, error) {
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, badRequest(scim.RuleMediaType, unprocessable+"the multipart request does not include Content-Type: application/json")
		}
		if err != nil {
			return nil, unreadable(err)
		}
		if kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind == "application/json" {
			return part, nil
		}
	}
}

// unreadable keeps the faults of a body that is too large or cut off, and makes
// others, such as broken parts, the client's.
func unreadable(err error) error {
	if scim.Faults(err) != nil {
		return err
	}
	return &scim.Error{Rule: scim.RuleJSON, Detail: "the body cannot be read"}
}

// tag returns the revision in a header If-Match or If-None-Match: bare, in
// quotes, or weak (AIC-071).
func tag(header string) string {
	tag := strings.TrimPrefix(strings.TrimSpace(header), "W/")
	if len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		return tag[1 : len(tag)-1]
	}
	return tag
}

// refuse answers 412 to those of the headers that the method does not take.
func (q *request) refuse(headers ...string) error {
	for _, name := range headers {
		if len(q.Header.Values(name)) > 0 {
			return preconditionFailed(scim.RuleParameter, "%s not supported for %s requests", name, q.Method)
		}
	}
	return nil
}
