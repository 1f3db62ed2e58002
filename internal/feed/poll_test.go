package feed_test

import (
	"fmt"
	"os"
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

// users makes so many of them and returns their paths.
func (s *system) users(n int) []string {
	s.t.Helper()
	var paths []string
	for i := range n {
		paths = append(paths, "/Users/"+s.user(fmt.Sprintf("u%03d", i)).ID)
	}
	return paths
}

func about(events []event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.About.URI)
	}
	return out
}

func TestPoll(t *testing.T) {
	s := newSystem(t, nil)
	st := s.stream(directory.StreamDraft{})
	users := s.users(5)
	want := func(what string, a answer, more bool, paths ...string) {
		t.Helper()
		if got := about(a.events); !slices.Equal(got, paths) || a.More != more {
			t.Errorf("%s: got %v, more %v, want %v, more %v", what, got, a.More, paths, more)
		}
	}
	first := s.poll(st, `{"maxEvents":2,"returnImmediately":true}`)
	want("the oldest come first", first, true, users[:2]...)
	want("what is not acknowledged comes again", s.poll(st, `{"maxEvents":2,"returnImmediately":true}`), true, users[:2]...)
	all := s.poll(st, atOnce)
	want("no number asks for all", all, false, users...)
	want("none are asked for", s.poll(st, `{"maxEvents":0}`), true)

	want("an acknowledged one does not come again, wherever it stood", s.poll(st, acks(all.events[2])), false, users[0], users[1], users[3], users[4])
	want("acknowledged again and never told", s.poll(st, `{"returnImmediately":true,"ack":["`+all.events[2].JTI+`","","x","0123456789abcdef0123456789abcdef"]}`),
		false, users[0], users[1], users[3], users[4])
	want("acknowledge and ask", s.poll(st, `{"maxEvents":1,"returnImmediately":true,"ack":["`+all.events[0].JTI+`"]}`), true, users[1])
	want("a refused one does not come again", s.poll(st, `{"returnImmediately":true,"setErrs":{"`+all.events[1].JTI+`":{"err":"invalid_request","description":"no"}}}`),
		false, users[3], users[4])
	if found, err := s.dir.Streams(t.Context(), directorytest.Environment); err != nil || found[0].Refused != 1 || found[0].Position == 0 {
		t.Errorf("the stream: %+v, %v", found[0], err)
	}
	if log := s.log.String(); !strings.Contains(log, "invalid_request") || strings.Contains(log, "error=no") {
		t.Errorf("log: %s", log)
	}
	want("only acknowledge", s.poll(st, `{"maxEvents":0,"ack":["`+all.events[3].JTI+`","`+all.events[4].JTI+`"]}`), false)
	want("nothing is left", s.poll(st, atOnce), false)

	t.Run("an acknowledgement holds for its own stream", func(t *testing.T) {
		a, b := s.stream(directory.StreamDraft{FromStart: true}), s.stream(directory.StreamDraft{FromStart: true})
		events := s.poll(a, atOnce).events
		want("of the other", s.poll(b, acks(events...)), false, users...)
	})
	t.Run("a stream begins where it is made", func(t *testing.T) {
		fresh := s.stream(directory.StreamDraft{})
		later := s.user("later")
		want("begin", s.poll(fresh, atOnce), false, "/Users/"+later.ID)
	})
}

