package crest

import "testing"

func TestAcceptedVersions(t *testing.T) {
	for _, tt := range []struct {
		header  string
		want    string // version of the protocol
		status  int
		message string // of the refusal; empty for any
	}{
		{header: "resource=1.0", want: "2.1"},
		{header: "resource=1", want: "2.1"},
		{header: "protocol=2.0", want: "2.0"},
		{header: "protocol=2", want: "2.0"},
		{header: "protocol=2.2,resource=1.0", want: "2.2"},
		{header: "resource=1.0, protocol=2.1", want: "2.1"},
		{header: "protocol=1.0", want: "1.0"},
		{header: "protocol=3.0", status: 400, message: "Unsupported major version: 3.0"},
		{header: "protocol=2.3", status: 400, message: "Unsupported minor version: 2.3"},
		{header: "resource=2.0", status: 406},
		{header: "resource=1.1", status: 406},
		{header: "", status: 400},
		{header: "1.0", status: 400},
		{header: "resource=", status: 400},
		{header: "resource=x", status: 400},
		{header: "resource=1.0.0", status: 400},
		{header: "resource=-1", status: 400},
		{header: "resource=99999999999999999999", status: 400},
		{header: "resource=1.0,resource=1.0", status: 400},
		{header: "resource=1.0;protocol=2.1", status: 400},
		{header: "resource=1.0,", status: 400},
		{header: "api=1.0", status: 400},
	} {
		got, err := acceptedVersions([]string{tt.header})
		if tt.status == 0 {
			if err != nil || got.String() != tt.want {
				t.Errorf("%q: %v, %v, want %s", tt.header, got, err, tt.want)
			}
			continue
		}
		if f := worded(err); err == nil || f.status != tt.status || tt.message != "" && f.message != tt.message {
			t.Errorf("%q: %v, want %d %s", tt.header, err, tt.status, tt.message)
		}
	}
	if got, err := acceptedVersions(nil); err != nil || got.String() != "2.1" {
		t.Errorf("without the header: %v, %v", got, err)
	}
}
