package wazoapi

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sync/semaphore"

	"wazo-matrix-relay/internal/await"
)

func TestManyAccountsConnectOneAfterTheOther(t *testing.T) {
	t.Parallel()
	const n = connectingAtOnce + 10
	f, h := newFakeWazo(t), newRecordingHandler()
	var mu sync.Mutex
	begun, most := 0, 0 // connections that have begun, and have not started yet
	full, goOn := make(chan struct{}, 1), make(chan struct{})
	f.handleStream(func(s *fakeStream) {
		mu.Lock()
		begun++
		if most = max(most, begun); begun == connectingAtOnce {
			trySend(full, struct{}{})
		}
		mu.Unlock()
		<-goOn
		mu.Lock()
		begun--
		mu.Unlock()
		s.untilStart()
		s.serve()
	})
	c := f.client(quickStream())
	for range n {
		listen(t, c.Account(Credentials{"alice", "pa55word"}, nil), h)
	}
	await.Receive(t, "as many connections as are allowed", full)
	assert.False(t, c.connecting.TryAcquire(1), "the others wait")
	close(goOn)
	for range n {
		await.Receive(t, "a connection", h.connected)
	}
	assert.Empty(t, h.disconnected)
	assert.Equal(t, connectingAtOnce, most)
}

func TestAFailedConnectionLetsOthersConnect(t *testing.T) {
	t.Parallel()
	f, h := newFakeWazo(t), newRecordingHandler()
	f.handleStream(func(s *fakeStream) {
		switch s.n {
		case 1:
			s.CloseNow()
		case 2:
			_ = s.Close(4004, "")
		default:
			s.untilStart()
			s.serve()
		}
	})
	answers := f.srv.Config.Handler
	var refused atomic.Bool
	f.srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/websocketd/" && !refused.Swap(true) {
			answerJSON(w, http.StatusBadGateway, "<html>")
			return
		}
		answers.ServeHTTP(w, r)
	})
	c := f.client(quickStream())
	c.connecting = semaphore.NewWeighted(1)
	for range 3 {
		listen(t, c.Account(Credentials{"alice", "pa55word"}, nil), h)
	}
	for range 3 {
		await.Receive(t, "a connection", h.connected)
	}
	assert.Len(t, h.disconnected, 3)
}
