package scim1_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/mail"
	"github.com/rollcall-directory/rollcall/internal/mail/mailtest"
	"github.com/rollcall-directory/rollcall/internal/scim1"
)

// A post is a directory with its mail server.
type post struct {
	*server
	url  string
	mail *mailtest.Server
}

// openPost starts a directory that sends mail.
func openPost(t *testing.T, change func(*scim1.Options)) *post {
	t.Helper()
	p := &post{mail: mailtest.Start(t, mailtest.Options{})}
	sender, err := mail.New(mail.Config{Address: p.mail.Address, RootCAs: p.mail.RootCAs, From: "no-reply@dir.example"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
	})
	profile := scim1.PingOneEnterprise()
	profile.Options.Mail = sender
	if change != nil {
		change(&profile.Options)
	}
	p.server = open(t, profile)
	srv := httptest.NewServer(p.server)
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

// do sends a request, which must be answered with the status, and returns the answer.
func (p *post) do(t *testing.T, method, path, body string, status int) map[string]any {
	t.Helper()
	got, text := send(t, p.url, method, path, body)
	if got != status {
		t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, got, text, status)
	}
	var o map[string]any
	if text != "" {
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return o
}

// refuse sends a request that must be answered with the status and description.
func (p *post) refuse(t *testing.T, path, body string, status int, description string) {
	t.Helper()
	o := p.do(t, "POST", path, body, status)
	if got := o["Errors"].([]any)[0].(map[string]any)["description"]; got != description {
		t.Errorf("%s %s: %q, want %q", path, body, got, description)
	}
}

// create creates a user and returns its id.
func (p *post) create(t *testing.T, body string) string {
	t.Helper()
	return p.do(t, "POST", "/api/directory/user", body, 200)["id"].(string)
}

// signsIn reports whether the password of the user is right.
func (p *post) signsIn(t *testing.T, name, password string) bool {
	t.Helper()
	status, body := p.form(t, "/api/oauth/token", url.Values{"grant_type": {"password"}, "username": {name}, "password": {password}})
	if status != 200 && status != 400 {
		t.Fatalf("sign-in: %d %s", status, body)
	}
	return status == 200
}

// form posts a form as the writer and returns status and body.
func (p *post) form(t *testing.T, path string, values url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequest("POST", p.url+path, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", writer)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Location") + string(body)
}

// token takes a link apart, which begins with prefix, and returns its token.
func token(t *testing.T, link any, prefix, user string) string {
	t.Helper()
	m := regexp.MustCompile(`^` + regexp.QuoteMeta(prefix+"/"+user+"/") + `([A-Z0-9]{40,})/$`).FindStringSubmatch(link.(string))
	if m == nil {
		t.Fatalf("link %s, want %s/%s/TOKEN/", link, prefix, user)
	}
	return m[1]
}

const (
	lost      = "/api/directory/users/password-lost"
	reset     = "/api/directory/users/password-reset"
	inviting  = "/api/directory/useractions/invite"
	lostLink  = publicURL + "/idp/directory/a/" + directorytest.Environment + "/forgotpassword/confirm"
	inviteURL = publicURL + "/idp/directory/a/" + directorytest.Environment + "/registration/confirm"
	ada       = `{"userName": "ada", "password": "2Federate", "emails": [{"value": "ada@example.com"}]}`
)

func TestPasswordReset(t *testing.T) {
	t.Run("p14e:R67 a password is reset by the old one or a token, that of an administrator not by a token", func(t *testing.T) {
		p := openPost(t, nil)
		id := p.create(t, ada)
		for _, body := range []string{
			`{"id": "` + id + `", "newPassword": "3Federate"}`,
			`{"id": "` + id + `", "newPassword": "3Federate", "oldPassword": "2Federate", "confirmationToken": "x"}`,
		} {
			p.refuse(t, reset, body, 400, "Attribute oldPassword is not valid: either it or confirmationToken is needed")
		}
		if o := p.do(t, "POST", reset, `{"id": "`+id+`", "newPassword": "3Federate", "oldPassword": "2Federate"}`, 200); o != nil {
			t.Errorf("answer %v", o)
		}
		if p.signsIn(t, "ada", "2Federate") || !p.signsIn(t, "ada", "3Federate") {
			t.Error("the password did not change")
		}
		link := p.do(t, "POST", lost, `{"email": "ada@example.com", "skipSend": "enabled"}`, 200)["link"]
		p.do(t, "PUT", reset, `{"id": "`+id+`", "newPassword": "4Federate", "confirmationToken": "`+token(t, link, lostLink, id)+`"}`, 200)
		if p.signsIn(t, "ada", "3Federate") || !p.signsIn(t, "ada", "4Federate") {
			t.Error("the password did not change")
		}
		link = p.do(t, "PUT", lost, `{"email": "ada@example.com", "skipSend": "enabled"}`, 200)["link"]
		group := p.do(t, "POST", "/api/directory/group", `{"displayName": "Domain Administrators", "members": [{"value": "`+id+`"}]}`, 200)["id"].(string)
		c := directorytest.Caller(t, p.dir, directorytest.BasicSecret)
		if err := p.dir.Entitle(context.Background(), c, c.Home(), group, directory.GroupManager); err != nil {
			t.Fatal(err)
		}
		p.refuse(t, reset, `{"id": "`+id+`", "newPassword": "5Federate", "confirmationToken": "`+token(t, link, lostLink, id)+`"}`, 403, "Operation not permitted")
		p.do(t, "POST", reset, `{"id": "`+id+`", "newPassword": "5Federate", "oldPassword": "4Federate"}`, 200)
		p.mail.None(t)
	})
	t.Run("p14e:R68 what is wrong changes nothing, and a token works once", func(t *testing.T) {
		p := openPost(t, nil)
		id := p.create(t, ada)
		link := p.do(t, "POST", lost, `{"email": "ada@example.com", "skipSend": "enabled"}`, 200)["link"]
		good := token(t, link, lostLink, id)
		p.refuse(t, reset, `{"id": "`+id+`", "newPassword": "3Federate", "oldPassword": "wrong"}`, 400, "Attribute oldPassword is not valid")
		p.refuse(t, reset, `{"id": "`+id+`", "newPassword": "3Federate", "confirmationToken": "wrong"}`, 400, "Attribute confirmationToken is not valid")
		const policy = "Password does not satisfy the password policy: fewer characters than 8"
		p.refuse(t, reset, `{"id": "`+id+`", "newPassword": "3Short", "oldPassword": "2Federate"}`, 400, policy)
		p.refuse(t, reset, `{"id": "`+id+`", "newPassword": "3Short", "confirmationToken": "`+good+`"}`, 400, policy)
		if !p.signsIn(t, "ada", "2Federate") {
			t.Error("the password changed")
		}
		p.do(t, "POST", reset, `{"id": "`+id+`", "newPassword": "3Federate", "confirmationToken": "`+good+`"}`, 200)
		p.refuse(t, reset, `{"id": "`+id+`", "newPassword": "4Federate", "confirmationToken": "`+good+`"}`, 400, "Attribute confirmationToken is not valid")
		if !p.signsIn(t, "ada", "3Federate") {
			t.Error("the password changed")
		}
	})
	t.Run("malformed requests", func(t *testing.T) {
		p := openPost(t, nil)
		id := p.create(t, ada)
		p.refuse(t, reset, `{"newPassword": "3Federate", "oldPassword": "2Federate"}`, 400, "Attribute id is required")
		p.refuse(t, reset, `{"id": "`+id+`", "oldPassword": "2Federate"}`, 400, "Attribute newPassword is required")
		p.refuse(t, reset, `{"id": "`+id+`", "newPassword": 7, "oldPassword": "2Federate"}`, 400, "Attribute newPassword must be a string")
		p.refuse(t, reset, `{"id": "7c513a7e-55d4-441c-858c-7329e6268084", "newPassword": "3Federate", "oldPassword": "2Federate"}`, 404, "Resource 7c513a7e-55d4-441c-858c-7329e6268084 not found")
		p.refuse(t, reset, `{"id": "7c513a7e-55d4-441c-858c-7329e6268084", "newPassword": "3Federate", "confirmationToken": "x"}`, 404, "Resource 7c513a7e-55d4-441c-858c-7329e6268084 not found")
		p.refuse(t, reset, `{"id": "x" "newPassword": "3Federate"}`, 400, "Request body is not valid JSON: unexpected character '\"' at line 1, column 12")
		p.refuse(t, lost, `{}`, 400, "Attribute email is required")
		p.refuse(t, lost, `{"email": "Ada <ada@example.com>"}`, 400, "Attribute email is not valid: not an e-mail address")
		p.refuse(t, lost, `{"email": "ada@example.com", "link": "javascript:alert(1)"}`, 400, "Attribute link must be a URI")
		p.refuse(t, lost, `{"email": "nobody@example.com"}`, 404, "Resource nobody@example.com not found")
	})
}

func TestPasswordLost(t *testing.T) {
	t.Run("p14e:R69 each call mails a new token and ends the old one", func(t *testing.T) {
		p := openPost(t, nil)
		id := p.create(t, ada)
		first := p.do(t, "POST", lost, `{"email": "ADA@example.com"}`, 200)
		got := p.mail.Next(t)
		if len(first) != 1 || got.To != "ada@example.com" || !strings.Contains(got.Text, first["link"].(string)) || !strings.Contains(got.HTML, `href="`+first["link"].(string)+`"`) {
			t.Errorf("answer %v, mail %+v", first, got)
		}
		second := p.do(t, "POST", lost, `{"email": "ada@example.com", "skipSend": "disabled"}`, 200)
		if got := p.mail.Next(t); !strings.Contains(got.Text, second["link"].(string)) {
			t.Errorf("mail %+v", got)
		}
		third := p.do(t, "POST", lost, `{"email": "ada@example.com", "skipSend": "enabled", "link": "https://app.example/reset/"}`, 200)
		for _, old := range []any{first["link"], second["link"]} {
			p.refuse(t, reset, `{"id": "`+id+`", "newPassword": "3Federate", "confirmationToken": "`+token(t, old, lostLink, id)+`"}`, 400, "Attribute confirmationToken is not valid")
		}
		p.do(t, "POST", reset, `{"id": "`+id+`", "newPassword": "3Federate", "confirmationToken": "`+token(t, third["link"], "https://app.example/reset", id)+`"}`, 200)
		p.mail.None(t)
	})
	t.Run("p14e:R70 the link has account, user and token, after the URL of the login or of the request", func(t *testing.T) {
		p := openPost(t, func(o *scim1.Options) { o.LoginURL = "https://login.example/" })
		id := p.create(t, ada)
		link := p.do(t, "POST", lost, `{"email": "ada@example.com"}`, 200)["link"]
		token(t, link, "https://login.example/idp/directory/a/"+directorytest.Environment+"/forgotpassword/confirm", id)
		for _, base := range []string{"https://app.example/reset", "https://app.example/reset/"} {
			link = p.do(t, "POST", lost, `{"email": "ada@example.com", "link": "`+base+`"}`, 200)["link"]
			token(t, link, "https://app.example/reset", id)
		}
		token(t, openPostLink(t), lostLink, "$")
	})
	t.Run("mail goes to the address that is known, not to one that looks like it", func(t *testing.T) {
		p := openPost(t, nil)
		p.create(t, `{"userName": "mike", "emails": [{"value": "other@example.com", "primary": true}, {"value": "mike@example.com"}]}`)
		const kelvin = "mi\u212ae@example.com" // the sign for kelvin folds to k
		p.do(t, "POST", lost, `{"email": "`+kelvin+`"}`, 200)
		if got := p.mail.Next(t); got.To != "mike@example.com" {
			t.Errorf("mail to %s", got.To)
		}
		p.do(t, "POST", inviting, `{"email": "kim@example.com"}`, 200)
		p.mail.Next(t)
		p.do(t, "POST", inviting, `{"email": "\u212aim@example.com"}`, 200)
		if got := p.mail.Next(t); got.To != "kim@example.com" {
			t.Errorf("mail to %s", got.To)
		}
	})
	t.Run("without a mail server the link is returned", func(t *testing.T) {
		p := openPost(t, func(o *scim1.Options) { o.Mail = nil })
		id := p.create(t, ada)
		token(t, p.do(t, "POST", lost, `{"email": "ada@example.com"}`, 200)["link"], lostLink, id)
		p.mail.None(t)
	})
	t.Run("mail that cannot be taken is a 503", func(t *testing.T) {
		p := openPost(t, func(o *scim1.Options) { o.Mail = full{} })
		p.create(t, ada)
		p.refuse(t, lost, `{"email": "ada@example.com"}`, 503, "Service unavailable")
	})
}

// openPostLink is the link of a directory that says nothing of the login, with
// the user's id replaced by a dollar sign.
func openPostLink(t *testing.T) any {
	t.Helper()
	p := openPost(t, nil)
	id := p.create(t, ada)
	return strings.Replace(p.do(t, "POST", lost, `{"email": "ada@example.com"}`, 200)["link"].(string), id, "$", 1)
}

// full is a mail server whose queue is full.
type full struct{}

func (full) Post(mail.Message) error { return mail.ErrFull }

func TestInvite(t *testing.T) {
	t.Run("p14e:R71 an invitation answers and mails a link for a day, and again ends it", func(t *testing.T) {
		p := openPost(t, nil)
		first := p.do(t, "POST", inviting, `{"email": "ada@example.com"}`, 200)
		got := p.mail.Next(t)
		if len(first) != 1 || got.To != "ada@example.com" || !strings.Contains(got.Text, first["value"].(string)) {
			t.Errorf("answer %v, mail %+v", first, got)
		}
		id := mustList(t, p.url, "/v1/user").Resources[0].ID
		second := p.do(t, "POST", "/v1/useractions/invite", `{"email": "ada@example.com"}`, 200)
		p.refuse(t, reset, `{"id": "`+id+`", "newPassword": "2Federate", "confirmationToken": "`+token(t, first["value"], inviteURL, id)+`"}`, 400, "Attribute confirmationToken is not valid")
		p.clock.Advance(24*time.Hour - 3*time.Second) // and one for each request
		p.do(t, "POST", reset, `{"id": "`+id+`", "newPassword": "2Federate", "confirmationToken": "`+token(t, second["value"], inviteURL, id)+`"}`, 200)
		if !p.signsIn(t, "ada@example.com", "2Federate") {
			t.Error("who has registered cannot sign in")
		}
		p.refuse(t, inviting, `{"email": "ada@example.com"}`, 409, "User with email ada@example.com already exists")

		link := p.do(t, "POST", inviting, `{"email": "bob@example.com"}`, 200)["value"]
		bob := mustList(t, p.url, "/v1/user").Resources[1].ID
		p.clock.Advance(24 * time.Hour)
		p.refuse(t, reset, `{"id": "`+bob+`", "newPassword": "2Federate", "confirmationToken": "`+token(t, link, inviteURL, bob)+`"}`, 400, "Attribute confirmationToken is not valid")
		p.refuse(t, inviting, `{}`, 400, "Attribute email is required")
		if n := p.count(t, "User"); n != 2 {
			t.Errorf("%d users", n)
		}
	})
	t.Run("p14e:R72 the request says what the mail says", func(t *testing.T) {
		p := openPost(t, nil)
		o := p.do(t, "POST", inviting, `{"email": "ada@example.com", "alternateEmail": "home@example.com", "fromName": "Example Ltd", "bodyText": "Body <b>text</b>",
			"titleText": "A title", "supportText": "Call us", "subject": "Join us", "activationButtonText": "Go", "link": "https://app.example/join",
			"footerText": "The end", "footerLogoImage": "https://app.example/footer.png", "headerImage": "https://app.example/header.png",
			"skipSend": "no", "redirectLink": "https://app.example/home", "colour": "red"}`, 200)
		id := mustList(t, p.url, "/v1/user").Resources[0].ID
		token(t, o["value"], "https://app.example/join", id)
		got := p.mail.Next(t)
		if got.To != "home@example.com" || got.Subject != "Join us" || got.Header.Get("From") != `"Example Ltd" <no-reply@dir.example>` {
			t.Errorf("mail %+v", got)
		}
		for _, want := range []string{"Body <b>text</b>", "A title", "Call us", "Go:\n" + o["value"].(string), "The end"} {
			if !strings.Contains(got.Text, want) {
				t.Errorf("%q is not in %s", want, got.Text)
			}
		}
		for _, want := range []string{"Body &lt;b&gt;text&lt;/b&gt;", "<h1>A title</h1>", "Call us", `<a href="` + o["value"].(string) + `">Go</a>`, "The end",
			`<img src="https://app.example/footer.png" alt="" style="max-width: 40px; max-height: 70px">`,
			`<img src="https://app.example/header.png" alt="" style="max-width: 606px; max-height: 273px">`} {
			if !strings.Contains(got.HTML, want) {
				t.Errorf("%q is not in %s", want, got.HTML)
			}
		}
		p.do(t, "POST", inviting, `{"email": "bob@example.com", "skipSend": "enabled"}`, 200)
		p.do(t, "POST", inviting, `{"email": "cyd@example.com", "skipSend": "Enabled"}`, 200)
		if got := p.mail.Next(t); got.To != "cyd@example.com" {
			t.Errorf("mail to %s", got.To)
		}
		for _, body := range []string{`"link": "app.example"`, `"redirectLink": "javascript:x"`, `"headerImage": "data:image/png;base64,AAAA"`, `"footerLogoImage": "https://a@b/"`} {
			name, _, _ := strings.Cut(strings.Trim(body, `"`), `"`)
			p.refuse(t, inviting, `{"email": "dan@example.com", `+body+`}`, 400, "Attribute "+name+" must be a URI")
		}
		p.refuse(t, inviting, `{"email": "dan@example.com", "alternateEmail": "dan"}`, 400, "Attribute alternateEmail is not valid: not an e-mail address")
		p.refuse(t, inviting, `{"email": "dan@example.com", "subject": 7}`, 400, "Attribute subject must be a string")
	})
	t.Run("p14e:R73 who is invited exists, is not active and cannot sign in", func(t *testing.T) {
		p := openPost(t, nil)
		p.do(t, "POST", inviting, `{"email": "ada@example.com"}`, 200)
		p.play(t, `
GET /api/directory/user
200
{"totalResults": 1, "resources": [{"id": "$UUID1", "schemas": "$ANY", "userName": "ada@example.com", "active": false, "emails": [{"value": "ada@example.com", "primary": true}],
 "urn:scim:schemas:com_pingone:1.0": {"state": "INVITED", ...}, "groups": [{"value": "$USERS", "display": "Users"}], "meta": "$ANY"}], ...}
GET /api/directory/user/$UUID1
200 {"active": false, "urn:scim:schemas:com_pingone:1.0": {"state": "INVITED", ...}, ...}
PATCH /api/directory/user/$UUID1 {"password": "2Federate"}
200 {"active": false, "urn:scim:schemas:com_pingone:1.0": {"state": "INVITED", ...}, ...}
POST /api/oauth/token
Content-Type: application/x-www-form-urlencoded
grant_type=password&username=ada@example.com&password=2Federate
400 {"error": "invalid_grant"}
PATCH /api/directory/user/$UUID1 {"active": true}
200 {"active": true, "urn:scim:schemas:com_pingone:1.0": {"state": "ACTIVE", ...}, ...}
POST /api/directory/user {"userName": "bob", "active": false}
200 {"active": false, "urn:scim:schemas:com_pingone:1.0": {"state": "DISABLED", ...}, ...}`)
	})
}

func TestPages(t *testing.T) {
	p := openPost(t, nil)
	path := func(link any) string { return strings.TrimPrefix(link.(string), publicURL) }
	get := func(path string) (int, string, http.Header) {
		t.Helper()
		resp, err := http.Get(p.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body), resp.Header
	}
	fill := func(path, password, again string, status int, want string) {
		t.Helper()
		if got, text := p.form(t, path, url.Values{"password": {password}, "again": {again}}); got != status || !strings.Contains(text, want) {
			t.Errorf("%q twice %q: %d %s, want %d %s", password, again, got, text, status, want)
		}
	}
	link := path(p.do(t, "POST", inviting, `{"email": "ada@example.com", "redirectLink": "https://app.example/home?a=1"}`, 200)["value"])
	p.mail.Next(t)
	status, body, header := get(link)
	if status != 200 || !strings.Contains(body, "<form") || header.Get("Cache-Control") != "no-store" || header.Get("Referrer-Policy") != "no-referrer" ||
		header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("%d %s %v", status, body, header)
	}
	fill(link, "2Federate", "3Federate", 422, "the same password twice")
	fill(link, "", "", 422, "the same password twice")
	fill(link, "2short", "2short", 422, "fewer characters than 8")
	fill(link, "2Federate", "2Federate", 303, "https://app.example/home?a=1")
	if got := p.mail.Next(t); got.To != "ada@example.com" || got.Subject != "Welcome to rollcall" {
		t.Errorf("mail %+v", got)
	}
	if !p.signsIn(t, "ada@example.com", "2Federate") {
		t.Error("who has registered cannot sign in")
	}
	fill(link, "3Federate", "3Federate", 404, "not good any more")
	if status, body, _ := get(link); status != 404 || strings.Contains(body, "<form") {
		t.Errorf("%d %s", status, body)
	}

	link = path(p.do(t, "POST", lost, `{"email": "ada@example.com"}`, 200)["link"])
	for _, bad := range []string{
		strings.Replace(link, "forgotpassword", "registration", 1),
		strings.Replace(link, directorytest.Environment, directorytest.Other, 1),
		strings.Replace(link, directorytest.Environment, "x", 1),
		link[:len(link)-2],
	} {
		if status, _, _ := get(bad); status != 404 {
			t.Errorf("%s: %d", bad, status)
		}
	}
	if status, body, _ := get("/idp/directory/other"); status != 404 || !strings.Contains(body, "no such page") {
		t.Errorf("%d %s", status, body)
	}
	if status, text := send(t, p.url, "POST", link, `{"password": "3Federate", "again": "3Federate"}`); status != 400 || !strings.Contains(text, "cannot be read") {
		t.Errorf("%d %s", status, text)
	}
	fill(link, "3Federate", "3Federate", 200, "is saved")
	if !p.signsIn(t, "ada@example.com", "3Federate") {
		t.Error("the new password does not sign in")
	}
}

