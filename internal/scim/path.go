package scim

import (
	"strings"
)

// A Path addresses an attribute: [schema ":"] attr ["." sub] (RFC 7644 3.10).
// After [ResourceType.Resolve] the names are canonical.
type Path struct {
	Schema string // URI of the schema; empty for the core one and for common attributes
	Attr   string
	Sub    string
}

// ParsePath reads the path of an attribute, [URI ":"] name ["." name] (RFC 7644
// 3.10). A URI holds colons and dots itself: until [ResourceType.ResolvePath]
// finds the schema, all before the last colon is taken for it.
//
// Errors: RulePath with the text in Path.
func ParsePath(text string) (Path, error) {
	p, ok := splitPath(text)
	if !ok {
		return Path{}, &Error{Rule: RulePath, Path: text, Detail: "not an attribute name"}
	}
	return p, nil
}

// ManagerAttribute is where a user refers to its manager (RFC 7643 4.3).
const ManagerAttribute = EnterpriseSchema + ":manager"

// isOf reports whether the path, in canonical names, leads to the attribute of
// that name, its URI included, or into it.
func (p Path) isOf(attr string) bool {
	name, ok := strings.CutPrefix(attr, p.Schema)
	return ok && p.Attr == strings.TrimPrefix(name, ":")
}

// String returns the path as RFC 7644 writes it.
func (p Path) String() string {
	s := p.Attr
	if p.Schema != "" {
		s = p.Schema + ":" + s
	}
	if p.Sub != "" {
		s += "." + p.Sub
	}
	return s
}

// splitPath splits at the last colon and the first dot after it, such that
// [Path.String] gives the text back. What follows a URI is checked when the URI
// is found, because it may be its end.
func splitPath(text string) (p Path, ok bool) {
	name := text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		p.Schema, name = text[:i], text[i+1:]
	}
	dotted := false
	p.Attr, p.Sub, dotted = strings.Cut(name, ".")
	if p.Schema != "" {
		plain := !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
		return p, plain && p.Attr != "" && (!dotted || p.Sub != "")
	}
	return p, isName(p.Attr) && (!dotted || isName(p.Sub)) && len(name) == len(text)
}

// isName reports whether s is an attribute name of RFC 7643 2.1. The grammar
// there has no name that starts with $, but RFC 7643 2.4 has $ref.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '-' || c == '_' || c == '$'):
		case c == '$' && strings.EqualFold(s, "$ref"):
		default:
			return false
		}
	}
	return s != ""
}

// commonAttributes are those that every resource has, whatever its schemas (RFC
// 7643 3.1).
var commonAttributes = []*Attribute{
	{Name: "schemas", Type: TypeReference, MultiValued: true, Required: true, Mutability: "readWrite", Returned: "always", Uniqueness: "none"},
	{Name: "id", Type: TypeString, CaseExact: true, Mutability: "readOnly", Returned: "always", Uniqueness: "server"},
	externalID,
	{Name: "meta", Type: TypeComplex, Mutability: "readOnly", Returned: "default", Uniqueness: "none", SubAttributes: []*Attribute{
		{Name: "resourceType", Type: TypeString, CaseExact: true, Mutability: "readOnly", Returned: "default", Uniqueness: "none"},
		{Name: "created", Type: TypeDateTime, Mutability: "readOnly", Returned: "default", Uniqueness: "none"},
		{Name: "lastModified", Type: TypeDateTime, Mutability: "readOnly", Returned: "default", Uniqueness: "none"},
		{Name: "location", Type: TypeReference, CaseExact: true, Mutability: "readOnly", Returned: "default", Uniqueness: "none"},
		{Name: "version", Type: TypeString, CaseExact: true, Mutability: "readOnly", Returned: "default", Uniqueness: "none"},
	}},
}

// commonAttribute returns the common attribute of this name in any letter case.
func commonAttribute(name string) *Attribute {
	if i := nameTable(nil).find(commonAttributes, name); i >= 0 {
		return commonAttributes[i]
	}
	return nil
}

// A place is where a path leads to in resources of one type.
type place struct {
	path   Path       // in canonical names
	schema *Schema    // that defines attr; nil for common attributes
	attr   *Attribute // of path.Attr; nil when the path is the URI of schema and no more
	sub    *Attribute // of path.Sub; nil without
}

