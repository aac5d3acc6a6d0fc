package db

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
)

func TestTimes(t *testing.T) {
	t.Parallel()
	store := func(t *testing.T, linkedAt Time, startedOnWazo WazoTime) *Portal {
		t.Helper()
		db := openNew(t)
		a := db.addPortal(t, "a")
		b := *a
		b.MatrixRoom, b.WazoRoom, b.LinkedAt = "!b:a.example", "wazo-b", linkedAt
		require.NoError(t, db.Portal.Insert(t.Context(), &b))
		require.NoError(t, db.Portal.SetStartedOnWazo(t.Context(), b.ID, startedOnWazo))
		stored, err := db.Portal.ByID(t.Context(), b.ID)
		require.NoError(t, err)
		return stored
	}

	t.Run("the zero time is still the zero time when it is read", func(t *testing.T) {
		t.Parallel()
		stored := store(t, Time{}, WazoTime{})
		require.True(t, stored.LinkedAt.IsZero())
		require.True(t, stored.StartedOnWazo.IsZero())
		require.True(t, stored.ReadUntil.IsZero())
	})

	t.Run("a time keeps the precision of its clock", func(t *testing.T) {
		t.Parallel()
		now := time.Date(2026, 1, 2, 3, 4, 5, 123_456_789, time.UTC)
		stored := store(t, jsontime.UM(now), jsontime.UMicro(now))
		require.Equal(t, now.Truncate(time.Millisecond), stored.LinkedAt.UTC())
		require.Equal(t, now.Truncate(time.Microsecond), stored.StartedOnWazo.UTC())
	})

	t.Run("no message to Wazo has no newest one", func(t *testing.T) {
		t.Parallel()
		db := openNew(t)
		portal := db.addPortal(t, "a")
		newest, err := db.Message.NewestToWazo(t.Context(), portal.ID)
		require.NoError(t, err)
		require.True(t, newest.IsZero())
		require.NoError(t, db.Message.Insert(t.Context(), &Message{PortalID: portal.ID, WazoUUID: "u", Author: "@robin:a.example", CreatedAt: us(7)}))
		newest, err = db.Message.NewestToWazo(t.Context(), portal.ID)
		require.NoError(t, err)
		require.Equal(t, us(7), newest)
	})
}
