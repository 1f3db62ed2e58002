package feed

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// Name is the name of the door at which streams are polled.
const Name = "events"

// Doors returns the door of the receivers, and the keys by which they know that
// a token is ours.
func (f *Feed) Doors() []route.Door {
	return []route.Door{
		{
			Name: Name, Prefix: "/events", Schemes: []string{"Bearer"}, Error: writeError,
			Routes: []route.Route{
				{Method: http.MethodPost, Path: "/streams/{id}/poll", Permission: directory.ReadDirectory, Handle: f.poll, Timeout: f.cfg.Wait + 10*time.Second},
			},
		},
		{
			Name: "keys", Prefix: "/.well-known/jwks.json", Error: writeError,
			Routes: []route.Route{{Method: http.MethodGet, Permission: directory.Public, Handle: f.publicKeys}},
		},
	}
}

// publicKeys answers with the keys that verify tokens (RFC 7517 5).
func (f *Feed) publicKeys(w http.ResponseWriter, _ *http.Request, _ directory.Caller) error {
	body, err := json.Marshal(f.mint.keys)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = w.Write(body) // who has gone away need not be told
	return nil
}

// send answers with JSON.
func send(w http.ResponseWriter, status int, o *scim.Object) {
	w.Header().Set("Content-Type", plainJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(o.AppendJSON(nil)) // who has gone away need not be told
}

const plainJSON = "application/json"

// isJSON reports whether a body of this Content-Type is JSON.
func isJSON(contentType string) bool {
	name, parameters, err := mime.ParseMediaType(contentType)
	return err == nil && name == plainJSON && (parameters["charset"] == "" || strings.EqualFold(parameters["charset"], "utf-8"))
}

// writeError words a fault in the members that RFC 8935 2.3 and RFC 8936 2.3
// have for errors.
func writeError(w http.ResponseWriter, _ *http.Request, err error) {
	status, code, text := http.StatusInternalServerError, "", "the server has failed; its log says why"
	if faults := scim.Faults(err); len(faults) > 0 {
		status, code, text = word(faults[0])
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="events"`)
		}
		if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", append(faults[0].Allowed, "1")[0])
		}
	}
	o := scim.NewObject()
	if code != "" {
		o.Set("err", scim.StringValue(code))
	}
	w.Header().Set("Content-Language", "en")
	send(w, status, o.Set("description", scim.StringValue(text)))
}

// word returns the status, the code of RFC 8935 2.4 if there is one, and the words for a fault.
func word(e *scim.Error) (status int, code, text string) {
	switch e.Rule {
	case scim.RuleUnauthenticated:
		return http.StatusUnauthorized, "authentication_failed", "a bearer secret of a client is needed"
	case scim.RuleForbidden:
		return http.StatusForbidden, "access_denied", "the client may not do this"
	case scim.RuleNotFound, scim.RuleNoEndpoint:
		return http.StatusNotFound, "", "there is no such thing here"
	case scim.RuleMethod:
		return http.StatusMethodNotAllowed, "", "the path has not got this method"
	case scim.RuleMediaType:
		return http.StatusUnsupportedMediaType, "invalid_request", "the body must be " + plainJSON
	case scim.RuleTooLarge:
		return http.StatusRequestEntityTooLarge, "invalid_request", "the body is too large"
	case scim.RuleLongURL:
		return http.StatusRequestURITooLong, "", "the URL is too long"
	case scim.RuleBusy:
		return http.StatusServiceUnavailable, "", "the server has too much to do"
	case scim.RuleRate:
		return http.StatusTooManyRequests, "", "the client asks too often"
	}
	text = "the body is not a poll request"
	if e.Path != "" {
		text += ": " + e.Path
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Line > 0 {
		text += " (line " + strconv.Itoa(e.Line) + ", column " + strconv.Itoa(e.Column) + ")"
	}
	return http.StatusBadRequest, "invalid_request", text
}

// PollURL returns where a stream is polled on the server of this URL.
func PollURL(publicURL string, s *directory.Stream) string {
	return publicURL + "/events/streams/" + s.ID + "/poll"
}
