package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestMessagesCrossInOrderOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	const n = 200
	toWazo, toMatrix := numbered("m", n), numbered("w", n)
	for i := range n {
		f.matrix.say(adminUser, toWazo[i])
		f.wazo.Post(f.room.UUID, f.alice, toMatrix[i], "")
	}
	f.awaitRelayed(toWazo...)
	f.awaitShown(prefixed("Alice Martin: ", toMatrix)...)
	f.awaitEmpty()
	require.Equal(t, toWazo, f.relayed())
	require.Equal(t, prefixed("Alice Martin: ", toMatrix), f.matrix.shown())
}

func TestSenderIsNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.matrix.say(adminUser, "by name")
	f.matrix.say("@nameless:b.example", "by localpart")
	f.awaitRelayed("by name", "by localpart")
	var aliases []string
	for _, m := range f.wazo.Messages(f.room.UUID) {
		if m.Alias != nil && *m.Alias != "" {
			aliases = append(aliases, *m.Alias)
		}
	}
	assert.Equal(t, []string{"Ada (Matrix)", "nameless (Matrix)"}, aliases)

	stranger := f.wazo.AddUser(wazotest.User{Username: "svc", Password: "s", Tenant: f.tenant, Purpose: wazotest.PurposeExternalAPI})
	f.wazo.Post(f.room.UUID, f.bob, "hi", "Mallory")
	f.wazo.Post(f.room.UUID, stranger, "hi", "Service\u202e\n desk")
	f.wazo.Post(f.room.UUID, stranger, "hi", "")
	f.awaitShown("Bob Stone: hi", "Service desk: hi", "Wazo user "+stranger.UUID[:8]+": hi")
}

func TestNothingBeforeTheLinkIsRelayed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.wazo.Post(f.room.UUID, f.alice, "old on Wazo", "")
	f.start()
	f.matrix.say(adminUser, "old on Matrix")
	// What is said while the link is being made stands on one side or the other of the notices, and is relayed
	// accordingly.
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 30 {
			f.matrix.say(adminUser, fmt.Sprintf("m%d", i))
		}
	})
	wg.Go(func() {
		for i := range 30 {
			f.wazo.Post(f.room.UUID, f.alice, fmt.Sprintf("w%d", i), "")
		}
	})
	f.link()
	wg.Wait()
	f.matrix.say(adminUser, "end on Matrix")
	f.wazo.Post(f.room.UUID, f.alice, "end on Wazo", "")

	var wantMatrix, wantWazo []string
	introduced := false
	for _, m := range f.wazo.Messages(f.room.UUID) {
		introduced = introduced || m.UserUUID == f.relay.UUID && m.Content == txt.Introduction("Test room")
		if introduced && m.UserUUID == f.alice.UUID {
			wantMatrix = append(wantMatrix, "Alice Martin: "+m.Content)
		}
	}
	f.matrix.mu.Lock()
	linked := false
	for _, evt := range f.matrix.rooms[roomID] {
		linked = linked || evt.Tag != nil && evt.Tag.Kind == TagLinked
		if linked && evt.Sender == adminUser {
			wantWazo = append(wantWazo, bodyOf(evt.Content.VeryRaw))
		}
	}
	f.matrix.mu.Unlock()
	f.awaitRelayed(wantWazo...)
	f.awaitShown(wantMatrix...)
}

func TestUnknownOutcomeOnWazo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		fault func(*wazotest.Faults) *wazotest.Fault
	}{
		{"stored and answered 500", func(f *wazotest.Faults) *wazotest.Fault { return f.PublishFails(wazotest.Times(1)) }},
		{"stored and the connection cut", func(f *wazotest.Faults) *wazotest.Fault { return f.CutPost(wazotest.Times(1)) }},
		{"not stored and answered 500", func(f *wazotest.Faults) *wazotest.Fault {
			return f.RefusePost(wazotest.JSONError(500), wazotest.Times(1))
		}},
		{"not stored and answered 502 in HTML", func(f *wazotest.Faults) *wazotest.Fault {
			return f.RefusePost(wazotest.HTMLError(502), wazotest.Times(1))
		}},
		{"not stored and answered 500 without a body, twice", func(f *wazotest.Faults) *wazotest.Fault {
			return f.RefusePost(wazotest.EmptyError(500), wazotest.Times(2))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			f.matrix.say(adminUser, "ok")
			f.awaitRelayed("ok")
			fault := test.fault(f.wazo.Faults())
			f.matrix.say(adminUser, "ok")
			f.matrix.say(adminUser, "ok")
			f.matrix.say(adminUser, "end")
			f.awaitRelayed("ok", "ok", "ok", "end")
			f.awaitEmpty()
			assert.Positive(t, fault.Fired())
			assert.Empty(t, f.matrix.shown(), "the relay's own messages never come back")
		})
	}
}

