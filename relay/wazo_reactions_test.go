package relay

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestReactionsOfWazoAreShownOnMatrix(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
	f.awaitWho("👍 Bob Stone")
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "👍")
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "❤")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "❤️")
	f.awaitWho("👍 Bob Stone, Alice Martin · ❤️ Alice Martin, Bob Stone")
	f.awaitReacted("❤️ Alice Martin: who comes?", "👍 Alice Martin: who comes?")

	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitWho("👍 Alice Martin · ❤️ Alice Martin, Bob Stone")
	f.awaitReacted("❤️ Alice Martin: who comes?", "👍 Alice Martin: who comes?")
	f.wazo.Unreact(f.room.UUID, question.UUID, f.alice, "👍")
	f.awaitReacted("❤️ Alice Martin: who comes?")
	f.wazo.Unreact(f.room.UUID, question.UUID, f.alice, "❤")
	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "❤️")
	f.awaitReacted()
	f.awaitWho()
	require.Empty(t, f.relayed(), "nothing comes back")

	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
	f.awaitWho("👍 Bob Stone")
}

func TestNoticeOfWhoHasReacted(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitWho("👍 Bob Stone")
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	for _, evt := range f.matrix.rooms[roomID] {
		if evt.Tag != nil && evt.Tag.Kind == TagReactions {
			require.JSONEq(t, fmt.Sprintf(`{"msgtype":"m.notice","body":"👍 Bob Stone","m.mentions":{},"m.relates_to":{"m.in_reply_to":{"event_id":%q}},"io.wazo.relay":{"kind":"reactions","about":%[1]q}}`, evt.Tag.About), string(evt.Content.VeryRaw))
		}
	}
}

func TestNobodyIsToldWhatIsObvious(t *testing.T) {
	t.Parallel()
	f := newFixture(t, wazotest.WithPlugin())
	f.room = f.wazo.CreateRoom("Two", f.relay, f.alice)
	f.start()
	f.link()
	question := f.postShown(f.alice, "hello")
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "👍")
	f.awaitReacted("👍 Alice Martin: hello")
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "🎉")
	f.awaitReacted("🎉 Alice Martin: hello", "👍 Alice Martin: hello")
	f.settled()
	require.Empty(t, f.matrix.who())
}

func TestReactionsToWhatWasSaidOnMatrix(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	f.matrix.say(adminUser, "hello")
	posted := f.awaitMessage("hello")
	f.wazo.React(f.room.UUID, posted.UUID, f.bob, "👍")
	f.awaitReacted("👍 hello")
}

// A notice that was removed, or is not wanted any more before it is due, is forgotten: the next one waits for others
// again.
func TestNoticesThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	isForgotten := func() bool {
		f.core.wazoRelations.reactions.notices.mu.Lock()
		defer f.core.wazoRelations.reactions.notices.mu.Unlock()
		return len(f.core.wazoRelations.reactions.notices.since) == 0
	}
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitWho("👍 Bob Stone")
	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitWho()
	await.Until(t, "the notice that was removed to be forgotten", isForgotten)

	f.halt()
	f.reactionWait = time.Hour
	f.start()
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	await.Until(t, "a notice that waits", func() bool { return !isForgotten() })
	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
	await.Until(t, "the notice that is not wanted any more to be forgotten", isForgotten)
}

// A reaction that the bot may not show is shown as soon as it may.
func TestReactionsWhileTheBotMayNotSpeak(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.awaitEmpty()
	refused := make(chan string, 100)
	f.matrix.mu.Lock()
	f.matrix.beforeSend = func(content string) error {
		refused <- content
		return errRefused
	}
	f.matrix.mu.Unlock()
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	await.Until(t, "an attempt to say who has reacted: a room may allow messages and no reactions", func() bool { return <-refused == "👍 Bob Stone" })
	f.settled()
	f.matrix.mu.Lock()
	f.matrix.beforeSend = nil
	f.matrix.mu.Unlock()
	f.matrix.add(roomID, adminUser, event.StatePowerLevels, map[string]any{"events_default": 0}, func(evt *event.Event) { evt.StateKey = new(string) })
	f.awaitReacted("👍 Alice Martin: who comes?")
	f.awaitWho("👍 Bob Stone")
}

func TestReactionsOfTheRelayAccountDoNotComeBack(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.relay, "👍")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "🎉")
	f.awaitReacted("🎉 Alice Martin: who comes?")
	f.awaitWho("🎉 Bob Stone")
}

func TestReactionsThatAreNoEmoji(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	for _, emoji := range []string{"", "/", "\u200b", "a\nb", "<b>"} {
		f.wazo.React(f.room.UUID, question.UUID, f.bob, emoji)
	}
	f.awaitReacted("/ Alice Martin: who comes?", "<b> Alice Martin: who comes?", "a b Alice Martin: who comes?")
}

