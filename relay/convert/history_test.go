package convert

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	past := func(id, name, content string) Past { return Past{Said{id, name, content}, "14:00"} }
	content, n := History([]Past{past(alice, "Alice", "*one* @Bob"), past(bob, "<Bob>", "- a")}, 50)
	require.Equal(t, 2, n)
	require.Equal(t, "Alice (14:00): *one* @Bob\n\n<Bob> (14:00): - a", content.Body)
	require.Equal(t, "<p><strong>Alice</strong> (14:00): <em>one</em> @Bob</p><p><strong>&lt;Bob&gt;</strong> (14:00):</p><ul>\n<li>a</li>\n</ul>", content.FormattedBody)
	require.Equal(t, event.MsgNotice, content.MsgType, "it notifies nobody")
	require.Equal(t, &event.Mentions{}, content.Mentions)

	t.Run("as many messages as fit", func(t *testing.T) {
		large := past(alice, "Alice", strings.Repeat("x", 8_000))
		content, n := History([]Past{large, large, large}, 50)
		require.Equal(t, 2, n, "body and HTML have each text")
		require.LessOrEqual(t, EventSize(content), MaxEventBytes)
	})
	t.Run("a single one always fits", func(t *testing.T) {
		content, n := History([]Past{past(alice, "Alice", strings.Repeat("**x** ", 6_000)), past(alice, "Alice", "y")}, 50)
		require.Equal(t, 1, n)
		require.Empty(t, content.FormattedBody)
		require.LessOrEqual(t, EventSize(content), MaxEventBytes)
	})
}
