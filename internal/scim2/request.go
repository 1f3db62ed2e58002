package scim2

import (
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A call is one request on its way through a handler.
type call struct {
	*mount
	w      http.ResponseWriter
	r      *http.Request
	caller directory.Caller
	scope  directory.Scope
	base   string // URL under which the caller's environment is served: what locations start with
}

// handle makes a route's handler of one that takes a call.
func (m *mount) handle(fn func(*call) error) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
		k := &call{mount: m, w: w, r: r, caller: c, scope: c.Home(), base: m.public + m.prefix}
		if id := r.PathValue(environmentVariable); id != "" {
			k.scope = directory.Scope{Environment: id}
			k.base = m.public + strings.Replace(m.prefix, "{"+environmentVariable+"}", url.PathEscape(id), 1)
		}
		return fn(k)
	}
}

// body reads the request's body as the JSON object that it must be.
//
// Errors: RuleMediaType, RuleTooLarge and those of scim.ReadObject.
func (c *call) body() (*scim.Object, []byte, error) { return c.bodyWithin(c.profile.limits) }

// bodyWithin is body with limits of its own.
func (c *call) bodyWithin(l scim.Limits) (*scim.Object, []byte, error) {
	if contentType := c.r.Header.Get("Content-Type"); !c.accepts(contentType) {
		return nil, nil, &scim.Error{Rule: scim.RuleMediaType, Value: contentType, Allowed: []string{scimJSON, plainJSON}}
	}
	text, err := readAll(c.r)
	if err != nil {
		return nil, nil, err
	}
	object, err := scim.ReadObject(text, l)
	return object, text, err
}

// readAll reads the body into a buffer of the right size, if that is known.
func readAll(r *http.Request) ([]byte, error) {
	if r.ContentLength <= 0 || r.ContentLength > route.DefaultMaxBody {
		return io.ReadAll(r.Body)
	}
	text := make([]byte, r.ContentLength)
	n, err := io.ReadFull(r.Body, text)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = &scim.Error{Rule: scim.RuleJSON, Detail: "the body is cut off"}
	}
	return text[:n], err
}

// The media types of SCIM (RFC 7644 8.1).
const (
	scimJSON  = "application/scim+json"
	plainJSON = "application/json"
)

// accepts reports whether a body of this Content-Type is read as JSON.
func (c *call) accepts(contentType string) bool {
	if contentType == "" {
		return c.allows(scim.RewriteMediaType)
	}
	name, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	if charset := parameters["charset"]; charset != "" && !c.profile.anyCharset && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	return name == scimJSON || name == plainJSON || name == "text/json" && c.allows(scim.RewriteMediaType)
}

// ranges returns the media types that an Accept header names with a weight
// above zero, in lower case.
func ranges(accept string) []string {
	var names []string
	for item := range strings.SplitSeq(accept, ",") {
		name, parameters, err := mime.ParseMediaType(item)
		if err != nil || strings.Trim(parameters["q"], "0.") == "" && parameters["q"] != "" {
			continue
		}
		names = append(names, name)
	}
	return names
}

// namesOnlyPlain is true of an Accept header that names application/json and
// not application/scim+json (scim HTTP-05).
func namesOnlyPlain(accept []string) bool {
	return slices.Contains(accept, plainJSON) && !slices.Contains(accept, scimJSON)
}

// allowsOnlyPlain is true of an Accept header that allows nothing but
// application/json (pingone A12).
func allowsOnlyPlain(accept []string) bool {
	return len(accept) > 0 && !slices.ContainsFunc(accept, func(name string) bool { return name != plainJSON })
}

// The query parameters of RFC 7644 3.9 and 3.4.2.
const (
	paramFilter = "filter"
	paramStart  = "startIndex"
	paramCount  = "count"
	paramShow   = "attributes"
	paramHide   = "excludedAttributes"

	paramSortBy    = "sortBy"
	paramSortOrder = "sortOrder"
	paramCursor    = "cursor" // RFC 9865
)

var parameterNames = []string{paramFilter, paramStart, paramCount, paramShow, paramHide, paramSortBy, paramSortOrder, paramCursor}

// parameters are the query parameters that were sent, by canonical name.
type parameters map[string]string

// parameters reads the query of the URL. It is decoded once, + is a blank, and
// empty or unknown parameters are passed over (scim HTTP-08 to HTTP-10).
//
// Errors: RuleParameter.
func (c *call) parameters() (parameters, error) {
	out := parameters{}
	for pair := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name = c.parameter(name)
		if name == "" {
			continue
		}
		if _, twice := out[name]; twice {
			return nil, &scim.Error{Rule: scim.RuleParameter, Path: name, Detail: "given more than once"}
		}
		text, err := url.QueryUnescape(value)
		if err != nil || !utf8.ValidString(text) {
			return nil, &scim.Error{Rule: scim.RuleParameter, Path: name, Value: value, Detail: "not percent-encoded UTF-8"}
		}
		out[name] = text
	}
	return out, nil
}

// parameter returns the canonical name of a known query parameter, "" for others.
func (c *call) parameter(sent string) string {
	name, err := url.QueryUnescape(sent)
	if err != nil {
		return ""
	}
	for _, known := range parameterNames {
		if name == known || strings.EqualFold(name, known) && c.allows(scim.RewriteQueryLoose) {
			return known
		}
	}
	return ""
}

// integer returns the parameter as a whole number, missing if it was not sent.
// Numbers beyond all pages are as good as the greatest. Errors: RuleParameter.
func (q parameters) integer(name string, missing int) (int, error) {
	text, sent := q[name]
	if !sent {
		return missing, nil
	}
	digits, negative := strings.CutPrefix(text, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, &scim.Error{Rule: scim.RuleParameter, Path: name, Value: text, Detail: "not an integer"}
	}
	n := 0
	for _, digit := range digits {
		n = min(n*10+int(digit-'0'), math.MaxInt32)
	}
	if negative {
		n = -n
	}
	return n, nil
}
