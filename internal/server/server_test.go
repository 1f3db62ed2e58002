package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/server"
)

// open is a gate that lets everybody in.
type open struct{}

func (open) Authenticate(*http.Request, *route.Door) (directory.Caller, error) {
	return directory.Caller{Client: "c1", Environment: "e1"}, nil
}
func (open) Anonymous(*http.Request) error { return nil }
func (open) Authorise(_ context.Context, c directory.Caller, _ directory.Scope, _ directory.Permission) (directory.Caller, error) {
	return c, nil
}

// door is one that has the routes and words errors as "rule N" or "fault ID".
func door(routes ...route.Route) route.Door {
	return route.Door{
		Name: "test", Prefix: "/test", Schemes: []string{"Bearer"}, Routes: routes,
		Error: func(w http.ResponseWriter, r *http.Request, err error) {
			if faults := scim.Faults(err); faults != nil {
				w.WriteHeader(400 + int(faults[0].Rule))
				return
			}
			w.WriteHeader(500)
			fmt.Fprintf(w, "fault %s", route.RequestID(r.Context()))
		},
	}
}

func get(path string, h route.Handler) route.Route {
	return route.Route{Method: "GET", Path: path, Permission: directory.ReadDirectory, Handle: h}
}

func ok(w http.ResponseWriter, _ *http.Request, _ directory.Caller) error {
	_, err := io.WriteString(w, "ok")
	return err
}

// a log keeps the lines of a slog JSON handler.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// last returns the last line about msg.
func (l *lines) last(t *testing.T, msg string) map[string]any {
	t.Helper()
	var found map[string]any
	for line := range strings.Lines(l.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("the log has a line %q: %v", line, err)
		}
		if m["msg"] == msg {
			found = m
		}
	}
	return found
}

