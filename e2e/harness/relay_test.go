package harness

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeRelay builds the stand-in and returns how to run it.
func fakeRelay(t *testing.T, f *Fixture, env map[string]string) RelayConfig {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "fakerelay")
	dirs, err := moduleDirs(f.Ctx)
	require.NoError(t, err)
	require.NoError(t, goBuild(f.Ctx, dirs.e2e, "./harness/testdata/fakerelay", binary))
	return RelayConfig{Binary: binary, Dir: t.TempDir(), Env: env}
}

func TestRelayLivesThroughStopsAndCrashes(t *testing.T) {
	f := NewFixture(t, homeserver)
	cfg := fakeRelay(t, f, nil)
	relay := f.Relay(cfg)
	address := relay.AdminURL()

	require.NoError(t, relay.Stop())
	require.Contains(t, tail(relay.LogFile(), logTail), "ended in order", "SIGTERM, not SIGKILL")
	require.Error(t, relay.Stop(), "it has ended already")
	require.NoError(t, relay.Restart(f.Ctx))
	relay.Kill()
	<-relay.Exited()
	require.NoError(t, relay.Restart(f.Ctx))
	require.NoError(t, relay.Restart(f.Ctx), "a running one is stopped first")

	require.Equal(t, address, relay.AdminURL())
	starts, err := os.ReadFile(filepath.Join(cfg.Dir, "relay.db"))
	require.NoError(t, err)
	require.Equal(t, "xxxx", string(starts), "all four starts used one database")
}

func TestRelayGetsItsConfigurationAndNothingElse(t *testing.T) {
	t.Setenv("SECRET_OF_THE_PARENT", "leaked")
	f := NewFixture(t, homeserver)
	relay := f.Relay(fakeRelay(t, f, map[string]string{"ADMINS": "@alice:localhost", "LOG_LEVEL": "warn"}))
	relay.Setenv("COMMAND_PREFIX", "!w")
	require.NoError(t, relay.Restart(f.Ctx))

	resp, err := http.Get(relay.AdminURL() + "/environment")
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	environment, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	http.DefaultClient.CloseIdleConnections()
	require.Contains(t, string(environment), "ADMINS=@alice:localhost")
	require.Contains(t, string(environment), "LOG_LEVEL=warn")
	require.Contains(t, string(environment), "COMMAND_PREFIX=!w")
	require.NotContains(t, string(environment), "leaked")
}

func TestRelayThatCannotStartSaysWhy(t *testing.T) {
	f := NewFixture(t, homeserver)
	_, err := StartRelay(f.Ctx, fakeRelay(t, f, map[string]string{"FAIL": "no such homeserver"}))
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "no such homeserver")
}
