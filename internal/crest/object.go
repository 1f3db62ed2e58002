package crest

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// post creates an object, or does to an object or the collection what _action names.
func (c *collection) post(w http.ResponseWriter, q *request) error {
	at := q.PathValue("id")
	create, err := q.creates()
	switch {
	case err != nil:
		return err
	case !create:
		return q.action(w, at)
	case at != "":
		return q.noInstance("created")
	}
	m, err := q.object()
	if err != nil {
		return err
	}
	id := m.Get("_id")
	if id.IsNull() && q.has("_id") {
		id = scim.StringValue(q.params.Get("_id"))
	}
	if !id.IsNull() && (id.Kind() != scim.String || !possible(id.Text())) {
		return impossible()
	}
	return c.create(w, q, m, id.Text())
}

// creates reports whether a POST is a create (AIC-036, AIC-037).
func (q *request) creates() (bool, error) {
	if err := q.refuse("If-None-Match", "If-Match"); err != nil { // AIC-038, AIC-192
		return false, err
	}
	if q.has("_action") {
		return strings.EqualFold(q.params.Get("_action"), "create"), nil
	}
	if q.protocol.less(createByPost) {
		return false, badRequest(scim.RuleParameter, "No values provided for the request parameter '_action'")
	}
	return true, nil
}

// action does what _action names to the object of the id; without an id to the
// one that a query selects. Unknown actions are refused (AIC-190).
func (q *request) action(w http.ResponseWriter, id string) error {
	name := q.params.Get("_action")
	switch {
	case strings.EqualFold(name, "patch"):
		return q.patch(w, id)
	case strings.EqualFold(name, "triggerSyncCheck") && id != "":
		// Nothing is synchronized from here: there is nothing to do, or to answer (AIC-191).
		_, err := q.find(id, directory.Include{})
		if err == nil {
			w.WriteHeader(http.StatusNoContent)
		}
		return err
	}
	return unknownAction(name)
}

func unknownAction(name string) error {
	return badRequest(scim.RuleParameter, "Action %s is not supported.", name)
}

// read answers with one object.
func (c *collection) read(w http.ResponseWriter, q *request) error {
	if slices.ContainsFunc(queries, q.has) {
		return q.noInstance("queried")
	}
	if err := q.refuse("If-Match"); err != nil {
		return err
	}
	cached := tag(q.Header.Get("If-None-Match"))
	if cached == "*" {
		return preconditionFailed(scim.RuleParameter, "If-None-Match * not appropriate for %s requests", q.Method)
	}
	if err := q.checkRaw(); err != nil {
		return err
	}
	r, err := q.find(q.PathValue("id"), q.include())
	switch {
	case err != nil:
		return err
	case cached == revision(r):
		w.Header().Set("ETag", `"`+cached+`"`)
		w.WriteHeader(http.StatusNotModified)
		return nil
	case q.has("_mimeType"):
		return q.writeRaw(w, r)
	}
	return q.write(w, http.StatusOK, r)
}

// put creates an object at an id, or replaces it.
func (c *collection) put(w http.ResponseWriter, q *request) error {
	id, none := q.PathValue("id"), q.Header.Get("If-None-Match")
	create := len(q.Header.Values("If-None-Match")) > 0
	update := len(q.Header.Values("If-Match")) > 0
	switch {
	case create && strings.Trim(none, `"`) != "*":
		return badRequest(scim.RuleParameter, `"%s" is not a supported value for If-None-Match on PUT`, tag(none)) // AIC-041
	case create && update:
		return preconditionFailed(scim.RuleParameter, "Simultaneous use of If-Match and If-None-Match not supported for PUT requests")
	}
	m, err := q.object()
	if err != nil {
		return err
	}
	in := m.Get("_id")
	switch {
	case !possible(id):
		return impossible()
	// A group that is written by its UUID may say its name in the body: see replace.
	case !c.kind.named && !in.IsNull() && (in.Kind() != scim.String || in.Text() != id):
		return otherID(in.Text(), id)
	case create:
		return c.create(w, q, m, id)
	}
	return q.upsert(w, m, id, update)
}

// otherID refuses a body that says another _id than the path (AIC-046).
func otherID(body, path string) error {
	return badRequest(scim.RuleImmutable, "The '_id' of the content, '%s', is not the one of the path, '%s'", body, path)
}

