package scim

import (
	"strings"
	"unicode"
)

// foldCase maps each character to one representative of those that differ
// from it only in case (Unicode simple case folding).
func foldCase(s string) string {
	return strings.Map(foldRune, s)
}

// foldRune returns the representative: the lower case of the first character
// of the orbit. Without others in its orbit a character stays what it is.
func foldRune(r rune) rune {
	if r < 0x80 && r != 'K' && r != 'k' && r != 'S' && r != 's' {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	first := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		first = min(first, next)
	}
	if first == r && unicode.SimpleFold(r) == r {
		return r
	}
	return unicode.ToLower(first)
}
