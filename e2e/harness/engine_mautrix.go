package harness

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	_ "github.com/mattn/go-sqlite3" // the driver of the key database
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// mautrixEngine is mautrix, with its crypto if the client has a store for keys.
type mautrixEngine struct {
	client *Client
	crypto *cryptohelper.CryptoHelper

	sending  sync.Mutex         // held while something is encrypted and sent, see send
	cancel   context.CancelFunc // nil until follow
	syncDone chan struct{}

	// Whose requests for keys are answered: everybody's, else nobody's; else of
	// those who got them before.
	givesKeys, keepsKeys atomic.Bool
}

var _ engine = (*mautrixEngine)(nil)

func (m *mautrixEngine) encrypts() bool { return m.client.cfg.CryptoStore != "" }

func (m *mautrixEngine) logIn(ctx context.Context, login *mautrix.ReqLogin) error {
	if m.encrypts() {
		return m.logInEncrypted(ctx, login)
	}
	_, err := m.client.mx.Login(ctx, login)
	return err
}

// logInEncrypted logs in with the device of the crypto store, or with a new one.
func (m *mautrixEngine) logInEncrypted(ctx context.Context, login *mautrix.ReqLogin) error {
	// The pickle key protects keys at rest. These belong to nobody and are removed
	// at the end of the run.
	helper, err := cryptohelper.NewCryptoHelper(m.client.mx, []byte("e2e"), m.client.cfg.CryptoStore)
	if err != nil {
		return err
	}
	m.crypto = helper
	helper.LoginAs = login
	if err = helper.Init(ctx); err != nil {
		return err
	}
	// Nobody verifies devices in a test. So the client sends keys to every device,
	// and answers the key requests of every device.
	helper.Machine().SendKeysMinTrust = id.TrustStateUnset
	helper.Machine().ShareKeysMinTrust = id.TrustStateUnset
	byDefault := helper.Machine().AllowKeyShare
	helper.Machine().AllowKeyShare = func(ctx context.Context, device *id.Device, key event.RequestedKeyInfo) *crypto.KeyShareRejection {
		if m.givesKeys.Load() {
			return nil
		} else if m.keepsKeys.Load() {
			return &crypto.KeyShareRejectNoResponse
		}
		return byDefault(ctx, device, key)
	}
	// mautrix looks for one's own cross-signing keys once, without a lock, when it
	// first judges a signed device: here, before several goroutines do that at once.
	if _, _, err = helper.Machine().GetOwnVerificationStatus(ctx); err != nil {
		return err
	}
	m.client.mx.Crypto = helper
	return nil
}

func (m *mautrixEngine) follow(ctx context.Context) <-chan error {
	ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	m.syncDone = make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		defer close(m.syncDone)
		ended <- m.client.mx.SyncWithContext(ctx)
	}()
	return ended
}

func (m *mautrixEngine) send(ctx context.Context, room id.RoomID, kind event.Type, content any) (id.EventID, error) {
	if m.encrypts() {
		// mautrix reads how many Olm sessions there are without the lock under which it adds one.
		m.sending.Lock()
		defer m.sending.Unlock()
	}
	resp, err := m.client.mx.SendMessageEvent(ctx, room, kind, content)
	if err != nil {
		return "", err
	}
	return resp.EventID, nil
}

func (m *mautrixEngine) decrypt(ctx context.Context, events []*event.Event) error {
	for i, evt := range events {
		if evt.Type != event.EventEncrypted || m.crypto == nil {
			continue
		}
		// An event without a key stays as it is.
		if decrypted, err := m.crypto.Decrypt(ctx, evt); err == nil {
			keepClear(evt, decrypted)
			events[i] = decrypted
		}
	}
	return nil
}

// keepClear adds to the content of a decrypted event what is in clear beside its ciphertext.
func keepClear(encrypted, decrypted *event.Event) {
	for key, value := range encrypted.Content.Raw {
		_, isThere := decrypted.Content.Raw[key]
		isOfCipher := slices.Contains([]string{"algorithm", "ciphertext", "sender_key", "device_id", "session_id"}, key)
		if !isThere && !isOfCipher {
			decrypted.Content.Raw[key] = value
		}
	}
}

func (m *mautrixEngine) uploadEncrypted(ctx context.Context, data []byte) (*event.EncryptedFileInfo, error) {
	file := attachment.NewEncryptedFile()
	data = slices.Clone(data) // the caller's stays in clear
	file.EncryptInPlace(data)
	uploaded, err := m.client.mx.UploadBytes(ctx, data, "application/octet-stream")
	if err != nil {
		return nil, err
	}
	return &event.EncryptedFileInfo{EncryptedFile: *file, URL: uploaded.ContentURI.CUString()}, nil
}

func (m *mautrixEngine) downloadDecrypted(ctx context.Context, file *event.EncryptedFileInfo) ([]byte, error) {
	source, err := file.URL.Parse()
	if err != nil {
		return nil, err
	}
	data, err := m.client.mx.DownloadBytes(ctx, source)
	if err != nil {
		return nil, err
	}
	return data, file.DecryptInPlace(data)
}

func (m *mautrixEngine) close() error {
	if m.cancel != nil {
		m.cancel()
		<-m.syncDone
	}
	return m.crypto.Close()
}
