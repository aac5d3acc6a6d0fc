package relay

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

func (w *world) edit(sender id.UserID, target id.EventID, text string) {
	w.matrix.add(roomID, sender, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "* " + text,
		"m.new_content": map[string]any{"msgtype": "m.text", "body": text},
		"m.relates_to":  map[string]any{"rel_type": "m.replace", "event_id": target},
	})
}

func TestEditsAndRedactionsOfWhatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	w.matrix.say(adminUser, "hello")
	w.awaitRelayed("hello")
	down := w.wazo.Faults().ChatdDown()
	first := w.matrix.say(adminUser, "attempted")
	require.Eventually(t, func() bool {
		row, err := w.db.Queue.BySource(w.ctx, 1, "to_wazo", first.String())
		return err == nil && row != nil && row.Attempts > 0
	}, waitFor, tick)
	changed := w.matrix.say(adminUser, "befor")
	taken := w.matrix.say(adminUser, "never said")
	takenV11 := w.matrix.say(adminUser, "never said either")
	others := w.matrix.say(adminUser, "stays")
	w.edit(adminUser, changed, "before")
	w.edit("@other:a.example", others, "forged")
	w.edit(adminUser, first, "too late")
	w.matrix.redact(adminUser, taken, false)
	w.matrix.redact(adminUser, takenV11, true)
	w.matrix.redact("@other:a.example", others, true)
	w.matrix.redact(adminUser, first, true)
	end := w.matrix.say(adminUser, "end")
	require.Eventually(t, func() bool {
		has, err := w.db.Queue.BySource(w.ctx, 1, "to_wazo", end.String())
		return err == nil && has != nil
	}, waitFor, tick)
	down.Off()
	w.awaitRelayed("hello", "attempted", "before", "stays", "✏️ forged", "✏️ too late", "end")
}

func TestDroppedWazoMessageDoesNotComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	w.refuse("poison")
	w.wazo.Post(w.room.UUID, w.alice, "poison", "")
	w.matrix.awaitNotice(txt.CannotShow("Alice Martin", txt.Why(words.WhyRefused)))
	_, err := w.core.Drop(w.ctx, roomID)
	require.NoError(t, err)
	w.refuse("nothing")
	w.halt()
	w.start()
	w.wazo.Post(w.room.UUID, w.alice, "fine", "")
	w.awaitShown("Alice Martin: fine")
}
