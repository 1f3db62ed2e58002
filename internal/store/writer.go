package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// A request is one call of Update on its way through the writer.
type request struct {
	fn    func(*Tx) error
	taken atomic.Bool // by the writer to run it, or by its submitter to give it up
	done  chan outcome
}

// take reports whether the caller is the first to claim the request.
func (r *request) take() bool { return r.taken.CompareAndSwap(false, true) }

// An outcome is what became of a request.
type outcome struct {
	err   error
	panic any // what fn panicked with, and where
}

func (o outcome) result() error {
	if o.panic != nil {
		panic(o.panic)
	}
	return o.err
}

// A writer is the one goroutine that writes. It puts the requests that wait
// into one transaction, each behind a savepoint of its own, and answers when
// that transaction is on disk: the disk is flushed once for all of them.
type writer struct {
	db     *DB
	engine *sqliteEngine
	conn   *conn // used by run only
	batch  []*request
	ends   []outcome  // of batch
	known  *knowledge // of batch

	mu     sync.RWMutex // guards the sending side of queue against its closing
	closed bool
	queue  chan *request
	ended  chan struct{}

	commits atomic.Int64 // transactions so far; read by the checkpointer
	written atomic.Int64 // requests in them
	restart atomic.Bool  // set by the checkpointer: the log has grown too long
}

func newWriter(db *DB, e *sqliteEngine, c *conn) *writer {
	return &writer{db: db, engine: e, conn: c, queue: make(chan *request, db.cfg.Queue), ended: make(chan struct{})}
}

func (w *writer) submit(r *request) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	select {
	case w.queue <- r:
		return nil
	default:
		return errFull
	}
}

// finish refuses new requests and waits until the queued ones are answered.
func (w *writer) finish() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.ended
	return nil
}

func (w *writer) run() {
	defer close(w.ended)
	for r := range w.queue {
		if !r.take() {
			continue
		}
		w.commit(r)
		if w.restart.CompareAndSwap(true, false) {
			w.engine.restartLog(w.conn)
		}
	}
}

// next returns the next request of the batch, nil when none waits or the batch is full.
func (w *writer) next() *request {
	for len(w.batch) < w.db.cfg.Batch {
		select {
		case r, ok := <-w.queue:
			if !ok {
				return nil
			}
			if r.take() {
				return r
			}
		default:
			return nil
		}
	}
	return nil
}

// commit runs first and the requests that wait behind it in one transaction
// and answers them all. The answer of a request that failed waits too: what it
// ran into may have been another request's row.
func (w *writer) commit(first *request) {
	w.batch, w.ends = w.batch[:0], w.ends[:0]
	w.known = &knowledge{still: true}
	lost := w.begin()
	for r := first; r != nil; r = w.next() {
		w.batch = append(w.batch, r)
		if lost != nil {
			continue // no begin: those behind would wait as long, and for nothing
		}
		var o outcome
		if o, lost = w.attempt(r); lost != nil {
			break
		}
		w.ends = append(w.ends, o)
	}
	if lost == nil {
		_, lost = w.conn.exec("COMMIT")
	}
	if lost == nil {
		w.commits.Add(1)
		w.written.Add(int64(len(w.batch)))
	} else {
		w.conn.exec("ROLLBACK") // fails where SQLite has already done it
		lost = fmt.Errorf("%w: the transaction was lost: %w", ErrUnavailable, lost)
	}
	for i, r := range w.batch {
		if lost != nil {
			r.done <- outcome{err: lost}
		} else {
			r.done <- w.ends[i]
		}
		w.batch[i] = nil // the queue may be quiet for long: keep nothing alive
	}
	clear(w.ends)
}

// begin starts a transaction, waiting for another process that has one. A
// connection that cannot is replaced.
func (w *writer) begin() error {
	_, err := w.conn.exec("BEGIN IMMEDIATE")
	if err == nil || errors.Is(w.engine.translate(err), ErrUnavailable) {
		return err
	}
	c, openErr := w.engine.openWriter(context.Background())
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	w.conn.close()
	w.conn = c
	_, err = w.conn.exec("BEGIN IMMEDIATE")
	return err
}

// attempt runs one request behind a savepoint. lost says why the whole
// transaction is gone: SQLite rolls back everything on a full disk and the
// like, and does not know the savepoint then.
func (w *writer) attempt(r *request) (o outcome, lost error) {
	if _, err := w.conn.exec("SAVEPOINT request"); err != nil {
		return outcome{}, err
	}
	tx := &Tx{db: w.db, session: w.conn, ctx: context.Background(), limit: context.Background(), known: w.known}
	o = call(r.fn, tx)
	if o.err != nil || o.panic != nil {
		w.known.forget() // what it read may have been its own
		if _, err := w.conn.exec("ROLLBACK TO request"); err != nil {
			return outcome{}, errors.Join(o.err, err)
		}
	}
	if _, err := w.conn.exec("RELEASE request"); err != nil {
		return outcome{}, errors.Join(tx.err, err)
	}
	return o, nil
}

func call(fn func(*Tx) error, tx *Tx) (o outcome) {
	defer func() {
		if v := recover(); v != nil {
			o.panic = fmt.Sprintf("%v\n\n%s", v, debug.Stack())
		}
	}()
	o.err = fn(tx)
	if o.err == nil || tx.err != nil && !errors.Is(tx.err, ErrIDTaken) && !errors.Is(tx.err, ErrKeyTaken) {
		o.err = tx.err // fn may have overlooked it
	}
	return o
}
