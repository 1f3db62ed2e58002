package store

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A condition is what indexes know of a filter: a set of resources of one type
// that holds every one that the filter selects.
type condition struct {
	kind  conditionKind
	args  []*condition // of and, or, not
	exact bool         // the filter selects all of them

	// Of a lookup: the SELECT of rids. A ? in where stands for one of vals.
	from, rid, where string
	vals             []any
	unique           bool // it finds one rid at most
	point            bool // to ask it of one resource costs next to nothing
	scan             bool // it looks at every row of an index
	repeats          bool // it may find a rid several times
}

type conditionKind uint8

const (
	lookup conditionKind = iota + 1
	and                  // the first of args is the one with the fewest resources
	or
	not
	everything
	nothing
)

// all is the condition that everything meets.
func all() *condition { return &condition{kind: everything, exact: true} }

// none is the condition that nothing meets.
func none() *condition { return &condition{kind: nothing, exact: true} }

// unknown is the condition of what no index answers.
func unknown() *condition { return &condition{kind: everything} }

// A planner makes a condition of a filter.
type planner struct {
	tx      *Tx
	q       *Query
	missing string // the first attribute that has no index
}

// plan returns the condition of the query's filter, and the attribute whose
// index would make it a better one.
func (tx *Tx) plan(q *Query) (c *condition, missing string, err error) {
	c = all()
	p := planner{tx: tx, q: q}
	if q.Filter != nil {
		if c, err = p.condition(q.Filter, nil); err != nil {
			return nil, "", err
		}
		if p.missing == "" {
			p.missing = firstPath(q.Filter).String()
		}
	}
	if q.Within != nil {
		c, err = p.within(c)
	}
	return c, p.missing, err
}

// within returns the condition c of those that are there within the query's
// populations. What tells of memberships may tell of users who are not, so that
// the documents must decide.
func (p *planner) within(c *condition) (*condition, error) {
	if p.q.Type != User {
		c.exact = c.exact && (p.q.Filter == nil || !p.q.Filter.Uses("members"))
		return c, nil
	}
	// As it is a point, no intersection does without it.
	there := &condition{kind: lookup, exact: true, point: true, from: "resource", rid: "rid",
		where: p.tx.unindexed("tid") + " = ? AND pop IN (SELECT value FROM " + p.tx.listed("?", "bigint") + ")", vals: []any{p.q.TID, p.q.Within}}
	return p.intersection([]*condition{c, there}, false)
}

// condition returns the condition of f, which is within a value path or nil.
func (p *planner) condition(f, within *scim.Filter) (*condition, error) {
	switch f.Op {
	case scim.OpAnd, scim.OpOr:
		args := make([]*condition, len(f.Args))
		for i, arg := range f.Args {
			var err error
			if args[i], err = p.condition(arg, within); err != nil {
				return nil, err
			}
		}
		if f.Op == scim.OpOr {
			return union(args), nil
		}
		return p.intersection(args, within != nil)
	case scim.OpNot:
		c, err := p.condition(f.Args[0], within)
		switch {
		case err != nil:
			return nil, err
		case within != nil || !c.exact:
			return unknown(), nil
		case c.kind == everything:
			return none(), nil
		case c.kind == nothing:
			return all(), nil
		}
		return &condition{kind: not, args: []*condition{c}, exact: true}, nil
	case scim.OpHas:
		if f.Attribute() == nil {
			return none(), nil
		}
		c, err := p.condition(f.Args[0], f)
		if err == nil && c.kind == everything {
			c = unknown() // there must be an element all the same
		}
		return c, err
	case scim.OpTrue:
		return all(), nil
	case scim.OpFalse:
		return none(), nil
	}
	c, err := p.term(f, within)
	if err == nil && c.kind == everything && !c.exact && p.missing == "" {
		if p.missing = f.Path.String(); within != nil {
			p.missing = within.Path.String()
		}
	}
	return c, err
}

