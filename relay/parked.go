package relay

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Retry lets what is parked in a room's portal be tried again, and what paused it be found out anew. It returns how many
// messages were parked, and a *UserError if the room has no portal.
func (r *Relay) Retry(ctx context.Context, room id.RoomID) (parked int, err error) {
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		portal, rows, err := r.parked(ctx, room)
		if err != nil {
			return err
		}
		parked = len(rows)
		for _, j := range []job{jobToWazo, jobToMatrix} {
			r.retries.Add(task{j, portal.ID})
		}
		db.AfterCommit(ctx, func() {
			r.kickPortal(portal.ID)
			r.workers.wake()
		})
		return r.db.Queue.RetryParked(ctx, portal.ID, time.Now().UnixMilli())
	})
	return parked, err
}

// Drop gives up what is parked in a room's portal. It returns how many messages that were, and a *UserError if the room
// has no portal.
func (r *Relay) Drop(ctx context.Context, room id.RoomID) (parked int, err error) {
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		_, rows, err := r.parked(ctx, room)
		if err != nil {
			return err
		}
		parked = len(rows)
		for _, row := range rows {
			if row.Direction == db.ToMatrix {
				err = r.recordNothing(ctx, row)
			} else {
				err = r.db.Queue.Delete(ctx, row.ID)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return parked, err
}

func (r *Relay) parked(ctx context.Context, room id.RoomID) (*db.Portal, []*db.Row, error) {
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil {
		return nil, nil, err
	} else if portal == nil {
		return nil, nil, refuse(words.NotLinked(r.cfg.CommandPrefix))
	}
	rows, err := r.db.Queue.Parked(ctx, portal.ID)
	return portal, rows, err
}
