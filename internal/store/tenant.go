package store

import "time"

// A Tenant is an environment: the root of isolation.
type Tenant struct {
	TID          int64
	ID           string // public, unique
	Name         string
	NameKey      string // folded, unique
	Settings     []byte // JSON object; empty is {}
	DefaultPop   int64  // RID of the default population; 0 for none yet
	DefaultGroup int64  // RID of the group Users; 0 for none yet
	Version      int64
	Created      time.Time
	Modified     time.Time

	// Filled by reads, ignored by writes: the public ids of the two.
	DefaultPopulationID string
	DefaultGroupID      string
}

// InsertTenant stores a new environment with its counters and the default set
// of indexed attributes, and sets t.TID. Errors: ErrIDTaken, ErrKeyTaken.
func (tx *Tx) InsertTenant(t *Tenant) error { panic("todo") }

// UpdateTenant stores Name, NameKey, Settings, DefaultPop, DefaultGroup,
// Version and Modified of the environment. Errors: ErrNotFound, ErrKeyTaken.
func (tx *Tx) UpdateTenant(t *Tenant) error { panic("todo") }

// Tenant returns the environment of this public id. Errors: ErrNotFound.
func (tx *Tx) Tenant(id string) (*Tenant, error) { panic("todo") }

// TenantByName returns the environment of this NameKey. Errors: ErrNotFound.
func (tx *Tx) TenantByName(key string) (*Tenant, error) { panic("todo") }

// Tenants returns all environments in order of creation.
func (tx *Tx) Tenants() ([]*Tenant, error) { panic("todo") }
