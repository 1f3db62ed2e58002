package store

import (
	"database/sql"
	"time"
)

// A Promise is an operation that was accepted to be done later.
type Promise struct {
	Txn   string // of the request
	N     int64  // index of the operation in a bulk request, else 0
	TID   int64
	CID   int64 // of the client that asked
	At    time.Time
	Asked []byte // JSON: what of it the answer repeats
	Seq   int64  // of the Change with the answer; 0 until there is one
}

// InsertPromise stores a new promise. Errors: ErrKeyTaken.
func (tx *Tx) InsertPromise(p *Promise) error {
	_, err := tx.exec("INSERT INTO promise(txn, n, tid, cid, at, asked, seq) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		p.Txn, p.N, p.TID, p.CID, millis(p.At), string(p.Asked), nullable(p.Seq))
	return err
}

// KeepPromise stores p.Seq. Errors: ErrNotFound if there is no such promise or
// it is kept already.
func (tx *Tx) KeepPromise(p *Promise) error {
	return tx.must("UPDATE promise SET seq = $1 WHERE tid = $2 AND txn = $3 AND n = $4 AND seq IS NULL", p.Seq, p.TID, p.Txn, p.N)
}

const selectPromise = "SELECT txn, n, tid, cid, at, asked, coalesce(seq, 0) FROM promise "

func scanPromise(s scan) (*Promise, error) {
	var p Promise
	var at sql.NullInt64
	err := s(&p.Txn, &p.N, &p.TID, &p.CID, &at, &p.Asked, &p.Seq)
	p.At = moment(at)
	return &p, err
}

// Promises returns those of a request, in order.
func (tx *Tx) Promises(tid int64, txn string) ([]*Promise, error) {
	return list(tx, scanPromise, selectPromise+"WHERE tid = $1 AND txn = $2 ORDER BY n", tid, txn)
}

// OpenPromises returns those of all environments that are not kept.
func (tx *Tx) OpenPromises() ([]*Promise, error) {
	return list(tx, scanPromise, "-- reads everything\n"+selectPromise+"WHERE seq IS NULL ORDER BY txn, n")
}
