package store_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
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
	reads := map[string][]store.Read{}
	storetest.Run(t, func(t testing.TB) *store.DB {
		db := storetest.MustOpen(t, storetest.Postgres(t))
		t.Cleanup(func() { maps.Copy(reads, store.Reads(t, db)) })
		return db
	})
	checkReads(t, reads)
	if len(reads) < 50 {
		t.Errorf("only %d statements seen", len(reads))
	}
}

// TestPlansWithoutStatistics: the right indexes are walked in a database that was filled
// a moment ago, which nobody has analyzed.
func TestPlansWithoutStatistics(t *testing.T) {
	t.Parallel()
	db := storetest.MustOpen(t, storetest.Postgres(t))
	tid := storetest.MustTenant(t, db, "env")
	addUsers(t, db, tid, 0, 1000)
	want := map[string]string{}
	ask := func(index string, fn func(tx *store.Tx) error) {
		before := store.Reads(t, db)
		storetest.MustView(t, db, fn)
		for text := range store.Reads(t, db) {
			if _, known := before[text]; !known {
				want[text] = index
			}
		}
	}
	ask("resource_id", func(tx *store.Tx) error { _, err := tx.ByID(tid, store.User, "u-7"); return err })
	ask("resource_key", func(tx *store.Tx) error { _, err := tx.ByKey(tid, store.User, "user7"); return err })
	ask("resource_ext", func(tx *store.Tx) error { _, err := tx.ByExternalID(tid, store.User, "e", 2); return err })
	ask("resource_id", func(tx *store.Tx) error { _, err := tx.Resolve(tid, store.User, []string{"u-7"}); return err })
	ask("member_rev", func(tx *store.Tx) error { _, err := tx.Containing(tid, 7); return err })
	ask("member_pkey", func(tx *store.Tx) error { _, err := tx.MemberRIDs(tid, 7); return err })
	reads := store.Reads(t, db)
	for text, index := range want {
		if got := reads[text][0].Index; got != index {
			t.Errorf("%s\n%+v, want %s", text, reads[text], index)
		}
	}
	if len(want) != 6 {
		t.Errorf("%d statements, want 6", len(want))
	}
}

// checkReads makes sure that statements read the rows of one environment, by an index,
// or say that they do not. The tables by which the environment is found are another matter.
func checkReads(t *testing.T, reads map[string][]store.Read) {
	t.Helper()
	for text, plan := range reads {
		if strings.HasPrefix(text, "-- reads everything") {
			continue
		}
		for _, read := range plan {
			switch read.Table {
			case "tenant", "api_client", "api_secret", "stream", "setting", "schema_version":
				continue
			}
			if strings.HasPrefix(read.Table, "pg_") {
				continue
			}
			if read.Node == "Seq Scan" || onlyEnvironment.MatchString(read.Cond) && read.Where != read.Cond || !ofEnvironment.MatchString(read.Where) {
				t.Errorf("%s\n%+v", text, read)
			}
		}
	}
}

// wholeEnvironment matches a step that reads all rows of an environment in a table that
// may have many.
var wholeEnvironment = regexp.MustCompile(`^SEARCH (resource|attr|member|unique_value|[rmgp]) .*\(tid=\?\)`)

// onlyEnvironment matches the condition of an index of which the beginning alone is used.
var onlyEnvironment = regexp.MustCompile(`^\(tid = [^()]*\)$`)

var ofEnvironment = regexp.MustCompile(`\btid = `)

// checkPlans makes sure that statements find their rows by an index, or say that
// they do not.
func checkPlans(t *testing.T, plans map[string][]string) {
	t.Helper()
	for text, plan := range plans {
		if strings.HasSuffix(text, "octet_length(val) > 252)") && !strings.Contains(strings.Join(plan, " "), "attr_long") {
			t.Errorf("%s\n%s", text, strings.Join(plan, "\n"))
		}
		for _, step := range plan {
			table, scanned := strings.CutPrefix(step, "SCAN ")
			table, _, _ = strings.Cut(table, " ")
			switch {
			case strings.HasPrefix(text, "-- reads everything"):
			case wholeEnvironment.MatchString(step) && !strings.HasSuffix(strings.TrimSuffix(text, ")"), " WHERE tid = $1"): // it is deleted
				t.Errorf("%s\n%s", text, strings.Join(plan, "\n"))
			case !scanned:
			case table == "page", table == "found", table == "w", table == "up", table == "down", table == "json_each", table == "CONSTANT", strings.HasPrefix(table, "(subquery"):
				// a list that the statement makes or is given
			default:
				t.Errorf("%s\n%s", text, strings.Join(plan, "\n"))
			}
		}
	}
}
