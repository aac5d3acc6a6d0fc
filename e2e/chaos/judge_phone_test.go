package chaos

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func TestNoticesAboutMessages(t *testing.T) {
	alone := &event.MessageEventContent{Body: wazoTexts.TextMessageFailed(), RelatesTo: (&event.RelatesTo{}).SetReplyTo("$one")}
	require.Equal(t, []id.EventID{"$one"}, noticesAbout(alone, wazoTexts.TextMessageFailed()))
	require.Empty(t, noticesAbout(alone, wazoTexts.TextMessageRetried()))

	link := func(event string) string {
		return "\n(This is about [this message](https://matrix.to/#/%21room:a.example/" + event + ").)\n\n"
	}
	together := &event.MessageEventContent{Body: wazoTexts.TextMessageFailed() + link("$one") + wazoTexts.TextMessageRetried() + link("$two") + wazoTexts.TextMessageFailed() + link("$three") + "Relaying messages again."}
	require.Equal(t, []id.EventID{"$one", "$three"}, noticesAbout(together, wazoTexts.TextMessageFailed()))
	require.Equal(t, []id.EventID{"$two"}, noticesAbout(together, wazoTexts.TextMessageRetried()))
}
