package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

const (
	// maxAsync is how many accepted requests run at a time. Others are answered
	// as if nobody had asked for anything else.
	maxAsync = 16
	// asyncTimeout is how long an accepted request may run whose route does not say.
	asyncTimeout = 30 * time.Second
	// resultsPrefix is where the answers to accepted requests are read.
	resultsPrefix = "/events/results"
)

// errorSchema is the URN of an error (RFC 7644 3.12).
const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"

// Async lets clients of the doors ask for an answer later (RFC 9967 2.5.1):
// requests that write, with Prefer: respond-async, are accepted with 202, and
// their answers are told as events and read at a door of the same name that
// Async adds. Environments without a stream do not offer it.
func (f *Feed) Async(doors []route.Door) []route.Door {
	out := make([]route.Door, len(doors), len(doors)+1)
	for i, d := range doors {
		out[i] = d
		out[i].Routes = slices.Clone(d.Routes)
		for j := range out[i].Routes {
			if rt := &out[i].Routes[j]; writes(*rt) {
				rt.Handle = f.later(d, *rt)
			}
		}
	}
	return append(out, route.Door{
		Name: doors[0].Name, Prefix: resultsPrefix, Schemes: doors[0].Schemes, Error: writeError,
		Routes: []route.Route{{Method: http.MethodGet, Path: "/{id}", Permission: directory.ReadDirectory, Handle: f.result}},
	})
}

// writes reports whether the route creates, changes or deletes resources.
func writes(rt route.Route) bool {
	segments := strings.Count(rt.Path, "/")
	switch {
	case rt.Path == "/Bulk":
		return rt.Method == http.MethodPost
	case rt.Path == "/Me":
		return rt.Method != http.MethodGet && rt.Method != http.MethodPost
	case rt.Permission != directory.WriteUsers && rt.Permission != directory.WriteGroups && rt.Permission != directory.WriteResources:
		return false
	case rt.Method == http.MethodPost:
		return segments == 1
	}
	return segments == 2 && slices.Contains([]string{http.MethodPut, http.MethodPatch, http.MethodDelete}, rt.Method)
}

// A preference is what the header Prefer asks for, as far as it concerns us
// (RFC 7240 4.1, 4.3).
type preference struct {
	async bool
	wait  time.Duration
}

// readPrefer reads the header. What it does not understand is passed over; of
// a preference that is there twice the first counts (RFC 7240 2).
func readPrefer(values []string) preference {
	var p preference
	seen := map[string]bool{}
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		item, _, _ = strings.Cut(item, ";")
		name, value, _ := strings.Cut(item, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "respond-async":
			p.async = true
		case "wait":
			if n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 16); err == nil {
				p.wait = time.Duration(n) * time.Second
			}
		}
	}
	return p
}

// later returns the handler of a route whose answer may come later.
func (f *Feed) later(d route.Door, rt route.Route) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
		p := readPrefer(r.Header.Values("Prefer"))
		if !p.async {
			return rt.Handle(w, r, c)
		}
		if has, err := f.dir.HasStreams(r.Context(), c.Environment); err != nil {
			return err
		} else if !has {
			return rt.Handle(w, r, c)
		}
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(text))
		a := &accepted{feed: f, door: d, route: rt, caller: c, text: text, path: below(rt, r.URL), done: make(chan struct{})}
		if a.questions = a.ask(); len(a.questions) == 0 || !f.begin() {
			return rt.Handle(w, r, c)
		}
		return a.serve(w, r, p)
	}
}

// below returns the path of the request below the base of the door.
func below(rt route.Route, u *url.URL) string {
	segments := strings.Split(strings.TrimRight(u.EscapedPath(), "/"), "/")
	return "/" + strings.Join(segments[max(0, len(segments)-strings.Count(rt.Path, "/")):], "/")
}

// begin takes one of the places of accepted requests; false if there is none,
// or the server stops.
func (f *Feed) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ending || f.running == maxAsync {
		return false
	}
	f.running++
	f.background.Add(1)
	return true
}

func (f *Feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running--
	f.background.Done()
}

// An accepted request is one that is answered later, if it is not done in time.
type accepted struct {
	feed      *Feed
	door      route.Door
	route     route.Route
	caller    directory.Caller
	text      []byte // of the body
	path      string
	questions []directory.Question // of a bulk request one for each operation
	out       recorder
	done      chan struct{} // closed when out is complete
}

