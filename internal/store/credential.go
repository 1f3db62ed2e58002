package store

import (
	"database/sql"
	"encoding/json"
	"time"
)

// A Credential is the state of a user's password.
type Credential struct {
	TID         int64
	RID         int64
	Hash        string    // PHC string; empty for no password
	Changed     time.Time // of Hash; zero without one
	MustChange  bool      // possible without a password too
	Failures    int       // in a row
	Failed      time.Time // the last of them
	LockedUntil time.Time
	History     []string // hashes before this one, newest first
	LastLogin   time.Time
}

// Credential returns the credential of a user. Errors: ErrNotFound.
func (tx *Tx) Credential(tid, rid int64) (*Credential, error) {
	return first(tx, func(s scan) (*Credential, error) {
		c := Credential{TID: tid, RID: rid}
		var changed, failed, locked, login sql.NullInt64
		var history sql.NullString
		if err := s(&c.Hash, &changed, &c.MustChange, &c.Failures, &failed, &locked, &history, &login); err != nil {
			return nil, err
		}
		c.Changed, c.Failed, c.LockedUntil, c.LastLogin = moment(changed), moment(failed), moment(locked), moment(login)
		if history.Valid {
			return &c, json.Unmarshal([]byte(history.String), &c.History)
		}
		return &c, nil
	}, "SELECT coalesce(hash, ''), changed, must_change, failures, failed, locked_until, history, last_login FROM credential WHERE tid = $1 AND rid = $2"+tx.lock("UPDATE"), tid, rid)
}

// SetCredential stores the credential of a user, whether there was one or not.
func (tx *Tx) SetCredential(c *Credential) error {
	var history any
	if len(c.History) > 0 {
		list, err := json.Marshal(c.History)
		if err != nil {
			return err
		}
		history = string(list)
	}
	_, err := tx.exec(`INSERT INTO credential(tid, rid, hash, changed, must_change, failures, failed, locked_until, history, last_login)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (`+tx.key("rid")+`) DO UPDATE SET hash = $3, changed = $4, must_change = $5, failures = $6, failed = $7, locked_until = $8, history = $9, last_login = $10`,
		c.TID, c.RID, nullable(c.Hash), millis(c.Changed), c.MustChange, c.Failures, millis(c.Failed), millis(c.LockedUntil), history, millis(c.LastLogin))
	return err
}

// ChangedPasswords returns the users of an environment whose password was
// changed after one instant and not after another, in order of creation. It
// reads all credentials.
func (tx *Tx) ChangedPasswords(tid int64, after, until time.Time) ([]*Row, error) {
	return list(tx, scanRow, "-- reads everything\n"+selectRow+"WHERE r.tid = $1 AND r.type = $2 AND c.changed > $3 AND c.changed <= $4 ORDER BY r.rid",
		tid, User, millis(after), millis(until))
}
