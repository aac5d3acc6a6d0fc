package media

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/media/avatar"
	"wazo-matrix-relay/db"
)

// avatarPause is how long no avatar is uploaded after an upload has failed.
const avatarPause = 10 * time.Minute

// Avatars makes pictures of Wazo people, who have none, and uploads them: once for rooms that are encrypted and once
// for all others. Make it with NewAvatars.
type Avatars struct {
	db        *db.Database
	transfers *Transfers

	mu          sync.Mutex // held while an avatar is made, so that none is uploaded twice
	pausedUntil time.Time  // nothing is uploaded before
}

// NewAvatars returns the avatars that a database knows, and makes those that it does not.
func NewAvatars(database *db.Database, transfers *Transfers) *Avatars {
	return &Avatars{db: database, transfers: transfers}
}

// Get returns the avatar of the Wazo user with a name, for a room. It uploads the avatar if it has not been uploaded
// yet. It returns nil without an error for ten minutes after an upload has failed, so that messages are not held up
// each time. If only storing the place of the avatar fails, it returns the avatar beside the error.
func (a *Avatars) Get(ctx context.Context, roomID id.RoomID, userUUID, name string) (*Uploaded, error) {
	encrypted, err := a.transfers.homeserver.IsEncrypted(ctx, roomID)
	if err != nil {
		return nil, err
	}
	letters, err := avatar.Initials(name)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	stored, err := a.db.Avatar.Get(ctx, userUUID, letters, encrypted)
	if err != nil {
		return nil, err
	} else if stored != "" {
		return parseUploaded(stored)
	} else if time.Now().Before(a.pausedUntil) {
		return nil, nil
	}
	uploaded, err := a.upload(ctx, userUUID, letters, encrypted)
	if err != nil {
		a.pausedUntil = time.Now().Add(avatarPause)
		return nil, err
	}
	data, err := json.Marshal(uploaded)
	if err != nil {
		return nil, fmt.Errorf("failed to encode where an avatar is: %w", err)
	}
	return uploaded, a.db.Avatar.Put(ctx, userUUID, letters, encrypted, string(data))
}

// upload draws an avatar and uploads it.
func (a *Avatars) upload(ctx context.Context, userUUID, letters string, encrypted bool) (*Uploaded, error) {
	picture, err := avatar.Draw(userUUID, letters)
	if err != nil {
		return nil, err
	}
	content := mautrix.ReqUploadMedia{ContentBytes: picture, ContentType: "image/png"}
	if !encrypted {
		return a.transfers.upload(ctx, content)
	}
	return a.transfers.uploadEncrypted(ctx, content, func(keys *attachment.EncryptedFile) error {
		keys.EncryptInPlace(picture)
		return nil
	})
}

// parseUploaded reads where a file was uploaded, as the database stores it.
func parseUploaded(stored string) (*Uploaded, error) {
	uploaded := &Uploaded{}
	if err := json.Unmarshal([]byte(stored), uploaded); err != nil {
		return nil, fmt.Errorf("failed to read where an avatar is: %w", err)
	}
	return uploaded, nil
}
