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

// hashAnswers returns the questions sent with hashes for answers. An answer
// that is the stored one keeps its hash, so that nothing changes.
func hashAnswers(stored, sent scim.Value) scim.Value {
	return mapQuestions(stored, sent, func(had, answer string) string {
		switch {
		case answer == "":
			return ""
		case had != "" && answers(had, answer):
			return had
		}
		return hashAnswer(answer, rand.Text()[:16])
	})
}

// keepAnswers returns the questions sent, whose answers are hashes: one that is
// sent without an answer, as it is read, keeps the one that it had.
func keepAnswers(stored, sent scim.Value) scim.Value {
	return mapQuestions(stored, sent, func(had, answer string) string {
		if answer == "" {
			return had
		}
		return answer
	})
}

// mapQuestions returns the questions sent with the answers that answer makes of
// the stored answer to the same question and the one sent; each is empty for none.
func mapQuestions(stored, sent scim.Value, answer func(had, sent string) string) scim.Value {
	if sent.Kind() != scim.Array {
		return sent
	}
	out := make([]scim.Value, len(sent.List()))
	for i, v := range sent.List() {
		q := v.Object().Clone()
		if kind := q.Get("answer").Kind(); v.Kind() != scim.ObjectKind || kind != scim.Null && kind != scim.String {
			out[i] = v // which the policy refuses
			continue
		}
		had := ""
		for _, o := range stored.List() {
			if sameQuestion(o.Object(), q) {
				had = o.Object().Get("answer").Text()
			}
		}
		if text := answer(had, q.Get("answer").Text()); text != "" {
			q.Set("answer", scim.StringValue(text))
		} else {
			q.Delete("answer")
		}
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
