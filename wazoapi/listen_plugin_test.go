package wazoapi

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

// pluginHandler is a recordingHandler that hears of reactions and replies.
type pluginHandler struct {
	*recordingHandler
	heard chan string // what was called, in order
}

func newPluginHandler() *pluginHandler {
	return &pluginHandler{newRecordingHandler(), make(chan string, 100)}
}

var _ PluginHandler = (*pluginHandler)(nil)

func (h *pluginHandler) PluginRoom() UUID { return testRoom }

func (h *pluginHandler) Connected(context.Context) { h.heard <- "connected" }

func (h *pluginHandler) PluginChanged(_ context.Context, present bool) {
	h.heard <- fmt.Sprintf("plugin %t", present)
}

func (h *pluginHandler) ReactionAdded(_ context.Context, x Reaction) error {
	h.heard <- "added " + x.Emoji
	return nil
}

func (h *pluginHandler) ReactionRemoved(_ context.Context, x Reaction) error {
	h.heard <- "removed " + x.Emoji
	return nil
}

func (h *pluginHandler) ReplyCreated(_ context.Context, y Reply) error {
	h.heard <- fmt.Sprintf("reply %s to %s", y.Child, y.Parent)
	return nil
}

func (h *pluginHandler) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, text := range want {
		assert.Equal(t, text, await.Receive(t, text, h.heard))
	}
}

// handlePlugin answers the probe with what status says; 404 is that of the web
// framework.
func (f *fakeWazo) handlePlugin(status *atomic.Int64) (probes *atomic.Int64) {
	probes = new(atomic.Int64)
	f.handle("GET /api/chatd/1.0/users/me/rooms/"+string(testRoom)+"/reactions", func(w http.ResponseWriter, _ *http.Request) {
		probes.Add(1)
		if status.Load() == http.StatusNotFound {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "<!doctype html>")
			return
		}
		answerJSON(w, int(status.Load()), `{"room_uuid": "r", "reactions": {}}`)
	})
	return probes
}

func subscriptions(commands []command) (names []string) {
	for _, c := range commands {
		if c.Op == "subscribe" {
			names = append(names, c.Data["event_name"])
		}
	}
	return names
}

func usualEvents() []string {
	return []string{"chatd_user_room_message_created", "chatd_user_room_created", "auth_session_expire_soon"}
}

func TestThePluginsEventsAreSubscribedToOnlyIfItIsThere(t *testing.T) {
	t.Parallel()
	all := append(pluginEvents(), usualEvents()...)
	for _, tt := range []struct {
		name   string
		status int64
		want   []string
		told   string
	}{
		{"there", http.StatusOK, all, "plugin true"},
		{"there, without the right to use it", http.StatusForbidden, usualEvents(), "plugin false"},
		{"absent", http.StatusNotFound, usualEvents(), "plugin false"},
		{"without tables", http.StatusInternalServerError, usualEvents(), "plugin false"},
		{"unknown because chatd is away", http.StatusBadGateway, usualEvents(), "plugin false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, h := newFakeWazo(t), newPluginHandler()
			status := new(atomic.Int64)
			status.Store(tt.status)
			f.handlePlugin(status)
			subscribed := make(chan []string, 1)
			f.handleStream(func(s *fakeStream) {
				subscribed <- subscriptions(s.untilStart())
				s.serve()
			})
			listen(t, f.account(quickStream()), h)
			h.expect(t, tt.told, "connected")
			assert.Equal(t, tt.want, await.Receive(t, "the subscriptions", subscribed))
		})
	}
}

func TestAHandlerWithoutThePluginAsksForNothing(t *testing.T) {
	t.Parallel()
	f, h := newFakeWazo(t), newRecordingHandler()
	status := new(atomic.Int64)
	status.Store(http.StatusOK)
	probes := f.handlePlugin(status)
	f.handleStream(func(s *fakeStream) {
		assert.Equal(t, usualEvents(), subscriptions(s.untilStart()))
		s.send(pluginFrame("reaction_created", `"emoji": "👍", "user_uuid": "u", "message_uuid": "m"`))
		s.sendMessage("after it")
		s.serve()
	})
	listen(t, f.account(quickStream()), h)
	await.Receive(t, "a message", h.messages)
	assert.Zero(t, probes.Load())
}

func pluginFrame(name, data string) string {
	return `{"op": "event", "code": 0, "data": {"name": "chatd_user_room_message_` + name + `", "data": {"room_uuid": "R", ` + data + `}}}`
}

