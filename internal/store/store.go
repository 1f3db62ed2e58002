// Package store keeps rollcall's rows in SQL: it opens the database, migrates
// it, and runs transactions on it. It knows rows, keys and indexes and nothing
// of the rules above them; only directory and the maintenance commands call it.
//
// There are two engines. In SQLite one writer commits many waiting requests in
// one transaction (group commit); in PostgreSQL each is a transaction on a
// connection of its own. Either answers a write only after it is on disk. Readers
// see the last commit, each View one unchanging snapshot.
//
// The store stamps nothing and invents no ids: callers pass times and ids.
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	// file, the store is closed, the server cannot be reached or has no
	// connection free. The text says which. It may be tried again. See ErrUncertain.
	ErrUnavailable = errors.New("store: unavailable")

	// ErrNoData: Config.Existing is set and there is none.
	ErrNoData = errors.New("store: there is no data")
	// ErrUncertain is an ErrUnavailable of which nobody knows whether the write
	// is stored: the connection was lost while it was committed.
	ErrUncertain = fmt.Errorf("%w: the write may be stored or not", ErrUnavailable)

	errClosed = fmt.Errorf("%w: the store is closed", ErrUnavailable)
	errFull   = fmt.Errorf("%w: too many writes are waiting", ErrUnavailable)
)

// Config says where the rows are and how much of the machine they may use.
// Zero values stand for the defaults.
type Config struct {
	// URL names a PostgreSQL database, as postgres://user:password@host/name.
	// pool_max_conns in it is how many connections are opened at most, default
	// 16; several hosts are the nodes of a cluster, of which the primary is taken.
	URL  string
	Wait time.Duration // for one of these connections to be free; default 2 s

	// Without a URL the rows are in a SQLite file.
	Path     string // it is made with mode 0600, its directory with 0700
	Readers  int    // connections that read at once; default 6
	Queue    int    // writes that may wait; more are refused with ErrUnavailable; default 4096
	Batch    int    // writes in one transaction; default 256
	WALLimit int64  // bytes of write-ahead log after which the writer finishes a checkpoint; default 128 MiB

	ScanRows int           // resources that one Select may compare with a filter; default 200,000
	Few      int           // resources that are sooner read than looked up in one more index; default 1000
	ScanTime time.Duration // time that one Select may spend on it; default 2 s
	// Existing refuses a database that would be made, with ErrNoData.
	Existing bool
	// Synchronous says that commits are to wait for another server too: see Guarantee.Weaker.
	Synchronous bool
	// Unfinished opens also a database that a Copy has not finished.
	Unfinished bool
}

func (c Config) withDefaults() Config {
	c.Wait = cmp.Or(c.Wait, 2*time.Second)
	c.Readers = cmp.Or(c.Readers, 6)
	c.Queue = cmp.Or(c.Queue, 4096)
	c.Batch = cmp.Or(c.Batch, 256)
	c.WALLimit = cmp.Or(c.WALLimit, 128<<20)
	c.ScanRows = cmp.Or(c.ScanRows, 200_000)
	c.Few = cmp.Or(c.Few, 1000)
	c.ScanTime = cmp.Or(c.ScanTime, 2*time.Second)
	return c
}

// Place returns where the rows are, for people: the file, or the URL without a password.
func (c Config) Place() string {
	if c.URL == "" {
		return c.Path
	}
	return withoutPassword(c.URL)
}

// DB is an open database.
type DB struct {
	cfg    Config
	engine engine
	defs   defCache
}

