package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Plans returns the plan of every statement that was run on the database.
func Plans(t testing.TB, db *DB) map[string][]string {
	t.Helper()
	texts := map[string]bool{}
	add := func(c *conn) {
		for text := range c.stmts {
			texts[text] = true
		}
	}
	e := db.engine.(*sqliteEngine)
	add(e.writer.conn)
	for range db.cfg.Readers {
		c := <-e.readers
		add(c)
		e.readers <- c
	}
	plans := map[string][]string{}
	reader := <-e.readers
	defer func() { e.readers <- reader }()
	for text := range texts {
		verb, _, _ := strings.Cut(text, " ")
		switch verb {
		case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "--":
		default:
			continue
		}
		err := reader.each(context.Background(), func(s scan) error {
			var id, parent, unused int
			var step string
			err := s(&id, &parent, &unused, &step)
			plans[text] = append(plans[text], step)
			return err
		}, "EXPLAIN QUERY PLAN "+text, make([]any, 500)...)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	return plans
}

// A Read is how a plan reads a table.
type Read struct {
	Table string
	Node  string // how, as PostgreSQL calls it
	Index string
	Cond  string // the condition of the index
	Where string // all conditions
}

// Reads returns how every statement that was run on a PostgreSQL database, and is
// remembered by a connection, reads tables.
func Reads(t testing.TB, db *DB) map[string][]Read {
	t.Helper()
	ctx := context.Background()
	reads := map[string][]Read{}
	for _, c := range db.engine.(*postgresEngine).pool.AcquireAllIdle(ctx) {
		defer c.Release()
		type prepared struct {
			name, text string
			params     int
		}
		rows, _ := c.Query(ctx, "SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements")
		all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p prepared, err error) { return p, row.Scan(&p.name, &p.text, &p.params) })
		if err == nil {
			_, err = c.Exec(ctx, "SET plan_cache_mode = force_generic_plan; SET enable_bitmapscan = off") // whose parts have no table
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			switch verb, _, _ := strings.Cut(p.text, " "); verb {
			case "BEGIN", "COMMIT", "ROLLBACK":
				continue
			}
			text := fmt.Sprintf("EXPLAIN (FORMAT JSON) EXECUTE %q", p.name)
			if p.params > 0 {
				text += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", p.params), ", ") + ")"
			}
			var plan []struct{ Plan planNode }
			err := c.QueryRow(ctx, text, pgx.QueryExecModeSimpleProtocol).Scan(&plan)
			if fault, ok := errors.AsType[*pgconn.PgError](err); ok && fault.Code == "26000" {
				continue // the connection remembered so many that it has just forgotten this one
			}
			if err != nil {
				t.Errorf("%s: %v", p.text, err)
				continue
			}
			reads[p.text] = plan[0].Plan.reads()
		}
	}
	return reads
}

// A planNode is a part of what EXPLAIN says.
type planNode struct {
	Type    string     `json:"Node Type"`
	Table   string     `json:"Relation Name"`
	Name    string     `json:"Index Name"`
	Index   string     `json:"Index Cond"`
	Recheck string     `json:"Recheck Cond"`
	Filter  string     `json:"Filter"`
	Plans   []planNode `json:"Plans"`
}

func (n planNode) reads() (reads []Read) {
	if n.Table != "" && n.Type != "ModifyTable" {
		reads = append(reads, Read{n.Table, n.Type, n.Name, n.Index, n.Index + n.Recheck + n.Filter})
	}
	for _, part := range n.Plans {
		reads = append(reads, part.reads()...)
	}
	return reads
}

// Schema returns the columns of every table, sorted.
func Schema(t testing.TB, db *DB) map[string][]string {
	t.Helper()
	tables := map[string][]string{}
	text := "-- reads everything\nSELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
	if db.cfg.URL != "" {
		text = "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'"
	}
	err := db.View(context.Background(), func(tx *Tx) error {
		return tx.each(func(s scan) error {
			var table, column string
			err := s(&table, &column)
			tables[table] = append(tables[table], column)
			return err
		}, text)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, columns := range tables {
		slices.Sort(columns)
	}
	return tables
}

// CopiedColumns returns the columns that Copy copies, by table, sorted.
func CopiedColumns() map[string][]string {
	tables := map[string][]string{}
	for _, t := range copiedTables {
		columns := strings.Split(t.all(), ", ")
		slices.Sort(columns)
		tables[t.name] = columns
	}
	return tables
}

// inPostgres are what statements that are written for SQLite are in PostgreSQL,
// which has no counters.
var inPostgres = []struct{ pattern, text string }{{`(?s)(INSERT INTO|UPDATE) counter.*?;`, ""}, {`x'(\w+)'`, `'\x$1'`}}

// MigrateStepwise makes the database with one migration after the other, and after each
// runs what data returns for it.
func MigrateStepwise(t testing.TB, cfg Config, data func(version string) string) {
	t.Helper()
	ctx := context.Background()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var s schemaSession
	dir := "migrations/sqlite"
	if cfg.URL == "" {
		e := &sqliteEngine{cfg: cfg}
		fail(e.create())
		c, err := e.openWriter(ctx)
		fail(err)
		defer func() { fail(c.close()) }()
		s = sqliteSchema{c}
	} else {
		e, err := poolOf(ctx, &DB{cfg: cfg})
		fail(err)
		defer e.pool.Close()
		c, err := e.pool.Acquire(ctx)
		fail(err)
		defer c.Release()
		s, dir = pgSchema{&pgSession{conn: c.Conn()}}, "migrations/postgres"
	}
	all, err := fs.ReadDir(migrations, dir)
	fail(err)
	files := fstest.MapFS{}
	for _, f := range all {
		text, err := fs.ReadFile(migrations, dir+"/"+f.Name())
		fail(err)
		files[f.Name()] = &fstest.MapFile{Data: text}
		fail(migrateFiles(ctx, s, files))
		more := data(f.Name()[:4])
		if cfg.URL != "" {
			for _, r := range inPostgres {
				more = regexp.MustCompile(r.pattern).ReplaceAllString(more, r.text)
			}
		}
		if err := s.script(ctx, more); err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
	}
}

// Script runs statements on a file that nobody has open.
func Script(t testing.TB, path, text string) {
	t.Helper()
	e := &sqliteEngine{cfg: Config{Path: path}}
	c, err := e.connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.script(context.Background(), text), c.close()); err != nil {
		t.Fatal(err)
	}
}

// FirstColumns returns the first column of every index of a PostgreSQL database,
// those of keys included, by table and index.
func FirstColumns(t testing.TB, db *DB) map[string]string {
	t.Helper()
	columns := map[string]string{}
	err := db.View(context.Background(), func(tx *Tx) error {
		return tx.each(func(s scan) error {
			var index, column string
			err := s(&index, &column)
			columns[index] = column
			return err
		}, `SELECT c.relname::text || ' ' || i.indexrelid::regclass::text, a.attname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE c.relnamespace = current_schema()::regnamespace`)
	})
	if err != nil {
		t.Fatal(err)
	}
	return columns
}
