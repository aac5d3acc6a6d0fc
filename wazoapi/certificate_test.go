package wazoapi

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// identity is a certificate with its private key.
type identity struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// issue makes a certificate for localhost, as a new Wazo does, after change was
// called. It is signed by issuer, or by itself if that is nil.
func issue(t *testing.T, key *ecdsa.PrivateKey, issuer *identity, change func(template *x509.Certificate)) *identity {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "wazo"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		DNSNames:     []string{"localhost"},
	}
	if change != nil {
		change(template)
	}
	if issuer == nil {
		issuer = &identity{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Certificate, &key.PublicKey, issuer.key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &identity{certificate, key}
}

func asCA(template *x509.Certificate) {
	template.Subject.CommonName, template.DNSNames = "authority", nil
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
}

func named(names ...string) func(*x509.Certificate) {
	return func(template *x509.Certificate) { template.DNSNames = names }
}

func (i *identity) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Raw}))
}

func (i *identity) publicPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: i.RawSubjectPublicKeyInfo}))
}

// presenting starts a server that presents a certificate, with those that lead
// to its root, and returns its port.
func presenting(t *testing.T, leaf *identity, intermediates ...*identity) string {
	t.Helper()
	chain := [][]byte{leaf.Raw}
	for _, intermediate := range intermediates {
		chain = append(chain, intermediate.Raw)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, http.StatusOK, `{}`) }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of our refusal
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: chain, PrivateKey: leaf.key}}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL[strings.LastIndex(srv.URL, ":")+1:]
}

// handshakes returns the failure of a request's handshake and that of the
// websocket's, which are nil if the certificate was accepted. In any case the
// request of a refused certificate was not sent.
func handshakes(t *testing.T, url, caFile string) (rest, websocket error) {
	t.Helper()
	if caFile != "" {
		path := filepath.Join(t.TempDir(), "wazo.crt")
		require.NoError(t, os.WriteFile(path, []byte(caFile), 0o600))
		caFile = path
	}
	c, err := New(Config{URL: url, CAFile: caFile}, zerolog.Nop())
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	rest = c.fetch(t.Context(), request{method: http.MethodGet, service: serviceChatd, path: "/x", timeout: 10 * time.Second}, nil)
	_, websocket = c.Account(Credentials{}, nil).dial(t.Context(), Token{Token: "secret"}, nil)
	if rest == nil {
		var answer *Error
		require.ErrorAs(t, websocket, &answer, "the server is asked, and offers no websocket")
		return nil, nil
	}
	for _, err := range []error{rest, websocket} {
		var failure *TransportError
		require.ErrorAs(t, err, &failure)
		require.False(t, failure.Sent)
		var verification *tls.CertificateVerificationError
		require.ErrorAs(t, err, &verification)
	}
	return rest, websocket
}

func TestServerCertificates(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	installed := issue(t, key, nil, nil)
	elsewhere := issue(t, key, nil, named("pbx.example.org"))
	renewed := issue(t, key, nil, nil)
	impostor := issue(t, newKey(t), nil, nil)
	expired := issue(t, key, nil, func(template *x509.Certificate) { template.NotAfter = time.Now().Add(-time.Minute) })
	future := issue(t, key, nil, func(template *x509.Certificate) { template.NotBefore = time.Now().Add(time.Minute) })
	ca := issue(t, newKey(t), nil, asCA)
	intermediate := issue(t, newKey(t), ca, asCA)
	byCA := issue(t, newKey(t), ca, named("localhost"))
	byIntermediate := issue(t, newKey(t), intermediate, named("localhost"))
	otherName := issue(t, newKey(t), ca, named("wazo.example.org"))

	type wrong = x509.HostnameError
	for _, tt := range []struct {
		name      string
		presented []*identity
		host      string
		caFile    string
		want      any // what the failure must be, nil if the certificate is accepted
	}{
		{name: "the certificate of the file is accepted under a name that it lacks", presented: []*identity{elsewhere}, host: "localhost", caFile: elsewhere.pem()},
		{name: "the certificate of the file is accepted at an address", presented: []*identity{installed}, host: "127.0.0.1", caFile: installed.pem()},
		{name: "the certificate of the file is accepted under its name", presented: []*identity{installed}, host: "localhost", caFile: installed.pem()},
		{name: "any certificate of the file is accepted", presented: []*identity{installed}, host: "127.0.0.1", caFile: "some words\n" + ca.pem() + impostor.pem() + installed.pem()},
		{name: "a renewed certificate with the same key is accepted", presented: []*identity{renewed}, host: "127.0.0.1", caFile: installed.pem()},
		{name: "the public key of the file is accepted", presented: []*identity{installed}, host: "127.0.0.1", caFile: installed.publicPEM()},
		{name: "a certificate of the file that an authority signed is accepted", presented: []*identity{otherName, ca}, host: "127.0.0.1", caFile: otherName.pem()},
		{name: "another certificate with the same subject is refused", presented: []*identity{impostor}, host: "127.0.0.1", caFile: installed.pem(), want: new(wrong)},
		{name: "another certificate with the same subject is refused under its name", presented: []*identity{impostor}, host: "localhost", caFile: installed.pem(), want: new(x509.UnknownAuthorityError)},
		{name: "another public key is refused", presented: []*identity{impostor}, host: "localhost", caFile: installed.publicPEM(), want: new(x509.UnknownAuthorityError)},
		{name: "the certificate of the file behind another one is refused", presented: []*identity{impostor, installed}, host: "localhost", caFile: installed.pem(), want: new(x509.UnknownAuthorityError)},
		{name: "the certificate of the file is refused once it has expired", presented: []*identity{expired}, host: "127.0.0.1", caFile: expired.pem(), want: new(x509.CertificateInvalidError)},
		{name: "the certificate of the file is refused before it is valid", presented: []*identity{future}, host: "127.0.0.1", caFile: future.pem(), want: new(x509.CertificateInvalidError)},
		{name: "what the authority of the file signed is accepted under its name", presented: []*identity{byCA}, host: "localhost", caFile: ca.pem()},
		{name: "what an intermediate authority signed is accepted under its name", presented: []*identity{byIntermediate, intermediate}, host: "localhost", caFile: ca.pem()},
		{name: "what the authority of the file signed is refused under another name", presented: []*identity{otherName}, host: "localhost", caFile: ca.pem(), want: new(wrong)},
		{name: "what the authority of the file signed is refused at an address", presented: []*identity{byCA}, host: "127.0.0.1", caFile: ca.pem(), want: new(wrong)},
		{name: "what another authority signed is refused", presented: []*identity{byCA}, host: "localhost", caFile: installed.pem(), want: new(x509.UnknownAuthorityError)},
		{name: "an unknown certificate is refused without a file", presented: []*identity{installed}, host: "localhost", want: new(x509.UnknownAuthorityError)},
		{name: "a wrong name is refused without a file", presented: []*identity{installed}, host: "127.0.0.1", want: new(wrong)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url := "https://" + tt.host + ":" + presenting(t, tt.presented[0], tt.presented[1:]...)
			rest, websocket := handshakes(t, url, tt.caFile)
			if tt.want == nil {
				require.NoError(t, rest)
				require.NoError(t, websocket)
				return
			}
			require.ErrorAs(t, rest, tt.want)
			require.ErrorAs(t, websocket, tt.want)
		})
	}
}
