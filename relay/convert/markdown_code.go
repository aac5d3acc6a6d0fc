package convert

import (
	"sort"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// tickRuns returns where the rows of backticks of each length begin in text.
func tickRuns(text string) map[int][]int {
	runs := map[int][]int{}
	for i := 0; i < len(text); {
		if text[i] != '`' {
			i++
			continue
		}
		length := runLength(text[i:])
		runs[length] = append(runs[length], i)
		i += length
	}
	return runs
}

// runLength returns how often text begins with its first byte.
func runLength(text string) int {
	return len(text) - len(strings.TrimLeft(text, text[:1]))
}

// code finds a code span that begins with the row of backticks at i.
func (s *scanner) code(i int) int {
	length := runLength(s.text[i:])
	end := s.codeEnd(i, length)
	if end < 0 || s.literal[i] {
		return i + length
	}
	return s.add(i, end+length, piece{leaf: codeNode(s.text[i+length : end])})
}

// codeEnd returns where the row of backticks stands that ends the code span at i, or -1
// if there is none: a backtick behind a letter is an apostrophe, and only several
// backticks hold code of several lines.
func (s *scanner) codeEnd(i, length int) int {
	if isWord(s.previous(i)) {
		return -1
	}
	runs := s.ticks[length]
	next := sort.SearchInts(runs, i+1)
	if next == len(runs) {
		return -1
	}
	code := s.text[i+length : runs[next]]
	if strings.TrimSpace(code) == "" || length < 3 && strings.ContainsRune(code, '\n') {
		return -1
	}
	return runs[next]
}

func codeNode(code string) ast.Node {
	if trimmed := strings.TrimSuffix(strings.TrimPrefix(code, " "), " "); len(trimmed) == len(code)-2 {
		code = trimmed
	}
	node := ast.NewCodeSpan()
	node.AppendChild(node, textNode(strings.ReplaceAll(code, "\n", " ")))
	return node
}

// textNode returns a node for text as it is, without escapes and entities.
func textNode(text string) *ast.String {
	node := ast.NewString([]byte(text))
	node.SetRaw(true)
	return node
}
