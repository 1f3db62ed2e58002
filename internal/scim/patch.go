package scim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// PatchSchema is the URI of a PATCH message (RFC 7644 3.5.2).
const PatchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// A PatchOperation is one operation of a PATCH, as the client wrote it.
type PatchOperation struct {
	Op       string // add, remove, replace
	Path     string // empty for none
	Value    Value
	HasValue bool // null is a value
}

// PatchOptions say how a PATCH is read and applied. The zero PatchOptions are
// RFC 7644 3.5.2 to the letter.
type PatchOptions struct {
	// Checks say how values are read; Partial is understood.
	Checks Checks
	// Rewrites are those that may be used on operations and paths.
	Rewrites Rewrites
	// Fired, if set, is told the name of each rewrite as it is used.
	Fired func(rewrite string)
	// ReplaceComplex makes replace put a new value in the place of a complex
	// singular one, instead of changing its parts: the mode interop.
	ReplaceComplex bool
	// NeedPath refuses operations without a path: the mode interop.
	NeedPath bool
	// CreateParts lets create-on-absent make an element only where the path leads
	// to a part of it, as emails[type eq "work"].value.
	CreateParts bool
	// IgnoreUnknown leaves out what is done to attributes that no schema defines.
	IgnoreUnknown bool

	MaxOperations int // 1,000
	MaxMembers    int // of groups, in all operations together: 10,000
}

func (o *PatchOptions) allows(r Rewrites) bool { return o.Rewrites.Has(r) }

func (o *PatchOptions) fire(r Rewrites) {
	if o.Fired != nil {
		o.Fired(r.String())
	}
}

// A Patched is what a PATCH makes of a resource.
type Patched struct {
	// Attributes are the new attributes, in canonical names and order; the
	// object that was given if they are the same.
	Attributes *Object
	// Password is the new password in clear text, null to have none. Nil leaves
	// it as it is.
	Password *Value
	// Members are the changes of a group's members, to be made in order.
	Members []MemberChange
}

// A MemberOp says what happens to members of a group.
type MemberOp uint8

// The operations on members.
const (
	AddMembers     MemberOp = iota + 1
	RemoveMembers           // those listed, or those that match
	ReplaceMembers          // all that are there, by those listed
)

// A MemberChange is one change of a group's members. It names those that it is
// about, however many others there are.
type MemberChange struct {
	Op        MemberOp
	Members   []Reference // ID, and the Type if the client said one
	Matching  *Filter     // of RemoveMembers, instead of Members; see Selects
	Operation int         // index of the operation that asks for it
}

// Selects reports whether the filter of the change selects a member.
func (c MemberChange) Selects(member Reference) bool {
	return c.Matching.match(nil, element{from: fromMembers, ref: &member})
}

// A PatchError is the fault of one operation of a PATCH. Err carries the faults
// themselves, see [Faults].
type PatchError struct {
	Operation int // index; -1 when it is the result that is at fault
	Err       error
}

// Error words the error for logs.
func (e *PatchError) Error() string {
	if e.Operation < 0 {
		return "result: " + e.Err.Error()
	}
	return fmt.Sprintf("operation %d: %v", e.Operation, e.Err)
}

// Unwrap returns the faults.
func (e *PatchError) Unwrap() error { return e.Err }

