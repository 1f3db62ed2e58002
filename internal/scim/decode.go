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
