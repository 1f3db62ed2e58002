package scim

import (
	"slices"
	"strings"
)

// list applies a step to a multi-valued attribute, or to those of its elements
// that a filter selects, or to a part of these.
func (p *patcher) list(s patchStep, at patchTarget) {
	old := p.get(at.place).list
	if p.elements += len(old)*(1+at.filter.terms()) + len(s.value.list); p.elements > maxElements {
		return
	}
	switch {
	case s.op == patchRemove:
		p.removeElements(s, at, old)
	case at.filter != nil || at.sub != nil:
		p.changeElements(s, at, old)
	case s.op == patchReplace:
		p.replaceList(s, at)
	default:
		p.addElements(s, at, old)
	}
}

// putList gives the attribute its elements, without exact repeats (RFC 7643 2.4).
func (p *patcher) putList(at patchTarget, items []Value) {
	if p.failed() {
		return
	}
	var seen itemSet
	kept := make([]Value, 0, len(items))
	for _, item := range items {
		if !item.Unassigned() && !seen.has(item, kept) {
			kept = append(kept, item)
		}
	}
	p.put(at.place, ListValue(kept...))
}

// removeElements removes the elements selected, or a part of them; with a
// value, those of them that are listed.
func (p *patcher) removeElements(s patchStep, at patchTarget, old []Value) {
	if s.hasValue && !p.listable(s, at) {
		return
	}
	named := func(Value) bool { return true }
	if s.hasValue {
		named = listed(at.leaf(), s.value)
	}
	kept := make([]Value, 0, len(old))
	for _, item := range old {
		v := item
		if at.sub != nil {
			v = item.obj.Get(at.sub.Name)
		}
		switch {
		case !at.selects(item) || !named(v):
			kept = append(kept, item)
		case at.sub != nil:
			kept = append(kept, p.merge(at.attr, item, NewObject(Member{at.sub.Name, Value{}})))
		}
	}
	p.putList(at, kept)
}

// listable checks that each listed value of a removal says which element it means.
func (p *patcher) listable(s patchStep, at patchTarget) bool {
	items := s.value.list
	if s.value.kind != Array {
		items = []Value{s.value}
	}
	for i, item := range items {
		path := at.path.String() + index(i)
		switch {
		case at.leaf().Type != TypeComplex:
		case item.kind == String && at.attr.Sub("value") != nil:
		case item.kind != ObjectKind:
			p.fail(&Error{Rule: RuleType, Path: path, Allowed: []string{"object"}, Offset: int(item.pos)})
		case at.attr.Sub("value") != nil:
			if v, _ := item.obj.Find("value"); v.Unassigned() {
				p.fail(&Error{Rule: RuleRequired, Path: path + ".value", Offset: int(item.pos)})
			}
		}
	}
	return !p.failed()
}

// replaceList puts a new list in the place of the old one.
func (p *patcher) replaceList(s patchStep, at patchTarget) {
	var v Value
	for _, m := range p.n.attribute(nil, s.value, at.attr) {
		v = m.Value
	}
	p.putList(at, v.list)
}

// addElements appends what is not there yet (RFC 7644 3.5.2.1). An element of
// the same value and type takes what the new one says.
func (p *patcher) addElements(s patchStep, at patchTarget, old []Value) {
	given := s.value
	if given.kind != Array && !given.IsNull() {
		given = Value{kind: Array, pos: given.pos, list: []Value{given}}
	}
	items := slices.Clone(old)
	known := make(map[string]int, len(old))
	for i := range slices.Backward(items) {
		known[identity(at.attr, items[i])] = i
	}
	primary := -1
	for _, m := range p.n.attribute(nil, given, at.attr) {
		for _, item := range m.Value.list {
			key := identity(at.attr, item)
			i, found := known[key]
			if !found {
				i = len(items)
				items, known[key] = append(items, item), i
			} else if item.kind == ObjectKind && at.attr.Type == TypeComplex {
				items[i] = p.merge(at.attr, items[i], item.obj)
			}
			if item.obj.Get("primary").Bool() {
				primary = i
			}
		}
	}
	p.putList(at, onePrimary(at.attr, items, primary))
}

// identity returns what makes an element the same as another: value and type if
// it has a value, else all of it.
func identity(a *Attribute, v Value) string {
	if v.kind == ObjectKind && a.Type == TypeComplex {
		if value := a.Sub("value"); value != nil && !v.obj.Get("value").Unassigned() {
			key, _ := value.IndexKey(v.obj.Get("value"))
			kind := ""
			if typ := a.Sub("type"); typ != nil {
				kind, _ = typ.IndexKey(v.obj.Get("type"))
			}
			return "=" + kind + "\x00" + key
		}
	}
	return v.String()
}

