package scim

import (
	"math/bits"
	"strconv"
	"strings"
)

// Rewrites is a set of named rewrites. Each turns a wrong form that clients are
// known to send into the right one before the rules of RFC 7644 are applied;
// what none of them claims fails as the RFC says. Whoever offers them is told
// the name of each one that is used: nothing is rewritten silently.
type Rewrites uint32

// The rewrites, in the order in which they are documented.
const (
	RewriteOpCase         Rewrites = 1 << iota // Add, Replace, Remove in any letter case
	RewriteBoolStrings                         // "True" for a boolean
	RewritePathKeys                            // keys of a PATCH value without path that are paths themselves
	RewriteReadOnlyStrip                       // id, schemas, meta, groups in a PATCH value without path
	RewriteCreateOnAbsent                      // add or replace on x[a eq "v"] that matches nothing makes the element
	RewriteRemoveValues                        // remove with a value removes the listed values
	RewriteScalarRef                           // a string for a reference
	RewriteOneOrMany                           // one value for a list, a list of one for a value
	RewriteSingularFilter                      // manager[value eq "x"] is manager if the filter holds
	RewriteExtBare                             // extension attributes without their URI
	RewriteURNDot                              // URIs that are misspelt, or end in a dot
	RewriteSchemasAssume                       // missing schemas
	RewriteSchemasIgnore                       // undeclared URIs in schemas
	RewriteMediaType                           // missing or wrong Content-Type
	RewriteFilterLoose                         // unquoted words and the like in filters
	RewriteQueryLoose                          // query parameters in other forms
	RewritePutKeep                             // PUT keeps what it leaves out
	RewritePrimaryLast                         // of several primary values the last is it
)

// RewritesTolerant are the rewrites of the mode tolerant: all but the one that
// changes what PUT means.
const RewritesTolerant = RewritePrimaryLast<<1 - 1 - RewritePutKeep

var rewriteNames = [...]string{
	"op-case", "bool-strings", "path-keys", "readonly-strip", "create-on-absent", "remove-values", "scalar-ref", "one-or-many", "singular-filter",
	"ext-bare", "urn-dot", "schemas-assume", "schemas-ignore", "media-type", "filter-loose", "query-loose", "put-keep", "primary-last",
}

// String returns the names of the rewrites in the set, in order.
func (r Rewrites) String() string {
	var names []string
	for ; r != 0; r &= r - 1 {
		if i := bits.TrailingZeros32(uint32(r)); i < len(rewriteNames) {
			names = append(names, rewriteNames[i])
		} else {
			names = append(names, strconv.Itoa(i))
		}
	}
	return strings.Join(names, " ")
}

// Has reports whether the set has all of the others.
func (r Rewrites) Has(others Rewrites) bool { return r&others == others }