// union returns the condition of those that meet one of args.
func union(args []*condition) *condition {
	c := &condition{kind: or, exact: true}
	for _, arg := range args {
		switch arg.kind {
		case nothing:
		case everything:
			return arg
		default:
			c.args = append(c.args, arg)
			c.exact = c.exact && arg.exact
		}
	}
	switch len(c.args) {
	case 0:
		return none()
	case 1:
		return c.args[0]
	}
	return c
}

// intersection returns the condition of those that meet all of args. Within a
// value path one element must meet them, which no index knows.
func (p *planner) intersection(args []*condition, within bool) (*condition, error) {
	c := &condition{kind: and, exact: !within}
	fewest, few := math.MaxInt, p.tx.db.cfg.Few
	for _, arg := range args {
		c.exact = c.exact && arg.exact
		switch arg.kind {
		case nothing:
			return arg, nil
		case everything:
			continue
		}
		n, err := p.tx.estimate(p.q, arg, min(fewest, few))
		if err != nil {
			return nil, err
		}
		if c.args = append(c.args, arg); n < fewest {
			fewest = n
			last := len(c.args) - 1
			c.args[0], c.args[last] = arg, c.args[0]
		}
	}
	if fewest < few {
		// The documents of so few are sooner read than other indexes.
		kept := c.args[:1]
		for _, arg := range c.args[1:] {
			if arg.point {
				kept = append(kept, arg)
			} else {
				c.exact = false
			}
		}
		c.args = kept
	}
	switch len(c.args) {
	case 0:
		return &condition{kind: everything, exact: c.exact}, nil
	case 1:
		one := *c.args[0]
		one.exact = c.exact
		return &one, nil
	}
	return c, nil
}

// estimate returns about how many resources the condition has: limit or more is
// that many or more. What it would take long to count is more than few.
func (tx *Tx) estimate(q *Query, c *condition, limit int) (n int, err error) {
	switch {
	case c.kind == nothing:
		return 0, nil
	case c.unique:
		return 1, nil
	case c.kind == lookup && !c.scan:
		return tx.count(q, c, limit)
	case c.kind == and:
		return tx.estimate(q, c.args[0], limit)
	case c.kind == or:
		for _, arg := range c.args {
			m, err := tx.estimate(q, arg, limit)
			if err != nil {
				return 0, err
			}
			n += m
		}
		return n, nil
	}
	return tx.db.cfg.Few + 1, nil
}

// populationPath is how filters name the population of a user.
const populationPath = scim.PingOneSchema + ":population.id"

// term returns the condition of one comparison.
func (p *planner) term(f, within *scim.Filter) (*condition, error) {
	if f.Attribute() == nil { // there is no such attribute, and so no value
		kind := nothing
		if f.Op == scim.OpNe {
			kind = everything
		}
		return &condition{kind: kind, exact: within == nil || kind == nothing}, nil
	}
	if within == nil && f.Op == scim.OpPr && f.Path.Schema == "" && f.Path.Sub == "" {
		if c := p.related(f.Path.Attr); c != nil {
			return c, nil
		}
	}
	cmp, ok := f.Comparison(within)
	if !ok || within != nil && cmp.Op == scim.OpNe || !utf8.ValidString(cmp.Key) {
		return unknown(), nil
	}
	if c, err := p.relation(cmp); c != nil || err != nil {
		return c, err
	}
	if column := timeColumns[cmp.Path]; column != "" {
		return p.moment(column, cmp)
	}
	if column := textColumns[cmp.Path]; column != "" && (cmp.Path != "userName" || p.q.Type == User) {
		return p.column(column, cmp)
	}
	aid, err := p.tx.indexOf(p.q, cmp.Path)
	if err != nil || aid == 0 {
		return unknown(), err
	}
	return p.attribute(aid, cmp)
}

// indexOf returns the aid of the attribute, 0 if it has no index.
func (tx *Tx) indexOf(q *Query, path string) (int64, error) {
	defs, err := tx.attrDefs(q.TID, q.Type)
	for _, d := range defs {
		if d.ready && d.text == path {
			return d.aid, err
		}
	}
	return 0, err
}

