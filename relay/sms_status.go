package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// This file follows text messages until they are delivered. Wazo's answer to a post only says that a text message is on
// its way. Its author hears of the rest by events, which may come before the message itself, and after a reconnect it
// is read from the history.

var _ wazoapi.OutsideHandler = (*reader)(nil)

// statusOrder are the statuses in the order in which they may follow each other. Nothing follows the last ones, but
// DeliveryDelivered may follow a failure.
var statusOrder = map[wazoapi.DeliveryStatus]int{
	wazoapi.DeliveryPending: 1, wazoapi.DeliveryRetrying: 2, wazoapi.DeliveryAccepted: 3, wazoapi.DeliverySent: 4,
	wazoapi.DeliveryFailed: 5, wazoapi.DeliveryDeadLetter: 5, wazoapi.DeliveryDelivered: 6,
}

// statusKept is how long the status of a message is kept that is not known. Until then somebody has joined the room
// that shows the first text message of a conversation.
const statusKept = 24 * time.Hour

// statusLife is how long a text message is followed.
const statusLife = 7 * 24 * time.Hour

// DeliveryChanged implements wazoapi.OutsideHandler.
func (r *reader) DeliveryChanged(ctx context.Context, change wazoapi.DeliveryChange) error {
	return r.db.DoTxn(ctx, func(ctx context.Context) error { return r.noteStatus(ctx, change.Message, change.Status) })
}

// noteStatus stores, within a transaction, the status of a text message, and tells its sender.
func (r *Relay) noteStatus(ctx context.Context, message wazoapi.UUID, status wazoapi.DeliveryStatus) error {
	known, err := r.db.TextMessage.Get(ctx, string(message))
	if err != nil {
		return err
	} else if known == nil {
		known = &db.TextMessage{WazoUUID: string(message)}
	} else if statusOrder[status] <= statusOrder[wazoapi.DeliveryStatus(known.Status)] {
		return nil
	}
	was := known.Status
	known.Status, known.NotedAt = string(status), jsontime.UM(time.Now())
	return r.putTextMessage(ctx, known, wazoapi.DeliveryStatus(was))
}

// recordTextMessage stores, within a transaction, that a message was sent to somebody outside Wazo. Its status may be
// known already.
func (d *wazoDelivery) recordTextMessage(ctx context.Context, message wazoapi.Message) error {
	if d.outside == nil {
		return nil
	} else if message.Delivery.Type == "" { // it was found here, and not on Wazo
		d.lookForStatus(ctx, d.portal, time.Time{})
	}
	return d.followTextMessage(ctx, d.portal.ID, id.EventID(d.row.SourceID), message)
}

// lookForStatus has the statuses of a portal's text messages read again, after the transaction that ctx carries, if
// what is known of one of them is older than the connection that would have brought the rest.
func (r *Relay) lookForStatus(ctx context.Context, portal *db.Portal, known time.Time) {
	if acc := r.readers.of(portal); acc == nil || !known.Before(acc.stream().since.load()) {
		return
	}
	db.AfterCommit(ctx, func() {
		r.oldStatuses.Add(portal.ID)
		r.tasks.Wake(portalJob(jobCatchUp, portal.ID))
	})
}

// readOldStatuses reads again what has become of the text messages of a portal, if lookForStatus has asked for that.
func (r *reader) readOldStatuses(ctx context.Context, portal *db.Portal) error {
	if !r.oldStatuses.Pop(portal.ID) {
		return nil
	}
	err := r.readStatuses(ctx, portal)
	if err != nil {
		r.oldStatuses.Add(portal.ID)
	}
	return err
}

// followShownTextMessage follows, within a transaction, a text message that was not written in the Matrix room whose event shows
// it: the first one of a conversation, which a command has sent, or one that was written in an app of Wazo. A failure
// is told at that event.
func (r *Relay) followShownTextMessage(ctx context.Context, row *db.Row, eventID id.EventID) error {
	var message wazoapi.Message
	if r.accounts.byUUID(wazoapi.UUID(row.Author)) == nil || json.Unmarshal([]byte(row.Payload), &message) != nil {
		return nil
	} else if message.Delivery.Type == "" || time.Since(message.CreatedAt) > statusKept {
		return nil
	}
	portal, err := r.db.Portal.ByID(ctx, row.PortalID)
	if err != nil || portal == nil {
		return err
	} else if outside, err := r.outsideOf(ctx, portal); err != nil || outside == nil {
		return err
	}
	r.lookForStatus(ctx, portal, row.AcceptedAt.Time)
	return r.followTextMessage(ctx, row.PortalID, eventID, message)
}

// followTextMessage stores, within a transaction, which event stands for a text message, and tells what is known of it.
func (r *Relay) followTextMessage(ctx context.Context, portalID int64, eventID id.EventID, message wazoapi.Message) error {
	status := message.Delivery.Status
	if status == "" {
		status = wazoapi.DeliveryPending
	}
	sent := &db.TextMessage{
		WazoUUID: string(message.UUID), PortalID: portalID, EventID: eventID, Status: string(status),
		CreatedAt: jsontime.UMicro(message.CreatedAt), NotedAt: jsontime.UM(time.Now()),
	}
	known, err := r.db.TextMessage.Get(ctx, sent.WazoUUID)
	if err != nil {
		return err
	} else if known != nil {
		sent.Told = known.Told
		if statusOrder[wazoapi.DeliveryStatus(known.Status)] > statusOrder[status] {
			sent.Status = known.Status
		}
	}
	return r.putTextMessage(ctx, sent, "")
}

