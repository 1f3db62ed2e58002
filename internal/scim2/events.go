package scim2

import "github.com/rollcall-directory/rollcall/internal/scim"

// securityEvents says which events streams tell, and that an answer may be asked
// for later (RFC 9967 4). It is null where the environment has no stream: then
// there is neither. Whose environment is not known, by a credential or the path,
// is told nothing of it.
func (c *call) securityEvents() (scim.Value, error) {
	if len(c.profile.events) == 0 || c.scope.Environment == "" {
		return scim.Value{}, nil
	}
	if has, err := c.directory.HasStreams(c.r.Context(), c.scope.Environment); err != nil || !has {
		return scim.Value{}, err
	}
	return object(member("asyncRequest", scim.StringValue("request")), member("eventUris", scim.Strings(c.profile.events...))), nil
}

// securityEventsAttribute describes the member of the configuration.
func securityEventsAttribute() *scim.Attribute {
	return parts("securityEvents", "The events that are told of changes",
		&scim.Attribute{Name: "asyncRequest", Type: scim.TypeString, Description: "Whether and when requests are answered later",
			CanonicalValues: []string{"none", "long", "request"}, Mutability: "readOnly", Returned: "default", Uniqueness: "none"},
		list(link("eventUris", "URIs of the events")))
}
