package crest

import (
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// jsonType is the type of all answers but raw values (AIC-005).
const jsonType = "application/json;charset=UTF-8"

// encode returns the value as JSON.
func encode(v scim.Value, pretty bool) []byte {
	if pretty {
		return append(v.AppendIndent(nil, ""), '\n')
	}
	return v.AppendJSON(nil)
}

// An envelope writes the answer to a query as its results come in (AIC-133).
type envelope struct {
	w      http.ResponseWriter
	pretty bool
	count  int // of the results written
	buffer []byte
	sent   bool // part of the answer is on its way
}

// An ending is what an envelope holds after the results.
type ending struct {
	count  int
	cookie string // empty for null
	policy string
	total  int
}

// add writes one result.
func (a *envelope) add(o *scim.Object) {
	separator, indent := ",", ""
	if a.count == 0 {
		separator = `{"result":[`
	}
	if a.pretty {
		indent = "\n    "
		if a.count == 0 {
			separator = "{\n  \"result\": ["
		}
	}
	a.buffer = append(append(a.buffer, separator...), indent...)
	if a.pretty {
		a.buffer = scim.ObjectValue(o).AppendIndent(a.buffer, "    ")
	} else {
		a.buffer = o.AppendJSON(a.buffer)
	}
	a.count++
	if len(a.buffer) >= 64<<10 {
		a.flush()
	}
}

// flush sends what is written. An error of the connection shows itself to the
// server, and there is nobody to tell.
func (a *envelope) flush() {
	if !a.sent {
		a.w.Header().Set("Content-Type", jsonType)
		a.sent = true
	}
	_, _ = a.w.Write(a.buffer)
	a.buffer = a.buffer[:0]
}

// abandon ends an answer that cannot be completed: with the error where the
// status can still say so, else by breaking the connection, because a client
// must not take a part for the whole.
func (a *envelope) abandon(err error) error {
	if a.sent {
		panic(fmt.Errorf("crest: an answer is cut off: %w", err))
	}
	return err
}

// close writes what follows the results.
func (a *envelope) close(e ending) error {
	cookie := scim.Value{}
	if e.cookie != "" {
		cookie = scim.StringValue(e.cookie)
	}
	tail := scim.NewObject(
		scim.Member{Name: "resultCount", Value: scim.IntValue(int64(e.count))},
		scim.Member{Name: "pagedResultsCookie", Value: cookie},
		scim.Member{Name: "totalPagedResultsPolicy", Value: scim.StringValue(e.policy)},
		scim.Member{Name: "totalPagedResults", Value: scim.IntValue(int64(e.total))},
		scim.Member{Name: "remainingPagedResults", Value: scim.IntValue(-1)},
	)
	text := encode(scim.ObjectValue(tail), a.pretty)
	switch {
	case a.count == 0 && a.pretty:
		a.buffer = append(a.buffer, "{\n  \"result\": []"...)
	case a.count == 0:
		a.buffer = append(a.buffer, `{"result":[]`...)
	case a.pretty:
		a.buffer = append(a.buffer, "\n  ]"...)
	default:
		a.buffer = append(a.buffer, ']')
	}
	// The tail without its opening brace continues the object.
	a.buffer = append(append(a.buffer, ','), text[1:]...)
	a.flush()
	return nil
}

// checkRaw checks the parameters that ask for a value as it is (AIC-067).
func (q *request) checkRaw() error {
	if !q.has("_mimetype") {
		return nil
	}
	if len(q.fields.pointers) != 1 || q.fields.defaults || q.fields.refs {
		return badRequest(&scim.Error{Rule: scim.RuleParameter, Path: "_mimeType"},
			"The parameter '_mimeType' requires that '_fields' names exactly one field")
	}
	text := q.params.Get("_mimetype")
	if _, _, err := mime.ParseMediaType(text); err != nil || !strings.Contains(text, "/") {
		return unparsable("_mimetype", text, "a content type")
	}
	return nil
}

// writeRaw answers with the one value that is asked for: as text, or the bytes
// that it is the base64url form of. Browsers are told to do nothing with it,
// because content and type are the client's.
func (q *request) writeRaw(w http.ResponseWriter, r *scim.Resource) error {
	at := q.fields.pointers[0]
	shown, err := q.view().object(r, &selection{named: true, pointers: q.fields.pointers})
	if err != nil {
		return err
	}
	value := shown.Get(at[len(at)-1])
	if items := value.List(); len(items) > 0 {
		value = items[0]
	}
	text := value.Text()
	if value.Kind() == scim.Bool {
		text = strconv.FormatBool(value.Bool())
	}
	if text == "" {
		return &refusal{status: http.StatusNotFound, message: "The field '" + strings.Join(at, "/") + "' has no value",
			fault: &scim.Error{Rule: scim.RuleNotFound, Path: strings.Join(at, ".")}}
	}
	body := []byte(text)
	kind := q.params.Get("_mimetype")
	if base, _, _ := mime.ParseMediaType(kind); base == "text/plain" {
		kind = "text/plain;charset=UTF-8"
	} else if body, err = decodeBase64(text); err != nil {
		return badRequest(&scim.Error{Rule: scim.RuleBinary, Path: strings.Join(at, ".")},
			"The value of the field '%s' is not base64url", strings.Join(at, "/"))
	}
	h := w.Header()
	h.Set("ETag", `"`+revision(r)+`"`)
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", "attachment")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body)
	return nil
}

// decodeBase64 decodes base64url; the alphabet of base64 and padding are taken, too.
func decodeBase64(text string) ([]byte, error) {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	return base64.RawURLEncoding.DecodeString(text)
}
