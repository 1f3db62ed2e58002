package feed

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

const (
	defaultTokens = 100  // in the answer to a poll that does not say
	maxTokens     = 1000 // in any answer
	// maxWaiting is how many polls of a stream may wait for events at a time;
	// others are answered at once.
	maxWaiting = 2
)

// A pollRequest is what a receiver sends (RFC 8936 2.2).
type pollRequest struct {
	most    int // tokens in the answer; 0 asks for none
	wait    bool
	ack     []string          // jti of the events that the receiver has
	refused map[string]string // code of the error by the jti of the events that it takes for faulty
}

// readPoll reads the body of a poll. Members that it does not know are passed
// over. Errors: those of scim.ReadObject, RuleType.
func readPoll(body []byte) (pollRequest, error) {
	q := pollRequest{most: defaultTokens, wait: true}
	o, err := scim.ReadObject(body, scim.Limits{Members: 2 * maxTokens})
	if err != nil {
		return q, err
	}
	wrong := func(path, kind string) error {
		return &scim.Error{Rule: scim.RuleType, Path: path, Detail: "it must be " + kind, Allowed: []string{kind}}
	}
	if v, ok := o.Lookup("maxEvents"); ok {
		n, err := strconv.ParseUint(v.Text(), 10, 31)
		if v.Kind() != scim.Number || err != nil {
			return q, wrong("maxEvents", "a number of events")
		}
		q.most = min(int(n), maxTokens)
	}
	if v, ok := o.Lookup("returnImmediately"); ok {
		if v.Kind() != scim.Bool {
			return q, wrong("returnImmediately", "true or false")
		}
		q.wait = !v.Bool()
	}
	if v, ok := o.Lookup("ack"); ok {
		if v.Kind() != scim.Array {
			return q, wrong("ack", "an array of jti")
		}
		for i, item := range v.List() {
			if item.Kind() != scim.String {
				return q, wrong("ack["+strconv.Itoa(i)+"]", "a jti")
			}
			q.ack = append(q.ack, item.Text())
		}
	}
	if v, ok := o.Lookup("setErrs"); ok {
		if v.Kind() != scim.ObjectKind {
			return q, wrong("setErrs", "an object of errors by jti")
		}
		q.refused = make(map[string]string, v.Object().Len())
		for i, m := range v.Object().Members {
			code := m.Value.Object().Get("err")
			if code.Kind() != scim.String {
				return q, wrong("setErrs member "+strconv.Itoa(i+1), "an object with the member err")
			}
			q.refused[m.Name] = code.Text()
		}
	}
	return q, nil
}

// poll acknowledges events and answers with the oldest ones that are not
// acknowledged (RFC 8936 2).
func (f *Feed) poll(w http.ResponseWriter, r *http.Request, c directory.Caller) error {
	ctx := r.Context()
	if contentType := r.Header.Get("Content-Type"); !isJSON(contentType) {
		return &scim.Error{Rule: scim.RuleMediaType, Value: contentType, Allowed: []string{plainJSON}}
	}
	s, err := f.dir.OpenStream(ctx, c, c.Home(), r.PathValue("id"))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	q, err := readPoll(body)
	if err != nil {
		return err
	}
	if err := f.acknowledge(ctx, s, q); err != nil {
		return err
	}
	tokens, more, err := f.await(ctx, s, q)
	if err != nil {
		return err
	}
	sets := scim.NewObject()
	for _, t := range tokens {
		sets.Members = append(sets.Members, member(t.jti, scim.StringValue(t.jws)))
	}
	answer := scim.NewObject(member("sets", scim.ObjectValue(sets)))
	if more {
		answer.Set("moreAvailable", scim.BoolValue(true))
	}
	send(w, http.StatusOK, answer)
	return nil
}

// acknowledge notes what the receiver has. What it could never have got from
// this stream is passed over: it may be an old acknowledgement sent again.
func (f *Feed) acknowledge(ctx context.Context, s *directory.Stream, q pollRequest) error {
	var taken, refused []directory.Receipt
	for _, jti := range q.ack {
		if r, ok := f.mint.receipt(s.Key(), jti); ok {
			taken = append(taken, r)
		}
	}
	for jti, code := range q.refused {
		r, ok := f.mint.receipt(s.Key(), jti)
		if !ok {
			continue
		}
		refused = append(refused, r)
		f.log.LogAttrs(ctx, slog.LevelWarn, "event refused", slog.String("stream", s.ID), slog.String("jti", jti), slog.String("error", harmless(code)))
	}
	return f.dir.Acknowledge(ctx, s.ID, taken, refused)
}

// harmless returns the start of a receiver's word, as far as it is one.
func harmless(code string) string {
	for i, r := range code {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' || i == 40 {
			return code[:i]
		}
	}
	return code
}

// await returns the tokens that the poll asks for. Where there are none and it
// may wait, it waits for the first.
func (f *Feed) await(ctx context.Context, s *directory.Stream, q pollRequest) ([]token, bool, error) {
	done := ctx.Done()
	var late <-chan time.Time
	for {
		news := f.news() // before reading: what comes later wakes
		tokens, more, err := f.tokens(ctx, s, q.most)
		if err != nil || len(tokens) > 0 || !q.wait || q.most == 0 {
			return tokens, more, err
		}
		if more { // the log is long and has had nothing for this stream so far
			continue
		}
		if late == nil {
			leave, ok := f.enter(s.ID)
			if !ok {
				return nil, false, nil
			}
			defer leave()
			timer := time.NewTimer(f.cfg.Wait)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-news:
		case <-late:
			return nil, false, nil
		case <-f.leaving:
			return nil, false, nil
		case <-done:
			return nil, false, ctx.Err()
		}
	}
}

// enter counts a poll that waits on the stream, and returns what to call when it
// does no more; false if there are enough of them.
func (f *Feed) enter(stream string) (leave func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting[stream] >= maxWaiting {
		return nil, false
	}
	f.waiting[stream]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.waiting[stream]--; f.waiting[stream] == 0 {
			delete(f.waiting, stream)
		}
	}, true
}
