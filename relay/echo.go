package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.mau.fi/util/exsync"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// What a person's own account has posted comes back from Wazo as a message of that person, often before the answer to
// the request. So does what the person writes in an app of Wazo. The former must not be shown on Matrix, the latter
// must. A message by such an author is therefore accepted like any other. It is held in the queue to Matrix while it
// may be what was posted: chatd returns the text of a message as it was posted. When the delivery to Wazo is recorded,
// the row of the message that was posted leaves.

// echoes tell what was posted for people from what they wrote on Wazo. They are safe for concurrent use.
type echoes struct {
	db         *db.Database
	authorship *authorship
	startup    *startup
	pauses     *pauses
	tasks      *task.Scheduler[job]
	authors    *exsync.Set[wazoapi.UUID] // of requests by people's own accounts that are in the queues, and of earlier ones
	posting    *exsync.Set[int64]        // portals in which something is being posted through such an account

	mu   sync.Mutex
	held map[int64]time.Time // portals with a message that is held, with the time when it is looked at again at the latest
}

func newEchoes(r *Relay) *echoes {
	return &echoes{
		db: r.db, authorship: r.authorship, startup: r.startup, pauses: r.pauses, tasks: r.tasks,
		authors: exsync.NewSet[wazoapi.UUID](), posting: exsync.NewSet[int64](), held: make(map[int64]time.Time),
	}
}

// load reads whose requests are in the queues.
func (e *echoes) load(ctx context.Context) error {
	authors, err := e.db.Queue.Attempters(ctx)
	if err != nil {
		return fmt.Errorf("failed to read who posts through own accounts: %w", err)
	}
	for _, author := range authors {
		e.authors.Add(wazoapi.UUID(author))
	}
	return nil
}

// longestHold is after how long a message that is held is looked at again, at the latest.
const longestHold = 5 * time.Second

// holds reports whether a row in a queue to Matrix must wait, with those behind it, because its message may be one that
// was posted for somebody on Matrix. When that is over, the queue is woken.
func (e *echoes) holds(ctx context.Context, row *db.Row) (bool, error) {
	if sabotaged("echoes") {
		return false, nil
	}
	author := wazoapi.UUID(row.Author)
	people := e.authorship.people(author)
	isTouched := row.State != db.StateNew || row.HasRequest() || row.Part > 0
	if row.Kind != db.KindMessage || isTouched || len(people) == 0 && !e.authors.Has(author) {
		return false, nil
	}
	e.hold(row.PortalID) // before the look: what ends the wait may come in between
	held, err := e.mayBePosted(ctx, row)
	if err == nil && !held {
		held, err = e.mayBeRestored(ctx, row, people)
	}
	if held {
		e.lookAgain(row.PortalID)
	} else {
		e.forget(row.PortalID)
	}
	return held, err
}

// mayBePosted reports whether a row may be the message of a request that was sent. While the queue to Wazo is paused,
// nobody finds out, so the row does not wait then, unless something is being posted at this moment, or the queue to
// Matrix is paused as well.
func (e *echoes) mayBePosted(ctx context.Context, row *db.Row) (bool, error) {
	var message wazoapi.Message
	if json.Unmarshal([]byte(row.Payload), &message) != nil {
		return false, nil // that is found again when the row is delivered
	} else if attempted, err := e.db.Queue.IsAttempted(ctx, row, message.Content); err != nil || !attempted {
		return false, err
	} else if e.posting.Has(row.PortalID) {
		return true, nil
	}
	return e.isFoundOut(ctx, row.PortalID)
}

// isFoundOut reports whether the queue to Wazo of a portal finds out what became of its requests, before that from Wazo
// goes on. If only the former is paused, that may take days. If both are, what was read from the queue from Wazo a
// moment before the pause waits, too.
func (e *echoes) isFoundOut(ctx context.Context, portalID int64) (bool, error) {
	paused, err := e.pauses.of(ctx, db.QueueKey{PortalID: portalID, Direction: db.ToWazo})
	both := func(p *db.Pause) bool { return p.Direction == "" }
	return len(paused) == 0 || slices.ContainsFunc(paused, both), err
}

