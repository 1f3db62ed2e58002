package scim2

import (
	"net/http"
	"slices"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// list answers a GET of an endpoint: a page of the resources that the filter
// selects, in order of creation unless it is sorted (RFC 7644 3.4.2).
func (k *kind) list(c *call) error {
	q, err := c.parameters()
	if err != nil {
		return err
	}
	return k.answer(c, q)
}

// answer answers a query of resources of the kind.
func (k *kind) answer(c *call, q parameters) error {
	show, err := c.projection(k, q)
	if err != nil {
		return err
	}
	w, err := c.walk(q, k.Endpoint)
	if err != nil {
		return err
	}
	filter, err := c.filter(k, q)
	if err != nil {
		return err
	}
	sort, err := c.sort(k, q, c.filterOptions())
	if err != nil {
		return err
	}
	query := directory.Query{Type: k.stored(), Filter: filter, Sort: sort, Include: k.include(show, nil)}
	if w != nil {
		return k.answerWalk(c, w, query, show)
	}
	if query.Start, query.Count, err = c.page(q); err != nil {
		return err
	}
	page, err := c.directory.List(c.r.Context(), c.caller, c.scope, query)
	if err != nil {
		return err
	}
	head := []scim.Member{member("totalResults", scim.IntValue(int64(page.Total)))}
	if _, asked := q[paramStart]; asked && !c.profile.page.off || !c.profile.page.quiet {
		head = append(head, member("startIndex", scim.IntValue(int64(page.Start))))
	}
	c.sendPage(k, head, page, show)
	return nil
}

// sendPage answers with a list of resources of one kind; head is what the list
// says before itemsPerPage, neighbours what it says after.
func (c *call) sendPage(k *kind, head []scim.Member, page *directory.Page, show *scim.Projection, neighbours ...scim.Member) {
	head = append(append(head, member("itemsPerPage", scim.IntValue(int64(len(page.Resources))))), neighbours...)
	c.sendList(head, len(page.Resources), func(dst []byte, i int) []byte { return c.append(dst, k, page.Resources[i], show) })
}

// piece is how much of a list is sent at a time, in bytes.
const piece = 256 << 10

// sendList answers with a list of n resources, which each appends one by one
// (RFC 7644 3.4.2). A list of more than a piece is sent while it is made: no
// more than that, and the longest of the resources, is in memory as text.
func (c *call) sendList(head []scim.Member, n int, each func(dst []byte, i int) []byte) {
	dst := scim.NewObject(append([]scim.Member{member("schemas", scim.Strings(listSchema))}, head...)...).AppendJSON(nil)
	dst = append(dst[:len(dst)-1], `,"Resources":[`...)
	begun := false
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst = each(dst, i); len(dst) < piece || i == n-1 {
			continue
		}
		if !begun {
			begun = true
			c.head(c.w, c.r)
			c.w.WriteHeader(http.StatusOK)
		}
		if _, err := c.w.Write(dst); err != nil {
			return // who has gone away need not be told
		}
		dst = dst[:0]
	}
	dst = append(dst, ']', '}')
	if !begun {
		c.send(http.StatusOK, dst)
		return
	}
	_, _ = c.w.Write(dst)
}

// page reads startIndex and count (RFC 7644 3.4.2.4): less than the first is
// the first, less than none is none, more than the most is the most.
func (c *call) page(q parameters) (start, count int, err error) {
	p := c.profile.page
	if start, err = q.integer(paramStart, 1); err != nil || p.off {
		start = 1
	}
	if err != nil && !p.off {
		return 0, 0, err
	}
	if count, err = q.integer(paramCount, p.size); err != nil {
		return 0, 0, err
	}
	return max(start, 1), min(max(count, 0), p.most), nil
}

// filter reads the parameter filter and binds it to the resource type; nil
// when there is none. Errors: RuleFilter, RuleFilterAttribute.
func (c *call) filter(k *kind, q parameters) (*scim.Filter, error) {
	return c.filterBy(k, q, c.filterOptions())
}

func (c *call) filterBy(k *kind, q parameters, o scim.FilterOptions) (*scim.Filter, error) {
	text, sent := q[paramFilter]
	if !sent {
		return nil, nil
	}
	f, err := scim.ParseFilter(text, o)
	if err != nil {
		return nil, err
	}
	if f, err = k.bind(f, o); err != nil {
		return nil, err
	}
	if c.profile.privateFilters && c.r.Method != http.MethodPost && isPersonal(f) {
		return nil, &scim.Error{Rule: scim.RuleForbidden, Detail: "a filter with personal data does not belong into a URL; POST it to .search"}
	}
	if c.profile.allowFilter != nil {
		if err := c.profile.allowFilter(f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// isPersonal reports whether the filter has a value in it that may tell of a
// person (RFC 7644 7.5.2): text, but for that of ids, schemas and meta.
func isPersonal(f *scim.Filter) bool {
	switch f.Path.Attr {
	case "id", "schemas", "meta", "groups", "members", "population":
		return false
	}
	return f.Value.Kind() == scim.String || slices.ContainsFunc(f.Args, isPersonal)
}
