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
	attributes, faults := k.Normalize(body, k.checks)
	if k.inspect != nil {
		faults = k.inspect(body, attributes, faults)
	}
	if err := faults.Locate(text).Or(); err != nil {
		return err
	}
	draft := directory.Draft{Type: k.Name, Attributes: attributes}
	if k.decode != nil {
		k.decode(&draft)
	}
	r, err := c.directory.Create(c.r.Context(), c.caller, c.scope, draft)
	if err != nil {
		return err
	}
	c.sendResource(http.StatusCreated, k, r, show)
	return nil
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
	r, err := c.directory.Read(c.r.Context(), c.caller, c.scope, k.Name, id, k.include(show, filter))
	if err != nil {
		return err
	}
	if filter != nil && !filter.Match(r) { // scim GET-04
		return &scim.Error{Rule: scim.RuleNotFound, Schema: k.Name, Value: id}
	}
	c.sendResource(http.StatusOK, k, r, show)
	return nil
}

// remove answers a DELETE (RFC 7644 3.6).
func (k *kind) remove(c *call) error {
	condition, err := c.precondition()
	if err != nil {
		return err
	}
	if _, err := c.directory.Delete(c.r.Context(), c.caller, c.scope, k.Name, c.r.PathValue("id"), condition); err != nil {
		return err
	}
	c.head(c.w, c.r)
	c.w.Header().Del("Content-Type")
	c.w.WriteHeader(http.StatusNoContent)
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
	if show == "" && hide == "" {
		return nil, nil
	}
	return scim.ParseProjection(k.ResourceType, []string{show}, []string{hide}, c.profile.filters)
}

// versionTag is the entity tag of a version (RFC 7644 3.14). It is weak: a
// representation also shows names of other resources.
func versionTag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// opaque returns what an entity tag holds between its quotation marks: SCIM
// sends weak tags and compares them all the same (scim ETG-05).
func opaque(tag string) string { return strings.Trim(strings.TrimPrefix(tag, "W/"), `"`) }

// tags returns the opaque parts of the entity tags of a header, * as it is.
// A tag without quotation marks is left out unless loose.
func tags(header []string, loose bool) []string {
	var list []string
	for item := range strings.SplitSeq(strings.Join(header, ","), ",") {
		item = strings.TrimSpace(item)
		quoted := strings.TrimPrefix(item, "W/")
		switch {
		case item == "":
		case item == "*", loose:
			list = append(list, opaque(item))
		case len(quoted) > 1 && quoted[0] == '"' && quoted[len(quoted)-1] == '"':
			list = append(list, opaque(item))
		}
	}
	return list
}

// precondition reads If-Match, where the dialect has versions. A tag that is
// none of ours matches nothing, and neither does a header without a tag.
func (c *call) precondition() (directory.Precondition, error) {
	header := c.r.Header.Values("If-Match")
	if !c.profile.versions || len(header) == 0 {
		return directory.Precondition{}, nil
	}
	list := tags(header, c.profile.tolerant)
	if len(list) == 0 {
		return directory.Precondition{}, &scim.Error{Rule: scim.RuleParameter, Path: "If-Match", Value: header[0], Detail: "not an entity tag"}
	}
	var p directory.Precondition
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
