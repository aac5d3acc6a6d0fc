package relay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
)

// awaitCount waits until the relay account has posted a number of messages, and nothing waits to be delivered.
func (f *fixture) awaitCount(n int) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%d messages on Wazo", n), func() bool { return len(f.relayed()) == n })
	f.awaitEmpty()
}

// What the relay has posted contains its own words. They are found in what Wazo has although LANGUAGE was changed
// since.
func TestChangeOfTheLanguageDoublesNothingAfterARestore(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		before, after words.Language
		said          []string // in the language before
	}{
		{words.English, words.French, []string{"✏️ 14:30 instead of 14:03", "🗑️ removed a message of ", `👍 to "spam"`, "📷 picture: [cat.jpg]", "📊 poll: Lunch?", "⏳ late, written "}},
		{words.French, words.English, []string{"✏️ « 14:30 » au lieu de « 14:03 »", "🗑️ a supprimé un message (", "👍 en réaction à « spam »", "📷 image : [cat.jpg]", "📊 sondage : Lunch?", "⏳ en retard, écrit le "}},
	} {
		t.Run(fmt.Sprintf("from %s to %s", test.before, test.after), func(t *testing.T) {
			t.Parallel()
			f := servingFixture(t)
			const said = "The meeting about the new building begins at 14:03 in the large room on the second floor."
			meeting := f.matrix.say(adminUser, said)
			spam := f.matrix.say(bea, "spam")
			f.awaitRelayed(said, "spam")
			f.awaitEmpty()
			f.halt()
			restore := f.snapshot()
			f.language = test.before
			f.start()
			f.edit(adminUser, meeting, strings.ReplaceAll(said, "14:03", "14:30"))
			f.awaitCount(3)
			removed := f.matrix.say(adminUser, "removed")
			f.awaitCount(4)
			f.matrix.redact(adminUser, removed, true)
			f.awaitCount(5)
			f.react(adminUser, spam, "👍")
			f.awaitCount(6)
			f.sendFile(map[string]any{"body": "cat.jpg", "url": "mxc://a.example/cat"})
			f.awaitCount(7)
			f.matrix.add(roomID, adminUser, event.Type{Type: "m.poll.start", Class: event.MessageEventType}, map[string]any{
				"m.poll": map[string]any{"question": map[string]any{"m.text": "Lunch?"}, "answers": []any{}},
			})
			f.awaitCount(8)
			now := time.Now()
			late := f.matrix.sayEncrypted(adminUser, "s", func(evt *event.Event) { evt.Timestamp = now.UnixMilli() })
			f.awaitPassedOver(late)
			f.bringKey("s", late, "secret")
			f.awaitCount(9)
			posted := f.relayed()
			for _, part := range test.said {
				require.Contains(t, unbroken(strings.Join(posted, "\n")), part)
			}
			f.halt()
			restore()
			f.language = test.after
			f.start()
			f.sayAt(adminUser, "after", time.Now())
			f.awaitOnWazo("after")
			f.awaitEmpty()
			require.Equal(t, append(posted, "after"), f.relayed())
		})
	}
}

// unbroken replaces the no-break spaces of a text.
func unbroken(text string) string {
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(text)
}

// Notices, the relay's own messages on Wazo and its answers are not relayed after the language was changed.
func TestOwnNoticesAreRecognisedAfterAChangeOfTheLanguage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.wazo.Post(f.room.UUID, f.alice, "!wazo status", "")
	await.Until(t, "the answer", func() bool { return len(f.relayed()) == 1 })
	require.NoError(t, f.core.Say(f.ctx, roomID, f.core.Texts().GapLost(), ""))
	f.matrix.awaitNotice("I was away")
	f.halt()
	f.language = words.French
	f.start()
	f.wazo.Post(f.room.UUID, f.alice, "!wazo status", "")
	await.Until(t, "the answer", func() bool { return len(f.relayed()) == 2 })
	require.Contains(t, unbroken(f.relayed()[1]), "Cette discussion est liée")
	require.NoError(t, f.core.Say(f.ctx, roomID, f.core.Texts().GapLost(), ""))
	f.matrix.awaitNotice("J’étais hors ligne")
	f.matrix.say(adminUser, "from Matrix")
	f.wazo.Post(f.room.UUID, f.bob, "from Wazo", "")
	f.awaitShown("Bob Stone: from Wazo")
	f.awaitOnWazo("from Matrix")
	f.awaitEmpty()
	require.Len(t, f.relayed(), 3, "neither notices nor answers are relayed: %q", f.relayed())
}

// Monitoring and logs are searched by administrators, who would not find French.
func TestHealthCheckStaysEnglish(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.language = words.French
	f.start()
	f.link()
	down := f.wazo.Faults().ChatdDown()
	defer down.Off()
	f.matrix.say(adminUser, "waits")
	await.Until(t, "the problem", func() bool {
		health, err := f.core.Health(f.ctx)
		return err == nil && strings.Contains(strings.Join(health.Why(), " "), "wazo-chatd cannot be reached")
	})
	status, err := f.core.Status(f.ctx, roomID)
	require.NoError(t, err)
	require.Contains(t, strings.Join(status.WazoTrouble, " "), "wazo-chatd est injoignable")
}
