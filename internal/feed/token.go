package feed

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// algorithm signs all tokens.
const algorithm = jose.ES256

// tokenType is the type of a security event token (RFC 8417 2.3).
const tokenType = "secevent+jwt"

// prefix begins the URIs of all SCIM events (RFC 9967 2).
const prefix = "urn:ietf:params:scim:event:"

// The URIs of the events that streams tell (RFC 9967 2.3 to 2.5).
const (
	feedAdd      = prefix + "feed:add"
	feedRemove   = prefix + "feed:remove"
	createNotice = prefix + "prov:create:notice"
	createFull   = prefix + "prov:create:full"
	patchNotice  = prefix + "prov:patch:notice"
	putNotice    = prefix + "prov:put:notice"
	putFull      = prefix + "prov:put:full"
	deleted      = prefix + "prov:delete"
	activated    = prefix + "prov:activate"
	deactivated  = prefix + "prov:deactivate"
	answered     = prefix + "misc:asyncresp"
)

// URIs returns the URIs of all events that a stream may tell, for the
// configuration that a service provider publishes (RFC 9967 4).
func URIs() []string {
	return []string{feedAdd, feedRemove, createNotice, createFull, patchNotice, putNotice, putFull, deleted, activated, deactivated, answered}
}

// A mint makes the security event tokens of one installation.
type mint struct {
	issuer string
	base   string // URL of the door whose resources events are about
	signer jose.Signer
	keys   jose.JSONWebKeySet // the public ones
	secret []byte             // makes the keys of ids
}

// newMint returns a mint that signs with the key, the 32 bytes of a scalar of P-256.
func newMint(issuer, base string, key []byte) (*mint, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), key)
	if err != nil {
		return nil, fmt.Errorf("use the key that signs events: %w", err)
	}
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: string(algorithm), Use: "sig"}
	print, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(print)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: private, KeyID: public.KeyID}},
		(&jose.SignerOptions{}).WithType(tokenType))
	if err != nil {
		return nil, err
	}
	return &mint{issuer: issuer, base: base, signer: signer, keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}},
		secret: append([]byte("rollcall: ids of events\x00"), key...)}, nil
}

// A token is a signed event.
type token struct {
	receipt directory.Receipt // of the event
	jti     string
	jws     string
}

// token makes the token that tells the event to the receiver of the stream.
// The same event always gives the same claims under the same jti.
func (m *mint) token(s *directory.Stream, e *directory.Event) (token, error) {
	receipt := directory.Receipt{Seq: e.Seq, At: e.At}
	jti := m.id(s.Key(), receipt, e.Resource != nil)
	claims := scim.NewObject(
		member("iss", scim.StringValue(m.issuer)),
		member("iat", scim.IntValue(e.At.Unix())),
		member("jti", scim.StringValue(jti)),
		member("aud", scim.Strings(audience(s)...)),
	)
	claims.Assign("txn", scim.TextOrNull(e.Transaction))
	claims.Set("sub_id", scim.ObjectValue(subject(e)))
	claims.Set("events", scim.ObjectValue(m.events(e)))
	signed, err := m.signer.Sign(claims.AppendJSON(nil))
	if err != nil {
		return token{}, fmt.Errorf("sign event %d: %w", e.Seq, err)
	}
	jws, err := signed.CompactSerialize()
	return token{receipt: receipt, jti: jti, jws: jws}, err
}

// audience names whom the stream is for.
func audience(s *directory.Stream) []string {
	switch {
	case len(s.Audience) > 0:
		return s.Audience
	case s.Endpoint != "":
		return []string{s.Endpoint}
	case s.Client != "":
		return []string{s.Client}
	}
	return []string{s.ID}
}

// subject says whom the event is about (RFC 9967 2.1).
func subject(e *directory.Event) *scim.Object {
	o := scim.NewObject(member("format", scim.StringValue("scim")), member("uri", scim.StringValue(path(e))))
	o.Assign("externalId", scim.TextOrNull(e.ExternalID))
	o.Assign("id", scim.TextOrNull(e.ID))
	return o
}

// path is where the resource is, below the base of a door.
func path(e *directory.Event) string {
	if e.Type == nil {
		return e.Answer.Path
	}
	return e.Type.Endpoint + "/" + url.PathEscape(e.ID)
}

// events makes the claim of that name: what has happened to the one resource
// in one transaction.
func (m *mint) events(e *directory.Event) *scim.Object {
	o := scim.NewObject()
	version := member("version", scim.StringValue(versionTag(e.Version)))
	tell := func(notice, full string) {
		if e.Resource != nil && full != "" {
			o.Set(full, object(version, member("data", scim.ObjectValue(m.data(e)))))
			return
		}
		o.Set(notice, object(version, member("attributes", scim.Strings(names(e)...))))
	}
	switch e.Kind {
	case directory.ResourceCreated:
		tell(createNotice, createFull)
	case directory.ResourcePatched:
		// prov:patch:full would carry the operations, which nobody has kept.
		tell(patchNotice, putFull)
	case directory.ResourceReplaced:
		tell(putNotice, putFull)
	case directory.ResourceDeleted:
		o.Set(deleted, object())
	case directory.ResourceEntered:
		o.Set(feedAdd, object())
	case directory.ResourceLeft:
		o.Set(feedRemove, object())
	case directory.RequestAnswered:
		o.Set(answered, answer(e))
	}
	switch {
	case e.Active == nil || e.Kind != directory.ResourcePatched && e.Kind != directory.ResourceReplaced:
	case *e.Active:
		o.Set(activated, object())
	default:
		o.Set(deactivated, object())
	}
	return o
}

