package scim

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An operand is what a resolved term of a filter works with: where its values
// are, and what they are compared with, in the form that is compared.
type operand struct {
	t     *ResourceType
	place place
	leaf  *Attribute // whose values are compared; nil if there are none (FilterOptions.Unknown)
	from  source
	inner bool   // the values are those of the element that a value path looks at
	link  bool   // the values are references to resources
	base  string // FilterOptions.Base

	unindexed bool // the comparison is another than that of indexes

	key  string    // of strings, references and binaries
	time time.Time // of dates
}

// A source says which part of a resource holds the values of an attribute.
type source uint8

const (
	fromDocument source = iota
	fromID
	fromSchemas
	fromMeta
	fromGroups
	fromMembers
	fromPopulation
	fromLegacy // the extension of PingOne for Enterprise
)

// Resolve binds the names of f to the attributes of the resource type and
// checks what is asked of them. It returns a new filter, in canonical names and
// with values of the attributes' types, for [Filter.Match].
//
// A complex attribute stands for its value (emails co "x"), and a comparison
// with null for the absence of a value. Attributes that are never returned
// cannot be asked for, because answers would tell what they hold.
//
// Errors: RuleFilterAttribute with the name in Path for an attribute that is
// unknown or never returned; RuleFilter for an operator or a value that the
// attribute's type does not have, with the attribute in Path and the reason in
// Detail. Both have their place in Column if f was parsed.
func (t *ResourceType) Resolve(f *Filter, o FilterOptions) (*Filter, error) {
	if f == nil {
		return nil, nil
	}
	r := resolver{t: t, o: &o}
	return r.filter(f)
}

// A resolver resolves one filter.
type resolver struct {
	t       *ResourceType
	o       *FilterOptions
	element *operand // of the value path that it is in; nil outside
}

func (r *resolver) filter(f *Filter) (*Filter, error) {
	switch f.Op {
	case OpAnd, OpOr, OpNot:
		g := *f
		g.Args = make([]*Filter, len(f.Args))
		for i, arg := range f.Args {
			var err error
			if g.Args[i], err = r.filter(arg); err != nil {
				return nil, err
			}
		}
		return &g, nil
	case OpHas:
		return r.valuePath(f)
	case OpTrue, OpFalse:
		return f, nil
	}
	return r.term(f)
}

// fail is the fault of asking the attribute of f something that it cannot answer.
func (f *Filter) fail(detail string) *Error {
	return &Error{Rule: RuleFilter, Path: f.Path.String(), Detail: detail, Column: int(f.column)}
}

func (f *Filter) unknown() *Error {
	return &Error{Rule: RuleFilterAttribute, Path: f.Path.String(), Column: int(f.column)}
}

// valuePath resolves attr[filter]. The attribute may be singular, too: then it
// is the only element.
func (r *resolver) valuePath(f *Filter) (*Filter, error) {
	if r.element != nil {
		return nil, f.fail("a value path within a value path")
	}
	g := *f
	var err error
	if g.bound, err = r.bind(f); err != nil {
		return nil, err
	}
	g.Path = g.bound.place.path
	if leaf := g.bound.leaf; leaf != nil {
		if g.Path.Sub != "" || leaf.Type != TypeComplex && leaf.Type != TypeAny && !leaf.MultiValued {
			return nil, f.fail("a value path needs an attribute that has sub-attributes or several values")
		}
	}
	inner := *r
	inner.element = g.bound
	arg, err := inner.filter(f.Args[0])
	if err != nil {
		return nil, err
	}
	g.Args = []*Filter{arg}
	return &g, nil
}

// term resolves a comparison.
func (r *resolver) term(f *Filter) (*Filter, error) {
	g := *f
	var err error
	if g.bound, err = r.bind(f); err != nil {
		return nil, err
	}
	b := g.bound
	if g.Path = b.place.path; g.Op == OpPr {
		return &g, nil
	}
	if g.Value.IsNull() {
		return g.absence(f)
	}
	if b.leaf == nil {
		return &g, nil
	}
	if b.leaf.Type == TypeComplex {
		value := b.leaf.Sub("value")
		if value == nil {
			return nil, f.fail("compare one of its sub-attributes")
		}
		g.Path.Sub, b.place.path.Sub = value.Name, value.Name
		b.place.sub = value
		b.settle(value, r.o)
	}
	if err := g.operator(f); err != nil {
		return nil, err
	}
	return &g, r.operand(&g, f)
}

