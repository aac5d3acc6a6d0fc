package relay

import (
	"context"
	"encoding/json"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Retry lets what is parked in a room's portal be tried again, what waits for a key be decrypted if that is there by now, and
// what paused the portal be found out anew. It returns how many messages were parked or wait for a key, and a *UserError if
// the room has no portal.
func (r *Relay) Retry(ctx context.Context, room id.RoomID) (tried int, err error) {
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		portal, rows, err := r.setAside(ctx, room)
		if err != nil {
			return err
		}
		tried = len(rows)
		for _, j := range []job{jobToWazo, jobToMatrix} {
			r.retries.Add(portalTask(j, portal.ID))
		}
		db.AfterCommit(ctx, func() {
			r.kickPortal(portal.ID)
			r.workers.wake()
			r.retryKeys(rows)
		})
		return r.db.Queue.RetryParked(ctx, portal.ID, time.Now().UnixMilli())
	})
	return tried, err
}

// retryKeys tries to decrypt what waits for a key, and asks for the keys again: a person may have changed what kept them
// away.
func (r *Relay) retryKeys(rows []*db.Row) {
	asked := make(map[string]bool)
	for _, row := range rows {
		evt := &event.Event{}
		if row.State != db.StateWaiting || asked[row.Session] || json.Unmarshal([]byte(row.Payload), evt) != nil {
			continue
		}
		asked[row.Session] = true
		r.KeyCame(id.SessionID(row.Session))
		r.requestKey(evt)
	}
}

// Drop gives up what is parked in a room's portal or waits for a key. It returns how many messages that were, and a
// *UserError if the room has no portal.
func (r *Relay) Drop(ctx context.Context, room id.RoomID) (dropped int, err error) {
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		_, rows, err := r.setAside(ctx, room)
		if err != nil {
			return err
		}
		dropped = len(rows)
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
	return dropped, err
}

func (r *Relay) setAside(ctx context.Context, room id.RoomID) (*db.Portal, []*db.Row, error) {
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil {
		return nil, nil, err
	} else if portal == nil {
		return nil, nil, refuse(words.NotLinked(r.cfg.CommandPrefix))
	}
	rows, err := r.db.Queue.SetAside(ctx, portal.ID)
	return portal, rows, err
}