func TestPreferences(t *testing.T) {
	const path = "/api/directory/userregistration/preferences"
	type value struct {
		Name, DefaultValue, Value string
		set                       bool
	}
	// read returns the texts of an answer, a list of notices or one.
	read := func(t *testing.T, text string) map[string]map[string]value {
		t.Helper()
		var list []struct {
			Name        string `json:"notification_name"`
			Preferences []struct {
				Values []struct {
					Name    string  `json:"name"`
					Default *string `json:"default_value"`
					Value   *string `json:"value"`
				} `json:"values"`
			} `json:"preferences"`
		}
		if !strings.HasPrefix(text, "[") {
			text = "[" + text + "]"
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&list); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		out := map[string]map[string]value{}
		for _, n := range list {
			out[n.Name] = map[string]value{}
			for _, v := range n.Preferences[0].Values {
				got := value{Name: v.Name, DefaultValue: *v.Default, set: v.Value != nil}
				if v.Value != nil {
					got.Value = *v.Value
				}
				out[n.Name][v.Name] = got
			}
		}
		return out
	}
	p := openPost(t, nil)
	get := func(t *testing.T, path string) map[string]map[string]value {
		t.Helper()
		status, text := send(t, p.url, "GET", path, "")
		if status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		return read(t, text)
	}
	patch := func(t *testing.T, body string) map[string]map[string]value {
		t.Helper()
		status, text := send(t, p.url, "PATCH", path, body)
		if status != 200 {
			t.Fatalf("%s: %d %s", body, status, text)
		}
		return read(t, text)
	}
	t.Run("p14e:R74 preferences have defaults and values, which PATCH replaces and removes", func(t *testing.T) {
		all := get(t, path)
		for _, name := range []string{"invite", "forgot_password", "self_registered_welcome"} {
			if len(all[name]) == 0 || len(get(t, path+"/"+name)[name]) != len(all[name]) {
				t.Errorf("no preferences for %s: %v", name, all)
			}
			for _, required := range []string{"fromName", "product", "subject"} {
				if v := all[name][required]; v.DefaultValue == "" || v.set {
					t.Errorf("%s of %s: %+v", required, name, v)
				}
			}
		}
		if v := all["invite"]["link"].DefaultValue; v != publicURL+"/idp/directory/a/${accountId}/registration/confirm/${userId}/${confirmationToken}/" {
			t.Errorf("link of the invitation: %s", v)
		}
		if status, text := send(t, p.url, "GET", path+"/birthday", ""); status != 404 {
			t.Errorf("%d %s", status, text)
		}
		got := patch(t, `{"operations": [{"op": "replace", "path": "/forgot_password/preferences/product", "value": "Staff"},
			{"op": "replace", "path": "/forgot_password/preferences/bodyText", "value": "For ${product}."}, {"op": "replace", "path": "/invite/preferences/supportText", "value": "Call us"}]}`)
		if len(got) != len(all) || got["forgot_password"]["product"].Value != "Staff" || got["invite"]["supportText"].Value != "Call us" || got["invite"]["product"].set {
			t.Errorf("%v", got)
		}
		p.create(t, ada)
		p.do(t, "POST", lost, `{"email": "ada@example.com"}`, 200)
		if m := p.mail.Next(t); m.Subject != "A new password for Staff" || !strings.Contains(m.Text, "For Staff.") {
			t.Errorf("%+v", m)
		}
		got = patch(t, `{"operations": [{"op": "replace", "path": "/forgot_password/preferences/product", "value": null}, {"op": "remove", "path": "/forgot_password/preferences/bodyText"},
			{"op": "replace", "path": "/invite/preferences/supportText", "value": ""}]}`)
		if got["forgot_password"]["product"].set || got["forgot_password"]["bodyText"].set || got["invite"]["supportText"].set {
			t.Errorf("%v", got)
		}
		for _, name := range []string{"fromName", "product", "subject"} {
			status, text := send(t, p.url, "PATCH", path, `{"operations": [{"op": "replace", "path": "/invite/preferences/titleText", "value": "T"}, {"op": "replace", "path": "/invite/preferences/`+name+`", "value": ""}]}`)
			if status != 400 || text != `{"Errors":[{"description":"Attribute operations[1].value is not valid: a required preference is not empty","code":"400"}]}` {
				t.Errorf("%d %s", status, text)
			}
		}
		if get(t, path)["invite"]["titleText"].set {
			t.Error("half of a request was done")
		}
	})
	for _, row := range []struct{ body, want string }{
		{`{}`, "Attribute operations is required"},
		{`{"operations": {}}`, "Attribute operations must be a list"},
		{`{"operations": [7]}`, "Attribute operations[0].op is required"},
		{`{"operations": [{"op": "add", "path": "/invite/preferences/subject", "value": "x"}]}`, "Attribute operations[0].op must be a value of replace, remove"},
		{`{"operations": [{"op": "remove", "path": "/invite/preferences/subject"}]}`, "Attribute operations[0].op is not valid: a required preference can be replaced only"},
		{`{"operations": [{"op": "replace", "path": "invite", "value": "x"}]}`, "Attribute operations[0].path is not valid: not /NOTIFICATION/preferences/NAME"},
		{`{"operations": [{"op": "replace", "path": "/birthday/preferences/subject", "value": "x"}]}`, "Attribute operations[0].path is not valid: no such preference"},
		{`{"operations": [{"op": "replace", "path": "/self_registered_welcome/preferences/link", "value": "https://x.example/"}]}`, "Attribute operations[0].path is not valid: no such preference"},
		{`{"operations": [{"op": "replace", "path": "/invite/preferences/subject", "value": 7}]}`, "Attribute operations[0].value must be a string"},
		{`{"operations": [{"op": "replace", "path": "/invite/preferences/link", "value": "x"}]}`, "Attribute operations[0].value must be a URI"},
	} {
		status, text := send(t, p.url, "PATCH", path, row.body)
		if status != 400 || !strings.Contains(text, `"`+row.want+`"`) {
			t.Errorf("%s: %d %s, want %s", row.body, status, text, row.want)
		}
	}
	// A link of the environment's own takes the place of ours.
	patch(t, `{"operations": [{"op": "replace", "path": "/invite/preferences/link", "value": "https://app.example/?user=${userId}&token=${confirmationToken}"}]}`)
	link := p.do(t, "POST", inviting, `{"email": "bob@example.com"}`, 200)["value"].(string)
	if ok := regexp.MustCompile(`^https://app\.example/\?user=[0-9a-f-]{36}&token=[A-Z0-9]{40,}$`).MatchString(link); !ok {
		t.Error(link)
	}
}

