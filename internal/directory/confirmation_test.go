package directory_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

const address = "ada@example.com"

// lose makes a token for the user of the address.
func (w world) lose(t *testing.T) string {
	t.Helper()
	c, err := w.LosePassword(ctx, w.dev, w.home, address, "")
	if err != nil {
		t.Fatal(err)
	}
	return c.Token
}

func badToken(t *testing.T, err error) {
	t.Helper()
	if e := fault(t, err, scim.RulePattern); e.Path != "confirmationToken" || e.Value != "" {
		t.Errorf("got %+v", e)
	}
}

func (w world) signsIn(t *testing.T, password string, want bool) {
	t.Helper()
	if _, err := w.SignIn(ctx, w.dev, w.home, "ada", password); (err == nil) != want {
		t.Errorf("sign-in with %s: %v", password, err)
	}
}

func TestLosePassword(t *testing.T) {
	w := open(t)
	ada := w.create(t, user(t, `{"userName":"ada","password":"2Federate","emails":[{"value":"`+address+`"}]}`))
	reset := func(token, password string) error {
		_, err := w.ResetPassword(ctx, w.dev, w.home, ada.ID, token, password)
		return err
	}
	c, err := w.LosePassword(ctx, w.dev, w.home, "ADA@example.com", "https://x.example/")
	if err != nil || c.User.ID != ada.ID || len(c.Token) < 40 || !c.Expires.Equal(w.clock.Now().Add(time.Hour)) {
		t.Fatalf("%+v, %v", c, err)
	}
	second := w.lose(t)
	badToken(t, reset(c.Token, "3Federate"))
	badToken(t, reset("", "3Federate"))
	fault(t, reset(second, "weak"), scim.RulePassword)
	w.signsIn(t, "2Federate", true)
	w.clock.Advance(time.Hour - time.Second)
	if err := reset(second, "3Federate"); err != nil {
		t.Fatal(err)
	}
	w.signsIn(t, "2Federate", false)
	w.signsIn(t, "3Federate", true)
	badToken(t, reset(second, "4Federate"))

	old := w.lose(t)
	w.clock.Advance(time.Hour)
	badToken(t, reset(old, "4Federate"))

	t.Run("a token is of one user", func(t *testing.T) {
		bob := w.create(t, user(t, `{"userName":"bob","password":"2Federate"}`))
		_, err := w.ResetPassword(ctx, w.dev, w.home, bob.ID, w.lose(t), "3Federate")
		badToken(t, err)
		_, err = w.ResetPassword(ctx, w.dev, w.home, "nobody", "x", "3Federate")
		fault(t, err, scim.RuleNotFound)
	})
	t.Run("a token is used once, whoever comes first", func(t *testing.T) {
		token := w.lose(t)
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { errs[i] = reset(token, "5Federate") })
		}
		wg.Wait()
		if n := len(slices.DeleteFunc(errs, func(err error) bool { return err != nil })); n != 1 {
			t.Errorf("%d of 8 succeeded", n)
		}
	})
	t.Run("whose address it is must be clear", func(t *testing.T) {
		_, err := w.LosePassword(ctx, w.dev, w.home, "nobody@example.com", "")
		fault(t, err, scim.RuleNotFound)
		w.create(t, user(t, `{"userName":"cyd","emails":[{"value":"Ada@Example.com"}]}`))
		_, err = w.LosePassword(ctx, w.dev, w.home, address, "")
		if e := fault(t, err, scim.RulePattern); e.Path != "email" {
			t.Errorf("got %+v", e)
		}
		other := directorytest.Caller(t, w.Directory, directorytest.OtherToken)
		_, err = w.LosePassword(ctx, other, other.Home(), address, "")
		fault(t, err, scim.RuleNotFound)
		reader := directorytest.Caller(t, w.Directory, directorytest.ReaderToken)
		_, err = w.LosePassword(ctx, reader, w.home, address, "")
		fault(t, err, scim.RuleForbidden)
		_, err = w.ResetPassword(ctx, reader, w.home, ada.ID, "x", "3Federate")
		fault(t, err, scim.RuleForbidden)
	})
}

