package relay

import (
	"context"
	"slices"
	"time"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// heardMessage is a message that another account than the reader of its portal has heard at a time.
type heardMessage struct {
	uuid wazoapi.UUID
	at   time.Time
}

// maxOverheard is how many messages of a portal are remembered until it is known whether the reader hears them.
const maxOverheard = 100

// overhear notes that another account than the reader hears a message of a portal. If the reader does not, it may not
// be a member any more, which Wazo tells nobody: then it finds out by reading.
func (r *readers) overhear(portal *db.Portal, m wazoapi.Message) {
	if m.UserUUID == r.accounts.relayAuthor() || !m.CreatedAt.After(portal.StartedOnWazo.Time) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	heard := r.overheard[portal.ID]
	if len(heard) == 0 {
		r.tasks.WakeAfter(r.cfg.OverhearWait, portalJob(jobOverheard, portal.ID))
	}
	if len(heard) < maxOverheard && !slices.ContainsFunc(heard, func(h heardMessage) bool { return h.uuid == m.UUID }) {
		r.overheard[portal.ID] = append(heard, heardMessage{m.UUID, time.Now()})
	}
}

// lookForOverheard has the history of a portal read if the reader has not heard in time what another account has.
func (r *readers) lookForOverheard(ctx context.Context, portalID int64) error {
	r.mu.Lock()
	heard := r.overheard[portalID]
	delete(r.overheard, portalID)
	r.mu.Unlock()
	for i, h := range heard {
		isAccepted, err := r.isAccepted(ctx, portalID, h.uuid)
		switch {
		case err != nil:
			return err
		case isAccepted:
			continue
		case time.Since(h.at) >= r.cfg.OverhearWait:
			r.tasks.Wake(portalJob(jobCatchUp, portalID))
			return nil
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.overheard[portalID] = append(slices.Clone(heard[i:]), r.overheard[portalID]...)
		r.tasks.WakeAfter(r.cfg.OverhearWait-time.Since(h.at), portalJob(jobOverheard, portalID))
		return nil
	}
	return nil
}

// isAccepted reports whether a message of a portal is known here.
func (r *readers) isAccepted(ctx context.Context, portalID int64, uuid wazoapi.UUID) (bool, error) {
	if known, err := r.db.Message.KnowsUUID(ctx, portalID, string(uuid)); err != nil || known {
		return known, err
	}
	row, err := r.db.Queue.BySource(ctx, portalID, db.ToMatrix, string(uuid))
	return row != nil, err
}
