package scim2

import (
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// sort reads sortBy and sortOrder (RFC 7644 3.4.2.3); nil where the dialect does
// not sort or nothing is to be sorted by.
//
// Errors: RuleParameter.
func (c *call) sort(k *kind, q parameters, o scim.FilterOptions) ([]scim.SortKey, error) {
	by := strings.TrimSpace(q[paramSortBy])
	if by == "" || !c.profile.sorts() {
		return nil, nil
	}
	key := scim.SortKey{}
	switch order := q[paramSortOrder]; {
	case order == "" || order == "ascending":
	case order == "descending":
		key.Descending = true
	case (strings.EqualFold(order, "ascending") || strings.EqualFold(order, "descending")) && c.allows(scim.RewriteQueryLoose):
		key.Descending = strings.EqualFold(order, "descending")
	default:
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: paramSortOrder, Value: order, Detail: "ascending or descending is needed"}
	}
	var err error
	if key.Path, err = scim.ParsePath(by); err == nil {
		key, err = k.ResolveSort(key, o)
	}
	if err != nil {
		reason := "not an attribute to sort by"
		if faults := scim.Faults(err); len(faults) > 0 && faults[0].Detail != "" {
			reason = faults[0].Detail
		}
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: paramSortBy, Value: by, Detail: reason}
	}
	return []scim.SortKey{key}, nil
}

// sorts reports whether lists can be sorted.
func (p *Profile) sorts() bool { return p.root }
