package relay

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Status returns what the relay knows of a room's portal and of Wazo. The Matrix side adds its own part.
func (r *Relay) Status(ctx context.Context, room id.RoomID) (status words.Status, err error) {
	health, err := r.healthOf(ctx, room, r.texts)
	if err != nil {
		return status, err
	}
	status.MatrixTrouble, status.WazoTrouble, status.RelayTrouble = health.Matrix.Why, health.Wazo.Why, health.Relay.Why
	if r.account != nil {
		status.WazoUser = r.account.row.Username
	}
	status.WazoNote = health.Wazo.Note
	if last := r.LastSync(); !last.IsZero() {
		status.LastSync = time.Since(last)
	}
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil || portal == nil {
		return status, err
	}
	counts, err := r.db.Queue.Counts(ctx, portal.ID)
	if err != nil {
		return status, err
	}
	status.Title, status.WazoRoom = portal.Title, portal.WazoRoom
	status.LinkedBy, status.LastError = portal.LinkedBy.String(), portal.LastError
	if acc := r.readers.of(portal); acc != nil {
		status.Reader = acc.row.MatrixUser.String()
	}
	status.WazoVerified = r.readers.isVerified(portal)
	status.ToWazo, status.ToMatrix = counts[db.ToWazo].Pending, counts[db.ToMatrix].Pending
	now := time.Now()
	status.WaitsToWazo = r.waits.of(db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo}, now)
	status.WaitsToMatrix = r.waits.of(db.QueueKey{PortalID: portal.ID, Direction: db.ToMatrix}, now)
	status.Waiting = counts[db.ToWazo].Waiting
	status.Parked = counts[db.ToWazo].Parked + counts[db.ToMatrix].Parked
	pauses, err := r.db.Pause.Of(ctx, portal.ID)
	for _, pause := range pauses {
		status.Paused = append(status.Paused, Pause(pause.Reason).Why())
	}
	return status, err
}

// EventsFlow reports whether a connection for events of Wazo is open, or nobody needs one.
func (r *Relay) EventsFlow() bool { return r.readers.eventsFlow() }