// absence returns what comparing with null means: eq is not pr, ne is pr (RFC 7643 2.5).
func (g *Filter) absence(f *Filter) (*Filter, error) {
	g.Value = Value{}
	switch g.Op {
	case OpEq:
		g.Op = OpPr
		return &Filter{Op: OpNot, Args: []*Filter{g}, column: g.column}, nil
	case OpNe:
		g.Op = OpPr
		return g, nil
	}
	return nil, f.fail("only eq and ne compare with null")
}

// bind finds the attribute of a term.
func (r *resolver) bind(f *Filter) (*operand, error) {
	b := &operand{t: r.t, base: r.o.Base, inner: r.element != nil}
	if b.inner {
		return b, r.bindInner(b, f)
	}
	at, err := r.t.locate(f.Path, r.o)
	if err != nil || at.attr == nil {
		if r.o.Unknown {
			b.place.path = f.Path
			return b, nil
		}
		return nil, f.unknown()
	}
	if at.attr.Returned == "never" || at.sub != nil && at.sub.Returned == "never" {
		return nil, f.unknown()
	}
	b.place, b.from = at, sourceOf(at)
	b.settle(at.leaf(), r.o)
	return b, nil
}

// bindInner finds the sub-attribute that a term within a value path means. The
// elements of a list of plain values are called value (RFC 7643 2.4).
func (r *resolver) bindInner(b *operand, f *Filter) error {
	e := r.element
	b.place, b.from = place{path: f.Path}, e.from
	if e.leaf == nil {
		return nil
	}
	var sub *Attribute
	switch {
	case f.Path.Schema != "" || f.Path.Sub != "" && e.leaf.Type != TypeAny:
	case e.leaf.Type == TypeComplex || e.leaf.Type == TypeAny:
		sub = e.leaf.part(f.Path.Attr)
	case strings.EqualFold(f.Path.Attr, "value"):
		b.place = place{path: Path{Attr: "value"}, attr: e.leaf}
		b.settle(e.leaf, r.o)
		return nil
	}
	switch {
	case sub == nil && r.o.Unknown:
		return nil
	case sub == nil || sub.Returned == "never":
		return f.unknown()
	}
	b.place.path.Attr = sub.Name
	b.place.attr, b.place.sub = e.leaf, sub
	b.settle(sub, r.o)
	return nil
}

// settle decides how values of the attribute are compared. The ids of groups
// and members are as case-exact as ids are, whatever RFC 7643 8.7.1 lists for
// them; SCIM 1.1 has nothing case-exact but externalId and binaries (p14e R59).
func (b *operand) settle(leaf *Attribute, o *FilterOptions) {
	b.leaf = leaf
	b.link = leaf.Type == TypeReference && (leaf.Name == "$ref" || b.from == fromMeta)
	exact := leaf.CaseExact || leaf.Name == "value" && (b.from == fromGroups || b.from == fromMembers)
	if o.SCIM11 && exact && leaf.Type != TypeBinary && b.place.path.Attr != "externalId" {
		exact, b.unindexed = false, true
	}
	if exact != leaf.CaseExact {
		other := *leaf
		other.CaseExact = exact
		b.leaf = &other
	}
}

// sourceOf says which part of a resource holds the attribute.
func sourceOf(at place) source {
	switch {
	case at.schema == nil:
		switch at.path.Attr {
		case "id":
			return fromID
		case "schemas":
			return fromSchemas
		case "meta":
			return fromMeta
		}
	case at.schema.ID == UserSchema || at.schema.ID == GroupSchema:
		switch at.path.Attr {
		case "groups":
			return fromGroups
		case "members":
			return fromMembers
		}
	case at.schema.ID == PingOneSchema && at.path.Attr == "population":
		return fromPopulation
	case at.schema.ID == PingOneEnterpriseSchema:
		return fromLegacy
	}
	return fromDocument
}

// operator checks that the attribute's type has the operator of g (RFC 7644
// 3.4.2.2). f is g as the client wrote it.
func (g *Filter) operator(f *Filter) error {
	switch t := g.bound.leaf.Type; t {
	case TypeString, TypeReference, TypeAny:
		return nil
	case TypeBoolean, TypeBinary:
		if g.Op.orders() {
			return f.fail("values of type " + string(t) + " have no order: " + g.Op.String())
		}
	}
	if g.Op == OpCo || g.Op == OpSw || g.Op == OpEw {
		return f.fail("values of type " + string(g.bound.leaf.Type) + " have no parts: " + g.Op.String())
	}
	return nil
}

