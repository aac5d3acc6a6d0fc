// Package oauth logs an account in at a homeserver that leaves the log-in to an OAuth 2.0 provider (client-server API,
// "OAuth 2.0 API"). The account's owner approves the log-in in a browser, on any device (device authorization grant,
// RFC 8628 and MSC4341).
//
// [Discover] finds the provider, [Provider.Register] makes the relay known there, [Provider.Begin] begins a log-in, and
// [Grant.Await] waits until the owner has approved it. [Provider.Refresh] and [Provider.Revoke] are for later.
package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	spec "maunium.net/go/mautrix/oauth"

	"wazo-matrix-relay/bot/session"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/words"
)

// Config says where the homeserver is and how to ask it.
type Config struct {
	HomeserverURL string
	UserAgent     string
	ClientURI     string            // a page about the relay, see CheckClientURI; "": DefaultClientURI
	Transport     http.RoundTripper // without any access token
}

// Provider is the OAuth 2.0 provider of a homeserver.
type Provider struct {
	cfg      Config
	metadata *spec.ServerMetadata
	sleep    func(ctx context.Context, d time.Duration) error
}

// Discover asks a homeserver for its provider. It returns ErrNoProvider or ErrNoDeviceGrant, wrapped, if the relay
// cannot log in there, or another error if the homeserver fails.
func Discover(ctx context.Context, cfg Config) (*Provider, error) {
	p := &Provider{cfg: cfg, sleep: task.Sleep}
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	metadata, err := client.OAuthGetServerMetadata(ctx)
	var answer mautrix.HTTPError
	switch {
	case errors.As(err, &answer) && answer.Response != nil && slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed}, answer.Response.StatusCode):
		return nil, fmt.Errorf("%w: %w", ErrNoProvider, err)
	case err != nil:
		return nil, fmt.Errorf("failed to find the OAuth 2.0 provider: %w", err)
	case metadata == nil || metadata.TokenEndpoint == "":
		return nil, fmt.Errorf("%w: its answer names no token_endpoint", ErrNoProvider)
	}
	p.metadata = metadata
	return p, p.checkAddresses()
}

// checkAddresses refuses addresses to which no secret should go. Everything is https, unless the homeserver is not
// either.
func (p *Provider) checkAddresses() error {
	home, err := url.Parse(p.cfg.HomeserverURL)
	if err != nil {
		return fmt.Errorf("failed to parse the homeserver's address: %w", err)
	}
	m := p.metadata
	for _, address := range []string{m.TokenEndpoint, m.RegistrationEndpoint, m.DeviceAuthorizationEndpoint, m.RevocationEndpoint} {
		parsed, err := url.Parse(address)
		if err != nil || address != "" && parsed.Scheme != "https" && (parsed.Scheme != "http" || home.Scheme == "https") {
			return fmt.Errorf("%w: %q", ErrBadAddress, address)
		}
	}
	return nil
}

// Issuer returns what the provider calls itself. The id of a client belongs to one issuer.
func (p *Provider) Issuer() string { return p.metadata.Issuer }

// client returns a new client of mautrix, which has no tokens and logs nothing: its log would contain refresh tokens.
func (p *Provider) client() (*mautrix.Client, error) {
	client, err := mautrix.NewClient(p.cfg.HomeserverURL, "", "")
	if err != nil {
		return nil, fmt.Errorf("failed to parse the homeserver's address: %w", err)
	}
	client.Client = &http.Client{Transport: p.cfg.Transport, CheckRedirect: refuseRedirects}
	client.UserAgent, client.IgnoreRateLimit, client.Log = p.cfg.UserAgent, true, zerolog.Nop()
	if p.metadata != nil {
		client.OAuthSetServerMetadata(p.metadata)
	}
	return client, nil
}

// refuseRedirects follows no redirection of a form, which would carry a secret elsewhere.
func refuseRedirects(_ *http.Request, via []*http.Request) error {
	switch {
	case via[0].Method == http.MethodPost:
		return http.ErrUseLastResponse
	case len(via) >= 10:
		return errors.New("stopped after 10 redirects")
	}
	return nil
}

