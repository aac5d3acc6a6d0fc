package convert

import (
	"slices"
	"strings"
	"testing"

	"wazo-matrix-relay/relay/words"
)

const pixel = "data:image/png;base64,iVBORw0KGgo="

func TestPictures(t *testing.T) {
	tests := []struct {
		name, content string
		want          []string // source and description of each
		rest          string   // when all are shown
		without       string   // when none is
	}{
		{"one alone leaves nothing", "![a cat](https://b/c.png)", []string{"https://b/c.png", "a cat"}, "", "![a cat](https://b/c.png)"},
		{"one in a text leaves its description", "Look: ![a cat](https://b/c.png) nice", []string{"https://b/c.png", "a cat"}, "Look: 📷 a cat nice", "Look: ![a cat](https://b/c.png) nice"},
		{"one below a text", "Look:\n\n![](https://b/c.png)\n", []string{"https://b/c.png", ""}, "Look:\n\n📷\n", "Look:\n\n![](https://b/c.png)\n"},
		{"two at the ends of lines", "![a](https://b)\n![c](https://d)", []string{"https://b", "a", "https://d", "c"}, "", "![a](https://b)\n![c](https://d)"},
		{"a title is dropped", `x ![a](https://b "t (u)") y`, []string{"https://b", "a"}, "x 📷 a y", `x ![a](https://b "t (u)") y`},
		{"in brackets", "x ![a](<https://b/c d>)", []string{"https://b/c%20d", "a"}, "x 📷 a", "x ![a](<https://b/c d>)"},
		{"in a quote over two lines", "> x ![a\n> b](https://c)\n> y", []string{"https://c", "a b"}, "> x 📷 a b\n> y", "> x ![a\n> b](https://c)\n> y"},
		{"in a list", "- ![a](https://b)\n- c", []string{"https://b", "a"}, "- 📷 a\n- c", "- ![a](https://b)\n- c"},
		{"in a table", "| a |\n| --- |\n| ![b](https://c) |", []string{"https://c", "b"}, "| a |\n| --- |\n| 📷 b |", "| a |\n| --- |\n| ![b](https://c) |"},
		{"in a link", "[![a](https://b)](https://c)", []string{"https://b", "a"}, "[📷 a](https://c)", "[![a](https://b)](https://c)"},
		{"one in the description of another is not counted", "x ![a ![b](https://c)](https://d)", []string{"https://d", "a b"}, "x 📷 a b", "x ![a ![b](https://c)](https://d)"},
		{"formatting in the description is not seen", `x ![**a** \*b\* c](https://d)`, []string{"https://d", "a *b* c"}, `x 📷 a \*b\* c`, `x ![**a** \*b\* c](https://d)`},
		{"Markdown in the description stays text", "x ![&#42;a\\*](https://d)", []string{"https://d", "&#42;a\\*"}, "x 📷 &#42;a\\*", "x ![&#42;a\\*](https://d)"},
		{"one in the message itself", "x ![a](" + pixel + ") y", []string{pixel, "a"}, "x 📷 a y", "x 📷 a (cannot be shown) y"},
		{"one in the message itself, alone", "![](" + pixel + ")", []string{pixel, ""}, "", "📷 picture (cannot be shown)"},
		{"after letters of several bytes", "Grüße 猫 ![a](https://b)", []string{"https://b", "a"}, "Grüße 猫 📷 a", "Grüße 猫 ![a](https://b)"},
		{"in code it is none", "`![a](https://b)`\n\n```\n![a](https://b)\n```", nil, "", ""},
		{"an escaped one is none", `\![a](https://b) !\[a](https://b)`, nil, "", ""},
		{"another scheme is none", "![a](ftp://b) ![a](javascript:b) ![a](mxc://b/c) ![a](/b) ![a]() ![a]", nil, "", ""},
		{"a broken one is none", "![a](https://b ![a] (https://b) ![a(https://b)", nil, "", ""},
		{"HTML is none", `<img src="https://b">`, nil, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pictures := Pictures(test.content)
			var got []string
			for _, p := range pictures {
				got = append(got, p.Source, p.Description)
			}
			if !slices.Equal(got, test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			if test.want == nil {
				return
			}
			if got := WithoutPictures(words.Texts{}, test.content, pictures, func(int) bool { return true }); got != test.rest {
				t.Errorf("without pictures: got %q, want %q", got, test.rest)
			}
			if got := WithoutPictures(words.Texts{}, test.content, pictures, func(int) bool { return false }); got != test.without {
				t.Errorf("with pictures that can't be shown: got %q, want %q", got, test.without)
			}
		})
	}
	t.Run("however large they are", func(t *testing.T) {
		long := "data:image/png;base64," + strings.Repeat("iVBORw0KGgo", 10_000)
		content := "a ![b](" + long + ") c ![d](https://e) f ![g](<" + strings.ToUpper(long[:300]) + ">) ![h](data:cut0) i"
		pictures := Pictures(content)
		if len(pictures) != 4 || pictures[0].Source != long || pictures[1].Source != "https://e" || !strings.EqualFold(pictures[2].Source, long[:300]) {
			t.Fatalf("got %d pictures", len(pictures))
		}
		got := WithoutPictures(words.Texts{}, content, pictures, func(int) bool { return true })
		if got != "a 📷 b c 📷 d f 📷 g 📷 h i" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("none in a text so long that it could take minutes", func(t *testing.T) {
		if got := Pictures("![a](https://b)" + strings.Repeat("![a](", 200_000)); got != nil {
			t.Errorf("got %d", len(got))
		}
	})
	t.Run("only some are shown", func(t *testing.T) {
		content := "![a](https://b) ![c](https://d)"
		got := WithoutPictures(words.Texts{}, content, Pictures(content), func(i int) bool { return i == 1 })
		if got != "![a](https://b) 📷 c" {
			t.Errorf("got %q", got)
		}
	})
}

func TestLineOfAPicture(t *testing.T) {
	for content, want := range map[string]string{
		"![a *cat*](https://b/c(1).png)": "📷 [a cat](https://b/c%281%29.png)",
		"![](https://b)":                 "📷 [picture](https://b)",
		"![a](" + pixel + ")":            "📷 a (cannot be shown)",
	} {
		if got := Pictures(content)[0].Line(words.Texts{}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLineOfAPictureIsRendered(t *testing.T) {
	for _, name := range []string{"a", "*a*", "a_b_c", "[a]", "a]", "`a`", `a\b`, "<a>", "1. a", "~~a~~", "https://c.example", "a & b", `a\*b\*`, "![a]"} {
		c := ToMatrix(Picture{Source: "https://b.example/c(1).png", Description: name}.Line(words.Texts{}))
		if seen := visibleText(c.FormattedBody); seen != "📷 "+name || !strings.Contains(c.FormattedBody, `<a href="https://b.example/c%281%29.png">`) {
			t.Errorf("%s: shown as %s", name, c.FormattedBody)
		}
	}
}

func TestFileNameOfAPicture(t *testing.T) {
	for source, want := range map[string]string{
		"https://b/dir/cat.jpeg?x=y":   "cat.png",
		"https://b":                    "picture.png",
		"https://b/":                   "picture.png",
		"https://b/..":                 "picture.png",
		"https://b/%2e%2e%2fpasswd":    "passwd.png",
		"https://b/%E2%80%AEgpj.x.exe": "gpj.x.png",
		pixel:                          "picture.png",
		"data:image/png":               "picture.png",
	} {
		if got := (Picture{Source: source}).FileName(words.Texts{}, ".png"); got != want {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
}

func FuzzPictures(f *testing.F) {
	for _, seed := range []string{"![a](https://b) c", "> ![a\n> ![b](https://c)](https://d)", "|a|\n|-|\n|![\\|](https://b)|", "![](data:x,y)", "![a](data:" + strings.Repeat("x", 64) + ") b", "1. ![a](https://b)\n   ![c](https://d \"e\")"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		pictures := Pictures(content)
		end := 0
		for _, p := range pictures {
			whole := content[p.start:p.end]
			if p.start < end || !strings.HasPrefix(whole, "![") || !strings.HasSuffix(whole, ")") {
				t.Fatalf("%q in %q", whole, content)
			}
			end = p.end
		}
		WithoutPictures(words.Texts{}, content, pictures, func(i int) bool { return i%2 == 0 })
	})
}
