package directory

import (
	"bytes"
	"context"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// Read returns one resource. Errors: RuleForbidden, RuleNotFound, also for the
// id of another environment.
func (d *Directory) Read(ctx context.Context, c Caller, s Scope, typ, id string, inc Include) (*scim.Resource, error) {
	tenant, err := d.authorise(ctx, c, s, ReadDirectory)
	if err != nil {
		return nil, err
	}
	number, err := d.number(ctx, c, typ)
	if err != nil {
		return nil, err
	}
	var out *scim.Resource
	err = d.view(ctx, func(tx *store.Tx) error {
		row, err := c.find(tx.ByID, tenant, number, typ, id)
		if err != nil {
			return err
		}
		out, err = c.resource(tx, row, inc)
		return err
	})
	return out, err
}

// List answers a query. Errors: RuleForbidden; RuleTooMany when the filter or
// the order would have to look at more resources than one request may cost;
// RuleParameter for a Cursor that is of another order.
func (d *Directory) List(ctx context.Context, c Caller, s Scope, q Query) (*Page, error) {
	tenant, err := d.authorise(ctx, c, s, ReadDirectory)
	if err != nil {
		return nil, err
	}
	number, err := d.number(ctx, c, q.Type)
	if err != nil {
		return nil, err
	}
	c.Trace.ask(q.Filter)
	q.Filter, q.Sort = c.limits.blind(q.Type, q.Filter), c.limits.unsorted(q.Type, q.Sort)
	page := &Page{}
	if q.Cursor == nil {
		page.Start = max(1, q.Start)
	}
	err = d.view(ctx, func(tx *store.Tx) error {
		found, err := tx.Select(store.Query{TID: tenant, Type: number, Filter: q.Filter, Sort: q.Sort,
			Start: q.Start, Cursor: (*store.Position)(q.Cursor), Count: q.Count, NoTotal: q.NoTotal, Places: q.Places, Within: c.limits.within(), TypeName: q.Type})
		if err != nil {
			return err
		}
		page.Total, page.Next, page.Previous = found.Total, (*Position)(found.Next), (*Position)(found.Previous)
		for _, at := range found.Places {
			page.Places = append(page.Places, Position(at))
		}
		for _, row := range found.Rows {
			row.TypeName = q.Type
		}
		page.Resources, err = c.resources(tx, found.Rows, q.Include)
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// find returns the resource of this id if it is there for the caller. byID is that of
// the store or a method like it, number what the store calls the type. Errors: RuleNotFound.
func (c Caller) find(byID func(int64, store.Type, string) (*store.Row, error), tenant int64, number store.Type, typ, id string) (*store.Row, error) {
	row, err := byID(tenant, number, id)
	if err == nil && !c.limits.sees(row) {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, notFound(err, typ, id)
	}
	row.TypeName = typ
	return row, nil
}

// resource returns the row as a resource as the caller sees it, with the parts
// that were asked for.
func (c Caller) resource(tx *store.Tx, row *store.Row, inc Include) (*scim.Resource, error) {
	all, err := c.resources(tx, []*store.Row{row}, inc)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// resources does the same for a page of rows.
func (c Caller) resources(tx *store.Tx, rows []*store.Row, inc Include) ([]*scim.Resource, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	tenant := rows[0].TID // it is that of all
	var managed, joined []int64
	for _, row := range rows {
		if row.Joined && row.Type == store.User && bytes.Contains(row.Doc, []byte(`"manager":`)) {
			managed = append(managed, row.RID)
		}
		if row.Joined && row.Type != store.Population && inc.Groups {
			joined = append(joined, row.RID)
		}
	}
	managers, err := tx.ManagersOf(tenant, managed, c.limits.within())
	if err != nil {
		return nil, err
	}
	groups, err := tx.GroupsOf(tenant, joined)
	if err != nil {
		return nil, err
	}
	all := make([]*scim.Resource, len(rows))
	for i, row := range rows {
		r := row.Resource()
		if m := managers[row.RID]; len(m) > 0 {
			r.Manager = &m[0]
		}
		r.Groups = groups[row.RID]
		if inc.Members && row.Type == store.Group {
			if r.Members, err = tx.Ends(tenant, scim.Members, row.RID, c.limits.within()); err != nil {
				return nil, err
			}
		}
		r.Related = make(map[scim.Relation][]scim.Reference, len(inc.Relations))
		for _, relation := range inc.Relations {
			if r.Related[relation], err = c.ends(tx, tenant, relation, row.RID); err != nil {
				return nil, err
			}
		}
		all[i] = c.limits.show(r)
	}
	return all, nil
}

// ends returns the other ends of a relation that the caller sees.
func (c Caller) ends(tx *store.Tx, tenant int64, r scim.Relation, rid int64) ([]scim.Reference, error) {
	switch r {
	case scim.Groups:
		return tx.Groups(tenant, rid)
	case scim.MemberOf, scim.Parent:
		return tx.Organizations(tenant, rid)
	}
	return tx.Ends(tenant, r, rid, c.limits.within())
}
