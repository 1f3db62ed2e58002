package directory_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// spelled are the settings of a client that was given none.
func spelled(change func(*directory.ClientSettings)) directory.ClientSettings {
	s := directory.ClientSettings{Mode: directory.Tolerant, Rewrites: map[string]bool{}, PatchResponse: directory.PatchAuto,
		UnknownAttributes: directory.UnknownAuto, CursorPaging: directory.CursorAuto}
	if change != nil {
		change(&s)
	}
	return s
}

func TestSettingsOfAMode(t *testing.T) {
	for _, tt := range []struct {
		name     string
		settings directory.ClientSettings
		allowed  scim.Rewrites
		rejects  bool
		cursors  bool
	}{
		{"none are tolerant", directory.ClientSettings{}, scim.RewritesTolerant, false, true},
		{"tolerant", directory.ClientSettings{Mode: directory.Tolerant}, scim.RewritesTolerant, false, true},
		{"strict", directory.ClientSettings{Mode: directory.Strict}, 0, false, false},
		{"interop", directory.ClientSettings{Mode: directory.Interop}, 0, true, true},
		{"tolerant, each choice otherwise",
			directory.ClientSettings{Rewrites: map[string]bool{"put-keep": true, "op-case": false}, UnknownAttributes: directory.UnknownReject, CursorPaging: directory.CursorOff},
			(scim.RewritesTolerant | scim.RewritePutKeep) &^ scim.RewriteOpCase, true, false},
		{"strict, each choice otherwise",
			directory.ClientSettings{Mode: directory.Strict, Rewrites: map[string]bool{"media-type": true, "op-case": false}, CursorPaging: directory.CursorOn},
			scim.RewriteMediaType, false, true},
		{"interop, unknown attributes ignored",
			directory.ClientSettings{Mode: directory.Interop, UnknownAttributes: directory.UnknownIgnore}, 0, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.settings.Allowed(); got != tt.allowed {
				t.Errorf("allowed: got %s, want %s", got, tt.allowed)
			}
			if got := tt.settings.RejectsUnknown(); got != tt.rejects {
				t.Errorf("rejects unknown attributes: %t", got)
			}
			if got := tt.settings.OffersCursors(); got != tt.cursors {
				t.Errorf("offers cursors: %t", got)
			}
		})
	}
	t.Run("each rewrite can be flipped in each mode", func(t *testing.T) {
		names := directory.RewriteNames()
		if len(names) != 18 {
			t.Errorf("%d names", len(names))
		}
		var all scim.Rewrites
		for _, mode := range []directory.Mode{directory.Tolerant, directory.Strict, directory.Interop} {
			for _, name := range names {
				on := directory.ClientSettings{Mode: mode, Rewrites: map[string]bool{name: true}}.Allowed()
				off := directory.ClientSettings{Mode: mode, Rewrites: map[string]bool{name: false}}.Allowed()
				if (on&^off).String() != name || off&^on != 0 {
					t.Errorf("%s, %s: on gives %s, off gives %s", mode, name, on, off)
				}
				all |= on &^ off
			}
		}
		if all != scim.RewritesTolerant|scim.RewritePutKeep {
			t.Errorf("together they are %s", all)
		}
	})
}

