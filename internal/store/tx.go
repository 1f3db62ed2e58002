package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// A Tx is a transaction. Its methods are the statements of this package. It
// belongs to one goroutine.
//
// An error that is none of the sentinels, or ErrUnavailable, breaks the
// transaction: every later method gives it too, and nothing is stored.
type Tx struct {
	db      *DB
	session session
	ctx     context.Context      // View's; looked at between the steps of a long scan
	limit   context.Context      // interrupts statements: never those of an Update
	view    bool                 // it is a View's
	err     error                // what broke the transaction
	defs    map[defKey][]attrDef // see attrDefs
}

// LockKey makes other transactions that lock the same key wait until this one
// ends, so that check-then-insert is safe where no constraint decides
// (externalId). SQLite has one writer and needs no lock.
func (tx *Tx) LockKey(key string) error { return tx.db.engine.lockKey(tx, key) }

// fail gives err its meaning and keeps it if it breaks the transaction.
//
// It must: a full disk makes SQLite roll back everything, and the next
// statement would then run and be kept on its own.
func (tx *Tx) fail(err error) error {
	err = tx.db.engine.translate(err)
	if !errors.Is(err, ErrIDTaken) && !errors.Is(err, ErrKeyTaken) {
		tx.err = err
	}
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
