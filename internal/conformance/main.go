// Command conformance writes docs/conformance.md: each rule of the specifications
// that rollcall follows, and the tests that prove it. It reads the output of
// go test -json ./... and is run by make conformance.
//
// A test names what it proves in the last element of its name, as in
// scim:SCH-01,scim:MV-04 followed by what it shows. A rule is proved if a test
// that names it has passed and none has failed or was skipped.
package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

//go:embed rules.txt
var rulesText string

func main() {
	results, err := readResults(os.Stdin)
	if err == nil {
		err = write(os.Stdout, readSheets(rulesText), results)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// A sheet is one specification.
type sheet struct {
	name, title string
	rules       []rule
}

// A rule is one line of a sheet.
type rule struct {
	id, level string
	group     string // the heading that it stands under
	reason    string // why no test proves it
}

// readSheets reads rules.txt.
func readSheets(text string) []sheet {
	var sheets []sheet
	group := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "//"):
		case strings.HasPrefix(line, "## "):
			group = line[3:]
		case strings.HasPrefix(line, "# "):
			name, title, _ := strings.Cut(line[2:], ": ")
			sheets, group = append(sheets, sheet{name: name, title: title}), ""
		default:
			r := rule{group: group}
			line, r.reason, _ = strings.Cut(line, ": ")
			r.id, r.level, _ = strings.Cut(line, " ")
			last := &sheets[len(sheets)-1]
			last.rules = append(last.rules, r)
		}
	}
	return sheets
}

// results are what tests said of rules, by sheet:ID.
type results struct {
	proofs  map[string][]string // names of tests that passed, without the tokens, in order
	spoiled map[string]bool     // one that names it has failed or was skipped
}

var token = regexp.MustCompile(`\b([a-z0-9]+):([A-Z]+-?\d+[a-z]?)`)

// readResults reads the output of go test -json.
func readResults(r io.Reader) (results, error) {
	out := results{proofs: map[string][]string{}, spoiled: map[string]bool{}}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		var e struct{ Action, Test string }
		if json.Unmarshal(line, &e) == nil && e.Test != "" { // what builds print is not JSON
			out.note(e.Action, e.Test)
		}
		switch err {
		case nil:
		case io.EOF:
			return out, nil
		default:
			return out, err
		}
	}
}

func (o *results) note(action, test string) {
	if action != "pass" && action != "fail" && action != "skip" {
		return
	}
	// A parent's outcome repeats that of its children.
	last := test[strings.LastIndexByte(test, '/')+1:]
	said := strings.TrimLeft(strings.ReplaceAll(token.ReplaceAllString(last, ""), "_", " "), " ,")
	if top, _, inside := strings.Cut(test, "/"); inside {
		said = top + ": " + said
	}
	for _, name := range token.FindAllString(last, -1) {
		if action != "pass" {
			o.spoiled[name] = true
		} else if !slices.Contains(o.proofs[name], said) {
			o.proofs[name] = append(o.proofs[name], said)
		}
	}
}

// mostProofs is how many tests of a rule the page names.
const mostProofs = 3

// write writes the page.
func write(w io.Writer, sheets []sheet, res results) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "# Conformance\n\nEach rule of the specifications that rollcall follows, and the tests that prove it,\n"+
		"by what they show. `make conformance` writes this page from a run of all tests;\nwhere a choice was made otherwise, [divergences.md](divergences.md) says why.\n")
	for _, s := range sheets {
		proved := 0
		for _, r := range s.rules {
			if res.proved(s, r) {
				proved++
			}
		}
		fmt.Fprintf(b, "\n## %s\n\n%d of %d rules are proved by tests.\n", s.title, proved, len(s.rules))
		for i, r := range s.rules {
			if i == 0 || r.group != s.rules[i-1].group {
				if r.group != "" {
					fmt.Fprintf(b, "\n### %s\n", r.group)
				}
				fmt.Fprint(b, "\n| rule | level | tests |\n|---|---|---|\n")
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", r.id, r.level, res.say(s, r))
		}
	}
	return b.Flush()
}

func (o results) proved(s sheet, r rule) bool {
	name := s.name + ":" + r.id
	return len(o.proofs[name]) > 0 && !o.spoiled[name]
}

// say returns the cell that names a rule's tests.
func (o results) say(s sheet, r rule) string {
	name := s.name + ":" + r.id
	proofs := slices.Sorted(slices.Values(o.proofs[name]))
	switch {
	case o.spoiled[name]:
		return "**a test of it fails**"
	case len(proofs) == 0 && r.reason != "":
		return "none: " + r.reason
	case len(proofs) == 0:
		return "**none yet**"
	}
	rest := ""
	if n := len(proofs) - mostProofs; n > 0 {
		proofs, rest = proofs[:mostProofs], fmt.Sprintf("; and %d more", n)
	}
	return strings.ReplaceAll(strings.Join(proofs, "; "), "|", "\\|") + rest
}
