package server

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
)

// A Certificate is a chain and its key in two PEM files. When the files change,
// the next handshakes get what is in them then, without a restart.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	seen    [2][]byte // what the files held when they were looked at last
	current *tls.Certificate
	fault   string // why they could not be read, if so; told once
}

// LoadCertificate reads the chain and the key. Errors: files that cannot be
// read or do not belong together.
func LoadCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	if _, err := c.refresh(); err != nil {
		return nil, err
	}
	return c, nil
}

// refresh reads the files, which is little beside a handshake, and uses what
// they hold if that is new. changed says that it was.
func (c *Certificate) refresh() (changed bool, err error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return false, err
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Equal(cert, c.seen[0]) && bytes.Equal(key, c.seen[1]) {
		return false, nil
	}
	c.seen = [2][]byte{cert, key}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, fmt.Errorf("certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current = &pair
	return true, nil
}

// get returns the certificate for a handshake. While the files cannot be read
// or do not belong together, the one before stays in use.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	changed, err := c.refresh()
	c.mu.Lock()
	defer c.mu.Unlock()
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	switch {
	case err != nil && fault != c.fault:
		c.log.Warn("the new certificate cannot be used; the one before stays in use", "error", fault)
	case changed:
		c.log.Info("a new certificate is in use", "expires", c.current.Leaf.NotAfter)
	}
	c.fault = fault
	return c.current, nil
}
