package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rs/zerolog"
	"go.mau.fi/util/exsync"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Pause is a reason why a portal does not relay, as it is stored.
type Pause string

// Why portals pause.
const (
	PausePermission Pause = "permission" // the Wazo account may not
	PauseLogin      Pause = "login"      // the Wazo account cannot log in
	PauseNoRoom     Pause = "no_room"    // the Wazo room is gone
	PauseNoReader   Pause = "no_reader"  // nobody who is a member of the Wazo room is logged in, and the relay account is not one
	PauseConflict   Pause = "conflict"   // Wazo refuses messages in this room
	PauseForbidden  Pause = "forbidden"  // the bot may not speak in the Matrix room
	PauseRemoved    Pause = "removed"    // the bot is not in the Matrix room
	PauseOpened     Pause = "opened"     // strangers can read the Matrix room and no admin accepted that
)

// allPauses are all reasons.
var allPauses = []Pause{PausePermission, PauseLogin, PauseNoRoom, PauseNoReader, PauseConflict, PauseForbidden, PauseRemoved, PauseOpened}

// Why is what people are told.
func (p Pause) Why() words.Why {
	switch p {
	case PausePermission:
		return words.WhyNoPermission
	case PauseLogin:
		return words.WhyLogin
	case PauseNoRoom:
		return words.WhyNoRoomOnWazo
	case PauseNoReader:
		return words.WhyNoReader
	case PauseConflict:
		return words.WhyConflict
	case PauseForbidden:
		return words.WhyForbidden
	case PauseRemoved:
		return words.WhyRemoved
	case PauseOpened:
		return words.WhyOpened
	default:
		return words.Why(p)
	}
}

// isMatrix reports whether the reason is on the Matrix side.
func (p Pause) isMatrix() bool { return p == PauseForbidden || p == PauseRemoved || p == PauseOpened }

// isRetried reports whether a delivery tells that the reason is gone. The others end by what the bot sees in the room,
// or when the history can be read.
func isRetried(p *db.Pause) bool { return p.Direction == db.ToWazo || p.Direction == db.ToMatrix }

// pauseOf is a reason why a portal does not relay in a direction ("": both).
func pauseOf(portal *db.Portal, reason Pause, direction db.Direction) *db.Pause {
	return &db.Pause{PortalID: portal.ID, Reason: string(reason), Direction: direction}
}

// pauses stops and resumes portals.
type pauses struct {
	*Relay
	retries *exsync.Set[job] // paused queues that try one delivery all the same
}

// begin stops a portal in a direction ("": both) until the reason is gone, with one notice: in the room, or to the
// person who linked it if the bot may not speak there.
func (p *pauses) begin(ctx context.Context, portal *db.Portal, reason Pause, direction db.Direction) error {
	return p.db.DoTxn(ctx, func(ctx context.Context) error {
		silenced, err := p.isSilenced(ctx, portal)
		if err != nil {
			return err
		}
		isNew, err := p.db.Pause.Insert(ctx, pauseOf(portal, reason, direction))
		if err != nil || !isNew {
			return err
		}
		logChange(ctx, p.log, portal, func(line *zerolog.Event) {
			line.Str("reason", string(reason)).Str("direction", string(direction)).Msg("Paused a room")
		})
		switch {
		case !reason.silences():
			return p.Say(ctx, portal.MatrixRoom, p.texts.Paused(p.texts.Why(reason.Why())), "")
		case silenced:
			return nil // who linked it knows already
		default:
			return p.SayToOwners(ctx, portal, p.texts.CannotSpeakInRoom(portal.MatrixRoom.String(), portal.Title, p.texts.Why(reason.Why())))
		}
	})
}

// silences reports whether the bot cannot say in the room itself that it is paused for this reason.
func (p Pause) silences() bool { return p == PauseForbidden || p == PauseRemoved }

// isSilenced reports whether a portal is paused for a reason that silences the bot.
func (r *Relay) isSilenced(ctx context.Context, portal *db.Portal) (bool, error) {
	all, err := r.db.Pause.Of(ctx, portal.ID)
	return slices.ContainsFunc(all, func(p *db.Pause) bool { return Pause(p.Reason).silences() }), err
}

// end takes reasons away. When the last one is gone the portal goes on, with one notice.
func (p *pauses) end(ctx context.Context, portal *db.Portal, reasons ...*db.Pause) error {
	return p.db.DoTxn(ctx, func(ctx context.Context) error {
		ended := false
		for _, reason := range reasons {
			gone, err := p.db.Pause.Delete(ctx, reason)
			if err != nil {
				return err
			}
			ended = ended || gone
		}
		left, err := p.db.Pause.Of(ctx, portal.ID)
		if err != nil || !ended {
			return err
		}
		db.AfterCommit(ctx, func() { p.wakePortal(portal.ID) })
		if len(left) > 0 {
			return nil
		}
		logChange(ctx, p.log, portal, func(line *zerolog.Event) { line.Msg("A room that was paused goes on") })
		return p.Say(ctx, portal.MatrixRoom, p.texts.GoesOn(), "")
	})
}

// of returns what stops a queue.
func (p *pauses) of(ctx context.Context, queue db.QueueKey) (active []*db.Pause, err error) {
	all, err := p.db.Pause.Of(ctx, queue.PortalID)
	if err != nil {
		return nil, fmt.Errorf("failed to read why a portal is paused: %w", err)
	}
	for _, pause := range all {
		if pause.Stops(queue.Direction) {
			active = append(active, pause)
		}
	}
	return active, nil
}

// errMayNotSend says that a portal was paused, moved or ended while a message waited for its turn to be sent.
var errMayNotSend = errors.New("the portal is paused, or does not lead to this room any more")