// ParsePatch reads the body of a PATCH. Members that it does not know are
// ignored.
//
// Errors: RuleCoreSchemaMissing without the URI of the message; RuleMessage for
// operations that are none; RuleTooLarge for too many, with the limit in Allowed.
func ParsePatch(body *Object, o PatchOptions) ([]PatchOperation, error) {
	schemas, _ := body.Find("schemas")
	switch {
	case declares(schemas.list, PatchSchema):
	case schemas.Unassigned() && o.allows(RewriteSchemasAssume):
		o.fire(RewriteSchemasAssume)
	default:
		return nil, &Error{Rule: RuleCoreSchemaMissing, Path: "schemas", Schema: PatchSchema}
	}
	list := o.member(body, "Operations")
	if list.kind != Array || len(list.list) == 0 {
		return nil, &Error{Rule: RuleMessage, Path: "Operations", Detail: "a list of operations is needed", Offset: int(list.pos)}
	}
	if err := o.limitOperations(len(list.list)); err != nil {
		return nil, err
	}
	ops := make([]PatchOperation, len(list.list))
	for i, v := range list.list {
		if v.kind != ObjectKind {
			return nil, &PatchError{i, &Error{Rule: RuleMessage, Path: "Operations" + index(i), Detail: "an object is needed", Offset: int(v.pos)}}
		}
		op, path := o.member(v.obj, "op"), o.member(v.obj, "path")
		if op.kind != String {
			return nil, &PatchError{i, &Error{Rule: RuleMessage, Path: "op", Detail: "add, remove or replace is needed", Offset: int(v.pos)}}
		}
		if path.kind != String && path.kind != Null {
			return nil, &PatchError{i, &Error{Rule: RuleMessage, Path: "path", Detail: "a string is needed", Offset: int(path.pos)}}
		}
		value, has := v.obj.Lookup("value")
		if !has && o.allows(RewriteOpCase) {
			value, has = v.obj.Find("value")
		}
		ops[i] = PatchOperation{Op: op.text, Path: path.text, Value: value, HasValue: has}
	}
	return ops, nil
}

// member returns a member of the message, whose names are in any letter case
// when those of operations are.
func (o *PatchOptions) member(body *Object, name string) Value {
	v, ok := body.Lookup(name)
	if !ok && o.allows(RewriteOpCase) {
		if v, ok = body.Find(name); ok {
			o.fire(RewriteOpCase)
		}
	}
	return v
}

func (o *PatchOptions) limitOperations(n int) error {
	return tooMany("operations", n, cmp.Or(o.MaxOperations, 1000))
}

func tooMany(what string, n, most int) error {
	if n <= most {
		return nil
	}
	return &Error{Rule: RuleTooLarge, Detail: what, Allowed: []string{strconv.Itoa(most)}}
}

// Patch applies the operations to a resource's attributes, which are in
// canonical names and stay as they are: all of the operations or none (RFC 7644
// 3.5.2). A group's members are not among the attributes; what happens to them
// is in [Patched.Members].
//
// Errors: RuleTooLarge, or a *[PatchError] with RuleMessage for an operation that
// is none or has no use for its value, RulePath, RuleFilter,
// RuleFilterAttribute, RuleNoTarget, RuleReadOnly, RuleImmutable (also for a
// required attribute that would go: its Detail is required), RuleRequired, and
// what [ResourceType.Normalize] says of values.
func (t *ResourceType) Patch(o *Object, ops []PatchOperation, opts PatchOptions) (*Patched, error) {
	if err := opts.limitOperations(len(ops)); err != nil {
		return nil, err
	}
	p := newPatcher(t, o, opts)
	for i, op := range ops {
		p.index = i
		if p.operation(op); len(p.n.faults) > 0 {
			return nil, &PatchError{i, p.n.faults}
		}
		if err := cmp.Or(tooMany("member values", p.members, cmp.Or(opts.MaxMembers, 10_000)), tooMany("elements", p.elements, maxElements)); err != nil {
			return nil, err
		}
	}
	p.order()
	if Equal(ObjectValue(p.doc), ObjectValue(o)) {
		p.doc = o
	}
	if faults := p.missing(o); len(faults) > 0 {
		return nil, &PatchError{-1, faults}
	}
	p.result.Attributes = p.doc
	return &p.result, nil
}

// A patcher is one call of Patch. Faults gather in its normalizer.
type patcher struct {
	PatchOptions
	t      *ResourceType
	paths  FilterOptions
	n      normalizer
	doc    *Object // a copy of the resource; objects within are replaced, not changed
	index  int     // of the operation at hand
	result Patched

	members  int // member values so far
	elements int // of lists, looked at so far
}

