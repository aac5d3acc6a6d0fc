package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestMessagesCrossInOrderOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	const n = 200
	toWazo, toMatrix := numbered("m", n), numbered("w", n)
	for i := range n {
		w.matrix.say(adminUser, toWazo[i])
		w.wazo.Post(w.room.UUID, w.alice, toMatrix[i], "")
	}
	w.awaitRelayed(toWazo...)
	w.awaitShown(prefixed("Alice Martin: ", toMatrix)...)
	w.awaitEmpty()
	require.Equal(t, toWazo, w.relayed())
	require.Equal(t, prefixed("Alice Martin: ", toMatrix), w.matrix.shown())
}

func TestSenderIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	w.matrix.say(adminUser, "by name")
	w.matrix.say("@nameless:b.example", "by localpart")
	w.awaitRelayed("by name", "by localpart")
	var aliases []string
	for _, m := range w.wazo.Messages(w.room.UUID) {
		if m.Alias != nil && *m.Alias != "" {
			aliases = append(aliases, *m.Alias)
		}
	}
	assert.Equal(t, []string{"Ada (Matrix)", "nameless (Matrix)"}, aliases)

	stranger := w.wazo.AddUser(wazotest.User{Username: "svc", Password: "s", Tenant: w.tenant, Purpose: wazotest.PurposeExternalAPI})
	w.wazo.Post(w.room.UUID, w.bob, "hi", "Mallory")
	w.wazo.Post(w.room.UUID, stranger, "hi", "Service\u202e\n desk")
	w.wazo.Post(w.room.UUID, stranger, "hi", "")
	w.awaitShown("Bob Stone: hi", "Service desk: hi", "Wazo user "+stranger.UUID[:8]+": hi")
}

func TestNothingBeforeTheLinkIsRelayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wazo.Post(w.room.UUID, w.alice, "old on Wazo", "")
	w.start()
	w.matrix.say(adminUser, "old on Matrix")
	// What is said while the link is being made stands on one side or the other of the notices, and is relayed accordingly.
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 30 {
			w.matrix.say(adminUser, fmt.Sprintf("m%d", i))
		}
	})
	wg.Go(func() {
		for i := range 30 {
			w.wazo.Post(w.room.UUID, w.alice, fmt.Sprintf("w%d", i), "")
		}
	})
	w.link()
	wg.Wait()
	w.matrix.say(adminUser, "end on Matrix")
	w.wazo.Post(w.room.UUID, w.alice, "end on Wazo", "")

	var wantMatrix, wantWazo []string
	introduced := false
	for _, m := range w.wazo.Messages(w.room.UUID) {
		introduced = introduced || m.UserUUID == w.relay.UUID && m.Content == txt.Introduction("Test room")
		if introduced && m.UserUUID == w.alice.UUID {
			wantMatrix = append(wantMatrix, "Alice Martin: "+m.Content)
		}
	}
	w.matrix.mu.Lock()
	linked := false
	for _, evt := range w.matrix.rooms[roomID] {
		linked = linked || evt.Tag != nil && evt.Tag.Kind == TagLinked
		if linked && evt.Sender == adminUser {
			wantWazo = append(wantWazo, bodyOf(evt.Content.VeryRaw))
		}
	}
	w.matrix.mu.Unlock()
	w.awaitRelayed(wantWazo...)
	w.awaitShown(wantMatrix...)
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
			w := newWorld(t)
			w.start()
			w.link()
			w.matrix.say(adminUser, "ok")
			w.awaitRelayed("ok")
			fault := test.fault(w.wazo.Faults())
			w.matrix.say(adminUser, "ok")
			w.matrix.say(adminUser, "ok")
			w.matrix.say(adminUser, "end")
			w.awaitRelayed("ok", "ok", "ok", "end")
			w.awaitEmpty()
			assert.Positive(t, fault.Fired())
			assert.Empty(t, w.matrix.shown(), "the relay's own messages never come back")
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
			w := newWorld(t)
			w.start()
			w.link()
			w.matrix.mu.Lock()
			test.set(w.matrix)
			w.matrix.mu.Unlock()
			for _, text := range []string{"ok", "ok", "end"} {
				w.wazo.Post(w.room.UUID, w.alice, text, "")
			}
			w.awaitShown("Alice Martin: ok", "Alice Martin: ok", "Alice Martin: end")
			w.awaitEmpty()
			require.Len(t, w.matrix.shown(), 3)
		})
	}
}

func TestRestartWithAttemptedRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	// A kill between the request and its record: the message is there, the row too.
	fault := w.wazo.Faults().LateAnswer(time.Minute, wazotest.Times(1))
	w.matrix.say(adminUser, "once")
	w.awaitRelayed("once")
	w.core.cfg.ShutdownGrace = 0
	w.halt()
	require.Equal(t, 1, fault.Fired())
	w.matrix.setPaused(false)
	w.start()
	w.matrix.say(adminUser, "twice")
	w.awaitRelayed("once", "twice")
	w.awaitEmpty()
	require.Equal(t, []string{"once", "twice"}, w.relayed())
}

func TestWhatWasSaidWhileAwayIsRelayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.matrix.limit = 10
	w.start()
	w.link()
	w.halt()
	const n = 55
	for i := range n {
		w.matrix.say(adminUser, fmt.Sprintf("m%d", i))
		w.wazo.Post(w.room.UUID, w.alice, fmt.Sprintf("w%d", i), "")
	}
	w.start()
	w.awaitRelayed(numbered("m", n)...)
	w.awaitShown(prefixed("Alice Martin: ", numbered("w", n))...)
}

func TestGapThatCannotBeReadIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.matrix.limit = 5
	w.start()
	w.link()
	w.matrix.mu.Lock()
	w.matrix.backfillError = &MatrixError{Status: 403, Code: "M_FORBIDDEN", Err: errors.New("no")}
	w.matrix.paused = true
	w.matrix.mu.Unlock()
	for i := range 20 {
		w.matrix.say(adminUser, fmt.Sprintf("m%d", i))
	}
	w.matrix.setPaused(false)
	w.awaitRelayed("m15", "m16", "m17", "m18", "m19")
	w.matrix.awaitNotice(txt.GapLost())
	require.Len(t, w.matrix.allNotices(), 1)
}

func TestLinkWhoseNoticeLiesInAGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.matrix.limit = 5
	w.start()
	w.matrix.setPaused(true)
	for i := range 20 {
		w.matrix.say(adminUser, fmt.Sprintf("before%d", i))
	}
	_, err := w.core.Link(w.ctx, LinkRequest{Room: roomID, By: adminUser}, w.wazoRoom())
	require.NoError(t, err)
	w.matrix.await("the notice", func() bool {
		w.matrix.mu.Lock()
		defer w.matrix.mu.Unlock()
		return len(w.matrix.byTxn) == 1
	})
	after := numbered("after", 20)
	for _, text := range after {
		w.matrix.say(adminUser, text)
	}
	w.matrix.setPaused(false)
	w.awaitRelayed(after...)
}

func TestEventsThatWazoForgot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	w.wazo.Faults().NoEvent(wazotest.Times(3))
	for _, text := range []string{"a", "b", "c", "d"} {
		w.wazo.Post(w.room.UUID, w.alice, text, "")
	}
	// The lost ones come with the next look for news, after what was heard.
	w.matrix.await("all four", func() bool { return len(w.matrix.shown()) == 4 })
	assert.ElementsMatch(t, prefixed("Alice Martin: ", []string{"a", "b", "c", "d"}), w.matrix.shown())
}

func TestWebsocketdAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	down := w.wazo.Faults().WebsocketdDown()
	for i := range 10 {
		w.wazo.Post(w.room.UUID, w.alice, fmt.Sprintf("w%d", i), "")
	}
	down.Off()
	w.awaitShown(prefixed("Alice Martin: ", numbered("w", 10))...)
}

func TestWazoAwayIsToldOnceAndOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	down := w.wazo.Faults().ChatdDown()
	w.matrix.say(adminUser, "patience")
	w.matrix.awaitNotice(txt.Outage(words.ServiceWazo))
	down.Off()
	w.awaitRelayed("patience")
	w.matrix.awaitNotice(txt.OutageOver(words.ServiceWazo))
	require.Len(t, w.matrix.allNotices(), 2)
}