// checkMaySend returns errMayNotSend if a portal, as it was read before, may not relay to its Matrix room any more: the
// room was opened to strangers, the bot removed, the room upgraded, or the link ended.
func (p *pauses) checkMaySend(ctx context.Context, read *db.Portal) error {
	portal, err := p.db.Portal.ByID(ctx, read.ID)
	if err != nil {
		return err
	} else if portal == nil || portal.MatrixRoom != read.MatrixRoom {
		return errMayNotSend
	}
	active, err := p.of(ctx, db.QueueKey{PortalID: read.ID, Direction: db.ToMatrix})
	if err != nil {
		return err
	}
	for _, pause := range active {
		if !isRetried(pause) {
			return errMayNotSend
		}
	}
	return nil
}

// claimTry reports whether a queue may try one delivery: it is not paused, or it was asked to find out whether what
// paused it is repaired. This uses up that it was asked.
func (p *pauses) claimTry(j job, pauses []*db.Pause) bool {
	asked := p.retries.Pop(j)
	for _, pause := range pauses {
		if !asked || !isRetried(pause) {
			return false
		}
	}
	return true
}

// retryAll lets paused portals try one delivery: what was repaired goes on by itself. It also looks whether somebody
// can read again what nobody could.
func (p *pauses) retryAll(ctx context.Context) {
	p.retryWhere(ctx, func(pause *db.Pause) bool {
		if Pause(pause.Reason) == PauseNoReader {
			p.tasks.Wake(portalJob(jobCatchUp, pause.PortalID))
		}
		return true
	})
}

// retryOnWazo is retryAll for what paused because of Wazo. It also has the history tried again. Unlike a delivery to
// Matrix, this does not count against a rate limit, so that it may be done often.
func (p *pauses) retryOnWazo(ctx context.Context) {
	p.retryWhere(ctx, func(pause *db.Pause) bool {
		if pause.Direction == db.Reading {
			p.tasks.Wake(portalJob(jobCatchUp, pause.PortalID))
		}
		return !Pause(pause.Reason).isMatrix()
	})
}

// retryOnMatrix lets a portal try one delivery to Matrix at once: perhaps the bot may speak in the room again.
func (p *pauses) retryOnMatrix(portalID int64) {
	j := portalJob(jobToMatrix, portalID)
	p.retries.Add(j)
	p.tasks.Wake(j)
}

func (p *pauses) retryWhere(ctx context.Context, fits func(*db.Pause) bool) {
	pauses, err := p.db.Pause.All(ctx)
	if err != nil {
		if ctx.Err() == nil {
			p.log.Err(err).Msg("Failed to look for paused portals")
		}
		return
	}
	for _, pause := range slices.DeleteFunc(pauses, func(pause *db.Pause) bool { return !fits(pause) }) {
		for _, direction := range []db.Direction{db.ToWazo, db.ToMatrix} {
			if j := queueJob(db.QueueKey{PortalID: pause.PortalID, Direction: direction}); pause.Stops(direction) && isRetried(pause) {
				p.retries.Add(j)
				p.tasks.Wake(j)
			}
		}
	}
}

// Removed notes that the bot is not in a portal's Matrix room any more, and tells who linked it.
func (r *Relay) Removed(ctx context.Context, room id.RoomID) error {
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
		if err != nil || portal == nil {
			return err
		} else if portal.IsOpened() { // the next message on Wazo opens another room
			if err = r.conversations.changed(ctx, portal.ID); err != nil {
				return err
			}
			return r.db.PortalMember.LeaveAll(ctx, portal.ID)
		}
		silenced, err := r.isSilenced(ctx, portal)
		if err != nil {
			return err
		}
		isNew, err := r.db.Pause.Insert(ctx, pauseOf(portal, PauseRemoved, ""))
		if err != nil || !isNew || silenced {
			return err
		}
		return r.SayTo(ctx, portal.LinkedBy, r.texts.RemovedFromRoom(room.String(), portal.Title))
	})
}

// Rejoined notes that the bot is in a portal's Matrix room again. It reports whether the room has a portal.
func (r *Relay) Rejoined(ctx context.Context, room id.RoomID) (bool, error) {
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil || portal == nil {
		return false, err
	}
	return true, r.pauses.end(ctx, portal, pauseOf(portal, PauseRemoved, ""), pauseOf(portal, PauseRemoved, db.ToMatrix), pauseOf(portal, PauseForbidden, db.ToMatrix))
}

// AccessChanged notes whether strangers can read a portal's Matrix room: for a reason in words, or not if that is "".
func (r *Relay) AccessChanged(ctx context.Context, room id.RoomID, why string) error {
	return r.db.DoTxn(ctx, func(ctx context.Context) error {
		portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
		if err != nil || portal == nil {
			return err
		} else if why == "" {
			return r.pauses.end(ctx, portal, pauseOf(portal, PauseOpened, ""))
		} else if portal.Public {
			return nil
		}
		isNew, err := r.db.Pause.Insert(ctx, pauseOf(portal, PauseOpened, ""))
		if err != nil || !isNew {
			return err
		}
		return r.Say(ctx, room, r.texts.RoomWasOpened(why), "")
	})
}

// AcceptOpen notes that an admin accepts that strangers read a portal's Matrix room. It reports false if there is no
// portal.
func (r *Relay) AcceptOpen(ctx context.Context, room id.RoomID) (bool, error) {
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil || portal == nil {
		return false, err
	}
	return true, r.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := r.db.Portal.SetPublic(ctx, portal.ID, true); err != nil {
			return err
		}
		return r.pauses.end(ctx, portal, pauseOf(portal, PauseOpened, ""))
	})
}
