package scim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestParseDateTime(t *testing.T) {
	utc := func(year, month, day, hour, minute, second, nanosecond int) time.Time {
		return time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, time.UTC)
	}
	for _, c := range []struct {
		in   string
		want time.Time
	}{
		{"2011-05-13T04:42:34Z", utc(2011, 5, 13, 4, 42, 34, 0)},
		{"2022-12-17T09:03:39-05:00", utc(2022, 12, 17, 14, 3, 39, 0)},
		{"2023-01-20T06:13:46.663Z", utc(2023, 1, 20, 6, 13, 46, 663e6)},
		{"2023-01-20T12:00:00.000+02:00", utc(2023, 1, 20, 10, 0, 0, 0)},
		{"2023-01-20T12:00:00+14:00", utc(2023, 1, 19, 22, 0, 0, 0)},
		{"0001-01-03T00:00:00.0000000Z", utc(1, 1, 3, 0, 0, 0, 0)},
		{"2026-11-01T09:00:00.1234567Z", utc(2026, 11, 1, 9, 0, 0, 123456700)},
		{"2026-11-01T09:00:00.1234567899999Z", utc(2026, 11, 1, 9, 0, 0, 123456789)},
		{"2024-02-29T23:59:59.5Z", utc(2024, 2, 29, 23, 59, 59, 5e8)},
		{"2024-12-31T24:00:00Z", utc(2025, 1, 1, 0, 0, 0, 0)},
		{"2024-05-01T10:00:00", utc(2024, 5, 1, 10, 0, 0, 0)}, // SCH-10: without a zone it is UTC
		{"9999-12-31T23:59:59.999Z", utc(9999, 12, 31, 23, 59, 59, 999e6)},
	} {
		t.Run("scim:SCH-09 accepted "+c.in, func(t *testing.T) {
			if got, err := scim.ParseDateTime(c.in); err != nil || !got.Equal(c.want) {
				t.Errorf("ParseDateTime = %v, %v; want %v", got, err, c.want)
			}
		})
	}
	for _, in := range []string{
		"", "2011-05-13", "04:42:34Z", "2011-05-13T04:42Z", "2011-05-13 04:42:34Z", "2011-05-13t04:42:34z", "2011-5-13T04:42:34Z",
		"2011-05-13T4:42:34Z", "2011-05-13T04:42:34.Z", "2011-05-13T04:42:34,5Z", "2011-13-01T00:00:00Z", "2011-00-01T00:00:00Z",
		"2011-02-29T00:00:00Z", "2011-04-31T00:00:00Z", "2011-04-00T00:00:00Z", "2011-05-13T25:00:00Z", "2011-05-13T24:00:01Z", "2011-05-13T24:00:00.1Z",
		"2011-05-13T04:60:34Z", "2011-05-13T04:42:60Z", "2011-05-13T04:42:34+5:00", "2011-05-13T04:42:34+0500", "2011-05-13T04:42:34+14:01",
		"2011-05-13T04:42:34+00:60", "2011-05-13T04:42:34ZZ", "2011-05-13T04:42:34Z ", " 2011-05-13T04:42:34Z", "20110513T044234Z", "+011-05-13T04:42:34Z",
		"2011-05-13T04:42:34 +00:00", "2011-05-13T04:42:34 UTC", "now", "1305261754",
	} {
		t.Run(fmt.Sprintf("scim:SCH-09 refused %q", in), func(t *testing.T) {
			got, err := scim.ParseDateTime(in)
			want := scim.Errors{{Rule: scim.RuleDateTime, Value: in}}
			if diff := cmp.Diff(want, scim.Faults(err)); diff != "" || !got.IsZero() {
				t.Errorf("ParseDateTime = %v, (-want +got):\n%s", got, diff)
			}
		})
	}
}

func TestFormatTime(t *testing.T) {
	t.Run("scim:SCH-10 UTC with Z and milliseconds, compared as instants, without a zone UTC", func(t *testing.T) {
		for in, want := range map[string]string{
			"2024-01-01T10:00:00Z":          "2024-01-01T10:00:00.000Z",
			"2024-01-01T12:00:00.000+02:00": "2024-01-01T10:00:00.000Z",
			"2024-01-01T10:00:00":           "2024-01-01T10:00:00.000Z",
			"2024-01-01T10:00:00.1239999Z":  "2024-01-01T10:00:00.123Z",
		} {
			at, err := scim.ParseDateTime(in)
			if got := scim.FormatTime(at); err != nil || got != want {
				t.Errorf("%s is written %s, %v; want %s", in, got, err, want)
			}
		}
		if got := scim.FormatTime(time.Date(2026, 3, 1, 9, 15, 30, 120e6, time.FixedZone("", 3600))); got != "2026-03-01T08:15:30.120Z" {
			t.Errorf("FormatTime in another zone = %s", got)
		}
	})
}
