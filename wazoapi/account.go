package wazoapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/singleflight"
)

// Credentials are what a Wazo account logs in with. Username may also be a
// confirmed e-mail address; its case does not matter (docs/wazo.md, "Log in").
type Credentials struct {
	Username, Password string
}

// Token is an access token of wazo-auth, with what wazo-auth says about its
// account. The zero Token means that there is none.
type Token struct {
	Token       string
	ExpiresAt   time.Time // UTC, on this machine's clock
	UserUUID    UUID      // the author of what is posted with this token
	TenantUUID  UUID
	SessionUUID UUID
	Purpose     string // user, external_api or internal
	Admin       bool   // a tenant admin; its event stream shows the whole tenant (docs/wazo.md, "Who receives an event")
	// Login says what the token was obtained with: the log-in name, or
	// [RefreshGrant.Login]. A kept token of another log-in is not used.
	// "" (unknown) is accepted.
	Login string
}

// TokenStore keeps the token of one account over restarts, so that a start does
// not cost a session. An implementation must encrypt the token. One Account
// calls its store from one goroutine at a time, but for [Account.Logout].
type TokenStore interface {
	// LoadToken returns the kept token, or the zero Token if there is none.
	// After an error no log-in is tried; the next call of Account.Token loads
	// again.
	LoadToken(ctx context.Context) (Token, error)
	// SaveToken replaces the kept token; the zero Token removes it. An error is
	// logged and costs a session at the next start; only Account.Logout
	// returns it.
	SaveToken(ctx context.Context, token Token) error
}

// Account is one Wazo account. It is safe for concurrent use.
type Account struct {
	c     *Client
	log   zerolog.Logger
	cred  Credentials  // zero with a refresh grant
	grant RefreshGrant // zero with a password
	store TokenStore
	opts  AccountOptions // without the token, and without zeros

	obtaining singleflight.Group // one log-in serves all who wait for a token

	plugin atomic.Bool // the plugin is there, as far as is known

	mu      sync.Mutex // never held during a request
	token   Token      // the token in use, zero if there is none
	renewAt time.Time  // when it is replaced, if possible
	since   time.Time  // when it came into use
	loaded  bool       // the store has been read
	logins  loginBackoff
	ended   bool // it gets no token any more, see End
	listing bool // wazo-auth lists refresh tokens reliably, as far as is known
}

// AccountOptions are what may differ between the accounts of a [Client].
type AccountOptions struct {
	// QueueLength is how many events may wait for the handler of
	// [Account.Listen]; 0 is [StreamConfig.QueueLength].
	QueueLength int
	// TokenLife is the life asked for when logging in, in whole seconds; 0 is
	// [Config.TokenLife].
	TokenLife time.Duration
	// Token is an access token of the same log-in that is used first, instead of
	// the kept one; zero if there is none. It is not saved in the store.
	Token Token
}

// Account returns the account with the given credentials; it makes no request.
// A nil store keeps the token in memory only.
func (c *Client) Account(cred Credentials, store TokenStore) *Account {
	return c.newAccount(cred, RefreshGrant{}, store, AccountOptions{})
}

// AccountByRefresh returns the account that [Client.LogInOffline] logged in; it
// makes no request. A nil store keeps the access token in memory only, so that
// each start makes a session and announces it (docs/wazo.md, "Sessions and
// presence").
//
// When wazo-auth no longer accepts the grant, all methods that need a token return
// an error that is [ErrLogInEnded], even while an access token is still valid. It
// asks again when it is used 1 min later, and then ever more seldom, up to every
// 10 min: an account that was disabled may be enabled again.
func (c *Client) AccountByRefresh(grant RefreshGrant, store TokenStore, opts AccountOptions) *Account {
	return c.newAccount(Credentials{}, grant, store, opts)
}

func (c *Client) newAccount(cred Credentials, grant RefreshGrant, store TokenStore, opts AccountOptions) *Account {
	a := &Account{c: c, log: c.log, cred: cred, grant: grant, store: store, opts: opts, listing: true}
	if a.isByRefresh() {
		a.log = c.log.With().Str("client_id", grant.ClientID).Logger()
	}
	setDefault(&a.opts.QueueLength, c.cfg.Stream.QueueLength)
	setDefault(&a.opts.TokenLife, c.cfg.TokenLife)
	if token := opts.Token; token.Token != "" && a.hasSameLogin(token) {
		a.setToken(token)
		a.loaded = true
	}
	a.opts.Token = Token{}
	return a
}

