package scim

import (
	"strings"
	"time"
)

// FormatTime returns t as SCIM data has it: UTC, milliseconds, Z.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// ParseDateTime reads an xsd:dateTime (RFC 7643 2.3.5): date and time of day,
// a fraction of any length, a zone or none, which stands for UTC. Digits beyond
// nanoseconds are dropped; 24:00:00 is the start of the next day.
//
// Errors: RuleDateTime with the text in Value.
func ParseDateTime(s string) (time.Time, error) {
	t, ok := parseDateTime(s)
	if !ok {
		return time.Time{}, &Error{Rule: RuleDateTime, Value: s}
	}
	return t, nil
}

func parseDateTime(s string) (time.Time, bool) {
	const form = "0000-00-00T00:00:00"
	if len(s) < len(form) {
		return time.Time{}, false
	}
	for i, f := range []byte(form) {
		if c := s[i]; f == '0' && !isDigit(c) || f != '0' && c != f {
			return time.Time{}, false
		}
	}
	year, month, day := 100*digits(s, 0)+digits(s, 2), digits(s, 5), digits(s, 8)
	hour, minute, second := digits(s, 11), digits(s, 14), digits(s, 17)
	nanosecond, zone, ok := fraction(s[len(form):])
	offset, zoneOK := parseZone(zone)
	if !ok || !zoneOK || minute > 59 || second > 59 || hour > 24 || hour == 24 && minute+second+nanosecond > 0 {
		return time.Time{}, false
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if month < 1 || month > 12 || date.Day() != day || day == 0 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, time.UTC).Add(-offset), true
}

// fraction reads a fraction of a second, if s begins with one, and returns what
// follows.
func fraction(s string) (nanoseconds int, rest string, ok bool) {
	if !strings.HasPrefix(s, ".") {
		return 0, s, true
	}
	n := 1
	for unit := int(100 * time.Millisecond); n < len(s) && isDigit(s[n]); n++ {
		nanoseconds += unit * int(s[n]-'0')
		unit /= 10
	}
	return nanoseconds, s[n:], n > 1
}

// parseZone reads Z, an offset as +05:30, or nothing. Offsets end at 14:00.
func parseZone(s string) (offset time.Duration, ok bool) {
	if s == "" || s == "Z" {
		return 0, true
	}
	if len(s) != len("+00:00") || s[0] != '+' && s[0] != '-' || s[3] != ':' ||
		!isDigit(s[1]) || !isDigit(s[2]) || !isDigit(s[4]) || !isDigit(s[5]) {
		return 0, false
	}
	minutes := 60*digits(s, 1) + digits(s, 4)
	if digits(s, 4) > 59 || minutes > 14*60 {
		return 0, false
	}
	if s[0] == '-' {
		minutes = -minutes
	}
	return time.Duration(minutes) * time.Minute, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// digits returns the number that the two digits at i write.
func digits(s string, i int) int { return 10*int(s[i]-'0') + int(s[i+1]-'0') }
