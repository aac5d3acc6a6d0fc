package db

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"

	"wazo-matrix-relay/internal/dbtest"
)

// filled makes a database of an older version on SQLite that has rows in all tables.
func filled(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "relay.db")
	install(t, file, installationV9...)
	db := openAt(t, file, "key")
	require.NoError(t, upgradeOthers(t.Context(), db.Database))
	for _, statement := range []string{
		`INSERT INTO crypto_account (account_id, device_id, shared, sync_token, account) VALUES ('a', 'DEVICE', true, '', x'00ff5c')`,
		`INSERT INTO crypto_olm_session (account_id, session_id, sender_key, session, created_at, last_decrypted, last_encrypted) VALUES ('a', 'short', 'k', 'text', '2026-01-02 03:04:05.123456789+02:00', '2026-01-02 03:04:05', '2026-01-02T03:04:05Z')`,
		`INSERT INTO crypto_olm_message_hash (account_id, received_at, message_hash) VALUES ('a', 1, x'0102')`,
		`INSERT INTO crypto_megolm_inbound_session (account_id, session_id, sender_key, room_id, ratchet_safety) VALUES ('a', 's', 'k', '!r', '{"next_index": 1,"missed_indices": null}')`,
		`INSERT INTO mx_room_state (room_id, power_levels, members_fetched) VALUES ('!r', '{"users":{"@b":100,"@a":50}}', true)`,
		`INSERT INTO mx_user_profile (room_id, user_id, membership, displayname, avatar_url) VALUES ('!r', '@a', 'join', 'Ännchen', ''), ('!r', '@Z', 'leave', '', '')`,
		`INSERT INTO message (portal_id, wazo_uuid, part, event_id, author, created_at, relayed_at) SELECT id, 'same time', 0, '$merged', 'u', 5, 5 FROM portal LIMIT 1`,
		`INSERT INTO message (portal_id, wazo_uuid, part, event_id, author, created_at, relayed_at) SELECT id, 'at the same time', 0, '$merged', 'u', 5, 5 FROM portal LIMIT 1`,
		`DELETE FROM notice WHERE id = (SELECT MAX(id) FROM notice)`,
		`UPDATE queue SET merged_into = (SELECT MAX(id) FROM queue) WHERE id = (SELECT MIN(id) FROM queue)`,
	} {
		_, err := db.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	require.NoError(t, db.Setting.SetSecret(t.Context(), SettingMatrixToken, "token"))
	require.NoError(t, db.Close())
	return file
}

func ignoreSteps(MoveStep) {}

func TestMove(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	file, target := filled(t), dbtest.Location(t)
	source := openAt(t, file, "key")
	portals, err := source.Portal.All(t.Context())
	require.NoError(t, err)
	last, err := source.Message.ByEvent(t.Context(), portals[0].ID, "$merged")
	require.NoError(t, err)
	var notices, rows int64
	require.NoError(t, source.QueryRow(t.Context(), "SELECT seq FROM sqlite_sequence WHERE name = 'notice'").Scan(&notices))
	names, err := (&mover{source: source}).tables(t.Context())
	require.NoError(t, err)
	for _, name := range names {
		var n int64
		require.NoError(t, source.QueryRow(t.Context(), "SELECT COUNT(*) FROM "+name).Scan(&n))
		rows += n
	}
	require.NoError(t, source.Close())

	steps := make(map[string]MoveStep)
	moved, err := Move(t.Context(), file, target, "key", zerolog.Nop(), func(step MoveStep) { steps[step.Table] = step })
	require.NoError(t, err)
	require.EqualValues(t, rows, moved.Rows)
	require.Len(t, names, moved.Tables)
	require.Equal(t, MoveStep{Table: "crypto_olm_session", Rows: 1, Compared: true}, steps["crypto_olm_session"])

	db := openAt(t, target, "key")
	there, err := db.Portal.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, portals, there)
	token, err := db.Setting.GetSecret(t.Context(), SettingMatrixToken)
	require.NoError(t, err)
	require.Equal(t, "token", token)
	message, err := db.Message.ByEvent(t.Context(), portals[0].ID, "$merged")
	require.NoError(t, err)
	require.Equal(t, last, message)
	require.NoError(t, db.Notice.Insert(t.Context(), &Notice{Room: "!new:a.example"}))
	var newest int64
	require.NoError(t, db.QueryRow(t.Context(), "SELECT MAX(id) FROM notice").Scan(&newest))
	require.Equal(t, notices+1, newest, "no id is used again")
	require.NoError(t, db.Close())

	t.Run("the source can be used", func(t *testing.T) { require.NoError(t, openAt(t, file, "key").Close()) })
	t.Run("again", func(t *testing.T) {
		_, err := Move(t.Context(), file, target, "key", zerolog.Nop(), ignoreSteps)
		require.ErrorIs(t, err, ErrNotEmpty)
	})
}

func TestMoveThatIsRefused(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	move := func(t *testing.T, file, target, key string) error {
		t.Helper()
		_, err := Move(t.Context(), file, target, key, zerolog.Nop(), ignoreSteps)
		require.Error(t, err)
		return err
	}
	execute := func(t *testing.T, file, statement string) {
		t.Helper()
		db, err := sql.Open("sqlite3", file)
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	}
	isEmpty := func(t *testing.T, target string) {
		t.Helper()
		require.False(t, dbtest.Exists(t, target), "nothing is left in the target")
	}
	t.Run("while a relay uses the source", func(t *testing.T) {
		t.Parallel()
		file, target := filled(t), dbtest.Location(t)
		openAt(t, file, "key")
		require.ErrorIs(t, move(t, file, target, "key"), ErrInUse)
		isEmpty(t, target)
	})
	t.Run("while a relay uses the target", func(t *testing.T) {
		t.Parallel()
		target := dbtest.Location(t)
		openAt(t, target, "key")
		require.ErrorIs(t, move(t, filled(t), target, "key"), ErrInUse)
	})
	t.Run("with another key", func(t *testing.T) {
		t.Parallel()
		target := dbtest.Location(t)
		require.ErrorIs(t, move(t, filled(t), target, "another"), ErrWrongKey)
		isEmpty(t, target)
	})
	t.Run("from a newer version", func(t *testing.T) {
		t.Parallel()
		file, target := filled(t), dbtest.Location(t)
		execute(t, file, "UPDATE version SET version = 99, compat = 99")
		require.ErrorIs(t, move(t, file, target, "key"), dbutil.ErrUnsupportedDatabaseVersion)
		isEmpty(t, target)
	})
	t.Run("with a value that PostgreSQL does not take", func(t *testing.T) {
		t.Parallel()
		file, target := filled(t), dbtest.Location(t)
		execute(t, file, "UPDATE portal SET linked_at = 'long ago'")
		require.ErrorContains(t, move(t, file, target, "key"), "failed to move table portal")
		isEmpty(t, target)
	})
	t.Run("with a table that nobody knows", func(t *testing.T) {
		t.Parallel()
		file, target := filled(t), dbtest.Location(t)
		execute(t, file, "CREATE TABLE unknown (x INTEGER)")
		require.ErrorIs(t, move(t, file, target, "key"), ErrDiffers)
		isEmpty(t, target)
	})
	t.Run("an empty file", func(t *testing.T) {
		t.Parallel()
		file, target := filepath.Join(t.TempDir(), "relay.db"), dbtest.Location(t)
		require.ErrorIs(t, move(t, file, target, "key"), os.ErrNotExist)
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		require.ErrorIs(t, move(t, file, target, "key"), ErrNotARelay)
		isEmpty(t, target)
	})
}
