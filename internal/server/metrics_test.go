package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/server"
)

// scrape serves the metrics on a listener of their own and returns what a
// request for the path is answered with.
func scrape(t *testing.T, s *server.Server) func(path string) (int, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.ServeMetrics(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("ServeMetrics: %v", err)
		}
	})
	return func(path string) (int, string) {
		res, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
}

func TestMetrics(t *testing.T) {
	lenient := func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
		c.Trace.Fire("op-case")
		c.Trace.Fire("media-type")
		c.Trace.Fire("op-case")
		return ok(w, r, c)
	}
	fails := func(rule scim.Rule) route.Handler {
		return func(http.ResponseWriter, *http.Request, directory.Caller) error { return &scim.Error{Rule: rule} }
	}
	d := door(get("/ok/{id}", lenient), get("/rate", fails(scim.RuleRate)), get("/busy", fails(scim.RuleBusy)),
		get("/panic", func(http.ResponseWriter, *http.Request, directory.Caller) error { panic("boom") }))
	word := d.Error
	d.Error = func(w http.ResponseWriter, r *http.Request, err error) {
		status := map[scim.Rule]int{scim.RuleRate: 429, scim.RuleBusy: 503}
		if faults := scim.Faults(err); faults != nil && status[faults[0].Rule] != 0 {
			w.WriteHeader(status[faults[0].Rule])
			return
		}
		word(w, r, err)
	}
	load := directory.Load{WritesWaiting: 3, Writes: 50, Commits: 7, HashesRunning: 1, HashesWaiting: 2}
	s, log := mustNew(t, server.Config{Doors: []route.Door{d}, Load: func() directory.Load { return load }})
	ask := scrape(t, s)
	for _, request := range []string{"GET /test/ok/1", "GET /test/ok/2", "HEAD /test/ok/3", "BREW /test/ok/4", "GET /test/rate", "GET /test/busy",
		"GET /test/panic", "GET /test/nothing", "GET /nothing", "GET /livez"} {
		method, path, _ := strings.Cut(request, " ")
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}

	status, text := ask("/metrics")
	if status != 200 {
		t.Fatalf("status %d: %s", status, text)
	}
	for _, want := range []string{
		`rollcall_requests_total{door="test",method="GET",route="/test/ok/{id}",status="200"} 2`,
		`rollcall_requests_total{door="test",method="HEAD",route="/test/ok/{id}",status="200"} 1`,
		fmt.Sprintf(`rollcall_requests_total{door="test",method="other",route="",status="%d"} 1`, 400+int(scim.RuleMethod)),
		`rollcall_requests_total{door="test",method="GET",route="/test/panic",status="500"} 1`,
		`rollcall_requests_total{door="",method="GET",route="",status="404"} 1`,
		`rollcall_requests_total{door="health",method="GET",route="/livez",status="200"} 1`,
		`rollcall_request_seconds_count{door="test",route="/test/ok/{id}"} 3`,
		`rollcall_request_seconds_bucket{door="test",route="/test/ok/{id}",le="+Inf"} 3`,
		`scim_tolerance_total{client="c1",rewrite="op-case"} 3`,
		`scim_tolerance_total{client="c1",rewrite="media-type"} 3`,
		`rollcall_refused_total{reason="rate"} 1`,
		`rollcall_refused_total{reason="busy"} 1`,
		`rollcall_refused_total{reason="connections"} 0`,
		`rollcall_refused_total{reason="source"} 0`,
		`rollcall_writes_waiting 3`, `rollcall_writes_total 50`, `rollcall_commits_total 7`, `rollcall_hashes_running 1`, `rollcall_hashes_waiting 2`,
		`go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no line %s", want)
		}
	}
	for _, path := range []string{"/", "/livez", "/debug/pprof/"} {
		if status, _ := ask(path); status != 404 {
			t.Errorf("%s: status %d", path, status)
		}
	}
	if w := httptest.NewRecorder(); true {
		if s.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil)); w.Code != 404 {
			t.Errorf("the doors' listener answers /metrics with %d", w.Code)
		}
	}
	t.Run("the access log names what was put right", func(t *testing.T) {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/test/ok/1", nil))
		if got, _ := log.last(t, "request")["rewrites"].([]any); len(got) != 2 || got[0] != "op-case" || got[1] != "media-type" {
			t.Errorf("rewrites %v", got)
		}
	})
}
