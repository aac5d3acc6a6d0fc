package relay

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// reply lets a person reply to an event.
func (f *fixture) reply(sender id.UserID, target id.EventID, text string) id.EventID {
	return f.matrix.add(roomID, sender, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": text, "m.relates_to": map[string]any{"m.in_reply_to": map[string]any{"event_id": target}},
	})
}

// inThread lets a person say something in a thread, as clients do: it also replies to the last message of the thread.
func (f *fixture) inThread(sender id.UserID, root, last id.EventID, text string) id.EventID {
	return f.matrix.add(roomID, sender, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": text, "m.relates_to": map[string]any{
			"rel_type": "m.thread", "event_id": root, "is_falling_back": true, "m.in_reply_to": map[string]any{"event_id": last},
		},
	})
}

// shownEvent returns the event that shows a text of Wazo.
func (f *fixture) shownEvent(part string) id.EventID {
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	for _, evt := range f.matrix.rooms[roomID] {
		if evt.Tag != nil && evt.Tag.Kind == TagMessage && strings.Contains(bodyOf(evt.Content.VeryRaw), part) {
			return evt.ID
		}
	}
	f.Errorf("no event shows %q", part)
	return ""
}

func TestRepliesQuoteWhatTheyReplyTo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	before := f.matrix.say("@bea:b.example", "said before the link, and not for Wazo")
	f.link()
	hello := f.matrix.say(adminUser, "hello everybody in this room, how are you doing today?")
	f.awaitRelayed("hello everybody in this room, how are you doing today?")
	f.wazo.Post(f.room.UUID, f.alice, "*fine*, thanks", "")
	f.awaitShown("Alice Martin: *fine*, thanks")
	fine := f.shownEvent("fine")

	f.reply("@bea:b.example", hello, "to Ada")
	f.awaitOnWazo("to Ada\n\n> Ada: hello everybody in this room, how are…")
	f.reply(adminUser, fine, "to Alice")
	f.reply(adminUser, before, "to what Wazo has not seen")
	f.reply(adminUser, "$nowhere", "to nothing")
	f.matrix.redact(adminUser, hello, true)
	f.reply(adminUser, hello, "to what is gone")
	command := f.matrix.say(adminUser, "!wazo status")
	f.reply(adminUser, command, "to a command")
	f.awaitOnWazo("to a command")
	f.awaitRelayed("hello everybody in this room, how are you doing today?",
		"to Ada\n\n> Ada: hello everybody in this room, how are…",
		"to Alice\n\n> Alice Martin: fine, thanks",
		"to what Wazo has not seen\n\n> ↩️ bea",
		"to nothing", f.removed("hello everybody in this room, how are you doing today?", ""), "to what is gone\n\n> ↩️ Ada", "to a command")
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	require.Contains(t, f.matrix.looked, hello)
}

func TestRepliesToWhatIsNotOnWazoYet(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.wazo.Faults().RefusePost(wazotest.Answer{Status: 400, Body: "{}"}, wazotest.Times(1))
	parked := f.matrix.say(adminUser, "parked")
	f.matrix.awaitNotice(txt.Why(words.WhyWazoRefused))
	f.matrix.setPaused(true)
	locked := f.matrix.sayEncrypted(adminUser, "S")
	waits := f.matrix.say(adminUser, "waits")
	f.edit(adminUser, waits, "waits and is edited")
	f.reply(adminUser, parked, "to what is parked")
	f.reply(adminUser, locked, "to what nobody can read")
	f.reply(adminUser, waits, "to what waits")
	f.matrix.setPaused(false)
	f.awaitRelayed("waits and is edited", "to what is parked\n\n> Ada: parked",
		"to what nobody can read\n\n> ↩️ Ada", "to what waits\n\n> Ada: waits and is edited")
}

func TestAuthorsOfQuotesAreToldApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.wazo.AddUser(wazotest.User{Username: "alice2", Firstname: "Alice", Lastname: "Martin", Exten: "1004", Tenant: f.tenant})
	f.room = f.wazo.CreateRoom("Namesakes", f.relay, f.alice, other, f.bob)
	f.start()
	f.link()
	f.matrix.call(bea, "Ann", false)
	f.matrix.call("@ann:c.example", "Ann", false)
	f.matrix.call("@bob:c.example", "Bob stone", false)
	f.wazo.Post(f.room.UUID, other, "from one", "")
	f.wazo.Post(f.room.UUID, f.bob, "from Bob", "")
	f.awaitEvents(2)
	ann := f.matrix.say(bea, "from Ann")
	bob := f.matrix.say("@bob:c.example", "from the other Bob")
	f.awaitRelayed("from Ann", "from the other Bob")
	f.reply(adminUser, f.shownEvent("from one"), "1")
	f.awaitOnWazo("1\n\n> Alice Martin (1004): from one")
	f.reply(adminUser, f.shownEvent("from Bob"), "2")
	f.awaitOnWazo("2\n\n> Bob Stone: from Bob")
	f.reply(adminUser, ann, "3")
	f.awaitOnWazo("3\n\n> Ann (@bea:b.example): from Ann")
	f.reply(adminUser, bob, "4")
	f.awaitOnWazo("4\n\n> Bob stone (@bob:c.example): from the other Bob")
}

func TestReplyThatIsEditedWhileItWaitsStaysAReply(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.matrix.setPaused(true)
	f.edit(adminUser, f.reply(adminUser, hello, "yse"), "yes")
	f.edit(adminUser, f.inThread(adminUser, hello, hello, "too"), "also")
	locked := f.matrix.sayEncrypted(adminUser, "S", func(evt *event.Event) {
		evt.Content.Raw["m.relates_to"] = map[string]any{"m.in_reply_to": map[string]any{"event_id": hello}}
	})
	f.edit(adminUser, locked, "no secret")
	plain := f.matrix.say(adminUser, "plan")
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* plain", "m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": plain},
		"m.new_content": map[string]any{
			"msgtype": "m.text", "body": "plain", "m.relates_to": map[string]any{"m.in_reply_to": map[string]any{"event_id": hello}},
		},
	})
	f.matrix.setPaused(false)
	f.awaitRelayed("hello", "yes\n\n> Ada: hello", "also\n\n> 🧵 Ada: hello", "no secret\n\n> Ada: hello", "plain")
}

func TestReplyGoesOutWithoutTheHomeserver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.matrix.mu.Lock()
	f.matrix.eventError = &MatrixError{Status: 502, Err: errLost}
	f.matrix.mu.Unlock()
	f.reply(adminUser, hello, "yes")
	f.awaitRelayed("hello", "yes\n\n> ↩️ Ada")
}

func TestReplyToMergedMessagesQuotesTheLast(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	_, release := f.backlog([]line{{f.alice, "one"}, {f.bob, "two"}}, nil)
	release()
	await.Until(t, "the merged event", func() bool { return len(f.matrix.shown()) == 2 })
	f.reply(adminUser, f.shownEvent("two"), "yes")
	f.awaitRelayed("yes\n\n> Bob Stone: two")
}

func TestThreadIsMarkedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	root := f.matrix.say(adminUser, "root")
	f.awaitRelayed("root")
	first := f.inThread(adminUser, root, root, "first")
	f.awaitOnWazo("first\n\n> 🧵 Ada: root")
	f.halt()
	f.start()
	f.inThread("@bea:b.example", root, first, "second")
	f.awaitRelayed("root", "first\n\n> 🧵 Ada: root", "second\n\n> Ada: first")
}

// Anybody may send an event that says to edit another one.
func TestNobodyIsQuotedByTheEditOfSomebodyElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.edit("@bea:b.example", hello, "I resign")
	f.awaitRelayed("hello", "✏️ I resign")
	f.reply("@cem:b.example", hello, "really?")
	f.awaitRelayed("hello", "✏️ I resign", "really?\n\n> Ada: hello")
}
