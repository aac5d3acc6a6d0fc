package db

import (
	"context"
	"database/sql"
	"errors"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

const (
	loginDialogueQuery       = `SELECT ends_at FROM login_dialogue WHERE matrix_user = $1 AND room = $2`
	putLoginDialogueQuery    = `INSERT INTO login_dialogue (matrix_user, room, ends_at) VALUES ($1, $2, $3) ON CONFLICT (matrix_user) DO UPDATE SET room = excluded.room, ends_at = excluded.ends_at`
	deleteLoginDialogueQuery = `DELETE FROM login_dialogue WHERE matrix_user = $1`
)

// LoginDialogues is the table of the direct chats in which people are asked for the name and the password of their Wazo
// account. What they answer is not stored. The table is for a bot that is restarted in between: it still has to take
// the password out of the chat.
type LoginDialogues struct {
	db *dbutil.Database
}

// EndsAt returns until when a person is, or was, being asked in a room. It returns the zero time if there is no
// dialogue.
func (t *LoginDialogues) EndsAt(ctx context.Context, user id.UserID, room id.RoomID) (endsAt Time, err error) {
	err = t.db.QueryRow(ctx, loginDialogueQuery, user, room).Scan(&endsAt)
	if errors.Is(err, sql.ErrNoRows) {
		return Time{}, nil
	}
	return endsAt, err
}

// Open stores that a person is being asked in a room until a time.
func (t *LoginDialogues) Open(ctx context.Context, user id.UserID, room id.RoomID, endsAt Time) error {
	_, err := t.db.Exec(ctx, putLoginDialogueQuery, user, room, endsAt)
	return err
}

// Close stores that a person is not being asked any more.
func (t *LoginDialogues) Close(ctx context.Context, user id.UserID) error {
	_, err := t.db.Exec(ctx, deleteLoginDialogueQuery, user)
	return err
}
