package scim

import "time"

// A Resource is one stored thing: its header, which the server keeps, and its
// attributes, which clients write.
type Resource struct {
	Type       string // the resource type's name: User, Group
	ID         string
	Version    int64
	Created    time.Time // UTC, milliseconds
	Modified   time.Time
	Population string // id of the user's population; empty for other types

	// State of the user's credential.
	HasPassword     bool
	MustChange      bool      // a new password is due at the next sign-in
	PasswordChanged time.Time // zero without a password
	LastLogin       time.Time // zero before the first sign-in

	// Manager is the user that the attribute manager refers to; nil without one.
	Manager *Reference

	// Groups are the groups that the resource belongs to; Members, a group's
	// members. Both are filled only when the read asked for them.
	Groups  []Reference
	Members []Reference
	// Related are the other ends of those relations that the read asked for.
	Related map[Relation][]Reference

	doc    []byte
	tree   *Object
	looked int // times that get has searched doc
}

// A Reference is one end of a relation.
type Reference struct {
	ID       string
	Type     string // User, Group, ManagedRole, ManagedOrganization
	Name     string // userName or displayName, as stored
	Display  string // displayName, else userName
	Indirect bool   // through another group, or the parent of an organization
}

// NewResource returns a resource whose attributes are the JSON object doc, in
// canonical names and order, externalId included; without id, schemas, meta,
// groups, members and password.
func NewResource(doc []byte) *Resource { return &Resource{doc: doc} }

// Doc returns the attributes as canonical JSON. It must not be changed.
func (r *Resource) Doc() []byte { return r.doc }

// With returns a copy of the resource with other attributes, in canonical names and order.
func (r *Resource) With(attributes *Object) *Resource {
	out := *r
	out.doc, out.tree = attributes.AppendJSON(nil), attributes
	return &out
}

// maxLooks is how often a document is searched before all of it is read.
const maxLooks = 3

// get returns the attribute, or the extension, of that name. What is asked for
// little reads no more of its document than that: filters look at one
// attribute of each of very many.
func (r *Resource) get(name string) Value {
	if r.tree == nil && r.looked < maxLooks {
		r.looked++
		if v, ok := peek(r.doc, name); ok {
			return v
		}
	}
	return r.Attributes().Get(name)
}

// Attributes returns the attributes as a tree, read from Doc at the first
// call. It must not be changed.
func (r *Resource) Attributes() *Object {
	if r.tree == nil {
		r.tree = decode(r.doc)
	}
	return r.tree
}
