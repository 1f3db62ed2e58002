package scim

import (
	"slices"
	"strings"
)

// A Projection says which attributes of a resource an answer shows (RFC 7644
// 3.9): what the client asked for with attributes or excludedAttributes, within
// what the schema lets it see.
type Projection struct {
	t       *ResourceType
	only    bool  // names are all that is shown, instead of what is not
	names   *pick // below the whole resource
	written *Object
}

// A pick is a set of names within an object, by their canonical forms: whole
// attributes or extensions, or parts of them.
type pick struct {
	whole bool
	parts map[string]*pick
}

// part returns what is picked of a member, nil if nothing is.
func (k *pick) part(name string) *pick {
	if k == nil {
		return nil
	}
	return k.parts[name]
}

// add picks the member that the names lead to.
func (k *pick) add(names ...string) {
	for _, name := range names {
		if k.parts == nil {
			k.parts = map[string]*pick{}
		}
		if k.parts[name] == nil {
			k.parts[name] = &pick{}
		}
		k = k.parts[name]
	}
	k.whole = true
}

// ParseProjection reads the values of the two parameters; each string may hold
// several names between commas. Names that the resource type does not have are
// ignored, and a parameter without a name is as if it were not there.
//
// Errors: RuleParameter with the parameter in Path when both have names, or a
// name has a value path; loosely, attributes wins, and the value path is left off
// (rewrite query-loose).
func ParseProjection(t *ResourceType, attributes, excluded []string, o FilterOptions) (*Projection, error) {
	p := &Projection{t: t, names: &pick{}}
	shown, hidden := splitNames(attributes), splitNames(excluded)
	if len(shown) > 0 && len(hidden) > 0 {
		if !o.allows(RewriteQueryLoose) {
			return nil, &Error{
				Rule: RuleParameter, Path: "excludedAttributes", Value: strings.Join(hidden, ","),
				Detail: "attributes and excludedAttributes exclude each other",
			}
		}
		o.fire(RewriteQueryLoose)
		hidden = nil
	}
	parameter, list := "excludedAttributes", hidden
	if len(shown) > 0 {
		parameter, list, p.only = "attributes", shown, true
	}
	for _, name := range list {
		if err := p.name(parameter, name, &o); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// splitNames splits at commas, but for those in value paths.
func splitNames(values []string) []string {
	var names []string
	for _, value := range values {
		inside := false
		for _, name := range strings.FieldsFunc(value, func(r rune) bool {
			inside = r == '[' || inside && r != ']'
			return r == ',' && !inside
		}) {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// name adds one name of the parameter.
func (p *Projection) name(parameter, name string, o *FilterOptions) error {
	if attr, _, ok := strings.Cut(name, "["); ok {
		if !o.allows(RewriteQueryLoose) {
			return &Error{Rule: RuleParameter, Path: parameter, Value: name, Detail: "a value path where an attribute name is expected"}
		}
		o.fire(RewriteQueryLoose)
		name = attr
	}
	path, ok := splitPath(name)
	if !ok {
		return nil
	}
	at, err := p.t.locate(path, o)
	switch {
	case err != nil:
		return nil
	case at.attr == nil && at.schema == p.t.Schema:
		for _, a := range at.schema.Attributes {
			p.names.add(a.Name)
		}
		return nil
	}
	var names []string
	for _, name := range []string{at.path.Schema, at.path.Attr, at.path.Sub} {
		if name != "" {
			names = append(names, name)
		}
	}
	p.names.add(names...)
	return nil
}

// Wrote returns the projection of the answer to a write of the attributes in o:
// it also shows those among them that are returned on request (RFC 7643 7).
func (p *Projection) Wrote(o *Object) *Projection {
	q := *p
	q.written = o
	return &q
}

// Wants reports whether the answer may show anything of the attribute, or of
// the extension, whose canonical name is given: members, meta, groups, a URI.
// What it does not want need not be read.
func (p *Projection) Wants(name string) bool {
	_, shown := p.whole().member(p.t.topLevel(name), name)
	return shown
}

// Apply returns what the answer shows of o: a whole resource in canonical names,
// with its common attributes and its extensions under their URIs. o stays as it is.
func (p *Projection) Apply(o *Object) *Object {
	return p.whole().object(o, p.t.topLevel)
}

// topLevel describes a member of a resource: an attribute or, as if it were
// one, an extension; nil if the type knows neither.
func (t *ResourceType) topLevel(name string) *Attribute {
	for _, s := range t.Extensions {
		if s.ID == name {
			return &Attribute{Name: s.ID, Type: TypeComplex, SubAttributes: s.Attributes, Returned: extension}
		}
	}
	if a := commonAttribute(name); a != nil {
		return a
	}
	return t.Schema.Attribute(name)
}

// Within returns what the type has of o, a resource in its names. o stays as it is.
func (t *ResourceType) Within(o *Object) *Object { return objectWithin(o, t.topLevel) }

// Within does so for the attributes of a schema alone.
func (s *Schema) Within(o *Object) *Object { return objectWithin(o, s.Attribute) }

func objectWithin(o *Object, describe func(name string) *Attribute) *Object {
	out := &Object{Members: make([]Member, 0, o.Len()+1)}
	if o == nil {
		return out
	}
	for _, m := range o.Members {
		a := describe(m.Name)
		if a == nil {
			continue
		}
		if a.Type == TypeComplex {
			m.Value = valueWithin(m.Value, a)
		}
		if !m.Value.Unassigned() {
			out.Members = append(out.Members, m)
		}
	}
	return out
}

// valueWithin returns those parts of a complex value, or of a list of them, that a describes.
func valueWithin(v Value, a *Attribute) Value {
	if v.kind != Array {
		return ObjectValue(objectWithin(v.obj, a.Sub))
	}
	var items []Value
	for _, item := range v.list {
		if item = valueWithin(item, a); !item.Unassigned() {
			items = append(items, item)
		}
	}
	return ListValue(items...)
}

// extension is what Returned says of an extension: it decides nothing, its
// attributes do.
const extension = ""

// A view says what is shown of the members of one object.
type view struct {
	only    bool  // names are all that is shown by default, instead of what is not
	names   *pick // nil for no restriction
	written Value // what the client wrote of the object
}

func (p *Projection) whole() view {
	return view{only: p.only, names: p.names, written: ObjectValue(p.written)}
}

// member decides whether a member is shown, of which a is the description, and
// what of it.
func (v view) member(a *Attribute, name string) (within view, shown bool) {
	k := v.names.part(name)
	written := member(v.written, name)
	within.written = written
	if k != nil && !k.whole {
		within.only, within.names = v.only, k
	}
	shown = k == nil || !k.whole
	if v.only {
		shown = k != nil
	}
	if a == nil {
		return within, shown
	}
	switch a.Returned {
	case "never":
		return within, false
	case "always":
		return within, true
	case "request":
		return within, v.only && k != nil || !written.IsNull()
	case extension:
		if !shown { // but for what is always returned
			within.only, within.names = true, &pick{}
			shown = slices.ContainsFunc(a.SubAttributes, func(a *Attribute) bool { return a.Returned == "always" })
		}
		return within, shown
	}
	return within, shown
}

// member returns a member of an object, or of the first object in a list that has it.
func member(v Value, name string) Value {
	for _, item := range v.list {
		if w := item.obj.Get(name); !w.IsNull() {
			return w
		}
	}
	return v.obj.Get(name)
}

// object returns what is shown of o, whose members describe describes.
func (v view) object(o *Object, describe func(name string) *Attribute) *Object {
	shown := NewObject()
	for _, m := range o.Members {
		a := describe(m.Name)
		within, ok := v.member(a, m.Name)
		if !ok {
			continue
		}
		if a != nil && a.Type == TypeComplex {
			if m.Value = within.value(m.Value, a.Sub); m.Value.Unassigned() {
				continue
			}
		}
		shown.Members = append(shown.Members, m)
	}
	return shown
}

// value returns what is shown of a complex value, or of the values of a list.
func (v view) value(w Value, describe func(name string) *Attribute) Value {
	switch w.kind {
	case ObjectKind:
		return ObjectValue(v.object(w.obj, describe))
	case Array:
		var items []Value
		for _, item := range w.list {
			if item = v.value(item, describe); !item.Unassigned() {
				items = append(items, item)
			}
		}
		return ListValue(items...)
	}
	return w
}