func TestUnknownOutcomeOnMatrix(t *testing.T) {
	t.Parallel()
	lostOnce := func() func(string) error {
		var once sync.Once
		return func(body string) (err error) {
			if strings.HasSuffix(body, "ok") {
				once.Do(func() { err = errLost })
			}
			return err
		}
	}
	for _, test := range []struct {
		name string
		set  func(*fakeMatrix)
	}{
		{"sent and the answer lost", func(f *fakeMatrix) { f.afterSend = lostOnce() }},
		{"sent and the answer lost by a homeserver that forgets", func(f *fakeMatrix) { f.afterSend, f.forgetsTransactions = lostOnce(), true }},
		{"not sent, for all one knows", func(f *fakeMatrix) { f.beforeSend, f.forgetsTransactions = lostOnce(), true }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			f.matrix.mu.Lock()
			test.set(f.matrix)
			f.matrix.mu.Unlock()
			for _, text := range []string{"ok", "ok", "end"} {
				f.wazo.Post(f.room.UUID, f.alice, text, "")
			}
			f.awaitShown("Alice Martin: ok", "Alice Martin: ok", "Alice Martin: end")
			f.awaitEmpty()
			require.Len(t, f.matrix.shown(), 3)
		})
	}
}

func TestRestartWithAttemptedRows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	// A kill between the request and its record: the message is there, the row too.
	fault := f.wazo.Faults().LateAnswer(time.Minute, wazotest.Times(1))
	f.matrix.say(adminUser, "once")
	f.awaitRelayed("once")
	f.core.cfg.ShutdownGrace = 0
	f.halt()
	require.Equal(t, 1, fault.Fired())
	f.matrix.setPaused(false)
	f.start()
	f.matrix.say(adminUser, "twice")
	f.awaitRelayed("once", "twice")
	f.awaitEmpty()
	require.Equal(t, []string{"once", "twice"}, f.relayed())
}

func TestWhatWasSaidWhileAwayIsRelayed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.limit = 10
	f.start()
	f.link()
	f.halt()
	const n = 55
	for i := range n {
		f.matrix.say(adminUser, fmt.Sprintf("m%d", i))
		f.wazo.Post(f.room.UUID, f.alice, fmt.Sprintf("w%d", i), "")
	}
	f.start()
	f.awaitRelayed(numbered("m", n)...)
	f.awaitShown(prefixed("Alice Martin: ", numbered("w", n))...)
}

func TestGapThatCannotBeReadIsToldOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.limit = 5
	f.start()
	f.link()
	f.matrix.mu.Lock()
	f.matrix.backfillError = &MatrixError{Status: 403, Code: "M_FORBIDDEN", Err: errors.New("no")}
	f.matrix.paused = true
	f.matrix.mu.Unlock()
	for i := range 20 {
		f.matrix.say(adminUser, fmt.Sprintf("m%d", i))
	}
	f.matrix.setPaused(false)
	f.awaitRelayed("m15", "m16", "m17", "m18", "m19")
	f.matrix.awaitNotice(txt.GapLost())
	require.Len(t, f.matrix.allNotices(), 1)
}

func TestLinkWhoseNoticeLiesInAGap(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.limit = 5
	f.start()
	f.matrix.setPaused(true)
	for i := range 20 {
		f.matrix.say(adminUser, fmt.Sprintf("before%d", i))
	}
	_, err := f.core.Link(f.ctx, LinkRequest{Room: roomID, By: adminUser}, f.wazoRoom())
	require.NoError(t, err)
	await.Until(t, "the notice", func() bool {
		f.matrix.mu.Lock()
		defer f.matrix.mu.Unlock()
		return len(f.matrix.byTxn) == 1
	})
	after := numbered("after", 20)
	for _, text := range after {
		f.matrix.say(adminUser, text)
	}
	f.matrix.setPaused(false)
	f.awaitRelayed(after...)
}

