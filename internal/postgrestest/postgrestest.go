// Package postgrestest starts PostgreSQL for tests: one server that all tests
// of a binary share, each with a database of its own, and nodes that a test
// replicates, kills, freezes and promotes as it likes. It needs the programs of
// a PostgreSQL installation and no server that runs already.
//
// A server ends with the test that started it, and its folder is removed, even
// when the test is killed.
package postgrestest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// common is what the tests of a binary share: starting a server takes a second,
// making a database a hundredth of that. No test owns it, so that no value can.
var common struct {
	once     sync.Once
	node     *Node
	err      error
	last     atomic.Int64 // number of the database made last
	mu       sync.Mutex
	prepared map[string]string // name of a template by its kind
}

func shared(t testing.TB) *Node {
	t.Helper()
	common.once.Do(func() {
		common.prepared = map[string]string{}
		common.node, common.err = newNode("shared", []string{"autovacuum=off"})
		if common.err == nil {
			common.err = common.node.start()
		}
	})
	if common.err != nil {
		t.Fatal(common.err)
	}
	return common.node
}

// Database returns the URL of a new, empty database in a server that the tests
// of this binary share. It is dropped when the test ends, whoever is connected.
// The server flushes nothing to disk.
func Database(t testing.TB) string {
	t.Helper()
	return database(t, "template1")
}

// Copy returns the URL of a new database with what prepare makes of an empty
// one. It is called once for all tests that name the same kind, and must have
// disconnected when it returns. The rest is as for Database.
func Copy(t testing.TB, kind string, prepare func(url string) error) string {
	t.Helper()
	n := shared(t)
	common.mu.Lock()
	template, made := common.prepared[kind]
	if !made {
		template = fmt.Sprintf("template_%d", common.last.Add(1))
		err := n.exec("CREATE DATABASE " + template)
		if err == nil {
			err = prepare(n.URL(template))
		}
		if err != nil {
			common.mu.Unlock()
			t.Fatalf("prepare the database %s: %v", kind, err)
		}
		common.prepared[kind] = template
	}
	common.mu.Unlock()
	return database(t, template)
}

func database(t testing.TB, template string) string {
	t.Helper()
	n, name := shared(t), fmt.Sprintf("test_%d", common.last.Add(1))
	if err := n.exec("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return n.URL(name)
}

// Exec runs SQL in the database.
func Exec(t testing.TB, url, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err == nil {
		defer c.Close(ctx)
		_, err = c.Exec(ctx, text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Dump returns all rows of the database as text.
func Dump(t testing.TB, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	rows, _ := c.Query(ctx, "SELECT format('SELECT t::text FROM %I t', tablename) FROM pg_tables WHERE schemaname = current_schema()")
	selects, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, text := range selects {
		rows, _ := c.Query(ctx, text)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(strings.Join(lines, "\n"))
	}
	return all.String()
}

// exec runs one statement as superuser in the database postgres.
func (n *Node) exec(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, n.URL("postgres"))
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, sql)
	return err
}

// patience is how long a server may take for anything, on a machine with other work.
const patience = time.Minute
