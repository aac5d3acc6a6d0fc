package harness

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

func TestJSPersonTalksWithMautrixPerson(t *testing.T) {
	const count = 40
	for _, test := range []struct {
		name      string
		encrypted bool
		onServer  event.Type
	}{
		{name: "in a plain room", onServer: event.EventMessage},
		{name: "in an encrypted room", encrypted: true, onServer: event.EventEncrypted},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := NewFixture(t, homeserver)
			// mautrix's person has no cross-signing: its device is unsigned.
			alice, bob := f.JSPerson(js, "alice", AllDevices), f.Person("bob", Encrypted)
			room := meet(t, f, alice, bob, RoomOptions{Encrypted: test.encrypted})
			var sent []string
			for i := range count {
				text := fmt.Sprintf("message %d", i)
				_, err := []*Client{alice, bob}[i%2].Send(f.Ctx, room, text)
				require.NoError(t, err)
				sent = append(sent, text)
			}
			for _, person := range []*Client{alice, bob} {
				seen, err := person.WaitMany(f.Ctx, room, count, isMessage)
				require.NoError(t, err)
				require.Equal(t, sent, bodies(seen), "what %s saw", person.UserID())
				require.Equal(t, sent, historyBodies(t, f, person, room))
				for _, entry := range seen {
					require.Equal(t, test.encrypted, entry.Mautrix.WasEncrypted)
				}
			}
			requireTypeOnServer(t, f, alice, room, seenID(t, f, bob, room, "message 0"), test.onServer)

			require.NoError(t, bob.Matrix().MarkRead(f.Ctx, room, seenID(t, f, bob, room, "message 0")))
			_, err := alice.WaitEvent(f.Ctx, room, ReadBy(bob.UserID(), seenID(t, f, alice, room, "message 0")))
			require.NoError(t, err)
		})
	}
}

func TestFilesBetweenEngines(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("encrypted %t", encrypted), func(t *testing.T) {
			f := NewFixture(t, homeserver)
			alice, bob := f.JSPerson(js, "alice", AllDevices), f.Person("bob", Encrypted)
			room := meet(t, f, alice, bob, RoomOptions{Encrypted: encrypted})
			for _, way := range []struct{ from, to *Client }{{alice, bob}, {bob, alice}} {
				file := File{Name: "from " + way.from.UserID().Localpart(), MimeType: "image/png", MsgType: event.MsgImage, Data: []byte(randomHex())}
				_, err := way.from.SendFile(f.Ctx, room, file)
				require.NoError(t, err)
				entry, err := way.to.WaitEvent(f.Ctx, room, Says(file.Name))
				require.NoError(t, err)
				message := entry.Content.AsMessage()
				require.Equal(t, encrypted, message.File != nil)
				data, err := way.to.ReadFile(f.Ctx, message)
				require.NoError(t, err)
				require.Equal(t, file.Data, data)
			}
		})
	}
}

// What the trust that tests see rests on: people who sign their devices.
func TestJSPeopleTrustSignedDevicesOnly(t *testing.T) {
	f := NewFixture(t, homeserver)
	alice, bob := f.JSPerson(js, "alice", OnlySignedDevices), f.JSPerson(js, "bob", OnlySignedDevices)
	unsigned := f.Person("mallory", Encrypted)
	room := meet(t, f, alice, bob, RoomOptions{Encrypted: true})
	require.NoError(t, alice.Invite(f.Ctx, room, unsigned.UserID()))
	require.NoError(t, unsigned.Join(f.Ctx, room))

	t.Run("a signed device", func(t *testing.T) {
		devices, err := alice.JS().Devices(f.Ctx, bob.UserID())
		require.NoError(t, err)
		require.Equal(t, []Device{{ID: bob.Matrix().DeviceID, SignedByOwner: true}}, devices)
		_, err = bob.Send(f.Ctx, room, "from a signed device")
		require.NoError(t, err)
		entry, err := alice.WaitEvent(f.Ctx, room, Says("from a signed device"))
		require.NoError(t, err)
		shield, err := alice.JS().Shield(f.Ctx, entry)
		require.NoError(t, err)
		require.Equal(t, NoShield, shield)
	})
	t.Run("an unsigned device", func(t *testing.T) {
		devices, err := alice.JS().Devices(f.Ctx, unsigned.UserID())
		require.NoError(t, err)
		require.Equal(t, []Device{{ID: unsigned.Matrix().DeviceID}}, devices)
		sent, err := unsigned.Send(f.Ctx, room, "from an unsigned device")
		require.NoError(t, err)
		entry, err := alice.WaitEvent(f.Ctx, room, HasID(sent))
		require.NoError(t, err)
		require.Equal(t, event.EventEncrypted, entry.Type, "it is not shown")
		sent, err = alice.Send(f.Ctx, room, "not for unsigned devices")
		require.NoError(t, err)
		entry, err = unsigned.WaitEvent(f.Ctx, room, HasID(sent))
		require.NoError(t, err)
		require.Equal(t, event.EventEncrypted, entry.Type, "it gets no key")
	})
	t.Run("an unsigned device once unsigned ones are accepted", func(t *testing.T) {
		require.NoError(t, alice.JS().Isolate(f.Ctx, AllDevices))
		_, err := unsigned.Send(f.Ctx, room, "from an unsigned device, again")
		require.NoError(t, err)
		entry, err := alice.WaitEvent(f.Ctx, room, Says("from an unsigned device, again"))
		require.NoError(t, err)
		shield, err := alice.JS().Shield(f.Ctx, entry)
		require.NoError(t, err)
		require.Equal(t, Shield{Colour: "RED", Reason: "UNSIGNED_DEVICE"}, shield)
	})
}