// resources returns the lookup of resources of the type that meet where.
func (p *planner) resources(where string, vals ...any) *condition {
	return &condition{kind: lookup, exact: true, point: true, from: "resource", rid: "rid", where: "tid = ? AND type = ? AND " + where,
		vals: append([]any{p.q.TID, p.q.Type}, vals...)}
}

// column returns the condition of a comparison with a column of text, which has
// NULL for none and for an empty one.
func (p *planner) column(name string, cmp scim.Comparison) (*condition, error) {
	if cmp.Op == scim.OpPr {
		return p.columnPresent(name)
	}
	if cmp.Key == "" {
		return unknown(), nil
	}
	where, vals, scan := p.tx.compareText(name, cmp.Op, cmp.Key)
	c := p.resources(where, vals...)
	c.scan = scan
	switch cmp.Op {
	case scim.OpEq:
		c.unique = name != "external_id"
	case scim.OpCo, scim.OpEw: // which says that the index of those that have one will do
		c.where = "tid = ? AND type = ? AND " + name + " IS NOT NULL AND " + where
	case scim.OpNe:
		c.where = "tid = ? AND type = ? AND " + name + " IS DISTINCT FROM ?"
	case scim.OpLt, scim.OpLe:
		if name != "id" { // the empty text comes before all others
			c.where = "tid = ? AND type = ? AND (" + where + " OR " + name + " IS NULL)"
			c.exact = false
		}
	}
	return c, nil
}

// columnPresent returns the condition of those that have a text in the column.
func (p *planner) columnPresent(name string) (*condition, error) {
	switch name {
	case "id":
		return all(), nil
	case "key": // a user name of blanks has no key and is one all the same
		blank := p.resources("key IS NULL")
		n, err := p.tx.count(p.q, blank, 1)
		return &condition{kind: everything, exact: n == 0}, err
	}
	return p.resources(name + " IS NOT NULL"), nil
}

// compareText returns the condition of text in a column, with its values, and
// whether all of an index must be read for it.
func (tx *Tx) compareText(column string, op scim.Op, key string) (where string, vals []any, scan bool) {
	switch op {
	case scim.OpNe:
		return column + " <> ?", []any{key}, true
	case scim.OpCo:
		return tx.db.engine.contains(column), []any{key}, true
	case scim.OpEw:
		where, vals = tx.db.engine.ends(column, key)
		return where, vals, true
	case scim.OpSw:
		if end := following(key); end != "" {
			return column + " >= ? AND " + column + " < ?", []any{key, end}, false
		}
		return column + " >= ?", []any{key}, false
	}
	sign := map[scim.Op]string{scim.OpEq: "=", scim.OpGt: ">", scim.OpGe: ">=", scim.OpLt: "<", scim.OpLe: "<="}[op]
	return column + " " + sign + " ?", []any{key}, false
}

// following returns the text that comes after all that begin with prefix and
// before the rest of what comes after it; empty if there is no rest.
func following(prefix string) string {
	for prefix != "" {
		r, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case r == 0xD7FF:
			return prefix + "\uE000" // there are no characters between the two
		case r < utf8.MaxRune:
			return prefix + string(r+1)
		}
	}
	return ""
}

// moment returns the condition of a comparison with a time that the store keeps
// in milliseconds.
func (p *planner) moment(column string, cmp scim.Comparison) (*condition, error) {
	if cmp.Op == scim.OpPr {
		return all(), nil
	}
	at, err := time.Parse(time.RFC3339Nano, cmp.Key)
	if err != nil { // of a year of five digits
		return unknown(), nil
	}
	floor := at.UnixMilli()
	whole := at.Equal(time.UnixMilli(floor))
	ceiling := floor
	if !whole {
		ceiling++
	}
	switch cmp.Op {
	case scim.OpEq:
		if !whole {
			return none(), nil
		}
		return p.resources(column+" = ?", floor), nil
	case scim.OpGt:
		return p.resources(column+" > ?", floor), nil
	case scim.OpGe:
		return p.resources(column+" >= ?", ceiling), nil
	case scim.OpLt:
		return p.resources(column+" < ?", ceiling), nil
	case scim.OpLe:
		return p.resources(column+" <= ?", floor), nil
	}
	return unknown(), nil
}

