package harness

import (
	"context"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// engine is the library with which a client follows its rooms, and encrypts and
// decrypts. Rooms are administered by plain requests, whatever the engine.
type engine interface {
	// logIn gives the client an access token and a device.
	logIn(ctx context.Context, login *mautrix.ReqLogin) error
	// follow feeds the client's syncer until close. If that ends early, the
	// channel gets the reason.
	follow(ctx context.Context) (ended <-chan error)
	// send sends an event, encrypted if the room is.
	send(ctx context.Context, room id.RoomID, kind event.Type, content any) (id.EventID, error)
	// decrypt replaces those encrypted events of a room for which there are keys
	// by the decrypted ones.
	decrypt(ctx context.Context, events []*event.Event) error
	// encrypts says whether the engine can encrypt and decrypt.
	encrypts() bool
	// uploadEncrypted and downloadDecrypted are for attachments of encrypted rooms.
	uploadEncrypted(ctx context.Context, data []byte) (*event.EncryptedFileInfo, error)
	downloadDecrypted(ctx context.Context, file *event.EncryptedFileInfo) ([]byte, error)
	// close is called once, whether the log-in succeeded or not.
	close() error
}

// newEngine makes the engine that the configuration asks for.
func (c *Client) newEngine() engine {
	if c.cfg.JS != nil {
		return newJSClient(c)
	}
	return &mautrixEngine{client: c}
}
