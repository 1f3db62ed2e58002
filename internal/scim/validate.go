package scim

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Checks say how [ResourceType.Normalize] reads a resource. The zero Checks are
// the RFC line by line, the mode strict; each field relaxes or tightens a point.
type Checks struct {
	// Schemas says what the member schemas must hold (RFC 7643 3).
	Schemas SchemasRule
	// IgnoreSchemas leaves out undeclared URIs in schemas (rewrite schemas-ignore).
	IgnoreSchemas bool
	// InferExtensions takes an extension whose URI is not in schemas (rewrite
	// schemas-assume).
	InferExtensions bool
	// Unknown says what becomes of what no schema defines: attributes,
	// sub-attributes, objects under URIs.
	Unknown Unknown

	// Partial does not ask for required attributes: the object is part of a
	// resource.
	Partial bool
	// AnyType takes values outside the canonical ones of the schema (RFC 7643
	// 2.3.1).
	AnyType bool
	// AnyFormat takes text that is not what the RFC says of the attribute: an
	// e-mail address, a country, a time zone, a locale, languages (RFC 7643 4.1).
	AnyFormat bool
	// AnyUserName takes a user name that PRECIS refuses (RFC 8265 3.3); see
	// [UsernameKey].
	AnyUserName bool

	// Coerce turns known wrong forms into the right one: the rewrites
	// bool-strings, one-or-many, scalar-ref, primary-last and urn-dot.
	Coerce bool
	// Rewrites are those of Coerce one by one.
	Rewrites Rewrites
	// Fired, if set, is told the name of each rewrite as it is used, and
	// unknown-ignore for each attribute that is left out as unknown.
	Fired func(rewrite string)
}

// A SchemasRule says what the member schemas of a resource must hold.
type SchemasRule uint8

// The rules for schemas.
const (
	SchemasNeeded   SchemasRule = iota // the URI of the core schema
	SchemasOptional                    // the URI of the core schema, if the member is there
	SchemasAssumed                     // anything: the core schema is understood
)

// Unknown says what becomes of data that no schema defines.
type Unknown uint8

// What becomes of unknown data.
const (
	IgnoreUnknown Unknown = iota // it is left out
	RejectUnknown                // it is a fault
	KeepUnknown                  // it stays as it is
)

// maxText is the most bytes of a string whose attribute does not say otherwise.
const maxText = 64 << 10

// Normalize checks a resource as a client wrote it, with names in any letter
// case, and returns it as the product has it: names as the schemas spell them,
// externalId, core attributes in the order of the schema, extensions under their
// URIs; without schemas, id, meta and read-only attributes (RFC 7644 3.3),
// unassigned values (RFC 7643 2.5) and elements that repeat one exactly (RFC
// 7643 2.4). in is left as it is.
//
// It returns every fault: those of the extensions and of schemas, then those of
// the core attributes in the order of the schema, then unknown attributes (rsa
// RSA-037). With faults the object is not to be used. Values that come from
// [Read] give their place in Error.Offset.
func (t *ResourceType) Normalize(in *Object, o Checks) (*Object, Errors) {
	n := normalizer{Checks: o, t: t, path: make([]step, 0, 8)}
	if in == nil {
		in = NewObject()
	}
	if n.allows(RewriteURNDot) {
		in = n.respell(in)
	}
	declared := n.declared(in)
	extensions := n.extensions(in, declared)
	n.schemas(in, declared)
	out := append(n.resource(in), extensions...)
	out = n.strangeSchemas(out, in, declared)
	return &Object{out}, n.faults
}

// Declared returns the URIs for the member schemas of a resource in canonical
// names: the core schema's and those of the extensions that hold data.
func (t *ResourceType) Declared(o *Object) []string {
	uris := []string{t.Schema.ID}
	for _, s := range t.Extensions {
		if o.Get(s.ID).Object().Len() > 0 {
			uris = append(uris, s.ID)
		}
	}
	return uris
}

