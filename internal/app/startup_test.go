package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// startOnce lets the database come into being.
func (f *fixture) startOnce() {
	f.Helper()
	stop := f.serve()
	f.awaitWell()
	require.NoError(f, stop().err)
}

// otherRecoveryKey is well-formed and opens nothing.
const otherRecoveryKey = "EsSz ygLv VP1b xF1C v7kE eBQx MxDP buG5 w25T L3b6 hfyG Kkrd"

// loseDatabase lets the relay run once and takes its database away.
func (f *fixture) loseDatabase() {
	f.Helper()
	f.startOnce()
	f.env["DATABASE_URL"] = filepath.Join(f.TempDir(), "relay.db")
}

func TestStartupFailures(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		prepare       func(f *fixture)
		failure, hint string
	}{
		{
			name: "the database was written with another key",
			prepare: func(f *fixture) {
				f.startOnce()
				f.env["SECRET_KEY"] = "another key"
			},
			failure: "another SECRET_KEY", hint: "set SECRET_KEY",
		},
		{
			name: "the key file is lost",
			prepare: func(f *fixture) {
				f.env["SECRET_KEY"] = ""
				f.startOnce()
				require.NoError(f, os.Remove(db.KeyFile(f.env["DATABASE_URL"])))
			},
			failure: "key file", hint: "backup",
		},
		{
			name: "another process uses the database",
			prepare: func(f *fixture) {
				f.serve()
				f.awaitWell()
				f.env = maps.Clone(f.env)
				f.env["ADMIN_LISTEN"] = freeAddress(f.T)
			},
			failure: "another process", hint: "",
		},
		{
			name: "the database belongs to another bot",
			prepare: func(f *fixture) {
				f.startOnce()
				f.env["MATRIX_USER_ID"] = "@other:a.example"
			},
			failure: botUser, hint: "DATABASE_URL",
		},
		{
			name: "the database belongs to another program",
			prepare: func(f *fixture) {
				f.startOnce()
				database, err := db.Open(f.Context(), f.env["DATABASE_URL"], secretKey, zerolog.Nop())
				require.NoError(f, err)
				_, err = database.Exec(f.Context(), "UPDATE database_owner SET owner = 'another program'")
				require.NoError(f, err)
				require.NoError(f, database.Close())
			},
			failure: "another program", hint: "DATABASE_URL",
		},
		{
			name:    "the directory of the database is not there",
			prepare: func(f *fixture) { f.env["DATABASE_URL"] = filepath.Join(f.TempDir(), "no", "relay.db") },
			failure: "database", hint: "DATABASE_URL",
		},
		{
			name:    "the homeserver cannot be reached",
			prepare: func(f *fixture) { f.env["MATRIX_HOMESERVER_URL"] = "http://" + freeAddress(f.T) },
			failure: "log in", hint: "MATRIX_HOMESERVER_URL",
		},
		{
			name: "there is no homeserver at the address",
			prepare: func(f *fixture) {
				f.homeserver.onRequest(func(w http.ResponseWriter, r *http.Request) bool { http.NotFound(w, r); return true })
			},
			failure: "log in", hint: "MATRIX_HOMESERVER_URL",
		},
		{
			name: "the homeserver's certificate is not trusted",
			prepare: func(f *fixture) {
				web := httptest.NewUnstartedServer(f.homeserver.handler())
				web.Config.ErrorLog = quiet()
				web.StartTLS()
				f.Cleanup(web.Close)
				f.env["MATRIX_HOMESERVER_URL"] = web.URL
			},
			failure: "certificate", hint: "MATRIX_HOMESERVER_URL",
		},
		{
			name:    "the Matrix password is wrong",
			prepare: func(f *fixture) { f.env["MATRIX_PASSWORD"] = "wrong" },
			failure: "refuses the password", hint: "MATRIX_PASSWORD",
		},
		{
			name:    "there is nothing to log in to Matrix with",
			prepare: func(f *fixture) { f.env["MATRIX_PASSWORD"] = "" },
			failure: "the relay is not logged in to Matrix", hint: "wazo-matrix-relay login",
		},
		{
			name:    "the Matrix token is wrong",
			prepare: func(f *fixture) { f.env["MATRIX_PASSWORD"], f.env["MATRIX_ACCESS_TOKEN"] = "", "wrong" },
			failure: "refuses the access token", hint: "MATRIX_ACCESS_TOKEN",
		},
		{
			name: "the Matrix token is of somebody else",
			prepare: func(f *fixture) {
				f.env["MATRIX_PASSWORD"], f.env["MATRIX_ACCESS_TOKEN"], f.env["MATRIX_USER_ID"] = "", matrixToken, "@other:a.example"
			},
			failure: "another account", hint: "MATRIX_ACCESS_TOKEN",
		},
		{
			name: "the encryption keys are lost, and there is no password for a new device",
			prepare: func(f *fixture) {
				f.startOnce()
				f.env["MATRIX_PASSWORD"], f.env["MATRIX_ACCESS_TOKEN"] = "", matrixToken
				f.homeserver.keys.DropDevice(deviceID)
			},
			failure: "encryption keys", hint: "the token of a new log-in",
		},
		{
			name:    "the recovery key is none",
			prepare: func(f *fixture) { f.env["MATRIX_RECOVERY_KEY"] = "hunter2" },
			failure: "MATRIX_RECOVERY_KEY: the value is not a valid recovery key", hint: "begins with Es",
		},
		{
			name:    "the account has an identity, and its recovery key is not given",
			prepare: func(f *fixture) { f.loseDatabase() },
			failure: "its recovery key is not known", hint: "set MATRIX_RECOVERY_KEY",
		},
		{
			name: "the recovery key is that of another account",
			prepare: func(f *fixture) {
				f.loseDatabase()
				f.env["MATRIX_RECOVERY_KEY"] = otherRecoveryKey
			},
			failure: "the recovery key does not fit", hint: "check MATRIX_RECOVERY_KEY",
		},
		{
			name:    "Wazo cannot be reached",
			prepare: func(f *fixture) { f.wazo.Stop() },
			failure: "refused", hint: "WAZO_URL",
		},
		{
			name: "there is no Wazo at the address",
			prepare: func(f *fixture) {
				empty := httptest.NewServer(http.NotFoundHandler())
				f.Cleanup(empty.Close)
				f.env["WAZO_URL"] = empty.URL
			},
			failure: "404", hint: "WAZO_URL",
		},
		{
			name:    "the Wazo password is wrong",
			prepare: func(f *fixture) { f.env["WAZO_PASSWORD"] = "wrong" },
			failure: "401", hint: "WAZO_PASSWORD",
		},
		{
			name:    "the Wazo account has too many sessions",
			prepare: func(f *fixture) { f.wazo.Faults().TokenLimit(wazotest.Always()) },
			failure: "429", hint: "sessions",
		},
		{
			name:    "Wazo has trouble of its own",
			prepare: func(f *fixture) { f.wazo.Faults().AuthDown() },
			failure: "50", hint: "wazo-auth",
		},
		{
			name:    "a Wazo elsewhere would get the password in the clear",
			prepare: func(f *fixture) { f.env["WAZO_URL"] = "http://wazo.a.example" },
			failure: "https", hint: "WAZO_URL",
		},
		{
			name: "the address of the health check is taken",
			prepare: func(f *fixture) {
				taken, err := net.Listen("tcp", f.env["ADMIN_LISTEN"])
				require.NoError(f, err)
				f.Cleanup(func() { _ = taken.Close() })
			},
			failure: "in use", hint: "ADMIN_LISTEN",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			test.prepare(f)
			failure, hint := f.fails()
			require.Contains(t, failure, test.failure)
			require.Contains(t, hint, test.hint)
		})
	}
}

