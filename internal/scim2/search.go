package scim2

import (
	"net/http"
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

// answerAll answers a query of the resources of all kinds: those of the first
// kind first. An attribute that a kind does not have has no value there.
func (c *call) answerAll(q parameters) error {
	kinds, err := c.kinds()
	if err != nil {
		return err
	}
	start, count, err := c.page(q)
	if err != nil {
		return err
	}
	dst, total, shown := []byte(nil), 0, 0
	for _, k := range kinds {
		show, err := c.projection(k, q)
		if err != nil {
			return err
		}
		o := c.filterOptions()
		o.Unknown = true
		filter, err := c.filterBy(k, q, o)
		if err != nil {
			return err
		}
		page, err := c.directory.List(c.r.Context(), c.caller, c.scope, directory.Query{Type: k.stored(), Filter: filter,
			Start: max(1, start-total), Count: count - shown, Include: k.include(show, nil)})
		if err != nil {
			return err
		}
		for _, r := range page.Resources {
			if shown++; shown > 1 {
				dst = append(dst, ',')
			}
			dst = c.append(dst, k, r, show)
		}
		total += page.Total
	}
	c.send(http.StatusOK, append(append(c.listHead(total, shown, start, true), dst...), ']', '}'))
	return nil
}
