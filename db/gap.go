package db

import (
	"context"
	"fmt"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Gap is a stretch of a portal's Matrix timeline that /sync left out. It is read backwards, so it reserves the queue
// positions First..Last and hands them out from the end: what is found stands in order before what came after the gap.
type Gap struct {
	ID       int64
	PortalID int64
	Room     id.RoomID
	From, To string // pagination tokens; From moves with each page
	First    int64
	Last     int64 // the position for the next event found
}

const (
	gapColumns     = `id, portal_id, room, from_token, to_token, first, last`
	insertGapQuery = `INSERT INTO gap (portal_id, room, from_token, to_token, first, last) VALUES ($1, $2, $3, $4, $5, $6)`
	firstGapQuery  = `SELECT ` + gapColumns + ` FROM gap WHERE portal_id = $1 ORDER BY first LIMIT 1`
	allGapsQuery   = `SELECT ` + gapColumns + ` FROM gap ORDER BY portal_id, first`
	moveGapQuery   = `UPDATE gap SET from_token = $2, last = $3 WHERE id = $1`
	deleteGapQuery = `DELETE FROM gap WHERE id = $1`
	deleteGapsUpTo = `DELETE FROM gap WHERE portal_id = $1 AND first <= $2`
)

// Gaps is the table of gaps.
type Gaps struct {
	*dbutil.QueryHelper[*Gap]
}

func newGaps(db *dbutil.Database) *Gaps {
	return &Gaps{dbutil.MakeQueryHelperSimple(db, func() *Gap { return &Gap{} })}
}

// Scan implements dbutil.DataStruct.
func (g *Gap) Scan(row dbutil.Scannable) (*Gap, error) {
	return dbutil.ValueOrErr(g, row.Scan(&g.ID, &g.PortalID, &g.Room, &g.From, &g.To, &g.First, &g.Last))
}

// Insert stores a gap that begins after the given queue position and returns the last position it reserves.
func (t *Gaps) Insert(ctx context.Context, portalID int64, room id.RoomID, from, to string, after int64) (int64, error) {
	last := after + gapSpan
	if err := t.Exec(ctx, insertGapQuery, portalID, room, from, to, after+1, last); err != nil {
		return 0, fmt.Errorf("failed to store gap: %w", err)
	}
	return last, nil
}

// First returns a portal's first open gap, nil if there is none.
func (t *Gaps) First(ctx context.Context, portalID int64) (*Gap, error) {
	return t.QueryOne(ctx, firstGapQuery, portalID)
}

// All returns every open gap.
func (t *Gaps) All(ctx context.Context) ([]*Gap, error) {
	return t.QueryMany(ctx, allGapsQuery)
}

// Move stores how far a gap is read.
func (t *Gaps) Move(ctx context.Context, g *Gap) error {
	return t.Exec(ctx, moveGapQuery, g.ID, g.From, g.Last)
}

// Delete closes a gap.
func (t *Gaps) Delete(ctx context.Context, gapID int64) error {
	return t.Exec(ctx, deleteGapQuery, gapID)
}

// DeleteUpTo closes the gaps that begin at or before a position: they are older than the link.
func (t *Gaps) DeleteUpTo(ctx context.Context, portalID, position int64) error {
	return t.Exec(ctx, deleteGapsUpTo, portalID, position)
}
