package store_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// The same with so few resources to a filter that those of the test are many.
func TestFilters(t *testing.T) {
	t.Parallel()
	for _, few := range []int{1, 4} {
		t.Run(fmt.Sprint(few), func(t *testing.T) {
			t.Parallel()
			db, err := store.Open(context.Background(), store.Config{Path: filepath.Join(t.TempDir(), "rollcall.db"), Few: few})
			if err != nil {
				t.Fatal(err)
			}
			storetest.Filters(t, db)
			checkPlans(t, store.Plans(t, db))
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSQLite(t *testing.T) {
	plans := map[string][]string{}
	storetest.Run(t, func(t testing.TB) *store.DB {
		db := storetest.MustOpen(t, storetest.SQLite(t))
		t.Cleanup(func() { maps.Copy(plans, store.Plans(t, db)) })
		return db
	})
	checkPlans(t, plans)
	if len(plans) < 50 {
		t.Errorf("only %d statements seen", len(plans))
	}
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t testing.TB) *store.DB { return storetest.MustOpen(t, storetest.Postgres(t)) })
}

// checkPlans makes sure that statements find their rows by an index, or say that
// they do not.
func checkPlans(t *testing.T, plans map[string][]string) {
	t.Helper()
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
}