func mustNew(t *testing.T, cfg server.Config) (*server.Server, *lines) {
	t.Helper()
	var log lines
	cfg.Gate = open{}
	cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func TestServeHTTP(t *testing.T) {
	var inside string
	s, log := mustNew(t, server.Config{Doors: []route.Door{door(
		get("/ok/{id}", func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
			inside = c.RequestID
			return ok(w, r, c)
		}),
		get("/fault", func(w http.ResponseWriter, _ *http.Request, _ directory.Caller) error {
			return errors.New("disk on fire")
		}),
		get("/panic", func(w http.ResponseWriter, _ *http.Request, _ directory.Caller) error {
			w.Header().Set("Location", "nowhere")
			panic("boom")
		}),
	)}})
	do := func(target string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", target, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}

	t.Run("every answer has a request id, in the log and for the audit too", func(t *testing.T) {
		for _, target := range []string{"/test/ok/1", "/test/nothing", "/test/fault", "/test/panic", "/nothing", "/livez", "/" + strings.Repeat("a", 8<<10)} {
			w := do(target)
			id := w.Header().Get("X-Request-ID")
			if !uuid.MatchString(id) {
				t.Errorf("%.20s: X-Request-ID is %q", target, id)
			}
			if line := log.last(t, "request"); target != "/livez" && line["id"] != id {
				t.Errorf("%.20s: the log has id %v, the answer %s", target, line["id"], id)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%.20s: no nosniff", target)
			}
			if w.Code == 500 && w.Body.String() != "fault "+id {
				t.Errorf("%.20s: the door had another id: %s", target, w.Body)
			}
		}
		w := do("/test/ok/1")
		if id := w.Header().Get("X-Request-ID"); inside != id {
			t.Errorf("the caller has the id %q, the answer %q", inside, id)
		}
	})

	t.Run("the client's own id is data for the log", func(t *testing.T) {
		for _, name := range []string{"X-Request-ID", "X-Correlation-ID", "Ping-External-Transaction-ID", "X-Ping-External-Transaction-ID", "X-ForgeRock-TransactionId"} {
			w := do("/test/ok/1", name, "a1 \"b\"\x01é-"+strings.Repeat("x", 200))
			if got, want := log.last(t, "request")["client_request_id"], "a1__b__é-"+strings.Repeat("x", 91); got != want {
				t.Errorf("%s: got %v, want %s", name, got, want)
			}
			if !uuid.MatchString(w.Header().Get("X-Request-ID")) {
				t.Errorf("%s: the answer has the client's id", name)
			}
		}
	})

	t.Run("the log has no query, no body, no secret", func(t *testing.T) {
		do("/test/ok/1?filter=userName+eq+%22canary%22&canary", "Authorization", "Bearer canary", "Cookie", "canary", "User-Agent", "canary")
		if strings.Contains(log.String(), "canary") {
			t.Errorf("the log tells: %v", log.last(t, "request"))
		}
		line := log.last(t, "request")
		for name, want := range map[string]any{
			"method": "GET", "path": "/test/ok/1", "route": "/test/ok/{id}", "door": "test", "status": 200.0, "bytes": 2.0, "client": "c1", "environment": "e1",
		} {
			if line[name] != want {
				t.Errorf("the log has %s %v, want %v", name, line[name], want)
			}
		}
	})

	t.Run("the log has no token of a link", func(t *testing.T) {
		s, log := mustNew(t, server.Config{Doors: []route.Door{door(get("/confirm/{token}", ok))}})
		for path, want := range map[string]string{"/test/confirm/canary": "/test/confirm/{token}", "/test/confirm/canary/more": "/test"} {
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
			if line := log.last(t, "request"); line["path"] != want || strings.Contains(log.String(), "canary") {
				t.Errorf("the log tells: %v", line)
			}
		}
	})

	t.Run("a fault is logged and answered without its words", func(t *testing.T) {
		w := do("/test/fault")
		if w.Code != 500 || strings.Contains(w.Body.String(), "disk") {
			t.Errorf("answer %d %s", w.Code, w.Body)
		}
		if line := log.last(t, "request"); line["error"] != "disk on fire" || line["level"] != "ERROR" {
			t.Errorf("log: %v", line)
		}
	})

	t.Run("a panic is a plain 500 of the door", func(t *testing.T) {
		w := do("/test/panic")
		if w.Code != 500 || !strings.HasPrefix(w.Body.String(), "fault ") || w.Header().Get("Location") != "" {
			t.Errorf("answer %d %s %v", w.Code, w.Body, w.Header())
		}
		line := log.last(t, "panic")
		if line["fault"] != "boom" || !strings.Contains(fmt.Sprint(line["stack"]), "server_test.go") {
			t.Errorf("log: %v", line)
		}
	})

	t.Run("a URL at the limit and over it", func(t *testing.T) {
		if w := do("/test/ok/" + strings.Repeat("a", 8<<10-len("/test/ok/"))); w.Code != 200 {
			t.Errorf("at the limit: %d", w.Code)
		}
		if w := do("/test/ok/" + strings.Repeat("a", 8<<10-len("/test/ok/")+1)); w.Code != 400+int(scim.RuleLongURL) {
			t.Errorf("over it: %d", w.Code)
		}
	})
}

func TestHealth(t *testing.T) {
	var broken error
	s, _ := mustNew(t, server.Config{Ready: func(context.Context) (string, error) { return "disk", broken }})
	code := func(method, path string) string {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return fmt.Sprintf("%d %s", w.Code, strings.TrimSpace(w.Body.String()))
	}
	for path, want := range map[string]string{"/livez": "200 ok", "/readyz": "200 ok\ndurability: disk", "/healthz": "200 ok\ndurability: disk", "/readyz/more": `404 {"error":"Not Found"}`} {
		if got := code("GET", path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	if got, want := code("POST", "/readyz"), `405 {"error":"Method Not Allowed"}`; got != want {
		t.Errorf("POST: got %s, want %s", got, want)
	}
	broken = errors.New("the disk is full")
	for path, want := range map[string]string{"/livez": "200 ok", "/readyz": "503 unavailable", "/healthz": "503 unavailable"} {
		if got := code("GET", path); got != want {
			t.Errorf("%s, not ready: got %s, want %s", path, got, want)
		}
	}
}

// start serves until the test ends and returns the address and what stops it.
func start(t *testing.T, s *server.Server) (address string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	return l.Addr().String(), stop
}

func TestStop(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	wait := get("/wait", func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
		entered <- true
		<-leave
		return ok(w, r, c)
	})

	t.Run("a running request is finished, a new one is not taken", func(t *testing.T) {
		s, _ := mustNew(t, server.Config{Doors: []route.Door{door(wait)}})
		address, stop := start(t, s)
		answer := make(chan string, 1)
		go func() {
			res, err := http.Get("http://" + address + "/test/wait")
			if err != nil {
				answer <- err.Error()
				return
			}
			defer res.Body.Close()
			b, _ := io.ReadAll(res.Body)
			answer <- res.Status + " " + string(b)
		}()
		<-entered
		stopped := make(chan error, 1)
		go func() { stopped <- stop() }()
		for { // until the listener is closed
			conn, err := net.Dial("tcp", address)
			if err != nil {
				break
			}
			conn.Close()
		}
		select {
		case err := <-stopped:
			t.Fatalf("stopped while a request ran: %v", err)
		default:
		}
		leave <- true
		if got := <-answer; got != "200 OK ok" {
			t.Errorf("the running request got %s", got)
		}
		if err := <-stopped; err != nil {
			t.Errorf("stop: %v", err)
		}
	})

	t.Run("a request that does not end is cut and told", func(t *testing.T) {
		s, _ := mustNew(t, server.Config{Doors: []route.Door{door(wait)}, Limits: server.Limits{Stop: 20 * time.Millisecond}})
		address, stop := start(t, s)
		got := make(chan error, 1)
		go func() {
			_, err := http.Get("http://" + address + "/test/wait")
			got <- err
		}()
		<-entered
		if err := stop(); err == nil || !strings.Contains(err.Error(), "cut") {
			t.Errorf("stop: %v", err)
		}
		if err := <-got; err == nil {
			t.Error("the cut request got an answer")
		}
		leave <- true
	})
}

func TestDeadline(t *testing.T) {
	s, log := mustNew(t, server.Config{Limits: server.Limits{Handle: time.Millisecond}, Doors: []route.Door{door(
		get("/slow", func(_ http.ResponseWriter, r *http.Request, _ directory.Caller) error {
			<-r.Context().Done()
			return fmt.Errorf("wait: %w", r.Context().Err())
		}),
	)}})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/test/slow", nil))
	if want := 400 + int(scim.RuleBusy); w.Code != want {
		t.Errorf("status %d, want RuleBusy", w.Code)
	}
	if log.last(t, "request") == nil {
		t.Error("not logged")
	}
}

// TestWire sends what net/http's client would not.
func TestWire(t *testing.T) {
	s, _ := mustNew(t, server.Config{Doors: []route.Door{door(
		get("/ok", ok),
		get("/half", func(w http.ResponseWriter, _ *http.Request, _ directory.Caller) error {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			panic("boom")
		}),
		route.Route{Method: "POST", Path: "/read", Permission: directory.ReadDirectory, Handle: func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return err
			}
			return ok(w, r, c)
		}},
	)}, Limits: server.Limits{ReadHeader: 50 * time.Millisecond}})
	address, _ := start(t, s)
	jsonFault := fmt.Sprintf("HTTP/1.1 %d", 400+int(scim.RuleJSON))
	for _, tt := range []struct{ name, send, want string }{
		{"plain", "GET /test/ok HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200"},
		{"absolute form", "GET http://attacker.example/test/ok HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200"},
		{"doubled slash", "GET //test//ok/ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200"},
		{"dot segments", "GET /x/../test/ok HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404"},
		{"TRACE", "TRACE /test/ok HTTP/1.1\r\nHost: x\r\n\r\n", fmt.Sprintf("HTTP/1.1 %d", 400+int(scim.RuleMethod))},
		{"CONNECT", "CONNECT /test/ok HTTP/1.1\r\nHost: x\r\n\r\n", fmt.Sprintf("HTTP/1.1 %d", 400+int(scim.RuleMethod))},
		{"HEAD", "HEAD /test/ok HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200"},
		{"OPTIONS", "OPTIONS /test/ok HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 204"},
		{"header over the limit", "GET /test/ok HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 32<<10) + "\r\n\r\n", "HTTP/1.1 431"},
		{"chunked", "POST /test/read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "HTTP/1.1 200"},
		{"a bad chunk", "POST /test/read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\na\r\n0\r\n\r\n", jsonFault},
		{"half an answer is not sent as a whole one", "GET /test/half HTTP/1.1\r\nHost: x\r\n\r\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, tt.send); err != nil {
				t.Fatal(err)
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			if !strings.HasPrefix(line, tt.want) || tt.want == "" && line != "" {
				t.Errorf("got %q, want %q", line, tt.want)
			}
		})
	}
	t.Run("a header that does not come ends the connection", func(t *testing.T) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /test/ok HTTP/1.1\r\nHo")
		if b, err := io.ReadAll(conn); err != nil || strings.Contains(string(b), "200 OK") {
			t.Errorf("got %q, %v", b, err)
		}
	})
	t.Run("scim:HTTP-20 neither User-Agent, Accept nor Content-Length is needed; chunked, gzip and 100-continue work", func(t *testing.T) {
		packed := func(n int) string {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write(make([]byte, n))
			_ = z.Close()
			return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", b.Len(), b.String())
		}
		const head = "POST /test/read HTTP/1.1\r\nHost: x\r\n"
		for send, want := range map[string]string{
			head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n":                                        "HTTP/1.1 200",
			head + "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" + packed(route.DefaultMaxBody):   "HTTP/1.1 200",
			head + "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" + packed(route.DefaultMaxBody+1): fmt.Sprintf("HTTP/1.1 %d", 400+int(scim.RuleTooLarge)),
			head + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}":                                           "HTTP/1.1 100",
		} {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, send)
			in := bufio.NewReader(conn)
			line, _ := in.ReadString('\n')
			if !strings.HasPrefix(line, want) {
				t.Errorf("%.80q: got %q, want %q", send, line, want)
			}
			if strings.HasPrefix(line, "HTTP/1.1 100") {
				_, _ = in.ReadString('\n')
				if line, _ = in.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 200") {
					t.Errorf("after 100: %q", line)
				}
			}
		}
	})
	t.Run("100-continue", func(t *testing.T) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		fmt.Fprint(conn, "POST /test/read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
		if line, _ := in.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100") {
			t.Fatalf("got %q", line)
		}
		fmt.Fprint(conn, "a")
		_, _ = in.ReadString('\n')
		if line, _ := in.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 200") {
			t.Errorf("got %q", line)
		}
	})
	t.Run("100-continue is not sent for a body over the limit", func(t *testing.T) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "POST /test/read HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
		line, _ := bufio.NewReader(conn).ReadString('\n')
		if want := fmt.Sprintf("HTTP/1.1 %d", 400+int(scim.RuleTooLarge)); !strings.HasPrefix(line, want) {
			t.Errorf("got %q, want %q", line, want)
		}
	})
}
