package scim2

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A definitions is a kind of what administrators define for their environment:
// schemas, or resource types.
type definitions struct {
	path string // of its endpoint
	noun string // in faults
	key  string // the member of a document that identifies it
	// parse reads a document: what defining it changes, and its key. With faults
	// the change is not to be made.
	parse  func(body *scim.Object) (directory.Redefinition, string, scim.Errors)
	remove func(key string) directory.Redefinition
	taken  func(now *scim.Types, key string) bool
	// document describes the one of this key, where it can be changed. Errors:
	// RuleProtected for what is built in, RuleNotFound.
	document func(c *call, types *scim.Types, key string) (scim.Value, error)
}

// ownSchemas are the schemas. A resource type must name one before resources
// can have attributes of it.
func ownSchemas() *definitions {
	return &definitions{
		path: "/Schemas", noun: "Schema", key: "id",
		parse: func(body *scim.Object) (r directory.Redefinition, uri string, faults scim.Errors) {
			s, faults := scim.ParseSchema(body)
			if s != nil {
				r.Schemas, uri = []*scim.Schema{s}, s.ID
			}
			return r, uri, faults
		},
		remove:   func(uri string) directory.Redefinition { return directory.Redefinition{RemoveSchemas: []string{uri}} },
		taken:    func(now *scim.Types, uri string) bool { return now.Schema(uri) != nil },
		document: (*call).schemaDocument,
	}
}

// ownTypes are the resource types. Of User and Group only the extensions that
// the environment has given them can be changed.
func ownTypes() *definitions {
	return &definitions{
		path: "/ResourceTypes", noun: "ResourceType", key: "name",
		parse: func(body *scim.Object) (r directory.Redefinition, name string, faults scim.Errors) {
			t, faults := scim.ParseType(body)
			if t != nil {
				r.Types, name = []*scim.TypeDefinition{t}, t.Name
			}
			return r, name, faults
		},
		remove: func(name string) directory.Redefinition { return directory.Redefinition{RemoveTypes: []string{name}} },
		taken: func(now *scim.Types, name string) bool {
			return slices.ContainsFunc(now.All(), func(old *scim.ResourceType) bool { return strings.EqualFold(old.Name, name) })
		},
		document: (*call).typeDocument,
	}
}

// definitionRoutes are the routes by which an administrator defines schemas and
// resource types. For everybody else discovery is read-only (RFC 7643 5 to 7,
// scim DIS-12), so they ask for no more than to be known.
func (m *mount) definitionRoutes() []route.Route {
	var routes []route.Route
	readers := []string{"GET", "HEAD", "OPTIONS"}
	add := func(path string, do map[string]func(*call) error) {
		administrators := slices.AppendSeq(slices.Clone(readers), maps.Keys(do))
		slices.Sort(administrators)
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			routes = append(routes, route.Route{Method: method, Path: path, Permission: directory.ReadSchemas, Handle: m.handle(func(c *call) error {
				change, allowed := do[method], readers
				if c.caller.Role.May(directory.Administer) {
					allowed = administrators
				} else {
					change = nil
				}
				if change == nil {
					return &scim.Error{Rule: scim.RuleMethod, Value: method, Allowed: allowed}
				}
				return change(c)
			})})
		}
	}
	for _, d := range []*definitions{ownSchemas(), ownTypes()} {
		add(d.path, map[string]func(*call) error{"POST": d.create})
		add(d.path+"/{id}", map[string]func(*call) error{"PUT": d.replace, "DELETE": d.delete})
	}
	return routes
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

// redefine makes the change, in view of what is there, if check says nothing
// against it.
func (c *call) redefine(r directory.Redefinition, check func(now *scim.Types) error) (*scim.Types, error) {
	r.Check = check
	return c.directory.Redefine(c.r.Context(), c.caller, c.scope, r)
}

// create defines what is not there yet.
func (d *definitions) create(c *call) error {
	body, text, err := c.body()
	if err != nil {
		return err
	}
	r, key, faults := d.parse(body)
	if err := faults.Locate(text).Or(); err != nil {
		return err
	}
	types, err := c.redefine(r, func(now *scim.Types) error {
		if d.taken(now, key) {
			return &scim.Error{Rule: scim.RuleUnique, Path: d.key, Value: key, Schema: d.noun}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.answer(c, http.StatusCreated, types, key)
}

// replace defines anew what the environment has defined.
func (d *definitions) replace(c *call) error {
	body, text, err := c.body()
	if err != nil {
		return err
	}
	key := c.r.PathValue("id")
	if body, err = named(body, d.key, key); err != nil {
		return err
	}
	r, _, faults := d.parse(body)
	types, err := c.redefine(r, func(now *scim.Types) error {
		if err := d.check(c, now, key); err != nil {
			return err
		}
		return faults.Locate(text).Or()
	})
	if err != nil {
		return err
	}
	return d.answer(c, http.StatusOK, types, key)
}

// delete undoes a definition.
func (d *definitions) delete(c *call) error {
	key := c.r.PathValue("id")
	_, err := c.redefine(d.remove(key), func(now *scim.Types) error { return d.check(c, now, key) })
	if err != nil {
		return err
	}
	c.sendNothing(http.StatusNoContent)
	return nil
}

// check refuses to change what is not there, cannot be changed, or is not as
// If-Match says.
func (d *definitions) check(c *call, now *scim.Types, key string) error {
	old, err := d.document(c, now, key)
	if err != nil {
		return err
	}
	return c.matches(old)
}

// answer answers a request that has defined something.
func (d *definitions) answer(c *call, status int, types *scim.Types, key string) error {
	document, err := d.document(c, types, key)
	if err != nil {
		return err
	}
	location := document.Object().Get("meta").Object().Get("location").Text()
	body := document.AppendJSON(nil)
	c.w.Header().Set("Location", location)
	c.w.Header().Set("Content-Location", location)
	c.w.Header().Set("ETag", documentTag(body))
	c.send(status, body)
	return nil
}

// schemaDocument describes a schema that the environment has defined. Errors:
// RuleProtected for a built-in one, RuleNotFound.
func (c *call) schemaDocument(types *scim.Types, uri string) (scim.Value, error) {
	is := func(s *scim.Schema) bool { return strings.EqualFold(s.ID, uri) }
	if i := slices.IndexFunc(types.Schemas(), is); i >= 0 {
		return c.schemaOf(types.Schemas()[i]), nil
	}
	fault := &scim.Error{Rule: scim.RuleNotFound, Schema: "Schema", Value: uri}
	if types.Schema(uri) != nil || slices.ContainsFunc(c.profile.discovery.own, is) {
		fault.Rule = scim.RuleProtected
	}
	return scim.Value{}, fault
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
