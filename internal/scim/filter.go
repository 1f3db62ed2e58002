package scim

// An Op is an operator of a [Filter].
type Op uint8

// The operators of RFC 7644 3.4.2.2. OpHas is a value path, attr[filter];
// OpTrue and OpFalse are literals of Common REST.
const (
	OpAnd Op = iota + 1
	OpOr
	OpNot
	OpHas
	OpPr
	OpEq
	OpNe
	OpCo
	OpSw
	OpEw
	OpGt
	OpGe
	OpLt
	OpLe
	OpTrue
	OpFalse
)

// A Filter is a condition on resources: a tree whose leaves compare. Doors
// parse their own grammar into it; the meaning is one for all.
type Filter struct {
	Op    Op
	Args  []*Filter // OpAnd, OpOr: two or more; OpNot, OpHas: one (for OpHas on the elements of Path)
	Path  Path      // OpHas and comparisons; within OpHas relative to the element
	Value Value     // comparisons but OpPr
}

// A Path addresses an attribute: [schema ":"] attr ["." sub] (RFC 7644 3.10).
// After [ResourceType.Resolve] the names are canonical.
type Path struct {
	Schema string // URI of the schema; empty for the core one and for common attributes
	Attr   string
	Sub    string
}
