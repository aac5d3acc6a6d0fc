package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/command"
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

// Connected implements wazoapi.Handler.
func (r *reader) Connected(context.Context) {
	r.logAt(zerolog.InfoLevel).Msg("Connected to Wazo")
	r.readers.connected(r.acc)
}

// Disconnected implements wazoapi.Handler.
func (r *reader) Disconnected(ctx context.Context, err error) {
	r.logAt(zerolog.WarnLevel).Err(err).Msg("Lost the connection to Wazo")
	r.readers.disconnected(ctx, r.acc, err)
}

// logAt begins a log line, which is only for debugging if it is about the account of a person: there may be hundreds.
func (r *reader) logAt(level zerolog.Level) *zerolog.Event {
	if r.acc == r.account {
		return r.log.WithLevel(level)
	}
	return r.log.Debug().Stringer("matrix_user", r.acc.row.MatrixUser)
}

// MessageCreated implements wazoapi.Handler.
func (r *reader) MessageCreated(ctx context.Context, m wazoapi.Message) error {
	return r.MessagesCreated(ctx, []wazoapi.Message{m})
}

// MessagesCreated implements wazoapi.BatchHandler. Messages that come one after the other are accepted together, for
// the account that reads their portals. A command is accepted alone, because it may end a link.
func (r *reader) MessagesCreated(ctx context.Context, messages []wazoapi.Message) error {
	var together []wazoapi.Message
	var by *account // who reads these
	accept := func() error {
		if len(together) == 0 {
			return nil
		}
		added, err := (&reader{r.Relay, by}).acceptMessages(ctx, together, false)
		if added > 0 {
			r.readers.used(by)
		}
		together = nil
		return err
	}
	for _, m := range messages {
		_, isCommand := command.Parse(m.Content, r.cfg.CommandPrefix)
		if isCommand {
			if err := accept(); err != nil {
				return err
			}
		}
		acc, err := r.acceptsFor(ctx, m)
		if err != nil {
			return err
		} else if acc == nil {
			continue
		} else if acc != by {
			if err = accept(); err != nil {
				return err
			}
			by = acc
		}
		if together = append(together, m); isCommand {
			if err = accept(); err != nil {
				return err
			}
		}
	}
	return accept()
}

// acceptsFor returns the account for which a message is accepted: that which reads its portal. It returns nil if the
// message is not accepted now. Only what the reader of a portal hears is accepted: it alone knows that nothing before
// it is missing.
func (r *reader) acceptsFor(ctx context.Context, m wazoapi.Message) (*account, error) {
	portal, err := r.db.Portal.ByWazoRoom(ctx, string(m.Room))
	if err != nil {
		return nil, err
	} else if portal == nil {
		return nil, r.withoutPortal(ctx, m)
	}
	acc := r.readers.of(portal)
	if acc == nil || acc.stream() != r.acc.stream() {
		r.readers.overhear(portal, m)
		return nil, nil
	} else if (acc != r.acc || r.readers.mayHearAll(r.acc)) && !acc.stillHears(ctx, m.Room, r.cfg.MemberKept) {
		acc.setUnverified(portal.ID)
		r.tasks.Wake(portalJob(jobCatchUp, portal.ID))
		return nil, nil
	}
	return acc, nil
}

// RoomCreated implements wazoapi.Handler. The members that listen through this account learn of the room, too.
func (r *reader) RoomCreated(_ context.Context, room wazoapi.Room) error {
	for _, acc := range r.accounts.inUse() {
		if room.Has(acc.uuid()) && (acc == r.acc || acc.stream() == r.acc.stream()) {
			acc.addRoom(room)
		}
	}
	return nil
}

