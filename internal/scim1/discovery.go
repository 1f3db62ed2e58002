package scim1

import (
	"net/http"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// configuration serves what the door offers, as it is now (p14e section 13).
func (d *door) configuration(c *call) error {
	o := scim.NewObject(
		scim.Member{Name: "schemas", Value: scim.Strings(coreSchema)},
		supported("patch", true),
		supported("bulk", false, scim.Member{Name: "maxOperations", Value: scim.IntValue(0)}, scim.Member{Name: "maxPayloadSize", Value: scim.IntValue(0)}),
		supported("filter", true, scim.Member{Name: "maxResults", Value: scim.IntValue(maxCount)}),
		supported("changePassword", true),
		supported("sort", true),
		supported("etag", true),
		supported("xmlDataFormat", false))
	var schemes []scim.Value
	for i, name := range d.Schemes {
		schemes = append(schemes, scim.ObjectValue(scheme(name).Set("primary", scim.BoolValue(i == 0))))
	}
	o.Set("authenticationSchemes", scim.ListValue(schemes...))
	write(c.w, http.StatusOK, o)
	return nil
}

func supported(name string, yes bool, more ...scim.Member) scim.Member {
	o := scim.NewObject(append([]scim.Member{{Name: "supported", Value: scim.BoolValue(yes)}}, more...)...)
	return scim.Member{Name: name, Value: scim.ObjectValue(o)}
}

// scheme describes an authentication scheme.
func scheme(name string) *scim.Object {
	typ, title, text := "httpbasic", "HTTP Basic", "The client's id and secret."
	if name == "Bearer" {
		typ, title, text = "oauthbearertoken", "OAuth Bearer Token", "The client's secret or an access token."
	}
	return scim.NewObject(
		scim.Member{Name: "type", Value: scim.StringValue(typ)},
		scim.Member{Name: "name", Value: scim.StringValue(title)},
		scim.Member{Name: "description", Value: scim.StringValue(text)})
}

// listSchemas serves the schemas, one for each resource type: SCIM 1.1
// describes the attributes of extensions with those that they extend.
func (d *door) listSchemas(c *call) error {
	all := []scim.Value{scim.ObjectValue(d.describe(d.user)), scim.ObjectValue(d.describe(d.group))}
	list := d.listOf(all, len(all), 1)
	if d.newer {
		list.Set("schemas", scim.Strings(coreSchema, coreSchema+":ListResponse"))
	}
	write(c.w, http.StatusOK, list)
	return nil
}

// listTypes serves the resource types in the members that SCIM 2.0 gives them.
func (d *door) listTypes(c *call) error {
	var all []scim.Value
	for _, k := range []*kind{d.user, d.group} {
		all = append(all, scim.ObjectValue(scim.NewObject(
			scim.Member{Name: "schemas", Value: scim.Strings(coreSchema)},
			scim.Member{Name: "id", Value: scim.StringValue(k.Name)},
			scim.Member{Name: "name", Value: scim.StringValue(k.Name)},
			scim.Member{Name: "description", Value: scim.StringValue(k.Description)},
			scim.Member{Name: "endpoint", Value: scim.StringValue(k.path)},
			scim.Member{Name: "schema", Value: scim.StringValue(k.Schema.ID)})))
	}
	write(c.w, http.StatusOK, d.listOf(all, len(all), 1))
	return nil
}

// readSchema serves one of them.
func (d *door) readSchema(c *call) error {
	id := c.r.PathValue("id")
	for _, k := range []*kind{d.user, d.group} {
		if strings.EqualFold(id, k.schemaID()) {
			write(c.w, http.StatusOK, d.describe(k))
			return nil
		}
	}
	return &scim.Error{Rule: scim.RuleNotFound, Schema: "Schema", Value: id}
}

// schemaID is the id under which the resource type is described.
func (k *kind) schemaID() string { return k.Schema.ID + ":" + k.Name }

func (d *door) describe(k *kind) *scim.Object {
	var attributes []scim.Value
	for _, s := range append([]*scim.Schema{common}, k.schemas()...) {
		for _, a := range s.Attributes {
			o := describeAttribute(a)
			o.Set("schema", scim.StringValue(s.ID))
			attributes = append(attributes, scim.ObjectValue(o))
		}
	}
	return scim.NewObject(
		scim.Member{Name: "id", Value: scim.StringValue(k.schemaID())},
		scim.Member{Name: "name", Value: scim.StringValue(k.Name)},
		scim.Member{Name: "description", Value: scim.StringValue(k.Description)},
		scim.Member{Name: "schema", Value: scim.StringValue(k.Schema.ID)},
		scim.Member{Name: "endpoint", Value: scim.StringValue(k.path)},
		scim.Member{Name: "attributes", Value: scim.ListValue(attributes...)})
}

// common are the attributes that every resource has, whatever its schema.
var common = &scim.Schema{ID: coreSchema, Attributes: []*scim.Attribute{
	{Name: "id", Type: scim.TypeString, Description: "The server's key of the resource", Required: true, Mutability: "readOnly"},
	{Name: "externalId", Type: scim.TypeString, Description: "The client's key of the resource", CaseExact: true},
	{Name: "meta", Type: scim.TypeComplex, Description: "About the resource", Mutability: "readOnly", SubAttributes: []*scim.Attribute{
		{Name: "created", Type: scim.TypeDateTime, Description: "When it was created", Mutability: "readOnly"},
		{Name: "lastModified", Type: scim.TypeDateTime, Description: "When it was last changed", Mutability: "readOnly"},
		{Name: "location", Type: scim.TypeReference, Description: "Its URL", Mutability: "readOnly"},
	}},
}}

func describeAttribute(a *scim.Attribute) *scim.Object {
	typ := a.Type
	if typ == scim.TypeReference {
		typ = scim.TypeString // SCIM 1.1 has no type for URLs
	}
	o := scim.NewObject(
		scim.Member{Name: "name", Value: scim.StringValue(a.Name)},
		scim.Member{Name: "type", Value: scim.StringValue(string(typ))},
		scim.Member{Name: "multiValued", Value: scim.BoolValue(a.MultiValued)})
	if a.MultiValued {
		o.Set("multiValuedAttributeChildName", scim.StringValue(singular(a.Name)))
	}
	o.Set("description", scim.StringValue(a.Description))
	o.Set("readOnly", scim.BoolValue(a.Mutability == "readOnly"))
	o.Set("required", scim.BoolValue(a.Required))
	o.Set("caseExact", scim.BoolValue(a.CaseExact))
	if len(a.SubAttributes) > 0 {
		var subs []scim.Value
		for _, sub := range a.SubAttributes {
			subs = append(subs, scim.ObjectValue(describeAttribute(sub)))
		}
		o.Set("subAttributes", scim.ListValue(subs...))
	}
	if len(a.CanonicalValues) > 0 {
		o.Set("canonicalValues", scim.Strings(a.CanonicalValues...))
	}
	return o
}

// singular names one value of a multi-valued attribute.
func singular(name string) string {
	if name == "addresses" {
		return "address"
	}
	return strings.TrimSuffix(name, "s")
}
