package convert

import (
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// WazoOptions is what [ToWazo] knows beside the content.
type WazoOptions struct {
	// SenderName is the sender's name, for emotes: "* Alice waves".
	SenderName string
	// Names returns the display name of a user for a mention, or "" if it knows
	// none. It may be nil.
	Names func(id.UserID) string
	// Sticker says that the event is an m.sticker, which has no msgtype.
	Sticker bool
	// FileURL is where people on Wazo find the file that the message carries, ""
	// if they don't.
	FileURL string
}

// editMark stands before the new text of an edited message; Wazo can't change
// what was posted (docs/wazo.md, "Properties that shape the relay").
const editMark = "✏️ "

// ToWazo renders a Matrix message as Markdown for chatd; c is not changed.
//
// Formatted text becomes Markdown, unformatted text stays as it is. Media and
// locations become a line that says what was sent, with the caption below. An
// edit gives the new text after "✏️". Of an unknown msgtype the body is
// taken. The copy of the message replied to and the sender's own per-message
// profile are left out.
//
// It returns [ErrEmpty] if nothing readable is left, and an error wrapping
// [ErrTooLarge] if the result is larger than [MaxContentBytes]; both for
// errors.Is.
func ToWazo(c *event.MessageEventContent, opts WazoOptions) (string, error) {
	w := wazoWriter{phraser: newPhraser(), opts: opts}
	prefix := ""
	if c.NewContent != nil && c.RelatesTo.GetReplaceID() != "" {
		c, prefix = c.NewContent, editMark
	}
	text, err := w.message(withoutFallbacks(c))
	if err != nil {
		return "", err
	}
	markdown := text.after(prefix).markdown
	if err := CheckSize(markdown); err != nil {
		return "", err
	}
	return markdown, nil
}

// maxHTML is the largest formatted body that is looked at, in bytes: more does not
// fit into a Matrix event.
const maxHTML = 64 << 10

type wazoWriter struct {
	phraser *phraser
	opts    WazoOptions
}

// wazoText is Markdown, and whether it begins with a block that must stand at
// the start of a line.
type wazoText struct {
	markdown string
	block    bool
}

// after puts prefix, which ends in a blank, before the text, or on a line above
// it.
func (t wazoText) after(prefix string) wazoText {
	if prefix != "" && t.block {
		return wazoText{markdown: strings.TrimRight(prefix, " ") + "\n\n" + t.markdown}
	}
	return wazoText{markdown: prefix + t.markdown, block: t.block && prefix == ""}
}

// original is content without its fallbacks, and whether it had one for a
// profile.
type original struct {
	*event.MessageEventContent
	profile bool
}

// withoutFallbacks returns a copy of c without what is in it only for clients
// that know less.
func withoutFallbacks(c *event.MessageEventContent) original {
	clean := *c
	clean.NewContent = nil
	clean.Body = cleanText(clean.Body)
	clean.FormattedBody = cleanText(clean.FormattedBody)
	hasProfile := c.BeeperPerMessageProfile != nil && c.BeeperPerMessageProfile.HasFallback
	if hasProfile {
		profile := *c.BeeperPerMessageProfile
		clean.BeeperPerMessageProfile = &profile
		clean.RemovePerMessageProfileFallback()
	}
	clean.RemoveReplyFallback()
	if clean.Format != event.FormatHTML && clean.RelatesTo.GetReplyTo() != "" && strings.HasPrefix(clean.Body, "> <@") {
		clean.Body = event.TrimReplyFallbackText(clean.Body)
	}
	return original{&clean, hasProfile}
}

func (w wazoWriter) message(c original) (wazoText, error) {
	switch {
	case w.opts.Sticker:
		return w.media(c, "🏷️", "sticker"), nil
	case c.MsgType == event.MsgImage:
		return w.media(c, "📷", "picture"), nil
	case c.MsgType == event.MsgVideo:
		return w.media(c, "🎬", "video"), nil
	case c.MsgType == event.MsgAudio && c.MSC3245Voice != nil:
		return w.media(c, "🎤", "voice message"), nil
	case c.MsgType == event.MsgAudio:
		return w.media(c, "🎵", "audio"), nil
	case c.MsgType == event.MsgFile:
		return w.media(c, "📎", "file"), nil
	case c.MsgType == event.MsgLocation:
		return w.location(c), nil
	}
	text, ok := w.text(c)
	if !ok {
		return wazoText{}, ErrEmpty
	}
	if c.MsgType == event.MsgEmote {
		return text.after("* " + w.emoter()), nil
	}
	return text, nil
}

// emoter is who does what an emote says, with a blank, or "".
func (w wazoWriter) emoter() string {
	name := CleanName(w.opts.SenderName, MaxProfileBytes)
	if name == "" {
		return ""
	}
	return w.phraser.literal("", name) + " "
}

// text returns the text of c, formatted if that gives anything readable of
// acceptable size, and false if there is none.
func (w wazoWriter) text(c original) (wazoText, bool) {
	if c.Format == event.FormatHTML && len(c.FormattedBody) <= maxHTML {
		h := htmlConverter{phraser: w.phraser, names: w.opts.Names, dropProfile: c.profile}
		blocks, ok := h.convert(c.FormattedBody)
		markdown := joinBlocks(blocks)
		if ok && readable(markdown) && CheckSize(markdown) == nil {
			return wazoText{markdown, blocks[0].kind != paragraphBlock}, true
		}
	}
	return wazoText{markdown: c.Body}, readable(c.Body)
}
