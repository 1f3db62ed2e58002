// Package crest is the door for clients of Common REST: PingOne Advanced
// Identity Cloud and, with the same paths less the realm, PingIDM. It turns
// managed objects into the canonical resources of directory and back, and words
// its errors as {"code","reason","message","detail"}.
//
// It decides what a request says of itself: parameters, headers, the vendor's
// schema and policies. What needs stored state is directory's. Numbers such as
// AIC-030 are rules of the vendor's dialect.
package crest

import (
	"net/http"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Profile is what distinguishes one vendor's Common REST from another's.
type Profile struct {
	Name  string // of the door, as in a client's list of doors
	Realm string // the realm bound to the environment: its objects are managed/{realm}_user
}

// AIC is PingOne Advanced Identity Cloud.
var AIC = Profile{Name: "aic", Realm: "alpha"}

// New returns the doors of the profile: the generic path /users and the
// vendor's own, below /openidm. publicURL is the server's, without a slash at
// the end; Location is built from it.
func New(d *directory.Directory, p Profile, publicURL string) []route.Door {
	public, sealer := strings.TrimSuffix(publicURL, "/"), directory.NewSealer(d, "crest cookie")
	at := func(n naming, k *kind) *collection {
		return &collection{d: d, p: p, kind: k, naming: n, path: "/openidm/" + n.of(k), public: public, full: true, sealer: sealer}
	}
	realm := naming("managed/" + p.Realm + "_")
	generic := at(realm, users)
	generic.path, generic.full = "/users", false

	door := route.Door{
		Name:           p.Name,
		Schemes:        []string{"Bearer"},
		Error:          writeError,
		MethodOverride: true, // AIC-011
		MaxBody:        1 << 20,
	}
	a, b := door, door
	a.Prefix, b.Prefix = "/users", "/openidm"
	a.Routes = generic.routes(a.Prefix)
	for _, k := range kinds {
		plain := at("managed/", k)
		plain.takenName = "UNIQUE"
		for _, c := range []*collection{at(realm, k), plain} {
			b.Routes = append(append(b.Routes, c.routes(b.Prefix)...), c.about()...)
		}
	}
	return []route.Door{a, b}
}

// A collection is one path at which the objects of one kind are served.
type collection struct {
	d         *directory.Directory
	p         Profile
	kind      *kind
	naming    naming
	path      string // as in a URL: /openidm/managed/alpha_user
	public    string // URL that the path follows
	full      bool   // all of the vendor's required properties are required of all clients (AIC-053)
	takenName string // the policy requirement of a taken userName; empty is VALID_USERNAME (AIC-050)
	sealer    *directory.Sealer
}

// strict reports whether the client wants the vendor's managed users everywhere:
// UUIDs for ids that it chooses (AIC-045, require_uuid_ids), and at the generic
// path all that is required at the vendor's own (AIC-053).
func (q *request) strict() bool { return q.caller.Settings.Mode == directory.Strict }

// routes returns the table of the collection for the door at prefix.
func (c *collection) routes(prefix string) []route.Route {
	all := strings.TrimPrefix(c.path, prefix)
	one, relation, end := all+"/{id}", all+"/{id}/{relation}", all+"/{id}/{relation}/{reference}"
	read, write := directory.ReadDirectory, c.kind.write
	return []route.Route{
		{Method: http.MethodPost, Path: all, Permission: write, Handle: c.handle(c.post)},
		{Method: http.MethodGet, Path: all, Permission: read, Handle: c.handle(c.query)},
		{Method: http.MethodPut, Path: all, Permission: write, Handle: c.handle(noCollection("updated"))},
		{Method: http.MethodPatch, Path: all, Permission: write, Handle: c.handle(noCollection("patched"))},
		{Method: http.MethodDelete, Path: all, Permission: write, Handle: c.handle(noCollection("deleted"))},
		{Method: http.MethodPost, Path: one, Permission: write, Handle: c.handle(c.post)},
		{Method: http.MethodGet, Path: one, Permission: read, Handle: c.handle(c.read)},
		{Method: http.MethodPut, Path: one, Permission: write, Handle: c.handle(c.put)},
		{Method: http.MethodPatch, Path: one, Permission: write, Handle: c.handle(c.patch)},
		{Method: http.MethodDelete, Path: one, Permission: write, Handle: c.handle(c.delete)},
		{Method: http.MethodGet, Path: relation, Permission: read, Handle: c.handle(c.queryRelationship)},
		{Method: http.MethodPost, Path: relation, Permission: write, Handle: c.handle(c.relate)},
		{Method: http.MethodGet, Path: end, Permission: read, Handle: c.handle(c.readEnd)},
		{Method: http.MethodDelete, Path: end, Permission: write, Handle: c.handle(c.unrelate)},
	}
}

// about returns the routes that are about the objects of the collection: what
// their schema is, and what its policies say.
func (c *collection) about() []route.Route {
	name := c.naming.of(c.kind)
	return []route.Route{
		{Method: http.MethodPost, Path: "/policy/" + name + "/{id}", Permission: c.kind.write, Handle: c.handle(c.validate)},
		{Method: http.MethodGet, Path: "/schema/" + name, Permission: directory.ReadSchemas, Handle: c.handle(c.schema)},
	}
}

// A naming is what the names of collections in references begin with: managed/alpha_
// or managed/.
type naming string

// of returns the name of the collection of a kind.
func (n naming) of(k *kind) string { return string(n) + k.noun }

// parse splits a reference such as managed/alpha_user/4cf6 into its kind and
// id. It takes the names of all mounts, because a client may have read the
// reference at another one.
func (p Profile) parse(ref string) (k *kind, id string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(ref, "/"), "managed/")
	if !ok {
		return nil, "", false
	}
	name, id, _ := strings.Cut(rest, "/")
	for _, k := range kinds {
		if name == k.noun || name == p.Realm+"_"+k.noun {
			return k, id, id != ""
		}
	}
	return nil, "", false
}

// id returns the _id of a resource. A group's is its name, as the vendor
// demands, where a path can hold that.
func (k *kind) id(r *scim.Resource) string {
	if k.named {
		return nameOrID(r.Attributes().Get("displayName").Text(), r.ID)
	}
	return r.ID
}

func nameOrID(name, id string) string {
	if name == "" || strings.Contains(name, "/") {
		return id
	}
	return name
}
