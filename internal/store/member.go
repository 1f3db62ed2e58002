package store

import "github.com/rollcall-directory/rollcall/internal/scim"

// Members returns the direct members of a group, in order of their creation.
func (tx *Tx) Members(gid int64) ([]scim.Reference, error) { panic("todo") }

// Groups returns the groups of a user or group, in order of creation; those
// that it belongs to only through another group are marked Indirect.
func (tx *Tx) Groups(rid int64) ([]scim.Reference, error) { panic("todo") }

// AddMembers makes the resources members of the group and returns how many were not before.
func (tx *Tx) AddMembers(gid int64, rids ...int64) (int, error) { panic("todo") }

// RemoveMembers ends memberships and returns how many there were.
func (tx *Tx) RemoveMembers(gid int64, rids ...int64) (int, error) { panic("todo") }

// ClearMembers ends all memberships in the group and returns how many there were.
func (tx *Tx) ClearMembers(gid int64) (int, error) { panic("todo") }
