// Package directorytest opens directories for tests: on a real file, with a
// clock that the test moves and the identities that the vendors' documentation
// examples use.
package directorytest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// The identities of the directories that Open makes.
const (
	Environment = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"
	Population  = "cb3ef0a0-0ff5-4f60-ae82-4ae65d9d0e3a"
	// Other is a second environment; nothing of the first may be seen from it.
	Other = "0b6e2b2e-7d0e-4b5c-9d6e-3a5d3b1f0c11"

	BasicID     = "1234-aaaa-bbbb-5678" // client of Environment, with BasicSecret
	BasicSecret = "eXJzbmVha3kh"
	RSASecret   = "29da0602f6db1ed033aa91d644ce4d70bdf3ab58"
	DevClient   = "dev-client" // client of Environment, with DevSecret and DevToken
	DevSecret   = "dev-secret"
	DevToken    = "dev-token"
	ReaderToken = "reader-token" // a client of Environment that may only read
	OtherToken  = "other-token"  // a client of Other
	AdminToken  = "admin-token"  // a client of Environment that administers it
	OtherAdmin  = "other-admin"  // a client of Other that administers it
)

// A Clock stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by step, which may be negative.
func (c *Clock) Advance(step time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(step)
}

// Start is the time at which the clock of Open stands.
var Start = time.Date(2026, 3, 1, 8, 15, 30, 120_000_000, time.UTC)

// Config returns how to open a directory whose data belong to the folder: in a
// file there, or in a database of the engine that storetest.Database names.
func Config(t testing.TB, path string) directory.Config {
	t.Helper()
	return directory.Config{Path: path, Database: storetest.At(t, path).URL}
}

// Open returns a directory of the test's own, with the
// environments and clients above, and its clock.
func Open(t testing.TB) (*directory.Directory, *Clock) {
	t.Helper()
	return OpenAt(t, t.TempDir())
}

// OpenAt does the same on a folder of the caller's; what is there already stays.
func OpenAt(t testing.TB, path string) (*directory.Directory, *Clock) {
	t.Helper()
	ctx := context.Background()
	clock := NewClock()
	cfg := Config(t, path)
	cfg.Now = clock.Now
	d, err := directory.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if found, err := d.Environments(ctx); err != nil || len(found) > 0 {
		return d, clock
	}
	for _, e := range []directory.EnvironmentDraft{
		{ID: Environment, Name: "default", Population: Population},
		{ID: Other, Name: "other"},
	} {
		if _, err := d.CreateEnvironment(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []directory.ClientDraft{
		{Environment: Environment, ID: BasicID, Secrets: []string{BasicSecret}},
		{Environment: Environment, ID: "rsa-client", Secrets: []string{RSASecret}},
		{Environment: Environment, ID: DevClient, Secrets: []string{DevSecret, DevToken}},
		{Environment: Environment, ID: "reader-client", Role: directory.Reader, Secrets: []string{ReaderToken}},
		{Environment: Other, ID: "other-client", Secrets: []string{OtherToken}},
		{Environment: Environment, ID: "admin-client", Role: directory.Admin, Secrets: []string{AdminToken}},
		{Environment: Other, ID: "other-admin-client", Role: directory.Admin, Secrets: []string{OtherAdmin}},
	} {
		if _, _, err := d.CreateClient(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	return d, clock
}

// Caller returns the caller that the secret proves.
func Caller(t testing.TB, d *directory.Directory, secret string) directory.Caller {
	t.Helper()
	c, err := d.AuthenticateSecret(context.Background(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
