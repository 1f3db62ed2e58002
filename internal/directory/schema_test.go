package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The schemas of these tests.
const (
	badgeURI  = "urn:example:schemas:2.0:Badge"
	deviceURI = "urn:example:schemas:2.0:Device"
)

// schema reads the definition of a schema with these attributes, which are JSON.
func schema(t testing.TB, uri string, attributes ...string) *scim.Schema {
	t.Helper()
	s, faults := scim.ParseSchema(object(t, fmt.Sprintf(`{"id":%q,"attributes":[%s]}`, uri, strings.Join(attributes, ","))))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return s
}

// extend returns the definition that gives users these extensions.
func extend(extensions ...string) *scim.TypeDefinition {
	d := &scim.TypeDefinition{Name: "User", Endpoint: "/Users", Schema: scim.UserSchema}
	for _, uri := range extensions {
		d.Extensions = append(d.Extensions, scim.ExtensionDefinition{Schema: uri})
	}
	return d
}

func device(extensions ...string) *scim.TypeDefinition {
	d := extend(extensions...)
	d.Name, d.Endpoint, d.Schema = "Device", "/Devices", deviceURI
	return d
}

// An admin redefines what an environment has.
type admin struct {
	world
	token string
}

func administer(w world) admin { return admin{w, directorytest.AdminToken} }

// caller signs in anew, as every request does.
func (a admin) caller(t testing.TB) (directory.Caller, directory.Scope) {
	t.Helper()
	c := directorytest.Caller(t, a.Directory, a.token)
	return c, c.Home()
}

func (a admin) redefine(t testing.TB, r directory.Redefinition) (*scim.Types, error) {
	t.Helper()
	c, s := a.caller(t)
	return a.Redefine(ctx, c, s, r)
}

