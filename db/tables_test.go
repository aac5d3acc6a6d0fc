package db

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

func TestRelayAccount(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	first, err := db.Account.Relay(t.Context(), "relay")
	require.NoError(t, err)
	first.UserUUID, first.TenantUUID = "user", "tenant"
	require.NoError(t, db.Account.Update(t.Context(), first))
	require.NoError(t, db.Account.SetToken(t.Context(), first.ID, "token"))

	t.Run("the same username keeps its row and token", func(t *testing.T) {
		again, err := db.Account.Relay(t.Context(), "relay")
		require.NoError(t, err)
		require.Equal(t, first, again)
		token, err := db.Account.Token(t.Context(), again.ID)
		require.NoError(t, err)
		require.Equal(t, "token", token)
	})

	t.Run("the token of another username is forgotten", func(t *testing.T) {
		other, err := db.Account.Relay(t.Context(), "other")
		require.NoError(t, err)
		require.Equal(t, &Account{ID: first.ID, Username: "other", State: AccountActive}, other, "the same row, since portals read through it")
		token, err := db.Account.Token(t.Context(), other.ID)
		require.NoError(t, err)
		require.Empty(t, token)
		require.Equal(t, 1, db.count(t, "account"))
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	value, err := db.Setting.Get(t.Context(), SettingNextBatch)
	require.NoError(t, err)
	require.Empty(t, value)
	for _, next := range []string{"s1", "s2"} {
		require.NoError(t, db.Setting.Set(t.Context(), SettingNextBatch, next))
		value, err = db.Setting.Get(t.Context(), SettingNextBatch)
		require.NoError(t, err)
		require.Equal(t, next, value)
	}
	require.NoError(t, db.Setting.SetSecret(t.Context(), SettingMatrixToken, "token"))
	require.NoError(t, db.Setting.SetSecret(t.Context(), SettingMatrixToken, "another"))
	value, err = db.Setting.GetSecret(t.Context(), SettingMatrixToken)
	require.NoError(t, err)
	require.Equal(t, "another", value)
}

func TestInbox(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	for _, row := range []InboxRow{
		{Kind: InboxInvite, Room: "!a:a.example", EventID: "$1", Payload: "{}", AcceptedAt: ms(5)},
		{Kind: InboxCommand, Room: "!a:a.example", EventID: "$2", Payload: "{}", AcceptedAt: ms(5)},
		{Kind: InboxCommand, Room: "!b:a.example", EventID: "$1", Payload: "again", AcceptedAt: ms(6)}, // the same event
	} {
		require.NoError(t, db.Inbox.Insert(t.Context(), &row))
	}
	rows, err := db.Inbox.All(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 2, "the same event is stored once")
	require.Equal(t, &InboxRow{ID: rows[0].ID, Kind: InboxInvite, Room: "!a:a.example", EventID: "$1", Payload: "{}", AcceptedAt: ms(5)}, rows[0])
	require.NoError(t, db.Inbox.Delete(t.Context(), rows[0].ID))
	left, err := db.Inbox.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, rows[1:], left)
}

func TestListing(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	const robin, sam = id.UserID("@robin:a.example"), id.UserID("@sam:a.example")
	room := func(user id.UserID, number int) string {
		t.Helper()
		found, err := db.Listing.Room(t.Context(), user, number)
		require.NoError(t, err)
		return found
	}
	require.Empty(t, room(robin, 1), "nothing was shown yet")
	require.NoError(t, db.Listing.Replace(t.Context(), robin, []string{"a", "b", "c"}))
	require.NoError(t, db.Listing.Replace(t.Context(), sam, []string{"x"}))
	require.Equal(t, "a", room(robin, 1))
	require.Equal(t, "c", room(robin, 3))
	require.Equal(t, "x", room(sam, 1), "a number means the list shown to this person")
	for _, number := range []int{-1, 0, 4} {
		require.Empty(t, room(robin, number))
	}
	require.NoError(t, db.Listing.Replace(t.Context(), robin, []string{"d"}))
	require.Equal(t, "d", room(robin, 1))
	require.Empty(t, room(robin, 2), "the old list is forgotten")
	require.Equal(t, "x", room(sam, 1))
}

func TestDirectChat(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	room, err := db.DirectChat.Get(t.Context(), "@robin:a.example")
	require.NoError(t, err)
	require.Empty(t, room)
	for _, next := range []id.RoomID{"!1:a.example", "!2:a.example"} {
		require.NoError(t, db.DirectChat.Put(t.Context(), "@robin:a.example", next))
		room, err = db.DirectChat.Get(t.Context(), "@robin:a.example")
		require.NoError(t, err)
		require.Equal(t, next, room)
	}
}

func TestExplanation(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	wanted, err := db.Explanation.Want(t.Context(), "room")
	require.NoError(t, err)
	require.True(t, wanted)
	wanted, err = db.Explanation.Want(t.Context(), "room")
	require.NoError(t, err)
	require.False(t, wanted, "the room is known already")
	pending, err := db.Explanation.Pending(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"room"}, pending)

	// However many try at once, one gives it.
	var claims atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			claimed, err := db.Explanation.Claim(t.Context(), "room")
			if err != nil {
				t.Error(err)
			} else if claimed {
				claims.Add(1)
			}
		})
	}
	wg.Wait()
	require.Equal(t, int32(1), claims.Load())

	pending, err = db.Explanation.Pending(t.Context())
	require.NoError(t, err)
	require.Empty(t, pending)
	wanted, err = db.Explanation.Want(t.Context(), "room")
	require.NoError(t, err)
	require.False(t, wanted, "what was given is not wanted again")
	claimed, err := db.Explanation.Claim(t.Context(), "unknown room")
	require.NoError(t, err)
	require.False(t, claimed)
}

