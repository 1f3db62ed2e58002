package scim

// A SortKey is one of the keys that a list is sorted by (RFC 7644 3.4.2.3).
// [ResourceType.ResolveSort] makes one that [SortKey.Key] can be asked of.
type SortKey struct {
	Path       Path
	Descending bool
	// CREST is the order of Common REST (aic AIC-167): several values stand for
	// the smallest of them, strings are folded whatever the schema says, and
	// resources without a value come last when descending, too. Without it the
	// primary value counts, else the first, and resources without one come first
	// when descending.
	CREST bool
	// Single sorts by one element of a complex attribute, whether it has a value
	// or not: the primary one, else the first of the type Prefer, else the first.
	Single bool
	Prefer string

	bound *operand
}

// ResolveSort binds k to an attribute of the resource type, with the path in
// canonical names. A complex attribute stands for its value (scim SRT-04). An
// attribute that is never returned is as unknown as one that is not there.
//
// Errors: RulePath for an unknown attribute, if FilterOptions.Unknown does not
// make it one without a value; and for one that has no value to sort by.
func (t *ResourceType) ResolveSort(k SortKey, o FilterOptions) (SortKey, error) {
	r := resolver{t: t, o: &o}
	b, err := r.bind(&Filter{Path: k.Path})
	switch {
	case err != nil && o.Unknown:
		b = &operand{t: t, place: place{path: k.Path}}
	case err != nil:
		return k, undefined(k.Path, k.Path.Attr, "attribute")
	}
	if b.leaf != nil && b.leaf.Type == TypeComplex {
		value := b.leaf.Sub("value")
		if value == nil {
			return k, &Error{Rule: RulePath, Path: k.Path.String(), Detail: "sort by one of its sub-attributes"}
		}
		b.place.path.Sub, b.place.sub = value.Name, value
		b.settle(value, &o)
	}
	if k.CREST && b.leaf != nil && b.leaf.CaseExact {
		folded := *b.leaf
		folded.CaseExact = false
		b.leaf, b.unindexed = &folded, true
	}
	k.Path, k.bound = b.place.path, b
	return k, nil
}

// Indexed reports whether the order of a resolved k is that of the keys that
// indexes hold for Path. Those of multi-valued attributes also hold values that
// do not count.
func (k SortKey) Indexed() bool {
	b := k.bound
	return b.leaf != nil && b.leaf.Type != TypeAny && !b.link && !b.unindexed && !b.defaultsToFalse()
}

// MultiValued reports whether the attribute of a resolved k may have several values.
func (k SortKey) MultiValued() bool {
	at := k.bound.place
	return at.attr != nil && (at.attr.MultiValued || at.sub != nil && at.sub.MultiValued)
}

// Uses reports whether a resolved k reads the attribute, as [Filter.Uses].
func (k SortKey) Uses(attr string) bool { return k.bound.leaf != nil && k.Path.isOf(attr) }

// Key returns what a resolved k sorts the resource by, in the order of strings.
// ok is false if the resource has no value, or an empty one.
func (k SortKey) Key(r *Resource) (key string, ok bool) {
	b := k.bound
	if k.Single && b.place.sub != nil {
		best := -1
		b.any(r, func(e element) bool {
			if rank := k.rank(e.value.Object()); rank > best {
				best = rank
				key, ok = b.sortKey(b.part(r, e, b.place.sub))
			}
			return false
		})
		return key, ok
	}
	b.any(r, func(e element) bool {
		v, primary := e.value, false
		if b.place.sub != nil {
			v = b.part(r, e, b.place.sub)
			primary = e.value.Object().Get("primary").Bool()
		}
		for _, v := range oneOrAll(v) {
			next, is := b.sortKey(v)
			if is && (!ok || primary || k.CREST && next < key) {
				key, ok = next, true
			}
		}
		return ok && primary && !k.CREST
	})
	return key, ok
}

// rank says how good an element is for Single.
func (k SortKey) rank(element *Object) int {
	switch {
	case element.Get("primary").Bool():
		return 2
	case k.Prefer != "" && element.Get("type").Text() == k.Prefer:
		return 1
	}
	return 0
}

// oneOrAll returns the items of a list, and the value itself if it is none.
func oneOrAll(v Value) []Value {
	if v.kind == Array {
		return v.list
	}
	return []Value{v}
}

// sortKey returns the key of one value. Values of TypeAny are sorted by kind first.
func (b *operand) sortKey(v Value) (key string, ok bool) {
	if b.leaf.Type == TypeAny {
		switch v.kind {
		case Bool:
			return "b" + v.text, true
		case Number:
			return "n" + readNumber(v.text).key(), true
		case String:
			return "s" + Fold(v.text), v.text != ""
		}
		return "", false
	}
	key, ok = b.leaf.IndexKey(v)
	return key, ok && key != ""
}
