package store

import (
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Type is a kind of resource, as rows name it.
type Type int64

// The types. Numbers are stored: they are never reused.
const (
	User Type = iota + 1
	Group
	Population
)

// String returns the name that scim has for the type.
func (t Type) String() string { panic("todo") }

// A Row is one resource.
type Row struct {
	RID        int64 // the key inside the store; rising in order of creation, never reused
	TID        int64 // the environment's
	Type       Type
	ID         string // public, unique in environment and type
	Key        string // unique in environment and type: userName's PRECIS key, the folded displayName or name; empty for none
	ExternalID string // empty for none; several rows may have the same
	Pop        int64  // RID of a user's population; 0 for none
	Version    int64
	Created    time.Time // milliseconds are kept
	Modified   time.Time
	Doc        []byte // attributes as canonical JSON

	// Filled by reads, ignored by writes.
	Population      string // public id of Pop
	HasPassword     bool
	MustChange      bool
	PasswordChanged time.Time // zero without a password
	LastLogin       time.Time
}

// Resource returns the row as a resource, without Groups and Members. Calls
// give the same one: its attributes are parsed once.
func (r *Row) Resource() *scim.Resource { panic("todo") }

// Insert stores a new resource and its index rows, counts it, and sets r.RID.
// attrs is what r.Doc says, as a tree. Errors: ErrIDTaken, ErrKeyTaken.
func (tx *Tx) Insert(r *Row, attrs *scim.Object) error { panic("todo") }

// Replace stores r over old, as it was read: ID, Key, ExternalID, Pop, Version,
// Modified and Doc may differ. attrs is what r.Doc says. The caller raises
// Version. Errors: ErrStale if old's Version is not the stored one or the row is gone, ErrIDTaken, ErrKeyTaken.
func (tx *Tx) Replace(old, r *Row, attrs *scim.Object) error { panic("todo") }

// Delete removes a resource as it was read with its index rows, credential and
// memberships on both sides, and counts it out. Users keep pointing at a
// deleted population: the caller makes sure there are none. Errors: ErrStale.
func (tx *Tx) Delete(r *Row) error { panic("todo") }

// ByID returns the resource of this public id. Errors: ErrNotFound.
func (tx *Tx) ByID(tid int64, t Type, id string) (*Row, error) { panic("todo") }

// ByKey returns the resource of this key. Errors: ErrNotFound.
func (tx *Tx) ByKey(tid int64, t Type, key string) (*Row, error) { panic("todo") }

// ByRID returns the resource of this RID. Errors: ErrNotFound.
func (tx *Tx) ByRID(rid int64) (*Row, error) { panic("todo") }

// ByExternalID returns the resources of this externalId in order of creation,
// at most limit of them.
func (tx *Tx) ByExternalID(tid int64, t Type, externalID string, limit int) ([]*Row, error) {
	panic("todo")
}

// Count returns how many resources of the type there are.
func (tx *Tx) Count(tid int64, t Type) (int, error) { panic("todo") }

// Resolve returns the RIDs of those of the public ids that exist.
func (tx *Tx) Resolve(tid int64, t Type, ids []string) (map[string]int64, error) { panic("todo") }
