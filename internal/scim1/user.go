package scim1

import (
	"strconv"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// createUser serves POST of a user (p14e R1-R19).
func (d *door) createUser(c *call) error {
	only, err := c.projection(d.user)
	if err != nil {
		return err
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	draft, err := d.decode(d.user, body)
	if err != nil {
		return err
	}
	if err := d.readGroupOption(c, &draft); err != nil {
		return err
	}
	user, err := d.storeUser(c, draft)
	if err != nil {
		return optionFault(err, d.groupOption)
	}
	return d.answer(c, d.user, d.createStatus, user, only)
}

// storeUser creates the user or, where the profile has it so, updates the one
// of the same externalId (p14e R7).
func (d *door) storeUser(c *call, draft directory.Draft) (*scim.Resource, error) {
	ctx, home := c.r.Context(), c.who.Home()
	if !d.upsert {
		return d.dir.Create(ctx, c.who, home, draft)
	}
	draft.Merge = d.merge(d.user, draft.Attributes, d.Options.Merge)
	user, _, err := d.dir.Upsert(ctx, c.who, home, draft)
	return user, err
}

// defaultGroup is the value of the group option that names the group Users (p14e R4).
const defaultGroup = "DEFAULT_USER_GROUP"

// readGroupOption reads which group the user joins (p14e R4-R6, R9).
func (d *door) readGroupOption(c *call, draft *directory.Draft) error {
	option, _, err := c.param(d.groupOption)
	switch {
	case err != nil:
		return err
	case d.groupOption == "" || !c.query.Has(d.groupOption):
		draft.DefaultGroup = d.Options.DefaultGroupWithoutOption
		return nil
	case option == defaultGroup:
		env, err := d.dir.Environment(c.r.Context(), c.who, c.who.Home())
		if err != nil {
			return err
		}
		draft.Groups = []string{env.DefaultGroup}
		return nil
	}
	id, err := uuid.Parse(option)
	if err != nil || len(option) != 36 {
		return &scim.Error{Rule: scim.RuleParameter, Path: d.groupOption, Value: option, Detail: "neither " + defaultGroup + " nor a UUID"}
	}
	draft.Groups = []string{id.String()}
	return nil
}

// optionFault says of a group that is not there that it was named by the option.
func optionFault(err error, option string) error {
	faults := scim.Faults(err)
	if len(faults) == 1 && faults[0].Rule == scim.RuleDangling && faults[0].Path == "groups" {
		return &scim.Error{Rule: scim.RuleParameter, Path: option, Value: faults[0].Value, Detail: "no such group"}
	}
	return err
}

// decode makes a draft of a resource as a client sent it. What the schema calls
// read-only and what no schema describes is left out (p14e R16, R19).
func (d *door) decode(k *kind, body *scim.Object) (directory.Draft, error) {
	draft := directory.Draft{Type: k.Name, AnyManager: true}
	attributes, faults := k.Normalize(body, k.checks)
	faults = append(faults, checkExternalID(attributes)...)
	if err := faults.Or(); err != nil {
		return draft, err
	}
	if d.extension.decode != nil {
		d.extension.decode(attributes, &draft)
		attributes.Delete(d.extension.uri)
	}
	draft.Attributes = toCanonical(attributes)
	return draft, nil
}

// checkExternalID checks what no schema of the kind describes. An empty
// externalId is none (p14e R10).
func checkExternalID(attributes *scim.Object) scim.Errors {
	external := attributes.Get("externalId").Text()
	if external == "" {
		attributes.Delete("externalId")
	}
	if utf8.RuneCountInString(external) > maxText {
		return scim.Errors{{Rule: scim.RuleLength, Path: "externalId", Allowed: []string{strconv.Itoa(maxText)}}}
	}
	return nil
}