func TestWazoCertificate(t *testing.T) {
	t.Parallel()
	t.Run("one that nobody vouches for is refused", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, wazotest.WithTLS())
		failure, hint := f.fails()
		require.Contains(t, failure, "certificate")
		require.Contains(t, hint, "WAZO_CA_FILE")
	})

	t.Run("one of another authority is refused", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, wazotest.WithTLS())
		file, err := wazotest.New(wazotest.WithTLS()).CAFile(t.TempDir())
		require.NoError(t, err)
		f.env["WAZO_CA_FILE"] = file
		failure, hint := f.fails()
		require.Contains(t, failure, "certificate")
		require.Contains(t, hint, "WAZO_CA_FILE")
	})

	t.Run("one that names another host has a hint of its own", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, wazotest.WithInstallerCertificate())
		failure, hint := f.fails()
		require.Contains(t, failure, "127.0.0.1", "what the host is called")
		require.Contains(t, hint, "names other hosts than WAZO_URL")
		require.Contains(t, hint, "WAZO_CA_FILE")
	})

	t.Run("that of a new Wazo is accepted if it is in the file, although it names another host", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, wazotest.WithInstallerCertificate())
		file, err := f.wazo.CAFile(t.TempDir())
		require.NoError(t, err)
		f.env["WAZO_CA_FILE"] = file
		f.startOnce() // it is well, so the websocket is open, too
		out := f.run(t.Context(), "--check")
		require.NoError(t, out.err)
		require.Contains(t, out.stdout, "ok: Wazo websocket")
	})

	t.Run("that of a new Wazo is refused if the file has that of another new Wazo", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, wazotest.WithInstallerCertificate())
		file, err := wazotest.New(wazotest.WithInstallerCertificate()).CAFile(t.TempDir())
		require.NoError(t, err)
		f.env["WAZO_CA_FILE"] = file
		failure, hint := f.fails()
		require.Contains(t, failure, "certificate")
		require.Contains(t, hint, "names other hosts than WAZO_URL")
	})

	t.Run("one of the given authority is trusted", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, wazotest.WithTLS())
		file, err := f.wazo.CAFile(t.TempDir())
		require.NoError(t, err)
		f.env["WAZO_CA_FILE"] = file
		f.startOnce()
	})

	for name, content := range map[string]string{"that is not there": "", "that is no certificate": "hello"} {
		t.Run("a file "+name+" is refused", func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.env["WAZO_CA_FILE"] = filepath.Join(t.TempDir(), "ca.crt")
			if content != "" {
				require.NoError(t, os.WriteFile(f.env["WAZO_CA_FILE"], []byte(content), 0o600))
			}
			failure, hint := f.fails()
			require.Contains(t, failure, f.env["WAZO_CA_FILE"])
			require.Contains(t, hint, "WAZO_CA_FILE")
		})
	}
}

