package db

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
)

func TestTheLatestOwnNumberCounts(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	none, err := db.Outside.Of(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Nil(t, none)
	want := &Outside{PortalID: portal.ID, Participant: "uuid", Number: "+15145550111"}
	require.NoError(t, db.Outside.Insert(t.Context(), want))
	require.NoError(t, db.Outside.Insert(t.Context(), want), "it is known already")
	for _, written := range []struct {
		number string
		at     int64
	}{{"+15145550101", 10}, {"+15145550105", 30}, {"+15145550101", 20}} {
		require.NoError(t, db.Outside.NoteOwnNumber(t.Context(), portal.ID, written.number, jsontime.UMicroInt(written.at)))
	}
	want.OwnNumber, want.OwnSince = "+15145550105", jsontime.UMicroInt(30)
	got, err := db.Outside.Of(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NoError(t, db.Portal.Delete(t.Context(), portal.ID))
	require.Zero(t, db.count(t, "outside"))
}

func TestCreationsOfUnknownOutcomeAreKept(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	last := func(account, number string) Time {
		at, err := db.OutsideTry.Last(t.Context(), account, number)
		require.NoError(t, err)
		return at
	}
	require.True(t, last("a", "1").IsZero())
	require.NoError(t, db.OutsideTry.Begin(t.Context(), "a", "1", ms(10)))
	require.NoError(t, db.OutsideTry.Begin(t.Context(), "a", "1", ms(20)))
	require.NoError(t, db.OutsideTry.Begin(t.Context(), "b", "1", ms(30)))
	require.Equal(t, ms(20), last("a", "1"), "the latest one counts")
	require.NoError(t, db.OutsideTry.End(t.Context(), "b", "1"))
	require.True(t, last("b", "1").IsZero())
	require.NoError(t, db.OutsideTry.Forget(t.Context(), ms(20)))
	require.Equal(t, ms(20), last("a", "1"))
	require.NoError(t, db.OutsideTry.Forget(t.Context(), ms(21)))
	require.True(t, last("a", "1").IsZero())
}
