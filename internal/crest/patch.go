package crest

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// maxObject bounds what a patch makes as JSON, all that it copies, and all items
// that it looks at, so that a few operations that copy an object into itself do
// not fill the memory.
const maxObject = 1 << 20

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
	// What comes of it is what a body may be.
	text := p.object.AppendJSON(nil)
	if _, err := scim.Read(text, scim.Limits{}); err != nil || len(text) > maxObject {
		return nil, nil, tooLarge()
	}
	return p.object.Object(), p.touched, nil
}

func tooLarge() error {
	return badRequest(scim.RuleLimit, "The patch makes an object that is too large or nested too deeply")
}

// spend takes n off the room that is left.
func (p *patcher) spend(n int) error {
	if p.room -= n; p.room < 0 {
		return tooLarge()
	}
	return nil
}

// patched returns the canonical attributes that are to take the place of old
// after a patch has made m of the object, and what the properties that it
// touched fail (AIC-112).
func (q *request) patched(old, m *scim.Object, touched map[string]bool) (*scim.Object, []requirement) {
	k := q.c.kind
	failed := slices.DeleteFunc(q.check(m, old), func(r requirement) bool {
		name, _, _ := strings.Cut(r.property, "/")
		p := k.property(name)
		return !touched[name] || p != nil && p.form.isRelation()
	})
	// A private property or a manager that is not there is kept: here it is there
	// until it is removed.
	for _, p := range k.properties {
		_, sent := m.Lookup(p.name)
		switch {
		case !p.is(private) && p.relation != scim.Manager || p.is(credential):
		case !touched[p.name]:
			m.Delete(p.name)
		case !sent:
			m.Set(p.name, scim.Value{})
		}
	}
	return k.attributes(old, m), failed
}

// prepare returns the operations on an object with the attributes old as they can
// be applied in a transaction, with hashes for answers, and those on relationships.
func (q *request) prepare(ops []operation, old *scim.Object) (own []operation, changes []directory.MemberChange, err error) {
	k, questions := q.c.kind, 0
	for _, op := range ops {
		p := k.property(op.field[0])
		if p != nil && p.form.isRelation() && !p.is(readOnly) {
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
		}
		if op.field[0] == "kbaInfo" && op.verb != "remove" {
			list, one := op.value, op.value.Kind() != scim.Array
			if one {
				list = scim.ListValue(list)
			}
			if questions += len(list.List()); questions > maxQuestions {
				return nil, nil, tooManyQuestions()
			}
			if op.value = hashAnswers(old.Get(k.extension).Object().Get("kbaInfo"), list); one {
				op.value = op.value.List()[0]
			}
		}
		if err := q.checkName(op.field[0]); err != nil {
			return nil, nil, err
		}
		own = append(own, op)
	}
	return own, changes, nil
}

func tooManyQuestions() error {
	return badRequest(scim.RuleLimit, "The property 'kbaInfo' has more than %d questions", maxQuestions)
}

// A change makes another value of one, null for none.
type change func(was scim.Value) (scim.Value, error)

// apply does one operation.
func (p *patcher) apply(op operation) error {
	if err := p.check(op.field); err != nil {
		return err
	}
	switch of := p.kind.property(op.field[0]); {
	case of != nil && of.is(readOnly):
		return nil
	case of != nil && of.is(credential) && (len(op.field) > 1 || op.end || !op.value.IsNull() && op.verb == "remove"):
		return badRequest(scim.RulePath, "The field '%s' can only be replaced or removed", op.field)
	case op.verb == "add" || op.verb == "replace" && op.end:
		return p.edit(op.field, p.add(op))
	case op.verb == "replace":
		return p.edit(op.field, always(op.value))
	case op.verb == "remove" && op.end:
		return positionBased(append(op.field, "-"))
	case op.verb == "remove":
		return p.edit(op.field, p.remove(op))
	case op.verb == "increment":
		return p.edit(op.field, increment(op))
	}
	return p.bring(op)
}

