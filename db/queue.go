package db

import (
	"context"
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
	StateWaiting   State = "waiting"   // for a key
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
	Payload     string
	State       State
	Request     string
	Part        int
	Attempts    int
	AttemptedAt int64 // ms, our clock: when the last attempt was begun, or its outcome found unknown
	FirstTried  int64 // ms, our clock
	AcceptedAt  int64 // ms, our clock
	Error       string
}

// gapSpan is how many positions a gap reserves: more events than any timeline can miss.
const gapSpan = int64(1) << 32

const (
	rowColumns       = `id, portal_id, direction, kind, source, author, position, payload, state, request, part, attempts, attempted_at, first_tried, accepted_at, error`
	insertRowQuery   = `INSERT INTO queue (portal_id, direction, kind, source, author, position, payload, state, accepted_at, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (portal_id, direction, source) DO NOTHING`
	nextRowQuery     = `SELECT ` + rowColumns + ` FROM queue WHERE portal_id = $1 AND direction = $2 AND state <> 'parked' ORDER BY position, id LIMIT 1`
	rowByIDQuery     = `SELECT ` + rowColumns + ` FROM queue WHERE id = $1`
	rowBySourceQuery = `SELECT ` + rowColumns + ` FROM queue WHERE portal_id = $1 AND direction = $2 AND source = $3`
	attemptRowQuery  = `UPDATE queue SET state = 'attempted', request = $2, attempts = attempts + 1, attempted_at = $3, first_tried = CASE first_tried WHEN 0 THEN $3 ELSE first_tried END WHERE id = $1 AND payload = $4`
	unknownRowQuery  = `UPDATE queue SET attempted_at = $2 WHERE id = $1`
	setRowStateQuery = `UPDATE queue SET state = $2, error = $3 WHERE id = $1`
	setPayloadQuery  = `UPDATE queue SET payload = $2, state = 'new', error = '' WHERE id = $1`
	setPartQuery     = `UPDATE queue SET part = $2, state = 'new', attempts = 0, first_tried = 0, error = '' WHERE id = $1`
	deleteRowQuery   = `DELETE FROM queue WHERE id = $1`
	deleteUpToQuery  = `DELETE FROM queue WHERE portal_id = $1 AND direction = $2 AND kind = 'message' AND position <= $3`
	lastPositionSQL  = `SELECT MAX(0, COALESCE((SELECT MAX(position) FROM queue WHERE portal_id = $1 AND direction = 'to_wazo'), 0), COALESCE((SELECT MAX(last) FROM gap WHERE portal_id = $1), 0))`
	parkedRowsQuery  = `SELECT ` + rowColumns + ` FROM queue WHERE portal_id = $1 AND state = 'parked' ORDER BY direction, position, id`
	retryParkedQuery = `UPDATE queue SET state = CASE request WHEN '' THEN 'new' ELSE 'attempted' END, attempts = 0, first_tried = 0, accepted_at = $2, error = '' WHERE portal_id = $1 AND state = 'parked'`
	countRowsQuery   = `SELECT direction, state, COUNT(*) FROM queue WHERE portal_id = $1 GROUP BY direction, state`
	busyQueuesQuery  = `SELECT DISTINCT portal_id, direction FROM queue WHERE state <> 'parked'`
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
		&r.State, &r.Request, &r.Part, &r.Attempts, &r.AttemptedAt, &r.FirstTried, &r.AcceptedAt, &r.Error))
}

// Insert adds a row. It reports false if the same source waits in this queue already.
func (t *Queue) Insert(ctx context.Context, r *Row) (bool, error) {
	added, err := changed(t.GetDB().Exec(ctx, insertRowQuery, r.PortalID, r.Direction, r.Kind, r.Source, r.Author, r.Position, r.Payload, r.State, r.AcceptedAt, r.Error))
	if err != nil {
		return false, fmt.Errorf("failed to queue %s: %w", r.Source, err)
	}
	return added, nil
}

// Next returns the row that is to be delivered next, nil if none waits. Parked rows are passed over.
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

// MarkAttempted stores, before it is sent, the request that may be carried out from now on.
// It reports false if the row is gone or was changed since it was read: the link was ended, the message edited or redacted.
func (t *Queue) MarkAttempted(ctx context.Context, row *Row, request string, now int64) (bool, error) {
	return changed(t.GetDB().Exec(ctx, attemptRowQuery, row.ID, request, now, row.Payload))
}

// MarkUnknown notes when the outcome of an attempt was found to be unknown.
func (t *Queue) MarkUnknown(ctx context.Context, rowID, now int64) error {
	return t.Exec(ctx, unknownRowQuery, rowID, now)
}

// SetState stores a row's state and why it has it.
func (t *Queue) SetState(ctx context.Context, rowID int64, state State, reason string) error {
	return t.Exec(ctx, setRowStateQuery, rowID, state, reason)
}

// SetPayload replaces what was accepted (an encrypted event by its decrypted form) and makes the row new.
func (t *Queue) SetPayload(ctx context.Context, rowID int64, payload string) error {
	return t.Exec(ctx, setPayloadQuery, rowID, payload)
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

// Parked returns a portal's parked rows.
func (t *Queue) Parked(ctx context.Context, portalID int64) ([]*Row, error) {
	return t.QueryMany(ctx, parkedRowsQuery, portalID)
}

// RetryParked lets a portal's parked rows be tried again. Those that were ever attempted are looked for first.
func (t *Queue) RetryParked(ctx context.Context, portalID, now int64) error {
	return t.Exec(ctx, retryParkedQuery, portalID, now)
}

// Counts are numbers of rows in one queue.
type Counts struct {
	Pending int // new, attempted and waiting
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
