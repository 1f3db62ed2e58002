package store

import "context"

// A Durability says what is kept of a write that has been acknowledged.
type Durability uint8

// The durabilities, from the least on.
const (
	// Unsafe: it may be lost when the database stops without warning.
	Unsafe Durability = iota
	// OnDisk: it is on the disk of the database.
	OnDisk
	// OnStandby: it is also on the disk of another server, which can take over.
	OnStandby
)

// String says it as operators are told.
func (d Durability) String() string {
	switch d {
	case OnDisk:
		return "disk"
	case OnStandby:
		return "standby"
	}
	return "unsafe"
}

// Guarantee says what is in force of the promise that a write is kept once it
// is answered.
type Guarantee struct {
	Engine  string // SQLite or PostgreSQL
	Version string // of the engine
	// Fsync says that commits are flushed to disk.
	Fsync bool
	// Commit is PostgreSQL's synchronous_commit, Wanted its
	// synchronous_standby_names: empty where commits wait for no other server.
	Commit, Wanted string
	// Standbys are the servers that follow. Unseen says that the user may not
	// look at them (it needs the role pg_monitor).
	Standbys []Standby
	Unseen   bool
	// Required is Config.Synchronous.
	Required bool
}

// A Standby is a server that follows the one that is written to.
type Standby struct {
	Name  string // application_name
	State string // as pg_stat_replication.state has it: streaming, catchup, ...
	Sync  string // sync_state: sync or quorum where commits wait for it; async, potential
}

// Synchronous returns how many standbys commits may wait for.
func (g *Guarantee) Synchronous() (n int) {
	for _, s := range g.Standbys {
		if s.Sync == "sync" || s.Sync == "quorum" {
			n++
		}
	}
	return n
}

// Durability returns what is kept of a write.
func (g *Guarantee) Durability() Durability {
	switch {
	case !g.Fsync || g.Commit == "off":
		return Unsafe
	case (g.Commit == "on" || g.Commit == "remote_apply") && g.Synchronous() > 0: // remote_write is not its disk
		return OnStandby
	}
	return OnDisk
}

// Weaker returns in what the promise in force is weaker than the one that is
// configured, empty if it is not.
func (g *Guarantee) Weaker() string {
	switch {
	case !g.Fsync:
		return "commits are not flushed to disk (fsync is off)"
	case g.Commit == "off":
		return "commits are not waited for (synchronous_commit is off)"
	case g.Wanted != "" && g.Commit == "local":
		return "commits wait for no standby (synchronous_commit is local)"
	case g.Required && g.Unseen:
		return "whether commits wait for a standby cannot be seen: the user needs the role pg_monitor"
	case g.Wanted != "" && !g.Unseen && g.Synchronous() == 0:
		return "no standby is synchronous, though synchronous_standby_names is " + g.Wanted
	case g.Required && g.Durability() < OnStandby:
		return "commits wait for no standby, though that is required"
	}
	return ""
}

// Guarantee asks the database what promise is in force. Errors: ErrUnavailable.
func (db *DB) Guarantee(ctx context.Context) (*Guarantee, error) {
	var g *Guarantee
	err := db.View(ctx, func(tx *Tx) (err error) {
		if g, err = db.engine.guarantee(tx); err == nil {
			g.Required = db.cfg.Synchronous
		}
		return err
	})
	return g, err
}
