package stubserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Person is somebody who has a device, and whose rooms are encrypted. The crypto machine is that of mautrix, with all
// keys in memory. The room keys go through the server like those of any client. The events themselves do not take the
// way over HTTP.
type Person struct {
	user    id.UserID
	server  *Server
	account *account
	crypto  *cryptohelper.CryptoHelper
	rooms   mautrix.StateStore

	reading sync.Mutex // held by Read
}

const personDevice = id.DeviceID("PERSON")

// NewPerson gives a person a device, whose keys are published when it returns.
func (s *Server) NewPerson(ctx context.Context, user id.UserID) (*Person, error) {
	account := s.addAccount(user, personDevice)
	client, err := mautrix.NewClient(s.URL(), user, user.String())
	if err != nil {
		return nil, err
	}
	client.DeviceID, client.StateStore = personDevice, mautrix.NewMemoryStateStore()
	helper, err := cryptohelper.NewCryptoHelper(client, []byte("nothing is kept"), crypto.NewMemoryStore(nil))
	if err != nil {
		return nil, err
	} else if err = helper.Init(ctx); err != nil {
		return nil, fmt.Errorf("failed to make a device of %s: %w", user, err)
	}
	// mautrix looks for one's own cross-signing keys once, without a lock, when it first judges a device: here, before
	// several goroutines do that at once.
	if _, _, err = helper.Machine().GetOwnVerificationStatus(ctx); err != nil {
		return nil, err
	}
	return &Person{user: user, server: s, account: account, crypto: helper, rooms: client.StateStore}, nil
}

// MakeRoom makes a private, encrypted room of the person, who invites the bot.
func (p *Person) MakeRoom(ctx context.Context) (id.RoomID, error) {
	room := p.server.makeRoom(p.user, true)
	err := p.rooms.SetEncryptionEvent(ctx, room, &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1})
	return room, errors.Join(err, p.rooms.SetMembership(ctx, room, p.server.account.User, event.MembershipInvite))
}

// Say encrypts a text, for the bot's devices, and adds it to a room that MakeRoom has made.
func (p *Person) Say(ctx context.Context, in id.RoomID, text string) error {
	content := &event.MessageEventContent{MsgType: event.MsgText, Body: text}
	encrypted, err := p.crypto.Encrypt(ctx, in, event.EventMessage, content)
	if err != nil {
		return fmt.Errorf("failed to encrypt: %w", err)
	}
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	p.server.add(p.server.rooms[in], encryptedType, p.user, object{"content": encrypted})
	return nil
}

// Read decrypts everything that the bot has said encrypted so far. Only then Relayed and View.Says tell of it.
func (p *Person) Read(ctx context.Context) error {
	p.reading.Lock()
	defer p.reading.Unlock()
	unread, keys := p.takeUnread()
	if len(keys) > 0 {
		p.crypto.Machine().ProcessSyncResponse(ctx, &mautrix.RespSync{
			ToDevice:       mautrix.SyncEventsList{Events: keys},
			DeviceOTKCount: mautrix.OTKCount{SignedCurve25519: p.account.keys.Count(personDevice.String())},
		}, "")
	}
	for _, said := range unread {
		clear, err := p.decrypt(ctx, said.data)
		if err != nil {
			return fmt.Errorf("what the bot said cannot be decrypted: %w", err)
		}
		p.server.mu.Lock()
		p.server.note(said.room, clear, true)
		p.server.mu.Unlock()
	}
	return nil
}

// takeUnread returns the events that nobody has read yet, with all keys that were sent before them.
func (p *Person) takeUnread() (unread []logged, keys []*event.Event) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	for _, data := range p.account.inbox {
		evt := &event.Event{}
		if err := json.Unmarshal(data, evt); err != nil {
			p.server.fault(err)
			continue
		}
		keys = append(keys, evt)
	}
	unread = p.server.unread
	p.account.inbox, p.server.unread = nil, nil
	return unread, keys
}

// decrypt returns the content that is in an encrypted event.
func (p *Person) decrypt(ctx context.Context, data json.RawMessage) (json.RawMessage, error) {
	var evt event.Event
	if err := json.Unmarshal(data, &evt); err != nil {
		return nil, err
	}
	evt.Type.Class = event.MessageEventType
	if err := evt.Content.ParseRaw(evt.Type); err != nil {
		return nil, err
	}
	decrypted, err := p.crypto.Decrypt(ctx, &evt)
	if err != nil {
		return nil, err
	} else if decrypted.Type != event.EventMessage {
		return nil, fmt.Errorf("it is a %s", decrypted.Type.Type)
	}
	return slices.Clone(decrypted.Content.VeryRaw), nil
}

// Await is Server.Await for what the bot says encrypted: it reads that as long as done reports false.
func (p *Person) Await(ctx context.Context, done func(*View) bool) error {
	for {
		isDone := false
		err := p.server.Await(ctx, func(v *View) bool {
			isDone = done(v)
			return isDone || v.Unread() > 0
		})
		if err != nil || isDone {
			return err
		} else if err = p.Read(ctx); err != nil {
			return err
		}
	}
}
