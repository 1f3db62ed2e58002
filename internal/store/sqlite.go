package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteEngine is what only SQLite knows: how to open connections, what errors
// mean, how to keep the log short.
type sqliteEngine struct {
	cfg        Config
	readers    chan *conn // those that are free
	closed     chan struct{}
	closeOnce  sync.Once
	closeErr   error
	writer     *writer
	checkpoint *checkpointer
	index      walIndex
}

func openSQLite(ctx context.Context, db *DB) (_ engine, err error) {
	e := &sqliteEngine{cfg: db.cfg, readers: make(chan *conn, db.cfg.Readers), closed: make(chan struct{})}
	if _, err := os.Stat(e.cfg.Path); e.cfg.Existing && errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoData
	}
	if err := e.create(); err != nil {
		return nil, err
	}
	w, err := e.openWriter(ctx)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, sqliteSchema{w}, "sqlite"); err != nil {
		return nil, errors.Join(err, w.close())
	}
	opened := []*conn{w}
	defer func() {
		if err != nil {
			for _, c := range opened {
				err = errors.Join(err, c.close())
			}
		}
	}()
	for range e.cfg.Readers + 1 {
		c, err := e.openReader(ctx)
		if err != nil {
			return nil, err
		}
		opened = append(opened, c)
	}
	if e.index, err = openWALIndex(e.cfg.Path); err != nil {
		return nil, err
	}
	e.writer = newWriter(db, e, w)
	e.checkpoint = newCheckpointer(e, opened[1])
	for _, c := range opened[2:] {
		e.readers <- c
	}
	go e.writer.run()
	go e.checkpoint.run()
	return e, nil
}

func (e *sqliteEngine) close() error {
	e.closeOnce.Do(func() {
		close(e.closed)
		e.closeErr = errors.Join(e.writer.finish(), e.checkpoint.finish())
		for range e.cfg.Readers {
			e.closeErr = errors.Join(e.closeErr, (<-e.readers).close())
		}
		// The last connection to close moves the log into the file.
		e.closeErr = errors.Join(e.closeErr, e.writer.conn.close(), e.index.close())
	})
	return e.closeErr
}

func (e *sqliteEngine) generation() (Generation, bool) { return e.index.read() }

func (e *sqliteEngine) stats() Stats {
	return Stats{Waiting: len(e.writer.queue), Written: e.writer.written.Load(), Commits: e.writer.commits.Load()}
}

func (e *sqliteEngine) view(ctx context.Context, fn func(*Tx) error) error {
	c, err := e.borrow(ctx)
	if err != nil {
		return err
	}
	defer func() { e.readers <- c }()
	tx := &Tx{db: e.writer.db, session: c, ctx: ctx, limit: context.Background(), view: true, known: &knowledge{still: true}}
	if _, err := tx.exec("BEGIN"); err != nil {
		return err
	}
	// A snapshot that stayed open would hold up every checkpoint, so it ends
	// even when fn panics. There is nothing to commit.
	defer c.exec("ROLLBACK")
	return fn(tx)
}

func (e *sqliteEngine) borrow(ctx context.Context) (*conn, error) {
	// select chooses at random: what must win is asked first.
	select {
	case <-e.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}
	select {
	case c := <-e.readers:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-e.closed:
		return nil, errClosed
	}
}

