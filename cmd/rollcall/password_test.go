package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

func TestPasswordFlags(t *testing.T) {
	const day = 24 * time.Hour
	lasting := directory.DefaultPolicy
	lasting.MaxAge, lasting.Reminders = 90*day, [2]time.Duration{14 * day, 3 * day}
	for _, tt := range []struct {
		name  string
		flags passwordFlags
		want  *directory.Policy // nil for a usage error
	}{
		{"none", passwordFlags{}, &directory.DefaultPolicy},
		{"two reminders", passwordFlags{90, []int{14, 3}}, &lasting},
		{"negative", passwordFlags{-1, nil}, nil},
		{"reminders of nothing", passwordFlags{0, []int{14}}, nil},
		{"three reminders", passwordFlags{90, []int{14, 7, 3}}, nil},
		{"a reminder before the password is set", passwordFlags{90, []int{90}}, nil},
		{"a reminder of no days", passwordFlags{90, []int{0}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.flags.policy()
			if _, usage := err.(usageError); usage != (tt.want == nil) || !cmp.Equal(got, tt.want) {
				t.Errorf("%v: %s", err, cmp.Diff(tt.want, got))
			}
		})
	}
}