// A normalizer is one call of Normalize.
type normalizer struct {
	Checks
	t      *ResourceType
	schema *Schema // the one whose attributes are being read
	path   []step  // to the value at hand
	faults Errors
}

// A step of a path leads to the member of that name or, without a name, to the
// item at the index.
type step struct {
	name  string
	index int
}

// enter makes a member or an item the value at hand; leave goes back.
func (n *normalizer) enter(s step) { n.path = append(n.path, s) }
func (n *normalizer) leave()       { n.path = n.path[:len(n.path)-1] }

// at returns the path of the value at hand, as in emails[0].type.
func (n *normalizer) at() string {
	path := ""
	for _, s := range slices.Backward(n.path) {
		name := s.name
		if name == "" {
			name = index(s.index)
		}
		path = join(name, path)
	}
	return path
}

// fail notes a fault of v, the value at hand, and returns null for it. The
// fault's data is in e; its path is that of the value unless e has another.
func (n *normalizer) fail(rule Rule, v Value, e Error) Value {
	e.Rule, e.Offset = rule, int(v.pos)
	if e.Path == "" {
		e.Path = n.at()
	}
	n.faults = append(n.faults, &e)
	return Value{}
}

// failType notes that v is not of the JSON type named.
func (n *normalizer) failType(v Value, want string) Value {
	return n.fail(RuleType, v, Error{Allowed: []string{want}})
}

// allows reports whether a wrong form is to be turned into the right one.
func (n *normalizer) allows(r Rewrites) bool { return n.Coerce || n.Rewrites.Has(r) }

func (n *normalizer) fire(r Rewrites) {
	if n.Fired != nil {
		n.Fired(r.String())
	}
}

// respell returns in with the URIs that clients misspell as they should be.
func (n *normalizer) respell(in *Object) *Object {
	out := in
	change := func(i int, m Member) {
		if out == in {
			out = in.Clone()
		}
		out.Members[i] = m
		n.fire(RewriteURNDot)
	}
	for i, m := range in.Members {
		if strings.EqualFold(m.Name, "schemas") {
			for j, item := range m.Value.list {
				if uri := n.spelling(item.text); uri != "" {
					m.Value.list = slices.Clone(m.Value.list)
					m.Value.list[j].text = uri
					change(i, m)
				}
			}
		} else if isSchemaName(m.Name) {
			uri := n.spelling(m.Name)
			if _, taken := in.Find(uri); uri != "" && !taken {
				change(i, Member{uri, m.Value})
			}
		}
	}
	return out
}

// spelling returns the URI of the type's schema that uri is a known slip for;
// "" if it is none.
func (n *normalizer) spelling(uri string) string {
	is := func(slip string) bool { return strings.EqualFold(slip, uri) }
	if slices.ContainsFunc(slips(n.t.Schema.ID), is) {
		return n.t.Schema.ID
	}
	for _, s := range n.t.Extensions {
		if slices.ContainsFunc(slips(s.ID), is) {
			return s.ID
		}
	}
	return ""
}

// declared returns the items of schemas, and of a body that need not have them
// the core URI.
func (n *normalizer) declared(in *Object) []Value {
	v, _ := in.Find("schemas")
	switch {
	case v.IsNull() && n.Schemas == SchemasOptional:
		n.fire(RewriteSchemasAssume)
		return []Value{StringValue(n.t.Schema.ID)}
	case v.kind == String && n.allows(RewriteOneOrMany):
		n.fire(RewriteOneOrMany)
		return []Value{v}
	}
	return v.list
}

// declares reports whether the items of schemas hold the URI.
func declares(declared []Value, uri string) bool {
	return slices.ContainsFunc(declared, func(v Value) bool { return v.kind == String && strings.EqualFold(v.text, uri) })
}

// isSchemaName reports whether a member's name is a URI: the names of
// attributes have no colon (RFC 7643 2.1).
func isSchemaName(name string) bool { return strings.IndexByte(name, ':') >= 0 }

