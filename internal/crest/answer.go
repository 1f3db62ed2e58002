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

// An envelope writes the answer to a query as its results come in (AIC-133).
type envelope struct {
	w      http.ResponseWriter
	pretty bool
	count  int // of the results written
	buffer []byte
	sent   bool // part of the answer is on its way
}

func (q *request) envelope(w http.ResponseWriter) *envelope {
	a := &envelope{w: w, pretty: pretty(q.URL.RawQuery), buffer: []byte(`{"result":[`)}
	if a.pretty {
		a.buffer = []byte("{\n  \"result\": [")
	}
	return a
}

// write adds text, which is indented on a line of its own if the answer is pretty.
func (a *envelope) write(text []byte, indent string) {
	if a.pretty {
		a.buffer = append(append(a.buffer, '\n'), indent...)
	}
	a.buffer = append(a.buffer, text...)
}

// add writes one result.
func (a *envelope) add(o *scim.Object) {
	if a.count > 0 {
		a.buffer = append(a.buffer, ',')
	}
	text := o.AppendJSON(nil)
	if a.pretty {
		text = scim.ObjectValue(o).AppendIndent(nil, "    ")
	}
	a.write(text, "    ")
	if a.count++; len(a.buffer) >= 64<<10 {
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

// close writes what follows the results: the cookie of the next page, empty for
// none, and the total if it was asked for.
func (a *envelope) close(asked query, cookie string, total int) {
	policy, next := "EXACT", scim.Value{}
	if !asked.total {
		policy, total = "NONE", -1
	}
	if cookie != "" {
		next = scim.StringValue(cookie)
	}
	count := a.count
	if asked.only {
		count = total
	}
	tail := encode(scim.NewObject(
		member("resultCount", scim.IntValue(int64(count))),
		member("pagedResultsCookie", next),
		textMember("totalPagedResultsPolicy", policy),
		member("totalPagedResults", scim.IntValue(int64(total))),
		member("remainingPagedResults", scim.IntValue(-1)),
	), a.pretty)
	// The tail without its opening brace continues the object.
	a.write([]byte("],"), "  ")
	a.buffer = append(a.buffer, tail[1:]...)
	a.flush()
}

// checkRaw checks the parameters that ask for a value as it is (AIC-067).
func (q *request) checkRaw() error {
	if !q.has("_mimeType") {
		return nil
	}
	if len(q.fields.pointers) != 1 || q.fields.defaults || q.fields.refs {
		return badRequest(scim.RuleParameter, "The parameter '_mimeType' requires that '_fields' names exactly one field")
	}
	text := q.params.Get("_mimeType")
	if _, _, err := mime.ParseMediaType(text); err != nil || !strings.Contains(text, "/") {
		return unparsable("_mimeType", text, "a content type")
	}
	return nil
}

// writeRaw answers with the one value that is asked for: as text, or the bytes
// that it is the base64url form of. Browsers are told to do nothing with it,
// because content and type are the client's.
func (q *request) writeRaw(w http.ResponseWriter, r *scim.Resource) error {
	at := q.fields.pointers[0]
	shown, err := q.show(r, &q.fields)
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
		return refuse(http.StatusNotFound, scim.RuleNotFound, "The field '%s' has no value", strings.Join(at, "/"))
	}
	body := []byte(text)
	kind := q.params.Get("_mimeType")
	if base, _, _ := mime.ParseMediaType(kind); base == "text/plain" {
		kind = "text/plain;charset=UTF-8"
	} else if body, err = decodeBase64(text); err != nil {
		return badRequest(scim.RuleBinary, "The value of the field '%s' is not base64url", strings.Join(at, "/"))
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
