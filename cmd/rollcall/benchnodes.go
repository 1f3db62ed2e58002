package main

import (
	"errors"
	"path/filepath"
	"strconv"
	"time"
)

// startMore starts the servers beside the first.
func (b *bench) startMore(c *benchCommand) error {
	if c.Nodes > 1 && c.Database == "" {
		return usageError("--nodes needs a --database that they share")
	}
	for n := 1; n < c.Nodes; n++ {
		k, err := startChild(filepath.Join(b.dir, "serve-"+strconv.Itoa(n)+".txt"), b.serve...)
		if err != nil {
			return err
		}
		b.more = append(b.more, k)
	}
	return nil
}

func (b *bench) stopMore() (err error) {
	for _, k := range b.more {
		err = errors.Join(err, k.stop())
	}
	return err
}

// spread returns the server for the n-th connection, where it is for a server.
func (b *bench) spread(to *child, n int) *child {
	if at := n % (len(b.more) + 1); to == b.server && at > 0 {
		return b.more[at-1]
	}
	return to
}

// cpu returns the processor time that the child has used, or all servers have.
func (b *bench) cpu(of *child) (used time.Duration) {
	used = of.cpu()
	if of == b.server {
		for _, k := range b.more {
			used += k.cpu()
		}
	}
	return used
}
