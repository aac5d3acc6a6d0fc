package cases

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
)

func TestCommands(t *testing.T) { withEachClient(t, testCommands) }

func testCommands(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	for _, kind := range kinds {
		p := s.link(t, harness.RoomOptions{Encrypted: kind.encrypted})
		p.requireTalk(t) // after that the history is surely complete
		encryption := map[bool]string{true: "this room is encrypted", false: "this room is not encrypted"}[kind.encrypted]
		for _, test := range []struct {
			command string
			answers []string
		}{
			{"!wazo help", []string{"!wazo rooms", "!wazo link <uuid | number | name>", "!wazo create", "!wazo unlink", "!wazo status", "!wazo ping", "!wazo version"}},
			{"!wazo", []string{"!wazo unlink"}},
			{"!WAZO  Ping", []string{"Pong!"}},
			{"Wazo Relay: !wazo: ping", []string{"Pong!"}},
			{"> <@somebody:a.example> hello\n\n!wazo ping", []string{"Pong!"}},
			{"!wazo version", []string{"`"}},
			{"!wazo status", []string{
				"Linked with **Support**", p.Portal.Wazo, s.Robin.UserID().String(), encryption,
				"Wazo: works; account relay", "history: complete", "0 to Wazo, 0 to Matrix", "parked: 0",
			}},
			{"!wazo lnik", []string{"I don't know the command `lnik`. Did you mean `!wazo link`?"}},
			{"!wazo statsu now", []string{"Did you mean `!wazo status`?"}},
			{"!wazo xylophone", []string{"I don't know the command `xylophone`. Type `!wazo help`"}},
		} {
			t.Run(test.command+" "+kind.name, func(t *testing.T) {
				answer := s.ask(t, s.Robin, p.Matrix, test.command)
				for _, expected := range test.answers {
					require.Contains(t, answer, expected)
				}
			})
		}
		t.Run("are not relayed, nor are the answers "+kind.name, func(t *testing.T) {
			p.requireTalk(t)
			require.Len(t, p.onWazo(), 2, "only the two talks")
		})
	}
	t.Run("version is what the program says of itself", func(t *testing.T) {
		room := s.invite(t, s.Robin, harness.RoomOptions{})
		said, err := s.Relay.Run(s.ctx, "--version")
		require.NoError(t, err)
		version := regexp.MustCompile("`(.+)`").FindStringSubmatch(s.ask(t, s.Robin, room, "!wazo version"))
		require.NotNil(t, version)
		require.Contains(t, said.Output, version[1])
	})
	t.Run("status of a room without link says how to link it", func(t *testing.T) {
		room := s.invite(t, s.Robin, harness.RoomOptions{})
		require.Contains(t, s.ask(t, s.Robin, room, "!wazo status"), "This room is not linked")
	})
}

// Homeservers may tell how old an event is (unsigned.age): here it is three
// minutes for what is new.
func TestOldCommandIsNotObeyed(t *testing.T) { inEachSetting(t, testOldCommandIsNotObeyed) }

func testOldCommandIsNotObeyed(t *testing.T, robin client, encrypted bool) {
	s, between := openBehindProxy(t, robin)
	p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
	between.change(func() { between.rewrite = agedBy(t, 3*time.Minute) })
	require.Contains(t, s.ask(t, s.Robin, p.Matrix, "!wazo unlink"), "I was away when you wrote this. Please repeat")
	// Messages have no age limit, and the link is still there.
	p.requireTalk(t)
}

// agedBy says of each event in an answer of /sync how old it is.
func agedBy(t *testing.T, age time.Duration) func([]byte) []byte {
	return func(body []byte) []byte {
		var answer map[string]any
		if json.Unmarshal(body, &answer) != nil {
			return body
		}
		for _, evt := range timelineEvents(answer) {
			unsigned, ok := evt["unsigned"].(map[string]any)
			if !ok {
				unsigned = map[string]any{}
				evt["unsigned"] = unsigned
			}
			unsigned["age"] = age.Milliseconds()
		}
		aged, err := json.Marshal(answer)
		if err != nil {
			t.Error(err)
		}
		return aged
	}
}

// timelineEvents are the events of all joined rooms in an answer of /sync.
func timelineEvents(answer map[string]any) (events []map[string]any) {
	rooms, _ := answer["rooms"].(map[string]any)
	joined, _ := rooms["join"].(map[string]any)
	for _, room := range joined {
		room, _ := room.(map[string]any)
		timeline, _ := room["timeline"].(map[string]any)
		list, _ := timeline["events"].([]any)
		for _, evt := range list {
			if evt, ok := evt.(map[string]any); ok {
				events = append(events, evt)
			}
		}
	}
	return events
}
