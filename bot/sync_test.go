package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
)

// refuseWrites makes writes to a table fail until the returned function is called.
func (f *fixture) refuseWrites(operation, table, when string) (repair func()) {
	f.Helper()
	return dbtest.RefuseWrites(f, f.db.Database, operation, table, when)
}

// keepSaid has the table said keep the texts of all notices.
func (f *fixture) keepSaid() {
	f.Helper()
	f.execute(`CREATE TABLE said (markdown TEXT)`)
	if f.db.Dialect == dbutil.SQLite {
		f.execute(`CREATE TRIGGER keep_said AFTER INSERT ON notice BEGIN INSERT INTO said VALUES (new.markdown); END`)
		return
	}
	f.execute(`CREATE FUNCTION keep_said() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO said VALUES (NEW.markdown); RETURN NULL; END $$`)
	f.execute(`CREATE TRIGGER keep_said AFTER INSERT ON notice FOR EACH ROW EXECUTE FUNCTION keep_said()`)
}

// awaitFailedSync waits until the bot has failed to accept an answer.
func (f *fixture) awaitFailedSync() {
	f.Helper()
	await.Until(f, "a failed sync", func() bool { return strings.Contains(f.logged.String(), "Failed to sync") })
}

// countOnWazo returns how often a text stands in the project chat.
func (f *fixture) countOnWazo(text string) (n int) {
	for _, m := range f.wazo.Messages(f.project.UUID) {
		if m.Content == text {
			n++
		}
	}
	return n
}

func TestSyncTokenIsStoredWithWhatItCovers(t *testing.T) {
	t.Parallel()
	t.Run("an answer that cannot be stored is processed again", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		f.link()
		f.hs.allSeen()
		before := f.nextBatch()
		repair := f.refuseWrites("INSERT", "queue", "NEW.direction = 'to_wazo'")
		f.hs.say(roomID, adminUser, "kept")
		f.awaitFailedSync()
		require.Equal(t, before, f.nextBatch(), "the token must not cover what is not stored")
		repair()
		f.awaitOnWazo("kept")
		f.hs.allSeen()
		require.NotEqual(t, before, f.nextBatch())
		require.Equal(t, 1, f.countOnWazo("kept"))
	})

	t.Run("an answer that could not be stored is asked for again after a restart", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		f.link()
		f.hs.allSeen()
		repair := f.refuseWrites("INSERT", "queue", "NEW.direction = 'to_wazo'")
		f.hs.say(roomID, adminUser, "kept")
		f.awaitFailedSync()
		repair()
		f.stop()
		f.start()
		f.awaitOnWazo("kept")
		f.hs.allSeen()
		require.Equal(t, 1, f.countOnWazo("kept"))
	})

	t.Run("nothing is stored without the token that covers it", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		f.link()
		f.hs.allSeen()
		repair := f.refuseWrites("UPDATE", "setting", "NEW.name = '"+db.SettingNextBatch+"'")
		f.hs.say(roomID, adminUser, "too early")
		f.awaitFailedSync()
		busy, err := f.db.Queue.Busy(t.Context())
		require.NoError(t, err)
		require.Empty(t, busy, "a message was queued although its token is not stored")
		require.Zero(t, f.countOnWazo("too early"))
		repair()
		f.awaitOnWazo("too early")
		require.Equal(t, 1, f.countOnWazo("too early"))
	})
}

