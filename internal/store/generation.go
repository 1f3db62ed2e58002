package store

import (
	"os"
	"runtime"
)

// A Generation stands for all that was committed by some moment.
type Generation [96]byte

// Generation returns the one of this moment, or false if the engine knows none.
// As long as it is the same, no process has committed anything: what was read
// from the database after it was taken may be used once more.
func (db *DB) Generation() (g Generation, ok bool) {
	return db.engine.generation()
}

// walIndex is the file in which all processes that use a database agree on how
// much of its log is committed. A commit is visible to anybody only when the two
// copies of the header at its beginning, which count the commits, say so
// (sqlite.org/walformat.html 2.1); so while both are as they were, nothing is.
type walIndex struct {
	file *os.File // nil: it is not known
}

// openWALIndex opens the one of a database, to which there must be connections
// until it is closed: SQLite's locks on the file belong to the process, and the
// system drops them all when the process closes the file anywhere.
func openWALIndex(path string) (walIndex, error) {
	// SQLite writes it through memory. What is read of a file is that at once
	// where one cache of pages serves both; elsewhere nobody promises it.
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		return walIndex{}, nil
	}
	f, err := os.Open(path + "-shm")
	return walIndex{f}, err
}

func (w walIndex) read() (g Generation, ok bool) {
	if w.file == nil {
		return g, false
	}
	_, err := w.file.ReadAt(g[:], 0)
	return g, err == nil
}

func (w walIndex) close() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}