// operand converts the value of g to the type of the attribute.
func (r *resolver) operand(g, f *Filter) error {
	b := g.bound
	wanted := kindOf(b.leaf.Type)
	if wanted != Null && g.Value.kind != wanted {
		value, rewrite := coerce(g.Value, wanted)
		if rewrite == 0 || !r.o.allows(rewrite) {
			return f.fail("a value of type " + string(b.leaf.Type) + " is needed, not " + lowerLiteral(g.Value))
		}
		g.Value = value
		r.o.fire(rewrite)
	}
	switch b.leaf.Type {
	case TypeDateTime:
		var err error
		if b.time, err = ParseDateTime(g.Value.text); err != nil {
			return f.fail("not a dateTime: " + g.Value.text)
		}
	case TypeString, TypeReference, TypeBinary, TypeAny:
		if g.Value.kind == String {
			b.knowID(g)
			b.key = b.operandKey(g.Value.text, g.Op)
		}
	}
	return nil
}

// knowID lets an index find the id that a term of SCIM 1.1 asks for if it is a
// UUID: those that are made up are in lower case.
func (b *operand) knowID(g *Filter) {
	if !b.unindexed || g.Op != OpEq || b.from != fromID && b.from != fromGroups && b.from != fromMembers || !uuidPattern.MatchString(g.Value.text) {
		return
	}
	exact := *b.leaf
	exact.CaseExact = true
	b.leaf, b.unindexed = &exact, false
	g.Value = StringValue(strings.ToLower(g.Value.text))
}

var uuidPattern = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// kindOf returns the kind of JSON value that the type has; Null for any.
func kindOf(t Type) Kind {
	switch t {
	case TypeAny:
		return Null
	case TypeBoolean:
		return Bool
	case TypeInteger, TypeDecimal:
		return Number
	}
	return String
}

// coerce makes v a value of the kind if it can be meant so, and returns the
// rewrite that does it, 0 if there is none.
func coerce(v Value, kind Kind) (Value, Rewrites) {
	switch {
	case kind == Bool && v.kind == String && strings.EqualFold(v.text, "true"):
		return BoolValue(true), RewriteBoolStrings
	case kind == Bool && v.kind == String && strings.EqualFold(v.text, "false"):
		return BoolValue(false), RewriteBoolStrings
	case kind == Number && v.kind == String && isNumber(v.text):
		return NumberValue(v.text), RewriteFilterLoose
	case kind == String && (v.kind == Number || v.kind == Bool):
		return StringValue(v.text), RewriteFilterLoose
	}
	return v, 0
}

// Attribute returns the attribute whose values a resolved term compares, or
// whose elements a value path looks at; nil for the rest and for one that the
// resource type does not have.
func (f *Filter) Attribute() *Attribute {
	if f.bound == nil {
		return nil
	}
	return f.bound.leaf
}

// Uses reports whether a resolved f reads the attribute of that canonical name,
// which has the URI of its schema before it if that is an extension: groups,
// members, ManagerAttribute.
func (f *Filter) Uses(attr string) bool {
	if b := f.bound; b != nil && b.leaf != nil && !b.inner && f.Path.isOf(attr) {
		return true
	}
	return slices.ContainsFunc(f.Args, func(arg *Filter) bool { return arg.Uses(attr) })
}

// Match reports whether the resource satisfies f, which must be resolved for
// its type. The resource needs the Groups, the Members and the Manager that f
// reads, see [Filter.Uses].
//
// Values are compared by the type of their attribute: strings folded unless
// case-exact, dates as instants, numbers by their digits. Of several values any
// may satisfy a comparison. Without a value ne is true and the rest is false.
func (f *Filter) Match(r *Resource) bool { return f.match(r, element{}) }

// An element is one value of an attribute: a JSON value, or a part of the
// resource that is none.
type element struct {
	from  source // fromMeta, fromGroups, fromMembers, fromPopulation: not value
	value Value
	ref   *Reference
}

