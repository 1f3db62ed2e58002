package crest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A relationship is a collection below an object: its elements are the
// references to the other ends (AIC-128).

// property returns the relationship that the path names.
func (q *request) property() (*property, error) {
	name := q.PathValue("relation")
	if p := q.c.kind.property(name); p != nil && p.form.isRelation() && !p.is(readOnly) {
		return p, nil
	}
	return nil, &refusal{status: http.StatusNotFound, message: "Resource '" + q.URL.Path + "' not found",
		fault: &scim.Error{Rule: scim.RuleNoEndpoint, Path: q.URL.Path}}
}

// others reads the object of the path with the other ends of the relationship.
func (q *request) others(p *property) (*scim.Resource, []target, error) {
	var inc directory.Include
	if p.relation != 0 && p.relation != scim.Manager {
		inc.Relations = []scim.Relation{p.relation}
	}
	r, err := q.find(q.PathValue("id"), inc)
	if err != nil {
		return nil, nil, err
	}
	return r, p.targets(r), nil
}

// element returns a reference as an element of its collection.
func (q *request) element(t target) (*scim.Object, error) {
	ref, err := q.view().related(t, q.fields.ofTarget())
	if err != nil {
		return nil, err
	}
	out := scim.NewObject(scim.Member{Name: "_id", Value: scim.StringValue(t.key)}, scim.Member{Name: "_rev", Value: scim.StringValue(relationRev)})
	for _, m := range ref.Members {
		if !sent(out, m.Name) { // not the target's own _id and _rev
			out.Members = append(out.Members, m)
		}
	}
	return out, nil
}

// ofTarget returns what the selection names of the targets of references: nil
// for nothing.
func (s *selection) ofTarget() *selection {
	if !s.named {
		return nil
	}
	return s
}

// relationship answers a query of the references: all of them, or none.
func (c *collection) relationship(w http.ResponseWriter, q *request) error {
	p, err := q.property()
	if err != nil {
		return err
	}
	asked, err := q.readQuery()
	if err != nil {
		return err
	}
	all := asked.filter == nil || asked.filter.Op == scim.OpTrue
	if !all && asked.filter.Op != scim.OpFalse || len(asked.sort) > 0 {
		return badRequest(&scim.Error{Rule: scim.RuleFilter}, "The relationship '%s' can be queried by _queryFilter=true only", p.name)
	}
	_, targets, err := q.others(p)
	if err != nil {
		return err
	}
	if !all {
		targets = nil
	}
	end := ending{policy: "NONE", total: -1}
	if asked.count {
		end.policy, end.total = "EXACT", len(targets)
	}
	if targets, end.cookie, err = q.slice(targets, asked); err != nil {
		return err
	}
	a := &envelope{w: w, pretty: pretty(q.URL.RawQuery)}
	for _, t := range targets {
		shown, err := q.element(t)
		if err != nil {
			return a.abandon(err)
		}
		a.add(shown)
	}
	end.count = a.count
	if asked.only {
		end.count = end.total
	}
	return a.close(end)
}

// slice returns the page of the targets that is asked for, and the cookie of the
// next one. It names the last target of the page: when that is gone meanwhile,
// no page can follow that repeats and misses nothing.
func (q *request) slice(targets []target, asked query) (page []target, cookie string, err error) {
	begin := min(asked.start-1, len(targets))
	if asked.cursor != nil {
		begin = 1 + slices.IndexFunc(targets, func(t target) bool { return slices.Equal(asked.cursor.Keys, []string{t.key}) })
		if begin == 0 {
			return nil, "", q.badCookie()
		}
	}
	page = targets[begin:]
	switch {
	case asked.only:
		page = nil
	case asked.size > 0 && len(page) > asked.size:
		page = page[:asked.size]
		cookie, err = q.cookie(&directory.Position{Keys: []string{page[asked.size-1].key}})
	}
	return page, cookie, err
}

// relate adds the reference of the body.
func (c *collection) relate(w http.ResponseWriter, q *request) error {
	p, err := q.property()
	if err != nil {
		return err
	}
	create, err := q.creates()
	switch {
	case err != nil:
		return err
	case !create:
		return unknownAction(q.params.Get("_action"))
	}
	ref, err := q.object()
	if err != nil {
		return err
	}
	op := operation{verb: "add", field: pointer{p.name}, value: scim.ObjectValue(ref)}
	ch, _, err := q.change(p, op)
	if err != nil {
		return err
	}
	old, _, err := q.others(p)
	if err != nil {
		return err
	}
	_, outcome, err := q.apply(old, []operation{op})
	switch {
	case err != nil:
		return err
	case outcome == directory.Unchanged:
		return preconditionFailed(&scim.Error{Rule: scim.RuleExists, Path: p.name}, "Duplicate relationship specified in relationship collection.")
	}
	return q.answerEnd(w, p, ch.Members[0].ID, http.StatusCreated)
}

// answerEnd answers with the one reference of the relationship's id.
func (q *request) answerEnd(w http.ResponseWriter, p *property, id string, status int) error {
	t, err := q.target(p, id)
	if err != nil {
		return err
	}
	shown, err := q.element(t)
	if err != nil {
		return err
	}
	h := w.Header()
	if status == http.StatusCreated {
		h.Set("Location", q.c.public+q.c.path+"/"+url.PathEscape(q.PathValue("id"))+"/"+p.name+"/"+url.PathEscape(t.key))
	}
	h.Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(encode(scim.ObjectValue(shown), pretty(q.URL.RawQuery)))
	return nil
}

// target returns the other end of the relationship's id, which is that of the
// resource at the other end.
func (q *request) target(p *property, id string) (target, error) {
	_, targets, err := q.others(p)
	if err != nil {
		return target{}, err
	}
	for _, t := range targets {
		if t.key == id || t.id == id {
			return t, nil
		}
	}
	return target{}, &refusal{status: http.StatusNotFound, message: "The relationship " + strings.TrimPrefix(q.URL.Path, "/") + " is not there",
		fault: &scim.Error{Rule: scim.RuleNotFound, Schema: p.name, Value: id}}
}

// end answers with one reference.
func (c *collection) end(w http.ResponseWriter, q *request) error {
	p, err := q.property()
	if err != nil {
		return err
	}
	return q.answerEnd(w, p, q.PathValue("reference"), http.StatusOK)
}

// unrelate removes one reference and answers with it.
func (c *collection) unrelate(w http.ResponseWriter, q *request) error {
	p, err := q.property()
	if err != nil {
		return err
	}
	if err := q.refuse("If-None-Match"); err != nil {
		return err
	}
	if sent := tag(q.Header.Get("If-Match")); sent != "" && sent != "*" && sent != relationRev {
		return stale(q.Method, relationRev, sent)
	}
	q.Request = q.Clone(q.Context())
	q.Header.Del("If-Match") // it is about the reference, not the object
	t, err := q.target(p, q.PathValue("reference"))
	if err != nil {
		return err
	}
	shown, err := q.element(t)
	if err != nil {
		return err
	}
	old, _, err := q.others(p)
	if err != nil {
		return err
	}
	ref := scim.ObjectValue(q.view().reference(t.kind, t.id))
	if _, _, err := q.apply(old, []operation{{verb: "remove", field: pointer{p.name}, value: ref}}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", jsonType)
	_, _ = w.Write(encode(scim.ObjectValue(shown), pretty(q.URL.RawQuery)))
	return nil
}
