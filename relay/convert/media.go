package convert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay/words"
)

// media returns the line that stands for a file, with its caption below it:
// "📷 picture: cat.jpg (1.2 MB)". Files themselves can't be posted on Wazo
// (docs/wazo.md, "Properties that shape the relay"), but the name can be a link
// to where the file is served.
func (w wazoWriter) media(c original, kind words.Phrase) wazoText {
	line := w.opts.Texts.Say(kind)
	name := CleanName(c.GetFileName(), MaxProfileBytes)
	if kind == words.AnnouncedVoice && saysVoiceMessage(name) {
		name = "" // some clients name all of them "Voice message.ogg"
	}
	switch {
	case w.opts.FileURL != "":
		line = w.phraser.link(w.opts.Texts.Labelled(kind), cmp.Or(name, w.opts.Texts.Say(words.UnnamedFile)), w.opts.FileURL)
	case name != "":
		line = w.phraser.literal(w.opts.Texts.Labelled(kind), name)
	}
	if details := w.fileDetails(c.Info, c.MSC1767Audio); details != "" {
		line += " (" + details + ")"
	}
	if c.GetCaption() == "" {
		return wazoText{markdown: line}
	}
	caption, ok := w.text(c)
	if !ok {
		return wazoText{markdown: line}
	}
	if caption.block {
		line += "\n"
	}
	return wazoText{markdown: line + "\n" + caption.markdown}
}

// saysVoiceMessage reports whether the name of a file says no more than that it is a voice message. Clients name it in
// the language of their user.
func saysVoiceMessage(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(words.Texts{}.InEach(), func(t words.Texts) bool { return strings.HasPrefix(name, t.Say(words.VoiceMessage)) })
}

// isContact reports whether a file is a visiting card (RFC 6350).
func isContact(c original) bool {
	if c.Info != nil {
		switch mimeType, _, _ := strings.Cut(strings.ToLower(c.Info.MimeType), ";"); mimeType {
		case "text/vcard", "text/x-vcard", "text/directory":
			return true
		}
	}
	return strings.HasSuffix(strings.ToLower(c.GetFileName()), ".vcf")
}

// fileDetails returns how long and how large a file is according to its sender, or
// "" if the sender did not say. Some clients say only in audio how long a voice message is.
func (w wazoWriter) fileDetails(info *event.FileInfo, audio *event.MSC1767Audio) string {
	if info == nil {
		info = &event.FileInfo{}
	}
	var details []string
	if info.Duration <= 0 && audio != nil && audio.Duration > 0 {
		details = append(details, w.readableDuration(audio.Duration))
	} else if info.Duration > 0 {
		details = append(details, w.readableDuration(info.Duration))
	}
	if info.Size > 0 {
		details = append(details, w.opts.Texts.Bytes(info.Size))
	}
	return strings.Join(details, ", ")
}

// readableDuration writes milliseconds as 1:05 or 1:00:05.
func (w wazoWriter) readableDuration(milliseconds int) string {
	const day = 24 * time.Hour
	if milliseconds > int(day.Milliseconds()) {
		return w.opts.Texts.Say(words.LongerThanADay)
	}
	seconds := (milliseconds + 999) / 1000
	if hours := seconds / 3600; hours > 0 {
		return fmt.Sprintf("%d:%02d:%02d", hours, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