func (f *Filter) match(r *Resource, e element) bool {
	switch f.Op {
	case OpAnd:
		for _, arg := range f.Args {
			if !arg.match(r, e) {
				return false
			}
		}
		return true
	case OpOr:
		for _, arg := range f.Args {
			if arg.match(r, e) {
				return true
			}
		}
		return false
	case OpNot:
		return !f.Args[0].match(r, e)
	case OpTrue:
		return true
	case OpFalse:
		return false
	case OpHas:
		return f.bound.any(r, func(e element) bool { return f.Args[0].match(r, e) })
	}
	if f.bound.inner {
		met, assigned := f.compare(r, e)
		return met || f.Op == OpNe && !assigned
	}
	none := true
	met := f.bound.any(r, func(e element) bool {
		met, assigned := f.compare(r, e)
		none = none && !assigned
		return met
	})
	return met || f.Op == OpNe && none
}

// any reports whether yield is true for any of the elements of the attribute.
func (b *operand) any(r *Resource, yield func(element) bool) bool {
	if b.leaf == nil {
		return false
	}
	switch b.from {
	case fromID:
		return yield(element{value: StringValue(r.ID)})
	case fromSchemas:
		for _, uri := range b.t.Declared(r.Attributes()) {
			if yield(element{value: StringValue(uri)}) {
				return true
			}
		}
		return r.Population != "" && b.t.Extension(PingOneSchema) != nil && yield(element{value: StringValue(PingOneSchema)})
	case fromMeta:
		return yield(element{from: fromMeta})
	case fromGroups:
		return anyReference(r.Groups, fromGroups, yield)
	case fromMembers:
		return anyReference(r.Members, fromMembers, yield)
	case fromPopulation:
		return r.Population != "" && yield(element{from: fromPopulation})
	case fromLegacy:
		return anyValue(legacy(r, b.place.attr.Name), yield)
	}
	if uri := b.place.path.Schema; uri != "" {
		return anyValue(r.get(uri).Object().Get(b.place.path.Attr), yield)
	}
	return anyValue(r.get(b.place.path.Attr), yield)
}

// legacy returns an attribute of the PingOne for Enterprise extension: times in
// milliseconds since 1970.
func legacy(r *Resource, name string) Value {
	switch name {
	case "createTimeStamp":
		return IntValue(r.Created.UnixMilli())
	case "lastModifiedTimeStamp":
		return IntValue(r.Modified.UnixMilli())
	case "lastLoginTime":
		if !r.LastLogin.IsZero() {
			return IntValue(r.LastLogin.UnixMilli())
		}
	case "passwordExpired":
		return BoolValue(r.MustChange)
	case "state":
		if active := r.get("active"); active.kind == Bool && !active.Bool() {
			return StringValue("DISABLED")
		}
		return StringValue("ACTIVE")
	}
	return Value{}
}

func anyReference(list []Reference, from source, yield func(element) bool) bool {
	for i := range list {
		if yield(element{from: from, ref: &list[i]}) {
			return true
		}
	}
	return false
}

func anyValue(v Value, yield func(element) bool) bool {
	if v.kind != Array {
		return !v.Unassigned() && yield(element{value: v})
	}
	for _, item := range v.list {
		if !item.Unassigned() && yield(element{value: item}) {
			return true
		}
	}
	return false
}

// compare compares what the term asks for of one element: whether it has a
// value, and whether that satisfies the term.
func (f *Filter) compare(r *Resource, e element) (met, assigned bool) {
	b := f.bound
	if b.leaf == nil {
		return false, false
	}
	if e.from == fromMeta && b.leaf.Type == TypeDateTime && b.place.sub != nil {
		at := r.Created
		if b.place.sub.Name == "lastModified" {
			at = r.Modified
		}
		return f.Op == OpPr || order(f.Op, at.Compare(b.time)), true
	}
	if f.Op == OpPr {
		return b.present(r, e), true
	}
	v := e.value
	if b.place.sub != nil {
		v = b.part(r, e, b.place.sub)
		if b.defaultsToFalse() && v.IsNull() {
			v = BoolValue(false)
		}
	}
	if v.kind == Array { // only values of TypeAny have several here
		met = anyValue(v, func(e element) bool {
			assigned = true
			return f.satisfies(e.value)
		})
		return met, assigned
	}
	return f.satisfies(v), !v.Unassigned()
}

// defaultsToFalse says whether a value that is not there counts as false:
// primary (RFC 7643 2.4).
func (b *operand) defaultsToFalse() bool {
	return b.place.sub != nil && b.place.sub.Name == "primary" && b.leaf.Type == TypeBoolean && b.place.attr.MultiValued
}

