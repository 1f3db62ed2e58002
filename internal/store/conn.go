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
	"strings"
	"unsafe"

	"modernc.org/libc"
	_ "modernc.org/sqlite" // prepares the library where a system needs that
	sqlite3 "modernc.org/sqlite/lib"
)

// A conn is one connection to SQLite with the statements prepared on it. It
// calls the library itself: package sql and its drivers cost as much as a short
// statement. It is used by one goroutine at a time.
type conn struct {
	tls   *libc.TLS // what the library takes for the thread
	db    uintptr   // 0 when it is closed
	stmts map[string]*stmt
}

var errConnClosed = errors.New("store: the connection is closed")

// maxStmts is how many statements a connection keeps. Those of the package are
// about a hundred; the others are made for filters, which come in any shape.
const maxStmts = 500

// A sqliteFault is an error that SQLite reports.
type sqliteFault struct {
	code int32 // the extended one
	text string
}

func (f *sqliteFault) Error() string { return fmt.Sprintf("%s (%d)", f.text, f.code) }

// fault words what a function of SQLite returned.
func (c *conn) fault(code int32) error {
	f := &sqliteFault{code, libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, code))}
	if c.db == 0 || sqlite3.Xsqlite3_extended_errcode(c.tls, c.db)&0xff != code&0xff {
		return f // the connection tells of another call
	}
	if text := libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db)); text != f.text {
		f.text += ": " + text
	}
	return f
}

// connectSQLite opens the file, which must be there. What is common to all
// connections is set; pragmas are the caller's.
func connectSQLite(path string) (*conn, error) {
	c := &conn{tls: libc.NewTLS(), stmts: make(map[string]*stmt)}
	name, err := libc.CString(path)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	out := c.tls.Alloc(16)
	defer c.tls.Free(16)
	// Without mutexes of its own: one goroutine at a time uses it.
	code := sqlite3.Xsqlite3_open_v2(c.tls, name, out, sqlite3.SQLITE_OPEN_READWRITE|sqlite3.SQLITE_OPEN_NOMUTEX|sqlite3.SQLITE_OPEN_EXRESCODE, 0)
	c.db = pointerAt(out)
	if code != sqlite3.SQLITE_OK {
		return nil, errors.Join(c.fault(code), c.close())
	}
	for _, set := range []struct{ option, to int32 }{
		{sqlite3.SQLITE_DBCONFIG_DEFENSIVE, 1}, {sqlite3.SQLITE_DBCONFIG_DQS_DDL, 0}, {sqlite3.SQLITE_DBCONFIG_DQS_DML, 0},
	} {
		if code := sqlite3.Xsqlite3_db_config(c.tls, c.db, set.option, libc.VaList(out, set.to, uintptr(0))); code != sqlite3.SQLITE_OK {
			return nil, errors.Join(c.fault(code), c.close())
		}
	}
	return c, nil
}

// pointerAt returns the pointer that is stored at p.
func pointerAt(p uintptr) uintptr {
	return *(*uintptr)(unsafe.Pointer(unsafe.SliceData(libc.GoBytes(p, int(unsafe.Sizeof(p))))))
}

// close also closes the statements: SQLite would keep the connection half open for them.
func (c *conn) close() error {
	if c.db == 0 {
		return nil
	}
	for _, s := range c.stmts {
		s.close()
	}
	var err error
	if code := sqlite3.Xsqlite3_close_v2(c.tls, c.db); code != sqlite3.SQLITE_OK {
		err = c.fault(code)
	}
	c.tls.Close()
	c.db, c.stmts = 0, nil
	return err
}

// A stmt is a prepared statement.
type stmt struct {
	conn   *conn
	handle uintptr
	params []int // the index of the argument of each parameter
	values []any // the arguments, while they are bound
	// What is bound of texts is copied here. Once there is any it stays, as
	// SQLite is told to read it and not to free it.
	texts uintptr
	size  int
}

