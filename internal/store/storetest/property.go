package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// ownSchema has an attribute of each type that filters compare in its own way.
const ownSchema = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:example:x","name":"X","description":"x","attributes":[
	{"name":"number","type":"decimal","multiValued":false},{"name":"when","type":"dateTime","multiValued":false},
	{"name":"tags","type":"string","multiValued":true,"caseExact":true},{"name":"code","type":"string","multiValued":false,"caseExact":true}]}`

// A world is an environment with resources that differ in all that filters and
// orders ask for.
type world struct {
	tid   int64
	types map[store.Type]*scim.ResourceType
	rows  map[store.Type][]*store.Row // in order of creation, each with groups and members
	texts []string                    // its values: few, so that filters meet them
}

// awkward are texts that are equal in some ways, or mean something to SQL, or
// are about as long as what an index holds.
var awkward = []string{"", " ", "a", "A", "ab", "aB", "b", "ba", "%", "_", "a%b", "a_b", `\`, "'", `"`, "ß", "ẞ", "SS", "é", "e\u0301", "É", "Σς", "\U0001F600", "\U0010FFFF", "\uFFFD",
	"\uD7FF", "\uE000", long, long + "a", long + "b", long[:255], long[:252], strings.Repeat("x", 251) + "é", strings.Repeat("x", 252) + "é"}

// text draws a text. Many are those of one beginning that differ about where an
// index cuts them.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.Just(""), rapid.SampledFrom(awkward), rapid.StringMatching(`[abAB]{0,3}`), rapid.Custom(func(rt *rapid.T) string {
		return strings.Repeat("x", rapid.SampledFrom([]int{251, 252, 255, 256, 256, 256, 257}).Draw(rt, "length")) + rapid.SampledFrom([]string{"", "a", "A", "b", "é", "ab", "\U0001F600"}).Draw(rt, "end")
	}))
}

var numbers = []string{"-1.5", "-1", "0", "0.0", "1", "1e1", "10", "12345678901234567890", "12345678901234567891"}

var instants = []string{"2024-02-29T10:00:00Z", "2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00.5Z", "1969-12-31T23:59:59.999Z", "2024-03-01T00:00:00Z"}

