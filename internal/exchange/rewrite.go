package exchange

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	uuid   = regexp.MustCompile(forms["UUID"])
	millis = regexp.MustCompile(`^1\d{12}$`) // of the years 2001 to 2033
)

// newFields are the header fields that a recording without a response gets.
var newFields = []field{{name: "Content-Type"}, {name: "Location"}, {name: "ETag"}, {name: "WWW-Authenticate"}}

// rewritten returns the section of an answer, with variables where the answer
// holds their values and new ones for ids and times that are new.
func (m *message) rewritten(got *answer, vars bindings) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d\n", got.status)
	fields := m.fields
	if m.line == "" {
		fields = newFields
	}
	for _, f := range fields {
		values := got.header.Values(f.name)
		switch {
		case len(values) > 0:
			fmt.Fprintf(&b, "%s: %s\n", f.name, vars.template(strings.Join(values, ", ")))
		case f.absent:
			fmt.Fprintf(&b, "!%s\n", f.name)
		}
	}
	if tree, err := parseJSON(got.body); err == nil {
		vars.templateNode(tree)
		b.WriteString("\n")
		tree.write(&b, "")
		b.WriteString("\n")
	} else if len(got.body) > 0 {
		fmt.Fprintf(&b, "\n%s\n", vars.template(strings.TrimSuffix(string(got.body), "\n")))
	}
	for _, r := range m.relations {
		fmt.Fprintf(&b, "# $%s %s $%s\n", r.left, r.op, r.right)
	}
	return []byte(b.String())
}

func (vars bindings) templateNode(n *node) {
	switch {
	case n.kind == '"':
		n.text = vars.template(n.text)
	case n.kind == 0 && millis.MatchString(n.text):
		n.kind, n.text = '"', "$"+vars.name("MS", n.text)
	}
	for _, item := range n.items {
		vars.templateNode(item)
	}
}

// template puts variables into a text. Values shorter than 8 bytes stay: they
// may stand there by chance.
func (vars bindings) template(text string) string {
	if _, err := time.Parse(time.RFC3339, text); err == nil {
		return "$" + vars.name("T", text)
	}
	for _, id := range uuid.FindAllString(text, -1) {
		vars.name("UUID", id)
	}
	names := slices.Sorted(maps.Keys(vars))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(len(vars[b]), len(vars[a])) })
	for _, name := range names {
		if len(vars[name]) >= 8 {
			text = strings.ReplaceAll(text, vars[name], "$"+name)
		}
	}
	return text
}

// name returns the name of the variable that has the value, a new one of the
// kind if there is none.
func (vars bindings) name(kind, value string) string {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if vars[name] == value {
			return name
		}
	}
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s%d", kind, i)
		if _, taken := vars[name]; !taken {
			vars[name] = value
			return name
		}
	}
}
