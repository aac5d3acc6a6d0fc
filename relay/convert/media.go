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
	switch {
	case w.opts.FileURL != "":
		line = w.phraser.link(line+": ", cmp.Or(name, FileName("")), w.opts.FileURL)
	case name != "":
		line = w.phraser.literal(line+": ", name)
	}
	if details := fileDetails(c.Info); details != "" {
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

// fileDetails returns how long and how large a file is according to its sender, or
// "" if the sender did not say.
func fileDetails(info *event.FileInfo) string {
	if info == nil {
		return ""
	}
	var details []string
	if info.Duration > 0 {
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
