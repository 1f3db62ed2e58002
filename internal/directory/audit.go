package directory

import (
	"context"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// An AuditRow says who did or was refused what (scim SEC-15). It holds names of
// attributes, never their values.
type AuditRow struct {
	Seq        int64 // rises with every row of the installation
	At         time.Time
	Client     string // id; empty for an administrator at the command line
	Door       string
	Action     string // create, update, delete, sign in, refuse and the acts of administration
	Type       string // of the resource: User, Group, Client, ...
	ID         string
	Outcome    string // done, or why not
	Request    string // id of the request, as in the access log
	Attributes []string
	Rewrites   []string // what was put right in the request, by name

	Transaction, Session string // see External
}

// Audit returns at most limit rows of the environment's audit log after the
// one with the number after, in order. Errors: RuleNotFound.
func (d *Directory) Audit(ctx context.Context, environment string, after int64, limit int) ([]AuditRow, error) {
	var out []AuditRow
	err := d.view(ctx, func(tx *store.Tx) error {
		t, err := tx.Tenant(environment)
		if err != nil {
			return notFound(err, "Environment", environment)
		}
		rows, err := tx.Audits(t.TID, after, limit)
		if err != nil {
			return err
		}
		for _, row := range rows {
			detail, err := readDetail(row.Detail)
			if err != nil {
				return err
			}
			out = append(out, AuditRow{Seq: row.Seq, At: row.At, Client: row.Client, Door: row.Door, Action: row.Action, Type: row.Type,
				ID: row.ID, Outcome: row.Outcome, Request: row.Request, Attributes: detail.texts("attributes"), Rewrites: detail.texts("rewrites"),
				Transaction: detail.Get("transaction").Text(), Session: detail.Get("session").Text()})
		}
		return nil
	})
	return out, err
}

// A detail is what a row of the change or audit log says beyond its columns.
type detail struct{ *scim.Object }

// newDetail returns the JSON of a detail, nil if there is nothing to say.
func newDetail(attributes, rewrites []string, e External) []byte {
	o := scim.NewObject()
	if len(attributes) > 0 {
		o.Set("attributes", scim.Strings(attributes...))
	}
	if len(rewrites) > 0 {
		o.Set("rewrites", scim.Strings(rewrites...))
	}
	if e.Transaction != "" {
		o.Set("transaction", scim.StringValue(e.Transaction))
	}
	if e.Session != "" {
		o.Set("session", scim.StringValue(e.Session))
	}
	if len(o.Members) == 0 {
		return nil
	}
	return scim.ObjectValue(o).AppendJSON(make([]byte, 0, 512))
}

func readDetail(text []byte) (detail, error) {
	if len(text) == 0 {
		return detail{scim.NewObject()}, nil
	}
	v, err := scim.Read(text, scim.Limits{})
	return detail{v.Object()}, err
}

func (d detail) texts(name string) []string {
	var out []string
	for _, v := range d.Get(name).List() {
		out = append(out, v.Text())
	}
	return out
}