// maxElements bounds the work of a PATCH: elements of multi-valued attributes
// that it looks at, once for each operation and each term of its filter.
const maxElements = 500_000

func newPatcher(t *ResourceType, o *Object, opts PatchOptions) *patcher {
	p := &patcher{PatchOptions: opts, t: t, doc: o.Clone()}
	p.paths = FilterOptions{Rewrites: opts.Rewrites, Fired: opts.Fired}
	p.n = normalizer{Checks: opts.Checks, t: t}
	p.n.Partial = true
	if p.n.Fired == nil {
		p.n.Fired = opts.Fired
	}
	return p
}

// A patchOp is what an operation does.
type patchOp uint8

const (
	patchAdd patchOp = iota + 1
	patchRemove
	patchReplace
)

var patchOps = map[string]patchOp{"add": patchAdd, "remove": patchRemove, "replace": patchReplace}

// A patchStep is an operation, or its part for one attribute.
type patchStep struct {
	op       patchOp
	value    Value
	hasValue bool
}

func (p *patcher) fail(e *Error) { p.n.faults = append(p.n.faults, e) }

func (p *patcher) failed() bool { return len(p.n.faults) > 0 }

func (p *patcher) operation(op PatchOperation) {
	s := patchStep{op: patchOps[op.Op], value: op.Value, hasValue: op.HasValue}
	if s.op == 0 && p.allows(RewriteOpCase) {
		if s.op = patchOps[strings.ToLower(op.Op)]; s.op != 0 {
			p.fire(RewriteOpCase)
		}
	}
	switch {
	case s.op == 0:
		p.fail(&Error{Rule: RuleMessage, Path: "op", Value: op.Op, Allowed: []string{"add", "remove", "replace"}})
	case op.Path != "":
		path, err := ParsePatchPath(op.Path, p.paths)
		if err != nil {
			p.n.faults = append(p.n.faults, Faults(err)...)
			return
		}
		p.step(s, path)
	case s.op == patchRemove:
		p.fail(&Error{Rule: RuleNoTarget, Detail: "remove needs a path"})
	case p.NeedPath:
		p.fail(&Error{Rule: RuleMessage, Path: "path", Detail: "a path is needed"})
	default:
		p.wholeResource(s)
	}
}

// wholeResource applies an operation without a path: each member of its value
// is one attribute's.
func (p *patcher) wholeResource(s patchStep) {
	if !s.hasValue {
		p.fail(&Error{Rule: RuleRequired, Path: "value"})
		return
	}
	if s.value.kind != ObjectKind {
		p.fail(&Error{Rule: RuleType, Path: "value", Allowed: []string{"object"}, Offset: int(s.value.pos)})
		return
	}
	for _, m := range s.value.obj.Members {
		if p.strips(m.Name) {
			continue
		}
		if strings.EqualFold(m.Name, "schemas") { // sent along, not meant as a change
			p.fail(&Error{Rule: RuleReadOnly, Path: "schemas", Offset: int(m.Value.pos)})
			return
		}
		if p.key(patchStep{op: s.op, value: m.Value, hasValue: true}, m.Name, ""); p.failed() {
			return
		}
	}
}

// strips reports whether a member of a value without path is one that clients
// are known to send along, and nobody can write (rewrite readonly-strip).
func (p *patcher) strips(name string) bool {
	for _, sent := range []string{"id", "schemas", "meta", "groups"} {
		if strings.EqualFold(name, sent) && p.allows(RewriteReadOnlyStrip) {
			p.fire(RewriteReadOnlyStrip)
			return true
		}
	}
	return false
}

