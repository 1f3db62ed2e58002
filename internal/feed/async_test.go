package feed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

const asyncresp = "urn:ietf:params:scim:event:misc:asyncresp"

// later sends a request of the writing client that may be answered later.
func (s *system) later(method, path, body string, header ...string) *httptest.ResponseRecorder {
	return s.askAs(method, path, directorytest.DevToken, body, "application/scim+json", append(header, "Prefer: respond-async")...)
}

// result waits for the answer at the URL that an accepted request is told.
func (s *system) result(w *httptest.ResponseRecorder, more string) *httptest.ResponseRecorder {
	s.t.Helper()
	path, ok := strings.CutPrefix(w.Header().Get("Location"), publicURL)
	if w.Code != 202 || !ok {
		s.t.Fatalf("not accepted: %d %v %s", w.Code, w.Header(), w.Body)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		got := s.ask("GET", path+more, directorytest.DevToken, "")
		if got.Code != 202 {
			return got
		}
		if got.Header().Get("Set-Txn") == "" || got.Header().Get("Retry-After") == "" || got.Body.Len() > 0 {
			s.t.Errorf("not yet: %v %s", got.Header(), got.Body)
		}
	}
	s.t.Fatal("there is no answer")
	return nil
}

// answered returns the next answers that the stream tells, by txn, when there are
// so many. It acknowledges them, and all that was told before.
func (s *system) answered(st *directory.Stream, n int) map[string]event {
	s.t.Helper()
	out := map[string]event{}
	for len(out) < n {
		told := s.poll(st, `{}`).events // waits
		if len(told) == 0 {
			s.t.Fatal("the answers are not told")
		}
		for _, e := range told {
			if _, ok := e.Events[asyncresp]; ok {
				out[e.Txn] = e
			}
		}
		s.poll(st, acks(told...))
	}
	return out
}

