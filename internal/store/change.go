package store

import "time"

// An Op is what happened to a resource.
type Op int64

// The operations. Numbers are stored: they are never reused.
const (
	OpCreate Op = iota + 1
	OpUpdate
	OpDelete
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
	Detail  []byte // JSON; empty for none
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
	Detail  []byte // JSON; empty for none
}

// AppendChange writes to the change log and sets c.Seq.
func (tx *Tx) AppendChange(c *Change) error { panic("todo") }

// Changes returns at most limit changes of the environment after seq, in order.
func (tx *Tx) Changes(tid, seq int64, limit int) ([]*Change, error) { panic("todo") }

// AppendAudit writes to the audit log and sets a.Seq.
func (tx *Tx) AppendAudit(a *Audit) error { panic("todo") }

// Audits returns at most limit rows of the environment's audit log after seq, in order.
func (tx *Tx) Audits(tid, seq int64, limit int) ([]*Audit, error) { panic("todo") }
