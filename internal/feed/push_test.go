package feed_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/feed"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// trusting makes the system trust the receiver.
func trusting(r *receiver) func(*feed.Config) {
	return func(c *feed.Config) { c.Roots = r.roots() }
}

// until waits for the stream to be as ok wants it.
func (s *system) until(id string, ok func(*directory.Stream) bool) *directory.Stream {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		found, err := s.dir.Streams(s.t.Context(), directorytest.Environment)
		if err != nil {
			s.t.Fatal(err)
		}
		if i := slices.IndexFunc(found, func(st *directory.Stream) bool { return st.ID == id }); ok(found[i]) {
			return found[i]
		}
	}
	s.t.Fatal("the stream does not come to be so")
	return nil
}

func TestPush(t *testing.T) {
	t.Run("scim:EVT-08 events are posted one by one in their order, or polled", func(t *testing.T) {
		r := newReceiver(t, nil)
		s := newSystem(t, trusting(r))
		s.stream(directory.StreamDraft{Endpoint: r.URL + "/events", Token: "push-secret"})
		polled := s.stream(directory.StreamDraft{})
		users := s.users(5)
		var got []string
		for range users {
			d := r.next(t)
			if d.header.Get("Content-Type") != "application/secevent+jwt" || d.header.Get("Accept") != "application/json" ||
				d.header.Get("Authorization") != "Bearer push-secret" {
				t.Errorf("headers %v", d.header)
			}
			e := s.verify(d.body)
			if !slices.Equal(e.For, []string{r.URL + "/events"}) {
				t.Errorf("for %v", e.For)
			}
			got = append(got, e.About.URI)
		}
		if diff := cmp.Diff(users, got); diff != "" {
			t.Errorf("pushed (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(users, about(s.poll(polled, atOnce).events)); diff != "" {
			t.Errorf("polled (-want +got):\n%s", diff)
		}
	})

	t.Run("without a token nothing is shown", func(t *testing.T) {
		r := newReceiver(t, nil)
		s := newSystem(t, trusting(r))
		s.stream(directory.StreamDraft{Endpoint: r.URL})
		s.user("ada")
		if d := r.next(t); d.header.Get("Authorization") != "" {
			t.Errorf("headers %v", d.header)
		}
	})

	t.Run("what fails is sent again until it is taken, and what comes after it waits", func(t *testing.T) {
		r := newReceiver(t, func(n int, w http.ResponseWriter) {
			switch n {
			case 2:
				w.WriteHeader(http.StatusServiceUnavailable)
			case 3:
				w.Header().Set("Location", "https://elsewhere.example/")
				w.WriteHeader(http.StatusTemporaryRedirect)
			case 4:
				panic(http.ErrAbortHandler)
			case 5:
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"err":"authentication_failed","description":"push-secret"}`))
			default:
				w.WriteHeader(http.StatusAccepted)
			}
		})
		s := newSystem(t, trusting(r))
		st := s.stream(directory.StreamDraft{Endpoint: r.URL, Token: "push-secret"})
		users := s.users(3)
		var got, texts []string
		for range 7 {
			e := s.verify(r.next(t).body)
			got, texts = append(got, e.About.URI), append(texts, e.text)
		}
		if diff := cmp.Diff([]string{users[0], users[1], users[1], users[1], users[1], users[1], users[2]}, got); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
		if len(slices.Compact(texts)) != 3 {
			t.Errorf("an event was told in different words: %v", texts)
		}
		done := s.until(st.ID, func(st *directory.Stream) bool { return st.Problem == "" && st.Position >= 3 })
		if done.Refused != 0 {
			t.Errorf("%d refused", done.Refused)
		}
		for _, want := range []string{"answers 503", "answers 307", "answers 400, authentication_failed"} {
			if !strings.Contains(s.log.String(), want) {
				t.Errorf("the log lacks %q:\n%s", want, s.log)
			}
		}
	})

	t.Run("the problem is kept for people to see", func(t *testing.T) {
		r := newReceiver(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) })
		s := newSystem(t, trusting(r))
		st := s.stream(directory.StreamDraft{Endpoint: r.URL})
		s.user("ada")
		s.until(st.ID, func(st *directory.Stream) bool { return st.Problem == "the receiver answers 403" })
	})

	t.Run("a refused event is not sent again", func(t *testing.T) {
		r := newReceiver(t, func(n int, w http.ResponseWriter) {
			if n == 1 {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"err":"invalid_request","description":"x"}`))
				return
			}
			w.WriteHeader(http.StatusAccepted)
		})
		s := newSystem(t, trusting(r))
		st := s.stream(directory.StreamDraft{Endpoint: r.URL})
		users := s.users(2)
		got := []string{s.verify(r.next(t).body).About.URI, s.verify(r.next(t).body).About.URI}
		if !slices.Equal(got, users) {
			t.Errorf("got %v, want %v", got, users)
		}
		s.until(st.ID, func(st *directory.Stream) bool { return st.Refused == 1 })
	})

	t.Run("a stream that is deleted ends", func(t *testing.T) {
		gone, kept := newReceiver(t, nil), newReceiver(t, nil)
		s := newSystem(t, func(c *feed.Config) {
			c.Roots = gone.roots()
			c.Roots.AddCert(kept.Certificate())
		})
		st := s.stream(directory.StreamDraft{Endpoint: gone.URL})
		s.stream(directory.StreamDraft{Endpoint: kept.URL})
		s.user("ada")
		gone.next(t)
		kept.next(t)
		if err := s.dir.DeleteStream(t.Context(), st.ID); err != nil {
			t.Fatal(err)
		}
		s.user("bob")
		kept.next(t)
		s.stop() // waits for all deliveries
		if len(gone.got) > 0 {
			t.Error("it was told more")
		}
	})
}

