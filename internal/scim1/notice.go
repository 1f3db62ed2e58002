package scim1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/mail"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Mailer takes messages to be sent. It does not wait for their delivery.
type Mailer interface {
	Post(m mail.Message) error
}

// A notice is a kind of mail that users get. Its texts are those of the
// request, else those that the environment has set, else these.
type notice struct {
	name  string
	parts []part
}

// A part is one text of a notice. ${product} and the like in it are filled in
// when it is sent.
type part struct{ name, text string }

// The kinds of mail.
const (
	noticeInvite  = "invite"
	noticeForgot  = "forgot_password"
	noticeWelcome = "self_registered_welcome"
	noticeExpiry  = "password_expired" // p14e U13
)

// notices are the kinds of mail with the parts that the vendor names for each
// (p14e R72, R74). The words are ours.
var notices = []notice{
	{noticeInvite, []part{
		{"product", "rollcall"}, {"fromName", "rollcall"}, {"subject", "You are invited to ${product}"}, {"bannerText", ""},
		{"titleText", "Welcome to ${product}"}, {"bodyText", "An account is waiting for you. Choose a password, and it is yours. The link below is good for one day."},
		{"activationButtonText", "Choose a password"}, {"link", "${login}/idp/directory/a/${accountId}/registration/confirm/${userId}/${confirmationToken}/"},
		{"redirectLink", ""}, {"headerImage", ""}, {"supportText", ""}, {"footerText", ""}, {"footerLogoImage", ""}}},
	{noticeForgot, []part{
		{"product", "rollcall"}, {"fromName", "rollcall"}, {"subject", "A new password for ${product}"}, {"bannerText", ""},
		{"titleText", "A new password"}, {"bodyText", "Somebody asked for a new password for your account. If that was not you, do nothing: your password stays as it is. The link below is good for one hour."},
		{"activationButtonText", "Choose a password"}, {"link", "${login}/idp/directory/a/${accountId}/forgotpassword/confirm/${userId}/${confirmationToken}/"},
		{"redirectLink", ""}, {"footerText", ""}, {"footerLogoImage", ""}}},
	{noticeWelcome, []part{
		{"product", "rollcall"}, {"fromName", "rollcall"}, {"subject", "Welcome to ${product}"}, {"bannerText", ""},
		{"titleText", "Welcome"}, {"bodyText", "You have registered with ${product}."}, {"footerText", ""}, {"footerLogoImage", ""}}},
	{noticeExpiry, []part{
		{"product", "rollcall"}, {"fromName", "rollcall"}, {"subject", "Your password for ${product} ends soon"}, {"bannerText", ""},
		{"titleText", "Change your password"}, {"bodyText", "Your password for ${product} is good until ${ends}. Change it before that."},
		{"activationButtonText", "Change the password"}, {"link", ""}, {"footerText", ""}, {"footerLogoImage", ""}}},
}

// required are the parts of every notice that cannot be empty (p14e R74).
var required = []string{"fromName", "product", "subject"}

// lookupNotice returns the notice of this name.
func lookupNotice(name string) (notice, bool) {
	i := slices.IndexFunc(notices, func(n notice) bool { return n.name == name })
	if i < 0 {
		return notice{}, false
	}
	return notices[i], true
}

// has reports whether the notice has a part of this name.
func (n notice) has(name string) bool {
	return slices.ContainsFunc(n.parts, func(p part) bool { return p.name == name })
}

// texts returns the parts by their names: those given, in the order of
// preference, where they are not empty, else the defaults.
func (n notice) texts(given ...map[string]string) map[string]string {
	texts := map[string]string{}
	for _, p := range n.parts {
		texts[p.name] = p.text
		for _, own := range slices.Backward(given) {
			if text := own[p.name]; text != "" {
				texts[p.name] = text
			}
		}
	}
	return texts
}

