package bot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/media/avatar"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/convert"
)

// personSays is what is sent for a Wazo person.
func personSays(t *testing.T, userUUID, name, text string) relay.Outgoing {
	t.Helper()
	content := convert.ToMatrix(text)
	convert.AddProfile(content, userUUID, name)
	return relay.Outgoing{Type: event.EventMessage, Content: content, Tag: relay.Tag{Kind: relay.TagMessage, UUID: "u"}}
}

// profileKey is the key of a content under which clients find the profile of its author (MSC4144).
const profileKey = "com.beeper.per_message_profile"

// profileOf reads the profile of a sent content.
func profileOf(t *testing.T, content map[string]any) (profile event.BeeperPerMessageProfile) {
	t.Helper()
	require.NoError(t, json.Unmarshal(toJSON(content[profileKey]), &profile))
	return profile
}

func TestAvatarsInRooms(t *testing.T) {
	t.Parallel()
	send := func(f *fixture, out relay.Outgoing, txnID string) fakeSent {
		f.Helper()
		_, err := f.bot.Send(f.Context(), roomID, out, txnID)
		require.NoError(f, err)
		sent := f.hs.sentTo(roomID)
		return sent[len(sent)-1]
	}
	withAvatars := func(t *testing.T) *fixture {
		f := loggedIn(t)
		f.bot.cfg.Avatars = true
		return f
	}
	uploads := func(f *fixture) int { return f.hs.asked("/upload") }

	t.Run("off by default", func(t *testing.T) {
		f := loggedIn(t)
		require.NotContains(t, send(f, personSays(t, "alice", "Alice Martin", "hi"), "1").Content[profileKey], "avatar_url")
		require.Zero(t, uploads(f))
	})

	t.Run("uploaded once for each person in a plain room", func(t *testing.T) {
		f := withAvatars(t)
		first := profileOf(t, send(f, personSays(t, "alice", "Alice Martin", "hi"), "1").Content)
		require.NotNil(t, first.AvatarURL)
		require.Nil(t, first.AvatarFile)
		require.Equal(t, "alice", first.ID)
		require.True(t, first.HasFallback)
		drawn, err := avatar.Draw("alice", "AM")
		require.NoError(t, err)
		require.Equal(t, drawn, f.hs.files.Get(string(*first.AvatarURL)))
		require.Equal(t, first, profileOf(t, send(f, personSays(t, "alice", "Alice Martin", "again"), "2").Content))
		require.Equal(t, 1, uploads(f))
		require.NotEqual(t, first.AvatarURL, profileOf(t, send(f, personSays(t, "bob", "Bob Stone", "hi"), "3").Content).AvatarURL)
		require.NotEqual(t, first.AvatarURL, profileOf(t, send(f, personSays(t, "alice", "Alice Moreau-Xu", "hi"), "4").Content).AvatarURL, "a new name")
		require.Equal(t, 3, uploads(f))
	})

	t.Run("as an encrypted file within the ciphertext of an encrypted room", func(t *testing.T) {
		f := withAvatars(t)
		f.hs.setState(roomID, "m.room.encryption", megolm)
		sent := send(f, personSays(t, "alice", "Alice Martin", "hi"), "1")
		require.NotContains(t, sent.Content, profileKey)
		require.NotContains(t, string(toJSON(sent.Content)), "mxc:")
		require.NotContains(t, string(toJSON(sent.Content)), "alice")
		profile := profileOf(t, f.decryptSent(sent))
		require.Nil(t, profile.AvatarURL)
		require.NotNil(t, profile.AvatarFile)
		stored := bytes.Clone(f.hs.files.Get(string(profile.AvatarFile.URL)))
		require.NoError(t, profile.AvatarFile.DecryptInPlace(stored))
		drawn, err := avatar.Draw("alice", "AM")
		require.NoError(t, err)
		require.Equal(t, drawn, stored)
		require.Equal(t, profile.AvatarFile.URL, profileOf(t, f.decryptSent(send(f, personSays(t, "alice", "Alice Martin", "again"), "2"))).AvatarFile.URL)
		require.Equal(t, 1, uploads(f))
	})

	t.Run("none of the other kind when a room becomes encrypted", func(t *testing.T) {
		f := withAvatars(t)
		out := personSays(t, "alice", "Alice Martin", "hi")
		plain := f.bot.avatarFor(t.Context(), roomID, out)
		require.NotEmpty(t, plain.URL)
		require.Equal(t, out.Content, withAvatar(out.Content, plain, true))
		require.NotEqual(t, out.Content, withAvatar(out.Content, plain, false))
		require.Nil(t, out.Content.BeeperPerMessageProfile.AvatarURL, "the caller's content is left alone")
	})

	t.Run("none for the bot's own words", func(t *testing.T) {
		f := withAvatars(t)
		out := personSays(t, "alice", "Alice Martin", "hi")
		out.Tag.Kind = relay.TagNotice
		require.Nil(t, f.bot.avatarFor(t.Context(), roomID, out))
	})

	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("that of the author's account on Matrix, encrypted: %t", encrypted), func(t *testing.T) {
			f := withAvatars(t)
			if encrypted {
				f.hs.setState(roomID, "m.room.encryption", megolm)
			}
			member := func(user id.UserID, url id.ContentURIString) {
				content := &event.MemberEventContent{Membership: event.MembershipJoin, AvatarURL: url}
				require.NoError(t, f.bot.client.StateStore.SetMember(t.Context(), roomID, user, content))
			}
			const robins = id.ContentURIString("mxc://a.example/robin")
			member("@robin:a.example", robins)
			member("@sam:a.example", "https://a.example/sam") // is no picture on Matrix
			shown := func(user id.UserID) event.BeeperPerMessageProfile {
				out := personSays(t, "alice", "Alice Martin", "hi")
				out.As = user
				sent := send(f, out, user.String())
				require.Nil(t, out.Content.BeeperPerMessageProfile.AvatarURL, "the caller's content is left alone")
				if encrypted {
					return profileOf(t, f.decryptSent(sent))
				}
				return profileOf(t, sent.Content)
			}
			profile := shown("@robin:a.example")
			require.Equal(t, robins, *profile.AvatarURL)
			require.Nil(t, profile.AvatarFile)
			require.Zero(t, uploads(f))
			for _, user := range []id.UserID{"@sam:a.example", "@other:a.example"} {
				profile = shown(user)
				require.Equal(t, encrypted, profile.AvatarFile != nil, "the initials")
				require.Equal(t, 1, uploads(f))
			}
		})
	}

	t.Run("a message goes without if it cannot be uploaded, and the next one does not try", func(t *testing.T) {
		f := withAvatars(t)
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/upload") {
				refuse(w, 500, "M_UNKNOWN")
				return true
			}
			return false
		})
		for _, txnID := range []string{"1", "2"} {
			sent := send(f, personSays(t, "alice", "Alice Martin", "hi"), txnID)
			require.Equal(t, "Alice Martin: hi", sent.body())
			require.Nil(t, profileOf(t, sent.Content).AvatarURL)
		}
		require.Equal(t, 1, uploads(f))
	})

	t.Run("also if the database does not give it", func(t *testing.T) {
		f := withAvatars(t)
		_, err := f.db.Exec(t.Context(), "DROP TABLE avatar")
		require.NoError(t, err)
		require.Equal(t, "Alice Martin: hi", send(f, personSays(t, "alice", "Alice Martin", "hi"), "1").body())
	})
}
