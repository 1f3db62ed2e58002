package main

import "testing"

// TestUnknownChoices: what another version has stored of a client, and this one does
// not know, leaves the doors as the server has them.
func TestUnknownChoices(t *testing.T) {
	served := newDialects()
	for _, name := range []string{"rsa.groups", "rsa.strict_json"} {
		if err := served.choose(name, "on"); err != nil {
			t.Fatal(err)
		}
	}
	got := served.with(map[string]string{"rsa.groups": "nested", "rsa.strict_json": "off", "rsa.colour": "red"})
	if !got.rsa.Groups || got.rsa.StrictJSON {
		t.Errorf("groups %t, strict JSON %t; want true, false", got.rsa.Groups, got.rsa.StrictJSON)
	}
}
