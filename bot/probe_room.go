package bot

import (
	"context"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
)

// probeKept is for how long the homeserver has to keep the messages of the probe room, if it knows that setting
// (MSC1763).
const probeKept = 24 * time.Hour

// retentionType is the type of the state event that says how long the messages of a room are kept (MSC1763).
var retentionType = event.Type{Type: "m.room.retention", Class: event.StateEventType}

// SendToSelf implements relay.Matrix. The message goes to the probe room: a private room in which nobody but the bot
// is. If there is none any more, another one is made.
func (b *Bot) SendToSelf(ctx context.Context, nonce string) error {
	room, err := b.db.Setting.Get(ctx, db.SettingProbeRoom)
	if err != nil {
		return err
	}
	if room != "" {
		if err = b.sendProbe(ctx, id.RoomID(room), nonce); !isSilenced(err) {
			return err
		}
	}
	made, err := b.makeProbeRoom(ctx)
	if err != nil {
		return err
	} else if err = b.db.Setting.Set(ctx, db.SettingProbeRoom, made.String()); err != nil {
		return err
	}
	return b.sendProbe(ctx, made, nonce)
}

func (b *Bot) sendProbe(ctx context.Context, room id.RoomID, nonce string) error {
	_, err := b.Send(ctx, room, relay.Outgoing{
		Type: event.EventMessage, Content: relay.NoticeContent(b.texts.Say(words.SelfProbe)), Tag: relay.Tag{Kind: relay.TagProbe, Nonce: nonce},
	}, "probe-"+nonce)
	return err
}

func (b *Bot) makeProbeRoom(ctx context.Context) (room id.RoomID, err error) {
	noKey := ""
	err = b.callRooms(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		resp, err := b.client.CreateRoom(ctx, &mautrix.ReqCreateRoom{
			Preset: "private_chat", Name: b.texts.Say(words.ProbeRoomName), Topic: b.texts.Say(words.ProbeRoomTopic),
			InitialState: []*event.Event{{Type: retentionType, StateKey: &noKey, Content: event.Content{Raw: map[string]any{"max_lifetime": probeKept.Milliseconds()}}}},
		})
		if err == nil {
			room = resp.RoomID
		}
		return translated(err)
	})
	return room, err
}
