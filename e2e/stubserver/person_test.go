package stubserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// More messages than a room key encrypts go both ways, so keys are handed out anew.
func TestPersonAndBotExchangeEncryptedMessages(t *testing.T) {
	const messages = 150
	server := startServer(t)
	person, err := server.NewPerson(t.Context(), robin)
	require.NoError(t, err)
	bot := startEncryptingBot(t, server)
	room, err := person.MakeRoom(t.Context())
	require.NoError(t, err)
	_, err = bot.client.JoinRoomByID(t.Context(), room)
	require.NoError(t, err)

	var asked, answered []string
	for i := range messages {
		asked = append(asked, fmt.Sprint("question ", i))
		require.NoError(t, person.Say(t.Context(), room, asked[i]))
	}
	bot.sync(t)
	require.Equal(t, asked, bot.heard)

	for i := range messages {
		answered = append(answered, fmt.Sprint("answer ", i))
		_, err = bot.client.SendText(t.Context(), room, answered[i])
		require.NoError(t, err)
	}
	_, err = bot.client.SendNotice(t.Context(), room, "That is all.")
	require.NoError(t, err)
	require.Zero(t, server.RelayedInAll(), "nobody has read them yet")
	require.NoError(t, server.Await(t.Context(), func(v *View) bool { return v.Unread() == messages+1 }))
	require.NoError(t, person.Await(t.Context(), func(v *View) bool { return v.Says(room, "That is all.") }))
	require.Equal(t, answered, server.Relayed(room))
	require.Equal(t, messages, server.RelayedInAll())

	for _, entry := range server.log {
		require.NotContains(t, string(entry.data), "question")
		require.NotContains(t, string(entry.data), "answer")
	}
	require.Len(t, bot.sessions, 2, "a room key encrypts a hundred messages")
	require.NoError(t, server.Faults())
}

func TestServerTellsHowManyOneTimeKeysAreLeft(t *testing.T) {
	server := startServer(t)
	_, err := server.NewPerson(t.Context(), robin)
	require.NoError(t, err)
	bot := startEncryptingBot(t, server)
	claim := &mautrix.ReqClaimKeys{OneTimeKeys: mautrix.OneTimeKeysRequest{
		robin: {personDevice: id.KeyAlgorithmSignedCurve25519}, bot.client.UserID: {bot.client.DeviceID: id.KeyAlgorithmSignedCurve25519},
	}}
	before := server.account.Keys.Count(bot.client.DeviceID.String())
	claimed := make(map[id.KeyID]bool)
	for range 2 {
		answer, err := bot.client.ClaimKeys(t.Context(), claim)
		require.NoError(t, err)
		for _, devices := range answer.OneTimeKeys {
			for _, keys := range devices {
				for name := range keys {
					claimed[name] = true
				}
			}
		}
	}
	require.Len(t, claimed, 4, "no key is given away twice")
	server.MakeRoom(robin)
	answer, err := bot.client.FullSyncRequest(t.Context(), mautrix.ReqSync{})
	require.NoError(t, err)
	require.Equal(t, before-2, answer.DeviceOTKCount.SignedCurve25519)
}

func TestServerNamesWhatIsSaidInClearInAnEncryptedRoom(t *testing.T) {
	h := startClient(t)
	room := h.makeRoom(robin, true)
	h.post(t, "/rooms/"+room.String()+"/join")
	var sent struct{}
	h.do(t, http.MethodPut, "/rooms/"+room.String()+"/send/m.room.message/1", `{"msgtype": "m.text", "body": "Hello"}`, &sent)
	require.Empty(t, h.Relayed(room))
	require.ErrorContains(t, h.Faults(), "in clear")
}

func startServer(t *testing.T) *Server {
	t.Helper()
	server := Start(bot, "secret")
	t.Cleanup(server.Close)
	return server
}

// encryptingBot is a mautrix client with the account of the bot.
type encryptingBot struct {
	client   *mautrix.Client
	heard    []string
	sessions map[id.SessionID]bool // by which others encrypted
	since    string
}

func startEncryptingBot(t *testing.T, server *Server) *encryptingBot {
	t.Helper()
	client, err := mautrix.NewClient(server.URL(), "", "")
	require.NoError(t, err)
	b := &encryptingBot{client: client, sessions: make(map[id.SessionID]bool)}
	client.StateStore = mautrix.NewMemoryStateStore()
	_, err = client.Login(t.Context(), &mautrix.ReqLogin{
		Type: mautrix.AuthTypePassword, Password: "secret", StoreCredentials: true,
		Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: bot.String()},
	})
	require.NoError(t, err)
	helper, err := cryptohelper.NewCryptoHelper(client, []byte("key"), crypto.NewMemoryStore(nil))
	require.NoError(t, err)
	syncer := client.Syncer.(*mautrix.DefaultSyncer)
	syncer.OnEvent(client.StateStoreSyncHandler)
	syncer.OnEventType(event.EventMessage, func(_ context.Context, evt *event.Event) {
		b.heard = append(b.heard, evt.Content.AsMessage().Body)
	})
	syncer.OnEventType(event.EventEncrypted, func(_ context.Context, evt *event.Event) {
		b.sessions[evt.Content.AsEncrypted().SessionID] = true
	})
	require.NoError(t, helper.Init(t.Context()))
	client.Crypto = helper
	return b
}

// sync takes in everything that the server has.
func (b *encryptingBot) sync(t *testing.T) {
	t.Helper()
	filter, err := json.Marshal(mautrix.Filter{Room: &mautrix.RoomFilter{Timeline: &mautrix.FilterPart{Limit: 500}}})
	require.NoError(t, err)
	answer, err := b.client.FullSyncRequest(t.Context(), mautrix.ReqSync{Since: b.since, FilterID: string(filter)})
	require.NoError(t, err)
	require.NoError(t, b.client.Syncer.ProcessResponse(t.Context(), answer, b.since))
	b.since = answer.NextBatch
}
