package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A model is what one environment should hold.
type model struct {
	tid     int64
	rows    map[string]*store.Row // by id
	members map[string]bool       // of the group
	group   *store.Row
}

// testModel does random operations on an environment, then compares all reads
// with a model of it, and what the database keeps twice with itself.
func testModel(t *testing.T, db *store.DB) {
	var environments atomic.Int64
	name := rapid.StringMatching(`[A-Dß]{1,2}`)
	id := rapid.StringMatching(`[1-6]`)
	// Long values with characters of several bytes at the place of the cut.
	value := rapid.OneOf(rapid.StringMatching(`[a-cé]{0,3}`), rapid.StringMatching(`[a-c]{250,254}[é€😀]{1,3}[a-c]{0,2}`))
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{rows: map[string]*store.Row{}, members: map[string]bool{}}
		m.tid = MustTenant(t, db, fmt.Sprint("env-", environments.Add(1)))
		m.group = mustInsert(t, db)(NewGroup(m.tid, "g", "Group"))
		draw := func() (*store.Row, *scim.Object) {
			row, attrs := NewUser(m.tid, id.Draw(rt, "id"), name.Draw(rt, "name"))
			attrs.Set("emails", scim.ListValue())
			for _, v := range rapid.SliceOfN(value, 0, 3).Draw(rt, "emails") {
				attrs.Set("emails", scim.ListValue(append(attrs.Get("emails").List(), email(v, "work"))...))
			}
			attrs.Set("active", scim.BoolValue(rapid.Bool().Draw(rt, "active")))
			row.ExternalID = rapid.SampledFrom([]string{"", "x", "y"}).Draw(rt, "externalId")
			row.Doc = scim.ObjectValue(attrs).AppendJSON(nil)
			return row, attrs
		}
		update := func(fn func(tx *store.Tx) error) error { return db.Update(context.Background(), fn) }
		rt.Repeat(map[string]func(*rapid.T){
			"insert": func(rt *rapid.T) {
				row, attrs := draw()
				err := update(func(tx *store.Tx) error { return tx.Insert(row, attrs) })
				if !m.refused(row, "", err) {
					rt.Fatalf("insert %s %s: %v", row.ID, row.Key, err)
				}
				if err == nil {
					m.rows[row.ID] = row
				}
			},
			"replace": func(rt *rapid.T) {
				old := m.any(rt)
				row, attrs := draw()
				row.RID, row.Version = old.RID, old.Version+1
				err := update(func(tx *store.Tx) error { return tx.Replace(old, row, attrs) })
				if !m.refused(row, old.ID, err) {
					rt.Fatalf("replace %s by %s %s: %v", old.ID, row.ID, row.Key, err)
				}
				if err == nil {
					delete(m.rows, old.ID)
					m.rows[row.ID] = row
					if m.members[old.ID] {
						delete(m.members, old.ID)
						m.members[row.ID] = true
					}
				}
			},
			"delete": func(rt *rapid.T) {
				old := m.any(rt)
				if err := update(func(tx *store.Tx) error { return tx.Delete(old) }); err != nil {
					rt.Fatal(err)
				}
				delete(m.rows, old.ID)
				delete(m.members, old.ID)
			},
			"join": func(rt *rapid.T) {
				user := m.any(rt)
				err := update(func(tx *store.Tx) error { return second(tx.AddMembers(m.group.TID, m.group.RID, user.RID)) })
				if err != nil {
					rt.Fatal(err)
				}
				m.members[user.ID] = true
			},
			"leave": func(rt *rapid.T) {
				user := m.any(rt)
				err := update(func(tx *store.Tx) error { return second(tx.RemoveMembers(m.group.TID, m.group.RID, user.RID)) })
				if err != nil {
					rt.Fatal(err)
				}
				delete(m.members, user.ID)
			},
			"fail": func(rt *rapid.T) {
				row, attrs := draw()
				oops := errors.New("oops")
				err := update(func(tx *store.Tx) error {
					tx.Insert(row, attrs)
					return oops
				})
				if !errors.Is(err, oops) {
					rt.Fatal(err)
				}
			},
		})
		if err := db.View(context.Background(), m.compare); err != nil {
			rt.Fatal(err)
		}
		MustCheck(t, db)
		MustUpdate(t, db, func(tx *store.Tx) error { return tx.DeleteTenant(m.tid) })
	})
}

// any draws a resource; without one the step is skipped.
func (m *model) any(rt *rapid.T) *store.Row {
	if len(m.rows) == 0 {
		rt.Skip("nothing there")
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(m.rows))).Draw(rt, "which")
	return m.rows[id]
}

// refused returns whether err is right for storing the row in the place of old:
// if both id and key are taken, either may be named.
func (m *model) refused(row *store.Row, old string, err error) bool {
	id, key := false, false
	for other, r := range m.rows {
		if other != old {
			id, key = id || other == row.ID, key || r.Key == row.Key
		}
	}
	return err == nil && !id && !key || id && errors.Is(err, store.ErrIDTaken) || key && errors.Is(err, store.ErrKeyTaken)
}

// compare reads everything in every way there is.
func (m *model) compare(tx *store.Tx) error {
	n, err := tx.Count(m.tid, store.User)
	if err != nil {
		return err
	}
	if n != len(m.rows) {
		return fmt.Errorf("%d counted, want %d", n, len(m.rows))
	}
	inOrder := slices.SortedFunc(maps.Values(m.rows), func(a, b *store.Row) int { return int(a.RID - b.RID) })
	page, total, err := selected(tx, store.Query{TID: m.tid, Type: store.User, Start: 2, Count: 3})
	if err != nil {
		return err
	}
	want := inOrder[min(1, len(inOrder)):min(4, len(inOrder))]
	if total != len(inOrder) || !slices.Equal(ids(page), ids(want)) {
		return fmt.Errorf("page %v of %d, want %v of %d", ids(page), total, ids(want), len(inOrder))
	}
	var members []int64
	for _, r := range inOrder {
		got, err := tx.ByKey(m.tid, store.User, r.Key)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Key, err)
		}
		if got.ID != r.ID || got.Version != r.Version || got.ExternalID != r.ExternalID || string(got.Doc) != string(r.Doc) {
			return fmt.Errorf("read %+v, want %+v", got, r)
		}
		if m.members[r.ID] {
			members = append(members, r.RID)
		}
	}
	rids, err := tx.MemberRIDs(m.group.TID, m.group.RID)
	if err == nil && !slices.Equal(rids, members) {
		err = fmt.Errorf("members %v, want %v", rids, members)
	}
	return err
}
