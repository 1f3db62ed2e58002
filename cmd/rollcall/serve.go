package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/feed"
	"github.com/rollcall-directory/rollcall/internal/server"
)

const (
	defaultData        = "rollcall-data"
	defaultListen      = "127.0.0.1:8440"
	defaultEnvironment = "default" // the name of the one that the first start makes
)

type serveCommand struct {
	Data        string         `placeholder:"DIR" env:"ROLLCALL_DATA" help:"Keep the data in this directory (${data}; with --dev a temporary one)."`
	Database    string         `placeholder:"URL" env:"ROLLCALL_DATABASE" help:"Keep the data in this PostgreSQL database, as postgres://user:password@host/name. Several hosts are the nodes of a cluster. The password is better given in the environment."`
	Synchronous bool           `name:"require-synchronous" env:"ROLLCALL_REQUIRE_SYNCHRONOUS" help:"Be ready only while PostgreSQL keeps every write on a synchronous standby too."`
	Listen      string         `placeholder:"HOST:PORT" default:"${listen}" env:"ROLLCALL_LISTEN" help:"Listen on this address (${default})."`
	PublicURL   string         `name:"public-url" placeholder:"URL" env:"ROLLCALL_PUBLIC_URL" help:"The URL under which clients reach the server (http:// and the address listened on)."`
	Dev         bool           `env:"ROLLCALL_DEV" help:"Development mode: on loopback, with the well-known identities of the vendors' examples."`
	TLSCert     string         `name:"tls-cert" placeholder:"FILE" env:"ROLLCALL_TLS_CERT" help:"Speak TLS with the certificate chain in this PEM file; a new one is used without a restart."`
	TLSKey      string         `name:"tls-key" placeholder:"FILE" env:"ROLLCALL_TLS_KEY" help:"The key of the certificate, a PEM file."`
	Metrics     string         `name:"metrics-listen" placeholder:"HOST:PORT" env:"ROLLCALL_METRICS_LISTEN" help:"Answer GET /metrics for Prometheus on this address (nowhere). Whoever reaches it may read them."`
	Rate        int            `placeholder:"N" default:"10000" env:"ROLLCALL_RATE" help:"Let a client send so many requests a second and as many at once (${default}); 0 is no limit."`
	DoorRate    map[string]int `name:"door-rate" placeholder:"DOOR=N" mapsep:"," env:"ROLLCALL_DOOR_RATE" help:"Let all clients of a door together send so many requests a second, and one address 35 % of them, as pingone=100. Repeat for more."`
	Proxies     []string       `name:"trusted-proxy" placeholder:"ADDRESS" env:"ROLLCALL_TRUSTED_PROXY" help:"Believe the X-Forwarded-For of this proxy: an address or network as 10.0.0.0/8. Repeat for more."`
	Receivers   bool           `name:"private-receivers" env:"ROLLCALL_PRIVATE_RECEIVERS" help:"Send the events of streams also to private addresses, and by plain HTTP to this machine."`
	LogFormat   string         `enum:"auto,json,text" default:"auto" env:"ROLLCALL_LOG_FORMAT" help:"Log as json or text; auto is text on a terminal."`
	LogLevel    string         `enum:"debug,info,warn,error" default:"info" env:"ROLLCALL_LOG_LEVEL" help:"Log from this level on: debug, info, warn, error."`
	choiceFlags
	mailFlags
	passwordFlags
}

// AfterApply lets what the command line names win over the environment.
func (c *serveCommand) AfterApply(line *kong.Context) error {
	return oneStore(line, &c.Data, &c.Database)
}

