package relay

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// written is when the late messages of these tests were written.
var written = time.Date(2026, 11, 21, 14, 3, 20, 0, time.Local)

func writtenThen(evt *event.Event) { evt.Timestamp = written.UnixMilli() }

// late is how a message looks on Wazo that was written then.
func late(text string) string { return txt.Late(written) + "\n\n" + text }

// keyNotice is what a sender is told whose key is missing.
func (f *fixture) keyNotice() string { return txt.NotDelivered(txt.WhyNoKey(f.core.cfg.KeyKept)) }

// bringKey makes an event decryptable and says so as the bot does.
func (f *fixture) bringKey(session id.SessionID, eventID id.EventID, text string) {
	f.matrix.giveKey(eventID, text)
	f.core.KeyCame(session)
}

// row returns what stands in the queue to Wazo for an event, nil if nothing does.
func (f *fixture) row(eventID id.EventID) *db.Row {
	f.Helper()
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(f, err)
	row, err := f.db.Queue.BySource(f.ctx, portal.ID, db.ToWazo, eventID.String())
	require.NoError(f, err)
	return row
}

// awaitPassedOver waits until the queue goes on without an event.
func (f *fixture) awaitPassedOver(eventID id.EventID) {
	f.Helper()
	await.Until(f, "the queue to go on without "+eventID.String(), func() bool {
		row := f.row(eventID)
		return row != nil && row.State == db.StateWaiting
	})
}

// awaitKeysAsked waits until the keys of events are asked for, and until it is known that they are not there yet.
func (f *fixture) awaitKeysAsked(events ...id.EventID) {
	f.Helper()
	for _, eventID := range events {
		await.Until(f, "the key of "+eventID.String()+" to be asked for", func() bool {
			f.matrix.mu.Lock()
			defer f.matrix.mu.Unlock()
			return slices.Contains(f.matrix.keysAsked, eventID)
		})
		key := job{kind: jobKey, session: id.SessionID(f.row(eventID).Session)}
		await.Until(f, "the first look for the key of "+eventID.String()+" to end", func() bool { return !f.core.tasks.IsBusy(key) })
	}
}

func (f *fixture) awaitRow(eventID id.EventID) {
	f.Helper()
	await.Until(f, eventID.String()+" in the queue", func() bool { return f.row(eventID) != nil })
}

func (f *fixture) awaitGone(eventID id.EventID) {
	f.Helper()
	await.Until(f, eventID.String()+" to leave the queue", func() bool { return f.row(eventID) == nil })
}

// noticesTo returns what the bot replied to an event, in order.
func (f *fixture) noticesTo(eventID id.EventID) (notices []string) {
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	for i, notice := range f.matrix.notices {
		if f.matrix.replies[i] == eventID {
			notices = append(notices, notice)
		}
	}
	return notices
}

