package convert

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLongMessagesHaveThreePartsAndAFile(t *testing.T) {
	paragraph := strings.Repeat("Some words of a paragraph. ", 20) + "\n\n"
	for _, test := range []struct {
		name, content string
		parts         int
		hasFile       bool
	}{
		{"short", "hello", 1, false},
		{"empty", "", 1, false},
		{"two parts", strings.Repeat(paragraph, 60), 2, false},
		{"more than three", strings.Repeat(paragraph, 400), 3, true},
		{"one endless word", strings.Repeat("a", 200_000), 3, true},
		{"one line of words", strings.Repeat("word ", 40_000), 3, true},
		{"blanks behind the parts", strings.Repeat("a", 15_000) + strings.Repeat(" \n", 100_000), 2, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			long := Parts(test.content)
			if len(long.Parts) != test.parts || (long.Rest != "") != test.hasFile || (long.FileName != "") != test.hasFile {
				t.Fatalf("%d parts, %d bytes left in %q", len(long.Parts), len(long.Rest), long.FileName)
			}
			for _, part := range long.Parts {
				checkPart(t, part)
			}
			if squeeze(strings.Join(long.Parts, "")+long.Rest) != squeeze(test.content) {
				t.Error("the parts and the file together are not the content")
			}
		})
	}
}

func TestFileGoesOnWithTheCode(t *testing.T) {
	long := Parts("```go\n" + strings.Repeat("fmt.Println(1, 2, 3)\n", 6000) + "```")
	if !strings.HasPrefix(long.Rest, "```go\nfmt") || !strings.HasSuffix(long.Rest, "```") {
		t.Errorf("the file begins with %q", long.Rest[:20])
	}
	for _, part := range long.Parts {
		if !strings.HasPrefix(part, "```go\nfmt") || !strings.HasSuffix(part, ")\n```") {
			t.Errorf("a part begins with %q", part[:20])
		}
	}
}

func TestNoCharacterIsCutInTwo(t *testing.T) {
	for _, character := range []string{"👩‍👩‍👧", "🇫🇷", "e\u0301", " \u0301", "👍🏽", "a\u0301\u0302 \u0301"} {
		content := strings.Repeat(character, 150_000/len(character))
		long := Parts(content)
		for _, text := range append(long.Parts, long.Rest) {
			if first, _ := utf8.DecodeRuneInString(text); strings.ContainsRune("\u0301\u0302\u200d🏽", first) {
				t.Errorf("a part of %q begins with %q", character, text[:20])
			}
		}
	}
}