// schemas checks the member schemas, and that it names the extensions used.
func (n *normalizer) schemas(in *Object, declared []Value) {
	core := n.t.Schema.ID
	v, _ := in.Find("schemas")
	n.enter(step{name: "schemas"})
	switch {
	case v.kind != Null && v.kind != Array && declared == nil:
		n.fail(RuleMultiValued, v, Error{})
	case declares(declared, core):
	case n.Schemas == SchemasAssumed:
		n.fire(RewriteSchemasAssume)
	default:
		n.fail(RuleCoreSchemaMissing, v, Error{Schema: core})
	}
	n.leave()
	for _, m := range in.Members {
		if isSchemaName(m.Name) && !m.Value.IsNull() && !n.InferExtensions && !declares(declared, m.Name) {
			n.fail(RuleExtensionNotDeclared, m.Value, Error{Path: m.Name, Schema: m.Name})
		}
	}
	n.enter(step{name: "schemas"})
	for i, uri := range declared {
		n.enter(step{index: i})
		switch {
		case uri.kind != String:
			n.failType(uri, "string")
		case strings.EqualFold(uri.text, core) || n.t.Extension(uri.text) != nil:
		case n.IgnoreSchemas:
			n.fire(RewriteSchemasIgnore)
		default:
			n.fail(RuleUnknownSchema, uri, Error{Value: uri.text, Schema: core})
		}
		n.leave()
	}
	n.leave()
}

// extensions normalizes the extensions of the type that in has and may have.
func (n *normalizer) extensions(in *Object, declared []Value) []Member {
	out := n.given(in, declared)
	for _, uri := range n.t.Required {
		if v, _ := in.Find(uri); v.Unassigned() && !n.Partial {
			n.fail(RuleRequired, v, Error{Path: uri, Schema: uri})
		}
	}
	return out
}

// given normalizes the extensions that are there.
func (n *normalizer) given(in *Object, declared []Value) []Member {
	if !slices.ContainsFunc(in.Members, func(m Member) bool { return isSchemaName(m.Name) }) {
		return nil
	}
	var out []Member
	for _, s := range n.t.Extensions {
		v, _ := in.Find(s.ID)
		if v.Unassigned() {
			continue
		}
		if !declares(declared, s.ID) {
			if !n.InferExtensions {
				continue // a fault that schemas reports
			}
			n.fire(RewriteSchemasAssume)
		}
		n.enter(step{name: s.ID})
		if v.kind != ObjectKind {
			n.fail(RuleType, v, Error{Schema: s.ID, Allowed: []string{"object"}})
		} else if members := n.extension(v.obj, s); len(members) > 0 {
			out = append(out, Member{s.ID, Value{kind: ObjectKind, pos: v.pos, obj: &Object{members}}})
		}
		n.leave()
	}
	return out
}

// strangeSchemas treats objects under URIs that the type does not have, and
// appends to out those that stay.
func (n *normalizer) strangeSchemas(out []Member, in *Object, declared []Value) []Member {
	for _, m := range in.Members {
		if !isSchemaName(m.Name) || n.t.Extension(m.Name) != nil {
			continue
		}
		reported := !n.InferExtensions // by schemas, as a fault
		if declares(declared, m.Name) {
			reported = !n.IgnoreSchemas
		}
		if reported && n.Unknown == RejectUnknown {
			continue
		}
		if n.stranger(m, nil) {
			out = append(out, m)
		}
	}
	return out
}

// externalID is the one common attribute that clients write (RFC 7643 3.1).
var externalID = &Attribute{
	Name: "externalId", Type: TypeString, CaseExact: true, Mutability: "readWrite", Returned: "default", Uniqueness: "none",
	Description: "The client's own name for the resource",
}

// isCommon reports whether the name is that of a common attribute or schemas
// (RFC 7643 3).
func isCommon(name string) bool {
	return slices.ContainsFunc([]string{"schemas", "id", "meta", externalID.Name}, func(common string) bool {
		return strings.EqualFold(common, name)
	})
}

