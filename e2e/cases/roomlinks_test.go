package cases

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// The bot is in a room of Robin's. People on Wazo read its name if Robin links to it, but not if somebody does who has
// guessed its id.
func TestLinksToRoomsOnWazo(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), stage.Config{})
	board := s.invite(t, s.Robin, harness.RoomOptions{Name: "Board"})
	guest := s.person(t, "guest", harness.Encrypted)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			p := s.link(t, harness.RoomOptions{Name: "Support", Encrypted: kind.encrypted, Invite: []id.UserID{guest.UserID()}})
			s.join(t, guest, p.Matrix)
			link := board.URI().MatrixToURL()
			p.message(t, p.Robin, "see "+link, nil)
			p.message(t, p.Robin, "here: "+p.Matrix.URI().MatrixToURL(), nil)
			p.waitOnWazo(t, "here")
			guessed := p.message(t, guest, "what is "+link, nil)
			p.waitOnWazo(t, "what is")
			p.message(t, p.Robin, "a secret", answerTo(guessed))
			p.waitOnWazo(t, "a secret")
			p.post("and " + link)
			fromWazo := p.waitOnMatrix(t, "and ")
			p.message(t, p.Robin, "a secret for you, too", answerTo(fromWazo.ID))
			p.waitOnWazo(t, "for you, too")
			require.Equal(t, []string{"see Board", "here: Support", "what is " + link}, p.onWazo()[:3])
			for _, text := range p.onWazo()[2:] {
				require.NotContains(t, text, "Board")
			}
		})
	}
}