func TestAdministratorsHaveNoTokens(t *testing.T) {
	w := open(t)
	ada := w.create(t, user(t, `{"userName":"ada","password":"2Federate","emails":[{"value":"`+address+`"}]}`))
	token := w.lose(t)
	g := w.create(t, group(t, `{"displayName":"Admins","members":[{"value":"`+ada.ID+`"}]}`))
	if err := w.Entitle(ctx, w.dev, w.home, g.ID, directory.UserReader); err != nil {
		t.Fatal(err)
	}
	_, err := w.ResetPassword(ctx, w.dev, w.home, ada.ID, token, "3Federate")
	fault(t, err, scim.RuleForbidden)
	_, err = w.ChangePassword(ctx, w.dev, w.home, ada.ID, "2Federate", "3Federate")
	if err != nil {
		t.Error(err)
	}
}

func TestChangePassword(t *testing.T) {
	w := open(t)
	yes := true
	dr := user(t, `{"userName":"ada","password":"2Federate"}`)
	dr.MustChange = &yes
	ada := w.create(t, dr)
	change := func(old, password string) error {
		_, err := w.ChangePassword(ctx, w.dev, w.home, ada.ID, old, password)
		return err
	}
	wrong := func(err error) {
		t.Helper()
		if e := fault(t, err, scim.RulePattern); e.Path != "oldPassword" || e.Value != "" {
			t.Errorf("got %+v", e)
		}
	}
	wrong(change("wrong", "3Federate"))
	fault(t, change("2Federate", "weak"), scim.RulePassword)
	w.signsIn(t, "2Federate", false) // it has to be changed
	if err := change("2Federate", "3Federate"); err != nil {
		t.Fatal(err)
	}
	if r := w.read(t, "User", ada.ID); r.MustChange || !r.LastLogin.IsZero() || r.Version != 2 {
		t.Errorf("%+v", r)
	}
	w.signsIn(t, "3Federate", true)
	for range 10 {
		wrong(change("wrong", "4Federate"))
	}
	wrong(change("3Federate", "4Federate")) // locked
	w.signsIn(t, "3Federate", false)
	w.clock.Advance(15 * time.Minute)
	if _, _, err := w.Modify(ctx, w.dev, w.home, directory.Modification{Type: "User", ID: ada.ID, Apply: set("active", scim.BoolValue(false))}); err != nil {
		t.Fatal(err)
	}
	wrong(change("3Federate", "4Federate"))
	_, err := w.ChangePassword(ctx, w.dev, w.home, "nobody", "3Federate", "4Federate")
	fault(t, err, scim.RuleNotFound)
}