func TestReactionsWhileTheirMessageWaits(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	f.matrix.mu.Lock()
	turn := make(chan struct{})
	f.matrix.awaitTurn = func() { <-turn }
	f.matrix.mu.Unlock()
	question := f.wazo.Post(f.room.UUID, f.alice, "who comes?", "")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	await.Until(t, "the reaction to be read", func() bool {
		f.core.wazoRelations.mu.Lock()
		defer f.core.wazoRelations.mu.Unlock()
		return f.core.wazoRelations.awaiting[portal.ID][wazoapi.UUID(question.UUID)]
	})
	f.settled()
	require.Empty(t, f.matrix.reacted())
	close(turn)
	f.awaitReacted("👍 Alice Martin: who comes?")
}

func TestReactionsWhileTheRelayIsDown(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
	f.awaitWho("👍 Bob Stone")
	f.halt()
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "🎉")
	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
	f.start()
	f.awaitReacted("🎉 Alice Martin: who comes?")
	f.awaitWho("🎉 Alice Martin")
}

func TestReactionsWhosePublishingFails(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.wazo.Faults().NoRelationEvent(wazotest.When{})
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.wazo.Faults().Clear()
	f.postShown(f.alice, "another one")
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "🎉") // any event brings all
	f.awaitReacted("🎉 Alice Martin: who comes?", "👍 Alice Martin: who comes?")
}

func TestPluginComesAndGoes(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
	f.wazo.SetPlugin(false)
	f.wazo.KillWebsocketd()
	await.Until(t, "the plugin to be missed", func() bool { return !f.core.account.hasPlugin() && f.core.EventsFlow() })
	f.postShown(f.alice, "without")
	f.settled()
	require.Equal(t, []string{"👍 Alice Martin: who comes?"}, f.matrix.reacted(), "what is shown stays")
	f.wazo.SetPlugin(true)
	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "🎉")
	f.wazo.KillWebsocketd()
	f.awaitReacted("🎉 Alice Martin: who comes?")
}

func TestPluginWithoutItsTables(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
	f.wazo.Faults().NoPluginTables()
	f.wazo.KillWebsocketd()
	await.Until(t, "the plugin to be missed", func() bool { return !f.core.account.hasPlugin() && f.core.EventsFlow() })
	f.postShown(f.alice, "without")
	require.Equal(t, []string{"👍 Alice Martin: who comes?"}, f.matrix.reacted(), "what is shown stays")
}

// A request that finds the plugin missing says that it is away. An event of the plugin says that it is back.
func TestPluginThatWasMissedForAMoment(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.awaitEmpty()
	tables := f.wazo.Faults().NoPluginTables()
	f.reply(adminUser, hello, "yes")
	await.Until(t, "the missing tables", func() bool { return !f.core.account.hasPlugin() })
	f.wazo.Faults().RefuseRelation(wazotest.HTMLError(http.StatusBadGateway), wazotest.Always()) // no request tells
	tables.Off()
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
}

func TestWhatWasDoneWhileThePluginWasMissedIsShownLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t, wazotest.WithPlugin())
	f.probeInterval = time.Hour
	f.start()
	f.link()
	question := f.postShown(f.alice, "who comes?")
	f.settled()
	f.core.account.stream().noteMissed(500 * time.Millisecond)
	f.wazo.Faults().NoRelationEvent(wazotest.Always())
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	f.core.tasks.Wake(portalJob(jobRelations, portal.ID)) // too early
	f.awaitReacted("👍 Alice Martin: who comes?")
}

func TestReactionWithUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, arrives := range []bool{true, false} {
		t.Run(fmt.Sprintf("it arrives: %v", arrives), func(t *testing.T) {
			t.Parallel()
			f := newPluginFixture(t)
			question := f.postShown(f.alice, "who comes?")
			lost := 0
			fail := func(body string) error {
				if body == "👍" || body == "👍 Bob Stone" {
					if lost++; lost <= 2 {
						return errLost
					}
				}
				return nil
			}
			f.matrix.mu.Lock()
			f.matrix.forgetsTransactions, f.matrix.paused = true, true // the echo comes only when it is asked for
			if arrives {
				f.matrix.afterSend = fail
			} else {
				f.matrix.beforeSend = fail
			}
			f.matrix.mu.Unlock()
			f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
			f.awaitWho("👍 Bob Stone")
			f.matrix.setPaused(false)
			f.wazo.React(f.room.UUID, question.UUID, f.bob, "🎉")
			f.awaitReacted("🎉 Alice Martin: who comes?", "👍 Alice Martin: who comes?")
			f.awaitWho("👍 Bob Stone · 🎉 Bob Stone")
		})
	}
}