// leaf returns the attribute at the end of the path.
func (p place) leaf() *Attribute {
	if p.sub != nil {
		return p.sub
	}
	return p.attr
}

// ResolvePath returns p in canonical names and the attribute that it leads to.
//
// Errors: RulePath with what the client wrote in Path, the undefined name in
// Value and a reason in Detail.
func (t *ResourceType) ResolvePath(p Path, o FilterOptions) (Path, *Attribute, error) {
	at, err := t.locate(p, &o)
	if err != nil {
		return Path{}, nil, err
	}
	if at.attr == nil {
		return Path{}, nil, undefined(p, p.Attr, "attribute")
	}
	return at.path, at.leaf(), nil
}

// undefined is the fault of naming what is not there.
func undefined(p Path, name, what string) *Error {
	text := p.String()
	return &Error{Rule: RulePath, Path: text, Value: name, Detail: what + " " + name + " in path " + text + " is undefined"}
}

// locate finds the attribute that p means. A URI alone leads to its schema.
// Its error is a *[Error] of RulePath.
func (t *ResourceType) locate(p Path, o *FilterOptions) (place, *Error) {
	name := Path{Attr: p.Attr, Sub: p.Sub}
	var s *Schema
	if p.Schema != "" && o.Exact {
		if s = t.Extension(p.Schema); s == nil {
			return place{}, undefined(p, p.Attr, "attribute")
		}
	} else if p.Schema != "" {
		var rest string
		var ok bool
		if s, rest, ok = t.cutSchema(p.String(), o); !ok {
			return place{}, undefined(p, name.String(), "attribute")
		}
		if rest == "" {
			return place{path: Path{Schema: s.ID}, schema: s}, nil
		}
		name.Attr, name.Sub, _ = strings.Cut(rest, ".")
	}
	at, ok := t.attribute(s, name.Attr, o)
	if !ok {
		return place{}, undefined(p, name.Attr, "attribute")
	}
	if name.Sub != "" {
		if at.sub = at.attr.part(name.Sub); at.sub == nil {
			return place{}, undefined(p, name.Sub, "sub-attribute")
		}
		at.path.Sub = at.sub.Name
	}
	return at, nil
}

// attribute finds an attribute in schema s; if s is nil, among those that need
// no URI: the common ones, those of the core schema, and loosely those that
// just one extension has.
func (t *ResourceType) attribute(s *Schema, name string, o *FilterOptions) (place, bool) {
	if a := commonAttribute(name); a != nil && (s == nil || !o.Exact) {
		return place{path: Path{Attr: a.Name}, attr: a}, true
	}
	if s != nil {
		return t.within(s, name, s.Open)
	}
	if at, ok := t.within(t.Schema, name, false); ok || !o.allows(RewriteExtBare) {
		return at, ok
	}
	var only place
	found := 0
	for _, s := range t.Extensions {
		if at, ok := t.within(s, name, false); ok {
			only = at
			found++
		}
	}
	if found != 1 {
		return place{}, false
	}
	o.fire(RewriteExtBare)
	return only, true
}

// within finds an attribute in schema s, any if s is open to all.
func (t *ResourceType) within(s *Schema, name string, open bool) (place, bool) {
	a := s.Attribute(name)
	if a == nil {
		if !open {
			return place{}, false
		}
		a = &Attribute{Name: name, Type: TypeAny}
	}
	at := place{path: Path{Attr: a.Name}, schema: s, attr: a}
	if s != t.Schema {
		at.path.Schema = s.ID
	}
	return at, true
}

// part returns the sub-attribute of that name, nil if there is none. The values
// of TypeAny have whatever they have.
func (a *Attribute) part(name string) *Attribute {
	if a.Type == TypeAny {
		return &Attribute{Name: name, Type: TypeAny}
	}
	return a.Sub(name)
}

