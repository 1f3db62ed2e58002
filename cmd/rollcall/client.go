package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
)

type clientCommand struct {
	Create clientCreate `cmd:"" help:"Make a client and show its secret, once."`
	List   clientList   `cmd:"" help:"List clients."`
	Show   clientShow   `cmd:"" help:"Show a client with its settings."`
	Set    clientSet    `cmd:"" help:"Change a client: name, role, doors, limits, settings. In force from its next request on."`
	Rotate clientRotate `cmd:"" help:"Give a client a new secret or key; the one before stays good until the next rotation."`
	Revoke clientRevoke `cmd:"" help:"End a client: its secrets and tokens are refused from the next request on."`
}

type clientCreate struct {
	dataFlag
	publicURLFlag
	Environment string   `short:"e" default:"default" help:"Id or name of the environment that the client belongs to (${default})."`
	ID          string   `name:"id" help:"Its id; made up if not given."`
	Name        string   `help:"A name for people."`
	Role        string   `enum:"reader,writer,admin" default:"writer" help:"What it may do with the environment's data: reader, writer or admin (${default})."`
	Door        []string `enum:"p14e,pingone,aic,rsa,scim2,scim1,events" help:"A door that it may use; repeat for more. All if none is named."`
	User        string   `placeholder:"ID" help:"The user whom /Me stands for. The secret is refused while the user is not active, and once there is none."`
	keyFlag
	limitFlags
	lifetimeFlags
	settingsFlags
}

// limitFlags say what the client may do below its role, and where beyond its
// environment. One that is not given leaves that as it is; none empties it.
type limitFlags struct {
	Population []string `placeholder:"ID" help:"A population whose users alone it sees and writes; repeat for more. All if none is named."`
	Hide       []string `placeholder:"ATTRIBUTE" help:"An attribute that it neither sees nor writes, as title or urn:...:User:department; repeat for more."`
	ReadOnly   []string `placeholder:"ATTRIBUTE" help:"An attribute that it sees and does not write; repeat for more."`
	Also       []string `placeholder:"ENVIRONMENT" help:"Another environment, by id or name, in which it may do the same at the door pingone; repeat for more."`
}

// resolve replaces the names of environments by their ids.
func (f *limitFlags) resolve(ctx context.Context, d *directory.Directory) error {
	for i, name := range f.Also {
		if name == "none" {
			continue
		}
		e, err := d.FindEnvironment(ctx, name)
		if err != nil {
			return err
		}
		f.Also[i] = e.ID
	}
	return nil
}

// apply changes what the flags say.
func (f *limitFlags) apply(l *directory.ClientLimits, environments *[]string) {
	for _, one := range []struct {
		given []string
		to    *[]string
	}{{f.Population, &l.Populations}, {f.Hide, &l.Hidden}, {f.ReadOnly, &l.ReadOnly}, {f.Also, environments}} {
		if len(one.given) > 0 {
			*one.to = withoutNone(one.given)
		}
	}
}

// withoutNone returns what a flag says that was given, where none is nothing.
func withoutNone(given []string) []string {
	return slices.DeleteFunc(slices.Clone(given), func(s string) bool { return s == "none" })
}

// keyFlag names the key of a client that signs.
type keyFlag struct {
	JWK []byte `name:"jwk" type:"filecontent" placeholder:"FILE" help:"A key (JWK) of which the public part is kept: the client signs for its tokens instead of showing a secret, and none is made."`
}

// key returns the key as the directory takes it; empty without the flag.
func (f *keyFlag) key() (string, error) {
	if len(f.JWK) == 0 {
		return "", nil
	}
	key, err := auth.ParseKey(f.JWK)
	if err != nil {
		return "", fmt.Errorf("--jwk: %w", err)
	}
	return key, nil
}

// lifetimeFlags say how long a new secret is good.
type lifetimeFlags struct {
	Expires    time.Duration `placeholder:"DURATION" help:"How long the secret is good, as 2160h (as long as it may)."`
	MaxExpires time.Duration `name:"max-expires" placeholder:"DURATION" default:"8760h" env:"ROLLCALL_MAX_EXPIRES" help:"How long any secret may be good (${default}, a year)."`
}

func (f *lifetimeFlags) check() error {
	if f.Expires < 0 || f.MaxExpires <= 0 || f.Expires > f.MaxExpires {
		return fmt.Errorf("--expires %s: give a duration up to %s, or raise --max-expires", f.Expires, f.MaxExpires)
	}
	return nil
}

func (f *lifetimeFlags) config() directory.Config { return directory.Config{MaxLifetime: f.MaxExpires} }

// Validate is called by the parser of the command line.
func (c *clientCreate) Validate() error {
	return errors.Join(c.lifetimeFlags.check(), c.settingsFlags.check())
}