func TestReactionThatWasSentWhenTheRelayWasKilled(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	f.matrix.forgetsTransactions = true
	question := f.postShown(f.alice, "who comes?")
	f.matrix.setPaused(true) // no echo
	f.matrix.mu.Lock()
	f.matrix.afterSend = func(string) error { return errLost }
	f.matrix.mu.Unlock()
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
	f.halt()
	f.matrix.mu.Lock()
	f.matrix.afterSend, f.matrix.paused = nil, false
	f.matrix.mu.Unlock()
	f.start()
	f.awaitWho("👍 Bob Stone")
	require.Equal(t, []string{"👍 Alice Martin: who comes?"}, f.matrix.reacted())
}

func TestReactionsAfterTheDatabaseWasRestored(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 5} {
		t.Run(fmt.Sprintf("timeline limit %d", limit), func(t *testing.T) {
			t.Parallel()
			f := newPluginFixture(t)
			f.matrix.limit = limit
			question := f.postShown(f.alice, "who comes?")
			f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
			f.awaitWho("👍 Bob Stone")
			f.awaitEmpty()
			f.halt()
			restore := f.snapshot()
			f.start()
			reply := f.postShown(f.bob, "I")
			f.wazo.React(f.room.UUID, reply.UUID, f.alice, "🎉")
			f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
			f.wazo.React(f.room.UUID, question.UUID, f.bob, "🙈")
			f.awaitWho("🙈 Bob Stone", "🎉 Alice Martin")
			f.awaitReacted("🎉 Bob Stone: I", "🙈 Alice Martin: who comes?")
			f.halt()
			restore()
			f.matrix.setPaused(true) // Wazo is faster than the homeserver
			f.start()
			f.settled()
			f.matrix.setPaused(false)
			f.postShown(f.alice, "after")
			f.wazo.React(f.room.UUID, reply.UUID, f.bob, "🎉")
			f.awaitWho("🙈 Bob Stone", "🎉 Alice Martin, Bob Stone")
			require.Equal(t, []string{"🎉 Bob Stone: I", "🙈 Alice Martin: who comes?"}, f.matrix.reacted())
		})
	}
}

func TestReactionOfTheBotThatIsThereAlready(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	f.matrix.refusesDoubles = true
	question := f.postShown(f.alice, "who comes?")
	shown := f.eventOf("who comes?")
	f.matrix.add(roomID, botUser, event.EventReaction, map[string]any{"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": shown, "key": "👍"}})
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "🎉")
	f.awaitReacted("🎉 Alice Martin: who comes?", "👍 Alice Martin: who comes?")
	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("🎉 Alice Martin: who comes?")
}

func TestReactionThatTheHomeserverRefuses(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	f.refuse("👍")
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "🎉")
	f.awaitReacted("🎉 Alice Martin: who comes?")
	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitWho("🎉 Alice Martin")
	f.postShown(f.alice, "messages go on")
}

func TestNoticeThatTheHomeserverRefused(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	f.refuse("👍")
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	await.Until(t, "the notice to be refused", func() bool {
		shown, err := f.db.ShownReaction.Of(f.ctx, 1)
		return err == nil && slices.ContainsFunc(shown, func(s *db.ShownReaction) bool { return s.Emoji == "" && s.Withdrawn })
	})
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "🎉")
	f.awaitReacted("🎉 Alice Martin: who comes?")
	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitWho("🎉 Alice Martin") // one with another text is sent
}

func TestReactionThatAModeratorRemoves(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
	f.matrix.mu.Lock()
	var reaction id.EventID
	for eventID := range f.matrix.reactionsIn(roomID) {
		reaction = eventID
	}
	f.matrix.mu.Unlock()
	f.matrix.redact(adminUser, reaction, true)
	f.matrix.strip(roomID, reaction)
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "👍")
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "🎉")
	f.awaitReacted("🎉 Alice Martin: who comes?")
	f.wazo.Unreact(f.room.UUID, question.UUID, f.alice, "👍")
	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitWho("🎉 Alice Martin")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("🎉 Alice Martin: who comes?", "👍 Alice Martin: who comes?")
}

func TestNoticeThatAModeratorRemoves(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitWho("👍 Bob Stone")
	f.matrix.mu.Lock()
	i := slices.IndexFunc(f.matrix.rooms[roomID], func(evt Event) bool { return evt.Tag != nil && evt.Tag.Kind == TagReactions })
	notice := f.matrix.rooms[roomID][i].ID
	f.matrix.mu.Unlock()
	f.matrix.redact(adminUser, notice, false)
	f.matrix.strip(roomID, notice)
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "🎉")
	f.awaitReacted("🎉 Alice Martin: who comes?", "👍 Alice Martin: who comes?")
	other := f.postShown(f.alice, "another one")
	f.wazo.React(f.room.UUID, other.UUID, f.bob, "👍")
	f.awaitWho("👍 Bob Stone")
	require.Empty(t, f.matrix.corrected(), "what was removed is not edited")
}

