package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/server"
)

// A caller holds one connection open.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, address string) caller {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return caller{conn, bufio.NewReader(conn)}
}

// served reports whether a request on the connection is answered.
func (c caller) served(t *testing.T) bool {
	t.Helper()
	if _, err := io.WriteString(c.conn, "GET /test/ok HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return false
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == 200
}

func TestConnections(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for _, tt := range []struct {
		name    string
		limits  server.Limits
		proxies []netip.Prefix
		most    int
		reason  string
	}{
		{"in all", server.Limits{Connections: 5}, nil, 5, "connections"},
		{"from one address", server.Limits{Source: 4}, nil, 4, "source"},
		{"a proxy has as many as all", server.Limits{Source: 4, Connections: 6}, loopback, 6, "connections"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := mustNew(t, server.Config{Doors: []route.Door{door(get("/ok", ok))}, Limits: tt.limits, Proxies: tt.proxies})
			ask := scrape(t, s)
			address, _ := start(t, s)
			var open []caller
			for i := range tt.most {
				c := dial(t, address)
				if !c.served(t) {
					t.Fatalf("connection %d of %d is not served", i+1, tt.most)
				}
				open = append(open, c)
			}
			for range 3 {
				if dial(t, address).served(t) {
					t.Error("a connection over the limit is served")
				}
			}
			if _, text := ask("/metrics"); !strings.Contains(text, fmt.Sprintf(`rollcall_refused_total{reason=%q} 3`, tt.reason)) {
				t.Errorf("the refusals are not counted as %s", tt.reason)
			}
			for i, c := range open {
				if !c.served(t) {
					t.Errorf("connection %d is not served any more", i+1)
				}
			}
			// One that ends makes room: at once for the client, as soon as the server saw it.
			open[0].conn.Close()
			for deadline := time.Now().Add(10 * time.Second); !dial(t, address).served(t); {
				if time.Now().After(deadline) {
					t.Fatal("a closed connection makes no room")
				}
			}
		})
	}
}

// TestRemote: behind a proxy of ours, and only there, who asks stands in a header.
func TestRemote(t *testing.T) {
	var seen string
	d := door(get("/ok", func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
		seen = r.RemoteAddr
		return ok(w, r, c)
	}))
	s, log := mustNew(t, server.Config{Doors: []route.Door{d}, Proxies: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}})
	for _, tt := range []struct {
		name, from string
		header     []string
		want       string
	}{
		{"no proxy", "192.0.2.1:99", nil, "192.0.2.1:99"},
		{"anybody's claim", "192.0.2.1:99", []string{"203.0.113.9"}, "192.0.2.1:99"},
		{"a proxy", "10.0.0.1:99", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a proxy that says nothing", "10.0.0.1:99", nil, "10.0.0.1:99"},
		{"a claim before the proxy", "10.0.0.1:99", []string{"198.51.100.7, 203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.0.0.1:99", []string{"198.51.100.7, 203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
		{"with ports", "10.0.0.1:99", []string{"203.0.113.9:1234"}, "203.0.113.9"},
		{"IPv6", "[2001:db8:1::1]:99", []string{"2001:db8:2::2"}, "2001:db8:2::2"},
		{"IPv4 as IPv6", "[::ffff:10.0.0.1]:99", []string{"203.0.113.9"}, "203.0.113.9"},
		{"nonsense from the proxy", "10.0.0.1:99", []string{"198.51.100.7, canary"}, "10.0.0.1:99"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/test/ok", nil)
			r.RemoteAddr = tt.from
			r.Header["X-Forwarded-For"] = tt.header
			s.ServeHTTP(httptest.NewRecorder(), r)
			if seen != tt.want || log.last(t, "request")["remote"] != tt.want {
				t.Errorf("the handler saw %s, the log has %v, want %s", seen, log.last(t, "request")["remote"], tt.want)
			}
		})
	}
}

// TestSlowRoute: a route that may take longer than others may also write its answer later than others.
func TestSlowRoute(t *testing.T) {
	wait := func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
		<-r.Context().Done()
		return ok(w, r, c)
	}
	slow, quick := get("/slow", wait), get("/quick", wait)
	slow.Timeout = 100 * time.Millisecond
	s, _ := mustNew(t, server.Config{Doors: []route.Door{door(slow, quick)}, Limits: server.Limits{Handle: 100 * time.Millisecond, Write: 50 * time.Millisecond}})
	address, _ := start(t, s)
	for path, want := range map[string]bool{"/test/slow": true, "/test/quick": false} {
		res, err := http.Get("http://" + address + path)
		if (err == nil) != want {
			t.Errorf("%s: error %v", path, err)
		}
		if err == nil {
			res.Body.Close()
		}
	}
}
