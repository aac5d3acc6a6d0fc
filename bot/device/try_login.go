package device

import (
	"context"
	"errors"
	"fmt"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// TryLogin finds out whether the configured password or access token works. It uses no database: another process may be
// using it, and the token in it would hide that the password is wrong. With a password it logs in on a device of its
// own, and logs that out again. A log-in of BeginLogIn is only in the database: without password and access token there
// is nothing to try.
//
// It returns ErrNoHomeserver, ErrBadPassword, ErrNoPasswordLogin, ErrBadToken or ErrTokenMismatch, wrapped, or another
// error if the homeserver fails.
func (m *Manager) TryLogin(ctx context.Context) error {
	trial := New(m.cfg, nil, m.log)
	url, err := trial.findHomeserver(ctx)
	if err != nil {
		return err
	} else if err = trial.makeClient(url); err != nil {
		return err
	}
	switch {
	case m.cfg.AccessToken != "":
		return trial.tryToken(ctx)
	case m.cfg.Password == "":
		return nil
	}
	resp, err := trial.logInWhenAllowed(ctx, trial.passwordLogin("", words.BotName+" (check)"))
	if err != nil {
		return trial.loginError(ctx, err)
	}
	ctx, cancel := trial.request(ctx)
	defer cancel()
	if _, err = trial.client.Logout(ctx); err != nil {
		return fmt.Errorf("failed to log out again: %w", err)
	}
	return m.checkLogin(resp.UserID)
}

// tryToken asks the homeserver whose the configured access token is.
func (m *Manager) tryToken(ctx context.Context) error {
	ctx, cancel := m.request(ctx)
	defer cancel()
	m.client.AccessToken = m.cfg.AccessToken
	whoami, err := m.client.Whoami(ctx)
	switch {
	case errors.Is(err, mautrix.MUnknownToken):
		return fmt.Errorf("%w: %w", ErrBadToken, err)
	case err != nil:
		return fmt.Errorf("failed to check the access token: %w", err)
	case whoami.DeviceID == "":
		return fmt.Errorf("%w: it is of no device, and encryption needs one", ErrTokenMismatch)
	}
	return m.checkLogin(whoami.UserID)
}

// checkLogin refuses a log-in of another account.
func (m *Manager) checkLogin(user id.UserID) error {
	if user != m.cfg.UserID {
		return fmt.Errorf("%w: the homeserver says %s", ErrTokenMismatch, user)
	}
	return nil
}

// passwordLogin is the request by which the bot logs in with its password, on a device that is known or (device is "")
// a new one.
func (m *Manager) passwordLogin(device id.DeviceID, name string) *mautrix.ReqLogin {
	return &mautrix.ReqLogin{
		Type:                     mautrix.AuthTypePassword,
		Identifier:               mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: m.cfg.UserID.String()},
		Password:                 m.cfg.Password,
		DeviceID:                 device,
		InitialDeviceDisplayName: name,
		StoreCredentials:         true,
	}
}

// loginError says why a log-in with the password failed. A homeserver may refuse all passwords, with various errors, so
// it is asked whether it does.
func (m *Manager) loginError(ctx context.Context, err error) error {
	ctx, cancel := m.request(ctx)
	defer cancel()
	if flows, flowsErr := m.client.GetLoginFlows(ctx); flowsErr == nil && !flows.HasFlow(mautrix.AuthTypePassword) {
		return fmt.Errorf("%w: %w", ErrNoPasswordLogin, err)
	} else if errors.Is(err, mautrix.MForbidden) {
		return fmt.Errorf("%w: %w", ErrBadPassword, err)
	}
	return fmt.Errorf("failed to log in: %w", err)
}
