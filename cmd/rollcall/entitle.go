package main

import (
	"context"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

// entitlements are the roles of people by the names that the command line has for them.
var entitlements = map[string]directory.Entitlement{
	"none": directory.NoEntitlement, "reader": directory.UserReader, "user-manager": directory.UserManager, "group-manager": directory.GroupManager,
}

// entitleCommand gives the members of a group a role.
type entitleCommand struct {
	environmentFlags
	Group string `arg:"" help:"Its id or its name."`
	Role  string `arg:"" enum:"none,reader,user-manager,group-manager" help:"What its members may do in the directory: none, reader, user-manager or group-manager."`
}

func (c *entitleCommand) Run(t *terminal) error {
	return c.within(func(ctx context.Context, d *directory.Directory, e *directory.Environment) error {
		if err := d.EntitleGroup(ctx, e.ID, c.Group, entitlements[c.Role]); err != nil {
			return err
		}
		return t.say(map[string]string{"group": c.Group, "entitlement": c.Role},
			"the members of the group %s are entitled to: %s\n", c.Group, c.Role)
	})
}
