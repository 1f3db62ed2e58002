package scim

import (
	"bytes"
	"cmp"
	"slices"
)

// A Revision is the step from one definition of a resource type to another. It
// knows what stored resources must be like for the step to lose nothing.
type Revision struct {
	name       string // of the type
	conditions []condition
}

// A condition is asked of each resource.
type condition struct {
	path   Path // Attr is empty for a whole extension
	absent bool // there must be no value; else there must be one
	reason string
}

// Revise compares two definitions of a resource type.
func Revise(old, new *ResourceType) *Revision {
	r := &Revision{name: new.Name}
	r.list("", old.Schema.Attributes, new.Schema.Attributes)
	for _, s := range old.Extensions {
		if to := new.Extension(s.ID); to == nil {
			r.add(Path{Schema: s.ID}, true, "cannot be taken from the type while resources have values of it")
		} else if to != s {
			r.list(s.ID, s.Attributes, to.Attributes)
		}
	}
	for _, uri := range new.Required {
		if !slices.Contains(old.Required, uri) {
			r.add(Path{Schema: uri}, false, "cannot become required while resources have no values of it")
		}
	}
	return r
}

func (r *Revision) add(path Path, absent bool, reason string) {
	r.conditions = append(r.conditions, condition{path, absent, reason})
}

// list compares the attributes of a schema; that of the core has no URI.
func (r *Revision) list(uri string, old, new []*Attribute) {
	if len(old) > 0 && len(new) > 0 && &old[0] == &new[0] {
		return // one schema
	}
	r.attributes(func(name string) Path { return Path{Schema: uri, Attr: name} }, old, new)
}

// attributes compares two lists of attributes, whose paths at gives.
func (r *Revision) attributes(at func(name string) Path, old, new []*Attribute) {
	for _, a := range old {
		i := nameTable(nil).find(new, a.Name)
		if i < 0 {
			r.add(at(a.Name), true, "cannot be removed while resources have values of it")
			continue
		}
		r.attribute(at(a.Name), a, new[i])
	}
	for _, b := range new {
		if b.Required && nameTable(nil).find(old, b.Name) < 0 {
			r.add(at(b.Name), false, "cannot be required while resources have no value of it")
		}
	}
}

func (r *Revision) attribute(path Path, a, b *Attribute) {
	switch {
	case a.Name != b.Name:
		r.add(path, true, "cannot change the letter case of its name while resources have values of it")
	case a.Type != b.Type:
		r.add(path, true, "cannot change its type while resources have values of it")
	case a.MultiValued && !b.MultiValued:
		r.add(path, true, "cannot become single-valued while resources have values of it")
	case !a.MultiValued && b.MultiValued:
		r.add(path, true, "cannot become multi-valued while resources have a value of it")
	}
	if b.Mutability == "readOnly" && a.Mutability != "readOnly" {
		r.add(path, true, "cannot become readOnly while resources have values of it, which nobody could change any more")
	}
	if a.Returned == "never" && b.Returned != "never" {
		r.add(path, true, "cannot be returned while resources have values of it, which were written as never returned")
	}
	if b.Required && !a.Required {
		r.add(path, false, "cannot become required while resources have no value of it")
	}
	if a.Type == TypeComplex && b.Type == TypeComplex {
		r.attributes(func(name string) Path {
			return Path{Schema: path.Schema, Attr: path.Attr, Sub: name}
		}, a.SubAttributes, b.SubAttributes)
	}
}

// Type returns the name of the type.
func (r *Revision) Type() string { return r.name }

// Asks reports whether the resources of the type must be looked at.
func (r *Revision) Asks() bool { return len(r.conditions) > 0 }

// Concerns reports whether the document of a resource, as [Resource.Doc] has
// it, must be looked at. It reads it only superficially.
func (r *Revision) Concerns(doc []byte) bool {
	has := func(name string) bool { return bytes.Contains(doc, []byte(`"`+name+`":`)) }
	return slices.ContainsFunc(r.conditions, func(c condition) bool {
		switch {
		case c.path.Attr == "":
			return !c.absent || has(c.path.Schema)
		case c.path.Schema != "" && !has(c.path.Schema):
			return false
		}
		return !c.absent || has(cmp.Or(c.path.Sub, c.path.Attr))
	})
}

// Check returns why a stored resource stands in the way of the revision: RuleInUse
// with the path of the attribute and the reason in Detail. It returns nil for one that does not.
func (r *Revision) Check(attributes *Object) *Error {
	for _, c := range r.conditions {
		if !c.holds(attributes) {
			path := c.path.String()
			if c.path.Attr == "" {
				path = c.path.Schema
			}
			return &Error{Rule: RuleInUse, Path: path, Schema: r.name, Detail: c.reason}
		}
	}
	return nil
}

// holds asks the condition of a resource. A part of something can be missing
// only where that is.
func (c condition) holds(attributes *Object) bool {
	o := attributes
	if c.path.Schema != "" {
		o = o.Get(c.path.Schema).Object()
		switch {
		case c.path.Attr == "":
			return o.Len() == 0 == c.absent
		case o.Len() == 0:
			return true
		}
	}
	v := o.Get(c.path.Attr)
	if c.path.Sub == "" {
		return v.Unassigned() == c.absent
	}
	return !anyValue(v, func(e element) bool {
		return e.value.Object().Get(c.path.Sub).Unassigned() != c.absent
	})
}

// Immutable compares what would replace a resource with the resource. It
// returns new with the immutable values that it leaves out, which stay (RFC
// 7644 3.5.1), and a RuleImmutable for each that it changes. Elements of
// multi-valued attributes come and go whole, so their parts are not compared.
func (t *ResourceType) Immutable(old, new *Object) (*Object, Errors) {
	out, faults := keepImmutable(Path{}, t.Schema, t.Schema.Attributes, old, new)
	for _, s := range t.Extensions {
		has := out.Get(s.ID).Object()
		kept, more := keepImmutable(Path{Schema: s.ID}, s, s.Attributes, old.Get(s.ID).Object(), has)
		faults = append(faults, more...)
		if kept != has {
			out = out.Clone().Set(s.ID, ObjectValue(kept))
		}
	}
	return out, faults
}

// keepImmutable does the same for the attributes below a path. It returns new
// itself if nothing is left out.
func keepImmutable(below Path, s *Schema, list []*Attribute, old, new *Object) (*Object, Errors) {
	var faults Errors
	out := new
	for _, a := range list {
		path := below
		if path.Attr == "" {
			path.Attr = a.Name
		} else {
			path.Sub = a.Name
		}
		switch {
		case a.Mutability == "immutable":
			before, after := old.Get(a.Name), new.Get(a.Name)
			switch {
			case before.IsNull():
			case after.IsNull():
				out = out.Clone().Set(a.Name, before)
			case !Equal(before, after):
				faults = append(faults, &Error{Rule: RuleImmutable, Path: path.String(), Schema: s.ID})
			}
		case a.Type == TypeComplex && !a.MultiValued:
			parts := new.Get(a.Name).Object()
			kept, more := keepImmutable(path, s, a.SubAttributes, old.Get(a.Name).Object(), parts)
			faults = append(faults, more...)
			if kept != parts {
				out = out.Clone().Set(a.Name, ObjectValue(kept))
			}
		}
	}
	return out, faults
}
