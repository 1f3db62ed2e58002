package scim

import "strings"

// A Comparison is what a term of a filter asks of the keys that an index holds
// of an attribute, which are those that [Attribute.IndexKey] gives of its values.
type Comparison struct {
	Path string // canonical, as emails.value or urn:...:User:manager.value
	Op   Op     // OpPr to OpLe
	Key  string // what keys are compared with, as strings: all of one or, for co, sw and ew, a part; empty for pr
	Type Type   // of the values
	// MultiValued says that a resource may have several values, and so keys.
	MultiValued bool
}

// Comparison returns what a resolved term asks. within is the value path that f
// stands in, nil outside. ok is false for what is no term, and for one that keys
// cannot answer.
//
// Outside a value path, and alone in one but for ne, f selects just the resources
// that have a key of which the comparison holds or, for ne, that have no key.
func (f *Filter) Comparison(within *Filter) (c Comparison, ok bool) {
	b := f.bound
	if f.Op < OpPr || f.Op > OpLe || b.leaf == nil || b.link || b.unindexed || b.defaultsToFalse() {
		return c, false
	}
	path, at := f.Path, b.place
	if within != nil {
		at = within.bound.place
		if path = at.path; b.place.sub != nil {
			path.Sub = b.place.sub.Name
		}
	}
	c = Comparison{Path: path.String(), Op: f.Op, Type: b.leaf.Type,
		MultiValued: at.attr.MultiValued || b.place.sub != nil && b.place.sub.MultiValued}
	switch f.Op {
	case OpPr:
		return c, c.Type != TypeComplex && c.Type != TypeAny
	case OpCo, OpSw, OpEw:
		c.Key = b.key
		return c, c.Type == TypeString || c.Type == TypeReference
	}
	c.Key, ok = b.leaf.IndexKey(f.Value)
	return c, ok
}

// Holds reports whether the comparison, holds of a key.
func (c Comparison) Holds(key string) bool {
	switch c.Op {
	case OpPr:
		return key != ""
	case OpCo:
		return strings.Contains(key, c.Key)
	case OpSw:
		return strings.HasPrefix(key, c.Key)
	case OpEw:
		return strings.HasSuffix(key, c.Key)
	}
	return order(c.Op, strings.Compare(key, c.Key))
}
