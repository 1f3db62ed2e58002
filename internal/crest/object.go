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

// post creates an object, or does to the collection what _action names.
func (c *collection) post(w http.ResponseWriter, q *request) error {
	create, err := q.creates()
	if err != nil {
		return err
	}
	if !create {
		return q.action(w, "")
	}
	m, err := q.object()
	if err != nil {
		return err
	}
	id := m.Get("_id")
	if id.IsNull() && q.has("_id") {
		id = scim.StringValue(q.params.Get("_id"))
	}
	if !id.IsNull() && id.Kind() != scim.String {
		return badRequest(&scim.Error{Rule: scim.RuleType, Path: "_id", Allowed: []string{"string"}}, "The value of '_id' is not a string")
	}
	if !id.IsNull() {
		if err := c.checkID(id.Text()); err != nil {
			return err
		}
	}
	return c.create(w, q, m, id.Text())
}

// act does to an object what _action names.
func (c *collection) act(w http.ResponseWriter, q *request) error {
	create, err := q.creates()
	if err != nil {
		return err
	}
	if create {
		return q.noInstance("created")
	}
	return q.action(w, q.PathValue("id"))
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
		return false, badRequest(&scim.Error{Rule: scim.RuleParameter, Path: "_action"},
			"No values provided for the request parameter '_action'")
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
	return badRequest(&scim.Error{Rule: scim.RuleParameter, Path: "_action", Value: name}, "Action %s is not supported.", name)
}

