package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// answerNext answers what stands first in the inbox of a room.
func (b *Bot) answerNext(ctx context.Context, room id.RoomID) (task.Outcome, error) {
	row, err := b.db.Inbox.Next(ctx, room)
	if err != nil || row == nil {
		return task.Idle, err
	}
	err = task.Guard(ctx, func() error { return b.answer(ctx, row) })
	if b.isWorthRetrying(ctx, err, row.AcceptedAt) {
		return task.Again, fmt.Errorf("failed to answer %s: %w", row.Kind, err)
	}
	return task.Again, b.db.Inbox.Delete(ctx, row.ID)
}

func (b *Bot) answer(ctx context.Context, row *db.InboxRow) error {
	evt := &event.Event{}
	if err := json.Unmarshal([]byte(row.Payload), evt); err != nil {
		return fmt.Errorf("failed to read the inbox: %w", err)
	}
	evt.RoomID = row.Room
	switch row.Kind {
	case db.InboxInvite:
		return b.invited(ctx, row.Room, evt.Sender)
	case db.InboxJoined:
		return b.joined(ctx, row.Room)
	case db.InboxRemoved:
		return b.relay.Removed(ctx, row.Room)
	case db.InboxAccess:
		return b.accessChanged(ctx, row.Room)
	case db.InboxUpgrade:
		return b.upgraded(ctx, evt)
	case db.InboxUnread:
		return b.readLate(ctx, evt, row.AcceptedAt)
	default:
		return b.command(ctx, evt, age(evt, row.AcceptedAt))
	}
}

// age is how long ago an event was sent, measured by the homeserver where it tells.
func age(evt *event.Event, acceptedAt db.Time) time.Duration {
	if evt.Unsigned.Age != 0 {
		return time.Duration(evt.Unsigned.Age)*time.Millisecond + time.Since(acceptedAt.Time)
	}
	// Dendrite tells no age; then the clocks have to do.
	return time.Since(time.UnixMilli(evt.Timestamp))
}

// invited joins a room, or declines with a reason.
func (b *Bot) invited(ctx context.Context, roomID id.RoomID, inviter id.UserID) error {
	return b.call(ctx, func() error {
		if b.relay.Rights().IsAllowed(inviter) {
			_, err := b.client.JoinRoomByID(ctx, roomID)
			return translated(err)
		}
		b.log.Info().Stringer("room_id", roomID).Stringer("user_id", inviter).Msg("Declined an invite")
		_, err := b.client.LeaveRoom(ctx, roomID, &mautrix.ReqLeave{Reason: b.texts.InviteDeclined()})
		if errors.Is(err, mautrix.MForbidden) || errors.Is(err, mautrix.MNotFound) {
			return nil // the invite is gone
		}
		return translated(err)
	})
}

// joined says hello, or goes on in a room that is linked.
func (b *Bot) joined(ctx context.Context, roomID id.RoomID) error {
	if err := b.followUpgrade(ctx, roomID); err != nil {
		return err
	} else if err = b.accessChanged(ctx, roomID); err != nil { // it may have been opened while the bot was away
		return err
	}
	linked, err := b.relay.Rejoined(ctx, roomID)
	if err != nil || linked {
		return err
	}
	own, err := b.isOwnChat(ctx, roomID)
	if err != nil || own {
		return err // made by the bot, to say something else
	}
	return b.relay.Say(ctx, roomID, b.texts.Hello(), "")
}

// accessChanged pauses a portal whose room was opened to strangers, and lets it go on when it is closed again.
func (b *Bot) accessChanged(ctx context.Context, roomID id.RoomID) error {
	portal, err := b.relay.Portal(ctx, roomID)
	if err != nil || portal == nil {
		return err
	}
	why, err := b.whyOpen(ctx, roomID)
	if err != nil {
		return err
	}
	return b.relay.Opened(ctx, roomID, why)
}

// unreadWait is how long the key of what may be a command is waited for.
const unreadWait = 10 * time.Second

// readLate reads what could not be decrypted when it came, in a room without portal: perhaps it is a command.
func (b *Bot) readLate(ctx context.Context, evt *event.Event, acceptedAt db.Time) error {
	decrypted, err := b.decryptWithin(ctx, evt, unreadWait)
	switch {
	case relay.IsUnreadable(err) && age(evt, acceptedAt) < commandAge:
		return b.relay.Say(ctx, evt.RoomID, b.texts.CannotRead(), evt.ID)
	case relay.IsUnreadable(err):
		return nil
	case err != nil:
		return err
	case b.relay.Disposition(relay.Event{Event: decrypted}) != relay.Command:
		return nil
	}
	return b.command(ctx, decrypted, age(evt, acceptedAt))
}
