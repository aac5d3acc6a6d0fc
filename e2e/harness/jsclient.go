package harness

import (
	"context"
	"fmt"
	"slices"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Isolation says which devices a matrix-js-sdk client exchanges keys with.
type Isolation string

// The SDK's device isolation modes. Clients are moving to the first: a device
// that its owner did not sign gets no keys, and what it sends is not decrypted.
const (
	OnlySignedDevices Isolation = "signed"
	AllDevices        Isolation = "all"
)

// JSClient is what only a matrix-js-sdk client can do, and what it thinks of
// others. Its own device is signed by its own cross-signing keys.
type JSClient struct {
	host   *JSHost
	client *Client
	name   string // among the clients of the host
	opened bool   // the host knows it
}

var (
	_ engine     = (*JSClient)(nil)
	_ jsListener = (*JSClient)(nil)
)

func newJSClient(c *Client) *JSClient {
	return &JSClient{host: c.cfg.JS, client: c, name: c.cfg.User + " " + randomHex()}
}

// JS returns the matrix-js-sdk beneath, nil for clients that use mautrix.
func (c *Client) JS() *JSClient {
	js, _ := c.engine.(*JSClient)
	return js
}

func (j *JSClient) encrypts() bool { return true }

func (j *JSClient) call(ctx context.Context, method string, params, result any) error {
	return j.host.call(ctx, j.name, method, params, result)
}

// logIn logs in with mautrix: the room administration needs the token, too.
func (j *JSClient) logIn(ctx context.Context, login *mautrix.ReqLogin) error {
	mx := j.client.mx
	mx.StateStore = mautrix.NewMemoryStateStore()
	j.client.syncer.OnEvent(mx.StateStoreSyncHandler)
	_, err := mx.Login(ctx, login)
	return err
}

func (j *JSClient) follow(ctx context.Context) <-chan error {
	mx, cfg := j.client.mx, j.client.cfg
	isolation := cfg.Isolation
	if isolation == "" {
		isolation = OnlySignedDevices
	}
	ended := make(chan error, 1)
	j.host.add(j.name, j)
	j.opened = true
	err := j.call(ctx, "open", map[string]any{
		"homeserver": cfg.HomeserverURL, "user": mx.UserID, "device": mx.DeviceID, "token": mx.AccessToken,
		"password": cfg.Password, "recoveryKey": cfg.RecoveryKey, "isolation": isolation,
	}, nil)
	if err != nil {
		ended <- err
	}
	return ended
}

// onSync implements jsListener.
func (j *JSClient) onSync(sync *jsSync) {
	for _, room := range sync.Answer.Rooms.Join {
		markDecrypted(room.Timeline.Events, sync.Decrypted)
	}
	for _, room := range sync.Answer.Rooms.Leave {
		markDecrypted(room.Timeline.Events, sync.Decrypted)
	}
	// The only error is that of a handler that panics, and there it would too.
	if err := j.client.syncer.ProcessResponse(context.Background(), sync.Answer, ""); err != nil {
		panic(err)
	}
}

func markDecrypted(events []*event.Event, decrypted []id.EventID) {
	for _, evt := range events {
		evt.Mautrix.WasEncrypted = slices.Contains(decrypted, evt.ID)
	}
}

// onDecrypted implements jsListener.
func (j *JSClient) onDecrypted(evt *event.Event) {
	parse(evt.RoomID, evt)
	evt.Mautrix.WasEncrypted = true
	evt.Mautrix.EventSource = event.SourceJoin | event.SourceTimeline
	j.client.seen.handle(context.Background(), evt)
}

func (j *JSClient) send(ctx context.Context, room id.RoomID, kind event.Type, content any) (id.EventID, error) {
	var sent struct {
		EventID id.EventID `json:"event_id"`
	}
	err := j.call(ctx, "send", map[string]any{"room": room, "type": kind.Type, "content": content}, &sent)
	return sent.EventID, err
}

func (j *JSClient) decrypt(ctx context.Context, events []*event.Event) error {
	var encrypted []*event.Event
	var places []int
	for i, evt := range events {
		if evt.Type == event.EventEncrypted {
			encrypted, places = append(encrypted, evt), append(places, i)
		}
	}
	if len(encrypted) == 0 {
		return nil
	}
	var clear []*event.Event
	if err := j.call(ctx, "decrypt", map[string]any{"events": encrypted}, &clear); err != nil {
		return err
	}
	for i, evt := range clear {
		if evt == nil {
			continue
		}
		parse(encrypted[i].RoomID, evt)
		evt.Mautrix.WasEncrypted = true
		events[places[i]] = evt
	}
	return nil
}

func (j *JSClient) uploadEncrypted(ctx context.Context, data []byte) (*event.EncryptedFileInfo, error) {
	var file event.EncryptedFileInfo
	err := j.call(ctx, "upload", map[string]any{"data": data}, &file)
	return &file, err
}

func (j *JSClient) downloadDecrypted(ctx context.Context, file *event.EncryptedFileInfo) (data []byte, err error) {
	err = j.call(ctx, "download", map[string]any{"file": file}, &data)
	return data, err
}

func (j *JSClient) close() error {
	if !j.opened {
		return nil
	}
	defer j.host.remove(j.name)
	return j.call(context.Background(), "close", nil, nil)
}

// Shield is what clients show beside an event in an encrypted room.
type Shield struct {
	Colour string `json:"colour"` // the SDK's NONE, GREY or RED; "" if the event could not be decrypted, or was not encrypted
	Reason string `json:"reason"` // the SDK's word for it; "" without a shield
}

// NoShield is what an event has that nobody needs to be warned of.
var NoShield = Shield{Colour: "NONE"}

// Shield returns the shield that an event in the client's timeline has now.
func (j *JSClient) Shield(ctx context.Context, entry Entry) (shield Shield, err error) {
	err = j.call(ctx, "shield", map[string]any{"room": entry.RoomID, "event": entry.ID}, &shield)
	return shield, err
}

// Relations is what a matrix-js-sdk client knows of an event and of what relates to
// it.
type Relations struct {
	ReplyTo   id.EventID             `json:"replyTo"`   // "" if it is no reply
	Reactions map[string][]id.UserID `json:"reactions"` // who reacted, by emoji
	Body      string                 `json:"body"`      // after all edits
}

// Relations returns what the client shows of an event in its timeline now.
func (j *JSClient) Relations(ctx context.Context, entry Entry) (relations Relations, err error) {
	err = j.call(ctx, "relations", map[string]any{"room": entry.RoomID, "event": entry.ID}, &relations)
	return relations, err
}

// ShownRoom is what a matrix-js-sdk client shows of a room in its list.
type ShownRoom struct {
	Membership event.Membership `json:"membership"` // of the client's own user
	Name       string           `json:"name"`
	DirectWith id.UserID        `json:"directWith"` // who made a direct chat of it by the invitation; "" if it is none
	Encrypted  bool             `json:"encrypted"`
}

// Room returns what the client shows of a room that it is in, or invited to.
func (j *JSClient) Room(ctx context.Context, room id.RoomID) (shown ShownRoom, err error) {
	err = j.call(ctx, "room", map[string]any{"room": room}, &shown)
	return shown, err
}

// Accept accepts an invitation as clients do: a direct chat goes to the user's list of
// them (m.direct), which other devices take over.
func (j *JSClient) Accept(ctx context.Context, room id.RoomID) error {
	return j.call(ctx, "accept", map[string]any{"room": room}, nil)
}

// Direct returns the direct chats in the user's list (m.direct), by the other person.
func (j *JSClient) Direct(ctx context.Context) (direct map[id.UserID][]id.RoomID, err error) {
	err = j.call(ctx, "direct", nil, &direct)
	return direct, err
}

// Device is a device as a matrix-js-sdk client sees it.
type Device struct {
	ID                   id.DeviceID `json:"id"`
	SignedByOwner        bool        `json:"signedByOwner"`
	CrossSigningVerified bool        `json:"crossSigningVerified"`
}

// Devices asks the homeserver for a user's devices.
func (j *JSClient) Devices(ctx context.Context, user id.UserID) (devices []Device, err error) {
	err = j.call(ctx, "devices", map[string]any{"user": user}, &devices)
	return devices, err
}

// Identity is what a matrix-js-sdk client thinks of a user.
type Identity struct {
	CrossSigning  bool `json:"crossSigning"`  // the user has cross-signing keys
	Verified      bool `json:"verified"`      // by the client's own user
	NeedsApproval bool `json:"needsApproval"` // the keys are not those seen first
}

// Identity asks the homeserver for a user's cross-signing keys.
func (j *JSClient) Identity(ctx context.Context, user id.UserID) (identity Identity, err error) {
	err = j.call(ctx, "identity", map[string]any{"user": user}, &identity)
	return identity, err
}

// Isolate changes the isolation mode for what is sent and received from now on.
func (j *JSClient) Isolate(ctx context.Context, isolation Isolation) error {
	return j.call(ctx, "isolate", map[string]any{"isolation": isolation}, nil)
}

// DiscardSession has the next event in a room encrypted with a new session.
func (j *JSClient) DiscardSession(ctx context.Context, room id.RoomID) error {
	return j.call(ctx, "discardSession", map[string]any{"room": room}, nil)
}

// LogOut ends the device. What remains is to close the client.
func (j *JSClient) LogOut(ctx context.Context) error {
	return j.call(ctx, "logOut", nil, nil)
}

// NewDevice logs the same person in on one more device, which is signed with the
// keys that the person's recovery key opens.
func (j *JSClient) NewDevice(ctx context.Context) (*Client, error) {
	cfg := j.client.cfg
	if err := j.call(ctx, "recoveryKey", nil, &cfg.RecoveryKey); err != nil {
		return nil, fmt.Errorf("failed to set up a recovery key: %w", err)
	}
	return NewClient(ctx, cfg)
}
