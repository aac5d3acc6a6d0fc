package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// txt are the texts of the relay under test.
var txt = words.New("!wazo")

func TestMain(m *testing.M) {
	backoff.First = 100 * time.Millisecond // a second would be most of the time that the tests take
	goleak.VerifyTestMain(m)
}

// fixture is a Wazo, a homeserver and a relay between them.
type fixture struct {
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

	language     words.Language // LANGUAGE; default English
	plainText    bool
	relations    RelationsConfig
	sms          SMSConfig
	outsideLag   time.Duration
	reactionWait time.Duration
	replyWait    time.Duration
	lookupWait   time.Duration

	keyWait, keyKept time.Duration
	settle           time.Duration
	postTimeout      time.Duration
	contentFormat    string
	healthInterval   time.Duration
	pluginInterval   time.Duration // between two looks whether Wazo has the plugin; default: as in the relay
	backfill         int
	probeInterval    time.Duration
	overhearWait     time.Duration
	loginCheck       time.Duration
	allowed          []string // ALLOWED_USERS
	memberKept       time.Duration
	settles          time.Duration // HistorySettles; default: as in the relay
	noRelay          bool          // there is no relay account
	relayName        string
	relayPassword    string
	webhook          WebhookConfig // see withWebhook
	patience         time.Duration // with an account that fails alone; default: as with outages

	observer  *tally // nil: nobody counts
	clocks    *Clocks
	adminRoom id.RoomID
	selfProbe time.Duration

	statements *statements // of the database since the last start

	core   *Relay
	client *wazoapi.Client
	db     *db.Database
	stop   func()
}

func newFixture(t *testing.T, options ...wazotest.Option) *fixture {
	f := &fixture{T: t, ctx: t.Context(), wazo: wazotest.New(options...), dbPath: dbtest.Location(t), relayName: "relay", relayPassword: "secret", keyWait: 100 * time.Millisecond, reactionWait: 50 * time.Millisecond, postTimeout: 5 * time.Second, backfill: 20, probeInterval: 200 * time.Millisecond, overhearWait: 50 * time.Millisecond}
	f.tenant = f.wazo.AddTenant("acme")
	f.relay = f.wazo.AddUser(wazotest.User{Username: "relay", Password: "secret", Firstname: "Matrix", Lastname: "Relay", Tenant: f.tenant})
	f.alice = f.wazo.AddUser(wazotest.User{Username: "alice", Password: "a", Firstname: "Alice", Lastname: "Martin", Tenant: f.tenant})
	f.bob = f.wazo.AddUser(wazotest.User{Username: "bob", Password: "b", Firstname: "Bob", Lastname: "Stone", Tenant: f.tenant})
	f.room = f.wazo.CreateRoom("Project", f.relay, f.alice, f.bob)
	require.NoError(t, f.wazo.Start("127.0.0.1:0"))
	t.Cleanup(f.wazo.Stop)
	f.matrix = newFakeMatrix(t)
	t.Cleanup(func() {
		f.halt()
		if t.Failed() {
			t.Logf("on Wazo: %q\non Matrix: %q\nnotices: %q", f.relayed(), f.matrix.shown(), f.matrix.allNotices())
		}
	})
	return f
}

