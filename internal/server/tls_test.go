package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/server"
)

// files writes a new certificate and its key to the directory and returns
// their names and the certificate.
func files(t *testing.T, dir string, serial int64) (certFile, keyFile string, cert *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	draft := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "rollcall"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	packed, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: packed}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile, cert
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, first := files(t, dir, 1)
	var told lines
	c, err := server.LoadCertificate(certFile, keyFile, slog.New(slog.NewJSONHandler(&told, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := mustNew(t, server.Config{Doors: []route.Door{door(get("/ok", ok))}, Certificate: c})
	address, _ := start(t, s)
	// ask shakes hands anew, believing the certificate alone, and returns the
	// serial number of the one shown.
	ask := func(believed *x509.Certificate, change func(*tls.Config)) (*http.Response, string, error) {
		cfg := &tls.Config{RootCAs: x509.NewCertPool()}
		cfg.RootCAs.AddCert(believed)
		if change != nil {
			change(cfg)
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
		res, err := client.Get("https://" + address + "/test/ok")
		if err != nil {
			return nil, "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return res, string(b), err
	}
	version := func(v uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion = v, v }
	}

	t.Run("scim:SEC-01 TLS 1.2 and 1.3 are spoken; nothing older, and no plain HTTP on that port", func(t *testing.T) {
		for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			res, body, err := ask(first, version(v))
			if err != nil || res.StatusCode != 200 || body != "ok" || res.TLS.Version != v {
				t.Errorf("%s: %v %q %v", tls.VersionName(v), res, body, err)
			}
		}
		for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
			if _, _, err := ask(first, version(v)); err == nil {
				t.Errorf("%s is spoken", tls.VersionName(v))
			}
		}
		res, err := http.Get("http://" + address + "/test/ok")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if b, _ := io.ReadAll(res.Body); res.StatusCode != 400 || strings.Contains(string(b), "ok\n") {
			t.Errorf("plain HTTP: %d %s", res.StatusCode, b)
		}
	})
	t.Run("clients are told to stay with TLS, in HTTP/2 too", func(t *testing.T) {
		res, _, err := ask(first, nil)
		if err != nil || res.Proto != "HTTP/2.0" || res.Header.Get("Strict-Transport-Security") != "max-age=31536000" {
			t.Errorf("%v, %v", res, err)
		}
	})
	t.Run("a certificate that nobody believes", func(t *testing.T) {
		_, _, other := files(t, t.TempDir(), 9)
		var unknown x509.UnknownAuthorityError
		if _, _, err := ask(other, nil); !errors.As(err, &unknown) {
			t.Errorf("error %v", err)
		}
	})

	serial := func(t *testing.T, believed *x509.Certificate) int64 {
		t.Helper()
		res, _, err := ask(believed, nil)
		if err != nil {
			t.Fatal(err)
		}
		return res.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	t.Run("new files are used by the next handshake", func(t *testing.T) {
		_, _, second := files(t, dir, 2)
		if got := serial(t, second); got != 2 {
			t.Errorf("serial number %d", got)
		}
		first = second
		if told.last(t, "a new certificate is in use") == nil {
			t.Error("the log does not tell")
		}
	})
	t.Run("broken files leave the one before in use, and that is told once", func(t *testing.T) {
		const complaint = "the new certificate cannot be used; the one before stays in use"
		for name, spoil := range map[string]func() error{
			"a key of another certificate": func() error {
				_, other, _ := files(t, t.TempDir(), 3)
				b, err := os.ReadFile(other)
				return errors.Join(err, os.WriteFile(keyFile, b, 0o600))
			},
			"no key": func() error { return os.Remove(keyFile) },
		} {
			if err := spoil(); err != nil {
				t.Fatal(err)
			}
			before := strings.Count(told.String(), complaint)
			for range 3 {
				if got := serial(t, first); got != 2 {
					t.Errorf("%s: serial number %d", name, got)
				}
			}
			if n := strings.Count(told.String(), complaint) - before; n != 1 {
				t.Errorf("%s: told %d times", name, n)
			}
		}
		_, _, fourth := files(t, dir, 4)
		if got := serial(t, fourth); got != 4 {
			t.Errorf("serial number %d after repair", got)
		}
	})
	t.Run("files that cannot be used at the start", func(t *testing.T) {
		for _, pair := range [][2]string{{certFile, filepath.Join(dir, "none.pem")}, {filepath.Join(dir, "none.pem"), keyFile}, {certFile, certFile}} {
			if _, err := server.LoadCertificate(pair[0], pair[1], slog.Default()); err == nil {
				t.Errorf("%v: no error", pair)
			}
		}
	})
}
