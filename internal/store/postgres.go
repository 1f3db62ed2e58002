package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresEngine is what only PostgreSQL knows. Each Update is a transaction on
// a connection of its own: the server flushes the disk once for many that
// commit at a time. It is of the isolation READ COMMITTED, so that a statement
// sees what others have committed before it; what must not change between two
// statements is locked or compared (see Tx.LockTenant, Tx.lock, ErrStale).
type postgresEngine struct {
	db   *DB
	pool *pgxpool.Pool
	base int64 // see seq

	closed  atomic.Bool
	waiting atomic.Int64 // calls of update that have no connection yet
	written atomic.Int64
}

const (
	defaultConns = 16
	oldestServer = 14_00_00 // server_version_num of what is tested
	// statementTime is how long the server may take for one statement.
	statementTime = time.Minute
	maxAttempts   = 10
)

// sessionSettings are those of each connection, unless the URL has others. The
// statements are written for their indexes, as SQLite takes them: without
// statistics, as in a database that has just been filled, the planner would
// rather read tables, and compile what it takes for long. Plans are made once, for any
// values: those of an environment that statistics do not know yet look like none.
var sessionSettings = map[string]string{
	"application_name": "rollcall",
	"lock_timeout":     "5000", // ms, as SQLite waits
	"enable_seqscan":   "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "random_page_cost": "1.1", "jit": "off",
	"plan_cache_mode": "force_generic_plan",
}

// openPostgres connects to the database of the URL, and refuses one that would
// not keep what is promised.
func openPostgres(ctx context.Context, db *DB) (engine, error) {
	e, err := poolOf(ctx, db)
	if err != nil {
		return nil, err
	}
	if err := e.prepare(ctx); err != nil {
		e.pool.Close()
		return nil, e.explain(err)
	}
	return e, nil
}

// poolOf returns an engine that has not connected yet.
func poolOf(ctx context.Context, db *DB) (*postgresEngine, error) {
	cfg, err := pgxpool.ParseConfig(db.cfg.URL)
	if err != nil { // its text may have the password
		return nil, errors.New("it is no URL of a database: give postgres://user:password@host:5432/name?sslmode=verify-full")
	}
	if !strings.Contains(db.cfg.URL, "pool_max_conns") {
		cfg.MaxConns = defaultConns
	}
	c := cfg.ConnConfig
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.ValidateConnect == nil { // no standby, which would refuse to write
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	for name, value := range sessionSettings {
		if _, given := c.RuntimeParams[name]; !given {
			c.RuntimeParams[name] = value
		}
	}
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: time.Second}
	}
	e := &postgresEngine{db: db}
	e.pool, err = pgxpool.NewWithConfig(ctx, cfg)
	return e, err
}

// generation: PostgreSQL tells only those who ask it.
func (e *postgresEngine) generation() (g Generation, ok bool) { return g, false }

// prepare makes sure that the server can be used, and migrates the schema.
func (e *postgresEngine) prepare(ctx context.Context) error {
	c, err := e.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	s := &pgSession{conn: c.Conn()}
	if err := e.accept(ctx, s); err != nil {
		return err
	}
	if e.db.cfg.Existing {
		if tables, _, err := (pgSchema{s}).tables(ctx); err != nil || tables == 0 {
			return errors.Join(err, ErrNoData)
		}
	}
	if err := migrate(ctx, pgSchema{s}, "postgres"); err != nil {
		return err
	}
	return e.rebase(ctx, s)
}

