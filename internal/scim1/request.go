package scim1

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A call is a request as the handlers see it.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	who   directory.Caller
	query url.Values
}

// param returns a query parameter. given is false where it is absent or empty.
// A parameter that is given twice is refused: nobody can say which one holds.
func (c *call) param(name string) (value string, given bool, err error) {
	switch values := c.query[name]; len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], values[0] != "", nil
	default:
		return "", false, &scim.Error{Rule: scim.RuleParameter, Path: name, Value: strings.Join(values, ","), Detail: "given more than once"}
	}
}

// number returns a query parameter that is a whole number, absent where it is
// not given. Numbers beyond the range of an int act as its ends.
func (c *call) number(name string, absent int) (int, error) {
	text, given, err := c.param(name)
	if err != nil || !given && !c.query.Has(name) {
		return absent, err
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, &scim.Error{Rule: scim.RuleParameter, Path: name, Value: text, Detail: "not a whole number"}
	}
	return int(n), nil
}

// readQuery decodes a query once. Unlike url.ParseQuery it takes a semicolon
// for what it is, and it refuses what it cannot decode instead of dropping it.
func readQuery(raw string) (url.Values, error) {
	query := url.Values{}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		n, err := url.QueryUnescape(name)
		if err != nil || !utf8.ValidString(n) {
			return nil, &scim.Error{Rule: scim.RuleParameter, Path: strings.ToValidUTF8(name, "?"), Detail: "not percent-encoded UTF-8"}
		}
		v, err := url.QueryUnescape(value)
		if err != nil || !utf8.ValidString(v) {
			return nil, &scim.Error{Rule: scim.RuleParameter, Path: n, Detail: "not percent-encoded UTF-8"}
		}
		if n != "" {
			query[n] = append(query[n], v)
		}
	}
	return query, nil
}

// projection reads what the answer is limited to (p14e R56).
func (c *call) projection(k *kind) (*scim.Projection, error) {
	return scim.ParseProjection(&k.ResourceType, c.query["attributes"], nil, scim.FilterOptions{SCIM11: true})
}

// body reads the JSON object that the request carries.
func (c *call) body() (*scim.Object, error) {
	if err := checkContentType(c.r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(c.r.Body)
	if err != nil {
		return nil, err
	}
	return scim.ReadObject(data, scim.Limits{})
}

// checkContentType takes JSON by any media type, with any parameters, and a
// body that does not say what it is (p14e A4, A12).
func checkContentType(value string) error {
	if value == "" {
		return nil
	}
	media, _, err := mime.ParseMediaType(value)
	if err != nil || !isJSON(media) {
		return &scim.Error{Rule: scim.RuleMediaType, Path: "Content-Type", Value: value, Allowed: []string{"application/json"}}
	}
	return nil
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// checkAccept refuses an Accept that leaves no room for JSON (p14e A12). The
// most specific range decides (RFC 9110 12.5.1). Ranges that cannot be read
// count for nothing.
func checkAccept(values []string) error {
	accept := strings.Join(values, ",")
	read, best, taken := false, 0, false
	for text := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(text)
		if err != nil {
			continue
		}
		read = true
		rank := rangeRank(media)
		q, err := strconv.ParseFloat(params["q"], 64)
		wanted := err != nil || q > 0
		switch {
		case rank > best:
			best, taken = rank, wanted
		case rank == best && rank > 0:
			taken = taken || wanted
		}
	}
	if read && !taken {
		return &scim.Error{Rule: scim.RuleMediaType, Path: "Accept", Value: accept, Allowed: []string{"application/json"}}
	}
	return nil
}

// rangeRank says how specifically a media range names JSON; 0 is not at all.
func rangeRank(media string) int {
	switch {
	case isJSON(media):
		return 3
	case media == "application/*":
		return 2
	case media == "*/*":
		return 1
	}
	return 0
}

// origin is the scheme, host and port that locations start with (p14e F4).
func (d *door) origin(r *http.Request) string {
	if d.publicURL != "" {
		return d.publicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// matches reports whether a list of entity tags, as If-None-Match has it,
// holds the one of this version or is *. Tags compare weakly (RFC 9110 8.8.3.2).
func matches(values []string, version int64) bool {
	for text := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if text = strings.TrimSpace(text); text == "*" || strings.TrimPrefix(text, "W/") == strings.TrimPrefix(etag(version), "W/") {
			return true
		}
	}
	return false
}

// precondition reads If-Match (p14e R63). Tags that we never gave out stand
// for version 0, which no resource has.
func precondition(values []string) directory.Precondition {
	var p directory.Precondition
	list := strings.Join(values, ",")
	if list == "" {
		return p
	}
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		if text == "*" {
			return directory.Precondition{Present: true}
		}
		text = strings.TrimPrefix(text, "W/")
		n, err := strconv.ParseInt(strings.Trim(text, `"`), 10, 64)
		if err != nil || etag(n) != "W/"+text {
			n = 0
		}
		p.Version = append(p.Version, n)
	}
	return p
}

// etag is the entity tag of a version.
func etag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }
