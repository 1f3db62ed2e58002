package scim2

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// searchSchema is the URN of a query that is sent as a body (RFC 7644 3.4.3).
const searchSchema = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

// search answers a POST to .search of an endpoint: the query of a GET as a body
// (RFC 7644 3.4.3).
func (k *kind) search(c *call) error {
	q, err := c.searchRequest()
	if err != nil {
		return err
	}
	return k.answer(c, q)
}

// searchRequest reads the body of a search as the parameters that it stands for.
// Members that it does not know are passed over.
//
// Errors: RuleCoreSchemaMissing; RuleMessage for a member of the wrong type.
func (c *call) searchRequest() (parameters, error) {
	body, text, err := c.body()
	if err != nil {
		return nil, err
	}
	q, fault := c.searchParameters(body)
	if fault != nil {
		fault.Locate(text)
		return nil, fault
	}
	return q, nil
}

func (c *call) searchParameters(body *scim.Object) (parameters, *scim.Error) {
	if fault := c.message(body, searchSchema); fault != nil {
		return nil, fault
	}
	q := parameters{}
	for _, name := range parameterNames {
		v, _ := body.Find(name)
		if v.IsNull() {
			continue
		}
		text, fault := c.searchMember(name, v)
		if fault != nil {
			fault.Offset = v.Offset() + 1
			return nil, fault
		}
		q[name] = text
	}
	return q, nil
}

// message checks that schemas of a message has its URI. Without one the message
// is taken for what its place says, of clients that have the rewrite.
func (c *call) message(body *scim.Object, uri string) *scim.Error {
	schemas, _ := body.Find("schemas")
	for _, v := range schemas.List() {
		if strings.EqualFold(v.Text(), uri) {
			return nil
		}
	}
	if schemas.Unassigned() && c.allows(scim.RewriteSchemasAssume) {
		return nil
	}
	return &scim.Error{Rule: scim.RuleCoreSchemaMissing, Path: "schemas", Schema: uri}
}

// searchMember returns a member of a search as the text of a parameter.
func (c *call) searchMember(name string, v scim.Value) (string, *scim.Error) {
	wrong := func(what string) *scim.Error { return &scim.Error{Rule: scim.RuleMessage, Path: name, Detail: what} }
	switch name {
	case paramStart, paramCount:
		if v.Kind() == scim.Number || v.Kind() == scim.String && c.allows(scim.RewriteQueryLoose) { // scim PAG-07
			return v.Text(), nil
		}
		return "", wrong("an integer is needed")
	case paramShow, paramHide:
		if v.Kind() == scim.String && c.allows(scim.RewriteOneOrMany) {
			return v.Text(), nil
		}
		if v.Kind() != scim.Array {
			return "", wrong("a list of names is needed")
		}
		names := make([]string, len(v.List()))
		for i, item := range v.List() {
			if item.Kind() != scim.String {
				return "", wrong("a list of names is needed")
			}
			names[i] = item.Text()
		}
		return strings.Join(names, ","), nil
	}
	if v.Kind() != scim.String {
		return "", wrong("a string is needed")
	}
	return v.Text(), nil
}

// listAll answers a query at the root of the door, of the resources of all kinds
// (RFC 7644 3.4.2.1).
func (c *call) listAll() error {
	q, err := c.parameters()
	if err != nil {
		return err
	}
	return c.answerAll(q)
}

func (c *call) searchAll() error {
	q, err := c.searchRequest()
	if err != nil {
		return err
	}
	return c.answerAll(q)
}

// answerAll answers a query of the resources of all kinds. An attribute that a
// kind does not have has no value there.
func (c *call) answerAll(q parameters) error {
	kinds, err := c.kinds()
	if err != nil {
		return err
	}
	w, err := c.walk(q, "")
	if err != nil {
		return err
	}
	a := &rootAnswer{call: c, walk: w}
	if w == nil {
		a.start, a.count, err = c.page(q)
	} else {
		a.count = w.Count
	}
	if err != nil {
		return err
	}
	for _, k := range kinds {
		part := rootPart{kind: k}
		if part.show, err = c.projection(k, q); err != nil {
			return err
		}
		o := c.filterOptions()
		o.Unknown = true
		part.query = directory.Query{Type: k.stored(), Include: k.include(part.show, nil)}
		if part.query.Filter, err = c.filterBy(k, q, o); err != nil {
			return err
		}
		if part.query.Sort, err = c.sort(k, q, o); err != nil {
			return err
		}
		a.parts = append(a.parts, part)
	}
	switch {
	case w != nil:
		err = a.walked()
	case len(a.parts) > 0 && a.parts[0].query.Sort != nil:
		err = a.sorted()
	default:
		err = a.oneByOne()
	}
	if err != nil {
		return err
	}
	a.send()
	return nil
}

