package scim1

import (
	"net/http"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
)

// A Profile is one vendor's SCIM 1.1: its names and habits as data, and
// functions for its extension and its routes. [PingOneEnterprise] and
// [Standard] make the two that there are.
type Profile struct {
	Name      string   // of the door
	Users     string   // path of the users
	Groups    string   // path of the groups
	Schemes   []string // authentication schemes taken
	Challenge []string // values of WWW-Authenticate
	Options   Options

	mounts       []mount
	createStatus int
	upsert       bool   // a POST with the externalId of a user is an update of that user (p14e R7)
	groupOption  string // query parameter that names a group for the new user; empty for none (p14e R4)
	version      bool   // meta.version is emitted
	listCount    bool   // lists have the member count beside itemsPerPage (p14e R48)
	// newer answers also with what services look for that speak 1.1 and test it as
	// if it were 2.0: /ResourceTypes, the URN of a list, detail in errors.
	newer bool

	// extension does what the vendor's own schema asks for; its zero value nothing.
	extension extension
}

// A mount is a prefix with the routes that are served under it.
type mount struct {
	prefix string
	routes func(*door) []route.Route
	// error words errors; nil is writeError.
	error  func(*door, http.ResponseWriter, *http.Request, error)
	public bool // nobody is asked for a credential
}

// Options are the switches of a profile: what the vendor's pages leave open.
type Options struct {
	// LocationPrefix is the path that locations start with, whatever prefix
	// the request used: one of those that the profile serves (p14e F4).
	LocationPrefix string
	// TimeZone gives the offset of dates; nil is UTC (p14e F2).
	TimeZone *time.Location
	// DefaultGroupWithoutOption puts new users into the group Users when the
	// request names no group (p14e R6).
	DefaultGroupWithoutOption bool
	// ListKeys are the names under which a list holds its resources (p14e R49).
	ListKeys []string
	// Merge makes an update by POST leave alone what the request does not
	// mention, where it otherwise clears it (p14e R8).
	Merge bool
	// LoginURL is what the links in mail to users start with; empty is the
	// public URL, whose pages rollcall serves (p14e R70).
	LoginURL string
	// Mail takes the mail to users. Without it none is sent.
	Mail Mailer
	// DisabledAttributes are ignored on write and absent on read: nickName,
	// name.middleName, urn:scim:schemas:extension:enterprise:1.0:costCenter.
	// What is stored of them stays.
	DisabledAttributes []string
}

// The prefixes of PingOne for Enterprise: the one of its newer edition and
// that of its older one (p14e section 2).
const (
	pingOnePrefix    = "/api/directory"
	pingOneV1Prefix  = "/v1"
	pingOneOAuthPath = "/api/oauth"
	pingOnePagePath  = "/idp/directory"
)

// PingOneEnterprise is the Directory API of PingOne for Enterprise.
func PingOneEnterprise() Profile {
	return Profile{
		Name:      "p14e",
		Users:     "/user",
		Groups:    "/group",
		Schemes:   []string{"Basic"},
		Challenge: []string{`Basic realm="directory"`},
		Options: Options{
			LocationPrefix:            pingOnePrefix,
			DefaultGroupWithoutOption: true,
			ListKeys:                  []string{"resources"},
		},
		mounts: []mount{
			{prefix: pingOnePrefix, routes: pingOneRoutes},
			{prefix: pingOneV1Prefix, routes: pingOneRoutes},
			{prefix: pingOneOAuthPath, routes: pingOneTokenRoutes, error: (*door).writeOAuthError},
			{prefix: pingOnePagePath, routes: pingOnePages, error: (*door).writePageError, public: true},
		},
		createStatus: 200,
		upsert:       true,
		groupOption:  "option",
		listCount:    true,
		extension:    pingOneExtension,
	}
}

// Standard is SCIM 1.1 under its own names.
func Standard() Profile {
	return Profile{
		Name:      "scim1",
		Users:     "/Users",
		Groups:    "/Groups",
		Schemes:   []string{"Basic", "Bearer"},
		Challenge: []string{`Basic realm="directory"`, `Bearer realm="directory"`},
		Options: Options{
			LocationPrefix: "/scim/v1",
			ListKeys:       []string{"Resources"},
		},
		mounts:       []mount{{prefix: "/scim/v1", routes: newerRoutes}},
		createStatus: 201,
		version:      true,
		newer:        true,
	}
}

// newerRoutes are the standard ones and the one that SCIM 2.0 added to discovery.
func newerRoutes(d *door) []route.Route {
	return append(standardRoutes(d),
		route.Route{Method: "GET", Path: "/ResourceTypes", Permission: directory.ReadSchemas, Handle: d.serve(d.listTypes)})
}

// pingOneRoutes are the standard ones and the vendor's own (p14e section 3).
func pingOneRoutes(d *door) []route.Route {
	const (
		read  = directory.ReadDirectory
		users = directory.WriteUsers
	)
	return append(standardRoutes(d),
		route.Route{Method: "GET", Path: d.Groups + "/{id}/users/count", Permission: read, Handle: d.serve(d.countMembers)},

		route.Route{Method: "POST", Path: "/users/authenticate", Permission: read, Handle: d.serve(d.authenticate)},
		route.Route{Method: "POST", Path: "/users/password-reset", Permission: users, Handle: d.serve(d.resetPassword)},
		route.Route{Method: "PUT", Path: "/users/password-reset", Permission: users, Handle: d.serve(d.resetPassword)},
		route.Route{Method: "POST", Path: "/users/password-lost", Permission: users, Handle: d.serve(d.losePassword)},
		route.Route{Method: "PUT", Path: "/users/password-lost", Permission: users, Handle: d.serve(d.losePassword)},
		route.Route{Method: "POST", Path: "/useractions/invite", Permission: users, Handle: d.serve(d.invite)},

		route.Route{Method: "GET", Path: "/userregistration/preferences", Permission: read, Handle: d.serve(d.listPreferences)},
		route.Route{Method: "GET", Path: "/userregistration/preferences/{name}", Permission: read, Handle: d.serve(d.readPreferences)},
		route.Route{Method: "PATCH", Path: "/userregistration/preferences", Permission: users, Handle: d.serve(d.changePreferences)})
}

// pingOneTokenRoutes lead to the check of a user's password (p14e R64).
func pingOneTokenRoutes(d *door) []route.Route {
	return []route.Route{{Method: "POST", Path: "/token", Permission: directory.ReadDirectory, Handle: d.serve(d.grant)}}
}
