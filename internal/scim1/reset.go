package scim1

import (
	"cmp"
	"net/http"
	"net/mail"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// resetPassword serves the change of a password by who knows the old one or
// has a confirmation token (p14e R67, R68).
func (d *door) resetPassword(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	f := fields{body: body}
	id, password := f.required("id"), f.secret("newPassword")
	old, token := f.secret("oldPassword"), f.secret("confirmationToken")
	if password == "" && len(f.faults) == 0 {
		f.faults = append(f.faults, &scim.Error{Rule: scim.RuleRequired, Path: "newPassword"})
	}
	if (old == "") == (token == "") && len(f.faults) == 0 {
		f.faults = append(f.faults, &scim.Error{Rule: scim.RulePattern, Path: "oldPassword", Detail: "either it or confirmationToken is needed"})
	}
	if err := f.faults.Or(); err != nil {
		return err
	}
	if token != "" {
		_, err = d.dir.ResetPassword(c.r.Context(), c.who, c.who.Home(), id, token, password)
	} else {
		_, err = d.dir.ChangePassword(c.r.Context(), c.who, c.who.Home(), id, old, password)
	}
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", contentType)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// losePassword serves the wish for a link by which a user sets a new password (p14e R69, R70).
func (d *door) losePassword(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	f := fields{body: body}
	email, said := f.email("email"), map[string]string{"link": f.url("link")}
	skip := f.text("skipSend")
	if err := f.faults.Or(); err != nil {
		return err
	}
	n, _ := lookupNotice(noticeForgot)
	own, err := d.dir.Notifications(c.r.Context(), c.who, c.who.Home())
	if err != nil {
		return err
	}
	conf, err := d.dir.LosePassword(c.r.Context(), c.who, c.who.Home(), email, n.texts(own[n.name])["redirectLink"])
	if err != nil {
		return err
	}
	link, err := d.deliver(c, n, conf, known(conf.User, email), skip, said, own)
	if err != nil {
		return err
	}
	write(c.w, http.StatusOK, scim.NewObject(scim.Member{Name: "link", Value: scim.StringValue(link)}))
	return nil
}

// invite serves the invitation of a user (p14e R71-R73).
func (d *door) invite(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	f := fields{body: body}
	n, _ := lookupNotice(noticeInvite)
	email, said := f.email("email"), map[string]string{}
	to := ""
	if f.text("alternateEmail") != "" {
		to = f.email("alternateEmail")
	}
	for _, p := range n.parts {
		if isLink(p.name) {
			said[p.name] = f.url(p.name)
		} else {
			said[p.name] = f.text(p.name)
		}
	}
	skip := f.text("skipSend")
	if err := f.faults.Or(); err != nil {
		return err
	}
	own, err := d.dir.Notifications(c.r.Context(), c.who, c.who.Home())
	if err != nil {
		return err
	}
	conf, err := d.dir.Invite(c.r.Context(), c.who, c.who.Home(), directory.Invitation{
		Email: email, Redirect: n.texts(said, own[n.name])["redirectLink"], DefaultGroup: d.Options.DefaultGroupWithoutOption})
	if err != nil {
		return err
	}
	link, err := d.deliver(c, n, conf, cmp.Or(to, known(conf.User, email)), skip, said, own)
	if err != nil {
		return err
	}
	write(c.w, http.StatusOK, scim.NewObject(scim.Member{Name: "value", Value: scim.StringValue(link)}))
	return nil
}

// deliver returns the link for a token, and mails it unless skip is "enabled".
// What it is of is stored by then.
func (d *door) deliver(c *call, n notice, conf *directory.Confirmation, to, skip string, said map[string]string, own directory.Notifications) (string, error) {
	values := map[string]string{"login": d.login(c.r), "accountId": c.who.Environment, "userId": conf.User.ID, "confirmationToken": conf.Token}
	values["link"] = confirmLink(n.texts(said, own[n.name])["link"], values)
	if skip == "enabled" {
		return values["link"], nil
	}
	return values["link"], d.send(n, to, said, own, values)
}

// known returns the address of the user that the one in the request stands
// for. Addresses are compared loosely, so another one may stand for it that is
// somebody else's mailbox: mail goes to the address that is known.
func known(user *scim.Resource, email string) string {
	for _, item := range user.Attributes().Get("emails").List() {
		if value := item.Object().Get("value").Text(); scim.Fold(value) == scim.Fold(email) {
			return value
		}
	}
	return address(user)
}

// login is the URL that the pages for users are below (p14e R70).
func (d *door) login(r *http.Request) string {
	return strings.TrimSuffix(cmp.Or(d.Options.LoginURL, d.origin(r)), "/")
}

// secret returns a member that is a password or token, empty if it is not
// there. Its length is the directory's to judge.
func (f *fields) secret(name string) string {
	v, _ := f.body.Find(name)
	if !v.IsNull() && v.Kind() != scim.String {
		f.faults = append(f.faults, &scim.Error{Rule: scim.RuleType, Path: name, Allowed: []string{"string"}})
	}
	return v.Text()
}

// email returns a member that must be there and be an address.
func (f *fields) email(name string) string {
	before := len(f.faults)
	text := f.required(name)
	const longest = 254 // bytes (RFC 5321 4.5.3.1.3, without the brackets)
	if a, err := mail.ParseAddress(text); len(f.faults) == before && (err != nil || a.Address != text || len(text) > longest) {
		f.faults = append(f.faults, &scim.Error{Rule: scim.RulePattern, Path: name, Value: text, Detail: "not an e-mail address"})
	}
	return text
}

// url returns a member that is a URL if it is there.
func (f *fields) url(name string) string {
	before := len(f.faults)
	text := f.text(name)
	if text != "" && len(f.faults) == before && !checkURL(text) {
		f.faults = append(f.faults, &scim.Error{Rule: scim.RuleURI, Path: name, Value: text})
	}
	return text
}
