package store

import (
	"context"
	"database/sql"
	"time"
)

// A Tx is a transaction. Its methods are the statements of this package. It
// belongs to one goroutine.
//
// An error that is neither ErrNotFound nor ErrStale breaks the transaction:
// every later method gives it too, and nothing is stored.
type Tx struct {
	db      *DB
	session session
	ctx     context.Context // View's; looked at between the steps of a long scan
	limit   context.Context // interrupts statements: never those of an Update
	view    bool            // it is a View's
	err     error           // what broke the transaction
	known   *knowledge      // of the transaction
	stale   []resourceKey   // resources that were not as they had been read
	locked  map[int64]bool  // environments, true for alone: see postgresEngine.lockTenant
	changes int64           // see postgresEngine.appendChange
}

// knowledge is what a transaction has read that most of the writes of a batch
// need, so that it is read once. Who changes it forgets it.
type knowledge struct {
	still bool                 // nobody else changes anything while the transaction lasts
	own   bool                 // the transaction has changed it
	defs  map[defKey][]attrDef // see attrDefs

	// Of environments, by public id and by TID; none unless still or locked.
	tenants  map[string]*Tenant
	versions map[int64]int64
}

func (k *knowledge) forget() { *k = knowledge{still: k.still, own: true} }

// learn adds an entry to one of the maps of knowledge.
func learn[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[key] = value
}

// LockKey makes other transactions that lock the same key wait until this one
// ends, so that check-then-insert is safe where no constraint decides
// (externalId). SQLite has one writer and needs no lock.
func (tx *Tx) LockKey(key string) error { return tx.db.engine.lockKey(tx, key) }

// LockTenant makes the transaction the only one that writes in the environment,
// until it ends, whatever it is that others write. It comes first. SQLite has
// one writer and needs no lock.
func (tx *Tx) LockTenant(tid int64) error { return tx.db.engine.lockTenant(tx, tid, true) }

// lock is what ends a SELECT of rows that the transaction will change in view
// of what it reads.
func (tx *Tx) lock(how string) string { return tx.db.engine.lock(tx, how) }

// A resourceKey is the key of a resource.
type resourceKey struct{ tid, rid int64 }

// changed notes that a resource is not stored as it was read, and returns ErrStale.
func (tx *Tx) changed(tid, rid int64) error {
	tx.stale = append(tx.stale, resourceKey{tid, rid})
	return ErrStale
}

// fail gives err its meaning and keeps it: it breaks the transaction.
//
// It must: in PostgreSQL all errors do, and a full disk makes SQLite roll back
// everything, and the next statement would then run and be kept on its own.
func (tx *Tx) fail(err error) error {
	err = tx.db.engine.translate(err)
	tx.err = err
	return err
}

// exec runs a statement that gives no rows and returns how many it met.
func (tx *Tx) exec(text string, args ...any) (int, error) {
	if tx.err != nil {
		return 0, tx.err
	}
	n, err := tx.session.exec(text, args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	return n, nil
}

// push runs a statement whose result nobody waits for: an error may come with a
// later one.
func (tx *Tx) push(text string, args ...any) error {
	if tx.err != nil {
		return tx.err
	}
	if err := tx.session.push(text, args...); err != nil {
		return tx.fail(err)
	}
	return nil
}

// insert runs an INSERT and returns what the new row got in the column that is its key.
func (tx *Tx) insert(key, text string, args ...any) (int64, error) {
	if tx.err != nil {
		return 0, tx.err
	}
	id, err := tx.session.insert(key, text, args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	return id, nil
}

// A scan reads the columns of one row.
type scan func(dest ...any) error

// each calls read for every row of the result.
func (tx *Tx) each(read func(scan) error, text string, args ...any) error {
	if tx.err != nil {
		return tx.err
	}
	if err := tx.session.each(tx.limit, read, text, args...); err != nil {
		return tx.fail(err)
	}
	return nil
}

// one calls read for the first row of the result, and gives ErrNotFound if there is none.
func (tx *Tx) one(read func(scan) error, text string, args ...any) error {
	found := false
	err := tx.each(func(s scan) error {
		if found {
			return nil
		}
		found = true
		return read(s)
	}, text, args...)
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// list returns what read makes of every row of the result.
func list[T any](tx *Tx, read func(scan) (T, error), text string, args ...any) ([]T, error) {
	var items []T
	err := tx.each(func(s scan) error {
		item, err := read(s)
		if err == nil {
			items = append(items, item)
		}
		return err
	}, text, args...)
	return items, err
}

// first returns what read makes of the first row of the result. Errors: ErrNotFound.
func first[T any](tx *Tx, read func(scan) (T, error), text string, args ...any) (item T, err error) {
	err = tx.one(func(s scan) (err error) {
		item, err = read(s)
		return err
	}, text, args...)
	return item, err
}

// key is the key of a table: see engine.
func (tx *Tx) key(columns string) string { return tx.db.engine.key(columns) }

// unindexed is the column as one that no index is walked for: see engine.
func (tx *Tx) unindexed(column string) string { return tx.db.engine.unindexed(column) }

// listed is what follows FROM to read a parameter that is a list: see engine.
func (tx *Tx) listed(param, kind string) string { return tx.db.engine.listed(param, kind) }

// millis is how a time is stored: nil for the zero one.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// moment is the time stored as ms, whose column may be NULL.
func moment(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64).UTC()
}

// nullable is how a value is stored whose zero means none.
func nullable[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

// must runs an UPDATE of one row. Errors: ErrNotFound.
func (tx *Tx) must(text string, args ...any) error {
	n, err := tx.exec(text, args...)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}
