package directory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

const day = 24 * time.Hour

// under returns a directory with the policy.
func under(t *testing.T, p directory.Policy) world {
	t.Helper()
	w := world{clock: directorytest.NewClock()}
	d, err := directory.Open(ctx, directory.Config{Path: t.TempDir(), Now: w.clock.Now, Policy: &p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	e, err := d.CreateEnvironment(ctx, directory.EnvironmentDraft{Name: "default"})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := d.CreateClient(ctx, directory.ClientDraft{Environment: e.ID})
	if err != nil {
		t.Fatal(err)
	}
	if w.dev, err = d.AuthenticateSecret(ctx, secret); err != nil {
		t.Fatal(err)
	}
	w.Directory, w.home = d, w.dev.Home()
	return w
}

// change gives a user a new password by PATCH.
func (w world) change(id, password string) error {
	_, _, err := w.Modify(ctx, w.dev, w.home, directory.Modification{Type: "User", ID: id, Password: true, Apply: set("password", scim.StringValue(password))})
	return err
}

func TestPolicy(t *testing.T) {
	signIn := func(t *testing.T, w world, password string, want bool) {
		t.Helper()
		if _, err := w.SignIn(ctx, w.dev, w.home, "ada", password); (err == nil) != want {
			t.Errorf("sign-in with %s: %v", password, err)
		}
	}
	t.Run("p14e:R75 each setting of the vendor's policy has its effect", func(t *testing.T) {
		for _, row := range []struct {
			name   string
			policy directory.Policy
			taken  []string
			broken []string
		}{
			{"minLength", directory.Policy{MinLength: 4}, []string{"abcd", "äöüß"}, []string{"abc"}},
			{"capitals", directory.Policy{Capitals: 2}, []string{"aBCd", "ÄÖ"}, []string{"aBcd", "abcd"}},
			{"digits", directory.Policy{Digits: 2}, []string{"a12"}, []string{"a1", "abc"}},
			{"special", directory.Policy{Special: 2}, []string{"a#!", "€%"}, []string{"a#1", "abc"}},
			{"words", directory.Policy{Words: []string{"dragon", "Welcome"}}, []string{"dragons", "drag0n", "my dragon"}, []string{"dragon", "DRAGON", "Dragon1!", "2welcome"}},
		} {
			w := under(t, row.policy)
			for i, password := range slices.Concat(row.taken, row.broken) {
				err := w.CheckPassword(password)
				if i < len(row.taken) {
					if err != nil {
						t.Errorf("%s: %q is refused: %v", row.name, password, err)
					}
					continue
				}
				if e := fault(t, err, scim.RulePassword); e.Path != "password" || e.Allowed[0] != row.name {
					t.Errorf("%s: %q: %+v", row.name, password, e)
				}
			}
		}

		w := under(t, directory.Policy{History: 3})
		ada := w.create(t, user(t, `{"userName":"ada","externalId":"a","password":"first"}`))
		for _, password := range []string{"second", "third", "fourth"} {
			if err := w.change(ada.ID, password); err != nil {
				t.Fatal(err)
			}
		}
		for _, password := range []string{"fourth", "third", "second"} {
			fault(t, w.change(ada.ID, password), scim.RulePassword)
		}
		_, _, err := w.Upsert(ctx, w.dev, w.home, user(t, `{"userName":"ada","externalId":"a","password":"third"}`))
		fault(t, err, scim.RulePassword)
		draft := user(t, `{"userName":"ada","password":"third"}`)
		draft.ID = ada.ID
		_, _, err = w.Put(ctx, w.dev, w.home, draft, directory.Precondition{})
		fault(t, err, scim.RulePassword)
		if err := w.change(ada.ID, "first"); err != nil {
			t.Errorf("the password before the last three: %v", err)
		}
		fault(t, w.change(ada.ID, "third"), scim.RulePassword)
		if err := w.change(ada.ID, "second"); err != nil {
			t.Error(err)
		}

		w = under(t, directory.Policy{MaxAge: 30 * day, Reminders: [2]time.Duration{7 * day, day}})
		ada = w.create(t, user(t, `{"userName":"ada","password":"first"}`))
		w.create(t, user(t, `{"userName":"bob","password":"first","active":false}`))
		w.create(t, user(t, `{"userName":"cyd"}`))
		for _, step := range []struct {
			days, reminders int
		}{{0, 0}, {22, 0}, {1, 1}, {1, 0}, {4, 0}, {1, 1}, {0, 0}} {
			w.clock.Advance(time.Duration(step.days) * day)
			due, err := w.Reminders(ctx)
			if err != nil || len(due) != step.reminders {
				t.Fatalf("after %d more days: %v, %v", step.days, due, err)
			}
			for _, r := range due {
				if r.User.ID != ada.ID || !r.Ends.Equal(ada.Created.Add(30*day)) || r.Environment.Name != "default" {
					t.Errorf("%+v", r)
				}
			}
		}
		signIn(t, w, "first", true)
		w.clock.Advance(day)
		signIn(t, w, "first", false)
		if r := w.read(t, "User", ada.ID); !r.MustChange {
			t.Error("the password does not show as expired")
		}
		if err := w.change(ada.ID, "second"); err != nil {
			t.Fatal(err)
		}
		signIn(t, w, "second", true)
		if due, err := w.Reminders(ctx); len(due) > 0 || err != nil {
			t.Errorf("reminded of a new password: %v, %v", due, err)
		}

		w = under(t, directory.Policy{MaxFailures: 3, FailureWindow: 10 * time.Minute, LockFor: 5 * time.Minute})
		w.create(t, user(t, `{"userName":"ada","password":"first"}`))
		signIn(t, w, "wrong", false)
		signIn(t, w, "wrong", false)
		w.clock.Advance(10 * time.Minute)
		signIn(t, w, "wrong", false) // the first of a new row
		signIn(t, w, "wrong", false)
		signIn(t, w, "first", true) // ends the row
		for range 3 {
			signIn(t, w, "wrong", false)
		}
		signIn(t, w, "first", false)
		w.clock.Advance(5*time.Minute - time.Second)
		signIn(t, w, "first", false)
		w.clock.Advance(time.Second)
		signIn(t, w, "first", true)

		// Whom the API makes signs in at once, unless it says otherwise (p14e R15).
		yes := true
		must := user(t, `{"userName":"bob","password":"first"}`)
		must.MustChange = &yes
		w.create(t, must)
		_, err = w.SignIn(ctx, w.dev, w.home, "bob", "first")
		fault(t, err, scim.RuleUnauthenticated)
	})
	t.Run("p14e:R76 the default policy", func(t *testing.T) {
		w := under(t, directory.DefaultPolicy)
		for password, want := range map[string]bool{
			"2Federate": true, "Password1": true, "1234567A": true,
			"123456A": false, "1234567a": false, "Abcdefgh": false, "#Abcdefg": false,
		} {
			if err := w.CheckPassword(password); (err == nil) != want {
				t.Errorf("%s: %v", password, err)
			}
		}
		ada := w.create(t, user(t, `{"userName":"ada","password":"2Federate"}`))
		w.clock.Advance(20 * 365 * day)
		signIn(t, w, "2Federate", true)
		if due, err := w.Reminders(ctx); len(due) > 0 || err != nil {
			t.Errorf("%v, %v", due, err)
		}
		if err := w.change(ada.ID, "2Federate"); err != nil {
			t.Errorf("the same password again: %v", err)
		}
		for range 9 {
			signIn(t, w, "wrong", false)
		}
		w.clock.Advance(day) // failures do not go away by themselves
		signIn(t, w, "wrong", false)
		signIn(t, w, "2Federate", false)
		w.clock.Advance(15*time.Minute - time.Second)
		signIn(t, w, "2Federate", false)
		w.clock.Advance(time.Second)
		signIn(t, w, "2Federate", true)
	})
	t.Run("the policy does not tell passwords", func(t *testing.T) {
		err := under(t, directory.Policy{Words: []string{"dragon"}, MinLength: 50}).CheckPassword("Dragon-canary")
		if strings.Contains(err.Error(), "canary") {
			t.Error(err)
		}
	})
}