func TestAsync(t *testing.T) {
	t.Run("scim:EVT-09 Prefer: respond-async is answered 202 without a body, with Set-Txn, Preference-Applied and Location; Accept is ignored", func(t *testing.T) {
		s := newSystem(t, nil)
		st := s.stream(directory.StreamDraft{})
		ada := s.user("ada")
		one := "/Users/" + ada.ID
		for _, test := range []struct{ method, path, body, status, about string }{
			{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bob"}`, "201", ""},
			{"PUT", one, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","title":"Countess"}`, "200", one},
			{"PATCH", one, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"title","value":"Lady"}]}`, "200", one},
			{"DELETE", one, "", "204", one},
			{"POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Crew"}`, "201", ""},
		} {
			for _, base := range []string{"/scim/v2", "/scim/" + directorytest.Environment + "/v2"} {
				if test.method != "PATCH" && base != "/scim/v2" {
					continue
				}
				w := s.later(test.method, base+test.path, test.body, "Accept: text/html")
				txn := w.Header().Get("Set-Txn")
				if w.Code != 202 || w.Body.Len() != 0 || txn == "" || w.Header().Get("Preference-Applied") != "respond-async" ||
					w.Header().Get("Location") != publicURL+"/events/results/"+txn {
					t.Fatalf("%s %s: %d %v %s", test.method, test.path, w.Code, w.Header(), w.Body)
				}
				got := s.result(w, "")
				if got.Code != 200 || got.Header().Get("Content-Type") != "application/secevent+jwt" {
					t.Fatalf("%s %s: result %d %v %s", test.method, test.path, got.Code, got.Header(), got.Body)
				}
				read, told := s.verify(got.Body.String()), s.answered(st, 1)[txn]
				for _, e := range []event{read, told} {
					payload := e.Events[asyncresp]
					if e.Txn != txn || len(e.Events) != 1 || payload.Method != test.method || payload.Status != test.status || payload.Response != nil ||
						(payload.Version == "") != (test.method == "DELETE") || test.about != "" && e.About.URI != test.about ||
						!strings.HasPrefix(e.About.URI, test.path) || e.About.ID == "" {
						t.Errorf("%s %s: %s", test.method, test.path, e.text)
					}
				}
			}
		}
		if found, err := s.dir.List(t.Context(), s.caller, s.caller.Home(), directory.Query{Type: "User", Start: 1, Count: 10}); err != nil || found.Total != 1 {
			t.Errorf("users: %v, %v", found, err)
		}
	})

	t.Run("what is done within wait is answered at once", func(t *testing.T) {
		s := newSystem(t, nil)
		s.stream(directory.StreamDraft{})
		for i, prefer := range []string{"wait=10", `WAIT = "10"; x=y, handling=lenient`, "wait=10, wait=0"} {
			w := s.later("POST", "/scim/v2/Users", fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u%d"}`, i), "Prefer: "+prefer)
			if w.Code != 201 || !strings.Contains(w.Body.String(), `"userName":"u`) || w.Header().Get("Location") == "" || w.Header().Get("Set-Txn") != "" {
				t.Errorf("%s: %d %v %s", prefer, w.Code, w.Header(), w.Body)
			}
		}
		w := s.later("POST", "/scim/v2/Users", `{"userName":"u0","schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]}`, "Prefer: wait=10")
		if w.Code != 409 || !strings.Contains(w.Body.String(), `"scimType":"uniqueness"`) {
			t.Errorf("a fault: %d %s", w.Code, w.Body)
		}
	})

	t.Run("scim:EVT-10 a bulk request has an answer for each operation: txn, a colon and the index in the request, whatever the bulkId", func(t *testing.T) {
		s := newSystem(t, nil)
		st := s.stream(directory.StreamDraft{})
		ada := s.user("ada")
		w := s.later("POST", "/scim/v2/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
			{"method":"POST","path":"/Groups","bulkId":"7","data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Crew","members":[{"value":"bulkId:0"}]}},
			{"method":"PATCH","path":"/Users/`+ada.ID+`","data":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"title","value":"Countess"}]}},
			{"method":"POST","path":"/Users","bulkId":"0","data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bob"}},
			{"method":"DELETE","path":"/Users/`+ada.ID+`"}]}`)
		txn := w.Header().Get("Set-Txn")
		var result answer
		if err := json.Unmarshal(s.result(w, "").Body.Bytes(), &result); err != nil || len(result.Sets) != 4 {
			t.Fatalf("%v: %v", err, result)
		}
		told := s.answered(st, 4)
		want := map[string][]string{
			txn + ":0": {"POST", "7", "201", "/Groups/"}, txn + ":1": {"PATCH", "", "200", "/Users/" + ada.ID},
			txn + ":2": {"POST", "0", "201", "/Users/"}, txn + ":3": {"DELETE", "", "204", "/Users/" + ada.ID},
		}
		got, read := map[string][]string{}, map[string]string{}
		for n := range 4 {
			e := s.verify(s.result(w, fmt.Sprint(":", n)).Body.String())
			read[e.JTI] = e.text
		}
		for _, set := range result.Sets {
			e := s.verify(set)
			if read[e.JTI] != e.text {
				t.Errorf("alone it says %s, among all %s", read[e.JTI], e.text)
			}
		}
		for txn, e := range told {
			p := e.Events[asyncresp]
			uri := e.About.URI
			if p.Method == "POST" {
				uri = strings.TrimSuffix(uri, e.About.ID)
			}
			got[txn] = []string{p.Method, p.BulkID, p.Status, uri}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	})

	t.Run("operations that failOnErrors leaves have an answer too", func(t *testing.T) {
		s := newSystem(t, nil)
		st := s.stream(directory.StreamDraft{})
		w := s.later("POST", "/scim/v2/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":1,"Operations":[
			{"method":"DELETE","path":"/Users/none"},
			{"method":"DELETE","path":"/Users/none"},
			{"method":"POST","path":"/Users","bulkId":"x","data":{"userName":"bob"}}]}`)
		txn, status := w.Header().Get("Set-Txn"), []string{}
		told := s.answered(st, 3)
		for n := range 3 {
			p := told[fmt.Sprint(txn, ":", n)].Events[asyncresp]
			status = append(status, p.Status+" "+p.Method+p.BulkID+" "+fmt.Sprint(p.Response["status"]))
		}
		if diff := cmp.Diff([]string{"404 DELETE 404", "424 DELETE 424", "424 POSTx 424"}, status); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	})

	t.Run("scim:EVT-11 a failed operation carries response with the members of an error", func(t *testing.T) {
		s := newSystem(t, nil)
		st := s.stream(directory.StreamDraft{})
		s.user("ada")
		taken := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ADA"}`
		bulk := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"POST","path":"/Users","bulkId":"x","data":` + taken + `}]}`
		single := s.later("POST", "/scim/v2/Users", taken).Header().Get("Set-Txn")
		many := s.later("POST", "/scim/v2/Bulk", bulk).Header().Get("Set-Txn") + ":0"
		broken := s.later("PUT", "/scim/v2/Users/none", `{"userName":`).Header().Get("Set-Txn")
		told := s.answered(st, 3)
		for txn, want := range map[string][]string{single: {"POST", "409", "uniqueness", "/Users"}, many: {"POST", "409", "uniqueness", "/Users"},
			broken: {"PUT", "400", "invalidSyntax", "/Users/none"}} {
			p := told[txn].Events[asyncresp]
			got := []string{p.Method, p.Status, fmt.Sprint(p.Response["scimType"]), told[txn].About.URI}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", told[txn].text, diff)
			}
			if p.Response["status"] != p.Status || p.Response["detail"] == "" ||
				fmt.Sprint(p.Response["schemas"]) != "[urn:ietf:params:scim:api:messages:2.0:Error]" {
				t.Errorf("response %v", p.Response)
			}
		}
	})

	t.Run("scim:EVT-12 the result is for who has asked for it, by its credential, and for administrators", func(t *testing.T) {
		s := newSystem(t, nil)
		s.stream(directory.StreamDraft{})
		w := s.later("POST", "/scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}`)
		if got := s.result(w, ""); got.Code != 200 {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		path := strings.TrimPrefix(w.Header().Get("Location"), publicURL)
		for secret, want := range map[string]int{"": 401, "nobody": 401, "receiver-token": 404, directorytest.OtherToken: 404, "limited-token": 404,
			"admin-token": 200, directorytest.DevToken: 200} {
			got := s.ask("GET", path, secret, "")
			if got.Code != want || want == 401 && got.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%q: %d %s", secret, got.Code, got.Body)
			}
		}
		for _, more := range []string{"x", ":0", ":1", ":x"} {
			if got := s.ask("GET", path+more, directorytest.DevToken, ""); got.Code != 404 {
				t.Errorf("%s: %d %s", more, got.Code, got.Body)
			}
		}
	})

	t.Run("scim:EVT-14 where it is not offered, Prefer is ignored", func(t *testing.T) {
		ordinary := func(s *system, path, body string) {
			t.Helper()
			w := s.later("POST", path, body, "Prefer: wait=1")
			if w.Code != 201 || w.Body.Len() == 0 || w.Header().Get("Set-Txn") != "" || w.Header().Get("Preference-Applied") != "" {
				t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
			}
		}
		s := newSystem(t, nil)
		ordinary(s, "/scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}`) // no stream
		s.stream(directory.StreamDraft{})
		ordinary(s, "/environments/"+directorytest.Environment+"/v2/Users", `{"userName":"bob","urn:pingidentity:schemas:extension:2.0:PingOneUser":{"population":{"id":"`+directorytest.Population+`"}}}`)
		for _, request := range [][2]string{{"GET", "/scim/v2/Users"}, {"POST", "/scim/v2/Users/.search"}} { // nothing is written
			w := s.later(request[0], request[1], `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}`)
			if w.Code != 200 || w.Header().Get("Set-Txn") != "" {
				t.Errorf("%v: %d %s", request, w.Code, w.Body)
			}
		}
	})

	t.Run("what cannot be a bulk request is refused at once", func(t *testing.T) {
		s := newSystem(t, nil)
		s.stream(directory.StreamDraft{})
		for _, body := range []string{`{`, `[]`, `{"Operations":{}}`, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` +
			strings.Repeat(`{"method":"DELETE","path":"/Users/x"},`, 1000) + `{"method":"DELETE","path":"/Users/x"}]}`} {
			if w := s.later("POST", "/scim/v2/Bulk", body); w.Code/100 != 4 {
				t.Errorf("%.60s: %d %s", body, w.Code, w.Body)
			}
		}
	})

	t.Run("others' answers are not told to who is told of a part", func(t *testing.T) {
		s := newSystem(t, nil)
		all, part := s.stream(directory.StreamDraft{}), s.stream(directory.StreamDraft{Types: []string{"Group"}})
		s.result(s.later("POST", "/scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}`), "")
		s.answered(all, 1)
		if got := s.poll(part, atOnce).events; len(got) > 0 {
			t.Errorf("told %v", lines(got))
		}
	})

	t.Run("nothing secret", func(t *testing.T) {
		s := newSystem(t, nil)
		st, all := s.stream(directory.StreamDraft{Full: true}), s.stream(directory.StreamDraft{Full: true})
		ok := s.later("POST", "/scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","password":"Canary-1-pass"}`)
		short := s.later("POST", "/scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bob","password":"Canary"}`)
		texts := []string{s.verify(s.result(ok, "").Body.String()).text, s.verify(s.result(short, "").Body.String()).text, s.log.String()}
		s.answered(st, 2)
		for _, e := range s.poll(all, atOnce).events {
			texts = append(texts, e.text)
		}
		for _, text := range texts {
			if strings.Contains(text, "Canary") {
				t.Errorf("a secret: %s", text)
			}
		}
	})
}

