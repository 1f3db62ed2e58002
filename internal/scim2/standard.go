package scim2

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// Standard returns the profile of RFC 7643 and RFC 7644: users with the
// enterprise extension, and groups. It is served with and without the version
// in its path, and with the environment in it (scim HTTP-12, TEN-01).
func Standard(o Options) Profile {
	p := Profile{
		name:       "scim2",
		prefixes:   []string{"/scim/v2", "/scim", "/scim/{" + environmentVariable + "}/v2"},
		schemes:    []string{"Bearer"},
		root:       true,
		anyCase:    !o.Strict && !o.Interop,
		checks:     standardChecks,
		mediaType:  scimJSON,
		wantsPlain: namesOnlyPlain,
		locates:    true,
		versions:   true,
		page:       paging{size: 100, most: 1000},
		discovery: discovery{
			schemes:      []authenticationScheme{bearerScheme},
			own:          discoverySchemas(),
			refuseFilter: true,
		},
		events:         o.Events,
		publicConfig:   true,
		publicSchemas:  !o.PrivateSchemas,
		privateFilters: o.PrivateFilters,
		word:           wordStandard,
		patchPrefix:    prefixStandard,
		internal:       internalStandard,
	}
	p.own = func(t *scim.ResourceType) *kind {
		return &kind{ResourceType: t, write: directory.WriteResources}
	}
	if config := p.discovery.own[0]; len(o.Events) > 0 {
		config.Attributes = append(config.Attributes, securityEventsAttribute())
	}
	if o.Basic {
		p.schemes = append(p.schemes, "Basic")
		p.discovery.schemes = append(p.discovery.schemes, basicScheme)
	}
	if o.Interop { // the profile wants scim+json on everything
		p.wantsPlain = nil
	}
	switch {
	case o.Strict:
		p.fixed = &directory.ClientSettings{Mode: directory.Strict}
	case o.Interop:
		p.fixed = &directory.ClientSettings{Mode: directory.Interop}
	}
	p.kinds = []*kind{
		{ResourceType: only(scim.UserType(), scim.EnterpriseSchema), write: directory.WriteUsers, decode: decodeManager, groups: true},
		standardGroups(scim.Checks{}),
	}
	return p
}

// standardChecks are the columns of scim section 27 as far as they concern a
// whole resource.
func standardChecks(s directory.ClientSettings) scim.Checks {
	allowed := s.Allowed()
	tolerant := isTolerant(s)
	c := scim.Checks{Rewrites: allowed, IgnoreSchemas: allowed.Has(scim.RewriteSchemasIgnore),
		AnyType: tolerant, AnyFormat: tolerant, AnyUserName: tolerant}
	if allowed.Has(scim.RewriteSchemasAssume) {
		c.Schemas, c.InferExtensions = scim.SchemasAssumed, true
	}
	if s.RejectsUnknown() {
		c.Unknown = scim.RejectUnknown
	}
	return c
}

// standardGroups returns the kind of the groups that the standard has.
func standardGroups(checks scim.Checks) *kind {
	return &kind{
		ResourceType: only(scim.GroupType()),
		write:        directory.WriteGroups,
		checks:       checks,
		inspect:      inspectMembers,
		decode:       decodeMembers,
	}
}

// inspectMembers refuses members that name nobody.
func inspectMembers(_, attributes *scim.Object, faults scim.Errors) scim.Errors {
	if len(faults) > 0 {
		return faults
	}
	for i, m := range attributes.Get("members").List() {
		if memberID(m.Object()) == "" {
			faults = append(faults, &scim.Error{Rule: scim.RuleRequired, Path: element("members", i) + ".value"})
		}
	}
	return faults
}

// memberID returns the id of a member: its value or, without one, what its $ref
// leads to (scim GRP-04).
func memberID(m *scim.Object) string {
	if id := m.Get("value").Text(); id != "" {
		return id
	}
	path := strings.Split(m.Get("$ref").Text(), "/")
	if n := len(path); n > 1 && (path[n-2] == "Users" || path[n-2] == "Groups") {
		return path[n-1]
	}
	return ""
}

// decodeMembers keeps of members who they are; what else a client says of them
// is computed anew. A type that contradicts is passed over where types are free
// (scim GRP-04).
func decodeMembers(dr *directory.Draft, checks scim.Checks) {
	sent := dr.Attributes.Get("members").List()
	if len(sent) == 0 {
		return
	}
	members := make([]scim.Value, len(sent))
	for i, m := range sent {
		o := scim.NewObject(member("value", scim.StringValue(memberID(m.Object()))))
		if t, ok := m.Object().Lookup("type"); ok && !checks.AnyType {
			o.Set("type", t)
		}
		members[i] = scim.ObjectValue(o)
	}
	dr.Attributes.Set("members", scim.ListValue(members...))
}

