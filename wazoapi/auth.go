package wazoapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// tokenAnswer is what POST /token returns, as far as it is used
// (docs/wazo.md, "Log in"). issued_at and expires_at are left out: they are in
// the server's local time, without its offset.
type tokenAnswer struct {
	Data struct {
		Token       string   `json:"token"`
		AuthID      UUID     `json:"auth_id"`
		SessionUUID UUID     `json:"session_uuid"`
		Refresh     string   `json:"refresh_token"` // only of an offline log-in
		IssuedAt    wazoTime `json:"utc_issued_at"`
		ExpiresAt   wazoTime `json:"utc_expires_at"`
		Metadata    struct {
			UUID       UUID   `json:"uuid"`
			TenantUUID UUID   `json:"tenant_uuid"`
			Purpose    string `json:"purpose"`
			Admin      bool   `json:"admin"`
		} `json:"metadata"`
	} `json:"data"`
}

// tokenRequest is the body of POST /token (docs/wazo.md, "Log in").
type tokenRequest struct {
	Expiration   int64  `json:"expiration"` // seconds
	AccessType   string `json:"access_type,omitempty"`
	ClientID     string `json:"client_id,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Domain       string `json:"domain_name,omitempty"`
}

// createToken logs in, with cred or else with the refresh token of wanted, which
// makes a new session. It returns the refresh token too, if one was asked for.
// Wazo-Session-Type is never sent: a mobile session would end the user's real
// ones (docs/wazo.md, "Sessions and presence").
func (c *Client) createToken(ctx context.Context, cred *Credentials, wanted tokenRequest, life time.Duration) (Token, string, error) {
	before := c.now()
	wanted.Expiration = max(1, int64(life/time.Second))
	r := request{
		method: http.MethodPost, service: serviceAuth, path: "/token",
		body: wanted, timeout: c.cfg.Timeout,
		login: cred, refresh: wanted.RefreshToken,
	}
	var answer tokenAnswer
	if err := c.fetch(ctx, r, &answer); err != nil {
		return Token{}, "", err
	}
	data := answer.Data
	if data.Token == "" || data.Metadata.UUID == "" || data.ExpiresAt.IsZero() {
		return Token{}, "", &TransportError{Op: r.op(), Sent: true, Err: errors.New("unreadable answer: it lacks the token, its account or its end")}
	}
	if wanted.AccessType == offline && data.Refresh == "" {
		return Token{}, "", &TransportError{Op: r.op(), Sent: true, Err: errors.New("unreadable answer: it lacks the refresh token")}
	}
	return Token{
		Token:       data.Token,
		ExpiresAt:   localExpiry(before, data.IssuedAt.Time, data.ExpiresAt.Time),
		UserUUID:    data.Metadata.UUID,
		TenantUUID:  data.Metadata.TenantUUID,
		SessionUUID: data.SessionUUID,
		Purpose:     data.Metadata.Purpose,
		Admin:       data.Metadata.Admin,
	}, data.Refresh, nil
}

// localExpiry puts the end of a token on this machine's clock. If the clocks
// differ by hours, the server's own time would make each token look expired,
// and each call would log in.
func localExpiry(now, issued, expires time.Time) time.Time {
	if issued.IsZero() {
		return expires
	}
	return now.Add(expires.Sub(issued)).UTC()
}

// noToken is a token that does not exist.
const noToken = "00000000-0000-4000-8000-000000000000"

// Ping returns nil if wazo-auth answers: it asks about a token that does not
// exist. It needs no account, and makes no session. Otherwise the error is an
// *Error, also if something else than wazo-auth answers, or a *TransportError.
func (c *Client) Ping(ctx context.Context) error {
	err := c.fetch(ctx, request{
		method: http.MethodGet, service: serviceAuth, path: "/token/{token}", subject: noToken,
		timeout: c.cfg.Timeout,
	}, nil)
	if answer, ok := errors.AsType[*Error](err); ok && answer.Status == http.StatusNotFound && answer.Message == noSuchToken {
		return nil
	}
	return err
}

// noSuchToken is how wazo-auth says that it does not know a token
// (docs/wazo.md, "Token checks").
const noSuchToken = "No such token"

// isTokenKnown asks wazo-auth whether it knows the token.
func (c *Client) isTokenKnown(ctx context.Context, token string) (bool, error) {
	err := c.checkToken(ctx, token, "")
	if answer, ok := errors.AsType[*Error](err); ok && answer.Status == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

// checkToken returns nil if wazo-auth knows the token and it has the access
// scope ("" for any), an *Error with status 404 for an unknown token and with
// 403 for a missing access (docs/wazo.md, "Token checks").
func (c *Client) checkToken(ctx context.Context, token, scope string) error {
	r := request{
		method: http.MethodHead, service: serviceAuth, path: "/token/{token}", subject: token,
		timeout: c.cfg.Timeout,
	}
	if scope != "" {
		r.query = url.Values{"scope": {scope}}
	}
	err := c.fetch(ctx, r, nil)
	if answer, ok := errors.AsType[*Error](err); ok && answer.Status == http.StatusForbidden {
		answer.Message = fmt.Sprintf("the account lacks the access %q", scope) // a HEAD has no body to say so
	}
	return err
}

// deleteToken ends a session. Unknown tokens are no error for wazo-auth.
func (c *Client) deleteToken(ctx context.Context, token string) error {
	return c.fetch(ctx, request{
		method: http.MethodDelete, service: serviceAuth, path: "/token/{token}", subject: token,
		timeout: c.cfg.Timeout,
	}, nil)
}

// checkScopes asks for many accesses at once.
func (c *Client) checkScopes(ctx context.Context, token string, scopes []string) (map[string]bool, error) {
	var answer struct {
		Scopes map[string]bool `json:"scopes"`
	}
	err := c.fetch(ctx, request{
		method: http.MethodPost, service: serviceAuth, path: "/token/{token}/scopes/check", subject: token,
		body:    map[string][]string{"scopes": scopes},
		timeout: c.cfg.Timeout,
	}, &answer)
	return answer.Scopes, err
}
