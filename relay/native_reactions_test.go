package relay

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// reactingNatively is a plugin fixture in which Ada has said hello, and in whose Matrix room several people are.
func reactingNatively(t *testing.T, set ...func(*fixture)) (f *fixture, hello id.EventID) {
	f = newNativeFixture(t, set...)
	f.matrix.call(bea, "Bea", false)
	hello = f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.awaitEmpty() // so that faults are for what comes next
	return f, hello
}

// reactions returns the reactions on Wazo, as "who: emoji to text".
func (f *fixture) reactions() []string {
	names, reactions := map[string]string{f.relay.UUID: "relay", f.alice.UUID: "alice", f.bob.UUID: "bob"}, []string{}
	for _, x := range f.wazo.Reactions(f.room.UUID) {
		reactions = append(reactions, fmt.Sprintf("%s: %s to %s", names[x.UserUUID], x.Emoji, f.contentOf(x.MessageUUID)))
	}
	return reactions
}

// awaitReactions waits until exactly these reactions are on Wazo, and nothing waits or is owed any more.
func (f *fixture) awaitReactions(want ...string) {
	f.Helper()
	f.awaitEmpty()
	await.Until(f, fmt.Sprintf("the reactions %q", want), func() bool { return f.owes() == 0 && len(f.reactions()) == len(want) }, func() string { return fmt.Sprintf("%q", f.reactions()) })
	require.ElementsMatch(f, want, f.reactions())
}

func TestPersonWhoHasLoggedInReactsAsThemselves(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t, func(f *fixture) { f.reactionWait = time.Hour })
	f.wazo.Post(f.room.UUID, f.bob, "on Wazo", "")
	f.awaitShown("Bob Stone: on Wazo")
	thumb := f.react(robinUser, hello, "👍")
	f.react(robinUser, f.shownEvent("on Wazo"), "🎉")
	f.awaitReactions("alice: 👍 to hello", "alice: 🎉 to on Wazo")
	await.Until(t, "the receipt", func() bool {
		f.matrix.mu.Lock()
		defer f.matrix.mu.Unlock()
		return f.matrix.read[len(f.matrix.read)-1] != hello
	})
	f.matrix.redact(robinUser, thumb, true)
	await.Until(t, "the removal", func() bool { return len(f.reactions()) == 1 })
	f.awaitReactions("alice: 🎉 to on Wazo")
	f.awaitPosted("relay/Ada (Matrix): hello", "bob/: on Wazo")
}

// The relay account reacts once for all, and the line that replies to the message says for whom.
func TestRelayAccountReactsForTheOthers(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t)
	f.matrix.setPaused(true)
	ann := f.react(adminUser, hello, "❤️")
	bea1 := f.react(bea, hello, "❤")
	f.react(bea, hello, "👍")
	f.matrix.setPaused(false)
	f.awaitOnWazo("❤️ Ada, Bea · 👍 Bea")
	f.awaitReactions("relay: ❤️ to hello", "relay: 👍 to hello")
	f.awaitMarked("❤️ Ada, Bea · 👍 Bea → hello")
	f.matrix.redact(adminUser, ann, true)
	f.awaitOnWazo("removed ❤️")
	f.awaitReactions("relay: ❤️ to hello", "relay: 👍 to hello")
	f.halt()
	f.start()
	f.awaitPlugin(true)
	f.matrix.redact(bea, bea1, true)
	await.Until(t, "the removal", func() bool { return len(f.reactions()) == 1 })
	f.awaitReactions("relay: 👍 to hello")
	f.awaitRelayed("hello", "❤️ Ada, Bea · 👍 Bea", "removed ❤️", "removed ❤")
	f.awaitMarked("❤️ Ada, Bea · 👍 Bea → hello", "removed ❤️ → hello", "removed ❤ → hello")
}

func TestReactionOfTheOnlyPersonInTheRoomNeedsNoLine(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.wazo.SetPlugin(true)
	f.reactionWait = time.Hour
	f.start()
	f.link()
	f.awaitPlugin(true)
	hello := f.matrix.say(adminUser, "hello")
	thumb := f.react(adminUser, hello, "👍")
	f.awaitReactions("relay: 👍 to hello")
	f.matrix.redact(adminUser, thumb, true)
	await.Until(t, "the removal", func() bool { return len(f.reactions()) == 0 })
	f.awaitReactions()
	f.awaitRelayed("hello")
}

// A reaction that Wazo cannot keep is told in a line, as without the plugin.
func TestReactionsThatWazoCannotKeep(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t)
	for _, emoji := range []string{"/", "..", "a very long reaction"} {
		f.react(bea, hello, emoji)
		f.awaitOnWazo(fmt.Sprintf("%s to \"hello\"", emoji))
	}
	f.react(bea, hello, "")
	f.react(bea, "$nowhere", "🎉")
	f.awaitOnWazo("🎉 to an earlier message")
	f.react(robinUser, hello, "yes/no")
	await.Until(t, "the reaction", func() bool { return len(f.posted()) == 6 })
	f.awaitReactions()
	require.Equal(t, `alice/: yes/no to "hello"`, f.posted()[5])
	f.awaitMarked()
}

