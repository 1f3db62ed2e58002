package crest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// Limits of a filter.
const (
	maxFilter = 8_192 // bytes
	maxDepth  = 256   // of parentheses (AIC-153)
	maxTerms  = 256   // comparisons
)

// operators are those of the grammar (AIC-136); the ones not here do not exist
// (AIC-151). in is taken apart where it is read.
var operators = map[string]scim.Op{
	"eq": scim.OpEq, "co": scim.OpCo, "sw": scim.OpSw,
	"lt": scim.OpLt, "le": scim.OpLe, "gt": scim.OpGt, "ge": scim.OpGe,
}

// parseFilter reads a _queryFilter (AIC-136 to AIC-154) for objects of the kind.
func (k *kind) parseFilter(text string) (*scim.Filter, error) {
	if len(text) > maxFilter {
		return nil, badFilter("longer than " + strconv.Itoa(maxFilter) + " bytes")
	}
	p := &filterParser{kind: k, text: text}
	p.next()
	f, err := p.or()
	switch {
	case err != nil:
		return nil, err
	case p.token != "" || p.quoted:
		return nil, badFilter("text after its end")
	}
	return f, nil
}

func badFilter(detail string) error {
	return badRequest(scim.RuleFilter, "A value could not be parsed as a valid query filter").because(detail)
}

// A filterParser descends recursively, never deeper than maxDepth.
type filterParser struct {
	kind  *kind
	text  string // what is not read yet
	depth int
	terms int

	// The token that is next: empty and not quoted at the end.
	token  string
	quoted bool
	broken bool // the closing quotation mark is missing
}

// A token is a parenthesis, a string in quotation marks, in which a backslash
// stands for the character after it (AIC-140), or what stands before the next
// blank or parenthesis. Only blanks separate (AIC-138).
var (
	tokenPattern = regexp.MustCompile(`(?s)^ *(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([()]|[^ ()"'][^ ()]*))`)
	escaped      = regexp.MustCompile(`(?s)\\(.)`)
)

// next reads a token.
func (p *filterParser) next() {
	at := tokenPattern.FindStringSubmatch(p.text)
	if at == nil {
		p.broken = strings.Trim(p.text, " ") != ""
		p.token, p.quoted, p.text = "", p.broken, ""
		return
	}
	p.text = p.text[len(at[0]):]
	if p.token, p.quoted = at[3], at[3] == ""; p.quoted {
		p.token = escaped.ReplaceAllString(at[1]+at[2], "$1")
	}
}

// is reports whether the next token is the word or sign, in any letter case (AIC-137).
func (p *filterParser) is(word string) bool { return !p.quoted && strings.EqualFold(p.token, word) }

func (p *filterParser) or() (*scim.Filter, error) { return p.chain("or", scim.OpOr, p.and) }

func (p *filterParser) and() (*scim.Filter, error) { return p.chain("and", scim.OpAnd, p.not) }

// chain reads operands that are joined by the word.
func (p *filterParser) chain(word string, op scim.Op, operand func() (*scim.Filter, error)) (*scim.Filter, error) {
	var args []*scim.Filter
	for {
		f, err := operand()
		if err != nil {
			return nil, err
		}
		args = append(args, f)
		if !p.is(word) {
			return join(op, args...), nil
		}
		p.next()
	}
}

func (p *filterParser) not() (*scim.Filter, error) {
	if !p.is("!") {
		return p.primary()
	}
	p.next()
	f, err := p.primary()
	return negate(f), err
}

func (p *filterParser) primary() (*scim.Filter, error) {
	switch {
	case p.quoted, p.token == "", p.token == ")":
		return nil, badFilter("a condition is missing")
	case p.token == "(":
		return p.group()
	case p.is("true"), p.is("false"):
		f := never()
		if p.is("true") {
			f.Op = scim.OpTrue
		}
		p.next()
		return f, nil
	}
	return p.term()
}

func (p *filterParser) group() (*scim.Filter, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, badFilter("nested deeper than " + strconv.Itoa(maxDepth))
	}
	p.next()
	f, err := p.or()
	switch {
	case err != nil:
		return nil, err
	case p.quoted || p.token != ")":
		return nil, badFilter("a closing parenthesis is missing")
	}
	p.next()
	p.depth--
	return f, nil
}

var extendedOperator = regexp.MustCompile(`^[a-zA-Z_0-9.]+$`)