func TestEventsThatWazoForgot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.wazo.Faults().NoEvent(wazotest.Times(3))
	for _, text := range []string{"a", "b", "c", "d"} {
		f.wazo.Post(f.room.UUID, f.alice, text, "")
	}
	// The lost ones come with the next look for news, after what was heard.
	await.Until(t, "all four", func() bool { return len(f.matrix.shown()) == 4 })
	assert.ElementsMatch(t, prefixed("Alice Martin: ", []string{"a", "b", "c", "d"}), f.matrix.shown())
}

func TestWebsocketdAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	down := f.wazo.Faults().WebsocketdDown()
	for i := range 10 {
		f.wazo.Post(f.room.UUID, f.alice, fmt.Sprintf("w%d", i), "")
	}
	down.Off()
	f.awaitShown(prefixed("Alice Martin: ", numbered("w", 10))...)
}

func TestWazoAwayIsToldOnceAndOver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	down := f.wazo.Faults().ChatdDown()
	f.matrix.say(adminUser, "patience")
	f.matrix.awaitNotice(txt.Outage(words.ServiceWazo))
	down.Off()
	f.awaitRelayed("patience")
	f.matrix.awaitNotice(txt.OutageOver(words.ServiceWazo))
	require.Len(t, f.matrix.allNotices(), 2)
}

func TestRefusedMessageIsParkedAndTheNextGoesOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.matrix.say(adminUser, strings.Repeat("x", 2<<20))
	f.matrix.say(adminUser, "next")
	f.awaitRelayed("next")
	f.matrix.awaitNotice(txt.NotDelivered(txt.Why(words.WhyTooLarge)))
	f.awaitEmpty()
	status, err := f.core.Status(f.ctx, roomID)
	require.NoError(t, err)
	assert.Equal(t, 1, status.Parked)
	assert.Zero(t, status.ToWazo)

	f.matrix.mu.Lock()
	f.matrix.beforeSend = func(body string) error {
		if strings.Contains(body, "poison") {
			return &MatrixError{Status: http.StatusBadRequest, Code: "M_BAD_JSON", Err: errors.New("bad")}
		}
		return nil
	}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "poison", "")
	f.wazo.Post(f.room.UUID, f.alice, "fine", "")
	f.awaitShown("Alice Martin: fine")
	f.matrix.awaitNotice(txt.CannotShow("Alice Martin", txt.Why(words.WhyHomeserverRefused)))
}

func TestForbiddenPausesThePortalUntilRepaired(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	var mu sync.Mutex
	forbidden := true
	f.matrix.mu.Lock()
	f.matrix.beforeSend = func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if forbidden {
			return &MatrixError{Status: http.StatusForbidden, Code: "M_FORBIDDEN", Err: errors.New("no")}
		}
		return nil
	}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "one", "")
	f.awaitSilenced()
	f.wazo.Post(f.room.UUID, f.alice, "two", "")
	mu.Lock()
	forbidden = false
	mu.Unlock()
	f.awaitShown("Alice Martin: one", "Alice Martin: two")
	f.matrix.awaitNotice(txt.GoesOn())
	require.Len(t, f.matrix.allNotices(), 1)
	require.Len(t, f.matrix.allDirect(), 1)
}

func TestKickedBotGoesOnWhenInvitedAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	require.NoError(t, f.core.Removed(f.ctx, roomID))
	require.NoError(t, f.core.Removed(f.ctx, roomID))
	require.Len(t, f.matrix.allDirect(), 1)
	f.matrix.mu.Lock()
	f.matrix.beforeSend = func(string) error {
		return &MatrixError{Status: http.StatusForbidden, Code: "M_FORBIDDEN", Err: errors.New("not in room")}
	}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "kept", "")
	f.matrix.mu.Lock()
	f.matrix.beforeSend = nil
	f.matrix.mu.Unlock()
	linked, err := f.core.Rejoined(f.ctx, roomID)
	require.NoError(t, err)
	require.True(t, linked)
	f.awaitShown("Alice Martin: kept")
}

func TestLinkIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	outside := wazoapi.Room{UUID: "00000000-0000-4000-8000-000000000001", Name: "SMS", Users: []wazoapi.RoomUser{
		{UUID: f.core.account.uuid()}, {UUID: "00000000-0000-4000-8000-000000000002", Identity: "+15550100"},
	}}
	room := f.wazoRoom()
	for _, test := range []struct {
		name    string
		request LinkRequest
		room    wazoapi.Room
		want    string
	}{
		{"of a room with outside participants", LinkRequest{Room: roomID, By: adminUser}, outside, txt.OutsideParticipants("SMS")},
		{"by somebody who is no admin", LinkRequest{Room: roomID, By: "@user:a.example"}, room, txt.LinkNeedsLogin()},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := f.core.Link(f.ctx, test.request, test.room)
			require.EqualError(t, err, test.want)
		})
	}
	f.link()
	_, err := f.core.Link(f.ctx, LinkRequest{Room: roomID, By: adminUser}, room)
	require.EqualError(t, err, txt.AlreadyLinkedHere("Project"))
	_, err = f.core.Link(f.ctx, LinkRequest{Room: "!other:a.example", By: adminUser}, room)
	require.EqualError(t, err, txt.AlreadyLinkedElsewhere("Project", roomID.String()))
}

func TestLinkThatWazoRefusesIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	room := f.wazoRoom()
	f.wazo.Faults().RefusePost(wazotest.Answer{Status: 409, ContentType: "application/json", Body: `{"error_id": "message-identity-required", "message": "no", "details": {}, "timestamp": 1.5, "resource": "messages"}`}, wazotest.Times(1))
	_, err := f.core.Link(f.ctx, LinkRequest{Room: roomID, By: adminUser}, room)
	require.NoError(t, err)
	f.matrix.awaitNotice(txt.LinkFailed("Project", txt.Why(words.WhyConflict)))
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	assert.Nil(t, portal)
}

func TestUnlink(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	require.NoError(t, f.core.Unlink(f.ctx, roomID))
	require.EqualError(t, f.core.Unlink(f.ctx, roomID), txt.NotLinked())
	f.matrix.awaitNotice(txt.Unlinked("Project"))
	f.awaitRelayed(txt.GoodbyeOnWazo())
	f.matrix.say(adminUser, "unheard")
	f.wazo.Post(f.room.UUID, f.alice, "unheard", "")

	// A new link of the same rooms begins anew.
	f.link()
	f.matrix.say(adminUser, "heard")
	f.wazo.Post(f.room.UUID, f.alice, "heard", "")
	f.awaitRelayed(txt.GoodbyeOnWazo(), "heard")
	f.awaitShown("Alice Martin: heard")
}

func TestUnlinkFromWazo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	stranger := f.wazo.AddUser(wazotest.User{Username: "eve", Password: "e", Firstname: "Eve", Tenant: f.tenant})
	f.wazo.Post(f.room.UUID, stranger, "!wazo unlink", "")
	f.awaitShown("Eve: !wazo unlink")
	f.wazo.Post(f.room.UUID, f.bob, "!WAZO  unlink ", "")
	f.matrix.awaitNotice(txt.UnlinkedFromWazo("Project", "Bob Stone"))
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	assert.Nil(t, portal)
}

func TestStrangersAreToldOnceWhatToDo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	other := f.wazo.CreateRoom("Other", f.alice, f.relay)
	f.wazo.Post(other.UUID, f.alice, "anybody there?", "")
	await.Until(t, "the explanation on Wazo", func() bool {
		return slices.ContainsFunc(f.wazo.Messages(other.UUID), func(m wazotest.Message) bool { return m.Content == txt.Explanation(botUser.String()) })
	})
	f.wazo.Post(other.UUID, f.alice, "hello?", "")
	f.link()
	f.wazo.Post(f.room.UUID, f.alice, "heard after that", "")
	f.awaitShown("Alice Martin: heard after that")
	assert.Len(t, f.wazo.Messages(other.UUID), 3)
}

