package bot

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/db"
)

// refuseWrites makes writes to a table fail until the returned function is called.
func (w *world) refuseWrites(operation, table, when string) (repair func()) {
	w.Helper()
	exec := func(query string) {
		w.Helper()
		_, err := w.db.Exec(context.Background(), query)
		require.NoError(w, err)
	}
	exec("CREATE TRIGGER broken BEFORE " + operation + " ON " + table + " WHEN " + when + " BEGIN SELECT RAISE(ABORT, 'disk full'); END")
	return func() {
		w.Helper()
		exec("DROP TRIGGER broken")
	}
}

// awaitFailedSync waits until the bot has failed to accept an answer.
func (w *world) awaitFailedSync() {
	w.Helper()
	require.Eventually(w, func() bool { return strings.Contains(w.logged.String(), "Failed to sync") }, 10*time.Second, time.Millisecond)
}

// countOnWazo returns how often a text stands in the project chat.
func (w *world) countOnWazo(text string) (n int) {
	for _, m := range w.wazo.Messages(w.project.UUID) {
		if m.Content == text {
			n++
		}
	}
	return n
}

func TestSyncTokenIsStoredWithWhatItCovers(t *testing.T) {
	t.Parallel()
	t.Run("an answer that cannot be stored is processed again", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.first()
		w.link()
		w.hs.allSeen()
		before := w.nextBatch()
		repair := w.refuseWrites("INSERT", "queue", "NEW.direction = 'to_wazo'")
		w.hs.say(roomID, adminUser, "kept")
		w.awaitFailedSync()
		require.Equal(t, before, w.nextBatch(), "the token must not cover what is not stored")
		repair()
		w.awaitOnWazo("kept")
		w.hs.allSeen()
		require.NotEqual(t, before, w.nextBatch())
		require.Equal(t, 1, w.countOnWazo("kept"))
	})

	t.Run("an answer that could not be stored is asked for again after a restart", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.first()
		w.link()
		w.hs.allSeen()
		repair := w.refuseWrites("INSERT", "queue", "NEW.direction = 'to_wazo'")
		w.hs.say(roomID, adminUser, "kept")
		w.awaitFailedSync()
		repair()
		w.stop()
		w.start()
		w.awaitOnWazo("kept")
		w.hs.allSeen()
		require.Equal(t, 1, w.countOnWazo("kept"))
	})

	t.Run("nothing is stored without the token that covers it", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.first()
		w.link()
		w.hs.allSeen()
		repair := w.refuseWrites("UPDATE", "setting", "NEW.name = '"+db.SettingNextBatch+"'")
		w.hs.say(roomID, adminUser, "too early")
		w.awaitFailedSync()
		busy, err := w.db.Queue.Busy(t.Context())
		require.NoError(t, err)
		require.Empty(t, busy, "a message was queued although its token is not stored")
		require.Zero(t, w.countOnWazo("too early"))
		repair()
		w.awaitOnWazo("too early")
		require.Equal(t, 1, w.countOnWazo("too early"))
	})
}

func TestLostLogIn(t *testing.T) {
	t.Parallel()
	lose := func(w *world) {
		w.first()
		w.hs.account.Revoke()
		w.hs.push(`"rooms":{}`) // ends the running poll
	}
	ends := func(w *world) {
		w.Helper()
		select {
		case err := <-w.ended:
			require.ErrorIs(w, err, device.ErrLoggedOut)
		case <-time.After(10 * time.Second):
			w.Fatal("the bot goes on without a log-in")
		}
	}

	t.Run("with a password it logs in again on the same device", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.start()
		deviceID := w.bot.client.DeviceID.String()
		lose(w)
		w.hs.say(roomID, adminUser, "!wazo ping")
		w.hs.awaitSent(roomID, "Pong!")
		w.stop()
		require.Len(t, w.hs.account.Logins, 1)
		require.Equal(t, deviceID, w.hs.account.Logins[0].DeviceID)
		w.open()
		require.NoError(t, w.bot.Login(t.Context()))
		require.Len(t, w.hs.account.Logins, 1, "the new token is kept")
	})

	t.Run("with a password that is refused by now it ends", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.start()
		w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/login") {
				refuse(rw, http.StatusForbidden, "M_FORBIDDEN")
				return true
			}
			return false
		})
		lose(w)
		ends(w)
	})

	t.Run("with only a token it ends", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.token = "given"
		w.hs.account.Tokens["given"] = "GIVEN"
		w.open()
		require.NoError(t, w.bot.Login(t.Context()))
		require.NoError(t, w.core.Identify(t.Context()))
		w.run()
		lose(w)
		ends(w)
	})
}

func TestFailingHomeserverDoesNotEndTheBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.first()
	failed := make(chan struct{}, 1)
	w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/sync") || len(failed) > 0 {
			return false
		}
		failed <- struct{}{}
		refuse(rw, http.StatusBadGateway, "M_UNKNOWN")
		return true
	})
	w.hs.say(roomID, adminUser, "!wazo ping") // ends the running poll
	w.hs.awaitSent(roomID, "Pong!")
	require.Len(t, failed, 1)
	w.hs.say(roomID, adminUser, "!wazo version")
	w.hs.awaitSent(roomID, "1.2.3")
}

// syncGate holds back every request for news until the test lets it go on.
type syncGate struct {
	asked chan string // the timeout asked for
	pass  chan struct{}
}

func (w *world) gateSyncs() *syncGate {
	g := &syncGate{asked: make(chan string), pass: make(chan struct{})}
	w.hs.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/sync") {
			select {
			case g.asked <- r.URL.Query().Get("timeout"):
			case <-r.Context().Done():
				return true
			}
			select {
			case <-g.pass:
			case <-r.Context().Done():
				return true
			}
		}
		return false
	})
	return g
}

