package scim2

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The URNs of bulk messages (RFC 7644 3.7).
const (
	bulkRequestSchema  = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	bulkResponseSchema = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// maxBulkOperations is how many operations a bulk request may have.
const maxBulkOperations = 1000

// bulkPrefix begins a reference to what another operation creates (RFC 7644 3.7.2).
const bulkPrefix = "bulkId:"

// bulk answers several operations in one request, each in a transaction of its
// own and with the caller's rights, as if it came alone (RFC 7644 3.7).
func (c *call) bulk() error {
	limits := c.profile.limits
	limits.Depth, limits.Values = 36, 1_000_000
	body, text, err := c.bodyWithin(limits)
	if err != nil {
		return err
	}
	b, err := c.readBulk(body, text)
	if err != nil {
		return err
	}
	for _, op := range b.operations {
		b.run(op)
	}
	c.send(http.StatusOK, b.response().AppendJSON(nil))
	return nil
}

// A bulk is one bulk request on its way.
type bulk struct {
	*call
	text       []byte
	kinds      []*kind
	operations []*bulkOperation
	created    map[string]*bulkOperation // the operations that create something, by bulkId
	failures   int
	most       int // failures at which to stop; 0 for no end
}

// A bulkState is how far an operation is.
type bulkState uint8

const (
	bulkWaiting bulkState = iota // not begun
	bulkRunning                  // begun, and waits for what it refers to
	bulkDone
)

// A bulkOperation is one operation of a bulk request and what became of it.
type bulkOperation struct {
	method, bulkID, version string
	kind                    *kind
	id                      string // of the resource; a reference until it is known
	data                    scim.Value
	refers                  []string // bulkIds in data and path
	fault                   error    // of the operation as it was sent
	trace                   *directory.Trace

	state    bulkState
	status   int
	resource *scim.Resource // what there is after it, nil if it failed
	err      error
	// open are operations whose resources were made without the reference to
	// this one, because it refers to them in turn (RFC 7644 3.7.1).
	open []*bulkOperation
}

// readBulk reads the message. Faults of single operations stay with them.
//
// Errors: RuleCoreSchemaMissing, RuleMessage, RuleTooLarge; RuleParameter for
// failOnErrors that is no count and for a bulkId that is there twice.
func (c *call) readBulk(body *scim.Object, text []byte) (*bulk, error) {
	if fault := c.message(body, bulkRequestSchema); fault != nil {
		return nil, fault
	}
	b := &bulk{call: c, text: text, created: map[string]*bulkOperation{}}
	var err error
	if b.kinds, err = c.kinds(); err != nil {
		return nil, err
	}
	list, _ := body.Find("Operations")
	if list.Kind() != scim.Array {
		return nil, &scim.Error{Rule: scim.RuleMessage, Path: "Operations", Detail: "a list of operations is needed"}
	}
	if len(list.List()) > maxBulkOperations {
		return nil, &scim.Error{Rule: scim.RuleTooLarge, Detail: "operations", Allowed: []string{strconv.Itoa(maxBulkOperations)}}
	}
	if v, _ := body.Find("failOnErrors"); !v.IsNull() {
		b.most, err = strconv.Atoi(v.Text())
		if v.Kind() != scim.Number || err != nil || b.most < 0 {
			return nil, &scim.Error{Rule: scim.RuleParameter, Path: "failOnErrors", Detail: "not a number of errors"}
		}
	}
	for range list.List() {
		b.operations = append(b.operations, &bulkOperation{trace: c.caller.Trace.Part()})
	}
	for i, v := range list.List() {
		op := b.operations[i]
		b.of(op).read(op, v.Object())
		if op.bulkID == "" {
			continue
		}
		if _, twice := b.created[op.bulkID]; twice {
			return nil, &scim.Error{Rule: scim.RuleParameter, Path: element("Operations", i) + ".bulkId", Detail: "used by two operations"}
		}
		b.created[op.bulkID] = op
	}
	return b, nil
}

// of returns the bulk request as one operation sees it: what is put right in it
// is written down with its own record.
func (b *bulk) of(op *bulkOperation) *bulk {
	c := *b.call
	c.caller.Trace = op.trace
	own := *b
	own.call = &c
	return &own
}

// read reads one operation.
func (b *bulk) read(op *bulkOperation, o *scim.Object) {
	text := func(name string) string { v, _ := o.Find(name); return v.Text() }
	op.method, op.bulkID, op.version = strings.ToUpper(text("method")), text("bulkId"), text("version")
	op.data, _ = o.Find("data")
	if op.fault = b.check(op, text("path")); op.fault != nil {
		return
	}
	if id, ok := strings.CutPrefix(op.id, bulkPrefix); ok {
		op.refers = append(op.refers, id)
	}
	op.refers = append(op.refers, references(op.data)...)
}

// check returns what is wrong with an operation before anything is done. A
// PATCH may be a bare list of operations (scim BLK-20).
func (b *bulk) check(op *bulkOperation, path string) error {
	methods := []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if !slices.Contains(methods, op.method) {
		return &scim.Error{Rule: scim.RuleMessage, Path: "method", Value: op.method, Allowed: methods}
	}
	if err := b.place(op, path); err != nil || op.method == http.MethodDelete {
		return err
	}
	if op.method == http.MethodPatch && op.data.Kind() == scim.Array && b.allows(scim.RewriteSchemasAssume) {
		op.data = object(member("schemas", scim.Strings(scim.PatchSchema)), member("Operations", op.data))
	}
	if op.data.Object() == nil {
		return &scim.Error{Rule: scim.RuleMessage, Path: "data", Detail: "an object is needed"}
	}
	if op.method == http.MethodPost && op.bulkID == "" {
		return &scim.Error{Rule: scim.RuleMessage, Path: "bulkId", Detail: "POST needs one"}
	}
	return nil
}

// place finds what the path of an operation names: an endpoint to create at,
// a resource for everything else.
func (b *bulk) place(op *bulkOperation, path string) error {
	wrong := &scim.Error{Rule: scim.RuleParameter, Path: "path", Detail: "not an endpoint to create at, nor the resource of one"}
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") || len(segments) != 2 && op.method == http.MethodPost || len(segments) > 3 {
		return wrong
	}
	if slices.Contains([]string{"/Bulk", "/.search", "/Me"}, "/"+segments[1]) || segments[len(segments)-1] == ".search" {
		return wrong
	}
	for _, k := range b.kinds {
		if name := "/" + segments[1]; name == k.Endpoint || strings.EqualFold(name, k.Endpoint) && b.allows(scim.RewriteQueryLoose) {
			op.kind = k
		}
	}
	switch {
	case op.kind == nil:
		return &scim.Error{Rule: scim.RuleNoEndpoint, Path: path}
	case op.method == http.MethodPost:
		return nil
	case len(segments) != 3:
		return wrong
	}
	id, err := url.PathUnescape(segments[2])
	if op.id = id; err != nil {
		return wrong
	}
	return nil
}

