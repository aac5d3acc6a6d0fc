package cases

import (
	"context"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func withPlugin() stage.Config {
	return stage.Config{WazoOptions: []wazotest.Option{wazotest.WithPlugin()}}
}

// waitRelations waits until Robin's client, with matrix-js-sdk, shows an event as it is expected to.
func (p *portal) waitRelations(t *testing.T, what string, entry harness.Entry, holds func(harness.Relations) bool) {
	t.Helper()
	var last harness.Relations
	for {
		relations, err := p.Robin.JS().Relations(p.ctx, entry)
		require.NoError(t, err)
		if last = relations; holds(last) {
			return
		}
		if err = pause(p.ctx); err != nil {
			t.Fatalf("%s: %+v", what, last)
		}
	}
}

// pause waits before the next look at what nothing tells of.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}

// What people do on Wazo with the plugin is what it is in matrix-js-sdk, too: replies, reactions and, for a mark that
// comes late, an edit.
func TestReactionsAndRepliesOfWazo(t *testing.T) {
	t.Parallel()
	s := open(t, withJSSDK(), withPlugin())
	inEachKind(t, func(t *testing.T, encrypted bool) {
		p := s.link(t, harness.RoomOptions{Encrypted: encrypted})
		asked := p.post("who comes?")
		question := p.waitOnMatrix(t, "who comes?")
		answered := p.post("I do")
		p.Wazo().MarkReply(p.Portal.Wazo, answered.UUID, asked.UUID, p.author)
		answer := p.waitOnMatrix(t, "I do")
		p.waitRelations(t, "a reply", answer, func(r harness.Relations) bool { return r.ReplyTo == question.ID })

		said, err := p.Robin.Send(p.ctx, p.Matrix, "said on Matrix")
		require.NoError(t, err)
		own := p.waitOnWazo(t, "said on Matrix")
		sent, err := p.Robin.WaitEvent(p.ctx, p.Matrix, func(evt *event.Event) bool { return evt.ID == said })
		require.NoError(t, err)
		only := func(emoji ...string) func(harness.Relations) bool {
			return func(r harness.Relations) bool {
				for _, key := range emoji {
					if senders := r.Reactions[key]; len(senders) != 1 || senders[0] != p.BotID() {
						return false
					}
				}
				return len(r.Reactions) == len(emoji)
			}
		}
		p.Wazo().React(p.Portal.Wazo, own.UUID, p.author, "👍")
		p.waitRelations(t, "a thumb", sent, only("👍"))
		p.Wazo().React(p.Portal.Wazo, own.UUID, p.author, "❤")
		p.waitRelations(t, "a thumb and a heart", sent, only("👍", "❤️"))
		p.Wazo().Unreact(p.Portal.Wazo, own.UUID, p.author, "👍")
		p.waitRelations(t, "a heart", sent, only("❤️"))

		late := p.post("me, too")
		shown := p.waitOnMatrix(t, "me, too")
		p.Wazo().MarkReply(p.Portal.Wazo, late.UUID, asked.UUID, p.author)
		p.waitRelations(t, "an edit", shown, func(r harness.Relations) bool {
			return r.Body == "Alice Martin: > Alice Martin: who comes?\n\nme, too"
		})
		p.requireTalk(t)
	})
}

// The bot reacts for all people on Wazo and says who they are, also after it was restarted and after the plugin was
// away.
func TestWhoHasReactedOnWazo(t *testing.T) {
	t.Parallel()
	s := open(t, withMautrix(), withPlugin())
	room := s.Wazo.CreateRoom("Three", s.Cast.Relay, s.Cast.Alice, s.Cast.Bob)
	linked, err := s.Link(s.ctx, s.Robin, harness.RoomOptions{Encrypted: true}, room.UUID)
	require.NoError(t, err)
	p := &portal{fixture: s, Portal: linked, author: s.Cast.Alice}
	asked := p.post("who comes?")
	question := p.waitOnMatrix(t, "who comes?")
	s.Wazo.React(room.UUID, asked.UUID, s.Cast.Bob, "👍")
	notice := s.waitBot(t, s.Robin, p.Matrix, harness.Notice("👍 Bob"))
	require.Equal(t, question.ID, notice.Content.AsMessage().RelatesTo.GetReplyTo())
	require.Empty(t, notice.Content.AsMessage().Mentions.UserIDs)

	require.NoError(t, s.Relay.Restart(s.ctx))
	s.Wazo.React(room.UUID, asked.UUID, s.Cast.Alice, "👍")
	edit := s.waitBot(t, s.Robin, p.Matrix, harness.Says("👍 Bob Stone, Alice Martin"))
	require.Equal(t, notice.ID, edit.Content.AsMessage().RelatesTo.GetReplaceID())
	p.requireTalk(t)
	events, err := s.Robin.History(s.ctx, p.Matrix)
	require.NoError(t, err)
	var reactions []id.EventID
	for _, evt := range events {
		if evt.Type == event.EventReaction {
			reactions = append(reactions, evt.ID)
		}
	}
	require.Len(t, reactions, 1, "the bot reacts once for both")

	s.Wazo.Unreact(room.UUID, asked.UUID, s.Cast.Alice, "👍")
	s.Wazo.Unreact(room.UUID, asked.UUID, s.Cast.Bob, "👍")
	for _, gone := range []id.EventID{reactions[0], notice.ID} {
		_, err = s.Robin.WaitEvent(s.ctx, p.Matrix, func(evt *event.Event) bool {
			redacts, _ := evt.Content.Raw["redacts"].(string)
			return evt.Type == event.EventRedaction && (evt.Redacts == gone || redacts == gone.String())
		})
		require.NoError(t, err)
	}
}
