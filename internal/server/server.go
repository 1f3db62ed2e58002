// Package server mounts the doors on one listener and does once what all of
// them need: limits, request ids, the access log, health, an answer for every
// panic, start and stop. It knows no dialect: errors are worded by the door
// that a request belongs to. cmd/rollcall wires and runs it.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// Limits bound what one request may take. A zero field is that of DefaultLimits.
type Limits struct {
	ReadHeader time.Duration // until the header is there
	Read       time.Duration // until the body is there too
	Handle     time.Duration // for the handler, by its context
	Write      time.Duration // until the answer is taken
	Idle       time.Duration // between two requests of a connection
	Stop       time.Duration // for running requests when the server stops
	Header     int           // bytes of the header; net/http adds 4 KiB of slack
	URL        int           // bytes of the request target
}

// DefaultLimits returns the limits of a server that is not told otherwise.
func DefaultLimits() Limits {
	return Limits{
		ReadHeader: 5 * time.Second,
		Read:       30 * time.Second,
		Handle:     10 * time.Second,
		Write:      60 * time.Second,
		Idle:       120 * time.Second,
		Stop:       10 * time.Second,
		Header:     16 << 10,
		URL:        8 << 10,
	}
}

// orDefault returns the limits with those that are zero set.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, t := range []struct{ value, fallback *time.Duration }{
		{&l.ReadHeader, &d.ReadHeader}, {&l.Read, &d.Read}, {&l.Handle, &d.Handle},
		{&l.Write, &d.Write}, {&l.Idle, &d.Idle}, {&l.Stop, &d.Stop},
	} {
		if *t.value == 0 {
			*t.value = *t.fallback
		}
	}
	if l.Header == 0 {
		l.Header = d.Header
	}
	if l.URL == 0 {
		l.URL = d.URL
	}
	return l
}

// Config is what New needs to know.
type Config struct {
	Doors []route.Door
	Gate  route.Gate
	// Ready says whether the server can serve; nil says always.
	Ready func(context.Context) error
	// Log takes the access log and faults of the server; nil drops them.
	Log    *slog.Logger
	Limits Limits
}

// A Server is the doors on one listener.
type Server struct {
	mux      *route.Mux
	ready    func(context.Context) error
	log      *slog.Logger
	limits   Limits
	stopping atomic.Bool
}

// New returns a server of the doors and of its own paths /livez, /readyz and
// /healthz. Errors: those of route.New.
func New(cfg Config) (*Server, error) {
	s := &Server{ready: cfg.Ready, log: cfg.Log, limits: cfg.Limits.orDefault()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.ready == nil {
		s.ready = func(context.Context) error { return nil }
	}
	mux, err := route.New(append(s.health(), cfg.Doors...), cfg.Gate)
	if err != nil {
		return nil, err
	}
	s.mux = mux
	return s, nil
}

// Doors returns the table of everything that is served.
func (s *Server) Doors() []route.Door { return s.mux.Doors() }

// ServeHTTP implements http.Handler: one request, from its id to its line in the log.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	id := uuid.NewString()
	ctx, cancel := context.WithTimeout(route.WithRequestID(r.Context(), id), s.limits.Handle)
	defer cancel()
	r = r.WithContext(ctx)
	out := &answer{ResponseWriter: w}
	out.common(id)
	var served route.Served
	defer func() {
		if fault := recover(); fault != nil {
			s.panicked(out, r, fault)
			served.Err = fmt.Errorf("panic: %v", fault)
		}
		s.record(r, id, out, served, time.Since(begin))
		if out.cut {
			panic(http.ErrAbortHandler) // the client must not take half an answer for a whole one
		}
	}()
	if len(r.RequestURI) > s.limits.URL {
		plain(out, http.StatusRequestURITooLong, "the URL is too long")
		return
	}
	served = s.mux.Serve(out, r)
}

// panicked answers for a handler that broke down, unless it had begun to answer.
func (s *Server) panicked(out *answer, r *http.Request, fault any) {
	id := route.RequestID(r.Context())
	s.log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("id", id),
		slog.String("fault", fmt.Sprint(fault)), slog.String("stack", string(debug.Stack())))
	if out.status != 0 {
		out.cut = true
		return
	}
	clear(out.Header())
	out.common(id)
	s.mux.Error(out, r, errors.New("panic"))
}