// newWorld draws the resources of a new environment and stores them.
func newWorld(rt *rapid.T, t *testing.T, db *store.DB, name string) *world {
	w := &world{tid: MustTenant(t, db, name), rows: map[store.Type][]*store.Row{}, texts: rapid.SliceOfN(text(), 1, 12).Draw(rt, "texts")}
	o, err := scim.ReadObject([]byte(ownSchema), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	own, faults := scim.ParseSchema(o)
	if faults != nil {
		t.Fatal(faults)
	}
	users := userType()
	users.Extensions = append(users.Extensions, own)
	w.types = map[store.Type]*scim.ResourceType{store.User: users, store.Group: scim.GroupType()}
	maybe := func(chance int) bool { return rapid.IntRange(1, 100).Draw(rt, "chance") <= chance }
	set := func(o *scim.Object, name string, v scim.Value) {
		if maybe(70) {
			o.Set(name, v)
		}
	}
	draw := func() scim.Value { return scim.StringValue(rapid.SampledFrom(w.texts).Draw(rt, "text")) }
	at := func() time.Time {
		return now.Add(time.Duration(rapid.IntRange(-2, 2).Draw(rt, "time")) * time.Millisecond)
	}
	MustUpdate(t, db, func(tx *store.Tx) error {
		if _, err := tx.SetIndexes(w.tid, store.User, []store.Index{
			{Path: "urn:example:x:number", Type: scim.TypeDecimal}, {Path: "urn:example:x:when", Type: scim.TypeDateTime},
			{Path: "urn:example:x:tags", Type: scim.TypeString, CaseExact: true},
		}); err != nil {
			return err
		}
		insert := func(row *store.Row, attrs *scim.Object) error {
			row.Created, row.Modified = at(), at()
			row.ExternalID = attrs.Get("externalId").Text()
			row.Doc = scim.ObjectValue(attrs).AppendJSON(nil)
			w.rows[row.Type] = append(w.rows[row.Type], row)
			return tx.Insert(row, attrs)
		}
		var pops []*store.Row
		for i := range 2 {
			row, attrs := NewPopulation(w.tid, fmt.Sprint("p-", i), fmt.Sprint("Population ", i))
			if err := tx.Insert(row, attrs); err != nil {
				return err
			}
			pops = append(pops, row)
		}
		for i := range rapid.IntRange(0, 60).Draw(rt, "users") {
			user := rapid.SampledFrom(awkward).Draw(rt, "userName") + " " + strconv.Itoa(i)
			row, attrs := NewUser(w.tid, fmt.Sprint("u-", i), user)
			row.Key, _ = scim.UsernameKey(user)
			row.Pop, row.Population = pops[i%2].RID, pops[i%2].ID
			if maybe(5) {
				row.Key = "" // a name of blanks
				attrs.Set("userName", scim.StringValue("  "))
			}
			attrs.Delete("displayName")
			set(attrs, "displayName", draw())
			set(attrs, "title", draw())
			set(attrs, "externalId", draw())
			attrs.Delete("name")
			set(attrs, "name", scim.ObjectValue(scim.NewObject(scim.Member{Name: "familyName", Value: draw()})))
			attrs.Delete("active")
			set(attrs, "active", scim.BoolValue(maybe(50)))
			var emails []scim.Value
			for i := range rapid.IntRange(0, 3).Draw(rt, "emails") {
				one := scim.NewObject()
				set(one, "value", draw())
				set(one, "type", scim.StringValue([]string{"work", "home"}[i%2]))
				if maybe(20) {
					one.Set("primary", scim.BoolValue(true))
				}
				emails = append(emails, scim.ObjectValue(one))
			}
			attrs.Set("emails", scim.ListValue(emails...))
			own := scim.NewObject()
			set(own, "number", scim.NumberValue(rapid.SampledFrom(numbers).Draw(rt, "number")))
			set(own, "when", scim.StringValue(rapid.SampledFrom(instants).Draw(rt, "when")))
			set(own, "tags", scim.ListValue(draw(), draw()))
			set(own, "code", draw())
			set(attrs, "urn:example:x", scim.ObjectValue(own))
			if err := insert(row, attrs); err != nil {
				return err
			}
		}
		for i := range rapid.IntRange(1, 6).Draw(rt, "groups") {
			name := rapid.SampledFrom(awkward).Draw(rt, "displayName") + " " + strconv.Itoa(i)
			row, attrs := NewGroup(w.tid, fmt.Sprint([]string{"g-", "u-"}[i%2], i), name) // as users are called, too
			row.Key = scim.Fold(name)
			set(attrs, "externalId", draw())
			if err := insert(row, attrs); err != nil {
				return err
			}
		}
		everybody := slices.Concat(w.rows[store.User], w.rows[store.Group])
		for range rapid.IntRange(0, 60).Draw(rt, "memberships") {
			g := rapid.SampledFrom(w.rows[store.Group]).Draw(rt, "group")
			if _, err := tx.AddMembers(g.TID, g.RID, rapid.SampledFrom(everybody).Draw(rt, "member").RID); err != nil {
				return err
			}
		}
		for _, row := range everybody {
			var err1, err2 error
			row.Resource().Groups, err1 = tx.Groups(row.TID, row.RID)
			row.Resource().Members, err2 = tx.Members(row.TID, row.RID)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
		}
		return nil
	})
	return w
}

// The attributes that filters and orders of the property test name.
var (
	texts = map[store.Type][]string{
		store.User: {"id", "userName", "externalId", "displayName", "title", "name.familyName", "emails.value", "emails", "emails.type", "groups.value", "groups.display",
			scim.PingOneSchema + ":population.id", "urn:example:x:tags", "urn:example:x:code", "meta.version", "nickName"},
		store.Group: {"id", "externalId", "displayName", "members.value", "members", "members.type"},
	}
	// Those of which an index holds the beginning, which other indexes do not.
	cut = map[store.Type][]string{
		store.User: {"displayName", "name.familyName", "emails.value", "urn:example:x:tags"}, store.Group: {"displayName"},
	}
	times   = []string{"meta.created", "meta.lastModified", "urn:example:x:when"}
	present = map[store.Type][]string{
		store.User:  {"emails", "groups", "name", "active", "urn:example:x:number", "urn:example:x:when", "meta"},
		store.Group: {"members"},
	}
	orders = map[store.Type][]string{
		store.User: {"id", "userName", "externalId", "displayName", "title", "name.familyName", "emails.value", "active", "meta.created", "meta.lastModified",
			"urn:example:x:number", "urn:example:x:when", "urn:example:x:tags", "urn:example:x:code", "groups.display"},
		store.Group: {"id", "externalId", "displayName", "members.value", "meta.created"},
	}
)

// filter draws a filter.
func (w *world) filter(rt *rapid.T, typ store.Type, depth int) string {
	if depth > 0 {
		switch rapid.IntRange(0, 6).Draw(rt, "form") {
		case 0, 1:
			return "(" + w.filter(rt, typ, depth-1) + ") and (" + w.filter(rt, typ, depth-1) + ")"
		case 2:
			return "(" + w.filter(rt, typ, depth-1) + ") or (" + w.filter(rt, typ, depth-1) + ")"
		case 3:
			return "not (" + w.filter(rt, typ, depth-1) + ")"
		}
	}
	return w.term(rt, typ)
}

// term draws a comparison, or a value path.
func (w *world) term(rt *rapid.T, typ store.Type) string {
	op := func(ops ...string) string { return " " + rapid.SampledFrom(ops).Draw(rt, "op") + " " }
	any := func() string {
		return op("eq", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le") + w.operand(rt)
	}
	form := rapid.IntRange(0, 14).Draw(rt, "term")
	switch {
	case form == 0 && typ == store.User:
		return "active" + op("eq", "ne") + rapid.SampledFrom([]string{"true", "false"}).Draw(rt, "bool")
	case form == 1 && typ == store.User:
		return "urn:example:x:number" + op("eq", "ne", "gt", "ge", "lt", "le") + rapid.SampledFrom(numbers).Draw(rt, "number")
	case form == 2:
		path := rapid.SampledFrom(times).Draw(rt, "path")
		if typ == store.Group {
			path = "meta.created"
		}
		instant := rapid.OneOf(rapid.SampledFrom(instants), rapid.Custom(func(rt *rapid.T) string {
			return now.Add(time.Duration(rapid.IntRange(-6, 6).Draw(rt, "time")) * time.Millisecond / 2).Format(time.RFC3339Nano)
		})).Draw(rt, "instant")
		return path + op("eq", "ne", "gt", "ge", "lt", "le") + strconv.Quote(instant)
	case form == 3:
		return rapid.SampledFrom(slices.Concat(texts[typ], present[typ])).Draw(rt, "path") + " pr"
	case form == 4 && typ == store.User:
		switch rapid.IntRange(0, 4).Draw(rt, "value path") {
		case 0:
			return "emails[value" + any() + "]"
		case 1:
			return `emails[type eq "work" and value` + any() + "]"
		case 2:
			return `emails[not (value` + any() + ") or primary eq true]"
		case 3:
			return "urn:example:x:tags[value" + any() + "]"
		}
		return "groups[value" + any() + `and type eq "direct"]`
	case form == 4:
		return "members[value" + any() + `and type eq "User"]`
	}
	return rapid.OneOf(rapid.SampledFrom(texts[typ]), rapid.SampledFrom(cut[typ])).Draw(rt, "path") + any()
}

// operand draws what texts are compared with: often a part of one that is there.
func (w *world) operand(rt *rapid.T) string {
	s := rapid.OneOf(rapid.SampledFrom(w.texts), rapid.SampledFrom(w.texts), text(),
		rapid.SampledFrom([]string{"u-1", "u-3", "g-0", "g-2", "p-0", "work", "User", "a 1", " 2"})).Draw(rt, "operand")
	if runes := []rune(s); len(runes) > 0 && rapid.IntRange(0, 3).Draw(rt, "part") == 0 {
		from := rapid.IntRange(0, 2).Draw(rt, "from")
		to := rapid.IntRange(0, 2).Draw(rt, "to")
		if from+to < len(runes) {
			s = string(runes[from : len(runes)-to])
		}
	}
	return string(scim.StringValue(s).AppendJSON(nil))
}

// queriesOfWorld is how many queries are asked of one population.
const queriesOfWorld = 50

// Filters compares what queries select with what their filters say of each
// resource, and their pages with these resources plainly sorted.
func Filters(t *testing.T, db *store.DB) {
	var worlds atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, t, db, fmt.Sprint("world-", worlds.Add(1)))
		for range queriesOfWorld {
			w.checkQuery(rt, db)
		}
		MustUpdate(t, db, func(tx *store.Tx) error { return tx.DeleteTenant(w.tid) })
	})
}

