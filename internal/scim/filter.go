package scim

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// An Op is an operator of a [Filter].
type Op uint8

// The operators of RFC 7644 3.4.2.2. OpHas is a value path, attr[filter];
// OpTrue and OpFalse are literals of Common REST.
const (
	OpAnd Op = iota + 1
	OpOr
	OpNot
	OpHas
	OpPr
	OpEq
	OpNe
	OpCo
	OpSw
	OpEw
	OpGt
	OpGe
	OpLt
	OpLe
	OpTrue
	OpFalse
)

// words are the operators as SCIM writes them, in lower case.
var words = [...]string{
	OpAnd: "and", OpOr: "or", OpNot: "not", OpPr: "pr",
	OpEq: "eq", OpNe: "ne", OpCo: "co", OpSw: "sw", OpEw: "ew",
	OpGt: "gt", OpGe: "ge", OpLt: "lt", OpLe: "le",
	OpTrue: "true", OpFalse: "false",
}

// String returns the operator as SCIM writes it.
func (op Op) String() string {
	if int(op) < len(words) && words[op] != "" {
		return words[op]
	}
	return "op(" + strconv.Itoa(int(op)) + ")"
}

// orders reports whether op asks which of two values comes first.
func (op Op) orders() bool { return op >= OpGt && op <= OpLe }

// A Filter is a condition on resources: a tree whose leaves compare. Doors
// parse their own grammar into it; the meaning is one for all, see
// [ResourceType.Resolve] and [Filter.Match].
type Filter struct {
	Op    Op
	Args  []*Filter // OpAnd, OpOr: two or more; OpNot, OpHas: one (for OpHas on the elements of Path)
	Path  Path      // OpHas and comparisons; within OpHas relative to the element
	Value Value     // comparisons but OpPr

	column int32    // 1-based place in the text that was parsed; 0 when unknown
	bound  *operand // what Resolve made of Value
}

// FilterOptions say how filters and paths are read and resolved. The zero
// FilterOptions are RFC 7644 to the letter.
type FilterOptions struct {
	// Rewrites take what the grammar does not but clients are known to send:
	// filter-loose, bool-strings, ext-bare, urn-dot, query-loose. Loose is all of
	// them.
	Rewrites Rewrites
	Loose    bool
	// SCIM11 is the grammar of SCIM 1.1, which has no value paths, and its
	// comparison, in which only externalId and binary values are case-exact.
	SCIM11 bool
	// Fired, if set, is told the name of each rewrite as it is used.
	Fired func(rewrite string)
	// Unknown makes an attribute that the resource type does not have one
	// without a value instead of a fault: a query over several types (RFC 7644
	// 3.4.2.1), Common REST.
	Unknown bool
	// Exact takes a path in an extension as it is, whatever characters are in its
	// names, and leads from a value of TypeAny to one within it through all the
	// names that Sub holds, separated by NUL: Common REST.
	Exact bool
	// Base is the URL under which the door serves resources, as
	// https://host/scim/v2: what meta.location and $ref start with. Without it
	// they are relative.
	Base string

	// Limits of the text; 0 is the default.
	MaxLength int // bytes, 8192
	MaxDepth  int // of parentheses and brackets, 20
	MaxTerms  int // comparisons, 50
}

func (o *FilterOptions) allows(r Rewrites) bool { return o.Loose || o.Rewrites.Has(r) }

func (o *FilterOptions) fire(r Rewrites) {
	if o.Fired != nil {
		o.Fired(r.String())
	}
}

// ParseFilter reads a filter of RFC 7644 3.4.2.2. The names in it are not
// looked up yet: [ResourceType.Resolve] does that.
//
// Errors: RuleFilter with the reason in Detail and the place in Column; Value
// is the operator if it is an unknown one, Allowed[0] the limit if there is one.
func ParseFilter(text string, o FilterOptions) (*Filter, error) {
	p := newFilterParser(text, o)
	if len(text) > p.o.MaxLength {
		return nil, p.limit(p.o.MaxLength, p.o.MaxLength, "bytes")
	}
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.blanks(); p.pos < len(p.text) {
		return nil, p.unexpected("and, or or the end")
	}
	return f, nil
}

// A filterParser descends recursively, never deeper than its limit allows.
type filterParser struct {
	text   string
	pos    int
	o      FilterOptions
	depth  int
	terms  int
	inside bool // between [ and ]
}

