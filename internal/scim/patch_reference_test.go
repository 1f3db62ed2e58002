package scim_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The reference applies patches to plain Go maps, one cell of the effect table
// of scim requirements 16 after the other. It knows three kinds of attributes:
// simple ones, the complex name and enterprise manager, the list emails; it
// matches filters by itself, and shares nothing with the code.

// A refOp is one operation in parts.
type refOp struct {
	op     string
	attr   string // "" for none
	terms  []refTerm
	or     bool // the terms are alternatives
	sub    string
	value  any
	listed bool // remove with a value
}

// A refTerm is sub eq literal, or sub pr if literal is nil.
type refTerm struct {
	sub     string
	literal any
}

func (f refTerm) String() string {
	if f.literal == nil {
		return f.sub + " pr"
	}
	text, _ := json.Marshal(f.literal)
	return f.sub + " eq " + string(text)
}

// A refError says why the reference refuses a patch.
type refError string

func (e refError) Error() string { return string(e) }

func (o refOp) path() string {
	if o.attr == "" {
		return ""
	}
	path := o.attr
	if len(o.terms) > 0 {
		texts := make([]string, len(o.terms))
		for i, term := range o.terms {
			texts[i] = term.String()
		}
		joint := " and "
		if o.or {
			joint = " or "
		}
		path += "[" + strings.Join(texts, joint) + "]"
	}
	if o.sub != "" {
		path += "." + o.sub
	}
	return path
}

func (o refOp) operation() scim.PatchOperation {
	op := scim.PatchOperation{Op: o.op, Path: o.path()}
	if o.op != "remove" || o.listed {
		text, _ := json.Marshal(o.value)
		op.Value, _ = scim.Read(text, scim.Limits{})
		op.HasValue = true
	}
	return op
}

type refMap = map[string]any

