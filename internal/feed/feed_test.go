package feed_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/feed"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim2"
	"github.com/rollcall-directory/rollcall/internal/server"
)

const publicURL = "https://id.example"

// A system is a directory with its feed behind a server.
type system struct {
	t       *testing.T
	dir     *directory.Directory
	feed    *feed.Feed
	server  *server.Server
	log     *logged
	caller  directory.Caller       // writes
	endFeed func() <-chan struct{} // ends Run
	stop    func()                 // does so and closes the directory
}

// logged is a log that several goroutines write and one reads.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newSystem(t *testing.T, change func(*feed.Config)) *system {
	t.Helper()
	return systemAt(t, t.TempDir(), change)
}

// systemAt opens the data in a folder, which may have been there before.
func systemAt(t *testing.T, path string, change func(*feed.Config)) *system {
	t.Helper()
	return systemOn(t, directorytest.Config(t, path), change)
}

// systemOn opens the data that the configuration names.
func systemOn(t *testing.T, data directory.Config, change func(*feed.Config)) *system {
	t.Helper()
	s := &system{t: t, log: &logged{}}
	var err error
	if s.dir, err = directory.Open(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	if known, err := s.dir.Environments(t.Context()); err != nil {
		t.Fatal(err)
	} else if len(known) == 0 {
		provision(t, s.dir)
	}
	cfg := feed.Config{Directory: s.dir, PublicURL: publicURL, Base: publicURL + "/scim/v2", Interval: 5 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(s.log, nil)), Backoff: feed.Backoff{Least: time.Millisecond, Most: 5 * time.Millisecond}, Private: true}
	if change != nil {
		change(&cfg)
	}
	if s.feed, err = feed.New(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	a, err := auth.New(t.Context(), s.dir, auth.Config{PublicURL: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	if s.server, err = server.New(server.Config{Doors: slices.Concat(s.feed.Doors(), s.feed.Async(standard(s.dir)), scim2.New(s.dir, scim2.PingOne(scim2.Options{}), publicURL)), Gate: a, Log: cfg.Log}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { s.feed.Run(ctx); close(ended) }()
	s.endFeed = func() <-chan struct{} { cancel(); return ended }
	s.stop = sync.OnceFunc(func() {
		<-s.endFeed()
		if err := s.dir.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	s.caller = directorytest.Caller(t, s.dir, directorytest.DevToken)
	s.caller.RequestID = "request-1"
	return s
}

// standard returns the doors of standard SCIM.
func standard(d *directory.Directory) []route.Door {
	return scim2.New(d, scim2.Standard(scim2.Options{Events: feed.URIs()}), publicURL)
}

func provision(t *testing.T, d *directory.Directory) {
	t.Helper()
	for _, e := range []directory.EnvironmentDraft{
		{ID: directorytest.Environment, Name: "default", Population: directorytest.Population}, {ID: directorytest.Other, Name: "other"},
	} {
		if _, err := d.CreateEnvironment(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []directory.ClientDraft{
		{Environment: directorytest.Environment, ID: directorytest.DevClient, Secrets: []string{directorytest.DevToken}},
		{Environment: directorytest.Environment, ID: "receiver", Role: directory.Reader, Secrets: []string{"receiver-token"}},
		{Environment: directorytest.Environment, ID: "limited", Role: directory.Admin, Secrets: []string{"limited-token"},
			Limits: directory.ClientLimits{Hidden: []string{"title"}}},
		{Environment: directorytest.Environment, ID: "admin", Role: directory.Admin, Secrets: []string{"admin-token"}},
		{Environment: directorytest.Other, ID: "other-client", Role: directory.Admin, Secrets: []string{directorytest.OtherToken}},
	} {
		if _, _, err := d.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

// stream makes a stream of the environment; without an endpoint one that the receiver polls.
func (s *system) stream(dr directory.StreamDraft) *directory.Stream {
	s.t.Helper()
	if dr.Endpoint == "" && dr.Client == "" {
		dr.Client = "receiver"
	}
	made, err := s.dir.CreateStream(s.t.Context(), directorytest.Environment, dr)
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

// as returns the system as it is used in another request.
func (s *system) as(request string) *system {
	other := *s
	other.caller.RequestID = request
	return &other
}

func (s *system) create(typ string, attributes string) *scim.Resource {
	s.t.Helper()
	r, err := s.dir.Create(s.t.Context(), s.caller, s.caller.Home(), directory.Draft{Type: typ, Attributes: read(s.t, attributes)})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *system) user(name string) *scim.Resource { return s.create("User", `{"userName":"`+name+`"}`) }

// put replaces a resource, patch changes some of its attributes.
func (s *system) put(r *scim.Resource, attributes string) *scim.Resource {
	s.t.Helper()
	out, _, err := s.dir.Put(s.t.Context(), s.caller, s.caller.Home(),
		directory.Draft{Type: r.Type, ID: r.ID, Attributes: read(s.t, attributes)}, directory.Precondition{Present: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *system) patch(r *scim.Resource, attributes string) *scim.Resource {
	s.t.Helper()
	return s.modify(r, func(old *scim.Resource) (directory.Change, error) {
		o := old.Attributes().Clone()
		for _, m := range read(s.t, attributes).Members {
			o.Set(m.Name, m.Value)
		}
		return directory.Change{Attributes: o}, nil
	})
}

func (s *system) modify(r *scim.Resource, apply func(*scim.Resource) (directory.Change, error)) *scim.Resource {
	s.t.Helper()
	out, _, err := s.dir.Modify(s.t.Context(), s.caller, s.caller.Home(), directory.Modification{Type: r.Type, ID: r.ID, Apply: apply, Password: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *system) delete(r *scim.Resource) {
	s.t.Helper()
	if _, err := s.dir.Delete(s.t.Context(), s.caller, s.caller.Home(), r.Type, r.ID, directory.Precondition{}); err != nil {
		s.t.Fatal(err)
	}
}

func read(t *testing.T, text string) *scim.Object {
	t.Helper()
	o, err := scim.ReadObject([]byte(text), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// ask sends a request to the server with a bearer secret, none if it is empty.
func (s *system) ask(method, path, secret, body string) *httptest.ResponseRecorder {
	return s.askAs(method, path, secret, body, "application/json")
}

func (s *system) askAs(method, path, secret, body, contentType string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	if body != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	return w
}

// An answer is what a poll is answered with.
type answer struct {
	Sets map[string]string `json:"sets"`
	More bool              `json:"moreAvailable"`

	events []event // of Sets, in their order
}

// An event is a token that was verified, with its claims as people read them.
type event struct {
	JTI    string   `json:"jti"`
	Issuer string   `json:"iss"`
	At     int64    `json:"iat"`
	For    []string `json:"aud"`
	Txn    string   `json:"txn"`
	About  struct {
		Format     string `json:"format"`
		URI        string `json:"uri"`
		ExternalID string `json:"externalId"`
		ID         string `json:"id"`
	} `json:"sub_id"`
	Events map[string]struct {
		Version    string         `json:"version"`
		Attributes []string       `json:"attributes"`
		Data       map[string]any `json:"data"`
		Method     string         `json:"method"`
		BulkID     string         `json:"bulkId"`
		Status     string         `json:"status"`
		Response   map[string]any `json:"response"`
	} `json:"events"`

	text   string // all claims, as JSON
	header jose.Header
}

// uris returns the events that it tells, without what all of their URIs begin with.
func (e event) uris() string {
	names := slices.Sorted(maps.Keys(e.Events))
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], "urn:ietf:params:scim:event:")
	}
	return strings.Join(names, " ")
}

// poll polls the stream as its receiver, at once.
func (s *system) poll(st *directory.Stream, body string) answer {
	s.t.Helper()
	w := s.ask("POST", "/events/streams/"+st.ID+"/poll", "receiver-token", body)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		s.t.Fatalf("poll %s: %d %s", body, w.Code, w.Body)
	}
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || a.Sets == nil {
		s.t.Fatalf("poll: %v in %s", err, w.Body)
	}
	for _, m := range read(s.t, w.Body.String()).Get("sets").Object().Members {
		e := s.verify(m.Value.Text())
		if e.JTI != m.Name {
			s.t.Errorf("%s is given as %s", e.JTI, m.Name)
		}
		a.events = append(a.events, e)
	}
	return a
}

const atOnce = `{"returnImmediately":true}`

// verify checks the signature of a token by the key that the server publishes.
func (s *system) verify(text string) event {
	s.t.Helper()
	w := s.ask("GET", "/.well-known/jwks.json", "", "")
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(w.Body.Bytes(), &keys); err != nil || len(keys.Keys) != 1 || !keys.Keys[0].IsPublic() {
		s.t.Fatalf("keys: %v in %s", err, w.Body)
	}
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		s.t.Fatalf("%v in %s", err, text)
	}
	claims, err := signed.Verify(keys.Key(signed.Signatures[0].Header.KeyID)[0])
	if err != nil {
		s.t.Fatal(err)
	}
	e := event{text: string(claims), header: signed.Signatures[0].Header}
	if err := json.Unmarshal(claims, &e); err != nil {
		s.t.Fatal(err)
	}
	return e
}

// acks returns a poll that acknowledges the events and asks for more, at once.
func acks(events ...event) string {
	ids := []string{}
	for _, e := range events {
		ids = append(ids, e.JTI)
	}
	text, _ := json.Marshal(map[string]any{"ack": ids, "returnImmediately": true})
	return string(text)
}

// A receiver is an endpoint that events are sent to.
type receiver struct {
	*httptest.Server
	got chan delivery
	// answer says how a delivery is answered; nil for 202. It is set before the first one.
	answer func(n int, w http.ResponseWriter)
}

// A delivery is a request that a receiver got.
type delivery struct {
	header http.Header
	body   string
}

func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter)) *receiver {
	t.Helper()
	r := &receiver{got: make(chan delivery, 1000), answer: answer}
	n := 0
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil || q.Method != "POST" {
			t.Errorf("%s: %v", q.Method, err)
		}
		n++ // deliveries come one after the other
		r.got <- delivery{q.Header.Clone(), string(body)}
		if r.answer != nil {
			r.answer(n, w)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(r.Close)
	return r
}

// roots trusts the receiver.
func (r *receiver) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	return pool
}

// next waits for a delivery.
func (r *receiver) next(t *testing.T) delivery {
	t.Helper()
	select {
	case d := <-r.got:
		return d
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was delivered")
		return delivery{}
	}
}

// rule returns the first rule that an error tells of, 0 for none.
func rule(err error) scim.Rule {
	var fault *scim.Error
	if errors.As(err, &fault) {
		return fault.Rule
	}
	return 0
}
