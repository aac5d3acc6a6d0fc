package relay

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// The community's plugin for reactions and replies may be there or not, and may come or go whenever chatd is restarted
// (docs/wazo.md, "The plugin for reactions and replies"). Each connection for events knows whether it is there. What
// people do with it is read as a whole whenever there is news: nothing is missed then that happened while nobody
// listened.

var _ wazoapi.PluginHandler = (*reader)(nil)

// hasPlugin reports whether the plugin was there when Wazo was last asked.
func (a *account) hasPlugin() bool {
	s := a.stream()
	return s.plugin.Load() && s.missedFor() == 0
}

// missedFor returns for how long it is still believed that the plugin is away because a request missed it, 0 if it is
// not.
func (s *stream) missedFor() time.Duration { return max(0, time.Until(s.missed.load())) }

// noteMissed notes that a request missed the plugin. For so long it is believed that it is away: by then Wazo is asked
// again whether it has the plugin (docs/wazo.md, "How the plugin is noticed").
func (s *stream) noteMissed(lasts time.Duration) { s.missed.store(time.Now().Add(lasts)) }

// noteFound notes that the plugin is there. It reports whether it was missed.
func (s *stream) noteFound() (wasMissed bool) {
	wasMissed = s.missedFor() > 0
	s.missed.store(time.Time{})
	return wasMissed
}

// PluginRoom implements wazoapi.PluginHandler.
func (r *reader) PluginRoom() wazoapi.UUID {
	r.acc.mu.Lock()
	defer r.acc.mu.Unlock()
	if len(r.acc.rooms) == 0 {
		return ""
	}
	return cloned(r.acc.rooms[0].uuid)
}

// PluginChanged implements wazoapi.PluginHandler.
func (r *reader) PluginChanged(ctx context.Context, present bool) {
	if r.acc.own.plugin.Swap(present) != present {
		r.logAt(zerolog.InfoLevel).Bool("present", present).Msg("Found out whether Wazo has the plugin for reactions and replies")
	}
	if present {
		r.acc.own.noteFound()
		r.pluginIsBack(ctx)
	}
}

// heardPlugin notes that an event of the plugin came: it is there, although it may have been missed a moment ago.
func (r *reader) heardPlugin(ctx context.Context) {
	if r.acc.own.noteFound() {
		r.pluginIsBack(ctx)
	}
}

// pluginIsBack has done what was not possible without the plugin, on both sides.
func (r *reader) pluginIsBack(ctx context.Context) {
	if err := r.natives.wake(ctx); err != nil {
		r.log.Err(err).Msg("Failed to read which replies and reactions are still to be made on Wazo")
	}
	r.wazoRelations.replies.missed()
	portals, err := r.portalsHeard(ctx)
	if err != nil {
		r.log.Err(err).Msg("Failed to look in which portals people may have reacted")
	}
	for _, portal := range portals {
		if r.hears(portal) {
			r.tasks.Wake(portalJob(jobRelations, portal.ID))
		}
	}
}

// portalsHeard returns the portals of which this connection may bring events: those that its account reads, or all of
// them.
func (r *reader) portalsHeard(ctx context.Context) ([]*db.Portal, error) {
	if r.readers.mayHearAll(r.acc) {
		return r.db.Portal.All(ctx)
	}
	return r.db.Portal.OfReader(ctx, r.acc.row.ID)
}

// hears reports whether the reader of a portal hears events through this connection.
func (r *reader) hears(portal *db.Portal) bool {
	acc := r.readers.of(portal)
	return acc != nil && acc.stream() == r.acc.stream()
}

// ReactionAdded implements wazoapi.PluginHandler.
func (r *reader) ReactionAdded(ctx context.Context, x wazoapi.Reaction) error {
	r.heardPlugin(ctx)
	return r.relationsChanged(ctx, x.Room)
}

// ReactionRemoved implements wazoapi.PluginHandler.
func (r *reader) ReactionRemoved(ctx context.Context, x wazoapi.Reaction) error {
	r.heardPlugin(ctx)
	return r.relationsChanged(ctx, x.Room)
}

// ReplyCreated implements wazoapi.PluginHandler.
func (r *reader) ReplyCreated(ctx context.Context, y wazoapi.Reply) error {
	r.heardPlugin(ctx)
	portal, err := r.db.Portal.ByWazoRoom(ctx, string(y.Room))
	if err != nil || portal == nil {
		return err
	}
	r.wazoRelations.replies.heard(portal.ID, y) // before it is looked up whether the message is shown: it may be right now
	isShown, err := r.db.Message.KnowsUUID(ctx, portal.ID, string(y.Child))
	if err == nil && isShown {
		r.wazoRelations.replies.shown(portal.ID, y.Child)
		r.wakeRelations(portal)
	}
	return err
}

// relationsChanged notes that there are other reactions in a Wazo room.
func (r *reader) relationsChanged(ctx context.Context, room wazoapi.UUID) error {
	portal, err := r.db.Portal.ByWazoRoom(ctx, string(room))
	if err == nil && portal != nil {
		r.wakeRelations(portal)
	}
	return err
}

// wakeRelations has the reactions and replies of a portal read after an event, if its reader hears events through this
// connection.
func (r *reader) wakeRelations(portal *db.Portal) {
	if r.hears(portal) {
		r.tasks.Wake(portalJob(jobRelations, portal.ID))
		// What an event tells of may not be committed yet (docs/wazo.md, "Event before commit").
		r.tasks.WakeAfter(r.cfg.CommitLag, portalJob(jobRelations, portal.ID))
	}
}
