package convert

import "strings"

const (
	// maxFence is the length of the longest row of backticks or tildes that counts as
	// a fence. Longer ones are decoration.
	maxFence = 32
	// maxInfo is how many bytes of a fence's language are kept.
	maxInfo = 32
	// maxIndent is the number of blanks by which a fence in a list may be indented.
	maxIndent = 12
)

// fence is a code fence of Markdown. The zero value is none.
type fence struct {
	indent string // blanks before the marker
	marker string // at least three backticks or tildes
	info   string // the language, may be empty
}

func (f fence) isOpen() bool { return f.marker != "" }

// opens reports whether the fence begins a block of code. A row of tildes does so only
// before the name of a language; others are decoration.
func (f fence) opens() bool { return f.marker[0] == '`' || f.hasLanguage() }

// hasLanguage reports whether the name of a language, and nothing else, follows the
// fence.
func (f fence) hasLanguage() bool {
	return f.info != "" && strings.Trim(f.info, languageLetters) == ""
}

// closes reports whether the fence ends the block of code that another one began.
func (f fence) closes(opening fence) bool {
	return f.info == "" && strings.HasPrefix(f.marker, opening.marker)
}

// opening returns the line that reopens the fence at the start of a part.
func (f fence) opening() string {
	if !f.isOpen() {
		return ""
	}
	if !f.hasLanguage() {
		return f.marker + "\n"
	}
	return f.marker + f.info + "\n"
}

// closing returns the line that closes the fence at the end of a part.
func (f fence) closing() string {
	if !f.isOpen() {
		return ""
	}
	return "\n" + f.indent + f.marker
}

// fenceAtEnd returns the fence that is open at the end of text.
func fenceAtEnd(text string) fence {
	var open fence
	for line := range strings.SplitSeq(text, "\n") {
		found, ok := parseFence(line)
		switch {
		case !ok:
		case !open.isOpen():
			if found.opens() {
				open = found
			}
		case found.closes(open):
			open = fence{}
		}
	}
	return open
}

// parseFence reads a line that may open or close a fence.
func parseFence(line string) (fence, bool) {
	trimmed := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(trimmed)]
	if trimmed == "" || len(indent) > maxIndent || trimmed[0] != '`' && trimmed[0] != '~' {
		return fence{}, false
	}
	info := strings.TrimLeft(trimmed, trimmed[:1])
	marker := trimmed[:len(trimmed)-len(info)]
	if len(marker) < 3 || len(marker) > maxFence || marker[0] == '`' && strings.ContainsRune(info, '`') {
		return fence{}, false
	}
	return fence{indent, marker, TruncateBytes(strings.TrimSpace(info), maxInfo)}, true
}
