package bot

import (
	"context"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// followKeys tells the core of the keys that come from now on.
func (d *decryption) followKeys() {
	// This is called while an answer of /sync is handled, and must not wait for anything.
	d.crypto.Machine().SessionReceived = func(_ context.Context, _ id.RoomID, session id.SessionID, _ uint32) { d.relay.KeyCame(session) }
}

// keyWithheld notes that a client decided not to share a key. It is kept from mautrix v0.30.0, which stores that in
// place of the key and then fails to store the key if it comes after all.
func (d *decryption) keyWithheld(ctx context.Context, evt *event.Event) {
	evt.Type.Class = event.ToDeviceEventType
	if err := evt.Content.ParseRaw(evt.Type); err != nil {
		d.log.Warn().Err(err).Msg("Ignored a withheld key that cannot be parsed")
		return
	}
	content := evt.Content.AsRoomKeyWithheld()
	if content.SessionID == "" || content.Code == event.RoomKeyWithheldUnavailable {
		return // there is no Olm session with that device, or our request came to one that has no such key
	}
	d.log.Info().Stringer("user_id", evt.Sender).Stringer("room_id", content.RoomID).Str("code", string(content.Code)).Msg("A key is withheld from the bot")
	if err := d.db.Withheld.Note(ctx, evt.Sender, content.SessionID, jsontime.UM(time.Now())); err != nil {
		d.log.Err(err).Msg("Failed to note that a key is withheld")
	}
	d.relay.KeyCame(content.SessionID)
}

// RequestKey implements relay.Matrix.
func (b *Bot) RequestKey(ctx context.Context, evt *event.Event) error {
	return b.decryption.requestKey(ctx, evt)
}

// requestKey asks all devices of the sender for the key of an event (client-server API, "Key requests").
func (d *decryption) requestKey(ctx context.Context, evt *event.Event) error {
	content, err := encryptedContent(evt)
	if err != nil {
		return nil // no key fits it
	}
	return d.ask(ctx, func() error {
		ctx, cancel := d.request(ctx)
		defer cancel()
		return translated(d.crypto.Machine().SendRoomKeyRequest(ctx, evt.RoomID, content.SenderKey, content.SessionID, "",
			map[id.UserID][]id.DeviceID{evt.Sender: {"*"}})) // which device it was is not told reliably
	})
}
