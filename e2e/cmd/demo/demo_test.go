package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDemoWithoutRelaySaysWhyAndLeavesNothing(t *testing.T) {
	t.Setenv("E2E_RELAY_BINARY", "/bin/false")
	temp := t.TempDir()
	t.Setenv("E2E_TEMP", temp)
	var out strings.Builder
	err := run(t.Context(), []string{"-once"}, strings.NewReader(""), &out)
	require.ErrorContains(t, err, "relay ended before it was ready")
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestDemoPlaysAndObeysTypedLines(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
	}{
		{name: "in a plain room"},
		{name: "in an encrypted room", args: []string{"-encrypted"}},
		{name: "with a telephone", args: []string{"-sms"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			typed := strings.NewReader("m typed on matrix\nw typed on wazo\nm !wazo: version\nw !wazo help\nnonsense\n")
			require.NoError(t, run(t.Context(), test.args, typed, &out))

			_, conversation, played := strings.Cut(out.String(), "Wazo chat")
			require.True(t, played, out.String())
			conversation, afterwards, stayed := strings.Cut(conversation, "Or log in with a Matrix client")
			require.True(t, stayed, out.String())
			require.Equal(t, 4, strings.Count(conversation, "─▶"), conversation)
			require.Equal(t, 4, strings.Count(conversation, "◀─"), conversation)
			require.Equal(t, 2, strings.Count(afterwards, "typed on matrix"), "on both sides: %s", afterwards)
			require.Equal(t, 2, strings.Count(afterwards, "typed on wazo"), "on both sides: %s", afterwards)
			require.Equal(t, 1, strings.Count(afterwards, "!wazo: version"), "a command is on one side only: %s", afterwards)
			require.Contains(t, afterwards, "Wazo Relay: ", "the bot answers: %s", afterwards)
			require.Contains(t, afterwards, "!wazo unlink – ends", "the relay answers on Wazo: %s", afterwards)
			require.Equal(t, 2, strings.Count(afterwards, "m TEXT"), "help at first and for nonsense: %s", afterwards)
		})
	}
}

func TestConversationShowsBothSidesOfPeople(t *testing.T) {
	require.Equal(t, "* robin waves", line{who: "robin", text: "waves", emote: true}.String())
	require.Equal(t, "robin: hi", line{who: "robin", text: "hi"}.String())
}
