// Package bot is the Matrix side of the relay: an ordinary account with its rooms, its encryption and its commands. The core,
// package relay, decides what is relayed and when. This package implements what the core needs of Matrix.
//
// What comes in: sync.go asks the homeserver and has each answer accepted by the core. receive.go parses and decrypts an
// answer event by event, so that one malformed event harms nobody else. backfill.go reads what an answer left out, and
// resync.go lets others wait for a fresh answer.
//
// What goes out: Send, in send.go, is the only way. It finds out whether the room is encrypted (encrypted_rooms.go), sees to it that
// all members can read (key_sharing.go) and that they know the bot before it speaks (newcomers.go), and keeps within the rate
// limit of the homeserver (rate_limit.go). avatar.go adds the avatars of Wazo people, and receipts.go sends read receipts.
// missing_keys.go looks after keys that the bot itself lacks.
//
// What the bot does by itself: work.go runs one worker for the inbox of each room and for the notices for each room or
// person. inbox.go answers invites and changes of rooms, commands.go what people type, and upgrade.go follows a room to the
// one that replaces it. notices.go says notices, in a room or in a direct chat (direct_chat.go). room_info.go asks for names,
// power levels, and whether strangers can read a room.
//
// Package device logs the bot in and looks after its device. Package media carries files in both directions, and files.go gives
// it what it needs of the account. docs/architecture.md says which goroutines run and which lock guards what.
package bot

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/exsync"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/device"
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
	Password      string
	AccessToken   string // instead of a password
	RecoveryKey   string // of the account's cryptographic identity; "": the one that was kept
	CommandPrefix string
	Version       string // shown to people

	MediaMaxSize    int64    // of files that are carried across, in bytes
	MediaFetchHosts []string // from which pictures are fetched even by http, and on private networks
	Avatars         bool     // Wazo people get a picture with their initials

	// ShowRecoveryKey is given the recovery key of an identity that was made, once. It is kept, encrypted, in the database too.
	ShowRecoveryKey func(recoveryKey string)
}

// Bot is the Matrix side. Make it with New, log in with Prepare (or Login, only to try), run it with Run.
type Bot struct {
	cfg   Config
	db    *db.Database
	relay *relay.Relay
	log   zerolog.Logger
	texts words.Texts

	device *device.Manager
	client *mautrix.Client            // of the device, like those below, see useDevice
	syncer *mautrix.DefaultSyncer     // hands what came on to the client's stores
	crypto *cryptohelper.CryptoHelper // encrypts and decrypts

	rooms     roomStates
	keyRounds keyRounds
	newcomers newcomers
	limiter   rateLimiter
	token     tokenLock
	receipts  receipts
	resync    resync
	refusals  refusals
	tasks     *task.Scheduler[work]
	transfers *media.Transfers
	pictures  *media.Pictures
	avatars   *media.Avatars

	makingChat sync.Mutex             // held while a direct chat is being made
	awaited    *exsync.Set[id.UserID] // people who have yet to accept the invite to their direct chat, where a notice waits
	commands   *commands

	keyChanges atomic.Int64 // how often members or devices have changed, see encrypt

	started  time.Time
	lastSync atomic.Int64 // ms, our clock, when an answer of /sync was last accepted
}

var _ relay.Matrix = (*Bot)(nil)

// New builds the Matrix side of a core and attaches it.
func New(cfg Config, database *db.Database, core *relay.Relay, log zerolog.Logger) *Bot {
	b := &Bot{cfg: cfg, db: database, relay: core, log: log, texts: words.New(cfg.CommandPrefix), started: time.Now(), awaited: exsync.NewSet[id.UserID]()}
	b.newcomers.init()
	b.receipts.init()
	b.resync.init()
	b.tasks = b.newTasks()
	b.device = device.New(device.Config{
		UserID: cfg.UserID, HomeserverURL: cfg.HomeserverURL, Password: cfg.Password, AccessToken: cfg.AccessToken,
		RecoveryKey: cfg.RecoveryKey, UserAgent: "wazo-matrix-relay/" + cfg.Version,
		ShowRecoveryKey: cfg.ShowRecoveryKey,
		OnLogin:         func() { b.newcomers.newDevice(time.Now()) },
	}, database, log)
	b.initMedia()
	core.Attach(b)
	return b
}

// Login logs the bot in, only to try whether that works. Its errors are those of device.Manager.Login.
func (b *Bot) Login(ctx context.Context) error {
	if err := b.device.Login(ctx); err != nil {
		return err
	}
	b.useDevice()
	return nil
}

// Prepare logs the bot in to run. Its errors are those of device.Manager.Prepare.
func (b *Bot) Prepare(ctx context.Context) error {
	if err := b.device.Prepare(ctx); err != nil {
		return err
	}
	b.useDevice()
	return nil
}

// Inspect returns how others see the device of a bot that has logged in with Login, see device.Manager.Inspect.
func (b *Bot) Inspect(ctx context.Context) (device.Status, error) { return b.device.Inspect(ctx) }

// useDevice takes over what a log-in has made. It stays the same as long as the bot runs.
func (b *Bot) useDevice() {
	b.client, b.syncer, b.crypto = b.device.Client(), b.device.Syncer(), b.device.Crypto()
	// Content that mautrix does not understand may still say something to people, see relay.
	b.crypto.Machine().IgnorePostDecryptionParseErrors = true
}

// UserID implements relay.Matrix.
func (b *Bot) UserID() id.UserID { return b.cfg.UserID }

// LastSync returns when an answer of /sync was last accepted, the zero time if none was.
func (b *Bot) LastSync() time.Time {
	if ms := b.lastSync.Load(); ms != 0 {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

// Run syncs and answers until ctx ends. It returns early with an error that only an administrator can repair, like a lost
// log-in.
func (b *Bot) Run(ctx context.Context) error {
	ctx = b.client.Log.WithContext(ctx)
	b.commands = newCommands(b)
	b.followKeys()
	b.ensureDisplayName(ctx)
	ctx, cancel := context.WithCancel(ctx)
	b.tasks.Start(ctx)
	defer b.tasks.Drain(0) // what is stopped in the middle is done again by the next start
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { b.sendReceipts(ctx) })
	if err := b.resumeWork(ctx); err != nil {
		return err
	}
	return b.syncForever(ctx)
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
	if resp != nil && resp.DisplayName != "" && resp.DisplayName != b.cfg.UserID.Localpart() {
		return
	}
	if err = b.client.SetDisplayName(ctx, words.BotName); err != nil {
		b.log.Warn().Err(err).Msg("Failed to set the bot's display name")
	}
}
