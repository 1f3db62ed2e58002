package directory_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

// example is a user of the size that the published figures are about: 1.1 KB of JSON.
const example = `{"userName":"user%[1]d","externalId":"ext-%[1]d","name":{"formatted":"Ms. Barbara J Jensen %[1]d, III","familyName":"Jensen%[1]d","givenName":"Barbara","middleName":"Jane"},
"displayName":"Babs Jensen %[1]d","nickName":"Babs","title":"Tour Guide","userType":"Employee","preferredLanguage":"en-US","locale":"en-US","timezone":"America/Los_Angeles","active":true,
"emails":[{"value":"bjensen%[1]d@example.com","type":"work","primary":true},{"value":"babs%[1]d@jensen.example","type":"home"}],
"phoneNumbers":[{"value":"555-555-%[1]d","type":"work"},{"value":"555-555-4444","type":"mobile"}],
"addresses":[{"type":"work","streetAddress":"100 Universal City Plaza","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US","primary":true}],
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"%[1]d","costCenter":"4130","organization":"Universal Studios","division":"Theme Park","department":"Tour Operations"}}`

func BenchmarkCreate(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			w := open(b)
			var n atomic.Int64
			b.SetParallelism(max(1, callers/2))
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := w.Create(ctx, w.dev, w.home, user(b, fmt.Sprintf(example, n.Add(1)))); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkRead(b *testing.B) {
	w := open(b)
	r := w.create(b, user(b, fmt.Sprintf(example, 1)))
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := w.Read(ctx, w.dev, w.home, "User", r.ID, directory.Include{Groups: true}); err != nil {
				b.Error(err)
			}
		}
	})
}