// term reads a comparison.
func (p *filterParser) term() (*scim.Filter, error) {
	if p.terms++; p.terms > maxTerms {
		return nil, badFilter("more than " + strconv.Itoa(maxTerms) + " comparisons")
	}
	at, ok := parsePointer(p.token)
	if !ok {
		return nil, badFilter("not a JSON pointer: " + p.token)
	}
	p.next()
	if p.quoted || !extendedOperator.MatchString(p.token) {
		return nil, badFilter("an operator is missing")
	}
	word := p.token
	p.next()
	if strings.EqualFold(word, "pr") {
		return p.kind.term(at, scim.OpPr, scim.Value{}), nil
	}
	op, known := operators[strings.ToLower(word)]
	if !known && !strings.EqualFold(word, "in") {
		return nil, badRequest(scim.RuleFilter, "unrecognized or unsupported filter operator '%s'", word)
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	if !known {
		return p.in(at, v)
	}
	return p.kind.term(at, op, v), nil
}

var decimal = regexp.MustCompile(`^-?[0-9]{1,40}\.[0-9]{1,40}([eE][+-]?[0-9]{1,3})?$`)

// value reads a string, a number, true or false (AIC-141).
func (p *filterParser) value() (scim.Value, error) {
	v := scim.StringValue(p.token)
	n, err := strconv.ParseInt(p.token, 10, 64)
	switch {
	case p.broken:
		return v, badFilter("a quotation mark is missing")
	case p.quoted:
	case p.is("true"), p.is("false"):
		v = scim.BoolValue(p.is("true"))
	case decimal.MatchString(p.token):
		v = scim.NumberValue(p.token)
	case err != nil:
		return v, badFilter("not a value: " + p.token)
	default:
		v = scim.IntValue(n)
	}
	p.next()
	return v, nil
}

// in reads the list that a string holds: field in '["a","b"]' (AIC-152).
func (p *filterParser) in(at pointer, v scim.Value) (*scim.Filter, error) {
	list, err := scim.Read([]byte(v.Text()), scim.Limits{Depth: 1})
	if err != nil || v.Kind() != scim.String || list.Kind() != scim.Array {
		return nil, badFilter("the value of in is not a JSON array in quotation marks")
	}
	if of := p.kind.property(at[0]); of != nil && (len(at) > 1 || of.form != text) {
		return nil, badFilter("in is for properties with one string")
	}
	any := []*scim.Filter{}
	for _, item := range list.List() {
		if p.terms++; p.terms > maxTerms || item.Kind() != scim.String {
			return nil, badFilter("the list of in holds too many values, or other than strings")
		}
		any = append(any, p.kind.term(at, scim.OpEq, item))
	}
	return join(scim.OpOr, any...), nil
}

func never() *scim.Filter { return &scim.Filter{Op: scim.OpFalse} }

func negate(f *scim.Filter) *scim.Filter {
	return &scim.Filter{Op: scim.OpNot, Args: []*scim.Filter{f}}
}

// join joins conditions by and or or; none of them hold no object.
func join(op scim.Op, args ...*scim.Filter) *scim.Filter {
	switch len(args) {
	case 0:
		return never()
	case 1:
		return args[0]
	}
	return &scim.Filter{Op: op, Args: args}
}

func has(attr string, f *scim.Filter) *scim.Filter {
	return &scim.Filter{Op: scim.OpHas, Path: scim.Path{Attr: attr}, Args: []*scim.Filter{f}}
}

// term returns the canonical filter for a comparison with the value at a
// pointer. What no object has matches nothing (AIC-149), and so does what is
// not shown (AIC-150) or computed, and the targets of relationships.
func (k *kind) term(at pointer, op scim.Op, v scim.Value) *scim.Filter {
	p := k.property(at[0])
	switch {
	case at[0] == "_id" && len(at) == 1:
		return k.idTerm(op, v)
	case k.hidden(at):
		return never()
	case p == nil, p.extended() && len(at) > 1:
		return compare(k.inExtension(at), anything, op, v)
	case p.extended():
		return compare(k.inExtension(at), p.form, op, v)
	case p.name == "accountStatus":
		return statusTerm(op, v)
	case p.of != nil && comparable(p.form, v, op):
		return p.elementTerm(op, v)
	}
	return compare(p.home, p.form, op, v)
}

// hidden reports whether no object has a value at the pointer for filters and
// sort keys.
func (k *kind) hidden(at pointer) bool {
	p := k.property(at[0])
	switch {
	case at[0] == "_id", at[0] == "_rev":
		return true
	case p == nil:
		// Names are case-sensitive here (AIC-137), but not in the schema below.
		return slices.ContainsFunc(k.properties, func(p *property) bool { return strings.EqualFold(p.name, at[0]) })
	case p.is(private | readOnly), p.form.isRelation(), len(at) > 1 && !p.extended():
		return true
	}
	for _, name := range at[1:] {
		if m := find(p.members, name); m != nil && m.is(private) {
			return true
		}
	}
	return false
}

// inExtension returns the path of what the extension holds at the pointer.
func (k *kind) inExtension(at pointer) scim.Path {
	return scim.Path{Schema: k.extension, Attr: at[0], Sub: strings.Join(at[1:], "\x00")}
}

// comparable reports whether values of the form can match v (AIC-144).
func comparable(f form, v scim.Value, op scim.Op) bool {
	kind, ok := map[form]scim.Kind{text: scim.String, texts: scim.String, number: scim.Number}[f]
	return !ok || op == scim.OpPr || v.Kind() == kind
}

// compare returns the comparison of the attribute at path, whose values are of
// the form.
func compare(path scim.Path, f form, op scim.Op, v scim.Value) *scim.Filter {
	one := func(op scim.Op, v scim.Value) *scim.Filter { return &scim.Filter{Op: op, Path: path, Value: v} }
	switch {
	case !comparable(f, v, op):
		return never()
	case op == scim.OpPr && (f == text || f == anything):
		// An empty text is there (AIC-146), which it is not in SCIM.
		return join(scim.OpOr, one(op, v), one(scim.OpEq, scim.StringValue("")))
	case v.Kind() == scim.Number && (op == scim.OpCo || op == scim.OpSw):
		return one(scim.OpEq, v)
	case v.Kind() == scim.Bool:
		return compareBool(one, op, v.Bool())
	}
	return one(op, v)
}

// compareBool compares with true or false, of which false is the lesser; co and
// sw are eq (AIC-144).
func compareBool(one func(scim.Op, scim.Value) *scim.Filter, op scim.Op, v bool) *scim.Filter {
	if op == scim.OpCo || op == scim.OpSw {
		op = scim.OpEq
	}
	var any []*scim.Filter
	for _, b := range []bool{true, false} {
		if holds(strconv.FormatBool(b), op, strconv.FormatBool(v)) { // as words they are in that order, too
			any = append(any, one(scim.OpEq, scim.BoolValue(b)))
		}
	}
	return join(scim.OpOr, any...)
}

// elementTerm compares the element that the property shows. Of several of
// which none is primary nor of the preferred type it may be any: a filter
// cannot say which is the first.
func (p *property) elementTerm(op scim.Op, v scim.Value) *scim.Filter {
	attr := p.home.Attr
	is := func(sub string, v scim.Value) *scim.Filter {
		return &scim.Filter{Op: scim.OpEq, Path: scim.Path{Attr: sub}, Value: v}
	}
	value := compare(scim.Path{Attr: p.home.Sub}, p.form, op, v)
	anyOf := compare(p.home, p.form, op, v)
	shown := anyOf
	choose := func(mark *scim.Filter) {
		shown = join(scim.OpOr, has(attr, join(scim.OpAnd, mark, value)), join(scim.OpAnd, negate(has(attr, mark)), shown))
	}
	if p.of.prefer {
		choose(is("type", scim.StringValue(p.of.typ)))
	}
	choose(is("primary", scim.BoolValue(true)))
	// The first condition is there for an index.
	return join(scim.OpAnd, anyOf, shown)
}

// idTerm compares the _id. That of a group is its name, where a path can hold
// the name; the UUID is another name of it.
func (k *kind) idTerm(op scim.Op, v scim.Value) *scim.Filter {
	id := compare(scim.Path{Attr: "id"}, text, op, v)
	if !k.named || op == scim.OpPr {
		return id
	}
	home := k.property("name").home
	name := compare(home, text, op, v)
	if op == scim.OpEq {
		return join(scim.OpOr, name, id)
	}
	slash := compare(home, text, scim.OpCo, scim.StringValue("/"))
	return join(scim.OpOr, join(scim.OpAnd, name, negate(slash)), join(scim.OpAnd, slash, id))
}

// statusTerm compares accountStatus, which is kept as the canonical active and,
// for words that are neither active nor inactive, in the extension.
func statusTerm(op scim.Op, v scim.Value) *scim.Filter {
	if op == scim.OpPr {
		return &scim.Filter{Op: scim.OpTrue}
	}
	if v.Kind() != scim.String {
		return never()
	}
	is := func(active bool) *scim.Filter {
		return &scim.Filter{Op: scim.OpEq, Path: scim.Path{Attr: "active"}, Value: scim.BoolValue(active)}
	}
	inactive := is(false)
	other := scim.Path{Schema: users.extension, Attr: "accountStatus"}
	if op == scim.OpEq && strings.EqualFold(v.Text(), activeStatus) {
		return is(true)
	}
	any := []*scim.Filter{join(scim.OpAnd, inactive, &scim.Filter{Op: op, Path: other, Value: v})}
	if holds(activeStatus, op, v.Text()) {
		any = append(any, is(true))
	}
	if holds(inactiveStatus, op, v.Text()) {
		any = append(any, join(scim.OpAnd, inactive, negate(&scim.Filter{Op: scim.OpPr, Path: other})))
	}
	return join(scim.OpOr, any...)
}

// holds compares two texts, ignoring letter case (AIC-143).
func holds(a string, op scim.Op, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	switch order := strings.Compare(a, b); op {
	case scim.OpCo:
		return strings.Contains(a, b)
	case scim.OpSw:
		return strings.HasPrefix(a, b)
	case scim.OpEq:
		return order == 0
	case scim.OpLt, scim.OpLe:
		return order < 0 || order == 0 && op == scim.OpLe
	default:
		return order > 0 || order == 0 && op == scim.OpGe
	}
}
