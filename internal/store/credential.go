package store

import "time"

// A Credential is the state of a user's password.
type Credential struct {
	RID         int64
	Hash        string    // PHC string; empty for no password
	Changed     time.Time // of Hash; zero without one
	MustChange  bool      // possible without a password too
	Failures    int
	LockedUntil time.Time
	History     []string // hashes before this one, newest first
	LastLogin   time.Time
}

// Credential returns the credential of a user. Errors: ErrNotFound.
func (tx *Tx) Credential(rid int64) (*Credential, error) { panic("todo") }

// SetCredential stores the credential of a user, whether there was one or not.
func (tx *Tx) SetCredential(c *Credential) error { panic("todo") }
