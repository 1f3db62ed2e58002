package route

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Gate says who asks and whether they may. Package auth has the real one.
type Gate interface {
	// Authenticate returns who sends the request, by one of the door's schemes,
	// also beside an error if that is known.
	// Errors: RuleUnauthenticated; RuleForbidden for a client that may not use
	// the door; RuleRate.
	Authenticate(r *http.Request, d *Door) (directory.Caller, error)
	// Anonymous returns nil if a request that shows no credential may be served
	// at a Public route of a door whose other routes ask for one. Errors: RuleRate.
	Anonymous(r *http.Request) error
	// Authorise returns the caller as it acts in the scope, if it holds the
	// permission there. Errors: RuleForbidden; RuleNotFound for an environment
	// that is not there.
	Authorise(ctx context.Context, c directory.Caller, s directory.Scope, p directory.Permission) (directory.Caller, error)
}

// A Mux leads requests to the routes of doors. It never redirects.
type Mux struct {
	// Timeout is how long a request may take whose route has no Timeout of its
	// own; 0 is as long as it likes. It is set before the first request.
	Timeout time.Duration

	// Edition returns the doors that a caller has in the place of those of the
	// same prefix here, or nil for none. It is set before the first request. Who
	// is not asked for a credential, and OPTIONS, meet the doors of this Mux.
	Edition func(directory.Caller) *Mux

	gate  Gate
	doors []mounted // in the order of pattern.compare
}

type mounted struct {
	*Door
	prefix pattern
	places []place // in the order of pattern.compare
}

// A place is a path of a door with the routes of its methods.
type place struct {
	path    pattern
	routes  []placed
	allowed []string // methods for the header Allow, HEAD and OPTIONS included
	public  bool     // all of its routes are
}

type placed struct {
	*Route
	path pattern // has the route's own names of the variables
}

// Served says what became of a request, for the log.
type Served struct {
	Door   string // empty: no door has the path
	Route  string // Prefix and Path as in the door's table; empty: no route
	Caller directory.Caller
	Err    error // what was worded, or nil
}

// New returns a Mux of the doors whose callers pass the gate.
// Errors: a path that cannot be read, two doors of one prefix, two routes of
// one method and path, a door without Error, a route without Handle, and a
// door without Schemes that has a route that is not Public.
func New(doors []Door, gate Gate) (*Mux, error) {
	m := &Mux{gate: gate}
	doors = slices.Clone(doors)
	for i := range doors {
		d, err := mount(&doors[i])
		if err != nil {
			return nil, fmt.Errorf("door %s at %s: %w", doors[i].Name, doors[i].Prefix, err)
		}
		m.doors = append(m.doors, d)
	}
	slices.SortFunc(m.doors, func(a, b mounted) int { return a.prefix.compare(b.prefix) })
	for i := 1; i < len(m.doors); i++ {
		if a, b := m.doors[i-1], m.doors[i]; a.prefix.compare(b.prefix) == 0 {
			return nil, fmt.Errorf("doors %s and %s have the same prefix %s", a.Name, b.Name, a.Prefix)
		}
	}
	return m, nil
}

func mount(d *Door) (mounted, error) {
	if d.Error == nil {
		return mounted{}, errors.New("no Error")
	}
	prefix, err := parsePattern(d.Prefix)
	if err != nil {
		return mounted{}, err
	}
	at := mounted{Door: d, prefix: prefix}
	for i := range d.Routes {
		if err := at.add(&d.Routes[i]); err != nil {
			return mounted{}, err
		}
	}
	slices.SortFunc(at.places, func(a, b place) int { return a.path.compare(b.path) })
	return at, nil
}

func (at *mounted) add(r *Route) error {
	path, err := parsePattern(r.Path)
	switch {
	case err != nil:
		return err
	case r.Method == "" || r.Handle == nil:
		return fmt.Errorf("route %s %s lacks its method or Handle", r.Method, r.Path)
	case len(at.Schemes) == 0 && r.Permission != directory.Public:
		return fmt.Errorf("route %s %s is not Public, but the door takes no credential", r.Method, r.Path)
	}
	i := slices.IndexFunc(at.places, func(p place) bool { return p.path.compare(path) == 0 })
	if i < 0 {
		i = len(at.places)
		at.places = append(at.places, place{path: path, public: true, allowed: []string{http.MethodOptions}})
	}
	p := &at.places[i]
	if p.route(r.Method) != nil {
		return fmt.Errorf("two routes %s %s", r.Method, r.Path)
	}
	p.routes = append(p.routes, placed{r, path})
	p.public = p.public && r.Permission == directory.Public
	p.allowed = append(p.allowed, r.Method)
	if r.Method == http.MethodGet {
		p.allowed = append(p.allowed, http.MethodHead)
	}
	slices.Sort(p.allowed)
	p.allowed = slices.Compact(p.allowed)
	return nil
}