// An engine is what only one kind of database knows: how to open it, how
// transactions are run, what errors mean, and the few places where statements
// cannot say the same for both.
type engine interface {
	view(ctx context.Context, fn func(*Tx) error) error
	update(ctx context.Context, fn func(*Tx) error) error
	stats() Stats
	close() error

	// alone is DB.Alone.
	alone(ctx context.Context, name string, fn func(context.Context) error) error
	// generation is DB.Generation.
	generation() (Generation, bool)
	// translate gives a driver's error the meaning that this package documents.
	translate(err error) error
	// check looks for damage in what only this engine keeps.
	check(tx *Tx) error
	// guarantee is DB.Guarantee.
	guarantee(tx *Tx) (*Guarantee, error)
	// lockKey is Tx.LockKey, lockTenant is Tx.LockTenant if it is for alone;
	// others may take it at the same time otherwise. lock is Tx.lock.
	lockKey(tx *Tx, key string) error
	lockTenant(tx *Tx, tid int64, alone bool) error
	lock(tx *Tx, how string) string
	// appendChange stores the columns of a change, and if it is to be numbered
	// returns its Seq; settled is the condition that no change before a change can still appear.
	appendChange(tx *Tx, number bool, args ...any) (int64, error)
	settled() string

	// key is the key of a table whose key has these columns within an environment.
	key(columns string) string
	// numbered is the condition, with its values, of the rows of a table with many that have
	// in a column this number of the environment.
	numbered(tid int64, column string, n int64) (where string, vals []any)
	// addIndexRows adds index rows, one at least, of a resource.
	addIndexRows(tx *Tx, tid, rid int64, set indexSet) error
	// count returns how many resources of the type there are; counted notes
	// that there are n more of them, uncount that the environment is no more.
	count(tx *Tx, tid int64, t Type) (int, error)
	counted(tx *Tx, tid int64, t Type, n int) error
	uncount(tx *Tx, tid int64) error

	// listed is what follows FROM to read the values of a parameter that is a
	// list, of the kind bigint or text, from the column value of a table w.
	listed(param, kind string) string
	// unindexed is the column as one that no index is walked for.
	unindexed(column string) string
	// contains and ends are the conditions that the text of a column contains
	// the next value, and that it ends with a key, whose values come with it.
	contains(column string) string
	ends(column, key string) (where string, vals []any)
}

// A session runs statements on one connection, within a transaction. An args
// may be anything that package driver takes, or a []int64 or []string.
type session interface {
	// exec returns how many rows were met.
	exec(text string, args ...any) (int, error)
	// push is exec whose result nobody waits for.
	push(text string, args ...any) error
	// insert returns the value of the column that is the new row's key.
	insert(key, text string, args ...any) (int64, error)
	// each calls read for every row. A ctx that is done interrupts the search.
	each(ctx context.Context, read func(scan) error, text string, args ...any) error
}

// Open opens the database, making it if it is not there, and brings its schema
// up to date. A database that a newer program has written is refused.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	cfg = cfg.withDefaults()
	db := &DB{cfg: cfg}
	var err error
	if cfg.URL != "" {
		db.engine, err = openPostgres(ctx, db)
	} else {
		db.engine, err = openSQLite(ctx, db)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", cfg.Place(), err)
	}
	if !cfg.Unfinished {
		if err := db.unfinished(ctx); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// Place is Config.Place.
func (db *DB) Place() string { return db.cfg.Place() }

// Close refuses new work with ErrUnavailable, finishes what is queued or
// running, and closes the database. Closing again does nothing.
func (db *DB) Close() error { return db.engine.close() }

// Stats say how busy the writer is.
type Stats struct {
	Waiting int   // calls of Update that wait for their turn
	Written int64 // calls of Update answered after a commit, since Open
	Commits int64 // the transactions that they shared
}

// Stats returns the figures of the moment. It waits for nothing.
func (db *DB) Stats() Stats { return db.engine.stats() }

// View runs fn on a snapshot of the database. ctx bounds the wait for a
// connection and long scans. fn must not write and not keep the Tx.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error { return db.engine.view(ctx, fn) }

// Update runs fn in a transaction and returns after the commit is
// on disk: nil, or fn's own error and nothing of it is stored.
//
// In SQLite fn runs in the writer's goroutine and everybody else's writes wait
// for it; in PostgreSQL others write at the same time, and fn is run again where
// one of them was in the way or the connection was lost before the commit. So it
// does what needs the transaction and nothing else, and gives the same when it
// runs anew. It must not keep the Tx, nor call View, Update or runtime.Goexit
// (t.Fatal). If it panics, Update panics.
//
// A ctx that is done before fn's turn gives ctx.Err() and fn is not run; after
// that ctx has no effect. Other errors: ErrUnavailable, ErrUncertain.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	return db.engine.update(ctx, fn)
}
