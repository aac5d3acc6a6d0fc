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

// avatarTimeout is how long a message waits for the avatar of its author.
const avatarTimeout = 5 * time.Second

// profileKey is the key of a content under which clients find the profile of its author (MSC4144).
const profileKey = "com.beeper.per_message_profile"

// avatarFor returns the avatar of the Wazo person for whom an event is sent, nil if there is none. A message is worth more than an
// avatar, so a failure is only logged.
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
	uploaded, err := b.avatars.Get(ctx, roomID, content.Profile.ID, content.Profile.Displayname)
	if err != nil {
		b.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to make an avatar")
	}
	return uploaded
}

// withAvatar puts an avatar into the profile of a content. It leaves out an avatar that was uploaded for the other kind of room:
// the room may have become encrypted meanwhile. A content without a profile stays as it is.
func withAvatar(content json.RawMessage, avatar *media.Uploaded, encrypted bool) json.RawMessage {
	if avatar == nil || encrypted != (avatar.File != nil) {
		return content
	}
	var fields map[string]json.RawMessage
	var profile event.BeeperPerMessageProfile
	if json.Unmarshal(content, &fields) != nil || json.Unmarshal(fields[profileKey], &profile) != nil {
		return content
	}
	if profile.AvatarFile = avatar.File; avatar.File == nil {
		profile.AvatarURL = &avatar.URL
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
