package relay

import (
	"context"
	"slices"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// leaving stands for the wish to leave a room. A room is left once.
func leaving(room id.RoomID) *event.Event {
	return &event.Event{ID: id.EventID("leave:" + room.String()), RoomID: room, Type: event.StateMember}
}

// madeRoom accepts that /sync brings a room that the bot has made for a conversation. If the answer to the request was
// lost, or the relay was killed before it had recorded the room, this is how it learns of it: before the room's events,
// none of which is lost. It reports false if the room is of no use, because the Wazo room has another one.
func (a *matrixAccept) madeRoom(ctx context.Context, room *RoomSync) (useful bool, err error) {
	marker := room.Marker
	if marker == nil || a.firstEver || !marker.WazoRoom.Valid() || marker.From.IsZero() || sabotaged("adoption") {
		return true, nil
	}
	if leaves, err := a.db.Inbox.Has(ctx, room.Room, db.InboxLeave); err != nil || leaves {
		return false, err // the conversation is over
	}
	reader, useful := a.openings.probableReader(marker.WazoRoom)
	if useful {
		useful, err = a.openings.adopt(ctx, room.Room, *marker, reader)
	}
	if err != nil {
		return false, err
	} else if !useful {
		return false, a.openings.leave(ctx, room.Room)
	}
	// The bot's own state says nothing new: nobody is to be greeted, and the room is private.
	own := func(evt *event.Event) bool { return evt.Sender == a.matrix.UserID() && evt.StateKey != nil }
	room.Access = slices.DeleteFunc(slices.Clone(room.Access), own)
	events := room.Events
	if joined := lastOwnJoin(events, a.matrix.UserID()); joined >= 0 {
		events, room.Limited = events[joined:], false
	}
	room.Events = slices.DeleteFunc(slices.Clone(events), func(evt Event) bool { return evt.ParseError == nil && own(evt.Event) })
	return true, nil
}

// probableReader returns the id of an account that is a member of a Wazo room, as far as that is known without asking
// Wazo. It reports false if nobody is logged in any more.
func (o *openings) probableReader(room wazoapi.UUID) (accountID int64, ok bool) {
	members, others := o.accounts.membersFirst(room)
	for _, acc := range append(members, others...) {
		return acc.row.ID, true // the election finds a better one if this is no member
	}
	return 0, false
}
