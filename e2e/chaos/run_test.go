package chaos

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"

	"github.com/stretchr/testify/require"
)

// relayBinary is what all runs use: built once.
var relayBinary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, remove, err := harness.TempDir()
	if err == nil {
		relayBinary, err = BuildRelay(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	code := m.Run()
	if err = remove(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return code
}

// runLimit is when a run of these tests is given up.
const runLimit = 4 * time.Minute

// play does a run and shows what happened if the test fails.
func play(t *testing.T, cfg Config) Result {
	t.Helper()
	var progress bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	cfg.RelayBinary, cfg.Progress = relayBinary, &progress
	result, err := Run(ctx, cfg)
	t.Cleanup(func() {
		if t.Failed() {
			_ = result.Print(&progress) // a buffer takes everything
			t.Log(progress.String())
		}
	})
	require.NoError(t, err)
	return result
}

// There are two strict runs, because of a known limit: after an older copy of the database
// is restored, lines of edits and reactions may come twice (docs/administration.md,
// "Backup and restore").
func TestNothingIsLostDoubledOrReorderedUnderFire(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"replies, edits, redactions and reactions": {Restores: -1},
		"older copies of the database":             {Plain: true},
	} {
		cfg.Messages, cfg.Kills, cfg.Rooms, cfg.Seed = 300, 6, 2, 1
		t.Run(name, func(t *testing.T) {
			result := play(t, cfg)
			t.Log(result)
			require.NoError(t, result.Err())
			require.Equal(t, !cfg.Plain, result.Done > 0)
			require.Equal(t, cfg.Plain, len(result.Restored) > 0)
		})
	}
}

// The whole run of the websocket takes long; the webhook differs in its own faults only.
func TestNothingIsLostDoubledOrReorderedByAWebhook(t *testing.T) {
	t.Parallel()
	result := play(t, Config{
		Messages: 60, Kills: 2, Rooms: 1, Conversations: -1, Seed: 1, Webhook: true,
		Faults: []string{webhooksDeleted, webhooksUnbound, webhookdDown, lostEvent, lateEvent},
	})
	t.Log(result)
	require.NoError(t, errWithoutKills(result))
}

// The plugin's own faults only, for the same reason. What people do with it must be the same on both sides at the end.
func TestRepliesAndReactionsOfThePluginAreTheSameOnBothSides(t *testing.T) {
	t.Parallel()
	result := play(t, Config{
		Messages: 150, Kills: 2, Rooms: 1, Conversations: -1, Restores: -1, Seed: 1, Plugin: true,
		Faults: []string{pluginRemoved, websocketCut, "wazo plugin: answer lost", "wazo plugin: stored without event", relationPrefix + "stored without event"},
	})
	t.Log(result)
	require.NoError(t, errWithoutKills(result))
}

// The faults of text messages only, for the same reason. None is sent twice or lost, and what became of each is told.
func TestNoTextMessageIsSentTwiceOrLost(t *testing.T) {
	t.Parallel()
	result := play(t, Config{
		Messages: 60, Kills: 2, Rooms: 1, Conversations: -1, Restores: -1, Seed: 1, SMS: true,
		Faults: []string{
			websocketCut, string(smsPost) + ": answer lost", string(smsPost) + ": stored, not published, answered 500",
			providerPrefix + "refused until Wazo gives up", providerPrefix + "failed later", providerPrefix + "status lost",
			providerPrefix + "status before the message", providerPrefix + "status late", inboundPrefix + "stored, not published",
		},
	})
	t.Log(result)
	require.NoError(t, errWithoutKills(result))
}

// The runs that follow are of what one part of the relay's protection is for.
// With it they are clean; without it they must not be.
func TestRunNoticesWhatIsSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		off    Protection
		cfg    Config
		notice func(Result) int
	}{
		{
			name: "messages are duplicated if the relay does not look for them before it sends them again", off: Reconcile,
			cfg:    Config{Messages: 40, Faults: []string{"wazo post: answer lost"}},
			notice: func(r Result) int { return r.Doubled },
		},
		{
			name: "text messages are paid for twice if the relay does not look for them before it sends them again", off: Reconcile,
			cfg:    Config{Messages: 40, SMS: true, Faults: []string{string(smsPost) + ": answer lost", providerPrefix + "failed later"}},
			notice: func(r Result) int { return r.Doubled },
		},
		{
			name: "messages are lost without the catch-up", off: CatchUp,
			cfg:    Config{Messages: 60, Kills: 3, Faults: []string{websocketCut}},
			notice: func(r Result) int { return r.Lost },
		},
		{
			name: "messages come back if the relay does not wait for the answers to what it posts for people", off: Echoes,
			cfg:    Config{Messages: 300, Faults: []string{"wazo post: answered late"}},
			notice: func(r Result) int { return r.Doubled },
		},
		{
			name: "messages double without the de-duplication when the homeserver forgets transaction ids", off: Dedupe,
			cfg:    Config{Messages: 60, Kills: 1, Faults: []string{homeserverKilled}},
			notice: func(r Result) int { return r.Doubled },
		},
		{
			name: "a conversation gets a second room if the relay does not recognise the first one", off: Adoption,
			cfg:    Config{Messages: 60, Conversations: 3, Faults: []string{"matrix rooms: answer lost"}},
			notice: func(r Result) int { return r.SecondRooms },
		},
	} {
		test.cfg.Rooms, test.cfg.Seed, test.cfg.Quiet = 1, 1, 8*time.Second
		if test.cfg.Conversations == 0 {
			test.cfg.Conversations = -1
		}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			t.Run("and not with it", func(t *testing.T) {
				t.Parallel()
				require.NoError(t, errWithoutKills(play(t, test.cfg)))
			})
			t.Run("noticed", func(t *testing.T) {
				t.Parallel()
				cfg := test.cfg
				cfg.Break = test.off
				// Whether one short run meets the moment that the protection is for
				// depends on the machine's timing. No run may meet it if the
				// protection is good for nothing, so the first that does decides.
				require.True(t, noticed(t, cfg, test.notice), "no run noticed it")
			})
		})
	}
}