// delete removes an object and answers with it as it was (AIC-080).
func (c *collection) delete(w http.ResponseWriter, q *request) error {
	if err := q.refuse("If-None-Match"); err != nil {
		return err
	}
	id := q.PathValue("id")
	r, err := q.find(id, q.include())
	if err != nil {
		return err
	}
	if err := q.match(r); err != nil {
		return err
	}
	var p directory.Precondition
	sent := tag(q.Header.Get("If-Match"))
	if sent != "" && sent != "*" {
		p.Version = []int64{r.Version}
	}
	gone, err := c.d.Delete(q.Context(), q.caller, q.caller.Home(), c.kind.typ, r.ID, p)
	switch {
	case scim.Is(err, scim.RuleNotFound):
		return c.notFound(id)
	case scim.Is(err, scim.RuleVersion):
		now := "unknown"
		if again, err := q.find(id, directory.Include{}); err == nil {
			now = revision(again)
		}
		return stale(q.Method, now, sent)
	case scim.Is(err, scim.RuleProtected) && c.kind == roles: // AIC-171
		return refuse(http.StatusConflict, scim.RuleProtected, "Cannot delete a role that is currently granted")
	case err != nil:
		return err
	}
	gone.Related = r.Related
	return q.write(w, http.StatusOK, gone)
}

// match refuses a write whose If-Match is not the revision of r (AIC-070, AIC-081).
func (q *request) match(r *scim.Resource) error {
	sent := tag(q.Header.Get("If-Match"))
	if rev := revision(r); sent != "" && sent != "*" && sent != rev {
		return stale(q.Method, rev, sent)
	}
	return nil
}

// create makes a new object, at the id if it is not empty.
func (c *collection) create(w http.ResponseWriter, q *request, m *scim.Object, id string) error {
	draft := directory.Draft{Type: c.kind.typ, ID: id}
	name := m.Get("name")
	switch {
	case c.kind.named && id != "" && name.Kind() == scim.String && name.Text() != id:
		return badRequest(scim.RuleImmutable, "The '_id' of a %s, '%s', is not its 'name', '%s'", c.kind.noun, id, name.Text())
	case c.kind.named:
		draft.ID = "" // the name is the id
	case q.strict() && id != "" && !uuid.MatchString(id):
		return badRequest(scim.RulePattern, "The '_id' '%s' is not a UUID", id)
	}
	if err := q.checkNames(m); err != nil {
		return err
	}
	if failed := q.check(m, nil); len(failed) > 0 {
		return q.refusal(unmet(failed), m, "")
	}
	object, changes, err := q.relations(m, nil, directory.AddMembers)
	if err != nil {
		return err
	}
	draft.Attributes, draft.Relations = c.kind.attributes(nil, object), changes
	if len(changes) > 0 { // else nobody is there to be shown
		draft.Include = q.include()
	}
	r, err := c.d.Create(q.Context(), q.caller, q.caller.Home(), draft)
	switch {
	case scim.Is(err, scim.RuleExists), c.kind.named && scim.Is(err, scim.RuleUnique):
		return exists()
	case scim.Is(err, scim.RuleUnique) && draft.ID != "" && q.exists(draft.ID):
		// The same create once more: its userName is taken too, but the id comes first.
		return exists()
	case err != nil:
		return q.refusal(err, m, "")
	}
	return q.write(w, http.StatusCreated, r)
}

// attributes returns what a draft holds of the managed object m, which
// replaces old, nil for none.
func (k *kind) attributes(old, m *scim.Object) *scim.Object {
	out := k.canonical(old, m)
	out.Assign("password", m.Get("password"))
	return out
}

// upsert replaces the object at the id; if it is not there, it is created
// unless an update was asked for (AIC-042, AIC-072, AIC-073).
func (q *request) upsert(w http.ResponseWriter, m *scim.Object, id string, update bool) (err error) {
	// Another round is for an object that came or went between the look and the write.
	for range 10 {
		old, missing := q.find(id, directory.Include{})
		switch {
		case scim.Is(missing, scim.RuleNotFound) && !update:
			if err = q.c.create(w, q, m, id); !scim.Is(err, scim.RuleExists) {
				return err
			}
		case missing != nil:
			return missing
		default:
			if err = q.replace(w, m, old); !scim.Is(err, scim.RuleNotFound) {
				return err
			}
		}
	}
	return err
}