// fill replaces the names of values in a text: ${product}.
func fill(text string, values map[string]string) string {
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, "${"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// confirmLink is the URL that a token is sent in: one with the names of values
// in it, or one that user and token are put after (p14e R70, R71).
func confirmLink(text string, values map[string]string) string {
	if !strings.Contains(text, "${confirmationToken}") {
		text = strings.TrimSuffix(text, "/") + "/${userId}/${confirmationToken}/"
	}
	return fill(text, values)
}

// compose makes the mail of a notice. The link in values is the button's; no
// button is there without one.
func (n notice) compose(to string, texts, values map[string]string) (mail.Message, error) {
	filled := map[string]string{}
	values["product"] = texts["product"]
	for name, text := range texts {
		filled[name] = fill(text, values)
	}
	filled["link"] = values["link"]
	var html, text bytes.Buffer
	err := errors.Join(htmlMail.Execute(&html, filled), textMail.Execute(&text, filled))
	return mail.Message{To: to, FromName: filled["fromName"], Subject: filled["subject"], Text: strings.TrimSpace(text.String()) + "\n", HTML: html.String()}, err
}

var htmlMail = template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html><body style="font-family: sans-serif; max-width: 606px">
{{with .headerImage}}<p><img src="{{.}}" alt="" style="max-width: 606px; max-height: 273px"></p>
{{end}}{{with .bannerText}}<p>{{.}}</p>
{{end}}{{with .titleText}}<h1>{{.}}</h1>
{{end}}{{with .bodyText}}<p>{{.}}</p>
{{end}}{{if .link}}<p><a href="{{.link}}">{{.activationButtonText}}</a></p>
<p>{{.link}}</p>
{{end}}{{with .supportText}}<p>{{.}}</p>
{{end}}{{with .footerLogoImage}}<p><img src="{{.}}" alt="" style="max-width: 40px; max-height: 70px"></p>
{{end}}{{with .footerText}}<p><small>{{.}}</small></p>
{{end}}</body></html>
`))

var textMail = texttemplate.Must(texttemplate.New("mail").Parse(`{{with .bannerText}}{{.}}

{{end}}{{with .titleText}}{{.}}

{{end}}{{with .bodyText}}{{.}}

{{end}}{{if .link}}{{.activationButtonText}}:
{{.link}}

{{end}}{{with .supportText}}{{.}}

{{end}}{{with .footerText}}{{.}}
{{end}}`))

// send hands the mail of a notice over, if there is somebody to take it. own
// are the texts of the environment, said those of the request.
func (d *door) send(n notice, to string, said map[string]string, own directory.Notifications, values map[string]string) error {
	if d.Options.Mail == nil {
		return nil
	}
	m, err := n.compose(to, n.texts(said, own[n.name]), values)
	if err != nil {
		return fmt.Errorf("compose the mail %s: %w", n.name, err)
	}
	if err := d.Options.Mail.Post(m); err != nil {
		return errors.Join(&scim.Error{Rule: scim.RuleBusy, Allowed: []string{"10"}, Detail: "the mail cannot be taken now"}, err)
	}
	return nil
}

// address returns where mail for the user goes: the primary address, else the
// first; empty if it has none.
func address(user *scim.Resource) string {
	first := ""
	for _, item := range user.Attributes().Get("emails").List() {
		value := item.Object().Get("value").Text()
		if item.Object().Get("primary").Bool() {
			return value
		}
		if first == "" {
			first = value
		}
	}
	return first
}

// checkURL reports whether the text is the URL of a page or picture, whatever
// ${names} it holds.
func checkURL(text string) bool {
	u, err := url.Parse(strings.NewReplacer("${", "", "}", "").Replace(text))
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// Remind mails users whose password has to be changed soon, once for each of
// the reminders of the directory's policy. cmd/rollcall calls it every hour or so.
func Remind(ctx context.Context, dir *directory.Directory, to Mailer) error {
	d := &door{Profile: Profile{Options: Options{Mail: to}}}
	due, err := dir.Reminders(ctx)
	if err != nil {
		return err
	}
	n, _ := lookupNotice(noticeExpiry)
	for _, r := range due {
		email := address(r.User)
		if email == "" {
			continue
		}
		values := map[string]string{"ends": r.Ends.UTC().Format(time.RFC1123), "link": n.texts(r.Notifications[n.name])["link"]}
		if err := d.send(n, email, nil, r.Notifications, values); err != nil {
			return err
		}
	}
	return nil
}
