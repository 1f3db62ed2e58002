package scim_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestRevision(t *testing.T) {
	const full = `{"tag":"x","n":1,"list":["a"],"secret":"s","place":{"floor":1,"room":"r"},"many":[{"value":"v","note":"n"},{"value":"w"}],"urn:example:Badge":{"number":"7"}}`
	const bare = `{"urn:example:Other":{"x":"y"}}`
	old := []string{
		`{"name":"tag"}`, `{"name":"n","type":"integer"}`, `{"name":"list","multiValued":true}`, `{"name":"secret","mutability":"writeOnly"}`,
		`{"name":"place","type":"complex","subAttributes":[{"name":"floor","type":"integer"},{"name":"room"}]}`,
		`{"name":"many","type":"complex","multiValued":true,"subAttributes":[{"name":"value"},{"name":"note"}]}`,
	}
	// with returns the old attributes with one in the place of another.
	with := func(at int, attribute string) []string {
		list := append([]string(nil), old...)
		if attribute == "" {
			return append(list[:at], list[at+1:]...)
		}
		if at == len(list) {
			return append(list, attribute)
		}
		list[at] = attribute
		return list
	}
	for _, test := range []struct {
		name       string
		new        []string
		full, bare string // path and reason for the two resources; empty where they do not stand in the way
	}{
		{"nothing", old, "", ""},
		{"another order", with(0, old[0]), "", ""},
		{"one more", with(6, `{"name":"more","type":"boolean"}`), "", ""},
		{"other words", with(0, `{"name":"tag","description":"d","canonicalValues":["q"],"returned":"request","mutability":"immutable"}`), "", ""},
		{"an attribute goes", with(0, ""), "tag cannot be removed while resources have values of it", ""},
		{"another letter case", with(0, `{"name":"Tag"}`), "tag cannot change the letter case of its name while resources have values of it", ""},
		{"another type", with(1, `{"name":"n","type":"decimal"}`), "n cannot change its type while resources have values of it", ""},
		{"to single", with(2, `{"name":"list"}`), "list cannot become single-valued while resources have values of it", ""},
		{"to multi", with(0, `{"name":"tag","multiValued":true}`), "tag cannot become multi-valued while resources have a value of it", ""},
		{"to readOnly", with(0, `{"name":"tag","mutability":"readOnly"}`), "tag cannot become readOnly while resources have values of it, which nobody could change any more", ""},
		{"a secret is told", with(3, `{"name":"secret"}`), "secret cannot be returned while resources have values of it, which were written as never returned", ""},
		{"required", with(0, `{"name":"tag","required":true}`), "", "tag cannot become required while resources have no value of it"},
		{"one more that is required", with(6, `{"name":"more","required":true}`),
			"more cannot be required while resources have no value of it", "more cannot be required while resources have no value of it"},
		{"a part goes", with(4, `{"name":"place","type":"complex","subAttributes":[{"name":"floor","type":"integer"}]}`), "place.room cannot be removed while resources have values of it", ""},
		{"a part changes", with(4, `{"name":"place","type":"complex","subAttributes":[{"name":"floor"},{"name":"room"}]}`), "place.floor cannot change its type while resources have values of it", ""},
		{"a part of elements goes", with(5, `{"name":"many","type":"complex","multiValued":true,"subAttributes":[{"name":"value"}]}`), "many.note cannot be removed while resources have values of it", ""},
		{"a part of elements is required", with(5, `{"name":"many","type":"complex","multiValued":true,"subAttributes":[{"name":"value"},{"name":"note","required":true}]}`),
			"many.note cannot become required while resources have no value of it", ""},
		{"a part that all elements have is required", with(5, `{"name":"many","type":"complex","multiValued":true,"subAttributes":[{"name":"value","required":true},{"name":"note"}]}`), "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := func(what string, r *scim.Revision, body, prefix, want string) {
				t.Helper()
				o := mustReadObject(t, body)
				got := ""
				if e := r.Check(o); e != nil {
					got = e.Path + " " + e.Detail
					if e.Rule != scim.RuleInUse || e.Schema != "T" {
						t.Errorf("%s: %+v", what, e)
					}
				}
				if want != "" {
					want = prefix + want
				}
				if got != want {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
				if want != "" && (!r.Asks() || !r.Concerns(o.AppendJSON(nil))) {
					t.Errorf("%s: the resource is not looked at", what)
				}
			}
			badge := mustSchema(t, "urn:example:Badge", `{"name":"number"}`)
			from, to := mustSchema(t, assetURI, old...), mustSchema(t, assetURI, test.new...)
			typ := func(s *scim.Schema) *scim.ResourceType {
				return mustCompile(t, []*scim.Schema{s, badge}, mustType(t, "T", assetURI, badge.ID)).Type("T")
			}
			r := scim.Revise(typ(from), typ(to))
			check("core", r, full, "", test.full)
			check("core", r, bare, "", test.bare)

			// The same attributes in an extension: what no resource has of it asks for nothing.
			within := func(s *scim.Schema) *scim.ResourceType {
				return mustCompile(t, []*scim.Schema{s, badge}, mustType(t, "T", badge.ID, assetURI)).Type("T")
			}
			r = scim.Revise(within(from), within(to))
			check("extension", r, `{"`+assetURI+`":`+full+`}`, assetURI+":", test.full)
			check("extension", r, `{"`+assetURI+`":`+bare+`}`, assetURI+":", test.bare)
			check("no extension", r, `{"number":"7"}`, "", "")
			if r.Concerns([]byte(`{"number":"7"}`)) {
				t.Error("a resource without the extension is looked at")
			}
		})
	}
	t.Run("extensions come and go", func(t *testing.T) {
		asset, badge := mustSchema(t, assetURI, `{"name":"tag"}`), mustSchema(t, "urn:example:Badge", `{"name":"number"}`)
		typ := func(extensions ...string) *scim.ResourceType {
			return mustCompile(t, []*scim.Schema{asset, badge}, mustType(t, "T", assetURI, extensions...)).Type("T")
		}
		has, lacks := mustReadObject(t, full), mustReadObject(t, bare)
		if r := scim.Revise(typ(), typ(badge.ID)); r.Asks() || r.Concerns([]byte(full)) || r.Check(has) != nil {
			t.Error("a new extension asks something")
		}
		r := scim.Revise(typ(badge.ID), typ())
		if e := r.Check(has); e == nil || e.Path != badge.ID || e.Detail != "cannot be taken from the type while resources have values of it" || r.Check(lacks) != nil {
			t.Errorf("one that goes: %v", e)
		}
		if !r.Concerns([]byte(full)) || r.Concerns([]byte(bare)) {
			t.Error("the wrong resources are looked at")
		}
		r = scim.Revise(typ(badge.ID), typ(badge.ID+"!"))
		if e := r.Check(lacks); e == nil || e.Path != badge.ID || e.Detail != "cannot become required while resources have no values of it" || r.Check(has) != nil || !r.Concerns([]byte(bare)) {
			t.Errorf("one that must be there: %v", e)
		}
		if r := scim.Revise(typ(badge.ID+"!"), typ(badge.ID)); r.Asks() {
			t.Error("one that need not be there any more asks something")
		}
	})
}