// record writes the line of the access log: nothing of the query, the body or
// a credential; of a filter its shape (scim SEC-11). What went wrong is told by the numbers of the rules, as their
// words may hold what the client sent; only a fault of the server is told in words.
func (s *Server) record(r *http.Request, id string, out *answer, served route.Served, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case out.status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case out.status >= 500:
		level = slog.LevelError
	case served.Door == healthDoor:
		level = slog.LevelDebug
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("id", id),
		slog.String("method", r.Method),
		slog.String("path", r.URL.EscapedPath()),
		slog.Int("status", out.status),
		slog.Int64("bytes", out.bytes),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("remote", r.RemoteAddr),
	}
	for _, a := range []slog.Attr{
		slog.String("door", served.Door), slog.String("route", served.Route),
		slog.String("client", served.Caller.Client), slog.String("environment", served.Caller.Environment),
		slog.String("client_request_id", foreignID(r.Header)),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	for _, a := range []slog.Attr{slog.Any("rewrites", served.Caller.Trace.Fired()), slog.Any("filters", served.Caller.Trace.Filters())} {
		if texts := a.Value.Any().([]string); len(texts) > 0 {
			attrs = append(attrs, a)
		}
	}
	if faults := scim.Faults(served.Err); faults != nil {
		rules := make([]int, len(faults))
		for i, f := range faults {
			rules[i] = int(f.Rule)
		}
		attrs = append(attrs, slog.Any("rules", rules))
	}
	if served.Err != nil && out.status >= 500 {
		attrs = append(attrs, slog.String("error", served.Err.Error()))
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// foreignID returns the id that the client gave to its request, made harmless
// as pingone A13 says. It is data for the log and nothing else.
func foreignID(h http.Header) string {
	for _, name := range []string{
		"X-Request-ID", "X-Correlation-ID", "X-Ping-External-Transaction-ID",
		"Ping-External-Transaction-ID", "X-ForgeRock-TransactionId",
	} {
		if value := h.Get(name); value != "" {
			return harmless(value)
		}
	}
	return ""
}

func harmless(text string) string {
	const most = 100 // characters
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > most {
			break
		}
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune("._-/@=#+", r) {
			r = '_'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// An answer counts what is sent.
type answer struct {
	http.ResponseWriter
	status int // 0: nothing is sent yet
	bytes  int64
	cut    bool // what was sent is not whole
}

// common sets the headers of every answer.
func (a *answer) common(id string) {
	a.Header().Set("X-Request-ID", id)
	a.Header().Set("X-Content-Type-Options", "nosniff")
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// plain answers where no door has the word.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "{\"error\":%q}\n", text)
}

// Serve answers requests from the listener until ctx ends. Then it accepts no
// more, finishes the requests that run within Limits.Stop, and returns nil; a
// request that needs longer is cut, and the error says so. The listener is
// closed in any case.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.limits.ReadHeader,
		ReadTimeout:       s.limits.Read,
		WriteTimeout:      s.limits.Write,
		IdleTimeout:       s.limits.Idle,
		MaxHeaderBytes:    s.limits.Header,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.log.Info("stopping")
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Stop)
	defer cancel()
	err := h.Shutdown(stop)
	<-failed
	if err != nil {
		_ = h.Close()
		return fmt.Errorf("requests still ran after %s and were cut: %w", s.limits.Stop, err)
	}
	return nil
}

// healthDoor is the name of the paths that say how the server is.
const healthDoor = "health"

// health returns the doors /livez, /readyz and /healthz. Nobody is asked for a
// credential, and so the answers carry no detail; that is in the log.
func (s *Server) health() []route.Door {
	at := func(prefix string, check func(context.Context) error) route.Door {
		handle := func(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
			status, text := http.StatusOK, "ok"
			if err := check(r.Context()); err != nil {
				s.log.LogAttrs(r.Context(), slog.LevelWarn, "not ready", slog.String("error", err.Error()))
				status, text = http.StatusServiceUnavailable, "unavailable"
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(status)
			_, err := io.WriteString(w, text+"\n")
			return err
		}
		return route.Door{Name: healthDoor, Prefix: prefix, Error: healthError, Routes: []route.Route{
			{Method: http.MethodGet, Permission: directory.Public, Handle: handle},
		}}
	}
	live := func(context.Context) error { return nil }
	ready := func(ctx context.Context) error {
		if s.stopping.Load() {
			return errors.New("the server is stopping")
		}
		return s.ready(ctx)
	}
	return []route.Door{at("/livez", live), at("/readyz", ready), at("/healthz", ready)}
}

func healthError(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusInternalServerError
	if faults := scim.Faults(err); faults != nil {
		switch faults[0].Rule {
		case scim.RuleMethod:
			status = http.StatusMethodNotAllowed
		case scim.RuleNoEndpoint:
			status = http.StatusNotFound
		default:
			status = http.StatusBadRequest
		}
	}
	plain(w, status, http.StatusText(status))
}