func (c *clientCreate) Run(t *terminal) error {
	key, err := c.key()
	if err != nil {
		return err
	}
	return c.useAs(c.config(), func(ctx context.Context, d *directory.Directory) error {
		e, err := d.FindEnvironment(ctx, c.Environment)
		if err != nil {
			return err
		}
		if err := c.resolve(ctx, d); err != nil {
			return err
		}
		draft := directory.ClientDraft{
			Environment: e.ID, ID: c.ID, Name: c.Name, Role: directory.Role(c.Role), Doors: c.Door, Lifetime: c.Expires, Key: key,
			Settings: c.settingsFlags.apply(directory.ClientSettings{}),
			User:     c.User,
		}
		c.limitFlags.apply(&draft.Limits, &draft.Environments)
		made, secret, err := d.CreateClient(ctx, draft)
		if err != nil {
			return err
		}
		urls := baseURLs(c.url(), e.ID, c.Door)
		return t.print(struct {
			Environment string            `json:"environment_id"`
			Client      string            `json:"client_id"`
			Secret      string            `json:"secret,omitempty"`
			Expires     time.Time         `json:"expires"`
			URLs        map[string]string `json:"base_urls"`
		}{e.ID, made.ID, secret, made.Expires, urls}, func(w io.Writer) {
			shown, note := "secret       "+secret, "The secret is shown this once."
			if key != "" {
				shown, note = "secret       none", "It signs with its key for access tokens."
			}
			fmt.Fprintf(w, "environment  %s (%s)\nclient       %s\n%s\nexpires      %s\n\n%s Base URLs:\n",
				e.ID, e.Name, made.ID, shown, made.Expires.Format(time.DateOnly), note)
			for _, name := range doorNames {
				if urls[name] != "" {
					fmt.Fprintf(w, "  %-8s %s\n", name, urls[name])
				}
			}
		})
	})
}

// clientView is a client as --json prints it.
type clientView struct {
	ID          string                   `json:"client_id"`
	Environment string                   `json:"environment_id"`
	Name        string                   `json:"name"`
	Role        string                   `json:"role"`
	Doors       []string                 `json:"doors"` // empty: all
	Secrets     int                      `json:"live_secrets"`
	Expires     *time.Time               `json:"expires"` // of the last live secret; null for never, and if there is none
	Revoked     bool                     `json:"revoked"`
	Created     time.Time                `json:"created"`
	Settings    directory.ClientSettings `json:"settings"`
	Limits      *directory.ClientLimits  `json:"limits,omitempty"`
	User        string                   `json:"user,omitempty"` // id; empty: it is bound to none

	Environments []string `json:"other_environments,omitempty"`
}

func viewClient(c *directory.Client) clientView {
	v := clientView{ID: c.ID, Environment: c.Environment, Name: c.Name, Role: string(c.Role), Doors: append([]string{}, c.Doors...),
		Secrets: c.Secrets, Revoked: c.Revoked, Created: c.Created, Settings: c.Settings, User: c.User, Environments: c.Environments}
	if !c.Expires.IsZero() {
		v.Expires = &c.Expires
	}
	if len(c.Limits.Populations)+len(c.Limits.Hidden)+len(c.Limits.ReadOnly) > 0 {
		v.Limits = &c.Limits
	}
	return v
}

func (v clientView) doors() string {
	if len(v.Doors) == 0 {
		return "all"
	}
	return strings.Join(v.Doors, ",")
}

// soon is how long before its end a secret is warned of.
const soon = 30 * 24 * time.Hour

// ends reports whether the client's last secret ends soon.
func (v clientView) ends() bool {
	return !v.Revoked && v.Expires != nil && time.Until(*v.Expires) < soon
}

func (v clientView) state() string {
	state := fmt.Sprintf("%d secrets", v.Secrets)
	switch {
	case v.Revoked:
		return "revoked"
	case v.Secrets == 0:
		return "expired"
	case v.Secrets == 1:
		state = "1 secret"
	}
	if v.Expires != nil {
		state += " until " + v.Expires.Format(time.DateOnly)
	}
	return state
}

// warn says which clients will be locked out soon, or are.
func warn(w io.Writer, views []clientView) {
	for _, v := range views {
		switch {
		case v.ends():
			fmt.Fprintf(w, "rollcall: the last secret of the client %s ends on %s: give it a new one with rollcall client rotate %s\n", v.ID, v.Expires.Format(time.DateOnly), v.ID)
		case !v.Revoked && v.Secrets == 0:
			fmt.Fprintf(w, "rollcall: the client %s has no live secret: give it one with rollcall client rotate %s\n", v.ID, v.ID)
		}
	}
}

