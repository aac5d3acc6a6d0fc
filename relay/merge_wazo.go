package relay

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// A message on Wazo may show several rows: reactions. As on the way to Matrix, the first of their rows carries the
// request, and the others are merged into it until they leave together (merge.go).

// markMerged stores a request that shows several rows before it is sent. It reports false if one of the rows is not
// what was read any more.
func (d *wazoDelivery) markMerged(ctx context.Context, also []*db.Row, request string) (bool, error) {
	err := d.db.Queue.MarkMerged(ctx, d.row, also, request, jsontime.UM(time.Now()))
	if errors.Is(err, db.ErrRowChanged) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	d.row.Parts = 1
	return true, nil
}

// recordOtherRows stores, within a transaction, that a message shows the other rows of a request, too. They leave the
// queue.
func (d *wazoDelivery) recordOtherRows(ctx context.Context, request *wazoRequest, message wazoapi.Message) error {
	rows := request.also
	if rows == nil && !request.isNew() {
		var err error
		if rows, err = d.db.Queue.Merged(ctx, d.row.ID); err != nil {
			return err
		}
	}
	for i, row := range rows {
		if there, err := d.db.Queue.Delete(ctx, row.ID); err != nil {
			return err
		} else if !there {
			continue
		}
		d.counts.delivered(ctx, row, message.UUID.String())
		err := d.db.Message.Insert(ctx, &db.Message{
			PortalID: d.portal.ID, WazoUUID: string(message.UUID), Part: i + 1, EventID: id.EventID(row.SourceID), Author: row.Author,
			CreatedAt: jsontime.UMicro(message.CreatedAt), RelayedAt: jsontime.UM(time.Now()),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// undoMerge undoes the merge of a row whose request was refused, or whose event was taken back, after it is certain
// that the request was not carried out. It reports false if the row is not that of such a merge.
func (d *wazoDelivery) undoMerge(ctx context.Context) (result outcome, done bool, err error) {
	if !d.row.HasRequest() || !d.row.Alone && !isTakenBack(d.row) {
		return 0, false, nil
	} else if merged, err := d.db.Queue.IsMerged(ctx, d.row.ID); err != nil || !merged {
		return 0, false, err
	}
	if d.row.State == db.StateAttempted {
		request, err := d.storedRequest(ctx)
		if err != nil {
			return 0, false, err
		}
		if found, looked, err := d.findOnWazo(ctx, request); err != nil || !looked {
			return outcomeStopped, true, err
		} else if found != nil {
			return outcomeDelivered, true, d.recordFound(ctx, request, *found)
		}
	}
	return outcomeChanged, true, d.db.Queue.Unmerge(ctx, d.row.ID)
}
