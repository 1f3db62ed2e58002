package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/rollcall-directory/rollcall/internal/store"
)

type copyCommand struct {
	From string `required:"" placeholder:"STORE" help:"Copy what is here: sqlite:DIR, a data directory, or postgres://... ."`
	To   string `required:"" placeholder:"STORE" help:"Copy it there: sqlite:DIR or postgres://..., which must be empty, or hold an unfinished copy."`

	Snapshot bool `help:"Leave out what is written after the copy began, instead of failing: for a backup of what is served."`
}

// Run copies. A signal interrupts it; the same command then goes on.
func (c *copyCommand) Run(t *terminal) (err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if c.From == c.To {
		return usageError("--from and --to are the same")
	}
	source, err := storeConfig(c.From)
	if err != nil {
		return err
	}
	target, err := storeConfig(c.To)
	if err != nil {
		return err
	}
	if _, err := os.Stat(source.Path); source.URL == "" && err != nil {
		return fmt.Errorf("there is no data in %s; name the directory as --from sqlite:DIR", c.From)
	}
	from, err := store.Open(ctx, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	target.Unfinished = true
	to, err := store.Open(ctx, target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	bar := newBar(t.err)
	carry := store.Copy
	if c.Snapshot {
		carry = store.Snapshot
	}
	done, err := carry(ctx, from, to, bar.show)
	bar.clear()
	switch {
	case errors.Is(err, store.ErrCopyMissed):
		return errors.New("the source was written to after the copy began, and the copy lacks that: stop the servers that write to it and run the same command again, or make a backup with --snapshot")
	case ctx.Err() != nil:
		return errors.New("interrupted: run the same command again to go on")
	case err != nil:
		return err
	}
	return t.say(done, "copied %d rows, %d of them before this run; both sides have the digest %s\n", done.Rows, done.Resumed, done.Digest)
}

// storeConfig returns the store that text names: sqlite:DIR or postgres://....
func storeConfig(text string) (store.Config, error) {
	if dir, ok := strings.CutPrefix(text, "sqlite:"); ok && dir != "" {
		return store.Config{Path: filepath.Join(dir, "rollcall.db")}, nil
	}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return store.Config{URL: text}, nil
	}
	return store.Config{}, usageError(fmt.Sprintf("%q names no store: give sqlite:DIR or postgres://...", text))
}

// A bar shows on a terminal how much of a work is done. Elsewhere it shows nothing.
type bar struct {
	w    io.Writer // nil for nowhere
	last time.Time
}

func newBar(w io.Writer) *bar {
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		return &bar{w: w}
	}
	return &bar{}
}

// show draws the bar, not more often than eyes can follow.
func (b *bar) show(done, total int64) {
	const width = 40
	if b.w == nil || total == 0 || done < total && time.Since(b.last) < 100*time.Millisecond {
		return
	}
	b.last = time.Now()
	full := int(done * width / total)
	fmt.Fprintf(b.w, "\r[%s%s] %3d %%", strings.Repeat("=", full), strings.Repeat(" ", width-full), done*100/total)
}

func (b *bar) clear() {
	if b.w != nil {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
