package relay

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// snapshot copies the database of a halted fixture; restore brings it back.
func (f *fixture) snapshot() (restore func()) {
	f.Helper()
	data := dbtest.Copy(f, f.dbPath)
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	batch, synced := f.matrix.batch, make(map[id.RoomID]int)
	for room, events := range f.matrix.rooms {
		synced[room] = len(events)
	}
	return func() {
		dbtest.Restore(f, f.dbPath, data)
		f.matrix.mu.Lock()
		defer f.matrix.mu.Unlock()
		f.matrix.batch, f.matrix.synced = batch, maps.Clone(synced)
		clear(f.matrix.byTxn) // homeservers forget transaction ids
	}
}

// newCopiedFixture returns a running fixture with a portal in which "before" was said before a copy of the database was
// made.
func newCopiedFixture(t *testing.T) (f *fixture, restore func()) {
	t.Helper()
	f = newFixture(t)
	f.start()
	f.link()
	f.matrix.say(adminUser, "before")
	f.awaitRelayed("before")
	f.awaitEmpty()
	f.halt()
	restore = f.snapshot()
	f.start()
	return f, restore
}

func TestDatabaseRestoredFromABackupDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 5} {
		t.Run(fmt.Sprintf("timeline limit %d", limit), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.matrix.limit = limit
			f.start()
			f.link()
			f.matrix.say(adminUser, "before")
			f.wazo.Post(f.room.UUID, f.alice, "before", "")
			f.awaitRelayed("before")
			f.awaitShown("Alice Martin: before")
			f.awaitEmpty()
			f.halt()
			restore := f.snapshot()
			f.start()
			texts := []string{"ok", "ok", "one", "two", "ok", "three", "four"}
			for _, text := range texts {
				f.matrix.say(adminUser, text)
				f.wazo.Post(f.room.UUID, f.bob, text, "")
			}
			toWazo := append([]string{"before"}, texts...)
			toMatrix := append([]string{"Alice Martin: before"}, prefixed("Bob Stone: ", texts)...)
			f.awaitRelayed(toWazo...)
			f.awaitShown(toMatrix...)
			f.awaitEmpty()
			f.halt()
			restore()
			f.matrix.say(adminUser, "ok")
			f.start()
			f.matrix.say(adminUser, "after")
			f.wazo.Post(f.room.UUID, f.bob, "after", "")
			f.awaitRelayed(append(toWazo, "ok", "after")...)
			f.awaitShown(append(toMatrix, "Bob Stone: after")...)
			f.awaitEmpty()
			require.Equal(t, append(toWazo, "ok", "after"), f.relayed())
			require.Equal(t, append(toMatrix, "Bob Stone: after"), f.matrix.shown())
		})
	}
}

// takeKey makes an event undecryptable again.
func (f *fixture) takeKey(eventID id.EventID) {
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	delete(f.matrix.decryptable, eventID)
}