func TestReactionsAreMadeOnceWhateverBecomesOfTheRequests(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*wazotest.Faults) *wazotest.Fault{
		"stored and answered 500":    func(f *wazotest.Faults) *wazotest.Fault { return f.RelationPublishFails(wazotest.Times(1)) },
		"stored and the answer lost": func(f *wazotest.Faults) *wazotest.Fault { return f.CutRelation(wazotest.Times(1)) },
		"refused at the same moment": func(f *wazotest.Faults) *wazotest.Fault {
			return f.RefuseRelation(wazotest.JSONError(http.StatusInternalServerError), wazotest.Times(3))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, hello := reactingNatively(t)
			added := fail(f.wazo.Faults())
			thumb := f.react(robinUser, hello, "👍")
			f.awaitReactions("alice: 👍 to hello")
			require.NotZero(t, added.Fired())
			removed := fail(f.wazo.Faults())
			f.matrix.redact(robinUser, thumb, true)
			await.Until(t, "the removal", func() bool { return len(f.reactions()) == 0 })
			f.awaitReactions()
			require.NotZero(t, removed.Fired())
		})
	}
}

// Somebody who has reacted in an app of Wazo reacts on Matrix, too: Wazo answers 409.
func TestReactionThatIsThereAlready(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t)
	messages := f.wazo.Messages(f.room.UUID)
	f.wazo.React(f.room.UUID, messages[len(messages)-1].UUID, f.alice, "👍")
	thumb := f.react(robinUser, hello, "👍")
	await.Until(t, "the request", func() bool {
		reaction, err := f.db.Reaction.ByEvent(f.ctx, 1, thumb)
		return err == nil && reaction != nil && f.owes() == 0
	})
	f.awaitReactions("alice: 👍 to hello")
	f.matrix.redact(robinUser, thumb, true)
	await.Until(t, "the removal", func() bool { return len(f.reactions()) == 0 })
}

// What the relay has to know of its own reactions is stored before Wazo is asked, also for the event that comes before
// the answer.
func TestOwnReactionIsKnownBeforeItsEventComes(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t)
	late := f.wazo.Faults().LateRelation(300*time.Millisecond, wazotest.Times(1))
	f.react(robinUser, hello, "❤️")
	await.Until(t, "the reaction", func() bool { return len(f.reactions()) == 1 })
	x := f.wazo.Reactions(f.room.UUID)[0]
	isFromMatrix := func(user wazotest.User, emoji string) bool {
		portal, err := f.core.Portal(f.ctx, roomID)
		require.NoError(t, err)
		is, err := f.core.natives.isFromMatrix(f.ctx, portal.ID, wazoapi.Reaction{Message: wazoapi.UUID(x.MessageUUID), User: wazoapi.UUID(user.UUID), Emoji: emoji})
		require.NoError(t, err)
		return is
	}
	require.Equal(t, 1, f.owes(), "the answer has not come")
	require.True(t, isFromMatrix(f.alice, "❤️"))
	require.True(t, isFromMatrix(f.alice, "❤"))
	require.False(t, isFromMatrix(f.alice, "👍"))
	require.False(t, isFromMatrix(f.bob, "❤️"))
	require.True(t, isFromMatrix(f.relay, "👍"), "whoever it is for")
	await.Until(t, "the answer", func() bool { return late.Fired() == 1 && f.owes() == 0 })
	require.True(t, isFromMatrix(f.alice, "❤️"))
}

func TestRelayThatIsKilledBeforeItReacts(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t)
	fault := f.wazo.Faults().RefuseRelation(wazotest.HTMLError(http.StatusBadGateway), wazotest.Always())
	thumb := f.react(robinUser, hello, "👍")
	heart := f.react(bea, hello, "❤️")
	f.awaitOnWazo("❤️")
	f.awaitEmpty()
	f.kill()
	fault.Off()
	f.start()
	f.awaitReactions("alice: 👍 to hello", "relay: ❤️ to hello")
	f.awaitMarked("❤️ → hello")
	fault = f.wazo.Faults().RefuseRelation(wazotest.HTMLError(http.StatusBadGateway), wazotest.Always())
	f.matrix.redact(robinUser, thumb, true)
	f.matrix.redact(bea, heart, true)
	await.Until(t, "the fault", func() bool { return fault.Fired() > 1 })
	f.awaitEmpty()
	f.kill()
	fault.Off()
	f.start()
	await.Until(t, "the removal", func() bool { return len(f.reactions()) == 0 })
	f.awaitMarked("❤️ → hello", "removed ❤️ → hello")
}

