package main

import (
	"slices"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/crest"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/feed"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim1"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// doorNames are the doors that a client can be limited to, in the order in which people are told of them.
var doorNames = []string{"p14e", "pingone", "aic", "rsa", "scim2", "scim1"}

// doors returns everything that is mounted: the vendors' doors, the standard
// ones, the token endpoints and that of event streams.
func doors(d *directory.Directory, a *auth.Authenticator, f *feed.Feed, publicURL string, chosen *dialects) []route.Door {
	return slices.Concat(
		f.Async(scim2.New(d, scim2.Standard(scim2.Options{Events: feed.URIs()}), publicURL)),
		vendorDoors(d, publicURL, chosen),
		scim1.New(d, scim1.Standard(), publicURL),
		crest.New(d, crest.AIC, publicURL),
		a.Doors(),
		f.Doors(),
	)
}

// vendorDoors returns those about which there is something to choose.
func vendorDoors(d *directory.Directory, publicURL string, chosen *dialects) []route.Door {
	return slices.Concat(
		scim2.New(d, scim2.PingOne(chosen.pingone), publicURL),
		scim2.New(d, scim2.RSA(chosen.rsa), publicURL),
		scim1.New(d, chosen.p14e, publicURL),
	)
}

// baseURLs returns the URL that a client of the environment is configured
// with, for each door that it may use; no doors are all.
func baseURLs(publicURL, environment string, names []string) map[string]string {
	all := map[string]string{
		"p14e":    publicURL + "/api/directory",
		"pingone": publicURL + "/environments/" + environment + "/v2",
		"aic":     publicURL + "/users",
		"rsa":     publicURL + "/rsa/v2",
		"scim2":   publicURL + "/scim/v2",
		"scim1":   publicURL + "/scim/v1",
	}
	for name := range all {
		if len(names) > 0 && !slices.Contains(names, name) {
			delete(all, name)
		}
	}
	return all
}