// A rootAnswer is the answer to a query of the resources of all kinds.
type rootAnswer struct {
	*call
	walk         *walk // nil for a page by index
	start, count int
	parts        []rootPart

	total      int
	found      []rootResource
	neighbours []scim.Member
}

// A rootPart is the query of one kind.
type rootPart struct {
	*kind
	query directory.Query
	show  *scim.Projection
}

type rootResource struct {
	part     *rootPart
	resource *scim.Resource
	at       directory.Position // if the query asked for it
}

// list answers the query of one part and keeps what it finds.
func (a *rootAnswer) list(p *rootPart) (*directory.Page, error) {
	page, err := a.directory.List(a.r.Context(), a.caller, a.scope, p.query)
	if err != nil {
		return nil, err
	}
	a.total += page.Total
	for i, r := range page.Resources {
		found := rootResource{part: p, resource: r}
		if p.query.Places {
			found.at = page.Places[i]
		}
		a.found = append(a.found, found)
	}
	return page, nil
}

// oneByOne pages through the kinds in order: those of the first kind come first.
func (a *rootAnswer) oneByOne() error {
	for i := range a.parts {
		p := &a.parts[i]
		p.query.Start, p.query.Count = max(1, a.start-a.total), a.count-len(a.found)
		if _, err := a.list(p); err != nil {
			return err
		}
	}
	return nil
}

// maxRootSort is how many resources of each kind a sorted query at the root
// looks at: pages that begin later must ask an endpoint, or for a cursor.
const maxRootSort = 10_000

// sorted merges the kinds in the order asked for.
//
// Errors: RuleTooMany.
func (a *rootAnswer) sorted() error {
	most := a.start - 1 + a.count
	if most > maxRootSort {
		return &scim.Error{Rule: scim.RuleTooMany, Path: a.parts[0].query.Sort[0].Path.String()}
	}
	if a.count == 0 {
		most = 0
	}
	for i := range a.parts {
		p := &a.parts[i]
		p.query.Start, p.query.Count, p.query.Places = 1, most, true
		if _, err := a.list(p); err != nil {
			return err
		}
	}
	a.merge()
	a.found = a.found[min(a.start-1, len(a.found)):min(most, len(a.found))]
	return nil
}

// merge puts what was found into the order asked for, or into that of creation.
func (a *rootAnswer) merge() {
	slices.SortFunc(a.found, func(x, y rootResource) int { return x.at.Compare(y.at, x.part.query.Sort) })
}

// walked merges of each kind the next resources beyond the cursor, which is a
// place in the order of all. Those of one page are the next of all kinds.
func (a *rootAnswer) walked() error {
	var previous, next *directory.Position
	for i := range a.parts {
		p := &a.parts[i]
		p.query.Cursor, p.query.Count, p.query.Places = a.walk.position(), a.count, true
		page, err := a.list(p)
		if err != nil {
			return err
		}
		previous, next = cmp.Or(previous, page.Previous), cmp.Or(next, page.Next)
	}
	a.merge()
	if n := len(a.found); n > 0 {
		from, to := 0, min(a.count, n)
		if a.walk.Back {
			from, to = n-to, n
		}
		first, last := a.found[from].at, a.found[to-1].at
		first.Back = true
		if previous != nil || from > 0 {
			previous = &first
		}
		if next != nil || to < n {
			next = &last
		}
		a.found = a.found[from:to]
	}
	var err error
	a.neighbours, err = a.call.neighbours(a.walk, previous, next)
	return err
}

// send sends what was found.
func (a *rootAnswer) send() {
	head := []scim.Member{member("totalResults", scim.IntValue(int64(a.total)))}
	if a.walk == nil {
		head = append(head, member("startIndex", scim.IntValue(int64(a.start))))
	}
	head = append(head, member("itemsPerPage", scim.IntValue(int64(len(a.found)))))
	a.sendList(append(head, a.neighbours...), len(a.found), func(dst []byte, i int) []byte {
		r := a.found[i]
		return a.append(dst, r.part.kind, r.resource, r.part.show)
	})
}
