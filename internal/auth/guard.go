package auth

import (
	"crypto/sha256"
	"net"
	"net/netip"
	"sync"
	"time"
)

// DefaultGuesses is how many wrong credentials of one address are heard in a
// minute unless Config says otherwise.
const DefaultGuesses = 100

const (
	guessWindow = time.Minute
	// everywhere is how many times as many are heard for one client id, from
	// all addresses together.
	everywhere = 3
)

// A guard slows guessing down (scim SEC-10). An address (of IPv6, a /64) or a
// client id for which too many wrong credentials came is not heard until the
// window ends: what is shown is not even looked up.
//
// Nobody can lock others out by guessing: a credential that was right a while
// ago is heard from everywhere, so that one client with an old secret does not
// stop those behind the same proxy; and an address that has proved a client id
// is heard for that id whoever else guesses.
type guard struct {
	now  func() time.Time
	most int // wrong credentials of an address in a window

	mu       sync.Mutex
	failures *recent[proof, window]   // by address, by client id
	proved   *recent[proof, struct{}] // by credential, by client id and address
}

// A proof is a digest of what is remembered: nothing here is worth stealing,
// and every key is of one size.
type proof [sha256.Size]byte

// A window counts wrong credentials.
type window struct {
	began time.Time
	count int
}

func newGuard(now func() time.Time, most int) *guard {
	return &guard{now: now, most: most, failures: newRecent[proof, window](maxRemembered), proved: newRecent[proof, struct{}](maxRemembered)}
}

// An attempt is a credential as it is shown from an address. Its digests are
// made when they are needed: of most requests only the whole is.
type attempt struct {
	remote string
	shown  credential
	whole  proof
}

func newAttempt(remote string, c credential) attempt {
	return attempt{remote, c, digest("credential", c.id, c.secret)}
}

func (a attempt) address() proof { return digest("address", source(a.remote)) }
func (a attempt) id() proof      { return digest("client", a.shown.id) }
func (a attempt) both() proof    { return digest("client at", a.shown.id, source(a.remote)) }

// named reports whether the credential names a client.
func (a attempt) named() bool { return a.shown.id != "" }

// source returns what attempts from host:port, or host, are counted by.
func source(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if a = a.Unmap(); a.Is6() {
		p, _ := a.WithZone("").Prefix(64)
		return p.String()
	}
	return a.String()
}

// digest returns the digest of texts, none of which can pass for two.
func digest(texts ...string) (p proof) {
	h := sha256.New()
	for _, text := range texts {
		part := sha256.Sum256([]byte(text))
		h.Write(part[:])
	}
	h.Sum(p[:0])
	return p
}

// admit returns nil if the attempt may be looked up. Errors: RuleRate.
func (g *guard) admit(a attempt) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.proved.get(a.whole); ok {
		return nil
	}
	if wait := g.wait(a.address(), g.most); wait > 0 {
		return tooOften("wrong credentials", wait)
	}
	if _, ok := g.proved.get(a.both()); ok || !a.named() {
		return nil
	}
	if wait := g.wait(a.id(), everywhere*g.most); wait > 0 {
		return tooOften("wrong credentials", wait)
	}
	return nil
}

// wait returns how long the key is not heard.
func (g *guard) wait(key proof, most int) time.Duration {
	w, _ := g.failures.get(key)
	now := g.now()
	if w.count < most || w.over(now) {
		return 0
	}
	return w.began.Add(guessWindow).Sub(now)
}

// over reports whether the window has ended, or the clock has gone back before it.
func (w window) over(now time.Time) bool {
	return now.Sub(w.began) >= guessWindow || now.Before(w.began)
}

// failed counts a wrong credential, which may have been a right one before.
func (g *guard) failed(a attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.proved.forget(a.whole)
	g.count(a.address())
	if a.named() {
		g.count(a.id())
	}
}

func (g *guard) count(key proof) {
	now := g.now()
	w, ok := g.failures.get(key)
	if !ok || w.over(now) {
		w = window{began: now}
	}
	w.count++
	g.failures.set(key, w)
}

// passed remembers a right credential.
func (g *guard) passed(a attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.proved.set(a.whole, struct{}{})
	if a.named() {
		g.proved.set(a.both(), struct{}{})
	}
}
