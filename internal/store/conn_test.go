package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newConn opens a file of its own.
func newConn(t *testing.T) *conn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a ? b.db") // no URL
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := connectSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// ask returns the columns of the first row.
func ask(c *conn, text string, args ...any) (row []any, err error) {
	s, err := c.compile(text)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.bind(args); err != nil {
		return nil, err
	}
	if more, err := s.step(); !more {
		return nil, errors.Join(io.EOF, err)
	}
	return readRow(s.scan, len(args))
}

// TestBind: what is bound comes back as it is, in its place, however long.
func TestBind(t *testing.T) {
	c := newConn(t)
	type name string
	long := strings.Repeat("ü", mostTexts)
	for _, test := range []struct {
		text       string
		args, want []any
	}{
		{"SELECT $1, $2", []any{"", []byte{}}, []any{"", []byte(nil)}},
		{"SELECT $1, $2", []any{nil, []byte(nil)}, []any{nil, nil}},
		{"SELECT $2, $1", []any{"a", "b"}, []any{"b", "a"}},
		{"SELECT ?, ?", []any{"a", "b"}, []any{"a", "b"}},
		{"SELECT $1 || $1, $2", []any{"a", 7}, []any{"aa", int64(7)}},
		{"SELECT $1, $2, $3, $4", []any{true, false, User, 1.5}, []any{int64(1), int64(0), int64(User), 1.5}},
		{"SELECT $1, $2", []any{name("x\x00y"), int64(-1 << 63)}, []any{"x\x00y", int64(-1 << 63)}},
		{"SELECT $1, $2", []any{[]int64{1, 2}, []string{"a"}}, []any{"[1,2]", `["a"]`}},
		{"SELECT $1, length($2)", []any{long, []byte(long)}, []any{long, int64(len(long))}},
		{"SELECT $1, 2", []any{"a", "for no parameter"}, []any{"a", int64(2)}},
	} {
		got, err := ask(c, test.text, test.args...)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", test.text, err, diff)
		}
	}
	for text, args := range map[string][]any{
		"SELECT $2": {1}, "SELECT :a": {1}, "SELECT $1": {time.Now()}, "SELECT 1; SELECT 2": nil, "": nil, "-- nothing": nil, "SELEC": nil,
	} {
		if row, err := ask(c, text, args...); err == nil {
			t.Errorf("%q gives %v", text, row)
		}
	}
}

// TestBindAgain: a statement that is kept forgets what it was given before.
func TestBindAgain(t *testing.T) {
	c := newConn(t)
	for _, n := range []int{3, 0, mostTexts * 2, 1, mostTexts, 5, mostTexts*2 + 1} {
		want := strings.Repeat("x", n)
		var got string
		err := c.each(t.Context(), func(s scan) error { return s(&got) }, "SELECT $1", want)
		if err != nil || got != want {
			t.Errorf("%d bytes come back as %d: %v", n, len(got), err)
		}
	}
	if s := c.stmts["SELECT $1"]; s.size != 0 {
		t.Errorf("%d bytes are kept", s.size)
	}
}

// TestScan: a column goes only where it fits.
func TestScan(t *testing.T) {
	c := newConn(t)
	type name string
	var (
		i      int
		b      bool
		text   string
		named  name
		raw    []byte
		number sql.NullInt64
		maybe  sql.NullString
		value  driver.Value
		typ    Type
		wide   uint16
	)
	for _, test := range []struct {
		column string
		dest   any
		ok     bool
	}{
		{"1", &i, true}, {"1", &b, true}, {"1", &text, true}, {"1", &number, true}, {"1", &value, true}, {"1", &typ, true}, {"1", &wide, true},
		{"1", &raw, false}, {"1", &maybe, false}, {"1", &named, false},
		{"'a'", &text, true}, {"'a'", &named, true}, {"'a'", &raw, true}, {"'a'", &maybe, true}, {"'a'", &value, true},
		{"'a'", &i, false}, {"'a'", &number, false},
		{"NULL", &raw, true}, {"NULL", &number, true}, {"NULL", &maybe, true}, {"NULL", &value, true}, {"NULL", &text, false}, {"NULL", &i, false},
		{"x'00'", &raw, true}, {"x'00'", &value, true}, {"x'00'", &text, false}, {"x'00'", &maybe, false},
		{"1.5", &value, true}, {"1.5", &i, false},
	} {
		if err := c.read(t.Context(), "SELECT "+test.column, test.dest); (err == nil) != test.ok {
			t.Errorf("%s into a %T: %v", test.column, test.dest, err)
		}
	}
	if err := c.read(t.Context(), "SELECT 1, 2", &i); err == nil {
		t.Error("two columns go into one place")
	}
	if err := c.read(t.Context(), "SELECT 1 WHERE 0", &i); !errors.Is(err, io.EOF) {
		t.Errorf("no row: %v", err)
	}
}

// TestInterrupt: a context interrupts the statement that it was given to, and no other.
func TestInterrupt(t *testing.T) {
	c := newConn(t)
	const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
	never := func(scan) error { return errors.New("there is no row") }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for range 3 { // the last two are not begun
		if err := c.each(ctx, never, endless); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	if err := c.script(ctx, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	var n int
	if err := c.each(t.Context(), func(s scan) error { return s(&n) }, "SELECT 7"); n != 7 || err != nil {
		t.Errorf("the next statement gives %d, %v", n, err)
	}
}

// TestBusyStatement: a statement whose rows are being read cannot be run.
func TestBusyStatement(t *testing.T) {
	c := newConn(t)
	var rows []string
	err := c.each(t.Context(), func(s scan) error {
		var text string
		if err := c.push("SELECT value FROM json_each($1)", "[]"); err == nil {
			t.Error("it ran")
		}
		err := s(&text)
		rows = append(rows, text)
		return err
	}, "SELECT value FROM json_each($1)", []string{"a", "b"})
	if diff := cmp.Diff([]string{"a", "b"}, rows); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// TestFault: an error has SQLite's number and words.
func TestFault(t *testing.T) {
	c := newConn(t)
	if err := c.script(t.Context(), "CREATE TABLE a(x UNIQUE); INSERT INTO a VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	var fault *sqliteFault
	err := c.push("INSERT INTO a VALUES ($1)", 1)
	if !errors.As(err, &fault) || err.Error() != "constraint failed: UNIQUE constraint failed: a.x (2067)" {
		t.Errorf("a second row gives %v", err)
	}
	if n, err := c.exec("INSERT INTO a VALUES ($1)", 2); n != 1 || err != nil {
		t.Errorf("the statement cannot be run again: %d, %v", n, err)
	}
	if _, err := connectSQLite(filepath.Join(t.TempDir(), "none.db")); err == nil || !strings.Contains(err.Error(), "unable to open database file") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := c.script(t.Context(), `SELECT "no column"`); err == nil {
		t.Error("a text in double quotes is taken")
	}
}

// TestManyStatements: a connection keeps only so many.
func TestManyStatements(t *testing.T) {
	c := newConn(t)
	for i := range maxStmts + 10 {
		var n int
		if err := c.each(t.Context(), func(s scan) error { return s(&n) }, fmt.Sprintf("SELECT %d", i)); n != i || err != nil {
			t.Fatal(n, err)
		}
	}
	if n := len(c.stmts); n != maxStmts {
		t.Errorf("%d statements are kept", n)
	}
}
