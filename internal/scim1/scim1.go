// Package scim1 is the SCIM 1.1 door: it turns requests of that protocol into
// calls on the directory and words the answers. A [Profile] holds what a
// vendor does its own way; package server mounts what [New] returns.
//
// The directory speaks SCIM 2.0. How the schemas of SCIM 1.1 follow from its
// own is in schema.go, what the two versions call differently in canonical.go,
// and the vendor's extension in pingone.go.
package scim1

import (
	"net/http"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// maxBody is the largest request body in bytes (p14e section 12).
const maxBody = 1 << 20

// A door is one profile on one directory.
type door struct {
	Profile
	dir       *directory.Directory
	publicURL string
	user      *kind
	group     *kind
}

// New returns the doors of the profile, one for each prefix under which it is
// reached. Locations start with publicURL, a URL without a path; if it is
// empty, with the scheme and host of the request (p14e F4).
func New(d *directory.Directory, p Profile, publicURL string) []route.Door {
	dr := &door{Profile: p, dir: d, publicURL: strings.TrimSuffix(publicURL, "/")}
	dr.user, dr.group = p.userKind(), p.groupKind()
	doors := make([]route.Door, len(p.mounts))
	for i, m := range p.mounts {
		if m.error == nil {
			m.error = (*door).writeError
		}
		doors[i] = route.Door{
			Name:           p.Name,
			Prefix:         m.prefix,
			Routes:         m.routes(dr),
			Schemes:        p.Schemes,
			Error:          func(w http.ResponseWriter, r *http.Request, err error) { m.error(dr, w, r, err) },
			MethodOverride: true, // p14e A10
			MaxBody:        maxBody,
		}
		if m.public {
			doors[i].Schemes = nil
		}
	}
	return doors
}

// standardRoutes are those of SCIM 1.1 itself, under the profile's names.
func standardRoutes(d *door) []route.Route {
	const read, schemas = directory.ReadDirectory, directory.ReadSchemas
	routes := []route.Route{
		{Method: "POST", Path: d.Users, Permission: d.user.write, Handle: d.serve(d.createUser)},
		{Method: "POST", Path: d.Groups, Permission: d.group.write, Handle: d.serve(d.createGroup)},

		{Method: "GET", Path: "/ServiceProviderConfigs", Permission: schemas, Handle: d.serve(d.configuration)},
		{Method: "GET", Path: "/Schemas", Permission: schemas, Handle: d.serve(d.listSchemas)},
		{Method: "GET", Path: "/Schemas/{id}", Permission: schemas, Handle: d.serve(d.readSchema)},
		{Method: "POST", Path: "/Bulk", Permission: directory.WriteUsers, Handle: d.serve(unbuilt)},
	}
	for _, k := range []*kind{d.user, d.group} {
		of := func(handle func(*call, *kind) error) route.Handler {
			return d.serve(func(c *call) error { return handle(c, k) })
		}
		one := k.path + "/{id}"
		routes = append(routes,
			route.Route{Method: "GET", Path: k.path, Permission: read, Handle: of(d.list)},
			route.Route{Method: "GET", Path: one, Permission: read, Handle: of(d.read)},
			route.Route{Method: "PUT", Path: one, Permission: k.write, Handle: of(d.replace)},
			route.Route{Method: "PATCH", Path: one, Permission: k.write, Handle: of(d.patch)},
			route.Route{Method: "DELETE", Path: one, Permission: k.write, Handle: of(d.delete)})
	}
	return routes
}

// unbuilt answers for what the door does not offer.
func unbuilt(c *call) error {
	return &scim.Error{Rule: scim.RuleUnsupported, Path: c.r.URL.Path}
}

// serve reads of a request what every handler needs.
func (d *door) serve(handle func(*call) error) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who directory.Caller) error {
		if err := checkAccept(r.Header.Values("Accept")); err != nil {
			return err
		}
		query, err := readQuery(r.URL.RawQuery)
		if err != nil {
			return err
		}
		return handle(&call{w: w, r: r, who: who, query: query})
	}
}
