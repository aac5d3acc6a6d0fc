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
	Encrypted *event.EncryptedFileInfo // how to decrypt it; nil: it is not encrypted
	Name      string                   // as from [FileName]
	MimeType  string                   // what the sender says it is, may be empty
	Size      int                      // what the sender says, in bytes; 0: nothing
}

// AttachmentOf returns the file of a message that [ToWazo] announces in a line,
// nil if there is none or if it can't be fetched: no address of a file, an
// address that is none, or keys that decrypt nothing. Of an edit it is the file of
// the new content. c is not changed.
func AttachmentOf(c *event.MessageEventContent, opts WazoOptions) *Attachment {
	if c.NewContent != nil && c.RelatesTo.GetReplaceID() != "" {
		c = c.NewContent
	}
	switch {
	case opts.Sticker:
	case c.MsgType == event.MsgImage, c.MsgType == event.MsgVideo, c.MsgType == event.MsgAudio, c.MsgType == event.MsgFile:
	default:
		return nil
	}
	a := &Attachment{Name: FileName(withoutFallbacks(c).GetFileName())}
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

// maxFileName is the longest name of a file in bytes that common file systems
// take, with room for what browsers add.
const maxFileName = 200

// FileName makes a name that a stranger chose fit to be the name of a file: as
// [CleanName], without what separates or hides folders, and with its extension
// if it is too long. It is never empty.
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

// FileURL is the address of a file that is served below base.
func FileURL(base, key, name string) string {
	return base + "/" + key + "/" + url.PathEscape(name)
}
