package scim

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// Key returns what values of the attribute are compared and indexed by: the
// value itself, its [Fold] or its [UsernameKey].
func (a *Attribute) Key(s string) string {
	switch {
	case a.Prepared:
		key, _ := UsernameKey(s)
		return key
	case a.CaseExact:
		return s
	}
	return Fold(s)
}

// Fold returns the key of a string that is compared without regard to case:
// Unicode normalisation form C, then simple case folding. Texts that differ
// only in case have the same key, on every platform and in every store.
func Fold(s string) string {
	if !isASCII(s) {
		s = norm.NFC.String(s)
	}
	return foldCase(s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// foldCase maps each character to one that stands for all that differ from it
// only in case.
func foldCase(s string) string { return strings.Map(foldRune, s) }

// foldRune returns the lower case of the first letter of r's folding orbit. A
// character that is alone in its orbit stays as it is.
func foldRune(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z':
		return r + 'a' - 'A'
	case r < utf8.RuneSelf:
		return r
	}
	first := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		// The orbit of iota holds U+0345, a mark, which composes with what
		// stands before it and is no key for a letter.
		if next < first && !unicode.IsMark(next) || unicode.IsMark(first) {
			first = next
		}
	}
	if first == r && unicode.SimpleFold(r) == r {
		return r
	}
	return unicode.ToLower(first)
}

// UsernameKey returns the key by which user names are unique, found and
// compared: each part between blanks by the UsernameCaseMapped profile of PRECIS
// (RFC 8265 3.3), the parts joined by one blank. The key of a name of blanks is
// empty.
//
// A name that PRECIS refuses (RFC 8265 3.3.2, as emoji) gets normalisation form
// C in lower case instead, and prepared is false.
func UsernameKey(s string) (key string, prepared bool) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })
	keys := make([]string, len(parts))
	for i, part := range parts {
		key, err := precis.UsernameCaseMapped.String(part)
		if err != nil || key == "" {
			return strings.Map(unicode.ToLower, norm.NFC.String(strings.Join(parts, " "))), false
		}
		keys[i] = key
	}
	return strings.Join(keys, " "), true
}

// PreparePassword returns the password as it is hashed and verified, by the
// OpaqueString profile of PRECIS (RFC 8265 4.2): spaces beyond ASCII become
// blanks, then normalisation form C.
//
// Errors: RulePassword for an empty password and for characters that the
// profile does not take.
func PreparePassword(s string) (string, error) {
	prepared, err := precis.OpaqueString.String(s)
	switch {
	case s == "":
		return "", &Error{Rule: RulePassword, Path: "password", Detail: "empty"}
	case err != nil:
		return "", &Error{Rule: RulePassword, Path: "password", Detail: "control, unassigned or other characters that passwords cannot hold"}
	}
	return prepared, nil
}
