package scim_test

import (
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestShape(t *testing.T) {
	open := scim.FilterOptions{Unknown: true}
	for _, tt := range []struct{ filter, want string }{
		{`USERNAME eq "canary"`, "userName eq ?"},
		{`userName pr`, "userName pr"},
		{`active eq true and meta.created gt "2011-05-13T04:42:34Z"`, "active eq ? and meta.created gt ?"},
		{`emails[type eq "canary" and not (value co "canary")]`, "emails[type eq ? and not (value co ?)]"},
		{`(title pr or userType eq "canary") and (title pr and title sw "canary")`, "(title pr or userType eq ?) and (title pr and title sw ?)"},
		{`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "canary"`, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq ?"},
		{`emails co "canary"`, "emails.value co ?"},
		{`schemas eq "urn:canary"`, "schemas eq ?"},
		{`title eq null`, "not (title pr)"},
		{`canary eq "canary" or name.canary pr or urn:canary:x pr`, "? eq ? or ? pr or ? pr"},
		{`canary[canary eq 1]`, "?[? eq ?]"},
		{`emails[canary eq 1]`, "emails[? eq ?]"},
	} {
		t.Run(tt.filter, func(t *testing.T) {
			f, err := scim.ParseFilter(tt.filter, open)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Shape(); strings.Contains(got, "canary") {
				t.Errorf("before it is resolved: %s", got)
			}
			if f, err = scim.UserType().Resolve(f, open); err != nil {
				t.Fatal(err)
			}
			if got := f.Shape(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
