package scim2

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// definitionRoutes are the routes by which an administrator defines schemas and
// resource types. For everybody else discovery is read-only (RFC 7643 5 to 7,
// scim DIS-12), so they ask for no more than to be known.
func (m *mount) definitionRoutes() []route.Route {
	var routes []route.Route
	for _, place := range []struct {
		path string
		do   map[string]func(*call) error
	}{
		{"/Schemas", map[string]func(*call) error{"POST": (*call).createSchema}},
		{"/Schemas/{id}", map[string]func(*call) error{"PUT": (*call).replaceSchema, "DELETE": (*call).removeSchema}},
		{"/ResourceTypes", map[string]func(*call) error{"POST": (*call).createType}},
		{"/ResourceTypes/{id}", map[string]func(*call) error{"PUT": (*call).replaceType, "DELETE": (*call).removeType}},
	} {
		readers := []string{"GET", "HEAD", "OPTIONS"}
		administrators := slices.Clone(readers)
		for method := range place.do {
			administrators = append(administrators, method)
		}
		slices.Sort(administrators)
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			routes = append(routes, route.Route{Method: method, Path: place.path, Permission: directory.ReadSchemas, Handle: m.handle(func(c *call) error {
				do, allowed := place.do[method], readers
				if c.caller.Role.May(directory.Administer) {
					allowed = administrators
				} else {
					do = nil
				}
				if do == nil {
					return &scim.Error{Rule: scim.RuleMethod, Value: method, Allowed: allowed}
				}
				return do(c)
			})})
		}
	}
	return routes
}

// redefine changes what the caller's environment defines. check is asked in view
// of what is there.
func (c *call) redefine(r directory.Redefinition, check func(now *scim.Types) error) (*scim.Types, error) {
	r.Check = check
	return c.directory.Redefine(c.r.Context(), c.caller, c.scope, r)
}

// matches compares If-Match with a discovery document. Errors: RuleVersion.
func (c *call) matches(document scim.Value) error {
	list, err := tags(c.r.Header.Values("If-Match"), "If-Match", c.rewrites().Has(scim.RewriteQueryLoose))
	if err != nil || len(list) == 0 {
		return err
	}
	tag := documentTag(document.AppendJSON(nil))
	if slices.Contains(list, "*") || slices.Contains(list, opaque(tag)) {
		return nil
	}
	return &scim.Error{Rule: scim.RuleVersion, Value: list[0]}
}

// defined answers a request that has defined something.
func (c *call) defined(status int, document scim.Value) {
	location := document.Object().Get("meta").Object().Get("location").Text()
	body := document.AppendJSON(nil)
	c.w.Header().Set("Location", location)
	c.w.Header().Set("Content-Location", location)
	c.w.Header().Set("ETag", documentTag(body))
	c.send(status, body)
}

