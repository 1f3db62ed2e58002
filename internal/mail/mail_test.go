package mail_test

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/mail"
	"github.com/rollcall-directory/rollcall/internal/mail/mailtest"
)

// A journal is a log that may be read while it is written.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// start returns a sender to the server, and its log. Both end with the test.
func start(t *testing.T, s *mailtest.Server, change func(*mail.Config)) (*mail.Sender, *journal) {
	t.Helper()
	log := &journal{}
	cfg := mail.Config{Address: s.Address, RootCAs: s.RootCAs, From: "Rollcall <no-reply@dir.example>", Log: slog.New(slog.NewTextHandler(log, nil)),
		Now: func() time.Time { return time.Date(2026, 3, 1, 8, 15, 30, 0, time.UTC) }}
	if change != nil {
		change(&cfg)
	}
	sender, err := mail.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
	})
	return sender, log
}

func post(t *testing.T, s *mail.Sender, m mail.Message) {
	t.Helper()
	if err := s.Post(m); err != nil {
		t.Fatal(err)
	}
}

var hello = mail.Message{To: "ada@example.com", Subject: "Grüße: \"über\"\r\nBcc: eve@example.com", FromName: "Café, Inc.\r\nX: y",
	Text: "a line\n.\n.. dots\nünder " + strings.Repeat("long ", 300), HTML: "<p>=<a href=\"https://x.example/?a=1&amp;b=2\">link</a></p>"}

func TestSend(t *testing.T) {
	for _, row := range []struct {
		name   string
		server mailtest.Options
		change func(*mail.Config)
		secure bool
		user   string
	}{
		{"STARTTLS is the default", mailtest.Options{}, nil, true, ""},
		{"with a login", mailtest.Options{Username: "u", Password: "p"}, func(c *mail.Config) { c.Username, c.Password = "u", "p" }, true, "u"},
		{"TLS", mailtest.Options{TLS: true}, func(c *mail.Config) { c.Security = mail.TLS }, true, ""},
		{"plain", mailtest.Options{NoTLS: true}, func(c *mail.Config) { c.Security = mail.Plain }, false, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := mailtest.Start(t, row.server)
			sender, _ := start(t, server, row.change)
			post(t, sender, hello)
			got := server.Next(t)
			if got.From != "no-reply@dir.example" || got.To != "ada@example.com" || got.TLS != row.secure || got.User != row.user {
				t.Errorf("envelope: %+v", got)
			}
			if got.Subject != hello.Subject || got.Text != hello.Text || got.HTML != hello.HTML {
				t.Errorf("message: %q\n%q\n%q", got.Subject, got.Text, got.HTML)
			}
			from, err := got.Header.AddressList("From")
			if err != nil || len(from) != 1 || from[0].Address != "no-reply@dir.example" || from[0].Name != hello.FromName {
				t.Errorf("From: %v, %v", from, err)
			}
			date, err := got.Header.Date()
			if err != nil || !date.Equal(time.Date(2026, 3, 1, 8, 15, 30, 0, time.UTC)) {
				t.Errorf("Date: %v, %v", date, err)
			}
			if got.Header.Get("To") != "<ada@example.com>" || got.Header.Get("Auto-Submitted") != "auto-generated" || !strings.HasSuffix(got.Header.Get("Message-Id"), "@dir.example>") {
				t.Errorf("headers: %v", got.Header)
			}
			// What a text brings in is no header.
			if got.Header.Get("Bcc") != "" || got.Header.Get("X") != "" {
				t.Errorf("headers: %v", got.Header)
			}
		})
	}
}

func TestName(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	sender, _ := start(t, server, nil)
	post(t, sender, mail.Message{To: "Ada <ada@example.com>", Subject: "s", Text: "t"})
	if got := server.Next(t); got.Header.Get("From") != `"Rollcall" <no-reply@dir.example>` || got.To != "ada@example.com" || got.HTML != "" {
		t.Errorf("%+v", got)
	}
}

func TestRetry(t *testing.T) {
	for _, row := range []struct {
		name    string
		reply   func(n int) (int, string)
		retries []time.Duration
		arrives bool
		log     string
	}{
		{"what fails for now is tried again", func(n int) (int, string) {
			if n < 3 {
				return 451, "451 later"
			}
			return 250, ""
		}, []time.Duration{time.Millisecond, time.Millisecond}, true, "mail not sent yet"},
		{"but not for ever", func(n int) (int, string) { return 451, "451 later" }, []time.Duration{time.Millisecond}, false, "attempts=2"},
		{"what is refused is not", func(n int) (int, string) { return 550, "550 never" }, []time.Duration{time.Millisecond}, false, "attempts=1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			answered := make(chan bool, 10)
			server := mailtest.Start(t, mailtest.Options{Reply: func(n int) (int, string) {
				defer func() { answered <- true }()
				return row.reply(n)
			}})
			sender, log := start(t, server, func(c *mail.Config) { c.Retries = row.retries })
			post(t, sender, hello)
			if row.arrives {
				server.Next(t)
			} else {
				<-answered
			}
			if err := sender.Close(); err != nil {
				t.Fatal(err)
			}
			if !row.arrives {
				server.None(t)
			}
			if text := log.String(); !strings.Contains(text, row.log) || strings.Contains(text, "dots") || strings.Contains(text, "Gr") {
				t.Errorf("log: %s", text)
			}
		})
	}
}

