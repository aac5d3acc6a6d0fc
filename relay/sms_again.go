package relay

import (
	"context"
	"time"

	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// Elsewhere a message that was posted may be posted once more in rare cases (docs/architecture.md, "What can appear
// twice, or out of order"): what its sender's account has posted was shown on Matrix, as if it had been written in an
// app of Wazo, before anybody could know better. A text message is paid for. So in conversations by text messages, what
// is shown on Matrix counts as posted by the row, if it has the same text. It may also be that the sender was told that
// the text was not delivered, and has typed it again in an app.

// mayBeTexted reports whether a row that was never attempted is looked for like one that was: its key came late. Before
// a restore of an older database, it may have come in time.
func (d *wazoDelivery) mayBeTexted() bool { return d.outside != nil && d.row.Late }

// mayBeSince returns the time that a message is not older than which a new request has posted, or may have.
func (d *wazoDelivery) mayBeSince(written time.Time) db.WazoTime {
	since := readFrom(d.portal)
	if earliest := jsontime.UMicro(written.Add(-clockSkew)); d.mayBeTexted() && earliest.Before(since.Time) {
		return earliest
	}
	return since
}

// isShownInstead reports whether a message of Wazo that is shown on Matrix, or is about to be, may be what a row has
// sent as a text message.
func (d *wazoDelivery) isShownInstead(ctx context.Context, m wazoapi.Message) (bool, error) {
	written := time.UnixMilli(writtenAt(d.row))
	if d.outside == nil || m.CreatedAt.Before(written.Add(-clockSkew)) {
		return false, nil
	}
	row, err := d.db.Queue.BySource(ctx, d.portal.ID, db.ToMatrix, string(m.UUID))
	if err != nil || row != nil {
		return row != nil && row.ID > d.row.ID, err
	}
	shownBy, err := d.db.Message.EventOf(ctx, d.portal.ID, string(m.UUID), 0)
	if err != nil || shownBy == "" {
		return false, err
	}
	mapped, err := d.db.Message.ByEvent(ctx, d.portal.ID, shownBy)
	if err != nil || mapped == nil || mapped.IsFromMatrix() {
		return false, err
	}
	// What was shown before the row was there is something else. A row that was set aside and is tried again has a newer
	// time, and so may one that came late.
	isFirstTime := !d.row.Late && d.row.AcceptedAt.Sub(written) < poisonPeriod
	return !isFirstTime || !mapped.RelayedAt.Before(d.row.AcceptedAt.Time), nil
}
