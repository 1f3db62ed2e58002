package directory

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A Policy is what a new password must satisfy, how long it lasts and how often
// it may be guessed (p14e R75). The zero Policy takes every password that is
// not empty, for ever, and locks nobody.
type Policy struct {
	MinLength int // characters
	MaxLength int // characters; 0 is no limit
	Capitals  int
	Digits    int
	Special   int // characters that are neither letters nor digits
	Lower     int // lower-case letters
	Repeated  int // equal characters in a row at most; 0 is no limit
	Unique    int // different characters

	// NotCommon: what many people have is no password. NotProfile: nor is a text
	// that is an attribute of the user.
	NotCommon, NotProfile bool
	// Distance is how many characters must differ from the present password,
	// where a user shows that one to change it.
	Distance int

	// Words are no passwords, in any letter case and whatever stands before
	// and after them that is no letter.
	Words []string
	// History is how many passwords of the user, the present one among them,
	// may not be used again. Each costs a hash when the password changes.
	History int

	MaxAge time.Duration // after which a password must be changed; 0 is never
	// Reminders say how long before that the user is reminded.
	Reminders [2]time.Duration

	MaxFailures   int           // wrong passwords in a row that lock the user; 0 locks nobody
	FailureWindow time.Duration // wrong passwords do not count any more after so long without another; 0 is never
	LockFor       time.Duration
}

// DefaultPolicy is the policy of environments that have none of their own: it must accept the
// passwords of the vendors' own examples (p14e R14, R76; pingone B58).
var DefaultPolicy = Policy{MinLength: 8, MaxLength: 1024, Capitals: 1, Digits: 1, MaxFailures: 10, LockFor: 15 * time.Minute}

// check returns a RulePassword fault for each way in which password, already
// prepared, breaks the policy. attributes are the user's; nil for none.
func (p Policy) check(password string, attributes *scim.Object) (faults scim.Errors) {
	var capitals, lower, digits, special int
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			capitals++
		case unicode.IsLower(r):
			lower++
		case unicode.IsDigit(r):
			digits++
		case !unicode.IsLetter(r):
			special++
		}
	}
	length := utf8.RuneCountInString(password)
	for _, t := range []struct {
		broken bool
		name   string
		limit  int
		reason string
	}{
		{length < p.MinLength, "minLength", p.MinLength, "fewer characters than %d"},
		{p.MaxLength > 0 && length > p.MaxLength, "maxLength", p.MaxLength, "more characters than %d"},
		{capitals < p.Capitals, "capitals", p.Capitals, "fewer capital letters than %d"},
		{digits < p.Digits, "digits", p.Digits, "fewer digits than %d"},
		{special < p.Special, "special", p.Special, "fewer special characters than %d"},
		{lower < p.Lower, "lower", p.Lower, "fewer lower-case letters than %d"},
		{p.Repeated > 0 && longestRun(password) > p.Repeated, "repeated", p.Repeated, "more equal characters in a row than %d"},
		{p.Unique > 0 && differentCharacters(password) < p.Unique, "unique", p.Unique, "fewer different characters than %d"},
		{p.isWord(password), "words", 0, "a word of a dictionary"},
		{p.NotCommon && isCommon(password), "common", 0, "a common password"},
		{p.NotProfile && attributes != nil && inProfile(password, scim.ObjectValue(attributes)), "profile", 0, "an attribute of the user"},
	} {
		if t.broken {
			faults = append(faults, brokenPolicy(t.name, t.reason, t.limit))
		}
	}
	return faults
}

func brokenPolicy(setting, reason string, limit int) *scim.Error {
	if strings.Contains(reason, "%d") {
		reason = fmt.Sprintf(reason, limit)
	}
	return &scim.Error{Rule: scim.RulePassword, Path: "password", Detail: reason, Allowed: []string{setting, strconv.Itoa(limit)}}
}

// isWord reports whether the password is one of the words, with what is put
// around words to please a policy.
func (p Policy) isWord(password string) bool {
	bare := scim.Fold(strings.TrimFunc(password, func(r rune) bool { return !unicode.IsLetter(r) }))
	return slices.ContainsFunc(p.Words, func(word string) bool { return scim.Fold(word) == bare })
}

