package harness

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func timelineEvent(eventID id.EventID, kind event.Type, body string) *event.Event {
	return &event.Event{
		ID: eventID, RoomID: "!room", Type: kind,
		Content: event.Content{Parsed: &event.MessageEventContent{MsgType: event.MsgText, Body: body}},
	}
}

func TestLateKeyKeepsPlaceInTimeline(t *testing.T) {
	seen := newTimelines(false)
	seen.handle(t.Context(), timelineEvent("$1", event.EventEncrypted, ""))
	seen.handle(t.Context(), timelineEvent("$2", event.EventMessage, "second"))
	seen.handle(t.Context(), timelineEvent("$1", event.EventMessage, "first"))
	seen.handle(t.Context(), timelineEvent("$2", event.EventMessage, "second again"))

	require.Equal(t, []string{"first", "second"}, bodies(seen.snapshot("!room")))
}

func TestEncryptedEventIsSeenOnceItIsDecidedWhetherThereIsAKey(t *testing.T) {
	seen := newTimelines(true)
	seen.handle(t.Context(), timelineEvent("$1", event.EventEncrypted, ""))
	require.Empty(t, seen.snapshot("!room"), "it may be decrypted at once")
	seen.handle(t.Context(), timelineEvent("$1", event.EventMessage, "in clear"))
	require.Equal(t, []string{"in clear"}, bodies(seen.snapshot("!room")))

	seen.handle(t.Context(), timelineEvent("$2", event.EventEncrypted, ""))
	seen.handle(t.Context(), timelineEvent("$3", event.EventMessage, "next"))
	require.Equal(t, []string{"in clear", "", "next"}, bodies(seen.snapshot("!room")), "no key: it keeps its place")

	seen.handle(t.Context(), timelineEvent("$4", event.EventEncrypted, ""))
	seen.settle(&mautrix.RespSync{})
	require.Equal(t, []string{"in clear", "", "next", ""}, bodies(seen.snapshot("!room")), "no key at the end of the answer")
}

func TestWaitSeesWhatComesLater(t *testing.T) {
	seen := newTimelines(false)
	found := make(chan Entry)
	go func() {
		entry, _ := seen.wait(t.Context(), "!room", Says("late"))
		found <- entry
	}()
	seen.handle(t.Context(), timelineEvent("$1", event.EventMessage, "early"))
	seen.handle(t.Context(), timelineEvent("$2", event.EventMessage, "late"))
	require.Equal(t, id.EventID("$2"), (<-found).ID)
}

func TestFailedWaitShowsWhatWasSeen(t *testing.T) {
	seen := newTimelines(false)
	seen.handle(t.Context(), timelineEvent("$1", event.EventMessage, "something else"))
	reason := errors.New("the test has waited long enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)

	_, err := seen.wait(ctx, "!room", Says("never"))
	require.ErrorIs(t, err, reason)
	require.ErrorContains(t, err, `"something else"`)
}