// part returns the sub-attribute of an element.
func (b *operand) part(r *Resource, e element, sub *Attribute) Value {
	switch e.from {
	case fromMeta:
		return b.meta(r, sub.Name)
	case fromPopulation:
		if sub.Name == "id" {
			return StringValue(r.Population)
		}
		return Value{}
	case fromGroups, fromMembers:
		return b.end(e, sub.Name)
	}
	if sub.Name == "displayName" && b.place.path.isOf(ManagerAttribute) {
		if r.Manager == nil {
			return Value{}
		}
		return StringValue(r.Manager.Display)
	}
	v := e.value
	for name := range strings.SplitSeq(sub.Name, "\x00") { // see FilterOptions.Exact
		v = v.Object().Get(name)
	}
	if v.IsNull() && sub.Name == "$ref" && b.link {
		if id := e.value.Object().Get("value"); id.kind == String {
			return StringValue(b.location("User", id.text)) // manager is the only one that is stored
		}
	}
	return v
}

func (b *operand) meta(r *Resource, name string) Value {
	switch name {
	case "resourceType":
		return StringValue(b.t.Name)
	case "created":
		return StringValue(FormatTime(r.Created))
	case "lastModified":
		return StringValue(FormatTime(r.Modified))
	case "location":
		return StringValue(b.location(b.t.Name, r.ID))
	case "version":
		return StringValue(`W/"` + strconv.FormatInt(r.Version, 10) + `"`)
	}
	return Value{}
}

// end returns a sub-attribute of one end of a membership.
func (b *operand) end(e element, name string) Value {
	switch name {
	case "value":
		return StringValue(e.ref.ID)
	case "display":
		return StringValue(e.ref.Display)
	case "$ref":
		return StringValue(b.location(e.ref.Type, e.ref.ID))
	case "type":
		switch {
		case e.from == fromMembers:
			return StringValue(e.ref.Type)
		case e.ref.Indirect:
			return StringValue("indirect")
		}
		return StringValue("direct")
	}
	return Value{}
}

// location returns the URL of a resource.
func (b *operand) location(typ, id string) string {
	endpoint := "/" + typ + "s"
	if typ == b.t.Name {
		endpoint = b.t.Endpoint
	}
	if b.base == "" {
		return strings.TrimPrefix(endpoint, "/") + "/" + id
	}
	return strings.TrimSuffix(b.base, "/") + endpoint + "/" + id
}

// present decides pr for one element.
func (b *operand) present(r *Resource, e element) bool {
	switch {
	case b.place.sub != nil:
		return present(b.part(r, e, b.place.sub))
	case e.from != fromDocument:
		return true
	}
	return present(e.value)
}

// present reports whether v is a value other than the empty string, or has one within.
func present(v Value) bool {
	switch v.kind {
	case Null:
		return false
	case String:
		return v.text != ""
	case Array:
		return slices.ContainsFunc(v.list, present)
	case ObjectKind:
		return slices.ContainsFunc(v.obj.Members, func(m Member) bool { return present(m.Value) })
	}
	return true
}

// satisfies compares one value with the operand.
func (f *Filter) satisfies(v Value) bool {
	b := f.bound
	if v.kind != f.Value.kind {
		return false
	}
	switch {
	case v.kind == Bool:
		return (v.text == f.Value.text) == (f.Op != OpNe) && !f.Op.orders()
	case v.kind == Number:
		op := f.Op
		if op == OpCo || op == OpSw || op == OpEw { // of TypeAny: numbers have no parts (aic AIC-144)
			op = OpEq
		}
		return order(op, compareNumbers(v.text, f.Value.text))
	case v.kind != String:
		return false
	case b.leaf.Type == TypeDateTime:
		at, err := ParseDateTime(v.text)
		return err == nil && order(f.Op, at.Compare(b.time))
	}
	key := b.valueKey(v.text, f.Op)
	switch f.Op {
	case OpCo:
		return strings.Contains(key, b.key)
	case OpSw:
		return strings.HasPrefix(key, b.key)
	case OpEw:
		return strings.HasSuffix(key, b.key)
	}
	return order(f.Op, strings.Compare(key, b.key))
}

