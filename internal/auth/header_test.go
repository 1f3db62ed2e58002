package auth

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestParseAuthorization(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   credential // the zero one is a refusal
	}{
		{"Basic", []string{"Basic " + b64("id:secret")}, credential{basic, "id", "secret"}},
		{"the printed example", []string{"Basic MTIzNC1hYWFhLWJiYmItNTY3ODplWEp6Ym1WaGEza2g="}, credential{basic, "1234-aaaa-bbbb-5678", "eXJzbmVha3kh"}},
		{"a colon in the secret", []string{"Basic " + b64("id:a:b")}, credential{basic, "id", "a:b"}},
		{"UTF-8", []string{"Basic " + b64("ïd:sécret")}, credential{basic, "ïd", "sécret"}},
		{"a scheme in other letters", []string{"bASIC " + b64("id:secret")}, credential{basic, "id", "secret"}},
		{"more spaces", []string{"  Basic   " + b64("id:secret") + " "}, credential{basic, "id", "secret"}},
		{"Bearer", []string{"Bearer dev-token"}, credential{bearer, "", "dev-token"}},
		{"bearer", []string{"bearer a.b.c-_~+/=="}, credential{bearer, "", "a.b.c-_~+/=="}},

		{"none", nil, credential{}},
		{"two", []string{"Bearer a", "Bearer a"}, credential{}},
		{"empty", []string{""}, credential{}},
		{"another scheme", []string{"Digest a"}, credential{}},
		{"a word only", []string{"non-token"}, credential{}},
		{"a scheme only", []string{"Bearer"}, credential{}},
		{"a scheme and a space", []string{"Bearer "}, credential{}},
		{"no space", []string{"Bearerabc"}, credential{}},
		{"a tab", []string{"Bearer\tabc"}, credential{}},
		{"two bearer values", []string{"Bearer a b"}, credential{}},
		{"two in one header", []string{"Bearer a, Bearer b"}, credential{}},
		{"a bearer value of padding", []string{"Bearer =="}, credential{}},
		{"padding within", []string{"Bearer a=b"}, credential{}},
		{"a bearer value with more than tokens have", []string{"Bearer \"a\""}, credential{}},
		{"Basic without a value", []string{"Basic "}, credential{}},
		{"not base64", []string{"Basic !"}, credential{}},
		{"base64 of the URL form", []string{"Basic " + base64.URLEncoding.EncodeToString([]byte("id:??>>"))}, credential{}},
		{"base64 without padding", []string{"Basic " + base64.RawStdEncoding.EncodeToString([]byte("id:se"))}, credential{}},
		{"no colon", []string{"Basic " + b64("id")}, credential{}},
		{"an empty secret", []string{"Basic " + b64("id:")}, credential{}},
		{"an empty id", []string{"Basic " + b64(":secret")}, credential{}},
		{"nothing but a colon", []string{"Basic " + b64(":")}, credential{}},
		{"NUL", []string{"Basic " + b64("id:a\x00b")}, credential{}},
		{"invalid UTF-8", []string{"Basic " + b64("id:\xff")}, credential{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseAuthorization(tt.values)
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			refused := scim.Faults(err) != nil && scim.Faults(err)[0].Rule == scim.RuleUnauthenticated
			if refused != (tt.want == credential{}) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// FuzzParseAuthorization: what is taken is whole and says again what was sent.
func FuzzParseAuthorization(f *testing.F) {
	for _, value := range []string{"Basic " + b64("id:secret"), "Bearer dev-token", "bearer  a.b.c==", "Basic =", "Digest x", "", "Bearer"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c, err := parseAuthorization([]string{value})
		if err != nil {
			if (c != credential{}) {
				t.Errorf("%q: refused and taken", value)
			}
			return
		}
		if c.secret == "" || (c.scheme == basic) != (c.id != "") {
			t.Errorf("%q: half of it is empty: %+v", value, c)
		}
		sent := c.secret
		if c.scheme == basic {
			sent = b64(c.id + ":" + c.secret)
			if strings.Contains(c.id, ":") {
				t.Errorf("%q: a colon in the id %q", value, c.id)
			}
		}
		if !strings.HasSuffix(strings.TrimSpace(value), sent) && c.scheme == bearer {
			t.Errorf("%q: read as %+v", value, c)
		}
		again, err := parseAuthorization([]string{c.scheme + " " + sent})
		if err != nil || again != c {
			t.Errorf("%q: %+v is read again as %+v, %v", value, c, again, err)
		}
	})
}

// FuzzVerify: nothing but what we signed is a token.
func FuzzVerify(f *testing.F) {
	for _, token := range []string{"", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.AAAA"} {
		f.Add(token)
	}
	a := &Authenticator{key: make([]byte, 32), url: "http://127.0.0.1", now: clock}
	f.Fuzz(func(t *testing.T, token string) {
		if told, err := a.verify(token); err == nil {
			t.Errorf("%q is taken for a token: %+v", token, told)
		}
	})
}

func clock() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }
