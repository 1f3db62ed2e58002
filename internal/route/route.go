// Package route is the shape of a front door: the table of its routes, each
// with the permission that it needs, and the way in which it words errors. The
// doors fill it; [Mux] finds the door and the route of a request and server
// mounts the Mux. It decides nothing about a dialect.
package route

import (
	"net/http"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

// A Handler serves one route for an authenticated caller. An error that it
// returns is worded by the door's Error. It sees HEAD as GET, and the method
// that X-HTTP-Method-Override asked for as the method.
//
// Reading the request's body may fail with a *scim.Error (RuleTooLarge, RuleJSON):
// return it, wrapped or not.
type Handler func(w http.ResponseWriter, r *http.Request, c directory.Caller) error

// A Route is one row of a door's table. A route without a permission is served to nobody.
//
// The segments of Path are literals, variables as {id}, or a literal with one
// variable in it as {realm}_user. A variable takes one segment that is not
// empty, percent-decoded once: %2F does not end it. It is read with
// r.PathValue("id"), and so are the variables of the door's Prefix.
type Route struct {
	Method     string
	Path       string // relative to the door's Prefix, as /Users/{id}
	Permission directory.Permission
	Handle     Handler
	// Identify asks who shows a credential at a Public route who they are, and
	// refuses a wrong one. Who shows none is served as nobody.
	Identify bool
	MaxBody  int64         // the largest request body in bytes, after decompression; 0 is the door's
	Timeout  time.Duration // for the handler, by its context; 0 is the Mux's
}

// What a route of bulk requests takes (scim HTTP-18): its largest body in bytes,
// and its time.
const (
	BulkMaxBody = 10 << 20
	BulkTimeout = 60 * time.Second
)

// EnvironmentVariable is the variable of a Prefix that names the environment
// that a request is about. Callers of another one are refused by the Mux.
const EnvironmentVariable = "environment"

// DefaultMaxBody is the largest request body of a door that does not say, in bytes (scim HTTP-18).
const DefaultMaxBody = 1 << 20

// A Door is what a dialect hands to the server. A dialect with two mounts hands two doors of one Name.
type Door struct {
	Name    string   // scim2, pingone, p14e, scim1, aic, rsa: what a client's list of doors names
	Prefix  string   // the path under which every request belongs to this door: its 404 and 405 have the door's shape. Segments as in Route.Path
	Routes  []Route  // where two paths match, literals win over variables from left to right
	Schemes []string // authentication schemes taken: Basic, Bearer. Without one nobody is asked: for doors of Public routes only
	// Error words err: the door's status, headers (WWW-Authenticate too) and
	// body. The header Allow is set already where err is a RuleMethod of the Mux.
	Error func(w http.ResponseWriter, r *http.Request, err error)
	// External reads what the client's own systems call the request; nil for nothing.
	External func(http.Header) directory.External
	// MethodOverride: X-HTTP-Method-Override on a POST replaces the method.
	MethodOverride bool
	// AnyCase: the literals of Prefix and Routes match in any letter case (scim HTTP-13).
	AnyCase bool
	// MaxBody is the largest request body in bytes, after decompression; 0 is DefaultMaxBody.
	MaxBody int64
}
