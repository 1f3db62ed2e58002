package store

import (
	"context"
	"database/sql"
	"errors"
)

// A conn is one connection with the statements prepared on it. Statements run
// without a context: what interrupts one statement of a group commit must not
// be somebody else's cancelled request.
type conn struct {
	pool  *sql.DB // of this one connection
	sql   *sql.Conn
	stmts map[string]*sql.Stmt
}

// close also closes the statements: database/sql does not for those of a single
// connection, and SQLite would keep the connection half open for them.
func (c *conn) close() error {
	var err error
	for _, s := range c.stmts {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, c.sql.Close(), c.pool.Close())
}

func (c *conn) prepare(text string) (*sql.Stmt, error) {
	if s, ok := c.stmts[text]; ok {
		return s, nil
	}
	s, err := c.sql.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	c.stmts[text] = s
	return s, nil
}

func (c *conn) exec(text string, args ...any) (sql.Result, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	return s.Exec(args...)
}

func (c *conn) query(text string, args ...any) (*sql.Rows, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	return s.Query(args...)
}
