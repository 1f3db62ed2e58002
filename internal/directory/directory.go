// Package directory holds every rule of rollcall: who may do what, what a
// valid resource is, what is unique, how credentials are kept, who belongs to
// which group, and what is written down of it. The doors call it with what
// they understood of a request and word its answers; it knows no dialect.
package directory

import (
	"context"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Permission is what a route or a call needs. The zero Permission is held by nobody.
type Permission uint8

// The permissions.
const (
	_                Permission = iota
	Public                      // needs no credential: token endpoints, health
	ReadDirectory               // read users, groups, populations
	WriteUsers                  // create, change and delete users
	WriteGroups                 // create, change and delete groups, change membership
	ReadSchemas                 // discovery
	AdministerClient            // reserved for the administration of an environment's own data
)

// A Role is a set of permissions that a client has in its environment.
type Role string

// The roles of product.md: a reader reads, a writer also writes, an admin also
// administers the environment's data.
const (
	Reader Role = "reader"
	Writer Role = "writer"
	Admin  Role = "admin"
)

// A Caller is who asks: an authenticated client. It comes from the credential
// and from nothing else of a request.
type Caller struct {
	Client      string // the client's id
	Environment string // id of the environment that the client belongs to
	Role        Role
	Doors       []string // names of the doors that it may use; empty for all
	RequestID   string   // written to the change log and the audit rows
	Door        string   // the door it came through, for the audit rows

	tenant int64 // the environment's key in the store
	client int64 // the client's key in the store
}

// A Scope is where a call takes place: the environment named by the path, or
// the caller's own. Only this package compares it with the Caller.
type Scope struct {
	Environment string
}

// Home is the scope of the caller's own environment.
func (c Caller) Home() Scope { return Scope{Environment: c.Environment} }

// A Draft is a resource as a door proposes it, in canonical names. What the
// schema calls read-only in Attributes is ignored.
type Draft struct {
	Type string // User, Group
	// ID is the id that the client chose (Common REST); empty lets the directory choose.
	ID string
	// Attributes holds core attributes, externalId and password at the top and
	// extensions under their URIs; a group's members as {value, type}.
	Attributes *scim.Object
	// Population is the id of the user's population; empty is the environment's default one.
	Population string
	// MustChange makes the next sign-in ask for a new password; nil leaves it as it is.
	MustChange *bool
	// Groups are ids of groups that the new user joins in the same transaction.
	Groups []string
	// DefaultGroup also joins the environment's group Users.
	DefaultGroup bool
}

// A Precondition is what must hold of the stored resource for a write to
// happen. The zero Precondition always holds.
type Precondition struct {
	Absent  bool    // the id must be free (If-None-Match: *)
	Present bool    // the resource must exist (If-Match: *)
	Version []int64 // any of these versions (If-Match); empty for no condition
}

// Include says which computed parts a read fills.
type Include struct {
	Groups  bool // Resource.Groups of users and groups
	Members bool // Resource.Members of groups
}

// A Query selects and pages resources of one type.
type Query struct {
	Type    string
	Filter  *scim.Filter // resolved; nil selects all
	Start   int          // 1-based index of the first resource of the page
	Count   int          // at most so many; 0 counts only
	Include Include
}

// A Page is the answer to a Query, in order of creation.
type Page struct {
	Total     int // of all matches
	Start     int
	Resources []*scim.Resource
}

// Outcome says what a write that may create or replace did.
type Outcome uint8

// The outcomes.
const (
	Created Outcome = iota + 1
	Replaced
	Unchanged
)

// Create stores a new resource with its password, memberships, change-log and
// audit rows in one transaction.
//
// Errors: RuleForbidden; RuleNotFound for an environment that is not there;
// every validation rule; RuleUnique; RuleExists for a chosen id that is taken;
// RuleDangling for an unknown population, group or member; RulePassword; RuleBusy.
func (d *Directory) Create(ctx context.Context, c Caller, s Scope, dr Draft) (*scim.Resource, error) {
	panic("todo")
}

// Upsert creates the user, or replaces the one user that has the draft's
// externalId as Put would (p14e R7). Errors: as Create; RuleUnique on
// externalId when several users have it.
func (d *Directory) Upsert(ctx context.Context, c Caller, s Scope, dr Draft) (*scim.Resource, Outcome, error) {
	panic("todo")
}

// Put creates the resource at the draft's id, or replaces the one that is
// there. Errors: as Create; RuleExists when p.Absent and it is there;
// RuleNotFound when p asks for it and it is not; RuleVersion.
func (d *Directory) Put(ctx context.Context, c Caller, s Scope, dr Draft, p Precondition) (*scim.Resource, Outcome, error) {
	panic("todo")
}

// Read returns one resource. Errors: RuleForbidden, RuleNotFound.
func (d *Directory) Read(ctx context.Context, c Caller, s Scope, typ, id string, inc Include) (*scim.Resource, error) {
	panic("todo")
}

// Delete removes a resource and its memberships and returns it as it was, with
// its groups. Errors: RuleForbidden, RuleNotFound, RuleVersion, RuleProtected.
func (d *Directory) Delete(ctx context.Context, c Caller, s Scope, typ, id string, p Precondition) (*scim.Resource, error) {
	panic("todo")
}

// List answers a query. Errors: RuleForbidden, RuleTooMany.
func (d *Directory) List(ctx context.Context, c Caller, s Scope, q Query) (*Page, error) {
	panic("todo")
}

// An Environment is a tenant: nothing crosses it.
type Environment struct {
	ID                string
	Name              string
	DefaultPopulation string // id
	DefaultGroup      string // id of the group Users
	Created           time.Time
}

// Environment returns the environment of the scope as the caller may see it.
func (d *Directory) Environment(ctx context.Context, c Caller, s Scope) (*Environment, error) {
	panic("todo")
}

// Directory is the core. Its fields are set once, before the first call.
type Directory struct {
	// Now is the clock that stamps data.
	Now func() time.Time
	// NewID makes the ids of new resources: UUIDs in lower case.
	NewID func() string
}
