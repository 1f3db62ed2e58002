package store

import (
	"database/sql"
	"time"
)

// A Purpose is what a Confirmation lets the holder of its token do. Numbers
// are stored: they are never reused.
type Purpose int64

// The purposes.
const (
	ResetPassword Purpose = iota + 1
	Register
)

// A Confirmation is a token that was handed out to a user and not yet used. A
// user has at most one for each purpose.
type Confirmation struct {
	TID      int64
	RID      int64
	Purpose  Purpose
	Hash     []byte // SHA-256 of the token
	Created  time.Time
	Expires  time.Time
	Redirect string // URL to go to when it is done; may be empty
}

// SetConfirmation stores the confirmation in the place of the one that the
// user has for the purpose, if any.
func (tx *Tx) SetConfirmation(c *Confirmation) error {
	_, err := tx.exec(`INSERT INTO confirmation(tid, rid, purpose, hash, created, expires, redirect) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (`+tx.key("rid, purpose")+`) DO UPDATE SET hash = $4, created = $5, expires = $6, redirect = $7`,
		c.TID, c.RID, c.Purpose, c.Hash, millis(c.Created), millis(c.Expires), c.Redirect)
	return err
}

// Confirmation returns the user's confirmation for the purpose, expired or
// not. Errors: ErrNotFound.
func (tx *Tx) Confirmation(tid, rid int64, p Purpose) (*Confirmation, error) {
	return first(tx, func(s scan) (*Confirmation, error) {
		c := Confirmation{TID: tid, RID: rid, Purpose: p}
		var created, expires sql.NullInt64
		err := s(&c.Hash, &created, &expires, &c.Redirect)
		c.Created, c.Expires = moment(created), moment(expires)
		return &c, err
	}, "SELECT hash, created, expires, redirect FROM confirmation WHERE tid = $1 AND rid = $2 AND purpose = $3"+tx.lock("UPDATE"), tid, rid, p)
}

// DeleteConfirmation ends the user's confirmation for the purpose, if there is one.
func (tx *Tx) DeleteConfirmation(tid, rid int64, p Purpose) error {
	_, err := tx.exec("DELETE FROM confirmation WHERE tid = $1 AND rid = $2 AND purpose = $3", tid, rid, p)
	return err
}

// Confirming returns those of the public ids of users that have a confirmation
// for the purpose.
func (tx *Tx) Confirming(tid int64, p Purpose, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return list(tx, func(s scan) (id string, err error) { return id, s(&id) },
		"SELECT r.id FROM "+tx.listed("$1", "text")+` CROSS JOIN resource r CROSS JOIN confirmation c
		WHERE r.tid = $2 AND r.type = $3 AND r.id = w.value AND c.tid = r.tid AND c.rid = r.rid AND c.purpose = $4`, ids, tid, User, p)
}