// A reaction that is removed while the plugin is away disappears when it is back; one that is added meanwhile is told
// in a line.
func TestReactionsWhileThePluginIsAway(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t, func(f *fixture) { f.pluginInterval = 50 * time.Millisecond })
	thumb := f.react(robinUser, hello, "👍")
	heart := f.react(bea, hello, "❤️")
	f.awaitReactions("alice: 👍 to hello", "relay: ❤️ to hello")
	f.wazo.SetPlugin(false)
	f.awaitPlugin(false)
	f.matrix.redact(robinUser, thumb, true)
	f.matrix.redact(bea, heart, true)
	party := f.react(bea, hello, "🎉")
	f.awaitRelayed("hello", "❤️", `removed ❤️ from "hello"`, `🎉 to "hello"`)
	f.awaitEmpty()
	require.Equal(t, 2, f.owes())
	require.Len(t, f.reactions(), 2)
	f.wazo.SetPlugin(true)
	await.Until(t, "the removal", func() bool { return len(f.reactions()) == 0 })
	f.awaitReactions()
	f.matrix.redact(bea, party, true)
	f.awaitOnWazo(`removed 🎉 from "hello"`)
	f.awaitReactions()
}

func TestReactionThatIsAddedAgainWhileItsRemovalIsOwed(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t)
	thumb := f.react(robinUser, hello, "👍")
	f.awaitReactions("alice: 👍 to hello")
	fault := f.wazo.Faults().RefuseRelation(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always())
	f.matrix.redact(robinUser, thumb, true)
	await.Until(t, "the fault", func() bool { return fault.Fired() > 0 })
	again := f.react(robinUser, hello, "👍")
	f.awaitGone(again)
	await.Until(t, "the reaction", func() bool {
		row, err := f.db.Reaction.ByEvent(f.ctx, 1, again)
		return err == nil && row != nil
	})
	fault.Off()
	f.awaitReactions("alice: 👍 to hello")
	f.awaitPosted("relay/Ada (Matrix): hello")
}

// Who was removed from the room on Wazo cannot react there any more: the relay account does, and says for whom.
func TestReactionOfAPersonWhoIsNoMember(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t, func(f *fixture) { f.memberKept = 10 * time.Millisecond })
	f.wazo.RemoveMember(f.room.UUID, f.alice)
	await.Until(t, "the end of what was listed", func() bool {
		member, _, err := f.core.accounts.login(robinUser).isMember(f.ctx, wazoapi.UUID(f.room.UUID), f.memberKept)
		return err == nil && !member
	})
	f.matrix.call(robinUser, "Robin", false)
	f.react(robinUser, hello, "👍")
	f.awaitPosted("relay/Ada (Matrix): hello", "relay/Robin (Matrix): 👍")
	f.awaitReactions("relay: 👍 to hello")
}

func TestNativeReactionsAfterARestore(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t)
	f.halt()
	restore := f.snapshot()
	f.start()
	f.awaitPlugin(true)
	f.react(robinUser, hello, "👍")
	f.react(bea, hello, "❤️")
	f.awaitOnWazo("❤️")
	f.awaitReactions("alice: 👍 to hello", "relay: ❤️ to hello")
	posted := f.posted()
	f.halt()
	restore()
	f.matrix.setPaused(true)
	f.start()
	f.awaitPlugin(true)
	f.matrix.setPaused(false)
	f.awaitSettled()
	f.awaitReactions("alice: 👍 to hello", "relay: ❤️ to hello")
	require.Equal(t, append(posted, "bob/: end"), f.posted())
}

// The connections of a new start are slower than the queue.
func TestReactionFromBeforeAStartWaitsUntilThePluginIsKnown(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t, func(f *fixture) { f.reactionWait, f.pluginInterval = 3*time.Second, 50*time.Millisecond })
	refused := f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always())
	f.matrix.say(adminUser, "first") // which the reaction waits for
	thumb := f.react(robinUser, hello, "👍")
	f.awaitRow(thumb)
	_, err := f.db.Exec(f.ctx, `UPDATE queue SET accepted_at = accepted_at - $1 WHERE source_id = $2`, time.Hour.Milliseconds(), thumb)
	require.NoError(t, err)
	f.halt()
	refused.Off()
	f.wazo.SetPlugin(false) // as if the connections had not asked for it yet
	f.start()
	f.awaitRelayed("hello", "first")
	f.wazo.SetPlugin(true)
	f.awaitReactions("alice: 👍 to hello")
	require.Equal(t, []string{"hello", "first"}, f.relayed())
}

func TestReactionsToWhatIsRemovedStay(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t)
	f.react(robinUser, hello, "👍")
	f.awaitReactions("alice: 👍 to hello")
	f.matrix.redact(adminUser, hello, true)
	f.awaitRelayed("hello", f.removed("hello", ""))
	f.awaitReactions("alice: 👍 to hello")
}

// An event is relayed once, also if it is shown by a reaction only.
func TestReactionIsKnownWithoutAMessage(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t)
	thumb := f.react(robinUser, hello, "👍")
	f.awaitReactions("alice: 👍 to hello")
	known, err := f.db.Message.ByEvent(f.ctx, 1, thumb)
	require.NoError(t, err)
	require.NotNil(t, known)
	require.Equal(t, db.WazoTime{}, known.CreatedAt)
	f.matrix.redact(robinUser, thumb, true)
	await.Until(t, "the removal", func() bool { return len(f.reactions()) == 0 })
	f.matrix.redact(adminUser, thumb, true) // a moderator, at the same moment
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("hello", "end")
}
