package crest

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// Answers to security questions (kbaInfo) are secrets: they are kept as salted
// hashes and never returned (AIC-065, AIC-150).
const (
	answerRounds = 10_000 // a few milliseconds each
	answerPrefix = "$pbkdf2-sha256$i=10000$"
	// maxQuestions bounds the work that one request can ask for.
	maxQuestions = 20
)

// hashAnswers returns the questions sent with hashes for answers. A question
// that is sent without its answer, as it is read, or with the same one, keeps the
// hash that is stored.
func hashAnswers(stored, sent scim.Value) scim.Value {
	if sent.Kind() != scim.Array {
		return sent
	}
	out := make([]scim.Value, len(sent.List()))
	for i, v := range sent.List() {
		q := v.Object().Clone()
		answer := q.Get("answer")
		if v.Kind() != scim.ObjectKind || !answer.IsNull() && answer.Kind() != scim.String {
			out[i] = v // which the policy refuses
			continue
		}
		hash := ""
		for _, o := range stored.List() {
			if sameQuestion(o.Object(), q) {
				hash = o.Object().Get("answer").Text()
			}
		}
		if text := answer.Text(); text != "" && (hash == "" || !answers(hash, text)) {
			hash = hashAnswer(text, rand.Text()[:16])
		}
		q.Delete("answer")
		q.Assign("answer", scim.TextOrNull(hash))
		out[i] = scim.ObjectValue(q)
	}
	return scim.ListValue(out...)
}

func sameQuestion(a, b *scim.Object) bool {
	return scim.Equal(a.Get("questionId"), b.Get("questionId")) && scim.Equal(a.Get("customQuestion"), b.Get("customQuestion"))
}

// hashAnswer returns the hash of an answer. Letter case and outer blanks make
// no difference to the answer of a question.
func hashAnswer(answer, salt string) string {
	normal := strings.ToLower(strings.TrimSpace(answer))
	key, err := pbkdf2.Key(sha256.New, normal, []byte(salt), answerRounds, sha256.Size)
	if err != nil {
		panic(fmt.Sprintf("crest: pbkdf2: %v", err)) // the parameters are constants
	}
	return answerPrefix + salt + "$" + base64.RawStdEncoding.EncodeToString(key)
}

// answers reports whether answer is the one that was hashed.
func answers(hash, answer string) bool {
	salt, _, ok := strings.Cut(strings.TrimPrefix(hash, answerPrefix), "$")
	return ok && subtle.ConstantTimeCompare([]byte(hash), []byte(hashAnswer(answer, salt))) == 1
}
