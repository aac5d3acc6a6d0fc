package bot

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// sentThen is when late messages of these tests were sent.
var sentThen = time.Now().Add(-time.Hour)

// late is how a message looks on Wazo that was sent then.
func late(text string) string { return txt.Late(sentThen) + "\n\n" + text }

const keyKept = 7 * 24 * time.Hour // the core's default

// linked returns a running world with a portal, and somebody in it whose key the bot does not have. The core waits so long
// for a key.
func linkedWithoutKey(t *testing.T, wait time.Duration) (*world, *encrypter) {
	w := newWorld(t)
	w.keyWait = wait
	w.start()
	w.first()
	w.link()
	return w, w.newEncrypter(adminUser)
}

func TestKeyThatComesLate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		restart bool
	}{{name: "while the bot runs"}, {name: "while the bot is away", restart: true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w, robin := linkedWithoutKey(t, 50*time.Millisecond)
			w.hs.pushTimeline(roomID, robin.messageOf("first", sentThen, nil))
			w.hs.say(roomID, "@sam:a.example", "next")
			w.awaitOnWazo("next")
			w.hs.awaitSent(roomID, txt.NotDelivered(txt.WhyNoKey(keyKept)))
			w.hs.await("a request for the key", func() bool {
				for _, sent := range w.hs.toDevice {
					asked := sent.Messages[adminUser]["*"]
					if body, _ := asked["body"].(map[string]any); sent.Type == "m.room_key_request" && body["session_id"] == robin.group.ID().String() {
						return asked["action"] == "request" && body["room_id"] == roomID.String() && asked["requesting_device_id"] == w.bot.client.DeviceID.String()
					}
				}
				return false
			})
			if test.restart {
				w.stop()
			}
			w.hs.push(robin.wholeKey())
			if test.restart {
				w.start()
			}
			w.awaitOnWazo(late("first"))
			require.Len(t, w.hs.sentTo(roomID), 2, "the bot says nothing but that it is linked and that the key is missing")
			// What is said by the session from now on is not late.
			w.hs.pushTimeline(roomID, robin.message("on time"))
			w.awaitOnWazo("on time")
		})
	}
}

func TestKeyThatComesInTime(t *testing.T) {
	t.Parallel()
	w, robin := linkedWithoutKey(t, time.Hour)
	w.hs.pushTimeline(roomID, robin.messageOf("first", sentThen, nil))
	w.hs.say(roomID, "@sam:a.example", "next")
	w.hs.allSeen()
	require.Zero(t, w.countOnWazo("next"), "the queue waits")
	w.hs.push(robin.wholeKey())
	w.awaitOnWazo("first")
	w.awaitOnWazo("next")
	require.Len(t, w.hs.sentTo(roomID), 1, "nobody is told of a key that comes in time")
}

func TestKeyForALaterPartOfTheSession(t *testing.T) {
	t.Parallel()
	w, robin := linkedWithoutKey(t, time.Hour) // what comes at once does not come by waiting
	first := robin.messageOf("first", sentThen, nil)
	w.hs.push(robin.laterKey())
	w.hs.pushTimeline(roomID, first)
	w.hs.pushTimeline(roomID, robin.message("second"))
	w.awaitOnWazo("second")
	w.hs.awaitSent(roomID, txt.NotDelivered(txt.WhyNoKey(keyKept)))
	w.hs.push(robin.wholeKey())
	w.awaitOnWazo(late("first"))
}

