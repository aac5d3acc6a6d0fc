package db

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

func TestShownReactions(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	thumb := &ShownReaction{PortalID: portal.ID, Target: "$target", Emoji: "👍", SentAt: ms(5)}
	require.NoError(t, db.ShownReaction.Insert(t.Context(), thumb))
	require.NoError(t, db.ShownReaction.Insert(t.Context(), &ShownReaction{PortalID: portal.ID, Target: "$target", Emoji: "👍", EventID: "$other", SentAt: ms(6)}))
	for _, event := range []id.EventID{"$first", "$second"} {
		shown, err := db.ShownReaction.ShownAs(t.Context(), thumb, event)
		require.NoError(t, err)
		require.Equal(t, id.EventID("$first"), shown, "the first event stays")
	}
	require.NoError(t, db.ShownReaction.SetSays(t.Context(), thumb, "text"))
	require.NoError(t, db.ShownReaction.Withdraw(t.Context(), portal.ID, "$first"))
	require.NoError(t, db.ShownReaction.DeleteEvent(t.Context(), portal.ID, "$first"))
	all, err := db.ShownReaction.Of(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Equal(t, []*ShownReaction{{portal.ID, "$target", "👍", "$first", ms(5), "text", true}}, all, "what a person removed is remembered")
	require.NoError(t, db.ShownReaction.Delete(t.Context(), thumb))
	require.Zero(t, db.count(t, "shown_reaction"))

	require.NoError(t, db.ShownReaction.Insert(t.Context(), thumb))
	require.NoError(t, db.ShownReaction.Refuse(t.Context(), thumb))
	all, err = db.ShownReaction.Of(t.Context(), portal.ID)
	require.NoError(t, err)
	require.True(t, all[0].Withdrawn)
	require.NoError(t, db.ShownReaction.Delete(t.Context(), thumb))
	shown, err := db.ShownReaction.ShownAs(t.Context(), thumb, "$late")
	require.NoError(t, err)
	require.Empty(t, shown, "nothing is shown any more")
	require.NoError(t, db.ShownReaction.Insert(t.Context(), &ShownReaction{PortalID: portal.ID, Target: "$target", EventID: "$notice", SentAt: ms(5)}))
	require.NoError(t, db.ShownReaction.DeleteEvent(t.Context(), portal.ID, "$notice"))
	require.Zero(t, db.count(t, "shown_reaction"))
}

func TestWhatIsShownLivesAsLongAsItsMapping(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	for _, name := range []string{"old", "new"} {
		require.NoError(t, db.ShownReaction.Insert(t.Context(), &ShownReaction{PortalID: portal.ID, Target: id.EventID("$" + name), Emoji: "👍", SentAt: ms(1)}))
		require.NoError(t, db.ShownReply.Insert(t.Context(), portal.ID, name))
		require.NoError(t, db.ShownReply.Insert(t.Context(), portal.ID, name))
	}
	require.NoError(t, db.Message.Insert(t.Context(), &Message{PortalID: portal.ID, WazoUUID: "new", EventID: "$new", RelayedAt: ms(time.Now().UnixMilli())}))
	_, err := db.Queue.Insert(t.Context(), &Row{PortalID: portal.ID, Direction: ToMatrix, Kind: KindMessage, SourceID: "waiting", State: StateNew})
	require.NoError(t, err)
	require.NoError(t, db.ShownReply.Insert(t.Context(), portal.ID, "waiting"))
	// The database is an older copy: this message is not known to be delivered yet.
	require.NoError(t, db.ShownReaction.Insert(t.Context(), &ShownReaction{PortalID: portal.ID, Target: "$unknown", Emoji: "👍", SentAt: ms(3)}))
	require.NoError(t, db.ShownReaction.Forget(t.Context(), ms(2)))
	require.NoError(t, db.ShownReply.Forget(t.Context()))
	all, err := db.ShownReaction.Of(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, []id.EventID{"$new", "$unknown"}, []id.EventID{all[0].Target, all[1].Target})
	rows, err := db.Query(t.Context(), `SELECT wazo_uuid FROM shown_reply ORDER BY wazo_uuid`)
	kept, err := dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
	require.NoError(t, err)
	require.Equal(t, []string{"new", "waiting"}, kept)
}

func TestMessagesThatAreNotShownAsReplies(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal, other := db.addPortal(t, "a"), db.addPortal(t, "b")
	for _, m := range []*Message{
		{PortalID: portal.ID, WazoUUID: "second", EventID: "$second", Author: "alice", CreatedAt: us(2), RelayedAt: ms(12)},
		{PortalID: portal.ID, WazoUUID: "first", EventID: "$first", Author: "alice", CreatedAt: us(1), RelayedAt: ms(12)},
		{PortalID: portal.ID, WazoUUID: "first", Part: 1, EventID: "$picture", Author: "alice", CreatedAt: us(1), RelayedAt: ms(12)},
		{PortalID: portal.ID, WazoUUID: "reply", EventID: "$reply", Author: "alice", RelayedAt: ms(12)},
		{PortalID: portal.ID, WazoUUID: "old", EventID: "$old", Author: "alice", RelayedAt: ms(9)},
		{PortalID: portal.ID, WazoUUID: "nothing", Author: "alice", RelayedAt: ms(12)},
		{PortalID: portal.ID, WazoUUID: "matrix", EventID: "$matrix", Author: "@ann:a.example", RelayedAt: ms(12)},
		{PortalID: portal.ID, WazoUUID: "unknown", EventID: "$unknown", RelayedAt: ms(12)},
		{PortalID: other.ID, WazoUUID: "elsewhere", EventID: "$elsewhere", Author: "alice", RelayedAt: ms(12)},
	} {
		require.NoError(t, db.Message.Insert(t.Context(), m))
	}
	require.NoError(t, db.ShownReply.Insert(t.Context(), portal.ID, "reply"))
	messages, err := db.ShownReply.Unshown(t.Context(), portal.ID, ms(10))
	require.NoError(t, err)
	var uuids []string
	for _, m := range messages {
		uuids = append(uuids, m.WazoUUID)
	}
	require.Equal(t, []string{"first", "second"}, uuids)
}

func TestTargetsOfMessages(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal, other := db.addPortal(t, "a"), db.addPortal(t, "b")
	for _, m := range []*Message{
		{PortalID: portal.ID, WazoUUID: "text", EventID: "$text", Author: "alice"},
		{PortalID: portal.ID, WazoUUID: "text", Part: 1, EventID: "$picture", Author: "alice"},
		{PortalID: portal.ID, WazoUUID: "hidden", Author: "alice"},
		{PortalID: portal.ID, WazoUUID: "reaction", EventID: "$reaction", Author: "@ann:a.example"},
		{PortalID: portal.ID, WazoUUID: "edit", EventID: "$edit", Author: "@ann:a.example"},
		{PortalID: other.ID, WazoUUID: "elsewhere", EventID: "$elsewhere", Author: "alice"},
	} {
		require.NoError(t, db.Message.Insert(t.Context(), m))
	}
	require.NoError(t, db.Reaction.Insert(t.Context(), &Reaction{PortalID: portal.ID, EventID: "$reaction", Target: "$text", Emoji: "👍"}))
	require.NoError(t, db.LastEdit.Set(t.Context(), portal.ID, "$edited", "$edit"))
	found, err := db.Message.Targets(t.Context(), portal.ID, "text", "hidden", "reaction", "edit", "elsewhere", "unknown", `"`)
	require.NoError(t, err)
	got := map[string]id.EventID{}
	for _, m := range found {
		got[m.WazoUUID] = m.EventID
	}
	require.Equal(t, map[string]id.EventID{"text": "$text", "reaction": "$text", "edit": "$edited"}, got)
	require.Len(t, found, len(got), "one for each message")
}

// Targets looks for the edit that each message may be.
func TestEditsAreFoundByTheirEvents(t *testing.T) {
	t.Parallel()
	db := openNewFile(t)
	rows, err := db.Query(t.Context(), `EXPLAIN QUERY PLAN `+targetsQuery, 1, `["text"]`)
	require.NoError(t, err)
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
		plan = append(plan, step)
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	require.Contains(t, strings.Join(plan, "\n"), "last_edit_edit (portal_id=? AND edit_id=?)")
}
