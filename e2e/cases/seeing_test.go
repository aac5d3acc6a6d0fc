package cases

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
)

// seenWithin is how soon it must be seen that something does not work.
const seenWithin = time.Minute

// readiness is the answer of /readyz.
type readiness struct {
	OK, Relay, Matrix, Wazo bool
	Why                     []string
}

func (r readiness) says(why string) bool {
	for _, text := range r.Why {
		if strings.Contains(text, why) {
			return true
		}
	}
	return false
}

// readyz asks the relay whether it is ready.
func (s *fixture) readyz(t *testing.T) (answer readiness) {
	t.Helper()
	status, body, err := s.Relay.Admin(s.ctx, "/readyz")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(body), &answer), body)
	require.Equal(t, answer.OK, status == http.StatusOK, body)
	return answer
}

// awaitReadyz waits until the answer of /readyz is as it should be.
func (s *fixture) awaitReadyz(t *testing.T, what string, is func(readiness) bool) {
	t.Helper()
	for deadline := time.Now().Add(seenWithin); ; time.Sleep(200 * time.Millisecond) {
		answer := s.readyz(t)
		if is(answer) {
			return
		}
		require.True(t, time.Now().Before(deadline), "%s, within a minute; /readyz says %+v", what, answer)
	}
}

// outage is that one part does not work.
type outage struct {
	name string
	// stop stops the part, and returns what starts it again; nil if nothing can.
	stop func(t *testing.T, s *seen) (start func())
	why  string // what /readyz and status say
	gone string // the series of the metrics that is 0 then
	// ask says how somebody types the command status; nil if no chat works.
	ask func(t *testing.T, s *seen) string
	// set sets further environment variables of the relay; nil: there are none.
	set func(env map[string]string) error
}

// seen is a linked room with a proxy before the homeserver.
type seen struct {
	*portal
	between *proxy
}

// onMatrix asks in the linked room.
func askOnMatrix(t *testing.T, s *seen) string {
	t.Helper()
	return s.ask(t, s.Robin, s.Matrix, "!wazo status")
}

// askOnWazo asks in the chat on Wazo.
func askOnWazo(t *testing.T, s *seen) string {
	t.Helper()
	s.post("!wazo status")
	answer, err := s.Wazo().WaitMessage(s.ctx, s.Portal.Wazo, func(message wazotest.Message) bool {
		return s.FromRelay(message) && strings.HasPrefix(message.Content, "This chat is linked with")
	})
	require.NoError(t, err)
	return answer.Content
}

// off switches a fault off.
func off(fault *wazotest.Fault) func() { return fault.Off }

