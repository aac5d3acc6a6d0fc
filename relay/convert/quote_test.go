package convert

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay/words"
)

func TestQuoteBeforeAReply(t *testing.T) {
	t.Parallel()
	content := ToMatrix("*yes* & no")
	AddProfile(content, "uuid", "Ann")
	before := *content
	quoted, ok := WithQuote(words.Texts{}, content, Quote{Author: "Bob <b>", Text: "shall we meet @room at the old oak in the forest?"})
	require.True(t, ok)
	require.Equal(t, "Ann: > Bob <b>: shall we meet @room at the old oak in…\n\n*yes* & no", quoted.Body)
	require.Equal(t, "<strong data-mx-profile-fallback>Ann: </strong><blockquote>Bob &lt;b&gt;: shall we meet @room at the old oak in…</blockquote><em>yes</em> &amp; no", quoted.FormattedBody)
	require.Equal(t, &event.Mentions{}, quoted.Mentions)
	require.True(t, quoted.BeeperPerMessageProfile.HasFallback)
	require.Equal(t, before, *content, "the original is left alone")

	t.Run("without formatting, profile and author", func(t *testing.T) {
		quoted, ok := WithQuote(words.Texts{}, &event.MessageEventContent{MsgType: event.MsgNotice, Body: "a\nb"}, Quote{Text: "c"})
		require.True(t, ok)
		require.Equal(t, "> ↩️ c\n\na\nb", quoted.Body)
		require.Equal(t, "<blockquote>↩️ c</blockquote>a<br/>b", quoted.FormattedBody)
	})
	for name, test := range map[string]struct {
		content *event.MessageEventContent
		quote   Quote
	}{
		"nothing is known of it":  {ToMatrix("a"), Quote{}},
		"the event is a picture":  {&event.MessageEventContent{MsgType: event.MsgImage, Body: "a"}, Quote{Text: "c"}},
		"it would be too much":    {&event.MessageEventContent{MsgType: event.MsgText, Body: strings.Repeat("a", MaxEventBytes-100)}, Quote{Text: "c"}},
		"only its author's blank": {ToMatrix("a"), Quote{Author: " \u200b", Text: "\n"}},
	} {
		_, ok := WithQuote(words.Texts{}, test.content, test.quote)
		require.False(t, ok, name)
	}
}

func TestEmojiOfWazoOnMatrix(t *testing.T) {
	t.Parallel()
	for emoji, want := range map[string]string{
		"❤": "❤️", "❤️": "❤️", "❤\uFE0E": "❤️", "👍": "👍", "👍🏽": "👍🏽", "": "", " \u200b": "", "/": "/", "ok\nyes": "ok yes",
		"<b>": "<b>", strings.Repeat("x", 300): strings.Repeat("x", maxEmoji-1) + "…",
	} {
		require.Equal(t, want, MatrixEmoji(emoji), "%q", emoji)
		require.Equal(t, want, MatrixEmoji(want), "%q again", want)
	}
	require.Equal(t, "👍 Ann, Bea · ❤️ Cem", Reactions{{"👍", "Ann"}, {"❤️", "Cem"}, {"👍", "Bea"}}.Who(words.Texts{}))
	require.Empty(t, Reactions{}.Who(words.Texts{}))
}
