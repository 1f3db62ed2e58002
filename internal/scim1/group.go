package scim1

import (
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/directory"
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
	group, err := d.dir.Read(c.r.Context(), c.who, c.who.Home(), d.group.Name, c.r.PathValue("id"), directory.Include{Members: true})
	if err != nil {
		return err
	}
	users := int64(0)
	for _, m := range group.Members {
		if m.Type == "User" && !m.Indirect {
			users++
		}
	}
	write(c.w, http.StatusOK, scim.NewObject(scim.Member{Name: "users", Value: scim.IntValue(users)}))
	return nil
}