// onePrimary makes the element at i, if there is one, the only primary one (RFC
// 7644 3.5.2).
func onePrimary(a *Attribute, items []Value, i int) []Value {
	if sub := a.Sub("primary"); i < 0 || sub == nil || sub.Type != TypeBoolean {
		return items
	}
	for j, item := range items {
		if j != i && item.obj.Get("primary").Bool() {
			items[j] = ObjectValue(item.obj.Clone().Set("primary", BoolValue(false)))
		}
	}
	return items
}

// changeElements adds to the elements selected or replaces them, or a part of
// each. Where nothing is selected there is no target, but for the rewrite
// create-on-absent.
func (p *patcher) changeElements(s patchStep, at patchTarget, old []Value) {
	s.value = p.unwrap(s.value, at.leaf())
	items := slices.Clone(old)
	var selected []int
	for i, item := range items {
		if at.selects(item) {
			selected = append(selected, i)
		}
	}
	if len(selected) == 0 {
		p.createElement(s, at, items)
		return
	}
	primary := -1
	for _, i := range selected {
		item := p.changed(s, at, items[i])
		if p.failed() {
			return
		}
		if item.obj.Get("primary").Bool() && (!items[i].obj.Get("primary").Bool() || p.setsPrimary(s, at)) {
			if primary >= 0 {
				if !p.n.allows(RewritePrimaryLast) {
					p.fail(&Error{Rule: RulePrimary, Path: at.path.String()})
					return
				}
				p.fire(RewritePrimaryLast)
			}
			primary = i
		}
		items[i] = item
	}
	p.putList(at, onePrimary(at.attr, items, primary))
}

// setsPrimary reports whether the step itself says which element is primary.
func (p *patcher) setsPrimary(s patchStep, at patchTarget) bool {
	if at.sub != nil {
		return at.sub.Name == "primary"
	}
	v, _ := s.value.obj.Find("primary")
	return !v.IsNull()
}

// changed returns what a step makes of one element.
func (p *patcher) changed(s patchStep, at patchTarget, old Value) Value {
	a := at.attr
	switch {
	case at.sub != nil:
		return p.merge(a, old, NewObject(Member{at.sub.Name, s.value}))
	case s.value.Unassigned() && s.op == patchAdd:
		return old
	case s.value.Unassigned():
		return Value{}
	case a.Type != TypeComplex:
		p.n.enter(step{name: a.Name})
		defer p.n.leave()
		return p.n.value(s.value, a)
	}
	p.n.enter(step{name: a.Name})
	given, ok := p.object(s.value, a)
	p.n.leave()
	switch {
	case !ok:
		return Value{}
	case given == nil && s.op == patchAdd:
		return old
	case given == nil:
		return Value{}
	case s.op == patchAdd:
		return p.merge(a, old, given)
	}
	return p.replaced(at, old, given)
}

// replaced returns the element that takes the place of old: the one given, with
// those parts of old that the filter asks for and that it does not mention.
func (p *patcher) replaced(at patchTarget, old Value, given *Object) Value {
	v := p.merge(at.attr, Value{}, given)
	if p.failed() {
		return v
	}
	o := v.obj.Clone()
	for _, pinned := range pins(at.filter) {
		if _, mentioned := given.Find(pinned.Name); !mentioned {
			assign(o, pinned.Name, old.obj.Get(pinned.Name))
		}
	}
	for _, sub := range at.attr.SubAttributes {
		before := old.obj.Get(sub.Name)
		if sub.Mutability == "immutable" && !before.Unassigned() && !Equal(before, o.Get(sub.Name)) {
			p.fail(&Error{Rule: RuleImmutable, Path: at.path.String() + "." + sub.Name})
		}
	}
	sortMembers(o, at.attr.SubAttributes, at.attr.subs)
	return ObjectValue(o)
}

// pins returns what a filter on an element says by eq of its parts, by terms
// that stand alone or are joined by and.
func pins(f *Filter) []Member {
	switch {
	case f == nil:
	case f.Op == OpEq:
		return []Member{{f.Path.Attr, f.Value}}
	case f.Op == OpAnd:
		var list []Member
		for _, arg := range f.Args {
			list = append(list, pins(arg)...)
		}
		return list
	}
	return nil
}

