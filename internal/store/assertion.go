package store

import "time"

// InsertAssertion stores that the client has used the assertion with this
// identifier, of which only the SHA-256 is kept, and forgets those of all
// clients that expired before now. Errors: ErrKeyTaken if it was used already.
func (tx *Tx) InsertAssertion(cid int64, jti []byte, now, expires time.Time) error {
	if _, err := tx.exec("DELETE FROM assertion WHERE expires < $1", millis(now)); err != nil {
		return err
	}
	_, err := tx.exec("INSERT INTO assertion(cid, jti, expires) VALUES ($1, $2, $3)", cid, jti, millis(expires))
	return err
}
