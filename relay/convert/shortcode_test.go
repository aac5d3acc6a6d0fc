package convert

import (
	"strings"
	"testing"
)

func TestShortcodesBecomeEmoji(t *testing.T) {
	for _, test := range []struct{ name, typed, want string }{
		{"alone", ":smile:", "😄"},
		{"in a sentence", "Done :tada:, thank you (:heart:)!", "Done 🎉, thank you (❤️)!"},
		{"one after another", ":+1::-1: :wave::skin-tone-3:", "👍👎 👋🏼"},
		{"names of other chats", ":thumbsup: :ROFL:", "👍 🤣"},
		{"behind an emoji", "👍:smile:", "👍😄"},
		{"in formatting", "**:fire:** *:eyes:*", "**🔥** *👀*"},
		{"a flag", ":de: :flag-at:", "🇩🇪 🇦🇹"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if c := ToMatrix(test.typed); c.Body != test.want {
				t.Errorf("got %q, want %q", c.Body, test.want)
			}
		})
	}
}

func TestColonsThatAreNoShortcodes(t *testing.T) {
	for _, typed := range []string{
		":nosuchname:", "10:30:45", "10:100:45", "a:100:b", "std::cat::x", ":::", "::smile::", ":smile", "smile:", ": smile :", "C:\\:smile:\\x",
		"/a/:smile:/b", "https://a.example/:smile:", "http://a:smile:", "sip:100:heart:", "fe80::a:b:", "[::100:]", ":smile:/", "key:smile:", "@:smile:", "`:smile:`", "``a`:smile:``",
		"```\n:smile:\n```", "~~~text\n:smile:\n~~~", ":smile:_a", ":a::nosuchname:", "ä:smile:", ":smile:ä", "[a](https://b.example/:smile:)", "mailto:a:smile:",
	} {
		t.Run(typed, func(t *testing.T) {
			if c := ToMatrix(typed); c.Body != typed {
				t.Errorf("became %q", c.Body)
			}
		})
	}
}

// What follows code that is closed is text again, and what follows code that is not is code.
func TestShortcodesAroundCode(t *testing.T) {
	typed := ":eyes: `a` :eyes:\n```\n:eyes:\n```\n:eyes:\n```\n:eyes:"
	want := "👀 `a` 👀\n```\n:eyes:\n```\n👀\n```\n:eyes:"
	if c := ToMatrix(typed); c.Body != want {
		t.Errorf("got %q, want %q", c.Body, want)
	}
}

func TestEveryAliasOfAShortcodeHasAnEmoji(t *testing.T) {
	for alias, name := range shortcodeAliases {
		if emojiByShortcode()[alias] == "" {
			t.Errorf("%q has none; there is no %q", alias, name)
		}
	}
}

// Emoji once put in stay, nothing else is changed, and the text does not grow much.
func FuzzShortcodes(f *testing.F) {
	for _, seed := range []string{":smile:", ":a::b::c:", ":smile::heart::", "`:smile:` :smile:", "10:30:45", "```\n:x:\n```", ":smile: http://a:b:", "☀:sunny:", "::a::"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		content = cleanText(content)
		once := withEmoji(content)
		if again := withEmoji(once); again != once {
			t.Errorf("%q became %q, then %q", content, once, again)
		}
		if len(once) > 4*len(content) {
			t.Errorf("%d bytes became %d", len(content), len(once))
		}
		if !strings.Contains(content, ":") && once != content {
			t.Errorf("%q became %q", content, once)
		}
	})
}