func TestMessageWhoseKeyIsMissing(t *testing.T) {
	t.Parallel()
	t.Run("its queue waits for the key, then delivers in order and nothing is late", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.keyWait = time.Hour
		f.start()
		f.link()
		first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
		f.matrix.say(adminUser, "next")
		f.awaitRow(first)
		f.wazo.Post(f.room.UUID, f.alice, "the other way", "")
		f.awaitShown("Alice Martin: the other way")
		require.Empty(t, f.relayed())
		f.bringKey("s", first, "first")
		f.awaitRelayed("first", "next")
		require.Empty(t, f.matrix.allNotices())
	})

	t.Run("after a while the next one goes on, the sender is told and the key is asked for", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		f.link()
		first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
		f.matrix.say("@other:a.example", "next")
		f.awaitRelayed("next")
		require.Equal(t, []string{f.keyNotice()}, f.noticesTo(first))
		await.Until(t, "a request for the key", func() bool {
			f.matrix.mu.Lock()
			defer f.matrix.mu.Unlock()
			return slices.Equal(f.matrix.keysAsked, []id.EventID{first})
		})
		f.awaitEmpty()
		status, err := f.core.Status(f.ctx, roomID)
		require.NoError(t, err)
		assert.Equal(t, 1, status.Waiting)
		assert.Zero(t, status.ToWazo)
		assert.Zero(t, status.Parked)

		f.bringKey("s", first, "first")
		f.awaitRelayed("next", late("first"))
		f.awaitEmpty()
		await.Until(t, "the receipt", func() bool {
			f.matrix.mu.Lock()
			defer f.matrix.mu.Unlock()
			return slices.Contains(f.matrix.read, first)
		})
		require.Len(t, f.matrix.allNotices(), 1, "the sender is told once")
	})

	t.Run("late messages keep their order among themselves", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		f.link()
		var events []id.EventID
		for range 3 {
			events = append(events, f.matrix.sayEncrypted(adminUser, "s", writtenThen))
		}
		for _, eventID := range events {
			f.awaitPassedOver(eventID)
		}
		f.awaitKeysAsked(events[0])
		f.matrix.mu.Lock()
		asked := len(f.matrix.keysAsked)
		f.matrix.mu.Unlock()
		require.Equal(t, 1, asked, "one key is asked for once")
		for i, eventID := range events {
			f.matrix.giveKey(eventID, numbered("m", 3)[i])
		}
		f.core.KeyCame("s")
		f.awaitRelayed(prefixed(late(""), numbered("m", 3))...)
	})

	t.Run("late messages keep their order when the key comes while they are being tried", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		f.link()
		var events []id.EventID
		for range 3 {
			events = append(events, f.matrix.sayEncrypted(adminUser, "s", writtenThen))
		}
		for _, eventID := range events {
			f.awaitPassedOver(eventID)
		}
		f.matrix.mu.Lock()
		f.matrix.beforeDecrypt = func(eventID id.EventID) {
			if eventID != events[1] {
				return // the first was tried in vain, and the key comes now
			}
			for i, eventID := range events {
				f.matrix.decryptable[eventID] = numbered("m", 3)[i]
			}
		}
		f.matrix.mu.Unlock()
		f.core.KeyCame("s")
		f.awaitRelayed(prefixed(late(""), numbered("m", 3))...)
	})

	t.Run("another session's key changes nothing", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		f.link()
		first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
		second := f.matrix.sayEncrypted(adminUser, "t", writtenThen)
		f.awaitPassedOver(second)
		f.awaitKeysAsked(first, second)
		f.matrix.giveKey(first, "first")
		f.bringKey("t", second, "second")
		f.awaitRelayed(late("second"))
		require.Equal(t, db.StateWaiting, f.row(first).State)
		f.core.KeyCame("s")
		f.awaitRelayed(late("second"), late("first"))
	})

	t.Run("a key that comes while nobody looks is found when the message is passed over", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.keyWait = time.Hour
		f.start()
		f.link()
		looked := make(chan struct{})
		look := sync.OnceFunc(func() { close(looked) })
		f.matrix.mu.Lock()
		f.matrix.beforeDecrypt = func(id.EventID) { look() }
		f.matrix.mu.Unlock()
		first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
		await.Receive(t, "the worker to look for the key", looked)
		row := f.row(first)
		portal, err := f.core.Portal(f.ctx, roomID)
		require.NoError(t, err)
		f.matrix.giveKey(first, "first") // and nobody says so
		evt := &event.Event{ID: first}
		require.NoError(t, (&wazoDelivery{Relay: f.core, portal: portal, row: row}).passOver(f.ctx, evt, "why"))
		f.awaitRelayed(late("first"))
	})

	t.Run("a message that was edited while it was being decrypted stays edited", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.keyWait = time.Hour
		f.start()
		f.link()
		f.core.cfg.KeyWait = time.Hour
		first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
		f.awaitRow(first)
		old := f.row(first)
		down := f.wazo.Faults().ChatdDown()
		f.edit(adminUser, first, "edited")
		await.Until(t, "the edit in the queue", func() bool { return f.row(first).Session == "" })
		decrypted := &event.Event{ID: first, Sender: adminUser, RoomID: roomID, Type: event.EventMessage}
		require.NoError(t, decrypted.Content.UnmarshalJSON([]byte(`{"msgtype": "m.text", "body": "original"}`)))
		require.NoError(t, f.core.lateKeys.acceptDecrypted(f.ctx, old, decrypted))
		portal, err := f.core.Portal(f.ctx, roomID)
		require.NoError(t, err)
		require.NoError(t, (&wazoDelivery{Relay: f.core, portal: portal, row: old}).passOver(f.ctx, decrypted, "why"))
		require.Empty(t, f.matrix.allNotices())
		down.Off()
		f.awaitRelayed("edited")
	})
}

