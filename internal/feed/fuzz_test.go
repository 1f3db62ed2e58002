package feed

import (
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// FuzzPoll: no body of a poll is more than a fault of the request, and what is
// read is within its bounds.
func FuzzPoll(f *testing.F) {
	for _, body := range []string{
		`{}`, `{"maxEvents":0}`, `{"maxEvents":1e3,"returnImmediately":true}`, `{"ack":["a","b"]}`,
		`{"setErrs":{"a":{"err":"invalid_key","description":"x"}}}`, `{"ack":{}}`, `[]`, ``, `{"maxEvents":-1}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := readPoll(body)
		if err != nil && scim.Faults(err) == nil {
			t.Fatalf("%q: %v", body, err)
		}
		if q.most < 0 || q.most > maxTokens {
			t.Errorf("%q asks for %d", body, q.most)
		}
	})
}

// FuzzID: a jti leads back to its event in its stream only.
func FuzzID(f *testing.F) {
	key := make([]byte, 32)
	key[31] = 1
	m, err := newMint("https://id.example", "https://id.example/scim/v2", key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(int64(1), int64(1), int64(1), "")
	f.Add(int64(7), int64(1<<40), int64(1<<41), m.id(7, directory.Receipt{Seq: 1}, true))
	f.Fuzz(func(t *testing.T, stream, seq, at int64, other string) {
		if stream <= 0 || seq <= 0 || at < 0 || at >= 1<<48 {
			return
		}
		want := directory.Receipt{Seq: seq, At: time.UnixMilli(at).UTC()}
		notice, full := m.id(stream, want, false), m.id(stream, want, true)
		for _, jti := range []string{notice, full} {
			if got, ok := m.receipt(stream, jti); got != want || !ok {
				t.Errorf("%s leads to %v, %v", jti, got, ok)
			}
			if got, _ := m.receipt(stream+1, jti); got == want {
				t.Errorf("%s is of another stream too", jti)
			}
		}
		if notice == full {
			t.Errorf("both are %s", full)
		}
		m.receipt(stream, other)
	})
}