// isByRefresh reports whether the account logs in with a refresh token.
func (a *Account) isByRefresh() bool { return a.grant != RefreshGrant{} }

// login is the Token.Login of the account's tokens.
func (a *Account) login() string {
	if a.isByRefresh() {
		return a.grant.Login()
	}
	return a.cred.Username
}

// Token returns a valid access token: the one in use, the one of the store if
// wazo-auth still knows it, or a new one. All concurrent callers share one
// log-in. A token that should be renewed, but cannot be, is returned as long as
// it is valid, unless the error is [ErrLogInEnded].
//
// After a failed log-in the same error is returned, without a request, for a
// time that grows with each failure: from 30 s to 1 h after a wrong password,
// from 1 to 10 min after a refused refresh token, from 1 to 15 min (or what the
// server asks for) if the account has too many sessions, from 5 to 15 s if nginx
// finds no wazo-auth, and from 5 s to 5 min otherwise. There is no such pause if
// the request was not sent. Only a person can repair a wrong password, and each
// attempt may cost one of 100 sessions (docs/wazo.md, "Session limit"). See
// [ErrLogInRefused] and those that follow it.
func (a *Account) Token(ctx context.Context) (Token, error) {
	if token, ok := a.current(); ok {
		return token, nil
	}
	// The log-in goes on without a caller that gives up: others wait for it,
	// and a session that nobody takes is lost. Its requests have time limits.
	detached := context.WithoutCancel(ctx)
	result := a.obtaining.DoChan("", func() (any, error) { return a.obtain(detached) })
	select {
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case r := <-result:
		if r.Err != nil {
			return Token{}, r.Err
		}
		return r.Val.(Token), nil
	}
}

// current returns the token in use if it need not be renewed.
func (a *Account) current() (Token, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.token, a.token.Token != "" && a.c.now().Before(a.renewAt)
}

// obtain gets a token from the store or by logging in. Only one runs at a time.
func (a *Account) obtain(ctx context.Context) (Token, error) {
	if token, ok := a.current(); ok {
		return token, nil // obtained while this caller was on its way
	}
	if token, ok, err := a.loadToken(ctx); err != nil || ok {
		return token, err
	}
	token, tried, err := a.logIn(ctx)
	if err != nil {
		return a.tokenDespite(err, tried)
	}
	a.saveToken(ctx, token)
	return token, nil
}

