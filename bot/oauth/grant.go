package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"
	spec "maunium.net/go/mautrix/oauth"

	"wazo-matrix-relay/bot/session"
)

// How often the provider is asked whether the owner has approved (RFC 8628, sections 3.2 and 3.5).
const (
	defaultInterval = 5 * time.Second // unless the provider says otherwise
	slowDownBy      = 5 * time.Second // each time when it asks for that
	longestInterval = time.Minute     // while it cannot be reached
)

// Grant is a log-in that waits for the approval of the account's owner.
type Grant struct {
	Address         string // where the code is entered
	CompleteAddress string // the same with the code in it; "" if the provider has none
	Code            string // what the owner enters
	Expires         time.Time

	provider *Provider
	clientID string
	device   string
	interval time.Duration
}

// Begin begins a log-in for a device. It returns ErrNoDeviceGrant if the provider cannot do that, and ErrUnknownClient,
// wrapped, if the client has to register again.
func (p *Provider) Begin(ctx context.Context, clientID string, user id.UserID, device id.DeviceID) (*Grant, error) {
	m := p.metadata
	if m.DeviceAuthorizationEndpoint == "" || len(m.GrantTypesSupported) > 0 && !slices.Contains(m.GrantTypesSupported, spec.GrantTypeDeviceCode) {
		return nil, ErrNoDeviceGrant
	}
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	asked := time.Now()
	resp, err := client.OAuthGenerateDeviceCode(withoutLog(ctx), spec.GenerateDeviceCodeParams{
		ClientID: clientID, UserIDHint: user, Scopes: spec.ScopeList{spec.ScopeClientAPI, spec.ScopeDevice(device)},
	})
	switch code := codeOf(err); {
	case code == "invalid_client":
		return nil, fmt.Errorf("%w: %w", ErrUnknownClient, err)
	case code == "unauthorized_client", code == "unsupported_grant_type":
		return nil, fmt.Errorf("%w: %w", ErrNoDeviceGrant, err)
	case err != nil:
		return nil, fmt.Errorf("failed to begin a log-in at the OAuth 2.0 provider: %w", err)
	case resp == nil || resp.DeviceCode == "" || resp.UserCode == "" || resp.VerificationURI == "":
		return nil, fmt.Errorf("the answer of the OAuth 2.0 provider lacks the code or the address for the log-in")
	}
	return &Grant{
		Address: resp.VerificationURI, CompleteAddress: resp.VerificationURIComplete, Code: resp.UserCode, Expires: asked.Add(resp.ExpiresIn.Duration),
		provider: p, clientID: clientID, device: resp.DeviceCode, interval: cmp.Or(resp.Interval.Duration, defaultInterval),
	}, nil
}

// Await waits until the owner of the account has approved the log-in, and returns its tokens. It returns ErrDenied or
// ErrExpired, wrapped, if they have not. A provider that cannot be reached is asked again, less and less often.
func (g *Grant) Await(ctx context.Context) (session.Tokens, error) {
	interval := g.interval
	for {
		if time.Until(g.Expires) <= 0 {
			return session.Tokens{}, ErrExpired
		} else if err := g.provider.sleep(ctx, interval); err != nil {
			return session.Tokens{}, err
		}
		tokens, err := g.poll(ctx)
		switch code := codeOf(err); {
		case err == nil:
			return tokens, nil
		case ctx.Err() != nil:
			return session.Tokens{}, ctx.Err()
		case code == "authorization_pending":
		case code == "slow_down":
			interval += slowDownBy
		case code == "access_denied":
			return session.Tokens{}, fmt.Errorf("%w: %w", ErrDenied, err)
		case code == "expired_token":
			return session.Tokens{}, fmt.Errorf("%w: %w", ErrExpired, err)
		case isFinal(err), errors.Is(err, ErrNoRefreshToken):
			return session.Tokens{}, fmt.Errorf("the OAuth 2.0 provider refuses the log-in: %w", err)
		default:
			interval = min(2*interval, longestInterval)
		}
	}
}

// poll asks once.
func (g *Grant) poll(ctx context.Context) (session.Tokens, error) {
	client, err := g.provider.client()
	if err != nil {
		return session.Tokens{}, err
	}
	ctx, cancel := context.WithTimeout(withoutLog(ctx), time.Minute)
	defer cancel()
	asked := time.Now()
	resp, err := client.OAuthPollDeviceCode(ctx, spec.PollDeviceCodeParams{DeviceCode: g.device, ClientID: g.clientID})
	if err != nil {
		return session.Tokens{}, err
	} else if resp == nil || resp.AccessToken == "" {
		return session.Tokens{}, fmt.Errorf("the answer of the OAuth 2.0 provider has no access token")
	} else if resp.RefreshToken == "" { // MSC4341 demands one
		return session.Tokens{}, ErrNoRefreshToken
	}
	return session.New(resp.AccessToken, resp.RefreshToken, asked, resp.ExpiresIn.Duration), nil
}
