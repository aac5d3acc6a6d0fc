package relay

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
)

func TestLongMessageFromWazo(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(strings.Repeat("word ", 200)+"\n\n", 120)
	for name, test := range map[string]struct {
		err    error
		events int
	}{
		"the rest is a file":               {nil, 4},
		"the homeserver takes no files":    {errors.New("too large"), 8},
		"an event fits all that was typed": {nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := long
			if test.events == 1 {
				text = "short"
			}
			f := newFixture(t)
			f.matrix.textError = test.err
			f.start()
			f.link()
			f.wazo.Post(f.room.UUID, f.alice, text, "")
			f.wazo.Post(f.room.UUID, f.alice, "end", "")
			await.Until(t, "the message behind it", func() bool {
				shown := f.matrix.shown()
				return len(shown) > 0 && shown[len(shown)-1] == "Alice Martin: end"
			})
			shown := f.matrix.shown()
			shown = shown[:len(shown)-1]
			require.Len(t, shown, test.events)
			if test.events != 4 {
				return
			}
			f.matrix.mu.Lock()
			defer f.matrix.mu.Unlock()
			events := f.matrix.rooms[roomID]
			require.Equal(t, words.RestOfMessage, events[len(events)-2].Content.Raw["filename"])
			require.Len(t, f.matrix.texts, 1)
			require.True(t, strings.HasSuffix(strings.TrimSpace(long), strings.TrimSpace(f.matrix.texts[0])), "the file continues the text")
		})
	}
}
