package scim_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestUsernameKey(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"scim:PRE-07 ASCII case", "BJensen@Example.COM", "bjensen@example.com"},
		{"scim:PRE-07 full-width letters", "ＢＪｅｎｓｅｎ＠example.com", "bjensen@example.com"},
		{"scim:PRE-07 Kelvin sign", "\u212aelvin", "kelvin"},
		{"scim:PRE-07 composed É", "\u00c9mile", "\u00e9mile"},
		{"scim:PRE-07 E and combining acute", "E\u0301mile", "\u00e9mile"},
		{"scim:PRE-07 ß stays", "straße", "straße"},
		{"scim:PRE-07 ss is not ß", "strasse", "strasse"},
		{"scim:PRE-07 sigma at the end in capitals", "ΣΊΣΥΦΟΣ", "σίσυφοσ"},
		{"scim:PRE-07 final sigma stays", "σίσυφος", "σίσυφος"},
		{"scim:PRE-07 dotted capital I", "\u0130", "i\u0307"},
		{"scim:PRE-02,scim:PRE-06 right to left", "\u05d0\u05d1", "\u05d0\u05d1"},
		{"scim:PRE-06 blanks between parts", "User One", "user one"},
		{"scim:PRE-06 several blanks are one", "  User   One ", "user one"},
		{"scim:PRE-06 empty", "", ""},
		{"scim:PRE-06 only blanks", "   ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, prepared := scim.UsernameKey(c.in)
			if got != c.want || !prepared {
				t.Errorf("UsernameKey(%q) = %q, %v; want %q, true", c.in, got, prepared, c.want)
			}
			if again, _ := scim.UsernameKey(got); again != got {
				t.Errorf("the key of the key is %q", again)
			}
		})
	}
	for _, c := range []struct{ name, in, want string }{
		{"tab", "User\tOne", "user\tone"},
		{"no-break space", "User\u00a0One", "user\u00a0one"},
		{"emoji", "Ada😀", "ada😀"},
		{"ligature", "\ufb01N", "\ufb01n"},
		{"in one of several parts", "E\u0301  😀", "\u00e9 😀"},
		{"mixed directions", "\u05d0A1b", "\u05d0a1b"},
	} {
		t.Run("refused by PRECIS "+c.name, func(t *testing.T) {
			got, prepared := scim.UsernameKey(c.in)
			if got != c.want || prepared {
				t.Errorf("UsernameKey(%q) = %q, %v; want %q, false", c.in, got, prepared, c.want)
			}
		})
	}
}

