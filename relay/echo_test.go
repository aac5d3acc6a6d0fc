package relay

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// awaitSettled waits until nothing waits any more, and a last message from bob has come: what was to be shown before is
// shown.
func (f *fixture) awaitSettled(want ...string) {
	f.Helper()
	f.awaitEmpty()
	f.wazo.Post(f.room.UUID, f.bob, "end", "")
	await.Until(f, "the end", func() bool { return slices.Contains(f.matrix.shown(), "Bob Stone: end") })
	f.awaitEmpty()
	require.Equal(f, append(want, "Bob Stone: end"), f.matrix.shown())
}

// awaitAttempt waits until alice's account was asked to post for the nth time.
func (f *fixture) awaitAttempt(n int) {
	f.Helper()
	await.Until(f, "the attempt", func() bool {
		return f.wazo.RequestsBy(f.alice)["POST /api/chatd/1.0/users/me/rooms/{room}/messages"] >= n
	})
}

// What was posted for somebody is on Wazo once, and does not come back, however the request and its event fare.
func TestOwnPostDoesNotComeBack(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		fail func(*wazotest.Faults, wazotest.When)
	}{
		{"all is well", func(*wazotest.Faults, wazotest.When) {}},
		{"the event comes before the answer", func(f *wazotest.Faults, when wazotest.When) { f.LateAnswer(300*time.Millisecond, when) }},
		{"the event never comes", func(f *wazotest.Faults, when wazotest.When) { f.NoEvent(when) }},
		{"stored without an event, answered 500", func(f *wazotest.Faults, when wazotest.When) { f.PublishFails(when) }},
		{"stored and announced, the answer is lost", func(f *wazotest.Faults, when wazotest.When) { f.CutPost(when) }},
		{"announced, never stored, answered 500", func(f *wazotest.Faults, when wazotest.When) { f.NeverCommit(when) }},
		{"announced, stored later", func(f *wazotest.Faults, when wazotest.When) { f.LateCommit(200*time.Millisecond, when) }},
		{"refused by a service that is away", func(f *wazotest.Faults, when wazotest.When) {
			f.RefusePost(wazotest.HTMLError(http.StatusBadGateway), when)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newOwnFixture(t)
			test.fail(f.wazo.Faults(), wazotest.Times(1).By(f.alice))
			f.matrix.say(robinUser, "one")
			f.matrix.say(robinUser, "two")
			f.awaitPosted("alice/: one", "alice/: two")
			f.awaitSettled()
		})
	}
}

// The answer comes first, then the event.
func TestEventOfAnOwnPostThatComesLate(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.wazo.Faults().NoEvent(wazotest.Times(1).By(f.alice))
	f.matrix.say(robinUser, "one")
	f.awaitPosted("alice/: one")
	var event wazoapi.Message
	require.NoError(t, f.relayReader().readHistory(t.Context(), wazoapi.UUID(f.room.UUID), db.WazoTime{}, func(page []wazoapi.Message) error {
		event = page[len(page)-1]
		return nil
	}))
	require.Equal(t, "one", event.Content)
	require.NoError(t, f.relayReader().MessageCreated(t.Context(), event))
	f.awaitSettled()
}

func TestWhatSomebodyTypesOnWazoIsShownOnceAndInOrder(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.wazo.Faults().LateAnswer(50*time.Millisecond, wazotest.Always().By(f.alice))
	var own, typed []string
	for i := range 10 {
		f.matrix.say(robinUser, fmt.Sprintf("own %d", i))
		f.wazo.Post(f.room.UUID, f.alice, fmt.Sprintf("typed %d", i), "")
		own, typed = append(own, fmt.Sprintf("alice/: own %d", i)), append(typed, fmt.Sprintf("Alice Martin: typed %d", i))
	}
	await.Until(t, "the messages", func() bool { return len(f.posted()) == 20 })
	f.awaitSettled(typed...)
	posted := slices.DeleteFunc(f.posted(), func(text string) bool { return !slices.Contains(own, text) })
	require.Equal(t, own, posted)
}

