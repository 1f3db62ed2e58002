package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rollcall-directory/rollcall/internal/postgrestest"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// TestRefusedDatabases: what cannot be used, or would not keep what is promised,
// is refused with what to do about it, and without its password.
func TestRefusedDatabases(t *testing.T) {
	t.Parallel()
	n := postgrestest.Start(t, "n")
	c, err := pgx.Connect(t.Context(), n.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, sql := range []string{
		"CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
		"CREATE ROLE guest LOGIN PASSWORD 'Scrt9'",   // owns nothing
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC", // as it is from version 15 on
		"CREATE ROLE hasty LOGIN SUPERUSER", "ALTER ROLE hasty SET synchronous_commit = off",
		// A server that says that it is an old one.
		"CREATE ROLE old LOGIN SUPERUSER", "ALTER ROLE old SET search_path = past, pg_catalog", "CREATE SCHEMA past",
		`CREATE FUNCTION past.current_setting(text) RETURNS text LANGUAGE sql AS $$
			SELECT CASE $1 WHEN 'server_version_num' THEN '130022' WHEN 'server_version' THEN '13.22' ELSE pg_catalog.current_setting($1) END $$`,
		"CREATE DATABASE other",
	} {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	other, err := pgx.Connect(t.Context(), n.URL("other"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	if _, err := other.Exec(t.Context(), "CREATE TABLE somebody_elses(x int)"); err != nil {
		t.Fatal(err)
	}
	as := func(user, database string) string {
		return "postgres://" + user + ":Scrt9@" + n.Address() + "/" + database + "?sslmode=disable"
	}
	for _, test := range []struct{ name, url, want string }{
		{"not a URL", "postgres://:::Scrt9", "give postgres://user:password@host:5432/name"},
		{"nobody answers", "postgres://postgres:Scrt9@127.0.0.1:1/postgres?sslmode=disable", "connection refused"},
		{"unknown user", as("nobody", "postgres"), `does not let the user nobody in`},
		{"unknown database", as("postgres", "missing"), "there is no database missing: make it with CREATE DATABASE missing"},
		{"missing rights", as("guest", "postgres"), "GRANT ALL ON SCHEMA public"},
		{"another encoding", as("postgres", "latin"), "has the encoding LATIN1"},
		{"commits that nobody waits for", as("hasty", "postgres"), "synchronous_commit is off"},
		{"an old server", as("old", "postgres"), "the server is PostgreSQL 13.22: rollcall needs version 14 or later"},
		{"another program's database", as("postgres", "other"), "a database of some other program"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db, err := store.Open(t.Context(), store.Config{URL: test.url})
			if err == nil {
				db.Close()
				t.Fatal("it is taken")
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "Scrt9") {
				t.Errorf("got %q, want %q", err, test.want)
			}
		})
	}
}
