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

// Explanations is the table of Wazo rooms without portal whose people are told once what to do.
type Explanations struct {
	db *dbutil.Database
}

// Want notes that a room's people wrote to us. It reports false if the room is known already.
func (t *Explanations) Want(ctx context.Context, wazoRoom string) (bool, error) {
	return changed(t.db.Exec(ctx, wantExplanationQuery, wazoRoom))
}

// Claim notes, before it is posted, that the explanation is given: twice would be worse than never.
// It reports false if it was given already.
func (t *Explanations) Claim(ctx context.Context, wazoRoom string) (bool, error) {
	return changed(t.db.Exec(ctx, claimExplanationQuery, wazoRoom))
}

// Pending returns the rooms whose explanation is still owed.
func (t *Explanations) Pending(ctx context.Context) ([]string, error) {
	rows, err := t.db.Query(ctx, pendingExplanationQuery)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
}
