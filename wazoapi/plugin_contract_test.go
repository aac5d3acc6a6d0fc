package wazoapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// pluginFixture is a fixture with the plugin, a room of alice and bob and a message
// of bob in it.
type pluginFixture struct {
	*fixture
	ctx           context.Context
	alice         *wazoapi.Account
	aliceID       wazoapi.UUID
	room, message wazoapi.UUID
}

func newPluginFixture(t *testing.T) *pluginFixture {
	f := &pluginFixture{fixture: newFixture(t), ctx: t.Context()}
	f.wazo.SetPlugin(true)
	f.alice, f.aliceID = f.account(f.fixture.alice), wazoapi.UUID(f.fixture.alice.UUID)
	f.room = wazoapi.UUID(f.wazo.CreateRoom("", f.fixture.alice, f.bob).UUID)
	f.message = f.post("hello")
	return f
}

// post posts a message as bob.
func (f *pluginFixture) post(content string) wazoapi.UUID {
	return wazoapi.UUID(f.wazo.Post(f.room.String(), f.bob, content, "").UUID)
}

// emoji returns with what there is a reaction, the oldest first.
func (f *pluginFixture) emoji() []string {
	list := []string{}
	for _, x := range f.wazo.Reactions(f.room.String()) {
		list = append(list, x.Emoji)
	}
	return list
}

func (f *pluginFixture) requests() int {
	n := 0
	for route, count := range f.wazo.Requests() {
		if strings.Contains(route, "reactions") || strings.Contains(route, "repl") {
			n += count
		}
	}
	return n
}

func TestContractHasPlugin(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	f.wazo.React(f.room.String(), f.message.String(), f.bob, "👍")
	denied := f.account(f.addUser(wazotest.User{Username: "denied", ACL: []string{"!chatd.users.me.rooms.*.reactions.#"}}))
	outsider := f.account(f.addUser(wazotest.User{Username: "zoe", Tenant: f.wazo.AddTenant("globex")}))
	for _, tt := range []struct {
		name    string
		with    func() *wazotest.Fault
		account *wazoapi.Account
		room    wazoapi.UUID
		want    bool
	}{
		{name: "there", account: f.alice, room: f.room, want: true},
		{name: "there, without a room to ask in", account: f.alice, want: true},
		{name: "there, in a room of others", account: outsider, room: f.room, want: true},
		{name: "no right to read reactions", account: denied, room: f.room},
		{name: "no tables", with: f.wazo.Faults().NoPluginTables, account: f.alice, room: f.room},
		{name: "no tables, which does not show without a room", with: f.wazo.Faults().NoPluginTables, account: f.alice, want: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.with != nil {
				defer tt.with().Off()
			}
			got, err := tt.account.HasPlugin(f.ctx, tt.room)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}

	before := f.requests()
	f.wazo.RevokeTokens(f.fixture.alice)
	got, err := f.alice.HasPlugin(f.ctx, f.room)
	require.NoError(t, err)
	assert.True(t, got)
	assert.Equal(t, before+2, f.requests(), "one request, and one with a new token")

	f.wazo.SetPlugin(false)
	for _, room := range []wazoapi.UUID{f.room, ""} {
		got, err = f.alice.HasPlugin(f.ctx, room)
		require.NoError(t, err)
		assert.False(t, got)
	}
	f.wazo.SetPlugin(true)
	for _, down := range []func() *wazotest.Fault{f.wazo.Faults().ChatdDown, f.wazo.Faults().AuthDown} {
		fault := down()
		_, err = f.alice.HasPlugin(f.ctx, f.room)
		require.Error(t, err, "no answer is no answer")
		require.NotErrorIs(t, err, wazoapi.ErrNoPlugin)
		fault.Off()
	}
	_, err = f.alice.HasPlugin(f.ctx, "..")
	require.ErrorIs(t, err, wazoapi.ErrInvalidUUID)
}

func TestContractPluginScopes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	missing, err := f.account(f.alice).MissingScopes(t.Context(), wazoapi.PluginScopes()...)
	require.NoError(t, err)
	assert.Empty(t, missing, "all are in the default policy")
}