// TestPollWaits: a poll is answered when there is something to tell.
func TestPollWaits(t *testing.T) {
	type polled struct {
		code int
		body string
	}
	start := func(s *system, st *directory.Stream, body string) chan polled {
		done := make(chan polled, 1)
		go func() {
			w := s.ask("POST", "/events/streams/"+st.ID+"/poll", "receiver-token", body)
			done <- polled{w.Code, w.Body.String()}
		}()
		return done
	}
	t.Run("for the first event", func(t *testing.T) {
		s := newSystem(t, func(c *feed.Config) { c.Wait = time.Hour })
		st := s.stream(directory.StreamDraft{})
		done := start(s, st, `{}`)
		s.user("ada")
		if got := <-done; got.code != 200 || strings.Contains(got.body, `"sets":{}`) {
			t.Errorf("%+v", got)
		}
	})
	for what, change := range map[string]func(*feed.Config){
		"not for ever":                      func(c *feed.Config) { c.Wait = time.Millisecond },
		"when others wait already, not":     nil,
		"when the server stops, not longer": nil,
	} {
		t.Run(what, func(t *testing.T) {
			if change == nil {
				change = func(c *feed.Config) { c.Wait = time.Hour }
			}
			s := newSystem(t, change)
			st := s.stream(directory.StreamDraft{})
			polls := []chan polled{start(s, st, `{}`), start(s, st, `{}`), start(s, st, `{}`)}
			switch {
			case strings.HasPrefix(what, "when others"): // one of the three is one too many
				select {
				case got := <-polls[0]:
					polls[0] <- got
				case got := <-polls[1]:
					polls[1] <- got
				case got := <-polls[2]:
					polls[2] <- got
				}
				s.user("ada")
				empty := 0
				for _, p := range polls {
					if got := <-p; strings.Contains(got.body, `"sets":{}`) {
						empty++
					}
				}
				if empty != 1 {
					t.Errorf("%d were not let to wait", empty)
				}
			case strings.HasPrefix(what, "when the server"):
				<-s.endFeed()
				fallthrough
			default:
				for _, p := range polls {
					if got := <-p; got.code != 200 || got.body != `{"sets":{}}` {
						t.Errorf("%+v", got)
					}
				}
			}
		})
	}
}

