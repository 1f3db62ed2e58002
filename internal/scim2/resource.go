package scim2

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// create answers a POST to the endpoint of a resource type (RFC 7644 3.3).
func (k *kind) create(c *call) error {
	body, text, err := c.body()
	if err != nil {
		return err
	}
	q, err := c.parameters()
	if err != nil {
		return err
	}
	show, err := c.projection(k, q)
	if err != nil {
		return err
	}
	r, wrote, err := k.insert(c, body, text)
	if err != nil {
		return err
	}
	return c.sendResource(http.StatusCreated, k, r, k.wrote(show, wrote))
}

// insert creates a resource of the body, which is in the text, and returns it
// with what was written of it.
func (k *kind) insert(c *call, body *scim.Object, text []byte) (*scim.Resource, *scim.Object, error) {
	d := k.draft(c, body)
	if err := d.faults.Locate(text).Or(); err != nil {
		return nil, nil, err
	}
	r, err := c.directory.Create(c.r.Context(), c.caller, c.scope, d.Draft)
	return r, d.wrote, err
}

// A draft is a body on its way into the directory.
type draft struct {
	directory.Draft
	wrote  *scim.Object // what the body says, in canonical names
	faults scim.Errors
}

// draft reads a body. With faults the draft is not to be used.
func (k *kind) draft(c *call, body *scim.Object) draft {
	checks := c.checks(k)
	d := draft{}
	d.wrote, d.faults = k.Normalize(body, checks)
	if k.inspect != nil {
		d.faults = k.inspect(body, d.wrote, d.faults)
	}
	if len(d.faults) == 0 {
		d.Draft = k.decoded(d.wrote, checks)
		d.AnyManager = c.anyManager()
	}
	return d
}

// decoded makes a draft of attributes as the dialect has them.
func (k *kind) decoded(attributes *scim.Object, checks scim.Checks) directory.Draft {
	d := directory.Draft{Type: k.stored(), Attributes: attributes.Clone()}
	if k.decode != nil {
		k.decode(&d, checks)
	}
	return d
}

// wrote returns the projection of an answer to a write of these attributes
// (scim ATT-08); nil shows what is shown by default, where that is all.
func (k *kind) wrote(show *scim.Projection, attributes *scim.Object) *scim.Projection {
	if show == nil {
		return nil
	}
	return show.Wrote(attributes)
}

// read answers a GET of one resource (RFC 7644 3.4.1).
func (k *kind) read(c *call) error {
	q, err := c.parameters()
	if err != nil {
		return err
	}
	show, err := c.projection(k, q)
	if err != nil {
		return err
	}
	filter, err := c.filter(k, q)
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	r, err := c.directory.Read(c.r.Context(), c.caller, c.scope, k.stored(), id, k.include(show, filter))
	if err != nil {
		return err
	}
	if filter != nil && !filter.Match(r) { // scim GET-04
		return &scim.Error{Rule: scim.RuleNotFound, Schema: k.Name, Value: id}
	}
	return c.sendResource(http.StatusOK, k, r, show)
}

// remove answers a DELETE (RFC 7644 3.6).
func (k *kind) remove(c *call) error {
	condition, err := c.precondition()
	if err != nil {
		return err
	}
	if _, err := c.directory.Delete(c.r.Context(), c.caller, c.scope, k.stored(), c.r.PathValue("id"), condition); err != nil {
		return err
	}
	c.sendNothing(http.StatusNoContent)
	return nil
}

// include says which computed parts must be read for what is shown and asked.
func (k *kind) include(show *scim.Projection, filter *scim.Filter) directory.Include {
	reads := func(attribute string) bool {
		return k.Schema.Attribute(attribute) != nil && (show == nil || show.Wants(attribute)) || filter != nil && filter.Uses(attribute)
	}
	return directory.Include{Groups: k.groups && reads("groups"), Members: reads("members")}
}

// projection reads the parameters attributes and excludedAttributes; nil shows
// what is shown by default.
func (c *call) projection(k *kind, q parameters) (*scim.Projection, error) {
	show, hide := q[paramShow], q[paramHide]
	if show == "" && hide == "" && !k.selective {
		return nil, nil
	}
	return scim.ParseProjection(k.ResourceType, []string{show}, []string{hide}, c.filterOptions())
}

// versionTag is the entity tag of a version (RFC 7644 3.14). It is weak: a
// representation also shows names of other resources.
func versionTag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// opaque returns what an entity tag holds between its quotation marks: SCIM
// sends weak tags and compares them all the same (scim ETG-05).
func opaque(tag string) string { return strings.Trim(strings.TrimPrefix(tag, "W/"), `"`) }

// tags returns the opaque parts of the entity tags of the header named, * as it is.
// Errors: RuleParameter for a tag without quotation marks, unless loose (scim ETG-07).
func tags(values []string, name string, loose bool) ([]string, error) {
	var list []string
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		item = strings.TrimSpace(item)
		quoted := strings.TrimPrefix(item, "W/")
		if item == "" {
			continue
		}
		if item != "*" && !loose && (len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"') {
			return nil, &scim.Error{Rule: scim.RuleParameter, Path: name, Value: item, Detail: "not an entity tag"}
		}
		list = append(list, opaque(item))
	}
	return list, nil
}

// precondition reads If-Match, where the dialect has versions. A tag that is
// none of ours matches nothing.
func (c *call) precondition() (directory.Precondition, error) {
	if !c.profile.versions {
		return directory.Precondition{}, nil
	}
	return c.conditionOf(c.r.Header.Values("If-Match"), "If-Match")
}

// conditionOf reads the entity tags of the header or member named.
func (c *call) conditionOf(values []string, name string) (directory.Precondition, error) {
	var p directory.Precondition
	list, err := tags(values, name, c.rewrites().Has(scim.RewriteQueryLoose))
	if err != nil {
		return p, err
	}
	for _, tag := range list {
		if tag == "*" {
			return directory.Precondition{Present: true}, nil
		}
		version, err := strconv.ParseInt(tag, 10, 64)
		if err != nil || strconv.FormatInt(version, 10) != tag {
			version = 0 // versions start at 1
		}
		p.Version = append(p.Version, version)
	}
	return p, nil
}

// element returns the path of a value of a multi-valued attribute, as emails[0].
func element(attribute string, i int) string { return attribute + "[" + strconv.Itoa(i) + "]" }
