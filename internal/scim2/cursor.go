package scim2

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// cursorTimeout is how long a cursor can be used, as the configuration
// publishes it (RFC 9865 4).
const cursorTimeout = time.Hour

// What is wrong with a cursor, in the Detail of its fault: the scimTypes of RFC
// 9865 2.1 depend on it.
const (
	cursorInvalid = "not a cursor of this query"
	cursorExpired = "the cursor has expired; begin again"
	countInvalid  = "not the count of the first page, or more than a page may have"
)

// A cursor is what a cursor says to the server. To the client it is one word
// without meaning (RFC 9865 5.2): nothing of it is kept here.
type cursor struct {
	Query  []byte   `json:"q"` // hash of caller and query
	Issued int64    `json:"t"` // milliseconds since 1970
	Count  int      `json:"n"` // of the first page
	Kind   int      `json:"k"` // index among those of a query at the root
	Keys   []string `json:"s"`
	RID    int64    `json:"r"`
	Back   bool     `json:"b"`
	Start  bool     `json:"f"` // at the first resource of the kind
}

// A sealer encrypts cursors so that nobody can read or make one. All doors and
// all nodes of an installation have the same key.
type sealer struct {
	directory *directory.Directory
	mu        sync.Mutex
	aead      cipher.AEAD // nil until it is asked for
}

func (s *sealer) cipher(ctx context.Context) (cipher.AEAD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aead != nil {
		return s.aead, nil
	}
	secret, err := s.directory.SigningKey(ctx)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "scim2 cursor", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	s.aead, err = cipher.NewGCMWithRandomNonce(block)
	return s.aead, err
}

// seal returns the cursor in the characters of RFC 9865 2.
func (s *sealer) seal(ctx context.Context, at cursor) (string, error) {
	aead, err := s.cipher(ctx)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(at)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, text, nil)), nil
}

// open returns what seal made a word of; ok is false if it did not.
func (s *sealer) open(ctx context.Context, text string) (at cursor, ok bool, err error) {
	aead, err := s.cipher(ctx)
	if err != nil {
		return at, false, err
	}
	sealed, fault := base64.RawURLEncoding.Strict().DecodeString(text)
	if fault != nil {
		return at, false, nil
	}
	plain, fault := aead.Open(nil, nil, sealed, nil)
	return at, fault == nil && json.Unmarshal(plain, &at) == nil, nil
}

// A walk is a query by cursors.
type walk struct {
	cursor
	first bool // of the walk: no cursor was given
}

// walk reads the parameter cursor; nil without it, and for clients that are not
// offered cursors.
//
// Errors: RuleParameter with the path cursor or count, and one of the details above.
func (c *call) walk(q parameters, endpoint string) (*walk, error) {
	text, sent := q[paramCursor]
	if !sent || !c.offersCursors() {
		return nil, nil
	}
	if _, both := q[paramStart]; both {
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: paramStart, Detail: "not possible together with cursor"}
	}
	most := c.profile.page.most
	count, err := q.integer(paramCount, -1)
	_, counted := q[paramCount]
	if err != nil || count > most {
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: paramCount, Detail: countInvalid}
	}
	count = max(count, 0)
	query := c.queryHash(q, endpoint)
	if text == "" {
		if !counted {
			count = c.profile.page.size
		}
		return &walk{cursor: cursor{Query: query, Count: count, Start: true}, first: true}, nil
	}
	at, ok, err := c.sealer.open(c.r.Context(), text)
	switch {
	case err != nil:
		return nil, err
	case !ok || !slices.Equal(at.Query, query):
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: paramCursor, Detail: cursorInvalid}
	case c.directory.Now().Sub(time.UnixMilli(at.Issued)) > cursorTimeout:
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: paramCursor, Detail: cursorExpired}
	case counted && count != at.Count:
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: paramCount, Detail: countInvalid}
	}
	return &walk{cursor: at}, nil
}

// offersCursors reports whether the caller can page by cursor.
func (c *call) offersCursors() bool { return c.profile.root && c.settings().OffersCursors() }

// queryHash is what a cursor is bound to: who asks, with what rights, and all of
// the query but for the place in its answer.
func (c *call) queryHash(q parameters, endpoint string) []byte {
	parts := []string{c.scope.Environment, c.caller.Client, string(c.caller.Role), strings.Join(c.caller.Doors, "\x00"), c.prefix, endpoint}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if name != paramCursor && name != paramCount {
			parts = append(parts, name, q[name])
		}
	}
	text, _ := json.Marshal(parts) // strings always can be
	sum := sha256.Sum256(text)
	return sum[:]
}

// position is where the page begins, nil at the first resource.
func (w *walk) position() *directory.Position {
	if w.Start {
		return nil
	}
	return &directory.Position{Keys: w.Keys, RID: w.RID, Back: w.Back}
}

// to returns the cursor of another page of the walk.
func (c *call) to(w *walk, kind int, at *directory.Position) (string, error) {
	next := cursor{Query: w.Query, Issued: c.directory.Now().UnixMilli(), Count: w.Count, Kind: kind, Start: at == nil}
	if at != nil {
		next.Keys, next.RID, next.Back = at.Keys, at.RID, at.Back
	}
	return c.sealer.seal(c.r.Context(), next)
}

// answerWalk answers with one page of a walk (RFC 9865 2).
func (k *kind) answerWalk(c *call, w *walk, query directory.Query, show *scim.Projection) error {
	query.Cursor, query.Count = w.position(), w.Count
	page, err := c.directory.List(c.r.Context(), c.caller, c.scope, query)
	if err != nil {
		return err
	}
	head := []scim.Member{member("totalResults", scim.IntValue(int64(page.Total))), member("itemsPerPage", scim.IntValue(int64(len(page.Resources))))}
	for _, neighbour := range []struct {
		name string
		at   *directory.Position
	}{{"nextCursor", page.Next}, {"previousCursor", page.Previous}} {
		if neighbour.at == nil || neighbour.name == "previousCursor" && w.first {
			continue
		}
		text, err := c.to(w, 0, neighbour.at)
		if err != nil {
			return err
		}
		head = append(head, member(neighbour.name, scim.StringValue(text)))
	}
	dst := listHead(head...)
	for i, r := range page.Resources {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.append(dst, k, r, show)
	}
	c.send(200, append(dst, ']', '}'))
	return nil
}
