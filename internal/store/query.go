package store

import "github.com/rollcall-directory/rollcall/internal/scim"

// A Query selects and pages the resources of one type.
type Query struct {
	TID    int64
	Type   Type
	Filter *scim.Filter // resolved; nil selects all
	Start  int          // 1-based index of the first row; less is 1
	Count  int          // at most so many rows; 0 counts only
}

// Select returns the page of rows that the query asks for, in order of
// creation, and the number of all that match. Errors: *scim.Error RuleTooMany
// whose Path is the attribute to index, if the filter would cost more than the
// Config allows; the context's.
func (tx *Tx) Select(q Query) (rows []*Row, total int, err error) { panic("todo") }
