package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// atOnce runs do so many times at once, and fails the test if any fails.
func atOnce(t *testing.T, n int, do func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := do(i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// testConcurrent runs transactions at once that read what they change.
func testConcurrent(t *testing.T, db *store.DB) {
	const many = 24
	tid := MustTenant(t, db, "env")
	user := mustInsert(t, db)(NewUser(tid, "u-1", "Ada"))
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.SetCredential(&store.Credential{TID: user.TID, RID: user.RID}) })
	update := func(fn func(*store.Tx) error) error { return db.Update(context.Background(), fn) }

	atOnce(t, many, func(int) error {
		return update(func(tx *store.Tx) error {
			old, err := tx.ByID(tid, store.User, "u-1")
			if err != nil {
				return err
			}
			row := *old
			row.Version++
			return tx.Replace(old, &row, old.Resource().Attributes())
		})
	})
	atOnce(t, many, func(int) error {
		return update(func(tx *store.Tx) error {
			c, err := tx.Credential(user.TID, user.RID)
			if err != nil {
				return err
			}
			c.Failures++
			return tx.SetCredential(c)
		})
	})
	var made sync.Map
	atOnce(t, many, func(i int) error {
		return update(func(tx *store.Tx) error {
			if value, err := tx.Setting("made once"); !errors.Is(err, store.ErrNotFound) {
				made.Store(string(value), true)
				return err
			}
			made.Store(fmt.Sprint(i), true)
			return tx.SetSetting("made once", []byte(fmt.Sprint(i)))
		})
	})
	MustView(t, db, func(tx *store.Tx) error {
		row, err1 := tx.ByID(tid, store.User, "u-1")
		c, err2 := tx.Credential(user.TID, user.RID)
		kept, err3 := tx.Setting("made once")
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		if row.Version != 1+many || c.Failures != many {
			t.Errorf("version %d and %d failures after %d changes of each", row.Version, c.Failures, many)
		}
		made.Range(func(value, _ any) bool {
			if value != string(kept) {
				t.Errorf("%v was taken for the setting, which is %s", value, kept)
			}
			return true
		})
		return nil
	})
}

// testConcurrentRelations lets some relate to what others delete, and define
// indexes of what others create: see MustCheck.
func testConcurrentRelations(t *testing.T, db *store.DB) {
	const many = 12
	tid := MustTenant(t, db, "env")
	group := mustInsert(t, db)(NewGroup(tid, "g-1", "All"))
	var users []*store.Row
	for i := range many {
		users = append(users, mustInsert(t, db)(NewUser(tid, fmt.Sprint("u-", i), fmt.Sprint("user", i))))
	}
	update := func(fn func(*store.Tx) error) error { return db.Update(context.Background(), fn) }
	atOnce(t, 2*many, func(i int) error {
		user := users[i/2]
		return update(func(tx *store.Tx) error {
			if i%2 == 0 {
				return tx.Delete(user)
			}
			return second(tx.AddMembers(group.TID, group.RID, user.RID))
		})
	})
	MustCheck(t, db)
	atOnce(t, 2*many, func(i int) error {
		return update(func(tx *store.Tx) error {
			if i%6 != 0 {
				row, attrs := NewUser(tid, fmt.Sprint("n-", i), fmt.Sprint("new", i))
				return tx.Insert(row, attrs)
			}
			path := fmt.Sprint("urn:example:x:a", i)
			if err := tx.LockTenant(tid); err != nil {
				return err
			}
			if _, err := tx.SetIndexes(tid, store.User, []store.Index{{Path: path, Type: scim.TypeString}}); err != nil {
				return err
			}
			return tx.IndexAbsent(tid, store.User, path)
		})
	})
}

// testFeed reads the changes while others write them, in transactions of
// different length: none is missed, and none comes before one that was read.
func testFeed(t *testing.T, db *store.DB) {
	const writers, each = 8, 25
	tid := MustTenant(t, db, "env")
	written := make(chan struct{})
	go func() {
		defer close(written)
		atOnce(t, writers, func(w int) error {
			for i := range each {
				err := db.Update(context.Background(), func(tx *store.Tx) error {
					for n := range 2 {
						c := &store.Change{TID: tid, At: now, Op: store.OpCreate, Type: store.User, ID: fmt.Sprint(w, "-", i, "-", n), Version: 1}
						if err := tx.AppendAnswer(c); err != nil {
							return err
						}
						time.Sleep(time.Duration((w*i)%3) * time.Millisecond)
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}()
	seen := map[string]bool{}
	position := int64(0)
	read := func() (n int) {
		MustView(t, db, func(tx *store.Tx) error {
			page, err := tx.Changes(tid, position, 7)
			for _, c := range page {
				if c.Seq <= position || seen[c.ID] {
					t.Errorf("change %d of %s is read after %d", c.Seq, c.ID, position)
				}
				position, seen[c.ID] = c.Seq, true
			}
			n = len(page)
			return err
		})
		return n
	}
	for done := false; !done; {
		select {
		case <-written:
			done = true
		default:
			read()
		}
	}
	// What is settled last may be so a moment after the others.
	for end := time.Now().Add(20 * time.Second); len(seen) < 2*writers*each && time.Now().Before(end); {
		if read() == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	if len(seen) != 2*writers*each {
		t.Errorf("%d changes were read of %d", len(seen), 2*writers*each)
	}
}
