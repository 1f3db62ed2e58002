package scim2

import (
	"maps"
	"slices"
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
	Issued int64    `json:"t"` // milliseconds since 1970
	Count  int      `json:"n"` // of the first page
	Keys   []string `json:"s"`
	RID    int64    `json:"r"`
	Back   bool     `json:"b"`
	Start  bool     `json:"f"` // at the first resource
}

// A walk is a query by cursors.
type walk struct {
	cursor
	query []string // what the cursors of the walk are good for
	first bool     // of the walk: no cursor was given
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
	query := c.cursorQuery(q, endpoint)
	if text == "" {
		if !counted {
			count = c.profile.page.size
		}
		return &walk{cursor: cursor{Count: count, Start: true}, query: query, first: true}, nil
	}
	var at cursor
	ok, err := c.sealer.Open(c.r.Context(), c.caller, query, text, &at)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: paramCursor, Detail: cursorInvalid}
	case c.directory.Now().Sub(time.UnixMilli(at.Issued)) > cursorTimeout:
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: paramCursor, Detail: cursorExpired}
	case counted && count != at.Count:
		return nil, &scim.Error{Rule: scim.RuleParameter, Path: paramCount, Detail: countInvalid}
	}
	return &walk{cursor: at, query: query}, nil
}

// offersCursors reports whether the caller can page by cursor.
func (c *call) offersCursors() bool { return c.profile.root && c.settings().OffersCursors() }

// cursorQuery is all of the query that a cursor is good for, but for the place
// in its answer.
func (c *call) cursorQuery(q parameters, endpoint string) []string {
	parts := []string{c.scope.Environment, c.prefix, endpoint}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if name != paramCursor && name != paramCount {
			parts = append(parts, name, q[name])
		}
	}
	return parts
}

// position is where the page begins, nil at the first resource.
func (w *walk) position() *directory.Position {
	if w.Start {
		return nil
	}
	return &directory.Position{Keys: w.Keys, RID: w.RID, Back: w.Back}
}

// neighbours returns the members of a list that lead to the pages before and
// after this one of the walk, which are nil if there are none (RFC 9865 2).
func (c *call) neighbours(w *walk, previous, next *directory.Position) ([]scim.Member, error) {
	var list []scim.Member
	for _, neighbour := range []struct {
		name string
		at   *directory.Position
	}{{"nextCursor", next}, {"previousCursor", previous}} {
		at := neighbour.at
		if at == nil || neighbour.name == "previousCursor" && w.first {
			continue
		}
		text, err := c.sealer.Seal(c.r.Context(), c.caller, w.query,
			cursor{Issued: c.directory.Now().UnixMilli(), Count: w.Count, Keys: at.Keys, RID: at.RID, Back: at.Back})
		if err != nil {
			return nil, err
		}
		list = append(list, member(neighbour.name, scim.StringValue(text)))
	}
	return list, nil
}

// answerWalk answers with one page of a walk (RFC 9865 2).
func (k *kind) answerWalk(c *call, w *walk, query directory.Query, show *scim.Projection) error {
	query.Cursor, query.Count = w.position(), w.Count
	page, err := c.directory.List(c.r.Context(), c.caller, c.scope, query)
	if err != nil {
		return err
	}
	neighbours, err := c.neighbours(w, page.Previous, page.Next)
	if err != nil {
		return err
	}
	c.sendPage(k, []scim.Member{member("totalResults", scim.IntValue(int64(page.Total)))}, page, show, neighbours...)
	return nil
}
