package scim2

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// patch answers a PATCH (RFC 7644 3.5.2).
func (k *kind) patch(c *call) error {
	body, text, err := c.body()
	if err != nil {
		return err
	}
	show, condition, err := c.write(k)
	if err != nil {
		return err
	}
	inc := k.include(show, nil)
	quiet := show == nil && k.patchedQuietly(c)
	if quiet {
		inc = directory.Include{}
	}
	r, wrote, err := k.modify(c, c.r.PathValue("id"), body, text, condition, inc)
	if err != nil {
		return err
	}
	if quiet {
		c.headResource(k, r)
		c.sendNothing(http.StatusNoContent)
		return nil
	}
	return c.sendResource(http.StatusOK, k, r, k.wrote(show, wrote))
}

// patchedQuietly reports whether a PATCH is answered with 204: as the client
// has it, else that of a group (scim PAT-09), whose members would have to be
// read for an answer.
func (k *kind) patchedQuietly(c *call) bool {
	switch c.settings().PatchResponse {
	case directory.PatchBody:
		return false
	case directory.PatchNone:
		return true
	}
	return k.Schema.ID == scim.GroupSchema
}

// modify applies a PATCH message, which is in the text, and returns the
// resource with what was written of it.
func (k *kind) modify(c *call, id string, body *scim.Object, text []byte, condition directory.Precondition, inc directory.Include) (*scim.Resource, *scim.Object, error) {
	o := c.patchOptions(k)
	ops, err := scim.ParsePatch(body, o)
	if err == nil && k.operations != nil {
		ops, err = k.operations(ops)
	}
	if err != nil {
		scim.Faults(err).Locate(text)
		return nil, nil, err
	}
	var wrote *scim.Object
	m := directory.Modification{Type: k.stored(), ID: id, Precondition: condition, Include: inc, Password: mentions(ops, "password"), AnyManager: c.anyManager()}
	m.Apply = func(old *scim.Resource) (directory.Change, error) {
		shown := old.Attributes()
		if k.encode != nil {
			shown = k.encode(c, old)
		}
		p, err := k.Patch(shown, ops, o)
		if err != nil {
			scim.Faults(err).Locate(text)
			return directory.Change{}, err
		}
		wrote = written(ops, p.Attributes)
		return k.change(old, shown, p, o.Checks)
	}
	r, _, err := c.directory.Modify(c.r.Context(), c.caller, c.scope, m)
	return r, wrote, err
}

// change says what the directory must change so that the resource, shown as
// shown before, is as the PATCH has it.
func (k *kind) change(old *scim.Resource, shown *scim.Object, p *scim.Patched, checks scim.Checks) (directory.Change, error) {
	if k.inspect != nil && p.Attributes != shown {
		if faults := changedFaults(shown, p.Attributes, k.inspect(nil, p.Attributes, nil)); len(faults) > 0 {
			return directory.Change{}, &scim.PatchError{Operation: -1, Err: faults}
		}
	}
	d := k.decoded(p.Attributes, checks)
	ch := directory.Change{Attributes: d.Attributes, Population: d.Population}
	if k.encode != nil {
		ch.Attributes = k.merged(old.Attributes(), d.Attributes)
		if k.population != "" && d.Population == "" {
			return ch, opsError(-1, &scim.Error{Rule: scim.RuleRequired, Path: k.population})
		}
	}
	if p.Password != nil && !k.createOnlyPassword {
		if p.Password.IsNull() {
			ch.DropPassword = true
		} else {
			ch.Attributes = ch.Attributes.Clone().Set("password", *p.Password)
		}
	}
	for _, m := range p.Members {
		ch.Members = append(ch.Members, memberChange(m, checks.AnyType))
	}
	return ch, nil
}