// resource normalizes the common and the core attributes.
func (n *normalizer) resource(in *Object) []Member {
	n.schema = n.t.Schema
	out := make([]Member, 0, len(in.Members))
	if v, ok := in.Find(externalID.Name); ok {
		out = n.attribute(out, v, externalID)
	}
	out, strangers := n.object(out, in, n.schema.Attributes, n.schema.names)
	for _, m := range strangers {
		if !isSchemaName(m.Name) && !isCommon(m.Name) && n.stranger(m, nil) {
			out = append(out, m)
		}
	}
	return out
}

// extension normalizes the attributes of an extension.
func (n *normalizer) extension(in *Object, s *Schema) []Member {
	n.schema = s
	out, strangers := n.object(make([]Member, 0, len(in.Members)), in, s.Attributes, s.names)
	for _, m := range strangers {
		if n.stranger(m, nil) {
			out = append(out, m)
		}
	}
	return out
}

// object normalizes those members of in that are attributes of the list, and
// appends them to out. The others are strangers.
func (n *normalizer) object(out []Member, in *Object, list []*Attribute, names nameTable) (_, strangers []Member) {
	var few [64]int
	found := few[:] // for each attribute the index of its member, plus one
	if len(list) > len(few) {
		found = make([]int, len(list))
	}
	for i := range in.Members {
		if j := names.find(list, in.Members[i].Name); j >= 0 {
			found[j] = i + 1
		} else {
			strangers = append(strangers, in.Members[i])
		}
	}
	for j, a := range list {
		if i := found[j]; i > 0 {
			out = n.attribute(out, in.Members[i-1].Value, a)
		} else if a.Required {
			out = n.attribute(out, Value{}, a)
		}
	}
	return out, strangers
}

// stranger decides on a member that the schema at hand does not define, in the
// complex attribute if there is one, and reports whether it stays.
func (n *normalizer) stranger(m Member, complex *Attribute) bool {
	switch {
	case complex == nil && n.schema.Open || n.Unknown == KeepUnknown:
		n.enter(step{name: m.Name})
		n.texts(m.Value)
		n.leave()
		return !m.Value.IsNull()
	case n.Unknown == IgnoreUnknown:
		if n.Fired != nil {
			n.Fired("unknown-ignore")
		}
	case complex != nil:
		n.fail(RuleUnknownSubAttribute, m.Value, Error{Path: m.Name, Schema: n.schema.ID, Value: n.at()})
	default:
		n.fail(RuleUnknownAttribute, m.Value, Error{Path: m.Name, Schema: n.schema.ID})
	}
	return false
}

// texts checks the length of the strings within a value that no schema describes.
func (n *normalizer) texts(v Value) {
	switch v.kind {
	case String:
		n.length(v, 0)
	case Array:
		for i, item := range v.list {
			n.enter(step{index: i})
			n.texts(item)
			n.leave()
		}
	case ObjectKind:
		for _, m := range v.obj.Members {
			n.enter(step{name: m.Name})
			n.texts(m.Value)
			n.leave()
		}
	}
}

// length checks the length of a string, and reports whether it passed.
func (n *normalizer) length(v Value, most int) bool {
	switch {
	case most == 0 && len(v.text) > maxText:
		n.fail(RuleLimit, v, Error{Detail: "bytes of a string", Allowed: []string{strconv.Itoa(maxText)}})
	case most > 0 && len(v.text) > most && utf8.RuneCountInString(v.text) > most:
		n.fail(RuleLength, v, Error{Allowed: []string{strconv.Itoa(most)}})
	default:
		return true
	}
	return false
}

// attribute normalizes the value of a and appends it to out, if there is one.
func (n *normalizer) attribute(out []Member, v Value, a *Attribute) []Member {
	if a.Mutability == "readOnly" {
		return out
	}
	n.enter(step{name: a.Name})
	defer n.leave()
	before := len(n.faults)
	if a.MultiValued {
		v = n.list(v, a)
	} else {
		v = n.singular(v, a)
	}
	switch {
	case len(n.faults) > before:
	case !v.IsNull():
		return append(out, Member{a.Name, v})
	case a.Required && !n.Partial:
		n.fail(RuleRequired, v, Error{})
	}
	return out
}

