// Package device is the bot's own device: it logs the bot in, keeps its keys and has it signed.
package device

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// Config is what an administrator decides about the account that the device belongs to, and what the bot wants to be told.
type Config struct {
	UserID        id.UserID
	HomeserverURL string // "": by .well-known
	Password      string
	AccessToken   string // instead of a password
	RecoveryKey   string // of the account's cryptographic identity; "": the one that was kept
	UserAgent     string // of all requests

	// ShowRecoveryKey is given the recovery key of an identity that was made, once. It is kept, encrypted, in the database too.
	ShowRecoveryKey func(recoveryKey string)
	// OnLogin is called after each log-in with the password: the homeserver may have made the device anew.
	OnLogin func()
}

// Manager owns the bot's device. Make it with New, log in with Prepare (or Login, only to try).
type Manager struct {
	cfg Config
	db  *db.Database
	log zerolog.Logger

	client *mautrix.Client
	syncer *mautrix.DefaultSyncer
	crypto *cryptohelper.CryptoHelper

	usedKeys           atomic.Bool // since the age of the database was noted last
	nextTend, nextMark time.Time   // of the sync loop only, see MaintenanceDue and MarkIfDue
}

// New returns the manager of the device whose keys a database holds.
func New(cfg Config, database *db.Database, log zerolog.Logger) *Manager {
	return &Manager{cfg: cfg, db: database, log: log}
}

// Client returns the client that Login has made, nil before.
func (b *Manager) Client() *mautrix.Client { return b.client }

// Syncer returns what hands events on to the client's stores, nil before Login.
func (b *Manager) Syncer() *mautrix.DefaultSyncer { return b.syncer }

// Crypto returns the encryption of the device, nil before Login.
func (b *Manager) Crypto() *cryptohelper.CryptoHelper { return b.crypto }

// request returns the context of a request: limited in time, and with the client's quieter log.
func (b *Manager) request(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.client.Log.WithContext(ctx), RequestTimeout)
}
