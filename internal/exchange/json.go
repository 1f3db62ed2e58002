package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A node is a JSON value that keeps the order of members and the digits of
// numbers: of object, array, string, or a literal or number in text.
type node struct {
	kind  byte // one of { [ " and 0 for the rest
	text  string
	names []string // of an object, beside items
	items []*node
}

// parseJSON reads one JSON value. Repeated members and anything after the
// value are errors.
func parseJSON(text []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	n, err := parseNode(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("more after the JSON value")
	}
	return n, nil
}

func parseNode(dec *json.Decoder) (*node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		return parseContainer(dec, byte(token))
	case string:
		return &node{kind: '"', text: token}, nil
	case json.Number:
		return &node{text: token.String()}, nil
	case bool:
		return &node{text: fmt.Sprint(token)}, nil
	}
	return &node{text: "null"}, nil
}

func parseContainer(dec *json.Decoder, kind byte) (*node, error) {
	n := &node{kind: kind}
	for dec.More() {
		if kind == '{' {
			name, err := dec.Token()
			if err != nil {
				return nil, err
			}
			if n.member(name.(string)) != nil {
				return nil, fmt.Errorf("member %q appears twice", name)
			}
			n.names = append(n.names, name.(string))
		}
		item, err := parseNode(dec)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := dec.Token()
	return n, err
}

// member returns the value of the member, nil if there is none.
func (n *node) member(name string) *node {
	for i := range n.names {
		if n.names[i] == name {
			return n.items[i]
		}
	}
	return nil
}

// String is the value on one line, for people.
func (n *node) String() string {
	var b strings.Builder
	n.write(&b, "")
	var line bytes.Buffer
	if json.Compact(&line, []byte(b.String())) != nil {
		return b.String()
	}
	return line.String()
}

// write writes the value indented, in the order in which it was read.
func (n *node) write(b *strings.Builder, indent string) {
	switch n.kind {
	case '"':
		b.WriteString(quote(n.text))
		return
	case 0:
		b.WriteString(n.text)
		return
	}
	b.WriteByte(n.kind)
	for i, item := range n.items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n" + indent + "  ")
		if n.kind == '{' {
			b.WriteString(quote(n.names[i]) + ": ")
		}
		item.write(b, indent+"  ")
	}
	if len(n.items) > 0 {
		b.WriteString("\n" + indent)
	}
	b.WriteByte(n.kind + 2) // } follows {, and ] follows [, two code points on
}

func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(s) // of a string into memory: it cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}
