package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// historyPage is how many messages are read at once: catching up on hours takes bounded memory.
const historyPage = 200

// retryCatchUp is how often Wazo is asked for news while no events flow.
const retryCatchUp = 15 * time.Second

// reader reads Wazo for one account: its live events, and the history of the portals whose reader it is.
type reader struct {
	*Relay
	acc *account
}

var _ wazoapi.Handler = (*reader)(nil)

// listen receives the events of the account until ctx ends.
func (r *reader) listen(ctx context.Context) {
	if err := r.acc.api.Listen(ctx, r); err != nil && ctx.Err() == nil {
		r.log.Err(err).Msg("Stopped listening to Wazo")
	}
}

// Connected implements wazoapi.Handler. What was verified before says nothing about the time without connection.
func (r *reader) Connected(context.Context) {
	r.acc.connections.Add(1)
	r.acc.connected.Store(true)
	r.log.Info().Msg("Connected to Wazo")
	r.noteWorks(serviceEvents)
	r.tasks.EndPauses()
	r.tasks.Wake(job{kind: jobProbe})
}

// Disconnected implements wazoapi.Handler.
func (r *reader) Disconnected(_ context.Context, err error) {
	r.acc.connected.Store(false)
	r.noteFails(serviceEvents, err)
	r.log.Warn().Err(err).Msg("Lost the connection to Wazo")
}

// MessageCreated implements wazoapi.Handler.
func (r *reader) MessageCreated(ctx context.Context, m wazoapi.Message) error {
	added, err := r.acceptMessages(ctx, []wazoapi.Message{m}, false)
	if err != nil || added > 0 {
		return err // the room has a portal, or had one until this message ended the link
	}
	return r.withoutPortal(ctx, m)
}

// RoomCreated implements wazoapi.Handler.
func (r *reader) RoomCreated(_ context.Context, room wazoapi.Room) error {
	if room.Has(r.acc.uuid()) {
		r.acc.addRoom(room)
	}
	return nil
}

// keepCaughtUp looks for news again and again: at most 1 % of the time is spent on that. While no events flow it is the
// only way to hear anything, and is done more often.
func (r *reader) keepCaughtUp(ctx context.Context) {
	ticker := time.NewTicker(min(retryCatchUp, r.cfg.ProbeInterval))
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if pause := max(r.cfg.ProbeInterval, 100*r.acc.lastProbeTook()); r.acc.connected.Load() && time.Since(last) < pause {
			continue
		}
		last = time.Now()
		r.tasks.Wake(job{kind: jobProbe})
		r.pauses.retryAll(ctx)
	}
}

// probe looks for news in all portals of an account by one cheap question, and has the history read of those with news.
func (r *reader) probe(ctx context.Context) error {
	connection := r.acc.connections.Load()
	portals, err := r.db.Portal.All(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	latest, err := r.acc.api.LatestMessages(ctx)
	if err != nil {
		return fmt.Errorf("failed to look for news: %w", err)
	}
	r.acc.probeTook(time.Since(start))
	newest := make(map[string]time.Time, len(latest))
	for _, m := range latest {
		newest[string(m.Room)] = m.CreatedAt
	}
	for _, portal := range portals {
		if portal.ReaderID != r.acc.row.ID || portal.StartedOnWazo.IsZero() {
			continue
		}
		// A message may be committed after a later one was read, so a room is quiet only after a read that found nothing new.
		if !newest[portal.WazoRoom].After(portal.ReadUntil.Time) && r.acc.isQuiet(portal.ID) {
			r.acc.setVerified(portal.ID, connection, true)
			r.tasks.Wake(portalJob(jobToMatrix, portal.ID))
			continue
		}
		r.tasks.Wake(portalJob(jobCatchUp, portal.ID))
	}
	return r.openings.heard(ctx, r.acc, latest)
}

// catchUpPortal reads a portal's history. What keeps it from that, if it is not the service, pauses the portal: nothing can
// be shown on Matrix before it is known that nothing is missing.
func (r *reader) catchUpPortal(ctx context.Context, portalID int64) error {
	portal, err := r.db.Portal.ByID(ctx, portalID)
	if err != nil || portal == nil || portal.StartedOnWazo.IsZero() {
		return err
	}
	if err = r.catchUp(ctx, portal); err == nil {
		return r.pauses.end(ctx, portal, pauseOf(portal, PauseNoRoom, db.Reading), pauseOf(portal, PausePermission, db.Reading), pauseOf(portal, PauseLogin, db.Reading))
	} else if failure := classify(err); failure.Class == ClassPortal {
		return r.pauses.begin(ctx, portal, failure.Pause, db.Reading)
	}
	return err
}

// catchUp reads a portal's history from its verified cursor on and moves the cursor. Nothing else moves it.
// If nobody listened before, it reads twice: what was being committed during the first read was perhaps announced to nobody.
func (r *reader) catchUp(ctx context.Context, portal *db.Portal) error {
	connection := r.acc.connections.Load()
	if sabotaged("catchup") {
		r.caughtUp(portal, connection, true)
		return nil
	}
	isNews, err := r.readNews(ctx, portal)
	if err == nil && !r.acc.isVerified(portal.ID) {
		if err = r.tasks.Sleep(ctx, r.cfg.CommitLag); err == nil {
			isNews, err = r.readNews(ctx, portal)
		}
	}
	if err != nil {
		return err
	}
	r.caughtUp(portal, connection, !isNews)
	return nil
}

// caughtUp notes a completed catch-up that began during a connection of the account.
func (r *reader) caughtUp(portal *db.Portal, connection uint64, quiet bool) {
	r.startup.reached(db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo}, phaseKnown)
	r.acc.setVerified(portal.ID, connection, quiet)
	r.wakeQueues(portal.ID)
}

