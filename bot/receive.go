package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// syncAnswer is an answer of /sync (client-server API, "Syncing"), parsed only as far as it is sure to succeed: what a
// stranger wrote is parsed event by event.
type syncAnswer struct {
	NextBatch   string              `json:"next_batch"`
	ToDevice    rawEvents           `json:"to_device"`
	DeviceLists mautrix.DeviceLists `json:"device_lists"`
	OTKCount    mautrix.OTKCount    `json:"device_one_time_keys_count"`
	Rooms       struct {
		Join   map[id.RoomID]joinedRoom  `json:"join"`
		Leave  map[id.RoomID]joinedRoom  `json:"leave"`
		Invite map[id.RoomID]invitedRoom `json:"invite"`
	} `json:"rooms"`
}

type rawEvents struct {
	Events []json.RawMessage `json:"events"`
}

type joinedRoom struct {
	State    rawEvents `json:"state"`
	Timeline struct {
		rawEvents
		Limited   bool   `json:"limited"`
		PrevBatch string `json:"prev_batch"`
	} `json:"timeline"`
}

type invitedRoom struct {
	State rawEvents `json:"invite_state"`
}

// receive turns an answer into what the core accepts. Keys and room state are brought up to date on the way: both may be
// received twice without harm.
func (b *Bot) receive(ctx context.Context, answer *syncAnswer, since string) relay.Sync {
	b.receiveKeys(ctx, answer, since)
	sync := relay.Sync{Since: since, NextBatch: answer.NextBatch}
	for roomID, room := range answer.Rooms.Join {
		sync.Rooms = append(sync.Rooms, b.receiveRoom(ctx, roomID, room))
	}
	for roomID, room := range answer.Rooms.Leave {
		// What was said until the bot left counts too.
		left := b.receiveRoom(ctx, roomID, room)
		b.rooms.forgetMembers(roomID)
		left.Limited = false // it may not be read any more
		sync.Rooms = append(sync.Rooms, left)
		sync.Inbox = append(sync.Inbox, relay.InboxItem{Kind: db.InboxRemoved, Event: removal(roomID, answer.NextBatch)})
	}
	for roomID, room := range answer.Rooms.Invite {
		if invite := b.receiveInvite(roomID, room, answer.NextBatch); invite != nil {
			sync.Inbox = append(sync.Inbox, relay.InboxItem{Kind: db.InboxInvite, Event: invite})
		}
	}
	return sync
}

// receiveKeys gives the crypto machine its share.
func (b *Bot) receiveKeys(ctx context.Context, answer *syncAnswer, since string) {
	resp := &mautrix.RespSync{NextBatch: answer.NextBatch, DeviceLists: answer.DeviceLists, DeviceOTKCount: answer.OTKCount}
	var withheld []*event.Event
	for _, raw := range answer.ToDevice.Events {
		var evt event.Event
		if err := json.Unmarshal(raw, &evt); err != nil {
			b.log.Warn().Err(err).Msg("Ignored a to-device event that cannot be parsed")
			continue
		}
		if evt.Type.Type == event.ToDeviceRoomKeyWithheld.Type || evt.Type.Type == event.ToDeviceOrgMatrixRoomKeyWithheld.Type {
			withheld = append(withheld, &evt)
			continue
		}
		resp.ToDevice.Events = append(resp.ToDevice.Events, &evt)
	}
	// Keys that come are stored in several steps, which a stop may not come between.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), device.RequestTimeout)
	defer cancel()
	if len(answer.ToDevice.Events) > 0 {
		b.device.NoteKeyUse()
	}
	if changed := answer.DeviceLists.Changed; len(changed) > 0 {
		defer b.keyChanges.Add(1)
		// mautrix asks for them at once, and does not ask again if that fails.
		if err := b.crypto.Machine().CryptoStore.MarkTrackedUsersOutdated(ctx, changed); err != nil {
			b.log.Err(err).Msg("Failed to note that devices changed")
		}
		b.keyRounds.reset()
	}
	b.guard(ctx, "Failed to process keys", func() { b.crypto.Machine().ProcessSyncResponse(ctx, resp, since) })
	b.device.CacheIdentity(ctx)
	for _, evt := range withheld {
		b.guard(ctx, "Failed to note a withheld key", func() { b.keyWithheld(ctx, evt) })
	}
}

// guard keeps a panic over one stranger's event from ending the process, and logs it.
func (b *Bot) guard(ctx context.Context, failed string, fn func()) {
	err := task.Guard(ctx, func() error {
		fn()
		return nil
	})
	if err != nil {
		b.log.Err(err).Msg(failed)
	}
}

func (b *Bot) receiveRoom(ctx context.Context, roomID id.RoomID, room joinedRoom) relay.RoomSync {
	sync := relay.RoomSync{Room: roomID, Limited: room.Timeline.Limited, PrevBatch: room.Timeline.PrevBatch}
	for _, raw := range room.State.Events {
		evt, err := parseEvent(raw, roomID)
		if err != nil {
			continue
		}
		b.receiveState(ctx, evt)
		if relay.ChangesAccess(evt) {
			sync.Access = evt
		}
	}
	for _, raw := range room.Timeline.Events {
		sync.Events = append(sync.Events, b.receiveEvent(ctx, raw, roomID, true))
	}
	return sync
}

