package scim

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits bound what [Read] takes. A field that is zero stands for its default.
type Limits struct {
	Depth   int // objects and arrays within each other; 32
	Members int // of one object; 1,000
	Values  int // in the whole text; 250,000, which bounds the memory
	Name    int // bytes of a member's name; 1 KiB
	String  int // bytes of a string; 256 KiB, the most that any attribute takes

	// TrailingCommas takes a comma directly before } or ], white space between
	// allowed (rsa RSA-045).
	TrailingCommas bool
}

// maxNumber is the most characters of a number.
const maxNumber = 64

func (l Limits) withDefaults() Limits {
	orDefault := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	orDefault(&l.Depth, 32)
	orDefault(&l.Members, 1_000)
	orDefault(&l.Values, 250_000)
	orDefault(&l.Name, 1<<10)
	orDefault(&l.String, 256<<10)
	return l
}

// Read reads the one JSON value that data holds: RFC 8259 with what it leaves
// open decided. Names are unique in their object, also when letter case is
// ignored; text is valid UTF-8 without NUL and without halves of surrogate
// pairs; numbers are in the range of a float64 and keep their digits. A leading
// byte-order mark is ignored. Values know their offset in data.
//
// Every error is an *[Error] with its place: RuleEmptyBody, RuleJSON,
// RuleDuplicateMember, RuleTrailingData, RuleLimit.
func Read(data []byte, l Limits) (Value, error) {
	text := data
	if l.TrailingCommas {
		text = blankTrailingCommas(data)
	}
	v, err := newReader(text, l.withDefaults()).read()
	if err != nil {
		err.Locate(data)
		return Value{}, err
	}
	return v, nil
}

// ReadObject reads as [Read] does, and refuses what is not an object with
// RuleNotObject.
func ReadObject(data []byte, l Limits) (*Object, error) {
	v, err := Read(data, l)
	if err != nil {
		return nil, err
	}
	if v.kind != ObjectKind {
		fault := &Error{Rule: RuleNotObject, Offset: int(v.pos)}
		fault.Locate(data)
		return nil, fault
	}
	return v.obj, nil
}

// Place returns the line and the column of the byte at offset, both counted
// from 1. A column is a number of bytes; a leading byte-order mark does not
// count. Both are 0 for a negative offset.
func Place(data []byte, offset int) (line, column int) {
	if offset < 0 {
		return 0, 0
	}
	head := bytes.TrimPrefix(data[:min(offset, len(data))], byteOrderMark)
	start := bytes.LastIndexByte(head, '\n') + 1
	return 1 + bytes.Count(head[:start], []byte{'\n'}), 1 + len(head) - start
}

var byteOrderMark = []byte("\ufeff")

// A reader builds values from the tokens of one text. Strings without escapes
// are slices of one copy of the text.
type reader struct {
	dec    *jsontext.Decoder
	text   string // what dec reads
	base   int    // bytes before text
	limits Limits
	values int // read so far

	arena
}

func newReader(data []byte, l Limits) *reader {
	text := bytes.TrimPrefix(data, byteOrderMark)
	return &reader{
		// Names are compared here, because letter case makes no difference.
		dec:    jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true)),
		text:   string(text),
		base:   len(data) - len(text),
		limits: l,
		arena:  newArena(),
	}
}

func (r *reader) read() (Value, *Error) {
	if skipSpace(r.text, 0) == len(r.text) {
		return Value{}, r.fault(RuleEmptyBody, 0, "")
	}
	v, err := r.value(0)
	if err != nil {
		return Value{}, err
	}
	if end := skipSpace(r.text, r.end()); end < len(r.text) {
		return Value{}, r.fault(RuleTrailingData, end, "")
	}
	return v, nil
}

