package directory

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"sync"
)

// A Sealer makes words without meaning of what a door gives to its clients to
// bring back, as the places where pages begin. Nobody can read or make such a
// word, and it is good for one caller with the rights it had and for one query.
// All nodes of an installation have the same keys.
type Sealer struct {
	directory *Directory
	purpose   string
	mu        sync.Mutex
	aead      cipher.AEAD // nil until it is asked for
}

// NewSealer returns a sealer whose words no sealer of another purpose opens.
func NewSealer(d *Directory, purpose string) *Sealer { return &Sealer{directory: d, purpose: purpose} }

func (s *Sealer) cipher(ctx context.Context) (cipher.AEAD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aead != nil {
		return s.aead, nil
	}
	secret, err := s.directory.SigningKey(ctx)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, nil, s.purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	s.aead, err = cipher.NewGCMWithRandomNonce(block)
	return s.aead, err
}

// bound is what a word is good for: who asks, with what rights, and what about.
func bound(c Caller, about []string) []byte {
	text, _ := json.Marshal([]any{c.Environment, c.Client, c.Role, c.Doors, about}) // strings always can be
	return text
}

// Seal returns a word for v, which must be possible as JSON, in the unreserved
// characters of a URI. about is all of the query that the word is good for.
func (s *Sealer) Seal(ctx context.Context, c Caller, about []string, v any) (string, error) {
	aead, err := s.cipher(ctx)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, text, bound(c, about))), nil
}

// Open reads into v what Seal made the word of; ok is false if it did not, or
// for another caller or query.
func (s *Sealer) Open(ctx context.Context, c Caller, about []string, word string, v any) (ok bool, err error) {
	aead, err := s.cipher(ctx)
	if err != nil {
		return false, err
	}
	sealed, fault := base64.RawURLEncoding.Strict().DecodeString(word)
	if fault != nil {
		return false, nil
	}
	plain, fault := aead.Open(nil, nil, sealed, bound(c, about))
	return fault == nil && json.Unmarshal(plain, v) == nil, nil
}
