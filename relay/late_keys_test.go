package relay

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// written is when the late messages of these tests were written.
var written = time.Date(2026, 11, 21, 14, 3, 20, 0, time.Local)

func writtenThen(evt *event.Event) { evt.Timestamp = written.UnixMilli() }

// late is how a message looks on Wazo that was written then.
func late(text string) string { return txt.Late(written) + "\n\n" + text }

// keyNotice is what a sender is told whose key is missing.
func (w *world) keyNotice() string { return txt.NotDelivered(txt.WhyNoKey(w.core.cfg.KeyKept)) }

// bringKey makes an event decryptable and says so as the bot does.
func (w *world) bringKey(session id.SessionID, eventID id.EventID, text string) {
	w.matrix.giveKey(eventID, text)
	w.core.KeyCame(session)
}

// row returns what stands in the queue to Wazo for an event, nil if nothing does.
func (w *world) row(eventID id.EventID) *db.Row {
	w.Helper()
	portal, err := w.core.Portal(w.ctx, roomID)
	require.NoError(w, err)
	row, err := w.db.Queue.BySource(w.ctx, portal.ID, db.ToWazo, eventID.String())
	require.NoError(w, err)
	return row
}

// awaitPassedOver waits until the queue goes on without an event.
func (w *world) awaitPassedOver(eventID id.EventID) {
	w.Helper()
	require.Eventually(w, func() bool { row := w.row(eventID); return row != nil && row.State == db.StateWaiting }, waitFor, tick)
}

// awaitKeysAsked waits until the keys of events are asked for, and until it is known that they are not there yet.
func (w *world) awaitKeysAsked(events ...id.EventID) {
	w.Helper()
	for _, eventID := range events {
		w.matrix.await("the key to be asked for", func() bool {
			w.matrix.mu.Lock()
			defer w.matrix.mu.Unlock()
			return slices.Contains(w.matrix.keysAsked, eventID)
		})
		key := job{kind: jobKey, session: id.SessionID(w.row(eventID).Session)}
		require.Eventually(w, func() bool { return !w.core.tasks.IsBusy(key) }, waitFor, tick)
	}
}

func (w *world) awaitRow(eventID id.EventID) {
	w.Helper()
	require.Eventually(w, func() bool { return w.row(eventID) != nil }, waitFor, tick)
}

func (w *world) awaitGone(eventID id.EventID) {
	w.Helper()
	require.Eventually(w, func() bool { return w.row(eventID) == nil }, waitFor, tick)
}

// noticesTo returns what the bot replied to an event, in order.
func (w *world) noticesTo(eventID id.EventID) (notices []string) {
	w.matrix.mu.Lock()
	defer w.matrix.mu.Unlock()
	for i, notice := range w.matrix.notices {
		if w.matrix.replies[i] == eventID {
			notices = append(notices, notice)
		}
	}
	return notices
}

