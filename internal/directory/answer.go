package directory

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A Question is an operation that was accepted to be done later.
type Question struct {
	Method string
	Path   string // below the door's base, as /Users/1
	BulkID string // as the request had it; empty for none
	Bulk   bool   // it is one of a bulk request
}

// An Answer is how an operation ended that was accepted to be done later, in
// the members of an operation of a bulk response (RFC 7644 3.7.3).
type Answer struct {
	Question
	ID       string       // of the resource; empty where it is not known
	Version  string       // entity tag; empty for none
	Status   string       // of HTTP, as 201
	Response *scim.Object // the error; nil where there is none
}

func (a *Answer) pack() scim.Value {
	o := scim.NewObject()
	for _, text := range []struct{ name, value string }{
		{"method", a.Method}, {"path", a.Path}, {"bulkId", a.BulkID}, {"version", a.Version}, {"status", a.Status},
	} {
		if text.value != "" {
			o.Set(text.name, scim.StringValue(text.value))
		}
	}
	if a.Bulk {
		o.Set("bulk", scim.BoolValue(true))
	}
	if a.Response != nil {
		o.Set("response", scim.ObjectValue(a.Response))
	}
	return scim.ObjectValue(o)
}

func readAnswer(o *scim.Object) *Answer {
	return &Answer{
		Question: Question{Method: o.Get("method").Text(), Path: o.Get("path").Text(), BulkID: o.Get("bulkId").Text(), Bulk: o.Get("bulk").Bool()},
		Version:  o.Get("version").Text(), Status: o.Get("status").Text(), Response: o.Get("response").Object(),
	}
}

// Promise notes that a request is accepted and that its answer will be told as
// an event of each of its operations (RFC 9967 2.5.1). The transaction is the id
// of the caller's request.
//
// Errors: RuleForbidden; RuleBusy.
func (d *Directory) Promise(ctx context.Context, c Caller, s Scope, questions []Question) error {
	tenant, err := d.authorise(ctx, c, s, ReadDirectory)
	if err != nil {
		return err
	}
	return d.update(ctx, func(tx *store.Tx) error {
		for i, q := range questions {
			asked := Answer{Question: q}
			p := &store.Promise{Txn: c.RequestID, N: int64(i), TID: tenant, CID: c.client, At: d.stamp(), Asked: asked.pack().AppendJSON(nil)}
			if err := tx.InsertPromise(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// KeepPromise notes how the operations of the caller's request ended, in their order.
//
// Errors: RuleForbidden; RuleNotFound for a request that is not promised, or answered.
func (d *Directory) KeepPromise(ctx context.Context, c Caller, s Scope, answers []Answer) error {
	tenant, err := d.authorise(ctx, c, s, ReadDirectory)
	if err != nil {
		return err
	}
	txn := c.RequestID
	return d.update(ctx, func(tx *store.Tx) error {
		promises, err := tx.Promises(tenant, txn)
		if err != nil {
			return err
		}
		if len(promises) != len(answers) {
			return notFound(store.ErrNotFound, "Request", txn)
		}
		for i, p := range promises {
			if err := d.keep(tx, p, &answers[i]); err != nil {
				return notFound(err, "Request", txn)
			}
		}
		return nil
	})
}

// keep writes an answer into the change log. Errors: store.ErrNotFound.
func (d *Directory) keep(tx *store.Tx, p *store.Promise, a *Answer) error {
	txn := p.Txn
	if a.Bulk { // RFC 9967 2.5.1.2
		txn += ":" + strconv.FormatInt(p.N, 10)
	}
	c := &store.Change{TID: p.TID, At: d.stamp(), Op: store.OpAnswer, ID: a.ID, Actor: p.CID, Request: txn, Detail: note{answer: a}.pack()}
	if err := tx.AppendAnswer(c); err != nil {
		return err
	}
	p.Seq = c.Seq
	return tx.KeepPromise(p)
}

// BreakPromises answers, with the same words, all requests that were made more
// than age ago and are still to be answered: those that were under way when a
// server stopped.
func (d *Directory) BreakPromises(ctx context.Context, age time.Duration, status string, response *scim.Object) error {
	before := d.stamp().Add(-age)
	return d.update(ctx, func(tx *store.Tx) error {
		open, err := tx.OpenPromises()
		if err != nil {
			return err
		}
		for _, p := range open {
			if p.At.After(before) {
				continue
			}
			asked, err := readDetail(p.Asked)
			if err != nil {
				return fmt.Errorf("the promise %s: %w", p.Txn, err)
			}
			a := readAnswer(asked.Object)
			a.Status, a.Response = status, response
			if err := d.keep(tx, p, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// Answers returns the answers to a request, or to one operation of a bulk
// request, by the transaction that was told to the client; they are for that
// client and for administrators. It returns none while any is missing.
//
// Errors: RuleNotFound, also for the requests of others.
func (d *Directory) Answers(ctx context.Context, c Caller, s Scope, txn string) ([]Event, error) {
	tenant, err := d.authorise(ctx, c, s, ReadDirectory)
	if err != nil {
		return nil, err
	}
	request, index, one := strings.Cut(txn, ":")
	var out []Event
	err = d.view(ctx, func(tx *store.Tx) error {
		promises, err := tx.Promises(tenant, request)
		if err != nil {
			return err
		}
		found := false
		for _, p := range promises {
			if p.CID != c.client && (c.Role != Admin || c.Limited()) || one && strconv.FormatInt(p.N, 10) != index {
				continue
			}
			found = true
			if p.Seq == 0 {
				out = nil
				return nil
			}
			row, err := tx.Change(tenant, p.Seq)
			if err != nil {
				return err
			}
			e, err := (&Stream{}).event(row, &typeSet{types: new(scim.Types)})
			if err != nil {
				return err
			}
			if one && !e.Answer.Bulk { // only operations of bulk requests have a number
				found = false
				break
			}
			out = append(out, *e)
		}
		if !found {
			return notFound(store.ErrNotFound, "Request", txn)
		}
		return nil
	})
	return out, err
}
