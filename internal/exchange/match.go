package exchange

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bindings are the values of variables, by name without the dollar sign.
type bindings map[string]string

// more is the member that opens a recorded object to members not written.
const more = "..."

var variable = regexp.MustCompile(`\$[A-Z][A-Z0-9_]*`)

// forms are what the value of a variable looks like, by the kind of its name.
var forms = map[string]string{
	"T":    `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`,
	"TZ":   `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`,
	"TO":   `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00`,
	"MS":   `\d+`,
	"UUID": `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
	"ID":   `[0-9A-Za-z._~-]+`,
	"ANY":  `.*`,
}

// kind is the part of a variable's name that says which form it has.
func kind(name string) string {
	if i := strings.IndexAny(name, "0123456789_"); i >= 0 {
		return name[:i]
	}
	return name
}

// expand fills the variables of a request in; all must be bound.
func (vars bindings) expand(text string) (string, error) {
	var err error
	filled := variable.ReplaceAllStringFunc(text, func(ref string) string {
		value, ok := vars[ref[1:]]
		if !ok && err == nil {
			err = fmt.Errorf("%s is not bound", ref)
		}
		return value
	})
	return filled, err
}

// match compares a text with a pattern and binds what is new in it; the result
// says what is wrong and is empty if nothing is.
func (vars bindings) match(pattern, got string) string {
	var expr strings.Builder
	var fresh []string
	at := 0
	expr.WriteString(`(?s)^`)
	for _, loc := range variable.FindAllStringIndex(pattern, -1) {
		expr.WriteString(regexp.QuoteMeta(pattern[at:loc[0]]))
		at = loc[1]
		name := pattern[loc[0]+1 : loc[1]]
		form, ok := forms[kind(name)]
		if !ok {
			form = `.+`
		}
		value, bound := vars[name]
		switch {
		case bound:
			expr.WriteString(regexp.QuoteMeta(value))
		case kind(name) == "ANY":
			expr.WriteString(form)
		default:
			expr.WriteString(`(` + form + `)`)
			fresh = append(fresh, name)
		}
	}
	expr.WriteString(regexp.QuoteMeta(pattern[at:]) + `$`)
	groups := regexp.MustCompile(expr.String()).FindStringSubmatch(got)
	if groups == nil {
		return fmt.Sprintf("want %s, got %s", quote(vars.show(pattern)), quote(got))
	}
	for i, name := range fresh {
		value := groups[i+1]
		if first, ok := vars[name]; ok && first != value {
			return fmt.Sprintf("$%s is both %s and %s", name, quote(first), quote(value))
		}
		if strings.HasPrefix(kind(name), "T") && forms[kind(name)] != "" {
			if _, err := time.Parse(time.RFC3339, value); err != nil {
				return fmt.Sprintf("$%s: %v", name, err)
			}
		}
		vars[name] = value
	}
	return ""
}

// show fills in those variables that are bound, for people.
func (vars bindings) show(pattern string) string {
	return variable.ReplaceAllStringFunc(pattern, func(ref string) string {
		if value, ok := vars[ref[1:]]; ok {
			return value
		}
		return ref
	})
}

// compare says where the answer differs from the recorded response.
func (m *message) compare(got *answer, vars bindings, unordered map[string]bool) []string {
	c := comparison{vars: vars, unordered: unordered}
	status, err := m.status()
	if err != nil {
		c.fault("status", err.Error())
	} else if got.status != status {
		c.fault("status", fmt.Sprintf("want %d, got %d", status, got.status))
	}
	for _, f := range m.fields {
		values := got.header.Values(f.name)
		switch {
		case f.absent && len(values) > 0:
			c.fault("header "+f.name, fmt.Sprintf("want none, got %s", quote(strings.Join(values, ", "))))
		case f.absent:
		case len(values) == 0:
			c.fault("header "+f.name, fmt.Sprintf("want %s, got none", quote(vars.show(f.value))))
		default:
			c.fault("header "+f.name, vars.match(f.value, strings.Join(values, ", ")))
		}
	}
	c.body(m.body, got.body)
	if len(c.faults) > 0 {
		return c.faults
	}
	for _, r := range m.relations {
		c.fault(fmt.Sprintf("$%s %s $%s", r.left, r.op, r.right), r.check(vars))
	}
	return c.faults
}

func (m *message) status() (int, error) {
	rest, ok := strings.CutPrefix(m.line, "HTTP/1.1 ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is not HTTP/1.1 STATUS", m.line)
	}
	return status, nil
}

// A comparison collects what differs.
type comparison struct {
	vars      bindings
	unordered map[string]bool
	faults    []string
}

func (c *comparison) fault(where, what string) {
	if what != "" {
		c.faults = append(c.faults, where+": "+what)
	}
}

func (c *comparison) body(want string, got []byte) {
	if want == "" {
		if len(got) > 0 {
			c.fault("body", fmt.Sprintf("want none, got %s", quote(string(got))))
		}
		return
	}
	if !strings.HasPrefix(want, "{") && !strings.HasPrefix(want, "[") {
		c.fault("body", c.vars.match(want, strings.TrimSuffix(string(got), "\n")))
		return
	}
	wantTree, err := parseJSON([]byte(want))
	if err != nil {
		c.fault("recorded body", err.Error())
		return
	}
	gotTree, err := parseJSON(got)
	if err != nil {
		c.fault("body", err.Error())
		return
	}
	c.node("", "", wantTree, gotTree)
}

// node compares two values at a path; name is that of the member that holds them.
func (c *comparison) node(path, name string, want, got *node) {
	switch {
	case want.kind == '"' && variable.MatchString(want.text):
		c.fault(place(path), c.vars.matchNode(want.text, got))
	case want.kind != got.kind || want.text != got.text:
		c.fault(place(path), fmt.Sprintf("want %s, got %s", want, got))
	case want.kind == '{':
		c.members(path, want, got)
	case want.kind == '[' && len(want.items) != len(got.items):
		c.fault(place(path), fmt.Sprintf("want %d items, got %d: %s", len(want.items), len(got.items), got))
	case want.kind == '[' && c.unordered[name]:
		c.set(path, want, got)
	case want.kind == '[':
		for i := range want.items {
			c.node(fmt.Sprintf("%s[%d]", path, i), "", want.items[i], got.items[i])
		}
	}
}

func place(path string) string {
	if path == "" {
		return "body"
	}
	return path
}

func (c *comparison) members(path string, want, got *node) {
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	open := want.member(more) != nil
	for i, name := range want.names {
		if name == more {
			continue
		}
		if value := got.member(name); value != nil {
			c.node(prefix+name, name, want.items[i], value)
		} else {
			c.fault(prefix+name, "missing")
		}
	}
	for i, name := range got.names {
		if !open && want.member(name) == nil {
			c.fault(prefix+name, fmt.Sprintf("not expected: %s", got.items[i]))
		}
	}
}

// set compares arrays of equal length without regard to order.
func (c *comparison) set(path string, want, got *node) {
	left := slices.Clone(got.items)
	for i, item := range want.items {
		at := slices.IndexFunc(left, func(candidate *node) bool {
			try := comparison{vars: maps.Clone(c.vars), unordered: c.unordered}
			try.node(path, "", item, candidate)
			if len(try.faults) == 0 {
				maps.Copy(c.vars, try.vars)
			}
			return len(try.faults) == 0
		})
		if at < 0 {
			c.fault(fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("no item matches %s", item))
			continue
		}
		left = slices.Delete(left, at, at+1)
	}
}

// matchNode compares a value with a string that holds variables.
func (vars bindings) matchNode(pattern string, got *node) string {
	name := pattern[1:]
	alone := variable.FindString(pattern) == pattern
	switch {
	case alone && kind(name) == "ANY":
		return ""
	case alone && kind(name) == "MS":
		if got.kind != 0 {
			return fmt.Sprintf("want a number, got %s", got)
		}
	case got.kind != '"':
		return fmt.Sprintf("want %s, got %s", quote(vars.show(pattern)), got)
	}
	return vars.match(pattern, got.text)
}

// check says what is wrong with a relation, nothing if it holds.
func (r relation) check(vars bindings) string {
	left, right := vars[r.left], vars[r.right]
	if left == "" || right == "" {
		return "not bound"
	}
	order := strings.Compare(left, right)
	a, okA := instant(r.left, left)
	b, okB := instant(r.right, right)
	if okA && okB {
		order = a.Compare(b)
	} else if r.op == "<" || r.op == "<=" {
		return "only instants have an order"
	}
	holds := order == 0
	switch r.op {
	case "!=":
		holds = order != 0
	case "<":
		holds = order < 0
	case "<=":
		holds = order <= 0
	}
	if holds {
		return ""
	}
	return fmt.Sprintf("does not hold: %s, %s", left, right)
}

// instant is the value of a variable as a time to the millisecond.
func instant(name, value string) (time.Time, bool) {
	switch kind(name) {
	case "MS":
		ms, err := strconv.ParseInt(value, 10, 64)
		return time.UnixMilli(ms), err == nil
	case "T", "TZ", "TO":
		t, err := time.Parse(time.RFC3339, value)
		return t.Truncate(time.Millisecond), err == nil
	}
	return time.Time{}, false
}
