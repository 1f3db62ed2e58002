package scim2

import (
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
	said := verdict(faults[0])
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
	said.detail = join(faults, describe, "; ")
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