func TestLateMessageSurvivesARestart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		come func(f *fixture, eventID id.EventID) // the key, with one restart on the way
	}{
		{name: "the key comes after the restart", come: func(f *fixture, eventID id.EventID) {
			f.halt()
			f.start()
			f.bringKey("s", eventID, "first")
		}},
		{name: "the key comes while the relay is away", come: func(f *fixture, eventID id.EventID) {
			f.halt()
			f.matrix.giveKey(eventID, "first")
			f.start()
		}},
		{name: "the key came just before, and the message is not posted yet", come: func(f *fixture, eventID id.EventID) {
			f.wazo.Faults().ChatdDown()
			f.bringKey("s", eventID, "first")
			await.Until(f, "the message to be decrypted", func() bool { return f.row(eventID).Late })
			f.halt()
			f.wazo.Faults().Clear()
			f.start()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
			f.matrix.say("@other:a.example", "next")
			f.awaitRelayed("next")
			test.come(f, first)
			f.awaitRelayed("next", late("first"))
			f.awaitEmpty()
			require.Equal(t, []string{f.keyNotice()}, f.matrix.allNotices())
		})
	}
}

func TestKeyThatIsNoUseToWaitFor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		trouble error
		notice  func(f *fixture) string
		late    bool // if the key comes all the same
	}{
		{name: "a withheld key", trouble: ErrKeyWithheld, late: true, notice: func(f *fixture) string {
			return txt.NotDelivered(txt.WhyKeyWithheld(f.core.cfg.KeyKept))
		}},
		{name: "a key for what was said later", trouble: ErrPartialKey, late: true, notice: (*fixture).keyNotice},
		{name: "an event that no key decrypts", trouble: ErrUndecryptable, notice: func(*fixture) string {
			return txt.NotDelivered(txt.Why(words.WhyUndecryptable))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.keyWait = time.Hour // the notice does not come by waiting
			f.start()
			f.link()
			f.matrix.setPaused(true)
			first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
			f.matrix.setKeyTrouble(first, test.trouble)
			f.matrix.say(adminUser, "next")
			f.matrix.setPaused(false)
			f.awaitRelayed("next")
			require.Equal(t, []string{test.notice(f)}, f.noticesTo(first))
			f.bringKey("s", first, "first")
			if test.late {
				f.awaitRelayed("next", late("first"))
				return
			}
			require.Equal(t, db.StateParked, f.row(first).State)
			_, err := f.core.Retry(f.ctx, roomID)
			require.NoError(t, err)
			f.awaitRelayed("next", "first")
		})
	}

	t.Run("a key that turns out to be withheld ends the wait", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.keyWait = time.Hour
		f.start()
		f.link()
		first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
		f.matrix.say(adminUser, "next")
		f.awaitRow(first)
		f.matrix.setKeyTrouble(first, ErrKeyWithheld)
		f.core.KeyCame("s")
		f.awaitRelayed("next")
		require.Equal(t, []string{txt.NotDelivered(txt.WhyKeyWithheld(f.core.cfg.KeyKept))}, f.noticesTo(first))
	})
}

func TestKeyThatNeverComes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
	inTime := f.matrix.sayEncrypted(adminUser, "t", writtenThen)
	f.matrix.say(adminUser, "next")
	f.awaitRelayed("next")
	f.awaitPassedOver(inTime)
	expired := txt.KeyNeverCame(7 * 24 * time.Hour)
	age := func(by time.Duration, eventID id.EventID) {
		_, err := f.db.Exec(f.ctx, `UPDATE queue SET accepted_at = accepted_at - $1 WHERE source_id = $2`, by.Milliseconds(), eventID)
		require.NoError(t, err)
	}

	age(7*24*time.Hour-time.Minute, first)
	age(8*24*time.Hour, inTime)
	f.matrix.giveKey(inTime, "in the last moment")
	require.NoError(t, f.core.lateKeys.expire(f.ctx))
	require.NotNil(t, f.row(first), "not yet")
	f.awaitRelayed("next", late("in the last moment"))

	// The look at the start does it.
	f.halt()
	f.start()
	await.Until(t, "the start", func() bool { return f.core.startup.isSynced() })
	require.NotNil(t, f.row(first), "not yet")
	age(2*time.Minute, first)
	f.halt()
	f.start()
	f.awaitGone(first)
	f.matrix.awaitNotice(expired)
	require.Equal(t, []string{f.keyNotice(), expired}, f.noticesTo(first))
	known, err := f.db.Message.KnowsEvent(f.ctx, 1, first)
	require.NoError(t, err)
	require.False(t, known, "it was delivered nowhere")
	f.bringKey("s", first, "too late")
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("next", late("in the last moment"), "end")
}