func TestWhatIsNotRelayedToWazo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.matrix.say("@ignored:b.example", "ignored")
	f.matrix.say(adminUser, "!wazo status")
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "other relay", TagKey: map[string]any{"kind": "message"}})
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "odd relay", TagKey: "odd"})
	f.matrix.add(roomID, adminUser, event.EventReaction, map[string]any{"m.relates_to": map[string]any{"rel_type": "m.annotation", "key": "👍"}})
	f.matrix.add(roomID, adminUser, event.Type{Type: "m.call.candidates"}, map[string]any{"what": 1})
	f.matrix.add(roomID, botUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "own without tag"})
	f.matrix.say(adminUser, "")
	f.matrix.say(adminUser, "!wazonderful is no command")
	f.awaitRelayed("!wazonderful is no command")
}

func TestBrokenEventIsParkedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.matrix.mu.Lock()
	f.matrix.rooms[roomID] = append(f.matrix.rooms[roomID], Event{Event: &event.Event{RoomID: roomID}, ParseError: errors.New("bad"), Raw: []byte(`{"event_id": 5}`)})
	f.matrix.mu.Unlock()
	f.matrix.say(adminUser, "next")
	f.awaitRelayed("next")
	status, err := f.core.Status(f.ctx, roomID)
	require.NoError(t, err)
	assert.Equal(t, 1, status.Parked)
}

// The bot finds the event at fault by TrySync, which takes a database that can be written.
func TestAPanicOverAnEventLeavesTheDatabaseFree(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.awaitEmpty()
	answer := func(events ...Event) Sync {
		return Sync{Since: "s", NextBatch: "later", Rooms: []RoomSync{{Room: roomID, Events: events}}}
	}
	bad := answer(Event{}) // no event at all, and nothing says so
	var panicked *task.PanicError
	require.ErrorAs(t, f.core.AcceptSync(f.ctx, bad), &panicked)
	require.NoError(t, f.core.TrySync(f.ctx, answer()), "without events it can be accepted")
	require.ErrorAs(t, f.core.TrySync(f.ctx, bad), &panicked)
	f.matrix.say(adminUser, "next")
	f.awaitRelayed("next")
}

func TestLongMessageBecomesSeveralEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.textError = &MatrixError{Status: 413, Code: "M_TOO_LARGE", Err: errors.New("no files")} // otherwise the rest becomes one
	f.start()
	f.link()
	long := strings.Repeat("word ", 40_000)
	f.wazo.Post(f.room.UUID, f.alice, long, "")
	f.wazo.Post(f.room.UUID, f.alice, "short", "")
	await.Until(t, "all parts", func() bool {
		shown := f.matrix.shown()
		return len(shown) > 0 && shown[len(shown)-1] == "Alice Martin: short"
	})
	shown := f.matrix.shown()
	require.Greater(t, len(shown), 5)
	var joined strings.Builder
	for _, part := range shown[:len(shown)-1] {
		require.Less(t, len(part), 60_000)
		joined.WriteString(strings.TrimPrefix(part, "Alice Martin: ") + " ")
	}
	assert.Equal(t, strings.Fields(long), strings.Fields(joined.String()))
	f.awaitEmpty()
}

func TestCreateRoom(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.wazo.AddUser(wazotest.User{Username: "al2", Password: "x", Firstname: "Alina", Lastname: "Martin", Tenant: f.tenant})
	f.start()
	room, err := f.core.CreateRoom(f.ctx, []string{"Alice Martin", "bob stone"}, "Plans", false)
	require.NoError(t, err)
	assert.Equal(t, f.room.UUID, string(room.UUID), "the same people always mean the same room")
	room, err = f.core.CreateRoom(f.ctx, []string{"Alice Martin"}, "Plans", false)
	require.NoError(t, err)
	assert.Equal(t, "Plans", room.Name)
	_, err = f.core.CreateRoom(f.ctx, []string{"Nobody"}, "", false)
	require.EqualError(t, err, txt.NobodyFound("Nobody"))
	_, err = f.core.CreateRoom(f.ctx, []string{"Martin"}, "", false)
	require.ErrorContains(t, err, "Several people match")
	_, err = f.core.CreateRoom(f.ctx, []string{"Matrix Relay"}, "", false)
	require.EqualError(t, err, txt.OnlyMember())
}