// key applies a step to what a member's name means: an attribute, of the
// extension whose URI is given if any; an extension; or loosely a path.
func (p *patcher) key(s patchStep, name, uri string) {
	path := PatchPath{Path: Path{Schema: uri, Attr: name}}
	switch {
	case isName(name):
	case uri == "" && p.t.schema(name) != nil:
		path.Path, _ = splitPath(name)
	default:
		text := name
		if uri != "" {
			text = uri + ":" + name
		}
		if !p.allows(RewritePathKeys) {
			p.fail(&Error{Rule: RulePath, Path: text, Value: name, Detail: "a path as the name of an attribute"})
			return
		}
		var err error
		if path, err = ParsePatchPath(text, p.paths); err != nil {
			p.n.faults = append(p.n.faults, Faults(err)...)
			return
		}
		p.fire(RewritePathKeys)
	}
	p.step(s, path)
}

// schema returns the schema of the type that has the URI, nil if none has.
func (t *ResourceType) schema(uri string) *Schema {
	if strings.EqualFold(t.Schema.ID, uri) {
		return t.Schema
	}
	return t.Extension(uri)
}

// A patchTarget is where a path of a PATCH leads to.
type patchTarget struct {
	place
	text   string  // the path as the client may write it
	filter *Filter // resolved, on an element of attr; nil for all
}

// step applies one step to one path.
func (p *patcher) step(s patchStep, path PatchPath) {
	at, ok := p.target(path)
	if !ok {
		return
	}
	if s.op != patchRemove && !s.hasValue {
		p.fail(&Error{Rule: RuleRequired, Path: "value"})
		return
	}
	if s.op == patchRemove && s.value.IsNull() {
		s.hasValue = false
	}
	if s.op == patchRemove && s.hasValue && !p.allows(RewriteRemoveValues) {
		p.fail(&Error{Rule: RuleMessage, Path: "value", Detail: "remove takes no value"})
		return
	}
	if s.op == patchRemove && s.hasValue {
		p.fire(RewriteRemoveValues)
	}
	switch {
	case at.attr == nil:
		p.extension(s, at)
	case at.attr.Mutability == "readOnly" || at.sub != nil && at.sub.Mutability == "readOnly":
		p.fail(&Error{Rule: RuleReadOnly, Path: at.path.String()})
	case at.schema == nil && at.attr.Name == "schemas":
		p.schemas(s, at)
	case at.schema != nil && at.schema.ID == GroupSchema && at.attr.Name == "members":
		p.groupMembers(s, at)
	default:
		p.enter(at)
		if at.attr.MultiValued {
			p.list(s, at)
		} else if p.holds(at) {
			p.singular(s, at)
		}
		p.n.path = p.n.path[:0]
	}
}

// enter tells the normalizer where its values belong.
func (p *patcher) enter(at patchTarget) {
	p.n.schema = p.t.Schema
	if at.schema != nil {
		p.n.schema = at.schema
	}
	if at.path.Schema != "" {
		p.n.enter(step{name: at.path.Schema})
	}
}

// target finds what a path means.
func (p *patcher) target(path PatchPath) (patchTarget, bool) {
	at := patchTarget{text: path.String()}
	var fault *Error
	if at.place, fault = p.t.locate(path.attribute(), &p.paths); fault != nil {
		if p.IgnoreUnknown {
			if p.Fired != nil {
				p.Fired("unknown-ignore")
			}
			return at, false
		}
		fault.Path = at.text
		p.fail(fault)
		return at, false
	}
	if path.Filter == nil {
		return at, true
	}
	if at.attr == nil || at.attr.Returned == "never" {
		p.fail(&Error{Rule: RulePath, Path: at.text, Detail: "nothing to select from"})
		return at, false
	}
	element := &operand{t: p.t, place: place{path: at.path, attr: at.attr}}
	if sourceOf(at.place) == fromMembers {
		element.from = fromMembers
	}
	element.settle(at.attr, &p.paths)
	r := resolver{t: p.t, o: &p.paths, element: element}
	var err error
	if at.filter, err = r.filter(path.Filter); err != nil {
		p.n.faults = append(p.n.faults, Faults(err)...)
		return at, false
	}
	return at, true
}