// settings says in one word and its exceptions what the client's settings are.
func (v clientView) settings() string {
	s := v.Settings
	words := []string{string(s.Mode)}
	for _, name := range slices.Sorted(maps.Keys(s.Rewrites)) {
		words = append(words, name+"="+onOff(s.Rewrites[name]))
	}
	for _, choice := range []struct{ name, value string }{
		{"patch-response", string(s.PatchResponse)}, {"unknown-attributes", string(s.UnknownAttributes)}, {"cursor-paging", string(s.CursorPaging)},
	} {
		if choice.value != "auto" {
			words = append(words, choice.name+"="+choice.value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Choices)) {
		words = append(words, name+"="+s.Choices[name])
	}
	return strings.Join(words, " ")
}

// limits says what the client is limited to, beside its role and doors.
func (v clientView) limits() string {
	if v.Limits == nil {
		return "none"
	}
	var words []string
	for _, l := range []struct {
		name string
		list []string
	}{{"populations", v.Limits.Populations}, {"hidden", v.Limits.Hidden}, {"read-only", v.Limits.ReadOnly}} {
		if len(l.list) > 0 {
			words = append(words, l.name+"="+strings.Join(l.list, ","))
		}
	}
	return strings.Join(words, " ")
}

// write shows the client to people.
func (v clientView) write(w io.Writer) {
	fmt.Fprintf(w, "client       %s\nname         %s\nenvironment  %s\nrole         %s\ndoors        %s\nstate        %s\nsettings     %s\nlimits       %s\nuser         %s\nalso in      %s\n",
		v.ID, v.Name, v.Environment, v.Role, v.doors(), v.state(), v.settings(), v.limits(), cmp.Or(v.User, "none"), cmp.Or(strings.Join(v.Environments, ","), "none"))
}

type clientList struct {
	dataFlag
	Environment string `short:"e" help:"Only of this environment: its id or name."`
}

func (c *clientList) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		environments, err := c.environments(ctx, d)
		if err != nil {
			return err
		}
		views := []clientView{}
		for _, e := range environments {
			clients, err := d.Clients(ctx, e.ID)
			if err != nil {
				return err
			}
			for _, k := range clients {
				views = append(views, viewClient(k))
			}
		}
		warn(t.err, views)
		return t.print(views, func(w io.Writer) {
			table(w, "ID\tNAME\tROLE\tDOORS\tSTATE\tSETTINGS\tENVIRONMENT", views, func(v clientView) string {
				return strings.Join([]string{v.ID, v.Name, v.Role, v.doors(), v.state(), v.settings(), v.Environment}, "\t")
			})
		})
	})
}

func (c *clientList) environments(ctx context.Context, d *directory.Directory) ([]*directory.Environment, error) {
	if c.Environment == "" {
		return d.Environments(ctx)
	}
	e, err := d.FindEnvironment(ctx, c.Environment)
	return []*directory.Environment{e}, err
}

type clientShow struct {
	dataFlag
	Client string `arg:"" help:"Its id."`
}

func (c *clientShow) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		found, err := d.FindClient(ctx, c.Client)
		if err != nil {
			return err
		}
		v := viewClient(found)
		return t.print(v, v.write)
	})
}

type clientSet struct {
	dataFlag
	Client string   `arg:"" help:"Its id."`
	Name   string   `help:"A name for people."`
	Role   string   `enum:",reader,writer,admin" default:"" help:"What it may do with the environment's data: reader, writer or admin."`
	Door   []string `enum:"p14e,pingone,aic,rsa,scim2,scim1,events,none" help:"A door that it may use, in the place of those that it has; repeat for more. With none it may use all."`
	limitFlags
	settingsFlags
}

// Validate is called by the parser of the command line.
func (c *clientSet) Validate() error { return c.check() }

func (c *clientSet) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		if err := c.resolve(ctx, d); err != nil {
			return err
		}
		changed, err := d.ConfigureClient(ctx, c.Client, func(k *directory.Client) {
			k.Name, k.Role = cmp.Or(c.Name, k.Name), cmp.Or(directory.Role(c.Role), k.Role)
			if len(c.Door) > 0 {
				k.Doors = withoutNone(c.Door)
			}
			k.Settings = c.settingsFlags.apply(k.Settings)
			c.limitFlags.apply(&k.Limits, &k.Environments)
		})
		if err != nil {
			return err
		}
		v := viewClient(changed)
		return t.print(v, v.write)
	})
}