// mautrix's way to sign a device is good enough for matrix-js-sdk.
func TestJSPersonTrustsMautrixDeviceThatIsSigned(t *testing.T) {
	f := NewFixture(t, homeserver)
	alice, bob := f.JSPerson(js, "alice", OnlySignedDevices), f.Person("bob", Encrypted)
	_, err := bob.engine.(*mautrixEngine).crypto.Machine().GenerateAndVerifyWithRecoveryKey(f.Ctx)
	require.NoError(t, err)
	room := meet(t, f, alice, bob, RoomOptions{Encrypted: true})
	_, err = bob.Send(f.Ctx, room, "from a device signed by mautrix")
	require.NoError(t, err)
	entry, err := alice.WaitEvent(f.Ctx, room, Says("from a device signed by mautrix"))
	require.NoError(t, err)
	shield, err := alice.JS().Shield(f.Ctx, entry)
	require.NoError(t, err)
	require.Equal(t, NoShield, shield)
	_, err = alice.Send(f.Ctx, room, "to a device signed by mautrix")
	require.NoError(t, err)
	_, err = bob.WaitEvent(f.Ctx, room, Says("to a device signed by mautrix"))
	require.NoError(t, err)
}

func TestJSPersonOnAnotherDevice(t *testing.T) {
	f := NewFixture(t, homeserver)
	alice, bob := f.JSPerson(js, "alice", OnlySignedDevices), f.JSPerson(js, "bob", OnlySignedDevices)
	room := meet(t, f, alice, bob, RoomOptions{Encrypted: true})
	_, err := alice.Send(f.Ctx, room, "from the first device")
	require.NoError(t, err)
	_, err = bob.WaitEvent(f.Ctx, room, Says("from the first device"))
	require.NoError(t, err)

	second := f.NewDevice(alice)
	require.NotEqual(t, alice.Matrix().DeviceID, second.Matrix().DeviceID)
	sent, err := second.Send(f.Ctx, room, "from the second device")
	require.NoError(t, err)
	for _, person := range []*Client{alice, bob} {
		entry, err := person.WaitEvent(f.Ctx, room, HasID(sent))
		require.NoError(t, err)
		require.Equal(t, "from the second device", entry.Content.AsMessage().Body)
	}
	devices, err := bob.JS().Devices(f.Ctx, alice.UserID())
	require.NoError(t, err)
	require.ElementsMatch(t, []Device{
		{ID: alice.Matrix().DeviceID, SignedByOwner: true}, {ID: second.Matrix().DeviceID, SignedByOwner: true},
	}, devices)
	identity, err := bob.JS().Identity(f.Ctx, alice.UserID())
	require.NoError(t, err)
	require.Equal(t, Identity{CrossSigning: true}, identity, "the keys are still those seen first")
	require.NoError(t, alice.JS().DiscardSession(f.Ctx, room))
	require.NoError(t, second.JS().LogOut(f.Ctx))
}

func TestJSHostSaysWhatIsWrong(t *testing.T) {
	f := NewFixture(t, homeserver)
	alice := f.JSPerson(js, "alice", OnlySignedDevices)
	_, err := alice.JS().Shield(f.Ctx, Entry{Event: &event.Event{RoomID: "!none", ID: "$none"}})
	require.ErrorContains(t, err, "$none is not in the timeline")

	host, err := StartJSHost(f.Ctx, t.TempDir())
	require.NoError(t, err)
	host.proc.kill()
	err = host.call(f.Ctx, "nobody", "close", nil, nil)
	require.Error(t, err)
	require.Error(t, host.Stop(), "it had ended by itself")
}

func TestMissingNPMIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := npmInstall(t.Context(), t.TempDir())
	require.ErrorIs(t, err, errNoNPM)
	require.ErrorContains(t, err, "hint: install it")
}