func TestReactionThatCannotBeRemovedNow(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Alice Martin: who comes?")
	f.matrix.mu.Lock()
	f.matrix.redactError = &MatrixError{Status: 502, Err: errors.New("bad gateway")}
	f.matrix.mu.Unlock()
	f.wazo.Unreact(f.room.UUID, question.UUID, f.bob, "👍")
	f.postShown(f.alice, "messages go on")
	f.matrix.mu.Lock()
	f.matrix.redactError = nil
	f.matrix.mu.Unlock()
	f.awaitReacted()
}

func TestNoReactionsInAPausedPortal(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, "anyone can join"))
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.matrix.say(adminUser, "to Wazo") // it is not relayed, either
	f.settled()
	require.Empty(t, f.matrix.reacted())
	require.NoError(t, f.core.AccessChanged(f.ctx, roomID, ""))
	f.awaitReacted("👍 Alice Martin: who comes?")
}

func TestReactionsAreSwitchedOff(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t, func(f *fixture) { f.relations.WithoutReactions = true })
	question := f.postShown(f.alice, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.postShown(f.alice, "another one")
	f.settled()
	require.Empty(t, f.matrix.reacted())
}

func TestMessagesGoBeforeReactions(t *testing.T) {
	t.Parallel()
	f := newPluginFixture(t)
	question := f.postShown(f.alice, "who comes?")
	f.matrix.setLimited(true)
	turn := make(chan struct{})
	f.matrix.mu.Lock()
	f.matrix.awaitTurn = func() { <-turn }
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.alice, "a message", "")
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	await.Until(t, "the message to wait", func() bool {
		row, err := f.db.Queue.Next(f.ctx, portal.ID, "to_matrix")
		return err == nil && row != nil
	})
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.settled()
	require.Empty(t, f.matrix.reacted())
	close(turn)
	f.awaitReacted("👍 Alice Martin: who comes?")
	require.Len(t, f.matrix.shown(), 2)
}

func TestReactionsOfPeopleWhoAreOnBothSides(t *testing.T) {
	t.Parallel()
	f := newFixture(t, wazotest.WithPlugin())
	f.noRelay = true
	f.room = f.wazo.CreateRoom("Without the relay", f.alice, f.bob)
	f.start()
	f.matrix.call(robinUser, "Robin", false)
	f.logIn(robinUser, f.alice)
	f.linkOwn(robinUser)
	question := f.postShown(f.bob, "who comes?")
	f.wazo.React(f.room.UUID, question.UUID, f.bob, "👍")
	f.awaitReacted("👍 Bob Stone: who comes?")
	f.settled()
	require.Empty(t, f.matrix.who(), "it can only have been Bob")
	f.wazo.React(f.room.UUID, question.UUID, f.alice, "🎉")
	f.awaitReacted("🎉 Bob Stone: who comes?", "👍 Bob Stone: who comes?")
	f.awaitWho("👍 Bob Stone · 🎉 Robin")
}

func TestReactionsAndRepliesToWhatWasSaidBeforeAConversation(t *testing.T) {
	t.Parallel()
	f := newFixture(t, wazotest.WithPlugin())
	f.allowed = []string{robinUser.String()}
	before := f.wazo.Post(f.room.UUID, f.bob, "one", "")
	f.wazo.Post(f.room.UUID, f.bob, "two", "")
	f.wazo.React(f.room.UUID, before.UUID, f.alice, "👎")
	f.start()
	f.mustLogIn(robinUser, f.alice)
	f.openConversation(robinUser)
	f.replyOnWazo(f.bob, "a reply", before.UUID)
	await.Until(t, "the reply", func() bool {
		return slices.Contains(f.matrix.textsIn(madeRoom(0)), "Bob Stone: > Bob Stone: one\n\na reply")
	})
	hello := f.wazo.Messages(f.room.UUID)[2]
	f.wazo.React(f.room.UUID, hello.UUID, f.bob, "👍")
	await.Until(t, "the reaction", func() bool {
		f.matrix.mu.Lock()
		defer f.matrix.mu.Unlock()
		return len(f.matrix.reactionsIn(madeRoom(0))) == 1
	})
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	for _, reaction := range f.matrix.reactionsIn(madeRoom(0)) {
		require.Equal(t, "👍", reaction[1], "one event shows all that was said before")
	}
}
