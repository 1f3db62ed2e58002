package scim

import (
	"fmt"
	"slices"
	"strings"
)

// Types are the resource types and schemas of an environment: those of the
// product, and those that its administrator has added. The zero Types are the
// product's own. They must not be changed.
type Types struct {
	all     []*ResourceType // nil: the built-in ones
	schemas []*Schema       // the environment's own
}

// All returns the types: User, Group, then the environment's own.
func (t *Types) All() []*ResourceType {
	if t == nil || t.all == nil {
		return []*ResourceType{UserType(), GroupType()}
	}
	return t.all
}

// User returns the type of users, with the environment's extensions.
func (t *Types) User() *ResourceType { return t.All()[0] }

// Group returns the type of groups, with the environment's extensions.
func (t *Types) Group() *ResourceType { return t.All()[1] }

// Type returns the type of exactly this name, nil if there is none. All has no
// types of Common REST, but Type has.
func (t *Types) Type(name string) *ResourceType {
	for _, rt := range t.All() {
		if rt.Name == name {
			return rt
		}
	}
	return ManagedType(name)
}

// Schemas returns the schemas that the environment has beside the built-in ones.
func (t *Types) Schemas() []*Schema {
	if t == nil {
		return nil
	}
	return t.schemas
}

// Schema returns the schema of this URI in any letter case (RFC 7644 3.10),
// built-in or not, nil if there is none.
func (t *Types) Schema(uri string) *Schema {
	for _, s := range t.Schemas() {
		if strings.EqualFold(s.ID, uri) {
			return s
		}
	}
	return LookupSchema(uri)
}

// BuiltIn reports whether the name is that of a type of the product, in any
// letter case.
func BuiltIn(name string) bool {
	return strings.EqualFold(name, "User") || strings.EqualFold(name, "Group")
}

// Compile makes the types of an environment of what it has defined beside the
// built-in ones. Definitions named User and Group add extensions to these.
//
// Errors, with the URI or the type's name in Schema: RuleUnique for a URI, name or
// endpoint that two share; RuleProtected for a change of a built-in type beyond
// its extensions; RuleDangling for a schema that is not there; RulePattern for
// what does not go together; RuleLimit.
func Compile(schemas []*Schema, types []*TypeDefinition) (*Types, Errors) {
	c := compiler{types: Types{all: slices.Clone((*Types)(nil).All()), schemas: schemas}}
	c.limit("schemas", len(schemas), MaxSchemas)
	c.distinct(schemas)
	own := 0
	for _, d := range types {
		if BuiltIn(d.Name) {
			c.extend(d)
		} else {
			c.add(d)
			own++
		}
	}
	c.limit("resource types", own, MaxTypes)
	for _, t := range c.types.all {
		c.check(t)
	}
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	return &c.types, nil
}

// A compiler is one call of Compile.
type compiler struct {
	types  Types
	faults Errors
}

func (c *compiler) fail(e Error) { c.faults = append(c.faults, &e) }

func (c *compiler) limit(what string, n, most int) {
	if n > most {
		c.fail(Error{Rule: RuleLimit, Detail: what + " of an environment", Allowed: []string{fmt.Sprint(most)}})
	}
}

// distinct checks that no URI could be taken for another one's.
func (c *compiler) distinct(schemas []*Schema) {
	for i, s := range schemas {
		for _, earlier := range schemas[:i] {
			switch {
			case strings.EqualFold(s.ID, earlier.ID):
				c.fail(Error{Rule: RuleUnique, Path: "id", Value: s.ID, Schema: "Schema"})
			case confusable(s.ID, earlier.ID):
				c.fail(Error{Rule: RulePattern, Path: "id", Value: s.ID, Schema: s.ID,
					Detail: "with an attribute after it, the URI could be taken for " + earlier.ID})
			}
		}
	}
}

// schema returns the environment's own schema of this URI, nil if there is none.
func (c *compiler) schema(uri string) *Schema {
	for _, s := range c.types.schemas {
		if strings.EqualFold(s.ID, uri) {
			return s
		}
	}
	return nil
}