func TestPause(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
	insert := func(portal *Portal, reason string, direction Direction) bool {
		t.Helper()
		added, err := db.Pause.Insert(t.Context(), &Pause{PortalID: portal.ID, Reason: reason, Direction: direction})
		require.NoError(t, err)
		return added
	}
	require.True(t, insert(a, "login", ToWazo))
	require.False(t, insert(a, "login", ToWazo), "one notice for one reason")
	require.True(t, insert(a, "opened", ""))
	require.True(t, insert(b, "login", ToWazo))

	pauses, err := db.Pause.Of(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, []*Pause{{a.ID, "login", ToWazo}, {a.ID, "opened", ""}}, pauses)
	require.True(t, pauses[0].Stops(ToWazo))
	require.False(t, pauses[0].Stops(ToMatrix))
	require.True(t, pauses[1].Stops(ToMatrix), "no direction means both")

	removed, err := db.Pause.Delete(t.Context(), pauses[0])
	require.NoError(t, err)
	require.True(t, removed)
	removed, err = db.Pause.Delete(t.Context(), pauses[0])
	require.NoError(t, err)
	require.False(t, removed)
	all, err := db.Pause.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*Pause{{a.ID, "opened", ""}, {b.ID, "login", ToWazo}}, all)
}

// The first of them may be dropped because it is too old.
func TestNoticesThatWereSentTogetherStayTogether(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	for _, room := range []id.RoomID{"!a:a.example", "!b:a.example", "!a:a.example", "!a:a.example"} {
		require.NoError(t, db.Notice.Insert(t.Context(), &Notice{Room: room, Markdown: "notice", CreatedAt: ms(1)}))
	}
	next := func(room id.RoomID) []*Notice {
		notices, err := db.Notice.Next(t.Context(), room, "", 2)
		require.NoError(t, err)
		return notices
	}
	sent := next("!a:a.example")
	require.Len(t, sent, 2)
	require.NoError(t, db.Notice.MarkSaid(t.Context(), sent))
	require.Equal(t, sent[1].ID, next("!a:a.example")[1].SaidUntil)
	require.NoError(t, db.Notice.Delete(t.Context(), sent[0].ID))
	require.Len(t, next("!a:a.example"), 1, "the third one was not sent with it")
	require.Zero(t, next("!b:a.example")[0].SaidUntil, "another room's was not sent")
}

func TestNotice(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	want := []*Notice{
		{Room: "!a:a.example", Markdown: "first", ReplyTo: "$1", CreatedAt: ms(5)},
		{User: "@robin:a.example", Markdown: "second", CreatedAt: ms(4)},
		{Room: "!a:a.example", Markdown: "first", CreatedAt: ms(6)}, // the same again is another notice
	}
	for _, notice := range want {
		require.NoError(t, db.Notice.Insert(t.Context(), notice))
	}
	all, err := db.Notice.All(t.Context())
	require.NoError(t, err)
	require.Len(t, all, len(want))
	for i, notice := range all {
		want[i].ID = notice.ID
		require.Equal(t, want[i], notice)
	}
	require.NoError(t, db.Notice.Delete(t.Context(), all[0].ID))
	left, err := db.Notice.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, all[1:], left)
}

func TestOrphan(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	a, b := db.addPortal(t, "a"), db.addPortal(t, "b")
	for _, orphan := range []Orphan{
		{a.ID, "later", "Ada", "hello", us(20)},
		{a.ID, "earlier", "Ada", "hello", us(10)},
		{a.ID, "of another", "Bob", "hello", us(1)},
		{b.ID, "elsewhere", "Ada", "hello", us(1)},
	} {
		require.NoError(t, db.Orphan.Insert(t.Context(), &orphan))
		require.NoError(t, db.Orphan.Insert(t.Context(), &orphan), "found again")
	}
	// Identical texts are told apart by count, the oldest first.
	for _, want := range []string{"earlier", "later"} {
		found, err := db.Orphan.Find(t.Context(), a.ID, "Ada", "hello", false)
		require.NoError(t, err)
		require.Equal(t, want, found.WazoUUID)
		require.NoError(t, db.Orphan.Found(t.Context(), a.ID, want, "$event", "@ada:a.example"))
	}
	none, err := db.Orphan.Find(t.Context(), a.ID, "Ada", "hello", true)
	require.NoError(t, err)
	require.Nil(t, none)
	require.NoError(t, db.Orphan.Close(t.Context(), a.ID, ms(1)))
	require.Equal(t, 1, db.count(t, "orphan"), "only of this portal")
}