// list normalizes the value of a multi-valued attribute.
func (n *normalizer) list(v Value, a *Attribute) Value {
	switch {
	case v.kind == Null:
		return v
	case v.kind != Array && !n.allows(RewriteOneOrMany):
		return n.fail(RuleMultiValued, v, Error{})
	case v.kind != Array:
		n.fire(RewriteOneOrMany)
		v = Value{kind: Array, pos: v.pos, list: []Value{v}}
	}
	items := make([]Value, 0, len(v.list))
	var seen itemSet
	for i, item := range v.list {
		n.enter(step{index: i})
		item = n.value(item, a)
		n.leave()
		if !item.IsNull() && !seen.has(item, items) {
			items = append(items, item)
		}
	}
	if len(items) == 0 {
		return Value{}
	}
	if a.Type == TypeComplex && a.Sub("primary") != nil {
		n.primary(items)
	}
	return Value{kind: Array, pos: v.pos, list: items}
}

// primary checks that at most one item is the primary one (RFC 7643 2.4).
func (n *normalizer) primary(items []Value) {
	last := -1
	for i, item := range items {
		if !item.obj.Get("primary").Bool() {
			continue
		}
		switch {
		case last < 0:
		case n.allows(RewritePrimaryLast):
			n.fire(RewritePrimaryLast)
			items[last].obj.Set("primary", BoolValue(false))
		default:
			n.fail(RulePrimary, item, Error{})
			return
		}
		last = i
	}
}

// An itemSet finds items that a list has already.
type itemSet struct {
	rendered map[string]struct{} // nil while there are few
}

// fewItems is how many items an itemSet compares one by one.
const fewItems = 16

// has reports whether an earlier item is equal, and keeps the item in mind.
func (s *itemSet) has(item Value, earlier []Value) bool {
	if len(earlier) < fewItems {
		return slices.ContainsFunc(earlier, func(v Value) bool { return Equal(v, item) })
	}
	if s.rendered == nil {
		s.rendered = make(map[string]struct{}, 4*fewItems)
		for _, v := range earlier {
			s.rendered[v.String()] = struct{}{}
		}
	}
	size := len(s.rendered)
	s.rendered[item.String()] = struct{}{}
	return len(s.rendered) == size
}

// singular normalizes the value of an attribute that has one.
func (n *normalizer) singular(v Value, a *Attribute) Value {
	if v.kind == Array && a.Type != TypeAny {
		switch {
		case len(v.list) == 0:
			return Value{}
		case len(v.list) > 1 || !n.allows(RewriteOneOrMany):
			return n.fail(RuleSingleValued, v, Error{})
		}
		n.fire(RewriteOneOrMany)
		v = v.list[0]
	}
	return n.value(v, a)
}

// value normalizes one value of an attribute. It returns null for an unassigned
// one and for a faulty one.
func (n *normalizer) value(v Value, a *Attribute) Value {
	if v.kind == Null {
		return v
	}
	switch a.Type {
	case TypeAny:
		n.texts(v)
		return v
	case TypeComplex:
		return n.complex(v, a)
	case TypeBoolean:
		return n.boolean(v)
	case TypeInteger, TypeDecimal:
		return n.number(v, a)
	}
	if v.kind != String {
		return n.failType(v, "string")
	}
	return n.text(v, a)
}

