package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A pgSession runs statements on a connection to PostgreSQL. What nobody waits
// for is queued, and sent with the next statement in one go.
type pgSession struct {
	conn   *pgx.Conn
	pooled *pgxpool.Conn // the same, nil if it is of no pool
	queue  []queued
	sent   bool      // a statement
	end    time.Time // when the connection is given up; zero for never
}

type queued struct {
	text string
	args []any
}

// newPGSession returns a session that begins a transaction with its first statement.
// Soon after the deadline of ctx it gives up a server that does not answer.
func newPGSession(ctx context.Context, c *pgxpool.Conn, begin string) *pgSession {
	s := &pgSession{conn: c.Conn(), pooled: c, queue: []queued{{text: begin}}}
	if end, ok := ctx.Deadline(); ok {
		s.end = end.Add(time.Second)
	}
	return s
}

// errLost: the connection is gone.
var errLost = errors.New("the connection to the database is lost")

// used reports whether there was any statement but BEGIN.
func (s *pgSession) used() bool { return s.sent || len(s.queue) > 1 }

// release ends the transaction, if it is not committed, and gives the connection back.
func (s *pgSession) release() {
	if !s.conn.IsClosed() && s.conn.PgConn().TxStatus() != 'I' {
		s.queue = nil
		_, _ = s.exec("ROLLBACK") // a connection that cannot is not used again
	}
	_ = s.conn.PgConn().Conn().SetDeadline(time.Time{}) // one that is closed is dropped
	s.pooled.Release()
}

// push queues a statement whose result nobody waits for.
func (s *pgSession) push(text string, args ...any) error {
	s.queue = append(s.queue, queued{text, args})
	return nil
}

// flush sends what is queued.
func (s *pgSession) flush() error {
	if len(s.queue) == 0 {
		return nil
	}
	last := s.queue[len(s.queue)-1]
	s.queue = s.queue[:len(s.queue)-1]
	_, err := s.exec(last.text, last.args...)
	return err
}

func (s *pgSession) commit() error {
	tag, err := s.run(context.Background(), nil, "COMMIT", nil)
	if err == nil && tag.String() != "COMMIT" {
		err = errors.New("the transaction was not committed: " + tag.String())
	}
	return err
}

func (s *pgSession) exec(text string, args ...any) (int, error) {
	tag, err := s.run(context.Background(), nil, text, args)
	return int(tag.RowsAffected()), err
}

func (s *pgSession) insert(key, text string, args ...any) (id int64, err error) {
	err = s.each(context.Background(), func(read scan) error { return read(&id) }, text+" RETURNING "+key, args...)
	return id, err
}

func (s *pgSession) each(ctx context.Context, read func(scan) error, text string, args ...any) error {
	_, err := s.run(ctx, read, text, args)
	return err
}

// run sends what is queued and a statement, and calls read, if it is not nil,
// for the rows of the latter.
func (s *pgSession) run(ctx context.Context, read func(scan) error, text string, args []any) (tag pgconn.CommandTag, err error) {
	if s.conn.IsClosed() {
		return tag, errLost
	}
	defer func() {
		if err != nil && s.conn.IsClosed() {
			err = fmt.Errorf("%w: %w", errLost, err)
		}
	}()
	s.sent = true
	// Not by a context: each would cost a goroutine.
	end := time.Now().Add(statementTime)
	if !s.end.IsZero() && s.end.Before(end) {
		end = s.end
	}
	if err := s.conn.PgConn().Conn().SetDeadline(end); err != nil {
		return tag, err
	}
	var batch pgx.Batch
	for _, q := range append(s.queue, queued{text, args}) {
		values, err := pgArgs(q.args)
		if err != nil {
			return tag, err
		}
		batch.Queue(q.text, values...)
	}
	var rows pgx.Rows
	if len(s.queue) == 0 {
		rows, err = s.conn.Query(ctx, text, batch.QueuedQueries[0].Arguments...)
	} else {
		results := s.conn.SendBatch(ctx, &batch)
		defer func() { err = errors.Join(err, results.Close()) }()
		for range s.queue {
			if _, err := results.Exec(); err != nil {
				return tag, err
			}
		}
		s.queue = s.queue[:0]
		rows, err = results.Query()
	}
	if err != nil {
		return tag, err
	}
	defer rows.Close()
	values := pgRow{rows}
	for rows.Next() {
		if read == nil {
			continue
		}
		if err := read(values.scan); err != nil {
			return tag, err
		}
	}
	return rows.CommandTag(), rows.Err()
}

