package chaos

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func TestEventsThatTheHomeserverGivesInTwoOrders(t *testing.T) {
	for _, test := range []struct{ name, history, live, want string }{
		{"nothing happened", "", "", ""},
		{"one order", "a b c d", "a b c d", ""},
		{"one came later than its place in the history", "a b c d", "a c d b", "b"},
		{"one came earlier than its place in the history", "a b c d", "d a b c", "d"},
		{"two by themselves", "a b c d e f", "b c a d f e", "a e"},
		{"the bot's own events don't count", "a bot b", "a b bot", ""},
		{"some were never given live", "a b c d", "a d", ""},
		{"some are not in the history", "a d", "d b c a", "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var history []*event.Event
			for _, word := range strings.Fields(test.history) {
				content := map[string]any{markKey: word}
				if strings.HasPrefix(word, "bot") {
					content = nil
				}
				history = append(history, &event.Event{ID: id.EventID(word), Content: event.Content{Raw: content}})
			}
			var live []harness.Entry
			for _, word := range strings.Fields(test.live) {
				live = append(live, harness.Entry{Event: &event.Event{ID: id.EventID(word)}})
			}
			var moved []string
			for _, evt := range slices.Sorted(maps.Keys(movedMessages(history, live))) {
				moved = append(moved, evt.String())
			}
			require.Equal(t, test.want, strings.Join(moved, " "))
		})
	}
}

func TestEventThatTheHomeserverStoresLateHasNoPlace(t *testing.T) {
	const minute = 60_000
	var history []*event.Event
	for _, evt := range []struct {
		id   id.EventID
		at   int64
		from any
	}{{"a", 0, "a"}, {"b", 6 * minute, "b"}, {"late", 1000, "late"}, {"the bot's", 2000, nil}, {"in time", 6*minute - 500, "in time"}, {"c", 6*minute + 1, "c"}} {
		content := map[string]any{}
		if evt.from != nil {
			content[markKey] = evt.from
		}
		history = append(history, &event.Event{ID: evt.id, Timestamp: evt.at, Content: event.Content{Raw: content}})
	}
	require.Equal(t, map[id.EventID]bool{"late": true}, withoutPlace(history, nil))
}