// overlap is how far before the verified cursor history is read again, because chatd sets created_at before it commits a
// message (docs/wazo.md, "created_at precedes the commit").
const overlap = time.Minute

// readFrom returns the time from which a portal's history is read: everything before it is known, or older than the link.
func readFrom(portal *db.Portal) db.WazoTime {
	from := jsontime.UMicro(portal.ReadUntil.Add(-overlap))
	if portal.ReadUntil.IsZero() || from.Before(portal.StartedOnWazo.Time) {
		return portal.StartedOnWazo
	}
	return from
}

// readNews reads a portal's history once. It reports whether it found anything new.
func (r *reader) readNews(ctx context.Context, portal *db.Portal) (bool, error) {
	if err := r.reading.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer r.reading.Release(1)
	readUntil, added := portal.ReadUntil, 0
	findOrphans := r.startup.phase(db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo}) == phaseUnknown
	err := r.readHistory(ctx, wazoapi.UUID(portal.WazoRoom), readFrom(portal), func(page []wazoapi.Message) error {
		for _, m := range page {
			if m.CreatedAt.After(readUntil.Time) {
				readUntil = jsontime.UMicro(m.CreatedAt)
			}
		}
		n, err := r.acceptMessages(ctx, page, findOrphans)
		added += n
		return err
	})
	if err != nil {
		return false, err
	}
	if err = r.db.Portal.MoveCursor(ctx, portal.ID, readUntil); err != nil {
		return false, fmt.Errorf("failed to move the cursor: %w", err)
	}
	isNews := added > 0 || readUntil.After(portal.ReadUntil.Time)
	portal.ReadUntil = readUntil
	return isNews, nil
}

// readHistory reads a room's messages from a time on, oldest first, page by page.
// Rows are only ever added, so that an offset can show a message twice and never leaves one out but for those that are
// committed meanwhile with an older time; these are what the overlap is for.
func (r *reader) readHistory(ctx context.Context, room wazoapi.UUID, from db.WazoTime, each func([]wazoapi.Message) error) error {
	query := wazoapi.MessageQuery{From: time.UnixMicro(from.UnixMicro()), Direction: wazoapi.Ascending, Limit: historyPage}
	for {
		page, err := r.acc.api.Messages(ctx, room, query)
		if errors.Is(err, wazoapi.ErrTooLarge) && query.Limit > 1 {
			query.Limit /= 2
			continue
		} else if err != nil {
			return fmt.Errorf("failed to read history: %w", err)
		}
		if err = each(page.Items); err != nil {
			return err
		}
		if len(page.Items) < query.Limit {
			return nil
		}
		query.Offset += len(page.Items)
	}
}