func TestOthersDoNotWait(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{Reply: func(n int) (int, string) {
		if n == 1 {
			return 451, "451 later"
		}
		return 250, ""
	}})
	sender, _ := start(t, server, func(c *mail.Config) { c.Retries = []time.Duration{time.Hour} })
	for _, to := range []string{"first@example.com", "second@example.com"} {
		post(t, sender, mail.Message{To: to, Subject: "s", Text: "t"})
	}
	if got := server.Next(t); got.To != "second@example.com" {
		t.Errorf("to %s", got.To)
	}
	// Closing tries what waits once more.
	if err := sender.Close(); err != nil {
		t.Fatal(err)
	}
	if got := server.Next(t); got.To != "first@example.com" {
		t.Errorf("to %s", got.To)
	}
}

// Where the server is not who it should be, nothing is said to it.
func TestNotSent(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, row := range []struct {
		name   string
		server mailtest.Options
		change func(*mail.Config)
		log    string
	}{
		{"no STARTTLS", mailtest.Options{NoTLS: true}, nil, "does not offer STARTTLS"},
		{"an unknown certificate", mailtest.Options{}, func(c *mail.Config) { c.RootCAs = nil }, "certificate"},
		{"a wrong login", mailtest.Options{Username: "u", Password: "p"}, func(c *mail.Config) { c.Username, c.Password = "u", "x" }, "535"},
		{"no login", mailtest.Options{Username: "u", Password: "p"}, nil, "530"},
		{"nobody listens", mailtest.Options{}, func(c *mail.Config) { c.Address = closed.Addr().String() }, "refused"},
		{"nobody answers", mailtest.Options{Hang: true}, func(c *mail.Config) { c.Timeout = 50 * time.Millisecond }, "timeout"},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := mailtest.Start(t, row.server)
			sender, log := start(t, server, func(c *mail.Config) {
				c.Retries = []time.Duration{}
				if row.change != nil {
					row.change(c)
				}
			})
			post(t, sender, hello)
			if err := sender.Close(); err != nil {
				t.Fatal(err)
			}
			server.None(t)
			if text := log.String(); !strings.Contains(text, "mail not sent") || !strings.Contains(text, row.log) {
				t.Errorf("log: %s", text)
			}
		})
	}
}

func TestPost(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{Hang: true})
	sender, _ := start(t, server, func(c *mail.Config) { c.Queue, c.Timeout = 2, 50*time.Millisecond })
	for _, to := range []string{"", "ada", "ada@", "a@x.example, b@x.example", "a@x.example\r\nRCPT TO:<b@x.example>"} {
		if err := sender.Post(mail.Message{To: to}); err == nil {
			t.Errorf("%q is an address", to)
		}
	}
	var err error
	for range 10 {
		if err = sender.Post(hello); err != nil {
			break
		}
	}
	if err != mail.ErrFull {
		t.Errorf("posting to a full queue: %v", err)
	}
	if err := sender.Close(); err != nil {
		t.Error(err)
	}
	if err := sender.Post(hello); err == nil || err == mail.ErrFull {
		t.Errorf("posting to a closed sender: %v", err)
	}
}

func TestNew(t *testing.T) {
	for _, row := range []struct {
		cfg mail.Config
		ok  bool
	}{
		{mail.Config{Address: "mail.example", From: "a@x.example"}, true},
		{mail.Config{Address: "mail.example:25", Security: mail.Plain, From: "A <a@x.example>"}, true},
		{mail.Config{Address: "mail.example", Security: mail.TLS, From: "a@x.example"}, true},
		{mail.Config{From: "a@x.example"}, false},
		{mail.Config{Address: ":25", From: "a@x.example"}, false},
		{mail.Config{Address: "mail.example"}, false},
		{mail.Config{Address: "mail.example", From: "nobody"}, false},
		{mail.Config{Address: "mail.example", From: "a@x.example", Security: "ssl"}, false},
	} {
		s, err := mail.New(row.cfg)
		if (err == nil) != row.ok {
			t.Errorf("%+v: %v", row.cfg, err)
		}
		if s != nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
