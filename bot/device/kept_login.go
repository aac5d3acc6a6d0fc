package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/session"
	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// keptLogin is a log-in as the database keeps it, sealed. There are three kinds: by a password without refresh token,
// by a password with one, and by an OAuth 2.0 provider. Earlier versions knew only the first one, which still has a
// setting of its own.
type keptLogin struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"` // "": the access token does not expire
	ExpiresAt    int64  `json:"expires_at,omitempty"`    // in milliseconds since 1970, by the clock of this machine; 0: not known
	Life         int64  `json:"life,omitempty"`          // of the access token, in milliseconds
	Issuer       string `json:"issuer,omitempty"`        // of the OAuth 2.0 provider; "": the log-in was made with a password
	ClientID     string `json:"client_id,omitempty"`     // by which the provider knows the relay
	Ended        bool   `json:"ended,omitempty"`         // the tokens are refused for good
}

// isOAuth reports whether the log-in was made by an OAuth 2.0 provider.
func (k keptLogin) isOAuth() bool { return k.ClientID != "" }

// tokens returns the tokens of the log-in.
func (k keptLogin) tokens() session.Tokens {
	tokens := session.Tokens{Access: k.AccessToken, Refresh: k.RefreshToken, Life: time.Duration(k.Life) * time.Millisecond}
	if k.ExpiresAt > 0 {
		tokens.Expires = time.UnixMilli(k.ExpiresAt)
	}
	return tokens
}

// withTokens returns the log-in with other tokens.
func (k keptLogin) withTokens(tokens session.Tokens) keptLogin {
	k.AccessToken, k.RefreshToken, k.ExpiresAt, k.Life = tokens.Access, tokens.Refresh, 0, tokens.Life.Milliseconds()
	if !tokens.Expires.IsZero() {
		k.ExpiresAt = tokens.Expires.UnixMilli()
	}
	return k
}

// readLogin returns the log-in that the database keeps. It has no access token if there is none.
func readLogin(ctx context.Context, database *db.Database) (kept keptLogin, err error) {
	text, err := database.Setting.GetSecret(ctx, db.SettingMatrixLogin)
	if err != nil {
		return kept, err
	} else if text == "" {
		kept.AccessToken, err = database.Setting.GetSecret(ctx, db.SettingMatrixToken)
		return kept, err
	}
	if err = json.Unmarshal([]byte(text), &kept); err != nil {
		return kept, fmt.Errorf("failed to parse the kept log-in: %w", err)
	}
	return kept, nil
}

// writeLogin keeps a log-in.
func writeLogin(ctx context.Context, database *db.Database, kept keptLogin) error {
	text, plain := "", kept.AccessToken
	if kept.RefreshToken != "" || kept.isOAuth() {
		encoded, err := json.Marshal(kept)
		if err != nil {
			return fmt.Errorf("failed to encode the log-in: %w", err)
		}
		text, plain = string(encoded), "" // an earlier version could not renew it
	}
	return database.DoTxn(ctx, func(ctx context.Context) error {
		if err := database.Setting.SetSecret(ctx, db.SettingMatrixToken, plain); err != nil {
			return err
		}
		return database.Setting.SetSecret(ctx, db.SettingMatrixLogin, text)
	})
}

// renewal renews the tokens of a log-in for its session.
type renewal struct {
	m     *Manager
	login keptLogin
}

var _ session.Backend = (*renewal)(nil)

// Renew implements session.Backend.
func (r *renewal) Renew(ctx context.Context, refreshToken string) (session.Tokens, error) {
	if r.login.isOAuth() {
		provider, err := r.m.provider(ctx)
		if err != nil {
			return session.Tokens{}, err
		}
		return provider.Refresh(ctx, r.login.ClientID, refreshToken)
	}
	return r.m.refreshAtHomeserver(ctx, refreshToken)
}

// Store implements session.Backend.
func (r *renewal) Store(ctx context.Context, tokens session.Tokens) error {
	renewed := r.login.withTokens(tokens)
	if err := writeLogin(ctx, r.m.db, renewed); err != nil {
		return err
	}
	r.login = renewed
	return nil
}

