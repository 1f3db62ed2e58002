package scim1

import (
	"crypto/rand"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

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

// grant serves the check of a user's password in the form of RFC 6749 4.3: 200
// means that it is right (p14e R64-R66). The token in the answer opens nothing.
func (d *door) grant(c *call) error {
	form, err := c.form()
	if err != nil {
		return err
	}
	switch form["grant_type"] {
	case "":
		return invalidRequest("grant_type is missing")
	case "password":
	default:
		return &oauthError{http.StatusBadRequest, "unsupported_grant_type", ""}
	}
	if form["username"] == "" || form["password"] == "" {
		return invalidRequest("username and password are needed")
	}
	_, err = d.dir.SignIn(c.r.Context(), c.who, c.who.Home(), form["username"], form["password"])
	if scim.Is(err, scim.RuleUnauthenticated) {
		return &oauthError{http.StatusBadRequest, "invalid_grant", ""}
	}
	if err != nil {
		return err
	}
	const lifetime = 3600 // seconds
	writeOAuth(c.w, http.StatusOK, scim.NewObject(
		scim.Member{Name: "access_token", Value: scim.StringValue(rand.Text() + rand.Text())},
		scim.Member{Name: "token_type", Value: scim.StringValue("Bearer")},
		scim.Member{Name: "expires_in", Value: scim.IntValue(lifetime)}))
	return nil
}

// form reads the parameters of a form. One without a value is as good as
// absent, one that is repeated is refused (RFC 6749 3.2).
func (c *call) form() (map[string]string, error) {
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the body must be application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(c.r.Body)
	if err != nil {
		return nil, err
	}
	values, err := readQuery(string(body))
	if err != nil {
		return nil, invalidRequest("the form cannot be read")
	}
	form := map[string]string{}
	for name, list := range values {
		if len(list) > 1 {
			return nil, invalidRequest("a parameter is repeated")
		}
		form[name] = list[0]
	}
	return form, nil
}

// writeOAuthError words err as RFC 6749 5.2 does. Where the RFC has no code
// for what HTTP itself refuses, invalid_request stands beside the status.
func (d *door) writeOAuthError(w http.ResponseWriter, _ *http.Request, err error) {
	out := &oauthError{http.StatusInternalServerError, "server_error", ""}
	if faults := scim.Faults(err); faults != nil {
		d.explain(w, faults[0])
		out = wordOAuth(faults[0])
	} else {
		errors.As(err, &out)
	}
	body := scim.NewObject(scim.Member{Name: "error", Value: scim.StringValue(out.code)})
	body.Assign("error_description", scim.TextOrNull(out.description))
	writeOAuth(w, out.status, body)
}

func wordOAuth(e *scim.Error) *oauthError {
	status, text := word(e)
	code := "invalid_request"
	switch e.Rule {
	case scim.RuleUnauthenticated:
		code, text = "invalid_client", ""
	case scim.RuleForbidden:
		code = "unauthorized_client"
	case scim.RuleBusy, scim.RuleRate:
		code = "temporarily_unavailable"
	}
	return &oauthError{status, code, text}
}

// writeOAuth answers with JSON that no cache keeps (RFC 6749 5.1).
func writeOAuth(w http.ResponseWriter, status int, o *scim.Object) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	write(w, status, o)
}

// authenticate serves the check of a user's password as PingFederate asks for
// it: 200 with the user, or 401 (p14e U8).
func (d *door) authenticate(c *call) error {
	by, _, err := c.param("by")
	if err != nil {
		return err
	}
	if by != "subject" {
		return &scim.Error{Rule: scim.RuleParameter, Path: "by", Value: by, Allowed: []string{"subject"}}
	}
	only, err := c.projection(d.user)
	if err != nil {
		return err
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	f := fields{body: body}
	subject, password := f.required("subject"), f.required("password")
	if err := f.faults.Or(); err != nil {
		return err
	}
	user, err := d.dir.SignIn(c.r.Context(), c.who, c.who.Home(), subject, password)
	if err != nil {
		return err
	}
	user, err = d.dir.Read(c.r.Context(), c.who, c.who.Home(), d.user.Name, user.ID, d.user.include(only))
	if err != nil {
		return err
	}
	return d.answer(c, d.user, http.StatusOK, user, only)
}

// fields reads the body of an action, whose members are strings. What it does
// not ask for is ignored.
type fields struct {
	body   *scim.Object
	faults scim.Errors
}

// text returns a member, empty if it is not there.
func (f *fields) text(name string) string {
	v, _ := f.body.Find(name)
	switch {
	case v.IsNull():
	case v.Kind() != scim.String:
		f.faults = append(f.faults, &scim.Error{Rule: scim.RuleType, Path: name, Allowed: []string{"string"}})
	case len(v.Text()) > maxText:
		f.faults = append(f.faults, &scim.Error{Rule: scim.RuleLength, Path: name, Allowed: []string{"1024"}})
	}
	return v.Text()
}

// required returns a member that must be there.
func (f *fields) required(name string) string {
	v, _ := f.body.Find(name)
	if v.IsNull() || v.Kind() == scim.String && v.Text() == "" {
		f.faults = append(f.faults, &scim.Error{Rule: scim.RuleRequired, Path: name})
		return ""
	}
	return f.text(name)
}
