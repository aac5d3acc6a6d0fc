package media

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/media/avatar"
)

func TestAvatarsAreUploadedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	avatars := NewAvatars(f.db, f.transfers)
	get := func(userUUID, name string) *Uploaded {
		t.Helper()
		uploaded, err := avatars.Get(t.Context(), roomID, userUUID, name)
		require.NoError(t, err)
		return uploaded
	}
	drawn, err := avatar.Draw("alice", "AM")
	require.NoError(t, err)

	plain := get("alice", "Alice Martin")
	require.Nil(t, plain.File)
	require.Equal(t, drawn, f.files.Get(string(plain.URL)))
	require.Equal(t, plain, get("alice", "Alice Martin"))
	require.Equal(t, plain, get("alice", "Anna Meyer"), "the initials are the same")
	require.Equal(t, 1, f.asked("/upload"))
	require.NotEqual(t, plain, get("alice", "Alice Xu"))
	require.NotEqual(t, plain, get("bob", "Alice Martin"))
	require.Equal(t, 3, f.asked("/upload"))

	f.encrypted = true
	encrypted := get("alice", "Alice Martin")
	require.Empty(t, encrypted.URL)
	stored := bytes.Clone(f.files.Get(string(encrypted.File.URL)))
	require.NotEqual(t, drawn, stored)
	again := get("alice", "Alice Martin")
	require.Equal(t, 4, f.asked("/upload"))
	require.NoError(t, again.File.DecryptInPlace(stored), "the keys come back from the database")
	require.Equal(t, drawn, stored)
}

func TestStoredAvatarsOfAnyVersionAreRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.NoError(t, f.db.Avatar.Put(t.Context(), "alice", "AM", false, `{"URL":"mxc://a.example/alice","File":null}`))
	uploaded, err := NewAvatars(f.db, f.transfers).Get(t.Context(), roomID, "alice", "Alice Martin")
	require.NoError(t, err)
	require.Equal(t, &Uploaded{URL: id.ContentURIString("mxc://a.example/alice")}, uploaded)
	require.Zero(t, f.asked("/upload"))
}

func TestNoAvatarIsUploadedForAWhileAfterAFailure(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	avatars := NewAvatars(f.db, f.transfers)
	require.NoError(t, f.db.Avatar.Put(t.Context(), "bob", "BS", false, `{"URL":"mxc://a.example/bob","File":null}`))
	f.onRequest(func(w http.ResponseWriter, _ *http.Request) bool {
		refuse(w, 500, "M_UNKNOWN")
		return true
	})
	_, err := avatars.Get(t.Context(), roomID, "alice", "Alice Martin")
	require.Error(t, err)
	f.onRequest(nil)

	uploaded, err := avatars.Get(t.Context(), roomID, "alice", "Alice Martin")
	require.NoError(t, err)
	require.Nil(t, uploaded)
	require.Equal(t, 1, f.asked("/upload"))
	uploaded, err = avatars.Get(t.Context(), roomID, "bob", "Bob Stone")
	require.NoError(t, err)
	require.NotNil(t, uploaded, "an avatar that was uploaded before is still there")

	require.WithinDuration(t, time.Now().Add(avatarPause), avatars.pausedUntil, time.Minute)
	avatars.pausedUntil = time.Now()
	uploaded, err = avatars.Get(t.Context(), roomID, "alice", "Alice Martin")
	require.NoError(t, err)
	require.NotNil(t, uploaded)
}
