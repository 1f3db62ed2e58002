package store

import (
	"context"
	"strings"
	"testing"
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
	add(db.writer.conn)
	for range db.cfg.Readers {
		c := <-db.readers
		add(c)
		defer func() { db.readers <- c }()
	}
	plans := map[string][]string{}
	for text := range texts {
		verb, _, _ := strings.Cut(text, " ")
		switch verb {
		case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "--":
		default:
			continue
		}
		rows, err := db.checkpoint.conn.sql.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+text, make([]any, 500)...)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Error(err)
			}
			plans[text] = append(plans[text], step)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
	}
	return plans
}
