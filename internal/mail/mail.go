// Package mail sends messages by SMTP (RFC 5321): invitations and links by
// which users set their passwords. Messages wait in memory and are delivered
// one after the other, some time after Post has taken them; those that the
// server cannot take now are tried again. What is not delivered is logged
// without its text, which holds secrets.
//
// It knows nothing of the directory. The doors compose messages; cmd/rollcall
// makes the one Sender of the program.
package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"slices"
	"sync"
	"time"
)

// Security says how a connection is protected.
type Security string

// The kinds of protection.
const (
	// StartTLS asks the server for TLS before anything else is said (RFC 3207).
	// Nothing is sent to one that has none.
	StartTLS Security = "starttls"
	// TLS begins with the connection (RFC 8314).
	TLS Security = "tls"
	// Plain has none: for a relay on the same machine.
	Plain Security = "plain"
)

// Config says where messages are handed over. Its zero values but Address and
// From are useful.
type Config struct {
	Address  string   // of the server: host:port, or host for port 587, with TLS 465
	Security Security // StartTLS when empty
	Username string   // to log in with; empty for no login
	Password string
	From     string          // address of the sender, with a name or without
	Timeout  time.Duration   // of one attempt; 30 s when 0
	Retries  []time.Duration // waits before further attempts; 10 s, 1 min and 5 min when nil
	Queue    int             // messages that may wait; 1024 when 0
	RootCAs  *x509.CertPool  // who may vouch for the server; the system's when nil
	Log      *slog.Logger    // nil drops it
	Now      func() time.Time
}

// A Message is one text for one recipient.
type Message struct {
	To       string // address
	FromName string // name of the sender; that of Config.From when empty
	Subject  string
	Text     string // what is shown where HTML is not
	HTML     string // may be empty
}

// ErrFull means that too many messages wait. Nothing was taken.
var ErrFull = errors.New("mail: too many messages are waiting")

var errClosed = errors.New("mail: the sender is closed")

// A Sender delivers messages. New makes one, Close ends it.
type Sender struct {
	cfg    Config
	host   string
	from   mail.Address
	queue  chan Message
	ctx    context.Context // of attempts
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.RWMutex // guards closed, and the queue against being closed while somebody posts
	closed bool
}

// New returns a Sender that is at work. It does not connect before there is a
// message. Errors: a setting that cannot be.
func New(cfg Config) (*Sender, error) {
	s := &Sender{cfg: cfg, done: make(chan struct{})}
	c := &s.cfg
	c.Security = cmp.Or(c.Security, StartTLS)
	if !slices.Contains([]Security{StartTLS, TLS, Plain}, c.Security) {
		return nil, fmt.Errorf("mail: %q is no kind of security: use starttls, tls or plain", c.Security)
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("mail: the sender %q is not an address: %w", c.From, err)
	}
	s.from = *from
	if s.host, _, err = net.SplitHostPort(c.Address); err != nil {
		s.host = c.Address
		port := "587"
		if c.Security == TLS {
			port = "465"
		}
		c.Address = net.JoinHostPort(s.host, port)
	}
	if s.host == "" {
		return nil, errors.New("mail: the server has no address")
	}
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	if c.Retries == nil {
		c.Retries = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s.queue = make(chan Message, cmp.Or(c.Queue, 1024))
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.run()
	return s, nil
}

// Post takes a message for delivery and does not wait for it. Errors: an
// address that is none, ErrFull, a Sender that is closed.
func (s *Sender) Post(m Message) error {
	if _, err := mail.ParseAddress(m.To); err != nil {
		return fmt.Errorf("mail: the recipient is not an address: %w", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	select {
	case s.queue <- m:
		return nil
	default:
		return ErrFull
	}
}

// Close takes no more messages, tries each that waits once more, and returns
// when that is done or has taken Config.Timeout.
func (s *Sender) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.queue)
	}
	s.mu.Unlock()
	timer := time.AfterFunc(s.cfg.Timeout, s.cancel)
	defer timer.Stop()
	<-s.done
	s.cancel()
	return nil
}

// A delayed message is to be tried again.
type delayed struct {
	Message
	tries int // so far
	due   time.Time
}

func (s *Sender) run() {
	defer close(s.done)
	var later []delayed // by when they are due
	attempt := func(m delayed) {
		if again, ok := s.attempt(m); ok {
			i, _ := slices.BinarySearchFunc(later, again.due, func(d delayed, due time.Time) int { return cmp.Or(d.due.Compare(due), -1) })
			later = slices.Insert(later, i, again)
		}
	}
	for {
		var wake <-chan time.Time
		if len(later) > 0 {
			wake = time.After(time.Until(later[0].due))
		}
		select {
		case m, open := <-s.queue:
			if !open {
				for _, m := range later {
					s.attempt(m)
				}
				return
			}
			attempt(delayed{Message: m})
		case <-wake:
			m := later[0]
			later = later[1:]
			attempt(m)
		}
	}
}

// attempt tries to deliver a message. If that fails for now, it returns the
// message with the time of the next attempt.
func (s *Sender) attempt(m delayed) (again delayed, ok bool) {
	err := s.deliver(m.Message)
	if err == nil {
		s.cfg.Log.Info("mail sent", "to", m.To)
		return m, false
	}
	reply, ok := errors.AsType[*textproto.Error](err)
	if permanent := ok && reply.Code >= 500; permanent || m.tries == len(s.cfg.Retries) {
		s.cfg.Log.Error("mail not sent", "to", m.To, "attempts", m.tries+1, "error", err)
		return m, false
	}
	wait := s.cfg.Retries[m.tries]
	s.cfg.Log.Warn("mail not sent yet", "to", m.To, "again_in", wait, "error", err)
	m.tries++
	m.due = time.Now().Add(wait)
	return m, true
}

// deliver hands one message over.
func (s *Sender) deliver(m Message) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Timeout)
	defer cancel()
	c, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", s.cfg.Address, err)
	}
	defer c.Close()
	// What is waited for ends with ctx.
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if s.cfg.Username != "" {
		if err := c.Auth(smtp.PlainAuth("", s.cfg.Username, s.cfg.Password, s.host)); err != nil {
			return fmt.Errorf("log in to %s: %w", s.cfg.Address, err)
		}
	}
	to, err := mail.ParseAddress(m.To)
	if err != nil {
		return err
	}
	text, err := s.compose(m, to)
	if err != nil {
		return err
	}
	if err := c.Mail(s.from.Address); err != nil {
		return err
	}
	if err := c.Rcpt(to.Address); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // the message is the server's now, whatever it says
	return nil
}

// dial connects and secures the connection.
func (s *Sender) dial(ctx context.Context) (*smtp.Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.cfg.Address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	secured := &tls.Config{ServerName: s.host, RootCAs: s.cfg.RootCAs, MinVersion: tls.VersionTLS12}
	if s.cfg.Security == TLS {
		conn = tls.Client(conn, secured)
	}
	c, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if s.cfg.Security == StartTLS {
		if err := startTLS(c, secured); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

func startTLS(c *smtp.Client, cfg *tls.Config) error {
	if ok, _ := c.Extension("STARTTLS"); !ok {
		return errors.New("the server does not offer STARTTLS: choose tls, or plain for a relay on this machine")
	}
	return c.StartTLS(cfg)
}