// valueKey returns the form in which a stored string is compared. References to
// resources are equal with and without the base URL and its version segment
// (RFC 7643 2.4).
func (b *operand) valueKey(s string, op Op) string {
	if b.link && (op == OpEq || op == OpNe) {
		return linkKey(s)
	}
	return b.leaf.Key(s)
}

// operandKey returns the form of what is compared with. A part of a user name
// may begin and end with a blank, which its key alone does not have.
func (b *operand) operandKey(s string, op Op) string {
	key := b.valueKey(s, op)
	if !b.leaf.Prepared || op != OpCo && op != OpSw && op != OpEw {
		return key
	}
	if op != OpEw && strings.HasSuffix(s, " ") && (key != "" || op == OpCo) {
		key += " "
	}
	if op != OpSw && strings.HasPrefix(s, " ") && strings.TrimSpace(key) != "" {
		key = " " + key
	}
	return key
}

// linkKey returns the last two segments of a URL: endpoint and id.
func linkKey(url string) string {
	if i := strings.IndexAny(url, "?#"); i >= 0 {
		url = url[:i]
	}
	url = strings.TrimRight(url, "/")
	if i := strings.LastIndexByte(url, '/'); i >= 0 {
		return url[strings.LastIndexByte(url[:i], '/')+1:]
	}
	return url
}

// order reports whether op holds of two values that compare as c.
func order(op Op, c int) bool {
	switch op {
	case OpEq:
		return c == 0
	case OpNe:
		return c != 0
	case OpGt:
		return c > 0
	case OpGe:
		return c >= 0
	case OpLt:
		return c < 0
	case OpLe:
		return c <= 0
	}
	return false
}

// compareNumbers compares two JSON numbers by their digits, so that no integer
// is rounded.
func compareNumbers(a, b string) int {
	x, y := readNumber(a), readNumber(b)
	if x.sign != y.sign {
		return x.sign - y.sign
	}
	c := x.exponent - y.exponent
	for i := 0; c == 0 && (i < len(x.digits) || i < len(y.digits)); i++ {
		c = int(digit(x.digits, i)) - int(digit(y.digits, i))
	}
	return x.sign * min(max(c, -1), 1)
}

func digit(digits string, i int) byte {
	if i < len(digits) {
		return digits[i]
	}
	return '0'
}

// A number is sign × 0.digits × 10^exponent; the first digit is not 0.
type number struct {
	sign     int // -1, 0, 1
	digits   string
	exponent int
}

// readNumber takes a JSON number apart.
func readNumber(s string) number {
	n := number{sign: 1}
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		n.sign, s = -1, rest
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, _ := strconv.Atoi(s[i+1:]) // out of range it gives the nearest int
		n.exponent, s = min(max(e, -1<<30), 1<<30), s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	n.exponent += len(whole)
	n.digits = whole + fraction
	trimmed := strings.TrimLeft(n.digits, "0")
	n.exponent -= len(n.digits) - len(trimmed)
	if n.digits = trimmed; trimmed == "" {
		return number{}
	}
	return n
}

// IndexKey returns what a value of the attribute is indexed by, such that the
// values that [Filter.Match] holds equal have one key, and keys are in the order
// of their values. ok is false for what is not a value of the attribute's type,
// and for the types that have no key: complex and any.
func (a *Attribute) IndexKey(v Value) (key string, ok bool) {
	switch a.Type {
	case TypeString, TypeReference, TypeBinary:
		return a.Key(v.text), v.kind == String
	case TypeBoolean:
		if v.Bool() {
			return "t", true
		}
		return "f", v.kind == Bool
	case TypeDateTime:
		at, err := ParseDateTime(v.text)
		return at.UTC().Format("2006-01-02T15:04:05.000000000Z"), err == nil && v.kind == String
	case TypeInteger, TypeDecimal:
		return readNumber(v.text).key(), v.kind == Number
	}
	return "", false
}

// key writes the number such that strings are in the order of the numbers:
// exponent before digits, and for negative numbers the complement of both.
func (n number) key() string {
	const bias = 1 << 32
	switch digits := strings.TrimRight(n.digits, "0"); n.sign {
	case 1:
		return "p" + strconv.Itoa(bias+n.exponent) + "." + digits
	case -1:
		complement := strings.Map(func(r rune) rune { return '0' + '9' - r }, digits)
		return "n" + strconv.Itoa(bias-n.exponent) + "." + complement + "~"
	}
	return "o"
}
