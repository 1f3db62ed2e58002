// Package mailtest has an SMTP server for tests: it listens on loopback,
// speaks STARTTLS and AUTH PLAIN, and keeps what it is sent.
package mailtest

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options are the habits of a Server. The zero Options offer STARTTLS and take everything.
type Options struct {
	NoTLS    bool   // STARTTLS is not offered
	TLS      bool   // connections begin with TLS
	Username string // who must log in; empty for nobody
	Password string
	// Reply answers the n-th message, counted from 1, when its text is there; nil takes it.
	Reply func(n int) (code int, line string)
	Hang  bool // never says a word
}

// A Server is an SMTP server. Start makes one.
type Server struct {
	Address string         // host:port
	RootCAs *x509.CertPool // who vouches for it

	options  Options
	cert     tls.Certificate
	listener net.Listener
	received chan Received
	mu       sync.Mutex
	messages int
	open     map[net.Conn]bool
}

// Received is a message as the server got it.
type Received struct {
	From, To string // of the envelope
	TLS      bool
	User     string // who logged in
	Header   mail.Header
	Subject  string // decoded
	Text     string // the part text/plain
	HTML     string // the part text/html
}

// Start returns a server that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{options: o, received: make(chan Received, 100), open: map[net.Conn]bool{}}
	s.certify(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listener, s.Address = l, l.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.track(conn, true)
			wg.Go(func() {
				defer s.track(conn, false)
				s.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for conn := range s.open {
			conn.Close()
		}
		s.mu.Unlock()
		wg.Wait()
	})
	return s
}

// track remembers the connections that are open, to end them with the test.
func (s *Server) track(conn net.Conn, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !open {
		conn.Close()
		delete(s.open, conn)
		return
	}
	s.open[conn] = true
}

// Next returns the next message, waiting for it.
func (s *Server) Next(t testing.TB) Received {
	t.Helper()
	select {
	case m := <-s.received:
		return m
	case <-time.After(10 * time.Second):
		t.Fatal("no mail came")
		return Received{}
	}
}

// None fails the test if a message is there that nobody took with Next.
func (s *Server) None(t testing.TB) {
	t.Helper()
	select {
	case m := <-s.received:
		t.Errorf("mail for %s: %s", m.To, m.Subject)
	default:
	}
}

// certify makes a certificate for loopback.
func (s *Server) certify(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	s.RootCAs = x509.NewCertPool()
	s.RootCAs.AddCert(cert)
}

// Authority returns who vouches for the server as PEM.
func (s *Server) Authority() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Certificate[0]})
}

// A session is one connection.
type session struct {
	*Server
	conn   net.Conn
	in     *bufio.Reader
	secure bool
	now    Received
}

func (s *Server) serve(conn net.Conn) {
	if s.options.Hang {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	c := &session{Server: s, conn: conn}
	if s.options.TLS {
		c.encrypt()
	}
	c.in = bufio.NewReader(c.conn)
	c.say("220 mailtest")
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if !c.command(strings.ToUpper(verb), rest) {
			return
		}
	}
}

func (c *session) say(lines ...string) {
	_, _ = io.WriteString(c.conn, strings.Join(lines, "\r\n")+"\r\n") // who has gone hears nothing
}

func (c *session) encrypt() {
	c.conn = tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{c.cert}})
	c.in = bufio.NewReader(c.conn)
	c.secure = true
}

// command answers one command and reports whether the session goes on.
func (c *session) command(verb, rest string) bool {
	switch verb {
	case "EHLO":
		lines := []string{"250-mailtest", "250-8BITMIME"}
		if !c.options.NoTLS && !c.secure {
			lines = append(lines, "250-STARTTLS")
		}
		c.say(append(lines, "250 AUTH PLAIN")...)
	case "STARTTLS":
		c.say("220 go ahead")
		c.encrypt()
	case "AUTH":
		c.login(rest)
	case "MAIL":
		if c.options.Username != "" && c.now.User == "" {
			c.say("530 log in first")
			break
		}
		c.now.From = address(rest)
		c.say("250 ok")
	case "RCPT":
		c.now.To = address(rest)
		c.say("250 ok")
	case "DATA":
		c.say("354 go ahead")
		return c.data()
	case "QUIT":
		c.say("221 bye")
		return false
	default:
		c.say("500 what?")
	}
	return true
}

// address returns what stands between the angle brackets.
func address(text string) string {
	_, text, _ = strings.Cut(text, "<")
	text, _, _ = strings.Cut(text, ">")
	return text
}

func (c *session) login(rest string) {
	_, encoded, _ := strings.Cut(rest, " ")
	text, err := base64.StdEncoding.DecodeString(encoded)
	parts := strings.Split(string(text), "\x00")
	if err != nil || len(parts) != 3 || parts[1] != c.options.Username || parts[2] != c.options.Password {
		c.say("535 who are you?")
		return
	}
	c.now.User = parts[1]
	c.say("235 welcome")
}

func (c *session) data() bool {
	text, err := io.ReadAll(textproto.NewReader(c.in).DotReader())
	if err != nil {
		return false
	}
	c.mu.Lock()
	c.messages++
	n := c.messages
	c.mu.Unlock()
	if c.options.Reply != nil {
		if code, line := c.options.Reply(n); code != 250 {
			c.say(line)
			return true
		}
	}
	m := c.now
	m.TLS = c.secure
	if err := m.read(text); err != nil {
		c.say("554 " + err.Error())
		return true
	}
	c.received <- m
	c.say("250 ok")
	return true
}

// read takes the message apart.
func (m *Received) read(text []byte) error {
	parsed, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return err
	}
	m.Header = parsed.Header
	if m.Subject, err = (&mime.WordDecoder{}).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	for parts := multipart.NewReader(parsed.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		into := &m.Text
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			into = &m.HTML
		}
		*into = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}
