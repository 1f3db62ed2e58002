package auth

import (
	"math"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// maxRemembered is how many clients, addresses and proofs are remembered, each.
const maxRemembered = 10_000

// anonymousRate is how many requests a second one address (of IPv6, one /64)
// may send without a credential, and how many at once (scim SEC-14).
const anonymousRate = 100

// rates hold each of many, clients or addresses, to so many requests a second
// (scim HTTP-19).
type rates struct {
	limit rate.Limit // 0: no limit
	burst int

	mu      sync.Mutex
	buckets *recent[string, *rate.Limiter]
}

// A doorRate holds all clients of a door together to so many requests a second,
// and each address to its share of them. The zero doorRate holds nobody.
type doorRate struct{ all, addresses *rates }

// share is how much of the rate of a door one address may use (pingone B55).
const share = 0.35

func newDoorRates(perSecond map[string]float64) map[string]doorRate {
	out := map[string]doorRate{}
	for door, n := range perSecond {
		out[door] = doorRate{newRates(n), newRates(share * n)}
	}
	return out
}

// take counts a request that comes from host:port. Errors: RuleRate.
func (r doorRate) take(remote string, now time.Time) error {
	if r.all == nil {
		return nil
	}
	if err := r.addresses.take(source(remote), now); err != nil {
		return err
	}
	return r.all.take("", now)
}

// newRates allows so many requests a second, and as many at once.
func newRates(perSecond float64) *rates {
	return &rates{limit: rate.Limit(perSecond), burst: max(1, int(perSecond)), buckets: newRecent[string, *rate.Limiter](maxRemembered)}
}

// take counts a request of who. Errors: RuleRate.
func (r *rates) take(who string, now time.Time) error {
	if r.limit <= 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	bucket, ok := r.buckets.get(who)
	if !ok {
		bucket = rate.NewLimiter(r.limit, r.burst)
		r.buckets.set(who, bucket)
	}
	turn := bucket.ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait <= 0 {
		return nil
	}
	turn.CancelAt(now)
	return tooOften("requests", wait, strconv.Itoa(r.burst))
}

// tooOften returns RuleRate with the time to wait in whole seconds, at least
// one, and the limit if that may be known.
func tooOften(what string, wait time.Duration, limit ...string) error {
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	return &scim.Error{Rule: scim.RuleRate, Allowed: append([]string{strconv.Itoa(seconds)}, limit...), Detail: "too many " + what}
}
