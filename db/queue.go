package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tidwall/sjson"
	"go.mau.fi/util/dbutil"
)

// Direction says where the messages of a queue are delivered.
type Direction string

// The two queues of a portal.
const (
	ToWazo   Direction = "to_wazo"
	ToMatrix Direction = "to_matrix"
)

// Reading is the step before ToMatrix, in which the relay reads messages from Wazo and queues them. Only pauses have
// this direction.
const Reading Direction = "reading"

// Kind says whether a queue row comes from a person or from the relay itself.
type Kind string

// The kinds of queue rows.
const (
	KindMessage      Kind = "message"      // a person wrote it
	KindIntroduction Kind = "introduction" // to Wazo: the relay introduces itself; the link starts there with this message
	KindLinked       Kind = "linked"       // to Matrix: the "Linked" notice; the link starts there with this message
)

// State is the state of the delivery of a queue row.
type State string

// The states of a queue row.
const (
	StateNew       State = "new"       // its next part was not sent yet
	StateAttempted State = "attempted" // its next part was sent or is about to be sent; it may have been delivered
	StateWaiting   State = "waiting"   // it waits for a key, and the queue goes on without it
	StateParked    State = "parked"    // it was refused, and the queue goes on without it until a person decides
)

// Row is one message that waits to be delivered. It is deleted after it was delivered.
type Row struct {
	ID          int64
	PortalID    int64
	Direction   Direction
	Kind        Kind
	SourceID    string // the Matrix event id or the Wazo message UUID; unique in its queue
	Author      string // the Matrix user id or the Wazo user UUID
	Position    int64  // the order in the queue: the place in the Matrix timeline, or created_at of the Wazo message in µs
	Payload     string // the content that was accepted, JSON
	State       State
	Session     string // the Megolm session that encrypts the payload; empty: the payload can be read
	Late        bool   // the queue went on without it while its key was missing
	Revision    int    // how often the payload was replaced, because it was decrypted or edited
	Parts       int    // how many parts the request has; 0: there is no request yet
	Part        int    // the part that is delivered next; the first one is 0
	Attempts    int    // how often the delivery of this part was attempted
	AttemptedAt Time   // when the last attempt began, or when its outcome was found to be unknown
	AcceptedAt  Time
	Error       string // why it is parked, for people
	MergedInto  int64  // the row whose request shows this message, too; 0: the row is delivered by itself
	Alone       bool   // it is not merged (again), because a merged event could not be delivered
}

// gapSpan is the number of positions that a gap reserves. No gap has more events than that.
const gapSpan = int64(1) << 32