func (p *place) route(method string) *placed {
	for i := range p.routes {
		if p.routes[i].Method == method {
			return &p.routes[i]
		}
	}
	return nil
}

// Doors returns the doors as they are mounted, with their tables.
func (m *Mux) Doors() []Door {
	doors := make([]Door, len(m.doors))
	for i, d := range m.doors {
		doors[i] = *d.Door
	}
	return doors
}

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.Serve(w, r, &Served{}) }

// Serve leads the request to its route. The first thing that is wrong is
// answered, in this order (scim ERR-06): 401, 404 of the path, 405, the right
// of the route, the size and coding of the body, then what the route finds. An
// unknown path inside a door is a 401 for who does not show a credential. A
// request that does not end before its context does is RuleBusy.
//
// It fills s as it goes, so that who recovers from a panic knows how far it came.
func (m *Mux) Serve(w http.ResponseWriter, r *http.Request, s *Served) {
	segments, ok := split(r.URL.EscapedPath())
	d := m.door(segments)
	if d == nil {
		s.Err = &scim.Error{Rule: scim.RuleNoEndpoint, Path: r.URL.EscapedPath()}
		noDoor(w)
		return
	}
	s.Door = d.Name
	if d, s.Err = m.serve(w, r, d, segments, ok, s); s.Err != nil {
		if scim.Faults(s.Err) == nil && (errors.Is(s.Err, context.DeadlineExceeded) || errors.Is(s.Err, context.Canceled)) {
			s.Err = errors.Join(&scim.Error{Rule: scim.RuleBusy, Allowed: []string{"1"}}, s.Err)
		}
		tellRate(w.Header(), s.Err)
		d.Error(w, r, s.Err)
	}
}

// tellRate tells a client that asks too often what it may, as
// draft-ietf-httpapi-ratelimit-headers does; how long to wait is the door's to say.
func tellRate(h http.Header, err error) {
	if faults := scim.Faults(err); len(faults) > 0 && faults[0].Rule == scim.RuleRate && len(faults[0].Allowed) > 1 {
		h.Set("RateLimit-Policy", `"client";q=`+faults[0].Allowed[1]+`;w=1`)
		h.Set("RateLimit", `"client";r=0;t=`+faults[0].Allowed[0])
	}
}

// Error words err in the shape of the door that the request belongs to, for
// what goes wrong around Serve.
func (m *Mux) Error(w http.ResponseWriter, r *http.Request, err error) {
	segments, _ := split(r.URL.EscapedPath())
	if d := m.door(segments); d != nil {
		d.Error(w, r, err)
		return
	}
	noDoor(w)
}

// serve returns the door that words the error beside it.
func (m *Mux) serve(w http.ResponseWriter, r *http.Request, d *mounted, segments []string, ok bool, s *Served) (*mounted, error) {
	method := d.method(r)
	p, to := d.find(segments, ok, method)
	if p != nil && to == nil && method == http.MethodOptions {
		w.Header().Set("Allow", strings.Join(p.allowed, ", "))
		w.WriteHeader(http.StatusNoContent)
		return d, nil
	}
	r, cancel := m.bound(w, r, to)
	defer cancel()
	public := len(d.Schemes) == 0 || p != nil && p.public || to != nil && to.Permission == directory.Public
	switch {
	case !public, to != nil && to.Identify && r.Header.Get("Authorization") != "":
		c, err := m.gate.Authenticate(r, d.Door)
		s.Caller = c
		if err != nil {
			return d, err
		}
		if own := m.edition(d, segments, c); own != nil {
			d = own
			p, to = d.find(segments, ok, method)
		}
	case len(d.Schemes) > 0:
		if err := m.gate.Anonymous(r); err != nil {
			return d, err
		}
	}
	s.Caller.Door, s.Caller.RequestID, s.Caller.Trace = d.Name, RequestID(r.Context()), &directory.Trace{}
	if d.External != nil {
		s.Caller.External = d.External(r.Header)
	}
	switch {
	case p == nil:
		return d, &scim.Error{Rule: scim.RuleNoEndpoint, Path: r.URL.EscapedPath()}
	case to == nil:
		w.Header().Set("Allow", strings.Join(p.allowed, ", "))
		return d, &scim.Error{Rule: scim.RuleMethod, Value: cmp.Or(d.override(r), r.Method), Allowed: p.allowed}
	}
	s.Route = d.Prefix + to.Path
	return d, m.handle(w, r, d, to, segments, s)
}

