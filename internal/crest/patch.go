package crest

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// Limits of what a patch makes, so that a few operations that copy an object
// into itself do not fill the memory.
const (
	maxObject = 1 << 20 // bytes of the result as JSON, and of all that is copied
	maxNested = 32      // objects and arrays within each other, as in a body
)

// A patcher applies the operations of one patch to the properties of a managed
// object that are no relationships.
type patcher struct {
	kind    *kind
	object  scim.Value
	touched map[string]bool // names of the properties that operations name
	room    int             // how many bytes may still be copied and items looked at
}

// patch returns the managed object m after the operations, and the names of the
// properties that they touch. It is a pure function: m is left as it is, and
// with an error nothing is to be used. What a client may not set is passed over
// (AIC-055).
func (k *kind) patch(m *scim.Object, ops []operation) (*scim.Object, map[string]bool, error) {
	p := &patcher{kind: k, object: scim.ObjectValue(m), touched: map[string]bool{}, room: maxObject}
	for _, op := range ops {
		if err := p.apply(op); err != nil {
			return nil, nil, err
		}
	}
	if weigh(p.object, 1, maxObject) < 0 {
		return nil, nil, tooLarge()
	}
	return p.object.Object(), p.touched, nil
}

func tooLarge() error {
	return badRequest(&scim.Error{Rule: scim.RuleLimit, Detail: "bytes and depth of a patched object"},
		"The patch makes an object that is too large or nested too deeply")
}

// patched returns the canonical attributes that are to take the place of old
// after a patch has made m of the object, and what the properties that it
// touched fail (AIC-112).
func (c *collection) patched(old, m *scim.Object, touched map[string]bool, password func(string) error) (*scim.Object, []requirement) {
	failed := slices.DeleteFunc(c.check(m, old, password), func(r requirement) bool {
		name, _, _ := strings.Cut(r.property, "/")
		p := c.kind.property(name)
		return !touched[name] || p != nil && p.form.isRelation()
	})
	// A private property or a manager that is not there is kept: here it is there
	// until it is removed.
	for i := range c.kind.properties {
		switch p := &c.kind.properties[i]; {
		case !p.is(private) && p.relation != scim.Manager || p.is(credential):
		case !touched[p.name]:
			m.Delete(p.name)
		case !sent(m, p.name):
			m.Set(p.name, scim.Value{})
		}
	}
	return c.kind.attributes(old, m), failed
}

// prepare returns the operations on an object with the attributes old as they can
// be applied in a transaction, with hashes for answers, and those on relationships.
func (q *request) prepare(ops []operation, old *scim.Object) (own []operation, changes []directory.MemberChange, err error) {
	k, questions := q.c.kind, 0
	for _, op := range ops {
		p := k.property(op.field[0])
		switch {
		case p != nil && p.form.isRelation() && !p.is(readOnly):
			ch, ok, err := q.change(p, op)
			switch {
			case err != nil:
				return nil, nil, err
			case ok && p.relation == scim.Manager:
				own = append(own, manager(ch, op))
			case ok:
				changes = append(changes, ch)
			}
			continue
		case op.field[0] == "kbaInfo" && op.verb != "remove":
			list := op.value
			if list.Kind() != scim.Array {
				list = scim.ListValue(list)
			}
			if questions += len(list.List()); questions > maxQuestions {
				return nil, nil, tooManyQuestions()
			}
			list = hashAnswers(old.Get(k.extension).Object().Get("kbaInfo"), list)
			if op.value.Kind() != scim.Array {
				list = list.List()[0]
			}
			op.value = list
		}
		if err := q.c.checkName(op.field[0]); err != nil {
			return nil, nil, err
		}
		own = append(own, op)
	}
	return own, changes, nil
}

func tooManyQuestions() error {
	return badRequest(&scim.Error{Rule: scim.RuleLimit, Path: "kbaInfo"}, "The property 'kbaInfo' has more than %d questions", maxQuestions)
}

// weigh takes the size of a value, about its bytes as JSON, off room. What is
// left is negative if there is not enough, or the value is nested too deeply.
func weigh(v scim.Value, depth, room int) int {
	if depth > maxNested {
		return -1
	}
	room -= len(v.Text()) + 2
	for _, item := range v.List() {
		if room >= 0 {
			room = weigh(item, depth+1, room-1)
		}
	}
	for i := range v.Object().Len() {
		if member := v.Object().Members[i]; room >= 0 {
			room = weigh(member.Value, depth+1, room-len(member.Name)-4)
		}
	}
	return room
}