func (w *world) checkQuery(rt *rapid.T, db *store.DB) {
	typ := rapid.SampledFrom([]store.Type{store.User, store.User, store.Group}).Draw(rt, "type")
	q := store.Query{TID: w.tid, Type: typ}
	text := ""
	if rapid.IntRange(0, 9).Draw(rt, "filtered") > 0 {
		// Many are of one comparison: what surrounds it can hide its faults.
		text = w.filter(rt, typ, rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(rt, "depth"))
		f, err := scim.ParseFilter(text, scim.FilterOptions{MaxLength: 1 << 20})
		if err == nil {
			q.Filter, err = w.types[typ].Resolve(f, scim.FilterOptions{})
		}
		if err != nil {
			var fault *scim.Error
			if errors.As(err, &fault) && fault.Rule == scim.RuleFilter {
				return // an operator that the type of the attribute does not have
			}
			rt.Fatalf("%s: %v", text, err)
		}
	}
	want := w.selected(q.Filter, typ)
	q.Sort, text = w.order(rt, typ, text)
	plainSort(want, q.Sort)
	if rapid.IntRange(0, 9).Draw(rt, "walk") == 0 { // which takes as long as many other queries
		w.checkWalk(rt, db, q, text, want)
		return
	}
	q.Start = rapid.IntRange(0, 8).Draw(rt, "start")
	q.Count = rapid.IntRange(0, 8).Draw(rt, "count")
	q.NoTotal = rapid.Bool().Draw(rt, "no total")
	q.Places = rapid.Bool().Draw(rt, "places")
	page := mustSelect(rt, db, q, text)
	begin := min(max(q.Start-1, 0), len(want))
	end := min(begin+q.Count, len(want))
	if got := ids(page.Rows); !slices.Equal(got, ids(want[begin:end])) || !q.NoTotal && page.Total != len(want) {
		rt.Fatalf("%s\n%d from %d: %v of %d, want %v of %d", text, q.Count, q.Start, got, page.Total, ids(want[begin:end]), len(want))
	}
	if q.Count > 0 && end > begin && ((page.Next != nil) != (end < len(want)) || (page.Previous != nil) != (begin > 0)) {
		rt.Fatalf("%s\n%d from %d of %d: next %v, previous %v", text, q.Count, q.Start, len(want), page.Next, page.Previous)
	}
	if n := len(page.Places); q.Places != (n > 0) && len(page.Rows) > 0 || n > 0 && page.Next != nil && (n != len(page.Rows) || page.Places[n-1].Compare(*page.Next, q.Sort) != 0) {
		rt.Fatalf("%s\n%d from %d of %d: places %v, next %v", text, q.Count, q.Start, len(want), page.Places, page.Next)
	}
	for _, row := range page.Rows {
		if r := row.Resource(); r.Groups != nil || r.Members != nil {
			rt.Fatalf("%s\n%s kept memberships that nobody asked for", text, row.ID)
		}
	}
}

