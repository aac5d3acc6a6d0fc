package convert

import "strings"

// maxDepth is the number of levels to which HTML may be nested. Matrix recommends to
// clients that they show no more than 100.
const maxDepth = 100

// nestsTooDeeply reports whether a line of markdown opens more than maxDepth quotes
// and lists. Callers ask before they parse it, because parsing such a line takes time
// that grows with the square of its length.
func nestsTooDeeply(markdown string) bool {
	for line := range strings.SplitSeq(markdown, "\n") {
		if containers(line) > maxDepth {
			return true
		}
	}
	return false
}

// containers counts the markers of quotes and list items at the start of line. Where
// it is in doubt, it counts too many. A row of dashes does not count.
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
