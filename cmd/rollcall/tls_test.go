package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestServeTLS speaks TLS with the real program.
func TestServeTLS(t *testing.T) {
	lent := httptest.NewTLSServer(nil) // its certificate will do
	lent.Close()
	pair := lent.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, text, err := launch(dir, os.Environ(), "--json", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--tls-cert", certFile, "--tls-key", keyFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	var ready struct{ URL string }
	if err := json.Unmarshal([]byte(text), &ready); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(ready.URL, "https://127.0.0.1:") {
		t.Errorf("clients are told %s", ready.URL)
	}
	roots := x509.NewCertPool()
	roots.AddCert(lent.Certificate())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	res, err := client.Get(ready.URL + "/scim/v2/Users")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 401 || !strings.Contains(string(body), `"status":"401"`) {
		t.Errorf("%d %s %v", res.StatusCode, body, err)
	}
	client.CloseIdleConnections()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err != nil {
		t.Errorf("stop: %v", err)
	}
}
