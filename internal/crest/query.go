package crest

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// queries are the parameters that make a GET a query (AIC-130).
var queries = []string{"_queryid", "_queryfilter", "_queryexpression"}

// maxPage is the most results of one page; more are asked for in vain.
const maxPage = 10_000

// A query is what a client asks of a collection.
type query struct {
	filter *scim.Filter // resolved; nil selects all
	from   position
	size   int  // of a page; 0 for all in one answer
	count  bool // the total is wanted
	only   bool // and nothing but it
}

// query answers with the objects that the parameters select.
func (c *collection) query(w http.ResponseWriter, q *request) error {
	asked, err := q.readQuery()
	if err != nil {
		return err
	}
	list := directory.Query{Filter: asked.filter, Start: asked.from.start, Count: asked.size + 1, Include: c.kind.include(&q.fields)}
	switch {
	case asked.only:
		list.Count = 0
	case asked.size == 0:
		list.Count = chunk
	}
	page, err := q.page(&list, asked.from)
	if err != nil {
		return err
	}
	end := ending{policy: "NONE", total: -1}
	if asked.count || asked.only {
		end.policy, end.total = "EXACT", page.Total
	}
	if n := asked.size; n > 0 && len(page.Resources) > n {
		end.cookie = position{list.Start + n, page.Resources[n].ID, page.Resources[n-1].ID}.cookie()
		page.Resources = page.Resources[:n]
	}
	a := &envelope{w: w, pretty: pretty(q.URL.RawQuery)}
	view := q.view()
	for {
		for _, r := range page.Resources {
			shown, err := view.object(r, &q.fields)
			if err != nil {
				return a.abandon(err)
			}
			a.add(shown)
		}
		if asked.size > 0 || asked.only || len(page.Resources) < list.Count {
			break
		}
		list.Start += len(page.Resources)
		if page, err = c.kind.list(q.Context(), c.d, q.caller, list); err != nil {
			return a.abandon(err)
		}
	}
	end.count = a.count
	if asked.only {
		end.count = end.total
	}
	return a.close(end)
}

// readQuery reads the parameters of a query.
func (q *request) readQuery() (asked query, err error) {
	if err := q.refuse("If-Match", "If-None-Match"); err != nil {
		return asked, err
	}
	var kinds []string
	for _, name := range queries {
		if q.has(name) {
			kinds = append(kinds, name)
		}
	}
	switch {
	case len(kinds) == 0:
		return asked, noCollection("read")(nil, q) // AIC-068
	case len(kinds) > 1:
		return asked, exclusive(kinds[0], kinds[1])
	case kinds[0] == "_queryexpression":
		return asked, badRequest(&scim.Error{Rule: scim.RuleParameter, Path: "_queryExpression"}, "The parameter _queryExpression is not supported")
	}
	if err := q.readPaging(&asked); err != nil {
		return asked, err
	}
	if err := q.readCounting(&asked); err != nil {
		return asked, err
	}
	if err := q.checkSorting(kinds[0]); err != nil {
		return asked, err
	}
	var f *scim.Filter
	if kinds[0] == "_queryid" {
		f, err = q.predefined()
	} else {
		f, err = q.c.kind.parseFilter(q.params.Get("_queryfilter"))
	}
	if err != nil {
		return asked, err
	}
	asked.filter, err = q.c.kind.resolve(f)
	return asked, err
}

// exclusive words two parameters that exclude each other (AIC-131, AIC-158).
func exclusive(a, b string) error {
	return badRequest(&scim.Error{Rule: scim.RuleParameter, Path: spelled(b)},
		"The parameters %s and %s are mutually exclusive", spelled(a), spelled(b))
}

// predefined returns the filter of _queryId (AIC-169).
func (q *request) predefined() (*scim.Filter, error) {
	id := q.params.Get("_queryid")
	switch {
	case id == "query-all":
		return nil, nil
	case id == "query-all-ids":
		q.fields = idsOnly
		return nil, nil
	case id == "for-userName" && q.c.kind == users:
		if !q.has("uid") {
			return nil, badRequest(&scim.Error{Rule: scim.RuleParameter, Path: "uid"}, "No values provided for the request parameter 'uid'")
		}
		return users.equal("userName", q.params.Get("uid")), nil
	}
	return nil, badRequest(&scim.Error{Rule: scim.RuleParameter, Path: "_queryId", Value: id}, "The query id '%s' is not supported", id)
}

func (q *request) readPaging(asked *query) (err error) {
	if asked.size, err = q.integer("_pagesize"); err != nil {
		return err
	}
	asked.size = min(asked.size, maxPage)
	skip, err := q.integer("_pagedresultsoffset")
	if err != nil {
		return err
	}
	asked.from.start = skip + 1
	if !q.has("_pagedresultscookie") {
		return nil
	}
	if skip > 0 {
		return exclusive("_pagedresultsoffset", "_pagedresultscookie")
	}
	text := q.params.Get("_pagedresultscookie")
	at, ok := readCookie(text)
	if !ok {
		return badCookie(text)
	}
	asked.from = at
	return nil
}

func (q *request) readCounting(asked *query) error {
	if text := q.params.Get("_totalpagedresultspolicy"); q.has("_totalpagedresultspolicy") {
		switch strings.ToUpper(text) {
		case "NONE":
		case "EXACT", "ESTIMATE": // AIC-163
			asked.count = true
		default:
			return unparsable("_totalpagedresultspolicy", text, "a valid count policy")
		}
	}
	if asked.only = strings.EqualFold(q.params.Get("_countonly"), "true"); asked.only && q.protocol.less(countOnly) {
		return badRequest(&scim.Error{Rule: scim.RuleParameter, Path: "_countOnly"},
			"countOnly is only supported with protocolVersion %s or higher", countOnly)
	}
	return nil
}

