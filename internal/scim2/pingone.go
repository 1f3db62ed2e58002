package scim2

import (
	"cmp"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// PingOne returns the profile of the PingOne platform: users with their
// population, one or two values of each kind.
func PingOne(o Options) Profile {
	p := Profile{
		name:        "pingone",
		prefixes:    []string{"/environments/{" + environmentVariable + "}/v2"},
		schemes:     []string{"Bearer"},
		notOffered:  []string{"/Bulk", "/Me"},
		fixed:       lenient(directory.PatchBody, scim.RewriteMediaType, scim.RewriteSchemasAssume, scim.RewriteOpCase, scim.RewriteBoolStrings),
		mediaType:   scimJSON + ";charset=utf-8",
		wantsPlain:  allowsOnlyPlain,
		correlation: "Correlation-Id",
		external:    externalPingOne,
		native:      true,
		page:        paging{size: 200, most: 200, off: o.NoPaging, quiet: true},
		discovery: discovery{
			schemes: []authenticationScheme{bearerScheme},
			stamp:   "2022-10-24T00:00:00.000Z", // that of the vendor's sample (pingone section 9 E8)
			quiet:   true,
		},
		word:        wordPingOne,
		patchPrefix: func(int) string { return "" },
		internal:    func(*http.Request) string { return "Internal error" },
	}
	p.kinds = []*kind{{
		ResourceType: pingOneUsers(o),
		write:        directory.WriteUsers,
		checks:       pingOneChecks(o),
		inspect:      inspectPingOne,
		decode: func(dr *directory.Draft, checks scim.Checks) {
			dr.EncodedPassword = o.EncodedPasswords
			decodePopulation(dr, checks)
		},
		fixedID:            true,
		createOnlyPassword: true,
		population:         scim.PingOneSchema + ":population.id",
	}}
	k := p.kinds[0]
	k.encode = func(_ *call, r *scim.Resource) *scim.Object { return encodePingOne(k.ResourceType, r) }
	k.merge = func(old, attributes *scim.Object) *scim.Object { return mergePingOne(k.ResourceType, old, attributes) }
	k.operations = func(ops []scim.PatchOperation) ([]scim.PatchOperation, error) {
		return pingOneOperations(k.ResourceType, ops, o.Unknown == RejectUnknown), nil
	}
	p.kinds = append(p.kinds, mappedUsers(k, o))
	if o.Groups {
		p.kinds = append(p.kinds, standardGroups(pingOneChecks(o)))
	} else {
		p.notOffered = append(p.notOffered, "/Groups", "/Groups/{id}")
	}
	return p
}

// externalPingOne reads what the platform writes into its audit trail (pingone A13).
func externalPingOne(h http.Header) directory.External {
	return directory.External{Transaction: externalID(h.Get("X-Ping-External-Transaction-ID")), Session: externalID(h.Get("X-Ping-External-Session-ID"))}
}

// externalID returns at most 100 characters of the id, with _ for those that
// the platform does not keep.
func externalID(text string) string {
	var kept []rune
	for _, r := range text {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune("._-/@=#+", r) {
			r = '_'
		}
		if kept = append(kept, r); len(kept) == 100 {
			break
		}
	}
	return string(kept)
}

// pingOneAttributes are the attributes of pingone section 5 with their
// greatest lengths in characters; 0 is no limit of their own.
var pingOneAttributes = map[string]int{
	"userName":        128,
	"name":            0,
	"name.formatted":  256,
	"name.familyName": 256, "name.givenName": 256, "name.middleName": 256,
	"name.honorificPrefix": 256, "name.honorificSuffix": 256,
	"nickName": 256, "title": 256, "preferredLanguage": 0, "locale": 256, "timezone": 0,
	"active": 0, "password": 0,
	"emails": 0, "emails.value": 0, "emails.type": 0, "emails.primary": 0,
	"phoneNumbers": 0, "phoneNumbers.value": 32, "phoneNumbers.type": 0, "phoneNumbers.primary": 0,
	"addresses": 0, "addresses.formatted": 0, "addresses.streetAddress": 256, "addresses.locality": 256,
	"addresses.region": 256, "addresses.postalCode": 40, "addresses.country": 0, "addresses.primary": 0,
	"photos": 0, "photos.value": 0, "photos.type": 0, "photos.primary": 0,
}

// pingOneUsers returns the users of pingone section 5 or, where unknown
// attributes are kept, all that the common schema has.
func pingOneUsers(o Options) *scim.ResourceType {
	common := scim.UserType()
	t := &scim.ResourceType{Name: common.Name, Endpoint: common.Endpoint, Description: common.Description}
	t.Schema = common.Schema.Derive(func(path string, a *scim.Attribute) bool {
		limit, known := pingOneAttributes[path]
		if limit > 0 {
			a.MaxLength = limit
		}
		a.Format = "" // inspectPingOne has the dialect's own
		if strings.HasPrefix(path, "phoneNumbers.") {
			a.CanonicalValues = nil // pingone B14
		}
		return known || o.Unknown == StoreUnknown
	})
	if o.Unknown == StoreUnknown {
		t.Extensions = append(t.Extensions, common.Extension(scim.EnterpriseSchema))
	}
	t.Extensions = append(t.Extensions, scim.LookupSchema(scim.PingOneSchema))
	return t
}

// pingOneChecks: schemas may be absent or short of what is used, and by default
// may name what the dialect does not know (pingone B2, B3, B12).
func pingOneChecks(o Options) scim.Checks {
	c := scim.Checks{Schemas: scim.SchemasOptional, IgnoreSchemas: true, InferExtensions: true,
		AnyType: true, AnyFormat: true, AnyUserName: true}
	if o.Unknown == RejectUnknown {
		c.Unknown, c.IgnoreSchemas = scim.RejectUnknown, false
	}
	return c
}

// The patterns of pingone section 5.
var (
	countryPattern  = regexp.MustCompile(`^[A-Z]{2}$`)
	timezonePattern = regexp.MustCompile(`^\w+/\w+$`)
	localePattern   = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)
	languagePattern = regexp.MustCompile(`^(\*|[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*)( *; *q=[01](\.[0-9]{0,3})?)?` +
		`( *, *(\*|[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*)( *; *q=[01](\.[0-9]{0,3})?)?)*$`)
)