func TestEventsOfThePlugin(t *testing.T) {
	t.Parallel()
	f, h := newFakeWazo(t), newPluginHandler()
	status := new(atomic.Int64)
	status.Store(http.StatusOK)
	f.handlePlugin(status)
	f.handleStream(func(s *fakeStream) {
		s.untilStart()
		s.send(pluginFrame("reaction_created", `"emoji": "👍", "user_uuid": "u", "message_uuid": "m", "created_at": "2026-11-21T20:14:04+00:00"`))
		s.send(pluginFrame("reaction_created", `"emoji": "", "user_uuid": "u", "message_uuid": "m"`))
		s.send(pluginFrame("reaction_created", `"emoji": {"of": "another version"}`))
		s.send(pluginFrame("reply_created", `"parent_message_uuid": "p"`))
		s.send(pluginFrame("reaction_deleted", `"emoji": "👍", "user_uuid": "u", "message_uuid": "m"`))
		s.send(pluginFrame("reply_created", `"child_message_uuid": "c", "parent_message_uuid": "P", "parent_preview": null`))
		s.serve()
	})
	listen(t, f.account(quickStream()), h)
	h.expect(t, "plugin true", "connected", "added 👍", "added ", "removed 👍", "reply c to p")
	assert.Empty(t, h.disconnected, "what cannot be read is left out")
}

func TestThePluginComesAndGoesOnAnOpenStream(t *testing.T) {
	t.Parallel()
	f, h, clock := newFakeWazo(t), newPluginHandler(), newFakeClock()
	f.now = clock.Now
	status := new(atomic.Int64)
	status.Store(http.StatusNotFound)
	probes := f.handlePlugin(status)
	late, acknowledge := make(chan string, 10), make(chan struct{})
	f.handleStream(func(s *fakeStream) {
		if !assert.Equal(t, 1, s.n, "the connection must not be replaced") {
			return
		}
		s.untilStart()
		for {
			c, ok := s.next(t.Context())
			if !ok {
				return
			}
			if c.Op == "subscribe" {
				if late <- c.Data["event_name"]; len(late) == 1 {
					s.sendMessage("not acknowledged yet")
					await.Receive(t, "leave to acknowledge", acknowledge)
				}
			}
			s.answer(c)
		}
	})
	c := f.client(quickStream(func(s *StreamConfig) {
		s.PingInterval, s.PluginInterval = 5*time.Millisecond, time.Hour
	}))
	c.now = clock.Now
	listen(t, c.Account(Credentials{"alice", "pa55word"}, nil), h)
	h.expect(t, "plugin false", "connected")
	assert.EqualValues(t, 1, probes.Load())

	change := func(to int64) {
		status.Store(to)
		clock.advance(time.Hour)
	}
	change(http.StatusOK)
	await.Receive(t, "what comes before the acknowledgement", h.messages)
	assert.Empty(t, h.heard, "the events do not come yet")
	close(acknowledge)
	h.expect(t, "plugin true")
	for _, name := range pluginEvents() {
		assert.Equal(t, name, await.Receive(t, "a subscription", late))
	}
	change(http.StatusNotFound)
	h.expect(t, "plugin false")
	change(http.StatusOK)
	h.expect(t, "plugin true")
	assert.Empty(t, late, "subscribing once is enough")

	asked := probes.Load()
	change(http.StatusBadGateway)
	await.Until(t, "it to be asked again with each ping", func() bool { return probes.Load() > asked+2 })
	assert.Empty(t, h.heard, "without an answer, what was known holds")
	status.Store(http.StatusNotFound)
	h.expect(t, "plugin false")
	assert.Empty(t, h.disconnected)
}

func TestTheHandlerIsToldOfThePluginBeforeWhatComesAfter(t *testing.T) {
	t.Parallel()
	h := newPluginHandler()
	s := queued(t, h, event{started: true}, event{plugin: &pluginEvent{reaction: &Reaction{Emoji: "👍"}}})
	s.plugin.news <- true
	require.NoError(t, s.served(t))
	h.expect(t, "plugin true", "connected", "added 👍")
}

func TestANewConnectionRemembersThePlugin(t *testing.T) {
	t.Parallel()
	f, h := newFakeWazo(t), newPluginHandler()
	status := new(atomic.Int64)
	status.Store(http.StatusOK)
	f.handlePlugin(status)
	f.handleStream(func(s *fakeStream) {
		assert.Len(t, subscriptions(s.untilStart()), len(pluginEvents())+len(usualEvents()))
		if s.n == 1 {
			status.Store(http.StatusBadGateway) // chatd is away when the connection is lost
			_ = s.Close(1001, "")
			return
		}
		s.serve()
	})
	listen(t, f.account(quickStream()), h)
	h.expect(t, "plugin true", "connected", "plugin true", "connected")
}
