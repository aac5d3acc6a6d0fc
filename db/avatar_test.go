package db

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAvatars(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	get := func(user, letters string, encrypted bool) string {
		t.Helper()
		file, err := db.Avatar.Get(t.Context(), user, letters, encrypted)
		require.NoError(t, err)
		return file
	}
	require.Empty(t, get("alice", "AM", true))
	require.NoError(t, db.Avatar.Put(t.Context(), "alice", "AM", true, `{"key":"secret"}`))
	require.NoError(t, db.Avatar.Put(t.Context(), "alice", "AM", false, "mxc://a.example/1"))
	require.NoError(t, db.Avatar.Put(t.Context(), "alice", "AM", false, "mxc://a.example/2"))
	require.Equal(t, `{"key":"secret"}`, get("alice", "AM", true))
	require.Equal(t, "mxc://a.example/2", get("alice", "AM", false))
	require.Empty(t, get("alice", "AX", false), "another name has another picture")
	require.Empty(t, get("bob", "AM", false))
	var stored []byte
	require.NoError(t, db.QueryRow(t.Context(), "SELECT file FROM avatar WHERE encrypted").Scan(&stored))
	require.NotContains(t, string(stored), "secret")
}
