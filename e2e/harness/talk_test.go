package harness

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// meet brings two people into one new room of the first.
func meet(t *testing.T, f *Fixture, host, guest *Client, options RoomOptions) id.RoomID {
	t.Helper()
	options.Invite = []id.UserID{guest.UserID()}
	room, err := host.CreateRoom(f.Ctx, options)
	require.NoError(t, err)
	_, err = guest.WaitEvent(f.Ctx, room, Membership(guest.UserID(), event.MembershipInvite))
	require.NoError(t, err)
	require.NoError(t, guest.Join(f.Ctx, room))
	_, err = host.WaitEvent(f.Ctx, room, Membership(guest.UserID(), event.MembershipJoin))
	require.NoError(t, err)
	return room
}

func bodies(events []Entry) []string {
	var all []string
	for _, evt := range events {
		all = append(all, evt.Content.AsMessage().Body)
	}
	return all
}

func isMessage(evt *event.Event) bool { return evt.Type == event.EventMessage }

func TestTwoPeopleTalk(t *testing.T) {
	const count = 100
	for _, test := range []struct {
		name       string
		encryption Encryption
		onServer   event.Type
	}{
		{name: "in a plain room, in order", encryption: Plain, onServer: event.EventMessage},
		{name: "in an encrypted room, in order", encryption: Encrypted, onServer: event.EventEncrypted},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := NewFixture(t, homeserver)
			alice, bob := f.Person("alice", test.encryption), f.Person("bob", test.encryption)
			room := meet(t, f, alice, bob, RoomOptions{Encrypted: bool(test.encryption)})

			var sent []string
			for i := range count {
				text := fmt.Sprintf("message %d", i)
				sender := []*Client{alice, bob}[i%2]
				_, err := sender.Send(f.Ctx, room, text)
				require.NoError(t, err)
				sent = append(sent, text)
			}

			for _, person := range []*Client{alice, bob} {
				seen, err := person.WaitMany(f.Ctx, room, count, isMessage)
				require.NoError(t, err)
				require.Equal(t, sent, bodies(seen), "what %s saw", person.UserID())
			}
			require.Equal(t, sent, historyBodies(t, f, bob, room))
			requireTypeOnServer(t, f, alice, room, seenID(t, f, bob, room, "message 7"), test.onServer)
		})
	}
}

func historyBodies(t *testing.T, f *Fixture, person *Client, room id.RoomID) []string {
	t.Helper()
	history, err := person.History(f.Ctx, room)
	require.NoError(t, err)
	var all []string
	for _, evt := range history {
		if isMessage(evt) {
			all = append(all, evt.Content.AsMessage().Body)
		}
	}
	return all
}

func seenID(t *testing.T, f *Fixture, person *Client, room id.RoomID, text string) id.EventID {
	t.Helper()
	entry, err := person.WaitEvent(f.Ctx, room, Says(text))
	require.NoError(t, err)
	return entry.ID
}

// requireTypeOnServer looks at what the homeserver stores, without decrypting.
func requireTypeOnServer(t *testing.T, f *Fixture, person *Client, room id.RoomID, evt id.EventID, want event.Type) {
	t.Helper()
	stored, err := person.Matrix().GetEvent(f.Ctx, room, evt)
	require.NoError(t, err)
	require.Equal(t, want.Type, stored.Type.Type)
}

func TestMessageForms(t *testing.T) {
	f := NewFixture(t, homeserver)
	alice, bob := f.Person("alice", Plain), f.Person("bob", Plain)
	room := meet(t, f, alice, bob, RoomOptions{})

	_, err := alice.SendMarkdown(f.Ctx, room, "some **bold** text")
	require.NoError(t, err)
	_, err = alice.SendHTML(f.Ctx, room, "plain", "<b>rich</b>")
	require.NoError(t, err)
	_, err = alice.SendEmote(f.Ctx, room, "waves")
	require.NoError(t, err)

	seen, err := bob.WaitMany(f.Ctx, room, 3, isMessage)
	require.NoError(t, err)
	markdown, html, emote := seen[0].Content.AsMessage(), seen[1].Content.AsMessage(), seen[2].Content.AsMessage()
	require.Equal(t, "some **bold** text", markdown.Body)
	require.Equal(t, "some <strong>bold</strong> text", markdown.FormattedBody)
	require.Equal(t, "<b>rich</b>", html.FormattedBody)
	require.Equal(t, event.MsgEmote, emote.MsgType)
}

func TestReceiptsAreSeen(t *testing.T) {
	f := NewFixture(t, homeserver)
	alice, bob := f.Person("alice", Plain), f.Person("bob", Plain)
	room := meet(t, f, alice, bob, RoomOptions{})
	sent, err := alice.Send(f.Ctx, room, "read me")
	require.NoError(t, err)
	_, err = bob.WaitEvent(f.Ctx, room, HasID(sent))
	require.NoError(t, err)

	require.NoError(t, bob.Matrix().MarkRead(f.Ctx, room, sent))
	_, err = alice.WaitEvent(f.Ctx, room, ReadBy(bob.UserID(), sent))
	require.NoError(t, err)
	for _, entry := range alice.Timeline(room) {
		require.NotEqual(t, event.EphemeralEventReceipt, entry.Type, "a receipt is no part of the timeline")
	}
}

func TestPlainClientRefusesEncryptedRoom(t *testing.T) {
	f := NewFixture(t, homeserver)
	alice, bob := f.Person("alice", Encrypted), f.Person("bob", Plain)
	room := meet(t, f, alice, bob, RoomOptions{Encrypted: true})

	_, err := bob.Send(f.Ctx, room, "in clear")
	require.ErrorContains(t, err, "the room is encrypted")
}

func TestRoomAdministration(t *testing.T) {
	f := NewFixture(t, homeserver)
	alice, bob := f.Person("alice", Plain), f.Person("bob", Plain)
	room, err := alice.CreateRoom(f.Ctx, RoomOptions{Public: true})
	require.NoError(t, err)
	require.NoError(t, bob.Join(f.Ctx, room), "a public room needs no invitation")

	carol := id.UserID(f.Account("carol").User)
	require.NoError(t, alice.SetPowerLevel(f.Ctx, room, carol, 25))
	require.NoError(t, alice.SetPowerLevel(f.Ctx, room, bob.UserID(), 50))
	_, err = bob.WaitEvent(f.Ctx, room, func(evt *event.Event) bool {
		return evt.Type == event.StatePowerLevels && evt.Content.AsPowerLevels().GetUserLevel(bob.UserID()) == 50
	})
	require.NoError(t, err)
	var levels event.PowerLevelsEventContent
	require.NoError(t, alice.Matrix().StateEvent(f.Ctx, room, event.StatePowerLevels, "", &levels))
	require.Equal(t, 25, levels.GetUserLevel(carol), "the others' levels stay")

	require.NoError(t, alice.Kick(f.Ctx, room, bob.UserID(), "enough"))
	kicked, err := bob.WaitEvent(f.Ctx, room, Membership(bob.UserID(), event.MembershipLeave))
	require.NoError(t, err)
	require.Equal(t, alice.UserID(), kicked.Sender)
}
