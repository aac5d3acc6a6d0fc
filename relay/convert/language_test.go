package convert

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay/words"
)

// french are the texts of a relay that speaks French.
var french = words.Texts{}.In(words.French)

// broken shows where no-break spaces stand in a text.
func broken(text string) string {
	return strings.NewReplacer("\u00a0", "_", "\u202f", "_").Replace(text)
}

func TestFrenchForWhatWazoDoesNotHave(t *testing.T) {
	voice := func(name string) *event.MessageEventContent {
		return &event.MessageEventContent{MsgType: event.MsgAudio, Body: name, MSC3245Voice: &event.MSC3245Voice{}, Info: &event.FileInfo{Duration: 5000, Size: 12_345}}
	}
	for _, test := range []struct {
		name    string
		content *event.MessageEventContent
		opts    WazoOptions
		want    string
	}{
		{"a picture", &event.MessageEventContent{MsgType: event.MsgImage, Body: "cat.jpg", Info: &event.FileInfo{Size: 1_234_567}}, WazoOptions{}, "📷 image_: cat.jpg (1,2_Mo)"},
		{"a file without name that is served", &event.MessageEventContent{MsgType: event.MsgFile}, WazoOptions{FileURL: "https://a.example/f"}, "📎 fichier_: [fichier](https://a.example/f)"},
		{"a voice message of an English client", voice("Voice message.ogg"), WazoOptions{}, "🎤 message vocal (0:05, 12,3_ko)"},
		{"a voice message of a French client", voice("Message vocal.ogg"), WazoOptions{}, "🎤 message vocal (0:05, 12,3_ko)"},
		{"a place", &event.MessageEventContent{MsgType: event.MsgLocation, Body: "Bureau"}, WazoOptions{}, "📍 position_: Bureau"},
		{"a reply", plainText("oui"), WazoOptions{RepliesTo: &Quote{Author: "Ann", Text: "On mange ?"}}, "oui\n\n> Ann_: On mange ?"},
		{"without Markdown", &event.MessageEventContent{MsgType: event.MsgImage, Body: "my_cat.jpg"}, WazoOptions{Plain: true}, "📷 image_: my_cat.jpg"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.opts.Texts = french
			got, err := ToWazo(test.content, test.opts)
			require.NoError(t, err)
			require.Equal(t, test.want, broken(got))
		})
	}
}

// A voice message is named in the language of the client, and not in that of the relay.
func TestVoiceMessageOfAFrenchClientForAnEnglishRelay(t *testing.T) {
	got, err := ToWazo(&event.MessageEventContent{MsgType: event.MsgAudio, Body: "Message vocal.ogg", MSC3245Voice: &event.MSC3245Voice{}}, WazoOptions{})
	require.NoError(t, err)
	require.Equal(t, "🎤 voice message", got)
}

func TestFrenchForEventsWithoutText(t *testing.T) {
	describe := func(kind string, content map[string]any) string {
		evt := &event.Event{Type: event.Type{Type: kind, Class: event.MessageEventType}, Content: event.Content{Raw: content}}
		return broken(Describer{french}.Describe(evt, nil).Content.Body)
	}
	require.Equal(t, "📊 sondage_: Midi ?", describe("m.poll.start", map[string]any{"m.poll": map[string]any{"question": map[string]any{"m.text": "Midi ?"}, "answers": []any{}}}))
	require.Equal(t, "🗳️ a voté dans un sondage", describe("m.poll.response", map[string]any{"m.selections": []any{"a"}}))
	require.Equal(t, "📞 lance un appel vocal dans le salon Matrix", describe("m.call.invite", map[string]any{"offer": map[string]any{"sdp": "m=audio"}}))
	require.Equal(t, "❔ a envoyé un contenu qui ne peut pas être affiché sur Wazo (org.example.game)", describe("org.example.game", map[string]any{"level": 3}))
}

func TestFrenchForReactions(t *testing.T) {
	key := map[string]any{"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": "$a", "key": "mxc://a.example/party"}}
	_, emoji, ok := ReactionOf(&event.Event{Content: event.Content{Raw: key}})
	require.True(t, ok)
	require.Equal(t, string(words.CustomEmoji), emoji, "what is stored is the same in each language")
	_, native := NativeEmoji(emoji)
	require.False(t, native)
	reactions := Reactions{{emoji, "Ann"}, {"👍", "Bea"}}
	require.Equal(t, "un émoji personnalisé Ann · 👍 Bea en réaction à «_Midi ?_»", broken(reactions.Line("Midi ?", WazoOptions{Texts: french})))
	require.Equal(t, `a custom emoji Ann · 👍 Bea to "Midi ?"`, reactions.Line("Midi ?", WazoOptions{}))
}

func TestFrenchOnMatrix(t *testing.T) {
	typed := Typed{Texts: french}
	merged, _ := typed.Merge([]Said{{"1", "Ann", "Bonjour"}, {"2a2b2c2d3e", "", "Salut"}}, 0)
	require.Equal(t, "Ann_: Bonjour\n\nUtilisateur Wazo 2a2b2c2d_: Salut", broken(merged.Body))
	require.Contains(t, broken(merged.FormattedBody), "<strong>Ann_:</strong> Bonjour")
	past, _ := typed.History([]Past{{Said{"1", "Ann", "Bonjour"}, "21/11/2026 à 14:24 UTC"}}, 0)
	require.Equal(t, "Ann (21/11/2026 à 14:24 UTC)_: Bonjour", broken(past.Body))
	require.Contains(t, broken(past.FormattedBody), "<strong>Ann</strong> (21/11/2026 à 14:24 UTC)_:")
	quoted, ok := WithQuote(french, plainText("oui"), Quote{Author: "Bob", Text: "Midi ?"})
	require.True(t, ok)
	require.Equal(t, "> Bob_: Midi ?\n\noui", broken(quoted.Body))
	picture := Picture{Source: "data:image/png;base64,AAAA"}
	require.Equal(t, "📷 image (affichage impossible)", picture.Line(french))
	require.Equal(t, "image.png", picture.FileName(french, ".png"))
}
