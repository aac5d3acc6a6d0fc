package stage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
)

// What all tests of this package share.
var (
	homeserver *harness.Homeserver
	js         *harness.JSHost
)

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, func(hs *harness.Homeserver, host *harness.JSHost) { homeserver, js = hs, host }))
}

// fakeRelay builds the harness's stand-in, which only answers its health check
// and shows its environment.
func fakeRelay(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "fakerelay")
	out, err := exec.Command("go", "build", "-o", binary, "../harness/testdata/fakerelay").CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

func environment(t *testing.T, s *Stage) map[string]string {
	t.Helper()
	resp, err := http.Get(s.Relay.AdminURL() + "/environment")
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	env := make(map[string]string)
	for _, pair := range strings.Split(string(body), "\n") {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}

func TestRelayIsToldWhatItNeeds(t *testing.T) {
	f := harness.NewFixture(t, homeserver)
	s := ForTest(t, f, Config{
		RelayBinary: fakeRelay(t),
		Env:         map[string]string{"COMMAND_PREFIX": "!w"},
		WazoOptions: []wazotest.Option{wazotest.WithTLS()},
	})
	env := environment(t, s)

	require.Equal(t, s.BotID().String(), env["MATRIX_USER_ID"])
	require.Equal(t, s.Robin.UserID().String(), env["ADMINS"])
	require.Equal(t, "!w", env["COMMAND_PREFIX"])
	require.Equal(t, s.Wazo.URL(), env["WAZO_URL"])
	certificate, err := os.ReadFile(env["WAZO_CA_FILE"])
	require.NoError(t, err)
	require.Equal(t, s.Wazo.CAPEM(), certificate)

	bot := harness.ClientConfig{
		HomeserverURL: env["MATRIX_HOMESERVER_URL"], User: env["MATRIX_USER_ID"], Password: env["MATRIX_PASSWORD"],
	}
	client, err := harness.NewClient(f.Ctx, bot)
	require.NoError(t, err, "the credentials are real")
	require.NoError(t, client.Close())
}

func TestStageThatCannotOpenLeavesNothingRunning(t *testing.T) {
	before := children(t)
	_, err := Open(t.Context(), Config{Dir: t.TempDir(), RelayBinary: "/bin/false"})
	require.ErrorContains(t, err, "relay ended before it was ready")
	require.Equal(t, before, children(t), "the shared homeserver and js host, and nothing else")
}

// children are the process ids of this process's children.
func children(t *testing.T) []string {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	if len(lists) == 0 {
		t.Skip("this system doesn't tell a process its children")
	}
	var pids []string
	for _, list := range lists {
		data, err := os.ReadFile(list)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the thread has ended
		}
		require.NoError(t, err)
		pids = append(pids, strings.Fields(string(data))...)
	}
	require.NotEmpty(t, pids, "the shared homeserver is a child")
	return pids
}

func TestLinkedRoomsTalk(t *testing.T) {
	for _, test := range []struct {
		name      string
		encrypted bool
		js        *harness.JSHost
	}{
		{name: "in a plain room with mautrix"},
		{name: "in an encrypted room with mautrix", encrypted: true},
		{name: "in a plain room with matrix-js-sdk", js: js},
		{name: "in an encrypted room with matrix-js-sdk", encrypted: true, js: js},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := harness.NewFixture(t, homeserver)
			s := ForTest(t, f, Config{JS: test.js})
			room := s.Wazo.CreateRoom("Support", s.Cast.Alice, s.Cast.Bob, s.Cast.Relay)
			portal, err := s.Link(f.Ctx, s.Robin, harness.RoomOptions{Encrypted: test.encrypted}, room.UUID)
			require.NoError(t, err)

			arrived := harness.All(s.FromWazo(), harness.Says("from wazo"))
			entry, _, err := s.ToMatrix(f.Ctx, portal, arrived, s.Cast.Alice, "from wazo")
			require.NoError(t, err)
			require.NotNil(t, entry.Content.AsMessage().BeeperPerMessageProfile)
			message, _, err := s.ToWazo(f.Ctx, portal, says("from matrix"), func(ctx context.Context) error {
				_, err := s.Robin.Send(ctx, portal.Matrix, "from matrix")
				return err
			})
			require.NoError(t, err)
			require.True(t, s.FromRelay(message))
			require.NoError(t, s.Unlink(f.Ctx, s.Robin, portal))
		})
	}
}

func says(text string) func(wazotest.Message) bool {
	return func(message wazotest.Message) bool { return strings.Contains(message.Content, text) }
}
