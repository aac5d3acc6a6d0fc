package relay

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// What people do on Wazo with the plugin for reactions and replies is shown on Matrix. It is read as a whole for each
// portal, compared with what is shown, and brought in line with that. Nothing is counted, so it does not matter which
// events were missed, or how often the same is read.

// wazoRelations show on Matrix what relates to messages on Wazo. They are safe for concurrent use.
type wazoRelations struct {
	*Relay
	reactions *wazoReactions
	replies   *wazoReplies
	turns     *turns

	mu       sync.Mutex
	awaiting map[int64]map[wazoapi.UUID]bool // by portal: messages with reactions that no event is known to show
	readAt   map[int64]time.Time             // by portal: when what relates to its messages was last read
	refused  map[int64]bool                  // portals of which that may not be read, as was logged
}

func newWazoRelations(r *Relay) *wazoRelations {
	turns := newTurns(r)
	return &wazoRelations{
		Relay: r, reactions: newWazoReactions(r, turns), replies: newWazoReplies(r), turns: turns,
		awaiting: make(map[int64]map[wazoapi.UUID]bool), readAt: make(map[int64]time.Time), refused: make(map[int64]bool),
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
	isTurn, err := w.turns.begin(ctx, portal)
	if err != nil || !isTurn {
		return err
	}
	defer w.turns.end(portal.ID)
	return w.readAndShow(ctx, portal, acc)
}

// readAndShow reads what relates to the messages of a portal, and shows it.
func (w *wazoRelations) readAndShow(ctx context.Context, portal *db.Portal, acc *account) error {
	var reactions []wazoapi.Reaction
	var err error
	if !w.cfg.Relations.WithoutReactions {
		reactions, err = w.reactions.read(ctx, acc, wazoapi.UUID(portal.WazoRoom))
	}
	if err != nil {
		return w.readFailed(ctx, portal, err)
	}
	replies, err := w.replies.read(ctx, portal, acc)
	if err != nil {
		return w.readFailed(ctx, portal, err)
	}
	targets, err := w.targets(ctx, portal, reactions)
	if err != nil {
		return err
	}
	err = w.showLate(ctx, portal, replies)
	if err != nil && !isOfOneEvent(err) || w.cfg.Relations.WithoutReactions {
		return err
	}
	return errors.Join(err, w.reactions.show(ctx, portal, acc, reactions, targets))
}

// wakeAll has what relates to the messages of all portals shown of which it can be read. There is no cheap way to find
// out in which of them something has changed.
func (w *wazoRelations) wakeAll(ctx context.Context) {
	for _, acc := range w.accounts.inUse() {
		if !acc.hasPlugin() {
			continue
		}
		portals, err := w.db.Portal.OfReader(ctx, acc.row.ID)
		if err != nil {
			zerolog.Ctx(ctx).Err(err).Msg("Failed to look in which portals people may have reacted")
			return
		}
		for _, portal := range portals {
			w.tasks.Wake(portalJob(jobRelations, portal.ID))
		}
	}
}

// forget forgets what relates to the messages of a portal that has ended.
func (w *wazoRelations) forget(portalID int64) {
	w.replies.forget(portalID)
	w.turns.forget(portalID)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.awaiting, portalID)
	delete(w.readAt, portalID)
	delete(w.refused, portalID)
}

// mayShow reports whether something may be sent in a portal's Matrix room now, and all that the bot has sent there is
// known. Whoever changes that wakes the job.
func (w *wazoRelations) mayShow(ctx context.Context, portal *db.Portal) (bool, error) {
	if !w.startup.isSynced() || !portal.StartedOnMatrix {
		return false, nil
	} else if err := w.gaps.fill(ctx, portal.ID); err != nil {
		return false, err
	}
	paused, err := w.pauses.of(ctx, db.QueueKey{PortalID: portal.ID, Direction: db.ToMatrix})
	return err == nil && len(paused) == 0 && (!portal.IsOpened() || w.conversations.isAttended(ctx, portal)), err
}

// readFailed returns the error of reading what relates to messages, nil if trying again is of no use: the plugin has
// gone, or the account is not allowed to read the room. That is noticed elsewhere, and wakes the job.
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

// maxAwaiting is how many messages with reactions a portal remembers that no event shows. Those of the time before a
// link are never shown.
const maxAwaiting = 1000

// targets returns the mappings of the messages that have reactions. It remembers of which of them no event is known,
// those with the newest reactions if there are many: when they are delivered, there is something to show.
func (w *wazoRelations) targets(ctx context.Context, portal *db.Portal, reactions []wazoapi.Reaction) ([]*db.Message, error) {
	reacted := make(map[wazoapi.UUID]bool)
	var uuids []string // those with the newest reactions first
	for _, x := range slices.Backward(reactions) {
		if !reacted[x.Message] {
			reacted[x.Message] = true
			uuids = append(uuids, string(x.Message))
		}
	}
	w.await(portal.ID, reacted) // before it is looked up which of them are delivered: one may be right now
	messages, err := w.db.Message.Targets(ctx, portal.ID, uuids...)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		delete(reacted, wazoapi.UUID(m.WazoUUID))
	}
	awaiting := make(map[wazoapi.UUID]bool)
	for _, uuid := range uuids {
		if reacted[wazoapi.UUID(uuid)] && len(awaiting) < maxAwaiting {
			awaiting[wazoapi.UUID(uuid)] = true
		}
	}
	w.await(portal.ID, awaiting)
	return messages, nil
}

// await remembers which messages with reactions may still be delivered.
func (w *wazoRelations) await(portalID int64, messages map[wazoapi.UUID]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.awaiting[portalID], w.readAt[portalID] = maps.Clone(messages), time.Now()
	delete(w.refused, portalID)
}

// lookAgain has it read again for a portal if that was not done for long: Wazo may store something without telling
// anybody (docs/wazo.md, "Unknown outcomes of the plugin").
func (w *wazoRelations) lookAgain(portalID int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if readAt, ok := w.readAt[portalID]; ok && time.Since(readAt) > w.cfg.RelationsInterval {
		w.tasks.Wake(portalJob(jobRelations, portalID))
	}
}

// delivered notes, when the transaction that ctx carries is committed, that it is known now which event has the content
// of a message.
func (w *wazoRelations) delivered(ctx context.Context, portalID int64, uuid wazoapi.UUID) {
	db.AfterCommit(ctx, func() {
		isLate := w.replies.shown(portalID, uuid)
		w.mu.Lock()
		defer w.mu.Unlock()
		if isLate || w.awaiting[portalID][uuid] {
			w.tasks.Wake(portalJob(jobRelations, portalID))
		}
	})
}
