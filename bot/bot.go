// Package bot is the Matrix side of the relay: an ordinary account with its rooms, its encryption and its commands. The
// core, package relay, decides what is relayed and when. This package implements what the core needs of Matrix.
//
// What comes in: sync.go asks the homeserver and has each answer accepted by the core. receive.go goes through an
// answer, which sync_answer.go describes, event by event, so that one malformed event harms nobody else. decryption.go
// decrypts, and missing_keys.go looks after keys that the bot lacks. member_names.go notes how senders are called.
// backfill.go reads what an answer left out, and resync.go lets others wait for a fresh answer.
//
// What goes out: Send, in send.go, is the only way for what is said. It finds out whether the room is encrypted
// (encrypted_rooms.go), sees to it that all members can read (key_sharing.go) and that they know the bot before it
// speaks (newcomers.go). avatar.go adds the avatars of Wazo people, and receipts.go sends read receipts. All requests
// but those for files are made through homeserver.go, which keeps within the rate limit of the homeserver
// (rate_limit.go). matrix_error.go tells the core what an error means. React, in react.go, is the only other way out,
// for reactions, which are never encrypted.
//
// What the bot does by itself: work.go runs one worker for the inbox of each room and for the notices for each room or
// person. inbox.go answers invites and changes of rooms, and upgrade.go follows a room to the one that replaces it.
// commands.go obeys what people type; the commands themselves are in command_link.go, command_account.go,
// command_people.go, command_conversations.go and command_status.go, and refusals.go keeps the bot from refusing a
// person again and again. start_login.go begins a log-in to Wazo, and login_record.go keeps on the homeserver who has
// logged in. passwords.go takes out of what comes in what may contain a password, and redact.go removes it from rooms.
// notices.go says notices, in a room or in a direct chat (direct_chat.go). make_room.go makes the rooms of
// conversations that open by themselves and invites people to them, and made_rooms.go recognizes these rooms when they
// come with /sync. room_info.go asks for names and power levels, shared_rooms.go names rooms for those who are in them,
// and room_access.go finds out whether strangers can read a room. event.go reads one event, to which another one
// refers.
//
// Each of these files has a type of its own, such as inbox. It embeds the Bot if it needs much of it, and otherwise
// only the homeserver.
//
// Package device logs the bot in and looks after its device. Package login asks people for their Wazo accounts. Package
// media carries files in both directions, and files.go gives it what it needs of the account. docs/architecture.md says
// which goroutines run and which lock guards what.
package bot

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/exsync"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/bot/login"
	"wazo-matrix-relay/bot/media"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
)

// Config is what an administrator decides about the Matrix account.
type Config struct {
	UserID        id.UserID
	HomeserverURL string // "": by .well-known
	Password      string // "": there is an access token, or a log-in of device.Manager.BeginLogIn
	AccessToken   string // instead of everything else
	RecoveryKey   string // of the account's cryptographic identity; "": the one that was kept
	CommandPrefix string
	Version       string // shown to people

	LoginPage *url.URL // where people log in to Wazo with a browser; nil: they log in by a dialogue

	MediaMaxSize    int64    // of files that are carried across, in bytes
	MediaFetchHosts []string // from which pictures are fetched even by http, and on private networks
	Avatars         bool     // Wazo people get a picture with their initials

	// Transport, if it is set, is put around what makes the requests of the account, for example to count them.
	Transport func(http.RoundTripper) http.RoundTripper
	// Connection, if it is set, is put around each connection through which such requests are made.
	Connection func(net.Conn) net.Conn
	// OnRateLimit, if it is set, is called when a request has waited because the homeserver limits the account. kind is
	// what is limited: send, invite or ask.
	OnRateLimit func(kind string, waited time.Duration)
	// ShowRecoveryKey is given the recovery key of an identity that was made, once. It is kept, encrypted, in the
	// database too.
	ShowRecoveryKey func(recoveryKey string)
}

// Bot is the Matrix side. Make it with New, log in with Prepare (or Login, only to try), run it with Run.
type Bot struct {
	homeserver
	cfg    Config
	db     *db.Database
	relay  *relay.Relay
	texts  words.Texts
	device *device.Manager

	encryptedRooms *encryptedRooms
	newcomers      newcomers
	info           *roomInfo
	directChats    *directChats

	keySharing *keySharing
	decryption *decryption
	receiver   *receiver
	names      *memberNames
	resync     resync
	receipts   *receipts

	tasks    *task.Scheduler[work]
	inbox    *inbox
	notices  *notices
	commands *commands // made when the bot runs

	loginPage *login.Page // nil if there is none
	dialogues *login.Dialogues
	passwords *passwords

	transfers *media.Transfers
	pictures  *media.Pictures
	avatars   *media.Avatars

	started  time.Time
	ownNames *exsync.Set[string] // display names of the account, in its profile and in rooms
}

var _ relay.Matrix = (*Bot)(nil)