// What was delivered after a copy of the database was made, and cannot be read any more after that was brought back, is
// not said to be lost, and does not appear twice when its key comes.
func TestMessageThatIsUnreadableAfterARestore(t *testing.T) {
	t.Parallel()
	for _, wasLate := range []bool{false, true} {
		t.Run(fmt.Sprintf("delivered late: %t", wasLate), func(t *testing.T) {
			t.Parallel()
			f, restore := newCopiedFixture(t)
			now := time.Now()
			writtenNow := func(evt *event.Event) { evt.Timestamp = now.UnixMilli() }
			sent := f.matrix.sayEncrypted(adminUser, "s", writtenNow)
			f.awaitRow(sent)
			want := "secret"
			if wasLate {
				f.awaitPassedOver(sent)
				f.awaitKeysAsked(sent)
				want = txt.Late(now) + "\n\nsecret"
			}
			f.bringKey("s", sent, "secret")
			f.awaitRelayed("before", want)
			f.awaitEmpty()
			f.halt()
			restore()
			f.takeKey(sent)
			f.matrix.mu.Lock()
			f.matrix.notices, f.matrix.replies = nil, nil
			f.matrix.mu.Unlock()
			f.start()
			f.awaitPassedOver(sent)
			lost := f.matrix.sayEncrypted("@other:a.example", "t", writtenNow)
			f.awaitPassedOver(lost)
			// It is newer than what was delivered before the restore, so that it is no late message.
			f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "after"}, func(evt *event.Event) {
				evt.Timestamp = now.Add(time.Minute).UnixMilli()
			})
			f.awaitRelayed("before", want, "after")
			f.awaitEmpty()
			require.Equal(t, []string{txt.MayBeDelivered(f.core.cfg.KeyKept)}, f.noticesTo(sent))
			require.Equal(t, []string{f.keyNotice()}, f.noticesTo(lost), "nothing of this person is on Wazo")
			f.halt()
			f.start() // the search for what was delivered is over by now
			f.awaitEmpty()
			f.bringKey("s", sent, "secret")
			f.awaitGone(sent)
			require.Equal(t, []string{"before", want, "after"}, f.relayed())
		})
	}
}

// Of messages with identical texts, one was delivered late, so that its text on Wazo has a time. After a restore it is
// read in time.
func TestIdenticalMessagesOfWhichOneWasLateBeforeARestore(t *testing.T) {
	t.Parallel()
	f, restore := newCopiedFixture(t)
	written := time.Now().Add(-time.Hour)
	sent := f.matrix.sayEncrypted(adminUser, "s", func(evt *event.Event) { evt.Timestamp = written.UnixMilli() })
	f.awaitPassedOver(sent)
	f.awaitKeysAsked(sent)
	f.bringKey("s", sent, "ok")
	late := txt.Late(written) + "\n\nok"
	f.awaitRelayed("before", late)
	f.matrix.say(adminUser, "ok")
	f.matrix.say(adminUser, "ok")
	f.awaitRelayed("before", late, "ok", "ok")
	f.awaitEmpty()
	f.halt()
	restore()
	f.start()
	f.matrix.say(adminUser, "after")
	f.awaitRelayed("before", late, "ok", "ok", "after")
	f.awaitEmpty()
	require.Equal(t, []string{"before", late, "ok", "ok", "after"}, f.relayed())
}

// The key of a message was missing while later ones were delivered. After a restore the key is there from the start,
// but the message stands behind the others on Wazo all the same.
func TestMessageThatOthersOvertookBeforeARestore(t *testing.T) {
	t.Parallel()
	f, restore := newCopiedFixture(t)
	written := time.Now()
	sent := f.matrix.sayEncrypted(adminUser, "s", func(evt *event.Event) { evt.Timestamp = written.UnixMilli() })
	f.awaitPassedOver(sent)
	f.matrix.say(adminUser, "one")
	f.matrix.say(adminUser, "two")
	f.awaitRelayed("before", "one", "two")
	f.halt()
	restore()
	f.matrix.giveKey(sent, "secret")
	f.start()
	late := txt.Late(written) + "\n\nsecret"
	f.awaitRelayed("before", "one", "two", late)
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "after"}, func(evt *event.Event) { evt.Timestamp = time.Now().UnixMilli() })
	f.awaitRelayed("before", "one", "two", late, "after")
	f.awaitEmpty()
	require.Equal(t, []string{"before", "one", "two", late, "after"}, f.relayed())
}

