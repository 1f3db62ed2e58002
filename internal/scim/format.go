package scim

import (
	"encoding/asn1"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// A format is the form of a string beyond its type.
type format struct {
	valid  func(string) bool
	words  string // what is expected
	always bool   // Checks.AnyFormat does not lift it
}

// formats are the values of Attribute.Format. They are checked as loosely as
// serves to find what was put into the wrong attribute (RFC 7643 4.1).
var formats = map[string]format{
	"certificate": {isCertificate, "one certificate in DER", true},
	"country":     {isCountry, "a country code of ISO 3166-1 in two letters", false},
	"email":       {isEmail, "an e-mail address", false},
	"languages":   {languagesForm.MatchString, "languages as in Accept-Language", false},
	"locale":      {localeForm.MatchString, "a language tag", false},
	"timezone":    {timezoneForm.MatchString, "the IANA name of a time zone", false},
}

var (
	timezoneForm  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)
	localeForm    = regexp.MustCompile(`^[A-Za-z]{1,8}([-_][A-Za-z0-9]{1,8})*$`)
	languagesForm = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9*;=., -]*$`)
)

// isEmail reports whether s has a local part and a domain.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && !strings.ContainsFunc(s[at:], unicode.IsSpace) && !strings.ContainsFunc(s, unicode.IsControl)
}

// countries are the alpha-2 codes of ISO 3166-1.
const countries = " AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ" +
	" CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR" +
	" GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP" +
	" KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ" +
	" NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW" +
	" SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ" +
	" UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW "

func isCountry(s string) bool {
	return len(s) == 2 && s[0] != ' ' && s[1] != ' ' && strings.Contains(countries, " "+s+" ")
}

// isURI reports whether s is an absolute or relative URI (RFC 7643 2.3.7).
// Characters beyond ASCII are taken: people paste them from browsers.
func isURI(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || strings.ContainsRune("<>\"{}|\\^`\x7f", r) }) {
		return false
	}
	_, err := url.Parse(s)
	return err == nil
}

// decodeBinary reads base64, whose padding may be missing (RFC 7643 2.3.6).
func decodeBinary(s string) ([]byte, bool) {
	raw := strings.TrimRight(s, "=")
	if padding := len(s) - len(raw); padding > 2 || padding > 0 && len(s)%4 != 0 || strings.ContainsAny(raw, "\r\n") {
		return nil, false
	}
	data, err := base64.RawStdEncoding.Strict().DecodeString(raw)
	return data, err == nil
}

// isCertificate reports whether s is one certificate in base64, judged by its
// DER frame, not several in a row (RFC 7643 4.1.2).
func isCertificate(s string) bool {
	data, _ := decodeBinary(s)
	var frame asn1.RawValue
	rest, err := asn1.Unmarshal(data, &frame)
	return err == nil && len(rest) == 0 && frame.Class == asn1.ClassUniversal && frame.Tag == asn1.TagSequence && frame.IsCompound
}

// invisible reports whether s holds a character that shows nothing or that
// changes how others show: names with one look like names without.
func invisible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r >= 0x7f && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp,
			unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	})
}
