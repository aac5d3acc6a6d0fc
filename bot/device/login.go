package device

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Errors of Login that an administrator can do something about.
var (
	ErrOtherUser     = errors.New("the database belongs to another Matrix account")
	ErrNoHomeserver  = errors.New("the homeserver was not found")
	ErrBadPassword   = errors.New("the homeserver refuses the password")
	ErrBadToken      = errors.New("the homeserver refuses the access token")
	ErrTokenMismatch = errors.New("the access token belongs to another account or device")
	ErrDeviceLost    = errors.New("the encryption keys in the database do not fit this device")
)

// ErrLoggedOut is returned by LogInAgain if only an administrator can help.
var ErrLoggedOut = errors.New("the homeserver does not know the bot's access token any more")

// RequestTimeout is how long any request but a long poll or the transfer of a file may take.
const RequestTimeout = time.Minute

// Login finds the homeserver and logs in, preferably with the token of an earlier start: transaction ids are scoped to it
// (matrix.md, "Log-in and sync"). It returns one of the errors above, wrapped, or what the homeserver said.
func (b *Manager) Login(ctx context.Context) error {
	if err := b.checkOwner(ctx); err != nil {
		return err
	}
	url, err := b.findHomeserver(ctx)
	if err != nil {
		return err
	}
	if b.client, err = mautrix.NewClient(url, b.cfg.UserID, ""); err != nil {
		return fmt.Errorf("%w: %w", ErrNoHomeserver, err)
	}
	b.client.UserAgent = b.cfg.UserAgent
	b.client.Client = &http.Client{Transport: transport()}
	b.client.IgnoreRateLimit = true // the exact wait is in the body, see gate
	// mautrix logs contents at debug level: nobody wants those in a log by accident.
	b.client.Log = b.log
	if b.log.GetLevel() > zerolog.TraceLevel {
		b.client.Log = b.log.Level(max(b.log.GetLevel(), zerolog.InfoLevel))
	}
	b.syncer = mautrix.NewDefaultSyncer()
	b.client.Syncer = b.syncer
	if err = b.authenticate(ctx); err != nil {
		return err
	} else if err = b.db.Setting.Set(ctx, db.SettingMatrixUser, b.cfg.UserID.String()); err != nil {
		return err
	}
	b.nextTend = time.Now().Add(tendInterval)
	return b.initCrypto(ctx)
}

// checkOwner refuses a database that was filled for another account.
func (b *Manager) checkOwner(ctx context.Context) error {
	owner, err := b.db.Setting.Get(ctx, db.SettingMatrixUser)
	if err != nil {
		return err
	} else if owner != "" && owner != b.cfg.UserID.String() {
		return fmt.Errorf("%w: %s", ErrOtherUser, owner)
	}
	return nil
}

func (b *Manager) findHomeserver(ctx context.Context) (string, error) {
	if b.cfg.HomeserverURL != "" {
		return b.cfg.HomeserverURL, nil
	}
	server := b.cfg.UserID.Homeserver()
	wellKnown, err := mautrix.DiscoverClientAPI(ctx, server)
	if err != nil {
		return "", fmt.Errorf("%w: no .well-known of %s: %w", ErrNoHomeserver, server, err)
	} else if wellKnown == nil || wellKnown.Homeserver.BaseURL == "" {
		return "https://" + server, nil
	}
	return wellKnown.Homeserver.BaseURL, nil
}

func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	return t
}

// authenticate gets an access token that works: the one kept, the one configured, or a new one for the same device.
func (b *Manager) authenticate(ctx context.Context) error {
	if b.cfg.AccessToken != "" {
		err := b.useToken(ctx, b.cfg.AccessToken)
		if errors.Is(err, mautrix.MUnknownToken) {
			return fmt.Errorf("%w: %w", ErrBadToken, err)
		}
		return err
	}
	token, err := b.db.Setting.GetSecret(ctx, db.SettingMatrixToken)
	if err != nil {
		return err
	}
	if token != "" {
		err = b.useToken(ctx, token)
		if !errors.Is(err, mautrix.MUnknownToken) && !errors.Is(err, ErrTokenMismatch) {
			return err
		}
		b.log.Info().Msg("The kept access token is not valid any more, logging in again")
	}
	return b.loginWithPassword(ctx)
}

