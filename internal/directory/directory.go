// Package directory holds every rule of rollcall: who may do what, what a
// valid resource is, what is unique, how credentials are kept, who belongs to
// which group, and what is written down of it. The doors call it with what
// they understood of a request and word its answers; it knows no dialect.
package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A Permission is what a route or a call needs. The zero Permission is held by nobody.
type Permission uint8

// The permissions.
const (
	_              Permission = iota
	Public                    // needs no credential: token endpoints, health
	ReadDirectory             // read users, groups, populations
	WriteUsers                // create, change and delete users
	WriteGroups               // create, change and delete groups, roles and organizations, change membership
	ReadSchemas               // discovery
	Administer                // administer the environment's own data: schemas, clients' settings
	WriteResources            // create, change and delete resources of the types that the environment defines
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

// May reports whether the role holds the permission.
func (r Role) May(p Permission) bool {
	switch p {
	case Public:
		return true
	case ReadDirectory, ReadSchemas:
		return r == Reader || r == Writer || r == Admin
	case WriteUsers, WriteGroups, WriteResources:
		return r == Writer || r == Admin
	case Administer:
		return r == Admin
	}
	return false
}

// A Caller is who asks: an authenticated client. It comes from the credential
// and from nothing else of a request.
type Caller struct {
	Client      string // the client's id
	Environment string // id of the environment that the client belongs to
	Role        Role
	Doors       []string // names of the doors that it may use; empty for all
	RequestID   string   // written to the change log and the audit rows
	Door        string   // the door it came through, for the audit rows
	Settings    ClientSettings
	User        string   // id of the user that the client is bound to, empty for none
	Trace       *Trace   // of this request, or of this operation of it; nil for none
	External    External // for the audit rows

	elsewhere []string // ids of the other environments that it may act in

	limits  *limits // of the client, nil for none
	tenant  int64   // the environment's key in the store
	client  int64   // the client's key in the store
	secret  int64   // the key of the secret that proved it
	version int64   // of the environment, see typeSet
}

// A Scope is where a call takes place: the environment named by the path, or
// the caller's own. Only this package compares it with the Caller.
type Scope struct {
	Environment string
}

// External is what a client's own systems call the request (pingone A13).
type External struct{ Transaction, Session string }

// Home is the scope of the caller's own environment.
func (c Caller) Home() Scope { return Scope{Environment: c.Environment} }

// A Draft is a resource as a door proposes it, in canonical names. What the
// schema calls read-only in Attributes is ignored.
type Draft struct {
	Type string // User, Group, ManagedRole, ManagedOrganization, or one that the environment defines
	// ID is the id that the client chose (Common REST); empty lets the directory choose.
	ID string
	// Attributes holds core attributes, externalId and password at the top and
	// extensions under their URIs; a group's members as {value, type}.
	Attributes *scim.Object
	// Population is the id of the user's population; empty is the environment's default one.
	Population string
	// EncodedPassword takes a password that begins with the name of an encoding,
	// as {SSHA512}, for a hash that another directory has made (pingone B10).
	EncodedPassword bool
	// MustChange makes the next sign-in ask for a new password; nil leaves it as it is.
	MustChange *bool
	// Groups are ids of groups that the user joins in the same transaction.
	Groups []string
	// Relations are the other ends that a new resource gets in the same transaction.
	Relations []MemberChange
	// Include says what of a new resource is read beside what the draft gives it.
	Include Include
	// DefaultGroup lets a new user also join the environment's group Users.
	DefaultGroup bool
	// NoCycles refuses members by which a group would contain itself.
	NoCycles bool
	// AnyManager keeps a manager whom nobody knows, as text, and notes it in the
	// audit row as unknown-manager: many clients write a name or the id of
	// another system there.
	AnyManager bool
	// Merge makes the attributes that replace those of a stored resource, old,
	// so that a dialect keeps what it cannot express. It must be pure and
	// quick: it runs inside the transaction. Nil replaces old by Attributes.
	Merge func(old *scim.Object) *scim.Object
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
	// Relations are those that Resource.Related has. Of groups and organizations
	// it also has those that the resource belongs to through others.
	Relations []scim.Relation
}

// A Query selects, sorts and pages resources of one type.
type Query struct {
	Type   string
	Filter *scim.Filter // resolved; nil selects all
	// Sort is by what the page is sorted, resolved, the most significant key
	// first. Without it, and where all keys are equal, the order is that of
	// creation (of its reverse, if the first key is descending), which is total
	// and never changes.
	Sort []scim.SortKey
	// Start is the 1-based index of the first resource of the page. Cursor, if
	// it is set, says instead where the page begins or ends.
	Start   int
	Cursor  *Position
	Count   int  // at most so many; 0 counts only
	Places  bool // Page.Places is asked for
	NoTotal bool // nobody asks for Page.Total, which may save much of the work
	Include Include
}

// A Position is a place between two resources in the order of a list: a page
// begins after it or, if Back is set, ends before it. It holds while others
// write: a walk from position to position meets every resource that is there
// throughout, and keeps its sort keys, exactly once (scim CUR-18, aic AIC-157).
//
// It is plain data, safe to make up: the door that gives it to clients makes
// sure that it comes back with the same query and unread.
type Position struct {
	Keys []string // what the resource at hand is sorted by; opaque
	RID  int64    // the key of that resource
	Back bool
}

// Compare is negative if p comes before q in a list sorted by the keys, positive
// if after. Places are those of one order in lists of several types too, if
// all are sorted by an attribute of one name.
func (p Position) Compare(q Position, by []scim.SortKey) int {
	return store.Position(p).Compare(store.Position(q), by)
}

// A Page is the answer to a Query.
type Page struct {
	Total     int // of all matches; anything if Query.NoTotal
	Start     int // of the query; 0 with a Cursor
	Resources []*scim.Resource
	Places    []Position // of Resources, if Query.Places: a page may begin after each
	// Next is the Cursor of the page after this one, nil on the last page;
	// Previous is that of the page before this one, nil on the first. A page
	// that was only to count has neither.
	Next, Previous *Position
}

// Outcome says what a write that may create or replace did.
type Outcome uint8

// The outcomes.
const (
	Created Outcome = iota + 1
	Replaced
	Unchanged
)

// Directory is the core. Open makes one.
type Directory struct {
	db     *store.DB
	hasher *hasher
	policy Policy
	now    func() time.Time
	newID  func() string
	types  typeCache

	callers callerCache

	maxLifetime time.Duration // of clients' secrets
}

// Config is what Open needs to know. Its zero values but Path are useful.
type Config struct {
	// Path is the data directory; it is created with mode 0700.
	Path string
	// Database is the URL of a PostgreSQL database in which the data are
	// instead (store.Config.URL).
	Database string
	// Synchronous says that writes are to be kept by another server too when they
	// are acknowledged. Where they are not the directory is not Ready.
	Synchronous bool
	// Existing makes no new data: store.ErrNoData if there is none.
	Existing bool
	// Now is the clock that stamps data; time.Now when nil.
	Now func() time.Time
	// NewID makes the ids of new resources; UUIDs of version 7 when nil, so
	// that those of one time lie side by side in the indexes.
	NewID func() string
	// Policy is the password policy; DefaultPolicy when nil.
	Policy *Policy
	// MaxLifetime is how long a client's secret may be good (scim SEC-04);
	// DefaultMaxLifetime when 0.
	MaxLifetime time.Duration
	// ScanRows is how many resources a filter without an index may look at
	// (scim LST-06); 200,000 when 0.
	ScanRows int
}

// DefaultMaxLifetime is a year: clients such as Microsoft Entra ID hold one
// secret that people replace by hand.
const DefaultMaxLifetime = 365 * 24 * time.Hour

// Open opens the directory's data, migrating it when it is of an earlier
// version. Close must be called.
func Open(ctx context.Context, cfg Config) (*Directory, error) {
	db, err := store.Open(ctx, store.Config{URL: cfg.Database, Synchronous: cfg.Synchronous, Path: filepath.Join(cfg.Path, "rollcall.db"), Existing: cfg.Existing, ScanRows: cfg.ScanRows})
	if err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	d := &Directory{db: db, hasher: newHasher(), policy: DefaultPolicy, now: time.Now, newID: newUUID,
		maxLifetime: cmp.Or(cfg.MaxLifetime, DefaultMaxLifetime)}
	if cfg.Now != nil {
		d.now = cfg.Now
	}
	if cfg.NewID != nil {
		d.newID = cfg.NewID
	}
	if cfg.Policy != nil {
		d.policy = *cfg.Policy
	}
	return d, nil
}

// Close finishes what was accepted and closes the data.
func (d *Directory) Close() error { return d.db.Close() }

// Now returns the time that the directory stamps data with.
func (d *Directory) Now() time.Time { return d.now() }

// Place returns where the data are, for people.
func (d *Directory) Place() string { return d.db.Place() }

// Shared reports whether other programs may serve the same data.
func (d *Directory) Shared() bool { return d.db.Shared() }

// Alone runs fn while no other program that serves the same data runs one under
// the same name: see store.DB.Alone.
func (d *Directory) Alone(ctx context.Context, name string, fn func(context.Context) error) error {
	return d.db.Alone(ctx, name, fn)
}

// Ready reports whether the directory can serve: what is kept of a write, "disk",
// or "standby" where it is on another server too, or why it cannot. What is weaker
// than the store is configured to keep is said behind that; it is an error where
// Config.Synchronous asks for more.
func (d *Directory) Ready(ctx context.Context) (durability string, err error) {
	g, err := d.db.Guarantee(ctx)
	if err != nil {
		return "", err
	}
	durability = g.Durability().String()
	if weaker := g.Weaker(); weaker != "" {
		if g.Required {
			return "", errors.New(weaker)
		}
		durability += ", weaker than configured"
	}
	return durability, nil
}

// A Load says how busy the directory is.
type Load struct {
	WritesWaiting int   // for their turn
	Writes        int64 // answered after a commit, since Open
	Commits       int64 // the transactions that the writes shared
	HashesRunning int   // passwords being hashed or checked
	HashesWaiting int   // for their turn
}

// Load returns the figures of the moment. It waits for nothing.
func (d *Directory) Load() Load {
	s, running := d.db.Stats(), len(d.hasher.slots)
	return Load{WritesWaiting: s.Waiting, Writes: s.Written, Commits: s.Commits,
		HashesRunning: running, HashesWaiting: max(0, len(d.hasher.queue)-running)}
}

func newUUID() string { return uuid.Must(uuid.NewV7()).String() }
