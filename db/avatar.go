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
	putAvatarQuery = `INSERT INTO avatar (user_uuid, letters, encrypted, file) VALUES ($1, $2, $3, $4) ON CONFLICT (user_uuid, letters, encrypted) DO UPDATE SET file = excluded.file`
)

// Avatars is the table of the pictures that the relay made and uploaded for Wazo users, who have no pictures of their
// own. Encrypted and unencrypted rooms need different uploads.
type Avatars struct {
	db  *dbutil.Database
	box *Box
}

// Get returns the upload of the picture that shows these letters for a Wazo user, for encrypted or for unencrypted
// rooms. It returns "" if there is none, and ErrWrongKey if it was sealed with another key.
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

// Put stores the upload of a picture. For unencrypted rooms, file is an mxc URI. For encrypted rooms, it is the JSON of
// an event.EncryptedFileInfo.
func (t *Avatars) Put(ctx context.Context, userUUID, letters string, encrypted bool, file string) error {
	if _, err := t.db.Exec(ctx, putAvatarQuery, userUUID, letters, encrypted, t.box.Seal(file)); err != nil {
		return fmt.Errorf("failed to store an avatar: %w", err)
	}
	return nil
}
