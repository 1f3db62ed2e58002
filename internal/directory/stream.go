package directory

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A Stream tells one receiver of the changes of an environment. The receiver
// polls it, or is sent its events.
type Stream struct {
	ID          string
	Environment string // id
	StreamDraft
	Created time.Time
	// Position is the Seq of the change up to which everything is acknowledged.
	Position int64
	// Refused is how many events the receiver has said to be faulty. They are
	// not sent again.
	Refused int
	// Problem says why the last attempt to send an event failed; empty if it did not.
	Problem string

	key int64 // the stream's key in the store
	cid int64 // key of the client that polls it
	// acked are the events after Position that are acknowledged as well, sorted.
	acked []int64
}

// Key returns the number of the stream, which no other one ever has.
func (s *Stream) Key() int64 { return s.key }

// Pushed reports whether the receiver is sent the events. It polls the others.
func (s *Stream) Pushed() bool { return s.Endpoint != "" }

// A StreamDraft says what a stream is to be. Its JSON is how the store keeps it.
type StreamDraft struct {
	// Client is the id of the client that may poll the stream, beside those
	// whose role is Admin. Empty for none, and for streams that are pushed.
	Client string `json:"-"`
	// Endpoint is the URL that events are sent to; empty for a stream that is polled.
	Endpoint string `json:"endpoint,omitempty"`
	// Token is shown to the endpoint as a bearer token; empty for none.
	Token Token `json:"token,omitempty"`
	// Audience names whom the events are for; empty: the endpoint, or the client.
	Audience []string `json:"audience,omitempty"`
	// Types are the resource types that the stream tells of; empty for all.
	Types []string `json:"types,omitempty"`
	// Population limits the stream to the users of a population, by its id;
	// empty for everybody.
	Population string `json:"population,omitempty"`
	// Full tells what a resource is like, where it can, not only what of it has changed.
	Full bool `json:"full,omitempty"`
	// FromStart begins with the oldest change that is known, not with the next one.
	FromStart bool `json:"-"`
}

// A Token is a secret that is shown to others in the name of the installation.
// It does not print, nor does it log.
type Token string

// Format implements fmt.Formatter: every verb writes the same.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[hidden]") }

// LogValue implements slog.LogValuer.
func (Token) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// streamState is what the store keeps of the delivery.
type streamState struct {
	Acked   []int64 `json:"acked,omitempty"`
	Refused int     `json:"refused,omitempty"`
	Problem string  `json:"problem,omitempty"`
}

// CreateStream stores a stream of the environment.
//
// Errors: RuleNotFound for an unknown environment or client; RuleURI for an
// endpoint that is no absolute URL of http or https; RuleCanonical for an
// unknown type; RuleDangling for an unknown population.
func (d *Directory) CreateStream(ctx context.Context, environment string, dr StreamDraft) (*Stream, error) {
	if err := dr.check(); err != nil {
		return nil, err
	}
	config, err := json.Marshal(dr)
	if err != nil {
		return nil, err
	}
	var out *Stream
	err = d.update(ctx, func(tx *store.Tx) error {
		t, err := tx.Tenant(environment)
		if err != nil {
			return notFound(err, "Environment", environment)
		}
		set, err := d.typesIn(tx, t.TID)
		if err != nil {
			return err
		}
		if err := dr.checkTypes(set.types); err != nil {
			return err
		}
		s := &store.Stream{TID: t.TID, ID: uuid.NewString(), Config: config, Created: d.stamp(), State: []byte("{}"), Tenant: t.ID}
		if dr.Client != "" {
			c, err := tx.Client(dr.Client)
			if err != nil || c.TID != t.TID {
				return notFound(errors.Join(err, store.ErrNotFound), "Client", dr.Client)
			}
			s.CID = c.CID
		}
		if dr.Population != "" {
			_, err := tx.ByID(t.TID, store.Population, dr.Population)
			if errors.Is(err, store.ErrNotFound) {
				return &scim.Error{Rule: scim.RuleDangling, Path: "population", Value: dr.Population, Schema: "Population"}
			}
			if err != nil {
				return err
			}
		}
		if !dr.FromStart {
			if s.Position, err = tx.LastChange(t.TID); err != nil {
				return err
			}
		}
		if err := tx.InsertStream(s); err != nil {
			return err
		}
		if out, err = stream(tx, s); err != nil {
			return err
		}
		return d.record(tx, Caller{tenant: t.TID}, "create", "Stream", s.ID)
	})
	return out, err
}

