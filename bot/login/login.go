// Package login asks people for the name and the password of their Wazo account: on a page, or in a dialogue in a chat.
//
// The page (page.go) is for relays that people reach by a browser. Each person gets a link of their own (links.go). The
// dialogue (dialogue.go) takes place in an encrypted direct chat. Both limit how often anybody may try (package
// ratelimit), because Wazo does not.
//
// A password is given to the core at once, and is overwritten afterwards as far as Go allows. The package stores none,
// and logs none. It leaves to the core who may log in, as whom, and what a log-in is; it leaves to the bot how chats
// are found and how messages are removed.
package login

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/ratelimit"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
)

// Core is what the package needs of the core.
type Core interface {
	// LogIn logs a person in to Wazo. It says so in their direct chat. Its error is a *relay.LogInError if something
	// about the log-in is at fault.
	LogIn(ctx context.Context, user id.UserID, request relay.LogInRequest) (relay.LoggedIn, error)
}

const (
	// Life is how long a link works, and how long a dialogue goes on.
	Life = 10 * time.Minute
	// maxTries is how often somebody may try by one link or in one dialogue.
	maxTries = 5
	// maxAtOnce is how many people are logged in at the same time.
	maxAtOnce = 8
	// attemptTimeout is how long a log-in may take: less than a reverse proxy waits by default.
	attemptTimeout = 45 * time.Second

	// The longest name, password and domain, in bytes.
	maxName     = 256
	maxPassword = 1024
	maxDomain   = 256
)

// Logins logs people in, by links and by dialogues. Make it with New.
type Logins struct {
	core  Core
	texts words.Texts
	log   zerolog.Logger
	now   func() time.Time

	byUser    *ratelimit.Limit[id.UserID]
	byAddress *ratelimit.Limit[string]
	slots     chan struct{} // holds one value for each log-in that is under way
	links     *links
}

// New returns what logs people in to a core.
func New(core Core, texts words.Texts, log zerolog.Logger) *Logins {
	l := &Logins{core: core, texts: texts, log: log, now: time.Now, slots: make(chan struct{}, maxAtOnce)}
	now := func() time.Time { return l.now() }
	l.byUser, l.byAddress = ratelimit.New[id.UserID](10, time.Hour, now), ratelimit.New[string](20, time.Hour, now)
	l.links = newLinks(now)
	return l
}

// failure is why an attempt failed.
type failure struct {
	words string // Markdown
	final bool   // another name or password does not help
}

// attempt tries to log a person in from an address, "" if it is not known. It overwrites the password. It returns a nil
// failure on success.
func (l *Logins) attempt(ctx context.Context, user id.UserID, address string, request relay.LogInRequest) (relay.LoggedIn, *failure) {
	defer clear(request.Password)
	switch {
	case request.Username == "" || len(request.Password) == 0:
		return relay.LoggedIn{}, &failure{words: l.texts.LoginNameMissing()}
	case len(request.Username) > maxName || len(request.Password) > maxPassword || len(request.Domain) > maxDomain:
		return relay.LoggedIn{}, &failure{words: l.texts.LoginTooLong()}
	}
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	default:
		return relay.LoggedIn{}, &failure{words: l.texts.LoginBusy()}
	}
	if wait := l.takeTry(user, address); wait > 0 {
		l.log.Warn().Stringer("user_id", user).Msg("Refused a log-in to Wazo after too many attempts")
		return relay.LoggedIn{}, &failure{words: l.texts.LoginLimited(wait)}
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	loggedIn, err := l.core.LogIn(ctx, user, request)
	var refused *relay.LogInError
	switch {
	case err == nil:
		l.byAddress.GiveBack(address) // many people may come from one address, such as that of a company
		return loggedIn, nil
	case errors.As(err, &refused):
		l.log.Info().Stringer("user_id", user).Str("outcome", string(refused.Outcome)).Msg("A log-in to Wazo was refused")
		return relay.LoggedIn{}, &failure{words: refused.Words, final: !refused.MayTryAgain()}
	default:
		l.log.Err(err).Stringer("user_id", user).Msg("Failed to log somebody in to Wazo")
		return relay.LoggedIn{}, &failure{words: l.texts.LoginFailed()}
	}
}

// takeTry counts an attempt of a person from an address, unless there were too many. Then it returns how long to wait.
func (l *Logins) takeTry(user id.UserID, address string) (wait time.Duration) {
	if wait = l.byUser.Wait(user); wait > 0 {
		return wait
	}
	if address != "" {
		if wait = l.byAddress.Take(address); wait > 0 {
			return wait
		}
	}
	return l.byUser.Take(user)
}