// settingsFlags are the flags that set how a client is served. One that is not
// given leaves the setting as it is.
type settingsFlags struct {
	Mode              string            `enum:",tolerant,strict,interop" default:"" help:"How much of what the standard does not allow it may send: tolerant (for a new client), strict or interop."`
	Rewrite           map[string]string `placeholder:"NAME=on|off|auto" mapsep:"," help:"Offer it a rewrite of the mode tolerant, or not; auto is as its mode says. Repeat for more."`
	PatchResponse     string            `enum:",auto,body,none" default:"" help:"How PATCH is answered: body is 200 with the resource, none is 204, auto (for a new client) as it is known to suit."`
	UnknownAttributes string            `enum:",auto,ignore,reject" default:"" help:"What becomes of attributes that no schema defines; auto (for a new client) is reject in the mode interop, else ignore."`
	CursorPaging      string            `enum:",auto,on,off" default:"" help:"Whether lists offer cursors; auto (for a new client) is off in the mode strict, else on."`
	Set               map[string]string `name:"set" placeholder:"NAME=VALUE" mapsep:"none" help:"Choose for it what a vendor's pages leave open, as pingone.groups=on; NAME=default is as the server has it. Repeat for more; see docs/operations.md."`
}

func (f *settingsFlags) check() error {
	known := directory.RewriteNames()
	for _, name := range slices.Sorted(maps.Keys(f.Rewrite)) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("--rewrite %s: there is no such rewrite, only %s", name, strings.Join(known, ", "))
		}
		if value := f.Rewrite[name]; !slices.Contains([]string{"on", "off", "auto"}, value) {
			return fmt.Errorf("--rewrite %s=%s: give on, off or auto", name, value)
		}
	}
	d := newDialects()
	return checkChoices(f.Set, func(name, value string) error {
		if value == asServed {
			return nil
		}
		return d.choose(name, value)
	})
}

// asServed takes back a choice of a client: it has what the server has.
const asServed = "default"

// apply returns s with what the flags set.
func (f *settingsFlags) apply(s directory.ClientSettings) directory.ClientSettings {
	s.Mode = cmp.Or(directory.Mode(f.Mode), s.Mode)
	s.PatchResponse = cmp.Or(directory.PatchResponse(f.PatchResponse), s.PatchResponse)
	s.UnknownAttributes = cmp.Or(directory.UnknownAttributes(f.UnknownAttributes), s.UnknownAttributes)
	s.CursorPaging = cmp.Or(directory.CursorPaging(f.CursorPaging), s.CursorPaging)
	rewrites := maps.Clone(s.Rewrites)
	if rewrites == nil {
		rewrites = map[string]bool{}
	}
	for name, value := range f.Rewrite {
		if value == "auto" {
			delete(rewrites, name)
		} else {
			rewrites[name] = value == "on"
		}
	}
	s.Rewrites = rewrites
	chosen := maps.Clone(s.Choices)
	for name, value := range f.Set {
		if value == asServed {
			delete(chosen, name)
			continue
		}
		if chosen == nil {
			chosen = map[string]string{}
		}
		chosen[name] = value
	}
	s.Choices = chosen
	return s
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

type clientRotate struct {
	dataFlag
	Client string `arg:"" help:"Its id."`
	Now    bool   `help:"End the secrets and keys that it has at once, as when one has become known."`
	keyFlag
	lifetimeFlags
}

// Validate is called by the parser of the command line.
func (c *clientRotate) Validate() error {
	if c.Now && len(c.JWK) > 0 {
		return errors.New("--now makes a secret: leave out --jwk, or give the key twice to end what was before")
	}
	return c.check()
}

func (c *clientRotate) Run(t *terminal) error {
	key, err := c.key()
	if err != nil {
		return err
	}
	return c.useAs(c.config(), func(ctx context.Context, d *directory.Directory) error {
		if key != "" {
			if err := d.RotateKey(ctx, c.Client, key, c.Expires); err != nil {
				return err
			}
			return t.say(map[string]string{"client_id": c.Client},
				"client  %s\n\nIt signs with the new key. The key or secret before stays good until the next rotation.\n", c.Client)
		}
		rotate, before := d.RotateClient, "stays good until the next rotation"
		if c.Now {
			rotate, before = d.RenewClient, "is refused from now on"
		}
		secret, err := rotate(ctx, c.Client, c.Expires)
		if err != nil {
			return err
		}
		return t.say(map[string]string{"client_id": c.Client, "secret": secret},
			"client  %s\nsecret  %s\n\nThe secret is shown this once. The one before %s.\n", c.Client, secret, before)
	})
}

type clientRevoke struct {
	dataFlag
	Client string `arg:"" help:"Its id."`
}

func (c *clientRevoke) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		if err := d.RevokeClient(ctx, c.Client); err != nil {
			return err
		}
		return t.say(map[string]string{"revoked": c.Client}, "revoked client %s\n", c.Client)
	})
}