func TestMessageWhoseKeyIsMissing(t *testing.T) {
	t.Parallel()
	t.Run("its queue waits for the key, then delivers in order and nothing is late", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keyWait = time.Hour
		w.start()
		w.link()
		first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
		w.matrix.say(adminUser, "next")
		w.awaitRow(first)
		w.wazo.Post(w.room.UUID, w.alice, "the other way", "")
		w.awaitShown("Alice Martin: the other way")
		require.Empty(t, w.relayed())
		w.bringKey("s", first, "first")
		w.awaitRelayed("first", "next")
		require.Empty(t, w.matrix.allNotices())
	})

	t.Run("after a while the next one goes on, the sender is told and the key is asked for", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.start()
		w.link()
		first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
		w.matrix.say("@other:a.example", "next")
		w.awaitRelayed("next")
		require.Equal(t, []string{w.keyNotice()}, w.noticesTo(first))
		w.matrix.await("a request for the key", func() bool {
			w.matrix.mu.Lock()
			defer w.matrix.mu.Unlock()
			return slices.Equal(w.matrix.keysAsked, []id.EventID{first})
		})
		w.awaitEmpty()
		status, err := w.core.Status(w.ctx, roomID)
		require.NoError(t, err)
		assert.Equal(t, 1, status.Waiting)
		assert.Zero(t, status.ToWazo)
		assert.Zero(t, status.Parked)

		w.bringKey("s", first, "first")
		w.awaitRelayed("next", late("first"))
		w.awaitEmpty()
		w.matrix.await("the receipt", func() bool {
			w.matrix.mu.Lock()
			defer w.matrix.mu.Unlock()
			return slices.Contains(w.matrix.read, first)
		})
		require.Len(t, w.matrix.allNotices(), 1, "the sender is told once")
	})

	t.Run("late messages keep their order among themselves", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.start()
		w.link()
		var events []id.EventID
		for range 3 {
			events = append(events, w.matrix.sayEncrypted(adminUser, "s", writtenThen))
		}
		for _, eventID := range events {
			w.awaitPassedOver(eventID)
		}
		w.awaitKeysAsked(events[0])
		w.matrix.mu.Lock()
		asked := len(w.matrix.keysAsked)
		w.matrix.mu.Unlock()
		require.Equal(t, 1, asked, "one key is asked for once")
		for i, eventID := range events {
			w.matrix.giveKey(eventID, numbered("m", 3)[i])
		}
		w.core.KeyCame("s")
		w.awaitRelayed(prefixed(late(""), numbered("m", 3))...)
	})

	t.Run("late messages keep their order when the key comes while they are being tried", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.start()
		w.link()
		var events []id.EventID
		for range 3 {
			events = append(events, w.matrix.sayEncrypted(adminUser, "s", writtenThen))
		}
		for _, eventID := range events {
			w.awaitPassedOver(eventID)
		}
		w.matrix.mu.Lock()
		w.matrix.beforeDecrypt = func(eventID id.EventID) {
			if eventID != events[1] {
				return // the first was tried in vain, and the key comes now
			}
			for i, eventID := range events {
				w.matrix.decryptable[eventID] = numbered("m", 3)[i]
			}
		}
		w.matrix.mu.Unlock()
		w.core.KeyCame("s")
		w.awaitRelayed(prefixed(late(""), numbered("m", 3))...)
	})

	t.Run("another session's key changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.start()
		w.link()
		first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
		second := w.matrix.sayEncrypted(adminUser, "t", writtenThen)
		w.awaitPassedOver(second)
		w.awaitKeysAsked(first, second)
		w.matrix.giveKey(first, "first")
		w.bringKey("t", second, "second")
		w.awaitRelayed(late("second"))
		require.Equal(t, db.StateWaiting, w.row(first).State)
		w.core.KeyCame("s")
		w.awaitRelayed(late("second"), late("first"))
	})

	t.Run("a key that comes while nobody looks is found when the message is passed over", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keyWait = time.Hour
		w.start()
		w.link()
		first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
		w.awaitRow(first)
		row := w.row(first)
		portal, err := w.core.Portal(w.ctx, roomID)
		require.NoError(t, err)
		w.matrix.giveKey(first, "first") // and nobody says so
		evt := &event.Event{ID: first}
		require.NoError(t, (&wazoDelivery{w.core, portal, row}).passOver(w.ctx, evt, "why"))
		w.awaitRelayed(late("first"))
	})

	t.Run("a message that was edited while it was being decrypted stays edited", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keyWait = time.Hour
		w.start()
		w.link()
		w.core.cfg.KeyWait = time.Hour
		first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
		w.awaitRow(first)
		old := w.row(first)
		down := w.wazo.Faults().ChatdDown()
		w.edit(adminUser, first, "edited")
		require.Eventually(t, func() bool { return w.row(first).Session == "" }, waitFor, tick)
		decrypted := &event.Event{ID: first, Sender: adminUser, RoomID: roomID, Type: event.EventMessage}
		require.NoError(t, decrypted.Content.UnmarshalJSON([]byte(`{"msgtype": "m.text", "body": "original"}`)))
		require.NoError(t, w.core.lateKeys.acceptDecrypted(w.ctx, old, decrypted))
		portal, err := w.core.Portal(w.ctx, roomID)
		require.NoError(t, err)
		require.NoError(t, (&wazoDelivery{w.core, portal, old}).passOver(w.ctx, decrypted, "why"))
		require.Empty(t, w.matrix.allNotices())
		down.Off()
		w.awaitRelayed("edited")
	})
}

