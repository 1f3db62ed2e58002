package scim

// A Relation is what other resources are to a resource. Relations come in
// pairs: if one resource is a member of another, that is one of its groups.
type Relation uint8

// The relations, each with its reverse after it.
const (
	Members             Relation = iota + 1 // of a group
	Groups                                  // of a user or a group
	Reports                                 // of a user: who is managed by it
	Manager                                 // of a user
	RoleMembers                             // of a role
	Roles                                   // of a user
	OrganizationMembers                     // of an organization
	MemberOf                                // of a user: organizations
	Admins                                  // of an organization
	AdminOf                                 // of a user: organizations
	Owners                                  // of an organization
	OwnerOf                                 // of a user: organizations
	Children                                // of an organization
	Parent                                  // of an organization
)

// String returns the name of the relation, which those of different types share.
func (r Relation) String() string {
	names := [...]string{
		Members: "members", Groups: "groups", Reports: "reports", Manager: "manager", RoleMembers: "members", Roles: "roles",
		OrganizationMembers: "members", MemberOf: "memberOfOrg", Admins: "admins", AdminOf: "adminOfOrg", Owners: "owners", OwnerOf: "ownerOfOrg",
		Children: "children", Parent: "parent",
	}
	return names[r]
}

// Reverse returns the relation seen from the other side.
func (r Relation) Reverse() Relation { return (r - 1) ^ 1 + 1 }