func TestPreparePassword(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"case stays", "SamplePassword@123", "SamplePassword@123"},
		{"width stays", "ｐａｓｓ", "ｐａｓｓ"},
		{"other spaces", "a\u00a0b\u3000c\u2003d", "a b c d"},
		{"normalised", "E\u0301", "\u00c9"},
		{"blanks stay", " a  b ", " a  b "},
		{"emoji", "😀", "😀"},
	} {
		t.Run("scim:PRE-03 "+c.name, func(t *testing.T) {
			got, err := scim.PreparePassword(c.in)
			if got != c.want || err != nil {
				t.Errorf("PreparePassword(%q) = %q, %v; want %q", c.in, got, err, c.want)
			}
		})
	}
	for _, in := range []string{"", "a\tb", "a\u0000", "a\u200bb", "\u202eabc", "\ufdd0"} {
		t.Run(fmt.Sprintf("scim:PRE-03 refused %+q", in), func(t *testing.T) {
			got, err := scim.PreparePassword(in)
			faults := scim.Faults(err)
			if got != "" || len(faults) != 1 || faults[0].Rule != scim.RulePassword || faults[0].Path != "password" || faults[0].Value != "" {
				t.Errorf("PreparePassword = %q, %v", got, err)
			}
		})
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct{ name, a, b string }{
		{"ASCII", "Work", "wORK"},
		{"accents", "ÉCOLE", "e\u0301cole"},
		{"Kelvin sign", "\u212a", "k"},
		{"long s", "\u017f", "S"},
		{"sigmas", "ΣΊΣΥΦΟΣ", "σίσυφος"},
		{"micro sign", "\u00b5", "\u039c"},
		{"iota and its mark", "ΑΙ", "αι"},
		{"Cyrillic", "МОСКВА", "москва"},
		{"Cherokee", "\u13a0", "\uab70"},
		{"sharp s", "\u1e9e", "ß"},
		{"Deseret", "\U00010400", "\U00010428"},
	} {
		t.Run("scim:PRE-09 "+c.name, func(t *testing.T) {
			if a, b := scim.Fold(c.a), scim.Fold(c.b); a != b {
				t.Errorf("Fold(%q) = %q, Fold(%q) = %q", c.a, a, c.b, b)
			}
		})
	}
	for _, c := range []struct{ name, a, b string }{
		{"simple folding keeps ß apart from ss", "straße", "strasse"},
		{"dotless i", "ı", "i"},
		{"dotted capital I", "\u0130", "i"},
		{"width", "ａ", "a"},
		{"accents", "é", "e"},
		{"ligature", "\ufb01", "fi"},
	} {
		t.Run("scim:PRE-09 different "+c.name, func(t *testing.T) {
			if a, b := scim.Fold(c.a), scim.Fold(c.b); a == b {
				t.Errorf("Fold(%q) = Fold(%q) = %q", c.a, c.b, a)
			}
		})
	}
	t.Run("scim:PRE-09 every character of an orbit has one key", func(t *testing.T) {
		for r := rune(0); r <= unicode.MaxRune; r++ {
			next := unicode.SimpleFold(r)
			if next == r || !norm.NFC.IsNormalString(string(r)) || !norm.NFC.IsNormalString(string(next)) {
				continue
			}
			if a, b := scim.Fold(string(r)), scim.Fold(string(next)); a != b {
				t.Errorf("%U has key %q, %U has %q", r, a, next, b)
			}
		}
	})
	t.Run("scim:PRE-09 folding ASCII does not allocate when it is lower case", func(t *testing.T) {
		if n := testing.AllocsPerRun(100, func() { scim.Fold("ada@example.com") }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
	t.Run("scim:PRE-09 same as EqualFold after normalisation", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			a := rapid.String().Draw(t, "a")
			b := rapid.SampledFrom([]string{a, strings.ToUpper(a), strings.ToLower(a), norm.NFD.String(a), rapid.String().Draw(t, "b")}).Draw(t, "other")
			want := strings.EqualFold(norm.NFC.String(a), norm.NFC.String(b))
			if got := scim.Fold(a) == scim.Fold(b); got != want {
				t.Errorf("Fold(%q) = %q, Fold(%q) = %q; want equal: %v", a, scim.Fold(a), b, scim.Fold(b), want)
			}
		})
	})
}

func TestKey(t *testing.T) {
	user := scim.UserType().Schema
	for _, c := range []struct {
		name string
		a    *scim.Attribute
		in   string
		want string
	}{
		{"scim:PRE-02 userName", user.Attribute("userName"), "ＡＤＡ", "ada"},
		{"scim:PRE-09 displayName", user.Attribute("displayName"), "ＡÉ", "ａé"},
		{"scim:SCH-12 reference", user.Attribute("profileUrl"), "http://X/É", "http://X/É"},
		{"scim:SCH-12 binary", user.Attribute("x509Certificates").Sub("value"), "QUJD", "QUJD"},
		{"caseExact", scim.LookupSchema(scim.EnterpriseSchema).Attribute("manager").Sub("value"), "A-1", "A-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.a.Key(c.in); got != c.want {
				t.Errorf("Key(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func BenchmarkFold(b *testing.B) {
	for _, s := range []string{"ada@example.com", "Ada Lovelace", "Émile Zola"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				scim.Fold(s)
			}
		})
	}
}

func BenchmarkUsernameKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		scim.UsernameKey("ana.osei@contoso.example")
	}
}