// TestPushRestart: the server stops in the middle, with the receiver's answer to
// one event still out. Nothing is lost; only that event is told twice, in the
// same words.
func TestPushRestart(t *testing.T) {
	folder := t.TempDir()
	const stuck = 3
	release := make(chan struct{})
	r := newReceiver(t, func(n int, w http.ResponseWriter) {
		if n == stuck {
			<-release
		}
		w.WriteHeader(http.StatusAccepted)
	})
	s := systemAt(t, folder, trusting(r))
	s.stream(directory.StreamDraft{Endpoint: r.URL})
	users := s.users(6)
	var events []event
	for range stuck {
		events = append(events, s.verify(r.next(t).body))
	}
	s.stop()
	close(release)
	s = systemAt(t, folder, trusting(r))
	for range len(users) - stuck + 1 {
		events = append(events, s.verify(r.next(t).body))
	}
	want := slices.Concat(users[:stuck], users[stuck-1:])
	if diff := cmp.Diff(want, about(events)); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	if events[stuck-1].text != events[stuck].text {
		t.Errorf("first %s, then %s", events[stuck-1].text, events[stuck].text)
	}
}

// TestSecrets: events and logs hold no secret, and those that are sent go by TLS
// and are signed.
func TestSecrets(t *testing.T) {
	t.Run("scim:EVT-07 TLS only, signed, and without secrets", func(t *testing.T) {
		const first, second, bearer = "Canary-1-pass", "Canary-2-pass", "Canary-3-bearer"
		r := newReceiver(t, nil)
		s := newSystem(t, trusting(r))
		st := s.stream(directory.StreamDraft{Full: true})
		s.stream(directory.StreamDraft{Endpoint: r.URL, Token: bearer, Full: true})
		ada := s.create("User", `{"userName":"ada","password":"`+first+`"}`)
		s.patch(ada, `{"password":"`+second+`"}`)
		var all []event
		for range 2 {
			d := r.next(t)
			all = append(all, s.verify(d.body)) // by ES256
		}
		all = append(all, s.poll(st, atOnce).events...)
		named := false
		for _, e := range all {
			if strings.Contains(e.text, "Canary") || strings.Contains(e.text, "argon2") {
				t.Errorf("a secret: %s", e.text)
			}
			for _, payload := range e.Events {
				named = named || slices.Contains(payload.Attributes, "password")
				if _, ok := payload.Data["password"]; ok {
					t.Errorf("a password: %s", e.text)
				}
			}
		}
		if !named {
			t.Error("the new password is not told of at all")
		}
		if strings.Contains(s.log.String(), "Canary") {
			t.Errorf("the log has a secret: %s", s.log)
		}
		plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("an event came by plain HTTP") }))
		defer plain.Close()
		s = newSystem(t, func(c *feed.Config) { c.Private = false })
		to := s.stream(directory.StreamDraft{Endpoint: plain.URL})
		s.user("ada")
		s.until(to.ID, func(st *directory.Stream) bool { return strings.Contains(st.Problem, "https only") })
	})
}