// complex normalizes an object. One without values is unassigned (RFC 7643 2.5).
func (n *normalizer) complex(v Value, a *Attribute) Value {
	if v.kind == String && n.allows(RewriteScalarRef) && a.Sub("value") != nil {
		n.fire(RewriteScalarRef)
		if v.text == "" {
			return Value{}
		}
		v = Value{kind: ObjectKind, pos: v.pos, obj: NewObject(Member{"value", v})}
	}
	if v.kind != ObjectKind {
		return n.failType(v, "object")
	}
	if !slices.ContainsFunc(v.obj.Members, func(m Member) bool { return !m.Value.Unassigned() }) {
		return Value{}
	}
	members, strangers := n.object(make([]Member, 0, len(v.obj.Members)), v.obj, a.SubAttributes, a.subs)
	for _, m := range strangers {
		if n.stranger(m, a) {
			members = append(members, m)
		}
	}
	if len(members) == 0 {
		return Value{}
	}
	return Value{kind: ObjectKind, pos: v.pos, obj: &Object{members}}
}

func (n *normalizer) boolean(v Value) Value {
	if v.kind == String && n.allows(RewriteBoolStrings) && (strings.EqualFold(v.text, "true") || strings.EqualFold(v.text, "false")) {
		n.fire(RewriteBoolStrings)
		return Value{kind: Bool, pos: v.pos, text: strings.ToLower(v.text)}
	}
	if v.kind != Bool {
		return n.failType(v, "boolean")
	}
	return v
}

// number checks an integer, which has 64 bits (RFC 7643 2.3.4), and completes a
// decimal, which has digits on both sides of a point (2.3.3).
func (n *normalizer) number(v Value, a *Attribute) Value {
	if v.kind != Number {
		return n.failType(v, "number")
	}
	if a.Type == TypeInteger {
		if _, err := strconv.ParseInt(v.text, 10, 64); err != nil {
			return n.failType(v, "integer")
		}
		return v
	}
	if strings.IndexByte(v.text, '.') < 0 {
		end := len(v.text)
		if i := strings.IndexAny(v.text, "eE"); i >= 0 {
			end = i
		}
		v.text = v.text[:end] + ".0" + v.text[end:]
	}
	return v
}

// text checks a string, and what it carries.
func (n *normalizer) text(v Value, a *Attribute) Value {
	if a.Required && (v.text == "" || a.Prepared && strings.Trim(v.text, " ") == "") {
		return n.fail(RuleRequired, v, Error{})
	}
	before := len(n.faults)
	if !n.length(v, a.MaxLength) {
		return Value{}
	}
	switch a.Type {
	case TypeDateTime:
		t, ok := parseDateTime(v.text)
		if !ok {
			return n.fail(RuleDateTime, v, Error{Value: shown(v, a)})
		}
		v.text = FormatTime(t)
	case TypeBinary:
		if _, ok := decodeBinary(v.text); !ok {
			return n.fail(RuleBinary, v, Error{Value: shown(v, a)})
		}
	case TypeReference:
		if !isURI(v.text) {
			return n.fail(RuleURI, v, Error{Value: shown(v, a)})
		}
	}
	if a.CanonicalValues != nil && !n.AnyType &&
		!slices.ContainsFunc(a.CanonicalValues, func(c string) bool { return strings.EqualFold(c, v.text) }) {
		n.fail(RuleCanonical, v, Error{Value: shown(v, a), Allowed: a.CanonicalValues})
	}
	if words, ok := n.pattern(v.text, a); !ok {
		n.fail(RulePattern, v, Error{Value: shown(v, a), Detail: words})
	}
	if len(n.faults) > before {
		return Value{}
	}
	return v
}

// pattern reports whether s has the form that the attribute asks for, and what
// that is.
func (n *normalizer) pattern(s string, a *Attribute) (words string, ok bool) {
	if a.Prepared {
		if invisible(s) {
			return "no control, zero-width or bidirectional characters", false
		}
		if _, prepared := UsernameKey(s); !prepared && !n.AnyUserName {
			return "only characters that user names may have (RFC 8265 3.3)", false
		}
	}
	if f, ok := formats[a.Format]; ok && s != "" && (f.always || !n.AnyFormat) {
		return f.words, f.valid(s)
	}
	return "", true
}

// shown returns the text for a message; nothing for a secret.
func shown(v Value, a *Attribute) string {
	if a.Mutability == "writeOnly" {
		return ""
	}
	return v.text
}
