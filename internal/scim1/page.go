package scim1

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The pages for users: what the links in their mail lead to (p14e R70, R71).
// Nobody is asked for a credential; the token in the path is the proof.

// pingOnePages are their routes.
func pingOnePages(d *door) []route.Route {
	var routes []route.Route
	for path, p := range map[string]directory.Purpose{
		"/a/{account}/forgotpassword/confirm/{user}/{token}": directory.ForResetPassword,
		"/a/{account}/registration/confirm/{user}/{token}":   directory.ForRegister,
	} {
		routes = append(routes,
			route.Route{Method: "GET", Path: path, Permission: directory.Public, Handle: d.showPage(p)},
			route.Route{Method: "POST", Path: path, Permission: directory.Public, Handle: d.confirmPage(p)})
	}
	return routes
}

// A page is what a user is shown.
type page struct {
	Title   string
	Form    bool
	Message string // what went wrong, or that it is done
}

var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>body { font-family: sans-serif; max-width: 24em; margin: 4em auto; padding: 0 1em } input, button { display: block; width: 100%; margin: .5em 0 1em; padding: .5em; box-sizing: border-box }</style>
</head>
<body>
<h1>{{.Title}}</h1>
{{with .Message}}<p role="alert">{{.}}</p>
{{end}}{{if .Form}}<form method="post">
<label>New password<input type="password" name="password" autocomplete="new-password" required autofocus></label>
<label>The same again<input type="password" name="again" autocomplete="new-password" required></label>
<button>Save</button>
</form>
{{end}}</body>
</html>
`))

// discreet sets headers by which no cache keeps an answer, and no other page
// frames it or is told its address, which holds the token.
func discreet(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
}

// write sends the page.
func (p page) write(w http.ResponseWriter, status int) {
	var b bytes.Buffer
	_ = pageTemplate.Execute(&b, p) // the template is ours, and so is the page
	discreet(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// title is what a page is about.
func title(p directory.Purpose) string {
	if p == directory.ForRegister {
		return "Choose your password"
	}
	return "Choose a new password"
}

// holder is who follows a link.
func holder(r *http.Request, c directory.Caller, p directory.Purpose) directory.Holder {
	return directory.Holder{Environment: r.PathValue("account"), User: r.PathValue("user"), Token: r.PathValue("token"),
		Purpose: p, RequestID: c.RequestID, Door: c.Door}
}

// showPage serves the form, if the link is good.
func (d *door) showPage(p directory.Purpose) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
		if _, err := d.dir.Confirm(r.Context(), holder(r, c, p), ""); err != nil {
			return err
		}
		page{Title: title(p), Form: true}.write(w, http.StatusOK)
		return nil
	}
}

// confirmPage serves the form that was filled in.
func (d *door) confirmPage(p directory.Purpose) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who directory.Caller) error {
		form, err := (&call{w: w, r: r, who: who}).form()
		if err != nil {
			return err
		}
		again := func(message string) error {
			page{Title: title(p), Form: true, Message: message}.write(w, http.StatusUnprocessableEntity)
			return nil
		}
		if form["password"] == "" || form["password"] != form["again"] {
			return again("Enter the same password twice.")
		}
		out, err := d.dir.Confirm(r.Context(), holder(r, who, p), form["password"])
		if scim.Is(err, scim.RulePassword) {
			return again("Choose another password: this one has " + scim.Faults(err)[0].Detail + ".")
		}
		if err != nil {
			return err
		}
		if p == directory.ForRegister {
			d.welcome(out)
		}
		if out.Redirect != "" {
			discreet(w.Header())
			http.Redirect(w, r, out.Redirect, http.StatusSeeOther)
			return nil
		}
		page{Title: title(p), Message: "Your password is saved. You can close this page."}.write(w, http.StatusOK)
		return nil
	}
}

// welcome mails who has registered. The registration does not depend on it.
func (d *door) welcome(out *directory.Confirmed) {
	n, _ := lookupNotice(noticeWelcome)
	if email := address(out.User); email != "" {
		_ = d.send(n, email, nil, out.Notifications, map[string]string{})
	}
}

// writePageError words an error for a person.
func (d *door) writePageError(w http.ResponseWriter, _ *http.Request, err error) {
	p := page{Title: "This did not work"}
	status := http.StatusInternalServerError
	p.Message = "Something went wrong on our side. Try again later."
	if malformed, ok := errors.AsType[*oauthError](err); ok {
		status, p.Message = malformed.status, "The form cannot be read."
	} else if faults := scim.Faults(err); len(faults) > 0 {
		d.explain(w, faults[0])
		status, _ = word(faults[0])
		switch {
		case faults[0].Path == "confirmationToken":
			status, p.Message = http.StatusNotFound, "This link is not good any more. Ask for a new one."
		case status == http.StatusForbidden:
			p.Message = "The password of an administrator cannot be set in this way."
		case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
			p.Message = "We are busy. Try again in a moment."
		case status < 500:
			p.Message = "There is no such page."
		}
	}
	p.write(w, status)
}