// calls are all calls of the plugin but the probe.
func (f *pluginFixture) calls(account *wazoapi.Account) map[string]func() error {
	return map[string]func() error{
		"AddReaction":    func() error { return account.AddReaction(f.ctx, f.room, f.message, "👍") },
		"RemoveReaction": func() error { return account.RemoveReaction(f.ctx, f.room, f.message, "👍") },
		"MarkReply":      func() error { return account.MarkReply(f.ctx, f.room, f.message, f.message) },
		"RoomReactions":  func() error { _, err := account.RoomReactions(f.ctx, f.room); return err },
		"MessageReactions": func() error {
			_, err := account.MessageReactions(f.ctx, f.room, f.message)
			return err
		},
		"ReplyOf":     func() error { _, err := account.ReplyOf(f.ctx, f.room, f.message); return err },
		"RoomReplies": func() error { _, err := account.RoomReplies(f.ctx, f.room); return err },
	}
}

func TestContractEveryCallNoticesThatThePluginIsGone(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	f.wazo.SetPlugin(false)
	for name, call := range f.calls(f.alice) {
		require.ErrorIs(t, call(), wazoapi.ErrNoPlugin, name)
		assert.False(t, wazoapi.OutcomeUnknown(call()), name)
	}
	f.wazo.SetPlugin(true)
	tables := f.wazo.Faults().NoPluginTables()
	for name, call := range f.calls(f.alice) {
		require.ErrorIs(t, call(), wazoapi.ErrNoPlugin, "%s without tables", name)
		assert.False(t, wazoapi.OutcomeUnknown(call()), name)
	}
	tables.Off()
	f.wazo.Faults().ChatdDown()
	for name, call := range f.calls(f.alice) {
		err := call()
		require.NotErrorIs(t, err, wazoapi.ErrNoPlugin, "%s without chatd", name)
		assert.True(t, wazoapi.OutcomeUnknown(err), name)
	}
}

func TestContractWhoMayUseThePlugin(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	f.wazo.React(f.room.String(), f.message.String(), f.bob, "👍")
	stranger := f.account(f.addUser(wazotest.User{Username: "stranger"}))
	for _, name := range []string{"AddReaction", "RemoveReaction", "MarkReply"} {
		require.ErrorIs(t, f.calls(stranger)[name](), wazoapi.ErrNotMember, name)
	}
	reactions, err := stranger.RoomReactions(f.ctx, f.room)
	require.NoError(t, err)
	assert.Len(t, reactions, 1, "reading is open to the tenant")

	zoe := f.account(f.addUser(wazotest.User{Username: "zoe", Tenant: f.wazo.AddTenant("globex")}))
	for name, call := range f.calls(zoe) {
		var answer *wazoapi.Error
		require.ErrorAs(t, call(), &answer, name)
		assert.Equal(t, "unknown-room", answer.ID, name)
		require.NotErrorIs(t, answer, wazoapi.ErrNoPlugin, name)
		require.NotErrorIs(t, answer, wazoapi.ErrNotMember, name)
	}

	f.message = "00000000-0000-4000-8000-00000000dead"
	for _, name := range []string{"AddReaction", "RemoveReaction", "MarkReply", "MessageReactions", "ReplyOf"} {
		require.ErrorIs(t, f.calls(f.alice)[name](), wazoapi.ErrUnknownMessage, name)
	}
	before := f.requests()
	f.message = ""
	for _, name := range []string{"AddReaction", "RemoveReaction", "MarkReply", "MessageReactions", "ReplyOf"} {
		require.ErrorIs(t, f.calls(f.alice)[name](), wazoapi.ErrInvalidUUID, name)
	}
	assert.Equal(t, before, f.requests())
}

func TestContractReactions(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	for range 2 { // the second is answered by 409, which is what was wished for
		require.NoError(t, f.alice.AddReaction(f.ctx, f.room, f.message, "👍"))
	}
	second := f.post("another")
	f.wazo.React(f.room.String(), f.message.String(), f.bob, "👍")
	f.wazo.React(f.room.String(), second.String(), f.bob, "")

	all, err := f.alice.RoomReactions(f.ctx, f.room)
	require.NoError(t, err)
	require.Len(t, all, 3)
	stored := f.wazo.Reactions(f.room.String())
	for i, want := range []wazoapi.Reaction{
		{Room: f.room, Message: f.message, User: f.aliceID, Emoji: "👍"},
		{Room: f.room, Message: f.message, User: wazoapi.UUID(f.bob.UUID), Emoji: "👍"},
		{Room: f.room, Message: second, User: wazoapi.UUID(f.bob.UUID), Emoji: ""},
	} {
		want.CreatedAt = stored[i].CreatedAt
		assert.Equal(t, want, all[i])
	}
	of, err := f.alice.MessageReactions(f.ctx, f.room, f.message)
	require.NoError(t, err)
	assert.Equal(t, all[:2], of)

	for range 2 { // the second is answered by reaction-not-found
		require.NoError(t, f.alice.RemoveReaction(f.ctx, f.room, f.message, "👍"))
	}
	all, err = f.alice.RoomReactions(f.ctx, f.room)
	require.NoError(t, err)
	assert.Len(t, all, 2, "those of others stay")
}

