package scim2

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// shows reports whether the kind has the extension of this URI, spelt as
// documents spell it. Resources may have others in the store.
func (k *kind) shows(uri string) bool {
	for _, s := range k.Extensions {
		if s.ID == uri {
			return true
		}
	}
	return false
}

// stored returns the name of the directory's type.
func (k *kind) stored() string {
	if k.view != "" {
		return k.view
	}
	return k.Name
}

// bind resolves a filter on resources as the kind shows them into one on what is
// stored.
func (k *kind) bind(f *scim.Filter, o scim.FilterOptions) (*scim.Filter, error) {
	if k.resolve != nil {
		return k.resolve(f, o)
	}
	return k.Resolve(f, o)
}

// kinds returns the resource types that are offered to the caller: those of the
// profile and, where it shows them, those that the caller's environment defines.
// All that serves a request asks here and not the profile.
func (c *call) kinds() ([]*kind, error) {
	types, err := c.types()
	return c.kindsOf(types), err
}

// types returns what the caller's environment has defined: nothing where the
// dialect does not show it, or nobody has said who asks.
func (c *call) types() (*scim.Types, error) {
	if c.profile.own == nil || c.caller.Environment == "" {
		return new(scim.Types), nil
	}
	return c.directory.Types(c.r.Context(), c.caller, c.scope)
}

// kindsOf returns the kinds of an environment that has these types.
func (c *call) kindsOf(types *scim.Types) []*kind {
	if len(types.Schemas()) == 0 {
		return c.profile.kinds
	}
	var list []*kind
	for _, k := range c.profile.kinds {
		list = append(list, k.extended(types))
	}
	for _, t := range types.All() {
		if !scim.BuiltIn(t.Name) {
			k := c.profile.own(t)
			k.selective = selects(t.Schema) || slices.ContainsFunc(t.Extensions, selects)
			list = append(list, k)
		}
	}
	return list
}

// extended returns the kind with the extensions that the environment has given its type.
func (k *kind) extended(types *scim.Types) *kind {
	var own []*scim.Schema
	for _, s := range types.Type(k.stored()).Extensions {
		if slices.Contains(types.Schemas(), s) {
			own = append(own, s)
		}
	}
	if len(own) == 0 {
		return k
	}
	wider, t := *k, *k.ResourceType
	t.Extensions = slices.Concat(t.Extensions, own)
	wider.ResourceType = &t
	wider.selective = slices.ContainsFunc(own, selects)
	return &wider
}

// selects reports whether some attributes of the schema are not always part of
// an answer.
func selects(s *scim.Schema) bool {
	hidden := func(a *scim.Attribute) bool { return a.Returned == "never" || a.Returned == "request" }
	return slices.ContainsFunc(s.Attributes, func(a *scim.Attribute) bool {
		return hidden(a) || slices.ContainsFunc(a.SubAttributes, hidden)
	})
}

// of returns the handler of what is done to resources of a kind of the profile:
// fn gets the kind as the caller has it.
func (m *mount) of(k *kind, fn func(*kind, *call) error) route.Handler {
	return m.handle(func(c *call) error {
		k, err := c.kindAt(k.Endpoint)
		if err != nil {
			return err
		}
		return fn(k, c)
	})
}

// kindAt returns the kind at an endpoint, as the caller has it. Errors: RuleNoEndpoint.
func (c *call) kindAt(endpoint string) (*kind, error) {
	kinds, err := c.kinds()
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		if k.Endpoint == endpoint || strings.EqualFold(k.Endpoint, endpoint) && c.profile.anyCase && c.allows(scim.RewriteQueryLoose) {
			return k, nil
		}
	}
	return nil, &scim.Error{Rule: scim.RuleNoEndpoint, Path: c.r.URL.EscapedPath()}
}

// endpointVariable names the endpoint in the paths of own types.
const endpointVariable = "endpoint"

// own returns the handler of what is done to resources of a type that the
// caller's environment defines, at the endpoint in the path.
func (m *mount) own(fn func(*kind, *call) error) route.Handler {
	return m.handle(func(c *call) error {
		k, err := c.kindAt("/" + c.r.PathValue(endpointVariable))
		if err != nil {
			return err
		}
		return fn(k, c)
	})
}

// ownRoutes are the routes of the types that environments define. Since any path
// of one or two parts may be theirs, they also say which methods there are.
func (m *mount) ownRoutes() []route.Route {
	const at, one, write = "/{" + endpointVariable + "}", "/{" + endpointVariable + "}/{id}", directory.WriteResources
	routes := m.resourceRoutes(at, write, m.own)
	for _, place := range []struct {
		path    string
		allowed []string
		others  []string
	}{
		{at, []string{"GET", "HEAD", "OPTIONS", "POST"}, []string{"PUT", "PATCH", "DELETE"}},
		{at + "/.search", []string{"OPTIONS", "POST"}, nil},
		{one, []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT"}, []string{"POST"}},
	} {
		for _, method := range place.others {
			routes = append(routes, route.Route{Method: method, Path: place.path, Permission: write, Handle: m.own(func(_ *kind, c *call) error {
				return &scim.Error{Rule: scim.RuleMethod, Value: c.r.Method, Allowed: place.allowed}
			})})
		}
		routes = append(routes, route.Route{Method: http.MethodOptions, Path: place.path, Permission: directory.ReadDirectory, Handle: m.own(func(_ *kind, c *call) error {
			c.w.Header().Set("Allow", strings.Join(place.allowed, ", "))
			c.w.WriteHeader(http.StatusNoContent)
			return nil
		})})
	}
	return routes
}
