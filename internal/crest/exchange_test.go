package crest_test

import (
	"testing"

	"github.com/rollcall-directory/rollcall/internal/crest"
	"github.com/rollcall-directory/rollcall/internal/exchange"
)

// TestExchanges replays the recorded conversations.
func TestExchanges(t *testing.T) {
	for _, pattern := range []string{"testdata/aic/*.txtar", "testdata/aic/auth/*.txtar"} {
		exchange.Run(t, pattern, func(t testing.TB) exchange.Target {
			return exchange.Target{Handler: open(t, crest.AIC), Vars: map[string]string{"BASE": publicURL}}
		})
	}
}