// Orphans are kept, for rows that wait for their keys only, as long as there are such rows.
func TestClosedOrphan(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	portal := db.addPortal(t, "a")
	require.NoError(t, db.Orphan.Insert(t.Context(), &Orphan{portal.ID, "uuid", "Ada", "hello", us(10)}))
	row := &Row{PortalID: portal.ID, Direction: ToWazo, Kind: KindMessage, SourceID: "$event", Author: "@ada:a.example", State: StateNew, Payload: "{}", Session: "s"}
	_, err := db.Queue.Insert(t.Context(), row)
	require.NoError(t, err)
	row, err = db.Queue.BySource(t.Context(), portal.ID, ToWazo, "$event")
	require.NoError(t, err)
	_, err = db.Queue.PassOver(t.Context(), row)
	require.NoError(t, err)
	require.NoError(t, db.Orphan.Close(t.Context(), portal.ID, ms(1)))
	found, err := db.Orphan.Find(t.Context(), portal.ID, "Ada", "hello", false)
	require.NoError(t, err)
	require.Nil(t, found)
	found, err = db.Orphan.Find(t.Context(), portal.ID, "Ada", "hello", true)
	require.NoError(t, err)
	require.Equal(t, "uuid", found.WazoUUID)
	for since, want := range map[WazoTime]bool{us(10): true, us(11): false} {
		has, err := db.Orphan.Has(t.Context(), portal.ID, "Ada", since)
		require.NoError(t, err)
		require.Equal(t, want, has)
	}
	require.NoError(t, db.Orphan.Found(t.Context(), portal.ID, "uuid", "$event", "@ada:a.example"))
	known, err := db.Message.KnowsEvent(t.Context(), portal.ID, "$event")
	require.NoError(t, err)
	require.True(t, known)

	require.NoError(t, db.Orphan.Insert(t.Context(), &Orphan{portal.ID, "uuid", "Ada", "hello", us(10)}))
	_, err = db.Queue.Delete(t.Context(), row.ID)
	require.NoError(t, err)
	require.NoError(t, db.Orphan.Forget(t.Context()))
	require.Zero(t, db.count(t, "orphan"))
}

func TestCommands(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	const robin, eve = id.UserID("@robin:a.example"), id.UserID("@eve:a.example")
	first := &Command{EventID: "$1", Sender: robin, TypedAt: ms(5)}
	for _, c := range []*Command{
		first, {EventID: "$1", Sender: eve, TypedAt: ms(9)}, // the same event
		{EventID: "$2", Sender: robin, Replaces: "$1", TypedAt: ms(6)},
		{EventID: "$3", Sender: eve, Replaces: "$1", TypedAt: ms(7)},
	} {
		require.NoError(t, db.Command.Insert(t.Context(), c))
		require.NoError(t, db.Inbox.Insert(t.Context(), &InboxRow{Kind: InboxCommand, Room: "!a:a.example", EventID: c.EventID, Payload: "{}", AcceptedAt: ms(5)}))
	}
	got, err := db.Command.Get(t.Context(), "$1")
	require.NoError(t, err)
	require.Equal(t, first, got)
	got, err = db.Command.Get(t.Context(), "$other")
	require.NoError(t, err)
	require.Nil(t, got)

	for _, test := range []struct {
		eventID  id.EventID
		sender   id.UserID
		after    Time
		replaced bool
	}{
		{"$1", robin, Time{}, true},
		{"$1", robin, ms(5), true},
		{"$1", robin, ms(6), false},
		{"$1", "@sam:a.example", Time{}, false},
		{"$2", robin, Time{}, false},
	} {
		replaced, err := db.Command.IsReplaced(t.Context(), test.eventID, test.sender, test.after)
		require.NoError(t, err)
		require.Equal(t, test.replaced, replaced, test)
	}

	require.NoError(t, db.Command.Cancel(t.Context(), "$1", robin))
	inbox, err := db.Inbox.All(t.Context())
	require.NoError(t, err)
	require.Len(t, inbox, 1)
	require.Equal(t, id.EventID("$3"), inbox[0].EventID, "what somebody else wrote stays")

	require.NoError(t, db.Command.Forget(t.Context(), ms(6)))
	require.Equal(t, 2, db.count(t, "command"))
}

func TestWazoCommands(t *testing.T) {
	t.Parallel()
	db := openNew(t)
	first := &WazoCommand{WazoUUID: "uuid-1", WazoRoom: "room", Content: "!wazo help"}
	second := &WazoCommand{WazoUUID: "uuid-2", WazoRoom: "room", Content: "!wazo status"}
	for _, c := range []*WazoCommand{first, second, first} {
		require.NoError(t, db.WazoCommand.Insert(t.Context(), c))
	}
	pending, err := db.WazoCommand.Pending(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*WazoCommand{first, second}, pending)
	for _, want := range []bool{true, false} {
		claimed, err := db.WazoCommand.Claim(t.Context(), "uuid-1")
		require.NoError(t, err)
		require.Equal(t, want, claimed)
	}
	pending, err = db.WazoCommand.Pending(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*WazoCommand{second}, pending)
}
