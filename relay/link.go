package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// UserError is an error that a person can do something about. Its text is the sentence that the chat shows.
type UserError struct {
	Words   string
	Private bool // it names chats of the person, which are not for everybody who reads the chat
}

// Error implements error.
func (e *UserError) Error() string { return e.Words }

func refuse(words string) error { return &UserError{Words: words} }

// refusePrivately is refuse with words for the person only.
func refusePrivately(words string) error { return &UserError{Words: words, Private: true} }

// LinkRequest asks for a portal. The rights on Matrix are checked by who asks. The account that reads the Wazo room,
// and tells the people there of the link, is that of By if it is a member, else the relay account, if By is an
// administrator.
type LinkRequest struct {
	Room   id.RoomID
	By     id.UserID
	Public bool // an admin accepted that strangers can read the Matrix room
}

// Link ties a Matrix room to a Wazo room. It stores the portal and its introduction; the link begins when the
// introduction is posted on Wazo and the "Linked" notice is seen on Matrix. It returns a *UserError if the link is
// refused.
func (r *Relay) Link(ctx context.Context, request LinkRequest, room wazoapi.Room) (*db.Portal, error) {
	r.linking.Lock()
	defer r.linking.Unlock()
	reader, err := r.readerFor(request.By, room)
	if err != nil {
		return nil, err
	}
	title := r.titleFor(ctx, room, reader.uuid())
	if room.HasIdentities() {
		return nil, refuse(r.texts.OutsideParticipants(title))
	} else if err := r.checkUnlinked(ctx, request, room.UUID); err != nil {
		return nil, err
	}
	portal := &db.Portal{
		MatrixRoom: request.Room, WazoRoom: string(room.UUID), Title: title, ReaderID: reader.row.ID,
		LinkedBy: request.By, LinkedAt: jsontime.UM(time.Now()), Public: request.Public,
	}
	introduction := r.texts.Introduction(convert.CleanName(r.matrix.RoomName(ctx, request.Room), convert.MaxProfileBytes))
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := r.db.Portal.Insert(ctx, portal); err != nil {
			return err
		}
		logChange(ctx, r.log, portal, func(line *zerolog.Event) { line.Stringer("matrix_user", request.By).Msg("Linked a room") })
		// Who writes there after the link ends knows of it.
		if _, err := r.db.Explanation.Want(ctx, portal.WazoRoom); err != nil {
			return err
		} else if _, err = r.db.Explanation.Claim(ctx, portal.WazoRoom); err != nil {
			return err
		}
		_, err := r.db.Queue.Insert(ctx, &db.Row{
			PortalID: portal.ID, Direction: db.ToWazo, Kind: db.KindIntroduction, SourceID: "introduction", Author: request.By.String(),
			Payload: introduction, State: db.StateNew, AcceptedAt: portal.LinkedAt,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("failed to store a portal: %w", err)
	}
	r.tasks.Wake(portalJob(jobToWazo, portal.ID))
	return portal, nil
}

// readerFor returns the account that is to read a Wazo room for a link: that of the person who links it if it is a
// member, else, for an administrator, the relay account if that is one.
func (r *Relay) readerFor(by id.UserID, room wazoapi.Room) (*account, error) {
	if err := r.MayLinkRooms(by); err != nil {
		return nil, err
	} else if own := r.accounts.of(by); own != nil && room.Has(own.uuid()) {
		return own, nil
	} else if r.account != nil && r.cfg.Rights.IsAdmin(by) && room.Has(r.account.uuid()) {
		return r.account, nil
	}
	return nil, refuse(r.texts.NoSuchRoom(string(room.UUID)))
}

// checkUnlinked refuses a room that has a portal already, on either side.
func (r *Relay) checkUnlinked(ctx context.Context, request LinkRequest, wazoRoom wazoapi.UUID) error {
	if portal, err := r.db.Portal.ByMatrixRoom(ctx, request.Room); err != nil {
		return err
	} else if portal != nil {
		return refuse(r.texts.AlreadyLinkedHere(portal.Title))
	}
	if portal, err := r.db.Portal.ByWazoRoom(ctx, string(wazoRoom)); err != nil {
		return err
	} else if portal != nil && !r.cfg.Rights.IsAdmin(request.By) {
		return refuse(r.texts.AlreadyLinked(portal.Title))
	} else if portal != nil {
		return refuse(r.texts.AlreadyLinkedElsewhere(portal.Title, portal.MatrixRoom.String()))
	}
	return nil
}

// startOnWazo stores, within a transaction, that a link starts on Wazo with the introduction, and queues the notice
// with which it starts on Matrix.
func (r *Relay) startOnWazo(ctx context.Context, portal *db.Portal, at db.WazoTime) error {
	if err := r.db.Portal.SetStartedOnWazo(ctx, portal.ID, at); err != nil {
		return err
	} else if err = r.db.Queue.DeleteUpTo(ctx, portal.ID, db.ToMatrix, at.UnixMicro()); err != nil {
		return err
	}
	portal.StartedOnWazo = at
	return r.queueLinked(ctx, portal)
}

// linkedSource is the source id of the row that carries a portal's "Linked" notice.
const linkedSource = "linked"

// queueLinked queues the notice with which a link starts on Matrix.
func (r *Relay) queueLinked(ctx context.Context, portal *db.Portal) error {
	author := ""
	if acc := r.accounts.withID(portal.ReaderID); acc != nil { // else the person has logged out at this very moment
		author = acc.row.UserUUID
	}
	_, err := r.db.Queue.Insert(ctx, &db.Row{
		PortalID: portal.ID, Direction: db.ToMatrix, Kind: db.KindLinked, SourceID: linkedSource, Author: author,
		Position: portal.StartedOnWazo.UnixMicro(), Payload: r.texts.Linked(portal.Title), State: db.StateNew, AcceptedAt: jsontime.UM(time.Now()),
	})
	return err
}

// queueLinkedAgain queues that notice once more, within a transaction, if the link was to start on Matrix with one that
// will not be seen any more. It reports whether that is so.
func (r *Relay) queueLinkedAgain(ctx context.Context, portal *db.Portal) (bool, error) {
	if portal.StartedOnMatrix || portal.StartedOnWazo.IsZero() {
		return false, nil
	}
	db.AfterCommit(ctx, func() { r.tasks.Wake(portalJob(jobToMatrix, portal.ID)) })
	return true, r.queueLinked(ctx, portal)
}

// giveUpLink ends a link that could not start.
func (r *Relay) giveUpLink(ctx context.Context, portal *db.Portal, why string) error {
	err := r.db.DoTxn(ctx, func(ctx context.Context) error {
		return r.deletePortal(ctx, portal, r.texts.LinkFailed(portal.Title, why))
	})
	if err != nil {
		return err
	}
	r.sayGoodbye(portal)
	return nil
}

// Unlink ends the link of a Matrix room. The bot leaves the room if it has made it for a conversation. Unlink returns a
// *UserError if there is none.
func (r *Relay) Unlink(ctx context.Context, room id.RoomID) error {
	r.linking.Lock()
	defer r.linking.Unlock()
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil {
		return err
	} else if portal == nil {
		return refuse(r.texts.NotLinked())
	}
	if portal.IsOpened() {
		return r.db.DoTxn(ctx, func(ctx context.Context) error { return r.conversations.end(ctx, portal) })
	}
	err = r.db.DoTxn(ctx, func(ctx context.Context) error { return r.deletePortal(ctx, portal, r.texts.Unlinked(portal.Title)) })
	if err != nil {
		return fmt.Errorf("failed to delete a portal: %w", err)
	}
	r.sayGoodbye(portal)
	return nil
}

// deletePortal ends a link, within a transaction, and tells the Matrix room.
func (r *Relay) deletePortal(ctx context.Context, portal *db.Portal, notice string) error {
	if err := r.db.Portal.Delete(ctx, portal.ID); err != nil {
		return err
	}
	logChange(ctx, r.log, portal, func(line *zerolog.Event) { line.Msg("Ended the link of a room") })
	db.AfterCommit(ctx, func() { r.tasks.Wake(portalJob(jobRelations, portal.ID)) }) // which forgets what it knows
	return r.Say(ctx, portal.MatrixRoom, notice, "")
}

// sayGoodbye tells the people on Wazo that a link is over, unless they were never told of it. The account that has read
// the chat says it. It is best effort.
func (r *Relay) sayGoodbye(portal *db.Portal) {
	acc := r.readers.of(portal)
	if portal.StartedOnWazo.IsZero() || acc == nil {
		return
	}
	r.tasks.Go(func(ctx context.Context) {
		if _, err := acc.api.PostMessage(ctx, wazoapi.UUID(portal.WazoRoom), wazoapi.Draft{Content: r.texts.GoodbyeOnWazo()}); err != nil {
			r.log.Err(err).Str("wazo_room", portal.WazoRoom).Msg("Failed to say on Wazo that a link is over")
		}
	})
}

// Portal returns the portal of a Matrix room, nil if there is none.
func (r *Relay) Portal(ctx context.Context, room id.RoomID) (*db.Portal, error) {
	return r.db.Portal.ByMatrixRoom(ctx, room)
}

// Move ties a portal to the room that replaces its Matrix room. What was said in the new room since the bot came in is
// read. open says in words why strangers can read the new room, "" if they can't. It does nothing if the old room has
// no portal, or the new one has one already.
func (r *Relay) Move(ctx context.Context, from, to id.RoomID, open string) error {
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		portal, err := r.db.Portal.ByMatrixRoom(ctx, from)
		if err != nil || portal == nil {
			return err
		} else if taken, err := r.db.Portal.ByMatrixRoom(ctx, to); err != nil || taken != nil {
			return err
		}
		last, err := r.db.Queue.LastPosition(ctx, portal.ID)
		if err != nil {
			return err
		} else if _, err = r.db.Gap.Insert(ctx, portal.ID, to, "", "", last); err != nil {
			return err
		} else if err = r.db.Portal.MoveToRoom(ctx, portal.ID, to); err != nil {
			return err
		}
		logChange(ctx, r.log, portal, func(line *zerolog.Event) {
			line.Stringer("new_room_id", to).Msg("Followed a room to the one that replaces it")
		})
		// The notice with which the link starts was sent to the old room.
		if _, err = r.queueLinkedAgain(ctx, portal); err != nil {
			return err
		} else if err = r.AccessChanged(ctx, to, open); err != nil {
			return err
		}
		db.AfterCommit(ctx, func() {
			r.wakeQueues(portal.ID)
		})
		if err = r.conversations.changed(ctx, portal.ID); err != nil { // whoever has made the room can invite people
			return err
		}
		return r.Say(ctx, to, r.texts.Moved(portal.Title), "")
	})
}
