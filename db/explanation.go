package db

import (
	"context"

	"go.mau.fi/util/dbutil"
)

const (
	wantExplanationQuery    = `INSERT INTO explanation (wazo_room, given) VALUES ($1, false) ON CONFLICT (wazo_room) DO NOTHING`
	claimExplanationQuery   = `UPDATE explanation SET given = true WHERE wazo_room = $1 AND NOT given`
	pendingExplanationQuery = `SELECT wazo_room FROM explanation WHERE NOT given`
)

// Explanations is the table of Wazo rooms without a portal in which somebody wrote. The relay explains in each of them
// once how to link the room.
type Explanations struct {
	db *dbutil.Database
}

// Want stores that somebody wrote in a room. It returns false if the room is known already.
func (t *Explanations) Want(ctx context.Context, wazoRoom string) (bool, error) {
	return changed(t.db.Exec(ctx, wantExplanationQuery, wazoRoom))
}

// Claim stores that the explanation is given in a room. It must be called before the explanation is posted, because an
// explanation that is posted twice is worse than one that is lost. Claim returns false if the explanation was given
// already.
func (t *Explanations) Claim(ctx context.Context, wazoRoom string) (bool, error) {
	return changed(t.db.Exec(ctx, claimExplanationQuery, wazoRoom))
}

// Pending returns the rooms in which the explanation was not given yet.
func (t *Explanations) Pending(ctx context.Context) ([]string, error) {
	rows, err := t.db.Query(ctx, pendingExplanationQuery)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
}
