package scim1

import (
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The URIs of SCIM 1.1. Users, groups, lists and the configuration share the core one.
const (
	coreSchema       = "urn:scim:schemas:core:1.0"
	enterpriseSchema = "urn:scim:schemas:extension:enterprise:1.0"
)

// Lengths of strings in characters (p14e section 12). What the canonical
// schema says is longer or shorter, such as pictures, is as it says.
const (
	maxUserName = 256
	maxText     = 1024
)

// A kind is a resource type as the door shows it: in names of SCIM 1.1, and
// without the attributes that the profile disables, which makes them unknown
// on write and absent on read.
type kind struct {
	scim.ResourceType
	canonical *scim.ResourceType
	path      string // /user
	write     directory.Permission
	checks    scim.Checks
}

// lenient takes what SCIM 1.1 leaves open: no schemas or unknown ones,
// attributes that nobody defined (p14e R19), and text of any form.
var lenient = scim.Checks{Schemas: scim.SchemasAssumed, IgnoreSchemas: true, InferExtensions: true,
	Unknown: scim.IgnoreUnknown, AnyType: true, AnyFormat: true, AnyUserName: true}

// userKind is the kind of users.
func (p *Profile) userKind() *kind {
	t := scim.UserType()
	core := older(t.Schema, coreSchema)
	core.Attribute("userName").MaxLength = maxUserName
	groups := core.Attribute("groups")
	groups.SubAttributes = without(groups.SubAttributes, "type") // all are direct (p14e R43)
	enterprise := older(t.Extension(scim.EnterpriseSchema), enterpriseSchema)
	enterprise.Attribute("manager").Sub("value").Name = "managerId"

	k := &kind{canonical: t, path: p.Users, write: directory.WriteUsers, checks: lenient}
	k.Name, k.Description, k.Schema = t.Name, t.Description, core
	if p.extension.uri != "" {
		k.Extensions = append(k.Extensions, older(scim.LookupSchema(p.extension.uri), p.extension.uri))
	}
	k.Extensions = append(k.Extensions, enterprise)
	k.disable(p.Options.DisabledAttributes)
	return k
}

// groupKind is the kind of groups.
func (p *Profile) groupKind() *kind {
	t := scim.GroupType()
	core := older(t.Schema, coreSchema)
	members := core.Attribute("members")
	members.Sub("type").CanonicalValues = []string{"user", "group"} // p14e Q12
	members.Sub("display").Mutability = "readOnly"

	k := &kind{canonical: t, path: p.Groups, write: directory.WriteGroups, checks: lenient}
	k.checks.AnyType = false // members are users or groups
	k.Name, k.Description, k.Schema = t.Name, t.Description, core
	if p.extension.uri != "" {
		k.Extensions = append(k.Extensions, older(scim.LookupSchema(p.extension.uri), p.extension.uri, p.extension.userOnly...))
	}
	k.disable(p.Options.DisabledAttributes)
	return k
}

// older returns the schema under its URI of SCIM 1.1, without $ref, which that
// does not have, and the attributes that are left out.
func older(s *scim.Schema, uri string, leftOut ...string) *scim.Schema {
	o := s.Derive(func(path string, a *scim.Attribute) bool {
		if a.Type == scim.TypeString && a.MaxLength == 0 {
			a.MaxLength = maxText
		}
		return a.Name != "$ref" && !slices.Contains(leftOut, path)
	})
	o.ID = uri
	return o
}

// disable takes attributes out: name, name.sub, URI:name. Unknown ones are ignored.
func (k *kind) disable(names []string) {
	for _, text := range names {
		s, name := k.split(text)
		if s == nil {
			continue
		}
		name, sub, dotted := strings.Cut(name, ".")
		if !dotted {
			s.Attributes = without(s.Attributes, name)
		} else if a := s.Attribute(name); a != nil {
			a.SubAttributes = without(a.SubAttributes, sub)
		}
	}
}

func without(list []*scim.Attribute, name string) []*scim.Attribute {
	return slices.DeleteFunc(list, func(a *scim.Attribute) bool { return strings.EqualFold(a.Name, name) })
}

// schemas are the core one and the extensions.
func (k *kind) schemas() []*scim.Schema {
	return append([]*scim.Schema{k.Schema}, k.Extensions...)
}

// attributes are those of the core schema and externalId, which SCIM 1.1
// counts among those of every resource.
func (k *kind) attributes() []*scim.Attribute {
	return append(slices.Clip(k.Schema.Attributes), common.Attribute("externalId"))
}

// split cuts an attribute's name, URI:name or a core one, into its schema and
// the rest. The schema is nil if the kind does not have it.
func (k *kind) split(text string) (*scim.Schema, string) {
	for _, s := range k.schemas() {
		if n := len(s.ID); len(text) > n+1 && text[n] == ':' && strings.EqualFold(text[:n], s.ID) {
			return s, text[n+1:]
		}
	}
	if strings.Contains(text, ":") {
		return nil, text
	}
	return k.Schema, text
}