const (
	rowColumns         = `id, portal_id, direction, kind, source_id, author, position, payload.content, state, session, late, revision, parts, part, attempts, attempted_at, accepted_at, error, COALESCE(merged_into, 0), alone`
	selectRows         = `SELECT ` + rowColumns + ` FROM queue JOIN payload ON payload.row_id = queue.id `
	insertRowQuery     = `INSERT INTO queue (portal_id, direction, kind, source_id, author, position, state, session, accepted_at, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (portal_id, direction, source_id) DO NOTHING RETURNING id`
	putPayloadQuery    = `INSERT INTO payload (row_id, content) VALUES ($1, $2) ON CONFLICT (row_id) DO UPDATE SET content = excluded.content`
	putRequestQuery    = `INSERT INTO request (row_id, part, content) VALUES ($1, $2, $3)`
	requestQuery       = `SELECT content FROM request WHERE row_id = $1 AND part = $2`
	nextRowQuery       = selectRows + `WHERE portal_id = $1 AND direction = $2 AND state NOT IN ('parked', 'waiting') AND merged_into IS NULL ORDER BY position, id LIMIT 1`
	isNextQuery        = `SELECT id, revision, state, parts, part, alone FROM queue WHERE portal_id = $1 AND direction = $2 AND state NOT IN ('parked', 'waiting') AND merged_into IS NULL ORDER BY position, id LIMIT 1`
	followingQuery     = selectRows + `WHERE portal_id = $1 AND direction = $2 AND state NOT IN ('parked', 'waiting') AND (position, id) > ($3, $4) ORDER BY position, id LIMIT $5`
	firstSourcesQuery  = `SELECT source_id, position FROM queue WHERE portal_id = $1 AND direction = $2 ORDER BY position, id LIMIT $3`
	dropRequestQuery   = `DELETE FROM request WHERE row_id = $1`
	rowByIDQuery       = selectRows + `WHERE id = $1`
	rowBySourceQuery   = selectRows + `WHERE portal_id = $1 AND direction = $2 AND source_id = $3`
	attemptRowQuery    = `UPDATE queue SET state = 'attempted', parts = $2, attempts = attempts + 1, attempted_at = $3 WHERE id = $1 AND revision = $4`
	unknownRowQuery    = `UPDATE queue SET attempted_at = $2 WHERE id = $1`
	setRowStateQuery   = `UPDATE queue SET state = $2, error = $3 WHERE id = $1`
	passOverQuery      = `UPDATE queue SET state = 'waiting' WHERE id = $1 AND revision = $2 AND state = 'new'`
	reviseRowQuery     = `UPDATE queue SET state = 'new', session = '', late = late OR state = 'waiting', revision = revision + 1, parts = 0, attempts = 0, error = '' WHERE id = $1 AND revision = $2`
	payloadQuery       = `SELECT content FROM payload WHERE row_id = $1`
	nextRevisionQuery  = `UPDATE queue SET revision = revision + 1 WHERE id = $1`
	setPartQuery       = `UPDATE queue SET part = $2, state = 'new', attempts = 0, error = '' WHERE id = $1 AND part = $3`
	finishRowQuery     = `DELETE FROM queue WHERE id = $1 AND part = $2`
	deleteRowQuery     = `DELETE FROM queue WHERE id = $1`
	deleteUpToQuery    = `DELETE FROM queue WHERE portal_id = $1 AND direction = $2 AND kind = 'message' AND position <= $3`
	lastPositionQuery  = `SELECT MAX(last) FROM (SELECT 0 AS last UNION ALL SELECT MAX(position) FROM queue WHERE portal_id = $1 AND direction = 'to_wazo' UNION ALL SELECT MAX(next_position) FROM gap WHERE portal_id = $1) AS known`
	blockedQuery       = selectRows + `WHERE portal_id = $1 AND state IN ('parked', 'waiting') ORDER BY direction, position, id`
	encryptedQuery     = selectRows + `WHERE session = $1 AND session <> '' AND state IN ('new', 'waiting') ORDER BY portal_id, position, id`
	waitingQuery       = selectRows + `WHERE state = 'waiting' AND accepted_at <= $1 ORDER BY portal_id, position, id`
	isMissingQuery     = `SELECT EXISTS (SELECT 1 FROM queue WHERE session = $1 AND session <> '' AND state = 'waiting')`
	sessionsQuery      = `SELECT DISTINCT session FROM queue WHERE session <> '' AND state = 'waiting'`
	retryParkedQuery   = `UPDATE queue SET state = CASE parts WHEN 0 THEN 'new' ELSE 'attempted' END, attempts = 0, accepted_at = $2, error = '' WHERE portal_id = $1 AND state = 'parked'`
	unparkQuery        = `UPDATE queue SET state = CASE parts WHEN 0 THEN 'new' ELSE 'attempted' END, attempts = 0, accepted_at = $2, error = '' WHERE id = $1 AND state = 'parked'`
	countRowsQuery     = `SELECT direction, state, COUNT(*) FROM queue WHERE portal_id = $1 GROUP BY direction, state`
	oldestQuery        = `SELECT portal_id, direction, MIN(accepted_at) FROM queue WHERE state NOT IN ('parked', 'waiting') GROUP BY portal_id, direction`
	busyQueuesQuery    = `SELECT DISTINCT portal_id, direction FROM queue WHERE state NOT IN ('parked', 'waiting')`
	waitingSayersQuery = `SELECT DISTINCT author FROM queue WHERE portal_id = $1 AND direction = 'to_wazo' AND kind = 'message' AND author <> '' ORDER BY author`
	newestShownQuery   = `SELECT MAX(newest) FROM (SELECT 0 AS newest UNION ALL SELECT MAX(position) FROM queue WHERE portal_id = $1 AND direction = 'to_matrix' UNION ALL SELECT MAX(created_at) FROM message WHERE portal_id = $1) AS known`
)

// Queue is the table of messages that wait to be delivered. It holds two queues for each portal, one for each
// direction.
type Queue struct {
	*dbutil.QueryHelper[*Row]
}

func newQueue(db *dbutil.Database) *Queue {
	return &Queue{dbutil.MakeQueryHelperSimple(db, func() *Row { return &Row{} })}
}

// Scan implements dbutil.DataStruct.
func (r *Row) Scan(row dbutil.Scannable) (*Row, error) {
	return dbutil.ValueOrErr(r, row.Scan(&r.ID, &r.PortalID, &r.Direction, &r.Kind, &r.SourceID, &r.Author, &r.Position, &r.Payload,
		&r.State, &r.Session, &r.Late, &r.Revision, &r.Parts, &r.Part, &r.Attempts, timeColumn(&r.AttemptedAt), timeColumn(&r.AcceptedAt), &r.Error, &r.MergedInto, &r.Alone))
}