// attribute returns the condition of a comparison with the rows of an index.
// They hold keys that may have been cut, behind at least sure bytes.
func (p *planner) attribute(aid int64, cmp scim.Comparison) (*condition, error) {
	const sure = maxVal - utf8.UTFMax
	c := &condition{kind: lookup, exact: true, from: "attr", rid: "rid", repeats: cmp.MultiValued}
	absent := &condition{kind: lookup, exact: true, point: true, from: "attr", rid: "rid"}
	absent.where, absent.vals = p.tx.ofIndex(p.q, -aid, " AND val = ''")
	key, op := cmp.Key, cmp.Op
	switch op {
	case scim.OpPr:
		if cmp.Type == scim.TypeString || cmp.Type == scim.TypeReference || cmp.Type == scim.TypeBinary {
			return &condition{kind: not, args: []*condition{absent}, exact: true}, nil
		}
		c.where, c.vals = p.tx.ofIndex(p.q, aid, "")
		return c, nil
	case scim.OpEq:
		c.point, c.repeats = true, false
		c.exact = len(key) < sure
		c.where, c.vals = p.tx.ofIndex(p.q, aid, " AND val = ?", cut(key))
		return c, nil
	case scim.OpCo, scim.OpEw, scim.OpNe:
		long, err := p.tx.hasLong(p.q.TID, aid)
		if err != nil {
			return nil, err
		}
		where, vals, _ := p.tx.compareText("val", op, key)
		c.scan = true
		if long {
			where = "(" + where + " OR octet_length(val) > 252)"
			c.exact = false
		}
		c.where, c.vals = p.tx.ofIndex(p.q, aid, " AND "+where, vals...)
		if op == scim.OpNe { // also those without a value, among which are those with an empty one
			absent.exact = key != ""
			return union([]*condition{c, absent}), nil
		}
		return c, nil
	}
	if len(key) >= sure {
		c.exact = false
		key = cutAt(key, sure-1)
		switch op {
		case scim.OpGt:
			op = scim.OpGe
		case scim.OpLt, scim.OpLe: // and those that begin with the key
			c.where, c.vals = p.tx.ofIndex(p.q, aid, "")
			if end := following(key); end != "" {
				c.where, c.vals = p.tx.ofIndex(p.q, aid, " AND val < ?", end)
			}
			return c, nil
		}
	}
	where, vals, _ := p.tx.compareText("val", op, key)
	c.where, c.vals = p.tx.ofIndex(p.q, aid, " AND "+where, vals...)
	return c, nil
}

// ofIndex returns the condition, with its values, of the rows of an index that meet
// another one, if any.
func (tx *Tx) ofIndex(q *Query, aid int64, and string, vals ...any) (string, []any) {
	where, all := tx.db.engine.numbered(q.TID, "aid", aid)
	return where + and, append(all, vals...)
}

// hasLong reports whether the index holds keys that may have been cut.
func (tx *Tx) hasLong(tid, aid int64) (bool, error) {
	return first(tx, func(s scan) (long bool, err error) { return long, s(&long) },
		"SELECT EXISTS (SELECT 1 FROM attr WHERE tid = $1 AND aid = $2 AND octet_length(val) > 252)", tid, aid)
}

// related returns the condition of those that have members or groups, nil for
// another attribute.
func (p *planner) related(attr string) *condition {
	c := &condition{kind: lookup, exact: true, point: true, scan: true, repeats: true, from: "member", where: "tid = ? AND kind = ?", vals: []any{p.q.TID, memberKind}}
	switch {
	case attr == "members" && p.q.Type == Group:
		c.rid = "gid"
	case attr == "groups" && p.q.Type <= Group:
		c.rid = "mid"
	default:
		return nil
	}
	return &condition{kind: and, args: []*condition{p.resources("TRUE"), c}, exact: true}
}

