package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

const (
	tellQuery     = `INSERT INTO told (matrix_user, portal_id, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	tellAnewQuery = `DELETE FROM told WHERE matrix_user = $1 AND portal_id = $2`
)

// Told is the table of what people were told about the messages that their own accounts did not post.
type Told struct {
	db *dbutil.Database
}

// Tell stores that a person is told why their account does not post in a portal. It returns false if they were told so
// before.
func (t *Told) Tell(ctx context.Context, user id.UserID, portalID int64, reason string) (bool, error) {
	return changed(t.db.Exec(ctx, tellQuery, user, portalID, reason))
}

// TellAnew lets a person be told again, because their account has posted in a portal.
func (t *Told) TellAnew(ctx context.Context, user id.UserID, portalID int64) error {
	_, err := t.db.Exec(ctx, tellAnewQuery, user, portalID)
	return err
}
