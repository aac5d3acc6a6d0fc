package db

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

func TestMedia(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "relay.db")
	db := openAt(t, path, "key")
	const room = id.RoomID("!a:a.example")
	cat := &Media{
		Key: db.Media.Key(room, "$cat"), Room: room, EventID: "$cat", MXC: "mxc://a.example/cat", Encrypted: `{"key":"secret"}`, Name: "cat.jpg", MimeType: "image/jpeg", CreatedAt: ms(1), ExpiresAt: ms(100),
	}
	require.NoError(t, db.Media.Put(t.Context(), cat))
	key := cat.Key
	at := func(key string, now int64) *Media {
		t.Helper()
		found, err := db.Media.ByKey(t.Context(), key, ms(now))
		require.NoError(t, err)
		return found
	}

	t.Run("a file is found by its key until it expires", func(t *testing.T) {
		require.Equal(t, cat, at(key, 99))
		require.Nil(t, at(key, 100))
		require.Nil(t, at("", 1))
		require.Nil(t, at(key+"A", 1))
	})

	t.Run("the key has at least 128 bits, is the same again, and another one for everything else", func(t *testing.T) {
		require.GreaterOrEqual(t, len(key)*6, 128)
		require.Equal(t, key, db.Media.Key(room, "$cat"))
		require.NotEqual(t, key, db.Media.Key(room, "$dog"))
		require.NotEqual(t, key, db.Media.Key("!b:a.example", "$cat"))
		require.NotEqual(t, key, openAt(t, filepath.Join(t.TempDir(), "relay.db"), "another key").Media.Key(room, "$cat"))
	})

	t.Run("neither the key of the link nor that of the file stands in the database", func(t *testing.T) {
		var link, encrypted []byte
		require.NoError(t, db.QueryRow(t.Context(), "SELECT link, encrypted FROM media").Scan(&link, &encrypted))
		require.NotContains(t, string(link), key)
		require.NotContains(t, string(encrypted), "secret")
	})

	t.Run("a file that is stored again has the newer content", func(t *testing.T) {
		edited := *cat
		edited.Name, edited.Encrypted = "dog.jpg", ""
		require.NoError(t, db.Media.Put(t.Context(), &edited))
		require.Equal(t, &edited, at(key, 1))
		require.Equal(t, 1, db.count(t, "media"))
	})

	t.Run("what has expired is removed, and nothing else", func(t *testing.T) {
		dog := *cat
		dog.Key, dog.EventID, dog.ExpiresAt = db.Media.Key(room, "$dog"), "$dog", ms(200)
		require.NoError(t, db.Media.Put(t.Context(), &dog))
		require.NoError(t, db.Media.DeleteExpired(t.Context(), ms(100)))
		require.Equal(t, 1, db.count(t, "media"))
		require.Equal(t, &dog, at(db.Media.Key(room, "$dog"), 1))
	})

	t.Run("the file of an event is removed, not that of the same id in another room", func(t *testing.T) {
		require.NoError(t, db.Media.DeleteEvent(t.Context(), "!b:a.example", "$dog"))
		require.Equal(t, 1, db.count(t, "media"))
		require.NoError(t, db.Media.DeleteEvent(t.Context(), room, "$dog"))
		require.Zero(t, db.count(t, "media"))
	})

	t.Run("the files of edits go with the message, and each with its edit", func(t *testing.T) {
		put := func(source id.EventID) {
			file := *cat
			file.Key = db.Media.Key(room, source)
			require.NoError(t, db.Media.Put(t.Context(), &file))
		}
		put("$cat")
		put("$edit 1")
		put("$edit 2")
		require.NoError(t, db.Media.DeleteEvent(t.Context(), room, "$edit 1"))
		require.Equal(t, 2, db.count(t, "media"))
		require.Nil(t, at(db.Media.Key(room, "$edit 1"), 1))
		require.NoError(t, db.Media.DeleteEvent(t.Context(), room, "$cat"))
		require.Zero(t, db.count(t, "media"))
	})

	t.Run("a link can work longer, but not again", func(t *testing.T) {
		require.NoError(t, db.Media.Put(t.Context(), cat))
		require.NoError(t, db.Media.Extend(t.Context(), cat.Key, ms(1000)))
		require.Equal(t, ms(1000), at(cat.Key, 999).ExpiresAt)
		require.NoError(t, db.Media.DeleteEvent(t.Context(), room, "$cat"))
		require.NoError(t, db.Media.Extend(t.Context(), cat.Key, ms(2000)))
		require.Nil(t, at(cat.Key, 1))
	})
}
