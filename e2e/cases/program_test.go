package cases

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
)

// Nobody talks here: whose client it would be makes no difference.
func TestHealthcheck(t *testing.T) {
	t.Parallel()
	s := open(t, client{}, stage.Config{})
	healthy, err := s.Relay.Run(s.ctx, "healthcheck")
	require.NoError(t, err)
	require.Zero(t, healthy.Code, healthy.Output)

	require.NoError(t, s.Relay.Stop())
	stopped, err := s.Relay.Run(s.ctx, "healthcheck")
	require.NoError(t, err)
	require.Equal(t, 1, stopped.Code)
	require.Contains(t, stopped.Output, "hint: check that the relay is running")
}

func TestWrongSecretKeyIsRefused(t *testing.T) { inEachSetting(t, testWrongSecretKeyIsRefused) }

func testWrongSecretKeyIsRefused(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
	require.NoError(t, s.Relay.Stop())
	right := s.Relay.Getenv("SECRET_KEY")
	wrong := strings.Repeat("wrong", 10)

	s.Relay.Setenv("SECRET_KEY", wrong)
	refused, err := s.Relay.Run(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, refused.Code)
	require.Contains(t, refused.Output, "the database was written with another SECRET_KEY")
	require.Contains(t, refused.Output, "hint: set SECRET_KEY")
	require.NotContains(t, refused.Output, wrong)

	s.Relay.Setenv("SECRET_KEY", right)
	require.NoError(t, s.Relay.Restart(s.ctx), "and nothing was harmed by that")
	p.requireTalk(t)
}

func TestKeyFileBesideTheDatabase(t *testing.T) { inEachSetting(t, testKeyFileBesideTheDatabase) }

func testKeyFileBesideTheDatabase(t *testing.T, robin client, encrypted bool) {
	env := onSQLite(t) // PostgreSQL has no file
	env["SECRET_KEY"] = ""
	s := open(t, robin, stage.Config{Env: env})
	file := strings.TrimSuffix(s.Relay.Getenv("DATABASE_URL"), ".db") + ".key"
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Greater(t, len(before), 32)

	p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
	require.NoError(t, s.Relay.Restart(s.ctx))
	p.requireTalk(t)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after, "made once")

	require.NoError(t, s.Relay.Stop())
	require.NoError(t, os.Rename(file, filepath.Join(filepath.Dir(file), "elsewhere")))
	refused, err := s.Relay.Run(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, refused.Code)
	require.Contains(t, refused.Output, "the key file of the database is missing")
	require.NoFileExists(t, file, "a new key would make the old secrets unreadable for good")
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		output string
	}{
		{"version", []string{"--version"}, 0, "mautrix"},
		{"an unknown one", []string{"--frobnicate"}, 1, `unknown argument "--frobnicate"`},
		{"too many", []string{"--check", "--version"}, 1, "too many arguments"},
		{"none, and nothing configured", nil, 1, "MATRIX_USER_ID"},
	} {
		t.Run(test.name, func(t *testing.T) {
			outcome, err := harness.RunRelay(t.Context(), harness.RelayConfig{Binary: relayBinary, Dir: t.TempDir()}, test.args...)
			require.NoError(t, err)
			require.Equal(t, test.code, outcome.Code, outcome.Output)
			require.Contains(t, outcome.Output, test.output)
		})
	}
}
