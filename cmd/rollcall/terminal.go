package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// A terminal is where a command writes.
type terminal struct {
	out  io.Writer // answers
	err  io.Writer // logs and complaints
	json bool
}

// print writes v as JSON or, by default, what text writes.
func (t *terminal) print(v any, text func(io.Writer)) error {
	if !t.json {
		text(t.out)
		return nil
	}
	enc := json.NewEncoder(t.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// say writes v as JSON or, by default, the words.
func (t *terminal) say(v any, format string, words ...any) error {
	return t.print(v, func(w io.Writer) { fmt.Fprintf(w, format, words...) })
}

// fail says why a command failed and returns the code.
func (t *terminal) fail(err error, code int) int {
	text := explain(err)
	if t.json {
		_ = json.NewEncoder(t.err).Encode(map[string]string{"error": text})
	} else {
		fmt.Fprintln(t.err, "rollcall: "+text)
	}
	return code
}

// printTable writes what view shows of each of all, as JSON or by default as a table:
// see table.
func printTable[T, V any](t *terminal, all []T, view func(T) V, head string, line func(V) string) error {
	views := make([]V, len(all))
	for i, one := range all {
		views[i] = view(one)
	}
	return t.print(views, func(w io.Writer) { table(w, head, views, line) })
}

// table writes rows whose columns are separated by tabs.
func table[T any](w io.Writer, head string, rows []T, line func(T) string) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, head)
	for _, row := range rows {
		fmt.Fprintln(tw, line(row))
	}
	_ = tw.Flush()
}