func TestInvite(t *testing.T) {
	w := open(t)
	invite := func(t *testing.T) *directory.Confirmation {
		t.Helper()
		c, err := w.Invite(ctx, w.dev, w.home, directory.Invitation{Email: address, Redirect: "https://x.example/", DefaultGroup: true})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	confirm := func(c *directory.Confirmation, password string) (*directory.Confirmed, error) {
		return w.Confirm(ctx, directory.Holder{Environment: directorytest.Environment, User: c.User.ID, Token: c.Token, Purpose: directory.ForRegister, Door: "p14e", RequestID: "r"}, password)
	}
	invited := func(want bool, id string) {
		t.Helper()
		ids, err := w.Invited(ctx, w.dev, w.home, []string{id, "nobody"})
		if (len(ids) == 1) != want || err != nil {
			t.Errorf("invited: %v, %v", ids, err)
		}
	}
	first := invite(t)
	r := w.read(t, "User", first.User.ID)
	if got := string(r.Doc()); got != `{"userName":"ada@example.com","active":false,"emails":[{"value":"ada@example.com","primary":true}]}` || len(r.Groups) != 1 || r.HasPassword {
		t.Errorf("invited: %s %+v", got, r)
	}
	invited(true, r.ID)
	second := invite(t)
	if second.User.ID != first.User.ID || second.Token == first.Token || !second.Expires.Equal(w.clock.Now().Add(24*time.Hour)) {
		t.Errorf("again: %+v", second)
	}
	_, err := confirm(first, "2Federate")
	badToken(t, err)
	_, err = w.Confirm(ctx, directory.Holder{Environment: directorytest.Environment, User: r.ID, Token: second.Token, Purpose: directory.ForResetPassword}, "2Federate")
	badToken(t, err)
	_, err = w.Confirm(ctx, directory.Holder{Environment: "nowhere", User: r.ID, Token: second.Token, Purpose: directory.ForRegister}, "2Federate")
	badToken(t, err)
	_, err = w.Confirm(ctx, directory.Holder{Environment: directorytest.Other, User: r.ID, Token: second.Token, Purpose: directory.ForRegister}, "2Federate")
	badToken(t, err)
	_, err = confirm(second, "weak")
	fault(t, err, scim.RulePassword)
	if out, err := confirm(second, ""); err != nil || out.User.ID != r.ID || out.Redirect != "https://x.example/" || out.Environment.ID != directorytest.Environment {
		t.Errorf("%+v, %v", out, err)
	}
	out, err := confirm(second, "2Federate")
	if err != nil || !out.User.Attributes().Get("active").Bool() {
		t.Fatalf("%+v, %v", out, err)
	}
	invited(false, r.ID)
	if _, err := w.SignIn(ctx, w.dev, w.home, address, "2Federate"); err != nil {
		t.Error(err)
	}
	_, err = confirm(second, "3Federate")
	badToken(t, err)
	_, err = w.Invite(ctx, w.dev, w.home, directory.Invitation{Email: address})
	if e := fault(t, err, scim.RuleUnique); e.Path != "email" || e.Value != address {
		t.Errorf("got %+v", e)
	}
	t.Run("a token ends after a day", func(t *testing.T) {
		c, err := w.Invite(ctx, w.dev, w.home, directory.Invitation{Email: "bob@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(24 * time.Hour)
		_, err = confirm(c, "2Federate")
		badToken(t, err)
		invited(true, c.User.ID)
	})
	t.Run("who was made active needs no invitation", func(t *testing.T) {
		c, err := w.Invite(ctx, w.dev, w.home, directory.Invitation{Email: "cyd@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Modify(ctx, w.dev, w.home, directory.Modification{Type: "User", ID: c.User.ID, Apply: set("active", scim.BoolValue(true))}); err != nil {
			t.Fatal(err)
		}
		_, err = confirm(c, "2Federate")
		badToken(t, err)
		_, err = w.Invite(ctx, w.dev, w.home, directory.Invitation{Email: "cyd@example.com"})
		fault(t, err, scim.RuleUnique)
	})
	t.Run("who has been deactivated is not let in by an invitation", func(t *testing.T) {
		w.create(t, user(t, `{"userName":"dan","active":false,"emails":[{"value":"dan@example.com"}]}`))
		_, err := w.Invite(ctx, w.dev, w.home, directory.Invitation{Email: "dan@example.com"})
		fault(t, err, scim.RuleUnique)
	})
	t.Run("one address invited at once is one user", func(t *testing.T) {
		before := w.total(t, "User")
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := w.Invite(ctx, w.dev, w.home, directory.Invitation{Email: "eve@example.com"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := w.total(t, "User") - before; n != 1 {
			t.Errorf("%d users", n)
		}
	})
	t.Run("a reader invites nobody", func(t *testing.T) {
		reader := directorytest.Caller(t, w.Directory, directorytest.ReaderToken)
		_, err := w.Invite(ctx, reader, w.home, directory.Invitation{Email: "fay@example.com"})
		fault(t, err, scim.RuleForbidden)
	})
}

func TestNotifications(t *testing.T) {
	w := open(t)
	change := func(f func(directory.Notifications) error) directory.Notifications {
		t.Helper()
		n, err := w.ChangeNotifications(ctx, w.dev, w.home, f)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	change(func(n directory.Notifications) error {
		n["invite"] = map[string]string{"subject": "Hello"}
		return nil
	})
	change(func(n directory.Notifications) error {
		n["other"] = map[string]string{}
		return nil
	})
	got, err := w.Notifications(ctx, w.dev, w.home)
	if err != nil || len(got) != 1 || got["invite"]["subject"] != "Hello" {
		t.Errorf("%v, %v", got, err)
	}
	c, err := w.Invite(ctx, w.dev, w.home, directory.Invitation{Email: address})
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.Confirm(ctx, directory.Holder{Environment: directorytest.Environment, User: c.User.ID, Token: c.Token, Purpose: directory.ForRegister}, "")
	if err != nil || out.Notifications["invite"]["subject"] != "Hello" {
		t.Errorf("%+v, %v", out, err)
	}
	other := directorytest.Caller(t, w.Directory, directorytest.OtherToken)
	if got, err := w.Notifications(ctx, other, other.Home()); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	_, err = w.ChangeNotifications(ctx, w.dev, w.home, func(n directory.Notifications) error {
		n["invite"]["subject"] = "Bye"
		return &scim.Error{Rule: scim.RuleRequired}
	})
	fault(t, err, scim.RuleRequired)
	if got, _ := w.Notifications(ctx, w.dev, w.home); got["invite"]["subject"] != "Hello" {
		t.Errorf("%v", got)
	}
	reader := directorytest.Caller(t, w.Directory, directorytest.ReaderToken)
	_, err = w.ChangeNotifications(ctx, reader, w.home, nil)
	fault(t, err, scim.RuleForbidden)
}

func TestConfirmationsWithinLimits(t *testing.T) {
	w := open(t)
	here, there := w.population(t, "here"), w.population(t, "there")
	ada := w.create(t, in(here, user(t, `{"userName":"ada","password":"2Federate","emails":[{"value":"`+address+`"}]}`)))
	bob := w.create(t, in(there, user(t, `{"userName":"bob","password":"2Federate","emails":[{"value":"bob@example.com"},{"value":"`+address+`"}]}`)))
	c := w.limited(t, directory.ClientLimits{Populations: []string{here}})
	lost, err := w.LosePassword(ctx, c, w.home, address, "")
	if err != nil || lost.User.ID != ada.ID {
		t.Fatalf("%+v, %v", lost, err)
	}
	_, err = w.LosePassword(ctx, c, w.home, "bob@example.com", "")
	fault(t, err, scim.RuleNotFound)
	_, err = w.ChangePassword(ctx, c, w.home, bob.ID, "2Federate", "3Federate")
	fault(t, err, scim.RuleNotFound)
	all, err := w.LosePassword(ctx, w.dev, w.home, "bob@example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.ResetPassword(ctx, c, w.home, bob.ID, all.Token, "3Federate")
	fault(t, err, scim.RuleNotFound)

	// Whom another population's client invited is not theirs to invite again.
	if _, err := w.Invite(ctx, w.limited(t, directory.ClientLimits{Populations: []string{there}}), w.home, directory.Invitation{Email: "cyd@example.com"}); err != nil {
		t.Fatal(err)
	}
	_, err = w.Invite(ctx, c, w.home, directory.Invitation{Email: "cyd@example.com"})
	fault(t, err, scim.RuleUnique)
	made, err := w.Invite(ctx, c, w.home, directory.Invitation{Email: "dan@example.com"})
	if err != nil || w.read(t, "User", made.User.ID).Population != here {
		t.Errorf("%+v, %v", made, err)
	}

	for _, l := range []directory.ClientLimits{{ReadOnly: []string{"password"}}, {Hidden: []string{"password"}}} {
		c := w.limited(t, l)
		_, err := w.LosePassword(ctx, c, w.home, "bob@example.com", "")
		fault(t, err, scim.RuleForbidden)
		_, err = w.Invite(ctx, c, w.home, directory.Invitation{Email: "eve@example.com"})
		fault(t, err, scim.RuleForbidden)
		_, err = w.ResetPassword(ctx, c, w.home, bob.ID, all.Token, "3Federate")
		fault(t, err, scim.RuleReadOnly)
		_, err = w.ChangePassword(ctx, c, w.home, bob.ID, "2Federate", "3Federate")
		fault(t, err, scim.RuleReadOnly)
	}
	c = w.limited(t, directory.ClientLimits{Hidden: []string{"emails"}})
	_, err = w.LosePassword(ctx, c, w.home, "bob@example.com", "")
	fault(t, err, scim.RuleNotFound)
	_, err = w.ChangeNotifications(ctx, c, w.home, nil)
	fault(t, err, scim.RuleForbidden)
	if _, err := w.SignIn(ctx, w.dev, w.home, "bob", "2Federate"); err != nil {
		t.Errorf("a refused request changed the password: %v", err)
	}
}
