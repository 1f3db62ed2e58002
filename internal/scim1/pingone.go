package scim1

import (
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// An extension is a vendor's own schema that the directory does not keep as
// such: its attributes are made of what the directory knows.
type extension struct {
	uri      string
	userOnly []string // attributes that groups do not have
	// decode takes what the attributes of a request say under the URI into the draft.
	decode func(attributes *scim.Object, draft *directory.Draft)
	// encode returns what a resource has under the URI; invited says of a user
	// that it has not registered yet.
	encode func(r *scim.Resource, env *directory.Environment, invited bool) *scim.Object
	// filter returns a comparison with an attribute under the URI in canonical names.
	filter func(f *scim.Filter) (*scim.Filter, error)
}

// pingOneExtension is urn:scim:schemas:com_pingone:1.0 (p14e sections 5 and 6).
var pingOneExtension = extension{
	uri:      scim.PingOneEnterpriseSchema,
	userOnly: []string{"state", "passwordExpired", "lastLoginTime"},
	decode:   decodePingOne,
	encode:   encodePingOne,
	filter:   filterPingOne,
}

// States of a user. The vendor publishes ACTIVE only (p14e U2).
const (
	stateActive   = "ACTIVE"
	stateDisabled = "DISABLED"
	stateInvited  = "INVITED"
)

// decodePingOne reads passwordExpired (p14e R15) and state: ACTIVE means
// active where active itself is not given, all else nothing (p14e R17).
func decodePingOne(attributes *scim.Object, draft *directory.Draft) {
	said := attributes.Get(scim.PingOneEnterpriseSchema).Object()
	if v := said.Get("passwordExpired"); !v.IsNull() {
		expired := v.Bool()
		draft.MustChange = &expired
	}
	if _, given := attributes.Lookup("active"); !given && said.Get("state").Text() == stateActive {
		attributes.Set("active", scim.BoolValue(true))
	}
}

// encodePingOne makes the extension of a resource. The account is the
// environment, the directory its default population: both are the same for
// every resource, whoever asks.
func encodePingOne(r *scim.Resource, env *directory.Environment, invited bool) *scim.Object {
	o := scim.NewObject(
		scim.Member{Name: "createTimeStamp", Value: scim.IntValue(r.Created.UnixMilli())},
		scim.Member{Name: "lastModifiedTimeStamp", Value: scim.IntValue(r.Modified.UnixMilli())},
		scim.Member{Name: "accountId", Value: scim.StringValue(env.ID)},
		scim.Member{Name: "directoryId", Value: scim.StringValue(env.DefaultPopulation)})
	if r.Type != "User" {
		return o
	}
	state := stateActive
	switch active := r.Attributes().Get("active").Bool(); {
	case !active && invited:
		state = stateInvited
	case !active:
		state = stateDisabled
	}
	o.Set("state", scim.StringValue(state))
	if r.MustChange {
		o.Set("passwordExpired", scim.BoolValue(true)) // p14e F6
	}
	if !r.LastLogin.IsZero() {
		o.Set("lastLoginTime", scim.IntValue(r.LastLogin.UnixMilli()))
	}
	return o
}

// filterPingOne turns stamps into the dates that they are made of, and state into active.
func filterPingOne(f *scim.Filter) (*scim.Filter, error) {
	canonical := *f
	switch strings.ToLower(f.Path.Attr) {
	case "createtimestamp":
		canonical.Path = scim.Path{Attr: "meta", Sub: "created"}
	case "lastmodifiedtimestamp":
		canonical.Path = scim.Path{Attr: "meta", Sub: "lastModified"}
	default:
		return nil, &scim.Error{Rule: scim.RuleFilterAttribute, Path: f.Path.String()}
	}
	if f.Op == scim.OpPr {
		return &canonical, nil
	}
	ms, err := strconv.ParseInt(f.Value.Text(), 10, 64)
	if err != nil || f.Value.Kind() != scim.Number {
		return nil, &scim.Error{Rule: scim.RuleFilter, Path: f.Path.String(), Detail: "a stamp is compared with a whole number of milliseconds"}
	}
	canonical.Value = scim.StringValue(scim.FormatTime(time.UnixMilli(ms)))
	return &canonical, nil
}