// serve waits as long as the client likes to, and then answers with what there
// is: the answer itself, or that it will come.
func (a *accepted) serve(w http.ResponseWriter, r *http.Request, p preference) error {
	if p.wait > 0 {
		go func() { defer close(a.done); a.run(r) }()
		if a.within(r.Context(), p.wait) {
			a.feed.end()
			return a.out.replay(w)
		}
	}
	// The time of the request may be nearly over, and the answer is to be 202.
	if err := a.feed.dir.Promise(context.WithoutCancel(r.Context()), a.caller, a.caller.Home(), a.questions); err != nil {
		if p.wait > 0 { // it runs: nothing is left but to wait for it
			<-a.done
			a.feed.end()
			return a.out.replay(w)
		}
		a.feed.end()
		return err
	}
	if p.wait == 0 {
		go func() { defer close(a.done); a.run(r) }()
	}
	go a.keep()
	h := w.Header()
	h.Set("Set-Txn", a.caller.RequestID)
	h.Set("Preference-Applied", "respond-async")
	h.Set("Location", a.feed.cfg.PublicURL+resultsPrefix+"/"+a.caller.RequestID)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// within reports whether the request is done in time. There must be some left
// to say that it is not.
func (a *accepted) within(ctx context.Context, wait time.Duration) bool {
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(end)*4/5)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-a.done:
		return true
	case <-timer.C:
		return false
	}
}

// run lets the route's own handler answer into the recorder, whoever waits for it.
func (a *accepted) run(r *http.Request) {
	timeout := a.route.Timeout
	if timeout == 0 {
		timeout = asyncTimeout
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), timeout)
	defer cancel()
	r = r.Clone(ctx)
	r.Body = io.NopCloser(bytes.NewReader(a.text))
	defer func() {
		if fault := recover(); fault != nil {
			a.feed.fault(ctx, "answer later", fmt.Errorf("panic: %v", fault))
			a.out = recorder{}
			a.door.Error(&a.out, r, errors.New("panic"))
		}
	}()
	err := a.route.Handle(&a.out, r, a.caller)
	if scim.Faults(err) == nil && errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(&scim.Error{Rule: scim.RuleBusy, Allowed: []string{"1"}}, err)
	}
	if fault := a.caller.Trace.Fault(); fault != nil {
		a.feed.fault(r.Context(), "answer later", fault)
	}
	if err != nil {
		if scim.Faults(err) == nil {
			a.feed.fault(r.Context(), "answer later", err)
		}
		a.out = recorder{}
		a.door.Error(&a.out, r, err)
	}
}

// keep notes the answer when it is there. It tries until there is one, which may
// be another server's that has taken this one for stopped, or until the server
// stops: then the next start answers, as well as it can.
func (a *accepted) keep() {
	defer a.feed.end()
	<-a.done
	ctx := context.Background()
	answers := a.answers()
	for failures := 1; ; failures++ {
		err := a.feed.dir.KeepPromise(ctx, a.caller, a.caller.Home(), answers)
		if err == nil || scim.Is(err, scim.RuleNotFound) {
			return
		}
		a.feed.fault(ctx, "note an answer", err)
		timer := time.NewTimer(a.feed.backoff(failures))
		select {
		case <-timer.C:
		case <-a.feed.leaving:
			timer.Stop()
			return
		}
	}
}

// ask returns what the request asks for: of a bulk request each operation, none
// if there are none to be found, whose fault is then told at once.
func (a *accepted) ask() []directory.Question {
	if a.route.Path != "/Bulk" {
		return []directory.Question{{Method: a.route.Method, Path: a.path}}
	}
	body, err := scim.ReadObject(a.text, scim.Limits{Depth: 36, Values: 1_000_000})
	if err != nil {
		return nil
	}
	operations, _ := body.Find("Operations")
	if len(operations.List()) > 1000 {
		return nil
	}
	var out []directory.Question
	for _, op := range operations.List() {
		text := func(name string) string { v, _ := op.Object().Find(name); return v.Text() }
		out = append(out, directory.Question{Method: strings.ToUpper(text("method")), Path: text("path"), BulkID: text("bulkId"), Bulk: true})
	}
	return out
}

