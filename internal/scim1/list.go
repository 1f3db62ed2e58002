package scim1

import (
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// Sizes of a page (p14e R53).
const (
	defaultCount = 100
	maxCount     = 1000
)

// list serves GET of a collection (p14e R47-R60).
func (d *door) list(c *call, k *kind) error {
	only, err := c.projection(k)
	if err != nil {
		return err
	}
	q, err := d.readList(c, k, only)
	if err != nil {
		return err
	}
	page, err := d.dir.List(c.r.Context(), c.who, c.who.Home(), q)
	if err != nil {
		return err
	}
	v, err := d.view(c, k, page.Resources...)
	if err != nil {
		return err
	}
	resources := make([]scim.Value, len(page.Resources))
	for i, r := range page.Resources {
		resources[i] = scim.ObjectValue(only.Apply(v.encode(k, r)))
	}
	write(c.w, http.StatusOK, d.listOf(resources, page.Total, q.Start))
	return nil
}

// listOf is the object around the resources of one page (p14e R48-R51).
func (d *door) listOf(resources []scim.Value, total, start int) *scim.Object {
	count := scim.IntValue(int64(len(resources)))
	o := scim.NewObject(
		scim.Member{Name: "totalResults", Value: scim.IntValue(int64(total))},
		scim.Member{Name: "itemsPerPage", Value: count},
		scim.Member{Name: "startIndex", Value: scim.IntValue(int64(start))})
	if d.listCount {
		o.Set("count", count)
	}
	o.Set("schemas", scim.Strings(coreSchema))
	for _, key := range d.Options.ListKeys {
		o.Set(key, scim.ListValue(resources...))
	}
	return o
}

// readList reads which resources are asked for.
func (d *door) readList(c *call, k *kind, only *scim.Projection) (q directory.Query, err error) {
	q = directory.Query{Type: k.Name, Include: k.include(only)}
	if q.Start, err = c.number("startIndex", 1); err != nil {
		return q, err
	}
	q.Start = max(1, q.Start) // p14e R52
	if q.Count, err = c.number("count", defaultCount); err != nil {
		return q, err
	}
	if q.Count < 0 {
		return q, &scim.Error{Rule: scim.RuleParameter, Path: "count", Value: c.query.Get("count"), Detail: "less than 0"}
	}
	q.Count = min(q.Count, maxCount)
	if q.Sort, err = d.readSort(c, k); err != nil {
		return q, err
	}
	q.Filter, err = d.readFilter(c, k)
	return q, err
}

// readSort reads the order that is asked for (p14e R55); none is that of creation.
func (d *door) readSort(c *call, k *kind) ([]scim.SortKey, error) {
	order, given, err := c.param("sortOrder")
	if err != nil {
		return nil, err
	}
	if given && order != "ascending" && order != "descending" {
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: "sortOrder", Value: order, Allowed: []string{"ascending", "descending"}}
	}
	by, given, err := c.param("sortBy")
	if err != nil || !given {
		return nil, err
	}
	key, err := d.sortKey(k, by)
	if err != nil {
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: "sortBy", Value: by, Detail: "no attribute to sort by"}
	}
	key.Descending = order == "descending"
	return []scim.SortKey{key}, nil
}

// sortKey returns what the attribute's name leads to in canonical names.
func (d *door) sortKey(k *kind, by string) (scim.SortKey, error) {
	path, err := scim.ParsePath(by)
	if err != nil {
		return scim.SortKey{}, err
	}
	f, err := d.canonicalFilter(k, &scim.Filter{Op: scim.OpPr, Path: path})
	if err != nil {
		return scim.SortKey{}, err
	}
	return k.canonical.ResolveSort(scim.SortKey{Path: f.Path}, scim.FilterOptions{SCIM11: true})
}

// readFilter reads the condition that resources are asked by, in canonical names.
func (d *door) readFilter(c *call, k *kind) (*scim.Filter, error) {
	text, _, err := c.param("filter")
	if err != nil || !c.query.Has("filter") {
		return nil, err
	}
	options := scim.FilterOptions{SCIM11: true}
	f, err := scim.ParseFilter(text, options)
	if err != nil {
		return nil, err
	}
	if f, err = d.canonicalFilter(k, f); err != nil {
		return nil, err
	}
	return k.canonical.Resolve(f, options)
}

// canonicalFilter returns the filter in canonical names.
func (d *door) canonicalFilter(k *kind, f *scim.Filter) (*scim.Filter, error) {
	canonical := *f
	if len(f.Args) > 0 {
		canonical.Args = make([]*scim.Filter, len(f.Args))
		for i, arg := range f.Args {
			var err error
			if canonical.Args[i], err = d.canonicalFilter(k, arg); err != nil {
				return nil, err
			}
		}
		return &canonical, nil
	}
	path, ok := k.canonicalPath(f.Path)
	if !ok {
		return nil, &scim.Error{Rule: scim.RuleFilterAttribute, Path: f.Path.String()}
	}
	if path.Schema == d.extension.uri && path.Schema != "" {
		return d.extension.filter(f)
	}
	canonical.Path = path
	return &canonical, nil
}
