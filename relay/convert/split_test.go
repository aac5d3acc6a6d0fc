package convert

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
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
	const mib = 1 << 20
	tests := []struct {
		name     string
		piece    string
		unstyled bool // too large with any formatted body
		size     int  // of the content, in bytes
	}{
		{"less-than signs", "<", true, mib},
		{"control characters", "\x01", true, mib / 16},
		{"ampersands", "&", true, mib / 16},
		{"emphasis", "*a* ", false, mib},
		{"one word", "a", false, mib},
		{"emoji", "👩‍👩‍👧", false, mib},
		{"quotes in quotes", ">", true, mib / 16},
		{"lists in lists", "+ ", false, mib / 16},
		{"list items", "- a\n", false, mib / 16},
		{"brackets", "[", false, mib / 16},
		{"pictures", "![", false, mib / 16},
		{"backticks", "` `` ", false, mib / 16},
		{"asterisks", "*", false, mib / 16},
		{"asterisks before words", "*a ", false, mib / 16},
		{"fences", "```\n", false, mib / 16},
		{"table cells", "|a", false, mib / 16},
		{"open links", "[a](<b", false, mib / 16},
		{"links", "[a](https://b) ", false, mib / 16},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if testing.Short() {
				test.size = mib / 16
			}
			content := strings.Repeat(test.piece, test.size/len(test.piece))
			unstyled := 0
			parts := Split(content)
			slices.Sort(parts)
			for _, part := range slices.Compact(parts) { // most parts of such a content are the same
				if !utf8.ValidString(part) {
					t.Fatal("a part is not UTF-8")
				}
				c := ToMatrix(part)
				AddProfile(c, strings.Repeat("&", 300), strings.Repeat("&", 300))
				if c.FormattedBody == "" {
					unstyled++
				}
				if size := EventSize(c); size > MaxEventBytes {
					t.Fatalf("a part of %d bytes makes an event of %d", len(part), size)
				}
			}
			if unstyled > 0 && !test.unstyled {
				t.Errorf("%d parts lost their formatting", unstyled)
			}
		})
	}
}
