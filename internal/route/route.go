// Package route is the shape of a front door: the table of its routes, each
// with the permission that it needs, and the way in which it words errors. The
// doors fill it; server mounts it. It decides nothing about a dialect.
package route

import (
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

// A Handler serves one route for an authenticated caller. An error that it
// returns is worded by the door's Error.
type Handler func(w http.ResponseWriter, r *http.Request, c directory.Caller) error

// A Route is one row of a door's table. A route without a permission is served to nobody.
type Route struct {
	Method     string
	Path       string // segments as /Users/{id}; {id} is read with r.PathValue("id"), percent-decoded once
	Permission directory.Permission
	Handle     Handler
}

// A Door is what a dialect hands to the server.
type Door struct {
	Name    string // scim2, pingone, p14e, scim1, aic, rsa: what a client's list of doors names
	Prefix  string // the path under which every request belongs to this door: its 404 and 405 have the door's shape
	Routes  []Route
	Schemes []string // authentication schemes taken: Basic, Bearer
	// Error words err: the door's status, headers (WWW-Authenticate too) and body.
	Error func(w http.ResponseWriter, r *http.Request, err error)
	// MethodOverride: X-HTTP-Method-Override on a POST replaces the method.
	MethodOverride bool
	// MaxBody is the largest request body in bytes.
	MaxBody int64
}