func TestContractEmojiInPaths(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	for _, emoji := range []string{
		"👍🏽", "👩🏽‍❤️‍💋‍👨🏻", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "#️⃣", "?", "#", "%", "%41", "%2F", " ", "👍 ", "+1", "ok", "<b>", ";", "&=", `\`, "...", "é", "e\u0301",
	} {
		require.NoError(t, f.alice.AddReaction(f.ctx, f.room, f.message, emoji), emoji)
		assert.Equal(t, []string{emoji}, f.emoji())
		require.NoError(t, f.alice.RemoveReaction(f.ctx, f.room, f.message, emoji), emoji)
		assert.Empty(t, f.emoji(), emoji)
	}
	before := f.requests()
	for _, emoji := range []string{"", "/", "a/b", ".", "..", "a\x00", "\xed\xa0\x80", "xxxxxxxxxxx"} {
		require.ErrorIs(t, f.alice.AddReaction(f.ctx, f.room, f.message, emoji), wazoapi.ErrInvalidEmoji)
		require.ErrorIs(t, f.alice.RemoveReaction(f.ctx, f.room, f.message, emoji), wazoapi.ErrInvalidEmoji)
	}
	assert.Equal(t, before, f.requests(), "what can never be removed is not sent")
	f.wazo.SetPlugin(false)
	err := f.alice.RemoveReaction(f.ctx, f.room, f.message, "👍")
	assert.NotContains(t, err.Error(), "👍")
	assert.NotContains(t, err.Error(), "%F0", "errors do not tell what people say")
}

func TestContractSpellingsOfAnEmoji(t *testing.T) {
	t.Parallel()
	const plain, coloured = "\u2764", "\u2764\uFE0F"
	f := newPluginFixture(t)
	room, message := f.room.String(), f.message.String()
	f.wazo.React(room, message, f.fixture.alice, plain)
	f.wazo.React(room, message, f.bob, coloured)
	require.NoError(t, f.alice.RemoveReaction(f.ctx, f.room, f.message, coloured))
	assert.Equal(t, []string{coloured}, f.emoji(), "alice's is gone, bob's is not")

	f.wazo.React(room, message, f.fixture.alice, plain)
	f.wazo.React(room, message, f.fixture.alice, coloured)
	require.NoError(t, f.alice.RemoveReaction(f.ctx, f.room, f.message, plain))
	assert.Equal(t, []string{coloured, coloured}, f.emoji(), "what is there as it is spelled is enough")
	f.wazo.React(room, message, f.fixture.alice, "👍")
	require.NoError(t, f.alice.RemoveReaction(f.ctx, f.room, f.message, "👍🏽"))
	assert.Equal(t, []string{coloured, coloured, "👍"}, f.emoji(), "a skin tone makes another emoji")
}

func TestContractUnknownOutcomesOfReactions(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	add := func(emoji string) error { return f.alice.AddReaction(f.ctx, f.room, f.message, emoji) }
	remove := func(emoji string) error { return f.alice.RemoveReaction(f.ctx, f.room, f.message, emoji) }

	f.wazo.Faults().RelationPublishFails(wazotest.Times(2))
	require.NoError(t, add("1"), "a 500, and it is stored")
	require.NoError(t, remove("1"), "a 500, and it is gone")
	assert.Empty(t, f.emoji())

	// Neither bob's reaction nor one to another message is taken for alice's.
	f.wazo.React(f.room.String(), f.message.String(), f.bob, "2")
	f.wazo.React(f.room.String(), f.post("another").String(), f.fixture.alice, "2")
	race := wazotest.JSONError(http.StatusInternalServerError)
	for _, change := range []func(string) error{add, remove} {
		f.wazo.Faults().RefuseRelation(race, wazotest.Times(1))
		err := change("2")
		require.Error(t, err, "a 500, and nothing has changed")
		assert.True(t, wazoapi.OutcomeUnknown(err))
		require.NoError(t, change("2"))
	}
	assert.Equal(t, []string{"2", "2"}, f.emoji())

	for _, change := range []func(string) error{add, remove} {
		f.wazo.Faults().CutRelation(wazotest.Times(1))
		err := change("3")
		require.Error(t, err, "no answer")
		assert.True(t, wazoapi.OutcomeUnknown(err))
		require.NoError(t, change("3"), "repeating changes nothing twice")
	}
	assert.Equal(t, []string{"2", "2"}, f.emoji())
}

func TestContractReplies(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	parent, child := f.message, f.post("an answer")
	_, err := f.alice.ReplyOf(f.ctx, f.room, child)
	require.ErrorIs(t, err, wazoapi.ErrNoReply)
	replies, err := f.alice.RoomReplies(f.ctx, f.room)
	require.NoError(t, err)
	assert.Empty(t, replies)

	for range 2 { // the second is answered by 500
		require.NoError(t, f.alice.MarkReply(f.ctx, f.room, child, parent))
	}
	require.ErrorIs(t, f.alice.MarkReply(f.ctx, f.room, child, child), wazoapi.ErrOtherReply)
	hello := f.wazo.Messages(f.room.String())[0]
	want := wazoapi.Reply{Room: f.room, Child: child, Parent: parent, Preview: wazoapi.Preview{
		Content: "hello", Author: wazoapi.UUID(f.bob.UUID), CreatedAt: hello.CreatedAt,
	}}
	got, err := f.alice.ReplyOf(f.ctx, f.room, child)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	require.NoError(t, f.alice.MarkReply(f.ctx, f.room, parent, child), "a loop")
	empty := f.post("")
	toEmpty := f.post("an answer to nothing")
	require.NoError(t, f.alice.MarkReply(f.ctx, f.room, toEmpty, empty))
	require.NoError(t, f.alice.MarkReply(f.ctx, f.room, empty, empty), "to itself")
	f.wazo.DeleteMessage(f.room.String(), parent.String())
	want.Parent = ""
	replies, err = f.alice.RoomReplies(f.ctx, f.room)
	require.NoError(t, err)
	assert.Equal(t, map[wazoapi.UUID]wazoapi.Reply{
		child:   want,
		toEmpty: {Room: f.room, Child: toEmpty, Parent: empty},
		empty:   {Room: f.room, Child: empty, Parent: empty},
	}, replies, "without its parent, and without a preview of an empty message")
	got, err = f.alice.ReplyOf(f.ctx, f.room, toEmpty)
	require.NoError(t, err)
	assert.Equal(t, replies[toEmpty], got)
}

func TestContractUnknownOutcomesOfReplies(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	mark := func(child wazoapi.UUID) error { return f.alice.MarkReply(f.ctx, f.room, child, f.message) }

	f.wazo.Faults().RelationPublishFails(wazotest.Times(1))
	require.NoError(t, mark(f.post("1")), "a 500, and it is stored")

	child := f.post("2")
	f.wazo.Faults().RefuseRelation(wazotest.JSONError(http.StatusInternalServerError), wazotest.Times(1))
	err := mark(child)
	require.Error(t, err, "a 500, and nothing is stored")
	assert.True(t, wazoapi.OutcomeUnknown(err))
	require.NoError(t, mark(child))

	child = f.post("3")
	f.wazo.Faults().CutRelation(wazotest.Times(1))
	err = mark(child)
	require.Error(t, err, "no answer")
	assert.True(t, wazoapi.OutcomeUnknown(err))
	require.NoError(t, mark(child), "repeating is answered by 500, and it is what was wished for")
	assert.Len(t, f.wazo.Replies(f.room.String()), 3)
}

// pluginRecorder is a recorder that hears of reactions and replies.
type pluginRecorder struct {
	*recorder
	room    wazoapi.UUID
	plugin  chan bool
	added   chan wazoapi.Reaction
	removed chan wazoapi.Reaction
	replies chan wazoapi.Reply
}

var _ wazoapi.PluginHandler = (*pluginRecorder)(nil)

func (r *pluginRecorder) PluginRoom() wazoapi.UUID { return r.room }

func (r *pluginRecorder) PluginChanged(_ context.Context, present bool) { r.plugin <- present }

func (r *pluginRecorder) ReactionAdded(_ context.Context, x wazoapi.Reaction) error {
	r.added <- x
	return nil
}

func (r *pluginRecorder) ReactionRemoved(_ context.Context, x wazoapi.Reaction) error {
	r.removed <- x
	return nil
}

func (r *pluginRecorder) ReplyCreated(_ context.Context, y wazoapi.Reply) error {
	r.replies <- y
	return nil
}

func listenToPlugin(t *testing.T, account *wazoapi.Account, room wazoapi.UUID) *pluginRecorder {
	r := &pluginRecorder{
		&recorder{make(chan struct{}, 10), make(chan error, 1000), make(chan wazoapi.Message, 10), make(chan wazoapi.Room, 10)},
		room, make(chan bool, 10), make(chan wazoapi.Reaction, 10), make(chan wazoapi.Reaction, 10), make(chan wazoapi.Reply, 10),
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- account.Listen(ctx, r) }()
	t.Cleanup(func() {
		cancel()
		assert.ErrorIs(t, await.Receive(t, "the end of Listen", ended), context.Canceled)
	})
	await.Receive(t, "a connection", r.connected)
	return r
}

func TestContractListenToThePlugin(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	r := listenToPlugin(t, f.alice, f.room)
	assert.True(t, await.Receive(t, "the plugin", r.plugin))

	require.NoError(t, f.alice.AddReaction(f.ctx, f.room, f.message, "👍"))
	all, err := f.alice.RoomReactions(f.ctx, f.room)
	require.NoError(t, err)
	assert.Equal(t, all[0], await.Receive(t, "a reaction", r.added), "the event equals the list")
	require.NoError(t, f.alice.RemoveReaction(f.ctx, f.room, f.message, "👍"))
	gone := wazoapi.Reaction{Room: f.room, Message: f.message, User: f.aliceID, Emoji: "👍"}
	assert.Equal(t, gone, await.Receive(t, "a removal", r.removed), "without a time")

	child, err := f.alice.PostMessage(f.ctx, f.room, wazoapi.Draft{Content: "an answer"})
	require.NoError(t, err)
	assert.Equal(t, child, await.Receive(t, "the message", r.messages))
	assert.Empty(t, r.replies, "the message does not hint at what it will be")
	require.NoError(t, f.alice.MarkReply(f.ctx, f.room, child.UUID, f.message))
	want, err := f.alice.ReplyOf(f.ctx, f.room, child.UUID)
	require.NoError(t, err)
	reply := await.Receive(t, "the reply, which comes after its message", r.replies)
	assert.False(t, reply.CreatedAt.Before(child.CreatedAt))
	want.CreatedAt = reply.CreatedAt
	assert.Equal(t, want, reply)

	f.wazo.Faults().RelationPublishFails(wazotest.Times(1))
	require.NoError(t, f.alice.AddReaction(f.ctx, f.room, f.message, "1"), "what is stored without an event")
	f.wazo.React(f.room.String(), f.message.String(), f.bob, "2")
	assert.Equal(t, "2", await.Receive(t, "a reaction", r.added).Emoji)
	assert.Equal(t, []string{"1", "2"}, f.emoji())
}

func TestContractAnAdministratorGetsACopyPerMember(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	r := listenToPlugin(t, f.account(f.addUser(wazotest.User{Username: "admin", Admin: true})), f.room)
	f.wazo.React(f.room.String(), f.message.String(), f.bob, "👍")
	assert.Equal(t, await.Receive(t, "a copy", r.added), await.Receive(t, "another copy", r.added))
	f.wazo.Unreact(f.room.String(), f.message.String(), f.bob, "👍")
	await.Receive(t, "a copy", r.removed)
	await.Receive(t, "another copy", r.removed)
}

func TestContractThePluginComesAndGoesWithConnections(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	f.wazo.SetPlugin(false)
	r := listenToPlugin(t, f.alice, f.room)
	assert.False(t, await.Receive(t, "no plugin", r.plugin))
	for _, present := range []bool{true, false} {
		f.wazo.SetPlugin(present)
		f.wazo.RestartWebsocketd()
		assert.Equal(t, present, await.Receive(t, "the plugin", r.plugin))
		await.Receive(t, "a connection", r.connected)
	}
}

func TestContractRacesOfThePlugin(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	_, err := f.alice.Token(f.ctx)
	require.NoError(t, err)
	child := f.post("an answer")
	atOnce := func(change func() error) {
		t.Helper()
		var group errgroup.Group
		for range 8 {
			group.Go(change)
		}
		require.NoError(t, group.Wait(), "whoever comes second finds done what was wished for")
	}
	atOnce(func() error { return f.alice.AddReaction(f.ctx, f.room, f.message, "👍") })
	assert.Equal(t, []string{"👍"}, f.emoji())
	atOnce(func() error { return f.alice.RemoveReaction(f.ctx, f.room, f.message, "👍") })
	assert.Empty(t, f.emoji())
	atOnce(func() error { return f.alice.MarkReply(f.ctx, f.room, child, f.message) })
	assert.Len(t, f.wazo.Replies(f.room.String()), 1)
}