// As before, but what was overtaken has the same text as what came last. It is not known which of the two is on Wazo.
// One of them comes late.
func TestIdenticalMessagesOfWhichOneWasOvertakenBeforeARestore(t *testing.T) {
	t.Parallel()
	f, restore := newCopiedFixture(t)
	written := time.Now()
	writtenNow := func(evt *event.Event) { evt.Timestamp = written.UnixMilli() }
	sent := f.matrix.sayEncrypted(adminUser, "s", writtenNow)
	f.awaitPassedOver(sent)
	f.matrix.say(adminUser, "one")
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "ok"}, writtenNow)
	f.awaitRelayed("before", "one", "ok")
	f.halt()
	restore()
	f.matrix.giveKey(sent, "ok")
	f.start()
	f.awaitRelayed("before", "one", "ok", txt.Late(written)+"\n\nok")
	f.awaitEmpty()
	require.Len(t, f.relayed(), 4)
}

// A message that was refused, and was delivered by "retry" after a copy of the database was made, does not wait for
// another one.
func TestParkedMessageThatWasDeliveredBeforeARestore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusBadRequest), wazotest.Times(1))
	sent := f.matrix.say(adminUser, "refused")
	await.Until(t, "the message to be parked", func() bool {
		row := f.row(sent)
		return row != nil && row.State == db.StateParked
	})
	f.halt()
	restore := f.snapshot()
	f.start()
	_, err := f.core.Retry(f.ctx, roomID)
	require.NoError(t, err)
	f.awaitRelayed("refused")
	f.awaitGone(sent)
	f.halt()
	restore()
	f.start()
	f.awaitGone(sent)
	n, err := f.core.Retry(f.ctx, roomID)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, []string{"refused"}, f.relayed())
}

// What an edit says after a restore must not take the place of what was posted before, which would not be found then.
func TestMessagesThatWereEditedBeforeARestore(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		say  func(f *fixture) // says "one", and edits it
	}{
		{"after it was posted", func(f *fixture) {
			said := f.matrix.say(adminUser, "one")
			f.awaitSaid("one")
			f.edit(adminUser, said, "three")
		}},
		{"before it was posted, and after that", func(f *fixture) {
			down := f.wazo.Faults().ChatdDown()
			said := f.matrix.say(adminUser, "one")
			f.edit(adminUser, said, "two")
			f.awaitRow(said)
			down.Off()
			f.awaitSaid("two")
			f.edit(adminUser, said, "three")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, restore := newCopiedFixture(t)
			test.say(f)
			f.awaitSaid("three")
			f.awaitEmpty()
			posted := f.relayed()
			f.halt()
			restore()
			f.start()
			f.matrix.say(adminUser, "after")
			f.awaitSaid("after")
			f.awaitEmpty()
			require.Equal(t, append(posted, "after"), f.relayed())
		})
	}
}

// awaitSaid waits until the relay account has posted something that contains a text.
func (f *fixture) awaitSaid(text string) {
	f.Helper()
	await.Until(f, text, func() bool { return strings.Contains(strings.Join(f.relayed(), "\n"), text) })
}

// The same comparison must not keep an edit from what was said while the relay was away.
func TestAMessageThatWasEditedWhileTheRelayWasAway(t *testing.T) {
	t.Parallel()
	for _, without := range []bool{false, true} {
		t.Run(fmt.Sprintf("without edits %t", without), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.relations.WithoutEdits = without
			f.start()
			f.link()
			f.halt()
			said := f.matrix.say(adminUser, "one")
			f.edit(adminUser, said, "two")
			f.matrix.say(adminUser, "later")
			f.edit(adminUser, said, "three")
			f.start()
			f.awaitSaid("later")
			f.awaitEmpty()
			require.Equal(t, []string{"three", "later"}, f.relayed())
		})
	}
}

// Perhaps nothing is left to be compared just when the edit comes.
func TestAnEditThatComesAtTheEndOfTheComparison(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.halt()
	down := f.wazo.Faults().ChatdDown()
	said := f.matrix.say(adminUser, "one")
	f.edit(adminUser, said, "two")
	edit := f.edit(adminUser, said, "three")
	f.start()
	f.awaitRow(edit)
	f.core.startup.reached(f.row(said).Queue(), phaseMatched)
	down.Off()
	f.awaitRelayed("three")
}
