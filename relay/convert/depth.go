package convert

import "strings"

// maxDepth is how deeply HTML may be nested. Matrix clients are told to show no
// more than 100 levels.
const maxDepth = 100

// nestsTooDeeply reports whether a line of Markdown opens more quotes and lists
// than maxDepth. It is asked before parsing, because parsing such lines takes
// time that grows with the square of their length.
func nestsTooDeeply(markdown string) bool {
	for line := range strings.SplitSeq(markdown, "\n") {
		if containers(line) > maxDepth {
			return true
		}
	}
	return false
}

// containers counts the markers of quotes and list items at the start of line,
// rather too many than too few. A row of dashes is none.
func containers(line string) int {
	count := 0
	for i := range len(line) {
		switch line[i] {
		case '>':
			count++
		case '-', '+', '*', '.', ')':
			if i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '\t') {
				count++
			}
		case ' ', '\t', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		default:
			return count
		}
	}
	return count
}