// decodeManager keeps of a user's manager who it is: its URL and its name are
// computed anew.
func decodeManager(dr *directory.Draft, _ scim.Checks) {
	extension := dr.Attributes.Get(scim.EnterpriseSchema).Object()
	manager := extension.Get("manager").Object()
	if manager.Len() == 0 {
		return
	}
	extension = extension.Clone()
	if id := memberID(manager); id != "" {
		extension.Set("manager", object(member("value", scim.StringValue(id))))
	} else {
		extension.Delete("manager")
	}
	dr.Attributes.Set(scim.EnterpriseSchema, scim.ObjectValue(extension))
}

// only returns the resource type with no extensions but these.
func only(t *scim.ResourceType, extensions ...string) *scim.ResourceType {
	narrowed := *t
	narrowed.Extensions = nil
	for _, s := range t.Extensions {
		for _, id := range extensions {
			if s.ID == id {
				narrowed.Extensions = append(narrowed.Extensions, s)
			}
		}
	}
	return &narrowed
}

// wordStandard gives the first fault's status and says what is wrong with each.
func wordStandard(faults scim.Errors) wording {
	said := verdict(faults[0].Rule)
	if e := faults[0]; e.Rule == scim.RuleParameter {
		switch e.Detail { // RFC 9865 2.1
		case cursorInvalid:
			said.scimType = "invalidCursor"
		case cursorExpired:
			said.scimType = "expiredCursor"
		case countInvalid:
			said.scimType = "invalidCount"
		}
	}
	texts := make([]string, len(faults))
	for i, e := range faults {
		texts[i] = describe(e)
	}
	said.detail = strings.Join(texts, "; ")
	return said
}

// prefixStandard says which operation of a PATCH is at fault (scim ERR-05).
func prefixStandard(operation int) string {
	if operation < 0 {
		return "The result of the operations: "
	}
	return element("Operations", operation) + ": "
}

// internalStandard names the request, under which the log has the cause (scim HTTP-21).
func internalStandard(r *http.Request) string {
	if id := route.RequestID(r.Context()); id != "" {
		return "Internal error; the log has it under request " + id
	}
	return "Internal error"
}

// describe words a fault in our own words, for the dialects that have none.
// Values are repeated only where they cannot be secret.
func describe(e *scim.Error) string {
	switch e.Rule {
	case scim.RuleJSON:
		return "The body is not valid JSON: " + e.Detail + place(e)
	case scim.RuleDuplicateMember:
		return fmt.Sprintf("The body has two members of the name %s, letter case aside%s", e.Path, place(e))
	case scim.RuleTrailingData:
		return "The body goes on after the JSON value" + place(e)
	case scim.RuleEmptyBody:
		return "The request needs a body of JSON"
	case scim.RuleNotObject:
		return "The body must be a JSON object"
	case scim.RuleMessage:
		if len(e.Allowed) > 0 {
			return fmt.Sprintf("%s must be one of %s", e.Path, strings.Join(e.Allowed, ", "))
		}
		return e.Path + ": " + e.Detail
	case scim.RuleLimit:
		text := fmt.Sprintf("more than %s %s%s", first(e), e.Detail, place(e))
		if e.Path != "" {
			text = e.Path + ": " + text
		}
		return "The body is beyond a limit: " + text
	case scim.RuleTooLarge:
		if e.Detail != "" {
			return fmt.Sprintf("The request has more than %s %s", first(e), e.Detail)
		}
		return fmt.Sprintf("The body is larger than %s bytes", first(e))
	case scim.RuleLongURL:
		return fmt.Sprintf("The URL is longer than %s bytes", first(e))
	case scim.RuleMediaType:
		return fmt.Sprintf("The media type or coding %q is not supported; possible: %s", e.Value, strings.Join(e.Allowed, ", "))
	case scim.RuleParameter:
		return e.Path + ": " + e.Detail
	}
	if text := describeValue(e); text != "" {
		return text
	}
	return describeState(e)
}

