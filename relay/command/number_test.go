package command

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCutNumber(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, args, number, text string }{
		{"only a number", "+15145550111", "+15145550111", ""},
		{"a number with blanks", " +1 (514) 555-0111 ", "+1 (514) 555-0111", ""},
		{"a text", "+15145550111 a table for 2?", "+15145550111", "a table for 2?"},
		{"a text that begins with a number", "+15145550111 2 tables", "+15145550111", "2 tables"},
		{"a text with lines", "+15145550111 one\ntwo", "+15145550111", "one\ntwo"},
		{"quotation marks", `"+1 514 555 0111" 2 tables`, "+1 514 555 0111", "2 tables"},
		{"quotation marks of a keyboard", "“+1 514 555 0111” hello", "+1 514 555 0111", "hello"},
		{"blanks without quotation marks", "+1 514 555 0111 hello", "+1", "514 555 0111 hello"},
		{"no closing quotation mark", `"+1 514`, `"+1`, "514"},
		{"a word", "INFO", "INFO", ""},
		{"nothing", " ", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			number, text := CutNumber(tt.args)
			require.Equal(t, tt.number, number)
			require.Equal(t, tt.text, text)
		})
	}
}
