package relay

import (
	"context"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// Retry tries again what is parked in a room's portal, tries to decrypt what waits for a key, and finds out whether
// what paused the portal is repaired. It returns how many messages were parked or wait for a key, and a *UserError if
// the room has no portal.
func (r *Relay) Retry(ctx context.Context, room id.RoomID) (tried int, err error) {
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		portal, rows, err := r.blockedRows(ctx, room)
		if err != nil {
			return err
		}
		tried = len(rows)
		for _, kind := range []jobKind{jobToWazo, jobToMatrix} {
			r.pauses.retries.Add(portalJob(kind, portal.ID))
		}
		db.AfterCommit(ctx, func() {
			r.wakePortal(portal.ID)
			r.tasks.EndPauses()
			r.lateKeys.retry(rows)
		})
		return r.db.Queue.RetryParked(ctx, portal.ID, jsontime.UM(time.Now()))
	})
	return tried, err
}

// Drop removes the messages that are parked in a room's portal or wait for a key. It returns how many there were, and a
// *UserError if the room has no portal.
func (r *Relay) Drop(ctx context.Context, room id.RoomID) (dropped int, err error) {
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		_, rows, err := r.blockedRows(ctx, room)
		if err != nil {
			return err
		}
		dropped = len(rows)
		for _, row := range rows {
			if row.Direction == db.ToMatrix {
				err = r.recordNothing(ctx, row, OutcomeDropped)
			} else {
				_, err = r.db.Queue.Delete(ctx, row.ID)
				r.counts.finished(ctx, row, OutcomeDropped)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return dropped, err
}

func (r *Relay) blockedRows(ctx context.Context, room id.RoomID) (*db.Portal, []*db.Row, error) {
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil {
		return nil, nil, err
	} else if portal == nil {
		return nil, nil, refuse(r.texts.NotLinked())
	}
	rows, err := r.db.Queue.Blocked(ctx, portal.ID)
	return portal, rows, err
}