func (e *sqliteEngine) update(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{fn: fn, done: make(chan outcome, 1)}
	if err := e.writer.submit(r); err != nil {
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

// The pragmas of every connection. wal_autocheckpoint is off because a
// committing writer should not pay for a checkpoint: see checkpointer.
var commonPragmas = []string{
	"busy_timeout(5000)", "wal_autocheckpoint(0)", "foreign_keys(ON)", "temp_store(MEMORY)",
}

// The page cache belongs to a connection: a large one only for the writer, the
// readers share the operating system's.
const (
	writerCache = "cache_size(-65536)" // KiB
	readerCache = "cache_size(-2048)"
)

// create makes the file and its directory if they are not there. SQLite gives
// the log and its index the mode of the file.
func (e *sqliteEngine) create() error {
	if err := os.MkdirAll(filepath.Dir(e.cfg.Path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(e.cfg.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// openWriter opens the connection that writes and makes sure that it keeps what it
// commits: drivers differ in what WAL implies for synchronous.
func (e *sqliteEngine) openWriter(ctx context.Context) (*conn, error) {
	c, err := e.connect(ctx, writerCache, "journal_mode(WAL)", "synchronous(FULL)",
		fmt.Sprintf("journal_size_limit(%d)", e.cfg.WALLimit))
	if err != nil {
		return nil, err
	}
	for _, want := range []struct{ pragma, value string }{
		{"journal_mode", "wal"}, {"synchronous", "2"}, {"foreign_keys", "1"}, {"wal_autocheckpoint", "0"},
	} {
		var got string
		if err := c.read(ctx, "PRAGMA "+want.pragma, &got); err != nil {
			return nil, errors.Join(err, c.close())
		}
		if got != want.value {
			return nil, errors.Join(fmt.Errorf("PRAGMA %s is %s, not %s: commits would not be safe", want.pragma, got, want.value), c.close())
		}
	}
	return c, nil
}

func (e *sqliteEngine) openReader(ctx context.Context) (*conn, error) {
	return e.connect(ctx, readerCache, "query_only(ON)")
}

func (e *sqliteEngine) connect(ctx context.Context, pragmas ...string) (*conn, error) {
	path, err := filepath.Abs(e.cfg.Path)
	if err != nil {
		return nil, err
	}
	c, err := connectSQLite(path)
	if err != nil {
		return nil, err
	}
	for _, p := range slices.Concat(commonPragmas, pragmas) {
		if err := c.script(ctx, "PRAGMA "+p); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// translate gives a driver's error the meaning that this package documents.
func (e *sqliteEngine) translate(err error) error {
	var fault *sqliteFault
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		// "UNIQUE constraint failed: resource.tid, resource.type, resource.id"
		if strings.HasSuffix(fault.text, ".id") {
			return ErrIDTaken
		}
		return ErrKeyTaken
	}
	switch fault.code & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY,
		sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// checkpointLog moves the log into the file and returns the length of the log in bytes.
func (e *sqliteEngine) checkpointLog(c *conn, mode string) (size int64, err error) {
	var busy, frames, moved int64
	err = c.read(context.Background(), "PRAGMA wal_checkpoint("+mode+")", &busy, &frames, &moved)
	const frame = 4096 + 24 // a page and its header
	return frames * frame, err
}

// restartLog finishes a checkpoint from the writer's own connection, so that
// the next transaction overwrites the log from its start. It waits only
// briefly for readers of old snapshots: writers wait behind it.
func (e *sqliteEngine) restartLog(c *conn) {
	// Not as prepared statements: this pragma takes effect when it is prepared.
	c.script(context.Background(), "PRAGMA busy_timeout = 100")
	e.checkpointLog(c, "RESTART") // if it was in vain, the checkpointer asks again
	c.script(context.Background(), "PRAGMA busy_timeout = 5000")
}

// check looks for damage in the file, and in the counters.
func (e *sqliteEngine) check(tx *Tx) error {
	verdict, err := first(tx, func(s scan) (text string, err error) { return text, s(&text) }, "PRAGMA integrity_check")
	if err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("store: the file is damaged: %s", verdict)
	}
	return tx.checkNone([]flaw{
		{"references lead nowhere", "-- reads everything\nSELECT count(*) FROM pragma_foreign_key_check"},
		{"rows are in another environment than what they belong to", `-- reads everything
			SELECT (SELECT count(*) FROM credential c JOIN resource r ON r.rid = c.rid WHERE r.tid <> c.tid)
				+ (SELECT count(*) FROM confirmation c JOIN resource r ON r.rid = c.rid WHERE r.tid <> c.tid)
				+ (SELECT count(*) FROM entitlement e JOIN resource r ON r.rid = e.rid WHERE r.tid <> e.tid)
				+ (SELECT count(*) FROM api_secret s JOIN api_client c ON c.cid = s.cid WHERE c.tid <> s.tid)
				+ (SELECT count(*) FROM assertion a JOIN api_client c ON c.cid = a.cid WHERE c.tid <> a.tid)`},
		{"counters are wrong", `-- reads everything
			SELECT count(*) FROM (SELECT tid, type, count(*) AS n FROM resource GROUP BY tid, type) r
			FULL JOIN (SELECT tid, type, n FROM counter WHERE n <> 0) c ON c.tid = r.tid AND c.type = r.type WHERE c.n IS NOT r.n`},
	})
}

// guarantee: the writer was seen to flush when it was opened.
func (e *sqliteEngine) guarantee(tx *Tx) (*Guarantee, error) {
	g := &Guarantee{Engine: "SQLite", Fsync: true}
	return g, tx.one(func(s scan) error { return s(&g.Version) }, "SELECT sqlite_version()")
}

// There is one writer, so that nothing is locked, and changes are numbered in
// the order of commits.
func (e *sqliteEngine) lockKey(tx *Tx, _ string) error           { return tx.err }
func (e *sqliteEngine) lockTenant(tx *Tx, _ int64, _ bool) error { return tx.err }
func (e *sqliteEngine) lock(*Tx, string) string                  { return "" }
func (e *sqliteEngine) settled() string                          { return "" }

// key: numbers are unique in the file.
func (e *sqliteEngine) key(columns string) string { return columns }

// numbered: to look whether each row is of the environment would take as long as what is looked for.
func (e *sqliteEngine) numbered(_ int64, column string, n int64) (where string, vals []any) {
	return column + " = ?", []any{n}
}

func (e *sqliteEngine) addIndexRows(tx *Tx, tid, rid int64, set indexSet) error {
	for _, row := range set {
		if err := tx.push("INSERT INTO attr(tid, aid, val, rid) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", tid, row.aid, row.val, rid); err != nil {
			return err
		}
	}
	return nil
}

func (e *sqliteEngine) appendChange(tx *Tx, _ bool, args ...any) (int64, error) {
	return tx.insert("seq", "INSERT INTO change(tid, at, op, type, id, version, actor, request, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", args...)
}

func (e *sqliteEngine) count(tx *Tx, tid int64, t Type) (int, error) {
	n, err := first(tx, scanInt, "SELECT coalesce(sum(n), 0) FROM counter WHERE tid = $1 AND type = $2", tid, t)
	return int(n), err
}

func (e *sqliteEngine) counted(tx *Tx, tid int64, t Type, n int) error {
	_, err := tx.exec("INSERT INTO counter(tid, type, n) VALUES ($1, $2, $3) ON CONFLICT (tid, type) DO UPDATE SET n = counter.n + $3", tid, t, n)
	return err
}

func (e *sqliteEngine) uncount(tx *Tx, tid int64) error {
	_, err := tx.exec("DELETE FROM counter WHERE tid = $1", tid)
	return err
}

func (e *sqliteEngine) listed(param, _ string) string { return "json_each(" + param + ") w" }

func (e *sqliteEngine) unindexed(column string) string { return "+" + column }

func (e *sqliteEngine) contains(column string) string { return "instr(" + column + ", ?) > 0" }

// ends asks in bytes. substr takes what there is, so it is asked how much that
// was. An empty end would start at 0, which is not the end.
func (e *sqliteEngine) ends(column, key string) (where string, vals []any) {
	return "(octet_length(" + column + ") >= ? AND (? = 0 OR substr(CAST(" + column + " AS BLOB), ?) = ?))",
		[]any{len(key), len(key), -len(key), []byte(key)}
}

// A sqliteSchema is the schema of a file, see migrate.
type sqliteSchema struct{ *conn }

func (s sqliteSchema) begin(ctx context.Context) error { return s.script(ctx, "BEGIN IMMEDIATE") }

func (s sqliteSchema) end(ctx context.Context, keep bool) error {
	if keep {
		return s.script(ctx, "COMMIT")
	}
	return s.script(ctx, "ROLLBACK")
}

func (s sqliteSchema) tables(ctx context.Context) (all int, ours bool, err error) {
	err = s.read(ctx, "SELECT count(*), coalesce(sum(name = 'schema_version'), 0) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", &all, &ours)
	return all, ours, err
}

// serial returns the greatest key that was given out in the table.
func (e *sqliteEngine) serial(tx *Tx, table, column string) (int64, error) {
	return first(tx, scanInt, "-- reads everything\nSELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = $1", table)
}

// setSerial makes the keys given out in the table greater than last.
func (e *sqliteEngine) setSerial(tx *Tx, table, column string, last int64) error {
	if _, err := tx.exec("-- reads everything\nDELETE FROM sqlite_sequence WHERE name = $1", table); err != nil {
		return err
	}
	_, err := tx.exec("INSERT INTO sqlite_sequence(name, seq) VALUES ($1, $2)", table, last)
	return err
}

// recount sets the counters.
func (e *sqliteEngine) recount(tx *Tx) error {
	if _, err := tx.exec("-- reads everything\nDELETE FROM counter"); err != nil {
		return err
	}
	_, err := tx.exec("-- reads everything\nINSERT INTO counter(tid, type, n) SELECT tid, type, count(*) FROM resource GROUP BY tid, type")
	return err

}