// Insert adds a row. It returns false if a row with the same SourceID is in this queue already.
func (t *Queue) Insert(ctx context.Context, r *Row) (added bool, err error) {
	err = doTxn(ctx, t.GetDB(), func(ctx context.Context) error {
		var rowID int64
		err := t.GetDB().QueryRow(ctx, insertRowQuery, r.PortalID, r.Direction, r.Kind, r.SourceID, r.Author, r.Position, r.State, r.Session, r.AcceptedAt, r.Error).Scan(&rowID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		added = true
		return t.Exec(ctx, putPayloadQuery, rowID, r.Payload)
	})
	if err != nil {
		return false, fmt.Errorf("failed to queue %s: %w", r.SourceID, err)
	}
	return added, nil
}

// Next returns the row that is to be delivered next, or nil if there is none. It skips rows that are parked or wait for
// a key, and rows that are merged into another one.
func (t *Queue) Next(ctx context.Context, portalID int64, direction Direction) (*Row, error) {
	return t.QueryOne(ctx, nextRowQuery, portalID, direction)
}

// IsNext reports whether a row is what Next returns, is as it was read, and was never attempted.
func (t *Queue) IsNext(ctx context.Context, row *Row) (bool, error) {
	next := Row{}
	err := t.GetDB().QueryRow(ctx, isNextQuery, row.PortalID, row.Direction).Scan(&next.ID, &next.Revision, &next.State, &next.Parts, &next.Part, &next.Alone)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return next.ID == row.ID && next.Revision == row.Revision && next.Part == row.Part && next.State == StateNew && !next.HasRequest() && !next.Alone, err
}

// Following returns the rows that stand behind a row in its queue, at most limit of them. It skips the same rows as
// Next, except for those that are merged into another one.
func (t *Queue) Following(ctx context.Context, row *Row, limit int) ([]*Row, error) {
	return t.QueryMany(ctx, followingQuery, row.PortalID, row.Direction, row.Position, row.ID, limit)
}

// FirstSources returns the sources of the first rows of a queue, at most limit of them, in whatever state, and the
// position of the last.
func (t *Queue) FirstSources(ctx context.Context, portalID int64, direction Direction, limit int) (sources []string, last int64, err error) {
	rows, err := t.GetDB().Query(ctx, firstSourcesQuery, portalID, direction, limit)
	err = dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (source string, err error) {
		return source, row.Scan(&source, &last)
	}, err).Iter(func(source string) (bool, error) {
		sources = append(sources, source)
		return true, nil
	})
	return sources, last, err
}

// ByID returns a row, or nil if it does not exist any more.
func (t *Queue) ByID(ctx context.Context, rowID int64) (*Row, error) {
	return t.QueryOne(ctx, rowByIDQuery, rowID)
}

// BySource returns the row of a Matrix event or Wazo message, or nil if it is not in this queue.
func (t *Queue) BySource(ctx context.Context, portalID int64, direction Direction, source string) (*Row, error) {
	return t.QueryOne(ctx, rowBySourceQuery, portalID, direction, source)
}

// MarkAttempted must be called before the next part of a row is sent. It stores that this part may be delivered from
// now on. request holds all parts. It is stored at the first attempt and ignored afterwards. MarkAttempted returns
// false if the row was deleted or changed since it was read, because the rooms were unlinked or because the message was
// edited or redacted. The part must not be sent then.
func (t *Queue) MarkAttempted(ctx context.Context, row *Row, request []string, now Time) (there bool, err error) {
	if !needsSync(ctx) {
		return false, errNotSynced
	}
	isFirst := row.Parts == 0
	err = doTxn(ctx, t.GetDB(), func(ctx context.Context) error {
		parts := row.Parts
		if isFirst {
			parts = len(request)
		}
		there, err = changed(t.GetDB().Exec(ctx, attemptRowQuery, row.ID, parts, now, row.Revision))
		if err != nil || !there || !isFirst {
			return err
		}
		for part, content := range request {
			if err = t.Exec(ctx, putRequestQuery, row.ID, part, content); err != nil {
				return err
			}
		}
		return nil
	})
	return there, err
}

// Request returns the content that is sent for a part of a row. It returns an error if the row has no such part.
func (t *Queue) Request(ctx context.Context, rowID int64, part int) (content string, err error) {
	if err = t.GetDB().QueryRow(ctx, requestQuery, rowID, part).Scan(&content); err != nil {
		return "", fmt.Errorf("failed to read a request: %w", err)
	}
	return content, nil
}