// mostTexts is how many bytes of arguments a statement keeps room for.
const mostTexts = 64 << 10

func (c *conn) prepare(text string) (*stmt, error) {
	if s, ok := c.stmts[text]; ok {
		if sqlite3.Xsqlite3_stmt_busy(c.tls, s.handle) != 0 {
			return nil, fmt.Errorf("%q is run while its rows are read", text)
		}
		return s, nil
	}
	s, err := c.compile(text)
	if err != nil {
		return nil, err
	}
	if len(c.stmts) >= maxStmts {
		for old, s := range c.stmts { // any one: who needs it prepares it again
			delete(c.stmts, old)
			s.close()
			break
		}
	}
	c.stmts[text] = s
	return s, nil
}

// compile prepares a statement that the connection does not keep.
func (c *conn) compile(text string) (*stmt, error) {
	if c.db == 0 {
		return nil, errConnClosed
	}
	from, err := libc.CString(text)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, from)
	out := c.tls.Alloc(16)
	defer c.tls.Free(16)
	if code := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, from, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, out, out+8); code != sqlite3.SQLITE_OK {
		return nil, c.fault(code)
	}
	s := &stmt{conn: c, handle: pointerAt(out)}
	if rest := text[pointerAt(out+8)-from:]; s.handle == 0 || strings.TrimSpace(rest) != "" {
		s.close()
		return nil, fmt.Errorf("%q is not one statement", text)
	}
	s.params = make([]int, sqlite3.Xsqlite3_bind_parameter_count(c.tls, s.handle))
	s.values = make([]any, len(s.params))
	for i := range s.params {
		s.params[i] = i // of ?; $2 is a name to SQLite and says which itself
		if name := libc.GoString(sqlite3.Xsqlite3_bind_parameter_name(c.tls, s.handle, int32(i+1))); name != "" {
			n, err := strconv.Atoi(name[1:])
			if err != nil || n < 1 {
				s.close()
				return nil, fmt.Errorf("the parameter %s has no number", name)
			}
			s.params[i] = n - 1
		}
	}
	return s, nil
}

func (s *stmt) close() {
	sqlite3.Xsqlite3_finalize(s.conn.tls, s.handle) // repeats the error of the last step, if any
	sqlite3.Xsqlite3_free(s.conn.tls, s.texts)
}

// The statements say LIMIT $1 + 0 where LIMIT $1 would do: SQLite looks at the
// value of the latter to choose a plan, and prepares the statement anew whenever
// it is bound.

// exec runs a statement and returns how many rows it met. It has no context:
// what interrupts one statement of a group commit must not be somebody else's
// cancelled request.
func (c *conn) exec(text string, args ...any) (int, error) {
	if err := c.push(text, args...); err != nil {
		return 0, err
	}
	return int(sqlite3.Xsqlite3_changes(c.tls, c.db)), nil
}

func (c *conn) push(text string, args ...any) error {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	defer s.reset()
	if err := s.bind(args); err != nil {
		return err
	}
	for more := true; more && err == nil; {
		more, err = s.step()
	}
	return err
}

// insert runs an INSERT and returns the key that the row got.
func (c *conn) insert(_, text string, args ...any) (int64, error) {
	if err := c.push(text, args...); err != nil {
		return 0, err
	}
	return sqlite3.Xsqlite3_last_insert_rowid(c.tls, c.db), nil
}

// each calls read for every row of a statement. No other statement may be run
// before the last. A ctx that is done interrupts the search for the first row.
func (c *conn) each(ctx context.Context, read func(scan) error, text string, args ...any) error {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	defer s.reset()
	if err := s.bind(args); err != nil {
		return err
	}
	columns := s.scan
	for more, err := s.first(ctx); more || err != nil; more, err = s.step() {
		if err != nil {
			return err
		}
		if err := read(columns); err != nil {
			return err
		}
	}
	return nil
}