// edition returns the door in the place of d that the caller has, or nil.
func (m *Mux) edition(d *mounted, segments []string, c directory.Caller) *mounted {
	if m.Edition == nil {
		return nil
	}
	own := m.Edition(c)
	if own == nil {
		return nil
	}
	if e := own.door(segments); e != nil && e.prefix.compare(d.prefix) == 0 {
		return e
	}
	return nil
}

// find returns the path of the request and its route for the method, as far as there are.
func (d *mounted) find(segments []string, ok bool, method string) (*place, *placed) {
	if !ok {
		return nil, nil
	}
	p := d.place(segments[len(d.prefix):])
	if p == nil {
		return nil, nil
	}
	return p, p.route(method)
}

// handle serves the request at its route.
func (m *Mux) handle(w http.ResponseWriter, r *http.Request, d *mounted, to *placed, segments []string, s *Served) error {
	r = r.WithContext(r.Context()) // a copy: the caller's request keeps its method and body
	r.Method = d.method(r)
	d.prefix.values(r, segments, d.AnyCase)
	c, err := m.authorise(r, s.Caller, to.Permission)
	if err != nil {
		return err
	}
	s.Caller = c
	to.path.values(r, segments[len(d.prefix):], d.AnyCase)
	if err := limitBody(w, r, d.maxBody(to.Route)); err != nil {
		return err
	}
	return to.Handle(w, r, c)
}

// authorise refuses everybody where the table names no permission, and callers
// of other environments before anything of the request is read. What schemas
// there are is told to them too.
func (m *Mux) authorise(r *http.Request, c directory.Caller, p directory.Permission) (directory.Caller, error) {
	scope := c.Home()
	switch p {
	case 0:
		return c, &scim.Error{Rule: scim.RuleForbidden, Detail: "the route names no permission"}
	case directory.Public:
		return c, nil
	case directory.ReadSchemas:
	default:
		scope.Environment = cmp.Or(r.PathValue(EnvironmentVariable), scope.Environment)
	}
	return m.gate.Authorise(r.Context(), c, scope, p)
}

// override returns the method that a POST asks to be taken for (aic AIC-011, p14e A10), or nothing.
func (d *mounted) override(r *http.Request) string {
	if d.MethodOverride && r.Method == http.MethodPost {
		return r.Header.Get("X-HTTP-Method-Override")
	}
	return ""
}

// method returns the method to look up: HEAD is served wherever GET is (RFC 9110 9.3.2).
func (d *mounted) method(r *http.Request) string {
	if r.Method == http.MethodHead {
		return http.MethodGet
	}
	return cmp.Or(d.override(r), r.Method)
}

func (d *mounted) maxBody(to *Route) int64 { return cmp.Or(to.MaxBody, d.MaxBody, DefaultMaxBody) }

// bound returns the request with the time that it may take, and a function to
// call at its end. A route that may take longer than others gets as much longer
// to write its answer.
func (m *Mux) bound(w http.ResponseWriter, r *http.Request, to *placed) (*http.Request, context.CancelFunc) {
	const answer = 30 * time.Second
	timeout := m.Timeout
	if to != nil && to.Timeout > 0 {
		timeout = to.Timeout
		// Without a connection there is nothing to set, and no deadline either.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout + answer))
	}
	if timeout <= 0 {
		return r, func() {}
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	return r.WithContext(ctx), cancel
}

func (m *Mux) door(segments []string) *mounted {
	for i := range m.doors {
		if d := &m.doors[i]; d.prefix.leads(segments, d.AnyCase) {
			return d
		}
	}
	return nil
}

func (d *mounted) place(segments []string) *place {
	for i := range d.places {
		if p := &d.places[i]; len(p.path) == len(segments) && p.path.leads(segments, d.AnyCase) {
			return p
		}
	}
	return nil
}

func (p pattern) values(r *http.Request, segments []string, anyCase bool) {
	for i, s := range p {
		if s.name != "" {
			value, _ := s.match(segments[i], anyCase)
			r.SetPathValue(s.name, value)
		}
	}
}

// noDoor answers for paths outside of all doors.
func noDoor(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, `{"error":"not found"}`+"\n")
}
