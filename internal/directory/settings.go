package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A Mode says what a door does with requests that the standard does not allow
// and clients are known to send. The empty Mode is Tolerant.
type Mode string

// The modes.
const (
	Tolerant Mode = "tolerant" // known wrong forms are put right, each by a rewrite that has a name
	Strict   Mode = "strict"   // the RFCs to the letter
	Interop  Mode = "interop"  // the interoperability profile: Strict, and no choices where the RFCs leave some
)

// A PatchResponse says how a PATCH that changed something is answered.
type PatchResponse string

// The answers of PATCH. The empty one is PatchAuto.
const (
	PatchAuto PatchResponse = "auto" // as the clients of the type of resource are known to expect it
	PatchBody PatchResponse = "body" // 200 with the resource
	PatchNone PatchResponse = "none" // 204
)

// An UnknownAttributes says what becomes of attributes that no schema defines.
type UnknownAttributes string

// What becomes of unknown attributes. The empty choice is UnknownAuto.
const (
	UnknownAuto   UnknownAttributes = "auto"   // UnknownReject in the mode interop, else UnknownIgnore
	UnknownIgnore UnknownAttributes = "ignore" // they are left out
	UnknownReject UnknownAttributes = "reject" // they are a fault
)

// A CursorPaging says whether lists offer cursors (RFC 9865).
type CursorPaging string

// Whether lists offer cursors. The empty choice is CursorAuto.
const (
	CursorAuto CursorPaging = "auto" // CursorOff in the mode strict, as some clients take no member that they do not know
	CursorOn   CursorPaging = "on"
	CursorOff  CursorPaging = "off"
)

// ClientSettings say how the doors take a client's requests and answer them.
// None of them touches who may do what. The zero ClientSettings are the
// defaults; those that the directory returns have every choice spelled out.
type ClientSettings struct {
	Mode Mode `json:"mode"`
	// Rewrites holds those that the client has otherwise than its mode, by name
	// as in scim.Rewrites: true to offer it.
	Rewrites          map[string]bool   `json:"rewrites"`
	PatchResponse     PatchResponse     `json:"patch_response"`
	UnknownAttributes UnknownAttributes `json:"unknown_attributes"`
	CursorPaging      CursorPaging      `json:"cursor_paging"`
	// Choices holds what the client has otherwise than the server where a
	// vendor's pages leave a choice, by the doors' names for it. They are not
	// checked here.
	Choices map[string]string `json:"choices,omitempty"`
}

// Allowed returns the rewrites that may be used on the client's requests: those
// of its mode, but for the ones that it has otherwise.
func (s ClientSettings) Allowed() scim.Rewrites {
	var set scim.Rewrites
	if s.Mode != Strict && s.Mode != Interop {
		set = scim.RewritesTolerant
	}
	for name, on := range s.Rewrites {
		if on {
			set |= rewriteOf(name)
		} else {
			set &^= rewriteOf(name)
		}
	}
	return set
}

// RejectsUnknown reports whether attributes that no schema defines are a fault.
func (s ClientSettings) RejectsUnknown() bool {
	return s.UnknownAttributes == UnknownReject || s.UnknownAttributes != UnknownIgnore && s.Mode == Interop
}

// OffersCursors reports whether the client is offered paging by cursor.
func (s ClientSettings) OffersCursors() bool {
	return s.CursorPaging == CursorOn || s.CursorPaging != CursorOff && s.Mode != Strict
}

// spelled returns the settings with every choice spelled out.
func (s ClientSettings) spelled() ClientSettings {
	s.Mode = cmp.Or(s.Mode, Tolerant)
	s.PatchResponse = cmp.Or(s.PatchResponse, PatchAuto)
	s.UnknownAttributes = cmp.Or(s.UnknownAttributes, UnknownAuto)
	s.CursorPaging = cmp.Or(s.CursorPaging, CursorAuto)
	if s.Rewrites == nil {
		s.Rewrites = map[string]bool{}
	}
	return s
}