func TestResync(t *testing.T) {
	t.Parallel()
	resync := func(w *world) chan error {
		done := make(chan error, 1)
		go func() { done <- w.bot.Resync(w.Context()) }()
		want := func() bool { return w.bot.resync.isWanted() }
		require.Eventually(w, want, 10*time.Second, time.Millisecond)
		return done
	}
	open := func(w *world) {
		w.haveDevice()
		w.open()
		require.NoError(w, w.bot.Login(w.Context()))
		require.NoError(w, w.core.Identify(w.Context()))
	}

	t.Run("an answer that was asked for before is not fresh", func(t *testing.T) {
		w := newWorld(t)
		w.hs.push(`"rooms":{}`)
		open(w)
		gate := w.gateSyncs()
		w.run()
		<-gate.asked // the first request is on its way: it cannot be ended early
		done := resync(w)
		gate.pass <- struct{}{}
		require.Equal(t, "0", <-gate.asked, "the second request must not wait for news")
		require.Equal(t, "s1", w.nextBatch(), "the first answer is accepted")
		select {
		case err := <-done:
			t.Fatalf("Resync returned with an answer that was asked for before it was called: %v", err)
		default:
		}
		gate.pass <- struct{}{}
		require.NoError(t, <-done)
	})

	t.Run("a running long poll is ended", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.first()
		begin := time.Now()
		require.NoError(t, w.bot.Resync(t.Context()))
		require.Less(t, time.Since(begin), longPoll/2)
		w.hs.await("the long poll to end", func() bool {
			n := len(w.hs.syncs)
			return n >= 3 && w.hs.syncs[n-3].ended && w.hs.syncs[n-3].timeout != "0" && w.hs.syncs[n-2].timeout == "0"
		})
	})

	t.Run("what was said before the call is accepted when it returns", func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.first()
		for range 20 {
			w.hs.say(roomID, adminUser, "one more")
		}
		require.NoError(t, w.bot.Resync(t.Context()))
		// One answer each: the fake homeserver hands them out one by one, a real one at once. The first is asked for later.
		require.NotEqual(t, "s1", w.nextBatch())
	})

	t.Run("it ends with its context", func(t *testing.T) {
		w := newWorld(t)
		w.open()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, w.bot.Resync(ctx), context.Canceled)
	})
}

func TestCommandsFoundInAGapAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.first()
	w.link()
	// More than once: whoever is told of the inbox before it is stored may look too early.
	for i, token := range []string{"p0", "p1", "p2", "p3", "p4", "p5"} {
		w.hs.mu.Lock()
		w.hs.pages[token] = `{"chunk":[` + w.hs.commandWithID(token) + `]}`
		w.hs.mu.Unlock()
		w.hs.push(timeline(roomID, `"limited":true,"prev_batch":"`+token+`","events":[]`))
		w.hs.await("an answer to the command in a gap", func() bool {
			pongs := 0
			for _, body := range w.hs.bodies(roomID) {
				if strings.HasPrefix(body, "Pong!") {
					pongs++
				}
			}
			return pongs == i+1
		})
	}
}

func (f *fakeHomeserver) commandWithID(name string) string {
	return string(toJSON(map[string]any{
		"type": "m.room.message", "event_id": "$in-gap-" + name, "sender": adminUser, "origin_server_ts": time.Now().UnixMilli(),
		"content": map[string]any{"msgtype": "m.text", "body": "!wazo ping"},
	}))
}

func TestMessagesInAGapKeepTheirPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.first()
	w.link()
	page := func(next string, texts ...string) string {
		var events []string
		for _, text := range texts {
			events = append(events, w.hs.text(adminUser, text))
		}
		return `{"chunk":[` + strings.Join(events, ",") + `],"end":"` + next + `"}`
	}
	first, second := page("older", "4", "3"), page("", "2", "1")
	w.hs.mu.Lock()
	w.hs.pages["gap"], w.hs.pages["older"] = first, second
	w.hs.mu.Unlock()
	w.hs.push(timeline(roomID, `"limited":true,"prev_batch":"gap","events":[`+w.hs.text(adminUser, "5")+`]`))
	w.hs.say(roomID, adminUser, "6")
	w.awaitOnWazo("6")
	var texts []string
	for _, m := range w.wazo.Messages(w.project.UUID) {
		if len(m.Content) == 1 {
			texts = append(texts, m.Content)
		}
	}
	require.Equal(t, []string{"1", "2", "3", "4", "5", "6"}, texts)
}

func TestReceiptsFollowDeliveries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.first()
	w.link()
	w.hs.pushTimeline(roomID, `{"type":"m.room.message","event_id":"$mine","sender":"@robin:a.example","content":{"msgtype":"m.text","body":"hello"}}`)
	w.awaitOnWazo("hello")
	w.hs.await("a read receipt", func() bool { return len(w.hs.receipts) == 1 && w.hs.receipts[0] == "$mine" })
}

func TestMessagesFromWazoAreShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.first()
	w.link()
	w.wazo.Post(w.project.UUID, w.alice, "good morning", "")
	sent := w.hs.awaitSent(roomID, "good morning")
	require.Equal(t, "Alice Martin: good morning", sent.body(), "the fallback of the profile names the sender")
	require.Contains(t, sent.Content, "io.wazo.relay", "our own key is on every event")
	require.Equal(t, map[string]any{}, sent.Content["m.mentions"])
}