func (dr StreamDraft) check() error {
	if dr.Endpoint != "" {
		u, err := url.Parse(dr.Endpoint)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
			return &scim.Error{Rule: scim.RuleURI, Path: "endpoint", Value: dr.Endpoint}
		}
	}
	return nil
}

// checkTypes returns RuleCanonical for a type that the environment does not have.
func (dr StreamDraft) checkTypes(types *scim.Types) error {
	for i, name := range dr.Types {
		if types.Type(name) == nil {
			fault := &scim.Error{Rule: scim.RuleCanonical, Path: fmt.Sprintf("types[%d]", i), Value: name}
			for _, t := range types.All() {
				fault.Allowed = append(fault.Allowed, t.Name)
			}
			return fault
		}
	}
	return nil
}

// DeleteStream ends a stream. Errors: RuleNotFound.
func (d *Directory) DeleteStream(ctx context.Context, id string) error {
	return d.update(ctx, func(tx *store.Tx) error {
		s, err := tx.Stream(id)
		if err != nil {
			return notFound(err, "Stream", id)
		}
		if err := tx.DeleteStream(s.TID, s.SID); err != nil {
			return err
		}
		return d.record(tx, Caller{tenant: s.TID}, "delete", "Stream", id)
	})
}

// Streams returns the streams of an environment in order of creation; of all
// environments if it is empty. Errors: RuleNotFound.
func (d *Directory) Streams(ctx context.Context, environment string) ([]*Stream, error) {
	var out []*Stream
	err := d.view(ctx, func(tx *store.Tx) error {
		var rows []*store.Stream
		if environment == "" {
			all, err := tx.AllStreams()
			if err != nil {
				return err
			}
			rows = all
		} else {
			t, err := tx.Tenant(environment)
			if err != nil {
				return notFound(err, "Environment", environment)
			}
			if rows, err = tx.Streams(t.TID); err != nil {
				return err
			}
		}
		for _, row := range rows {
			s, err := stream(tx, row)
			if err != nil {
				return err
			}
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

// HasStreams reports whether the environment has a stream.
func (d *Directory) HasStreams(ctx context.Context, environment string) (bool, error) {
	all, err := d.Streams(ctx, environment)
	return len(all) > 0, err
}

// OpenStream returns a stream for its receiver, who polls it: the client that
// it was made for, or an administrator of the environment, and nobody who has
// limits: a stream knows nothing of them.
//
// Errors: RuleNotFound, also for the id of another environment and for a
// stream that is pushed; RuleForbidden.
func (d *Directory) OpenStream(ctx context.Context, c Caller, s Scope, id string) (*Stream, error) {
	tenant, err := d.authorise(ctx, c, s, ReadDirectory)
	if err != nil {
		return nil, err
	}
	var out *Stream
	err = d.view(ctx, func(tx *store.Tx) error {
		row, err := tx.Stream(id)
		if err == nil && row.TID != tenant {
			err = store.ErrNotFound
		}
		if err != nil {
			return notFound(err, "Stream", id)
		}
		out, err = stream(tx, row)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case out.Pushed():
		return nil, notFound(store.ErrNotFound, "Stream", id)
	case c.Limited() || c.Role != Admin && c.client != out.cid:
		return nil, d.refuse(ctx, c, "Stream", id)
	}
	return out, nil
}

// hasAcknowledged reports whether the event of this number is acknowledged, which is after the position.
func (s *Stream) hasAcknowledged(seq int64) bool {
	_, found := slices.BinarySearch(s.acked, seq)
	return found
}

// stream returns the stored stream as people are told of it.
func stream(tx *store.Tx, row *store.Stream) (*Stream, error) {
	s := &Stream{ID: row.ID, Environment: row.Tenant, Created: row.Created, Position: row.Position, key: row.SID, cid: row.CID}
	var state streamState
	if err := errors.Join(json.Unmarshal(row.Config, &s.StreamDraft), json.Unmarshal(row.State, &state)); err != nil {
		return nil, fmt.Errorf("stream %s: %w", row.ID, err)
	}
	s.acked, s.Refused, s.Problem = state.Acked, state.Refused, state.Problem
	if row.CID != 0 {
		clients, err := tx.Clients(row.TID)
		if err != nil {
			return nil, err
		}
		for _, c := range clients {
			if c.CID == row.CID {
				s.Client = c.ID
			}
		}
	}
	return s, nil
}

// The delivery is bounded, so that no receiver makes the server work without end.
const (
	maxWindow = 1000   // events that are told before the oldest of them is acknowledged
	maxRead   = 10_000 // changes that are looked at in one go
	readPage  = 500
)

// Pending returns the oldest events of the stream that are not acknowledged, at
// most limit, and whether there are more. It tells no event that comes more
// than 1,000 events after one that is not acknowledged. Errors: RuleNotFound for
// a stream that is deleted.
func (d *Directory) Pending(ctx context.Context, id string, limit int) (events []Event, more bool, err error) {
	position := int64(0)
	var s *Stream
	err = d.view(ctx, func(tx *store.Tx) error {
		row, err := tx.Stream(id)
		if err != nil {
			return notFound(err, "Stream", id)
		}
		if s, err = stream(tx, row); err != nil {
			return err
		}
		position = s.Position
		seen := 0 // events since the oldest that is not acknowledged
		complete, err := d.each(tx, row.TID, s, func(c *store.Change, e *Event) (bool, error) {
			switch {
			case e == nil || s.hasAcknowledged(c.Seq):
				if seen == 0 {
					position = c.Seq
				} else if e != nil {
					seen++
				}
				return true, nil
			case seen >= maxWindow:
				return false, nil
			case len(events) == limit:
				more = true
				return false, nil
			}
			seen++
			if err := s.fill(tx, row.TID, c, e); err != nil {
				return false, err
			}
			events = append(events, *e)
			return true, nil
		})
		more = more || !complete && len(events) < limit && seen < maxWindow
		return err
	})
	if err == nil && position-s.Position >= readPage {
		err = d.moveStream(ctx, id, func(_ *store.Tx, _ int64, s *Stream) error {
			s.Position = max(s.Position, position)
			return nil
		})
	}
	return events, more, err
}

// each calls fn for the changes after the stream's position, with their events, nil where
// the stream tells none of it, until fn says no. It reports whether it came to
// the end of the log.
func (d *Directory) each(tx *store.Tx, tenant int64, s *Stream, fn func(*store.Change, *Event) (bool, error)) (complete bool, err error) {
	types, err := d.typesIn(tx, tenant)
	if err != nil {
		return false, err
	}
	after := s.Position
	for read := 0; read < maxRead; read += readPage {
		changes, err := tx.Changes(tenant, after, readPage)
		if err != nil {
			return false, err
		}
		for _, c := range changes {
			e, err := s.event(c, types)
			if err != nil {
				return false, fmt.Errorf("change %d: %w", c.Seq, err)
			}
			if more, err := fn(c, e); err != nil || !more {
				return false, err
			}
			after = c.Seq
		}
		if len(changes) < readPage {
			return true, nil
		}
	}
	return false, nil
}

// fill gives the event the resource, if the stream tells everything and the
// resource is as the change left it. Groups are never told in full: they may
// have very many members (RFC 9967 5).
func (s *Stream) fill(tx *store.Tx, tenant int64, c *store.Change, e *Event) error {
	if !s.Full || c.Type == store.Group || e.Kind != ResourceCreated && e.Kind != ResourcePatched && e.Kind != ResourceReplaced {
		return nil
	}
	row, err := tx.ByID(tenant, c.Type, c.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case row.Version != c.Version:
		return nil
	}
	e.Resource, err = Caller{}.resource(tx, row, Include{})
	return err
}

// A Receipt names an event as its receiver does: where an older state of the data was
// restored, another event may have the number.
type Receipt struct {
	Seq int64
	At  time.Time
}

// Acknowledge notes that the receiver has taken these events; refused are those
// that it takes for faulty. Events that were acknowledged before, or never told,
// change nothing. Errors: RuleNotFound.
func (d *Directory) Acknowledge(ctx context.Context, id string, taken, refused []Receipt) error {
	if len(taken)+len(refused) == 0 {
		return nil
	}
	return d.moveStream(ctx, id, func(tx *store.Tx, tenant int64, s *Stream) error {
		var seqs []int64
		for _, r := range slices.Concat(taken, refused) {
			seqs = append(seqs, r.Seq)
		}
		times, err := tx.ChangeTimes(tenant, seqs)
		if err != nil {
			return err
		}
		acknowledge := func(r Receipt) (fresh bool) {
			at, found := slices.BinarySearch(s.acked, r.Seq)
			if !times[r.Seq].Equal(r.At) || r.Seq <= s.Position || found || len(s.acked) >= maxWindow {
				return false
			}
			s.acked = slices.Insert(s.acked, at, r.Seq)
			return true
		}
		for _, r := range taken {
			acknowledge(r)
		}
		for _, r := range refused {
			if acknowledge(r) {
				s.Refused++
			}
		}
		s.Problem = ""
		if len(s.acked) == 0 {
			return nil
		}
		// The position moves as far as there is no gap.
		last := s.acked[len(s.acked)-1]
		_, err = d.each(tx, tenant, s, func(c *store.Change, e *Event) (bool, error) {
			if c.Seq > last || e != nil && !s.hasAcknowledged(c.Seq) {
				return false, nil
			}
			s.Position = c.Seq
			return true, nil
		})
		return err
	})
}

// NoteProblem keeps why the last attempt to send an event failed, for people to
// see. Errors: RuleNotFound.
func (d *Directory) NoteProblem(ctx context.Context, id, problem string) error {
	return d.moveStream(ctx, id, func(_ *store.Tx, _ int64, s *Stream) error {
		s.Problem = problem
		return nil
	})
}

// moveStream changes the position and the state of a stream. change is told the
// environment's key in the store.
func (d *Directory) moveStream(ctx context.Context, id string, change func(tx *store.Tx, tenant int64, s *Stream) error) error {
	return d.update(ctx, func(tx *store.Tx) error {
		row, err := tx.Stream(id)
		if err != nil {
			return notFound(err, "Stream", id)
		}
		s, err := stream(tx, row)
		if err != nil {
			return err
		}
		if err := change(tx, row.TID, s); err != nil {
			return err
		}
		row.Position = s.Position
		s.acked = slices.DeleteFunc(s.acked, func(seq int64) bool { return seq <= s.Position })
		if row.State, err = json.Marshal(streamState{Acked: s.acked, Refused: s.Refused, Problem: s.Problem}); err != nil {
			return err
		}
		return tx.MoveStream(row)
	})
}

// LastChange returns the number of the newest change of all environments that have
// streams: when it rises there may be events.
func (d *Directory) LastChange(ctx context.Context) (seq int64, err error) {
	err = d.view(ctx, func(tx *store.Tx) error {
		tenants, err := tx.Streaming()
		for _, tenant := range tenants {
			last, err := tx.LastChange(tenant)
			if err != nil {
				return err
			}
			seq = max(seq, last)
		}
		return err
	})
	return seq, err
}

// EventKey returns the 32 bytes of the key with which this installation signs
// events: a scalar of the curve P-256. They are made at the first call and kept
// in the store.
func (d *Directory) EventKey(ctx context.Context) ([]byte, error) {
	const name = "event-signing-key"
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	var key []byte
	err = d.update(ctx, func(tx *store.Tx) (err error) {
		if key, err = tx.Setting(name); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if key, err = made.Bytes(); err != nil {
			return err
		}
		return tx.SetSetting(name, key)
	})
	return key, err
}