// replace puts m in the place of the object that was read as old.
func (q *request) replace(w http.ResponseWriter, m *scim.Object, old *scim.Resource) error {
	k := q.c.kind
	if err := cmp.Or(q.match(old), q.checkNames(m)); err != nil {
		return err
	}
	if in := m.Get("_id"); k.named && !in.IsNull() && in.Text() != old.ID && in.Text() != k.id(old) {
		return otherID(in.Text(), q.PathValue("id"))
	}
	if failed := q.check(m, old.Attributes()); len(failed) > 0 {
		return q.refusal(unmet(failed), m, old.ID)
	}
	object, changes, err := q.relations(m, old, directory.SetMembers)
	if err != nil {
		return err
	}
	r, _, err := q.modify(old, !m.Get("password").IsNull(), func(old *scim.Object) (*scim.Object, directory.Change, error) {
		return m, directory.Change{Attributes: k.attributes(old, object), Members: changes}, nil
	})
	if err != nil {
		return err
	}
	return q.write(w, http.StatusOK, r)
}

// modify changes the object that was read as old. What is kept of its
// attributes, and whether it may be changed, is decided by apply in the
// transaction; it also returns the managed object as it should become.
func (q *request) modify(old *scim.Resource, password bool, apply func(*scim.Object) (*scim.Object, directory.Change, error)) (*scim.Resource, directory.Outcome, error) {
	c := q.c
	m := scim.NewObject()
	r, outcome, err := c.d.Modify(q.Context(), q.caller, q.caller.Home(), directory.Modification{
		Type: c.kind.typ, ID: old.ID, Password: password, Include: q.include(),
		Apply: func(old *scim.Resource) (change directory.Change, err error) {
			if err := q.match(old); err != nil {
				return change, err
			}
			m, change, err = apply(old.Attributes())
			return change, err
		},
	})
	switch {
	case scim.Is(err, scim.RuleNotFound):
		err = c.notFound(cmp.Or(q.PathValue("id"), old.ID))
	case c.kind.named && scim.Is(err, scim.RuleUnique):
		err = exists()
	case err != nil:
		err = q.refusal(err, m, old.ID)
	}
	return r, outcome, err
}

// patch changes part of an object.
func (c *collection) patch(w http.ResponseWriter, q *request) error {
	if len(q.Header.Values("If-None-Match")) > 0 {
		return preconditionFailed(scim.RuleParameter, "Use of If-None-Match not supported for PATCH requests")
	}
	return q.patch(w, q.PathValue("id"))
}

// patch applies the operations of the body to the object of the id; without an
// id to the one that a query selects (AIC-193).
func (q *request) patch(w http.ResponseWriter, id string) error {
	ops, err := q.operations()
	if err != nil {
		return err
	}
	var old *scim.Resource
	if id == "" {
		old, err = q.only()
	} else {
		old, err = q.find(id, directory.Include{})
	}
	if err != nil {
		return err
	}
	r, _, err := q.apply(old, ops)
	if err != nil {
		return err
	}
	return q.write(w, http.StatusOK, r)
}

// only returns the one object that the query selects.
func (q *request) only() (*scim.Resource, error) {
	asked, err := q.of(q.c.kind).readQuery() // a predefined query has fields of its own
	if err != nil {
		return nil, err
	}
	page, err := q.list(directory.Query{Filter: asked.Filter, Start: 1, Count: 2})
	switch {
	case err != nil:
		return nil, err
	case len(page.Resources) == 0:
		return nil, refuse(http.StatusNotFound, scim.RuleNotFound, "Query returned no results")
	case len(page.Resources) > 1:
		return nil, badRequest(scim.RuleParameter, "Query returned more than one result")
	}
	return page.Resources[0], nil
}

// apply applies the operations of a patch to the object that was read as old.
func (q *request) apply(old *scim.Resource, ops []operation) (*scim.Resource, directory.Outcome, error) {
	q.partial = true
	if err := q.match(old); err != nil {
		return nil, 0, err
	}
	ops, changes, err := q.prepare(ops, old.Attributes())
	if err != nil {
		return nil, 0, err
	}
	password := slices.ContainsFunc(ops, func(op operation) bool { return op.field[0] == "password" })
	return q.modify(old, password, func(old *scim.Object) (*scim.Object, directory.Change, error) {
		m, touched, err := q.c.kind.patch(q.c.kind.managed(old), ops)
		if err != nil {
			return m, directory.Change{}, err
		}
		attributes, failed := q.patched(old, m, touched)
		if len(failed) > 0 {
			return m, directory.Change{}, unmet(failed)
		}
		drop := touched["password"] && m.Get("password").IsNull()
		return m, directory.Change{Attributes: attributes, DropPassword: drop, Members: changes}, nil
	})
}