// pgArgs makes arguments of the kinds that the columns and pgx go together with.
func pgArgs(args []any) ([]any, error) {
	values := make([]any, len(args))
	for i, arg := range args {
		var err error
		if values[i], err = plain(arg); err != nil {
			return nil, err
		}
		switch values[i] {
		case true: // there are no columns of truth values, as in SQLite
			values[i] = int64(1)
		case false:
			values[i] = int64(0)
		}
	}
	return values, nil
}

// A pgRow is the row at hand.
type pgRow struct{ rows pgx.Rows }

// scan stores its columns.
func (r pgRow) scan(dest ...any) error {
	fields, raw := r.rows.FieldDescriptions(), r.rows.RawValues()
	if len(dest) != len(raw) {
		return fmt.Errorf("%d columns, not %d", len(raw), len(dest))
	}
	for i, d := range dest {
		v, err := pgValue(fields[i], raw[i])
		if err != nil {
			return err
		}
		if !assign(d, v) {
			return fmt.Errorf("column %s: a %T does not go into a %T", fields[i].Name, v, d)
		}
	}
	return nil
}

// pgValue returns a column as SQLite would give it: nil, an int64, a string or bytes.
func pgValue(field pgconn.FieldDescription, raw []byte) (any, error) {
	if raw == nil {
		return nil, nil
	}
	isText := field.Format == pgtype.TextFormatCode
	switch field.DataTypeOID {
	case pgtype.BoolOID:
		if raw[0] == 1 || raw[0] == 't' {
			return int64(1), nil
		}
		return int64(0), nil
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		if isText {
			return strconv.ParseInt(string(raw), 10, 64)
		}
		switch len(raw) {
		case 2:
			return int64(int16(binary.BigEndian.Uint16(raw))), nil
		case 4:
			return int64(int32(binary.BigEndian.Uint32(raw))), nil
		}
		return int64(binary.BigEndian.Uint64(raw)), nil
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.NameOID:
		return string(raw), nil
	case pgtype.ByteaOID:
		if !isText {
			return append([]byte{}, raw...), nil
		}
	}
	return nil, fmt.Errorf("column %s has the type %d, which the store does not use", field.Name, field.DataTypeOID)
}

// read reads the first row of a query. Errors: io.EOF if there is none.
func (s *pgSession) read(ctx context.Context, text string, dest ...any) error {
	found := false
	err := s.each(ctx, func(read scan) error {
		found = true
		return read(dest...)
	}, text)
	if err == nil && !found {
		err = io.EOF
	}
	return err
}

// script runs statements that are not worth keeping.
func (s *pgSession) script(ctx context.Context, text string) error {
	_, err := s.conn.PgConn().Exec(ctx, text).ReadAll()
	return err
}

// A pgSchema is the schema of a database, see migrate.
type pgSchema struct{ *pgSession }

func (s pgSchema) begin(ctx context.Context) error {
	return s.script(ctx, fmt.Sprintf("BEGIN; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(%d, 0)", schemaLock))
}

func (s pgSchema) end(ctx context.Context, keep bool) error {
	if keep {
		return s.script(ctx, "COMMIT")
	}
	return s.script(ctx, "ROLLBACK")
}

func (s pgSchema) tables(ctx context.Context) (all int, ours bool, err error) {
	err = s.read(ctx, `SELECT count(*), coalesce(bool_or(c.relname = 'schema_version'), false) FROM pg_class c
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')`, &all, &ours)
	return all, ours, err
}
