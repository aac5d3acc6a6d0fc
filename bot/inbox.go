package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/util/exsync"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// inbox answers what the core has put into the inboxes of rooms: invites, changes of rooms, and commands.
type inbox struct {
	*Bot
	answered *exsync.Set[int64] // rows that were answered, and whose removal failed
}

// answerNext answers what stands first in the inbox of a room.
func (i *inbox) answerNext(ctx context.Context, room id.RoomID) (task.Outcome, error) {
	row, err := i.db.Inbox.Next(ctx, room)
	if err != nil || row == nil {
		return task.Idle, err
	}
	if !i.answered.Has(row.ID) {
		err = task.Guard(ctx, func() error { return i.answer(ctx, row) })
		if i.isWorthRetrying(ctx, err, row.AcceptedAt) {
			return task.Again, fmt.Errorf("failed to answer %s: %w", row.Kind, err)
		}
		i.answered.Add(row.ID)
	}
	if err = i.db.Inbox.Delete(ctx, row.ID); err != nil {
		return task.Again, fmt.Errorf("failed to remove %s from the inbox: %w", row.Kind, err)
	}
	i.answered.Remove(row.ID)
	return task.Again, nil
}

// answer does what a row of the inbox asks for.
func (i *inbox) answer(ctx context.Context, row *db.InboxRow) error {
	evt := &event.Event{}
	if err := json.Unmarshal([]byte(row.Payload), evt); err != nil {
		return fmt.Errorf("failed to read the inbox: %w", err)
	}
	evt.RoomID = row.Room
	switch row.Kind {
	case db.InboxInvite:
		return i.invited(ctx, row.Room, evt.Sender)
	case db.InboxJoined:
		return i.joined(ctx, row)
	case db.InboxRemoved:
		return i.removed(ctx, row)
	case db.InboxAccess:
		return i.accessChanged(ctx, row)
	case db.InboxLook:
		return i.lookAtAccess(ctx, row.Room)
	case db.InboxUpgrade:
		return i.upgraded(ctx, evt)
	case db.InboxDuplicate:
		return i.redact(ctx, row.Room, row.EventID, i.texts.ShownTwice())
	case db.InboxLeave:
		return i.leaveMade(ctx, row.Room)
	case db.InboxRedact:
		return i.passwords.remove(ctx, evt)
	case db.InboxUnread:
		return i.readUnread(ctx, evt, row.AcceptedAt)
	default:
		return i.commands.obey(ctx, evt, age(evt, row.AcceptedAt))
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
func (i *inbox) invited(ctx context.Context, roomID id.RoomID, inviter id.UserID) error {
	return i.call(ctx, func() error {
		if i.relay.Rights().IsAllowed(inviter) {
			_, err := i.client.JoinRoomByID(ctx, roomID)
			return translated(err)
		}
		i.log.Info().Stringer("room_id", roomID).Stringer("user_id", inviter).Msg("Declined an invite")
		_, err := i.client.LeaveRoom(ctx, roomID, &mautrix.ReqLeave{Reason: i.texts.InviteDeclined()})
		if errors.Is(err, mautrix.MForbidden) || errors.Is(err, mautrix.MNotFound) {
			return nil // the invite is gone
		}
		return translated(err)
	})
}

// joined says hello, or goes on in a room that is linked.
func (i *inbox) joined(ctx context.Context, row *db.InboxRow) error {
	roomID := row.Room
	if err := i.followUpgrade(ctx, roomID); err != nil {
		return err
	} else if err = i.accessChanged(ctx, row); err != nil { // it may have been opened while the bot was away
		return err
	}
	linked, err := i.relay.Rejoined(ctx, roomID)
	if err != nil || linked {
		return err
	}
	own, err := i.directChats.isOwn(ctx, roomID)
	if err == nil && !own {
		own, err = i.isMadeByBot(ctx, roomID)
	}
	if err != nil || own {
		return err // made by the bot, to say something else
	}
	return i.relay.Say(ctx, roomID, i.texts.Hello(), "")
}

// removed notes that the bot is not in a room any more. It does not see any more who may join that, nor then who may
// join a room that names it.
func (i *inbox) removed(ctx context.Context, row *db.InboxRow) error {
	if err := i.lookAtNaming(ctx, row); err != nil {
		return err
	}
	return i.relay.Removed(ctx, row.Room)
}

// accessChanged looks at a room that may have been opened to strangers or closed again, and at those that are as open
// as it is.
func (i *inbox) accessChanged(ctx context.Context, row *db.InboxRow) error {
	if err := i.lookAtNaming(ctx, row); err != nil {
		return err
	}
	return i.lookAtAccess(ctx, row.Room)
}

// lookAtAccess pauses a portal whose room strangers can read, and lets it go on if they cannot.
func (i *inbox) lookAtAccess(ctx context.Context, roomID id.RoomID) error {
	portal, err := i.relay.Portal(ctx, roomID)
	if err != nil || portal == nil {
		return err
	}
	why, err := i.info.whyOpen(ctx, roomID)
	if err != nil {
		return err
	}
	return i.relay.AccessChanged(ctx, roomID, why)
}

// lookAtNaming has the rooms looked at whose join rules name a room: they are as open as that one, which has changed by
// what a row tells. Their own workers look, one after the other with what else changes these rooms.
func (i *inbox) lookAtNaming(ctx context.Context, row *db.InboxRow) error {
	for _, room := range i.info.naming(row.Room) {
		if err := i.look(ctx, room, row.EventID.String()); err != nil {
			return err
		}
	}
	return nil
}

// look asks for a look at who may enter or read a room. The reason makes it one of its own.
func (i *inbox) look(ctx context.Context, room id.RoomID, reason string) error {
	err := i.db.Inbox.Insert(ctx, &db.InboxRow{
		Kind: db.InboxLook, Room: room, EventID: syntheticID("look", room, reason), Payload: "{}", AcceptedAt: jsontime.UM(time.Now()),
	})
	if err != nil {
		return fmt.Errorf("failed to ask for a look at a room: %w", err)
	}
	db.AfterCommit(ctx, func() { i.InboxFilled(room) })
	return nil
}

// lookAtPortals has those rooms of portals looked at that are as open as others. The first start that stores which
// these are has the rooms of all portals looked at.
func (i *inbox) lookAtPortals(ctx context.Context) error {
	naming, err := i.info.load(ctx)
	if err != nil {
		return err
	}
	known, err := i.db.Setting.Get(ctx, db.SettingNamedRooms)
	if err != nil {
		return fmt.Errorf("failed to read whether the rooms of portals were looked at: %w", err)
	} else if known == "" {
		return i.lookAtAll(ctx)
	}
	for _, room := range naming {
		if portal, err := i.relay.Portal(ctx, room); err != nil {
			return err
		} else if portal == nil {
			continue
		} else if err = i.lookAtStart(ctx, portal); err != nil {
			return err
		}
	}
	return nil
}

// lookAtAll has the rooms of all portals looked at. The looks are stored with that they are, so that a stop does not
// keep them from being taken.
func (i *inbox) lookAtAll(ctx context.Context) error {
	return i.db.DoTxn(ctx, func(ctx context.Context) error {
		portals, err := i.db.Portal.All(ctx)
		if err != nil {
			return fmt.Errorf("failed to read the portals: %w", err)
		}
		for _, portal := range portals {
			if err = i.lookAtStart(ctx, portal); err != nil {
				return err
			}
		}
		return i.db.Setting.Set(ctx, db.SettingNamedRooms, "known")
	})
}

// lookAtStart has the room of a portal looked at, unless the bot is not in it: then it is looked at when the bot is
// back.
func (i *inbox) lookAtStart(ctx context.Context, portal *db.Portal) error {
	pauses, err := i.db.Pause.Of(ctx, portal.ID)
	if err != nil {
		return fmt.Errorf("failed to read why a portal is paused: %w", err)
	} else if slices.ContainsFunc(pauses, func(p *db.Pause) bool { return p.Reason == string(relay.PauseRemoved) }) {
		return nil
	}
	return i.look(ctx, portal.MatrixRoom, "start")
}

// unreadWait is how long the key of what may be a command is waited for.
const unreadWait = 10 * time.Second

// readUnread reads an event that could not be decrypted when it came to a room without portal. It may be a command.
func (i *inbox) readUnread(ctx context.Context, evt *event.Event, acceptedAt db.Time) error {
	decrypted, err := i.decryption.decryptWithin(ctx, evt, unreadWait)
	switch {
	case relay.IsUnreadable(err) && age(evt, acceptedAt) < commandAge:
		return i.relay.Say(ctx, evt.RoomID, i.texts.CannotRead(), evt.ID)
	case relay.IsUnreadable(err):
		return nil
	case err != nil:
		return err
	case i.passwords.take(ctx, decrypted):
		return i.passwords.removeLater(ctx, decrypted)
	case i.relay.Disposition(relay.Event{Event: decrypted}) != relay.Command:
		return nil
	}
	if replaced, err := i.relay.NoteCommand(ctx, decrypted); err != nil || replaced {
		return err
	}
	return i.commands.obey(ctx, decrypted, age(evt, acceptedAt))
}
