package crest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// TestPatchModel compares patches with a model of them on plain Go values, and
// holds that a patch leaves what it is given as it is.
func TestPatchModel(t *testing.T) {
	old := read(t, mina)
	names := []string{"city", "aliasList", "custom_x", "description", "preferences", "custom_y"}
	values := []string{`"a"`, `"b"`, `1`, `2`, `["a","b"]`, `[1]`, `{"k":1}`, `{"k":["a"],"l":true}`, `[]`, `"1"`}
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		pick := func(list []string) string { return list[random.IntN(len(list))] }
		field := func() string {
			return pick(names) + pick([]string{"", "", "", "/k", "/k/m", "/updates"})
		}
		var texts []string
		for range random.IntN(8) {
			switch op := pick([]string{"add", "replace", "remove", "remove", "copy", "move", "append"}); op {
			case "append":
				texts = append(texts, fmt.Sprintf(`{"operation":"add","field":"%s/-","value":%s}`, field(), pick(values)))
			case "copy", "move":
				texts = append(texts, fmt.Sprintf(`{"operation":"%s","field":"%s","from":"%s"}`, op, field(), field()))
			case "remove":
				texts = append(texts, fmt.Sprintf(`{"operation":"remove","field":"%s"%s}`, field(), pick([]string{"", `,"value":` + pick(values)})))
			default:
				texts = append(texts, fmt.Sprintf(`{"operation":"%s","field":"%s","value":%s}`, op, field(), pick(values)))
			}
		}
		body := "[" + strings.Join(texts, ",") + "]"
		ops := parse(t, body)
		m := users.managed(old)
		before := scim.ObjectValue(m).String()
		got, touched, err := users.patch(m, ops)
		if after := scim.ObjectValue(m).String(); after != before {
			t.Fatalf("%s changed what it was given:\n%s\n%s", body, before, after)
		}
		want, ok := model(plain(t, before), ops)
		if ok != (err == nil) {
			t.Fatalf("%s: %v, the model says %v", body, err, ok)
		}
		if err != nil {
			continue
		}
		if diff := cmp.Diff(want, plain(t, scim.ObjectValue(got).String())); diff != "" {
			t.Fatalf("%s:\n%s", body, diff)
		}
		attributes, failed := nested().patched(old, got, touched)
		if len(failed) == 0 && reflect.DeepEqual(want, plain(t, before)) && scim.ObjectValue(attributes).String() != mina {
			t.Fatalf("%s changes nothing, and makes\n%s", body, scim.ObjectValue(attributes))
		}
	}
}

func parse(t testing.TB, body string) []operation {
	t.Helper()
	v, err := scim.Read([]byte(body), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ops, err := parsePatch(v)
	if err != nil {
		t.Fatal(err)
	}
	return ops
}

func plain(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// model applies the operations to plain values; ok is false if one is refused.
func model(v any, ops []operation) (_ any, ok bool) {
	defer func() {
		if fault := recover(); fault != nil && fault != "refused" {
			panic(fault)
		}
	}()
	for _, op := range ops {
		if op.verb == "copy" || op.verb == "move" {
			from := get(v, op.from)
			if from == nil || slices.Equal(op.from, op.field) {
				continue
			}
			if op.verb == "move" {
				v = put(v, op.from, func(any) any { return nil })
			}
			v = put(v, op.field, func(any) any { return from })
			continue
		}
		value := plainValue(op.value)
		v = put(v, op.field, func(was any) any {
			list, isList := was.([]any)
			switch {
			case op.verb == "remove" && value == nil:
				return nil
			case op.verb == "remove" && isList:
				return slices.DeleteFunc(slices.Clone(list), func(item any) bool { return reflect.DeepEqual(item, value) })
			case op.verb == "remove" && reflect.DeepEqual(was, value):
				return nil
			case op.verb == "remove":
				return was
			case op.verb == "replace":
				return value
			case was == nil && (op.end || len(op.field) == 1 && op.field[0] == "aliasList"):
				list, isList = []any{}, true
			case op.end && !isList:
				panic("refused")
			}
			if !isList {
				return value
			}
			more, many := value.([]any)
			if !many || op.end {
				more = []any{value}
			}
			list = slices.Clone(list)
			for _, item := range more {
				if !slices.ContainsFunc(list, func(w any) bool { return reflect.DeepEqual(w, item) }) {
					list = append(list, item)
				}
			}
			return list
		})
	}
	return v, true
}

func plainValue(v scim.Value) (out any) {
	if !v.IsNull() {
		_ = json.Unmarshal([]byte(v.String()), &out)
	}
	return out
}

func get(v any, at pointer) any {
	for _, name := range at {
		o, _ := v.(map[string]any)
		v = o[name]
	}
	return v
}

func put(v any, at pointer, change func(any) any) any {
	if len(at) == 0 {
		return change(v)
	}
	o, isObject := v.(map[string]any)
	was := o[at[0]]
	now := put(was, at[1:], change)
	if reflect.DeepEqual(was, now) {
		return v
	}
	if v != nil && !isObject {
		panic("refused")
	}
	out := map[string]any{}
	for name, member := range o {
		out[name] = member
	}
	out[at[0]] = now
	if now == nil {
		delete(out, at[0])
	}
	return out
}

// FuzzPatch holds that a patch is refused as the client's fault or makes an
// object that can be stored, shown and patched again, without having changed the one it was
// made of.
func FuzzPatch(f *testing.F) {
	for _, body := range []string{
		`[]`, `[{"operation":"add","field":"/aliasList/-","value":"a"}]`, `[{"operation":"remove","field":"/kbaInfo","value":{"questionId":"1"}}]`,
		`[{"operation":"increment","field":"/custom_x","value":"1e3"}]`, `[{"operation":"move","field":"custom_x/-","from":"/preferences"}]`,
		`[{"operation":"copy","field":"/preferences/a%2Fb","from":"/custom_x"},{"operation":"replace","field":"/cn","value":"x"}]`,
		`[{"operation":"transform","field":"x","value":1}]`, `[{"operation":"add","field":"/password","value":"x"}]`, `[{"operation":"replace","field":"/mail","value":"a@b.c"}]`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := scim.Read(body, scim.Limits{})
		if err != nil {
			return
		}
		ops, err := parsePatch(v)
		old := read(t, mina)
		var m, attributes *scim.Object
		var touched map[string]bool
		if err == nil {
			m, touched, err = users.patch(users.managed(old), ops)
		}
		if err != nil {
			var r *refusal
			if !errors.As(err, &r) || r.status != 400 {
				t.Fatalf("%v", err)
			}
			return
		}
		attributes, failed := nested().patched(old, m, touched)
		if got := scim.ObjectValue(old).String(); got != mina {
			t.Fatalf("what was there has changed: %s", got)
		}
		if len(failed) > 0 {
			return
		}
		attributes.Delete("password")
		text := scim.ObjectValue(attributes).String()
		stored, err := scim.ReadObject([]byte(text), scim.Limits{Depth: 34, String: 1 << 20})
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		show(t, text, "")
		if _, _, err := users.patch(users.managed(stored), nil); err != nil {
			t.Fatal(err)
		}
	})
}
