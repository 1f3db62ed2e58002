package directory

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// Passwords that come as hashes which another directory has made: {NAME} and
// the encoded value (pingone section 10, encodings).

// salted are the hashes whose value is base64 of digest and salt.
var salted = map[string]func() hash.Hash{
	"{SSHA}": sha1.New, "{SSHA256}": sha256.New, "{SSHA384}": sha512.New384, "{SSHA512}": sha512.New,
}

// bcrypted is the name of a hash whose value is in the form of crypt(3).
const bcrypted = "{BCRYPT}"

// maxCost is the dearest hash of that kind that is taken: it costs a second or
// so, and each step of one twice as much.
const maxCost = 14

// foreign are the names of encodings that are known and cannot be checked here.
var foreign = []string{"{PBKDF2}", "{ARGON2}", "{SCRYPT}", "{SCRYPT_RFC7914}", "{MSKCC_PBKDF2}"}

// encoding returns the name at the head of an encoded password, and the rest;
// no name for a password that is not encoded.
func encoding(text string) (name, value string) {
	end := strings.IndexByte(text, '}')
	name, value = text[:end+1], text[end+1:]
	if salted[name] == nil && name != bcrypted && !slices.Contains(foreign, name) {
		return "", text
	}
	return name, value
}

// takeEncoded takes an encoded password out of the draft, where it may have one:
// it is kept as it is, and no policy judges it. Errors: RulePassword.
func (w *write) takeEncoded() error {
	if !w.draft.EncodedPassword {
		return nil
	}
	v, _ := w.draft.Attributes.Find("password")
	name, value := encoding(v.Text())
	if name == "" {
		return nil
	}
	if _, err := compareEncoded("", name, value); err != nil {
		return brokenPolicy("encoding", "an encoding that cannot be read", 0)
	}
	attributes := scim.NewObject()
	for _, m := range w.draft.Attributes.Members {
		if !strings.EqualFold(m.Name, "password") {
			attributes.Members = append(attributes.Members, m)
		}
	}
	w.draft.Attributes, w.hash = attributes, v.Text()
	return nil
}

// compareEncoded reports whether the password is the one that was encoded. It fails
// for a value that cannot be read.
func compareEncoded(password, name, value string) (bool, error) {
	if name == bcrypted {
		cost, err := bcrypt.Cost([]byte(value))
		if err == nil && cost > maxCost {
			err = fmt.Errorf("a hash of the cost %d", cost)
		}
		if err != nil {
			return false, err
		}
		return len(password) <= 72 && bcrypt.CompareHashAndPassword([]byte(value), []byte(password)) == nil, nil
	}
	digest := salted[name]
	if digest == nil {
		return false, fmt.Errorf("passwords in %s cannot be checked", name)
	}
	both, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return false, err
	}
	sum := digest()
	n := sum.Size()
	if len(both) < n {
		return false, fmt.Errorf("a digest of %d bytes", len(both))
	}
	sum.Write([]byte(password))
	sum.Write(both[n:])
	return subtle.ConstantTimeCompare(sum.Sum(nil), both[:n]) == 1, nil
}
