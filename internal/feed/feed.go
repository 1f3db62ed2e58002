// Package feed delivers change events from the outbox: it tells the receivers
// of an environment's streams what happens to its users and groups, as SCIM
// events (RFC 9967) in signed security event tokens (RFC 8417). A receiver polls
// its stream (RFC 8936), or the tokens are sent to it (RFC 8935).
//
// The outbox is the directory's change log, which a change is written to in its
// own transaction. Every event is told until its receiver has acknowledged it,
// in the order of the log: none is missed, and one that is told again has the
// same jti and says the same.
package feed

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

// Config is what New needs to know. Its zero values but Directory and the URLs
// are useful.
type Config struct {
	Directory *directory.Directory
	// PublicURL is the URL under which clients see the server. Tokens name it
	// as their issuer.
	PublicURL string
	// Base is the URL of the door whose resources events are about.
	Base string
	// Log takes what goes wrong with deliveries; nil drops it.
	Log *slog.Logger

	// Private lets events be sent to receivers in private networks, and by
	// plain HTTP to those on this machine.
	Private bool
	// Roots are whom receivers' certificates are trusted from; nil for the system's.
	Roots *x509.CertPool

	Interval time.Duration // between two looks for new changes; half a second
	Wait     time.Duration // that a poll waits for the first event; 20 seconds
	Attempt  time.Duration // that one attempt to send an event may take; 10 seconds
	Backoff  Backoff
	// Abandoned is the age at which no server works on an accepted request any
	// more: all routes have less time; 5 minutes.
	Abandoned time.Duration
}

// Backoff is how long to wait before an event is sent again: Least after the
// first failure, twice as long after each further one, and never longer than Most.
type Backoff struct {
	Least, Most time.Duration // 1 second, 5 minutes
}

// A Feed delivers the events of one installation. Its doors are served by a
// server; Run does the rest.
type Feed struct {
	cfg    Config
	dir    *directory.Directory
	log    *slog.Logger
	mint   *mint
	sender *sender

	mu      sync.Mutex
	changed chan struct{}  // closed when there may be new events
	waiting map[string]int // polls, by stream
	ending  bool           // no more requests are accepted to be answered later
	running int            // of those that are

	background sync.WaitGroup // of the same
	leaving    chan struct{}  // closed when Run is to end
}

// New returns the feed of what is in the directory. Where no other program
// serves the same, it answers the requests that an earlier feed has accepted and
// not answered; elsewhere Run does so after a while.
func New(ctx context.Context, cfg Config) (*Feed, error) {
	for _, d := range []struct {
		field    *time.Duration
		fallback time.Duration
	}{
		{&cfg.Interval, 500 * time.Millisecond}, {&cfg.Wait, 20 * time.Second}, {&cfg.Attempt, 10 * time.Second},
		{&cfg.Backoff.Least, time.Second}, {&cfg.Backoff.Most, 5 * time.Minute}, {&cfg.Abandoned, 5 * time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.fallback
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.PublicURL, cfg.Base = strings.TrimRight(cfg.PublicURL, "/"), strings.TrimRight(cfg.Base, "/")
	key, err := cfg.Directory.EventKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the key that signs events: %w", err)
	}
	m, err := newMint(cfg.PublicURL, cfg.Base, key)
	if err != nil {
		return nil, err
	}
	f := &Feed{cfg: cfg, dir: cfg.Directory, log: cfg.Log, mint: m, sender: newSender(cfg),
		changed: make(chan struct{}), leaving: make(chan struct{}), waiting: make(map[string]int)}
	if !f.dir.Shared() {
		if err := f.breakPromises(ctx, 0); err != nil {
			return nil, fmt.Errorf("answer what was asked before the last stop: %w", err)
		}
	}
	return f, nil
}

// breakPromises answers the requests of this age whose servers have stopped.
func (f *Feed) breakPromises(ctx context.Context, age time.Duration) error {
	return f.dir.BreakPromises(ctx, age, "500", problem("500", "the server has stopped before it could answer; what was asked may or may not be done"))
}

// Run looks for changes and, on one of the servers of the same data, sends events
// to the receivers that do not poll, until ctx ends. Then it lets go of all who
// wait, finishes what it is about, and returns. It is called once.
func (f *Feed) Run(ctx context.Context) {
	var lead sync.WaitGroup
	defer lead.Wait()
	defer f.leave()
	lead.Go(func() { _ = f.dir.Alone(ctx, "feed", f.lead) }) // it ends with ctx
	last := int64(-1)
	f.tick(ctx, func() {
		if seq, err := f.dir.LastChange(ctx); err != nil {
			f.fault(ctx, "look for changes", err)
		} else if seq != last {
			last = seq
			f.wake()
		}
	})
}

// tick calls do now and again until ctx ends.
func (f *Feed) tick(ctx context.Context, do func()) {
	tick := time.NewTicker(f.cfg.Interval)
	defer tick.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lead does what one server does for all: it sends events to the receivers that
// do not poll, and answers requests whose servers have stopped.
func (f *Feed) lead(ctx context.Context) error {
	var pushes sync.WaitGroup
	defer pushes.Wait()
	running := map[string]context.CancelFunc{}
	var looked time.Time
	f.tick(ctx, func() {
		f.push(ctx, &pushes, running)
		if f.dir.Shared() && time.Since(looked) > f.cfg.Abandoned/5 {
			looked = time.Now()
			if err := f.breakPromises(ctx, f.cfg.Abandoned); err != nil {
				f.fault(ctx, "answer for servers that have stopped", err)
			}
		}
	})
	return ctx.Err()
}

// leave lets go of all who wait, accepts no more requests and waits for those that
// are accepted.
func (f *Feed) leave() {
	f.mu.Lock()
	f.ending = true
	close(f.leaving)
	f.mu.Unlock()
	f.background.Wait()
}

// push sees to it that a goroutine sends the events of each stream that is
// pushed, and of no other.
func (f *Feed) push(ctx context.Context, pushes *sync.WaitGroup, running map[string]context.CancelFunc) {
	streams, err := f.dir.Streams(ctx, "")
	if err != nil {
		f.fault(ctx, "look for streams", err)
		return
	}
	gone := make(map[string]bool, len(running))
	for id := range running {
		gone[id] = true
	}
	for _, s := range streams {
		if delete(gone, s.ID); !s.Pushed() || running[s.ID] != nil {
			continue
		}
		each, cancel := context.WithCancel(ctx)
		running[s.ID] = cancel
		pushes.Go(func() { f.deliver(each, s) })
	}
	for id := range gone {
		running[id]()
		delete(running, id)
	}
}

// news returns a channel that is closed when there may be new events.
func (f *Feed) news() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *Feed) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.changed = make(chan struct{})
}

// fault logs what went wrong through no fault of a receiver.
func (f *Feed) fault(ctx context.Context, doing string, err error) {
	if ctx.Err() == nil {
		f.log.LogAttrs(ctx, slog.LevelError, "events", slog.String("doing", doing), slog.String("error", err.Error()))
	}
}

// tokens returns the oldest tokens of the stream that its receiver has not
// acknowledged, at most limit, and whether there are more.
func (f *Feed) tokens(ctx context.Context, s *directory.Stream, limit int) ([]token, bool, error) {
	events, more, err := f.dir.Pending(ctx, s.ID, limit)
	if err != nil {
		return nil, false, err
	}
	tokens := make([]token, len(events))
	for i := range events {
		if tokens[i], err = f.mint.token(s, &events[i]); err != nil {
			return nil, false, err
		}
	}
	return tokens, more, nil
}
