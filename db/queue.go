package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"go.mau.fi/util/dbutil"
)

// Direction is where a queue leads.
type Direction string

// The two queues of a portal.
const (
	ToWazo   Direction = "to_wazo"
	ToMatrix Direction = "to_matrix"
)

// Reading is the way from Wazo into a portal's queue to Matrix, for pauses only: what cannot be read cannot be shown.
const Reading Direction = "reading"

// Kind tells people's messages from the relay's own.
type Kind string

// What a queue carries.
const (
	KindMessage      Kind = "message"
	KindIntroduction Kind = "introduction" // to Wazo: who the relay is; its time is the boundary of the link there
	KindLinked       Kind = "linked"       // to Matrix: the notice that is the boundary of the link there
)

// State is how far a queue row has come.
type State string

// The states of a queue row.
const (
	StateNew       State = "new"
	StateAttempted State = "attempted" // its request may have been carried out
	StateWaiting   State = "waiting"   // for a key, and passed over
	StateParked    State = "parked"    // refused; a person decides
)

// Row is one thing that waits to be delivered.
type Row struct {
	ID          int64
	PortalID    int64
	Direction   Direction
	Kind        Kind
	Source      string
	Author      string
	Position    int64
	Payload     string // what was accepted, JSON
	State       State
	Session     string // the Megolm session by which the payload is encrypted, "" if it can be read
	Late        bool   // it was passed over while its key was missing
	Revision    int    // how often the payload was replaced
	Parts       int    // how many parts the request has, 0 if there is no request yet
	Part        int    // the part that is delivered next
	Attempts    int
	AttemptedAt int64 // ms, our clock: when the last attempt was begun, or its outcome found unknown
	FirstTried  int64 // ms, our clock
	AcceptedAt  int64 // ms, our clock
	Error       string
}

// gapSpan is how many positions a gap reserves: more events than any timeline can miss.
const gapSpan = int64(1) << 32

const (
	rowColumns       = `id, portal_id, direction, kind, source, author, position, payload.content, state, session, late, revision, parts, part, attempts, attempted_at, first_tried, accepted_at, error`
	selectRows       = `SELECT ` + rowColumns + ` FROM queue JOIN payload ON payload.row_id = queue.id `
	insertRowQuery   = `INSERT INTO queue (portal_id, direction, kind, source, author, position, state, session, accepted_at, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (portal_id, direction, source) DO NOTHING RETURNING id`
	putPayloadQuery  = `INSERT INTO payload (row_id, content) VALUES ($1, $2) ON CONFLICT (row_id) DO UPDATE SET content = excluded.content`
	putRequestQuery  = `INSERT INTO request (row_id, part, content) VALUES ($1, $2, $3)`
	requestQuery     = `SELECT content FROM request WHERE row_id = $1 AND part = $2`
	nextRowQuery     = selectRows + `WHERE portal_id = $1 AND direction = $2 AND state NOT IN ('parked', 'waiting') ORDER BY position, id LIMIT 1`
	rowByIDQuery     = selectRows + `WHERE id = $1`
	rowBySourceQuery = selectRows + `WHERE portal_id = $1 AND direction = $2 AND source = $3`
	attemptRowQuery  = `UPDATE queue SET state = 'attempted', parts = $2, attempts = attempts + 1, attempted_at = $3, first_tried = CASE first_tried WHEN 0 THEN $3 ELSE first_tried END WHERE id = $1 AND revision = $4`
	unknownRowQuery  = `UPDATE queue SET attempted_at = $2 WHERE id = $1`
	setRowStateQuery = `UPDATE queue SET state = $2, error = $3 WHERE id = $1`
	passOverQuery    = `UPDATE queue SET state = 'waiting' WHERE id = $1 AND revision = $2 AND state = 'new'`
	reviseRowQuery   = `UPDATE queue SET state = 'new', session = '', late = late OR state = 'waiting', revision = revision + 1, error = '' WHERE id = $1 AND revision = $2`
	setPartQuery     = `UPDATE queue SET part = $2, state = 'new', attempts = 0, first_tried = 0, error = '' WHERE id = $1`
	deleteRowQuery   = `DELETE FROM queue WHERE id = $1`
	deleteUpToQuery  = `DELETE FROM queue WHERE portal_id = $1 AND direction = $2 AND kind = 'message' AND position <= $3`
	lastPositionSQL  = `SELECT MAX(0, COALESCE((SELECT MAX(position) FROM queue WHERE portal_id = $1 AND direction = 'to_wazo'), 0), COALESCE((SELECT MAX(last) FROM gap WHERE portal_id = $1), 0))`
	setAsideQuery    = selectRows + `WHERE portal_id = $1 AND state IN ('parked', 'waiting') ORDER BY direction, position, id`
	encryptedQuery   = selectRows + `WHERE session = $1 AND session <> '' AND state IN ('new', 'waiting') ORDER BY portal_id, position, id`
	waitingQuery     = selectRows + `WHERE state = 'waiting' AND accepted_at <= $1 ORDER BY portal_id, position, id`
	isMissingQuery   = `SELECT EXISTS (SELECT 1 FROM queue WHERE session = $1 AND session <> '' AND state = 'waiting')`
	sessionsQuery    = `SELECT DISTINCT session FROM queue WHERE session <> '' AND state = 'waiting'`
	retryParkedQuery = `UPDATE queue SET state = CASE parts WHEN 0 THEN 'new' ELSE 'attempted' END, attempts = 0, first_tried = 0, accepted_at = $2, error = '' WHERE portal_id = $1 AND state = 'parked'`
	countRowsQuery   = `SELECT direction, state, COUNT(*) FROM queue WHERE portal_id = $1 GROUP BY direction, state`
	busyQueuesQuery  = `SELECT DISTINCT portal_id, direction FROM queue WHERE state NOT IN ('parked', 'waiting')`
)

