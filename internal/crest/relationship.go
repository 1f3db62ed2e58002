package crest

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A relationship is a collection below an object: its elements are the
// references to the other ends (AIC-128).
type relationship struct {
	*property
	object  *scim.Resource // with the other ends
	targets []target
}

// relationship reads the one that the path names.
func (q *request) relationship() (*relationship, error) {
	p := q.c.kind.property(q.PathValue("relation"))
	if p == nil || !p.form.isRelation() || p.is(readOnly) {
		return nil, refuse(http.StatusNotFound, scim.RuleNoEndpoint, "Resource '%s' not found", q.URL.Path)
	}
	var inc directory.Include
	if p.relation != 0 && p.relation != scim.Manager {
		inc.Relations = []scim.Relation{p.relation}
	}
	r, err := q.find(q.PathValue("id"), inc)
	if err != nil {
		return nil, err
	}
	return &relationship{p, r, p.targets(r)}, nil
}

// find returns the other end of the relationship's id, which is that of the
// resource at the other end.
func (l *relationship) find(q *request, id string) (target, error) {
	i := slices.IndexFunc(l.targets, func(t target) bool { return t.key == id || t.id == id })
	if i < 0 {
		return target{}, refuse(http.StatusNotFound, scim.RuleNotFound, "The relationship %s is not there", q.URL.Path[1:])
	}
	return l.targets[i], nil
}

// element returns a reference as an element of its collection.
func (q *request) element(t target) (*scim.Object, error) {
	var fields *selection
	if q.fields.named {
		fields = &q.fields
	}
	ref, err := q.related(t, fields)
	if err != nil {
		return nil, err
	}
	out := scim.NewObject(textMember("_id", t.key), textMember("_rev", relationRev))
	for _, m := range ref.Members {
		if _, has := out.Lookup(m.Name); !has { // not the target's own _id and _rev
			out.Members = append(out.Members, m)
		}
	}
	return out, nil
}

// queryRelationship answers a query of the references: all of them, or none.
func (c *collection) queryRelationship(w http.ResponseWriter, q *request) error {
	l, err := q.relationship()
	if err != nil {
		return err
	}
	asked, err := q.readQuery()
	if err != nil {
		return err
	}
	all := asked.Filter == nil || asked.Filter.Op == scim.OpTrue
	if !all && asked.Filter.Op != scim.OpFalse || len(asked.Sort) > 0 {
		return badRequest(scim.RuleFilter, "The relationship '%s' can be queried by _queryFilter=true only", l.name)
	}
	if !all {
		l.targets = nil
	}
	total := len(l.targets)
	page, cookie, err := q.slice(l.targets, asked)
	if err != nil {
		return err
	}
	a := q.envelope(w)
	for _, t := range page {
		shown, err := q.element(t)
		if err != nil {
			return a.abandon(err)
		}
		a.add(shown)
	}
	a.close(asked, cookie, total)
	return nil
}

// slice returns the page of the targets that is asked for, and the cookie of the
// next one. It names the last target of the page: when that is gone meanwhile,
// no page can follow that repeats and misses nothing.
func (q *request) slice(targets []target, asked query) (page []target, cookie string, err error) {
	begin := min(asked.Start-1, len(targets))
	if asked.Cursor != nil {
		begin = 1 + slices.IndexFunc(targets, func(t target) bool { return slices.Equal(asked.Cursor.Keys, []string{t.key}) })
		if begin == 0 {
			return nil, "", q.badCookie()
		}
	}
	page = targets[begin:]
	switch {
	case asked.only:
		page = nil
	case asked.Count > 0 && len(page) > asked.Count:
		page = page[:asked.Count]
		cookie, err = q.cookie(&directory.Position{Keys: []string{page[asked.Count-1].key}})
	}
	return page, cookie, err
}

// relate adds the reference of the body.
func (c *collection) relate(w http.ResponseWriter, q *request) error {
	l, err := q.relationship()
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
	op := operation{verb: "add", field: pointer{l.name}, value: scim.ObjectValue(ref)}
	ch, _, err := q.change(l.property, op)
	if err != nil {
		return err
	}
	_, outcome, err := q.apply(l.object, []operation{op})
	switch {
	case err != nil:
		return err
	case outcome == directory.Unchanged:
		return duplicateRelationship()
	}
	if l, err = q.relationship(); err != nil { // as it is now
		return err
	}
	w.Header().Set("Location", q.c.public+q.c.path+"/"+url.PathEscape(q.PathValue("id"))+"/"+l.name+"/"+url.PathEscape(ch.Members[0].ID))
	return q.answerEnd(w, l, ch.Members[0].ID, http.StatusCreated)
}

// answerEnd answers with the one reference of the relationship's id.
func (q *request) answerEnd(w http.ResponseWriter, l *relationship, id string, status int) error {
	t, err := l.find(q, id)
	if err != nil {
		return err
	}
	shown, err := q.element(t)
	if err != nil {
		return err
	}
	send(w, q.Request, status, shown)
	return nil
}

// readEnd answers with one reference.
func (c *collection) readEnd(w http.ResponseWriter, q *request) error {
	l, err := q.relationship()
	if err != nil {
		return err
	}
	return q.answerEnd(w, l, q.PathValue("reference"), http.StatusOK)
}

// unrelate removes one reference and answers with it.
func (c *collection) unrelate(w http.ResponseWriter, q *request) error {
	l, err := q.relationship()
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
	t, err := l.find(q, q.PathValue("reference"))
	if err != nil {
		return err
	}
	ref := scim.ObjectValue(q.reference(t.kind.noun, t.id))
	if _, _, err := q.apply(l.object, []operation{{verb: "remove", field: pointer{l.name}, value: ref}}); err != nil {
		return err
	}
	return q.answerEnd(w, l, t.key, http.StatusOK)
}
