package scim

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

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

	// Indexed attributes are found by filters without reading every resource. It
	// is ours, and published only where it is true.
	Indexed bool `json:"indexed,omitempty"`

	// The rest is ours and not published.

	// MaxLength is the greatest length of a string in characters; 0 leaves it
	// to the limit of all strings.
	MaxLength int `json:"maxLength,omitempty"`
	// Prepared marks an attribute compared by its PRECIS key (RFC 7644 5): userName.
	Prepared bool `json:"prepared,omitempty"`
	// Format names the form of a string beyond its type: see [Checks.AnyFormat].
	Format string `json:"format,omitempty"`

	subs nameTable
}

// A Schema is a named set of attributes (RFC 7643 7).
type Schema struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Attributes  []*Attribute `json:"attributes"`

	// Open schemas take attributes that they do not define, as they are.
	Open bool `json:"open,omitempty"`

	names nameTable
}

// A ResourceType is a kind of resource: a core schema and its extensions (RFC 7643 6).
type ResourceType struct {
	Name        string // User, Group
	Endpoint    string // /Users
	Description string
	Schema      *Schema
	Extensions  []*Schema
	Required    []string // URIs of the extensions that every resource must have
}

// The schema URIs that the product knows.
const (
	UserSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupSchema      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	PingOneSchema    = "urn:pingidentity:schemas:extension:2.0:PingOneUser"
	// PingOneEnterpriseSchema is an extension of SCIM 1.1.
	PingOneEnterpriseSchema = "urn:scim:schemas:com_pingone:1.0"
	// ManagedSchema holds what Common REST clients keep on a user beyond the
	// other schemas. It is open.
	ManagedSchema = "urn:rollcall:schemas:extension:2.0:ManagedUser"
	// ManagedGroupSchema is the same for groups, roles and organizations.
	ManagedGroupSchema = "urn:rollcall:schemas:extension:2.0:ManagedGroup"

	managedSchema = "urn:rollcall:schemas:core:2.0:ManagedObject"
)

// UserType returns the canonical type of users, the richest of all doors. It
// is the same for every caller and must not be changed.
func UserType() *ResourceType { return catalog().user }

// GroupType is [UserType] for groups.
func GroupType() *ResourceType { return catalog().group }

// ManagedType returns the type of this name that only Common REST has:
// ManagedRole or ManagedOrganization; nil for others.
func ManagedType(name string) *ResourceType { return catalog().managed[name] }

// LookupSchema returns the schema of this URI in any letter case (RFC 7644
// 3.10), nil if the product has none. It must not be changed.
func LookupSchema(uri string) *Schema {
	for _, s := range catalog().schemas {
		if strings.EqualFold(s.ID, uri) {
			return s
		}
	}
	return nil
}

// Extension returns the extension of this URI in any letter case (RFC 7644
// 3.10), nil if the type has none.
func (t *ResourceType) Extension(uri string) *Schema {
	for _, s := range t.Extensions {
		if s.ID == uri || strings.EqualFold(s.ID, uri) {
			return s
		}
	}
	return nil
}

// Derive returns a schema with copies of the attributes, changed by fn; an
// attribute for which fn is false is left out. Paths are as emails.type.
func (s *Schema) Derive(fn func(path string, a *Attribute) bool) *Schema {
	return &Schema{ID: s.ID, Name: s.Name, Description: s.Description, Attributes: derive("", s.Attributes, fn)}
}

func derive(prefix string, list []*Attribute, fn func(string, *Attribute) bool) []*Attribute {
	var out []*Attribute
	for _, a := range list {
		c := *a
		c.SubAttributes, c.subs = nil, nil
		if fn(prefix+a.Name, &c) {
			c.SubAttributes = derive(prefix+a.Name+".", a.SubAttributes, fn)
			out = append(out, &c)
		}
	}
	return out
}

// Attribute returns the attribute of this name in any letter case, nil if the schema has none.
func (s *Schema) Attribute(name string) *Attribute {
	if i := s.names.find(s.Attributes, name); i >= 0 {
		return s.Attributes[i]
	}
	return nil
}

