package db

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextMessagesAreFollowedUntilNothingCanChange(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	none, err := db.TextMessage.Get(t.Context(), "nobody")
	require.NoError(t, err)
	require.Nil(t, none)
	put := func(uuid string, portalID int64, status string, created, noted int64) *TextMessage {
		m := &TextMessage{WazoUUID: uuid, PortalID: portalID, EventID: "$text", Status: status, CreatedAt: us(created), NotedAt: ms(noted)}
		require.NoError(t, db.TextMessage.Put(t.Context(), m))
		return m
	}
	put("early", 0, "accepted", 0, 10)
	put("late", portal.ID, "accepted", 30, 40)
	put("delivered", portal.ID, "delivered", 25, 40)
	put("given up", portal.ID, "dead_letter", 26, 40)
	put("too old", portal.ID, "accepted", 5, 40)
	put("failed", portal.ID, "pending", 20, 40)
	failed := put("failed", portal.ID, "failed", 20, 41) // it may be delivered after all
	failed.Told = "failed"
	require.NoError(t, db.TextMessage.Put(t.Context(), failed))
	got, err := db.TextMessage.Get(t.Context(), "failed")
	require.NoError(t, err)
	require.Equal(t, failed, got)

	open := func() (uuids []string) {
		found, err := db.TextMessage.Open(t.Context(), portal.ID, us(5))
		require.NoError(t, err)
		for _, m := range found {
			uuids = append(uuids, m.WazoUUID)
		}
		return uuids
	}
	require.Equal(t, []string{"failed", "late"}, open(), "the oldest first")
	require.NoError(t, db.TextMessage.Forget(t.Context(), ms(41), ms(50)))
	require.Equal(t, []string{"failed"}, open())
	require.Equal(t, 1, db.count(t, "text_message"), "what belongs to no message goes earlier")
	require.NoError(t, db.Portal.Delete(t.Context(), portal.ID))
	require.Zero(t, db.count(t, "text_message"))
}
