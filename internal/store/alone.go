package store

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
)

// aloneTick is how often a program that waits for its turn asks, and how often
// the one whose turn it is makes sure that it still is.
const aloneTick = 500 * time.Millisecond

// Shared reports whether other programs may serve the same database.
func (db *DB) Shared() bool { return db.cfg.URL != "" }

// Alone runs fn while no other program that uses the database runs one under
// the same name: it waits for its turn. The context of fn ends when its turn
// does, as when the database is gone; then fn should return, and is called
// again at the next turn. Alone returns what fn returns otherwise, or ctx.Err().
//
// For a moment, after a connection was lost and before that is noticed, two may
// run: fn does nothing that is not safe then.
func (db *DB) Alone(ctx context.Context, name string, fn func(context.Context) error) error {
	return db.engine.alone(ctx, name, fn)
}

// alone: nobody else serves a file.
func (e *sqliteEngine) alone(ctx context.Context, _ string, fn func(context.Context) error) error {
	return fn(ctx)
}

func (e *postgresEngine) alone(ctx context.Context, name string, fn func(context.Context) error) error {
	for {
		err := e.turn(ctx, name, fn)
		if !errors.Is(err, errTurn) {
			return err
		}
		if !sleep(ctx, aloneTick) {
			return ctx.Err()
		}
	}
}

// errTurn: there was no turn, or it ended before fn did.
var errTurn = errors.New("store: it is not this program's turn")

// turn waits for a turn on a connection of its own, and uses it.
func (e *postgresEngine) turn(ctx context.Context, name string, fn func(context.Context) error) error {
	c, err := pgx.ConnectConfig(ctx, e.pool.Config().ConnConfig.Copy())
	if err != nil {
		return errTurn
	}
	// The lock ends with the connection.
	defer c.Close(context.WithoutCancel(ctx))
	h := fnv.New32a()
	h.Write([]byte(name))
	for got := false; !got; {
		if err := e.ask(ctx, c, "SELECT pg_try_advisory_lock($1, $2)", &got, aloneLock, int32(h.Sum32())); err != nil {
			return errTurn
		}
		if !got && !sleep(ctx, aloneTick) {
			return ctx.Err()
		}
	}
	mine, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		defer cancel()
		for one := 0; sleep(mine, aloneTick); {
			if e.ask(mine, c, "SELECT 1", &one) != nil {
				return
			}
		}
	}()
	err = fn(mine)
	lost := mine.Err() != nil && ctx.Err() == nil
	cancel()
	<-watched
	if lost {
		return errTurn
	}
	return err
}

// ask reads one value, in a time after which the server counts as gone.
func (e *postgresEngine) ask(ctx context.Context, c *pgx.Conn, text string, to any, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return c.QueryRow(ctx, text, args...).Scan(to)
}

// sleep waits. It returns false when ctx ended first.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