// checkSorting checks _sortKeys: [+|-]pointer, separated by commas (AIC-166).
// A + that is sent as it is arrives as a blank.
func (q *request) checkSorting(kind string) error {
	if !q.has("_sortkeys") {
		return nil
	}
	for _, text := range q.params["_sortkeys"] {
		for key := range strings.SplitSeq(text, ",") {
			key = strings.TrimSpace(key)
			if key != "" && (key[0] == '+' || key[0] == '-') {
				key = key[1:]
			}
			if _, ok := parsePointer(key); !ok {
				return unparsable("_sortkeys", text, "a comma separated list of sort keys")
			}
		}
	}
	if kind == "_queryid" {
		return badRequest(&scim.Error{Rule: scim.RuleParameter, Path: "_sortKeys"}, "The parameter _sortKeys is not supported with _queryId")
	}
	return notYet("The parameter _sortKeys")
}

// A position is where a page starts: a place in the order of creation, and the
// ids of the objects there and before, which tell how far objects have moved
// since by what was created, changed or deleted ahead of them (AIC-157).
type position struct {
	start  int // 1-based
	first  string
	before string
}

func (at position) cookie() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(at.start) + "/" + at.first + "/" + at.before))
}

// readCookie reads what cookie has made: ids have no slash.
func readCookie(text string) (at position, ok bool) {
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	parts := strings.Split(string(plain), "/")
	if err != nil || len(parts) != 3 {
		return at, false
	}
	n, err := strconv.ParseInt(parts[0], 10, 32)
	at = position{int(n), parts[1], parts[2]}
	return at, err == nil && n > 1 && possible(at.first) && possible(at.before) && at.cookie() == text
}

func badCookie(text string) error {
	return unparsable("_pagedresultscookie", text, "a cookie of paged results")
}

// page returns the page that starts at the position and sets its place in list.
func (q *request) page(list *directory.Query, at position) (*directory.Page, error) {
	page, err := q.c.kind.list(q.Context(), q.c.d, q.caller, *list)
	if err != nil || at.first == "" || len(page.Resources) > 0 && page.Resources[0].ID == at.first {
		return page, err
	}
	if list.Start, err = q.locate(*list, at); err != nil {
		return nil, err
	}
	return q.c.kind.list(q.Context(), q.c.d, q.caller, *list)
}

// locate returns where the objects of the position are now. They are looked for
// from where they were towards the beginning, because deletions are what moves
// most; then behind. When both are gone, no page can follow that repeats and
// misses nothing.
func (q *request) locate(list directory.Query, at position) (int, error) {
	list.Count, list.Include = chunk, directory.Include{}
	look := func(start int) (found int, more bool, err error) {
		list.Start = start
		page, err := q.c.kind.list(q.Context(), q.c.d, q.caller, list)
		if err != nil {
			return 0, false, err
		}
		for i, r := range page.Resources {
			switch r.ID {
			case at.first:
				return start + i, true, nil
			case at.before:
				found = start + i + 1
			}
		}
		return found, len(page.Resources) == chunk, nil
	}
	const looks = 40       // each way
	const step = chunk - 1 // the two may lie on both sides of an edge
	for i, start := 0, at.start+2; i < looks && start > 1; i++ {
		start = max(1, start-step)
		if found, _, err := look(start); found > 0 || err != nil {
			return found, err
		}
	}
	for i, more := 0, true; i < looks && more; i++ {
		found, next, err := look(at.start + i*step)
		if found > 0 || err != nil {
			return found, err
		}
		more = next
	}
	return 0, badCookie(q.params.Get("_pagedresultscookie"))
}

// resolve binds a filter to the canonical attributes. What a kind does not
// have matches nothing (AIC-149).
func (k *kind) resolve(f *scim.Filter) (*scim.Filter, error) {
	if f == nil {
		return nil, nil
	}
	return k.canonicalType().Resolve(f, scim.FilterOptions{Unknown: true})
}

// equal returns the filter for a property that is kept as one canonical value.
func (k *kind) equal(name, value string) *scim.Filter {
	return &scim.Filter{Op: scim.OpEq, Path: k.property(name).home, Value: scim.StringValue(value)}
}

// list answers a query whose filter may not be resolved yet.
func (k *kind) list(ctx context.Context, d *directory.Directory, caller directory.Caller, query directory.Query) (*directory.Page, error) {
	f, err := k.resolve(query.Filter)
	if err != nil {
		return nil, err
	}
	query.Type, query.Filter = k.typ, f
	return d.List(ctx, caller, caller.Home(), query)
}

// chunk is how many resources are read at once for an answer without pages.
const chunk = 500

// each calls fn with all resources that a query selects.
func (k *kind) each(ctx context.Context, d *directory.Directory, caller directory.Caller, query directory.Query, fn func(*scim.Resource) error) error {
	query.Count = chunk
	for {
		page, err := k.list(ctx, d, caller, query)
		if err != nil {
			return err
		}
		for _, r := range page.Resources {
			if err := fn(r); err != nil {
				return err
			}
		}
		if len(page.Resources) < query.Count {
			return nil
		}
		query.Start += len(page.Resources)
	}
}
