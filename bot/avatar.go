package bot

import (
	"context"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/media"
	"wazo-matrix-relay/relay"
)

// avatarTimeout is how long a message waits for the avatar of its author.
const avatarTimeout = 5 * time.Second

// avatarFor returns the avatar of the Wazo person for whom an event is sent, nil if there is none. A message is worth
// more than an avatar, so a failure is only logged.
func (b *Bot) avatarFor(ctx context.Context, roomID id.RoomID, out relay.Outgoing) *media.Uploaded {
	if !b.cfg.Avatars || out.Tag.Kind != relay.TagMessage {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, avatarTimeout)
	defer cancel()
	profile := out.Content.BeeperPerMessageProfile
	if profile == nil {
		return nil
	}
	uploaded, err := b.avatars.Get(ctx, roomID, profile.ID, profile.Displayname)
	if err != nil {
		b.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to make an avatar")
	}
	return uploaded
}

// withAvatar returns a content with an avatar in its profile. It leaves out an avatar that was uploaded for the other
// kind of room: the room may have become encrypted meanwhile. A content without a profile stays as it is.
func withAvatar(content *event.MessageEventContent, avatar *media.Uploaded, encrypted bool) *event.MessageEventContent {
	if avatar == nil || content.BeeperPerMessageProfile == nil || encrypted != (avatar.File != nil) {
		return content
	}
	changed, profile := *content, *content.BeeperPerMessageProfile
	if profile.AvatarFile = avatar.File; avatar.File == nil {
		profile.AvatarURL = &avatar.URL
	}
	changed.BeeperPerMessageProfile = &profile
	return &changed
}

// memberAvatar returns the avatar of a member of a room, nil if there is none. It is no secret, so it may be shown in
// encrypted rooms.
func (b *Bot) memberAvatar(ctx context.Context, roomID id.RoomID, user id.UserID) *id.ContentURIString {
	if user == "" {
		return nil
	}
	member, err := b.client.StateStore.TryGetMember(ctx, roomID, user)
	if err != nil {
		b.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to look up the avatar of a member")
	}
	if member == nil || !member.AvatarURL.ParseOrIgnore().IsValid() {
		return nil
	}
	return &member.AvatarURL
}

// withAvatarURL returns a content with an avatar in its profile. A content without a profile stays as it is.
func withAvatarURL(content *event.MessageEventContent, url *id.ContentURIString) *event.MessageEventContent {
	if content == nil || content.BeeperPerMessageProfile == nil {
		return content
	}
	changed, profile := *content, *content.BeeperPerMessageProfile
	profile.AvatarURL = url
	changed.BeeperPerMessageProfile = &profile
	return &changed
}