// useToken asks the homeserver whose token it is.
func (b *Manager) useToken(ctx context.Context, token string) error {
	ctx, cancel := b.request(ctx)
	defer cancel()
	b.client.AccessToken = token
	whoami, err := b.client.Whoami(ctx)
	if err != nil {
		return fmt.Errorf("failed to check the access token: %w", err)
	} else if whoami.UserID != b.cfg.UserID {
		return fmt.Errorf("%w: it is of %s", ErrTokenMismatch, whoami.UserID)
	} else if whoami.DeviceID == "" {
		return fmt.Errorf("%w: it is of no device, and encryption needs one", ErrTokenMismatch)
	}
	b.client.DeviceID = whoami.DeviceID
	known, err := b.db.Setting.Get(ctx, db.SettingDevice)
	if err != nil {
		return err
	} else if known != "" && known != whoami.DeviceID.String() {
		b.log.Info().Str("old_device", known).Stringer("device_id", whoami.DeviceID).Msg("The access token is of another device, beginning with new keys")
		if err = b.db.ForgetDevice(ctx); err != nil {
			return err
		}
	}
	return b.db.Setting.Set(ctx, db.SettingDevice, whoami.DeviceID.String())
}

func (b *Manager) loginWithPassword(ctx context.Context) error {
	ctx, cancel := b.request(ctx)
	defer cancel()
	device, err := b.db.Setting.Get(ctx, db.SettingDevice)
	if err != nil {
		return err
	}
	before := b.client.AccessToken
	b.client.AccessToken = ""
	resp, err := b.client.Login(ctx, &mautrix.ReqLogin{
		Type:                     mautrix.AuthTypePassword,
		Identifier:               mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: b.cfg.UserID.String()},
		Password:                 b.cfg.Password,
		DeviceID:                 id.DeviceID(device),
		InitialDeviceDisplayName: words.BotName,
		StoreCredentials:         true,
	})
	if err != nil {
		b.client.AccessToken = before // so that the next answer says again that it is not valid
	}
	if errors.Is(err, mautrix.MForbidden) {
		return fmt.Errorf("%w: %w", ErrBadPassword, err)
	} else if err != nil {
		return fmt.Errorf("failed to log in: %w", err)
	} else if resp.UserID != b.cfg.UserID {
		return fmt.Errorf("%w: the homeserver says %s", ErrTokenMismatch, resp.UserID)
	}
	b.cfg.OnLogin()
	return b.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := b.db.Setting.Set(ctx, db.SettingDevice, resp.DeviceID.String()); err != nil {
			return err
		}
		return b.db.Setting.SetSecret(ctx, db.SettingMatrixToken, resp.AccessToken)
	})
}

// LogInAgain gets a new access token for the same device after the homeserver has refused the one in use, as cause says, and
// maintains the device. No request may be under way meanwhile.
func (b *Manager) LogInAgain(ctx context.Context, cause error) error {
	b.log.Warn().Err(cause).Msg("Logging in again")
	err := b.loginWithPassword(ctx)
	if err == nil {
		b.Maintain(ctx) // the log-in may have made the device anew, without keys
	}
	if errors.Is(err, ErrBadPassword) || errors.Is(err, mautrix.MUserDeactivated) {
		return fmt.Errorf("%w: %w", ErrLoggedOut, err)
	}
	return err
}

// initCrypto loads the encryption keys of the device, or makes and publishes them at the first start.
func (b *Manager) initCrypto(ctx context.Context) (err error) {
	b.crypto, err = cryptohelper.NewCryptoHelper(b.client, b.db.PickleKey(), b.db.Database)
	if err != nil {
		return fmt.Errorf("failed to set up encryption: %w", err)
	}
	if err = b.crypto.Init(ctx); err != nil {
		var httpErr mautrix.HTTPError
		if errors.As(err, &httpErr) || db.IsDatabaseError(err) || isForeignSchema(err) || ctx.Err() != nil {
			return fmt.Errorf("failed to set up encryption: %w", err)
		}
		return fmt.Errorf("%w: %w", ErrDeviceLost, err)
	}
	b.client.Crypto = b.crypto
	b.RememberIdentity(ctx)
	return nil
}

// isForeignSchema reports whether the tables are not for this program to use: nothing is wrong with the keys in them.
func isForeignSchema(err error) bool {
	return errors.Is(err, dbutil.ErrUnsupportedDatabaseVersion) || errors.Is(err, dbutil.ErrNotOwned) || errors.Is(err, dbutil.ErrForeignTables)
}
