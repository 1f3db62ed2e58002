package scim

import (
	"strings"
)

// A Path addresses an attribute: [schema ":"] attr ["." sub] (RFC 7644 3.10).
// After [ResourceType.Resolve] the names are canonical.
type Path struct {
	Schema string // URI of the schema; empty for the core one and for common attributes
	Attr   string
	Sub    string
}

// ParsePath reads the path of an attribute, [URI ":"] name ["." name] (RFC 7644
// 3.10). A URI holds colons and dots itself: until [ResourceType.ResolvePath]
// finds the schema, all before the last colon is taken for it.
//
// Errors: RulePath with the text in Path.
func ParsePath(text string) (Path, error) {
	p, ok := splitPath(text)
	if !ok {
		return Path{}, &Error{Rule: RulePath, Path: text, Detail: "not an attribute name"}
	}
	return p, nil
}

// String returns the path as RFC 7644 writes it.
func (p Path) String() string {
	s := p.Attr
	if p.Schema != "" {
		s = p.Schema + ":" + s
	}
	if p.Sub != "" {
		s += "." + p.Sub
	}
	return s
}

// splitPath splits at the last colon and the first dot after it, such that
// [Path.String] gives the text back. What follows a URI is checked when the URI
// is found, because it may be its end.
func splitPath(text string) (p Path, ok bool) {
	name := text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		p.Schema, name = text[:i], text[i+1:]
	}
	dotted := false
	p.Attr, p.Sub, dotted = strings.Cut(name, ".")
	if p.Schema != "" {
		plain := !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
		return p, plain && p.Attr != "" && (!dotted || p.Sub != "")
	}
	return p, isName(p.Attr) && (!dotted || isName(p.Sub)) && len(name) == len(text)
}

// isName reports whether s is an attribute name of RFC 7643 2.1. The grammar
// there has no name that starts with $, but RFC 7643 2.4 has $ref.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '$':
		case i > 0 && ('0' <= c && c <= '9' || c == '-' || c == '_'):
		default:
			return false
		}
	}
	return s != ""
}
