package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// readerLines is how many lines each side says while the account that reads the
// chat changes twice.
const readerLines = 30

// logIn has a person in a room log in to Wazo, by a dialogue in the direct chat.
func (s *fixture) logIn(t *testing.T, person *harness.Client, room id.RoomID, own wazotest.User) {
	t.Helper()
	require.Contains(t, s.ask(t, person, room, "!wazo login"), "direct chat")
	chat, err := person.WaitInvite(s.ctx, s.BotID())
	require.NoError(t, err)
	require.NoError(t, person.Join(s.ctx, chat))
	if person == s.Robin {
		s.direct = chat
	}
	s.waitBot(t, person, chat, harness.Notice("login"))
	for _, step := range []struct{ text, answer string }{
		{"!wazo login", "user name"}, {own.Username, "What is the password"}, {own.Password, "is logged in to Wazo as"},
	} {
		_, err = person.Send(s.ctx, chat, step.text)
		require.NoError(t, err)
		s.waitBot(t, person, chat, harness.Notice(step.answer))
	}
}

// First the relay account reads the chat. It is removed from it, so that Robin's own
// account takes over. When Robin logs out, the account of the other member does.
func TestAnotherMemberReadsWhenTheReaderGoes(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			testAnotherMemberReads(t, kind.encrypted)
		})
	}
}

func testAnotherMemberReads(t *testing.T, encrypted bool) {
	s := open(t, withMautrix(), stage.Config{})
	ally := s.person(t, "ally", harness.Encrypted)
	own, other, author := s.Hire("Robin", "Hood"), s.Hire("Little", "John"), s.Hire("Alice", "Martin")
	room := s.Wazo.CreateRoom("Sherwood", own, other, author, s.Cast.Relay)
	linked, err := s.Link(s.ctx, s.Robin, harness.RoomOptions{Encrypted: encrypted, Invite: []id.UserID{ally.UserID()}}, room.UUID)
	require.NoError(t, err)
	p := &portal{fixture: s, Portal: linked, author: author}
	s.join(t, ally, p.Matrix)
	s.logIn(t, s.Robin, p.Matrix, own)
	s.logIn(t, ally, p.Matrix, other)

	var said []string
	for n := 1; n <= readerLines; n++ {
		switch n {
		case readerLines / 3:
			s.Wazo.RemoveMember(room.UUID, s.Cast.Relay)
		case 2 * readerLines / 3:
			p.waitOnMatrix(t, line(fromWazo, n-1)) // read by Robin's account
			require.Contains(t, s.ask(t, s.Robin, p.Matrix, "!wazo logout"), "logged out")
		}
		p.post(line(fromWazo, n))
		said = append(said, line(fromMatrix, n))
		_, err = ally.Send(s.ctx, p.Matrix, line(fromMatrix, n))
		require.NoError(t, err)
	}
	p.waitOnMatrix(t, line(fromWazo, readerLines))
	_, err = s.Wazo.WaitMessage(s.ctx, room.UUID, func(message wazotest.Message) bool { return message.Content == line(fromMatrix, readerLines) })
	require.NoError(t, err)

	requireSame(t, lines(fromWazo, p.saidOnWazo()), lines(fromWazo, p.onMatrix(t)), "from Wazo to Matrix")
	var posted []string
	for _, message := range s.Wazo.Messages(room.UUID) {
		if message.UserUUID == other.UUID {
			posted = append(posted, message.Content)
		}
	}
	requireSame(t, said, posted, "from Matrix to Wazo")

	// Robin has no account on Wazo any more, and the relay's account is not a member.
	_, err = s.Robin.Send(s.ctx, p.Matrix, "is anybody there?")
	require.NoError(t, err)
	s.waitBot(t, s.Robin, s.direct, harness.Notice("People on Wazo do not see your messages"))
}
