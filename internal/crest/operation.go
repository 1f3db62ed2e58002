package crest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// maxOperations is the most operations of one patch.
const maxOperations = 1_000

// An operation is one of a patch, well formed (AIC-090 to AIC-096).
type operation struct {
	verb  string  // add, remove, replace, increment, move, copy
	field pointer // without the - of an array's end
	end   bool    // the value goes to the end of the array at field
	from  pointer // of move and copy
	value scim.Value
}

// operations reads the body, which must be a patch.
func (q *request) operations() ([]operation, error) {
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	v, err := scim.Read(body, scim.Limits{})
	if err != nil {
		return nil, err
	}
	return parsePatch(v)
}

// parsePatch reads a patch: an array of operations.
func parsePatch(v scim.Value) ([]operation, error) {
	if v.Kind() != scim.Array {
		return nil, badRequest(scim.RuleMessage, unprocessable+"the provided content is not a JSON array of patch operations")
	}
	if len(v.List()) > maxOperations {
		return nil, badPatch("there are more than " + strconv.Itoa(maxOperations) + " operations")
	}
	ops := make([]operation, len(v.List()))
	for i, item := range v.List() {
		var fault string
		if ops[i], fault = parseOperation(item); fault != "" {
			return nil, badPatch(fault)
		}
	}
	return ops, nil
}

func badPatch(cause string) error {
	return badRequest(scim.RuleMessage, unprocessable+"the provided content is not a valid JSON patch: %s", cause)
}

// parseOperation reads one operation; fault says what is wrong with it.
func parseOperation(v scim.Value) (op operation, fault string) {
	o := v.Object()
	if v.Kind() != scim.ObjectKind {
		return op, "an operation is not a JSON object"
	}
	verb := o.Get("operation").Text()
	op.verb, op.value = strings.ToLower(verb), o.Get("value")
	if !slices.Contains([]string{"add", "remove", "replace", "increment", "move", "copy", "transform"}, op.verb) {
		return op, "Invalid patch operation type " + verb
	}
	var ok bool
	if op.field, ok = readPointer(o.Get("field")); !ok {
		return op, "The field of the '" + verb + "' operation is not a JSON pointer"
	}
	if n := len(op.field); n > 1 && op.field[n-1] == "-" {
		op.field, op.end = op.field[:n-1], true
	}
	from := o.Get("from")
	switch op.verb {
	case "move", "copy":
		op.from, ok = readPointer(from)
		switch {
		case from.IsNull():
			return op, "No from field provided for '" + verb + "' operation"
		case !ok:
			return op, "The from field of the '" + verb + "' operation is not a JSON pointer"
		case !op.value.IsNull():
			return op, "'" + verb + "' does not accept value field"
		}
		return op, ""
	case "add", "replace", "increment", "transform":
		if op.value.IsNull() {
			return op, "No value field provided for '" + verb + "' operation"
		}
	}
	if !from.IsNull() {
		return op, "'" + verb + "' does not accept from field"
	}
	if op.verb == "increment" && !jsonNumber.MatchString(op.value.Text()) {
		return op, "Non-numeric value provided for increment operation" // AIC-107
	}
	if op.verb == "transform" { // AIC-109
		return op, "The operation 'transform' is not supported"
	}
	return op, ""
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?$`)

func readPointer(v scim.Value) (pointer, bool) {
	if v.Kind() != scim.String {
		return nil, false
	}
	return parsePointer(v.Text())
}

func (p pointer) String() string { return "/" + strings.Join(p, "/") }
