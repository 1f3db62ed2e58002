package directory

import (
	"errors"
	"slices"
	"sync"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Trace collects what one request leaves behind for operators: the rewrites
// that were used on it, so that nothing is put right silently, and the shapes of
// its filters, and faults of the server in a part of an answer. The directory writes the rewrites into the audit row of what the
// request changes; the server logs all of it and counts the rewrites. But for
// the faults none of it is text of the client.
//
// A *Trace may be used by several goroutines. A nil one collects nothing.
type Trace struct {
	whole *Trace // of the request, nil if this is it

	mu      sync.Mutex
	fired   []string
	filters []string
	faults  []error
}

// Fire adds the name of a rewrite (scim.Rewrites.String) or of some other
// leniency, as unknown-ignore. The method value fits the fields Fired of package scim.
func (t *Trace) Fire(name string) {
	if t == nil {
		return
	}
	t.whole.Fire(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.fired, name) {
		t.fired = append(t.fired, name)
	}
}

// Fired returns the names that were added, each once, in order of first use.
func (t *Trace) Fired() []string {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.fired)
}

// ask adds the shape of a filter that is about to be answered. A request has
// few: those beyond the fourth are left out.
func (t *Trace) ask(f *scim.Filter) {
	const most = 4
	if t == nil || f == nil {
		return
	}
	shape := f.Shape()
	for ; t != nil; t = t.whole {
		t.mu.Lock()
		if len(t.filters) < most && !slices.Contains(t.filters, shape) {
			t.filters = append(t.filters, shape)
		}
		t.mu.Unlock()
	}
}

// Filters returns the shapes of the request's filters (scim SEC-11).
func (t *Trace) Filters() []string {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.filters)
}

// Fail adds a fault of the server that ended one of several operations of a
// request, whose answer as a whole is none. Those beyond the fourth are left out.
func (t *Trace) Fail(err error) {
	const most = 4
	for ; t != nil; t = t.whole {
		t.mu.Lock()
		if len(t.faults) < most {
			t.faults = append(t.faults, err)
		}
		t.mu.Unlock()
	}
}

// Fault returns what was added by Fail, nil if nothing was.
func (t *Trace) Fault() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(t.faults...)
}

// Part returns a Trace for one of several operations of a request: it begins
// with the rewrites used so far, and what it collects is also of the request.
func (t *Trace) Part() *Trace { return &Trace{whole: t, fired: t.Fired()} }
