package store

import (
	"database/sql"
	"time"
)

// An Op is what happened to a resource.
type Op int64

// The operations. Numbers are stored: they are never reused.
const (
	OpCreate Op = iota + 1
	OpUpdate
	OpDelete
	OpAnswer // of a request that was accepted to be done later; the ID is that of what it was about, if that is known
)

// A Change is a row of the change log: one event of one resource, from which
// feeds are made.
type Change struct {
	Seq     int64 // rising in the order of commits
	TID     int64
	At      time.Time
	Op      Op
	Type    Type
	ID      string // the resource's
	Version int64  // after the change
	Actor   int64  // CID of the client; 0 for the server itself
	Request string // request id
	Detail  []byte // JSON; nil for none
}

// An Audit is a row of the audit log: who asked for what, and how it ended.
type Audit struct {
	Seq     int64
	TID     int64 // 0 if no environment is known
	At      time.Time
	Client  string // public id, as claimed or proven
	Door    string
	Action  string
	Type    string // of the resource
	ID      string
	Outcome string
	Request string
	Detail  []byte // JSON; nil for none
}

// AppendChange writes to the change log.
func (tx *Tx) AppendChange(c *Change) error {
	_, err := tx.appendChange(c, false)
	return err
}

// AppendAnswer writes to the change log and sets c.Seq.
func (tx *Tx) AppendAnswer(c *Change) error {
	seq, err := tx.appendChange(c, true)
	if err == nil {
		c.Seq = seq
	}
	return err
}

func (tx *Tx) appendChange(c *Change, number bool) (int64, error) {
	return tx.db.engine.appendChange(tx, number, c.TID, millis(c.At), c.Op, c.Type, c.ID, c.Version, c.Actor, c.Request, nullable(string(c.Detail)))
}

const selectChange = "SELECT seq, tid, at, op, type, id, version, actor, request, detail FROM change "

func scanChange(s scan) (*Change, error) {
	var c Change
	var at sql.NullInt64
	err := s(&c.Seq, &c.TID, &at, &c.Op, &c.Type, &c.ID, &c.Version, &c.Actor, &c.Request, &c.Detail)
	c.At = moment(at)
	return &c, err
}

// Changes returns at most limit changes of the environment after seq, in order.
func (tx *Tx) Changes(tid, seq int64, limit int) ([]*Change, error) {
	return list(tx, scanChange, selectChange+"WHERE tid = $1 AND seq > $2"+tx.db.engine.settled()+" ORDER BY seq LIMIT $3 + 0", tid, seq, limit)
}

// Change returns the change of this number. Errors: ErrNotFound.
func (tx *Tx) Change(tid, seq int64) (*Change, error) {
	return first(tx, scanChange, selectChange+"WHERE tid = $1 AND seq = $2", tid, seq)
}

// ChangeTimes returns when those of the environment's changes were made that there are, by their Seq.
func (tx *Tx) ChangeTimes(tid int64, seqs []int64) (map[int64]time.Time, error) {
	times := make(map[int64]time.Time, len(seqs))
	err := tx.each(func(s scan) error {
		var seq int64
		var at sql.NullInt64
		err := s(&seq, &at)
		times[seq] = moment(at)
		return err
	}, "SELECT c.seq, c.at FROM "+tx.listed("$2", "bigint")+" CROSS JOIN change c WHERE c.tid = $1 AND c.seq = w.value", tid, seqs)
	return times, err
}

// LastChange returns the Seq of the newest change of the environment, 0 if there is none.
func (tx *Tx) LastChange(tid int64) (int64, error) {
	return first(tx, scanInt, "SELECT coalesce(max(seq), 0) FROM change WHERE tid = $1"+tx.db.engine.settled(), tid)
}

// AppendAudit writes to the audit log.
func (tx *Tx) AppendAudit(a *Audit) error {
	return tx.push("INSERT INTO audit(tid, at, client, door, action, type, id, outcome, request, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		a.TID, millis(a.At), a.Client, a.Door, a.Action, a.Type, a.ID, a.Outcome, a.Request, nullable(string(a.Detail)))
}

// Audits returns at most limit rows of the environment's audit log after seq,
// in order; tid 0 asks for the rows of no environment.
func (tx *Tx) Audits(tid, seq int64, limit int) ([]*Audit, error) {
	return list(tx, func(s scan) (*Audit, error) {
		var a Audit
		var at sql.NullInt64
		err := s(&a.Seq, &a.TID, &at, &a.Client, &a.Door, &a.Action, &a.Type, &a.ID, &a.Outcome, &a.Request, &a.Detail)
		a.At = moment(at)
		return &a, err
	}, "SELECT seq, tid, at, client, door, action, type, id, outcome, request, detail FROM audit WHERE tid = $1 AND seq > $2 ORDER BY seq LIMIT $3 + 0",
		tid, seq, limit)
}
