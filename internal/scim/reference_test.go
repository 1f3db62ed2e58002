package scim_test

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The reference evaluates filters slowly and to the letter, on a model that
// shares nothing with the code: attributes are lists of elements, elements are
// maps of typed Go values, and the types below are written out here again.

// A refKind says how values of an attribute compare.
type refKind int

const (
	refFold refKind = iota
	refExact
	refBool
	refDate
	refNumber // of an attribute of any type
)

// refSchema lists sub-attributes; a simple attribute has the one called "".
var refSchema = map[string]map[string]refKind{
	"userName":    {"": refFold},
	"displayName": {"": refFold},
	"externalId":  {"": refExact},
	"active":      {"": refBool},
	"name":        {"givenName": refFold, "familyName": refFold},
	"emails":      {"value": refFold, "type": refFold, "display": refFold, "primary": refBool},
	"groups":      {"value": refExact, "display": refFold, "type": refFold},
	"id":          {"": refExact},
	"meta":        {"created": refDate, "lastModified": refDate, "resourceType": refExact, "version": refExact},

	enterprise + "department": {"": refFold},
	enterprise + "manager":    {"value": refExact},
	managed + "number":        {"": refNumber},
}

var refNames = []string{
	"userName", "displayName", "externalId", "active", "name", "emails", "emails", "groups", "id", "meta",
	enterprise + "department", enterprise + "manager", managed + "number",
}

func refMultiValued(name string) bool { return name == "emails" || name == "groups" }

// A refUser maps attributes to their elements.
type refUser map[string][]map[string]any

var (
	refTexts   = []string{"", "a", "A", "ab", "aB", "b", "É", "é", "%", "_", `"`}
	refDates   = []time.Time{time.Date(1, 1, 3, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 29, 23, 30, 0, 0, time.UTC), time.Date(2024, 3, 1, 0, 30, 0, 1e6, time.UTC)}
	refNumbers = []string{"0", "-1", "1", "1.5", "10", "1e1", "9007199254740992", "9007199254740993"}
)

func refValue(t *rapid.T, kind refKind) any {
	switch kind {
	case refBool:
		return rapid.Bool().Draw(t, "bool")
	case refDate:
		return rapid.SampledFrom(refDates).Draw(t, "date")
	case refNumber:
		n, _ := new(big.Rat).SetString(rapid.SampledFrom(refNumbers).Draw(t, "number"))
		return n
	}
	return rapid.SampledFrom(refTexts).Draw(t, "text")
}

func refUsers() *rapid.Generator[refUser] {
	return rapid.Custom(func(t *rapid.T) refUser {
		u := refUser{}
		for _, name := range refNames[:len(refNames):len(refNames)] {
			if u[name] != nil || name != "id" && name != "meta" && rapid.IntRange(0, 3).Draw(t, name) == 0 {
				continue
			}
			n := 1
			if refMultiValued(name) {
				n = rapid.IntRange(1, 3).Draw(t, "elements")
			}
			for range n {
				element := map[string]any{}
				for sub, kind := range refSchema[name] {
					if name == "meta" || name == "groups" || sub == "" || rapid.Bool().Draw(t, sub) {
						element[sub] = refValue(t, kind)
					}
				}
				if name == "groups" {
					element["type"] = rapid.SampledFrom([]string{"direct", "indirect"}).Draw(t, "type")
				}
				if name == "meta" {
					element["resourceType"], element["version"] = "User", `W/"`+strconv.Itoa(rapid.IntRange(0, 11).Draw(t, "version"))+`"`
				}
				if len(element) > 0 {
					u[name] = append(u[name], element)
				}
			}
		}
		return u
	})
}

// resource makes of the model what the store would hold.
func (u refUser) resource() *scim.Resource {
	doc := scim.NewObject()
	r := &scim.Resource{}
	for name, elements := range u {
		var list []scim.Value
		for _, element := range elements {
			o := scim.NewObject()
			for sub, v := range element {
				o.Set(sub, refJSON(v))
			}
			if v, simple := o.Lookup(""); simple {
				list = append(list, v)
			} else {
				list = append(list, scim.ObjectValue(o))
			}
		}
		value := scim.ListValue(list...)
		if !refMultiValued(name) {
			value = list[0]
		}
		switch uri, attr, extension := cutLast(name); {
		case name == "id" || name == "meta" || name == "groups":
		case extension:
			within := scim.NewObject()
			if o := doc.Get(uri).Object(); o != nil {
				within = o
			}
			doc.Set(uri, scim.ObjectValue(within.Set(attr, value)))
		default:
			doc.Set(name, value)
		}
	}
	*r = *scim.NewResource(doc.AppendJSON(nil))
	r.Type, r.ID = "User", u["id"][0][""].(string)
	meta := u["meta"][0]
	r.Created, r.Modified = meta["created"].(time.Time), meta["lastModified"].(time.Time)
	r.Version, _ = strconv.ParseInt(strings.Trim(meta["version"].(string), `W/"`), 10, 64)
	for _, g := range u["groups"] {
		r.Groups = append(r.Groups, scim.Reference{ID: g["value"].(string), Type: "Group", Display: g["display"].(string), Indirect: g["type"] == "indirect"})
	}
	return r
}

