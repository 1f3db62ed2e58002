package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

// auditCommand prints the audit log of an environment, oldest first.
type auditCommand struct {
	environmentFlags
	After     int64  `placeholder:"N" help:"Only rows after the one with this number, as for the next page."`
	Client    string `placeholder:"ID" help:"Only what this client did."`
	Rewritten bool   `help:"Only requests in which a wrong form was put right."`
}

// auditView is a row as --json prints it, one a line.
type auditView struct {
	Seq        int64     `json:"seq"`
	At         time.Time `json:"at"`
	Client     string    `json:"client_id"` // empty: this command line
	Door       string    `json:"door"`
	Action     string    `json:"action"`
	Type       string    `json:"type"`
	ID         string    `json:"id"`
	Outcome    string    `json:"outcome"`
	Request    string    `json:"request_id"`
	Attributes []string  `json:"attributes,omitempty"`
	Rewrites   []string  `json:"rewrites,omitempty"`

	Transaction string `json:"external_transaction_id,omitempty"`
	Session     string `json:"external_session_id,omitempty"`
}

func (c *auditCommand) Run(t *terminal) error {
	return c.within(func(ctx context.Context, d *directory.Directory, e *directory.Environment) error {
		write, flush := auditWriter(t)
		defer flush()
		const page = 1000
		for after := c.After; ; {
			rows, err := d.Audit(ctx, e.ID, after, page)
			if err != nil {
				return err
			}
			for _, row := range rows {
				after = row.Seq
				if c.Client != "" && row.Client != c.Client || c.Rewritten && len(row.Rewrites) == 0 {
					continue
				}
				if err := write(auditView(row)); err != nil {
					return err
				}
			}
			if len(rows) < page {
				return nil
			}
		}
	})
}

// auditWriter returns what prints one row, and what ends the output.
func auditWriter(t *terminal) (write func(auditView) error, flush func() error) {
	if t.json {
		enc := json.NewEncoder(t.out)
		return func(v auditView) error { return enc.Encode(v) }, func() error { return nil }
	}
	tw := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "SEQ\tAT\tCLIENT\tDOOR\tACTION\tTYPE\tID\tOUTCOME\tATTRIBUTES\tREWRITES")
	return func(v auditView) error {
		_, err := fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Seq, v.At.Format(time.RFC3339), v.Client, v.Door, v.Action, v.Type, v.ID, v.Outcome,
			strings.Join(v.Attributes, ","), strings.Join(v.Rewrites, ","))
		return err
	}, tw.Flush
}
