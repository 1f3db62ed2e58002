package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"strings"
)

// copySetting names the setting by which a database knows that a copy into it
// is not finished. It is not copied itself.
const copySetting = "copy"

// A copied table is one that Copy carries over.
type copied struct {
	name    string
	shared  bool   // it is of the installation; the others have tid before their columns
	key     int    // so many of the columns are the primary key, within an environment
	columns string // in order
	serial  bool   // the first of them is given out by the engine
}

// copiedTables are all tables, those before that others refer to. What is
// derived from them is not here: counters, and what one engine keeps for itself.
var copiedTables = []copied{
	{"tenant", true, 1, "tid, id, name, name_key, settings, default_pop, default_group, version, created, modified", true},
	{"setting", true, 1, "name, value", false},
	{"resource", false, 1, "rid, type, id, key, external_id, pop, name, display, version, created, modified, doc", true},
	{"attr_def", false, 1, "aid, type, path, state, kind, exact, scope", true},
	{"attr", false, 3, "aid, val, rid", false},
	{"unique_value", false, 2, "scope, val, rid", false},
	{"member", false, 3, "gid, kind, mid", false},
	{"credential", false, 1, "rid, hash, changed, must_change, failures, locked_until, history, last_login, failed", false},
	{"confirmation", false, 2, "rid, purpose, hash, created, expires, redirect", false},
	{"entitlement", false, 1, "rid, role", false},
	{"schema_def", false, 1, "sid, key, doc", true},
	{"type_def", false, 1, "type, key, doc", true},
	{"api_client", false, 1, "cid, id, name, role, doors, created, disabled, settings", true},
	{"api_secret", false, 1, "sid, cid, hash, created, expires, revoked, last_used, jwk", true},
	{"assertion", false, 2, "cid, jti, expires", false},
	{"change", false, 1, "seq, at, op, type, id, version, actor, request, detail", true},
	{"audit", false, 1, "seq, at, client, door, action, type, id, outcome, request, detail", true},
	{"stream", false, 1, "sid, id, cid, config, created, position, state", true},
	{"promise", false, 2, "txn, n, cid, at, asked, seq", false},
}

// all returns the table's columns. Those that an engine has for its key are next to each other.
func (c copied) all() string {
	if c.shared {
		return c.columns
	}
	return "tid, " + c.columns
}

// first returns the first n of the columns without tid.
func (c copied) first(n int) string { return strings.Join(strings.Split(c.columns, ", ")[:n], ", ") }

// keys returns the table's primary key in a database, and where in the columns it begins.
func (c copied) keys(db *DB) (keys string, from int) {
	keys = c.first(c.key)
	if c.shared {
		return keys, 0
	}
	if own := db.engine.key(keys); own != keys {
		return own, 0
	}
	return keys, 1
}

func (c copied) width() int { return strings.Count(c.all(), ",") + 1 }

// rows is the part of a statement that names the table's rows.
func (c copied) rows() string {
	if c.name == "setting" {
		return " FROM setting WHERE name <> '" + copySetting + "'"
	}
	return " FROM " + c.name + " WHERE true"
}

// A keeper is what Copy needs of an engine beside its tables.
type keeper interface {
	// serial returns the greatest key that was given out in the table; setSerial
	// makes those given out from now on greater than last.
	serial(tx *Tx, table, column string) (int64, error)
	setSerial(tx *Tx, table, column string, last int64) error
	// recount makes anew what is counted beside the tables.
	recount(tx *Tx) error
}

// Copied says what Copy has done.
type Copied struct {
	Rows    int64  `json:"rows"`    // of the source, all of which are in the target
	Resumed int64  `json:"resumed"` // of them an earlier, interrupted Copy had brought
	Digest  string `json:"digest"`  // of the rows, equal on both sides: SHA-256
}

// ErrCopyMissed says that the source was written to while it was copied.
var ErrCopyMissed = errors.New("store: the source was written to while it was copied")

// copyState is what the target knows of a copy that is not finished.
type copyState struct {
	Source [2]int64 // the last change and audit row of the source: what it was like
	Table  int      // index in copiedTables of the one that is being copied
	After  []any    // key of the last row copied of it
	Rows   int64    // copied so far
}

// Copy makes the target hold what the source does, whatever their engines, and
// proves it by a digest over both sides' rows. The source may be read and written
// meanwhile, but then the target lacks what is written after the beginning: that
// gives ErrCopyMissed, and Copy must be called again when nobody writes any more.
//
// The target must be empty, or hold the copy that an earlier call did not
// finish; that one is resumed if the source has not changed since. Until Copy
// has succeeded, Open refuses the target (see Config.Unfinished). progress is told now
// and then how much of the work is done.
func Copy(ctx context.Context, from, to *DB, progress func(done, total int64)) (*Copied, error) {
	return carry(ctx, from, to, progress, func(source [2]int64) error {
		return from.View(ctx, func(tx *Tx) error {
			now, err := lastWritten(tx)
			if err == nil && now != source {
				err = ErrCopyMissed
			}
			return err
		})
	})
}

