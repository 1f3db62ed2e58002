package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// A Finding is what Examine found out about one thing.
type Finding struct {
	What string `json:"what"`           // was looked at
	Is   string `json:"is"`             // what it is like
	Cure string `json:"cure,omitempty"` // what to do about it; empty where nothing is wrong
}

// Examine looks at a database as it is, without migrating it or waiting for a
// server that uses it: whether it can be reached, whether its schema is that of
// this program, what is kept of a write when it is acknowledged. It goes on
// after what is wrong as far as there is something to look at.
func Examine(ctx context.Context, cfg Config) []Finding {
	if cfg = cfg.withDefaults(); cfg.URL != "" {
		return examinePostgres(ctx, cfg)
	}
	return examineSQLite(ctx, cfg)
}

// examineSchema compares the version of the schema with that of this program.
func examineSchema(ctx context.Context, s schemaSession, engine string) Finding {
	f := Finding{What: "schema"}
	names, err := fs.Glob(migrations, "migrations/"+engine+"/*.sql")
	v := 0
	if err == nil {
		v, err = schemaVersion(ctx, s)
	}
	known := len(names)
	switch {
	case err != nil:
		f.Is, f.Cure = err.Error(), "name the database of a rollcall"
	case v == 0:
		f.Is = "empty, to be made by the first rollcall serve"
	case v > known:
		f.Is, f.Cure = fmt.Sprintf("version %d, and this program knows versions up to %d", v, known), "use the newer rollcall that wrote it"
	case v < known:
		f.Is, f.Cure = fmt.Sprintf("version %d of %d", v, known), fmt.Sprintf("back it up; the next rollcall that opens it makes the %d migrations that are pending", known-v)
	default:
		f.Is = fmt.Sprintf("version %d, that of this program", v)
	}
	return f
}

// examineClock compares this machine's clock with the newest change. There may be none.
func examineClock(ctx context.Context, s schemaSession) []Finding {
	var at int64
	if err := s.read(ctx, "SELECT coalesce((SELECT at FROM change ORDER BY seq DESC LIMIT 1), 0)", &at); err != nil || at == 0 {
		return nil
	}
	now, newest := time.Now(), time.UnixMilli(at)
	f := Finding{What: "clock", Is: now.UTC().Format(time.RFC3339)}
	if newest.Sub(now) > time.Minute {
		f.Is += ", which is before the newest change, of " + newest.UTC().Format(time.RFC3339)
		f.Cure = "set the clock, and let NTP keep it"
	}
	return []Finding{f}
}

// examineSQLite goes through what the server relies on.
func examineSQLite(ctx context.Context, cfg Config) []Finding {
	e := &sqliteEngine{cfg: cfg}
	info, err := os.Stat(cfg.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{{"store", "there is no " + cfg.Path, "name the data directory with --data, or make it with rollcall serve"}}
	case err != nil:
		return []Finding{{"store", err.Error(), "let the user of the server read the data directory"}}
	}
	c, err := e.openReader(ctx)
	if err != nil {
		return []Finding{{"store", err.Error(), "let the user of the server read and write the data directory; restore a backup if the file is damaged"}}
	}
	defer c.close()
	var version, verdict string
	if err := c.read(ctx, "SELECT sqlite_version()", &version); err != nil {
		return []Finding{{"store", err.Error(), "restore a backup"}}
	}
	found := []Finding{{What: "store", Is: fmt.Sprintf("SQLite %s, %s", version, cfg.Path)}}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		found = append(found, Finding{"permissions", fmt.Sprintf("the file has mode %04o: others may read it", mode), "chmod 600 " + cfg.Path + "*"})
	}
	found = append(found, examineSchema(ctx, sqliteSchema{c}, "sqlite"))
	found = append(found, examineClock(ctx, sqliteSchema{c})...)
	if w, err := e.openWriter(ctx); err != nil {
		found = append(found, Finding{"durability", err.Error(), "let the user of the server write the data directory, and free space on its disk"})
	} else {
		w.close()
		found = append(found, Finding{What: "durability", Is: "on disk when it is answered: journal_mode=WAL, synchronous=FULL"})
	}
	begin := time.Now()
	switch err := c.read(ctx, "PRAGMA quick_check", &verdict); {
	case err != nil:
		verdict = err.Error()
		fallthrough
	case verdict != "ok":
		found = append(found, Finding{"integrity", verdict, "stop the server, keep a copy of the data directory, and restore a backup"})
	default:
		found = append(found, Finding{What: "integrity", Is: fmt.Sprintf("quick_check is ok, in %.1f s", time.Since(begin).Seconds())})
	}
	return found
}

// examinePostgres looks at what the server says of itself.
func examinePostgres(ctx context.Context, cfg Config) []Finding {
	wrong := func(err error) []Finding {
		return []Finding{{"store", withoutPassword(cfg.URL) + ": " + err.Error(), "see docs/operations.md, PostgreSQL"}}
	}
	db := &DB{cfg: cfg}
	e, err := poolOf(ctx, db)
	if err != nil {
		return wrong(err)
	}
	defer e.pool.Close()
	db.engine = e
	c, err := e.pool.Acquire(ctx)
	if err != nil {
		return wrong(e.explain(err))
	}
	s := &pgSession{conn: c.Conn()}
	if err := e.accept(ctx, s); err != nil {
		c.Release()
		return wrong(e.explain(err))
	}
	found := append([]Finding{examineSchema(ctx, pgSchema{s}, "postgres")}, examineClock(ctx, pgSchema{s})...)
	c.Release()
	g, err := db.Guarantee(ctx)
	if err != nil {
		return append(wrong(err), found...)
	}
	f := Finding{What: "durability", Is: g.describe()}
	if weaker := g.Weaker(); weaker != "" {
		f.Is += "; " + weaker
		f.Cure = "see docs/operations.md, PostgreSQL: a synchronous standby"
	}
	return append([]Finding{{What: "store", Is: fmt.Sprintf("%s %s, %s", g.Engine, g.Version, withoutPassword(cfg.URL))}}, append(found, f)...)
}

// describe says what is in force and by what.
func (g *Guarantee) describe() string {
	text := "on disk when it is answered"
	switch g.Durability() {
	case Unsafe:
		text = "not on disk when it is answered"
	case OnStandby:
		text = "on disk and on that of a standby when it is answered"
	}
	text += ": synchronous_commit=" + g.Commit
	for _, b := range g.Standbys {
		text += fmt.Sprintf(", %s is %s and %s", b.Name, b.State, b.Sync)
	}
	switch {
	case g.Unseen:
		text += ", standbys cannot be seen without the role pg_monitor"
	case len(g.Standbys) == 0:
		text += ", no standby"
	}
	return text
}
