package crest

import (
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// schema answers with the JSON schema of the collection's objects.
func (c *collection) schema(w http.ResponseWriter, q *request) error {
	var names, needed []string
	properties := scim.NewObject()
	for i := range c.kind.properties {
		p := &c.kind.properties[i]
		names = append(names, p.name)
		if p.is(required) {
			needed = append(needed, p.name)
		}
		properties.Set(p.name, scim.ObjectValue(c.describe(p)))
	}
	name := c.naming.of(c.kind)
	out := scim.NewObject(
		scim.Member{Name: "_id", Value: scim.StringValue(name)},
		scim.Member{Name: "$schema", Value: scim.StringValue("http://json-schema.org/draft-03/schema")},
		scim.Member{Name: "title", Value: scim.StringValue(c.kind.noun)},
		scim.Member{Name: "type", Value: scim.StringValue("object")},
		scim.Member{Name: "properties", Value: scim.ObjectValue(properties)},
		scim.Member{Name: "order", Value: scim.Strings(names...)},
		scim.Member{Name: "required", Value: scim.Strings(needed...)},
	)
	w.Header().Set("Content-Type", jsonType)
	_, _ = w.Write(encode(scim.ObjectValue(out), pretty(q.URL.RawQuery)))
	return nil
}

// describe returns the schema of a property.
func (c *collection) describe(p *property) *scim.Object {
	out := scim.NewObject()
	switch kind := jsonKinds[p.form]; {
	case p.form == anything:
	case p.form == reference:
		out = c.describeReference(p)
	default:
		out.Set("type", scim.StringValue(typeNames[kind]))
	}
	switch p.form {
	case references:
		out.Set("items", scim.ObjectValue(c.describeReference(p)))
	case texts:
		out.Set("items", scim.ObjectValue(param("type", scim.StringValue("string"))))
	case objects:
		out.Set("items", scim.ObjectValue(c.describeObject(p)))
	case object:
		out = c.describeObject(p)
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
	for i := range p.members {
		members.Set(p.members[i].name, scim.ObjectValue(c.describe(&p.members[i])))
	}
	return param("type", scim.StringValue("object")).Set("properties", scim.ObjectValue(members))
}

func (c *collection) describeReference(p *property) *scim.Object {
	var to []scim.Value
	for _, noun := range p.to {
		to = append(to, scim.ObjectValue(param("path", scim.StringValue(string(c.naming)+noun))))
	}
	out := param("type", scim.StringValue("relationship"))
	out.Set("resourceCollection", scim.ListValue(to...))
	if p.relation != 0 {
		out.Set("reverseRelationship", scim.BoolValue(true))
		out.Set("reversePropertyName", scim.StringValue(p.relation.Reverse().String()))
	}
	return out
}
