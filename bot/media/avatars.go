package media

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/media/avatar"
	"wazo-matrix-relay/db"
)

// avatarRest is how long no picture is made after one could not be uploaded.
const avatarRest = 10 * time.Minute

// Avatars makes pictures of Wazo people, who have none: their initials on a colour of their own. Each is uploaded once for
// rooms that are encrypted and once for those that are not.
type Avatars struct {
	db        *db.Database
	transfers *Transfers

	mu   sync.Mutex // held while one is being made
	rest time.Time  // none is made before
}

// NewAvatars returns what makes pictures and uploads them. A database keeps where.
func NewAvatars(database *db.Database, transfers *Transfers) *Avatars {
	return &Avatars{db: database, transfers: transfers}
}

// Avatar is a picture as uploaded. Exactly one of the fields is set.
type Avatar struct {
	URL  id.ContentURIString
	File *event.EncryptedFileInfo
}

// Make returns a person's picture for a room, uploading it if it was not. It returns nil for a while after one could not be
// uploaded.
func (a *Avatars) Make(ctx context.Context, roomID id.RoomID, userUUID, name string) (*Avatar, error) {
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
		made := &Avatar{}
		return made, json.Unmarshal([]byte(stored), made)
	} else if time.Now().Before(a.rest) {
		return nil, nil
	}
	made, err := a.upload(ctx, userUUID, letters, encrypted)
	if err != nil {
		a.rest = time.Now().Add(avatarRest)
		return nil, err
	}
	data, err := json.Marshal(made)
	if err != nil {
		return nil, fmt.Errorf("failed to store an avatar: %w", err)
	}
	return made, a.db.Avatar.Put(ctx, userUUID, letters, encrypted, string(data))
}

func (a *Avatars) upload(ctx context.Context, userUUID, letters string, encrypted bool) (*Avatar, error) {
	data, err := avatar.Draw(userUUID, letters)
	if err != nil {
		return nil, err
	}
	made := &Avatar{}
	upload := mautrix.ReqUploadMedia{ContentBytes: data, ContentType: "image/png"}
	if encrypted {
		made.File = &event.EncryptedFileInfo{EncryptedFile: *attachment.NewEncryptedFile()}
		made.File.EncryptInPlace(data)
		upload.ContentType = "application/octet-stream"
	}
	uri, err := a.transfers.upload(ctx, upload)
	if err != nil {
		return nil, err
	}
	if encrypted {
		made.File.URL = uri
	} else {
		made.URL = uri
	}
	return made, nil
}
