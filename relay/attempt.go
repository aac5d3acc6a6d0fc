package relay

import (
	"context"
	"errors"
	"time"

	"wazo-matrix-relay/db"
)

// attempt stores, before a part of a request is sent, that this may have been carried out from now on; with the first
// attempt also the request, part by part. It returns errChanged if the row is not any more what was converted.
func (r *Relay) attempt(ctx context.Context, row *db.Row, request ...string) error {
	marked, err := r.db.Queue.MarkAttempted(ctx, row, request, time.Now().UnixMilli())
	if err != nil {
		return err
	} else if !marked {
		return errChanged
	}
	return nil
}

// errChanged says that the link was ended, or the message edited, redacted, decrypted or passed over: what comes next is to
// be looked for anew.
var errChanged = errors.New("the row has changed")

// notDelivered stores what is known of an attempt that failed, and returns err. Only if it is certain that this attempt and
// all before it were not carried out may the next one go without a look.
func (r *Relay) notDelivered(ctx context.Context, row *db.Row, err error) error {
	ctx = context.WithoutCancel(ctx) // the mark matters most when the relay is being stopped
	failure := classify(err)
	var storeErr error
	switch {
	case failure.Unknown:
		storeErr = r.db.Queue.MarkUnknown(ctx, row.ID, time.Now().UnixMilli())
	case row.State == db.StateNew:
		storeErr = r.db.Queue.SetState(ctx, row.ID, db.StateNew, failure.Words)
	}
	return errors.Join(err, storeErr)
}

// settle waits until the outcome of a row's attempt cannot change any more.
func (r *Relay) settle(ctx context.Context, row *db.Row) error {
	return r.wait(ctx, min(r.cfg.Settle, r.cfg.Settle-time.Since(time.UnixMilli(row.AttemptedAt))))
}

// wait waits within a step. It returns an error if the relay stops first.
func (r *Relay) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	ctx, cancel := r.workers.untilStop(ctx)
	defer cancel()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Poison: a message that gets an answer of unknown outcome this often, for this long, while others pass.
const (
	poisonAttempts = 10
	poisonTime     = 5 * time.Minute
)

// isPoison reports whether a service fails over this row only.
func (r *Relay) isPoison(row *db.Row, now time.Time) bool {
	first := time.UnixMilli(row.FirstTried)
	return row.Attempts >= poisonAttempts && row.FirstTried != 0 && now.Sub(first) >= poisonTime && r.passed.since(row.Direction, first)
}

// passes remembers when a delivery last succeeded, by direction.
type passes struct {
	toWazo, toMatrix atomicTime
}

func (p *passes) of(direction db.Direction) *atomicTime {
	if direction == db.ToWazo {
		return &p.toWazo
	}
	return &p.toMatrix
}

func (p *passes) note(direction db.Direction, now time.Time) { p.of(direction).store(now) }

func (p *passes) since(direction db.Direction, t time.Time) bool {
	return p.of(direction).load().After(t)
}
