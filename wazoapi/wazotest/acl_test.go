package wazotest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAccessList(t *testing.T) {
	t.Parallel()
	const me, session = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	for _, test := range []struct {
		name    string
		acl     []string
		access  string
		allowed bool
	}{
		{"the same access", []string{"websocketd"}, "websocketd", true},
		{"another access", []string{"websocketd"}, "websocketd.x", false},
		{"nothing granted", nil, "websocketd", false},
		{"a star is one word", []string{"a.*.c"}, "a.b.c", true},
		{"a star is not two words", []string{"a.*.c"}, "a.b.b.c", false},
		{"a star does not match a wildcard", []string{"a.*"}, "a.#", false},
		{"a star may be a part of a word", []string{"a.b*d"}, "a.bcd", true},
		{"a hash is several words", []string{"a.#"}, "a.b.c", true},
		{"a hash needs what is before it", []string{"a.#"}, "b.a.c", false},
		{"a hash in the middle", []string{"dird.#.me.read"}, "dird.a.b.me.read", true},
		{"me is me", []string{"chatd.users.me.rooms.#"}, "chatd.users.me.rooms.read", true},
		{"me is my uuid", []string{"events.chatd.users.me.rooms.#"}, "events.chatd.users." + me + ".rooms.created", true},
		{"me is nobody else", []string{"events.chatd.users.me.rooms.#"}, "events.chatd.users." + session + ".rooms.created", false},
		{"me is a whole word", []string{"a.me"}, "a.men", false},
		{"my session", []string{"a.my_session.b"}, "a." + session + ".b", true},
		{"edit is an old name of update", []string{"a.edit"}, "a.update", true},
		{"a denial wins", []string{"a.#", "!a.b"}, "a.b", false},
		{"a denial says nothing about the rest", []string{"a.#", "!a.b"}, "a.c", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.allowed, compileACL(test.acl, me, session).allows(test.access))
		})
	}
}

func TestSearchPatterns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, search, text string
		matches            bool
	}{
		{"a part", "lic", "Alice", true},
		{"without case and accents", "ETE CAFE", "message 2 Été café", true},
		{"words in another order", "b a", "a b", false},
		{"words with something between", "a c", "a b c", true},
		{"percent is anything", "a%c", "abc", true},
		{"underscore is one character", "a_c", "abc", true},
		{"underscore is not none", "a_c", "ac", false},
		{"a letter with a stroke", "lukasz", "Łukasz", true},
		{"something else", "x", "Alice", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.matches, searchPattern(test.search)(test.text))
		})
	}
}

func TestLoneSurrogates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, raw, want string }{
		{"a pair stays", `"\ud83d\ude00"`, `"\ud83d\ude00"`},
		{"a high one alone goes", `"a\ud800b"`, `"a\u0000b"`},
		{"a low one alone goes", `"\udc00"`, `"\u0000"`},
		{"two high ones go", `"\ud800\ud800"`, `"\u0000\u0000"`},
		{"an escaped backslash is no escape", `"\\ud800"`, `"\\ud800"`},
		{"other escapes stay", `"\u00e9\n"`, `"\u00e9\n"`},
		{"the end of the text is no escape", `"\u`, `"\u`},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, string(nulLoneSurrogates([]byte(test.raw))))
		})
	}
}

func FuzzNulLoneSurrogates(f *testing.F) {
	f.Add([]byte(`{"content":"\ud800\u`))
	f.Add([]byte(`"\\\ud83d\ude00\udc00"`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		assert.Len(t, nulLoneSurrogates(raw), len(raw))
	})
}
