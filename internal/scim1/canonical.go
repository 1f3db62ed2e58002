package scim1

import (
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The directory keeps SCIM 2.0 names. Core attributes have the same ones in
// both versions; the enterprise extension has another URI and calls the id of
// the manager managerId, and members have their types in lower case.

// toCanonical returns the attributes of a request, already in the spelling of
// the door's schemas, in canonical names.
func toCanonical(o *scim.Object) *scim.Object {
	canonical := scim.NewObject()
	for _, m := range o.Members {
		switch m.Name {
		case enterpriseSchema:
			m = scim.Member{Name: scim.EnterpriseSchema, Value: renameManager(m.Value, "managerId", "value")}
		case "members":
			m.Value = canonicalMembers(m.Value)
		}
		canonical.Members = append(canonical.Members, m)
	}
	return canonical
}

// fromCanonical is the way back.
func fromCanonical(o *scim.Object) *scim.Object {
	public := scim.NewObject()
	for _, m := range o.Members {
		if m.Name == scim.EnterpriseSchema {
			m = scim.Member{Name: enterpriseSchema, Value: renameManager(m.Value, "value", "managerId")}
		}
		public.Members = append(public.Members, m)
	}
	return public
}

// renameManager renames one sub-attribute of the manager in an enterprise extension.
func renameManager(extension scim.Value, from, to string) scim.Value {
	manager := extension.Object().Get("manager").Object()
	if manager == nil {
		return extension
	}
	renamed := scim.NewObject()
	for _, m := range manager.Members {
		if m.Name == from {
			m.Name = to
		}
		renamed.Members = append(renamed.Members, m)
	}
	return scim.ObjectValue(extension.Object().Clone().Set("manager", scim.ObjectValue(renamed)))
}

// canonicalMembers spells the types of a group's members as the directory does.
func canonicalMembers(members scim.Value) scim.Value {
	list := make([]scim.Value, len(members.List()))
	for i, item := range members.List() {
		member := item.Object().Clone()
		for _, name := range []string{"User", "Group"} {
			if strings.EqualFold(member.Get("type").Text(), name) {
				member.Set("type", scim.StringValue(name))
			}
		}
		list[i] = scim.ObjectValue(member)
	}
	return scim.ListValue(list...)
}

// publicPath returns the name that the door has for the path of a fault.
func publicPath(path string) string {
	rest, ok := strings.CutPrefix(path, scim.EnterpriseSchema)
	if !ok {
		return path
	}
	if rest == ":manager.value" {
		rest = ":manager.managerId"
	}
	return enterpriseSchema + rest
}

// canonicalPath returns the path of a filter or of sortBy in canonical names.
// An extension that the directory does not keep as such stays under its URI. ok
// is false for what the kind does not have.
func (k *kind) canonicalPath(p scim.Path) (path scim.Path, ok bool) {
	s, name := k.split(p.String())
	if s == nil {
		return p, false
	}
	attr, sub, dotted := strings.Cut(name, ".")
	path = scim.Path{Attr: attr, Sub: sub}
	if s == k.Schema && isCommon(name) {
		return path, true
	}
	if a := s.Attribute(attr); a == nil || dotted && a.Sub(sub) == nil {
		return p, false
	}
	switch s.ID {
	case coreSchema:
	case enterpriseSchema:
		path.Schema = scim.EnterpriseSchema
		if strings.EqualFold(sub, "managerId") {
			path.Sub = "value"
		}
	default:
		path.Schema = s.ID
	}
	return path, true
}

// isCommon reports whether the name is that of an attribute that every
// resource has, whatever its schema, and that can be compared.
func isCommon(name string) bool {
	switch strings.ToLower(name) {
	case "id", "externalid", "meta.created", "meta.lastmodified":
		return true
	}
	return false
}