// Queue is the table of what waits to be delivered.
type Queue struct {
	*dbutil.QueryHelper[*Row]
}

func newQueue(db *dbutil.Database) *Queue {
	return &Queue{dbutil.MakeQueryHelperSimple(db, func() *Row { return &Row{} })}
}

// Scan implements dbutil.DataStruct.
func (r *Row) Scan(row dbutil.Scannable) (*Row, error) {
	return dbutil.ValueOrErr(r, row.Scan(&r.ID, &r.PortalID, &r.Direction, &r.Kind, &r.Source, &r.Author, &r.Position, &r.Payload,
		&r.State, &r.Session, &r.Late, &r.Revision, &r.Parts, &r.Part, &r.Attempts, &r.AttemptedAt, &r.FirstTried, &r.AcceptedAt, &r.Error))
}

// Insert adds a row. It reports false if the same source waits in this queue already.
func (t *Queue) Insert(ctx context.Context, r *Row) (added bool, err error) {
	err = t.GetDB().DoTxn(ctx, nil, func(ctx context.Context) error {
		var rowID int64
		err := t.GetDB().QueryRow(ctx, insertRowQuery, r.PortalID, r.Direction, r.Kind, r.Source, r.Author, r.Position, r.State, r.Session, r.AcceptedAt, r.Error).Scan(&rowID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		added = true
		return t.Exec(ctx, putPayloadQuery, rowID, r.Payload)
	})
	if err != nil {
		return false, fmt.Errorf("failed to queue %s: %w", r.Source, err)
	}
	return added, nil
}

// Next returns the row that is to be delivered next, nil if there is none. Those that are parked or wait for a key are passed
// over.
func (t *Queue) Next(ctx context.Context, portalID int64, direction Direction) (*Row, error) {
	return t.QueryOne(ctx, nextRowQuery, portalID, direction)
}

// ByID returns a row, nil if it is gone.
func (t *Queue) ByID(ctx context.Context, rowID int64) (*Row, error) {
	return t.QueryOne(ctx, rowByIDQuery, rowID)
}

// BySource returns the row of an event or message, nil if it does not wait.
func (t *Queue) BySource(ctx context.Context, portalID int64, direction Direction, source string) (*Row, error) {
	return t.QueryOne(ctx, rowBySourceQuery, portalID, direction, source)
}

// MarkAttempted stores, before its next part is sent, that this may be carried out from now on. request holds all parts; it
// is stored with the first attempt and ignored afterwards.
// It reports false if the row is gone or was changed since it was read: the link was ended, the message edited or redacted.
func (t *Queue) MarkAttempted(ctx context.Context, row *Row, request []string, now int64) (there bool, err error) {
	isFirst := row.Parts == 0
	err = t.GetDB().DoTxn(ctx, nil, func(ctx context.Context) error {
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

// Request returns what is sent for a part of a row; the row must have a request.
func (t *Queue) Request(ctx context.Context, rowID int64, part int) (content string, err error) {
	if err = t.GetDB().QueryRow(ctx, requestQuery, rowID, part).Scan(&content); err != nil {
		return "", fmt.Errorf("failed to read a request: %w", err)
	}
	return content, nil
}

// MarkUnknown notes when the outcome of an attempt was found to be unknown.
func (t *Queue) MarkUnknown(ctx context.Context, rowID, now int64) error {
	return t.Exec(ctx, unknownRowQuery, rowID, now)
}

// SetState stores a row's state and why it has it.
func (t *Queue) SetState(ctx context.Context, rowID int64, state State, reason string) error {
	return t.Exec(ctx, setRowStateQuery, rowID, state, reason)
}

// PassOver lets the queue go on without a row whose key is missing. It reports false if the row is gone or was changed since
// it was read.
func (t *Queue) PassOver(ctx context.Context, row *Row) (bool, error) {
	return changed(t.GetDB().Exec(ctx, passOverQuery, row.ID, row.Revision))
}

// SetPayload replaces what a row carries by something that can be read, makes the row new, and notes if it is late.
// It reports false if the row is gone or was changed since it was read.
func (t *Queue) SetPayload(ctx context.Context, row *Row, payload string) (there bool, err error) {
	err = t.GetDB().DoTxn(ctx, nil, func(ctx context.Context) error {
		there, err = changed(t.GetDB().Exec(ctx, reviseRowQuery, row.ID, row.Revision))
		if err != nil || !there {
			return err
		}
		return t.Exec(ctx, putPayloadQuery, row.ID, payload)
	})
	return there, err
}

// SetPart notes that the parts before part are delivered.
func (t *Queue) SetPart(ctx context.Context, rowID int64, part int) error {
	return t.Exec(ctx, setPartQuery, rowID, part)
}

// Delete removes a row.
func (t *Queue) Delete(ctx context.Context, rowID int64) error {
	return t.Exec(ctx, deleteRowQuery, rowID)
}

// DeleteUpTo removes the people's messages up to and including a position: they are older than the link.
func (t *Queue) DeleteUpTo(ctx context.Context, portalID int64, direction Direction, position int64) error {
	return t.Exec(ctx, deleteUpToQuery, portalID, direction, position)
}

// LastPosition returns the last position taken in a portal's queue to Wazo, by a row or by a gap.
func (t *Queue) LastPosition(ctx context.Context, portalID int64) (position int64, err error) {
	err = t.GetDB().QueryRow(ctx, lastPositionSQL, portalID).Scan(&position)
	return position, err
}

// SetAside returns a portal's rows that the queues go on without: those that are parked or wait for a key.
func (t *Queue) SetAside(ctx context.Context, portalID int64) ([]*Row, error) {
	return t.QueryMany(ctx, setAsideQuery, portalID)
}

// EncryptedBy returns the rows that a Megolm session may decrypt, passed over or not, in order.
func (t *Queue) EncryptedBy(ctx context.Context, session string) ([]*Row, error) {
	return t.QueryMany(ctx, encryptedQuery, session)
}

// Waiting returns the rows that wait for a key and were accepted up to a time of ours (ms), in order.
func (t *Queue) Waiting(ctx context.Context, acceptedUntil int64) ([]*Row, error) {
	return t.QueryMany(ctx, waitingQuery, acceptedUntil)
}

// IsMissing reports whether rows wait for the key of a Megolm session.
func (t *Queue) IsMissing(ctx context.Context, session string) (missing bool, err error) {
	err = t.GetDB().QueryRow(ctx, isMissingQuery, session).Scan(&missing)
	return missing, err
}

// MissingSessions returns the Megolm sessions whose keys rows wait for.
func (t *Queue) MissingSessions(ctx context.Context) ([]string, error) {
	rows, err := t.GetDB().Query(ctx, sessionsQuery)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
}

// RetryParked lets a portal's parked rows be tried again. Those that were ever attempted are looked for first.
func (t *Queue) RetryParked(ctx context.Context, portalID, now int64) error {
	return t.Exec(ctx, retryParkedQuery, portalID, now)
}

// Counts are numbers of rows in one queue.
type Counts struct {
	Pending int // new and attempted
	Waiting int // for a key
	Parked  int
}

// Counts returns the lengths of a portal's two queues.
func (t *Queue) Counts(ctx context.Context, portalID int64) (map[Direction]Counts, error) {
	rows, err := t.GetDB().Query(ctx, countRowsQuery, portalID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := make(map[Direction]Counts, 2)
	for rows.Next() {
		var direction Direction
		var state State
		var n int
		if err = rows.Scan(&direction, &state, &n); err != nil {
			return nil, err
		}
		c := counts[direction]
		switch state {
		case StateParked:
			c.Parked += n
		case StateWaiting:
			c.Waiting += n
		default:
			c.Pending += n
		}
		counts[direction] = c
	}
	return counts, rows.Err()
}

// QueueKey names one queue.
type QueueKey struct {
	PortalID  int64
	Direction Direction
}

// Busy returns the queues in which something waits to be delivered.
func (t *Queue) Busy(ctx context.Context) ([]QueueKey, error) {
	rows, err := t.GetDB().Query(ctx, busyQueuesQuery)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []QueueKey
	for rows.Next() {
		var key QueueKey
		if err = rows.Scan(&key.PortalID, &key.Direction); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}
