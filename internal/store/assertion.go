package store

import "time"

// InsertAssertion stores that the client has used the assertion with this
// identifier, of which only the SHA-256 is kept, and forgets those of all clients
// of the environment that expired before now. Errors: ErrKeyTaken if it was used already.
func (tx *Tx) InsertAssertion(tid, cid int64, jti []byte, now, expires time.Time) error {
	if _, err := tx.exec("DELETE FROM assertion WHERE tid = $1 AND expires < $2", tid, millis(now)); err != nil {
		return err
	}
	_, err := tx.exec("INSERT INTO assertion(tid, cid, jti, expires) VALUES ($1, $2, $3, $4)", tid, cid, jti, millis(expires))
	return err
}
