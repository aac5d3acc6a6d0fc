package convert

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"go.mau.fi/util/emojishortcodes"
	"go.mau.fi/util/variationselector"
)

// maxShortcode is longer than the longest name of an emoji, in bytes.
const maxShortcode = 64

// shortcodeAliases are names that other chats use for emoji that have another one in the
// library.
var shortcodeAliases = map[string]string{
	"thumbsup": "+1", "thumbs_up": "+1", "thumbsdown": "-1", "thumbs_down": "-1", "poop": "hankey", "shit": "hankey",
	"rofl": "rolling_on_the_floor_laughing", "thinking": "thinking_face", "facepalm": "face_palm", "hugs": "hugging_face",
	"telephone": "phone", "envelope": "email", "satisfied": "laughing", "party": "tada", "check": "heavy_check_mark",
	"red_heart": "heart", "clapping": "clap", "ok": "ok_hand", "high_five": "raised_hands", "upside_down": "upside_down_face",
	"nerd": "nerd_face", "money_mouth": "money_mouth_face", "hug": "hugging_face", "handshake": "handshake", "flushed_face": "flushed",
}

// emojiByShortcode returns the emoji by their names, such as "smile".
var emojiByShortcode = sync.OnceValue(func() map[string]string {
	byName := map[string]string{}
	for emoji, name := range emojishortcodes.GetMap() {
		byName[name] = variationselector.FullyQualify(emoji)
	}
	for alias, name := range shortcodeAliases {
		if _, isTaken := byName[alias]; !isTaken && byName[name] != "" {
			byName[alias] = byName[name]
		}
	}
	return byName
})

// withEmoji replaces the ":shortcodes:" that people type by emoji, except in code, in
// addresses and where a colon belongs to something else: 10:30:45, C:\on:x, a::b::c.
func withEmoji(content string) string {
	if strings.Count(content, ":") < 2 {
		return content
	}
	var out strings.Builder
	var open fence
	for line := range strings.Lines(content) {
		found, isFence := parseFence(strings.TrimRight(line, "\r\n"))
		switch {
		case isFence && open.isOpen():
			if found.closes(open) {
				open = fence{}
			}
		case isFence && found.opens():
			open = found
		case !open.isOpen():
			writeEmoji(&out, line)
			continue
		}
		out.WriteString(line)
	}
	return out.String()
}

// writeEmoji writes a line with its shortcodes as emoji.
func writeEmoji(out *strings.Builder, line string) {
	for i := 0; i < len(line); {
		length := 1
		switch c := line[i]; {
		case c == '`':
			length = codeLength(line[i:])
		case c == ':':
			if emoji, end := shortcodesAt(line, i); end > i {
				out.WriteString(emoji)
				i = end
				continue
			}
		case isWordByte(c):
			length = tokenLength(line, i)
		}
		out.WriteString(line[i : i+length])
		i += length
	}
}

// codeLength returns the length of the code at the start of text, with its backticks, or
// that of the row of backticks if no code follows.
func codeLength(text string) int {
	ticks := runLength(text)
	for i := ticks; i < len(text); {
		next := strings.IndexByte(text[i:], '`')
		if next < 0 {
			break
		}
		i += next
		if length := runLength(text[i:]); length == ticks {
			return i + length
		} else {
			i += length
		}
	}
	return ticks
}

// tokenLength returns the length of the word at a place. Of an address it returns the whole
// of it, up to the next blank.
func tokenLength(line string, at int) int {
	end := at
	for end < len(line) && isWordByte(line[end]) {
		end++
	}
	if rest := line[end:]; strings.HasPrefix(rest, "://") || end-at > 1 && isScheme(line[at:end]) && strings.HasPrefix(rest, ":") {
		for end < len(line) && !unicode.IsSpace(rune(line[end])) {
			end++
		}
	}
	return end - at
}

func isScheme(word string) bool {
	switch strings.ToLower(word) {
	case "mailto", "sip", "sips", "tel", "matrix", "xmpp", "urn", "data", "magnet", "geo", "mxc":
		return true
	default:
		return false
	}
}

func isWordByte(c byte) bool { return c >= utf8.RuneSelf || isWordASCII(rune(c)) }

// shortcodesAt returns the emoji of the shortcodes that follow each other from a place, and
// where they end. It returns no end if there are none, or if they are part of something
// else.
func shortcodesAt(line string, at int) (emoji string, end int) {
	if previous, _ := utf8.DecodeLastRuneInString(line[:at]); at > 0 && (isWord(previous) || strings.ContainsRune(`:/\._-@=#&?%$`, previous)) {
		return "", 0
	}
	var out strings.Builder
	for end = at; ; {
		found, length := shortcodeAt(line[end:])
		if length == 0 {
			break
		}
		out.WriteString(found)
		end += length
	}
	next, _ := utf8.DecodeRuneInString(line[end:])
	if end < len(line) && (isWord(next) || strings.ContainsRune(`:/\_-@=`, next)) {
		return "", 0
	}
	return out.String(), end
}

// shortcodeAt returns the emoji of the shortcode at the start of text, and the shortcode's
// length; 0 if there is none.
func shortcodeAt(text string) (emoji string, length int) {
	if text == "" || text[0] != ':' {
		return "", 0
	}
	name, _, found := strings.Cut(text[1:min(len(text), maxShortcode)], ":")
	if !found {
		return "", 0
	}
	emoji = emojiByShortcode()[strings.ToLower(name)]
	if emoji == "" {
		return "", 0
	}
	return emoji, len(name) + 2
}
