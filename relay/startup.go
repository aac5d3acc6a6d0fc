package relay

import (
	"context"
	"sync"
	"time"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// lookFirst is how the relay begins after each start, because its database may be an older one that was brought back: it
// first looks what it has said already. To Matrix nothing is delivered until /sync, with its gaps, has shown the bot's own
// events; to Wazo nothing until the history has shown the relay account's own messages (orphans, if nothing here knows them).
type lookFirst struct {
	mu     sync.Mutex
	synced bool           // an answer of /sync was accepted
	filled map[int64]bool // portal → its gaps were filled after that
	read   map[int64]bool // portal → its history was read
	over   map[int64]bool // portal → all that waited to be posted has been looked for
}

func newLookFirst() *lookFirst {
	return &lookFirst{filled: make(map[int64]bool), read: make(map[int64]bool), over: make(map[int64]bool)}
}

func (l *lookFirst) is(portals map[int64]bool, portalID int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return portals[portalID]
}

func (l *lookFirst) note(portals map[int64]bool, portalID int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	portals[portalID] = true
}

// noteSynced notes an accepted answer of /sync. It reports whether it is the first.
func (l *lookFirst) noteSynced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := !l.synced
	l.synced = true
	return first
}

func (l *lookFirst) isSynced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.synced
}

// lookedAtMatrix reports whether all that the bot has said in a portal's Matrix room is known.
func (r *Relay) lookedAtMatrix(ctx context.Context, portalID int64) (bool, error) {
	if r.look.is(r.look.filled, portalID) {
		return true, nil
	} else if !r.look.isSynced() {
		return false, nil
	}
	if err := r.fillGaps(ctx, portalID); err != nil {
		return false, err
	}
	r.look.note(r.look.filled, portalID)
	return true, nil
}

// adopt takes a row as delivered by an orphan with the same text. It reports false if there is none.
func (r *Relay) adopt(ctx context.Context, portal *db.Portal, row *db.Row, request *wazoRequest, media *db.Media) (bool, error) {
	if row.Kind != db.KindMessage || r.look.is(r.look.over, portal.ID) {
		return false, nil
	}
	orphan, err := r.db.Orphan.Find(ctx, portal.ID, request.Alias, request.Content)
	if err != nil || orphan == nil {
		return false, err
	}
	message := wazoapi.Message{UUID: wazoapi.UUID(orphan.WazoUUID), CreatedAt: microTime(orphan.CreatedAt)}
	return true, r.recordToWazo(ctx, portal, row, message, media)
}

// endLook ends the search for a portal's orphans when all that waited, the first answer of /sync included, has been looked
// for.
func (r *Relay) endLook(ctx context.Context, portalID int64) error {
	if r.look.is(r.look.over, portalID) || !r.look.is(r.look.read, portalID) {
		return nil
	}
	if err := r.db.Orphan.Close(ctx, portalID, time.Now().UnixMilli()); err != nil {
		return err
	}
	r.look.note(r.look.over, portalID)
	return nil
}
