package exchange

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// A recording is a file, read.
type recording struct {
	archive     *txtar.Archive
	rules       []string
	transcribed bool
	unordered   map[string]bool
	exchanges   []exchange
	changed     bool // a response of archive was replaced
}

type exchange struct{ request, response *message }

// A message is one section: a request or a response.
type message struct {
	line      string
	fields    []field
	body      string
	relations []relation
}

type field struct {
	name, value string
	absent      bool
}

type relation struct{ left, op, right string }

var relationLine = regexp.MustCompile(`^# \$([A-Z][A-Z0-9_]*) (==|!=|<|<=) \$([A-Z][A-Z0-9_]*)$`)

func parse(text []byte) (*recording, error) {
	rec := &recording{archive: txtar.Parse(text), unordered: map[string]bool{}}
	for line := range strings.Lines(string(rec.archive.Comment)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch word {
		case "rules":
			rec.rules = append(rec.rules, list(rest)...)
		case "transcribed":
			rec.transcribed = true
		case "unordered":
			for _, name := range list(rest) {
				rec.unordered[name] = true
			}
		}
	}
	files := rec.archive.Files
	if len(files) == 0 || len(files)%2 != 0 {
		return nil, errors.New("sections must be pairs of request and response")
	}
	for i := 0; i < len(files); i += 2 {
		if files[i].Name != "request" || files[i+1].Name != "response" {
			return nil, fmt.Errorf("section %d, %s, and section %d, %s, are not a request and a response", i+1, files[i].Name, i+2, files[i+1].Name)
		}
		request, err := parseMessage(files[i].Data)
		if err != nil {
			return nil, fmt.Errorf("request %d: %w", i/2+1, err)
		}
		response, err := parseMessage(files[i+1].Data)
		if err != nil {
			return nil, fmt.Errorf("response %d: %w", i/2+1, err)
		}
		if len(request.relations) > 0 {
			return nil, fmt.Errorf("request %d: a relation belongs into a response", i/2+1)
		}
		rec.exchanges = append(rec.exchanges, exchange{request, response})
	}
	return rec, nil
}

func list(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// parseMessage reads a section: its first line, header fields up to an empty
// line, and the body without its last line break. Relations stand anywhere.
func parseMessage(data []byte) (*message, error) {
	m := &message{}
	var lines []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if r := relationLine.FindStringSubmatch(line); r != nil {
			m.relations = append(m.relations, relation{r[1], r[2], r[3]})
			continue
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return m, nil
	}
	m.line = lines[0]
	for i, line := range lines[1:] {
		if line == "" {
			m.body = strings.Join(lines[i+2:], "\n")
			break
		}
		if name, ok := strings.CutPrefix(line, "!"); ok {
			m.fields = append(m.fields, field{name: name, absent: true})
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t{[\"") {
			return nil, fmt.Errorf("%q is not a header field; is the empty line before the body missing?", line)
		}
		m.fields = append(m.fields, field{name: name, value: strings.TrimSpace(value)})
	}
	return m, nil
}