// receiveEvent parses and decrypts one event of a timeline. live: it may change what is known of the room.
func (b *Bot) receiveEvent(ctx context.Context, raw json.RawMessage, roomID id.RoomID, live bool) relay.Event {
	evt, err := parseEvent(raw, roomID)
	if err != nil {
		return relay.Event{Event: evt, ParseError: err, Raw: raw}
	}
	out := relay.Event{Event: evt, Tag: relay.TagOf(evt.Content.VeryRaw)}
	switch {
	case evt.StateKey != nil:
		if live {
			b.receiveState(ctx, evt)
		}
	case evt.Type.Type == event.EventEncrypted.Type && evt.Sender != b.cfg.UserID:
		if decrypted, err := b.decrypt(ctx, evt); err != nil {
			b.log.Warn().Err(err).Stringer("event_id", evt.ID).Stringer("room_id", roomID).Msg("Failed to decrypt an event")
		} else {
			out.Event = decrypted
			if out.Tag == nil {
				out.Tag = relay.TagOf(decrypted.Content.VeryRaw)
			}
		}
	}
	return out
}

// parseEvent parses one event. On error it returns what could be understood of it, at least an event that is not nil.
func parseEvent(raw json.RawMessage, roomID id.RoomID) (*event.Event, error) {
	evt := &event.Event{}
	if err := json.Unmarshal(raw, evt); err != nil {
		var known struct {
			ID id.EventID `json:"event_id"`
		}
		_ = json.Unmarshal(raw, &known) // an unusable id is no id
		return &event.Event{ID: known.ID, RoomID: roomID}, fmt.Errorf("failed to parse event: %w", err)
	}
	evt.RoomID = roomID
	if evt.ID == "" || evt.Sender == "" {
		return evt, fmt.Errorf("event without id or sender")
	}
	if evt.Content.Raw == nil {
		return evt, fmt.Errorf("event without content")
	}
	evt.Type.Class = event.MessageEventType
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	}
	return evt, nil
}

// receiveState brings what is known of a room up to date.
func (b *Bot) receiveState(ctx context.Context, evt *event.Event) {
	if evt.Type.Type == event.StateEncryption.Type && b.rooms.setEncrypted(evt.RoomID) {
		b.newcomers.arrived(evt.RoomID, time.Now())
	}
	// The content may be parsed only once, and the core wants it unparsed.
	parsed := *evt
	b.guard(ctx, "Failed to process state", func() {
		if err := parsed.Content.ParseRaw(parsed.Type); err == nil {
			b.syncer.Dispatch(ctx, &parsed)
		}
		if evt.Type.Type == event.StateMember.Type {
			b.keyChanges.Add(1)
			b.newcomers.memberChanged(evt, time.Now())
			if user := id.UserID(evt.GetStateKey()); b.awaited.Has(user) {
				b.NoticesFilled("", user)
			}
		}
	})
}

// decrypt decrypts an event with the keys that are there.
func (b *Bot) decrypt(ctx context.Context, evt *event.Event) (decrypted *event.Event, err error) {
	parsed := *evt
	parsed.Type.Class = event.MessageEventType
	if parsed.Content.Parsed == nil {
		if err = parseEncrypted(&parsed.Content); err != nil {
			return nil, err
		}
	}
	err = task.Guard(ctx, func() (err error) {
		decrypted, err = b.crypto.Decrypt(ctx, &parsed)
		return err
	})
	if err != nil {
		return nil, err
	}
	decrypted.Unsigned = evt.Unsigned
	// The core reads all contents unparsed.
	raw := decrypted.Content.VeryRaw
	decrypted.Content = event.Content{}
	if err = json.Unmarshal(raw, &decrypted.Content); err != nil {
		return nil, fmt.Errorf("failed to read decrypted content: %w", err)
	}
	return decrypted, nil
}

// parseEncrypted parses the content of an encrypted event. Clients copy the relation of what they encrypt beside the
// ciphertext; one that makes no sense does not keep the message from being read.
func parseEncrypted(content *event.Content) error {
	parsed := *content
	err := parsed.ParseRaw(event.EventEncrypted)
	if err != nil {
		var fields map[string]json.RawMessage
		if json.Unmarshal(content.VeryRaw, &fields) == nil && fields["m.relates_to"] != nil {
			delete(fields, "m.relates_to")
			parsed = event.Content{}
			if data, encodeErr := json.Marshal(fields); encodeErr != nil {
				err = encodeErr
			} else if err = json.Unmarshal(data, &parsed); err == nil {
				err = parsed.ParseRaw(event.EventEncrypted)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("failed to parse encrypted content: %w", err)
	}
	*content = parsed
	return nil
}

// removal stands for the bot's leaving a room: the answer need not hold an event for it.
func removal(roomID id.RoomID, batch string) *event.Event {
	return &event.Event{ID: syntheticID("removal", roomID, batch), RoomID: roomID, Type: event.StateMember}
}

// receiveInvite returns the event by which the bot is invited, nil if the answer does not hold a usable one.
// Its id is made up: invite states carry stripped events without id.
func (b *Bot) receiveInvite(roomID id.RoomID, room invitedRoom, batch string) *event.Event {
	for _, raw := range room.State.Events {
		evt := &event.Event{}
		if json.Unmarshal(raw, evt) != nil || evt.Type.Type != event.StateMember.Type || evt.GetStateKey() != b.cfg.UserID.String() {
			continue
		}
		evt.ID, evt.RoomID = syntheticID("invite", roomID, batch), roomID
		return evt
	}
	b.log.Warn().Stringer("room_id", roomID).Msg("Ignored an invite that does not say who invites")
	return nil
}

func syntheticID(what string, roomID id.RoomID, batch string) id.EventID {
	sum := sha256.Sum256([]byte(what + "\n" + roomID.String() + "\n" + batch))
	return id.EventID(what + ":" + hex.EncodeToString(sum[:16]))
}
