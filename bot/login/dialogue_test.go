package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/relay"
)

const chatRoom = id.RoomID("!chat:a.example")

// fakeChat notes what is said.
type fakeChat struct {
	ctx   context.Context
	work  sync.WaitGroup
	mu    sync.Mutex
	said  []string
	fails bool
}

func (c *fakeChat) Say(_ context.Context, room id.RoomID, markdown string, _ id.EventID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fails {
		return errors.New("no")
	}
	if room != chatRoom {
		markdown = room.String() + ": " + markdown
	}
	c.said = append(c.said, markdown)
	return nil
}

func (c *fakeChat) Go(do func(ctx context.Context)) { c.work.Go(func() { do(c.ctx) }) }

func (c *fakeChat) IsCommand(evt *event.Event) bool {
	body, _ := evt.Content.Raw["body"].(string)
	return strings.HasPrefix(body, "!wazo")
}

// last returns what was said last, when all work is done.
func (c *fakeChat) last() string {
	c.work.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.said) == 0 {
		return ""
	}
	return c.said[len(c.said)-1]
}

// dialogueFixture is a chat with the dialogues in it.
type dialogueFixture struct {
	*fixture
	chat      *fakeChat
	db        *db.Database
	dialogues *Dialogues
	count     int
}

func newDialogueFixture(t *testing.T) *dialogueFixture {
	f := &dialogueFixture{fixture: newFixture(t), chat: &fakeChat{ctx: t.Context()}}
	var err error
	f.db, err = db.Open(t.Context(), dbtest.Location(t), "key", zerolog.Nop())
	require.NoError(t, err)
	t.Cleanup(func() {
		f.chat.work.Wait()
		require.NoError(t, f.db.Close())
	})
	f.dialogues = f.logins.Dialogues(f.db, f.chat)
	return f
}

func (f *dialogueFixture) begin() {
	f.Helper()
	require.NoError(f, f.dialogues.Begin(f.Context(), robin, chatRoom))
	require.Equal(f, txt.LoginAskName(), f.chat.last())
}

// event is something that robin says, encrypted.
func (f *dialogueFixture) event(content map[string]any) *event.Event {
	f.Helper()
	f.count++
	evt := &event.Event{ID: id.EventID(fmt.Sprintf("$%d", f.count)), RoomID: chatRoom, Sender: robin, Type: event.EventMessage, Timestamp: f.logins.now().UnixMilli()}
	data, err := json.Marshal(content)
	require.NoError(f, err)
	require.NoError(f, json.Unmarshal(data, &evt.Content))
	evt.Mautrix.WasEncrypted = true
	return evt
}

func (f *dialogueFixture) text(body string) *event.Event {
	f.Helper()
	return f.event(map[string]any{"msgtype": "m.text", "body": body})
}

// say lets robin say something that is taken, and returns what is said of it.
func (f *dialogueFixture) say(body string) string {
	f.Helper()
	require.True(f, f.dialogues.Take(f.Context(), f.text(body)))
	return f.chat.last()
}

func (f *dialogueFixture) requireOver() {
	f.Helper()
	require.False(f, f.dialogues.Take(f.Context(), f.text("hello")))
}

// requireEnded requires that robin is asked nothing more, and that what they say is taken until the time is over.
func (f *dialogueFixture) requireEnded() {
	f.Helper()
	asked := f.core.asked()
	for range 2 {
		require.Equal(f, txt.LoginNotUsed(), f.say(goodPassword))
	}
	require.Equal(f, asked, f.core.asked())
	f.pass(Life + grace + time.Second)
	f.requireOver()
}

func TestDialogueLogsIn(t *testing.T) {
	f := newDialogueFixture(t)
	f.requireOver()
	f.begin()
	require.Equal(t, txt.LoginAskPassword(), f.say(" alice "))
	f.say(goodPassword)
	require.Equal(t, []relay.LogInRequest{{Username: "alice"}}, f.core.requests)
	require.Len(t, f.chat.said, 2, "the core says the rest")
	f.requireOver()
}

func TestDialogueTakesADomain(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	require.Equal(t, txt.LoginAskPassword(), f.say("alice, example.org"))
	f.say(goodPassword)
	require.Equal(t, []relay.LogInRequest{{Username: "alice", Domain: "example.org"}}, f.core.requests)
}

func TestDialogueAsksAgainAfterAWrongPassword(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	f.say("alice, example.org")
	for range maxTries - 1 {
		require.Equal(t, txt.WrongPassword()+"\n\n"+txt.LoginAskPassword(), f.say("wrong"))
	}
	for _, request := range f.core.requests {
		require.Equal(t, relay.LogInRequest{Username: "alice", Domain: "example.org"}, request, "the name is kept")
	}
	require.Equal(t, txt.WrongPassword()+"\n\n"+txt.LoginDialogueOver(), f.say("wrong"))
	f.requireEnded()
}

