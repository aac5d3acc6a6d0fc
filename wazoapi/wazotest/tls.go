package wazotest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// CAPEM returns the server's certificate, which it signed itself, as PEM; nil
// without [WithTLS] or [WithInstallerCertificate].
func (s *Server) CAPEM() []byte {
	if s.certificate == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate.Certificate[0]})
}

// CAFile writes [Server.CAPEM] into a file of dir and returns its name.
func (s *Server) CAFile(dir string) (string, error) {
	name := filepath.Join(dir, "wazo.crt")
	if err := os.WriteFile(name, s.CAPEM(), 0o600); err != nil {
		return "", fmt.Errorf("failed to write the certificate: %w", err)
	}
	return name, nil
}

// authority makes a certificate one that names the loopback addresses, too, and
// that may sign others.
func authority(template *x509.Certificate) {
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage |= x509.KeyUsageCertSign
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
}

// selfSigned makes a certificate for localhost, after change was called. It
// panics if the standard library cannot: nothing that a caller does can cause
// that.
func selfSigned(change func(template *x509.Certificate)) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("wazotest: " + err.Error())
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "wazo.test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic("wazotest: " + err.Error())
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
