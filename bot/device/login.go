package device

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/session"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Login finds the homeserver, logs in, and loads the encryption keys of the device or makes them at the first start. It
// repairs nothing and does not sign the device, see Prepare.
//
// It returns ErrOtherUser, ErrNoHomeserver, ErrBadPassword, ErrNoPasswordLogin, ErrBadToken, ErrTokenMismatch,
// ErrNotLoggedIn, ErrLoggedOut or ErrDeviceLost, wrapped, or another error if the homeserver or the database fails.
func (m *Manager) Login(ctx context.Context) error {
	m.Close() // two sessions would use the same refresh token
	if err := m.checkOwner(ctx); err != nil {
		return err
	}
	url, err := m.findHomeserver(ctx)
	if err != nil {
		return err
	}
	if err = m.makeClient(url); err != nil {
		return err
	} else if err = m.authenticate(ctx); err != nil {
		return err
	} else if err = m.db.Setting.Set(ctx, db.SettingMatrixUser, m.cfg.UserID.String()); err != nil {
		return err
	}
	m.nextMaintenance = time.Now().Add(maintenanceInterval)
	return m.initCrypto(ctx)
}

// checkOwner refuses a database that was filled for another account.
func (m *Manager) checkOwner(ctx context.Context) error {
	owner, err := m.db.Setting.Get(ctx, db.SettingMatrixUser)
	if err != nil {
		return err
	} else if owner != "" && owner != m.cfg.UserID.String() {
		return fmt.Errorf("%w: %s", ErrOtherUser, owner)
	}
	return nil
}

func (m *Manager) findHomeserver(ctx context.Context) (string, error) {
	if m.cfg.HomeserverURL != "" {
		return m.cfg.HomeserverURL, nil
	}
	server := m.cfg.UserID.Homeserver()
	wellKnown, err := mautrix.DiscoverClientAPI(ctx, server)
	if err != nil {
		return "", fmt.Errorf("%w: no .well-known of %s: %w", ErrNoHomeserver, server, err)
	} else if wellKnown == nil || wellKnown.Homeserver.BaseURL == "" {
		return "https://" + server, nil
	}
	return wellKnown.Homeserver.BaseURL, nil
}

// makeClient makes a client that is not logged in yet.
func (m *Manager) makeClient(url string) (err error) {
	if m.client, err = mautrix.NewClient(url, m.cfg.UserID, ""); err != nil {
		return fmt.Errorf("%w: %w", ErrNoHomeserver, err)
	}
	m.client.UserAgent = m.cfg.UserAgent
	m.transport = newTransport(m.secureShownKeys, m.cfg.Connection)
	m.client.Client = &http.Client{Transport: m.transport}
	if m.cfg.Transport != nil {
		m.client.Client.Transport = m.cfg.Transport(m.transport)
	}
	m.client.IgnoreRateLimit = true // the bot waits by itself: the exact time is in the body of the answer
	m.client.Log = quieted(m.log)
	m.client.ResponseHook = withoutQuery
	m.syncer = mautrix.NewDefaultSyncer()
	m.client.Syncer = m.syncer
	return nil
}

// authenticate gets an access token that works: the configured one, that of the kept log-in, or one of a new log-in for
// the same device. Keeping it matters because homeservers scope transaction ids to it (docs/matrix.md, "Log in").
func (m *Manager) authenticate(ctx context.Context) error {
	kept, err := readLogin(ctx, m.db)
	if err != nil {
		return err
	}
	if m.cfg.AccessToken != "" {
		if kept.isOAuth() {
			m.log.Warn().Msg("The log-in of the command login is not used, because MATRIX_ACCESS_TOKEN is set")
		}
		m.openSession(keptLogin{})
		err = m.useToken(ctx, m.cfg.AccessToken)
		if errors.Is(err, mautrix.MUnknownToken) {
			return fmt.Errorf("%w: %w", ErrBadToken, err)
		}
		return err
	}
	if kept.AccessToken != "" {
		err = m.resume(ctx, kept)
		if !isOver(err) {
			return err
		}
	}
	switch {
	case m.cfg.Password == "" && kept.AccessToken == "":
		return ErrNotLoggedIn
	case m.cfg.Password == "":
		return fmt.Errorf("%w: %w", ErrLoggedOut, err)
	case kept.AccessToken != "":
		m.log.Info().Err(err).Msg("The kept log-in is not valid any more, logging in with the password")
	}
	return m.loginWithPassword(ctx)
}

// isOver reports whether an error says that a kept log-in can never be used again.
func isOver(err error) bool {
	return errors.Is(err, mautrix.MUnknownToken) || errors.Is(err, ErrTokenMismatch) || errors.Is(err, session.ErrEnded)
}