func TestDialogueTakesAnotherName(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	f.say("alcie, example.org")
	f.say("wrong")
	require.Equal(t, txt.LoginAskName(), f.say(" Name "))
	f.say("alice")
	f.say(goodPassword)
	require.Equal(t, relay.LogInRequest{Username: "alice"}, f.core.requests[1])
	f.requireOver()
}

func TestDialogueRepeatsNothingThatPeopleSay(t *testing.T) {
	for name, said := range map[string][]string{
		"the password alone after a failure": {"alice", "my_Secret,1", "my_Secret,1"},
		"the password first":                 {"my_Secret,1", "alice", "name", "my_Secret,1"},
		"the password after a change":        {"alice", "my_Secret,1", "name", "my_Secret,1"},
	} {
		f := newDialogueFixture(t)
		f.begin()
		for _, answer := range said {
			require.NotContains(t, f.say(answer), "Secret", name)
		}
		require.NotContains(t, f.logged.String(), "Secret", name)
	}
}

func TestDialogueEndsWhenNoPasswordHelps(t *testing.T) {
	f := newDialogueFixture(t)
	f.core.err = &relay.LogInError{Outcome: relay.LogInNotAllowed, Words: txt.NotAllowed()}
	f.begin()
	f.say("alice")
	require.Equal(t, txt.NotAllowed(), f.say(goodPassword))
	f.requireEnded()
}

func TestDialogueLimitsTriesOfAPerson(t *testing.T) {
	f := newDialogueFixture(t)
	for range 2 {
		f.begin()
		f.say("alice")
		for range maxTries {
			f.say("wrong")
		}
	}
	f.begin()
	f.say("alice")
	require.Contains(t, f.say(goodPassword), txt.LoginLimited(time.Hour))
	require.Equal(t, 10, f.core.asked())
}

func TestDialogueIsCancelled(t *testing.T) {
	for _, steps := range [][]string{{"cancel"}, {"alice", " Cancel "}} {
		f := newDialogueFixture(t)
		f.begin()
		for _, said := range steps[:len(steps)-1] {
			f.say(said)
		}
		require.Equal(t, txt.LoginCancelled(), f.say(steps[len(steps)-1]))
		f.requireOver()
		require.Zero(t, f.core.asked())
	}
}

func TestDialogueTakesOnlyWhatItAskedFor(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	for name, change := range map[string]func(evt *event.Event){
		"somebody else":    func(evt *event.Event) { evt.Sender = eve },
		"another room":     func(evt *event.Event) { evt.RoomID = "!other:a.example" },
		"a reaction":       func(evt *event.Event) { evt.Type = event.EventReaction },
		"not decrypted":    func(evt *event.Event) { evt.Type = event.EventEncrypted },
		"taken back":       func(evt *event.Event) { evt.Content = event.Content{} },
		"a piece of state": func(evt *event.Event) { evt.StateKey = new(string) },
	} {
		evt := f.text("alice")
		change(evt)
		require.False(t, f.dialogues.Take(t.Context(), evt), name)
	}
	require.False(t, f.dialogues.Take(t.Context(), f.text("!wazo help")), "a command is obeyed")
	require.Equal(t, txt.LoginAskPassword(), f.say("alice"))
}

func TestDialogueDoesNotUseWhatIsNoAnswer(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	f.say("alice")
	for want, content := range map[string]map[string]any{
		txt.LoginNotText(): {"msgtype": "m.image", "body": "cat.jpg", "url": "mxc://a.example/cat"},
		txt.LoginEdited():  {"msgtype": "m.text", "body": "* x", "m.new_content": map[string]any{"msgtype": "m.text", "body": "x"}},
	} {
		require.True(t, f.dialogues.Take(t.Context(), f.event(content)))
		require.Equal(t, want, f.chat.last())
	}
	f.say(goodPassword)
	require.Equal(t, 1, f.core.asked())
}

func TestAnswerThatRepliesIsReadWithoutItsFallback(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	require.True(t, f.dialogues.Take(t.Context(), f.event(map[string]any{
		"msgtype": "m.text", "body": "> <@bot:a.example> What is …\n\nalice", "format": "org.matrix.custom.html",
		"formatted_body": "<mx-reply><blockquote>What is …</blockquote></mx-reply>alice",
		"m.relates_to":   map[string]any{"m.in_reply_to": map[string]any{"event_id": "$bot"}},
	})))
	require.Equal(t, txt.LoginAskPassword(), f.chat.last())
}

func TestAnswerInClearEndsTheDialogue(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	f.say("alice")
	evt := f.text(goodPassword)
	evt.Mautrix.WasEncrypted = false
	require.True(t, f.dialogues.Take(t.Context(), evt))
	require.Equal(t, txt.LoginSentInClear(), f.chat.last())
	require.Zero(t, f.core.asked())
	f.requireEnded()
}