// script runs statements that are not worth keeping, or must not be prepared.
func (c *conn) script(ctx context.Context, text string) error {
	if c.db == 0 {
		return errConnClosed
	}
	from, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, from)
	return c.interruptible(ctx, func() error {
		if code := sqlite3.Xsqlite3_exec(c.tls, c.db, from, 0, 0, 0); code != sqlite3.SQLITE_OK {
			return c.fault(code)
		}
		return nil
	})
}

// read reads the first row of such a statement. Errors: io.EOF if there is none.
func (c *conn) read(ctx context.Context, text string, dest ...any) error {
	s, err := c.compile(text)
	if err != nil {
		return err
	}
	defer s.close()
	switch more, err := s.first(ctx); {
	case err != nil:
		return err
	case !more:
		return io.EOF
	}
	return s.scan(dest...)
}

// interruptible calls fn. If ctx is done before it ends, what it runs is
// interrupted and the error is that of ctx.
func (c *conn) interruptible(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		tls := libc.NewTLS() // that of c is in use
		sqlite3.Xsqlite3_interrupt(tls, c.db)
		tls.Close()
		close(interrupted)
	})
	err := fn()
	if !stop() {
		<-interrupted // not while the next statement runs
		return ctx.Err()
	}
	return err
}

// first goes to the first row, as step does.
func (s *stmt) first(ctx context.Context) (more bool, err error) {
	if ctx.Done() == nil {
		return s.step()
	}
	err = s.conn.interruptible(ctx, func() error {
		more, err = s.step()
		return err
	})
	return more && err == nil, err
}

// step goes to the next row and reports whether there is one.
func (s *stmt) step() (bool, error) {
	switch code := sqlite3.Xsqlite3_step(s.conn.tls, s.handle); code {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, s.conn.fault(code)
	}
}

// reset ends a run, so that the statement can be bound and run again.
func (s *stmt) reset() {
	sqlite3.Xsqlite3_reset(s.conn.tls, s.handle) // repeats the error of the last step, if any
	clear(s.values)
	if s.size > mostTexts {
		sqlite3.Xsqlite3_clear_bindings(s.conn.tls, s.handle)
		sqlite3.Xsqlite3_free(s.conn.tls, s.texts)
		s.texts, s.size = 0, 0
	}
}

