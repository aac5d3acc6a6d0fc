package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// react lets a person react to an event.
func (f *fixture) react(sender id.UserID, target id.EventID, emoji string) id.EventID {
	return f.matrix.add(roomID, sender, event.EventReaction, map[string]any{
		"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": target, "key": emoji},
	})
}

const bea = id.UserID("@bea:b.example")

// reacting is a linked room in which Ada has said hello.
func reacting(t *testing.T, set ...func(*fixture)) (f *fixture, hello id.EventID) {
	f = newFixture(t)
	for _, change := range set {
		change(f)
	}
	f.start()
	f.link()
	hello = f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.awaitEmpty() // so that faults are for what comes next
	return f, hello
}

func TestReactionsOfAFewSecondsAreOneLine(t *testing.T) {
	t.Parallel()
	f, hello := reacting(t)
	f.matrix.setPaused(true)
	thumb := f.react(adminUser, hello, "👍")
	f.react(bea, hello, "👍")
	heart := f.react(bea, hello, "❤️")
	f.matrix.setPaused(false)
	const line = `👍 Ada, bea · ❤️ bea to "hello"`
	f.awaitRelayed("hello", line)
	f.awaitEmpty()
	f.halt()
	f.start()
	f.matrix.setPaused(true)
	f.matrix.redact(bea, heart, true)
	f.matrix.redact(adminUser, thumb, false)
	f.matrix.setPaused(false)
	const removed = `removed ❤️ bea · 👍 Ada from "hello"`
	f.awaitRelayed("hello", line, removed)
	again := f.react(bea, "$nowhere", "🎉")
	f.awaitRelayed("hello", line, removed, "🎉 to an earlier message")
	f.matrix.redact(bea, again, true)
	f.awaitRelayed("hello", line, removed, "🎉 to an earlier message", "removed 🎉 from an earlier message")
}

func TestNothingWaitsForAReaction(t *testing.T) {
	t.Parallel()
	f, hello := reacting(t, func(f *fixture) { f.reactionWait = time.Hour })
	f.wazo.Post(f.room.UUID, f.alice, "on Wazo", "")
	f.awaitShown("Alice Martin: on Wazo")
	f.react(adminUser, hello, "👍")
	f.react(adminUser, f.shownEvent("on Wazo"), "🎉")
	f.awaitRelayed("hello", `👍 to "hello"`)
	f.matrix.say(adminUser, "next")
	f.awaitRelayed("hello", `👍 to "hello"`, `🎉 to "on Wazo"`, "next")
}

func TestReactionThatIsRemovedAtOnceIsNotShown(t *testing.T) {
	t.Parallel()
	f, hello := reacting(t, func(f *fixture) { f.reactionWait = time.Hour })
	thumb := f.react(adminUser, hello, "👍")
	f.awaitRow(thumb)
	f.matrix.redact(adminUser, thumb, true)
	f.awaitGone(thumb)
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("hello", "end")
}

func TestReactionsToWhatIsRemovedAreWithdrawn(t *testing.T) {
	t.Parallel()
	f, hello := reacting(t, func(f *fixture) { f.reactionWait = time.Hour })
	thumb := f.react(bea, hello, "👍")
	f.awaitRow(thumb)
	f.matrix.redact(adminUser, hello, true)
	f.awaitGone(thumb)
	f.awaitOnWazo(f.removed("hello", ""))
	f.awaitRelayed("hello", f.removed("hello", ""))
}

func TestReactionsAreFoundAgainAfterAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*wazotest.Faults) *wazotest.Fault{
		"stored and the answer lost": func(f *wazotest.Faults) *wazotest.Fault { return f.CutPost(wazotest.Times(1)) },
		"not stored, for all one knows": func(f *wazotest.Faults) *wazotest.Fault {
			return f.RefusePost(wazotest.JSONError(500), wazotest.Times(1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, hello := reacting(t)
			fired := fault(f.wazo.Faults())
			f.matrix.setPaused(true)
			f.react(adminUser, hello, "👍")
			second := f.react(bea, hello, "❤️")
			f.matrix.setPaused(false)
			await.Until(t, "the fault", func() bool { return fired.Fired() > 0 })
			f.awaitGone(second)
			f.awaitRelayed("hello", `👍 Ada · ❤️ bea to "hello"`)
			known, err := f.db.Message.KnowsEvent(f.ctx, 1, second)
			require.NoError(t, err)
			require.True(t, known)
			f.matrix.redact(bea, second, true)
			f.awaitOnWazo(`removed ❤️ from "hello"`)
		})
	}
}

func TestLineOfReactionsThatIsRefusedIsTriedOneByOne(t *testing.T) {
	t.Parallel()
	f, hello := reacting(t)
	f.wazo.Faults().RefusePost(wazotest.Answer{Status: 400, Body: "{}"}, wazotest.Times(2))
	f.matrix.setPaused(true)
	first := f.react(adminUser, hello, "👍")
	f.react(bea, hello, "❤️")
	f.matrix.setPaused(false)
	f.awaitRelayed("hello", `❤️ to "hello"`)
	f.matrix.awaitNotice(txt.Why(words.WhyWazoRefused))
	require.NotNil(t, f.row(first), "it is parked")
}

func TestReactionsCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	f, hello := reacting(t, func(f *fixture) { f.relations.WithoutReactions = true })
	f.matrix.redact(adminUser, f.react(adminUser, hello, "👍"), true)
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("hello", "end")
}