// MarkUnknown stores when the outcome of an attempt was found to be unknown.
func (t *Queue) MarkUnknown(ctx context.Context, rowID int64, now Time) error {
	return t.Exec(ctx, unknownRowQuery, rowID, now)
}

// SetState stores the state of a row, and for people the reason why it is parked.
func (t *Queue) SetState(ctx context.Context, rowID int64, state State, reason string) error {
	return t.Exec(ctx, setRowStateQuery, rowID, state, reason)
}

// PassOver lets the queue go on without a row whose key is missing. It returns false if the row is not new any more, or
// was deleted or changed since it was read.
func (t *Queue) PassOver(ctx context.Context, row *Row) (bool, error) {
	return changed(t.GetDB().Exec(ctx, passOverQuery, row.ID, row.Revision))
}

// SetPayload replaces the payload of a row by one that can be read and sets the state to StateNew. The row becomes late
// if it waited for a key. A request of the row is deleted; it must be known that it was not carried out. SetPayload
// returns false if the row was deleted or changed since it was read.
func (t *Queue) SetPayload(ctx context.Context, row *Row, payload string) (there bool, err error) {
	err = doTxn(ctx, t.GetDB(), func(ctx context.Context) error {
		there, err = changed(t.GetDB().Exec(ctx, reviseRowQuery, row.ID, row.Revision))
		if err != nil || !there {
			return err
		} else if err = t.Exec(ctx, dropRequestQuery, row.ID); err != nil {
			return err
		}
		return t.Exec(ctx, putPayloadQuery, row.ID, payload)
	})
	return there, err
}

// MarkTakenBack notes in the payload of a row that the event was redacted, as a homeserver does (client-server API,
// "Redactions"). An attempt that has not begun yet does not begin any more. A payload that is no JSON stays as it is,
// and a row that is gone is ignored.
func (t *Queue) MarkTakenBack(ctx context.Context, rowID int64) error {
	return t.mark(ctx, rowID, "unsigned.redacted_because", "{}")
}

// MarkEdited notes in the payload of a row, at unsigned."io.wazo.relay.edit_waits", that an edit of it waits by itself.
// Otherwise it is like MarkTakenBack.
func (t *Queue) MarkEdited(ctx context.Context, rowID int64) error {
	return t.mark(ctx, rowID, `unsigned.io\.wazo\.relay\.edit_waits`, "true")
}

func (t *Queue) mark(ctx context.Context, rowID int64, path, value string) error {
	return doTxn(ctx, t.GetDB(), func(ctx context.Context) error {
		var payload string
		err := t.GetDB().QueryRow(ctx, payloadQuery, rowID).Scan(&payload)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		if json.Valid([]byte(payload)) {
			if payload, err = sjson.SetRaw(payload, path, value); err != nil {
				return err
			} else if err = t.Exec(ctx, putPayloadQuery, rowID, payload); err != nil {
				return err
			}
		}
		return t.Exec(ctx, nextRevisionQuery, rowID)
	})
}

// FinishPart notes that a part of a row is delivered. The row leaves with its last part. A row without a request was
// sent before the database was restored; how many parts it has is found when its turn comes. FinishPart reports false
// if the part was finished before, or if the row is gone.
func (t *Queue) FinishPart(ctx context.Context, row *Row, part int) (bool, error) {
	if row.Kind != KindLinked && (row.Parts == 0 || part+1 < row.Parts) {
		return changed(t.GetDB().Exec(ctx, setPartQuery, row.ID, part+1, part))
	}
	return changed(t.GetDB().Exec(ctx, finishRowQuery, row.ID, part))
}

// Delete removes a row. It reports false if the row is gone already.
func (t *Queue) Delete(ctx context.Context, rowID int64) (bool, error) {
	return changed(t.GetDB().Exec(ctx, deleteRowQuery, rowID))
}

// DeleteUpTo removes the rows of people up to and including a position, because they are older than the link.
func (t *Queue) DeleteUpTo(ctx context.Context, portalID int64, direction Direction, position int64) error {
	return t.Exec(ctx, deleteUpToQuery, portalID, direction, position)
}

// LastPosition returns the last position in a portal's queue to Wazo that a row has or a gap reserves. It returns 0 if
// there is none.
func (t *Queue) LastPosition(ctx context.Context, portalID int64) (position int64, err error) {
	err = t.GetDB().QueryRow(ctx, lastPositionQuery, portalID).Scan(&position)
	return position, err
}

// Sayers returns the Matrix users of whom something is in a portal's queue to Wazo.
func (t *Queue) Sayers(ctx context.Context, portalID int64) ([]string, error) {
	rows, err := t.GetDB().Query(ctx, waitingSayersQuery, portalID)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
}

