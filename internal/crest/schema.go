package crest

import (
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// schema answers with the JSON schema of the collection's objects.
func (c *collection) schema(w http.ResponseWriter, q *request) error {
	var names, needed []string
	properties := scim.NewObject()
	for _, p := range c.kind.properties {
		names = append(names, p.name)
		if p.is(required) {
			needed = append(needed, p.name)
		}
		properties.Set(p.name, scim.ObjectValue(c.describe(p)))
	}
	send(w, q.Request, http.StatusOK, scim.NewObject(
		textMember("_id", c.naming.of(c.kind)),
		textMember("$schema", "http://json-schema.org/draft-03/schema"),
		textMember("title", c.kind.noun),
		textMember("type", "object"),
		member("properties", scim.ObjectValue(properties)),
		member("order", scim.Strings(names...)),
		member("required", scim.Strings(needed...)),
	))
	return nil
}

// describe returns the schema of a property.
func (c *collection) describe(p *property) *scim.Object {
	out := scim.NewObject()
	switch p.form {
	case anything:
	case reference:
		out = c.describeReference(p)
	case object:
		out = c.describeObject(p)
	default:
		out.Set("type", scim.StringValue(typeNames[jsonKinds[p.form]]))
	}
	switch p.form {
	case references:
		out.Set("items", scim.ObjectValue(c.describeReference(p)))
	case texts:
		out.Set("items", scim.ObjectValue(param("type", scim.StringValue("string"))))
	case objects:
		out.Set("items", scim.ObjectValue(c.describeObject(p)))
	}
	out.Set("returnByDefault", scim.BoolValue(p.byDefault()))
	if p.is(private) {
		out.Set("scope", scim.StringValue("private"))
	}
	if p.is(readOnly) {
		out.Set("isVirtual", scim.BoolValue(true))
	}
	return out
}

func (c *collection) describeObject(p *property) *scim.Object {
	members := scim.NewObject()
	for _, m := range p.members {
		members.Set(m.name, scim.ObjectValue(c.describe(m)))
	}
	return scim.NewObject(textMember("type", "object"), member("properties", scim.ObjectValue(members)))
}

func (c *collection) describeReference(p *property) *scim.Object {
	var to []scim.Value
	for _, noun := range p.to {
		to = append(to, scim.ObjectValue(param("path", scim.StringValue(string(c.naming)+noun))))
	}
	out := scim.NewObject(textMember("type", "relationship"), member("resourceCollection", scim.ListValue(to...)))
	if p.relation != 0 {
		out.Members = append(out.Members, member("reverseRelationship", scim.BoolValue(true)), textMember("reversePropertyName", p.relation.Reverse().String()))
	}
	return out
}