func TestLostLogIn(t *testing.T) {
	t.Parallel()
	lose := func(f *fixture) {
		f.first()
		f.hs.account.Revoke()
		f.hs.push(`"rooms":{}`) // ends the running poll
	}
	ends := func(f *fixture) {
		f.Helper()
		require.ErrorIs(f, await.Receive(f, "the end of the bot, which has no log-in", f.ended), device.ErrLoggedOut)
	}

	t.Run("with a password it logs in again on the same device", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		deviceID := f.bot.client.DeviceID.String()
		lose(f)
		f.hs.say(roomID, adminUser, "!wazo ping")
		f.hs.awaitSent(roomID, "Pong!")
		f.stop()
		require.Len(t, f.hs.account.Logins, 1)
		require.Equal(t, deviceID, f.hs.account.Logins[0].DeviceID)
		f.open()
		require.NoError(t, f.bot.Login(t.Context()))
		require.Len(t, f.hs.account.Logins, 1, "the new token is kept")
	})

	t.Run("a delivery that is refused ends the poll, which knows nothing of it yet", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		f.first()
		f.link()
		f.hs.allSeen()
		f.hs.await("a long poll, after what the start asks for at once", func() bool {
			atOnce := slices.ContainsFunc(f.hs.syncs, func(s fakeSync) bool { return s.timeout == "0" })
			last := f.hs.syncs[len(f.hs.syncs)-1]
			return atOnce && last.timeout != "0" && !last.ended
		})
		f.hs.account.Revoke()
		f.wazo.Post(f.project.UUID, f.alice, "kept", "")
		f.hs.awaitSent(roomID, "Alice Martin: kept")
		f.hs.mu.Lock()
		defer f.hs.mu.Unlock()
		require.True(t, slices.ContainsFunc(f.hs.syncs, func(s fakeSync) bool { return s.ended }), "it waited for half a minute")
	})

	t.Run("with a password that is refused by now it ends", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/login") {
				refuse(w, http.StatusForbidden, "M_FORBIDDEN")
				return true
			}
			return false
		})
		lose(f)
		ends(f)
	})

	t.Run("with only a token it ends", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.token = "given"
		f.hs.account.Tokens["given"] = "GIVEN"
		f.open()
		require.NoError(t, f.bot.Login(t.Context()))
		require.NoError(t, f.core.Identify(t.Context()))
		f.run()
		lose(f)
		ends(f)
	})
}

func TestFailingHomeserverDoesNotEndTheBot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	failed := make(chan struct{}, 1)
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/sync") || len(failed) > 0 {
			return false
		}
		failed <- struct{}{}
		refuse(w, http.StatusBadGateway, "M_UNKNOWN")
		return true
	})
	f.hs.say(roomID, adminUser, "!wazo ping") // ends the running poll
	f.hs.awaitSent(roomID, "Pong!")
	require.Len(t, failed, 1)
	f.hs.say(roomID, adminUser, "!wazo version")
	f.hs.awaitSent(roomID, "1.2.3")
}

// syncGate holds back every request for news until the test lets it go on.
type syncGate struct {
	asked chan string // the timeout asked for
	pass  chan struct{}
}

func (f *fixture) gateSyncs() *syncGate {
	g := &syncGate{asked: make(chan string), pass: make(chan struct{})}
	f.hs.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
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
	resync := func(f *fixture) chan error {
		done := make(chan error, 1)
		go func() { done <- f.bot.Resync(f.Context()) }()
		await.Until(f, "the wish for an answer", f.bot.resync.isWanted)
		return done
	}
	open := func(f *fixture) {
		f.haveDevice()
		f.open()
		require.NoError(f, f.bot.Login(f.Context()))
		require.NoError(f, f.core.Identify(f.Context()))
	}

	t.Run("an answer that was asked for before is not fresh", func(t *testing.T) {
		f := newFixture(t)
		f.hs.push(`"rooms":{}`)
		open(f)
		gate := f.gateSyncs()
		f.run()
		await.Receive(t, "the first request for news", gate.asked) // it is on its way and cannot be ended early
		done := resync(f)
		gate.pass <- struct{}{}
		require.Equal(t, "0", await.Receive(t, "the second request for news", gate.asked), "the second request must not wait for news")
		require.Equal(t, "s1", f.nextBatch(), "the first answer is accepted")
		select {
		case err := <-done:
			t.Fatalf("Resync returned with an answer that was asked for before it was called: %v", err)
		default:
		}
		gate.pass <- struct{}{}
		require.NoError(t, await.Receive(t, "the end of Resync", done))
	})

	t.Run("a running long poll is ended", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		begin := time.Now()
		require.NoError(t, f.bot.Resync(t.Context()))
		require.Less(t, time.Since(begin), longPoll/2)
		f.hs.await("the long poll to end", func() bool { // the start may have ended one before, in the same way
			for i := range len(f.hs.syncs) - 1 {
				if f.hs.syncs[i].ended && f.hs.syncs[i].timeout != "0" && f.hs.syncs[i+1].timeout == "0" {
					return true
				}
			}
			return false
		})
	})

	t.Run("what was said before the call is accepted when it returns", func(t *testing.T) {
		f := newFixture(t)
		f.start()
		f.first()
		for range 20 {
			f.hs.say(roomID, adminUser, "one more")
		}
		require.NoError(t, f.bot.Resync(t.Context()))
		// One answer each: the fake homeserver hands them out one by one, a real one at once. The first is asked for
		// later.
		require.NotEqual(t, "s1", f.nextBatch())
	})

	t.Run("it ends with its context", func(t *testing.T) {
		f := newFixture(t)
		f.open()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, f.bot.Resync(ctx), context.Canceled)
	})
}