// noticed plays a run with one seed after the other until notice counts
// something in one of them.
func noticed(t *testing.T, cfg Config, notice func(Result) int) bool {
	t.Helper()
	for range 5 {
		result := play(t, cfg)
		t.Log(result)
		if notice(result) > 0 {
			return true
		}
		cfg.Seed++
	}
	return false
}

// errWithoutKills is the judgement of a run that is too short for a kill to meet
// a message on its way for sure.
func errWithoutKills(result Result) error {
	result.killsWanted = 0
	return result.Err()
}

func TestUselessConfiguration(t *testing.T) {
	for _, test := range []struct {
		name string
		cfg  Config
	}{
		{"no messages", Config{Rooms: 1}},
		{"less than no rooms", Config{Messages: 1, Rooms: -1}},
		{"more messages than a room's history can be read of", Config{Messages: roomLimit + 1, Rooms: 1}},
		{"an unknown part switched off", Config{Messages: 1, Rooms: 1, Break: "everything"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Run(t.Context(), test.cfg)
			require.Error(t, err)
		})
	}
}

func TestRoomsFollowTheNumberOfMessages(t *testing.T) {
	for _, test := range []struct {
		name            string
		messages, rooms int
		want            int
	}{
		{"a short run has a plain and an encrypted room", 300, 0, 2},
		{"what just fits into two rooms", 2 * roomShare, 0, 2},
		{"one message more takes a third room", 2*roomShare + 1, 0, 3},
		{"a long run", 20000, 0, 8},
		{"a given number is kept", 20000, 5, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg, err := Config{Messages: test.messages, Rooms: test.rooms}.withDefaults()
			require.NoError(t, err)
			require.Equal(t, test.want, cfg.Rooms)
		})
	}
}

func TestJudgementOfRun(t *testing.T) {
	good := Result{Sent: 10, Relations: Relations{Done: 3, Shown: 2, Quoted: 1, Unquoted: 1}, Native: 1, Kills: 2, KilledMidway: 1, Fired: []Count{{"a", 1}}, Rooms: 1, ReaderChanges: 1, killsWanted: 2, messagesWanted: 10, conversationsWanted: 1, readersWanted: true}
	require.NoError(t, good.Err())
	require.Equal(t, "chaos: sent=10 lost=0 doubled=0 reordered=0 kills=2 kills_while_attempted=1 faults=0 seed=0 rooms=1 second_rooms=0 relations=3", good.String())
	for _, test := range []struct {
		name  string
		spoil func(*Result)
		want  string
	}{
		{"a message is lost", func(r *Result) { r.Lost = 1 }, "lost 1"},
		{"a message is doubled", func(r *Result) { r.Doubled = 1 }, "doubled 1"},
		{"a message is out of order", func(r *Result) { r.Reordered = 1 }, "reordered 1"},
		{"a fault never fired", func(r *Result) { r.Fired = []Count{{"a", 1}, {"b", 0}} }, `"b" never fired`},
		{"something else is quoted", func(r *Result) { r.Misquoted = 1 }, "1 quotes or corrections are wrong"},
		{"hardly anything is quoted", func(r *Result) { r.Unquoted = 2 }, "2 of 3 lines do not quote"},
		{"nothing but messages was shown", func(r *Result) { r.Shown = 0 }, "no reply, edit, redaction or reaction was shown"},
		{"a reaction differs between the sides", func(r *Result) { r.Plugin.Unequal = 1 }, "1 replies or reactions differ"},
		{"the plugin was not used", func(r *Result) { r.pluginWanted = true }, "the plugin has not shown"},
		{"nobody was told that a text message failed", func(r *Result) { r.Texts.Untold = 1 }, "what became of 1 text messages"},
		{"no text message failed", func(r *Result) { r.textsWanted, r.Texts = true, Texts{Received: 1, Sent: 1} }, "text messages were not sent, received and told"},
		{"nobody posted as themselves", func(r *Result) { r.Native = 0 }, "no message was posted by the account of its sender"},
		{"somebody is shown under another name", func(r *Result) { r.Strange = 3 }, "3 messages of people with an own account"},
		{"a conversation did not open", func(r *Result) { r.Rooms = 0 }, "only 0 of 1 conversations"},
		{"a conversation got two rooms", func(r *Result) { r.SecondRooms = 1 }, "1 second rooms"},
		{"no reader logged out", func(r *Result) { r.ReaderChanges = 0 }, "no chat got another reader"},
		{"too few kills", func(r *Result) { r.Kills = 1 }, "only 1 of 2 kills"},
		{"no kill met a message", func(r *Result) { r.KilledMidway = 0 }, "no kill met"},
		{"people could not say everything", func(r *Result) { r.Sent = 9 }, "only 9 of 10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := good
			test.spoil(&bad)
			require.ErrorContains(t, bad.Err(), test.want)
		})
	}
}
