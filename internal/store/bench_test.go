package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

var start = time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)

// BenchmarkInsert measures what a create costs the store: the user, its index
// rows, the counter, a change and an audit row, on disk.
func BenchmarkInsert(b *testing.B) {
	for _, submitters := range []int{1, 64} {
		b.Run(fmt.Sprintf("submitters=%d", submitters), func(b *testing.B) {
			db := storetest.Open(b)
			tid := storetest.MustTenant(b, db, "env")
			var n atomic.Int64
			b.SetParallelism(submitters / runtime.GOMAXPROCS(0))
			if submitters == 1 {
				for b.Loop() {
					create(b, db, tid, n.Add(1))
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					create(b, db, tid, n.Add(1))
				}
			})
		})
	}
}

func create(b *testing.B, db *store.DB, tid, n int64) {
	// Names in no order, as real ones are.
	row, attrs := storetest.NewUser(tid, fmt.Sprintf("%016x", uint64(n)*0x9e3779b97f4a7c15), fmt.Sprintf("u%016x", uint64(n)*0xc2b2ae3d27d4eb4f))
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		return errors.Join(tx.Insert(row, attrs),
			tx.AppendChange(&store.Change{TID: tid, At: start, Op: store.OpCreate, Type: store.User, ID: row.ID, Version: 1, Actor: 1, Request: row.ID}),
			tx.AppendAudit(&store.Audit{TID: tid, At: start, Client: "client", Door: "scim2", Action: "create", Type: "User", ID: row.ID, Outcome: "done", Request: row.ID}))
	})
	if err != nil {
		b.Error(err)
	}
}

// BenchmarkByID measures a read by id among 20,000 users.
func BenchmarkByID(b *testing.B) {
	const users = 20_000
	db, err := store.Open(context.Background(), storetest.Config(b))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	tid := storetest.MustTenant(b, db, "env")
	storetest.MustUpdate(b, db, func(tx *store.Tx) error {
		for i := range users {
			row, attrs := storetest.NewUser(tid, fmt.Sprint("u-", i), fmt.Sprint("user", i))
			if err := tx.Insert(row, attrs); err != nil {
				return err
			}
		}
		return nil
	})
	var n atomic.Int64
	read := func(b *testing.B) {
		id := fmt.Sprint("u-", n.Add(7919)%users)
		err := db.View(context.Background(), func(tx *store.Tx) error {
			_, err := tx.ByID(tid, store.User, id)
			return err
		})
		if err != nil {
			b.Error(err)
		}
	}
	b.Run("readers=1", func(b *testing.B) {
		for b.Loop() {
			read(b)
		}
	})
	b.Run("readers=8", func(b *testing.B) {
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				read(b)
			}
		})
	})
}