// answers returns what became of each question.
func (a *accepted) answers() []directory.Answer {
	status := strconv.Itoa(max(a.out.status, http.StatusOK))
	body, _ := scim.ReadObject(a.out.body.Bytes(), scim.Limits{Values: 1_000_000, Members: 10_000})
	out := make([]directory.Answer, len(a.questions))
	if a.route.Path == "/Bulk" && a.out.status == http.StatusOK {
		return a.bulkAnswers(body.Get("Operations").List())
	}
	for i, q := range a.questions {
		out[i] = directory.Answer{Question: q, Status: status, Version: a.out.Header().Get("ETag")}
		if a.out.status >= 300 {
			out[i].Version, out[i].Response = "", body
		}
		locate(&out[i], a.out.Header().Get("Location"))
	}
	return out
}

// bulkAnswers returns what became of each operation. The response has those
// that were begun, in the order of the request: all up to where failOnErrors
// stopped, and of the rest some that have a bulkId, which is unique.
func (a *accepted) bulkAnswers(begun []scim.Value) []directory.Answer {
	out := make([]directory.Answer, len(a.questions))
	for i, q := range a.questions {
		out[i] = directory.Answer{Question: q, Status: "424", Response: problem("424", "the operation was not begun: failOnErrors ended the request before it")}
		locate(&out[i], "")
		if len(begun) == 0 {
			continue
		}
		text := func(name string) string { return begun[0].Object().Get(name).Text() }
		if text("method") != q.Method || text("bulkId") != q.BulkID {
			continue
		}
		out[i] = directory.Answer{Question: q, Status: text("status"), Version: text("version"), Response: begun[0].Object().Get("response").Object()}
		locate(&out[i], text("location"))
		begun = begun[1:]
	}
	return out
}

// locate says whom the answer is about: the resource at the location, or the
// one that was asked for.
func locate(a *directory.Answer, location string) {
	if segments := strings.Split(location, "/"); len(segments) > 2 {
		a.Path = "/" + strings.Join(segments[len(segments)-2:], "/")
	}
	if segments := strings.Split(a.Path, "/"); len(segments) == 3 && !strings.HasPrefix(segments[2], "bulkId:") {
		a.ID, _ = url.PathUnescape(segments[2])
	}
}

// problem returns an error (RFC 7644 3.12).
func problem(status, detail string) *scim.Object {
	return scim.NewObject(member("schemas", scim.Strings(errorSchema)), member("status", scim.StringValue(status)), member("detail", scim.StringValue(detail)))
}

// result answers with the token that tells the answer to an accepted request;
// for a bulk request, with those of its operations by their jti, as a poll does.
func (f *Feed) result(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
	txn := r.PathValue("id")
	events, err := f.dir.Answers(r.Context(), c, c.Home(), txn)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		w.Header().Set("Set-Txn", txn)
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	to := &directory.Stream{StreamDraft: directory.StreamDraft{Audience: []string{f.cfg.PublicURL + resultsPrefix}}}
	sets := scim.NewObject()
	for i := range events {
		t, err := f.mint.token(to, &events[i])
		if err != nil {
			return err
		}
		if len(events) == 1 && (!events[i].Answer.Bulk || strings.Contains(txn, ":")) {
			w.Header().Set("Content-Type", "application/"+tokenType)
			w.Header().Set("Cache-Control", "no-store")
			_, _ = io.WriteString(w, t.jws) // who has gone away need not be told
			return nil
		}
		sets.Members = append(sets.Members, member(t.jti, scim.StringValue(t.jws)))
	}
	send(w, http.StatusOK, scim.NewObject(member("sets", scim.ObjectValue(sets))))
	return nil
}

// A recorder keeps an answer. The zero recorder is empty.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (o *recorder) Header() http.Header {
	if o.header == nil {
		o.header = http.Header{}
	}
	return o.header
}

// WriteHeader implements http.ResponseWriter.
func (o *recorder) WriteHeader(status int) {
	if o.status == 0 && status >= 200 {
		o.status = status
	}
}

// Write implements http.ResponseWriter.
func (o *recorder) Write(b []byte) (int, error) {
	o.WriteHeader(http.StatusOK)
	return o.body.Write(b)
}

// replay answers with what was kept.
func (o *recorder) replay(w http.ResponseWriter) error {
	maps.Copy(w.Header(), o.header)
	w.WriteHeader(max(o.status, http.StatusOK))
	_, _ = w.Write(o.body.Bytes()) // who has gone away need not be told
	return nil
}