// selects reports whether the target's filter holds of an element.
func (at patchTarget) selects(v Value) bool {
	return at.filter == nil || at.filter.match(nil, element{value: v})
}

// holds decides on a filter on a singular attribute: without the rewrite it is
// none that a path may have; with it, the attribute is the target if the filter
// holds of it.
func (p *patcher) holds(at patchTarget) bool {
	if at.filter == nil {
		return true
	}
	if !p.allows(RewriteSingularFilter) {
		p.fail(&Error{
			Rule: RulePath, Path: at.text, Value: at.attr.Name,
			Detail: "attribute " + at.attr.Name + " in path " + at.text + " must not have a value selection filter because it is not multi-valued",
		})
		return false
	}
	p.fire(RewriteSingularFilter)
	v := p.get(at.place)
	return !v.IsNull() && at.selects(v)
}

// isPassword says of the one attribute that is not kept among the others.
func (at place) isPassword() bool {
	return at.path == Path{Attr: "password"} && at.attr.Mutability == "writeOnly" &&
		(at.schema.ID == UserSchema || at.schema.ID == legacyURI(UserSchema))
}

// get returns the value of a target's attribute.
func (p *patcher) get(at place) Value {
	if at.isPassword() {
		if p.result.Password == nil {
			return Value{}
		}
		return *p.result.Password
	}
	o := p.doc
	if at.path.Schema != "" {
		o = o.Get(at.path.Schema).Object()
	}
	return o.Get(at.path.Attr)
}

// put gives a target's attribute a value; an unassigned one removes it, and
// with the last attribute of an extension its object.
func (p *patcher) put(at place, v Value) {
	if at.isPassword() {
		p.result.Password = &v
		return
	}
	old := p.get(at)
	if at.attr.Mutability == "immutable" && !old.Unassigned() && !Equal(old, v) {
		p.fail(&Error{Rule: RuleImmutable, Path: at.path.String()})
		return
	}
	if at.path.Schema == "" {
		assign(p.doc, at.path.Attr, v)
		return
	}
	o := p.doc.Get(at.path.Schema).Object().Clone()
	assign(o, at.path.Attr, v)
	sortMembers(o, at.schema.Attributes, at.schema.names)
	assign(p.doc, at.path.Schema, ObjectValue(o))
}

// assign gives o's member a value; an unassigned one removes it.
func assign(o *Object, name string, v Value) {
	if v.Unassigned() {
		o.Delete(name)
	} else {
		o.Set(name, v)
	}
}

// sortMembers brings the members into the order of their attributes, strangers last.
func sortMembers(o *Object, list []*Attribute, names nameTable) {
	rank := func(m Member) int {
		if i := names.find(list, m.Name); i >= 0 {
			return i
		}
		return len(list)
	}
	slices.SortStableFunc(o.Members, func(a, b Member) int { return rank(a) - rank(b) })
}

// order brings the attributes into canonical order: externalId, the core
// schema's, extensions.
func (p *patcher) order() {
	core := p.t.Schema
	rank := func(name string) int {
		if name == externalID.Name {
			return -1
		}
		if i := core.names.find(core.Attributes, name); i >= 0 {
			return i
		}
		for i, s := range p.t.Extensions {
			if s.ID == name {
				return len(core.Attributes) + 1 + i
			}
		}
		return len(core.Attributes)
	}
	slices.SortStableFunc(p.doc.Members, func(a, b Member) int { return rank(a.Name) - rank(b.Name) })
}

