package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// open returns a fresh database whose writer the test can hold up.
func open(t testing.TB, cfg Config) *DB {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = filepath.Join(t.TempDir(), "rollcall.db")
	}
	db, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// sqliteOf returns the engine of a database that is a file.
func sqliteOf(db *DB) *sqliteEngine { return db.engine.(*sqliteEngine) }

// hold keeps the writer inside a transaction until release is called, and
// returns the answer of the update that does so.
func hold(db *DB) (release func(), answer <-chan error) {
	entered, gate, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- db.Update(context.Background(), func(*Tx) error {
			close(entered)
			<-gate
			return nil
		})
	}()
	<-entered
	return func() { close(gate) }, done
}

// submit starts an update of each fn and returns when all of them are queued.
func submit(db *DB, fns ...func(*Tx) error) []chan error {
	var answers []chan error
	for _, fn := range fns {
		before := len(sqliteOf(db).writer.queue)
		answer := make(chan error, 1)
		go func() {
			defer func() {
				if v := recover(); v != nil {
					answer <- fmt.Errorf("panic: %v", v)
				}
			}()
			answer <- db.Update(context.Background(), fn)
		}()
		for len(sqliteOf(db).writer.queue) == before && len(answer) == 0 {
			runtime.Gosched()
		}
		answers = append(answers, answer)
	}
	return answers
}

func set(name string) func(*Tx) error {
	return func(tx *Tx) error { return tx.SetSetting(name, []byte(name)) }
}

// has reports whether the setting is stored.
func has(t testing.TB, db *DB, name string) bool {
	t.Helper()
	err := db.View(context.Background(), func(tx *Tx) error {
		_, err := tx.Setting(name)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	return err == nil
}

func TestBatch(t *testing.T) {
	db := open(t, Config{})
	oops := errors.New("oops")
	commits := sqliteOf(db).writer.commits.Load()
	release, held := hold(db)
	answers := submit(db,
		set("a"),
		func(tx *Tx) error { return errors.Join(tx.SetSetting("b", []byte("b")), oops) },
		func(tx *Tx) error { tx.SetSetting("c", []byte("c")); panic("boom") },
		func(tx *Tx) error { tx.exec("INSERT INTO nowhere VALUES (1)"); return nil },
		set("d"),
	)
	release()
	for i, check := range []func(error) bool{
		func(err error) bool { return err == nil },
		func(err error) bool { return errors.Is(err, oops) },
		func(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "panic: boom") },
		func(err error) bool { return err != nil && strings.Contains(err.Error(), "nowhere") },
		func(err error) bool { return err == nil },
	} {
		if err := <-answers[i]; !check(err) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if err := <-held; err != nil {
		t.Error(err)
	}
	if n := sqliteOf(db).writer.commits.Load() - commits; n != 1 {
		t.Errorf("%d transactions, want one for all", n)
	}
	for name, want := range map[string]bool{"a": true, "b": false, "c": false, "d": true} {
		if has(t, db, name) != want {
			t.Errorf("%s stored: %v", name, !want)
		}
	}
}

func TestBatchSize(t *testing.T) {
	db := open(t, Config{Batch: 2})
	commits := sqliteOf(db).writer.commits.Load()
	release, held := hold(db)
	answers := submit(db, set("a"), set("b"), set("c"), set("d"))
	release()
	for _, answer := range answers {
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
	if err := <-held; err != nil {
		t.Error(err)
	}
	if n := sqliteOf(db).writer.commits.Load() - commits; n != 3 {
		t.Errorf("%d transactions of at most 2 requests for 5", n)
	}
}

func TestCancelledWhileQueued(t *testing.T) {
	db := open(t, Config{})
	release, held := hold(db)
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan error, 1)
	go func() {
		gone <- db.Update(ctx, func(*Tx) error {
			t.Error("a cancelled request was run")
			return nil
		})
	}()
	for len(sqliteOf(db).writer.queue) == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) { // at once, not when its turn comes
		t.Error(err)
	}
	answers := submit(db, set("a"))
	release()
	if err := errors.Join(<-held, <-answers[0]); err != nil {
		t.Error(err)
	}
}

func TestQueueFull(t *testing.T) {
	db := open(t, Config{Queue: 2})
	release, held := hold(db)
	answers := submit(db, set("a"), set("b"))
	if err := db.Update(context.Background(), set("c")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("into a full queue: %v", err)
	}
	release()
	if err := errors.Join(<-held, <-answers[0], <-answers[1]); err != nil {
		t.Error(err)
	}
	if has(t, db, "c") {
		t.Error("a refused write is stored")
	}
}

func TestCloseFinishesTheQueue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	db := open(t, Config{Path: path})
	release, held := hold(db)
	answers := submit(db, set("a"), set("b"))
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	<-sqliteOf(db).closed
	if err := db.View(context.Background(), func(*Tx) error { return nil }); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a view while closing: %v", err)
	}
	release()
	if err := errors.Join(<-held, <-answers[0], <-answers[1], <-closed); err != nil {
		t.Error(err)
	}
	if err := db.Update(context.Background(), set("c")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("update after close: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	again := open(t, Config{Path: path})
	if !has(t, again, "a") || !has(t, again, "b") || has(t, again, "c") {
		t.Error("not what was acknowledged")
	}
}

// A full disk takes the whole transaction with it: nobody may be told that
// their part is stored, and nothing may be stored in pieces.
func TestFullDisk(t *testing.T) {
	db := open(t, Config{})
	if err := db.Update(context.Background(), set("before")); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 1<<20)
	limit := func(pages int) func(*Tx) error {
		return func(tx *Tx) error {
			_, err := tx.exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			return err
		}
	}
	if err := db.Update(context.Background(), limit(1)); err != nil { // as many as there are
		t.Fatal(err)
	}
	release, held := hold(db)
	answers := submit(db,
		set("a"),
		func(tx *Tx) error {
			tx.SetSetting("big", []byte(big))          // fails, and fn looks away
			return tx.SetSetting("after", []byte("b")) // must not be kept on its own
		},
		set("c"),
	)
	release()
	if err := <-held; !errors.Is(err, ErrUnavailable) {
		t.Errorf("the request that wrote nothing: %v", err)
	}
	for i, answer := range answers[:2] {
		if err := <-answer; !errors.Is(err, ErrUnavailable) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	// The one behind it got a transaction of its own.
	if err := <-answers[2]; err != nil {
		t.Errorf("request 2: %v", err)
	}
	if err := db.Update(context.Background(), limit(1<<30)); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(context.Background(), func(tx *Tx) error { return tx.SetSetting("big", []byte(big)) }); err != nil {
		t.Errorf("with room again: %v", err)
	}
	for name, want := range map[string]bool{"before": true, "a": false, "after": false, "c": true, "big": true} {
		if has(t, db, name) != want {
			t.Errorf("%s stored: %v", name, !want)
		}
	}
	if err := db.View(context.Background(), (*Tx).Check); err != nil {
		t.Error(err)
	}
}

// A connection that has come to be in the wrong state is replaced.
func TestWriterReplacesItsConnection(t *testing.T) {
	db := open(t, Config{})
	err := db.Update(context.Background(), func(tx *Tx) error {
		tx.session.(*conn).exec("COMMIT")
		return tx.SetSetting("a", []byte("a"))
	})
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("after a stray commit: %v", err)
	}
	if err := db.Update(context.Background(), set("b")); err != nil {
		t.Error(err)
	}
	err = db.Update(context.Background(), func(tx *Tx) error { return sqliteOf(db).writer.conn.close() })
	if err == nil {
		t.Error("no error on a closed connection")
	}
	if err := db.Update(context.Background(), set("c")); err != nil {
		t.Error(err)
	}
	if !has(t, db, "b") || !has(t, db, "c") {
		t.Error("not what was acknowledged")
	}
}