// expired reports whether the password has to be changed.
func (p Policy) expired(c *store.Credential, now time.Time) bool {
	return c.MustChange || p.MaxAge > 0 && !now.Before(c.Changed.Add(p.MaxAge))
}

// fail counts a wrong password, and locks the user if it is one too many.
func (p Policy) fail(c *store.Credential, now time.Time) {
	if p.FailureWindow > 0 && now.Sub(c.Failed) >= p.FailureWindow {
		c.Failures = 0
	}
	c.Failures, c.Failed = c.Failures+1, now
	if p.MaxFailures > 0 && c.Failures >= p.MaxFailures {
		c.Failures, c.LockedUntil = 0, now.Add(p.LockFor)
	}
}

// checkHistory returns RulePassword if the password, already prepared, is one
// of those of the credential that may not be used again.
func (d *Directory) checkHistory(ctx context.Context, p Policy, password string, c *store.Credential) error {
	if p.History == 0 || c.Hash == "" {
		return nil
	}
	hashes := append([]string{c.Hash}, c.History...)
	for _, hash := range hashes[:min(len(hashes), p.History)] {
		same, err := d.hasher.matches(ctx, password, hash)
		if err != nil {
			return err
		}
		if same {
			return brokenPolicy("history", "used before", p.History)
		}
	}
	return nil
}

// replaceHash gives the credential a new hash and keeps the old one as long as
// the policy asks for it.
func (p Policy) replaceHash(c *store.Credential, hash string, now time.Time) {
	if c.Hash != "" && p.History > 1 {
		c.History = append([]string{c.Hash}, c.History...)
	}
	c.History = c.History[:min(len(c.History), max(p.History-1, 0))]
	c.Hash, c.Changed, c.Failures, c.LockedUntil = hash, now, 0, time.Time{}
}

// preparePassword returns the password as it is hashed and compared (RFC 8265
// 4.2), RulePassword for one that cannot be.
func preparePassword(password string) (string, scim.Errors) {
	prepared, err := scim.PreparePassword(password)
	if err != nil {
		return "", scim.Errors{{Rule: scim.RulePassword, Path: "password", Detail: "characters that cannot be typed reliably"}}
	}
	return prepared, nil
}

// Cost of argon2id, the least that OWASP names: 19 MiB, two passes, one lane.
const (
	argonMemory = 19 * 1024 // KiB
	argonTime   = 2
	argonKey    = 32
	argonSalt   = 16
)

// A hasher makes and checks password hashes, so many at a time that they
// cannot use up the machine's memory: 64 at once would take 1.3 GiB and stall
// everything else.
type hasher struct {
	slots chan struct{} // one token per hash being made
	queue chan struct{} // one token per request waiting or working
}

// newHasher returns a hasher of one slot per two cores, and a queue of 64 for each slot.
func newHasher() *hasher {
	slots := max(1, runtime.GOMAXPROCS(0)/2)
	return &hasher{slots: make(chan struct{}, slots), queue: make(chan struct{}, 64*slots)}
}

// enter waits for a slot and returns the function that gives it back.
// RuleBusy when the queue is full.
func (h *hasher) enter(ctx context.Context) (func(), error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, &scim.Error{Rule: scim.RuleBusy, Allowed: []string{"1"}, Detail: "too many passwords are being hashed"}
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.queue }, nil
	case <-ctx.Done():
		<-h.queue
		return nil, ctx.Err()
	}
}

// hash returns the password as a PHC string: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, 1, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, argonMemory, argonTime,
		b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// matches reports whether the password, already prepared, is the one of the
// PHC string that hash made, or of one that another directory has encoded.
func (h *hasher) matches(ctx context.Context, password, phc string) (bool, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	if name, value := encoding(phc); name != "" {
		return compareEncoded(password, name, value)
	}
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, fmt.Errorf("password hash of an unknown form")
	}
	var memory, passes uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil {
		return false, fmt.Errorf("password hash parameters: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("password hash salt: %w", err)
	}
	key, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, fmt.Errorf("password hash: %w", err)
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1, nil
}