// Somebody types the same on both sides at once. Both are on Wazo, and one of them is shown on Matrix.
func TestIdenticalTextsOnBothSides(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"late answer", "lost answer", "lost answer and event", "certainly not posted"} {
		for _, typedFirst := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, typed on Wazo first: %t", fault, typedFirst), func(t *testing.T) {
				t.Parallel()
				f := newOwnFixture(t)
				once := wazotest.Times(1).By(f.alice)
				typed := func() { f.wazo.Post(f.room.UUID, f.alice, "ok", "") }
				if typedFirst {
					f.holdSends(typed)
				}
				switch fault {
				case "late answer":
					f.wazo.Faults().LateAnswer(200*time.Millisecond, once)
				case "lost answer":
					f.wazo.Faults().CutPost(once)
				case "lost answer and event":
					f.wazo.Faults().PublishFails(once)
				default:
					f.wazo.Faults().RefusePost(wazotest.HTMLError(http.StatusTooManyRequests), once)
				}
				f.matrix.say(robinUser, "ok")
				if !typedFirst {
					f.awaitAttempt(1)
					typed()
				}
				await.Until(t, "both messages", func() bool { return len(f.posted()) == 2 })
				f.awaitSettled("Alice Martin: ok")
				require.Equal(t, []string{"alice/: ok", "alice/: ok", "bob/: end"}, f.posted())
			})
		}
	}
}

// What somebody typed on Wazo before, and is not shown yet, is not taken for a post of unknown outcome with the same
// text.
func TestIdenticalTextThatWasTypedBefore(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"never stored", "announced, never stored"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			f := newOwnFixture(t)
			reached, proceed := make(chan struct{}, 100), make(chan struct{})
			f.matrix.mu.Lock()
			f.matrix.awaitTurn = func() {
				reached <- struct{}{}
				<-proceed
			}
			f.matrix.mu.Unlock()
			f.wazo.Post(f.room.UUID, f.bob, "zero", "")
			await.Receive(t, "a message that is about to be sent", reached)
			typed := f.wazo.Post(f.room.UUID, f.alice, "ok", "")
			portal, err := f.db.Portal.ByMatrixRoom(t.Context(), roomID)
			require.NoError(t, err)
			await.Until(t, "the row", func() bool {
				row, err := f.db.Queue.BySource(t.Context(), portal.ID, db.ToMatrix, typed.UUID)
				require.NoError(t, err)
				return row != nil
			})
			if once := wazotest.Times(1).By(f.alice); fault == "never stored" {
				f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusInternalServerError), once)
			} else {
				f.wazo.Faults().NeverCommit(once)
			}
			sent := f.matrix.say(robinUser, "ok")
			f.awaitAttempt(1)
			f.awaitGone(sent)
			close(proceed)
			f.awaitSettled("Bob Stone: zero", "Alice Martin: ok")
			require.Equal(t, []string{"bob/: zero", "alice/: ok", "alice/: ok", "bob/: end"}, f.posted())
		})
	}
}

// holdSends does something on Wazo, and waits until the relay is about to send to Matrix what comes of it.
func (f *fixture) holdSends(do func()) {
	f.Helper()
	reached, proceed := make(chan struct{}, 100), make(chan struct{})
	f.matrix.mu.Lock()
	f.matrix.awaitTurn = func() {
		reached <- struct{}{}
		<-proceed
	}
	f.matrix.mu.Unlock()
	do()
	await.Receive(f, "a message that is about to be sent", reached)
	time.AfterFunc(300*time.Millisecond, func() { close(proceed) })
}

func TestOwnPostAmongMessagesThatAreMerged(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.matrix.setLimited(true)
	f.wazo.Faults().LateAnswer(time.Second, wazotest.Times(1).By(f.alice)) // after the sends go on
	f.holdSends(func() { f.wazo.Post(f.room.UUID, f.bob, "zero", "") })
	f.wazo.Post(f.room.UUID, f.bob, "one", "")
	sent := f.matrix.say(robinUser, "own")
	await.Until(t, "the post", func() bool { return len(f.posted()) == 3 })
	f.wazo.Post(f.room.UUID, f.bob, "two", "")
	f.wazo.Post(f.room.UUID, f.alice, "typed", "")
	f.wazo.Post(f.room.UUID, f.bob, "three", "")
	f.awaitGone(sent)
	f.awaitEmpty()
	require.Equal(t, []string{"bob/: zero", "bob/: one", "alice/: own", "bob/: two", "alice/: typed", "bob/: three"}, f.posted())
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	var shown []wazoapi.UUID
	for _, evt := range f.matrix.rooms[roomID] {
		if evt.Tag != nil && evt.Tag.Kind == TagMessage {
			shown = append(shown, evt.Tag.UUIDs()...)
		}
	}
	var want []wazoapi.UUID
	for _, m := range f.wazo.Messages(f.room.UUID)[1:] {
		if m.Content != "own" {
			want = append(want, wazoapi.UUID(m.UUID))
		}
	}
	require.Equal(t, want, shown)
}