// pingOnePatterns are what texts must be like, in the order of section 5.
var pingOnePatterns = []struct {
	attribute, sub string
	holds          func(string) bool
	reason         string
}{
	{"userName", "", func(s string) bool { return !strings.ContainsFunc(s, unicode.IsControl) }, "must not have control characters"},
	{"preferredLanguage", "", languagePattern.MatchString, "must be a list of languages such as en-gb;q=0.8, en;q=0.7"},
	{"locale", "", localePattern.MatchString, "must be a language tag such as en-US"},
	{"timezone", "", timezonePattern.MatchString, "must be the name of a time zone such as America/Los_Angeles"},
	{"emails", "value", isEmail, "must be a well-formed email address"},
	{"phoneNumbers", "value", func(s string) bool { return strings.ContainsFunc(s, unicode.IsDigit) }, "must have at least one digit"},
	{"addresses", "country", countryPattern.MatchString, "must be two capital letters"},
	{"photos", "value", isWebAddress, "must be an http or https URL"},
	{"externalId", "", func(s string) bool { return s != "" }, "must not be empty"},
}

func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// inspectPingOne checks patterns and numbers of values (pingone B13, B15).
func inspectPingOne(body, attributes *scim.Object, faults scim.Errors) scim.Errors {
	if _, used := body.Find(scim.EnterpriseSchema); !used { // a known name, if not a known extension (pingone B3)
		faults = slices.DeleteFunc(faults, func(e *scim.Error) bool {
			return e.Rule == scim.RuleUnknownSchema && strings.EqualFold(e.Value, scim.EnterpriseSchema)
		})
	}
	if len(faults) > 0 {
		return faults
	}
	refuse := func(path, reason string) {
		faults = append(faults, &scim.Error{Rule: scim.RulePattern, Path: path, Detail: reason})
	}
	for _, p := range pingOnePatterns {
		v, ok := attributes.Lookup(p.attribute)
		switch {
		case !ok:
		case p.sub == "":
			if !p.holds(v.Text()) {
				refuse(p.attribute, p.reason)
			}
		default:
			for i, item := range v.List() {
				if text, ok := item.Object().Lookup(p.sub); ok && !p.holds(text.Text()) {
					refuse(element(p.attribute, i)+"."+p.sub, p.reason)
				}
			}
		}
	}
	for _, name := range []string{"addresses", "photos"} {
		if len(attributes.Get(name).List()) > 1 {
			refuse(name, "must not have more than one value")
		}
	}
	if text := attributes.Get("externalId").Text(); len([]rune(text)) > 1024 {
		faults = append(faults, &scim.Error{Rule: scim.RuleLength, Path: "externalId", Allowed: []string{"1024"}})
	}
	return faults
}

// decodePopulation takes the extension apart: the population is no attribute
// of the directory's users but where they are (pingone B7).
func decodePopulation(dr *directory.Draft, checks scim.Checks) {
	extension := dr.Attributes.Get(scim.PingOneSchema).Object()
	dr.Population = extension.Get("population").Object().Get("id").Text()
	dr.Attributes.Delete(scim.PingOneSchema)
	decodeManager(dr, checks)
}

