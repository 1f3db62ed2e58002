package crest

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A pointer is the path of a value in a managed object, from the top.
type pointer []string

// Limits of what a client can name.
const (
	maxFields  = 1_000
	maxPointer = 32 // parts
)

// parsePointer reads a JSON pointer of Common REST: parts separated by slashes,
// the first of which may be left out. Parts are percent-decoded; the escapes of
// RFC 6901 are not used (AIC-093, AIC-142). ok is false where there is no part
// or an empty one, or an escape that does not decode to text.
func parsePointer(text string) (p pointer, ok bool) {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "/"), "/")
	for part := range strings.SplitSeq(text, "/") {
		decoded, err := url.PathUnescape(part)
		if err != nil || decoded == "" || !utf8.ValidString(decoded) || strings.Contains(decoded, "\x00") || len(p) == maxPointer {
			return nil, false
		}
		p = append(p, decoded)
	}
	return p, true
}

// A selection is what of an object an answer holds (AIC-180 to AIC-186). The
// zero selection is the default fields.
type selection struct {
	named    bool // something is named: the default fields only if defaults
	defaults bool // *
	refs     bool // *_ref
	refsFull bool // *_ref/*
	pointers []pointer
}

// idsOnly selects nothing but what every answer has.
var idsOnly = selection{named: true}

// parseFields reads the values of _fields: pointers separated by commas. Empty
// ones name nothing.
func parseFields(values []string) (selection, error) {
	var s selection
	count := 0
	for _, text := range values {
		for part := range strings.SplitSeq(text, ",") {
			part = strings.TrimSpace(part)
			if part == "" {
				continue
			}
			if count++; count > maxFields {
				return s, badRequest(scim.RuleLimit, "The parameter '_fields' names more than %d fields", maxFields)
			}
			p, ok := parsePointer(part)
			if !ok {
				return s, unparsable("_fields", text, "a comma separated list of JSON pointers")
			}
			s.add(p)
		}
	}
	return s, nil
}

func (s *selection) add(p pointer) {
	s.named = true
	switch {
	case len(p) == 1 && p[0] == "*":
		s.defaults = true
	case len(p) == 1 && p[0] == "*_ref":
		s.refs = true
	case len(p) == 2 && p[0] == "*_ref" && p[1] == "*":
		s.refs, s.refsFull = true, true
	default:
		s.pointers = append(s.pointers, p)
	}
}

// wants reports whether the selection has the property, or something in it.
func (s *selection) wants(p *property) bool {
	return (!s.named || s.defaults) && p.byDefault() || s.refs && p.form.isRelation() || s.names(p)
}

// names reports whether a pointer leads to the property, or into it.
func (s *selection) names(p *property) bool {
	return slices.ContainsFunc(s.pointers, func(at pointer) bool { return at[0] == p.name })
}

// of returns what the selection names within the relationship: nil for the
// reference only, else the selection of the target's fields.
func (s *selection) of(relation string) *selection {
	var inner selection
	if s.refsFull {
		inner.add(pointer{"*"})
	}
	for _, at := range s.pointers {
		if at[0] == relation && len(at) > 1 {
			inner.add(at[1:])
		}
	}
	if !inner.named {
		return nil
	}
	return &inner
}
