package auth

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The schemes that a door may take, as route.Door.Schemes writes them.
const (
	basic  = "Basic"
	bearer = "Bearer"
)

// A credential is what the header Authorization shows: it is well formed and
// nothing of it is empty, but who it belongs to is not known yet.
type credential struct {
	scheme string // basic or bearer
	id     string // of the client; basic only
	secret string
}

// parseAuthorization reads the values of the header Authorization. The scheme
// counts in any letter case (scim SEC-07). Errors: RuleUnauthenticated.
func parseAuthorization(values []string) (credential, error) {
	switch {
	case len(values) == 0:
		return credential{}, unauthenticated("no credential")
	case len(values) > 1:
		return credential{}, unauthenticated("more than one Authorization header")
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	rest = strings.TrimLeft(rest, " ")
	switch {
	case strings.EqualFold(scheme, basic):
		return parseBasic(rest)
	case strings.EqualFold(scheme, bearer):
		return parseBearer(rest)
	}
	return credential{}, unauthenticated("unknown scheme")
}

// parseBasic reads base64(id ":" secret) (RFC 7617 2).
func parseBasic(text string) (credential, error) {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !utf8.Valid(decoded) {
		return credential{}, unauthenticated("malformed Basic credential")
	}
	id, secret, ok := strings.Cut(string(decoded), ":")
	if !ok || id == "" || secret == "" || strings.ContainsFunc(string(decoded), unicode.IsControl) {
		return credential{}, unauthenticated("malformed Basic credential")
	}
	return credential{basic, id, secret}, nil
}

// parseBearer reads a b64token (RFC 6750 2.1).
func parseBearer(text string) (credential, error) {
	body := strings.TrimRight(text, "=")
	if body == "" || strings.ContainsFunc(body, func(r rune) bool { return !tokenRune(r) }) {
		return credential{}, unauthenticated("malformed bearer credential")
	}
	return credential{scheme: bearer, secret: text}, nil
}

func tokenRune(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	}
	return strings.ContainsRune("-._~+/", r)
}
