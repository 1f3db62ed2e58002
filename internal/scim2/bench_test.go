package scim2_test

import (
	"fmt"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// BenchmarkRead and BenchmarkList measure a door with all that stands before
// and behind it, but for the network.
func BenchmarkRead(b *testing.B) {
	for dialect, open := range profiles {
		b.Run(dialect, func(b *testing.B) {
			d := open(b, scim2.Options{})
			id := d.user(b, `{"userName":"ada","externalId":"7","name":{"givenName":"Ada","familyName":"L"},"title":"x","emails":[{"value":"a@x.example","type":"work","primary":true}]}`)
			b.ReportAllocs()
			for b.Loop() {
				d.do("GET /Users/"+id, "")
			}
		})
	}
}

func BenchmarkList(b *testing.B) {
	for dialect, open := range profiles {
		b.Run(dialect, func(b *testing.B) {
			d := open(b, scim2.Options{})
			for i := range 100 {
				d.user(b, fmt.Sprintf(`{"userName":"u%d","name":{"givenName":"Ada","familyName":"L"},"title":"x","emails":[{"value":"a@x.example","type":"work","primary":true}]}`, i))
			}
			b.ReportAllocs()
			for b.Loop() {
				d.do("GET /Users?count=100", "")
			}
		})
	}
}
