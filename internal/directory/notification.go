package directory

import (
	"context"
	"encoding/json"

	"github.com/rollcall-directory/rollcall/internal/store"
)

// Notifications are an environment's own texts for the mail that its users
// get: by the name of the mail and of the part of it. What is not there is as
// the door has it. The directory does not know the names.
type Notifications map[string]map[string]string

// Notifications returns the texts of the environment. Errors: RuleForbidden.
func (d *Directory) Notifications(ctx context.Context, c Caller, s Scope) (Notifications, error) {
	if _, err := d.authorise(ctx, c, s, ReadDirectory); err != nil {
		return nil, err
	}
	var out Notifications
	err := d.view(ctx, func(tx *store.Tx) error {
		t, err := tx.Tenant(c.Environment)
		if err != nil {
			return notFound(err, "Environment", c.Environment)
		}
		out, err = readNotifications(t)
		return err
	})
	return out, err
}

// ChangeNotifications changes the texts of the environment and returns them.
// change must be quick: it runs inside the transaction. Errors: RuleForbidden,
// also for every client that has limits; those of change.
func (d *Directory) ChangeNotifications(ctx context.Context, c Caller, s Scope, change func(Notifications) error) (Notifications, error) {
	if _, err := d.authorise(ctx, c, s, WriteUsers); err != nil {
		return nil, err
	}
	if c.limits != nil {
		return nil, d.refuse(ctx, c, "Environment", c.Environment)
	}
	var out Notifications
	err := d.update(ctx, func(tx *store.Tx) error {
		t, err := tx.LockedTenant(c.Environment)
		if err != nil {
			return notFound(err, "Environment", c.Environment)
		}
		if out, err = readNotifications(t); err != nil {
			return err
		}
		if err := change(out); err != nil {
			return err
		}
		if err := writeNotifications(t, out); err != nil {
			return err
		}
		if err := tx.UpdateTenant(t); err != nil {
			return err
		}
		return d.record(tx, c, "change notifications", "Environment", t.ID)
	})
	return out, err
}

// notificationSetting is the member of an environment's settings that holds the texts.
const notificationSetting = "notifications"

func readNotifications(t *store.Tenant) (Notifications, error) {
	settings, err := readSettings(t)
	if err != nil {
		return nil, err
	}
	out := Notifications{}
	if text, ok := settings[notificationSetting]; ok {
		err = json.Unmarshal(text, &out)
	}
	return out, err
}

func writeNotifications(t *store.Tenant, n Notifications) error {
	settings, err := readSettings(t)
	if err != nil {
		return err
	}
	for mail, texts := range n {
		if len(texts) == 0 {
			delete(n, mail)
		}
	}
	if settings[notificationSetting], err = json.Marshal(n); err != nil {
		return err
	}
	t.Settings, err = json.Marshal(settings)
	return err
}

// readSettings reads the settings of an environment, of which this file knows one.
func readSettings(t *store.Tenant) (map[string]json.RawMessage, error) {
	settings := map[string]json.RawMessage{}
	if len(t.Settings) == 0 {
		return settings, nil
	}
	return settings, json.Unmarshal(t.Settings, &settings)
}
