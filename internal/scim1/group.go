package scim1

import (
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// createGroup serves POST of a group (p14e section 6).
func (d *door) createGroup(c *call) error {
	only, err := c.projection(d.group)
	if err != nil {
		return err
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	draft, err := d.decode(d.group, body)
	if err != nil {
		return err
	}
	group, err := d.dir.Create(c.r.Context(), c.who, c.who.Home(), draft)
	if err != nil {
		return err
	}
	return d.answer(c, d.group, d.createStatus, group, only)
}

// countMembers serves the number of users that belong to the group directly (p14e R44).
func (d *door) countMembers(c *call) error {
	users, err := d.dir.CountMembers(c.r.Context(), c.who, c.who.Home(), c.r.PathValue("id"), "User")
	if err != nil {
		return err
	}
	write(c.w, http.StatusOK, scim.NewObject(scim.Member{Name: "users", Value: scim.IntValue(int64(users))}))
	return nil
}