// extend gives a built-in type the extensions of the definition. It may name
// the type's own, as discovery does.
func (c *compiler) extend(d *TypeDefinition) {
	i := slices.IndexFunc(c.types.all, func(t *ResourceType) bool { return strings.EqualFold(t.Name, d.Name) })
	t := *c.types.all[i]
	t.Extensions = slices.Clone(t.Extensions)
	for _, changed := range []struct{ path, sent, is string }{
		{"name", d.Name, t.Name}, {"endpoint", d.Endpoint, t.Endpoint}, {"schema", d.Schema, t.Schema.ID},
	} {
		if !strings.EqualFold(changed.sent, changed.is) {
			c.fail(Error{Rule: RuleProtected, Path: changed.path, Schema: "ResourceType", Value: t.Name, Detail: "only its schemaExtensions can be changed"})
		}
	}
	var rest []ExtensionDefinition
	for _, e := range d.Extensions {
		if c.types.all[i].Extension(e.Schema) == nil {
			rest = append(rest, e)
		} else if e.Required {
			c.fail(Error{Rule: RuleProtected, Path: "schemaExtensions", Schema: "ResourceType", Value: t.Name, Detail: "its own extensions are not required"})
		}
	}
	c.extensions(&t, rest)
	if len(t.Required) > 0 {
		c.fail(Error{Rule: RuleProtected, Path: "schemaExtensions", Schema: "ResourceType", Value: t.Name,
			Detail: "an extension of it cannot be required, because other doors do not have it"})
	}
	c.types.all[i] = &t
}

// add makes a type of the definition.
func (c *compiler) add(d *TypeDefinition) {
	t := &ResourceType{Name: d.Name, Endpoint: d.Endpoint, Description: d.Description, Schema: c.schema(d.Schema)}
	for _, other := range c.types.all {
		if strings.EqualFold(other.Name, t.Name) {
			c.fail(Error{Rule: RuleUnique, Path: "name", Value: t.Name, Schema: "ResourceType"})
		}
		if strings.EqualFold(other.Endpoint, t.Endpoint) {
			c.fail(Error{Rule: RuleUnique, Path: "endpoint", Value: t.Endpoint, Schema: "ResourceType"})
		}
	}
	if ManagedType(d.Name) != nil {
		c.fail(Error{Rule: RuleUnique, Path: "name", Value: t.Name, Schema: "ResourceType"})
	}
	if t.Schema == nil {
		c.missing("schema", d.Schema, d.Name)
		return
	}
	c.extensions(t, d.Extensions)
	c.types.all = append(c.types.all, t)
}

func (c *compiler) extensions(t *ResourceType, list []ExtensionDefinition) {
	for i, e := range list {
		path := "schemaExtensions" + index(i) + ".schema"
		s := c.schema(e.Schema)
		switch {
		case s == nil:
			c.missing(path, e.Schema, t.Name)
			continue
		case s == t.Schema || slices.Contains(t.Extensions, s):
			c.fail(Error{Rule: RulePattern, Path: path, Value: e.Schema, Schema: t.Name, Detail: "the type has this schema already"})
			continue
		}
		t.Extensions = append(t.Extensions, s)
		if e.Required {
			t.Required = append(t.Required, s.ID)
		}
	}
}

// missing notes a schema that is not there. Built-in ones cannot be used for
// other types: the product knows what their attributes mean, for users.
func (c *compiler) missing(path, uri, name string) {
	if reservedURI(uri) {
		c.fail(Error{Rule: RulePattern, Path: path, Value: uri, Schema: name, Detail: "a built-in schema belongs to its own type; define a schema"})
		return
	}
	c.fail(Error{Rule: RuleDangling, Path: path, Value: uri, Schema: "Schema"})
}

// check looks at a type as a whole.
func (c *compiler) check(t *ResourceType) {
	indexed := 0
	for _, s := range append([]*Schema{t.Schema}, t.Extensions...) {
		own := c.schema(s.ID) != nil
		for _, a := range s.Attributes {
			if own && s != t.Schema && t.Schema.Attribute(a.Name) != nil {
				c.fail(Error{Rule: RulePattern, Path: s.ID + ":" + a.Name, Schema: s.ID,
					Detail: "an attribute of an extension cannot have the name of one of the core schema of " + t.Name})
			}
			for _, leaf := range append([]*Attribute{a}, a.SubAttributes...) {
				if own && leaf.Found() {
					indexed++
				}
			}
		}
	}
	if indexed > MaxIndexed {
		c.fail(Error{Rule: RuleLimit, Schema: t.Name, Detail: "indexed attributes of " + t.Name, Allowed: []string{fmt.Sprint(MaxIndexed)}})
	}
}

// Found reports whether the environment's own attribute is found by an index: it
// asks for one, or is unique, which needs one.
func (a *Attribute) Found() bool { return a.Indexed || a.Uniqueness != "none" }

// Define returns the definition of the type. That of a built-in type has the
// environment's own extensions only.
func (t *ResourceType) Define() *TypeDefinition {
	d := &TypeDefinition{Name: t.Name, Endpoint: t.Endpoint, Description: t.Description, Schema: t.Schema.ID}
	for _, s := range t.Extensions {
		if LookupSchema(s.ID) != nil {
			continue
		}
		d.Extensions = append(d.Extensions, ExtensionDefinition{Schema: s.ID, Required: slices.Contains(t.Required, s.ID)})
	}
	return d
}
