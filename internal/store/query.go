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

// A Query selects and pages the resources of one type.
type Query struct {
	TID    int64
	Type   Type
	Filter *scim.Filter // resolved; nil selects all
	Start  int          // 1-based index of the first row; less is 1
	Count  int          // at most so many rows; 0 or less counts only
}

// chunk is how many rows are read at a time where all are.
const chunk = 256

// Select returns the page of rows that the query asks for, in order of
// creation, and the number of all that match. Errors: *scim.Error RuleTooMany
// whose Path is the attribute to index, if the filter would cost more than the
// Config allows; the context's.
//
// The best of the filter's equalities that an index knows proposes rows, and
// the filter decides on each document; where the index says all that the
// filter says, it also counts.
func (tx *Tx) Select(q Query) (rows []*Row, total int, err error) {
	q.Start, q.Count = max(q.Start, 1), max(q.Count, 0)
	all := source{from: "resource", rid: "rid", where: "tid = $1 AND type = $2", args: []any{q.TID, q.Type}}
	if q.Filter == nil {
		if total, err = tx.Count(q.TID, q.Type); err == nil {
			rows, err = tx.page(all, q.Count, q.Start-1)
		}
		return rows, total, err
	}
	src, err := tx.plan(q, all)
	if err != nil {
		return nil, 0, err
	}
	if !src.exact {
		return tx.scan(q, src)
	}
	if total, err = tx.count(src, -1); err == nil && q.Start <= total {
		rows, err = tx.page(src, q.Count, q.Start-1)
	}
	return rows, total, err
}

// A source is a list of rids that holds every resource that a query selects.
type source struct {
	from, rid, where string // of the SELECT: the table, the column, the condition
	args             []any  // of where: $1 ...
	unique           bool   // it holds one rid at most
	exact            bool   // every one in it is selected
	missing          string // the attribute whose index would make it shorter
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

// rows returns the rows of these rids, in order.
func (tx *Tx) rows(rids []int64) ([]*Row, error) {
	text, err := json.Marshal(rids)
	if err != nil {
		return nil, err
	}
	rows, err := list(tx, scanRow, "SELECT "+rowColumns+" FROM json_each($1) page CROSS JOIN resource r ON r.rid = page.value"+rowJoins, string(text))
	slices.SortFunc(rows, func(a, b *Row) int { return cmp.Compare(a.RID, b.RID) })
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

// scan compares every resource of the source with the filter. If there are
// more than the Config allows, it refuses without looking at any.
func (tx *Tx) scan(q Query, s source) (page []*Row, total int, err error) {
	limits := tx.db.cfg
	deadline := time.Now().Add(limits.ScanTime)
	text, args := s.sql(limits.ScanRows+1, 0)
	rids, err := list(tx, scanInt, text, args...)
	if err != nil {
		return nil, 0, err
	}
	tooMany := &scim.Error{Rule: scim.RuleTooMany, Path: s.missing}
	if len(rids) > limits.ScanRows {
		return nil, 0, tooMany
	}
	groups, members := q.Filter.Uses("groups"), q.Filter.Uses("members")
	for rids := range slices.Chunk(rids, chunk) {
		rows, err := tx.rows(rids)
		if err != nil {
			return nil, 0, err
		}
		for _, row := range rows {
			if err := tx.ctx.Err(); err != nil {
				return nil, 0, err
			}
			if time.Now().After(deadline) {
				return nil, 0, tooMany
			}
			matches, err := tx.match(q.Filter, row, groups, members)
			if err != nil {
				return nil, 0, err
			}
			if !matches {
				continue
			}
			if total++; total >= q.Start && len(page) < q.Count {
				page = append(page, row)
			}
		}
	}
	return page, total, nil
}

// match decides on one document, lending it the memberships that f reads.
func (tx *Tx) match(f *scim.Filter, row *Row, groups, members bool) (_ bool, err error) {
	r := row.Resource()
	if groups {
		if r.Groups, err = tx.Groups(row.RID); err != nil {
			return false, err
		}
	}
	if members {
		if r.Members, err = tx.Members(row.RID); err != nil {
			return false, err
		}
	}
	matches := f.Match(r)
	r.Groups, r.Members = nil, nil
	return matches, nil
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