// kill stops the relay and leaves the database as it is at this moment.
func (f *fixture) kill() {
	f.Helper()
	if dbtest.Enabled() {
		saved := dbtest.Copy(f, f.dbPath)
		f.halt()
		dbtest.Restore(f, f.dbPath, saved)
		return
	}
	saved := make(map[string][]byte)
	require.NoError(f, f.db.DoTxn(f.ctx, func(context.Context) error { // nothing is written meanwhile
		for _, suffix := range []string{"", "-wal"} {
			file, err := os.Open(f.dbPath + suffix)
			require.NoError(f, err)
			saved[suffix], err = io.ReadAll(file)
			require.NoError(f, err)
			require.NoError(f, file.Close())
		}
		return nil
	}))
	f.halt()
	_ = os.Remove(f.dbPath + "-shm")
	for suffix, data := range saved {
		require.NoError(f, os.WriteFile(f.dbPath+suffix, data, 0o600))
	}
}

func TestRelayThatIsKilledWhileItPostsForSomebody(t *testing.T) {
	t.Parallel()
	for _, stored := range []bool{true, false} {
		t.Run(fmt.Sprintf("the message is stored: %t", stored), func(t *testing.T) {
			t.Parallel()
			f := newOwnFixture(t)
			f.matrix.say(robinUser, "before")
			f.awaitPosted("alice/: before")
			if stored {
				f.wazo.Faults().LateAnswer(time.Second, wazotest.Times(1).By(f.alice))
			} else {
				f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusInternalServerError), wazotest.Times(1).By(f.alice))
			}
			f.matrix.say(robinUser, "own")
			f.awaitAttempt(2)
			await.Until(t, "the message", func() bool { return !stored || len(f.posted()) == 2 })
			f.kill()
			f.wazo.Post(f.room.UUID, f.alice, "typed", "")
			f.start()
			await.Until(t, "the messages", func() bool { return len(f.posted()) == 3 })
			f.awaitSettled("Alice Martin: typed")
			require.ElementsMatch(t, []string{"alice/: before", "alice/: own", "alice/: typed", "bob/: end"}, f.posted())
		})
	}
}

func TestOwnPostsAfterARestore(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.matrix.say(robinUser, "before")
	f.awaitPosted("alice/: before")
	f.halt()
	restore := f.snapshot()
	f.start()
	for _, text := range []string{"ok", "one", "ok"} {
		f.matrix.say(robinUser, text)
		f.matrix.say(adminUser, text)
	}
	f.wazo.Post(f.room.UUID, f.alice, "typed", "")
	f.wazo.Post(f.room.UUID, f.bob, "ok", "")
	await.Until(t, "the messages", func() bool { return len(f.posted()) == 9 })
	await.Until(t, "the messages", func() bool { return len(f.matrix.shown()) == 2 })
	f.awaitEmpty()
	posted, shown := f.posted(), f.matrix.shown()
	f.halt()
	restore()
	f.wazo.Post(f.room.UUID, f.alice, "typed while away", "")
	f.matrix.say(robinUser, "said while away")
	f.start()
	await.Until(t, "the messages", func() bool { return len(f.posted()) == len(posted)+2 })
	f.awaitSettled(append(shown, "Alice Martin: typed while away")...)
	require.Equal(t, append(posted, "alice/: typed while away", "alice/: said while away", "bob/: end"), f.posted())
}

// The key of a message came late, or in time, before the database was restored.
func TestLateOwnPostAfterARestore(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.halt()
	restore := f.snapshot()
	f.start()
	written := time.Now()
	sent := f.matrix.sayEncrypted(robinUser, "s", func(evt *event.Event) { evt.Timestamp = written.UnixMilli() })
	f.awaitPassedOver(sent)
	f.awaitKeysAsked(sent)
	f.bringKey("s", sent, "secret")
	late := "alice/: " + txt.Late(written) + "\n\nsecret"
	f.awaitPosted(late)
	f.halt()
	restore() // now the key is there at once
	f.start()
	f.awaitSettled()
	require.Equal(t, []string{late, "bob/: end"}, f.posted())
}

