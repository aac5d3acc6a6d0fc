package wazoapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// offline is the access_type with which wazo-auth returns a refresh token.
const offline = "offline"

// ErrInvalidClientID is returned, before any request is made, for a client id
// that wazo-auth could not take back; see [ClientID].
var ErrInvalidClientID = errors.New("not a client id")

// RefreshGrant is the right to log in without a password, until somebody revokes
// it (docs/wazo.md, "Refresh tokens"). It must be kept encrypted.
type RefreshGrant struct {
	Token    string // the secret; wazo-auth never shows it again
	ClientID string // the name under which wazo-auth lists it to its owner
}

// Login is the [Token.Login] of access tokens that were obtained with the grant.
// It does not reveal the grant's secret, and another log-in, even one of the same
// name by another account, has another.
func (g RefreshGrant) Login() string {
	sum := sha256.Sum256([]byte(g.Token))
	return "refresh token " + hex.EncodeToString(sum[:8])
}

// ClientID returns the name under which wazo-auth lists the log-in of a Matrix
// user by a bot, such as "@robin:a.example via @bot:a.example". It tells its owner
// whose log-in it is and which relay holds it; two relays get two refresh tokens.
// What would break the route or the right that deletes the refresh token, such as
// "/" and "#", is replaced by "_" (docs/wazo.md, "Refresh tokens"). Then the
// beginning of a hash follows, so that two people never have the same name.
func ClientID(user, bot string) string {
	wanted := user + " via " + bot
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@:._=+- ", r) {
			return r
		}
		return '_'
	}, wanted)
	if name == wanted {
		return name
	}
	sum := sha256.Sum256([]byte(wanted))
	return name + " " + hex.EncodeToString(sum[:8])
}

// checkClientID refuses what cannot be deleted again: "..", for example, would be
// another path.
func checkClientID(id string) error {
	if strings.Trim(id, ".") == "" || strings.ContainsAny(id, "/#") {
		return fmt.Errorf("%w: %q", ErrInvalidClientID, id)
	}
	return nil
}

// OfflineLogIn is what somebody logs in with to be represented from then on.
type OfflineLogIn struct {
	// Username may also be a confirmed e-mail address, or a name in an LDAP
	// directory.
	Username string
	// Password is not kept. The caller may overwrite it after the call. The
	// request itself makes copies, which are left to the garbage collector.
	Password []byte
	// Domain is a domain of the tenant, for people whose password is in an LDAP
	// directory (docs/wazo.md, "LDAP"); "" for the others.
	Domain string
	// ClientID names the log-in on Wazo, see [ClientID]. One account has one
	// refresh token for each.
	ClientID string
	// TokenLife is the life of the access token; 0 is [Config.TokenLife].
	TokenLife time.Duration
}

// LogInOffline logs in once with a password and returns what can log in without
// it, together with a first access token, which is a session. Give both to
// [Client.AccountByRefresh]. To end the log-in, use [Account.RevokeRefresh] and
// then [Account.Logout].
//
// Nothing is repeated and nothing delays a further attempt: wazo-auth has no
// lock-out, so its callers must limit the attempts of people. The error is an
// *Error or a *TransportError; errors.Is tells [ErrLogInRefused],
// [ErrTooManySessions], [ErrUnknownTenant] and [ErrAuthDown] apart. After
// [ErrAuthDown] the refresh token may exist; another log-in with the same client
// id returns it. It is ErrLogInRefused, without any request, for an empty password,
// which some LDAP servers would accept, and for a name that cannot be sent. It is
// [ErrInvalidClientID] if the refresh token could not be revoked.
func (c *Client) LogInOffline(ctx context.Context, login OfflineLogIn) (Token, RefreshGrant, error) {
	switch {
	case len(login.Password) == 0:
		return Token{}, RefreshGrant{}, fmt.Errorf("%w: the password is empty", ErrLogInRefused)
	case login.Username == "" || strings.ContainsFunc(login.Username, func(r rune) bool { return r == ':' || unicode.IsControl(r) }):
		return Token{}, RefreshGrant{}, fmt.Errorf("%w: the log-in name is empty or cannot be sent", ErrLogInRefused)
	}
	if err := checkClientID(login.ClientID); err != nil {
		return Token{}, RefreshGrant{}, err
	}
	life := login.TokenLife
	setDefault(&life, c.cfg.TokenLife)
	cred := &Credentials{Username: login.Username, Password: string(login.Password)}
	wanted := tokenRequest{AccessType: offline, ClientID: login.ClientID, Domain: login.Domain}
	token, refresh, err := c.createToken(ctx, cred, wanted, life)
	if err != nil {
		return Token{}, RefreshGrant{}, err
	}
	grant := RefreshGrant{Token: refresh, ClientID: login.ClientID}
	token.Login = grant.Login()
	return token, grant, nil
}

// RefreshToken is a refresh token as wazo-auth shows it to its owner. Its value is
// never shown again (docs/wazo.md, "Refresh tokens").
type RefreshToken struct {
	ClientID  string
	CreatedAt time.Time // UTC
	Mobile    bool      // of a telephone
}

// RefreshTokens returns all refresh tokens of the account, also those of other
// programs, in no particular order. The right is auth.users.me.tokens.read.
func (a *Account) RefreshTokens(ctx context.Context) ([]RefreshToken, error) {
	var answer struct {
		Items []struct {
			ClientID  string   `json:"client_id"`
			CreatedAt wazoTime `json:"created_at"`
			Mobile    bool     `json:"mobile"`
		} `json:"items"`
	}
	err := a.call(ctx, request{
		method: http.MethodGet, service: serviceAuth, path: "/users/me/tokens", timeout: a.c.cfg.Timeout,
	}, &answer)
	if err != nil {
		return nil, err
	}
	tokens := make([]RefreshToken, len(answer.Items))
	for i, item := range answer.Items {
		tokens[i] = RefreshToken{ClientID: item.ClientID, CreatedAt: item.CreatedAt.Time, Mobile: item.Mobile}
	}
	return tokens, nil
}

// RevokeRefresh deletes the account's refresh token of a client id. It succeeds if
// there is none. Access tokens that were made from it work until they end, so
// call [Account.Logout] afterwards (docs/wazo.md, "Refresh tokens"). The right is
// auth.users.me.tokens.CLIENT.delete.
//
// The error is [ErrLogInEnded] if the account's own refresh token is not accepted
// any more: it is gone, or it sleeps with a disabled account. It is
// [ErrInvalidClientID] for what is no client id.
func (a *Account) RevokeRefresh(ctx context.Context, clientID string) error {
	if err := checkClientID(clientID); err != nil {
		return err
	}
	err := a.call(ctx, request{
		method: http.MethodDelete, service: serviceAuth, path: "/users/me/tokens/" + url.PathEscape(clientID),
		timeout: a.c.cfg.Timeout,
	}, nil)
	// A 404 without error_id is a route that does not exist.
	if answer, ok := errors.AsType[*Error](err); ok && answer.Status == http.StatusNotFound && answer.ID != "" {
		return nil
	}
	return err
}
