package harness

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// File is an attachment.
type File struct {
	Name     string
	MimeType string
	MsgType  event.MessageType // m.image, m.file, …
	Data     []byte
}

// SendFile uploads a file and sends it, both encrypted if the room is.
func (c *Client) SendFile(ctx context.Context, room id.RoomID, file File) (id.EventID, error) {
	if err := c.prepare(ctx, room); err != nil {
		return "", err
	}
	content := &event.MessageEventContent{
		MsgType: file.MsgType, Body: file.Name, FileName: file.Name,
		Info: &event.FileInfo{MimeType: file.MimeType, Size: len(file.Data)},
	}
	encrypted, err := c.isEncrypted(ctx, room)
	if err != nil {
		return "", err
	} else if encrypted {
		content.File, err = c.engine.uploadEncrypted(ctx, file.Data)
	} else {
		content.URL, err = c.upload(ctx, file)
	}
	if err != nil {
		return "", fmt.Errorf("%s failed to upload %s: %w", c.UserID(), file.Name, err)
	}
	return c.SendContent(ctx, room, event.EventMessage, content)
}

func (c *Client) upload(ctx context.Context, file File) (id.ContentURIString, error) {
	uploaded, err := c.mx.UploadBytesWithName(ctx, file.Data, file.MimeType, file.Name)
	if err != nil {
		return "", err
	}
	return uploaded.ContentURI.CUString(), nil
}

// ReadFile downloads the attachment of a message, and decrypts it if it is
// encrypted.
func (c *Client) ReadFile(ctx context.Context, message *event.MessageEventContent) ([]byte, error) {
	if message.File != nil {
		return c.engine.downloadDecrypted(ctx, message.File)
	}
	source, err := message.URL.Parse()
	if err != nil {
		return nil, err
	}
	return c.mx.DownloadBytes(ctx, source)
}
