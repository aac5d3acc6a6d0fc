package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestReactionThatIsMadeAgainCancelsItsRemoval(t *testing.T) {
	t.Parallel()
	const line, removed = `👍 Ada · ❤️ bea to "hello"`, `removed 👍 from "hello"`
	// begin makes two reactions, after which all others wait.
	begin := func(t *testing.T) (f *fixture, hello, thumb id.EventID) {
		f, hello = reacting(t)
		f.matrix.setPaused(true)
		thumb = f.react(adminUser, hello, "👍")
		f.react(bea, hello, "❤️")
		f.matrix.setPaused(false)
		f.awaitRelayed("hello", line)
		f.awaitEmpty()
		f.halt()
		f.reactionWait = time.Hour
		f.start()
		return f, hello, thumb
	}
	t.Run("in the same answer", func(t *testing.T) {
		t.Parallel()
		f, hello, thumb := begin(t)
		f.matrix.setPaused(true)
		f.matrix.redact(adminUser, thumb, true)
		f.react(adminUser, hello, "👍")
		f.matrix.say(adminUser, "end")
		f.matrix.setPaused(false)
		f.awaitRelayed("hello", line, "end")
	})
	t.Run("while it waits, and is removed later", func(t *testing.T) {
		t.Parallel()
		f, hello, thumb := begin(t)
		f.matrix.redact(adminUser, thumb, false)
		f.awaitBusy()
		again := f.react(adminUser, hello, "👍\ufe0f") // as another client writes it
		f.awaitEmpty()
		reaction, err := f.db.Reaction.ByEvent(f.ctx, 1, again)
		require.NoError(t, err)
		require.NotNil(t, reaction)
		f.matrix.redact(adminUser, again, true)
		f.awaitBusy()
		f.matrix.say(adminUser, "end")
		f.awaitRelayed("hello", line, removed, "end")
	})
	t.Run("while the first one is on its way", func(t *testing.T) {
		t.Parallel()
		f, hello := reacting(t)
		late := f.wazo.Faults().LateAnswer(500*time.Millisecond, wazotest.Times(1))
		first := f.react(adminUser, hello, "👍")
		await.Until(t, "the post", func() bool { return late.Fired() == 1 })
		f.matrix.setPaused(true)
		f.matrix.redact(adminUser, first, true)
		f.react(bea, hello, "👍")
		again := f.react(adminUser, hello, "👍")
		f.matrix.setPaused(false)
		const ofAda, ofBea = `👍 to "hello"`, `👍 to "hello"`
		f.awaitRelayed("hello", ofAda, ofBea)
		f.awaitEmpty()
		f.matrix.redact(adminUser, again, true)
		f.awaitRelayed("hello", ofAda, ofBea, `removed 👍 from "hello"`)
	})
	t.Run("while the first one is on its way, and never arrives", func(t *testing.T) {
		t.Parallel()
		f, hello := reacting(t)
		down := f.wazo.Faults().ChatdDown()
		first := f.react(adminUser, hello, "👍")
		f.awaitRow(first)
		await.Until(t, "an attempt", func() bool {
			row, err := f.db.Queue.BySource(f.ctx, 1, db.ToWazo, first.String())
			return err == nil && row != nil && row.Attempts > 0
		})
		f.matrix.setPaused(true)
		f.matrix.redact(adminUser, first, true)
		again := f.react(adminUser, hello, "👍")
		f.matrix.setPaused(false)
		f.awaitRow(again)
		down.Off()
		f.awaitRelayed("hello", `👍 to "hello"`)
		f.awaitEmpty()
	})
	t.Run("only by the same person, with the same emoji, for the same message", func(t *testing.T) {
		t.Parallel()
		f, hello, thumb := begin(t)
		other := f.matrix.say(adminUser, "other")
		f.matrix.redact(adminUser, thumb, true)
		f.react(bea, hello, "👍")
		f.react(adminUser, hello, "👎")
		f.react(adminUser, other, "👍")
		f.matrix.say(adminUser, "end")
		f.awaitRelayed("hello", line, "other", removed, `👍 bea · 👎 Ada to "hello"`, `👍 to "other"`, "end")
	})
	t.Run("not after it was posted", func(t *testing.T) {
		t.Parallel()
		f, hello, thumb := begin(t)
		f.matrix.redact(adminUser, thumb, true)
		f.matrix.say(adminUser, "between")
		f.awaitRelayed("hello", line, removed, "between")
		f.react(adminUser, hello, "👍")
		f.matrix.say(adminUser, "end")
		f.awaitRelayed("hello", line, removed, "between", `👍 to "hello"`, "end")
	})
}

// awaitBusy waits until something waits in a queue.
func (f *fixture) awaitBusy() {
	f.Helper()
	await.Until(f, "something that waits", func() bool {
		busy, err := f.db.Queue.Busy(f.ctx)
		return err == nil && len(busy) > 0
	})
}
