package convert

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
)

// media returns the line that stands for a file, with its caption below it:
// "📷 picture: cat.jpg (1.2 MB)". Files themselves can't be posted on Wazo
// (docs/wazo.md, "Properties that shape the relay"), but the name can be a link
// to where the file is served.
func (w wazoWriter) media(c original, emoji, kind string) wazoText {
	line := emoji + " " + kind
	name := CleanName(c.GetFileName(), MaxProfileBytes)
	if c.MSC3245Voice != nil && strings.HasPrefix(strings.ToLower(name), kind) {
		name = "" // some clients name all of them "Voice message.ogg"
	}
	switch {
	case w.opts.FileURL != "":
		line = w.phraser.link(line+": ", cmp.Or(name, FileName("")), w.opts.FileURL)
	case name != "":
		line = w.phraser.literal(line+": ", name)
	}
	if details := fileDetails(c.Info, c.MSC1767Audio); details != "" {
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
func fileDetails(info *event.FileInfo, audio *event.MSC1767Audio) string {
	if info == nil {
		info = &event.FileInfo{}
	}
	var details []string
	if info.Duration <= 0 && audio != nil && audio.Duration > 0 {
		details = append(details, readableDuration(audio.Duration))
	} else if info.Duration > 0 {
		details = append(details, readableDuration(info.Duration))
	}
	if info.Size > 0 {
		details = append(details, readableSize(info.Size))
	}
	return strings.Join(details, ", ")
}

// readableDuration writes milliseconds as 1:05 or 1:00:05.
func readableDuration(milliseconds int) string {
	const day = 24 * time.Hour
	if milliseconds > int(day.Milliseconds()) {
		return "more than a day"
	}
	seconds := (milliseconds + 999) / 1000
	if hours := seconds / 3600; hours > 0 {
		return fmt.Sprintf("%d:%02d:%02d", hours, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// readableSize writes a number of bytes with a decimal unit, as 1.2 MB.
func readableSize(bytes int) string {
	if bytes == 1 {
		return "1 byte"
	}
	if bytes < 1000 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	const units = "kMGTPE"
	size, unit := float64(bytes)/1000, 0
	// 999.95 would be rounded to 1000.0.
	for size >= 999.95 && unit < len(units)-1 {
		size /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", size, units[unit])
}