// checkWalk walks to the end by cursor, and back.
func (w *world) checkWalk(rt *rapid.T, db *store.DB, q store.Query, text string, want []*store.Row) {
	q.Count = rapid.IntRange(1, 7).Draw(rt, "count") + len(want)/6 // a few pages
	at := 0
	for {
		page := mustSelect(rt, db, q, text)
		end := min(at+q.Count, len(want))
		if got := ids(page.Rows); !slices.Equal(got, ids(want[at:end])) || page.Total != len(want) || (page.Next == nil) != (end == len(want)) || (page.Previous == nil) != (at == 0) {
			rt.Fatalf("%s\n%d from %v: %v of %d, next %v, previous %v, want %v of %d", text, q.Count, q.Cursor, got, page.Total, page.Next, page.Previous, ids(want[at:end]), len(want))
		}
		if page.Next == nil {
			q.Cursor = page.Previous
			break
		}
		at, q.Cursor = end, page.Next
	}
	for q.Cursor != nil {
		page := mustSelect(rt, db, q, text)
		begin := max(at-q.Count, 0)
		if got := ids(page.Rows); !slices.Equal(got, ids(want[begin:at])) || (page.Previous == nil) != (begin == 0) || page.Next == nil {
			rt.Fatalf("%s\n%d back from %v: %v, next %v, previous %v, want %v", text, q.Count, q.Cursor, got, page.Next, page.Previous, ids(want[begin:at]))
		}
		at, q.Cursor = begin, page.Previous
	}
}

