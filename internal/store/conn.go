package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
)

// A conn is one connection with the statements prepared on it. It is used by
// one goroutine at a time, so that it needs nothing of the pool of package sql,
// which would cost as much as a short statement itself.
type conn struct {
	driver driver.Conn // nil when it is closed
	stmts  map[string]driver.Stmt
}

var errConnClosed = errors.New("store: the connection is closed")

// maxStmts is how many statements a connection keeps. Those of the package are
// about a hundred; the others are made for filters, which come in any shape.
const maxStmts = 500

// close also closes the statements: SQLite would keep the connection half open for them.
func (c *conn) close() error {
	if c.driver == nil {
		return nil
	}
	var err error
	for _, s := range c.stmts {
		err = errors.Join(err, s.Close())
	}
	err = errors.Join(err, c.driver.Close())
	c.driver, c.stmts = nil, nil
	return err
}

func (c *conn) prepare(text string) (driver.Stmt, error) {
	if s, ok := c.stmts[text]; ok {
		return s, nil
	}
	if c.driver == nil {
		return nil, errConnClosed
	}
	if len(c.stmts) >= maxStmts {
		for old, s := range c.stmts { // any one: who needs it prepares it again
			delete(c.stmts, old)
			if err := s.Close(); err != nil {
				return nil, err
			}
			break
		}
	}
	s, err := c.driver.Prepare(text)
	if err != nil {
		return nil, err
	}
	c.stmts[text] = s
	return s, nil
}

// The statements say LIMIT $1 + 0 where LIMIT $1 would do: SQLite looks at the
// value of the latter to choose a plan, and prepares the statement anew whenever
// it is bound.

// exec runs a statement and returns how many rows it met. It has no context:
// what interrupts one statement of a group commit must not be somebody else's
// cancelled request.
func (c *conn) exec(text string, args ...any) (int, error) {
	result, err := c.run(text, args)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

func (c *conn) push(text string, args ...any) error {
	_, err := c.run(text, args)
	return err
}

// insert runs an INSERT and returns the key that the row got.
func (c *conn) insert(_, text string, args ...any) (int64, error) {
	result, err := c.run(text, args)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func (c *conn) run(text string, args []any) (driver.Result, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	values, err := bind(args)
	if err != nil {
		return nil, err
	}
	return s.(driver.StmtExecContext).ExecContext(context.Background(), values)
}

// query runs a statement that gives rows, which must be closed before any other
// statement is run. A ctx that is done interrupts the search for the first row.
func (c *conn) query(ctx context.Context, text string, args ...any) (*rows, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	return queryStmt(ctx, s, args)
}

func queryStmt(ctx context.Context, s driver.Stmt, args []any) (*rows, error) {
	values, err := bind(args)
	if err != nil {
		return nil, err
	}
	found, err := s.(driver.StmtQueryContext).QueryContext(ctx, values)
	if err != nil {
		return nil, err
	}
	return &rows{found: found, row: make([]driver.Value, len(found.Columns()))}, nil
}

// script runs statements that are not worth keeping, or must not be prepared.
func (c *conn) script(ctx context.Context, text string) error {
	_, err := c.driver.(driver.ExecerContext).ExecContext(ctx, text, nil)
	return err
}

// read reads the first row of such a statement. Errors: io.EOF if there is none.
func (c *conn) read(ctx context.Context, text string, dest ...any) error {
	s, err := c.driver.Prepare(text)
	if err != nil {
		return err
	}
	defer s.Close()
	rows, err := queryStmt(ctx, s, nil)
	if err != nil {
		return err
	}
	defer rows.close()
	if err := rows.next(); err != nil {
		return err
	}
	return rows.scan(dest...)
}

// bind makes arguments of the kinds that drivers take. Lists go as JSON.
func bind(args []any) ([]driver.NamedValue, error) {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		v, err := plain(arg)
		switch list := v.(type) {
		case []int64, []string:
			var text []byte
			text, err = json.Marshal(list)
			v = string(text)
		}
		if err != nil {
			return nil, err
		}
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return values, nil
}

// plain makes an argument an int64, a string or whatever else drivers take, or
// leaves it a list of these.
func plain(arg any) (any, error) {
	switch v := arg.(type) {
	case int:
		return int64(v), nil
	case []int64, []string:
		return v, nil
	}
	if driver.IsValue(arg) {
		return arg, nil
	}
	return driver.DefaultParameterConverter.ConvertValue(arg)
}

// rows are the rows that a statement gives.
type rows struct {
	found driver.Rows
	row   []driver.Value // the one at hand
}

func (r *rows) close() error { return r.found.Close() }

// next goes to the next row. Errors: io.EOF after the last.
func (r *rows) next() error { return r.found.Next(r.row) }

// scan stores the columns of the row at hand.
func (r *rows) scan(dest ...any) error {
	if len(dest) != len(r.row) {
		return fmt.Errorf("%d columns, not %d", len(r.row), len(dest))
	}
	for i, d := range dest {
		if !assign(d, r.row[i]) {
			return fmt.Errorf("column %d: a %T does not go into a %T", i, r.row[i], d)
		}
	}
	return nil
}

// assign stores a column's value where dest points, and reports whether it can
// be stored there.
func assign(dest any, v driver.Value) bool {
	switch d := dest.(type) {
	case *driver.Value:
		if b, ok := v.([]byte); ok {
			v = bytes.Clone(b)
		}
		*d = v
		return true
	case *[]byte:
		switch v := v.(type) {
		case string:
			*d = []byte(v)
		case []byte:
			*d = v
		case nil:
			*d = nil
		default:
			return false
		}
		return true
	case *sql.NullInt64:
		d.Int64, d.Valid = v.(int64)
		return d.Valid || v == nil
	case *sql.NullString:
		d.String, d.Valid = v.(string)
		return d.Valid || v == nil
	}
	switch v := v.(type) {
	case int64:
		return assignInt(dest, v)
	case string:
		if d, ok := dest.(*string); ok {
			*d = v
			return true
		}
		d := reflect.ValueOf(dest).Elem()
		if d.Kind() == reflect.String {
			d.SetString(v)
			return true
		}
	}
	return false
}

func assignInt(dest any, n int64) bool {
	switch d := dest.(type) {
	case *int64:
		*d = n
	case *int:
		*d = int(n)
	case *bool:
		*d = n != 0
	case *Type:
		*d = Type(n)
	case *string: // of pragmas
		*d = strconv.FormatInt(n, 10)
	default:
		switch d := reflect.ValueOf(dest).Elem(); {
		case d.CanInt():
			d.SetInt(n)
		case d.CanUint():
			d.SetUint(uint64(n))
		default:
			return false
		}
	}
	return true
}

// each calls read for every row of a statement.
func (c *conn) each(ctx context.Context, read func(scan) error, text string, args ...any) (err error) {
	rows, err := c.query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.close()) }()
	for {
		switch err := rows.next(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := read(rows.scan); err != nil {
			return err
		}
	}
}