// checkNames refuses what no request for the object may hold.
func (q *request) checkNames(m *scim.Object) error {
	if len(m.Get("kbaInfo").List()) > maxQuestions {
		return tooManyQuestions()
	}
	for _, member := range m.Members {
		if err := q.checkName(member.Name); err != nil {
			return err
		}
	}
	return nil
}

// checkName refuses a property that the vendor's schema does not know, if the
// client has it so (AIC-054).
func (q *request) checkName(name string) error {
	if !q.caller.Settings.RejectsUnknown() || name == "_id" || name == "_rev" || strings.HasPrefix(name, "custom_") || q.c.kind.property(name) != nil {
		return nil
	}
	return badRequest(scim.RuleUnknownAttribute, "The property '%s' is not part of the schema", name)
}

// refusal words what is found wrong with m, with the taken name that was not
// looked at (AIC-052).
func (q *request) refusal(err error, m *scim.Object, self string) error {
	var failed unmet
	var worded *refusal
	switch {
	case errors.As(err, &worded):
		return err
	case !errors.As(err, &failed):
		faults := scim.Faults(err)
		if len(faults) == 1 && faults[0].Rule == scim.RulePassword && slices.Contains(faults[0].Allowed, "history") { // AIC-115
			return badRequest(scim.RulePassword, "Constraint Violation: the password has been used before")
		}
		var ok bool
		if failed, ok = q.c.requirements(faults); !ok {
			return err
		}
	}
	message := "Policy validation failed"
	if q.partial { // AIC-112
		message = "Failed policy validation"
	}
	f := refuse(http.StatusForbidden, scim.RulePattern, "%s", message)
	f.detail = scim.ObjectValue(verdict(append(failed, q.takenName(failed, m, self)...)))
	return f
}

// takenName returns the requirement that a unique name fails which another object
// has, unless it failed already. It completes the report of what is refused
// anyway: nothing is decided by it.
func (q *request) takenName(failed []requirement, m *scim.Object, self string) []requirement {
	k := q.c.kind
	name := m.Get(k.unique).Text()
	if k.unique == "" || name == "" || slices.ContainsFunc(failed, func(r requirement) bool { return r.property == k.unique }) {
		return nil
	}
	page, err := q.list(directory.Query{Start: 1, Count: 1, NoTotal: true, Filter: k.equal(k.unique, name)})
	if err != nil || len(page.Resources) == 0 || page.Resources[0].ID == self {
		return nil
	}
	return []requirement{{k.unique, q.c.taken(k.unique), nil}}
}

// find reads the object of an id. Groups are found by name, too.
func (q *request) find(id string, inc directory.Include) (*scim.Resource, error) {
	c := q.c
	if !possible(id) {
		return nil, c.notFound(id)
	}
	key := id
	if c.kind.named {
		page, err := q.list(directory.Query{Start: 1, Count: 10, Filter: c.kind.equal("name", id)})
		if err != nil {
			return nil, err
		}
		for _, r := range page.Resources {
			if c.kind.id(r) == id { // the very name
				key = r.ID
			}
		}
	}
	r, err := c.d.Read(q.Context(), q.caller, q.caller.Home(), c.kind.typ, key, inc)
	if scim.Is(err, scim.RuleNotFound) {
		return nil, c.notFound(id)
	}
	return r, err
}

func (q *request) exists(id string) bool {
	_, err := q.c.d.Read(q.Context(), q.caller, q.caller.Home(), q.c.kind.typ, id, directory.Include{})
	return err == nil
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// possible reports whether an object can have the id (AIC-045).
func possible(id string) bool {
	n := utf8.RuneCountInString(id)
	return n >= 1 && n <= 255 && utf8.ValidString(id) && !strings.Contains(id, "/") && !strings.ContainsFunc(id, unicode.IsControl)
}

func impossible() error {
	return badRequest(scim.RulePattern, "The '_id' is not a string of 1 to 255 characters without '/' and control characters")
}

// write answers with the object that was read or written.
func (q *request) write(w http.ResponseWriter, status int, r *scim.Resource) error {
	shown, err := q.show(r, &q.fields)
	if err != nil {
		return err
	}
	if status == http.StatusCreated {
		w.Header().Set("Location", q.c.public+q.c.path+"/"+url.PathEscape(q.c.kind.id(r))) // AIC-031
	}
	w.Header().Set("ETag", `"`+revision(r)+`"`)
	send(w, q.Request, status, shown)
	return nil
}