// relation returns the condition of a reference to one resource, nil for another
// attribute.
func (p *planner) relation(cmp scim.Comparison) (*condition, error) {
	path, typ := cmp.Path, p.q.Type
	kept := path == populationPath && typ == User || path == "members.value" && typ == Group || path == "groups.value" && typ <= Group
	switch {
	case !kept:
		return nil, nil
	case cmp.Op != scim.OpEq:
		return unknown(), nil
	}
	group, err := p.ridOf(Group, cmp.Key)
	if err != nil {
		return nil, err
	}
	switch path {
	case populationPath:
		pop, err := p.ridOf(Population, cmp.Key)
		return &condition{kind: lookup, exact: true, point: true, from: "resource", rid: "rid", where: p.tx.unindexed("tid") + " = ? AND pop = ?", vals: []any{p.q.TID, pop}}, err
	case "members.value":
		user, err := p.ridOf(User, cmp.Key)
		return &condition{kind: lookup, exact: true, point: true, repeats: true, from: "member", rid: "gid", where: "tid = ? AND mid IN (?, ?) AND kind = ?",
			vals: []any{p.q.TID, user, group, memberKind}}, err
	}
	return p.belonging(group)
}

// belonging returns the condition of those that belong to the group, be it
// through another.
func (p *planner) belonging(group int64) (*condition, error) {
	all, nested := []int64{group}, false
	for i := 0; i < len(all); i++ {
		inner, err := p.tx.innerGroups(p.q.TID, all[i])
		if err != nil {
			return nil, err
		}
		nested = nested || len(inner) > 0 // perhaps by itself alone
		for _, g := range inner {
			if !slices.Contains(all, g) {
				all = append(all, g)
			}
		}
	}
	switch {
	case len(all) == 1 && p.q.Type == Group:
		return none(), nil
	case !nested: // all of them are users
		where, vals := p.tx.db.engine.numbered(p.q.TID, "gid", group)
		return &condition{kind: lookup, exact: true, point: true, from: "member", rid: "mid", where: where + " AND kind = ?", vals: append(vals, memberKind)}, nil
	}
	return &condition{kind: lookup, exact: true, repeats: true, from: "member CROSS JOIN resource", rid: "mid",
		where: "member.tid = ? AND gid IN (SELECT value FROM " + p.tx.listed("?", "bigint") + ") AND kind = ? AND resource.tid = member.tid AND resource.rid = mid AND type = ?",
		vals:  []any{p.q.TID, all, memberKind, p.q.Type}}, nil
}

// innerGroups returns the groups that are members of a group. It goes through
// its members or through all groups, whichever are fewer.
func (tx *Tx) innerGroups(tid, group int64) ([]int64, error) {
	groups, err := tx.Count(tid, Group)
	if err != nil {
		return nil, err
	}
	members, err := first(tx, scanInt, "SELECT count(*) FROM (SELECT 1 FROM member WHERE tid = $1 AND gid = $2 AND kind = $3 LIMIT $4 + 0) w", tid, group, memberKind, groups)
	if err != nil {
		return nil, err
	}
	if int(members) < groups {
		return list(tx, scanInt, "SELECT m.mid FROM member m CROSS JOIN resource r WHERE m.tid = $1 AND m.gid = $2 AND m.kind = $3 AND r.tid = m.tid AND r.rid = m.mid AND r.type = $4", tid, group, memberKind, Group)
	}
	return list(tx, scanInt, `SELECT r.rid FROM resource r WHERE r.tid = $1 AND r.type = $2
		AND EXISTS (SELECT 1 FROM member m WHERE m.tid = r.tid AND m.gid = $3 AND m.kind = $4 AND m.mid = r.rid)`, tid, Group, group, memberKind)
}

