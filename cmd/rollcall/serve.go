package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/server"
)

const (
	defaultData        = "rollcall-data"
	defaultListen      = "127.0.0.1:8440"
	defaultEnvironment = "default" // the name of the one that the first start makes
)

type serveCommand struct {
	Data      string `placeholder:"DIR" env:"ROLLCALL_DATA" help:"Keep the data in this directory (${data}; with --dev a temporary one)."`
	Database  string `placeholder:"URL" env:"ROLLCALL_DATABASE" help:"Keep the data in PostgreSQL. Not offered yet."`
	Listen    string `placeholder:"HOST:PORT" default:"${listen}" env:"ROLLCALL_LISTEN" help:"Listen on this address (${default})."`
	PublicURL string `name:"public-url" placeholder:"URL" env:"ROLLCALL_PUBLIC_URL" help:"The URL under which clients reach the server (http:// and the address listened on)."`
	Dev       bool   `env:"ROLLCALL_DEV" help:"Development mode: on loopback, with the well-known identities of the vendors' examples."`
	LogFormat string `enum:"auto,json,text" default:"auto" env:"ROLLCALL_LOG_FORMAT" help:"Log as json or text; auto is text on a terminal."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" env:"ROLLCALL_LOG_LEVEL" help:"Log from this level on: debug, info, warn, error."`
}

// Run serves until a signal asks it to stop. A second signal ends it at once.
func (c *serveCommand) Run(t *terminal) (err error) {
	if c.Database != "" {
		return usageError("--database is not offered yet: leave it out and keep the data in a directory with --data")
	}
	signalled, unhandle := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer unhandle()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	context.AfterFunc(signalled, func() {
		unhandle() // from here on a signal does what it does by default
		cancel()
	})
	log := c.logger(t.err)
	l, publicURL, err := c.listen(ctx)
	if err != nil {
		return err
	}
	defer l.Close() // where Serve did not get to it
	data, remove, err := c.data()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	d, err := directory.Open(ctx, directory.Config{Path: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := c.provision(ctx, d); err != nil {
		return err
	}
	s, err := mount(ctx, d, publicURL, log)
	if err != nil {
		return err
	}
	log.Info("ready", "url", publicURL, "listen", l.Addr().String(), "data", data)
	if err := c.announce(t, publicURL, l.Addr().String(), data); err != nil {
		return err
	}
	return s.Serve(ctx, l)
}

// mount returns the server of all doors on the directory.
func mount(ctx context.Context, d *directory.Directory, publicURL string, log *slog.Logger) (*server.Server, error) {
	a, err := auth.New(ctx, d, auth.Config{PublicURL: publicURL})
	if err != nil {
		return nil, err
	}
	return server.New(server.Config{Doors: doors(d, a, publicURL), Gate: a, Ready: d.Ready, Log: log})
}

func (c *serveCommand) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // one of the enum
	options := &slog.HandlerOptions{Level: level}
	f, isFile := w.(*os.File)
	if c.LogFormat == "text" || c.LogFormat == "auto" && isFile && isatty.IsTerminal(f.Fd()) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// listen opens the listener and returns with it the URL that clients are told.
func (c *serveCommand) listen(ctx context.Context) (net.Listener, string, error) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, "", usageError(fmt.Sprintf("--listen %s is not an address: give host:port", c.Listen))
	}
	at := c.Listen
	if c.Dev {
		loop, err := loopback(at)
		if err != nil {
			return nil, "", err
		}
		at = loop.String()
	}
	public, err := c.parsePublicURL()
	if err != nil {
		return nil, "", err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err != nil {
		return nil, "", fmt.Errorf("%w; is a server running there already? choose another address with --listen", err)
	}
	bound := l.Addr().(*net.TCPAddr)
	if !bound.IP.IsLoopback() && !reachedSafely(public) {
		l.Close()
		return nil, "", usageError(fmt.Sprintf("%s can be reached from other machines and rollcall speaks plain HTTP: put a TLS proxy before it and name it with --public-url https://..., or listen on 127.0.0.1", c.Listen))
	}
	if public == nil {
		if host == "" || net.ParseIP(host) != nil {
			host = bound.IP.String()
		}
		return l, "http://" + net.JoinHostPort(host, fmt.Sprint(bound.Port)), nil
	}
	return l, strings.TrimRight(public.String(), "/"), nil
}

// parsePublicURL returns nil if none is given.
func (c *serveCommand) parsePublicURL() (*url.URL, error) {
	if c.PublicURL == "" {
		return nil, nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, usageError(fmt.Sprintf("--public-url %q is not one: give https://host, with nothing after the path", c.PublicURL))
	}
	return u, nil
}

// reachedSafely reports whether clients come by TLS, or from this machine only (scim SEC-01).
func reachedSafely(public *url.URL) bool {
	if public == nil {
		return false
	}
	ip := net.ParseIP(public.Hostname())
	return public.Scheme == "https" || public.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// data returns the data directory and what removes it if it is a temporary one.
func (c *serveCommand) data() (path string, remove func() error, err error) {
	keep := func() error { return nil }
	switch {
	case c.Data != "":
		return c.Data, keep, nil
	case !c.Dev:
		return defaultData, keep, nil
	}
	path, err = os.MkdirTemp("", "rollcall-dev-")
	return path, func() error { return os.RemoveAll(path) }, err
}

// provision makes what must be there when the server starts: the first
// environment, or the identities of development mode.
func (c *serveCommand) provision(ctx context.Context, d *directory.Directory) error {
	if c.Dev {
		return provisionDev(ctx, d)
	}
	if err := refuseDevData(ctx, d); err != nil {
		return err
	}
	known, err := d.Environments(ctx)
	if err != nil || len(known) > 0 {
		return err
	}
	_, err = d.CreateEnvironment(ctx, directory.EnvironmentDraft{Name: defaultEnvironment})
	return err
}

// announce says that the server answers, and how to try it.
func (c *serveCommand) announce(t *terminal, publicURL, listen, data string) error {
	var examples []example
	if c.Dev {
		examples = devExamples(publicURL)
	}
	curl := make(map[string]string, len(examples))
	for _, e := range examples {
		curl[e.door] = e.command
	}
	return t.print(struct {
		URL    string            `json:"url"`
		Listen string            `json:"listen"`
		Data   string            `json:"data"`
		Curl   map[string]string `json:"curl,omitempty"`
	}{publicURL, listen, data, curl}, func(w io.Writer) {
		fmt.Fprintf(w, "# rollcall is ready: %s\n", publicURL)
		if !c.Dev {
			fmt.Fprintf(w, "# the data is in %s; make a client with: rollcall client create --data %s\n", data, data)
		}
		printExamples(w, examples)
	})
}

// unauthenticated reports whether err is that of a credential that is not known.
func unauthenticated(err error) bool {
	faults := scim.Faults(err)
	return len(faults) > 0 && faults[0].Rule == scim.RuleUnauthenticated
}
