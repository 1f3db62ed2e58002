package scim2

import (
	"net/http"
	"slices"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Profile is a dialect of SCIM 2.0 as data. [Standard], [PingOne] and [RSA]
// make one.
type Profile struct {
	name     string   // of the door
	prefixes []string // under which it is served
	schemes  []string // of authentication, the first is the one advertised

	kinds []*kind // resource types that are offered
	// own makes a kind of a type that an environment defines; nil where the
	// dialect shows neither such types nor such schemas.
	own        func(*scim.ResourceType) *kind
	notOffered []string // paths of parts that the dialect names and answers with 501

	// fixed are the settings of every client where the dialect leaves no choice;
	// nil takes each client's own.
	fixed *directory.ClientSettings
	// anyCase takes the names of endpoints in any letter case, of those clients
	// that have the rewrite query-loose.
	anyCase bool
	// anyCharset takes every charset parameter of a Content-Type.
	anyCharset bool
	// limits are those of the JSON reader, with the only lenience it has.
	limits scim.Limits

	mediaType string // of answers, with its parameters
	// wantsPlain reports whether these media types of an Accept header ask for
	// application/json instead.
	wantsPlain func(accept []string) bool
	// correlation is the header that carries the id of the request; empty for none.
	correlation string
	// external reads what the client's own systems call the request; nil for nothing.
	external func(http.Header) directory.External
	// locates: answers of one resource have the headers Location and
	// Content-Location. Without it only a new resource has a Location.
	locates bool
	// root: the resources of all kinds can be queried together, and there are bulk
	// requests and /Me.
	root bool
	// native: the list of populations is served as the platform's own interface has it.
	native bool
	// versions: resources have a version and answers an ETag; preconditions hold.
	versions bool
	// createOnly: nothing that is there can be changed or deleted.
	createOnly bool

	// allowFilter refuses resolved filters that the dialect does not have; nil takes all.
	allowFilter func(*scim.Filter) error
	page        paging

	// events are the URIs of the events that an environment with a stream may
	// tell; empty where there are no streams (scim DIS-07).
	events []string

	// publicConfig and publicSchemas: the configuration, and schemas and
	// resource types, are told to who shows no credential.
	publicConfig, publicSchemas bool
	// privateFilters refuses filters with personal data in URLs.
	privateFilters bool
	discovery      discovery

	// checks say how the client's resources are read; nil has those of the kind.
	checks func(directory.ClientSettings) scim.Checks
	// patch has the last word on how a PATCH is read; nil for nothing.
	patch func(*scim.PatchOptions)

	// word chooses status and words for the faults of a request.
	word func(scim.Errors) wording
	// patchPrefix begins the detail of a fault of a PATCH: of the operation at the
	// index, or of the result when it is negative.
	patchPrefix func(operation int) string
	// internal words a fault of the server.
	internal func(r *http.Request) string
}

// paging is how the dialect cuts lists into pages.
type paging struct {
	size int // resources in a page of a request that does not say
	most int // resources in any page
	// off: the parameter startIndex is not known.
	off bool
	// quiet: startIndex is in the answer only when it was in the request.
	quiet bool
}

// A kind is a resource type as a dialect offers it.
type kind struct {
	*scim.ResourceType // what it publishes, validates and shows
	// view is the name of the directory's type, where the kind is another view of it.
	view   string
	write  directory.Permission
	checks scim.Checks
	// inspect has the last word on the faults of a body and checks what the
	// schema cannot say; nil for nothing. attributes is the body in canonical
	// names, without meaning when there are faults.
	inspect func(body, attributes *scim.Object, faults scim.Errors) scim.Errors
	// resolve binds filters to what is stored, where names are others there; nil
	// for the type's own Resolve.
	resolve func(*scim.Filter, scim.FilterOptions) (*scim.Filter, error)
	// decode moves out of the attributes what the directory keeps elsewhere; nil for nothing.
	decode func(*directory.Draft, scim.Checks)
	// merge returns the attributes that are stored when the dialect's take the
	// place of those that it shows of old; nil keeps the extensions that the kind
	// does not show. It is pure.
	merge func(old, attributes *scim.Object) *scim.Object
	// operations changes the operations of a PATCH before they are applied; nil for nothing.
	operations func([]scim.PatchOperation) ([]scim.PatchOperation, error)
	// fixedID refuses a replacement whose id is not that of the path.
	fixedID bool
	// population is where users show their population, without which they cannot
	// be; empty where they do not.
	population string
	// createOnlyPassword passes over passwords in changes.
	createOnlyPassword bool
	// encode returns the attributes of the resource as the dialect shows them;
	// nil when that is all of those that the schemas of the type define.
	encode func(*call, *scim.Resource) *scim.Object
	// groups: resources are shown with the groups that they belong to.
	groups bool
	// selective: attributes of it are not returned, or not by default.
	selective bool
}

// changesPassword reports whether a password can be replaced (RFC 7643 5).
func (p *Profile) changesPassword() bool {
	return !p.createOnly && !slices.ContainsFunc(p.kinds, func(k *kind) bool { return k.createOnlyPassword })
}

// serves reports whether resources of the type of this name have a URL at the door.
func (p *Profile) serves(typ string) bool {
	return slices.ContainsFunc(p.kinds, func(k *kind) bool { return k.Name == typ })
}

// Options are the switches that the dialects' fact sheets name. The zero
// Options are their defaults; a field names the sheets that know it, and the
// other profiles pass over it.
type Options struct {
	// Strict takes what RFC 7644 has and nothing else (scim section 27).
	Strict bool
	// Interop refuses unknown attributes (scim SCH-27).
	Interop bool
	// Basic takes HTTP Basic beside bearer secrets (scim SEC-06).
	Basic bool
	// PrivateFilters refuses filters with personal data in URLs (scim LST-07).
	PrivateFilters bool
	// PrivateSchemas asks for a credential at /Schemas and /ResourceTypes (scim DIS-05).
	PrivateSchemas bool

	// Events are the URIs of the events that streams may tell, where requests are
	// also accepted to be answered later (scim DIS-07). Environments that have no
	// stream do not show them.
	Events []string

	// Unknown is what becomes of attributes that the dialect does not have
	// (pingone B12): ignored, refused, or kept as far as the common schema has them.
	Unknown Unknown
	// NoPaging ignores startIndex (pingone B21).
	NoPaging bool

	// EncodedPasswords takes passwords of new users that another directory has
	// hashed, as {SSHA512} and the value, for what they are (pingone B10).
	EncodedPasswords bool

	// Groups serves groups as the standard has them (pingone B47, rsa RSA-120).
	Groups bool

	// Local is an identity source of type Local: users are created and read,
	// never changed (rsa section 3).
	Local bool
	// RequireWorkEmail refuses users without e-mail (rsa RSA-012).
	RequireWorkEmail bool
	// PasswordRefusal answers a password that the policy refuses with 400
	// instead of 500 (rsa RSA-019).
	PasswordRefusal bool
	// IgnoreUnknown drops attributes that no schema defines (rsa RSA-041).
	IgnoreUnknown bool
	// StrictJSON refuses trailing commas (rsa RSA-045).
	StrictJSON bool
	// StrictFilters takes eq on userName, emails and id and no other filter (rsa RSA-056).
	StrictFilters bool
}

// Unknown is a policy for attributes that a dialect does not have.
type Unknown uint8

// The policies of pingone B12.
const (
	IgnoreUnknown Unknown = iota
	RejectUnknown
	StoreUnknown
)
