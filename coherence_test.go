package rollcall_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

var sequences = flag.Int("sequences", 1000, "random sequences of TestCoherence; make coherence takes 10,000")

// The model of TestCoherence: a user is a set of texts, "" for no value.
type attribute string

const (
	aUserName   attribute = "userName"
	aGiven      attribute = "given name"
	aFamily     attribute = "family name"
	aNick       attribute = "nickname"
	aTitle      attribute = "title"
	aDisplay    attribute = "display name"
	aMail       attribute = "mail"
	aActive     attribute = "active" // true or false
	aDepartment attribute = "department"
	aExternal   attribute = "external id"
	aAbout      attribute = "description" // known to Common REST only
	aBadge      attribute = "badge"       // of an extension that the environment defines: known to scim2 only
	aPassword   attribute = "password"    // shown nowhere: whoever knows it can sign in
)

type user map[attribute]string

// A dialect is how a door writes and shows what it knows of a user. What it
// does not know it neither shows nor changes: that is the merge rule.
type dialect struct {
	name, path, credential string
	knows                  []attribute
	create                 func(user) (method, path, body string)
	replace                func(user) string
	patch                  func(a attribute, value string) string
	view                   func(map[string]any) user

	// Of the doors that serve groups: where they are, the requests by which a
	// user becomes one of a group's members or ceases to be one, and whether the
	// user is shown as one. A group has an id and a name.
	groups string
	join   func(in bool, id, group, name string) (method, path, body string)
	joined func(o map[string]any, group, name string) bool
}

const (
	enterprise1  = "urn:scim:schemas:extension:enterprise:1.0"
	enterprise2  = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	ownExtension = "urn:example:schemas:2.0:Badge"
)

// defineBadge defines that extension.
func defineBadge(t *testing.T, handler http.Handler) {
	t.Helper()
	for _, request := range [][3]string{
		{"POST", "/scim/v2/Schemas", `{"id":"` + ownExtension + `","attributes":[{"name":"badge","indexed":true}]}`},
		{"PUT", "/scim/v2/ResourceTypes/User", `{"endpoint":"/Users","schema":"urn:ietf:params:scim:schemas:core:2.0:User","schemaExtensions":[{"schema":"` + ownExtension + `"}]}`},
	} {
		r := httptest.NewRequest(request[0], request[1], strings.NewReader(request[2]))
		r.Header.Set("Authorization", "Bearer "+directorytest.AdminToken)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != 200 && w.Code != 201 {
			t.Fatalf("%s %s: %d %s", request[0], request[1], w.Code, w.Body)
		}
	}
}

func dialects() []dialect {
	all := []attribute{aUserName, aGiven, aFamily, aNick, aTitle, aDisplay, aMail, aActive, aDepartment, aExternal}
	scim := func(name, path, credential, core, extension string, knows []attribute, patch func(attribute, string) string) dialect {
		return dialect{name: name, path: path, credential: credential, knows: knows,
			create:  func(u user) (string, string, string) { return "POST", path, scimBody(u, core, extension, knows) },
			replace: func(u user) string { return scimBody(u, core, extension, knows) },
			patch:   patch,
			view:    func(body map[string]any) user { return scimView(body, extension) },
		}
	}
	const core1, core2 = "urn:scim:schemas:core:1.0", "urn:ietf:params:scim:schemas:core:2.0:User"
	members := func(d dialect, groups string, join func(in bool, id string) string) dialect {
		d.groups = groups
		d.join = func(in bool, id, group, _ string) (string, string, string) {
			return "PATCH", groups + "/" + group, join(in, id)
		}
		d.joined = func(o map[string]any, group, _ string) bool { return refers(o["groups"], "value", group) }
		return d
	}
	few := []attribute{aUserName, aGiven, aFamily, aNick, aTitle, aMail, aActive, aExternal}
	return []dialect{
		members(scim("scim2", "/scim/v2/Users", devCredential, core2, enterprise2, append(slices.Clone(all), aBadge), patch2), "/scim/v2/Groups", join2),
		scim("rsa", "/rsa/v2/Users", rsaCredential, core2, enterprise2, all, patch2),
		scim("pingone", "/environments/"+directorytest.Environment+"/v2/Users", devCredential, core2, enterprise2, few, patch2),
		members(scim("scim1", "/scim/v1/Users", basicCredential, core1, enterprise1, all, patch1), "/scim/v1/Groups", join1),
		members(scim("p14e", "/api/directory/user", basicCredential, core1, enterprise1, all, patch1), "/api/directory/group", join1),
		{name: "aic", path: "/users", credential: devCredential,
			knows:   []attribute{aUserName, aGiven, aFamily, aDisplay, aMail, aActive, aAbout},
			create:  func(u user) (string, string, string) { return "POST", "/users?_action=create", managedBody(u) },
			replace: managedBody,
			patch:   patchManaged,
			view:    managedView,
			groups:  "/openidm/managed/alpha_group",
			join:    joinManaged,
			joined: func(o map[string]any, _, name string) bool {
				return refers(o["effectiveGroups"], "_refResourceId", name)
			},
		},
	}
}