// value reads the next value, which is depth objects and arrays deep.
func (r *reader) value(depth int) (Value, *Error) {
	kind := r.dec.PeekKind()
	if r.values++; r.values > r.limits.Values {
		return Value{}, r.limit(r.next(), "values", r.limits.Values)
	}
	if (kind == '{' || kind == '[') && depth == r.limits.Depth {
		return Value{}, r.limit(r.next(), "depth", r.limits.Depth)
	}
	switch kind {
	case '{':
		return r.object(depth + 1)
	case '[':
		return r.array(depth + 1)
	}
	raw, start, err := r.token()
	if err != nil {
		return Value{}, err
	}
	v := Value{pos: int32(r.base + start + 1)}
	switch kind {
	case 't':
		v.kind, v.text = Bool, "true"
	case 'f':
		v.kind, v.text = Bool, "false"
	case '0':
		v.kind, v.text = Number, raw
		err = r.number(raw, start)
	case '"':
		v.kind = String
		v.text, err = r.unquote(raw, start)
		if err == nil && len(v.text) > r.limits.String {
			err = r.limit(start, "bytes of a string", r.limits.String)
		}
	}
	return v, err
}

func (r *reader) object(depth int) (Value, *Error) {
	v, err := r.open(ObjectKind)
	if err != nil {
		return Value{}, err
	}
	mark := len(r.members)
	var names nameSet
	for r.dec.PeekKind() != '}' {
		m, err := r.member(depth, r.members[mark:], &names)
		if err != nil {
			return Value{}, err
		}
		r.members = append(r.members, m)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return Value{}, r.syntax(err)
	}
	v.obj = r.close(mark)
	return v, nil
}

// member reads a member of an object that has the earlier ones already.
func (r *reader) member(depth int, earlier []Member, names *nameSet) (Member, *Error) {
	raw, start, err := r.token()
	if err != nil {
		return Member{}, err
	}
	name, err := r.unquote(raw, start)
	switch {
	case err != nil:
		return Member{}, err
	case len(name) > r.limits.Name:
		return Member{}, r.limit(start, "bytes of a name", r.limits.Name)
	case len(earlier) == r.limits.Members:
		return Member{}, r.limit(start, "members of an object", r.limits.Members)
	case names.taken(name, earlier):
		err := r.fault(RuleDuplicateMember, start, "")
		err.Path, err.Value = name, name
		return Member{}, err
	}
	v, err := r.value(depth)
	if err != nil {
		return Member{}, within(name, err)
	}
	return Member{name, v}, nil
}

func (r *reader) array(depth int) (Value, *Error) {
	v, err := r.open(Array)
	if err != nil {
		return Value{}, err
	}
	mark := len(r.items)
	for r.dec.PeekKind() != ']' {
		item, err := r.value(depth)
		if err != nil {
			return Value{}, within(index(len(r.items)-mark), err)
		}
		r.items = append(r.items, item)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return Value{}, r.syntax(err)
	}
	v.list = r.closeList(mark)
	return v, nil
}

// open reads the bracket that begins an object or array.
func (r *reader) open(kind Kind) (Value, *Error) {
	if _, err := r.dec.ReadToken(); err != nil {
		return Value{}, r.syntax(err)
	}
	return Value{kind: kind, pos: int32(r.base + r.end())}, nil
}

// token reads the next name, string, number or literal and returns it as it
// stands in the text, where it starts.
func (r *reader) token() (raw string, start int, err *Error) {
	token, fault := r.dec.ReadValue()
	if fault != nil {
		return "", 0, r.syntax(fault)
	}
	end := r.end()
	start = end - len(token)
	return r.text[start:end], start, nil
}

// unquote returns the text of the JSON string that is raw, at start.
func (r *reader) unquote(raw string, start int) (string, *Error) {
	text := raw[1 : len(raw)-1]
	if strings.IndexByte(text, '\\') < 0 {
		return text, nil
	}
	// The decoder has taken the escapes: there is no error left to make.
	unescaped, _ := jsontext.AppendUnquote(nil, raw)
	if bytes.IndexByte(unescaped, 0) >= 0 {
		return "", r.fault(RuleJSON, start, "NUL character in a string")
	}
	return string(unescaped), nil
}

