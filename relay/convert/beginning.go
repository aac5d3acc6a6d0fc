package convert

import (
	"strings"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// maxCharacter is how many bytes of a text are kept for each character on average. A
// longer one exists only to annoy.
const maxCharacter = 32

// beginning returns a text in one line of at most limit characters as people see them. A
// text that is cut ends in "…", behind a whole word if one ends in the last third.
func beginning(text string, limit int) string {
	text = oneLineText(TruncateBytes(text, 64*maxCharacter*limit))
	whole := TruncateBytes(text, maxCharacter*limit)
	short, count := "", 0
	for characters := graphemes.FromString(whole); count <= limit && characters.Next(); count++ {
		if count < limit-1 {
			short = whole[:characters.End()]
		}
	}
	if count <= limit && whole == text {
		return text
	}
	if word := strings.LastIndexByte(short, ' '); word >= len(short)*2/3 {
		short = short[:word]
	}
	return strings.TrimRight(short, " ") + "…"
}
