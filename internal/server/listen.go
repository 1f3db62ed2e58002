package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Serve answers requests from the listener until ctx ends. Then it accepts no
// more, finishes the requests that run within Limits.Stop, and returns nil; a
// request that needs longer is cut, and the error says so. The listener is
// closed in any case.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{Handler: s}
	if s.certificate != nil {
		h.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate.get}
	}
	return s.run(ctx, &limited{Listener: l, server: s, from: map[netip.Addr]int{}}, h, func() {
		s.stopping.Store(true)
		s.log.Info("stopping")
	})
}

// run serves h until ctx ends, as Serve says, and calls stopping then.
func (s *Server) run(ctx context.Context, l net.Listener, h *http.Server, stopping func()) error {
	h.ReadHeaderTimeout, h.ReadTimeout = s.limits.ReadHeader, s.limits.Read
	h.WriteTimeout, h.IdleTimeout = s.limits.Write, s.limits.Idle
	h.MaxHeaderBytes = s.limits.Header
	h.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	failed := make(chan error, 1)
	go func() {
		if h.TLSConfig != nil {
			failed <- h.ServeTLS(l, "", "")
		} else {
			failed <- h.Serve(l)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stopping()
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

// A limited listener closes the connections that are more than may be open.
type limited struct {
	net.Listener
	server *Server

	mu   sync.Mutex
	open int
	from map[netip.Addr]int // by source; none is 0
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := address(c.RemoteAddr().String())
		if reason := l.enter(from); reason != "" {
			l.server.metrics.refused.WithLabelValues(reason).Inc()
			_ = c.Close()
			continue
		}
		return &connection{Conn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
	}
}

// enter counts a connection in, or says why it may not be.
func (l *limited) enter(from netip.Addr) (refused string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.open >= l.server.limits.Connections:
		return refusedConnections
	case l.from[source(from)] >= l.server.limits.Source && !l.server.trusts(from):
		return refusedSource
	}
	l.open++
	l.from[source(from)]++
	return ""
}

func (l *limited) leave(from netip.Addr) {
	from = source(from)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.from[from]--; l.from[from] == 0 {
		delete(l.from, from)
	}
}

// A connection is counted out when it is closed.
type connection struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *connection) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// source returns what connections from the address are counted by.
func source(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	p, _ := a.Prefix(64)
	return p.Addr()
}

// address returns the IP address of host:port; the zero Addr where there is none.
func address(hostPort string) netip.Addr {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	a, _ := netip.ParseAddr(strings.TrimSpace(host))
	return a.Unmap().WithZone("")
}

// trusts reports whether the address is that of a proxy of ours.
func (s *Server) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// client returns the address that the request comes from as host:port or host:
// that of the connection or, behind proxies of ours, what the first of them saw.
// What stands before that in the header is anybody's claim.
func (s *Server) client(r *http.Request) string {
	at := r.RemoteAddr
	if !s.trusts(address(at)) {
		return at
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		a := address(hop)
		if !a.IsValid() {
			break
		}
		if at = a.String(); !s.trusts(a) {
			break
		}
	}
	return at
}
