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
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
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

	errClosed = fmt.Errorf("%w: the store is closed", ErrUnavailable)
	errFull   = fmt.Errorf("%w: too many writes are waiting", ErrUnavailable)
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
	Few      int           // resources that are sooner read than looked up in one more index; default 1000
	ScanTime time.Duration // time that one Select may spend on it; default 2 s
}

func (c Config) withDefaults() Config {
	c.Readers = cmp.Or(c.Readers, 6)
	c.Queue = cmp.Or(c.Queue, 4096)
	c.Batch = cmp.Or(c.Batch, 256)
	c.WALLimit = cmp.Or(c.WALLimit, 128<<20)
	c.ScanRows = cmp.Or(c.ScanRows, 200_000)
	c.Few = cmp.Or(c.Few, 1000)
	c.ScanTime = cmp.Or(c.ScanTime, 2*time.Second)
	return c
}

// DB is an open database.
type DB struct {
	cfg        Config
	engine     sqliteEngine
	readers    chan *conn // those that are free
	closed     chan struct{}
	closeOnce  sync.Once
	closeErr   error
	writer     *writer
	checkpoint *checkpointer
}

// Open opens the database, making it if it is not there, and brings its schema
// up to date. A database that a newer program has written is refused.
func Open(ctx context.Context, cfg Config) (db *DB, err error) {
	cfg = cfg.withDefaults()
	db = &DB{
		cfg:     cfg,
		engine:  sqliteEngine{path: cfg.Path, walLimit: cfg.WALLimit},
		readers: make(chan *conn, cfg.Readers),
		closed:  make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("open %s: %w", cfg.Path, err)
		}
	}()
	if err := db.engine.create(); err != nil {
		return nil, err
	}
	files, err := db.engine.migrations()
	if err != nil {
		return nil, err
	}
	w, err := db.engine.writer(ctx)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, w, files); err != nil {
		return nil, errors.Join(err, w.close())
	}
	opened := []*conn{w}
	for range cfg.Readers + 1 {
		c, err := db.engine.reader(ctx)
		if err != nil {
			for _, c := range opened {
				err = errors.Join(err, c.close())
			}
			return nil, err
		}
		opened = append(opened, c)
	}
	db.writer = newWriter(db, w)
	db.checkpoint = newCheckpointer(db.writer, opened[1], cfg.WALLimit)
	for _, c := range opened[2:] {
		db.readers <- c
	}
	go db.writer.run()
	go db.checkpoint.run()
	return db, nil
}

// Close refuses new work with ErrUnavailable, finishes what is queued or
// running, and closes the database. Closing again does nothing.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		close(db.closed)
		db.closeErr = errors.Join(db.writer.finish(), db.checkpoint.finish())
		for range db.cfg.Readers {
			db.closeErr = errors.Join(db.closeErr, (<-db.readers).close())
		}
		// The last connection to close moves the log into the file.
		db.closeErr = errors.Join(db.closeErr, db.writer.conn.close())
	})
	return db.closeErr
}

// Stats say how busy the writer is.
type Stats struct {
	Waiting int   // calls of Update that wait for their turn
	Written int64 // calls of Update answered after a commit, since Open
	Commits int64 // the transactions that they shared
}

// Stats returns the figures of the moment. It waits for nothing.
func (db *DB) Stats() Stats {
	return Stats{Waiting: len(db.writer.queue), Written: db.writer.written.Load(), Commits: db.writer.commits.Load()}
}

// View runs fn on a snapshot of the database. ctx bounds the wait for a
// connection and long scans. fn must not write and not keep the Tx.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	c, err := db.borrow(ctx)
	if err != nil {
		return err
	}
	defer func() { db.readers <- c }()
	tx := &Tx{db: db, conn: c, ctx: ctx, limit: context.Background(), view: true, defs: make(map[defKey][]attrDef)}
	if _, err := tx.exec("BEGIN"); err != nil {
		return err
	}
	// A snapshot that stayed open would hold up every checkpoint, so it ends
	// even when fn panics. There is nothing to commit.
	defer c.exec("ROLLBACK")
	return fn(tx)
}

func (db *DB) borrow(ctx context.Context) (*conn, error) {
	// select chooses at random: what must win is asked first.
	select {
	case <-db.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}
	select {
	case c := <-db.readers:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-db.closed:
		return nil, errClosed
	}
}

// Update runs fn in the writer's transaction and returns after the commit is
// on disk: nil, or fn's own error and nothing of it is stored.
//
// fn runs in the writer's goroutine, at most once, and everybody else's writes
// wait for it: it does what needs the transaction and nothing else. It must
// not keep the Tx, nor call View, Update or runtime.Goexit (t.Fatal). If it
// panics, Update panics.
//
// A ctx that is done before fn's turn gives ctx.Err() and fn is not run; after
// that ctx has no effect. Other errors: ErrUnavailable.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{fn: fn, done: make(chan outcome, 1)}
	if err := db.writer.submit(r); err != nil {
		return err
	}
	select {
	case o := <-r.done:
		return o.result()
	case <-ctx.Done():
		if r.take() {
			return ctx.Err()
		}
		o := <-r.done
		return o.result()
	}
}
