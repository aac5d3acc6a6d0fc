package cases

import (
	"bytes"
	"net/http"
	"os"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// Homeservers do not tell that a Matrix account is deactivated: its user leaves all rooms. So the room of a
// conversation ends, and one further room waits for somebody who never joins it. Others are not disturbed, and an
// administrator sees that the log-in goes on (docs/administration.md, "Logging in to Wazo").
func TestPersonWhoseMatrixAccountIsDeactivated(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	ally := s.person(t, "ally", harness.Encrypted)
	own, author := s.Hire("Little", "John"), s.Hire("Alice", "Martin")
	linked := s.Wazo.CreateRoom("Sherwood", own, author, s.Cast.Relay)
	link, err := s.Link(s.ctx, s.Robin, harness.RoomOptions{Invite: []id.UserID{ally.UserID()}}, linked.UUID)
	require.NoError(t, err)
	p := &portal{fixture: s, Portal: link, author: author}
	s.join(t, ally, p.Matrix)
	s.logIn(t, ally, p.Matrix, own)

	private := s.Wazo.CreateRoom("", own, author)
	s.Wazo.Post(private.UUID, author, "hello", "")
	room, err := ally.WaitInvite(s.ctx, s.BotID())
	require.NoError(t, err)
	require.NoError(t, ally.Join(s.ctx, room))
	s.waitBot(t, ally, room, harness.Says("hello"))

	s.deactivate(t, ally)
	ended := func() int {
		log, err := os.ReadFile(s.Relay.LogFile())
		require.NoError(t, err)
		return bytes.Count(log, []byte("A conversation is over"))
	}
	s.until(t, "the end of the conversation", func() bool { return ended() == 1 })
	for _, text := range []string{"where are you?", "never mind"} {
		s.Wazo.Post(private.UUID, author, text, "")
	}
	var again id.RoomID
	s.until(t, "the room that waits", func() bool {
		err := s.Relay.QueryDatabase(s.ctx, &again, `SELECT COALESCE(MAX(matrix_room), '') FROM portal WHERE wazo_room = $1`, private.UUID)
		return err == nil && again != ""
	})
	require.NotEqual(t, room, again)
	s.Wazo.Post(private.UUID, author, "I write to Robin", "")
	p.requireTalk(t)
	require.Equal(t, 1, ended(), "no further room was made")
	require.Contains(t, s.ask(t, s.Robin, p.Matrix, "!wazo logins"), ally.UserID().String())
}

// deactivate has a person give up their Matrix account.
func (s *fixture) deactivate(t *testing.T, person *harness.Client) {
	t.Helper()
	client := person.Matrix()
	_, err := client.MakeRequest(s.ctx, http.MethodPost, client.BuildClientURL("v3", "account", "deactivate"), map[string]any{"auth": map[string]any{
		"type": "m.login.password", "password": person.Password(), "identifier": map[string]any{"type": "m.id.user", "user": person.UserID()},
	}}, nil)
	require.NoError(t, err)
}

// until looks again and again until something is true of which nothing tells.
func (s *fixture) until(t *testing.T, what string, isTrue func() bool) {
	t.Helper()
	for !isTrue() {
		require.NoError(t, pause(s.ctx), what)
	}
}