// apply does one operation.
func (p *patcher) apply(op operation) error {
	if err := p.check(op.field); err != nil {
		return err
	}
	switch of := p.kind.property(op.field[0]); {
	case of != nil && of.is(readOnly):
		return nil
	case of != nil && of.is(credential) && (len(op.field) > 1 || op.end || !op.value.IsNull() && op.verb == "remove"):
		return badRequest(&scim.Error{Rule: scim.RulePath, Path: op.field.String()}, "The field '%s' can only be replaced or removed", op.field)
	}
	switch op.verb {
	case "add":
		return p.edit(op.field, func(was scim.Value) (scim.Value, error) { return p.add(op, was) })
	case "remove":
		if op.end {
			return positionBased(append(op.field, "-"))
		}
		return p.edit(op.field, func(was scim.Value) (scim.Value, error) { return p.remove(op, was) })
	case "increment":
		return p.edit(op.field, func(was scim.Value) (scim.Value, error) { return increment(op, was) })
	case "replace":
		return p.set(op, op.value)
	}
	return p.bring(op)
}

// check refuses the identity of an object (AIC-114) and places in arrays (AIC-104).
func (p *patcher) check(at pointer) error {
	of := p.kind.property(at[0])
	switch {
	case at[0] == "_id", at[0] == "_rev":
		return badRequest(&scim.Error{Rule: scim.RuleImmutable, Path: at[0]}, "The field '%s' cannot be changed", at)
	case of != nil && of.form.isList() && len(at) > 1 && isIndex(at[1]):
		return positionBased(at)
	}
	return nil
}

func isIndex(token string) bool {
	_, err := strconv.ParseUint(token, 10, 64)
	return err == nil
}

func positionBased(at pointer) error {
	return badRequest(&scim.Error{Rule: scim.RulePath, Path: at.String()}, "Position-based operation is not allowed: %s", at)
}

// edit puts what change makes of the value at the pointer, null for none, in its
// place.
func (p *patcher) edit(at pointer, change func(was scim.Value) (scim.Value, error)) error {
	p.touched[at[0]] = true
	out, _, err := edit(p.object, at, at, change)
	if err == nil {
		p.object = out
	}
	return err
}

// edit does so in a value to which the rest of the pointer at is relative. Objects
// on the way that are missing are made, if there is something to put into them
// (AIC-097, AIC-103).
func edit(in scim.Value, at, rest pointer, change func(was scim.Value) (scim.Value, error)) (out scim.Value, changed bool, err error) {
	if len(rest) == 0 {
		out, err = change(in)
		return out, !scim.Equal(in, out), err
	}
	name := rest[0]
	if in.Kind() == scim.Array && isIndex(name) {
		return in, false, positionBased(at)
	}
	inner, changed, err := edit(in.Object().Get(name), at, rest[1:], change)
	if err != nil || !changed {
		return in, false, err
	}
	if in.Kind() != scim.ObjectKind && !in.IsNull() {
		return in, false, badRequest(&scim.Error{Rule: scim.RulePath, Path: at.String()}, "The field '%s' is within what is not an object", at)
	}
	o := in.Object().Clone()
	if inner.IsNull() {
		o.Delete(name)
		return scim.ObjectValue(o), true, nil
	}
	_, known := o.Lookup(name)
	if _, taken := o.Find(name); taken && !known {
		return in, false, badRequest(&scim.Error{Rule: scim.RuleDuplicateMember, Path: name},
			"The field '%s' differs only in letter case from another one", at)
	}
	return scim.ObjectValue(o.Set(name, inner)), true, nil
}

// set puts the value at the field, or at the end of the array there.
func (p *patcher) set(op operation, v scim.Value) error {
	return p.edit(op.field, func(was scim.Value) (scim.Value, error) {
		if op.end {
			op.value = v
			return p.add(op, was)
		}
		return v, nil
	})
}

// add returns was with the value of the operation: in its place, or among its
// items if it is an array (AIC-097 to AIC-100).
func (p *patcher) add(op operation, was scim.Value) (scim.Value, error) {
	of := p.kind.property(op.field[0])
	list := was.Kind() == scim.Array || was.IsNull() && (op.end || of != nil && of.form.isList() && len(op.field) == 1)
	switch {
	case op.end && !list:
		return was, badRequest(&scim.Error{Rule: scim.RulePath, Path: op.field.String()}, "The field '%s' is not an array", op.field)
	case !list:
		return op.value, nil
	}
	more := []scim.Value{op.value}
	if op.value.Kind() == scim.Array && !op.end {
		more = op.value.List()
	}
	if p.room -= len(was.List()) + len(more); p.room < 0 {
		return was, tooLarge()
	}
	out := slices.Clone(was.List())
	seen := map[string]bool{}
	for _, item := range out {
		seen[identity(item)] = true
	}
	for _, item := range more {
		if key := identity(item); !seen[key] {
			seen[key] = true
			out = append(out, item)
		}
	}
	return scim.ListValue(out...), nil
}

