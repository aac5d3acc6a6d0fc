package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

func TestMessagesAreShownAsClientsShowThem(t *testing.T) {
	html := &event.MessageEventContent{
		Body: "plain", Format: event.FormatHTML, FormattedBody: "<b>bold</b> <em>and</em> <a href='https://example.org'>link</a><ul><li>one</li><li>two</li></ul><blockquote>said<br>so</blockquote>",
	}
	for _, test := range []struct{ name, text, plain, styled string }{
		{"on Matrix", shownOnMatrix(html), "bold and link\n• one\n• two\n│ said\n│ so", "\x1b[1mbold\x1b[22m \x1b[3mand\x1b[23m \x1b[4mlink\x1b[24m\n\x1b[90m• \x1b[39mone\n\x1b[90m• \x1b[39mtwo\n\x1b[90m│ \x1b[39msaid\n\x1b[90m│ \x1b[39mso"},
		{"on Wazo", shownOnWazo("**a** `b` ~~c~~\n\n1. x"), "a b c\n1. x", "\x1b[1ma\x1b[22m \x1b[36mb\x1b[39m \x1b[9mc\x1b[29m\n\x1b[90m1. \x1b[39mx"},
		{"with marks of somebody else", shownOnWazo("a\ue000b"), "ab", "ab"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.plain, withoutMarks(test.text))
			require.Equal(t, test.styled, strings.Join(terminal(strings.Split(test.text, "\n")), "\n"))
		})
	}
}

func TestStyleEndsWithItsRow(t *testing.T) {
	var out strings.Builder
	screen := newScreen(&out, 65) // two columns of 25
	screen.interactive = true
	bold := line{who: "robin", text: shownOnWazo("**a bold text that needs another row**")}
	screen.deliver(delivery{matrix: bold, wazo: line{who: "robin", text: "hi"}, toWazo: true, took: time.Millisecond})
	require.Equal(t, strings.Join([]string{
		"robin: \x1b[1ma bold text that\x1b[22m   ──    1 ms ─▶ robin: hi",
		"\x1b[1mneeds another row\x1b[22m",
		"",
	}, "\n"), out.String())
}

func TestPromptStaysBelowWhatComes(t *testing.T) {
	var out strings.Builder
	screen := newScreen(&out, 65)
	screen.interactive = true
	screen.ask()
	screen.aside(line{who: "bot", text: "hello"}, false)
	screen.answered()
	screen.aside(line{who: "bot", text: "hi"}, true)
	require.Equal(t, clearLine+prompt+clearLine+"bot: hello\n"+prompt+strings.Repeat(" ", 40)+"bot: hi\n", out.String())

	out.Reset()
	screen.interactive = false
	screen.ask()
	require.Empty(t, out.String(), "nobody is asked where nobody types")
}

func TestProgressSaysWhatIsDoneAndWhetherItSucceeded(t *testing.T) {
	var out strings.Builder
	screen := newScreen(&out, 65)
	failure := errors.New("no")
	require.NoError(t, screen.step(t.Context(), "Building", func(context.Context) error { return nil }))
	require.ErrorIs(t, screen.step(t.Context(), "Starting", func(context.Context) error { return failure }), failure)
	require.Equal(t, "Building … 0 s\nBuilding: done after 0.0 s\nStarting … 0 s\nStarting: failed after 0.0 s\n", out.String())
	out.Reset()
	screen.progress("Building", 7*time.Second)
	require.Empty(t, out.String(), "a log is not filled with seconds")
	screen.interactive = true
	screen.progress("Building", 7*time.Second)
	require.Equal(t, clearLine+"Building … 7 s", out.String())
}

func TestDemoThatIsInterruptedIsNoFailure(t *testing.T) {
	t.Setenv("E2E_RELAY_BINARY", "/bin/false")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	require.NoError(t, run(ctx, []string{"-once"}, strings.NewReader(""), &out))
}
