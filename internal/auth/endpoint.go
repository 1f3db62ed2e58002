package auth

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// maxForm is the largest token request in bytes.
const maxForm = 16 << 10

// assertionPath is where clients that sign get their tokens (aic 3.2).
const assertionPath = "/am/oauth2/access_token"

// A grant proves who asks for a token by what the form says.
type grant func(*http.Request, url.Values) (directory.Caller, error)

// Doors returns the token endpoints (pingone A2, aic 3.2): a client shows its
// id and secret, or something that it has signed, and gets an access token.
// They speak RFC 6749 instead of a dialect.
func (a *Authenticator) Doors() []route.Door {
	at := func(prefix, path string, grants map[string]grant) route.Door {
		return route.Door{
			Name: "token", Prefix: prefix, Error: writeError, MaxBody: maxForm,
			Routes: []route.Route{{Method: http.MethodPost, Path: path, Permission: directory.Public, Handle: a.answer(grants)}},
		}
	}
	return []route.Door{
		at("/{env}/as", "/token", map[string]grant{clientCredentials: a.secret}),
		at("/am/oauth2", "/access_token", map[string]grant{clientCredentials: a.secret, jwtBearer: a.assert}),
	}
}

const clientCredentials = "client_credentials" // RFC 6749 4.4

// An oauthError is an error of RFC 6749 5.2.
type oauthError struct {
	status      int
	code        string
	description string
}

func (e *oauthError) Error() string { return e.code + ": " + e.description }

func invalidRequest(description string) error {
	return &oauthError{http.StatusBadRequest, "invalid_request", description}
}

// answer returns the handler of token requests by the grants. An environment in
// the path that is not the client's own answers as one that does not exist: the
// client is unknown there.
func (a *Authenticator) answer(grants map[string]grant) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
		if err := a.Anonymous(r); err != nil {
			return err
		}
		form, err := readForm(r)
		if err != nil {
			return err
		}
		prove := grants[form.Get("grant_type")]
		switch {
		case form.Get("grant_type") == "":
			return invalidRequest("grant_type is missing")
		case prove == nil:
			return &oauthError{http.StatusBadRequest, "unsupported_grant_type", ""}
		}
		c, err := prove(r, form)
		if err != nil {
			return err
		}
		if err := a.clients.take(c.Client, a.now()); err != nil {
			return err
		}
		if env := r.PathValue("env"); env != "" && env != c.Environment {
			return unauthenticated("a client of another environment")
		}
		token, err := a.issue(c)
		if err != nil {
			return err
		}
		write(w, http.StatusOK, struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int    `json:"expires_in"` // seconds
		}{token, bearer, int(lifetime.Seconds())})
		return nil
	}
}

// secret proves a client by its id and secret.
func (a *Authenticator) secret(r *http.Request, form url.Values) (directory.Caller, error) {
	shown, err := clientCredential(r, form)
	if err != nil {
		return directory.Caller{}, err
	}
	return a.prove(r, shown)
}

// readForm reads the parameters of the body; those in the URL do not count. A
// parameter without a value is as good as absent, one that is repeated is
// refused (RFC 6749 3.2).
func readForm(r *http.Request) (url.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the body must be application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidRequest("the form cannot be read")
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, invalidRequest("a parameter is repeated")
		}
		if values[0] == "" {
			delete(form, name)
		}
	}
	return form, nil
}

// clientCredential returns what the client shows as client_secret_basic or
// client_secret_post, never both (RFC 6749 2.3).
func clientCredential(r *http.Request, form url.Values) (credential, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		if id == "" || secret == "" {
			return credential{}, unauthenticated("no credential")
		}
		return credential{basic, id, secret}, nil
	}
	shown, err := parseAuthorization(values)
	if err != nil {
		return credential{}, err
	}
	if shown.scheme != basic {
		return credential{}, unauthenticated("the scheme is not taken here")
	}
	// In this header id and secret are form-encoded first (RFC 6749 2.3.1).
	// Many clients do not; as we make no secret with % or +, undoing only the
	// percent signs serves both.
	var idErr, secretErr error
	shown.id, idErr = url.PathUnescape(shown.id)
	shown.secret, secretErr = url.PathUnescape(shown.secret)
	switch {
	case idErr != nil || secretErr != nil:
		return credential{}, unauthenticated("malformed Basic credential")
	case secret != "":
		return credential{}, invalidRequest("the client authenticates in two ways")
	case id != "" && id != shown.id:
		return credential{}, invalidRequest("client_id is not that of the Authorization header")
	}
	return shown, nil
}

// writeError words err as RFC 6749 5.2 does. Where the RFC has no code for
// what HTTP itself refuses, invalid_request stands beside the status.
func writeError(w http.ResponseWriter, _ *http.Request, err error) {
	out := &oauthError{http.StatusInternalServerError, "server_error", ""}
	if faults := scim.Faults(err); faults != nil {
		out = worded(w, faults[0])
	} else {
		errors.As(err, &out)
	}
	body := map[string]string{"error": out.code}
	if out.description != "" {
		body["error_description"] = out.description
	}
	write(w, out.status, body)
}

func worded(w http.ResponseWriter, e *scim.Error) *oauthError {
	switch e.Rule {
	case scim.RuleUnauthenticated:
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		return &oauthError{http.StatusUnauthorized, "invalid_client", ""}
	case scim.RuleNoEndpoint:
		return &oauthError{http.StatusNotFound, "invalid_request", "no such endpoint"}
	case scim.RuleMethod:
		return &oauthError{http.StatusMethodNotAllowed, "invalid_request", "use " + strings.Join(e.Allowed, ", ")}
	case scim.RuleTooLarge:
		return &oauthError{http.StatusRequestEntityTooLarge, "invalid_request", "the body is too large"}
	case scim.RuleLongURL:
		return &oauthError{http.StatusRequestURITooLong, "invalid_request", "the URL is too long"}
	case scim.RuleMediaType:
		return &oauthError{http.StatusUnsupportedMediaType, "invalid_request", "the body's coding is not taken"}
	case scim.RuleBusy, scim.RuleRate:
		if len(e.Allowed) > 0 {
			w.Header().Set("Retry-After", e.Allowed[0])
		}
		if e.Rule == scim.RuleRate {
			return &oauthError{http.StatusTooManyRequests, "temporarily_unavailable", e.Detail}
		}
		return &oauthError{http.StatusServiceUnavailable, "temporarily_unavailable", ""}
	}
	return &oauthError{http.StatusBadRequest, "invalid_request", e.Detail}
}

// write answers with JSON that no cache keeps (RFC 6749 5.1).
func write(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json;charset=UTF-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
