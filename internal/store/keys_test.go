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
		// of the installation, or asked before the environment is known
		"setting setting_pkey", "tenant tenant_id", "tenant tenant_name", "api_client api_client_id", "api_secret api_secret_hash",
		"stream stream_id", "promise promise_pkey", "promise promise_open",
		// numbers of tables that have a column tid
		"resource resource_pkey", "resource resource_pop", "attr_def attr_def_pkey", "schema_def schema_def_pkey", "type_def type_def_pkey",
		"api_client api_client_pkey", "stream stream_pkey", "change change_pkey", "audit audit_pkey",
		// tables that have none
		"attr attr_pkey", "attr attr_long", "unique_value unique_value_pkey", "member member_pkey", "member member_rev",
		"credential credential_pkey", "confirmation confirmation_pkey", "entitlement entitlement_pkey",
		"api_secret api_secret_pkey", "api_secret api_secret_client", "assertion assertion_pkey", "assertion assertion_expires",
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