func TestImmutable(t *testing.T) {
	asset := mustSchema(t, assetURI, `{"name":"serial","mutability":"immutable"}`, `{"name":"note"}`,
		`{"name":"place","type":"complex","subAttributes":[{"name":"site","mutability":"immutable"},{"name":"room"}]}`,
		`{"name":"parts","type":"complex","multiValued":true,"subAttributes":[{"name":"value","mutability":"immutable"}]}`,
		`{"name":"labels","multiValued":true,"mutability":"immutable"}`)
	badge := mustSchema(t, "urn:example:Badge", `{"name":"number","mutability":"immutable"}`, `{"name":"color"}`)
	typ := mustCompile(t, []*scim.Schema{asset, badge}, mustType(t, "T", assetURI, badge.ID)).Type("T")
	const old = `{"serial":"1","note":"n","place":{"site":"A","room":"1"},"parts":[{"value":"a"}],"labels":["x","y"],"urn:example:Badge":{"number":"7","color":"red"}}`
	for _, test := range []struct{ name, old, new, want, faults string }{
		{"the same", old, old, old, ""},
		{"other attributes", old, `{"serial":"1","place":{"site":"A"},"labels":["x","y"],"urn:example:Badge":{"number":"7"}}`,
			`{"serial":"1","place":{"site":"A"},"labels":["x","y"],"urn:example:Badge":{"number":"7"}}`, ""},
		{"elements come and go", old, `{"serial":"1","place":{"site":"A"},"parts":[{"value":"b"}],"labels":["x","y"],"urn:example:Badge":{"number":"7"}}`,
			`{"serial":"1","place":{"site":"A"},"parts":[{"value":"b"}],"labels":["x","y"],"urn:example:Badge":{"number":"7"}}`, ""},
		{"what is unset is applied", `{}`, old, old, ""},
		{"what is left out stays", old, `{"place":{"room":"2"}}`,
			`{"place":{"room":"2","site":"A"},"serial":"1","labels":["x","y"],"urn:example:Badge":{"number":"7"}}`, ""},
		{"changed", old, `{"serial":"2","place":{"site":"B"},"labels":["y","x"],"urn:example:Badge":{"number":"8"}}`, "",
			"serial place.site labels urn:example:Badge:number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, after := mustReadObject(t, test.old), mustReadObject(t, test.new)
			got, faults := typ.Immutable(before, after)
			text := ""
			for i, e := range faults {
				if i > 0 {
					text += " "
				}
				text += e.Path
				if e.Rule != scim.RuleImmutable {
					t.Errorf("%+v", e)
				}
			}
			if text != test.faults {
				t.Errorf("faults %q, want %q", text, test.faults)
			}
			if test.want == "" {
				return
			}
			if !equalObjects(got, mustReadObject(t, test.want)) {
				t.Errorf("%s, want %s", jsonOf(got), test.want)
			}
			if (got == after) != equalObjects(got, after) {
				t.Error("a copy where nothing is left out")
			}
			if diff := cmp.Diff(jsonOf(mustReadObject(t, test.new)), jsonOf(after)); diff != "" {
				t.Error("the resource itself has changed")
			}
		})
	}
}
