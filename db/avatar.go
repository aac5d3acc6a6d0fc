package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"go.mau.fi/util/dbutil"
)

const (
	getAvatarQuery = `SELECT file FROM avatar WHERE user_uuid = $1 AND letters = $2 AND encrypted = $3`
	putAvatarQuery = `INSERT OR REPLACE INTO avatar (user_uuid, letters, encrypted, file) VALUES ($1, $2, $3, $4)`
)

// Avatars is the table of pictures made for Wazo people.
type Avatars struct {
	db  *dbutil.Database
	box *Box
}

// Get returns where the picture of a Wazo user with these letters was uploaded for a kind of room, as given to Put; "" if
// it was not.
func (t *Avatars) Get(ctx context.Context, userUUID, letters string, encrypted bool) (file string, err error) {
	var sealed []byte
	err = t.db.QueryRow(ctx, getAvatarQuery, userUUID, letters, encrypted).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("failed to read an avatar: %w", err)
	}
	return t.box.Open(sealed)
}

// Put stores where a picture was uploaded.
func (t *Avatars) Put(ctx context.Context, userUUID, letters string, encrypted bool, file string) error {
	if _, err := t.db.Exec(ctx, putAvatarQuery, userUUID, letters, encrypted, t.box.Seal(file)); err != nil {
		return fmt.Errorf("failed to store an avatar: %w", err)
	}
	return nil
}
