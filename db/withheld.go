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

// Withheld is the table of Megolm sessions whose keys will not come, because the senders' clients decided not to share
// them with the bot.
type Withheld struct {
	db *dbutil.Database
}

// Note stores that a client of a user said that it withholds the key of a session. The first time that it said so
// stays.
func (t *Withheld) Note(ctx context.Context, by id.UserID, session id.SessionID, now Time) error {
	_, err := t.db.Exec(ctx, noteWithheldQuery, by, session, now)
	return err
}

// Has reports whether a client of a user ever said that it withholds the key of a session. The key may have come later.
func (t *Withheld) Has(ctx context.Context, by id.UserID, session id.SessionID) (has bool, err error) {
	err = t.db.QueryRow(ctx, isWithheldQuery, by, session).Scan(&has)
	return has, err
}

// Forget deletes what was said before a time.
func (t *Withheld) Forget(ctx context.Context, before Time) error {
	_, err := t.db.Exec(ctx, forgetWithheldQuery, before)
	return err
}