// useToken asks the homeserver whose access token it is, and uses it if it belongs to a device of the bot. The keys of
// another device than the known one are forgotten. It returns ErrTokenMismatch if the token cannot be used.
func (m *Manager) useToken(ctx context.Context, token string) error {
	ctx, cancel := m.request(ctx)
	defer cancel()
	m.client.AccessToken = token
	whoami, err := m.client.Whoami(ctx)
	if err != nil {
		return fmt.Errorf("failed to check the access token: %w", err)
	} else if whoami.UserID != m.cfg.UserID {
		return fmt.Errorf("%w: it is of %s", ErrTokenMismatch, whoami.UserID)
	} else if whoami.DeviceID == "" {
		return fmt.Errorf("%w: it is of no device, and encryption needs one", ErrTokenMismatch)
	}
	m.client.DeviceID = whoami.DeviceID
	known, err := m.db.Setting.Get(ctx, db.SettingDevice)
	if err != nil {
		return err
	} else if known != "" && known != whoami.DeviceID.String() {
		m.log.Info().Str("old_device", known).Stringer("device_id", whoami.DeviceID).Msg("The access token is of another device, beginning with new keys")
		if err = m.db.ForgetDevice(ctx); err != nil {
			return err
		}
	}
	return m.setDevice(ctx, whoami.DeviceID)
}

// loginWithPassword gets a new access token for the known device, or makes a device if none is known, and stores both.
// It waits while the homeserver limits log-ins. It returns ErrBadPassword if the homeserver refuses the password, and
// ErrNoPasswordLogin if it refuses all.
func (m *Manager) loginWithPassword(ctx context.Context) error {
	known, err := m.db.Setting.Get(ctx, db.SettingDevice)
	if err != nil {
		return err
	}
	before := m.client.AccessToken
	m.client.AccessToken = ""
	request := m.passwordLogin(id.DeviceID(known), words.BotName)
	request.RefreshToken = true // homeservers that offer none ignore it
	asked := time.Now()
	resp, err := m.logInWhenAllowed(ctx, request)
	if err != nil {
		err = m.loginError(ctx, err)
		m.client.AccessToken = before // so that the next answer says again that it is not valid
		return err
	} else if err = m.checkLogin(resp.UserID); err != nil {
		return err
	}
	m.cfg.OnLogin()
	return m.keepPasswordLogin(ctx, resp, asked)
}

// LogInAgain gets a new access token for the same device after the homeserver has refused the one in use, and then
// maintains the device. cause is the error of that refusal. There must be a password, and no request may be under way
// meanwhile.
//
// It returns ErrLoggedOut, wrapped, if only an administrator can help. After any other error it may be called again.
func (m *Manager) LogInAgain(ctx context.Context, cause error) error {
	m.log.Warn().Err(cause).Msg("Logging in again")
	err := m.loginWithPassword(ctx)
	if err == nil {
		m.log.Info().Msg("Logged in again")
		m.Maintain(ctx) // the homeserver may have made the device anew, without keys
	}
	if errors.Is(err, ErrBadPassword) || errors.Is(err, ErrNoPasswordLogin) || errors.Is(err, mautrix.MUserDeactivated) {
		return fmt.Errorf("%w: %w", ErrLoggedOut, err)
	}
	return err
}

// initCrypto loads the encryption keys of the device, or makes and publishes them at the first start. It returns
// ErrDeviceLost if the keys cannot be used (docs/matrix.md, "Own device").
func (m *Manager) initCrypto(ctx context.Context) (err error) {
	m.crypto, err = cryptohelper.NewCryptoHelper(m.client, m.db.PickleKey(), m.db.Database)
	if err != nil {
		return fmt.Errorf("failed to set up encryption: %w", err)
	}
	if err = m.crypto.Init(ctx); err != nil {
		var httpErr mautrix.HTTPError
		if errors.As(err, &httpErr) || db.IsDatabaseError(err) || isForeignSchema(err) || ctx.Err() != nil {
			return fmt.Errorf("failed to set up encryption: %w", err)
		}
		return fmt.Errorf("%w: %w", ErrDeviceLost, err)
	}
	m.client.Crypto = m.crypto
	m.CacheIdentity(ctx)
	return nil
}

// isForeignSchema reports whether the tables of the crypto store belong to another program or to a newer version of it.
// Then nothing is wrong with the keys in them.
func isForeignSchema(err error) bool {
	return errors.Is(err, dbutil.ErrUnsupportedDatabaseVersion) || errors.Is(err, dbutil.ErrNotOwned) || errors.Is(err, dbutil.ErrForeignTables)
}