func TestCommandsFoundInAGapAreAnswered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	// More than once: whoever is told of the inbox before it is stored may look too early.
	for i, token := range []string{"p0", "p1", "p2", "p3", "p4", "p5"} {
		f.hs.mu.Lock()
		f.hs.pages[token] = `{"chunk":[` + f.hs.commandWithID(token) + `]}`
		f.hs.mu.Unlock()
		f.hs.push(timeline(roomID, `"limited":true,"prev_batch":"`+token+`","events":[]`))
		f.hs.await("an answer to the command in a gap", func() bool {
			pongs := 0
			for _, body := range f.hs.bodies(roomID) {
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
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	page := func(next string, texts ...string) string {
		var events []string
		for _, text := range texts {
			events = append(events, f.hs.text(adminUser, text))
		}
		return `{"chunk":[` + strings.Join(events, ",") + `],"end":"` + next + `"}`
	}
	first, second := page("older", "4", "3"), page("", "2", "1")
	f.hs.mu.Lock()
	f.hs.pages["gap"], f.hs.pages["older"] = first, second
	f.hs.mu.Unlock()
	f.hs.push(timeline(roomID, `"limited":true,"prev_batch":"gap","events":[`+f.hs.text(adminUser, "5")+`]`))
	f.hs.say(roomID, adminUser, "6")
	f.awaitOnWazo("6")
	var texts []string
	for _, m := range f.wazo.Messages(f.project.UUID) {
		if len(m.Content) == 1 {
			texts = append(texts, m.Content)
		}
	}
	require.Equal(t, []string{"1", "2", "3", "4", "5", "6"}, texts)
}

func TestReceiptsFollowDeliveries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	f.hs.pushTimeline(roomID, `{"type":"m.room.message","event_id":"$mine","sender":"@robin:a.example","content":{"msgtype":"m.text","body":"hello"}}`)
	f.awaitOnWazo("hello")
	f.hs.await("a read receipt", func() bool { return len(f.hs.receipts) == 1 && f.hs.receipts[0] == "$mine" })
}

func TestMessagesFromWazoAreShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	f.wazo.Post(f.project.UUID, f.alice, "good morning", "")
	sent := f.hs.awaitSent(roomID, "good morning")
	require.Equal(t, "Alice Martin: good morning", sent.body(), "the fallback of the profile names the sender")
	require.Contains(t, sent.Content, "io.wazo.relay", "our own key is on every event")
	require.Equal(t, map[string]any{}, sent.Content["m.mentions"])
}

// Element Web copies the whole content of what is forwarded, our own key included.
func TestWhatIsForwardedFromWazoIsRelayed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	f.wazo.Post(f.project.UUID, f.alice, "good morning", "")
	content, err := json.Marshal(f.hs.awaitSent(roomID, "good morning").Content)
	require.NoError(t, err)
	f.hs.pushTimeline(roomID, fmt.Sprintf(`{"type":"m.room.message","event_id":"$copy","sender":"@robin:a.example","content":%s}`, content))
	await.Until(t, "the copy on Wazo", func() bool { return f.countOnWazo("good morning") == 2 })
}