func (a admin) must(t testing.TB, r directory.Redefinition) *scim.Types {
	t.Helper()
	types, err := a.redefine(t, r)
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func (a admin) types(t testing.TB) *scim.Types {
	t.Helper()
	c, s := a.caller(t)
	types, err := a.Types(ctx, c, s)
	if err != nil {
		t.Fatal(err)
	}
	return types
}

// find returns the names of the resources that a filter selects.
func (a admin) find(t testing.TB, typ, filter string) []string {
	t.Helper()
	c, s := a.caller(t)
	f, err := scim.ParseFilter(filter, scim.FilterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if f, err = a.types(t).Type(typ).Resolve(f, scim.FilterOptions{}); err != nil {
		t.Fatal(err)
	}
	page, err := a.List(ctx, c, s, directory.Query{Type: typ, Filter: f, Count: 100})
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, r := range page.Resources {
		if r.Type != typ {
			t.Errorf("%s is a %s", r.ID, r.Type)
		}
		list = append(list, r.Attributes().Get("userName").Text()+r.Attributes().Get("displayName").Text())
	}
	return list
}

func (a admin) put(t testing.TB, typ, id, text string) (*scim.Resource, error) {
	t.Helper()
	c, s := a.caller(t)
	r, _, err := a.Put(ctx, c, s, directory.Draft{Type: typ, ID: id, Attributes: object(t, text)}, directory.Precondition{Present: true})
	return r, err
}

// refused checks that a change is refused for a reason and changes nothing.
func (a admin) refused(t *testing.T, r directory.Redefinition, rule scim.Rule, path, detail string) *scim.Error {
	t.Helper()
	before := a.types(t)
	_, err := a.redefine(t, r)
	e := fault(t, err, rule)
	if e.Path != path || e.Detail != detail {
		t.Errorf("got %+v", e)
	}
	if a.types(t) != before {
		t.Error("the refused change has raised the version")
	}
	return e
}

// The life of an extension: it is added, used, changed, and goes.
func TestExtension(t *testing.T) {
	w := open(t)
	a := administer(w)
	ada := w.create(t, user(t, `{"userName":"ada"}`))
	_, err := w.Create(ctx, w.dev, w.home, user(t, `{"userName":"bob","`+badgeURI+`":{"number":"7"}}`))
	fault(t, err, scim.RuleUnknownAttribute)

	badge := schema(t, badgeURI, `{"name":"number","indexed":true}`, `{"name":"color"}`)
	a.must(t, directory.Redefinition{Schemas: []*scim.Schema{badge}})
	_, err = w.Create(ctx, w.dev, w.home, user(t, `{"userName":"bob","`+badgeURI+`":{"number":"7"}}`))
	fault(t, err, scim.RuleUnknownAttribute) // no type has it yet
	types := a.must(t, directory.Redefinition{Types: []*scim.TypeDefinition{extend(badgeURI)}})
	if types.User().Extension(badgeURI) == nil || a.types(t).User().Extension(badgeURI) == nil || a.types(t).Group().Extension(badgeURI) != nil {
		t.Error("users have no extension, or groups have it")
	}

	// A caller from before the change writes with the new types: w.dev is one.
	bob := w.create(t, user(t, `{"userName":"bob","URN:Example:schemas:2.0:badge":{"NUMBER":"Seven","color":"red"}}`))
	if got := string(bob.Doc()); got != `{"userName":"bob","active":true,"`+badgeURI+`":{"number":"Seven","color":"red"}}` {
		t.Errorf("stored %s", got)
	}
	for filter, want := range map[string][]string{
		badgeURI + `:number eq "SEVEN"`:                     {"bob"},
		badgeURI + `:color sw "R"`:                          {"bob"},
		badgeURI + `:number pr`:                             {"bob"},
		`not (` + badgeURI + `:number eq "seven")`:          {"ada"},
		`schemas eq "` + badgeURI + `"`:                     {"bob"},
		badgeURI + `:number eq "7" or userName eq "ada"`:    {"ada"},
		badgeURI + `:number eq "seven" and userName sw "b"`: {"bob"},
	} {
		if diff := cmp.Diff(want, a.find(t, "User", filter)); diff != "" {
			t.Errorf("%s: %s", filter, diff)
		}
	}

	// Safe changes: one more attribute, one less that nobody uses, an index of what is there.
	changed := schema(t, badgeURI, `{"name":"number"}`, `{"name":"color","indexed":true}`, `{"name":"valid","type":"dateTime"}`)
	a.must(t, directory.Redefinition{Schemas: []*scim.Schema{changed}})
	if diff := cmp.Diff([]string{"bob"}, a.find(t, "User", badgeURI+`:color eq "RED"`)); diff != "" {
		t.Error(diff)
	}
	if _, err := a.put(t, "User", ada.ID, `{"userName":"ada","`+badgeURI+`":{"valid":"2026-01-01T00:00:00Z","color":"Blue"}}`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ada"}, a.find(t, "User", badgeURI+`:valid ge "2025-12-31T23:00:00-01:00" and `+badgeURI+`:color eq "blue"`)); diff != "" {
		t.Error(diff)
	}

	// Unsafe ones.
	inUse := func(r directory.Redefinition, path, detail, id string) {
		t.Helper()
		if e := a.refused(t, r, scim.RuleInUse, path, detail); e.Schema != "User" || e.Value != id {
			t.Errorf("got %+v", e)
		}
	}
	redefine := func(attributes ...string) directory.Redefinition {
		return directory.Redefinition{Schemas: []*scim.Schema{schema(t, badgeURI, attributes...)}}
	}
	inUse(redefine(`{"name":"color"}`, `{"name":"valid","type":"dateTime"}`), badgeURI+":number", "cannot be removed while resources have values of it", bob.ID)
	inUse(redefine(`{"name":"number","type":"integer"}`, `{"name":"color"}`, `{"name":"valid","type":"dateTime"}`), badgeURI+":number", "cannot change its type while resources have values of it", bob.ID)
	inUse(redefine(`{"name":"number","required":true}`, `{"name":"color"}`, `{"name":"valid","type":"dateTime"}`), badgeURI+":number", "cannot become required while resources have no value of it", ada.ID)
	inUse(directory.Redefinition{Types: []*scim.TypeDefinition{extend()}}, badgeURI, "cannot be taken from the type while resources have values of it", ada.ID)
	inUse(directory.Redefinition{RemoveSchemas: []string{badgeURI}}, badgeURI, "cannot be deleted while the resource type has it", "")
	if _, err := a.put(t, "User", bob.ID, `{"userName":"bob","`+badgeURI+`":{"number":"8","color":"BLUE"}}`); err != nil {
		t.Fatal(err)
	}
	inUse(redefine(`{"name":"number"}`, `{"name":"color","uniqueness":"server"}`, `{"name":"valid","type":"dateTime"}`), badgeURI+":color", "cannot become unique while a value of it is there twice", bob.ID)

	// The same change is none.
	before := a.types(t)
	a.must(t, directory.Redefinition{Schemas: []*scim.Schema{changed}, Types: []*scim.TypeDefinition{extend(badgeURI)}})
	if a.types(t) != before {
		t.Error("a change that comes to nothing has raised the version")
	}

	// It goes when nobody uses it any more.
	for id, text := range map[string]string{ada.ID: `{"userName":"ada"}`, bob.ID: `{"userName":"bob"}`} {
		if _, err := a.put(t, "User", id, text); err != nil {
			t.Fatal(err)
		}
	}
	a.must(t, directory.Redefinition{Types: []*scim.TypeDefinition{extend()}, RemoveSchemas: []string{strings.ToUpper(badgeURI)}})
	if a.types(t).Schema(badgeURI) != nil || a.types(t).User().Extension(badgeURI) != nil {
		t.Error("the extension is still there")
	}
	_, err = a.put(t, "User", bob.ID, `{"userName":"bob","`+badgeURI+`":{"number":"7"}}`)
	fault(t, err, scim.RuleUnknownAttribute)
}

// The life of a resource type.
func TestOwnType(t *testing.T) {
	w := open(t)
	a := administer(w)
	draft := func(text string) directory.Draft {
		return directory.Draft{Type: "Device", Attributes: object(t, text)}
	}
	c, s := a.caller(t)
	_, err := a.Create(ctx, c, s, draft(`{"serial":"1"}`))
	if e := fault(t, err, scim.RuleNotFound); e.Schema != "ResourceType" || e.Value != "Device" {
		t.Errorf("got %+v", e)
	}
	_, err = a.List(ctx, c, s, directory.Query{Type: "Device"})
	fault(t, err, scim.RuleNotFound)

	a.must(t, directory.Redefinition{
		Schemas: []*scim.Schema{
			schema(t, deviceURI, `{"name":"serial","required":true,"uniqueness":"server","caseExact":true}`, `{"name":"displayName"}`, `{"name":"password"}`,
				`{"name":"groups","type":"complex","multiValued":true,"subAttributes":[{"name":"value"}]}`),
			schema(t, badgeURI, `{"name":"number","type":"integer"}`),
		},
		Types: []*scim.TypeDefinition{device(badgeURI)},
	})
	c, s = a.caller(t)
	_, err = a.Create(ctx, c, s, draft(`{}`))
	if e := fault(t, err, scim.RuleRequired); e.Path != "serial" {
		t.Errorf("got %+v", e)
	}
	router := w.create(t, draft(`{"externalId":"x","SERIAL":"R-1","displayName":"Router","password":"admin","groups":[{"value":"net"}],"`+badgeURI+`":{"number":7}}`))
	if router.Type != "Device" || router.HasPassword || router.Population != "" || router.Version != 1 {
		t.Errorf("header %+v", router)
	}
	const want = `{"externalId":"x","serial":"R-1","displayName":"Router","password":"admin","groups":[{"value":"net"}],"` + badgeURI + `":{"number":7}}`
	if got := w.read(t, "Device", router.ID); got.Type != "Device" || string(got.Doc()) != want {
		t.Errorf("%s %s", got.Type, got.Doc())
	}
	_, err = a.Create(ctx, c, s, draft(`{"serial":"R-1"}`))
	if e := fault(t, err, scim.RuleUnique); e.Path != "serial" || e.Schema != "Device" || e.Value != "" {
		t.Errorf("got %+v", e)
	}
	second := w.create(t, draft(`{"serial":"r-1","displayName":"Switch"}`))
	for filter, want := range map[string][]string{
		`serial eq "R-1"`: {"Router"}, `displayName co "t"`: {"Router", "Switch"}, `externalId eq "x"`: {"Router"}, `id eq "` + second.ID + `"`: {"Switch"},
		badgeURI + `:number gt 6`: {"Router"}, `meta.resourceType eq "Device"`: {"Router", "Switch"}, `groups.value eq "net"`: {"Router"}, `groups pr`: {"Router"},
		`serial eq "R-1" and displayName eq "switch"`: {},
	} {
		if diff := cmp.Diff(want, a.find(t, "Device", filter)); diff != "" {
			t.Errorf("%s: %s", filter, diff)
		}
	}
	_, err = a.put(t, "Device", second.ID, `{"serial":"R-1"}`)
	fault(t, err, scim.RuleUnique)
	got, err := a.put(t, "Device", second.ID, `{"serial":"R-2","displayName":"Switch"}`)
	if err != nil || got.Version != 2 || got.Type != "Device" {
		t.Errorf("%+v, %v", got, err)
	}
	got, outcome, err := a.Modify(ctx, c, s, directory.Modification{Type: "Device", ID: second.ID, Apply: func(old *scim.Resource) (directory.Change, error) {
		if old.Type != "Device" {
			t.Errorf("the old one is a %s", old.Type)
		}
		return directory.Change{Attributes: old.Attributes().Clone().Set("serial", scim.StringValue("r-1"))}, nil
	}})
	if err != nil || outcome != directory.Replaced || string(got.Doc()) != `{"serial":"r-1","displayName":"Switch"}` {
		t.Errorf("%+v, %v", got, err)
	}

	// Nobody takes it for a user or a group, and only writers write it.
	for _, typ := range []string{"User", "Group"} {
		_, err := a.Read(ctx, c, s, typ, router.ID, directory.Include{})
		fault(t, err, scim.RuleNotFound)
	}
	reader := directorytest.Caller(t, w.Directory, directorytest.ReaderToken)
	_, err = a.Create(ctx, reader, s, draft(`{"serial":"3"}`))
	fault(t, err, scim.RuleForbidden)
	if r, err := a.Read(ctx, reader, s, "Device", router.ID, directory.Include{}); err != nil || r.ID != router.ID {
		t.Errorf("%v, %v", r, err)
	}
	_, err = a.Create(ctx, c, s, directory.Draft{Type: "Group", Attributes: object(t, `{"displayName":"g","members":[{"value":"`+router.ID+`"}]}`)})
	fault(t, err, scim.RuleDangling)

	// The type stays while there are resources of it.
	remove := directory.Redefinition{RemoveTypes: []string{"device"}, RemoveSchemas: []string{deviceURI, badgeURI}}
	a.refused(t, remove, scim.RuleInUse, "", "cannot be deleted while there are resources of it (2)")
	for _, id := range []string{router.ID, second.ID} {
		if _, err := a.Delete(ctx, c, s, "Device", id, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
	}
	a.must(t, remove)
	if types := a.types(t); types.Type("Device") != nil || len(types.Schemas()) != 0 {
		t.Error("the type is still there")
	}
	c, s = a.caller(t)
	_, err = a.Create(ctx, c, s, draft(`{"serial":"4"}`))
	fault(t, err, scim.RuleNotFound)
}

func TestRedefineRefuses(t *testing.T) {
	w := open(t)
	a := administer(w)
	badge := schema(t, badgeURI, `{"name":"number"}`)
	core := schema(t, deviceURI, `{"name":"serial"}`)
	a.must(t, directory.Redefinition{Schemas: []*scim.Schema{badge, core}, Types: []*scim.TypeDefinition{device(), extend(badgeURI)}})

	for _, token := range []string{directorytest.ReaderToken, directorytest.DevToken} {
		c := directorytest.Caller(t, w.Directory, token)
		_, err := w.Redefine(ctx, c, c.Home(), directory.Redefinition{RemoveSchemas: []string{badgeURI}})
		fault(t, err, scim.RuleForbidden)
	}
	c, _ := a.caller(t)
	_, err := w.Redefine(ctx, c, directory.Scope{Environment: directorytest.Other}, directory.Redefinition{Schemas: []*scim.Schema{badge}})
	fault(t, err, scim.RuleForbidden)
	_, err = w.Types(ctx, c, directory.Scope{Environment: "none"})
	fault(t, err, scim.RuleNotFound)
	_, err = w.RedefineEnvironment(ctx, "none", directory.Redefinition{})
	fault(t, err, scim.RuleNotFound)
	_, err = w.EnvironmentTypes(ctx, "none")
	fault(t, err, scim.RuleNotFound)

	for _, test := range []struct {
		name         string
		r            directory.Redefinition
		rule         scim.Rule
		path, detail string
	}{
		{"a built-in type", directory.Redefinition{RemoveTypes: []string{"Group"}}, scim.RuleProtected, "", "it is built in"},
		{"a type that is not there", directory.Redefinition{RemoveTypes: []string{"Sensor"}}, scim.RuleNotFound, "", ""},
		{"a built-in schema", directory.Redefinition{RemoveSchemas: []string{scim.EnterpriseSchema}}, scim.RuleProtected, "", "it is built in"},
		{"a schema that is not there", directory.Redefinition{RemoveSchemas: []string{"urn:example:none"}}, scim.RuleNotFound, "", ""},
		{"a schema that users have", directory.Redefinition{RemoveSchemas: []string{badgeURI}}, scim.RuleInUse, badgeURI, "cannot be deleted while the resource type has it"},
		{"a core schema", directory.Redefinition{RemoveSchemas: []string{deviceURI}}, scim.RuleInUse, deviceURI, "cannot be deleted while the resource type has it"},
		{"definitions that do not go together", directory.Redefinition{Types: []*scim.TypeDefinition{device("urn:example:none")}}, scim.RuleDangling, "schemaExtensions[0].schema", ""},
		{"what Check refuses", directory.Redefinition{RemoveTypes: []string{"Device"}, Check: func(now *scim.Types) error {
			if now.Type("Device") == nil {
				t.Error("Check does not see what is there")
			}
			return &scim.Error{Rule: scim.RuleVersion, Detail: "d"}
		}}, scim.RuleVersion, "", "d"},
	} {
		t.Run(test.name, func(t *testing.T) { a.refused(t, test.r, test.rule, test.path, test.detail) })
	}
	t.Run("all of it or nothing", func(t *testing.T) {
		a.refused(t, directory.Redefinition{Schemas: []*scim.Schema{schema(t, "urn:example:new", `{"name":"a"}`)}, RemoveSchemas: []string{badgeURI}},
			scim.RuleInUse, badgeURI, "cannot be deleted while the resource type has it")
		if a.types(t).Schema("urn:example:new") != nil {
			t.Error("half of it is done")
		}
	})
	t.Run("URIs and names keep the letter case in which they were defined", func(t *testing.T) {
		shouted := schema(t, strings.ToUpper(badgeURI), `{"name":"number"}`, `{"name":"more"}`)
		d := device(strings.ToUpper(badgeURI))
		d.Name = "DEVICE"
		types := a.must(t, directory.Redefinition{Schemas: []*scim.Schema{shouted}, Types: []*scim.TypeDefinition{d}})
		if types.Schema(badgeURI).ID != badgeURI || types.Schema(badgeURI).Attribute("more") == nil || types.Type("Device").Extension(badgeURI) == nil {
			t.Errorf("types %v", types)
		}
	})
}

// Two environments do not see each other's definitions.
func TestDefinitionsAreSealed(t *testing.T) {
	w := open(t)
	one, two := administer(w), admin{w, directorytest.OtherAdmin}
	number, code := schema(t, badgeURI, `{"name":"number","uniqueness":"global"}`), schema(t, badgeURI, `{"name":"code","type":"integer"}`)
	serial := schema(t, deviceURI, `{"name":"serial","uniqueness":"server"}`)
	one.must(t, directory.Redefinition{Schemas: []*scim.Schema{number, serial}, Types: []*scim.TypeDefinition{extend(badgeURI), device()}})
	if types := two.types(t); types.Schema(badgeURI) != nil || types.Type("Device") != nil || types.User().Extension(badgeURI) != nil {
		t.Error("the other environment has them, too")
	}
	c, s := two.caller(t)
	_, err := two.Create(ctx, c, s, user(t, `{"userName":"x","`+badgeURI+`":{"number":"1"}}`))
	fault(t, err, scim.RuleUnknownAttribute)
	_, err = two.Create(ctx, c, s, directory.Draft{Type: "Device", Attributes: object(t, `{"serial":"1"}`)})
	fault(t, err, scim.RuleNotFound)
	r := w.create(t, directory.Draft{Type: "Device", Attributes: object(t, `{"serial":"1"}`)})

	// The same names may mean something else there, and values are free.
	two.must(t, directory.Redefinition{Schemas: []*scim.Schema{code, serial}, Types: []*scim.TypeDefinition{extend(badgeURI), device()}})
	c, s = two.caller(t)
	if _, err := two.Create(ctx, c, s, directory.Draft{Type: "Device", Attributes: object(t, `{"serial":"1"}`)}); err != nil {
		t.Fatal(err)
	}
	_, err = two.Read(ctx, c, s, "Device", r.ID, directory.Include{})
	fault(t, err, scim.RuleNotFound)
	if one.types(t).Schema(badgeURI).Attribute("number") == nil || two.types(t).Schema(badgeURI).Attribute("number") != nil {
		t.Error("one definition has taken the place of the other")
	}
	if err := w.DeleteEnvironment(ctx, directorytest.Other); err != nil {
		t.Fatal(err)
	}
	if one.types(t).Type("Device") == nil || len(one.find(t, "Device", `serial eq "1"`)) != 1 {
		t.Error("what was deleted with the other environment is missing")
	}
}

// Definitions and what is stored by them outlive the process, and another
// process on the same data sees a change at its next request.
func TestDefinitionsAreKept(t *testing.T) {
	path := t.TempDir()
	first, _ := directorytest.OpenAt(t, path)
	second, _ := directorytest.OpenAt(t, path)
	a, b := administer(world{Directory: first}), administer(world{Directory: second})
	if b.types(t).User().Extension(badgeURI) != nil {
		t.Fatal("the extension is there already")
	}
	a.must(t, directory.Redefinition{Schemas: []*scim.Schema{schema(t, badgeURI, `{"name":"number","uniqueness":"server"}`), schema(t, deviceURI, `{"name":"serial"}`)},
		Types: []*scim.TypeDefinition{extend(badgeURI), device(badgeURI)}})
	c, s := b.caller(t)
	if _, err := second.Create(ctx, c, s, user(t, `{"userName":"ada","`+badgeURI+`":{"number":"1"}}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Create(ctx, c, s, directory.Draft{Type: "Device", Attributes: object(t, `{"serial":"1"}`)}); err != nil {
		t.Fatal(err)
	}
	before := a.types(t)
	for _, d := range []*directory.Directory{first, second} {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	third, _ := directorytest.OpenAt(t, path)
	after := administer(world{Directory: third})
	for i, s := range after.types(t).Schemas() {
		if got, want := string(s.Object().AppendJSON(nil)), string(before.Schemas()[i].Object().AppendJSON(nil)); got != want {
			t.Errorf("%s, was %s", got, want)
		}
	}
	for i, rt := range after.types(t).All() {
		if diff := cmp.Diff(before.All()[i].Define(), rt.Define()); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff([]string{"ada"}, after.find(t, "User", badgeURI+`:number eq "1"`)); diff != "" {
		t.Error(diff)
	}
	if got := after.find(t, "Device", `serial eq "1"`); len(got) != 1 {
		t.Error("the device is gone")
	}
	c, s = after.caller(t)
	_, err := third.Create(ctx, c, s, user(t, `{"userName":"bob","`+badgeURI+`":{"number":"1"}}`))
	if e := fault(t, err, scim.RuleUnique); e.Path != badgeURI+":number" {
		t.Errorf("got %+v", e)
	}
}

// While an attribute comes and goes, others create users that use it. Each is
// refused or whole, and the attribute never goes while one has it.
func TestRedefineWhileOthersWrite(t *testing.T) {
	w := open(t)
	a := administer(w)
	with := schema(t, badgeURI, `{"name":"number","uniqueness":"server"}`, `{"name":"color"}`)
	without := schema(t, badgeURI, `{"name":"number","uniqueness":"server"}`)
	a.must(t, directory.Redefinition{Schemas: []*scim.Schema{with}, Types: []*scim.TypeDefinition{extend(badgeURI)}})
	const writers, each = 8, 25
	var wg sync.WaitGroup
	var mu sync.Mutex
	created := map[string]bool{}
	for n := range writers {
		wg.Go(func() {
			for i := range each {
				c, s := a.caller(t)
				name := fmt.Sprintf("u%d-%d", n, i)
				r, err := a.Create(ctx, c, s, user(t, fmt.Sprintf(`{"userName":%q,%q:{"number":%q,"color":"red"}}`, name, badgeURI, name)))
				if faults := scim.Faults(err); err != nil && (len(faults) != 1 || faults[0].Rule != scim.RuleUnknownAttribute || faults[0].Path != "color") {
					t.Errorf("%s: %v", name, err)
				}
				if err != nil {
					continue
				}
				mu.Lock()
				created[r.ID] = true
				mu.Unlock()
				if i%2 == 0 {
					if _, err := a.Delete(ctx, c, s, "User", r.ID, directory.Precondition{}); err != nil {
						t.Error(err)
					}
					mu.Lock()
					delete(created, r.ID)
					mu.Unlock()
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	changes, refusals := 0, 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		for _, s := range []*scim.Schema{without, with} {
			switch _, err := a.redefine(t, directory.Redefinition{Schemas: []*scim.Schema{s}}); {
			case err == nil:
				changes++
			default:
				fault(t, err, scim.RuleInUse)
				refusals++
			}
		}
	}
	if got := a.find(t, "User", badgeURI+`:color eq "red"`); len(got) != len(created) {
		t.Errorf("%d users have the attribute, %d were created with it", len(got), len(created))
	}
	t.Logf("%d changes, %d refused, %d of %d users created and kept", changes, refusals, len(created), writers*each)
}

// Of 64 creators of one unique value exactly one succeeds.
func TestOwnUniqueness(t *testing.T) {
	w := open(t)
	a := administer(w)
	a.must(t, directory.Redefinition{
		Schemas: []*scim.Schema{schema(t, badgeURI, `{"name":"number","uniqueness":"server","multiValued":true}`, `{"name":"card","uniqueness":"global","caseExact":true}`,
			`{"name":"slots","type":"complex","multiValued":true,"subAttributes":[{"name":"value","type":"integer","uniqueness":"server"}]}`),
			schema(t, deviceURI, `{"name":"displayName"}`)},
		Types: []*scim.TypeDefinition{extend(badgeURI), device(badgeURI)},
	})
	draft := func(typ, name, extension string) directory.Draft {
		attribute := "userName"
		if typ == "Device" {
			attribute = "displayName"
		}
		return directory.Draft{Type: typ, Attributes: object(t, fmt.Sprintf(`{%q:%q,%q:%s}`, attribute, name, badgeURI, extension))}
	}
	var wg sync.WaitGroup
	results := make([]error, 64)
	for i := range results {
		wg.Go(func() {
			_, results[i] = w.Create(ctx, w.dev, w.home, draft("User", fmt.Sprint("u", i), `{"number":["x","`+[]string{"one", "ONE"}[i%2]+`"]}`))
		})
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
			continue
		}
		if e := fault(t, err, scim.RuleUnique); e.Path != badgeURI+":number" || e.Schema != "User" {
			t.Errorf("got %+v", e)
		}
	}
	if won != 1 || w.total(t, "User") != 1 {
		t.Errorf("%d succeeded, %d are there", won, w.total(t, "User"))
	}
	taken := func(typ, extension, path string) {
		t.Helper()
		_, err := w.Create(ctx, w.dev, w.home, draft(typ, "taken", extension))
		if e := fault(t, err, scim.RuleUnique); e.Path != badgeURI+":"+path || e.Schema != typ {
			t.Errorf("got %+v", e)
		}
	}
	t.Run("scim:SCH-22 server is per type, global is not, exact values differ in case", func(t *testing.T) {
		w.create(t, draft("Device", "d1", `{"number":["ONE"],"card":"C"}`))
		taken("Device", `{"number":["two","one"]}`, "number")
		taken("Device", `{"card":"C"}`, "card")
		taken("User", `{"card":"C"}`, "card")
		u := w.create(t, draft("User", "free", `{"number":["two"],"card":"c"}`))
		if _, err := a.put(t, "User", u.ID, fmt.Sprintf(`{"userName":"free",%q:{"number":["two"],"card":"c"}}`, badgeURI)); err != nil {
			t.Errorf("its own values: %v", err)
		}
		_, err := a.put(t, "User", u.ID, fmt.Sprintf(`{"userName":"free",%q:{"number":["TWO"],"card":"C"}}`, badgeURI))
		fault(t, err, scim.RuleUnique)
		if _, err := w.Delete(ctx, w.dev, w.home, "User", u.ID, directory.Precondition{}); err != nil {
			t.Fatal(err)
		}
		w.create(t, draft("Device", "d2", `{"card":"c"}`)) // of what is deleted nothing is taken
	})
	t.Run("parts of elements", func(t *testing.T) {
		w.create(t, draft("User", "slots", `{"slots":[{"value":1},{"value":2}]}`))
		taken("User", `{"slots":[{"value":3},{"value":2}]}`, "slots.value")
		taken("User", `{"slots":[{"value":1}]}`, "slots.value")
	})
}

// Characteristics that need stored state.
func TestOwnCharacteristics(t *testing.T) {
	w := open(t)
	a := administer(w)
	a.must(t, directory.Redefinition{
		Schemas: []*scim.Schema{schema(t, badgeURI, `{"name":"serial","mutability":"immutable"}`, `{"name":"issued","mutability":"readOnly"}`, `{"name":"note"}`)},
		Types:   []*scim.TypeDefinition{extend(badgeURI)},
	})
	ada := w.create(t, user(t, `{"userName":"ada","`+badgeURI+`":{"issued":"today","note":"n"}}`))
	t.Run("scim:SCH-19 immutable is set while unset, and then stays", func(t *testing.T) {
		doc := func(extension string) string {
			return `{"userName":"ada","active":true,"` + badgeURI + `":` + extension + `}`
		}
		if got := string(ada.Doc()); got != doc(`{"note":"n"}`) {
			t.Errorf("created: %s", got)
		}
		for _, step := range []struct{ put, want string }{
			{`{"serial":"1","note":"n"}`, `{"serial":"1","note":"n"}`},
			{`{"serial":"1","note":"m"}`, `{"serial":"1","note":"m"}`},
			{`{"serial":"2","note":"m"}`, ""},
			{`{"note":"o"}`, `{"serial":"1","note":"o"}`},
			{`{}`, `{"serial":"1"}`},
		} {
			got, err := a.put(t, "User", ada.ID, doc(step.put))
			if step.want == "" {
				if e := fault(t, err, scim.RuleImmutable); e.Path != badgeURI+":serial" {
					t.Errorf("got %+v", e)
				}
				continue
			}
			if err != nil || string(got.Doc()) != doc(step.want) {
				t.Errorf("%s: %v, %v", step.put, got, err)
			}
		}
		created := w.create(t, user(t, `{"userName":"bob","`+badgeURI+`":{"serial":"9"}}`))
		if got := created.Attributes().Get(badgeURI).Object().Get("serial").Text(); got != "9" {
			t.Errorf("at creation: %q", got)
		}
		c, s := a.caller(t)
		_, _, err := a.Modify(ctx, c, s, directory.Modification{Type: "User", ID: created.ID, Apply: func(old *scim.Resource) (directory.Change, error) {
			return directory.Change{Attributes: old.Attributes().Clone().Set(badgeURI, scim.ObjectValue(object(t, `{"serial":"8"}`)))}, nil
		}})
		fault(t, err, scim.RuleImmutable)
	})
	t.Run("a user who is inactive stays so when an immutable value is kept", func(t *testing.T) {
		eve := w.create(t, user(t, `{"userName":"eve","active":false,"`+badgeURI+`":{"serial":"3"}}`))
		got, err := a.put(t, "User", eve.ID, `{"userName":"eve"}`)
		if err != nil || string(got.Doc()) != `{"userName":"eve","active":false,"`+badgeURI+`":{"serial":"3"}}` {
			t.Errorf("%s, %v", got.Doc(), err)
		}
	})
}

// What is refused inside of the transaction is a fault of the request, not of the server.
func TestRedefineFaults(t *testing.T) {
	w := open(t)
	a := administer(w)
	_, err := a.redefine(t, directory.Redefinition{Check: func(*scim.Types) error { return errors.New("of the server") }})
	if err == nil || scim.Faults(err) != nil {
		t.Errorf("got %v", err)
	}
	if types, err := w.EnvironmentTypes(ctx, directorytest.Environment); err != nil || !slices.Equal(types.All(), new(scim.Types).All()) {
		t.Errorf("%v, %v", types, err)
	}
}
