package convert

import (
	"slices"
	"strings"
	"unicode/utf8"

	"go.mau.fi/util/variationselector"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// maxEmoji is how many characters of a reaction are shown. Some clients let people react
// with words.
const maxEmoji = 40

// ReactionOf returns which message an m.reaction is for, and its emoji as people see it, in
// one line. Of an emoji that is a picture it returns the name, ":party:", or the English of
// [words.CustomEmoji], which is stored. It returns false if the event is no reaction, or one that nobody would see.
func ReactionOf(evt *event.Event) (target id.EventID, emoji string, ok bool) {
	relation := objectIn(evt.Content.Raw, "m.relates_to")
	target = id.EventID(stringIn(relation, "event_id"))
	key := stringIn(relation, "key")
	if target == "" || stringIn(relation, "rel_type") != string(event.RelAnnotation) {
		return "", "", false
	}
	emoji = CleanName(key, 4*MaxProfileBytes)
	if strings.HasPrefix(emoji, "mxc://") {
		emoji = shortcodeOf(stringIn(evt.Content.Raw, "shortcode", "com.beeper.reaction.shortcode"))
	}
	emoji = beginning(emoji, maxEmoji)
	return target, emoji, emoji != ""
}

// shortcodeOf writes the name of an emoji that is a picture between colons.
func shortcodeOf(name string) string {
	if name = CleanName(strings.Trim(name, ":"), MaxProfileBytes); name == "" {
		return string(words.CustomEmoji)
	}
	return ":" + name + ":"
}

// EmojiKey returns what two emoji have in common that look the same: clients write some of
// them with a variation selector behind them, and some without.
func EmojiKey(emoji string) string { return variationselector.Remove(emoji) }

// NativeEmoji returns an emoji as Wazo stores it as a reaction, and whether it can: the
// plugin for reactions refuses more than ten code points, and cannot remove one with a
// slash in it.
func NativeEmoji(emoji string) (string, bool) {
	const longest = 10 // code points
	emoji = cleanText(emoji)
	if emoji == string(words.CustomEmoji) || strings.ContainsRune(emoji, '/') || !readable(emoji) {
		return "", false
	}
	return emoji, utf8.RuneCountInString(emoji) <= longest
}

// MatrixEmoji returns how a reaction of Wazo is shown on Matrix, "" if nothing of it can be
// seen. Two that look the same are shown by the same text: one emoji with the variation
// selectors of fully qualified emoji, as clients send them.
func MatrixEmoji(emoji string) string {
	emoji = strings.ReplaceAll(CleanName(emoji, 4*MaxProfileBytes), "\uFE0E", "")
	return beginning(variationselector.FullyQualify(emoji), maxEmoji)
}

// Reaction is somebody's reaction to a message.
type Reaction struct {
	Emoji string // as from ReactionOf
	By    string // the name of the person; "" if that is the author of the line
}

// Reactions are reactions to one message, or those that were removed from it.
type Reactions []Reaction

// Line returns the line that shows reactions where they don't exist: `👍 Ann, Bea · ❤️ Cem to
// "beginning of the message"`. about is that beginning, as from [Preview], or "" if it is not
// known. Line returns "" if there are no reactions.
func (r Reactions) Line(about string, opts WazoOptions) string {
	return r.line(about, opts, opts.Texts.ReactedTo)
}

// RemovedLine returns the line that says which reactions were removed, in the form of Line.
func (r Reactions) RemovedLine(about string, opts WazoOptions) string {
	return r.line(about, opts, opts.Texts.ReactionsRemoved)
}

// Reply is Line for a line that is shown as a reply to the message: `👍 Ann, Bea · ❤️ Cem`.
func (r Reactions) Reply(opts WazoOptions) string {
	return r.line("", opts, func(reactions, _ string) string { return reactions })
}

// RemovedReply is RemovedLine for a line that is shown as a reply to the message.
func (r Reactions) RemovedReply(opts WazoOptions) string {
	return r.line("", opts, func(reactions, _ string) string { return opts.Texts.ReactionsRemovedHere(reactions) })
}

func (r Reactions) line(about string, opts WazoOptions, say func(reactions, beginning string) string) string {
	text := r.Who(opts.Texts)
	if text == "" {
		return ""
	}
	return opts.phraser().literal("", say(text, beginning(about, maxQuote)))
}

// Who says in plain text who reacted, and how: "👍 Ann, Bea · ❤️ Cem". It returns "" if there
// are no reactions.
func (r Reactions) Who(texts words.Texts) string {
	const most = 10 // kinds of emoji
	groups := r.groups(texts)
	named := false
	shown := make([]string, 0, min(len(groups), most))
	for _, group := range groups[:min(len(groups), most)] {
		shown = append(shown, group.show(texts))
		named = named || len(group.by) > 0
	}
	separator := " "
	if named {
		separator = " · "
	}
	text := strings.Join(shown, separator)
	if rest := len(groups) - most; rest > 0 {
		text += " " + texts.AndMore(rest)
	}
	return text
}

// emojiGroup is an emoji with those who reacted with it.
type emojiGroup struct {
	emoji string
	by    []string
}

// groups puts the people together who reacted with the same emoji. Whoever did so twice is
// there once.
func (r Reactions) groups(texts words.Texts) (groups []emojiGroup) {
	for _, reaction := range r {
		emoji := beginning(CleanName(reaction.Emoji, 4*MaxProfileBytes), maxEmoji)
		if emoji == "" {
			continue
		}
		if emoji == string(words.CustomEmoji) {
			emoji = texts.Say(words.CustomEmoji)
		}
		i := slices.IndexFunc(groups, func(g emojiGroup) bool { return EmojiKey(g.emoji) == EmojiKey(emoji) })
		if i < 0 {
			i = len(groups)
			groups = append(groups, emojiGroup{emoji: emoji})
		}
		if by := CleanName(reaction.By, MaxProfileBytes); by != "" && !slices.Contains(groups[i].by, by) {
			groups[i].by = append(groups[i].by, by)
		}
	}
	return groups
}

// show writes an emoji before the names: "👍 Ann, Bea".
func (g emojiGroup) show(texts words.Texts) string {
	const most = 10
	if len(g.by) == 0 {
		return g.emoji
	}
	text := g.emoji + " " + strings.Join(g.by[:min(len(g.by), most)], ", ")
	if rest := len(g.by) - most; rest > 0 {
		text += " " + texts.AndMore(rest)
	}
	return text
}