// accept makes sure that the server can be used.
func (e *postgresEngine) accept(ctx context.Context, s *pgSession) error {
	var version int
	var name, encoding, commit string
	if err := s.read(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'),
		current_setting('server_encoding'), current_setting('synchronous_commit')`, &version, &name, &encoding, &commit); err != nil {
		return err
	}
	switch {
	case version < oldestServer:
		return fmt.Errorf("the server is PostgreSQL %s: rollcall needs version 14 or later", name)
	case encoding != "UTF8":
		return fmt.Errorf("the database has the encoding %s: make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0", encoding)
	case commit == "off":
		return errors.New("synchronous_commit is off: what is answered might be lost; set it to on, for the server, the database or the user")
	}
	return nil
}

// explain says of an error at the start what to do about it.
func (e *postgresEngine) explain(err error) error {
	fault, _ := errors.AsType[*pgconn.PgError](err)
	switch {
	case errors.Is(err, ErrNoData):
		return err
	case fault == nil: // each address with what is wrong with it, on a line, perhaps twice
		lines := slices.Compact(strings.Split(err.Error(), "\n\t"))
		return errors.New(strings.Join(lines, " "))
	}
	c := e.pool.Config().ConnConfig
	switch fault.Code {
	case "28P01", "28000":
		return fmt.Errorf("the server does not let the user %s in: %s", c.User, fault.Message)
	case "3D000":
		return fmt.Errorf("there is no database %s: make it with CREATE DATABASE %s ENCODING 'UTF8' TEMPLATE template0", c.Database, c.Database)
	case "42501":
		return fmt.Errorf("the user %s may not do what is needed (%s): let it own the database, or GRANT ALL ON SCHEMA public to it", c.User, fault.Message)
	}
	return err
}

// withoutPassword returns the URL as it may be shown.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "the database"
	}
	query := u.Query()
	query.Del("password")
	u.RawQuery = query.Encode()
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}

// seq returns the SQL of the number of a change in the order of feeds: that of
// its transaction, and in the last bits, seqBits, that of the change within it.
// A transaction's number is given to it when it first writes, not when it
// commits, but of those below the oldest that is still running nothing new
// becomes visible: feeds are told of these only, see settled. base is added
// where the database was restored on a server whose transactions have lower
// numbers than the changes.
func (e *postgresEngine) seq(transaction string) string {
	return fmt.Sprintf("((%s::text::bigint + %d) << %d)", transaction, e.base, seqBits)
}

const seqBits = 20

func (e *postgresEngine) settled() string {
	return " AND seq < " + e.seq("pg_snapshot_xmin(pg_current_snapshot())")
}

func (e *postgresEngine) appendChange(tx *Tx, number bool, args ...any) (int64, error) {
	tx.changes++
	if tx.changes >= 1<<seqBits {
		return 0, fmt.Errorf("store: more than %d changes in one transaction", 1<<seqBits-1)
	}
	text := "INSERT INTO change(tid, at, op, type, id, version, actor, request, detail, seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, " +
		e.seq("pg_current_xact_id()") + " | $10)"
	args = append(args, tx.changes)
	if !number {
		return 0, tx.push(text, args...)
	}
	return tx.insert("seq", text, args...)
}

// rebase sets base, so that the next change is after all that there are, of
// which it asks for each environment in turn: so does the index begin.
func (e *postgresEngine) rebase(ctx context.Context, s *pgSession) (err error) {
	schema := pgSchema{s}
	if err := schema.begin(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, schema.end(ctx, err == nil)) }()
	var last, next int64
	if err := s.read(ctx, `-- reads everything
		SELECT coalesce((SELECT convert_from(value, 'UTF8')::bigint FROM setting WHERE name = 'change base'), 0),
		coalesce((WITH RECURSIVE e(tid) AS (
				SELECT min(tid) FROM change
				UNION ALL SELECT (SELECT min(c.tid) FROM change c WHERE c.tid > e.tid) FROM e WHERE e.tid IS NOT NULL)
			SELECT max((SELECT max(c.seq) FROM change c WHERE c.tid = e.tid)) FROM e), 0), pg_snapshot_xmax(pg_current_snapshot())::text::bigint`, &e.base, &last, &next); err != nil {
		return err
	}
	if past := last>>seqBits - (next + e.base); past >= 0 {
		e.base += past + 1
		_, err = s.exec("INSERT INTO setting(name, value) VALUES ('change base', $1) ON CONFLICT (name) DO UPDATE SET value = $1",
			[]byte(strconv.FormatInt(e.base, 10)))
	}
	return err
}

func (e *postgresEngine) close() error {
	e.closed.Store(true)
	e.pool.Close()
	return nil
}

func (e *postgresEngine) stats() Stats {
	n := e.written.Load()
	return Stats{Waiting: int(e.waiting.Load()), Written: n, Commits: n}
}

// acquire returns a connection, which must be released.
func (e *postgresEngine) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.closed.Load() {
		return nil, errClosed
	}
	limit, cancel := context.WithTimeout(ctx, e.db.cfg.Wait)
	defer cancel()
	c, err := e.pool.Acquire(limit)
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case e.closed.Load():
		return nil, errClosed
	case limit.Err() != nil:
		return nil, fmt.Errorf("%w: no connection to the database is free", ErrUnavailable)
	}
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func (e *postgresEngine) view(ctx context.Context, fn func(*Tx) error) error {
	c, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	s := newPGSession(ctx, c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	defer s.release()
	err = fn(&Tx{db: e.db, session: s, ctx: ctx, limit: context.Background(), view: true, known: &knowledge{}})
	if err == nil && !s.used() {
		err = e.translate(s.flush()) // whoever asks nothing asks whether it could
	}
	return err
}

// An attempt is one of those to do an update.
type attempt struct {
	held  []resourceKey // what others changed meanwhile in the attempts before, and that are now locked first
	again bool          // another one is worth it
}

func (e *postgresEngine) update(ctx context.Context, fn func(*Tx) error) error {
	var try attempt
	for n := 1; ; n++ {
		o := e.attempt(ctx, fn, &try)
		if !try.again || n == maxAttempts {
			return o.result()
		}
		select {
		case <-time.After(rand.N(time.Millisecond << n)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *postgresEngine) attempt(ctx context.Context, fn func(*Tx) error, try *attempt) outcome {
	try.again = false
	e.waiting.Add(1)
	c, err := e.acquire(ctx)
	e.waiting.Add(-1)
	if err != nil {
		return outcome{err: err}
	}
	s := newPGSession(ctx, c, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
	defer s.release()
	if len(try.held) > 0 {
		var tids, rids []int64
		for _, key := range try.held {
			tids, rids = append(tids, key.tid), append(rids, key.rid)
		}
		s.push("SELECT 1 FROM unnest($1::int[], $2::bigint[]) w(tid, rid) CROSS JOIN resource r WHERE r.tid = w.tid AND r.rid = w.rid ORDER BY r.rid FOR NO KEY UPDATE OF r", tids, rids)
	}
	tx := &Tx{db: e.db, session: s, ctx: context.Background(), limit: context.Background(), known: &knowledge{}}
	o := call(fn, tx)
	if o.panic != nil {
		return o
	}
	committing := false
	if o.err == nil && s.used() {
		committing = true
		if err := s.commit(); err != nil {
			o.err = tx.fail(err)
		} else {
			e.written.Add(1)
		}
	}
	switch {
	case o.err == nil:
	case committing && s.conn.IsClosed():
		o.err = fmt.Errorf("%w: %w", ErrUncertain, o.err)
	case errors.Is(o.err, errConflict) || s.conn.IsClosed() || isReadOnly(o.err):
		// A connection may have been idle while the server was started anew.
		try.again = true
	case errors.Is(o.err, ErrStale) && holdMore(&try.held, tx.stale):
		try.again = true
	}
	return o
}

// holdMore adds resources to those that are held and reports whether any is new.
func holdMore(held *[]resourceKey, stale []resourceKey) bool {
	before := len(*held)
	for _, key := range stale {
		if !slices.Contains(*held, key) {
			*held = append(*held, key)
		}
	}
	return len(*held) > before
}

// errConflict: the transaction met another one and was rolled back, or what it
// relied on is gone. It may be tried again.
var errConflict = fmt.Errorf("%w: other writes were in the way", ErrUnavailable)

// isReadOnly reports whether the server refuses to write: it has become a standby.
func isReadOnly(err error) bool {
	fault, ok := errors.AsType[*pgconn.PgError](err)
	return ok && fault.Code == "25006"
}

func (e *postgresEngine) translate(err error) error {
	if err == nil {
		return nil
	}
	fault, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if errors.Is(err, errLost) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	}
	switch fault.Code {
	case "23505":
		if strings.HasSuffix(fault.ConstraintName, "_id") {
			return ErrIDTaken
		}
		return ErrKeyTaken
	case "40001", "40P01", "23503": // serialization failure, deadlock; a row that is referred to is gone
		return fmt.Errorf("%w: %w", errConflict, err)
	case "57014", "55P03": // cancelled, a lock that stays
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch fault.Code[:2] {
	case "08", "53", "57", "58": // connection, resources, an operator's doing, the system
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// check has nothing to look at: the server checks its pages itself.
func (e *postgresEngine) check(*Tx) error { return nil }

func (e *postgresEngine) guarantee(tx *Tx) (*Guarantee, error) {
	g := &Guarantee{Engine: "PostgreSQL"}
	if err := tx.one(func(s scan) error { return s(&g.Version, &g.Fsync, &g.Commit, &g.Wanted, &g.Unseen) },
		`SELECT current_setting('server_version'), current_setting('fsync') = 'on', current_setting('synchronous_commit'),
		current_setting('synchronous_standby_names'), NOT pg_has_role('pg_read_all_stats', 'USAGE')`); err != nil {
		return nil, err
	}
	var err error
	g.Standbys, err = list(tx, func(s scan) (b Standby, err error) { return b, s(&b.Name, &b.State, &b.Sync) },
		"SELECT application_name, coalesce(state, ''), coalesce(sync_state, '') FROM pg_stat_replication ORDER BY 1")
	return g, err
}

// Locks that are no row's have two numbers; the first says what the second is.
const (
	schemaLock = 1 // 0: the migrations
	tenantLock = 2 // a TID
	aloneLock  = 3 // a name: see DB.Alone
)

func (e *postgresEngine) lockKey(tx *Tx, key string) error {
	h := fnv.New64a()
	h.Write([]byte(key))
	return tx.push("SELECT pg_advisory_xact_lock($1)", int64(h.Sum64()))
}

func (e *postgresEngine) lockTenant(tx *Tx, tid int64, alone bool) error {
	had, locked := tx.locked[tid]
	if tx.view || tx.err != nil || had || locked && !alone {
		return tx.err
	}
	if tx.locked == nil {
		tx.locked = make(map[int64]bool)
	}
	tx.locked[tid] = alone
	if alone {
		return tx.push("SELECT pg_advisory_xact_lock($1, $2)", tenantLock, tid)
	}
	return tx.push("SELECT pg_advisory_xact_lock_shared($1, $2)", tenantLock, tid)
}

func (e *postgresEngine) lock(tx *Tx, how string) string {
	if tx.view {
		return ""
	}
	return " FOR " + how
}

// key begins with the environment, so that the schema can be distributed by it.
func (e *postgresEngine) key(columns string) string { return "tid, " + columns }

func (e *postgresEngine) numbered(tid int64, column string, n int64) (where string, vals []any) {
	return "tid = ? AND " + column + " = ?", []any{tid, n}
}

func (e *postgresEngine) addIndexRows(tx *Tx, tid, rid int64, set indexSet) error {
	aids, vals := make([]int64, len(set)), make([]string, len(set))
	for i, row := range set {
		aids[i], vals[i] = row.aid, row.val
	}
	return tx.push("INSERT INTO attr(tid, aid, val, rid) SELECT $1::int, w.aid, w.val, $2::bigint FROM unnest($3::int[], $4::text[]) w(aid, val) ON CONFLICT DO NOTHING",
		tid, rid, aids, vals)
}

func (e *postgresEngine) count(tx *Tx, tid int64, t Type) (int, error) {
	n, err := first(tx, scanInt, "SELECT count(*) FROM resource WHERE tid = $1 AND type = $2", tid, t)
	return int(n), err
}

func (e *postgresEngine) counted(*Tx, int64, Type, int) error { return nil }

func (e *postgresEngine) uncount(*Tx, int64) error { return nil }

func (e *postgresEngine) listed(param, kind string) string {
	return "unnest(" + param + "::" + kind + "[]) w(value)"
}

// unindexed leaves that to the planner.
func (e *postgresEngine) unindexed(column string) string { return column }

func (e *postgresEngine) contains(column string) string { return "strpos(" + column + ", ?) > 0" }

func (e *postgresEngine) ends(column, key string) (where string, vals []any) {
	return "right(" + column + ", ?) = ?", []any{utf8.RuneCountInString(key), key}
}

// serial returns the greatest key that was given out in the table.
func (e *postgresEngine) serial(tx *Tx, table, column string) (int64, error) {
	if table == "change" { // see seq
		return 0, nil
	}
	return first(tx, scanInt, fmt.Sprintf("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM %s_%s_seq", table, column))
}

// setSerial makes the keys given out in the table greater than last. The
// numbers of changes are made so by rebase, when the database is opened next.
func (e *postgresEngine) setSerial(tx *Tx, table, column string, last int64) error {
	if table == "change" {
		return nil
	}
	return tx.each(func(s scan) error { return nil }, "SELECT setval($1::text::regclass, greatest($2, 1), $2 > 0)", table+"_"+column+"_seq", last)
}

// recount does nothing: nothing is counted beside the tables.
func (e *postgresEngine) recount(*Tx) error { return nil }
