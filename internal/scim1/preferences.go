package scim1

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// listPreferences serves the texts of all notices (p14e R74).
func (d *door) listPreferences(c *call) error {
	own, err := d.dir.Notifications(c.r.Context(), c.who, c.who.Home())
	if err != nil {
		return err
	}
	writeValue(c.w, http.StatusOK, d.preferences(c, own))
	return nil
}

// readPreferences serves the texts of one notice.
func (d *door) readPreferences(c *call) error {
	n, ok := lookupNotice(c.r.PathValue("name"))
	if !ok {
		return &scim.Error{Rule: scim.RuleNotFound, Schema: "Notification", Value: c.r.PathValue("name")}
	}
	own, err := d.dir.Notifications(c.r.Context(), c.who, c.who.Home())
	if err != nil {
		return err
	}
	writeValue(c.w, http.StatusOK, d.preference(c, n, own))
	return nil
}

// changePreferences serves PATCH of the texts: all of its operations, or none.
func (d *door) changePreferences(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	changes, err := readPreferenceChanges(body)
	if err != nil {
		return err
	}
	own, err := d.dir.ChangeNotifications(c.r.Context(), c.who, c.who.Home(), func(own directory.Notifications) error {
		for _, ch := range changes {
			if own[ch.notice] == nil {
				own[ch.notice] = map[string]string{}
			}
			if own[ch.notice][ch.part] = ch.text; ch.text == "" {
				delete(own[ch.notice], ch.part)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	writeValue(c.w, http.StatusOK, d.preferences(c, own))
	return nil
}

// preferences are the texts of all notices.
func (d *door) preferences(c *call, own directory.Notifications) scim.Value {
	var list []scim.Value
	for _, n := range notices {
		list = append(list, d.preference(c, n, own))
	}
	return scim.ListValue(list...)
}

// preference are the texts of one notice.
func (d *door) preference(c *call, n notice, own directory.Notifications) scim.Value {
	var list []scim.Value
	for _, p := range n.parts {
		o := scim.NewObject(
			scim.Member{Name: "name", Value: scim.StringValue(p.name)},
			scim.Member{Name: "default_value", Value: scim.StringValue(fill(p.text, map[string]string{"login": d.login(c.r)}))})
		o.Assign("value", scim.TextOrNull(own[n.name][p.name]))
		list = append(list, scim.ObjectValue(o))
	}
	values := scim.NewObject(scim.Member{Name: "values", Value: scim.ListValue(list...)})
	return scim.ObjectValue(scim.NewObject(
		scim.Member{Name: "notification_name", Value: scim.StringValue(n.name)},
		scim.Member{Name: "preferences", Value: scim.ListValue(scim.ObjectValue(values))}))
}

// A preferenceChange gives a part of a notice a text, or with an empty one its default.
type preferenceChange struct{ notice, part, text string }

// readPreferenceChanges reads the operations of a PATCH of preferences.
func readPreferenceChanges(body *scim.Object) ([]preferenceChange, error) {
	operations, _ := body.Find("operations")
	switch {
	case operations.IsNull():
		return nil, &scim.Error{Rule: scim.RuleRequired, Path: "operations"}
	case operations.Kind() != scim.Array:
		return nil, &scim.Error{Rule: scim.RuleMultiValued, Path: "operations"}
	}
	var changes []preferenceChange
	var faults scim.Errors
	for i, item := range operations.List() {
		ch, fault := readPreferenceChange(item.Object())
		if fault != nil {
			fault.Path = fmt.Sprintf("operations[%d].%s", i, fault.Path)
			faults = append(faults, fault)
			continue
		}
		changes = append(changes, ch)
	}
	return changes, faults.Or()
}

// readPreferenceChange reads one operation. A replacement by null is a removal.
func readPreferenceChange(o *scim.Object) (ch preferenceChange, fault *scim.Error) {
	f := fields{body: o}
	op, path := f.required("op"), f.required("path")
	if len(f.faults) > 0 {
		return ch, f.faults[0]
	}
	names := strings.Split(path, "/")
	if len(names) != 4 || names[0] != "" || names[2] != "preferences" {
		return ch, &scim.Error{Rule: scim.RulePattern, Path: "path", Value: path, Detail: "not /NOTIFICATION/preferences/NAME"}
	}
	ch.notice, ch.part = names[1], names[3]
	if n, ok := lookupNotice(ch.notice); !ok || !n.has(ch.part) {
		return ch, &scim.Error{Rule: scim.RulePattern, Path: "path", Value: path, Detail: "no such preference"}
	}
	needed := slices.Contains(required, ch.part)
	value, _ := o.Find("value")
	switch {
	case !strings.EqualFold(op, "replace") && !strings.EqualFold(op, "remove"):
		return ch, &scim.Error{Rule: scim.RuleCanonical, Path: "op", Value: op, Allowed: []string{"replace", "remove"}}
	case strings.EqualFold(op, "remove") && needed:
		return ch, &scim.Error{Rule: scim.RulePattern, Path: "op", Value: op, Detail: "a required preference can be replaced only"}
	case strings.EqualFold(op, "remove") || value.IsNull():
		return ch, nil
	}
	ch.text = f.text("value")
	switch {
	case len(f.faults) > 0:
		return ch, f.faults[0]
	case ch.text == "" && needed:
		return ch, &scim.Error{Rule: scim.RulePattern, Path: "value", Detail: "a required preference is not empty"}
	case ch.text != "" && isLink(ch.part) && !checkURL(ch.text):
		return ch, &scim.Error{Rule: scim.RuleURI, Path: "value", Value: ch.text}
	}
	return ch, nil
}

// isLink reports whether a part of a notice is a URL.
func isLink(part string) bool {
	return slices.Contains([]string{"link", "redirectLink", "headerImage", "footerLogoImage"}, part)
}