func TestLateMessageSurvivesARestart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		come func(w *world, eventID id.EventID) // the key, with one restart on the way
	}{
		{name: "the key comes after the restart", come: func(w *world, eventID id.EventID) {
			w.halt()
			w.start()
			w.bringKey("s", eventID, "first")
		}},
		{name: "the key comes while the relay is away", come: func(w *world, eventID id.EventID) {
			w.halt()
			w.matrix.giveKey(eventID, "first")
			w.start()
		}},
		{name: "the key came just before, and the message is not posted yet", come: func(w *world, eventID id.EventID) {
			w.wazo.Faults().ChatdDown()
			w.bringKey("s", eventID, "first")
			require.Eventually(w, func() bool { return w.row(eventID).Late }, waitFor, tick)
			w.halt()
			w.wazo.Faults().Clear()
			w.start()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start()
			w.link()
			first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
			w.matrix.say("@other:a.example", "next")
			w.awaitRelayed("next")
			test.come(w, first)
			w.awaitRelayed("next", late("first"))
			w.awaitEmpty()
			require.Equal(t, []string{w.keyNotice()}, w.matrix.allNotices())
		})
	}
}

func TestKeyThatIsNoUseToWaitFor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		trouble error
		notice  func(w *world) string
		late    bool // if the key comes all the same
	}{
		{name: "a withheld key", trouble: ErrKeyWithheld, late: true, notice: func(w *world) string {
			return txt.NotDelivered(txt.WhyKeyWithheld(w.core.cfg.KeyKept))
		}},
		{name: "a key for what was said later", trouble: ErrPartialKey, late: true, notice: (*world).keyNotice},
		{name: "an event that no key decrypts", trouble: ErrUndecryptable, notice: func(*world) string {
			return txt.NotDelivered(txt.Why(words.WhyUndecryptable))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.keyWait = time.Hour // the notice does not come by waiting
			w.start()
			w.link()
			w.matrix.setPaused(true)
			first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
			w.matrix.setKeyTrouble(first, test.trouble)
			w.matrix.say(adminUser, "next")
			w.matrix.setPaused(false)
			w.awaitRelayed("next")
			require.Equal(t, []string{test.notice(w)}, w.noticesTo(first))
			w.bringKey("s", first, "first")
			if test.late {
				w.awaitRelayed("next", late("first"))
				return
			}
			require.Equal(t, db.StateParked, w.row(first).State)
			_, err := w.core.Retry(w.ctx, roomID)
			require.NoError(t, err)
			w.awaitRelayed("next", "first")
		})
	}

	t.Run("a key that turns out to be withheld ends the wait", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keyWait = time.Hour
		w.start()
		w.link()
		first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
		w.matrix.say(adminUser, "next")
		w.awaitRow(first)
		w.matrix.setKeyTrouble(first, ErrKeyWithheld)
		w.core.KeyCame("s")
		w.awaitRelayed("next")
		require.Equal(t, []string{txt.NotDelivered(txt.WhyKeyWithheld(w.core.cfg.KeyKept))}, w.noticesTo(first))
	})
}

func TestKeyThatNeverComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
	inTime := w.matrix.sayEncrypted(adminUser, "t", writtenThen)
	w.matrix.say(adminUser, "next")
	w.awaitRelayed("next")
	w.awaitPassedOver(inTime)
	expired := txt.KeyNeverCame(7 * 24 * time.Hour)
	age := func(by time.Duration, eventID id.EventID) {
		_, err := w.db.Exec(w.ctx, `UPDATE queue SET accepted_at = accepted_at - $1 WHERE source_id = $2`, by.Milliseconds(), eventID)
		require.NoError(t, err)
	}

	age(7*24*time.Hour-time.Minute, first)
	age(8*24*time.Hour, inTime)
	w.matrix.giveKey(inTime, "in the last moment")
	require.NoError(t, w.core.lateKeys.expire(w.ctx))
	require.NotNil(t, w.row(first), "not yet")
	w.awaitRelayed("next", late("in the last moment"))

	// The look at the start does it.
	w.halt()
	w.start()
	w.matrix.await("the start", func() bool { return w.core.startup.isSynced() })
	require.NotNil(t, w.row(first), "not yet")
	age(2*time.Minute, first)
	w.halt()
	w.start()
	w.awaitGone(first)
	w.matrix.awaitNotice(expired)
	require.Equal(t, []string{w.keyNotice(), expired}, w.noticesTo(first))
	known, err := w.db.Message.KnowsEvent(w.ctx, 1, first)
	require.NoError(t, err)
	require.False(t, known, "it was delivered nowhere")
	w.bringKey("s", first, "too late")
	w.matrix.say(adminUser, "end")
	w.awaitRelayed("next", late("in the last moment"), "end")
}