// text returns a member, and those that are nested, as the model has it.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return fmt.Sprint(v)
	}
	return ""
}

func inner(v any, name string) any {
	o, _ := v.(map[string]any)
	return o[name]
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func scimBody(u user, core, extension string, knows []attribute) string {
	o := map[string]any{"schemas": []string{core}}
	put := func(o map[string]any, name, value string) {
		if value != "" {
			o[name] = value
		}
	}
	name := map[string]any{}
	put(name, "givenName", u[aGiven])
	put(name, "familyName", u[aFamily])
	if len(name) > 0 {
		o["name"] = name
	}
	for _, a := range knows {
		switch a {
		case aUserName, aTitle:
			put(o, string(a), u[a])
		case aNick:
			put(o, "nickName", u[a])
		case aDisplay:
			put(o, "displayName", u[a])
		case aExternal:
			put(o, "externalId", u[a])
		case aActive:
			o["active"] = u[a] == "true"
		case aMail:
			if u[a] != "" {
				o["emails"] = []any{map[string]any{"value": u[a], "type": "work", "primary": true}}
			}
		case aDepartment:
			if u[a] != "" {
				o[extension] = map[string]any{"department": u[a]}
				o["schemas"] = []string{core, extension}
			}
		case aBadge:
			if u[a] != "" {
				o[ownExtension] = map[string]any{"badge": u[a]} // its URI in schemas is inferred
			}
		}
	}
	return encode(o)
}

func scimView(o map[string]any, extension string) user {
	u := user{
		aUserName: text(o["userName"]), aGiven: text(inner(o["name"], "givenName")), aFamily: text(inner(o["name"], "familyName")),
		aNick: text(o["nickName"]), aTitle: text(o["title"]), aDisplay: text(o["displayName"]), aActive: text(o["active"]),
		aExternal: text(o["externalId"]), aDepartment: text(inner(o[extension], "department")),
		aBadge: text(inner(o[ownExtension], "badge")),
	}
	if emails, _ := o["emails"].([]any); len(emails) > 0 {
		u[aMail] = text(inner(emails[0], "value"))
	}
	return u
}

func managedBody(u user) string {
	o := map[string]any{"accountStatus": "inactive"}
	if u[aActive] == "true" {
		o["accountStatus"] = "active"
	}
	for a, name := range managedNames {
		if u[a] != "" {
			o[name] = u[a]
		}
	}
	return encode(o)
}

var managedNames = map[attribute]string{aUserName: "userName", aGiven: "givenName", aFamily: "sn", aDisplay: "displayName", aMail: "mail", aAbout: "description"}

func managedView(o map[string]any) user {
	u := user{aActive: fmt.Sprint(o["accountStatus"] == "active")}
	for a, name := range managedNames {
		u[a] = text(o[name])
	}
	return u
}

// patch2 is a PATCH of RFC 7644 3.5.2.
func patch2(a attribute, value string) string {
	path := map[attribute]string{aUserName: "userName", aGiven: "name.givenName", aFamily: "name.familyName", aNick: "nickName", aTitle: "title",
		aDisplay: "displayName", aMail: "emails", aActive: "active", aDepartment: enterprise2 + ":department", aExternal: "externalId", aBadge: ownExtension + ":badge", aPassword: "password"}[a]
	op := map[string]any{"op": "replace", "path": path, "value": value}
	switch {
	case value == "":
		op = map[string]any{"op": "remove", "path": path}
	case a == aActive:
		op["value"] = value == "true"
	case a == aMail:
		op["value"] = []any{map[string]any{"value": value, "type": "work", "primary": true}}
	}
	return encode(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": []any{op}})
}

// patch1 is a PATCH of SCIM 1.1.
func patch1(a attribute, value string) string {
	path := map[attribute]string{aUserName: "userName", aGiven: "name.givenName", aFamily: "name.familyName", aNick: "nickName", aTitle: "title",
		aDisplay: "displayName", aMail: "emails", aDepartment: enterprise1 + ":department", aExternal: "externalId", aPassword: "password"}[a]
	o := map[string]any{}
	switch {
	case a == aActive:
		o["active"] = value == "true"
	case a == aGiven || a == aFamily:
		o["name"] = map[string]any{strings.TrimPrefix(path, "name."): value}
	case a == aDepartment:
		o[enterprise1] = map[string]any{"department": value}
	case a == aMail:
		o["emails"] = []any{map[string]any{"value": value, "type": "work", "primary": true}}
		o["meta"] = map[string]any{"attributes": []string{"emails"}}
	default:
		o[path] = value
	}
	if value == "" {
		o = map[string]any{"meta": map[string]any{"attributes": []string{path}}}
	}
	return encode(o)
}

// patchManaged is a PATCH of Common REST.
func patchManaged(a attribute, value string) string {
	field := "/" + managedNames[a]
	if a == aPassword {
		field = "/password"
	}
	op := map[string]any{"operation": "replace", "field": field, "value": value}
	switch {
	case a == aActive:
		op["field"], op["value"] = "/accountStatus", map[string]string{"true": "active", "false": "inactive"}[value]
	case value == "":
		op = map[string]any{"operation": "remove", "field": field}
	}
	return encode([]any{op})
}

// refers reports whether one of the references has the member.
func refers(list any, name, value string) bool {
	refs, _ := list.([]any)
	return slices.ContainsFunc(refs, func(ref any) bool { return inner(ref, name) == value })
}

// join2 and join1 are what a PATCH of a group says.
func join2(in bool, id string) string {
	op := map[string]any{"op": "remove", "path": `members[value eq "` + id + `"]`}
	if in {
		op = map[string]any{"op": "add", "path": "members", "value": []any{map[string]any{"value": id}}}
	}
	return encode(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": []any{op}})
}

func join1(in bool, id string) string {
	member := map[string]any{"value": id}
	if !in {
		member["operation"] = "delete"
	}
	return encode(map[string]any{"members": []any{member}})
}

// joinManaged adds a reference to the user's, and removes it from the group's.
func joinManaged(in bool, id, group, name string) (method, path, body string) {
	if in {
		return "POST", "/openidm/managed/alpha_user/" + url.PathEscape(id) + "/groups?_action=create", encode(map[string]any{"_ref": "managed/alpha_group/" + name})
	}
	return "DELETE", "/openidm/managed/alpha_group/" + group + "/members/" + url.PathEscape(id), ""
}

// A walk is one random sequence: a user that is created at one door and
// changed, looked at and deleted at others.
type walk struct {
	t       *testing.T
	handler http.Handler
	doors   []dialect
	random  *rand.Rand
	number  int
	id      string
	group   string // id of a group of this walk's own, named G and the number
	in      bool   // the user is a member of it
	want    user
	log     []string
}

func (w *walk) do(d dialect, method, path, body string) (int, map[string]any) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", d.credential)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	a := httptest.NewRecorder()
	w.handler.ServeHTTP(a, r)
	w.log = append(w.log, fmt.Sprintf("%s %s %s\n  -> %d %s", method, path, body, a.Code, a.Body))
	var o map[string]any
	if a.Body.Len() > 0 {
		if err := json.Unmarshal(a.Body.Bytes(), &o); err != nil {
			w.fail("%s: answer is not JSON: %v", d.name, err)
		}
	}
	return a.Code, o
}

func (w *walk) fail(format string, args ...any) {
	w.t.Errorf("sequence %d: %s\n%s", w.number, fmt.Sprintf(format, args...), strings.Join(w.log, "\n"))
}

// value returns a new value for an attribute, now and then none.
func (w *walk) value(a attribute) string {
	switch {
	case a == aActive:
		return fmt.Sprint(w.random.IntN(3) > 0)
	case a == aUserName:
		return fmt.Sprintf("user %d-%d", w.number, w.random.IntN(1000))
	case w.random.IntN(4) == 0:
		return ""
	case a == aMail:
		return fmt.Sprintf("m%d.%d@example.com", w.number, w.random.IntN(1000))
	case a == aPassword:
		return fmt.Sprintf("Pass%d-%d", w.number, w.random.IntN(1000))
	case a == aExternal:
		return fmt.Sprintf("x-%d-%d", w.number, w.random.IntN(1000))
	}
	return []string{"Ada", "Müller", "名前", `"quoted" \ text`, "<b>", "O'Brien %_", "ı İ"}[w.random.IntN(7)]
}

// values returns new values for all that the door knows; the rest is left as it is.
func (w *walk) values(d dialect) user {
	next := user{}
	for a, v := range w.want {
		next[a] = v
	}
	for _, a := range d.knows {
		next[a] = w.value(a)
	}
	return next
}

func (w *walk) run() {
	d := w.doors[w.random.IntN(len(w.doors))]
	w.want = user{}
	w.want = w.values(d)
	method, path, body := d.create(w.want)
	code, o := w.do(d, method, path, body)
	if code != 200 && code != 201 {
		w.fail("create at %s", d.name)
		return
	}
	if w.id = text(o["id"]); d.name == "aic" {
		w.id = text(o["_id"])
	}
	if !w.makeGroup() {
		return
	}
	w.look()
	for range 1 + w.random.IntN(5) {
		if w.t.Failed() {
			return
		}
		w.step(w.doors[w.random.IntN(len(w.doors))])
	}
	w.end(w.doors[w.random.IntN(len(w.doors))])
}

// serving returns a door that serves groups.
func (w *walk) serving() dialect {
	for {
		if d := w.doors[w.random.IntN(len(w.doors))]; d.join != nil {
			return d
		}
	}
}

func (w *walk) groupName() string { return fmt.Sprintf("G%d", w.number) }

// makeGroup makes the walk's group at one door and finds its id at another.
func (w *walk) makeGroup() bool {
	d := w.serving()
	name := map[bool]string{true: "name", false: "displayName"}[d.name == "aic"]
	if code, _ := w.do(d, "POST", d.groups, encode(map[string]any{name: w.groupName()})); code != 200 && code != 201 {
		w.fail("create a group at %s", d.name)
		return false
	}
	_, o := w.do(w.doors[0], "GET", w.doors[0].groups+"?filter="+url.QueryEscape(`displayName eq "`+w.groupName()+`"`), "")
	found, _ := o["Resources"].([]any)
	if len(found) != 1 {
		w.fail("the group is not there")
		return false
	}
	w.group = text(inner(found[0], "id"))
	return true
}

// step changes the user at a door and looks at it from all.
func (w *walk) step(d dialect) {
	at := d.path + "/" + url.PathEscape(w.id)
	var code int
	switch w.random.IntN(21) / 4 { // passwords are seldom, because they take time
	case 0:
		w.want = w.values(d)
		code, _ = w.do(d, "PUT", at, d.replace(w.want))
	case 1:
		a := d.knows[w.random.IntN(len(d.knows))]
		w.want[a] = w.value(a)
		code, _ = w.do(d, "PATCH", at, d.patch(a, w.want[a]))
	case 2: // what was read, sent back, changes nothing
		var o map[string]any
		if code, o = w.do(d, "GET", at, ""); code == 200 {
			code, _ = w.do(d, "PUT", at, encode(o))
		}
	case 3:
		d, w.in = w.serving(), !w.in
		method, path, body := d.join(w.in, w.id, w.group, w.groupName())
		if code, _ = w.do(d, method, path, body); code == 201 || code == 204 {
			code = 200
		}
	case 4: // of the one that a query finds
		d = w.doors[len(w.doors)-1]
		a := d.knows[w.random.IntN(len(d.knows))]
		uid := w.want[aUserName]
		w.want[a] = w.value(a)
		code, _ = w.do(d, "POST", d.path+"?_action=patch&_queryId=for-userName&uid="+url.QueryEscape(uid), d.patch(a, w.want[a]))
	case 5:
		password := w.value(aPassword)
		if code, _ = w.do(d, "PATCH", at, d.patch(aPassword, password)); d.name != "pingone" { // there it is ignored (pingone B43)
			w.want[aPassword] = password
		}
		w.signIn()
	}
	if code != 200 {
		w.fail("change at %s", d.name)
		return
	}
	w.look()
}

// signIn makes sure that the password is the user's, who is active, if there is one.
func (w *walk) signIn() {
	r := httptest.NewRequest("POST", "/api/oauth/token", strings.NewReader(url.Values{
		"grant_type": {"password"}, "username": {w.want[aUserName]}, "password": {w.want[aPassword]}}.Encode()))
	r.Header.Set("Authorization", basicCredential)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := httptest.NewRecorder()
	w.handler.ServeHTTP(a, r)
	if right := w.want[aActive] == "true" && w.want[aPassword] != ""; (a.Code == 200) != right {
		w.fail("sign in: %d %s, want %t", a.Code, a.Body, right)
	}
}

// look compares the user with the model at every door.
func (w *walk) look() {
	for _, d := range w.doors {
		code, o := w.do(d, "GET", d.path+"/"+url.PathEscape(w.id), "")
		if code != 200 {
			w.fail("read at %s", d.name)
			return
		}
		if shown := o[ownExtension] != nil; shown != (d.name == "scim2" && w.want[aBadge] != "") {
			w.fail("%s shows the environment's own extension: %t", d.name, shown)
		}
		got := d.view(o)
		for _, a := range d.knows {
			if got[a] != w.want[a] {
				w.fail("%s shows %s %q, want %q", d.name, a, got[a], w.want[a])
			}
		}
		if d.joined != nil && d.joined(o, w.group, w.groupName()) != w.in {
			w.fail("%s shows the user as a member: %t", d.name, !w.in)
		}
	}
	w.log = w.log[:max(0, len(w.log)-12)]
}

// end deletes the user at a door: it is gone from all.
func (w *walk) end(d dialect) {
	if code, _ := w.do(d, "DELETE", d.path+"/"+url.PathEscape(w.id), ""); code != 200 && code != 204 {
		w.fail("delete at %s", d.name)
	}
	for _, d := range w.doors {
		if code, _ := w.do(d, "GET", d.path+"/"+url.PathEscape(w.id), ""); code != 404 {
			w.fail("still there at %s", d.name)
		}
	}
}

// TestCoherence holds the merge rule: a change at one door is visible at all
// others at once, each in its own words, and what one door cannot show is not
// lost when it replaces the user. Random sequences of operations over random
// doors are compared with a model.
func TestCoherence(t *testing.T) {
	handler := allDoors(t, scim2.Options{}).Handler
	defineBadge(t, handler)
	doors := dialects()
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range 16 { // at once, so that they share the flushes of the disk; each has a connection
		wg.Go(func() {
			for n := range numbers {
				w := &walk{t: t, handler: handler, doors: doors, random: rand.New(rand.NewPCG(uint64(n), 7)), number: n}
				w.run()
			}
		})
	}
	for n := range *sequences {
		if t.Failed() {
			break
		}
		numbers <- n
	}
	close(numbers)
	wg.Wait()
}
