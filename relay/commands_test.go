package relay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// inbox returns the ids of the commands that the bot has yet to answer. Nothing empties the inbox in these tests.
func (f *fixture) inbox() (events []id.EventID) {
	f.Helper()
	rows, err := f.db.Inbox.All(f.ctx)
	require.NoError(f, err)
	for _, row := range rows {
		events = append(events, row.EventID)
	}
	return events
}

// editAt lets a person edit an event at a time.
func (f *fixture) editAt(sender id.UserID, target id.EventID, text string, at time.Time) id.EventID {
	return f.matrix.add(roomID, sender, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* " + text,
		"m.new_content": map[string]any{"msgtype": "m.text", "body": text},
		"m.relates_to":  map[string]any{"rel_type": "m.replace", "event_id": target},
	}, func(evt *event.Event) { evt.Timestamp = at.UnixMilli() })
}

// sayAt lets a person say something at a time.
func (f *fixture) sayAt(sender id.UserID, text string, at time.Time) id.EventID {
	return f.matrix.add(roomID, sender, event.EventMessage, map[string]any{"msgtype": "m.text", "body": text}, func(evt *event.Event) { evt.Timestamp = at.UnixMilli() })
}

func TestCommandNeverAppearsOnWazo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	pill := `<a href="https://matrix.to/#/` + botUser.String() + `">Robbie</a>`
	var commands []id.EventID
	for _, content := range []map[string]any{
		{"msgtype": "m.text", "body": "!wazo: status"},
		{"msgtype": "m.text", "body": "\u00a0\u200b!WAZO\u00a0status"},
		{"msgtype": "m.emote", "body": "!wazo status"},
		{"msgtype": "m.text", "body": "> <@sam:a.example> hello\n\n!wazo status", "m.relates_to": map[string]any{"m.in_reply_to": map[string]any{"event_id": "$x"}}},
		{"msgtype": "m.text", "body": "!wazo status", "m.relates_to": map[string]any{"rel_type": "m.thread", "event_id": "$x"}},
		{"msgtype": "m.text", "body": "Robbie: !wazo status", "format": "org.matrix.custom.html", "formatted_body": pill + ": !wazo status"},
		{"msgtype": "m.text", "body": words.BotName + ", !wazo status"},
		{"msgtype": "m.text", "body": botUser.String() + " !wazo status"},
		{"msgtype": "m.text", "body": "**!wazo** status", "format": "org.matrix.custom.html", "formatted_body": "<strong>!wazo</strong> status"},
	} {
		commands = append(commands, f.matrix.add(roomID, adminUser, event.EventMessage, content))
	}
	commands = append(commands, f.matrix.say("@eve:a.example", "!wazo: status")) // she may not use the bot
	f.matrix.say("@ignored:a.example", "!wazo: status")
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("end")
	require.Equal(t, commands, f.inbox())
}

func TestEditOfACommandIsObeyedInsteadOfIt(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 2} { // with a limit, what was said while the relay was away is read backwards
		t.Run(fmt.Sprintf("timeline limit %d", limit), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.matrix.limit = limit
			f.start()
			f.link()
			f.matrix.setPaused(true)
			now := time.Now()
			command := f.sayAt(adminUser, "!wazo statsu", now)
			f.editAt(adminUser, command, "!wazo satus", now.Add(time.Second))
			last := f.editAt(adminUser, command, "!wazo status", now.Add(2*time.Second))
			ordinary := f.sayAt(adminUser, "wazo status", now.Add(3*time.Second))
			becomes := f.editAt(adminUser, ordinary, "!wazo status", now.Add(4*time.Second))
			others := f.sayAt("@other:a.example", "stays", now)
			eves := f.editAt("@eve:a.example", others, "!wazo status", now.Add(5*time.Second))
			taken := f.sayAt(adminUser, "!wazo drop", now.Add(6*time.Second))
			f.editAt(adminUser, taken, "not for Wazo", now.Add(7*time.Second))
			for _, text := range numbered("m", 5) {
				f.matrix.say(adminUser, text)
			}
			f.matrix.setPaused(false)
			f.awaitRelayed(append([]string{"stays"}, numbered("m", 5)...)...)
			require.ElementsMatch(t, []id.EventID{last, becomes, eves, taken}, f.inbox())
		})
	}
}

func TestEditOfACommandIsNotRelayedLaterEither(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	now := time.Now()
	command := f.sayAt(adminUser, "!wazo status", now)
	f.matrix.say(adminUser, "one")
	f.awaitRelayed("one")
	f.editAt(adminUser, command, "not for Wazo", now.Add(time.Hour))
	edit := f.editAt(adminUser, command, "!wazo ping", now.Add(time.Hour))
	f.matrix.say(adminUser, "two")
	f.awaitRelayed("one", "two")

	after, err := f.core.EditedAfter(f.ctx, f.matrix.event(edit))
	require.NoError(t, err)
	require.Equal(t, time.Hour, after.Round(time.Second))
	after, err = f.core.EditedAfter(f.ctx, f.matrix.event(command))
	require.NoError(t, err)
	require.Zero(t, after)
}

