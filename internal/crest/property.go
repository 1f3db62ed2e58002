package crest

import (
	"slices"
	"strconv"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A kind is a kind of managed object.
type kind struct {
	noun       string // the last part of its collections' names: user
	typ        string // the canonical resource type: User
	extension  string // URI of the open schema that keeps what has no canonical home
	write      directory.Permission
	named      bool   // the _id is the name
	unique     string // the property whose value no two objects have, besides the _id
	properties []*property
}

// The kinds served.
var (
	atWork = element{typ: "work", prefer: true}

	users = &kind{
		noun: "user", typ: "User", extension: scim.ManagedSchema, write: directory.WriteUsers, unique: "userName",
		properties: slices.Concat([]*property{
			{name: "userName", form: text, flags: required, home: scim.Path{Attr: "userName"}, rules: []policy{minLength(1), maxLength(255), noSlash}},
			{name: "givenName", form: text, flags: required | full, home: scim.Path{Attr: "name", Sub: "givenName"}},
			{name: "sn", form: text, flags: required | full, home: scim.Path{Attr: "name", Sub: "familyName"}},
			{name: "mail", form: text, flags: required | full, home: scim.Path{Attr: "emails", Sub: "value"}, of: &element{typ: "work", primary: true}, rules: []policy{emailAddress}},
			{name: "password", form: text, flags: private | credential},
			{name: "accountStatus", form: text, home: scim.Path{Attr: "active"}},
			{name: "cn", form: text, flags: private, home: scim.Path{Attr: "name", Sub: "formatted"}},
			{name: "displayName", form: text, home: scim.Path{Attr: "displayName"}},
			{name: "telephoneNumber", form: text, home: scim.Path{Attr: "phoneNumbers", Sub: "value"}, of: &atWork, rules: []policy{phoneNumber}},
			{name: "postalAddress", form: text, home: scim.Path{Attr: "addresses", Sub: "streetAddress"}, of: &atWork},
			{name: "city", form: text, home: scim.Path{Attr: "addresses", Sub: "locality"}, of: &atWork},
			{name: "stateProvince", form: text, home: scim.Path{Attr: "addresses", Sub: "region"}, of: &atWork},
			{name: "postalCode", form: text, home: scim.Path{Attr: "addresses", Sub: "postalCode"}, of: &atWork},
			{name: "country", form: text, home: scim.Path{Attr: "addresses", Sub: "country"}, of: &atWork},
			{name: "description", form: text},
			{name: "profileImage", form: text, home: scim.Path{Attr: "photos", Sub: "value"}, of: &element{typ: "photo"}},
			{name: "preferences", form: object, members: []*property{{name: "updates", form: boolean}, {name: "marketing", form: boolean}}},
			{name: "kbaInfo", form: objects, members: []*property{{name: "questionId", form: text}, {name: "customQuestion", form: text}, {name: "answer", form: text, flags: private}}},
			{name: "aliasList", form: texts},
			{name: "consentedMappings", form: list},
		},
			series("frIndexedString", 20, text),
			series("frUnindexedString", 5, text),
			series("frIndexedMultivalued", 5, texts),
			series("frUnindexedMultivalued", 5, texts),
			series("frIndexedDate", 5, text),
			series("frUnindexedDate", 5, text),
			series("frIndexedInteger", 5, number),
			series("frUnindexedInteger", 5, number),
			[]*property{
				{name: "passwordLastChangedTime", form: text, flags: readOnly},
				{name: "passwordExpirationTime", form: text, flags: readOnly},
				{name: "effectiveRoles", form: list, flags: readOnly, relation: scim.Roles},
				{name: "effectiveAssignments", form: list, flags: readOnly},
				{name: "effectiveGroups", form: list, flags: readOnly, relation: scim.Groups},
				{name: "effectiveApplications", form: list, flags: readOnly},
				{name: "memberOfOrgIDs", form: list, flags: readOnly | idsOf, relation: scim.MemberOf},
				{name: "assignedDashboard", form: list, flags: readOnly},
				{name: "isMemberOf", form: anything, flags: readOnly},
				{name: "lastSync", form: object, flags: readOnly | private},
				{name: "deviceProfiles", form: texts, flags: onRequest},
				{name: "devicePrintProfiles", form: texts, flags: onRequest},
				{name: "oathDeviceProfiles", form: texts, flags: onRequest},
				{name: "pushDeviceProfiles", form: texts, flags: onRequest},
				{name: "webauthnDeviceProfiles", form: texts, flags: onRequest},
				{name: "manager", form: reference, home: scim.Path{Schema: scim.EnterpriseSchema, Attr: "manager", Sub: "value"}, relation: scim.Manager, to: []string{"user"}},
				{name: "reports", form: references, relation: scim.Reports, to: []string{"user"}},
				{name: "groups", form: references, relation: scim.Groups, to: []string{"group"}},
				{name: "roles", form: references, relation: scim.Roles, to: []string{"role"}},
				{name: "memberOfOrg", form: references, relation: scim.MemberOf, to: []string{"organization"}},
				{name: "adminOfOrg", form: references, relation: scim.AdminOf, to: []string{"organization"}},
				{name: "ownerOfOrg", form: references, relation: scim.OwnerOf, to: []string{"organization"}},
				// Nobody has any of these: what they refer to is not kept here.
				{name: "authzRoles", form: references},
				{name: "assignments", form: references},
				{name: "applications", form: references},
				{name: "ownerOfApp", form: references},
				{name: "_meta", form: reference, flags: readOnly},
			}),
	}
	groups = &kind{
		noun: "group", typ: "Group", extension: scim.ManagedGroupSchema, write: directory.WriteGroups, named: true,
		properties: []*property{
			{name: "name", form: text, flags: required, home: scim.Path{Attr: "displayName"}, rules: []policy{minLength(1), noSlash}},
			{name: "description", form: text},
			{name: "condition", form: text},
			{name: "members", form: references, relation: scim.Members, to: []string{"user", "group"}},
			{name: "_meta", form: reference, flags: readOnly},
		},
	}
	roles = &kind{
		noun: "role", typ: "ManagedRole", extension: scim.ManagedGroupSchema, write: directory.WriteGroups, unique: "name",
		properties: []*property{
			{name: "name", form: text, flags: required, home: scim.Path{Attr: "displayName"}, rules: []policy{minLength(1)}},
			{name: "description", form: text},
			{name: "condition", form: text},
			{name: "temporalConstraints", form: list},
			{name: "members", form: references, relation: scim.RoleMembers, to: []string{"user"}},
			{name: "assignments", form: references},
			{name: "applications", form: references},
			{name: "_meta", form: reference, flags: readOnly},
		},
	}
	organizations = &kind{
		noun: "organization", typ: "ManagedOrganization", extension: scim.ManagedGroupSchema, write: directory.WriteGroups,
		properties: []*property{
			{name: "name", form: text, flags: required, home: scim.Path{Attr: "displayName"}, rules: []policy{minLength(1)}},
			{name: "description", form: text},
			{name: "adminIDs", form: list, flags: readOnly | idsOf, relation: scim.Admins},
			{name: "ownerIDs", form: list, flags: readOnly | idsOf, relation: scim.Owners},
			{name: "parentIDs", form: list, flags: readOnly | idsOf, relation: scim.Parent},
			{name: "owners", form: references, relation: scim.Owners, to: []string{"user"}},
			{name: "admins", form: references, relation: scim.Admins, to: []string{"user"}},
			{name: "members", form: references, relation: scim.OrganizationMembers, to: []string{"user"}},
			{name: "parent", form: reference, relation: scim.Parent, to: []string{"organization"}},
			{name: "children", form: references, relation: scim.Children, to: []string{"organization"}},
			{name: "_meta", form: reference, flags: readOnly},
		},
	}
)

var kinds = []*kind{users, groups, roles, organizations}

// kindOf returns the kind of a canonical type.
func kindOf(typ string) *kind {
	for _, k := range kinds {
		if k.typ == typ {
			return k
		}
	}
	return nil
}

// canonicalType returns the type of the canonical resources.
func (k *kind) canonicalType() *scim.ResourceType {
	switch k {
	case users:
		return scim.UserType()
	case groups:
		return scim.GroupType()
	}
	return scim.ManagedType(k.typ)
}

// A form is the shape of a property's value.
type form uint8

const (
	anything form = iota
	text
	number
	boolean
	object
	objects // an array of objects
	texts   // an array of strings
	list    // an array of anything
	reference
	references // an array of references
)

// isList reports whether the property without a value is [] (AIC-064).
func (f form) isList() bool { return f == objects || f == texts || f == list }

// isRelation reports whether the property refers to other objects.
func (f form) isRelation() bool { return f == reference || f == references }

// flags say how a property is written and returned.
type flags uint8

const (
	required   flags = 1 << iota
	full             // with required: only where the whole schema is required (AIC-053)
	private          // never returned, whatever is asked (AIC-065), kept when a replacement lacks it (AIC-074)
	readOnly         // ignored in bodies (AIC-055)
	onRequest        // returned only when named
	credential       // the password
	idsOf            // the ids of the other ends of a relation
)

// A property is one name of a managed object: the vendor's schema, and where
// the value is kept (the dialect's section 4).
type property struct {
	name  string
	form  form
	flags flags
	// home is the canonical attribute. Without one the property is kept under
	// its own name in the kind's extension; a readOnly one is computed.
	home scim.Path
	// of says which element of a multi-valued home the property shows.
	of *element
	// relation is what a relationship is in canonical terms, or what a readOnly
	// property is computed of; to is the kinds of its other ends.
	relation scim.Relation
	to       []string
	rules    []policy
	members  []*property // of an object, or of the objects in an array
}

func (p *property) is(f flags) bool { return p.flags&f != 0 }

// extended reports whether the property is kept in the extension.
func (p *property) extended() bool {
	return p.home.Attr == "" && !p.is(readOnly|credential) && !p.form.isRelation()
}

// byDefault reports whether an answer that names no fields has the property.
func (p *property) byDefault() bool { return !p.is(private|onRequest) && !p.form.isRelation() }

// series returns name1 to nameN, the general-purpose properties.
func series(name string, n int, f form) []*property {
	s := make([]*property, n)
	for i := range s {
		s[i] = &property{name: name + strconv.Itoa(i+1), form: f}
	}
	return s
}

// property returns the property of this name, nil if the schema has none.
// Names are case-sensitive.
func (k *kind) property(name string) *property { return find(k.properties, name) }

func find(list []*property, name string) *property {
	for _, p := range list {
		if p.name == name {
			return p
		}
	}
	return nil
}

// at returns the property that shows the canonical attribute at path, nil if none does.
func (k *kind) at(path scim.Path) *property {
	if path.Schema == k.extension {
		return k.property(path.Attr)
	}
	var whole *property
	for _, p := range k.properties {
		switch {
		case p.home.Attr == "" || p.home.Schema != path.Schema || p.home.Attr != path.Attr:
		case p.home.Sub == path.Sub:
			return p
		case whole == nil && (path.Sub == "" || p.of != nil):
			whole = p
		}
	}
	return whole
}
