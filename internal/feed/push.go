package feed

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// pushPage is how many events are read at a time for a stream that is pushed.
const pushPage = 100

// deliver sends the events of the stream, one after the other, until ctx ends
// or the stream is deleted. The next one is not sent before the one before it
// is acknowledged.
func (f *Feed) deliver(ctx context.Context, s *directory.Stream) {
	failures := 0
	for {
		news := f.news() // before reading: what comes later wakes
		tokens, more, err := f.tokens(ctx, s, pushPage)
		var late time.Duration
		for _, t := range tokens {
			if late, err = f.send(ctx, s, t); err != nil {
				break
			}
			failures = 0
		}
		switch {
		case ctx.Err() != nil || scim.Is(err, scim.RuleNotFound): // the stream is deleted
			return
		case err != nil:
			failures++
			if !f.pause(ctx, max(late, f.backoff(failures))) {
				return
			}
		case len(tokens) == 0 && !more:
			select {
			case <-news:
			case <-ctx.Done():
				return
			}
		}
	}
}

// backoff returns how long to wait after so many failures.
func (f *Feed) backoff(failures int) time.Duration {
	wait := f.cfg.Backoff.Least
	for ; failures > 1 && wait < f.cfg.Backoff.Most; failures-- {
		wait *= 2
	}
	return min(wait, f.cfg.Backoff.Most)
}

// pause waits. It returns false when ctx ended first.
func (f *Feed) pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(min(wait, f.cfg.Backoff.Most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// send sends one event and notes how it went. An error says that it must be
// sent again, not before late.
//
// The receiver that calls an event faulty by invalid_request (RFC 8935 2.4) will
// do so for ever: the stream goes on, and the refusal is counted. What the other
// codes complain of, somebody can put right.
func (f *Feed) send(ctx context.Context, s *directory.Stream, t token) (late time.Duration, err error) {
	err = f.sender.send(ctx, s, t.jws)
	note := context.WithoutCancel(ctx) // what is delivered is noted also when the server stops
	var refused *refusal
	switch {
	case err == nil:
		err = f.dir.Acknowledge(note, s.ID, []directory.Receipt{t.receipt}, nil)
	case errors.As(err, &refused) && refused.code == "invalid_request":
		f.log.LogAttrs(ctx, slog.LevelWarn, "event refused", slog.String("stream", s.ID), slog.String("jti", t.jti), slog.String("error", err.Error()))
		err = f.dir.Acknowledge(note, s.ID, nil, []directory.Receipt{t.receipt})
	case ctx.Err() != nil:
		return 0, err
	default:
		if refused != nil {
			late = refused.late
		}
		f.log.LogAttrs(ctx, slog.LevelWarn, "event not delivered", slog.String("stream", s.ID), slog.String("jti", t.jti), slog.String("error", err.Error()))
		return late, errors.Join(err, f.dir.NoteProblem(ctx, s.ID, err.Error()))
	}
	if err != nil {
		f.fault(ctx, "note a delivery", err)
	}
	return 0, err
}

// A refusal is an answer of a receiver that does not take the event.
type refusal struct {
	status int
	code   string        // of RFC 8935 2.4; empty for none
	late   time.Duration // Retry-After
}

func (r *refusal) Error() string {
	if r.code != "" {
		return fmt.Sprintf("the receiver answers %d, %s", r.status, r.code)
	}
	return fmt.Sprintf("the receiver answers %d", r.status)
}

// A sender sends tokens to endpoints.
type sender struct {
	client  *http.Client
	private bool
}

func newSender(cfg Config) *sender {
	s := &sender{private: cfg.Private}
	dialer := &net.Dialer{Timeout: cfg.Attempt, Control: s.control}
	s.client = &http.Client{
		Timeout: cfg.Attempt,
		// The endpoint is where the events go, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // it would dial for us, past the guard
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        90 * time.Second,
			ResponseHeaderTimeout:  cfg.Attempt,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
	return s
}

// send posts a token (RFC 8935 2.1). Errors: *refusal.
func (s *sender) send(ctx context.Context, to *directory.Stream, jws string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Endpoint, bytes.NewReader([]byte(jws)))
	if err != nil {
		return errors.New("the endpoint is not a URL")
	}
	if err := s.mayUse(r.URL); err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/"+tokenType)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "rollcall")
	if to.Token != "" {
		r.Header.Set("Authorization", "Bearer "+string(to.Token))
	}
	w, err := s.client.Do(r)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err // without the URL, whose query may be a secret
		}
		return err
	}
	defer w.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(w.Body, 64<<10)) // so that the connection can be used again
	if w.StatusCode >= 200 && w.StatusCode < 300 {
		return nil
	}
	refused := &refusal{status: w.StatusCode}
	if seconds, err := strconv.Atoi(w.Header.Get("Retry-After")); err == nil && seconds > 0 {
		refused.late = time.Duration(min(seconds, 3600)) * time.Second
	}
	if media, _, _ := mime.ParseMediaType(w.Header.Get("Content-Type")); w.StatusCode == http.StatusBadRequest && media == "application/json" {
		refused.code = refusalCode(body)
	}
	return refused
}

// refusalCode returns the code of the error that the body tells, if it is one
// of RFC 8935 2.4: other words of a receiver are not kept.
func refusalCode(body []byte) string {
	o, err := scim.ReadObject(body, scim.Limits{})
	if err != nil {
		return ""
	}
	switch code := o.Get("err").Text(); code {
	case "invalid_request", "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied":
		return code
	}
	return ""
}

// mayUse refuses all but https, where plain HTTP to this machine is not allowed.
func (s *sender) mayUse(u *url.URL) error {
	if u.Scheme == "https" {
		return nil
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if s.private && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback()) {
		return nil
	}
	return errors.New("events are sent by https only")
}

// control refuses to connect to addresses that are not of the public internet.
// It sees the address that a name has led to, at the moment of use.
func (s *sender) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("not an address: %s", address)
	}
	ip := at.Addr().Unmap().WithZone("")
	if isPublic(ip) || s.private && (ip.IsPrivate() || ip.IsLoopback()) {
		return nil // link-local ones never: there clouds keep their secrets
	}
	return fmt.Errorf("events are not sent to %s: it is not a public address", ip)
}

// isPublic reports whether the address can be anybody's on the internet.
func isPublic(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, special := range notPublic {
		if special.Contains(ip) {
			return false
		}
	}
	return true
}

// notPublic are the special networks (RFC 6890) beside those that package
// netip knows, and those that lead into other ones.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // shared by carriers
	netip.MustParsePrefix("192.0.0.0/24"),    // protocols
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, broadcast
	netip.MustParsePrefix("::/96"),           // IPv4-compatible
	netip.MustParsePrefix("64:ff9b::/96"),    // NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),  // NAT64
	netip.MustParsePrefix("100::/64"),        // discard
	netip.MustParsePrefix("2001::/23"),       // protocols, Teredo
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4
	netip.MustParsePrefix("3fff::/20"),       // documentation
	netip.MustParsePrefix("5f00::/16"),       // segment routing
	netip.MustParsePrefix("fec0::/10"),       // site-local
}
