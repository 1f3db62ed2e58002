package scim_test

import (
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func BenchmarkNormalize(b *testing.B) {
	b.ReportAllocs()
	in := mustRead(b, user).Object()
	for b.Loop() {
		if _, faults := scim.UserType().Normalize(in, scim.Checks{}); faults != nil {
			b.Fatal(faults)
		}
	}
}