func TestRefusedMessageIsParkedAndTheNextGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	w.matrix.say(adminUser, strings.Repeat("x", 2<<20))
	w.matrix.say(adminUser, "next")
	w.awaitRelayed("next")
	w.matrix.awaitNotice(txt.NotDelivered(txt.Why(words.WhyTooLarge)))
	w.awaitEmpty()
	status, err := w.core.Status(w.ctx, roomID)
	require.NoError(t, err)
	assert.Equal(t, 1, status.Parked)
	assert.Zero(t, status.ToWazo)

	w.matrix.mu.Lock()
	w.matrix.beforeSend = func(body string) error {
		if strings.Contains(body, "poison") {
			return &MatrixError{Status: http.StatusBadRequest, Code: "M_BAD_JSON", Err: errors.New("bad")}
		}
		return nil
	}
	w.matrix.mu.Unlock()
	w.wazo.Post(w.room.UUID, w.alice, "poison", "")
	w.wazo.Post(w.room.UUID, w.alice, "fine", "")
	w.awaitShown("Alice Martin: fine")
	w.matrix.awaitNotice(txt.CannotShow("Alice Martin", txt.Why(words.WhyRefused)))
}

func TestForbiddenPausesThePortalUntilRepaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	var mu sync.Mutex
	forbidden := true
	w.matrix.mu.Lock()
	w.matrix.beforeSend = func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if forbidden {
			return &MatrixError{Status: http.StatusForbidden, Code: "M_FORBIDDEN", Err: errors.New("no")}
		}
		return nil
	}
	w.matrix.mu.Unlock()
	w.wazo.Post(w.room.UUID, w.alice, "one", "")
	w.matrix.awaitNotice(txt.Paused(txt.Why(words.WhyForbidden)))
	w.wazo.Post(w.room.UUID, w.alice, "two", "")
	mu.Lock()
	forbidden = false
	mu.Unlock()
	w.awaitShown("Alice Martin: one", "Alice Martin: two")
	w.matrix.awaitNotice(txt.GoesOn())
	require.Len(t, w.matrix.allNotices(), 2)
}

func TestKickedBotGoesOnWhenInvitedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	require.NoError(t, w.core.Removed(w.ctx, roomID))
	require.NoError(t, w.core.Removed(w.ctx, roomID))
	w.matrix.mu.Lock()
	require.Len(t, w.matrix.direct, 1)
	w.matrix.beforeSend = func(string) error {
		return &MatrixError{Status: http.StatusForbidden, Code: "M_FORBIDDEN", Err: errors.New("not in room")}
	}
	w.matrix.mu.Unlock()
	w.wazo.Post(w.room.UUID, w.alice, "kept", "")
	w.matrix.mu.Lock()
	w.matrix.beforeSend = nil
	w.matrix.mu.Unlock()
	linked, err := w.core.Rejoined(w.ctx, roomID)
	require.NoError(t, err)
	require.True(t, linked)
	w.awaitShown("Alice Martin: kept")
}

func TestLinkIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	outside := wazoapi.Room{UUID: "00000000-0000-4000-8000-000000000001", Name: "SMS", Users: []wazoapi.RoomUser{
		{UUID: w.core.account.uuid()}, {UUID: "00000000-0000-4000-8000-000000000002", Identity: "+15550100"},
	}}
	room := w.wazoRoom()
	for _, test := range []struct {
		name    string
		request LinkRequest
		room    wazoapi.Room
		want    string
	}{
		{"of a room with outside participants", LinkRequest{Room: roomID, By: adminUser}, outside, txt.OutsideParticipants("SMS")},
		{"by somebody who is no admin", LinkRequest{Room: roomID, By: "@user:a.example"}, room, txt.NoAdmin()},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.core.Link(w.ctx, test.request, test.room)
			require.EqualError(t, err, test.want)
		})
	}
	w.link()
	_, err := w.core.Link(w.ctx, LinkRequest{Room: roomID, By: adminUser}, room)
	require.EqualError(t, err, txt.AlreadyLinkedHere("Project"))
	_, err = w.core.Link(w.ctx, LinkRequest{Room: "!other:a.example", By: adminUser}, room)
	require.EqualError(t, err, txt.AlreadyLinkedElsewhere("Project", roomID.String()))
}

func TestLinkThatWazoRefusesIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	room := w.wazoRoom()
	w.wazo.Faults().RefusePost(wazotest.Answer{Status: 409, ContentType: "application/json", Body: `{"error_id": "message-identity-required", "message": "no", "details": {}, "timestamp": 1.5, "resource": "messages"}`}, wazotest.Times(1))
	_, err := w.core.Link(w.ctx, LinkRequest{Room: roomID, By: adminUser}, room)
	require.NoError(t, err)
	w.matrix.awaitNotice(txt.LinkFailed("Project", txt.Why(words.WhyConflict)))
	portal, err := w.core.Portal(w.ctx, roomID)
	require.NoError(t, err)
	assert.Nil(t, portal)
}

func TestUnlink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	require.NoError(t, w.core.Unlink(w.ctx, roomID))
	require.EqualError(t, w.core.Unlink(w.ctx, roomID), txt.NotLinked())
	w.matrix.awaitNotice(txt.Unlinked("Project"))
	w.awaitRelayed(txt.GoodbyeOnWazo())
	w.matrix.say(adminUser, "unheard")
	w.wazo.Post(w.room.UUID, w.alice, "unheard", "")

	// A new link of the same rooms begins anew.
	w.link()
	w.matrix.say(adminUser, "heard")
	w.wazo.Post(w.room.UUID, w.alice, "heard", "")
	w.awaitRelayed(txt.GoodbyeOnWazo(), "heard")
	w.awaitShown("Alice Martin: heard")
}

func TestUnlinkFromWazo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	stranger := w.wazo.AddUser(wazotest.User{Username: "eve", Password: "e", Firstname: "Eve", Tenant: w.tenant})
	w.wazo.Post(w.room.UUID, stranger, "!wazo unlink", "")
	w.awaitShown("Eve: !wazo unlink")
	w.wazo.Post(w.room.UUID, w.bob, "!WAZO  unlink ", "")
	w.matrix.awaitNotice(txt.UnlinkedFromWazo("Project", "Bob Stone"))
	portal, err := w.core.Portal(w.ctx, roomID)
	require.NoError(t, err)
	assert.Nil(t, portal)
}

func TestStrangersAreToldOnceWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	other := w.wazo.CreateRoom("Other", w.alice, w.relay)
	w.wazo.Post(other.UUID, w.alice, "anybody there?", "")
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	_, err := w.wazo.WaitMessage(ctx, other.UUID, func(m wazotest.Message) bool { return m.Content == txt.Explanation() })
	require.NoError(t, err)
	w.wazo.Post(other.UUID, w.alice, "hello?", "")
	w.link()
	w.wazo.Post(w.room.UUID, w.alice, "heard after that", "")
	w.awaitShown("Alice Martin: heard after that")
	assert.Len(t, w.wazo.Messages(other.UUID), 3)
}

func TestWhatIsNotRelayedToWazo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	w.matrix.say("@ignored:b.example", "ignored")
	w.matrix.say(adminUser, "!wazo status")
	w.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "other relay", TagKey: map[string]any{"kind": "message"}})
	w.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "odd relay", TagKey: "odd"})
	w.matrix.add(roomID, adminUser, event.EventReaction, map[string]any{"m.relates_to": map[string]any{"rel_type": "m.annotation", "key": "👍"}})
	w.matrix.add(roomID, adminUser, event.Type{Type: "org.example.unknown"}, map[string]any{"what": 1})
	w.matrix.add(roomID, botUser, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "own without tag"})
	w.matrix.say(adminUser, "")
	w.matrix.say(adminUser, "!wazonderful is no command")
	w.awaitRelayed("!wazonderful is no command")
}

func TestBrokenEventIsParkedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	w.matrix.mu.Lock()
	w.matrix.rooms[roomID] = append(w.matrix.rooms[roomID], Event{Event: &event.Event{RoomID: roomID}, ParseError: errors.New("bad"), Raw: []byte(`{"event_id": 5}`)})
	w.matrix.mu.Unlock()
	w.matrix.say(adminUser, "next")
	w.awaitRelayed("next")
	status, err := w.core.Status(w.ctx, roomID)
	require.NoError(t, err)
	assert.Equal(t, 1, status.Parked)
}

func TestLongMessageBecomesSeveralEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	long := strings.Repeat("word ", 40_000)
	w.wazo.Post(w.room.UUID, w.alice, long, "")
	w.wazo.Post(w.room.UUID, w.alice, "short", "")
	w.matrix.await("all parts", func() bool {
		shown := w.matrix.shown()
		return len(shown) > 0 && shown[len(shown)-1] == "Alice Martin: short"
	})
	shown := w.matrix.shown()
	require.Greater(t, len(shown), 5)
	var joined strings.Builder
	for _, part := range shown[:len(shown)-1] {
		require.Less(t, len(part), 60_000)
		joined.WriteString(strings.TrimPrefix(part, "Alice Martin: ") + " ")
	}
	assert.Equal(t, strings.Fields(long), strings.Fields(joined.String()))
	w.awaitEmpty()
}

func TestCreateRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wazo.AddUser(wazotest.User{Username: "al2", Password: "x", Firstname: "Alina", Lastname: "Martin", Tenant: w.tenant})
	w.start()
	room, err := w.core.CreateRoom(w.ctx, []string{"Alice Martin", "bob stone"}, "Plans")
	require.NoError(t, err)
	assert.Equal(t, w.room.UUID, string(room.UUID), "the same people always mean the same room")
	room, err = w.core.CreateRoom(w.ctx, []string{"Alice Martin"}, "Plans")
	require.NoError(t, err)
	assert.Equal(t, "Plans", room.Name)
	_, err = w.core.CreateRoom(w.ctx, []string{"Nobody"}, "")
	require.EqualError(t, err, txt.NobodyFound("Nobody"))
	_, err = w.core.CreateRoom(w.ctx, []string{"Martin"}, "")
	require.ErrorContains(t, err, "Several people match")
	_, err = w.core.CreateRoom(w.ctx, []string{"Matrix Relay"}, "")
	require.EqualError(t, err, txt.OnlyMember())
}

func TestFindRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.wazo.CreateRoom("Project two", w.relay, w.alice)
	unnamed := w.wazo.CreateRoom("", w.relay, w.bob)
	w.start()
	lines, err := w.core.Rooms(w.ctx, adminUser)
	require.NoError(t, err)
	require.Len(t, lines, 3)
	assert.Equal(t, []string{"Bob Stone", "Project", "Project two"}, []string{lines[0].Title, lines[1].Title, lines[2].Title})
	for _, test := range []struct{ name, what, want, err string }{
		{name: "by uuid", what: second.UUID, want: second.UUID},
		{name: "by uuid in capitals", what: strings.ToUpper(second.UUID), want: second.UUID},
		{name: "by the number that was shown", what: "1", want: unnamed.UUID},
		{name: "by exact name, though others contain it", what: "project", want: w.room.UUID},
		{name: "by a part of the name", what: "two", want: second.UUID},
		{name: "by a part of several names", what: "proj", err: "Several Wazo chats"},
		{name: "by a number that was not shown", what: "9", err: "I found no Wazo chat"},
		{name: "by an unknown name", what: "nothing", err: "I found no Wazo chat"},
		{name: "by an unknown uuid", what: "00000000-0000-4000-8000-000000000001", err: "I found no Wazo chat"},
	} {
		t.Run(test.name, func(t *testing.T) {
			room, err := w.core.FindRoom(w.ctx, test.what, adminUser)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, string(room.UUID))
		})
	}
	_, err = w.core.FindRoom(w.ctx, "1", "@other:a.example")
	require.ErrorContains(t, err, "I found no Wazo chat", "numbers mean the list shown to that person")
}

func TestAcceptIsOneTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.link()
	before, err := w.db.Setting.Get(w.ctx, db.SettingNextBatch)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	err = w.core.AcceptSync(ctx, Sync{Since: before, NextBatch: "later"})
	require.Error(t, err)
	after, err := w.db.Setting.Get(w.ctx, db.SettingNextBatch)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}
