package convert

import (
	"slices"
	"strings"
	"testing"
)

func TestShortContentIsOnePart(t *testing.T) {
	for _, content := range []string{"", " ", "a", "```\ncode", strings.Repeat("a\n\n", 1000), strings.Repeat("word ", 3400)} {
		if got := Split(content); len(got) != 1 || got[0] != content {
			t.Errorf("%.20q… became %d parts", content, len(got))
		}
	}
}

func TestContentIsCutWhereItHurtsLeast(t *testing.T) {
	line := strings.Repeat("word ", 40) + "end" // 203 bytes
	paragraph := strings.Repeat(line+"\n", 9) + line
	tests := []struct {
		name, content, separator string
		start, end               string // of every part
	}{
		{"between paragraphs", strings.TrimSuffix(strings.Repeat(paragraph+"\n\n", 30), "\n\n"), "\n\n", "word ", paragraph},
		{"between lines", strings.TrimSuffix(strings.Repeat(line+"\n", 300), "\n"), "\n", line, line},
		{"between words", strings.TrimSuffix(strings.Repeat("word ", 12_000), " "), " ", "word", "word"},
		{"between families", strings.Repeat(family, 3_000), "", family, family},
		{"between flags", strings.Repeat("🇫🇷", 8_000), "", "🇫🇷", "🇫🇷"},
		{"between letters with accents", strings.Repeat("e\u0301", 20_000), "", "e\u0301", "e\u0301"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parts := Split(test.content)
			if len(parts) < 2 {
				t.Fatalf("%d bytes became %d parts", len(test.content), len(parts))
			}
			for i, part := range parts {
				if !strings.HasPrefix(part, test.start) || !strings.HasSuffix(part, test.end) {
					t.Errorf("part %d is %.30q … %q", i, part, part[max(0, len(part)-30):])
				}
			}
			if strings.Join(parts, test.separator) != test.content {
				t.Error("the parts together are not the content")
			}
		})
	}
}

func TestCodeIsClosedAndReopened(t *testing.T) {
	line := "\tx := \"" + strings.Repeat("a", 90) + "\"\n"
	for _, marker := range []string{"```", "~~~~"} {
		content := "before\n\n" + marker + "go\n" + strings.Repeat(line, 500) + marker + "\n\n*after*"
		parts := Split(content)
		if len(parts) < 2 {
			t.Fatalf("%d parts", len(parts))
		}
		lines := 0
		for i, part := range parts {
			c := ToMatrix(part)
			if strings.Count(c.FormattedBody, "<pre>") != 1 || strings.Count(c.FormattedBody, `class="language-go"`) != 1 {
				t.Errorf("part %d of %s is not one block of Go: %.200q", i, marker, c.FormattedBody)
			}
			lines += strings.Count(c.FormattedBody, "\tx := ")
		}
		last := ToMatrix(parts[len(parts)-1]).FormattedBody
		if !strings.Contains(last, "<em>after</em>") || lines != 500 {
			t.Errorf("%d lines of code, end %q", lines, last[max(0, len(last)-60):])
		}
	}
}

func TestEveryPartFitsIntoAnEvent(t *testing.T) {
	const (
		// mostOfWazo is the longest content that chatd takes, in bytes. Content that
		// takes long to parse is shorter, but still too long to be tried as a whole.
		mostOfWazo = 1 << 20
		someParts  = 1 << 16
	)
	tests := []struct {
		name     string
		piece    string
		unstyled bool // too large with any formatted body
		size     int  // of the content, in bytes
	}{
		{"less-than signs", "<", true, someParts},
		{"control characters", "\x01", true, someParts},
		{"ampersands", "&", true, someParts},
		{"emphasis", "*a* ", false, someParts},
		{"one word", "a", false, mostOfWazo},
		{"emoji", family, false, mostOfWazo},
		{"a character without end", "\u0301", false, someParts},
		{"quotes in quotes", ">", true, someParts},
		{"lists in lists", "+ ", false, mostOfWazo},
		{"list items", "- a\n", false, someParts},
		{"brackets", "[", false, someParts},
		{"pictures", "![", false, someParts},
		{"backticks", "` `` ", false, someParts},
		{"asterisks", "*", false, mostOfWazo},
		{"asterisks before words", "*a ", false, someParts},
		{"fences", "```\n", false, someParts},
		{"table cells", "|a", false, someParts},
		{"open links", "[a](<https://b", false, someParts},
		{"links", "[a](https://b) ", false, someParts},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			unstyled := 0
			parts := Split(strings.Repeat(test.piece, test.size/len(test.piece)))
			slices.Sort(parts)
			for _, part := range slices.Compact(parts) { // most parts of such a content are the same
				if checkPart(t, part).FormattedBody == "" {
					unstyled++
				}
			}
			if unstyled > 0 && !test.unstyled {
				t.Errorf("%d parts lost their formatting", unstyled)
			}
		})
	}
}

// Anybody may send a long text, so the time that Split takes must not grow with the
// square of its length. It does not, because a part depends on its own text only.
func TestPartDoesNotDependOnWhatFollows(t *testing.T) {
	for _, piece := range []string{"word ", "line\n", "a\n\n", "```\n", "<", "*a* ", "\u0301"} {
		text := strings.Repeat(piece, 2*maxPart/len(piece))
		renderer := newHTMLRenderer()
		alone, beside := splitter{renderer, maxPart}, splitter{renderer, maxPart}
		part, rest, open := alone.next(text, fence{})
		more := strings.Repeat("```\n*b", maxPart)
		partBeside, restBeside, openBeside := beside.next(text+more, fence{})
		if partBeside != part || restBeside != rest+more || openBeside != open || alone.size != beside.size {
			t.Errorf("%q: a part of %d bytes became one of %d", piece, len(part), len(partBeside))
		}
	}
}
