package storetest

import (
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// MustSort returns the keys of an order such as "-title,userName", resolved for
// the type. crest is the order of Common REST.
func MustSort(t testing.TB, typ store.Type, text string, crest bool) []scim.SortKey {
	t.Helper()
	resourceType := userType()
	if typ == store.Group {
		resourceType = scim.GroupType()
	}
	var keys []scim.SortKey
	for name := range strings.SplitSeq(text, ",") {
		name, descending := strings.CutPrefix(name, "-")
		path, err := scim.ParsePath(name)
		key := scim.SortKey{Path: path, Descending: descending, CREST: crest}
		if err == nil {
			key, err = resourceType.ResolveSort(key, scim.FilterOptions{})
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		keys = append(keys, key)
	}
	return keys
}