// loadToken takes the token of the store into use. It reads the store once, but
// again after an error of the store or of wazo-auth.
func (a *Account) loadToken(ctx context.Context) (Token, bool, error) {
	a.mu.Lock()
	loaded := a.loaded || a.store == nil
	a.mu.Unlock()
	if loaded {
		return Token{}, false, nil
	}
	token, err := a.store.LoadToken(ctx)
	if err != nil {
		return Token{}, false, fmt.Errorf("failed to load the Wazo token: %w", err)
	}
	usable := token.Token != "" && a.hasSameLogin(token) && token.ExpiresAt.Sub(a.c.now()) > renewalMargin(a.opts.TokenLife)
	if usable {
		if usable, err = a.c.isTokenKnown(ctx, token.Token); err != nil {
			return Token{}, false, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loaded = true
	if usable {
		a.setToken(token)
	}
	return token, usable, nil
}

func (a *Account) hasSameLogin(token Token) bool {
	return token.Login == "" || token.Login == a.login()
}

// logIn makes a new session and takes its token into use, if the
// back-off allows it. It reports whether it was tried.
func (a *Account) logIn(ctx context.Context) (token Token, tried bool, err error) {
	a.mu.Lock()
	blocked := a.logins.blocked(a.c.now())
	if a.ended {
		blocked = ErrLogInEnded
	}
	a.mu.Unlock()
	if blocked != nil {
		return Token{}, false, blocked
	}
	token, err = a.createToken(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended && err == nil { // meanwhile
		go a.giveBack(context.WithoutCancel(ctx), token)
		return Token{}, false, ErrLogInEnded
	} else if err != nil {
		a.logins.failed(a.c.now(), err)
		return Token{}, true, err
	}
	if a.logins.err != nil {
		a.log.Info().Msg("Logged in to Wazo again")
	}
	a.logins.succeeded()
	a.setToken(token)
	return token, true, nil
}

// createToken makes a new session.
func (a *Account) createToken(ctx context.Context) (Token, error) {
	cred, wanted := &a.cred, tokenRequest{}
	if a.isByRefresh() {
		cred, wanted = nil, tokenRequest{RefreshToken: a.grant.Token, ClientID: a.grant.ClientID}
	}
	token, _, err := a.c.createToken(ctx, cred, wanted, a.opts.TokenLife)
	token.Login = a.login()
	return token, err
}

// setToken takes a token into use; the caller holds a.mu.
func (a *Account) setToken(token Token) {
	a.token = token
	a.since = a.c.now()
	// The server may have given the token a shorter life than was asked for.
	life := min(a.opts.TokenLife, token.ExpiresAt.Sub(a.since))
	a.renewAt = token.ExpiresAt.Add(-renewalMargin(life))
}

// renewalMargin is how long before its end a token with this life is renewed:
// long enough to live through an outage of wazo-auth.
func renewalMargin(life time.Duration) time.Duration { return life / 6 }

// tokenDespite returns the token in use if it is still valid, although it could
// not be renewed because of err; otherwise it returns err. It returns err also if
// the log-in has ended: its owner took it back, which counts at once. It logs once
// for each log-in that was tried, and not for each caller.
func (a *Account) tokenDespite(err error, tried bool) (Token, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token.Token == "" || !a.c.now().Before(a.token.ExpiresAt) || errors.Is(err, ErrLogInEnded) {
		return Token{}, err
	}
	if tried {
		a.log.Warn().Err(err).Time("expires_at", a.token.ExpiresAt).Msg("Failed to renew Wazo token")
	}
	return a.token, nil
}

// saveToken keeps the token. A store that fails costs one session at the next
// start, which is no reason not to go on.
func (a *Account) saveToken(ctx context.Context, token Token) {
	if a.store == nil {
		return
	}
	if err := a.store.SaveToken(ctx, token); err != nil {
		a.log.Err(err).Msg("Failed to save Wazo token")
	}
}

// replaceToken gives up a token that a service rejected, unless that happened
// already, and returns another.
func (a *Account) replaceToken(ctx context.Context, old Token, rejection error) (Token, error) {
	a.mu.Lock()
	if a.token.Token == old.Token {
		a.logins.tokenRejected(a.c.now(), a.since, rejection)
		a.token = Token{}
	}
	a.mu.Unlock()
	return a.Token(ctx)
}

// renewEarly makes the next call of Token renew the token of a session that is
// about to end.
func (a *Account) renewEarly(session UUID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token.Token != "" && a.token.SessionUUID == session {
		a.renewAt = time.Time{}
	}
}

// giveBack revokes a token that nobody uses.
func (a *Account) giveBack(ctx context.Context, token Token) {
	if err := a.c.deleteToken(ctx, token.Token); err != nil {
		a.log.Warn().Err(err).Msg("Failed to end a session on Wazo")
	}
}

// End is [Account.Logout] of an account that is not used any more, also not by those
// who use it at this moment: wazo-auth may keep the refresh token, so they could make
// another session. From then on the error of all methods that need a token is
// [ErrLogInEnded].
func (a *Account) End(ctx context.Context) error {
	a.mu.Lock()
	a.ended = true
	a.mu.Unlock()
	return a.Logout(ctx)
}

// Logout revokes the token and removes it from the store. It succeeds if there
// is no token. After an error of wazo-auth the token stays in the store. The
// account stays usable, and its next use logs in again, see [Account.End]. A refresh
// token stays valid, see [Account.RevokeRefresh].
func (a *Account) Logout(ctx context.Context) error {
	token, err := a.forget(ctx)
	if err != nil {
		return err
	}
	if token.Token != "" {
		if err = a.c.deleteToken(ctx, token.Token); err != nil {
			return err
		}
	}
	if a.store == nil {
		return nil
	}
	if err = a.store.SaveToken(ctx, Token{}); err != nil {
		return fmt.Errorf("failed to remove the Wazo token: %w", err)
	}
	return nil
}

// forget takes the token out of use and returns it, or the one of the store.
func (a *Account) forget(ctx context.Context) (Token, error) {
	a.mu.Lock()
	token := a.token
	a.token = Token{}
	a.loaded = true
	a.mu.Unlock()
	if token.Token != "" || a.store == nil {
		return token, nil
	}
	token, err := a.store.LoadToken(ctx)
	if err != nil {
		return Token{}, fmt.Errorf("failed to load the Wazo token: %w", err)
	}
	return token, nil
}
