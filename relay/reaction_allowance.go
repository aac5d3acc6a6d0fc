package relay

import (
	"context"
	"slices"
	"sync"
	"time"

	"wazo-matrix-relay/db"
)

// allowance limits how many events the account sends that are worth less than messages: the homeserver limits all of them together. It is
// safe for concurrent use.
type allowance struct {
	mu   sync.Mutex
	sent []time.Time // of the last minute
}

// take uses up one event, if fewer than a limit were sent in the last minute. Otherwise it returns how long to wait.
func (a *allowance) take(now time.Time, limit int) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = slices.DeleteFunc(a.sent, func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	if len(a.sent) >= limit {
		return time.Minute - now.Sub(a.sent[len(a.sent)-limit])
	}
	a.sent = append(a.sent, now)
	return 0
}

const (
	// perMinute is how many reactions and notices about them the bot sends in a minute.
	perMinute = 120
	// perLimitedMinute is perMinute while the homeserver limits the account.
	perLimitedMinute = 6
	// afterMessages is how long reactions wait at a time while messages wait, too, and the homeserver limits the account.
	afterMessages = 2 * time.Second
)

// takeTurn reports whether something may be sent now. Otherwise the job is woken when that is worth another look.
func (w *wazoReactions) takeTurn(ctx context.Context, portal *db.Portal) (bool, error) {
	limit, wait := perMinute, time.Duration(0)
	if w.matrix.IsLimited() {
		limit = perLimitedMinute
		row, err := w.db.Queue.Next(ctx, portal.ID, db.ToMatrix)
		if err != nil {
			return false, err
		} else if row != nil {
			wait = afterMessages
		}
	}
	if wait == 0 {
		wait = w.allowance.take(time.Now(), limit)
	}
	if wait > 0 {
		w.tasks.WakeAfter(wait, portalJob(jobRelations, portal.ID))
	}
	return wait == 0, nil
}
