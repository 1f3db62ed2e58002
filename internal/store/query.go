package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Query selects, sorts and pages the resources of one type.
type Query struct {
	TID    int64
	Type   Type
	Filter *scim.Filter   // resolved; nil selects all
	Sort   []scim.SortKey // resolved, most significant first; without any the order is that of creation
	// Start is the 1-based index of the first row; less is 1. Cursor, if it is
	// set, says instead where the page begins or ends.
	Start  int
	Cursor *Position
	Count  int // at most so many rows; 0 or less counts only
	// NoTotal says that nobody asks for Page.Total, which may then be anything.
	NoTotal bool
	Places  bool // Page.Places is asked for
	// Within are the RIDs of populations: users of others are not there, neither
	// as what is selected nor as members of groups. Nil is all.
	Within []int64
	// TypeName is Row.TypeName of what is selected.
	TypeName string
}

// A Page is what a query selects.
type Page struct {
	Rows   []*Row
	Places []Position // of Rows, if the query asks for them
	Total  int        // of all that match
	// Next is where the page after this one begins, nil on the last page;
	// Previous is where the page before this one ends, nil on the first.
	Next, Previous *Position
}

// chunk is how many rows are read at a time where all are.
const chunk = 256

// Select answers a query. Errors: *scim.Error RuleTooMany whose Path is the
// attribute to index, if the filter or the order would cost more than the
// Config allows; RuleParameter for a Cursor that is of another order; the context's.
//
// Indexes propose rows. Where they know all that the filter says, and have the
// order, they are walked; otherwise the filter decides on each document, and
// those that it selects are sorted here.
func (tx *Tx) Select(q Query) (p *Page, err error) {
	q.Start, q.Count = max(q.Start, 1), max(q.Count, 0)
	if err := q.Cursor.check(q.Sort); err != nil {
		return nil, err
	}
	c, missing, err := tx.plan(&q)
	if err != nil {
		return nil, err
	}
	if c.kind == nothing {
		return &Page{}, nil
	}
	if tx.view && !c.unique && (q.Filter != nil || len(q.Sort) > 0) {
		limit, cancel := context.WithTimeout(tx.ctx, tx.db.cfg.ScanTime)
		tx.limit = limit
		defer func() {
			tx.limit = context.Background()
			if err != nil && limit.Err() != nil {
				if err = tx.ctx.Err(); err == nil {
					err = tooMany(&q, c, missing)
				}
			}
			cancel()
		}()
	}
	return tx.answer(&q, c, missing)
}

// answer answers a query whose condition is c. missing is the attribute to index.
func (tx *Tx) answer(q *Query, c *condition, missing string) (*Page, error) {
	if c.exact {
		if len(q.Sort) == 0 && c.scans() {
			if p, err := tx.fewOf(q, c); p != nil || err != nil {
				return p, err
			}
		}
		list, err := tx.segments(q, c)
		if err == nil && list != nil && len(q.Sort) > 0 && c.kind != everything {
			// To find a few in an order is more work than to sort them.
			var n int
			if n, err = tx.count(q, c, tx.db.cfg.Few); n < tx.db.cfg.Few {
				list = nil
			}
		}
		if err != nil {
			return nil, err
		}
		if list != nil {
			return tx.indexed(q, c, list)
		}
	}
	return tx.scan(q, c, missing)
}

// fewOf answers a query of few resources whose index is scanned, once for page and
// total; nil if they are many.
func (tx *Tx) fewOf(q *Query, c *condition) (*Page, error) {
	rids, err := tx.rids(q, c, tx.db.cfg.Few)
	if err != nil || len(rids) == tx.db.cfg.Few {
		return nil, err
	}
	found := make([]place, len(rids))
	for i, rid := range rids {
		found[i].rid = rid
	}
	return tx.cutOut(q, found)
}

// indexed answers a query by walking an index.
func (tx *Tx) indexed(q *Query, c *condition, list []segment) (p *Page, err error) {
	p = &Page{}
	more := false
	if q.Count > 0 {
		back := q.Cursor != nil && q.Cursor.Back
		offset := q.Start - 1
		if q.Cursor != nil {
			offset = 0
		}
		if p.Rows, err = tx.walk(q, list, q.Cursor, back, offset, q.Count+1); err != nil {
			return nil, err
		}
		if more = len(p.Rows) > q.Count; more && back {
			p.Rows = p.Rows[1:]
		} else if more {
			p.Rows = p.Rows[:q.Count]
		}
		if err := tx.linkRows(q, list, p, more); err != nil {
			return nil, err
		}
		if q.Places {
			for _, row := range p.Rows {
				at := order(q.Sort).place(row)
				p.Places = append(p.Places, Position{Keys: at.keys, RID: at.rid})
			}
		}
	}
	switch {
	case q.NoTotal:
	case q.Count > 0 && q.Cursor == nil && !more && (len(p.Rows) > 0 || q.Start == 1):
		p.Total = q.Start - 1 + len(p.Rows)
	default:
		p.Total, err = tx.count(q, c, -1)
	}
	return p, err
}