func TestClientSettings(t *testing.T) {
	w := open(t)
	given := directory.ClientSettings{Mode: directory.Strict, Rewrites: map[string]bool{"op-case": true}, PatchResponse: directory.PatchNone}
	c, secret, err := w.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, ID: "c", Settings: given})
	if err != nil {
		t.Fatal(err)
	}
	want := spelled(func(s *directory.ClientSettings) {
		s.Mode, s.Rewrites, s.PatchResponse = directory.Strict, map[string]bool{"op-case": true}, directory.PatchNone
	})
	expect := func(t *testing.T, want directory.ClientSettings) {
		t.Helper()
		found, err := w.FindClient(ctx, "c")
		if err != nil {
			t.Fatal(err)
		}
		listed, err := w.Clients(ctx, directorytest.Environment)
		if err != nil {
			t.Fatal(err)
		}
		caller := directorytest.Caller(t, w.Directory, secret)
		got := []directory.ClientSettings{found.Settings, listed[len(listed)-1].Settings, caller.Settings}
		if diff := cmp.Diff([]directory.ClientSettings{want, want, want}, got); diff != "" {
			t.Errorf("settings (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(want, c.Settings); diff != "" {
		t.Errorf("settings of the new client (-want +got):\n%s", diff)
	}
	expect(t, want)

	t.Run("a change is felt by the next request", func(t *testing.T) {
		changed, err := w.ConfigureClient(ctx, "c", func(c *directory.Client) {
			if diff := cmp.Diff(want, c.Settings); diff != "" {
				t.Errorf("settings to be changed (-want +got):\n%s", diff)
			}
			c.Settings = directory.ClientSettings{Mode: directory.Interop}
		})
		if err != nil {
			t.Fatal(err)
		}
		want = spelled(func(s *directory.ClientSettings) { s.Mode = directory.Interop })
		if diff := cmp.Diff(want, changed.Settings); diff != "" {
			t.Errorf("changed settings (-want +got):\n%s", diff)
		}
		expect(t, want)
	})
	t.Run("what is not a choice is refused and changes nothing", func(t *testing.T) {
		for path, bad := range map[string]directory.ClientSettings{
			"mode":               {Mode: "lax"},
			"rewrite":            {Rewrites: map[string]bool{"op-case": true, "opcase": true}},
			"patch_response":     {PatchResponse: "204"},
			"unknown_attributes": {UnknownAttributes: "keep"},
			"cursor_paging":      {CursorPaging: "yes"},
		} {
			_, err := w.ConfigureClient(ctx, "c", func(c *directory.Client) { c.Settings = bad })
			if f := fault(t, err, scim.RuleCanonical); f.Path != path || f.Value == "" || len(f.Allowed) == 0 {
				t.Errorf("%s: fault %+v", path, f)
			}
			_, _, err = w.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, ID: "d", Settings: bad})
			fault(t, err, scim.RuleCanonical)
		}
		expect(t, want)
	})
	t.Run("the defaults again", func(t *testing.T) {
		if _, err := w.ConfigureClient(ctx, "c", func(c *directory.Client) { c.Settings = directory.ClientSettings{} }); err != nil {
			t.Fatal(err)
		}
		expect(t, spelled(nil))
	})
	t.Run("a client that is not there", func(t *testing.T) {
		_, err := w.ConfigureClient(ctx, "nobody", func(*directory.Client) {})
		fault(t, err, scim.RuleNotFound)
		_, err = w.FindClient(ctx, "nobody")
		fault(t, err, scim.RuleNotFound)
	})
}

func TestSecretLifetime(t *testing.T) {
	w := open(t)
	const day = 24 * time.Hour
	create := func(t *testing.T, id string, lifetime time.Duration) (*directory.Client, string) {
		t.Helper()
		c, secret, err := w.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, ID: id, Lifetime: lifetime})
		if err != nil {
			t.Fatal(err)
		}
		return c, secret
	}
	good := func(t *testing.T, secret string, want bool) {
		t.Helper()
		_, err := w.AuthenticateSecret(ctx, secret)
		if want && err != nil {
			t.Errorf("refused: %v", err)
		}
		if !want {
			fault(t, err, scim.RuleUnauthenticated)
		}
	}
	ends := func(t *testing.T, id string, secrets int, want time.Time) {
		t.Helper()
		c, err := w.FindClient(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if c.Secrets != secrets || !c.Expires.Equal(want) {
			t.Errorf("%d secrets until %s, want %d until %s", c.Secrets, c.Expires, secrets, want)
		}
	}
	t.Run("scim:SEC-04 a secret has 256 bits and ends, after a year at most; two live beside each other; when the last ends is shown", func(t *testing.T) {
		start := w.clock.Now()
		c, first := create(t, "c", 0)
		if len(first) < 52 || c.Expires != start.Add(365*day) { // 52 characters of base 32 are 260 bits
			t.Errorf("secret of %d characters until %s", len(first), c.Expires)
		}
		_, _, err := w.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, Lifetime: 365*day + 1})
		if f := fault(t, err, scim.RuleLimit); f.Path != "expires" || f.Allowed[0] != "8760h0m0s" {
			t.Errorf("fault %+v", f)
		}
		_, err = w.RotateClient(ctx, "c", -1)
		fault(t, err, scim.RuleLimit)
		w.clock.Advance(335 * day)
		second, err := w.RotateClient(ctx, "c", 90*day)
		if err != nil {
			t.Fatal(err)
		}
		good(t, first, true)
		good(t, second, true)
		ends(t, "c", 2, start.Add(425*day))
		token, err := w.AuthenticateSecret(ctx, first)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(30*day - time.Millisecond)
		good(t, first, true)
		w.clock.Advance(time.Millisecond)
		good(t, first, false)
		_, err = w.AuthenticateToken(ctx, token.TokenSubject())
		fault(t, err, scim.RuleUnauthenticated)
		good(t, second, true)
		ends(t, "c", 1, start.Add(425*day))
		w.clock.Advance(60 * day)
		good(t, second, false)
		ends(t, "c", 0, time.Time{})
	})
	t.Run("a shorter one", func(t *testing.T) {
		_, secret := create(t, "short", time.Hour)
		ends(t, "short", 1, w.clock.Now().Add(time.Hour))
		w.clock.Advance(time.Hour)
		good(t, secret, false)
	})
	t.Run("the longest is a matter of configuration", func(t *testing.T) {
		cfg := directorytest.Config(t, t.TempDir())
		cfg.MaxLifetime = day
		d, err := directory.Open(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		e, err := d.CreateEnvironment(ctx, directory.EnvironmentDraft{Name: "e"})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = d.CreateClient(ctx, directory.ClientDraft{Environment: e.ID, Lifetime: day + 1})
		fault(t, err, scim.RuleLimit)
	})
	t.Run("those of development mode never end", func(t *testing.T) {
		w.clock.Advance(10_000 * day)
		good(t, directorytest.DevToken, true)
		ends(t, directorytest.DevClient, 2, time.Time{})
	})
}

