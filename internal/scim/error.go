package scim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Rule names what a request broke. Doors word it; nothing outside a door
// turns a rule into a sentence for a client.
type Rule uint8

// The rules. The comment of each says which fields of [Error] carry its data.
const (
	_ Rule = iota

	// The text of the request.
	RuleJSON            // not JSON: Detail, Line, Column
	RuleDuplicateMember // two members of one name, or of names that differ only in case: Path, Line, Column
	RuleTrailingData    // more after the JSON value: Line, Column
	RuleEmptyBody       // no body where one is needed
	RuleNotObject       // the body is JSON, but not an object
	RuleMessage         // the body is not the message that it should be, as PatchOp: Path, Value, Allowed, Detail
	RuleLimit           // a limit of the reader, parser or validator: Detail says which, Allowed[0] its value, Path where
	RuleTooLarge        // the body is over the limit: Allowed[0] in bytes
	RuleLongURL         // the URL is over the limit: Allowed[0] in bytes
	RuleMediaType       // Value is the Content-Type sent
	RuleParameter       // a query parameter or header: Path is its name, Value what was sent, Detail why

	// Schemas and attributes. Path is the attribute's, as in emails[0].type.
	RuleCoreSchemaMissing    // schemas lacks the core URI: Schema
	RuleUnknownSchema        // an undeclared URI: Path schemas[i], Value, Schema
	RuleExtensionNotDeclared // extension data whose URI is not in schemas: Schema
	RuleUnknownAttribute     // Path is the attribute's own name, or a URI; Schema
	RuleUnknownSubAttribute  // Path is the sub-attribute's own name, Schema, Value the parent's path
	RuleRequired             // Path
	RuleType                 // Path, Allowed[0] is string, boolean, number, integer, object
	RuleMultiValued          // an array is needed: Path
	RuleSingleValued         // an array is not possible: Path
	RuleDateTime             // Path, Value
	RuleBinary               // Path, Value
	RuleURI                  // Path, Value
	RuleCanonical            // Path, Value, Allowed is the list as the schema has it
	RuleLength               // Path, Allowed[0] the greatest length in characters
	RulePattern              // Path, Value, Detail says what is expected
	RulePrimary              // more than one primary value: Path
	RuleReadOnly             // Path, Detail
	RuleImmutable            // Path
	RuleDangling             // a reference to nothing: Path, Value is the id
	RuleCycle                // a group would contain itself: Path, Value is the id of the member that it is in
	RulePassword             // the password policy: Path, Detail says why

	// Filters, paths, patches.
	RuleFilter          // Detail, Column (1-based position in the filter)
	RuleFilterAttribute // an attribute that is unknown or may not be filtered on: Path
	RulePath            // Path, Detail
	RuleNoTarget        // Path, Value is the filter
	RuleTooMany         // the query would cost too much: Path is the attribute to index

	// State.
	RuleUnauthenticated // no or a wrong credential
	RuleForbidden       // the right is missing
	RuleNotFound        // Schema is the resource type's name, Value the id
	RuleNoEndpoint      // no such path: Path
	RuleMethod          // Value is the method, Allowed the ones possible
	RuleUnique          // Path is the attribute, Value, Schema the resource type's name
	RuleExists          // the chosen id is taken: Value
	RuleVersion         // the precondition does not hold: Value the version expected, Allowed[0] the one there
	RuleBusy            // the server has too much to do: try again after Allowed[0] seconds
	RuleRate            // the client has asked too often: try again after Allowed[0] seconds
	RuleProtected       // a built-in that cannot be changed so: Schema, Value the id
	RuleUnsupported     // a part that is not offered: Path
	RuleInUse           // a definition that stored resources depend on: Path or Schema says which, Value the id of a resource, Detail why
)

// An Error is a request's fault as data: which rule, where, what was sent and
// what would have been taken. Doors choose status and words by Rule.
type Error struct {
	Rule    Rule
	Path    string   // attribute path as the client wrote or may write it
	Value   string   // what was sent
	Allowed []string // what would have been taken
	Schema  string   // the schema URI, or the resource type's name
	Detail  string   // a reason in words: no capital, no full stop

	// The place in the body, counted from 1; 0 when unknown. Columns and the
	// offset are bytes. Who has only the offset completes it by Locate.
	Line   int
	Column int
	Offset int
}

// Locate sets Line and Column from Offset, if that is known, in the body that
// was read.
func (e *Error) Locate(body []byte) {
	if e.Offset > 0 {
		e.Line, e.Column = Place(body, e.Offset-1)
	}
}

// Error words the error for logs. Clients get the door's words.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rule %d", e.Rule)
	for _, part := range []string{e.Schema, e.Path, e.Detail} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, " at line %d, column %d", e.Line, e.Column)
	}
	return b.String()
}

// Fill returns the words of a door with the data of the error in them: {path},
// {value}, {schema}, {detail}, {allowed} with commas between, the {first} of
// those, {column}, and {place}, " at line 3, column 7" where that is known.
// {"path"} and {"value"} are in quotation marks.
func (e *Error) Fill(words string) string {
	first, place := "", ""
	if len(e.Allowed) > 0 {
		first = e.Allowed[0]
	}
	if e.Line > 0 {
		place = fmt.Sprintf(" at line %d, column %d", e.Line, e.Column)
	}
	return strings.NewReplacer(
		"{path}", e.Path, "{value}", e.Value, "{schema}", e.Schema, "{detail}", e.Detail, "{allowed}", strings.Join(e.Allowed, ", "),
		"{first}", first, "{column}", strconv.Itoa(e.Column), "{place}", place,
		`{"path"}`, strconv.Quote(e.Path), `{"value"}`, strconv.Quote(e.Value),
	).Replace(words)
}

// Errors is several faults of one request, in the order of the schema.
type Errors []*Error

// Error words the errors for logs.
func (es Errors) Error() string {
	texts := make([]string, len(es))
	for i, e := range es {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "; ")
}

// Locate completes the places of the errors in the body that was read.
func (es Errors) Locate(body []byte) Errors {
	for _, e := range es {
		e.Locate(body)
	}
	return es
}

// Or returns es as an error, nil if it is empty.
func (es Errors) Or() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// Faults returns the faults of a request that err carries, nil if it carries
// none: then the fault is the server's.
func Faults(err error) Errors {
	if many, ok := errors.AsType[Errors](err); ok {
		return many
	}
	if one, ok := errors.AsType[*Error](err); ok {
		return Errors{one}
	}
	return nil
}

// Is reports whether one of the faults that err carries is of the rule.
func Is(err error, rule Rule) bool {
	return slices.ContainsFunc(Faults(err), func(e *Error) bool { return e.Rule == rule })
}
