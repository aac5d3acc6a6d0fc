package cases

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
)

// checkRig is what --check needs: accounts on both sides, and no relay.
type checkRig struct {
	env    map[string]string // a good configuration
	wazo   *wazotest.Server  // with TLS, as Wazo is when freshly installed
	tenant wazotest.Tenant
	dir    string
}

const checkPassword = "check-wazo"

func newCheckRig(t *testing.T) *checkRig {
	t.Helper()
	f := harness.NewFixture(t, homeserver)
	bot := f.Account("checked")
	rig := &checkRig{wazo: wazotest.New(wazotest.WithTLS()), dir: f.Dir}
	require.NoError(t, rig.wazo.Start("127.0.0.1:0"))
	t.Cleanup(rig.wazo.Stop)
	rig.tenant = rig.wazo.AddTenant("acme")
	rig.wazo.AddUser(wazotest.User{Username: "relay", Password: checkPassword, Firstname: "Matrix", Lastname: "Relay", Tenant: rig.tenant})
	certificate, err := rig.wazo.CAFile(f.Dir)
	require.NoError(t, err)
	rig.env = map[string]string{
		"MATRIX_USER_ID": bot.User, "MATRIX_HOMESERVER_URL": homeserver.URL(), "MATRIX_PASSWORD": bot.Password,
		"WAZO_URL": rig.wazo.URL(), "WAZO_USERNAME": "relay", "WAZO_PASSWORD": checkPassword, "WAZO_CA_FILE": certificate,
		"ADMINS": "@admin:" + harness.ServerName, "PROBE_MINUTES": "5",
	}
	return rig
}

// check runs --check with the good configuration but for some variables, on a
// fresh database.
func (r *checkRig) check(t *testing.T, changes map[string]string) harness.Outcome {
	t.Helper()
	env := maps.Clone(r.env)
	maps.Copy(env, changes)
	outcome, err := harness.RunRelay(t.Context(), harness.RelayConfig{Binary: relayBinary, Dir: t.TempDir(), Env: env}, "--check")
	require.NoError(t, err)
	require.NotContains(t, outcome.Output, env["MATRIX_PASSWORD"])
	require.NotContains(t, outcome.Output, env["WAZO_PASSWORD"])
	return outcome
}

// addUser adds a Wazo account with that own policy and returns its log-in name.
func (r *checkRig) addUser(name string, acl ...string) string {
	r.wazo.AddUser(wazotest.User{Username: name, Password: checkPassword, Firstname: name, Tenant: r.tenant, ACL: acl})
	return name
}

func TestCheckOfAGoodConfiguration(t *testing.T) {
	t.Parallel()
	rig := newCheckRig(t)
	outcome := rig.check(t, nil)
	require.Zero(t, outcome.Code, outcome.Output)
	lines, summary, _ := strings.Cut(outcome.Output, "\n\n")
	require.Contains(t, summary, "Everything works.")
	var checked []string
	for line := range strings.Lines(lines) {
		require.True(t, strings.HasPrefix(line, "ok: "), line)
		what, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "ok: ")), " (")
		checked = append(checked, what)
	}
	require.Equal(t, []string{"configuration", "database", "homeserver and log-in", "encryption", "key backup", "Wazo log-in", "Wazo permissions", "Wazo chats", "Wazo directory", "Wazo websocket", "self-probe of Wazo", "health check listener"}, checked)
}

func TestCheckOfABadConfiguration(t *testing.T) {
	t.Parallel()
	rig := newCheckRig(t)
	nobody, err := harness.FreePort()
	require.NoError(t, err)
	nowhere := fmt.Sprintf("127.0.0.1:%d", nobody)
	other := wazotest.New(wazotest.WithTLS())
	require.NoError(t, other.Start("127.0.0.1:0"))
	t.Cleanup(other.Stop)
	otherCA, err := other.CAFile(t.TempDir())
	require.NoError(t, err)

	for _, test := range []struct {
		name    string
		changes map[string]string
		output  []string
	}{
		{"wrong Matrix password", map[string]string{"MATRIX_PASSWORD": "nope-matrix"},
			[]string{"failed: homeserver and log-in", "hint: check MATRIX_USER_ID and MATRIX_PASSWORD", "ok: Wazo websocket"}},
		{"unreachable homeserver", map[string]string{"MATRIX_HOMESERVER_URL": "http://" + nowhere},
			[]string{"failed: homeserver and log-in", "hint: check MATRIX_HOMESERVER_URL", "ok: Wazo websocket"}},
		{"wrong Wazo password", map[string]string{"WAZO_PASSWORD": "nope-wazo"},
			[]string{"failed: Wazo log-in", "hint: check WAZO_USERNAME and WAZO_PASSWORD", "ok: homeserver and log-in"}},
		{"unreachable Wazo", map[string]string{"WAZO_URL": "https://" + nowhere},
			[]string{"failed: Wazo log-in", "hint: check WAZO_URL", "ok: homeserver and log-in"}},
		{"no certificate for Wazo", map[string]string{"WAZO_CA_FILE": ""},
			[]string{"failed: Wazo log-in", "hint: Wazo's certificate is not trusted", "WAZO_CA_FILE"}},
		{"another Wazo's certificate", map[string]string{"WAZO_CA_FILE": otherCA},
			[]string{"failed: Wazo log-in", "hint: Wazo's certificate is not trusted"}},
		{"no permission for rooms", map[string]string{"WAZO_USERNAME": rig.addUser("roomless", "!chatd.users.me.rooms.#")},
			[]string{"failed: Wazo permissions", "chatd.users.me.rooms.read", "hint: give the account a policy"}},
		{"no permission for events", map[string]string{"WAZO_USERNAME": rig.addUser("deaf", "!websocketd")},
			[]string{"failed: Wazo permissions", "websocketd", "hint: give the account a policy"}},
		{"a room for administrators in which the bot is not", map[string]string{"ADMIN_ROOM": "!nowhere:" + harness.ServerName},
			[]string{"failed: ADMIN_ROOM", "error: the bot has not joined this room", "hint: start the relay and invite the bot"}},
		{"nonsense in the configuration", map[string]string{"WAZO_URL": "wazo", "MATRIX_USER_ID": "robin", "ADMINS": ""},
			[]string{"WAZO_URL", "MATRIX_USER_ID", "ADMINS", "hint: "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			outcome := rig.check(t, test.changes)
			require.Equal(t, 1, outcome.Code, outcome.Output)
			for _, expected := range test.output {
				require.Contains(t, outcome.Output, expected)
			}
		})
	}
}

func TestCheckOfARoomForAdministrators(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: true})
	require.NoError(t, s.Relay.Stop())
	s.Relay.Setenv("ADMIN_ROOM", room.String())
	checked, err := s.Relay.Run(s.ctx, "--check")
	require.NoError(t, err)
	require.Zero(t, checked.Code, checked.Output)
	require.Contains(t, checked.Output, "ok: ADMIN_ROOM ("+room.String()+", encrypted)")
}

func TestEverythingWorksOverTLS(t *testing.T) { withEachClient(t, testEverythingWorksOverTLS) }

func testEverythingWorksOverTLS(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{WazoOptions: []wazotest.Option{wazotest.WithTLS()}})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		require.True(t, strings.HasPrefix(s.Relay.Getenv("WAZO_URL"), "https://"))
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
		p.requireTalk(t)
		s.Wazo.RestartWebsocketd()
		p.requireTalk(t)
	})
}
