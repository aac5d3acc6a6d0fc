package cases

import (
	"slices"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// If Wazo has the plugin, replies and reactions are such on Wazo: those of a person who has logged in by the person's
// own account, and all others by the relay's account, with a line that says who reacted, unless there is only one
// person who could.
func TestPluginShowsRepliesAndReactionsOfMatrix(t *testing.T) {
	inEachSetting(t, func(t *testing.T, robin client, encrypted bool) {
		cfg := withPage(t)
		cfg.WazoOptions = append(cfg.WazoOptions, wazotest.WithPlugin())
		s := open(t, robin, cfg)
		p, own := s.ownPortal(t, encrypted)
		question := p.post("*who* comes?")
		theirs := p.waitOnMatrix(t, "comes?").ID

		p.answer(t, p.Robin, theirs, "through the relay")
		through := p.waitOnWazo(t, "through the relay")
		require.Equal(t, "through the relay", through.Content, "without a quote")
		p.waitMarked(t, through, question)
		thumb := p.react(t, p.Robin, theirs, "👍")
		p.waitReactions(t, wazotest.Reaction{MessageUUID: question.UUID, UserUUID: s.Cast.Relay.UUID, Emoji: "👍"})
		_, err := p.Robin.Matrix().RedactEvent(p.ctx, p.Matrix, thumb)
		require.NoError(t, err)
		p.waitReactions(t)

		p.logInByPage(t, own)
		marian := p.person(t, "marian", harness.Encrypted)
		require.NoError(t, p.Robin.Invite(p.ctx, p.Matrix, marian.UserID()))
		p.join(t, marian, p.Matrix)
		p.react(t, p.Robin, theirs, "❤️")
		p.react(t, marian, theirs, "❤")
		line := p.waitOnWazo(t, "❤")
		require.Equal(t, "❤", line.Content)
		require.Contains(t, *line.Alias, marian.UserID().Localpart())
		p.waitMarked(t, line, question)
		p.waitReactions(t,
			wazotest.Reaction{MessageUUID: question.UUID, UserUUID: own.UUID, Emoji: "❤️"},
			wazotest.Reaction{MessageUUID: question.UUID, UserUUID: s.Cast.Relay.UUID, Emoji: "❤"})
		p.answer(t, p.Robin, theirs, "as myself")
		p.waitOwn(t, own, "as myself")
		replies := p.Wazo().Messages(p.Portal.Wazo)
		p.waitMarked(t, replies[len(replies)-1], question)
		require.Equal(t, []string{"through the relay", "❤"}, p.onWazo())
	})
}

// answer has somebody reply to an event.
func (p *portal) answer(t *testing.T, person *harness.Client, target id.EventID, text string) id.EventID {
	t.Helper()
	return p.sendEvent(t, person, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": text, "m.relates_to": map[string]any{"m.in_reply_to": map[string]any{"event_id": target}},
	})
}

// waitMarked waits until a message on Wazo is a reply to another one.
func (p *portal) waitMarked(t *testing.T, child, parent wazotest.Message) {
	t.Helper()
	err := p.Wazo().WaitReplies(p.ctx, p.Portal.Wazo, func(replies []wazotest.Reply) bool {
		return slices.ContainsFunc(replies, func(y wazotest.Reply) bool { return y.ChildUUID == child.UUID && y.ParentUUID == parent.UUID })
	})
	require.NoError(t, err, "%q is no reply", child.Content)
}

// waitReactions waits until exactly these reactions are on Wazo, whenever they came.
func (p *portal) waitReactions(t *testing.T, want ...wazotest.Reaction) {
	t.Helper()
	err := p.Wazo().WaitReactions(p.ctx, p.Portal.Wazo, func(reactions []wazotest.Reaction) bool {
		for _, x := range reactions {
			if !slices.Contains(want, wazotest.Reaction{MessageUUID: x.MessageUUID, UserUUID: x.UserUUID, Emoji: x.Emoji}) {
				return false
			}
		}
		return len(reactions) == len(want)
	})
	require.NoError(t, err, "on Wazo: %v", p.Wazo().Reactions(p.Portal.Wazo))
}
