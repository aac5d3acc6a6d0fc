package db

import (
	"context"
	"fmt"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Gap is a part of a portal's Matrix timeline that /sync left out. It reserves a range of queue positions, so that the
// events that are found later are delivered before the events that came after the gap. A gap is read backwards, so its
// positions are used from the last one to the first.
type Gap struct {
	ID            int64
	PortalID      int64
	Room          id.RoomID // the portal may move to another room while the gap is open
	From, To      string    // pagination tokens: the gap is read backwards from From to To; From moves with each page
	FirstPosition int64     // the first position of the reserved range
	NextPosition  int64     // the position of the next event that is found; it counts down
}

const (
	gapColumns          = `id, portal_id, room, from_token, to_token, first_position, next_position`
	insertGapQuery      = `INSERT INTO gap (portal_id, room, from_token, to_token, first_position, next_position) VALUES ($1, $2, $3, $4, $5, $6)`
	firstGapQuery       = `SELECT ` + gapColumns + ` FROM gap WHERE portal_id = $1 ORDER BY first_position LIMIT 1`
	allGapsQuery        = `SELECT ` + gapColumns + ` FROM gap ORDER BY portal_id, first_position`
	moveGapQuery        = `UPDATE gap SET from_token = $2, next_position = $3 WHERE id = $1`
	deleteGapQuery      = `DELETE FROM gap WHERE id = $1`
	deleteGapsUpToQuery = `DELETE FROM gap WHERE portal_id = $1 AND first_position <= $2`
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
	return dbutil.ValueOrErr(g, row.Scan(&g.ID, &g.PortalID, &g.Room, &g.From, &g.To, &g.FirstPosition, &g.NextPosition))
}

// Insert stores a gap that begins after the given queue position. It returns the last position that the gap reserves.
func (t *Gaps) Insert(ctx context.Context, portalID int64, room id.RoomID, from, to string, after int64) (int64, error) {
	last := after + gapSpan
	if err := t.Exec(ctx, insertGapQuery, portalID, room, from, to, after+1, last); err != nil {
		return 0, fmt.Errorf("failed to store gap: %w", err)
	}
	return last, nil
}

// First returns the oldest open gap of a portal, or nil if there is none.
func (t *Gaps) First(ctx context.Context, portalID int64) (*Gap, error) {
	return remember(t.GetDB(), factKey{table: "gap", id: portalID}, func() (*Gap, error) {
		return t.QueryOne(ctx, firstGapQuery, portalID)
	})
}

// All returns the open gaps of all portals, the oldest of each portal first.
func (t *Gaps) All(ctx context.Context) ([]*Gap, error) {
	return t.QueryMany(ctx, allGapsQuery)
}

// Move stores From and NextPosition after a page was read.
func (t *Gaps) Move(ctx context.Context, g *Gap) error {
	return t.Exec(ctx, moveGapQuery, g.ID, g.From, g.NextPosition)
}

// Delete closes a gap.
func (t *Gaps) Delete(ctx context.Context, gapID int64) error {
	return t.Exec(ctx, deleteGapQuery, gapID)
}

// DeleteUpTo closes the gaps that begin at or before a position, because they are older than the link.
func (t *Gaps) DeleteUpTo(ctx context.Context, portalID, position int64) error {
	return t.Exec(ctx, deleteGapsUpToQuery, portalID, position)
}