// Snapshot is Copy for a backup: what is written after its beginning is not in
// the target, which is whole without it.
func Snapshot(ctx context.Context, from, to *DB, progress func(done, total int64)) (*Copied, error) {
	return carry(ctx, from, to, progress, func([2]int64) error { return nil })
}

// carry copies, and has succeeded if check allows it in the end.
func carry(ctx context.Context, from, to *DB, progress func(done, total int64), check func(source [2]int64) error) (*Copied, error) {
	var out *Copied
	var source [2]int64
	err := from.View(ctx, func(tx *Tx) (err error) {
		if source, err = lastWritten(tx); err != nil {
			return err
		}
		c := &copier{ctx: ctx, from: tx, to: to, progress: progress}
		out, err = c.run(source)
		return err
	})
	if err == nil {
		err = check(source)
	}
	if err != nil {
		return nil, err
	}
	return out, to.Update(ctx, func(tx *Tx) error {
		_, err := tx.exec("DELETE FROM setting WHERE name = $1", copySetting)
		return err
	})
}

// lastWritten returns the numbers of the newest rows of the two logs, in one
// of which every write leaves its own.
func lastWritten(tx *Tx) (seqs [2]int64, err error) {
	for i, table := range []string{"change", "audit"} {
		if seqs[i], err = first(tx, scanInt, "SELECT coalesce(max(seq), 0) FROM "+table); err != nil {
			return seqs, err
		}
	}
	return seqs, nil
}

// unfinished gives an error if the database is the target of a Copy that has not succeeded.
func (db *DB) unfinished(ctx context.Context) error {
	return db.View(ctx, func(tx *Tx) error {
		_, err := tx.Setting(copySetting)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case err == nil:
			err = errors.New("a copy into this database was not finished: finish it with the same rollcall copy, or empty the database")
		}
		return err
	})
}

// A copier is one call of Copy.
type copier struct {
	ctx         context.Context
	from        *Tx
	to          *DB
	progress    func(done, total int64)
	done, total int64
	state       copyState
}