// Sub returns the sub-attribute of this name in any letter case, nil if there is none.
func (a *Attribute) Sub(name string) *Attribute {
	if i := a.subs.find(a.SubAttributes, name); i >= 0 {
		return a.SubAttributes[i]
	}
	return nil
}

// A nameTable leads from names, as they are and in lower case, to places in a
// list of attributes. Lists made by hand have none and are searched.
type nameTable map[string]int

func newNameTable(list []*Attribute) nameTable {
	t := make(nameTable, 2*len(list))
	for i, a := range list {
		t[a.Name] = i
		t[strings.ToLower(a.Name)] = i
	}
	return t
}

// find returns the place of the name in the list, -1 if it is not there.
func (t nameTable) find(list []*Attribute, name string) int {
	if t != nil {
		i, ok := t[name]
		if !ok {
			i, ok = t[strings.ToLower(name)]
		}
		if !ok {
			return -1
		}
		return i
	}
	for i, a := range list {
		if strings.EqualFold(a.Name, name) {
			return i
		}
	}
	return -1
}

//go:embed schemas/*.json definitions/*.json
var schemaFiles embed.FS

// A schemaCatalog is what the embedded files define.
type schemaCatalog struct {
	schemas     []*Schema
	user, group *ResourceType
	managed     map[string]*ResourceType // by name
	// The documents that define schemas and types, as if they were resources.
	schemaType, typeType *ResourceType
}

var catalog = sync.OnceValue(loadCatalog)

// loadCatalog panics on files that are wrong: they are part of the program.
func loadCatalog() *schemaCatalog {
	files, err := schemaFiles.ReadDir("schemas")
	if err != nil {
		panic(err)
	}
	c := &schemaCatalog{}
	byID := map[string]*Schema{}
	for _, f := range files {
		s, err := loadSchema("schemas/" + f.Name())
		if err != nil {
			panic(fmt.Errorf("scim: schemas/%s: %w", f.Name(), err))
		}
		c.schemas = append(c.schemas, s)
		byID[s.ID] = s
	}
	c.user = &ResourceType{
		Name: "User", Endpoint: "/Users", Description: byID[UserSchema].Description,
		Schema:     byID[UserSchema],
		Extensions: []*Schema{byID[EnterpriseSchema], byID[ManagedSchema]},
	}
	c.group = &ResourceType{
		Name: "Group", Endpoint: "/Groups", Description: byID[GroupSchema].Description,
		Schema:     byID[GroupSchema],
		Extensions: []*Schema{byID[ManagedGroupSchema]},
	}
	c.managed = map[string]*ResourceType{}
	for _, name := range []string{"ManagedRole", "ManagedOrganization"} {
		c.managed[name] = &ResourceType{Name: name, Schema: byID[managedSchema], Extensions: c.group.Extensions}
	}
	for file, t := range map[string]**ResourceType{"schema.json": &c.schemaType, "type.json": &c.typeType} {
		s, err := loadSchema("definitions/" + file)
		if err != nil {
			panic(fmt.Errorf("scim: definitions/%s: %w", file, err))
		}
		*t = &ResourceType{Name: s.Name, Description: s.Description, Schema: s}
	}
	return c
}

func loadSchema(file string) (*Schema, error) {
	data, err := schemaFiles.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return readSchema(data)
}

// readSchema reads a schema that is known to be right.
func readSchema(data []byte) (*Schema, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	s := &Schema{}
	if err := d.Decode(s); err != nil {
		return nil, err
	}
	s.complete()
	return s, nil
}

// complete makes a schema ready for use.
func (s *Schema) complete() {
	complete(s.Attributes)
	s.names = newNameTable(s.Attributes)
}

// complete gives the attributes the characteristics that the files leave
// unsaid (RFC 7643 2.2).
func complete(list []*Attribute) {
	for _, a := range list {
		for _, d := range []struct {
			field *string
			value string
		}{{(*string)(&a.Type), "string"}, {&a.Mutability, "readWrite"}, {&a.Returned, "default"}, {&a.Uniqueness, "none"}} {
			if *d.field == "" {
				*d.field = d.value
			}
		}
		complete(a.SubAttributes)
		a.subs = newNameTable(a.SubAttributes)
	}
}