// The key of a message was missing while a later one with the same text was posted. After a restore the key is there,
// and it is not known which of the two is on Wazo. One of them comes late.
func TestIdenticalOwnPostsOfWhichOneWasOvertakenBeforeARestore(t *testing.T) {
	t.Parallel()
	for _, between := range []id.UserID{robinUser, adminUser} {
		t.Run("something else is said by "+between.Localpart(), func(t *testing.T) {
			t.Parallel()
			f := newOwnFixture(t)
			f.halt()
			restore := f.snapshot()
			f.start()
			written := time.Now()
			writtenNow := func(evt *event.Event) { evt.Timestamp = written.UnixMilli() }
			sent := f.matrix.sayEncrypted(robinUser, "s", writtenNow)
			f.awaitPassedOver(sent)
			f.matrix.say(between, "one")
			f.matrix.add(roomID, robinUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "ok"}, writtenNow)
			await.Until(t, "the messages", func() bool { return len(f.posted()) == 2 })
			f.awaitEmpty()
			posted := f.posted()
			f.halt()
			restore()
			f.matrix.giveKey(sent, "ok")
			f.start()
			await.Until(t, "the last message", func() bool { return len(f.posted()) == 3 })
			f.awaitSettled()
			require.Equal(t, append(posted, "alice/: "+txt.Late(written)+"\n\nok", "bob/: end"), f.posted())
		})
	}
}

// What cannot be read any more may have been posted through its sender's account.
func TestOwnPostThatIsUnreadableAfterARestore(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.halt()
	restore := f.snapshot()
	f.start()
	now := time.Now()
	sent := f.matrix.sayEncrypted(robinUser, "s", func(evt *event.Event) { evt.Timestamp = now.UnixMilli() })
	f.awaitRow(sent)
	f.bringKey("s", sent, "secret")
	f.awaitPosted("alice/: secret")
	f.halt()
	restore()
	f.takeKey(sent)
	f.start()
	f.awaitPassedOver(sent)
	lost := f.matrix.sayEncrypted("@other:a.example", "t", func(evt *event.Event) { evt.Timestamp = now.UnixMilli() })
	f.awaitPassedOver(lost)
	await.Until(t, "both notices", func() bool { return len(f.noticesTo(sent)) > 0 && len(f.noticesTo(lost)) > 0 })
	require.Equal(t, []string{txt.MayBeDelivered(f.core.cfg.KeyKept)}, f.noticesTo(sent))
	require.Equal(t, []string{f.keyNotice()}, f.noticesTo(lost))
}

// chatd has announced a message without storing it, and stored that of the next attempt, which the copy does not know.
func TestAnnouncementOfAMessageThatWasStoredAfterTheCopyThatIsRestored(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.halt()
	f.settle = time.Minute
	f.start()
	f.wazo.Faults().NeverCommit(wazotest.Times(1).By(f.alice))
	f.matrix.say(robinUser, "one")
	await.Until(t, "the announcement", func() bool {
		var waiting int
		err := f.db.QueryRow(f.ctx, "SELECT COUNT(*) FROM queue WHERE direction = 'to_matrix' AND author = $1", f.alice.UUID).Scan(&waiting)
		return err == nil && waiting == 1
	})
	f.kill()
	f.wazo.Post(f.room.UUID, f.alice, "one", "")
	f.settle = 0
	f.start()
	f.awaitSettled()
	require.Equal(t, []string{"alice/: one", "bob/: end"}, f.posted())
}

func TestLogInThatEndsBeforeAnAttemptIsReconciled(t *testing.T) {
	t.Parallel()
	for _, stored := range []bool{true, false} {
		t.Run(fmt.Sprintf("the message is stored: %t", stored), func(t *testing.T) {
			t.Parallel()
			f := newOwnFixture(t)
			if stored {
				f.wazo.Faults().PublishFails(wazotest.Times(1).By(f.alice))
			} else {
				f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusInternalServerError), wazotest.Times(1).By(f.alice))
			}
			f.matrix.say(robinUser, "one")
			f.awaitAttempt(1)
			f.wazo.RevokeRefreshTokens(f.alice)
			f.wazo.RevokeTokens(f.alice)
			f.matrix.say(robinUser, "two")
			first := "relay/robin (Matrix): one"
			if stored {
				first = "alice/: one"
			}
			f.awaitPosted(first, "relay/robin (Matrix): two")
			f.awaitSettled()
			f.awaitTold(txt.LogInEnded("alice"))
		})
	}
}

func TestLogOutBeforeAnAttemptIsReconciled(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.wazo.Faults().CutPost(wazotest.Times(1).By(f.alice))
	f.matrix.say(robinUser, "one")
	f.awaitAttempt(1)
	f.core.accounts.remove(t.Context(), f.core.accounts.of(robinUser).row.ID)
	f.matrix.say(robinUser, "two")
	f.awaitPosted("alice/: one", "relay/robin (Matrix): two")
	f.awaitSettled()
}

func TestCommandOnWazoOfSomebodyWhoHasLoggedIn(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.wazo.Post(f.room.UUID, f.alice, "!wazo help", "")
	await.Until(t, "the answer", func() bool { return slices.Contains(f.relayed(), txt.HelpOnWazo()) })
	f.awaitSettled()
}