func TestWithheldKey(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		after bool // the message
		code  event.RoomKeyWithheldCode
		old   bool // name of the event, which mautrix still sends besides
	}{
		{name: "withheld by the old name", code: event.RoomKeyWithheldUnverified, old: true},
		{name: "withheld before the message", code: event.RoomKeyWithheldUnverified},
		{name: "withheld after the message", code: event.RoomKeyWithheldBlacklisted, after: true},
	} {
		t.Run("the sender is told at once of a key "+test.name, func(t *testing.T) {
			t.Parallel()
			w, robin := linkedWithoutKey(t, time.Hour)
			message, withheld := timeline(roomID, `"events":[`+robin.messageOf("first", sentThen, nil)+`]`), robin.withheld(adminUser, test.code)
			if test.old {
				withheld = strings.Replace(withheld, "m.room_key.withheld", "org.matrix.room_key.withheld", 1)
			}
			if test.after {
				message, withheld = withheld, message
			}
			w.hs.push(withheld)
			w.hs.push(message)
			w.hs.say(roomID, "@sam:a.example", "next")
			w.awaitOnWazo("next")
			w.hs.awaitSent(roomID, txt.NotDelivered(txt.WhyKeyWithheld(keyKept)))
			w.hs.push(robin.wholeKey())
			w.awaitOnWazo(late("first"))
		})
	}

	t.Run("it is known after a restart", func(t *testing.T) {
		t.Parallel()
		w, robin := linkedWithoutKey(t, time.Hour)
		w.hs.push(robin.withheld(adminUser, event.RoomKeyWithheldUnverified))
		w.hs.allSeen()
		w.stop()
		w.start()
		w.hs.pushTimeline(roomID, robin.message("first"))
		w.hs.awaitSent(roomID, txt.NotDelivered(txt.WhyKeyWithheld(keyKept)))
	})

	for _, test := range []struct {
		name string
		by   id.UserID
		code event.RoomKeyWithheldCode
	}{
		{name: "somebody else says that it is withheld", by: guestUser, code: event.RoomKeyWithheldUnverified},
		{name: "a device says that it does not have it", by: adminUser, code: event.RoomKeyWithheldUnavailable},
	} {
		t.Run("the key is waited for when "+test.name, func(t *testing.T) {
			t.Parallel()
			w, robin := linkedWithoutKey(t, time.Hour)
			w.hs.push(robin.withheld(test.by, test.code))
			w.hs.pushTimeline(roomID, robin.messageOf("first", sentThen, nil))
			w.hs.allSeen()
			w.hs.push(robin.wholeKey())
			w.awaitOnWazo("first")
			require.Len(t, w.hs.sentTo(roomID), 1)
		})
	}
}

func TestEventThatNoKeyDecrypts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(content map[string]any){
		"the ciphertext is cut":       func(content map[string]any) { content["ciphertext"] = "AwgA" },
		"the ciphertext is forged":    func(content map[string]any) { content["ciphertext"] = strings.Repeat("AwgA", 40) },
		"the algorithm is unknown":    func(content map[string]any) { content["algorithm"] = "m.megolm.v9" },
		"the session has no good id":  func(content map[string]any) { content["session_id"] = "short" },
		"the session has no id":       func(content map[string]any) { delete(content, "session_id") },
		"the ciphertext is no string": func(content map[string]any) { content["ciphertext"] = 5 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, robin := linkedWithoutKey(t, time.Hour)
			w.hs.push(robin.wholeKey())
			w.hs.pushTimeline(roomID, robin.messageOf("first", sentThen, change))
			w.hs.pushTimeline(roomID, robin.message("next"))
			w.awaitOnWazo("next")
			w.hs.awaitSent(roomID, txt.NotDelivered(txt.Why(words.WhyUndecryptable)))
			status, err := w.core.Status(t.Context(), roomID)
			require.NoError(t, err)
			require.Equal(t, 1, status.Parked)
			require.Zero(t, status.Waiting)
		})
	}
}

func TestDatabaseTroubleIsNoMissingKey(t *testing.T) {
	t.Parallel()
	w, robin := linkedWithoutKey(t, 50*time.Millisecond)
	w.hs.push(robin.wholeKey())
	w.hs.allSeen()
	repair := w.refuseWrites("INSERT", "crypto_message_index", "true")
	w.hs.pushTimeline(roomID, robin.message("kept"))
	require.Eventually(t, func() bool { return strings.Contains(w.logged.String(), "failed to deliver") }, 10*time.Second, time.Millisecond)
	repair()
	w.awaitOnWazo("kept")
	require.Len(t, w.hs.sentTo(roomID), 1, "nobody is told")
}

func TestLateCommandIsNotObeyed(t *testing.T) {
	t.Parallel()
	w, robin := linkedWithoutKey(t, 50*time.Millisecond)
	w.hs.pushTimeline(roomID, robin.messageOf("!wazo ping", sentThen, nil))
	w.hs.awaitSent(roomID, txt.NotDelivered(txt.WhyNoKey(keyKept)))
	w.hs.push(robin.wholeKey())
	w.hs.awaitSent(roomID, txt.Away())
}

func TestPerhapsACommandInARoomWithoutPortal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.first()
	robin := w.newEncrypter(adminUser)
	w.hs.pushTimeline(roomID, robin.message("!wazo ping"))
	w.hs.allSeen()
	w.hs.push(robin.wholeKey())
	w.hs.awaitSent(roomID, "Pong!")
}

func TestWaitForAKeyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := loggedIn(t)
	robin := w.newEncrypter(adminUser)
	received := w.receive(timeline(roomID, `"events":[`+robin.message("secret")+`]`))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.bot.decryption.decryptWithin(ctx, received.Rooms[0].Events[0].Event, time.Hour)
	require.ErrorIs(t, err, context.Canceled)
}
