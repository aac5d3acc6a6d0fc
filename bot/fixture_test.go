package bot

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// txt are the texts of the bot under test.
var txt = words.New("!wazo")

// fixture is a homeserver, a Wazo and a relay between them.
type fixture struct {
	*testing.T
	hs          *fakeHomeserver
	wazo        *wazotest.Server
	account     wazotest.User // the relay's
	alice       wazotest.User
	project     wazotest.Room // alice, bob and the relay
	dbPath      string
	prefix      string         // of commands
	token       string         // instead of a password
	recoveryKey string         // as configured
	loginPage   string         // the address of the page for logging in; "": there is none
	cookies     []*http.Cookie // of a browser on this page
	wazoURL     string         // of Wazo, or of what stands before it
	logLevel    zerolog.Level
	shown       []string // recovery keys that were shown
	logged      bottest.LogBuffer
	keyWait     time.Duration
	silence     time.Duration // see newcomers
	adminRoom   id.RoomID

	bot    *Bot
	core   *relay.Relay
	db     *db.Database
	client *wazoapi.Client
	ended  chan error // what Run returned
	halt   func()
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t, hs: newFakeHomeserver(t), wazo: wazotest.New(), dbPath: dbtest.Location(t), prefix: "!wazo", keyWait: 50 * time.Millisecond, logLevel: zerolog.DebugLevel}
	acme := f.wazo.AddTenant("acme")
	add := func(username, first, last string) wazotest.User {
		return f.wazo.AddUser(wazotest.User{Username: username, Password: "secret", Firstname: first, Lastname: last, Tenant: acme})
	}
	f.account = add("relay", "Matrix", "Relay")
	f.alice = add("alice", "Alice", "Martin")
	bob := add("bob", "Bob", "Stone")
	f.project = f.wazo.CreateRoom("Project", f.account, f.alice, bob)
	f.wazo.CreateRoom("Lunch", f.account, f.alice)
	f.wazo.CreateRoom("Secret", f.alice, bob)
	require.NoError(t, f.wazo.Start("127.0.0.1:0"))
	f.wazoURL = f.wazo.URL()
	t.Cleanup(f.wazo.Stop)
	t.Cleanup(func() {
		f.stop()
		if t.Failed() {
			t.Log(f.logged.String())
		}
	})
	return f
}

// mediaMaxSize is the largest file that a bot in a test carries across.
const mediaMaxSize = 1 << 20

// open opens the database and puts the relay together.
func (f *fixture) open() {
	f.Helper()
	ctx := f.Context()
	log := zerolog.New(&f.logged).Level(f.logLevel)
	var err error
	f.db, err = db.Open(ctx, f.dbPath, "key", zerolog.Nop())
	require.NoError(f, err)
	row, err := f.db.Account.Relay(ctx, "relay")
	require.NoError(f, err)
	f.client, err = wazoapi.New(wazoapi.Config{URL: f.wazoURL, Timeout: 5 * time.Second, PostTimeout: 5 * time.Second, Stream: wazoapi.StreamConfig{
		BackoffMin: 20 * time.Millisecond, BackoffMax: 100 * time.Millisecond,
	}}, log)
	require.NoError(f, err)
	account := f.client.Account(wazoapi.Credentials{Username: "relay", Password: "secret"}, &relay.TokenStore{DB: f.db, Account: row})
	rights, err := relay.NewRights([]string{adminUser.String()}, []string{"@sam:a.example"}, nil)
	require.NoError(f, err)
	alias, err := convert.ParseAliasFormat("")
	require.NoError(f, err)
	content, err := convert.ParseContentFormat("")
	require.NoError(f, err)
	f.core = relay.New(relay.Config{
		BackfillMessages: 20, AdminRoom: f.adminRoom,
		Rights: rights, CommandPrefix: f.prefix, Alias: alias, Content: content,
		Settle: 100 * time.Millisecond, ProbeInterval: 200 * time.Millisecond, OutageNotice: time.Minute, KeyWait: f.keyWait, CommitLag: 20 * time.Millisecond, WholeWait: 50 * time.Millisecond,
	}, f.db, row, f.client, account, log)
	password := botPassword
	if f.token != "" {
		password = ""
	}
	var page *url.URL
	if f.loginPage != "" {
		page, err = url.Parse(f.loginPage)
		require.NoError(f, err)
	}
	f.bot = New(Config{
		LoginPage: page,
		UserID:    botUser, HomeserverURL: f.hs.web.URL, Password: password, AccessToken: f.token, RecoveryKey: f.recoveryKey,
		CommandPrefix: f.prefix, Version: "1.2.3",
		ShowRecoveryKey: func(key string) { f.shown = append(f.shown, key) },
		MediaMaxSize:    mediaMaxSize,
	}, f.db, f.core, log)
	f.bot.newcomers.silence = f.silence
	f.halt = func() { require.NoError(f, f.db.Close()) }
}