// mayBeRestored reports whether the database may be an older copy, so that something waits that the account of one of
// some people has posted before this start, and that has come back as a row. It may also be that /sync has not brought
// it yet.
func (e *echoes) mayBeRestored(ctx context.Context, row *db.Row, people []id.UserID) (bool, error) {
	queue := db.QueueKey{PortalID: row.PortalID, Direction: db.ToWazo}
	if len(people) == 0 || row.Position >= e.startup.began.UnixMicro() {
		return false, nil
	}
	whole := e.startup.isWhole() // read before the phase and the queue
	if e.startup.phase(queue) == phaseMatched {
		return false, nil
	} else if waits, err := e.haveSaid(ctx, row.PortalID, people); err != nil || !waits && whole {
		return false, err
	}
	return e.isFoundOut(ctx, row.PortalID)
}

// haveSaid reports whether something that one of some people said is in the queue to Wazo.
func (e *echoes) haveSaid(ctx context.Context, portalID int64, people []id.UserID) (bool, error) {
	for _, user := range people {
		said, err := e.db.Queue.HasSaid(ctx, portalID, user.String())
		if err != nil || said {
			return said, err
		}
	}
	return false, nil
}

// hold notes that a message of a portal is held.
func (e *echoes) hold(portalID int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, held := e.held[portalID]; !held {
		e.held[portalID] = time.Time{}
	}
}

// lookAgain has a message that is held looked at again after a while, whatever happens.
func (e *echoes) lookAgain(portalID int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next, held := e.held[portalID]
	if now := time.Now(); held && !next.After(now) {
		e.held[portalID] = now.Add(longestHold)
		e.tasks.WakeAfter(longestHold, portalJob(jobToMatrix, portalID))
	}
}

// forget notes that no message of a portal is held. It reports whether one was.
func (e *echoes) forget(portalID int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, held := e.held[portalID]
	delete(e.held, portalID)
	return held
}

// release has a message that is held looked at again, after something happened in the queue to Wazo. Nothing is being
// posted there.
func (e *echoes) release(portalID int64) {
	e.posting.Remove(portalID)
	e.recorded(portalID)
}

// recorded has a message that is held looked at again, after a delivery to Wazo was recorded. The next one is being
// posted.
func (e *echoes) recorded(portalID int64) {
	if e.forget(portalID) {
		e.tasks.Wake(portalJob(jobToMatrix, portalID))
	}
}

// find returns the oldest message in a queue to Matrix that an account may have posted before this start: it has the
// author, one of some texts, and is not older than a time. Nothing of it was sent yet. find returns nil if there is
// none.
func (e *echoes) find(ctx context.Context, portalID int64, author wazoapi.UUID, since db.WazoTime, texts []string) (*wazoapi.Message, error) {
	for _, text := range texts {
		row, err := e.db.Queue.Written(ctx, portalID, string(author), since, jsontime.UMicro(e.startup.began), convert.WithoutQuote(text))
		if err != nil {
			return nil, err
		} else if row != nil {
			return &wazoapi.Message{UUID: wazoapi.UUID(row.SourceID), CreatedAt: time.UnixMicro(row.Position)}, nil
		}
	}
	return nil, nil
}

// hasOlder reports whether something waits in a queue to Matrix that the account of a person may have posted before a
// time. It may have been written in an app of Wazo instead.
func (e *echoes) hasOlder(ctx context.Context, portalID int64, before db.WazoTime) (bool, error) {
	authors, err := e.db.Queue.Writers(ctx, portalID, before)
	return slices.ContainsFunc(authors, func(author string) bool {
		return len(e.authorship.people(wazoapi.UUID(author))) > 0
	}), err
}

// mayBeOwn reports whether a message that a person wrote on Matrix at a time or later may have been posted through the
// person's account before the database was restored.
func (e *echoes) mayBeOwn(ctx context.Context, portalID int64, sender id.UserID, since db.WazoTime) (bool, error) {
	if e.startup.phase(db.QueueKey{PortalID: portalID, Direction: db.ToWazo}) == phaseMatched {
		return false, nil
	}
	for _, author := range e.authorship.of(sender) {
		has, err := e.db.Queue.HasWritten(ctx, portalID, string(author), since, jsontime.UMicro(e.startup.began))
		if err != nil || has {
			return has, err
		}
	}
	return false, nil
}

// isTaken reports whether a message of Wazo cannot be what a row has posted: it is known to have been posted for
// another event, is shown on Matrix, or was there before the row.
func (e *echoes) isTaken(ctx context.Context, row *db.Row, uuid wazoapi.UUID) (bool, error) {
	known, err := e.db.Message.KnowsUUID(ctx, row.PortalID, string(uuid))
	if err != nil || known {
		return known, err
	}
	return e.db.Queue.IsTaken(ctx, row, string(uuid))
}
