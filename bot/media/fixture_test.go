package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

const (
	roomID = id.RoomID("!room:a.example")

	// maxSize is the largest file that is carried across in a test, in bytes.
	maxSize = 1 << 20
)

// world is a homeserver with files, and what serves them.
type world struct {
	*testing.T
	files     *bottest.Files // on the homeserver
	db        *db.Database
	logged    bottest.LogBuffer
	transfers *Transfers
	server    *Server
	web       *httptest.Server // of the server

	mu        sync.Mutex
	requests  []string // to the homeserver: method and path
	intercept func(w http.ResponseWriter, r *http.Request) bool
	encrypted bool // all rooms are
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, files: bottest.NewFiles()}
	log := zerolog.New(&w.logged).Level(zerolog.DebugLevel)
	var err error
	w.db, err = db.Open(t.Context(), filepath.Join(t.TempDir(), "relay.db"), "key", zerolog.Nop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.db.Close()) })

	mux := http.NewServeMux()
	w.files.Mount(mux)
	homeserver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.handle(mux, rw, r) }))
	t.Cleanup(homeserver.Close)
	client, err := mautrix.NewClient(homeserver.URL, "@bot:a.example", "token")
	require.NoError(t, err)
	client.Client, client.Log, client.IgnoreRateLimit = homeserver.Client(), log, true

	w.transfers = NewTransfers(Homeserver{
		Client:      func() *mautrix.Client { return client },
		IsEncrypted: func(context.Context, id.RoomID) (bool, error) { return w.encrypted, nil },
		MatrixError: matrixError,
	}, maxSize)
	w.server = NewServer(w.db, w.transfers, log)
	t.Cleanup(w.server.Close)
	w.web = httptest.NewServer(w.server.Handler("/files/media"))
	t.Cleanup(w.web.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(w.logged.String())
		}
	})
	return w
}

// matrixError tells the status of an error of the client; the bot tells more.
func matrixError(err error) *relay.MatrixError {
	failure := &relay.MatrixError{Err: err}
	var httpErr mautrix.HTTPError
	if errors.As(err, &httpErr) && httpErr.Response != nil {
		failure.Status = httpErr.Response.StatusCode
	}
	return failure
}

// handle answers a request to the homeserver.
func (w *world) handle(mux *http.ServeMux, rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.requests = append(w.requests, r.Method+" "+r.URL.Path)
	intercept := w.intercept
	w.mu.Unlock()
	if intercept == nil || !intercept(rw, r) {
		mux.ServeHTTP(rw, r)
	}
}

// onRequest lets fn answer requests instead of the homeserver. It reports whether it did.
func (w *world) onRequest(fn func(w http.ResponseWriter, r *http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.intercept = fn
}

// asked returns how many requests to a path that contains part the homeserver has had.
func (w *world) asked(part string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, request := range w.requests {
		if strings.Contains(request, part) {
			n++
		}
	}
	return n
}

// await waits until something holds.
func (w *world) await(what string, check func() bool) {
	w.Helper()
	require.Eventually(w, check, 10*time.Second, time.Millisecond, "timed out waiting for %s", what)
}

// refuse answers with an error as homeservers do.
func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errcode":%q,"error":"no"}`, code)
}

// limited answers with a rate limit that says in its body for how long.
func limited(w http.ResponseWriter, wait time.Duration) {
	w.WriteHeader(http.StatusTooManyRequests)
	fmt.Fprintf(w, `{"errcode":"M_LIMIT_EXCEEDED","error":"slow down","retry_after_ms":%d}`, wait.Milliseconds())
}

func toJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