// End implements session.Backend. The client id stays: the next log-in can use it again.
func (r *renewal) End(ctx context.Context) error {
	r.login.Ended = true
	return writeLogin(ctx, r.m.db, r.login)
}

// refreshAtHomeserver gets new tokens for a log-in by password (client-server API, "Refreshing access tokens").
func (m *Manager) refreshAtHomeserver(ctx context.Context, refreshToken string) (tokens session.Tokens, err error) {
	client, err := m.plainClient()
	if err != nil {
		return tokens, err
	}
	var resp mautrix.RespLogin // has the same fields
	asked := time.Now()
	_, err = client.MakeFullRequest(ctx, mautrix.FullRequest{
		Method: "POST", URL: client.BuildClientURL("v3", "refresh"), SensitiveContent: true,
		RequestJSON: map[string]string{"refresh_token": refreshToken}, ResponseJSON: &resp,
	})
	switch {
	case errors.Is(err, mautrix.MUnknownToken), errors.Is(err, mautrix.MForbidden), errors.Is(err, mautrix.MUserDeactivated), errors.Is(err, mautrix.MUnrecognized):
		return tokens, fmt.Errorf("%w: the homeserver refuses to renew it: %w", session.ErrEnded, err)
	case err != nil:
		return tokens, fmt.Errorf("failed to renew the log-in: %w", err)
	case resp.AccessToken == "":
		return tokens, errors.New("the homeserver's answer has no access token")
	}
	return session.New(resp.AccessToken, resp.RefreshToken, asked, time.Duration(resp.ExpiresInMS)*time.Millisecond), nil
}

// resume goes on with a log-in that was kept. It returns session.ErrEnded, mautrix.MUnknownToken or ErrTokenMismatch,
// wrapped, if that is not possible.
func (m *Manager) resume(ctx context.Context, kept keptLogin) error {
	if kept.Ended {
		return session.ErrEnded
	}
	m.openSession(kept)
	if err := m.useToken(ctx, kept.AccessToken); err != nil || m.session == nil {
		return err
	}
	// In an older copy of the database, the access token may still be valid although its refresh token was used since.
	ctx, cancel := m.request(ctx)
	defer cancel()
	return m.session.Settled(ctx)
}

// openSession lets the requests of the client use a log-in. Without refresh token, they carry the access token of the
// client itself.
func (m *Manager) openSession(kept keptLogin) {
	m.login = kept
	m.noteLogIn(kept)
	m.session = nil
	if kept.RefreshToken != "" {
		m.session = session.Open(kept.tokens(), &renewal{m, kept}, m.log)
	}
	m.transport.session.Store(m.session)
}

// LogInTrouble says in English why the log-in cannot be used, or "" if it can, as far as is known. It may be called at
// any time after Prepare.
func (m *Manager) LogInTrouble() string {
	s := m.transport.session.Load()
	if s == nil {
		return ""
	}
	switch err := s.Trouble(); {
	case err == nil:
		return ""
	case errors.Is(err, session.ErrEnded):
		return string(words.MatrixLogInEnded)
	default:
		return string(words.MatrixLogInNotRenewed)
	}
}

// Close waits until no tokens are being renewed, and lets nobody renew them any more. The database may be closed
// afterwards.
func (m *Manager) Close() {
	if m.session != nil {
		m.session.Close()
	}
}

// keepPasswordLogin keeps what a log-in with the password has brought, and uses it.
func (m *Manager) keepPasswordLogin(ctx context.Context, resp *mautrix.RespLogin, asked time.Time) error {
	tokens := session.New(resp.AccessToken, resp.RefreshToken, asked, time.Duration(resp.ExpiresInMS)*time.Millisecond)
	kept := keptLogin{}.withTokens(tokens)
	m.Close() // or the transfer of a file, which goes on meanwhile, might renew the log-in before this one, and store that
	err := m.db.DoTxn(ctx, func(ctx context.Context) error {
		return errors.Join(m.setDevice(ctx, resp.DeviceID), writeLogin(ctx, m.db, kept))
	})
	if err == nil {
		m.openSession(kept)
	}
	return err
}

func (m *Manager) setDevice(ctx context.Context, device id.DeviceID) error {
	return m.db.Setting.Set(ctx, db.SettingDevice, device.String())
}