// probe looks for news in all portals of an account by one cheap question, and has the history read of those with news.
func (r *reader) probe(ctx context.Context) error {
	connection, young := r.acc.stream().connection.Load(), r.connectionIsYoung()
	if young > 0 { // what is being committed now was perhaps announced to nobody
		r.tasks.WakeAfter(young, accountJob(jobProbe, r.acc))
		return nil
	}
	defer r.acc.looked.Store(true)
	r.lookForLate(connection)
	portals, err := r.db.Portal.OfReader(ctx, r.acc.row.ID)
	if err != nil {
		return err
	}
	portals = slices.DeleteFunc(portals, func(portal *db.Portal) bool { return portal.StartedOnWazo.IsZero() })
	latest, err := r.newestMessages(ctx)
	if err != nil && classify(err).Class == ClassPortal {
		for _, portal := range portals { // others may have to read them
			r.tasks.Wake(portalJob(jobCatchUp, portal.ID))
		}
	}
	if err != nil && r.acc != r.account {
		return r.probeFailed(ctx, err)
	} else if err != nil {
		return err
	}
	r.events.looked(r.acc, connection, latest)
	busy, err := r.busyQueues(ctx)
	if err != nil {
		return err
	}
	outside, err := r.withOutside(ctx)
	if err != nil {
		return err
	}
	newest := make(map[string]time.Time, len(latest))
	for _, m := range latest {
		newest[string(m.Room)] = m.CreatedAt
	}
	for _, portal := range portals {
		// A message may be committed after a later one was read, so a room is quiet only after a read that found
		// nothing new. A room that is not there has been left.
		last, isMember := newest[portal.WazoRoom]
		isQuiet := isMember && !last.After(portal.ReadUntil.Time) && (portal.Settled || r.acc.isQuiet(portal.ID, r.cfg.HistorySettles))
		if isQuiet && (!outside[portal.ID] || r.acc.isVerified(portal.ID)) {
			r.verified(portal, connection, true)
			for _, key := range busy[portal.ID] {
				r.tasks.Wake(queueJob(key))
			}
			r.wazoRelations.lookAgain(portal.ID)
			continue
		}
		r.tasks.Wake(portalJob(jobCatchUp, portal.ID))
	}
	return r.openings.heard(ctx, r.acc, latest, portals)
}

// lookForLate has the account of a person look for news once more in each connection, when messages from outside must be
// there that chatd stores late, and of which it tells nobody. Portals are read once more by themselves
// (readOutsideAgain), but no portal stands for a number that has never written before. A thousand accounts do not look
// at the same moment.
func (r *reader) lookForLate(connection uint64) {
	if r.acc != r.account && r.acc.lateLook.Swap(connection) != connection {
		r.tasks.WakeAfter(r.cfg.OutsideLag+rand.N(3*r.cfg.OutsideLag), accountJob(jobProbe, r.acc))
	}
}

// connectionIsYoung returns for how long nothing may be read yet, because the connection of the account was made just
// now: what was being committed then was perhaps announced before, to nobody. It is 0 if there is no connection.
func (r *reader) connectionIsYoung() time.Duration {
	if stream := r.acc.stream(); stream.connected.Load() {
		return max(0, r.cfg.CommitLag-time.Since(stream.since.load()))
	}
	return 0
}

// busyQueues returns the queues that have something to deliver, by portal.
func (r *reader) busyQueues(ctx context.Context) (map[int64][]db.QueueKey, error) {
	keys, err := r.db.Queue.Busy(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to read the queues: %w", err)
	}
	busy := make(map[int64][]db.QueueKey)
	for _, key := range keys {
		busy[key.PortalID] = append(busy[key.PortalID], key)
	}
	return busy, nil
}

// probeFailed returns the error of a look for news by a person's account, nil if only this account is at fault: the
// histories are read all the same, or by others. While wazo-chatd works for others, the error says nothing about it.
func (r *reader) probeFailed(ctx context.Context, err error) error {
	if err = r.readers.failedAlone(ctx, r.acc, err); err != nil && r.health.of(serviceChat).works {
		return &ownAccountError{err}
	}
	return r.readers.readError(r.acc, err)
}

// newestMessages returns the newest message of each of the account's rooms. If another account hears for it, its rooms
// are listed, too: what is heard is compared with the list.
func (r *reader) newestMessages(ctx context.Context) ([]wazoapi.Message, error) {
	if err := r.reading.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer r.reading.Release(1)
	start := time.Now()
	latest, err := r.acc.api.LatestMessages(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to look for news: %w", err)
	}
	if r.acc.shared.Load() != nil {
		if err = r.acc.listRoomsOnce(ctx); err != nil {
			return nil, err
		}
	}
	r.acc.probeTook(time.Since(start))
	return latest, nil
}

