package store_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// TestIndexesByEnvironment: every index of PostgreSQL begins with the
// environment but those that docs/scaling.md accounts for.
func TestIndexesByEnvironment(t *testing.T) {
	t.Parallel()
	want := []string{
		"setting setting_pkey",
		// by which the environment is found
		"tenant tenant_id", "tenant tenant_name", "api_client api_client_id", "api_secret api_secret_hash", "stream stream_id",
	}
	var got []string
	for index, column := range store.FirstColumns(t, storetest.MustOpen(t, storetest.Postgres(t))) {
		if column != "tid" {
			got = append(got, index)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
