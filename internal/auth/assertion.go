package auth

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

const (
	jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523 2.1
	// serviceAccount is the client_id of all service accounts at the vendor (aic 3.2).
	serviceAccount = "service-account"
	// maxAssertion is how far ahead an assertion may expire: until then its
	// identifier is kept, so that it is used once.
	maxAssertion = time.Hour
	maxJTI       = 255 // bytes
	minRSA       = 2048
)

// assertionAlgorithms are those that an assertion may be signed with, whatever
// its header says. None of them takes a secret for a key.
var assertionAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA}

// ParseKey reads the key of a client from a JWK and returns it as
// directory.ClientDraft.Key takes it. Only the public part of a private key is
// kept. The error says what is wrong with the key.
func ParseKey(text []byte) (string, error) {
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(text); err != nil {
		return "", fmt.Errorf("not a JWK: %w", err)
	}
	key = key.Public()
	public, isRSA := key.Key.(*rsa.PublicKey)
	switch {
	case !key.Valid():
		return "", errors.New("not the key of an RSA, elliptic curve or Ed25519 signature")
	case isRSA && public.N.BitLen() < minRSA:
		return "", fmt.Errorf("an RSA key of %d bits, and %d are the least", public.N.BitLen(), minRSA)
	case key.Use != "" && key.Use != "sig":
		return "", fmt.Errorf("a key whose use is %q, not sig", key.Use)
	}
	key.Certificates, key.CertificatesURL, key.CertificateThumbprintSHA1, key.CertificateThumbprintSHA256 = nil, nil, nil, nil
	out, err := key.MarshalJSON()
	return string(out), err
}

func invalidGrant(description string) error {
	return &oauthError{http.StatusBadRequest, "invalid_grant", description}
}

// assert proves a client by a JWT that it has signed (RFC 7523 3, aic 3.2). Who
// guesses is not told what was wrong until the signature is right.
func (a *Authenticator) assert(r *http.Request, form url.Values) (directory.Caller, error) {
	var none directory.Caller
	text := form.Get("assertion")
	switch {
	case text == "":
		return none, invalidRequest("assertion is missing")
	case form.Has("client_secret") || len(r.Header.Values("Authorization")) > 0:
		return none, invalidRequest("the client authenticates in two ways")
	}
	var told jwt.Claims
	parsed, err := jwt.ParseSigned(text, assertionAlgorithms)
	if err == nil {
		err = parsed.UnsafeClaimsWithoutVerification(&told) // says whose key to try
	}
	if err != nil || told.Issuer == "" {
		return none, invalidGrant("the assertion is not valid")
	}
	if id := form.Get("client_id"); id != "" && id != serviceAccount && id != told.Issuer {
		return none, invalidRequest("client_id is not that of the assertion")
	}
	at := newAttempt(r.RemoteAddr, credential{bearer, told.Issuer, text})
	if err := a.guard.admit(at); err != nil {
		return none, err
	}
	keys, err := a.dir.ClientKeys(r.Context(), told.Issuer)
	if err != nil {
		return none, err
	}
	for _, key := range keys {
		if told, ok := signedBy(parsed, key.JWK); ok {
			a.guard.passed(at)
			return a.redeem(r, told, key.Claims)
		}
	}
	a.guard.failed(at)
	return none, invalidGrant("the assertion is not valid")
}

// signedBy returns what the assertion says if it is signed with the key. What
// its header says of keys counts for nothing.
func signedBy(assertion *jwt.JSONWebToken, jwk string) (told jwt.Claims, ok bool) {
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON([]byte(jwk)); err != nil {
		return told, false
	}
	if key.Algorithm != "" && key.Algorithm != assertion.Headers[0].Algorithm {
		return told, false
	}
	return told, assertion.Claims(key.Key, &told) == nil
}

// redeem accepts the claims of an assertion whose signature is right, once.
func (a *Authenticator) redeem(r *http.Request, told jwt.Claims, by directory.TokenClaims) (directory.Caller, error) {
	var none directory.Caller
	now := a.now()
	if told.Expiry == nil || told.ID == "" {
		return none, invalidGrant("the assertion lacks exp or jti")
	}
	expires := told.Expiry.Time()
	err := told.ValidateWithLeeway(jwt.Expected{Subject: told.Issuer, Time: now}, skew)
	switch {
	case errors.Is(err, jwt.ErrInvalidSubject):
		return none, invalidGrant("sub is not iss")
	case errors.Is(err, jwt.ErrExpired):
		return none, invalidGrant("the assertion has expired")
	case err != nil:
		return none, invalidGrant("the assertion is not valid yet")
	case expires.After(now.Add(maxAssertion + skew)):
		return none, invalidGrant("the assertion expires later than in " + maxAssertion.String())
	case len(told.ID) > maxJTI:
		return none, invalidGrant("jti is too long")
	case !a.isFor(told.Audience):
		return none, invalidGrant("aud is not " + a.url + assertionPath)
	}
	err = a.dir.UseAssertion(r.Context(), by, told.ID, expires.Add(skew))
	if isRule(err, scim.RuleUnique) {
		return none, invalidGrant("the assertion has been used")
	}
	if err != nil {
		return none, err
	}
	return a.dir.AuthenticateToken(r.Context(), by)
}

// isFor reports whether an audience is the endpoint. Its port may be written
// where it is the scheme's own.
func (a *Authenticator) isFor(audience jwt.Audience) bool {
	return slices.ContainsFunc(audience, func(text string) bool { return withoutPort(text) == withoutPort(a.url+assertionPath) })
}

func withoutPort(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), port)
	return u.String()
}
