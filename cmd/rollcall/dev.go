package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The identities of serve --dev: those of the vendors' documentation examples,
// which then run as printed. They stand in this file alone and open no server
// but one in development mode.
const (
	devEnvironment = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"
	devPopulation  = "cb3ef0a0-0ff5-4f60-ae82-4ae65d9d0e3a"

	devP14EClient = "1234-aaaa-bbbb-5678"
	devP14EKey    = "eXJzbmVha3kh"
	devRSASecret  = "29da0602f6db1ed033aa91d644ce4d70bdf3ab58"
	devClient     = "dev-client"
	devSecret     = "dev-secret"
	devToken      = "dev-token"
)

// provisionDev makes the identities of development mode in a data directory
// that is new or in which an earlier run made them.
func provisionDev(ctx context.Context, d *directory.Directory) error {
	known, err := d.Environments(ctx)
	if err != nil {
		return err
	}
	if len(known) > 0 {
		if open, err := openToAll(ctx, d); err != nil || open {
			return err
		}
		return usageError("the data directory belongs to a server that is not in development mode; leave out --dev, or name another directory with --data")
	}
	if _, err := d.CreateEnvironment(ctx, directory.EnvironmentDraft{ID: devEnvironment, Name: defaultEnvironment, Population: devPopulation}); err != nil {
		return err
	}
	for _, c := range []directory.ClientDraft{
		{ID: devP14EClient, Name: "PingOne for Enterprise", Secrets: []string{devP14EKey}},
		{ID: "dev-rsa", Name: "RSA Unified Directory", Secrets: []string{devRSASecret}},
		{ID: devClient, Name: "development", Secrets: []string{devSecret, devToken}},
	} {
		c.Environment = devEnvironment
		if _, _, err := d.CreateClient(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// openToAll reports whether the data holds secrets that everybody knows.
func openToAll(ctx context.Context, d *directory.Directory) (bool, error) {
	for _, secret := range []string{devP14EKey, devRSASecret, devSecret, devToken} {
		_, err := d.AuthenticateSecret(ctx, secret)
		switch {
		case err == nil:
			return true, nil
		case !scim.Is(err, scim.RuleUnauthenticated):
			return false, err
		}
	}
	return false, nil
}

// refuseDevData refuses to serve data that development mode made: its secrets are in the manual.
func refuseDevData(ctx context.Context, d *directory.Directory) error {
	if open, err := openToAll(ctx, d); err != nil || !open {
		return err
	}
	return usageError("the data directory was made by serve --dev and is open to everybody; add --dev, or name another directory with --data")
}

// loopback returns the address to listen on in development mode, which no other machine may reach.
func loopback(address string) (*net.TCPAddr, error) {
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, usageError(fmt.Sprintf("--listen %s is not an address: give host:port", address))
	}
	if !at.IP.IsLoopback() {
		return nil, usageError(fmt.Sprintf("--dev listens on loopback only, and %q is not: its secrets are in the manual; use 127.0.0.1:port, or leave out --dev", address))
	}
	return at, nil
}

// An example is a command that creates a user at a door.
type example struct {
	door, title, command string
}

// devExamples returns one command for each door, with the vendors' own examples
// where they print one.
func devExamples(publicURL string) []example {
	post := func(credential, media, path, body string) string {
		return fmt.Sprintf("curl -X POST %s -H 'Content-Type: %s' -d '%s' '%s%s'", credential, media, body, publicURL, path)
	}
	bearer := func(secret string) string { return "-H 'Authorization: Bearer " + secret + "'" }
	return []example{
		{"p14e", "PingOne for Enterprise", post("--user "+devP14EClient+":"+devP14EKey, "application/json", "/api/directory/user?option=DEFAULT_USER_GROUP",
			`{"schemas":["urn:scim:schemas:core:1.0"],"userName":"marcher","password":"2Federate","active":true,"name":{"familyName":"Archer","givenName":"Meredith"},"emails":[{"type":"work","value":"meredith.archer@pingdevelopers.com"}]}`)},
		{"pingone", "PingOne", post(bearer(devToken), "application/json", "/environments/"+devEnvironment+"/v2/Users",
			`{"userName":"tmp-IsabellaI-12","name":{"formatted":"Isabella","familyName":"Castile","givenName":"Isabella"},"emails":[{"value":"IsabellaOfCastile@example.com","primary":true}],"urn:pingidentity:schemas:extension:2.0:PingOneUser":{"population":{"id":"`+devPopulation+`"}}}`)},
		{"aic", "PingOne Advanced Identity Cloud", post(bearer(devToken), "application/json", "/users?_action=create",
			`{"userName":"bjensen","givenName":"Barbara","sn":"Jensen","mail":"bjensen@example.com"}`)},
		{"rsa", "RSA Unified Directory", post(bearer(devRSASecret), "application/scim+json", "/rsa/v2/Users",
			`{"userName":"User One","emails":[{"type":"work","value":"user.one@example.com"}]}`)},
		{"scim2", "SCIM 2.0", post(bearer(devToken), "application/scim+json", "/scim/v2/Users",
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","name":{"givenName":"Ada","familyName":"Lovelace"},"emails":[{"type":"work","value":"ada@example.com","primary":true}]}`)},
		{"scim1", "SCIM 1.1", post(bearer(devToken), "application/json", "/scim/v1/Users",
			`{"schemas":["urn:scim:schemas:core:1.0"],"userName":"grace","name":{"givenName":"Grace","familyName":"Hopper"},"emails":[{"type":"work","value":"grace@example.com","primary":true}]}`)},
	}
}

// printExamples writes the commands so that a shell takes all of the output.
func printExamples(w io.Writer, examples []example) {
	var b strings.Builder
	for _, e := range examples {
		fmt.Fprintf(&b, "\n# %s: create a user at the door %s\n%s\n", e.title, e.door, e.command)
	}
	_, _ = io.WriteString(w, b.String())
}
