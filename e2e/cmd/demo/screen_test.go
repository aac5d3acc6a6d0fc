package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		name  string
		text  string
		width int
		want  []string
	}{
		{name: "a short text stays as it is", text: "hello world", width: 11, want: []string{"hello world"}},
		{name: "a text one too long breaks between words", text: "hello world", width: 10, want: []string{"hello", "world"}},
		{name: "a word that fits nowhere is cut", text: "a abcdefgh b", width: 5, want: []string{"a", "abcde", "fgh b"}},
		{name: "wide runes take two cells", text: "約三十分", width: 5, want: []string{"約三", "十分"}},
		{name: "an emoji takes two cells", text: "ab 🙂 c", width: 5, want: []string{"ab 🙂", "c"}},
		{name: "accents take none of their own", text: "Chloe\u0301 Roy", width: 9, want: []string{"Chloe\u0301 Roy"}},
		{name: "line breaks stay", text: "one\n\ntwo", width: 9, want: []string{"one", "", "two"}},
		{name: "what steers a terminal is removed", text: "a\x1b[31mb\r\u202ec\ad", width: 20, want: []string{"a[31mbcd"}},
		{name: "an empty text is an empty row", text: "", width: 5, want: []string{""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, newScreen(nil, 0).wrap(test.text, test.width))
		})
	}
}

func TestDeliver(t *testing.T) {
	var out strings.Builder
	screen := newScreen(&out, 65) // two columns of 25
	screen.header("Matrix room", "Wazo chat")
	screen.deliver(delivery{
		matrix: line{who: "robin", text: "約三十分 and a little longer"},
		wazo:   line{who: "robin (Matrix)", text: "hi"},
		toWazo: true, took: 12400 * time.Microsecond,
	})
	screen.deliver(delivery{
		matrix: line{who: "Chloé Roy", text: "ça va 🙂"},
		wazo:   line{who: "Chloé Roy", text: "waves", emote: true},
		took:   7 * time.Millisecond,
	})
	require.Equal(t, strings.Join([]string{
		"Matrix room" + strings.Repeat(" ", 29) + "Wazo chat",
		strings.Repeat("─", 65),
		"robin: 約三十分 and a     ──   12 ms ─▶ robin (Matrix): hi",
		"little longer",
		"Chloé Roy: ça va 🙂       ◀─    7 ms ── * Chloé Roy waves",
		"",
	}, "\n"), out.String())
}

func TestNoteUsesTheWholeWidth(t *testing.T) {
	var out strings.Builder
	newScreen(&out, 65).note(strings.Repeat("word ", 14) + "end")
	require.Equal(t, strings.TrimSpace(strings.Repeat("word ", 13))+"\nword end\n", out.String())
}
