package scim2

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// settings say how the caller's requests are taken: as the client has it, or as
// the dialect has it for all.
func (c *call) settings() directory.ClientSettings {
	if c.profile.fixed != nil {
		return *c.profile.fixed
	}
	return c.caller.Settings
}

// isTolerant reports whether known wrong forms are put right (scim section 27).
func isTolerant(s directory.ClientSettings) bool {
	return s.Mode != directory.Strict && s.Mode != directory.Interop
}

// lenient returns the settings of a dialect that puts right what the rewrites
// name and nothing else.
func lenient(response directory.PatchResponse, rewrites ...scim.Rewrites) *directory.ClientSettings {
	s := &directory.ClientSettings{Mode: directory.Strict, PatchResponse: response, CursorPaging: directory.CursorOff, Rewrites: map[string]bool{}}
	for _, r := range rewrites {
		s.Rewrites[r.String()] = true
	}
	return s
}

// rewrites are those that may be used on the request.
func (c *call) rewrites() scim.Rewrites { return c.settings().Allowed() }

// allows reports whether the rewrite may be used, which it then is: nothing is
// put right silently.
func (c *call) allows(r scim.Rewrites) bool {
	if !c.rewrites().Has(r) {
		return false
	}
	c.caller.Trace.Fire(r.String())
	return true
}

// anyManager reports whether a manager whom nobody knows is kept as text
// (clients 9.9): only strict clients are told (scim SCH-14).
func (c *call) anyManager() bool { return c.rewrites().Has(scim.RewriteScalarRef) }

// checks say how resources of the kind are read from the caller.
func (c *call) checks(k *kind) scim.Checks {
	o := k.checks
	if c.profile.checks != nil {
		o = c.profile.checks(c.settings())
	}
	o.Fired = c.caller.Trace.Fire
	return o
}

// filterOptions say how the caller's filters and names of attributes are read.
func (c *call) filterOptions() scim.FilterOptions {
	return scim.FilterOptions{Rewrites: c.rewrites(), Fired: c.caller.Trace.Fire, Base: c.base}
}

// patchOptions say how the caller's PATCH of a resource of the kind is read.
func (c *call) patchOptions(k *kind) scim.PatchOptions {
	s := c.settings()
	o := scim.PatchOptions{
		Checks:         c.checks(k),
		Rewrites:       s.Allowed(),
		Fired:          c.caller.Trace.Fire,
		ReplaceComplex: s.Mode == directory.Interop,
		NeedPath:       s.Mode == directory.Interop,
		IgnoreUnknown:  s.UnknownAttributes == directory.UnknownIgnore, // scim PAT-19: only where the connection says so
	}
	o.Checks.Rewrites |= o.Rewrites
	if c.profile.patch != nil {
		c.profile.patch(&o)
	}
	return o
}

// spelled returns the handler of a route for which the names of endpoints in
// the path are as the table has them, unless the client may write them
// otherwise (scim HTTP-13).
func (m *mount) spelled(path string, next route.Handler) route.Handler {
	if !m.profile.anyCase {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request, caller directory.Caller) error {
		c := &call{mount: m, caller: caller}
		if !endsAs(r.URL.EscapedPath(), path) && !c.allows(scim.RewriteQueryLoose) {
			return &scim.Error{Rule: scim.RuleNoEndpoint, Path: r.URL.EscapedPath()}
		}
		return next(w, r, caller)
	}
}

// endsAs reports whether the path of a request has the literals of a route's
// path as they are.
func endsAs(escaped, path string) bool {
	isSlash := func(r rune) bool { return r == '/' }
	sent, wanted := strings.FieldsFunc(escaped, isSlash), strings.FieldsFunc(path, isSlash)
	if len(sent) != len(wanted) {
		return false
	}
	for i, literal := range wanted {
		if text, err := url.PathUnescape(sent[i]); !strings.HasPrefix(literal, "{") && (err != nil || text != literal) {
			return false
		}
	}
	return true
}
