package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// If Wazo has the plugin for reactions and replies, people who have logged in react there as themselves. For all others
// the relay account reacts, once with each emoji, as long as at least one of them does. A line then says who, as a
// reply to the message; it is left out if nobody else could have reacted.

// noteOf returns what is kept of a reaction when it is on Wazo. If it is a reaction on Wazo, too, the note says whose.
func (d *wazoDelivery) noteOf(ctx context.Context, shown *reactionRow) (reactionNote, error) {
	if shown.note == nil {
		note, err := d.newNote(ctx, shown)
		if err != nil {
			return note, err
		}
		shown.note = &note
	}
	return *shown.note, nil
}

func (d *wazoDelivery) newNote(ctx context.Context, shown *reactionRow) (reactionNote, error) {
	note := reactionNote{Event: shown.event, Target: shown.target, Emoji: shown.emoji, Removed: shown.removed}
	if shown.removed {
		note.Account, note.Wazo, note.Native = shown.stored.Account, wazoapi.UUID(shown.stored.WazoUUID), shown.stored.Native
		return note, nil
	}
	spelling, ok := convert.NativeEmoji(shown.emoji)
	if !ok || wazoapi.CheckEmoji(spelling) != nil {
		return note, nil
	}
	uuid, err := d.onWazo(ctx, shown.target)
	if err != nil || uuid == "" {
		return note, err
	}
	if !d.usesPlugin(ctx) {
		return note, nil
	}
	by, err := d.postedBy(ctx)
	note.Account, note.User, note.Wazo, note.Native = by.row.ID, by.uuid(), uuid, spelling
	return note, err
}

// reactsSilently reports whether people on Wazo need not be told of a reaction, or of its removal, by a line, because
// they see it.
func (d *wazoDelivery) reactsSilently(ctx context.Context, shown *reactionRow) (bool, error) {
	note, err := d.noteOf(ctx, shown)
	if err != nil || note.Native == "" {
		return false, err
	}
	isOwn := d.account == nil || note.Account != d.account.row.ID
	return isOwn || d.isAlone(ctx), nil
}

// isAlone reports whether only one person is in the Matrix room.
func (d *wazoDelivery) isAlone(ctx context.Context) bool {
	members, err := d.matrix.Members(ctx, d.portal.MatrixRoom)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up the members of a room")
		return false
	}
	people := 0
	for user, member := range members {
		if member.Joined && user != d.matrix.UserID() {
			people++
		}
	}
	return people <= 1
}

// recordSilently stores that a row is delivered without a message on Wazo. It does nothing with a row that left the
// queue meanwhile.
func (d *wazoDelivery) recordSilently(ctx context.Context, request *wazoRequest) error {
	eventID := id.EventID(d.row.SourceID)
	err := d.db.DoTxn(ctx, func(ctx context.Context) error {
		if there, err := d.db.Queue.Delete(ctx, d.row.ID); err != nil || !there {
			return err
		}
		d.counts.finished(ctx, d.row, OutcomeDelivered)
		// The event is known by a mapping to itself: no message on Wazo shows it.
		err := d.db.Message.Insert(ctx, &db.Message{
			PortalID: d.portal.ID, WazoUUID: eventID.String(), EventID: eventID, Author: d.row.Author, RelayedAt: jsontime.UM(time.Now()),
		})
		if err != nil {
			return err
		}
		return d.recordReactions(ctx, request.Reactions)
	})
	if err != nil {
		return fmt.Errorf("failed to record the reaction %s: %w", eventID, err)
	}
	d.matrix.MarkRead(d.portal.MatrixRoom, eventID)
	return nil
}

// aboutNative returns the message on Wazo to which reactions belong, if they are reactions there, too, and their line
// can be a reply to it.
func (d *wazoDelivery) aboutNative(ctx context.Context, notes []reactionNote) wazoapi.UUID {
	for _, note := range notes {
		if note.Native == "" {
			return ""
		}
	}
	if !d.usesPlugin(ctx) {
		return ""
	}
	return notes[0].Wazo
}

// replyLine returns the line that shows reactions, or their removal, as a reply to the message that they are for.
func (d *wazoDelivery) replyLine(ctx context.Context, evt *event.Event, line convert.Reactions, removed bool) string {
	if removed {
		return line.RemovedReply(d.wazoOptions(ctx, evt))
	}
	return line.Reply(d.wazoOptions(ctx, evt))
}

// recordReaction stores, within a transaction, that a reaction is on Wazo, or removed there. What the plugin has to do
// for it is owed from now on.
func (d *wazoDelivery) recordReaction(ctx context.Context, note reactionNote) error {
	now := jsontime.UM(time.Now())
	if note.Removed {
		stored, err := d.db.Reaction.ByEvent(ctx, d.portal.ID, note.Event)
		if err != nil || stored == nil {
			return err
		} else if err = d.db.Reaction.Delete(ctx, d.portal.ID, note.Event); err != nil || stored.Native == "" {
			return err
		}
		d.natives.wakeAfterCommit(ctx, d.portal.ID)
		return d.db.Native.Unwant(ctx, stored, now)
	}
	reaction := &db.Reaction{
		PortalID: d.portal.ID, EventID: note.Event, Target: note.Target, Emoji: note.Emoji,
		WazoUUID: string(note.Wazo), Account: note.Account, Native: wazoapi.NormalEmoji(note.Native),
	}
	if err := d.db.Reaction.Insert(ctx, reaction); err != nil || note.Native == "" {
		return err
	}
	d.natives.wakeAfterCommit(ctx, d.portal.ID)
	return d.db.Native.Want(ctx, &db.NativeReaction{
		PortalID: d.portal.ID, WazoUUID: reaction.WazoUUID, Account: note.Account, User: string(note.User), Emoji: reaction.Native,
		Spelling: note.Native, Since: now,
	})
}
