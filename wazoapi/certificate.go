package wazoapi

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"slices"
	"time"
)

// trust says which certificates of the server are accepted. The zero value
// accepts what the system accepts.
type trust struct {
	roots *x509.CertPool // nil means those of the system
	// pins are the public keys in the CA file, in DER. A certificate contains
	// its key, so the pin of a certificate is its key. That a server has the key
	// is proved by the handshake.
	pins [][]byte
}

// loadTrust reads the CA file. It contains certificates or public keys as PEM.
// Other blocks, and certificates that cannot be parsed, are passed over, as
// x509.CertPool does. It returns an error if the file cannot be read or if
// nothing in it can be used.
func loadTrust(caFile string) (trust, error) {
	if caFile == "" {
		return trust{}, nil
	}
	data, err := os.ReadFile(caFile)
	if err != nil {
		return trust{}, fmt.Errorf("failed to read the CA file: %w", err)
	}
	t := trust{}
	if t.roots, err = x509.SystemCertPool(); err != nil {
		t.roots = x509.NewCertPool() // a system without roots: the file is enough
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		t.add(block)
	}
	if len(t.pins) == 0 {
		return trust{}, fmt.Errorf("the CA file %s contains no PEM certificate", caFile)
	}
	return t, nil
}

// add trusts what a PEM block contains.
func (t *trust) add(block *pem.Block) {
	switch block.Type {
	case "CERTIFICATE":
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			t.roots.AddCert(certificate)
			t.pins = append(t.pins, certificate.RawSubjectPublicKeyInfo)
		}
	case "PUBLIC KEY":
		if _, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			t.pins = append(t.pins, block.Bytes)
		}
	}
}

// tlsConfig returns the configuration of connections to a host. Without a CA
// file, crypto/tls verifies the server as always. With one, verify does.
func (t trust) tlsConfig(host string) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(t.pins) > 0 {
		// This switches off only the verification of crypto/tls, which knows no
		// pins. VerifyConnection is called in each handshake, a resumed one
		// included, and its error ends the handshake.
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(state tls.ConnectionState) error { return t.verify(state, host) }
	}
	return cfg
}

// verify first does what crypto/tls does: it accepts a certificate that names
// the host, is valid now and leads to a trusted root. What fails this is still
// accepted if it has a pinned public key and is valid now. The error is that
// of the ordinary verification.
func (t trust) verify(state tls.ConnectionState, host string) error {
	opts := x509.VerifyOptions{Roots: t.roots, Intermediates: x509.NewCertPool(), CurrentTime: time.Now(), DNSName: state.ServerName}
	if opts.DNSName == "" {
		// The handshake does not carry IP addresses, and x509 checks no name if
		// it gets none. An https proxy has its name in the state.
		opts.DNSName = host
	}
	for _, certificate := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(certificate)
	}
	leaf := state.PeerCertificates[0]
	_, err := leaf.Verify(opts)
	if err == nil || t.pinned(leaf) && !opts.CurrentTime.Before(leaf.NotBefore) && !opts.CurrentTime.After(leaf.NotAfter) {
		return nil
	}
	return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
}

// pinned reports whether the public key of a certificate is in the CA file.
func (t trust) pinned(certificate *x509.Certificate) bool {
	return slices.ContainsFunc(t.pins, func(pin []byte) bool { return bytes.Equal(pin, certificate.RawSubjectPublicKeyInfo) })
}
