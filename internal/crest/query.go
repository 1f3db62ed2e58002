package crest

import (
	"context"
	"net/http"
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
	filter *scim.Filter   // resolved; nil selects all
	sort   []scim.SortKey // resolved
	start  int            // 1-based
	cursor *directory.Position
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
	list := directory.Query{Filter: asked.filter, Sort: asked.sort, Start: asked.start, Cursor: asked.cursor,
		Count: asked.size, NoTotal: !asked.count, Include: c.kind.include(&q.fields)}
	switch {
	case asked.only:
		list.Count = 0
	case asked.size == 0:
		list.Count = chunk
	}
	page, err := c.kind.list(q.Context(), c.d, q.caller, list)
	switch {
	case asked.cursor != nil && isRule(err, scim.RuleParameter):
		return q.badCookie()
	case err != nil:
		return err
	}
	end := ending{policy: "NONE", total: -1}
	if asked.count {
		end.policy, end.total = "EXACT", page.Total
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
		if asked.size > 0 || page.Next == nil {
			break
		}
		list.Cursor, list.NoTotal = page.Next, true
		if page, err = c.kind.list(q.Context(), c.d, q.caller, list); err != nil {
			return a.abandon(err)
		}
	}
	if asked.size > 0 && page.Next != nil {
		if end.cookie, err = q.cookie(page.Next); err != nil {
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
	if asked.sort, err = q.readSorting(kinds[0]); err != nil {
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
	asked.start = skip + 1
	if !q.has("_pagedresultscookie") {
		return nil
	}
	if skip > 0 {
		return exclusive("_pagedresultsoffset", "_pagedresultscookie")
	}
	asked.cursor, err = q.readCookie()
	return err
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
	asked.count = asked.count || asked.only
	return nil
}

// readSorting reads _sortKeys: [+|-]pointer, separated by commas (AIC-166). A +
// that is sent as it is arrives as a blank.
func (q *request) readSorting(kind string) ([]scim.SortKey, error) {
	var sort []scim.SortKey
	for _, text := range q.params["_sortkeys"] {
		for key := range strings.SplitSeq(text, ",") {
			key = strings.TrimSpace(key)
			descending := strings.HasPrefix(key, "-")
			if descending || strings.HasPrefix(key, "+") {
				key = key[1:]
			}
			at, ok := parsePointer(key)
			if !ok || len(sort) > maxSortKeys {
				return nil, unparsable("_sortkeys", text, "a comma separated list of sort keys")
			}
			keys, err := q.c.kind.sortKeys(at, descending)
			if err != nil {
				return nil, err
			}
			sort = append(sort, keys...)
		}
	}
	if kind == "_queryid" && q.has("_sortkeys") {
		return nil, badRequest(&scim.Error{Rule: scim.RuleParameter, Path: "_sortKeys"}, "The parameter _sortKeys is not supported with _queryId")
	}
	return sort, nil
}

const maxSortKeys = 16

// sortKeys returns what sorts by the value at a pointer: nothing where no object
// has one (AIC-150).
func (k *kind) sortKeys(at pointer, descending bool) ([]scim.SortKey, error) {
	key := scim.SortKey{Descending: descending, CREST: true}
	list := []scim.SortKey{key}
	switch p := k.property(at[0]); {
	case at[0] == "_id" && len(at) == 1 && k.named:
		list[0].Path = k.property("name").home
	case at[0] == "_id" && len(at) == 1:
		list[0].Path.Attr = "id"
	case k.hidden(at):
		return nil, nil
	case p == nil, p.extended():
		list[0].Path = k.inExtension(at)
	case p.name == "accountStatus":
		// active before all others, those with words of their own before inactive.
		list[0].Path, list[0].Descending = p.home, !descending
		key.Path = k.inExtension(at)
		list = append(list, key)
	default:
		list[0].Path = p.home
		if p.of != nil {
			list[0].Single = true
			if p.of.prefer {
				list[0].Prefer = p.of.typ
			}
		}
	}
	for i := range list {
		var err error
		if list[i], err = k.canonicalType().ResolveSort(list[i], exact()); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// cookie returns the word for where the next page of the query begins (AIC-157).
func (q *request) cookie(at *directory.Position) (string, error) {
	return q.c.sealer.Seal(q.Context(), q.caller, q.asked(), at)
}

// readCookie returns where the page begins that the client asks for. Errors:
// RuleParameter for what is no cookie of this query, made for this client.
func (q *request) readCookie() (*directory.Position, error) {
	var at directory.Position
	ok, err := q.c.sealer.Open(q.Context(), q.caller, q.asked(), q.params.Get("_pagedresultscookie"), &at)
	if err == nil && !ok {
		err = q.badCookie()
	}
	return &at, err
}

// asked is the query that a cookie is good for.
func (q *request) asked() []string {
	asked := []string{q.URL.Path}
	for _, name := range []string{"_queryid", "_queryfilter", "uid", "_sortkeys"} {
		asked = append(asked, strings.Join(q.params[name], ","))
	}
	return asked
}

func (q *request) badCookie() error {
	return unparsable("_pagedresultscookie", q.params.Get("_pagedresultscookie"), "a cookie of paged results of this query")
}

// exact is how filters and sort keys are read: properties have any names, and
// what a kind does not have matches nothing (AIC-149).
func exact() scim.FilterOptions { return scim.FilterOptions{Unknown: true, Exact: true} }

// resolve binds a filter to the canonical attributes.
func (k *kind) resolve(f *scim.Filter) (*scim.Filter, error) {
	return k.canonicalType().Resolve(f, exact())
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