// cutSchema takes the URI of one of the type's schemas off text, the longest
// that fits, ignoring case (RFC 7644 3.10), and returns what follows the colon.
func (t *ResourceType) cutSchema(text string, o *FilterOptions) (s *Schema, rest string, ok bool) {
	length := 0
	rewritten := false
	try := func(candidate *Schema, uri string, slip bool) {
		if len(uri) <= length || len(text) < len(uri) || !strings.EqualFold(text[:len(uri)], uri) {
			return
		}
		after := text[len(uri):]
		switch {
		case after == "":
		case len(after) > 1 && after[0] == ':':
			after = after[1:]
		case len(after) > 1 && after[0] == '.' && o.allows(RewriteURNDot):
			after, slip = after[1:], true
		default:
			return
		}
		s, rest, length, rewritten = candidate, after, len(uri), slip
	}
	for _, candidate := range append([]*Schema{t.Schema}, t.Extensions...) {
		try(candidate, candidate.ID, false)
		if o.SCIM11 {
			try(candidate, legacyURI(candidate.ID), false)
		}
		if o.allows(RewriteURNDot) {
			for _, uri := range slips(candidate.ID) {
				try(candidate, uri, true)
			}
		}
	}
	if rewritten {
		o.fire(RewriteURNDot)
	}
	return s, rest, s != nil
}

// legacyURI returns the URI that SCIM 1.1 has for the schema.
func legacyURI(uri string) string {
	switch uri {
	case UserSchema, GroupSchema:
		return "urn:scim:schemas:core:1.0"
	case EnterpriseSchema:
		return "urn:scim:schemas:extension:enterprise:1.0"
	}
	return uri
}

// slips returns the forms in which clients are known to send the URI: without
// its last colon (Entra ID's samples), and the made-up ones of OneLogin.
func slips(uri string) []string {
	var list []string
	if i := strings.LastIndexByte(uri, ':'); i >= 0 {
		list = append(list, uri[:i]+uri[i+1:])
	}
	switch uri {
	case UserSchema, GroupSchema:
		list = append(list, "urn:scim:schemas:core:2.0")
	case EnterpriseSchema:
		list = append(list, "urn:scim:schemas:extension:enterprise:2.0")
	}
	return list
}

// A PatchPath is the target of a PATCH operation (RFC 7644 3.5.2): an
// attribute, or those of its values that a filter selects, or a part of these.
type PatchPath struct {
	Path   Path
	Filter *Filter // on an element of Path; nil without brackets
	Part   string  // the sub-attribute after the brackets
}

// ParsePatchPath reads attr, attr.sub, attr[filter] or attr[filter].sub, each
// with or without a URI, or a URI alone.
//
// Errors: RulePath with the text in Path and the reason in Detail; RuleFilter
// with the text in Path for what stands between the brackets.
func ParsePatchPath(text string, o FilterOptions) (PatchPath, error) {
	malformed := &Error{Rule: RulePath, Path: text, Detail: "not a path of RFC 7644 3.5.2"}
	p := newFilterParser(text, o)
	if len(text) > p.o.MaxLength {
		return PatchPath{}, malformed
	}
	w := p.word()
	path, ok := splitPath(w)
	if !ok {
		return PatchPath{}, malformed
	}
	if p.pos = len(w); p.pos == len(text) {
		return PatchPath{Path: path}, nil
	}
	if !p.next('[') || path.Sub != "" && path.Schema == "" {
		return PatchPath{}, malformed
	}
	p.inside = true
	f, err := p.group(']')
	if err != nil {
		fault := Faults(err)[0]
		fault.Path = text
		return PatchPath{}, fault
	}
	rest := text[p.pos:]
	part := strings.TrimPrefix(rest, ".")
	if rest != "" && (part == rest || !isName(part)) {
		return PatchPath{}, malformed
	}
	return PatchPath{Path: path, Filter: f, Part: part}, nil
}

// String returns the path as RFC 7644 writes it.
func (p PatchPath) String() string {
	s := p.Path.String()
	if p.Filter != nil {
		s += "[" + p.Filter.String() + "]"
	}
	if p.Part != "" {
		s += "." + p.Part
	}
	return s
}

// attribute returns the path without the filter.
func (p PatchPath) attribute() Path {
	path := p.Path
	switch {
	case p.Part == "":
	case path.Sub == "":
		path.Sub = p.Part
	default: // Sub belongs to a URI that is still to be found
		path.Sub += "." + p.Part
	}
	return path
}