// number checks the size of the number that starts at start.
func (r *reader) number(digits string, start int) *Error {
	if len(digits) > maxNumber {
		return r.limit(start, "characters of a number", maxNumber)
	}
	if strings.ContainsAny(digits, "eE") {
		if _, err := strconv.ParseFloat(digits, 64); err != nil {
			return r.fault(RuleJSON, start, "number out of range")
		}
	}
	return nil
}

// end returns where the token just read ends.
func (r *reader) end() int { return int(r.dec.InputOffset()) }

// next returns where the next token starts, if there is one.
func (r *reader) next() int {
	at := skipSpace(r.text, r.end())
	if at < len(r.text) && (r.text[at] == ',' || r.text[at] == ':') {
		at = skipSpace(r.text, at+1)
	}
	return at
}

func (r *reader) fault(rule Rule, at int, detail string) *Error {
	return &Error{Rule: rule, Detail: detail, Offset: r.base + at + 1}
}

// limit is the fault of exceeding a limit.
func (r *reader) limit(at int, what string, most int) *Error {
	err := r.fault(RuleLimit, at, what)
	err.Allowed = []string{strconv.Itoa(most)}
	return err
}

// syntax words an error of the decoder. The words repeat one character of the
// text at most, because they go to logs and texts hold passwords.
func (r *reader) syntax(err error) *Error {
	var s *jsontext.SyntacticError
	if !errors.As(err, &s) || int(s.ByteOffset) >= len(r.text) {
		return r.fault(RuleJSON, len(r.text), "unexpected end of the text")
	}
	at := int(s.ByteOffset)
	rest := r.text[at:]
	switch char, size := utf8.DecodeRuneInString(rest); {
	case char == utf8.RuneError && size == 1:
		return r.fault(RuleJSON, at, "invalid UTF-8")
	case char == '\\':
		return r.fault(RuleJSON, at, "invalid escape sequence in a string")
	case char == ',' && closes(rest[skipSpace(rest, 1):]):
		return r.fault(RuleJSON, at, "comma before a closing bracket")
	case char < ' ':
		return r.fault(RuleJSON, at, "unescaped control character in a string, or a quotation mark is missing")
	default:
		return r.fault(RuleJSON, at, "unexpected character "+strconv.QuoteRune(char))
	}
}

// closes reports whether rest begins with a closing bracket.
func closes(rest string) bool {
	return strings.HasPrefix(rest, "}") || strings.HasPrefix(rest, "]")
}

// within completes the path of an error in the value of a member or item.
func within(name string, err *Error) *Error {
	if err.Rule == RuleDuplicateMember || err.Rule == RuleLimit {
		err.Path = join(name, err.Path)
	}
	return err
}

// join appends a path within an attribute, or within the schema of that URI,
// to the attribute's name: emails and [0].type make emails[0].type.
func join(name, path string) string {
	switch {
	case path == "" || path[0] == '[':
		return name + path
	case strings.Contains(name, ":"):
		return name + ":" + path
	}
	return name + "." + path
}

// AppendJSON appends the value as compact JSON. Strings escape only what
// RFC 8259 7 asks for.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case Null:
		return append(dst, "null"...)
	case String:
		return appendString(dst, v.text)
	case Array:
		dst = append(dst, '[')
		for i, item := range v.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.AppendJSON(dst)
		}
		return append(dst, ']')
	case ObjectKind:
		return v.obj.AppendJSON(dst)
	}
	return append(dst, v.text...)
}

// AppendJSON appends the object as compact JSON; {} for nil.
func (o *Object) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i := range o.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, o.Members[i].Name), ':')
		dst = o.Members[i].Value.AppendJSON(dst)
	}
	return append(dst, '}')
}

// String returns the value as compact JSON.
func (v Value) String() string { return string(v.AppendJSON(nil)) }