func cutLast(name string) (uri, attr string, ok bool) {
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		return name[:i], name[i+1:], true
	}
	return "", name, false
}

func refJSON(v any) scim.Value {
	switch v := v.(type) {
	case bool:
		return scim.BoolValue(v)
	case time.Time:
		return scim.StringValue(v.In(time.FixedZone("", 90*60)).Format(time.RFC3339Nano))
	case *big.Rat:
		return scim.NumberValue(strings.TrimSuffix(v.FloatString(1), ".0"))
	}
	return scim.StringValue(v.(string))
}

// refFilters generates filters on the model whose operators fit the types.
func refFilters() *rapid.Generator[*scim.Filter] {
	var filter func(t *rapid.T, depth int, within string) *scim.Filter
	comparison := func(t *rapid.T, path scim.Path, kind refKind, element bool) *scim.Filter {
		ops := []scim.Op{scim.OpPr, scim.OpEq, scim.OpEq, scim.OpNe}
		if kind != refBool {
			ops = append(ops, scim.OpGt, scim.OpGe, scim.OpLt, scim.OpLe)
		}
		if kind == refFold || kind == refExact {
			ops = append(ops, scim.OpCo, scim.OpSw, scim.OpEw)
		}
		f := &scim.Filter{Op: rapid.SampledFrom(ops).Draw(t, "op"), Path: path}
		if f.Op != scim.OpPr && !((f.Op == scim.OpEq || f.Op == scim.OpNe) && rapid.IntRange(0, 9).Draw(t, "null") == 0) {
			f.Value = refJSON(refValue(t, kind))
		}
		return f
	}
	filter = func(t *rapid.T, depth int, within string) *scim.Filter {
		if depth > 0 {
			switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); kind {
			case 1, 2:
				f := &scim.Filter{Op: scim.OpAnd}
				if kind == 2 {
					f.Op = scim.OpOr
				}
				for range rapid.IntRange(2, 3).Draw(t, "args") {
					f.Args = append(f.Args, filter(t, depth-1, within))
				}
				return f
			case 3:
				return &scim.Filter{Op: scim.OpNot, Args: []*scim.Filter{filter(t, depth-1, within)}}
			}
		}
		name := within
		if name == "" {
			name = rapid.SampledFrom(refNames).Draw(t, "name")
		}
		subs := rapid.SampledFrom(refSubs(name)).Draw(t, "sub")
		kind := refSchema[name][subs]
		if within != "" {
			return comparison(t, scim.Path{Attr: subs}, kind, true)
		}
		uri, attr, _ := cutLast(name)
		path := scim.Path{Schema: uri, Attr: attr}
		if subs != "" && rapid.IntRange(0, 2).Draw(t, "brackets") == 0 {
			return &scim.Filter{Op: scim.OpHas, Path: path, Args: []*scim.Filter{filter(t, 2, name)}}
		}
		if path.Sub = subs; subs == "value" && rapid.Bool().Draw(t, "short") {
			path.Sub = ""
		}
		return comparison(t, path, kind, false)
	}
	return rapid.Custom(func(t *rapid.T) *scim.Filter { return filter(t, 3, "") })
}

func refSubs(name string) []string {
	var subs []string
	for _, sub := range []string{"", "value", "type", "display", "primary", "givenName", "familyName", "created", "lastModified", "resourceType", "version"} {
		if _, ok := refSchema[name][sub]; ok {
			subs = append(subs, sub)
		}
	}
	return subs
}

// refMatch says what the filter means, in the words of RFC 7644 3.4.2.2.
func refMatch(f *scim.Filter, u refUser) bool {
	switch f.Op {
	case scim.OpAnd:
		for _, arg := range f.Args {
			if !refMatch(arg, u) {
				return false
			}
		}
		return true
	case scim.OpOr:
		for _, arg := range f.Args {
			if refMatch(arg, u) {
				return true
			}
		}
		return false
	case scim.OpNot:
		return !refMatch(f.Args[0], u)
	}
	name := scim.Path{Schema: f.Path.Schema, Attr: f.Path.Attr}.String()
	elements := u[name]
	if f.Op == scim.OpHas {
		for _, element := range elements {
			if refMatch(refRename(f.Args[0], name), refUser{name: {element}}) {
				return true
			}
		}
		return false
	}
	null := f.Op != scim.OpPr && f.Value.IsNull()
	sub := f.Path.Sub
	kind, simple := refSchema[name][sub]
	if !simple && f.Op != scim.OpPr && !null {
		sub = "value"
		kind = refSchema[name][sub]
	}
	var values []any
	present := false
	for _, element := range elements {
		if sub == "" && !simple { // pr of a complex attribute
			for _, v := range element {
				present = present || v != ""
			}
			continue
		}
		v, assigned := element[sub]
		if assigned {
			present = present || v != ""
		} else if sub == "primary" {
			v, assigned = false, true
		}
		if assigned {
			values = append(values, v)
		}
	}
	switch {
	case f.Op == scim.OpPr, null && f.Op == scim.OpNe:
		return present
	case null:
		return !present
	case f.Op == scim.OpNe && len(values) == 0:
		return true
	}
	for _, v := range values {
		if refCompare(f.Op, v, f.Value, kind) {
			return true
		}
	}
	return false
}

