package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// What no index answers has a budget, in resources and in time.
func TestBudget(t *testing.T) {
	const users = 10
	for _, test := range []struct {
		name   string
		cfg    store.Config
		filter string
		want   string // the attribute to index; empty for an answer
	}{
		{"just enough", store.Config{ScanRows: users}, `title eq "boss"`, ""},
		{"one too many", store.Config{ScanRows: users - 1}, `title eq "boss"`, "title"},
		{"an index helps", store.Config{ScanRows: 1}, `title eq "boss" and emails.value eq "user1@example.com"`, ""},
		{"an index does not help enough", store.Config{ScanRows: 1}, `title eq "boss" and active eq true`, "title"},
		{"the attribute without an index is named", store.Config{ScanRows: 1}, `active eq true and title eq "boss"`, "title"},
		{"the index alone answers", store.Config{ScanRows: 1}, `active eq true`, ""},
		{"by another comparison", store.Config{ScanRows: 1}, `not (title co "boss")`, "title"},
		{"in a value path", store.Config{ScanRows: 1}, `phoneNumbers[type eq "work"] or title pr`, "phoneNumbers"},
		{"out of time", store.Config{ScanTime: time.Nanosecond}, `title eq "boss"`, "title"},
		{"out of time within an index", store.Config{ScanTime: time.Nanosecond}, `displayName co "boss"`, "displayName"},
		{"one resource has time enough", store.Config{ScanTime: time.Nanosecond}, `userName eq "user1"`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.Path = filepath.Join(t.TempDir(), "rollcall.db")
			db, err := store.Open(context.Background(), test.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			tid := storetest.MustTenant(t, db, "env")
			storetest.MustUpdate(t, db, func(tx *store.Tx) error {
				for i := range users {
					row, attrs := storetest.NewUser(tid, fmt.Sprint("u-", i), fmt.Sprint("user", i))
					if err := tx.Insert(row, attrs); err != nil {
						return err
					}
				}
				return nil
			})
			f := storetest.MustFilter(t, store.User, test.filter)
			err = db.View(context.Background(), func(tx *store.Tx) error {
				_, err := tx.Select(store.Query{TID: tid, Type: store.User, Filter: f, Count: 10})
				return err
			})
			var fault *scim.Error
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (!errors.As(err, &fault) || fault.Rule != scim.RuleTooMany || fault.Path != test.want):
				t.Errorf("%v, want too many for %s", err, test.want)
			}
		})
	}
}

func TestScanEndsWithItsContext(t *testing.T) {
	db := storetest.Open(t)
	tid := storetest.MustTenant(t, db, "env")
	row, attrs := storetest.NewUser(tid, "u-1", "Ada")
	storetest.MustUpdate(t, db, func(tx *store.Tx) error { return tx.Insert(row, attrs) })
	f := storetest.MustFilter(t, store.User, `title eq "boss"`)
	ctx, cancel := context.WithCancel(context.Background())
	err := db.View(ctx, func(tx *store.Tx) error {
		cancel()
		_, err := tx.Select(store.Query{TID: tid, Type: store.User, Filter: f})
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
