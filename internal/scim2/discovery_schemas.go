package scim2

import "github.com/rollcall-directory/rollcall/internal/scim"

// discoverySchemas describes the discovery documents themselves (RFC 7643
// 8.7.2 with its errata; scim DIS-17). All in them is read-only.
func discoverySchemas() []*scim.Schema {
	return []*scim.Schema{
		{
			ID: configSchema, Name: "ServiceProviderConfig", Description: "What the service provider offers",
			Attributes: []*scim.Attribute{
				link("documentationUri", "Address of the service provider's documentation"),
				parts("patch", "Whether resources can be changed by PATCH", supportedAttribute()),
				parts("bulk", "Whether several operations can be sent in one request", supportedAttribute(),
					required(plain("maxOperations", scim.TypeInteger, "Most operations in one request")),
					required(plain("maxPayloadSize", scim.TypeInteger, "Most bytes in one request"))),
				parts("filter", "Whether lists can be filtered", supportedAttribute(),
					required(plain("maxResults", scim.TypeInteger, "Most resources in one answer"))),
				parts("changePassword", "Whether a password can be replaced", supportedAttribute()),
				parts("sort", "Whether lists can be sorted", supportedAttribute()),
				parts("etag", "Whether resources have versions", supportedAttribute()),
				list(parts("authenticationSchemes", "How clients prove who they are",
					choice(required(plain("type", scim.TypeString, "The kind of scheme")), "oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"),
					required(plain("name", scim.TypeString, "The name of the scheme")),
					required(plain("description", scim.TypeString, "What the scheme is")),
					link("specUri", "Address of the scheme's specification"),
					link("documentationUri", "Address of the scheme's documentation"),
					plain("primary", scim.TypeBoolean, "Whether the scheme is the preferred one"))),
			},
		},
		{
			ID: resourceTypeSchema, Name: "ResourceType", Description: "A type of resources that the service provider offers",
			Attributes: []*scim.Attribute{
				plain("id", scim.TypeString, "The type's id, which is its name"),
				required(plain("name", scim.TypeString, "The type's name")),
				plain("description", scim.TypeString, "What the type is"),
				required(link("endpoint", "Path of the type's endpoint below the base URL")),
				required(link("schema", "URI of the type's core schema")),
				list(parts("schemaExtensions", "Extensions of the core schema",
					required(link("schema", "URI of the extension")),
					required(plain("required", scim.TypeBoolean, "Whether every resource must have the extension")))),
			},
		},
		{
			ID: schemaSchema, Name: "Schema", Description: "A named set of attributes",
			Attributes: []*scim.Attribute{
				required(plain("id", scim.TypeString, "The schema's URI")),
				plain("name", scim.TypeString, "The schema's name"),
				plain("description", scim.TypeString, "What the schema describes"),
				list(required(parts("attributes", "The attributes of the schema", append(attributeAttributes(),
					list(parts("subAttributes", "The parts of a complex attribute", attributeAttributes()...)))...))),
			},
		},
	}
}

// attributeAttributes describes what is said of an attribute (RFC 7643 7).
func attributeAttributes() []*scim.Attribute {
	return []*scim.Attribute{
		exact(required(plain("name", scim.TypeString, "The attribute's name"))),
		choice(required(plain("type", scim.TypeString, "The type of its values")),
			"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"),
		required(plain("multiValued", scim.TypeBoolean, "Whether it has several values")),
		plain("description", scim.TypeString, "What the attribute is"),
		plain("required", scim.TypeBoolean, "Whether every resource must have it"),
		list(exact(plain("canonicalValues", scim.TypeString, "Suggested values"))),
		plain("caseExact", scim.TypeBoolean, "Whether letter case makes a difference"),
		choice(plain("mutability", scim.TypeString, "Whether and when it can be written"),
			"readOnly", "readWrite", "immutable", "writeOnly"),
		choice(plain("returned", scim.TypeString, "When it is part of an answer"), "always", "never", "default", "request"),
		choice(plain("uniqueness", scim.TypeString, "Among which resources a value is unique"), "none", "server", "global"),
		list(exact(plain("referenceTypes", scim.TypeString, "What a reference may lead to"))),
		plain("indexed", scim.TypeBoolean, "Whether filters find values without reading every resource; a member that RFC 7643 does not have"),
	}
}

func plain(name string, t scim.Type, description string) *scim.Attribute {
	return &scim.Attribute{Name: name, Type: t, Description: description,
		Mutability: "readOnly", Returned: "default", Uniqueness: "none"}
}

func link(name, description string) *scim.Attribute {
	a := exact(plain(name, scim.TypeReference, description))
	a.ReferenceTypes = []string{"external"}
	return a
}

func parts(name, description string, subs ...*scim.Attribute) *scim.Attribute {
	a := plain(name, scim.TypeComplex, description)
	a.SubAttributes = subs
	return a
}

func supportedAttribute() *scim.Attribute {
	return required(plain("supported", scim.TypeBoolean, "Whether it is supported"))
}

func required(a *scim.Attribute) *scim.Attribute { a.Required = true; return a }

func list(a *scim.Attribute) *scim.Attribute { a.MultiValued = true; return a }

func exact(a *scim.Attribute) *scim.Attribute { a.CaseExact = true; return a }

func choice(a *scim.Attribute, values ...string) *scim.Attribute {
	a.CanonicalValues = values
	return exact(a)
}