// refRename turns paths within brackets into paths of the attribute.
func refRename(f *scim.Filter, name string) *scim.Filter {
	g := &scim.Filter{Op: f.Op, Value: f.Value}
	if len(f.Args) == 0 {
		uri, attr, _ := cutLast(name)
		g.Path = scim.Path{Schema: uri, Attr: attr, Sub: f.Path.Attr}
	}
	for _, arg := range f.Args {
		g.Args = append(g.Args, refRename(arg, name))
	}
	return g
}

func refCompare(op scim.Op, v any, literal scim.Value, kind refKind) bool {
	c := 0
	switch v := v.(type) {
	case bool:
		if v != literal.Bool() {
			c = 1
		}
	case time.Time:
		at, err := time.Parse(time.RFC3339Nano, literal.Text())
		if err != nil {
			panic(err)
		}
		c = v.Compare(at)
	case *big.Rat:
		n, _ := new(big.Rat).SetString(literal.Text())
		c = v.Cmp(n)
	case string:
		w := literal.Text()
		if kind == refFold {
			v, w = strings.ToLower(v), strings.ToLower(w)
		}
		switch op {
		case scim.OpCo:
			return strings.Contains(v, w)
		case scim.OpSw:
			return strings.HasPrefix(v, w)
		case scim.OpEw:
			return strings.HasSuffix(v, w)
		}
		c = strings.Compare(v, w)
	default:
		panic(fmt.Sprint("value ", v))
	}
	return map[scim.Op]bool{
		scim.OpEq: c == 0, scim.OpNe: c != 0, scim.OpGt: c > 0, scim.OpGe: c >= 0, scim.OpLt: c < 0, scim.OpLe: c <= 0,
	}[op]
}

func TestMatchIsTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := refUsers().Draw(t, "user")
		r := u.resource()
		for range 10 {
			f := refFilters().Draw(t, "filter")
			resolved, err := scim.UserType().Resolve(f, scim.FilterOptions{})
			if err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			if got, want := resolved.Match(r), refMatch(f, u); got != want {
				t.Fatalf("%s is %t, want %t, on %s", f, got, want, r.Doc())
			}
			again, err := scim.UserType().Resolve(mustParseAny(t, resolved.String()), scim.FilterOptions{})
			if err != nil || !again.Equal(resolved) {
				t.Fatalf("%s resolves to %s, and that to %s, %v", f, resolved, again, err)
			}
		}
	})
}

// mustParseAny parses a filter beyond the usual limits.
func mustParseAny(t *rapid.T, text string) *scim.Filter {
	f, err := scim.ParseFilter(text, scim.FilterOptions{MaxLength: 1 << 20, MaxDepth: 100, MaxTerms: 1000})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

// A term selects just the resources that have a key of which its comparison holds.
func TestComparisonHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := refUsers().Draw(t, "user")
		r := u.resource()
		var check func(f *scim.Filter)
		check = func(f *scim.Filter) {
			if f.Op == scim.OpHas {
				return
			}
			for _, arg := range f.Args {
				check(arg)
			}
			c, ok := f.Comparison(nil)
			if !ok {
				return
			}
			keys := refKeys(u, c.Path)
			want := slices.ContainsFunc(keys, c.Holds) || c.Op == scim.OpNe && len(keys) == 0
			if got := f.Match(r); got != want {
				t.Fatalf("%s of %s is %v, with the keys %q", f, r.Doc(), got, keys)
			}
		}
		for range 10 {
			f, err := scim.UserType().Resolve(refFilters().Draw(t, "filter"), scim.FilterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			check(f)
		}
	})
}

// refKeys returns the keys that an index holds of the attribute.
func refKeys(u refUser, want string) (keys []string) {
	for name, elements := range u {
		for _, element := range elements {
			for sub, v := range element {
				path := name
				if sub != "" {
					path += "." + sub
				}
				if path != want {
					continue
				}
				p, err := scim.ParsePath(path)
				if err != nil {
					continue
				}
				_, a, err := scim.UserType().ResolvePath(p, scim.FilterOptions{})
				if err != nil {
					continue
				}
				exact := *a
				exact.CaseExact = a.CaseExact || refSchema[name][sub] == refExact
				if key, ok := exact.IndexKey(refJSON(v)); ok {
					keys = append(keys, key)
				}
			}
		}
	}
	return keys
}
