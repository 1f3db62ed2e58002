package scim2

import "github.com/rollcall-directory/rollcall/internal/scim"

// me answers for the resource of whoever asks (RFC 7644 3.11). Callers are
// clients, and no client is bound to a user: there is nothing to show, read or
// change (scim ME-03).
func (c *call) me() error {
	return &scim.Error{Rule: scim.RuleNotFound, Schema: "User", Value: "Me"}
}
