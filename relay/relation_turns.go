package relay

import (
	"context"
	"sync"
	"time"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/ratelimit"
)

// The homeserver limits all that the account sends together. What relates to messages is worth less than messages, so
// it waits for turns.

const (
	// perMinute is how many reactions, notices about them and late quotes the bot sends in a minute.
	perMinute = 120
	// perLimitedMinute is perMinute while the homeserver limits the account.
	perLimitedMinute = 6
	// afterMessages is how long a portal waits at a time while messages wait there, too, and the homeserver limits the
	// account.
	afterMessages = 2 * time.Second
	// longestTurn is how long a portal waits at most before it asks again for its turn: the limit may be over.
	longestTurn = 5 * time.Second
)

// turns say when something that relates to messages of Wazo may be sent. They are safe for concurrent use.
type turns struct {
	*Relay
	usual   *ratelimit.Limit[struct{}]
	limited *ratelimit.Limit[struct{}] // while the homeserver limits the account

	mu    sync.Mutex
	held  map[int64]time.Time                  // by portal: until when it waits for its turn
	ahead map[int64]*ratelimit.Limit[struct{}] // by portal: the limit that has counted a turn which was not used yet
}

func newTurns(r *Relay) *turns {
	return &turns{
		Relay:   r,
		usual:   ratelimit.New[struct{}](perMinute, time.Minute, time.Now),
		limited: ratelimit.New[struct{}](perLimitedMinute, time.Minute, time.Now),
		held:    make(map[int64]time.Time), ahead: make(map[int64]*ratelimit.Limit[struct{}]),
	}
}

// begin reports whether it is worth while to read what relates to the messages of a portal. It is not while the portal
// waits for its turn: nothing of it could be sent. Call end afterwards.
func (t *turns) begin(ctx context.Context, portal *db.Portal) (bool, error) {
	t.mu.Lock()
	until, isHeld := t.held[portal.ID]
	t.mu.Unlock()
	if !isHeld {
		return true, nil
	} else if time.Now().Before(until) {
		return false, nil // the job is woken then
	}
	taken, err := t.claim(ctx, portal)
	if err != nil || taken == nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ahead[portal.ID] = taken
	delete(t.held, portal.ID)
	return true, nil
}

// end gives a turn back that begin has taken, and that was not used.
func (t *turns) end(portalID int64) {
	if unused := t.takeAhead(portalID); unused != nil {
		unused.GiveBack(struct{}{})
	}
}

// take reports whether something may be sent now. Otherwise the portal waits, and its job is woken when that is worth
// another look.
func (t *turns) take(ctx context.Context, portal *db.Portal) (bool, error) {
	if t.takeAhead(portal.ID) != nil {
		return true, nil
	}
	taken, err := t.claim(ctx, portal)
	return taken != nil, err
}

// forget forgets a portal that has ended.
func (t *turns) forget(portalID int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.held, portalID)
}

func (t *turns) takeAhead(portalID int64) *ratelimit.Limit[struct{}] {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.ahead[portalID]
	delete(t.ahead, portalID)
	return taken
}

// claim counts a turn, and returns the limit that has counted it. If it is not the portal's turn, it returns nil, and
// the portal waits.
func (t *turns) claim(ctx context.Context, portal *db.Portal) (*ratelimit.Limit[struct{}], error) {
	limit := t.usual
	if t.matrix.IsLimited() {
		limit = t.limited
		row, err := t.db.Queue.Next(ctx, portal.ID, db.ToMatrix)
		if err != nil {
			return nil, err
		} else if row != nil {
			t.hold(portal.ID, afterMessages)
			return nil, nil
		}
	}
	if wait := limit.Take(struct{}{}); wait > 0 {
		t.hold(portal.ID, min(wait, longestTurn))
		return nil, nil
	}
	return limit, nil
}

// hold lets a portal wait.
func (t *turns) hold(portalID int64, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held[portalID] = time.Now().Add(wait)
	t.tasks.WakeAfter(wait, portalJob(jobRelations, portalID))
}