func TestKeysAreGivenUpWhileTheRelayRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keyKept = 400 * time.Millisecond
	w.start()
	w.link()
	first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
	w.matrix.awaitNotice(txt.KeyNeverCame(w.keyKept))
	require.Nil(t, w.row(first))
	require.Equal(t, []string{w.keyNotice(), txt.KeyNeverCame(w.keyKept)}, w.noticesTo(first))
}

func TestRetryAndDropOfWhatIsSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	_, err := w.core.Retry(w.ctx, roomID)
	require.EqualError(t, err, txt.NotLinked())
	w.link()
	first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
	second := w.matrix.sayEncrypted(adminUser, "t", writtenThen)
	large := w.matrix.say(adminUser, strings.Repeat("x", 2<<20))
	w.awaitPassedOver(second)
	w.awaitRow(large)
	require.Eventually(t, func() bool { return w.row(large).State == db.StateParked }, waitFor, tick)
	w.matrix.mu.Lock()
	w.matrix.keysAsked = nil
	w.matrix.decryptable[second] = "second" // and nobody says so
	w.matrix.mu.Unlock()
	n, err := w.core.Retry(w.ctx, roomID)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	w.awaitRelayed(late("second"))
	w.matrix.await("another request for the keys", func() bool {
		w.matrix.mu.Lock()
		defer w.matrix.mu.Unlock()
		return slices.Contains(w.matrix.keysAsked, first) && slices.Contains(w.matrix.keysAsked, second)
	})
	require.Eventually(t, func() bool { return w.row(large).State == db.StateParked }, waitFor, tick)
	n, err = w.core.Drop(w.ctx, roomID)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Nil(t, w.row(first))
	require.Nil(t, w.row(large))
	status, err := w.core.Status(w.ctx, roomID)
	require.NoError(t, err)
	require.Zero(t, status.Parked)
	require.Zero(t, status.Waiting)
}

func TestChangesOfWhatWaitsForAKey(t *testing.T) {
	t.Parallel()
	const other = id.UserID("@other:a.example")
	for _, test := range []struct {
		name   string
		change func(w *world, eventID id.EventID)
		keys   func(w *world) // what comes besides the key of the message
		want   []string       // on Wazo, when the key has come and an end was said
	}{
		{
			name:   "a redaction by the sender takes it back",
			change: func(w *world, eventID id.EventID) { w.matrix.redact(adminUser, eventID, true) },
			want:   []string{"end"},
		},
		{
			name:   "a redaction by somebody else does not",
			change: func(w *world, eventID id.EventID) { w.matrix.redact(other, eventID, true) },
			want:   []string{"end", late("first")},
		},
		{
			name:   "a readable edit takes its place, and no key is needed any more",
			change: func(w *world, eventID id.EventID) { w.edit(adminUser, eventID, "edited") },
			want:   []string{late("edited"), "end"},
		},
		{
			name:   "an edit by somebody else is another message",
			change: func(w *world, eventID id.EventID) { w.edit(other, eventID, "forged") },
			want:   []string{"✏️ forged", "end", late("first")},
		},
		{
			name: "an edit that cannot be read goes its own way",
			change: func(w *world, eventID id.EventID) {
				w.awaitPassedOver(w.matrix.sayEncrypted(adminUser, "t", writtenThen, func(evt *event.Event) { evt.ID = "$edit" }))
			},
			keys: func(w *world) { w.bringKey("t", "$edit", "✏️ edited") },
			want: []string{"end", late("first"), late("✏️ edited")},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start()
			w.link()
			first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
			w.awaitPassedOver(first)
			test.change(w, first)
			end := w.matrix.say(adminUser, "end")
			require.Eventually(t, func() bool { return slices.Contains(w.relayed(), "end") }, waitFor, tick)
			w.awaitGone(end)
			w.bringKey("s", first, "first")
			if test.keys != nil {
				require.Eventually(t, func() bool { return slices.Contains(w.relayed(), late("first")) }, waitFor, tick)
				test.keys(w)
			}
			w.awaitRelayed(test.want...)
			w.awaitEmpty()
			require.Equal(t, test.want, w.relayed())
		})
	}

	t.Run("an edit within the wait is not late", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keyWait = time.Hour
		w.start()
		w.link()
		first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
		w.matrix.say(adminUser, "next")
		w.awaitRow(first)
		w.edit(adminUser, first, "edited")
		w.awaitRelayed("edited", "next")
		require.Empty(t, w.matrix.allNotices())
	})
}

func TestLateKeyOfSomethingElseThanAMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	command := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
	empty := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
	w.awaitPassedOver(empty)
	accepted := w.row(command).AcceptedAt
	w.matrix.giveKey(command, "!wazo ping")
	w.matrix.giveKey(empty, "")
	w.core.KeyCame("s")
	w.awaitGone(command)
	w.awaitGone(empty)
	inbox, err := w.db.Inbox.All(w.ctx)
	require.NoError(t, err)
	require.Len(t, inbox, 1)
	require.Equal(t, command, inbox[0].EventID)
	require.Equal(t, accepted, inbox[0].AcceptedAt, "its age tells whether it is obeyed")
	w.matrix.say(adminUser, "end")
	w.awaitRelayed("end")
}

func TestMissingKeysInAGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.matrix.limit = 5
	w.start()
	w.link()
	w.matrix.setPaused(true)
	first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
	want := numbered("m", 10)
	for _, text := range want {
		w.matrix.say(adminUser, text)
	}
	w.matrix.setPaused(false)
	w.awaitRelayed(want...)
	require.Equal(t, []string{w.keyNotice()}, w.noticesTo(first))
	w.bringKey("s", first, "first")
	w.awaitRelayed(append(want, late("first"))...)
}

func TestLateKeyOfARoomThatWasReplaced(t *testing.T) {
	t.Parallel()
	const newRoom = id.RoomID("!new:a.example")
	w := newWorld(t)
	w.start()
	w.link()
	first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
	w.awaitPassedOver(first)
	require.NoError(t, w.core.Move(w.ctx, roomID, newRoom, ""))
	w.bringKey("s", first, "first")
	w.awaitRelayed(late("first"))
}

func TestUnlinkingForgetsWhatWaitsForAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
	w.awaitPassedOver(first)
	require.NoError(t, w.core.Unlink(w.ctx, roomID))
	sessions, err := w.db.Queue.MissingSessions(w.ctx)
	require.NoError(t, err)
	require.Empty(t, sessions)
}

func TestDecryptingIsNoSignThatWazoIsRepaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keyWait = time.Hour
	w.start()
	w.link()
	portal, err := w.core.Portal(w.ctx, roomID)
	require.NoError(t, err)
	refused := w.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusConflict), wazotest.Always())
	require.NoError(t, w.core.pauses.begin(w.ctx, portal, PauseConflict, db.ToWazo))
	first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
	w.awaitRow(first)
	w.matrix.giveKey(first, "first") // and nobody says so: the queue finds it when it tries
	w.core.pauses.retryAll(w.ctx)
	require.NoError(t, refused.Wait(w.ctx, 1), "what was decrypted is tried at once")
	require.Equal(t, []string{txt.Paused(txt.Why(words.WhyConflict))}, w.matrix.allNotices())
	refused.Off()
	w.core.pauses.retryAll(w.ctx)
	w.awaitRelayed("first")
	w.matrix.awaitNotice(txt.GoesOn())
}

func TestLateMarkStandsAboveAnyContent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, format, text, want string
	}{
		{name: "plain text", format: "{{.Content}}", text: "hello", want: late("hello")},
		{name: "text that begins with a block", format: "{{.Content}}", text: "- one\n- two", want: late("- one\n- two")},
		{name: "a rule would make a heading of it", format: "{{.Content}}", text: "---", want: late("---")},
		{name: "with a name before each message", format: "**{{.Name}}:** {{.Content}}", text: "hello", want: late("**Ada:** hello")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.contentFormat = test.format
			w.start()
			w.link()
			first := w.matrix.sayEncrypted(adminUser, "s", writtenThen)
			w.awaitPassedOver(first)
			w.bringKey("s", first, test.text)
			w.awaitRelayed(test.want)
			posted := w.wazo.Messages(w.room.UUID)
			require.Equal(t, "Ada (Matrix)", *posted[len(posted)-1].Alias)
		})
	}
}
