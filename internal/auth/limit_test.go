package auth_test

import (
	"fmt"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// limited opens the gate of a directory with a limit of requests a second.
func limited(t *testing.T, rate float64) (*auth.Authenticator, *directorytest.Clock, *directory.Directory) {
	t.Helper()
	d, clock := directorytest.Open(t)
	a, err := auth.New(t.Context(), d, auth.Config{PublicURL: publicURL, Now: clock.Now, Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	return a, clock, d
}

var both = &route.Door{Name: "both", Schemes: []string{"Basic", "Bearer"}}

// show sends the credential from the address and returns the rule that it breaks, and how long to wait.
func show(t *testing.T, a *auth.Authenticator, remote, authorization string) (scim.Rule, int) {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = remote
	r.Header.Set("Authorization", authorization)
	_, err := a.Authenticate(r, both)
	faults := scim.Faults(err)
	if faults == nil {
		if err != nil {
			t.Fatal(err)
		}
		return 0, 0
	}
	if faults[0].Rule != scim.RuleRate {
		return faults[0].Rule, 0
	}
	wait, err := strconv.Atoi(faults[0].Allowed[0])
	if err != nil {
		t.Fatalf("time to wait: %v", err)
	}
	return scim.RuleRate, wait
}

func TestRate(t *testing.T) {
	const at = "192.0.2.1:99"
	const mine, other = "Bearer " + directorytest.DevToken, "Bearer " + directorytest.OtherToken
	expect := func(t *testing.T, a *auth.Authenticator, authorization string, want scim.Rule, wantWait int) {
		t.Helper()
		if got, wait := show(t, a, at, authorization); got != want || wait != wantWait {
			t.Errorf("rule %d, %d s to wait; want %d, %d", got, wait, want, wantWait)
		}
	}
	a, clock, _ := limited(t, 25)
	t.Run("at the limit", func(t *testing.T) {
		for range 25 {
			expect(t, a, mine, 0, 0)
		}
	})
	t.Run("just over it", func(t *testing.T) {
		expect(t, a, mine, scim.RuleRate, 1)
		expect(t, a, "Bearer "+directorytest.DevSecret, scim.RuleRate, 1) // the same client
	})
	t.Run("other clients are not held", func(t *testing.T) {
		expect(t, a, other, 0, 0)
		expect(t, a, basic(directorytest.BasicID, directorytest.BasicSecret), 0, 0)
	})
	t.Run("what is refused does not count", func(t *testing.T) {
		for range 1000 {
			expect(t, a, mine, scim.RuleRate, 1)
		}
		clock.Advance(39 * time.Millisecond)
		expect(t, a, mine, scim.RuleRate, 1)
		clock.Advance(time.Millisecond)
		expect(t, a, mine, 0, 0)
		expect(t, a, mine, scim.RuleRate, 1)
	})
	t.Run("a second later it may as much again, and no more", func(t *testing.T) {
		clock.Advance(time.Hour)
		for range 25 {
			expect(t, a, mine, 0, 0)
		}
		expect(t, a, mine, scim.RuleRate, 1)
	})
	t.Run("no limit", func(t *testing.T) {
		a, _, _ := limited(t, 0)
		for range 1000 {
			expect(t, a, mine, 0, 0)
		}
	})
	t.Run("many clients are held in bounded memory", func(t *testing.T) {
		a, _, _ := limited(t, 25)
		for i := range 30_000 {
			if rule, _ := show(t, a, fmt.Sprintf("198.51.%d.%d:1", i/256%256, i%256), "Bearer guess"); rule != scim.RuleUnauthenticated {
				t.Fatalf("guess %d: rule %d", i, rule)
			}
		}
		expect(t, a, mine, 0, 0)
	})
}

// TestRateOfTokens: the token endpoint and the tokens count as the client does.
func TestRateOfTokens(t *testing.T) {
	d, clock := directorytest.Open(t)
	a, err := auth.New(t.Context(), d, auth.Config{PublicURL: publicURL, Now: clock.Now, Rate: 2})
	if err != nil {
		t.Fatal(err)
	}
	m, err := route.New(a.Doors(), a)
	if err != nil {
		t.Fatal(err)
	}
	w := world{d, clock, a, m}
	token := w.token(t, directorytest.DevClient, directorytest.DevSecret)
	if rule, _ := show(t, a, "192.0.2.1:99", "Bearer "+token); rule != 0 {
		t.Errorf("the second request: rule %d", rule)
	}
	if rule, wait := show(t, a, "192.0.2.1:99", "Bearer "+token); rule != scim.RuleRate || wait != 1 {
		t.Errorf("the third request: rule %d, %d s", rule, wait)
	}
	res := w.ask("/am/oauth2/access_token", basic(directorytest.DevClient, directorytest.DevSecret), "grant_type=client_credentials")
	if res.Code != 429 || res.Header().Get("Retry-After") != "1" || res.Header().Get("RateLimit") != `"client";r=0;t=1` ||
		res.Header().Get("RateLimit-Policy") != `"client";q=2;w=1` {
		t.Errorf("the token endpoint: %d %v %s", res.Code, res.Header(), res.Body)
	}
}

func TestGuesses(t *testing.T) {
	const (
		right = "Bearer " + directorytest.DevToken
		fresh = "Bearer " + directorytest.OtherToken // right, but not shown yet
		wrong = "Bearer wrong"
		here  = "192.0.2.1:99"
		there = "192.0.2.2:99"
	)
	// guess sends n wrong credentials, each of which must be looked up.
	guess := func(t *testing.T, a *auth.Authenticator, n int, remote func(i int) string, authorization string) {
		t.Helper()
		for i := range n {
			if rule, _ := show(t, a, remote(i), authorization); rule != scim.RuleUnauthenticated {
				t.Fatalf("guess %d: rule %d", i+1, rule)
			}
		}
	}
	from := func(remote string) func(int) string { return func(int) string { return remote } }
	expect := func(t *testing.T, a *auth.Authenticator, remote, authorization string, want scim.Rule, wantWait int) {
		t.Helper()
		if got, wait := show(t, a, remote, authorization); got != want || wait != wantWait {
			t.Errorf("rule %d, %d s to wait; want %d, %d", got, wait, want, wantWait)
		}
	}
	t.Run("from one address", func(t *testing.T) {
		a, clock, _ := limited(t, 0)
		expect(t, a, here, right, 0, 0)
		guess(t, a, 99, from(here), wrong)
		expect(t, a, here, basic("nobody", "wrong"), scim.RuleUnauthenticated, 0)
		expect(t, a, here, wrong, scim.RuleRate, 60)
		expect(t, a, here, fresh, scim.RuleRate, 60) // not even looked up
		expect(t, a, here, right, 0, 0)              // known before
		expect(t, a, there, wrong, scim.RuleUnauthenticated, 0)
		clock.Advance(59500 * time.Millisecond)
		expect(t, a, here, fresh, scim.RuleRate, 1)
		clock.Advance(500 * time.Millisecond)
		expect(t, a, here, fresh, 0, 0)
	})
	t.Run("just under, minute after minute", func(t *testing.T) {
		a, clock, _ := limited(t, 0)
		for range 3 {
			guess(t, a, 100, from(here), wrong)
			clock.Advance(time.Minute)
		}
		expect(t, a, here, fresh, 0, 0)
	})
	t.Run("one network of IPv6 is one address", func(t *testing.T) {
		a, _, _ := limited(t, 0)
		guess(t, a, 100, func(i int) string { return fmt.Sprintf("[2001:db8::%x]:99", i) }, wrong)
		expect(t, a, "[2001:db8::ffff]:99", wrong, scim.RuleRate, 60)
		expect(t, a, "[2001:db8:0:1::1]:99", wrong, scim.RuleUnauthenticated, 0)
	})
	t.Run("for one client from everywhere", func(t *testing.T) {
		a, clock, _ := limited(t, 0)
		mine, bad := basic(directorytest.BasicID, directorytest.BasicSecret), basic(directorytest.BasicID, "wrong")
		expect(t, a, here, mine, 0, 0)
		guess(t, a, 300, func(i int) string { return fmt.Sprintf("198.51.%d.%d:99", i/100, i%100) }, bad)
		expect(t, a, there, bad, scim.RuleRate, 60)
		expect(t, a, there, basic(directorytest.DevClient, directorytest.DevSecret), 0, 0) // another client
		expect(t, a, there, mine, 0, 0)                                                    // known before
		expect(t, a, here, bad, scim.RuleUnauthenticated, 0)                               // an address that has proved the client
		clock.Advance(time.Minute)
		expect(t, a, there, bad, scim.RuleUnauthenticated, 0)
	})
	t.Run("a right credential that is revoked is a guess", func(t *testing.T) {
		a, _, d := limited(t, 0)
		expect(t, a, here, right, 0, 0)
		if err := d.RevokeClient(t.Context(), directorytest.DevClient); err != nil {
			t.Fatal(err)
		}
		guess(t, a, 100, from(here), right)
		expect(t, a, here, right, scim.RuleRate, 60)
	})
	t.Run("a clock that goes back locks nobody out", func(t *testing.T) {
		a, clock, _ := limited(t, 0)
		guess(t, a, 100, from(here), wrong)
		expect(t, a, here, wrong, scim.RuleRate, 60)
		clock.Advance(-time.Hour)
		expect(t, a, here, fresh, 0, 0)
	})
	t.Run("no credential and a malformed one are no guesses, nor are tokens", func(t *testing.T) {
		a, _, _ := limited(t, 0)
		for _, header := range []string{"", "non-token", "Bearer", "Basic x", "Bearer a.b.c"} {
			guess(t, a, 101, from(here), header)
		}
		expect(t, a, here, right, 0, 0)
	})
	t.Run("at the token endpoint", func(t *testing.T) {
		w := open(t)
		bad := func() int {
			return w.ask("/am/oauth2/access_token", "", "grant_type=client_credentials&client_id=dev-client&client_secret=wrong").Code
		}
		for i := range auth.DefaultGuesses {
			if code := bad(); code != 401 {
				t.Fatalf("guess %d: status %d", i+1, code)
			}
			w.clock.Advance(10 * time.Millisecond) // so that it is not a flood
		}
		res := w.ask("/am/oauth2/access_token", "", "grant_type=client_credentials&client_id=dev-client&client_secret=dev-secret")
		if res.Code != 429 || res.Header().Get("Retry-After") != "59" || res.Header().Get("RateLimit") != "" {
			t.Errorf("%d %v %s", res.Code, res.Header(), res.Body)
		}
		w.clock.Advance(time.Minute)
		if res := w.ask("/am/oauth2/access_token", "", "grant_type=client_credentials&client_id=dev-client&client_secret=dev-secret"); res.Code != 200 {
			t.Errorf("a minute later: %d %s", res.Code, res.Body)
		}
	})
}
