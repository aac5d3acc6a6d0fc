package relay

import (
	"context"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// A homeserver may store an event minutes after its outcome became unknown: Dendrite does so if it is killed while it
// processes the event (docs/matrix.md, "Dendrite"). The relay has looked for the event and sent the message again by
// then. When the event appears after all, the bot takes it back.

// isDuplicate reports whether another event of the bot shows everything that this one shows.
func (a *matrixAccept) isDuplicate(ctx context.Context, tag Tag, eventID id.EventID) (bool, error) {
	if !a.portal.StartedOnMatrix || sabotaged("dedupe") {
		return false, nil // it may be of an earlier link
	}
	for _, uuid := range tag.UUIDs() {
		shownBy, err := a.db.Message.EventOf(ctx, a.portal.ID, string(uuid), tag.Part)
		if err != nil || shownBy == "" || shownBy == eventID {
			return false, err
		}
	}
	return true, nil
}

// takeBackDuplicate has the bot take an event back that shows again what another one shows.
func (a *matrixAccept) takeBackDuplicate(ctx context.Context, evt Event) error {
	a.log.Warn().Stringer("room_id", a.portal.MatrixRoom).Stringer("event_id", evt.ID).
		Msg("The homeserver has stored an event of the bot late, after its message was sent again")
	return a.toInboxUnlessFirst(ctx, db.InboxDuplicate, evt)
}
