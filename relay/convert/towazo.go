package convert

import (
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// WazoOptions tells [ToWazo] what the content of an event does not say.
type WazoOptions struct {
	// Texts say what stands for a file, a place and the like.
	Texts words.Texts
	// SenderName is the sender's name, for emotes: "* Alice waves".
	SenderName string
	// Names returns the display name of a user who is mentioned, or "" if the name
	// is not known. Names may be nil.
	Names func(id.UserID) string
	// Rooms returns the name of a room whose id or alias is given, or "" if the name is
	// not known. Rooms may be nil.
	Rooms func(string) string
	// Sticker says that the event is an m.sticker, which has no msgtype.
	Sticker bool
	// FileURL is the address at which people on Wazo find the file of the message,
	// or "" if it is not served to them.
	FileURL string
	// Plain says that people on Wazo read the text without any renderer for Markdown.
	Plain bool
	// RepliesTo is the message to which this one replies, if that has to be shown as text.
	RepliesTo *Quote
	// Before is what an edited message said before, in the form of the original or of an
	// earlier edit. Without it, an edit is shown as a whole.
	Before *event.MessageEventContent
}

func (o WazoOptions) phraser() *phraser {
	if o.Plain {
		return newPlainPhraser()
	}
	return newPhraser()
}

// editMark stands before the new text of an edited message; Wazo can't change
// what was posted (docs/wazo.md, "Properties that shape the relay").
const editMark = "✏️ "

// ToWazo renders a Matrix message as Markdown for chatd, or as text without any markup if
// the options say so. It doesn't change c.
//
// Formatted text becomes Markdown; unformatted text stays as it is. A file or a
// location becomes a line that says what was sent, with the caption below. An edit
// becomes "✏️" with the new text or, where that is shorter, with what was changed. The
// quote of the message that is replied to stands below the text. A message with an unknown msgtype becomes its body.
// The copy of the message that is replied to and the fallback of the sender's own
// per-message profile are left out.
//
// ToWazo returns [ErrEmpty] if nothing readable is left, or if an edit changes nothing
// that people can read, and an error wrapping
// [ErrTooLarge] if the result is larger than [MaxContentBytes].
func ToWazo(c *event.MessageEventContent, opts WazoOptions) (string, error) {
	w := wazoWriter{phraser: opts.phraser(), opts: opts}
	current, isEdit := newestContent(c)
	text, err := w.message(withoutFallbacks(current, isEdit))
	if err != nil {
		return "", err
	}
	if isEdit && opts.Before != nil {
		text, err = w.correction(text)
	} else if isEdit {
		text = text.after(editMark)
	}
	if err != nil {
		return "", err
	}
	markdown := w.reply(text.markdown)
	if err := CheckSize(markdown); err != nil {
		return "", err
	}
	return markdown, nil
}

// newestContent returns what a message says: the new content of an edit.
func newestContent(c *event.MessageEventContent) (current *event.MessageEventContent, isEdit bool) {
	if c.NewContent != nil && c.RelatesTo.GetReplaceID() != "" {
		return c.NewContent, true
	}
	return c, false
}

// maxHTML is the size of the largest formatted body that is converted, in bytes. A
// larger one does not fit into a Matrix event.
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

// original is content without its fallbacks.
type original struct {
	*event.MessageEventContent
	profile bool // whether the content had the fallback of a profile
}

// withoutFallbacks returns a copy of c, which may be the new content of an edit, without
// the fallbacks, which are there for clients that lack a feature.
func withoutFallbacks(c *event.MessageEventContent, isEdit bool) original {
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
	// The new content of an edit has no relation that says what is replied to.
	isReply := clean.RelatesTo.GetReplyTo() != "" || clean.RelatesTo == nil && isEdit
	if isReply && quotesSender(clean.Body) {
		clean.Body = event.TrimReplyFallbackText(clean.Body)
	}
	return original{&clean, hasProfile}
}

func (w wazoWriter) message(c original) (wazoText, error) {
	switch {
	case w.opts.Sticker:
		return w.media(c, words.AnnouncedSticker), nil
	case c.MsgType == event.MsgImage:
		return w.media(c, words.AnnouncedPicture), nil
	case c.MsgType == event.MsgVideo:
		return w.media(c, words.AnnouncedVideo), nil
	case c.MsgType == event.MsgAudio && c.MSC3245Voice != nil:
		return w.media(c, words.AnnouncedVoice), nil
	case c.MsgType == event.MsgAudio:
		return w.media(c, words.AnnouncedAudio), nil
	case c.MsgType == event.MsgFile && isContact(c):
		return w.media(c, words.AnnouncedContact), nil
	case c.MsgType == event.MsgFile:
		return w.media(c, words.AnnouncedFile), nil
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

// emoter returns the name of the person who acts in an emote, followed by a blank,
// or "" if the name is not known.
func (w wazoWriter) emoter() string {
	name := CleanName(w.opts.SenderName, MaxProfileBytes)
	if name == "" {
		return ""
	}
	return w.phraser.literal("", name) + " "
}

// text returns the text of c: the formatted one if that is readable and not too
// large, else the body. It returns false if there is nothing to read.
func (w wazoWriter) text(c original) (wazoText, bool) {
	if c.Format == event.FormatHTML && len(c.FormattedBody) <= maxHTML {
		h := htmlConverter{phraser: w.phraser, texts: w.opts.Texts, names: w.opts.Names, rooms: w.opts.Rooms, dropProfile: c.profile}
		blocks, ok := h.convert(c.FormattedBody)
		markdown := joinBlocks(blocks)
		if ok && readable(markdown) && CheckSize(markdown) == nil {
			return wazoText{markdown, blocks[0].kind != paragraphBlock}, true
		}
	}
	return wazoText{markdown: w.opts.nameLinks(c.Body)}, readable(c.Body)
}
