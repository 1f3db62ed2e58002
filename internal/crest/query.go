package crest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// queries are the parameters that make a GET a query (AIC-130).
var queries = []string{"_queryId", "_queryFilter", "_queryExpression"}

const (
	maxPage     = 10_000 // results of one page; more are asked for in vain
	maxSortKeys = 16
	chunk       = 500 // resources read at once for an answer without pages
)

// A query is what a client asks of a collection. Its Count is that of a page, 0
// for all in one answer.
type query struct {
	directory.Query
	total bool // the total is wanted
	only  bool // and nothing but it
}

// query answers with the objects that the parameters select.
func (c *collection) query(w http.ResponseWriter, q *request) error {
	asked, err := q.readQuery()
	if err != nil {
		return err
	}
	list := asked.Query
	list.NoTotal, list.Include = !asked.total, q.include()
	switch {
	case asked.only:
		list.Count = 0
	case asked.Count == 0:
		list.Count = chunk
	}
	page, err := q.list(list)
	switch {
	case asked.Cursor != nil && scim.Is(err, scim.RuleParameter):
		return q.badCookie()
	case err != nil:
		return err
	}
	a, total := q.envelope(w), page.Total
	for {
		for _, r := range page.Resources {
			shown, err := q.show(r, &q.fields)
			if err != nil {
				return a.abandon(err)
			}
			a.add(shown)
		}
		if asked.Count > 0 || page.Next == nil {
			break
		}
		list.Cursor, list.NoTotal = page.Next, true
		if page, err = q.list(list); err != nil {
			return a.abandon(err)
		}
	}
	cookie := ""
	if asked.Count > 0 && page.Next != nil {
		if cookie, err = q.cookie(page.Next); err != nil {
			return a.abandon(err)
		}
	}
	a.close(asked, cookie, total)
	return nil
}

// readQuery reads the parameters of a query.
func (q *request) readQuery() (asked query, err error) {
	if err := q.refuse("If-Match", "If-None-Match"); err != nil {
		return asked, err
	}
	kinds := slices.DeleteFunc(slices.Clone(queries), func(name string) bool { return !q.has(name) })
	switch {
	case len(kinds) == 0:
		return asked, noCollection("read")(nil, q) // AIC-068
	case len(kinds) > 1:
		return asked, exclusive(kinds[0], kinds[1])
	case kinds[0] == "_queryExpression":
		return asked, badRequest(scim.RuleParameter, "The parameter _queryExpression is not supported")
	}
	if err := q.readPaging(&asked); err != nil {
		return asked, err
	}
	if err := q.readCounting(&asked); err != nil {
		return asked, err
	}
	if asked.Sort, err = q.readSorting(); err != nil {
		return asked, err
	}
	if kinds[0] == "_queryId" {
		asked.Filter, err = q.predefined()
	} else {
		asked.Filter, err = q.c.kind.parseFilter(q.params.Get("_queryFilter"))
	}
	return asked, err
}

// exclusive words two parameters that exclude each other (AIC-131, AIC-158).
func exclusive(a, b string) error {
	return badRequest(scim.RuleParameter, "The parameters %s and %s are mutually exclusive", a, b)
}

// predefined returns the filter of _queryId (AIC-169).
func (q *request) predefined() (*scim.Filter, error) {
	id := q.params.Get("_queryId")
	switch {
	case q.has("_sortKeys"):
		return nil, badRequest(scim.RuleParameter, "The parameter _sortKeys is not supported with _queryId")
	case id == "query-all":
		return nil, nil
	case id == "query-all-ids":
		q.fields = idsOnly
		return nil, nil
	case id == "for-userName" && q.c.kind == users && !q.has("uid"):
		return nil, badRequest(scim.RuleParameter, "No values provided for the request parameter 'uid'")
	case id == "for-userName" && q.c.kind == users:
		return users.equal("userName", q.params.Get("uid")), nil
	}
	return nil, badRequest(scim.RuleParameter, "The query id '%s' is not supported", id)
}

func (q *request) readPaging(asked *query) (err error) {
	if asked.Count, err = q.integer("_pageSize"); err != nil {
		return err
	}
	asked.Count = min(asked.Count, maxPage)
	skip, err := q.integer("_pagedResultsOffset")
	if err != nil {
		return err
	}
	asked.Start = skip + 1
	switch {
	case !q.has("_pagedResultsCookie"):
		return nil
	case skip > 0:
		return exclusive("_pagedResultsOffset", "_pagedResultsCookie")
	}
	asked.Cursor, err = q.readCookie()
	return err
}