// AppendIndent appends the value as JSON on several lines, each level set off
// by two blanks and each line but the first by prefix.
func (v Value) AppendIndent(dst []byte, prefix string) []byte {
	var (
		open, end = byte('['), byte(']')
		n         = len(v.list)
		inner     = prefix + "  "
	)
	if v.kind == ObjectKind {
		open, end, n = '{', '}', v.obj.Len()
	}
	if n == 0 {
		return v.AppendJSON(dst)
	}
	dst = append(dst, open)
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, '\n'), inner...)
		if v.kind == ObjectKind {
			m := v.obj.Members[i]
			dst = append(appendString(dst, m.Name), ": "...)
			dst = m.Value.AppendIndent(dst, inner)
		} else {
			dst = v.list[i].AppendIndent(dst, inner)
		}
	}
	return append(append(append(dst, '\n'), prefix...), end)
}

// appendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			dst, _ = jsontext.AppendQuote(dst, s)
			return dst
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// index returns the path of the item at i.
func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// A nameSet finds names that an object has already, in any letter case.
type nameSet struct {
	folded map[string]struct{} // nil while there are few
}

// fewNames is how many names a nameSet compares one by one, which is quicker
// than a map up to about this number.
const fewNames = 24

// taken reports whether an earlier member has the name, and keeps it in mind.
func (s *nameSet) taken(name string, earlier []Member) bool {
	if len(earlier) < fewNames {
		for i := range earlier {
			if strings.EqualFold(earlier[i].Name, name) {
				return true
			}
		}
		return false
	}
	if s.folded == nil {
		s.folded = make(map[string]struct{}, 4*fewNames)
		for i := range earlier {
			s.folded[foldCase(earlier[i].Name)] = struct{}{}
		}
	}
	size := len(s.folded)
	s.folded[foldCase(name)] = struct{}{}
	return len(s.folded) == size
}

// An arena holds objects, members and items of one text in blocks that they
// share, so that a text costs few allocations.
type arena struct {
	members []Member // of the objects still open
	items   []Value  // of the arrays still open

	objectBlock []Object
	memberBlock []Member
	itemBlock   []Value
}

// blockSize is how many elements a block has room for.
const blockSize = 32

func newArena() arena {
	return arena{members: make([]Member, 0, blockSize), items: make([]Value, 0, blockSize)}
}

// close returns the object of the open members from mark on.
func (s *arena) close(mark int) *Object {
	object := keep(&s.objectBlock, Object{Members: keep(&s.memberBlock, s.members[mark:]...)})
	s.members = s.members[:mark]
	return &object[0]
}

// closeList returns the list of the open items from mark on.
func (s *arena) closeList(mark int) []Value {
	list := keep(&s.itemBlock, s.items[mark:]...)
	s.items = s.items[:mark]
	return list
}

// keep copies the items to the end of a block and returns them from there; it
// begins a new block when they do not fit.
func keep[T any](block *[]T, items ...T) []T {
	n := len(*block)
	if cap(*block)-n < len(items) {
		*block, n = make([]T, 0, max(blockSize, len(items))), 0
	}
	*block = append(*block, items...)
	return (*block)[n:len(*block):len(*block)]
}

// skipSpace returns the first index from i on that is not JSON white space.
func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// blankTrailingCommas returns data with a blank for each comma that stands
// between a value and a closing bracket. Offsets stay as they are.
func blankTrailingCommas(data []byte) []byte {
	text := data
	var (
		quoted = false
		last   = byte(',') // the last character outside strings that is not white space
		comma  = -1        // where it is, if it is a comma after a value
	)
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case quoted:
			quoted = c != '"'
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		case c == ',' && last != ',' && last != ':' && last != '[' && last != '{':
			comma, last = i, c
		case (c == '}' || c == ']') && comma >= 0:
			if &text[0] == &data[0] {
				text = bytes.Clone(data)
			}
			text[comma] = ' '
			comma, last = -1, c
		default:
			quoted = c == '"'
			comma, last = -1, c
		}
	}
	return text
}
