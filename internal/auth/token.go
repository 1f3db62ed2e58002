package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

const (
	// algorithm is the only one that a token may be signed with, whatever its header says.
	algorithm = jose.HS256
	tokenType = "at+jwt" // RFC 9068 2.1
	lifetime  = time.Hour
	// skew is how far the clocks of nodes may be apart: a token is not refused
	// for being issued so little ahead of now.
	skew = time.Minute
)

// claims is what an access token says (RFC 9068 2.2). Client and Secret are
// the directory's keys; ClientID holds them to the client they were made for.
type claims struct {
	jwt.Claims
	ClientID string `json:"client_id"`
	Tenant   int64  `json:"tk"`
	Client   int64  `json:"ck"`
	Secret   int64  `json:"sk"`
}

// issue makes an access token for the caller.
func (a *Authenticator) issue(c directory.Caller) (string, error) {
	now, subject := a.now(), c.TokenSubject()
	token, err := jwt.Signed(a.signer).Claims(claims{
		Claims: jwt.Claims{
			Issuer:   a.url,
			Subject:  c.Client,
			Audience: jwt.Audience{a.url},
			Expiry:   jwt.NewNumericDate(now.Add(lifetime)),
			IssuedAt: jwt.NewNumericDate(now),
			ID:       rand.Text(),
		},
		ClientID: c.Client,
		Tenant:   subject.Tenant,
		Client:   subject.Client,
		Secret:   subject.Secret,
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return token, nil
}

// token returns the caller that the access token was made for. Errors: RuleUnauthenticated.
func (a *Authenticator) token(ctx context.Context, text string) (directory.Caller, error) {
	told, err := a.verify(text)
	if err != nil {
		return directory.Caller{}, err
	}
	c, err := a.dir.AuthenticateToken(ctx, directory.TokenClaims{Tenant: told.Tenant, Client: told.Client, Secret: told.Secret})
	if err == nil && c.Client != told.ClientID {
		return directory.Caller{}, unauthenticated("the token's client is gone")
	}
	return c, err
}

// verify returns what a token says that we signed and that has not expired.
func (a *Authenticator) verify(text string) (claims, error) {
	var told claims
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{algorithm})
	if err != nil || len(parsed.Headers) != 1 || parsed.Headers[0].ExtraHeaders[jose.HeaderType] != tokenType {
		return told, unauthenticated("malformed token")
	}
	if err := parsed.Claims(a.key, &told); err != nil {
		return told, unauthenticated("the token is not ours")
	}
	now := a.now()
	expected := jwt.Expected{Issuer: a.url, AnyAudience: jwt.Audience{a.url}, Time: now}
	if err := told.ValidateWithLeeway(expected, skew); err != nil || told.IssuedAt == nil {
		return told, unauthenticated("the token is not for this server or time")
	}
	if told.Expiry == nil || !now.Before(told.Expiry.Time()) { // RFC 7519 4.1.4: without leeway
		return told, unauthenticated("the token has expired")
	}
	return told, nil
}
