package scim2

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// sdkWords are those of the SchemaChecker of the vendor's SDK for faults of
// schemas and attributes, which is where RSA's published messages come from (rsa
// section 6, pingone 8.1).
var sdkWords = map[scim.Rule]string{
	scim.RuleCoreSchemaMissing:    "Value for attribute schemas must contain schema URI {schema} because it is the core schema for this resource type",
	scim.RuleUnknownSchema:        "Schema URI {value} is not a valid value for attribute {path} because it is undefined as a core or schema extension for this resource type",
	scim.RuleExtensionNotDeclared: "Extended attributes namespace {schema} must be included in the schemas attribute",
	scim.RuleCanonical:            "Value {value} is not valid for attribute {path} because it is not one of the canonical types: {allowed}",
	scim.RuleRequired:             "Attribute {path} is required and must have a value",
	scim.RuleMultiValued:          "Value for multi-valued attribute {path} must be a JSON array",
	scim.RuleSingleValued:         "Value for single-valued attribute {path} must not be a JSON array",
	scim.RuleType:                 "Value for attribute {path} must be a JSON {first}",
	scim.RuleDateTime:             "Value for attribute {path} is not a valid xsd:dateTime formatted string",
	scim.RuleBinary:               "Value for attribute {path} is not a valid base64 encoded string",
	scim.RuleURI:                  "Value for attribute {path} is not a valid URI string",
	scim.RuleUnknownAttribute:     "Core attribute {path} is undefined for schema {schema}",
	scim.RuleUnknownSubAttribute:  "Sub-attribute {path} is undefined for attribute {value}",
	scim.RuleReadOnly:             "Attribute {path} is read-only",
}

// removed is what package scim says of a required attribute that a PATCH took away.
const removed = "required"

// sdkText words a fault as the SDK does, "" for those that it has no words for.
func sdkText(e *scim.Error) string {
	switch {
	case e.Rule == scim.RuleType && isExtension(e.Path):
		return e.Fill("Extended attributes namespace {path} must be a JSON object")
	case e.Rule == scim.RuleType && slices.Equal(e.Allowed, []string{"integer"}):
		return e.Fill("Value for attribute {path} is not an integral number")
	case e.Rule == scim.RuleUnknownAttribute:
		own := *e
		own.Path = strings.TrimPrefix(e.Path, e.Schema+":")
		if isExtension(e.Schema) {
			return own.Fill("Extended attribute {path} is undefined for schema {schema}")
		}
		return own.Fill(sdkWords[e.Rule])
	case sdkWords[e.Rule] != "":
		return e.Fill(sdkWords[e.Rule])
	}
	return sdkPatchText(e)
}

// sdkPatchText does so for the faults of PATCH operations (rsa section 6, T8 to T11).
func sdkPatchText(e *scim.Error) string {
	switch e.Rule {
	case scim.RuleImmutable:
		if e.Detail == removed {
			return e.Fill(sdkWords[scim.RuleRequired])
		}
		return e.Fill("Attribute {path} is immutable and value(s) may not be replaced")
	case scim.RulePath:
		for _, what := range []string{"attribute ", "sub-attribute "} {
			if strings.HasPrefix(e.Detail, what) {
				return strings.ToUpper(what[:1]) + e.Detail[1:]
			}
		}
	case scim.RuleNoTarget:
		switch name, _, _ := strings.Cut(e.Path, "["); {
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

// parserWords say what the JSON reader refused, which the SDK leaves to its
// parser (rsa T12).
var parserWords = map[scim.Rule]string{
	scim.RuleJSON:            "{detail}",
	scim.RuleDuplicateMember: "duplicate member {path}",
	scim.RuleTrailingData:    "content after the end of the JSON value",
	scim.RuleEmptyBody:       "no content",
	scim.RuleNotObject:       "not a JSON object",
	scim.RuleLimit:           "more than {first} {detail}",
}

// isExtension reports whether uri is the URI of an extension, not of a core
// schema and not the path of an attribute.
func isExtension(uri string) bool {
	s := scim.LookupSchema(uri)
	return s != nil && s.ID != scim.UserSchema && s.ID != scim.GroupSchema
}
