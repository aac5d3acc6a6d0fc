package bot

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
)

// sayWhileLimited says notices while the homeserver limits the account, and returns when they are done with.
func (f *fixture) sayWhileLimited(notices ...[2]string) {
	f.Helper()
	f.storeWhileLimited(notices...)
	f.awaitNoNotice()
}

// storeWhileLimited stores notices while the homeserver limits the account. Each notice is a text and the event to
// which it replies.
func (f *fixture) storeWhileLimited(notices ...[2]string) {
	f.Helper()
	f.bot.sending.block(100 * time.Millisecond)
	require.NoError(f, f.db.DoTxn(f.Context(), func(ctx context.Context) error {
		for _, notice := range notices {
			if err := f.core.Say(ctx, roomID, notice[0], id.EventID(notice[1])); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (f *fixture) awaitNoNotice() {
	f.Helper()
	await.Until(f, "all notices to be done with", func() bool {
		left, err := f.db.Notice.All(f.Context())
		return err == nil && len(left) == 0
	})
}

func (f *fixture) said() (bodies []string) {
	for _, sent := range f.hs.sentTo(roomID) {
		bodies = append(bodies, sent.body())
	}
	return bodies
}

func TestNoticesThatWaitAreSaidTogether(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.sayWhileLimited([2]string{"not delivered", "$1"}, [2]string{"not delivered", "$2"}, [2]string{"paused"}, [2]string{"goes on"}, [2]string{"paused"})
	require.Equal(t, []string{"not delivered\n(This is about 2 messages: [1](https://matrix.to/#/%21room:a.example/$1), [2](https://matrix.to/#/%21room:a.example/$2).)" +
		"\n\npaused\n\ngoes on\n\npaused"}, f.said())
}

// An event whose answer is lost may have been taken. It is sent again as it was, also when there is more to say by
// then.
func TestNoticesWhoseOutcomeIsUnknownAreRepeatedAsTheyWere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	var mu sync.Mutex
	var requests []string
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !isSend(r, roomID) {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		requests = append(requests, r.URL.Path)
		if len(requests) > 1 {
			return false
		}
		if err := f.core.Say(t.Context(), roomID, "three", ""); err != nil {
			t.Error(err)
		}
		refuse(w, http.StatusBadGateway, "M_UNKNOWN")
		return true
	})
	f.sayWhileLimited([2]string{"one"}, [2]string{"two"})
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, requests, 3)
	require.Equal(t, requests[0], requests[1], "the same transaction")
	require.Equal(t, []string{"one\n\ntwo", "three"}, f.said())
}

// The relay may be killed before it knows that the homeserver has taken an event. After the start the homeserver knows
// the transaction, whatever there is to say by then.
func TestNoticesAreRepeatedAsTheyWereAfterAKill(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	requests := make(chan string, 10)
	var up atomic.Bool
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !isSend(r, roomID) {
			return false
		}
		requests <- r.URL.Path
		if up.Load() {
			return false
		}
		refuse(w, http.StatusBadGateway, "M_UNKNOWN")
		return true
	})
	f.storeWhileLimited([2]string{"one"}, [2]string{"two"})
	first := <-requests
	f.stop()
	f.open()
	require.NoError(t, f.core.Say(t.Context(), roomID, "three", ""))
	f.stop()
	up.Store(true)
	f.start()
	require.Equal(t, first, <-requests, "the same transaction")
	f.awaitNoNotice()
	require.Equal(t, []string{"one\n\ntwo", "three"}, f.said())
}

func TestNoticeThatIsRefusedDoesNotCostTheOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !isSend(r, roomID) {
			return false
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.Contains(string(body), "bad") {
			refuse(w, http.StatusBadRequest, "M_BAD_JSON")
			return true
		}
		return false
	})
	f.sayWhileLimited([2]string{"one"}, [2]string{"bad"}, [2]string{"two"})
	require.Equal(t, []string{"one", "two"}, f.said())
}