// derivable reports whether pins says all that a filter does.
func derivable(f *Filter) bool {
	return f.Op == OpEq || f.Op == OpAnd && !slices.ContainsFunc(f.Args, func(arg *Filter) bool { return !derivable(arg) })
}

// createElement adds the element that a filter describes together with the
// value given, if it can be told (rewrite create-on-absent).
func (p *patcher) createElement(s patchStep, at patchTarget, items []Value) {
	noTarget := &Error{Rule: RuleNoTarget, Path: at.text}
	if at.filter != nil {
		noTarget.Value = at.filter.String()
	}
	if at.filter == nil || !derivable(at.filter) || !p.allows(RewriteCreateOnAbsent) || p.CreateParts && at.sub == nil {
		p.fail(noTarget)
		return
	}
	item := s.value
	if at.attr.Type == TypeComplex {
		o := NewObject()
		for _, m := range pins(at.filter) {
			o.Set(m.Name, m.Value)
		}
		given := NewObject(Member{"", s.value})
		if at.sub != nil {
			given.Members[0].Name = at.sub.Name
		} else if given, _ = p.object(s.value, at.attr); p.failed() {
			return
		}
		for _, m := range given.Clone().Members {
			name := m.Name
			if sub := at.attr.Sub(name); sub != nil {
				name = sub.Name
			}
			o.Set(name, m.Value)
		}
		item = ObjectValue(o)
	}
	p.n.enter(step{name: at.attr.Name})
	item = p.n.value(item, at.attr)
	p.n.leave()
	if p.failed() {
		return
	}
	if item.Unassigned() || !at.selects(item) {
		p.fail(noTarget)
		return
	}
	p.fire(RewriteCreateOnAbsent)
	primary := -1
	if item.obj.Get("primary").Bool() {
		primary = len(items)
	}
	p.putList(at, onePrimary(at.attr, append(items, item), primary))
}

// groupMembers notes what a step does to the members of a group. They are not
// read: their ids are all that clients write of them, and what is said of one
// that is there cannot be changed.
func (p *patcher) groupMembers(s patchStep, at patchTarget) {
	switch {
	case at.sub != nil:
		p.fail(&Error{Rule: RuleImmutable, Path: at.path.String()})
		return
	case at.filter != nil && s.op != patchRemove:
		p.fail(&Error{Rule: RuleNoTarget, Path: at.text, Value: at.filter.String()})
		return
	}
	c := MemberChange{Op: RemoveMembers, Operation: p.index}
	switch {
	case s.op == patchRemove && !s.hasValue && at.filter == nil:
		c.Op = ReplaceMembers
	case s.op == patchRemove && !s.hasValue:
		c.Matching = at.filter
		if at.filter.Op == OpEq && at.filter.Path.Attr == "value" {
			c.Matching, c.Members = nil, []Reference{{ID: at.filter.Value.text}}
		}
	default:
		c.Members = p.references(s.value, at.attr)
		if at.filter != nil {
			c.Members = slices.DeleteFunc(c.Members, func(r Reference) bool { return !(MemberChange{Matching: at.filter}).Selects(r) })
		}
		switch s.op {
		case patchAdd:
			c.Op = AddMembers
		case patchReplace:
			c.Op = ReplaceMembers
		}
	}
	if p.members += len(c.Members); c.Op == ReplaceMembers || c.Matching != nil || len(c.Members) > 0 {
		p.result.Members = append(p.result.Members, c)
	}
}

// references returns the members that a value lists.
func (p *patcher) references(v Value, a *Attribute) []Reference {
	items := v.list
	if v.kind != Array && !v.IsNull() {
		items = []Value{v}
	}
	p.n.schema = p.t.Schema
	p.n.enter(step{name: a.Name})
	defer p.n.leave()
	list := make([]Reference, 0, len(items))
	for i, item := range items {
		p.n.enter(step{index: i})
		o := p.n.value(item, a).obj
		r := Reference{ID: o.Get("value").text, Type: o.Get("type").text}
		if url := o.Get("$ref").text; r.ID == "" && url != "" {
			key := linkKey(url)
			r.ID = key[strings.LastIndexByte(key, '/')+1:]
		}
		if r.ID == "" {
			p.n.enter(step{name: "value"})
			p.n.fail(RuleRequired, item, Error{})
			p.n.leave()
		}
		p.n.leave()
		list = append(list, r)
	}
	return list
}