// run makes an operation, and before it those that create what it refers to.
func (b *bulk) run(op *bulkOperation) {
	if op.state != bulkWaiting || b.stopped() {
		return
	}
	op.state = bulkRunning
	var circular []*bulkOperation
	for _, ref := range op.refers {
		to := b.created[ref]
		if to == nil {
			continue
		}
		b.run(to)
		if to.state == bulkRunning {
			circular = append(circular, to)
		}
	}
	if b.stopped() {
		op.state = bulkWaiting
		return
	}
	b.execute(op, circular)
	op.state = bulkDone
	if op.err != nil {
		b.failures++
	} else {
		for _, to := range circular {
			to.open = append(to.open, op)
		}
	}
	for _, waiting := range op.open {
		b.settle(waiting)
	}
	if slices.Contains(circular, op) { // it refers to itself
		b.settle(op)
	}
}

func (b *bulk) stopped() bool { return b.most > 0 && b.failures >= b.most }

// execute makes an operation with its references resolved, but for those to
// operations that wait for it.
func (b *bulk) execute(op *bulkOperation, circular []*bulkOperation) {
	if op.err = op.fault; op.err != nil {
		return
	}
	data, id, err := b.resolved(op, circular)
	if op.err = err; err != nil {
		return
	}
	op.resource, op.status, op.err = b.perform(op, id, data)
	op.id = id
	if op.resource != nil {
		op.id = op.resource.ID
	}
}

// resolved returns the data and the id of an operation with the permanent ids
// in the place of references. Elements and attributes that refer to circular
// operations are left out.
//
// Errors: RuleDangling for a reference to nothing.
func (b *bulk) resolved(op *bulkOperation, circular []*bulkOperation) (*scim.Object, string, error) {
	var fault error
	find := func(ref string) (string, bool) {
		to := b.created[ref]
		switch {
		case to != nil && slices.Contains(circular, to):
			return "", false
		case to == nil || to.state != bulkDone || to.err != nil || to.method != http.MethodPost:
			fault = &scim.Error{Rule: scim.RuleDangling, Path: "bulkId", Value: ref}
			return "", false
		}
		return to.id, true
	}
	id := op.id
	if ref, ok := strings.CutPrefix(id, bulkPrefix); ok {
		id, _ = find(ref)
	}
	data := op.data
	if len(op.refers) > 0 {
		data, _ = substitute(data, find)
	}
	return data.Object(), id, fault
}

// perform does what an operation asks for, as a request of its own would.
func (b *bulk) perform(op *bulkOperation, id string, data *scim.Object) (*scim.Resource, int, error) {
	c := b.of(op).call
	condition, err := c.bulkCondition(op.version)
	if err != nil {
		return nil, 0, err
	}
	switch op.method {
	case http.MethodPost:
		r, _, err := op.kind.insert(c, data, b.text)
		return r, http.StatusCreated, err
	case http.MethodPut:
		r, _, err := op.kind.put(c, id, data, b.text, condition, directory.Include{})
		return r, http.StatusOK, err
	case http.MethodPatch:
		status := http.StatusOK
		if op.kind.patchedQuietly(c) {
			status = http.StatusNoContent
		}
		r, _, err := op.kind.modify(c, id, data, b.text, condition, directory.Include{})
		return r, status, err
	}
	_, err = c.directory.Delete(c.r.Context(), c.caller, c.scope, op.kind.stored(), id, condition)
	return nil, http.StatusNoContent, err
}

