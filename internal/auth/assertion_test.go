package auth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
)

const (
	assertionURL = "/am/oauth2/access_token"
	signer       = "signer"
	signed       = "200 " + signer + " " + directorytest.Environment
)

// public returns the JWK of a key as an administrator gives it.
func public(t testing.TB, key any, alg jose.SignatureAlgorithm) string {
	t.Helper()
	text, err := (jose.JSONWebKey{Key: key, Algorithm: string(alg)}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	out, err := auth.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// signer makes a client that signs with the key.
func (w world) signer(t testing.TB, id string, key any, alg jose.SignatureAlgorithm) {
	t.Helper()
	_, secret, err := w.dir.CreateClient(context.Background(), directory.ClientDraft{Environment: directorytest.Environment, ID: id, Key: public(t, key, alg)})
	if err != nil || secret != "" {
		t.Fatal(secret, err)
	}
}

// sign returns the claims as a JWS with the header's members.
func sign(t testing.TB, key any, alg jose.SignatureAlgorithm, header map[jose.HeaderKey]any, claims string) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	text, err := out.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// claims are those that the vendor's clients send, with the members of more in
// place of their own; null takes one away.
func (w world) claims(t testing.TB, more string) string {
	t.Helper()
	all := map[string]any{"iss": signer, "sub": signer, "aud": "https://id.example:443" + assertionURL, "exp": w.clock.Now().Add(3 * time.Minute).Unix(), "jti": rand.Text()}
	changed := map[string]any{}
	if err := json.Unmarshal([]byte(more), &changed); err != nil {
		t.Fatal(err)
	}
	maps.Copy(all, changed)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// redeem asks for a token for the assertion.
func (w world) redeem(assertion string) *httptest.ResponseRecorder {
	return w.ask(assertionURL, "", url.Values{"client_id": {"service-account"}, "grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"assertion": {assertion}, "scope": {"fr:idm:*"}}.Encode())
}

// uses returns what the token of an answer is good for, or the error that it is.
func (w world) uses(t testing.TB, res *httptest.ResponseRecorder) string {
	t.Helper()
	body := struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{}
	if err := json.Unmarshal(res.Body.Bytes(), &body); err != nil || res.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s %v", res.Code, res.Body, err)
	}
	if body.Error != "" {
		if body.Error == "invalid_grant" && res.Code != 400 {
			t.Errorf("%d %s", res.Code, res.Body)
		}
		return body.Error + ": " + body.Description
	}
	if res.Code != 200 || body.TokenType != "Bearer" || body.ExpiresIn != 3600 {
		t.Errorf("%d %s", res.Code, res.Body)
	}
	return w.call("GET /bearer/me", "Bearer "+body.AccessToken)
}

func TestAssertion(t *testing.T) {
	w := open(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w.signer(t, signer, key.Public(), "")
	w.signer(t, "other", other.Public(), jose.PS256)
	spki := public(t, key.Public(), "")
	rs := func(t *testing.T, more string) string { return sign(t, key, jose.RS256, nil, w.claims(t, more)) }
	at := func(d time.Duration) string {
		text, _ := json.Marshal(w.clock.Now().Add(d).Unix())
		return string(text)
	}
	const invalid = "invalid_grant: the assertion is not valid"

	for _, tt := range []struct{ name, more, want string }{
		{"as the vendor's clients sign", `{}`, signed},
		{"the audience without its port", `{"aud":"https://id.example/am/oauth2/access_token"}`, signed},
		{"one of several audiences", `{"aud":["https://x.example","https://id.example/am/oauth2/access_token"]}`, signed},
		{"with all times", `{"iat":` + at(0) + `,"nbf":` + at(0) + `}`, signed},
		{"a clock that is a little ahead", `{"iat":` + at(30*time.Second) + `,"nbf":` + at(30*time.Second) + `}`, signed},
		{"a clock that is a little behind", `{"exp":` + at(-30*time.Second) + `}`, signed},
		{"no issuer", `{"iss":null}`, invalid},
		{"an unknown issuer", `{"iss":"nobody","sub":"nobody"}`, invalid},
		{"a client with a secret and no key", `{"iss":"dev-client","sub":"dev-client"}`, invalid},
		{"another client with another key", `{"iss":"other","sub":"other"}`, invalid},
		{"another subject", `{"sub":"other"}`, "invalid_grant: sub is not iss"},
		{"no subject", `{"sub":null}`, "invalid_grant: sub is not iss"},
		{"no expiry", `{"exp":null}`, "invalid_grant: the assertion lacks exp or jti"},
		{"no identifier", `{"jti":null}`, "invalid_grant: the assertion lacks exp or jti"},
		{"a long identifier", `{"jti":"` + strings.Repeat("x", 256) + `"}`, "invalid_grant: jti is too long"},
		{"expired", `{"exp":` + at(-2*time.Minute) + `}`, "invalid_grant: the assertion has expired"},
		{"an expiry that is no number", `{"exp":"soon"}`, invalid},
		{"good for days", `{"exp":` + at(72*time.Hour) + `}`, "invalid_grant: the assertion expires later than in 1h0m0s"},
		{"good for ever", `{"exp":99999999999}`, "invalid_grant: the assertion expires later than in 1h0m0s"},
		{"not valid yet", `{"nbf":` + at(2*time.Minute) + `}`, "invalid_grant: the assertion is not valid yet"},
		{"issued in the future", `{"iat":` + at(2*time.Minute) + `}`, "invalid_grant: the assertion is not valid yet"},
		{"no audience", `{"aud":null}`, "invalid_grant: aud is not https://id.example/am/oauth2/access_token"},
		{"another server", `{"aud":"https://other.example/am/oauth2/access_token"}`, "invalid_grant: aud is not https://id.example/am/oauth2/access_token"},
		{"another port", `{"aud":"https://id.example:8443/am/oauth2/access_token"}`, "invalid_grant: aud is not https://id.example/am/oauth2/access_token"},
		{"another scheme", `{"aud":"http://id.example/am/oauth2/access_token"}`, "invalid_grant: aud is not https://id.example/am/oauth2/access_token"},
		{"another path", `{"aud":"https://id.example/"}`, "invalid_grant: aud is not https://id.example/am/oauth2/access_token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := w.uses(t, w.redeem(rs(t, tt.more))); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}

	b64 := base64.RawURLEncoding.EncodeToString
	good := w.claims(t, `{}`)
	for _, tt := range []struct {
		name, assertion, want string
	}{
		{"an algorithm that is none", b64([]byte(`{"alg":"none"}`)) + "." + b64([]byte(good)) + ".", invalid},
		{"the public key as the key of an HMAC", sign(t, []byte(spki), jose.HS256, nil, good), invalid},
		{"another's key", sign(t, other, jose.RS256, nil, good), invalid},
		{"another's key, shown in the header", sign(t, other, jose.RS256, map[jose.HeaderKey]any{"jwk": json.RawMessage(public(t, other.Public(), ""))}, good), invalid},
		{"another's key, for which the header says where to look", sign(t, other, jose.RS256, map[jose.HeaderKey]any{"jku": "https://evil.example/jwks", "x5u": "https://evil.example/x"}, good), invalid},
		{"an algorithm that the key is not for", sign(t, other, jose.RS256, nil, w.claims(t, `{"iss":"other","sub":"other"}`)), invalid},
		{"the algorithm that the key is for", sign(t, other, jose.PS256, nil, w.claims(t, `{"iss":"other","sub":"other"}`)), "200 other " + directorytest.Environment},
		{"claims twice", sign(t, key, jose.RS256, nil, strings.Replace(good, `{`, `{"iss":"other",`, 1)), invalid},
		{"an extension that nobody knows", sign(t, key, jose.RS256, map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1}, good), invalid},
		{"claims that are no object", sign(t, key, jose.RS256, nil, `[1]`), invalid},
		{"a word", "x", invalid},
		{"dots", "..", invalid},
		{"nothing", "", "invalid_request: assertion is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := w.uses(t, w.redeem(tt.assertion)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("one that is too large", func(t *testing.T) {
		if res := w.redeem(rs(t, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`)); res.Code != 413 || !strings.Contains(res.Body.String(), "invalid_request") {
			t.Errorf("%d %s", res.Code, res.Body)
		}
	})
	t.Run("one that is changed after it was signed", func(t *testing.T) {
		parts := strings.Split(rs(t, `{}`), ".")
		parts[1] = b64([]byte(w.claims(t, `{"x":1}`)))
		if got := w.uses(t, w.redeem(strings.Join(parts, "."))); got != invalid {
			t.Error(got)
		}
	})
	t.Run("once", func(t *testing.T) {
		one := rs(t, `{"jti":"once"}`)
		if got := w.uses(t, w.redeem(one)); got != signed {
			t.Error(got)
		}
		for _, again := range []string{one, rs(t, `{"jti":"once"}`)} {
			if got := w.uses(t, w.redeem(again)); got != "invalid_grant: the assertion has been used" {
				t.Error(got)
			}
		}
		// Another process on the same store knows, too.
		second, err := auth.New(t.Context(), w.dir, auth.Config{PublicURL: publicURL, Now: w.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", assertionURL, strings.NewReader("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion="+one))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res := httptest.NewRecorder()
		err = second.Doors()[1].Routes[0].Handle(res, r, directory.Caller{})
		if err == nil || err.Error() != "invalid_grant: the assertion has been used" {
			t.Error(err, res.Body)
		}
		// Identifiers are forgotten when the assertion is refused for its age.
		w.clock.Advance(5 * time.Minute)
		if got := w.uses(t, w.redeem(one)); got != "invalid_grant: the assertion has expired" {
			t.Error(got)
		}
		if got := w.uses(t, w.redeem(rs(t, `{"jti":"once"}`))); got != signed {
			t.Error(got)
		}
	})
	t.Run("the form", func(t *testing.T) {
		grant := "grant_type=" + url.QueryEscape("urn:ietf:params:oauth:grant-type:jwt-bearer") + "&assertion="
		for _, tt := range []struct{ path, authorization, form, want string }{
			{assertionURL, "", grant + rs(t, `{}`), signed},
			{assertionURL, "", grant + rs(t, `{}`) + "&client_id=" + signer, signed},
			{assertionURL, "", grant + rs(t, `{}`) + "&client_id=other", "invalid_request: client_id is not that of the assertion"},
			{assertionURL, "", grant + rs(t, `{}`) + "&client_secret=x", "invalid_request: the client authenticates in two ways"},
			{assertionURL, basic(directorytest.DevClient, directorytest.DevSecret), grant + rs(t, `{}`), "invalid_request: the client authenticates in two ways"},
			{"/" + directorytest.Environment + "/as/token", "", grant + rs(t, `{}`), "unsupported_grant_type: "},
		} {
			if got := w.uses(t, w.ask(tt.path, tt.authorization, tt.form)); got != tt.want {
				t.Errorf("%s %s: got %s, want %s", tt.path, tt.form, got, tt.want)
			}
		}
	})
	t.Run("the public key is no secret", func(t *testing.T) {
		for _, request := range []string{basic(signer, spki), basic(signer, ""), "Bearer " + b64([]byte(spki))} {
			if got := w.call("GET /both/me", request); got != "401" {
				t.Errorf("%s: %s", request, got)
			}
		}
	})
	t.Run("a new key beside the old one, and the end of both", func(t *testing.T) {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		_, ed, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		old := w.redeem(rs(t, `{}`))
		if err := w.dir.RotateKey(t.Context(), signer, public(t, private, ""), 0); err != nil {
			t.Fatal(err)
		}
		es := func() string { return sign(t, private, jose.ES256, nil, w.claims(t, `{}`)) }
		for _, assertion := range []string{es(), rs(t, `{}`)} {
			if got := w.uses(t, w.redeem(assertion)); got != signed {
				t.Error(got)
			}
		}
		if err := w.dir.RotateKey(t.Context(), signer, public(t, ed, ""), 0); err != nil {
			t.Fatal(err)
		}
		if got := w.uses(t, old); got != "401" { // what stems from a key ends with it
			t.Error(got)
		}
		if got := w.uses(t, w.redeem(rs(t, `{}`))); got != invalid {
			t.Error(got)
		}
		if got := w.uses(t, w.redeem(sign(t, ed, jose.EdDSA, nil, w.claims(t, `{}`)))); got != signed {
			t.Error(got)
		}
		if err := w.dir.RevokeClient(t.Context(), signer); err != nil {
			t.Fatal(err)
		}
		if got := w.uses(t, w.redeem(es())); got != invalid {
			t.Error(got)
		}
	})
	t.Run("guesses", func(t *testing.T) {
		w := open(t)
		for range auth.DefaultGuesses {
			w.redeem(sign(t, other, jose.RS256, nil, w.claims(t, `{}`)))
		}
		if res := w.redeem(sign(t, other, jose.RS256, nil, w.claims(t, `{}`))); res.Code != 429 || res.Header().Get("Retry-After") == "" {
			t.Errorf("%d %s", res.Code, res.Body)
		}
	})
}

func TestParseKey(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk := func(k jose.JSONWebKey) string {
		text, err := k.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	t.Run("the public part", func(t *testing.T) {
		whole := jose.JSONWebKey{Key: private, KeyID: "k1", Algorithm: "ES384", Use: "sig"}
		got, err := auth.ParseKey([]byte(jwk(whole)))
		if want := jwk(whole.Public()); err != nil || got != want || strings.Contains(got, `"d"`) {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		var back jose.JSONWebKey
		if err := back.UnmarshalJSON([]byte(got)); err != nil || !back.IsPublic() {
			t.Error(err)
		}
		if _, ok := back.Key.(crypto.PublicKey); !ok {
			t.Error("no public key")
		}
	})
	for name, text := range map[string]string{
		"nothing": "", "no JSON": "x", "a PEM": "-----BEGIN PUBLIC KEY-----", "a set of keys": `{"keys":[]}`, "no key": `{}`,
		"a secret": `{"kty":"oct","k":"c2VjcmV0"}`, "a small key": jwk(jose.JSONWebKey{Key: small.Public()}),
		"a key for encryption": jwk(jose.JSONWebKey{Key: private.Public(), Use: "enc"}),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := auth.ParseKey([]byte(text)); err == nil {
				t.Errorf("taken: %s", got)
			}
		})
	}
}

// FuzzAssertion: nothing but what the client has signed is an assertion, and
// whatever else comes is refused in the words of RFC 6749.
func FuzzAssertion(f *testing.F) {
	w := open(f)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	w.signer(f, signer, key, "")
	good := sign(f, key, jose.EdDSA, nil, w.claims(f, `{}`))
	header, rest, _ := strings.Cut(good, ".")
	for _, text := range []string{good, rest, header + "..", header, good + ".", "eyJhbGciOiJub25lIn0." + rest, "..", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		res := w.redeem(text)
		got := w.uses(t, res)
		switch {
		case text == good && (got == signed || strings.HasSuffix(got, "has been used")):
		case res.Code == 429:
			w.clock.Advance(time.Minute)
		case res.Code != 400 && res.Code != 413 || !strings.HasPrefix(got, "invalid_"):
			t.Errorf("%q: %d %s", text, res.Code, got)
		}
	})
}
