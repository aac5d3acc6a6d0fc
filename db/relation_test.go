package db

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

func TestWhatIsSaidOnce(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal, other := db.addPortal(t, "a"), db.addPortal(t, "b")
	for _, want := range []bool{true, false} {
		first, err := db.SaidOnce.Add(t.Context(), portal.ID, OnceWordless, "org.example")
		require.NoError(t, err)
		require.Equal(t, want, first)
	}
	for _, test := range []struct {
		portal int64
		kind   OnceKind
		name   string
		want   bool
	}{
		{portal.ID, OnceWordless, "org.example", true},
		{portal.ID, OnceWordless, "org.other", false},
		{portal.ID, OnceThread, "org.example", false},
		{other.ID, OnceWordless, "org.example", false},
	} {
		said, err := db.SaidOnce.Has(t.Context(), test.portal, test.kind, test.name)
		require.NoError(t, err)
		require.Equal(t, test.want, said, "%+v", test)
	}
}

func TestLastEditsAndReactionsLiveAsLongAsTheirMappings(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	for _, event := range []id.EventID{"$old", "$new"} {
		require.NoError(t, db.LastEdit.Set(t.Context(), portal.ID, event, "$first"))
		require.NoError(t, db.LastEdit.Set(t.Context(), portal.ID, event, event+"edit"))
		require.NoError(t, db.Reaction.Insert(t.Context(), &Reaction{PortalID: portal.ID, EventID: event, Target: "$target", Emoji: "👍"}))
	}
	require.NoError(t, db.Message.Insert(t.Context(), &Message{PortalID: portal.ID, WazoUUID: "u", EventID: "$new", RelayedAt: ms(time.Now().UnixMilli())}))
	require.NoError(t, db.LastEdit.Forget(t.Context()))
	require.NoError(t, db.Reaction.Forget(t.Context()))
	for event, want := range map[id.EventID]id.EventID{"$old": "", "$new": "$newedit"} {
		edit, err := db.LastEdit.Of(t.Context(), portal.ID, event)
		require.NoError(t, err)
		require.Equal(t, want, edit)
		reaction, err := db.Reaction.ByEvent(t.Context(), portal.ID, event)
		require.NoError(t, err)
		require.Equal(t, want != "", reaction != nil)
	}
	require.NoError(t, db.Reaction.Delete(t.Context(), portal.ID, "$new"))
	reaction, err := db.Reaction.ByEvent(t.Context(), portal.ID, "$new")
	require.NoError(t, err)
	require.Nil(t, reaction)
}

func TestEventThatTakesThePlaceOfAReaction(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	for part, event := range []id.EventID{"$first", "$second"} {
		require.NoError(t, db.Reaction.Insert(t.Context(), &Reaction{PortalID: portal.ID, EventID: event, Target: "$target", Emoji: "👍"}))
		require.NoError(t, db.Message.Insert(t.Context(), &Message{PortalID: portal.ID, WazoUUID: "u", Part: part, EventID: event, Author: "@a:a.example"}))
	}
	require.NoError(t, db.Message.Copy(t.Context(), portal.ID, "$first", "$again"))
	require.NoError(t, db.Message.Copy(t.Context(), portal.ID, "$unknown", "$lost"))
	for event, part := range map[id.EventID]int{"$first": 0, "$second": 1, "$again": 2} {
		message, err := db.Message.ByEvent(t.Context(), portal.ID, event)
		require.NoError(t, err)
		require.Equal(t, &Message{PortalID: portal.ID, WazoUUID: "u", Part: part, EventID: event, Author: "@a:a.example", RelayedAt: message.RelayedAt, CreatedAt: message.CreatedAt}, message)
	}
	known, err := db.Message.KnowsEvent(t.Context(), portal.ID, "$lost")
	require.NoError(t, err)
	require.False(t, known)
	reactions, err := db.Reaction.To(t.Context(), portal.ID, "$target")
	require.NoError(t, err)
	require.Len(t, reactions, 2)
}

func TestWhatWasSaidOnceIsForgotten(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	for _, kind := range []OnceKind{OnceWordless, OnceThread, OnceRemoved, OnceWithdrawn} {
		_, err := db.SaidOnce.Add(t.Context(), portal.ID, kind, "x")
		require.NoError(t, err)
	}
	now := time.Now().UnixMilli()
	require.NoError(t, db.SaidOnce.Forget(t.Context(), ms(now-time.Hour.Milliseconds())))
	require.Equal(t, 4, db.count(t, "said_once"))
	require.NoError(t, db.SaidOnce.Forget(t.Context(), ms(now+time.Hour.Milliseconds())))
	require.Equal(t, 1, db.count(t, "said_once"), "people are told of each type only once")
}