func newFilterParser(text string, o FilterOptions) *filterParser {
	o.MaxLength = cmp.Or(o.MaxLength, 8192)
	o.MaxDepth = cmp.Or(o.MaxDepth, 20)
	o.MaxTerms = cmp.Or(o.MaxTerms, 50)
	return &filterParser{text: text, o: o}
}

func (p *filterParser) loose() bool { return p.o.allows(RewriteFilterLoose) }

func (p *filterParser) fail(pos int, format string, args ...any) *Error {
	return &Error{Rule: RuleFilter, Detail: fmt.Sprintf(format, args...), Column: p.column(pos)}
}

func (p *filterParser) column(pos int) int { return utf8.RuneCountInString(p.text[:pos]) + 1 }

func (p *filterParser) limit(pos, limit int, what string) *Error {
	e := p.fail(pos, "too complex: more than %d %s", limit, what)
	e.Allowed = []string{strconv.Itoa(limit)}
	return e
}

func (p *filterParser) unexpected(wanted string) *Error {
	if p.pos == len(p.text) {
		return p.fail(p.pos, "the filter ends where %s is expected", wanted)
	}
	w := p.word()
	if w == "" {
		r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
		w = string(r)
	}
	if len(w) > 40 {
		w = strings.ToValidUTF8(w[:40], "") + "..."
	}
	if p.secret() {
		return p.fail(p.pos, "something else where %s is expected", wanted)
	}
	return p.fail(p.pos, "%q where %s is expected", w, wanted)
}

// secret reports whether what the text says must not be repeated: it may have a
// password in it (scim USR-05).
func (p *filterParser) secret() bool { return strings.Contains(strings.ToLower(p.text), "password") }

// blanks skips blanks and reports whether there were any.
func (p *filterParser) blanks() bool {
	start := p.pos
	for p.pos < len(p.text) && p.text[p.pos] == ' ' {
		p.pos++
	}
	return p.pos > start
}

