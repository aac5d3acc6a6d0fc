package bot

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// txt are the texts of the bot under test.
var txt = words.New("!wazo")

// world is a homeserver, a Wazo and a relay between them.
type world struct {
	*testing.T
	hs          *fakeHomeserver
	wazo        *wazotest.Server
	account     wazotest.User // the relay's
	alice       wazotest.User
	project     wazotest.Room // alice, bob and the relay
	dbPath      string
	prefix      string   // of commands
	token       string   // instead of a password
	recoveryKey string   // as configured
	shown       []string // recovery keys that were shown
	logged      bottest.LogBuffer
	keyWait     time.Duration
	silence     time.Duration // see newcomers

	bot    *Bot
	core   *relay.Relay
	db     *db.Database
	client *wazoapi.Client
	ended  chan error // what Run returned
	halt   func()
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, hs: newFakeHomeserver(t), wazo: wazotest.New(), dbPath: filepath.Join(t.TempDir(), "relay.db"), prefix: "!wazo", keyWait: 50 * time.Millisecond}
	acme := w.wazo.AddTenant("acme")
	add := func(username, first, last string) wazotest.User {
		return w.wazo.AddUser(wazotest.User{Username: username, Password: "secret", Firstname: first, Lastname: last, Tenant: acme})
	}
	w.account = add("relay", "Matrix", "Relay")
	w.alice = add("alice", "Alice", "Martin")
	bob := add("bob", "Bob", "Stone")
	w.project = w.wazo.CreateRoom("Project", w.account, w.alice, bob)
	w.wazo.CreateRoom("Lunch", w.account, w.alice)
	w.wazo.CreateRoom("Secret", w.alice, bob)
	require.NoError(t, w.wazo.Start("127.0.0.1:0"))
	t.Cleanup(w.wazo.Stop)
	t.Cleanup(func() {
		w.stop()
		if t.Failed() {
			t.Log(w.logged.String())
		}
	})
	return w
}

// mediaMaxSize is the largest file that a bot in a test carries across.
const mediaMaxSize = 1 << 20

// open opens the database and puts the relay together.
func (w *world) open() {
	w.Helper()
	ctx := w.Context()
	log := zerolog.New(&w.logged).Level(zerolog.DebugLevel)
	var err error
	w.db, err = db.Open(ctx, w.dbPath, "key", zerolog.Nop())
	require.NoError(w, err)
	row, err := w.db.Account.Relay(ctx, "relay")
	require.NoError(w, err)
	w.client, err = wazoapi.New(wazoapi.Config{URL: w.wazo.URL(), Timeout: 5 * time.Second, PostTimeout: 5 * time.Second, Stream: wazoapi.StreamConfig{
		BackoffMin: 20 * time.Millisecond, BackoffMax: 100 * time.Millisecond,
	}}, zerolog.Nop())
	require.NoError(w, err)
	account := w.client.Account(wazoapi.Credentials{Username: "relay", Password: "secret"}, &relay.TokenStore{DB: w.db, Account: row})
	rights, err := relay.NewRights([]string{adminUser.String()}, []string{"@sam:a.example"}, nil)
	require.NoError(w, err)
	alias, err := convert.ParseAliasFormat("")
	require.NoError(w, err)
	content, err := convert.ParseContentFormat("")
	require.NoError(w, err)
	w.core = relay.New(relay.Config{
		Rights: rights, CommandPrefix: w.prefix, Alias: alias, Content: content,
		Settle: 100 * time.Millisecond, ProbeInterval: 200 * time.Millisecond, OutageNotice: time.Minute, KeyWait: w.keyWait, CommitLag: 20 * time.Millisecond,
	}, w.db, row, account, log)
	password := botPassword
	if w.token != "" {
		password = ""
	}
	w.bot = New(Config{
		UserID: botUser, HomeserverURL: w.hs.web.URL, Password: password, AccessToken: w.token, RecoveryKey: w.recoveryKey,
		CommandPrefix: w.prefix, Version: "1.2.3",
		ShowRecoveryKey: func(key string) { w.shown = append(w.shown, key) },
		MediaMaxSize:    mediaMaxSize,
	}, w.db, w.core, log)
	w.bot.newcomers.silence = w.silence
	w.halt = func() { require.NoError(w, w.db.Close()) }
}