func mustSelect(rt *rapid.T, db *store.DB, q store.Query, text string) (page *store.Page) {
	err := db.View(context.Background(), func(tx *store.Tx) (err error) {
		page, err = tx.Select(q)
		return err
	})
	if err != nil {
		rt.Fatalf("%s: %v", text, err)
	}
	return page
}

// selected returns the resources that a filter selects, in order of creation.
func (w *world) selected(f *scim.Filter, typ store.Type) (rows []*store.Row) {
	for _, row := range w.rows[typ] {
		if f == nil || f.Match(row.Resource()) {
			rows = append(rows, row)
		}
	}
	return rows
}

// order draws an order, and adds it to the text of the query.
func (w *world) order(rt *rapid.T, typ store.Type, text string) (keys []scim.SortKey, _ string) {
	crest := rapid.IntRange(0, 3).Draw(rt, "crest") == 0
	for range rapid.SampledFrom([]int{0, 1, 1, 1, 2}).Draw(rt, "keys") {
		path, err := scim.ParsePath(rapid.SampledFrom(orders[typ]).Draw(rt, "by"))
		if err != nil {
			rt.Fatal(err)
		}
		k, err := w.types[typ].ResolveSort(scim.SortKey{Path: path, Descending: rapid.Bool().Draw(rt, "descending"), CREST: crest}, scim.FilterOptions{})
		if err != nil {
			rt.Fatal(err)
		}
		keys = append(keys, k)
		text += fmt.Sprintf("\nby %s, descending %v, CREST %v", path, k.Descending, crest)
	}
	return keys, text
}

// plainSort sorts rows, which are in order of creation, one key after the other
// from the last one on.
func plainSort(rows []*store.Row, keys []scim.SortKey) {
	if len(keys) > 0 && keys[0].Descending {
		slices.Reverse(rows)
	}
	for _, k := range slices.Backward(keys) {
		slices.SortStableFunc(rows, func(a, b *store.Row) int {
			x, hasX := k.Key(a.Resource())
			y, hasY := k.Key(b.Resource())
			sign := 1
			if k.Descending {
				sign = -1
			}
			switch {
			case hasX && hasY:
				return sign * bytes.Compare(sortedBy(k, x), sortedBy(k, y))
			case hasX == hasY:
				return 0
			case k.CREST:
				sign = 1
			}
			if hasX {
				return -sign
			}
			return sign
		})
	}
}

// sortedBy returns as much of a key as counts: of a long text its beginning.
func sortedBy(k scim.SortKey, key string) []byte {
	if path := k.Path.String(); len(key) <= 256 || path == "id" || path == "userName" || path == "externalId" {
		return []byte(key)
	}
	n := 256
	for !utf8.RuneStart(key[n]) {
		n--
	}
	return []byte(key[:n])
}