// encodePingOne shows of a user what the dialect has (pingone F5, B13), of
// several values those that it has room for.
func encodePingOne(t *scim.ResourceType, r *scim.Resource) *scim.Object {
	o := t.Within(r.Attributes())
	for _, name := range []string{"emails", "addresses", "photos"} {
		if list := o.Get(name).List(); len(list) > 1 {
			o.Set(name, scim.ListValue(preferred(list)))
		}
	}
	o.Assign("phoneNumbers", scim.ListValue(phones(o.Get("phoneNumbers").List())...))
	return o.Set(scim.PingOneSchema, object(member("population", object(member("id", scim.StringValue(r.Population))))))
}

// preferred returns the primary value, else the first.
func preferred(list []scim.Value) scim.Value {
	for _, v := range list {
		if v.Object().Get("primary").Bool() {
			return v
		}
	}
	return list[0]
}

// phones returns the first primary and the first mobile number. One without a
// type is a primary one (pingone B14).
func phones(list []scim.Value) []scim.Value {
	var shown []scim.Value
	at := slots("phoneNumbers", list)
	for i, v := range list {
		if j, ok := at[slotOf("phoneNumbers", v)]; ok && i == j {
			shown = append(shown, v)
		}
	}
	return shown
}

// wordPingOne words faults as pingone section 8 has them.
func wordPingOne(faults scim.Errors) wording {
	e := faults[0]
	said := verdict(e)
	switch said.status {
	case http.StatusBadRequest:
		said.scimType = typePingOne(e)
		said.detail = join(faults, textPingOne, "; ")
	case http.StatusUnauthorized, http.StatusForbidden:
		said.detail = noAccessText
	case http.StatusNotFound:
		said.detail = "Not found"
		if e.Rule == scim.RuleNotFound {
			said.detail = e.Fill("Resource {value} not found")
		}
	case http.StatusConflict:
		said.detail = cmp.Or(e.Path, "id") + " is unique but a non-unique value is provided"
	case http.StatusTooManyRequests:
		said.detail = "Too many requests"
	case http.StatusNotImplemented:
		said.detail = "Not implemented"
	}
	return said
}

// typePingOne returns the scimType of a fault that is answered with 400.
func typePingOne(e *scim.Error) string {
	switch e.Rule {
	case scim.RuleUnknownSchema, scim.RuleMultiValued, scim.RuleSingleValued, scim.RuleType, scim.RuleDateTime:
		return "invalidSyntax"
	case scim.RuleImmutable:
		if e.Detail == removed { // pingone B42
			return "invalidValue"
		}
	}
	return verdict(e).scimType
}

// pingOneWords are the dialect's where neither the SDK's serve nor ours.
var pingOneWords = map[scim.Rule]string{
	scim.RulePassword:  "User password did not satisfy password policy requirements",
	scim.RuleLength:    "{path}: must have at most {first} characters",
	scim.RulePrimary:   "{path}: must not have more than one primary value",
	scim.RuleDangling:  "{path}: does not exist",
	scim.RuleCanonical: "{path}: must be one of {allowed}",
	scim.RuleURI:       "{path}: is not a URI",
	scim.RuleBinary:    "{path}: is not base64",
}

func textPingOne(e *scim.Error) string {
	if words, ok := pingOneWords[e.Rule]; ok {
		return e.Fill(words)
	}
	if words, ok := parserWords[e.Rule]; ok {
		return e.Fill("The request body could not be parsed: " + words + "{place}")
	}
	return cmp.Or(sdkText(e), describe(e))
}

// pingOneOperations leaves out what is done to passwords (pingone B43) and, in
// values without a path, attributes that the dialect does not have, unless they
// are refused (pingone B12).
func pingOneOperations(t *scim.ResourceType, ops []scim.PatchOperation, reject bool) []scim.PatchOperation {
	kept := make([]scim.PatchOperation, 0, len(ops))
	for _, op := range ops {
		path := op.Path
		if n := len(t.Schema.ID); len(path) > n && strings.EqualFold(path[:n], t.Schema.ID) && path[n] == ':' {
			path = path[n+1:]
		}
		switch {
		case strings.EqualFold(path, "password"):
			continue
		case path == "" && op.Value.Object() != nil:
			o := scim.NewObject()
			for _, m := range op.Value.Object().Members {
				known := reject || t.Schema.Attribute(m.Name) != nil || t.Extension(m.Name) != nil || strings.ContainsAny(m.Name, ":.[") ||
					slices.ContainsFunc([]string{"id", "externalId", "meta", "schemas"}, func(name string) bool { return strings.EqualFold(name, m.Name) })
				if known && !strings.EqualFold(m.Name, "password") {
					o.Members = append(o.Members, m)
				}
			}
			op.Value = scim.ObjectValue(o)
		}
		kept = append(kept, op)
	}
	return kept
}

