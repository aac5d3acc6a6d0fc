package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
)

func TestSomebodyOnWazoWritesToTheRelayWithoutLink(t *testing.T) {
	inEachSetting(t, testSomebodyOnWazoWritesToTheRelayWithoutLink)
}

func testSomebodyOnWazoWritesToTheRelayWithoutLink(t *testing.T, robin client, encrypted bool) {
	s := open(t, robin, stage.Config{})
	first, author := s.newWazoRoom("Lonely")
	s.Wazo.Post(first.UUID, author, "Is anybody there?", "")
	s.waitExplanation(t, first)
	s.Wazo.Post(first.UUID, author, "Hello?", "")

	// Another room's explanation comes after anything that was owed to the first.
	second, other := s.newWazoRoom("Lonely too")
	s.Wazo.Post(second.UUID, other, "Is anybody here?", "")
	s.waitExplanation(t, second)
	explained := 0
	for _, message := range s.Wazo.Messages(first.UUID) {
		if s.FromRelay(message) {
			explained++
		}
	}
	require.Equal(t, 1, explained, "one explanation, not one for each message")

	t.Run("and nothing of that is relayed once the room is linked", func(t *testing.T) {
		room := s.invite(t, s.Robin, harness.RoomOptions{Encrypted: encrypted})
		s.requireLinks(t, room, first.UUID, first, author)
		p := &portal{fixture: s, Portal: stage.Portal{Matrix: room, Wazo: first.UUID}, author: author}
		require.Len(t, p.onMatrix(t), 1, "only the talk after the link")
	})
}

func (s *fixture) waitExplanation(t *testing.T, room wazotest.Room) {
	t.Helper()
	_, err := s.Wazo.WaitMessage(s.ctx, room.UUID, func(message wazotest.Message) bool {
		return s.FromRelay(message) && message.Alias == nil
	})
	require.NoError(t, err)
	require.Contains(t, contents(s.Wazo.Messages(room.UUID))[1], "not linked with a Matrix room")
}