// createSchema defines a schema. A resource type must name it before resources
// can have attributes of it.
func (c *call) createSchema() error {
	body, text, err := c.body()
	if err != nil {
		return err
	}
	s, faults := scim.ParseSchema(body)
	if err := faults.Locate(text).Or(); err != nil {
		return err
	}
	_, err = c.redefine(directory.Redefinition{Schemas: []*scim.Schema{s}}, func(now *scim.Types) error {
		if now.Schema(s.ID) != nil {
			return &scim.Error{Rule: scim.RuleUnique, Path: "id", Value: s.ID, Schema: "Schema"}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.defined(http.StatusCreated, c.schemaOf(s))
	return nil
}

// replaceSchema changes a schema that the environment has defined.
func (c *call) replaceSchema() error {
	body, text, err := c.body()
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	body, err = named(body, "id", id)
	if err != nil {
		return err
	}
	s, faults := scim.ParseSchema(body)
	var r directory.Redefinition
	if s != nil {
		r.Schemas = []*scim.Schema{s}
	}
	types, err := c.redefine(r, func(now *scim.Types) error {
		old, err := c.ownSchema(now, id)
		if err != nil {
			return err
		}
		if err := c.matches(c.schemaOf(old)); err != nil {
			return err
		}
		return faults.Locate(text).Or()
	})
	if err != nil {
		return err
	}
	c.defined(http.StatusOK, c.schemaOf(types.Schema(id)))
	return nil
}

func (c *call) removeSchema() error {
	id := c.r.PathValue("id")
	_, err := c.redefine(directory.Redefinition{RemoveSchemas: []string{id}}, func(now *scim.Types) error {
		old, err := c.ownSchema(now, id)
		if err != nil {
			return err
		}
		return c.matches(c.schemaOf(old))
	})
	if err != nil {
		return err
	}
	c.sendNothing(http.StatusNoContent)
	return nil
}

// ownSchema returns a schema that the environment has defined. Errors:
// RuleProtected for a built-in one, RuleNotFound.
func (c *call) ownSchema(now *scim.Types, uri string) (*scim.Schema, error) {
	is := func(s *scim.Schema) bool { return strings.EqualFold(s.ID, uri) }
	if i := slices.IndexFunc(now.Schemas(), is); i >= 0 {
		return now.Schemas()[i], nil
	}
	if now.Schema(uri) != nil || slices.ContainsFunc(c.profile.discovery.own, is) {
		return nil, &scim.Error{Rule: scim.RuleProtected, Schema: "Schema", Value: uri}
	}
	return nil, &scim.Error{Rule: scim.RuleNotFound, Schema: "Schema", Value: uri}
}

// createType defines a resource type.
func (c *call) createType() error {
	body, text, err := c.body()
	if err != nil {
		return err
	}
	t, faults := scim.ParseType(body)
	if err := faults.Locate(text).Or(); err != nil {
		return err
	}
	types, err := c.redefine(directory.Redefinition{Types: []*scim.TypeDefinition{t}}, func(now *scim.Types) error {
		if slices.ContainsFunc(now.All(), func(old *scim.ResourceType) bool { return strings.EqualFold(old.Name, t.Name) }) {
			return &scim.Error{Rule: scim.RuleUnique, Path: "name", Value: t.Name, Schema: "ResourceType"}
		}
		return nil
	})
	if err != nil {
		return err
	}
	document, err := c.typeDocument(types, t.Name)
	if err == nil {
		c.defined(http.StatusCreated, document)
	}
	return err
}

// replaceType changes a resource type. Of User and Group only the extensions
// that the environment has given them can be changed.
func (c *call) replaceType() error {
	body, text, err := c.body()
	if err != nil {
		return err
	}
	name := c.r.PathValue("id")
	body, err = named(body, "name", name)
	if err != nil {
		return err
	}
	t, faults := scim.ParseType(body)
	var r directory.Redefinition
	if t != nil {
		r.Types = []*scim.TypeDefinition{t}
	}
	types, err := c.redefine(r, func(now *scim.Types) error {
		old, err := c.typeDocument(now, name)
		if err != nil {
			return err
		}
		if err := c.matches(old); err != nil {
			return err
		}
		return faults.Locate(text).Or()
	})
	if err != nil {
		return err
	}
	document, err := c.typeDocument(types, name)
	if err == nil {
		c.defined(http.StatusOK, document)
	}
	return err
}

func (c *call) removeType() error {
	name := c.r.PathValue("id")
	_, err := c.redefine(directory.Redefinition{RemoveTypes: []string{name}}, func(now *scim.Types) error {
		old, err := c.typeDocument(now, name)
		if err != nil {
			return err
		}
		return c.matches(old)
	})
	if err != nil {
		return err
	}
	c.sendNothing(http.StatusNoContent)
	return nil
}

// typeDocument describes the resource type of this name. Errors: RuleNotFound.
func (c *call) typeDocument(types *scim.Types, name string) (scim.Value, error) {
	for _, k := range c.kindsOf(types) {
		if k.Name == name {
			return c.resourceTypeOf(k), nil
		}
	}
	return scim.Value{}, &scim.Error{Rule: scim.RuleNotFound, Schema: "ResourceType", Value: name}
}

// named returns the body with the member that identifies it, which must be what
// the path says where it is sent. Errors: RuleImmutable.
func named(body *scim.Object, member, path string) (*scim.Object, error) {
	sent, _ := body.Find(member)
	switch {
	case sent.IsNull():
		body = body.Clone()
		body.Members = slices.DeleteFunc(body.Members, func(m scim.Member) bool { return strings.EqualFold(m.Name, member) })
		return body.Set(member, scim.StringValue(path)), nil
	case sent.Kind() == scim.String && !strings.EqualFold(sent.Text(), path):
		return nil, &scim.Error{Rule: scim.RuleImmutable, Path: member}
	}
	return body, nil
}
