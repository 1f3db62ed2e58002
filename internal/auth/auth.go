// Package auth says who sends a request: it turns a Basic header, a bearer
// secret or an access token into a directory.Caller, and it has the token
// endpoints where a client gets such tokens. It decides nothing about what a
// caller may do: the directory does. The server calls it as the gate of all doors.
package auth

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// Config is what New needs to know.
type Config struct {
	// PublicURL is the URL under which clients see the server. Tokens name it
	// as their issuer and audience, and are good for no other.
	PublicURL string
	// Now is the clock that tokens are made and checked by; time.Now when nil.
	Now func() time.Time
	// Rate is how many requests a second each client may send, and how many at
	// once; 0 is no limit.
	Rate float64
	// DoorRates are how many requests a second all clients of a door may send
	// together, by its name (pingone B55); none is no limit.
	DoorRates map[string]float64
	// Guesses is how many wrong credentials of one address are heard in a
	// minute; DefaultGuesses when 0.
	Guesses int
}

// An Authenticator is the gate of the doors. It implements route.Gate.
type Authenticator struct {
	dir    *directory.Directory
	url    string
	now    func() time.Time
	key    []byte
	signer jose.Signer
	guard  *guard

	clients   *rates // by id
	addresses *rates // of requests without a credential
	doors     map[string]doorRate
}

var _ route.Gate = (*Authenticator)(nil)

// New returns the gate to what is in the directory.
func New(ctx context.Context, d *directory.Directory, cfg Config) (*Authenticator, error) {
	key, err := d.SigningKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the key that signs tokens: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithType(tokenType))
	if err != nil {
		return nil, fmt.Errorf("use the key that signs tokens: %w", err)
	}
	a := &Authenticator{dir: d, url: cfg.PublicURL, now: cfg.Now, key: key, signer: signer,
		clients: newRates(cfg.Rate), addresses: newRates(anonymousRate), doors: newDoorRates(cfg.DoorRates)}
	if a.now == nil {
		a.now = time.Now
	}
	a.guard = newGuard(a.now, cmp.Or(cfg.Guesses, DefaultGuesses))
	return a, nil
}

// Authenticate returns who sends the request, by one of the door's schemes. A
// bearer value in the form of a JWT is an access token, any other a secret;
// both are looked up in the directory at every request, so that a revocation
// is felt by the next one.
//
// Errors: RuleUnauthenticated; RuleForbidden for a client that may not use the
// door; RuleRate for one that asks too often, and for guesses.
func (a *Authenticator) Authenticate(r *http.Request, d *route.Door) (directory.Caller, error) {
	c, err := a.caller(r, d)
	if err != nil {
		return directory.Caller{}, err
	}
	if err := a.clients.take(c.Client, a.now()); err != nil {
		return c, err
	}
	if err := a.doors[d.Name].take(r.RemoteAddr, a.now()); err != nil {
		return c, err
	}
	if len(c.Doors) > 0 && !slices.Contains(c.Doors, d.Name) {
		return c, &scim.Error{Rule: scim.RuleForbidden, Detail: "the client may not use this door"}
	}
	return c, nil
}

func (a *Authenticator) caller(r *http.Request, d *route.Door) (directory.Caller, error) {
	shown, err := parseAuthorization(r.Header.Values("Authorization"))
	switch {
	case err != nil:
		return directory.Caller{}, err
	case !slices.Contains(d.Schemes, shown.scheme):
		return directory.Caller{}, unauthenticated("the scheme is not taken here")
	case shown.scheme == bearer && strings.Count(shown.secret, ".") == 2: // secrets have no dots
		return a.token(r.Context(), shown.secret)
	}
	return a.prove(r, shown)
}

// prove returns whose credential it is, unless too many wrong ones were shown.
func (a *Authenticator) prove(r *http.Request, shown credential) (directory.Caller, error) {
	at := newAttempt(r.RemoteAddr, shown)
	if err := a.guard.admit(at); err != nil {
		return directory.Caller{}, err
	}
	var c directory.Caller
	var err error
	if shown.scheme == basic {
		c, err = a.dir.AuthenticateClient(r.Context(), shown.id, shown.secret)
	} else {
		c, err = a.dir.AuthenticateSecret(r.Context(), shown.secret)
	}
	if isRule(err, scim.RuleUnauthenticated) {
		a.guard.failed(at)
	} else if err == nil {
		a.guard.passed(at)
	}
	return c, err
}

// Anonymous limits the requests of an address that show no credential. Errors: RuleRate.
func (a *Authenticator) Anonymous(r *http.Request) error {
	return a.addresses.take(source(r.RemoteAddr), a.now())
}

// Authorise asks the directory, which also writes a refusal down.
func (a *Authenticator) Authorise(ctx context.Context, c directory.Caller, s directory.Scope, p directory.Permission) (directory.Caller, error) {
	return a.dir.Authorise(ctx, c, s, p)
}

func unauthenticated(reason string) error {
	return &scim.Error{Rule: scim.RuleUnauthenticated, Detail: reason}
}

// isRule reports whether the first fault that err carries is of the rule.
func isRule(err error, rule scim.Rule) bool {
	faults := scim.Faults(err)
	return len(faults) > 0 && faults[0].Rule == rule
}
