package scim2

import (
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// me answers for the user that the client is bound to as the user's own URL
// would, with the client's rights (RFC 7644 3.11). Other clients have nothing to
// show, read or change (scim ME-03).
//
// Errors: RuleForbidden for a PATCH of what the client may not write (scim ME-04).
func (c *call) me() error {
	if c.caller.User == "" {
		return &scim.Error{Rule: scim.RuleNotFound, Schema: "User", Value: "Me"}
	}
	k, err := c.kindAt(scim.UserType().Endpoint)
	if err != nil {
		return err
	}
	c.r.SetPathValue("id", c.caller.User)
	switch c.r.Method {
	case http.MethodPut:
		return k.replace(c)
	case http.MethodPatch:
		err := k.patch(c)
		if faults := scim.Faults(err); len(faults) > 0 && faults[0].Rule == scim.RuleReadOnly && faults[0].Detail == directory.NotForClient {
			return &scim.Error{Rule: scim.RuleForbidden, Detail: faults[0].Path + " is not the user's to write"}
		}
		return err
	case http.MethodDelete:
		return k.remove(c)
	}
	return k.read(c)
}
