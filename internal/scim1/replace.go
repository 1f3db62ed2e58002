package scim1

import (
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// replace serves PUT of one resource (p14e R20-R27).
func (d *door) replace(c *call, k *kind) error {
	only, err := c.projection(k)
	if err != nil {
		return err
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	if said, _ := body.Find("id"); !said.IsNull() && said.Text() != id { // p14e R25
		return &scim.Error{Rule: scim.RuleImmutable, Path: "id", Value: said.Text()}
	}
	draft, err := d.decode(k, body)
	if err != nil {
		return err
	}
	draft.ID, draft.NoCycles, draft.Merge = id, true, d.merge(k, draft.Attributes, false)
	p := precondition(c.r.Header.Values("If-Match"))
	p.Present = true // p14e R26
	r, _, err := d.dir.Put(c.r.Context(), c.who, c.who.Home(), draft, p)
	if err != nil {
		return err
	}
	return d.answer(c, k, http.StatusOK, r, only)
}

// merge returns what makes the attributes of a resource that is replaced of
// the stored ones and of those of the request, draft: what the door cannot
// express stays, and so does active where the request does not mention it (p14e
// R22). All else that it does not mention goes (p14e R21), or stays with keep.
func (d *door) merge(k *kind, draft *scim.Object, keep bool) func(old *scim.Object) *scim.Object {
	return func(old *scim.Object) *scim.Object {
		stored, sent := fromCanonical(old), fromCanonical(draft)
		merged := overlay(stored, sent, k.attributes(), keep)
		for _, s := range k.Extensions {
			o := overlay(stored.Get(s.ID).Object(), sent.Get(s.ID).Object(), s.Attributes, keep)
			merged.Assign(s.ID, scim.ObjectValue(o))
		}
		if active, given := stored.Lookup("active"); given && sent.Get("active").IsNull() {
			merged.Set("active", active)
		}
		return toCanonical(merged)
	}
}

// overlay puts what was sent over what is stored. The parts of a name stand
// for themselves; every other value is replaced as a whole.
func overlay(stored, sent *scim.Object, attributes []*scim.Attribute, keep bool) *scim.Object {
	known := &scim.Schema{Attributes: attributes}
	merged := sent.Clone()
	if stored == nil {
		return merged
	}
	for _, m := range stored.Members {
		a, value := known.Attribute(m.Name), sent.Get(m.Name)
		switch {
		case a != nil && a.Name == "name":
			merged.Assign(m.Name, scim.ObjectValue(overlay(m.Value.Object(), value.Object(), a.SubAttributes, keep)))
		case a == nil, keep && value.IsNull():
			merged.Set(m.Name, m.Value)
		}
	}
	return merged
}
