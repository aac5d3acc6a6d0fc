// Package bot is the Matrix side: one ordinary account that syncs, its encryption, its rooms and its commands.
//
// sync.go asks the homeserver and hands what came to the core, which stores it; receive.go parses it event by event, so
// that one malformed event harms nobody else. send.go is the only way out: it decides whether a room is encrypted.
// inbox.go answers invites and changes of rooms, commands.go what people type. roomkeys.go sees to it that all members can read
// that. device.go looks after the bot's device, trust.go says how others see it, identity.go has it signed.
//
// Files: media_server.go serves those of Matrix messages, which media_files.go holds as long as they are read; picture.go shows
// those that Wazo people name, which fetch.go gets from strangers; avatar.go draws people; transfer.go downloads and uploads.
package bot

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
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

	client *mautrix.Client
	syncer *mautrix.DefaultSyncer
	crypto *cryptohelper.CryptoHelper

	rooms     roomStates
	keyRounds keyRounds
	arrivals  arrivals
	gate      gate
	receipts  receipts
	resync    resync
	inbox     tray
	notices   tray
	refusals  refusals
	fetcher   *fetcher
	avatars   avatars

	makingChat sync.Mutex // held while a direct chat is being made
	commands   *commands

	keyChanges atomic.Int64 // how often members or devices have changed, see encrypt
	usedKeys   atomic.Bool  // since the age of the database was noted last

	nextTend, nextMark time.Time // of the sync loop only, see tendIfDue and markIfDue
	started            time.Time
	lastSync           atomic.Int64 // ms, our clock, when an answer of /sync was last accepted
}

var _ relay.Matrix = (*Bot)(nil)

// New builds the Matrix side of a core and attaches it.
func New(cfg Config, database *db.Database, core *relay.Relay, log zerolog.Logger) *Bot {
	b := &Bot{cfg: cfg, db: database, relay: core, log: log, started: time.Now()}
	b.arrivals.init()
	b.receipts.init()
	b.inbox.init()
	b.notices.init()
	b.resync.init()
	b.fetcher = newFetcher(cfg.MediaFetchHosts, cfg.MediaMaxSize, "wazo-matrix-relay/"+cfg.Version)
	core.Attach(b)
	return b
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
	b.introduce(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { b.sendReceipts(ctx) })
	wg.Go(func() { b.answerInbox(ctx) })
	wg.Go(func() { b.sayNotices(ctx) })
	return b.syncForever(ctx)
}