// deviceSnapshot is a database with a bot that has logged in once, and what the homeserver knows of that. Making one takes a tenth
// of a second, most of it for encryption keys; all worlds that are not about logging in share it.
type deviceSnapshot struct {
	once     sync.Once
	database []byte
	tokens   map[string]string
	keys     *bottest.KeyServer
}

var sharedDevice deviceSnapshot

func (d *deviceSnapshot) make(t *testing.T) {
	w := newWorld(t)
	w.open()
	require.NoError(t, w.bot.Prepare(t.Context()))
	w.stop()
	var err error
	d.database, err = os.ReadFile(w.dbPath)
	require.NoError(t, err)
	d.tokens, d.keys = w.hs.account.Tokens, w.hs.keys
}

// haveDevice spares the world the first log-in.
func (w *world) haveDevice() {
	w.Helper()
	if _, err := os.Stat(w.dbPath); err == nil {
		return
	}
	sharedDevice.once.Do(func() { sharedDevice.make(w.T) })
	require.NoError(w, os.WriteFile(w.dbPath, sharedDevice.database, 0o600))
	w.hs.account.Lock()
	defer w.hs.account.Unlock()
	maps.Copy(w.hs.account.Tokens, sharedDevice.tokens)
	sharedDevice.keys.CopyTo(w.hs.keys)
}

// start runs the relay on the world's database until stop.
func (w *world) start() {
	w.Helper()
	w.haveDevice()
	w.open()
	require.NoError(w, w.bot.Prepare(w.Context()))
	require.NoError(w, w.core.Identify(w.Context()))
	w.run()
	require.Eventually(w, w.core.Connected, 20*time.Second, time.Millisecond)
}

func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	w.ended = make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { _ = w.core.Run(ctx) })
	wg.Go(func() { w.ended <- w.bot.Run(ctx) })
	w.halt = func() {
		cancel()
		wg.Wait()
		w.client.CloseIdleConnections()
		require.NoError(w, w.db.Close())
	}
}

func (w *world) stop() {
	if w.halt != nil {
		w.halt()
		w.halt = nil
	}
	if w.bot != nil && w.bot.client != nil {
		w.bot.client.Client.CloseIdleConnections()
	}
}

// first gives the bot a first answer: what is in that is history.
func (w *world) first() {
	w.hs.push(`"rooms":{}`)
	w.hs.allSeen()
}

// link links the room with the project chat and waits until the link has begun on both sides.
func (w *world) link() {
	w.Helper()
	ctx := w.Context()
	room, err := w.core.FindRoom(ctx, w.project.UUID, adminUser)
	require.NoError(w, err)
	_, err = w.core.Link(ctx, relay.LinkRequest{Room: roomID, By: adminUser}, room)
	require.NoError(w, err)
	w.awaitLinked()
}

func (w *world) awaitLinked() {
	w.Helper()
	w.hs.await("the link to begin", func() bool {
		portal, err := w.core.Portal(w.Context(), roomID)
		return err == nil && portal != nil && portal.StartedOnMatrix
	})
}

// awaitOnWazo waits until a text stands in the project chat.
func (w *world) awaitOnWazo(text string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
	defer cancel()
	_, err := w.wazo.WaitMessage(ctx, w.project.UUID, func(m wazotest.Message) bool { return m.Content == text })
	require.NoError(w, err, "waiting for %q on Wazo", text)
}

// nextBatch returns the stored sync token.
func (w *world) nextBatch() string {
	w.Helper()
	batch, err := w.db.Setting.Get(w.Context(), db.SettingNextBatch)
	require.NoError(w, err)
	return batch
}

// execute changes the database behind the bot's back.
func (w *world) execute(query string) {
	w.Helper()
	wasOpen := w.halt != nil
	if !wasOpen {
		w.open()
	}
	_, err := w.db.Exec(w.Context(), query)
	require.NoError(w, err)
	if !wasOpen {
		w.stop()
	}
}