// describeValue words the faults of attributes, filters and paths; "" for others.
func describeValue(e *scim.Error) string {
	switch e.Rule {
	case scim.RuleCoreSchemaMissing:
		return "schemas must contain " + e.Schema
	case scim.RuleUnknownSchema:
		return fmt.Sprintf("%s: the resource type has no schema %s", e.Path, e.Value)
	case scim.RuleExtensionNotDeclared:
		return fmt.Sprintf("schemas must contain %s, because the body has attributes of it", e.Schema)
	case scim.RuleUnknownAttribute:
		return fmt.Sprintf("%s is not an attribute of %s", e.Path, e.Schema)
	case scim.RuleUnknownSubAttribute:
		return fmt.Sprintf("%s is not a sub-attribute of %s", e.Path, e.Value)
	case scim.RuleRequired:
		return e.Path + " is required"
	case scim.RuleType:
		return fmt.Sprintf("%s must be of the JSON type %s", e.Path, first(e))
	case scim.RuleMultiValued:
		return e.Path + " must be a JSON array"
	case scim.RuleSingleValued:
		return e.Path + " must not be a JSON array"
	case scim.RuleDateTime:
		return e.Path + " is not a date and time such as 2026-01-31T12:00:00Z"
	case scim.RuleBinary:
		return e.Path + " is not base64"
	case scim.RuleURI:
		return e.Path + " is not a URI"
	case scim.RuleCanonical:
		return fmt.Sprintf("%s must be one of %s", e.Path, strings.Join(e.Allowed, ", "))
	case scim.RuleLength:
		return fmt.Sprintf("%s has more than %s characters", e.Path, first(e))
	case scim.RulePattern, scim.RulePassword, scim.RulePath:
		return e.Path + ": " + e.Detail
	case scim.RulePrimary:
		return e.Path + " has more than one primary value"
	case scim.RuleReadOnly:
		return e.Path + " is read-only"
	case scim.RuleImmutable:
		if e.Detail == removed {
			return e.Path + " is required and cannot be removed"
		}
		return e.Path + " is immutable"
	case scim.RuleDangling:
		return fmt.Sprintf("%s: there is nothing with the id %s", e.Path, e.Value)
	case scim.RuleCycle:
		return fmt.Sprintf("%s: the group would be a member of itself through %s", e.Path, e.Value)
	case scim.RuleFilter:
		return "Invalid filter: " + reason(e)
	case scim.RuleFilterAttribute:
		return fmt.Sprintf("Invalid filter: %s is not an attribute to filter on", e.Path)
	case scim.RuleNoTarget:
		if e.Path == "" {
			return e.Detail
		}
		if e.Value == "" {
			return e.Path + " has no values"
		}
		return fmt.Sprintf("%s has no value for which %s holds", e.Path, e.Value)
	case scim.RuleTooMany:
		return fmt.Sprintf("The filter would have to read too many resources; an index of %s would help", e.Path)
	}
	return ""
}

// describeUse says what stands in the way of a change of a definition.
func describeUse(e *scim.Error) string {
	what, which := e.Path, e.Schema
	if what == "" {
		what, which = e.Schema, ""
	}
	if e.Value != "" {
		which = strings.TrimSpace(which + " " + e.Value)
	}
	if which != "" {
		which = ": " + which
	}
	return what + " " + e.Detail + which
}

// reason says why and where a filter is refused.
func reason(e *scim.Error) string {
	text := e.Detail
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	if e.Column > 0 {
		text += fmt.Sprintf(" at character %d", e.Column)
	}
	return text
}

// describeState words the faults that come of who asks and what is stored.
func describeState(e *scim.Error) string {
	switch e.Rule {
	case scim.RuleUnauthenticated:
		return "A valid credential is needed"
	case scim.RuleForbidden:
		if e.Detail != "" {
			return "Not allowed: " + e.Detail
		}
		return "The credential does not allow this"
	case scim.RuleNotFound:
		return fmt.Sprintf("%s %s not found", e.Schema, e.Value)
	case scim.RuleNoEndpoint:
		return "There is no endpoint " + e.Path
	case scim.RuleMethod:
		return fmt.Sprintf("%s is not possible here; possible: %s", e.Value, strings.Join(e.Allowed, ", "))
	case scim.RuleUnique, scim.RuleExists: // scim CRE-11: nothing of the other resource
		if e.Path == "" {
			return "The id is already in use"
		}
		return fmt.Sprintf("%s is already in use", e.Path)
	case scim.RuleVersion:
		return "The resource has another version than If-Match says"
	case scim.RuleBusy:
		return "The server has too much to do; try again after " + first(e) + " s"
	case scim.RuleRate:
		return "Too many requests; try again after " + first(e) + " s"
	case scim.RuleProtected:
		if e.Detail != "" {
			return fmt.Sprintf("%s %s: %s", e.Schema, e.Value, e.Detail)
		}
		return fmt.Sprintf("%s %s is built in and stays", e.Schema, e.Value)
	case scim.RuleInUse:
		return describeUse(e)
	case scim.RuleUnsupported:
		return e.Path + " is not supported"
	}
	return ""
}