// check refuses the identity of an object (AIC-114) and places in arrays (AIC-104).
func (p *patcher) check(at pointer) error {
	of := p.kind.property(at[0])
	switch {
	case at[0] == "_id", at[0] == "_rev":
		return badRequest(scim.RuleImmutable, "The field '%s' cannot be changed", at)
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
	return badRequest(scim.RulePath, "Position-based operation is not allowed: %s", at)
}

// edit puts what change makes of the value at the pointer in its place.
func (p *patcher) edit(at pointer, change change) error {
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
func edit(in scim.Value, at, rest pointer, change change) (out scim.Value, changed bool, err error) {
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
		return in, false, badRequest(scim.RulePath, "The field '%s' is within what is not an object", at)
	}
	o := in.Object().Clone()
	if inner.IsNull() {
		o.Delete(name)
		return scim.ObjectValue(o), true, nil
	}
	_, known := o.Lookup(name)
	if _, taken := o.Find(name); taken && !known {
		return in, false, badRequest(scim.RuleDuplicateMember, "The field '%s' differs only in letter case from another one", at)
	}
	return scim.ObjectValue(o.Set(name, inner)), true, nil
}

func always(v scim.Value) change {
	return func(scim.Value) (scim.Value, error) { return v, nil }
}

// add puts the value of the operation in the place of another, or among its items
// if that is an array (AIC-097 to AIC-100).
func (p *patcher) add(op operation) change {
	of := p.kind.property(op.field[0])
	return func(was scim.Value) (scim.Value, error) {
		list := was.Kind() == scim.Array || was.IsNull() && (op.end || of != nil && of.form.isList() && len(op.field) == 1)
		switch {
		case op.end && !list:
			return was, badRequest(scim.RulePath, "The field '%s' is not an array", op.field)
		case !list:
			return op.value, nil
		}
		more := []scim.Value{op.value}
		if op.value.Kind() == scim.Array && !op.end {
			more = op.value.List()
		}
		if err := p.spend(len(was.List()) + len(more)); err != nil {
			return was, err
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

// remove leaves nothing, or if the operation has a value all that is not equal
// to it (AIC-101, AIC-102).
func (p *patcher) remove(op operation) change {
	equal := func(v scim.Value) bool { return scim.Equal(v, op.value) }
	if op.field[0] == "kbaInfo" { // The answers are not for comparison.
		equal = func(v scim.Value) bool {
			return scim.Equal(withoutAnswers(scim.ListValue(v)), withoutAnswers(scim.ListValue(op.value)))
		}
	}
	return func(was scim.Value) (scim.Value, error) {
		switch {
		case op.value.IsNull():
			return scim.Value{}, nil
		case was.Kind() == scim.Array:
			return scim.ListValue(slices.DeleteFunc(slices.Clone(was.List()), equal)...), p.spend(len(was.List()))
		case equal(was):
			return scim.Value{}, nil
		}
		return was, nil
	}
}

// increment adds the value of the operation to the number, or to each of the
// numbers (AIC-105, AIC-106).
func increment(op operation) change {
	refused := func(format string) error { return badRequest(scim.RuleType, format, op.field) }
	return func(was scim.Value) (scim.Value, error) {
		if was.IsNull() {
			return was, refused("The field '%s' does not exist")
		}
		list := was.List()
		if was.Kind() != scim.Array {
			list = []scim.Value{was}
		}
		out := make([]scim.Value, len(list))
		for i, v := range list {
			if v.Kind() != scim.Number {
				return was, refused("The field '%s' is not a number")
			}
			digits, ok := sum(v.Text(), op.value.Text())
			if !ok {
				return was, refused("The field '%s' would be out of range")
			}
			out[i] = scim.NumberValue(digits)
		}
		if was.Kind() != scim.Array {
			return out[0], nil
		}
		return scim.ListValue(out...), nil
	}
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
		return badRequest(scim.RulePath, "The field '%s' cannot be the target of '%s'", op.field, op.verb)
	}
	if of := p.kind.property(op.from[0]); of != nil && of.is(credential) {
		return nil
	}
	_, _, err := edit(p.object, op.from, op.from, func(was scim.Value) (scim.Value, error) {
		op.value = was
		return was, nil
	})
	if err != nil || op.value.IsNull() || slices.Equal(op.from, op.field) && !op.end {
		return err
	}
	if op.from[0] == "kbaInfo" {
		op.value = withoutAnswers(op.value)
	}
	if err := p.spend(len(op.value.AppendJSON(nil))); err != nil {
		return err
	}
	if op.verb == "move" {
		if err := p.edit(op.from, always(scim.Value{})); err != nil {
			return err
		}
	}
	if op.end {
		return p.edit(op.field, p.add(op))
	}
	return p.edit(op.field, always(op.value))
}
