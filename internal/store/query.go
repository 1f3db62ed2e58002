package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

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
	// Within are the RIDs of populations: users of others are not there, neither
	// as what is selected nor as members of groups. Nil is all.
	Within []int64
}

// A Page is what a query selects.
type Page struct {
	Rows  []*Row
	Total int // of all that match
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
// The best of the filter's equalities that an index knows proposes rows, and
// the filter decides on each document; where the index says all that the
// filter says, it also counts.
func (tx *Tx) Select(q Query) (p *Page, err error) {
	q.Start, q.Count = max(q.Start, 1), max(q.Count, 0)
	if err := q.Cursor.check(q.Sort); err != nil {
		return nil, err
	}
	all := source{from: "resource", rid: "rid", where: "tid = $1 AND type = $2", args: []any{q.TID, q.Type}, exact: q.Filter == nil}
	src := all
	if q.Filter != nil {
		if src, err = tx.plan(q, all); err != nil {
			return nil, err
		}
	}
	if src, err = src.within(q); err != nil {
		return nil, err
	}
	if !src.exact || len(q.Sort) > 0 || q.Cursor != nil {
		return tx.scan(q, src)
	}
	return tx.direct(q, src)
}

// direct answers a query without order by a source that needs no documents.
func (tx *Tx) direct(q Query, src source) (p *Page, err error) {
	p = &Page{}
	if q.Filter == nil && q.Within == nil {
		p.Total, err = tx.Count(q.TID, q.Type)
	} else {
		p.Total, err = tx.count(src, -1)
	}
	if err != nil || q.Start > p.Total || q.Count == 0 {
		return p, err
	}
	if p.Rows, err = tx.page(src, q.Count, q.Start-1); err != nil || len(p.Rows) == 0 {
		return p, err
	}
	places := make([]place, len(p.Rows))
	for i, row := range p.Rows {
		places[i].rid = row.RID
	}
	order(nil).link(p, nil, places, q.Start > 1, q.Start-1+len(p.Rows) < p.Total)
	return p, nil
}

// A source is a list of rids that holds every resource that a query selects.
type source struct {
	from, rid, where string // of the SELECT: the table, the column, the condition
	args             []any  // of where: $1 ...
	unique           bool   // it holds one rid at most
	exact            bool   // every one in it is selected
	missing          string // the attribute whose index would make it shorter
}

// within returns the source without users of other populations than those of
// the query. A source of groups by their members may tell of such users, so
// that the documents must decide.
func (s source) within(q Query) (source, error) {
	if q.Within == nil {
		return s, nil
	}
	if q.Type != User {
		s.exact = s.exact && q.Filter == nil
		return s, nil
	}
	list, err := json.Marshal(q.Within)
	s.args = append(slices.Clip(s.args), string(list))
	s.where = fmt.Sprintf("%s AND %s IN (SELECT w.rid FROM resource w WHERE w.pop IN (SELECT value FROM json_each($%d)))", s.where, s.rid, len(s.args))
	return s, err
}

// sql returns the SELECT of at most limit rids from an offset on, in order, and
// its arguments. A negative limit is none.
func (s source) sql(limit, offset int) (string, []any) {
	n := len(s.args)
	return fmt.Sprintf("SELECT DISTINCT %[1]s AS rid FROM %[2]s WHERE %[3]s ORDER BY %[1]s LIMIT $%[4]d OFFSET $%[5]d",
		s.rid, s.from, s.where, n+1, n+2), append(slices.Clip(s.args), limit, offset)
}

// count returns how many rids the source holds, at most limit.
func (tx *Tx) count(s source, limit int) (int, error) {
	text, args := s.sql(limit, 0)
	n, err := first(tx, scanInt, "SELECT count(*) FROM ("+text+")", args...)
	return int(n), err
}

// page returns rows of a source. CROSS JOIN keeps the source outside, and with
// it its order.
func (tx *Tx) page(s source, limit, offset int) ([]*Row, error) {
	if limit == 0 {
		return nil, nil
	}
	text, args := s.sql(limit, offset)
	return list(tx, scanRow, "SELECT "+rowColumns+" FROM ("+text+") page CROSS JOIN resource r ON r.rid = page.rid"+rowJoins+"ORDER BY page.rid", args...)
}

// rows returns the rows of these rids, in their order.
func (tx *Tx) rows(rids []int64) ([]*Row, error) {
	if len(rids) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(rids)
	if err != nil {
		return nil, err
	}
	rows, err := list(tx, scanRow, "SELECT "+rowColumns+" FROM json_each($1) page CROSS JOIN resource r ON r.rid = page.value"+rowJoins, string(text))
	at := make(map[int64]int, len(rids))
	for i, rid := range rids {
		at[rid] = i
	}
	slices.SortFunc(rows, func(a, b *Row) int { return cmp.Compare(at[a.RID], at[b.RID]) })
	return rows, err
}

// plan returns the source that has the fewest rids, all if no index helps.
func (tx *Tx) plan(q Query, all source) (source, error) {
	missing := ""
	var found []source
	for _, e := range q.Filter.Equalities() {
		s, ok, err := tx.lookup(q, e)
		switch {
		case err != nil:
			return source{}, err
		case ok:
			// A key that is about as long as index values get may be the
			// beginning of another.
			s.exact = q.Filter.Op == scim.OpEq && len(e.Key) < maxVal-utf8.UTFMax
			found = append(found, s)
		case missing == "":
			missing = e.Path
		}
	}
	best, err := tx.shortest(found, all)
	best.missing = cmp.Or(missing, firstPath(q.Filter).String())
	return best, err
}

// shortest returns the source of found that has the fewest rids, all if there is none.
func (tx *Tx) shortest(found []source, all source) (best source, err error) {
	const enough = 1000 // two that have more are equally long
	least := math.MaxInt
	best = all
	for _, s := range found {
		n := 1
		if !s.unique && len(found) > 1 {
			if n, err = tx.count(s, min(least, enough)); err != nil {
				return best, err
			}
		}
		if n < least {
			best, least = s, n
		}
	}
	return best, nil
}

// populationPath is how filters name the population of a user.
const populationPath = scim.PingOneSchema + ":population.id"

// lookup returns the source of an equality, if an index knows it.
func (tx *Tx) lookup(q Query, e scim.Equality) (s source, ok bool, err error) {
	column := func(name string) source {
		return source{from: "resource", rid: "rid", where: "tid = $1 AND type = $2 AND " + name + " = $3", args: []any{q.TID, q.Type, e.Key}}
	}
	switch {
	case e.Path == "id":
		s = column("id")
		s.unique = true
		return s, true, nil
	case e.Path == "userName" && q.Type == User:
		s = column("key")
		s.unique = true
		return s, true, nil
	case e.Path == "externalId":
		return column("external_id"), true, nil
	case e.Path == populationPath && q.Type == User:
		pop, err := tx.ridOf(q.TID, Population, e.Key)
		return source{from: "resource", rid: "rid", where: "pop = $1", args: []any{pop}}, true, err
	case e.Path == "members.value" && q.Type == Group:
		user, err := tx.ridOf(q.TID, User, e.Key)
		if err != nil {
			return s, false, err
		}
		group, err := tx.ridOf(q.TID, Group, e.Key)
		return source{from: "member", rid: "gid", where: "mid IN ($1, $2) AND kind = $3", args: []any{user, group, memberKind}}, true, err
	case e.Path == "groups.value" && q.Type <= Group:
		group, err := tx.ridOf(q.TID, Group, e.Key)
		return source{from: "member CROSS JOIN resource ON resource.rid = mid", rid: "mid", where: `gid IN (
			WITH RECURSIVE down(gid) AS (SELECT $1 UNION SELECT m.mid FROM down CROSS JOIN member m WHERE m.gid = down.gid AND m.kind = $2)
			SELECT gid FROM down) AND kind = $2 AND type = $3`, args: []any{group, memberKind, q.Type}}, true, err
	}
	defs, err := tx.attrDefs(q.TID, q.Type)
	if err != nil {
		return s, false, err
	}
	for _, d := range defs {
		if d.ready && d.text == e.Path {
			return source{from: "attr", rid: "rid", where: "aid = $1 AND val = $2", args: []any{d.aid, cut(e.Key)}}, true, nil
		}
	}
	return s, false, nil
}

// ridOf returns the RID of a public id, 0 if there is none.
func (tx *Tx) ridOf(tid int64, t Type, id string) (int64, error) {
	return first(tx, scanInt, "SELECT coalesce(max(rid), 0) FROM resource WHERE tid = $1 AND type = $2 AND id = $3", tid, t, id)
}

// scan compares every resource of the source with the filter and sorts those
// that match. If there are more than the Config allows, it refuses without
// looking at any.
func (tx *Tx) scan(q Query, s source) (*Page, error) {
	limits := tx.db.cfg
	deadline := time.Now().Add(limits.ScanTime)
	text, args := s.sql(limits.ScanRows+1, 0)
	rids, err := list(tx, scanInt, text, args...)
	if err != nil {
		return nil, err
	}
	tooMany := &scim.Error{Rule: scim.RuleTooMany, Path: s.missing}
	if s.missing == "" && len(q.Sort) > 0 {
		tooMany.Path = q.Sort[0].Path.String()
	}
	if len(rids) > limits.ScanRows {
		return nil, tooMany
	}
	o := order(q.Sort)
	groups, members := o.uses("groups") || q.Filter != nil && q.Filter.Uses("groups"), o.uses("members") || q.Filter != nil && q.Filter.Uses("members")
	var found []place
	for rids := range slices.Chunk(rids, chunk) {
		rows, err := tx.rows(rids)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if err := tx.ctx.Err(); err != nil {
				return nil, err
			}
			if time.Now().After(deadline) {
				return nil, tooMany
			}
			r := row.Resource()
			if err := tx.lend(r, row, groups, members, q.Within); err != nil {
				return nil, err
			}
			if q.Filter == nil || q.Filter.Match(r) {
				found = append(found, o.place(row))
			}
		}
	}
	slices.SortFunc(found, o.compare)
	return tx.cutOut(q, found)
}

// lend gives a resource the memberships that a filter or an order reads.
func (tx *Tx) lend(r *scim.Resource, row *Row, groups, members bool, within []int64) (err error) {
	if groups {
		if r.Groups, err = tx.Groups(row.RID); err != nil {
			return err
		}
	}
	if members {
		r.Members, err = tx.MembersWithin(row.RID, within)
	}
	return err
}

// cutOut returns the page of the query out of all that it selects, in order.
func (tx *Tx) cutOut(q Query, found []place) (p *Page, err error) {
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
	}
	p.Rows, err = tx.rows(rids)
	return p, err
}

// firstPath returns the first attribute that the filter names.
func firstPath(f *scim.Filter) scim.Path {
	if f.Path.Attr != "" {
		return f.Path
	}
	for _, arg := range f.Args {
		if p := firstPath(arg); p.Attr != "" {
			return p
		}
	}
	return scim.Path{}
}