// identity returns a text that is the same for equal values.
func identity(v scim.Value) string { return sorted(v).String() }

func sorted(v scim.Value) scim.Value {
	switch v.Kind() {
	case scim.Array:
		list := make([]scim.Value, len(v.List()))
		for i, item := range v.List() {
			list[i] = sorted(item)
		}
		return scim.ListValue(list...)
	case scim.ObjectKind:
		o := v.Object().Clone()
		slices.SortFunc(o.Members, func(a, b scim.Member) int { return strings.Compare(a.Name, b.Name) })
		for i := range o.Members {
			o.Members[i].Value = sorted(o.Members[i].Value)
		}
		return scim.ObjectValue(o)
	}
	return v
}

// remove returns what is left of was: nothing, or if the operation has a value
// all that is not equal to it (AIC-101, AIC-102).
func (p *patcher) remove(op operation, was scim.Value) (scim.Value, error) {
	equal := func(v scim.Value) bool { return scim.Equal(v, op.value) }
	if op.field[0] == "kbaInfo" { // The answers are not for comparison.
		equal = func(v scim.Value) bool {
			return scim.Equal(withoutAnswers(scim.ListValue(v)), withoutAnswers(scim.ListValue(op.value)))
		}
	}
	switch {
	case op.value.IsNull():
		return scim.Value{}, nil
	case was.Kind() == scim.Array:
		if p.room -= len(was.List()); p.room < 0 {
			return was, tooLarge()
		}
		return scim.ListValue(slices.DeleteFunc(slices.Clone(was.List()), equal)...), nil
	case equal(was):
		return scim.Value{}, nil
	}
	return was, nil
}

// increment returns the number, or each of the numbers, plus the value of the
// operation (AIC-105, AIC-106).
func increment(op operation, was scim.Value) (scim.Value, error) {
	refused := func(format string) (scim.Value, error) {
		return was, badRequest(&scim.Error{Rule: scim.RuleType, Path: op.field.String(), Allowed: []string{"number"}}, format, op.field)
	}
	if was.IsNull() {
		return refused("The field '%s' does not exist")
	}
	list := was.List()
	if was.Kind() != scim.Array {
		list = []scim.Value{was}
	}
	out := make([]scim.Value, len(list))
	for i, v := range list {
		if v.Kind() != scim.Number {
			return refused("The field '%s' is not a number")
		}
		digits, ok := sum(v.Text(), op.value.Text())
		if !ok {
			return refused("The field '%s' would be out of range")
		}
		out[i] = scim.NumberValue(digits)
	}
	if was.Kind() != scim.Array {
		return out[0], nil
	}
	return scim.ListValue(out...), nil
}

// sum adds two JSON numbers: exactly if they are integers, else as floating
// point. ok is false where the sum is out of range.
func sum(a, b string) (digits string, ok bool) {
	m, errM := strconv.ParseInt(a, 10, 64)
	n, errN := strconv.ParseInt(b, 10, 64)
	if errM == nil && errN == nil {
		return strconv.FormatInt(m+n, 10), (m+n > m) == (n > 0)
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return strconv.FormatFloat(x+y, 'g', -1, 64), errX == nil && errY == nil && !math.IsInf(x+y, 0)
}

// bring moves or copies a value (AIC-108). One that is not there is no reason
// to do anything.
func (p *patcher) bring(op operation) error {
	if err := p.check(op.from); err != nil {
		return err
	}
	if op.field[0] == "kbaInfo" { // Answers are hashed as they come in.
		return badRequest(&scim.Error{Rule: scim.RulePath, Path: op.field.String()}, "The field '%s' cannot be the target of '%s'", op.field, op.verb)
	}
	if of := p.kind.property(op.from[0]); of != nil && of.is(credential) {
		return nil
	}
	var v scim.Value
	_, _, err := edit(p.object, op.from, op.from, func(was scim.Value) (scim.Value, error) {
		v = was
		return was, nil
	})
	if err != nil || v.IsNull() || slices.Equal(op.from, op.field) && !op.end {
		return err
	}
	if op.from[0] == "kbaInfo" {
		v = withoutAnswers(v)
	}
	if p.room = weigh(v, len(op.field)+1, p.room); p.room < 0 {
		return tooLarge()
	}
	if op.verb == "move" {
		if err := p.edit(op.from, func(scim.Value) (scim.Value, error) { return scim.Value{}, nil }); err != nil {
			return err
		}
	}
	return p.set(op, v)
}
