package convert

import (
	"net/url"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Attachment is a file that a Matrix message carries.
type Attachment struct {
	URI       id.ContentURI
	Encrypted *event.EncryptedFileInfo // how to decrypt the file; nil: it is not encrypted
	Name      string                   // cleaned by [FileName]
	MimeType  string                   // the type that the sender states, may be empty
	Size      int                      // the size that the sender states, in bytes; 0: none
}

// AttachmentOf returns the file of a message, which [ToWazo] announces in a line.
// For an edit it returns the file of the new content. It returns nil if the message
// has no file, or one that can't be fetched because its address is missing or
// malformed, or because its keys can't decrypt anything. It doesn't change c.
func AttachmentOf(c *event.MessageEventContent, opts WazoOptions) *Attachment {
	c, isEdit := newestContent(c)
	switch {
	case opts.Sticker:
	case c.MsgType == event.MsgImage, c.MsgType == event.MsgVideo, c.MsgType == event.MsgAudio, c.MsgType == event.MsgFile:
	default:
		return nil
	}
	a := &Attachment{Name: FileName(withoutFallbacks(c, isEdit).GetFileName())}
	address := c.URL
	if c.File != nil {
		address = c.File.URL
		encrypted := *c.File
		// It decodes the keys as a side effect, hence the copy.
		if encrypted.PrepareForDecryption() != nil {
			return nil
		}
		a.Encrypted = c.File
	}
	var err error
	if a.URI, err = address.Parse(); err != nil || !a.URI.IsValid() || strings.Trim(a.URI.Homeserver, ".") == "" {
		return nil // also what would lead elsewhere as a part of a path
	}
	if c.Info != nil {
		a.MimeType, a.Size = c.Info.MimeType, c.Info.Size
	}
	return a
}

// maxFileName is the length of the longest file name, in bytes. Common file systems
// take 255 bytes; the rest is for what browsers add.
const maxFileName = 200

// FileName turns a name that a stranger chose into a safe name for a file. It cleans
// the name like [CleanName], replaces the characters that separate folders, and
// removes the dots that hide files. A name of more than 200 bytes is cut before its
// extension. If nothing readable is left, it returns "file".
func FileName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`/\:*?"<>|`, r):
			return '_'
		default:
			return r
		}
	}, CleanName(name, len(name)))
	if dot := strings.LastIndexByte(name, '.'); len(name) > maxFileName && dot > 0 && len(name)-dot <= 10 {
		name = TruncateBytes(name[:dot], maxFileName-(len(name)-dot)) + name[dot:]
	}
	name = strings.Trim(TruncateBytes(name, maxFileName), ". ")
	if !readable(name) {
		return "file"
	}
	return name
}

// FileURL returns the address of the file with this key and name that is served
// below base.
func FileURL(base, key, name string) string {
	return base + "/" + key + "/" + url.PathEscape(name)
}
