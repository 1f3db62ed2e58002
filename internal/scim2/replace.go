package scim2

import (
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// replace answers a PUT (RFC 7644 3.5.1).
func (k *kind) replace(c *call) error {
	body, text, err := c.body()
	if err != nil {
		return err
	}
	show, condition, err := c.write(k)
	if err != nil {
		return err
	}
	r, wrote, err := k.put(c, c.r.PathValue("id"), body, text, condition, k.include(show, nil))
	if err != nil {
		return err
	}
	return c.sendResource(http.StatusOK, k, r, k.wrote(show, wrote))
}

// write reads what a change of a resource has beside its body.
func (c *call) write(k *kind) (*scim.Projection, directory.Precondition, error) {
	q, err := c.parameters()
	if err != nil {
		return nil, directory.Precondition{}, err
	}
	show, err := c.projection(k, q)
	if err != nil {
		return nil, directory.Precondition{}, err
	}
	condition, err := c.precondition()
	return show, condition, err
}

// put replaces a resource by the body, which is in the text, and returns it
// with what was written of it. It never creates one (scim PUT-02).
//
// The body's faults come after those of the id and of the precondition (scim
// ERR-06), which only the directory knows.
func (k *kind) put(c *call, id string, body *scim.Object, text []byte, condition directory.Precondition, inc directory.Include) (*scim.Resource, *scim.Object, error) {
	d := k.draft(c, body)
	if sent, _ := body.Find("id"); k.fixedID && !sent.IsNull() && sent.Text() != id {
		d.faults = append(d.faults, &scim.Error{Rule: scim.RuleReadOnly, Path: "id"})
	}
	if len(d.faults) == 0 && k.createOnlyPassword {
		d.Attributes.Delete("password")
	}
	keep := c.allows(scim.RewritePutKeep)
	m := directory.Modification{Type: k.stored(), ID: id, Precondition: condition, Include: inc, Replaces: true, AnyManager: c.anyManager()}
	_, m.Password = d.Attributes.Lookup("password")
	m.Apply = func(old *scim.Resource) (directory.Change, error) {
		if err := d.faults.Locate(text).Or(); err != nil {
			return directory.Change{}, err
		}
		given := d.Attributes.Clone()
		members, regroup := given.Lookup("members")
		given.Delete("members")
		if keep {
			given = keepOmitted(k.ResourceType, old.Attributes(), body, given)
		}
		ch := directory.Change{Attributes: k.merged(old.Attributes(), given), Population: d.Population}
		if _, sent := body.Find("members"); k.Schema.Attribute("members") != nil && (regroup || sent || !keep) {
			ch.Members = []directory.MemberChange{{Op: directory.SetMembers, Members: membersOf(members)}}
		}
		return ch, nil
	}
	r, _, err := c.directory.Modify(c.r.Context(), c.caller, c.scope, m)
	return r, d.wrote, err
}

// membersOf reads the members of a group in canonical form.
func membersOf(v scim.Value) []directory.Member {
	var list []directory.Member
	for i, item := range v.List() {
		list = append(list, directory.Member{ID: item.Object().Get("value").Text(), Type: item.Object().Get("type").Text(),
			Path: element("members", i) + ".value"})
	}
	return list
}

// merged returns the attributes to store where those given take the place of
// what the dialect shows of old.
func (k *kind) merged(old, given *scim.Object) *scim.Object {
	if k.merge != nil {
		return k.merge(old, given)
	}
	return k.mergeExtensions(old, given)
}

// mergeExtensions returns the attributes given with the extensions of old that
// the kind does not show: who cannot see them cannot mean to clear them.
func (k *kind) mergeExtensions(old, given *scim.Object) *scim.Object {
	out := given.Clone()
	for _, m := range old.Members {
		if _, there := out.Lookup(m.Name); isURI(m.Name) && !k.shows(m.Name) && !there {
			out.Set(m.Name, m.Value)
		}
	}
	return out
}

// keepOmitted returns the attributes given with those of old that the body does
// not mention (rewrite put-keep, scim PUT-05). What it mentions as null is cleared.
func keepOmitted(t *scim.ResourceType, old, body, given *scim.Object) *scim.Object {
	out := given.Clone()
	for _, m := range old.Members {
		mentioned, ok := body.Find(m.Name)
		switch {
		case !ok:
			out.Set(m.Name, m.Value)
		case t.Extension(m.Name) != nil && mentioned.Object() != nil:
			extension := out.Get(m.Name).Object().Clone()
			for _, part := range m.Value.Object().Members {
				if _, ok := mentioned.Object().Find(part.Name); !ok {
					extension.Set(part.Name, part.Value)
				}
			}
			out.Assign(m.Name, scim.ObjectValue(extension))
		}
	}
	return out
}