// bulkCondition reads the version of an operation, which stands for If-Match.
func (c *call) bulkCondition(version string) (directory.Precondition, error) {
	if version == "" {
		return directory.Precondition{}, nil
	}
	return c.conditionOf([]string{version}, "version")
}

// settle completes a resource that was made without its references to
// operations that were not done. What cannot be completed is taken back.
func (b *bulk) settle(op *bulkOperation) {
	for _, ref := range op.refers {
		if to := b.created[ref]; to != nil && to.state != bulkDone {
			return // the last one settles it
		}
	}
	if op.err != nil {
		return
	}
	data, _, err := b.resolved(op, nil)
	if err == nil {
		data = data.Clone()
		for _, m := range data.Members {
			if strings.EqualFold(m.Name, "password") { // set already
				data.Delete(m.Name)
				break
			}
		}
		op.resource, _, err = op.kind.put(b.of(op).call, op.id, data, b.text, directory.Precondition{}, directory.Include{})
	}
	if err == nil {
		return
	}
	_, undo := b.directory.Delete(b.r.Context(), b.caller, b.scope, op.kind.stored(), op.id, directory.Precondition{})
	op.err, op.resource = errors.Join(err, undo), nil
	b.failures++
}

// response reports what became of every operation that was begun (RFC 7644 3.7.3).
func (b *bulk) response() *scim.Object {
	results := []scim.Value{}
	for _, op := range b.operations {
		if op.state != bulkWaiting {
			results = append(results, b.result(op))
		}
	}
	return scim.NewObject(member("schemas", scim.Strings(bulkResponseSchema)), member("Operations", scim.ListValue(results...)))
}

func (b *bulk) result(op *bulkOperation) scim.Value {
	o := scim.NewObject(member("method", scim.StringValue(op.method)))
	o.Assign("bulkId", scim.TextOrNull(op.bulkID))
	if op.kind != nil && op.id != "" && (op.err == nil || op.method != http.MethodPost) {
		o.Set("location", scim.StringValue(b.location(op.kind.ResourceType, op.id)))
	}
	if op.err != nil {
		said, fault := b.wording(b.r, op.err)
		if fault == nil {
			op.trace.Fail(op.err)
		}
		o.Set("status", scim.StringValue(strconv.Itoa(said.status)))
		return scim.ObjectValue(o.Set("response", scim.ObjectValue(errorObject(said))))
	}
	if op.resource != nil && b.profile.versions {
		o.Set("version", scim.StringValue(versionTag(op.resource.Version)))
	}
	return scim.ObjectValue(o.Set("status", scim.StringValue(strconv.Itoa(op.status))))
}

// references returns the bulkIds that a value refers to.
func references(v scim.Value) []string {
	var list []string
	seen := map[string]bool{}
	substitute(v, func(id string) (string, bool) {
		if !seen[id] {
			seen[id] = true
			list = append(list, id)
		}
		return "", true
	})
	return list
}

// substituteText returns the text with ids in the place of references: it is
// one, or the path of a PATCH that has some between quotation marks. ok is false
// where find has none.
func substituteText(text string, find func(string) (string, bool)) (_ string, ok bool) {
	const quoted = `"` + bulkPrefix
	if ref, ok := strings.CutPrefix(text, bulkPrefix); ok {
		return find(ref)
	}
	var b strings.Builder
	for {
		before, rest, more := strings.Cut(text, quoted)
		b.WriteString(before)
		if !more {
			return b.String(), true
		}
		ref, after, closed := strings.Cut(rest, `"`)
		id, ok := find(ref)
		if !ok {
			return "", false
		}
		b.WriteString(`"` + id)
		if closed {
			b.WriteByte('"')
		}
		text = after
	}
}

// substitute returns the value with ids in the place of references. Where find
// has none, the element or attribute goes; ok is false if that is v itself.
func substitute(v scim.Value, find func(string) (string, bool)) (_ scim.Value, ok bool) {
	switch {
	case v.Kind() == scim.String:
		text, ok := substituteText(v.Text(), find)
		if text == v.Text() {
			return v, ok
		}
		return scim.StringValue(text), ok
	case v.Kind() == scim.Array:
		items := make([]scim.Value, 0, len(v.List()))
		for _, item := range v.List() {
			if item, ok := substitute(item, find); ok {
				items = append(items, item)
			}
		}
		return scim.ListValue(items...), true
	case v.Object() != nil:
		o := scim.NewObject()
		whole := true
		for _, m := range v.Object().Members {
			w, ok := substitute(m.Value, find)
			if ok {
				o.Members = append(o.Members, scim.Member{Name: m.Name, Value: w})
			}
			whole = whole && (ok || m.Value.Object() != nil)
		}
		return scim.ObjectValue(o), whole
	}
	return v, true
}
