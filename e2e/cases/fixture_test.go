package cases

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// allowedPeople are the Matrix people who may invite the bot without being
// administrators: those whose names begin with ally.
const allowedPeople = "@ally*:" + harness.ServerName

// kinds are the two kinds of Matrix rooms.
var kinds = []struct {
	name      string
	encrypted bool
}{
	{name: "in a plain room"},
	{name: "in an encrypted room", encrypted: true},
}

// client is what Robin, who links rooms and talks, uses.
type client struct {
	name string
	js   *harness.JSHost // nil means mautrix
}

func withMautrix() client { return client{name: "with mautrix"} }

func withJSSDK() client { return client{name: "with matrix-js-sdk", js: js} }

// share is how many of so many lines this client's people say: matrix-js-sdk takes
// much more time for each than mautrix, and the number matters to the relay only.
func (c client) share(lines int) int {
	if c.js != nil {
		return lines / 3
	}
	return lines
}

// withEachClient runs a test with each client that Robin can have, at the same
// time.
func withEachClient(t *testing.T, test func(t *testing.T, robin client)) {
	t.Parallel()
	for _, robin := range []client{withMautrix(), withJSSDK()} {
		t.Run(robin.name, func(t *testing.T) {
			t.Parallel()
			test(t, robin)
		})
	}
}

// inEachSetting runs a test with each client in both kinds of rooms: for tests
// whose rooms cannot share a fixture.
func inEachSetting(t *testing.T, test func(t *testing.T, robin client, encrypted bool)) {
	withEachClient(t, func(t *testing.T, robin client) {
		for _, kind := range kinds {
			t.Run(kind.name, func(t *testing.T) {
				t.Parallel()
				test(t, robin, kind.encrypted)
			})
		}
	})
}

// inEachKind runs a test in both kinds of rooms of one fixture, at the same time.
func inEachKind(t *testing.T, test func(t *testing.T, encrypted bool)) {
	var both []subtest
	for _, kind := range kinds {
		both = append(both, subtest{kind.name, func(t *testing.T) { test(t, kind.encrypted) }})
	}
	atOnce(t, both)
}

type subtest struct {
	name string
	run  func(*testing.T)
}

// atOnce runs sub-tests on one fixture at the same time. With t.Parallel they would
// wait, while the time of the fixture runs, behind all tests that have not begun.
func atOnce(t *testing.T, tests []subtest) {
	var running sync.WaitGroup
	for _, test := range tests {
		running.Go(func() { t.Run(test.name, test.run) })
	}
	running.Wait()
}

// fixture is what one test of this package has: a stage, and what the test does on it.
type fixture struct {
	*stage.Stage
	client client
	ctx    context.Context // ends when the test has waited long enough

	words atomic.Int64 // numbers what is said only to see it arrive

	mu     sync.Mutex
	direct id.RoomID // Robin's direct chat with the bot, once joined
}

// open opens a fixture that ends with the test. A relay that has panicked in the
// meantime fails the test, whatever it relayed.
func open(t *testing.T, robin client, cfg stage.Config) *fixture {
	t.Helper()
	return openOn(t, homeserver, robin, cfg)
}

func openOn(t *testing.T, hs *harness.Homeserver, robin client, cfg stage.Config) *fixture {
	t.Helper()
	f := harness.NewFixture(t, hs)
	env := map[string]string{"ALLOWED_USERS": allowedPeople}
	for name, value := range cfg.Env {
		env[name] = value
	}
	cfg.Env, cfg.RelayBinary, cfg.JS = env, relayBinary, robin.js
	s := &fixture{Stage: stage.ForTest(t, f, cfg), client: robin, ctx: f.Ctx}
	t.Cleanup(func() { s.requireNoPanic(t) })
	return s
}

func (s *fixture) requireNoPanic(t *testing.T) {
	log, err := os.ReadFile(s.Relay.LogFile())
	require.NoError(t, err)
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte(`panic`)) {
			t.Errorf("the relay has panicked: %s", line)
		}
	}
}

// requireNoTextInLog checks that the relay has logged nothing that people said.
func (s *fixture) requireNoTextInLog(t *testing.T, hidden ...string) {
	t.Helper()
	log, err := os.ReadFile(s.Relay.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(log), "Relay started")
	for line := range bytes.Lines(log) {
		for _, text := range hidden {
			if bytes.Contains(line, []byte(text)) {
				t.Fatalf("the log contains %q: %s", text, line)
			}
		}
	}
}

// person logs a Matrix person in.
func (s *fixture) person(t *testing.T, name string, encryption harness.Encryption) *harness.Client {
	t.Helper()
	person, err := s.Person(s.ctx, name, encryption)
	require.NoError(t, err)
	return person
}

// invite has a person create a room with the bot in it and waits for its hello.
func (s *fixture) invite(t *testing.T, host *harness.Client, options harness.RoomOptions) id.RoomID {
	t.Helper()
	options.Invite = append(options.Invite, s.BotID())
	room, err := host.CreateRoom(s.ctx, options)
	require.NoError(t, err)
	s.waitBot(t, host, room, harness.Notice("Hello!"))
	return room
}

// join has a person accept an invitation to a room.
func (s *fixture) join(t *testing.T, guest *harness.Client, room id.RoomID) {
	t.Helper()
	_, err := guest.WaitEvent(s.ctx, room, harness.Membership(guest.UserID(), event.MembershipInvite))
	require.NoError(t, err)
	require.NoError(t, guest.Join(s.ctx, room))
}

// waitBot waits for something that the bot says in a room.
func (s *fixture) waitBot(t *testing.T, person *harness.Client, room id.RoomID, match harness.Match) harness.Entry {
	t.Helper()
	entry, err := person.WaitEvent(s.ctx, room, harness.All(harness.From(s.BotID()), match))
	require.NoError(t, err)
	return entry
}

// ask has a person type a command and returns the bot's answer to it.
func (s *fixture) ask(t *testing.T, person *harness.Client, room id.RoomID, command string) string {
	t.Helper()
	answer, err := s.Ask(s.ctx, person, room, command)
	require.NoError(t, err)
	return answer
}

// reply waits for the notice by which the bot answers an event.
func (s *fixture) reply(t *testing.T, person *harness.Client, room id.RoomID, to id.EventID) string {
	t.Helper()
	answer, err := s.Reply(s.ctx, person, room, to)
	require.NoError(t, err)
	return answer
}

// newWazoRoom makes a Wazo room of the relay and somebody who is in no other.
func (s *fixture) newWazoRoom(name string) (wazotest.Room, wazotest.User) {
	author := s.Hire("Alice", "Martin")
	return s.Wazo.CreateRoom(name, author, s.Cast.Relay), author
}

// someWords are a text that was not said before.
func (s *fixture) someWords() string { return fmt.Sprintf("still there? %d.", s.words.Add(1)) }

// setJoinRule has Robin decide who may join a room.
func (s *fixture) setJoinRule(room id.RoomID, rule event.JoinRule) error {
	return s.Robin.SetState(s.ctx, room, event.StateJoinRules, "", &event.JoinRulesEventContent{JoinRule: rule})
}

// setHistory has Robin decide who may read a room's history.
func (s *fixture) setHistory(room id.RoomID, visibility event.HistoryVisibility) error {
	return s.Robin.SetState(s.ctx, room, event.StateHistoryVisibility, "", &event.HistoryVisibilityEventContent{HistoryVisibility: visibility})
}
