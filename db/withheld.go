package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

const (
	noteWithheldQuery   = `INSERT INTO withheld (matrix_user, session, told_at) VALUES ($1, $2, $3) ON CONFLICT (matrix_user, session) DO NOTHING`
	isWithheldQuery     = `SELECT EXISTS (SELECT 1 FROM withheld WHERE matrix_user = $1 AND session = $2)`
	forgetWithheldQuery = `DELETE FROM withheld WHERE told_at < $1`
)

// Withheld is the table of Megolm sessions whose keys the senders' clients decided not to share.
type Withheld struct {
	db *dbutil.Database
}

// Note stores that somebody's client said, at a time of ours (ms), that it withholds the key of a session.
func (t *Withheld) Note(ctx context.Context, by id.UserID, session id.SessionID, now int64) error {
	_, err := t.db.Exec(ctx, noteWithheldQuery, by, session, now)
	return err
}

// Has reports whether somebody's client withholds the key of a session, or did until it came after all.
func (t *Withheld) Has(ctx context.Context, by id.UserID, session id.SessionID) (has bool, err error) {
	err = t.db.QueryRow(ctx, isWithheldQuery, by, session).Scan(&has)
	return has, err
}

// Forget removes what was told before a time of ours (ms).
func (t *Withheld) Forget(ctx context.Context, before int64) error {
	_, err := t.db.Exec(ctx, forgetWithheldQuery, before)
	return err
}
