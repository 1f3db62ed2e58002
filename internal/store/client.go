package store

import "time"

// A Client is an API caller of one environment.
type Client struct {
	CID      int64
	TID      int64
	ID       string // public, unique over all environments
	Name     string
	Role     string
	Doors    []string // empty for all
	Created  time.Time
	Disabled bool
}

// A Secret is what proves a client; only its hash is kept.
type Secret struct {
	SID      int64
	CID      int64
	Hash     []byte // SHA-256 of the secret, unique
	Created  time.Time
	Expires  time.Time // zero for never
	Revoked  time.Time // zero for not
	LastUsed time.Time // zero for not yet
}

// A Login is all that a secret proves.
type Login struct {
	Client Client
	Secret Secret
	Tenant Tenant
}

// InsertClient stores a new client and sets c.CID. Errors: ErrIDTaken.
func (tx *Tx) InsertClient(c *Client) error { panic("todo") }

// UpdateClient stores Name, Role, Doors and Disabled. Errors: ErrNotFound.
func (tx *Tx) UpdateClient(c *Client) error { panic("todo") }

// Client returns the client of this public id. Errors: ErrNotFound.
func (tx *Tx) Client(id string) (*Client, error) { panic("todo") }

// Clients returns the clients of an environment in order of creation.
func (tx *Tx) Clients(tid int64) ([]*Client, error) { panic("todo") }

// InsertSecret stores a new secret and sets s.SID. Errors: ErrKeyTaken.
func (tx *Tx) InsertSecret(s *Secret) error { panic("todo") }

// UpdateSecret stores Expires, Revoked and LastUsed. Errors: ErrNotFound.
func (tx *Tx) UpdateSecret(s *Secret) error { panic("todo") }

// Secrets returns the secrets of a client in order of creation, dead ones too.
func (tx *Tx) Secrets(cid int64) ([]*Secret, error) { panic("todo") }

// SecretByHash returns the secret, its client and environment, live or not:
// the caller judges. Errors: ErrNotFound.
func (tx *Tx) SecretByHash(hash []byte) (*Login, error) { panic("todo") }
