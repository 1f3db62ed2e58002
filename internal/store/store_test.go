package store_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

func TestSQLite(t *testing.T) {
	plans := map[string][]string{}
	storetest.Run(t, func(t testing.TB) *store.DB {
		db := storetest.Open(t)
		t.Cleanup(func() { maps.Copy(plans, store.Plans(t, db)) })
		return db
	})
	// Whatever the suite ran finds its rows by an index, or says that it does not.
	for text, plan := range plans {
		for _, step := range plan {
			table, scanned := strings.CutPrefix(step, "SCAN ")
			table, _, _ = strings.Cut(table, " ")
			switch {
			case !scanned, strings.HasPrefix(text, "-- reads everything"):
			case table == "page", table == "found", table == "w", table == "up", table == "down", table == "json_each", table == "CONSTANT", strings.HasPrefix(table, "(subquery"):
				// a list that the statement makes or is given
			default:
				t.Errorf("%s\n%s", text, strings.Join(plan, "\n"))
			}
		}
	}
	if len(plans) < 50 {
		t.Errorf("only %d statements seen", len(plans))
	}
}
