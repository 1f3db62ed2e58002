package scim

import (
	"strconv"
	"strings"
)

// Kind says what a [Value] holds.
type Kind uint8

// The kinds of JSON values. Null is also the kind of an absent value: SCIM
// makes no difference between the two (RFC 7643 2.5).
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	ObjectKind
)

// A Value is one JSON value. The zero Value is null. Values are immutable by
// convention: whoever wants another one builds it.
type Value struct {
	kind Kind
	pos  int32  // byte offset in the text it was read from, plus one; 0 when unknown
	text string // String: the text. Number: its digits as written. Bool: "true" or "false"
	list []Value
	obj  *Object
}

// StringValue returns s as a JSON string.
func StringValue(s string) Value { return Value{kind: String, text: s} }

// TextOrNull returns a string, null for an empty one.
func TextOrNull(s string) Value {
	if s == "" {
		return Value{}
	}
	return StringValue(s)
}

// NumberValue returns the number whose digits are given as JSON writes them.
func NumberValue(digits string) Value { return Value{kind: Number, text: digits} }

// IntValue returns n as a JSON number.
func IntValue(n int64) Value { return NumberValue(strconv.FormatInt(n, 10)) }

// BoolValue returns b as a JSON literal.
func BoolValue(b bool) Value { return Value{kind: Bool, text: strconv.FormatBool(b)} }

// ListValue returns a JSON array of the items.
func ListValue(items ...Value) Value { return Value{kind: Array, list: items} }

// Strings returns a JSON array of strings.
func Strings(items ...string) Value {
	list := make([]Value, len(items))
	for i, s := range items {
		list[i] = StringValue(s)
	}
	return ListValue(list...)
}

// ObjectValue returns o as a JSON object; null if o is nil.
func ObjectValue(o *Object) Value {
	if o == nil {
		return Value{}
	}
	return Value{kind: ObjectKind, obj: o}
}

// Kind says what the value holds.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether the value is null or absent.
func (v Value) IsNull() bool { return v.kind == Null }

// Text returns the text of a string or the digits of a number, and "" for the rest.
func (v Value) Text() string {
	if v.kind == String || v.kind == Number {
		return v.text
	}
	return ""
}

// Bool reports whether the value is the literal true.
func (v Value) Bool() bool { return v.kind == Bool && v.text == "true" }

// List returns the items of an array, and nil for the rest.
func (v Value) List() []Value { return v.list }

// Object returns the object that the value holds, and nil for the rest. The
// methods of a nil *Object that read work and find nothing.
func (v Value) Object() *Object { return v.obj }

// Offset returns the byte offset of the value in the text it was read from; -1 when unknown.
func (v Value) Offset() int { return int(v.pos) - 1 }

// Unassigned reports whether the value is null, an empty array or an empty
// object: one state to SCIM (RFC 7643 2.5).
func (v Value) Unassigned() bool {
	switch v.kind {
	case Null:
		return true
	case Array:
		return len(v.list) == 0
	case ObjectKind:
		return v.obj.Len() == 0
	}
	return false
}

// Equal reports whether a and b are the same JSON value: members in any order,
// items in the same order, numbers by their digits.
func Equal(a, b Value) bool {
	if a.kind != b.kind || a.text != b.text || len(a.list) != len(b.list) || a.obj.Len() != b.obj.Len() {
		return false
	}
	for i := range a.list {
		if !Equal(a.list[i], b.list[i]) {
			return false
		}
	}
	if a.obj != nil {
		for _, m := range a.obj.Members {
			w, ok := b.obj.Lookup(m.Name)
			if !ok || !Equal(m.Value, w) {
				return false
			}
		}
	}
	return true
}

// A Member is one name and value of an [Object].
type Member struct {
	Name  string
	Value Value
}

// An Object is a JSON object that keeps the order of its members.
type Object struct {
	Members []Member
}

// NewObject returns an object of the members, in the order given.
func NewObject(members ...Member) *Object { return &Object{Members: members} }

// Len returns the number of members; 0 for nil.
func (o *Object) Len() int {
	if o == nil {
		return 0
	}
	return len(o.Members)
}

// Lookup returns the member of exactly this name.
func (o *Object) Lookup(name string) (Value, bool) {
	if o != nil {
		for i := range o.Members {
			if o.Members[i].Name == name {
				return o.Members[i].Value, true
			}
		}
	}
	return Value{}, false
}

// Get returns the member of exactly this name, null if there is none.
func (o *Object) Get(name string) Value {
	v, _ := o.Lookup(name)
	return v
}

// Find returns the member of this name in any letter case (RFC 7643 2.1).
func (o *Object) Find(name string) (Value, bool) {
	if o != nil {
		for i := range o.Members {
			if strings.EqualFold(o.Members[i].Name, name) {
				return o.Members[i].Value, true
			}
		}
	}
	return Value{}, false
}

// Set gives the member of exactly this name the value, appending it if there
// is none, and returns o.
func (o *Object) Set(name string, v Value) *Object {
	for i := range o.Members {
		if o.Members[i].Name == name {
			o.Members[i].Value = v
			return o
		}
	}
	o.Members = append(o.Members, Member{name, v})
	return o
}

// Assign is Set, or Delete where the value is unassigned, and returns o.
func (o *Object) Assign(name string, v Value) *Object {
	if v.Unassigned() {
		o.Delete(name)
		return o
	}
	return o.Set(name, v)
}

// Delete removes the member of exactly this name, if there is one.
func (o *Object) Delete(name string) {
	for i := range o.Members {
		if o.Members[i].Name == name {
			o.Members = append(o.Members[:i:i], o.Members[i+1:]...)
			return
		}
	}
}

// Clone returns a copy of the object whose members can be changed without
// changing o. Nested objects are shared.
func (o *Object) Clone() *Object {
	if o == nil {
		return NewObject()
	}
	return &Object{Members: append([]Member(nil), o.Members...)}
}
