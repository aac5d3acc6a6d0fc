package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
)

const (
	roomID = id.RoomID("!room:a.example")

	// maxSize is the largest file that is carried across in a test, in bytes.
	maxSize = 1 << 20
)

// fixture is a homeserver with files, and what serves them.
type fixture struct {
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

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t, files: bottest.NewFiles()}
	log := zerolog.New(&f.logged).Level(zerolog.DebugLevel)
	var err error
	f.db, err = db.Open(t.Context(), dbtest.Location(t), "key", zerolog.Nop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.db.Close()) })

	mux := http.NewServeMux()
	f.files.Mount(mux)
	homeserver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.handle(mux, w, r) }))
	t.Cleanup(homeserver.Close)
	client, err := mautrix.NewClient(homeserver.URL, "@bot:a.example", "token")
	require.NoError(t, err)
	client.Client, client.Log, client.IgnoreRateLimit = homeserver.Client(), log, true

	f.transfers = NewTransfers(Homeserver{
		Client:      func() *mautrix.Client { return client },
		IsEncrypted: func(context.Context, id.RoomID) (bool, error) { return f.encrypted, nil },
		MatrixError: matrixError,
	}, maxSize)
	f.server = NewServer(f.db, f.transfers, words.Texts{}, log)
	t.Cleanup(f.server.Close)
	f.web = httptest.NewServer(f.server.Handler("/files/media"))
	t.Cleanup(f.web.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(f.logged.String())
		}
	})
	return f
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
func (f *fixture) handle(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	intercept := f.intercept
	f.mu.Unlock()
	if intercept == nil || !intercept(w, r) {
		mux.ServeHTTP(w, r)
	}
}

// onRequest lets fn answer requests instead of the homeserver. It reports whether it did.
func (f *fixture) onRequest(fn func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.intercept = fn
}

// asked returns how many requests to a path that contains part the homeserver has had.
func (f *fixture) asked(part string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, request := range f.requests {
		if strings.Contains(request, part) {
			n++
		}
	}
	return n
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
