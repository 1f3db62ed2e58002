package scim2

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// RSA returns the profile of RSA Unified Directory: users with the enterprise
// extension. Its words are those of RSA's page on user creation and of the SDK
// from which they come (rsa section 6).
func RSA(o Options) Profile {
	p := Profile{
		name:       "rsa",
		prefixes:   []string{"/rsa/v2"},
		schemes:    []string{"Bearer"},
		notOffered: []string{"/Bulk", "/Me"},
		anyCase:    true,
		fixed: lenient(directory.PatchBody, scim.RewriteQueryLoose, scim.RewriteMediaType, scim.RewriteSchemasAssume,
			scim.RewriteOpCase, scim.RewriteBoolStrings, scim.RewriteCreateOnAbsent),
		anyCharset:  true,
		limits:      scim.Limits{TrailingCommas: !o.StrictJSON},
		mediaType:   scimJSON,
		createOnly:  o.Local,
		page:        paging{size: 100, most: 200},
		discovery:   discovery{schemes: []authenticationScheme{bearerScheme}},
		word:        func(faults scim.Errors) wording { return wordRSA(faults, o) },
		patch:       func(o *scim.PatchOptions) { o.CreateParts = true }, // rsa RSA-089, RSA-090
		patchPrefix: prefixRSA,
		internal:    internalRSA,
	}
	if o.StrictFilters {
		p.allowFilter = rsaFilter
	}
	users := only(scim.UserType(), scim.EnterpriseSchema)
	users.Schema, users.Extensions[0] = users.Schema.Derive(limitRSA), users.Extensions[0].Derive(limitRSA)
	k := &kind{ResourceType: users, write: directory.WriteUsers, checks: rsaChecks(o), decode: decodeManager, operations: rsaOperations, groups: true}
	if o.RequireWorkEmail {
		k.inspect = requireEmail
	}
	p.kinds = []*kind{k}
	if o.Groups {
		p.kinds = append(p.kinds, standardGroups(rsaChecks(o)))
	}
	return p
}

// limitRSA gives an attribute the limits of rsa section 4 and the order in
// which RSA prints canonical types.
func limitRSA(path string, a *scim.Attribute) bool {
	a.Format = "" // locale, preferredLanguage, country and telephone numbers are free text
	switch path {
	case "emails.type", "addresses.type":
		a.CanonicalValues = []string{"other", "work", "home"}
	case "phoneNumbers.type":
		a.CanonicalValues = []string{"other", "pager", "work", "mobile", "fax", "home"}
	}
	switch {
	case path == "password":
		a.MaxLength = 128
	case a.Type != scim.TypeString:
	case a.Name == "formatted" || a.Name == "streetAddress":
		a.MaxLength = 1024
	default:
		a.MaxLength = 255
	}
	return true
}

// rsaChecks: schemas may be absent, what it leaves out may not be used, and
// everything must be defined (rsa 5.3 to 5.5).
func rsaChecks(o Options) scim.Checks {
	c := scim.Checks{Schemas: scim.SchemasOptional, Unknown: scim.RejectUnknown, AnyFormat: true, AnyUserName: true}
	if o.IgnoreUnknown {
		c.Unknown = scim.IgnoreUnknown
	}
	return c
}

// requireEmail refuses users without e-mail (rsa RSA-012).
func requireEmail(_, attributes *scim.Object, faults scim.Errors) scim.Errors {
	if len(faults) > 0 {
		return faults
	}
	for _, v := range attributes.Get("emails").List() {
		if strings.EqualFold(v.Object().Get("type").Text(), "work") {
			return nil
		}
	}
	return scim.Errors{{Rule: scim.RuleRequired, Path: "emails"}}
}

// rsaFilter takes what RSA documents: eq on userName, emails and id (rsa RSA-051, RSA-052).
func rsaFilter(f *scim.Filter) error {
	if f.Op == scim.OpHas && f.Path.Attr == "emails" {
		f = f.Args[0]
		if f.Op == scim.OpEq && f.Path.Attr == "value" {
			return nil
		}
	}
	if f.Op != scim.OpEq || f.Path.Schema != "" || !slices.Contains([]string{"userName", "id", "emails.value"}, f.Path.String()) {
		return &scim.Error{Rule: scim.RuleFilter, Path: f.Path.String(), Detail: "only eq on userName, emails and id"}
	}
	return nil
}

// wordRSA words all faults of a request in one detail with a full stop at its
// end (rsa section 6). They come in the order of rsa RSA-037.
func wordRSA(faults scim.Errors, o Options) wording {
	e := faults[0]
	said := verdict(e)
	switch {
	case e.Rule == scim.RulePassword && !o.PasswordRefusal:
		return wording{status: 500, detail: "Unable to set password for user."}
	case e.Rule == scim.RuleFilter, e.Rule == scim.RuleFilterAttribute:
		said.detail = "Unsupported Search Filter"
	case e.Rule == scim.RuleNotFound:
		said.detail = e.Fill("{schema} {value} not found.")
	case e.Rule == scim.RuleUnique:
		said.detail = e.Fill("{schema} with {path} {value} already exists.")
	case said.status != http.StatusBadRequest:
		said.detail = http.StatusText(said.status)
	default:
		said.scimType = typeRSA(e)
		said.detail = join(faults, textRSA, ", ") + "."
	}
	return said
}

// typeRSA returns the scimType: the SDK calls every fault of a schema a fault of syntax.
func typeRSA(e *scim.Error) string {
	if sdkWords[e.Rule] != "" && e.Rule != scim.RuleReadOnly || e.Rule == scim.RuleImmutable && e.Detail == removed {
		return "invalidSyntax"
	}
	return verdict(e).scimType
}

// textRSA words one fault without the full stop.
func textRSA(e *scim.Error) string {
	if text := sdkText(e); text != "" {
		return text
	}
	if words, ok := parserWords[e.Rule]; ok {
		text := e.Fill("Unable to parse request: " + words)
		if e.Line > 0 {
			text += fmt.Sprintf(" at line: %d, column: %d", e.Line, e.Column)
		}
		return text
	}
	switch e.Rule {
	case scim.RuleLength:
		return e.Fill("Value for attribute {path} must not be longer than {first} characters")
	case scim.RulePrimary:
		return e.Fill("Attribute {path} must not have more than one primary value")
	}
	return describe(e)
}

// internalRSA words a fault of the server; that of a deletion is RSA's (rsa RSA-113).
func internalRSA(r *http.Request) string {
	if r.Method == http.MethodDelete {
		return "Unable to delete user due to unexpected error."
	}
	return http.StatusText(http.StatusInternalServerError)
}

// rsaOperations refuses what the SDK does before it looks at a path (rsa
// RSA-088).
func rsaOperations(ops []scim.PatchOperation) ([]scim.PatchOperation, error) {
	for i, op := range ops {
		if strings.EqualFold(op.Op, "remove") {
			continue
		}
		if op.Value.Unassigned() {
			return nil, opsError(i, &scim.Error{Rule: scim.RuleMessage, Path: "value", Detail: "null or empty"})
		}
	}
	return ops, nil
}

// prefixRSA begins the message of a fault of a PATCH (rsa RSA-093).
func prefixRSA(operation int) string {
	if operation < 0 {
		return "Applying patch ops results in an invalid resource: "
	}
	return "Patch op" + index(operation) + ": "
}