func refCopy(v any) any {
	switch v := v.(type) {
	case refMap:
		c := refMap{}
		for k, w := range v {
			c[k] = refCopy(w)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, w := range v {
			c[i] = refCopy(w)
		}
		return c
	}
	return v
}

func refMulti(attr string) bool   { return attr == "emails" }
func refComplex(attr string) bool { return attr == "name" || strings.HasSuffix(attr, ":manager") }

// refApply changes state, which is flat: extension attributes are under their
// whole names.
func refApply(state refMap, o refOp, tolerant bool) error {
	if o.attr == "" {
		for _, name := range slices.Sorted(maps.Keys(o.value.(refMap))) {
			if err := refApply(state, refOp{op: o.op, attr: name, value: o.value.(refMap)[name]}, tolerant); err != nil {
				return err
			}
		}
		return nil
	}
	switch {
	case refMulti(o.attr):
		list, _ := state[o.attr].([]any)
		list, err := refList(list, o, tolerant)
		if err != nil {
			return err
		}
		refStore(state, o.attr, list)
	case refComplex(o.attr):
		object, _ := state[o.attr].(refMap)
		switch {
		case o.op == "remove" && o.sub == "", o.value == nil && o.sub == "":
			if o.op != "remove" || o.sub == "" {
				delete(state, o.attr)
			}
			return nil
		case o.sub != "":
			object = refMerge(object, refMap{o.sub: o.value})
		default:
			object = refMerge(object, o.value.(refMap))
		}
		delete(state, o.attr)
		if len(object) > 0 {
			state[o.attr] = object
		}
	default:
		if o.op == "remove" || o.value == nil {
			delete(state, o.attr)
		} else {
			state[o.attr] = o.value
		}
	}
	return nil
}

// refMerge sets the given parts, and removes those given as nil.
func refMerge(object, given refMap) refMap {
	merged := refMap{}
	maps.Copy(merged, object)
	for name, v := range given {
		if v == nil {
			delete(merged, name)
		} else {
			merged[name] = v
		}
	}
	return merged
}

func refStore(state refMap, attr string, list []any) {
	var kept []any
	for _, v := range list {
		if len(v.(refMap)) > 0 && !slices.ContainsFunc(kept, func(w any) bool { return reflect.DeepEqual(v, w) }) {
			kept = append(kept, v)
		}
	}
	delete(state, attr)
	if len(kept) > 0 {
		state[attr] = kept
	}
}

// refSame compares two values of the sub-attribute.
func refSame(v, w any) bool {
	s, ok := v.(string)
	t, both := w.(string)
	if ok && both {
		return strings.EqualFold(s, t)
	}
	return v == w
}

func (o refOp) matches(element refMap) bool {
	for _, term := range o.terms {
		v := element[term.sub]
		met := v != nil && v != ""
		if term.literal != nil {
			if v == nil && term.sub == "primary" {
				v = false
			}
			met = v != nil && refSame(v, term.literal)
		}
		if met == o.or {
			return o.or
		}
	}
	return !o.or || len(o.terms) == 0
}

func refList(list []any, o refOp, tolerant bool) ([]any, error) {
	var given []any
	if o.sub == "" && o.value != nil {
		var ok bool
		if given, ok = o.value.([]any); !ok {
			given = []any{o.value}
		}
	}
	if o.op == "remove" {
		return refRemove(list, given, o), nil
	}
	if len(o.terms) == 0 && o.sub == "" {
		if o.op == "replace" {
			if refPrimaries(given) > 1 {
				return nil, refError("primary")
			}
			return given, nil
		}
		return refAdd(list, given)
	}
	var matched []int
	for i, v := range list {
		if o.matches(v.(refMap)) {
			matched = append(matched, i)
		}
	}
	if len(matched) == 0 {
		return refCreate(list, o, tolerant)
	}
	primary := -1
	for _, i := range matched {
		element := list[i].(refMap)
		switch {
		case o.sub != "":
			element = refMerge(element, refMap{o.sub: o.value})
		case o.value == nil && o.op == "replace":
			element = refMap{}
		case o.value == nil:
		case o.op == "add":
			element = refMerge(element, o.value.(refMap))
		default:
			replaced := refMerge(nil, o.value.(refMap))
			for _, term := range o.terms {
				if _, mentioned := o.value.(refMap)[term.sub]; !mentioned && term.literal != nil && !o.or && element[term.sub] != nil {
					replaced[term.sub] = element[term.sub]
				}
			}
			element = replaced
		}
		sets := o.sub == "primary" && o.value == true
		if object, ok := o.value.(refMap); ok && object["primary"] == true {
			sets = true
		}
		if sets {
			if primary >= 0 {
				return nil, refError("primary")
			}
			primary = i
		}
		list[i] = element
	}
	return refPrimary(list, primary), nil
}

func refRemove(list, given []any, o refOp) []any {
	var kept []any
	for _, v := range list {
		element := v.(refMap)
		hit := o.matches(element)
		if hit && o.listed {
			hit = slices.ContainsFunc(given, func(w any) bool {
				listed := w.(refMap)
				return refSame(element["value"], listed["value"]) && (listed["type"] == nil || refSame(element["type"], listed["type"]))
			})
		}
		switch {
		case !hit:
			kept = append(kept, element)
		case o.sub != "":
			kept = append(kept, refMerge(element, refMap{o.sub: nil}))
		}
	}
	return kept
}

func refAdd(list, given []any) ([]any, error) {
	if refPrimaries(given) > 1 {
		return nil, refError("primary")
	}
	primary := -1
	for _, v := range given {
		element := v.(refMap)
		at := slices.IndexFunc(list, func(w any) bool {
			other := w.(refMap)
			if element["value"] == nil {
				return reflect.DeepEqual(element, other)
			}
			return other["value"] != nil && refSame(element["value"], other["value"]) && refSame(element["type"], other["type"])
		})
		if at < 0 {
			at = len(list)
			list = append(list, refMap{})
		}
		list[at] = refMerge(list[at].(refMap), element)
		if element["primary"] == true {
			primary = at
		}
	}
	return refPrimary(list, primary), nil
}

// refPrimaries counts distinct elements that are primary.
func refPrimaries(given []any) int {
	n := 0
	for i, v := range given {
		if v.(refMap)["primary"] == true && !slices.ContainsFunc(given[:i], func(w any) bool { return reflect.DeepEqual(v, w) }) {
			n++
		}
	}
	return n
}

func refPrimary(list []any, primary int) []any {
	for i, v := range list {
		if primary >= 0 && i != primary && v.(refMap)["primary"] == true {
			list[i] = refMerge(v.(refMap), refMap{"primary": false})
		}
	}
	return list
}

func refCreate(list []any, o refOp, tolerant bool) ([]any, error) {
	if !tolerant || len(o.terms) == 0 || o.or && len(o.terms) > 1 || slices.ContainsFunc(o.terms, func(f refTerm) bool { return f.literal == nil }) {
		return nil, refError("noTarget")
	}
	element := refMap{}
	for _, term := range o.terms {
		element[term.sub] = term.literal
	}
	if o.sub != "" {
		element = refMerge(element, refMap{o.sub: o.value})
	} else if o.value != nil {
		element = refMerge(element, o.value.(refMap))
	}
	if len(element) == 0 || !o.matches(element) {
		return nil, refError("noTarget")
	}
	primary := -1
	if element["primary"] == true {
		primary = len(list)
	}
	return refPrimary(append(list, element), primary), nil
}

// Generators.

var (
	refTitles  = []string{"", "a", "A", "b"}
	refValues  = []string{"x", "X", "y", "z"}
	refKinds   = []string{"work", "Work", "home"}
	refSimples = []string{"userName", "title", enterprise + "department"}
)

func refElements() *rapid.Generator[refMap] {
	return rapid.Custom(func(t *rapid.T) refMap {
		e := refMap{}
		if rapid.IntRange(0, 5).Draw(t, "value") > 0 {
			e["value"] = rapid.SampledFrom(refValues).Draw(t, "value")
		}
		if rapid.Bool().Draw(t, "type") {
			e["type"] = rapid.SampledFrom(refKinds).Draw(t, "type")
		}
		if len(e) == 0 || rapid.IntRange(0, 3).Draw(t, "display") == 0 {
			e["display"] = rapid.SampledFrom(refValues).Draw(t, "display")
		}
		switch rapid.IntRange(0, 5).Draw(t, "primary") {
		case 0:
			e["primary"] = true
		case 1:
			e["primary"] = false
		}
		return e
	})
}

func refPart(t *rapid.T, sub string) any {
	if rapid.IntRange(0, 7).Draw(t, "null") == 0 {
		return nil
	}
	switch sub {
	case "primary":
		return rapid.Bool().Draw(t, "part")
	case "type":
		return rapid.SampledFrom(refKinds).Draw(t, "part")
	}
	return rapid.SampledFrom(refValues).Draw(t, "part")
}

func refStates() *rapid.Generator[refMap] {
	return rapid.Custom(func(t *rapid.T) refMap {
		state := refMap{"userName": "ada"}
		list := rapid.SliceOfN(refElements(), 0, 3).Draw(t, "emails")
		var items []any
		primary := false
		for _, e := range list {
			if primary && e["primary"] == true {
				e["primary"] = false
			}
			primary = primary || e["primary"] == true
			items = append(items, e)
		}
		refStore(state, "emails", items)
		for _, attr := range []string{"name", enterprise + "manager"} {
			if rapid.Bool().Draw(t, attr) {
				state[attr] = refMap{refSubOf(t, attr): rapid.SampledFrom(refValues).Draw(t, "part")}
			}
		}
		if rapid.Bool().Draw(t, "title") {
			state["title"] = rapid.SampledFrom(refTitles).Draw(t, "title")
		}
		return state
	})
}

func refSubOf(t *rapid.T, attr string) string {
	if attr == "name" {
		return rapid.SampledFrom([]string{"givenName", "familyName"}).Draw(t, "sub")
	}
	return "value"
}

func refOps() *rapid.Generator[refOp] {
	return rapid.Custom(func(t *rapid.T) refOp {
		o := refOp{op: rapid.SampledFrom([]string{"add", "remove", "replace"}).Draw(t, "op")}
		attr := rapid.SampledFrom(append([]string{"name", enterprise + "manager", "emails", "emails", "emails", "emails", ""}, refSimples...)).Draw(t, "attr")
		if attr == "" {
			if o.op == "remove" {
				o.op = "add"
			}
			o.value = refMap{}
			for _, name := range []string{"title", "name", "emails"} {
				if rapid.Bool().Draw(t, name) {
					o.value.(refMap)[name] = refValueOf(t, name)
				}
			}
			return o
		}
		o.attr = attr
		switch {
		case attr == "emails":
			if rapid.IntRange(0, 2).Draw(t, "filtered") > 0 {
				for range rapid.IntRange(1, 2).Draw(t, "terms") {
					sub := rapid.SampledFrom([]string{"value", "type", "primary", "display"}).Draw(t, "term")
					o.terms = append(o.terms, refTerm{sub, refPart(t, sub)})
				}
				o.or = len(o.terms) > 1 && rapid.IntRange(0, 3).Draw(t, "or") == 0
			}
			if rapid.Bool().Draw(t, "part") {
				o.sub = rapid.SampledFrom([]string{"value", "type", "primary", "display"}).Draw(t, "sub")
				o.value = refPart(t, o.sub)
			} else if len(o.terms) > 0 {
				o.value = any(refElements().Draw(t, "element"))
				if rapid.IntRange(0, 7).Draw(t, "null") == 0 {
					o.value = nil
				}
			} else {
				o.value = refValueOf(t, attr)
			}
			if o.op == "remove" && o.sub == "" && len(o.terms) == 0 && rapid.Bool().Draw(t, "listed") {
				o.listed = true
				var listed []any
				for range rapid.IntRange(0, 3).Draw(t, "n") {
					e := refMap{"value": rapid.SampledFrom(refValues).Draw(t, "value")}
					if rapid.Bool().Draw(t, "typed") {
						e["type"] = rapid.SampledFrom(refKinds).Draw(t, "type")
					}
					listed = append(listed, e)
				}
				o.value = append([]any{}, listed...)
			}
		case refComplex(attr):
			if rapid.Bool().Draw(t, "part") {
				o.sub = refSubOf(t, attr)
				o.value = refPart(t, "value")
			} else {
				o.value = refValueOf(t, attr)
			}
		default:
			o.value = refValueOf(t, attr)
		}
		if o.op == "remove" && !o.listed {
			o.value = nil
		}
		return o
	})
}

func refValueOf(t *rapid.T, attr string) any {
	if rapid.IntRange(0, 9).Draw(t, "null") == 0 && !refMulti(attr) {
		return nil
	}
	switch {
	case refMulti(attr):
		list := []any{}
		for _, e := range rapid.SliceOfN(refElements(), 0, 3).Draw(t, "list") {
			list = append(list, e)
		}
		return list
	case refComplex(attr):
		return refMap{refSubOf(t, attr): refPart(t, "value")}
	case attr == "userName":
		return rapid.SampledFrom(refValues).Draw(t, "userName")
	}
	return rapid.SampledFrom(refTitles).Draw(t, "text")
}

// refJSONOf writes a state as a resource has it.
func refJSONOf(state refMap) string {
	doc := refMap{}
	for name, v := range state {
		uri, attr, ok := cutLast(name)
		if !ok {
			doc[name] = v
			continue
		}
		if doc[uri] == nil {
			doc[uri] = refMap{}
		}
		doc[uri].(refMap)[attr] = v
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// refObject makes canonical attributes of a state.
func refObject(t *rapid.T, state refMap) *scim.Object {
	o, err := scim.ReadObject([]byte(refJSONOf(state)), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	n, faults := scim.UserType().Normalize(o, scim.Checks{
		Schemas: scim.SchemasAssumed, InferExtensions: true, Unknown: scim.RejectUnknown, AnyType: true, AnyFormat: true, AnyUserName: true,
	})
	if len(faults) > 0 {
		t.Fatalf("%s: %v", jsonOf(o), faults)
	}
	return n
}

func TestPatchIsTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := refStates().Draw(t, "state")
		tolerant := rapid.Bool().Draw(t, "tolerant")
		o := scim.PatchOptions{Checks: scim.Checks{AnyType: true, AnyFormat: true, AnyUserName: true}}
		if tolerant {
			o.Rewrites = scim.RewriteCreateOnAbsent | scim.RewriteRemoveValues
		}
		before := refObject(t, state)
		text := jsonOf(before)
		want := refCopy(state).(refMap)
		var wanted error
		var ops []scim.PatchOperation
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			op := refOps().Draw(t, "op")
			ops = append(ops, op.operation())
			if wanted == nil && op.listed && !tolerant {
				wanted = refError("message")
			}
			if wanted == nil {
				wanted = refApply(want, refCopyOp(op), tolerant)
			}
		}
		if wanted == nil && want["userName"] == nil {
			wanted = refError("required")
		}
		got, err := scim.UserType().Patch(before, ops, o)
		if jsonOf(before) != text {
			t.Fatalf("the resource became %s", jsonOf(before))
		}
		if err != nil || wanted != nil {
			if wanted == nil || err == nil || scim.Faults(err)[0].Rule != map[string]scim.Rule{
				"noTarget": scim.RuleNoTarget, "primary": scim.RulePrimary, "required": scim.RuleImmutable, "message": scim.RuleMessage,
			}[wanted.Error()] {
				t.Fatalf("%v on %s: %v, want %v", ops, text, err, wanted)
			}
			return
		}
		expected := refObject(t, want)
		if !scim.Equal(scim.ObjectValue(expected), scim.ObjectValue(got.Attributes)) {
			t.Fatalf("%v on %s\n got %s\nwant %s", ops, text, jsonOf(got.Attributes), jsonOf(expected))
		}
		if scim.Equal(scim.ObjectValue(before), scim.ObjectValue(got.Attributes)) != (before == got.Attributes) {
			t.Fatalf("%v on %s: same %t", ops, text, before == got.Attributes)
		}
		if jsonOf(expected) != jsonOf(got.Attributes) {
			t.Fatalf("%v on %s made %s, which is not canonical: %s", ops, text, jsonOf(got.Attributes), jsonOf(expected))
		}
	})
}

func refCopyOp(o refOp) refOp {
	o.value = refCopy(o.value)
	return o
}

// An operation on what a filter does not select has its effect once.
func TestPatchTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op := refOps().Filter(func(o refOp) bool { return len(o.terms) == 0 && (o.attr != "emails" || o.sub == "") }).Draw(t, "op")
		o := tolerantPatch
		before := refObject(t, refStates().Draw(t, "state"))
		ops := []scim.PatchOperation{op.operation()}
		once, err := scim.UserType().Patch(before, ops, o)
		if err != nil {
			return
		}
		twice, err := scim.UserType().Patch(once.Attributes, ops, o)
		if err != nil {
			t.Fatalf("%v on %s, a second time: %v", ops, jsonOf(once.Attributes), err)
		}
		if twice.Attributes != once.Attributes {
			t.Fatalf("%v made %s, then %s", ops, jsonOf(once.Attributes), jsonOf(twice.Attributes))
		}
	})
}