// The pages of a gap bring the newest events first, so a later edit may be known before a command that it replaces.
func TestEditThatIsLaterThanACommandIsRelayed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	now := time.Now()
	message := f.sayAt(adminUser, "hello", now)
	f.awaitRelayed("hello")
	down := f.wazo.Faults().ChatdDown()
	f.awaitRow(f.matrix.say(adminUser, "between")) // holds back what follows
	f.editAt(adminUser, message, "before the command", now.Add(time.Second))
	f.editAt(adminUser, message, "after the command", now.Add(time.Minute))
	f.editAt(adminUser, message, "!wazo status", now.Add(2*time.Second))
	f.awaitRow(f.matrix.say(adminUser, "end"))
	down.Off()
	f.awaitRelayed("hello", "between", "✏️ after the command", "end")
}

func TestLateKeyOfACommandThatWasEdited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	secret := f.matrix.sayEncrypted(adminUser, "session")
	f.awaitPassedOver(secret)
	edit := f.editAt(adminUser, secret, "!wazo status", time.Now())
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("end")
	require.Nil(t, f.row(secret), "it is neither relayed nor obeyed any more")
	f.bringKey("session", secret, "!wazo statsu")
	f.matrix.say(adminUser, "after")
	f.awaitRelayed("end", "after")
	require.Equal(t, []id.EventID{edit}, f.inbox())
}

// answers returns what the relay account said in a Wazo room besides what it relayed from Matrix.
func (f *fixture) answers(room string) (texts []string) {
	for _, m := range f.wazo.Messages(room) {
		if m.UserUUID == f.relay.UUID && m.Alias == nil {
			texts = append(texts, m.Content)
		}
	}
	return texts
}

// awaitAnswers waits until exactly these answers were given in a Wazo room.
func (f *fixture) awaitAnswers(room string, want ...string) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%d answers on Wazo", len(want)), func() bool { return len(f.answers(room)) >= len(want) })
	require.Equal(f, want, f.answers(room))
}

func TestCommandsOnWazoAreAnsweredThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	introduction := txt.Introduction("Test room")
	f.wazo.Post(f.room.UUID, f.alice, "!WAZO: Help", "")
	f.awaitAnswers(f.room.UUID, introduction, txt.HelpOnWazo())
	f.wazo.Post(f.room.UUID, f.bob, "\u00a0!wazo rooms", "")
	f.awaitAnswers(f.room.UUID, introduction, txt.HelpOnWazo(), txt.UnknownOnWazo("rooms"))
	f.wazo.Post(f.room.UUID, f.bob, "!wazo unlink please", "")
	f.awaitAnswers(f.room.UUID, introduction, txt.HelpOnWazo(), txt.UnknownOnWazo("rooms"), txt.UnlinkUsageOnWazo())
	f.wazo.Post(f.room.UUID, f.alice, "!wazo status", "")
	await.Until(t, "the status on Wazo", func() bool {
		return slices.ContainsFunc(f.answers(f.room.UUID), func(said string) bool {
			return strings.HasPrefix(said, "This chat is linked with the Matrix room \"Test room\".\n") && strings.Contains(said, "Waiting: 0 messages")
		})
	})
	stranger := f.wazo.AddUser(wazotest.User{Username: "eve", Password: "e", Firstname: "Eve", Tenant: f.tenant})
	f.wazo.Post(f.room.UUID, stranger, "!wazo help", "")
	f.wazo.Post(f.room.UUID, f.alice, "I typed !wazo help", "")
	f.awaitShown("Eve: !wazo help", "Alice Martin: I typed !wazo help")

	// A restart reads the history again: nothing is answered twice.
	f.halt()
	f.start()
	f.wazo.Post(f.room.UUID, f.alice, "end", "")
	f.awaitShown("Eve: !wazo help", "Alice Martin: I typed !wazo help", "Alice Martin: end")
	require.Len(t, f.answers(f.room.UUID), 5)
}

func TestCommandOnWazoIsAnsweredAfterARestart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.halt()
	f.wazo.Post(f.room.UUID, f.alice, "!wazo help", "")
	f.start()
	f.awaitAnswers(f.room.UUID, txt.Introduction("Test room"), txt.HelpOnWazo())
}

func TestAnswerOnWazoWaitsUntilWazoTakesIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	down := f.wazo.Faults().ChatdDown()
	f.wazo.Post(f.room.UUID, f.alice, "!wazo help", "")
	await.Until(t, "the command in the database", func() bool {
		pending, err := f.db.WazoCommand.Pending(f.ctx)
		return err == nil && len(pending) == 1
	})
	down.Off()
	f.awaitAnswers(f.room.UUID, txt.Introduction("Test room"), txt.HelpOnWazo())
}

func TestCommandInAWazoRoomThatIsNotLinked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	other := f.wazo.CreateRoom("Other", f.alice, f.relay)
	explanation := txt.Explanation(botUser.String())
	f.wazo.Post(other.UUID, f.alice, "!wazo help", "")
	f.awaitAnswers(other.UUID, explanation)
	f.wazo.Post(other.UUID, f.alice, "thank you", "")
	f.wazo.Post(other.UUID, f.alice, "!wazo unlink", "")
	f.awaitAnswers(other.UUID, explanation, explanation)
}
