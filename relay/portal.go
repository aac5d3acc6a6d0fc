package relay

import (
	"context"
	"fmt"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// UserError is an error that a person can do something about. Its text is the sentence that the chat shows.
type UserError struct{ Words string }

// Error implements error.
func (e *UserError) Error() string { return e.Words }

func refuse(words string) error { return &UserError{words} }

// LinkRequest asks for a portal. The rights on Matrix are checked by who asks.
type LinkRequest struct {
	Room   id.RoomID
	By     id.UserID
	Public bool // an admin accepted that strangers can read the Matrix room
}

// Link ties a Matrix room to a Wazo room. It stores the portal and its introduction; the link begins when the introduction
// is posted on Wazo and the "Linked" notice is seen on Matrix. It returns a *UserError if the link is refused.
func (r *Relay) Link(ctx context.Context, request LinkRequest, room wazoapi.Room) (*db.Portal, error) {
	r.linking.Lock()
	defer r.linking.Unlock()
	title := r.roomTitle(ctx, room)
	if room.HasIdentities() {
		return nil, refuse(words.OutsideParticipants(title))
	} else if !room.Has(r.account.uuid()) {
		return nil, refuse(words.NoSuchRoom(string(room.UUID), r.cfg.CommandPrefix))
	} else if !r.cfg.Rights.IsAdmin(request.By) {
		return nil, refuse(words.NoAdmin)
	}
	if err := r.checkUnlinked(ctx, request.Room, room.UUID); err != nil {
		return nil, err
	}
	portal := &db.Portal{
		MatrixRoom: request.Room, WazoRoom: string(room.UUID), Title: title, ReaderID: r.account.row.ID,
		LinkedBy: request.By, LinkedAt: time.Now().UnixMilli(), Public: request.Public,
	}
	introduction := words.Introduction(convert.CleanName(r.matrix.RoomName(ctx, request.Room), convert.MaxProfileBytes))
	err := r.db.DoTxn(ctx, nil, func(ctx context.Context) error {
		if err := r.db.Portal.Insert(ctx, portal); err != nil {
			return err
		}
		_, err := r.db.Queue.Insert(ctx, &db.Row{
			PortalID: portal.ID, Direction: db.ToWazo, Kind: db.KindIntroduction, Source: "introduction", Author: request.By.String(),
			Payload: introduction, State: db.StateNew, AcceptedAt: portal.LinkedAt,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("failed to store a portal: %w", err)
	}
	r.workers.kick(db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo})
	return portal, nil
}

// checkUnlinked refuses a room that has a portal already, on either side.
func (r *Relay) checkUnlinked(ctx context.Context, matrixRoom id.RoomID, wazoRoom wazoapi.UUID) error {
	if portal, err := r.db.Portal.ByMatrixRoom(ctx, matrixRoom); err != nil {
		return err
	} else if portal != nil {
		return refuse(words.AlreadyLinkedHere(portal.Title, r.cfg.CommandPrefix))
	}
	if portal, err := r.db.Portal.ByWazoRoom(ctx, string(wazoRoom)); err != nil {
		return err
	} else if portal != nil {
		return refuse(words.AlreadyLinkedElsewhere(portal.Title, portal.MatrixRoom.String()))
	}
	return nil
}

// recordIntroduction stores, within a transaction, where a link begins on Wazo, and queues the notice that marks where it
// begins on Matrix.
func (r *Relay) recordIntroduction(ctx context.Context, portal *db.Portal, row *db.Row, message wazoapi.Message) error {
	boundary := message.CreatedAt.UnixMicro()
	if err := r.db.Portal.SetBoundary(ctx, portal.ID, boundary); err != nil {
		return err
	} else if err = r.db.Queue.DeleteUpTo(ctx, portal.ID, db.ToMatrix, boundary); err != nil {
		return err
	}
	_, err := r.db.Queue.Insert(ctx, &db.Row{
		PortalID: portal.ID, Direction: db.ToMatrix, Kind: db.KindLinked, Source: linkedSource, Author: r.account.row.UserUUID,
		Position: boundary, Payload: words.Linked(portal.Title), State: db.StateNew, AcceptedAt: time.Now().UnixMilli(),
	})
	if err != nil {
		return err
	}
	return r.db.Queue.Delete(ctx, row.ID)
}

// giveUpLink ends a link that could not be begun.
func (r *Relay) giveUpLink(ctx context.Context, portal *db.Portal, why string) error {
	if err := r.db.Portal.Delete(ctx, portal.ID); err != nil {
		return err
	}
	r.matrix.Notice(ctx, portal.MatrixRoom, words.LinkFailed(portal.Title, why), "")
	return errIdle
}

// Unlink ends the link of a Matrix room. It returns a *UserError if there is none.
func (r *Relay) Unlink(ctx context.Context, room id.RoomID) error {
	r.linking.Lock()
	defer r.linking.Unlock()
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil {
		return err
	} else if portal == nil {
		return refuse(words.NotLinked(r.cfg.CommandPrefix))
	}
	if err = r.db.Portal.Delete(ctx, portal.ID); err != nil {
		return fmt.Errorf("failed to delete a portal: %w", err)
	}
	r.sayUnlinked(ctx, portal, words.Unlinked(portal.Title))
	return nil
}

// sayUnlinked tells both sides that a link is over. On Wazo it is best effort.
func (r *Relay) sayUnlinked(ctx context.Context, portal *db.Portal, notice string) {
	r.workers.do(func(ctx context.Context) {
		r.matrix.Notice(ctx, portal.MatrixRoom, notice, "")
		if portal.Boundary == 0 {
			return // Wazo was not told of the link either
		}
		if _, err := r.account.api.PostMessage(ctx, wazoapi.UUID(portal.WazoRoom), wazoapi.Draft{Content: words.GoodbyeOnWazo}); err != nil {
			r.log.Err(err).Str("wazo_room", portal.WazoRoom).Msg("Failed to say on Wazo that a link is over")
		}
	})
}

// Portal returns the portal of a Matrix room, nil if there is none.
func (r *Relay) Portal(ctx context.Context, room id.RoomID) (*db.Portal, error) {
	return r.db.Portal.ByMatrixRoom(ctx, room)
}

// Removed notes that the bot is not in a portal's Matrix room any more.
func (r *Relay) Removed(ctx context.Context, room id.RoomID) error {
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil || portal == nil || portal.Paused == string(PauseRemoved) {
		return err
	}
	if err = r.db.Portal.SetPaused(ctx, portal.ID, string(PauseRemoved)); err != nil {
		return err
	}
	r.matrix.Direct(ctx, portal.LinkedBy, words.RemovedFromRoom(room.String(), portal.Title, r.cfg.CommandPrefix))
	return nil
}

// Rejoined notes that the bot is in a portal's Matrix room again. It reports whether the room has a portal.
func (r *Relay) Rejoined(ctx context.Context, room id.RoomID) (bool, error) {
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil || portal == nil {
		return false, err
	}
	if portal.Paused == string(PauseRemoved) || portal.Paused == string(PauseForbidden) {
		err = r.Resume(ctx, portal)
	}
	return true, err
}

// Opened notes that strangers can now read a portal's Matrix room, for a reason in words; "" says that they can't any more.
func (r *Relay) Opened(ctx context.Context, room id.RoomID, why string) error {
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil || portal == nil {
		return err
	}
	switch {
	case why == "" && portal.Paused == string(PauseOpened):
		return r.Resume(ctx, portal)
	case why == "" || portal.Public || portal.Paused == string(PauseOpened):
		return nil
	}
	if err = r.db.Portal.SetPaused(ctx, portal.ID, string(PauseOpened)); err != nil {
		return err
	}
	r.matrix.Notice(ctx, room, words.RoomWasOpened(r.cfg.CommandPrefix, why), "")
	return nil
}

// AcceptOpen notes that an admin accepts that strangers read a portal's Matrix room. It reports false if there is no portal.
func (r *Relay) AcceptOpen(ctx context.Context, room id.RoomID) (bool, error) {
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil || portal == nil {
		return false, err
	}
	if err = r.db.Portal.SetPublic(ctx, portal.ID, true); err != nil {
		return true, err
	}
	if portal.Paused == string(PauseOpened) {
		return true, r.Resume(ctx, portal)
	}
	return true, nil
}
