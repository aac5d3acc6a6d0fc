package convert

import (
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// textKeys are the fields that may hold the text of extensible content (MSC1767).
var textKeys = []string{"m.text", "m.message", "org.matrix.msc1767.text", "org.matrix.msc1767.message", "body"}

// extensibleText returns the plain text of extensible content (MSC1767), in one line.
func extensibleText(value any) string {
	content, ok := value.(map[string]any)
	if !ok {
		return ""
	}
	for _, key := range textKeys {
		if text := oneLineText(representation(content[key], "text/plain")); text != "" {
			return text
		}
	}
	return ""
}

// extensibleContent returns extensible content as a message, or nil if it has no text. A
// representation as HTML is used, too.
func extensibleContent(content map[string]any) *event.MessageEventContent {
	html := stringIn(content, "org.matrix.msc1767.html", "m.html")
	for _, key := range textKeys {
		if html == "" {
			html = representation(content[key], "text/html")
		}
		body := representation(content[key], "text/plain")
		if !readable(cleanText(body)) && html == "" {
			continue
		}
		c := plainText(body)
		if html != "" {
			c.Format, c.FormattedBody = event.FormatHTML, html
		}
		if _, err := ToWazo(c, WazoOptions{}); err != nil {
			continue
		}
		return c
	}
	return nil
}

// representation returns the first of several representations that has a MIME type. A
// string, and a representation without type, is plain text.
func representation(value any, mimeType string) string {
	switch value := value.(type) {
	case string:
		if mimeType == "text/plain" {
			return value
		}
	case []any:
		for _, item := range value {
			part, _ := item.(map[string]any)
			stated := stringIn(part, "mimetype")
			if stated == "" {
				stated = "text/plain"
			}
			if body := stringIn(part, "body"); body != "" && strings.HasPrefix(stated, mimeType) {
				return body
			}
		}
	}
	return ""
}

func oneLineText(text string) string {
	return strings.Join(strings.Fields(cleanText(text)), " ")
}

// extensibleMessage describes an event whose type says what the type of a message said
// before: a file, or what somebody does.
func extensibleMessage(s subject) Description {
	if s.isGone() {
		return Description{}
	}
	content := s.content()
	c := extensibleContent(content)
	if c == nil {
		c = plainText(stringIn(content, "body"))
	}
	switch c.MsgType = event.MessageType(s.evt.Type.Type); c.MsgType {
	case event.MsgEmote:
		if !readable(cleanText(c.Body)) && c.FormattedBody == "" {
			return s.wordless(s.evt.Type.Type)
		}
		return Description{Kind: KindSaid, Content: c}
	case "m.voice":
		c.MsgType, c.MSC3245Voice = event.MsgAudio, &event.MSC3245Voice{}
	}
	file := objectIn(content, "m.file", "org.matrix.msc1767.file")
	c.URL = id.ContentURIString(stringIn(file, "url"))
	c.FileName = stringIn(file, "name")
	c.Info = &event.FileInfo{MimeType: stringIn(file, "mimetype"), Size: wholeNumber(numberIn(file, "size"))}
	for _, details := range []string{"m.audio_details", "m.video_details", "org.matrix.msc1767.audio"} {
		if duration := numberIn(objectIn(content, details), "duration"); duration > 0 {
			c.Info.Duration = wholeNumber(duration)
		}
	}
	caption := objectIn(content, "m.caption", "org.matrix.msc1767.caption")
	c.Body, c.Format, c.FormattedBody = extensibleText(caption), "", ""
	if c.Body == "" {
		c.Body = c.FileName
	}
	return Description{Kind: KindSaid, Content: c}
}

// wholeNumber turns a number that a stranger chose into one that can be counted with.
func wholeNumber(number float64) int {
	const largest = 1 << 50
	return int(max(0, min(number, largest)))
}

// galleryItems returns how many files are in a gallery (MSC4274), or 0 if a message is none.
func galleryItems(content map[string]any) int {
	return len(listIn(content, "itemtypes", "com.beeper.gallery.images"))
}

// gallery announces a gallery with its caption.
func (s subject) gallery(caption string, count int) string {
	text := s.texts.Gallery(count)
	if readable(cleanText(caption)) {
		text += "\n" + caption
	}
	return text
}