func TestRemind(t *testing.T) {
	clock := directorytest.NewClock()
	policy := directory.Policy{MaxAge: 30 * 24 * time.Hour, Reminders: [2]time.Duration{7 * 24 * time.Hour, 24 * time.Hour}}
	cfg := directorytest.Config(t, t.TempDir())
	cfg.Now, cfg.Policy = clock.Now, &policy
	dir, err := directory.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	e, err := dir.CreateEnvironment(context.Background(), directory.EnvironmentDraft{Name: "default"})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := dir.CreateClient(context.Background(), directory.ClientDraft{Environment: e.ID})
	if err != nil {
		t.Fatal(err)
	}
	c := directorytest.Caller(t, dir, secret)
	for _, body := range []string{
		`{"userName": "ada", "password": "2Federate", "emails": [{"value": "x@example.com"}, {"value": "ada@example.com", "primary": true}]}`,
		`{"userName": "bob", "password": "2Federate"}`,
	} {
		if _, err := dir.Create(context.Background(), c, c.Home(), directory.Draft{Type: "User", Attributes: object(t, body)}); err != nil {
			t.Fatal(err)
		}
	}
	to := &box{}
	for _, days := range []int{0, 23, 0} {
		clock.Advance(time.Duration(days) * 24 * time.Hour)
		if err := scim1.Remind(context.Background(), dir, to); err != nil {
			t.Fatal(err)
		}
	}
	if len(to.messages) != 1 || to.messages[0].To != "ada@example.com" || !strings.Contains(to.messages[0].Text, "is good until Tue, 31 Mar 2026 08:15:30 UTC") {
		t.Errorf("%+v", to.messages)
	}
}

// A box keeps the mail that it is given.
type box struct{ messages []mail.Message }

func (b *box) Post(m mail.Message) error {
	b.messages = append(slices.Clip(b.messages), m)
	return nil
}
