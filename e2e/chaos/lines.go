package chaos

import (
	"regexp"
	"strings"
	"time"
)

// Wazo itself has neither replies nor edits, redactions or reactions, so the relay posts
// lines for them. This file reads these lines. With the plugin, some of them are replies to
// what they are about, and do not quote it.

// line is a message on Wazo that relays something from Matrix.
type line struct {
	who  string // on Matrix, by localpart
	text string
	late bool // its key came late
	at   time.Time

	uuid   string // of the message
	parent string // the message as a reply to which the plugin has marked it; empty: none
}

// lineKind is what a line says.
type lineKind int

const (
	saidLine      lineKind = iota // a message, perhaps with a quote
	correctedLine                 // what an edit changed, or the whole new text
	removedLine                   // that a message was redacted, and when it had been written
	reactionLine                  // reactions
	withdrawnLine                 // reactions that were removed
)

// parsedLine is what a line says.
type parsedLine struct {
	kind lineKind
	// text is a message without its quote, a correction without its mark, or the time of
	// a message that was removed.
	text  string
	quote string   // of a message: whom and what it answers
	emoji []string // of reactions, in order
	// about is the beginning of the message that reactions are for, "" if it is not given.
	about string
	// answers says that reactions are told in the form that is a reply to the message.
	answers bool
}

const (
	correctionMark = "✏️ "
	removalMark    = "🗑️ removed a message of "
	quoteMark      = "\n\n> "
	threadMark     = "🧵"
	insteadOf      = " instead of "
)

var (
	aboutReactions = regexp.MustCompile(`^(removed )?(👍\d+ .*)(?:to|from) (?:"(.*)"|an earlier message)$`)
	replyReactions = regexp.MustCompile(`^(removed )?(👍\d+[^"]*)$`)
	oneReaction    = regexp.MustCompile(`👍\d+`)
	oneRevision    = regexp.MustCompile(`\b` + revision + `\d+\b`)
)

// parseLine reads the text of a message on Wazo that comes from Matrix.
func parseLine(text string) parsedLine {
	if rest, ok := strings.CutPrefix(text, correctionMark); ok {
		return parsedLine{kind: correctedLine, text: rest}
	} else if at, ok := strings.CutPrefix(text, removalMark); ok {
		return parsedLine{kind: removedLine, text: at}
	} else if found := aboutReactions.FindStringSubmatch(text); found != nil {
		parsed := parsedLine{kind: reactionLine, emoji: oneReaction.FindAllString(found[2], -1), about: found[3]}
		if found[1] != "" {
			parsed.kind = withdrawnLine
		}
		return parsed
	} else if found := replyReactions.FindStringSubmatch(text); found != nil {
		parsed := parsedLine{kind: reactionLine, emoji: oneReaction.FindAllString(found[2], -1), answers: true}
		if found[1] != "" {
			parsed.kind = withdrawnLine
		}
		return parsed
	}
	said, quote, _ := strings.Cut(text, quoteMark)
	return parsedLine{kind: saidLine, text: said, quote: quote}
}

// corrects says whether a correction without its mark shows a new text: as a whole, or
// the words that have changed since it was one of the earlier texts.
func corrects(correction, now string, earlier []string) bool {
	if correction == now {
		return true
	}
	is, was, short := strings.Cut(correction, insteadOf)
	if !short || !strings.Contains(now, is) {
		return false
	}
	for _, before := range earlier {
		if start, end, ok := strings.Cut(before, was); ok && start+is+end == now {
			return true
		}
	}
	return false
}

// longestQuote is how many characters of a message are quoted at most.
const longestQuote = 40

// quotes says whether a quote ends with the beginning of one of some texts.
func quotes(quote string, texts []string) bool {
	cut, isCut := strings.CutSuffix(quote, "…")
	for _, text := range texts {
		if !isCut {
			if text != "" && strings.HasSuffix(quote, text) {
				return true
			}
			continue
		}
		for end := min(len(text)-1, longestQuote); end >= longestQuote/2; end-- {
			if strings.HasSuffix(cut, text[:end]) {
				return true
			}
		}
	}
	return false
}