// catchUp reads a portal's history from its verified cursor on and moves the cursor. Nothing else moves it.
// If nobody listens, it reads twice: what was being committed during the first read may be older than what that found.
func (r *reader) catchUp(ctx context.Context, portal *db.Portal) error {
	connection := r.acc.stream().connection.Load()
	if sabotaged("catchup") {
		r.caughtUp(portal, connection, true)
		return nil
	}
	if err := r.tasks.Sleep(ctx, r.connectionIsYoung()); err != nil {
		return err
	}
	isFirst := !r.acc.isVerified(portal.ID)
	isNews, isReader, err := r.readNews(ctx, portal)
	if err == nil && isReader && isFirst && !r.acc.stream().connected.Load() {
		if err = r.tasks.Sleep(ctx, r.cfg.CommitLag); err == nil {
			isNews, isReader, err = r.readNews(ctx, portal)
		}
	}
	if err == nil && isReader && isFirst {
		err = r.readOutsideAgain(ctx, portal)
	} else if err == nil && isReader {
		err = r.readOldStatuses(ctx, portal)
	}
	if err != nil {
		return err
	} else if !isReader {
		r.tasks.Wake(portalJob(jobCatchUp, portal.ID)) // that is for the new reader
		return nil
	}
	r.caughtUp(portal, connection, !isNews)
	return nil
}

// caughtUp notes a completed catch-up that began during a connection of the account.
func (r *reader) caughtUp(portal *db.Portal, connection uint64, quiet bool) {
	r.verified(portal, connection, quiet)
	r.wakeQueues(portal.ID)
}

// verified notes that everything is known that was said in a portal's Wazo room before a connection of the account.
func (r *reader) verified(portal *db.Portal, connection uint64, quiet bool) {
	r.startup.reached(db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo}, phaseKnown)
	r.acc.setVerified(portal.ID, connection, quiet)
}

// overlap is how far before the verified cursor history is read again, because chatd sets created_at before it commits
// a message (docs/wazo.md, "created_at precedes the commit").
const overlap = time.Minute

// readFrom returns the time from which a portal's history is read: everything before it is known, or older than the
// link.
func readFrom(portal *db.Portal) db.WazoTime {
	from := jsontime.UMicro(portal.ReadUntil.Add(-overlap))
	if portal.ReadUntil.IsZero() || from.Before(portal.StartedOnWazo.Time) {
		return portal.StartedOnWazo
	}
	return from
}

// readNews reads a portal's history once. It reports whether it found anything new, and whether the account is still
// the reader.
func (r *reader) readNews(ctx context.Context, portal *db.Portal) (isNews, isReader bool, err error) {
	if err = r.reading.Acquire(ctx, 1); err != nil {
		return false, false, err
	}
	defer r.reading.Release(1)
	began, readUntil, added := time.Now(), portal.ReadUntil, 0
	findOrphans := r.startup.phase(db.QueueKey{PortalID: portal.ID, Direction: db.ToWazo}) == phaseUnknown
	err = r.readHistory(ctx, wazoapi.UUID(portal.WazoRoom), readFrom(portal), func(page []wazoapi.Message) error {
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
		return false, false, err
	}
	if isReader, err = r.db.Portal.MoveCursor(ctx, portal.ID, r.acc.row.ID, readUntil); err != nil {
		return false, false, fmt.Errorf("failed to move the cursor: %w", err)
	}
	isNews = added > 0 || readUntil.After(portal.ReadUntil.Time)
	portal.ReadUntil = readUntil
	if r.acc.noteRead(portal.ID, began, isNews, r.cfg.HistorySettles) && isReader && !portal.Settled {
		if err = r.db.Portal.SetSettled(ctx, portal.ID, r.acc.row.ID, readUntil); err != nil {
			return false, false, fmt.Errorf("failed to store that a history is settled: %w", err)
		}
	}
	return isNews, isReader, nil
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
