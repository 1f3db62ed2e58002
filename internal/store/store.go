// Package store keeps rollcall's rows in SQL: it opens the database, migrates
// it, and runs transactions on it. It knows rows, keys and indexes and nothing
// of the rules above them; only directory and the maintenance commands call it.
//
// The writer commits many waiting requests in one transaction (group commit)
// and answers each only after that transaction is on disk. Readers see the
// last commit, each View one unchanging snapshot.
//
// The store stamps nothing and invents no ids: callers pass times and ids.
package store

import (
	"context"
	"errors"
	"time"
)

// The errors that callers tell apart. All others are faults of the server.
var (
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("store: not found")
	// ErrIDTaken: the public id of a resource, environment or client is in use.
	ErrIDTaken = errors.New("store: the id is taken")
	// ErrKeyTaken: the unique key is in use: a resource's Key, an environment's
	// NameKey, a secret's Hash.
	ErrKeyTaken = errors.New("store: the key is taken")
	// ErrStale: the row to be replaced or deleted is not stored any more as it was read.
	ErrStale = errors.New("store: the row has changed")
	// ErrUnavailable: nothing of the write was stored, through no fault of its
	// own: the disk is full, the queue is full, another process holds the
	// file, the store is closed. The text says which. It may be tried again.
	ErrUnavailable = errors.New("store: unavailable")
)

// Config says where the rows are and how much of the machine they may use.
// Zero values stand for the defaults.
type Config struct {
	Path     string        // the SQLite file; it is made with mode 0600, its directory with 0700
	Readers  int           // connections that read at once; default 6
	Queue    int           // writes that may wait; more are refused with ErrUnavailable; default 4096
	Batch    int           // writes in one transaction; default 256
	WALLimit int64         // bytes of write-ahead log after which the writer finishes a checkpoint; default 128 MiB
	ScanRows int           // resources that one Select may compare with a filter; default 200,000
	ScanTime time.Duration // time that one Select may spend on it; default 2 s
}

// DB is an open database.
type DB struct {
}

// Open opens the database, making it if it is not there, and brings its schema
// up to date. A database that a newer program has written is refused.
func Open(ctx context.Context, cfg Config) (*DB, error) { panic("todo") }

// Close refuses new work with ErrUnavailable, finishes what is queued or
// running, and closes the database.
func (db *DB) Close() error { panic("todo") }

// View runs fn on a snapshot of the database. ctx bounds the wait for a
// connection and long scans. fn must not write and not keep the Tx.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error { panic("todo") }

// Update runs fn in the writer's transaction and returns after the commit is
// on disk: nil, or fn's own error and nothing of it is stored.
//
// fn runs in the writer's goroutine, at most once, and everybody else's writes
// wait for it: it does what needs the transaction and nothing else. It must
// not keep the Tx nor call View or Update. If it panics, Update panics.
//
// A ctx that is done before fn's turn gives ctx.Err() and fn is not run; after
// that ctx has no effect. Other errors: ErrUnavailable.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error { panic("todo") }

// A Tx is a transaction. Its methods are the statements of this package. It
// belongs to one goroutine.
//
// A method whose error is none of the sentinels has broken the transaction:
// the methods after it fail too, and nothing is stored.
type Tx struct {
}

// LockKey makes other transactions that lock the same key wait until this one
// ends, so that check-then-insert is safe where no constraint decides
// (externalId). SQLite has one writer and needs no lock.
func (tx *Tx) LockKey(ctx context.Context, key string) error { panic("todo") }
