package relay

import (
	"context"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// This file stores what was delivered: the mapping of the message, and that its row has left the queue, in one
// transaction.

// recordTxn returns how the transaction is run that records the delivery of a row. If it is lost in a power cut, the
// row is still attempted, and its message is looked for. So it waits for the disk only if it also marks another row as
// attempted, or if the row is one of the relay's own messages, by which a link starts.
func (r *Relay) recordTxn(row *db.Row, marksNext bool) func(context.Context, func(context.Context) error) error {
	if marksNext || row.Kind != db.KindMessage {
		return r.db.DoTxn
	}
	return r.db.DoTxnWithoutSync
}

// recordToMatrix stores, within a transaction, that a part is delivered as an event. The row leaves with its last part.
// A part that is recorded already is left alone.
func (r *Relay) recordToMatrix(ctx context.Context, row *db.Row, part int, eventID id.EventID) error {
	recorded, err := r.db.Queue.FinishPart(ctx, row, part)
	if err != nil || !recorded || row.Kind == db.KindLinked {
		return err
	}
	if row.HasRequest() && part+1 >= row.Parts {
		r.counts.delivered(ctx, row, eventID.String())
	}
	r.wazoRelations.delivered(ctx, row.PortalID, wazoapi.UUID(row.SourceID))
	err = r.db.Message.Insert(ctx, &db.Message{
		PortalID: row.PortalID, WazoUUID: row.SourceID, Part: part, EventID: eventID, Author: row.Author,
		CreatedAt: jsontime.UMicroInt(row.Position), RelayedAt: jsontime.UM(time.Now()),
	})
	if err != nil || part > 0 {
		return err
	}
	return r.followShownTextMessage(ctx, row, eventID)
}

// recordMerged stores, within a transaction, that an event shows several messages of Wazo. Their rows leave. A message
// whose row is gone is left alone.
func (r *Relay) recordMerged(ctx context.Context, portalID int64, uuids []wazoapi.UUID, eventID id.EventID) error {
	for _, uuid := range uuids {
		row, err := r.releaseRow(ctx, portalID, string(uuid))
		if err != nil {
			return err
		} else if row == nil {
			continue
		} else if _, err = r.db.Queue.Delete(ctx, row.ID); err != nil {
			return err
		}
		r.counts.delivered(ctx, row, eventID.String())
		r.wazoRelations.delivered(ctx, portalID, uuid)
		err = r.db.Message.Insert(ctx, &db.Message{
			PortalID: portalID, WazoUUID: row.SourceID, EventID: eventID, Author: row.Author,
			CreatedAt: jsontime.UMicroInt(row.Position), RelayedAt: jsontime.UM(time.Now()),
		})
		if err == nil {
			err = r.followShownTextMessage(ctx, row, eventID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// releaseRow undoes a merge that the row of a message takes part in: the message has arrived on Matrix, so that the
// request of the merge must not be sent (again). It returns the row, nil if there is none.
func (r *Relay) releaseRow(ctx context.Context, portalID int64, sourceID string) (*db.Row, error) {
	row, err := r.db.Queue.BySource(ctx, portalID, db.ToMatrix, sourceID)
	if err != nil || row == nil {
		return nil, err
	}
	lead := row.MergedInto
	if lead == 0 {
		merged, err := r.db.Queue.IsMerged(ctx, row.ID)
		if err != nil || !merged {
			return row, err
		}
		lead = row.ID
	}
	if err = r.db.Queue.Unmerge(ctx, lead); err != nil {
		return nil, err
	}
	return r.db.Queue.ByID(ctx, row.ID)
}

// recordNothing stores, within a transaction, that nothing is shown of a message, so that history does not bring it
// again. The outcome says why.
func (r *Relay) recordNothing(ctx context.Context, row *db.Row, outcome Outcome) error {
	if there, err := r.db.Queue.Delete(ctx, row.ID); err != nil || !there {
		return err
	}
	r.counts.finished(ctx, row, outcome)
	return r.db.Message.Insert(ctx, &db.Message{
		PortalID: row.PortalID, WazoUUID: row.SourceID, Author: row.Author,
		CreatedAt: jsontime.UMicroInt(row.Position), RelayedAt: jsontime.UM(time.Now()),
	})
}

// recordEcho stores, within a transaction, a delivery that is seen before the answer to its request, or without it. If
// nothing here knows of the delivery, the database is an older one that was restored.
func (a *matrixAccept) recordEcho(ctx context.Context, tag Tag, eventID id.EventID) error {
	if len(tag.Also) > 0 {
		if err := a.recordMerged(ctx, a.portal.ID, tag.UUIDs(), eventID); err != nil {
			return err
		}
		for _, uuid := range tag.UUIDs() {
			if err := a.recordUnknown(ctx, uuid, 0, eventID); err != nil {
				return err
			}
		}
		return nil
	}
	row, err := a.releaseRow(ctx, a.portal.ID, string(tag.UUID))
	if err != nil {
		return err
	} else if row != nil {
		return a.recordToMatrix(ctx, row, tag.Part, eventID)
	}
	return a.recordUnknown(ctx, tag.UUID, tag.Part, eventID)
}

// recordUnknown stores, within a transaction, the mapping of a message that has no row, unless there is one.
func (a *matrixAccept) recordUnknown(ctx context.Context, uuid wazoapi.UUID, part int, eventID id.EventID) error {
	return a.db.Message.Insert(ctx, &db.Message{
		PortalID: a.portal.ID, WazoUUID: string(uuid), Part: part, EventID: eventID, Author: a.matrix.UserID().String(), RelayedAt: jsontime.UM(time.Now()),
	})
}

// recordLinked stores, within a transaction, that the "Linked" notice was delivered.
func (a *matrixAccept) recordLinked(ctx context.Context, eventID id.EventID) error {
	row, err := a.db.Queue.BySource(ctx, a.portal.ID, db.ToMatrix, linkedSource)
	if err != nil || row == nil {
		return err
	}
	return a.recordToMatrix(ctx, row, 0, eventID)
}

// recordToWazo stores that the row is delivered as a message. It does nothing with a row that left the queue meanwhile:
// then the link ended. The next delivery, if it is ready, is marked as attempted.
func (d *wazoDelivery) recordToWazo(ctx context.Context, request *wazoRequest, message wazoapi.Message, next *wazoDelivery) error {
	marked := false
	err := d.record(ctx, d.recordTxn(d.row, next != nil), request, message, func(ctx context.Context) (err error) {
		marked, err = d.markNext(ctx, next)
		return err
	})
	if err == nil && marked {
		d.next = next
	}
	return err
}

// recordFound is recordToWazo for a message that was found on Wazo. A file that it links to is given if it is not
// stored yet.
func (d *wazoDelivery) recordFound(ctx context.Context, request *wazoRequest, message wazoapi.Message) error {
	return d.record(ctx, d.db.DoTxn, request, message, func(ctx context.Context) error {
		if request.media != nil {
			if err := d.db.Media.Put(ctx, request.media); err != nil {
				return err
			}
		}
		return d.db.Orphan.Found(ctx, d.portal.ID, string(message.UUID), id.EventID(d.row.SourceID), d.row.Author)
	})
}

// record stores, in a transaction that doTxn runs, that the row is delivered as a message.
func (d *wazoDelivery) record(ctx context.Context, doTxn func(context.Context, func(context.Context) error) error, request *wazoRequest, message wazoapi.Message, also func(context.Context) error) error {
	there, row, portal := false, d.row, d.portal
	err := doTxn(ctx, func(ctx context.Context) (err error) {
		if err = d.recordOtherRows(ctx, request, message); err != nil {
			return err
		} else if there, err = d.db.Queue.Delete(ctx, row.ID); err != nil || !there {
			return err
		} else if row.Kind == db.KindIntroduction {
			return d.startOnWazo(ctx, portal, jsontime.UMicro(message.CreatedAt))
		}
		err = d.db.Message.Insert(ctx, &db.Message{
			PortalID: portal.ID, WazoUUID: string(message.UUID), EventID: id.EventID(row.SourceID), Author: row.Author,
			CreatedAt: jsontime.UMicro(message.CreatedAt), RelayedAt: jsontime.UM(time.Now()),
		})
		d.counts.delivered(ctx, row, message.UUID.String())
		if err != nil {
			return err
		} else if err = d.db.Queue.DropEcho(ctx, portal.ID, string(message.UUID)); err != nil {
			return err // what the sender's own account has posted is not shown on Matrix
		} else if err = d.tellPoster(ctx, request); err != nil {
			return err
		}
		if err = d.recordRelations(ctx, request, message); err != nil {
			return err
		} else if err = d.recordTextMessage(ctx, message); err != nil {
			return err
		}
		return also(ctx)
	})
	switch {
	case err != nil:
		return fmt.Errorf("failed to record the delivery of %s: %w", row.SourceID, err)
	case row.Kind == db.KindMessage:
		d.wazoRelations.delivered(ctx, portal.ID, message.UUID)
		if d.outside == nil { // a text message is only on its way, see tellStatus
			d.matrix.MarkRead(portal.MatrixRoom, id.EventID(row.SourceID))
		}
	case !there: // unlinked while people on Wazo were being told of the link
		portal.StartedOnWazo = jsontime.UMicro(message.CreatedAt)
		d.sayGoodbye(portal)
	default:
		d.tasks.Wake(portalJob(jobCatchUp, portal.ID))
		d.tasks.Wake(portalJob(jobToMatrix, portal.ID))
	}
	return nil
}

// recordRelations stores, within a transaction, what later messages have to know of a request that was carried out as a
// message, and what the plugin for reactions and replies has to do for it.
func (d *wazoDelivery) recordRelations(ctx context.Context, request *wazoRequest, message wazoapi.Message) error {
	for _, once := range request.Once {
		if _, err := d.db.SaidOnce.Add(ctx, d.portal.ID, once.Kind, once.Name); err != nil {
			return err
		}
	}
	if err := d.recordReactions(ctx, request.Reactions); err != nil {
		return err
	}
	if request.Parent != "" {
		if err := d.natives.owe(ctx, d.portal.ID, request.Account, message.UUID, request.Parent); err != nil {
			return err
		}
	}
	if request.Edits == "" {
		return nil
	}
	// Anybody may send an event that says to edit another one. What somebody else makes of a message is not what its
	// author says.
	edited, err := d.db.Message.ByEvent(ctx, d.portal.ID, request.Edits)
	if err != nil || edited == nil || edited.Author != d.row.Author {
		return err
	}
	return d.db.LastEdit.Set(ctx, d.portal.ID, request.Edits, id.EventID(d.row.SourceID))
}

// tellPoster tells the sender, once and within a transaction, if another account than theirs has posted a message. It
// may tell them again after their own account has posted one.
func (d *wazoDelivery) tellPoster(ctx context.Context, request *wazoRequest) error {
	sender := id.UserID(d.row.Author)
	if request.isOwn() {
		return d.db.Told.TellAnew(ctx, sender, d.portal.ID)
	} else if request.Instead == "" || request.Instead == insteadRefused {
		return nil
	}
	first, err := d.db.Told.Tell(ctx, sender, d.portal.ID, string(request.Instead))
	if err != nil || !first {
		return err
	}
	return d.SayTo(ctx, sender, d.texts.PostedInstead(d.portal.MatrixRoom.String(), d.portal.Title, request.Instead))
}