// Run serves until a signal asks it to stop. A second signal ends it at once.
func (c *serveCommand) Run(t *terminal) (err error) {
	if c.Database != "" && c.Data != "" {
		return usageError("ROLLCALL_DATA and ROLLCALL_DATABASE are both set: the data can only be in one of them")
	}
	if c.Synchronous && c.Database == "" {
		return usageError("--require-synchronous needs a --database that has a standby")
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
	options, err := c.options(log)
	if err != nil {
		return err
	}
	chosen, err := c.dialects()
	if err != nil {
		return err
	}
	policy, err := c.policy()
	if err != nil {
		return err
	}
	post, err := c.sender(log)
	if err != nil {
		return err
	}
	if post != nil {
		defer func() { err = errors.Join(err, post.Close()) }()
	}
	l, publicURL, err := c.listen(ctx)
	if err != nil {
		return err
	}
	defer l.Close() // where Serve did not get to it
	metrics, err := c.listenMetrics(ctx)
	if err != nil {
		return err
	}
	if metrics != nil {
		defer metrics.Close()
	}
	data, remove, err := c.data()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	d, err := directory.Open(ctx, directory.Config{Path: data, Database: c.Database, Synchronous: c.Synchronous, Policy: policy})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Alone(ctx, "provision", func(ctx context.Context) error { return c.provision(ctx, d) }); err != nil {
		return err
	}
	f, err := c.feed(ctx, d, publicURL, log)
	if err != nil {
		return err
	}
	defer deliver(ctx, f)() // before the directory is closed
	if post != nil {
		chosen.p14e.Options.Mail = post
		defer remind(ctx, d, post, log)()
	}
	s, err := c.mount(ctx, d, f, publicURL, options, chosen)
	if err != nil {
		return err
	}
	at := announcement{URL: publicURL, Listen: l.Addr().String(), Data: data}
	if c.Database != "" {
		at.Data = d.Place()
	}
	if metrics != nil {
		at.Metrics = "http://" + metrics.Addr().String() + "/metrics"
	}
	log.Info("ready", "url", at.URL, "listen", at.Listen, "data", at.Data, "metrics", at.Metrics)
	if err := c.announce(t, at); err != nil {
		return err
	}
	return serveBoth(ctx, s, l, metrics)
}

// serveBoth answers on both listeners until ctx ends or one of them fails.
// There may be no metrics.
func serveBoth(ctx context.Context, s *server.Server, l, metrics net.Listener) error {
	if metrics == nil {
		return s.Serve(ctx, l)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		defer cancel()
		failed <- s.ServeMetrics(ctx, metrics)
	}()
	err := s.Serve(ctx, l)
	cancel()
	return errors.Join(err, <-failed)
}

// mount returns the server of all doors on the directory.
func (c *serveCommand) mount(ctx context.Context, d *directory.Directory, f *feed.Feed, publicURL string, options server.Config, chosen *dialects) (*server.Server, error) {
	a, err := auth.New(ctx, d, auth.Config{PublicURL: publicURL, Rate: float64(c.Rate), DoorRates: c.doorRates()})
	if err != nil {
		return nil, err
	}
	options.Doors, options.Gate, options.Ready, options.Load = doors(d, a, f, publicURL, chosen), a, d.Ready, d.Load
	options.Edition = (&editions{directory: d, publicURL: publicURL, server: *chosen}).of
	return server.New(options)
}

// leastRate is the floor that Microsoft names for a provisioning target (scim HTTP-19).
const leastRate = 25

// options returns what the flags say of the server.
func (c *serveCommand) options(log *slog.Logger) (server.Config, error) {
	cfg := server.Config{Log: log}
	if c.Rate != 0 && c.Rate < leastRate {
		return cfg, usageError(fmt.Sprintf("--rate %d would stop clients in their ordinary work: give at least %d, or 0 for no limit", c.Rate, leastRate))
	}
	for name, n := range c.DoorRate {
		if !slices.Contains(doorNames, name) || n < leastRate {
			return cfg, usageError(fmt.Sprintf("--door-rate %s=%d: give one of %s, and at least %d", name, n, strings.Join(doorNames, ", "), leastRate))
		}
	}
	for _, text := range c.Proxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return cfg, usageError(fmt.Sprintf("--trusted-proxy %s is neither an address nor a network: give one as 192.0.2.1 or 10.0.0.0/8", text))
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		cfg.Proxies = append(cfg.Proxies, p.Masked())
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return cfg, usageError("--tls-cert and --tls-key go together: give both or none")
	}
	if c.TLSCert == "" {
		return cfg, nil
	}
	var err error
	cfg.Certificate, err = server.LoadCertificate(c.TLSCert, c.TLSKey, log)
	return cfg, err
}

// doorRates returns the rates of doors as auth takes them.
func (c *serveCommand) doorRates() map[string]float64 {
	rates := map[string]float64{}
	for name, n := range c.DoorRate {
		rates[name] = float64(n)
	}
	return rates
}

// listenMetrics opens the listener of the metrics, nil if there is none.
func (c *serveCommand) listenMetrics(ctx context.Context) (net.Listener, error) {
	if c.Metrics == "" {
		return nil, nil
	}
	if _, _, err := net.SplitHostPort(c.Metrics); err != nil {
		return nil, usageError(fmt.Sprintf("--metrics-listen %s is not an address: give host:port", c.Metrics))
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Metrics)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another address with --metrics-listen", err)
	}
	return l, nil
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
	if c.TLSCert == "" && !bound.IP.IsLoopback() && !reachedSafely(public) {
		l.Close()
		return nil, "", usageError(fmt.Sprintf("%s can be reached from other machines and would be spoken to in plain HTTP: give --tls-cert and --tls-key, or put a TLS proxy before it and name it with --public-url https://..., or listen on 127.0.0.1", c.Listen))
	}
	if public == nil {
		if host == "" || net.ParseIP(host) != nil {
			host = bound.IP.String()
		}
		scheme := "http"
		if c.TLSCert != "" {
			scheme = "https"
		}
		return l, scheme + "://" + net.JoinHostPort(host, fmt.Sprint(bound.Port)), nil
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
	case c.Data != "", c.Database != "":
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

// An announcement says where the server answers.
type announcement struct {
	URL     string            `json:"url"`
	Listen  string            `json:"listen"`
	Data    string            `json:"data"`
	Metrics string            `json:"metrics,omitempty"` // URL
	Curl    map[string]string `json:"curl,omitempty"`    // commands that create a user, by door
}

// announce says that the server answers, and how to try it.
func (c *serveCommand) announce(t *terminal, at announcement) error {
	var examples []example
	if c.Dev {
		examples = devExamples(at.URL)
	}
	at.Curl = make(map[string]string, len(examples))
	for _, e := range examples {
		at.Curl[e.door] = e.command
	}
	return t.print(at, func(w io.Writer) {
		fmt.Fprintf(w, "# rollcall is ready: %s\n", at.URL)
		if !c.Dev {
			flag := "--data " + at.Data
			if c.Database != "" {
				flag = "--database ..."
			}
			fmt.Fprintf(w, "# the data is in %s; make a client with: rollcall client create %s\n", at.Data, flag)
		}
		if at.Metrics != "" {
			fmt.Fprintf(w, "# metrics: %s\n", at.Metrics)
		}
		printExamples(w, examples)
	})
}
