package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

// ClientConfig says which account and which library a Client uses.
type ClientConfig struct {
	HomeserverURL string
	User          string // localpart or full user id
	Password      string
	// CryptoStore is the path of the client's own key database. Without one the
	// client can't encrypt, unless it uses JS.
	CryptoStore string
	// JS makes the client use matrix-js-sdk instead of mautrix. It then keeps its
	// keys in memory.
	JS *JSHost
	// Isolation is the JS client's mode; empty means OnlySignedDevices.
	Isolation Isolation
	// RecoveryKey gives a JS client the cross-signing keys of an earlier device.
	RecoveryKey string
}

// Client is a Matrix person: an account logged in on one device, which follows
// all of its rooms until Close. It can be used by several goroutines at once.
type Client struct {
	cfg    ClientConfig
	mx     *mautrix.Client
	engine engine
	seen   *timelines
	syncer *syncer

	mu       sync.Mutex
	prepared map[id.RoomID]bool // rooms it has made sure not to leak plaintext into
}

// NewClient logs in and returns once the first /sync is processed. The log-in
// makes a new device, unless the crypto store has one.
func NewClient(ctx context.Context, cfg ClientConfig) (*Client, error) {
	mx, err := mautrix.NewClient(cfg.HomeserverURL, "", "")
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 8
	mx.Client = &http.Client{Transport: transport}
	c := &Client{cfg: cfg, mx: mx, seen: newTimelines(cfg.CryptoStore != ""), prepared: make(map[id.RoomID]bool)}
	c.syncer = newSyncer(c.seen)
	mx.Syncer = c.syncer
	c.engine = c.newEngine()
	if err = c.logIn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("failed to log %s in: %w", cfg.User, err), c.Close())
	}
	return c, c.startSync(ctx)
}

func (c *Client) logIn(ctx context.Context) error {
	return c.engine.logIn(ctx, &mautrix.ReqLogin{
		Type:             mautrix.AuthTypePassword,
		Identifier:       mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: c.cfg.User},
		Password:         c.cfg.Password,
		StoreCredentials: true,
	})
}

func (c *Client) startSync(ctx context.Context) error {
	ended := c.engine.follow(ctx)
	select {
	case <-c.syncer.first:
		return nil
	case err := <-ended:
		return errors.Join(fmt.Errorf("%s cannot sync: %w", c.cfg.User, err), c.Close())
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("%s: no first sync: %w", c.cfg.User, ctx.Err()), c.Close())
	}
}

// UserID is the client's full Matrix id.
func (c *Client) UserID() id.UserID { return c.mx.UserID }

// Password is the password of the account, for logging in with another client.
func (c *Client) Password() string { return c.cfg.Password }

// Matrix is the underlying mautrix client, for everything for which Client has no
// method.
func (c *Client) Matrix() *mautrix.Client { return c.mx }

// Close stops following the rooms. The account and the device stay.
func (c *Client) Close() error {
	err := c.engine.close()
	c.mx.Client.CloseIdleConnections()
	return err
}

// syncRetry is how long a client waits after a /sync that failed. mautrix would wait
// for ten seconds, which is too long for tests that restart homeservers.
const syncRetry = 50 * time.Millisecond

// syncer keeps all events and notes which rooms are completely processed. It tries
// again when the homeserver is away.
type syncer struct {
	*mautrix.DefaultSyncer
	seen  *timelines
	first chan struct{} // closed after the first answer is processed
	once  sync.Once
}

var (
	_ mautrix.Syncer             = (*syncer)(nil)
	_ mautrix.ExtensibleSyncer   = (*syncer)(nil)
	_ mautrix.DispatchableSyncer = (*syncer)(nil)
)

func newSyncer(seen *timelines) *syncer {
	s := &syncer{DefaultSyncer: mautrix.NewDefaultSyncer(), seen: seen, first: make(chan struct{})}
	// Nothing may be missing from a client's view after a pause.
	s.FilterJSON = &mautrix.Filter{Room: &mautrix.RoomFilter{Timeline: &mautrix.FilterPart{Limit: wholeTimeline}}}
	s.OnEvent(seen.handle)
	return s
}

// ProcessResponse implements mautrix.Syncer.
func (s *syncer) ProcessResponse(ctx context.Context, resp *mautrix.RespSync, since string) error {
	if err := s.DefaultSyncer.ProcessResponse(ctx, resp, since); err != nil {
		return err
	}
	s.seen.settle(resp)
	s.once.Do(func() { close(s.first) })
	return nil
}

// OnFailedSync implements mautrix.Syncer.
func (s *syncer) OnFailedSync(_ *mautrix.RespSync, err error) (time.Duration, error) {
	if errors.Is(err, mautrix.MUnknownToken) {
		return 0, err
	}
	return syncRetry, nil
}