// missing returns the faults of required attributes that the result lacks. One
// that the resource had, the PATCH removed (RFC 7644 3.5.2.2).
func (p *patcher) missing(before *Object) Errors {
	var faults Errors
	lacking := func(list []*Attribute, o, before *Object, prefix string) {
		for _, a := range list {
			if !a.Required || a.Mutability == "readOnly" || a.Name == "members" && p.t.Schema.ID == GroupSchema || !o.Get(a.Name).Unassigned() {
				continue
			}
			fault := &Error{Rule: RuleRequired, Path: prefix + a.Name}
			if !before.Get(a.Name).Unassigned() {
				fault.Rule, fault.Detail = RuleImmutable, "required"
			}
			faults = append(faults, fault)
		}
	}
	within := func(list []*Attribute, o, before *Object, prefix string) {
		lacking(list, o, before, prefix)
		for _, a := range list {
			if a.Type != TypeComplex {
				continue
			}
			v, w := o.Get(a.Name), before.Get(a.Name)
			if v.kind == ObjectKind {
				lacking(a.SubAttributes, v.obj, w.obj, prefix+a.Name+".")
			}
			for i, item := range v.list {
				lacking(a.SubAttributes, item.obj, nil, prefix+a.Name+index(i)+".")
			}
		}
	}
	within(p.t.Schema.Attributes, p.doc, before, "")
	for _, s := range p.t.Extensions {
		if o := p.doc.Get(s.ID).Object(); o != nil {
			within(s.Attributes, o, before.Get(s.ID).Object(), s.ID+":")
		}
	}
	return faults
}

// extension applies a step to a whole extension, or by its URI to the core
// schema: its attributes are merged one by one, and removed together.
func (p *patcher) extension(s patchStep, at patchTarget) {
	core := at.schema == p.t.Schema
	switch {
	case s.op != patchRemove && s.value.kind == ObjectKind:
		uri := at.schema.ID
		if core {
			uri = ""
		}
		for _, m := range s.value.obj.Members {
			if p.key(patchStep{op: s.op, value: m.Value, hasValue: true}, m.Name, uri); p.failed() {
				return
			}
		}
	case s.op == patchAdd && s.value.IsNull():
	case s.op != patchRemove && !s.value.IsNull():
		p.fail(&Error{Rule: RuleType, Path: at.text, Schema: at.schema.ID, Allowed: []string{"object"}, Offset: int(s.value.pos)})
	case core:
		p.fail(&Error{Rule: RuleImmutable, Path: at.text})
	case s.hasValue && s.op == patchRemove:
		p.fail(&Error{Rule: RuleMessage, Path: "value", Detail: "remove of an extension takes no value"})
	default:
		p.dropExtension(at.schema)
	}
}

// dropExtension removes the attributes of an extension.
func (p *patcher) dropExtension(s *Schema) {
	for _, m := range p.doc.Get(s.ID).Object().Clone().Members {
		if at, ok := p.t.within(s, m.Name, true); ok {
			p.put(at, Value{})
		}
	}
}

// schemas applies a step to the attribute schemas, which follows from the data:
// naming a URI changes nothing, leaving an extension's out drops the extension,
// and the core schema stays.
func (p *patcher) schemas(s patchStep, at patchTarget) {
	items := s.value.list
	if s.value.kind == String {
		items = []Value{s.value}
	}
	if !p.known(items) || s.op == patchAdd {
		return
	}
	gone := func(uri string) bool {
		if s.op == patchReplace {
			return at.filter != nil || !declares(items, uri)
		}
		return at.selects(StringValue(uri)) && (!s.hasValue || declares(items, uri))
	}
	if gone(p.t.Schema.ID) {
		p.fail(&Error{Rule: RuleImmutable, Path: at.path.String(), Value: p.t.Schema.ID})
		return
	}
	for _, e := range p.t.Extensions {
		if gone(e.ID) {
			p.dropExtension(e)
		}
	}
}

// known checks that the URIs are those of the type's schemas.
func (p *patcher) known(uris []Value) bool {
	for i, v := range uris {
		switch {
		case v.kind != String:
			p.fail(&Error{Rule: RuleType, Path: "schemas" + index(i), Allowed: []string{"string"}, Offset: int(v.pos)})
		case p.t.schema(v.text) != nil:
		case p.n.IgnoreSchemas:
			p.fire(RewriteSchemasIgnore)
		default:
			p.fail(&Error{Rule: RuleUnknownSchema, Path: "schemas" + index(i), Value: v.text, Schema: p.t.Schema.ID, Offset: int(v.pos)})
		}
	}
	return !p.failed()
}

