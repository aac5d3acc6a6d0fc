package convert

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"maunium.net/go/mautrix/event"
)

const (
	// maxPart is the size that is tried first, in bytes. That much plain English fits
	// twice, as body and as formatted body, into an encrypted event with the largest
	// profile.
	maxPart = 17_000
	// minPart is the size of a text that always fits as a body, in bytes: each of them
	// becomes at most six bytes of JSON, which become eight of base64.
	minPart = 5_000
)

// Split cuts a Wazo message's content into parts. [ToMatrix] and [AddProfile] make an
// event of at most [MaxEventBytes] of each, even with the longest profile and in an
// encrypted room. Split cuts between paragraphs if it can, else between lines, words
// or characters, and it closes and reopens code fences. A part of 5,000 bytes whose
// formatting does not fit is not cut further; it is sent without formatting. Split
// returns at least one part.
func Split(content string) []string { return Typed{}.Split(content) }

// Split is like the function [Split] for text that is read in this way.
func (t Typed) Split(content string) []string {
	parts, _ := t.split(content, len(content)+1)
	return parts
}

// split returns at most so many parts of a content, and what follows them. A code fence that
// is open there is opened again in the rest.
func (t Typed) split(content string, most int) (parts []string, rest string) {
	content = cleanText(content)
	s := splitter{t.renderer(), maxPart}
	if len(content) <= minPart || len(content) <= MaxEventBytes && s.fits(content) {
		return []string{content}, ""
	}
	var open fence
	for rest = content; rest != "" && len(parts) < most; {
		var part string
		part, rest, open = s.next(rest, open)
		if strings.TrimSpace(part) != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return []string{""}, ""
	}
	if rest != "" {
		rest = open.opening() + rest
	}
	return parts, rest
}

type splitter struct {
	renderer *htmlRenderer
	// size is the size to try next. Most content is of one kind, so what fitted
	// into the last part is a good guess.
	size int
}

// next takes the next part off text, which begins inside the given fence if
// there is one, and returns it with the rest and the fence open at its end.
func (s *splitter) next(text string, open fence) (part, rest string, carry fence) {
	for ; ; s.size = max(s.size*2/3, minPart) {
		part, rest = cutAt(text, s.size, open.isOpen())
		part = open.opening() + part
		if rest != "" && !s.renderer.asIs {
			carry = fenceAtEnd(part)
			part += carry.closing()
		}
		if s.size == minPart || s.fits(part) {
			s.size = min(s.size*3/2, maxPart)
			return part, rest, carry
		}
	}
}

// fits reports whether part can be sent as one event with all its formatting.
func (s *splitter) fits(part string) bool {
	c, stripped := s.renderer.message(part, nil)
	// A message that kept its formatted body has been measured with it.
	return !stripped && (c.FormattedBody != "" || EventSize(withLargestProfile(c)) <= MaxEventBytes)
}

// withLargestProfile returns a copy of c with the profile that takes the most space.
// No character grows more than "&": to 6 bytes in JSON and to 10 as HTML in JSON.
func withLargestProfile(c *event.MessageEventContent) *event.MessageEventContent {
	full := *c
	largest := strings.Repeat("&", MaxProfileBytes)
	full.BeeperPerMessageProfile = &event.BeeperPerMessageProfile{ID: largest, Displayname: largest}
	full.AddPerMessageProfileFallback()
	return &full
}

// cutAt cuts text into a part of at most size bytes and the rest, at the best
// place in the last half (for words: the last quarter) of these bytes. White
// space at the cut is dropped, but inside code only one line break.
func cutAt(text string, size int, code bool) (part, rest string) {
	if len(text) <= size {
		return text, ""
	}
	window := text[:size]
	if at := strings.LastIndex(window, "\n\n"); at >= size/2 && !code {
		return strings.TrimRight(text[:at], "\n"), strings.TrimLeft(text[at:], "\n")
	}
	if at := strings.LastIndexByte(window, '\n'); at >= size/2 {
		return strings.TrimSuffix(text[:at], "\r"), text[at+1:]
	}
	if at := lastBlank(text, size); at >= size*3/4 {
		// Blanks left in front could make an indented code block of the rest.
		return text[:at], strings.TrimLeft(text[at:], " ")
	}
	part = TruncateBytes(text, size)
	return part, text[len(part):]
}

// lastBlank returns the place of the last blank before limit at which text can be cut, or
// -1: an accent behind a blank belongs to it.
func lastBlank(text string, limit int) int {
	for at := strings.LastIndexByte(text[:limit], ' '); at >= 0; at = strings.LastIndexByte(text[:at], ' ') {
		next, _ := utf8.DecodeRuneInString(text[at+1:])
		if !unicode.In(next, unicode.M) && !isJoiner(next) {
			return at
		}
	}
	return -1
}
