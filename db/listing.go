package db

import (
	"context"
	"database/sql"
	"errors"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

const (
	clearListingQuery = `DELETE FROM listing WHERE matrix_user = $1`
	putListingQuery   = `INSERT INTO listing (matrix_user, number, wazo_room) VALUES ($1, $2, $3)`
	getListingQuery   = `SELECT wazo_room FROM listing WHERE matrix_user = $1 AND number = $2`
)

// Listings is the table of the lists of Wazo rooms that were last shown to people. They say which room is meant by a
// number, for example in "link 2".
type Listings struct {
	db *dbutil.Database
}

// Replace stores the list that is shown to a person, instead of the list shown before. Its numbers start at 1.
func (t *Listings) Replace(ctx context.Context, user id.UserID, wazoRooms []string) error {
	return doTxn(ctx, t.db, func(ctx context.Context) error {
		if _, err := t.db.Exec(ctx, clearListingQuery, user); err != nil {
			return err
		}
		for i, room := range wazoRooms {
			if _, err := t.db.Exec(ctx, putListingQuery, user, i+1, room); err != nil {
				return err
			}
		}
		return nil
	})
}

// Room returns the Wazo room with a number in the list that was last shown to a person, or "" if there is none.
func (t *Listings) Room(ctx context.Context, user id.UserID, number int) (room string, err error) {
	err = t.db.QueryRow(ctx, getListingQuery, user, number).Scan(&room)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return room, err
}
