package scim_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`null`, `null`, true}, {`null`, `false`, false}, {`true`, `true`, true}, {`true`, `false`, false},
		{`1`, `1`, true}, {`1`, `1.0`, false}, {`1`, `"1"`, false}, {`"a"`, `"a"`, true}, {`"a"`, `"A"`, false},
		{`[]`, `null`, false}, {`[]`, `[]`, true}, {`[1,2]`, `[1,2]`, true}, {`[1,2]`, `[2,1]`, false}, {`[1]`, `[1,1]`, false},
		{`{}`, `{}`, true}, {`{}`, `[]`, false}, {`{"a":1,"b":[{"c":2}]}`, `{"b":[{"c":2}],"a":1}`, true},
		{`{"a":1}`, `{"a":2}`, false}, {`{"a":1}`, `{"A":1}`, false}, {`{"a":1}`, `{"a":1,"b":1}`, false}, {`{"a":null}`, `{"b":null}`, false},
	} {
		a, b := mustRead(t, c.a), mustRead(t, " "+c.b)
		if scim.Equal(a, b) != c.want || scim.Equal(b, a) != c.want {
			t.Errorf("Equal(%s, %s) is not %v", a, b, c.want)
		}
	}
	if !scim.Equal(scim.ObjectValue(nil), scim.Value{}) {
		t.Error("the value of no object is not null")
	}
}

func TestValue(t *testing.T) {
	v := mustRead(t, `{"s":"x","n":1.50,"t":true,"f":false,"l":[1],"z":null,"e":[],"o":{}}`).Object()
	for _, c := range []struct {
		name       string
		kind       scim.Kind
		text       string
		truth      bool
		items      int
		unassigned bool
	}{
		{"s", scim.String, "x", false, 0, false}, {"n", scim.Number, "1.50", false, 0, false}, {"t", scim.Bool, "", true, 0, false}, {"f", scim.Bool, "", false, 0, false},
		{"l", scim.Array, "", false, 1, false}, {"z", scim.Null, "", false, 0, true}, {"e", scim.Array, "", false, 0, true}, {"o", scim.ObjectKind, "", false, 0, true},
		{"absent", scim.Null, "", false, 0, true},
	} {
		got := v.Get(c.name)
		if got.Kind() != c.kind || got.Text() != c.text || got.Bool() != c.truth || len(got.List()) != c.items || got.Unassigned() != c.unassigned || got.IsNull() != (c.kind == scim.Null) {
			t.Errorf("%s is %v: kind %v, text %q, bool %v, unassigned %v", c.name, got, got.Kind(), got.Text(), got.Bool(), got.Unassigned())
		}
	}
	var none *scim.Object
	if _, ok := none.Find("a"); ok || none.Len() != 0 || !none.Get("a").IsNull() || none.Clone().Len() != 0 {
		t.Error("a nil object holds something")
	}
}

func TestObject(t *testing.T) {
	o := mustRead(t, `{"a":1,"B":2,"c":3}`).Object()
	copied := o.Clone()
	copied.Set("a", scim.IntValue(9)).Set("d", scim.Strings("x"))
	copied.Delete("B")
	copied.Delete("B")
	if got, want := scim.ObjectValue(copied).String(), `{"a":9,"c":3,"d":["x"]}`; got != want {
		t.Errorf("the copy is %s, want %s", got, want)
	}
	if got, want := scim.ObjectValue(o).String(), `{"a":1,"B":2,"c":3}`; got != want {
		t.Errorf("the original became %s", got)
	}
	if v, ok := o.Find("b"); !ok || v.Text() != "2" {
		t.Errorf("Find(b) = %v, %v", v, ok)
	}
	if _, ok := o.Lookup("b"); ok {
		t.Error("Lookup ignores letter case")
	}
}

func TestErrors(t *testing.T) {
	one := &scim.Error{Rule: scim.RuleType, Path: "active", Schema: scim.UserSchema, Detail: "why", Value: "secret", Offset: 3}
	one.Locate([]byte("\n{}"))
	if got, want := one.Error(), fmt.Sprintf("rule %d: %s: active: why at line 2, column 2", scim.RuleType, scim.UserSchema); got != want {
		t.Errorf("one error says %q, want %q", got, want)
	}
	many := scim.Errors{one, {Rule: scim.RuleRequired, Path: "userName"}}
	if got, want := many.Error(), fmt.Sprintf("%s; rule %d: userName", one, scim.RuleRequired); got != want {
		t.Errorf("many errors say %q, want %q", got, want)
	}
	if err := many.Locate(nil).Or(); !cmp.Equal(scim.Faults(fmt.Errorf("wrapped: %w", err)), many) {
		t.Errorf("Or = %v", err)
	}
	if err := (scim.Errors{}).Or(); err != nil {
		t.Errorf("Or of none = %v", err)
	}
	if got := scim.Faults(fmt.Errorf("wrapped: %w", one)); len(got) != 1 || got[0] != one {
		t.Errorf("Faults = %v", got)
	}
	if scim.Faults(errors.New("disk full")) != nil || scim.Faults(nil) != nil {
		t.Error("an error of the server is a fault of the request")
	}
	// An error without a place has none after Locate.
	none := &scim.Error{Rule: scim.RuleRequired}
	if none.Locate([]byte("{}")); none.Line != 0 || none.Column != 0 {
		t.Errorf("place %d, %d", none.Line, none.Column)
	}
}
