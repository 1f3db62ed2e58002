package scim_test

import (
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestReverse(t *testing.T) {
	for _, pair := range [][2]scim.Relation{
		{scim.Members, scim.Groups}, {scim.Reports, scim.Manager}, {scim.RoleMembers, scim.Roles}, {scim.OrganizationMembers, scim.MemberOf},
		{scim.Admins, scim.AdminOf}, {scim.Owners, scim.OwnerOf}, {scim.Children, scim.Parent},
	} {
		if pair[0].Reverse() != pair[1] || pair[1].Reverse() != pair[0] {
			t.Errorf("%d and %d are no pair", pair[0], pair[1])
		}
	}
}
