package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim1"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// dialects is what the operator chooses of the doors where a vendor's pages
// leave a choice. The zero dialects are not ready: see newDialects.
type dialects struct {
	p14e         scim1.Profile
	pingone, rsa scim2.Options
}

func newDialects() *dialects { return &dialects{p14e: scim1.PingOneEnterprise()} }

// A choice is one of the switches that the fact sheets name: set takes one of
// its values, or says what it takes.
type choice struct {
	name, takes string
	set         func(d *dialects, value string) bool
}

// on makes a choice that is off unless it is switched on.
func on(name string, flag func(*dialects) *bool) choice {
	return choice{name, "on, off", func(d *dialects, value string) bool {
		*flag(d) = value == "on"
		return value == "on" || value == "off"
	}}
}

// oneOf makes a choice of values, the first of which is the default.
func oneOf[T any](name string, field func(*dialects) *T, names []string, values ...T) choice {
	return choice{name, strings.Join(names, ", "), func(d *dialects, value string) bool {
		i := slices.Index(names, value)
		if i >= 0 {
			*field(d) = values[i]
		}
		return i >= 0
	}}
}

// choices returns all of them in the order in which they are documented.
func choices() []choice {
	p14e := func(d *dialects) *scim1.Options { return &d.p14e.Options }
	return []choice{
		oneOf("p14e.upsert", func(d *dialects) *bool { return &p14e(d).Merge }, []string{"replace", "merge"}, false, true),
		oneOf("p14e.default_group", func(d *dialects) *bool { return &p14e(d).DefaultGroupWithoutOption }, []string{"on", "off"}, true, false),
		oneOf("p14e.list_key", func(d *dialects) *[]string { return &p14e(d).ListKeys }, []string{"vendor", "scim11", "both"},
			[]string{"resources"}, []string{"Resources"}, []string{"resources", "Resources"}),
		oneOf("p14e.location_style", func(d *dialects) *string { return &p14e(d).LocationPrefix }, []string{"directory", "v1"}, "/api/directory", "/v1"),
		{"p14e.time_zone", "the name of a time zone, as America/Denver", func(d *dialects, value string) bool {
			zone, err := time.LoadLocation(value)
			p14e(d).TimeZone = zone
			return err == nil && value != ""
		}},
		{"p14e.disabled_attributes", "names of attributes with commas between them", func(d *dialects, value string) bool {
			p14e(d).DisabledAttributes = strings.Split(value, ",")
			return value != ""
		}},
		{"p14e.login_url", "the URL that links in mail begin with", func(d *dialects, value string) bool {
			p14e(d).LoginURL = value
			return strings.HasPrefix(value, "https://") || strings.HasPrefix(value, "http://")
		}},
		oneOf("pingone.unknown_attributes", func(d *dialects) *scim2.Unknown { return &d.pingone.Unknown }, []string{"ignore", "reject", "store"},
			scim2.IgnoreUnknown, scim2.RejectUnknown, scim2.StoreUnknown),
		oneOf("pingone.paging", func(d *dialects) *bool { return &d.pingone.NoPaging }, []string{"on", "off"}, false, true),
		on("pingone.groups", func(d *dialects) *bool { return &d.pingone.Groups }),
		on("pingone.scim_accept_encoded_passwords", func(d *dialects) *bool { return &d.pingone.EncodedPasswords }),
		on("rsa.groups", func(d *dialects) *bool { return &d.rsa.Groups }),
		on("rsa.local", func(d *dialects) *bool { return &d.rsa.Local }),
		on("rsa.require_work_email", func(d *dialects) *bool { return &d.rsa.RequireWorkEmail }),
		on("rsa.password_refusal", func(d *dialects) *bool { return &d.rsa.PasswordRefusal }),
		on("rsa.ignore_unknown", func(d *dialects) *bool { return &d.rsa.IgnoreUnknown }),
		on("rsa.strict_json", func(d *dialects) *bool { return &d.rsa.StrictJSON }),
		on("rsa.strict_filters", func(d *dialects) *bool { return &d.rsa.StrictFilters }),
	}
}

// choiceFlags choose of the doors.
type choiceFlags struct {
	Set map[string]string `name:"set" placeholder:"NAME=VALUE" mapsep:"none" help:"Choose what a vendor's pages leave open, as pingone.groups=on. Repeat for more; see docs/operations.md."`
}

// dialects returns what the flags choose.
func (f *choiceFlags) dialects() (*dialects, error) {
	d := newDialects()
	return d, checkChoices(f.Set, d.choose)
}

// checkChoices gives each of the choices to take, in order, and says which of them is none.
func checkChoices(set map[string]string, take func(name, value string) error) error {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if err := take(name, set[name]); err != nil {
			return err
		}
	}
	return nil
}

// choose makes one choice. The error says what there is to choose.
func (d *dialects) choose(name, value string) error {
	all := choices()
	i := slices.IndexFunc(all, func(c choice) bool { return c.name == name })
	if i < 0 {
		names := make([]string, len(all))
		for i, c := range all {
			names[i] = c.name
		}
		return usageError(fmt.Sprintf("--set %s: there is no such choice, only %s", name, strings.Join(names, ", ")))
	}
	if !all[i].set(d, value) {
		return usageError(fmt.Sprintf("--set %s=%s: give %s", name, value, all[i].takes))
	}
	return nil
}

// editions makes the vendors' doors as clients have chosen them, once for each
// combination of choices that is met.
type editions struct {
	directory *directory.Directory
	publicURL string
	server    dialects // what it chooses for all clients

	mu   sync.Mutex
	made map[string]*route.Mux
}

// maxEditions is how many combinations are kept.
const maxEditions = 256

// of returns the doors of the caller, or nil if it has those of everybody.
func (e *editions) of(c directory.Caller) *route.Mux {
	chosen := c.Settings.Choices
	if len(chosen) == 0 {
		return nil
	}
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		fmt.Fprintf(&key, "%q=%q ", name, chosen[name])
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if m, ok := e.made[key.String()]; ok {
		return m
	}
	if e.made == nil || len(e.made) >= maxEditions {
		e.made = make(map[string]*route.Mux)
	}
	m := e.build(chosen)
	e.made[key.String()] = m
	return m
}

// build returns the doors with the choices made.
func (e *editions) build(chosen map[string]string) *route.Mux {
	d := e.server.with(chosen)
	m, err := route.New(vendorDoors(e.directory, e.publicURL, &d), nil)
	if err != nil { // they differ from those of the server in values alone
		return nil
	}
	return m
}

// with returns d with the choices made. One that this version does not know
// changes nothing: another version may have stored it.
func (d dialects) with(chosen map[string]string) dialects {
	for name, value := range chosen {
		if next := d; next.choose(name, value) == nil {
			d = next
		}
	}
	return d
}