// next reports whether c is next, without consuming it.
func (p *filterParser) next(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

// take consumes c if it is next.
func (p *filterParser) take(c byte) bool {
	if p.next(c) {
		p.pos++
		return true
	}
	return false
}

// word returns the name or operator that is next, without consuming it.
func (p *filterParser) word() string {
	rest := p.text[p.pos:]
	if i := strings.IndexAny(rest, ` ()[]"'`); i >= 0 {
		return rest[:i]
	}
	return rest
}

func (p *filterParser) or() (*Filter, error) { return p.chain(OpOr, p.and) }

func (p *filterParser) and() (*Filter, error) { return p.chain(OpAnd, p.unary) }

// chain reads operands that are joined by op.
func (p *filterParser) chain(op Op, operand func() (*Filter, error)) (*Filter, error) {
	first, err := operand()
	if err != nil {
		return nil, err
	}
	args := []*Filter{first}
	for p.joined(op) {
		f, err := operand()
		if err != nil {
			return nil, err
		}
		args = append(args, f)
	}
	if len(args) == 1 {
		return first, nil
	}
	return &Filter{Op: op, Args: args, column: first.column}, nil
}

// joined consumes the word of op if it is next, with a blank on either side.
func (p *filterParser) joined(op Op) bool {
	start := p.pos
	if p.blanks() {
		if w := p.word(); strings.EqualFold(w, words[op]) {
			p.pos += len(w)
			if p.next(' ') || p.pos == len(p.text) {
				return true
			}
		}
	}
	p.pos = start
	return false
}

// unary reads not (filter), (filter) or a term. RFC 7644 lets not stand before
// a parenthesis only, with or without a blank (reported erratum 7319).
func (p *filterParser) unary() (*Filter, error) {
	p.blanks()
	start := p.pos
	if w := p.word(); strings.EqualFold(w, "not") {
		p.pos += len(w)
		p.blanks()
		if !p.next('(') {
			return nil, p.unexpected("a parenthesis after not")
		}
		f, err := p.group(')')
		if err != nil {
			return nil, err
		}
		return &Filter{Op: OpNot, Args: []*Filter{f}, column: int32(p.column(start))}, nil
	}
	if p.next('(') {
		return p.group(')')
	}
	return p.term()
}

// group reads a filter between the bracket that is next and its counterpart.
func (p *filterParser) group(end byte) (*Filter, error) {
	if p.depth++; p.depth > p.o.MaxDepth {
		return nil, p.limit(p.pos, p.o.MaxDepth, "levels of nesting")
	}
	p.pos++
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	p.blanks()
	if !p.take(end) {
		return nil, p.unexpected("and, or or " + string(end))
	}
	p.depth--
	return f, nil
}

// term reads a comparison, name op value or name pr, or a value path.
func (p *filterParser) term() (*Filter, error) {
	start := p.pos
	w := p.word()
	if w == "" {
		return nil, p.unexpected("an attribute name")
	}
	path, ok := splitPath(w)
	if !ok {
		return nil, p.unexpected("an attribute name")
	}
	p.pos += len(w)
	f := &Filter{Path: path, column: int32(p.column(start))}
	if p.next('[') {
		return p.valuePath(f)
	}
	return f, p.comparison(f)
}

// comparison reads the operator and the value after the name of f.
func (p *filterParser) comparison(f *Filter) error {
	if p.terms++; p.terms > p.o.MaxTerms {
		return p.limit(int(f.column)-1, p.o.MaxTerms, "comparisons")
	}
	if !p.blanks() && p.pos < len(p.text) {
		return p.unexpected("a blank")
	}
	start, w := p.pos, p.word()
	if w == "" {
		return p.unexpected("an operator")
	}
	for op := OpPr; op <= OpLe; op++ {
		if strings.EqualFold(w, words[op]) {
			f.Op = op
		}
	}
	if f.Op == 0 {
		if p.secret() {
			return p.fail(start, "unknown operator")
		}
		e := p.fail(start, "unknown operator %q", w)
		e.Value = w
		return e
	}
	p.pos += len(w)
	if f.Op == OpPr {
		return p.boundary()
	}
	if !p.blanks() && p.pos < len(p.text) {
		if !p.loose() || !p.next('"') && !p.next('\'') {
			return p.unexpected("a blank")
		}
		p.o.fire(RewriteFilterLoose)
	}
	var err error
	if f.Value, err = p.value(); err != nil {
		return err
	}
	return p.boundary()
}

// boundary checks that a term does not run into what follows it.
func (p *filterParser) boundary() error {
	if p.pos == len(p.text) || strings.IndexByte(" )]", p.text[p.pos]) >= 0 {
		return nil
	}
	return p.unexpected("a blank")
}

// valuePath reads [filter] after the name of f. Loose, it takes
// name[filter].sub op value as well, which the grammar has for PATCH only, and
// makes it name[filter and sub op value].
func (p *filterParser) valuePath(f *Filter) (*Filter, error) {
	if p.o.SCIM11 {
		return nil, p.fail(p.pos, "value paths are not part of SCIM 1.1")
	}
	if p.inside {
		return nil, p.fail(p.pos, "a value path within a value path")
	}
	f.Op = OpHas
	p.inside = true
	arg, err := p.group(']')
	if err != nil {
		return nil, err
	}
	p.inside = false
	if p.loose() && p.next('.') {
		start := p.pos
		p.pos++
		sub := p.word()
		if !isName(sub) {
			return nil, p.unexpected("a sub-attribute name")
		}
		p.pos += len(sub)
		more := &Filter{Path: Path{Attr: sub}, column: int32(p.column(start + 1))}
		if err := p.comparison(more); err != nil {
			return nil, err
		}
		p.o.fire(RewriteFilterLoose)
		arg = both(arg, more)
	}
	f.Args = []*Filter{arg}
	return f, p.boundary()
}

// both returns the filter that f and g hold together.
func both(f, g *Filter) *Filter {
	if f.Op == OpAnd {
		return &Filter{Op: OpAnd, Args: append(f.Args[:len(f.Args):len(f.Args)], g), column: f.column}
	}
	return &Filter{Op: OpAnd, Args: []*Filter{f, g}, column: f.column}
}

// value reads a JSON string, number, true, false or null; loose, also a string
// in single quotes, a word without any, and the literals in other cases.
func (p *filterParser) value() (Value, error) {
	start := p.pos
	if p.next('"') || p.loose() && p.next('\'') {
		return p.quoted(p.text[start])
	}
	end := len(p.text)
	if i := strings.IndexAny(p.text[start:], ` ()[]"`); i >= 0 {
		end = start + i
	}
	w := p.text[start:end]
	v := Value{pos: int32(start) + 1}
	switch lower := strings.ToLower(w); {
	case w == "":
		return Value{}, p.unexpected("a value")
	case isNumber(w):
		v.kind, v.text = Number, w
	case w == "null" || p.loose() && lower == "null":
	case w == "true" || w == "false" || p.loose() && (lower == "true" || lower == "false"):
		v.kind, v.text = Bool, lower
	case !p.loose() || !utf8.ValidString(w) || strings.ContainsFunc(w, isControl):
		return Value{}, p.unexpected("a value (a JSON string, number, true, false or null)")
	default:
		v.kind, v.text = String, w
	}
	if p.pos = end; v.kind == String || w != lowerLiteral(v) {
		p.o.fire(RewriteFilterLoose)
	}
	return v, nil
}

// lowerLiteral returns the text of v in a strict filter, strings aside.
func lowerLiteral(v Value) string {
	if v.kind == Null {
		return "null"
	}
	return v.text
}

// quoted reads the string whose opening quote is next.
func (p *filterParser) quoted(quote byte) (Value, error) {
	start := p.pos
	end := start + 1
	for end < len(p.text) && p.text[end] != quote {
		if p.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.text) {
		return Value{}, p.fail(start, "the string has no closing quote")
	}
	inner := p.text[start+1 : end]
	if quote == '\'' {
		inner = strings.ReplaceAll(strings.ReplaceAll(inner, `\'`, `'`), `"`, `\"`)
	}
	s, err := jsontext.AppendUnquote(nil, `"`+inner+`"`)
	if err != nil {
		return Value{}, p.fail(start, "not a JSON string: %v", err)
	}
	// Nothing stored holds a NUL, and PostgreSQL does not even take one as a parameter.
	if strings.IndexByte(string(s), 0) >= 0 {
		return Value{}, p.fail(start, "a NUL character")
	}
	if quote == '\'' {
		p.o.fire(RewriteFilterLoose)
	}
	p.pos = end + 1
	return Value{kind: String, text: string(s), pos: int32(start) + 1}, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// isNumber reports whether s is a number of JSON (RFC 8259 6).
func isNumber(s string) bool {
	digits := func() bool {
		n := len(s)
		s = strings.TrimLeft(s, "0123456789")
		return len(s) < n
	}
	s = strings.TrimPrefix(s, "-")
	if zero, ok := strings.CutPrefix(s, "0"); ok {
		s = zero
	} else if !digits() {
		return false
	}
	if fraction, ok := strings.CutPrefix(s, "."); ok {
		if s = fraction; !digits() {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		if s = s[1:]; s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return s == ""
}

// String returns the filter in the grammar of RFC 7644, such that
// [ParseFilter] reads the same tree from it. OpTrue and OpFalse, which that
// grammar cannot say, are true and false.
func (f *Filter) String() string { return string(f.appendText(nil)) }

func (f *Filter) appendText(b []byte) []byte {
	switch f.Op {
	case OpAnd, OpOr:
		for i, arg := range f.Args {
			if i > 0 {
				b = append(append(append(b, ' '), words[f.Op]...), ' ')
			}
			if arg.Op == OpOr || arg.Op == f.Op {
				b = append(arg.appendText(append(b, '(')), ')')
			} else {
				b = arg.appendText(b)
			}
		}
		return b
	case OpNot:
		return append(f.Args[0].appendText(append(b, "not ("...)), ')')
	case OpHas:
		return append(f.Args[0].appendText(append(append(b, f.Path.String()...), '[')), ']')
	case OpTrue, OpFalse:
		return append(b, words[f.Op]...)
	}
	b = append(append(append(b, f.Path.String()...), ' '), f.Op.String()...)
	if f.Op == OpPr {
		return b
	}
	b = append(b, ' ')
	if f.Value.kind == String {
		b, _ = jsontext.AppendQuote(b, f.Value.text) // an error only says that bad UTF-8 was replaced
		return b
	}
	return append(b, lowerLiteral(f.Value)...)
}

// terms returns how many comparisons f holds; 0 for nil.
func (f *Filter) terms() int {
	switch {
	case f == nil:
		return 0
	case len(f.Args) == 0:
		return 1
	}
	n := 0
	for _, arg := range f.Args {
		n += arg.terms()
	}
	return n
}

// Equal reports whether f and g are the same tree, wherever they were read.
func (f *Filter) Equal(g *Filter) bool {
	if f == nil || g == nil {
		return f == g
	}
	if f.Op != g.Op || len(f.Args) != len(g.Args) || f.Path.String() != g.Path.String() || !Equal(f.Value, g.Value) {
		return false
	}
	for i := range f.Args {
		if !f.Args[i].Equal(g.Args[i]) {
			return false
		}
	}
	return true
}