// read answers with one object.
func (c *collection) read(w http.ResponseWriter, q *request) error {
	for _, name := range queries {
		if q.has(name) {
			return q.noInstance("queried")
		}
	}
	if err := q.refuse("If-Match"); err != nil {
		return err
	}
	cached := tag(q.Header.Get("If-None-Match"))
	if cached == "*" {
		return preconditionFailed(&scim.Error{Rule: scim.RuleParameter, Path: "If-None-Match", Value: cached},
			"If-None-Match * not appropriate for %s requests", q.Method)
	}
	if err := q.checkRaw(); err != nil {
		return err
	}
	r, err := q.find(q.PathValue("id"), c.kind.include(&q.fields))
	if err != nil {
		return err
	}
	if rev := revision(r); cached == rev {
		w.Header().Set("ETag", `"`+rev+`"`)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if q.has("_mimetype") {
		return q.writeRaw(w, r)
	}
	return q.write(w, http.StatusOK, r)
}

// put creates an object at an id, or replaces it.
func (c *collection) put(w http.ResponseWriter, q *request) error {
	id := q.PathValue("id")
	create := len(q.Header.Values("If-None-Match")) > 0
	if sent := tag(q.Header.Get("If-None-Match")); create && sent != "*" {
		return badRequest(&scim.Error{Rule: scim.RuleParameter, Path: "If-None-Match", Value: sent}, // AIC-041
			`"%s" is not a supported value for If-None-Match on PUT`, sent)
	}
	update := len(q.Header.Values("If-Match")) > 0
	if create && update {
		return preconditionFailed(&scim.Error{Rule: scim.RuleParameter, Path: "If-Match"},
			"Simultaneous use of If-Match and If-None-Match not supported for PUT requests")
	}
	m, err := q.object()
	if err != nil {
		return err
	}
	if err := c.checkID(id); err != nil {
		return err
	}
	// A group that is written by its UUID may say its name in the body: see replace.
	if in := m.Get("_id"); !c.kind.named && !in.IsNull() && (in.Kind() != scim.String || in.Text() != id) {
		return otherID(in.Text(), id)
	}
	if create {
		return c.create(w, q, m, id)
	}
	return q.upsert(w, m, id, update)
}

// otherID refuses a body that says another _id than the path (AIC-046).
func otherID(body, path string) error {
	return badRequest(&scim.Error{Rule: scim.RuleImmutable, Path: "_id", Value: body},
		"The '_id' of the content, '%s', is not the one of the path, '%s'", body, path)
}

// delete removes an object and answers with it as it was (AIC-080).
func (c *collection) delete(w http.ResponseWriter, q *request) error {
	if err := q.refuse("If-None-Match"); err != nil {
		return err
	}
	id := q.PathValue("id")
	r, err := q.find(id, c.kind.include(&q.fields))
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
	case isRule(err, scim.RuleNotFound):
		return c.notFound(id)
	case isRule(err, scim.RuleVersion):
		return stale(q.Method, q.now(r), sent)
	case isRule(err, scim.RuleProtected) && c.kind == roles: // AIC-171
		return &refusal{status: http.StatusConflict, message: "Cannot delete a role that is currently granted", fault: err}
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

// now returns the revision that the object has meanwhile.
func (q *request) now(r *scim.Resource) string {
	again, err := q.c.d.Read(q.Context(), q.caller, q.caller.Home(), r.Type, r.ID, directory.Include{})
	if err != nil {
		return "unknown"
	}
	return revision(again)
}

// create makes a new object, at the id if it is not empty.
func (c *collection) create(w http.ResponseWriter, q *request, m *scim.Object, id string) error {
	draft := directory.Draft{Type: c.kind.typ, ID: id}
	if c.kind.named { // The id is the name.
		draft.ID = ""
		if name := m.Get("name"); id != "" && name.Kind() == scim.String && name.Text() != id {
			return badRequest(&scim.Error{Rule: scim.RuleImmutable, Path: "_id", Value: id},
				"The '_id' of a %s, '%s', is not its 'name', '%s'", c.kind.noun, id, name.Text())
		}
	} else if c.p.RequireUUIDs && id != "" && !uuid.MatchString(id) {
		return badRequest(&scim.Error{Rule: scim.RulePattern, Path: "_id", Value: id}, "The '_id' '%s' is not a UUID", id)
	}
	if err := c.checkNames(m); err != nil {
		return err
	}
	if failed := c.check(m, nil, q.password); len(failed) > 0 {
		return q.refusal(unmet(failed), m, "")
	}
	object, changes, err := q.relations(m, nil, directory.AddMembers)
	if err != nil {
		return err
	}
	draft.Attributes, draft.Relations = c.kind.attributes(nil, object), changes
	if len(changes) > 0 { // else nobody is there to be shown
		draft.Include = c.kind.include(&q.fields)
	}
	r, err := c.d.Create(q.Context(), q.caller, q.caller.Home(), draft)
	switch {
	case isRule(err, scim.RuleExists):
		return exists(id)
	case c.kind.named && isRule(err, scim.RuleUnique):
		return exists(m.Get("name").Text())
	case err != nil && draft.ID != "" && q.exists(draft.ID):
		// The same create once more: its userName is taken too, but the id comes first.
		return exists(id)
	case err != nil:
		return q.refusal(err, m, "")
	}
	return q.write(w, http.StatusCreated, r)
}

// attributes returns what a draft holds of the managed object m, which
// replaces old, nil for none.
func (k *kind) attributes(old, m *scim.Object) *scim.Object {
	out := k.canonical(old, m)
	if password := m.Get("password"); !password.IsNull() {
		out.Set("password", password)
	}
	return out
}

// upsert replaces the object at the id; if it is not there, it is created
// unless an update was asked for (AIC-042, AIC-072, AIC-073).
func (q *request) upsert(w http.ResponseWriter, m *scim.Object, id string, update bool) error {
	// Another round is for an object that came or went between the look and the write.
	const rounds = 10
	var err error
	for range rounds {
		old, e := q.find(id, directory.Include{})
		missing := isRule(e, scim.RuleNotFound)
		switch {
		case missing && !update:
			if err = q.c.create(w, q, m, id); !isRule(err, scim.RuleExists) {
				return err
			}
		case e != nil:
			return e
		default:
			if err = q.replace(w, m, old); !isRule(err, scim.RuleNotFound) {
				return err
			}
		}
	}
	return err
}

// replace puts m in the place of the object that was read as old.
func (q *request) replace(w http.ResponseWriter, m *scim.Object, old *scim.Resource) error {
	c := q.c
	if err := q.match(old); err != nil {
		return err
	}
	if err := c.checkNames(m); err != nil {
		return err
	}
	if in := m.Get("_id"); c.kind.named && !in.IsNull() && in.Text() != old.ID && in.Text() != c.kind.id(old) {
		return otherID(in.Text(), q.PathValue("id"))
	}
	if failed := c.check(m, old.Attributes(), q.password); len(failed) > 0 {
		return q.refusal(unmet(failed), m, old.ID)
	}
	object, changes, err := q.relations(m, old, directory.SetMembers)
	if err != nil {
		return err
	}
	r, _, err := q.modify(old, !m.Get("password").IsNull(), func(old *scim.Resource) (*scim.Object, directory.Change, error) {
		if failed := c.check(m, old.Attributes(), q.password); len(failed) > 0 {
			return m, directory.Change{}, unmet(failed)
		}
		return m, directory.Change{Attributes: c.kind.attributes(old.Attributes(), object), Members: changes}, nil
	})
	if err != nil {
		return err
	}
	return q.write(w, http.StatusOK, r)
}

// modify changes the object that was read as old. What is kept of it, and
// whether it may be changed, is decided by apply in the transaction; it also
// returns the managed object as it should become.
func (q *request) modify(old *scim.Resource, password bool, apply func(*scim.Resource) (*scim.Object, directory.Change, error)) (*scim.Resource, directory.Outcome, error) {
	c := q.c
	m := scim.NewObject()
	r, outcome, err := c.d.Modify(q.Context(), q.caller, q.caller.Home(), directory.Modification{
		Type: c.kind.typ, ID: old.ID, Password: password, Include: c.kind.include(&q.fields),
		Apply: func(old *scim.Resource) (change directory.Change, err error) {
			if err := q.match(old); err != nil {
				return directory.Change{}, err
			}
			m, change, err = apply(old)
			return change, err
		},
	})
	switch {
	case isRule(err, scim.RuleNotFound):
		err = c.notFound(cmp.Or(q.PathValue("id"), old.ID))
	case c.kind.named && isRule(err, scim.RuleUnique):
		err = exists(m.Get("name").Text())
	case err != nil:
		err = q.refusal(err, m, old.ID)
	}
	return r, outcome, err
}

// patch changes part of an object.
func (c *collection) patch(w http.ResponseWriter, q *request) error {
	if len(q.Header.Values("If-None-Match")) > 0 {
		return preconditionFailed(&scim.Error{Rule: scim.RuleParameter, Path: "If-None-Match"}, "Use of If-None-Match not supported for PATCH requests")
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
	fields := q.fields
	asked, err := q.readQuery()
	q.fields = fields // a predefined query has its own
	if err != nil {
		return nil, err
	}
	page, err := q.c.kind.list(q.Context(), q.c.d, q.caller, directory.Query{Filter: asked.filter, Start: 1, Count: 2})
	switch {
	case err != nil:
		return nil, err
	case len(page.Resources) == 0:
		return nil, &refusal{status: http.StatusNotFound, message: "Query returned no results",
			fault: &scim.Error{Rule: scim.RuleNotFound, Schema: q.c.kind.typ}}
	case len(page.Resources) > 1:
		return nil, badRequest(&scim.Error{Rule: scim.RuleParameter}, "Query returned more than one result")
	}
	return page.Resources[0], nil
}

// apply applies the operations of a patch to the object that was read as old.
func (q *request) apply(old *scim.Resource, ops []operation) (*scim.Resource, directory.Outcome, error) {
	c := q.c
	q.partial = true
	if err := q.match(old); err != nil {
		return nil, 0, err
	}
	ops, changes, err := q.prepare(ops, old.Attributes())
	if err != nil {
		return nil, 0, err
	}
	password := slices.ContainsFunc(ops, func(op operation) bool { return op.field[0] == "password" })
	return q.modify(old, password, func(old *scim.Resource) (*scim.Object, directory.Change, error) {
		m, touched, err := c.kind.patch(c.kind.managed(old.Attributes()), ops)
		if err != nil {
			return m, directory.Change{}, err
		}
		attributes, failed := c.patched(old.Attributes(), m, touched, q.password)
		if len(failed) > 0 {
			return m, directory.Change{}, unmet(failed)
		}
		drop := touched["password"] && m.Get("password").IsNull()
		return m, directory.Change{Attributes: attributes, DropPassword: drop, Members: changes}, nil
	})
}

// checkNames refuses what no request for the object may hold.
func (c *collection) checkNames(m *scim.Object) error {
	if len(m.Get("kbaInfo").List()) > maxQuestions {
		return tooManyQuestions()
	}
	for _, member := range m.Members {
		if err := c.checkName(member.Name); err != nil {
			return err
		}
	}
	return nil
}

// checkName refuses a property that the vendor's schema does not know, if the
// profile does (AIC-054).
func (c *collection) checkName(name string) error {
	if !c.p.RefuseUnknown || name == "_id" || name == "_rev" || strings.HasPrefix(name, "custom_") || c.kind.property(name) != nil {
		return nil
	}
	return badRequest(&scim.Error{Rule: scim.RuleUnknownAttribute, Path: name}, "The property '%s' is not part of the schema", name)
}

// refusal words what is found wrong with m, with the taken userName that was
// not looked at (AIC-052).
func (q *request) refusal(err error, m *scim.Object, self string) error {
	var failed unmet
	if !errors.As(err, &failed) {
		var f *refusal
		ok := false
		faults := scim.Faults(err)
		switch {
		case errors.As(err, &f):
			return err
		case len(faults) == 1 && faults[0].Rule == scim.RulePassword && slices.Contains(faults[0].Allowed, "history"): // AIC-115
			return badRequest(faults[0], "Constraint Violation: the password has been used before")
		}
		if failed, ok = q.c.requirements(scim.Faults(err)); !ok {
			return err
		}
	}
	message := "Policy validation failed"
	if q.partial { // AIC-112
		message = "Failed policy validation"
	}
	return policyFailure(message, append(failed, q.takenName(failed, m, self)...))
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
	page, err := k.list(q.Context(), q.c.d, q.caller, directory.Query{Start: 1, Count: 1, NoTotal: true, Filter: k.equal(k.unique, name)})
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
		group, err := q.named(id)
		if err != nil {
			return nil, err
		}
		if group != nil {
			key = group.ID
		}
	}
	r, err := c.d.Read(q.Context(), q.caller, q.caller.Home(), c.kind.typ, key, inc)
	if isRule(err, scim.RuleNotFound) {
		return nil, c.notFound(id)
	}
	return r, err
}

// named returns the group of exactly this name, nil if there is none.
func (q *request) named(name string) (*scim.Resource, error) {
	page, err := groups.list(q.Context(), q.c.d, q.caller, directory.Query{Start: 1, Count: 10, Filter: groups.equal("name", name)})
	if err != nil {
		return nil, err
	}
	for _, r := range page.Resources {
		if groups.id(r) == name {
			return r, nil
		}
	}
	return nil, nil
}

func (q *request) exists(id string) bool {
	_, err := q.c.d.Read(q.Context(), q.caller, q.caller.Home(), q.c.kind.typ, id, directory.Include{})
	return err == nil
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// checkID refuses ids that no object can have (AIC-045).
func (c *collection) checkID(id string) error {
	if possible(id) {
		return nil
	}
	return badRequest(&scim.Error{Rule: scim.RulePattern, Path: "_id", Value: id},
		"The '_id' is not 1 to 255 characters without '/' and control characters")
}

func possible(id string) bool {
	n := utf8.RuneCountInString(id)
	return n >= 1 && n <= 255 && utf8.ValidString(id) && !strings.Contains(id, "/") && !strings.ContainsFunc(id, unicode.IsControl)
}

// isRule reports whether one of the faults that err carries is of the rule.
func isRule(err error, rule scim.Rule) bool {
	return slices.ContainsFunc(scim.Faults(err), func(e *scim.Error) bool { return e.Rule == rule })
}

// write answers with the object that was read or written.
func (q *request) write(w http.ResponseWriter, status int, r *scim.Resource) error {
	shown, err := q.view().object(r, &q.fields)
	if err != nil {
		return err
	}
	h := w.Header()
	if status == http.StatusCreated {
		h.Set("Location", q.c.public+q.c.path+"/"+url.PathEscape(q.c.kind.id(r))) // AIC-031
	}
	h.Set("ETag", `"`+revision(r)+`"`)
	h.Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(encode(scim.ObjectValue(shown), pretty(q.URL.RawQuery)))
	return nil
}
