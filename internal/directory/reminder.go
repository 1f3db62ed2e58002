package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A Reminder is due to an active user whose password has to be changed soon.
type Reminder struct {
	Environment *Environment
	User        *scim.Resource
	Ends        time.Time // of the password

	Notifications Notifications // of the environment
}

// Reminders returns the reminders that have become due since the last call, by
// whichever node of the installation: nodes that call it at once have their turn
// in the database. Who calls it sends them: they are not returned again. None is
// due before the first call.
func (d *Directory) Reminders(ctx context.Context) ([]Reminder, error) {
	if d.policy.MaxAge == 0 {
		return nil, nil
	}
	var last, now time.Time
	err := d.update(ctx, func(tx *store.Tx) error {
		const name = "password-reminders"
		now = d.stamp()
		text, err := tx.Setting(name)
		switch {
		case errors.Is(err, store.ErrNotFound):
			last = now
		case err != nil:
			return err
		default:
			if last, err = scim.ParseDateTime(string(text)); err != nil {
				return err
			}
			if now.Before(last) { // by the clock of another node, which has told these
				now = last
			}
		}
		return tx.SetSetting(name, []byte(scim.FormatTime(now)))
	})
	if err != nil {
		return nil, err
	}
	var out []Reminder
	err = d.view(ctx, func(tx *store.Tx) error {
		tenants, err := tx.Tenants()
		for _, t := range tenants {
			due, err := d.reminders(tx, t, last, now)
			if err != nil {
				return err
			}
			out = append(out, due...)
		}
		return err
	})
	return out, err
}

// reminders returns those of one environment that became due after last.
func (d *Directory) reminders(tx *store.Tx, t *store.Tenant, last, now time.Time) (out []Reminder, err error) {
	texts, err := readNotifications(t)
	if err != nil {
		return nil, err
	}
	for _, before := range d.policy.Reminders {
		if before == 0 {
			continue
		}
		age := d.policy.MaxAge - before
		rows, err := tx.ChangedPasswords(t.TID, last.Add(-age), now.Add(-age))
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			known := slices.ContainsFunc(out, func(r Reminder) bool { return r.User.ID == row.ID })
			if !known && row.Resource().Attributes().Get("active").Bool() {
				out = append(out, Reminder{environment(t), row.Resource(), row.PasswordChanged.Add(d.policy.MaxAge), texts})
			}
		}
	}
	return out, nil
}
