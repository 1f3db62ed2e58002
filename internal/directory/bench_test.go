package directory_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// example is a user of the size that the published figures are about: 1.1 KB of JSON.
const example = `{"userName":"user%[1]d","externalId":"ext-%[1]d","name":{"formatted":"Ms. Barbara J Jensen %[1]d, III","familyName":"Jensen%[1]d","givenName":"Barbara","middleName":"Jane"},
"displayName":"Babs Jensen %[1]d","nickName":"Babs","title":"Tour Guide","userType":"Employee","preferredLanguage":"en-US","locale":"en-US","timezone":"America/Los_Angeles","active":true,
"emails":[{"value":"bjensen%[1]d@example.com","type":"work","primary":true},{"value":"babs%[1]d@jensen.example","type":"home"}],
"phoneNumbers":[{"value":"555-555-%[1]d","type":"work"},{"value":"555-555-4444","type":"mobile"}],
"addresses":[{"type":"work","streetAddress":"100 Universal City Plaza","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US","primary":true}],
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"%[1]d","costCenter":"4130","organization":"Universal Studios","division":"Theme Park","department":"Tour Operations"}}`

// measure runs work, as many at a time as callers, and reports the processor
// time of one beside the time that it took: on a machine with other work that is
// what can be compared.
func measure(b *testing.B, callers int, work func(n int64) error) {
	var n atomic.Int64
	b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
	before := cpu(b)
	b.ResetTimer()
	each := func(more func() bool) {
		for more() {
			if err := work(n.Add(1)); err != nil {
				b.Error(err)
			}
		}
	}
	if callers == 1 { // RunParallel has as many as processors
		each(func() bool { return n.Load() < int64(b.N) })
	} else {
		b.RunParallel(func(pb *testing.PB) { each(pb.Next) })
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/1000, "cpu-µs/op")
}

// cpu returns the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func BenchmarkCreate(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			w := open(b)
			measure(b, callers, func(n int64) error {
				_, err := w.Create(ctx, w.dev, w.home, user(b, fmt.Sprintf(example, n)))
				return err
			})
		})
	}
}

// BenchmarkReads measures what a request reads: the caller of a secret, a user
// without groups and one with, a user by name, a page of users.
func BenchmarkReads(b *testing.B) {
	const users = 1000
	w := open(b)
	var ids []string
	for n := range users {
		ids = append(ids, w.create(b, user(b, fmt.Sprintf(example, n))).ID)
	}
	joined := user(b, fmt.Sprintf(example, users))
	joined.DefaultGroup = true
	member := w.create(b, joined).ID
	page := func(filter string, count int) func(int64) error {
		return func(n int64) error {
			q := directory.Query{Type: "User", Count: count, Include: directory.Include{Groups: true}}
			if filter != "" {
				f, err := scim.ParseFilter(fmt.Sprintf(filter, n%users), scim.FilterOptions{})
				if err == nil {
					q.Filter, err = scim.UserType().Resolve(f, scim.FilterOptions{})
				}
				if err != nil {
					return err
				}
			}
			p, err := w.List(ctx, w.dev, w.home, q)
			if err == nil && len(p.Resources) != count {
				err = fmt.Errorf("%d resources", len(p.Resources))
			}
			return err
		}
	}
	for _, work := range []struct {
		name string
		do   func(n int64) error
	}{
		{"authenticate", func(int64) error {
			_, err := w.AuthenticateSecret(ctx, directorytest.DevToken)
			return err
		}},
		{"user", func(n int64) error {
			_, err := w.Read(ctx, w.dev, w.home, "User", ids[n%users], directory.Include{Groups: true})
			return err
		}},
		{"member", func(int64) error {
			_, err := w.Read(ctx, w.dev, w.home, "User", member, directory.Include{Groups: true})
			return err
		}},
		{"name", page(`userName eq "user%d"`, 1)},
		{"email", page(`emails.value eq "bjensen%d@example.com"`, 1)},
		{"page", page("", 100)},
	} {
		b.Run(work.name, func(b *testing.B) { measure(b, 16, work.do) })
	}
}