// singular applies a step to an attribute that has one value, or to a part of it.
func (p *patcher) singular(s patchStep, at patchTarget) {
	leaf := at.leaf()
	s.value = p.unwrap(s.value, leaf)
	if s.op == patchRemove {
		p.removeSingular(s, at)
		return
	}
	if at.sub != nil {
		given := NewObject(Member{at.sub.Name, s.value})
		p.put(at.place, p.merge(at.attr, p.get(at.place), given))
		return
	}
	if at.attr.Type != TypeComplex {
		var v Value
		for _, m := range p.n.attribute(nil, s.value, at.attr) {
			v = m.Value
		}
		if !p.failed() {
			p.put(at.place, v)
		}
		return
	}
	p.n.enter(step{name: at.attr.Name})
	given, ok := p.object(s.value, at.attr)
	p.n.leave()
	if !ok {
		return
	}
	old := p.get(at.place)
	if s.op == patchReplace && p.ReplaceComplex {
		old = Value{}
	}
	v := Value{}
	if given != nil {
		v = p.merge(at.attr, old, given)
	}
	if !p.failed() {
		p.put(at.place, v)
	}
}

// removeSingular unassigns an attribute or a part of it; with a value, only if
// it has that value.
func (p *patcher) removeSingular(s patchStep, at patchTarget) {
	old := p.get(at.place)
	v := old
	if at.sub != nil {
		v = old.obj.Get(at.sub.Name)
	}
	switch {
	case old.IsNull() || s.hasValue && !listed(at.leaf(), s.value)(v):
		if at.isPassword() && !s.hasValue {
			p.put(at.place, Value{})
		}
	case at.sub == nil:
		p.put(at.place, Value{})
	default:
		p.put(at.place, p.merge(at.attr, old, NewObject(Member{at.sub.Name, Value{}})))
	}
}

// listed returns a test for being among the listed values: a string means the
// element of that value, an object what it says of value and type, or of all
// parts where there is no value.
func listed(a *Attribute, list Value) func(Value) bool {
	items := list.list
	if list.kind != Array {
		items = []Value{list}
	}
	byKey := make(map[string][]Value, len(items))
	for _, item := range items {
		key := listedKey(a, item)
		byKey[key] = append(byKey[key], item)
	}
	return func(v Value) bool {
		return slices.ContainsFunc(byKey[listedKey(a, v)], func(item Value) bool { return meant(a, v, item) })
	}
}

// listedKey returns what an element and the values that may mean it have in common.
func listedKey(a *Attribute, v Value) string {
	if value := a.Sub("value"); value != nil {
		if v.kind == ObjectKind {
			v, _ = v.obj.Find("value")
		}
		a = value
	}
	key, _ := a.IndexKey(v) // without a key it is one of few
	return key
}

// meant reports whether an element is the one that a listed value means.
func meant(a *Attribute, v, item Value) bool {
	hasValue := a.Sub("value") != nil
	if v.kind == ObjectKind && item.kind == String && hasValue {
		item = ObjectValue(NewObject(Member{"value", item}))
	}
	if v.kind != ObjectKind || item.kind != ObjectKind {
		return sameKey(a, v, item)
	}
	said := 0
	for _, m := range item.obj.Members {
		sub := a.part(m.Name)
		if sub == nil || m.Value.Unassigned() || hasValue && sub.Name != "value" && sub.Name != "type" {
			continue
		}
		if said++; !sameKey(sub, v.obj.Get(sub.Name), m.Value) {
			return false
		}
	}
	return said > 0
}

// sameKey reports whether two values are equal as values of the attribute.
func sameKey(a *Attribute, v, w Value) bool {
	x, ok := a.IndexKey(v)
	y, both := a.IndexKey(w)
	return ok && both && x == y || Equal(v, w)
}