func TestDialogueEndsAfterTenMinutes(t *testing.T) {
	t.Run("what comes soon afterwards may be the password", func(t *testing.T) {
		f := newDialogueFixture(t)
		f.begin()
		f.say("alice")
		f.pass(Life + time.Second)
		require.Equal(t, txt.LoginTooLate(), f.say(goodPassword))
		require.Zero(t, f.core.asked())
		f.requireEnded()
	})
	t.Run("what comes much later is for others", func(t *testing.T) {
		f := newDialogueFixture(t)
		f.begin()
		f.pass(Life + grace + time.Second)
		f.requireOver()
	})
}

func TestDialogueThatHasFailedIsCancelled(t *testing.T) {
	f := newDialogueFixture(t)
	f.core.err = &relay.LogInError{Outcome: relay.LogInNotAllowed, Words: txt.NotAllowed()}
	f.begin()
	f.say("alice")
	f.say(goodPassword)
	require.Equal(t, txt.LoginCancelled(), f.say("cancel"))
	f.requireOver()
}

func TestAnswerThatIsReceivedMuchLaterIsTaken(t *testing.T) {
	for name, restart := range map[string]bool{"the homeserver was away": false, "the bot was away": true} {
		f := newDialogueFixture(t)
		f.begin()
		f.say("alice")
		evt := f.text(goodPassword)
		f.pass(3 * time.Hour)
		if restart {
			f.dialogues = f.logins.Dialogues(f.db, f.chat)
			f.pass(time.Hour)
		}
		f.requireOver()
		require.True(t, f.dialogues.Take(t.Context(), evt), name)
		require.Zero(t, f.core.asked(), name)
	}
}

func TestClockOfTheHomeserverMayBeWrong(t *testing.T) {
	f := newDialogueFixture(t)
	for _, wrong := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		f.begin()
		evt := f.text("alice")
		evt.Timestamp += wrong.Milliseconds()
		again := f.text("alice")
		again.Timestamp += (wrong + Life + grace).Milliseconds()
		require.True(t, f.dialogues.Take(t.Context(), evt))
		f.pass(Life + grace + time.Second)
		require.False(t, f.dialogues.Take(t.Context(), again))
	}
}

func TestRestartedDialogueTakesAnswers(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	f.say("alice")
	f.dialogues = f.logins.Dialogues(f.db, f.chat)
	for range 2 {
		require.Equal(t, txt.LoginRestarted(), f.say(goodPassword))
	}
	require.Zero(t, f.core.asked())
	f.pass(Life + grace + time.Second)
	f.requireOver()
}

func TestAnswerThatIsReceivedAgainIsTakenAgain(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	f.say("alice")
	evt := f.text(goodPassword)
	again := f.text(goodPassword)
	again.ID = evt.ID
	require.True(t, f.dialogues.Take(t.Context(), evt))
	f.chat.work.Wait()
	require.True(t, f.dialogues.Take(t.Context(), again), "the dialogue is over")
	require.Equal(t, 1, f.core.asked())
}

func TestDialogueAsksToWaitWhileItLogsIn(t *testing.T) {
	f := newDialogueFixture(t)
	f.core.entered, f.core.leave = make(chan struct{}), make(chan struct{})
	f.begin()
	f.say("alice")
	require.True(t, f.dialogues.Take(t.Context(), f.text(goodPassword)))
	await.Receive(t, "the log-in to begin", f.core.entered)
	require.True(t, f.dialogues.Take(t.Context(), f.text("hello?")))
	f.chat.mu.Lock()
	require.Equal(t, txt.LoginTrying(), f.chat.said[len(f.chat.said)-1])
	f.chat.mu.Unlock()
	close(f.core.leave)
	f.chat.work.Wait()
	require.Equal(t, 1, f.core.asked())
}

func TestDialogueOverwritesWhatItReads(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	f.say("alice")
	evt := f.text(goodPassword)
	raw := evt.Content.VeryRaw
	require.True(t, f.dialogues.Take(t.Context(), evt))
	f.chat.work.Wait()
	require.NotContains(t, string(raw), "correct")
	require.Empty(t, evt.Content.Raw)
	require.Empty(t, evt.Content.VeryRaw)
	require.NotContains(t, f.logged.String(), "correct")
}

func TestDialogueBegunAgainForgetsTheFirstOne(t *testing.T) {
	f := newDialogueFixture(t)
	f.begin()
	f.say("alice")
	f.begin()
	require.Equal(t, txt.LoginAskPassword(), f.say("bob"))
	f.dialogues.End(t.Context(), chatRoom)
	f.requireOver()
}

func TestDialogueThatCannotBeStoredDoesNotBegin(t *testing.T) {
	f := newDialogueFixture(t)
	f.chat.fails = true
	require.Error(t, f.dialogues.Begin(t.Context(), robin, chatRoom))
	f.requireOver()
}
