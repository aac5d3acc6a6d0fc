package convert

import (
	"strings"

	"wazo-matrix-relay/relay/words"
)

// MostParts is the number of events that a long message becomes at most. What is left is
// sent as a file.
const MostParts = 3

// Long is a message that may be too long for one event.
type Long struct {
	Parts []string // at least one and at most MostParts, as from [Split]
	// Rest is what follows the parts, as it was typed; "" if they are all of the message.
	Rest     string
	FileName string // the name of the file with the rest; "" if there is none
}

// Parts cuts a message's content as [Split] does, but into no more than [MostParts] parts.
func Parts(content string) Long { return Typed{}.Parts(content) }

// Parts is like the function [Parts] for text that is read in this way.
func (t Typed) Parts(content string) Long {
	parts, rest := t.split(content, MostParts)
	if strings.TrimSpace(rest) == "" {
		return Long{Parts: parts}
	}
	return Long{Parts: parts, Rest: rest, FileName: t.Texts.Say(words.RestOfMessage)}
}
