// Package command reads the commands that people type to the bot, on Matrix and on Wazo. It is the only place where the
// command prefix is looked for.
//
// A command is a text that begins with the prefix. Keyboards and clients put things before and around it that people do
// not see or do not mean: white space and zero-width characters, the fallback of a reply, a mention of the bot, a colon
// behind the prefix, typographic quotation marks and dashes. The package looks through them. It leaves to its callers
// what a command does, and who may use it.
package command

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Command is what somebody typed after the prefix.
type Command struct {
	Name string // in lower case; "help" if the prefix stands alone
	Args string // what follows the name, with plain spaces as white space
}

// Words returns the arguments that white space separates.
func (c Command) Words() []string { return strings.FieldsFunc(c.Args, isBlank) }

// help is the command that the prefix alone asks for.
const help = "help"

// Parse reads a text. It reports false if the text is not a command, which begins with the prefix in any case. Before
// the prefix there may be a mention of the bot by one of its names.
func Parse(text, prefix string, names ...string) (Command, bool) {
	text = trim(text)
	if rest, ok := cutPrefix(text, prefix); ok {
		return read(rest), true
	}
	for _, name := range names {
		if rest, ok := cutMention(text, name); !ok {
			continue
		} else if rest, ok = cutPrefix(rest, prefix); ok {
			return read(rest), true
		}
	}
	return Command{}, false
}

// read reads what follows the prefix.
func read(text string) Command {
	text = trim(text)
	name, args := text, ""
	if end := strings.IndexFunc(text, isBlank); end >= 0 {
		name, args = text[:end], plainSpaces(trim(text[end:]))
	}
	if name == "" {
		name = help
	}
	return Command{Name: strings.ToLower(name), Args: args}
}

// cutPrefix cuts the prefix off, with the colons behind it. The prefix must be a word of its own.
func cutPrefix(text, prefix string) (rest string, ok bool) {
	rest, ok = cutFold(text, prefix)
	if !ok {
		return "", false
	}
	next, _ := utf8.DecodeRuneInString(rest)
	if rest != "" && !isBlank(next) && !isColon(next) {
		return "", false
	}
	return strings.TrimLeftFunc(rest, func(r rune) bool { return isBlank(r) || isColon(r) }), true
}

// cutMention cuts a name off, with the sign before it and the punctuation behind it.
func cutMention(text, name string) (rest string, ok bool) {
	name = trim(name)
	if name == "" {
		return "", false
	}
	rest, ok = cutFold(text, name)
	if !ok {
		if rest, ok = cutFold(text, "@"+name); !ok {
			return "", false
		}
	}
	after := strings.TrimLeftFunc(rest, func(r rune) bool { return isBlank(r) || isColon(r) || isComma(r) })
	return after, len(after) < len(rest)
}

// cutFold cuts a prefix off in upper or lower case and in full or half width. It passes over characters that are not
// seen.
func cutFold(text, prefix string) (rest string, ok bool) {
	wanted := []rune(prefix)
	for i, r := range text {
		if len(wanted) == 0 {
			return text[i:], true
		} else if isFold(r, wanted[0]) {
			wanted = wanted[1:]
		} else if !isInvisible(r) {
			return "", false
		}
	}
	return "", len(wanted) == 0
}

func isFold(a, b rune) bool { return strings.EqualFold(narrow(a), narrow(b)) }

// narrow returns a character in the width that most keyboards type: "！" becomes "!".
func narrow(r rune) string {
	if folded := width.LookupRune(r).Folded(); folded != 0 {
		r = folded
	}
	return string(r)
}

func isColon(r rune) bool { return r == ':' || r == '：' }

func isComma(r rune) bool { return strings.ContainsRune(",，、،;；", r) }

// isBlank reports whether a character is white space, or is not seen at all.
func isBlank(r rune) bool { return unicode.IsSpace(r) || isInvisible(r) }

// isInvisible reports whether a character is not seen: zero-width spaces, marks of direction, variation selectors,
// fillers.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector) || strings.ContainsRune("\u115f\u1160\u2800\u3164\uffa0", r)
}

func trim(text string) string { return strings.TrimFunc(text, isBlank) }

// plainSpaces replaces each white space, such as a no-break space, by a plain space.
func plainSpaces(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, text)
}

