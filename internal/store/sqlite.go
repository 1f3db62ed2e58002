package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteEngine is what only SQLite knows: how to open connections, what errors
// mean, how to keep the log short.
type sqliteEngine struct {
	path     string
	walLimit int64
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
func (e sqliteEngine) create() error {
	if err := os.MkdirAll(filepath.Dir(e.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(e.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// migrations returns the migrations of this engine.
func (e sqliteEngine) migrations() (fs.FS, error) { return fs.Sub(migrations, "migrations/sqlite") }

// writer opens the connection that writes and makes sure that it keeps what it
// commits: drivers differ in what WAL implies for synchronous.
func (e sqliteEngine) writer(ctx context.Context) (*conn, error) {
	c, err := e.connect(ctx, writerCache, "journal_mode(WAL)", "synchronous(FULL)",
		fmt.Sprintf("journal_size_limit(%d)", e.walLimit))
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

func (e sqliteEngine) reader(ctx context.Context) (*conn, error) {
	return e.connect(ctx, readerCache, "query_only(ON)")
}

func (e sqliteEngine) connect(ctx context.Context, pragmas ...string) (*conn, error) {
	path, err := filepath.Abs(e.path)
	if err != nil {
		return nil, err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/...
	}
	// mode=rw: a file that has gone away is an error, not a new directory.
	options := url.Values{"mode": {"rw"}, "_dqs": {"0"}, "_defensive": {"1"}, "_error_rc": {"1"},
		"_pragma": append(pragmas, commonPragmas...)}
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}).String())
	if err != nil {
		return nil, err
	}
	c, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{driver: c, stmts: make(map[string]driver.Stmt)}, nil
}

// translate gives a driver's error the meaning that this package documents.
func (e sqliteEngine) translate(err error) error {
	var fault *sqlite.Error
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		// "UNIQUE constraint failed: resource.tid, resource.type, resource.id"
		text, _, _ := strings.Cut(fault.Error(), " (")
		if strings.HasSuffix(text, ".id") {
			return ErrIDTaken
		}
		return ErrKeyTaken
	}
	switch fault.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY,
		sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// checkpoint moves the log into the file and returns the length of the log in bytes.
func (e sqliteEngine) checkpoint(c *conn, mode string) (size int64, err error) {
	var busy, frames, moved int64
	err = c.read(context.Background(), "PRAGMA wal_checkpoint("+mode+")", &busy, &frames, &moved)
	const frame = 4096 + 24 // a page and its header
	return frames * frame, err
}

// restartLog finishes a checkpoint from the writer's own connection, so that
// the next transaction overwrites the log from its start. It waits only
// briefly for readers of old snapshots: writers wait behind it.
func (e sqliteEngine) restartLog(c *conn) {
	// Not as prepared statements: this pragma takes effect when it is prepared.
	c.script(context.Background(), "PRAGMA busy_timeout = 100")
	e.checkpoint(c, "RESTART") // if it was in vain, the checkpointer asks again
	c.script(context.Background(), "PRAGMA busy_timeout = 5000")
}

// check looks for damage in the file.
func (e sqliteEngine) check(tx *Tx) error {
	verdict, err := first(tx, func(s scan) (text string, err error) { return text, s(&text) }, "PRAGMA integrity_check")
	if err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("store: the file is damaged: %s", verdict)
	}
	dangling, err := first(tx, scanInt, "-- reads everything\nSELECT count(*) FROM pragma_foreign_key_check")
	if err == nil && dangling > 0 {
		err = fmt.Errorf("store: %d references lead nowhere", dangling)
	}
	return err
}