func TestPollRefuses(t *testing.T) {
	s := newSystem(t, nil)
	st := s.stream(directory.StreamDraft{})
	pushed := s.stream(directory.StreamDraft{Endpoint: "https://receiver.example/"})
	path := "/events/streams/" + st.ID + "/poll"
	for _, test := range []struct {
		what, path, secret, body string
		status                   int
		words                    string
	}{
		{"nobody", path, "", `{}`, 401, `{"err":"authentication_failed","description":"a bearer secret of a client is needed"}`},
		{"another client", path, directorytest.DevToken, `{}`, 403, `{"err":"access_denied","description":"the client may not do this"}`},
		{"a client with limits", path, "limited-token", `{}`, 403, `{"err":"access_denied","description":"the client may not do this"}`},
		{"an administrator", path, "admin-token", atOnce, 200, `{"sets":{}}`},
		{"another environment's administrator", path, directorytest.OtherToken, `{}`, 404, `{"description":"there is no such thing here"}`},
		{"no such stream", "/events/streams/x/poll", "receiver-token", `{}`, 404, `{"description":"there is no such thing here"}`},
		{"a stream that is pushed", "/events/streams/" + pushed.ID + "/poll", "admin-token", `{}`, 404, `{"description":"there is no such thing here"}`},
		{"no such path", "/events/streams", "receiver-token", `{}`, 404, `{"description":"there is no such thing here"}`},
		{"no JSON", path, "receiver-token", `{"ack":`, 400, "description"},
		{"an array", path, "receiver-token", `[]`, 400, "description"},
		{"a number as text", path, "receiver-token", `{"maxEvents":"1"}`, 400, `{"err":"invalid_request","description":"the body is not a poll request: maxEvents: it must be a number of events"}`},
		{"a negative number", path, "receiver-token", `{"maxEvents":-1}`, 400, "maxEvents"},
		{"half an event", path, "receiver-token", `{"maxEvents":0.5}`, 400, "maxEvents"},
		{"far too many", path, "receiver-token", `{"maxEvents":99999999999}`, 400, "maxEvents"},
		{"no truth", path, "receiver-token", `{"returnImmediately":"true"}`, 400, "returnImmediately"},
		{"one ack", path, "receiver-token", `{"ack":"x"}`, 400, "ack"},
		{"a number to acknowledge", path, "receiver-token", `{"ack":["x",1]}`, 400, "ack[1]"},
		{"a list of errors", path, "receiver-token", `{"setErrs":[]}`, 400, "setErrs"},
		{"an error without its code", path, "receiver-token", `{"setErrs":{"x":{}}}`, 400, "setErrs member 1"},
		{"a member twice", path, "receiver-token", `{"ack":[],"Ack":[]}`, 400, "description"},
		{"too large", path, "receiver-token", `{"ack":["` + strings.Repeat("x", 2<<20) + `"]}`, 413, "too large"},
		{"members that nobody knows", path, "receiver-token", `{"returnImmediately":true,"x":1}`, 200, `{"sets":{}}`},
	} {
		w := s.ask("POST", test.path, test.secret, test.body)
		got := w.Body.String()
		if w.Code != test.status || !strings.Contains(got, test.words) || strings.HasPrefix(test.words, "{") && got != test.words {
			t.Errorf("%s: %d %s", test.what, w.Code, got)
		}
		if w.Header().Get("Content-Type") != "application/json" || test.status == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: headers %v", test.what, w.Header())
		}
	}
	t.Run("GET is 405", func(t *testing.T) {
		if w := s.ask("GET", path, "receiver-token", ""); w.Code != 405 || w.Header().Get("Allow") != "OPTIONS, POST" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
	t.Run("a body that is not called JSON is 415", func(t *testing.T) {
		w := s.askAs("POST", path, "receiver-token", "{}", "text/plain")
		if w.Code != 415 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	t.Run("a deleted stream is 404", func(t *testing.T) {
		if err := s.dir.DeleteStream(t.Context(), st.ID); err != nil {
			t.Fatal(err)
		}
		if w := s.ask("POST", path, "receiver-token", "{}"); w.Code != 404 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if err := s.dir.DeleteStream(t.Context(), st.ID); rule(err) != scim.RuleNotFound {
			t.Errorf("delete again: %v", err)
		}
	})
}

// TestPollRestart: between two starts of the server nothing is lost and nothing
// that was acknowledged comes again.
func TestPollRestart(t *testing.T) {
	folder := t.TempDir()
	s := systemAt(t, folder, nil)
	st := s.stream(directory.StreamDraft{})
	users := s.users(3)
	before := s.poll(st, atOnce).events
	s.poll(st, acks(before[0], before[2]))
	s.stop()
	s = systemAt(t, folder, nil)
	users = append(users, s.user("late").ID)
	after := s.poll(st, atOnce).events
	if diff := cmp.Diff([]string{users[1], "/Users/" + users[3]}, about(after)); diff != "" {
		t.Errorf("after the start (-want +got):\n%s", diff)
	}
	if after[0].text != before[1].text {
		t.Errorf("first %s, then %s", before[1].text, after[0].text)
	}
}

// TestPollRestored: where an older state of the data is restored, what was told since
// is gone, and other events have its place in the log. They have a jti of their own, and
// late acknowledgements do not hit them.
func TestPollRestored(t *testing.T) {
	folder, backup := t.TempDir(), t.TempDir()
	s := systemOn(t, directory.Config{Path: folder}, nil)
	st := s.stream(directory.StreamDraft{})
	kept := s.user("kept")
	s.stop()
	if err := os.CopyFS(backup, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	s = systemOn(t, directory.Config{Path: folder}, nil)
	s.users(2)
	before := s.poll(st, atOnce).events
	s.stop()

	s = systemOn(t, directory.Config{Path: backup}, nil)
	other := s.user("other")
	after := s.poll(st, acks(before[1:]...)).events
	if want := []string{"/Users/" + kept.ID, "/Users/" + other.ID}; !slices.Equal(about(after), want) {
		t.Fatalf("told %v, not %v", about(after), want)
	}
	if after[0].text != before[0].text {
		t.Errorf("what is kept was told as %s, then as %s", before[0].text, after[0].text)
	}
	if after[1].JTI == before[1].JTI {
		t.Errorf("%s and %s have one jti", before[1].text, after[1].text)
	}
	if rest := s.poll(st, acks(after...)).events; len(rest) > 0 {
		t.Errorf("told again: %v", about(rest))
	}
	if later := s.user("later"); !slices.Equal(about(s.poll(st, atOnce).events), []string{"/Users/" + later.ID}) {
		t.Error("an acknowledgement of what is gone counted")
	}
}

// TestSparse: a stream that is told little does not read the whole log again
// and again, nor lose its place.
func TestSparse(t *testing.T) {
	s := newSystem(t, nil)
	st := s.stream(directory.StreamDraft{Types: []string{"Group"}})
	s.users(600)
	crew := s.create("Group", `{"displayName":"Crew"}`)
	got := s.poll(st, atOnce).events
	if !slices.Equal(about(got), []string{"/Groups/" + crew.ID}) {
		t.Errorf("told %v", about(got))
	}
	found, err := s.dir.Streams(t.Context(), directorytest.Environment)
	if err != nil || found[0].Position < 600 {
		t.Errorf("position %d, %v", found[0].Position, err)
	}
	if rest := s.poll(st, acks(got...)); len(rest.events) > 0 {
		t.Errorf("told again: %v", about(rest.events))
	}
}