// family is a kind of quotation marks or brackets. Countries disagree about which of them opens and which closes, so
// any of a family closes what any of it has opened.
type family struct{ open, closing string }

var families = []family{
	{"\"“”„‟«»＂″〝〞〟❝❞", "\"“”„‟«»＂″〝〞〟❝❞"},
	{"'‘’‚‛‹›`´＇′", "'‘’‚‛‹›`´＇′"},
	{"<＜〈《⟨≪", ">＞〉》⟩≫"},
	{"「『【〔", "」』】〕"},
	{"[［", "]］"},
}

// opened returns the characters that close what a character opens, "" if it opens nothing.
func opened(r rune) (closing string) {
	for _, f := range families {
		if strings.ContainsRune(f.open, r) {
			return f.closing
		}
	}
	return ""
}

// Unquote takes the quotation marks and brackets away that stand around a whole text.
func Unquote(text string) string {
	for {
		text = trim(text)
		first, size := utf8.DecodeRuneInString(text)
		last, lastSize := utf8.DecodeLastRuneInString(text)
		if len(text) < size+lastSize || !strings.ContainsRune(opened(first), last) {
			return text
		}
		text = text[size : len(text)-lastSize]
	}
}

// List splits a list at its commas, but not within quotation marks, and takes the quotation marks away. Empty entries
// are left out.
func List(text string) (items []string) {
	for text != "" {
		var item string
		item, text = cutItem(text)
		if item = Unquote(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// cutItem cuts the first entry of a list. Quotation marks count where an entry begins with them and where something
// closes them: an apostrophe is none.
func cutItem(text string) (item, rest string) {
	quoted := 0 // bytes
	blank := len(text) - len(strings.TrimLeftFunc(text, isBlank))
	if first, size := utf8.DecodeRuneInString(text[blank:]); size > 0 {
		if closing := opened(first); closing != "" {
			quoted = max(0, blank+size+strings.IndexAny(text[blank+size:], closing))
		}
	}
	end := strings.IndexFunc(text[quoted:], isComma)
	if end < 0 {
		return text, ""
	}
	_, size := utf8.DecodeRuneInString(text[quoted+end:])
	return text[:quoted+end], text[quoted+end+size:]
}

// dashes are what keyboards make of the two hyphens before a flag.
const dashes = "-‐‑‒–—―−﹘﹣－"

// CutFlag takes every "--flag" out of arguments, also with typographic dashes and in any case. It reports whether there
// was one.
func CutFlag(args, flag string) (rest string, found bool) {
	var kept strings.Builder
	for args != "" {
		blank := len(args) - len(strings.TrimLeftFunc(args, isBlank))
		end := strings.IndexFunc(args[blank:], isBlank)
		if end < 0 {
			end = len(args) - blank
		}
		word := args[blank : blank+end]
		if name := strings.TrimLeft(word, dashes); name != word && strings.EqualFold(name, flag) {
			found = true
		} else {
			kept.WriteString(args[:blank+end])
		}
		args = args[blank+end:]
	}
	return trim(kept.String()), found
}

// titleWord introduces the title of a chat.
const titleWord = "as"

// CutTitle splits arguments before the word "as" (in any case) that a title in quotation marks follows at the end. The
// title is empty if there is none. Usage lines show the title in square brackets, which may be typed as well.
func CutTitle(args string) (rest, title string) {
	args = trim(args)
	for _, text := range []string{args, strings.TrimRight(args, "]］")} {
		last, size := utf8.DecodeLastRuneInString(text)
		// The first "as" counts behind which a quotation mark opens that the last character closes.
		for _, at := range wordStarts(text) {
			word, ok := cutFold(strings.TrimLeft(text[at:], "[［"), titleWord)
			quoted := trim(word)
			first, firstSize := utf8.DecodeRuneInString(quoted)
			if !ok || quoted == "" || len(quoted) < firstSize+size || !strings.ContainsRune(opened(first), last) {
				continue
			}
			return trim(text[:at]), Unquote(quoted)
		}
	}
	return args, ""
}

// wordStarts returns where the words of a text begin.
func wordStarts(text string) (starts []int) {
	inWord := false
	for i, r := range text {
		if !inWord && !isBlank(r) {
			starts = append(starts, i)
		}
		inWord = !isBlank(r)
	}
	return starts
}
