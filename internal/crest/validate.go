package crest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// validate answers what the policies say of an object that is not stored, or of
// some properties of one (AIC-194).
func (c *collection) validate(w http.ResponseWriter, q *request) error {
	if err := q.refuse("If-None-Match", "If-Match"); err != nil { // AIC-192
		return err
	}
	name := q.params.Get("_action")
	whole := strings.EqualFold(name, "validateObject")
	if !whole && !strings.EqualFold(name, "validateProperty") {
		return unknownAction(name)
	}
	m, err := q.object()
	if err != nil {
		return err
	}
	self, named := m.Get("_id").Text(), []string(nil)
	if !whole {
		self = q.PathValue("id")
		m, named = properties(m)
	}
	failed, err := q.judge(m, self)
	if err != nil {
		return err
	}
	if !whole {
		failed = slices.DeleteFunc(failed, func(r requirement) bool {
			property, _, _ := strings.Cut(r.property, "/")
			return !slices.Contains(named, property)
		})
	}
	send(w, q.Request, http.StatusOK, verdict(failed))
	return nil
}

// properties reads what validateProperty is asked: properties with values, in
// _remove the names of those without, or both of them beside the object that
// they belong to. It returns the object and the names of the properties.
func properties(m *scim.Object) (*scim.Object, []string) {
	out := scim.NewObject()
	if whole, part := m.Get("object"), m.Get("properties"); whole.Kind() == scim.ObjectKind && part.Kind() == scim.ObjectKind {
		out, m = whole.Object().Clone(), part.Object()
	}
	var named []string
	for _, sent := range m.Members {
		if sent.Name != "_remove" {
			out.Set(sent.Name, sent.Value)
			named = append(named, sent.Name)
		}
	}
	for _, name := range m.Get("_remove").List() {
		out.Delete(name.Text())
		named = append(named, name.Text())
	}
	return out, named
}

// judge returns all requirements that the object fails which has the id self,
// empty for a new one.
func (q *request) judge(m *scim.Object, self string) ([]requirement, error) {
	failed := q.check(m, nil)
	if len(failed) == 0 { // The forms are right: the directory can say more.
		err := q.c.d.Check(q.Context(), q.caller, q.caller.Home(), directory.Draft{Type: q.c.kind.typ, Attributes: q.c.kind.attributes(nil, m)})
		var ok bool
		if failed, ok = q.c.requirements(scim.Faults(err)); err != nil && !ok {
			return nil, err
		}
	}
	return append(failed, q.takenName(failed, m, self)...), nil
}
