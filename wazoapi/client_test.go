package wazoapi

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNew(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, []byte("no certificate"), 0o600))
	for _, tt := range []struct {
		name    string
		cfg     Config
		wantErr string
	}{
		{name: "https is accepted", cfg: Config{URL: "https://wazo.example.org"}},
		{name: "a port and a slash are accepted", cfg: Config{URL: "https://wazo.example.org:8443/"}},
		{name: "http to this machine is accepted", cfg: Config{URL: "http://127.0.0.1:9000"}},
		{name: "http to this machine over IPv6 is accepted", cfg: Config{URL: "http://[::1]:9000"}},
		{name: "http to localhost is accepted", cfg: Config{URL: "http://localhost"}},
		{name: "http to another machine is refused", cfg: Config{URL: "http://wazo.example.org"}, wantErr: "must use https"},
		{name: "another scheme is refused", cfg: Config{URL: "ftp://wazo.example.org"}, wantErr: "scheme"},
		{name: "a bare host is refused", cfg: Config{URL: "wazo.example.org"}, wantErr: "no host"},
		{name: "an empty URL is refused", cfg: Config{}, wantErr: "no host"},
		{name: "a path is refused", cfg: Config{URL: "https://wazo.example.org/api"}, wantErr: "path"},
		{name: "a password in the URL is refused", cfg: Config{URL: "https://u:p@wazo.example.org"}, wantErr: "password"},
		{name: "nonsense is refused", cfg: Config{URL: "https://wazo example\x7f"}, wantErr: "not a URL"},
		{name: "a missing CA file is an error", cfg: Config{URL: "https://h", CAFile: "nosuch.pem"}, wantErr: "failed to read the CA file"},
		{name: "a CA file without certificate is an error", cfg: Config{URL: "https://h", CAFile: empty}, wantErr: "contains no PEM certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := New(tt.cfg, zerolog.Nop())
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, 30*time.Second, c.cfg.Timeout)
			assert.Equal(t, 90*time.Second, c.cfg.PostTimeout)
			assert.Equal(t, 12*time.Hour, c.cfg.TokenLife)
		})
	}
}

func TestCAFile(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, `{}`)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of our refusal
	srv.StartTLS()
	defer srv.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600))
	r := request{method: http.MethodGet, service: serviceChatd, path: "/x", timeout: 5 * time.Second}

	t.Run("a self-signed certificate is not trusted, and nothing was sent", func(t *testing.T) {
		c, err := New(Config{URL: srv.URL}, zerolog.Nop())
		require.NoError(t, err)
		defer c.CloseIdleConnections()
		var failure *TransportError
		require.ErrorAs(t, c.fetch(t.Context(), r, nil), &failure)
		assert.False(t, failure.Sent)
	})
	t.Run("with its CA file it is trusted", func(t *testing.T) {
		c, err := New(Config{URL: srv.URL, CAFile: ca}, zerolog.Nop())
		require.NoError(t, err)
		defer c.CloseIdleConnections()
		require.NoError(t, c.fetch(t.Context(), r, nil))
	})
}