func TestKeysAreGivenUpWhileTheRelayRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.keyKept = 400 * time.Millisecond
	f.start()
	f.link()
	first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
	f.matrix.awaitNotice(txt.KeyNeverCame(f.keyKept))
	require.Nil(t, f.row(first))
	require.Equal(t, []string{f.keyNotice(), txt.KeyNeverCame(f.keyKept)}, f.noticesTo(first))
}

func TestRetryAndDropOfWhatIsSetAside(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	_, err := f.core.Retry(f.ctx, roomID)
	require.EqualError(t, err, txt.NotLinked())
	f.link()
	first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
	second := f.matrix.sayEncrypted(adminUser, "t", writtenThen)
	large := f.matrix.say(adminUser, strings.Repeat("x", 2<<20))
	f.awaitPassedOver(second)
	f.awaitRow(large)
	await.Until(t, "the large message to be parked", func() bool { return f.row(large).State == db.StateParked })
	f.matrix.mu.Lock()
	f.matrix.keysAsked = nil
	f.matrix.decryptable[second] = "second" // and nobody says so
	f.matrix.mu.Unlock()
	n, err := f.core.Retry(f.ctx, roomID)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	f.awaitRelayed(late("second"))
	await.Until(t, "another request for the key that is missing", func() bool {
		f.matrix.mu.Lock()
		defer f.matrix.mu.Unlock()
		return slices.Contains(f.matrix.keysAsked, first)
	})
	await.Until(t, "the large message to be parked", func() bool { return f.row(large).State == db.StateParked })
	n, err = f.core.Drop(f.ctx, roomID)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Nil(t, f.row(first))
	require.Nil(t, f.row(large))
	status, err := f.core.Status(f.ctx, roomID)
	require.NoError(t, err)
	require.Zero(t, status.Parked)
	require.Zero(t, status.Waiting)
}

func TestChangesOfWhatWaitsForAKey(t *testing.T) {
	t.Parallel()
	const other = id.UserID("@other:a.example")
	for _, test := range []struct {
		name   string
		change func(f *fixture, eventID id.EventID)
		keys   func(f *fixture) // what comes besides the key of the message
		want   []string         // on Wazo, when the key has come and an end was said
	}{
		{
			name:   "a redaction by the sender takes it back",
			change: func(f *fixture, eventID id.EventID) { f.matrix.redact(adminUser, eventID, true) },
			want:   []string{"end"},
		},
		{
			name:   "a redaction by a moderator takes it back",
			change: func(f *fixture, eventID id.EventID) { f.matrix.redact(other, eventID, true) },
			want:   []string{"end"},
		},
		{
			name:   "a readable edit takes its place, and no key is needed any more",
			change: func(f *fixture, eventID id.EventID) { f.edit(adminUser, eventID, "edited") },
			want:   []string{late("edited"), "end"},
		},
		{
			name:   "an edit by somebody else is another message",
			change: func(f *fixture, eventID id.EventID) { f.edit(other, eventID, "forged") },
			want:   []string{"✏️ forged", "end", late("first")},
		},
		{
			name: "an edit that cannot be read goes its own way",
			change: func(f *fixture, eventID id.EventID) {
				f.awaitPassedOver(f.matrix.sayEncrypted(adminUser, "t", writtenThen, func(evt *event.Event) { evt.ID = "$edit" }))
			},
			keys: func(f *fixture) { f.bringKey("t", "$edit", "✏️ edited") },
			want: []string{"end", late("first"), late("✏️ edited")},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
			f.awaitPassedOver(first)
			test.change(f, first)
			end := f.matrix.say(adminUser, "end")
			f.awaitOnWazo("end")
			f.awaitGone(end)
			f.bringKey("s", first, "first")
			if test.keys != nil {
				f.awaitOnWazo(late("first"))
				test.keys(f)
			}
			f.awaitRelayed(test.want...)
			f.awaitEmpty()
			require.Equal(t, test.want, f.relayed())
		})
	}

	t.Run("an edit within the wait is not late", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.keyWait = time.Hour
		f.start()
		f.link()
		first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
		f.matrix.say(adminUser, "next")
		f.awaitRow(first)
		f.edit(adminUser, first, "edited")
		f.awaitRelayed("edited", "next")
		require.Empty(t, f.matrix.allNotices())
	})
}

func TestLateKeyOfSomethingElseThanAMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	command := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
	empty := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
	f.awaitPassedOver(empty)
	accepted := f.row(command).AcceptedAt
	f.matrix.giveKey(command, "!wazo ping")
	f.matrix.giveKey(empty, "")
	f.core.KeyCame("s")
	f.awaitGone(command)
	f.awaitGone(empty)
	inbox, err := f.db.Inbox.All(f.ctx)
	require.NoError(t, err)
	require.Len(t, inbox, 1)
	require.Equal(t, command, inbox[0].EventID)
	require.Equal(t, accepted, inbox[0].AcceptedAt, "its age tells whether it is obeyed")
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("end")
}

func TestMissingKeysInAGap(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.limit = 5
	f.start()
	f.link()
	f.matrix.setPaused(true)
	first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
	want := numbered("m", 10)
	for _, text := range want {
		f.matrix.say(adminUser, text)
	}
	f.matrix.setPaused(false)
	f.awaitRelayed(want...)
	require.Equal(t, []string{f.keyNotice()}, f.noticesTo(first))
	f.bringKey("s", first, "first")
	f.awaitRelayed(append(want, late("first"))...)
}

func TestLateKeyOfARoomThatWasReplaced(t *testing.T) {
	t.Parallel()
	const newRoom = id.RoomID("!new:a.example")
	f := newFixture(t)
	f.start()
	f.link()
	first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
	f.awaitPassedOver(first)
	require.NoError(t, f.core.Move(f.ctx, roomID, newRoom, ""))
	f.bringKey("s", first, "first")
	f.awaitRelayed(late("first"))
}

func TestUnlinkingForgetsWhatWaitsForAKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
	f.awaitPassedOver(first)
	require.NoError(t, f.core.Unlink(f.ctx, roomID))
	sessions, err := f.db.Queue.MissingSessions(f.ctx)
	require.NoError(t, err)
	require.Empty(t, sessions)
}

func TestDecryptingIsNoSignThatWazoIsRepaired(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.keyWait = time.Hour
	f.start()
	f.link()
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	refused := f.wazo.Faults().RefusePost(wazotest.JSONError(http.StatusConflict), wazotest.Always())
	require.NoError(t, f.core.pauses.begin(f.ctx, portal, PauseConflict, db.ToWazo))
	first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
	f.awaitRow(first)
	f.matrix.giveKey(first, "first") // and nobody says so: the queue finds it when it tries
	f.core.pauses.retryAll(f.ctx)
	await.Until(t, "a try of what was decrypted, at once", func() bool { return refused.Fired() >= 1 })
	require.Equal(t, []string{txt.Paused(txt.Why(words.WhyConflict))}, f.matrix.allNotices())
	refused.Off()
	f.core.pauses.retryAll(f.ctx)
	f.awaitRelayed("first")
	f.matrix.awaitNotice(txt.GoesOn())
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
			f := newFixture(t)
			f.contentFormat = test.format
			f.start()
			f.link()
			first := f.matrix.sayEncrypted(adminUser, "s", writtenThen)
			f.awaitPassedOver(first)
			f.bringKey("s", first, test.text)
			f.awaitRelayed(test.want)
			posted := f.wazo.Messages(f.room.UUID)
			require.Equal(t, "Ada (Matrix)", *posted[len(posted)-1].Alias)
		})
	}
}

// A request for a key that fails is made again. After a start the key is asked for once more: the bot may have a new
// device.
func TestKeyIsAskedForUntilThatSucceeds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.matrix.mu.Lock()
	f.matrix.askFails = 1
	f.matrix.mu.Unlock()
	sent := f.matrix.sayEncrypted(adminUser, "s")
	f.awaitPassedOver(sent)
	awaitAsked := func(times int) {
		t.Helper()
		await.Until(t, fmt.Sprintf("%d requests for the key", times), func() bool {
			f.matrix.mu.Lock()
			defer f.matrix.mu.Unlock()
			return len(f.matrix.keysAsked) == times
		})
	}
	awaitAsked(2)
	f.halt()
	f.start()
	awaitAsked(3)
	f.bringKey("s", sent, "secret")
	f.awaitGone(sent)
	f.halt()
	f.start()
	f.matrix.say(adminUser, "after")
	f.awaitRelayed(f.relayed()[0], "after")
	awaitAsked(3)
}
