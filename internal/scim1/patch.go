package scim1

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// patch serves PATCH of one resource (p14e R28-R38).
func (d *door) patch(c *call, k *kind) error {
	only, err := c.projection(k)
	if err != nil {
		return err
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	p, err := d.readPatch(k, body)
	if err != nil {
		return err
	}
	r, _, err := d.dir.Modify(c.r.Context(), c.who, c.who.Home(), directory.Modification{
		Type: k.Name, ID: c.r.PathValue("id"), Precondition: precondition(c.r.Header.Values("If-Match")),
		Apply: p.change, Password: !p.values.Get("password").IsNull(),
		NoCycles: true, AnyManager: true, Include: k.include(only),
	})
	if err != nil {
		return err
	}
	return d.answer(c, k, http.StatusOK, r, only)
}

// A partial is the body of a PATCH, understood: part of a resource in the
// spelling of the door's schemas. It changes no stored object, but makes new ones.
type partial struct {
	kind       *kind
	cleared    []scim.Path  // what meta.attributes names; Schema is a key of the resource or empty for the core
	removed    *scim.Object // values of multi-valued attributes that go
	values     *scim.Object // what is set or added, without members
	members    []directory.MemberChange
	mustChange *bool
}

// readPatch reads the body of a PATCH.
func (d *door) readPatch(k *kind, body *scim.Object) (*partial, error) {
	if err := refuseOperations(body); err != nil {
		return nil, err
	}
	p := &partial{kind: k}
	faults := p.readCleared(body)
	checks := k.checks
	checks.Partial = true
	added, removed, more := splitOperations(k, body)
	faults = append(faults, more...)
	p.values, more = k.Normalize(added, checks)
	faults = append(faults, more...)
	p.removed, more = k.Normalize(removed, checks)
	faults = append(faults, more...)
	faults = append(faults, checkExternalID(p.values)...)
	if err := faults.Or(); err != nil {
		return nil, err
	}
	d.readExtension(p)
	return p, p.readMembers()
}

// patchOp is the schema of a PATCH of SCIM 2.0.
const patchOp = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// refuseOperations refuses a body in the form of SCIM 2.0 (p14e R36), which
// SCIM 1.1 would take for a resource with unknown attributes, and ignore.
func refuseOperations(body *scim.Object) error {
	schemas, _ := body.Find("schemas")
	for i, v := range schemas.List() {
		if strings.EqualFold(v.Text(), patchOp) {
			return &scim.Error{Rule: scim.RuleUnknownSchema, Path: "schemas[" + strconv.Itoa(i) + "]", Value: v.Text()}
		}
	}
	if v, _ := body.Find("Operations"); v.Kind() == scim.Array {
		return &scim.Error{Rule: scim.RuleUnknownSchema, Path: "schemas"}
	}
	return nil
}

// readCleared reads meta.attributes (p14e R32, R34). Names of nothing are
// ignored, as unknown attributes are (p14e R19).
func (p *partial) readCleared(body *scim.Object) (faults scim.Errors) {
	meta, _ := body.Find("meta")
	if meta.IsNull() {
		return nil
	}
	if meta.Kind() != scim.ObjectKind {
		return scim.Errors{{Rule: scim.RuleType, Path: "meta", Allowed: []string{"object"}}}
	}
	names, _ := meta.Object().Find("attributes")
	if names.Kind() != scim.Array && !names.IsNull() {
		return scim.Errors{{Rule: scim.RuleMultiValued, Path: "meta.attributes"}}
	}
	for i, name := range names.List() {
		if name.Kind() != scim.String {
			faults = append(faults, &scim.Error{Rule: scim.RuleType, Path: "meta.attributes[" + strconv.Itoa(i) + "]", Allowed: []string{"string"}})
			continue
		}
		path, writable, known := p.kind.written(name.Text())
		switch {
		case !known:
		case !writable:
			faults = append(faults, &scim.Error{Rule: scim.RuleReadOnly, Path: name.Text()})
		default:
			p.cleared = append(p.cleared, path)
		}
	}
	return faults
}

// written returns what an attribute's name leads to, in the spelling of the
// schemas, and whether a client may write it.
func (k *kind) written(text string) (path scim.Path, writable, known bool) {
	for _, s := range k.Extensions {
		if strings.EqualFold(text, s.ID) {
			readOnly := slices.ContainsFunc(s.Attributes, func(a *scim.Attribute) bool { return a.Mutability == "readOnly" })
			return scim.Path{Schema: s.ID}, !readOnly, true
		}
	}
	s, name := k.split(text)
	if s == nil {
		return path, false, false
	}
	attr, sub, dotted := strings.Cut(name, ".")
	if s == k.Schema && (strings.EqualFold(attr, "schemas") || common.Attribute(attr) != nil) && !strings.EqualFold(name, "externalId") {
		return path, false, true
	}
	if s != k.Schema {
		path.Schema = s.ID
	}
	list := s.Attributes
	if s == k.Schema {
		list = k.attributes()
	}
	a := (&scim.Schema{Attributes: list}).Attribute(attr)
	if a == nil {
		return path, false, false
	}
	path.Attr, writable = a.Name, a.Mutability != "readOnly"
	if dotted {
		if a = a.Sub(sub); a == nil {
			return path, false, false
		}
		path.Sub, writable = a.Name, writable && a.Mutability != "readOnly"
	}
	return path, writable, true
}

// splitOperations parts the body into what is set or added and what goes: the
// values with the operation delete (p14e R31). Places of lists stay as they
// are, so that faults are told where they are.
func splitOperations(k *kind, body *scim.Object) (added, removed *scim.Object, faults scim.Errors) {
	added, removed = scim.NewObject(), scim.NewObject()
	for _, m := range body.Members {
		rest := m.Value
		if a := k.Schema.Attribute(m.Name); a != nil && a.MultiValued && len(a.SubAttributes) > 0 {
			var gone scim.Value
			var more scim.Errors
			if rest, gone, more = splitValues(m.Value, a); !gone.IsNull() {
				removed.Members = append(removed.Members, scim.Member{Name: m.Name, Value: gone})
			}
			faults = append(faults, more...)
		}
		added.Members = append(added.Members, scim.Member{Name: m.Name, Value: rest})
	}
	return added, removed, faults
}

// splitValues does it for the values of one attribute.
func splitValues(v scim.Value, a *scim.Attribute) (added, removed scim.Value, faults scim.Errors) {
	var stay, gone []scim.Value
	for i, item := range v.List() {
		operation, _ := item.Object().Find("operation")
		switch {
		case operation.IsNull():
			stay, gone = append(stay, item), append(gone, scim.Value{})
		case strings.EqualFold(operation.Text(), "delete"):
			stay, gone = append(stay, scim.Value{}), append(gone, item)
			removed = scim.BoolValue(true)
		default:
			faults = append(faults, &scim.Error{Rule: scim.RuleCanonical, Path: a.Name + "[" + strconv.Itoa(i) + "].operation", Allowed: []string{"delete"}})
		}
	}
	if removed.IsNull() {
		return v, removed, faults
	}
	return scim.ListValue(stay...), scim.ListValue(gone...), faults
}

// readExtension takes out of the patch what it says of the vendor's extension.
func (d *door) readExtension(p *partial) {
	if d.extension.decode == nil {
		return
	}
	var draft directory.Draft
	d.extension.decode(p.values, &draft)
	p.values.Delete(d.extension.uri)
	p.cleared = slices.DeleteFunc(p.cleared, func(path scim.Path) bool {
		if path.Schema == d.extension.uri && path.Attr == "passwordExpired" {
			p.mustChange = new(bool)
		}
		return path.Schema == d.extension.uri
	})
	if draft.MustChange != nil {
		p.mustChange = draft.MustChange
	}
}

// readMembers makes of the members of a group changes that cost what they
// name (p14e R39-R41).
func (p *partial) readMembers() error {
	removed, err := memberList(p.removed)
	if err != nil {
		return err
	}
	added, err := memberList(p.values)
	if err != nil {
		return err
	}
	p.values.Delete("members")
	p.removed.Delete("members")
	cleared := slices.Contains(p.cleared, scim.Path{Attr: "members"})
	p.cleared = slices.DeleteFunc(p.cleared, func(path scim.Path) bool { return path.Attr == "members" })
	switch {
	case cleared:
		p.members = []directory.MemberChange{{Op: directory.SetMembers, Members: added}}
		return nil
	case len(removed) > 0:
		p.members = append(p.members, directory.MemberChange{Op: directory.RemoveMembers, Members: removed})
	}
	if len(added) > 0 {
		p.members = append(p.members, directory.MemberChange{Op: directory.AddMembers, Members: added})
	}
	return nil
}

// memberList returns the members that an object names.
func memberList(o *scim.Object) ([]directory.Member, error) {
	var list []directory.Member
	for i, item := range canonicalMembers(o.Get("members")).List() {
		m := directory.Member{ID: item.Object().Get("value").Text(), Type: item.Object().Get("type").Text(), Path: "members[" + strconv.Itoa(i) + "].value"}
		if m.ID == "" {
			return nil, &scim.Error{Rule: scim.RuleRequired, Path: m.Path}
		}
		list = append(list, m)
	}
	return list, nil
}

// change is what the patch makes of a stored resource.
func (p *partial) change(old *scim.Resource) (directory.Change, error) {
	ch := directory.Change{MustChange: p.mustChange, Members: p.members, DropPassword: slices.Contains(p.cleared, scim.Path{Attr: "password"})}
	if len(p.cleared) == 0 && p.values.Len() == 0 && p.removed.Len() == 0 {
		return ch, nil
	}
	ch.Attributes = toCanonical(p.apply(fromCanonical(old.Attributes())))
	return ch, nil
}

// apply returns the attributes after the patch: first goes what
// meta.attributes names, then the values to be deleted, then the rest is put
// in (p14e R28-R33). stored stays as it is.
func (p *partial) apply(stored *scim.Object) *scim.Object {
	out := stored.Clone()
	for _, path := range p.cleared {
		if path.Schema == "" {
			out = erase(out, p.kind.attributes(), path)
			continue
		}
		s := p.kind.Extension(path.Schema)
		out.Assign(s.ID, scim.ObjectValue(erase(out.Get(s.ID).Object(), s.Attributes, path)))
	}
	out = combine(remove(out, p.removed, p.kind.attributes()), p.values, p.kind.attributes())
	for _, s := range p.kind.Extensions {
		if said := p.values.Get(s.ID).Object(); said.Len() > 0 {
			out.Assign(s.ID, scim.ObjectValue(combine(out.Get(s.ID).Object(), said, s.Attributes)))
		}
	}
	return out
}

// erase returns o without what the path leads to; a path without an attribute
// leads to all that there are. What the door does not know stays.
func erase(o *scim.Object, attributes []*scim.Attribute, path scim.Path) *scim.Object {
	out := o.Clone()
	for _, a := range attributes {
		if path.Attr != "" && path.Attr != a.Name {
			continue
		}
		v := out.Get(a.Name)
		switch {
		case path.Sub != "" && a.MultiValued:
			var kept []scim.Value
			for _, item := range v.List() {
				if o := erase(item.Object(), a.SubAttributes, scim.Path{Attr: path.Sub}); o.Len() > 0 {
					kept = append(kept, scim.ObjectValue(o))
				}
			}
			v = scim.ListValue(kept...)
		case v.Kind() == scim.ObjectKind:
			v = scim.ObjectValue(erase(v.Object(), a.SubAttributes, scim.Path{Attr: path.Sub}))
		default:
			v = scim.Value{}
		}
		out.Assign(a.Name, v)
	}
	return out
}

// remove returns o without those values of its multi-valued attributes that gone names.
func remove(o, gone *scim.Object, attributes []*scim.Attribute) *scim.Object {
	out := o.Clone()
	for _, m := range gone.Members {
		a := (&scim.Schema{Attributes: attributes}).Attribute(m.Name)
		kept := slices.Clone(out.Get(m.Name).List())
		for _, item := range m.Value.List() {
			for _, i := range slices.Backward(matching(kept, item.Object(), a)) {
				kept = slices.Delete(kept, i, i+1)
			}
		}
		out.Assign(m.Name, scim.ListValue(kept...))
	}
	return out
}

// combine puts values into o, complex ones member by member (p14e R29) and
// lists value by value (p14e R30).
func combine(o, values *scim.Object, attributes []*scim.Attribute) *scim.Object {
	known := &scim.Schema{Attributes: attributes}
	out := o.Clone()
	for _, m := range values.Members {
		a := known.Attribute(m.Name)
		switch {
		case a == nil: // an extension
		case m.Value.Kind() == scim.Array:
			out.Set(m.Name, scim.ListValue(combineValues(out.Get(m.Name).List(), m.Value.List(), a)...))
		case m.Value.Kind() == scim.ObjectKind:
			out.Set(m.Name, scim.ObjectValue(combine(out.Get(m.Name).Object(), m.Value.Object(), a.SubAttributes)))
		default:
			out.Set(m.Name, m.Value)
		}
	}
	return out
}

// combineValues puts values into a list. Those that match a stored one are
// merged with it, the others are added. A value that is made the primary one
// takes the place of the one that was.
func combineValues(stored, values []scim.Value, a *scim.Attribute) []scim.Value {
	list := slices.Clone(stored)
	primary := -1
	for _, v := range values {
		at := len(list)
		if found := matching(list[:len(stored)], v.Object(), a); len(found) > 0 {
			at = found[0]
			list[at] = scim.ObjectValue(combine(list[at].Object(), v.Object(), a.SubAttributes))
		} else {
			list = append(list, v)
		}
		if v.Object().Get("primary").Bool() {
			primary = at
		}
	}
	for i, v := range list {
		if primary >= 0 && i != primary && v.Object().Get("primary").Bool() {
			list[i] = scim.ObjectValue(v.Object().Clone().Set("primary", scim.BoolValue(false)))
		}
	}
	return list
}

// matching returns where in the list the values are that given means: those of
// the same value or, where it has none, those that have all that it has (p14e
// R30, R31). Of several of one value, those that also agree in the rest are
// meant, if there are any.
func matching(list []scim.Value, given *scim.Object, a *scim.Attribute) []int {
	var same, alike []int
	value := given.Get("value")
	for i, item := range list {
		if !value.IsNull() && equal(item.Object().Get("value"), value, a.Sub("value")) {
			same = append(same, i)
		}
		agrees := func(m scim.Member) bool { return equal(item.Object().Get(m.Name), m.Value, a.Sub(m.Name)) }
		if !slices.ContainsFunc(given.Members, func(m scim.Member) bool { return !agrees(m) }) {
			alike = append(alike, i)
		}
	}
	if value.IsNull() || len(same) > 1 && len(alike) > 0 {
		return alike
	}
	return same
}

// equal compares two values as filters do (p14e R59).
func equal(v, w scim.Value, a *scim.Attribute) bool {
	if a.Type != scim.TypeBinary && v.Kind() == scim.String && w.Kind() == scim.String {
		return a.Key(v.Text()) == a.Key(w.Text())
	}
	return scim.Equal(v, w)
}
