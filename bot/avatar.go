package bot

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
	"wazo-matrix-relay/relay"
)

const (
	// avatarTimeout is how long a message waits for its author's picture.
	avatarTimeout = 5 * time.Second
	// avatarRest is how long no picture is made after one could not be uploaded.
	avatarRest = 10 * time.Minute
)

// avatars makes pictures of Wazo people, who have none: their initials on a colour of their own. Each is uploaded once for
// rooms that are encrypted and once for those that are not.
type avatars struct {
	mu   sync.Mutex // held while one is being made
	rest time.Time  // none is made before
}

// personAvatar is a picture as uploaded. Exactly one of the fields is set.
type personAvatar struct {
	URL  id.ContentURIString
	File *event.EncryptedFileInfo
}

// profileKey is where a content says as whom it is to be shown (MSC4144).
const profileKey = "com.beeper.per_message_profile"

// avatarFor returns the picture of the Wazo person who says something in a room, nil if there is none. A message is worth
// more than a picture: nothing that fails here holds it back.
func (b *Bot) avatarFor(ctx context.Context, roomID id.RoomID, out relay.Outgoing) *personAvatar {
	if !b.cfg.Avatars || out.Tag.Kind != relay.TagMessage {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, avatarTimeout)
	defer cancel()
	var content struct {
		Profile event.BeeperPerMessageProfile `json:"com.beeper.per_message_profile"`
	}
	if json.Unmarshal(out.Content, &content) != nil || content.Profile.ID == "" {
		return nil
	}
	made, err := b.makeAvatar(ctx, roomID, content.Profile.ID, content.Profile.Displayname)
	if err != nil {
		b.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to make an avatar")
	}
	return made
}

// makeAvatar returns a person's picture for a room, uploading it if it was not.
func (b *Bot) makeAvatar(ctx context.Context, roomID id.RoomID, userUUID, name string) (*personAvatar, error) {
	encrypted, err := b.askEncrypted(ctx, roomID)
	if err != nil {
		return nil, err
	}
	letters, err := avatar.Initials(name)
	if err != nil {
		return nil, err
	}
	b.avatars.mu.Lock()
	defer b.avatars.mu.Unlock()
	stored, err := b.db.Avatar.Get(ctx, userUUID, letters, encrypted)
	if err != nil {
		return nil, err
	} else if stored != "" {
		made := &personAvatar{}
		return made, json.Unmarshal([]byte(stored), made)
	} else if time.Now().Before(b.avatars.rest) {
		return nil, nil
	}
	made, err := b.uploadAvatar(ctx, userUUID, letters, encrypted)
	if err != nil {
		b.avatars.rest = time.Now().Add(avatarRest)
		return nil, err
	}
	data, err := json.Marshal(made)
	if err != nil {
		return nil, fmt.Errorf("failed to store an avatar: %w", err)
	}
	return made, b.db.Avatar.Put(ctx, userUUID, letters, encrypted, string(data))
}

func (b *Bot) uploadAvatar(ctx context.Context, userUUID, letters string, encrypted bool) (*personAvatar, error) {
	data, err := avatar.Draw(userUUID, letters)
	if err != nil {
		return nil, err
	}
	made := &personAvatar{}
	upload := mautrix.ReqUploadMedia{ContentBytes: data, ContentType: "image/png"}
	if encrypted {
		made.File = &event.EncryptedFileInfo{EncryptedFile: *attachment.NewEncryptedFile()}
		made.File.EncryptInPlace(data)
		upload.ContentType = "application/octet-stream"
	}
	uri, err := b.upload(ctx, upload)
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

// withAvatar puts a picture into the profile of a content. One that was made for the other kind of room is left out, and so is
// one for a content that has no profile.
func withAvatar(content json.RawMessage, a *personAvatar, encrypted bool) json.RawMessage {
	if a == nil || encrypted != (a.File != nil) {
		return content
	}
	var fields map[string]json.RawMessage
	var profile event.BeeperPerMessageProfile
	if json.Unmarshal(content, &fields) != nil || json.Unmarshal(fields[profileKey], &profile) != nil {
		return content
	}
	if profile.AvatarFile = a.File; a.File == nil {
		profile.AvatarURL = &a.URL
	}
	var err error
	if fields[profileKey], err = json.Marshal(profile); err != nil {
		return content
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return content
	}
	return data
}
