package route

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// A segment is one part of a pattern: text that stands there, or a variable
// between two texts, which may be empty.
type segment struct {
	before, after string // a literal is all before
	name          string // of the variable; empty for a literal
}

// A pattern is the path of a door or of a route.
type pattern []segment

// parsePattern reads a path such as /Users/{id} or /managed/{realm}_user.
func parsePattern(path string) (pattern, error) {
	if path != "" && !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("path %q does not start with a slash", path)
	}
	var p pattern
	for _, text := range strings.Split(path, "/") {
		if text == "" {
			continue
		}
		before, rest, ok := strings.Cut(text, "{")
		if !ok {
			p = append(p, segment{before: text})
			continue
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok || name == "" || strings.ContainsAny(after, "{}") {
			return nil, fmt.Errorf("path %q: segment %q is neither a literal nor has it one {variable}", path, text)
		}
		p = append(p, segment{before: before, name: name, after: after})
	}
	return p, nil
}

// match returns the text of the variable that the segment of a request gives, and whether it fits.
func (s segment) match(text string, anyCase bool) (value string, ok bool) {
	if s.name == "" {
		return "", text == s.before || anyCase && strings.EqualFold(text, s.before)
	}
	if len(text) <= len(s.before)+len(s.after) {
		return "", false
	}
	head, rest := text[:len(s.before)], text[len(s.before):]
	value, tail := rest[:len(rest)-len(s.after)], rest[len(rest)-len(s.after):]
	if head != s.before || tail != s.after {
		return "", false
	}
	return value, utf8.ValidString(value)
}

// leads reports whether the segments of a request start with the pattern.
func (p pattern) leads(segments []string, anyCase bool) bool {
	if len(segments) < len(p) {
		return false
	}
	for i, s := range p {
		if _, ok := s.match(segments[i], anyCase); !ok {
			return false
		}
	}
	return true
}

// compare orders patterns so that the first one that matches is the right one:
// at the first segment that differs a literal comes before a variable with
// text around it and that before a bare variable; then the longer comes first.
func (p pattern) compare(q pattern) int {
	for i := range min(len(p), len(q)) {
		if c := cmp.Compare(p[i].freedom(), q[i].freedom()); c != 0 {
			return c
		}
		if c := cmp.Compare(p[i].before+"\x00"+p[i].after, q[i].before+"\x00"+q[i].after); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(q), len(p))
}

func (s segment) freedom() int {
	switch {
	case s.name == "":
		return 0
	case s.before != "" || s.after != "":
		return 1
	}
	return 2
}

// split cuts an escaped path into decoded segments. Empty ones, of doubled and
// trailing slashes, are dropped. ok is false when a segment can name nothing:
// it is not UTF-8, holds NUL, or is a dot segment, which we never resolve.
func split(escaped string) (segments []string, ok bool) {
	ok = true
	for text := range strings.SplitSeq(escaped, "/") {
		if text == "" {
			continue
		}
		if strings.Contains(text, "%") {
			decoded, err := url.PathUnescape(text)
			if err != nil {
				ok = false
			} else {
				text = decoded
			}
		}
		if text == "." || text == ".." || strings.Contains(text, "\x00") || !utf8.ValidString(text) {
			ok = false
		}
		segments = append(segments, text)
	}
	return slices.Clip(segments), ok
}
