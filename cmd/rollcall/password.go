package main

import (
	"slices"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

// passwordFlags say how long passwords last, in days (p14e R75).
type passwordFlags struct {
	PasswordDays      int   `name:"password-days" placeholder:"N" env:"ROLLCALL_PASSWORD_DAYS" help:"Have a password changed after so many days; 0, the default, is never."`
	PasswordReminders []int `name:"password-reminders" placeholder:"DAYS" env:"ROLLCALL_PASSWORD_REMINDERS" help:"Mail the user so many days before that, as 14,3: once or twice."`
}

// policy returns the default policy with what the flags say.
func (f *passwordFlags) policy() (*directory.Policy, error) {
	p := directory.DefaultPolicy
	if f.PasswordDays < 0 || len(f.PasswordReminders) > len(p.Reminders) ||
		slices.ContainsFunc(f.PasswordReminders, func(n int) bool { return n < 1 || n >= f.PasswordDays }) {
		return nil, usageError("--password-days is a number of days, and --password-reminders one or two smaller ones: give them as 90 and 14,3")
	}
	const day = 24 * time.Hour
	p.MaxAge = time.Duration(f.PasswordDays) * day
	for i, n := range f.PasswordReminders {
		p.Reminders[i] = time.Duration(n) * day
	}
	return &p, nil
}
