package device

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/util/random"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/oauth"
)

// provider finds the OAuth 2.0 provider of the homeserver. It is looked for each time: its addresses may change.
func (m *Manager) provider(ctx context.Context) (*oauth.Provider, error) {
	return oauth.Discover(ctx, oauth.Config{
		HomeserverURL: m.client.HomeserverURL.String(), UserAgent: m.cfg.UserAgent, ClientURI: m.cfg.ClientURI, Transport: m.transport.Transport,
	})
}

// Authorization is a log-in that waits for the approval of the account's owner, in a browser.
type Authorization struct {
	*oauth.Grant

	m        *Manager
	provider *oauth.Provider
	kept     keptLogin
}

// BeginLogIn begins a log-in by the homeserver's OAuth 2.0 provider, for a new device. It changes nothing yet.
//
// It returns ErrOtherUser, ErrNoHomeserver, or the errors of package oauth.
func (m *Manager) BeginLogIn(ctx context.Context) (*Authorization, error) {
	if err := m.checkOwner(ctx); err != nil {
		return nil, err
	}
	address, err := m.findHomeserver(ctx)
	if err != nil {
		return nil, err
	} else if err = m.makeClient(address); err != nil {
		return nil, err
	}
	ctx, cancel := m.request(ctx)
	defer cancel()
	provider, err := m.provider(ctx)
	if err != nil {
		return nil, err
	}
	before, err := readLogin(ctx, m.db)
	if err != nil {
		return nil, err
	}
	a := &Authorization{m: m, provider: provider, kept: keptLogin{Issuer: provider.Issuer()}}
	if before.Issuer == provider.Issuer() {
		a.kept.ClientID = before.ClientID // a client should register once (MSC2966)
	}
	return a, a.begin(ctx)
}

// begin registers the relay, if that is necessary, and asks for the code that the owner enters.
func (a *Authorization) begin(ctx context.Context) (err error) {
	// A new device for each log-in: what others know of an old one belongs to keys that may be lost.
	device := id.DeviceID(strings.ToUpper(random.String(10)))
	known := a.kept.ClientID != ""
	if !known {
		if a.kept.ClientID, err = a.provider.Register(ctx); err != nil {
			return err
		}
	}
	a.Grant, err = a.provider.Begin(ctx, a.kept.ClientID, a.m.cfg.UserID, device)
	if known && errors.Is(err, oauth.ErrUnknownClient) {
		a.kept.ClientID = ""
		return a.begin(ctx)
	}
	return err
}

// Complete waits for the approval, keeps the log-in, and logs the bot in with it, on a new device. The log-in before
// it, if there was one, is ended. It returns the errors of oauth.Grant.Await, ErrTokenMismatch, wrapped, if somebody
// else has approved, and those of Login. In the first two cases nothing has changed.
func (a *Authorization) Complete(ctx context.Context) (id.DeviceID, error) {
	tokens, err := a.Await(ctx)
	if err != nil {
		return "", err
	}
	a.kept = a.kept.withTokens(tokens)
	device, err := a.whoami(ctx)
	if err != nil {
		return "", errors.Join(err, a.provider.Revoke(ctx, a.kept.ClientID, tokens.Refresh))
	}
	endOld := a.m.leaveOldLogin(ctx)
	err = a.m.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := a.m.db.ForgetDevice(ctx); err != nil {
			return err
		}
		return errors.Join(a.m.setDevice(ctx, device), writeLogin(ctx, a.m.db, a.kept))
	})
	if err != nil {
		return "", errors.Join(err, a.provider.Revoke(ctx, a.kept.ClientID, tokens.Refresh))
	}
	endOld()
	fresh := a.m.withoutPassword()
	defer fresh.Close()
	return device, fresh.Login(ctx) // publishes the keys, so that others encrypt for the device from now on
}

