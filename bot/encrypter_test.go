package bot

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/olm"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// encrypter is a person's device that encrypts for one room, by one Megolm session whose key the bot gets only when the
// test says so.
type encrypter struct {
	*fixture
	user    id.UserID
	room    id.RoomID
	account *crypto.OlmAccount
	bot     *mautrix.DeviceKeys
	olm     olm.Session // with the bot's device
	group   *crypto.OutboundGroupSession
	key     string // of the group session, from its beginning on
}

// newEncrypter returns a device that encrypts for the main room.
func (f *fixture) newEncrypter(user id.UserID) *encrypter {
	f.Helper()
	return f.newEncrypterIn(roomID, user)
}

func (f *fixture) newEncrypterIn(room id.RoomID, user id.UserID) *encrypter {
	f.Helper()
	bot, oneTime := f.hs.keys.Claim()
	e := &encrypter{fixture: f, user: user, room: room, account: crypto.NewOlmAccount(), bot: &bot}
	var err error
	e.olm, err = e.account.Internal.NewOutboundSession(bot.Keys.GetCurve25519(bot.DeviceID), oneTime.Key)
	require.NoError(f, err)
	e.group, err = crypto.NewOutboundGroupSession(room, &event.EncryptionEventContent{}, nil)
	require.NoError(f, err)
	e.group.Shared = true
	e.key = e.group.Internal.Key()
	return e
}

// message is an event of the room that says something encrypted.
func (e *encrypter) message(body string) string { return e.messageOf(body, time.Now(), nil) }

// messageOf is a message that was sent at a time; change may change its content.
func (e *encrypter) messageOf(body string, sent time.Time, change func(content map[string]any)) string {
	return e.contentOf(map[string]any{"msgtype": "m.text", "body": body}, sent, change)
}

// editOf is an edit of a message. What it edits stands beside the ciphertext only.
func (e *encrypter) editOf(original, body string) string {
	text := map[string]any{"msgtype": "m.text", "body": body}
	return e.contentOf(map[string]any{"msgtype": "m.text", "body": "* " + body, "m.new_content": text}, time.Now(), func(content map[string]any) {
		content["m.relates_to"] = map[string]any{"rel_type": "m.replace", "event_id": original}
	})
}

// contentOf is a message with a content that was sent at a time; change may change the content of the encrypted event.
func (e *encrypter) contentOf(encrypted map[string]any, sent time.Time, change func(content map[string]any)) string {
	e.Helper()
	plaintext := toJSON(map[string]any{"room_id": e.room, "type": "m.room.message", "content": encrypted})
	ciphertext, err := e.group.Encrypt(plaintext)
	require.NoError(e, err)
	content := map[string]any{
		"algorithm": id.AlgorithmMegolmV1, "session_id": e.group.ID(), "ciphertext": string(ciphertext),
		"sender_key": e.account.IdentityKey(), "device_id": "PHONE",
	}
	if change != nil {
		change(content)
	}
	return string(toJSON(map[string]any{
		"type": "m.room.encrypted", "event_id": e.hs.newEventID(), "sender": e.user, "origin_server_ts": sent.UnixMilli(),
		"unsigned": map[string]any{"age": time.Since(sent).Milliseconds()}, "content": content,
	}))
}

// wholeKey is an answer of /sync by which the bot gets the key from the session's beginning on.
func (e *encrypter) wholeKey() string { return e.roomKey(e.key) }

// laterKey is an answer of /sync by which the bot gets the key for what is said from now on.
func (e *encrypter) laterKey() string { return e.roomKey(e.group.Internal.Key()) }

func (e *encrypter) roomKey(key string) string {
	e.Helper()
	plaintext := toJSON(&crypto.DecryptedOlmEvent{
		Sender: e.user, Keys: crypto.OlmEventKeys{Ed25519: e.account.SigningKey()},
		Recipient: botUser, RecipientKeys: crypto.OlmEventKeys{Ed25519: e.bot.Keys.GetEd25519(e.bot.DeviceID)},
		Type: event.ToDeviceRoomKey,
		Content: event.Content{Parsed: &event.RoomKeyEventContent{
			Algorithm: id.AlgorithmMegolmV1, RoomID: e.room, SessionID: e.group.ID(), SessionKey: key,
		}},
	})
	kind, ciphertext, err := e.olm.Encrypt(plaintext)
	require.NoError(e, err)
	return toDevice(e.user, "m.room.encrypted", map[string]any{
		"algorithm": id.AlgorithmOlmV1, "sender_key": e.account.IdentityKey(),
		"ciphertext": map[id.Curve25519]any{
			e.bot.Keys.GetCurve25519(e.bot.DeviceID): map[string]any{"type": kind, "body": string(ciphertext)},
		},
	})
}

// withheld is an answer of /sync by which somebody says that the bot does not get the key.
func (e *encrypter) withheld(by id.UserID, code event.RoomKeyWithheldCode) string {
	return toDevice(by, "m.room_key.withheld", &event.RoomKeyWithheldEventContent{
		RoomID: e.room, Algorithm: id.AlgorithmMegolmV1, SessionID: e.group.ID(), SenderKey: e.account.IdentityKey(), Code: code,
	})
}

// toDevice is an answer of /sync with something for the bot's device.
func toDevice(sender id.UserID, kind string, content any) string {
	return fmt.Sprintf(`"to_device":{"events":[%s]}`, toJSON(map[string]any{"type": kind, "sender": sender, "content": content}))
}