// slow returns a feed of the directory, and its door with one route that answers
// when it is let.
func slow(t *testing.T, s *system, timeout time.Duration, handle route.Handler) (*feed.Feed, http.Handler) {
	t.Helper()
	f, err := feed.New(t.Context(), feed.Config{Directory: s.dir, PublicURL: publicURL, Log: slog.New(slog.NewTextHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	word := func(w http.ResponseWriter, _ *http.Request, err error) {
		w.WriteHeader(500)
		_, _ = fmt.Fprintf(w, `{"status":"500","detail":%q}`, err)
	}
	m, err := route.New(f.Async([]route.Door{{Name: "slow", Prefix: "/slow", Schemes: []string{"Bearer"}, Error: word, Routes: []route.Route{
		{Method: "POST", Path: "/Users", Permission: directory.WriteUsers, Handle: handle, Timeout: timeout},
	}}}), pass{directorytest.Caller(t, s.dir, directorytest.DevToken)})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	return f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		m.ServeHTTP(w, r.WithContext(route.WithRequestID(r.Context(), fmt.Sprint("slow-", n))))
	})
}

// pass lets everybody pass as the caller.
type pass struct{ directory.Caller }

func (p pass) Authenticate(*http.Request, *route.Door) (directory.Caller, error) {
	return p.Caller, nil
}

func (p pass) Anonymous(*http.Request) error { return nil }

func (p pass) Authorise(_ context.Context, c directory.Caller, _ directory.Scope, _ directory.Permission) (directory.Caller, error) {
	return c, nil
}

func post(h http.Handler, prefer string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/slow/Users", strings.NewReader(`{}`))
	r.Header.Set("Prefer", prefer)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSlow(t *testing.T) {
	t.Run("what is not done within wait is answered later", func(t *testing.T) {
		s := newSystem(t, nil)
		st := s.stream(directory.StreamDraft{})
		release := make(chan struct{})
		_, h := slow(t, s, time.Second, func(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
			<-release
			w.WriteHeader(http.StatusCreated)
			return nil
		})
		w := post(h, "respond-async, wait=100")
		if w.Code != 202 || w.Header().Get("Set-Txn") != "slow-1" || w.Body.Len() > 0 {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		close(release)
		if p := s.answered(st, 1)["slow-1"].Events[asyncresp]; p.Status != "201" {
			t.Errorf("%+v", p)
		}
	})
	t.Run("a handler that breaks down has an answer", func(t *testing.T) {
		s := newSystem(t, nil)
		st := s.stream(directory.StreamDraft{})
		_, h := slow(t, s, 0, func(w http.ResponseWriter, _ *http.Request, _ directory.Caller) error { panic("boom") })
		post(h, "respond-async")
		if p := s.answered(st, 1)["slow-1"].Events[asyncresp]; p.Status != "500" || p.Response["detail"] != "panic" {
			t.Errorf("%+v", p)
		}
	})
	t.Run("a fault of the server is logged, of a part of the answer too", func(t *testing.T) {
		s := newSystem(t, nil)
		st := s.stream(directory.StreamDraft{})
		_, h := slow(t, s, 0, func(w http.ResponseWriter, _ *http.Request, c directory.Caller) error {
			c.Trace.Fail(errors.New("one of many"))
			return errors.New("disk on fire")
		})
		post(h, "respond-async")
		s.answered(st, 1)
		if log := s.log.String(); !strings.Contains(log, "one of many") || !strings.Contains(log, "disk on fire") {
			t.Errorf("log %s", log)
		}
	})
	t.Run("the client may go; the work does not", func(t *testing.T) {
		s := newSystem(t, nil)
		st := s.stream(directory.StreamDraft{})
		_, h := slow(t, s, 0, func(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
			if r.Context().Err() != nil {
				return r.Context().Err()
			}
			return nil
		})
		post(h, "respond-async") // whose context ends with the answer
		if p := s.answered(st, 1)["slow-1"].Events[asyncresp]; p.Status != "200" {
			t.Errorf("%+v", p)
		}
	})
	t.Run("so many run and no more: others are answered at once", func(t *testing.T) {
		s := newSystem(t, nil)
		st := s.stream(directory.StreamDraft{})
		release := make(chan struct{})
		_, h := slow(t, s, 0, func(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
			if !strings.Contains(r.Header.Get("Prefer"), "last") {
				<-release
			}
			w.WriteHeader(http.StatusCreated)
			return nil
		})
		var codes []int
		for range 16 {
			codes = append(codes, post(h, "respond-async").Code)
		}
		codes = append(codes, post(h, "respond-async, last").Code)
		close(release)
		if !slices.Equal(codes, append(slices.Repeat([]int{202}, 16), 201)) {
			t.Errorf("answers %v", codes)
		}
		s.answered(st, 16)
	})
	t.Run("what another server has given up for this one is not noted again, and its place is free", func(t *testing.T) {
		s := newSystem(t, nil)
		s.stream(directory.StreamDraft{})
		release := make(chan struct{})
		_, h := slow(t, s, 0, func(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
			<-release
			return nil
		})
		for range 16 {
			post(h, "respond-async")
		}
		if err := s.dir.BreakPromises(t.Context(), 0, "500", nil); err != nil {
			t.Fatal(err)
		}
		close(release)
		for end := time.Now().Add(20 * time.Second); post(h, "respond-async").Code != 202; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("no place becomes free")
			}
		}
	})
}

// TestAsyncNodes: a node that starts answers for those that were killed, and not
// for those that are at work.
func TestAsyncNodes(t *testing.T) {
	cfg := directory.Config{Database: storetest.Postgres(t).URL}
	s := systemOn(t, cfg, nil)
	st := s.stream(directory.StreamDraft{})
	release := make(chan struct{})
	_, h := slow(t, s, 0, func(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
		<-release
		w.WriteHeader(http.StatusCreated)
		return nil
	})
	if w := post(h, "respond-async"); w.Code != 202 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	<-s.endFeed() // the next node does now what one does for all

	killed := cfg
	killed.Now = func() time.Time { return time.Now().Add(-6 * time.Minute) }
	d, err := directory.Open(t.Context(), killed)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Promise(t.Context(), s.caller, s.caller.Home(), []directory.Question{{Method: "DELETE", Path: "/Users/x"}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	next := systemOn(t, cfg, nil)
	told := next.answered(st, 1)
	if p := told["request-1"].Events[asyncresp]; len(told) != 1 || p.Status != "500" {
		t.Errorf("%+v", told)
	}
	close(release)
	told = next.answered(st, 1)
	if p := told["slow-1"].Events[asyncresp]; p.Status != "201" {
		t.Errorf("%+v", told)
	}
}

// TestAsyncRestart: a request that was accepted is answered, also by a server
// that did not accept it.
func TestAsyncRestart(t *testing.T) {
	t.Run("a server that stops answers what it has accepted", func(t *testing.T) {
		folder := t.TempDir()
		s := systemAt(t, folder, nil)
		st := s.stream(directory.StreamDraft{})
		txn := s.later("POST", "/scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}`).Header().Get("Set-Txn")
		s.stop()
		s = systemAt(t, folder, nil)
		if p := s.answered(st, 1)[txn].Events[asyncresp]; p.Status != "201" {
			t.Errorf("%+v", p)
		}
	})
	t.Run("what a server has not answered the next one does, and says that it does not know", func(t *testing.T) {
		folder := t.TempDir()
		s := systemAt(t, folder, nil)
		st := s.stream(directory.StreamDraft{})
		questions := []directory.Question{{Method: "PUT", Path: "/Users/x", Bulk: true}, {Method: "POST", Path: "/Users", BulkID: "7", Bulk: true}}
		if err := s.dir.Promise(t.Context(), s.caller, s.caller.Home(), questions); err != nil {
			t.Fatal(err)
		}
		s.stop()
		s = systemAt(t, folder, func(cfg *feed.Config) { cfg.Abandoned = time.Millisecond })
		told := s.answered(st, 2)
		for txn, want := range map[string]string{"request-1:0": "PUT  /Users/x 500", "request-1:1": "POST 7 /Users 500"} {
			p := told[txn].Events[asyncresp]
			if got := fmt.Sprintf("%s %s %s %v", p.Method, p.BulkID, told[txn].About.URI, p.Response["status"]); got != want || p.Status != "500" {
				t.Errorf("%s: got %s, want %s", txn, got, want)
			}
		}
		answers := make([]directory.Answer, 2)
		if err := s.dir.KeepPromise(t.Context(), s.caller, s.caller.Home(), answers); rule(err) != scim.RuleNotFound {
			t.Errorf("answered twice: %v", err)
		}
		other := s.caller
		other.RequestID = "request-2"
		if err := s.dir.KeepPromise(t.Context(), other, other.Home(), answers); rule(err) != scim.RuleNotFound {
			t.Errorf("answered without a question: %v", err)
		}
	})
}

func TestConfiguration(t *testing.T) {
	t.Run("scim:DIS-07 securityEvents has asyncRequest and eventUris, where the environment has a stream; else it is absent", func(t *testing.T) {
		s := newSystem(t, nil)
		config := func(path, secret string) *scim.Object {
			t.Helper()
			w := s.ask("GET", path+"/ServiceProviderConfig", secret, "")
			if w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			return read(t, w.Body.String())
		}
		own := "/scim/" + directorytest.Environment + "/v2"
		if v, ok := config("/scim/v2", directorytest.DevToken).Lookup("securityEvents"); ok {
			t.Errorf("without a stream: %s", v)
		}
		s.stream(directory.StreamDraft{})
		for path, secret := range map[string]string{"/scim/v2": directorytest.DevToken, own: ""} {
			v := config(path, secret).Get("securityEvents").Object()
			var uris []string
			for _, uri := range v.Get("eventUris").List() {
				uris = append(uris, uri.Text())
			}
			if v.Len() != 2 || v.Get("asyncRequest").Text() != "request" || !slices.Equal(uris, feed.URIs()) || !slices.Contains(uris, asyncresp) {
				t.Errorf("%s: %v", path, v.Members)
			}
		}
		for path, secret := range map[string]string{"/scim/v2": "", "/scim": directorytest.OtherToken, "/scim/" + directorytest.Other + "/v2": "",
			"/environments/" + directorytest.Environment + "/v2": directorytest.DevToken} {
			if v, ok := config(path, secret).Lookup("securityEvents"); ok {
				t.Errorf("%s by %q: %s", path, secret, v)
			}
		}
		schema := s.ask("GET", "/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig", "", "").Body.String()
		if !strings.Contains(schema, `"name":"securityEvents"`) || !strings.Contains(schema, `"name":"asyncRequest"`) || !strings.Contains(schema, `"name":"eventUris"`) {
			t.Errorf("the schema has it not: %s", schema)
		}
	})
}