// names returns the paths of the attributes that the event names. Where nothing
// of the resource has changed but how its header counts, that is said.
func names(e *directory.Event) []string {
	const population = "urn:pingidentity:schemas:extension:2.0:PingOneUser:population"
	var out []string
	for _, name := range e.Attributes {
		if name == "population" { // only one schema has it
			name = population
		}
		out = append(out, name)
	}
	if len(out) == 0 {
		return []string{"meta"}
	}
	return out
}

// data is the resource as the standard door would answer with it, without
// what is computed from other resources.
func (m *mint) data(e *directory.Event) *scim.Object {
	t, r := e.Type, e.Resource
	attributes := r.Attributes()
	o := scim.NewObject(member("schemas", scim.Value{}), member("id", scim.StringValue(r.ID)))
	o.Assign("externalId", attributes.Get("externalId"))
	o.Set("meta", object(
		member("resourceType", scim.StringValue(t.Name)),
		member("created", scim.StringValue(scim.FormatTime(r.Created))),
		member("lastModified", scim.StringValue(scim.FormatTime(r.Modified))),
		member("location", scim.StringValue(m.base+path(e))),
		member("version", scim.StringValue(versionTag(r.Version))),
	))
	schemas := []string{t.Schema.ID}
	for _, a := range attributes.Members {
		switch {
		case a.Name != scim.EnterpriseSchema && scim.UserType().Extension(a.Name) != nil: // of another dialect
		case t.Extension(a.Name) != nil:
			schemas = append(schemas, a.Name)
			o.Set(a.Name, a.Value)
		case t.Schema.Attribute(a.Name) != nil:
			o.Set(a.Name, a.Value)
		}
	}
	o.Set("schemas", scim.Strings(schemas...))
	everything, _ := scim.ParseProjection(t, nil, nil, scim.FilterOptions{}) // nothing to refuse
	return everything.Apply(o)
}

// answer is the operation of a bulk response that the request would have been
// (RFC 9967 2.5.1.3).
func answer(e *directory.Event) scim.Value {
	o := scim.NewObject(member("method", scim.StringValue(e.Answer.Method)))
	for _, text := range []struct{ name, value string }{{"bulkId", e.Answer.BulkID}, {"version", e.Answer.Version}, {"status", e.Answer.Status}} {
		o.Assign(text.name, scim.TextOrNull(text.value))
	}
	if e.Answer.Response != nil {
		o.Set("response", scim.ObjectValue(e.Answer.Response))
	}
	return scim.ObjectValue(o)
}

func versionTag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

func member(name string, v scim.Value) scim.Member { return scim.Member{Name: name, Value: v} }

func object(members ...scim.Member) scim.Value { return scim.ObjectValue(scim.NewObject(members...)) }

// id returns the jti of an event in a stream. It is one block of a cipher of the
// stream's own, so that nobody learns from it how much happens in other
// environments, and says whether the event is told in full: one jti has one content.
func (m *mint) id(stream int64, r directory.Receipt, full bool) string {
	var block [aes.BlockSize]byte
	binary.BigEndian.PutUint64(block[:8], uint64(r.Seq))
	if full {
		block[0] |= 0x80
	}
	binary.BigEndian.PutUint64(block[8:], uint64(r.At.UnixMilli()))
	m.ids(stream).Encrypt(block[:], block[:])
	return hex.EncodeToString(block[:])
}

// receipt returns what the jti says of an event that the stream may have told;
// false if none can have it.
func (m *mint) receipt(stream int64, jti string) (r directory.Receipt, ok bool) {
	var block [aes.BlockSize]byte
	if len(jti) != hex.EncodedLen(len(block)) {
		return r, false
	}
	if _, err := hex.Decode(block[:], []byte(jti)); err != nil {
		return r, false
	}
	m.ids(stream).Decrypt(block[:], block[:])
	block[0] &= 0x7f
	at := binary.BigEndian.Uint64(block[8:])
	r = directory.Receipt{Seq: int64(binary.BigEndian.Uint64(block[:8])), At: time.UnixMilli(int64(at)).UTC()}
	return r, r.Seq > 0 && at < 1<<48
}

// ids returns the cipher of the stream's jti.
func (m *mint) ids(stream int64) cipher.Block {
	key := sha256.Sum256(binary.BigEndian.AppendUint64(bytes.Clone(m.secret), uint64(stream)))
	block, _ := aes.NewCipher(key[:16]) // the length is right
	return block
}