// mergePingOne returns the attributes of a user after the dialect's have taken
// the place of those that it shows of old: what it does not show stays. Of
// several values it shows few (pingone B13); the others stay behind those sent,
// and what it does not show of a value stays with the one that comes in its place.
func mergePingOne(t *scim.ResourceType, old, given *scim.Object) *scim.Object {
	out := scim.NewObject()
	for _, m := range old.Members {
		a := t.Schema.Attribute(m.Name)
		switch {
		case m.Name == "externalId" || t.Extension(m.Name) != nil:
		case a == nil:
			out.Set(m.Name, m.Value)
		case a.MultiValued && a.Type == scim.TypeComplex:
			out.Assign(m.Name, scim.ListValue(mergeValues(a, m.Value.List(), given.Get(m.Name).List())...))
		case a.Type == scim.TypeComplex:
			out.Assign(m.Name, hiddenParts(a, m.Value, given.Get(m.Name)))
		}
	}
	for _, m := range given.Members {
		if _, done := out.Lookup(m.Name); !done {
			out.Set(m.Name, m.Value)
		}
	}
	return out
}

// hiddenParts returns v with the sub-attributes of old that a does not have.
func hiddenParts(a *scim.Attribute, old, v scim.Value) scim.Value {
	o := v.Object().Clone()
	for _, m := range old.Object().Clone().Members {
		if _, there := o.Lookup(m.Name); !there && a.Sub(m.Name) == nil {
			o.Members = append(o.Members, m)
		}
	}
	return scim.ObjectValue(o)
}

// mergeValues puts the values sent in the place of those shown of old. Where
// nothing is sent for one that is shown, those go that would be shown instead:
// what is cleared stays so, however often the same is sent.
func mergeValues(a *scim.Attribute, old, sent []scim.Value) []scim.Value {
	shown, replaced := slots(a.Name, old), slots(a.Name, sent)
	next := slices.Clone(sent)
	for slot, j := range replaced {
		if i, ok := shown[slot]; ok {
			next[j] = hiddenParts(a, old[i], sent[j])
		}
	}
	primary := slices.ContainsFunc(next, func(v scim.Value) bool { return v.Object().Get("primary").Bool() })
	var out, hidden []scim.Value
	placed := make([]bool, len(next))
	for i, v := range old {
		slot := slotOf(a.Name, v)
		j, sentFor := replaced[slot]
		switch k, is := shown[slot]; {
		case is && !sentFor:
			continue
		case is && k == i:
			out, placed[j] = append(out, next[j]), true
			continue
		}
		if primary && v.Object().Get("primary").Bool() {
			v = scim.ObjectValue(v.Object().Clone().Set("primary", scim.BoolValue(false)))
		}
		if !slices.ContainsFunc(next, func(w scim.Value) bool { return sameValue(v, w) }) {
			out, hidden = append(out, v), append(hidden, v)
		}
	}
	for j, v := range next {
		if !placed[j] {
			out = append(out, v)
		}
	}
	for slot, i := range slots(a.Name, out) {
		if j, ok := replaced[slot]; !ok || !scim.Equal(out[i], next[j]) {
			return append(next, hidden...)
		}
	}
	return out
}

func sameValue(v, w scim.Value) bool {
	for _, name := range []string{"value", "type"} {
		if !strings.EqualFold(v.Object().Get(name).Text(), w.Object().Get(name).Text()) {
			return false
		}
	}
	return !v.Object().Get("value").IsNull()
}

// slots returns the indexes of the values that are shown, by what they are
// shown as.
func slots(attribute string, list []scim.Value) map[string]int {
	at := map[string]int{}
	if len(list) == 0 {
		return at
	}
	if attribute != "phoneNumbers" {
		at[""] = max(0, slices.IndexFunc(list, func(v scim.Value) bool { return v.Object().Get("primary").Bool() }))
		return at
	}
	for i, v := range list {
		slot := slotOf(attribute, v)
		if _, taken := at[slot]; !taken && (slot == "primary" || slot == "mobile") {
			at[slot] = i
		}
	}
	return at
}

// slotOf returns what a value is shown as, if it is shown.
func slotOf(attribute string, v scim.Value) string {
	if attribute != "phoneNumbers" {
		return ""
	}
	if slot := strings.ToLower(v.Object().Get("type").Text()); slot != "" {
		return slot
	}
	return "primary"
}
