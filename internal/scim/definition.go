package scim

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The schema URIs of the documents that describe a service provider (RFC 7643
// 5, 6 and 7).
const (
	ConfigSchema       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	ResourceTypeSchema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	SchemaSchema       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

// What a definition may hold at most. Every attribute costs each reader of
// discovery and each write of a resource.
const (
	MaxAttributes      = 200 // of a schema, sub-attributes included
	MaxCanonicalValues = 500 // of an attribute
	MaxSchemas         = 50  // of an environment, beside the built-in ones
	MaxTypes           = 20  // of an environment, beside the built-in ones
	MaxIndexed         = 20  // indexed or unique attributes of a resource type, beside the built-in ones

	maxName = 60  // characters of the name of an attribute or a type
	maxURI  = 200 // characters of the URI of a schema
)

// A TypeDefinition is a resource type as its document has it (RFC 7643 6): with
// URIs in the place of schemas. [Compile] makes a [ResourceType] of it.
type TypeDefinition struct {
	Name        string // Device; User and Group define extensions of the built-in types
	Endpoint    string // /Devices
	Description string
	Schema      string // URI of the core schema
	Extensions  []ExtensionDefinition
}

// An ExtensionDefinition says that resources of a type may have an extension, or must.
type ExtensionDefinition struct {
	Schema   string // URI
	Required bool
}

// definitionChecks is how definitions are read. What is misspelt would be left
// out without a word, so that is refused.
var definitionChecks = Checks{Schemas: SchemasOptional, Unknown: RejectUnknown}

// ParseSchema reads the definition of a schema (RFC 7643 7), whose names may be
// in any letter case, and returns it with the characteristics that it leaves
// unsaid (RFC 7643 2.2). What has no description is described by its name, so
// that nothing is published empty. The member indexed of an attribute is ours.
//
// Errors: those of [ResourceType.Normalize]; RulePattern for a URI that is none or
// that the product keeps for itself, for names, and for characteristics that
// contradict each other; RuleLimit.
func ParseSchema(o *Object) (*Schema, Errors) {
	kept, faults := catalog().schemaType.Normalize(o, definitionChecks)
	p := definitionParser{faults: faults}
	id, _ := o.Find("id")
	s := &Schema{ID: id.Text(), Name: kept.Get("name").Text(), Description: kept.Get("description").Text()}
	p.uri(id)
	s.Name = cmp.Or(s.Name, s.ID[strings.LastIndexByte(s.ID, ':')+1:])
	s.Description = cmp.Or(s.Description, s.Name)
	if len(faults) == 0 {
		s.Attributes = p.attributes(kept.Get("attributes"), "attributes", nil)
	}
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	s.complete()
	return s, nil
}

// ParseType reads the definition of a resource type (RFC 7643 6). Whether it
// goes together with the schemas that there are, [Compile] says.
//
// Errors: those of [ResourceType.Normalize]; RulePattern for a name or endpoint
// that is none or that the product keeps for itself.
func ParseType(o *Object) (*TypeDefinition, Errors) {
	kept, faults := catalog().typeType.Normalize(o, definitionChecks)
	if len(faults) > 0 {
		return nil, faults
	}
	t := readType(kept)
	t.Description = cmp.Or(t.Description, t.Name)
	p := definitionParser{}
	p.typeName(t.Name, kept.Get("name"))
	p.endpoint(t.Endpoint, kept.Get("endpoint"))
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return t, nil
}

// readType reads a definition in canonical names.
func readType(o *Object) *TypeDefinition {
	t := &TypeDefinition{
		Name:        o.Get("name").Text(),
		Endpoint:    o.Get("endpoint").Text(),
		Description: o.Get("description").Text(),
		Schema:      o.Get("schema").Text(),
	}
	for _, e := range o.Get("schemaExtensions").List() {
		t.Extensions = append(t.Extensions, ExtensionDefinition{Schema: e.Object().Get("schema").Text(), Required: e.Object().Get("required").Bool()})
	}
	return t
}

// A definitionParser gathers the faults of a definition whose members have the
// right types.
type definitionParser struct {
	faults Errors
	count  int // attributes so far
}

// fail notes that the value v at the path is not what it must be.
func (p *definitionParser) fail(path string, v Value, expected string) {
	p.faults = append(p.faults, &Error{Rule: RulePattern, Path: path, Value: v.Text(), Detail: expected, Offset: int(v.pos)})
}

// limit notes that there are more than the most.
func (p *definitionParser) limit(path, what string, most int) {
	p.faults = append(p.faults, &Error{Rule: RuleLimit, Path: path, Detail: what, Allowed: []string{strconv.Itoa(most)}})
}

var (
	uriForm      = regexp.MustCompile(`^(?i:urn):[A-Za-z0-9][A-Za-z0-9-]{0,31}:[A-Za-z0-9._:-]*[A-Za-z0-9]$`)
	nameForm     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_$-]*$`)
	typeForm     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	endpointForm = regexp.MustCompile(`^/[A-Za-z][A-Za-z0-9_-]*$`)
)

// uri checks the id of a schema. Only what can stand before a colon in a filter
// or a path is taken.
func (p *definitionParser) uri(id Value) {
	switch uri := id.Text(); {
	case id.IsNull():
		p.faults = append(p.faults, &Error{Rule: RuleRequired, Path: "id"})
	case id.kind != String:
		p.faults = append(p.faults, &Error{Rule: RuleType, Path: "id", Allowed: []string{"string"}, Offset: int(id.pos)})
	case len(uri) > maxURI:
		p.faults = append(p.faults, &Error{Rule: RuleLength, Path: "id", Allowed: []string{strconv.Itoa(maxURI)}, Offset: int(id.pos)})
	case !uriForm.MatchString(uri):
		p.fail("id", id, "a URN of letters, digits, -, ., _ and :, as urn:example:schemas:2.0:Asset, is expected")
	case reservedURI(uri):
		p.fail("id", id, "this URI is kept for the product's own schemas and messages")
	}
}

// reservedURI reports whether a URI means something to the product already, in
// whatever spelling, or could not be told from one that does.
func reservedURI(uri string) bool {
	folded := strings.ToLower(uri)
	for _, prefix := range []string{"urn:ietf:params:scim:api:", "urn:ietf:params:scim:event:", "urn:scim:schemas:core:", "urn:rollcall:"} {
		if strings.HasPrefix(folded, prefix) {
			return true
		}
	}
	taken := []string{ConfigSchema, ResourceTypeSchema, SchemaSchema}
	for _, s := range catalog().schemas {
		taken = append(append(taken, s.ID, legacyURI(s.ID)), slips(s.ID)...)
	}
	return slices.ContainsFunc(taken, func(t string) bool { return confusable(t, uri) })
}

// confusable reports whether the URIs are equal but for letter case (RFC 7644
// 3.10), or one followed by an attribute could be the other.
func confusable(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a == b || strings.HasPrefix(a, b+":") || strings.HasPrefix(b, a+":")
}

// typeName checks the name of a type that is not built in.
func (p *definitionParser) typeName(name string, v Value) {
	if len(name) > maxName || !typeForm.MatchString(name) {
		p.fail("name", v, fmt.Sprintf("a letter, then letters, digits, - or _, %d at most, are expected", maxName))
		return
	}
	for _, taken := range []string{"ServiceProviderConfig", "ResourceType", "Schema", "Population", "Environment", "Client", "Member", "Me", "Bulk"} {
		if strings.EqualFold(name, taken) {
			p.fail("name", v, "this name is kept for the product")
		}
	}
}

func (p *definitionParser) endpoint(path string, v Value) {
	if len(path) > maxName || !endpointForm.MatchString(path) {
		p.fail("endpoint", v, fmt.Sprintf("a slash, a letter, then letters, digits, - or _, %d at most, are expected, as /Devices", maxName))
		return
	}
	// Versions are part of the paths of doors.
	for _, taken := range []string{"/ServiceProviderConfig", "/ServiceProviderConfigs", "/serviceConfiguration", "/ResourceTypes", "/Schemas", "/Me", "/Bulk", "/v1", "/v2", "/v3"} {
		if strings.EqualFold(path, taken) {
			p.fail("endpoint", v, "this endpoint is kept for the product")
		}
	}
}

// attributes reads a list of attributes; parent is the complex one that they
// are parts of.
func (p *definitionParser) attributes(list Value, path string, parent *Attribute) []*Attribute {
	out := make([]*Attribute, 0, len(list.List()))
	seen := map[string]bool{}
	for i, item := range list.List() {
		at := path + index(i)
		if p.count++; p.count == MaxAttributes+1 {
			p.limit(path, "attributes of a schema", MaxAttributes)
		}
		a := p.attribute(item.Object(), at, parent)
		if folded := strings.ToLower(a.Name); seen[folded] {
			p.fail(at+".name", item.Object().Get("name"), "another attribute has this name, letter case aside")
		} else {
			seen[folded] = true
		}
		out = append(out, a)
	}
	return out
}

func (p *definitionParser) attribute(o *Object, at string, parent *Attribute) *Attribute {
	a := &Attribute{
		Name:            o.Get("name").Text(),
		Type:            Type(o.Get("type").Text()),
		MultiValued:     o.Get("multiValued").Bool(),
		Description:     o.Get("description").Text(),
		Required:        o.Get("required").Bool(),
		CanonicalValues: texts(o.Get("canonicalValues")),
		CaseExact:       o.Get("caseExact").Bool(),
		Mutability:      o.Get("mutability").Text(),
		Returned:        o.Get("returned").Text(),
		Uniqueness:      o.Get("uniqueness").Text(),
		ReferenceTypes:  texts(o.Get("referenceTypes")),
		Indexed:         o.Get("indexed").Bool(),
	}
	a.Description = cmp.Or(a.Description, a.Name)
	if a.Mutability == "writeOnly" && a.Returned == "" {
		a.Returned = "never" // RFC 7643 7
	}
	if a.Type == TypeReference && a.ReferenceTypes == nil {
		a.ReferenceTypes = []string{"external"}
	}
	complete([]*Attribute{a})
	p.words(a, o, at)
	p.name(a.Name, o.Get("name"), at, parent)
	p.shape(a, o, at, parent)
	p.characteristics(a, o, at, parent)
	a.SubAttributes = p.attributes(o.Get("subAttributes"), at+".subAttributes", a)
	return a
}

func texts(v Value) []string {
	var out []string
	for _, item := range v.List() {
		out = append(out, item.Text())
	}
	return out
}

// words checks the spelling of the keywords, which discovery publishes: some
// clients know them in this letter case only (scim DIS-17).
func (p *definitionParser) words(a *Attribute, o *Object, at string) {
	described := catalog().schemaType.Schema.Attribute("attributes")
	for _, keyword := range []string{"type", "mutability", "returned", "uniqueness"} {
		v := o.Get(keyword)
		if allowed := described.Sub(keyword).CanonicalValues; !v.IsNull() && !slices.Contains(allowed, v.Text()) {
			p.faults = append(p.faults, &Error{Rule: RuleCanonical, Path: at + "." + keyword, Value: v.Text(), Allowed: allowed, Offset: int(v.pos)})
		}
	}
	if len(a.CanonicalValues) > MaxCanonicalValues {
		p.limit(at+".canonicalValues", "canonical values", MaxCanonicalValues)
	}
}

// name checks the name of an attribute (RFC 7643 2.1, scim SCH-02).
func (p *definitionParser) name(name string, v Value, at string, parent *Attribute) {
	switch {
	case parent != nil && name == "$ref":
	case len(name) > maxName || !nameForm.MatchString(name):
		p.fail(at+".name", v, fmt.Sprintf("a letter, then letters, digits, -, _ or $, %d at most, are expected", maxName))
	case parent == nil && commonAttribute(name) != nil:
		p.fail(at+".name", v, "every resource has an attribute of this name already")
	}
}

// standardParts are the types of the sub-attributes whose meaning is fixed in
// multi-valued attributes (RFC 7643 2.4).
var standardParts = map[string]Type{"type": TypeString, "display": TypeString, "primary": TypeBoolean, "$ref": TypeReference}

// shape checks that the type of an attribute and what it is made of fit.
func (p *definitionParser) shape(a *Attribute, o *Object, at string, parent *Attribute) {
	parts := o.Get("subAttributes")
	switch {
	case a.Type == TypeComplex && parts.IsNull():
		p.faults = append(p.faults, &Error{Rule: RuleRequired, Path: at + ".subAttributes"})
	case a.Type != TypeComplex && !parts.IsNull():
		p.fail(at+".subAttributes", parts, "only an attribute of the type complex has parts")
	}
	if a.ReferenceTypes != nil && a.Type != TypeReference {
		p.fail(at+".referenceTypes", o.Get("referenceTypes"), "only an attribute of the type reference refers to something")
	}
	if a.CanonicalValues != nil && a.Type != TypeString && a.Type != TypeReference {
		p.fail(at+".canonicalValues", o.Get("canonicalValues"), "only strings and references have canonical values")
	}
	if parent == nil || !parent.MultiValued {
		return
	}
	for name, t := range standardParts {
		if strings.EqualFold(name, a.Name) && (a.Type != t || a.MultiValued || a.Name != name) {
			p.fail(at+".type", o.Get("type"), fmt.Sprintf("the part %s of a multi-valued attribute is one %s", name, t))
		}
	}
}

// characteristics checks that the characteristics of an attribute do not
// contradict each other, and settles those that its type decides.
func (p *definitionParser) characteristics(a *Attribute, o *Object, at string, parent *Attribute) {
	switch a.Type {
	case TypeBinary, TypeReference: // RFC 7643 2.3.6, 2.3.7
		a.CaseExact = true
	case TypeString:
	default:
		a.CaseExact = false
	}
	if a.Mutability == "writeOnly" && a.Returned != "never" {
		p.fail(at+".returned", o.Get("returned"), "what is writeOnly is never returned")
	}
	if a.Mutability == "readOnly" && a.Required {
		p.fail(at+".required", o.Get("required"), "what nobody can write cannot be required")
	}
	if a.Uniqueness != "none" {
		switch a.Type {
		case TypeString, TypeReference, TypeInteger, TypeDecimal:
		default: // scim SCH-12
			p.fail(at+".uniqueness", o.Get("uniqueness"), "values of this type have no uniqueness")
		}
	}
	if parent != nil && a.MultiValued && (a.Uniqueness != "none" || a.Indexed) {
		p.fail(at+".multiValued", o.Get("multiValued"), "a part that has several values itself has neither uniqueness nor index")
	}
	if a.Indexed {
		switch {
		case a.Type == TypeComplex || a.Type == TypeBinary:
			p.fail(at+".indexed", o.Get("indexed"), "values of this type have no index")
		case a.Returned == "never":
			p.fail(at+".indexed", o.Get("indexed"), "what is never returned is not found by filters either")
		}
	}
}

// Object returns the definition in the members of RFC 7643 7, without schemas
// and meta. [ParseSchema] reads the same schema from it. The member indexed is
// there only when it is true.
func (s *Schema) Object() *Object {
	return NewObject(
		Member{"id", StringValue(s.ID)},
		Member{"name", StringValue(s.Name)},
		Member{"description", StringValue(s.Description)},
		Member{"attributes", attributeValues(s.Attributes)},
	)
}

func attributeValues(list []*Attribute) Value {
	values := make([]Value, len(list))
	for i, a := range list {
		o := NewObject(
			Member{"name", StringValue(a.Name)},
			Member{"type", StringValue(string(a.Type))},
			Member{"multiValued", BoolValue(a.MultiValued)},
			Member{"description", StringValue(a.Description)},
			Member{"required", BoolValue(a.Required)},
		)
		if len(a.CanonicalValues) > 0 {
			o.Set("canonicalValues", Strings(a.CanonicalValues...))
		}
		o.Set("caseExact", BoolValue(a.CaseExact))
		o.Set("mutability", StringValue(a.Mutability))
		o.Set("returned", StringValue(a.Returned))
		o.Set("uniqueness", StringValue(a.Uniqueness))
		if len(a.ReferenceTypes) > 0 {
			o.Set("referenceTypes", Strings(a.ReferenceTypes...))
		}
		if a.Indexed {
			o.Set("indexed", BoolValue(true))
		}
		if len(a.SubAttributes) > 0 {
			o.Set("subAttributes", attributeValues(a.SubAttributes))
		}
		values[i] = ObjectValue(o)
	}
	return ListValue(values...)
}

// StoredSchema reads what [Schema.Object] wrote, without the checks of
// [ParseSchema]: those of a later version may be others.
func StoredSchema(doc []byte) (*Schema, error) { return readSchema(doc) }

// StoredType reads what [TypeDefinition.Object] wrote.
func StoredType(doc []byte) (*TypeDefinition, error) {
	o, err := ReadObject(doc, Limits{})
	if err != nil {
		return nil, err
	}
	return readType(o), nil
}

// Object returns the definition in the members of RFC 7643 6, without schemas,
// id and meta. [ParseType] reads the same definition from it.
func (t *TypeDefinition) Object() *Object {
	o := NewObject(
		Member{"name", StringValue(t.Name)},
		Member{"description", StringValue(t.Description)},
		Member{"endpoint", StringValue(t.Endpoint)},
		Member{"schema", StringValue(t.Schema)},
	)
	if len(t.Extensions) > 0 {
		list := make([]Value, len(t.Extensions))
		for i, e := range t.Extensions {
			list[i] = ObjectValue(NewObject(Member{"schema", StringValue(e.Schema)}, Member{"required", BoolValue(e.Required)}))
		}
		o.Set("schemaExtensions", ListValue(list...))
	}
	return o
}
