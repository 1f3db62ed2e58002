package directory_test

import (
	"fmt"
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
	cfg := directorytest.Config(t, t.TempDir())
	cfg.Now, cfg.Policy = w.clock.Now, &p
	d, err := directory.Open(ctx, cfg)
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
				err := w.CheckPassword(ctx, w.dev, password)
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
			if err := w.CheckPassword(ctx, w.dev, password); (err == nil) != want {
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
		w := under(t, directory.Policy{Words: []string{"dragon"}, MinLength: 50})
		err := w.CheckPassword(ctx, w.dev, "Dragon-canary")
		if strings.Contains(err.Error(), "canary") {
			t.Error(err)
		}
	})
}

// broken returns what of a policy a refusal names.
func broken(err error) (names []string) {
	for _, e := range scim.Faults(err) {
		names = append(names, e.Allowed[0])
	}
	return names
}

func TestNamedPolicies(t *testing.T) {
	assign := func(t *testing.T, w *world, population, name string) {
		t.Helper()
		if err := w.SetPolicy(ctx, w.home.Environment, population, name); err != nil {
			t.Fatal(err)
		}
		w.dev = directorytest.Caller(t, w.Directory, directorytest.DevToken) // as it is in the next request
	}
	t.Run("pingone:B56 the policy Standard", func(t *testing.T) {
		w := open(t)
		assign(t, &w, "", "standard")
		for _, row := range []struct{ password, broken string }{
			{"Hkmpr12#", ""}, {"aB3#" + strings.Repeat("aB3#xy", 41) + "aB3#x", ""}, // of 8 and of 255 characters
			{"Hkmp12#", "minLength"}, {"aB3#" + strings.Repeat("aB3#xy", 42), "maxLength"},
			{"HKMPR12#", "lower"}, {"hkmpr12#", "capitals"}, {"Hkmprst#", "digits"}, {"Hkmprst1", "special"},
			{"Aabb112#", ""}, {"Abbb112#", "repeated"}, {"Aa1#Aa1b", ""}, {"Aa1#Aa1#", "unique"},
			{"P@ssw0rd", "common"}, {"Password1!", "common"}, {"1Qwertyuiop!", "common"}, {"L3tm31n!", "common"}, {"Unc0mmon!", ""},
		} {
			want := []string(nil)
			if row.broken != "" {
				want = []string{row.broken}
			}
			if got := broken(w.CheckPassword(ctx, w.dev, row.password)); !slices.Equal(got, want) {
				t.Errorf("%.20s: breaks %v, want %v", row.password, got, want)
			}
		}
		for _, attribute := range []string{`"nickName":"Xy#12abcd"`, `"name":{"familyName":"xY#12ABCD"}`, `"emails":[{"value":"XY#12abcd"}]`} {
			_, err := w.Create(ctx, w.dev, w.home, user(t, `{"userName":"bob","password":"Xy#12abcd",`+attribute+`}`))
			if e := fault(t, err, scim.RulePassword); e.Allowed[0] != "profile" {
				t.Errorf("%s: %+v", attribute, e)
			}
		}
		ada := w.create(t, user(t, `{"userName":"ada","password":"Xy#12abcd"}`))
		_, _, err := w.Modify(ctx, w.dev, w.home, directory.Modification{Type: "User", ID: ada.ID, Password: true, Apply: set("password", scim.StringValue("Xy#12abcd"))})
		if e := fault(t, err, scim.RulePassword); e.Allowed[0] != "history" {
			t.Errorf("the same again: %+v", e)
		}
		for _, password := range []string{"Xy#12abce", "Xy#12abcdef", "Zy#12bbcd", "Xy#12ab"} {
			_, err := w.ChangePassword(ctx, w.dev, w.home, ada.ID, "Xy#12abcd", password)
			if e := fault(t, err, scim.RulePassword); e.Allowed[0] != "distance" && password != "Xy#12ab" {
				t.Errorf("%s: %+v", password, e)
			}
		}
		if _, err := w.ChangePassword(ctx, w.dev, w.home, ada.ID, "Xy#12abcd", "Xy#34abce"); err != nil {
			t.Errorf("three characters changed: %v", err)
		}
		fault(t, w.SetPolicy(ctx, w.home.Environment, "", "passphrase"), scim.RuleCanonical)
	})
	t.Run("pingone:B57 a policy belongs to an environment or is named by a population", func(t *testing.T) {
		w := open(t)
		other, err := w.CreatePopulation(ctx, w.home.Environment, "", "other")
		if err != nil {
			t.Fatal(err)
		}
		const weak, fair, strong = "weakling", "2Federate", "Str0ngly#"
		n := 0
		takes := func(population string, want ...string) {
			t.Helper()
			for _, password := range []string{weak, fair, strong} {
				n++
				draft := user(t, fmt.Sprintf(`{"userName":"u%d","password":%q}`, n, password))
				draft.Population = population
				_, err := w.Create(ctx, w.dev, w.home, draft)
				if (err == nil) != slices.Contains(want, password) {
					t.Errorf("population %q: %s: %v", population, password, err)
				}
			}
		}
		takes("", fair, strong)
		assign(t, &w, "", "standard")
		takes("", strong)
		takes(other.ID, strong)
		assign(t, &w, other.ID, "basic")
		takes("", strong)
		takes(other.ID, weak, fair, strong)
		draft := user(t, `{"userName":"moved","externalId":"m"}`)
		draft.Population = other.ID
		moved := w.create(t, draft)
		if err := w.change(moved.ID, weak); err != nil {
			t.Errorf("a change in the population: %v", err)
		}
		_, _, err = w.Upsert(ctx, w.dev, w.home, user(t, `{"userName":"moved","externalId":"m","password":"`+fair+`"}`))
		if err != nil {
			t.Errorf("an update in the population: %v", err)
		}
		if err := w.SetDefaultPopulation(ctx, w.home.Environment, other.ID); err != nil {
			t.Fatal(err)
		}
		w.dev = directorytest.Caller(t, w.Directory, directorytest.DevToken)
		takes("", weak, fair, strong)
		takes(directorytest.Population, strong)
		assign(t, &w, "", "")
		takes(directorytest.Population, fair, strong)
		foreign := directorytest.Caller(t, w.Directory, directorytest.OtherToken)
		if _, err := w.Create(ctx, foreign, foreign.Home(), user(t, `{"userName":"x","password":"`+fair+`"}`)); err != nil {
			t.Errorf("another environment: %v", err)
		}
		fault(t, w.SetPolicy(ctx, w.home.Environment, "nowhere", "basic"), scim.RuleNotFound)
		fault(t, w.SetPolicy(ctx, directorytest.Other, other.ID, "basic"), scim.RuleNotFound)
	})
	t.Run("pingone:B58 the default policy takes the samples, Standard does not take all of them", func(t *testing.T) {
		w := open(t)
		for _, password := range []string{"2Federate", "SamplePassword@123"} {
			if err := w.CheckPassword(ctx, w.dev, password); err != nil {
				t.Errorf("%s: %v", password, err)
			}
		}
		if !slices.Contains(directory.PolicyNames(), "standard") {
			t.Error("standard is not offered")
		}
		assign(t, &w, "", "standard")
		if got := broken(w.CheckPassword(ctx, w.dev, "2Federate")); !slices.Equal(got, []string{"special"}) {
			t.Errorf("2Federate breaks %v", got)
		}
		if err := w.CheckPassword(ctx, w.dev, "SamplePassword@123"); err != nil {
			t.Error(err)
		}
	})
}
