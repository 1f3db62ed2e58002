package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rollcall-directory/rollcall/internal/store"
)

type doctorCommand struct {
	dataFlag
	Synchronous bool   `name:"require-synchronous" env:"ROLLCALL_REQUIRE_SYNCHRONOUS" help:"Complain unless PostgreSQL keeps every write on a synchronous standby too."`
	TLSCert     string `name:"tls-cert" placeholder:"FILE" env:"ROLLCALL_TLS_CERT" help:"The certificate chain that the server uses."`
	TLSKey      string `name:"tls-key" placeholder:"FILE" env:"ROLLCALL_TLS_KEY" help:"Its key."`
}

// Run prints one line for each thing that it looks at, and what to do where
// something is wrong. Then it fails.
func (c *doctorCommand) Run(t *terminal) error {
	found := store.Examine(context.Background(), store.Config{URL: c.Database, Synchronous: c.Synchronous, Path: filepath.Join(c.Data, "rollcall.db")})
	if c.Database == "" {
		if f, ok := examineFlush(c.Data); ok {
			found = append(found, f)
		}
	}
	if c.TLSCert != "" || c.TLSKey != "" {
		found = append(found, c.examineCertificate(time.Now()))
	}
	wrong := 0
	for _, f := range found {
		if f.Cure != "" {
			wrong++
		}
	}
	err := t.print(found, func(w io.Writer) {
		for _, f := range found {
			if f.Cure == "" {
				fmt.Fprintf(w, "ok      %s: %s\n", f.What, f.Is)
			} else {
				fmt.Fprintf(w, "WRONG   %s: %s; %s\n", f.What, f.Is, f.Cure)
			}
		}
	})
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d of %d things are wrong", wrong, len(found))
	}
	return err
}

// fastestFlush is less than any disk or battery-backed controller takes to
// keep a page; a file system in memory takes a tenth of it.
const fastestFlush = 15 * time.Microsecond

// examineFlush measures how long the disk takes to keep a page. ok is false
// where there is no directory to write to, of which others tell.
func examineFlush(dir string) (f store.Finding, ok bool) {
	file, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return f, false
	}
	defer os.Remove(file.Name())
	defer file.Close()
	page := make([]byte, 4096)
	var took []time.Duration
	for range 30 {
		begin := time.Now()
		_, err := file.Write(page)
		if err = errors.Join(err, file.Sync()); err != nil {
			return store.Finding{What: "disk", Is: err.Error(), Cure: "free space, or replace the disk"}, true
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	f = store.Finding{What: "disk", Is: fmt.Sprintf("it keeps a page in %s", took[len(took)/2].Round(time.Microsecond))}
	if took[len(took)/2] < fastestFlush {
		f.Is += ", faster than a disk can"
		f.Cure = "keep the data on a disk that flushes when it is told to, not in memory"
	}
	return f, true
}

// examineCertificate looks at what clients will look at.
func (c *doctorCommand) examineCertificate(now time.Time) store.Finding {
	f := store.Finding{What: "certificate"}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		f.Is, f.Cure = err.Error(), "give --tls-cert and --tls-key the PEM files of one certificate"
		return f
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		f.Is, f.Cure = err.Error(), "get another certificate"
		return f
	}
	f.Is = "good until " + leaf.NotAfter.UTC().Format(time.RFC3339)
	switch {
	case now.Before(leaf.NotBefore):
		f.Is = "good only from " + leaf.NotBefore.UTC().Format(time.RFC3339) + " on"
		f.Cure = "set the clock, or use the certificate before it"
	case leaf.NotAfter.Sub(now) < 14*24*time.Hour:
		f.Cure = "renew it"
	}
	return f
}