// NewestOfWazo returns the time of the newest message of Wazo that is in a portal's queue or was delivered, in either
// direction. It returns the zero time if there is none.
func (t *Queue) NewestOfWazo(ctx context.Context, portalID int64) (newest WazoTime, err error) {
	err = t.GetDB().QueryRow(ctx, newestShownQuery, portalID).Scan(wazoTimeColumn(&newest))
	return newest, err
}

// Blocked returns the rows of a portal without which its queues go on, because they are parked or wait for a key.
func (t *Queue) Blocked(ctx context.Context, portalID int64) ([]*Row, error) {
	return t.QueryMany(ctx, blockedQuery, portalID)
}

// EncryptedBy returns the rows that a Megolm session encrypts and that are new or wait for its key, in the order of
// their queues.
func (t *Queue) EncryptedBy(ctx context.Context, session string) ([]*Row, error) {
	return t.QueryMany(ctx, encryptedQuery, session)
}

// Waiting returns the rows that wait for a key and were accepted at or before a time, in the order of their queues.
func (t *Queue) Waiting(ctx context.Context, acceptedUntil Time) ([]*Row, error) {
	return t.QueryMany(ctx, waitingQuery, acceptedUntil)
}

// IsMissing reports whether a row waits for the key of a Megolm session.
func (t *Queue) IsMissing(ctx context.Context, session string) (missing bool, err error) {
	err = t.GetDB().QueryRow(ctx, isMissingQuery, session).Scan(&missing)
	return missing, err
}

// MissingSessions returns the Megolm sessions for whose keys rows wait.
func (t *Queue) MissingSessions(ctx context.Context) ([]string, error) {
	rows, err := t.GetDB().Query(ctx, sessionsQuery)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
}

// RetryParked puts the parked rows of a portal back into its queues. Rows that have a request become attempted and not
// new, so that the relay checks first whether they were delivered.
func (t *Queue) RetryParked(ctx context.Context, portalID int64, now Time) error {
	return t.Exec(ctx, retryParkedQuery, portalID, now)
}

// Unpark is RetryParked for one row.
func (t *Queue) Unpark(ctx context.Context, rowID int64, now Time) error {
	return t.Exec(ctx, unparkQuery, rowID, now)
}

// Counts says how many rows a queue has.
type Counts struct {
	Pending int // in StateNew or StateAttempted
	Waiting int // in StateWaiting
	Parked  int // in StateParked
}

// Counts returns how many rows the queues of a portal have.
func (t *Queue) Counts(ctx context.Context, portalID int64) (map[Direction]Counts, error) {
	type group struct {
		direction Direction
		state     State
		n         int
	}
	rows, err := t.GetDB().Query(ctx, countRowsQuery, portalID)
	counts := make(map[Direction]Counts, 2)
	return counts, dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (g group, err error) {
		err = row.Scan(&g.direction, &g.state, &g.n)
		return g, err
	}, err).Iter(func(g group) (bool, error) {
		c := counts[g.direction]
		switch g.state {
		case StateParked:
			c.Parked += g.n
		case StateWaiting:
			c.Waiting += g.n
		default:
			c.Pending += g.n
		}
		counts[g.direction] = c
		return true, nil
	})
}

// QueueKey identifies a queue.
type QueueKey struct {
	PortalID  int64
	Direction Direction
}

// HasRequest reports whether the row was attempted before: then its request is stored, and never changes.
func (r *Row) HasRequest() bool { return r.Parts > 0 }

// Queue returns the queue that a row is in.
func (r *Row) Queue() QueueKey { return QueueKey{PortalID: r.PortalID, Direction: r.Direction} }

// Busy returns the queues that have something to deliver.
func (t *Queue) Busy(ctx context.Context) ([]QueueKey, error) {
	rows, err := t.GetDB().Query(ctx, busyQueuesQuery)
	return dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (key QueueKey, err error) {
		err = row.Scan(&key.PortalID, &key.Direction)
		return key, err
	}, err).AsList()
}

// OldestRow says since when the oldest row of a queue that can be delivered has been in it.
type OldestRow struct {
	QueueKey
	AcceptedAt Time
}

// Oldest returns the queues that have something to deliver, with the oldest row of each.
func (t *Queue) Oldest(ctx context.Context) ([]OldestRow, error) {
	rows, err := t.GetDB().Query(ctx, oldestQuery)
	return dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (oldest OldestRow, err error) {
		err = row.Scan(&oldest.PortalID, &oldest.Direction, timeColumn(&oldest.AcceptedAt))
		return oldest, err
	}, err).AsList()
}
