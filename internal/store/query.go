package store

import (
	"fmt"
	"slices"
	"time"

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

// chunk is how many rows a scan reads at a time. Between chunks it looks at
// its budget.
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
			rows, err = tx.page(all, q.Start-1, q.Count)
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
		rows, err = tx.page(src, q.Start-1, q.Count)
	}
	return rows, total, err
}

// A source is a list of rids that holds every resource that a query selects.
type source struct {
	from, rid, where string // of the SELECT: the table, the column, the condition
	args             []any  // of where: $1 ...
	unique           bool   // it holds one rid at most
	exact            bool   // every one in it is selected
}

// sql returns the SELECT of at most limit rids after one, and its arguments. A
// negative limit is none.
func (s source) sql(after int64, limit, offset int) (string, []any) {
	n := len(s.args)
	return fmt.Sprintf("SELECT DISTINCT %[1]s AS rid FROM %[2]s WHERE %[3]s AND %[1]s > $%[4]d ORDER BY %[1]s LIMIT $%[5]d OFFSET $%[6]d",
		s.rid, s.from, s.where, n+1, n+2, n+3), append(slices.Clip(s.args), after, limit, offset)
}

// count returns how many rids the source holds, at most limit.
func (tx *Tx) count(s source, limit int) (int, error) {
	text, args := s.sql(0, limit, 0)
	n, err := first(tx, scanInt, "SELECT count(*) FROM ("+text+")", args...)
	return int(n), err
}

// page returns the rows of a source from an offset on.
func (tx *Tx) page(s source, offset, limit int) ([]*Row, error) {
	if limit == 0 {
		return nil, nil
	}
	return tx.rows(s, 0, limit, offset)
}

// rows reads the rows of a source. CROSS JOIN keeps the source outside, and
// with it its order.
func (tx *Tx) rows(s source, after int64, limit, offset int) ([]*Row, error) {
	text, args := s.sql(after, limit, offset)
	return list(tx, scanRow, "SELECT "+rowColumns+" FROM ("+text+") s CROSS JOIN resource r ON r.rid = s.rid"+rowJoins+"ORDER BY s.rid", args...)
}

// plan returns the source that has the fewest rids, all if no index helps.
func (tx *Tx) plan(q Query, all source) (source, error) {
	equalities := q.Filter.Equalities()
	var found []source
	for _, e := range equalities {
		s, ok, err := tx.lookup(q, e)
		if err != nil {
			return source{}, err
		}
		if !ok {
			continue
		}
		s.exact = q.Filter.Op == scim.OpEq && len(e.Key) <= maxVal
		if s.unique {
			return s, nil
		}
		found = append(found, s)
	}
	switch len(found) {
	case 0:
		return all, nil
	case 1:
		return found[0], nil
	}
	best, least := all, int(^uint(0)>>1)
	for _, s := range found {
		const enough = 1000 // two that are longer are equally long
		n, err := tx.count(s, min(least, enough))
		if err != nil {
			return source{}, err
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
	case e.Path == "groups.value":
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

// scan compares every resource of the source with the filter.
func (tx *Tx) scan(q Query, s source) (page []*Row, total int, err error) {
	limits := tx.db.cfg
	deadline := time.Now().Add(limits.ScanTime)
	groups, members := q.Filter.Uses("groups"), q.Filter.Uses("members")
	scanned, after := 0, int64(0)
	for {
		rows, err := tx.rows(s, after, chunk, 0)
		if err != nil {
			return nil, 0, err
		}
		for _, row := range rows {
			if scanned++; scanned > limits.ScanRows || time.Now().After(deadline) {
				return nil, 0, &scim.Error{Rule: scim.RuleTooMany, Path: q.unindexed()}
			}
			if err := tx.ctx.Err(); err != nil {
				return nil, 0, err
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
		if len(rows) < chunk {
			return page, total, nil
		}
		after = rows[len(rows)-1].RID
	}
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

// unindexed returns an attribute of the filter for which an index would help:
// the first that has to be equal to something, else the first one.
func (q Query) unindexed() string {
	if equalities := q.Filter.Equalities(); len(equalities) > 0 {
		return equalities[0].Path
	}
	return firstPath(q.Filter).String()
}

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
