package wazoapi

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Check asks wazo-auth whether the account can go on: its token must be known,
// and its last log-in must not have failed. It is one cheap request, and finds
// what nobody else would notice as long as the token is valid: a password that
// was changed, or that wazo-auth is away. With a refresh token it makes a second
// request, to find that this was revoked; then the error is [ErrLogInEnded].
func (a *Account) Check(ctx context.Context) error {
	token, err := a.Token(ctx)
	if err != nil {
		return err
	}
	if err = a.c.checkToken(ctx, token.Token, ""); isStatus(err, http.StatusNotFound) {
		_, err = a.replaceToken(ctx, token, err)
	}
	if err == nil && a.isByRefresh() {
		err = a.checkGrant(ctx)
	}
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.logins.err
}

// checkGrant logs in anew if wazo-auth does not list the refresh token any more:
// only a log-in tells for certain. The access tokens that were made from it would
// go on working (docs/wazo.md, "Refresh tokens").
func (a *Account) checkGrant(ctx context.Context) error {
	a.mu.Lock()
	reliable := a.listing
	a.mu.Unlock()
	if !reliable {
		return nil
	}
	listed, err := a.RefreshTokens(ctx)
	if err != nil && !isStatus(err, http.StatusNotFound) { // the account itself may be gone
		return unlessForbidden(err)
	}
	if slices.ContainsFunc(listed, func(t RefreshToken) bool { return t.ClientID == a.grant.ClientID }) {
		return nil
	}
	a.mu.Lock()
	a.renewAt = time.Time{}
	a.mu.Unlock()
	_, err = a.Token(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listing = a.logins.err != nil // a session for each check would be too many
	return err
}
