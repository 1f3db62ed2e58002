package scim2

import (
	"fmt"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// sdkWords words the faults of schemas and attributes as the SchemaChecker of
// the vendor's SDK does, which is where RSA's published messages come from (rsa
// section 6, pingone 8.1). It is "" for faults that the SDK has no words for.
func sdkWords(e *scim.Error) string {
	switch e.Rule {
	case scim.RuleCoreSchemaMissing:
		return fmt.Sprintf("Value for attribute schemas must contain schema URI %s because it is the core schema for this resource type", e.Schema)
	case scim.RuleUnknownSchema:
		return fmt.Sprintf("Schema URI %s is not a valid value for attribute %s because it is undefined as a core or schema extension for this resource type", e.Value, e.Path)
	case scim.RuleExtensionNotDeclared:
		return fmt.Sprintf("Extended attributes namespace %s must be included in the schemas attribute", e.Schema)
	case scim.RuleCanonical:
		return fmt.Sprintf("Value %s is not valid for attribute %s because it is not one of the canonical types: %s", e.Value, e.Path, strings.Join(e.Allowed, ", "))
	case scim.RuleRequired:
		return fmt.Sprintf("Attribute %s is required and must have a value", e.Path)
	case scim.RuleMultiValued:
		return fmt.Sprintf("Value for multi-valued attribute %s must be a JSON array", e.Path)
	case scim.RuleSingleValued:
		return fmt.Sprintf("Value for single-valued attribute %s must not be a JSON array", e.Path)
	case scim.RuleType:
		return sdkType(e.Path, first(e))
	case scim.RuleDateTime:
		return fmt.Sprintf("Value for attribute %s is not a valid xsd:dateTime formatted string", e.Path)
	case scim.RuleBinary:
		return fmt.Sprintf("Value for attribute %s is not a valid base64 encoded string", e.Path)
	case scim.RuleURI:
		return fmt.Sprintf("Value for attribute %s is not a valid URI string", e.Path)
	case scim.RuleUnknownAttribute:
		kind := "Core"
		if isExtension(e.Schema) {
			kind = "Extended"
		}
		return fmt.Sprintf("%s attribute %s is undefined for schema %s", kind, strings.TrimPrefix(e.Path, e.Schema+":"), e.Schema)
	case scim.RuleUnknownSubAttribute:
		return fmt.Sprintf("Sub-attribute %s is undefined for attribute %s", e.Path, e.Value)
	case scim.RuleReadOnly:
		return fmt.Sprintf("Attribute %s is read-only", e.Path)
	}
	return ""
}

// removed is what package scim says of a required attribute that a PATCH took away.
const removed = "required"

// sdkPatchWords words the faults of PATCH operations as the SDK does, "" where
// it has no words (rsa section 6, T8 to T11).
func sdkPatchWords(e *scim.Error) string {
	switch e.Rule {
	case scim.RuleImmutable:
		if e.Detail == removed {
			return fmt.Sprintf("Attribute %s is required and must have a value", e.Path)
		}
		return fmt.Sprintf("Attribute %s is immutable and value(s) may not be replaced", e.Path)
	case scim.RulePath:
		for _, what := range []string{"attribute ", "sub-attribute "} {
			if strings.HasPrefix(e.Detail, what) {
				return strings.ToUpper(what[:1]) + e.Detail[1:]
			}
		}
	case scim.RuleNoTarget:
		name, _, _ := strings.Cut(e.Path, "[")
		switch {
		case e.Path == "":
			return "path field must not be null for remove operations"
		case e.Value != "":
			return fmt.Sprintf("Attribute %s does not have a value matching the filter %s", name, e.Value)
		}
	case scim.RuleMessage:
		if e.Path == "value" && e.Detail == "null or empty" {
			return "value field must not be null or an empty container"
		}
	}
	return ""
}

// sdkType words a value of the wrong JSON type.
func sdkType(path, wanted string) string {
	switch {
	case isExtension(path):
		return fmt.Sprintf("Extended attributes namespace %s must be a JSON object", path)
	case wanted == "integer":
		return fmt.Sprintf("Value for attribute %s is not an integral number", path)
	}
	return fmt.Sprintf("Value for attribute %s must be a JSON %s", path, wanted)
}

// parserText says what the JSON reader refused, which the SDK leaves to its
// parser (rsa T12).
func parserText(e *scim.Error) string {
	text := e.Detail
	switch e.Rule {
	case scim.RuleDuplicateMember:
		text = "duplicate member " + e.Path
	case scim.RuleTrailingData:
		text = "content after the end of the JSON value"
	case scim.RuleEmptyBody:
		text = "no content"
	case scim.RuleNotObject:
		text = "not a JSON object"
	case scim.RuleLimit:
		text = fmt.Sprintf("more than %s %s", first(e), e.Detail)
	}
	return text
}

// isExtension reports whether uri is the URI of an extension, not of a core
// schema and not the path of an attribute.
func isExtension(uri string) bool {
	s := scim.LookupSchema(uri)
	return s != nil && s.ID != scim.UserSchema && s.ID != scim.GroupSchema
}

// derive returns a schema with copies of the attributes, changed by fn; an
// attribute for which fn is false is left out. Paths are as emails.type.
func derive(s *scim.Schema, fn func(path string, a *scim.Attribute) bool) *scim.Schema {
	return &scim.Schema{ID: s.ID, Name: s.Name, Description: s.Description, Attributes: deriveList("", s.Attributes, fn)}
}

func deriveList(prefix string, list []*scim.Attribute, fn func(string, *scim.Attribute) bool) []*scim.Attribute {
	var out []*scim.Attribute
	for _, a := range list {
		c := &scim.Attribute{Name: a.Name, Type: a.Type, MultiValued: a.MultiValued, Description: a.Description,
			Required: a.Required, CanonicalValues: a.CanonicalValues, CaseExact: a.CaseExact, Mutability: a.Mutability,
			Returned: a.Returned, Uniqueness: a.Uniqueness, ReferenceTypes: a.ReferenceTypes,
			MaxLength: a.MaxLength, Prepared: a.Prepared, Format: a.Format}
		if fn(prefix+a.Name, c) {
			c.SubAttributes = deriveList(prefix+a.Name+".", a.SubAttributes, fn)
			out = append(out, c)
		}
	}
	return out
}