// presenting serves with a certificate for localhost that is valid until the given time, and returns the address with
// the name.
func presenting(t *testing.T, handler http.Handler, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-time.Hour), NotAfter: until, DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	web := httptest.NewUnstartedServer(handler)
	web.Config.ErrorLog = quiet()
	web.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	web.StartTLS()
	t.Cleanup(web.Close)
	return strings.Replace(web.URL, "127.0.0.1", "localhost", 1)
}

func TestHintsOfCertificates(t *testing.T) {
	t.Parallel()
	past, future := time.Now().Add(-time.Minute), time.Now().Add(time.Minute)
	for _, test := range []struct {
		name, variable string
		until          time.Time
		host           string
		hint           string
	}{
		{name: "Wazo's has expired", variable: "WAZO_URL", until: past, host: "localhost", hint: "renew it on Wazo"},
		{name: "Wazo's names another host", variable: "WAZO_URL", until: future, host: "127.0.0.1", hint: "names other hosts than WAZO_URL"},
		{name: "Wazo's is unknown", variable: "WAZO_URL", until: future, host: "localhost", hint: "Wazo's certificate is not trusted"},
		{name: "the homeserver's has expired", variable: "MATRIX_HOMESERVER_URL", until: past, host: "localhost", hint: "the homeserver's certificate has expired"},
		{name: "the homeserver's names another host", variable: "MATRIX_HOMESERVER_URL", until: future, host: "127.0.0.1", hint: "names other hosts than MATRIX_HOMESERVER_URL"},
		{name: "the homeserver's is unknown", variable: "MATRIX_HOMESERVER_URL", until: future, host: "localhost", hint: "does not trust the homeserver's certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.env[test.variable] = strings.Replace(presenting(t, http.NotFoundHandler(), test.until), "localhost", test.host, 1)
			failure, hint := f.fails()
			require.Contains(t, failure, "certificate")
			require.Contains(t, hint, test.hint)
		})
	}
}

func TestKeyFileIsMadeAtTheFirstStart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.env["SECRET_KEY"] = ""
	f.startOnce()
	key, err := os.ReadFile(db.KeyFile(f.env["DATABASE_URL"]))
	require.NoError(t, err)
	stop := f.serve()
	f.awaitWell()
	out := stop()
	require.NoError(t, out.err)
	require.NotContains(t, out.stderr, strings.TrimSpace(string(key)))
}

// A failure of one start must not spoil the next, for which the mistake is corrected.
func TestACorrectedMistakeIsForgotten(t *testing.T) {
	t.Parallel()
	for name, mistake := range map[string][2]string{
		"the Matrix user":     {"MATRIX_USER_ID", "@typo:a.example"},
		"the Matrix password": {"MATRIX_PASSWORD", "wrong"},
		"the Wazo user":       {"WAZO_USERNAME", "typo"},
		"the Wazo password":   {"WAZO_PASSWORD", "wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			right := f.env[mistake[0]]
			f.env[mistake[0]] = mistake[1]
			if mistake[0] == "MATRIX_USER_ID" {
				f.homeserver.onRequest(func(w http.ResponseWriter, _ *http.Request) bool {
					refuse(w, http.StatusForbidden, "M_FORBIDDEN")
					return true
				})
			}
			f.fails()
			f.homeserver.onRequest(nil)
			f.env[mistake[0]] = right
			f.startOnce()
		})
	}
}
