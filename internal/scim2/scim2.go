// Package scim2 is the front door of SCIM 2.0 (RFC 7643, RFC 7644). It turns
// HTTP into calls of directory and the answers back into HTTP. What differs
// between the standard and the vendors' dialects of it is data, in a [Profile];
// what needs stored state is left to directory. Server mounts its doors.
package scim2

import (
	"net/http"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// environmentVariable names the environment in the prefix of a mount.
const environmentVariable = "environment"

// A mount is a profile at one of its prefixes.
type mount struct {
	profile   *Profile
	directory *directory.Directory
	public    string // URL of the server, without a slash at its end
	prefix    string
	sealer    *directory.Sealer // of cursors
}

// New returns the doors of a profile, one for each prefix under which it is
// served. publicURL is what the locations of resources start with, as
// https://host: the Host header is never asked.
func New(d *directory.Directory, p Profile, publicURL string) []route.Door {
	doors := make([]route.Door, len(p.prefixes))
	seal := directory.NewSealer(d, "scim2 cursor")
	for i, prefix := range p.prefixes {
		m := &mount{profile: &p, directory: d, public: strings.TrimRight(publicURL, "/"), prefix: prefix, sealer: seal}
		doors[i] = route.Door{
			Name:    p.name,
			Prefix:  prefix,
			Routes:  m.routes(),
			Schemes: p.schemes,
			Error:   m.writeError,
			AnyCase: p.anyCase,

			External: p.external,
		}
		if p.native {
			doors = append(doors, m.populationsDoor())
		}
	}
	return doors
}

// routes is the door's table.
func (m *mount) routes() []route.Route {
	const read = directory.ReadDirectory
	own := m.profile.own != nil
	config, discovery := directory.ReadSchemas, directory.ReadSchemas
	if m.profile.publicConfig {
		config = directory.Public
	}
	if m.profile.publicSchemas {
		discovery = directory.Public
	}
	routes := []route.Route{
		{Method: "GET", Path: "/ServiceProviderConfig", Permission: config, Handle: m.discover((*call).serviceProviderConfig), Identify: len(m.profile.events) > 0},
		{Method: "GET", Path: "/ResourceTypes", Permission: discovery, Handle: m.discover((*call).resourceTypes), Identify: own},
		{Method: "GET", Path: "/ResourceTypes/{id}", Permission: discovery, Handle: m.discover((*call).resourceType), Identify: own},
		{Method: "GET", Path: "/Schemas", Permission: discovery, Handle: m.discover((*call).schemas), Identify: own},
		{Method: "GET", Path: "/Schemas/{id}", Permission: discovery, Handle: m.discover((*call).schema), Identify: own},
	}
	for _, k := range m.profile.kinds {
		routes = append(routes, m.resourceRoutes(k.Endpoint, k.write, func(fn func(*kind, *call) error) route.Handler { return m.of(k, fn) })...)
	}
	if own {
		routes = append(append(routes, m.definitionRoutes()...), m.ownRoutes()...)
	}
	if m.profile.root {
		routes = append(routes,
			route.Route{Method: "GET", Path: "", Permission: read, Handle: m.handle((*call).listAll)},
			route.Route{Method: "POST", Path: "/.search", Permission: read, Handle: m.handle((*call).searchAll)},
			route.Route{Method: "POST", Path: "/Bulk", Permission: read, Handle: m.handle((*call).bulk), MaxBody: route.BulkMaxBody, Timeout: route.BulkTimeout},
			route.Route{Method: "POST", Path: "/Me", Permission: read, Handle: unsupported("/Me")},
			route.Route{Method: "GET", Path: "/serviceConfiguration", Permission: config, Handle: m.discover((*call).serviceProviderConfig), Identify: len(m.profile.events) > 0},
		)
		for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
			routes = append(routes, route.Route{Method: method, Path: "/Me", Permission: read, Handle: m.handle((*call).me)})
		}
	}
	for _, path := range m.profile.notOffered {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			routes = append(routes, route.Route{Method: method, Path: path, Permission: read, Handle: unsupported(path)})
		}
	}
	for i := range routes {
		routes[i].Handle = m.spelled(m.prefix+routes[i].Path, routes[i].Handle)
	}
	return routes
}

// discover makes a route's handler of one that answers with what the door
// offers. An environment in the path must be one, and the caller's if anybody
// is known to ask (pingone A11).
func (m *mount) discover(fn func(*call) error) route.Handler {
	return m.handle(func(c *call) error {
		switch {
		case c.r.PathValue(environmentVariable) == "":
		case c.caller.Environment != "":
			if _, err := c.directory.Authorise(c.r.Context(), c.caller, c.scope, directory.ReadSchemas); err != nil {
				return err
			}
		default:
			e, err := c.directory.FindEnvironment(c.r.Context(), c.scope.Environment)
			if err != nil {
				return err
			}
			if e.ID != c.scope.Environment {
				return &scim.Error{Rule: scim.RuleNotFound, Schema: "Environment", Value: c.scope.Environment}
			}
		}
		return fn(c)
	})
}

// resourceRoutes are the routes of an endpoint. of makes their handlers.
func (m *mount) resourceRoutes(at string, write directory.Permission, of func(func(*kind, *call) error) route.Handler) []route.Route {
	const read = directory.ReadDirectory
	one := at + "/{id}"
	return []route.Route{
		{Method: "GET", Path: at, Permission: read, Handle: of((*kind).list)},
		{Method: "POST", Path: at, Permission: write, Handle: of((*kind).create)},
		{Method: "POST", Path: at + "/.search", Permission: read, Handle: of((*kind).search)},
		{Method: "GET", Path: one, Permission: read, Handle: of((*kind).read)},
		{Method: "PUT", Path: one, Permission: write, Handle: m.change(of((*kind).replace))},
		{Method: "PATCH", Path: one, Permission: write, Handle: m.change(of((*kind).patch))},
		{Method: "DELETE", Path: one, Permission: write, Handle: m.change(of((*kind).remove))},
	}
}

// unsupported answers that the part is not offered, 501 on the wire.
func unsupported(part string) route.Handler {
	return func(http.ResponseWriter, *http.Request, directory.Caller) error {
		return &scim.Error{Rule: scim.RuleUnsupported, Path: strings.TrimPrefix(part, "/")}
	}
}

// change returns next, unless the profile lets nobody change what is there.
func (m *mount) change(next route.Handler) route.Handler {
	if !m.profile.createOnly {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
		return &scim.Error{Rule: scim.RuleMethod, Value: r.Method, Allowed: []string{"GET", "POST"}}
	}
}
