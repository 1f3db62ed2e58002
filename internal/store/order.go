package store

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

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

// Compare is negative if p comes before q in the order, positive if after. Resources of
// several types that are sorted by one attribute are in one order.
func (p Position) Compare(q Position, sorts []scim.SortKey) int {
	return order(sorts).compare(place{p.Keys, p.RID}, place{q.Keys, q.RID})
}

// Keys are as Position has them: keyed puts a mark before those that are
// there, so that a missing one is empty.
const keyed = "="

// check refuses a position that is none in this order.
func (p *Position) check(sorts []scim.SortKey) error {
	if p == nil {
		return nil
	}
	if len(p.Keys) != len(sorts) || slices.ContainsFunc(p.Keys, func(key string) bool { return key != "" && !strings.HasPrefix(key, keyed) }) {
		return errPosition
	}
	return nil
}

var errPosition = &scim.Error{Rule: scim.RuleParameter, Path: "cursor", Detail: "it belongs to another order"}

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
		if ok && textColumns[k.Path.String()] == "" {
			key = cut(key)
		}
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

// textColumns are the attributes that resources have as columns of text, which
// is NULL for none and for an empty one.
var textColumns = map[string]string{"id": "id", "externalId": "external_id", "userName": "key"}

// timeColumns are those that resources have as columns of milliseconds.
var timeColumns = map[string]string{"meta.created": "created", "meta.lastModified": "modified"}

// A segment is a part of an order that an index can be walked in: the resources
// that have the key, or those that have none.
type segment struct {
	missing bool
	from    func(*statement) // appends what follows FROM; a condition is at its end
	rid     string
	by      string                        // what it is sorted by before rid; empty for nothing
	value   func(key string) (any, error) // of by
	repeats bool                          // it may hold a resource several times
	// above, if not empty, is the condition that by is more than it ever is
	// where it counts as missing. After a position it goes without saying, and
	// would be taken for where to begin in the index.
	above string
}

// segments returns the parts of the query's order, in that order, of the
// resources that meet c, which is exact; nil if no index has the order.
func (tx *Tx) segments(q *Query, c *condition) ([]segment, error) {
	rows := func(table, where string, vals ...any) func(*statement) {
		return func(s *statement) {
			s.add(table+" r WHERE "+where, vals...)
			if c.kind != everything {
				s.add(" AND ")
				s.test(q, c, "r.rid")
			}
		}
	}
	resources := func(and string) func(*statement) {
		return rows("resource", "r.tid = ? AND r.type = ?"+and, q.TID, q.Type)
	}
	index := func(aid int64, and string) func(*statement) {
		where, vals := tx.ofIndex(q, aid, and)
		return rows("attr", where, vals...)
	}
	text := func(key string) (any, error) { return key, nil }
	var list []segment
	switch {
	case len(q.Sort) == 0 && c.kind == everything:
		return []segment{{from: resources(""), rid: "r.rid"}}, nil
	case len(q.Sort) == 0:
		return []segment{{from: func(s *statement) {
			s.add("(")
			s.source(q, c)
			s.add(") found WHERE TRUE")
		}, rid: tx.unordered(c, "found.rid"), repeats: c.repeated()}}, nil
	case len(q.Sort) > 1 || !q.Sort[0].Indexed():
		return nil, nil
	}
	key := q.Sort[0]
	path := key.Path.String()
	if column := timeColumns[path]; column != "" {
		return []segment{{from: resources(""), rid: "r.rid", by: "r." + column, value: func(key string) (any, error) {
			at, err := time.Parse(time.RFC3339Nano, key)
			return at.UnixMilli(), err
		}}}, nil
	}
	if column := "r." + textColumns[path]; column != "r." && (path != "userName" || q.Type == User) {
		list = []segment{
			{from: resources(" AND " + column + " IS NOT NULL"), rid: "r.rid", by: column, value: text},
			{from: resources(" AND " + column + " IS NULL"), rid: "r.rid", missing: true},
		}
	} else if !key.MultiValued() {
		aid, err := tx.indexOf(q, path)
		if err != nil || aid == 0 {
			return nil, err
		}
		list = []segment{
			{from: index(aid, ""), above: " AND r.val > ''", rid: "r.rid", by: "r.val", value: text},
			{from: index(-aid, " AND val = ''"), rid: "r.rid", missing: true},
		}
	}
	if key.Descending && !key.CREST {
		slices.Reverse(list)
	}
	return list, nil
}

// walk returns the next limit rows from a position on, be it forward or back,
// or from either end if it is nil, leaving out as many as offset. Their order is
// that of the query.
func (tx *Tx) walk(q *Query, list []segment, at *Position, back bool, offset, limit int) (rows []*Row, err error) {
	descending := order(q.Sort).reversed() != back
	if back {
		list = slices.Clone(list)
		slices.Reverse(list)
	}
	key := ""
	if at != nil && len(at.Keys) > 0 {
		key = at.Keys[0]
	}
	reached := at == nil
	for _, part := range list {
		from := at
		if reached {
			from = nil
		} else if len(q.Sort) > 0 && part.missing != (key == "") {
			continue
		}
		reached = true
		found, err := tx.walkSegment(q, &part, from, descending, offset, limit-len(rows))
		if err != nil {
			return nil, err
		}
		if rows = append(rows, found...); len(rows) == limit {
			break
		}
		if offset > 0 && len(found) == 0 {
			n, err := tx.countSegment(&part)
			if err != nil {
				return nil, err
			}
			offset -= n
		} else {
			offset = 0
		}
	}
	if back {
		slices.Reverse(rows)
	}
	return rows, nil
}

func (tx *Tx) walkSegment(q *Query, part *segment, at *Position, descending bool, offset, limit int) ([]*Row, error) {
	comes, direction := ">", ""
	if descending {
		comes, direction = "<", " DESC"
	}
	var s statement
	s.add("SELECT " + rowColumns + " FROM (SELECT ")
	if part.repeats {
		s.add("DISTINCT ")
	}
	by, outer := "", ""
	s.add(part.rid + " AS rid")
	if part.by != "" {
		s.add(", " + part.by + " AS val")
		by, outer = part.by+direction+", ", "page.val"+direction+", "
	}
	s.add(" FROM ")
	part.from(&s)
	if at == nil || descending {
		s.add(part.above)
	}
	switch {
	case at == nil:
	case part.by == "":
		s.add(" AND "+part.rid+" "+comes+" ?", at.RID)
	default:
		value, err := part.value(strings.TrimPrefix(at.Keys[0], keyed))
		if err != nil {
			return nil, errPosition
		}
		s.add(" AND ("+part.by+", "+part.rid+") "+comes+" (?, ?)", value, at.RID)
	}
	// CROSS JOIN keeps the page outside, and with it its order.
	s.add(" ORDER BY "+by+part.rid+direction+" LIMIT ? + 0 OFFSET ? + 0) page CROSS JOIN resource r"+rowJoins+"WHERE r.tid = ? AND r.rid = page.rid ORDER BY "+outer+"page.rid"+direction,
		limit, offset, q.TID)
	return list(tx, scanRow, s.text.String(), s.vals...)
}

func (tx *Tx) countSegment(part *segment) (int, error) {
	var s statement
	s.add("SELECT count(*) FROM ")
	part.from(&s)
	s.add(part.above)
	n, err := first(tx, scanInt, s.text.String(), s.vals...)
	return int(n), err
}
