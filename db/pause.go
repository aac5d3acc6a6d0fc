package db

import (
	"context"

	"go.mau.fi/util/dbutil"
)

const (
	insertPauseQuery = `INSERT INTO pause (portal_id, reason, direction) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	deletePauseQuery = `DELETE FROM pause WHERE portal_id = $1 AND reason = $2 AND direction = $3`
	pausesQuery      = `SELECT portal_id, reason, direction FROM pause WHERE portal_id = $1 ORDER BY reason`
	allPausesQuery   = `SELECT portal_id, reason, direction FROM pause ORDER BY portal_id, reason`
)

// Pause is a reason why a portal does not relay. A portal relays again in a direction when the last pause that stops it
// is gone.
type Pause struct {
	PortalID  int64
	Reason    string    // one of the values of relay.Pause
	Direction Direction // ToWazo, ToMatrix or Reading; empty: all of them
}

// Pauses is the table of reasons why portals do not relay.
type Pauses struct {
	*dbutil.QueryHelper[*Pause]
}

func newPauses(db *dbutil.Database) *Pauses {
	return &Pauses{dbutil.MakeQueryHelperSimple(db, func() *Pause { return &Pause{} })}
}

// Scan implements dbutil.DataStruct.
func (p *Pause) Scan(row dbutil.Scannable) (*Pause, error) {
	return dbutil.ValueOrErr(p, row.Scan(&p.PortalID, &p.Reason, &p.Direction))
}

// Stops reports whether the pause stops a direction. A pause of Reading also stops ToMatrix.
func (p *Pause) Stops(direction Direction) bool {
	return p.Direction == "" || p.Direction == direction || p.Direction == Reading && direction == ToMatrix
}

// Insert adds a pause. It returns false if the portal is paused for this reason and direction already.
func (t *Pauses) Insert(ctx context.Context, p *Pause) (bool, error) {
	return changed(t.GetDB().Exec(ctx, insertPauseQuery, p.PortalID, p.Reason, p.Direction))
}

// Delete removes a pause. It returns false if the portal is not paused for this reason and direction.
func (t *Pauses) Delete(ctx context.Context, p *Pause) (bool, error) {
	return changed(t.GetDB().Exec(ctx, deletePauseQuery, p.PortalID, p.Reason, p.Direction))
}

// Of returns the pauses of a portal.
func (t *Pauses) Of(ctx context.Context, portalID int64) ([]*Pause, error) {
	return rememberMany(t.GetDB(), factKey{table: "pause", id: portalID}, func() ([]*Pause, error) {
		return t.QueryMany(ctx, pausesQuery, portalID)
	})
}

// All returns the pauses of all portals.
func (t *Pauses) All(ctx context.Context) ([]*Pause, error) {
	return t.QueryMany(ctx, allPausesQuery)
}
