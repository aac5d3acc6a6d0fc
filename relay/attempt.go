package relay

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
)

// markAttempted stores, before a part of a request is sent, that the part may be carried out from now on. The first
// attempt also stores the request, part by part; it never changes afterwards. markAttempted reports false if the row is
// not what was read any more: the link was ended, or the message was edited, redacted, decrypted or passed over.
func (r *Relay) markAttempted(ctx context.Context, row *db.Row, request ...string) (bool, error) {
	there, err := r.db.Queue.MarkAttempted(ctx, row, request, jsontime.UM(time.Now()))
	if err == nil && there && !row.HasRequest() {
		row.Parts = len(request)
	}
	return there, err
}

// attemptFailed stores what is known of an attempt that failed, and returns err. The next attempt may go without a
// search for this one only if it is certain that this attempt and all before it were not carried out.
func (r *Relay) attemptFailed(ctx context.Context, row *db.Row, err error) error {
	ctx = context.WithoutCancel(ctx) // this matters most when the relay is being stopped
	failure := classify(err)
	var storeErr error
	switch {
	case failure.Unknown:
		storeErr = r.db.Queue.MarkUnknown(ctx, row.ID, jsontime.UM(time.Now()))
	case row.State == db.StateNew:
		storeErr = r.db.Queue.SetState(ctx, row.ID, db.StateNew, r.texts.Why(failure.Why))
	}
	return errors.Join(err, storeErr)
}
