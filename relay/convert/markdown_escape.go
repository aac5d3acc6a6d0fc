package convert

import (
	"regexp"
	"strings"

	"github.com/yuin/goldmark/util"
)

// A backslash is shown, as in paths, patterns and ¯\_(ツ)_/¯, unless what follows would
// be formatting without it.

// backslashes handles the backslashes at i and what they may escape. Of two of them,
// none escapes anything.
func (s *scanner) backslashes(i int) int {
	end := i + runLength(s.text[i:])
	if (end-i)%2 == 0 || end == len(s.text) {
		return end
	}
	escape := end - 1
	switch c := s.text[end]; {
	case c == '*' || c == '_' || c == '~':
		return s.markRun(escape, escape)
	case c == '`':
		return s.escapedTicks(escape, end)
	case c == '!' && strings.HasPrefix(s.text[end:], "!["):
		return s.openBracket(escape, end+2, false, true)
	case c == '[':
		return s.openBracket(escape, end+1, false, true)
	case c == ']':
		return s.closeBracket(escape, end+1, true)
	default:
		return end
	}
}

// escapedTicks hides the backslash in front of what would be a code span or a fence. Both
// ends of the code span become text.
func (s *scanner) escapedTicks(escape, start int) int {
	length := runLength(s.text[start:])
	end := s.codeEnd(start, length)
	if end < 0 && !s.literal[start] && !(length >= 3 && s.canBlock && s.isAtLineStart(escape)) {
		return start + length
	}
	if end >= 0 && !s.literal[start] {
		s.literal[end] = true
	}
	return s.add(escape, start, piece{hidden: true}) + length
}

// isAtLineStart reports whether only blanks stand in front of a place in its line.
func (s *scanner) isAtLineStart(i int) bool {
	for i > 0 && s.text[i-1] == ' ' {
		i--
	}
	return i == 0 || s.text[i-1] == '\n'
}

var (
	// escapedBlock finds the backslash in a line that would begin a block without it.
	escapedBlock = regexp.MustCompile(`^ {0,3}(?:[0-9]{1,9})?(\\)[.#>-]`)
	// interrupts finds those that would do so below a line of text, too.
	interrupts = regexp.MustCompile(`^ {0,3}(>|1\.)`)
)

// startLine hides the backslash of an escaped block at the start of a line. It returns
// where the line goes on.
func (s *scanner) startLine(i int) int {
	if !s.canBlock {
		return i
	}
	line, _, _ := strings.Cut(s.text[i:], "\n")
	match := escapedBlock.FindStringSubmatchIndex(line)
	if match == nil {
		return i
	}
	escape := match[2]
	plain := []byte(line[:escape] + line[escape+1:])
	isItem, below := itemLine.Match(plain), s.afterEscapedItem
	s.afterEscapedItem = false
	if !isBlockLine(plain) || i > 0 && !interrupts.Match(plain) && !(isItem && below) {
		return i
	}
	s.afterEscapedItem = isItem
	return s.add(i+escape, i+escape+1, piece{hidden: true})
}

// isBlockLine reports whether a line, by itself, would be a heading, a quote, a rule or
// an item of a list.
func isBlockLine(line []byte) bool {
	if heading := headingLine.FindSubmatch(line); heading != nil {
		return len(heading[1]) > 1 || !util.IsNumeric(heading[2][0])
	}
	if item := itemLine.FindSubmatch(line); item != nil {
		return util.IsNumeric(item[1][0]) || item[1][0] == '-' && !util.IsNumeric(item[2][0])
	}
	return quoteLine.Match(line) || ruleLine.Match(line)
}