func (q *request) readCounting(asked *query) error {
	if text := q.params.Get("_totalPagedResultsPolicy"); q.has("_totalPagedResultsPolicy") {
		switch strings.ToUpper(text) {
		case "NONE":
		case "EXACT", "ESTIMATE": // AIC-163
			asked.total = true
		default:
			return unparsable("_totalPagedResultsPolicy", text, "a valid count policy")
		}
	}
	if asked.only = strings.EqualFold(q.params.Get("_countOnly"), "true"); asked.only && q.protocol.less(countOnly) {
		return badRequest(scim.RuleParameter, "countOnly is only supported with protocolVersion %s or higher", countOnly)
	}
	asked.total = asked.total || asked.only
	return nil
}

// readSorting reads _sortKeys: [+|-]pointer, separated by commas (AIC-166). A +
// that is sent as it is arrives as a blank.
func (q *request) readSorting() (sort []scim.SortKey, err error) {
	for _, text := range q.params["_sortKeys"] {
		for key := range strings.SplitSeq(text, ",") {
			key = strings.TrimSpace(key)
			descending := strings.HasPrefix(key, "-")
			if descending || strings.HasPrefix(key, "+") {
				key = key[1:]
			}
			at, ok := parsePointer(key)
			if !ok || len(sort) > maxSortKeys {
				return nil, unparsable("_sortKeys", text, "a comma separated list of sort keys")
			}
			for _, key := range q.c.kind.sortKeys(at, descending) {
				if key, err = q.c.kind.canonicalType().ResolveSort(key, exact()); err != nil {
					return nil, err
				}
				sort = append(sort, key)
			}
		}
	}
	return sort, nil
}

// sortKeys returns what sorts by the value at a pointer: nothing where no object
// has one (AIC-150).
func (k *kind) sortKeys(at pointer, descending bool) []scim.SortKey {
	key := scim.SortKey{Descending: descending, CREST: true}
	switch p := k.property(at[0]); {
	case at[0] == "_id" && len(at) == 1 && k.named:
		key.Path = k.property("name").home
	case at[0] == "_id" && len(at) == 1:
		key.Path.Attr = "id"
	case k.hidden(at):
		return nil
	case p == nil, p.extended():
		key.Path = k.inExtension(at)
	case p.name == "accountStatus":
		// active before all others, those with words of their own before inactive.
		active := key
		active.Path, active.Descending, key.Path = p.home, !descending, k.inExtension(at)
		return []scim.SortKey{active, key}
	default:
		key.Path, key.Single = p.home, p.of != nil
		if p.of != nil && p.of.prefer {
			key.Prefer = p.of.typ
		}
	}
	return []scim.SortKey{key}
}

// cookie returns the word for where the next page of the query begins (AIC-157).
func (q *request) cookie(at *directory.Position) (string, error) {
	return q.c.sealer.Seal(q.Context(), q.caller, q.asked(), at)
}

// readCookie returns where the page begins that the client asks for. Errors:
// RuleParameter for what is no cookie of this query, made for this client.
func (q *request) readCookie() (*directory.Position, error) {
	var at directory.Position
	ok, err := q.c.sealer.Open(q.Context(), q.caller, q.asked(), q.params.Get("_pagedResultsCookie"), &at)
	if err == nil && !ok {
		err = q.badCookie()
	}
	return &at, err
}

// asked is the query that a cookie is good for.
func (q *request) asked() []string {
	asked := []string{q.URL.Path}
	for _, name := range []string{"_queryId", "_queryFilter", "uid", "_sortKeys"} {
		asked = append(asked, strings.Join(q.params[name], ","))
	}
	return asked
}

func (q *request) badCookie() error {
	return unparsable("_pagedResultsCookie", q.params.Get("_pagedResultsCookie"), "a cookie of paged results of this query")
}

// exact is how filters and sort keys are read: properties have any names, and
// what a kind does not have matches nothing (AIC-149).
func exact() scim.FilterOptions { return scim.FilterOptions{Unknown: true, Exact: true} }

// equal returns the filter for a property that is kept as one canonical value.
func (k *kind) equal(name, value string) *scim.Filter {
	return &scim.Filter{Op: scim.OpEq, Path: k.property(name).home, Value: scim.StringValue(value)}
}

// list answers a query of the collection.
func (q *request) list(query directory.Query) (_ *directory.Page, err error) {
	k := q.c.kind
	query.Type = k.typ
	if query.Filter, err = k.canonicalType().Resolve(query.Filter, exact()); err != nil {
		return nil, err
	}
	return q.c.d.List(q.Context(), q.caller, q.caller.Home(), query)
}