// deviceSnapshot is a database with a bot that has logged in once, and what the homeserver knows of that. Making one
// takes a tenth of a second, most of it for encryption keys; all fixtures that are not about logging in share it.
type deviceSnapshot struct {
	once     sync.Once
	database []byte
	tokens   map[string]string
	keys     *bottest.KeyServer
}

var sharedDevice deviceSnapshot

func (d *deviceSnapshot) make(t *testing.T) {
	f := newFixture(t)
	f.open()
	require.NoError(t, f.bot.Prepare(t.Context()))
	f.stop()
	d.database = dbtest.Copy(t, f.dbPath)
	d.tokens, d.keys = f.hs.account.Tokens, f.hs.keys
}

// haveDevice spares the fixture the first log-in.
func (f *fixture) haveDevice() {
	f.Helper()
	if dbtest.Exists(f, f.dbPath) {
		return
	}
	sharedDevice.once.Do(func() { sharedDevice.make(f.T) })
	dbtest.Restore(f, f.dbPath, sharedDevice.database)
	f.hs.account.Lock()
	defer f.hs.account.Unlock()
	maps.Copy(f.hs.account.Tokens, sharedDevice.tokens)
	sharedDevice.keys.CopyTo(f.hs.keys)
}

// start runs the relay on the fixture's database until stop.
func (f *fixture) start() {
	f.Helper()
	f.haveDevice()
	f.open()
	require.NoError(f, f.bot.Prepare(f.Context()))
	require.NoError(f, f.core.Identify(f.Context()))
	f.run()
	await.Until(f, "the connection to Wazo", f.core.EventsFlow)
}

func (f *fixture) run() {
	ctx, cancel := context.WithCancel(context.Background())
	f.ended = make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { _ = f.core.Run(ctx) })
	wg.Go(func() { f.ended <- f.bot.Run(ctx) })
	f.halt = func() {
		cancel()
		wg.Wait()
		f.client.CloseIdleConnections()
		require.NoError(f, f.db.Close())
	}
}

func (f *fixture) stop() {
	if f.halt != nil {
		f.halt()
		f.halt = nil
	}
	if f.bot != nil && f.bot.client != nil {
		f.bot.client.Client.CloseIdleConnections()
	}
}

// first gives the bot a first answer: what is in that is history.
func (f *fixture) first() {
	f.hs.push(`"rooms":{}`)
	f.hs.allSeen()
}

// link links the room with the project chat and waits until the link has begun on both sides.
func (f *fixture) link() {
	f.Helper()
	ctx := f.Context()
	room, err := f.core.FindRoom(ctx, f.project.UUID, adminUser)
	require.NoError(f, err)
	_, err = f.core.Link(ctx, relay.LinkRequest{Room: roomID, By: adminUser}, room)
	require.NoError(f, err)
	f.awaitLinked()
}

func (f *fixture) awaitLinked() {
	f.Helper()
	await.Until(f, "the link to begin", func() bool {
		portal, err := f.core.Portal(f.Context(), roomID)
		return err == nil && portal != nil && portal.StartedOnMatrix
	})
}

// awaitOnWazo waits until a text stands in the project chat.
func (f *fixture) awaitOnWazo(text string) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%q on Wazo", text), func() bool { return f.countOnWazo(text) > 0 })
}

// nextBatch returns the stored sync token.
func (f *fixture) nextBatch() string {
	f.Helper()
	batch, err := f.db.Setting.Get(f.Context(), db.SettingNextBatch)
	require.NoError(f, err)
	return batch
}

// execute changes the database behind the bot's back.
func (f *fixture) execute(query string) {
	f.Helper()
	wasOpen := f.halt != nil
	if !wasOpen {
		f.open()
	}
	_, err := f.db.Exec(f.Context(), query)
	require.NoError(f, err)
	if !wasOpen {
		f.stop()
	}
}
