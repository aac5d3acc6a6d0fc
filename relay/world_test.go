package relay

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// txt are the texts of the relay under test.
var txt = words.New("!wazo")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a Wazo, a homeserver and a relay between them.
type world struct {
	*testing.T
	ctx    context.Context
	wazo   *wazotest.Server
	tenant wazotest.Tenant
	relay  wazotest.User
	alice  wazotest.User
	bob    wazotest.User
	room   wazotest.Room
	matrix *fakeMatrix
	dbPath string
	media  MediaConfig

	keyWait, keyKept time.Duration
	postTimeout      time.Duration
	contentFormat    string

	core *Relay
	db   *db.Database
	stop func()
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, ctx: t.Context(), wazo: wazotest.New(), dbPath: filepath.Join(t.TempDir(), "relay.db"), keyWait: 100 * time.Millisecond, postTimeout: 5 * time.Second}
	w.tenant = w.wazo.AddTenant("acme")
	w.relay = w.wazo.AddUser(wazotest.User{Username: "relay", Password: "secret", Firstname: "Matrix", Lastname: "Relay", Tenant: w.tenant})
	w.alice = w.wazo.AddUser(wazotest.User{Username: "alice", Password: "a", Firstname: "Alice", Lastname: "Martin", Tenant: w.tenant})
	w.bob = w.wazo.AddUser(wazotest.User{Username: "bob", Password: "b", Firstname: "Bob", Lastname: "Stone", Tenant: w.tenant})
	w.room = w.wazo.CreateRoom("Project", w.relay, w.alice, w.bob)
	require.NoError(t, w.wazo.Start("127.0.0.1:0"))
	t.Cleanup(w.wazo.Stop)
	w.matrix = newFakeMatrix(t)
	t.Cleanup(func() { w.halt() })
	return w
}

// start starts the relay on the world's database.
func (w *world) start() {
	w.Helper()
	log := zerolog.New(zerolog.NewTestWriter(w.T)).Level(zerolog.WarnLevel)
	database, err := db.Open(w.ctx, w.dbPath, "key", log)
	require.NoError(w, err)
	row, err := database.Account.Relay(w.ctx, "relay")
	require.NoError(w, err)
	client, err := wazoapi.New(wazoapi.Config{URL: w.wazo.URL(), Timeout: 5 * time.Second, PostTimeout: w.postTimeout, Stream: wazoapi.StreamConfig{
		BackoffMin: 20 * time.Millisecond, BackoffMax: 100 * time.Millisecond,
	}}, log)
	require.NoError(w, err)
	account := client.Account(wazoapi.Credentials{Username: "relay", Password: "secret"}, &TokenStore{DB: database, Account: row})
	rights, err := NewRights([]string{adminUser.String()}, nil, []string{"@ignored:*"})
	require.NoError(w, err)
	alias, err := convert.ParseAliasFormat("")
	require.NoError(w, err)
	content, err := convert.ParseContentFormat(w.contentFormat)
	require.NoError(w, err)
	w.core = New(Config{
		Rights: rights, CommandPrefix: "!wazo", Alias: alias, Content: content, Media: w.media,
		KeyKept: w.keyKept,
		Settle:  100 * time.Millisecond, ProbeInterval: 200 * time.Millisecond, OutageNotice: 300 * time.Millisecond, KeyWait: w.keyWait, CommitLag: 20 * time.Millisecond,
	}, database, row, account, log)
	w.db = database
	w.matrix.core = w.core
	w.core.Attach(w.matrix)
	require.NoError(w, w.core.Identify(w.ctx))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.core.Run(ctx)
	}()
	synced := make(chan struct{})
	go func() {
		defer close(synced)
		w.matrix.syncForever(ctx)
	}()
	require.Eventually(w, w.core.Connected, 20*time.Second, time.Millisecond)
	w.stop = func() {
		cancel()
		<-done
		<-synced
		client.CloseIdleConnections()
		require.NoError(w, database.Close())
	}
}

func (w *world) halt() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// link links the room and waits until the link has begun on both sides.
func (w *world) link() {
	w.Helper()
	_, err := w.core.Link(w.ctx, LinkRequest{Room: roomID, By: adminUser}, w.wazoRoom())
	require.NoError(w, err)
	w.matrix.awaitLinked()
}

func (w *world) wazoRoom() wazoapi.Room {
	room, err := w.core.FindRoom(w.ctx, w.room.UUID, adminUser)
	require.NoError(w, err)
	return room
}

// relayed returns what the relay account posted in the room, without its introduction.
func (w *world) relayed() []string {
	var texts []string
	for _, m := range w.wazo.Messages(w.room.UUID) {
		if m.UserUUID == w.relay.UUID && !strings.Contains(m.Content, "From now on") && m.Content != txt.Explanation() {
			texts = append(texts, m.Content)
		}
	}
	return texts
}

// awaitRelayed waits until exactly these texts were posted on Wazo.
func (w *world) awaitRelayed(want ...string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	for range w.wazo.Subscribe(ctx, w.room.UUID) {
		if got := w.relayed(); len(got) >= len(want) {
			break
		}
	}
	require.Equal(w, want, w.relayed())
}

// awaitShown waits until exactly these texts are shown on Matrix.
func (w *world) awaitShown(want ...string) {
	w.Helper()
	w.matrix.await(fmt.Sprintf("%d texts on Matrix", len(want)), func() bool { return len(w.matrix.shown()) >= len(want) })
	require.Equal(w, want, w.matrix.shown())
}

// awaitEmpty waits until nothing waits to be delivered.
func (w *world) awaitEmpty() {
	w.Helper()
	require.Eventually(w, func() bool {
		busy, err := w.db.Queue.Busy(w.ctx)
		return err == nil && len(busy) == 0
	}, 20*time.Second, 5*time.Millisecond)
}

// What is waited for without a signal.
const (
	waitFor = 20 * time.Second
	tick    = 5 * time.Millisecond
)

// refuse makes the homeserver refuse texts that contain something.
func (w *world) refuse(part string) {
	w.matrix.mu.Lock()
	defer w.matrix.mu.Unlock()
	w.matrix.beforeSend = func(body string) error {
		if strings.Contains(body, part) {
			return &MatrixError{Status: 400, Code: "M_BAD_JSON", Err: errors.New("bad")}
		}
		return nil
	}
}

func numbered(prefix string, n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return texts
}

func prefixed(prefix string, texts []string) []string {
	out := slices.Clone(texts)
	for i := range out {
		out[i] = prefix + out[i]
	}
	return out
}