// TestWhatIsStoppedIsSeenWithinAMinute stops one part after the other: what an operator looks at says so, and why.
func TestWhatIsStoppedIsSeenWithinAMinute(t *testing.T) {
	t.Parallel()
	const service = `wazo_matrix_relay_service_up{service="`
	const side = `wazo_matrix_relay_side_up{side="`
	onFile := func(env map[string]string) error { // the relay writes no other files that could fill the disk
		maps.Copy(env, onSQLite(t))
		return nil
	}
	for _, test := range []outage{
		{"the homeserver", func(_ *testing.T, s *seen) func() {
			s.between.change(func() { s.between.away = true })
			s.between.server.CloseClientConnections()
			return func() { s.between.change(func() { s.between.away = false }) }
		}, "the homeserver cannot be reached", side + `matrix"}`, askOnWazo, nil},
		{"the homeserver delivers nothing", func(t *testing.T, s *seen) func() {
			// It answers /sync and takes messages, but the messages do not come.
			s.between.change(func() { s.between.rewrite = withoutRooms(t) })
			return func() { s.between.change(func() { s.between.rewrite = nil }) }
		}, "does not come back", `wazo_matrix_relay_probe_success{side="matrix"}`, askOnWazo, nil},
		{"wazo-auth", func(_ *testing.T, s *seen) func() { return off(s.Wazo().Faults().AuthDown()) },
			"wazo-auth cannot be reached", service + `login"}`, askOnMatrix, nil},
		{"wazo-chatd", func(_ *testing.T, s *seen) func() { return off(s.Wazo().Faults().ChatdDown()) },
			"wazo-chatd cannot be reached", service + `chat"}`, askOnMatrix, nil},
		{"wazo-websocketd", func(_ *testing.T, s *seen) func() { return off(s.Wazo().Faults().WebsocketdDown()) },
			"the connection for Wazo's events is closed", service + `events"}`, askOnMatrix, nil},
		{"wazo-dird", func(_ *testing.T, s *seen) func() { return off(s.Wazo().Faults().DirdDown()) },
			"the directory of Wazo", service + `directory"}`, askOnMatrix, nil},
		{"RabbitMQ", func(_ *testing.T, s *seen) func() { return off(s.Wazo().Faults().BusLost()) },
			"the connection for Wazo's events is closed", service + `events"}`, askOnMatrix, nil},
		{"the events of RabbitMQ, while the connection is open", func(_ *testing.T, s *seen) func() { return off(s.Wazo().Faults().DropEvents(wazotest.Always())) },
			"the events of Wazo do not come", `wazo_matrix_relay_probe_success{side="wazo"}`, askOnMatrix, nil},
		{"the network to Wazo", func(t *testing.T, s *seen) func() {
			address := s.Wazo().Addr()
			s.Wazo().Stop()
			return func() { require.NoError(t, s.Wazo().Start(address)) }
		}, "cannot be reached", side + `wazo"}`, askOnMatrix, nil},
		{"the disk", func(t *testing.T, s *seen) func() {
			makeRoom, err := s.Relay.FillDisk()
			require.NoError(t, err)
			return func() { require.NoError(t, makeRoom()) }
		}, "the relay cannot store anything", service + `database"}`, nil, onFile}, // it cannot store the command either
		{"the clock", func(_ *testing.T, s *seen) func() {
			s.between.change(func() { s.between.ahead = time.Hour })
			return func() { s.between.change(func() { s.between.ahead = 0 }) }
		}, "the clock of the homeserver is", side + `relay"}`, askOnMatrix, nil},
		{"a revoked token", func(_ *testing.T, s *seen) func() {
			s.Wazo().SetPassword(s.Cast.Relay, "another one")
			s.Wazo().RevokeTokens(s.Cast.Relay)
			return func() { s.Wazo().SetPassword(s.Cast.Relay, s.Cast.Relay.Password) }
		}, "the relay cannot log in to Wazo", service + `login"}`, askOnMatrix, nil},
		{"wazo-webhookd", func(_ *testing.T, s *seen) func() { return off(s.Wazo().Faults().WebhookdDown()) },
			"wazo-webhookd does not accept the relay's webhook", service + `events"}`, askOnMatrix, stage.WithWebhook},
		{"a deleted room on Matrix", func(t *testing.T, s *seen) func() { // all that the bot sees of that
			require.NoError(t, s.Robin.Kick(s.ctx, s.Matrix, s.BotID(), "the room is deleted"))
			return func() { require.NoError(t, s.Robin.Invite(s.ctx, s.Matrix, s.BotID())) }
		}, "no longer in the Matrix room", side + `matrix"}`, askOnWazo, nil},
		{"a deleted room on Wazo", func(_ *testing.T, s *seen) func() {
			s.Wazo().RemoveMember(s.Portal.Wazo, s.Cast.Relay)
			return func() { s.Wazo().AddMember(s.Portal.Wazo, s.Cast.Relay) }
		}, "the relay's Wazo account is not a member of it", side + `wazo"}`, askOnMatrix, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"PROBE_MINUTES": "0.1"}
			if test.set != nil {
				require.NoError(t, test.set(env))
			}
			s, between := openBehindProxyWith(t, homeserver, withMautrix(), env)
			p := &seen{s.link(t, harness.RoomOptions{}), between}
			p.requireTalk(t)
			s.awaitReadyz(t, "ready at first", func(r readiness) bool { return r.OK })

			began := time.Now()
			start := test.stop(t, p)
			s.awaitReadyz(t, "not ready", func(r readiness) bool { return !r.OK && r.says(test.why) })
			s.awaitMetrics(t, test.gone+" to be 0", func(m harness.Metrics) bool {
				value, known := m[test.gone]
				return known && value == 0
			})
			if test.ask != nil {
				require.Contains(t, test.ask(t, p), test.why)
			}
			require.Less(t, time.Since(began), seenWithin)
			alive, _, err := s.Relay.Admin(s.ctx, "/healthz")
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, alive, "a new start would not help")

			start()
			s.awaitReadyz(t, "ready again", func(r readiness) bool { return r.OK })
			p.requireTalk(t)
		})
	}
}

// withoutRooms takes what is said in rooms out of answers of /sync.
func withoutRooms(t *testing.T) func([]byte) []byte {
	return func(body []byte) []byte {
		var answer map[string]json.RawMessage
		if json.Unmarshal(body, &answer) != nil {
			return body // an error of the homeserver
		}
		delete(answer, "rooms")
		stripped, err := json.Marshal(answer)
		if err != nil {
			t.Error(err)
		}
		return stripped
	}
}