// TestGuard: events are sent to nobody whom the server alone can reach.
func TestGuard(t *testing.T) {
	r := newReceiver(t, func(int, http.ResponseWriter) { t.Error("an event was sent") })
	for _, private := range []bool{false, true} {
		s := newSystem(t, func(c *feed.Config) { c.Roots, c.Private = r.roots(), private })
		targets := []string{"https://169.254.169.254/", "https://[fe80::1]/", "https://0.0.0.0/", "http://receiver.example/", "https://[::ffff:169.254.169.254]/"}
		if !private {
			_, port, _ := strings.Cut(strings.TrimPrefix(r.URL, "https://"), ":")
			targets = append(targets, r.URL, "https://localhost:"+port, "https://[::ffff:127.0.0.1]:"+port,
				"https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/", "https://100.64.0.1/", "https://[fd00::1]/",
				"https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "http://127.0.0.1/", "http://localhost/")
		}
		var streams []*directory.Stream
		for _, to := range targets {
			streams = append(streams, s.stream(directory.StreamDraft{Endpoint: to}))
		}
		s.user("ada")
		for _, st := range streams {
			found := s.until(st.ID, func(st *directory.Stream) bool { return st.Problem != "" })
			if p := found.Problem; !strings.Contains(p, "not a public address") && !strings.Contains(p, "https only") &&
				!strings.Contains(p, "no such host") && !strings.Contains(p, "lookup") {
				t.Errorf("%s: %s", found.Endpoint, p)
			}
		}
		s.stop()
	}
}

func TestStreams(t *testing.T) {
	s := newSystem(t, nil)
	for want, dr := range map[scim.Rule][]directory.StreamDraft{
		scim.RuleURI:       {{Endpoint: "receiver"}, {Endpoint: "ftp://receiver.example"}, {Endpoint: "https://u:p@receiver.example"}, {Endpoint: "https://"}, {Endpoint: "https://receiver.example/#x"}},
		scim.RuleCanonical: {{Types: []string{"User", "Printer"}}, {Types: []string{"Population"}}},
		scim.RuleDangling:  {{Population: "nobody"}},
		scim.RuleNotFound:  {{Client: "nobody"}, {Client: "other-client"}},
	} {
		for _, dr := range dr {
			if _, err := s.dir.CreateStream(t.Context(), directorytest.Environment, dr); rule(err) != want {
				t.Errorf("%+v: %v, want rule %d", dr, err, want)
			}
		}
	}
	if _, err := s.dir.CreateStream(t.Context(), "nowhere", directory.StreamDraft{}); rule(err) != scim.RuleNotFound {
		t.Errorf("no environment: %v", err)
	}
	if found, err := s.dir.Streams(t.Context(), ""); err != nil || len(found) != 0 {
		t.Errorf("streams: %v, %v", found, err)
	}
	st := s.stream(directory.StreamDraft{Endpoint: "https://receiver.example", Token: "Canary", Audience: []string{"a"}, Types: []string{"User"}, Full: true})
	if has, err := s.dir.HasStreams(t.Context(), directorytest.Environment); err != nil || !has {
		t.Errorf("it has streams: %v, %v", has, err)
	}
	if has, err := s.dir.HasStreams(t.Context(), directorytest.Other); err != nil || has {
		t.Errorf("the other has streams: %v, %v", has, err)
	}
	rows, err := s.dir.Audit(t.Context(), directorytest.Environment, 0, 1000)
	if last := rows[len(rows)-1]; err != nil || last.Action != "create" || last.Type != "Stream" || last.ID != st.ID {
		t.Errorf("audit: %+v, %v", last, err)
	}
}