// start starts the relay on the fixture's database.
func (f *fixture) start() {
	f.Helper()
	log := zerolog.New(zerolog.NewTestWriter(f.T)).Level(zerolog.WarnLevel)
	database, err := db.Open(f.ctx, f.dbPath, "key", log)
	require.NoError(f, err)
	f.statements = &statements{DatabaseLogger: database.Log}
	database.Log = f.statements
	row, err := f.relayRow(database)
	require.NoError(f, err)
	client, err := wazoapi.New(wazoapi.Config{URL: f.wazo.URL(), Timeout: 5 * time.Second, PostTimeout: f.postTimeout, Stream: wazoapi.StreamConfig{
		BackoffMin: 20 * time.Millisecond, BackoffMax: 100 * time.Millisecond, PingInterval: f.pluginInterval, PluginInterval: f.pluginInterval,
	}}, log)
	require.NoError(f, err)
	var account *wazoapi.Account
	if !f.noRelay {
		account = client.Account(wazoapi.Credentials{Username: f.relayName, Password: f.relayPassword}, &TokenStore{DB: database, Account: row})
	}
	rights, err := NewRights([]string{adminUser.String()}, f.allowed, []string{"@ignored:*"})
	require.NoError(f, err)
	alias, err := convert.ParseAliasFormat("")
	require.NoError(f, err)
	content, err := convert.ParseContentFormat(f.contentFormat)
	require.NoError(f, err)
	var observer Observer
	if f.observer != nil {
		observer = f.observer
	}
	f.core = New(Config{
		Observer: observer, Clocks: f.clocks, AdminRoom: f.adminRoom, SelfProbe: f.selfProbe, SelfProbeWait: 500 * time.Millisecond,
		Rights: rights, CommandPrefix: "!wazo", Language: f.language, Alias: alias, Content: content, Media: f.media, Relations: f.relations, SMS: f.sms, OutsideLag: f.outsideLag, PlainText: f.plainText, Webhook: f.webhook,
		EncryptRooms: true, BackfillMessages: f.backfill,
		KeyKept: f.keyKept, HealthInterval: f.healthInterval, LoginCheck: f.loginCheck, MemberKept: f.memberKept, HistorySettles: f.settles,
		Settle: cmp.Or(f.settle, 100*time.Millisecond), ProbeInterval: f.probeInterval, OutageNotice: 300 * time.Millisecond, KeyWait: f.keyWait, ReactionWait: f.reactionWait, ReplyWait: f.replyWait, LookupWait: f.lookupWait, OverhearWait: f.overhearWait, CommitLag: 20 * time.Millisecond, WholeWait: 50 * time.Millisecond,
	}, database, row, client, account, log)
	f.db, f.client = database, client
	if f.patience > 0 {
		f.core.posters.patience = f.patience
	}
	f.matrix.core = f.core
	f.core.Attach(f.matrix)
	require.NoError(f, f.core.Identify(f.ctx))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.core.Run(ctx)
	}()
	synced := make(chan struct{})
	go func() {
		defer close(synced)
		f.matrix.syncForever(ctx)
	}()
	f.stop = func() {
		cancel()
		<-done
		<-synced
		client.CloseIdleConnections()
		require.NoError(f, database.Close())
	}
	await.Until(f, "the connection to Wazo", f.core.EventsFlow)
}

func (f *fixture) relayRow(database *db.Database) (*db.Account, error) {
	if f.noRelay {
		return database.Account.EarlierRelay(f.ctx)
	}
	return database.Account.Relay(f.ctx, f.relayName)
}

func (f *fixture) halt() {
	if f.stop != nil {
		f.stop()
		f.stop = nil
	}
}

// link links the room and waits until the link has begun on both sides.
func (f *fixture) link() {
	f.Helper()
	_, err := f.core.Link(f.ctx, LinkRequest{Room: roomID, By: adminUser}, f.wazoRoom())
	require.NoError(f, err)
	f.matrix.awaitLinked()
}

func (f *fixture) wazoRoom() wazoapi.Room {
	room, err := f.core.FindRoom(f.ctx, f.room.UUID, adminUser)
	require.NoError(f, err)
	return room
}

// relayed returns what the relay account posted in the room, without its introduction.
func (f *fixture) relayed() []string {
	var texts []string
	for _, m := range f.wazo.Messages(f.room.UUID) {
		if m.UserUUID == f.relay.UUID && !strings.Contains(m.Content, "From now on") && m.Content != txt.Explanation(botUser.String()) {
			texts = append(texts, m.Content)
		}
	}
	return texts
}

// awaitRelayed waits until exactly these texts were posted on Wazo.
func (f *fixture) awaitRelayed(want ...string) {
	f.Helper()
	for i, text := range want { // one by one: a loaded machine takes its time for hundreds
		await.Until(f, fmt.Sprintf("%q on Wazo", text), func() bool { return len(f.relayed()) > i })
	}
	require.Equal(f, want, f.relayed())
}

// awaitOnWazo waits until a text is among those that were posted on Wazo.
func (f *fixture) awaitOnWazo(text string) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%q on Wazo", text), func() bool { return slices.Contains(f.relayed(), text) })
}

// awaitShown waits until exactly these texts are shown on Matrix.
func (f *fixture) awaitShown(want ...string) {
	f.Helper()
	for i, text := range want {
		await.Until(f, fmt.Sprintf("%q on Matrix", text), func() bool { return len(f.matrix.shown()) > i })
	}
	require.Equal(f, want, f.matrix.shown())
}

// awaitEmpty waits until nothing waits to be delivered.
func (f *fixture) awaitEmpty() {
	f.Helper()
	await.Until(f, "an empty queue", func() bool {
		busy, err := f.db.Queue.Busy(f.ctx)
		return err == nil && len(busy) == 0
	})
}

// refuse makes the homeserver refuse texts that contain something.
func (f *fixture) refuse(part string) {
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	f.matrix.beforeSend = func(body string) error {
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

// relayReader reads Wazo for the relay account.
func (f *fixture) relayReader() *reader { return &reader{f.core, f.core.account} }