// putTextMessage stores, within a transaction, what is known of a text message, and tells its sender if that is news.
// was is the status that the sender could see, empty if the message was not known.
func (r *Relay) putTextMessage(ctx context.Context, m *db.TextMessage, was wazoapi.DeliveryStatus) error {
	if m.PortalID != 0 {
		portal, err := r.db.Portal.ByID(ctx, m.PortalID)
		if err != nil || portal == nil {
			return err
		} else if err = r.tellStatus(ctx, portal, m, was); err != nil {
			return err
		}
	}
	if err := r.db.TextMessage.Put(ctx, m); err != nil {
		return fmt.Errorf("failed to store the status of a text message: %w", err)
	}
	return nil
}

// tellStatus shows, within a transaction, what has become of a text message: by a read receipt when it has left Wazo,
// and in words when it has not. It is told once that Wazo tries again. There is one receipt: what comes after it says
// the same, and would take back the receipt of a newer message.
func (r *Relay) tellStatus(ctx context.Context, portal *db.Portal, m *db.TextMessage, was wazoapi.DeliveryStatus) error {
	status := wazoapi.DeliveryStatus(m.Status)
	hadFailed := wazoapi.DeliveryStatus(m.Told).IsFailure()
	var notice string
	switch {
	case m.Told == m.Status:
		return nil
	case status.IsSuccess() && was.IsSuccess():
		return nil
	case status.IsSuccess():
		// What the bot shows of Wazo is read in any case, and a receipt there would mark what was written before it.
		if shown, err := r.db.Message.ByEvent(ctx, portal.ID, m.EventID); err != nil {
			return err
		} else if shown == nil || shown.IsFromMatrix() {
			db.AfterCommit(ctx, func() { r.matrix.MarkRead(portal.MatrixRoom, m.EventID) })
		}
		if !hadFailed {
			return nil
		}
		notice = r.texts.TextMessageArrived()
	case status.IsFailure():
		notice = r.texts.TextMessageFailed()
	case status == wazoapi.DeliveryRetrying:
		notice = r.texts.TextMessageRetried()
	default:
		return nil
	}
	m.Told = m.Status
	return r.Say(ctx, portal.MatrixRoom, notice, m.EventID)
}

// readStatuses reads again what has become of the text messages of a portal whose status may have changed while nobody
// listened.
func (r *reader) readStatuses(ctx context.Context, portal *db.Portal) error {
	open, err := r.db.TextMessage.Open(ctx, portal.ID, jsontime.UMicro(time.Now().Add(-statusLife)))
	if err != nil || len(open) == 0 {
		return err
	}
	wanted := make(map[wazoapi.UUID]bool, len(open))
	for _, m := range open {
		wanted[wazoapi.UUID(m.WazoUUID)] = true
	}
	if err = r.reading.Acquire(ctx, 1); err != nil {
		return err
	}
	defer r.reading.Release(1)
	from := jsontime.UMicro(open[0].CreatedAt.Time)
	return r.readHistory(ctx, wazoapi.UUID(portal.WazoRoom), from, func(page []wazoapi.Message) error {
		return r.db.DoTxn(ctx, func(ctx context.Context) error {
			var err error
			for _, m := range page {
				if wanted[m.UUID] && m.Delivery.Status != "" {
					err = errors.Join(err, r.noteStatus(ctx, m.UUID, m.Delivery.Status))
				}
			}
			return err
		})
	})
}

// forgetStatuses removes what is too old to change.
func (r *Relay) forgetStatuses(ctx context.Context) error {
	now := time.Now()
	return errors.Join(
		r.db.TextMessage.Forget(ctx, jsontime.UM(now.Add(-2*statusLife)), jsontime.UM(now.Add(-statusKept))),
		r.db.OutsideTry.Forget(ctx, jsontime.UM(now.Add(-doubtLife))),
	)
}

// readOutsideAgain reads, after nobody has listened for a while, what events do not tell of a portal with somebody
// outside Wazo: what has become of text messages, and messages that chatd stores late. The latter are looked for once
// more when they must be there.
func (r *reader) readOutsideAgain(ctx context.Context, portal *db.Portal) error {
	outside, err := r.outsideOf(ctx, portal)
	if err != nil || outside == nil {
		return err
	}
	r.tasks.WakeAfter(r.cfg.OutsideLag, portalJob(jobCatchUp, portal.ID))
	return r.readStatuses(ctx, portal)
}

// lagOf returns how much later than its time stamp a message may have been committed.
func (c *Config) lagOf(m wazoapi.Message) time.Duration {
	if m.Delivery.Type != "" {
		return c.OutsideLag
	}
	return c.CommitLag
}

// withOutside returns the portals of the account that are with somebody outside Wazo. If nobody has listened for a
// while, their newest messages do not tell whether there is news.
func (r *reader) withOutside(ctx context.Context) (map[int64]bool, error) {
	rows, err := r.db.Outside.OfReader(ctx, r.acc.row.ID)
	if err != nil {
		return nil, fmt.Errorf("failed to read who is outside Wazo: %w", err)
	}
	portals := make(map[int64]bool, len(rows))
	for _, row := range rows {
		portals[row.PortalID] = true
	}
	return portals, nil
}
