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
