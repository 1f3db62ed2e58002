package scim

import (
	"math"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// decode reads a document that [Value.AppendJSON] wrote. It is not [Read]: it
// checks nothing and knows only compact JSON, because filters read many
// documents. It panics on what is not a JSON object: then the program is wrong,
// not the input.
func decode(doc []byte) *Object {
	d := decoder{text: string(doc), arena: newArena()}
	if v, ok := d.value(); ok && v.kind == ObjectKind && d.at == len(d.text) {
		return v.obj
	}
	// Not as written: somebody has been at the store. It may still be JSON.
	const any = math.MaxInt
	v, err := newReader(doc, Limits{Depth: any, Members: any, Values: any, Name: any, String: any}).read()
	if err != nil || v.kind != ObjectKind {
		panic("scim: stored document is not a JSON object")
	}
	return v.obj
}

// peek reads one member of a document as decode would, without reading the
// others; ok is false for what is not as written.
func peek(doc []byte, name string) (v Value, ok bool) {
	at := 1
	for at < len(doc) && doc[at] == '"' {
		begin := at + 1
		if at = passString(doc, at); at >= len(doc) || doc[at] != ':' {
			return Value{}, false
		}
		found := string(doc[begin:at-1]) == name
		begin = at + 1
		if at = passValue(doc, begin); at >= len(doc) {
			return Value{}, false
		}
		if found {
			d := decoder{text: string(doc[begin:at])}
			v, ok := d.value()
			return v, ok && d.at == len(d.text)
		}
		if doc[at] == ',' {
			at++
		}
	}
	return Value{}, at == len(doc)-1 && doc[0] == '{' && doc[at] == '}'
}

// passValue returns where the value that begins at at ends, of a text that
// AppendJSON wrote: it looks at brackets and strings alone.
func passValue(text []byte, at int) int {
	for depth := 0; at < len(text); {
		switch text[at] {
		case '"':
			at = passString(text, at)
		case '{', '[':
			depth++
			at++
		case '}', ']':
			depth--
			at++
		case ',':
			if depth == 0 {
				return at
			}
			at++
			continue
		default:
			at++
			continue // of a number or a literal, which a comma or bracket ends
		}
		if depth < 0 {
			return at - 1
		}
		if depth == 0 {
			return at
		}
	}
	return at
}

// passString returns where the string that begins at at ends.
func passString(text []byte, at int) int {
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return at
}

// A decoder reads text from at on. Its methods report false for what is not
// compact JSON.
type decoder struct {
	text string
	at   int
	arena
}

// next reports whether the next character is c, and passes it if so.
func (d *decoder) next(c byte) bool {
	if d.at < len(d.text) && d.text[d.at] == c {
		d.at++
		return true
	}
	return false
}

func (d *decoder) value() (Value, bool) {
	pos := int32(d.at + 1)
	rest := d.text[d.at:]
	switch {
	case rest == "":
		return Value{}, false
	case rest[0] == '"':
		text, ok := d.string()
		return Value{kind: String, pos: pos, text: text}, ok
	case rest[0] == '{':
		obj, ok := d.object()
		return Value{kind: ObjectKind, pos: pos, obj: obj}, ok
	case rest[0] == '[':
		list, ok := d.array()
		return Value{kind: Array, pos: pos, list: list}, ok
	case strings.HasPrefix(rest, "true"):
		d.at += len("true")
		return Value{kind: Bool, pos: pos, text: "true"}, true
	case strings.HasPrefix(rest, "false"):
		d.at += len("false")
		return Value{kind: Bool, pos: pos, text: "false"}, true
	case strings.HasPrefix(rest, "null"):
		d.at += len("null")
		return Value{pos: pos}, true
	}
	end := 0
	for end < len(rest) && strings.IndexByte("+-.0123456789Ee", rest[end]) >= 0 {
		end++
	}
	d.at += end
	return Value{kind: Number, pos: pos, text: rest[:end]}, end > 0
}

func (d *decoder) object() (*Object, bool) {
	d.at++
	mark := len(d.members)
	if d.next('}') {
		return d.close(mark), true
	}
	for {
		name, ok := d.string()
		if !ok || !d.next(':') {
			return nil, false
		}
		v, ok := d.value()
		if !ok {
			return nil, false
		}
		d.members = append(d.members, Member{name, v})
		if !d.next(',') {
			return d.close(mark), d.next('}')
		}
	}
}

func (d *decoder) array() ([]Value, bool) {
	d.at++
	mark := len(d.items)
	if d.next(']') {
		return nil, true
	}
	for {
		v, ok := d.value()
		if !ok {
			return nil, false
		}
		d.items = append(d.items, v)
		if !d.next(',') {
			return d.closeList(mark), d.next(']')
		}
	}
}

func (d *decoder) string() (string, bool) {
	if !d.next('"') {
		return "", false
	}
	start, rest := d.at, d.text[d.at:]
	end := strings.IndexByte(rest, '"')
	if end < 0 {
		return "", false
	}
	if strings.IndexByte(rest[:end], '\\') < 0 {
		d.at += end + 1
		return rest[:end], true
	}
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			d.at += i + 1
			text, err := jsontext.AppendUnquote(nil, d.text[start-1:d.at])
			return string(text), err == nil
		}
	}
	return "", false
}
