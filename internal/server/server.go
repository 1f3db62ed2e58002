// Package server mounts the doors on one listener and does once what all of
// them need: limits, request ids, the access log, health, an answer for every
// panic, start and stop. It knows no dialect: errors are worded by the door
// that a request belongs to. cmd/rollcall wires and runs it.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

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
	// Connections is how many may be open, Source how many of them from one
	// address (of IPv6, from one /64), proxies aside. Those beyond are closed at once.
	Connections int
	Source      int
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

		Connections: 10_000,
		Source:      256,
	}
}

// orDefault returns the limits with those that are zero set.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, t := range []struct{ value, fallback *time.Duration }{
		{&l.ReadHeader, &d.ReadHeader}, {&l.Read, &d.Read}, {&l.Handle, &d.Handle},
		{&l.Write, &d.Write}, {&l.Idle, &d.Idle}, {&l.Stop, &d.Stop},
	} {
		*t.value = cmp.Or(*t.value, *t.fallback)
	}
	l.Header, l.URL = cmp.Or(l.Header, d.Header), cmp.Or(l.URL, d.URL)
	l.Connections, l.Source = cmp.Or(l.Connections, d.Connections), cmp.Or(l.Source, d.Source)
	return l
}

// Config is what New needs to know.
type Config struct {
	Doors []route.Door
	Gate  route.Gate
	// Edition returns the doors that a caller has otherwise, see [route.Mux]; nil for none.
	Edition func(directory.Caller) *route.Mux
	// Ready says whether the server can serve, and what is kept of a write that
	// is acknowledged; nil says always.
	Ready func(context.Context) (durability string, err error)
	// Load says how busy the directory is, for the metrics; nil leaves it out.
	Load func() directory.Load
	// Log takes the access log and faults of the server; nil drops them.
	Log    *slog.Logger
	Limits Limits
	// Proxies are the addresses of those whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Certificate, if there is one, makes Serve speak TLS.
	Certificate *Certificate
}

// A Server is the doors on one listener.
type Server struct {
	mux         *route.Mux
	ready       func(context.Context) (durability string, err error)
	log         *slog.Logger
	limits      Limits
	proxies     []netip.Prefix
	certificate *Certificate
	metrics     *metrics
	secretive   []string // prefixes of the doors whose paths hold tokens
	stopping    atomic.Bool
}

// New returns a server of the doors and of its own paths /livez, /readyz and
// /healthz. Errors: those of route.New.
func New(cfg Config) (*Server, error) {
	s := &Server{ready: cfg.Ready, log: cfg.Log, limits: cfg.Limits.orDefault(), proxies: cfg.Proxies,
		certificate: cfg.Certificate, metrics: newMetrics(cfg.Load)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.ready == nil {
		s.ready = func(context.Context) (string, error) { return "", nil }
	}
	mux, err := route.New(append(s.health(), cfg.Doors...), cfg.Gate)
	if err != nil {
		return nil, err
	}
	mux.Timeout, mux.Edition = s.limits.Handle, cfg.Edition
	s.mux = mux
	for _, d := range mux.Doors() {
		if slices.ContainsFunc(d.Routes, func(rt route.Route) bool { return strings.Contains(rt.Path, "{token}") }) {
			s.secretive = append(s.secretive, d.Prefix)
		}
	}
	return s, nil
}

// Doors returns the table of everything that is served.
func (s *Server) Doors() []route.Door { return s.mux.Doors() }

// ServeHTTP implements http.Handler: one request, from its id to its line in the log.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	id := uuid.NewString()
	r = r.WithContext(route.WithRequestID(r.Context(), id))
	r.RemoteAddr = s.client(r)
	out := &answer{ResponseWriter: w}
	out.common(r, id)
	var served route.Served
	defer func() {
		if fault := recover(); fault != nil {
			s.panicked(out, r, fault)
			served.Err = errors.New("panic: " + broken(fault))
		}
		took := time.Since(begin)
		s.record(r, id, out, served, took)
		s.metrics.count(r, out.status, served, took)
		if out.cut {
			panic(http.ErrAbortHandler) // the client must not take half an answer for a whole one
		}
	}()
	if len(r.RequestURI) > s.limits.URL {
		served.Err = &scim.Error{Rule: scim.RuleLongURL, Allowed: []string{strconv.Itoa(s.limits.URL)}}
		s.mux.Error(out, r, served.Err)
		return
	}
	s.mux.Serve(out, r, &served)
}

// broken says what a handler panicked with: in words where they are ours or the
// runtime's, as others may hold what the client sent.
func broken(fault any) string {
	switch fault := fault.(type) {
	case runtime.Error:
		return fault.Error()
	case string:
		return fault
	}
	return fmt.Sprintf("a value of type %T", fault)
}

// panicked answers for a handler that broke down, unless it had begun to answer.
func (s *Server) panicked(out *answer, r *http.Request, fault any) {
	id := route.RequestID(r.Context())
	s.log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("id", id),
		slog.String("fault", broken(fault)), slog.String("stack", string(debug.Stack())))
	if out.status != 0 {
		out.cut = true
		return
	}
	clear(out.Header())
	out.common(r, id)
	s.mux.Error(out, r, errors.New("panic"))
}

// An answer counts what is sent.
type answer struct {
	http.ResponseWriter
	status int // 0: nothing is sent yet
	bytes  int64
	cut    bool // what was sent is not whole
}

// common sets the headers of every answer.
func (a *answer) common(r *http.Request, id string) {
	h := a.Header()
	h.Set("X-Request-ID", id)
	h.Set("X-Content-Type-Options", "nosniff")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
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