// A post of unknown outcome holds only what may be that post: nobody else waits for it.
func TestOwnPostOfUnknownOutcomeHoldsNothingElse(t *testing.T) {
	t.Parallel()
	for _, limited := range []bool{false, true} {
		t.Run(fmt.Sprintf("messages are merged: %t", limited), func(t *testing.T) {
			t.Parallel()
			f := newOwnFixture(t)
			f.matrix.setLimited(limited)
			fault := f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always().By(f.alice))
			f.matrix.say(robinUser, "own")
			f.awaitAttempt(1)
			f.wazo.Post(f.room.UUID, f.alice, "own, typed", "")
			f.wazo.Post(f.room.UUID, f.bob, "other", "")
			await.Until(t, "the messages", func() bool {
				shown := strings.Join(f.matrix.shown(), "\n")
				return strings.Contains(shown, "own, typed") && strings.Contains(shown, "other")
			})
			require.Equal(t, []string{"alice/: own, typed", "bob/: other"}, f.posted())
			fault.Off()
			f.awaitPosted("alice/: own, typed", "bob/: other", "alice/: own")
			require.Equal(t, 1, strings.Count(strings.Join(f.matrix.shown(), "\n"), "own"), "it does not come back")
		})
	}
}

// While the queue to Wazo is paused nobody finds out what became of a post, so nothing waits for that.
func TestOwnPostOfUnknownOutcomeHoldsNothingWhileTheQueueIsPaused(t *testing.T) {
	t.Parallel()
	// A paused queue is tried now and then. Such a try must not take what Alice types for what was posted for her.
	f := newOwnFixture(t, func(f *fixture) { f.settle = 3 * time.Second })
	fault := f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always().By(f.alice))
	f.matrix.say(robinUser, "ok")
	f.awaitAttempt(1)
	portal, err := f.db.Portal.ByMatrixRoom(t.Context(), roomID)
	require.NoError(t, err)
	require.NoError(t, f.core.pauses.begin(t.Context(), portal, PauseNoRoom, db.ToWazo))
	f.wazo.Post(f.room.UUID, f.alice, "ok", "")
	f.wazo.Post(f.room.UUID, f.bob, "other", "")
	f.awaitShown("Alice Martin: ok", "Bob Stone: other")
	fault.Off()
	f.core.tasks.Go(f.core.pauses.retryAll)
	await.Until(t, "the post", func() bool { return len(f.posted()) == 3 })
	f.awaitSettled("Alice Martin: ok", "Bob Stone: other")
	require.Equal(t, []string{"alice/: ok", "bob/: other", "alice/: ok", "bob/: end"}, f.posted())
}

// If the queue to Matrix is paused at the same time, it must not go on with what it has read just before: nobody is
// late by that.
func TestOwnPostOfUnknownOutcomeIsHeldWhileBothQueuesArePaused(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t, func(f *fixture) { f.settle = time.Minute })
	f.wazo.Faults().CutPost(wazotest.Times(1).By(f.alice))
	f.matrix.say(robinUser, "one")
	portal, err := f.db.Portal.ByMatrixRoom(t.Context(), roomID)
	require.NoError(t, err)
	var row *db.Row
	await.Until(t, "the message that has come back", func() bool {
		row, err = f.db.Queue.Next(t.Context(), portal.ID, db.ToMatrix)
		return err == nil && row != nil
	})
	for direction, held := range map[db.Direction]bool{"": true, db.ToWazo: false} {
		pause := pauseOf(portal, PauseNoReader, direction)
		_, err = f.db.Pause.Insert(t.Context(), pause)
		require.NoError(t, err)
		f.core.echoes.posting.Remove(portal.ID)
		got, err := f.core.echoes.holds(t.Context(), row)
		require.NoError(t, err)
		require.Equal(t, held, got, "a pause of %q", direction)
		_, err = f.db.Pause.Delete(t.Context(), pause)
		require.NoError(t, err)
	}
}

// The first delivery after a repair is made while the queue is paused. It does not come back either.
func TestOwnPostThatEndsAPauseDoesNotComeBack(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	portal, err := f.db.Portal.ByMatrixRoom(t.Context(), roomID)
	require.NoError(t, err)
	require.NoError(t, f.core.pauses.begin(t.Context(), portal, PauseNoRoom, db.ToWazo))
	f.wazo.Faults().LateAnswer(500*time.Millisecond, wazotest.Times(1).By(f.alice))
	f.awaitRow(f.matrix.say(robinUser, "own"))
	f.core.tasks.Go(f.core.pauses.retryAll)
	f.awaitPosted("alice/: own")
	f.awaitSettled()
}
