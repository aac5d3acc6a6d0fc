package bot

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
)

// sentThen is when late messages of these tests were sent.
var sentThen = time.Now().Add(-time.Hour)

// late is how a message looks on Wazo that was sent then.
func late(text string) string { return txt.Late(sentThen) + "\n\n" + text }

const keyKept = 7 * 24 * time.Hour // the core's default

// linked returns a running fixture with a portal, and somebody in it whose key the bot does not have. The core waits so
// long for a key.
func linkedWithoutKey(t *testing.T, wait time.Duration) (*fixture, *encrypter) {
	f := newFixture(t)
	f.keyWait = wait
	f.start()
	f.first()
	f.link()
	return f, f.newEncrypter(adminUser)
}

func TestKeyThatComesLate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		restart bool
	}{{name: "while the bot runs"}, {name: "while the bot is away", restart: true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, robin := linkedWithoutKey(t, 50*time.Millisecond)
			f.hs.pushTimeline(roomID, robin.messageOf("first", sentThen, nil))
			f.hs.say(roomID, "@sam:a.example", "next")
			f.awaitOnWazo("next")
			f.hs.awaitSent(roomID, txt.NotDelivered(txt.WhyNoKey(keyKept)))
			f.hs.await("a request for the key", func() bool {
				for _, sent := range f.hs.toDevice {
					asked := sent.Messages[adminUser]["*"]
					if body, _ := asked["body"].(map[string]any); sent.Type == "m.room_key_request" && body["session_id"] == robin.group.ID().String() {
						return asked["action"] == "request" && body["room_id"] == roomID.String() && asked["requesting_device_id"] == f.bot.client.DeviceID.String()
					}
				}
				return false
			})
			if test.restart {
				f.stop()
			}
			f.hs.push(robin.wholeKey())
			if test.restart {
				f.start()
			}
			f.awaitOnWazo(late("first"))
			require.Len(t, f.hs.sentTo(roomID), 2, "the bot says nothing but that it is linked and that the key is missing")
			// What is said by the session from now on is not late.
			f.hs.pushTimeline(roomID, robin.message("on time"))
			f.awaitOnWazo("on time")
		})
	}
}

func TestKeyThatComesInTime(t *testing.T) {
	t.Parallel()
	f, robin := linkedWithoutKey(t, time.Hour)
	f.hs.pushTimeline(roomID, robin.messageOf("first", sentThen, nil))
	f.hs.say(roomID, "@sam:a.example", "next")
	f.hs.allSeen()
	require.Zero(t, f.countOnWazo("next"), "the queue waits")
	f.hs.push(robin.wholeKey())
	f.awaitOnWazo("first")
	f.awaitOnWazo("next")
	require.Len(t, f.hs.sentTo(roomID), 1, "nobody is told of a key that comes in time")
}

func TestKeyForALaterPartOfTheSession(t *testing.T) {
	t.Parallel()
	f, robin := linkedWithoutKey(t, time.Hour) // what comes at once does not come by waiting
	first := robin.messageOf("first", sentThen, nil)
	f.hs.push(robin.laterKey())
	f.hs.pushTimeline(roomID, first)
	f.hs.pushTimeline(roomID, robin.message("second"))
	f.awaitOnWazo("second")
	f.hs.awaitSent(roomID, txt.NotDelivered(txt.WhyNoKey(keyKept)))
	f.hs.push(robin.wholeKey())
	f.awaitOnWazo(late("first"))
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
			f, robin := linkedWithoutKey(t, time.Hour)
			message, withheld := timeline(roomID, `"events":[`+robin.messageOf("first", sentThen, nil)+`]`), robin.withheld(adminUser, test.code)
			if test.old {
				withheld = strings.Replace(withheld, "m.room_key.withheld", "org.matrix.room_key.withheld", 1)
			}
			if test.after {
				message, withheld = withheld, message
			}
			f.hs.push(withheld)
			f.hs.push(message)
			f.hs.say(roomID, "@sam:a.example", "next")
			f.awaitOnWazo("next")
			f.hs.awaitSent(roomID, txt.NotDelivered(txt.WhyKeyWithheld(keyKept)))
			f.hs.push(robin.wholeKey())
			f.awaitOnWazo(late("first"))
		})
	}

	t.Run("it is known after a restart", func(t *testing.T) {
		t.Parallel()
		f, robin := linkedWithoutKey(t, time.Hour)
		f.hs.push(robin.withheld(adminUser, event.RoomKeyWithheldUnverified))
		f.hs.allSeen()
		f.stop()
		f.start()
		f.hs.pushTimeline(roomID, robin.message("first"))
		f.hs.awaitSent(roomID, txt.NotDelivered(txt.WhyKeyWithheld(keyKept)))
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
			f, robin := linkedWithoutKey(t, time.Hour)
			f.hs.push(robin.withheld(test.by, test.code))
			f.hs.pushTimeline(roomID, robin.messageOf("first", sentThen, nil))
			f.hs.allSeen()
			f.hs.push(robin.wholeKey())
			f.awaitOnWazo("first")
			require.Len(t, f.hs.sentTo(roomID), 1)
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
			f, robin := linkedWithoutKey(t, time.Hour)
			f.hs.push(robin.wholeKey())
			f.hs.pushTimeline(roomID, robin.messageOf("first", sentThen, change))
			f.hs.pushTimeline(roomID, robin.message("next"))
			f.awaitOnWazo("next")
			f.hs.awaitSent(roomID, txt.NotDelivered(txt.Why(words.WhyUndecryptable)))
			status, err := f.core.Status(t.Context(), roomID)
			require.NoError(t, err)
			require.Equal(t, 1, status.Parked)
			require.Zero(t, status.Waiting)
		})
	}
}

func TestDatabaseTroubleIsNoMissingKey(t *testing.T) {
	t.Parallel()
	f, robin := linkedWithoutKey(t, 50*time.Millisecond)
	f.hs.push(robin.wholeKey())
	f.hs.allSeen()
	repair := f.refuseWrites("INSERT", "crypto_message_index", "true")
	f.hs.pushTimeline(roomID, robin.message("kept"))
	await.Until(t, "a failed delivery", func() bool { return strings.Contains(f.logged.String(), "failed to deliver") })
	repair()
	f.awaitOnWazo("kept")
	require.Len(t, f.hs.sentTo(roomID), 1, "nobody is told")
}

func TestLateCommandIsNotObeyed(t *testing.T) {
	t.Parallel()
	f, robin := linkedWithoutKey(t, 50*time.Millisecond)
	f.hs.pushTimeline(roomID, robin.messageOf("!wazo ping", sentThen, nil))
	f.hs.awaitSent(roomID, txt.NotDelivered(txt.WhyNoKey(keyKept)))
	f.hs.push(robin.wholeKey())
	f.hs.awaitSent(roomID, txt.Away())
}

func TestPerhapsACommandInARoomWithoutPortal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	robin := f.newEncrypter(adminUser)
	f.hs.pushTimeline(roomID, robin.message("!wazo ping"))
	f.hs.allSeen()
	f.hs.push(robin.wholeKey())
	f.hs.awaitSent(roomID, "Pong!")
}

func TestWaitForAKeyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := loggedIn(t)
	robin := f.newEncrypter(adminUser)
	received := f.receive(timeline(roomID, `"events":[`+robin.message("secret")+`]`))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.bot.decryption.decryptWithin(ctx, received.Rooms[0].Events[0].Event, time.Hour)
	require.ErrorIs(t, err, context.Canceled)
}