// bind gives the parameters their values, which stay until the next time. Lists go as JSON.
func (s *stmt) bind(args []any) error {
	room := 1 // an empty text has an address too
	for i, p := range s.params {
		if p >= len(args) {
			return fmt.Errorf("%d arguments, and no $%d", len(args), p+1)
		}
		var err error
		switch v := args[p].(type) {
		case nil, int, int64, string, []byte:
			s.values[i] = v
		default:
			s.values[i], err = plain(v)
		}
		switch v := s.values[i].(type) {
		case []int64, []string:
			var text []byte
			text, err = json.Marshal(v)
			s.values[i] = string(text)
			room += len(text)
		case string:
			room += len(v)
		case []byte:
			room += len(v)
		}
		if err != nil {
			return err
		}
	}
	if room > s.size {
		sqlite3.Xsqlite3_free(s.conn.tls, s.texts)
		if s.texts = sqlite3.Xsqlite3_malloc(s.conn.tls, int32(room)); s.texts == 0 {
			s.size = 0
			return s.conn.fault(sqlite3.SQLITE_NOMEM)
		}
		s.size = room
	}
	tls, at := s.conn.tls, s.texts
	for i, v := range s.values {
		var code int32
		n := int32(i + 1)
		switch v := v.(type) {
		case int:
			code = sqlite3.Xsqlite3_bind_int64(tls, s.handle, n, int64(v))
		case int64:
			code = sqlite3.Xsqlite3_bind_int64(tls, s.handle, n, v)
		case bool:
			code = sqlite3.Xsqlite3_bind_int64(tls, s.handle, n, int64(libc.Bool32(v)))
		case float64:
			code = sqlite3.Xsqlite3_bind_double(tls, s.handle, n, v)
		case string:
			copy(libc.GoBytes(at, len(v)), v)
			code = sqlite3.Xsqlite3_bind_text(tls, s.handle, n, at, int32(len(v)), 0)
			at += uintptr(len(v))
		case []byte:
			if v == nil {
				code = sqlite3.Xsqlite3_bind_null(tls, s.handle, n)
				break
			}
			copy(libc.GoBytes(at, len(v)), v)
			code = sqlite3.Xsqlite3_bind_blob(tls, s.handle, n, at, int32(len(v)), 0)
			at += uintptr(len(v))
		case nil:
			code = sqlite3.Xsqlite3_bind_null(tls, s.handle, n)
		default:
			return fmt.Errorf("argument %d is a %T", i+1, v)
		}
		if code != sqlite3.SQLITE_OK {
			return s.conn.fault(code)
		}
	}
	return nil
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

// scan stores the columns of the row at hand.
func (s *stmt) scan(dest ...any) error {
	if n := int(sqlite3.Xsqlite3_column_count(s.conn.tls, s.handle)); len(dest) != n {
		return fmt.Errorf("%d columns, not %d", n, len(dest))
	}
	for i, d := range dest {
		if !s.column(int32(i), d) {
			return fmt.Errorf("column %d: a value of type %d does not go into a %T", i, sqlite3.Xsqlite3_column_type(s.conn.tls, s.handle, int32(i)), d)
		}
	}
	return nil
}

// column is assign for a column of the row at hand.
func (s *stmt) column(i int32, dest any) bool {
	tls := s.conn.tls
	switch sqlite3.Xsqlite3_column_type(tls, s.handle, i) {
	case sqlite3.SQLITE_INTEGER:
		return assignInt(dest, sqlite3.Xsqlite3_column_int64(tls, s.handle, i))
	case sqlite3.SQLITE_TEXT:
		text := sqlite3.Xsqlite3_column_text(tls, s.handle, i)
		return assignText(dest, libc.GoBytes(text, int(sqlite3.Xsqlite3_column_bytes(tls, s.handle, i))))
	case sqlite3.SQLITE_BLOB:
		blob := sqlite3.Xsqlite3_column_blob(tls, s.handle, i)
		return assign(dest, append([]byte(nil), libc.GoBytes(blob, int(sqlite3.Xsqlite3_column_bytes(tls, s.handle, i)))...))
	case sqlite3.SQLITE_FLOAT:
		return assign(dest, sqlite3.Xsqlite3_column_double(tls, s.handle, i))
	}
	return assign(dest, nil)
}

// assign stores a column's value where dest points, and reports whether it can
// be stored there.
func assign(dest any, v driver.Value) bool {
	switch v := v.(type) {
	case int64:
		return assignInt(dest, v)
	case string:
		return assignText(dest, v)
	}
	switch d := dest.(type) {
	case *driver.Value:
		if b, ok := v.([]byte); ok {
			v = bytes.Clone(b)
		}
		*d = v
		return true
	case *[]byte:
		b, ok := v.([]byte)
		*d = b
		return ok || v == nil
	case *sql.NullInt64:
		*d = sql.NullInt64{}
		return v == nil
	case *sql.NullString:
		*d = sql.NullString{}
		return v == nil
	}
	return false
}

// assignText copies v.
func assignText[T string | []byte](dest any, v T) bool {
	switch d := dest.(type) {
	case *string:
		*d = string(v)
	case *[]byte:
		*d = append([]byte{}, v...)
	case *sql.NullString:
		d.String, d.Valid = string(v), true
	case *driver.Value:
		*d = string(v)
	default:
		text := reflect.ValueOf(dest).Elem()
		if text.Kind() != reflect.String {
			return false
		}
		text.SetString(string(v))
	}
	return true
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
	case *sql.NullInt64:
		d.Int64, d.Valid = n, true
	case *driver.Value:
		*d = n
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
