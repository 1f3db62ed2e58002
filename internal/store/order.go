package store

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Position is a place between two resources in the order of a list: a page
// begins after it or, going back, ends before it. It holds while others write:
// a walk from position to position meets every resource that is there
// throughout, and is not changed, exactly once.
//
// It is plain data. A door that gives it to clients makes sure that it comes
// back with the same query.
type Position struct {
	Keys []string // what the resource at hand is sorted by
	RID  int64    // its key in the store
	Back bool     // the page is the one before it
}

// Keys are as Position has them: keyed puts a mark before those that are
// there, so that a missing one is empty.
const keyed = "="

// check refuses a position that is none in this order.
func (p *Position) check(sorts []scim.SortKey) error {
	if p == nil {
		return nil
	}
	bad := len(p.Keys) != len(sorts) || slices.ContainsFunc(p.Keys, func(key string) bool { return key != "" && !strings.HasPrefix(key, keyed) })
	if bad {
		return &scim.Error{Rule: scim.RuleParameter, Path: "cursor", Detail: "it belongs to another order"}
	}
	return nil
}

// An order is a total order of resources. Without keys it is that of creation.
// Those that are equal by all keys are in order of creation or, if the first
// key is descending, its reverse, which indexes can be walked in.
type order []scim.SortKey

// A place is where a resource is in an order.
type place struct {
	keys []string // as in Position
	rid  int64
}

// place returns where the row is in the order.
func (o order) place(row *Row) place {
	at := place{rid: row.RID}
	for _, k := range o {
		key, ok := k.Key(row.Resource())
		if ok {
			key = keyed + key // a copy: the key must not keep the document in memory
		}
		at.keys = append(at.keys, key)
	}
	return at
}

func (o order) compare(a, b place) int {
	for i, k := range o {
		x, y := a.keys[i], b.keys[i]
		if x == y {
			continue
		}
		c := strings.Compare(x, y)
		if x == "" || y == "" {
			c = -c // missing ones last (RFC 7644 3.4.2.3)
			if k.CREST {
				return c
			}
		}
		if k.Descending {
			c = -c
		}
		return c
	}
	if o.reversed() {
		return cmp.Compare(b.rid, a.rid)
	}
	return cmp.Compare(a.rid, b.rid)
}

// bounds returns where in found, which is in order, the page at the position
// begins and ends.
func (o order) bounds(found []place, at *Position, count int) (begin, end int) {
	here := place{at.Keys, at.RID}
	if at.Back {
		end = sort.Search(len(found), func(i int) bool { return o.compare(found[i], here) >= 0 })
		return max(0, end-count), end
	}
	begin = sort.Search(len(found), func(i int) bool { return o.compare(found[i], here) > 0 })
	return begin, min(begin+count, len(found))
}

// link sets the neighbours of a page, whose resources are at the places given;
// before and after say whether there are others on either side. A page at a cursor may
// have lost all of its resources, but those beyond the cursor are still there.
func (o order) link(p *Page, cursor *Position, page []place, before, after bool) {
	if len(page) > 0 {
		first, last := page[0], page[len(page)-1]
		p.Previous, p.Next = &Position{first.keys, first.rid, true}, &Position{last.keys, last.rid, false}
	} else if cursor != nil {
		// Just beyond the resource that the cursor names, so that it is met.
		step := int64(1)
		if o.reversed() {
			step = -1
		}
		p.Previous, p.Next = &Position{cursor.Keys, cursor.RID + step, true}, &Position{cursor.Keys, cursor.RID - step, false}
	}
	if !before {
		p.Previous = nil
	}
	if !after {
		p.Next = nil
	}
}

// reversed reports whether resources that are equal by all keys are in the
// reverse of the order of creation.
func (o order) reversed() bool { return len(o) > 0 && o[0].Descending }

// uses reports whether the order reads the attribute, as groups or members.
func (o order) uses(attr string) bool {
	return slices.ContainsFunc(o, func(k scim.SortKey) bool { return k.Uses(attr) })
}
