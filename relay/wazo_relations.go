package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// What people do on Wazo with the plugin for reactions and replies is shown on Matrix. It is read as a whole for each portal, compared with
// what is shown, and brought in line with that. Nothing is counted, so it does not matter which events were missed, or how often the same
// is read.

// wazoRelations show on Matrix what relates to messages on Wazo. They are safe for concurrent use.
type wazoRelations struct {
	*Relay
	reactions *wazoReactions
	replies   *wazoReplies

	mu       sync.Mutex
	awaiting map[int64]map[wazoapi.UUID]bool // by portal: messages to which something relates, delivered or not
	readAt   map[int64]time.Time             // by portal: when what relates to its messages was last read
	refused  map[int64]bool                  // portals of which that may not be read, as was logged
}

func newWazoRelations(r *Relay) *wazoRelations {
	return &wazoRelations{
		Relay: r, reactions: newWazoReactions(r), replies: newWazoReplies(r), awaiting: make(map[int64]map[wazoapi.UUID]bool),
		readAt: make(map[int64]time.Time), refused: make(map[int64]bool),
	}
}

// show shows what relates to the messages of a portal.
func (w *wazoRelations) show(ctx context.Context, portalID int64) error {
	portal, err := w.db.Portal.ByID(ctx, portalID)
	if err != nil {
		return err
	} else if portal == nil {
		w.forget(portalID)
		return nil
	}
	acc := w.readers.of(portal)
	if acc == nil || !acc.hasPlugin() {
		if acc != nil && acc.stream().plugin.Load() { // only missed
			w.tasks.WakeAfter(acc.stream().missedFor(), portalJob(jobRelations, portal.ID))
		}
		return nil // what is shown stays; whoever reads the portal later wakes the job, and so does the plugin when it comes
	} else if may, err := w.mayShow(ctx, portal); err != nil || !may {
		return err
	}
	room := wazoapi.UUID(portal.WazoRoom)
	reactions, err := w.reactions.read(ctx, acc, room)
	if err == nil {
		err = w.replies.refresh(ctx, portal, acc)
	}
	if err != nil {
		return w.readFailed(ctx, portal, err)
	}
	w.await(portal.ID, reactions)
	err = w.showLate(ctx, portal, w.replies.of(portal.ID))
	if err != nil && !isOfOneEvent(err) || w.cfg.Relations.WithoutReactions {
		return err
	}
	return errors.Join(err, w.reactions.show(ctx, portal, acc, reactions))
}

// forget forgets what relates to the messages of a portal that has ended.
func (w *wazoRelations) forget(portalID int64) {
	w.replies.forget(portalID)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.awaiting, portalID)
	delete(w.readAt, portalID)
	delete(w.refused, portalID)
}

// mayShow reports whether something may be sent in a portal's Matrix room now, and all that the bot has sent there is known. Whoever
// changes that wakes the job.
func (w *wazoRelations) mayShow(ctx context.Context, portal *db.Portal) (bool, error) {
	if !w.startup.isSynced() || !portal.StartedOnMatrix {
		return false, nil
	} else if err := w.gaps.fill(ctx, portal.ID); err != nil {
		return false, err
	}
	paused, err := w.pauses.of(ctx, db.QueueKey{PortalID: portal.ID, Direction: db.ToMatrix})
	return err == nil && len(paused) == 0 && (!portal.IsOpened() || w.conversations.isAttended(ctx, portal)), err
}

// readFailed returns the error of reading what relates to messages, nil if trying again is of no use: the plugin has gone, or the account
// is not allowed to read the room. That is noticed elsewhere, and wakes the job.
func (w *wazoRelations) readFailed(ctx context.Context, portal *db.Portal, err error) error {
	switch {
	case errors.Is(err, wazoapi.ErrNoPlugin):
		return nil
	case isWazo(err) && classify(err).Class == ClassPortal:
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.refused[portal.ID] {
			w.refused[portal.ID] = true
			zerolog.Ctx(ctx).Warn().Err(err).Msg("Wazo does not let the relay read reactions and replies")
		}
		return nil
	default:
		return err
	}
}

// await remembers to which messages something relates. It must be called before it is looked up which of them are delivered.
func (w *wazoRelations) await(portalID int64, reactions []wazoapi.Reaction) {
	awaiting := make(map[wazoapi.UUID]bool)
	for _, x := range reactions {
		awaiting[x.Message] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for uuid := range w.replies.of(portalID) { // one may have been heard of meanwhile
		awaiting[uuid] = true
	}
	w.awaiting[portalID], w.readAt[portalID] = awaiting, time.Now()
	delete(w.refused, portalID)
}

// lookAgain has it read again for a portal if that was not done for long: Wazo may store something without telling anybody
// (docs/wazo.md, "Unknown outcomes of the plugin").
func (w *wazoRelations) lookAgain(portalID int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if readAt, ok := w.readAt[portalID]; ok && time.Since(readAt) > w.cfg.RelationsInterval {
		w.tasks.Wake(portalJob(jobRelations, portalID))
	}
}

// heard notes a mark that was heard of.
func (w *wazoRelations) heard(portalID int64, reply wazoapi.Reply) {
	w.replies.heard(portalID, reply)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.awaiting[portalID] == nil {
		w.awaiting[portalID] = make(map[wazoapi.UUID]bool)
	}
	w.awaiting[portalID][reply.Child] = true
}

// delivered notes, when the transaction that ctx carries is committed, that it is known now which event has the content of a message.
func (w *wazoRelations) delivered(ctx context.Context, portalID int64, uuid wazoapi.UUID) {
	db.AfterCommit(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.awaiting[portalID][uuid] {
			w.tasks.Wake(portalJob(jobRelations, portalID))
		}
	})
}
