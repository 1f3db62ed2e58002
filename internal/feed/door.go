package feed

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
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
	said := wording{status: http.StatusInternalServerError, text: "the server has failed; its log says why"}
	if faults := scim.Faults(err); len(faults) > 0 {
		said = word(faults[0])
		switch said.status {
		case http.StatusUnauthorized:
			w.Header().Set("WWW-Authenticate", `Bearer realm="events"`)
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			w.Header().Set("Retry-After", append(faults[0].Allowed, "1")[0])
		}
	}
	o := scim.NewObject()
	o.Assign("err", scim.TextOrNull(said.code))
	w.Header().Set("Content-Language", "en")
	send(w, said.status, o.Set("description", scim.StringValue(said.text)))
}

// A wording is what a fault becomes on the wire.
type wording struct {
	status int
	code   string // of RFC 8935 2.4; empty for none
	text   string
}

// words are those for the faults of more than the body.
var words = map[scim.Rule]wording{
	scim.RuleUnauthenticated: {401, "authentication_failed", "a bearer secret of a client is needed"},
	scim.RuleForbidden:       {403, "access_denied", "the client may not do this"},
	scim.RuleNotFound:        {404, "", "there is no such thing here"},
	scim.RuleNoEndpoint:      {404, "", "there is no such thing here"},
	scim.RuleMethod:          {405, "", "the path has not got this method"},
	scim.RuleMediaType:       {415, "invalid_request", "the body must be " + plainJSON},
	scim.RuleTooLarge:        {413, "invalid_request", "the body is too large"},
	scim.RuleLongURL:         {414, "", "the URL is too long"},
	scim.RuleBusy:            {503, "", "the server has too much to do"},
	scim.RuleRate:            {429, "", "the client asks too often"},
}

func word(e *scim.Error) wording {
	if said, known := words[e.Rule]; known {
		return said
	}
	text := "the body is not a poll request"
	if e.Path != "" {
		text += ": " + e.Path
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Line > 0 {
		text += fmt.Sprintf(" (line %d, column %d)", e.Line, e.Column)
	}
	return wording{http.StatusBadRequest, "invalid_request", text}
}

// PollURL returns where a stream is polled on the server of this URL.
func PollURL(publicURL string, s *directory.Stream) string {
	return publicURL + "/events/streams/" + s.ID + "/poll"
}