func TestPrepared(t *testing.T) {
	w := open(t)
	t.Run("scim:PRE-01 user names are compared and unique, and passwords checked, as PRECIS prepares them", func(t *testing.T) {
		// Full-width letters, a composed letter; a password with a no-break space and a decomposed letter.
		made, err := w.Create(ctx, w.dev, w.home, user(t, `{"userName":"\uFF21d\u00e9","password":"Secret\u00a01e\u0301"}`))
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Create(ctx, w.dev, w.home, user(t, `{"userName":"aDe\u0301"}`))
		fault(t, err, scim.RuleUnique)
		for _, name := range []string{"Ad\u00e9", "ad\u0065\u0301", "\uff41\uff44\u00e9"} {
			r, err := w.SignIn(ctx, w.dev, w.home, name, "Secret 1\u00e9")
			if err != nil || r.ID != made.ID {
				t.Errorf("%+q: %v, %v", name, r, err)
			}
		}
		for _, password := range []string{"secret 1\u00e9", "Secret 1e", "Secret1\u00e9"} {
			_, err := w.SignIn(ctx, w.dev, w.home, "ad\u00e9", password)
			fault(t, err, scim.RuleUnauthenticated)
		}
	})
}

func TestOtherEnvironments(t *testing.T) {
	w := open(t)
	draft := directory.ClientDraft{Environment: directorytest.Environment, ID: "both", Environments: []string{directorytest.Other}}
	made, secret, err := w.CreateClient(ctx, draft)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(draft.Environments, made.Environments); diff != "" {
		t.Error(diff)
	}
	c, err := w.AuthenticateSecret(ctx, secret)
	if err != nil {
		t.Fatal(err)
	}
	there, err := w.Authorise(ctx, c, directory.Scope{Environment: directorytest.Other}, directory.WriteUsers)
	if err != nil || there.Environment != directorytest.Other {
		t.Fatal(there, err)
	}
	if _, err := w.Create(ctx, c, directory.Scope{Environment: directorytest.Other}, user(t, `{"userName":"ada"}`)); err == nil {
		t.Error("a caller who was not let in writes there")
	}
	fault(t, func() error { _, err := w.Authorise(ctx, there, c.Home(), directory.WriteUsers); return err }(), scim.RuleForbidden)
	if _, err := w.Create(ctx, there, there.Home(), user(t, `{"userName":"ada"}`)); err != nil {
		t.Error(err)
	}

	for rule, change := range map[scim.Rule]func(*directory.ClientDraft){
		scim.RuleDangling: func(d *directory.ClientDraft) { d.Environments = []string{"nowhere"} },
		scim.RulePath:     func(d *directory.ClientDraft) { d.Limits.Populations = []string{directorytest.Population} },
	} {
		bad := draft
		bad.ID = "bad"
		change(&bad)
		_, _, err := w.CreateClient(ctx, bad)
		fault(t, err, rule)
		_, err = w.ConfigureClient(ctx, "both", func(c *directory.Client) { c.Environments, c.Limits = bad.Environments, bad.Limits })
		fault(t, err, rule)
	}
	if err := w.DeleteEnvironment(ctx, directorytest.Other); err != nil {
		t.Fatal(err)
	}
	_, err = w.Authorise(ctx, c, directory.Scope{Environment: directorytest.Other}, directory.WriteUsers)
	fault(t, err, scim.RuleNotFound)
}
