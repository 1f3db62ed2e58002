package crest

import (
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// An element says which element of a multi-valued canonical attribute a
// single-valued property shows: the primary one; else, if preferred, the first
// of the type; else the first.
type element struct {
	typ     string // of an element that is made here
	prefer  bool
	primary bool // an element that is written here becomes the primary one
}

func (e *element) shown(list []scim.Value) int {
	if i := slices.IndexFunc(list, func(v scim.Value) bool { return v.Object().Get("primary").Bool() }); i >= 0 {
		return i
	}
	if i := slices.IndexFunc(list, func(v scim.Value) bool { return v.Object().Get("type").Text() == e.typ }); i >= 0 && e.prefer {
		return i
	}
	return min(len(list), 1) - 1
}

// stored returns the value of a property that canonical attributes hold; null
// if they hold none, and for computed properties.
func (k *kind) stored(p *property, attrs *scim.Object) scim.Value {
	switch {
	case p.extended():
		return attrs.Get(k.extension).Object().Get(p.name)
	case p.name == "accountStatus":
		return accountStatus(attrs)
	case p.home.Attr == "":
		return scim.Value{}
	}
	at := attrs
	if p.home.Schema != "" {
		at = attrs.Get(p.home.Schema).Object()
	}
	v := at.Get(p.home.Attr)
	if p.of != nil {
		i := p.of.shown(v.List())
		if i < 0 {
			return scim.Value{}
		}
		v = v.List()[i]
	}
	if p.home.Sub != "" {
		v = v.Object().Get(p.home.Sub)
	}
	return v
}

// The words of accountStatus that are the canonical active and its opposite, in
// any letter case.
const (
	activeStatus   = "active"
	inactiveStatus = "inactive"
)

// accountStatus returns active for an active user; for others the word that a
// client of this door has chosen, or inactive.
func accountStatus(attrs *scim.Object) scim.Value {
	if active, ok := attrs.Lookup("active"); !ok || active.Bool() {
		return scim.StringValue(activeStatus)
	}
	if v := attrs.Get(users.extension).Object().Get("accountStatus"); !v.IsNull() {
		return v
	}
	return scim.StringValue(inactiveStatus)
}

// canonical returns the canonical attributes of an object that is old, nil for
// none, after a client has put the managed object m in its place (AIC-074). It
// is a pure function: nothing else decides what a replacement keeps.
//
//   - What m can express is as m says; a property that m lacks or that is null
//     is removed. Private properties that m lacks are kept.
//   - Attributes that no property shows, such as externalId or nickName, are kept.
//   - Of a multi-valued attribute m expresses one element, the one that is
//     shown; the others are kept. So after a client has removed mail, the
//     next of several e-mails is shown. A shown element that gets a new value
//     keeps its type and loses what described the old value. If another element
//     has the new value already, it is the one that stays.
//   - cn is kept like other private properties, but not if it was only what
//     the default makes of the names (AIC-048) and the names change.
//   - Relationships: manager is as m says if m has it (AIC-078). Memberships
//     are not among the attributes.
//
// m has passed the policies: its values are of the right form.
func (k *kind) canonical(old, m *scim.Object) *scim.Object {
	out := old.Clone()
	for _, p := range k.properties {
		v, sent := m.Lookup(p.name)
		switch {
		case p.is(readOnly), p.home.Attr == "", !sent && p.is(private), !sent && p.form.isRelation():
		case p.name == "accountStatus":
			out.Set("active", scim.BoolValue(v.IsNull() || strings.EqualFold(v.Text(), activeStatus)))
		default:
			p.set(out, v)
		}
	}
	if p := k.property("cn"); p != nil {
		if _, sent := m.Lookup("cn"); !sent && scim.Equal(k.stored(p, old), defaultName(k, old)) {
			p.set(out, defaultName(k, out))
		}
	}
	out.Assign(k.extension, scim.ObjectValue(k.extended(old.Get(k.extension).Object(), m)))
	return out
}

// managed returns the managed object that a patch changes: all that canonical
// attributes hold of it, hashes of answers and the id of the manager included.
func (k *kind) managed(attrs *scim.Object) *scim.Object {
	out := scim.NewObject()
	for _, p := range k.properties {
		if !p.is(readOnly) {
			if v := k.stored(p, attrs); !v.IsNull() {
				out.Members = append(out.Members, member(p.name, v))
			}
		}
	}
	return k.unknown(out, attrs)
}

// unknown appends to out what the extension holds that the schema does not know
// (AIC-054).
func (k *kind) unknown(out, attrs *scim.Object) *scim.Object {
	for _, m := range attrs.Get(k.extension).Object().Clone().Members {
		if k.property(m.Name) == nil {
			out.Members = append(out.Members, m)
		}
	}
	return out
}

// defaultName returns what cn is by default: {givenName} {sn} (AIC-048); null
// without either.
func defaultName(k *kind, attrs *scim.Object) scim.Value {
	names := []string{k.stored(k.property("givenName"), attrs).Text(), k.stored(k.property("sn"), attrs).Text()}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	if len(names) == 0 {
		return scim.Value{}
	}
	return scim.StringValue(strings.Join(names, " "))
}

// set writes the value, null to remove it, to the canonical home of p in out,
// sharing nothing with what out was cloned from.
func (p *property) set(out *scim.Object, v scim.Value) {
	if p.home.Schema != "" {
		inner := out.Get(p.home.Schema).Object().Clone()
		bare := *p
		bare.home.Schema = ""
		bare.set(inner, v)
		out.Assign(p.home.Schema, scim.ObjectValue(inner))
		return
	}
	was := out.Get(p.home.Attr)
	switch {
	case p.of != nil:
		v = scim.ListValue(p.of.edit(was.List(), p.home.Sub, v)...)
	case p.home.Sub != "" && scim.Equal(was.Object().Get(p.home.Sub), v):
		return
	case p.form == reference && !v.IsNull():
		v = scim.ObjectValue(scim.NewObject(member(p.home.Sub, v)))
	case p.home.Sub != "" && p.form != reference:
		inner := was.Object().Clone()
		inner.Assign(p.home.Sub, v)
		v = scim.ObjectValue(inner)
	}
	out.Assign(p.home.Attr, v)
}

// descriptive are the sub-attributes that say something of the others.
var descriptive = []string{"type", "primary", "display", "formatted", "$ref"}

// edit returns the list with v, null for none, as the sub-attribute of the
// element that is shown.
func (e *element) edit(list []scim.Value, sub string, v scim.Value) []scim.Value {
	i := e.shown(list)
	if i < 0 {
		if v.IsNull() {
			return list
		}
		made := scim.NewObject(member(sub, v), textMember("type", e.typ))
		if e.primary {
			made.Set("primary", scim.BoolValue(true))
		}
		return []scim.Value{scim.ObjectValue(made)}
	}
	was := list[i].Object()
	if scim.Equal(was.Get(sub), v) {
		return list
	}
	list = slices.Clone(list)
	changed, place := was.Clone(), i
	twin := slices.IndexFunc(list, func(w scim.Value) bool { return scim.Equal(w.Object().Get(sub), v) })
	if twin >= 0 && sub == "value" && !v.IsNull() {
		changed, place = list[twin].Object().Clone(), twin
	} else {
		changed.Delete("display")
		changed.Delete("formatted")
		changed.Assign(sub, v)
	}
	if (e.primary || was.Get("primary").Bool()) && !v.IsNull() {
		changed.Set("primary", scim.BoolValue(true))
	}
	list[place] = scim.ObjectValue(changed)
	if place != i || !slices.ContainsFunc(changed.Members, func(m scim.Member) bool { return !slices.Contains(descriptive, m.Name) }) {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// extended returns what the extension holds after m has replaced the object
// that old is the extension of: the vendor's properties without a canonical
// home, and those that the schema does not know, as they are (AIC-054).
func (k *kind) extended(old, m *scim.Object) *scim.Object {
	out := scim.NewObject()
	for _, in := range m.Members {
		p := k.property(in.Name)
		switch {
		case in.Name == "_id", in.Name == "_rev", in.Value.IsNull(), p != nil && !p.extended():
		case p != nil && p.form.isList() && len(in.Value.List()) == 0:
		default:
			out.Members = append(out.Members, in)
		}
	}
	for _, was := range old.Clone().Members {
		if p := k.property(was.Name); p != nil && p.extended() && p.is(private) && m.Get(was.Name).IsNull() {
			out.Set(was.Name, was.Value)
		}
	}
	// What is in another place only has not changed.
	slices.SortStableFunc(out.Members, func(a, b scim.Member) int { return rank(old, a.Name) - rank(old, b.Name) })
	if status := m.Get("accountStatus").Text(); status != "" && !strings.EqualFold(status, activeStatus) && !strings.EqualFold(status, inactiveStatus) && k == users {
		out.Set("accountStatus", scim.StringValue(status))
	}
	return out
}

// rank returns the place of a member in old, and one after all of them for others.
func rank(old *scim.Object, name string) int {
	for i := range old.Len() {
		if old.Members[i].Name == name {
			return i
		}
	}
	return old.Len()
}