// whoami asks the homeserver for whom the log-in is, and on which device.
func (a *Authorization) whoami(ctx context.Context) (id.DeviceID, error) {
	client, err := a.m.plainClient()
	if err != nil {
		return "", err
	}
	client.AccessToken = a.kept.AccessToken
	whoami, err := client.Whoami(ctx)
	switch {
	case err != nil:
		return "", fmt.Errorf("failed to check the access token: %w", err)
	case whoami.DeviceID == "":
		return "", fmt.Errorf("%w: it is of no device, and encryption needs one", ErrTokenMismatch)
	}
	return whoami.DeviceID, a.m.checkLogin(whoami.UserID)
}

// withoutPassword returns a manager of the same database that uses nothing but the kept log-in.
func (m *Manager) withoutPassword() *Manager {
	cfg := m.cfg
	cfg.Password, cfg.AccessToken = "", ""
	return New(cfg, m.db, m.log)
}

// leaveOldLogin receives the room keys that wait for the device of the kept log-in, as far as that still works, and
// returns what ends that log-in. All of it is best effort: the log-in may have ended long ago.
func (m *Manager) leaveOldLogin(ctx context.Context) (end func()) {
	old := m.withoutPassword()
	switch err := old.Login(ctx); {
	case err == nil:
		old.receiveLastKeys(ctx)
	case !errors.Is(err, ErrDeviceLost):
		m.log.Debug().Err(err).Msg("There is no log-in to replace")
		return old.Close
	}
	old.Close()
	return func() {
		var err error
		if old.login.isOAuth() {
			err = old.endOAuth(ctx)
		} else {
			ctx, cancel := old.request(ctx)
			defer cancel()
			_, err = old.client.Logout(ctx)
		}
		if err != nil {
			m.log.Warn().Err(err).Stringer("device_id", old.client.DeviceID).Msg("Failed to log the old device out")
		}
	}
}

// endOAuth ends the log-in at the provider. Its session must not be used any more.
func (m *Manager) endOAuth(ctx context.Context) error {
	ctx, cancel := m.request(ctx)
	defer cancel()
	provider, err := m.provider(ctx)
	if err != nil {
		return err
	}
	return provider.Revoke(ctx, m.login.ClientID, m.session.RefreshToken())
}

// ResetError is an error whose remedy is that the account's identity is replaced. On the page at its address, the
// account's owner approves that.
type ResetError struct {
	Address string
	Err     error
}

// Error implements error.
func (e *ResetError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *ResetError) Unwrap() error { return e.Err }

// withResetAddress adds to an error of signing the address at which a new identity is approved, if there is one.
func (m *Manager) withResetAddress(ctx context.Context, err error) error {
	if address := m.resetAddress(ctx); address != "" {
		return &ResetError{address, err}
	}
	return err
}

// resetAddress returns the address at which the account's owner approves a new identity, "" if log-in is not left to an
// OAuth 2.0 provider, or if that does not say.
func (m *Manager) resetAddress(ctx context.Context) string {
	if !m.login.isOAuth() {
		return ""
	}
	ctx, cancel := m.request(ctx)
	defer cancel()
	provider, err := m.provider(ctx)
	if err != nil {
		return "" // the address only helps
	}
	return provider.ResetAddress()
}

// stageReset is what m.oauth was called before the specification had it (MSC4312).
const stageReset mautrix.AuthType = "org.matrix.cross_signing_reset"

// approvalAddress returns the address at which the account's owner approves what a homeserver has refused
// (client-server API, "OAuth authentication" of the User-Interactive Authentication API), "" if it wants another proof.
func approvalAddress(asked *mautrix.RespUserInteractive) string {
	for _, stage := range []mautrix.AuthType{mautrix.AuthTypeOAuth, stageReset} {
		params, _ := asked.Params[stage].(map[string]any)
		if address, _ := params["url"].(string); address != "" && asked.HasSingleStageFlow(stage) {
			return address
		}
	}
	return ""
}