// check returns RuleCanonical for the first choice that is not one. s is spelled out.
func (s ClientSettings) check() error {
	names := RewriteNames()
	for _, choice := range []struct {
		path, value string
		allowed     []string
	}{
		{"mode", string(s.Mode), []string{string(Tolerant), string(Strict), string(Interop)}},
		{"patch_response", string(s.PatchResponse), []string{string(PatchAuto), string(PatchBody), string(PatchNone)}},
		{"unknown_attributes", string(s.UnknownAttributes), []string{string(UnknownAuto), string(UnknownIgnore), string(UnknownReject)}},
		{"cursor_paging", string(s.CursorPaging), []string{string(CursorAuto), string(CursorOn), string(CursorOff)}},
	} {
		if !slices.Contains(choice.allowed, choice.value) {
			return &scim.Error{Rule: scim.RuleCanonical, Path: choice.path, Value: choice.value, Allowed: choice.allowed}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Rewrites)) {
		if rewriteOf(name) == 0 {
			return &scim.Error{Rule: scim.RuleCanonical, Path: "rewrite", Value: name, Allowed: names}
		}
	}
	return nil
}

// RewriteNames returns the names of all rewrites in the order in which they are documented.
func RewriteNames() []string {
	var names []string
	for r := scim.Rewrites(1); r <= scim.RewritePrimaryLast; r <<= 1 {
		names = append(names, r.String())
	}
	return names
}

// rewriteOf returns the rewrite of the name, 0 if there is none.
func rewriteOf(name string) scim.Rewrites {
	for r := scim.Rewrites(1); r <= scim.RewritePrimaryLast; r <<= 1 {
		if r.String() == name {
			return r
		}
	}
	return 0
}

// packed is what is stored of a client beside its row: settings, limits, and
// the id of the user that it is bound to.
type packed struct {
	ClientSettings
	Limits *ClientLimits `json:"limits,omitempty"` // nil for none; unpack sets it
	User   string        `json:"user,omitempty"`

	Environments []string `json:"environments,omitempty"`
}

// pack returns p as it is stored: nothing for the defaults, which are most
// clients', so that reading them costs nothing.
func pack(p packed) ([]byte, error) {
	s := p.ClientSettings.spelled()
	if err := s.check(); err != nil {
		return nil, err
	}
	p.ClientSettings = s
	if p.Limits.isZero() {
		p.Limits = nil
	}
	if p.Limits == nil && p.User == "" && len(p.Environments) == 0 && s.Mode == Tolerant && s.PatchResponse == PatchAuto && s.UnknownAttributes == UnknownAuto && s.CursorPaging == CursorAuto && len(s.Rewrites) == 0 && len(s.Choices) == 0 {
		return nil, nil
	}
	return json.Marshal(p)
}

// unpack reads what pack made.
func unpack(c store.Client) (packed, error) {
	var p packed
	if len(c.Settings) > 0 {
		if err := json.Unmarshal(c.Settings, &p); err != nil {
			return p, fmt.Errorf("settings of the client %s: %w", c.ID, err)
		}
	}
	if p.Limits == nil {
		p.Limits = &ClientLimits{}
	}
	p.ClientSettings = p.ClientSettings.spelled()
	return p, nil
}

// ConfigureClient changes the name, role, doors, settings, limits and
// environments of a client, in force from its next request on, and returns it.
// change gets the client as it is, with its settings spelled out, and must be
// quick: it runs inside the transaction.
//
// Errors: RuleNotFound, and those of CreateClient; RuleCanonical has the path
// role, mode, rewrite, patch_response, unknown_attributes or cursor_paging.
func (d *Directory) ConfigureClient(ctx context.Context, id string, change func(*Client)) (*Client, error) {
	var out *Client
	err := d.update(ctx, func(tx *store.Tx) error {
		c, err := tx.Client(id)
		if err != nil {
			return notFound(err, "Client", id)
		}
		k, err := d.client(tx, c)
		if err != nil {
			return err
		}
		change(k)
		if c.Settings, err = settle(tx, c.TID, k.Role, packed{k.Settings, &k.Limits, k.User, k.Environments}); err != nil {
			return err
		}
		c.Name, c.Role, c.Doors = k.Name, string(k.Role), k.Doors
		if err := tx.UpdateClient(c); err != nil {
			return err
		}
		if out, err = d.client(tx, c); err != nil {
			return err
		}
		return d.record(tx, Caller{tenant: c.TID}, "configure", "Client", id)
	})
	return out, err
}
