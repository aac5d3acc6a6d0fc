package bot

import (
	"context"
	"encoding/json"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/media"
	"wazo-matrix-relay/relay"
)

// avatarTimeout is how long a message waits for its author's picture.
const avatarTimeout = 5 * time.Second

// profileKey is where a content says as whom it is to be shown (MSC4144).
const profileKey = "com.beeper.per_message_profile"

// avatarFor returns the picture of the Wazo person who says something in a room, nil if there is none. A message is worth
// more than a picture: nothing that fails here holds it back.
func (b *Bot) avatarFor(ctx context.Context, roomID id.RoomID, out relay.Outgoing) *media.Uploaded {
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
	made, err := b.avatars.Get(ctx, roomID, content.Profile.ID, content.Profile.Displayname)
	if err != nil {
		b.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to make an avatar")
	}
	return made
}

// withAvatar puts a picture into the profile of a content. One that was made for the other kind of room is left out, and so is
// one for a content that has no profile.
func withAvatar(content json.RawMessage, a *media.Uploaded, encrypted bool) json.RawMessage {
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