// linkRows sets the neighbours of a page. more says that there are others where
// the walk would have gone on.
func (tx *Tx) linkRows(q *Query, list []segment, p *Page, more bool) error {
	o := order(q.Sort)
	var page []place
	if len(p.Rows) > 0 {
		page = []place{o.place(p.Rows[0]), o.place(p.Rows[len(p.Rows)-1])}
	}
	if q.Cursor == nil {
		o.link(p, nil, page, q.Start > 1, more)
		return nil
	}
	// On the side that the walk came from there mostly is what the cursor names.
	o.link(p, q.Cursor, page, true, true)
	from, back := p.Previous, true
	if q.Cursor.Back {
		from, back = p.Next, false
	}
	behind, err := tx.walk(q, list, from, back, 0, 1)
	if q.Cursor.Back {
		o.link(p, q.Cursor, page, more, len(behind) > 0)
	} else {
		o.link(p, q.Cursor, page, len(behind) > 0, more)
	}
	return err
}

// rows returns the rows of these rids, in their order.
func (tx *Tx) rows(tid int64, rids []int64) ([]*Row, error) {
	if len(rids) == 0 {
		return nil, nil
	}
	rows, err := list(tx, scanRow, "SELECT "+rowColumns+" FROM "+tx.listed("$2", "bigint")+" CROSS JOIN resource r"+rowJoins+"WHERE r.tid = $1 AND r.rid = w.value", tid, rids)
	at := make(map[int64]int, len(rids))
	for i, rid := range rids {
		at[rid] = i
	}
	slices.SortFunc(rows, func(a, b *Row) int { return cmp.Compare(at[a.RID], at[b.RID]) })
	return rows, err
}

// tooMany is the fault of a query that would cost more than it may.
func tooMany(q *Query, c *condition, missing string) error {
	if c.exact && len(q.Sort) > 0 {
		missing = q.Sort[0].Path.String()
	}
	return &scim.Error{Rule: scim.RuleTooMany, Path: missing}
}

// scan compares the documents of all resources that meet c with the filter and
// sorts those that it selects. If there are more than the Config allows, it
// refuses without looking at any. missing is the attribute to index.
func (tx *Tx) scan(q *Query, c *condition, missing string) (*Page, error) {
	limits := tx.db.cfg
	deadline := time.Now().Add(limits.ScanTime)
	rids, err := tx.rids(q, c, limits.ScanRows+1)
	if err != nil {
		return nil, err
	}
	if len(rids) > limits.ScanRows {
		return nil, tooMany(q, c, missing)
	}
	o := order(q.Sort)
	decides := q.Filter != nil && !c.exact
	uses := func(attr string) bool { return o.uses(attr) || decides && q.Filter.Uses(attr) }
	var found []place
	for rids := range slices.Chunk(rids, chunk) {
		rows, err := tx.rows(q.TID, rids)
		if err != nil {
			return nil, err
		}
		var groupsOf, managersOf map[int64][]scim.Reference
		if uses("groups") {
			if groupsOf, err = tx.GroupsOf(q.TID, rids); err != nil {
				return nil, err
			}
		}
		if uses(scim.ManagerAttribute) {
			if managersOf, err = tx.ManagersOf(q.TID, rids, q.Within); err != nil {
				return nil, err
			}
		}
		for _, row := range rows {
			if err := tx.ctx.Err(); err != nil {
				return nil, err
			}
			if time.Now().After(deadline) {
				return nil, tooMany(q, c, missing)
			}
			row.TypeName = q.TypeName
			r := row.Resource()
			r.Groups = groupsOf[row.RID] // lent to the filter and the order: the page is read again
			if m := managersOf[row.RID]; m != nil {
				r.Manager = &m[0]
			}
			if uses("members") {
				if r.Members, err = tx.Ends(q.TID, scim.Members, row.RID, q.Within); err != nil {
					return nil, err
				}
			}
			if !decides || q.Filter.Match(r) {
				found = append(found, o.place(row))
			}
		}
	}
	slices.SortFunc(found, o.compare)
	return tx.cutOut(q, found)
}

// rids returns those of the resources that meet c, in order, at most limit.
func (tx *Tx) rids(q *Query, c *condition, limit int) ([]int64, error) {
	var s statement
	s.once(q, c)
	s.add(" ORDER BY "+tx.unordered(c, "rid")+" LIMIT ? + 0", limit)
	return list(tx, scanInt, s.text.String(), s.vals...)
}

// cutOut returns the page of the query out of all that it selects, in order.
func (tx *Tx) cutOut(q *Query, found []place) (p *Page, err error) {
	p = &Page{Total: len(found)}
	o := order(q.Sort)
	begin := min(q.Start-1, len(found))
	end := min(begin+q.Count, len(found))
	if q.Cursor != nil {
		begin, end = o.bounds(found, q.Cursor, q.Count)
	}
	if q.Count == 0 {
		return p, nil
	}
	o.link(p, q.Cursor, found[begin:end], begin > 0, end < len(found))
	var rids []int64
	for _, at := range found[begin:end] {
		rids = append(rids, at.rid)
		if q.Places {
			p.Places = append(p.Places, Position{Keys: at.keys, RID: at.rid})
		}
	}
	p.Rows, err = tx.rows(q.TID, rids)
	return p, err
}
