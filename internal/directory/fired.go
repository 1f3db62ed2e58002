package directory

import (
	"slices"
	"sync"
)

// Fired collects the names of the rewrites that were used on one request, so
// that nothing is put right silently: the directory writes them into the audit
// row of what the request changes, the server logs and counts them.
//
// A *Fired may be used by several goroutines. A nil one collects nothing.
type Fired struct {
	whole *Fired // of the request, nil if this is it
	mu    sync.Mutex
	names []string
}

// Add collects a name: that of a rewrite (scim.Rewrites.String), or of some
// other leniency, as unknown-ignore. Names are words of the program, never what a
// client sent. The method value fits the fields Fired of package scim.
func (f *Fired) Add(name string) {
	if f == nil {
		return
	}
	f.whole.Add(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.names, name) {
		f.names = append(f.names, name)
	}
}

// Names returns what was collected, each name once, in order of first use.
func (f *Fired) Names() []string {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.names)
}

// Part returns a Fired for one of several operations of a request: it begins
// with the names collected so far, and what it collects is also of the request.
func (f *Fired) Part() *Fired { return &Fired{whole: f, names: f.Names()} }