// ridOf returns the RID of a public id, 0 if there is none.
func (p *planner) ridOf(t Type, id string) (int64, error) {
	return first(p.tx, scanInt, "SELECT coalesce(max(rid), 0) FROM resource WHERE tid = $1 AND type = $2 AND id = $3", p.q.TID, t, id)
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

// A statement is SQL that is being put together.
type statement struct {
	text strings.Builder
	vals []any
}

// add appends SQL in which each ? stands for the next of vals.
func (s *statement) add(text string, vals ...any) {
	for i, part := range strings.Split(text, "?") {
		if i > 0 {
			s.vals = append(s.vals, vals[i-1])
			s.text.WriteString("$" + strconv.Itoa(len(s.vals)))
		}
		s.text.WriteString(part)
	}
}

// source appends the SELECT of the rids of the resources that meet c.
func (s *statement) source(q *Query, c *condition) {
	switch c.kind {
	case lookup:
		s.add("SELECT " + c.rid + " AS rid FROM " + c.from + " WHERE ")
		s.add(c.where, c.vals...)
	case or:
		for i, arg := range c.args {
			if i > 0 {
				s.add(" UNION ")
			}
			s.add("SELECT rid FROM (")
			s.source(q, arg)
			s.add(") found")
		}
	case and:
		s.add("SELECT found.rid FROM (")
		s.source(q, c.args[0])
		s.add(") found WHERE ")
		s.test(q, &condition{kind: and, args: c.args[1:]}, "found.rid")
	default:
		s.add("SELECT r.rid FROM resource r WHERE r.tid = ? AND r.type = ? AND ", q.TID, q.Type)
		s.test(q, c, "r.rid")
	}
}

// test appends the condition c of the resource whose rid is given.
func (s *statement) test(q *Query, c *condition, rid string) {
	switch c.kind {
	case lookup:
		if c.point {
			s.add("EXISTS (SELECT 1 FROM " + c.from + " WHERE ")
			s.add(c.where, c.vals...)
			s.add(" AND " + c.rid + " = " + rid + ")")
			return
		}
		s.add(rid + " IN (")
		s.source(q, c)
		s.add(")")
	case and, or:
		word := map[conditionKind]string{and: " AND ", or: " OR "}[c.kind]
		s.add("(")
		for i, arg := range c.args {
			if i > 0 {
				s.add(word)
			}
			s.test(q, arg, rid)
		}
		s.add(")")
	case not:
		s.add("NOT ")
		s.test(q, c.args[0], rid)
	case nothing:
		s.add("FALSE")
	default:
		s.add("TRUE")
	}
}

// scans reports whether all that the condition does is to look at every row of an index.
func (c *condition) scans() bool { return c.kind == lookup && c.scan }

// unordered returns the column by which what source gives is sorted: so that the
// index is read that has what is looked at, not the one that has the order.
func (tx *Tx) unordered(c *condition, rid string) string {
	if c.scans() {
		return tx.unindexed(rid)
	}
	return rid
}

// repeated reports whether source may give a rid several times.
func (c *condition) repeated() bool {
	return c.repeats || c.kind == and && c.args[0].repeated()
}

// once appends the SELECT of the rids of the resources that meet c, each once.
func (s *statement) once(q *Query, c *condition) {
	s.add("SELECT ")
	if c.repeated() {
		s.add("DISTINCT ")
	}
	s.add("rid FROM (")
	s.source(q, c)
	s.add(") found")
}

// count returns how many resources meet the condition, at most limit; a
// negative limit is none.
func (tx *Tx) count(q *Query, c *condition, limit int) (int, error) {
	switch {
	case c.kind == nothing:
		return 0, nil
	case c.kind == everything:
		return tx.Count(q.TID, q.Type)
	case c.kind == not:
		all, err := tx.Count(q.TID, q.Type)
		if err != nil {
			return 0, err
		}
		n, err := tx.count(q, c.args[0], -1)
		return all - n, err
	}
	var s statement
	s.add("SELECT count(*) FROM (")
	if s.once(q, c); limit >= 0 {
		s.add(" LIMIT ? + 0", limit)
	}
	s.add(") w")
	n, err := first(tx, scanInt, s.text.String(), s.vals...)
	return int(n), err
}