// withoutLog keeps the log of ctx from the requests of mautrix.
func withoutLog(ctx context.Context) context.Context { return zerolog.Nop().WithContext(ctx) }

// Register makes the relay known to the provider and returns the id by which it is known (RFC 7591, MSC2966). It
// returns ErrNoRegistration, wrapped, if the provider wants to know its clients beforehand.
func (p *Provider) Register(ctx context.Context) (clientID string, err error) {
	if p.metadata.RegistrationEndpoint == "" {
		return "", ErrNoRegistration
	}
	client, err := p.client()
	if err != nil {
		return "", err
	}
	registered, err := client.OAuthRegisterClient(withoutLog(ctx), &spec.ClientMetadata{
		ApplicationType: spec.ApplicationTypeNative, ClientName: words.BotName, ClientURI: cmp.Or(p.cfg.ClientURI, DefaultClientURI),
		GrantTypes: []spec.GrantType{spec.GrantTypeDeviceCode, spec.GrantTypeRefreshToken}, TokenEndpointAuthMethod: spec.AuthMethodNone,
	})
	switch {
	case isFinal(err):
		return "", fmt.Errorf("%w: %w", ErrNoRegistration, err)
	case err != nil:
		return "", fmt.Errorf("failed to register with the OAuth 2.0 provider: %w", err)
	case registered == nil || registered.ClientID == "":
		return "", fmt.Errorf("%w: its answer names no client_id", ErrNoRegistration)
	}
	return registered.ClientID, nil
}

// Refresh gets a new pair of tokens. It returns session.ErrEnded, wrapped, if the provider refuses the refresh token or
// the client.
func (p *Provider) Refresh(ctx context.Context, clientID, refreshToken string) (tokens session.Tokens, err error) {
	client, err := p.client()
	if err != nil {
		return tokens, err
	}
	asked := time.Now()
	client.OAuthSetTokens(clientID, refreshToken, "", time.Time{})
	client.SaveNewToken = func(_ context.Context, refresh, access string, expiry time.Time) error {
		tokens = session.New(access, refresh, asked, expiry.Sub(asked).Truncate(time.Second))
		return nil
	}
	err = client.OAuthRefreshToken(withoutLog(ctx), 0)
	switch code := codeOf(err); {
	case code == "invalid_grant", code == "invalid_client", code == "unauthorized_client":
		return tokens, fmt.Errorf("%w: the OAuth 2.0 provider refuses to renew it: %w", session.ErrEnded, err)
	case err != nil:
		return tokens, fmt.Errorf("failed to renew the log-in at the OAuth 2.0 provider: %w", err)
	case tokens.Access == "":
		return tokens, errors.New("the answer of the OAuth 2.0 provider has no access token")
	}
	return tokens, nil
}

// Revoke ends a log-in. The homeserver deletes its device then (client-server API, "Token revocation").
func (p *Provider) Revoke(ctx context.Context, clientID, refreshToken string) error {
	client, err := p.client()
	if err != nil || p.metadata.RevocationEndpoint == "" {
		return err
	}
	client.OAuthSetTokens(clientID, refreshToken, "", time.Time{})
	if err = client.OAuthRevokeToken(withoutLog(ctx)); err != nil {
		return fmt.Errorf("failed to end the log-in at the OAuth 2.0 provider: %w", err)
	}
	return nil
}

// ResetAddress returns the page on which the account's owner approves that the cryptographic identity is replaced
// (client-server API, "OAuth 2.0 account management"), or "" if the provider has none.
func (p *Provider) ResetAddress() string {
	page, err := url.Parse(p.metadata.AccountManagementURI)
	if err != nil || p.metadata.AccountManagementURI == "" {
		return ""
	}
	query := page.Query()
	query.Set("action", string(spec.AccountManagementActionCrossSigningReset))
	page.RawQuery = query.Encode()
	return page.String()
}