func (c *copier) run(source [2]int64) (*Copied, error) {
	for _, t := range copiedTables {
		n, err := first(c.from, scanInt, "-- reads everything\nSELECT count(*)"+t.rows())
		if err != nil {
			return nil, err
		}
		c.total += 2 * n // it is copied, and then compared
	}
	resumed, err := c.prepare(source)
	if err != nil {
		return nil, err
	}
	if err := c.copy(); err != nil {
		return nil, err
	}
	digest, err := c.compare()
	if err != nil && resumed > 0 {
		// Something that the logs do not tell has changed since, as when a secret was used last.
		if resumed, err = 0, c.restart(source); err == nil {
			if err = c.copy(); err == nil {
				digest, err = c.compare()
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return &Copied{Rows: c.state.Rows, Resumed: resumed, Digest: digest}, nil
}

// prepare makes sure that the target may be written to, and returns how many
// rows it has of this source.
func (c *copier) prepare(source [2]int64) (resumed int64, err error) {
	var known []byte
	err = c.to.View(c.ctx, func(tx *Tx) error {
		var err error
		if known, err = tx.Setting(copySetting); !errors.Is(err, ErrNotFound) {
			return err
		}
		for _, t := range copiedTables {
			n, err := first(tx, scanInt, "SELECT count(*) FROM (SELECT 1"+t.rows()+" LIMIT 1) found")
			if err != nil {
				return err
			}
			if n > 0 {
				return fmt.Errorf("the target is not empty: it has rows in %s; name a database that no rollcall has served yet", t.name)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if known != nil {
		if err := gob.NewDecoder(bytes.NewReader(known)).Decode(&c.state); err != nil {
			return 0, err
		}
	}
	if known == nil || c.state.Source != source {
		return 0, c.restart(source)
	}
	c.tell(c.state.Rows)
	return c.state.Rows, nil
}

// restart empties the target.
func (c *copier) restart(source [2]int64) error {
	c.tell(-c.done)
	c.state = copyState{Source: source}
	return c.to.Update(c.ctx, func(tx *Tx) error {
		for i := len(copiedTables) - 1; i >= 0; i-- {
			if _, err := tx.exec("-- reads everything\nDELETE" + copiedTables[i].rows()); err != nil {
				return err
			}
		}
		return c.note(tx)
	})
}

// note writes down how far the copy is, in the transaction that brings it so far.
func (c *copier) note(tx *Tx) error {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(c.state); err != nil {
		return err
	}
	return tx.SetSetting(copySetting, b.Bytes())
}

func (c *copier) tell(more int64) {
	c.done += more
	c.progress(c.done, c.total)
}

// copy brings the rows that are missing, and then what belongs to the tables as such.
func (c *copier) copy() error {
	for ; c.state.Table < len(copiedTables); c.state.Table, c.state.After = c.state.Table+1, nil {
		if err := c.table(copiedTables[c.state.Table]); err != nil {
			return fmt.Errorf("copy %s: %w", copiedTables[c.state.Table].name, err)
		}
	}
	var serials []int64
	for _, t := range copiedTables {
		last := int64(0)
		if t.serial {
			var err error
			if last, err = c.from.db.engine.(keeper).serial(c.from, t.name, t.first(1)); err != nil {
				return err
			}
		}
		serials = append(serials, last)
	}
	return c.to.Update(c.ctx, func(tx *Tx) error {
		for i, t := range copiedTables {
			if !t.serial {
				continue
			}
			if err := tx.db.engine.(keeper).setSerial(tx, t.name, t.first(1), serials[i]); err != nil {
				return err
			}
		}
		return tx.db.engine.(keeper).recount(tx)
	})
}

// copyRows is how many rows are read by one statement and written in one transaction.
const copyRows = 2000

// copyValues is how many values one INSERT has at most. SQLite's driver takes
// time for each that grows with their number.
const copyValues = 200

// page returns the rows of a table that follow the one with the key after, nil for none,
// in the order of its key. No statement takes long, however large the table is.
func page(tx *Tx, t copied, after []any) ([][]any, error) {
	keys, _ := t.keys(tx.db)
	text := "-- reads everything\nSELECT " + t.all() + t.rows()
	if after != nil {
		text += " AND (" + keys + ") > (" + marks(0, len(after)) + ")"
	}
	return list(tx, func(s scan) ([]any, error) { return readRow(s, t.width()) },
		text+" ORDER BY "+keys+fmt.Sprintf(" LIMIT %d", copyRows), after...)
}

// keyOf returns the key of a row in a database, as page takes it.
func keyOf(db *DB, t copied, row []any) []any {
	keys, from := t.keys(db)
	return row[from : from+strings.Count(keys, ",")+1]
}

// table copies the rows of a table, in order of their keys.
func (c *copier) table(t copied) error {
	for {
		rows, err := page(c.from, t, c.state.After)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := c.flush(t, rows); err != nil {
			return err
		}
	}
}

// flush writes the rows to the target.
func (c *copier) flush(t copied, batch [][]any) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	c.state.After, c.state.Rows = keyOf(c.from.db, t, batch[len(batch)-1]), c.state.Rows+int64(len(batch))
	err := c.to.Update(c.ctx, func(tx *Tx) error {
		for rest := batch; len(rest) > 0; {
			n := min(len(rest), copyValues/t.width())
			var args []any
			for _, row := range rest[:n] {
				args = append(args, row...)
			}
			if _, err := tx.exec(insertRows(t, n), args...); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return c.note(tx)
	})
	if err == nil {
		c.tell(int64(len(batch)))
	}
	return err
}

// insertRows returns the statement that inserts n rows.
func insertRows(t copied, n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + t.name + "(" + t.all() + ") VALUES ")
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + marks(i*t.width(), t.width()) + ")")
	}
	return b.String()
}

// marks returns n parameters, $from+1 and on.
func marks(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", from+i+1)
	}
	return b.String()
}

// readRow reads the columns of a row.
func readRow(s scan, width int) ([]any, error) {
	row, dest := make([]any, width), make([]any, width)
	for i := range row {
		dest[i] = (*driver.Value)(&row[i])
	}
	return row, s(dest...)
}

// compare returns the digest of the rows, which must be that of both sides.
func (c *copier) compare() (string, error) {
	all := sha256.New()
	for _, t := range copiedTables {
		want, n, err := digest(c.from, t)
		if err != nil {
			return "", err
		}
		var got sum
		err = c.to.View(c.ctx, func(tx *Tx) (err error) {
			got, _, err = digest(tx, t)
			return err
		})
		if err != nil {
			return "", err
		}
		if got != want {
			return "", fmt.Errorf("the copy of %s differs from its source", t.name)
		}
		c.tell(n)
		fmt.Fprintf(all, "%s %x\n", t.name, want)
	}
	return fmt.Sprintf("%x", all.Sum(nil)), nil
}

// A sum is the sum of the SHA-256 of rows: it does not depend on their order, which
// is another one in each engine.
type sum [sha256.Size]byte

func (s *sum) add(hash [sha256.Size]byte) {
	carry := 0
	for i := range s {
		carry += int(s[i]) + int(hash[i])
		s[i] = byte(carry)
		carry >>= 8
	}
}

// digest returns that of a table's rows, and how many they are.
func digest(tx *Tx, t copied) (total sum, n int64, err error) {
	var after []any
	var text []byte
	for {
		rows, err := page(tx, t, after)
		if err != nil || len(rows) == 0 {
			return total, n, err
		}
		for _, row := range rows {
			text = text[:0]
			for _, v := range row {
				text = appendValue(text, v)
			}
			total.add(sha256.Sum256(text))
		}
		n += int64(len(rows))
		after = keyOf(tx.db, t, rows[len(rows)-1])
	}
}

// appendValue writes a value so that no two rows look the same.
func appendValue(text []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		return binary.BigEndian.AppendUint64(append(text, 'i'), uint64(v))
	case string:
		return append(binary.BigEndian.AppendUint64(append(text, 's'), uint64(len(v))), v...)
	case []byte:
		return append(binary.BigEndian.AppendUint64(append(text, 's'), uint64(len(v))), v...)
	}
	return append(text, '0')
}
