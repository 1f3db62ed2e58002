package store

import "time"

// A checkpointer moves the write-ahead log into the database file in the
// background, as far as readers allow. Under steady writing it never catches
// up, so the log would grow for ever: past a limit it asks the writer to finish
// the job between two transactions and begin the log anew.
type checkpointer struct {
	engine *sqliteEngine
	conn   *conn
	stop   chan struct{}
	ended  chan struct{}
}

const (
	checkpointTick  = 100 * time.Millisecond
	checkpointAfter = 32              // commits
	checkpointWait  = 2 * time.Second // for fewer commits than that
	restartWait     = time.Second     // between two attempts: a long read may stand in the way
)

func newCheckpointer(e *sqliteEngine, c *conn) *checkpointer {
	return &checkpointer{engine: e, conn: c, stop: make(chan struct{}), ended: make(chan struct{})}
}

func (c *checkpointer) finish() error {
	close(c.stop)
	<-c.ended
	return c.conn.close()
}

func (c *checkpointer) run() {
	defer close(c.ended)
	ticker := time.NewTicker(checkpointTick)
	defer ticker.Stop()
	var seen int64
	var last, asked time.Time
	for {
		var now time.Time
		select {
		case <-c.stop:
			return
		case now = <-ticker.C:
		}
		commits := c.engine.writer.commits.Load()
		if commits == seen || commits-seen < checkpointAfter && now.Sub(last) < checkpointWait {
			continue
		}
		seen, last = commits, now
		// A checkpoint that fails is tried again after the next commits; the
		// log keeps what it could not move.
		size, err := c.engine.checkpointLog(c.conn, "PASSIVE")
		if err == nil && size > c.engine.cfg.WALLimit && now.Sub(asked) >= restartWait {
			asked = now
			c.engine.writer.restart.Store(true)
		}
	}
}