// TestCreateRoomWithANameOfMany: a room is not the place for a list of the whole staff with their addresses.
func TestCreateRoomWithANameOfMany(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	people := 0
	person := func(first, last, exten, email string) {
		people++
		f.wazo.AddUser(wazotest.User{Username: fmt.Sprintf("user%d", people), Password: "x", Firstname: first, Lastname: last, Exten: exten, Email: email, Tenant: f.tenant})
	}
	person("Ann", "Moss", "1001", "ann@acme.example")
	person("Ann", "Moss", "1002", "moss@acme.example")
	person("", "", "", "ann.unnamed@acme.example")
	f.start()
	create := func(name string, private bool) string {
		_, err := f.core.CreateRoom(f.ctx, []string{name}, "", private)
		require.Error(t, err)
		return err.Error()
	}
	shared, direct := create("ann", false), create("ann", true)
	assert.NotContains(t, shared, "@", "a shared room shows no e-mail addresses")
	assert.Contains(t, shared, "**Ann Moss (1001)**")
	assert.Contains(t, shared, "**Ann Moss (1002)**")
	assert.Contains(t, shared, "**Wazo user ")
	assert.Contains(t, direct, "**Ann Moss (1001, ann@acme.example)**")
	assert.Contains(t, direct, "**ann.unnamed@acme.example**")

	for i := range 7 {
		person("Robin", fmt.Sprintf("Relaymann %d", i), "", "")
	}
	many := create("relay", false)
	assert.NotContains(t, many, "Matrix Relay", "the relay account is in every chat already")
	assert.Equal(t, 5, strings.Count(many, "Relaymann"))
	assert.Contains(t, many, " and 2 more.")
	_, err := f.core.CreateRoom(f.ctx, []string{"Relaymann 3"}, "", false)
	require.NoError(t, err)
}

func TestANewNameOnWazoIsUsedWithinMinutes(t *testing.T) {
	t.Parallel()
	assert.LessOrEqual(t, nameTTL, 5*time.Minute)
}

func TestPeopleFoundTwiceAreOnePerson(t *testing.T) {
	t.Parallel()
	ann, bob := wazoapi.Contact{UUID: "a", FirstName: "Ann"}, wazoapi.Contact{UUID: "b", FirstName: "Bob"}
	assert.Equal(t, []wazoapi.Contact{ann, bob}, withoutRepetitions([]wazoapi.Contact{ann, bob, ann}))
}

func TestFindRoom(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	second := f.wazo.CreateRoom("Project two", f.relay, f.alice)
	unnamed := f.wazo.CreateRoom("", f.relay, f.bob)
	f.start()
	lines, err := f.core.Rooms(f.ctx, adminUser)
	require.NoError(t, err)
	require.Len(t, lines, 3)
	assert.Equal(t, []string{"Bob Stone", "Project", "Project two"}, []string{lines[0].Title, lines[1].Title, lines[2].Title})
	for _, test := range []struct{ name, what, want, err string }{
		{name: "by uuid", what: second.UUID, want: second.UUID},
		{name: "by uuid in capitals", what: strings.ToUpper(second.UUID), want: second.UUID},
		{name: "by the number that was shown", what: "1", want: unnamed.UUID},
		{name: "by exact name, though others contain it", what: "project", want: f.room.UUID},
		{name: "by a part of the name", what: "two", want: second.UUID},
		{name: "by a part of several names", what: "proj", err: "Several Wazo chats"},
		{name: "by a number that was not shown", what: "9", err: "I found no Wazo chat"},
		{name: "by an unknown name", what: "nothing", err: "I found no Wazo chat"},
		{name: "by an unknown uuid", what: "00000000-0000-4000-8000-000000000001", err: "I found no Wazo chat"},
	} {
		t.Run(test.name, func(t *testing.T) {
			room, err := f.core.FindRoom(f.ctx, test.what, adminUser)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, string(room.UUID))
		})
	}
	_, err = f.core.FindRoom(f.ctx, "1", "@other:a.example")
	require.ErrorContains(t, err, "I found no Wazo chat", "numbers mean the list shown to that person")
}

func TestAcceptIsOneTransaction(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	before, err := f.db.Setting.Get(f.ctx, db.SettingNextBatch)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	err = f.core.AcceptSync(ctx, Sync{Since: before, NextBatch: "later"})
	require.Error(t, err)
	after, err := f.db.Setting.Get(f.ctx, db.SettingNextBatch)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}
