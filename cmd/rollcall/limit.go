package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/crypto/argon2"
)

// serveLimits is the other child of bench: the least that a directory on
// net/http must do. /echo parses a JSON body and renders it back, /append also
// writes it to a file that is flushed to the disk before the answer, /memory
// answers a GET with as much from memory, /page renders a hundred of it, /hash
// hashes a password.
func serveLimits(t *terminal, path string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	journal := &journal{file: file, in: make(chan entry, 256)}
	go journal.run(ctx)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := &http.Server{Handler: limits(journal)}
	context.AfterFunc(ctx, func() { _ = h.Close() })
	if err := t.say(map[string]string{"url": "http://" + l.Addr().String()}, "%s\n", l.Addr()); err != nil {
		return err
	}
	_ = h.Serve(l) // ends by Close
	return nil
}

func limits(j *journal) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		if text, ok := echo(w, r); ok {
			answer(w, text)
		}
	})
	mux.HandleFunc("POST /append", func(w http.ResponseWriter, r *http.Request) {
		text, ok := echo(w, r)
		if !ok {
			return
		}
		if err := j.append(text); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, text)
	})
	kept := []byte(benchUser(1))
	mux.HandleFunc("GET /memory", func(w http.ResponseWriter, _ *http.Request) { answer(w, kept) })
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		var user map[string]any
		_ = json.Unmarshal(kept, &user)
		text, err := json.Marshal(slices.Repeat([]any{user}, 100))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, text)
	})
	slots := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)) // as many hashes at a time as the server makes
	mux.HandleFunc("GET /hash", func(w http.ResponseWriter, _ *http.Request) {
		slots <- struct{}{}
		key := argon2.IDKey(kept[:20], kept[20:36], 2, 19<<10, 1, 32)
		<-slots
		answer(w, key)
	})
	return mux
}

func echo(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(r.Body)
	var v any
	if err == nil {
		err = json.Unmarshal(body, &v)
	}
	var text []byte
	if err == nil {
		text, err = json.Marshal(v)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return text, err == nil
}

func answer(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // the generator may be gone
}

// A journal appends to a file; all that wait share one flush.
type journal struct {
	file *os.File
	in   chan entry
}

type entry struct {
	text []byte
	done chan error
}

func (j *journal) append(text []byte) error {
	e := entry{text, make(chan error, 1)}
	j.in <- e
	return <-e.done
}

// run writes until ctx ends.
func (j *journal) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-j.in:
			j.commit(first)
		}
	}
}

// commit writes the first entry and all that wait behind it, and flushes once.
func (j *journal) commit(first entry) {
	batch := []entry{first}
	for waiting := len(j.in); waiting > 0; waiting-- {
		batch = append(batch, <-j.in)
	}
	var all bytes.Buffer
	for _, e := range batch {
		all.Write(e.text)
		all.WriteByte('\n')
	}
	_, err := j.file.Write(all.Bytes())
	if err == nil {
		err = j.file.Sync()
	}
	for _, e := range batch {
		e.done <- err
	}
}