// Another process, as the command line, may write to the file of a running server.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	first, second := open(t, Config{Path: path}), open(t, Config{Path: path})
	const each = 50
	answers := make(chan error, 2*each)
	for i := range each {
		for j, db := range []*DB{first, second} {
			go func() { answers <- db.Update(context.Background(), set(fmt.Sprint(j, "-", i))) }()
		}
	}
	for range 2 * each {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	for i := range each {
		if !has(t, first, fmt.Sprint("1-", i)) || !has(t, second, fmt.Sprint("0-", i)) {
			t.Fatalf("write %d is not seen by the other", i)
		}
	}
}

// One that holds the file for long makes writes fail in order, not hang.
func TestLockedOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	first, second := open(t, Config{Path: path}), open(t, Config{Path: path})
	if _, err := sqliteOf(second).writer.conn.exec("PRAGMA busy_timeout=10"); err != nil { // it is 5 s
		t.Fatal(err)
	}
	release, held := hold(first)
	if err := second.Update(context.Background(), set("a")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("locked out: %v", err)
	}
	release()
	if err := <-held; err != nil {
		t.Error(err)
	}
	if err := second.Update(context.Background(), set("b")); err != nil {
		t.Error(err)
	}
}

// A reader keeps the log from beginning anew; when it is gone, the log becomes
// short again although writers never rest.
func TestLogStaysShort(t *testing.T) {
	const limit = 1 << 20
	db := open(t, Config{WALLimit: limit})
	log := db.cfg.Path + "-wal"
	deadline := time.Now().Add(20 * time.Second)
	written := 0
	writeUntil := func(done func(size int64) bool) {
		t.Helper()
		for {
			written++
			value := []byte(strings.Repeat(fmt.Sprint(written), 4096))
			if err := db.Update(context.Background(), func(tx *Tx) error { return tx.SetSetting("a", value) }); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(log)
			if err != nil {
				t.Fatal(err)
			}
			if done(info.Size()) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d bytes of log after %d writes", info.Size(), written)
			}
		}
	}
	err := db.View(context.Background(), func(tx *Tx) error {
		if _, err := tx.Tenants(); err != nil {
			return err
		}
		writeUntil(func(size int64) bool { return size > 4*limit })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	writeUntil(func(size int64) bool { return size <= limit })
}