// memberChange is a change of members as the directory has it. A type that
// contradicts is passed over where types are free (scim GRP-04).
func memberChange(m scim.MemberChange, anyType bool) directory.MemberChange {
	ch := directory.MemberChange{}
	switch {
	case m.Op == scim.AddMembers:
		ch.Op = directory.AddMembers
	case m.Op == scim.ReplaceMembers:
		ch.Op = directory.SetMembers
	case m.Matching != nil:
		ch.Op, ch.Match = directory.RemoveMatching, m.Selects
	default:
		ch.Op = directory.RemoveMembers
	}
	for i, ref := range m.Members {
		if anyType {
			ref.Type = ""
		}
		ch.Members = append(ch.Members, directory.Member{ID: ref.ID, Type: ref.Type,
			Path: element("Operations", m.Operation) + "." + element("value", i)})
	}
	return ch
}

// changedFaults returns those faults that are of attributes in which the
// objects differ: what a PATCH leaves alone is not its fault.
func changedFaults(before, after *scim.Object, faults scim.Errors) scim.Errors {
	var kept scim.Errors
	for _, e := range faults {
		name := e.Path
		if i := strings.IndexAny(name, ".["); i > 0 && !isURI(name) {
			name = name[:i]
		}
		if v, ok := before.Lookup(name); !ok || !scim.Equal(v, after.Get(name)) {
			kept = append(kept, e)
		}
	}
	return kept
}

// mentions reports whether an operation may be about the attribute: where that
// is not sure, it is yes.
func mentions(ops []scim.PatchOperation, attribute string) bool {
	for _, op := range ops {
		if strings.Contains(strings.ToLower(op.Path), attribute) {
			return true
		}
		for _, m := range op.Value.Object().Clone().Members {
			if strings.Contains(strings.ToLower(m.Name), attribute) {
				return true
			}
			for _, part := range m.Value.Object().Clone().Members {
				if strings.Contains(strings.ToLower(part.Name), attribute) {
					return true
				}
			}
		}
	}
	return false
}

// written returns those of the attributes whose names the operations have in
// them: what the client wrote (scim ATT-08).
func written(ops []scim.PatchOperation, attributes *scim.Object) *scim.Object {
	names := map[string]bool{}
	note := func(text string) {
		for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(":.[] \"", r) }) {
			names[word] = true
		}
	}
	var walk func(scim.Value)
	walk = func(v scim.Value) {
		for _, item := range v.List() {
			walk(item)
		}
		if v.Object() == nil {
			return
		}
		for _, m := range v.Object().Members {
			note(m.Name)
			walk(m.Value)
		}
	}
	for _, op := range ops {
		note(op.Path)
		walk(op.Value)
	}
	return mentioned(attributes, names)
}

// mentioned returns the members of an object that have one of these names, and of
// them those that have.
func mentioned(o *scim.Object, names map[string]bool) *scim.Object {
	out := scim.NewObject()
	for _, m := range o.Members {
		if !isURI(m.Name) && !names[strings.ToLower(m.Name)] {
			continue
		}
		switch {
		case m.Value.Object() != nil:
			m.Value = scim.ObjectValue(mentioned(m.Value.Object(), names))
		case m.Value.List() != nil:
			items := make([]scim.Value, len(m.Value.List()))
			for i, item := range m.Value.List() {
				if items[i] = item; item.Object() != nil {
					items[i] = scim.ObjectValue(mentioned(item.Object(), names))
				}
			}
			m.Value = scim.ListValue(items...)
		}
		out.Members = append(out.Members, m)
	}
	return out
}

// isURI reports whether a member's name is the URI of a schema, or a path that
// begins with one.
func isURI(name string) bool { return strings.IndexByte(name, ':') >= 0 }

// opsError is the fault of the operation at the index.
func opsError(i int, e *scim.Error) error { return &scim.PatchError{Operation: i, Err: e} }

// headResource sets the headers that tell of one resource without its body.
func (c *call) headResource(k *kind, r *scim.Resource) {
	if c.profile.versions {
		c.w.Header().Set("ETag", versionTag(r.Version))
	}
	if c.profile.locates {
		c.w.Header().Set("Location", c.location(k.ResourceType, r.ID))
		c.w.Header().Set("Content-Location", c.location(k.ResourceType, r.ID))
	}
}

// index words the place of an operation as RSA does.
func index(i int) string { return "[" + strconv.Itoa(i) + "]" }