// unwrap takes the value out of [{"value": x}], the form that an old library
// has for a simple singular attribute (rewrite one-or-many), and makes null of a
// reference to "" (rewrite scalar-ref, scim MV-11).
func (p *patcher) unwrap(v Value, a *Attribute) Value {
	if a != nil && !a.MultiValued && a.Type == TypeReference && p.isNoReference(v) {
		return Value{}
	}
	if a == nil || a.MultiValued || a.Type == TypeComplex || a.Type == TypeAny || v.kind != Array || len(v.list) != 1 || !p.n.allows(RewriteOneOrMany) {
		return v
	}
	if w, ok := v.list[0].obj.Lookup("value"); ok {
		p.fire(RewriteOneOrMany)
		return w
	}
	return v
}

// object returns the object that a complex value is or stands for, nil for an
// unassigned one.
func (p *patcher) object(v Value, a *Attribute) (*Object, bool) {
	if v.kind == Array && len(v.list) == 1 && p.n.allows(RewriteOneOrMany) {
		p.fire(RewriteOneOrMany)
		v = v.list[0]
	}
	switch {
	case v.Unassigned():
		return nil, true
	case v.kind == String && a.Sub("value") != nil && p.n.allows(RewriteScalarRef):
		p.fire(RewriteScalarRef)
		if v.text == "" {
			return nil, true
		}
		return NewObject(Member{"value", v}), true
	case v.kind == Array:
		p.n.fail(RuleSingleValued, v, Error{})
		return nil, false
	case v.kind != ObjectKind:
		p.n.failType(v, "object")
		return nil, false
	}
	if id, _ := v.obj.Find("value"); a.Sub("$ref") != nil && p.isNoReference(id) {
		return nil, true
	}
	return v.obj, true
}

// isNoReference reports whether the value of a reference is "", which is no id:
// a reference to nothing is none (rewrite scalar-ref, scim MV-11).
func (p *patcher) isNoReference(v Value) bool {
	if v.kind != String || v.text != "" || !p.n.allows(RewriteScalarRef) {
		return false
	}
	p.fire(RewriteScalarRef)
	return true
}

// merge returns the complex value old with the given parts; parts that are
// given as null go, and a value without parts is unassigned.
func (p *patcher) merge(a *Attribute, old Value, given *Object) Value {
	p.n.enter(step{name: a.Name})
	defer p.n.leave()
	if old.kind != ObjectKind && !old.IsNull() {
		p.n.failType(old, "object")
		return old
	}
	o := old.obj.Clone()
	set := func(name string, v Value) {
		if sub := a.part(name); sub != nil {
			before := o.Get(sub.Name)
			if sub.Mutability == "immutable" && !before.Unassigned() && !Equal(before, v) {
				p.n.enter(step{name: name})
				p.n.fail(RuleImmutable, v, Error{})
				p.n.leave()
			}
		}
		assign(o, name, v)
	}
	parts := NewObject()
	for _, m := range given.Members {
		sub := a.part(m.Name)
		if sub != nil && sub.Name == "value" && a.Sub("$ref") != nil && p.isNoReference(m.Value) {
			m.Value = Value{}
		}
		switch {
		case sub == nil || sub.Mutability != "readOnly" && !m.Value.Unassigned():
			parts.Members = append(parts.Members, Member{m.Name, p.unwrap(m.Value, sub)})
		case sub.Mutability != "readOnly":
			set(sub.Name, Value{})
		}
	}
	if parts.Len() > 0 {
		read := ObjectValue(parts)
		if a.Type != TypeAny {
			read = p.n.complex(read, a)
		}
		if read.obj != nil {
			for _, m := range read.obj.Members {
				set(m.Name, m.Value)
			}
		}
	}
	sortMembers(o, a.SubAttributes, a.subs)
	return ObjectValue(o)
}
