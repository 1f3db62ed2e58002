package scim

import "strings"

// Type is the data type of an attribute (RFC 7643 2.3).
type Type string

// The types of RFC 7643 2.3. TypeAny is ours: an attribute of an open schema
// that takes any JSON value as it is.
const (
	TypeString    Type = "string"
	TypeBoolean   Type = "boolean"
	TypeDecimal   Type = "decimal"
	TypeInteger   Type = "integer"
	TypeDateTime  Type = "dateTime"
	TypeBinary    Type = "binary"
	TypeReference Type = "reference"
	TypeComplex   Type = "complex"
	TypeAny       Type = "any"
)

// An Attribute describes one attribute or sub-attribute (RFC 7643 7). The
// words of Mutability, Returned and Uniqueness are the RFC's.
type Attribute struct {
	Name            string       `json:"name"`
	Type            Type         `json:"type"`
	MultiValued     bool         `json:"multiValued"`
	Description     string       `json:"description"`
	Required        bool         `json:"required"`
	CanonicalValues []string     `json:"canonicalValues,omitempty"`
	CaseExact       bool         `json:"caseExact"`
	Mutability      string       `json:"mutability"` // readOnly, readWrite, immutable, writeOnly
	Returned        string       `json:"returned"`   // always, never, default, request
	Uniqueness      string       `json:"uniqueness"` // none, server, global
	ReferenceTypes  []string     `json:"referenceTypes,omitempty"`
	SubAttributes   []*Attribute `json:"subAttributes,omitempty"`

	// MaxLength is the greatest length of a string in characters; 0 is no limit. Ours, not published.
	MaxLength int `json:"maxLength,omitempty"`
	// Prepared marks an attribute compared by its PRECIS key (RFC 7644 5): userName.
	Prepared bool `json:"prepared,omitempty"`
}

// A Schema is a named set of attributes (RFC 7643 7).
type Schema struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Attributes  []*Attribute `json:"attributes"`

	// Open schemas take attributes that they do not define, as they are.
	Open bool `json:"open,omitempty"`
}

// A ResourceType is a kind of resource: a core schema and its extensions (RFC 7643 6).
type ResourceType struct {
	Name        string // User, Group
	Endpoint    string // /Users
	Description string
	Schema      *Schema
	Extensions  []*Schema
}

// The schema URIs that the product knows.
const (
	UserSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupSchema      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	PingOneSchema    = "urn:pingidentity:schemas:extension:2.0:PingOneUser"
	// ManagedSchema holds what Common REST clients keep on a user beyond the
	// other schemas. It is open.
	ManagedSchema = "urn:rollcall:schemas:extension:2.0:ManagedUser"
	// ManagedGroupSchema is the same for groups.
	ManagedGroupSchema = "urn:rollcall:schemas:extension:2.0:ManagedGroup"
)

// Attribute returns the attribute of this name in any letter case, nil if the schema has none.
func (s *Schema) Attribute(name string) *Attribute { return find(s.Attributes, name) }

// Sub returns the sub-attribute of this name in any letter case, nil if there is none.
func (a *Attribute) Sub(name string) *Attribute { return find(a.SubAttributes, name) }

func find(list []*Attribute, name string) *Attribute {
	for _, a := range list {
		if a.Name == name {
			return a
		}
	}
	for _, a := range list {
		if strings.EqualFold(a.Name, name) {
			return a
		}
	}
	return nil
}
