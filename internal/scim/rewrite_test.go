package scim_test

import (
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestRewrites(t *testing.T) {
	const all = "op-case bool-strings path-keys readonly-strip create-on-absent remove-values scalar-ref one-or-many singular-filter " +
		"ext-bare urn-dot schemas-assume schemas-ignore media-type filter-loose query-loose put-keep primary-last"
	if got := (scim.RewritesTolerant | scim.RewritePutKeep).String(); got != all {
		t.Errorf("names are %s", got)
	}
	if got, want := scim.RewritesTolerant.String(), strings.Replace(all, "put-keep ", "", 1); got != want {
		t.Errorf("tolerant is %s", got)
	}
	if scim.RewritesTolerant.Has(scim.RewriteOpCase|scim.RewritePutKeep) || !scim.RewritesTolerant.Has(scim.RewriteOpCase|scim.RewritePrimaryLast) {
		t.Error("Has is wrong")
	}
	if scim.Rewrites(0).String() != "" || (scim.RewritePrimaryLast<<1).String() != "18" {
		t.Error("empty or unknown sets have other names")
	}
	t.Run("one rewrite does not bring another", func(t *testing.T) {
		for text, needed := range map[string]scim.Rewrites{
			`active eq "true"`: scim.RewriteBoolStrings, `userName eq x`: scim.RewriteFilterLoose, `manager pr`: scim.RewriteExtBare,
			`urn:ietf:params:scim:schemas:core:2.0:User.userName pr`: scim.RewriteURNDot,
		} {
			for _, given := range []scim.Rewrites{needed, scim.RewritesTolerant &^ needed} {
				o := scim.FilterOptions{Rewrites: given}
				f, err := scim.ParseFilter(text, o)
				if err == nil {
					_, err = scim.UserType().Resolve(f, o)
				}
				if (err == nil) != (given == needed) {
					t.Errorf("%s with %s: %v", text, given, err)
				}
			}
		}
	})
}