// New builds the Matrix side of a core and attaches it.
func New(cfg Config, database *db.Database, core *relay.Relay, log zerolog.Logger) *Bot {
	b := &Bot{
		homeserver: newHomeserver(cfg.UserID, log), cfg: cfg, db: database, relay: core, texts: core.Texts(),
		started: time.Now(), ownNames: exsync.NewSet[string](),
	}
	b.observeLimits(cfg.OnRateLimit)
	b.device = device.New(device.Config{
		UserID: cfg.UserID, HomeserverURL: cfg.HomeserverURL, Password: cfg.Password, AccessToken: cfg.AccessToken,
		RecoveryKey: cfg.RecoveryKey, UserAgent: "wazo-matrix-relay/" + cfg.Version,
		Transport:       cfg.Transport,
		Connection:      cfg.Connection,
		ShowRecoveryKey: cfg.ShowRecoveryKey,
		OnLogin:         func() { b.newcomers.newDevice(time.Now()) },
	}, database, log)
	b.initParts()
	b.initMedia()
	core.Attach(b)
	return b
}

// initParts makes the parts of the bot and connects them.
func (b *Bot) initParts() {
	hs := &b.homeserver
	b.newcomers.init()
	b.encryptedRooms = newEncryptedRooms(hs, &b.newcomers)
	b.info = &roomInfo{homeserver: hs, namedRooms: namedRooms{db: b.db}, texts: b.texts}
	b.directChats = &directChats{homeserver: hs, db: b.db, rooms: b.encryptedRooms}
	b.keySharing = &keySharing{homeserver: hs, device: b.device, db: b.db}
	b.decryption = &decryption{homeserver: hs, db: b.db, relay: b.relay}
	b.receiver = &receiver{Bot: b}
	b.names = &memberNames{homeserver: hs}
	b.resync.init()
	b.loggedOut = func() { b.resync.request() } // its answer is that the access token is not valid
	b.receipts = newReceipts(hs)
	b.tasks = b.newTasks()
	b.inbox = &inbox{b, exsync.NewSet[int64]()}
	b.notices = &notices{Bot: b, awaited: exsync.NewSet[id.UserID]()}
	b.initLogins()
}

// Login logs the bot in, only to try whether that works. Its errors are those of device.Manager.Login.
func (b *Bot) Login(ctx context.Context) error {
	if err := b.device.Login(ctx); err != nil {
		return err
	}
	b.useDevice()
	return nil
}

// TryLogin finds out, without the database, whether the bot can log in. Its errors are those of
// device.Manager.TryLogin.
func (b *Bot) TryLogin(ctx context.Context) error { return b.device.TryLogin(ctx) }

// Prepare logs the bot in to run. Its errors are those of device.Manager.Prepare.
func (b *Bot) Prepare(ctx context.Context) error {
	if err := b.device.Prepare(ctx); err != nil {
		return err
	}
	b.useDevice()
	return nil
}

// LogInTrouble says in English why the log-in cannot be used, see device.Manager.LogInTrouble. The bot must have been
// prepared.
func (b *Bot) LogInTrouble() string { return b.device.LogInTrouble() }

// Close waits until no tokens of the log-in are being renewed. The database may be closed afterwards.
func (b *Bot) Close() { b.device.Close() }

// Inspect returns how others see the device of a bot that has logged in with Login, see device.Manager.Inspect.
func (b *Bot) Inspect(ctx context.Context) (device.Status, error) { return b.device.Inspect(ctx) }

// useDevice takes over what a log-in has made. It stays the same as long as the bot runs.
func (b *Bot) useDevice() {
	b.client, b.crypto, b.receiver.syncer = b.device.Client(), b.device.Crypto(), b.device.Syncer()
	// Content that mautrix does not understand may still say something to people, see relay.
	b.crypto.Machine().IgnorePostDecryptionParseErrors = true
}

// UserID implements relay.Matrix.
func (b *Bot) UserID() id.UserID { return b.userID }

// Run syncs and answers until ctx ends. It returns early with an error that only an administrator can repair, like a
// lost log-in.
func (b *Bot) Run(ctx context.Context) error {
	ctx = b.client.Log.WithContext(ctx)
	b.commands = newCommands(b)
	b.decryption.followKeys()
	b.ensureDisplayName(ctx)
	ctx, cancel := context.WithCancel(ctx)
	b.tasks.Start(ctx)
	defer b.tasks.Drain(0) // what is stopped in the middle is done again by the next start
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { b.receipts.run(ctx) })
	if err := b.resumeWork(ctx); err != nil {
		return err
	}
	loop := syncLoop{Bot: b}
	return loop.run(ctx)
}

// ensureDisplayName gives the account a display name if it has none, best effort.
func (b *Bot) ensureDisplayName(ctx context.Context) {
	ctx, cancel := b.request(ctx)
	defer cancel()
	resp, err := b.client.GetOwnDisplayName(ctx)
	if err != nil && !errors.Is(err, mautrix.MNotFound) {
		b.log.Warn().Err(err).Msg("Failed to read the bot's display name")
		return
	}
	if resp != nil && resp.DisplayName != "" && resp.DisplayName != b.userID.Localpart() {
		b.ownNames.Add(resp.DisplayName)
		return
	}
	if err = b.client.SetDisplayName(ctx, words.BotName); err != nil {
		b.log.Warn().Err(err).Msg("Failed to set the bot's display name")
		return
	}
	b.ownNames.Add(words.BotName)
}

// OwnNames implements relay.Matrix.
func (b *Bot) OwnNames() []string { return b.ownNames.AsList() }
