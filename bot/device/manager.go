package device

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/session"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// RequestTimeout is how long a request to the homeserver may take, except for a long poll and the transfer of a file.
const RequestTimeout = time.Minute

// Config is what the device needs to know about the account, and what it tells the bot.
type Config struct {
	UserID        id.UserID
	HomeserverURL string // "": ask the .well-known file of the account's domain
	Password      string // "": there is an access token, or a log-in of BeginLogIn
	AccessToken   string // used instead of everything else if it is set
	RecoveryKey   string // of the account's cross-signing identity; "": the one that is kept in the database
	UserAgent     string // of all requests
	ClientURI     string // of the page that an OAuth 2.0 provider shows to whoever approves a log-in; "": oauth.DefaultClientURI

	// Transport, if it is set, is put around what makes the requests of the account, for example to count them.
	Transport func(http.RoundTripper) http.RoundTripper
	// Connection, if it is set, is put around each connection through which requests of the account are made, also
	// those that renew its log-in.
	Connection func(net.Conn) net.Conn
	// ShowRecoveryKey is called with the recovery key of an identity that was just created, so that an administrator
	// can see it. It is not called if the recovery key was configured.
	ShowRecoveryKey func(recoveryKey string)
	// OnLogin is called after each log-in with the password: the device may be new to everybody.
	OnLogin func()
}

// Manager owns the bot's device. Make it with New, and call Prepare before anything else, or Login only to try. Its
// methods are for one goroutine at a time, except for Status, Backup, LogInTrouble, LogInStatus, NoteReceivedKeys,
// NoteMadeKeys and CacheIdentity.
type Manager struct {
	cfg Config
	db  *db.Database
	log zerolog.Logger

	client *mautrix.Client
	syncer *mautrix.DefaultSyncer
	crypto *cryptohelper.CryptoHelper

	transport *transport                   // of the client
	login     keptLogin                    // with which the client is logged in; empty with a configured access token
	session   *session.Session             // of the log-in; nil if its access token does not expire
	logInKind atomic.Pointer[words.Phrase] // one of words.LogInBy…

	raises          raises
	keysReceived    atomic.Bool // since SecureReceivedKeys was called last, or before if it failed
	nextMaintenance time.Time   // see MaintenanceDue

	trusted     bool         // the account's identity had signed the device when that was last checked
	backup      *keyBackup   // nil: it is not open
	backupState atomic.Int32 // a Backup
	backupDue   atomic.Bool  // there may be room keys that are not backed up
	nextBackup  time.Time    // see BackUpKeys
}

// New returns the manager of the device whose keys are in a database. It does not use the network or the database yet.
func New(cfg Config, database *db.Database, log zerolog.Logger) *Manager {
	return &Manager{cfg: cfg, db: database, log: log}
}

// Client returns the client that Prepare or Login has made, nil before. It stays the same while the bot runs.
func (m *Manager) Client() *mautrix.Client { return m.client }

// Syncer returns what hands the events of /sync to the client's state store and its encryption, nil before Prepare or
// Login.
func (m *Manager) Syncer() *mautrix.DefaultSyncer { return m.syncer }

// Crypto returns the device's encryption, nil before Prepare or Login has loaded its keys.
func (m *Manager) Crypto() *cryptohelper.CryptoHelper { return m.crypto }

// plainClient returns a client for requests without access token. It logs nothing, because its requests contain refresh
// tokens.
func (m *Manager) plainClient() (*mautrix.Client, error) {
	client, err := mautrix.NewClient(m.client.HomeserverURL.String(), "", "")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoHomeserver, err)
	}
	client.Client = &http.Client{Transport: m.transport.Transport}
	client.UserAgent, client.IgnoreRateLimit, client.Log = m.cfg.UserAgent, true, zerolog.Nop()
	return client, nil
}

// request returns the context of a request. It ends after RequestTimeout and carries the client's quieter logger.
func (m *Manager) request(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(m.client.Log.WithContext(ctx), RequestTimeout)
}
