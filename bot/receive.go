package bot

import (
	"context"
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

// receiver takes in what /sync brings. It parses and decrypts event by event.
type receiver struct {
	*Bot
	syncer *mautrix.DefaultSyncer // hands what came on to the client's stores
}

// receive turns an answer into what the core accepts. Keys and room state are brought up to date on the way: both may
// be received twice without harm. So they must be if the database has failed meanwhile, although it works again: mautrix
// only logs that it could not store a key, or that somebody has left a room. Then receive returns an error.
func (r *receiver) receive(ctx context.Context, answer *syncAnswer, since string) (relay.Sync, error) {
	ctx, failed := db.WatchFailures(ctx)
	received := r.receiveAll(ctx, answer, since)
	if err := failed(); err != nil {
		return relay.Sync{}, fmt.Errorf("the database failed while an answer of /sync was received: %w", err)
	}
	return received, nil
}

func (r *receiver) receiveAll(ctx context.Context, answer *syncAnswer, since string) relay.Sync {
	r.receiveKeys(ctx, answer, since)
	sync := relay.Sync{Since: since, NextBatch: answer.NextBatch}
	for roomID, room := range answer.Rooms.Join {
		joined := r.receiveRoom(ctx, roomID, room)
		if since != "" { // before that, nobody has been asked for anything
			sync.Inbox = append(sync.Inbox, r.passwords.takeOut(ctx, &joined)...)
		}
		sync.Rooms = append(sync.Rooms, joined)
	}
	for roomID, room := range answer.Rooms.Leave {
		// What was said until the bot left counts too.
		left := r.receiveRoom(ctx, roomID, room)
		r.encryptedRooms.forgetMembers(roomID)
		r.names.forget(roomID)
		left.Limited = false // it may not be read any more
		left.Marker = nil    // it is of no use any more
		sync.Rooms = append(sync.Rooms, left)
		sync.Inbox = append(sync.Inbox, relay.InboxItem{Kind: db.InboxRemoved, Event: ownRemoval(roomID, answer.NextBatch)})
	}
	for roomID, room := range answer.Rooms.Invite {
		if invite := r.receiveInvite(roomID, room, answer.NextBatch); invite != nil {
			sync.Inbox = append(sync.Inbox, relay.InboxItem{Kind: db.InboxInvite, Event: invite})
		}
	}
	return sync
}

// receiveKeys gives the crypto machine the keys and the changes of devices.
func (r *receiver) receiveKeys(ctx context.Context, answer *syncAnswer, since string) {
	resp := &mautrix.RespSync{NextBatch: answer.NextBatch, DeviceLists: answer.DeviceLists, DeviceOTKCount: answer.OTKCount}
	var withheld, asked []*event.Event
	for _, raw := range answer.ToDevice.Events {
		var evt event.Event
		if err := json.Unmarshal(raw, &evt); err != nil {
			r.log.Warn().Err(err).Msg("Ignored a to-device event that cannot be parsed")
			continue
		}
		switch evt.Type.Type {
		case event.ToDeviceRoomKeyWithheld.Type, event.ToDeviceOrgMatrixRoomKeyWithheld.Type:
			withheld = append(withheld, &evt)
		case event.ToDeviceRoomKeyRequest.Type:
			asked = append(asked, &evt)
		default:
			resp.ToDevice.Events = append(resp.ToDevice.Events, &evt)
		}
	}
	// Keys that come are stored in several steps, which a stop may not come between.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), device.RequestTimeout)
	defer cancel()
	if len(answer.ToDevice.Events) > 0 {
		r.device.NoteReceivedKeys()
	}
	if changed := answer.DeviceLists.Changed; len(changed) > 0 {
		defer r.keySharing.changes.Add(1)
		// mautrix asks for them at once, and does not ask again if that fails.
		if err := r.crypto.Machine().CryptoStore.MarkTrackedUsersOutdated(ctx, changed); err != nil {
			r.log.Err(err).Msg("Failed to note that devices changed")
		}
		r.keySharing.rounds.reset()
	}
	r.guard(ctx, "Failed to process keys", func() { r.crypto.Machine().ProcessSyncResponse(ctx, resp, since) })
	r.device.CacheIdentity(ctx)
	for _, evt := range withheld {
		r.guard(ctx, "Failed to note a withheld key", func() { r.decryption.keyWithheld(ctx, evt) })
	}
	if len(asked) > 0 {
		r.tasks.Go(func(ctx context.Context) {
			for _, evt := range asked {
				r.guard(ctx, "Failed to answer a request for a key", func() { r.keySharing.giveKey(ctx, evt) })
			}
		})
	}
}

// guard keeps a panic over one stranger's event from ending the process, and logs it.
func (r *receiver) guard(ctx context.Context, failed string, fn func()) {
	err := task.Guard(ctx, func() error {
		fn()
		return nil
	})
	if err != nil {
		r.log.Err(err).Msg(failed)
	}
}

// receiveRoom receives the state and the timeline of a room.
func (r *receiver) receiveRoom(ctx context.Context, roomID id.RoomID, room joinedRoom) relay.RoomSync {
	sync := relay.RoomSync{Room: roomID, Limited: room.Timeline.Limited, PrevBatch: room.Timeline.PrevBatch}
	for _, raw := range room.State.Events {
		evt, err := parseEvent(raw, roomID)
		if err != nil {
			continue
		}
		r.receiveState(ctx, evt)
		r.names.noteState(evt)
		r.noteConversation(&sync, evt)
		if relay.ChangesAccess(evt) {
			sync.Access = append(sync.Access, evt)
		}
		sync.Power = sync.Power || relay.ChangesPower(evt)
	}
	if len(room.Timeline.Events) == 0 {
		return sync
	}
	names := r.names.table(ctx, roomID)
	for _, raw := range room.Timeline.Events {
		evt := r.receiveEvent(ctx, raw, roomID, true)
		if evt.ParseError == nil {
			r.noteConversation(&sync, evt.Event)
		}
		sync.Events = append(sync.Events, evt)
	}
	names.nameSenders(sync.Events)
	return sync
}

// receiveEvent parses and decrypts one event of a timeline. An event that is live, and not read backwards, may change
// what is known of the room.
func (r *receiver) receiveEvent(ctx context.Context, raw json.RawMessage, roomID id.RoomID, live bool) relay.Event {
	evt, err := parseEvent(raw, roomID)
	if err != nil {
		return relay.Event{Event: evt, ParseError: err, Raw: raw}
	}
	out := relay.Event{Event: evt, Tag: relay.TagOf(evt.Content.VeryRaw, evt.Sender)}
	switch {
	case evt.StateKey != nil:
		if live {
			r.receiveState(ctx, evt)
		}
	case isRedacted(evt): // of a ciphertext nothing is left
	case evt.Type.Type == event.EventEncrypted.Type && evt.Sender != r.userID:
		if decrypted, err := r.decryption.decrypt(db.Unwatched(ctx), evt); err != nil { // its delivery tries again
			r.log.Warn().Err(err).Stringer("event_id", evt.ID).Stringer("room_id", roomID).Msg("Failed to decrypt an event")
		} else {
			out.Event = decrypted
			if out.Tag == nil {
				out.Tag = relay.TagOf(decrypted.Content.VeryRaw, decrypted.Sender)
			}
		}
	}
	return out
}

// isRedacted reports whether what an event says was taken back (client-server API, "Redactions").
func isRedacted(evt *event.Event) bool {
	return evt.Unsigned.RedactedBecause != nil || len(evt.Content.Raw) == 0
}

// receiveState brings what is known of a room up to date.
func (r *receiver) receiveState(ctx context.Context, evt *event.Event) {
	if evt.Type.Type == event.StateEncryption.Type && r.encryptedRooms.setEncrypted(evt.RoomID) {
		r.newcomers.arrived(evt.RoomID, time.Now())
	}
	// The content may be parsed only once, and the core wants it unparsed.
	parsed := *evt
	r.guard(ctx, "Failed to process state", func() {
		if err := parsed.Content.ParseRaw(parsed.Type); err == nil {
			r.syncer.Dispatch(ctx, &parsed)
		}
		if evt.Type.Type == event.StateMember.Type {
			if name, _ := evt.Content.Raw["displayname"].(string); name != "" && evt.GetStateKey() == r.userID.String() {
				r.ownNames.Add(name)
			}
			r.keySharing.changes.Add(1)
			r.newcomers.memberChanged(evt, time.Now())
			if user := id.UserID(evt.GetStateKey()); r.notices.awaited.Has(user) {
				r.NoticesFilled("", user)
			}
		}
	})
}

// receiveInvite returns the event by which the bot is invited, nil if the answer does not hold a usable one.
// Its id is made up: invite states carry stripped events without id.
func (r *receiver) receiveInvite(roomID id.RoomID, room invitedRoom, batch string) *event.Event {
	for _, raw := range room.State.Events {
		evt := &event.Event{}
		if json.Unmarshal(raw, evt) != nil || evt.Type.Type != event.StateMember.Type || evt.GetStateKey() != r.userID.String() {
			continue
		}
		evt.ID, evt.RoomID = syntheticID("invite", roomID, batch), roomID
		return evt
	}
	r.log.Warn().Stringer("room_id", roomID).Msg("Ignored an invite that does not say who invites")
	return nil
}
