package bot

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/device"
	"wazo-matrix-relay/relay"
)

// homeserver makes the requests of the account to its homeserver.
type homeserver struct {
	userID id.UserID // of the bot
	log    zerolog.Logger

	client *mautrix.Client            // of the bot's device; nil before the bot has logged in
	crypto *cryptohelper.CryptoHelper // of the bot's device: encrypts and decrypts

	// loggedOut is called when the homeserver refuses the access token for a request: the sync loop, which logs in
	// again, may be in the middle of a long poll.
	loggedOut func()

	sending  *rateLimiter // of what the homeserver counts as sending: events, joins
	inviting *rateLimiter // of new rooms and invitations
	asking   *rateLimiter // of everything else
	token    tokenLock
}

func newHomeserver(userID id.UserID, log zerolog.Logger) homeserver {
	return homeserver{
		userID: userID, log: log,
		sending: newRateLimiter(func(wait time.Duration) {
			log.Warn().Stringer("wait", wait).
				Str("hint", "The homeserver limits how much the bot may send (Synapse: rc_message). Its administrator can lift the limit for the bot's account: see override_ratelimit in docs/administration.md").
				Msg("The homeserver limits how fast the bot may send, messages that wait are merged")
		}),
		inviting: newRateLimiter(func(wait time.Duration) {
			log.Warn().Stringer("wait", wait).
				Str("hint", "The homeserver limits how often the bot may make rooms and invite people (Synapse: rc_invites and rc_room_creation)").
				Msg("The homeserver limits how fast the bot may open conversations")
		}),
		asking: newRateLimiter(func(wait time.Duration) {
			log.Warn().Stringer("wait", wait).Msg("The homeserver limits how fast the bot may ask")
		}),
	}
}

// observeLimits has a function called with the time that each request has waited because of a rate limit.
func (h *homeserver) observeLimits(observe func(kind string, waited time.Duration)) {
	if observe == nil {
		return
	}
	for kind, limiter := range map[string]*rateLimiter{"send": h.sending, "invite": h.inviting, "ask": h.asking} {
		limiter.onWait = func(waited time.Duration) { observe(kind, waited) }
	}
}

// call makes a request that the homeserver counts as sending, when the rate limit of the account allows it, and never
// while the access token is being changed. It returns what the request returned, or why waiting ended.
func (h *homeserver) call(ctx context.Context, request func() error) error {
	return h.sending.do(ctx, func() error { return h.withToken(request) })
}

// callRooms is call for requests that make rooms or invite people. Homeservers limit these more than messages, which
// must not wait for them.
func (h *homeserver) callRooms(ctx context.Context, request func() error) error {
	return h.inviting.do(ctx, func() error { return h.withToken(request) })
}

// ask is call for all other requests: those that read, and those that tell nothing to people. They do not wait behind
// what is being sent, unless the homeserver limits them too.
func (h *homeserver) ask(ctx context.Context, request func() error) error {
	return h.asking.do(ctx, func() error { return h.withToken(request) })
}

// withToken makes a request while the access token is not being changed. The sync loop learns that the token is
// refused.
func (h *homeserver) withToken(request func() error) error {
	h.token.RLock()
	defer h.token.RUnlock()
	return h.withTokenHeld(request)
}

// withTokenHeld is withToken for somebody who holds the lock already.
func (h *homeserver) withTokenHeld(request func() error) error {
	err := request()
	if isLoggedOut(err) {
		h.loggedOut()
	}
	return err
}

// tokenLock is held for reading by requests, and for writing by whoever changes the access token or the keys of the
// device.
type tokenLock struct{ sync.RWMutex }

// whileIdle does something while no request is under way. It reports false if a request is: a join may take minutes.
func (l *tokenLock) whileIdle(do func()) bool {
	if !l.TryLock() {
		return false
	}
	defer l.Unlock()
	do()
	return true
}

// request returns the context of a request: limited in time, and with the client's quieter log.
func (h *homeserver) request(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(relay.LogMessageID(ctx, h.client.Log).WithContext(ctx), device.RequestTimeout)
}

// state reads a piece of a room's state from the homeserver; what is not there stays zero.
func (h *homeserver) state(ctx context.Context, roomID id.RoomID, evtType event.Type, stateKey string, into any) error {
	_, err := h.findState(ctx, roomID, evtType, stateKey, into)
	return err
}

// findState is state, and reports whether the piece is there.
func (h *homeserver) findState(ctx context.Context, roomID id.RoomID, evtType event.Type, stateKey string, into any) (found bool, err error) {
	err = h.ask(ctx, func() error {
		ctx, cancel := h.request(ctx)
		defer cancel()
		return translated(h.client.StateEvent(ctx, roomID, evtType, stateKey, into))
	})
	if errors.Is(err, mautrix.MNotFound) {
		return false, nil
	}
	return err == nil, err
}

// transferClient returns a client for one file. Files take long and have rate limits of their own, so their requests do
// not go through call: everything that is sent would wait for them.
func (h *homeserver) transferClient() *mautrix.Client {
	h.token.RLock() // the token may be being changed
	defer h.token.RUnlock()
	return &mautrix.Client{
		HomeserverURL: h.client.HomeserverURL, UserID: h.client.UserID, DeviceID: h.client.DeviceID, AccessToken: h.client.AccessToken,
		UserAgent: h.client.UserAgent, Client: h.client.Client, Log: h.client.Log, IgnoreRateLimit: true,
		ResponseHook: func(req *http.Request, resp *http.Response, err error, duration time.Duration) {
			h.client.ResponseHook(req, resp, err, duration)
			if resp != nil && resp.StatusCode == http.StatusUnauthorized {
				h.loggedOut()
			}
		},
	}
}
